"""The line from an eye to a target, over a profile of the ground."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.surface.sight.kernels import TOUCH

Float64Array = NDArray[np.float64]

LEVEL = 1e-9  # metres, more than rounding: what falls by less does not fall


@dataclass(frozen=True)
class LineOfSight:
    """What a sight line meets.

    Attributes:
        line: Its height at each point of the profile, as `ground`.
        clearance: Its height above ground, NaN in voids.
        target_needed: Height of the target above its ground that each point asks for.
        observer_needed: Height of the eye above its ground that each point asks for.

    """

    line: Float64Array
    clearance: Float64Array
    target_needed: Float64Array
    observer_needed: Float64Array

    @property
    def blocked(self) -> NDArray[np.bool_]:
        """Points where the ground stands above the line; a touch is none."""
        return self.clearance < -TOUCH

    @property
    def lowest(self) -> int | None:
        """Point where the line comes nearest to the ground on its way.

        The line leaves the eye, as a rule, before it comes near to anything: the stretches at both
        ends on which it only goes away from the ground are left out. If nothing is left, an end.
        """
        heights = np.where(np.isnan(self.clearance), np.inf, self.clearance)
        falls = heights < np.maximum.accumulate(heights) - LEVEL
        rises = heights < np.maximum.accumulate(heights[::-1])[::-1] - LEVEL
        if falls.any() and rises.any():
            start, stop = int(np.argmax(falls)), heights.size - int(np.argmax(rises[::-1]))
            if start < stop:
                return start + int(np.argmin(heights[start:stop]))
        ends = self.clearance[[0, -1]]
        return None if np.isnan(ends).any() else int(np.argmin(ends)) * (self.clearance.size - 1)

    @property
    def visible(self) -> bool | None:
        """Whether nothing blocks it; None if only voids may."""
        if self.blocked.any():
            return False
        return None if np.isnan(self.clearance[1:-1]).any() else True


def line_of_sight(
    distance: Float64Array,
    ground: Float64Array,
    observer: float,
    target: float,
    bend: float = 0.0,
) -> LineOfSight:
    """The line from above the first point of a profile to above its last one.

    Seen from a sphere that is drawn flat the line sags by bend d (D - d), at the distance d of D:
    it is the same from either end.

    Args:
        distance: (n,), metres from the first point, ascending; n >= 2 and the last above 0.
        ground: (n,), metres; NaN is void, but not at the ends.
        observer: Height of the eye above ground in metres.
        target: The same of the target.
        bend: Metres that the ground sinks, for each square metre of the squared distance.

    """
    length = distance[-1]
    eye, top = ground[0] + observer, ground[-1] + target
    share = distance / length
    sag = bend * distance * (length - distance)
    line = eye * (1 - share) + top * share - sag
    clearance = line - ground
    inner = slice(1, -1)
    raised = ground[inner] + sag[inner]
    needed = np.full((2, distance.size), np.nan)
    needed[0, inner] = (raised - eye * (1 - share[inner])) / share[inner] - ground[-1]
    needed[1, inner] = (raised - top * share[inner]) / (1 - share[inner]) - ground[0]
    return LineOfSight(line, clearance, needed[0], needed[1])
