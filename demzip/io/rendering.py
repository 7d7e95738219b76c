"""Grids on which an approximation is drawn, and the GeoTIFFs of them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import CRSError, RasterioError
from rasterio.transform import Affine, array_bounds
from rasterio.windows import Window

from demzip.codec import in_order
from demzip.codec.approximation import ApproximateSurface
from demzip.container.layout import MAX_SIDE
from demzip.errors import DemzipError, OptionsError
from demzip.io.checks import Progress, every
from demzip.io.crs import geotiff_crs, parse_crs
from demzip.io.files import reason, replacing
from demzip.io.profile import TILE, creation_options
from demzip.io.quiet import without_warnings
from demzip.io.readback import ReadBack
from demzip.io.source import detail, gdal_limits

Float64Array = NDArray[np.float64]

DTYPES = ("float32", "float64", "int16", "uint16", "int32")
PIECE = 16 * TILE  # columns that are drawn and written together
ROWS = 32  # of them that a thread draws at once
EDGE = 1e-6  # cells that a window may reach beyond the raster: bounds are rounded


@dataclass(frozen=True)
class Picture:
    """A grid over a raster, or a part of it.

    Attributes:
        shape: Its rows and columns.
        row, col: Its north-west corner, in cells of the raster from its corner.
        down, across: Size of its cells, in cells of the raster.
        raster: Rows and columns of the raster.
        base: Transform of the raster.

    """

    shape: tuple[int, int]
    row: float
    col: float
    down: float
    across: float
    raster: tuple[int, int]
    base: Affine

    @classmethod
    def of(cls, shape: tuple[int, int], transform: Affine) -> "Picture":
        """The grid of a raster itself."""
        return cls(shape, 0.0, 0.0, 1.0, 1.0, shape, transform)

    @property
    def transform(self) -> Affine:
        """Of this grid."""
        a, b, c, d, e, f = self.base[:6]
        west, north = a * self.col + b * self.row + c, d * self.col + e * self.row + f
        return Affine(
            a * self.across, b * self.down, west, d * self.across, e * self.down, north
        )

    def part(
        self,
        *,
        bounds: tuple[float, float, float, float] | None = None,
        window: tuple[float, float, float, float] | None = None,
    ) -> "Picture":
        """A part of the raster; see ImplicitDataset.picture."""
        if bounds is not None and window is not None:
            raise OptionsError("bounds and window: give one of them")
        if bounds is not None:
            window = self._window_of(bounds)
        if window is None:
            return self
        row, col, rows, cols = window
        inside = (
            all(map(math.isfinite, window))
            and min(rows, cols) > 0
            and min(row, col) >= -EDGE
            and row + rows <= self.raster[0] + EDGE
            and col + cols <= self.raster[1] + EDGE
        )
        if not inside:
            if bounds is not None:
                west, south, east, north = self._edges()
                raise OptionsError(
                    f"bounds: not within the raster's {west:.10g} {south:.10g} {east:.10g} "
                    f"{north:.10g} (west, south, east, north)"
                )
            raise OptionsError(
                f"window: rows {row:g} to {row + rows:g}, "
                f"columns {col:g} to {col + cols:g} are not within the raster, which has "
                f"{self.raster[0]} x {self.raster[1]}"
            )
        shape = max(round(rows), 1), max(round(cols), 1)
        return Picture(shape, row, col, rows / shape[0], cols / shape[1], self.raster, self.base)

    def _edges(self) -> tuple[float, float, float, float]:
        west, south, east, north = array_bounds(*self.raster, self.base)
        return min(west, east), min(south, north), max(west, east), max(south, north)

    def _window_of(
        self, bounds: tuple[float, float, float, float]
    ) -> tuple[float, float, float, float]:
        if self.base.b or self.base.d:
            raise OptionsError("bounds: the raster is rotated; give a window (--window)")
        west, south, east, north = bounds
        if not (west < east and south < north):
            raise OptionsError(
                f"bounds {west:g} {south:g} {east:g} {north:g}: they are west, south, east, north"
            )
        cols = sorted((x - self.base.c) / self.base.a for x in (west, east))
        rows = sorted((y - self.base.f) / self.base.e for y in (north, south))
        return rows[0], cols[0], rows[1] - rows[0], cols[1] - cols[0]

    def resampled(
        self,
        *,
        scale: float | None = None,
        resolution: float | None = None,
        shape: tuple[int, int] | None = None,
    ) -> "Picture":
        """The same part with other cells; see ImplicitDataset.picture."""
        if sum(value is not None for value in (scale, resolution, shape)) > 1:
            raise OptionsError("scale, resolution and shape: give one of them")
        rows, cols = self.shape[0] * self.down, self.shape[1] * self.across
        down, across = self.down, self.across
        if scale is not None:
            _positive("scale", scale)
            shape = self._whole(rows * scale, cols * scale)
        if resolution is not None:
            _positive("resolution", resolution)
            down = resolution / math.hypot(self.base.b, self.base.e)
            across = resolution / math.hypot(self.base.a, self.base.d)
            shape = self._whole(rows / down, cols / across)
        elif shape is not None:
            if min(shape) < 1:
                raise OptionsError(f"shape {shape[0]}x{shape[1]}: rows and columns begin with 1")
            down, across = rows / shape[0], cols / shape[1]
        else:
            shape = self.shape
        if max(shape) > MAX_SIDE:
            raise OptionsError(f"{shape[0]} x {shape[1]} cells: at most {MAX_SIDE} along a side")
        return Picture(shape, self.row, self.col, down, across, self.raster, self.base)

    @staticmethod
    def _whole(rows: float, cols: float) -> tuple[int, int]:
        if max(rows, cols) > MAX_SIDE + 0.5:
            raise OptionsError(f"{rows:.8g} x {cols:.8g} cells: at most {MAX_SIDE} along a side")
        return max(round(rows), 1), max(round(cols), 1)

    def draw(
        self, surface: ApproximateSurface, rows: slice, cols: slice, jobs: int = 1
    ) -> Float64Array:
        """Elevations of a window of this grid, at the centres of its cells."""
        across = self.col + (np.arange(cols.start, cols.stop) + 0.5) * self.across - 0.5

        def some(top: int) -> Float64Array:
            numbers = np.arange(top, min(top + ROWS, rows.stop))
            return surface.elevations(self.row + (numbers + 0.5) * self.down - 0.5, across)

        return np.concatenate(list(in_order(jobs, some, range(rows.start, rows.stop, ROWS))))


def _positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise OptionsError(f"{name} {value}: it must be a number above 0")


def write_picture(
    surface: ApproximateSurface,
    picture: Picture,
    path: Path,
    src: str,
    dtype: str = "float32",
    jobs: int = 1,
    *,
    overwrite: bool = False,
    tags: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a GeoTIFF, window by window.

    Raises:
        OptionsError: The dtype is unknown or too narrow, or the output exists.
        DemzipError: It cannot be written, or reads back otherwise.

    """
    check_dtype(surface, dtype)
    about, (rows, cols) = surface.georeference, picture.shape
    profile = creation_options(dtype, picture.shape, TILE)
    if picture.transform != Affine.identity():
        profile["transform"] = picture.transform
    if about.crs is not None:
        profile["crs"], options = geotiff_crs(parse_crs(about.crs))
        profile = options | profile
    report, back = every(progress, "drawing", rows * cols), ReadBack(path)
    with replacing(path, src, overwrite=overwrite) as temporary:
        try:
            with (
                gdal_limits(),
                rasterio.Env(GDAL_PAM_ENABLED=False),
                without_warnings(),
                rasterio.open(
                    temporary, "w", driver="GTiff", height=rows, width=cols, count=1, dtype=dtype,
                    **profile,
                ) as written,
            ):  # fmt: skip
                written.update_tags(**_tags(surface), **(tags or {}))
                if about.bands[0].units is not None:
                    written.set_band_unit(1, about.bands[0].units)
                written.set_band_description(1, "approximate elevation")
                for down, across in _windows(rows, cols):
                    heights = picture.draw(surface, down, across, jobs)
                    if np.dtype(dtype).kind != "f":
                        heights = np.rint(heights)
                    window, values = Window.from_slices(down, across), heights.astype(dtype)
                    written.write(values, 1, window=window)
                    back.note(window, values)
                    report(values.size)
            back.check(temporary)
        except (RasterioError, CRSError) as error:
            words = detail(error).replace(str(temporary), str(path))
            raise DemzipError(f"{path}: cannot be written ({words})") from error
        except OSError as error:
            raise DemzipError(f"{path}: cannot be written ({reason(error)})") from error


def check_dtype(surface: ApproximateSurface, dtype: str) -> None:
    """See that a dtype has room for every elevation.

    Raises:
        OptionsError: It has not, or is not one of DTYPES.

    """
    if dtype not in DTYPES:
        raise OptionsError(f"dtype {dtype!r}: choose one of {', '.join(DTYPES)}")
    kind = np.finfo(dtype) if dtype.startswith("float") else np.iinfo(dtype)
    lowest, highest = surface.span
    if lowest < kind.min or highest > kind.max:
        raise OptionsError(f"dtype {dtype}: elevations are {lowest:g} to {highest:g}")


def _tags(surface: ApproximateSurface) -> dict[str, str]:
    errors = surface.errors
    found = {
        "APPROXIMATION": "drawn by a neural network; not the values of the raster",
        "NETWORK": surface.surface.describe(),
    }
    if errors.cells:
        found |= {
            "APPROXIMATION_MEAN_ERROR": f"{errors.mean:.6g}",
            "APPROXIMATION_MAX_ERROR": f"{errors.largest:.6g}",
        }
    return found


def _windows(rows: int, cols: int) -> Iterator[tuple[slice, slice]]:
    for top in range(0, rows, TILE):
        for left in range(0, cols, PIECE):
            yield slice(top, min(top + TILE, rows)), slice(left, min(left + PIECE, cols))
