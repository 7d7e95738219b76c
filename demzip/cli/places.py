"""What the commands that ask a raster about places share."""

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from demzip.cli.console import data, say
from demzip.cli.points import is_number
from demzip.errors import OptionsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from demzip.terrain.terrain import Terrain

NEGATIVE = re.compile(r"-(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
DEFAULT_METHOD = "bilinear"  # that of demzip.surface, which takes long to import
ALL = "all"  # methods
PLAIN = 1.0  # elevations below it get significant digits
HALF_TURN = 180.0  # degrees
LON_LAT = "EPSG:4326"
ON_EARTH, ON_MAP = 7, 3  # decimals of coordinates: a centimetre, a millimetre

Asked = tuple[list[float], list[float], str | None]  # x, y, their CRS
Crs = Annotated[
    str | None,
    typer.Option(
        "--crs",
        metavar="CRS",
        help="Of the coordinates, such as EPSG:4326; by default the raster's own.",
    ),
]
Method = Annotated[
    str,
    typer.Option(
        "--method", "-m", metavar="METHOD",
        help="Of interpolation; demzip sample --methods lists them.",
    ),
]  # fmt: skip
MethodOrAll = Annotated[
    str,
    typer.Option(
        "--method", "-m", metavar="METHOD",
        help="Of interpolation, or all; demzip sample --methods lists them.",
    ),
]  # fmt: skip
Band = Annotated[int, typer.Option(metavar="N", help="Band, from 1 on.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Write CSV.")]
AsGeojson = Annotated[
    bool, typer.Option("--geojson", help="Write GeoJSON, in longitudes and latitudes of WGS 84.")
]


class PlaceCommand(TyperCommand):
    """Takes negative coordinates for what they are, not for options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  as in app.py
        """Shield negative numbers by a blank, which float() and int() pass over."""
        shielded = [f" {word}" if NEGATIVE.fullmatch(word) else word for word in args]
        return super().parse_args(ctx, shielded)


def coordinate(text: str, name: str) -> float:
    """A coordinate of the command line.

    Raises:
        OptionsError: It is no finite number.

    """
    if not is_number(text.strip()):
        raise OptionsError(f"{name} {text.strip()!r}: it must be a number")
    return float(text)


def check_method_or_all(name: str) -> None:
    """Refuse names that are neither a method's nor ALL.

    Raises:
        OptionsError: It is such a name; the message lists what there is.

    """
    from demzip.surface.methods import check_method

    try:
        if name != ALL:
            check_method(name)
    except OptionsError as error:
        raise OptionsError(f"{error}, or {ALL}") from error


def refuse_all(name: str) -> None:
    """Refuse ALL where one method is needed.

    Raises:
        OptionsError: It is ALL.

    """
    if name == ALL:
        raise OptionsError(
            f"--method {ALL} is for demzip sample and demzip los; choose one here, demzip sample "
            "--methods lists them"
        )


def one_form(**forms: bool) -> str | None:
    """The one of these options that is given; None if none is.

    Raises:
        OptionsError: More than one is.

    """
    given = [name for name, wanted in forms.items() if wanted]
    if len(given) > 1:
        raise OptionsError(f"--{' and --'.join(given)} are both for standard output; choose one")
    return given[0] if given else None


def height_text(value: float) -> str:
    """An elevation for people: to 0.1 mm, whole numbers as such."""
    if value.is_integer():
        return f"{value:.0f}"
    if abs(value) < PLAIN:
        return f"{value:.6g}"
    return f"{value:.4f}".rstrip("0").rstrip(".")


def exact(value: float) -> str:
    """A number with all its digits; nothing for NaN."""
    return "" if math.isnan(value) else repr(value).removesuffix(".0")


def or_none(value: float) -> float | None:
    """A number for JSON."""
    return None if math.isnan(value) else value


def decimals(crs: object | None) -> int:
    """Decimals of coordinates for people."""
    from demzip.terrain.ground import Ground

    return ON_EARTH if Ground(crs).is_geographic else ON_MAP


def show_table(titles: list[str], rows: Iterable[list[str]]) -> None:
    """Columns of numbers, aligned at the right."""
    lines = [titles, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        data("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))


def say_where(terrain: "Terrain") -> None:
    """Say what coordinates mean in a raster that lies nowhere."""
    from demzip.terrain.places import what_is_missing

    missing = what_is_missing(terrain)
    if missing is not None:
        say(f"note: {terrain.name}: {missing}")


def say_unit(name: str, unit: float) -> None:
    """Say so where elevations of a raster, `unit` metres each, are shown as metres."""
    if unit != 1:
        say(f"note: {name}: its elevations are in units of {unit:.7g} m; heights here are metres")


def say_missing(terrain: "Terrain", outside: int, voids: int, count: int, asked: Asked) -> None:
    """Say how many points have no elevation, and what may be the matter if all are outside."""
    if outside:
        say(f"note: {terrain.name}: {outside} of {count} points lie outside the raster")
    if outside == count:
        from demzip.terrain.places import bounds

        west, south, east, north = bounds(terrain)
        say(f"note: {terrain.name}: its own x are {west:.10g} to {east:.10g}, its y {south:.10g} "
            f"to {north:.10g}{_mistaken(terrain, *asked)}")  # fmt: skip
    if voids:
        say(f"note: {terrain.name}: {voids} of {count} points lie in voids or beside them")


def _mistaken(terrain: "Terrain", x: list[float], y: list[float], crs: str | None) -> str:
    """What would bring points onto the raster that lie outside; nothing if nothing is found."""
    if _all_inside(terrain, y, x, crs):
        return "; exchanged they lie inside: x is the longitude (easting), y the latitude"
    degrees = max(map(abs, x)) <= HALF_TURN and max(map(abs, y)) <= HALF_TURN / 2
    if crs is None and terrain.crs and degrees and _all_inside(terrain, x, y, LON_LAT):
        return f"; as longitudes and latitudes they lie inside: add --crs {LON_LAT}"
    return ""


def _all_inside(terrain: "Terrain", x: list[float], y: list[float], crs: str | None) -> bool:
    try:
        return bool(terrain.inside(*terrain.positions(x, y, crs)).all())
    except OptionsError:  # no way from one CRS to the other: the moon has none to the earth
        return False


def lon_lat(
    terrain: "Terrain", x: "NDArray[np.float64]", y: "NDArray[np.float64]", crs: str | None
) -> list[tuple[float, float] | None]:
    """Coordinates for GeoJSON, None where there are none; as they are where there is no CRS."""
    import numpy as np

    from demzip.terrain.crs import WGS84, move, parse

    source = crs or terrain.crs
    if source is None:
        say(f"note: {terrain.name}: the raster has no CRS; its coordinates are written, which "
            "GeoJSON takes for longitude and latitude")  # fmt: skip
    else:
        x, y = move(parse(source), parse(WGS84), x, y)
        turned = np.remainder(x + HALF_TURN, 2 * HALF_TURN) - HALF_TURN
        x = np.where(np.abs(x) > HALF_TURN, turned, x)
    pairs = zip(np.round(x, 9).tolist(), np.round(y, 9).tolist(), strict=True)
    return [(lon, lat) if math.isfinite(lon + lat) else None for lon, lat in pairs]


def feature(place: tuple[float, float] | None, properties: dict[str, Any]) -> dict[str, Any]:
    """A point of GeoJSON."""
    geometry = None if place is None else {"type": "Point", "coordinates": list(place)}
    return {"type": "Feature", "geometry": geometry, "properties": properties}
