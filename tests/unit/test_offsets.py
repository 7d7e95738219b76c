"""Offsets by patterns: what the encoder estimates, and when it uses them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import demzip
from demzip.codec import open_bytes
from demzip.constants import MAX_OFFSET
from demzip.predict.templates import jpeg_weights
from demzip.scan.block import make_patch
from demzip.scan.measure.kernels import gather_errors
from demzip.scan.offsets import PRIOR_SAMPLES, fit_offsets
from demzip.scan.survey import Fit, Patch, fit_raster
from demzip.scan.workspace import NO_HOLES
from tests import terrain
from tests.golden.formulas import terraces
from tests.reference import predictor as reference
from tests.unit import make

NO_THRESHOLDS = np.zeros(0, np.int64)
LEVEL = 4  # of subcontexts, first on level ground
Sums = list[list[float]]


def patch_of(samples: NDArray[Any], mask: NDArray[np.uint8] | None = None) -> Patch:
    made = make_patch(samples, mask, (int(samples.min()), int(samples.max())))
    assert made is not None
    return made


def fixed(name: str = "jpeg4", shift: int = 0) -> Fit:
    return Fit(jpeg_weights(name)[None], NO_THRESHOLDS, shift, None, ())


def slow_errors(
    fit: Fit, samples: NDArray[np.int64], mask: NDArray[np.uint8] | None, step: int, middle: int
) -> Sums:
    """Counts, scales and scaled errors of all patterns."""
    residuals, states, surface = reference.measure(
        samples.tolist(), None if mask is None else mask.tolist(), fit.weights.tolist(), [],
        fit.activity_shift,
    )  # fmt: skip
    found: Sums = [[0.0] * 243 for _ in range(3)]
    surface.offsets = list(range(243))  # so that an offset is the number of its pattern
    for row in range(1, surface.rows, step):
        for col in range(surface.cols):
            state = states[row][col]
            if state % 8 >= LEVEL or (mask is not None and mask[row, col]):
                continue
            pattern = surface.offset(row, col)
            error = 16 * residuals[row][col] - 4 * (state % 4) + middle
            local = 1 + (state // 8 << fit.activity_shift) / 24
            scale = 1 / ((abs(error) / 16 + local) * local)
            for kind, value in enumerate((1, scale, scale * error)):
                found[kind][pattern] += value
    return found


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("step", "shift", "bound"), [(1, 0, 0), (3, 2, 0), (2, 0, 1 << 40)])
def test_errors_are_added_up_by_pattern(masked: bool, step: int, shift: int, bound: int) -> None:
    rng = np.random.default_rng(step)
    samples = terrain.relief(21, 50, 3) // 4
    samples[5:, 30:] = 9
    mask = terrain.holes(21, 50, 2) if masked else None
    fit = replace(fixed(shift=shift), weights=make.weights(rng))
    patch = Patch(samples, mask, max(bound, int(np.abs(samples).max())))
    measured = fit.measure(patch)
    assert measured.workspace.samples.dtype == (np.int64 if bound else np.int32)
    found = np.ones((3, 243))
    gather_errors(
        measured.workspace.samples, measured.residuals, measured.states,
        NO_HOLES if mask is None else mask, measured.workspace.stride, step, shift, 6, found,
    )  # fmt: skip
    expected = np.array(slow_errors(fit, samples, mask, step, 6))
    np.testing.assert_allclose(found - 1, expected, rtol=1e-9, atol=1e-9)
    assert np.count_nonzero(expected[0]) > 100


def test_offsets_are_shrunk_means_of_the_errors() -> None:
    """Of every fourth row, or of all; fixed weights give errors in whole samples."""
    patches = [
        patch_of(np.array(terraces(96, 144, 60))[:, start : start + 48]) for start in (0, 48, 96)
    ]
    for thorough in (False, True):
        found = fit_offsets(fixed(), patches, 10**6, thorough=thorough).offsets
        sums = np.zeros((3, 243))
        for patch in patches:
            step = 1 if thorough else 4
            sums += slow_errors(fixed(), patch.samples - patch.centre, None, step, 8)
        counts, scales, errors = sums
        means = errors / np.where(scales > 0, scales, 1) * counts / (counts + PRIOR_SAMPLES)
        np.testing.assert_array_equal(
            found, np.clip(np.rint(means), -MAX_OFFSET, MAX_OFFSET).astype(int)
        )
        assert np.count_nonzero(found) > 10


def rows_in_turn(period: int, seed: int, step: int = 1) -> Patch:
    """Rows that count up to a period again and again, each from a random number on."""
    starts = np.random.default_rng(seed).integers(0, period, (80, 1))
    return patch_of((starts + np.arange(100)) % period * step)


def test_offsets_are_clipped() -> None:
    """Most samples are 9 above the one to the west."""
    fit = fit_offsets(fixed("jpeg1"), [rows_in_turn(9, seed, 9) for seed in (1, 2)], 10**6)
    assert fit.offsets.max() == MAX_OFFSET


def test_offsets_must_pay_elsewhere() -> None:
    """What follows a step up is another one, or a step down: no offset serves both."""
    up, down = [rows_in_turn(9, seed) for seed in (1, 2)], [rows_in_turn(2, 3)]
    assert fit_offsets(fixed("jpeg1"), up, 10**6).offsets.size == 243
    assert fit_offsets(fixed("jpeg1"), up[:1] + down, 10**6).offsets.size == 0


def test_offsets_must_pay_for_their_list() -> None:
    ground = np.array(terraces(96, 144, 60))
    patches = [patch_of(ground[:, start : start + 48]) for start in (0, 48, 96)]
    assert fit_offsets(fixed(), patches, ground.size).offsets.size == 243
    assert fit_offsets(fixed(), patches, ground.size // 20).offsets.size == 0


def test_no_offsets_without_others_to_judge_them() -> None:
    assert fit_offsets(fixed(), [rows_in_turn(9, 1)], 10**6).offsets.size == 0
    assert fit_offsets(fixed(), [], 10**6).offsets.size == 0


def test_hills_need_none() -> None:
    """Errors that are noise."""
    patches = [patch_of(terrain.relief(200, 200, seed)) for seed in range(4)]
    fit = fit_raster(patches, "lagrange24")
    assert fit_offsets(fit, patches, 10**8).offsets.size == 0


@pytest.mark.parametrize("predictor", ["jpeg4", "jpeg1", "lagrange3", "auto"])
def test_rasters_with_offsets_come_back(predictor: str) -> None:
    values = np.array(terraces(192, 288, 60), np.int16)
    for nodata in (None, int(values[50, 50])):
        data = demzip.encode(values, predictor=predictor, nodata=nodata, block=48)
        assert demzip.decode(data).tobytes() == values.tobytes()
    data = demzip.encode(values, predictor=predictor, block=48)
    fitted = not predictor.startswith("jpeg")  # fixed weights are for speed
    assert open_bytes(data).planes[0].model.offsets.any() == fitted
