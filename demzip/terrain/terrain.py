"""A raster as a surface on the ground that answers questions."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray

from demzip.closing import Closing
from demzip.errors import OptionsError
from demzip.surface.methods import DEFAULT_METHOD, check_method
from demzip.surface.pool import interpolate_pool
from demzip.surface.sight.viewshed import DEFAULT_MODEL
from demzip.terrain.blocks import Blocks, first_post
from demzip.terrain.crs import move, parse
from demzip.terrain.curvature import OBSERVER
from demzip.terrain.ground import Ground
from demzip.terrain.kernels import place_points
from demzip.terrain.numbers import in_pairs
from demzip.terrain.profile import Profile
from demzip.terrain.sight import TARGET, Sight, see
from demzip.terrain.source import HeightSource
from demzip.terrain.track import half_cell
from demzip.terrain.units import metres_of
from demzip.terrain.viewshed import Viewshed, view

Float64Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

CACHE_BYTES = 256 << 20
FULL_TURN = 360.0  # degrees
FARTHEST = 1e12  # of coordinates: what is larger has no room for cells


class Terrain(Closing):
    """One band of a raster; blocks are read when they are needed, and kept (docs/queries.md).

    Positions `rows`, `cols` are in samples: (0, 0) is the centre of the first one. Coordinates x, y
    are of the raster's CRS unless another one is named, x always being easting or longitude; the
    raster's transform leads to them from (col + 0.5, row + 0.5). A raster without a transform has
    the identity: x is the column, y the row, counted from the outer corner of the first sample.

    Safe to use from several threads.

    Attributes:
        name: What the raster was opened as.
        shape: Rows and columns.
        transform: From column and row to x and y.
        crs: Coordinate reference system, or None.
        units: Of elevations, as it is declared, or None.

    """

    def __init__(self, source: HeightSource, cache_bytes: int = CACHE_BYTES) -> None:
        self.name = source.name
        self.shape = source.shape
        self.transform = source.transform
        self.crs = source.crs
        self.units = source.units
        self._source = source
        self._blocks = Blocks(source, cache_bytes)
        t, back = self.transform, ~self.transform
        self._numbers = np.array([t.c, t.f, back.a, back.b, back.d, back.e])

    # ---------------------------------------------------------------- the file

    def close(self) -> None:
        """Close the raster."""
        self._source.close()

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._source.closed

    @property
    def side(self) -> int:
        """Side, in samples, of the blocks that are read as a whole."""
        return self._blocks.grid.size

    # ---------------------------------------------------------------- places

    @cached_property
    def ground(self) -> Ground:
        """Distances in metres, of the raster's coordinates."""
        return Ground(self.crs)

    @cached_property
    def metres(self) -> float:
        """Metres of a unit of elevations, see demzip.terrain.units."""
        return metres_of(self.units, self.ground)

    @cached_property
    def _projection(self) -> pyproj.CRS | None:
        return None if self.crs is None else parse(self.crs)

    def to_raster(
        self, x: ArrayLike, y: ArrayLike, crs: object | None = None
    ) -> tuple[Float64Array, Float64Array]:
        """Coordinates of the raster's own CRS; NaN where it has none for a point.

        Args:
            x: Of any shape.
            y: As x.
            crs: Of x and y: whatever PROJ knows; by default the raster's.

        Raises:
            OptionsError: There is no such CRS, or the raster has none.

        """
        return self._moved(x, y, crs, back=False)

    def from_raster(
        self, x: ArrayLike, y: ArrayLike, crs: object | None = None
    ) -> tuple[Float64Array, Float64Array]:
        """The same the other way round."""
        return self._moved(x, y, crs, back=True)

    def _moved(
        self, x: ArrayLike, y: ArrayLike, crs: object | None, *, back: bool
    ) -> tuple[Float64Array, Float64Array]:
        xs, ys = in_pairs(x, y, "x and y")
        if crs is None:
            return xs, ys
        if self._projection is None:
            raise OptionsError(
                f"{self.name}: the raster has no CRS, so coordinates of another one lead nowhere; "
                "give them in its own"
            )
        source, target = parse(crs), self._projection
        return move(target, source, xs, ys) if back else move(source, target, xs, ys)

    def positions(
        self, x: ArrayLike, y: ArrayLike, crs: object | None = None
    ) -> tuple[Float64Array, Float64Array]:
        """Rows and columns, in samples, of points inside and outside; arguments as `to_raster`."""
        xs, ys = self.to_raster(x, y, crs)
        shape = xs.shape
        xs, ys = (np.ascontiguousarray(axis).ravel() for axis in (xs, ys))
        rows, cols = np.empty(xs.size), np.empty(xs.size)
        place_points(self._turned(xs), ys, self._numbers, rows, cols)
        return rows.reshape(shape), cols.reshape(shape)

    def _turned(self, x: Float64Array) -> Float64Array:
        """Longitudes that are not the raster's, changed by whole turns where that helps."""
        if not self.ground.is_geographic or x.size == 0:
            return x
        t = self.transform
        west, east = sorted((t.c, t.c + self.shape[1] * t.a))
        if t.b or t.d or (x.min() >= west and x.max() <= east):
            return x
        outside = ~((x >= west) & (x <= east))
        turned: Float64Array = x.copy()
        turned[outside] = west + np.remainder(x[outside] - west, FULL_TURN / self.ground.unit)
        return turned

    def inside(self, rows: ArrayLike, cols: ArrayLike) -> BoolArray:
        """Whether positions lie on the raster, its edge included."""
        height, width = self.shape
        down, right = np.asarray(rows, np.float64), np.asarray(cols, np.float64)
        return (
            (down >= -0.5) & (down <= height - 0.5) & (right >= -0.5) & (right <= width - 0.5)
        )

    # ---------------------------------------------------------------- heights

    def sample(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        method: str = DEFAULT_METHOD,
        crs: object | None = None,
    ) -> Float64Array:
        """Elevations at points.

        Args:
            x: Eastings or longitudes, of any shape.
            y: Northings or latitudes.
            method: A name of demzip.surface.METHODS (docs/interpolation.md).
            crs: Of x and y: whatever PROJ knows; by default the raster's own.

        Returns:
            Elevations (scale and offset applied) of the shape of x and y; NaN in voids and
            outside the raster.

        Raises:
            OptionsError: There is no such method or CRS, the raster has no CRS while one is named,
                or it has been closed.
            DemzipError: The raster cannot be read.

        """
        check_method(method)
        return self.interpolate(*self.positions(x, y, crs), method=method)

    def interpolate(
        self, rows: ArrayLike, cols: ArrayLike, *, method: str = DEFAULT_METHOD
    ) -> Float64Array:
        """Elevations at positions in samples; else as `sample`."""
        reach = check_method(method).reach
        down, right = in_pairs(rows, cols, "rows and cols")
        shape = down.shape
        down, right = (np.ascontiguousarray(axis).ravel() for axis in (down, right))
        needed = self._blocks.needed(down, right, method)
        if len(needed) <= self._blocks.slots:
            with self._blocks.holding(needed) as pool:
                return interpolate_pool(pool, down, right, method).reshape(shape)
        out = np.full(down.size, np.nan)
        for points in self._groups(down, right, reach):
            here = down[points], right[points]
            with self._blocks.holding(self._blocks.needed(*here, method)) as pool:
                out[points] = interpolate_pool(pool, *here, method)
        return out.reshape(shape)

    def _groups(
        self, rows: Float64Array, cols: Float64Array, reach: int
    ) -> list[NDArray[np.int64]]:
        """Points that lie on the raster, parted so that the blocks of each part fit.

        Points whose first posts lie in one block need four blocks at most.
        """
        side = self._blocks.grid.size
        inside = np.flatnonzero(self.inside(rows, cols))
        down, right = (
            first_post(axis[inside], size, reach) // side
            for axis, size in ((rows, self.shape[0]), (cols, self.shape[1]))
        )
        home = down * self._blocks.grid.across + right
        order = np.argsort(home, kind="stable")
        starts = np.flatnonzero(np.diff(home[order], prepend=-1))
        return np.split(inside[order], starts[1:])

    def window(self, rows: slice, cols: slice) -> Float64Array:
        """Elevations of samples, (rows, cols), NaN for voids.

        Args:
            rows: First and past the last one, inside the raster.
            cols: As rows.

        Raises:
            OptionsError: The window reaches beyond the raster, or the raster has been closed.
            DemzipError: The raster cannot be read.

        """
        for part, size in zip((rows, cols), self.shape, strict=True):
            if part.step not in (None, 1) or not 0 <= part.start <= part.stop <= size:
                raise OptionsError(f"window {rows}, {cols}: the raster has {self.shape} samples")
        return self._blocks.read(rows, cols)

    def profile(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        step: float | None = None,
        method: str = DEFAULT_METHOD,
        crs: object | None = None,
    ) -> Profile:
        """A section through the ground along the shortest way from one point to another.

        That is a geodesic in a geographic CRS, else a straight line on the map.

        Args:
            x1: Easting or longitude of the first point.
            y1: Its northing or latitude.
            x2: Of the last point.
            y2: As x2.
            step: Metres from one point of the line to the next; by default half a cell.
            method: As for `sample`.
            crs: Of the ends and of the result, as for `sample`.

        Raises:
            OptionsError: As for `sample`; a point has no place in the raster's CRS, or the step
                is not above 0 or too short (10 million points are possible).
            DemzipError: The raster cannot be read.

        """
        check_method(method)
        ends_x, ends_y = self.to_raster([x1, x2], [y1, y2], crs)
        for x, y, *there in ((x1, y1, ends_x[0], ends_y[0]), (x2, y2, ends_x[1], ends_y[1])):
            if not (np.abs(there) < FARTHEST).all():
                known = f"point {x} {y}: it has no place in the raster's CRS"
                raise OptionsError(f"{known}; check it, and the CRS that it is given in")
        if step is None:
            step = half_cell(self, float(ends_x.mean()), float(ends_y.mean()))
        (west, south), (east, north) = zip(ends_x.tolist(), ends_y.tolist(), strict=True)
        xs, ys, distance = self.ground.line(west, south, east, north, step)
        rows, cols = self.positions(xs, ys)
        elevation = self.interpolate(rows, cols, method=method)
        if crs is not None:
            xs, ys = self.from_raster(xs, ys, crs)
        return Profile(xs, ys, distance, elevation, self.inside(rows, cols), method)

    def line_of_sight(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        observer: float = OBSERVER,
        target: float = TARGET,
        curvature: bool = False,
        refraction: float | None = None,
        method: str = DEFAULT_METHOD,
        step: float | None = None,
        crs: object | None = None,
        progress: Callable[[str, int, int], object] | None = None,
    ) -> Sight:
        """Whether a target is seen from a point, and what stands between (docs/queries.md).

        Args:
            x1: Easting or longitude of the observer.
            y1: Northing or latitude.
            x2: Of the target.
            y2: As x2.
            observer: Height of the eye above ground in metres.
            target: Height of the target above ground in metres.
            curvature: Whether the earth is round.
            refraction: Coefficient of refraction, -10 to 1, which implies `curvature`; else 1/7.
            method: As for `sample`; the answers of all others are told beside.
            step: Metres at most from point to point; by default half a cell.
            crs: Of the points and of the result, as for `sample`.
            progress: Called with a stage, the methods done since the last call, and those in all.

        Raises:
            OptionsError: As for `profile`; an end is outside the raster or in a void, or a height
                or the coefficient is illegal.

        """
        return see(
            self, (x1, y1, x2, y2), observer=observer, target=target, curvature=curvature,
            refraction=refraction, method=method, step=step, crs=crs, progress=progress,
        )  # fmt: skip

    def viewshed(
        self,
        x: float,
        y: float,
        *,
        radius: float | None = None,
        observer: float = OBSERVER,
        target: float = 0.0,
        curvature: bool = False,
        refraction: float | None = None,
        model: str = DEFAULT_MODEL,
        crs: object | None = None,
        jobs: int = 1,
        progress: Callable[[str, int, int], object] | None = None,
    ) -> Viewshed:
        """Which samples are seen from the one in which a point lies (docs/queries.md).

        Args:
            x: Easting or longitude of the observer.
            y: Northing or latitude.
            radius: Metres; by default the whole raster.
            observer: Height of the eye above ground in metres.
            target: Height above ground that is looked for.
            curvature: As for `line_of_sight`.
            refraction: As for `line_of_sight`.
            model: "exact", a sight line to each sample, or "planes", one wave of reference planes.
            crs: Of x and y, as for `sample`.
            jobs: Threads of "exact", 0 for one per processor; the result does not depend on it.
            progress: Called with a stage, the samples done since the last call, and those in all.

        Raises:
            OptionsError: The observer is outside the raster or in a void, an argument is illegal,
                or there are more than 67 million samples to look at.

        """
        return view(
            self, (x, y), observer=observer, target=target, radius=radius, curvature=curvature,
            refraction=refraction, model=model, crs=crs, jobs=jobs, progress=progress,
        )  # fmt: skip
