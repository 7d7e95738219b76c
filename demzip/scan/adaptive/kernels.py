"""Blocks on a grid under chances that adapt, in either direction (docs/format.md section 10).

Encoder and decoder are one loop, told apart by `decoding`. Arrays and indices as in
predict/kernels.py; samples, predictions and magnitudes count sixteenths.
"""

from numba import int64, uint64

from demzip.constants import MARGIN, SEGMENT, WEIGHT_BITS
from demzip.entropy.kernels import decode_start, encode_end
from demzip.jit import inlined, kernel
from demzip.scan.adaptive.contexts.kernels import FRACTION_BITS, contexts_of, wide_above
from demzip.scan.adaptive.fitting.kernels import correction, gather, learn, note
from demzip.scan.adaptive.residual.kernels import code_sample
from demzip.scan.segment.kernels import (
    EDGE,
    extend_east,
    extend_north,
    extend_west,
    first_cell,
    prepare_segment,
)

ROW_REACH = 40  # words that a sample takes at most, of either kind


@inlined
def foresee(samples, magnitudes, at, stride, row, i, prepared, west, wide, weights):
    """What is known of a sample: four numbers, and whether it takes part in the fit.

    The numbers are the prediction by the weight set, the one that counts, the activity, and the
    magnitudes farther off; then the pattern of level ground or 0.
    """
    w = samples[at - uint64(1)]
    if row == 0:
        activity = 12 * magnitudes[at - uint64(1)] + 6 * magnitudes[at - uint64(2)]
        return w, w, activity, int64(0), int64(0), False
    sums, above, flat, sets = prepared
    north = at - stride
    k = uint64(sets[i]) << uint64(2)
    fitted = (
        sums[i] + west[k] * w + west[k + uint64(1)] * samples[at - uint64(2)]
        + west[k + uint64(2)] * samples[at - uint64(3)]
    ) >> WEIGHT_BITS  # fmt: skip
    activity = (
        above[i] + 4 * magnitudes[at - uint64(1)] + magnitudes[at - uint64(2)]
        + abs(w - samples[north - uint64(1)])
    )  # fmt: skip
    around = wide[i] + magnitudes[at - uint64(3)]
    if (flat[i] != 0) & (w == samples[north]):
        return fitted, w, activity, around, int64(flat[i]), False
    if sets[i] == EDGE:
        return fitted, fitted, activity, around, int64(0), False
    limit = activity >> 4
    change = correction(samples, at, stride, fitted, weights)
    prediction = fitted + min(max(change, -limit), limit)
    return fitted, prediction, activity, around, int64(0), True


@inlined
def fill_hole(samples, magnitudes, row, at, stride):
    """Give a hole what later predictions and activities see there."""
    w, mag_w = samples[at - uint64(1)], magnitudes[at - uint64(1)]
    samples[at] = (w + samples[at - stride] + 1) >> 1 if row > 0 else w
    magnitudes[at] = (mag_w + magnitudes[at - stride]) >> 1 if row > 0 else mag_w


@kernel
def code_block(
    decoding, holes, samples, magnitudes, rows, cols, stride, weights, west, thresholds,
    prepared, wide, fitting, chances, mixing, tables, words, raw_words, ends,
):  # fmt: skip
    """Code a block.

    Preconditions: `samples` (given or found) and `magnitudes` int64; `weights`, `west` and
    `thresholds` as in decode/kernels.py, thresholds in sixteenths; `prepared` = (sums, activity,
    flat, sets) and `wide` (SEGMENT,) scratch, `fitting` as in fitting/kernels.py, all int64;
    `chances` CHANCES uint32 of 0, `mixing` MIX_WEIGHTS int64, `tables` of adaptive/tables.py;
    `words` and `raw_words` have 4 words more than the streams. `ends` takes the words and the bits
    used. Gives 0, or -1 where an encoder has too little room for words.
    """
    coder = (uint64(0), uint64(0xFFFFFFFFFFFFFFFF), uint64(0), uint64(0))
    if decoding:
        point, span, position = decode_start(words, 0)
        coder = (point, span, position, uint64(0))
    else:
        raw_words[0] = 0
    sums, activity, flat, sets = prepared
    live, fits = fitting[1], fitting[11]
    masked = holes.shape[0] > 0
    room = min(words.size, raw_words.size) - ROW_REACH * cols
    # Contexts of row 0 look at the rows above it.
    for cell in range(int64(first_cell(0, 0, stride)) + MARGIN):
        samples[uint64(cell)] = 0
        magnitudes[uint64(cell)] = 0
    for row in range(rows):
        if not decoding and max(int64(coder[2]), int64(coder[3] >> uint64(5))) > room:
            return -1
        if row > 0:
            extend_west(samples, magnitudes, row, stride)
        for segment in range(fits.shape[0]):
            start = segment * SEGMENT
            here = first_cell(row, segment, stride)
            if row > 0:
                prepare_segment(
                    samples, magnitudes, holes, row, segment, cols, stride, weights,
                    thresholds, sums, activity, flat, sets,
                )  # fmt: skip
                wide_above(magnitudes, here - stride, stride, wide)
            live[:] = 0
            for i in range(min(SEGMENT, cols - start)):
                at = here + uint64(i + MARGIN)
                if masked and holes[row, start + i]:
                    fill_hole(samples, magnitudes, row, at, stride)
                    continue
                fitted, prediction, total, around, pattern, takes_part = foresee(
                    samples, magnitudes, at, stride, row, i, prepared, west, wide, fits[segment]
                )
                slots, mixing_class, level = contexts_of(
                    samples, at, stride, prediction, total, around, pattern
                )
                sample, coder = code_sample(
                    decoding, coder, samples[at] >> FRACTION_BITS, prediction, level, slots,
                    mixing_class, chances, mixing, tables, words, raw_words,
                )  # fmt: skip
                samples[at] = sample << FRACTION_BITS
                magnitudes[at] = abs(samples[at] - prediction)
                if takes_part:
                    note(fitting, i, fitted, samples[at] - fitted, total)
            if row >= MARGIN:
                gather(samples, here, stride, fitting, segment)
        extend_east(samples, magnitudes, row, cols, stride)
        if row == 0:
            extend_north(samples, magnitudes, stride)
        if row >= MARGIN:
            learn(fitting)
    point, span, position, bit = coder
    ends[0] = position if decoding else encode_end(point, span, position, words)
    ends[1] = bit
    return 0
