"""One block of a plane on a grid to its payload and back (docs/format.md section 5)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demzip.constants import STATE_BITS, TEMPLATE_ABOVE, TEMPLATE_SIZE, WEIGHT_ONE
from demzip.entropy.integers import ByteReader, fold, write_varint
from demzip.errors import CorruptError
from demzip.raster.levels import Span
from demzip.scan.decoding import decode_residuals
from demzip.scan.encoding import Stream, encode_residuals, lane_count
from demzip.scan.holes import (
    Patterns,
    holes_of,
    is_mixed,
    read_kinds,
    read_mask,
    write_kinds,
    write_mask,
)
from demzip.scan.measuring import Measurement
from demzip.scan.model import Model, read_weights, write_weights
from demzip.scan.survey import Fit, Patch

Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]
AnyArray = NDArray[Any]

# Kinds of blocks and flags, in the payload's first byte.
VOID, CONSTANT, CODED = 0, 1, 2
KIND_MASK, HAS_MASK, OWN_WEIGHTS, HAS_KINDS = 3, 4, 8, 16
SAMPLE_LIMIT = 1 << 47
BOUND_LIMIT = 1 << 48


@dataclass(frozen=True)
class Frame:
    """What payloads of all planes begin with.

    Attributes:
        kind: VOID, CONSTANT or CODED.
        own_weights: Whether weights of the block's own follow.
        codes: (rows, cols) uint8: 0 for a number, else the kind of the hole; None without holes.
        explicit: Bits of the holes with code 255, row by row.

    """

    kind: int
    own_weights: bool
    codes: UInt8Array | None
    explicit: Patterns

    def to_bytes(self) -> bytearray:
        """First byte, mask and kinds of holes."""
        mixed = is_mixed(self.codes)
        masked = self.codes is not None and self.kind != VOID
        first = self.kind | (HAS_MASK if masked else 0)
        first |= (OWN_WEIGHTS if self.own_weights else 0) | (HAS_KINDS if mixed else 0)
        out = bytearray([first])
        if self.codes is not None and masked:
            out += write_mask(self.codes)
        if self.codes is not None and mixed:
            out += write_kinds(self.codes, self.explicit)
        return out

    @classmethod
    def read(
        cls, reader: ByteReader, shape: tuple[int, int], fills: int, pattern: np.dtype[np.generic]
    ) -> "Frame":
        """Inverse of to_bytes.

        Args:
            reader: Of the payload.
            shape: Rows and columns of the block.
            fills: Fill patterns of the plane.
            pattern: Unsigned dtype of a value's bits.

        Raises:
            CorruptError: A field is outside its legal range.

        """
        first = reader.take(1)[0]
        kind, masked, own = first & KIND_MASK, bool(first & HAS_MASK), bool(first & OWN_WEIGHTS)
        illegal = (own and kind != CODED) or (masked and kind == VOID)
        mixed = bool(first & HAS_KINDS)
        illegal |= mixed and not (masked or kind == VOID)
        if illegal or kind > CODED or first >= 2 * HAS_KINDS:
            raise CorruptError(f"block: unknown kind {first}")
        codes = None
        explicit = np.zeros(0, pattern)
        if kind == VOID:
            codes = np.ones(shape, np.uint8)
        elif masked:
            codes = read_mask(reader, shape)
        if mixed and codes is not None:
            codes, explicit = read_kinds(reader, codes, fills, pattern)
        elif codes is not None and fills == 0 and codes.any():
            raise CorruptError("missing samples in a plane without no-data")
        return cls(kind, own, codes, explicit)


def make_patch(
    samples: NDArray[np.integer], codes: UInt8Array | None, span: Span
) -> Patch | None:
    """A block to be centred around the middle of its range; None if every sample is masked.

    Args:
        samples: (rows, cols); those of holes mean nothing.
        codes: Kinds of holes, or None.
        span: Least and greatest sample that is no hole, None if there is none.

    """
    if span is None:
        return None
    lowest, highest = span
    centre = (lowest + highest) >> 1
    bound = max(highest - centre, centre - lowest)
    return Patch(samples, holes_of(codes), bound, centre)


def write_block(
    codes: UInt8Array | None,
    explicit: Patterns,
    patch: Patch | None,
    measured: tuple[Measurement, Fit | None] | None,
    model: Model,
) -> bytes:
    """Payload of a block.

    Args:
        codes: Kinds of its holes, or None.
        explicit: Bits of the explicit holes.
        patch: The block; None if every sample is masked.
        measured: The patch, measured with weights of its own (that stand behind it) or with the
            model's; needed if its bound is not 0.
        model: The plane's model.

    """
    if patch is None:
        return bytes(Frame(VOID, own_weights=False, codes=codes, explicit=explicit).to_bytes())
    if measured is None or patch.bound == 0:
        out = Frame(CONSTANT, own_weights=False, codes=codes, explicit=explicit).to_bytes()
        return bytes(out + write_varint(fold(patch.centre)))
    measurement, fit = measured
    out = Frame(CODED, fit is not None, codes, explicit).to_bytes()
    out += write_varint(fold(patch.centre)) + write_varint(patch.bound)
    if fit:
        out += write_weights(fit.weights - model.weights + unit_weights(fit.weights.shape[0]))
    stream = encode_residuals(
        measurement, patch.centre, model.popularity, model.table_of_state, model.compiled
    )
    out += stream.states.astype("<u4").tobytes()
    return bytes(out) + stream.words.astype("<u2").tobytes()


def read_block(
    payload: bytes | memoryview,
    shape: tuple[int, int],
    model: Model,
    fills: int,
    pattern: np.dtype[np.generic],
    target: np.dtype[np.generic],
) -> tuple[AnyArray, tuple[int, int], UInt8Array | None, Patterns]:
    """Inverse of write_block.

    Args:
        payload: Of the block.
        shape: Its rows and columns.
        model: The plane's model.
        fills: Fill patterns of the plane.
        pattern: Unsigned dtype of a value's bits.
        target: dtype of the samples; they need not fit.

    Returns:
        Samples, the least and greatest of them, kinds of holes, bits of the explicit ones.

    Raises:
        CorruptError: The payload is not one that write_block makes.

    """
    reader = ByteReader(payload, "block")
    frame = Frame.read(reader, shape, fills, pattern)
    if frame.kind == VOID:
        reader.done()
        return np.zeros(shape, target), (0, 0), frame.codes, frame.explicit
    centre = reader.signed(SAMPLE_LIMIT)
    if frame.kind == CONSTANT:
        reader.done()
        samples = np.full(shape, centre, np.int64).astype(target)
        return samples, (centre, centre), frame.codes, frame.explicit
    bound = reader.varint(BOUND_LIMIT)
    weights = model.weights
    if frame.own_weights:
        sets = weights.shape[0]
        weights = weights + read_weights(reader, sets) - unit_weights(sets)
    states = reader.words(lane_count(shape[0]))
    if (states >> STATE_BITS == 0).any():
        raise CorruptError("block: the state of a lane is too small")
    stream = Stream(states, reader.half_words())
    samples, span = decode_residuals(
        shape, stream, holes_of(frame.codes), weights,
        model.thresholds, model.offsets, model.activity_shift, model.popularity,
        model.table_of_state, model.compiled, bound, centre, target,
    )  # fmt: skip
    return samples, span, frame.codes, frame.explicit


def unit_weights(sets: int) -> Int64Array:
    """Weight sets that predict by W alone: differences of weights sum to 0, weights to one."""
    unit = np.zeros((sets, TEMPLATE_SIZE), np.int64)
    unit[:, TEMPLATE_ABOVE] = WEIGHT_ONE
    return unit
