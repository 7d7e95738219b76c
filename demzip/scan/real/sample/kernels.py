"""Which float a sample is, given its prediction, in either direction (docs/format.md section 9.4).

The state of the coder and `decoding` as in scan/real/bits/kernels.py; `form` and `scale` as in
scan/real/floats/kernels.py. `chances` holds those of all kinds of decisions, one after the other.
"""

from numba import int64, uint64

from demzip.constants import PITCH_BITS
from demzip.jit import inlined, kernel
from demzip.scan.real.bits.kernels import code_bit, code_raw
from demzip.scan.real.floats.kernels import bit_length, first_ordinal, height_of

FITTED, EXACT, GROUND, LATTICE = 0, 1, 2, 3  # modes of a sample
LEVELS, STEPS = 192, 24
MODES = 4

# Where the chances of each kind of decision begin.
SIGNS = MODES * LEVELS * STEPS
DIGITS = SIGNS + MODES * 3
SAME = DIGITS + MODES * 16 * 4
ON_LATTICE = SAME + 4
NUDGES = ON_LATTICE + 2 * 16
CHANCES = NUDGES + 2

FARTHEST = 1 << 42


@inlined
def level_of(activity):
    """Logarithm of an activity in quarters of an octave, roughly; small ones exactly."""
    length = bit_length(activity)
    level = activity if length < 3 else ((length - 3) << 2) + (activity >> (length - 3))
    return min(level, LEVELS - 1)


@kernel
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
        decoding, coder, int64(residual < 0), chances, uint64(SIGNS + mode * 3 + signs), words
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


@kernel
def code_on_lattice(
    decoding, coder, ordinal, prediction, activity, signs, anchor, pitch, stage, before,
    scale, form, chances, words, raw_words,
):  # fmt: skip
    """Code whether a float is a whole number of pitches from `anchor`, and if so which.

    Gives whether it is, its ordinal, and the coder.
    """
    index = int64(0)
    nudge = int64(0)
    # A prediction may be wild; heights are less than FARTHEST apart.
    far = min(max(prediction - anchor, -FARTHEST), FARTHEST)
    near = ((far << PITCH_BITS) + (pitch >> 1)) // pitch
    found = int64(0)
    if not decoding:
        height = height_of(ordinal, scale, form)
        index = (((height - anchor) << PITCH_BITS) + (pitch >> 1)) // pitch
        place = lattice_ordinal(anchor, index, pitch, scale, form)
        # Not by their difference, which may be too large for 64 bits.
        found = int64((ordinal >= place - 1) & (ordinal <= place + 1))
        if found:
            nudge = ordinal - place
    found, coder = code_bit(
        decoding, coder, found, chances, uint64(ON_LATTICE + stage * 16 + before), words
    )
    if not found:
        return found, ordinal, coder
    shift = max(bit_length(pitch) - PITCH_BITS - 1, 0)
    residual, coder = code_residual(
        decoding, coder, index - near, LATTICE, level_of(activity >> shift), signs,
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
    height = anchor + ((index * pitch + (int64(1) << (PITCH_BITS - 1))) >> PITCH_BITS)
    spacing = max(bit_length(abs(height)) - 1 - form[0], 0)
    return first_ordinal(height - ((int64(1) << spacing) >> 1), scale, form)
