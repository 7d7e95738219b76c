"""How a codec gets the samples: as they are, or in the nearest form that it takes, exactly."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]

WIDE = 1 << 16  # levels of 16 bits


class UnfitError(Exception):
    """A codec does not take such samples; the message says why."""


@dataclass(frozen=True)
class Given:
    """What a codec gets.

    Attributes:
        array: (rows, cols), contiguous.
        words: The form in words.
        restore: From what the codec gives back to the values of the raster.
        nodata: Declared value of missing samples, for codecs that use it.

    """

    array: AnyArray
    words: str
    restore: Callable[[AnyArray], AnyArray]
    nodata: float | None = None


Form = Callable[[AnyArray, float | None], Given]


def same(array: AnyArray) -> AnyArray:
    """The array itself."""
    return array


def native(*dtypes: str) -> Form:
    """The values as they are, if they have one of these dtypes (none: any)."""

    def form(values: AnyArray, nodata: float | None) -> Given:
        if dtypes and values.dtype.name not in dtypes:
            raise UnfitError(f"{values.dtype}: it takes {', '.join(dtypes)}")
        return Given(values, values.dtype.name, same, nodata)

    return form


def unsigned(*floats: str, wide: bool = False) -> Form:
    """Integers as value - minimum in 8 bits (of 8-bit rasters) or 16; floats of some dtypes as is.

    Args:
        floats: Dtypes of floats that the codec takes.
        wide: Whether it takes 32-bit integers that span more than 16 bits, as they are.

    """

    def form(values: AnyArray, nodata: float | None) -> Given:
        if values.dtype.name in floats or values.dtype.name in {"uint8", "uint16"}:
            return Given(values, values.dtype.name, same, nodata)
        if values.dtype.kind not in "iu":
            raise UnfitError(f"{values.dtype}: it takes integers{_or(floats)}")
        pattern = np.dtype(f"u{values.dtype.itemsize}")
        lowest = values.min().view(pattern)
        above = values.view(pattern) - lowest  # modulo 2**bits, as is the way back
        if above.max() >= WIDE:
            if wide and values.dtype.itemsize == 4:
                return Given(values, values.dtype.name, same, nodata)
            raise UnfitError(f"{values.dtype} that spans more than 16 bits: it takes no more")
        kind = np.dtype("u1" if values.dtype.itemsize == 1 else "u2")

        def restore(array: AnyArray) -> AnyArray:
            back: AnyArray = (array.astype(pattern) + lowest).view(values.dtype)
            return back

        words = f"{kind} (value - min)"
        return Given(np.ascontiguousarray(above.astype(kind)), words, restore, nodata)

    return form


def _or(floats: tuple[str, ...]) -> str:
    return f" and {', '.join(floats)}" if floats else " only"


def widened(values: AnyArray, nodata: float | None) -> Given:
    """Small integers as int32, other values as they are; for codecs without unsigned types."""
    if values.dtype.name in {"uint32", "uint64"}:
        raise UnfitError(f"{values.dtype}: it takes int32, int64, float32, float64")
    if values.dtype.itemsize < 4:
        return Given(
            values.astype(np.int32), "int32", lambda array: array.astype(values.dtype), nodata
        )
    return Given(values, values.dtype.name, same, nodata)


def ordered(values: AnyArray) -> AnyArray:
    """Integers in the order of the values: those of a float's bits, with their sign put right."""
    if values.dtype.kind != "f":
        return values.view(f"u{values.dtype.itemsize}")
    bits = values.view(f"i{values.dtype.itemsize}")
    top = 8 * bits.dtype.itemsize - 1
    flipped: AnyArray = bits ^ ((bits >> top) & np.iinfo(bits.dtype).max)
    return flipped.view(f"u{values.dtype.itemsize}")


def disordered(numbers: AnyArray, dtype: "np.dtype[Any]") -> AnyArray:
    """Inverse of `ordered`."""
    if dtype.kind != "f":
        return numbers.view(dtype)
    return ordered(numbers.view(dtype)).view(dtype)


def differences(values: AnyArray) -> AnyArray:
    """Value - W - N + NW of the ordered integers, modulo 2**bits, as signed integers."""
    found = ordered(values).copy()
    found[:, 1:] -= found[:, :-1].copy()
    found[1:] -= found[:-1].copy()
    return found.view(f"i{values.dtype.itemsize}")


def summed(numbers: AnyArray, dtype: "np.dtype[Any]") -> AnyArray:
    """Inverse of `differences`."""
    found = numbers.view(f"u{numbers.dtype.itemsize}")
    for axis in (0, 1):
        found = np.add.accumulate(found, axis=axis, dtype=found.dtype)
    return disordered(found, dtype)
