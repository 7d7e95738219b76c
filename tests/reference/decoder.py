"""A .dz file to its values (docs/format.md sections 3 and 5)."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.reference.adaptive import AdaptiveModel, read_adaptive, read_adaptive_model
from tests.reference.fields import Fields, RefuseError, RejectError, unfold
from tests.reference.holes import Holes, read_holes
from tests.reference.lanes import (
    LEAST,
    DamageError,
    Lanes,
    Pending,
    lane_count,
    steps_of,
    take_step,
)
from tests.reference.metadata import read_metadata
from tests.reference.model import Model, complete, read_model, read_weights
from tests.reference.network import Network, read_network
from tests.reference.neural import Place
from tests.reference.neural_block import NeuralModel, read_neural, read_neural_model
from tests.reference.predictor import MARGIN, SEGMENT, Outlook, Surface, level_of
from tests.reference.real import RealModel, read_real, read_real_model
from tests.reference.values import REAL, Map, read_map

MAGIC = b"\x89DMZ\r\n\x1a\n"
VERSIONS = (3, 4)
IMPLICIT, NEURAL_PREDICTOR = 12, 13
PREFIX = 24
CHECKED = 20
MAX_PLANES = 65535
BAND, MASK = 0, 1
TABLES, ADAPTIVE, NEURAL = 0, 1, 2
VOID, CONSTANT, CODED = 0, 1, 2
HAS_MASK, OWN_WEIGHTS, HAS_KINDS = 4, 8, 16

Grid = list[list[int]]


@dataclass(frozen=True)
class Step:
    """How one sample was decoded, for the worked example."""

    row: int
    col: int
    lane: int
    state: int
    prediction: int
    activity: int
    level: int
    context: int
    symbol: int
    residual: int
    sample: int


@dataclass(frozen=True)
class Plane:
    """The section of a plane."""

    role: int
    predictor: int
    map: Map
    model: Model | RealModel | AdaptiveModel | NeuralModel
    network: Network | None = None


@dataclass(frozen=True)
class Header:
    """Section 3.2."""

    rows: int
    cols: int
    block: int
    metadata: dict[str, Any]
    planes: list[Plane]


@dataclass
class Decoded:
    """A decoded file.

    Attributes:
        header: Its header.
        values: Per plane and row, the bytes of each value.
        kinds: First byte of each payload.
        steps: Of every sample that is coded with tables.

    """

    header: Header
    values: list[list[list[bytes]]]
    kinds: list[int] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def to_bytes(self, role: int = BAND) -> bytes:
        """The planes of a role, one after the other, row by row, little-endian."""
        return b"".join(
            b"".join(map(b"".join, rows))
            for rows, plane in zip(self.values, self.header.planes, strict=True)
            if plane.role == role
        )


def decode(data: bytes) -> Decoded:
    """Decode a file.

    Raises:
        RejectError: It is damaged.
        RefuseError: It is of another version.

    """
    fields = Fields(data)
    if fields.take(8) != MAGIC:
        raise RejectError("no .dz file")
    version = int.from_bytes(fields.take(2), "little")
    if version not in VERSIONS or fields.take(2) != b"\0\0":
        raise RefuseError("format version")
    header_bytes, index_bytes, crc = fields.u32(), fields.u32(), fields.u32()
    body = fields.take(header_bytes + index_bytes)
    if zlib.crc32(body, zlib.crc32(data[:CHECKED])) != crc:
        raise RejectError("checksum of the header")
    header = read_header(body[:header_bytes], version)
    places = [
        (plane, top, left)
        for top in range(0, header.rows, header.block)
        for plane in range(len(header.planes))
        for left in range(0, header.cols, header.block)
    ]
    index = Fields(body[header_bytes:])
    entries = [(index.u32(), index.u32(), index.u32()) for _ in places]
    index.done()
    decoded = Decoded(
        header, [[[b""] * header.cols for _ in range(header.rows)] for _ in header.planes]
    )
    start = PREFIX + header_bytes + index_bytes
    for (plane, top, left), (size, payload_crc, values_crc) in zip(places, entries, strict=True):
        payload = data[start : start + size]
        start += size
        if len(payload) < size or zlib.crc32(payload) != payload_crc:
            raise RejectError("a payload's checksum")
        decoded.kinds.append(payload[0] if payload else -1)
        rows, cols = min(header.block, header.rows - top), min(header.block, header.cols - left)
        surface = surface_of(header, header.planes[plane].network, top, left)
        place = Place(top, left, header.rows, header.cols)
        values = read_values(
            payload, rows, cols, header.planes[plane], surface, decoded.steps, place
        )
        if zlib.crc32(b"".join(map(b"".join, values))) != values_crc:
            raise RejectError("the checksum of a block's values")
        for row, cells in enumerate(values, start=top):
            decoded.values[plane][row][left : left + cols] = cells
    return decoded


def read_header(data: bytes, version: int) -> Header:
    """Section 3.2."""
    fields = Fields(data)
    rows, cols = fields.varint((1 << 24) + 1), fields.varint((1 << 24) + 1)
    block, count = fields.varint(4097), fields.varint(MAX_PLANES + 1)
    if min(rows, cols, block, count) < 1 or block % SEGMENT:
        raise RejectError("a size")
    packed = fields.take(fields.varint(1 << 26))
    planes = [read_plane(fields.take(fields.varint(1 << 26)), version) for _ in range(count)]
    fields.done()
    bands = sum(plane.role == BAND for plane in planes)
    metadata = read_metadata(packed, bands)
    masks = [MASK] if metadata.get("mask") else []
    if bands == 0 or [plane.role for plane in planes] != [BAND] * bands + masks:
        raise RejectError("planes that the metadata do not tell")
    return Header(rows, cols, block, metadata, planes)


def read_plane(data: bytes, version: int) -> Plane:
    """The section of a plane."""
    fields = Fields(data)
    role, predictor, coder = (fields.byte() for _ in range(3))
    old = version == VERSIONS[0]
    last = (IMPLICIT - 1, ADAPTIVE) if old else (NEURAL_PREDICTOR, NEURAL)
    if role > MASK or not 1 <= predictor <= last[0] or coder > last[1]:
        raise RefuseError("role, predictor or coder")
    if (predictor == NEURAL_PREDICTOR) != (coder == NEURAL):
        raise RejectError("a predictor without its coder")
    values = read_map(fields)
    network = None
    if predictor == IMPLICIT:
        if coder != TABLES or values.rule == REAL:
            raise RejectError("a network where there is none")
        network = read_network(fields.take(fields.varint(1 << 26)))
    model = fields.take(fields.varint(1 << 26))
    fields.done()
    if coder != TABLES and values.rule == REAL:
        raise RejectError("true floats with a coder of grids")
    if coder == ADAPTIVE:
        return Plane(role, predictor, values, read_adaptive_model(model))
    if coder == NEURAL:
        return Plane(role, predictor, values, read_neural_model(model))
    if values.rule == REAL:
        return Plane(role, predictor, values, read_real_model(model, 8 * values.size))
    return Plane(role, predictor, values, read_model(model), network)


def surface_of(
    header: Header, network: Network | None, top: int, left: int
) -> Callable[[int, int], int] | None:
    """Section 12: the height of a block's cell; None where samples are no departures."""
    if network is None:
        return None
    side = max(header.rows, header.cols)
    return lambda row, col: network.height(top + row, left + col, side)


def read_values(
    payload: bytes,
    rows: int,
    cols: int,
    plane: Plane,
    surface: Callable[[int, int], int] | None,
    steps: list[Step],
    place: Place,
) -> list[list[bytes]]:
    """The bytes of a block's values."""
    samples, holes = read_payload(payload, rows, cols, plane, steps, place)
    values = []
    for row, cells in enumerate(samples):
        line = []
        for col, sample in enumerate(cells):
            hole = holes[row][col] if holes is not None else None
            if surface is None:
                value = plane.map.value_of_sample(sample)  # must be legal in holes too
            elif hole is None:
                value = plane.map.value_of_sample(sample + surface(row, col))
            line.append(value if hole is None else hole)
        values.append(line)
    return values


def read_payload(
    payload: bytes,
    rows: int,
    cols: int,
    plane: Plane,
    steps: list[Step],
    place: Place | None = None,
) -> tuple[Grid, Holes | None]:
    """Section 5.2: samples and holes of a block, by itself a raster if it has no place."""
    fields = Fields(payload)
    first = fields.byte()
    kind, masked, own = first & 3, bool(first & HAS_MASK), bool(first & OWN_WEIGHTS)
    kinds = bool(first & HAS_KINDS)
    if first >= 32 or kind > CODED or (masked and kind == VOID) or (own and kind != CODED):
        raise RejectError("the kind of a block")
    if kinds and not masked and kind != VOID:
        raise RejectError("kinds of holes without holes")
    holes = read_holes(fields, rows, cols, plane.map, void=kind == VOID, masked=masked, kinds=kinds)
    if kind == VOID:
        fields.done()
        return [[0] * cols for _ in range(rows)], holes
    if not isinstance(plane.model, Model):
        if own:
            raise RejectError("own weights without tables")
        none: Holes = [[None] * cols for _ in range(rows)]
        there = none if holes is None else holes
        if isinstance(plane.model, RealModel):
            return read_real(fields, kind, there, plane.model), holes
        if isinstance(plane.model, NeuralModel):
            place = place or Place(0, 0, rows, cols)
            return read_neural(fields, kind, there, plane.model, place), holes
        return read_adaptive(fields, kind, there, plane.model), holes
    centre = unfold(fields.varint(1 << 48))
    if kind == CONSTANT:
        fields.done()
        return [[centre] * cols for _ in range(rows)], holes
    samples = read_coded(fields, centre, holes, plane.model, (rows, cols), own, steps)
    return samples, holes


def read_coded(
    fields: Fields,
    centre: int,
    holes: Holes | None,
    model: Model,
    shape: tuple[int, int],
    own: bool,
    steps: list[Step],
) -> Grid:
    """Section 5.2 from the bound on."""
    rows, cols = shape
    bound = fields.varint(1 << 48)
    others = model.others
    if own:
        differences = read_weights(fields, len(others))
        others = [
            [a + b for a, b in zip(*pair, strict=True)]
            for pair in zip(others, differences, strict=True)
        ]
    states = [fields.u32() for _ in range(lane_count(rows))]
    if min(states) < LEAST:
        raise RejectError("the state of a lane")
    lanes = Lanes(states, fields.half_words())
    surface = Surface(rows, cols, complete(others), model.thresholds, model.offsets)
    try:
        decode_samples(surface, holes, centre, model, lanes, steps)
    except DamageError as error:
        raise RejectError("half words are missing") from error
    if not lanes.ends():
        raise RejectError("the half words do not end with the last sample")
    if any(abs(x) > bound for row in surface.x for x in row):
        raise RejectError("a sample beyond the bound")
    return [[x + centre for x in row] for row in surface.x]


def decode_samples(
    surface: Surface,
    holes: Holes | None,
    centre: int,
    model: Model,
    lanes: Lanes,
    steps: list[Step],
) -> None:
    """Section 8.4, in short."""
    chosen = [0] * surface.rows
    for cells in steps_of(surface.rows, surface.cols):
        looks: list[tuple[int, int, Outlook, Pending]] = []
        for lane, row, col in cells:
            if row >= MARGIN and col % SEGMENT == 0:
                chosen[row] = surface.set_of_segment(row, col)
            if holes is not None and holes[row][col] is not None:
                surface.fill(row, col)
                continue
            outlook = surface.look(row, col, chosen[row])
            table = model.tables[model.table_of_context[model.context(outlook)]]
            looks.append((row, col, outlook, Pending(lane, table, outlook.prediction + centre)))
        take_step(lanes, [pending for *_, pending in looks], model.popularity)
        for row, col, outlook, pending in looks:
            value = outlook.prediction + pending.residual
            surface.put(row, col, value, pending.residual)
            steps.append(
                Step(
                    row, col, pending.lane, pending.state, outlook.prediction,
                    outlook.activity, level_of(outlook.activity, model.shift),
                    model.context(outlook), pending.symbol, pending.residual, value,
                )
            )  # fmt: skip
