"""Networks are fitted to rasters: draws, weights, statistics, rounding, errors, options."""

import re
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.codec.approximation import ApproximateSurface, approximate
from demzip.errors import DemzipError, OptionsError, UnsupportedError
from demzip.raster.georeference import Georeference
from demzip.training.approximate import ApproximateOptions, Draw, Statistics
from tests.reference import approximation as reference

Float64Array = NDArray[np.float64]
QUICK: dict[str, Any] = {
    "features": 8, "width": 8, "depth": 2, "steps": 120, "scale": 1.0, "batch": 128,
    "report": 50, "learning_rate": 0.01, "device": "cpu",
}  # fmt: skip


def hills(rows: int = 40, cols: int = 56) -> Float64Array:
    r, c = np.indices((rows, cols))
    found: Float64Array = 300 * np.sin(r / 15) * np.cos(c / 20) + 40.125
    return found


def fitted(heights: Float64Array, jobs: int = 1, **options: Any) -> ApproximateSurface:
    return approximate(heights, None, Georeference(), ApproximateOptions(**QUICK | options), jobs)


# ---- draws


def test_cells_are_drawn_in_proportion_to_weights() -> None:
    weights = np.array([1.0, 0.0, 2.0, 5.0, 9.0])
    found = Draw(np.array([0, 1, 2, 3]), weights, seed=1).batch(80_000)
    shares = np.bincount(found, minlength=5) / found.size
    np.testing.assert_allclose(shares, [1 / 8, 0, 2 / 8, 5 / 8, 0], atol=0.01)
    even = np.bincount(Draw(np.array([1, 4]), None, seed=1).batch(80_000), minlength=5) / 80_000
    np.testing.assert_allclose(even, [0, 0.5, 0, 0, 0.5], atol=0.01)


def test_draws_are_the_same_for_a_seed() -> None:
    draws = [Draw(np.arange(9), np.ones(9), seed).batch(50).tolist() for seed in (3, 3, 4)]
    assert draws[0] == draws[1] != draws[2]


def test_weights_of_nothing_are_refused() -> None:
    with pytest.raises(OptionsError, match="weight above 0"):
        Draw(np.array([0, 1]), np.array([0.0, 0.0, 1.0]), 0)


# ---- fits


def test_fit_and_file() -> None:
    heights = hills()
    heights[5:12, 30:44] = np.nan
    heard: list[Statistics] = []
    steps: list[int] = []
    made = approximate(
        heights, None, Georeference(), ApproximateOptions(**QUICK | {"every": 60}), 1,
        heard.append, lambda step, _: steps.append(step),
    )  # fmt: skip
    assert [found.step for found in heard] == [50, 100, 120]
    assert steps == [60, 120]
    valid = heights[~np.isnan(heights)]
    assert heard[-1].mean < np.abs(valid - valid.mean()).mean() / 3
    assert heard[-1].least <= heard[-1].mean <= heard[-1].most

    drawn = made.elevations(np.arange(40.0), np.arange(56.0))
    errors = np.abs(drawn - heights)[~np.isnan(heights)]
    recorded = made.errors
    assert recorded.cells == valid.size
    np.testing.assert_allclose(
        [recorded.mean, recorded.deviation, recorded.largest],
        [errors.mean(), errors.std(), errors.max()],
    )
    assert recorded.mean < 1.1 * heard[-1].mean + 0.1, "rounding does little harm"
    assert valid.min() - 1 <= drawn.min() <= drawn.max() <= valid.max() + 1

    data = made.to_bytes()
    assert len(data) < 1500
    slow = reference.decode(data)
    assert float(slow.at(3.0, 4.0)) == drawn[3, 4]
    assert ApproximateSurface.from_bytes(data).to_bytes() == data


def test_the_same_file_each_time_whatever_the_threads() -> None:
    first, *others = [
        fitted(hills(), jobs, seed=seed, steps=5, loss="mse").to_bytes()
        for jobs, seed in ((1, 0), (3, 0))
    ]
    assert [first] == others


def test_a_weighted_part_fits_better() -> None:
    heights = hills() + 60 * np.sin(np.indices((40, 56))[1] / 1.5)
    weights = np.full(heights.shape, 0.001)
    weights[:, :14] = 1.0
    errors = []
    for given in (None, weights):
        made = approximate(
            heights, given, Georeference(),
            ApproximateOptions(**QUICK | {"scale": 6.0, "features": 24, "steps": 250}),
        )  # fmt: skip
        drawn = made.elevations(np.arange(40.0), np.arange(14.0))
        errors.append(np.abs(drawn - heights[:, :14]).mean())
    assert errors[1] < 0.8 * errors[0]


@pytest.mark.parametrize("factor", [1e-12, 1e29])
def test_units_of_any_size(factor: float) -> None:
    """Steps follow the deviation; the mean does not hurt them."""
    made = fitted(factor * (hills() + 4000), steps=60)
    assert made.errors.mean < factor * 80


@pytest.mark.parametrize("height", [0.0, -3.75, 1e17, 8848.86])
def test_level_ground_needs_no_training(height: float) -> None:
    heights = np.full((3, 4), height)
    heights[1, 1] = np.nan
    made = fitted(heights)
    assert made.errors.cells == 11
    assert made.errors.largest <= 2.0**made.exponent < max(1e-9, 1e-12 * height)
    found = made.elevations(np.array([0.3]), np.array([2.9]))
    assert abs(found[0, 0] - height) == made.errors.largest
    assert len(made.to_bytes()) < 200


def test_a_single_row() -> None:
    made = fitted(hills(1, 50), steps=20)
    assert made.errors.cells == 50


def test_what_cannot_be_fitted() -> None:
    with pytest.raises(OptionsError, match="no cell has a height"):
        fitted(np.full((3, 3), np.nan))
    with pytest.raises(UnsupportedError, match="too large"):
        fitted(np.array([[0.0, 1e40]]))
    with pytest.raises(OptionsError, match="demzip tiles"):
        fitted(np.broadcast_to(np.zeros(1), (1 << 14, 1 << 13)))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"steps": 0}, "steps 0"), ({"batch": 0}, "batch 0"), ({"loss": "max"}, "mae, mse"),
        ({"report": 0}, "report 0"), ({"every": 0}, "every 0"), ({"seed": -1}, "seed -1"),
        ({"features": 513}, "512"), ({"scale": float("nan")}, "scale nan"),
        ({"device": "tpu"}, "auto, cpu, gpu"), ({"learning_rate": 0.0}, "learning rate 0"),
    ],
)  # fmt: skip
def test_illegal_options(given: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionsError, match=re.escape(words)):
        ApproximateOptions(**given)


def test_training_that_goes_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optax.cosine_decay_schedule", lambda *_: 1e30)
    with pytest.raises(DemzipError, match="learning rate"):
        fitted(hills(), steps=20)


def test_without_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(DemzipError, match=re.escape("pip install demzip[neural]")):
        fitted(hills())
