"""The table: cases side by side, mean ranks, and how ranks agree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from demzip.errors import OptionsError
from demzip.surface import METHODS, check_method
from demzip.surface.comparison.functions import FUNCTIONS, STEPS, function_surface
from demzip.surface.comparison.ranks import spearman
from demzip.surface.comparison.sampling import Case, Surface, least_posts, leave_out, point_count

DEFAULT_GRIDS = (6, 11, 21, 33)
MOST_POSTS = 257  # of a grid's side
DEFAULT_FACTORS = (3, 5)
# Called with a stage, the heights done since the last call, and those in all.
Progress = Callable[[str, int, int], object]


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation of the methods on two surfaces or at two spacings."""

    first: str
    second: str
    rho: float


@dataclass(frozen=True)
class Table:
    """Cases of the same methods.

    Attributes:
        cases: Each surface at each spacing.

    """

    cases: tuple[Case, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """In the order in which they were asked for."""
        return tuple(score.method for score in self.cases[0].scores)

    @property
    def surfaces(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(dict.fromkeys(case.surface for case in self.cases))

    @property
    def spacings(self) -> tuple[int, ...]:
        """Sides of grids, or factors."""
        return tuple(dict.fromkeys(case.spacing for case in self.cases))

    def where(self, *, surface: str | None = None, spacing: int | None = None) -> tuple[Case, ...]:
        """Cases of a surface, or of a spacing."""
        return tuple(
            case
            for case in self.cases
            if surface in {None, case.surface} and spacing in {None, case.spacing}
        )

    def mean_ranks(self, cases: Sequence[Case] | None = None) -> dict[str, float]:
        """Mean of the ranks of each method in all cases, or in some."""
        chosen = self.cases if cases is None else cases
        ranks = [[score.rank for score in case.scores] for case in chosen]
        return dict(zip(self.methods, np.mean(ranks, axis=0).tolist(), strict=True))

    def to_best(self, cases: Sequence[Case] | None = None) -> dict[str, float]:
        """Root mean square error of each method over that of the best; medians of the cases.

        NaN where the best has no error.
        """
        chosen = self.cases if cases is None else cases
        roots = np.array([[score.rmse for score in case.scores] for case in chosen])
        least = roots.min(axis=1, keepdims=True)
        ratios = np.divide(roots, least, out=np.full_like(roots, np.nan), where=least > 0)
        return dict(zip(self.methods, np.median(ratios, axis=0).tolist(), strict=True))

    def between_surfaces(self) -> tuple[Correlation, ...]:
        """Correlation of mean ranks over all spacings, for each two surfaces."""
        return self._correlations({name: self.where(surface=name) for name in self.surfaces})

    def between_spacings(self) -> tuple[Correlation, ...]:
        """Correlation of mean ranks over all surfaces, for each two spacings."""
        return self._correlations({str(side): self.where(spacing=side) for side in self.spacings})

    def agreement(self, other: "Table") -> float:
        """Correlation of mean ranks with those of another table of the same methods."""
        mine, theirs = (list(table.mean_ranks().values()) for table in (self, other))
        return spearman(mine, theirs)

    def _correlations(self, groups: dict[str, tuple[Case, ...]]) -> tuple[Correlation, ...]:
        means = {name: list(self.mean_ranks(cases).values()) for name, cases in groups.items()}
        return tuple(
            Correlation(first, second, spearman(means[first], means[second]))
            for first, second in combinations(means, 2)
        )


def compare_on_functions(
    grids: Sequence[int] = (),
    methods: Sequence[str] = (),
    *,
    inner: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Table:
    """Compare methods on the six functions of Franke.

    Args:
        grids: Posts of the grids' sides, each 6 (8 for `inner`) to 257; none for DEFAULT_GRIDS.
        methods: Names of demzip.surface.METHODS; none for all.
        inner: Only in cells so far inside that no method looks at posts beyond the edge.
        jobs: Threads.
        progress: Called with a stage, the heights done since the last call, and those in all.

    Raises:
        OptionsError: An argument is not in its range.

    """
    least = least_posts(inner=inner)
    for posts in grids:
        if not least <= posts <= MOST_POSTS:
            raise OptionsError(
                f"grid of {posts} posts a side: it must have {least} to {MOST_POSTS}"
                f"{' for inner cells' if inner else ''}"
            )
    sides = grids or [posts for posts in DEFAULT_GRIDS if posts >= least]
    wanted = [
        (function_surface(function, posts), STEPS, posts)
        for posts in dict.fromkeys(sides)
        for function in FUNCTIONS
    ]
    return _compare(wanted, methods, inner=inner, jobs=jobs, progress=progress)


def compare_on_surfaces(
    surfaces: Sequence[Surface],
    factors: Sequence[int] = (),
    methods: Sequence[str] = (),
    *,
    inner: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Table:
    """Compare methods on known heights: samples are left out and predicted.

    Args:
        surfaces: With names of their own.
        factors: Each `factor`-th row and column is kept; 2 to 64; none for DEFAULT_FACTORS.
        methods: Names of demzip.surface.METHODS; none for all.
        inner: Only in cells so far inside that no method looks at posts beyond the edge.
        jobs: Threads.
        progress: Called with a stage, the heights done since the last call, and those in all.

    Raises:
        OptionsError: An argument is not in its range, or a surface is too small for a factor.
        DemzipError: There is no height to compare.

    """
    wanted = [
        (surface, factor, factor)
        for factor in dict.fromkeys(factors or DEFAULT_FACTORS)
        for surface in surfaces
    ]
    return _compare(wanted, methods, inner=inner, jobs=jobs, progress=progress)


def _compare(
    wanted: Sequence[tuple[Surface, int, int]],
    methods: Sequence[str],
    *,
    inner: bool,
    jobs: int,
    progress: Progress | None,
) -> Table:
    names = tuple(dict.fromkeys(check_method(name).name for name in methods)) or tuple(METHODS)
    if not wanted:
        raise OptionsError("name at least one surface")
    total = sum(point_count(surface, factor, inner=inner) for surface, factor, _ in wanted)

    def report(heights: int) -> None:
        if progress is not None:
            progress("comparing", heights, total)

    return Table(
        tuple(
            leave_out(
                surface, factor, names, spacing=spacing, inner=inner, jobs=jobs, report=report
            )
            for surface, factor, spacing in wanted
        )
    )
