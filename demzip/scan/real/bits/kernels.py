"""Adaptive binary coding, in either direction (docs/format.md section 9.4).

`coder` = (low or point, span, position, bit) is the state of entropy/kernels.py's range coder and
of the stream of uncoded bits. A chance is a uint32: 24 bits of the chance of a 1, and 8 that count
how often it was used, up to a limit: the more often, the slower it moves.
"""

from numba import int64, uint32, uint64

from demzip.entropy.kernels import clear_ahead, encode_step, put_bits
from demzip.jit import inlined, kernel
from demzip.scan.real.floats.kernels import bit_length

EVEN_CHANCE = 1 << 31  # Format: half, never used
COUNT_LIMIT = 254  # Format: uses after which a chance moves no slower
LEAST = 32  # Format: of 65536


@inlined
def code_bit(decoding, coder, bit, chances, slot, words):
    """Code one adaptive bit; gives it and the coder."""
    point, span, position, raw = coder
    chance = int64(chances[slot])
    one = min(max(chance >> 16, LEAST), 65536 - LEAST)
    scale = (span >> uint64(24)) << uint64(8)
    if decoding:
        bound = scale * uint64(one)
        bit = int64(point < bound)
        if bit:
            span = bound
        else:
            point -= bound
            span = scale * uint64(65536 - one)
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
            point, span, position, words, uint64(one), uint64(65536 - one), uint64(8)
        )
    count = chance & 255
    high = chance >> 8
    goal = int64(0xFFFFFF) if bit else int64(0)
    high += (goal - high) >> bit_length(count + 1)
    chances[slot] = uint32(high << 8 | min(count + 1, COUNT_LIMIT))
    return bit, (point, span, position, raw)


@kernel
def code_raw(decoding, coder, value, count, raw_words):
    """Code `count` <= 62 uncoded bits, lowest first; gives them and the coder."""
    point, span, position, bit = coder
    done = int64(0)
    found = int64(0)
    while done < count:
        part = min(count - done, 32)
        if decoding:
            index = min(bit >> uint64(5), uint64(raw_words.size - 2))
            pair = uint64(raw_words[index]) | (
                uint64(raw_words[index + uint64(1)]) << uint64(32)
            )
            piece = int64((pair >> (bit & uint64(31))) & ((uint64(1) << uint64(part)) - uint64(1)))
            found |= piece << done
            bit += uint64(part)
        else:
            clear_ahead(raw_words, bit)
            piece = (uint64(value) >> uint64(done)) & ((uint64(1) << uint64(part)) - uint64(1))
            bit = put_bits(raw_words, bit, piece, part)
        done += part
    return (found if decoding else value), (point, span, position, bit)
