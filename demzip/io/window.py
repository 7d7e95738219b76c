"""Windows of a raster, as rasterio writes them, and numbers of bands, checked."""

from collections.abc import Sequence
from typing import TypeAlias

from rasterio.windows import Window

from demzip.errors import OptionsError

Range: TypeAlias = slice | tuple[int | None, int | None]
Rectangle: TypeAlias = Window | tuple[Range, Range]


def slices(window: Rectangle | None, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a window.

    Raises:
        OptionsError: It is none, or reaches beyond the raster.

    """
    if window is None:
        return slice(0, height), slice(0, width)
    if isinstance(window, Window):
        top, left = _whole(window.row_off), _whole(window.col_off)
        rows: Range = slice(top, top + _whole(window.height))
        cols: Range = slice(left, left + _whole(window.width))
    elif isinstance(window, tuple | list) and len(window) == 2:
        rows, cols = window
    else:
        raise OptionsError(f"window {window!r}: it must be a Window or rows and columns")
    return _inside(rows, height, "rows"), _inside(cols, width, "columns")


def _whole(value: float) -> int:
    if value != int(value):
        raise OptionsError(f"window: {value} is not a whole number of samples")
    return int(value)


def _inside(part: Range, size: int, name: str) -> slice:
    """A range as a slice with both ends, checked."""
    if isinstance(part, slice):
        if part.step not in (None, 1):
            raise OptionsError(f"window: {name} {part} have a step; only 1 is possible")
        part = (part.start, part.stop)
    try:
        start, stop = part
        start = 0 if start is None else _whole(start)
        stop = size if stop is None else _whole(stop)
    except (TypeError, ValueError) as error:
        raise OptionsError(f"window: {part!r} is not a range of {name}") from error
    if not 0 <= start <= stop <= size:
        raise OptionsError(
            f"window: {name} {start} to {stop} reach beyond the raster, which has {size}"
        )
    return slice(start, stop)


def check_band(band: object, count: int) -> int:
    """Return the number of a band if there is such a one.

    Raises:
        OptionsError: There is none.

    """
    if not isinstance(band, int) or isinstance(band, bool) or not 1 <= band <= count:
        bands = "one band, 1" if count == 1 else f"bands 1 to {count}"
        raise OptionsError(f"band {band!r}: the raster has {bands}")
    return band


def check_bands(bands: Sequence[int], count: int) -> list[int]:
    """Like check_band, of some bands."""
    return [check_band(band, count) for band in bands]
