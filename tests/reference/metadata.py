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
MAX_TEXT = 1 << 26
NUMBERS = ("nodata", "scale", "offset")
TEXTS = ("crs", "units", "description", "color_interpretation")
OBJECTS = ("tags", "band_tags")
MAX_FLOAT = int(sys.float_info.max)
WORDS = ("nan", "inf", "-inf")


@cache
def dictionary() -> bytes:
    """Appendix A."""
    appendix = DOCUMENT.read_text(encoding="utf-8").split("## Appendix A")[1]
    block = re.search(r"```text\n(.*?)```", appendix, re.DOTALL)
    assert block is not None
    return "".join(block[1].splitlines()).encode("ascii")


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def read_metadata(data: bytes) -> dict[str, Any]:
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
    _check(fields)
    return fields


def _check(fields: dict[str, Any]) -> None:
    numbers = [fields[name] for name in NUMBERS if fields.get(name) is not None]
    numbers += [None for name in ("scale", "offset") if name in fields and fields[name] is None]
    transform = fields.get("transform")
    if transform is not None:
        if not isinstance(transform, list) or len(transform) != 6:
            raise RejectError("transform")
        numbers += transform
    for value in numbers:
        if isinstance(value, str):
            legal = value in WORDS
        else:
            legal = isinstance(value, int | float) and not isinstance(value, bool)
            legal = legal and abs(value) <= MAX_FLOAT
        if not legal:
            raise RejectError("a number of the metadata")
    for name in TEXTS:
        if not isinstance(fields.get(name), str | None):
            raise RejectError(name)
    for name in OBJECTS:
        table = fields.get(name, {})
        if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
            raise RejectError(name)
