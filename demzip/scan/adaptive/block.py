"""One block on a grid to its payload and back, adaptively (docs/format.md section 10)."""

import numpy as np
from numpy.typing import NDArray

from demzip.constants import SEGMENT
from demzip.entropy.integers import ByteReader, fold, write_varint
from demzip.errors import CorruptError
from demzip.scan.adaptive.contexts.kernels import CHANCES, FRACTION_BITS
from demzip.scan.adaptive.fitting.kernels import MOMENTS, TAPS
from demzip.scan.adaptive.kernels import ROW_REACH, code_block
from demzip.scan.adaptive.mixing.kernels import INPUTS, ONE
from demzip.scan.adaptive.model import AdaptiveModel
from demzip.scan.adaptive.residual.kernels import MIX_WEIGHTS
from demzip.scan.adaptive.tables import mixing_tables
from demzip.scan.block import CODED, CONSTANT, SAMPLE_LIMIT, VOID, Frame
from demzip.scan.holes import Patterns, holes_of
from demzip.scan.survey import Patch
from demzip.scan.workspace import NO_HOLES, Workspace, weights_with_edge, western_weights

Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]
UInt32Array = NDArray[np.uint32]

NO_WORDS = np.zeros(4, np.uint32)  # what follows a stream
FIRST_ROOM = 64  # words beyond one for each sample


def _fitting(cols: int) -> tuple[NDArray[np.signedinteger], ...]:
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
    holes: UInt8Array,
    work: Workspace,
    words: UInt32Array,
    raw_words: UInt32Array,
    *,
    decoding: bool,
) -> tuple[int, int] | None:
    """Words and bits used or taken; None if there was too little room."""
    table = weights_with_edge(model.weights, np.int64)
    ends = np.zeros(2, np.uint64)
    status = code_block(
        decoding, holes, work.samples, work.magnitudes, work.rows, work.cols, work.stride, table,
        western_weights(table), model.thresholds << FRACTION_BITS,
        (work.sums, work.activity, work.flat, work.sets), np.zeros(SEGMENT, np.int64),
        _fitting(work.cols), np.zeros(CHANCES, np.uint32),
        np.full(MIX_WEIGHTS, ONE // INPUTS, np.int64), mixing_tables(), words, raw_words, ends,
    )  # fmt: skip
    return None if status else (int(ends[0]), int(ends[1]))


def _mask(holes: UInt8Array | None) -> UInt8Array:
    return NO_HOLES if holes is None else holes


def code_patch(patch: Patch, model: AdaptiveModel) -> tuple[UInt32Array, UInt32Array]:
    """Coded and uncoded words of a block."""
    rows, cols = patch.samples.shape
    room = max(rows * cols + FIRST_ROOM, 4) + ROW_REACH * cols
    while True:
        words, raw_words = np.empty(room, np.uint32), np.empty(room, np.uint32)
        work = Workspace.borrow(rows, cols, np.int64)
        np.subtract(patch.samples, patch.centre, out=work.interior, dtype=np.int64)
        work.interior[:] <<= FRACTION_BITS
        ends = _run(model, _mask(patch.holes), work, words, raw_words, decoding=False)
        if ends is not None:
            return words[: ends[0]].copy(), raw_words[: -(-ends[1] // 32)].copy()
        room *= 2


def write_adaptive_block(
    codes: UInt8Array | None,
    explicit: Patterns,
    patch: Patch | None,
    model: AdaptiveModel,
) -> bytes:
    """Payload of a block.

    Args:
        codes: Kinds of its holes, or None.
        explicit: Bits of the explicit holes.
        patch: The block; None if every sample is masked.
        model: The plane's model.

    """
    kind = VOID if patch is None else CODED if patch.bound else CONSTANT
    out = Frame(kind, own_weights=False, codes=codes, explicit=explicit).to_bytes()
    if patch is None:
        return bytes(out)
    out += write_varint(fold(patch.centre))
    if kind == CONSTANT:
        return bytes(out)
    words, raw_words = code_patch(patch, model)
    out += write_varint(words.size) + write_varint(raw_words.size)
    return bytes(out) + words.astype("<u4").tobytes() + raw_words.astype("<u4").tobytes()


def read_adaptive_block(
    payload: bytes | memoryview,
    shape: tuple[int, int],
    model: AdaptiveModel,
    fills: int,
    pattern: np.dtype[np.generic],
) -> tuple[Int64Array, tuple[int, int], UInt8Array | None, Patterns]:
    """Inverse of write_adaptive_block.

    Returns:
        Samples, the least and greatest of them, kinds of holes, bits of the explicit ones.

    Raises:
        CorruptError: The payload is not one that write_adaptive_block makes.

    """
    reader = ByteReader(payload, "block")
    frame = Frame.read(reader, shape, fills, pattern)
    if frame.own_weights:
        raise CorruptError("block: adaptive coding has no weights of a block's own")
    centre = 0 if frame.kind == VOID else reader.signed(SAMPLE_LIMIT)
    if frame.kind != CODED:
        reader.done()
        return np.full(shape, centre, np.int64), (centre, centre), frame.codes, frame.explicit
    limit = 2 * ROW_REACH * shape[0] * shape[1]
    sizes = reader.varint(limit), reader.varint(limit)
    words, raw_words = (np.append(reader.words(size), NO_WORDS) for size in sizes)
    reader.done()
    work = Workspace.borrow(*shape, np.int64)
    ends = _run(model, _mask(holes_of(frame.codes)), work, words, raw_words, decoding=True)
    if ends is None or not sizes[0] <= ends[0] <= sizes[0] + 2 or -(-ends[1] // 32) != sizes[1]:
        raise CorruptError("a stream does not end with its last sample")
    samples = (work.interior >> FRACTION_BITS) + centre
    return samples, (int(samples.min()), int(samples.max())), frame.codes, frame.explicit


