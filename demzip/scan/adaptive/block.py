"""One block on a grid to its payload and back, adaptively (docs/format.md section 10)."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from demzip.constants import SEGMENT
from demzip.scan.adaptive.contexts.kernels import CHANCES, FRACTION_BITS
from demzip.scan.adaptive.fitting.kernels import MOMENTS, TAPS
from demzip.scan.adaptive.kernels import code_block
from demzip.scan.adaptive.mixing.kernels import INPUTS, ONE
from demzip.scan.adaptive.model import AdaptiveModel
from demzip.scan.adaptive.payload import read_payload, write_payload
from demzip.scan.adaptive.residual.kernels import MIX_WEIGHTS
from demzip.scan.adaptive.tables import mixing_tables
from demzip.scan.holes import Patterns
from demzip.scan.survey import Patch
from demzip.scan.workspace import Workspace, weights_with_edge, western_weights

Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]
UInt32Array = NDArray[np.uint32]


def fitting_state(cols: int) -> tuple[NDArray[np.signedinteger], ...]:
    """State and scratch of fitting/kernels.py."""
    segments = -(-cols // SEGMENT)
    per_sample = np.zeros((4, SEGMENT), np.int64)
    taps = np.zeros((2 * TAPS + 1, SEGMENT), np.int16)
    moments = np.zeros((2, segments, MOMENTS), np.int64)
    square = np.zeros((2, TAPS, TAPS), np.int64)
    ends = np.zeros(TAPS, np.int64), np.zeros((segments, TAPS), np.int64)
    return (*per_sample, taps[:TAPS], taps[TAPS:], *moments, *square, *ends)


def _run(
    model: AdaptiveModel,
    work: Workspace,
    holes: UInt8Array,
    words: UInt32Array,
    raw_words: UInt32Array,
    decoding: bool,
) -> tuple[int, int] | None:
    table = weights_with_edge(model.weights, np.int64)
    ends = np.zeros(2, np.uint64)
    status = code_block(
        decoding, holes, work.samples, work.magnitudes, work.rows, work.cols, work.stride, table,
        western_weights(table), model.thresholds << FRACTION_BITS,
        (work.sums, work.activity, work.flat, work.sets), np.zeros(SEGMENT, np.int64),
        fitting_state(work.cols), np.zeros(CHANCES, np.uint32),
        np.full(MIX_WEIGHTS, ONE // INPUTS, np.int64), mixing_tables(), words, raw_words, ends,
    )  # fmt: skip
    return None if status else (int(ends[0]), int(ends[1]))


def write_adaptive_block(
    codes: UInt8Array | None,
    explicit: Patterns,
    patch: Patch | None,
    model: AdaptiveModel,
) -> bytes:
    """Payload of a block; arguments as write_payload, `model` is the plane's."""
    return write_payload(codes, explicit, patch, partial(_run, model))


def read_adaptive_block(
    payload: bytes | memoryview,
    shape: tuple[int, int],
    model: AdaptiveModel,
    fills: int,
    pattern: np.dtype[np.generic],
) -> tuple[Int64Array, tuple[int, int], UInt8Array | None, Patterns]:
    """Inverse of write_adaptive_block; results and errors as read_payload."""
    return read_payload(payload, shape, fills, pattern, partial(_run, model))
