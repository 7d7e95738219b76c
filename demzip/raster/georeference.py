"""Everything about a raster that is not its samples."""

from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

SHOWN = 80  # characters of a value in a message
NAMES = {
    "crs": "the CRS",
    "gcps": "the ground control points",
    "gcps_crs": "the CRS of the ground control points",
}
RgbaRow = tuple[int, int, int, int]
Tags = dict[str, dict[str, str]]


class GroundControlPoint(NamedTuple):
    """A place in the raster (row and col in cells, not whole) whose coordinates are known."""

    row: float
    col: float
    x: float
    y: float
    z: float = 0.0
    id: str = ""
    info: str = ""


@dataclass(frozen=True)
class Band:
    """Metadata of one band, in GDAL's terms.

    Attributes:
        nodata: Declared no-data value (may be NaN), or None; an int only where no float has that
            value (int64 and uint64 rasters).
        units: Of the values, or None.
        description: Of the band, or None.
        scale, offset: elevation = scale * value + offset.
        color_interpretation: GDAL's name, e.g. "red", or None for the default: gray or, with a
            colour table, palette for band 1, undefined for others.
        tags: By namespace, "" for GDAL's default domain: name to text.
        color_table: Rows of red, green, blue, alpha for values 0, 1, ...; values beyond it are
            (0, 0, 0, 255). None if the band has none.

    """

    nodata: float | None = None
    units: str | None = None
    description: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    color_interpretation: str | None = None
    tags: Tags = field(default_factory=dict)
    color_table: tuple[RgbaRow, ...] | None = None


@dataclass(frozen=True)
class Georeference:
    """Metadata of a raster, in GDAL's terms.

    Attributes:
        crs: WKT2:2019 text of the coordinate reference system, or None.
        transform: (a, b, c, d, e, f): x = a col + b row + c, y = d col + e row + f of a cell's
            north-west corner; None for the identity.
        gcps: Ground control points.
        gcps_crs: Like `crs`, of the coordinates of `gcps`.
        tags: By namespace, "" for GDAL's default domain (AREA_OR_POINT stands there), "RPC" for
            rational polynomial coefficients: name to text. An XML domain has one text, under its
            own name.
        mask: Whether the raster has a mask of its own, one plane of uint8 for all bands.
        overviews: Their factors, 2 .. 2**24, all different, in the raster's order.
        overview_resampling: Rasterio's name of how they were made, or None if it is not known.
        bands: One per band.

    """

    crs: str | None = None
    transform: tuple[float, ...] | None = None
    gcps: tuple[GroundControlPoint, ...] = ()
    gcps_crs: str | None = None
    tags: Tags = field(default_factory=dict)
    mask: bool = False
    overviews: tuple[int, ...] = ()
    overview_resampling: str | None = None
    bands: tuple[Band, ...] = field(default_factory=lambda: (Band(),))

    def with_nodata(self, nodata: float | None) -> "Georeference":
        """The same with this no-data value in all bands."""
        return replace(self, bands=tuple(replace(band, nodata=nodata) for band in self.bands))

    def differences(self, other: "Georeference") -> list[str]:
        """What differs, in words: "band 2 units: 'm' instead of 'ft'"; NaN equals NaN."""
        found = _differences(self, other, "", "tags")
        if len(self.bands) != len(other.bands):
            return [f"{len(self.bands)} bands instead of {len(other.bands)}", *found]
        for number, (mine, theirs) in enumerate(zip(self.bands, other.bands, strict=True), 1):
            place = f"band {number} " if len(self.bands) > 1 else ""
            found += _differences(mine, theirs, place, f"{place or 'band '}tags")
        return found


def _differences(
    mine: Band | Georeference, theirs: Band | Georeference, place: str, tags: str
) -> list[str]:
    found = []
    for name in (item.name for item in fields(mine) if item.name != "bands"):
        here, there = getattr(mine, name), getattr(theirs, name)
        if name == "tags":
            found += _tag_differences(here, there, tags)
        elif not _same(here, there):
            values = "" if name in NAMES else f": {_shown(here)} instead of {_shown(there)}"
            found.append(f"{place}{NAMES.get(name, name)}{values}")
    return found


def _tag_differences(mine: Tags, theirs: Tags, place: str) -> list[str]:
    found = []
    for space in sorted(mine.keys() | theirs.keys()):
        here, there = mine.get(space, {}), theirs.get(space, {})
        found += [
            f"{place} {f'{space} ' if space else ''}{key}: "
            f"{_shown(here.get(key))} instead of {_shown(there.get(key))}"
            for key in sorted(here.keys() | there.keys())
            if here.get(key) != there.get(key)
        ]
    return found


def _same(mine: object, theirs: object) -> bool:
    if isinstance(mine, tuple) and isinstance(theirs, tuple):
        return len(mine) == len(theirs) and all(map(_same, mine, theirs))
    both_nan = mine != mine and theirs != theirs  # noqa: PLR0124  NaN
    return mine == theirs or both_nan


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
