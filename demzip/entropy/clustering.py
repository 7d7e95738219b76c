"""Which contexts share a table: greedy merging by the bits that tables and residuals cost."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from demzip.constants import ESCAPE, MAX_CLUSTERS, MAX_SHIFT, SIDE_TOKENS
from demzip.entropy.kernels import merge_contexts
from demzip.entropy.tables import Table, levels_of

NEIGHBOURS = 16  # contexts this far apart are compared first: two bins of eight
TOKEN_BITS = 5.0  # what one level of a table costs in the header
TABLE_BITS = 40.0  # what a table costs besides its levels
ROUGH, FAIR = 8, 64  # counts whose logarithm is kept to an octave, to half an octave
ESCAPE_BITS = 12.0  # what an escaped residual costs besides the escape itself


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
    contexts = histogram.shape[0]
    scratch = np.zeros((contexts + 1, histogram.shape[1]))
    scratch[:-1] = histogram
    cluster = np.arange(contexts)
    # Neighbours first, which leaves few enough clusters to compare every two.
    for reach in (NEIGHBOURS, contexts):
        step, partner = np.zeros(contexts, np.int64), np.zeros(contexts, np.int64)
        merge_contexts(
            scratch, shifts, reach, MAX_CLUSTERS, TOKEN_BITS, TABLE_BITS, ESCAPE_BITS,
            step, np.zeros(contexts), partner, np.zeros(contexts),
        )  # fmt: skip
        cluster = step[cluster]
    occupied = histogram.sum(axis=1) > 0
    names, numbers = np.unique(cluster[occupied], return_inverse=True)
    table_of = np.zeros_like(cluster)
    table_of[occupied] = numbers
    if names.size == 0:
        return (Table(0, SIDE_TOKENS, (1,), 1),), table_of
    tables = []
    for name in names:
        members = occupied & (cluster == name)
        tables.append(
            _table(histogram[members].sum(axis=0), int(shifts[np.argmax(members)]))
        )
    return tuple(tables), table_of


def _table(counts: NDArray[np.int64], shift: int) -> Table:
    total = float(counts.sum())
    escape = int(levels_of(np.maximum(counts[ESCAPE:], 1e-3), total)[0])
    present = np.flatnonzero(counts[:ESCAPE])
    if present.size == 0:
        return Table(shift, SIDE_TOKENS, (1,), escape)
    first, last = int(present[0]), int(present[-1])
    return Table(shift, first, tuple(_levels(counts[first : last + 1], total).tolist()), escape)


def _levels(counts: NDArray[np.int64], total: float) -> NDArray[np.int64]:
    """Levels of counts; rough where a count is small, since fewer levels cost fewer bits."""
    step = np.where(counts < ROUGH, 4, np.where(counts < FAIR, 2, 1))
    exact = levels_of(np.maximum(counts, 1), total)
    return np.where(counts > 0, np.maximum(step, np.rint(exact / step).astype(np.int64) * step), 0)
