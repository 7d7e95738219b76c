"""A .dz file as an open dataset, with rasterio's names; only the blocks of a window are decoded."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rasterio.control import GroundControlPoint
from rasterio.coords import BoundingBox
from rasterio.crs import CRS
from rasterio.rpc import RPC
from rasterio.transform import Affine, array_bounds
from rasterio.windows import Window

from demzip.closing import Closing
from demzip.codec import RasterDecoder
from demzip.errors import OptionsError
from demzip.io.crs import parse_crs
from demzip.io.files import FileRanges, PathLike, naming
from demzip.io.metadata import rpcs
from demzip.io.profile import decoder_profile
from demzip.io.terrain import DzHeights
from demzip.io.window import Rectangle, check_band, check_bands, slices
from demzip.options import thread_count
from demzip.raster.values import pattern_of
from demzip.surface.methods import DEFAULT_METHOD
from demzip.terrain.numbers import as_numbers
from demzip.terrain.sight import Sight
from demzip.terrain.terrain import Terrain
from demzip.terrain.viewshed import Viewshed

AnyArray = NDArray[np.generic]


class Dataset(Closing):
    """An open .dz file.

    Attributes have the names and meanings of rasterio's datasets, with one difference: of a raster
    of one band `read` gives (rows, cols), where rasterio's gives (1, rows, cols) unless a band is
    named. Safe to read from several threads.

    Attributes:
        name: What the file was opened as.

    """

    mode = "r"

    def __init__(self, path: PathLike) -> None:
        self.name = os.fspath(path)
        self._file = FileRanges(path)
        try:
            with naming(path):
                self._decoder = RasterDecoder(self._file.read)
        except BaseException:
            self._file.close()
            raise
        self._georeference = self._decoder.georeference
        self._bands = self._georeference.bands
        self._terrains: dict[int, Terrain] = {}

    # ---------------------------------------------------------------- the file

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def closed(self) -> bool:
        """Whether the file has been closed."""
        return self._file.closed

    def __repr__(self) -> str:
        """Name, size and dtype."""
        state = "closed" if self.closed else "open"
        return f"<{state} Dataset {self.name!r}: {self.height} x {self.width} {self.dtype}>"

    # ---------------------------------------------------------------- the grid

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._decoder.shape

    @property
    def height(self) -> int:
        """Rows."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Columns."""
        return self.shape[1]

    @property
    def count(self) -> int:
        """Bands."""
        return len(self._bands)

    @property
    def indexes(self) -> tuple[int, ...]:
        """Numbers of the bands."""
        return tuple(range(1, self.count + 1))

    @property
    def dtype(self) -> str:
        """Name of the dtype of band 1."""
        return self.dtypes[0]

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Dtypes of the bands."""
        return self._decoder.dtypes

    @property
    def block_shapes(self) -> list[tuple[int, int]]:
        """Rows and columns of a block, once per band."""
        side = self._decoder.grid.size
        return [(min(side, self.height), min(side, self.width))] * self.count

    # ---------------------------------------------------------------- metadata

    @property
    def crs(self) -> CRS | None:
        """Coordinate reference system."""
        return None if self._georeference.crs is None else parse_crs(self._georeference.crs)

    @property
    def transform(self) -> Affine:
        """From column and row to x and y; the identity if there is none."""
        found = self._georeference.transform
        return Affine.identity() if found is None else Affine(*found)

    @property
    def bounds(self) -> BoundingBox:
        """West, south, east and north edges."""
        return BoundingBox(*array_bounds(self.height, self.width, self.transform))

    @property
    def res(self) -> tuple[float, float]:
        """Width and height of a cell."""
        t = self.transform
        if t.b == t.d == 0:
            return t.a, -t.e
        return float(np.hypot(t.a, t.d)), float(np.hypot(t.b, t.e))

    @property
    def nodata(self) -> float | None:
        """Declared no-data value of band 1."""
        return self._bands[0].nodata

    @property
    def nodatavals(self) -> tuple[float | None, ...]:
        """No-data values of the bands."""
        return tuple(band.nodata for band in self._bands)

    @property
    def units(self) -> tuple[str | None, ...]:
        """Units of the values, of each band."""
        return tuple(band.units for band in self._bands)

    @property
    def descriptions(self) -> tuple[str | None, ...]:
        """Descriptions of the bands."""
        return tuple(band.description for band in self._bands)

    @property
    def scales(self) -> tuple[float, ...]:
        """Of elevation = scale * value + offset, of each band; `read` does not apply it."""
        return tuple(band.scale for band in self._bands)

    @property
    def offsets(self) -> tuple[float, ...]:
        """Of elevation = scale * value + offset, of each band; `read` does not apply it."""
        return tuple(band.offset for band in self._bands)

    @property
    def rpcs(self) -> RPC | None:
        """Rational polynomial coefficients."""
        return rpcs(self._georeference)

    @property
    def gcps(self) -> tuple[list[GroundControlPoint], CRS | None]:
        """Ground control points and the CRS of their coordinates."""
        crs = self._georeference.gcps_crs
        points = [GroundControlPoint(*point) for point in self._georeference.gcps]
        return points, None if crs is None else parse_crs(crs)

    @property
    def profile(self) -> dict[str, Any]:
        """Arguments with which rasterio.open makes the GeoTIFF that `decompress` makes."""
        meta = {"nodata": None, "crs": None, "transform": self.transform}
        return meta | decoder_profile(self._decoder)

    @property
    def predictor(self) -> str:
        """Name of the predictor that coded band 1."""
        return self._decoder.planes[0].predictor

    def tags(self, bidx: int = 0, ns: str | None = None) -> dict[str, str]:
        """Tags of the dataset (0) or of a band, of one namespace."""
        about = self._bands[check_band(bidx, self.count) - 1] if bidx else self._georeference
        return dict(about.tags.get(ns or "", {}))

    def overviews(self, bidx: int) -> list[int]:
        """Factors of the overviews that the raster had; a .dz file has none."""
        check_band(bidx, self.count)
        return list(self._georeference.overviews)

    # ---------------------------------------------------------------- values

    def read(
        self,
        indexes: int | Sequence[int] | None = None,
        window: Rectangle | None = None,
        *,
        masked: bool = False,
        jobs: int = 1,
    ) -> AnyArray:
        """Read values; only the blocks that the window touches are read and decoded.

        Args:
            indexes: A band, or a list of bands; by default all of them.
            window: A rasterio Window of whole samples, or rows and columns, each as a slice or as
                (start, stop), as in ((0, 100), (50, 150)); by default the whole raster.
            masked: Give a masked array in which is masked what the mask of the dataset says or, if
                it has none, no-data; and NaN.
            jobs: Threads; 0 for one per processor.

        Returns:
            (rows, cols) of a band; (bands, rows, cols) of a list, and by default if there are
            several.

        Raises:
            OptionsError: There is no such band, the window reaches beyond the raster, or bands
                that are read together differ in dtype.
            CorruptError: A block is damaged.

        """
        if isinstance(indexes, tuple) and all(isinstance(band, int) for band in indexes):
            indexes = list(indexes)
        if isinstance(indexes, Window | tuple):  # read(window)
            indexes, window = None, indexes
        if indexes is None:
            indexes = 1 if self.count == 1 else list(self.indexes)
        if not isinstance(indexes, list):
            return self._read(check_band(indexes, self.count), window, jobs, masked=masked)
        bands = check_bands(indexes, self.count)
        if len({self.dtypes[band - 1] for band in bands}) != 1:
            raise OptionsError(f"bands {bands} have not one dtype; read them one by one")
        parts = [self._read(band, window, jobs, masked=masked) for band in bands]
        return np.ma.stack(parts) if masked else np.stack(parts)

    def dataset_mask(self, window: Rectangle | None = None, *, jobs: int = 1) -> NDArray[np.uint8]:
        """Where the raster is valid: the mask of the dataset if there is one.

        Args:
            window: As for `read`.
            jobs: As for `read`.

        Returns:
            (rows, cols) of 255, and 0 where all bands lack a value.

        """
        if self._georeference.mask:
            found: NDArray[np.uint8] = self._plane(self.count, window, jobs).view(np.uint8)
            return found
        invalid = np.logical_and.reduce(
            [
                np.ma.getmaskarray(self._read(band, window, jobs, masked=True))
                for band in self.indexes
            ]
        )
        return np.where(invalid, np.uint8(0), np.uint8(255))

    # ---------------------------------------------------------------- heights

    def terrain(self, band: int = 1) -> Terrain:
        """A band as a surface that answers questions; it and its cache live with the dataset.

        Raises:
            OptionsError: There is no such band.
            UnsupportedError: The raster has no transform, but control points.

        """
        if band not in self._terrains:
            with naming(self.name):
                heights = DzHeights(self._decoder, self._file, self.name, band)
            self._terrains.setdefault(band, Terrain(heights))
        return self._terrains[band]

    def sample(
        self,
        xy: ArrayLike | Iterable[Sequence[float]],
        *,
        method: str = DEFAULT_METHOD,
        crs: object | None = None,
        band: int = 1,
    ) -> NDArray[np.float64]:
        """Elevations between samples too, scale and offset applied.

        Unlike rasterio's, which yields the values of all bands, it gives an array of one band's.

        Args:
            xy: (..., 2) coordinates, or an iterator of pairs; x, easting or longitude, comes first
                in every CRS. None are no error.
            method: A name of demzip.surface.METHODS.
            crs: Of the coordinates, whatever PROJ knows; by default that of the raster.
            band: Which one.

        Returns:
            (...) elevations, NaN in voids, outside the raster, and where xy is masked.

        Raises:
            OptionsError: As `Terrain.sample` and `terrain`.
            UnsupportedError: As `terrain`.
            CorruptError: A block is damaged.

        """
        points = as_numbers(list(xy) if isinstance(xy, Iterator) else xy, "xy")
        if points.shape == (0,):
            points = points.reshape(0, 2)
        if points.shape[-1:] != (2,):
            raise OptionsError(f"xy of shape {points.shape}: each point must have an x and a y")
        terrain = self.terrain(band)
        return terrain.sample(points[..., 0], points[..., 1], method=method, crs=crs)

    def line_of_sight(
        self, x1: float, y1: float, x2: float, y2: float, *, band: int = 1, **options: Any  # noqa: ANN401  of different types
    ) -> Sight:
        """Whether a target is seen from a point; options and errors of `Terrain.line_of_sight`."""
        return self.terrain(band).line_of_sight(x1, y1, x2, y2, **options)

    def viewshed(
        self, x: float, y: float, *, band: int = 1, **options: Any  # noqa: ANN401  as above
    ) -> Viewshed:
        """What is seen from a point; options and errors of `Terrain.viewshed`."""
        return self.terrain(band).viewshed(x, y, **options)

    def _plane(self, plane: int, window: Rectangle | None, jobs: int) -> AnyArray:
        rows, cols = slices(window, self.height, self.width)
        if self.closed:
            raise OptionsError(f"{self.name}: the dataset has been closed")
        with naming(self.name):
            return self._decoder.read(rows, cols, thread_count(jobs), plane=plane)

    def _read(self, band: int, window: Rectangle | None, jobs: int, *, masked: bool) -> AnyArray:
        values = self._plane(band - 1, window, jobs)
        if not masked:
            return values
        mask = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, np.bool_)
        nodata = self.nodatavals[band - 1]
        if self._georeference.mask:
            mask |= self._plane(self.count, window, jobs) == 0
        elif nodata is not None:
            pattern = pattern_of(nodata, self.dtypes[band - 1])
            if pattern is not None:  # may be declared with more digits than values have
                mask |= values == np.array(pattern, f"u{values.itemsize}").view(values.dtype)
        return np.ma.MaskedArray(values, mask)


def open(path: PathLike) -> Dataset:  # noqa: A001  demzip.open, like rasterio.open
    """Open a .dz file for reading; use it in a with statement.

    Raises:
        OptionsError: It is not a .dz file.
        CorruptError: Its header is damaged.
        DemzipError: It does not exist or cannot be read.

    """
    return Dataset(path)
