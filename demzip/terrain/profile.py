"""A section through the ground."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """Points of a line and the surface there, (n,) float64 all of them.

    Attributes:
        x, y: Coordinates, of the CRS that the ends were given in.
        distance: Metres from the first point.
        elevation: NaN in voids and outside the raster.
        inside: Whether a point lies on the raster, (n,) bool.
        method: Of interpolation.

    """

    x: Float64Array
    y: Float64Array
    distance: Float64Array
    elevation: Float64Array
    inside: NDArray[np.bool_]
    method: str

    @property
    def length(self) -> float:
        """Metres from end to end."""
        return float(self.distance[-1])

    @property
    def outside(self) -> int:
        """Points that do not lie on the raster."""
        return int((~self.inside).sum())

    @property
    def voids(self) -> int:
        """Points on the raster that have no elevation."""
        return int((np.isnan(self.elevation) & self.inside).sum())

    @property
    def range(self) -> tuple[float, float] | None:
        """Least and greatest elevation of the points; None if there is none."""
        valid = self.elevation[np.isfinite(self.elevation)]
        return (float(valid.min()), float(valid.max())) if valid.size else None

    @property
    def ascent(self) -> float:
        """Sum of what the line rises from point to point; gaps are left out."""
        return float(np.nansum(np.maximum(np.diff(self.elevation), 0)))

    @property
    def descent(self) -> float:
        """Sum of what it falls."""
        return float(np.nansum(np.maximum(-np.diff(self.elevation), 0)))
