"""The chart: size against speed of decoding and of encoding, with the Pareto front."""

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from demzip.bench.labels import Box, Place, place_labels
from demzip.bench.report import BASE, Mean, Report, Summary
from demzip.errors import OptionsError

FORMATS = (".svg", ".png", ".html")
COLOURS = {"demzip": "#c1272d", "GeoTIFF": "#1f5fa8", "image": "#2b8a3e", "array": "#8a6d00"}
FAMILIES = {
    "demzip": "demzip",
    "GeoTIFF": "GeoTIFF",
    "image": "image codecs",
    "array": "array codecs",
}
WAYS = ("decode", "encode")
DPI = 100
WIDTH, HEIGHT = 13.0, 5.6  # inches, of a row of two panels
TOP, FOOT = 1.0, 0.5  # inches above and below them
RADIUS = 6.0  # pixels of a point
FRONT = "#999999"
PLATE = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}  # lines pass below labels
FONT = "DejaVu Sans"
NARROWER = f"'{FONT}', Verdana, sans-serif"  # for readers who lack it
STYLE: Any = {
    "svg.hashsalt": "demzip",  # the same figures give the same file
    "svg.fonttype": "none",  # letters, not their outlines: small, and found by searching
    "font.family": FONT,
    "font.size": 9.0,
}


def check_format(path: Path) -> Path:
    """Return `path` if its suffix says what to draw.

    Raises:
        OptionsError: It does not.

    """
    if path.suffix.lower() not in FORMATS:
        raise OptionsError(f"--plot {path}: its name must end in {', '.join(FORMATS)}")
    return path


def draw(report: Report, form: str) -> bytes:
    """The chart, two panels for each class.

    Args:
        report: With at least one summary.
        form: "svg" or "png".

    """
    figure = make_figure(report)
    out = io.BytesIO()
    with mpl.rc_context(STYLE):
        metadata = {"Date": None, "Title": "demzip bench"} if form == "svg" else None
        figure.savefig(out, format=form, metadata=metadata)
    if form == "svg":
        return out.getvalue().replace(f"'{FONT}'".encode(), NARROWER.encode())
    return out.getvalue()


def make_figure(report: Report) -> Figure:
    """Draw everything; figures of matplotlib without its global state."""
    summaries = report.summaries
    height = HEIGHT * len(summaries) + TOP + FOOT
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
        grid = figure.subplots(len(summaries), len(WAYS), squeeze=False)
        figure.subplots_adjust(
            left=0.065,
            right=0.985,
            top=1 - TOP / height,
            bottom=(FOOT + 0.5) / height,
            hspace=0.2,
            wspace=0.13,
        )
        for row, summary in zip(grid, summaries, strict=True):
            for axes, way in zip(row, WAYS, strict=True):
                _draw_panel(axes, report, summary, way)
        figure.suptitle(
            f"Size against speed, one thread; size relative to GeoTIFF {BASE.upper()}; "
            "right and down is better",
            fontsize=12,
            y=1 - 0.18 / height,
            va="top",
        )
        _draw_legend(figure, report, height)
        footer = "\n".join(textwrap.wrap(report.footer(), 190))
        figure.text(0.012, 0.1 / height, footer, fontsize=7.5, color="#444444", va="bottom")
    return figure


def _draw_legend(figure: Figure, report: Report, height: float) -> None:
    present = {codec.family for codec in report.codecs}
    handles = [
        Line2D([], [], marker="o", linestyle="", color=COLOURS[family], label=words)
        for family, words in FAMILIES.items()
        if family in present
    ]
    hollow = Line2D([], [], marker="o", linestyle="", color="#444444", markerfacecolor="white")
    hollow.set_label("took only some of the rasters")
    front = Line2D([], [], color=FRONT, linestyle="--", label="Pareto front of those that took all")
    figure.legend(
        handles=[*handles, hollow, front],
        loc="upper center",
        bbox_to_anchor=(0.5, 1 - 0.36 / height),
        ncols=len(handles) + 2,
        frameon=False,
    )


def speed(mean: Mean, way: str) -> float:
    """Of decoding or encoding."""
    return mean.decode_mpx_s if way == "decode" else mean.encode_mpx_s


def pareto(means: Sequence[Mean], way: str) -> list[Mean]:
    """Those that no other beats in both size and speed, fastest first."""
    front: list[Mean] = []
    for mean in sorted(means, key=lambda mean: (-speed(mean, way), mean.to_deflate)):
        if not front or mean.to_deflate < front[-1].to_deflate:
            front.append(mean)
    return front


def _draw_panel(axes: Axes, report: Report, summary: Summary, way: str) -> None:
    means = summary.means
    points = [(speed(mean, way), mean.to_deflate) for mean in means]
    axes.set_xscale("log")
    axes.set_yscale("log")
    _set_limits(axes, points)
    axes.set_title(f"{summary.kind} ({summary.rasters})", loc="left", fontsize=10)
    axes.set_xlabel(f"{way} Mpx/s")
    axes.set_ylabel(f"size / GeoTIFF {BASE.upper()}")
    axes.grid(visible=True, which="major", color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
    front = pareto([mean for mean in means if mean.took == summary.rasters], way)
    axes.plot(
        [speed(mean, way) for mean in front],
        [mean.to_deflate for mean in front],
        color=FRONT,
        linestyle="--",
        linewidth=1.2,
        drawstyle="steps-post",
        zorder=1.5,
    )
    families = {codec.name: codec.family for codec in report.codecs}
    for mean, point in zip(means, points, strict=True):
        colour = COLOURS[families[mean.codec]]
        whole = mean.took == summary.rasters
        axes.plot(
            *point, "o", color=colour, markersize=6.5, markerfacecolor=colour if whole else "white"
        )
    colours = [COLOURS[families[mean.codec]] for mean in means]
    _draw_labels(axes, points, _labels(report, summary), colours)


def _labels(report: Report, summary: Summary) -> list[str]:
    """Titles of the codecs, and how many rasters they took if not all."""
    return [
        report.title(mean.codec)
        + (f" ({mean.took} of {summary.rasters})" if mean.took < summary.rasters else "")
        for mean in summary.means
    ]


def _set_limits(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """Room for labels around the points; ticks at round numbers."""
    speeds, sizes = zip(*points, strict=True)
    axes.set_xlim(min(speeds) / 1.8, max(speeds) * 1.8)
    axes.set_ylim(min(sizes) / 1.1, max(sizes) * 1.1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
        axis.set_minor_locator(LogLocator(subs=(1,)))


def _draw_labels(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    colours: Sequence[str],
) -> None:
    transform = axes.transData
    pixels = [tuple(map(float, transform.transform(point))) for point in points]
    drawn = [
        axes.text(*point, text, fontsize=8, color=colour, zorder=3, bbox=PLATE)
        for point, text, colour in zip(points, texts, colours, strict=True)
    ]
    extents = [text.get_window_extent() for text in drawn]
    sizes = [(extent.width, extent.height) for extent in extents]
    frame = axes.get_window_extent()
    inner = Box(frame.x0 + 2, frame.y0 + 2, frame.x1 - 2, frame.y1 - 2)
    places = place_labels([(x, y) for x, y in pixels], sizes, inner, RADIUS)
    back = transform.inverted()
    for text, extent, place, pixel in zip(drawn, extents, places, pixels, strict=True):
        anchor = transform.transform(text.get_position())
        shift = place.box.left - extent.x0, place.box.bottom - extent.y0
        text.set_position(tuple(back.transform((anchor[0] + shift[0], anchor[1] + shift[1]))))
        if place.far:
            end = back.transform(_nearest(place, pixel))
            start = back.transform(pixel)
            axes.plot(
                [start[0], end[0]], [start[1], end[1]], color="#bbbbbb", linewidth=0.6, zorder=1.2
            )


def _nearest(place: Place, pixel: Sequence[float]) -> tuple[float, float]:
    """The point of a label's edge that is nearest to its dot."""
    box = place.box
    x = min(max(pixel[0], box.left), box.right)
    y = min(max(pixel[1], box.bottom), box.top)
    return x, y
