"""Steps of grids, what they cost, and levels that occur."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demzip.raster.grids import (
    exception_cost,
    grid_cost,
    guess_grid,
    off_share,
    spacing_cost,
    standard_steps,
)
from demzip.raster.levels import RANK_SPAN, Occurrence
from demzip.raster.steps import common_step, simplest
from demzip.raster.values import ValueMap


def test_steps_are_tried_from_the_coarsest_on() -> None:
    for dtype in ("float32", "float64"):
        steps = standard_steps(dtype)
        sizes = [numerator / denominator for numerator, denominator in steps]
        assert sizes == sorted(sizes, reverse=True)
        assert len(set(steps)) == len(steps)
        assert all(math.gcd(*step) == 1 for step in steps)
        for wanted in ((1, 1), (1, 2), (1, 5), (1, 4), (1, 20), (1, 50), (1, 10**6), (381, 1250)):
            assert wanted in steps


def test_costs_in_bits() -> None:
    assert exception_cost(0, "float32") == 0
    assert exception_cost(1, "float32") == 45
    assert exception_cost(1, "float64") == 60
    assert exception_cost(0.5, "float32") == pytest.approx(23.5)
    halves = ValueMap("float32", "ratio", denominator=2)
    assert grid_cost(halves, 0) - grid_cost(ValueMap("float32", "ratio"), 0) == 1
    # Floats in 1 .. 2 are multiples of 2**-23.
    assert spacing_cost(np.full(9, 1.5, np.float32)) == pytest.approx(22.75)
    assert spacing_cost(np.zeros(9, np.float32)) == math.inf
    assert spacing_cost(np.array([1.5] * 90 + [1e-45], np.float32)) < 23


def test_share_off_the_grid() -> None:
    values = np.array([1, 2, 3, 4.5, math.inf, math.nan, -0.0, 8], np.float32)
    assert off_share(ValueMap("float32", "ratio"), values) == 0.5
    assert off_share(ValueMap("float32", "ratio", denominator=2), values) == 0.375


def test_an_empty_sample_has_whole_numbers() -> None:
    value_map, cost = guess_grid(np.zeros(0, np.float32), ValueMap("float32", "real"))
    assert (value_map.step, cost) == (1, 0)


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_simplest_lies_inside(low: float, width: float) -> None:
    high = low + width
    assert low <= simplest(low, high) <= high


def test_simplest_has_few_digits() -> None:
    assert simplest(0.03709, 0.03711) == 0.0371
    assert simplest(-3.0, 0.5) == 0
    assert simplest(1233.9, 1234.7) == 1234


def test_common_steps() -> None:
    rng = np.random.default_rng(1)
    multiples = rng.integers(1, 9, 500)
    noisy = multiples * 0.73 + rng.uniform(-1e-4, 1e-4, 500)
    assert common_step(noisy, 1e-4) == pytest.approx(0.73, rel=1e-4)
    coarse = rng.choice([4, 6, 10], 500) * 0.73  # no single step among them
    assert common_step(coarse, 1e-6) == pytest.approx(1.46)
    assert common_step(rng.exponential(1e-3, 500), 1e-4) is None
    assert common_step(np.full(9, 1e-9), 1e-4) is None


@given(
    st.lists(st.lists(st.integers(-9, 60), min_size=1), max_size=5),
    st.integers(-9, 60),
    st.booleans(),
)
def test_occurrence(parts: list[list[int]], middle: int, locked: bool) -> None:
    occurrence = Occurrence(middle)
    for part in parts:
        numbers = np.array(part, np.int64)
        numbers.flags.writeable = not locked
        occurrence.mark(numbers, (min(part), max(part)))
    occurs = occurrence.within(-9, 60)
    assert occurs is not None
    assert set((np.flatnonzero(occurs) - 9).tolist()) == {k for part in parts for k in part}


def test_occurrence_gives_up_where_levels_spread_too_far() -> None:
    for far in (RANK_SPAN + 1, -RANK_SPAN - 1):
        occurrence = Occurrence(0)
        occurrence.mark(np.array([far]), (far, far))
        assert occurrence.within(0, 0) is None
    occurrence = Occurrence(0)
    ends = (-RANK_SPAN, RANK_SPAN)
    occurrence.mark(np.array(ends), ends)
    occurs = occurrence.within(*ends)
    assert occurs is not None
    assert np.flatnonzero(occurs).tolist() == [0, 2 * RANK_SPAN]
