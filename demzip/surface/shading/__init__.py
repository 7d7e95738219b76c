"""Shaded relief, as of Horn (1981) and as gdaldem makes it: the binding of kernels.py."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demzip.errors import OptionsError
from demzip.surface.masked import unmasked
from demzip.surface.shading.kernels import shade

AZIMUTH, ALTITUDE = 315.0, 45.0  # of the light, in degrees: the cartographers' north-west
WEIGHTS = 8.0  # of Horn's six samples, 1 + 2 + 1 on either side, two samples apart


def hillshade(
    heights: ArrayLike,
    cell_x: ArrayLike,
    cell_y: ArrayLike,
    *,
    azimuth: float = AZIMUTH,
    altitude: float = ALTITUDE,
    z_factor: float = 1.0,
    multidirectional: bool = False,
    edges: bool = True,
) -> NDArray[np.uint8]:
    """Shade a relief as `gdaldem hillshade` does; cosines of the angles to the light.

    Slopes are those of Horn, B. K. P. (1981), Hill shading and the reflectance map, Proc. IEEE 69.

    Args:
        heights: (rows, cols) of any real dtype; what is not finite, or is masked, is a void.
        cell_x: Distance to the next column, in the units of the heights: one or (rows,). Positive
            where columns run east.
        cell_y: Distance to the next row, likewise. Positive where rows run south.
        azimuth: Of the light, degrees clockwise from north, 0 to 360.
        altitude: Of the light, degrees above the horizon, 0 to 90.
        z_factor: That heights are multiplied by; not 0.
        multidirectional: Whether light comes from 225, 270, 315 and 360 degrees, mixed by squared
            sines (Mark, R. K. (1992), USGS Open-File Report 92-422) of angles that are counted as
            gdaldem does: each light counts where the slope points along it. Without `azimuth`.
        edges: Whether the raster's edge and samples beside voids are shaded, as with
            `gdaldem hillshade -compute_edges`: beyond the edge heights go on along a straight line
            through the last two, and a void has the height of the sample. If not, they are 0.

    Returns:
        (rows, cols): 1, dark, to 255, and 0 where there is no height, or no slope since the raster
        has one row or one column.

    Raises:
        OptionsError: An argument is outside its legal range.

    """
    values = unmasked(heights)
    if values.ndim != 2:
        raise OptionsError(f"heights have {values.ndim} dimensions; two are shaded, rows and cols")
    if values.dtype.kind not in "buif":
        raise OptionsError(f"heights of {values.dtype}: they must be real numbers")
    ground = np.ascontiguousarray(values, np.float64)
    check_light(azimuth, altitude, z_factor)
    rows, cols = ground.shape
    per_col, per_row = (_weights(cell, rows, z_factor) for cell in (cell_x, cell_y))
    out = np.zeros((rows, cols), np.uint8)
    if rows > 1 and cols > 1:
        up, around = math.radians(altitude), math.radians(azimuth)
        shade(
            ground, per_col, per_row, math.sin(up), math.cos(up), math.sin(around),
            math.cos(around), multidirectional, edges, out,
        )  # fmt: skip
    return out


def check_light(azimuth: float, altitude: float, z_factor: float) -> None:
    """See that options of `hillshade` are legal.

    Raises:
        OptionsError: One is not.

    """
    for name, value, most in (("azimuth", azimuth, 360.0), ("altitude", altitude, 90.0)):
        if not 0.0 <= value <= most:
            raise OptionsError(f"{name} {value}: it must be 0 to {most:g} degrees")
    if not (math.isfinite(z_factor) and z_factor):
        raise OptionsError(f"z factor {z_factor}: it must be a finite number other than 0")


def _weights(cell: ArrayLike, rows: int, z_factor: float) -> NDArray[np.float64]:
    """What a height counts in the slope of its row's samples: (rows,)."""
    distances = np.asarray(cell, np.float64)
    if distances.shape not in {(), (rows,)}:
        raise OptionsError(f"cell sizes of shape {distances.shape}: give one, or one per row")
    if not (np.isfinite(distances) & (distances != 0.0)).all():
        raise OptionsError("cell sizes must be finite numbers other than 0")
    return np.broadcast_to(z_factor / (WEIGHTS * distances), (rows,)).copy()
