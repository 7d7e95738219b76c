"""Maps of a raster: its shaded relief, its elevations."""

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from demzip.plots.figure import (
    NO_UNIT,
    STYLE,
    WIDTH,
    Frame,
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
from demzip.terrain.relief import Light, Report, cell_sizes, is_turned, means
from demzip.terrain.terrain import Terrain

Float64Array = NDArray[np.float64]

ROOM = 1.0  # inches above and below a map
TINTS = LinearSegmentedColormap.from_list(
    "elevation",
    ["#386b4a", "#7fa35e", "#c9c57c", "#d9b06c", "#b98457", "#94705f", "#c9bdb7", "#ffffff"],
)
SOFT = Light(multidirectional=True)
DEEPEST = 0.55  # of the shade over tints


def draw_relief(terrain: Terrain, light: Light, report: Report | None = None) -> Figure:
    """The relief, shaded; of large rasters from mean heights of cells of samples.

    Args:
        terrain: Is read once.
        light: How it is shaded.
        report: Called with the number of samples done since the last call.

    Raises:
        UnsupportedError: Rows do not run along the axes of the CRS.

    """
    factor = reduction(terrain.shape)
    cells = cell_sizes(terrain, factor)
    grey = light.shade(means(terrain, factor, report), *cells)
    if light.multidirectional:
        words = "light from 225°, 270°, 315° and 360°"
    else:
        words = f"light from {light.azimuth:g}°"
    words = f"shaded relief, {words}, {light.altitude:g}° above the horizon"
    if light.z_factor != 1:
        words += f", heights x {light.z_factor:g}"
    frame = frame_of(terrain)
    with mpl.rc_context(STYLE):
        figure = new_figure(WIDTH, WIDTH * frame.ratio + ROOM)
        axes = figure.subplots()
        shown = np.ma.masked_equal(grey, 0)
        draw_image(axes, frame, shown, factor, cmap="gray", vmin=1, vmax=255)
        dress(axes, frame, voids=bool((grey == 0).any()))
        title(axes, name_of(terrain), [words, size_words(frame, factor, "shaded from their means")])
    return figure


def draw_elevation(terrain: Terrain, report: Report | None = None) -> Figure:
    """Elevations in tints, over a soft relief where north is up; arguments as draw_relief."""
    factor = reduction(terrain.shape)
    heights = means(terrain, factor, report)
    frame = frame_of(terrain)
    with mpl.rc_context(STYLE):
        figure = new_figure(WIDTH, WIDTH * frame.ratio + ROOM)
        axes = figure.subplots()
        image = draw_image(axes, frame, heights, factor, cmap=TINTS, norm=_norm(heights))
        words = "elevation"
        if not is_turned(terrain):
            words += ", over a shaded relief"
            grey = SOFT.shade(heights, *cell_sizes(terrain, factor))
            _draw_shade(axes, frame, grey, factor)
        dress(axes, frame, voids=not np.isfinite(heights).all())
        draw_colour_bar(axes, image, f"elevation ({terrain.units or NO_UNIT})")
        title(axes, name_of(terrain), [words, size_words(frame, factor, "means of them")])
    return figure


def _draw_shade(axes: mpl.axes.Axes, frame: Frame, grey: NDArray[np.uint8], factor: int) -> None:
    """Darken what is away from the light, and voids not at all."""
    level = 1 + 254 * np.sin(np.radians(SOFT.altitude))
    shade = np.zeros((*grey.shape, 4), np.float32)
    shade[..., 3] = np.where(grey == 0, 0, DEEPEST * np.clip(1.15 - grey / level, 0, 1))
    draw_image(axes, frame, shade, factor)


def _norm(heights: Float64Array) -> Normalize:
    """All heights from the least to the greatest; any range if there are none."""
    there = heights[np.isfinite(heights)]
    if there.size == 0:
        return Normalize(0, 1)
    low, high = float(there.min()), float(there.max())
    return Normalize(low, high if high > low else low + 1)
