"""Samples to residuals and context states, and the statistics that weights are fitted on."""

from numba import int64, uint64

from demzip.constants import ACTIVITY_LEVELS, MARGIN, SEGMENT, TEMPLATE_SIZE, WEIGHT_BITS
from demzip.entropy.kernels import symbol_of
from demzip.jit import inlined, kernel
from demzip.predict.kernels import BATCH, add_moments, gather_taps
from demzip.residual.kernels import activity_above, activity_level
from demzip.scan.segment.kernels import (
    EDGE,
    HOLE,
    extend_east,
    extend_north,
    extend_west,
    first_cell,
    prepare,
    prepare_segment,
)


@kernel
def fill_holes(samples, holes, stride):
    """Give masked samples the rounded mean of W and N: smooth, and known to the decoder."""
    for row in range(holes.shape[0]):
        for col in range(holes.shape[1]):
            if holes[row, col]:
                at = first_cell(row, 0, stride) + uint64(MARGIN + col)
                if row == 0:
                    samples[at] = samples[at - uint64(1)] if col > 0 else 0
                elif col == 0:
                    samples[at] = samples[at - stride]
                else:
                    samples[at] = (samples[at - uint64(1)] + samples[at - stride] + 1) >> 1


@inlined
def measure_segment(
    samples, magnitudes, here, stride, count, masked, has_edge, weight, shift,
    sums, activity, flat, sets, residuals, states, out,
):  # fmt: skip
    """Residuals and states of one segment that is prepared; its scratch arrays are used up.

    `here` is the cell three columns west of the segment, `out` its first place in the flat
    `residuals` and `states`.
    """
    west1, west2, west3 = weight[21], weight[22], weight[23]
    above = here - stride
    if has_edge:
        for sample in range(sets.size):
            i = uint64(sample)
            w = samples[here + i + uint64(2)]
            interior = west1 * w + west2 * samples[here + i + uint64(1)] + west3 * samples[here + i]
            sums[i] += w << WEIGHT_BITS if sets[i] == EDGE else interior
    else:
        for sample in range(sets.size):
            i = uint64(sample)
            sums[i] += (
                west1 * samples[here + i + uint64(2)] + west2 * samples[here + i + uint64(1)]
                + west3 * samples[here + i]
            )  # fmt: skip
    for sample in range(count):
        i = uint64(sample)
        w = samples[here + i + uint64(2)]
        level_ground = (flat[i] != 0) & (w == samples[above + i + uint64(3)])
        prediction = w if level_ground else sums[i] >> WEIGHT_BITS
        fraction = (sums[i] >> (WEIGHT_BITS - 2)) & 3
        residuals[out + i] = samples[here + i + uint64(3)] - prediction
        flat[i] = flat[i] if level_ground else fraction
    for sample in range(count):
        i = uint64(sample)
        magnitudes[here + i + uint64(3)] = abs(residuals[out + i])
    if masked:
        for sample in range(count):
            i = here + uint64(sample)
            if sets[sample] == HOLE:
                magnitudes[i + uint64(3)] = (
                    magnitudes[i + uint64(2)] + magnitudes[i - stride + uint64(3)]
                ) >> 1
    for sample in range(count):
        i = uint64(sample)
        sums[i] = samples[here + i + uint64(2)] - samples[above + i + uint64(2)]
    for sample in range(count):
        i = uint64(sample)
        activity[i] += (
            4 * magnitudes[here + i + uint64(2)] + magnitudes[here + i + uint64(1)] + abs(sums[i])
        )
    if shift == 0:  # the same in the width of the samples, twice as many to a vector
        for sample in range(count):
            i = uint64(sample)
            level = activity[i] if activity[i] < ACTIVITY_LEVELS else ACTIVITY_LEVELS - 1
            states[out + i] = (level << 3) | flat[i]
    else:
        for sample in range(count):
            i = uint64(sample)
            states[out + i] = (activity_level(activity[i], shift) << 3) | flat[i]


@kernel
def measure_first_row(samples, magnitudes, holes, cols, stride, shift, residuals, states):
    """Residuals and states of row 0 (docs/format.md section 7.2), and the rows above it."""
    here = first_cell(0, 0, stride) + uint64(MARGIN)
    for i in range(1, MARGIN + 1):
        samples[here - uint64(i)] = 0
        magnitudes[here - uint64(i)] = 0
    masked = holes.shape[0] > 0
    for col in range(cols):
        at = here + uint64(col)
        residual = samples[at] - samples[at - uint64(1)]
        hole = masked and holes[0, col] != 0
        magnitudes[at] = magnitudes[at - uint64(1)] if hole else abs(residual)
        residuals[col] = residual
        activity = 12 * int64(magnitudes[at - uint64(1)]) + 6 * int64(magnitudes[at - uint64(2)])
        states[col] = activity_level(activity, shift) << 3
    extend_east(samples, magnitudes, 0, cols, stride)
    extend_north(samples, magnitudes, stride)


@kernel
def measure_block(
    samples, magnitudes, holes, rows, cols, stride, weights, thresholds, shift,
    sums, activity, flat, sets, residuals, states,
):  # fmt: skip
    """Residual and context state of every sample of a block.

    Source: docs/format.md sections 6 and 7. `samples` holds the block, its holes filled; the
    margins are written here. States are activity level * 8 + subcontext.
    """
    segments = (cols + SEGMENT - 1) // SEGMENT
    masked = holes.shape[0] > 0
    measure_first_row(samples, magnitudes, holes, cols, stride, shift, residuals, states)
    for row in range(1, rows):
        extend_west(samples, magnitudes, row, stride)
        for segment in range(segments):
            chosen = prepare(
                samples, magnitudes, holes, row, segment, cols, stride, weights, thresholds,
                sums, activity, flat, sets,
            )  # fmt: skip
            measure_segment(
                samples, magnitudes, first_cell(row, segment, stride), stride,
                min(SEGMENT, cols - segment * SEGMENT), masked,
                segment == 0 or segment * SEGMENT + SEGMENT > cols - MARGIN,
                weights[chosen], shift,
                sums, activity, flat, sets,
                residuals, states, uint64(row * cols + segment * SEGMENT),
            )  # fmt: skip
        extend_east(samples, magnitudes, row, cols, stride)


@kernel
def gather_normals(
    samples, magnitudes, holes, rows, cols, step, weights, thresholds, sums, activity, flat, sets,
    residuals, stride, taps, scales, scaled, filled, moments, counts,
):  # fmt: skip
    """Reweighted normal equations from row 3 on, per weight set. Scratch as in gather_taps.

    With a step of 2 the segments used are those of one colour of a chessboard.
    """
    segments = (cols + SEGMENT - 1) // SEGMENT
    for row in range(MARGIN, rows):
        for segment in range(row % step, segments, step):
            prepare_segment(
                samples, magnitudes, holes, row, segment, cols, stride, weights, thresholds,
                sums, activity, flat, sets,
            )  # fmt: skip
            here = first_cell(row, segment, stride)
            for i in range(SEGMENT):
                w = samples[here + uint64(i + MARGIN - 1)]
                level_ground = flat[i] != 0 and w == samples[here - stride + uint64(i + MARGIN)]
                if sets[i] == HOLE or level_ground:
                    sets[i] = EDGE
                if sets[i] != EDGE:
                    counts[sets[i] - 1] += 1
            gather_taps(
                samples, here, stride, residuals[row, segment * SEGMENT :], activity, sets,
                taps, scales, scaled, filled, moments,
            )  # fmt: skip
    for number in range(filled.size):
        for s in range(filled[number], BATCH):
            scales[number, s] = 0.0
            for k in range(TEMPLATE_SIZE):
                taps[number, k, s] = 0.0
        add_moments(taps[number], scales[number], scaled, moments[number])


@kernel
def laplace_bits(residuals, states, holes, first, fixed, slope):
    """Sum of fixed[level] + slope[level] * |residual| over unmasked samples of rows >= first."""
    masked = holes.shape[0] > 0
    total = 0.0
    for row in range(first, residuals.shape[0]):
        for col in range(residuals.shape[1]):
            if not (masked and holes[row, col]):
                level = states[row, col] >> 3
                total += fixed[level] + slope[level] * abs(residuals[row, col])
    return total


@kernel
def segment_activities(samples, magnitudes, cols, stride, sums, activity, flat, means):
    """Mean activity from above of each segment of a measured block, rows 3 and later."""
    for row in range(means.shape[0]):
        for segment in range(means.shape[1]):
            count = min(SEGMENT, cols - segment * SEGMENT)
            north1 = first_cell(row + MARGIN - 1, segment, stride)
            activity_above(samples, magnitudes, north1, north1 - stride, sums, activity, flat)
            total = 0.0
            for i in range(count):
                total += activity[i]
            means[row, segment] = total / count


@kernel
def count_states(residuals, states, holes, counts, sums):
    """Occurrences of each context state and the sum of |residual| there."""
    masked = holes.shape[0] > 0
    for row in range(residuals.shape[0]):
        for col in range(residuals.shape[1]):
            if not (masked and holes[row, col]):
                state = int64(states[row, col])
                counts[state] += 1
                sums[state] += abs(int64(residuals[row, col]))


@kernel
def count_symbols(residuals, states, holes, context_of_state, shifts, tokens, histogram):
    """Occurrences of each symbol (0..111, 127 the escape) in each context."""
    masked = holes.shape[0] > 0
    for row in range(residuals.shape[0]):
        for col in range(residuals.shape[1]):
            if masked and holes[row, col]:
                continue
            context = int64(context_of_state[states[row, col]])
            symbol = symbol_of(int64(residuals[row, col]) >> shifts[context], tokens)
            histogram[context, symbol] += 1
