"""A .dz file to its values (docs/format.md sections 3 and 5)."""

import struct
import zlib
from dataclasses import dataclass, field, replace
from typing import Any

from tests.reference.coder import ResidualDecoder, Table, decode_mask
from tests.reference.fields import Fields, RefuseError, RejectError, running, unfold
from tests.reference.metadata import read_metadata
from tests.reference.model import Model, complete, read_model, read_weights
from tests.reference.predictor import MARGIN, SEGMENT, Surface, level_of

MAGIC = b"\x89DMZ\r\n\x1a\n"
PREFIX = 24
CHECKED = 20
CODES = "bBhHiIfd"  # of struct, by dtype
FLOAT32 = 6
NUMBER_LIMIT = 1 << 46
LEVEL_LIMIT = 1 << 20
FIRST_LEVEL_LIMIT = 1 << 47
KINDS = (0, 1, 5, 2, 6, 10, 14)
HAS_MASK, OWN_WEIGHTS = 4, 8
VOID, CONSTANT = 0, 1
FOUR_STREAMS = 16384  # samples

Grid = list[list[int]]


@dataclass(frozen=True)
class Step:
    """How one sample was decoded, for the worked example."""

    row: int
    col: int
    prediction: int
    activity: int
    level: int
    bin: int
    subcontext: int
    context: int
    symbol: int
    residual: int
    sample: int


@dataclass(frozen=True)
class Header:
    """Section 3.2."""

    dtype: int
    predictor: int
    rows: int
    cols: int
    block: int
    denominator: int
    fill: int | None
    levels: list[int]
    metadata: dict[str, Any]
    model: Model


@dataclass
class Decoded:
    """A decoded file.

    Attributes:
        header: Its header.
        values: Per row, the bytes of each value.
        kinds: First byte of each payload.
        steps: Of every coded sample.

    """

    header: Header
    values: list[list[bytes]]
    kinds: list[int] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        """Row by row, little-endian."""
        return b"".join(b"".join(row) for row in self.values)


def decode(data: bytes) -> Decoded:
    """Decode a file.

    Raises:
        RejectError: It is damaged.
        RefuseError: It is of another version.

    """
    fields = Fields(data)
    if fields.take(8) != MAGIC:
        raise RejectError("no .dz file")
    if int.from_bytes(fields.take(2), "little") != 1 or fields.take(2) != b"\0\0":
        raise RefuseError("format version")
    header_bytes, index_bytes, crc = fields.u32(), fields.u32(), fields.u32()
    body = fields.take(header_bytes + index_bytes)
    if zlib.crc32(body, zlib.crc32(data[:CHECKED])) != crc:
        raise RejectError("checksum of the header")
    header = read_header(body[:header_bytes])
    for level in header.levels:
        value_of(level, replace(header, levels=[]))
    decoded = Decoded(header, [[b""] * header.cols for _ in range(header.rows)])
    across = -(-header.cols // header.block)
    index = Fields(body[header_bytes:])
    entries = [
        (index.varint(), index.u32(), index.u32())
        for _ in range(across * -(-header.rows // header.block))
    ]
    index.done()
    start = PREFIX + header_bytes + index_bytes
    for number, (size, payload_crc, values_crc) in enumerate(entries):
        payload = data[start : start + size]
        start += size
        if len(payload) < size or zlib.crc32(payload) != payload_crc:
            raise RejectError("a payload's checksum")
        top, left = number // across * header.block, number % across * header.block
        decoded.kinds.append(payload[0] if payload else -1)
        values = _block(payload, top, left, decoded)
        if zlib.crc32(b"".join(b"".join(row) for row in values)) != values_crc:
            raise RejectError("the checksum of a block's values")
        for row, cells in enumerate(values):
            decoded.values[top + row][left : left + len(cells)] = cells
    return decoded


def read_header(data: bytes) -> Header:
    """Section 3.2."""
    fields = Fields(data)
    dtype, predictor = fields.byte(), fields.byte()
    rows, cols = fields.varint((1 << 24) + 1), fields.varint((1 << 24) + 1)
    block, denominator = fields.varint(4097), fields.varint(1 << 32)
    fill = None
    has_fill = fields.byte()
    if has_fill > 1:
        raise RejectError("has fill")
    if has_fill:
        fill = int.from_bytes(fields.take(8), "little")
    steps = fields.signed_list(fields.varint(LEVEL_LIMIT + 1))
    if steps and not (
        abs(steps[0]) < FIRST_LEVEL_LIMIT
        and all(0 < step <= LEVEL_LIMIT for step in steps[1:])
        and sum(steps[1:]) < LEVEL_LIMIT
    ):
        raise RejectError("grid levels")
    metadata = fields.take(fields.varint(1 << 26))
    model = fields.take(fields.varint(1 << 26))
    fields.done()
    if dtype >= len(CODES) or not 1 <= predictor <= 11:
        raise RefuseError("dtype or predictor")
    if min(rows, cols, denominator, block) < 1 or block % SEGMENT:
        raise RejectError("a size")
    if fill is not None and fill >> 8 * struct.calcsize(CODES[dtype]):
        raise RejectError("fill")
    return Header(
        dtype, predictor, rows, cols, block, denominator, fill, running(steps),
        read_metadata(metadata), read_model(model),
    )  # fmt: skip


def _block(payload: bytes, top: int, left: int, decoded: Decoded) -> list[list[bytes]]:
    """The bytes of a block's values."""
    header = decoded.header
    rows, cols = min(header.block, header.rows - top), min(header.block, header.cols - left)
    samples, holes = read_payload(payload, rows, cols, header.model, decoded.steps)
    if holes is not None and header.fill is None:
        raise RejectError("holes without fill")
    values = []
    for row in range(rows):
        cells = []
        for col in range(cols):
            if holes is not None and header.fill is not None and holes[row][col]:
                size = struct.calcsize(CODES[header.dtype])
                cells.append(header.fill.to_bytes(size, "little"))
            else:
                cells.append(value_of(samples[row][col], header))
        values.append(cells)
    return values


def value_of(sample: int, header: Header) -> bytes:
    """Section 3.3: the value that a sample stands for."""
    number = sample
    if header.levels:
        if not 0 <= sample < len(header.levels):
            raise RejectError("a rank")
        number = header.levels[sample]
    code = "<" + CODES[header.dtype]
    if header.dtype >= FLOAT32:
        if not header.levels and abs(number) > NUMBER_LIMIT:
            raise RejectError("a number")
        return struct.pack(code, float(number) / float(header.denominator))
    try:
        return struct.pack(code, number)
    except struct.error as error:
        raise RejectError("a number outside the dtype") from error


def read_payload(
    payload: bytes, rows: int, cols: int, model: Model, steps: list[Step]
) -> tuple[Grid, Grid | None]:
    """Section 5.2: samples and holes of a block."""
    fields = Fields(payload)
    first = fields.byte()
    if first not in KINDS:
        raise RejectError("the kind of a block")
    if first & 3 == VOID:
        fields.done()
        return [[0] * cols for _ in range(rows)], [[1] * cols for _ in range(rows)]
    centre = unfold(fields.varint(1 << 48))
    holes = None
    if first & HAS_MASK:
        holes = decode_mask(fields.words(fields.varint(rows * cols + 3)), rows, cols)
        if holes is None:
            raise RejectError("a mask")
    if first & 3 == CONSTANT:
        fields.done()
        return [[centre] * cols for _ in range(rows)], holes
    bound = fields.varint(1 << 48)
    others = model.others
    if first & OWN_WEIGHTS:
        differences = read_weights(fields, len(others))
        others = [
            [a + b for a, b in zip(*pair, strict=True)]
            for pair in zip(others, differences, strict=True)
        ]
    lanes = 4 if rows * cols >= FOUR_STREAMS else 1
    sizes = [fields.varint(4 * rows * cols + 4) for _ in range(2 * lanes)]
    words = [fields.words(size) for size in sizes]
    fields.done()
    streams = [
        ResidualDecoder(words[k], words[lanes + k], model.popularity) for k in range(lanes)
    ]
    surface = Surface(rows, cols, complete(others), model.thresholds)
    decode_samples(surface, holes, centre, model, streams, steps)
    if any(abs(x) > bound for row in surface.x for x in row):
        raise RejectError("a sample beyond the bound")
    return [[x + centre for x in row] for row in surface.x], holes


def decode_samples(
    surface: Surface,
    holes: Grid | None,
    centre: int,
    model: Model,
    streams: list[ResidualDecoder],
    steps: list[Step],
) -> None:
    """Section 8.4, in short."""
    tables: list[tuple[Table, list[int]]] = [(table, table.chances()) for table in model.tables]
    chosen = 0
    for row in range(surface.rows):
        stream = streams[row % len(streams)]
        for col in range(surface.cols):
            if row >= MARGIN and col % SEGMENT == 0:
                chosen = surface.set_of_segment(row, col)
            if holes is not None and holes[row][col]:
                surface.fill(row, col)
                continue
            outlook = surface.look(row, col, chosen)
            level = level_of(outlook.activity, model.shift)
            number = sum(limit <= level for limit in model.limits)
            context = 8 * number + outlook.subcontext
            table, chances = tables[model.table_of_context[context]]
            residual = stream.take(table, chances, outlook.prediction + centre)
            if residual is None:
                raise RejectError("a coded stream")
            value = outlook.prediction + residual
            surface.put(row, col, value, residual)
            steps.append(
                Step(
                    row, col, outlook.prediction, outlook.activity, level, number,
                    outlook.subcontext, context, stream.symbol, residual, value,
                )
            )  # fmt: skip
    if not all(stream.ends() for stream in streams):
        raise RejectError("a stream does not end with its last sample")
