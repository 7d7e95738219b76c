"""Pictures of sections through the ground."""

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from demzip.plots.figure import (
    INK,
    NO_UNIT,
    PALE,
    STYLE,
    VOID,
    name_of,
    new_figure,
    title,
)
from demzip.terrain.profile import Profile
from demzip.terrain.terrain import Terrain

Float64Array = NDArray[np.float64]

SIZE = (7.5, 3.2)  # inches
MOST = 2000  # groups of points that a line is drawn of
LONG = 10_000.0  # metres; longer ones are shown in kilometres
GROUND = "#b9c7a8"


def draw_profile(terrain: Terrain, profile: Profile) -> Figure:
    """Draw elevation over distance; where there is none, nothing but a pale band.

    Args:
        terrain: What the profile is of.
        profile: Two points at least.

    """
    with mpl.rc_context(STYLE):
        figure = new_figure(*SIZE)
        _draw(figure, profile, terrain.units)
        ends = [f"{profile.x[end]:.10g} {profile.y[end]:.10g}" for end in (0, -1)]
        title(
            figure.axes[0], name_of(terrain), [f"from {ends[0]} to {ends[1]}; {profile.method}"]
        )
    return figure


def _draw(figure: Figure, profile: Profile, units: str | None) -> None:
    scale, unit = (1000.0, "km") if profile.length >= LONG else (1.0, "m")
    distance, elevation = thinned(profile.distance / scale, profile.elevation)
    axes = figure.add_subplot()
    axes.plot(
        distance, elevation, color=INK, linewidth=0.9, solid_joinstyle="round",
        marker="." if np.isfinite(elevation).sum() == 1 else None,
    )  # fmt: skip
    found = profile.range
    if found is None:
        axes.set_yticks([])
    else:
        low, high = axes.get_ylim()
        axes.fill_between(distance, elevation, low, color=GROUND, linewidth=0)
        axes.set_ylim(low, high)
    for number, (start, stop) in enumerate(gaps(distance, elevation)):
        label = "no elevation" if number == 0 else None
        axes.axvspan(start, stop, color=VOID, linewidth=0, label=label)
    if np.isnan(elevation).any():
        axes.legend(loc="upper right", fontsize=7.5, framealpha=0.9, edgecolor=PALE)
    axes.set_xlim(0, (profile.length or 1.0) / scale)
    axes.set_xlabel(f"distance ({unit})")
    axes.set_ylabel(f"elevation ({units or NO_UNIT})")
    axes.tick_params(labelsize=8, color=PALE, length=3)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(PALE)


def gaps(distance: Float64Array, elevation: Float64Array) -> list[tuple[float, float]]:
    """Where runs of missing elevations begin and end: at the points beside them."""
    edges = np.flatnonzero(np.diff(np.isnan(elevation), prepend=False, append=False))
    last = distance.size - 1
    return [
        (float(distance[max(first - 1, 0)]), float(distance[min(stop, last)]))
        for first, stop in edges.reshape(-1, 2).tolist()
    ]


def thinned(distance: Float64Array, elevation: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Of long lines, the lowest and the highest point of each group, and one that is missing."""
    side = -(-distance.size // MOST)
    if side == 1:
        return distance, elevation
    kept = {0, distance.size - 1}
    for start in range(0, distance.size, side):
        part = elevation[start : start + side]
        missing = np.isnan(part)
        if not missing.all():
            kept |= {start + int(np.nanargmin(part)), start + int(np.nanargmax(part))}
        if missing.any():
            kept.add(start + int(missing.argmax()))
    places = sorted(kept)
    return distance[places], elevation[places]
