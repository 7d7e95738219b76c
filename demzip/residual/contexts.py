"""Context states to tables (docs/format.md section 7)."""

import numpy as np
from numpy.typing import NDArray

from demzip.constants import ACTIVITY_LEVELS, BINS, SUBCONTEXTS

Int64Array = NDArray[np.int64]


def bin_of_level(limits: Int64Array) -> Int64Array:
    """Bin 0..31 of each of the 4096 activity levels.

    Args:
        limits: (<= 31,) ascending levels; a level's bin is the number of limits at or below it.

    """
    return np.searchsorted(limits, np.arange(ACTIVITY_LEVELS), side="right")


def context_of_state(limits: Int64Array) -> Int64Array:
    """(32768,) context 0..255 of each state, activity level * 8 + subcontext."""
    contexts = bin_of_level(limits)[:, None] * SUBCONTEXTS + np.arange(SUBCONTEXTS)
    return contexts.ravel()


def table_of_state(limits: Int64Array, table_of_context: Int64Array) -> NDArray[np.uint8]:
    """(32771,) table of each state, and 3 bytes that vectors may read."""
    tables = table_of_context[context_of_state(limits)]
    return np.append(tables, np.zeros(3)).astype(np.uint8)


def choose_limits(level_counts: Int64Array) -> Int64Array:
    """Limits that share the samples out evenly among the bins, as far as levels allow."""
    cumulative = np.cumsum(level_counts)
    total = int(cumulative[-1])
    marks = total * np.arange(1, BINS) / BINS
    limits = np.unique(np.searchsorted(cumulative, marks, side="right") + 1)
    return limits[limits < ACTIVITY_LEVELS].astype(np.int64)
