"""Ranks and their correlation."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SAME = 1e-9  # relative: methods that are one in exact arithmetic differ by less


def ranks(values: Sequence[float], floor: float = 0.0) -> list[float]:
    """Ranks from 1, the least value's; values that are the same share the mean of their ranks.

    Args:
        values: Finite ones, in any order.
        floor: Values that are no further apart than that are the same, too.

    """
    order = sorted(range(len(values)), key=lambda place: values[place])
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        least = values[order[start]]
        stop = start + 1
        while stop < len(order) and _same(least, values[order[stop]], floor):
            stop += 1
        for place in order[start:stop]:
            found[place] = (start + 1 + stop) / 2
        start = stop
    return found


def _same(low: float, high: float, floor: float) -> bool:
    return high - low <= SAME * abs(high) + floor


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Rank correlation, -1 to 1; NaN if either has one value only.

    Args:
        first: At least one value, such as ranks or mean ranks.
        second: As many, of the same methods.

    """
    one, other = (np.array(ranks(values)) for values in (first, second))
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size else float("nan")
