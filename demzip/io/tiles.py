"""Quadkey tiles: a raster in Web Mercator, cut where map tiles of a zoom level meet."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import CRSError, RasterioError
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from demzip.errors import DemzipError, OptionsError, UnsupportedError
from demzip.io.checks import Progress, every
from demzip.io.files import PathLike, check_output, filling, is_dz, replacing
from demzip.io.profile import creation_options
from demzip.io.quiet import without_warnings
from demzip.io.readback import ReadBack
from demzip.io.source import detail, gdal_limits, open_raster

MERCATOR = CRS.from_epsg(3857)
MAX_ZOOM = 24
MAX_TILES = 1 << 20
MAX_CELLS = 1 << 15  # along a side of a tile
ROWS = 256  # that are warped and written together
RESAMPLINGS = ("nearest", "bilinear", "cubic", "cubic_spline", "lanczos", "average", "mode")


class Tile(NamedTuple):
    """A tile of a raster, in Web Mercator.

    Attributes:
        quadkey: One digit for each zoom level, as Bing Maps has them.
        west, north: Of its corner, in metres of EPSG:3857.
        size: Of its side, in these metres.

    """

    quadkey: str
    west: float
    north: float
    size: float


def tiles(
    src: PathLike,
    folder: PathLike,
    *,
    zoom: int,
    resampling: str = "bilinear",
    nodata: float | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Cut a raster into tiles of a zoom level, one GeoTIFF for each: 1202213002.tif, ...

    All tiles have as many cells: as many as come closest to the resolution that GDAL's default
    warp to EPSG:3857 has, which keeps the raster's, counted along its diagonal. Tiles meet without
    gaps; those without any value are not written, what a tile lacks is no-data.

    Args:
        src: Whatever rasterio opens; all bands are cut.
        folder: It is made if it does not exist and there is any tile.
        zoom: 0 to 24.
        resampling: A name of RESAMPLINGS.
        nodata: Value for what the raster does not cover; by default its own no-data value, or NaN
            of floats, or the lowest of integers with a sign.
        overwrite: Whether existing tiles may be replaced.
        progress: Called with a stage, the rows done since the last call, and those in all.

    Returns:
        The files.

    Raises:
        OptionsError: An argument is illegal, a tile exists, or no-data is needed.
        UnsupportedError: The raster lies nowhere on the ground.
        DemzipError: Mercantile is missing, or a file cannot be read or written.

    """
    if not 0 <= zoom <= MAX_ZOOM:
        raise OptionsError(f"zoom {zoom}: it must be 0 to {MAX_ZOOM}")
    if resampling not in RESAMPLINGS:
        names = ", ".join(RESAMPLINGS)
        raise OptionsError(f"unknown resampling {resampling!r}; choose one of {names}")
    target, name = Path(folder), os.fspath(src)
    if is_dz(name):
        raise OptionsError(
            f"{name}: tiles are not cut from .dz files; decompress it first (demzip decompress)"
        )
    with gdal_limits(), open_raster(name) as dataset:
        void = _nodata(dataset, nodata)
        found, cells = _plan(dataset, zoom)
        made = [target / f"{tile.quadkey}.tif" for tile in found]
        report = every(progress, "tiles", cells * len(found))
        with filling(target):
            for path in made:
                check_output(path, name, overwrite=overwrite)
            return [
                path
                for path, tile in zip(made, found, strict=True)
                if _write(
                    dataset, path, tile, cells, void, resampling, report, overwrite=overwrite
                )
            ]


def _nodata(dataset: DatasetReader, chosen: float | None) -> float:
    dtype = np.dtype(dataset.dtypes[0])
    value = dataset.nodata if chosen is None else chosen
    if value is None and dtype.kind == "f":
        return float("nan")
    if value is None and dtype.kind == "i":
        return float(np.iinfo(dtype).min)
    if value is None:  # any level of a byte may be an elevation
        raise OptionsError(
            f"{dataset.name}: declares no no-data value, and tiles at its edge need one; say which "
            "(--nodata, in Python nodata=)"
        )
    if dtype.kind != "f" and not (
        float(value).is_integer() and np.iinfo(dtype).min <= value <= np.iinfo(dtype).max
    ):
        raise OptionsError(f"no-data {value}: {dataset.name} of {dtype} has no such value")
    return float(value)


def _plan(dataset: DatasetReader, zoom: int) -> tuple[list[Tile], int]:
    """Tiles that the raster's extent meets, and the cells along the side of each."""
    try:
        import mercantile  # noqa: PLC0415  an extra
    except ImportError as error:
        raise DemzipError(
            f"tiles need mercantile ({error}): pip install demzip[tiles]"
        ) from error
    if not dataset.crs:
        raise UnsupportedError(f"{dataset.name}: has no CRS; where its tiles lie is not known")
    try:
        with without_warnings(), WarpedVRT(dataset, crs=MERCATOR) as warped:
            cell = warped.transform
        bounds = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds, densify_pts=101)
    except (RasterioError, CRSError) as error:
        raise UnsupportedError(
            f"{dataset.name}: cannot be put into EPSG:3857 ({detail(error)})"
        ) from error
    whole = mercantile.xy_bounds(0, 0, 0)
    size = (whole.right - whole.left) / (1 << zoom)
    cells = max(round(size / cell.a), 1)
    if cells > MAX_CELLS:
        raise OptionsError(f"zoom {zoom}: a tile would be {cells} cells wide; take a higher one")
    span = max(bounds[2] - bounds[0], 0.0), max(bounds[3] - bounds[1], 0.0)
    if span[0] * span[1] / 360 / 170 * 4.0**zoom > MAX_TILES:
        raise OptionsError(f"zoom {zoom}: these are more than {MAX_TILES} tiles; take a lower one")
    found = [
        Tile(
            mercantile.quadkey(tile), whole.left + tile.x * size, whole.top - tile.y * size, size
        )
        for tile in mercantile.tiles(*bounds, zooms=zoom, truncate=True)
    ]
    return found, cells


def _write(
    dataset: DatasetReader,
    path: Path,
    tile: Tile,
    cells: int,
    nodata: float,
    resampling: str,
    report: Any,  # noqa: ANN401  of io.checks.every
    *,
    overwrite: bool,
) -> bool:
    """Write a tile; whether it has any value."""
    transform = Affine(tile.size / cells, 0, tile.west, 0, -tile.size / cells, tile.north)
    grid = {"crs": MERCATOR, "transform": transform, "width": cells, "height": cells}
    dtype = dataset.dtypes[0]
    profile = creation_options(dtype, (cells, cells), ROWS)
    try:
        with without_warnings(), WarpedVRT(
            dataset, resampling=Resampling[resampling], nodata=nodata, **grid
        ) as warped:
            if not any(warped.dataset_mask(window=w).any() for w in _windows(cells)):
                report(cells)
                return False
            back = ReadBack(path)
            with replacing(path, dataset.name, overwrite=overwrite) as temporary:
                with rasterio.Env(GDAL_PAM_ENABLED=False), rasterio.open(
                    temporary, "w", driver="GTiff", count=dataset.count, dtype=dtype,
                    nodata=nodata, **grid, **profile,
                ) as written:
                    _describe(dataset, written)
                    for window in _windows(cells):
                        values = warped.read(window=window)
                        written.write(values, window=window)
                        back.note(window, values)
                        report(window.height)
                back.check(temporary)
    except RasterioError as error:
        raise DemzipError(f"{path}: cannot be written ({detail(error)})") from error
    return True


def _windows(cells: int) -> Iterator[Window]:
    for top in range(0, cells, ROWS):
        yield Window(0, top, cells, min(ROWS, cells - top))


def _describe(dataset: DatasetReader, written: Any) -> None:  # noqa: ANN401  a writer
    """Units, scales and descriptions of the bands."""
    for number in dataset.indexes:
        if dataset.units[number - 1]:
            written.set_band_unit(number, dataset.units[number - 1])
        if dataset.descriptions[number - 1]:
            written.set_band_description(number, dataset.descriptions[number - 1])
    if any(pair != (1.0, 0.0) for pair in zip(dataset.scales, dataset.offsets, strict=True)):
        written.scales, written.offsets = dataset.scales, dataset.offsets
