"""Georeference <-> rasterio dataset."""

from typing import Any

from rasterio.dtypes import in_dtype_range
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.transform import Affine

from demzip.io.crs import crs_text, parse_crs
from demzip.raster.georeference import Georeference

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
# What a GeoTIFF of one band has anyway, or cannot have without a colour table.
PLAIN_COLORS = ("gray", "grey", "undefined", "palette")


def read_georeference(dataset: DatasetReader) -> Georeference:
    """Metadata of band 1 of a rasterio dataset.

    The tags are those of GDAL's default domain, AREA_OR_POINT among them; masks, ground control
    points, RPCs, colour tables and other domains are not read.
    """
    transform = tuple(float(value) for value in dataset.transform[:6])
    color = dataset.colorinterp[0].name
    return Georeference(
        crs=crs_text(dataset.crs) if dataset.crs else None,
        transform=None if transform == IDENTITY else transform,
        nodata=None if dataset.nodata is None else float(dataset.nodata),
        units=dataset.units[0] or None,
        description=dataset.descriptions[0] or None,
        scale=float(dataset.scales[0]),
        offset=float(dataset.offsets[0]),
        color_interpretation=None if color in PLAIN_COLORS else color,
        tags=dict(dataset.tags()),
        band_tags=dict(dataset.tags(1)),
    )


def creation_metadata(georeference: Georeference, dtype: str) -> dict[str, Any]:
    """The part that rasterio.open takes when a file is made: crs, transform, nodata."""
    found: dict[str, Any] = {}
    if georeference.crs is not None:
        found["crs"] = parse_crs(georeference.crs)
    if georeference.transform is not None:
        found["transform"] = Affine(*georeference.transform)
    if georeference.nodata is not None and in_dtype_range(georeference.nodata, dtype):
        found["nodata"] = georeference.nodata
    return found


def write_rest(dataset: DatasetWriter, georeference: Georeference) -> None:
    """The part that is set on an open dataset; to be called before samples are written."""
    if georeference.tags:
        dataset.update_tags(**georeference.tags)
    if georeference.band_tags:
        dataset.update_tags(1, **georeference.band_tags)
    if georeference.units is not None:
        dataset.set_band_unit(1, georeference.units)
    if georeference.description is not None:
        dataset.set_band_description(1, georeference.description)
    if (georeference.scale, georeference.offset) != (1.0, 0.0):
        dataset.scales = (georeference.scale,)
        dataset.offsets = (georeference.offset,)
    if georeference.color_interpretation is not None:
        color = getattr(ColorInterp, georeference.color_interpretation, None)
        if color is not None:
            dataset.colorinterp = (color,)


def differences(stored: Georeference, original: Georeference) -> list[str]:
    """What differs, in words: "units: 'm' instead of 'ft'"; empty if nothing does.

    Texts of a CRS that differ (another PROJ writes other words) are compared by their meaning.
    """
    found = []
    for name in stored.differences(original):
        mine, theirs = getattr(stored, name), getattr(original, name)
        if name == "crs":
            if mine and theirs and parse_crs(mine) == parse_crs(theirs):
                continue
            found.append("the CRS")
        elif isinstance(mine, dict):
            found += [
                f"{name} {key}: {mine.get(key)!r} instead of {theirs.get(key)!r}"
                for key in sorted(mine.keys() | theirs.keys())
                if mine.get(key) != theirs.get(key)
            ]
        else:
            found.append(f"{name}: {mine!r} instead of {theirs!r}")
    return found
