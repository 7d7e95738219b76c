"""Prediction, activity and states: kernels against the reference implementation."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.constants import MARGIN, SEGMENT, WEIGHT_BITS
from demzip.predict.kernels import sum_above
from demzip.predict.lagrange import fits_int32
from demzip.residual.kernels import activity_above
from demzip.scan.measuring import Measurement, measure
from demzip.scan.model import NO_OFFSETS
from demzip.scan.segment.kernels import EDGE, HOLE, prepare_segment
from demzip.scan.workspace import weights_with_edge
from tests import terrain
from tests.reference import predictor as reference
from tests.unit import make

WIDE = 1 << 47  # a bound that needs 64 bits
NARROW_SHIFTS, WIDE_SHIFTS = (0, 1, 5, 31, 32, 36, 48), (0, 13, 48)


def check(
    samples: NDArray[np.int64],
    mask: NDArray[np.uint8] | None,
    weights: NDArray[np.int64],
    thresholds: NDArray[np.int64],
    shift: int,
    bound: int,
    offsets: NDArray[np.int64] = NO_OFFSETS,
) -> Measurement:
    found = measure(samples, mask, weights, thresholds, shift, bound, offsets=offsets)
    residuals, states, surface = reference.measure(
        samples.tolist(),
        None if mask is None else mask.tolist(),
        weights.tolist(),
        thresholds.tolist(),
        shift,
        offsets.tolist(),
    )
    valid = np.ones(samples.shape, np.bool_) if mask is None else mask == 0
    np.testing.assert_array_equal(found.residuals[valid], np.array(residuals)[valid])
    np.testing.assert_array_equal(found.states[valid], np.array(states)[valid])
    np.testing.assert_array_equal(found.workspace.interior, np.array(surface.x))
    return found


@pytest.mark.parametrize("cols", range(1, 41))
def test_every_narrow_width(cols: int) -> None:
    rng = np.random.default_rng(cols)
    rows = 1 + cols % 9
    samples = terrain.relief(rows, cols, cols)
    mask = terrain.holes(rows, cols, cols, patches=1)
    weights, thresholds = make.weights(rng, 3), np.array([4, 60])
    bound = int(np.abs(samples).max())
    for dtype, limit in ((np.int32, bound), (np.int64, WIDE)):
        for holes in (None, mask):
            for offsets in (NO_OFFSETS, make.offsets(rng)):
                found = check(samples, holes, weights, thresholds, 0, limit, offsets)
                assert found.residuals.dtype == dtype


@pytest.mark.parametrize("shape", [(1, 70), (2, 33), (3, 64), (4, 17), (33, 16), (9, 131)])
@pytest.mark.parametrize("masked", [False, True])
def test_blocks_with_eight_weight_sets(shape: tuple[int, int], masked: bool) -> None:
    rng = np.random.default_rng(shape)
    samples = terrain.relief(*shape, seed=5, noise=9)
    samples[:, : shape[1] // 3] //= 16  # calm ground, some of it level
    mask = terrain.holes(*shape, seed=6) if masked else None
    thresholds = np.array([1, 5, 20, 20, 60, 100, 300])
    for shift in NARROW_SHIFTS:
        for offsets in (NO_OFFSETS, make.offsets(rng)):
            check(samples, mask, make.weights(rng, 8), thresholds, shift, 2000, offsets)


@pytest.mark.parametrize("seed", range(4))
def test_samples_at_the_limits_of_64_bits(seed: int) -> None:
    """Sums wrap: the largest samples and weights of a legal file."""
    rng = np.random.default_rng(seed)
    samples = rng.integers(-WIDE, WIDE, (11, 37)) >> rng.integers(0, 47, (11, 37))
    weights = rng.integers(-(1 << 20), (1 << 20) + 1, (2, 24))
    weights[:, make.W] += 4096 - weights.sum(axis=1)
    mask = terrain.holes(11, 37, seed) if seed % 2 else None
    for shift in WIDE_SHIFTS:
        check(samples, mask, weights, np.array([1 << 46]), shift, WIDE, make.offsets(rng))


@pytest.mark.parametrize("seed", range(3))
def test_samples_at_the_limits_of_32_bits(seed: int) -> None:
    """The largest bound that fits_int32 lets through must not overflow."""
    rng = np.random.default_rng(seed)
    weights = make.weights(rng, 2, spread=3000.0)
    bound = (1 << 31) // (max(int(np.abs(weights).sum(axis=1).max()), 12288) + 1) - 4
    assert fits_int32(weights, bound)
    assert not fits_int32(weights, bound + 5)
    samples = rng.choice([-bound, bound], (13, 45))
    for offsets in (NO_OFFSETS, make.offsets(rng), np.full(243, 127), np.full(243, -127)):
        found = check(samples, None, weights, np.array([bound]), 7, bound, offsets)
        assert found.residuals.dtype == np.int32


@pytest.mark.parametrize("bound", [1000, WIDE])
def test_every_pattern_has_an_offset_of_its_own(bound: int) -> None:
    """Steps between five levels make all patterns but the nine that are level ground."""
    rng = np.random.default_rng(5)
    weights, thresholds = make.weights(rng), np.zeros(0, np.int64)
    check(rng.integers(0, 5, (40, 50)), None, weights, thresholds, 0, bound, make.offsets(rng))
    samples = rng.integers(0, 5, (400, 400))
    plain = measure(samples, None, weights, thresholds, 0, bound)
    touched, used = np.zeros(samples.shape, np.int64), 0
    for pattern in range(243):
        offsets = np.where(np.arange(243) == pattern, 127, 0)
        found = measure(samples, None, weights, thresholds, 0, bound, offsets=offsets)
        lower = plain.residuals - found.residuals
        assert set(np.unique(lower).tolist()) <= {0, 7, 8}
        touched += lower > 0
        used += bool(lower.any())
    assert used == 243 - 9
    level = (plain.states & 4) != 0
    level[0] = True  # row 0 has no offsets
    np.testing.assert_array_equal(touched, ~level)


def test_flat_ground_and_patterns() -> None:
    samples = np.zeros((12, 40), np.int64)
    samples[5:, 20:] = 7
    samples[8, 3] = samples[9, 30] = samples[5, 35] = -1
    weights = make.weights(np.random.default_rng(0))
    found = check(samples, None, weights, np.zeros(0, np.int64), 0, 7)
    assert set(range(4, 8)) <= set((found.states & 7).ravel().tolist())


@pytest.mark.parametrize("limit", [300, WIDE])
def test_what_stands_in_holes_means_nothing(limit: int) -> None:
    samples, mask = terrain.relief(20, 37, 4), terrain.holes(20, 37, 4)
    weights = make.weights(np.random.default_rng(4), 1)
    other = np.where(mask != 0, np.iinfo(np.int64).min, samples)
    found = [
        check(values, mask, weights, np.zeros(0, np.int64), 0, limit) for values in (samples, other)
    ]
    np.testing.assert_array_equal(found[0].residuals, found[1].residuals)
    np.testing.assert_array_equal(found[0].states, found[1].states)


def test_all_samples_missing() -> None:
    ones = np.ones((5, 20), np.uint8)
    weights = make.weights(np.random.default_rng(0))
    found = check(np.zeros((5, 20), np.int64), ones, weights, np.zeros(0, np.int64), 0, 1)
    assert not found.workspace.interior.any()


# ---- kernels of one segment


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_sum_above(dtype: type[Any]) -> None:
    rng = np.random.default_rng(3)
    stride = 40
    flat = rng.integers(-999, 1000, 4 * stride).astype(dtype)
    weights = rng.integers(-4096, 4097, 24).astype(dtype)
    sums = np.zeros(SEGMENT + 2, dtype)
    one, two, three = (np.uint64((3 - up) * stride) for up in (1, 2, 3))
    sum_above(flat, one, two, three, weights, sums)
    for i in range(SEGMENT):
        total = 2048
        for k in range(21):
            up, right = k // 7 + 1, k % 7
            total += int(weights[k]) * int(flat[(3 - up) * stride + i + right])
        assert sums[i] == total


@pytest.mark.parametrize("bound", [500, WIDE])
def test_activity_above(bound: int) -> None:
    surface, work = surface_and_workspace(bound)
    stride = int(work.stride)
    steps = np.zeros(SEGMENT + 2, work.samples.dtype)
    activity, flat = np.zeros((2, SEGMENT), work.samples.dtype)
    for row in range(1, surface.rows):
        for start in range(0, surface.cols, SEGMENT):
            north = (row - 1 + MARGIN) * stride + start
            activity_above(
                work.samples, work.magnitudes, np.uint64(north), np.uint64(north - stride),
                steps, activity, flat,
            )  # fmt: skip
            for i in range(min(SEGMENT, surface.cols - start)):
                assert activity[i] == surface.above(row, start + i)


@pytest.mark.parametrize("bound", [500, WIDE])
def test_prepare_segment(bound: int) -> None:
    """Sums above, weight sets and patterns of every segment of a block."""
    surface, work = surface_and_workspace(bound)
    dtype = work.samples.dtype
    mask = terrain.holes(surface.rows, surface.cols, 1)
    table = weights_with_edge(np.array(surface.weights), dtype.type)
    sums, sets = np.zeros(SEGMENT + 2, dtype), np.zeros(SEGMENT, np.int32)
    activity, flat = np.zeros((2, SEGMENT), dtype)
    for row in range(1, surface.rows):
        for segment in range(-(-surface.cols // SEGMENT)):
            start = segment * SEGMENT
            prepare_segment(
                work.samples, work.magnitudes, mask, row, segment, surface.cols, work.stride,
                table, np.array(surface.thresholds), sums, activity, flat, sets,
            )  # fmt: skip
            chosen = surface.set_of_window(row, start) if row >= MARGIN else 0
            for i in range(min(SEGMENT, surface.cols - start)):
                edge = min(row, start + i) < MARGIN or start + i >= surface.cols - MARGIN
                own = EDGE if edge else chosen + 1
                assert sets[i] == (HOLE if mask[row, start + i] else own)
                west = [surface.sample(row, start + i - k) for k in (1, 2, 3)]
                taps = [1 << WEIGHT_BITS, 0, 0] if edge else surface.weights[chosen][21:]
                total = int(sums[i]) + sum(w * x for w, x in zip(taps, west, strict=True))
                assert total == surface.accumulator(row, start + i, chosen)


def surface_and_workspace(bound: int) -> tuple[reference.Surface, Any]:
    samples = terrain.relief(9, 53, 4)
    samples[:, :20] = 3
    weights, thresholds = make.weights(np.random.default_rng(8), 3), np.array([4, 90])
    found = measure(samples, None, weights, thresholds, 0, bound)
    surface = reference.measure(samples.tolist(), None, weights.tolist(), thresholds.tolist(), 0)[2]
    return surface, found.workspace
