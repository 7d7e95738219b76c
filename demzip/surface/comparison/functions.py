"""The six test functions of Franke (1979), with which Akima (1996) and the paper compare methods.

R. Franke, A critical comparison of some methods for interpolation of scattered data, Naval
Postgraduate School, NPS-53-79-003, 1979.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.surface.comparison.sampling import Surface

FloatArray = NDArray[np.float64]

STEPS = 10  # points a cell is cut into, each way; they are never cell centres only


@dataclass(frozen=True)
class Function:
    """A height for each x and y of the unit square.

    Attributes:
        name: In one word.
        number: F1 to F6 in the papers.
        heights: Of arrays x and y that broadcast.

    """

    name: str
    number: str
    heights: Callable[[FloatArray, FloatArray], FloatArray]


def exponential(x: FloatArray, y: FloatArray) -> FloatArray:
    """F1: two hills and a hollow."""
    return (
        0.75 * np.exp(-((9 * x - 2) ** 2 + (9 * y - 2) ** 2) / 4)
        + 0.75 * np.exp(-((9 * x + 1) ** 2) / 49 - (9 * y + 1) / 10)
        + 0.5 * np.exp(-((9 * x - 7) ** 2 + (9 * y - 3) ** 2) / 4)
        - 0.2 * np.exp(-((9 * x - 4) ** 2) - (9 * y - 7) ** 2)
    )


def cliff(x: FloatArray, y: FloatArray) -> FloatArray:
    """F2: a step along the diagonal, from 0 in the south-east to 2/9 in the north-west."""
    return (np.tanh(9 * y - 9 * x) + 1) / 9


def saddle(x: FloatArray, y: FloatArray) -> FloatArray:
    """F3."""
    return (1.25 + np.cos(5.4 * y)) / (6 * (1 + (3 * x - 1) ** 2))


def gentle(x: FloatArray, y: FloatArray) -> FloatArray:
    """F4: a wide hill."""
    return np.exp(-81 / 16 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)) / 3


def steep(x: FloatArray, y: FloatArray) -> FloatArray:
    """F5: a narrow hill."""
    return np.exp(-81 / 4 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)) / 3


def sphere(x: FloatArray, y: FloatArray) -> FloatArray:
    """F6: part of one."""
    return np.sqrt(64 - 81 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)) / 9 - 0.5


FUNCTIONS = tuple(
    Function(heights.__name__, f"F{number}", heights)
    for number, heights in enumerate((exponential, cliff, saddle, gentle, steep, sphere), 1)
)


def function_surface(function: Function, posts: int) -> Surface:
    """A function on the unit square, such that each STEPS-th row and column is one of posts.

    Row 0 is the north edge, y = 1.

    Args:
        function: Which one.
        posts: Of the grid's side, 2 or more.

    """
    last = STEPS * (posts - 1)

    def heights(rows: slice, cols: slice) -> FloatArray:
        y = (last - np.arange(rows.start, rows.stop, dtype=np.float64)) / last
        x = np.arange(cols.start, cols.stop, dtype=np.float64) / last
        return function.heights(x[np.newaxis, :], y[:, np.newaxis])

    return Surface(function.name, (last + 1, last + 1), heights)
