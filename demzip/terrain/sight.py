"""Lines of sight over a raster: is that point seen from this one, and what stands between."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from demzip.errors import OptionsError
from demzip.surface.methods import METHODS, check_method
from demzip.surface.sight.line import LineOfSight, line_of_sight
from demzip.terrain.curvature import bend_of, check_height
from demzip.terrain.places import outside
from demzip.terrain.track import Track, between, track_of

if TYPE_CHECKING:
    from demzip.terrain.terrain import Terrain

Float64Array = NDArray[np.float64]

TARGET = 20.0  # metres, a building
FINER = 34  # parts into which a piece is cut where the line is lowest
ROUNDS = 2  # of that


@dataclass(frozen=True)
class Place:
    """A point of a sight line.

    All heights are metres, whatever unit the raster has.

    Attributes:
        x, y: In the CRS of the question.
        distance: Metres from the observer.
        ground: Elevation of the surface.
        line: Elevation of the sight line.

    """

    x: float
    y: float
    distance: float
    ground: float
    line: float

    @property
    def clearance(self) -> float:
        """Height of the line above ground."""
        return self.line - self.ground


@dataclass(frozen=True)
class End:
    """An end of a sight line: the observer's eye or the target; all heights are metres.

    Attributes:
        x, y: In the CRS of the question.
        ground: Elevation of the surface there.
        height: Above it.
        needed: Least height above ground, not below 0, from which this end would see the other.

    """

    x: float
    y: float
    ground: float
    height: float
    needed: float


@dataclass(frozen=True)
class Verdict:
    """What one method of interpolation says, in metres.

    Attributes:
        visible: None if it is undecided: nothing known blocks the line, but it crosses a void.
        clearance: Height of the line above ground at its closest approach, see Sight.lowest; None
            if none is known.

    """

    visible: bool | None
    clearance: float | None


@dataclass(frozen=True)
class Sight:
    """Whether a target is seen; all heights are metres.

    Attributes:
        method: Of interpolation.
        visible: As in Verdict.
        length: Metres from the observer to the target.
        observer, target: The ends.
        lowest: Closest approach of the line to the ground, but for the stretches at both ends on
            which it only goes away from it; an end if nothing is left, None if observer and target
            are the same point.
        first: Where the line is blocked first; None if it is not.
        void: Metres of the line that lie in voids.
        refraction: Coefficient; None if the earth is taken to be flat.
        unit: Metres of a unit of the raster's own elevations.
        verdicts: Of all methods, by name.

    """

    method: str
    visible: bool | None
    length: float
    observer: End
    target: End
    lowest: Place | None
    first: Place | None
    void: float
    refraction: float | None
    unit: float
    verdicts: dict[str, Verdict]

    @property
    def clearance(self) -> float | None:
        """Height of the line above ground at `lowest`, which is not the least near the ends."""
        return None if self.lowest is None else self.lowest.clearance

    @property
    def dissenting(self) -> list[str]:
        """Methods that say otherwise about being visible."""
        return [name for name, said in self.verdicts.items() if said.visible != self.visible]


def see(
    terrain: "Terrain",
    ends: tuple[float, float, float, float],
    *,
    observer: float,
    target: float,
    curvature: bool,
    refraction: float | None,
    method: str,
    step: float | None,
    crs: object | None,
    progress: Callable[[str, int, int], object] | None = None,
) -> Sight:
    """A line of sight; arguments and errors as for Terrain.line_of_sight."""
    check_method(method)
    observer, target = check_height("observer", observer), check_height("target", target)
    unit = terrain.metres
    bend, refraction = bend_of(terrain.crs, curvature=curvature, refraction=refraction)
    x1, y1, x2, y2 = ends
    own = terrain.to_raster([x1, x2], [y1, y2], crs)
    grounds = _grounds(terrain, own, method, ends, crs)
    here = float(own[0][0]), float(own[1][0]), float(own[0][1]), float(own[1][1])
    length = float(terrain.ground.distance(*here))
    near, far = End(x1, y1, grounds[0], observer, 0.0), End(x2, y2, grounds[1], target, 0.0)
    if length == 0:
        same = dict.fromkeys(METHODS, Verdict(visible=True, clearance=None))
        return Sight(method, True, length, near, far, None, None, 0.0, refraction, unit, same)
    track = track_of(terrain, here, length, step)
    found = {}
    for name in METHODS:
        found[name] = _look(terrain, track, name, (observer, target, bend))
        if progress is not None:
            progress("looking", 1, len(METHODS))
    seen = found[method]
    blocked = np.flatnonzero(seen.line.blocked)
    void = np.isnan(seen.ground)
    return Sight(
        method=method,
        visible=seen.line.visible,
        length=length,
        observer=replace(near, needed=_most(seen.line.observer_needed)),
        target=replace(far, needed=_most(seen.line.target_needed)),
        lowest=_place(terrain, seen, seen.line.lowest, crs),
        first=_place(terrain, seen, int(blocked[0]) if blocked.size else None, crs),
        void=float(np.diff(seen.way.distance)[void[1:] | void[:-1]].sum()),
        refraction=refraction,
        unit=unit,
        verdicts={name: _verdict(one.line) for name, one in found.items()},
    )


def _grounds(
    terrain: "Terrain",
    own: tuple[Float64Array, Float64Array],
    method: str,
    ends: tuple[float, float, float, float],
    crs: object | None,
) -> tuple[float, float]:
    """Elevations of both ends in metres."""
    rows, cols = terrain.positions(*own)
    heights = terrain.metres * terrain.interpolate(rows, cols, method=method)
    inside = terrain.inside(rows, cols)
    for number, name in enumerate(("observer", "target")):
        x, y = ends[2 * number : 2 * number + 2]
        if not inside[number]:
            raise outside(terrain, name, x, y, crs)
        if np.isnan(heights[number]):
            raise OptionsError(
                f"{terrain.name}: the {name} at {x} {y} is in a void: no ground is known there"
            )
    return float(heights[0]), float(heights[1])


@dataclass(frozen=True)
class _Seen:
    """The line over the surface of one method."""

    way: Track
    ground: Float64Array
    line: LineOfSight


def _look(
    terrain: "Terrain", track: Track, method: str, numbers: tuple[float, float, float]
) -> _Seen:
    """Look along a way, more closely where the line is lowest."""
    way = track
    for _ in range(ROUNDS):
        line = _over(terrain, way, method, numbers).line
        tops = line.lowest, _top(line.target_needed), _top(line.observer_needed)
        closer = [_around(way.distance, top) for top in tops]
        way = track.at(between(np.concatenate([way.distance, *closer]), track.distance))
    return _over(terrain, way, method, numbers)


def _over(
    terrain: "Terrain", way: Track, method: str, numbers: tuple[float, float, float]
) -> _Seen:
    ground = terrain.metres * terrain.interpolate(way.rows, way.cols, method=method)
    return _Seen(way, ground, line_of_sight(way.distance, ground, *numbers))


def _top(score: Float64Array) -> int | None:
    """Where a score is highest, the first of them; None if it is unknown everywhere."""
    return None if np.isnan(score).all() else int(np.nanargmax(score))


def _around(distance: Float64Array, top: int | None) -> Float64Array:
    if top is None:
        return np.empty(0)
    low, high = distance[max(top - 1, 0)], distance[min(top + 1, distance.size - 1)]
    return np.linspace(low, high, FINER + 1)


def _most(needed: Float64Array) -> float:
    return float(np.fmax.reduce(needed, initial=0.0))


def _verdict(line: LineOfSight) -> Verdict:
    lowest = line.lowest
    return Verdict(line.visible, None if lowest is None else float(line.clearance[lowest]))


def _place(terrain: "Terrain", seen: _Seen, point: int | None, crs: object | None) -> Place | None:
    if point is None:
        return None
    x, y = terrain.from_raster(seen.way.x[point], seen.way.y[point], crs)
    numbers = seen.way.distance[point], seen.ground[point], seen.line.line[point]
    return Place(float(x), float(y), *map(float, numbers))
