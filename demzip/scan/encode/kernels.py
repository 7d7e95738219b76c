"""Residuals and context states to words (docs/format.md section 8)."""

from numba import int64, uint32, uint64

from demzip.constants import (
    ESCAPE,
    ESCAPE_LENGTH_BITS,
    ESCAPE_SHIFT,
    POPULAR_SHIFT,
    SYMBOL_BITS,
    TABLE_BITS,
)
from demzip.entropy.kernels import chance_of_lower, encode_end, encode_step, symbol_of
from demzip.jit import inlined, kernel


@inlined
def put_bits(words, bit, value, count):
    """Append `count` <= 32 bits to words that are zero from `bit` on."""
    index = bit >> uint64(5)
    pair = uint64(value) << (bit & uint64(31))
    words[index] |= uint32(pair)
    words[index + uint64(1)] |= uint32(pair >> uint64(32))
    return bit + uint64(count)


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
    """Zero the word after the one that `bit` is in; put_bits may reach into it."""
    words[(bit >> uint64(5)) + uint64(1)] = uint32(0)


@kernel
def put_popular(width, start, level, tilt, cumulative, words, low, span, position):
    """Single a level out among 2**width from `start` on, by halving: inverse of take_popular."""
    density, end = tilt >> 32, tilt & 0xFFFFFFFF
    size = cumulative.size - 1
    low_mass = cumulative[min(max(start, 0), size)]
    high_mass = cumulative[min(max(start + (1 << width), 0), size)]
    while width > 0:
        width -= 1
        middle = start + (1 << width)
        middle_mass = cumulative[min(max(middle, 0), size)]
        left, right = middle_mass - low_mass, high_mass - middle_mass
        if left > 0 and right > 0:
            chance = uint64(chance_of_lower(left, right, density, end))
            if level < middle:
                low, span, position = encode_step(
                    low, span, position, words, uint64(0), chance, uint64(8)
                )
            else:
                low, span, position = encode_step(
                    low, span, position, words, chance, uint64(65536) - chance, uint64(8)
                )
        if level < middle:
            high_mass, end = middle_mass, (density + end) >> 1
        else:
            low_mass, density = middle_mass, (density + end) >> 1
            start = middle
    return low, span, position


@inlined
def encode_sample(
    residual, state, level, cumulative, cluster_of, entries, tilts, shifts, side_tokens, words, bits,
    low, span, position, bit,
):
    """Code one residual: its token to the range coder, its low bits uncoded."""
    cluster = uint64(cluster_of[uint64(state)])
    symbol = uint64(symbol_of(residual >> shifts[cluster], side_tokens))
    entry = entries[(cluster << uint64(SYMBOL_BITS)) + symbol]
    if entry & 0x1FFF == 0:
        entry = entries[(cluster << uint64(SYMBOL_BITS)) + uint64(ESCAPE)]
    low, span, position = encode_step(
        low, span, position, words,
        uint64((entry >> 13) & 0x1FFF), uint64(entry & 0x1FFF), uint64(TABLE_BITS),
    )  # fmt: skip
    count = (entry >> 26) & 63
    if count == ESCAPE_SHIFT:
        bit = put_escape(bits, bit, residual)
    elif count >= POPULAR_SHIFT:
        low, span, position = put_popular(
            count - POPULAR_SHIFT, level - residual + (entry >> 32), level,
            tilts[(cluster << uint64(SYMBOL_BITS)) + symbol], cumulative,
            words, low, span, position,
        )  # fmt: skip
    elif count > 0:
        clear_ahead(bits, bit)
        bit = put_bits(bits, bit, residual - (entry >> 32), count)
    return low, span, position, bit


@kernel
def encode_rows(
    residuals, states, samples, holes, first, step, origin, cumulative, cluster_of, entries, tilts, shifts, side_tokens, words, bits
):
    """Code rows first, first + step, ... as one stream. Returns words and bits used."""
    rows, cols = residuals.shape
    masked = holes.shape[0] > 0
    low, span, position, bit = uint64(0), uint64(0xFFFFFFFFFFFFFFFF), uint64(0), uint64(0)
    bits[0] = uint32(0)
    for row in range(first, rows, step):
        for col in range(cols):
            if masked and holes[row, col]:
                continue
            low, span, position, bit = encode_sample(
                int64(residuals[row, col]), states[row, col], samples[row, col] + origin, cumulative,
                cluster_of, entries, tilts, shifts, side_tokens, words, bits, low, span, position, bit,
            )  # fmt: skip
    return encode_end(low, span, position, words), bit


@kernel
def encode_quads(
    residuals, states, samples, origin, cumulative, cluster_of, entries, tilts, shifts, side_tokens,
    words, bits, words_used, bits_used,
):
    """Code all rows of a block without holes as four streams, four rows at a time.

    The streams are independent, so that the latencies of one hide behind the others. Row k of
    `words` and `bits` takes stream k; `words_used` and `bits_used` (4,) how much of it.
    """
    rows, cols = residuals.shape
    words0, words1, words2, words3 = words[0], words[1], words[2], words[3]
    bits0, bits1, bits2, bits3 = bits[0], bits[1], bits[2], bits[3]
    bits[:, 0] = uint32(0)
    full, zero = uint64(0xFFFFFFFFFFFFFFFF), uint64(0)
    low0, span0, position0, bit0 = zero, full, zero, zero
    low1, span1, position1, bit1 = zero, full, zero, zero
    low2, span2, position2, bit2 = zero, full, zero, zero
    low3, span3, position3, bit3 = zero, full, zero, zero
    for row in range(0, rows - 3, 4):
        here0, state0, level0 = residuals[row + 0], states[row + 0], samples[row + 0]
        here1, state1, level1 = residuals[row + 1], states[row + 1], samples[row + 1]
        here2, state2, level2 = residuals[row + 2], states[row + 2], samples[row + 2]
        here3, state3, level3 = residuals[row + 3], states[row + 3], samples[row + 3]
        for col in range(cols):
            low0, span0, position0, bit0 = encode_sample(
                int64(here0[col]), state0[col], level0[col] + origin, cumulative,
                cluster_of, entries, tilts, shifts, side_tokens, words0, bits0, low0, span0, position0, bit0,
            )  # fmt: skip
            low1, span1, position1, bit1 = encode_sample(
                int64(here1[col]), state1[col], level1[col] + origin, cumulative,
                cluster_of, entries, tilts, shifts, side_tokens, words1, bits1, low1, span1, position1, bit1,
            )  # fmt: skip
            low2, span2, position2, bit2 = encode_sample(
                int64(here2[col]), state2[col], level2[col] + origin, cumulative,
                cluster_of, entries, tilts, shifts, side_tokens, words2, bits2, low2, span2, position2, bit2,
            )  # fmt: skip
            low3, span3, position3, bit3 = encode_sample(
                int64(here3[col]), state3[col], level3[col] + origin, cumulative,
                cluster_of, entries, tilts, shifts, side_tokens, words3, bits3, low3, span3, position3, bit3,
            )  # fmt: skip
    last = rows // 4 * 4
    if last + 0 < rows:
        for col in range(cols):
            low0, span0, position0, bit0 = encode_sample(
                int64(residuals[last + 0, col]), states[last + 0, col],
                samples[last + 0, col] + origin, cumulative,
                cluster_of, entries, tilts, shifts, side_tokens, words0, bits0, low0, span0, position0, bit0,
            )  # fmt: skip
    if last + 1 < rows:
        for col in range(cols):
            low1, span1, position1, bit1 = encode_sample(
                int64(residuals[last + 1, col]), states[last + 1, col],
                samples[last + 1, col] + origin, cumulative,
                cluster_of, entries, tilts, shifts, side_tokens, words1, bits1, low1, span1, position1, bit1,
            )  # fmt: skip
    if last + 2 < rows:
        for col in range(cols):
            low2, span2, position2, bit2 = encode_sample(
                int64(residuals[last + 2, col]), states[last + 2, col],
                samples[last + 2, col] + origin, cumulative,
                cluster_of, entries, tilts, shifts, side_tokens, words2, bits2, low2, span2, position2, bit2,
            )  # fmt: skip
    words_used[0] = encode_end(low0, span0, position0, words0)
    bits_used[0] = bit0
    words_used[1] = encode_end(low1, span1, position1, words1)
    bits_used[1] = bit1
    words_used[2] = encode_end(low2, span2, position2, words2)
    bits_used[2] = bit2
    words_used[3] = encode_end(low3, span3, position3, words3)
    bits_used[3] = bit3
