"""Residuals and context states to words, backwards (docs/format.md section 8).

What a decoder does last comes first: steps from the last to the first, in each step what it takes
lane by lane, then low bits, then symbols; row 0 at the end.
"""

from numba import int32, int64, uint32, uint64

from demzip.constants import (
    ESCAPE,
    LAG,
    LANES,
    NARROW,
    OPEN_ESCAPE,
    SEGMENT,
    SIDE_REACH,
    SIDE_TOKENS,
    STATE_BITS,
    SYMBOL_BITS,
    TABLE_BITS,
)
from demzip.jit import inlined, kernel
from demzip.scan.symbols.kernels import plain_tables, put_open, put_sample
from demzip.vectors import (
    below,
    compress,
    count,
    everywhere,
    gather,
    gather_bytes,
    lane_numbers,
    lanes_of,
    load,
    logical_shift,
    narrowed,
    quotient,
    resized,
    select,
    store,
)

EVERY = (1 << LANES) - 1  # all lanes


@inlined
def empty(state, full, words, position):
    """Write 16 bits of the states of a mask of lanes, in the order of the lanes."""
    position -= count(full)
    compress(words, position, full, state)
    return select(full, logical_shift(state, STATE_BITS), state), position


@inlined
def put_part_of(state, left, rest, done, words, position):
    """Put bits done .. done + 15 of what the symbols of sixteen residuals leave open."""
    part = left - done
    part = select(part < STATE_BITS, part, everywhere(STATE_BITS))
    part = select(part > 0, part, everywhere(0))
    high = logical_shift(logical_shift(state, STATE_BITS), STATE_BITS - part)
    state, position = empty(state, high > 0, words, position)
    bits = logical_shift(rest, done) & ((everywhere(1) << part) - 1)
    return (state << part) | bits, position


@kernel
def put_lanes(
    pending, states, residuals, numbers, levels, popular, origin, symbols, tilts, cumulative,
    words, position, choices,
):  # fmt: skip
    """What vectors cannot put: escapes, and low bits coded by popularity, lane by lane."""
    for step in range(LANES):
        lane = LANES - 1 - step
        if (pending >> lane) & 1:
            state, position = put_open(
                int64(numbers[lane]), int64(residuals[lane]), levels[lane] + origin, popular,
                symbols, tilts, cumulative, uint64(uint32(states[lane])), words, position, choices,
            )  # fmt: skip
            states[lane] = int32(uint32(state))
    return position


@inlined
def symbols_of(quotients, far, side_tokens):
    """Symbols of sixteen quotients within +-SIDE_REACH; see entropy.kernels.symbol_of.

    `far` says whether one of them has a token of more than one quotient.
    """
    if not far:
        return narrowed(quotients) + SIDE_TOKENS
    negative = quotients < 0
    side = narrowed(select(negative, -1 - quotients, quotients))
    token = gather_bytes(side_tokens, side) & 255
    return select(negative, SIDE_TOKENS - 1 - token, SIDE_TOKENS + token)


@kernel
def encode_first_row(
    residuals, states, samples, holes, popular, origin, cumulative, table_of_state, codes, symbols,
    shifts, side_tokens, tilts, state, words, position, choices,
):  # fmt: skip
    """Code row 0, backwards; returns the state of its lane and where the words begin."""
    masked = holes.size > 0
    for step in range(residuals.size):
        col = residuals.size - 1 - step
        if not (masked and holes[col]):
            state, position = put_sample(
                int64(table_of_state[states[col]]), int64(residuals[col]), samples[col] + origin,
                popular, codes, symbols, shifts, side_tokens, tilts, cumulative, state, words,
                position, choices,
            )  # fmt: skip
    return state, position


@kernel
def encode_rows(
    residuals, contexts, samples, holes, rows, cols, period, popular, origin, cumulative,
    table_of_state, codes, symbols, shifts, side_tokens, tilts, words, position,
    states, pending_residuals, numbers, levels, choices,
):  # fmt: skip
    """Code all rows but the first, backwards, before position `position` of the words.

    `residuals`, `contexts` (two bytes each), `samples` (centred) and `holes` are flat, row by row.
    `states`, `pending_residuals`, `numbers`, `levels` (16) and `choices` are scratch; `states`
    holds the states of the lanes, before and after. Returns where the words begin.
    """
    masked = holes.size > 0
    plain = plain_tables(shifts)
    zero = everywhere(0)
    state = load(states, 0)
    steps = (rows - 1 + LANES - 1) // LANES * period + (LANES - 1) * LAG
    step_of_lane = steps - 1 - lane_numbers() * LAG
    group = quotient(step_of_lane, zero + period)
    column = step_of_lane - group * period
    row = group * LANES + lane_numbers() + 1
    width = select(row < rows, zero + cols, zero)
    for back in range(steps):
        coded = below(column, width)
        place = select(coded, row * cols + column, zero)
        if masked:
            coded = coded & ((gather_bytes(holes, place) & 255) == 0)
        context = gather_bytes(contexts, place << 1) & 0x7FFF
        table = gather_bytes(table_of_state, context) & 255
        residual = gather(residuals, place)
        quotients = residual
        shifted = lanes_of(table >= plain) != 0
        if shifted:
            quotients = residual >> resized(gather(shifts, table), residual)
        known = below(quotients + SIDE_REACH, 2 * SIDE_REACH)
        quotients = select(known, quotients, 0)
        far = lanes_of(below(quotients + NARROW, 2 * NARROW)) != EVERY
        number = (table << SYMBOL_BITS) | symbols_of(quotients, far, side_tokens)
        code = gather(codes, number)
        known = known & (code > 0)
        escapes = lanes_of(known) != EVERY
        if escapes:
            number = select(known, number, (table << SYMBOL_BITS) | ESCAPE)
            code = gather(codes, number)
        if shifted or far or escapes:
            symbol = gather(symbols, number)
            left = select(coded, symbol & 63, zero)
            special = left > (0 if popular else OPEN_ESCAPE - 1)
            pending = lanes_of(special)
            if pending:
                store(states, 0, state)
                store(pending_residuals, 0, residual)
                store(numbers, 0, number)
                store(levels, 0, gather(samples, place))
                position = put_lanes(
                    pending, states, pending_residuals, numbers, levels, popular, origin, symbols,
                    tilts, cumulative, words, position, choices,
                )  # fmt: skip
                state = load(states, 0)
            left = select(special, zero, left)
            if lanes_of(left > 0):
                rest = narrowed(residual) - ((symbol >> 16) << ((symbol >> 6) & 31))
                if lanes_of(left > STATE_BITS):
                    state, position = put_part_of(state, left, rest, STATE_BITS, words, position)
                state, position = put_part_of(state, left, rest, 0, words, position)
        frequency = select(coded, code & 0x1FFF, zero + 1)
        full = (logical_shift(state, 2 * STATE_BITS - TABLE_BITS) >= frequency) & coded
        state, position = empty(state, full, words, position)
        whole = quotient(state, frequency)
        after = (whole << TABLE_BITS) + (state - whole * frequency) + (code >> 13)
        state = select(coded, after, state)
        column -= 1
        if (steps - 1 - back) & (SEGMENT - 1) == 0:
            ends = column < 0
            column = select(ends, zero + (period - 1), column)
            row = select(ends, row - LANES, row)
            width = select((row < rows) & (row > 0), zero + cols, zero)
    store(states, 0, state)
    return position
