"""The points of a way over a raster at which its surface is looked at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from demzip.terrain.terrain import Terrain

Float64Array = NDArray[np.float64]

PIECES = 16  # parts at least into which a way is cut
NEAR = 1e-3  # of a part: nothing is asked as near to an end as this
SAME = 1e-6  # of a part


@dataclass(frozen=True)
class Track:
    """Points of the way, in the raster's CRS and in samples; all (n,)."""

    distance: Float64Array
    x: Float64Array
    y: Float64Array
    rows: Float64Array
    cols: Float64Array

    def at(self, distance: Float64Array) -> "Track":
        """Points between them."""
        axes = (np.interp(distance, self.distance, axis) for axis in self._axes())
        return Track(distance, *axes)

    def _axes(self) -> tuple[Float64Array, ...]:
        return self.x, self.y, self.rows, self.cols

    def with_breaks(self) -> "Track":
        """The same with points where a surface may break.

        That is where the way crosses the lines of the grid, those midway between them (level
        surfaces) and the diagonals of the cells.
        """
        lines = 2 * self.rows, 2 * self.cols, self.rows - self.cols, self.rows + self.cols
        found = [_crossings(self.distance, line) for line in lines]
        return self.at(between(np.concatenate([self.distance, *found]), self.distance))


def _crossings(distance: Float64Array, values: Float64Array) -> Float64Array:
    """Distances where a chain of straight pieces takes whole values."""
    before, after = values[:-1], values[1:]
    low = np.floor(np.minimum(before, after)).astype(np.int64) + 1
    count = np.maximum(np.ceil(np.maximum(before, after)).astype(np.int64) - low, 0)
    piece = np.repeat(np.arange(count.size), count)
    within = np.arange(piece.size) - np.repeat(np.cumsum(count) - count, count)
    share = (low[piece] + within - before[piece]) / (after - before)[piece]
    found: Float64Array = distance[piece] + share * np.diff(distance)[piece]
    return found


def between(distance: Float64Array, regular: Float64Array) -> Float64Array:
    """Sorted distances, both ends among them but nothing very near to them.

    Of those that differ by rounding only one is left.
    """
    length, near = regular[-1], NEAR * regular[1]
    inner = np.sort(distance)
    inner = inner[(inner > near) & (inner < length - near)]
    inner = inner[np.diff(inner, prepend=0.0) > SAME * regular[1]]
    return np.concatenate([[0.0], inner, [length]])


def half_cell(terrain: "Terrain", x: float, y: float) -> float:
    """Half of the shorter side of a cell; cells near a pole count as a quarter as wide."""
    across, down = terrain.ground.cell_size(terrain.transform, x, y)
    return max(min(across, down), max(across, down) / 4) / 2


def track_of(
    terrain: "Terrain",
    ends: tuple[float, float, float, float],
    length: float,
    step: float | None,
) -> Track:
    """The shortest way between two points of the raster's CRS.

    Args:
        terrain: The raster.
        ends: x and y of the first point, and of the last one.
        length: Metres between them, above 0.
        step: Metres from point to point at most; by default half a cell.

    Raises:
        OptionsError: The step is not above 0, or too short.

    """
    if step is None:
        step = half_cell(terrain, (ends[0] + ends[2]) / 2, (ends[1] + ends[3]) / 2)
    xs, ys, distance = terrain.ground.line(*ends, min(step, length / PIECES))
    rows, cols = terrain.positions(xs, ys)
    return Track(distance, xs, ys, rows, cols).with_breaks()
