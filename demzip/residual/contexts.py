"""Context states to tables (docs/format.md section 7)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from demzip.constants import ACTIVITY_LEVELS, BINS, CONTEXTS, SUBCONTEXTS

Int64Array = NDArray[np.int64]


def of_bins(limits: Int64Array, rows: NDArray[Any]) -> NDArray[Any]:
    """Rows of the bins 0..31 for each of the 4096 activity levels.

    Args:
        limits: (<= 31,) ascending levels; a level's bin is the number of limits at or below it.
        rows: (32, ...) of any dtype.

    """
    levels = np.diff(np.concatenate([[0], limits, [ACTIVITY_LEVELS]]))
    return np.repeat(rows[: levels.size], levels, axis=0)


def context_of_state(limits: Int64Array) -> NDArray[np.uint8]:
    """(32768,) context 0..255 of each state, activity level * 8 + subcontext."""
    return of_bins(limits, np.arange(CONTEXTS, dtype=np.uint8).reshape(BINS, -1)).ravel()


def table_of_state(limits: Int64Array, table_of_context: Int64Array) -> NDArray[np.uint8]:
    """(32771,) table of each state, and 3 bytes that vectors may read."""
    tables = of_bins(limits, table_of_context.astype(np.uint8).reshape(BINS, -1))
    return np.append(tables, np.zeros(3, np.uint8))


def sums_of_contexts(limits: Int64Array, values: Int64Array) -> Int64Array:
    """(256,) sums of (32768,) values of states; limits as choose_limits makes them."""
    sums = np.zeros((BINS, SUBCONTEXTS), np.int64)
    by_level = values.reshape(ACTIVITY_LEVELS, SUBCONTEXTS)
    sums[: limits.size + 1] = np.add.reduceat(by_level, np.append(0, limits), axis=0)
    return sums.ravel()


def choose_limits(level_counts: Int64Array) -> Int64Array:
    """Limits that share the samples out evenly among the bins, as far as levels allow.

    All are different, none is 0.
    """
    cumulative = np.cumsum(level_counts)
    total = int(cumulative[-1])
    marks = total * np.arange(1, BINS) / BINS
    limits = np.unique(np.searchsorted(cumulative, marks, side="right") + 1)
    return limits[limits < ACTIVITY_LEVELS].astype(np.int64)
