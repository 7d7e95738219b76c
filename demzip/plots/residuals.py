"""What predictors leave: maps and histograms of their residuals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from demzip.io.residuals import Residuals, ResidualSource
from demzip.plots.figure import (
    NO_UNIT,
    PALE,
    STYLE,
    WIDTH,
    draw_colour_bar,
    draw_image,
    dress,
    frame_of,
    name_of,
    new_figure,
    reduction,
    size_words,
    title,
)
from demzip.terrain.relief import Means
from demzip.terrain.terrain import Terrain

Float64Array = NDArray[np.float64]

COLOURS = ("#1f5fa8", "#c1272d", "#2b8a3e", "#8a6d00", "#6f42a8", "#00808a", "#d2691e", "#444444")
COVERED = 0.99  # of the residuals other than 0 lie within the colours of a map
SHOWN = 0.9999  # of the residuals other than 0 lie within the axis of a histogram
BINS = 401  # at most, over that axis
NONE, LOWEST = 0.5, 0.7  # on a scale of logarithms: no samples, and where it begins
PANEL = 4.2  # inches of one map of several


@dataclass(frozen=True)
class ResidualMap:
    """Residuals of a predictor and where they lie.

    Attributes:
        found: Their distribution.
        cells: (rows, cols) residuals or, of larger rasters, their mean magnitudes over cells; NaN
            where there are none.

    """

    found: Residuals
    cells: Float64Array


def measure_map(source: ResidualSource, name: str, factor: int) -> ResidualMap:
    """Residuals of a predictor: as they are, or means of |residual| of factor x factor samples."""
    cells = Means(source.shape, factor)

    def take(top: int, residuals: Float64Array) -> None:
        cells.add(top, residuals if factor == 1 else np.abs(residuals))

    return ResidualMap(source.measure(name, take), cells.finish())


def draw_residuals(terrain: Terrain, source: ResidualSource, names: Sequence[str]) -> Figure:
    """Maps of residuals, one for each predictor, in the same colours.

    Args:
        terrain: Says where the raster lies.
        source: The same band.
        names: Of predictors.

    """
    factor = reduction(terrain.shape)
    maps = [measure_map(source, name, factor) for name in names]
    frame = frame_of(terrain)
    limit, extend = _limit(maps, factor)
    words = "residual" if factor == 1 else "mean |residual|"
    colours: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    if factor > 1:
        colours = {"cmap": "magma_r", "vmin": 0.0, "vmax": limit}
    size = size_words(frame, factor, f"coloured by their {words}")
    across = 2 if len(maps) == 4 else min(len(maps), 3)
    down = -(-len(maps) // across)
    width = WIDTH if across == 1 else PANEL
    with mpl.rc_context(STYLE):
        figure = new_figure(across * (width + 0.6), down * (width * frame.ratio + 1.2))
        grid = figure.subplots(down, across, squeeze=False).ravel()
        for place, (axes, one) in enumerate(zip(grid, maps, strict=False)):
            image = draw_image(axes, frame, one.cells, factor, **colours)
            samples = frame.size[0] * frame.size[1]
            voids = one.found.samples + one.found.blocks < samples
            dress(axes, frame, voids=voids, alone=place == (down - 1) * across)
            if len(maps) == 1:
                figures = f"residuals of {one.found.name}: {_figures(one.found)}"
                title(axes, name_of(terrain), [figures, size])
            else:
                title(axes, one.found.name, [_figures(one.found)])
            if place % across:
                axes.set_ylabel("")
            if place == across - 1:
                draw_colour_bar(axes, image, f"{words} ({source.units or NO_UNIT})", extend)
        for axes in grid[len(maps) :]:
            axes.set_axis_off()
        if len(maps) > 1:
            heading = f"{name_of(terrain)}: residuals of {len(maps)} predictors, {size}"
            figure.suptitle(heading, x=0.01, ha="left", fontsize=10)
    return figure


def _limit(maps: Sequence[ResidualMap], factor: int) -> tuple[float, str]:
    """Where the colours end, and at which ends something lies beyond."""
    wrong = np.concatenate([np.abs(one.cells[np.abs(one.cells) > 0]) for one in maps])
    if wrong.size == 0:
        return maps[0].found.step or 1.0, "neither"
    limit = float(np.quantile(wrong, COVERED, method="higher"))
    if wrong.max() <= limit:
        return limit, "neither"
    return limit, "both" if factor == 1 else "max"


def _figures(found: Residuals) -> str:
    """Entropy and share of zeros in words."""
    if not found.samples:
        return "none"
    counted = "" if found.step is not None else " in floats"
    return f"{found.counts.entropy:.3f} bits{counted}, {100 * found.zeros:.1f}% are 0"


def draw_histogram(terrain: Terrain, source: ResidualSource, names: Sequence[str]) -> Figure:
    """How often each residual occurs, all predictors in one; arguments as draw_residuals."""
    found = [source.measure(name, lambda _top, _residuals: None) for name in names]
    bins, wide = _bins(max(map(_edge, found)), found[0].step or 0.0)
    lost = 0
    with mpl.rc_context(STYLE):
        figure = new_figure(WIDTH + 1, 4.4)
        axes = figure.subplots()
        for place, one in enumerate(found):
            counts, _ = np.histogram(one.values, bins, weights=one.times)
            lost += one.samples - int(counts.sum())
            axes.stairs(
                np.maximum(counts, NONE), bins, baseline=NONE, linewidth=1.2,
                color=COLOURS[place % len(COLOURS)],
                linestyle="-" if place < len(COLOURS) else "--",
                label=f"{one.name}: {_figures(one)}",
            )  # fmt: skip
        axes.set_yscale("log")
        axes.set_ylim(bottom=LOWEST)
        axes.set_xlim(bins[0], bins[-1])
        axes.set_xlabel(f"residual ({source.units or NO_UNIT})")
        axes.set_ylabel(f"samples in {wide:.3g}" if wide else "samples")
        axes.grid(visible=True, color="#e6e6e6", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=8, color=PALE)
        axes.legend(loc="upper right", framealpha=0.9, edgecolor="none", fontsize=8)
        words = f"residuals of {max(one.samples for one in found)} samples"
        if lost:
            words += f"; {lost} residuals of all predictors lie beyond the axis"
        title(axes, name_of(terrain), [words])
    return figure


def _edge(found: Residuals) -> float:
    """Magnitude within which nearly all residuals other than 0 lie."""
    wrong = found.values != 0
    magnitudes, times = np.abs(found.values[wrong]), found.times[wrong]
    if not times.size:
        return 0.0
    order = np.argsort(magnitudes, kind="stable")
    enough = np.searchsorted(np.cumsum(times[order]), SHOWN * times.sum())
    return float(magnitudes[order[enough]])


def _bins(edge: float, step: float) -> tuple[Float64Array, float]:
    """Edges of bins around 0 and multiples of their width; the width too, 0 if it is one step.

    Args:
        edge: That must lie within them.
        step: Between residuals, 0 for true floats; bins have an odd number of steps.

    """
    many = int(2 * edge / step / BINS) if step else 0
    many += 1 - many % 2
    wide = many * step or 2 * edge / BINS or 1.0
    half = max(int(np.ceil(edge / wide - 0.5)), 1)
    bins = np.multiply(wide, np.arange(-half, half + 2) - 0.5, dtype=np.float64)
    return bins, 0.0 if wide == step else wide
