"""The relief of a whole terrain: strip by strip, or from means over cells of samples."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.codec import in_order
from demzip.errors import UnsupportedError
from demzip.surface.shading import ALTITUDE, AZIMUTH, check_light, hillshade
from demzip.terrain.places import is_placeless
from demzip.terrain.terrain import Terrain

Float64Array = NDArray[np.float64]
UInt8Array = NDArray[np.uint8]
Report = Callable[[int], object]

PIECE = 64  # rows that one thread shades at a time
POLE = 90.0  # degrees


@dataclass(frozen=True)
class Light:
    """How a relief is shaded, see demzip.surface.hillshade.

    Attributes:
        azimuth: Degrees clockwise from north.
        altitude: Degrees above the horizon.
        z_factor: That heights are multiplied by.
        multidirectional: Whether there are four lights instead of that at `azimuth`.
        edges: Whether the raster's edge and samples beside voids are shaded.

    Raises:
        OptionsError: A number is outside its legal range.

    """

    azimuth: float = AZIMUTH
    altitude: float = ALTITUDE
    z_factor: float = 1.0
    multidirectional: bool = False
    edges: bool = True

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_light(self.azimuth, self.altitude, self.z_factor)

    def shade(self, heights: Float64Array, x: Float64Array, y: Float64Array) -> UInt8Array:
        """Grey levels of some rows, see demzip.surface.hillshade."""
        return hillshade(
            heights, x, y, azimuth=self.azimuth, altitude=self.altitude,
            z_factor=self.z_factor, multidirectional=self.multidirectional, edges=self.edges,
        )  # fmt: skip


def is_turned(terrain: Terrain) -> bool:
    """Whether its rows and columns run across the axes of its coordinates."""
    return bool(terrain.transform.b or terrain.transform.d)


def cell_sizes(terrain: Terrain, factor: int = 1) -> tuple[Float64Array, Float64Array]:
    """Distances to the next column east and the next row south, in the unit of the heights.

    In a geographic CRS they are those of each row's own latitude, on its ellipsoid; rows within
    half a cell of a pole have those of half a cell away from it.

    Args:
        terrain: Whose rows and columns run along the axes of its CRS.
        factor: Samples to a cell, each way.

    Returns:
        (rows,) each, of rows of cells; negative where columns run west or rows run north.

    Raises:
        UnsupportedError: The raster is turned, or lies beyond the poles.

    """
    if is_turned(terrain):
        raise UnsupportedError(
            f"{terrain.name}: its rows do not run along the axes of its CRS, so north is not up; "
            "gdalwarp makes a raster of it whose rows do"
        )
    t, ground = terrain.transform, terrain.ground
    middles = factor * np.arange(-(-terrain.shape[0] // factor)) + factor / 2
    if is_placeless(terrain):
        return np.full(middles.size, float(factor)), np.full(middles.size, float(factor))
    x, y = t.c + t.a * terrain.shape[1] / 2, t.f + t.e * middles
    if ground.is_geographic:
        limit = max(POLE / ground.unit - abs(t.e) / 2, 0.0)
        if np.abs(y).max() > limit + factor * abs(t.e):
            raise UnsupportedError(
                f"{terrain.name}: its rows lie beyond the poles; its CRS is one of degrees, is it "
                "the right one?"
            )
        y = np.clip(y, -limit, limit)
    across = ground.distance(x - t.a / 2, y, x + t.a / 2, y) * np.sign(t.a)
    down = ground.distance(x, y - t.e / 2, x, y + t.e / 2) * -np.sign(t.e)
    return factor * across / terrain.metres, factor * down / terrain.metres


def strips(terrain: Terrain) -> Iterator[tuple[int, Float64Array]]:
    """Row of blocks after row of blocks, each with the number of its first row."""
    rows, cols = terrain.shape
    for top in range(0, rows, terrain.side):
        yield top, terrain.window(slice(top, min(top + terrain.side, rows)), slice(0, cols))


def shaded(
    terrain: Terrain, light: Light, jobs: int = 1
) -> Iterator[tuple[int, UInt8Array]]:
    """Grey levels of all rows, some at a time, each part with the number of its first row.

    Args:
        terrain: Is read once, from north to south or as its rows run.
        light: How it is shaded.
        jobs: Threads.

    """
    cells = cell_sizes(terrain)
    first, held = 0, np.empty((0, terrain.shape[1]))

    def piece(top: int) -> UInt8Array:
        """Rows from `top` on, from themselves and their neighbours."""
        start, stop = max(top - 1, 0), min(top + PIECE + 1, held.shape[0])
        here = slice(first + start, first + stop)
        grey = light.shade(held[start:stop], cells[0][here], cells[1][here])
        return grey[top - start : top - start + PIECE]

    for top, heights in strips(terrain):
        first, held = top - held.shape[0], np.concatenate([held, heights])
        grey = np.concatenate(list(in_order(jobs, piece, range(0, held.shape[0], PIECE))))
        start = min(first, 1)  # the row above is there for its neighbour only
        stop = held.shape[0] - (first + held.shape[0] < terrain.shape[0])
        yield first + start, grey[start:stop]
        held = held[-2:].copy()


class Means:
    """Means of cells of factor x factor samples, gathered from whole rows of the raster.

    Args:
        shape: Of the raster.
        factor: Samples to a cell, each way.

    """

    def __init__(self, shape: tuple[int, int], factor: int) -> None:
        down, across = (-(-size // factor) for size in shape)
        self._sums = np.zeros((down, across))
        self._counts = np.zeros((down, across))
        self._starts = np.arange(0, shape[1], factor)
        self._factor = factor

    def add(self, top: int, values: Float64Array) -> None:
        """Take rows from row `top` on, NaN where there is nothing."""
        cells = (top + np.arange(values.shape[0])) // self._factor
        there = np.isfinite(values)
        for total, part in ((self._sums, np.where(there, values, 0.0)), (self._counts, there)):
            parts = np.add.reduceat(part, self._starts, axis=1, dtype=np.float64)
            np.add.at(total, cells, parts)

    def finish(self) -> Float64Array:
        """The means; NaN where a cell has nothing."""
        found = np.full(self._sums.shape, np.nan)
        np.divide(self._sums, self._counts, out=found, where=self._counts > 0)
        return found


def means(terrain: Terrain, factor: int, report: Report | None = None) -> Float64Array:
    """Mean heights of cells of factor x factor samples, voids left out; NaN where all are void.

    Args:
        terrain: Is read once.
        factor: Samples to a cell, each way.
        report: Called with the number of samples done since the last call.

    """
    found = Means(terrain.shape, factor)
    for top, heights in strips(terrain):
        found.add(top, heights)
        if report is not None:
            report(heights.size)
    return found.finish()
