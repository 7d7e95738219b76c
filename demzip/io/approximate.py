"""Approximations of rasters in files: fitted, opened, drawn as GeoTIFFs of any resolution."""

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine, array_bounds

from demzip.codec import RasterDecoder
from demzip.codec.approximation import ApproximateSurface, approximate, check_size
from demzip.container.approximation import Errors
from demzip.errors import DemzipError, OptionsError
from demzip.io.checks import Progress
from demzip.io.crs import parse_crs
from demzip.io.files import (
    FileRanges,
    PathLike,
    filling,
    is_dz,
    naming,
    output_path,
    reason,
    replacing,
)
from demzip.io.metadata import read_georeference
from demzip.io.region import cell_weights
from demzip.io.rendering import Picture, write_picture
from demzip.io.source import open_raster
from demzip.io.terrain import open_terrain
from demzip.options import thread_count
from demzip.raster.georeference import Band, Georeference
from demzip.training.approximate import ApproximateOptions, Statistics

__all__ = [
    "ApproximateOptions",
    "Fitted",
    "ImplicitDataset",
    "Statistics",
    "fit_implicit",
    "open_implicit",
    "render_implicit",
]

Float64Array = NDArray[np.float64]

SNAPSHOT = "step-{:07d}.tif"
PIECE = 1 << 22  # cells that are read together


@dataclass(frozen=True)
class Fitted:
    """What `fit_implicit` did.

    Attributes:
        source: The input.
        path: The file.
        file_bytes: Of it.
        errors: Of its elevations in the raster's cells.
        snapshots: GeoTIFFs of it as it was fitted.
        seconds: That it took.

    """

    source: str
    path: Path
    file_bytes: int
    errors: Errors
    snapshots: tuple[Path, ...]
    seconds: float


def fit_implicit(
    src: PathLike,
    dst: PathLike | None = None,
    *,
    options: ApproximateOptions | None = None,
    region: PathLike | None = None,
    region_weight: float | None = None,
    slope_weight: float = 0.0,
    snapshots: PathLike | None = None,
    band: int = 1,
    jobs: int = 1,
    overwrite: bool = False,
    on_report: Callable[[Statistics], object] | None = None,
) -> Fitted:
    """Approximate a raster by a network over the place, in a small .dz file.

    The file does not hold the raster's values. Needs JAX.

    Args:
        src: A .dz file, or whatever rasterio opens; up to 2**26 cells.
        dst: The file; by default beside the input, with suffix .approx.dz.
        options: How the network is made and trained.
        region: A GeoJSON file; cells in it count more.
        region_weight: How often these are drawn, for every time that another one is; by default 10.
        slope_weight: How much more often steep cells are drawn; see io.region.cell_weights.
        snapshots: A folder for GeoTIFFs of the surface every `options.every` steps: made if it
            does not exist; snapshots step-*.tif in it need `overwrite`.
        band: Which one, from 1 on.
        jobs: Threads that round the network and measure errors; training has its own.
        overwrite: Whether an existing file, and snapshots, may be replaced.
        on_report: Called with statistics every `options.report` steps.

    Raises:
        OptionsError: An argument is illegal, the output exists, or there is no height.
        UnsupportedError: The raster cannot be approximated.
        DemzipError: JAX is missing, or a file cannot be read or written.

    """
    started = time.perf_counter()
    options = ApproximateOptions() if options is None else options
    if (snapshots is None) != (options.every is None):
        raise OptionsError(
            "snapshots need a folder and the steps between them (--snapshots, --every)"
        )
    jobs = thread_count(jobs)
    path = output_path(src, dst, ".approx.dz")
    album = None if snapshots is None else Album(Path(snapshots), jobs, overwrite=overwrite)
    with (
        replacing(path, src, overwrite=overwrite) as temporary,
        nullcontext() if album is None else filling(album.folder),
    ):
        heights, about = _read(src, band)
        weights = cell_weights(
            heights, _transform(about), _crs(about), region=region,
            region_weight=_region_weight(region, region_weight), slope_weight=slope_weight,
        )  # fmt: skip
        with naming(src):
            made = approximate(
                heights, weights, about, options, jobs, on_report,
                None if album is None else album.add,
            )
        data = made.to_bytes()
        try:
            temporary.write_bytes(data)
        except OSError as error:
            raise DemzipError(f"{path}: cannot be written ({reason(error)})") from error
    seconds = time.perf_counter() - started
    pictures = () if album is None else tuple(album.pictures)
    return Fitted(os.fspath(src), path, len(data), made.errors, pictures, seconds)


def _region_weight(region: PathLike | None, weight: float | None) -> float:
    if weight is not None:
        return weight
    return 1.0 if region is None else 10.0


def _read(src: PathLike, band: int) -> tuple[Float64Array, Georeference]:
    """Elevations, NaN for voids, and what is kept of the metadata."""
    with open_terrain(src, band) as terrain:
        rows, cols = terrain.shape
        check_size(rows, cols)
        step = max(PIECE // cols, 1)
        heights = np.concatenate(
            [
                terrain.window(slice(top, min(top + step, rows)), slice(0, cols))
                for top in range(0, rows, step)
            ]
        )
    found = _georeference(os.fspath(src))
    of_band = found.bands[band - 1]
    kept = Band(of_band.nodata, of_band.units, of_band.description)
    return heights, Georeference(crs=found.crs, transform=found.transform, bands=(kept,))


def _georeference(name: str) -> Georeference:
    if is_dz(name):
        with FileRanges(name) as file, naming(name):
            return RasterDecoder(file.read).georeference
    with open_raster(name) as dataset:
        return read_georeference(dataset)


def _transform(about: Georeference) -> Affine:
    return Affine.identity() if about.transform is None else Affine(*about.transform)


def _crs(about: Georeference) -> CRS | None:
    return None if about.crs is None else parse_crs(about.crs)


class Album:
    """A folder of surfaces as they were during training.

    Attributes:
        folder: Of them.
        pictures: The GeoTIFFs so far.

    """

    def __init__(self, folder: Path, jobs: int, *, overwrite: bool) -> None:
        self.folder, self._jobs = folder, jobs
        self.pictures: list[Path] = []
        self._old = sorted(folder.glob("step-*.tif"))  # others would get into an animation
        if self._old and not overwrite:
            raise OptionsError(
                f"{folder}: has snapshots already; name another folder, or -f (in Python "
                "overwrite=True) replaces them"
            )

    def add(self, step: int, surface: ApproximateSurface) -> None:
        """Draw a surface at the raster's resolution."""
        while self._old:
            _remove(self._old.pop())
        path = self.folder / SNAPSHOT.format(step)
        picture = Picture.of(surface.shape, _transform(surface.georeference))
        write_picture(surface, picture, path, "", jobs=self._jobs, tags={"STEP": str(step)})
        self.pictures.append(path)


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise DemzipError(f"{path}: cannot be removed ({reason(error)})") from error


class ImplicitDataset:
    """An approximation of a raster.

    Attributes:
        name: What the file was opened as.
        surface: Its network, errors and metadata.
        file_bytes: Of the file.

    """

    def __init__(self, path: PathLike) -> None:
        self.name = os.fspath(path)
        with FileRanges(path) as file, naming(path):
            self.surface = ApproximateSurface.from_bytes(file.read(0, file.size))
            self.file_bytes = file.size

    def __repr__(self) -> str:
        """File and size."""
        rows, cols = self.shape
        return f"<demzip.ImplicitDataset {self.name!r}: {rows} x {cols} cells, approximate>"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the raster that it approximates."""
        return self.surface.shape

    @property
    def errors(self) -> Errors:
        """How far it is from that raster."""
        return self.surface.errors

    @property
    def crs(self) -> CRS | None:
        """Coordinate reference system."""
        return _crs(self.surface.georeference)

    @property
    def transform(self) -> Affine:
        """Of the raster; the identity if it had none."""
        return _transform(self.surface.georeference)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north edges."""
        west, south, east, north = array_bounds(*self.shape, self.transform)
        return west, south, east, north

    def picture(
        self,
        *,
        scale: float | None = None,
        resolution: float | None = None,
        shape: tuple[int, int] | None = None,
        bounds: tuple[float, float, float, float] | None = None,
        window: tuple[float, float, float, float] | None = None,
    ) -> Picture:
        """A grid to draw; by default that of the raster.

        Args:
            scale: Cells along a cell of the raster.
            resolution: Side of a cell, in units of the CRS.
            shape: Rows and columns.
            bounds: West, south, east and north edges.
            window: First row and column and how many rows and columns, in the raster's cells;
                they need not be whole.

        Raises:
            OptionsError: They do not go together, or reach beyond the raster.

        """
        with naming(self.name):
            whole = Picture.of(self.shape, self.transform)
            part = whole.part(bounds=bounds, window=window)
            return part.resampled(scale=scale, resolution=resolution, shape=shape)

    def read(self, picture: Picture | None = None, *, jobs: int = 1) -> Float64Array:
        """Elevations of a grid: (rows, cols) float64, approximate; in memory whole."""
        picture = self.picture() if picture is None else picture
        rows, cols = (slice(0, count) for count in picture.shape)
        return picture.draw(self.surface, rows, cols, thread_count(jobs))


def open_implicit(path: PathLike) -> ImplicitDataset:
    """Open an approximation of a raster, as `fit_implicit` makes it.

    Raises:
        OptionsError: It is no .dz file, or one that holds a raster.
        CorruptError: It is damaged.
        DemzipError: It does not exist or cannot be read.

    """
    return ImplicitDataset(path)


def render_implicit(
    src: PathLike,
    dst: PathLike,
    *,
    scale: float | None = None,
    resolution: float | None = None,
    shape: tuple[int, int] | None = None,
    bounds: tuple[float, float, float, float] | None = None,
    window: tuple[float, float, float, float] | None = None,
    dtype: str = "float32",
    jobs: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Picture:
    """Draw an approximation as a GeoTIFF; the same bytes of samples on every machine.

    Args:
        src: The approximation.
        dst: The GeoTIFF.
        scale: See ImplicitDataset.picture, as of the next four.
        resolution: See there.
        shape: See there.
        bounds: See there.
        window: See there.
        dtype: A name of io.rendering.DTYPES; integers are rounded to the nearest, ties to even.
        jobs: Threads; 0 for one per processor.
        overwrite: Whether an existing file may be replaced.
        progress: Called with a stage, the cells done since the last call, and those in all.

    Returns:
        The grid that was drawn.

    Raises:
        OptionsError: An argument is illegal, or the output exists.
        CorruptError: The approximation is damaged.
        DemzipError: A file cannot be read or written.

    """
    found = open_implicit(src)
    picture = found.picture(
        scale=scale, resolution=resolution, shape=shape, bounds=bounds, window=window
    )
    write_picture(
        found.surface, picture, output_path(src, dst, ".tif"), found.name, dtype,
        thread_count(jobs), overwrite=overwrite, progress=progress,
    )  # fmt: skip
    return picture
