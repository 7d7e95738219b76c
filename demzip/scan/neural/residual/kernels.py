"""One sample as a sequence of decisions, in either direction (docs/format.md section 11.5).

The state of the coder and `decoding` as in scan/real/bits/kernels.py; `tables` as in
neural/tables.py.
"""

from numba import int64, uint32, uint64

from demzip.jit import inlined
from demzip.scan.adaptive.contexts.kernels import FRACTION_BITS, HALF_SAMPLE, NODES
from demzip.scan.adaptive.mixing.kernels import (
    EVEN,
    FIRST_COUNT,
    REACH,
    code_chance,
    revise,
)
from demzip.scan.adaptive.residual.kernels import (
    BUCKETS,
    FAR_SIDE,
    FINE,
    LAST_OWN,
    MIX_CLASSES,
    code_escape,
    code_plain,
)
from demzip.scan.neural.mixture.kernels import logit, mass_beyond

INPUTS = 3  # chances of two contexts, and the network
FIRST_WEIGHTS = (10000, 10000, 42000)  # Format: of the inputs, of 65536
MIX_WEIGHTS = NODES * MIX_CLASSES * INPUTS
BOUNDARY_BITS = 12  # boundaries count 2**-12 samples
HALF_CELL = 1 << (BOUNDARY_BITS - 1)
SAMPLE_REACH = 1 << 30  # Format: magnitude of a centred sample
MOST_BUCKETS = 1 << 32  # Format: that an escape adds
LOW_BITS = 2  # Format: of those below a bucket, how many the network tells


@inlined
def code_mixed(decoding, coder, bit, chances, slots, weights, row, network, tables, words):
    """Code a decision; gives it and the coder.

    Preconditions: `slots` are two indices into `chances`, `row` is that of the decision's three
    `weights` (int64), `network` the logit that the network gives.
    """
    logits, frequencies, rates = tables[0], tables[1], tables[2]
    slot0, slot1 = slots
    chance0, chance1 = chances[slot0], chances[slot1]
    if chance0 == 0:
        chance0 = EVEN
    if chance1 == 0:
        chance1 = (chance0 & uint32(0xFFFFFF00)) | uint32(FIRST_COUNT)
    x0, x1 = int64(logits[chance0 >> uint32(20)]), int64(logits[chance1 >> uint32(20)])
    row1, row2 = row + uint64(1), row + uint64(2)
    w0, w1, w2 = weights[row], weights[row1], weights[row2]
    total = (w0 * x0 + w1 * x1 + w2 * network) >> 16
    total = min(max(total, 1 - REACH), REACH - 1)
    one = int64(frequencies[uint64(total + REACH - 1)])
    bit, coder = code_chance(decoding, coder, bit, one, words)
    error = (bit << 16) - one
    weights[row] = w0 + ((error * x0 + 32768) >> 16)
    weights[row1] = w1 + ((error * x1 + 32768) >> 16)
    weights[row2] = w2 + ((error * network + 32768) >> 16)
    chances[slot0] = revise(chance0, bit, rates)
    chances[slot1] = revise(chance1, bit, rates)
    return bit, coder


@inlined
def code_low_bits(
    decoding, coder, distance, found, shift, edge, direction, knows, mixture, tables, words,
    raw_words,
):  # fmt: skip
    """Code the `shift` bits of a distance below its bucket; gives the distance and the coder."""
    left = shift
    found = found << shift
    if knows:
        last = max(shift - LOW_BITS, 0)
        nearer = mass_beyond(edge + direction * (found << BOUNDARY_BITS), direction, mixture, tables[5])
        farther = mass_beyond(
            edge + direction * ((found + (int64(1) << shift)) << BOUNDARY_BITS), direction, mixture,
            tables[5],
        )  # fmt: skip
        while left > last:
            left -= 1
            middle = found + (int64(1) << left)
            between = mass_beyond(
                edge + direction * (middle << BOUNDARY_BITS), direction, mixture, tables[5]
            )
            odds = logit(between - farther, nearer - between, tables[3])
            one = int64(tables[1][uint64(odds + REACH - 1)])
            bit, coder = code_chance(decoding, coder, (distance >> left) & 1, one, words)
            if bit:
                found, nearer = middle, between
            else:
                farther = between
    if left > 0:
        low, coder = code_plain(decoding, coder, distance, left, raw_words)
        found += low
    return found, coder


@inlined
def code_sample(
    decoding, coder, sample, prediction, level, contexts, mixing, knows, mixture, chances,
    weights, tables, words, raw_words,
):  # fmt: skip
    """Code a sample given its prediction in sixteenths; gives it and the coder.

    `contexts` are the two slots where the chances of its contexts begin, `mixing` the class of its
    mixing weights; `mixture` counts if `knows`; other arrays as in code_mixed.
    """
    slot0, slot1 = contexts
    logarithms, sigmas = tables[3], tables[5]
    mirrored = (prediction & (2 * HALF_SAMPLE - 1)) > HALF_SAMPLE
    near = (prediction >> FRACTION_BITS) + int64(mirrored)
    sign = int64(-1) if mirrored else int64(1)
    shift = max((level - FINE) >> 2, 0)
    offset = (sample - near) * sign
    far = int64(offset > 0)
    distance = offset - 1 if far else -offset
    bucket = distance >> shift
    row = uint64(mixing * INPUTS)
    edge = (near << BOUNDARY_BITS) + sign * HALF_CELL
    beyond, odds, tail = int64(0), int64(0), int64(0)
    if knows:
        beyond = mass_beyond(edge, sign, mixture, sigmas)
        tail = mixture[4]
        odds = logit(beyond, tail - beyond, logarithms)
    far, coder = code_mixed(
        decoding, coder, far, chances, contexts, weights, row, odds, tables, words
    )
    tail = beyond if far else tail - beyond
    direction = sign if far else -sign
    first = 1 + FAR_SIDE * far
    found = int64(0)
    more = int64(1)
    while found < BUCKETS:
        node = first + min(found, LAST_OWN)
        if knows:
            boundary = edge + direction * (((found + 1) << shift) << BOUNDARY_BITS)
            beyond = mass_beyond(boundary, direction, mixture, sigmas)
            odds = logit(beyond, tail - beyond, logarithms)
        slot = uint64(node)
        more, coder = code_mixed(
            decoding, coder, int64(bucket > found), chances, (slot0 + slot, slot1 + slot),
            weights, row + uint64(node * MIX_CLASSES * INPUTS), odds, tables, words,
        )  # fmt: skip
        if not more:
            break
        tail = beyond
        found += 1
    if more:
        rest, coder = code_escape(decoding, coder, bucket - BUCKETS, raw_words)
        found += min(rest, MOST_BUCKETS)
    if shift > 0:
        found, coder = code_low_bits(
            decoding, coder, distance, found, shift, edge, direction, knows and not more, mixture,
            tables, words, raw_words,
        )  # fmt: skip
    offset = found + 1 if far else -found
    return min(max(near + offset * sign, -SAMPLE_REACH), SAMPLE_REACH), coder
