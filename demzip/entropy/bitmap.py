"""Masks of missing samples in words (docs/format.md section 5.3)."""

import numpy as np
from numpy.typing import NDArray

from demzip.entropy.kernels import decode_bitmap, encode_bitmap
from demzip.errors import CorruptError

UInt8Array = NDArray[np.uint8]
UInt32Array = NDArray[np.uint32]

CONTEXTS = 64
EVEN = 32768


def write_bitmap(mask: UInt8Array) -> UInt32Array:
    """Code a (rows, cols) mask of 0 and 1."""
    words = np.empty(mask.size + 2, np.uint32)
    used = encode_bitmap(mask, np.full(CONTEXTS, EVEN, np.int64), words)
    return words[:used].copy()


def read_bitmap(words: UInt32Array, shape: tuple[int, int]) -> UInt8Array:
    """Inverse of write_bitmap.

    Raises:
        CorruptError: The mask does not end where its words do.

    """
    mask = np.zeros(shape, np.uint8)
    padded = np.concatenate([words, np.zeros(4, np.uint32)])
    taken = decode_bitmap(padded, np.full(CONTEXTS, EVEN, np.int64), mask)
    if not words.size <= taken <= words.size + 2:
        raise CorruptError("a mask does not end with its last sample")
    return mask
