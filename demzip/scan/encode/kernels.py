"""Residuals and context states to words (docs/format.md section 8)."""

from numba import int64, uint32, uint64

from demzip.constants import (
    ESCAPE,
    ESCAPE_LENGTH_BITS,
    ESCAPE_SHIFT,
    SYMBOL_BITS,
    TABLE_BITS,
)
from demzip.entropy.kernels import encode_end, encode_step, symbol_of
from demzip.jit import inlined, kernel


@inlined
def put_bits(words, bit, value, count):
    """Append `count` <= 32 bits to words that are zero from `bit` on."""
    index = bit >> 5
    pair = uint64(value) << uint64(bit & 31)
    words[index] |= uint32(pair)
    words[index + 1] |= uint32(pair >> uint64(32))
    return bit + count


@kernel
def put_escape(words, bit, residual):
    """Write a residual outside its table: length of the folded value, then the value."""
    folded = uint64(2 * residual) if residual >= 0 else uint64(-2 * residual - 1)
    length = 0
    while length < 64 and folded >> uint64(length) != uint64(0):
        length += 1
    clear_ahead(words, bit)
    bit = put_bits(words, bit, length, ESCAPE_LENGTH_BITS)
    while length > 0:
        count = min(length, 32)
        clear_ahead(words, bit)
        bit = put_bits(words, bit, folded & ((uint64(1) << uint64(count)) - uint64(1)), count)
        folded = folded >> uint64(count)
        length -= count
    return bit


@inlined
def clear_ahead(words, bit):
    words[(bit >> 5) + 1] = uint32(0)


@inlined
def encode_sample(
    residual, state, cluster_of, entries, shifts, side_tokens, words, bits,
    low, span, position, bit,
):
    """Code one residual: its token to the range coder, its low bits uncoded."""
    cluster = int64(cluster_of[state])
    symbol = symbol_of(residual >> int64(shifts[cluster]), side_tokens)
    entry = entries[(cluster << SYMBOL_BITS) + symbol]
    if entry & 0x1FFF == 0:
        entry = entries[(cluster << SYMBOL_BITS) + ESCAPE]
    low, span, position = encode_step(
        low, span, position, words,
        uint64((entry >> 13) & 0x1FFF), uint64(entry & 0x1FFF), uint64(TABLE_BITS),
    )  # fmt: skip
    count = (entry >> 26) & 63
    if count == ESCAPE_SHIFT:
        bit = put_escape(bits, bit, residual)
    elif count > 0:
        clear_ahead(bits, bit)
        bit = put_bits(bits, bit, residual - (entry >> 32), count)
    return low, span, position, bit


@kernel
def encode_rows(
    residuals, states, holes, first, step, cluster_of, entries, shifts, side_tokens, words, bits
):
    """Code rows first, first + step, ... as one stream. Returns words and bits used."""
    rows, cols = residuals.shape
    masked = holes.shape[0] > 1
    low, span, position, bit = uint64(0), uint64(0xFFFFFFFFFFFFFFFF), int64(0), int64(0)
    bits[0] = uint32(0)
    for row in range(first, rows, step):
        for col in range(cols):
            if masked and holes[row, col]:
                continue
            low, span, position, bit = encode_sample(
                int64(residuals[row, col]), states[row, col], cluster_of, entries, shifts, side_tokens,
                words, bits, low, span, position, bit,
            )  # fmt: skip
    return encode_end(low, span, position, words), bit
