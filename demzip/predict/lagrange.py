"""Lagrange-optimal weights: least squares with the mean error constrained to zero.

For a surface whose mean does not drift, a mean error of zero is the condition that the weights
sum to one; it is built in by fitting differences to W (Kidner, Dorey & Smith 1999; Lewis & Smith
1994), which also keeps every product small and makes the fixed-point prediction exact under any
offset.
"""

import numpy as np
from numpy.typing import NDArray

from demzip.constants import MAX_OFFSET, OFFSET_SHIFT, TEMPLATE_SIZE, WEIGHT_ONE
from demzip.predict.templates import W

Float64Array = NDArray[np.float64]
Int64Array = NDArray[np.int64]

TARGET = W  # row and column of the moments that hold the sample itself
RIDGE = 1e-7  # of the mean diagonal: keeps a flat or periodic surface solvable
WEIGHT_LIMIT = 8 * WEIGHT_ONE  # of one tap: a wilder fit is a sign of a degenerate surface


def solve(moments: Float64Array, taps: tuple[int, ...]) -> Int64Array | None:
    """Weights over `taps` that minimise the squared error described by `moments`.

    Args:
        moments: (24, 24) sums of products of differences to W in template order, with the sample
            itself in place of W.
        taps: Cells the predictor may use; W (21) must be among them.

    Returns:
        (24,) integers, multiples of 2**-12 that sum to one; None for a degenerate surface.

    """
    free = np.array([tap for tap in taps if tap != W], np.int64)
    matrix = moments[np.ix_(free, free)].copy()
    trace = float(np.trace(matrix))
    if not np.isfinite(trace) or trace <= 0:
        return None
    matrix[np.diag_indices_from(matrix)] += RIDGE * trace / free.size
    try:
        solution = np.linalg.solve(matrix, moments[free, TARGET])
    except np.linalg.LinAlgError:
        return None
    if not np.all(np.isfinite(solution)):
        return None
    scaled = np.rint(solution * WEIGHT_ONE)
    if np.abs(scaled).max() > WEIGHT_LIMIT:
        return None
    weights = np.zeros(TEMPLATE_SIZE, np.int64)
    weights[free] = scaled.astype(np.int64)
    weights[W] = WEIGHT_ONE - weights.sum()
    return weights


def fits_int32(weights: Int64Array, bound: int) -> bool:
    """Whether every partial sum of a prediction stays within int32 for |sample| <= bound.

    Args:
        weights: (sets, 24) integers.
        bound: Largest magnitude of a sample in the block.

    """
    largest = int(np.abs(weights).sum(axis=1).max(initial=WEIGHT_ONE))
    sums = (max(largest, 3 * WEIGHT_ONE) + 1) * (bound + 1)
    return sums + (MAX_OFFSET << OFFSET_SHIFT) < 2**31
