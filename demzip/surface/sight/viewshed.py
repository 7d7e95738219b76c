"""Viewsheds of plain arrays: what an eye above one post of a grid sees."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from demzip.codec.threads import in_order
from demzip.errors import OptionsError
from demzip.surface.sight import kernels

MODELS = ("exact", "planes")
DEFAULT_MODEL = "exact"
VISIBLE = 255
HIDDEN = 0
UNDECIDED = 127  # void, beyond the radius, or only a void lies between
STRIPE = 16  # rows that one thread looks at
PIECE = 1 << 20  # samples whose distances are computed together


@dataclass(frozen=True)
class Metric:
    """Distances on the ground around the eye, in metres: sqrt(a c^2 + 2 b c r + d r^2).

    Attributes:
        a, b, d: Of `c` columns and `r` rows.

    """

    a: float
    b: float
    d: float

    def squared(self, rows: NDArray[np.float64], cols: NDArray[np.float64]) -> NDArray[np.float64]:
        """Squared distances, of broadcast shape."""
        squares: NDArray[np.float64] = (self.a * cols + 2 * self.b * rows) * cols
        squares += self.d * rows * rows
        return squares


def check_model(model: str) -> str:
    """Return `model` if it is one of MODELS.

    Raises:
        OptionsError: It is not; the message lists them.

    """
    if model not in MODELS:
        raise OptionsError(f"unknown model {model!r}; choose one of {', '.join(MODELS)}")
    return model


def viewshed(
    heights: NDArray[np.float64],
    row: int,
    col: int,
    *,
    observer: float,
    target: float,
    metric: Metric,
    drop: float = 0.0,
    radius: float | None = None,
    model: str = DEFAULT_MODEL,
    jobs: int = 1,
    report: Callable[[int], object] = lambda _samples: None,
) -> NDArray[np.uint8]:
    """Posts of a grid that an eye above one of them sees.

    With "exact" a sight line goes to every post, over ground that is straight between the posts of
    each row and each column; it takes time in proportion to the cube of the side. With "planes" one
    wave of reference planes (Wang, Robinson & White 2000) goes out from the eye, as GDAL does it.
    Lines may touch the ground. Behind voids "planes" knows at most what is certainly hidden.

    Args:
        heights: (rows, cols) in metres; NaN is void.
        row: Of the eye.
        col: Of the eye.
        observer: Height of the eye above ground in metres.
        target: Height above ground that is looked for, in metres.
        metric: Distances.
        drop: Metres that the ground sinks, for each square metre of the squared distance.
        radius: In metres.
        model: A name of MODELS.
        jobs: Threads of "exact"; the result does not depend on it.
        report: Called with the number of samples done since the last call.

    Returns:
        uint8 (rows, cols): VISIBLE, HIDDEN or UNDECIDED.

    Raises:
        OptionsError: There is no such model, or the eye is in a void.

    """
    check_model(model)
    rows, cols = heights.shape
    eye = heights[row, col] + observer
    if not np.isfinite(eye):
        raise OptionsError("the observer is in a void: there is no ground to stand on")
    relative = np.empty((rows, cols))
    beyond = np.zeros((rows, cols), np.bool_)
    across = np.arange(cols, dtype=np.float64)[None] - col
    for part in _parts(rows, max(PIECE // cols, 1)):
        down = np.arange(part.start, part.stop, dtype=np.float64)[:, None] - row
        squares = metric.squared(down, across)
        known = np.where(np.isfinite(heights[part]), heights[part], np.nan)
        relative[part] = known - eye - drop * squares
        if radius is not None:
            beyond[part] = squares > radius * radius
    codes = np.empty((rows, cols), np.uint8)
    if model == "planes":
        kernels.spread(relative.ravel(), cols, row, col, float(target), codes)
        report(rows * cols)
    else:
        look = partial(_look, relative, row, col, float(target), beyond, codes)
        for count in in_order(jobs, look, _parts(rows, STRIPE)):
            report(count * cols)
    codes[beyond] = kernels.UNKNOWN
    names = np.array([HIDDEN, HIDDEN, VISIBLE, UNDECIDED], np.uint8)
    return names[codes]


def _parts(rows: int, step: int) -> list[slice]:
    return [slice(a, b) for a, b in pairwise([*range(0, rows, step), rows])]


def _look(
    relative: NDArray[np.float64],
    row: int,
    col: int,
    target: float,
    beyond: NDArray[np.bool_],
    codes: NDArray[np.uint8],
    part: slice,
) -> int:
    kernels.look(
        relative.ravel(), relative.shape[1], row, col, part.start, part.stop, target, beyond, codes
    )
    return int(part.stop - part.start)
