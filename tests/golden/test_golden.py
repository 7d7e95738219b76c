"""Files of every released format version decode for ever."""

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import demzip
from demzip.codec import open_bytes
from tests.golden.formulas import FILES
from tests.golden.generate import GEOREFERENCE
from tests.reference import decoder as reference

FOLDER = Path(__file__).parent
ENTRIES = tomllib.loads((FOLDER / "MANIFEST.toml").read_text(encoding="utf-8"))["file"]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def little(values: Any) -> bytes:
    """Row by row, little-endian."""
    data: bytes = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return data


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_golden_file(entry: dict[str, Any]) -> None:
    data = (FOLDER / entry["name"]).read_bytes()
    assert digest(data) == entry["sha256"], "golden files are never changed"
    values = demzip.decode(data)
    assert values.dtype == entry["dtype"]
    assert list(values.shape) == entry["shape"]
    assert digest(little(values)) == entry["values_sha256"]
    assert digest(little(demzip.decode(data, jobs=2))) == entry["values_sha256"]
    found = reference.decode(data)
    assert [found.header.rows, found.header.cols] == entry["shape"]
    assert digest(found.to_bytes()) == entry["values_sha256"]


@pytest.mark.parametrize("name", FILES)
def test_formulas_give_the_values(name: str) -> None:
    dtype, _, _, make = FILES[name]
    entry = next(entry for entry in ENTRIES if entry["name"] == f"{name}.dz")
    assert digest(little(np.array(make(), dtype))) == entry["values_sha256"]


def test_metadata() -> None:
    georeference = open_bytes((FOLDER / "centimetres.dz").read_bytes()).georeference
    assert georeference == GEOREFERENCE


def test_every_file_is_listed_and_they_are_small() -> None:
    files = {path.name: path.stat().st_size for path in FOLDER.glob("*.dz")}
    assert set(files) == {entry["name"] for entry in ENTRIES}
    assert sum(files.values()) < 60_000


def test_files_use_every_part_of_the_format() -> None:
    """Kinds of blocks, streams, ranks, popularity, escapes."""
    kinds, symbols = set(), set()
    ranks = popular = sets = 0
    for entry in ENTRIES:
        found = reference.decode((FOLDER / entry["name"]).read_bytes())
        kinds |= set(found.kinds)
        symbols |= {step.symbol for step in found.steps}
        ranks += bool(found.header.levels)
        popular += found.header.model.popularity is not None
        sets = max(sets, len(found.header.model.others))
    assert {0, 1, 2, 5, 6, 10} <= kinds
    assert ranks
    assert popular
    assert sets > 1
    assert {55, 56, 127} <= symbols
