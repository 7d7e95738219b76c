"""Payload of a block in two streams, coded and uncoded words (docs/format.md section 10.1)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from demzip.entropy.integers import ByteReader, fold, write_varint
from demzip.errors import CorruptError
from demzip.scan.adaptive.contexts.kernels import FRACTION_BITS
from demzip.scan.adaptive.kernels import ROW_REACH
from demzip.scan.block import CODED, CONSTANT, SAMPLE_LIMIT, VOID, Frame
from demzip.scan.holes import Patterns, holes_of
from demzip.scan.survey import Patch
from demzip.scan.workspace import NO_HOLES, Workspace

Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]
UInt32Array = NDArray[np.uint32]

# Codes the samples of a workspace, or finds them: its mask, the words of both streams, whether to
# decode. Gives the words and bits used or taken; None if there was too little room.
Run = Callable[[Workspace, UInt8Array, UInt32Array, UInt32Array, bool], tuple[int, int] | None]

NO_WORDS = np.zeros(4, np.uint32)  # what follows a stream
FIRST_ROOM = 64  # words beyond one for each sample


def place_samples(patch: Patch) -> Workspace:
    """This thread's workspace with the centred samples of a block, in sixteenths."""
    rows, cols = patch.samples.shape
    work = Workspace.borrow(rows, cols, np.int64)
    np.subtract(patch.samples, patch.centre, out=work.interior, dtype=np.int64)
    work.interior[:] <<= FRACTION_BITS
    return work


def mask_of(holes: UInt8Array | None) -> UInt8Array:
    """A mask as kernels take it."""
    return NO_HOLES if holes is None else holes


def _streams(patch: Patch, run: Run) -> tuple[UInt32Array, UInt32Array]:
    """Coded and uncoded words of a block."""
    rows, cols = patch.samples.shape
    room = max(rows * cols + FIRST_ROOM, 4) + ROW_REACH * cols
    while True:
        words, raw_words = np.empty(room, np.uint32), np.empty(room, np.uint32)
        ends = run(place_samples(patch), mask_of(patch.holes), words, raw_words, False)
        if ends is not None:
            return words[: ends[0]].copy(), raw_words[: -(-ends[1] // 32)].copy()
        room *= 2


def write_payload(
    codes: UInt8Array | None, explicit: Patterns, patch: Patch | None, run: Run
) -> bytes:
    """Payload of a block.

    Args:
        codes: Kinds of its holes, or None.
        explicit: Bits of the explicit holes.
        patch: The block; None if every sample is masked.
        run: Codes it.

    """
    kind = VOID if patch is None else CODED if patch.bound else CONSTANT
    out = Frame(kind, own_weights=False, codes=codes, explicit=explicit).to_bytes()
    if patch is None:
        return bytes(out)
    out += write_varint(fold(patch.centre))
    if kind == CONSTANT:
        return bytes(out)
    words, raw_words = _streams(patch, run)
    out += write_varint(words.size) + write_varint(raw_words.size)
    return bytes(out) + words.astype("<u4").tobytes() + raw_words.astype("<u4").tobytes()


def read_payload(
    payload: bytes | memoryview,
    shape: tuple[int, int],
    fills: int,
    pattern: np.dtype[np.generic],
    run: Run,
) -> tuple[Int64Array, tuple[int, int], UInt8Array | None, Patterns]:
    """Inverse of write_payload.

    Returns:
        Samples, the least and greatest of them, kinds of holes, bits of the explicit ones.

    Raises:
        CorruptError: The payload is not one that write_payload makes.

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
    ends = run(work, mask_of(holes_of(frame.codes)), words, raw_words, True)
    if ends is None or not sizes[0] <= ends[0] <= sizes[0] + 2 or -(-ends[1] // 32) != sizes[1]:
        raise CorruptError("a stream does not end with its last sample")
    samples = (work.interior >> FRACTION_BITS) + centre
    return samples, (int(samples.min()), int(samples.max())), frame.codes, frame.explicit
