"""Which contexts share a table: greedy merging by the bits that tables and residuals cost."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demzip.constants import ESCAPE, MAX_CLUSTERS, MAX_SHIFT, SIDE_TOKENS
from demzip.entropy.kernels import merge_contexts
from demzip.entropy.tables import Table, levels_of

Int64Array = NDArray[np.int64]

NEIGHBOURS = 8  # contexts this far apart are compared first: those of the bins beside
TOKEN_BITS = 5.0  # what one level of a table costs in the header
TABLE_BITS = 40.0  # what a table costs besides its levels
ROUGH, FAIR = 8, 64  # counts whose logarithm is kept to an octave, to half an octave
NO_ESCAPE = 1e-3  # what counts where no escape was counted


def choose_shifts(
    counts: NDArray[Any], sums: NDArray[Any], mean_token: float = 3.0
) -> NDArray[np.int64]:
    """Uncoded low bits per context, such that |token| lies between the mean token and twice that.

    A logistic whose scale is four tokens loses less than 0.003 bits to the default.
    """
    mean = sums / np.maximum(counts, 1)
    shifts = np.floor(np.log2(np.maximum(mean, 1) / mean_token))
    chosen: NDArray[np.int64] = np.clip(shifts, 0, MAX_SHIFT).astype(np.int64)
    return chosen


def make_tables(
    histogram: NDArray[np.int64], shifts: NDArray[np.int64]
) -> tuple[tuple[Table, ...], NDArray[np.int64]]:
    """Tables for contexts, few enough that they pay.

    Args:
        histogram: (contexts, 128): occurrences of each symbol; column 127 counts escapes.
        shifts: (contexts,) shift of each context; only contexts of equal shift share a table.

    Returns:
        The tables and, per context, the number of its table (0 for contexts that never occur).

    """
    occupied = np.flatnonzero(histogram.any(axis=1))
    table_of = np.zeros(histogram.shape[0], np.int64)
    if occupied.size == 0:
        return (Table(0, SIDE_TOKENS, (1,), 1),), table_of
    used = np.flatnonzero(histogram.any(axis=0))
    scratch = np.zeros((histogram.shape[0] + 1, used.size), np.int64)
    scratch[:-1] = histogram[:, used]
    # Neighbours first, which leaves few enough clusters to compare every two.
    near, kept = _merge(scratch, shifts, NEIGHBOURS)
    scratch = scratch[[*kept, -1]]
    far, left = _merge(scratch, shifts[kept], kept.size)
    cluster = far[np.searchsorted(kept, near[occupied])]
    table_of[occupied] = np.searchsorted(left, cluster)
    counts = np.zeros((left.size, histogram.shape[1]), np.int64)
    counts[:, used] = scratch[left]
    return _tables(counts, shifts[kept[left]]), table_of


def _merge(
    histogram: NDArray[np.int64], shifts: NDArray[np.int64], reach: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Merge rows; returns the row that each was merged into, and those that are left."""
    contexts = shifts.size
    cluster, partner = np.zeros((2, contexts), np.int64)
    own, saved = np.zeros(contexts), np.empty((contexts, contexts))
    merge_contexts(
        histogram, shifts, reach, MAX_CLUSTERS, _logs(), TOKEN_BITS, TABLE_BITS, cluster, own,
        partner, saved,
    )  # fmt: skip
    return cluster, np.flatnonzero(own >= 0)


@cache
def _logs() -> NDArray[np.float64]:
    """Of counts below 4096, as merge_contexts takes them."""
    counts = np.arange(1, 4096, dtype=np.float64)
    return np.append(0, counts * np.log2(counts) - TOKEN_BITS)


def _tables(counts: NDArray[np.int64], shifts: NDArray[np.int64]) -> tuple[Table, ...]:
    """Tables for (tables, 128) counts."""
    totals = counts.sum(axis=1, keepdims=True)
    levels = levels_of(np.maximum(counts, 1), totals)
    # Rough where a count is small, since fewer levels cost fewer bits.
    step = np.where(counts < ROUGH, 4, np.where(counts < FAIR, 2, 1))
    levels = np.maximum(step, np.rint(levels / step).astype(np.int64) * step)
    levels[counts == 0] = 0
    escapes = levels_of(np.maximum(counts[:, ESCAPE], NO_ESCAPE), totals[:, 0])
    present = counts[:, :ESCAPE] > 0
    none = ~present.any(axis=1)
    present[none, SIDE_TOKENS], levels[none, SIDE_TOKENS] = True, 1
    first, after = present.argmax(axis=1), ESCAPE - present[:, ::-1].argmax(axis=1)
    return tuple(
        Table(shift, start, tuple(row[start:end]), escape)
        for shift, start, end, row, escape in zip(
            shifts.tolist(), first.tolist(), after.tolist(), levels.tolist(), escapes.tolist(),
            strict=True,
        )
    )  # fmt: skip


def plain_first(
    tables: tuple[Table, ...], table_of_context: Int64Array
) -> tuple[tuple[Table, ...], Int64Array]:
    """The same with tables without shift before others: coding is fast where all lanes use them."""
    order = sorted(range(len(tables)), key=lambda number: tables[number].shift > 0)
    return tuple(tables[number] for number in order), np.argsort(order)[table_of_context]
