"""Short lists of integers in bytes: weights, tables, levels (docs/format.md section 4).

A value becomes a token (its logarithm, coded with a table that travels along) and low bits.
"""

import numpy as np
from numpy.typing import NDArray

from demzip.entropy import range_coder
from demzip.entropy.tables import normalise
from demzip.errors import CorruptError, TruncatedError

Int64Array = NDArray[np.int64]

SMALL = 16  # tokens 0..15 are the folded values themselves
MAX_TOKENS = SMALL + 2 * 59  # folded values stay below 2**63
NIBBLES = np.array([0, 4], np.int64)  # bits below each of a byte
MOST_BYTES = 9  # that up to 63 bits may lie in
LEVEL_STEP = 4  # a nibble n > 0 of the table stands for level n * 4, a factor of 2 each


def write_varint(value: int) -> bytes:
    """LEB128: 7 bits a byte, lowest first, the high bit set on all but the last."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def fold(value: int) -> int:
    """0, -1, 1, -2, ... to 0, 1, 2, 3, ..."""
    return 2 * value if value >= 0 else -2 * value - 1


def unfold(value: int) -> int:
    """Inverse of fold."""
    return -(value >> 1) - 1 if value & 1 else value >> 1


class ByteReader:
    """Takes fields off the front of some bytes; what is missing raises TruncatedError."""

    def __init__(self, data: bytes | memoryview, what: str) -> None:
        self.data = memoryview(data)
        self.position = 0
        self.what = what

    def take(self, count: int) -> memoryview:
        """The next `count` bytes."""
        if count > len(self.data) - self.position:
            raise TruncatedError(f"{self.what} ends early: {count} bytes expected")
        self.position += count
        return self.data[self.position - count : self.position]

    def varint(self, limit: int = 2**63) -> int:
        """A LEB128 number below `limit`."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 63:
                break
        if value >= limit or byte >= 0x80:
            raise CorruptError(f"{self.what}: {value} where less than {limit} is legal")
        return value

    def signed(self, limit: int = 2**62) -> int:
        """A folded LEB128 number within +-limit."""
        return unfold(self.varint(2 * limit))

    def words(self, count: int) -> NDArray[np.uint32]:
        """`count` little-endian 32-bit words."""
        return np.frombuffer(self.take(4 * count), "<u4").astype(np.uint32)

    def half_words(self) -> NDArray[np.uint16]:
        """All that is left, as little-endian 16-bit words."""
        left = len(self.data) - self.position
        if left % 2:
            raise CorruptError(f"{self.what} ends in the middle of a word")
        return np.frombuffer(self.take(left), "<u2").astype(np.uint16)

    def done(self) -> None:
        """Check that nothing is left over."""
        if self.position != len(self.data):
            raise CorruptError(f"{self.what} has {len(self.data) - self.position} bytes too many")


def _tokens(folded: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Tokens, and how many extra bits follow each."""
    lengths = np.frexp(folded.astype(np.float64))[1].astype(np.int64)
    # The float may have been rounded up to the next power of two.
    lengths -= folded >> np.maximum(lengths - 1, 0) == 0
    extra = np.where(folded < SMALL, 0, lengths - 2)
    second = (folded >> extra) & 1
    tokens = np.where(folded < SMALL, folded, SMALL + 2 * (lengths - 5) + second)
    return tokens, extra


def write_integers(values: Int64Array) -> bytes:
    """Code a list whose length the reader knows; |value| < 2**62."""
    if values.size == 0:
        return b""
    folded = (values << 1) ^ (values >> 63)
    tokens, extra = _tokens(folded)
    counts = np.bincount(tokens)
    nibbles = np.where(
        counts > 0,
        np.clip(np.rint(np.log2(np.maximum(counts, 1) / counts.max())) + 15, 1, 15),
        0,
    ).astype(np.int64)
    out = bytearray([nibbles.size])
    padded = np.append(nibbles, 0)[: 2 * ((nibbles.size + 1) // 2)]
    out += (padded[0::2] | padded[1::2] << 4).astype(np.uint8).tobytes()
    if np.count_nonzero(nibbles) > 1:
        symbols = np.cumsum(nibbles > 0)[tokens] - 1
        words = range_coder.encode(symbols, _frequencies(nibbles))
        out += write_varint(words.size) + words.astype("<u4").tobytes()
    return bytes(out) + _pack(folded, extra)


def _pack(values: Int64Array, lengths: Int64Array) -> bytes:
    """The last `lengths` bits of each value, one after the other, lowest first; lengths below 64.

    In time linear in their sum, as `_unpack`.
    """
    ends = np.cumsum(lengths)
    starts = ends - lengths
    low = values & ((1 << lengths) - 1)
    out = np.zeros(int(ends[-1] + 7) // 8 + MOST_BYTES, np.uint8)
    for byte in range(_bytes_touched(lengths)):
        shift = np.minimum(8 * byte - (starts & 7), 63)
        part = low >> shift if byte else low << -shift
        np.bitwise_or.at(out, (starts >> 3) + byte, (part & 0xFF).astype(np.uint8))
    return out[: out.size - MOST_BYTES].tobytes()


def _bytes_touched(lengths: Int64Array) -> int:
    """Bytes that the longest of these parts may lie in, wherever it begins."""
    longest = int(lengths.max())
    return (longest + 14) // 8 if longest else 0


def write_naturals(values: Int64Array) -> bytes:
    """Code a list of numbers that are never negative: as the integers that fold to them."""
    return write_integers(np.where(values & 1, -(values >> 1) - 1, values >> 1))


def read_naturals(reader: ByteReader, count: int) -> Int64Array:
    """Inverse of write_naturals."""
    values = read_integers(reader, count)
    return np.where(values >= 0, 2 * values, -2 * values - 1)


def read_integers(reader: ByteReader, count: int) -> Int64Array:
    """Inverse of write_integers."""
    if count == 0:
        return np.zeros(0, np.int64)
    size = reader.take(1)[0]
    packed = np.frombuffer(reader.take((size + 1) // 2), np.uint8)
    nibbles = (packed[:, None] >> NIBBLES & 15).ravel()[:size]
    present = np.flatnonzero(nibbles)
    if not 0 < size <= MAX_TOKENS or present.size == 0:
        raise CorruptError(f"{reader.what}: illegal table of a list of numbers")
    tokens = np.full(count, present[0])
    if present.size > 1:
        words = reader.words(reader.varint(count + 3))
        tokens = present[range_coder.decode(words, count, _frequencies(nibbles))]
    lengths = np.where(tokens < SMALL, 0, (tokens - SMALL) // 2 + 5)
    extra = np.maximum(lengths - 2, 0)
    low = _unpack(reader.take(-(-int(extra.sum()) // 8)), extra)
    folded = np.where(tokens < SMALL, tokens, (2 + (tokens - SMALL) % 2) << extra | low)
    return np.where(folded & 1, -(folded >> 1) - 1, folded >> 1)


def _unpack(data: memoryview, lengths: Int64Array) -> Int64Array:
    """Inverse of _pack, lengths below 64; in time linear in their sum, whatever a file asks for."""
    out = np.zeros(lengths.size, np.int64)
    if not data:
        return out
    starts = np.cumsum(lengths) - lengths
    padded = np.frombuffer(bytes(data) + bytes(MOST_BYTES), np.uint8)
    for byte in range(_bytes_touched(lengths)):
        shift = np.minimum(8 * byte - (starts & 7), 63)
        part = padded[(starts >> 3) + byte].astype(np.int64)
        out |= part << shift if byte else part >> -shift
    return out & ((1 << lengths) - 1)


def _frequencies(nibbles: Int64Array) -> Int64Array:
    return normalise(LEVEL_STEP * nibbles[nibbles > 0], range_coder.TOTAL)
