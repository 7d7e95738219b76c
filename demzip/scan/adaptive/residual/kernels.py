"""One sample as a sequence of decisions, in either direction (docs/format.md section 10.6).

The state of the coder and `decoding` as in scan/real/bits/kernels.py.
"""

from numba import int64, uint64

from demzip.entropy.kernels import clear_ahead, peek_bits, put_bits
from demzip.jit import inlined, kernel
from demzip.scan.adaptive.contexts.kernels import (
    FRACTION_BITS,
    HALF_SAMPLE,
    HALVES,
    MIXED_CHANCES,
    NODES,
)
from demzip.scan.adaptive.mixing.kernels import INPUTS, code_mixed, code_single
from demzip.scan.real.floats.kernels import bit_length

FINE = 16  # Format: levels below have buckets of one sample
LAST_OWN = 18  # Format: buckets from this on share their chances
BUCKETS = 24  # Format: those farther out are escapes
FAR_SIDE = 20  # nodes of the farther side, less those of the nearer one
LENGTH_BITS = 6
MIX_CLASSES = 64
MIX_WEIGHTS = NODES * MIX_CLASSES * INPUTS


@kernel
def code_plain(decoding, coder, value, count, raw_words):
    """Code the last `count` <= 32 bits of a number, uncoded; gives them and the coder."""
    point, span, position, bit = coder
    mask = (uint64(1) << uint64(count)) - uint64(1)
    if decoding:
        start = min(bit, uint64(32) * uint64(raw_words.size - 2))
        part = peek_bits(raw_words, start) & mask
        bit += uint64(count)
    else:
        part = uint64(value) & mask
        clear_ahead(raw_words, bit)
        bit = put_bits(raw_words, bit, part, count)
    return int64(part), (point, span, position, bit)


@kernel
def code_escape(decoding, coder, rest, raw_words):
    """Code how many buckets beyond the last one a sample is: its length in bits, then itself."""
    length, coder = code_plain(
        decoding, coder, bit_length(rest), int64(LENGTH_BITS), raw_words
    )
    found, coder = code_plain(decoding, coder, rest, min(length, 32), raw_words)
    if length > 32:
        upper, coder = code_plain(decoding, coder, rest >> 32, length - 32, raw_words)
        found += upper << 32
    return found, coder


@inlined
def code_sample(
    decoding, coder, sample, prediction, level, contexts, mixing, chances, weights, tables, words,
    raw_words,
):  # fmt: skip
    """Code a sample given its prediction in sixteenths; gives it and the coder.

    `contexts` are the INPUTS slots where the chances of its contexts begin, `mixing` the class of
    its mixing weights; other arrays as in code_mixed.
    """
    slot0, slot1, slot2, slot3 = contexts
    mirrored = (prediction & (2 * HALF_SAMPLE - 1)) > HALF_SAMPLE
    near = (prediction >> FRACTION_BITS) + int64(mirrored)
    sign = int64(-1) if mirrored else int64(1)
    shift = max((level - FINE) >> 2, 0)
    offset = (sample - near) * sign
    far = int64(offset > 0)
    distance = offset - 1 if far else -offset
    bucket = distance >> shift
    row = uint64(mixing * INPUTS)
    far, coder = code_mixed(
        decoding, coder, far, chances, contexts, weights, row, tables, words
    )
    first = 1 + FAR_SIDE * far
    found = int64(0)
    beyond = int64(1)
    while found < BUCKETS:
        node = first + min(found, LAST_OWN)
        slot = uint64(node)
        beyond, coder = code_mixed(
            decoding, coder, int64(bucket > found), chances,
            (slot0 + slot, slot1 + slot, slot2 + slot, slot3 + slot), weights,
            row + uint64(node * MIX_CLASSES * INPUTS), tables, words,
        )  # fmt: skip
        if not beyond:
            break
        found += 1
    if beyond:
        rest, coder = code_escape(decoding, coder, bucket - BUCKETS, raw_words)
        found += rest
    if shift > 0:
        half = (level * 2 + far) * HALVES + min(found, HALVES - 1)
        upper, coder = code_single(
            decoding, coder, (distance >> (shift - 1)) & 1, chances, uint64(MIXED_CHANCES + half),
            tables[2], words,
        )
        found = 2 * found + upper
        shift -= 1
    if shift > 0:
        low, coder = code_plain(decoding, coder, distance, shift, raw_words)
        found = (found << shift) + low
    offset = found + 1 if far else -found
    return near + offset * sign, coder
