"""Coordinate reference systems: stored texts, and the form in which a GeoTIFF keeps one whole."""

from collections.abc import Iterator
from contextlib import suppress

import rasterio
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.io import MemoryFile

from demzip.errors import CorruptError
from demzip.io.quiet import without_warnings

WKT = "WKT2_2019"


def crs_text(crs: CRS) -> str:
    """The text that is stored."""
    return str(crs.to_wkt(version=WKT))


def parse_crs(wkt: str) -> CRS:
    """Rasterio's object for a stored text.

    Raises:
        CorruptError: PROJ does not understand it.

    """
    try:
        with rasterio.Env():  # or GDAL would say what it thinks on stderr
            return CRS.from_wkt(wkt)
    except CRSError as error:
        raise CorruptError(f"metadata: the CRS cannot be read ({error})") from error


def geotiff_crs(crs: CRS) -> tuple[CRS, dict[str, str]]:
    """The form of a CRS that comes back from a GeoTIFF as it was, with its creation options.

    GeoTIFF stores keys, not a text, and which keys GDAL writes depends on how the CRS was put:
    some compound systems come back only from a WKT1 text or their EPSG code, others only with
    Esri's text beside the keys. The forms are tried on a file of one sample in memory.
    """
    wanted, same = crs_text(crs), None
    for form, options in _forms(crs):
        found = _from_geotiff(form, options)
        if found is None:
            continue
        if crs_text(found) == wanted:
            return form, options
        if same is None and found == crs:
            same = form, options
    return same or (crs, {})


def _forms(crs: CRS) -> Iterator[tuple[CRS, dict[str, str]]]:
    yield crs, {}
    with suppress(CRSError):  # not every CRS has a WKT1 form
        yield CRS.from_wkt(crs.to_wkt()), {}
    authority = crs.to_authority()
    if authority is not None:
        coded = CRS.from_authority(*authority)
        if coded == crs:
            yield coded, {}
    yield crs, {"geotiff_keys_flavor": "ESRI_PE"}


def _from_geotiff(crs: CRS, options: dict[str, str]) -> CRS | None:
    with without_warnings(), MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=1, height=1, count=1, dtype="uint8", crs=crs, **options
        ):
            pass
        with memory.open() as dataset:
            return dataset.crs
