"""Residuals to half words and back: lanes, states, escapes (docs/format.md sections 8.3 and 8.4).

Whatever a lane takes, symbols and uncoded bits alike, is a part [start, start + frequency) of
2**bits: uncoded bits are parts with the frequency 1. An encoder notes the parts in the order of the
decoder and then puts them backwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tests.reference.tables import (
    ESCAPE,
    TABLE_BITS,
    Halving,
    Popularity,
    Table,
    span_of,
    symbol_of,
)

LANES = LAG = 16
SEGMENT = 16
MIN_PERIOD = 272
MARGINS = 6  # columns of a period beyond those of the block
WORD = 16  # bits of a half word
LEAST = 1 << WORD  # state
CHANCE_BITS = 16  # section 8.5
LENGTH_BITS = 6  # of an escape


class DamageError(Exception):
    """The half words do not end where the samples do."""


def lane_count(rows: int) -> int:
    """Section 5.2: lanes that have a state in the payload."""
    return min(max(rows - 1, 1), LANES)


def steps_of(rows: int, cols: int) -> Iterator[list[tuple[int, int, int]]]:
    """Section 8.4: lane, row and column of the cells of each step; those of row 0 one by one."""
    for col in range(cols):
        yield [(0, 0, col)]
    period = max(MIN_PERIOD, -(-(cols + MARGINS) // SEGMENT) * SEGMENT)
    steps: dict[int, list[tuple[int, int, int]]] = {}
    for row in range(1, rows):
        group, lane = divmod(row - 1, LANES)
        for col in range(cols):
            steps.setdefault(group * period + col + LAG * lane, []).append((lane, row, col))
    for _, cells in sorted(steps.items()):
        yield sorted(cells)


def parts_of(count: int) -> list[int]:
    """Sizes of the parts that `count` uncoded bits come in."""
    return [min(count - done, WORD) for done in range(0, count, WORD)]


# ---- decoding


class Lanes:
    """The states of all lanes and the half words that they share."""

    def __init__(self, states: list[int], words: list[int]) -> None:
        self.states = list(states)
        self.words = words
        self.next = 0

    def take(self, lane: int, chances: list[int], bits: int) -> int:
        """A symbol with frequencies out of 2**bits."""
        slot = self.states[lane] % (1 << bits)
        symbol = 0
        while slot >= chances[symbol]:
            slot -= chances[symbol]
            symbol += 1
        self._refill(lane, chances[symbol] * (self.states[lane] >> bits) + slot)
        return symbol

    def take_bits(self, lane: int, count: int) -> int:
        """At most 16 uncoded bits."""
        bits = self.states[lane] % (1 << count)
        self._refill(lane, self.states[lane] >> count)
        return bits

    def _refill(self, lane: int, state: int) -> None:
        if state < LEAST:
            if self.next == len(self.words):
                raise DamageError
            state = state << WORD | self.words[self.next]
            self.next += 1
        self.states[lane] = state

    def take_escape(self, lane: int) -> int:
        """Section 8.3: the residual."""
        folded = done = 0
        for size in parts_of(self.take_bits(lane, LENGTH_BITS)):
            folded |= self.take_bits(lane, size) << done
            done += size
        return -(folded >> 1) - 1 if folded & 1 else folded >> 1

    def take_popular(self, lane: int, halving: Halving) -> int:
        """Section 8.5: the sample."""
        while halving.half:
            chance = halving.chance()
            upper = int(chance == 0)
            if 0 < chance < 1 << CHANCE_BITS:
                upper = self.take(lane, [chance, (1 << CHANCE_BITS) - chance], CHANCE_BITS)
            halving.go(upper)
        return halving.start

    def ends(self) -> bool:
        """Whether everything is used up."""
        return self.next == len(self.words) and set(self.states) <= {LEAST}


@dataclass
class Pending:
    """A sample of a step, until its residual is known.

    Attributes:
        lane: Its lane.
        table: Of its context.
        prediction: What the residual is added to, no longer centred.
        state: Of the lane, before the symbol is taken.
        symbol: Once it is known.
        residual: As far as it is known.

    """

    lane: int
    table: Table
    prediction: int
    state: int = 0
    symbol: int = ESCAPE
    residual: int = 0

    @property
    def width(self) -> int:
        """Bits that the symbol leaves open; 0 for the escape."""
        return 0 if self.symbol == ESCAPE else span_of(self.symbol)[1] + self.table.shift


def take_step(lanes: Lanes, samples: list[Pending], popularity: Popularity | None) -> None:
    """Section 8.4: the symbols and residuals of a step, whose samples are in order of lanes."""
    for one in samples:
        one.state = lanes.states[one.lane]
        place = lanes.take(one.lane, one.table.chances, TABLE_BITS)
        if place < len(one.table.levels):
            one.symbol = one.table.first + place
            one.residual = span_of(one.symbol)[0] << one.table.shift
    if popularity is None:
        for done in (0, WORD):
            for one in samples:
                if one.width > done:
                    size = min(one.width - done, WORD)
                    one.residual += lanes.take_bits(one.lane, size) << done
    for one in samples:
        if one.symbol == ESCAPE:
            one.residual = lanes.take_escape(one.lane)
        elif popularity is not None:
            start = one.prediction + one.residual
            halving = Halving(popularity, start, one.width, one.table.ends(one.symbol))
            one.residual = lanes.take_popular(one.lane, halving) - one.prediction


# ---- encoding


@dataclass(frozen=True)
class Part:
    """What a lane takes at a time: [start, start + frequency) of 2**bits."""

    lane: int
    start: int
    frequency: int
    bits: int


@dataclass(frozen=True)
class Coded:
    """A sample to be coded; it is no longer centred, and only matters to popularity."""

    lane: int
    table: Table
    residual: int
    sample: int = 0

    @cached_property
    def symbol(self) -> int:
        """The symbol; the escape where the table does not have it."""
        symbol = symbol_of(self.residual >> self.table.shift)
        place = symbol - self.table.first
        levels = self.table.levels
        return symbol if 0 <= place < len(levels) and levels[place] else ESCAPE

    @property
    def low(self) -> tuple[int, int]:
        """What the symbol leaves open, and of how many bits that is."""
        if self.symbol == ESCAPE:
            return 0, 0
        first, width = span_of(self.symbol)
        return self.residual - (first << self.table.shift), width + self.table.shift

    def coded_symbol(self) -> Part:
        """Part of the symbol."""
        symbol, chances = self.symbol, self.table.chances
        place = len(chances) - 1 if symbol == ESCAPE else symbol - self.table.first
        return Part(self.lane, sum(chances[:place]), chances[place], TABLE_BITS)

    def escape(self) -> list[Part]:
        """Parts of an escape."""
        folded = 2 * self.residual if self.residual >= 0 else -2 * self.residual - 1
        length = folded.bit_length()
        parts = [Part(self.lane, length, 1, LENGTH_BITS)]
        for size in parts_of(length):
            parts.append(Part(self.lane, folded % (1 << size), 1, size))
            folded >>= size
        return parts

    def popular(self, popularity: Popularity) -> list[Part]:
        """Parts of the halvings."""
        parts = []
        low, width = self.low
        halving = Halving(popularity, self.sample - low, width, self.table.ends(self.symbol))
        while halving.half:
            chance = halving.chance()
            upper = int(self.sample >= halving.start + halving.half)
            if 0 < chance < 1 << CHANCE_BITS:
                size = (1 << CHANCE_BITS) - chance if upper else chance
                parts.append(Part(self.lane, chance if upper else 0, size, CHANCE_BITS))
            halving.go(upper)
        return parts


def parts_of_step(samples: list[Coded], popularity: Popularity | None) -> list[Part]:
    """What take_step takes."""
    parts = [one.coded_symbol() for one in samples]
    if popularity is None:
        for done in (0, WORD):
            for one in samples:
                low, width = one.low
                if width > done:
                    size = min(width - done, WORD)
                    parts.append(Part(one.lane, (low >> done) % (1 << size), 1, size))
    for one in samples:
        if one.symbol == ESCAPE:
            parts += one.escape()
        elif popularity is not None:
            parts += one.popular(popularity)
    return parts


def encode(
    steps: list[list[Coded]], lanes: int, popularity: Popularity | None = None
) -> tuple[list[int], list[int]]:
    """States and half words of a block."""
    states, words = [LEAST] * lanes, []
    for step in reversed(steps):
        for part in reversed(parts_of_step(step, popularity)):
            state = states[part.lane]
            if state >= part.frequency << (2 * WORD - part.bits):
                words.append(state % LEAST)
                state >>= WORD
            whole, rest = divmod(state, part.frequency)
            states[part.lane] = (whole << part.bits) + rest + part.start
    return states, words[::-1]
