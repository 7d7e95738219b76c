"""Prediction and contexts, one sample at a time (docs/format.md sections 6 and 7)."""

from dataclasses import dataclass
from functools import partial

MARGIN = 3
SEGMENT = 16
ONE = 4096  # a weight of one
HALF = 2048
TOP_LEVEL = 4095
FLAT = 4
W = 21  # place of W in a weight set

# Section 6.1: row and column of the 24 cells, relative to the sample.
TEMPLATE = (
    *((-1, k - 3) for k in range(7)),
    *((-2, k - 3) for k in range(7)),
    *((-3, k - 3) for k in range(7)),
    (0, -1), (0, -2), (0, -3),
)  # fmt: skip


def wrap(value: int) -> int:
    """Section 1: two's complement of 64 bits."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


@dataclass(frozen=True)
class Outlook:
    """What is known of a sample before its residual."""

    prediction: int
    activity: int
    subcontext: int


class Surface:
    """The samples x and magnitudes m of a block, as far as they are known."""

    def __init__(
        self,
        rows: int,
        cols: int,
        weights: list[list[int]],
        thresholds: list[int],
        offsets: list[int] | None = None,
    ) -> None:
        self.rows, self.cols, self.offsets = rows, cols, offsets
        self.weights, self.thresholds = weights, thresholds
        self.x = [[0] * cols for _ in range(rows)]
        self.m = [[0] * cols for _ in range(rows)]

    def sample(self, row: int, col: int) -> int:
        """x, also beyond the block (section 6.3)."""
        if row == -1:
            return 0 if col < 0 else self.sample(0, col)
        if col < 0:
            return self.x[row - 1][0] if row > 0 else 0
        return self.x[row][min(col, self.cols - 1)]

    def magnitude(self, row: int, col: int) -> int:
        """m, also beyond the block (section 6.3)."""
        if row == -1:
            return 0
        if col < 0:
            return self.m[row - 1][0] if row > 0 else 0
        return self.m[row][min(col, self.cols - 1)]

    def above(self, row: int, col: int) -> int:
        """Section 7.1: activity that finished rows contribute."""
        x, m = self.sample, self.magnitude
        north = row - 1
        return (
            4 * m(north, col) + 2 * (m(north, col - 1) + m(north, col + 1))
            + m(north, col - 2) + m(north, col + 2)
            + m(row - 2, col - 1) + m(row - 2, col) + m(row - 2, col + 1)
            + abs(x(north, col) - x(north, col - 1)) + abs(x(north, col + 1) - x(north, col))
        )  # fmt: skip

    def set_of_segment(self, row: int, start: int) -> int:
        """Section 6.4: weight set of the segment from column `start` on, rows 3 and later."""
        return self.set_of_window(row, start - MARGIN)

    def set_of_window(self, row: int, start: int) -> int:
        """Weight set by the activity of 16 columns from `start` on."""
        window = range(max(start, 0), min(start + SEGMENT, self.cols))
        total = sum(self.above(row, col) for col in window)
        return sum(total >= threshold * len(window) for threshold in self.thresholds)

    def accumulator(self, row: int, col: int, chosen: int) -> int:
        """Sections 6.2 and 6.3: the prediction in units of 2**-12 with half a sample, no offset."""
        west, north = self.sample(row, col - 1), self.sample(row - 1, col)
        if col == 0:
            return wrap(HALF + ONE * west)
        if row < MARGIN or col < MARGIN or col >= self.cols - MARGIN:
            return wrap(HALF + ONE * (west + north - self.sample(row - 1, col - 1)))
        weights = self.weights[chosen]
        total = HALF
        for weight, (down, right) in zip(weights, TEMPLATE, strict=True):
            total += weight * self.x[row + down][col + right]
        return wrap(total)

    def offset(self, row: int, col: int) -> int:
        """Section 6.6: what is added to the accumulator, in units of 2**-4."""
        if not self.offsets:
            return 0
        here, above = partial(self.sample, row), partial(self.sample, row - 1)
        steps = (
            here(col - 1) - above(col - 1),
            above(col) - above(col - 1),
            above(col + 1) - above(col),
            here(col - 1) - here(col - 2),
            above(col) - self.sample(row - 2, col),
        )
        return self.offsets[sum(3**j * (1 + (d > 0) - (d < 0)) for j, d in enumerate(steps))]

    def look(self, row: int, col: int, chosen: int) -> Outlook:
        """Prediction, activity and subcontext of a sample that is no hole."""
        if row == 0:
            activity = 12 * self.magnitude(0, col - 1) + 6 * self.magnitude(0, col - 2)
            return Outlook(self.sample(0, col - 1), activity, 0)
        west, north = self.sample(row, col - 1), self.sample(row - 1, col)
        northwest, northeast = self.sample(row - 1, col - 1), self.sample(row - 1, col + 1)
        activity = (
            self.above(row, col)
            + 4 * self.magnitude(row, col - 1)
            + self.magnitude(row, col - 2)
            + abs(west - northwest)
        )
        if west == north == northwest == northeast:
            repeats_east = northeast == self.sample(row - 1, col + 2)
            repeats_north = north == self.sample(row - 2, col)
            return Outlook(west, activity, FLAT + 2 * repeats_east + repeats_north)
        total = wrap(self.accumulator(row, col, chosen) + 256 * self.offset(row, col))
        return Outlook(total >> 12, activity, total >> 10 & 3)

    def put(self, row: int, col: int, value: int, residual: int) -> None:
        """A sample is known."""
        self.x[row][col], self.m[row][col] = value, abs(residual)

    def fill(self, row: int, col: int) -> None:
        """Section 6.5: give a hole its sample and magnitude."""
        if row > 0:
            self.x[row][col] = (self.sample(row, col - 1) + self.sample(row - 1, col) + 1) >> 1
            self.m[row][col] = (self.magnitude(row, col - 1) + self.magnitude(row - 1, col)) >> 1
        elif col > 0:
            self.x[0][col], self.m[0][col] = self.x[0][col - 1], self.m[0][col - 1]


def level_of(activity: int, shift: int) -> int:
    """Section 7.3: activity level."""
    return min(activity >> shift, TOP_LEVEL)


def measure(
    samples: list[list[int]],
    holes: list[list[int]] | None,
    weights: list[list[int]],
    thresholds: list[int],
    shift: int,
    offsets: list[int] | None = None,
) -> tuple[list[list[int]], list[list[int]], Surface]:
    """The encoder's view: residual and state (8 * activity level + subcontext) of every sample.

    Both are 0 in holes.
    """
    rows, cols = len(samples), len(samples[0])
    surface = Surface(rows, cols, weights, thresholds, offsets)
    residuals = [[0] * cols for _ in range(rows)]
    states = [[0] * cols for _ in range(rows)]
    chosen = 0
    for row in range(rows):
        for col in range(cols):
            if row >= MARGIN and col % SEGMENT == 0:
                chosen = surface.set_of_segment(row, col)
            if holes is not None and holes[row][col]:
                surface.fill(row, col)
                continue
            outlook = surface.look(row, col, chosen)
            residual = samples[row][col] - outlook.prediction
            surface.put(row, col, samples[row][col], residual)
            residuals[row][col] = residual
            states[row][col] = 8 * level_of(outlook.activity, shift) + outlook.subcontext
    return residuals, states, surface
