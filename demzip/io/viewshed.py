"""Viewsheds as GeoTIFFs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import CRSError, RasterioError
from rasterio.io import MemoryFile
from rasterio.windows import Window

from demzip.errors import DemzipError
from demzip.io.crs import geotiff_crs
from demzip.io.files import PathLike, output_path, reason, replacing
from demzip.io.quiet import without_warnings
from demzip.io.readback import ReadBack
from demzip.io.source import detail, gdal_limits
from demzip.io.terrain import open_terrain
from demzip.surface.sight.viewshed import UNDECIDED
from demzip.terrain.viewshed import Viewshed

SUFFIX = ".viewshed.tif"


def viewshed(
    src: PathLike,
    x: float,
    y: float,
    dst: PathLike | None = None,
    *,
    band: int = 1,
    overwrite: bool = False,
    progress: Callable[[str, int, int], object] | None = None,
    **options: Any,  # noqa: ANN401  of different types
) -> tuple[Path, Viewshed]:
    """Write the viewshed of a point to a GeoTIFF, uint8 with 127 for no-data.

    Args:
        src: A .dz file, or whatever rasterio opens.
        x: Easting or longitude of the observer.
        y: Northing or latitude.
        dst: The GeoTIFF; by default beside the input, with suffix .viewshed.tif.
        band: Of the input.
        overwrite: Whether an existing file may be replaced.
        progress: Called with a stage, the samples done since the last call, and those in all.
        **options: Of Terrain.viewshed.

    Raises:
        OptionsError: As for Terrain.viewshed, or the output exists.
        DemzipError: A file cannot be read or written.

    """
    path = output_path(src, dst, SUFFIX)
    with open_terrain(src, band) as terrain, replacing(path, src, overwrite=overwrite) as temporary:
        found = terrain.viewshed(x, y, progress=progress, **options)
        _write(temporary, path, found)
    return path, found


def _write(temporary: Path, path: Path, found: Viewshed) -> None:
    height, width = found.visible.shape
    profile: dict[str, Any] = {
        "driver": "GTiff", "height": height, "width": width, "count": 1, "dtype": "uint8",
        "nodata": UNDECIDED, "transform": found.transform, "compress": "deflate",
        "bigtiff": "if_safer",
    }  # fmt: skip
    try:
        with gdal_limits(), rasterio.Env(GDAL_PAM_ENABLED=False), without_warnings():
            if found.crs is not None:
                profile["crs"], more = geotiff_crs(found.crs)
                profile |= more
            with MemoryFile() as memory:  # on a full disk libtiff would print lines of its own
                with memory.open(**profile) as dataset:
                    dataset.write(found.visible, 1)
                    dataset.set_band_description(1, "visible")
                temporary.write_bytes(memory.getbuffer())
            back = ReadBack(path)
            back.note(Window(0, 0, width, height), found.visible)
            back.check(temporary)
    except (RasterioError, CRSError) as error:
        raise DemzipError(f"{path}: cannot be written ({detail(error)})") from error
    except OSError as error:
        raise DemzipError(f"{path}: cannot be written ({reason(error)})") from error
