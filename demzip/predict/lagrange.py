"""Lagrange-optimal weights: least squares with the mean error constrained to zero.

For a surface whose mean does not drift, a mean error of zero is the condition that the weights
sum to one; it is built in by fitting differences to W (Kidner, Dorey & Smith 1999; Lewis & Smith
1994), which also keeps every product small and makes the fixed-point prediction exact under any
offset.
"""

import numpy as np
from numpy.typing import NDArray

from demzip.constants import MAX_OFFSET, OFFSET_SHIFT, TEMPLATE_SIZE, WEIGHT_ONE
from demzip.predict.kernels import solve_positive
from demzip.predict.templates import W

Float64Array = NDArray[np.float64]
Int64Array = NDArray[np.int64]

TARGET = W  # row and column of the moments that hold the sample itself
RIDGE = 1e-7  # of the mean diagonal: keeps a flat or periodic surface solvable
WEIGHT_LIMIT = 8 * WEIGHT_ONE  # of one tap: a wilder fit is a sign of a degenerate surface


def solve(
    moments: Float64Array, taps: tuple[int, ...]
) -> tuple[Int64Array, NDArray[np.bool_]]:
    """Weights over `taps` that minimise the squared errors described by `moments`.

    Args:
        moments: (n, 24, 24): n times sums of products of differences to W in template order, with
            the sample itself in place of W.
        taps: Cells the predictor may use; W (21) must be among them.

    Returns:
        (n, 24) integers, multiples of 2**-12 that sum to one; (n,) False for degenerate surfaces,
        whose weights are W alone.

    """
    free = np.array([tap for tap in taps if tap != W], np.int64)
    matrices = moments[:, free[:, None], free]
    traces = np.trace(matrices, axis1=1, axis2=2)
    sound = np.isfinite(traces) & (traces > 0)
    matrices[~sound] = 0
    matrices[:, np.arange(free.size), np.arange(free.size)] += np.where(
        sound, RIDGE * traces / free.size, 1
    )[:, None]
    solution = moments[:, free, TARGET].copy()
    # Not by LAPACK: its threads would wait for more work, busily, on the processors of ours.
    solve_positive(matrices, solution)
    scaled = np.rint(solution * WEIGHT_ONE)
    sound &= (np.abs(scaled) <= WEIGHT_LIMIT).all(axis=1)
    weights = np.zeros((moments.shape[0], TEMPLATE_SIZE), np.int64)
    weights[:, free] = np.where(sound[:, None], scaled, 0)
    weights[:, W] = WEIGHT_ONE - weights.sum(axis=1)
    return weights, sound


def fits_int32(weights: Int64Array, bound: int) -> bool:
    """Whether every partial sum of a prediction stays within int32 for |sample| <= bound.

    Args:
        weights: (sets, 24) integers.
        bound: Largest magnitude of a sample in the block.

    """
    largest = int(np.abs(weights).sum(axis=1).max(initial=WEIGHT_ONE))
    sums = (max(largest, 3 * WEIGHT_ONE) + 1) * (bound + 1)
    return sums + (MAX_OFFSET << OFFSET_SHIFT) < 2**31
