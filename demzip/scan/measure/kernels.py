"""Samples to residuals and context states, and the statistics that weights are fitted on."""

from numba import int64, uint64

from demzip.constants import FLAT, MARGIN, SEGMENT
from demzip.entropy.kernels import symbol_of
from demzip.jit import inlined, kernel
from demzip.predict.kernels import BATCH, DAMPING, HALF, add_moments, gather_taps
from demzip.residual.kernels import activity_level
from demzip.scan.neighbours.kernels import (
    activity_from_above,
    filled,
    pair_of,
    predict,
    state_of,
    weighted,
)
from demzip.scan.segment.kernels import extend_east, extend_north, extend_west, first_cell
from demzip.vectors import below, lane_numbers, lane_sum, load, magnitude, store


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


@inlined
def measure_above(samples, magnitudes, above, row, cols, stride):
    """A row's activities from above, with MARGIN zeros before them and a vector of zeros behind."""
    north = -int64(stride)
    here = int64(first_cell(row, 0, stride)) + MARGIN
    for col in range(0, cols, SEGMENT):
        activity = activity_from_above(samples, magnitudes, here + col, north, 1)
        store(above, MARGIN + col, activity)
    above[:MARGIN] = 0
    above[MARGIN + cols : MARGIN + cols + SEGMENT] = 0


@inlined
def window_of(col, cols):
    """Columns whose activities choose the weight set of the segment from a column on."""
    return min(SEGMENT, cols + MARGIN - col) - (MARGIN if col == 0 else 0)


@inlined
def choose_set(above, col, cols, thresholds):
    """Weight set of the segment from a column on (docs/format.md section 6.4)."""
    window = window_of(col, cols)
    activity = lane_sum(load(above, col))
    chosen = 0
    for threshold in thresholds:
        chosen += int64(activity >= threshold * window)
    return chosen


@kernel
def measure_block(
    samples, magnitudes, pairs, above, holes, rows, cols, stride, paired, taps, weights,
    thresholds, offsets, shift, residuals, states,
):  # fmt: skip
    """Residual and context state of every sample of a block.

    Source: docs/format.md sections 6 and 7. `samples` holds the block, its holes filled; the
    margins are written here. `taps` are offsets from a cell to those of the template that the
    `weights` (sets, taps) are for, or to pairs of them; `offsets` as in predict; `pairs` and
    `above` are scratch. States are activity level * 8 + subcontext. A row's vectors reach beyond
    its end, into cells that are written later.
    """
    masked = holes.shape[0] > 0
    north = -int64(stride)
    lanes = lane_numbers()
    inner = max(cols - 2 * MARGIN, 0)
    measure_first_row(samples, magnitudes, holes, cols, stride, shift, residuals, states)
    for row in range(1, rows):
        extend_west(samples, magnitudes, row, stride)
        if paired:
            # This row, and the east margin of the one above: it has its values only now.
            start = int64(first_cell(row, 0, stride))
            for at in range(start - 2 * SEGMENT if row > 1 else 1, start + MARGIN + cols, SEGMENT):
                store(pairs, at, pair_of(load(samples, at - 1), load(samples, at)))
        here = int64(first_cell(row, 0, stride)) + MARGIN
        measure_above(samples, magnitudes, above, row, cols, stride)
        limit = inner if row >= MARGIN else 0
        for col in range(0, cols, SEGMENT):
            at = here + col
            x = load(samples, at)
            total = filled(x, HALF)
            chosen = choose_set(above, col, cols, thresholds) if thresholds.size > 0 else 0
            for k in range(taps.size):
                place = at + taps[k]
                weight = filled(total, weights[chosen, k])
                total += weighted(load(samples, place), load(pairs, place), weight, paired)
            column = lanes + col
            prediction, subcontext = predict(
                samples, at, north, 1, load(samples, at - 1), column,
                below(column - MARGIN, limit), total, offsets,
            )  # fmt: skip
            store(residuals, row * cols + col, x - prediction)
            store(magnitudes, at, magnitude(x - prediction))
            store(states, row * cols + col, subcontext)
        if masked:
            for col in range(cols):
                if holes[row, col]:
                    at = here + col
                    magnitudes[at] = (magnitudes[at - 1] + magnitudes[at + north]) >> 1
        for col in range(0, cols, SEGMENT):
            at, out = here + col, row * cols + col
            state = state_of(
                load(samples, at + north - 1), load(samples, at - 1), load(magnitudes, at - 1),
                load(magnitudes, at - 2), load(above, MARGIN + col), shift, load(states, out),
            )  # fmt: skip
            store(states, out, state)
        extend_east(samples, magnitudes, row, cols, stride)


@kernel
def gather_normals(
    samples, magnitudes, above, holes, rows, cols, step, thresholds, residuals, stride,
    taps, scales, scaled, filled, moments, counts,
):  # fmt: skip
    """Reweighted normal equations from row 3 on, per weight set.

    `taps` (sets, 24, BATCH), `scales` (sets, BATCH) and `scaled` (2, BATCH) are float32 scratch,
    `filled` (sets,) how much of each is in use; full batches are added to `moments`
    (sets, 24, 24). With a step of 2 the segments used are those of one colour of a chessboard.
    """
    masked = holes.shape[0] > 0
    segments = (cols + SEGMENT - 1) // SEGMENT
    for row in range(MARGIN, rows):
        measure_above(samples, magnitudes, above, row, cols, stride)
        for segment in range(row % step, segments, step):
            first = segment * SEGMENT
            number = choose_set(above, first, cols, thresholds)
            s = filled[number]
            gather_taps(
                samples, first_cell(row, segment, stride), stride, residuals,
                uint64(row * cols + first), above[MARGIN + first : MARGIN + first + SEGMENT],
                taps[number], scales[number], uint64(s),
            )  # fmt: skip
            if masked or first < MARGIN or first + SEGMENT > cols - MARGIN:
                for i in range(SEGMENT):
                    col = first + i
                    inside = (col >= MARGIN) & (col < cols - MARGIN)
                    if not inside or (masked and holes[row, col]):
                        scales[number, s + i] = 0.0
            for i in range(SEGMENT):
                counts[number] += int64(scales[number, s + i] > 0.0)
            filled[number] = s + SEGMENT
            if filled[number] == BATCH:
                add_moments(taps[number], scales[number], scaled, moments[number])
                filled[number] = 0
    for number in range(filled.size):
        for s in range(filled[number], BATCH):
            scales[number, s] = 0.0
        add_moments(taps[number], scales[number], scaled, moments[number])


@inlined
def sign(value):
    """-1, 0 or 1."""
    return int64(value > 0) - int64(value < 0)


@kernel
def gather_errors(samples, residuals, states, holes, stride, step, shift, middle, found):
    """Errors in 2**-4 samples, reweighted as in gather_taps, by the pattern that offsets go by.

    In every step-th row from row 1 on, off level ground. A state tells the quarter of a sample that
    the prediction lay in: `middle` is 8 less where in there, in 2**-4. Adds to (3, 243) counts of
    samples, sums of their scales, and of scales times errors.
    """
    masked = holes.shape[0] > 0
    for row in range(1, residuals.shape[0], step):
        here = first_cell(row, 0, stride) + uint64(MARGIN)
        for col in range(residuals.shape[1]):
            state = int64(states[row, col])
            if (state & FLAT) != 0 or (masked and holes[row, col]):
                continue
            at = here + uint64(col)
            north = at - stride
            w, n, nw = samples[at - uint64(1)], samples[north], samples[north - uint64(1)]
            pattern = (
                121 + sign(w - nw) + 3 * sign(n - nw) + 9 * sign(samples[north + uint64(1)] - n)
                + 27 * sign(w - samples[at - uint64(2)]) + 81 * sign(n - samples[north - stride])
            )  # fmt: skip
            error = 16 * int64(residuals[row, col]) - 4 * (state & 3) + middle
            local = DAMPING + ((state >> 3) << shift) * (1.0 / 24.0)
            scale = 1.0 / ((abs(error) * (1.0 / 16.0) + local) * local)
            found[0, pattern] += 1
            found[1, pattern] += scale
            found[2, pattern] += scale * error


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
def segment_activities(samples, magnitudes, above, cols, stride, means):
    """Mean activity from above of each segment's window in a measured block, rows 3 and later."""
    for row in range(means.shape[0]):
        measure_above(samples, magnitudes, above, row + MARGIN, cols, stride)
        for segment in range(means.shape[1]):
            col = segment * SEGMENT
            means[row, segment] = lane_sum(load(above, col)) / window_of(col, cols)


@kernel
def count_states(residuals, states, holes, step, counts, sums):
    """Occurrences of each context state and the sum of |residual| there, in every step-th row."""
    masked = holes.shape[0] > 0
    for row in range(0, residuals.shape[0], step):
        for col in range(residuals.shape[1]):
            if not (masked and holes[row, col]):
                state = int64(states[row, col])
                counts[state] += 1
                sums[state] += abs(int64(residuals[row, col]))


@kernel
def count_symbols(residuals, states, holes, step, context_of_state, shifts, tokens, histogram):
    """Occurrences of each symbol (0..111, 127 the escape) in each context; see count_states."""
    masked = holes.shape[0] > 0
    for row in range(0, residuals.shape[0], step):
        for col in range(residuals.shape[1]):
            if masked and holes[row, col]:
                continue
            context = int64(context_of_state[states[row, col]])
            symbol = symbol_of(int64(residuals[row, col]) >> shifts[context], tokens)
            histogram[context, symbol] += 1
