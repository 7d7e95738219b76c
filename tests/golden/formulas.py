"""Rasters of the golden files: formulas that any machine and language can compute.

Those of floats use single operations of IEEE 754 on integers, or make the bits.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demzip.options import FitOptions
from demzip.scan.neural.network import Network
from demzip.scan.neural.shipped import shipped

Values = list[list[float]]


def hash_of(number: int) -> int:
    """A scrambled number below 2**32: two rounds of multiplication and shift."""
    for _ in range(2):
        number = (number ^ number >> 15) * 0x2C1B3C6D % (1 << 32)
    return number ^ number >> 13


def noise(row: int, col: int, size: int) -> int:
    """0 .. size - 1, different in every cell."""
    return hash_of(row * 65537 + col + 1) % size


def hill(row: int, col: int) -> int:
    """A smooth surface from -1000 to some 1000."""
    a, b = row % 90 - 45, col % 120 - 60
    return (45 * 45 - a * a) * (60 * 60 - b * b) * 2000 // (45 * 45 * 3600) - 1000


def relief(rows: int, cols: int, rough: int = 7) -> list[list[int]]:
    """Hills and noise."""
    return [[hill(r, c) + noise(r, c, rough) for c in range(cols)] for r in range(rows)]


def steep(rows: int, cols: int) -> list[list[int]]:
    """Samples as far apart as a network may code, and hills between."""
    made = relief(rows, cols, 9)
    for r in range(rows):
        for c in range(cols):
            size = noise(r + 77, c, 90)
            made[r][c] += (1 << size) * (1 - 2 * (c % 2)) if size < 30 else 0
    return made


def patchy(rows: int, cols: int, missing: int) -> list[list[int]]:
    """Hills with rectangles and speckle of missing samples."""
    made = relief(rows, cols)
    for r in range(rows):
        for c in range(cols):
            if (r // 9 + c // 13) % 7 == 3 or noise(c, r, 60) == 0:
                made[r][c] = missing
    return made


def mixed(rows: int, cols: int) -> list[list[int]]:
    """In blocks of 16: one of holes, one level, the rest hills."""
    made = relief(rows, cols)
    for r in range(16):
        made[r][:16] = [-32768] * 16
        made[r][16:32] = [123] * 16
    made[5][20] = -32768
    return made


def terraces(rows: int, cols: int, high: int) -> list[list[int]]:
    """Hills in steps."""
    return [[value // high for value in line] for line in relief(rows, cols)]


def waves(side: int) -> list[list[int]]:
    """A square of waves that run east and one of waves that run south, side by side."""
    wave = (60, 30, -30, -60, -30, 30)
    made = []
    for r in range(side):
        east = [wave[c % 6] + hill(r, c) // 8 + noise(r, c, 31) for c in range(side)]
        south = [wave[r % 6] + hill(r, c) // 8 + noise(c, r, 31) for c in range(side)]
        made.append(east + south)
    return made


def favoured(rows: int, cols: int) -> list[list[int]]:
    """Steep ground, most of it on multiples of 100."""
    made = [[hill(r, c) * 5 + noise(r, c, 500) for c in range(cols)] for r in range(rows)]
    for r, line in enumerate(made):
        for c, value in enumerate(line):
            if noise(r + 500, c, 10) < 8:
                line[c] = value // 100 * 100
    return made


def wide(rows: int, cols: int) -> list[list[int]]:
    """Numbers of 31 bits with outliers."""
    made = relief(rows, cols)
    for r in range(rows):
        for c in range(cols):
            made[r][c] *= 100_000
            if noise(r, c, 25) == 0:
                made[r][c] = hash_of(r * 77 + c * 1001) - (1 << 31)
    return made


def divided(rows: int, cols: int, by: int, offset: int = 0) -> Values:
    """Floats on a grid."""
    return [[(value + offset) / by for value in line] for line in relief(rows, cols)]


def single(value: float) -> float:
    """Rounded to a binary32."""
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded


def products(rows: int, cols: int, scale: float, offset: float = 0.0) -> Values:
    """Floats that are multiples of a scale, rounded, and an offset."""
    return [[offset + value * scale for value in line] for line in relief(rows, cols)]


def large(rows: int, cols: int, top: int) -> list[list[int]]:
    """Hills around 2**40, and now and then a number near `top`."""
    made = relief(rows, cols)
    for r in range(rows):
        for c in range(cols):
            made[r][c] += 1 << 40
            if noise(r, c, 40) == 0:
                made[r][c] = top - noise(c, r, 3)
    return made


def sentinels(rows: int, cols: int) -> list[list[int]]:
    """Hills with several values that stand for something else, alone and in runs."""
    made = relief(rows, cols)
    for r in range(rows):
        for c in range(cols):
            if (r // 7 + c // 9) % 5 == 2:
                made[r][c] = (-32768, 32767, -9999)[noise(r // 7, c // 3, 3)]
            elif noise(c, r, 50) == 0:
                made[r][c] = -32768
    return made


def full(rows: int, cols: int) -> Values:
    """Floats with full mantissas: hills and fractions of different denominators."""
    return [
        [hill(r, c) + noise(r, c, 1009) / (1000 + noise(c, r, 500)) for c in range(cols)]
        for r in range(rows)
    ]


def posts(rows: int, cols: int, apart: int) -> Values:
    """Interpolated between coarse posts, bilinearly."""
    made = []
    for r in range(rows):
        top, down = divmod(r, apart)
        line = []
        for c in range(cols):
            left, right = divmod(c, apart)
            corners = [
                noise(top + k, left + j, 100_003) / 7 for k in range(2) for j in range(2)
            ]
            north = corners[0] + (corners[1] - corners[0]) * right / apart
            south = corners[2] + (corners[3] - corners[2]) * right / apart
            line.append(north + (south - north) * down / apart)
        made.append(line)
    return made


def at_zero(rows: int, cols: int) -> Values:
    """Most values are multiples of a quarter, the others any floats."""
    made: Values = [[value / 4 for value in line] for line in relief(rows, cols, 50)]
    for r, line in enumerate(made):
        for c in range(cols):
            if noise(c, r, 5) < 2:
                line[c] += noise(r, c, 1000) / 1001
    return made


def at_neighbours(rows: int, cols: int) -> Values:
    """Every row has an offset of its own; most steps are multiples of a tenth."""
    made: Values = [
        [value / 10 + noise(r, 5000, 1000) / 1003 for value in line]
        for r, line in enumerate(relief(rows, cols, 30))
    ]
    for r, line in enumerate(made):
        for c in range(cols):
            if noise(c, r, 30) == 0:
                line[c] += noise(r, c, 1000) / 1001
    return made


def odd_bits(rows: int, cols: int, width: int) -> list[list[int]]:
    """Bits of floats: hills, and numbers, infinities and NaNs of all kinds among them."""
    code, fraction = ("<f", 23) if width == 32 else ("<d", 52)
    infinity, sign = ((1 << (width - 1 - fraction)) - 1) << fraction, 1 << (width - 1)
    odd = (
        0, sign, 1, sign | 1, (1 << fraction) - 1, 1 << fraction, infinity - 1,
        sign | (infinity - 1), infinity, sign | infinity, infinity | 1 << (fraction - 1),
        infinity | 1, sign | infinity | 12345,
    )  # fmt: skip
    made = []
    for r, line in enumerate(full(rows, cols)):
        bits = [int.from_bytes(struct.pack(code, value), "little") for value in line]
        for c in range(cols):
            if noise(c, r, 12) == 0:
                bits[c] = odd[noise(r, c, len(odd))]
            elif r // 5 == 2 and c // 10 == 1:
                bits[c] = infinity | 1 << (fraction - 1)
        made.append(bits)
    return made


def flat_floats(rows: int, cols: int) -> Values:
    """In blocks of 16: one of holes, one level, one level with holes, the rest any floats."""
    made = full(rows, cols)
    for r in range(16):
        made[r][:16] = [-9999.0] * 16
        made[r][16:32] = [1 / 3] * 16
        made[r][32:48] = [-1 / 3 if noise(r, c, 4) else -9999.0 for c in range(16)]
    return made


def made_network(inputs: int, first: int, second: int, spread: int = 60) -> tuple[int, Network]:
    """A network of its own; it knows little, but how wide logistics should be."""
    layers = []
    for number, (count, units) in enumerate(pairwise([inputs, first, second, 11])):
        weights = [
            [noise(1000 * number + unit, k, 2 * spread + 1) - spread for k in range(count)]
            for unit in range(units)
        ]
        biases = [noise(unit, 5000 + number, 2 * spread + 1) - spread for unit in range(units)]
        layers.append((np.array(weights), np.array(biases)))
    layers[2][1][6:9] = -1500, -600, 600
    return 0, Network(inputs > 32, (layers[0], layers[1], layers[2]))


def changed_network() -> tuple[int, Network]:
    """The first shipped network, some of its numbers changed by multiples of 16."""
    layers = [
        [
            np.clip(values + 16 * _steps(values.shape, 7 * k + j), -8191, 8191)
            for j, values in enumerate(layer)
        ]
        for k, layer in enumerate(shipped(1).layers)
    ]
    made = Network(shipped(1).fourier, tuple((layer[0], layer[1]) for layer in layers))  # type: ignore[arg-type]  # three
    return 1, made


def _steps(shape: tuple[int, ...], seed: int) -> NDArray[np.int64]:
    count = int(np.prod(shape))
    found = [max(noise(seed, k, 40) - 36, 0) * (1 - 2 * (k % 2)) for k in range(count)]
    return np.array(found).reshape(shape)


@dataclass(frozen=True)
class Recipe:
    """A golden file.

    Attributes:
        dtype: Of the values.
        make: Gives them, those of a band each; their bits for a dtype that begins with "bits of".
        nodata: Declared no-data value.
        options: Of demzip.encode.
        mask: Gives the mask of the dataset, if it has one.
        network: Gives the network of its band, if `neural` codes it whatever is smallest, and the
            number of the shipped one that it begins with.

    """

    dtype: str
    make: tuple[Callable[[], list[list[int]] | Values], ...]
    nodata: float | None = None
    options: dict[str, Any] = field(default_factory=dict)
    mask: Callable[[], list[list[int]]] | None = None
    network: Callable[[], tuple[int, Network]] | None = None

    def values(self) -> NDArray[Any]:
        """(bands, rows, cols), or (rows, cols) of one band."""
        dtype = np.dtype(self.dtype.removeprefix("bits of "))
        stored = dtype if self.dtype == dtype.name else np.dtype(f"u{dtype.itemsize}")
        made = np.array([make() for make in self.make], stored).view(dtype)
        return made[0] if len(self.make) == 1 else made


def of(
    dtype: str,
    *make: Callable[[], list[list[int]] | Values],
    nodata: float | None = None,
    mask: Callable[[], list[list[int]]] | None = None,
    network: Callable[[], tuple[int, Network]] | None = None,
    **options: object,
) -> Recipe:
    """A recipe."""
    return Recipe(dtype, make, nodata, options, mask, network)


FILES: dict[str, Recipe] = {
    "one": of("uint16", lambda: [[77]]),
    "void": of("int8", lambda: [[-1] * 5] * 3, nodata=-1),
    "row": of("int16", lambda: patchy(40, 61, -32768)[27:28], nodata=-32768),
    "column": of("int32", lambda: relief(61, 1)),
    "narrow": of("uint16", lambda: [[v + 1000 for v in line] for line in relief(30, 6)]),
    "blocks": of("int16", lambda: mixed(50, 45), nodata=-32768, block=16),
    "holes": of("int16", lambda: patchy(48, 70, -9999), nodata=-9999),
    "sentinels": of("int16", lambda: sentinels(40, 60), nodata=-9999, block=32),
    "lanes": of("int16", lambda: relief(49, 267, 3), predictor="lagrange12"),
    "lanes_holes": of(
        "int16", lambda: patchy(35, 266, -9999), nodata=-9999, predictor="lagrange8"
    ),
    "rough": of(
        "int32",
        lambda: [[v * 50_000 + noise(r, c, 1 << 24) for c, v in enumerate(line)]
                 for r, line in enumerate(relief(18, 40))],
    ),
    "ranks": of(
        "uint8", lambda: [[(v + 1000) // 80 * 9 for v in line] for line in relief(60, 60)],
        predictor="jpeg4",
    ),
    "terraces": of("int16", lambda: terraces(144, 192, 50), block=64, predictor="lagrange3"),
    "own": of("int32", lambda: waves(48), block=48, predictor="lagrange3"),
    "popular": of("int16", lambda: favoured(100, 100), predictor="auto"),
    "wide": of("int32", lambda: wide(30, 40)),
    "int64": of("int64", lambda: large(30, 40, (1 << 63) - 1)),
    "uint64": of("uint64", lambda: large(30, 40, (1 << 64) - 1)),
    "bands": of(
        "int16", lambda: relief(20, 35), lambda: patchy(20, 35, -9999), lambda: relief(20, 35, 2),
        nodata=-9999, block=16,
        mask=lambda: [[255 * (c > r) for c in range(35)] for r in range(20)],
    ),
    "centimetres": of("float32", lambda: divided(40, 50, 100)),
    "binary": of("float32", lambda: divided(20, 30, 128), predictor="lagrange3"),
    "millimetres": of("float64", lambda: divided(20, 30, 1000, 1 << 40), nodata=1e30),
    "feet": of("float64", lambda: [[v * 381 / 1250 for v in line] for line in relief(20, 30)]),
    "products": of("float32", lambda: products(30, 40, single(0.1))),
    "affine": of("float64", lambda: products(30, 40, 0.0371)),
    "affine_single": of("float32", lambda: products(30, 40, 0.0371, 12.5)),
    "exceptions": of(
        "float64",
        lambda: [
            [v if noise(r, c, 90) else v / 3 for c, v in enumerate(line)]
            for r, line in enumerate(divided(30, 40, 100))
        ],
    ),
    "floats": of("float32", lambda: full(40, 50), predictor="auto"),
    "doubles": of("float64", lambda: full(20, 25)),
    "posts_single": of("float32", lambda: posts(48, 40, 6)),
    "posts": of("float64", lambda: posts(24, 40, 8)),
    "dropped": of("float64", lambda: [list(map(single, line)) for line in full(25, 30)]),
    "at_zero": of("float64", lambda: at_zero(20, 40)),
    "at_zero_single": of("float32", lambda: at_zero(40, 40)),
    "at_neighbours": of("float32", lambda: at_neighbours(40, 40)),
    "odd_floats": of("bits of float32", lambda: odd_bits(40, 50, 32)),
    "odd_doubles": of("bits of float64", lambda: odd_bits(20, 40, 64)),
    "adaptive": of("int16", lambda: patchy(60, 70, -9999), nodata=-9999, best=True),
    "adaptive_blocks": of("int16", lambda: mixed(50, 45), nodata=-32768, block=16, best=True),
    "adaptive_level": of(
        "float32", lambda: [[(v + 1000) // 80 / 10 for v in line] for line in relief(60, 60)],
        predictor="jpeg4", best=True,
    ),
    "adaptive_wide": of("int32", lambda: wide(30, 40), best=True),
    "implicit": of(
        "int16", lambda: patchy(45, 60, -9999), nodata=-9999, block=32, predictor="implicit",
        fit=FitOptions(steps=300, features=12, width=6, depth=2, scale=2.0),
    ),
    "implicit_bands": of(
        "float32", lambda: divided(33, 21, 4), lambda: [[7.5] * 21] * 33, block=16,
        predictor="implicit", fit=FitOptions(steps=100, features=5, width=3, depth=3),
        mask=lambda: [[255 * (c > r) for c in range(21)] for r in range(33)],
    ),
    "neural": of(
        "int16", lambda: patchy(60, 70, -9999), nodata=-9999, network=lambda: (1, shipped(1))
    ),
    "neural_fitted": of("uint16", lambda: [[v + 1000 for v in line] for line in relief(40, 50)],
                        network=changed_network),
    "neural_blocks": of("int16", lambda: mixed(50, 45), nodata=-32768, block=16,
                        network=lambda: made_network(32, 16, 16)),
    "neural_waves": of("float32", lambda: divided(33, 41, 4), block=16,
                       network=lambda: made_network(64, 32, 48, 15)),
    "neural_steep": of("int32", lambda: steep(30, 40), network=lambda: made_network(32, 48, 16)),
    "flat_floats": of("float32", lambda: flat_floats(40, 60), nodata=-9999.0, block=16),
}  # fmt: skip
