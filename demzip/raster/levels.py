"""Grid levels that occur, and samples that are their ranks (docs/format.md section 3.3)."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from demzip.raster.kernels import mark_levels
from demzip.raster.values import IntegerArray, ValueMap

RANK_SPAN = 1 << 20  # widest range of levels whose ranks are considered
RANK_OCCUPANCY = 0.9  # ranks are used where a smaller share of the levels occurs
Span = tuple[int, int] | None


class Occurrence:
    """Which levels around a middle one occur; several threads may mark them."""

    def __init__(self, middle: int) -> None:
        self._lowest = middle - RANK_SPAN
        self._occurs = np.zeros(2 * RANK_SPAN + 1, np.bool_)
        self._complete = True

    def mark(self, numbers: IntegerArray, span: tuple[int, int]) -> None:
        """Note numbers (contiguous, of one dimension), whose least and greatest are `span`."""
        if span[0] < self._lowest or span[1] - self._lowest >= self._occurs.size:
            self._complete = False
        elif self._complete:
            # Numba would compile the loop anew for read-only arrays.
            writable = numbers if numbers.flags.writeable else numbers.copy()
            mark_levels(writable, self._lowest, self._occurs)

    def within(self, lowest: int, highest: int) -> NDArray[np.bool_] | None:
        """Which levels from lowest to highest occur, None if that is not known."""
        if not self._complete:
            return None
        return self._occurs[lowest - self._lowest : highest - self._lowest + 1]


def levels_may_be_rare(numbers: IntegerArray) -> bool:
    """Whether a sample of a raster's numbers leaves open that ranks could pay.

    They cannot where nearly all levels occur among the middle nine tenths of it: there are no
    gaps but between a few peaks.
    """
    if not numbers.size:
        return True
    middle = np.sort(numbers, axis=None)[numbers.size // 20 : numbers.size - numbers.size // 20]
    found = 1 + np.count_nonzero(middle[1:] != middle[:-1])
    return bool(found < RANK_OCCUPANCY * (int(middle[-1]) - int(middle[0]) + 1))


def use_ranks(
    value_map: ValueMap, spans: list[Span], occurrence: Occurrence, total: int
) -> tuple[ValueMap, list[Span]]:
    """The map and spans with ranks for samples where many levels of a raster do not occur.

    Args:
        value_map: Without levels.
        spans: Least and greatest number of each box.
        occurrence: Has seen all numbers.
        total: Values of the raster.

    """
    found = [span for span in spans if span is not None]
    if not found:
        return value_map, spans
    lowest, highest = min(low for low, _ in found), max(high for _, high in found)
    width = highest - lowest + 1
    if not 16 < width <= RANK_SPAN:
        return value_map, spans
    occurs = occurrence.within(lowest, highest)
    if occurs is None:
        return value_map, spans
    levels = np.flatnonzero(occurs)
    if levels.size > RANK_OCCUPANCY * width:
        return value_map, spans
    # The list of levels costs about a bit per level of the span; ranks save at least half of
    # what the gaps would.
    if 0.5 * total * np.log2(width / levels.size) < width:
        return value_map, spans
    rank = np.cumsum(occurs) - 1
    ranks: list[Span] = [
        None if span is None else (int(rank[span[0] - lowest]), int(rank[span[1] - lowest]))
        for span in spans
    ]
    return replace(value_map, levels=levels + lowest), ranks
