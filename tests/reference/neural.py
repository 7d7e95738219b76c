"""What a network says of a sample (docs/format.md sections 11.2 to 11.5), one number at a time.

Bounds that the document proves are asserted.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from tests.reference.adaptive import REACH as H_REACH
from tests.reference.adaptive import bits, frequencies
from tests.reference.network import ACROSS, ALONG

FX = (16, -10, 28, -40, 5, 56, -40, 37, -78, -17, 79, -82, 29, 123, -64, 111)
FY = (0, 26, 25, 20, 52, 16, 52, 62, 14, 84, 50, 60, 108, 13, 124, 127)
CELLS = (
    (0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-1, 2),
    (-2, -1), (-2, 1), (-2, -2), (-2, 2), (0, -3), (-3, 0), (-1, -3), (-1, 3),
)  # fmt: skip
ERRORS = 8  # of these cells have a feature of their error
MOST = 1536
REACH = 1 << 34
Row = list[int]


class Place(NamedTuple):
    """First row and column of a block in its raster, whose shape it is."""

    row: int
    col: int
    rows: int
    cols: int


@cache
def logs() -> Row:
    """LOG."""
    found, t = [], 0
    for i in range(256):
        while 2 ** (t + 1) * 256**256 <= (256 + i) ** 256:
            t += 1
        found.append(t)
    return found


@cache
def exps() -> Row:
    """EXP."""
    found, t = [], 1 << 15
    for i in range(257):
        while (t + 1) ** 256 <= 2 ** (3840 + i):
            t += 1
        found.append(t)
    return found


@cache
def sines() -> Row:
    """SIN."""
    x, y = 0, 1 << 60
    found = []
    for _ in range(1024):
        found.append((x + (1 << 51)) >> 52)
        x, y = (x * ALONG + y * ACROSS) >> 60, (y * ALONG - x * ACROSS) >> 60
    return found


def clip(value: int, most: int) -> int:
    """Section 11."""
    return min(max(value, -most), most)


def lg(value: int) -> int:
    """Section 11."""
    assert 1 <= value < 1 << 45
    n = value.bit_length() - 1
    return 256 * n + logs()[((value << 8) >> n) & 255]


def scaled(value: int, divisor: int, n: int) -> int:
    """Section 11.2."""
    u = max(bits(divisor) - 12, 0)
    t = divisor >> u
    return clip((clip(value >> u, t) * ((n << 20) // t)) >> 12, MOST)


class Memory:
    """Section 11.2: what is kept of each column."""

    def __init__(self, cols: int) -> None:
        self.a, self.b, self.d = ([0] * cols for _ in range(3))

    def take(self, col: int, error: int) -> None:
        """A sample that is no hole; only after its row."""
        self.a[col] += (16 * abs(error) - self.a[col]) >> 2
        self.b[col] += (16 * error - self.b[col]) >> 2
        self.d[col] += (16 * abs(error) - self.d[col]) >> 4

    def sums(self, col: int) -> tuple[int, int, int]:
        """P, Q, R."""
        near, far = slice(max(col - 2, 0), col + 3), slice(max(col - 8, 0), col + 9)
        return sum(self.a[near]), sum(self.b[near]), sum(self.d[far])


def features(
    cells: Row,
    errors: Row,
    p: int,
    fitted: int,
    activity: int,
    around: int,
    sums: tuple[int, int, int],
) -> Row:
    """Section 11.2: f[0 .. 31] from x of the 16 cells and e of the first 8."""
    calm = activity + 36
    spread = 64 + sum(abs(x - p) for x in cells)
    odd = [scaled(error, calm, 18) for error in errors]
    odd += [
        clip((lg(spread) - 2048) >> 2, MOST),
        clip((lg(calm) - 2048) >> 2, MOST),
        clip(lg(around + 24) - lg(calm), MOST),
        scaled(p - fitted, calm, 18),
        ((p & 15) << 5) - 256,
        clip(lg(sums[0] + 64) - lg(calm), MOST),
        scaled(sums[1] >> 6, calm, 18),
        clip(lg(sums[2] + 256) - lg(calm), MOST),
    ]
    even = [scaled(x - p, spread, 16) for x in cells]
    return [f for pair in zip(even, odd, strict=True) for f in pair]


def fourier_inputs(place: Place, row: int, col: int) -> Row:
    """Section 11.2: f[32 .. 63] of a sample of a block."""
    found = []
    for x, y in zip(FX, FY, strict=True):
        across = x * ((1 << 28) // place.cols) * (place.col + col)
        down = y * ((1 << 28) // place.rows) * (place.row + row)
        angle = ((across + down) % (1 << 32)) >> 22
        found += [sines()[angle], sines()[(angle + 256) % 1024]]
    return found


@dataclass(frozen=True)
class CausalNetwork:
    """Section 11.3: weights of each unit, and its bias, of three layers."""

    fourier: bool
    layers: list[tuple[list[Row], Row]]

    def outputs(self, inputs: Row) -> Row:
        """o[0 .. 10]."""
        sums = inputs
        for k, (weights, biases) in enumerate(self.layers):
            if k:
                inputs = [clip(max(s >> 10, s >> 13), 2047) for s in sums]
            sums = [
                256 * bias + sum(w * f for w, f in zip(unit, inputs, strict=True))
                for unit, bias in zip(weights, biases, strict=True)
            ]
            assert max(map(abs, sums)) < 1 << 31
        return sums


class Mixture:
    """Section 11.4, of a sample with the prediction p and E = `calm`."""

    def __init__(self, outputs: Row, p: int, calm: int) -> None:
        top = max(o >> 10 for o in outputs[:3])
        ranks = [(o >> 10) - top for o in outputs[:3]]
        self.weights = [exps()[g & 255] >> min(2 - (g >> 8), 33) for g in ranks]
        self.centres = [256 * p + ((clip(o >> 8, 16383) * calm) >> 6) for o in outputs[3:6]]
        self.scales = [min(max(lg(calm) + (o >> 10) - 1024, -512), 11776) for o in outputs[6:9]]
        self.centre = clip(p + ((clip(outputs[9] >> 10, 4095) * calm) >> 12), REACH)
        self.level = min(max((((outputs[10] >> 10) + lg(calm)) >> 6) - 13, 0), 127)


class Masses:
    """Section 11.5: the masses of a mixture around the nearest sample."""

    def __init__(self, mixture: Mixture, near: int, sign: int, shift: int) -> None:
        self.parts = []
        edge = 4096 * near + 2048 * sign
        for weight, mu, t in zip(mixture.weights, mixture.centres, mixture.scales, strict=True):
            inverse, n = exps()[256 - (t & 255)], (t >> 8) + 8
            product, width = clip(sign * (mu - edge), 1 << 46) * inverse, inverse << (12 + shift)
            assert abs(product) < 1 << 63
            assert width < 1 << 63
            self.parts.append((weight, clip(product >> n, 1 << 24), min(width >> n, 1 << 24)))
        self.total = sum(mixture.weights) << 16

    def beyond(self, q: int) -> int:
        """F."""
        mass = 0
        for weight, base, step in self.parts:
            assert abs(q * step) < 1 << 31
            place = clip((base - ((q * step) >> 2)) >> 8, H_REACH)
            mass += weight * frequencies()[place + H_REACH]
        assert 0 < mass < self.total < 1 << 31
        return mass

    def outer(self, far: int, q: int) -> int:
        """Mass from q quarters of a bucket on."""
        return self.beyond(q) if far else self.total - self.beyond(-q)


def ratio(one: int, other: int) -> int:
    """Section 11.5: logit of two masses."""
    return clip(((lg(max(one, 1)) - lg(max(other, 1))) * 178) >> 8, 2047)
