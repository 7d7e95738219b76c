"""The cells that a prediction takes into account, laid out for the kernels."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from demzip.constants import MARGIN, OFFSET_SHIFT, TEMPLATE_ABOVE, TEMPLATE_SIZE
from demzip.scan.workspace import IntArray


@dataclass(frozen=True)
class Taps:
    """Cells of the template that a block's weights use, or pairs of cells; W comes last.

    Attributes:
        paired: Whether a tap stands for two cells, side by side, of 16 bits each.
        rows: (taps,) how far above the predicted cell each tap is.
        cols: (taps,) how far east, the eastern one of a pair.
        weights: (sets, taps) of the samples' dtype; of a pair, the western weight in the lower 16
            bits and the eastern one in the upper ones.

    """

    paired: bool
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    weights: IntArray

    def offsets(self, north: int, east: int) -> NDArray[np.int64]:
        """Where the cells lie from the predicted one.

        Args:
            north: From a cell to the one above it.
            east: From a cell to the next one in its row.

        """
        return self.rows * north + self.cols * east


def choose_taps(weights: NDArray[np.int64], bound: int, dtype: type) -> Taps:
    """Taps of weight sets, without cells that none uses.

    Args:
        weights: (sets, 24) in the order of predict/templates.py.
        bound: Largest magnitude of a sample.
        dtype: int32 or int64, of the samples.

    """
    narrow = dtype == np.int32 and bound < 1 << 15
    return _taps(weights.astype(np.int64).tobytes(), narrow, dtype)


def scaled_offsets(offsets: NDArray[np.int64]) -> NDArray[np.int32]:
    """Offsets in units of the sum over the template."""
    return (offsets << OFFSET_SHIFT).astype(np.int32)


@lru_cache(maxsize=256)
def _taps(data: bytes, narrow: bool, dtype: type) -> Taps:
    weights = np.frombuffer(data, np.int64).reshape(-1, TEMPLATE_SIZE)
    taps = np.union1d(np.flatnonzero(weights.any(axis=0)), [TEMPLATE_ABOVE])
    side = 2 * MARGIN + 1
    above = taps < TEMPLATE_ABOVE
    rows = np.where(above, 1 + taps // side, 0)
    cols = np.where(above, taps % side - MARGIN, TEMPLATE_ABOVE - 1 - taps)
    if not narrow or np.abs(weights).max() >= 1 << 15:
        order = np.lexsort((cols, -rows))  # W last
        own: IntArray = np.ascontiguousarray(weights[:, taps[order]], dtype)
        return Taps(paired=False, rows=rows[order], cols=cols[order], weights=own)
    of_cell = dict(zip(zip(rows.tolist(), cols.tolist(), strict=True), taps.tolist(), strict=True))
    places, parts = [], []
    for row, col in sorted(of_cell, key=lambda cell: (-cell[0], cell[1])):
        if (row, col) not in of_cell:
            continue  # it was the eastern one of a pair
        western = weights[:, of_cell.pop((row, col))]
        eastern = of_cell.pop((row, col + 1), None)
        pair = (np.zeros_like(western), western)
        if eastern is not None:
            pair = (western, weights[:, eastern])
        places.append((row, col + (eastern is not None)))
        parts.append((pair[1] << 16) | (pair[0] & 0xFFFF))
    found = np.array(places, np.int64)
    packed = np.ascontiguousarray(np.stack(parts, axis=1).astype(np.int32))
    return Taps(paired=True, rows=found[:, 0], cols=found[:, 1], weights=packed)
