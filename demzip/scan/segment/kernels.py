"""The segment: SEGMENT samples of one row that share a weight set, and what is known ahead of them.

Row r of a block is prepared segment by segment from finished rows above it (docs/format.md
sections 6 and 7.1); encoder and decoder share this code.
"""

from numba import int64

from demzip.constants import MARGIN, SEGMENT, WEIGHT_BITS
from demzip.jit import inlined, kernel
from demzip.predict.kernels import sum_above, sum_edge
from demzip.residual.kernels import activity_above

EDGE = 0  # weight set of the edge rule: W alone, added to sum_edge
HOLE = 255  # pseudo weight set of a masked sample
HALF = 1 << (WEIGHT_BITS - 1)


@inlined
def extend_west(samples, magnitudes, row):
    """Continue a row beyond its west end with the first sample of the row above."""
    for i in range(MARGIN):
        samples[row, i] = samples[row - 1, MARGIN]
        magnitudes[row, i] = magnitudes[row - 1, MARGIN]


@inlined
def extend_east(samples, magnitudes, row, cols):
    """Continue a finished row beyond its east end with its last sample."""
    for i in range(MARGIN):
        samples[row, MARGIN + cols + i] = samples[row, MARGIN + cols - 1]
        magnitudes[row, MARGIN + cols + i] = magnitudes[row, MARGIN + cols - 1]


@inlined
def extend_north(samples):
    """Repeat the first row above itself."""
    for row in range(MARGIN):
        for i in range(samples.shape[1]):
            samples[row, i] = samples[MARGIN, i]


@inlined
def prepare(
    samples, magnitudes, holes, row, segment, cols, weights, thresholds, sums, activity, flat, sets
):
    """Everything about one segment that the rows above decide.

    Source: docs/format.md sections 6.2 to 6.4 and 7.1. `row` >= 1 is the block's row, `weights`
    (sets + 1, 24) with the edge rule first, `thresholds` (sets - 1). Fills SEGMENT elements of
    sums (which has two more), activity, flat and sets. Returns the weight set of the segment's interior.
    """
    r = row + MARGIN
    column = segment * SEGMENT
    count = min(SEGMENT, cols - column)
    width = SEGMENT + 2 * MARGIN
    row1 = samples[r - 1, column : column + width]
    row2 = samples[r - 2, column : column + width]
    row3 = samples[r - 3, column : column + width]
    mags1 = magnitudes[r - 1, column : column + width]
    mags2 = magnitudes[r - 2, column : column + width]
    activity_above(row1, row2, mags1, mags2, sums, activity, flat)
    chosen = EDGE
    if row < MARGIN:
        sum_edge(row1, 0, SEGMENT, sums)
        for i in range(SEGMENT):
            sets[i] = EDGE
    else:
        total = int64(0)
        for i in range(count):
            total += int64(activity[i])
        chosen = 1
        for threshold in thresholds:
            if total >= int64(threshold) * count:
                chosen += 1
        sum_above(row1, row2, row3, weights[chosen], sums)
        for i in range(SEGMENT):
            sets[i] = chosen
        if column < MARGIN:
            sum_edge(row1, 0, MARGIN, sums)
            for i in range(MARGIN):
                sets[i] = EDGE
        first = max(cols - MARGIN - column, 0)
        if first < SEGMENT:
            sum_edge(row1, first, SEGMENT, sums)
            for i in range(first, SEGMENT):
                sets[i] = EDGE
    if column == 0:
        sums[0] = 0
    for i in range(SEGMENT):
        sums[i] += HALF
    if holes.shape[0] > 1:
        for i in range(count):
            if holes[row, column + i]:
                sets[i] = HOLE
    return chosen


@kernel
def prepare_segment(
    samples, magnitudes, holes, row, segment, cols, weights, thresholds, sums, activity, flat, sets
):
    """`prepare` as a function of its own, for loops that would grow too large with it inlined."""
    return prepare(
        samples, magnitudes, holes, row, segment, cols, weights, thresholds,
        sums, activity, flat, sets,
    )  # fmt: skip
