"""Bytes of a .dz file: prefix, header, block index, payloads (docs/format.md section 3)."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.entropy.integers import ByteReader, read_integers, write_integers, write_varint
from demzip.errors import CorruptError, OptionsError, TruncatedError, UnsupportedError

MAGIC = b"\x89DMZ\r\n\x1a\n"
FORMAT_VERSION = 1
PREFIX = struct.Struct("<8sHHIII")  # magic, version, reserved, header bytes, index bytes, CRC-32
CHECKED = 20  # bytes of the prefix that its CRC covers

MAX_SIDE = 1 << 24  # rows or columns
MAX_HEADER = 1 << 26
MAX_METADATA = 1 << 26
MAX_LEVELS = 1 << 20  # span of the levels whose ranks are samples
MAX_NUMBER = 1 << 47  # of a grid number
CRC_BYTES = 4


@dataclass(frozen=True)
class Header:
    """What a .dz file says of its raster.

    Attributes:
        dtype: Identifier of the values' dtype.
        predictor: Identifier of the predictor.
        rows, cols: 1 .. 2**24.
        block: Side of a block.
        denominator: Grid numbers per unit of the values, >= 1.
        fill: Bit pattern of missing samples, or None.
        levels: Ascending grid numbers whose ranks are the samples, or None.
        metadata: Compressed metadata, see container/metadata.py.
        model: Model section, see scan/model.py.

    """

    dtype: int
    predictor: int
    rows: int
    cols: int
    block: int
    denominator: int
    fill: int | None
    levels: NDArray[np.int64] | None
    metadata: bytes
    model: bytes

    def to_bytes(self) -> bytes:
        """The header section."""
        out = bytearray([self.dtype, self.predictor])
        for value in (self.rows, self.cols, self.block, self.denominator):
            out += write_varint(value)
        out += bytes([0 if self.fill is None else 1])
        if self.fill is not None:
            out += self.fill.to_bytes(8, "little")
        out += write_varint(0 if self.levels is None else self.levels.size)
        if self.levels is not None:
            out += write_integers(np.diff(self.levels, prepend=0))
        for section in (self.metadata, self.model):
            out += write_varint(len(section)) + section
        return bytes(out)

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> "Header":
        """Inverse of to_bytes.

        Raises:
            CorruptError: A field is outside its legal range.

        """
        reader = ByteReader(data, "header")
        dtype, predictor = reader.take(1)[0], reader.take(1)[0]
        rows, cols = reader.varint(MAX_SIDE + 1), reader.varint(MAX_SIDE + 1)
        block, denominator = reader.varint(1 << 13), reader.varint(1 << 32)
        fill = None
        has_fill = reader.take(1)[0]
        if has_fill > 1:
            raise CorruptError(f"header: {has_fill} where 0 or 1 says whether there is no-data")
        if has_fill:
            fill = int.from_bytes(reader.take(8), "little")
        level_count = reader.varint(MAX_LEVELS + 1)
        levels = None
        if level_count:
            steps = read_integers(reader, level_count)
            ascend = np.all((steps[1:] > 0) & (steps[1:] <= MAX_LEVELS))
            if not ascend or abs(int(steps[0])) >= MAX_NUMBER:
                raise CorruptError("header: levels do not ascend or are too far apart")
            levels = np.cumsum(steps)
            if int(levels[-1]) - int(levels[0]) >= MAX_LEVELS:
                raise CorruptError("header: levels span too much")
        metadata = bytes(reader.take(reader.varint(MAX_METADATA)))
        model = bytes(reader.take(reader.varint(MAX_HEADER)))
        reader.done()
        if min(rows, cols, denominator) < 1:
            raise CorruptError("header: a size or the denominator is 0")
        return cls(
            dtype, predictor, rows, cols, block, denominator, fill, levels, metadata, model
        )


@dataclass(frozen=True)
class BlockEntry:
    """Where a block's payload lies and what it must be.

    Attributes:
        offset: Byte in the file.
        size: Bytes of the payload.
        payload_crc: CRC-32 of the payload.
        sample_crc: CRC-32 of the decoded values, row by row, little-endian.

    """

    offset: int
    size: int
    payload_crc: int
    sample_crc: int


def write_file(header: Header, payloads: list[bytes], sample_crcs: list[int]) -> bytes:
    """A complete .dz file."""
    return write_front(header, payloads, sample_crcs) + b"".join(payloads)


def write_front(header: Header, payloads: list[bytes], sample_crcs: list[int]) -> bytes:
    """Prefix, header and index: everything before the payloads."""
    index = bytearray()
    for payload, sample_crc in zip(payloads, sample_crcs, strict=True):
        index += write_varint(len(payload))
        index += zlib.crc32(payload).to_bytes(CRC_BYTES, "little")
        index += sample_crc.to_bytes(CRC_BYTES, "little")
    body = header.to_bytes()
    start = PREFIX.pack(MAGIC, FORMAT_VERSION, 0, len(body), len(index), 0)[:CHECKED]
    crc = zlib.crc32(index, zlib.crc32(body, zlib.crc32(start)))
    return start + crc.to_bytes(CRC_BYTES, "little") + body + bytes(index)


def read_prefix(data: bytes | memoryview) -> int:
    """Bytes of prefix, header and index together.

    Raises:
        OptionsError: The file is not a .dz file.
        UnsupportedError: It has a format version that this reader does not know.
        TruncatedError: It ends within the prefix.

    """
    if bytes(data[: len(MAGIC)]) != MAGIC:
        if len(data) < len(MAGIC) and MAGIC.startswith(bytes(data)) and len(data) > 0:
            raise TruncatedError("the file ends within its first 8 bytes")
        raise OptionsError("not a .dz file (its first bytes are not those of demzip)")
    if len(data) < PREFIX.size:
        raise TruncatedError(f"the file ends within its first {PREFIX.size} bytes")
    _, version, reserved, header_bytes, index_bytes, _ = PREFIX.unpack(data[: PREFIX.size])
    if version != FORMAT_VERSION or reserved != 0:
        raise UnsupportedError(
            f"format version {version}.{reserved} is not known to this demzip, which reads "
            f"version {FORMAT_VERSION}; a newer demzip may read it"
        )
    return PREFIX.size + int(header_bytes) + int(index_bytes)


def read_front(
    data: bytes | memoryview, count_blocks: Callable[[Header], int]
) -> tuple[Header, list[BlockEntry]]:
    """Header and index.

    Args:
        data: The file's first `read_prefix(...)` bytes, or more.
        count_blocks: Gives the number of blocks of a header, after checking it.

    Raises:
        CorruptError: The checksum or a field is wrong.
        TruncatedError: The file ends within header or index.

    """
    total = read_prefix(data)
    if len(data) < total:
        raise TruncatedError(
            f"the file ends within its header: {len(data)} bytes of {total}"
        )
    _, _, _, header_bytes, _, crc = PREFIX.unpack(data[: PREFIX.size])
    if zlib.crc32(data[PREFIX.size : total], zlib.crc32(data[:CHECKED])) != crc:
        raise CorruptError("the header is damaged (checksum mismatch)")
    header = Header.from_bytes(data[PREFIX.size : PREFIX.size + header_bytes])
    reader = ByteReader(data[PREFIX.size + header_bytes : total], "block index")
    entries, offset = [], total
    for _ in range(count_blocks(header)):
        size = reader.varint()
        payload_crc = int.from_bytes(reader.take(CRC_BYTES), "little")
        sample_crc = int.from_bytes(reader.take(CRC_BYTES), "little")
        entries.append(BlockEntry(offset, size, payload_crc, sample_crc))
        offset += size
    reader.done()
    return header, entries
