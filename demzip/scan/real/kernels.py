"""Blocks of true floats, in either direction (docs/format.md section 9).

Prediction works on heights, multiples of a power of two, as in blocks on a grid; what is coded
is which float it is. Encoder and decoder are one loop, told apart by `decoding`. Arrays as in
predict/kernels.py.
"""

from numba import int64, uint64

from demzip.constants import AT_NEIGHBOURS, MARGIN, SEGMENT, WEIGHT_BITS
from demzip.entropy.kernels import decode_start, encode_end
from demzip.jit import inlined, kernel
from demzip.scan.real.floats.kernels import bit_length, height_of
from demzip.scan.real.rules.kernels import FAR, RULES, choose_rule, remember
from demzip.scan.real.sample.kernels import (
    EXACT,
    FITTED,
    GROUND,
    code_float,
    code_on_lattice,
)
from demzip.scan.segment.kernels import (
    EDGE,
    extend_east,
    extend_north,
    extend_west,
    first_cell,
    prepare_segment,
)

FIRST_ROW, FIRST_COLUMN = 3, 4  # from which on rules are tried
ROW_REACH = 40  # words that a sample takes at most, of either kind


@inlined
def foresee(samples, magnitudes, at, stride, sums, activity, flat, sets, west, i):
    """Prediction by the weights, activity, and whether the ground is level."""
    w, ww, www = samples[at - uint64(1)], samples[at - uint64(2)], samples[at - uint64(3)]
    north = at - stride
    k = uint64(sets[i]) << uint64(2)
    prediction = (
        sums[i] + west[k] * w + west[k + uint64(1)] * ww + west[k + uint64(2)] * www
    ) >> WEIGHT_BITS  # fmt: skip
    total = (
        activity[i] + 4 * magnitudes[at - uint64(1)] + magnitudes[at - uint64(2)]
        + abs(w - samples[north - uint64(1)])
    )  # fmt: skip
    return prediction, total, (flat[i] != 0) & (w == samples[north])


@inlined
def fill_hole(ordinals, samples, magnitudes, errors, on_lattice, row, col, at, stride):
    """Give a hole what later predictions, activities and choices see there."""
    w, mag_w = samples[at - uint64(1)], magnitudes[at - uint64(1)]
    if row > 0:
        samples[at] = (w + samples[at - stride] + 1) >> 1
        magnitudes[at] = (mag_w + magnitudes[at - stride]) >> 1
    else:
        samples[at] = w
        magnitudes[at] = mag_w
    for number in range(RULES):
        errors[row & 3, col, number] = 0
    on_lattice[row & 1, col] = on_lattice[row & 1, col - 1] if col > 0 else 0
    ordinals[row, col] = ordinals[row, col - 1] if col > 0 else int64(0)


@inlined
def code_value(
    decoding, coder, ordinals, row, col, prediction, total, mode, signs, samples, at, stride,
    anchor, pitch, on_lattice, scale, form, chances, words, raw_words,
):  # fmt: skip
    """Code one float, on a lattice or off; gives its ordinal and the coder."""
    west = ordinals[row, col - 1] if col > 0 else int64(0)
    north = ordinals[row - 1, col] if row > 0 else int64(0)
    ordinal = ordinals[row, col]
    done = int64(0)
    if anchor > 0:
        before = int64(on_lattice[row & 1, col - 1]) if col > 0 else int64(0)
        before = 4 * before + (int64(on_lattice[(row - 1) & 1, col]) if row > 0 else int64(0))
        stages = 2 if anchor == AT_NEIGHBOURS and row > 0 else 1
        for stage in range(stages):
            origin = int64(0)
            if anchor == AT_NEIGHBOURS:
                origin = samples[at - stride] if stage else samples[at - uint64(1)]
            done, ordinal, coder = code_on_lattice(
                decoding, coder, ordinal, prediction, total, signs, origin, pitch, stage, before,
                scale, form, chances, words, raw_words,
            )  # fmt: skip
            on_lattice[row & 1, col] = done * (stage + 1)
            if done:
                break
    if not done:
        ordinal, coder = code_float(
            decoding, coder, ordinal, prediction, total, mode, signs, west, north,
            scale, form, chances, words, raw_words,
        )  # fmt: skip
    return ordinal, coder


@kernel
def code_block(
    decoding, ordinals, holes, samples, magnitudes, rows, cols, stride, weights, west, thresholds,
    sums, activity, flat, sets, rules, errors, anchor, pitch, on_lattice, scale, form,
    chances, words, raw_words, ends,
):  # fmt: skip
    """Code a block of true floats.

    Preconditions: `ordinals` (rows, cols) int64, given or found. `samples`, `magnitudes` int64,
    `weights`, `west`, `thresholds`, `sums`, `activity`, `flat`, `sets` as in decode/kernels.py;
    `errors` (4, cols, RULES) int64 and `on_lattice` (2, cols) uint8 are scratch, `chances` CHANCES
    of them, at EVEN_CHANCE; `words` and `raw_words` have 4 words more than the streams.
    `rules` says whether exact rules are tried, `anchor` where lattices are. `ends` takes the words
    and the bits used. Gives 0, or -1 where an encoder has too little room for words.
    """
    coder = (uint64(0), uint64(0xFFFFFFFFFFFFFFFF), uint64(0), uint64(0))
    if decoding:
        point, span, position = decode_start(words, 0)
        coder = (point, span, position, uint64(0))
    else:
        raw_words[0] = 0
    masked = holes.shape[0] > 0
    errors[:] = FAR
    on_lattice[:] = 0
    room = min(words.size, raw_words.size) - ROW_REACH * cols
    for i in range(MARGIN):
        samples[first_cell(0, 0, stride) + uint64(i)] = 0
        magnitudes[first_cell(0, 0, stride) + uint64(i)] = 0
    for row in range(rows):
        if not decoding and max(int64(coder[2]), int64(coder[3] >> uint64(5))) > room:
            return -1
        if row > 0:
            extend_west(samples, magnitudes, row, stride)
        signs = int64(1)
        for col in range(cols):
            i = col % SEGMENT
            if row > 0 and i == 0:
                prepare_segment(
                    samples, magnitudes, holes, row, col // SEGMENT, cols, stride, weights,
                    thresholds, sums, activity, flat, sets,
                )  # fmt: skip
            at = first_cell(row, 0, stride) + uint64(col + MARGIN)
            if masked and holes[row, col]:
                fill_hole(
                    ordinals, samples, magnitudes, errors, on_lattice, row, col, at, stride
                )
                continue
            mode = int64(FITTED)
            trying = False
            if row == 0:
                prediction = samples[at - uint64(1)]
                total = 12 * magnitudes[at - uint64(1)] + 6 * magnitudes[at - uint64(2)]
                fitted = prediction
            else:
                fitted, total, level_ground = foresee(
                    samples, magnitudes, at, stride, sums, activity, flat, sets, west, i
                )
                prediction = fitted
                trying = (
                    rules and row >= FIRST_ROW and col >= FIRST_COLUMN and sets[i] != EDGE
                )
                if level_ground:
                    prediction = samples[at - uint64(1)]
                    mode = int64(GROUND)
                elif trying:
                    spacing = max(bit_length(abs(fitted)) - 1 - form[0], 0)
                    found, prediction, least = choose_rule(
                        samples, at, stride, fitted, errors, row, col, spacing
                    )
                    if found:
                        mode = int64(EXACT)
                        total = 4 * least
            ordinal, coder = code_value(
                decoding, coder, ordinals, row, col, prediction, total, mode, signs, samples, at,
                stride, anchor, pitch, on_lattice, scale, form, chances, words, raw_words,
            )  # fmt: skip
            height = height_of(ordinal, scale, form)
            ordinals[row, col] = ordinal
            samples[at] = height
            magnitudes[at] = abs(height - prediction)
            signs = int64(height > prediction) - int64(height < prediction) + 1
            if rules:
                remember(samples, at, stride, fitted, errors, row & 3, col, trying)
        extend_east(samples, magnitudes, row, cols, stride)
        if row == 0:
            extend_north(samples, magnitudes, stride)
    point, span, position, bit = coder
    ends[0] = position if decoding else encode_end(point, span, position, words)
    ends[1] = bit
    return 0
