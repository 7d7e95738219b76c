"""Coordinate networks are trained: heights, rounding, options, and what happens without JAX."""

import math
import re
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import demzip
import demzip.training.implicit
from demzip.blocks.grid import BlockBox
from demzip.codec import open_bytes
from demzip.errors import DemzipError, OptionsError, UnsupportedError
from demzip.options import FitOptions
from demzip.scan.implicit.surface import Surface
from demzip.training.implicit import Cells, ImplicitOptions, train
from tests.reference import decoder as reference
from tests.unit.test_implicit import GOLDEN, slowly

SMALL = FitOptions(steps=60, features=8, width=5, depth=2, scale=2.0)


def hills(rows: int = 48, cols: int = 64) -> NDArray[np.int16]:
    r, c = np.indices((rows, cols))
    return np.rint(300 * np.sin(r / 15) * np.cos(c / 20) + 40).astype(np.int16)


def cells_of(values: NDArray[np.int16]) -> Cells:
    rows, cols = (part.ravel() for part in np.indices(values.shape))
    return Cells(rows, cols, values.ravel().astype(np.int64), max(values.shape))


def test_training_beats_a_constant_and_rounding_keeps_it() -> None:
    values = hills()
    heard: list[tuple[int, int, float]] = []
    options = ImplicitOptions(features=16, scale=1.5, width=16, depth=3, steps=220, device="cpu")
    found = train(cells_of(values), options, lambda *report: heard.append(report))
    constant = np.abs(values - np.median(values)).mean()
    assert [steps for steps, _, _ in heard] == [50, 50, 50, 50, 20]
    assert {total for _, total, _ in heard} == {220}
    assert heard[-1][2] < constant / 4
    for bits, share in ((12, 1.2), (8, 1.5), (5, 4.0)):
        surface = found.rounded(bits)
        assert Surface.from_bytes(surface.to_bytes(), 64).to_bytes() == surface.to_bytes()
        heights = surface.draw(BlockBox(0, 0, 0, *values.shape))
        assert np.abs(values - heights).mean() < share * heard[-1][2] + 1
        assert values.min() <= heights.min()
        assert heights.max() <= values.max()
    assert len(found.rounded(5).to_bytes()) < len(found.rounded(8).to_bytes())


def test_weights_that_are_too_large_get_fewer_bits() -> None:
    values = hills()
    found = train(cells_of(values), ImplicitOptions(features=4, width=4, depth=1, steps=1))
    layers = tuple(layer._replace(weights=1000 * layer.weights) for layer in found.layers)
    peaks = tuple(1000 * peak for peak in found.peaks)
    surface = replace(found, layers=layers, peaks=peaks).rounded(9)
    assert Surface.from_bytes(surface.to_bytes(), 64).to_bytes() == surface.to_bytes()
    box = BlockBox(0, 0, 0, 4, 20)
    assert surface.draw(box).tolist() == slowly(surface, box)


def test_encoding() -> None:
    """The same file every time; smooth ground departs less than it varies."""
    values = hills()
    values[4:20, 6:30] = -9999
    made = [
        demzip.encode(values, predictor="implicit", nodata=-9999, block=32, fit=SMALL, jobs=jobs)
        for jobs in (1, 2)
    ]
    assert made[0] == made[1]
    assert demzip.decode(made[0]).tobytes() == values.tobytes()
    assert reference.decode(made[0]).to_bytes() == values.tobytes()
    plane = open_bytes(made[0]).planes[0]
    assert (plane.predictor, plane.coder) == ("implicit", "tables")
    assert plane.surface is not None
    assert plane.surface.describe() == "8 features, 2 layers of 5"
    best = demzip.encode(values, predictor="implicit", nodata=-9999, best=True, fit=SMALL)
    assert demzip.decode(best).tobytes() == values.tobytes()


@pytest.mark.parametrize(
    "values",
    [np.zeros((3, 4), np.int16), np.full((5, 5), 7, np.uint8), np.array([[-3]], np.int32)],
)
def test_rasters_without_relief_need_no_training(values: NDArray[Any]) -> None:
    for nodata in (None, int(values[0, 0])):
        data = demzip.encode(values, predictor="implicit", nodata=nodata, fit=SMALL)
        assert demzip.decode(data).tobytes() == values.tobytes()
        assert len(data) < 300


def test_true_floats_have_no_surface() -> None:
    values = np.sqrt(np.arange(600.0)).reshape(20, 30)
    with pytest.raises(UnsupportedError, match="lagrange24"):
        demzip.encode(values, predictor="implicit", fit=SMALL)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"steps": 0}, "steps 0"), ({"device": "tpu"}, "auto, cpu, gpu"), ({"width": 129}, "128"),
        ({"depth": 0}, "depth 0"), ({"features": 513}, "512"), ({"scale": 0.0}, "scale 0"),
        ({"scale": math.nan}, "scale nan"), ({"learning_rate": 2.0}, "learning rate 2"),
    ],
)  # fmt: skip
def test_illegal_options(given: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionsError, match=re.escape(words)):
        demzip.encode(hills(), predictor="implicit", fit=FitOptions(**given))


@pytest.mark.parametrize("missing", ["jax", "flax", "optax"])
def test_without_jax(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before anything is read; files are decoded without it."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(DemzipError, match=re.escape("pip install demzip[neural]")):
        demzip.encode(hills(), predictor="implicit")
    assert demzip.decode((GOLDEN / "implicit.dz").read_bytes()).shape == (45, 60)


def test_auto_never_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    data = demzip.encode(hills(), predictor="auto", fit=SMALL)
    assert open_bytes(data).planes[0].predictor in demzip.PREDICTORS


def test_training_that_goes_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heights that are no numbers any more, as after an overflow."""
    cells = cells_of(hills())
    monkeypatch.setattr("demzip.training.implicit.features", lambda *_: np.full((3072, 8), np.nan))
    with pytest.raises(DemzipError, match="learning rate"):
        train(cells, ImplicitOptions(features=4, width=4, depth=1, steps=1))
