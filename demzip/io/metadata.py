"""Georeference <-> rasterio dataset."""

from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import rasterio
from rasterio.control import GroundControlPoint as RasterioPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, OverviewResampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, DatasetWriter, MemoryFile
from rasterio.rpc import RPC
from rasterio.transform import Affine

from demzip.errors import UnsupportedError
from demzip.io.crs import crs_text, geotiff_crs, parse_crs
from demzip.io.masks import has_mask
from demzip.io.nodata import nodata_to_create, read_nodata
from demzip.io.quiet import without_warnings
from demzip.raster.georeference import Band, Georeference, GroundControlPoint, Tags

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
# Colours that a GeoTIFF's first band, or another one, has anyway or cannot have without a table.
PLAIN_FIRST = ("gray", "grey", "undefined", "palette")
PLAIN = ("undefined", "palette")
# Namespaces that describe the file and not what is in it, some by its name.
OF_THE_FILE = ("IMAGE_STRUCTURE", "DERIVED_SUBDATASETS", "SUBDATASETS")
JSON = "json:"  # a text without "=" there lets rasterio 1.4 crash
ARGUMENTS = ("bidx", "ns")  # of update_tags: no tag can have such a name
BLACK = (0, 0, 0, 255)  # of values beyond a colour table
OVERVIEW_NAMES = {name.replace("_", ""): name for name in OverviewResampling.__members__}
MAX_FACTOR = 1 << 24
POINT = {"AREA_OR_POINT": "Point"}


def read_georeference(dataset: DatasetReader) -> Georeference:
    """All metadata that rasterio gives of a dataset.

    What is not read: how the file is laid out (compression, tiles, interleaving; IMAGE_STRUCTURE),
    names of subdatasets, samples of overviews (only their factors), masks that single bands of
    several have, colour profiles, JSON domains, tags in domains that GDAL does not list.

    What is read, but does not come back from a GeoTIFF: names of ground control points (they are
    numbered), these points beside a transform, a CRS beside these points, digits of RPCs beyond
    the 15th, alpha of colour tables, tables of bands other than the first and of dtypes other than
    uint8 and uint16, no-data values where bands have different ones or the dtype does not hold
    them, some colour interpretations, tags called "ns" or "bidx", XML without "=";
    `differences` tells these after writing.

    Raises:
        UnsupportedError: A text of the dataset is not UTF-8.

    """
    transform = tuple(float(value) for value in dataset.transform[:6])
    try:
        points, points_crs = dataset.gcps
        return Georeference(
            crs=crs_text(dataset.crs) if dataset.crs else None,
            transform=None if transform == IDENTITY else transform,
            gcps=tuple(_point(point) for point in points),
            gcps_crs=crs_text(points_crs) if points and points_crs else None,
            tags=_tags(dataset, 0),
            mask=has_mask(dataset),
            overviews=_factors(dataset),
            overview_resampling=_resampling(dataset),
            bands=tuple(
                _band(dataset, number, nodata)
                for number, nodata in enumerate(read_nodata(dataset), 1)
            ),
        )
    except UnicodeDecodeError as error:
        raise UnsupportedError(
            f"{dataset.name}: a unit, description or tag is not UTF-8 ({error.object[:40]!r})"
        ) from error


def _point(point: RasterioPoint) -> GroundControlPoint:
    row, col, x, y, z = (float(n or 0) for n in (point.row, point.col, point.x, point.y, point.z))
    return GroundControlPoint(row, col, x, y, z, point.id or "", point.info or "")


def _tags(dataset: DatasetReader, number: int) -> Tags:
    """Of the dataset (0) or a band, without empty namespaces."""
    found = {"": dict(dataset.tags(number))}
    for space in dataset.tag_namespaces(number):
        if space not in OF_THE_FILE and not space.startswith(JSON):
            found[space] = dict(dataset.tags(number, ns=space))
    return {space: table for space, table in found.items() if table}


def _factors(dataset: DatasetReader) -> tuple[int, ...]:
    found = dict.fromkeys(int(factor) for factor in dataset.overviews(1))
    return tuple(factor for factor in found if 2 <= factor <= MAX_FACTOR)


def _resampling(dataset: DatasetReader) -> str | None:
    """GDAL notes it in the overviews that it makes."""
    if not dataset.overviews(1):
        return None
    with (
        suppress(RasterioError),
        without_warnings(),
        rasterio.open(dataset.name, overview_level=0) as first,
    ):
        name = first.tags(1).get("RESAMPLING", "").lower()
        return OVERVIEW_NAMES.get(name.replace("_", ""))
    return None


def _band(dataset: DatasetReader, number: int, nodata: float | None) -> Band:
    place = number - 1
    color = dataset.colorinterp[place].name
    table = None
    with suppress(ValueError):  # there is none
        table = [tuple(row) for row in dataset.colormap(number).values()]
        while table and table[-1] == BLACK:
            table.pop()
    return Band(
        nodata=nodata,
        units=dataset.units[place] or None,
        description=dataset.descriptions[place] or None,
        scale=float(dataset.scales[place]),
        offset=float(dataset.offsets[place]),
        color_interpretation=None if color in (PLAIN if place else PLAIN_FIRST) else color,
        tags=_tags(dataset, number),
        color_table=None if table is None else tuple(table),
    )


def rpcs(georeference: Georeference) -> RPC | None:
    """Rational polynomial coefficients as rasterio gives them; None if there are none."""
    found = georeference.tags.get("RPC")
    try:
        return RPC.from_gdal(found) if found else None
    except (KeyError, ValueError):
        return None


def creation_metadata(georeference: Georeference, dtype: str) -> dict[str, Any]:
    """The part that rasterio.open takes when a file is made: count, crs, transform, nodata."""
    found: dict[str, Any] = {"count": len(georeference.bands)}
    if georeference.crs is not None:
        found["crs"] = parse_crs(georeference.crs)
    if georeference.transform is not None:
        found["transform"] = Affine(*georeference.transform)
    nodata = nodata_to_create(georeference, dtype)
    if nodata is not None:
        found["nodata"] = nodata
    return found


def write_rest(dataset: DatasetWriter, georeference: Georeference) -> None:
    """The part that is set on an open dataset; to be called before samples are written."""
    bands = georeference.bands
    for space, table in georeference.tags.items():
        _write_tags(dataset, 0, space, table)
    for number, band in enumerate(bands, 1):
        for space, table in band.tags.items():
            _write_tags(dataset, number, space, table)
        if band.units is not None:
            dataset.set_band_unit(number, band.units)
        if band.description is not None:
            dataset.set_band_description(number, band.description)
    if any((band.scale, band.offset) != (1.0, 0.0) for band in bands):
        dataset.scales = tuple(band.scale for band in bands)
        dataset.offsets = tuple(band.offset for band in bands)
    _write_points(dataset, georeference)
    _write_colors(dataset, georeference)


def _write_tags(dataset: DatasetWriter, number: int, space: str, table: dict[str, str]) -> None:
    if space in OF_THE_FILE:
        return
    if space.startswith("xml:"):  # one text, that rasterio takes only in two parts around a "="
        name, equals, rest = table.get(space, "").partition("=")
        table = {name: rest} if equals else {}
    writable = {name: text for name, text in table.items() if name not in ARGUMENTS}
    if writable:
        dataset.update_tags(number, ns=space or None, **writable)


def _write_points(dataset: DatasetWriter, georeference: Georeference) -> None:
    if not georeference.gcps or georeference.transform is not None:
        return  # a GeoTIFF has one or the other
    crs = CRS()
    if georeference.gcps_crs is not None:
        crs, _ = geotiff_crs(parse_crs(georeference.gcps_crs))
    shift = _shift() if POINT.items() <= georeference.tags.get("", {}).items() else 0.0
    points = [
        RasterioPoint(row - shift, col - shift, x, y, z, name, info)
        for row, col, x, y, z, name, info in georeference.gcps
    ]
    dataset.gcps = (points, crs)


@cache
def _shift() -> float:
    """How far GDAL moves ground control points of a GeoTIFF whose AREA_OR_POINT is Point."""
    points = [RasterioPoint(row, col, row, col, 0.0) for row, col in ((0, 0), (0, 9), (9, 0))]
    with without_warnings(), MemoryFile() as memory:
        with memory.open(driver="GTiff", width=9, height=9, count=1, dtype="uint8") as dataset:
            dataset.update_tags(**POINT)
            dataset.gcps = (points, CRS.from_epsg(4326))
        with memory.open() as dataset:
            return float(dataset.gcps[0][0].row)


def _write_colors(dataset: DatasetWriter, georeference: Georeference) -> None:
    first = georeference.bands[0]
    names = [band.color_interpretation or "undefined" for band in georeference.bands]
    if first.color_interpretation is None:
        names[0] = "gray"
    wanted = tuple(ColorInterp.__members__.get(name, ColorInterp.undefined) for name in names)
    if wanted != dataset.colorinterp:
        dataset.colorinterp = wanted
    table = first.color_table
    if (
        table is not None
        and dataset.dtypes[0] in ("uint8", "uint16")
        and all(0 <= part <= 255 for row in table for part in row)
    ):
        dataset.write_colormap(1, dict(enumerate(table)) or {0: BLACK})


def differences(stored: Georeference, original: Georeference) -> list[str]:
    """What differs, in words: "units: 'm' instead of 'ft'"; empty if nothing does.

    Texts of a CRS that differ (another PROJ writes other words) are compared by their meaning, and
    so are RPCs.
    """
    same: dict[str, Any] = {}
    for name in ("crs", "gcps_crs"):
        mine, theirs = getattr(stored, name), getattr(original, name)
        if mine != theirs and mine and theirs and parse_crs(mine) == parse_crs(theirs):
            same[name] = mine
    mine, theirs = (_numbers(about.tags.get("RPC")) for about in (stored, original))
    if mine and mine == theirs:
        same["tags"] = original.tags | {"RPC": stored.tags["RPC"]}
    if None in (stored.overview_resampling, original.overview_resampling):
        same["overview_resampling"] = stored.overview_resampling  # one does not say
    return stored.differences(replace(original, **same))


def _numbers(table: dict[str, str] | None) -> dict[str, list[float]] | None:
    """RPCs, whose "1.50" may come back as "1.5"; None if there is something else among them."""
    try:
        return {name: [float(n) for n in text.split()] for name, text in (table or {}).items()}
    except ValueError:
        return None
