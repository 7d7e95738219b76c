"""Words to samples, sixteen rows side by side (docs/format.md section 8).

Row r >= 1 is decoded in lane (r - 1) % LANES, LAG columns behind the row above it, and its lane
goes on with row r + LANES without a pause: all lanes are at work all the time. One step decodes
one cell in each lane: prediction, context, table look-up, and the words that lanes need next.

The cells lie by steps, not by rows: cell (r, c) of lane k, decoded in step t, is element
(t + HEAD) * STEP + MARGIN + 1 + k. So any neighbour of the sixteen cells of a step stands in
sixteen consecutive elements. The MARGIN elements before lane 0 are what the last lanes decoded
for the rows above it.
"""

from numba import int32, int64, uint32, uint64

from demzip.constants import (
    LAG,
    LANES,
    MARGIN,
    NARROW,
    OPEN_ESCAPE,
    SEGMENT,
    SIDE_TOKENS,
    STATE_BITS,
    SYMBOL_BITS,
    TABLE_BITS,
    TABLE_TOTAL,
)
from demzip.jit import inlined, kernel
from demzip.predict.kernels import HALF
from demzip.residual.kernels import activity_level
from demzip.scan.neighbours.kernels import (
    activity_from_above,
    filled,
    pair_of,
    predict,
    state_of,
    weighted,
)
from demzip.scan.symbols.kernels import plain_tables, take_open, take_sample
from demzip.vectors import (
    below,
    count,
    everywhere,
    expand,
    gather,
    gather_bytes,
    lane_numbers,
    lanes_of,
    load,
    logical_shift,
    magnitude,
    resized,
    select,
    store,
)

STEP = LANES + MARGIN + 1  # elements from one step to the next
HEAD = 96  # steps of room before the first: three rows above it and their western margins
NORTH = -LAG * STEP - 1  # from a cell to the one above it
AHEAD = LAG - MARGIN  # columns that activities are computed ahead of their cell
EVERY = (1 << LANES) - 1  # all lanes
DEPTH = LANES * LAG  # steps from a row to the one LANES below it, if lane 0 were one more lane


@inlined
def cell(step):
    """Element of lane 0 in a step."""
    return (step + HEAD) * STEP + MARGIN + 1


@kernel
def decode_first_row(
    samples, magnitudes, pairs, holes, cols, popular, shift, origin, cumulative, table_of_state,
    slots, symbols, tilts, words, state, position, limit, out,
):  # fmt: skip
    """Decode row 0 into `out` (format.md section 7.2), and lay it out as the rows above row 1.

    Words are not read beyond `limit`, except by what one sample takes. Returns state and position.
    """
    masked = holes.size > 0
    w, mag_w, mag_ww = int64(0), int64(0), int64(0)
    for col in range(cols):
        if not (masked and holes[col]):
            table = int64(table_of_state[activity_level(12 * mag_w + 6 * mag_ww, shift) << 3])
            residual, state, position = take_sample(
                table, w + origin, popular, slots, symbols, tilts, cumulative, state, words,
                position,
            )  # fmt: skip
            position = min(position, limit)
            w = w + residual
            mag_ww, mag_w = mag_w, abs(residual)
        else:
            mag_ww = mag_w
        out[col] = w
        magnitudes[cell(col) + NORTH] = mag_w
    for col in range(-2 * MARGIN, cols + SEGMENT):
        at = cell(col) + NORTH
        value = int64(out[min(col, cols - 1)]) if col >= 0 else int64(0)
        samples[at], samples[at + NORTH], samples[at + 2 * NORTH] = value, value, value
        west = int64(out[min(col - 1, cols - 1)]) if col > 0 else int64(0)
        pair = int32((value << 16) | (west & 0xFFFF))
        pairs[at], pairs[at + NORTH], pairs[at + 2 * NORTH] = pair, pair, pair
        if col < 0:
            magnitudes[at] = 0
        elif col >= cols:
            magnitudes[at] = mag_w
        magnitudes[at + NORTH] = 0
    return state, position


@inlined
def renew(state, needed, words, position):
    """Refill the states of a mask of lanes from the words, in the order of the lanes."""
    filled_up = (state << STATE_BITS) | expand(words, position, needed)
    return select(needed, filled_up, state), position + count(needed)


@kernel
def finish_lanes(
    pending, states, residuals, numbers, places, popular, origin, symbols, tilts, cumulative,
    words, position,
):  # fmt: skip
    """What vectors cannot take: escapes, and low bits coded by popularity, lane by lane."""
    for lane in range(LANES):
        if (pending >> lane) & 1:
            residual, state, position = take_open(
                int64(numbers[lane]), places[lane] + origin, popular, symbols, tilts, cumulative,
                uint64(uint32(states[lane])), words, position,
            )  # fmt: skip
            residuals[lane] = residual
            states[lane] = int32(uint32(state))
    return position


@kernel
def decode_rows(
    samples, magnitudes, pairs, holes, rows, cols, period, paired, taps, weights, thresholds,
    offsets, popular, shift,
    origin, cumulative, table_of_state, slots, symbols, tilts, words, shifts, position, limit,
    states, residuals, numbers, places, above, chosen,
):  # fmt: skip
    """Decode rows 1, 2, ... of a block; returns the position after the last word.

    Preconditions: row 0 is in place; `period` is a multiple of SEGMENT, at least MIN_PERIOD and
    cols + 2 * MARGIN. `taps` are offsets of the template cells that `weights` (sets * taps) are
    for, or of pairs of cells, W last; `offsets` as in predict. `states`, `residuals`, `numbers`,
    `places` (16), `above` (2 * LAG * 16) and `chosen` (taps * 16) are scratch; `states` holds the
    states of the lanes, before and after.
    """
    masked = holes.size > 0
    plain = plain_tables(shifts)
    lanes = lane_numbers()
    zero = everywhere(0)
    state = load(states, 0)
    column = lanes * -LAG - LAG  # of the cell that a lane decodes
    row = lanes + 1
    ahead = column + AHEAD  # column of the activity that is computed in this step
    width = select(row < rows, zero + cols, zero)  # of the row, 0 below the block's end
    width_ahead = width
    inner = max(cols - 2 * MARGIN, 0)
    interior = select((row >= MARGIN) & (row < rows), zero + inner, zero)
    nothing = filled(load(samples, 0), 0)
    # West of the cells, in registers: what was stored a moment ago is slow to come back.
    w, mag_w, mag_ww, pair = nothing, nothing, nothing, zero
    window = nothing  # sum of the activities of a segment's window
    last = (rows - 1 + LANES - 1) // LANES * period + (LANES - 1) * LAG
    for start in range(-LAG, last, SEGMENT):
        inside = cols + MARGIN - column
        inside = select(inside < SEGMENT, inside, zero + SEGMENT)
        inside = resized(inside - select(column == 0, zero + MARGIN, zero), samples)
        use = zero
        for threshold in thresholds:
            use += select(window >= inside * threshold, zero + taps.size, zero)
        for k in range(taps.size):
            store(chosen, k * LANES, gather(weights, use + k))
        window = nothing
        for step in range(start, start + SEGMENT):
            at = cell(step)
            activity = activity_from_above(samples, magnitudes, at + AHEAD * STEP, NORTH, STEP)
            store(above, ((step + AHEAD) & (2 * LAG - 1)) * LANES, activity)
            window += select(below(ahead, width_ahead), activity, nothing)
            total = nothing + HALF
            for k in range(taps.size - 1):
                place = at + taps[k]
                weight = load(chosen, k * LANES)
                total += weighted(load(samples, place), load(pairs, place), weight, paired)
            total += weighted(w, pair, load(chosen, (taps.size - 1) * LANES), paired)
            prediction, subcontext = predict(
                samples, at, NORTH, STEP, w, column, below(column - MARGIN, interior), total,
                offsets,
            )  # fmt: skip
            context = state_of(
                load(samples, at + NORTH - STEP), w, mag_w, mag_ww,
                load(above, (step & (2 * LAG - 1)) * LANES), shift, subcontext,
            )  # fmt: skip
            coded = inside_row = below(column, width)
            if masked:
                place = select(inside_row, row * cols + column, zero)
                coded = inside_row & ((gather_bytes(holes, place) & 255) == 0)
            table = gather_bytes(table_of_state, context) & 255
            slot = gather(slots, (table << TABLE_BITS) | (state & (TABLE_TOTAL - 1)))
            high = logical_shift(state, TABLE_BITS)
            after = (slot & 0xFFF) * high + high + (logical_shift(slot, 12) & 0xFFF)
            after, position = renew(after, below(after, 1 << STATE_BITS) & coded, words, position)
            symbol = logical_shift(slot, 24)
            difference = resized(symbol - SIDE_TOKENS, samples)
            narrow = below(symbol - (SIDE_TOKENS - NARROW), 2 * NARROW) & below(table, plain)
            if lanes_of(narrow) != EVERY:
                number = (table << SYMBOL_BITS) | symbol
                symbol = gather(symbols, number)
                left = select(coded, symbol & 63, zero)
                residual = (symbol >> 16) << ((symbol >> 6) & 31)
                special = left > (0 if popular else OPEN_ESCAPE - 1)
                done = zero
                left = select(special, zero, left)
                while lanes_of(left > 0):
                    part = select(left < STATE_BITS, left, zero + STATE_BITS)
                    residual += (after & ((zero + 1 << part) - 1)) << done
                    after = logical_shift(after, part)
                    after, position = renew(
                        after, below(after, 1 << STATE_BITS) & coded, words, position
                    )
                    left -= part
                    done += part
                difference = resized(residual, samples)
                pending = lanes_of(special)
                if pending:
                    store(states, 0, after)
                    store(residuals, 0, difference)
                    store(numbers, 0, number)
                    store(places, 0, prediction)
                    position = finish_lanes(
                        pending, states, residuals, numbers, places, popular, origin, symbols,
                        tilts, cumulative, words, position,
                    )  # fmt: skip
                    after, difference = load(states, 0), load(residuals, 0)
            position = min(position, limit)
            state = select(coded, after, state)
            value, size = prediction + difference, magnitude(difference)
            # Holes are filled; what lies beside the block continues the row, or begins it with the
            # first cell of the row above.
            if masked:
                hole = (w + load(samples, at + NORTH) + 1) >> 1
                mag_hole = (mag_w + load(magnitudes, at + NORTH)) >> 1
                value, size = select(coded, value, hole), select(coded, size, mag_hole)
            begins = column == -MARGIN
            first = at + NORTH + MARGIN * STEP
            value = select(inside_row, value, select(begins, load(samples, first), w))
            size = select(inside_row, size, select(begins, load(magnitudes, first), mag_w))
            store(samples, at, value)
            store(magnitudes, at, size)
            pair = pair_of(w, value)
            w, mag_w, mag_ww = value, size, mag_w
            store(pairs, at, pair)
            # Once more for the rows of lane 0, to whose west the last lanes stand.
            west = at + (period - DEPTH) * STEP - LANES
            if step < DEPTH:  # the first rows come from decode_first_row
                begun = column >= -MARGIN
                store(samples, west, select(begun, w, load(samples, west)))
                store(magnitudes, west, select(begun, mag_w, load(magnitudes, west)))
                store(pairs, west, select(begun, pair, load(pairs, west)))
            else:
                store(samples, west, w)
                store(magnitudes, west, mag_w)
                store(pairs, west, pair)
            column += 1
            ahead += 1
            phase = step & (SEGMENT - 1)
            if phase == SEGMENT - MARGIN - 1:
                wraps = column == period - MARGIN
                column = select(wraps, zero - MARGIN, column)
                row = select(wraps, row + LANES, row)
                width = select(row < rows, zero + cols, zero)
                interior = select((row >= MARGIN) & (row < rows), zero + inner, zero)
            elif phase == SEGMENT - 1:
                wraps = ahead == period - MARGIN
                ahead = select(wraps, zero - MARGIN, ahead)
                following = select(row + LANES < rows, zero + cols, zero)
                width_ahead = select(wraps, following, width_ahead)
    store(states, 0, state)
    return position


@kernel
def place_rows(samples, rows, cols, period, centre, out):
    """Lay decoded rows out as such; returns the least and greatest sample of rows 1, 2, ..."""
    lowest = highest = int64(samples[cell(0)])
    for row in range(1, rows):
        lane = (row - 1) % LANES
        first = cell((row - 1) // LANES * period + lane * LAG) + lane
        line = out[row]
        for col in range(cols):
            value = int64(samples[uint64(first + col * STEP)])
            line[col] = value + centre
            lowest = min(lowest, value)
            highest = max(highest, value)
    return lowest, highest



