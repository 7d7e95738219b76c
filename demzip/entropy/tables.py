"""Frequency tables of the residual coder (docs/format.md section 8.2)."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from demzip.constants import (
    ESCAPE,
    MAX_SHIFT,
    OPEN_ESCAPE,
    SIDE_REACH,
    SIDE_TOKENS,
    SYMBOL_BITS,
    TABLE_TOTAL,
    TOKENS,
)

# Format: round(16384 * 2**(k / 4)). A level is a frequency's logarithm in quarter octaves.
QUARTER_OCTAVE = (16384, 19484, 23170, 27554)
MAX_LEVEL = 60
MAX_WIDTH = 5  # logarithm of the widest token


@cache
def side_tokens() -> NDArray[np.uint8]:
    """(515,) token of each magnitude: 0..15 itself, then 8 equal parts of each octave.

    Three more, which vectors may read, mean nothing.
    """
    tokens = np.arange(SIDE_REACH + 3)
    for magnitude in range(16, SIDE_REACH):
        octave = magnitude.bit_length()
        tokens[magnitude] = 16 + (octave - 5) * 8 + ((magnitude >> (octave - 4)) & 7)
    return tokens.astype(np.uint8)


@cache
def token_spans() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(112,) first quotient of each symbol's token and the logarithm of its width."""
    first = np.zeros(SIDE_TOKENS, np.int64)
    width = np.zeros(SIDE_TOKENS, np.int64)
    for token in range(SIDE_TOKENS):
        octave = (token - 16) // 8
        width[token] = max(octave + 1, 0)
        first[token] = token if token < 16 else (8 + token % 8) << (octave + 1)
    last = first + (1 << width) - 1
    return np.concatenate([~last[::-1], first]), np.concatenate([width[::-1], width])


@dataclass(frozen=True)
class Table:
    """Token frequencies shared by the contexts of one cluster.

    A residual r has the quotient q = r >> shift. Its symbol is 56 + side_tokens[q] for q >= 0 and
    55 - side_tokens[~q] for q < 0; what the symbol leaves open goes uncoded. The escape stands for
    every residual whose symbol is missing from the table.

    Attributes:
        shift: 0..21.
        first: Symbol of levels[0], 0..111.
        levels: One level (1..60, or 0 for a symbol that does not occur) per symbol from `first` on.
        escape: Level of the escape, 1..60.

    """

    shift: int
    first: int
    levels: tuple[int, ...]
    escape: int

    def is_legal(self) -> bool:
        """Whether every field is within the bounds of the format."""
        return (
            0 <= self.shift <= MAX_SHIFT
            and self.first >= 0
            and self.first + len(self.levels) <= TOKENS
            and all(0 <= level <= MAX_LEVEL for level in self.levels)
            and 1 <= self.escape <= MAX_LEVEL
        )

    def frequencies(self) -> NDArray[np.int64]:
        """Integer frequencies of the tokens and then the escape, summing to 4096."""
        return normalise([*self.levels, self.escape], TABLE_TOTAL)


def normalise(levels: list[int], total: int) -> NDArray[np.int64]:
    """Integer frequencies with the given logarithms: 0 for level 0, else at least 1.

    Source: docs/format.md section 8.2. The most frequent symbol (the first of equals) takes what
    rounding leaves over. At least one level must not be 0; at most total / 2 levels.
    """
    masses = [QUARTER_OCTAVE[level & 3] << (level >> 2) if level else 0 for level in levels]
    mass = sum(masses)
    frequencies = [max(1, m * total // mass) if m else 0 for m in masses]
    largest = masses.index(max(masses))
    frequencies[largest] += total - sum(frequencies)
    return np.array(frequencies, np.int64)


def level_of(count: float, total: float) -> int:
    """Level that comes closest to the probability count / total > 0."""
    return min(max(round(4 * math.log2(count / total)) + MAX_LEVEL - 4, 1), MAX_LEVEL)


@dataclass(frozen=True)
class CompiledTables:
    """Tables as the kernels read them.

    Attributes:
        slots: (tables * 4096,) uint32: bits 0-11 frequency - 1, 12-23 distance of the slot from
            its symbol's first one, 24-31 symbol.
        symbols: (tables * 128,) int32: bits 0-5 how many bits the symbol leaves open (63 for the
            escape), 6-10 shift of the table, 16-31 the signed first quotient of the symbol.
        codes: (tables * 128,) int32: bits 0-12 frequency, 13-24 cumulative frequency; 0 for
            symbols that the table does not have.
        tilts: (tables * 128,) twice the density of residuals at the first and behind the last
            residual of a symbol: first << 32 | last.
        shifts: (tables,) int32.

    """

    slots: NDArray[np.uint32]
    symbols: NDArray[np.int32]
    codes: NDArray[np.int32]
    tilts: NDArray[np.int64]
    shifts: NDArray[np.int32]


def compile_tables(tables: tuple[Table, ...]) -> CompiledTables:
    """Lay at least one table out for the kernels; every table must be legal."""
    slots = np.zeros((len(tables), TABLE_TOTAL), np.uint32)
    symbols = np.zeros((len(tables), 1 << SYMBOL_BITS), np.int32)
    codes = np.zeros((len(tables), 1 << SYMBOL_BITS), np.int32)
    tilts = np.zeros((len(tables), 1 << SYMBOL_BITS), np.int64)
    starts, widths = token_spans()
    for row, table in enumerate(tables):
        frequencies = table.frequencies()
        tokens = table.first + np.arange(len(table.levels))
        found = np.append(tokens, ESCAPE)
        cumulative = np.cumsum(frequencies) - frequencies
        distances = np.arange(TABLE_TOTAL) - np.repeat(cumulative, frequencies)
        of_slot = np.repeat(found << 24 | frequencies - 1, frequencies)
        slots[row] = of_slot | distances << 12
        codes[row, found] = np.where(frequencies > 0, cumulative << 13 | frequencies, 0)
        symbols[row, :TOKENS] = starts << 16 | table.shift << 6 | widths + table.shift
        symbols[row, ESCAPE] = OPEN_ESCAPE
        densities = np.zeros(TOKENS + 2, np.int64)
        densities[tokens + 1] = frequencies[:-1] << (MAX_WIDTH - widths[tokens])
        ends = densities[:-1] + densities[1:]
        tilts[row, :TOKENS] = ends[:-1] << 32 | ends[1:]
    return CompiledTables(
        slots.ravel(),
        symbols.ravel(),
        codes.ravel(),
        tilts.ravel(),
        np.array([table.shift for table in tables], np.int32),
    )
