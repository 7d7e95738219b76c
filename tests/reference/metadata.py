"""Metadata (docs/format.md section 3.4 and appendix A)."""

import json
import re
import sys
import zlib
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from tests.reference.fields import RejectError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "format.md"
MAX_TEXT = 1 << 23
MAX_FLOAT = int(sys.float_info.max)
WORDS = ("nan", "inf", "-inf")
BAND_DEFAULTS: dict[str, Any] = {
    "nodata": None, "units": None, "description": None, "scale": 1, "offset": 0,
    "color_interpretation": None, "band_tags": {}, "color_table": None,
}  # fmt: skip


@cache
def dictionary() -> bytes:
    """Appendix A."""
    appendix = DOCUMENT.read_text(encoding="utf-8").split("## Appendix A")[1]
    block = re.search(r"```text\n(.*?)```", appendix, re.DOTALL)
    assert block is not None
    return "".join(block[1].splitlines()).encode("ascii")


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def read_metadata(data: bytes, bands: int = 1) -> dict[str, Any]:
    """The JSON object; empty for empty metadata."""
    if not data:
        return {}
    inflate = zlib.decompressobj(-15, zdict=dictionary())
    try:
        text = inflate.decompress(data, MAX_TEXT).decode("utf-8")
        fields = json.loads(text, parse_constant=_refuse)
        json.dumps(fields, ensure_ascii=False).encode("utf-8")  # lone surrogates are no text
    except (zlib.error, ValueError, RecursionError) as error:
        raise RejectError("metadata") from error
    if not inflate.eof or inflate.unused_data or not isinstance(fields, dict):
        raise RejectError("metadata")
    _check_raster(fields)
    _check_band(fields)
    own = fields.get("bands")
    if own is not None:
        _need(isinstance(own, list) and len(own) == bands, "bands")
        for band in own:
            _need(isinstance(band, dict), "bands")
            _check_band(band)
    return fields


def band_values(fields: dict[str, Any], band: int) -> dict[str, Any]:
    """Every member of a band (from 0) of a checked object."""
    own = (fields.get("bands") or {band: {}})[band]
    return {
        name: own[name] if name in own else fields.get(name, default)
        for name, default in BAND_DEFAULTS.items()
    }


def _need(legal: object, name: str) -> None:
    if not legal:
        raise RejectError(f"metadata: {name}")


def _check_raster(fields: dict[str, Any]) -> None:
    for name in ("crs", "gcps_crs", "overview_resampling"):
        _need(isinstance(fields.get(name), str | None), name)
    transform = fields.get("transform")
    if transform is not None:
        _need(isinstance(transform, list) and len(transform) == 6, "transform")
        _need(all(_is_number(value) for value in transform), "transform")
    points = fields.get("gcps", [])
    _need(isinstance(points, list), "gcps")
    for point in points:
        _need(isinstance(point, list) and len(point) == 7, "gcps")
        _need(all(_is_number(value) for value in point[:5]), "gcps")
        _need(all(isinstance(text, str) for text in point[5:]), "gcps")
    _check_tags(fields, "tags")
    _need(isinstance(fields.get("mask", False), bool), "mask")
    factors = fields.get("overviews", [])
    _need(isinstance(factors, list), "overviews")
    _need(all(_is_integer(factor, 2, 1 << 24) for factor in factors), "overviews")
    _need(len(set(factors)) == len(factors), "overviews")


def _check_band(fields: dict[str, Any]) -> None:
    for name in ("units", "description", "color_interpretation"):
        _need(isinstance(fields.get(name), str | None), name)
    _need(fields.get("nodata") is None or _is_number(fields["nodata"]), "nodata")
    for name in ("scale", "offset"):
        _need(_is_number(fields.get(name, 0)), name)
    _check_tags(fields, "band_tags")
    table = fields.get("color_table")
    if table is not None:
        _need(isinstance(table, list) and len(table) <= 1 << 16, "color_table")
        for row in table:
            _need(isinstance(row, list) and len(row) == 4, "color_table")
            _need(all(_is_integer(x, -32768, 32767) for x in row), "color_table")


def _check_tags(fields: dict[str, Any], name: str) -> None:
    spaces = fields.get(name, {})
    _need(isinstance(spaces, dict), name)
    for table in spaces.values():
        _need(isinstance(table, dict), name)
        _need(all(isinstance(text, str) for text in table.values()), name)


def _is_integer(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return value in WORDS
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= MAX_FLOAT  # type: ignore[arg-type]
