"""Binary decisions whose chances are mixed from several contexts (docs/format.md section 10.5).

`coder` as in scan/real/bits/kernels.py. A chance is a uint32: 24 bits of the chance of a 1, and 8
that count how often it was used; 0 is one that never was.
"""

from numba import int64, uint32, uint64

from demzip.entropy.kernels import encode_step
from demzip.jit import inlined

INPUTS = 4  # chances of a decision
REACH = 2560  # Format: logits lie within +-2559
ONE = 1 << 16  # Format: a weight of one; also the sum of a decision's frequencies
EVEN = uint32(1 << 31)  # Format: half, never used
LEAST = 32  # Format: of the 2**16 cases of a decision of one chance
FIRST_COUNT = 2  # Format: uses that are taken for granted in a new context
COUNT_LIMIT = 254  # Format: uses after which a chance moves no slower


@inlined
def moved(chance, bit, rate):
    """A chance after its bit is known, at the rate of its count."""
    high = int64(chance >> uint32(8))
    goal = int64(0xFFFFFF) if bit else int64(0)
    high += ((goal - high) * rate) >> 16
    return uint32(high << 8 | min(int64(chance & uint32(255)) + 1, COUNT_LIMIT))


@inlined
def revise(chance, bit, rates):
    """A chance after its bit is known."""
    return moved(chance, bit, rates[uint64(chance & uint32(255))])


@inlined
def code_chance(decoding, coder, bit, one, words):
    """Code a bit that is 1 in `one` of ONE cases; gives it and the coder."""
    point, span, position, raw = coder
    scale = (span >> uint64(24)) << uint64(8)
    if decoding:
        bound = scale * uint64(one)
        bit = int64(point < bound)
        if bit:
            span = bound
        else:
            point -= bound
            span = scale * uint64(ONE - one)
        if span < uint64(1) << uint64(32):
            following = words[min(position, uint64(words.size - 1))]
            point = (point << uint64(32)) | uint64(following)
            position += uint64(1)
            span = span << uint64(32)
    elif bit:
        point, span, position = encode_step(
            point, span, position, words, uint64(0), uint64(one), uint64(8)
        )
    else:
        point, span, position = encode_step(
            point, span, position, words, uint64(one), uint64(ONE - one), uint64(8)
        )
    return bit, (point, span, position, raw)


@inlined
def code_single(decoding, coder, bit, chances, slot, rates, words):
    """Code a decision of one chance; gives it and the coder."""
    chance = chances[slot]
    if chance == 0:
        chance = EVEN
    one = min(max(int64(chance >> uint32(16)), LEAST), ONE - LEAST)
    bit, coder = code_chance(decoding, coder, bit, one, words)
    chances[slot] = revise(chance, bit, rates)
    return bit, coder


@inlined
def code_mixed(decoding, coder, bit, chances, slots, weights, row, tables, words):
    """Code a decision; gives it and the coder.

    Preconditions: `slots` are INPUTS indices into `chances`; the decision's weights are those of
    `weights` (int64) from `row` on; `tables` = (logits, frequencies, rates) of adaptive/tables.py.
    """
    logits, frequencies, rates = tables
    slot0, slot1, slot2, slot3 = slots
    chance0, chance1 = chances[slot0], chances[slot1]
    chance2, chance3 = chances[slot2], chances[slot3]
    if chance0 == 0:
        chance0 = EVEN
    fresh = (chance0 & uint32(0xFFFFFF00)) | uint32(FIRST_COUNT)
    if chance1 == 0:
        chance1 = fresh
    if chance2 == 0:
        chance2 = fresh
    if chance3 == 0:
        chance3 = fresh
    x0, x1 = int64(logits[chance0 >> uint32(20)]), int64(logits[chance1 >> uint32(20)])
    x2, x3 = int64(logits[chance2 >> uint32(20)]), int64(logits[chance3 >> uint32(20)])
    row1, row2, row3 = row + uint64(1), row + uint64(2), row + uint64(3)
    w0, w1, w2, w3 = weights[row], weights[row1], weights[row2], weights[row3]
    logit = (w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3) >> 16
    logit = min(max(logit, 1 - REACH), REACH - 1)
    one = int64(frequencies[uint64(logit + REACH - 1)])
    bit, coder = code_chance(decoding, coder, bit, one, words)
    error = (bit << 16) - one
    weights[row] = w0 + ((error * x0 + 32768) >> 16)
    weights[row1] = w1 + ((error * x1 + 32768) >> 16)
    weights[row2] = w2 + ((error * x2 + 32768) >> 16)
    weights[row3] = w3 + ((error * x3 + 32768) >> 16)
    chances[slot0] = revise(chance0, bit, rates)
    chances[slot1] = revise(chance1, bit, rates)
    chances[slot2] = revise(chance2, bit, rates)
    chances[slot3] = revise(chance3, bit, rates)
    return bit, coder
