"""Heights are left out of a surface, predicted from the rest, and compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from demzip.codec import in_order
from demzip.errors import DemzipError, OptionsError
from demzip.surface import METHODS, interpolate
from demzip.surface.comparison.ranks import ranks

FloatArray = NDArray[np.float64]

REACH = max(method.reach for method in METHODS.values())
FACTORS = range(2, 65)
SIDE = 512  # heights of a surface that are worked on together, about, each way
NOISE = 1e-12  # errors of this share of the largest height are those of floats


@dataclass(frozen=True)
class Surface:
    """Known heights.

    Attributes:
        name: For people.
        shape: Rows and columns.
        heights: Of slices of rows and of columns with start and stop, float64, NaN for voids; may
            be called from several threads.

    """

    name: str
    shape: tuple[int, int]
    heights: Callable[[slice, slice], FloatArray]


@dataclass(frozen=True)
class Score:
    """How far a method is off: errors are predicted - known heights.

    Attributes:
        method: Its name.
        mean: Of the errors.
        variance: Mean of their squares, as in the paper (about 0, not about the mean).
        maximum: Greatest error, without sign.
        rank: By variance, 1 for the best; equal ones share the mean of their ranks.

    """

    method: str
    mean: float
    variance: float
    maximum: float
    rank: float

    @property
    def rmse(self) -> float:
        """Root of the variance."""
        return float(np.sqrt(self.variance))


@dataclass(frozen=True)
class Case:
    """Every method on one surface at one spacing of posts.

    Attributes:
        surface: Its name.
        spacing: Posts of the grid's side, or the factor.
        shape: Rows and columns of posts.
        points: Heights that were predicted and compared.
        left_out: Heights that were not: they, or what some method makes of them, are void.
        scores: Of the methods, in the order in which they were asked for.

    """

    surface: str
    spacing: int
    shape: tuple[int, int]
    points: int
    left_out: int
    scores: tuple[Score, ...]


def leave_out(
    surface: Surface,
    factor: int,
    methods: Sequence[str],
    *,
    spacing: int | None = None,
    inner: bool = False,
    jobs: int = 1,
    report: Callable[[int], object] = lambda _points: None,
) -> Case:
    """Keep each `factor`-th row and column of a surface, and predict the heights between.

    Args:
        surface: Read in windows, so it may be larger than the memory.
        factor: 2 to 64.
        methods: Names of demzip.surface.METHODS.
        spacing: That of the case; by default the factor.
        inner: Only in cells so far inside that no method looks at posts beyond the edge.
        jobs: Threads; the result is the same for any number.
        report: Called with the number of heights done since the last call.

    Raises:
        OptionsError: The factor is not in its range, or leaves fewer than 6 x 6 posts (8 x 8 for
            `inner`).
        DemzipError: All heights are void.

    """
    posts = check_posts(surface, factor, inner=inner)
    tiles = product(*(_spans(length, factor, inner=inner) for length in posts))
    parts = []
    for part in in_order(jobs, partial(_errors, surface, factor, methods), tiles):
        parts.append(part)
        report(part.points + part.left_out)
    points = sum(part.points for part in parts)
    if not points:
        raise DemzipError(
            f"{surface.name}: nothing to compare at factor {factor}: wherever a height is known, "
            "posts around it are void; try a smaller factor"
        )
    means = np.sum([part.errors for part in parts], axis=0) / points
    variances = np.sum([part.squares for part in parts], axis=0) / points
    maxima = np.max([part.maximum for part in parts], axis=0)
    noise = NOISE * max(part.largest for part in parts)
    found = ranks(variances.tolist(), noise * noise)
    columns = (means.tolist(), variances.tolist(), maxima.tolist(), found)
    return Case(
        surface=surface.name,
        spacing=factor if spacing is None else spacing,
        shape=posts,
        points=points,
        left_out=sum(part.left_out for part in parts),
        scores=tuple(map(Score, methods, *columns)),
    )


def least_posts(*, inner: bool) -> int:
    """Posts that a grid has to have each way."""
    return 2 * REACH + 2 if inner else 6


def check_posts(surface: Surface, factor: int, *, inner: bool = False) -> tuple[int, int]:
    """Rows and columns of posts that a factor leaves.

    Raises:
        OptionsError: The factor is not in its range, or they are too few.

    """
    if factor not in FACTORS:
        raise OptionsError(f"factor {factor}: it must be {FACTORS[0]} to {FACTORS[-1]}")
    rows, cols = ((length - 1) // factor + 1 for length in surface.shape)
    least = least_posts(inner=inner)
    if min(rows, cols) < least:
        raise OptionsError(
            f"{surface.name}: factor {factor} leaves {rows} x {cols} posts of {surface.shape[0]} x "
            f"{surface.shape[1]} samples, and {least} x {least} are needed; take a smaller factor "
            "or a larger raster"
        )
    return rows, cols


def point_count(surface: Surface, factor: int, *, inner: bool = False) -> int:
    """Heights that `leave_out` predicts, void ones among them."""
    edge = 2 * REACH if inner else 0
    cells = [length - 1 - edge for length in check_posts(surface, factor, inner=inner)]
    heights, posts = (np.prod([step * count + 1 for count in cells]) for step in (factor, 1))
    return int(heights - posts)


@dataclass(frozen=True)
class _Span:
    """Cells along an axis that are worked on together.

    Attributes:
        window: Of the surface: from post to post, as far as methods look.
        known: Of the window: heights in the cells; the last cells have the far edge, too.

    """

    window: slice
    known: slice


def _spans(posts: int, factor: int, *, inner: bool) -> list[_Span]:
    first, last = (REACH, posts - 1 - REACH) if inner else (0, posts - 1)
    step = max(1, SIDE // factor)
    found = []
    for start in range(first, last, step):
        stop = min(start + step, last)
        low, high = max(0, start - REACH), min(posts - 1, stop + REACH)
        known = slice((start - low) * factor, (stop - low) * factor + (stop == last))
        found.append(_Span(slice(low * factor, high * factor + 1), known))
    return found


@dataclass(frozen=True)
class _Sums:
    """Of the errors in a part of a surface, one per method."""

    points: int
    left_out: int
    errors: FloatArray
    squares: FloatArray
    maximum: FloatArray
    largest: float  # height, without sign


def _errors(
    surface: Surface, factor: int, methods: Sequence[str], spans: tuple[_Span, _Span]
) -> _Sums:
    window = surface.heights(spans[0].window, spans[1].window)
    posts = np.ascontiguousarray(window[::factor, ::factor])
    rows, cols = (np.arange(span.known.start, span.known.stop) for span in spans)
    dropped = (rows[:, np.newaxis] % factor != 0) | (cols % factor != 0)
    known = window[spans[0].known, spans[1].known][dropped]
    down, across = (
        (places / factor)[where]
        for places, where in zip((rows, cols), np.nonzero(dropped), strict=True)
    )
    predicted = np.stack([interpolate(posts, down, across, method) for method in methods])
    counts = np.isfinite(known) & np.isfinite(predicted).all(axis=0)
    known, errors = known[counts], predicted[:, counts] - known[counts]
    return _Sums(
        points=known.size,
        left_out=counts.size - known.size,
        errors=errors.sum(axis=1),
        squares=(errors * errors).sum(axis=1),
        maximum=np.abs(errors).max(axis=1, initial=0.0),
        largest=float(np.abs(known).max(initial=0.0)),
    )
