"""The segment: SEGMENT samples of one row that share a weight set, and what is known ahead of them.

Row r of a block is prepared segment by segment from finished rows above it (docs/format.md
sections 6 and 7.1); encoder and decoder share this code. Arrays and indices as in
predict/kernels.py; `holes` is the mask of the block, (0, 0) if it has none.
"""

from numba import int64, uint64

from demzip.constants import MARGIN, SEGMENT, TEMPLATE_SIZE
from demzip.jit import inlined, kernel
from demzip.predict.kernels import HALF, sum_above, sum_edge
from demzip.residual.kernels import activity_above

EDGE = 0  # weight set of the edge rule: W alone, added to sum_edge
HOLE = 255  # pseudo weight set of a masked sample


@inlined
def first_cell(row, segment, stride):
    """Index of the cell three columns west of a segment."""
    return uint64(row + MARGIN) * stride + uint64(segment * SEGMENT)


@inlined
def extend_west(samples, magnitudes, row, stride):
    """Continue a row beyond its west end with the first sample of the row above."""
    here = first_cell(row, 0, stride)
    for i in range(MARGIN):
        samples[here + uint64(i)] = samples[here - stride + uint64(MARGIN)]
        magnitudes[here + uint64(i)] = magnitudes[here - stride + uint64(MARGIN)]


@inlined
def extend_east(samples, magnitudes, row, cols, stride):
    """Continue a finished row beyond its east end with its last sample."""
    end = first_cell(row, 0, stride) + uint64(MARGIN + cols)
    for i in range(MARGIN):
        samples[end + uint64(i)] = samples[end - uint64(1)]
        magnitudes[end + uint64(i)] = magnitudes[end - uint64(1)]


@inlined
def extend_north(samples, magnitudes, stride):
    """Repeat the first row above itself, with magnitudes of 0."""
    for i in range(stride):
        for row in range(MARGIN):
            samples[uint64(row) * stride + uint64(i)] = samples[uint64(MARGIN) * stride + uint64(i)]
            magnitudes[uint64(row) * stride + uint64(i)] = 0


@inlined
def prepare(
    samples, magnitudes, holes, row, segment, cols, stride, weights, thresholds,
    sums, activity, flat, sets,
):  # fmt: skip
    """Everything about one segment that the rows above decide.

    Source: docs/format.md sections 6.2 to 6.4 and 7.1. `row` >= 1 is the block's row, `weights`
    (sets + 1, 24) with the edge rule first, `thresholds` (sets - 1). Fills SEGMENT elements of
    sums (which has two more), activity, flat and sets. Returns the weight set of the interior.
    """
    column = segment * SEGMENT
    count = min(SEGMENT, cols - column)
    north1 = first_cell(row - 1, segment, stride)
    north2 = north1 - stride
    activity_above(samples, magnitudes, north1, north2, sums, activity, flat)
    chosen = EDGE
    if row < MARGIN:
        sum_edge(samples, north1, 0, SEGMENT, sums)
    else:
        total = int64(0)
        for sample in range(count):
            total += int64(activity[uint64(sample)])
        chosen = 1
        for threshold in thresholds:
            chosen += int64(total >= int64(threshold) * count)
        sum_above(samples, north1, north2, north2 - stride, weights[chosen], sums)
    for sample in range(sets.size):
        sets[uint64(sample)] = chosen
    if column == 0 or column + SEGMENT > cols - MARGIN:
        prepare_ends(samples, north1, column, cols, sums, sets)
    if holes.shape[0] > 0:
        for i in range(count):
            if holes[row, column + i]:
                sets[i] = HOLE
    return chosen


@kernel
def prepare_ends(samples, north1, column, cols, sums, sets):
    """Apply the edge rule to the first and the last three columns of a row."""
    if column == 0:
        sum_edge(samples, north1, 0, MARGIN, sums)
        for i in range(MARGIN):
            sets[i] = EDGE
    first = max(cols - MARGIN - column, 0)
    if first < SEGMENT:
        sum_edge(samples, north1, first, SEGMENT, sums)
        for i in range(first, SEGMENT):
            sets[i] = EDGE
    if column == 0:
        sums[0] = HALF  # column 0: W stands for N


@kernel
def prepare_segment(
    samples, magnitudes, holes, row, segment, cols, stride, weights, thresholds,
    sums, activity, flat, sets,
):  # fmt: skip
    """`prepare` as a function of its own, for loops that would grow too large with it inlined."""
    return prepare(
        samples, magnitudes, holes, row, segment, cols, stride, weights, thresholds,
        sums, activity, flat, sets,
    )  # fmt: skip


assert TEMPLATE_SIZE == 24
