"""Distances and lines on the ground, in metres."""

import math

import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray
from rasterio.transform import Affine

from demzip.errors import OptionsError
from demzip.terrain.crs import parse

Float64Array = NDArray[np.float64]

MAX_POINTS = 10_000_000  # of a line
POLE, FULL_TURN = 90.0, 360.0  # degrees
ROUNDING = 1e-9  # of a step: an end as near as this to the last whole one is that one


class Ground:
    """Distances in the CRS of a raster.

    In a geographic CRS they are geodesics on its ellipsoid (Karney's, by pyproj), else straight
    lines on the map times the metres of its unit; without a CRS its units are taken as metres.

    Attributes:
        is_geographic: Whether x and y are angles.
        unit: Degrees, or metres, of a unit of x and y.

    """

    def __init__(self, crs: object | None) -> None:
        found = None if crs is None else parse(crs)
        self.is_geographic = found is not None and found.is_geographic
        self.unit = 1.0
        self._geod = pyproj.Geod(ellps="WGS84")
        if found is not None:
            axes = found.axis_info
            self.unit = axes[0].unit_conversion_factor if axes else 1.0
            self._geod = found.get_geod() or self._geod
        if self.is_geographic:
            self.unit = math.degrees(self.unit)
            if abs(self.unit - 1) < ROUNDING:
                self.unit = 1.0

    def distance(self, x1: ArrayLike, y1: ArrayLike, x2: ArrayLike, y2: ArrayLike) -> Float64Array:
        """Metres between points, of any shapes that go together; NaN beyond the poles."""
        ends = np.broadcast_arrays(*(np.asarray(axis, np.float64) for axis in (x1, y1, x2, y2)))
        west, south, east, north = (end * self.unit for end in ends)
        if not self.is_geographic:
            return np.asarray(np.hypot(east - west, north - south), np.float64)
        _, _, found = self._geod.inv(west.ravel(), south.ravel(), east.ravel(), north.ravel())
        return np.asarray(found, np.float64).reshape(ends[0].shape)

    def line(
        self, x1: float, y1: float, x2: float, y2: float, step: float
    ) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Points on the shortest way between two points.

        Args:
            x1: Of the first point.
            y1: As x1.
            x2: Of the last point.
            y2: As x2.
            step: Metres from one to the next; the last step is shorter.

        Returns:
            x, y, and metres from the first point, of both ends and what lies between them.

        Raises:
            OptionsError: An argument is no finite number, or the step is not above 0 or so short
                that there would be more than 10 million points.

        """
        if not all(map(math.isfinite, (x1, y1, x2, y2))):
            raise OptionsError(f"line from {x1} {y1} to {x2} {y2}: its ends must be numbers")
        if not (math.isfinite(step) and step > 0):
            raise OptionsError(f"step {step}: it must be metres above 0 and below 1.8e308")
        length = float(self.distance(x1, y1, x2, y2))
        if not math.isfinite(length):
            raise OptionsError(f"line from {x1} {y1} to {x2} {y2}: it ends beyond a pole")
        if length / step > MAX_POINTS:
            raise OptionsError(
                f"step {step:g}: on {length:g} m these are more than {MAX_POINTS} points; choose a "
                "longer one"
            )
        steps = max(math.ceil(length / step - ROUNDING), 1)
        distance = np.append(np.arange(steps) * step, length)
        if self.is_geographic:
            x, y = self._along(x1, y1, x2, y2, distance)
        else:
            whole = length or 1.0
            x, y = x1 + distance * (x2 - x1) / whole, y1 + distance * (y2 - y1) / whole
        turns = round((x[-1] - x2) * self.unit / FULL_TURN) if self.is_geographic else 0
        x[[0, -1]], y[[0, -1]] = (x1, x2 + turns * FULL_TURN / self.unit), (y1, y2)
        return x, y, distance

    def _along(
        self, x1: float, y1: float, x2: float, y2: float, distance: Float64Array
    ) -> tuple[Float64Array, Float64Array]:
        """Points on a geodesic; longitudes go on beyond 180 degrees."""
        west, south = x1 * self.unit, y1 * self.unit
        azimuth, _, _ = self._geod.inv(west, south, x2 * self.unit, y2 * self.unit)
        start = np.full(distance.size, west), np.full(distance.size, south)
        lon, lat, _ = self._geod.fwd(*start, np.full(distance.size, azimuth), distance)
        turn = np.remainder(np.asarray(lon) - west + 180.0, 360.0) - 180.0
        return (west + turn) / self.unit, np.asarray(lat, np.float64) / self.unit

    def cell_size(self, transform: Affine, x: float, y: float) -> tuple[float, float]:
        """Metres from a sample at x, y to the next one in its row, and to that in its column."""
        top = POLE / self.unit if self.is_geographic else math.inf

        def reach(dx: float, dy: float) -> float:
            middle = min(max(y, abs(dy) / 2 - top), top - abs(dy) / 2)  # both ends on the earth
            half_x, half_y = dx / 2, dy / 2
            return float(
                self.distance(x - half_x, middle - half_y, x + half_x, middle + half_y)
            )

        return reach(transform.a, transform.d), reach(transform.b, transform.e)
