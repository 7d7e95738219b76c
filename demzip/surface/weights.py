"""Weights of the posts on a grid line: polynomials of the place t between two of them.

A table has a row for each post, from the farthest before the cell to the farthest behind it, with
the coefficients of 1, t, ..., t^5 (docs/interpolation.md). A method with a table is the product of
its rows for both axes; the crossed ones leave out the products of two higher terms.
"""

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]

DEGREE = 5
T = Polynomial([0.0, 1.0])
STEP = T**2 * (3 - 2 * T)  # from 0 to 1, level at both ends
# Height and slope at 0, height and slope at 1; and with curvatures.
CUBIC = (1 - STEP, T * (1 - T) ** 2, STEP, T**2 * (T - 1))
QUINTIC = (
    (1 - T) ** 3 * (1 + 3 * T + 6 * T**2), T * (1 - T) ** 3 * (1 + 3 * T), T**2 * (1 - T) ** 3 / 2,
    T**3 * (10 - 15 * T + 6 * T**2), T**3 * (1 - T) * (3 * T - 4), T**3 * (1 - T) ** 2 / 2,
)  # fmt: skip
# What to take of the posts at -2..2 for height, slope and curvature.
HEIGHT = (0, 0, 1, 0, 0)
SLOPE3 = (0, -1 / 2, 0, 1 / 2, 0)
SLOPE5 = (1 / 12, -8 / 12, 0, 8 / 12, -1 / 12)
CURVATURE5 = (-1 / 12, 16 / 12, -30 / 12, 16 / 12, -1 / 12)


def _table(*posts: Polynomial) -> Float64Array:
    table = np.zeros((len(posts), DEGREE + 1))
    for row, post in zip(table, posts, strict=True):
        row[: post.coef.size] = post.coef
    return table


def _hermite(basis: tuple[Polynomial, ...], *formulas: tuple[float, ...]) -> Float64Array:
    """Weights where heights and derivatives at the two corners come from `formulas`."""
    posts = [0 * T for _ in range(6)]
    for corner in range(2):
        for which, formula in enumerate(formulas):
            for tap, factor in enumerate(formula):
                posts[corner + tap] += factor * basis[corner * len(formulas) + which]
    return _table(*posts)


def _parabolas() -> Float64Array:
    """Through two posts and the middle between them, (-a + 9 b + 9 c - d) / 16."""
    middle = 4 * T * (1 - T)
    before, behind = (1 - T) * (1 - 2 * T), T * (2 * T - 1)
    return _table(-middle / 16, before + 9 / 16 * middle, behind + 9 / 16 * middle, -middle / 16)


def _blended_parabolas() -> Float64Array:
    """Through the posts at -1, 0, 1 near 0 and through those at 0, 1, 2 near 1."""
    first, second = 1 - STEP, STEP
    return _table(
        first * T * (T - 1) / 2,
        first * (1 - T**2) + second * (T - 1) * (T - 2) / 2,
        first * T * (T + 1) / 2 + second * T * (2 - T),
        second * T * (T - 1) / 2,
    )


def _cubics() -> Float64Array:
    """Through the posts at -1, 0, 1, 2."""
    return _table(
        T * (1 - T) * (T - 2) / 6,
        (T + 1) * (T - 1) * (T - 2) / 2,
        T * (T + 1) * (2 - T) / 2,
        T * (T + 1) * (T - 1) / 6,
    )


CENTRED = np.ascontiguousarray(_hermite(CUBIC, HEIGHT, SLOPE3)[1:5])
TABLES = {
    "biquadratic-8": _parabolas(),
    "biquadratic-9": _parabolas(),
    "jancaitis": _blended_parabolas(),
    "piecewise-cubic": _cubics(),
    "piecewise-cubic-slope": _hermite(CUBIC, HEIGHT, SLOPE5),
    "bicubic-12": CENTRED,
    "bicubic-16": CENTRED,
    "biquintic-36": _hermite(QUINTIC, HEIGHT, SLOPE5, CURVATURE5),
}
CROSSED = {"biquadratic-8", "bicubic-12"}
