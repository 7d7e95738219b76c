"""Statistics of measured blocks, which the encoder decides by, against plain Python."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.constants import ACTIVITY_LEVELS, CONTEXTS, ESCAPE, MARGIN, SEGMENT, SUBCONTEXTS
from demzip.entropy.tables import side_tokens
from demzip.scan.measure.kernels import count_states, count_symbols, laplace_bits
from demzip.scan.measuring import Measurement, measure
from demzip.scan.survey import segment_means
from tests import terrain
from tests.reference import predictor
from tests.reference.tables import symbol_of
from tests.unit import make

STATES = ACTIVITY_LEVELS * SUBCONTEXTS


def measured(bound: int, masked: bool, cols: int = 37) -> tuple[Measurement, NDArray[np.int64]]:
    rng = np.random.default_rng(cols)
    samples = terrain.relief(9, cols, 4)
    samples[2, ::5] += bound - 100  # some residuals are escapes
    mask = terrain.holes(9, cols, 2, patches=1) if masked else None
    weights = make.weights(rng)
    return measure(samples, mask, weights, np.zeros(0, np.int64), 1, bound), weights


def cells(found: Measurement, step: int = 1, first: int = 0) -> list[tuple[int, int]]:
    """State and residual of what is no hole, in every step-th row."""
    rows, cols = found.residuals.shape
    return [
        (int(found.states[row, col]), int(found.residuals[row, col]))
        for row in range(first, rows, step)
        for col in range(cols)
        if not (found.holes.size and found.holes[row, col])
    ]


@pytest.mark.parametrize("bound", [5000, 1 << 40])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("step", [1, 2])
def test_counts(bound: int, masked: bool, step: int) -> None:
    found, _ = measured(bound, masked)
    counts, sums = np.zeros((2, STATES), np.int64)
    count_states(found.residuals, found.states, found.holes, step, counts, sums)
    rng = np.random.default_rng(1)
    contexts, shifts = rng.integers(0, CONTEXTS, STATES), rng.integers(0, 3, CONTEXTS)
    histogram = np.zeros((CONTEXTS, ESCAPE + 1), np.int64)
    count_symbols(
        found.residuals, found.states, found.holes, step, contexts, shifts, side_tokens(),
        histogram,
    )  # fmt: skip
    expected: dict[str, Any] = {"counts": {}, "sums": {}, "symbols": {}}
    for state, residual in cells(found, step):
        context = int(contexts[state])
        symbol = symbol_of(residual >> int(shifts[context]))
        for name, key, value in (
            ("counts", state, 1), ("sums", state, abs(residual)), ("symbols", (context, symbol), 1),
        ):  # fmt: skip
            expected[name][key] = expected[name].get(key, 0) + value
    assert {int(k): int(counts[k]) for k in np.flatnonzero(counts)} == expected["counts"]
    assert {int(k): int(sums[k]) for k in np.flatnonzero(counts)} == expected["sums"]
    used = {(int(c), int(s)): int(histogram[c, s]) for c, s in np.argwhere(histogram)}
    assert used == expected["symbols"]
    assert ESCAPE in {symbol for _, symbol in used}


@pytest.mark.parametrize("masked", [False, True])
def test_laplace_bits(masked: bool) -> None:
    found, _ = measured(5000, masked)
    fixed, slope = np.random.default_rng(3).random((2, ACTIVITY_LEVELS))
    for first in (0, MARGIN):
        bits = laplace_bits(found.residuals, found.states, found.holes, first, fixed, slope)
        expected = [fixed[s >> 3] + slope[s >> 3] * abs(r) for s, r in cells(found, first=first)]
        assert bits == pytest.approx(sum(expected), rel=1e-12)


@pytest.mark.parametrize("cols", [1, 15, 16, 17, 37])
def test_segment_means(cols: int) -> None:
    found, weights = measured(5000, masked=False, cols=cols)
    samples = found.workspace.interior.tolist()
    surface = predictor.measure(samples, None, weights.tolist(), [], 1)[2]
    expected = []
    for row in range(MARGIN, 9):
        for start in range(0, cols, SEGMENT):
            window = range(max(start - MARGIN, 0), min(start - MARGIN + SEGMENT, cols))
            expected.append(sum(surface.above(row, col) for col in window) / len(window))
    assert segment_means(found).tolist() == expected
