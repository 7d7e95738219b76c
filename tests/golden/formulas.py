"""Rasters of the golden files: integer formulas that any machine and language can compute."""

from collections.abc import Callable

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


# Name: dtype, no-data value or None, options of demzip.encode, values.
Recipe = tuple[str, float | None, dict[str, object], Callable[[], list[list[int]] | Values]]
FILES: dict[str, Recipe] = {
    "one": ("uint16", None, {}, lambda: [[77]]),
    "void": ("int8", -1, {}, lambda: [[-1] * 5] * 3),
    "row": ("int16", -32768, {}, lambda: patchy(40, 61, -32768)[27:28]),
    "column": ("int32", None, {}, lambda: relief(61, 1)),
    "narrow": ("uint16", None, {}, lambda: [[v + 1000 for v in line] for line in relief(30, 6)]),
    "blocks": ("int16", -32768, {"block": 16}, lambda: mixed(50, 45)),
    "holes": ("int16", -9999, {}, lambda: patchy(48, 70, -9999)),
    "lanes": ("int16", None, {"predictor": "lagrange12"}, lambda: relief(126, 134, 3)),
    "lanes_holes": ("int16", -9999, {"predictor": "lagrange8"}, lambda: patchy(131, 129, -9999)),
    "ranks": (
        "uint8", None, {"predictor": "jpeg4"},
        lambda: [[(v + 1000) // 80 * 9 for v in line] for line in relief(60, 60)],
    ),
    "own": ("int32", None, {"block": 48, "predictor": "lagrange3"}, lambda: waves(48)),
    "popular": ("int16", None, {"predictor": "auto"}, lambda: favoured(100, 100)),
    "wide": ("int32", None, {}, lambda: wide(30, 40)),
    "centimetres": ("float32", None, {}, lambda: divided(40, 50, 100)),
    "binary": ("float32", None, {"predictor": "lagrange3"}, lambda: divided(20, 30, 128)),
    "millimetres": ("float64", 1e30, {}, lambda: divided(20, 30, 1000, 1 << 40)),
}  # fmt: skip
