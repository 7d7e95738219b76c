"""Georeference to bytes: JSON, deflated with a preset dictionary (docs/format.md section 3.4)."""

import json
import math
import sys
import zlib
from dataclasses import asdict
from typing import Any

from demzip.container.dictionary import WORDS
from demzip.errors import CorruptError
from demzip.raster.georeference import Georeference

SPECIAL_NUMBERS = ("nan", "inf", "-inf")
MAX_FLOAT = int(sys.float_info.max)  # integers of hundreds of digits are no doubles
MAX_TEXT = 1 << 26  # bytes of JSON; more is taken for a decompression bomb


def write_metadata(georeference: Georeference) -> bytes:
    """Raw deflate stream of the fields that differ from their defaults; empty if none does."""
    default = asdict(Georeference())
    fields = {
        name: value for name, value in asdict(georeference).items() if value != default[name]
    }
    if not fields:
        return b""
    for name in ("nodata", "scale", "offset"):
        if name in fields:
            fields[name] = _json_number(fields[name])
    if "transform" in fields:
        fields["transform"] = [_json_number(value) for value in fields["transform"]]
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=WORDS)
    return packer.compress(text) + packer.flush()


def _json_number(value: float) -> float | str:
    """JSON has no NaN and no infinities; they travel as text."""
    return value if math.isfinite(value) else repr(value)


def read_metadata(data: bytes) -> Georeference:
    """Inverse of write_metadata.

    Raises:
        CorruptError: The bytes do not describe a georeference.

    """
    if not data:
        return Georeference()
    unpacker = zlib.decompressobj(-15, zdict=WORDS)
    try:
        text = unpacker.decompress(data, MAX_TEXT).decode("utf-8")
        fields = json.loads(text, parse_constant=_refuse)
        json.dumps(fields, ensure_ascii=False).encode("utf-8")
    except (zlib.error, ValueError, RecursionError) as error:
        raise CorruptError(f"metadata cannot be read ({error})") from error
    if not unpacker.eof or unpacker.unused_data or not isinstance(fields, dict):
        raise CorruptError("metadata is incomplete or too long")
    return _georeference(fields)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")


def _georeference(fields: dict[str, Any]) -> Georeference:
    transform = fields.get("transform")
    if transform is not None:
        if not isinstance(transform, list) or len(transform) != 6:
            raise CorruptError("metadata: the transform does not have 6 numbers")
        transform = tuple(_number(value) for value in transform)
    nodata = fields.get("nodata")
    return Georeference(
        _text(fields, "crs"),
        transform,
        None if nodata is None else _number(nodata),
        _text(fields, "units"),
        _text(fields, "description"),
        _number(fields.get("scale", 1.0)),
        _number(fields.get("offset", 0.0)),
        _text(fields, "color_interpretation"),
        _texts(fields, "tags"),
        _texts(fields, "band_tags"),
    )


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise CorruptError(f"metadata: {name} is not text")
    return value


def _texts(fields: dict[str, Any], name: str) -> dict[str, str]:
    value = fields.get(name, {})
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise CorruptError(f"metadata: {name} is not a table of texts")
    return value


def _number(value: object) -> float:
    if isinstance(value, str) and value in SPECIAL_NUMBERS:
        return float(value)
    if isinstance(value, bool):
        value = None
    if isinstance(value, int | float) and abs(value) <= MAX_FLOAT:
        return float(value)
    raise CorruptError(f"metadata: {str(value)[:40]!r} is not a number")
