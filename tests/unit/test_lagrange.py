"""Lagrange-optimal weights."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.constants import TEMPLATE_SIZE, WEIGHT_ONE
from demzip.errors import OptionsError
from demzip.predict.kernels import solve_positive
from demzip.predict.lagrange import solve
from demzip.predict.templates import (
    CHOICES,
    JPEG_TAPS,
    LAGRANGE_TAPS,
    PREDICTORS,
    W,
    check_predictor,
    jpeg_weights,
)
from demzip.scan.measuring import measure, normals
from demzip.scan.survey import Patch, fit_block, fit_raster
from tests.reference.predictor import MARGIN, TEMPLATE

Float64Array = NDArray[np.float64]
NO_THRESHOLDS = np.zeros(0, np.int64)


def autoregressive(rows: int, cols: int, seed: int) -> NDArray[np.int64]:
    """A surface that follows a plane's rule with noise, scaled so that rounding is small."""
    rng = np.random.default_rng(seed)
    surface = np.zeros((rows, cols))
    noise = 60 * rng.standard_normal((rows, cols))
    for r in range(1, rows):
        for c in range(1, cols - 1):
            surface[r, c] = (
                0.9 * surface[r, c - 1] + 0.7 * surface[r - 1, c]
                - 0.75 * surface[r - 1, c - 1] + 0.1 * surface[r - 1, c + 1] + noise[r, c]
            )  # fmt: skip
    return np.rint(surface).astype(np.int64)


def neighbours(samples: NDArray[np.int64]) -> tuple[Float64Array, Float64Array]:
    """The template's cells (n, 24) of every interior sample, and the samples."""
    rows, cols = samples.shape
    inner = [(r, c) for r in range(MARGIN, rows) for c in range(MARGIN, cols - MARGIN)]
    cells = [[samples[r + down, c + right] for down, right in TEMPLATE] for r, c in inner]
    return np.array(cells, float), np.array([samples[r, c] for r, c in inner], float)


def plain_moments(samples: NDArray[np.int64]) -> Float64Array:
    """Products of differences to W, with the sample itself in place of W."""
    cells, values = neighbours(samples)
    west = cells[:, W].copy()
    differences = cells - west[:, None]
    differences[:, W] = values - west
    made: Float64Array = differences.T @ differences
    return made


def solved(moments: Float64Array, taps: tuple[int, ...]) -> NDArray[np.int64]:
    """Weights of a surface that is not degenerate."""
    weights, sound = solve(moments[None], taps)
    assert sound.all()
    return weights[0]


def constrained_least_squares(
    samples: NDArray[np.int64], taps: tuple[int, ...], scales: Float64Array | None = None
) -> Float64Array:
    """Weights that sum to one, by elimination of the last tap and numpy.linalg.lstsq."""
    cells, values = neighbours(samples)
    kept = cells[:, list(taps)]
    root = np.ones(values.size) if scales is None else np.sqrt(scales)
    matrix = (kept[:, :-1] - kept[:, -1:]) * root[:, None]
    solution = np.linalg.lstsq(matrix, (values - kept[:, -1]) * root, rcond=None)[0]
    return np.append(solution, 1 - solution.sum())


@pytest.mark.parametrize("name", LAGRANGE_TAPS)
def test_weights_are_those_of_least_squares(name: str) -> None:
    taps = LAGRANGE_TAPS[name]
    samples = autoregressive(60, 70, 1)
    weights = solved(plain_moments(samples), taps)
    assert weights.sum() == WEIGHT_ONE
    assert set(np.flatnonzero(weights)) <= set(taps)
    expected = constrained_least_squares(samples, taps)
    np.testing.assert_allclose(weights[list(taps)] / WEIGHT_ONE, expected, atol=0.0008)


def test_kernel_gathers_the_reweighted_normal_equations() -> None:
    """What gather_normals adds up is least squares with the weights that its comment names."""
    samples = autoregressive(40, 53, 2)
    bound = int(np.abs(samples).max())
    found = measure(samples, None, jpeg_weights("jpeg4")[None], NO_THRESHOLDS, 0, bound)
    moments, counts = normals(found, NO_THRESHOLDS, 1)
    inner = (slice(MARGIN, None), slice(MARGIN, -MARGIN))
    cells, values = neighbours(samples)
    level = np.ptp(cells[:, [2, 3, 4, W]], axis=1) == 0
    assert counts[0] == values.size - level.sum()
    residuals = np.abs(found.residuals[inner].astype(float)).ravel()
    local = 1 + np.array(
        [activity_above(found.residuals, samples, r, c) for r in range(3, 40) for c in range(3, 50)]
    ) / 24.0
    scales = np.where(level, 0.0, 1 / ((residuals + local) * local))
    west = cells[:, W].copy()
    differences = cells - west[:, None]
    differences[:, W] = values - west
    expected = differences.T @ (differences * scales[:, None])
    # The kernel adds up 128 samples at a time in binary32; terms of either sign cancel.
    np.testing.assert_allclose(moments[0], expected, rtol=1e-5, atol=1e-6 * expected.max())
    weights = solved(moments[0], LAGRANGE_TAPS["lagrange12"])
    taps = LAGRANGE_TAPS["lagrange12"]
    expected = constrained_least_squares(samples, taps, scales)
    np.testing.assert_allclose(weights[list(taps)] / WEIGHT_ONE, expected, atol=0.0008)


def activity_above(residuals: NDArray[Any], samples: NDArray[np.int64], r: int, c: int) -> int:
    """Section 7.1, for cells far from the edge."""
    m = np.abs(residuals)
    return int(
        4 * m[r - 1, c] + 2 * (m[r - 1, c - 1] + m[r - 1, c + 1]) + m[r - 1, c - 2]
        + m[r - 1, c + 2] + m[r - 2, c - 1 : c + 2].sum()
        + abs(samples[r - 1, c] - samples[r - 1, c - 1])
        + abs(samples[r - 1, c + 1] - samples[r - 1, c])
    )  # fmt: skip


@pytest.mark.parametrize("name", ["lagrange8", "lagrange12", "lagrange24"])
def test_quadratic_surfaces_are_predicted_exactly(name: str) -> None:
    y, x = np.mgrid[:60, :60]
    samples = 3 * x * x - 5 * x * y + 2 * y * y + 70 * x - 11 * y
    weights = solved(plain_moments(samples), LAGRANGE_TAPS[name])
    cells, values = neighbours(samples)
    errors = values - np.floor(cells @ weights / WEIGHT_ONE + 0.5)
    steps = np.ptp(values) * TEMPLATE_SIZE / WEIGHT_ONE  # what rounding the weights may cost
    assert np.abs(errors).max() <= steps


def test_a_plane_is_predicted_exactly_by_three_points() -> None:
    y, x = np.mgrid[:40, :40]
    samples = (7 * x - 4 * y).astype(np.int64)
    bound = int(np.abs(samples).max())
    found = measure(samples, None, jpeg_weights("jpeg4")[None], NO_THRESHOLDS, 0, bound)
    assert not found.residuals[1:, 1:].any()


def test_degenerate_surfaces_have_no_fit() -> None:
    taps = LAGRANGE_TAPS["lagrange24"]
    wild = np.eye(24)
    wild[0, W] = wild[W, 0] = 1e9
    odd = [np.zeros((24, 24)), np.full((24, 24), np.nan), np.full((24, 24), np.inf), wild]
    fine = plain_moments(autoregressive(60, 70, 1))
    weights, sound = solve(np.array([*odd, fine]), taps)
    assert sound.tolist() == [False] * 4 + [True]
    assert (weights[:4] == WEIGHT_ONE * (np.arange(24) == W)).all()
    np.testing.assert_array_equal(weights[4], solved(fine, taps))
    fit = fit_raster([], "lagrange24")
    np.testing.assert_array_equal(fit.weights, jpeg_weights("jpeg4")[None])


@pytest.mark.parametrize("name", PREDICTORS)
def test_fits_sum_to_one_and_stay_on_their_taps(name: str) -> None:
    samples = autoregressive(90, 90, 3)
    patch = Patch(samples, None, int(np.abs(samples).max()))
    fit = fit_raster([patch], name)
    assert (fit.weights.sum(axis=1) == WEIGHT_ONE).all()
    taps = JPEG_TAPS[name] if name in JPEG_TAPS else LAGRANGE_TAPS[name]
    assert set(np.flatnonzero(fit.weights.any(axis=0))) <= set(taps)
    assert fit.thresholds.size == fit.weights.shape[0] - 1
    own = fit_block(patch, fit, 0.0)
    assert own is None or (own.weights.sum(axis=1) == WEIGHT_ONE).all()


def test_names() -> None:
    assert len(PREDICTORS) == 11
    for name in CHOICES:
        assert check_predictor(name) == name
    for other in ("", "jpeg0", "LAGRANGE24", "lagrange"):
        with pytest.raises(OptionsError, match="lagrange24"):
            check_predictor(other)
    for name in JPEG_TAPS:
        assert jpeg_weights(name).sum() == WEIGHT_ONE


def test_systems_are_solved() -> None:
    rng = np.random.default_rng(4)
    roots = rng.normal(size=(5, 23, 23))
    matrices = roots @ np.swapaxes(roots, 1, 2)
    right = rng.normal(size=(5, 23))
    matrices[3, 7] = matrices[3, :, 7] = 0  # not positive definite
    found, solved = right.copy(), [0, 1, 2, 4]
    solve_positive(matrices.copy(), found)
    expected = np.linalg.solve(matrices[solved], right[solved, :, None])[..., 0]
    np.testing.assert_allclose(found[solved], expected, rtol=1e-6)
    assert np.isinf(found[3]).all()
