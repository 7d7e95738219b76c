"""Places for labels of points, so that none lies on another, on a point or outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin

GAP = 3.0  # pixels between a label and what is beside it
DIRECTIONS = 16
DISTANCES = (8.5, 11.0, 16.0, 24.0, 34.0, 46.0, 60.0, 80.0, 105.0, 135.0, 170.0, 210.0)
FAR = 12.0  # from this distance on a label needs a line to its point


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: "Box") -> bool:
        """Whether two rectangles share more than an edge."""
        across = self.left < other.right and other.left < self.right
        return across and self.bottom < other.top and other.bottom < self.top

    def inside(self, other: "Box") -> bool:
        """Whether this lies within another."""
        across = other.left <= self.left and self.right <= other.right
        return across and other.bottom <= self.bottom and self.top <= other.top


@dataclass(frozen=True)
class Place:
    """Where a label goes: its rectangle, and whether it needs a line to its point."""

    box: Box
    far: bool


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    frame: Box,
    radius: float,
) -> list[Place]:
    """Find a place for each label.

    Args:
        points: In pixels; each is kept free of labels.
        sizes: Widths and heights of the labels, in pixels.
        frame: Where labels may be.
        radius: Of the points.

    Returns:
        A place for each, as near as there is room; should there be none anywhere near, the last
        one tried.

    """
    dots = [Box(x - radius, y - radius, x + radius, y + radius) for x, y in points]
    taken: list[Box] = []
    found: dict[int, Place] = {}

    def crowd(number: int) -> int:
        x, y = points[number]
        return sum(abs(x - other[0]) < 80 and abs(y - other[1]) < 40 for other in points)

    for number in sorted(range(len(points)), key=crowd):  # lonely ones have room beside them
        place = _place(points[number], sizes[number], frame, [*dots, *taken])
        taken.append(_grown(place.box, GAP / 2))
        found[number] = place
    return [found[number] for number in range(len(points))]


def _place(
    point: tuple[float, float], size: tuple[float, float], frame: Box, taken: Sequence[Box]
) -> Place:
    x, y = point
    width, height = size
    place = Place(Box(x, y, x + width, y + height), far=True)
    for distance in DISTANCES:
        for turn in range(DIRECTIONS):
            angle = 2 * pi * turn / DIRECTIONS
            # The nearest edge of the label, not its middle, is that far away.
            middle = (
                x + cos(angle) * (distance + width / 2),
                y + sin(angle) * (distance + height / 2),
            )
            box = Box(
                middle[0] - width / 2,
                middle[1] - height / 2,
                middle[0] + width / 2,
                middle[1] + height / 2,
            )
            place = Place(box, distance > FAR)
            if box.inside(frame) and not any(box.overlaps(other) for other in taken):
                return place
    return place


def _grown(rectangle: Box, by: float) -> Box:
    return Box(rectangle.left - by, rectangle.bottom - by, rectangle.right + by, rectangle.top + by)
