"""Coordinates of one reference system in another; x is easting or longitude in all of them."""

from functools import lru_cache

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import CRSError, ProjError

from demzip.errors import OptionsError

Float64Array = NDArray[np.float64]

WGS84 = "OGC:CRS84"
SHOWN = 60  # characters of a CRS in a message


def parse(crs: object) -> pyproj.CRS:
    """A CRS without its heights.

    Args:
        crs: Whatever PROJ knows, such as "EPSG:4326" or a text of WKT; an object of rasterio.

    Raises:
        OptionsError: PROJ does not know it.

    """
    if isinstance(crs, str):
        return _parse(crs)
    return _parse(crs.to_wkt(version="WKT2_2019") if hasattr(crs, "to_wkt") else str(crs))


@lru_cache(maxsize=64)
def _parse(text: str) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_user_input(text).to_2d()
    except CRSError as error:
        shown = text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
        raise OptionsError(
            f"CRS {shown!r}: PROJ does not know it; EPSG:4326 would be longitude and latitude"
        ) from error


def move(
    source: pyproj.CRS, target: pyproj.CRS, x: Float64Array, y: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Coordinates of `source` in `target`, NaN where there are none.

    The arrays are given back as they are if both are the same CRS.

    Raises:
        OptionsError: There is no way from one to the other.

    """
    transformer = _transformer(source.to_wkt(), target.to_wkt())
    if transformer is None:
        return x, y
    moved = (np.asarray(axis, np.float64) for axis in transformer.transform(x, y))
    there_x, there_y = (np.where(np.isfinite(axis), axis, np.nan) for axis in moved)
    return there_x, there_y


@lru_cache(maxsize=64)
def _transformer(source: str, target: str) -> pyproj.Transformer | None:
    """None if both are the same."""
    before, after = pyproj.CRS.from_wkt(source), pyproj.CRS.from_wkt(target)
    if before.equals(after, ignore_axis_order=True):
        return None
    try:
        return pyproj.Transformer.from_crs(before, after, always_xy=True)
    except ProjError as error:
        raise OptionsError(f"there is no way from {before.name} to {after.name}") from error
