"""Heights between posts (docs/interpolation.md), in exact fractions and from the definitions.

Where the library multiplies posts by weights, this builds each surface in another way: it solves
for the terms of the polynomial, or goes from line to line, or through triangles.
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import product

Post = Fraction | None  # None is a void
Near = Callable[[int, int], Fraction]  # post at a row and column counted from the NW corner

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
REACH = {
    "biquadratic-8": 1, "biquadratic-9": 1, "jancaitis": 1, "piecewise-cubic": 1,
    "piecewise-cubic-slope": 2, "bicubic-12": 1, "bicubic-16": 1, "bicubic-akima": 3,
    "biquintic-36": 2,
}  # fmt: skip


def lagrange(xs: Sequence[Fraction | int], ys: Sequence[Fraction], x: Fraction | int) -> Fraction:
    """The polynomial through points."""
    total = Fraction(0)
    for i, y in enumerate(ys):
        part = y
        for j, other in enumerate(xs):
            if j != i:
                part *= Fraction(x - other) / (xs[i] - other)
        total += part
    return total


def post(heights: list[list[Post]], row: int, col: int) -> Post:
    """A post of the raster, or of the parabolas that continue its rows and columns."""
    for size, at, turned in ((len(heights), row, False), (len(heights[0]), col, True)):
        if not 0 <= at < size:
            last = [k if at < 0 else size - 1 - k for k in range(min(size, 3))]
            found = [post(heights, row, k) if turned else post(heights, k, col) for k in last]
            known = [value for value in found if value is not None]
            return lagrange(last, known, at) if len(known) == len(last) else None
    return heights[row][col]


def corners_only(method: str, z: list[Post], u: Fraction, v: Fraction) -> Post:
    """Heights of the methods that use the corners alone, NW, NE, SW, SE."""
    a, b, c, d = Fraction(0), Fraction(0), Fraction(0), Fraction(0)
    one = Fraction(1)
    if method == "level-nearest":
        south, east = u > Fraction(1, 2), v > Fraction(1, 2)
        return z[2 * south + east]
    if method == "level-mean":
        used = {2 * i + j for i in ((0, 1) if u else (0,)) for j in ((0, 1) if v else (0,))}
        weights = [Fraction(int(k in used), len(used)) for k in range(4)]
    elif method == "bilinear":
        weights = [(1 - u) * (1 - v), (1 - u) * v, u * (1 - v), u * v]
    elif method == "linear-nw-se":
        a, d = one - max(u, v), min(u, v)
        weights = [a, max(v - u, a * 0), max(u - v, a * 0), d]
    elif method == "linear-ne-sw":
        b, c = min(v, 1 - u), min(u, 1 - v)
        weights = [max(1 - u - v, b * 0), b, c, max(u + v - 1, b * 0)]
    else:  # the triangle of two neighbouring corners and the centre
        north, west = u <= v and u <= 1 - v, v <= u and v <= 1 - u
        south = u >= v and u >= 1 - v
        depth = u if north else v if west else 1 - u if south else 1 - v
        along = v if north or south else u
        first, second = (0, 1) if north else (0, 2) if west else (2, 3) if south else (1, 3)
        weights = [depth / 2] * 4  # the centre has 2 depth, the mean of four
        weights[first] += 1 - along - depth
        weights[second] += along - depth
        if not depth:
            weights = [w if k in (first, second) else a for k, w in enumerate(weights)]
    total = Fraction(0)
    for weight, value in zip(weights, z, strict=True):
        if weight:
            if value is None:
                return None
            total += weight * value
    return total


def around(method: str, heights: list[list[Post]], row: int, col: int, u: Fraction, v: Fraction):
    """The posts around a cell with its voids replaced; None if it has none of its own."""
    reach = REACH[method]
    found = {
        (i, j): post(heights, row + i, col + j)
        for i, j in product(range(-reach, reach + 2), repeat=2)
    }
    if not u and None in (found[1, 0], found[1, 1]):
        found[1, 0], found[1, 1] = found[0, 0], found[0, 1]
    if not v and None in (found[0, 1], found[1, 1]):
        found[0, 1], found[1, 1] = found[0, 0], found[1, 0]
    a, b, c, d = (found[corner] for corner in CORNERS)
    if a is None or b is None or c is None or d is None:
        return None
    whole = {
        (i, j): a * (1 - i) * (1 - j) + b * (1 - i) * j + c * i * (1 - j) + d * i * j
        if value is None
        else value
        for (i, j), value in found.items()
    }
    return lambda i, j: whole[i, j]


def middle(a: Fraction, b: Fraction, c: Fraction, d: Fraction) -> Fraction:
    return (-a + 9 * b + 9 * c - d) / 16


def biquadratic(z: Near, u: Fraction, v: Fraction, *, centre: bool) -> Fraction:
    """By the shape functions of the elements with 8 and 9 nodes."""
    rows = [middle(*(z(k, j) for k in range(-1, 3))) for j in range(-1, 3)]  # between rows 0 and 1
    cols = {i: middle(*(z(i, k) for k in range(-1, 3))) for i in range(2)}
    nodes = {(2 * i, 2 * j): z(i, j) for i, j in CORNERS}
    nodes |= {(1, 0): rows[1], (1, 2): rows[2], (0, 1): cols[0], (2, 1): cols[1]}
    if centre:
        nodes[1, 1] = middle(*rows)
        lines = [lagrange((0, 1, 2), [nodes[i, j] for j in range(3)], 2 * v) for i in range(3)]
        return lagrange((0, 1, 2), lines, 2 * u)
    x, y = 2 * v - 1, 2 * u - 1
    total = Fraction(0)
    for (i, j), value in nodes.items():
        p, q = j - 1, i - 1
        if p and q:
            shape = (1 + p * x) * (1 + q * y) * (p * x + q * y - 1) / 4
        else:
            shape = (1 - y * y) * (1 + p * x) / 2 if p else (1 - x * x) * (1 + q * y) / 2
        total += shape * value
    return total


def jancaitis(z: Near, u: Fraction, v: Fraction) -> Fraction:
    total = Fraction(0)
    for i, j in CORNERS:
        x, y = (v if j else 1 - v), (u if i else 1 - u)
        rows, cols = range(i - 1, i + 2), range(j - 1, j + 2)
        lines = [lagrange(cols, [z(r, c) for c in cols], v) for r in rows]
        total += x**2 * y**2 * (9 - 6 * x - 6 * y + 4 * x * y) * lagrange(rows, lines, u)
    return total


def five_points(z: Sequence[Fraction]) -> Fraction:
    return (z[0] - 8 * z[1] + 8 * z[3] - z[4]) / 12


def cubic_by_slopes(z: Sequence[Fraction], t: Fraction) -> Fraction:
    """The cubic through the posts at 2 and 3 of six, with slopes there."""
    h, k, s, e = z[2], z[3], five_points(z[:5]), five_points(z[1:])
    return h + s * t + (3 * (k - h) - 2 * s - e) * t**2 + (2 * (h - k) + s + e) * t**3


@cache
def inverse(terms: tuple[tuple[int, int], ...], orders: tuple[tuple[int, int], ...]):
    """Matrix from derivatives of the given orders at the corners to the factors of u^i v^j."""

    def factor(power: int, order: int, at: int) -> int:
        return math.perm(power, order) * (at ** (power - order)) if power >= order else 0

    size = len(terms)
    rows = [
        [Fraction(factor(i, p, r) * factor(j, q, c)) for i, j in terms]
        + [Fraction(int(k == n)) for n in range(size)]
        for k, ((r, c), (p, q)) in enumerate(product(CORNERS, orders))
    ]
    for k in range(size):
        pivot = next(n for n in range(k, size) if rows[n][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for n in range(size):
            if n != k and rows[n][k]:
                rows[n] = [a - rows[n][k] * b for a, b in zip(rows[n], rows[k], strict=True)]
    return [row[size:] for row in rows]


def solved(terms, orders, derivative, u: Fraction, v: Fraction) -> Fraction:
    """The surface of these terms with given derivatives (corner, orders) at the corners."""
    known = [derivative(corner, order) for corner, order in product(CORNERS, orders)]
    return sum(
        (
            u**i * v**j * sum(a * b for a, b in zip(row, known, strict=True) if a)
            for (i, j), row in zip(terms, inverse(terms, orders), strict=True)
        ),
        Fraction(0),
    )


def differences(z: Near, formulas: Sequence[dict[int, Fraction]]):
    """Derivatives at a corner by these formulas, along both axes."""

    def derivative(corner: tuple[int, int], order: tuple[int, int]) -> Fraction:
        down, across = formulas[order[0]], formulas[order[1]]
        return sum(
            (p * q * z(corner[0] + i, corner[1] + j)
             for i, p in down.items() for j, q in across.items()),
            Fraction(0),
        )  # fmt: skip

    return derivative


HALF, TWELFTH = Fraction(1, 2), Fraction(1, 12)
THREE = ({0: Fraction(1)}, {-1: -HALF, 1: HALF}, {-1: Fraction(1), 0: Fraction(-2), 1: Fraction(1)})
FIVE = (
    {0: Fraction(1)},
    {-2: TWELFTH, -1: -8 * TWELFTH, 1: 8 * TWELFTH, 2: -TWELFTH},
    {-2: -TWELFTH, -1: 16 * TWELFTH, 0: -30 * TWELFTH, 1: 16 * TWELFTH, 2: -TWELFTH},
)
UP_TO_1, UP_TO_2 = tuple(product(range(2), repeat=2)), tuple(product(range(3), repeat=2))
CUBIC, QUINTIC = tuple(product(range(4), repeat=2)), tuple(product(range(6), repeat=2))
TWELVE = tuple((i, j) for i, j in CUBIC if i + j <= 3 or (i, j) in {(1, 3), (3, 1)})


def mean_of_estimates(estimates: list[tuple[Fraction, Fraction, Fraction, int]]) -> Fraction:
    """Weighted mean of estimates: value, volatility, squared heights, squared distances."""
    sure = [value for value, rough, size, _ in estimates if rough <= size * Fraction(1e-12)]
    if sure:
        return sum(sure, Fraction(0)) / len(sure)
    weights = [1 / (rough * distance) for _, rough, _, distance in estimates]
    values = [estimate[0] for estimate in estimates]
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


def line_of(xs: Sequence[int], zs: Sequence[Fraction]) -> tuple[Fraction, Fraction]:
    """Height at 0 and gradient of the line of least squares."""
    x, z = Fraction(sum(xs), len(xs)), sum(zs, Fraction(0)) / len(zs)
    across = sum((a - x) * (b - z) for a, b in zip(xs, zs, strict=True))
    gradient = across / sum((a - x) ** 2 for a in xs)
    return z - gradient * x, gradient


@cache
def slope_of_cubic(xs: tuple[int, ...]) -> dict[int, Fraction]:
    """Weights of posts at these places for the slope at 0 of the cubic through them."""
    weights = {}
    for x in xs:
        ones = [Fraction(int(a == x)) for a in xs]
        # A cubic's slope: five-point differences of it are exact.
        weights[x] = five_points([lagrange(xs, ones, k) for k in range(-2, 3)])
    return weights


SETS = [tuple(range(k - 3, k + 1)) for k in range(4)]  # four posts in a row, the post among them


def akima(z: Near):
    """Derivatives at a corner by Akima's weighted means (1996)."""

    def derivative(corner: tuple[int, int], order: tuple[int, int]) -> Fraction:
        def at(i: int, j: int) -> Fraction:
            return z(corner[0] + i, corner[1] + j)

        lines = {
            (axis, xs): line_of(xs, [at(x, 0) if axis == 0 else at(0, x) for x in xs])
            for axis in range(2) for xs in SETS
        }  # fmt: skip
        estimates = []
        if order == (0, 0):
            return at(0, 0)
        down_sets, across_sets = (SETS if n else SETS[:1] for n in order)
        for ys, xs in product(down_sets, across_sets):
            (h, down), (k, across) = lines[0, ys], lines[1, xs]
            base = (h + k) / 2
            if order == (1, 0):
                weights = {(y, 0): w for y, w in slope_of_cubic(ys).items()}
                base, across, twist, distance = h, Fraction(0), Fraction(0), sum(y * y for y in ys)
            elif order == (0, 1):
                weights = {(0, x): w for x, w in slope_of_cubic(xs).items()}
                base, down, twist, distance = k, Fraction(0), Fraction(0), sum(x * x for x in xs)
            else:
                first, second = slope_of_cubic(ys), slope_of_cubic(xs)
                weights = {(y, x): p * q for y, p in first.items() for x, q in second.items()}
                distance = sum(y * y for y in ys) * sum(x * x for x in xs)
                rest = sum(y * x * (at(y, x) - base - down * y - across * x) for y, x in weights)
                twist = rest / distance
            value = sum((w * at(*place) for place, w in weights.items()), Fraction(0))
            rough = sum(
                (at(y, x) - base - down * y - across * x - twist * y * x) ** 2 for y, x in weights
            )
            size = sum((at(*place) ** 2 for place in weights), Fraction(0))
            estimates.append((value, rough, size, distance))
        return mean_of_estimates(estimates)

    return derivative


def height(heights: list[list[Post]], row: float, col: float, method: str) -> Post:
    """Height at a place inside the raster; None is a void or unknown."""
    north, west = math.floor(row), math.floor(col)
    u, v = Fraction(row) - north, Fraction(col) - west
    if method == "level-nearest":
        north, u = (0, Fraction(0)) if north < 0 else (north, u)
        west, v = (0, Fraction(0)) if west < 0 else (west, v)
    if method not in REACH:
        cell = [post(heights, north + i, west + j) for i, j in CORNERS]
        return corners_only(method, cell, u, v)
    if not u and not v:
        return post(heights, north, west)
    z = around(method, heights, north, west, u, v)
    return None if z is None else surface(method, z, u, v)


def surface(method: str, z: Near, u: Fraction, v: Fraction) -> Fraction:
    """Height in a cell by a method that uses posts around it."""
    ways: dict[str, Callable[[], Fraction]] = {
        "biquadratic-8": lambda: biquadratic(z, u, v, centre=False),
        "biquadratic-9": lambda: biquadratic(z, u, v, centre=True),
        "jancaitis": lambda: jancaitis(z, u, v),
        "piecewise-cubic": lambda: twice(z, range(-1, 3), cubic_through, u, v),
        "piecewise-cubic-slope": lambda: twice(z, range(-2, 4), cubic_by_slopes, u, v),
        "bicubic-12": lambda: solved(TWELVE, UP_TO_1[:3], differences(z, THREE), u, v),
        "bicubic-16": lambda: solved(CUBIC, UP_TO_1, differences(z, THREE), u, v),
        "bicubic-akima": lambda: solved(CUBIC, UP_TO_1, akima(z), u, v),
        "biquintic-36": lambda: solved(QUINTIC, UP_TO_2, differences(z, FIVE), u, v),
    }
    return ways[method]()


def twice(
    z: Near, posts: range, curve: Callable[[list[Fraction], Fraction], Fraction],
    u: Fraction, v: Fraction,
) -> Fraction:  # fmt: skip
    """Curves along the rows, then one across them."""
    return curve([curve([z(i, j) for j in posts], v) for i in posts], u)


def cubic_through(z: Sequence[Fraction], t: Fraction) -> Fraction:
    return lagrange(range(-1, 3), z, t)
