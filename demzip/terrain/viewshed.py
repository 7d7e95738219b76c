"""Viewsheds over a raster: what is seen from a point."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rasterio.transform import Affine

from demzip.errors import OptionsError
from demzip.options import thread_count
from demzip.surface.sight.viewshed import HIDDEN, UNDECIDED, VISIBLE, Metric, check_model, viewshed
from demzip.terrain.curvature import bend_of, check_height
from demzip.terrain.ground import POLE
from demzip.terrain.places import outside, what_is_missing

if TYPE_CHECKING:
    from demzip.terrain.terrain import Terrain

FLAT = 1.25  # degrees: a tile of one, and what lies around it, is taken for flat
SAMPLES = 1 << 26  # that are looked at at once, some 20 bytes each


@dataclass(frozen=True)
class Viewshed:
    """What is seen from a point.

    Attributes:
        visible: uint8 (rows, cols): 255 seen, 0 not; 127 unknown: void, behind nothing but a void,
            or beyond the radius.
        transform: Of `visible`, in the raster's CRS.
        crs: Of the raster, or None.
        x, y: Of the centre of the sample on which the observer stands.
        ground: Elevation there in metres.
        observer, target: Heights above ground in metres.
        radius: In metres, or None.
        refraction: Coefficient; None if the earth is taken to be flat.
        model: Of demzip.surface.sight.viewshed.
        cell: Square metres of a sample, at the observer.
        unit: Metres of a unit of the raster's own elevations.
        areas: (rows,) float64, square metres of a sample of each row.
        missing: What is unknown of where the raster lies, in words, or None.
        distorted: Whether samples lie so far from the observer that its metres per degree are no
            good measure there.

    """

    visible: NDArray[np.uint8]
    transform: Affine
    crs: object | None
    x: float
    y: float
    ground: float
    observer: float
    target: float
    radius: float | None
    refraction: float | None
    model: str
    cell: float
    unit: float
    areas: NDArray[np.float64]
    missing: str | None
    distorted: bool

    @property
    def area(self) -> float:
        """Square metres that are seen."""
        return float((self.visible == VISIBLE).sum(axis=1) @ self.areas)

    def count(self, value: int) -> int:
        """Samples of a value."""
        return int((self.visible == value).sum())

    @property
    def share(self) -> float | None:
        """Of what is seen or not, what is seen; None if nothing is known."""
        known = self.count(VISIBLE) + self.count(HIDDEN)
        return self.count(VISIBLE) / known if known else None

    @property
    def unknown(self) -> int:
        """Samples that are unknown, those beyond the radius among them."""
        return self.count(UNDECIDED)


def metric_at(terrain: "Terrain", x: float, y: float) -> Metric:
    """Distances between samples near a point.

    In a geographic CRS with the metres that a degree has there, both ways.
    """
    t = terrain.transform
    unit = max(abs(number) for number in (t.a, t.b, t.d, t.e))
    wide, high = (side / unit for side in terrain.ground.cell_size(Affine.scale(unit), x, y))
    across = np.array([wide * t.a, high * t.d])
    down = np.array([wide * t.b, high * t.e])
    return Metric(float(across @ across), float(across @ down), float(down @ down))


def view(
    terrain: "Terrain",
    place: tuple[float, float],
    *,
    observer: float,
    target: float,
    radius: float | None,
    curvature: bool,
    refraction: float | None,
    model: str,
    crs: object | None,
    jobs: int,
    progress: Callable[[str, int, int], object] | None,
) -> Viewshed:
    """A viewshed; arguments and errors as for Terrain.viewshed."""
    check_model(model)
    observer, target = check_height("observer", observer), check_height("target", target)
    if radius is not None and not (math.isfinite(radius) and radius > 0):
        raise OptionsError(f"radius {radius:g}: it must be metres above 0")
    bend, refraction = bend_of(terrain.crs, curvature=curvature, refraction=refraction)
    row, col = _sample(terrain, place, crs)
    x, y = _corner(terrain.transform, row + 0.5, col + 0.5)
    metric = metric_at(terrain, x, y)
    rows, cols = _window(terrain, row, col, metric, radius)
    total = (rows.stop - rows.start) * (cols.stop - cols.start)
    if total > SAMPLES:
        raise OptionsError(
            f"{terrain.name}: {total} samples to look at, {SAMPLES} are possible; choose a "
            f"{'' if radius is None else 'smaller '}radius"
        )
    heights = terrain.window(rows, cols)
    heights *= terrain.metres
    ground = float(heights[row - rows.start, col - cols.start])
    if math.isnan(ground):
        raise OptionsError(
            f"{terrain.name}: the observer at {place[0]} {place[1]} is in a void: no ground is "
            "known there"
        )
    visible = viewshed(
        heights, row - rows.start, col - cols.start,
        observer=observer, target=target, metric=metric, drop=bend, radius=radius, model=model,
        jobs=thread_count(jobs),
        report=lambda count: progress and progress("looking", count, total),
    )  # fmt: skip
    t = terrain.transform
    west, north = _corner(t, rows.start, cols.start)
    transform = Affine(t.a, t.b, west, t.d, t.e, north)
    cell = math.sqrt(metric.a * metric.d - metric.b**2)
    return Viewshed(
        visible, transform, terrain.crs, x, y, ground, observer, target, radius, refraction, model,
        cell, terrain.metres, _areas(terrain, transform, visible.shape, cell),
        what_is_missing(terrain), _is_far(terrain, transform, visible.shape, x, y),
    )  # fmt: skip


def _areas(
    terrain: "Terrain", t: Affine, shape: tuple[int, ...], cell: float
) -> NDArray[np.float64]:
    """Square metres of a sample of each row, in the middle of the row."""
    rows, cols = shape
    ground = terrain.ground
    if not ground.is_geographic:
        return np.full(rows, cell)
    half = max(abs(number) for number in (t.a, t.b, t.d, t.e)) / 2
    top = POLE / ground.unit - half
    middles = np.array([_corner(t, row + 0.5, cols / 2) for row in range(rows)])
    x, y = middles[:, 0], np.clip(middles[:, 1], -top, top)
    wide = ground.distance(x - half, y, x + half, y)
    high = ground.distance(x, y - half, x, y + half)
    areas: NDArray[np.float64] = wide * high * (abs(t.determinant) / (2 * half) ** 2)
    return areas


def _is_far(terrain: "Terrain", t: Affine, shape: tuple[int, ...], x: float, y: float) -> bool:
    """Whether a corner lies more than FLAT degrees from the observer, in x or y."""
    if not terrain.ground.is_geographic:
        return False
    rows, cols = shape
    corners = [_corner(t, row, col) for row in (0, rows) for col in (0, cols)]
    most = max(max(abs(west - x), abs(south - y)) for west, south in corners)
    return bool(most * terrain.ground.unit > FLAT)


def _corner(t: Affine, row: float, col: float) -> tuple[float, float]:
    """X and y of a place counted from the outer corner of the first sample."""
    return t.c + t.a * col + t.b * row, t.f + t.d * col + t.e * row


def _sample(terrain: "Terrain", place: tuple[float, float], crs: object | None) -> tuple[int, int]:
    """Row and column of the sample in which a point lies."""
    row, col = (float(axis) for axis in terrain.positions(*place, crs))
    if not terrain.inside(row, col):
        raise outside(terrain, "observer", *place, crs)
    last_row, last_col = (size - 1 for size in terrain.shape)
    return min(math.floor(row + 0.5), last_row), min(math.floor(col + 0.5), last_col)


def _window(
    terrain: "Terrain", row: int, col: int, metric: Metric, radius: float | None
) -> tuple[slice, slice]:
    """Rows and columns around a circle."""
    height, width = terrain.shape
    if radius is None:
        return slice(0, height), slice(0, width)
    area = metric.a * metric.d - metric.b**2
    high = math.floor(min(radius * math.sqrt(metric.a / area), height))
    wide = math.floor(min(radius * math.sqrt(metric.d / area), width))
    return (
        slice(max(row - high, 0), min(row + high + 1, height)),
        slice(max(col - wide, 0), min(col + wide + 1, width)),
    )
