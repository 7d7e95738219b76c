"""Georeference to bytes: JSON, deflated with a preset dictionary (docs/format.md section 3.4)."""

import json
import math
import sys
import zlib
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from demzip.container.dictionary import WORDS
from demzip.errors import CorruptError, UnsupportedError
from demzip.raster.georeference import Band, Georeference, GroundControlPoint

SPECIAL_NUMBERS = ("nan", "inf", "-inf")
MAX_FLOAT = int(sys.float_info.max)  # integers of hundreds of digits are no doubles
MAX_TEXT = 1 << 23  # bytes of JSON; more is taken for a decompression bomb
MAX_FACTOR = 1 << 24  # of overviews: as long as a side can be
MAX_COLORS = 1 << 16
JSON_NAMES = {"tags": "band_tags"}  # of a band's fields, where they are others


def write_metadata(georeference: Georeference) -> bytes:
    """Raw deflate stream of the fields that differ from their defaults; empty if none does.

    What all bands have in common is stored once.

    Raises:
        UnsupportedError: They are more than a file can hold.

    """
    bands = [_band_members(band) for band in georeference.bands]
    shared = {
        name: value
        for name, value in bands[0].items()
        if all(repr(band.get(name)) == repr(value) for band in bands)
    }
    own = [{name: band[name] for name in band if name not in shared} for band in bands]
    members = _members(georeference, Georeference())
    members.pop("bands", None)
    members |= shared
    if any(own):
        members["bands"] = own
    if not members:
        return b""
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
    if len(text) > MAX_TEXT:
        raise UnsupportedError(f"metadata of {len(text)} bytes; {MAX_TEXT} can be stored")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=WORDS)
    return packer.compress(text) + packer.flush()


def _band_members(band: Band) -> dict[str, Any]:
    return {JSON_NAMES.get(name, name): value for name, value in _members(band, Band()).items()}


def _members(record: Band | Georeference, default: Band | Georeference) -> dict[str, Any]:
    values = {item.name: _json(getattr(record, item.name)) for item in fields(record)}
    plain = {item.name: _json(getattr(default, item.name)) for item in fields(record)}
    return {name: value for name, value in values.items() if repr(value) != repr(plain[name])}


def _json(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """JSON has no tuples, no NaN and no infinities; the latter travel as text."""
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(float(value))
    return value


def read_metadata(data: bytes, bands: int = 1) -> Georeference:
    """Inverse of write_metadata.

    Args:
        data: The bytes.
        bands: Of the raster, at least 1.

    Raises:
        CorruptError: The bytes do not describe a georeference of so many bands.

    """
    if not data:
        return Georeference(bands=(Band(),) * bands)
    unpacker = zlib.decompressobj(-15, zdict=WORDS)
    try:
        text = unpacker.decompress(data, MAX_TEXT).decode("utf-8")
        members = json.loads(text, parse_constant=_refuse)
        json.dumps(members, ensure_ascii=False).encode("utf-8")
    except (zlib.error, ValueError, RecursionError) as error:
        raise CorruptError(f"metadata cannot be read ({error})") from error
    if not unpacker.eof or unpacker.unused_data or not isinstance(members, dict):
        raise CorruptError("metadata is incomplete or too long")
    found = _parsed(members, RASTER_MEMBERS)
    return Georeference(**found, bands=_bands(members, bands))


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")


def _bands(members: dict[str, Any], count: int) -> tuple[Band, ...]:
    shared, own = _parsed(members, BAND_MEMBERS), members.get("bands")
    if own is None:
        return (Band(**shared),) * count
    if not isinstance(own, list) or not all(isinstance(band, dict) for band in own):
        raise CorruptError("metadata: bands is not a list of objects")
    if len(own) != count:
        raise CorruptError(f"metadata: bands are {len(own)} instead of {count}")
    return tuple(Band(**(shared | _parsed(band, BAND_MEMBERS))) for band in own)


Parser = Callable[[Any, str], Any]


def _parsed(members: dict[str, Any], known: dict[str, tuple[str, Parser]]) -> dict[str, Any]:
    """Arguments of Band or Georeference from the members that are there."""
    return {
        field: parse(members[name], name)
        for name, (field, parse) in known.items()
        if name in members
    }


def _text(value: object, name: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise CorruptError(f"metadata: {name} is not text")
    return value


def _tags(value: object, name: str) -> dict[str, dict[str, str]]:
    spaces = list(value.values()) if isinstance(value, dict) else [None]
    for table in spaces:
        if not isinstance(table, dict) or not all(isinstance(x, str) for x in table.values()):
            raise CorruptError(f"metadata: {name} is not a table of tables of texts")
    return value  # type: ignore[return-value]  # checked above, which mypy cannot follow


def _number(value: object, name: str) -> float:
    if isinstance(value, str) and value in SPECIAL_NUMBERS:
        return float(value)
    if isinstance(value, bool):
        value = None
    if isinstance(value, int | float) and abs(value) <= MAX_FLOAT:
        return float(value)
    raise CorruptError(f"metadata: {str(value)[:40]!r} in {name} is not a number")


def _nodata(value: object, name: str) -> float | None:
    if value is None:
        return None
    number = _number(value, name)
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 64 and number != value:
        return value  # of an int64 or uint64 raster, and no double
    return number


def _transform(value: object, name: str) -> tuple[float, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 6:
        raise CorruptError("metadata: the transform does not have 6 numbers")
    return tuple(_number(number, name) for number in value)


def _points(value: object, name: str) -> tuple[GroundControlPoint, ...]:
    if not isinstance(value, list):
        raise CorruptError(f"metadata: {name} is not a list")
    found = []
    for point in value:
        texts = point[5:] if isinstance(point, list) else []
        if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
            raise CorruptError(f"metadata: {name} are not 5 numbers and 2 texts each")
        row, col, x, y, z = (_number(number, name) for number in point[:5])
        found.append(GroundControlPoint(row, col, x, y, z, *texts))
    return tuple(found)


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise CorruptError(f"metadata: {name} is neither true nor false")
    return value


def _integers(value: object, name: str, low: int, high: int) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(
        type(number) is int and low <= number <= high for number in value
    ):
        raise CorruptError(f"metadata: {name} is not a list of integers {low} .. {high}")
    return tuple(value)


def _factors(value: object, name: str) -> tuple[int, ...]:
    found = _integers(value, name, 2, MAX_FACTOR)
    if len(set(found)) != len(found):
        raise CorruptError(f"metadata: {name} has a factor twice")
    return found


def _color_table(value: object, name: str) -> tuple[tuple[int, ...], ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MAX_COLORS:
        raise CorruptError(f"metadata: {name} is not a list of at most {MAX_COLORS} rows")
    rows = tuple(_integers(row, name, -(1 << 15), (1 << 15) - 1) for row in value)
    if not all(len(row) == 4 for row in rows):
        raise CorruptError(f"metadata: {name} does not have 4 integers in each row")
    return rows


# Name of a member: field of the record, and what makes its value.
RASTER_MEMBERS: dict[str, tuple[str, Parser]] = {
    "crs": ("crs", _text),
    "transform": ("transform", _transform),
    "gcps": ("gcps", _points),
    "gcps_crs": ("gcps_crs", _text),
    "tags": ("tags", _tags),
    "mask": ("mask", _flag),
    "overviews": ("overviews", _factors),
    "overview_resampling": ("overview_resampling", _text),
}
BAND_MEMBERS: dict[str, tuple[str, Parser]] = {
    "nodata": ("nodata", _nodata),
    "units": ("units", _text),
    "description": ("description", _text),
    "scale": ("scale", _number),
    "offset": ("offset", _number),
    "color_interpretation": ("color_interpretation", _text),
    "band_tags": ("tags", _tags),
    "color_table": ("color_table", _color_table),
}
