"""What all blocks of a raster share: weights, contexts and tables (docs/format.md section 4)."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from demzip.constants import (
    ACTIVITY_LEVELS,
    BINS,
    CONTEXTS,
    MAX_ACTIVITY_SHIFT,
    MAX_CLUSTERS,
    MAX_OFFSET,
    MAX_SETS,
    PATTERNS,
    SUBCONTEXTS,
    TEMPLATE_ABOVE,
    TEMPLATE_SIZE,
    TOKENS,
    WEIGHT_ONE,
)
from demzip.entropy.integers import (
    ByteReader,
    read_integers,
    read_naturals,
    write_integers,
    write_naturals,
    write_varint,
)
from demzip.entropy.popularity import NOT_USED, Popularity
from demzip.entropy.tables import CompiledTables, Table, compile_tables
from demzip.errors import CorruptError
from demzip.residual.contexts import table_of_state

Int64Array = NDArray[np.int64]

WEIGHT_MAGNITUDE = 1 << 20  # no legal weight is larger
THRESHOLD_LIMIT = 1 << 53
NO_OFFSETS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Model:
    """Parameters of a raster.

    Attributes:
        weights: (sets, 24) multiples of 2**-12, each set summing to one.
        thresholds: (sets - 1,) mean activities from which a segment uses the next set, ascending.
        activity_shift: An activity shifted right by this, at most 4095, is its level.
        limits: (<= 31,) activity levels at which a new bin starts, ascending.
        table_of_context: (256,) table of each context.
        tables: 1..64 tables.
        popularity: Of the samples, or NOT_USED.
        offsets: (243,) multiples of 2**-4, -127 .. 127, or NO_OFFSETS: predictions' by pattern.

    """

    weights: Int64Array
    thresholds: Int64Array
    activity_shift: int
    limits: Int64Array
    table_of_context: Int64Array
    tables: tuple[Table, ...]
    popularity: Popularity = NOT_USED
    offsets: Int64Array = field(default_factory=lambda: NO_OFFSETS)

    @cached_property
    def table_of_state(self) -> NDArray[np.uint8]:
        """(32768,) table of each context state."""
        return table_of_state(self.limits, self.table_of_context)

    @cached_property
    def compiled(self) -> CompiledTables:
        """Tables as the kernels read them."""
        return compile_tables(self.tables)

    def to_bytes(self) -> bytes:
        """The model section of the header."""
        out = bytearray()
        out += write_varint(self.weights.shape[0])
        out += write_weights(self.weights)
        out += write_varint(self.offsets.size // PATTERNS) + write_integers(self.offsets)
        steps = np.diff(self.limits, prepend=0)
        out += write_varint(self.activity_shift)
        out += write_varint(self.limits.size)
        out += write_integers(np.concatenate([np.diff(self.thresholds, prepend=0), steps]))
        out += write_varint(len(self.tables))
        # A context mostly shares the table of the same subcontext one bin below.
        below = np.concatenate([np.full(SUBCONTEXTS, -1), self.table_of_context[:-SUBCONTEXTS]])
        changed = np.where(self.table_of_context == below, 0, self.table_of_context + 1)
        out += write_naturals(changed)
        shapes = [[t.shift, t.first, len(t.levels), t.escape] for t in self.tables]
        out += write_naturals(np.array(shapes, np.int64).ravel())
        # Every table's levels begin anew, as after a level of 0.
        levels = np.array([level for t in self.tables for level in (*t.levels, 0)], np.int64)
        last = np.cumsum([len(t.levels) + 1 for t in self.tables]) - 1
        out += write_integers(np.delete(np.diff(levels, prepend=0), last))
        out += self.popularity.to_bytes()
        return bytes(out)

    @classmethod
    def from_bytes(cls, reader: ByteReader) -> "Model":
        """Inverse of to_bytes; every field is checked against docs/format.md section 4.

        Raises:
            CorruptError: A field is outside its legal range.

        """
        weights = read_sets(reader)
        sets = weights.shape[0]
        offsets = read_integers(reader, PATTERNS * reader.varint(2))
        activity_shift = reader.varint(MAX_ACTIVITY_SHIFT + 1)
        limit_count = reader.varint(BINS)
        steps = read_integers(reader, sets - 1 + limit_count)
        thresholds = np.cumsum(steps[: sets - 1])
        limits = np.cumsum(steps[sets - 1 :])
        table_count = reader.varint(MAX_CLUSTERS + 1)
        changed = read_naturals(reader, CONTEXTS)
        # 0 stands for the table of the nearest bin below that has another number.
        rows = changed.reshape(BINS, SUBCONTEXTS)
        nearest = np.where(rows > 0, np.arange(BINS)[:, None], 0)
        nearest = np.maximum.accumulate(nearest, axis=0)
        table_of_context = np.take_along_axis(rows, nearest, axis=0).ravel() - 1
        shapes = read_naturals(reader, 4 * table_count).reshape(-1, 4)
        if table_count == 0 or shapes.max() > TOKENS:
            raise CorruptError("model: illegal table")
        levels = read_integers(reader, int(shapes[:, 2].sum()))
        starts = np.cumsum(shapes[:, 2]) - shapes[:, 2]
        sums = np.cumsum(levels)
        before = np.append(0, sums)[starts]
        levels = sums - np.repeat(before, shapes[:, 2])
        tables = tuple(
            Table(shift, first, tuple(levels[start : start + count].tolist()), escape)
            for start, (shift, first, count, escape) in zip(
                starts.tolist(), shapes.tolist(), strict=True
            )
        )
        popularity = Popularity.from_bytes(reader)
        legal = (
            all(table.is_legal() for table in tables)
            and table_of_context.min() >= 0
            and table_of_context.max() < table_count
            and np.all(steps >= 0)
            and np.all(steps < THRESHOLD_LIMIT)
            and limits.max(initial=0) < ACTIVITY_LEVELS
            and np.abs(offsets).max(initial=0) <= MAX_OFFSET
        )
        if not legal:
            raise CorruptError("model: a field is outside its legal range")
        return cls(
            weights, thresholds, activity_shift, limits, table_of_context, tables, popularity,
            offsets,
        )  # fmt: skip


def write_weights(weights: Int64Array) -> bytes:
    """Code (sets, 24) weights; that of W follows from the others."""
    return write_integers(np.delete(weights, TEMPLATE_ABOVE, axis=1).ravel())


def read_sets(reader: ByteReader) -> Int64Array:
    """Weight sets of a model: their number, then their weights.

    Raises:
        CorruptError: There is none, or too many, or a weight is outside +-2**20.

    """
    sets = reader.varint(MAX_SETS + 1)
    if sets == 0:
        raise CorruptError("model: no weight set")
    return read_weights(reader, sets)


def read_weights(reader: ByteReader, sets: int) -> Int64Array:
    """Inverse of write_weights.

    Raises:
        CorruptError: A weight is outside +-2**20.

    """
    others = read_integers(reader, sets * (TEMPLATE_SIZE - 1)).reshape(sets, -1)
    if np.abs(others).max() > WEIGHT_MAGNITUDE:
        raise CorruptError("a weight is outside its legal range")
    west = WEIGHT_ONE - others.sum(axis=1)
    return np.insert(others, TEMPLATE_ABOVE, west, axis=1)
