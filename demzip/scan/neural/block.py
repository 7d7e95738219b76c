"""One block on a grid to its payload and back, by a network (docs/format.md section 11)."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from demzip.scan.adaptive.contexts.kernels import NODES
from demzip.scan.adaptive.payload import read_payload, write_payload
from demzip.scan.holes import Patterns
from demzip.scan.neural.kernels import CONTEXTS, code_block
from demzip.scan.neural.layers.kernels import SCRATCH
from demzip.scan.neural.layout import layout_of
from demzip.scan.neural.model import NeuralModel
from demzip.scan.neural.network import Place
from demzip.scan.neural.residual.kernels import FIRST_WEIGHTS, MIX_WEIGHTS
from demzip.scan.neural.sight import ground_of, sight_of
from demzip.scan.neural.tables import neural_tables
from demzip.scan.survey import Patch
from demzip.scan.workspace import Workspace, aligned

Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]
UInt32Array = NDArray[np.uint32]


def _run(
    model: NeuralModel,
    place: Place,
    work: Workspace,
    holes: UInt8Array,
    words: UInt32Array,
    raw_words: UInt32Array,
    decoding: bool,
) -> tuple[int, int] | None:
    ends = np.zeros(2, np.uint64)
    status = code_block(
        decoding, holes, work.samples, work.magnitudes, work.rows, work.cols, work.stride,
        ground_of(work, model.weights, model.thresholds), sight_of(work, place),
        layout_of(model.network), aligned(SCRATCH, np.int32),
        np.zeros(CONTEXTS * NODES, np.uint32),
        np.tile(np.array(FIRST_WEIGHTS, np.int64), MIX_WEIGHTS // len(FIRST_WEIGHTS)),
        neural_tables(), words, raw_words, ends,
    )  # fmt: skip
    return None if status else (int(ends[0]), int(ends[1]))


def write_neural_block(
    codes: UInt8Array | None,
    explicit: Patterns,
    patch: Patch | None,
    model: NeuralModel,
    place: Place,
) -> bytes:
    """Payload of a block.

    Args:
        codes: As write_payload, like `explicit` and `patch`, whose bound is at most SAMPLE_REACH.
        explicit: Bits of the explicit holes.
        patch: The block; None if every sample is masked.
        model: The plane's.
        place: Of the block.

    """
    return write_payload(codes, explicit, patch, partial(_run, model, place))


def read_neural_block(
    payload: bytes | memoryview,
    shape: tuple[int, int],
    model: NeuralModel,
    fills: int,
    pattern: np.dtype[np.generic],
    place: Place,
) -> tuple[Int64Array, tuple[int, int], UInt8Array | None, Patterns]:
    """Inverse of write_neural_block; results and errors as read_payload."""
    return read_payload(payload, shape, fills, pattern, partial(_run, model, place))
