"""One block to its payload and back (docs/format.md section 5)."""

import numpy as np
from numpy.typing import NDArray

from demzip.constants import TEMPLATE_ABOVE, TEMPLATE_SIZE, WEIGHT_ONE
from demzip.entropy.bitmap import read_bitmap, write_bitmap
from demzip.entropy.integers import ByteReader, fold, write_varint
from demzip.errors import CorruptError
from demzip.scan.decoding import decode_residuals
from demzip.scan.encoding import Streams, encode_residuals, lane_count
from demzip.scan.measuring import Measurement
from demzip.scan.model import Model, read_weights, write_weights
from demzip.scan.survey import Fit, Patch
from demzip.scan.workspace import IntArray

Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]

# Kinds of blocks and flags, in the payload's first byte.
VOID, CONSTANT, CODED = 0, 1, 2
KIND_MASK, HAS_MASK, OWN_WEIGHTS = 3, 4, 8
SAMPLE_LIMIT = 1 << 47
BOUND_LIMIT = 1 << 48


def make_patch(
    samples: NDArray[np.integer], holes: UInt8Array | None
) -> tuple[Patch, int] | None:
    """Centre a block around the middle of its range; None if every sample is masked.

    Returns:
        The patch and its centre.

    """
    valid = samples if holes is None else samples[holes == 0]
    if valid.size == 0:
        return None
    lowest, highest = int(valid.min()), int(valid.max())
    centre = (lowest + highest) >> 1
    bound = max(highest - centre, centre - lowest)
    widest = max(abs(lowest), abs(highest), bound)
    dtype = np.int32 if widest < 2**31 else np.int64
    if holes is not None:
        samples = np.where(holes == 0, samples, lowest)
    return Patch(np.subtract(samples, centre, dtype=dtype, casting="unsafe"), holes, bound), centre


def write_block(
    patch: Patch | None, centre: int, measurement: Measurement | None, fit: Fit | None, model: Model
) -> bytes:
    """Payload of a block.

    Args:
        patch: The centred block; None if every sample is masked.
        centre: What was subtracted.
        measurement: The patch, measured with `fit` or the model's weights; needed if bound > 0.
        fit: Weights of the block's own, or None.
        model: The raster's model.

    """
    if patch is None:
        return bytes([VOID])
    kind = CODED if patch.bound else CONSTANT
    flags = (HAS_MASK if patch.holes is not None else 0) | (OWN_WEIGHTS if fit else 0)
    out = bytearray([kind | flags]) + write_varint(fold(centre))
    if patch.holes is not None:
        words = write_bitmap(patch.holes)
        out += write_varint(words.size) + words.astype("<u4").tobytes()
    if kind == CONSTANT or measurement is None:
        return bytes(out)
    out += write_varint(patch.bound)
    if fit:
        out += write_weights(fit.weights - model.weights + _unit(fit.weights.shape[0]))
    streams = encode_residuals(
        measurement, patch.samples, centre, model.popularity, model.table_of_state, model.compiled
    )
    parts = [*streams.coded, *streams.uncoded]
    for part in parts:
        out += write_varint(part.size)
    return bytes(out) + b"".join(part.astype("<u4").tobytes() for part in parts)


def read_block(
    payload: bytes | memoryview, shape: tuple[int, int], model: Model
) -> tuple[IntArray, UInt8Array | None]:
    """Inverse of write_block: samples and holes.

    Raises:
        CorruptError: The payload is not one that write_block makes.

    """
    reader = ByteReader(payload, "block")
    first = reader.take(1)[0]
    kind, has_mask, own = first & KIND_MASK, bool(first & HAS_MASK), bool(first & OWN_WEIGHTS)
    illegal = (own and kind != CODED) or (has_mask and kind == VOID)
    if illegal or kind > CODED or first > (CODED | HAS_MASK | OWN_WEIGHTS):
        raise CorruptError(f"block: unknown kind {first}")
    if kind == VOID:
        reader.done()
        return np.zeros(shape, np.int64), np.ones(shape, np.uint8)
    centre = reader.signed(SAMPLE_LIMIT)
    holes = None
    if has_mask:
        holes = read_bitmap(reader.words(reader.varint(shape[0] * shape[1] + 3)), shape)
    if kind == CONSTANT:
        reader.done()
        return np.full(shape, centre, np.int64), holes
    bound = reader.varint(BOUND_LIMIT)
    weights = model.weights
    if own:
        sets = weights.shape[0]
        weights = weights + read_weights(reader, sets) - _unit(sets)
    lanes = lane_count(*shape)
    lengths = [reader.varint(4 * shape[0] * shape[1] + 4) for _ in range(2 * lanes)]
    parts = [reader.words(length) for length in lengths]
    reader.done()
    samples = decode_residuals(
        shape, Streams(parts[:lanes], parts[lanes:]), holes, weights, model.thresholds,
        model.activity_shift, model.popularity, model.table_of_state, model.compiled, bound, centre,
    )  # fmt: skip
    return samples, holes


def _unit(sets: int) -> Int64Array:
    """Weight sets that predict by W alone: differences of weights sum to 0, weights to one."""
    unit = np.zeros((sets, TEMPLATE_SIZE), np.int64)
    unit[:, TEMPLATE_ABOVE] = WEIGHT_ONE
    return unit
