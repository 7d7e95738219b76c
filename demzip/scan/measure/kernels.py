"""Samples to residuals and context states, and the statistics that weights are fitted on."""

from numba import int64

from demzip.constants import MARGIN, SEGMENT, SUBCONTEXTS, TEMPLATE_SIZE, WEIGHT_BITS
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
    prepare,
    prepare_segment,
)


@kernel
def fill_holes(samples, holes):
    """Give masked samples the rounded mean of W and N: smooth, and known to the decoder."""
    for row in range(holes.shape[0]):
        r = row + MARGIN
        for col in range(holes.shape[1]):
            if holes[row, col]:
                c = col + MARGIN
                if row == 0:
                    samples[r, c] = samples[r, c - 1] if col > 0 else 0
                elif col == 0:
                    samples[r, c] = samples[r - 1, c]
                else:
                    samples[r, c] = (samples[r, c - 1] + samples[r - 1, c] + 1) >> 1


@inlined
def measure_segment(
    above, here, mags_above, mags, count, masked, weight, shift, sums, activity, flat, sets, residuals,
    states,
):  # fmt: skip
    """Residuals and states of one segment that is prepared; its scratch arrays are used up."""
    west1, west2, west3 = weight[21], weight[22], weight[23]
    for i in range(SEGMENT):
        if sets[i] == EDGE:
            sums[i] += here[i + 2] << WEIGHT_BITS
        else:
            sums[i] += west1 * here[i + 2] + west2 * here[i + 1] + west3 * here[i]
    for i in range(count):
        level_ground = flat[i] != 0 and here[i + 2] == above[i + 3]
        prediction = here[i + 2] if level_ground else sums[i] >> WEIGHT_BITS
        fraction = (sums[i] >> (WEIGHT_BITS - 2)) & 3
        residuals[i] = here[i + 3] - prediction
        flat[i] = flat[i] if level_ground else fraction
    for i in range(count):
        mags[i + 3] = abs(residuals[i])
    if masked:
        for i in range(count):
            if sets[i] == HOLE:
                mags[i + 3] = (mags[i + 2] + mags_above[i + 3]) >> 1
    for i in range(count):
        sums[i] = here[i + 2] - above[i + 2]
    for i in range(count):
        activity[i] += 4 * mags[i + 2] + mags[i + 1] + abs(sums[i])
    for i in range(count):
        states[i] = (activity_level(activity[i], shift) << 3) | flat[i]


@kernel
def measure_block(
    samples, magnitudes, holes, cols, weights, thresholds, shift, sums, activity, flat, sets,
    residuals, states,
):  # fmt: skip
    """Residual and context state of every sample of a block.

    Source: docs/format.md sections 6 and 7. `samples` holds the block, its holes filled; the
    margins are written here. `states[row, col]` becomes activity level * 8 + subcontext.
    """
    rows = samples.shape[0] - MARGIN
    segments = (cols + SEGMENT - 1) // SEGMENT
    masked = holes.shape[0] > 1
    for r in range(MARGIN):
        for c in range(magnitudes.shape[1]):
            magnitudes[r, c] = 0
    for row in range(rows):
        r = row + MARGIN
        if row == 0:
            for i in range(MARGIN):
                samples[r, i] = 0
                magnitudes[r, i] = 0
            for col in range(cols):
                c = col + MARGIN
                residual = samples[r, c] - samples[r, c - 1]
                hole = masked and holes[0, col] != 0
                magnitudes[r, c] = magnitudes[r, c - 1] if hole else abs(residual)
                residuals[0, col] = residual
                level = activity_level(
                    12 * int64(magnitudes[r, c - 1]) + 6 * int64(magnitudes[r, c - 2]), shift
                )
                states[0, col] = level * SUBCONTEXTS
            extend_east(samples, magnitudes, r, cols)
            extend_north(samples)
            continue
        extend_west(samples, magnitudes, r)
        for segment in range(segments):
            column = segment * SEGMENT
            count = min(SEGMENT, cols - column)
            chosen = prepare(
                samples, magnitudes, holes, row, segment, cols, weights, thresholds,
                sums, activity, flat, sets,
            )  # fmt: skip
            measure_segment(
                samples[r - 1, column : column + SEGMENT + 2 * MARGIN],
                samples[r, column : column + SEGMENT + MARGIN],
                magnitudes[r - 1, column : column + SEGMENT + 2 * MARGIN],
                magnitudes[r, column : column + SEGMENT + MARGIN],
                count, masked, weights[chosen], shift, sums, activity, flat, sets,
                residuals[row, column : column + count], states[row, column : column + count],
            )  # fmt: skip
        extend_east(samples, magnitudes, r, cols)


@kernel
def gather_normals(
    samples, magnitudes, holes, cols, weights, thresholds, sums, activity, flat, sets, residuals,
    stride, taps, scales, scaled, filled, moments, counts,
):  # fmt: skip
    """Reweighted normal equations from row 3 on, per weight set. Scratch as in gather_taps.

    With a stride of 2 the segments used are those of one colour of a chessboard.
    """
    rows = samples.shape[0] - MARGIN
    segments = (cols + SEGMENT - 1) // SEGMENT
    for row in range(MARGIN, rows):
        for segment in range(row % stride, segments, stride):
            prepare_segment(
                samples, magnitudes, holes, row, segment, cols, weights, thresholds,
                sums, activity, flat, sets,
            )  # fmt: skip
            column = segment * SEGMENT
            here = samples[row + MARGIN, column + MARGIN - 1 : column + MARGIN - 1 + SEGMENT]
            above = samples[row + MARGIN - 1, column + MARGIN : column + MARGIN + SEGMENT]
            for i in range(SEGMENT):
                if sets[i] == HOLE or (flat[i] != 0 and here[i] == above[i]):
                    sets[i] = EDGE
                if sets[i] != EDGE:
                    counts[sets[i] - 1] += 1
            gather_taps(
                samples, residuals[row, column:], activity, sets, row + MARGIN, segment,
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
    masked = holes.shape[0] > 1
    total = 0.0
    for row in range(first, residuals.shape[0]):
        for col in range(residuals.shape[1]):
            if not (masked and holes[row, col]):
                level = states[row, col] >> 3
                total += fixed[level] + slope[level] * abs(residuals[row, col])
    return total


@kernel
def segment_activities(samples, magnitudes, cols, sums, activity, flat, means):
    """Mean activity from above of each segment of a measured block, rows 3 and later."""
    width = SEGMENT + 2 * MARGIN
    for row in range(means.shape[0]):
        r = row + 2 * MARGIN
        for segment in range(means.shape[1]):
            c = segment * SEGMENT
            count = min(SEGMENT, cols - c)
            activity_above(
                samples[r - 1, c : c + width], samples[r - 2, c : c + width],
                magnitudes[r - 1, c : c + width], magnitudes[r - 2, c : c + width], sums, activity, flat,
            )  # fmt: skip
            total = 0.0
            for i in range(count):
                total += activity[i]
            means[row, segment] = total / count


@kernel
def count_states(residuals, states, holes, counts, sums):
    """Occurrences of each context state and the sum of |residual| there."""
    masked = holes.shape[0] > 1
    for row in range(residuals.shape[0]):
        for col in range(residuals.shape[1]):
            if not (masked and holes[row, col]):
                state = int64(states[row, col])
                counts[state] += 1
                sums[state] += abs(int64(residuals[row, col]))


@kernel
def count_symbols(residuals, states, holes, context_of_state, shifts, tokens, histogram):
    """Occurrences of each symbol (0..111, 127 the escape) in each context."""
    masked = holes.shape[0] > 1
    for row in range(residuals.shape[0]):
        for col in range(residuals.shape[1]):
            if masked and holes[row, col]:
                continue
            context = int64(context_of_state[states[row, col]])
            symbol = symbol_of(int64(residuals[row, col]) >> shifts[context], tokens)
            histogram[context, symbol] += 1
