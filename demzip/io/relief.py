"""Shaded reliefs as files: GeoTIFFs and plain pictures, strip by strip."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import CRSError, RasterioError
from rasterio.windows import Window

from demzip.errors import DemzipError, UnsupportedError
from demzip.io.checks import Progress, every
from demzip.io.crs import geotiff_crs
from demzip.io.files import PathLike, naming, reason, replacing
from demzip.io.profile import creation_options
from demzip.io.quiet import without_warnings
from demzip.io.readback import ReadBack
from demzip.io.source import detail, gdal_limits
from demzip.io.terrain import open_terrain
from demzip.options import DEFAULT_BLOCK, thread_count
from demzip.terrain.places import is_placeless
from demzip.terrain.relief import Light, shaded
from demzip.terrain.terrain import Terrain

MOST_PICTURE = 1 << 28  # samples of a .png, which GDAL packs as a whole
EMPTY = 0  # no-data


@dataclass(frozen=True)
class Shaded:
    """What `write_relief` did.

    Attributes:
        path: The file.
        shape: Rows and columns.
        file_bytes: Of the file.
        seconds: That it took.

    """

    path: Path
    shape: tuple[int, int]
    file_bytes: int
    seconds: float


def write_relief(
    src: PathLike,
    dst: PathLike,
    light: Light,
    *,
    band: int = 1,
    jobs: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Shaded:
    """Shade a raster: bytes from 1, dark, to 255, and 0, declared as no-data, where it has voids.

    The raster is never in memory whole, but for a .png.

    Args:
        src: A .dz file, or whatever rasterio opens.
        dst: A .png, of up to 2**28 samples, or else a GeoTIFF with the raster's CRS and transform.
        light: How it is shaded.
        band: Which one, from 1 on.
        jobs: Threads; 0 for one per processor.
        overwrite: Whether an existing file may be replaced.
        progress: Called with a stage, the samples done since the last call, and those in all.

    Raises:
        OptionsError: An argument is illegal, or the output exists.
        UnsupportedError: Rows do not run along the axes of the CRS, or a .png would be too large.
        DemzipError: A file cannot be read or written.

    """
    started = time.perf_counter()
    path, jobs = Path(dst), thread_count(jobs)
    with (
        open_terrain(src, band) as terrain,
        replacing(path, src, overwrite=overwrite) as temporary,
    ):
        profile = _profile(terrain, path, jobs)
        report = every(progress, "shading", terrain.shape[0] * terrain.shape[1])
        back = ReadBack(path)
        parts = shaded(terrain, light, jobs)
        with _writing(path, temporary), gdal_limits(), rasterio.Env(GDAL_PAM_ENABLED=False):
            with without_warnings():
                dataset = rasterio.open(temporary, "w", **profile)
            with dataset, naming(src):
                for top, grey in parts:
                    window = Window(0, top, *grey.shape[::-1])
                    dataset.write(grey, 1, window=window)
                    back.note(window, grey)
                    report(grey.size)
            back.check(temporary)
        return Shaded(
            path, terrain.shape, temporary.stat().st_size, time.perf_counter() - started
        )


def _profile(terrain: Terrain, path: Path, jobs: int) -> dict[str, Any]:
    rows, cols = terrain.shape
    found = {"height": rows, "width": cols, "count": 1, "dtype": "uint8", "nodata": EMPTY}
    if path.suffix.lower() == ".png":
        if rows * cols > MOST_PICTURE:
            raise UnsupportedError(
                f"{path}: a .png of {rows} x {cols} samples is too large to pack; write a .tif"
            )
        return {"driver": "PNG", **found}
    if not is_placeless(terrain):
        found["transform"] = terrain.transform
    if terrain.crs is not None:
        found["crs"], options = geotiff_crs(terrain.crs)
        found |= options
    options = creation_options("uint8", terrain.shape, DEFAULT_BLOCK)
    return {
        "driver": "GTiff",
        "num_threads": jobs,
        **found,
        **{key.lower(): value for key, value in options.items()},
    }


@contextmanager
def _writing(path: Path, temporary: Path) -> Iterator[None]:
    """Say of what GDAL complains about that it was in writing `path`."""
    try:
        yield
    except (RasterioError, CRSError) as error:
        words = detail(error).replace(str(temporary), str(path)).replace(temporary.name, path.name)
        raise DemzipError(f"{path}: cannot be written ({words})") from error
    except OSError as error:
        raise DemzipError(f"{path}: cannot be written ({reason(error)})") from error
