"""What the fuzzers know of the layout of a .dz file (docs/format.md section 3), all of it.

A file is taken apart into its sections and put together again with lengths and checksums that are
right, so that a change to a section reaches the code that reads it.
"""

import struct
import zlib
from dataclasses import dataclass

from demzip.container.layout import CHECKED, PREFIX

CRC_BYTES = 4
ENTRY = struct.Struct("<3I")


@dataclass
class Entry:
    """One block's line of the index."""

    size: int
    payload_crc: int
    values_crc: int


@dataclass
class Parts:
    """The sections of a file.

    Attributes:
        magic, version, reserved: Start of the prefix.
        header: Header section.
        entries: The index.
        payloads: Of the blocks, in the index's order.

    """

    magic: bytes
    version: int
    reserved: int
    header: bytes
    entries: list[Entry]
    payloads: list[bytes]


def split(data: bytes) -> Parts:
    """Sections of an intact file."""
    magic, version, reserved, header_bytes, index_bytes, _ = PREFIX.unpack(data[: PREFIX.size])
    place = PREFIX.size + header_bytes
    header, index = data[PREFIX.size : place], data[place : place + index_bytes]
    entries = _read_index(index)
    place += index_bytes
    payloads = []
    for entry in entries:
        payloads.append(data[place : place + entry.size])
        place += entry.size
    return Parts(magic, version, reserved, header, entries, payloads)


def seal(parts: Parts) -> None:
    """Let every entry say what its payload is; entries and payloads are as many."""
    for entry, payload in zip(parts.entries, parts.payloads, strict=True):
        entry.size, entry.payload_crc = len(payload), zlib.crc32(payload)


def join(parts: Parts, shift: int = 0, index_tail: bytes = b"") -> bytes:
    """The file.

    Args:
        parts: Its sections.
        shift: How many bytes of the index the lengths count as the header's.
        index_tail: Bytes behind the last entry.

    """
    index = b"".join(map(_write_entry, parts.entries)) + index_tail
    header_bytes = min(max(len(parts.header) + shift, 0), len(parts.header) + len(index))
    index_bytes = len(parts.header) + len(index) - header_bytes
    start = PREFIX.pack(parts.magic, parts.version, parts.reserved, header_bytes, index_bytes, 0)
    front = start[:CHECKED]
    crc = zlib.crc32(parts.header + index, zlib.crc32(front))
    return b"".join(
        [front, crc.to_bytes(CRC_BYTES, "little"), parts.header, index, *parts.payloads]
    )


def varint(value: int) -> bytes:
    """LEB128, as in docs/format.md section 1."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _read_index(index: bytes) -> list[Entry]:
    return [Entry(*fields) for fields in ENTRY.iter_unpack(index)]


def _write_entry(entry: Entry) -> bytes:
    return ENTRY.pack(entry.size, entry.payload_crc, entry.values_crc)
