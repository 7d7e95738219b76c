"""What all pictures share: style, files, and maps with coordinates, a scale bar and voids."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray
from rasterio.transform import Affine

from demzip.errors import DemzipError
from demzip.io.files import PathLike, reason, replacing
from demzip.terrain.crs import parse
from demzip.terrain.places import is_placeless
from demzip.terrain.relief import is_turned
from demzip.terrain.terrain import Terrain

FONT = "DejaVu Sans"
NARROWER = f"'{FONT}', Verdana, sans-serif"  # for readers who lack it
STYLE: Any = {
    "svg.hashsalt": "demzip",  # the same picture gives the same file
    "svg.fonttype": "none",  # letters, not their outlines
    "font.family": FONT,
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "image.interpolation": "nearest",
    "image.resample": True,
}
DPI = 150
WIDTH = 7.0  # inches of a map
TALLEST, FLATTEST = 1.6, 0.3  # heights of a map over its width
SIDE = 1000  # cells at the longer side of a map; larger rasters are reduced
NO_UNIT = "no unit given"
VOID = "#d5dce2"
INK, PALE = "#222222", "#666666"
BAR_SHARE = 0.25  # of a map's width, at most
BAR_PARTS = 4
UNIT_SIGNS = {"metre": "m", "meter": "m", "foot": "ft", "US survey foot": "US ft"}
SAME_SCALE = 0.02  # by which the scale may differ within a map of one scale bar


@dataclass(frozen=True)
class Frame:
    """Where a map lies.

    Attributes:
        extent: x of its left and right, y of its lower and upper edge: of row 0 the upper one.
        size: Rows and columns of the raster.
        aspect: Length of a unit of y over that of x.
        metres: Of a unit of x in the middle of the map; None where nothing says so.
        labels: Of both axes.
        degrees: Whether x and y are degrees of longitude and latitude.
        place: The CRS in words.
        where: Where the scale bar holds, if that matters.

    """

    extent: tuple[float, float, float, float]
    size: tuple[int, int]
    aspect: float
    metres: float | None
    labels: tuple[str, str]
    degrees: bool
    place: str
    where: str

    @property
    def ratio(self) -> float:
        """Height over width on paper, within what a page can take."""
        left, right, lower, upper = self.extent
        shape = abs(upper - lower) * self.aspect / abs(right - left)
        return min(max(shape, FLATTEST), TALLEST)


def frame_of(terrain: Terrain) -> Frame:
    """Where a raster lies.

    Rasters without a CRS have no scale; those without a transform too, and those whose rows do not
    run along the axes of their CRS, are drawn in columns and rows.
    """
    rows, cols = terrain.shape
    t, ground = terrain.transform, terrain.ground
    across, down = ground.cell_size(t, *_point(t, cols / 2, rows / 2))
    known = terrain.crs is not None and across > 0 and np.isfinite([across, down]).all()
    crs = parse(terrain.crs) if terrain.crs is not None else None
    code = crs.to_authority() if crs is not None else None
    place = "no CRS" if crs is None else crs.name + (f" ({':'.join(code)})" if code else "")
    if is_placeless(terrain) or is_turned(terrain):
        metres = across if known else None
        aspect = down / across if known else 1.0
        words = "rows do not run along the axes of" if known else "nothing says where it lies:"
        return Frame(
            (0.0, float(cols), float(rows), 0.0), terrain.shape, aspect, metres,
            ("column", "row"), False, f"{words} {place}", "",
        )  # fmt: skip
    metres = across / abs(t.a) if known else None
    aspect = down / abs(t.e) / (across / abs(t.a)) if known else 1.0
    degrees = ground.is_geographic and ground.unit == 1.0
    return Frame(
        (t.c, t.c + cols * t.a, t.f + rows * t.e, t.f), terrain.shape, aspect, metres,
        _labels(crs), degrees, place, _where(terrain, across) if known else "",
    )  # fmt: skip


def _point(transform: Affine, col: float, row: float) -> tuple[float, float]:
    """Coordinates of a place; the operator for it differs between versions of affine."""
    t = transform
    return t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f


def _labels(crs: Any) -> tuple[str, str]:  # noqa: ANN401  a CRS of pyproj, or None
    """Names of the axes with their units."""
    found = {"east": "x", "north": "y"}
    for axis in crs.axis_info if crs is not None else ():
        name = axis.name.lower().removeprefix("geodetic ")
        if axis.unit_name != "degree":
            name += f" ({UNIT_SIGNS.get(axis.unit_name, axis.unit_name)})"
        found[{"west": "east", "south": "north"}.get(axis.direction, axis.direction)] = name
    return found["east"], found["north"]


def _where(terrain: Terrain, across: float) -> str:
    """Latitude of the middle, if the scale at the map's edges is another one."""
    if not terrain.ground.is_geographic:
        return ""
    rows, cols = terrain.shape
    t = terrain.transform
    edges = [terrain.ground.cell_size(t, *_point(t, cols / 2, row))[0] for row in (0, rows)]
    if max(abs(edge / across - 1) for edge in edges) <= SAME_SCALE:
        return ""
    _, y = _point(t, cols / 2, rows / 2)
    return f" at {_degrees(y * terrain.ground.unit, 'N', 'S')}"


def _degrees(value: float, positive: str, negative: str) -> str:
    sign = "" if value == 0 else positive if value > 0 else negative
    return f"{abs(value):.7g}°{sign}"


def draw_image(
    axes: Axes, frame: Frame, values: NDArray[Any], factor: int, **options: Any  # noqa: ANN401  of imshow
) -> AxesImage:
    """Draw cells of factor x factor samples on axes with the raster's own coordinates."""
    left, right, lower, upper = frame.extent
    rows, cols = frame.size
    # The last cells may reach beyond the raster.
    wide, high = values.shape[1] * factor / cols, values.shape[0] * factor / rows
    whole = (left, left + wide * (right - left), upper + high * (lower - upper), upper)
    axes.set_facecolor(VOID)
    image = axes.imshow(values, extent=whole, origin="upper", aspect=frame.aspect, **options)
    axes.set_xlim(min(left, right), max(left, right))
    downwards = frame.labels == ("column", "row")
    axes.set_ylim(*((lower, upper) if downwards else (min(lower, upper), max(lower, upper))))
    return image


def dress(axes: Axes, frame: Frame, *, voids: bool, alone: bool = True) -> None:
    """Coordinates, the CRS, a scale bar and the key of the voids.

    Args:
        axes: With an image.
        frame: Where it lies.
        voids: Whether there are any.
        alone: Whether this is the only map, or the one of several that has all this.

    """
    for axis, signs in ((axes.xaxis, "EW"), (axes.yaxis, "NS")):
        axis.set_major_locator(MaxNLocator(5 if axis is axes.xaxis else 6, steps=[1, 2, 5, 10]))
        if frame.degrees:
            axis.set_major_formatter(
                FuncFormatter(lambda value, _, signs=signs: _degrees(value, *signs))
            )
        else:
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g}"))
    axes.tick_params(labelsize=8, color=PALE, direction="out", length=3)
    for spine in axes.spines.values():
        spine.set_color(PALE)
        spine.set_linewidth(0.8)
    axes.set_xlabel(frame.labels[0])
    axes.set_ylabel(frame.labels[1])
    if not alone:
        return
    notes = [frame.place, *(["scale unknown"] if frame.metres is None else [])]
    axes.text(
        0, 0, "; ".join(notes), transform=_below(axes, 44), fontsize=7.5, color=PALE, va="center"
    )
    if voids:
        key = Patch(facecolor=VOID, edgecolor=PALE, linewidth=0.6, label="no data")
        axes.legend(
            handles=[key], loc="center left", bbox_to_anchor=(0, 0), frameon=False,
            bbox_transform=_below(axes, 58), borderaxespad=0, borderpad=0, fontsize=7.5,
            handlelength=1.2, handleheight=0.8,
        )  # fmt: skip
    if frame.metres is not None:
        _draw_scale_bar(axes, frame)


def _below(axes: Axes, points: float) -> Any:  # noqa: ANN401  a transform of matplotlib
    """Places in shares of the map, so many points below it."""
    figure = axes.figure
    return axes.transAxes + ScaledTranslation(0, -points / 72, figure.dpi_scale_trans)


def bar_length(metres: float) -> float:
    """The longest of 1, 2, 5, 10, ... metres (or parts of them) that is no longer."""
    power = 10.0 ** np.floor(np.log10(metres))
    return float(max(step for step in (1, 2, 5) if step * power <= metres * (1 + 1e-9)) * power)


def _draw_scale_bar(axes: Axes, frame: Frame) -> None:
    """A bar at the lower right, below the map."""
    assert frame.metres is not None
    width = frame.metres * abs(frame.extent[1] - frame.extent[0])
    length = bar_length(BAR_SHARE * width)
    share = length / width
    place = _below(axes, 44)
    for part in range(BAR_PARTS):
        axes.add_patch(
            Rectangle(
                (1 - share + part * share / BAR_PARTS, 0), share / BAR_PARTS, 0.0,
                transform=place, clip_on=False, linewidth=4.5, capstyle="butt",
                edgecolor=INK if part % 2 == 0 else "#b8b8b8",
            )
        )  # fmt: skip
    words = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    axes.text(
        1 - share - 0.012, 0, words + frame.where, transform=place, ha="right", va="center",
        fontsize=8, color=INK,
    )  # fmt: skip


def draw_colour_bar(axes: Axes, image: AxesImage, words: str, extend: str = "neither") -> None:
    """A bar as high as the map, at its right."""
    room = axes.inset_axes((1.025, 0.0, 0.035, 1.0))
    bar = axes.figure.colorbar(image, cax=room, extend=extend)
    bar.set_label(words)
    room.tick_params(labelsize=8, color=PALE, length=3)


def new_figure(width: float, height: float) -> Figure:
    """A figure without Matplotlib's global state; inches."""
    return Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="compressed")


def title(axes: Axes, name: str, lines: Sequence[str]) -> None:
    """A name and what the picture shows of it, above a map."""
    axes.set_title(name, fontweight="bold", pad=7 + 12 * len(lines))
    axes.annotate(
        "\n".join(lines), (0, 1), (0, 5), xycoords="axes fraction", textcoords="offset points",
        fontsize=8, color=PALE, va="bottom", linespacing=1.25,
    )  # fmt: skip


def reduction(shape: tuple[int, int]) -> int:
    """Samples to a cell of a map, each way: 1 as long as every sample has room."""
    return -(-max(shape) // SIDE)


def size_words(frame: Frame, factor: int, how: str) -> str:
    """How large the raster is, and how it was reduced for the picture."""
    words = f"{frame.size[0]} x {frame.size[1]} samples"
    return words if factor == 1 else f"{words}; a cell is {factor} x {factor} samples, {how}"


def name_of(terrain: Terrain) -> str:
    """The file's name, without its folder."""
    return Path(terrain.name).name or terrain.name


def picture(figure: Figure, form: str, dpi: float = DPI) -> bytes:
    """The bytes of a picture: the same each time.

    Args:
        figure: Drawn.
        form: "svg" or "png".
        dpi: Dots to an inch of a "png".

    """
    out = io.BytesIO()
    with mpl.rc_context(STYLE):
        metadata = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(
            out, format=form, dpi=dpi, metadata=metadata, bbox_inches="tight", pad_inches=0.12
        )
    if form == "svg":
        return out.getvalue().replace(f"'{FONT}'".encode(), NARROWER.encode())
    return out.getvalue()


def save(
    figure: Figure, path: Path, src: PathLike, *, overwrite: bool, dpi: float = DPI
) -> None:
    """Write a picture, which appears whole or not at all; see check_picture.

    Raises:
        OptionsError: The output exists.
        DemzipError: It cannot be written.

    """
    data = picture(figure, path.suffix.lower().removeprefix("."), dpi)
    with replacing(path, src, overwrite=overwrite) as temporary:
        try:
            temporary.write_bytes(data)
        except OSError as error:
            raise DemzipError(f"{path}: cannot be written ({reason(error)})") from error
