"""Cells and pairs of cells that a prediction takes into account."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.predict.templates import jpeg_weights
from demzip.scan.taps import Taps, choose_taps
from tests.reference.predictor import TEMPLATE, W
from tests.unit import make

Int64Array = NDArray[np.int64]
NARROW = (1 << 15) - 1  # magnitudes that fit into 16 bits with their sign


def spread_out(taps: Taps) -> list[dict[tuple[int, int], int]]:
    """Weight of each cell (rows down, columns east), set by set."""
    found = []
    for line in taps.weights.tolist():
        cells: dict[tuple[int, int], int] = {}
        for row, col, weight in zip(taps.rows.tolist(), taps.cols.tolist(), line, strict=True):
            parts = [((-row, col), weight)]
            if taps.paired:
                west = (weight + (1 << 15)) % (1 << 16) - (1 << 15)
                parts = [((-row, col - 1), west), ((-row, col), weight >> 16)]
            for cell, part in parts:
                assert cell not in cells or part == 0 or cells[cell] == 0
                cells[cell] = cells.get(cell, 0) + part
        found.append({cell: weight for cell, weight in cells.items() if weight})
    return found


def weight_sets() -> list[Int64Array]:
    rng = np.random.default_rng(0)
    made = [jpeg_weights(f"jpeg{number}")[None] for number in range(1, 8)]
    for sets, share in product((1, 3, 8), (0.1, 0.4, 1.0)):
        weights = make.weights(rng, sets, 3000.0) * (rng.random(24) < share)
        weights[:, W] += 4096 - weights.sum(axis=1)
        made.append(weights)
    made.append(np.eye(24, dtype=np.int64)[5:7] * -NARROW)
    return made


@pytest.mark.parametrize("number", range(len(weight_sets())))
def test_no_weight_is_lost(number: int) -> None:
    weights = weight_sets()[number]
    for bound, dtype in ((NARROW, np.int32), (NARROW + 1, np.int32), (5, np.int64)):
        taps = choose_taps(weights, bound, dtype)
        small = int(np.abs(weights).max()) <= NARROW
        assert taps.paired == (small and bound <= NARROW and dtype == np.int32)
        assert taps.weights.dtype == dtype
        assert spread_out(taps) == [
            {cell: w for cell, w in zip(TEMPLATE, line, strict=True) if w}
            for line in weights.tolist()
        ]
        assert (taps.rows[-1], taps.cols[-1]) == (0, -1)  # W is the last to be known
        np.testing.assert_array_equal(taps.offsets(-50, 3), -50 * taps.rows + 3 * taps.cols)


def test_large_weights_are_not_paired() -> None:
    weights = np.zeros((1, 24), np.int64)
    weights[0, 3], weights[0, W] = NARROW + 1, 4096 - NARROW - 1
    assert not choose_taps(weights, 5, np.int32).paired
    weights[0, 3], weights[0, W] = NARROW, 4096 - NARROW
    assert choose_taps(weights, 5, np.int32).paired
