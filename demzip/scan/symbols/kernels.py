"""One residual to and from words: its symbol, its low bits, its escape (docs/format.md section 8).

Writers and readers side by side; each pair is tested against the other and against plain Python.
"""

from numba import int64, uint32, uint64

from demzip.constants import (
    ESCAPE,
    ESCAPE_LENGTH_BITS,
    ESCAPE_SHIFT,
    POPULAR_SHIFT,
    SYMBOL_BITS,
    TABLE_BITS,
    TABLE_TOTAL,
)
from demzip.entropy.kernels import chance_of_lower, encode_step, peek_bits, symbol_of
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
def put_symbol(
    residual, state, cluster_of, entries, shifts, side_tokens, words, low, span, position
):
    """Code the symbol of one residual; returns its table entry and its number too."""
    cluster = uint64(cluster_of[uint64(state)])
    symbol = uint64(symbol_of(residual >> shifts[cluster], side_tokens))
    number = (cluster << uint64(SYMBOL_BITS)) + symbol
    entry = entries[number]
    if entry & 0x1FFF == 0:
        number = (cluster << uint64(SYMBOL_BITS)) + uint64(ESCAPE)
        entry = entries[number]
    low, span, position = encode_step(
        low, span, position, words,
        uint64((entry >> 13) & 0x1FFF), uint64(entry & 0x1FFF), uint64(TABLE_BITS),
    )  # fmt: skip
    return entry, number, low, span, position


@inlined
def put_plain(
    residual, state, cluster_of, entries, shifts, side_tokens, words, bits,
    low, span, position, bit,
):  # fmt: skip
    """Code one residual whose low bits, if any, are uncoded: inverse of take_plain."""
    entry, _, low, span, position = put_symbol(
        residual, state, cluster_of, entries, shifts, side_tokens, words, low, span, position
    )
    count = (entry >> 26) & 63
    if count == ESCAPE_SHIFT:
        bit = put_escape(bits, bit, residual)
    elif count > 0:
        clear_ahead(bits, bit)
        bit = put_bits(bits, bit, residual - (entry >> 32), count)
    return low, span, position, bit


@inlined
def put_any(
    residual, state, level, cumulative, cluster_of, entries, tilts, shifts, side_tokens,
    words, bits, low, span, position, bit,
):  # fmt: skip
    """Code one residual whose low bits may be coded by popularity: inverse of take_any.

    `level` is the index of the sample in `cumulative`.
    """
    entry, number, low, span, position = put_symbol(
        residual, state, cluster_of, entries, shifts, side_tokens, words, low, span, position
    )
    count = (entry >> 26) & 63
    if count == ESCAPE_SHIFT:
        bit = put_escape(bits, bit, residual)
    elif count >= POPULAR_SHIFT:
        low, span, position = put_popular(
            count - POPULAR_SHIFT, level - residual + (entry >> 32), level, tilts[number],
            cumulative, words, low, span, position,
        )  # fmt: skip
    elif count > 0:
        clear_ahead(bits, bit)
        bit = put_bits(bits, bit, residual - (entry >> 32), count)
    return low, span, position, bit


@kernel
def take_escape(words, bit):
    """Inverse of put_escape."""
    length = int64(peek_bits(words, bit) & uint64((1 << ESCAPE_LENGTH_BITS) - 1))
    bit += uint64(ESCAPE_LENGTH_BITS)
    folded, done = uint64(0), 0
    while done < length:
        count = min(length - done, 32)
        part = peek_bits(words, bit) & ((uint64(1) << uint64(count)) - uint64(1))
        folded |= part << uint64(done)
        bit += uint64(count)
        done += count
    half = int64(folded >> uint64(1))
    return (-half - 1 if folded & uint64(1) else half), bit


@inlined
def mass_below(cumulative, index):
    """Mass of the levels before `index`, which may lie outside the list."""
    return cumulative[uint64(min(max(index, 0), cumulative.size - 1))]


@kernel
def take_popular(width, start, tilt, cumulative, words, point, span, position):
    """Find a level among 2**width from `start` on, by halving (docs/format.md section 8.5).

    `tilt` holds twice the density of the residual at both ends: start << 32 | end.
    """
    low = start
    density, end = tilt >> 32, tilt & 0xFFFFFFFF
    low_mass = mass_below(cumulative, low)
    high_mass = mass_below(cumulative, low + (1 << width))
    while width > 0:
        width -= 1
        middle_mass = mass_below(cumulative, low + (1 << width))
        left, right = middle_mass - low_mass, high_mass - middle_mass
        lower = right == 0
        if left > 0 and right > 0:
            chance = uint64(chance_of_lower(left, right, density, end))
            scale = (span >> uint64(24)) << uint64(8)
            lower = point < scale * chance
            if lower:
                span = scale * chance
            else:
                point -= scale * chance
                span = scale * (uint64(65536) - chance)
            if span < uint64(1) << uint64(32):
                point = (point << uint64(32)) | uint64(words[position])
                position += uint64(1)
                span = span << uint64(32)
        if lower:
            high_mass, end = middle_mass, (density + end) >> 1
        else:
            low_mass, density = middle_mass, (density + end) >> 1
            low += 1 << width
    return low - start, point, span, position


@inlined
def take_symbol(state, cluster_of, lut, entries, words, point, span, position):
    """Take one symbol from a stream, given its context state: its table entry and its number.

    Indices are unsigned because Numba spends several instructions on every signed one, in case it
    counts from the end.
    """
    cluster = uint64(cluster_of[uint64(state)])
    scale = (span >> uint64(24)) << uint64(TABLE_BITS)
    slot = (point // scale) & uint64(TABLE_TOTAL - 1)  # already less, unless corrupt
    symbol = uint64(lut[(cluster << uint64(TABLE_BITS)) + slot])
    number = (cluster << uint64(SYMBOL_BITS)) + symbol
    entry = entries[number]
    point -= scale * uint64((entry >> 13) & 0x1FFF)
    span = scale * uint64(entry & 0x1FFF)
    if span < uint64(1) << uint64(32):
        point = (point << uint64(32)) | uint64(words[position])
        position += uint64(1)
        span = span << uint64(32)
    return entry, number, point, span, position


@inlined
def take_plain(state, cluster_of, lut, entries, words, point, span, position, bit):
    """Take one residual whose low bits, if any, are uncoded."""
    entry, _, point, span, position = take_symbol(
        state, cluster_of, lut, entries, words, point, span, position
    )
    shift = uint64(entry >> 26) & uint64(63)
    low_bits = peek_bits(words, bit) & ((uint64(1) << shift) - uint64(1))
    residual = (entry >> 32) + int64(low_bits)
    bit += shift
    if shift == uint64(ESCAPE_SHIFT):
        residual, bit = take_escape(words, bit - shift)
    return residual, point, span, position, bit


@kernel
def take_any(
    state, place, cumulative, cluster_of, lut, entries, tilts, words, point, span, position, bit
):
    """Take one residual whose low bits may be coded by popularity.

    `place` is the index of the predicted level in `cumulative`. A function of its own: inlined
    into the lockstep loop, which never needs it, it made that loop a third slower.
    """
    entry, number, point, span, position = take_symbol(
        state, cluster_of, lut, entries, words, point, span, position
    )
    shift = (entry >> 26) & 63
    residual = entry >> 32
    if shift == ESCAPE_SHIFT:
        residual, bit = take_escape(words, bit)
    elif shift >= POPULAR_SHIFT:
        offset, point, span, position = take_popular(
            shift - POPULAR_SHIFT, place + residual, tilts[number], cumulative, words,
            point, span, position,
        )  # fmt: skip
        residual += offset
    elif shift > 0:
        residual += int64(peek_bits(words, bit) & ((uint64(1) << uint64(shift)) - uint64(1)))
        bit += uint64(shift)
    return residual, point, span, position, bit
