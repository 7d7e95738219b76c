"""Section of a plane: how its samples become values, and its model (docs/format.md section 3.2)."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from demzip.container.layout import FORMAT_VERSION
from demzip.entropy.integers import ByteReader, read_integers, write_integers, write_varint
from demzip.errors import CorruptError, UnsupportedError
from demzip.options import NEURAL
from demzip.predict.templates import IMPLICIT, NAMES, PREDICTORS
from demzip.raster.values import DTYPES, RULES, ValueMap

BAND, MASK = 0, 1  # roles
TABLES, ADAPTIVE, NEURAL_CODER = 0, 1, 2  # coders of planes on a grid; true floats have TABLES
MAX_SECTION = 1 << 26
# By format version: predictors, and the last coder.
KNOWN = {3: (PREDICTORS, ADAPTIVE), 4: (NAMES, NEURAL_CODER)}
MAX_LEVELS = 1 << 20  # span of the levels whose ranks are samples
MAX_NUMBER = 1 << 47  # of a grid number
MAX_FILLS = 254
MAX_EXCEPTIONS = 1 << 49


@dataclass(frozen=True)
class PlaneSection:
    """What the header says of a plane.

    Attributes:
        role: BAND, or MASK for the mask of the dataset.
        predictor: Name of the predictor.
        value_map: Between its values and its samples.
        model: Model section, see model.py in scan, scan/adaptive, scan/neural and scan/real.
        coder: TABLES, ADAPTIVE or, of `neural`, NEURAL_CODER.
        network: Of `implicit`, see scan/implicit/surface.py; else nothing.

    """

    role: int
    predictor: str
    value_map: ValueMap
    model: bytes
    coder: int = TABLES
    network: bytes = b""

    def to_bytes(self) -> bytes:
        """The section."""
        out = bytearray([self.role, NAMES.index(self.predictor) + 1, self.coder])
        out += write_map(self.value_map)
        if self.predictor == IMPLICIT:
            out += write_varint(len(self.network)) + self.network
        return bytes(out + write_varint(len(self.model)) + self.model)

    @classmethod
    def from_bytes(cls, data: bytes, version: int = FORMAT_VERSION) -> "PlaneSection":
        """Inverse of to_bytes.

        Args:
            data: The section.
            version: Of the format.

        Raises:
            CorruptError: A field is outside its legal range.
            UnsupportedError: A later version of demzip wrote it.

        """
        reader = ByteReader(data, "plane section")
        role, predictor, coder = reader.take(3)
        if role not in (BAND, MASK):
            raise UnsupportedError(f"planes of role {role} are not known to this demzip")
        names, last_coder = KNOWN[version]
        if not 1 <= predictor <= len(names):
            raise UnsupportedError(f"predictor {predictor} is not known to this demzip")
        if coder > last_coder:
            raise UnsupportedError(f"coder {coder} is not known to this demzip")
        value_map = read_map(reader)
        if coder != TABLES and value_map.rule == "real":
            raise CorruptError("plane section: true floats with the coder of grids")
        name, network = names[predictor - 1], b""
        if (name == NEURAL) != (coder == NEURAL_CODER):
            raise CorruptError(f"plane section: predictor {name} with coder {coder}")
        if name == IMPLICIT:
            if coder != TABLES or value_map.rule == "real":
                raise CorruptError("plane section: a surface without tables")
            network = bytes(reader.take(reader.varint(MAX_SECTION)))
        model = bytes(reader.take(reader.varint(MAX_SECTION)))
        reader.done()
        return cls(role, name, value_map, model, coder, network)


def write_map(value_map: ValueMap) -> bytes:
    """Fields of a map (docs/format.md section 3.3)."""
    out = bytearray([DTYPES.index(value_map.dtype), RULES.index(value_map.rule)])
    if value_map.rule == "ratio":
        out += write_varint(value_map.numerator) + write_varint(value_map.denominator)
    elif value_map.rule == "product":
        out += struct.pack("<f", value_map.scale)
    elif value_map.rule == "affine":
        out += struct.pack("<dd", value_map.scale, value_map.offset)
    width = value_map.pattern.itemsize
    out += write_varint(len(value_map.fills))
    out += b"".join(fill.to_bytes(width, "little") for fill in value_map.fills)
    out += write_varint(value_map.exceptions)
    out += write_varint(0 if value_map.levels is None else value_map.levels.size)
    if value_map.levels is not None:
        out += write_integers(np.diff(value_map.levels, prepend=0))
    return bytes(out)


def read_map(reader: ByteReader) -> ValueMap:
    """Inverse of write_map.

    Raises:
        CorruptError: A field is outside its legal range.
        UnsupportedError: A dtype or a rule of a later version.

    """
    dtype_id, rule_id = reader.take(1)[0], reader.take(1)[0]
    if dtype_id >= len(DTYPES):
        raise UnsupportedError(f"dtype {dtype_id} is not known to this demzip")
    if rule_id >= len(RULES):
        raise UnsupportedError(f"rule {rule_id} of values is not known to this demzip")
    dtype, rule = DTYPES[dtype_id], RULES[rule_id]
    fields: dict[str, Any] = {}
    if rule == "ratio":
        fields = {"numerator": reader.varint(1 << 32), "denominator": reader.varint(1 << 32)}
    elif rule == "product":
        (fields["scale"],) = struct.unpack("<f", reader.take(4))
    elif rule == "affine":
        fields["scale"], fields["offset"] = struct.unpack("<dd", reader.take(16))
    width = np.dtype(dtype).itemsize
    fills = tuple(
        int.from_bytes(reader.take(width), "little") for _ in range(reader.varint(MAX_FILLS + 1))
    )
    exceptions = reader.varint(MAX_EXCEPTIONS)
    count = reader.varint(MAX_LEVELS + 1)
    levels = None
    if count:
        steps = read_integers(reader, count)
        ascend = np.all((steps[1:] > 0) & (steps[1:] <= MAX_LEVELS))
        if not ascend or abs(int(steps[0])) >= MAX_NUMBER:
            raise CorruptError("header: levels do not ascend or are too far apart")
        levels = np.cumsum(steps)
        if int(levels[-1]) - int(levels[0]) >= MAX_LEVELS:
            raise CorruptError("header: levels span too much")
    value_map = ValueMap(
        dtype, rule, fills=fills, levels=levels, exceptions=exceptions, **fields
    )
    value_map.check()
    return value_map
