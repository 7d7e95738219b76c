"""Samples to residuals and context states: the binding of scan/measure/kernels.py."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demzip.constants import TEMPLATE_SIZE
from demzip.predict.kernels import BATCH
from demzip.predict.lagrange import fits_int32
from demzip.scan.measure.kernels import fill_holes, gather_normals, measure_block
from demzip.scan.model import NO_OFFSETS
from demzip.scan.taps import choose_taps, scaled_offsets
from demzip.scan.workspace import (
    NO_HOLES,
    IntArray,
    Workspace,
    shift_within,
)

UInt8Array = NDArray[np.uint8]
Int64Array = NDArray[np.int64]


@dataclass(frozen=True)
class Measurement:
    """A block after prediction.

    Attributes:
        flat_residuals: (rows * cols + 16,), sample - prediction; meaningless in holes.
        flat_states: (rows * cols + 16,) uint16, activity level * 8 + subcontext.
        holes: (rows, cols) uint8, 1 where the sample is masked; (0, 0) where none is.
        workspace: The block's samples and magnitudes, margins included.

    """

    flat_residuals: IntArray
    flat_states: NDArray[np.uint16]
    holes: UInt8Array
    workspace: Workspace

    @property
    def residuals(self) -> IntArray:
        """(rows, cols) view of the residuals."""
        return self._shaped(self.flat_residuals)

    @property
    def states(self) -> NDArray[np.uint16]:
        """(rows, cols) view of the states."""
        return self._shaped(self.flat_states)

    def _shaped(self, flat: NDArray[Any]) -> NDArray[Any]:
        rows, cols = self.workspace.rows, self.workspace.cols
        return flat[: rows * cols].reshape(rows, cols)


def measure(
    samples: NDArray[np.integer],
    holes: UInt8Array | None,
    weights: Int64Array,
    thresholds: Int64Array,
    shift: int,
    bound: int,
    centre: int = 0,
    *,
    offsets: Int64Array = NO_OFFSETS,
    keep: bool = True,
    keep_samples: bool = True,
) -> Measurement:
    """Predict every sample of a block from its causal neighbours.

    Args:
        samples: (rows, cols), |sample - centre| <= bound but in holes. Not modified.
        holes: (rows, cols) 0 or 1, or None.
        weights: (sets, 24) multiples of 2**-12 that sum to one.
        thresholds: (sets - 1,) mean activities from which the next set is used, ascending.
        shift: Of activities to their levels.
        bound: Largest magnitude of a centred sample.
        centre: Of the samples.
        offsets: (243,) as in Model, or NO_OFFSETS.
        keep: Whether the measurement must outlive this thread's next one.
        keep_samples: Whether its workspace must, too.

    """
    rows, cols = samples.shape
    dtype = np.int32 if fits_int32(weights, bound) else np.int64
    work = (Workspace.allocate if keep and keep_samples else Workspace.borrow)(rows, cols, dtype)
    wide = np.int32 if abs(centre) + bound < 2**31 else np.int64
    np.subtract(samples, centre, out=work.interior, dtype=wide, casting="unsafe")
    mask = NO_HOLES
    if holes is not None:
        mask = holes
        fill_holes(work.samples, mask, work.stride)
    residuals, states = work.outcome(keep=keep)
    taps = choose_taps(weights, bound, dtype)
    measure_block(
        work.samples, work.magnitudes, work.scratch(), work.above, mask, rows, cols, work.stride,
        taps.paired, taps.offsets(-int(work.stride), 1), taps.weights, thresholds,
        scaled_offsets(offsets), shift_within(shift, dtype), residuals, states,
    )  # fmt: skip
    return Measurement(residuals, states, mask, work)


def normals(
    measurement: Measurement,
    thresholds: Int64Array,
    step: int,
) -> tuple[NDArray[np.float64], Int64Array]:
    """Reweighted normal equations per weight set that `thresholds` make.

    Args:
        measurement: A block or a part of one.
        thresholds: (sets - 1,) that choose a segment's set now.
        step: Use every segment (1) or every second (2).

    Returns:
        (sets, 24, 24) float64 moments in the layout of predict.lagrange.solve, and the number of
        samples behind each.

    """
    work = measurement.workspace
    sets = thresholds.size + 1
    moments = np.zeros((sets, TEMPLATE_SIZE, TEMPLATE_SIZE))
    counts = np.zeros(sets, np.int64)
    gather_normals(
        work.samples, work.magnitudes, work.above, measurement.holes, work.rows, work.cols, step,
        thresholds, measurement.flat_residuals, work.stride,
        np.zeros((sets, TEMPLATE_SIZE, BATCH), np.float32),
        np.zeros((sets, BATCH), np.float32), np.zeros((2, BATCH), np.float32),
        np.zeros(sets, np.int64), moments, counts,
    )  # fmt: skip
    lower = np.tril(moments)
    return lower + np.transpose(np.tril(moments, -1), (0, 2, 1)), counts
