"""A file that holds a network in place of a raster (docs/format.md section 16)."""

import math
import struct
from dataclasses import dataclass

from demzip.container.layout import (
    APPROXIMATION,
    MAX_SECTION,
    MAX_SIDE,
    PREFIX,
    check_front,
    read_prefix,
    write_front,
)
from demzip.entropy.integers import ByteReader, fold, write_varint
from demzip.errors import CorruptError

MAX_EXPONENT = 64
ERRORS = struct.Struct("<3d")


@dataclass(frozen=True)
class Errors:
    """How far an approximation is from the raster, in the elevations' units.

    Attributes:
        cells: That have a height in the raster, 0 .. 2**48.
        mean, deviation, largest: Of the absolute errors in these cells; not negative.

    """

    cells: int
    mean: float
    deviation: float
    largest: float


@dataclass(frozen=True)
class Approximation:
    """Fields of the file.

    Attributes:
        rows, cols: Of the raster, 1 .. 2**24.
        exponent: An elevation is a height of the network times 2**exponent; within +-64.
        errors: Of the network.
        metadata: Compressed metadata of a raster of one band, see container/metadata.py.
        network: See scan/implicit/surface.py.

    """

    rows: int
    cols: int
    exponent: int
    errors: Errors
    metadata: bytes
    network: bytes

    def to_bytes(self) -> bytes:
        """The whole file."""
        out = bytearray(write_varint(self.rows) + write_varint(self.cols))
        out += write_varint(fold(self.exponent)) + write_varint(self.errors.cells)
        out += ERRORS.pack(self.errors.mean, self.errors.deviation, self.errors.largest)
        for section in (self.metadata, self.network):
            out += write_varint(len(section)) + section
        return write_front(bytes(out), None, APPROXIMATION)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Approximation":
        """Inverse of to_bytes.

        Args:
            data: The file; what follows its header is ignored.

        Raises:
            OptionsError: It is not a .dz file, or one of a raster.
            UnsupportedError: It has a format version that this reader does not know.
            CorruptError: The checksum or a field is wrong.

        """
        total = read_prefix(data, APPROXIMATION)
        check_front(data, total)
        _, _, _, header_bytes, index_bytes, _ = PREFIX.unpack(data[: PREFIX.size])
        if index_bytes:
            raise CorruptError("block index: an approximation has none")
        reader = ByteReader(data[PREFIX.size : PREFIX.size + header_bytes], "header")
        rows, cols = reader.varint(MAX_SIDE + 1), reader.varint(MAX_SIDE + 1)
        if min(rows, cols) < 1:
            raise CorruptError("header: a size is 0")
        exponent, cells = reader.signed(MAX_EXPONENT + 1), reader.varint((1 << 48) + 1)
        figures = ERRORS.unpack(reader.take(ERRORS.size))
        legal = all(0 <= figure < math.inf and math.copysign(1, figure) > 0 for figure in figures)
        if exponent < -MAX_EXPONENT or not legal:
            raise CorruptError("header: exponent or errors are outside their legal range")
        metadata = bytes(reader.take(reader.varint(MAX_SECTION)))
        network = bytes(reader.take(reader.varint(MAX_SECTION)))
        reader.done()
        return cls(rows, cols, exponent, Errors(cells, *figures), metadata, network)
