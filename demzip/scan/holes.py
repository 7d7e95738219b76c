"""Which samples of a block are no numbers, and their bits (docs/format.md sections 5.3, 5.4)."""

import numpy as np
from numpy.typing import NDArray

from demzip.entropy.bitmap import read_bitmap, write_bitmap
from demzip.entropy.integers import ByteReader, read_naturals, write_naturals, write_varint
from demzip.errors import CorruptError

UInt8Array = NDArray[np.uint8]
Patterns = NDArray[np.unsignedinteger]

EXPLICIT = 255  # code of a hole whose bits stand in the payload
FIRST = 1  # code of a hole that has the plane's first fill pattern
MAX_RUNS = 1 << 20


def holes_of(codes: UInt8Array | None) -> UInt8Array | None:
    """Mask of 0 and 1."""
    return None if codes is None else (codes != 0).view(np.uint8)


def is_mixed(codes: UInt8Array | None) -> bool:
    """Whether there are other holes than those of the first fill pattern."""
    return codes is not None and bool(codes.max() > FIRST)


def simplify(codes: UInt8Array) -> UInt8Array:
    """The codes, or all holes explicit where there would be too many runs of equal ones."""
    if codes.size <= MAX_RUNS or np.count_nonzero(np.diff(codes[codes > 0])) < MAX_RUNS:
        return codes
    return np.where(codes > 0, np.uint8(EXPLICIT), np.uint8(0))


def write_mask(codes: UInt8Array) -> bytes:
    """Where the holes are."""
    words = write_bitmap(codes)
    return write_varint(words.size) + words.astype("<u4").tobytes()


def read_mask(reader: ByteReader, shape: tuple[int, int]) -> UInt8Array:
    """Inverse of write_mask: 0 and 1."""
    return read_bitmap(reader.words(reader.varint(shape[0] * shape[1] + 3)), shape)


def write_kinds(codes: UInt8Array, explicit: Patterns) -> bytes:
    """What the holes are, as runs of equal codes, and the bits of the explicit ones.

    Source: docs/format.md section 5.4. There are at most 2**20 runs; see `simplify`.
    """
    found = codes[codes > 0]
    starts = np.flatnonzero(np.diff(found, prepend=found[0] ^ 1))
    lengths = np.diff(starts, append=found.size)
    out = write_varint(starts.size)
    out += write_naturals(found[starts].astype(np.int64))
    out += write_naturals(lengths.astype(np.int64))
    return out + explicit.astype(explicit.dtype.newbyteorder("<")).tobytes()


def read_kinds(
    reader: ByteReader, mask: UInt8Array, fills: int, pattern: np.dtype[np.generic]
) -> tuple[UInt8Array, Patterns]:
    """Inverse of write_kinds.

    Args:
        reader: Of the payload.
        mask: (rows, cols), 1 in holes.
        fills: Fill patterns of the plane.
        pattern: Unsigned dtype of a value's bits.

    Returns:
        (rows, cols) codes, and the bits of the explicit holes.

    Raises:
        CorruptError: The runs do not fit the mask.

    """
    count = int(np.count_nonzero(mask))
    runs = reader.varint(min(count, MAX_RUNS) + 1)
    kinds, lengths = read_naturals(reader, runs), read_naturals(reader, runs)
    legal = (kinds == EXPLICIT) | ((kinds >= FIRST) & (kinds <= fills))
    # Each length is checked before the sum, which may wrap.
    if not legal.all() or (lengths > count).any() or int(lengths.sum()) != count:
        raise CorruptError("the kinds of holes do not fit the mask")
    codes = mask.copy()
    codes[mask != 0] = np.repeat(kinds, lengths)
    bits = reader.take(int(lengths[kinds == EXPLICIT].sum()) * pattern.itemsize)
    return codes, np.frombuffer(bits, pattern.newbyteorder("<")).astype(pattern)
