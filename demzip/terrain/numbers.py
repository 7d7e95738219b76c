"""Numbers that callers give."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demzip.errors import OptionsError

Float64Array = NDArray[np.float64]

KINDS = "biufO"  # of dtypes; O: big integers, fractions, decimals


def as_numbers(values: object, name: str) -> Float64Array:
    """Float64, NaN where the values are masked.

    Args:
        values: Of any shape.
        name: What messages call them.

    Raises:
        OptionsError: They are no real numbers, or nested lists of different lengths.

    """
    parts: list[object] = [values]
    if isinstance(values, list | tuple):
        values = parts = [np.nan if part is np.ma.masked else part for part in values]
    try:
        if any(isinstance(part, np.ma.MaskedArray) for part in parts):
            masked: Any = np.ma.asarray(values)
            if masked.dtype.kind in KINDS:
                return np.asarray(masked.astype(np.float64).filled(np.nan), np.float64)
        elif np.asarray(values).dtype.kind in KINDS:
            return np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise OptionsError(f"{name}: they must be real numbers ({error})") from error
    raise OptionsError(f"{name}: they must be real numbers")


def in_pairs(one: ArrayLike, other: ArrayLike, names: str) -> tuple[Float64Array, Float64Array]:
    """Two arrays of numbers in one shape.

    Raises:
        OptionsError: As `as_numbers`; or their shapes do not go together.

    """
    first, second = as_numbers(one, names), as_numbers(other, names)
    try:
        first, second = np.broadcast_arrays(first, second)
    except ValueError as error:
        raise OptionsError(
            f"{names} of shapes {first.shape} and {second.shape}: give as many of one as of the "
            "other"
        ) from error
    return first, second
