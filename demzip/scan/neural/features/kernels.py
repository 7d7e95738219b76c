"""What the network sees of a sample: 32 numbers with 8 fractional bits (docs/format.md 11.2).

Arrays and indices as in predict/kernels.py; samples, predictions, errors and activities count
sixteenths. `errors` are signed and laid out as the samples, 0 in holes and beside the block.
"""

from numba import int64, uint64

from demzip.constants import LANES
from demzip.jit import inlined, kernel
from demzip.scan.neural.layers.kernels import INPUTS
from demzip.scan.neural.mixture.kernels import clipped, logarithm
from demzip.scan.real.floats.kernels import bit_length
from demzip.vectors import (
    everywhere,
    gather,
    lane_numbers,
    lane_sum,
    load,
    logical_shift,
    magnitude,
    narrowed,
    select,
    store,
)

# Format: rows and columns of the sixteen nearest cells, nearest first.
CELLS = (
    (0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-1, 2),
    (-2, -1), (-2, 1), (-2, -2), (-2, 2), (0, -3), (-3, 0), (-1, -3), (-1, 3),
)  # fmt: skip
FEATURES = 32
PAIRS = FEATURES // 2
MOST = 1536  # Format: magnitude of a feature
CALM = 36  # Format: added to activities
NEAR = 64  # Format: added to the spread of sixteen cells
PHASE_SHIFT = 22  # a turn has 2**32 units of a phase, 2**10 entries of a table
REACH = 8  # columns on either side that the memory of a column is read from
FRACTION_BITS = 4  # of the memory of a column


@inlined
def scaled(values, divisor, factor):
    """Sixteen values over a divisor, times factor, with 8 fractional bits."""
    shift = max(bit_length(divisor) - 12, 0)
    most = divisor >> shift
    inverse = int64(uint64(factor << 20) // uint64(most))
    values = values >> shift
    ends = (values & 0) + most
    values = select(values > ends, ends, values)
    values = select(values > -most, values, (values & 0) - most)
    ratio = (narrowed(values) * inverse) >> 12
    ratio = select(ratio > MOST, everywhere(MOST), ratio)
    return select(ratio > -MOST, ratio, everywhere(-MOST))


@inlined
def lay_features(
    samples, errors, at, cells, prediction, fitted, activity, scale, around, memory, column,
    tables, scratch,
):  # fmt: skip
    """Put the features of a sample into the scratch, two and two, as layers/kernels.py wants them.

    `cells` are the offsets of the sixteen nearest cells, nearest first; `activity` is the calmed
    one, `scale` its logarithm; `memory` = sums over columns (sizes, errors, sizes of a wider
    and longer window); `column` of the sample.
    """
    sizes, drifts, wides = memory
    place = uint64(column)
    places = load(cells, 0) + int64(at)
    near = gather(samples, places) - prediction
    spread = lane_sum(magnitude(near)) + NEAR
    even = scaled(near, spread, int64(16))
    lanes = lane_numbers()
    odd = gather(errors, places)
    odd = select(lanes == 11, (odd & 0) + (prediction - fitted), odd)
    odd = select(lanes == 14, (odd & 0) + (drifts[place] >> 6), odd)
    odd = scaled(odd, activity, int64(18))
    spread_log = clipped((logarithm(spread, tables) - 2048) >> 2, MOST)
    scale_log = clipped((scale - 2048) >> 2, MOST)
    around_log = clipped(logarithm(around + 24, tables) - scale, MOST)
    size_log = clipped(logarithm(sizes[place] + 64, tables) - scale, MOST)
    wide_log = clipped(logarithm(wides[place] + 256, tables) - scale, MOST)
    odd = select(lanes == 8, everywhere(spread_log), odd)
    odd = select(lanes == 9, everywhere(scale_log), odd)
    odd = select(lanes == 10, everywhere(around_log), odd)
    odd = select(lanes == 12, everywhere(((prediction & 15) << 5) - 256), odd)
    odd = select(lanes == 13, everywhere(size_log), odd)
    odd = select(lanes == 15, everywhere(wide_log), odd)
    store(scratch, INPUTS, (even & 0xFFFF) | (odd << 16))


@inlined
def lay_waves(waves, row, col, scratch):
    """Put the Fourier features of a cell behind the others (section 11.2)."""
    across, down, top, left, sines = waves
    phase = load(across, 0) * (left + col) + load(down, 0) * (top + row)
    store(scratch, INPUTS + PAIRS, gather(sines, logical_shift(phase, PHASE_SHIFT)))


@kernel
def remember(errors, first, holes, row, cols, columns, memory):
    """Take the errors of a finished row into the memory of its columns, and sum that up.

    `first` is the index of the row's first error; `columns` = (sizes, errors, longer sizes), each
    cols + 2 * REACH + 16 long, 0 beside the block; `memory` (cols + 16 each) takes the sums.
    """
    sizes, drifts, longer = columns
    masked = holes.shape[0] > 0
    for col in range(cols):
        if masked and holes[row, col]:
            continue
        error = errors[first + uint64(col)] << FRACTION_BITS
        at = uint64(col + REACH)
        sizes[at] += (abs(error) - sizes[at]) >> 2
        drifts[at] += (error - drifts[at]) >> 2
        longer[at] += (abs(error) - longer[at]) >> 4
    for start in range(0, cols, LANES):
        size, drift = load(sizes, start + REACH), load(drifts, start + REACH)
        wide = load(longer, start + REACH)
        for k in range(1, 3):
            size += load(sizes, start + REACH - k) + load(sizes, start + REACH + k)
            drift += load(drifts, start + REACH - k) + load(drifts, start + REACH + k)
        for k in range(1, REACH + 1):
            wide += load(longer, start + REACH - k) + load(longer, start + REACH + k)
        store(memory[0], start, size)
        store(memory[1], start, drift)
        store(memory[2], start, wide)
