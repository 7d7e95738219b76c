"""Heights from an array."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demzip.errors import OptionsError
from demzip.surface.masked import unmasked
from demzip.surface.methods import DEFAULT_METHOD
from demzip.surface.pool import PLAIN, heights_at


def interpolate(
    heights: ArrayLike, rows: ArrayLike, cols: ArrayLike, method: str = DEFAULT_METHOD
) -> NDArray[np.float64]:
    """Heights between the samples of an array.

    Args:
        heights: (rows, cols), at least 1 x 1, of any real dtype; NaN = void. Infinities and what
            a masked array masks are voids too; integers beyond 2**53 are rounded to float64.
        rows: Places in samples, 0.0 = centre of the first row; any shape.
        cols: The same for columns; broadcast with `rows`.
        method: A name in METHODS (docs/interpolation.md).

    Returns:
        float64 of the broadcast shape. NaN farther than half a sample outside the outermost
        samples, where a sample with a part in the height is void, and where a place is not finite.

    Raises:
        OptionsError: Unknown method, or arrays that are not as said above.

    """
    values = unmasked(heights)
    if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "buif":
        raise OptionsError(
            f"heights must be a real array of two dimensions, at least 1 x 1, not {values.dtype} "
            f"of shape {values.shape}"
        )
    table = np.zeros((1, 1), np.int32)
    slots = np.require(values, np.float64, PLAIN)[None]
    return heights_at(slots, table, values.shape, rows, cols, method)
