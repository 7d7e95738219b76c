"""Frequency tables of the residual coder (docs/format.md section 8.2)."""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

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
            and min(self.levels, default=0) >= 0
            and max(self.levels, default=0) <= MAX_LEVEL
            and 1 <= self.escape <= MAX_LEVEL
        )

    def frequencies(self) -> NDArray[np.int64]:
        """Integer frequencies of the tokens and then the escape, summing to 4096."""
        return normalise(np.array([*self.levels, self.escape], np.int64), TABLE_TOTAL)


def normalise(levels: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Integer frequencies with the given logarithms: 0 for level 0, else at least 1.

    Source: docs/format.md section 8.2. The most frequent symbol (the first of equals) takes what
    rounding leaves over.

    Args:
        levels: (n,), or (tables, n) for several tables at once; 0 .. 60, at least one of a table
            not 0, n at most 134.
        total: Of the frequencies, at most 2**24; twice as many as there are levels, or more.

    """
    # Exact in 64 bits: masses are at most 2**29, times the total 2**53.
    masses = np.where(levels > 0, np.array(QUARTER_OCTAVE)[levels & 3] << (levels >> 2), 0)
    mass = masses.sum(axis=-1, keepdims=True)
    frequencies: NDArray[np.int64] = np.maximum(masses * total // mass, levels > 0)
    largest = np.arange(levels.shape[-1]) == masses.argmax(axis=-1, keepdims=True)
    frequencies += largest * (total - frequencies.sum(axis=-1, keepdims=True))
    return frequencies


def levels_of(counts: NDArray[Any], total: NDArray[Any]) -> NDArray[np.int64]:
    """Levels that come closest to the probabilities counts / total > 0."""
    levels = np.rint(4 * np.log2(counts / total)) + MAX_LEVEL - 4
    found: NDArray[np.int64] = np.clip(levels, 1, MAX_LEVEL).astype(np.int64)
    return found


@dataclass(frozen=True)
class CompiledTables:
    """Tables as the kernels read them.

    Attributes:
        frequencies: (tables, 128), of the symbols.
        cumulative: (tables, 128), of all symbols before each.
        symbols: (tables * 128,) int32: bits 0-5 how many bits the symbol leaves open (63 for the
            escape), 6-10 shift of the table, 16-31 the signed first quotient of the symbol.
        codes: (tables * 128,) int32: bits 0-12 frequency, 13-24 cumulative frequency; 0 for
            symbols that the table does not have.
        tilts: (tables * 128,) twice the density of residuals at the first and behind the last
            residual of a symbol: first << 32 | last.
        shifts: (tables,) int32.

    """

    frequencies: NDArray[np.int64]
    cumulative: NDArray[np.int64]
    symbols: NDArray[np.int32]
    codes: NDArray[np.int32]
    tilts: NDArray[np.int64]
    shifts: NDArray[np.int32]

    @cached_property
    def slots(self) -> NDArray[np.uint32]:
        """(tables * 4096,), which only decoders need.

        Bits 0-11 frequency - 1, 12-23 distance of the slot from its symbol's first one, 24-31
        symbol.
        """
        numbers = np.arange(1 << SYMBOL_BITS) << 24
        # Less what the slots' numbers, which are added below, have too much; it wraps.
        first = numbers + self.frequencies - 1 - (self.cumulative << 12)
        slots = np.repeat(first.astype(np.uint32).ravel(), self.frequencies.ravel())
        places = np.arange(TABLE_TOTAL, dtype=np.uint32) << 12
        return (slots.reshape(-1, TABLE_TOTAL) + places).ravel()


def compile_tables(tables: tuple[Table, ...]) -> CompiledTables:
    """Lay at least one table out for the kernels; every table must be legal."""
    levels = np.zeros((len(tables), 1 << SYMBOL_BITS), np.int64)
    for row, table in zip(levels, tables, strict=True):
        row[table.first : table.first + len(table.levels)] = table.levels
    levels[:, ESCAPE] = [table.escape for table in tables]
    shifts = np.array([table.shift for table in tables], np.int32)
    frequencies = normalise(levels, TABLE_TOTAL)
    cumulative = np.cumsum(frequencies, axis=1) - frequencies
    starts, widths = token_spans()
    symbols = np.full(levels.shape, OPEN_ESCAPE, np.int32)
    symbols[:, :TOKENS] = starts << 16 | widths
    symbols[:, :TOKENS] += 65 * shifts[:, None]  # the table's shift, and as many open bits more
    symbols[:, TOKENS:ESCAPE] = 0
    densities = np.zeros((len(tables), TOKENS + 2), np.int64)
    densities[:, 1:-1] = frequencies[:, :TOKENS] << (MAX_WIDTH - widths)
    ends = densities[:, :-1] + densities[:, 1:]
    tilts = np.zeros(levels.shape, np.int64)
    tilts[:, :TOKENS] = ends[:, :-1] << 32 | ends[:, 1:]
    return CompiledTables(
        frequencies,
        cumulative,
        symbols.ravel(),
        np.where(frequencies > 0, cumulative << 13 | frequencies, 0).astype(np.int32).ravel(),
        tilts.ravel(),
        shifts,
    )
