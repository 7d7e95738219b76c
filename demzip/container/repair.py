"""The front of a .dz file with one wrong byte, put right (docs/format.md section 3).

CRC-32 is linear: what a wrong byte does to the checksum depends on its place and on the bits that
flipped, not on the other bytes. Stepping the register back from the end, byte by byte, finds every
place where one byte explains the checksum.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from demzip.container.layout import CHECKED, INDEX, MAGIC, MAX_SIDE, PREFIX
from demzip.entropy.integers import ByteReader
from demzip.errors import CorruptError

CRC_FIELD = range(CHECKED, PREFIX.size)
HEADER_LENGTH, INDEX_LENGTH = range(12, 16), range(16, CHECKED)
MAX_FRONT = 1 << 24  # bytes, or a million blocks; searching longer ones would take too long

Read = Callable[[int, int], bytes]  # offset, size -> that many bytes, fewer at the end


@dataclass(frozen=True)
class Repair:
    """A front that differs from that of the file in one byte, and whose checksum is right.

    Attributes:
        place: Of the byte.
        front: Prefix, header and index.
        was: The byte as it stands in the file.

    """

    place: int
    front: bytes
    was: int

    def __str__(self) -> str:
        """The repair in words."""
        return f"byte {self.place} of the header is {self.was:#04x} and must be {self.now:#04x}"

    @property
    def now(self) -> int:
        """The byte as it must be."""
        return self.front[self.place]


def repairs(read: Read) -> Iterator[Repair]:
    """All fronts with the right checksum that are one byte away from the file's.

    By chance there may be more than one: the caller takes the one that can be read.
    """
    prefix = read(0, PREFIX.size)
    strange = sum(found != wanted for found, wanted in zip(prefix, MAGIC, strict=False))
    if len(prefix) < PREFIX.size or strange > 1:
        return
    total = _total(prefix)
    if total <= MAX_FRONT:
        front = read(0, total)
        if len(front) == total:
            yield from _with_these_lengths(front)
    yield from _with_other_lengths(read, prefix)


def _total(prefix: bytes) -> int:
    _, _, _, header_bytes, index_bytes, _ = PREFIX.unpack(prefix)
    return PREFIX.size + int(header_bytes) + int(index_bytes)


def _syndrome(front: bytes) -> int:
    """What the checksum should be, XOR what it is."""
    *_, crc = PREFIX.unpack(front[: PREFIX.size])
    return int(crc) ^ zlib.crc32(front[PREFIX.size :], zlib.crc32(front[:CHECKED]))


def _changed(front: bytes, place: int, flipped: int) -> Repair:
    was = front[place]
    return Repair(place, front[:place] + bytes([was ^ flipped]) + front[place + 1 :], was)


def _with_these_lengths(front: bytes) -> Iterator[Repair]:
    syndrome = _syndrome(front)
    if syndrome == 0:
        return
    for byte, place in enumerate(CRC_FIELD):
        if syndrome & (0xFF << 8 * byte) == syndrome:
            yield _changed(front, place, syndrome >> 8 * byte)
    table = [_step(byte) for byte in range(256)]
    of_top = {value >> 24: byte for byte, value in enumerate(table)}
    register = syndrome
    for place in chain(reversed(range(PREFIX.size, len(front))), reversed(range(CHECKED))):
        byte = of_top[register >> 24]
        register = ((register ^ table[byte]) << 8) | byte
        if register < 256 and not HEADER_LENGTH.start <= place < INDEX_LENGTH.stop:
            yield _changed(front, place, register)


def _step(byte: int) -> int:
    """The CRC register that held `byte`, after it moved on by one byte of zero."""
    return zlib.crc32(bytes([byte])) ^ zlib.crc32(b"\0")


def _with_other_lengths(read: Read, prefix: bytes) -> Iterator[Repair]:
    """A wrong length makes the checksum cover the wrong bytes: all others are tried."""
    index_bytes = _index_bytes(read)
    if index_bytes is None or index_bytes >= MAX_FRONT:
        return
    if PREFIX.unpack(prefix)[4] == index_bytes:
        changes = [
            prefix[:place] + bytes([byte]) + prefix[place + 1 :]
            for place in HEADER_LENGTH
            for byte in range(256)
        ]
    else:
        start, stop = INDEX_LENGTH.start, INDEX_LENGTH.stop
        changes = [prefix[:start] + index_bytes.to_bytes(4, "little") + prefix[stop:]]
    rest = memoryview(read(PREFIX.size, MAX_FRONT - PREFIX.size))
    for changed in changes:
        places = [place for place in range(PREFIX.size) if changed[place] != prefix[place]]
        total = _total(changed)
        if len(places) != 1 or total > MAX_FRONT:
            continue
        *_, crc = PREFIX.unpack(changed)
        body = rest[: total - PREFIX.size]
        whole = len(body) == total - PREFIX.size
        if whole and zlib.crc32(body, zlib.crc32(changed[:CHECKED])) == crc:
            yield Repair(places[0], changed + body, prefix[places[0]])


def _index_bytes(read: Read) -> int | None:
    """Length of the index that the header asks for."""
    reader = ByteReader(read(PREFIX.size, 40), "header")
    try:
        rows, cols, block, planes = (reader.varint(MAX_SIDE + 1) for _ in range(4))
    except CorruptError:
        return None
    if block == 0:
        return None
    return -(-rows // block) * -(-cols // block) * planes * INDEX.itemsize
