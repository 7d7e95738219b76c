"""Bytes of a .dz file: prefix, header, block index, payloads (docs/format.md section 3)."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.entropy.integers import ByteReader, write_varint
from demzip.errors import CorruptError, OptionsError, TruncatedError, UnsupportedError

MAGIC = b"\x89DMZ\r\n\x1a\n"
FORMAT_VERSION = 4  # of the files that are written
READABLE = (3, FORMAT_VERSION)
PREFIX = struct.Struct("<8sHHIII")  # magic, version, kind, header bytes, index bytes, CRC-32
NOT_DZ = "not a .dz file (its first bytes are not those of demzip)"
CHECKED = 20  # bytes of the prefix that its CRC covers
INDEX = np.dtype([("size", "<u4"), ("payload_crc", "<u4"), ("value_crc", "<u4")])

RASTER, APPROXIMATION = 0, 1  # kinds of files
KINDS = {3: (RASTER,), FORMAT_VERSION: (RASTER, APPROXIMATION)}

MAX_SIDE = 1 << 24  # rows or columns
MAX_PLANES = 65535
MAX_SECTION = 1 << 26  # bytes of the metadata or of a plane's section
MAX_INDEX = 1 << 32  # bytes


@dataclass(frozen=True)
class Header:
    """What a .dz file says of its raster.

    Attributes:
        rows, cols: 1 .. 2**24.
        block: Side of a block.
        metadata: Compressed metadata, see container/metadata.py.
        planes: Section of each plane, see container/plane.py.
        version: Of the format.

    """

    rows: int
    cols: int
    block: int
    metadata: bytes
    planes: tuple[bytes, ...]
    version: int = FORMAT_VERSION

    def to_bytes(self) -> bytes:
        """The header section."""
        out = bytearray()
        for value in (self.rows, self.cols, self.block, len(self.planes)):
            out += write_varint(value)
        for section in (self.metadata, *self.planes):
            out += write_varint(len(section)) + section
        return bytes(out)

    @classmethod
    def from_bytes(
        cls, data: bytes | memoryview, version: int = FORMAT_VERSION
    ) -> "Header":
        """Inverse of to_bytes.

        Raises:
            CorruptError: A field is outside its legal range.

        """
        reader = ByteReader(data, "header")
        rows, cols = reader.varint(MAX_SIDE + 1), reader.varint(MAX_SIDE + 1)
        block, count = reader.varint(1 << 13), reader.varint(MAX_PLANES + 1)
        if min(rows, cols, count) < 1:
            raise CorruptError("header: a size or the number of planes is 0")
        metadata = bytes(reader.take(reader.varint(MAX_SECTION)))
        planes = tuple(bytes(reader.take(reader.varint(MAX_SECTION))) for _ in range(count))
        reader.done()
        return cls(rows, cols, block, metadata, planes, version)


@dataclass(frozen=True)
class BlockEntry:
    """Where a block's payload lies and what it must be.

    Attributes:
        offset: Byte in the file.
        size: Bytes of the payload.
        payload_crc: CRC-32 of the payload.
        value_crc: CRC-32 of the decoded values, row by row, little-endian.

    """

    offset: int
    size: int
    payload_crc: int
    value_crc: int


@dataclass(frozen=True)
class BlockIndex:
    """Entries of all blocks, in the order of their payloads.

    Attributes:
        entries: (blocks,) of dtype INDEX.
        ends: (blocks,) where each payload ends in the file.

    """

    entries: NDArray[np.void]
    ends: NDArray[np.int64]

    @classmethod
    def of_entries(cls, entries: NDArray[np.void], start: int) -> "BlockIndex":
        """Index of payloads that begin at byte `start`."""
        return cls(entries, start + np.cumsum(entries["size"], dtype=np.int64))

    def __getitem__(self, number: int) -> BlockEntry:
        """Entry of a payload."""
        size, payload_crc, value_crc = self.entries[number].tolist()
        return BlockEntry(int(self.ends[number]) - size, size, payload_crc, value_crc)

    @property
    def end(self) -> int:
        """Where the last payload ends."""
        return int(self.ends[-1])


def front_bytes(header: bytes, blocks: int) -> int:
    """Bytes before the first payload.

    Raises:
        UnsupportedError: The index would be too long.

    """
    if blocks * INDEX.itemsize >= MAX_INDEX:
        raise UnsupportedError(f"{blocks} blocks are too many for an index; use larger blocks")
    return PREFIX.size + len(header) + blocks * INDEX.itemsize


def write_front(
    header: bytes, entries: NDArray[np.void] | None, kind: int = RASTER
) -> bytes:
    """Prefix, header and index: everything before the payloads.

    Args:
        header: Of Header.to_bytes; of an approximation, of Approximation.to_bytes.
        entries: (blocks,) of dtype INDEX; None for no index.
        kind: RASTER or APPROXIMATION.

    """
    index = b"" if entries is None else entries.tobytes()
    start = PREFIX.pack(MAGIC, FORMAT_VERSION, kind, len(header), len(index), 0)[:CHECKED]
    crc = zlib.crc32(index, zlib.crc32(header, zlib.crc32(start)))
    return start + crc.to_bytes(4, "little") + header + index


def read_kind(data: bytes | memoryview) -> int:
    """What a file holds: RASTER or APPROXIMATION.

    Args:
        data: Its first bytes.

    Raises:
        OptionsError: The file is not a .dz file.
        UnsupportedError: It has a format version that this reader does not know.
        TruncatedError: It ends within the prefix.

    """
    if bytes(data[: len(MAGIC)]) != MAGIC:
        if len(data) < len(MAGIC) and MAGIC.startswith(bytes(data)) and len(data) > 0:
            raise TruncatedError("the file ends within its first 8 bytes")
        raise OptionsError(NOT_DZ)
    if len(data) < PREFIX.size:
        raise TruncatedError(f"the file ends within its first {PREFIX.size} bytes")
    _, version, kind, *_ = PREFIX.unpack(data[: PREFIX.size])
    if kind not in KINDS.get(version, ()):
        hint = "compress the raster again" if version in (1, 2) else "a newer demzip may read it"
        raise UnsupportedError(
            f"format version {version}.{kind} is not known to this demzip, which reads "
            f"versions {' and '.join(map(str, READABLE))}; {hint}"
        )
    return int(kind)


def read_prefix(data: bytes | memoryview, wanted: int | None = RASTER) -> int:
    """Bytes of prefix, header and index together.

    Args:
        data: The file's first bytes.
        wanted: Kind of file; None for any, while its checksum is not known to be right.

    Raises:
        OptionsError: The file is not a .dz file, or holds a raster where none is wanted.
        UnsupportedError: It has a format version that this reader does not know, or holds an
            approximation where a raster is wanted.
        TruncatedError: It ends within the prefix.

    """
    kind = read_kind(data)
    if kind == APPROXIMATION and wanted == RASTER:
        raise UnsupportedError(
            "holds an approximation, not the values of a raster; `demzip info` checks it, "
            "`demzip implicit render` (in Python demzip.open_implicit) draws it"
        )
    if wanted is not None and kind != wanted:
        raise OptionsError("holds a raster, not an approximation; `demzip decompress` reads it")
    *_, header_bytes, index_bytes, _ = PREFIX.unpack(data[: PREFIX.size])
    return PREFIX.size + int(header_bytes) + int(index_bytes)


def check_front(data: bytes | memoryview, total: int) -> None:
    """See that the first `total` bytes are there and match their checksum.

    Raises:
        CorruptError: They do not.
        TruncatedError: The file ends within header or index.

    """
    if len(data) < total:
        raise TruncatedError(f"the file ends within its header: {len(data)} bytes of {total}")
    *_, crc = PREFIX.unpack(data[: PREFIX.size])
    if zlib.crc32(data[PREFIX.size : total], zlib.crc32(data[:CHECKED])) != crc:
        raise CorruptError("the header is damaged (checksum mismatch)")


def read_front(
    data: bytes | memoryview, count_blocks: Callable[[Header], int]
) -> tuple[Header, BlockIndex]:
    """Header and index.

    Args:
        data: The file's first `read_prefix(...)` bytes, or more.
        count_blocks: Gives the number of payloads of a header, after checking it.

    Raises:
        UnsupportedError: It holds an approximation.
        CorruptError: The checksum or a field is wrong.
        TruncatedError: The file ends within header or index.

    """
    total = read_prefix(data, None)
    check_front(data, total)
    read_prefix(data)
    _, version, _, header_bytes, index_bytes, _ = PREFIX.unpack(data[: PREFIX.size])
    header = Header.from_bytes(data[PREFIX.size : PREFIX.size + header_bytes], version)
    blocks = count_blocks(header)
    if index_bytes != blocks * INDEX.itemsize:
        raise CorruptError(f"block index: {index_bytes} bytes for {blocks} blocks")
    entries = np.frombuffer(data[PREFIX.size + header_bytes : total], INDEX)
    return header, BlockIndex.of_entries(entries, total)
