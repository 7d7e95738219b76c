"""One block of a plane of true floats to its payload and back (docs/format.md section 9)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.constants import MARGIN
from demzip.entropy.integers import ByteReader, write_varint
from demzip.errors import CorruptError
from demzip.raster.values import ValueMap
from demzip.scan.block import CODED, CONSTANT, VOID, Frame
from demzip.scan.holes import Patterns, holes_of
from demzip.scan.real.bits.kernels import EVEN_CHANCE
from demzip.scan.real.floats.kernels import heights_of
from demzip.scan.real.kernels import ROW_REACH, code_block
from demzip.scan.real.model import RealModel
from demzip.scan.real.rules.kernels import RULES
from demzip.scan.real.sample.kernels import CHANCES
from demzip.scan.workspace import NO_HOLES, Workspace, weights_with_edge, western_weights

Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]
UInt32Array = NDArray[np.uint32]
IntegerArray = NDArray[np.integer]
AnyArray = NDArray[np.generic]

NO_WORDS = np.zeros(4, np.uint32)  # what follows a stream


def shorten(numbers: IntegerArray, dropped: int) -> Int64Array:
    """Ordinals of floats without their last `dropped` bits, which are zero, from all ordinals.

    Source: docs/format.md section 9.1.
    """
    wide = numbers.astype(np.int64)
    return np.where(wide >= 0, wide >> dropped, -1 - ((-1 - wide) >> dropped))


def lengthen(ordinals: Int64Array, dropped: int) -> Int64Array:
    """Inverse of shorten."""
    return np.where(ordinals >= 0, ordinals << dropped, -1 - ((-1 - ordinals) << dropped))


@dataclass(frozen=True)
class RealPatch:
    """Floats of a block.

    Attributes:
        ordinals: (rows, cols); 0 in holes.
        codes: Kinds of holes, or None.
        explicit: Bits of the explicit holes.

    """

    ordinals: Int64Array
    codes: UInt8Array | None
    explicit: Patterns

    @property
    def holes(self) -> UInt8Array:
        """(rows, cols) 0 or 1; (0, 0) where there is none."""
        mask = holes_of(self.codes)
        return NO_HOLES if mask is None else mask


def heights(patch: RealPatch, model: RealModel) -> Workspace:
    """Workspace with the heights of a block; 0 in holes."""
    rows, cols = patch.ordinals.shape
    work = Workspace.borrow(rows, cols, np.int64)
    heights_of(
        patch.ordinals, patch.holes, model.scale, model.form, work.samples, work.stride, MARGIN
    )
    return work


def code_patch(patch: RealPatch, model: RealModel) -> tuple[UInt32Array, UInt32Array]:
    """Coded and uncoded words of a block."""
    cols = patch.ordinals.shape[1]
    room = patch.ordinals.size + ROW_REACH * cols + 64
    ordinals = patch.ordinals.copy()
    while True:
        words, raw_words = np.empty(room, np.uint32), np.empty(room, np.uint32)
        work = heights(patch, model)
        ends = _run(model, ordinals, patch.holes, work, words, raw_words, decoding=False)
        if ends is not None:
            break
        room *= 2
    return words[: ends[0]].copy(), raw_words[: -(-ends[1] // 32)].copy()


def _run(
    model: RealModel,
    ordinals: Int64Array,
    holes: UInt8Array,
    work: Workspace,
    words: UInt32Array,
    raw_words: UInt32Array,
    *,
    decoding: bool,
) -> tuple[int, int] | None:
    """Words and bits used or taken; None if there was too little room."""
    rows, cols = ordinals.shape
    table = weights_with_edge(model.weights, np.int64)
    ends = np.zeros(2, np.uint64)
    status = code_block(
        decoding, ordinals, holes, work.samples, work.magnitudes, rows, cols, work.stride, table,
        western_weights(table), model.thresholds, work.sums, work.activity, work.flat,
        work.sets, model.rules, np.empty((4, cols, RULES), np.int64), model.anchor,
        model.pitch, np.empty((2, cols), np.uint8), model.scale, model.form,
        np.full(CHANCES, EVEN_CHANCE, np.uint32), words, raw_words, ends,
    )  # fmt: skip
    return None if status else (int(ends[0]), int(ends[1]))


def write_real_block(patch: RealPatch, model: RealModel) -> bytes:
    """Payload of a block."""
    valid = patch.ordinals.ravel() if patch.codes is None else patch.ordinals[patch.codes == 0]
    kind = CODED
    if valid.size == 0 or (valid == valid[0]).all():
        kind = CONSTANT if valid.size else VOID
    out = Frame(kind, own_weights=False, codes=patch.codes, explicit=patch.explicit).to_bytes()
    if kind == VOID:
        return bytes(out)
    if kind == CONSTANT:
        return bytes(out + int(valid[0]).to_bytes(8, "little", signed=True))
    words, raw_words = code_patch(patch, model)
    out += write_varint(words.size) + write_varint(raw_words.size)
    return bytes(out) + words.astype("<u4").tobytes() + raw_words.astype("<u4").tobytes()


def read_real_block(
    payload: bytes | memoryview, shape: tuple[int, int], model: RealModel, value_map: ValueMap
) -> AnyArray:
    """Values of a block.

    Raises:
        CorruptError: The payload is not one that write_real_block makes.

    """
    reader = ByteReader(payload, "block")
    pattern = value_map.pattern
    frame = Frame.read(reader, shape, len(value_map.fills), pattern)
    if frame.own_weights:
        raise CorruptError("block: true floats have no weights of their own")
    ordinals = np.zeros(shape, np.int64)
    if frame.kind == CONSTANT:
        ordinals[:] = int.from_bytes(reader.take(8), "little", signed=True)
    elif frame.kind == CODED:
        limit = 2 * ROW_REACH * shape[0] * shape[1]
        sizes = reader.varint(limit), reader.varint(limit)
        words, raw_words = (np.append(reader.words(size), NO_WORDS) for size in sizes)
        work = Workspace.borrow(*shape, np.int64)
        mask = holes_of(frame.codes)
        holes = NO_HOLES if mask is None else mask
        ends = _run(model, ordinals, holes, work, words, raw_words, decoding=True)
        if ends is None or not sizes[0] <= ends[0] <= sizes[0] + 2 or -(-ends[1] // 32) != sizes[1]:
            raise CorruptError("a stream does not end with its last sample")
    reader.done()
    _, _, infinite = model.form
    if ordinals.min() < -infinite or ordinals.max() >= infinite:
        raise CorruptError("a sample is no finite float")
    numbers = lengthen(ordinals, model.dropped)
    return value_map.to_values(numbers, frame.codes, frame.explicit)
