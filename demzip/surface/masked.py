"""Masked arrays: what is masked is a void."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def unmasked(heights: ArrayLike) -> NDArray[Any]:
    """The array; a masked one as float64, NaN where it is masked."""
    if isinstance(heights, np.ma.MaskedArray) and heights.dtype.kind in "buif":
        return np.where(np.ma.getmaskarray(heights), np.nan, heights.data.astype(np.float64))
    return np.asarray(heights)
