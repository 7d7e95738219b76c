"""Single samples to and from words: what vectors leave over (docs/format.md section 8).

A lane's state is an integer of 32 bits, 2**16 at least between symbols, that a decoder refills
from the front of the block's words and an encoder, which works backwards, empties to their front.
Takers and putters side by side; each pair is tested against the other and against plain Python.
"""

from numba import int64, uint32, uint64

from demzip.constants import (
    ESCAPE,
    ESCAPE_LENGTH_BITS,
    OPEN_ESCAPE,
    STATE_BITS,
    SYMBOL_BITS,
    TABLE_BITS,
    TABLE_TOTAL,
)
from demzip.entropy.kernels import chance_of_lower, symbol_of
from demzip.jit import inlined, kernel

WORD = 0xFFFF


@inlined
def plain_tables(shifts):
    """How many tables there are before the first one whose residuals all have low bits."""
    plain = int64(0)
    for shift in shifts:
        if shift > 0:
            break
        plain += 1
    return plain


@inlined
def refill(state, words, position):
    """Make a state legal again after something was taken from it."""
    if state < uint64(1) << uint64(STATE_BITS):
        state = (state << uint64(STATE_BITS)) | uint64(words[position])
        position += 1
    return state, position


@inlined
def take_bits(state, words, position, count):
    """`count` <= 16 uncoded bits."""
    bits = state & ((uint64(1) << uint64(count)) - uint64(1))
    state, position = refill(state >> uint64(count), words, position)
    return bits, state, position


@inlined
def put_bits(state, words, position, bits, count):
    """Inverse of take_bits."""
    if state >> uint64(2 * STATE_BITS - count):
        position -= 1
        words[position] = state & uint64(WORD)
        state = state >> uint64(STATE_BITS)
    return (state << uint64(count)) | uint64(bits), position


@inlined
def put_part(state, words, position, start, frequency, bits):
    """Code a symbol with the frequencies [start, start + frequency) out of 2**bits."""
    if state >= frequency << uint64(2 * STATE_BITS - bits):
        position -= 1
        words[position] = state & uint64(WORD)
        state = state >> uint64(STATE_BITS)
    whole = state // frequency
    return (whole << uint64(bits)) + (state - whole * frequency) + start, position


@kernel
def take_escape(state, words, position):
    """A residual outside its table: length of the folded value, then the value."""
    length, state, position = take_bits(state, words, position, ESCAPE_LENGTH_BITS)
    folded, done = uint64(0), 0
    while done < int64(length):
        part = min(int64(length) - done, STATE_BITS)
        bits, state, position = take_bits(state, words, position, part)
        folded |= bits << uint64(done)
        done += part
    half = int64(folded >> uint64(1))
    return (-half - 1 if folded & uint64(1) else half), state, position


@kernel
def put_escape(state, words, position, residual):
    """Inverse of take_escape."""
    folded = uint64(2 * residual) if residual >= 0 else uint64(-2 * residual - 1)
    length = 0
    while length < 64 and folded >> uint64(length) != uint64(0):
        length += 1
    done = (length + STATE_BITS - 1) // STATE_BITS * STATE_BITS
    while done > 0:
        done -= STATE_BITS
        part = min(length - done, STATE_BITS)
        bits = (folded >> uint64(done)) & ((uint64(1) << uint64(part)) - uint64(1))
        state, position = put_bits(state, words, position, bits, part)
    return put_bits(state, words, position, uint64(length), ESCAPE_LENGTH_BITS)


@inlined
def mass_below(cumulative, index):
    """Mass of the levels before `index`, which may lie outside the list."""
    return cumulative[uint64(min(max(index, 0), cumulative.size - 1))]


@kernel
def take_popular(width, start, tilt, cumulative, state, words, position):
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
            slot = state & uint64(WORD)
            lower = slot < chance
            frequency = chance if lower else uint64(WORD + 1) - chance
            slot -= uint64(0) if lower else chance
            state = frequency * (state >> uint64(STATE_BITS)) + slot
            state, position = refill(state, words, position)
        if lower:
            high_mass, end = middle_mass, (density + end) >> 1
        else:
            low_mass, density = middle_mass, (density + end) >> 1
            low += 1 << width
    return low - start, state, position


@kernel
def put_popular(width, start, level, tilt, cumulative, state, words, position, choices):
    """Inverse of take_popular; `choices` is scratch of an element for each halving."""
    density, end = tilt >> 32, tilt & 0xFFFFFFFF
    low_mass = mass_below(cumulative, start)
    high_mass = mass_below(cumulative, start + (1 << width))
    made = 0
    while width > 0:
        width -= 1
        middle = start + (1 << width)
        middle_mass = mass_below(cumulative, middle)
        left, right = middle_mass - low_mass, high_mass - middle_mass
        if left > 0 and right > 0:
            chance = chance_of_lower(left, right, density, end)
            choices[made] = chance if level < middle else -chance
            made += 1
        if level < middle:
            high_mass, end = middle_mass, (density + end) >> 1
        else:
            low_mass, density = middle_mass, (density + end) >> 1
            start = middle
    while made > 0:
        made -= 1
        chance = choices[made]
        first = uint64(0) if chance > 0 else uint64(-chance)
        frequency = uint64(chance) if chance > 0 else uint64(WORD + 1 + chance)
        state, position = put_part(state, words, position, first, frequency, STATE_BITS)
    return state, position


@inlined
def take_open(number, place, popular, symbols, tilts, cumulative, state, words, position):
    """What the symbol of a residual leaves open; returns the residual.

    `number` is table * 128 + symbol, `place` the index of the predicted level in `cumulative`.
    """
    symbol = int64(symbols[number])
    left = symbol & 63
    residual = (symbol >> 16) << ((symbol >> 6) & 31)
    if left == OPEN_ESCAPE:
        residual, state, position = take_escape(state, words, position)
    elif popular:
        offset, state, position = take_popular(
            left, place + residual, tilts[number], cumulative, state, words, position
        )
        residual += offset
    else:
        done = 0
        while done < left:
            part = min(left - done, STATE_BITS)
            bits, state, position = take_bits(state, words, position, part)
            residual += int64(bits) << done
            done += part
    return residual, state, position


@inlined
def put_open(
    number, residual, level, popular, symbols, tilts, cumulative, state, words, position, choices
):
    """Inverse of take_open; `level` is the index of the sample in `cumulative`."""
    symbol = int64(symbols[number])
    left = symbol & 63
    rest = residual - ((symbol >> 16) << ((symbol >> 6) & 31))
    if left == OPEN_ESCAPE:
        state, position = put_escape(state, words, position, residual)
    elif popular:
        state, position = put_popular(
            left, level - rest, level, tilts[number], cumulative, state, words, position, choices
        )
    else:
        done = (left + STATE_BITS - 1) // STATE_BITS * STATE_BITS
        while done > 0:
            done -= STATE_BITS
            part = min(left - done, STATE_BITS)
            bits = uint64(rest >> done) & ((uint64(1) << uint64(part)) - uint64(1))
            state, position = put_bits(state, words, position, bits, part)
    return state, position


@inlined
def take_sample(
    table, place, popular, slots, symbols, tilts, cumulative, state, words, position
):
    """One residual, all by itself."""
    slot = int64(slots[(table << TABLE_BITS) | int64(state & uint64(TABLE_TOTAL - 1))])
    high = state >> uint64(TABLE_BITS)
    state = uint64((slot & 0xFFF) + 1) * high + uint64((slot >> 12) & 0xFFF)
    state, position = refill(state, words, position)
    number = (table << SYMBOL_BITS) | ((slot >> 24) & 0xFF)
    return take_open(number, place, popular, symbols, tilts, cumulative, state, words, position)


@inlined
def number_of(residual, table, codes, shifts, side_tokens):
    """Table * 128 + symbol of a residual; the escape where the table does not have it."""
    number = (table << SYMBOL_BITS) | symbol_of(residual >> shifts[table], side_tokens)
    return number if codes[number] else (table << SYMBOL_BITS) | ESCAPE


@inlined
def put_sample(
    table, residual, level, popular, codes, symbols, shifts, side_tokens, tilts, cumulative,
    state, words, position, choices,
):  # fmt: skip
    """Inverse of take_sample."""
    number = number_of(residual, table, codes, shifts, side_tokens)
    state, position = put_open(
        number, residual, level, popular, symbols, tilts, cumulative, state, words, position,
        choices,
    )  # fmt: skip
    code = uint64(uint32(codes[number]))
    return put_part(
        state, words, position, code >> uint64(13), code & uint64(0x1FFF), TABLE_BITS
    )
