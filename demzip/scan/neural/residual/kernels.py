"""One sample as a sequence of decisions, in either direction (docs/format.md section 11.5).

The state of the coder and `decoding` as in scan/real/bits/kernels.py; `tables` as in
neural/tables.py.
"""

from numba import int64, uint32, uint64

from demzip.jit import inlined
from demzip.scan.adaptive.contexts.kernels import NODES
from demzip.scan.adaptive.mixing.kernels import (
    EVEN,
    FIRST_COUNT,
    REACH,
    code_chance,
    moved,
)
from demzip.scan.adaptive.residual.kernels import (
    BUCKETS,
    FAR_SIDE,
    LAST_OWN,
    MIX_CLASSES,
    code_escape,
    code_plain,
)
from demzip.scan.neural.layers.kernels import MASSES
from demzip.scan.neural.mixture.kernels import (
    NEAREST,
    RATES,
    SIGMAS,
    logit,
    mass_beyond,
    total_of,
)

INPUTS = 3  # chances of two contexts, and the network
FIRST_WEIGHTS = (10000, 10000, 42000)  # Format: of the inputs, of 65536
MIX_WEIGHTS = NODES * MIX_CLASSES * INPUTS
SAMPLE_REACH = 1 << 30  # Format: magnitude of a centred sample
CENTRE = MASSES + NEAREST  # where the mass of the farther side is
MOST_BUCKETS = 1 << 32  # Format: that an escape adds


@inlined
def code_mixed(decoding, coder, bit, chances, slots, weights, row, network, tables, words):
    """Code a decision; gives it and the coder.

    Preconditions: `slots` are two indices into `chances`, `row` is that of the decision's three
    `weights` (int64), `network` the logit that the network gives.
    """
    slot0, slot1 = slots
    chance0, chance1 = chances[slot0], chances[slot1]
    if chance0 == 0:
        chance0 = EVEN
    if chance1 == 0:
        chance1 = (chance0 & uint32(0xFFFFFF00)) | uint32(FIRST_COUNT)
    x0, x1 = int64(tables[chance0 >> uint32(20)]), int64(tables[chance1 >> uint32(20)])
    row1, row2 = row + uint64(1), row + uint64(2)
    w0, w1, w2 = weights[row], weights[row1], weights[row2]
    total = (w0 * x0 + w1 * x1 + w2 * network) >> 16
    total = min(max(total, 1 - REACH), REACH - 1)
    one = int64(tables[uint64(total + (SIGMAS + REACH - 1))])
    bit, coder = code_chance(decoding, coder, bit, one, words)
    error = (bit << 16) - one
    weights[row] = w0 + ((error * x0 + 32768) >> 16)
    weights[row1] = w1 + ((error * x1 + 32768) >> 16)
    weights[row2] = w2 + ((error * network + 32768) >> 16)
    rate0 = tables[uint64(uint32(RATES) + (chance0 & uint32(255)))]
    rate1 = tables[uint64(uint32(RATES) + (chance1 & uint32(255)))]
    chances[slot0] = moved(chance0, bit, rate0)
    chances[slot1] = moved(chance1, bit, rate1)
    return bit, coder


@inlined
def outer(far, mixture, quarters, tables):
    """Mass on one side, farther out than so many quarters of a bucket."""
    mass = mass_beyond(mixture, quarters if far else -quarters, tables)
    return mass if far else total_of(mixture) - mass


@inlined
def code_told(decoding, coder, bit, far, mixture, start, width, tables, words):
    """Code which half of some quarters of a bucket a sample is in; gives that and the coder."""
    nearer = outer(far, mixture, start, tables)
    between = outer(far, mixture, start + width, tables)
    farther = outer(far, mixture, start + 2 * width, tables)
    odds = logit(between - farther, nearer - between, tables)
    one = int64(tables[uint64(odds + (SIGMAS + REACH - 1))])
    return code_chance(decoding, coder, bit, one, words)


@inlined
def code_low_bits(
    decoding, coder, distance, found, shift, far, knows, mixture, tables, words, raw_words
):
    """Code the `shift` bits of a distance below its bucket; gives the distance and the coder.

    The network tells the highest two, if it knows of the sample.
    """
    left = shift
    if knows:
        left -= 1
        upper, coder = code_told(
            decoding, coder, (distance >> left) & 1, far, mixture, 4 * found, int64(2), tables,
            words,
        )  # fmt: skip
        found = 2 * found + upper
        if left > 0:
            left -= 1
            upper, coder = code_told(
                decoding, coder, (distance >> left) & 1, far, mixture, 2 * found, int64(1), tables,
                words,
            )  # fmt: skip
            found = 2 * found + upper
    if left > 0:
        low, coder = code_plain(decoding, coder, distance, left, raw_words)
        found = (found << left) + low
    return found, coder


@inlined
def odds_of(found, far, mixture, scratch, tables):
    """The network's logit of more than `found` buckets."""
    if found < NEAREST - 1:
        place = uint64(CENTRE + found if far else CENTRE - found)
        next_one = place + uint64(1) if far else place - uint64(1)
        before, beyond = int64(scratch[place]), int64(scratch[next_one])
        if not far:
            total = total_of(mixture)
            before, beyond = total - before, total - beyond
    else:
        before = outer(far, mixture, 4 * found, tables)
        beyond = outer(far, mixture, 4 * found + 4, tables)
    return logit(beyond, before - beyond, tables)


@inlined
def code_sample(
    decoding, coder, sample, near, sign, shift, contexts, mixing, knows, mixture, scratch, chances,
    weights, tables, words, raw_words,
):  # fmt: skip
    """Code a sample; gives it and the coder.

    `near` and `sign` are the nearest sample to the prediction and on which side of it the farther
    ones are, buckets have 2**shift samples; `contexts` are the two slots where the chances of its
    contexts begin, `mixing` the class of its mixing weights; `mixture` and `scratch` count if
    `knows`; other arrays as in code_mixed.
    """
    slot0, slot1 = contexts
    offset = (sample - near) * sign
    far = int64(offset > 0)
    distance = offset - 1 if far else -offset
    bucket = distance >> shift
    row = uint64(mixing * INPUTS)
    odds = int64(0)
    if knows:
        beyond = int64(scratch[uint64(CENTRE)])
        odds = logit(beyond, total_of(mixture) - beyond, tables)
    far, coder = code_mixed(
        decoding, coder, far, chances, contexts, weights, row, odds, tables, words
    )
    first = 1 + FAR_SIDE * far
    found = int64(0)
    more = int64(1)
    while found < BUCKETS:
        node = first + min(found, LAST_OWN)
        if knows:
            odds = odds_of(found, far, mixture, scratch, tables)
        slot = uint64(node)
        more, coder = code_mixed(
            decoding, coder, int64(bucket > found), chances, (slot0 + slot, slot1 + slot),
            weights, row + uint64(node * MIX_CLASSES * INPUTS), odds, tables, words,
        )  # fmt: skip
        if not more:
            break
        found += 1
    if more:
        rest, coder = code_escape(decoding, coder, bucket - BUCKETS, raw_words)
        found += min(rest, MOST_BUCKETS)
    if shift > 0:
        found, coder = code_low_bits(
            decoding, coder, distance, found, shift, far, knows and not more, mixture, tables,
            words, raw_words,
        )  # fmt: skip
    offset = found + 1 if far else -found
    return min(max(near + offset * sign, -SAMPLE_REACH), SAMPLE_REACH), coder
