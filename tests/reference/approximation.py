"""Approximate surfaces (docs/format.md section 16)."""

import struct
import zlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.reference.decoder import CHECKED, MAGIC, PREFIX
from tests.reference.fields import Fields, RefuseError, RejectError, unfold
from tests.reference.metadata import read_metadata
from tests.reference.network import Network, read_network, total, wave

VERSION, KIND = 4, 1


@dataclass(frozen=True)
class Approximation:
    """Section 16.1."""

    rows: int
    cols: int
    exponent: int
    cells: int
    errors: tuple[float, ...]
    metadata: dict[str, Any]
    network: Network

    def at(self, row: float, col: float) -> Fraction:
        """Section 16.2: the elevation at a place, in cells."""
        side = max(self.rows, self.cols)
        return self.elevation(
            *((Fraction(float(Fraction(place) * 2**29 / side)) // 1) for place in (row, col))
        )

    def elevation(self, down: int, across: int) -> Fraction:
        """Section 16.2: the elevation at integer coordinates."""
        made = self.network
        inputs = []
        for east, south in made.frequencies:
            inputs += wave(east * across + south * down)
        for shift, units in made.layers:
            sums = [total(weights, inputs) for weights in units]
            inputs = [min(max((s + ((1 << shift) >> 1)) >> shift, 0), 32767) for s in sums]
        product = total(made.output, inputs) * made.gain + (1 << made.gain_shift - 1)
        height = (product >> made.gain_shift) + made.offset
        return min(max(height, made.lowest), made.highest) * Fraction(2) ** self.exponent


def decode(data: bytes) -> Approximation:
    """Read a file.

    Raises:
        RejectError: It is damaged.
        RefuseError: It is of another version or kind.

    """
    fields = Fields(data)
    if fields.take(8) != MAGIC:
        raise RejectError("no .dz file")
    version, kind = (int.from_bytes(fields.take(2), "little") for _ in range(2))
    if (version, kind) != (VERSION, KIND):
        raise RefuseError("version or kind")
    header_bytes, index_bytes, crc = fields.u32(), fields.u32(), fields.u32()
    body = fields.take(header_bytes + index_bytes)
    if zlib.crc32(body, zlib.crc32(data[:CHECKED])) != crc:
        raise RejectError("checksum of the header")
    if index_bytes:
        raise RejectError("an index")
    return read_header(data[PREFIX : PREFIX + header_bytes])


def read_header(data: bytes) -> Approximation:
    """Section 16.1."""
    fields = Fields(data)
    rows, cols = fields.varint((1 << 24) + 1), fields.varint((1 << 24) + 1)
    exponent, cells = unfold(fields.varint(130)), fields.varint((1 << 48) + 1)
    figures = fields.take(24)
    errors = struct.unpack("<3d", figures)
    if min(rows, cols) < 1 or not -64 <= exponent <= 64:
        raise RejectError("a size or the exponent")
    if any(figures[k] & 0x80 for k in (7, 15, 23)) or not all(e < float("inf") for e in errors):
        raise RejectError("errors")
    metadata = read_metadata(fields.take(fields.varint(1 << 26)), 1)
    network = read_network(fields.take(fields.varint(1 << 26)))
    fields.done()
    return Approximation(rows, cols, exponent, cells, errors, metadata, network)
