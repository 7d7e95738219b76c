"""Curvature of the earth and heights above ground, of sight lines and viewsheds."""

import math

from demzip.errors import OptionsError
from demzip.terrain.crs import parse

OBSERVER = 1.75  # metres, the eye of a standing person
REFRACTION = 1 / 7  # of light: GDAL's coefficient of curvature, 0.85714, is 1 less this
REFRACTIONS = (-10.0, 1.0)  # legal ones; with 1 light follows the earth
EARTH = 6378137.0  # metres, for rasters without a CRS


def bend_of(
    crs: object | None, *, curvature: bool, refraction: float | None
) -> tuple[float, float | None]:
    """How the earth curves away.

    A point at distance d sinks by (1 - k) d^2 / (2 R), k being the coefficient of refraction and R
    the semi-major axis of the ellipsoid of the CRS: GDAL's formula.

    Args:
        crs: Of the raster.
        curvature: Whether the earth is round.
        refraction: Coefficient, -10 to 1; by default 1/7. Naming one implies `curvature`.

    Returns:
        Metres for each square metre of the squared distance, and the coefficient; 0 and None if
        the earth is flat.

    Raises:
        OptionsError: The coefficient is illegal.

    """
    if refraction is None:
        if not curvature:
            return 0.0, None
        refraction = REFRACTION
    low, high = REFRACTIONS
    if not low <= refraction <= high:
        raise OptionsError(f"refraction {refraction:g}: it must be {low:g} to {high:g}")
    ellipsoid = None if crs is None else parse(crs).ellipsoid
    radius = EARTH if ellipsoid is None else ellipsoid.semi_major_metre
    return (1 - refraction) / (2 * radius), refraction


def check_height(name: str, height: float) -> float:
    """Return a height above ground.

    Raises:
        OptionsError: It is not a number of metres from 0 on.

    """
    if not (math.isfinite(height) and height >= 0):
        raise OptionsError(f"{name} {height:g}: it must be metres above ground, 0 or more")
    return height
