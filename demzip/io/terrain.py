"""Rasters as terrain: .dz files and whatever rasterio opens."""

import os

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window

from demzip.codec import RasterDecoder
from demzip.container.layout import NOT_DZ
from demzip.errors import DemzipError, OptionsError, UnsupportedError
from demzip.io.crs import parse_crs
from demzip.io.files import FileRanges, PathLike, is_remote, naming
from demzip.io.metadata import rpcs
from demzip.io.source import check_raster, detail, gdal_limits, open_dataset
from demzip.io.window import check_band
from demzip.options import DEFAULT_BLOCK
from demzip.raster.values import pattern_of
from demzip.terrain.terrain import CACHE_BYTES, Terrain

Float64Array = NDArray[np.float64]
AnyArray = NDArray[np.generic]


class DzHeights:
    """A band of a .dz file, as demzip.terrain.source.HeightSource."""

    def __init__(self, decoder: RasterDecoder, file: FileRanges, name: str, band: int) -> None:
        about = decoder.georeference
        self.name = name
        self.shape = decoder.shape
        self.side = decoder.grid.size
        self.crs = None if about.crs is None else parse_crs(about.crs)
        found = Affine.identity() if about.transform is None else Affine(*about.transform)
        self.transform = check_transform(
            found, points=bool(about.gcps) or rpcs(about) is not None
        )
        self._plane = check_band(band, len(decoder.bands)) - 1
        self.units = about.bands[self._plane].units
        self._decoder = decoder
        self._file = file

    @property
    def closed(self) -> bool:
        """Whether the file has been closed."""
        return self._file.closed

    def heights(self, rows: slice, cols: slice) -> Float64Array:
        """Elevations of a window, NaN where they are missing."""
        about = self._decoder.georeference
        band = about.bands[self._plane]
        with naming(self.name):
            values = self._decoder.read(rows, cols, plane=self._plane)
            missing = np.zeros(values.shape, np.bool_)
            if about.mask:
                missing = self._decoder.read(rows, cols, plane=len(about.bands)) == 0
            elif band.nodata is not None:
                pattern = pattern_of(band.nodata, str(values.dtype))
                if pattern is not None:
                    bits = np.array(pattern, f"u{values.itemsize}")
                    missing = values == bits.view(values.dtype)
        return elevations(values, missing, band.scale, band.offset)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class RasterHeights:
    """A band of an open dataset of rasterio, as demzip.terrain.source.HeightSource."""

    side = DEFAULT_BLOCK

    def __init__(self, dataset: DatasetReader, name: str, band: int) -> None:
        self.name = name
        self.shape: tuple[int, int] = dataset.shape
        self.crs = dataset.crs or None
        points = bool(dataset.gcps[0]) or dataset.rpcs is not None
        self.transform = check_transform(dataset.transform, points=points)
        self._band = check_band(band, dataset.count)
        self.units: str | None = dataset.units[self._band - 1] or None
        self._dataset = dataset

    @property
    def closed(self) -> bool:
        """Whether the dataset has been closed."""
        return bool(self._dataset.closed)

    def heights(self, rows: slice, cols: slice) -> Float64Array:
        """Elevations of a window, NaN where they are missing."""
        window = Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)
        try:
            with gdal_limits():
                values = self._dataset.read(self._band, window=window)
                missing = self._dataset.read_masks(self._band, window=window) == 0
        except RasterioError as error:
            raise DemzipError(
                f"{self.name}: rows {rows.start}-{rows.stop - 1} cannot be read ({detail(error)})"
            ) from error
        place = self._band - 1
        scale, offset = self._dataset.scales[place], self._dataset.offsets[place]
        return elevations(values, missing, scale, offset)

    def close(self) -> None:
        """Close the dataset."""
        self._dataset.close()


def elevations(
    values: AnyArray, missing: NDArray[np.bool_], scale: float, offset: float
) -> Float64Array:
    """Of values, scale * value + offset; NaN where one is missing or not finite."""
    found = values.astype(np.float64)
    if (scale, offset) != (1.0, 0.0):
        found = scale * found + offset
    found[missing | ~np.isfinite(found)] = np.nan
    return found


def check_transform(transform: Affine, *, points: bool) -> Affine:
    """Return a transform that leads from samples to coordinates and back.

    Args:
        transform: From column and row to x and y.
        points: Whether ground control points or RPCs say where the raster lies.

    Raises:
        UnsupportedError: There is none, but points; or it is singular.

    """
    if transform == Affine.identity() and points:
        raise UnsupportedError(
            "it lies on the ground by control points or RPCs only; gdalwarp makes a raster with a "
            "transform of it"
        )
    if not np.isfinite(transform.determinant) or transform.determinant == 0:
        raise UnsupportedError(
            f"its transform {tuple(transform)[:6]} puts different samples in one place"
        )
    return transform


def open_terrain(path: PathLike, band: int = 1, *, cache_bytes: int = CACHE_BYTES) -> Terrain:
    """Open a band of a raster for questions about heights; use it in a with statement.

    Nothing but the header is read before a question needs it.

    Args:
        path: A .dz file, or whatever rasterio opens.
        band: Which one, from 1 on.
        cache_bytes: Of decoded blocks that are kept in memory; four blocks at least are.

    Raises:
        OptionsError: There is no such band, or it is no raster.
        UnsupportedError: The raster has no transform, but control points.
        CorruptError: The header of a .dz file is damaged.
        DemzipError: The file does not exist or cannot be read.

    """
    try:
        name = os.fspath(path)
    except TypeError as error:
        raise OptionsError(f"path {path!r}: it must be a name of a raster") from error
    source = _open_dz(name, band) or _open_raster(name, band)
    try:
        return Terrain(source, cache_bytes)
    except BaseException:
        source.close()
        raise


def _open_dz(name: str, band: int) -> DzHeights | None:
    """None if it is no .dz file."""
    if is_remote(name) or not os.path.isfile(name):  # noqa: PTH113  may be a whole VRT
        return None
    file = FileRanges(name)
    try:
        with naming(name):
            try:
                decoder = RasterDecoder(file.read)
            except OptionsError:  # other first bytes
                file.close()
                return None
            return DzHeights(decoder, file, name, band)
    except BaseException:
        file.close()
        raise


def _open_raster(name: str, band: int) -> RasterHeights:
    with gdal_limits():
        try:
            dataset = open_dataset(name)
        except OptionsError as error:
            if name.lower().endswith(".dz"):
                raise OptionsError(f"{name}: {NOT_DZ}") from error
            raise
        try:
            check_raster(dataset, name)
            with naming(name):
                return RasterHeights(dataset, name, band)
        except BaseException:
            dataset.close()
            raise
