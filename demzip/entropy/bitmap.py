"""Masks of missing samples in words (docs/format.md section 5.3)."""

import numpy as np
from numpy.typing import NDArray

from demzip.entropy.tiles.kernels import (
    CELL_CONTEXTS,
    EVEN,
    TILE_CONTEXTS,
    decode_bitmap,
    encode_bitmap,
)
from demzip.errors import CorruptError

UInt8Array = NDArray[np.uint8]
UInt32Array = NDArray[np.uint32]
Chances = NDArray[np.int64]


def write_bitmap(mask: UInt8Array) -> UInt32Array:
    """Code a (rows, cols) mask; what is not 0 counts as 1."""
    bits, scratch = _scratch(*mask.shape)
    bits[2:, 1:-1] = np.packbits(mask, axis=1)
    words = np.empty(mask.size + 2, np.uint32)
    used = encode_bitmap(bits, mask.shape[1], *scratch, words)
    return words[:used].copy()


def read_bitmap(words: UInt32Array, shape: tuple[int, int]) -> UInt8Array:
    """Inverse of write_bitmap: a mask of 0 and 1.

    Raises:
        CorruptError: The mask does not end where its words do.

    """
    bits, scratch = _scratch(*shape)
    padded = np.concatenate([words, np.zeros(4, np.uint32)])
    taken = decode_bitmap(padded, shape[1], *scratch, bits)
    if not words.size <= taken <= words.size + 2:
        raise CorruptError("a mask does not end with its last sample")
    return np.unpackbits(bits[2:, 1:-1], axis=1, count=shape[1])


def _scratch(rows: int, cols: int) -> tuple[UInt8Array, tuple[UInt8Array, Chances, Chances]]:
    """Bits, and tiles with the chances of theirs and of cells, as the kernels begin with them."""
    high, wide = -(-rows // 8), -(-cols // 8)
    return np.zeros((rows + 2, wide + 2), np.uint8), (
        np.zeros((high + 1, wide + 2), np.uint8),
        np.full(TILE_CONTEXTS, EVEN, np.int64),
        np.full(CELL_CONTEXTS, EVEN, np.int64),
    )
