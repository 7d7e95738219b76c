"""The checksum of decoded values (docs/format.md section 3.5)."""

import zlib

import numpy as np
from numpy.typing import NDArray


def checksum(values: NDArray[np.generic]) -> int:
    """CRC-32 of values, row by row, little-endian."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return zlib.crc32(np.ascontiguousarray(little).view(np.uint8).data)
