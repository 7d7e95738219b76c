"""What a terrain is made of: heights of windows, and where they lie."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine

Float64Array = NDArray[np.float64]


class HeightSource(Protocol):
    """One band of a raster. Terrain sees to it that only one thread reads at a time."""

    @property
    def name(self) -> str:
        """What the raster was opened as."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def transform(self) -> Affine:
        """From column and row of a cell's corner to x and y; not singular."""

    @property
    def crs(self) -> CRS | None:
        """Of x and y."""

    @property
    def units(self) -> str | None:
        """Unit of the elevations, as it is declared."""

    @property
    def side(self) -> int:
        """Side, in samples, of the squares that are cheapest to read."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be read any more."""

    def heights(self, rows: slice, cols: slice) -> Float64Array:
        """Elevations of a window inside the raster, NaN where they are missing.

        Raises:
            DemzipError: They cannot be read.

        """

    def close(self) -> None:
        """Close what is open."""
