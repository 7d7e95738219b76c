"""State and scratch that a block's network needs beside the samples (features/kernels.py)."""

import numpy as np
from numpy.typing import NDArray

from demzip.constants import LANES, SEGMENT
from demzip.scan.adaptive.block import fitting_state
from demzip.scan.adaptive.contexts.kernels import FRACTION_BITS
from demzip.scan.neural.features.kernels import CELLS, REACH
from demzip.scan.neural.network import Place
from demzip.scan.neural.tables import Waves, waves_of
from demzip.scan.workspace import IntArray, Workspace, weights_with_edge, western_weights

Int64Array = NDArray[np.int64]
IntArrays = tuple[IntArray, ...]
Ground = tuple[IntArray, IntArray, Int64Array, IntArrays, Int64Array, IntArrays]
Sight = tuple[Int64Array, Int64Array, IntArrays, IntArrays, Waves]


def ground_of(work: Workspace, weights: Int64Array, thresholds: Int64Array) -> Ground:
    """What prediction needs: weights, what segments share, what follows the ground."""
    table = weights_with_edge(weights, np.int64)
    return (
        table, western_weights(table), thresholds << FRACTION_BITS,
        (work.sums, work.activity, work.flat, work.sets), np.zeros(SEGMENT, np.int64),
        fitting_state(work.cols),
    )  # fmt: skip


def sight_of(work: Workspace, place: Place) -> Sight:
    """What features need: errors, nearest cells, memory of columns and its sums, waves."""
    cells = [row * int(work.stride) + col for row, col in CELLS]
    return (
        np.empty(work.samples.size, np.int64), np.array(cells, np.int64),
        tuple(np.zeros((3, work.cols + 2 * REACH + LANES), np.int64)),
        tuple(np.zeros((3, work.cols + LANES), np.int64)), waves_of(place),
    )  # fmt: skip
