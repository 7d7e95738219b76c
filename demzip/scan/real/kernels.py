"""Blocks of true floats, in either direction (docs/format.md section 9).

Prediction works on heights, multiples of a power of two, as in blocks on a grid; what is coded
is which float it is, counted in units that follow the spacing of the floats. Encoder and decoder
are one loop, told apart by `decoding`. Arrays as in predict/kernels.py.
"""

from numba import int64, uint64

from demzip.constants import MARGIN, SEGMENT, WEIGHT_BITS
from demzip.entropy.kernels import decode_start, encode_end
from demzip.jit import inlined, kernel
from demzip.scan.real.bits.kernels import code_bit, code_raw
from demzip.scan.real.floats.kernels import bit_length, first_ordinal, height_of
from demzip.scan.segment.kernels import (
    EDGE,
    HOLE,
    extend_east,
    extend_north,
    extend_west,
    first_cell,
    prepare_segment,
)

FITTED, EXACT, GROUND, LATTICE = 0, 1, 2, 3  # modes of a sample
LEVELS, STEPS = 192, 24
RULES = 9  # the fitted weights, then the rules of section 9.3
GATE = 3  # a rule must have been 8 times as good
FAR = 1 << 40  # error of a rule where it was not tried

# Where the chances of each kind of decision begin.
SIGNS = 4 * LEVELS * STEPS
DIGITS = SIGNS + 4 * 9
SAME = DIGITS + 4 * 16 * 4
ON_LATTICE = SAME + 4
NUDGES = ON_LATTICE + 2 * 16
CHANCES = NUDGES + 2


@inlined
def level_of(activity):
    """Logarithm of an activity in quarters of an octave, roughly; small ones exactly."""
    length = bit_length(activity)
    level = activity if length < 3 else ((length - 3) << 2) + (activity >> (length - 3))
    return min(level, LEVELS - 1)


@inlined
def code_residual(decoding, coder, residual, mode, level, signs, chances, words, raw_words):
    """Code one residual: its length in bits around the expected one, sign, and digits."""
    row = (mode * LEVELS + level) * STEPS
    middle = max((level >> 2) - 3, 0)
    length = bit_length(abs(residual))
    step, coder = code_bit(
        decoding, coder, int64(length > middle), chances, uint64(row), words
    )
    if step:
        found = middle + 1
        while found < 62:
            slot = row + 1 + min(found - middle - 1, 11)
            step, coder = code_bit(
                decoding, coder, int64(length > found), chances, uint64(slot), words
            )
            if not step:
                break
            found += 1
    else:
        found = middle
        while found > 0:
            slot = row + 13 + min(middle - found, 10)
            step, coder = code_bit(
                decoding, coder, int64(length < found), chances, uint64(slot), words
            )
            if not step:
                break
            found -= 1
    length = found
    if length == 0:
        return int64(0), coder
    negative, coder = code_bit(
        decoding, coder, int64(residual < 0), chances, uint64(SIGNS + mode * 9 + signs), words
    )
    magnitude = abs(residual)
    digits = int64(1)
    place = DIGITS + (mode * 16 + min(max(length - middle + 6, 0), 15)) * 4
    left = length - 1
    while left > 0 and digits < 4:
        bit, coder = code_bit(
            decoding, coder, (magnitude >> (left - 1)) & 1, chances, uint64(place + digits), words
        )
        digits = 2 * digits + bit
        left -= 1
    if left > 0:
        rest, coder = code_raw(
            decoding, coder, magnitude & ((int64(1) << left) - 1), left, raw_words
        )
        digits = (digits << left) | rest
    return (-digits if negative else digits), coder


@kernel
def code_float(
    decoding, coder, ordinal, prediction, activity, mode, signs, west, north, scale, form,
    chances, words, raw_words,
):  # fmt: skip
    """Code which float a sample is, given the predicted height; gives its ordinal.

    `west` and `north` are ordinals of neighbours: where many floats share a height, the sample is
    often the same one.
    """
    spacing = max(bit_length(max(abs(prediction), activity >> 3)) - 1 - form[0], 0)
    base = (prediction + ((int64(1) << spacing) >> 1)) >> spacing
    residual = int64(0)
    if not decoding:
        residual = (height_of(ordinal, scale, form) >> spacing) - base
    residual, coder = code_residual(
        decoding, coder, residual, mode, level_of(activity >> spacing), signs,
        chances, words, raw_words,
    )  # fmt: skip
    height = (base + residual) << spacing
    first = first_ordinal(height, scale, form)
    count = first_ordinal(height + (int64(1) << spacing), scale, form) - first
    if count <= 1:
        return first, coder
    guess, source = first, int64(2) + int64(height == 0)
    if west >= first and west < first + count:
        guess, source = west, int64(0)
    elif north >= first and north < first + count:
        guess, source = north, int64(1)
    same, coder = code_bit(
        decoding, coder, int64(ordinal == guess), chances, uint64(SAME + source), words
    )
    if same:
        return guess, coder
    offset, coder = code_raw(
        decoding, coder, ordinal - first, bit_length(count - 1), raw_words
    )
    return first + offset, coder


@inlined
def code_on_lattice(
    decoding, coder, ordinal, prediction, activity, signs, anchor, pitch, lattice_shift, stage,
    before, scale, form, chances, words, raw_words,
):  # fmt: skip
    """Code whether a float is a whole number of pitches from `anchor`, and if so which.

    Gives whether it is, its ordinal, and the coder.
    """
    index = int64(0)
    nudge = int64(0)
    near = (((prediction - anchor) << 20) + (pitch >> 1)) // pitch
    found = int64(0)
    if not decoding:
        height = height_of(ordinal, scale, form)
        index = (((height - anchor) << 20) + (pitch >> 1)) // pitch
        place = lattice_ordinal(anchor, index, pitch, scale, form)
        nudge = ordinal - place
        found = int64(abs(nudge) <= 1)
    found, coder = code_bit(
        decoding, coder, found, chances, uint64(ON_LATTICE + stage * 16 + before), words
    )
    if not found:
        return found, ordinal, coder
    residual, coder = code_residual(
        decoding, coder, index - near, LATTICE, level_of(activity >> lattice_shift), signs,
        chances, words, raw_words,
    )  # fmt: skip
    place = lattice_ordinal(anchor, near + residual, pitch, scale, form)
    off, coder = code_bit(
        decoding, coder, int64(nudge != 0), chances, uint64(NUDGES), words
    )
    if off:
        down, coder = code_bit(
            decoding, coder, int64(nudge < 0), chances, uint64(NUDGES + 1), words
        )
        place += -1 if down else 1
    return found, place, coder


@inlined
def lattice_ordinal(anchor, index, pitch, scale, form):
    """Ordinal of the float nearest to a point of the lattice."""
    height = anchor + ((index * pitch + (int64(1) << 19)) >> 20)
    spacing = max(bit_length(abs(height)) - 1 - form[0], 0)
    return first_ordinal(height - ((int64(1) << spacing) >> 1), scale, form)


@inlined
def rule(number, samples, at, stride):
    """Prediction of one of the exact rules (docs/format.md section 9.3)."""
    w, ww, www = samples[at - uint64(1)], samples[at - uint64(2)], samples[at - uint64(3)]
    north = at - stride
    n, nw = samples[north], samples[north - uint64(1)]
    nn, nnn = samples[north - stride], samples[north - uint64(2) * stride]
    if number == 1:
        return w + n - nw
    if number == 2:
        return 2 * w - ww
    if number == 3:
        return 2 * n - nn
    if number == 4:
        return 3 * (w - ww) + www
    if number == 5:
        return 3 * (n - nn) + nnn
    if number == 6:
        return 5 * (w + www) - 8 * ww - samples[at - uint64(4)]
    if number == 7:
        return n + 2 * (w - nw) - (ww - samples[north - uint64(2)])
    return w + 2 * (n - nw) - (nn - samples[north - stride - uint64(1)])


@inlined
def choose_rule(samples, at, stride, fitted, errors, row, col, spacing):
    """The exact rule that did far better than the weights at three neighbours above or west.

    Gives its number (0 if there is none), its prediction, and its error there.
    """
    r0, r1, r2, r3 = row & 3, (row - 1) & 3, (row - 2) & 3, (row - 3) & 3
    best, least = int64(0), int64(0)
    unit = int64(1) << spacing
    above = (
        2 * errors[r1, col, 0] + errors[r2, col, 0] + errors[r3, col, 0]
    ) >> GATE
    aside = (
        2 * errors[r0, col - 1, 0] + errors[r0, col - 2, 0] + errors[r0, col - 3, 0]
    ) >> GATE
    for number in range(1, RULES):
        here = 2 * errors[r1, col, number] + errors[r2, col, number] + errors[r3, col, number]
        if here + unit < above and (best == 0 or here < least):
            best, least = int64(number), here
        here = (
            2 * errors[r0, col - 1, number] + errors[r0, col - 2, number]
            + errors[r0, col - 3, number]
        )  # fmt: skip
        if here + unit < aside and (best == 0 or here < least):
            best, least = int64(number), here
    prediction = rule(best, samples, at, stride) if best else fitted
    return best, prediction, least


@kernel
def code_block(
    decoding, ordinals, holes, samples, magnitudes, rows, cols, stride, weights, west, thresholds,
    sums, activity, flat, sets, rules, errors, lattice, pitch, on_lattice, scale, form,
    chances, words, raw_words, ends,
):  # fmt: skip
    """Code a block of true floats.

    Preconditions: `ordinals` (rows, cols) int64, given or found; when encoding, `samples` holds
    the heights, with anything in holes. `weights`, `west`, `thresholds`, `sums`, `activity`,
    `flat`, `sets` as in decode/kernels.py; `errors` (4, stride, RULES) and `on_lattice`
    (2, stride) uint8 are scratch, `chances` CHANCES of them, at EVEN_CHANCE. `rules` says whether
    exact rules are tried, `lattice` what lattices are anchored at: 0 nothing, 1 zero,
    2 neighbours. `ends` takes position and bit. Gives 0, or -1 where `words` have too little room.
    """
    point, span, position = uint64(0), uint64(0xFFFFFFFFFFFFFFFF), uint64(0)
    if decoding:
        point, span, position = decode_start(words, 0)
    else:
        raw_words[0] = 0
    coder = (point, span, position, uint64(0))
    masked = holes.shape[0] > 0
    lattice_shift = max(bit_length(pitch) - 21, 0)
    errors[:] = FAR
    on_lattice[:] = 0
    segments = (cols + SEGMENT - 1) // SEGMENT
    reach = uint64(40 * cols)
    for row in range(rows):
        if not decoding and (
            coder[2] + reach > uint64(words.size) or (coder[3] >> uint64(5)) + reach > uint64(raw_words.size)
        ):
            return -1
        if row > 0:
            extend_west(samples, magnitudes, row, stride)
        else:
            start = first_cell(0, 0, stride)
            for i in range(MARGIN):
                samples[start + uint64(i)] = 0
                magnitudes[start + uint64(i)] = 0
        signs_west = int64(1)
        for segment in range(segments):
            if row > 0:
                prepare_segment(
                    samples, magnitudes, holes, row, segment, cols, stride, weights, thresholds,
                    sums, activity, flat, sets,
                )  # fmt: skip
            here = first_cell(row, segment, stride)
            for i in range(min(SEGMENT, cols - segment * SEGMENT)):
                col = segment * SEGMENT + i
                at = here + uint64(i + MARGIN)
                w, ww, www = samples[at - uint64(1)], samples[at - uint64(2)], samples[at - uint64(3)]
                mag_w, mag_ww = magnitudes[at - uint64(1)], magnitudes[at - uint64(2)]
                if masked and holes[row, col]:
                    if row > 0:
                        samples[at] = (w + samples[at - stride] + 1) >> 1
                        magnitudes[at] = (mag_w + magnitudes[at - stride]) >> 1
                    else:
                        samples[at] = w
                        magnitudes[at] = mag_w
                    for number in range(RULES):
                        errors[row & 3, col, number] = 0
                    on_lattice[row & 1, col] = on_lattice[row & 1, max(col - 1, 0)]
                    ordinals[row, col] = ordinals[row, col - 1] if col else int64(0)
                    continue
                mode = int64(FITTED)
                if row == 0:
                    prediction = w
                    total = 12 * mag_w + 6 * mag_ww
                    trying = False
                else:
                    north = at - stride
                    k = uint64(sets[i]) << uint64(2)
                    prediction = (
                        sums[i] + west[k] * w + west[k + uint64(1)] * ww
                        + west[k + uint64(2)] * www
                    ) >> WEIGHT_BITS  # fmt: skip
                    total = activity[i] + 4 * mag_w + mag_ww + abs(w - samples[north - uint64(1)])
                    trying = rules and row > 2 and col > 3 and sets[i] != EDGE
                    fitted = prediction
                    if flat[i] != 0 and w == samples[north]:
                        prediction = w
                        mode = int64(GROUND)
                    elif trying:
                        spacing = max(bit_length(abs(prediction)) - 1 - form[0], 0)
                        found, prediction, least = choose_rule(
                            samples, at, stride, prediction, errors, row, col, spacing
                        )
                        if found:
                            mode = int64(EXACT)
                            total = 4 * least
                ordinal = ordinals[row, col]
                a, b = int64(0), int64(0)
                if row > 0:
                    b = ordinals[row - 1, col]
                if col > 0:
                    a = ordinals[row, col - 1]
                done = int64(0)
                if lattice:
                    before = on_lattice[row & 1, max(col - 1, 0)] * 4
                    if row > 0:
                        before += on_lattice[(row - 1) & 1, col]
                    anchor = w if lattice == 2 else int64(0)
                    done, ordinal, coder = code_on_lattice(
                        decoding, coder, ordinal, prediction, total, signs_west, anchor, pitch,
                        lattice_shift, 0, before, scale, form, chances, words, raw_words,
                    )  # fmt: skip
                    on_lattice[row & 1, col] = done
                    if not done and lattice == 2 and row > 0:
                        done, ordinal, coder = code_on_lattice(
                            decoding, coder, ordinal, prediction, total, signs_west,
                            samples[at - stride], pitch, lattice_shift, 1, before, scale, form,
                            chances, words, raw_words,
                        )  # fmt: skip
                        on_lattice[row & 1, col] = 2 * done
                if not done:
                    ordinal, coder = code_float(
                        decoding, coder, ordinal, prediction, total, mode, signs_west, a, b,
                        scale, form, chances, words, raw_words,
                    )  # fmt: skip
                height = height_of(ordinal, scale, form)
                ordinals[row, col] = ordinal
                samples[at] = height
                magnitudes[at] = abs(height - prediction)
                signs_west = int64(height > prediction) - int64(height < prediction) + 1
                if rules:
                    if trying:
                        errors[row & 3, col, 0] = abs(height - fitted)
                        for number in range(1, RULES):
                            errors[row & 3, col, number] = abs(
                                height - rule(number, samples, at, stride)
                            )
                    else:
                        for number in range(RULES):
                            errors[row & 3, col, number] = FAR
        extend_east(samples, magnitudes, row, cols, stride)
        if row == 0:
            extend_north(samples, magnitudes, stride)
    point, span, position, bit = coder
    if not decoding:
        position = encode_end(point, span, position, words)
    ends[0], ends[1] = position, bit
    return 0
