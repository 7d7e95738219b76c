"""Files of every released format version decode for ever."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import demzip
from demzip.codec import open_bytes
from demzip.container.plane import BAND, MASK
from tests.golden.formulas import FILES
from tests.golden.generate import GEOREFERENCE, digest, little, mask_of
from tests.reference import decoder as reference
from tests.reference.adaptive import AdaptiveModel
from tests.reference.lanes import LANES
from tests.reference.model import Model
from tests.reference.neural_block import NeuralModel
from tests.reference.real import RealModel
from tests.reference.tables import ESCAPE

FOLDER = Path(__file__).parent
ENTRIES = tomllib.loads((FOLDER / "MANIFEST.toml").read_text(encoding="utf-8"))["file"]


@cache
def decoded(name: str) -> reference.Decoded:
    return reference.decode((FOLDER / name).read_bytes())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_golden_file(entry: dict[str, Any]) -> None:
    data = (FOLDER / entry["name"]).read_bytes()
    assert digest(data) == entry["sha256"], "golden files are never changed"
    values = demzip.decode(data)
    assert values.dtype.name == entry["dtype"]
    assert list(values.shape) == entry["shape"]
    assert digest(little(values)) == entry["values_sha256"]
    assert digest(little(demzip.decode(data, jobs=2))) == entry["values_sha256"]
    found = decoded(entry["name"])
    assert [found.header.rows, found.header.cols] == entry["shape"][-2:]
    assert digest(found.to_bytes(BAND)) == entry["values_sha256"]
    if "mask_sha256" not in entry:
        assert found.to_bytes(MASK) == b""
    else:
        decoder = open_bytes(data)
        mask = decoder.read(plane=len(decoder.bands))
        assert digest(little(mask)) == digest(found.to_bytes(MASK)) == entry["mask_sha256"]


@pytest.mark.parametrize("name", FILES)
def test_formulas_give_the_values(name: str) -> None:
    entry = next(entry for entry in ENTRIES if entry["name"] == f"{name}.dz")
    assert digest(little(FILES[name].values())) == entry["values_sha256"]
    if FILES[name].mask is not None:
        assert digest(little(mask_of(FILES[name]))) == entry["mask_sha256"]


def test_metadata() -> None:
    georeference = open_bytes((FOLDER / "centimetres.dz").read_bytes()).georeference
    assert georeference == GEOREFERENCE
    bands = open_bytes((FOLDER / "bands.dz").read_bytes()).georeference
    assert bands.mask
    assert [band.description for band in bands.bands] == ["band 0", "band 1", "band 2"]


def test_every_file_is_listed_and_they_are_small() -> None:
    files = {path.name: path.stat().st_size for path in FOLDER.glob("*.dz")}
    assert set(files) == {entry["name"] for entry in ENTRIES}
    assert sum(files.values()) < 150_000


def test_files_use_every_part_of_the_format() -> None:
    """Kinds of blocks, lanes, ranks, popularity, escapes; every dtype and rule."""
    files = [decoded(entry["name"]) for entry in ENTRIES]
    planes = [plane for found in files for plane in found.header.planes]
    models = [plane.model for plane in planes if isinstance(plane.model, Model)]
    symbols = {step.symbol for found in files for step in found.steps}
    assert {0, 1, 2, 5, 6, 10, 22} <= {kind for found in files for kind in found.kinds}
    assert {55, 56, ESCAPE} <= symbols
    assert {step.lane for found in files for step in found.steps} == set(range(LANES))
    assert max(step.row for found in files for step in found.steps) > 2 * LANES
    assert max(table.shift for model in models for table in model.tables) > 12  # and 4 bits more
    assert any(plane.map.levels for plane in planes)
    assert any(model.popularity is not None for model in models)
    assert max(len(model.others) for model in models) > 1
    assert any(model.offsets for model in models)
    used = {(plane.map.dtype, plane.map.rule) for plane in planes}
    assert {dtype for dtype, _ in used} >= {1, 2, 3, 4, 6, 7, 8, 9}
    assert used >= {(6, rule) for rule in (1, 2, 3, 4)} | {(7, rule) for rule in (1, 3, 4)}
    assert any(plane.map.numerator > 1 for plane in planes)
    assert any(plane.map.exceptions for plane in planes)
    assert max(len(plane.map.fills) for plane in planes) > 2


def test_files_use_every_part_of_true_floats() -> None:
    """Models of both widths with and without rules, lattices and dropped bits."""
    files = [decoded(entry["name"]) for entry in ENTRIES]
    kinds: set[int] = set()
    models: list[RealModel] = []
    for found in files:
        found_models = [plane.model for plane in found.header.planes]
        real = [model for model in found_models if isinstance(model, RealModel)]
        models += real
        kinds |= set(found.kinds) if real else set()
    assert {model.width for model in models} == {32, 64}
    assert {model.rules for model in models if model.width == 32} == {False, True}
    assert {model.rules for model in models if model.width == 64} == {False, True}
    assert {model.anchor for model in models} == {0, 1, 2}
    assert any(model.dropped for model in models)
    assert max(len(model.others) for model in models) >= 1
    assert {0, 1, 2, 5, 22} <= kinds


def test_files_use_adaptive_coding() -> None:
    """Void, level and other blocks, with holes and without; values off the integers."""
    files = [decoded(entry["name"]) for entry in ENTRIES]
    found = [
        (found.header.planes[0], found.kinds)
        for found in files
        if isinstance(found.header.planes[0].model, AdaptiveModel)
    ]
    assert {0, 2, 5, 6} <= {kind for _, kinds in found for kind in kinds}
    assert {plane.map.dtype for plane, _ in found} >= {2, 4, 6}
    assert len({len(plane.model.others) for plane, _ in found}) > 1


def test_files_use_networks() -> None:
    """With holes and without, in several blocks and bands; a constant band has the smallest."""
    files = [decoded(entry["name"]) for entry in ENTRIES]
    found = [plane for file in files for plane in file.header.planes if plane.network is not None]
    networks = [plane.network for plane in found if plane.network is not None]
    assert any(plane.map.fills for plane in found)
    assert {len(network.layers) for network in networks} >= {1, 2, 3}
    assert any(network.lowest == network.highest for network in networks)
    masked = [file for file in files if file.header.planes[0].network is not None]
    assert any(file.header.planes[-1].role == MASK for file in masked)


def test_files_use_neural_coding() -> None:
    """Void, level and other blocks; networks that are shipped and not, with waves and without."""
    files = [decoded(entry["name"]) for entry in ENTRIES]
    found = [
        (found.header.planes[0], found.kinds)
        for found in files
        if isinstance(found.header.planes[0].model, NeuralModel)
    ]
    assert {0, 2, 5, 6} <= {kind for _, kinds in found for kind in kinds}
    assert {plane.map.dtype for plane, _ in found} >= {2, 3, 4, 6}
    networks = [plane.model.network for plane, _ in found]
    assert {network.fourier for network in networks} == {False, True}
    assert len({tuple(len(biases) for _, biases in network.layers) for network in networks}) > 3
