"""Prefix, header, sections of planes, and index."""

import struct
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import demzip
from demzip.codec import open_bytes
from demzip.container.layout import INDEX, Header, read_front, read_prefix, write_front
from demzip.container.metadata import write_metadata
from demzip.container.plane import PlaneSection, read_map, write_map
from demzip.entropy.integers import ByteReader
from demzip.errors import CorruptError, DemzipError, OptionsError, TruncatedError, UnsupportedError
from demzip.raster.georeference import Band, Georeference
from demzip.raster.values import ValueMap
from tests import terrain
from tests.reference import decoder as reference
from tests.reference.fields import Fields, RefuseError, RejectError
from tests.reference.values import read_map as read_map_slowly
from tests.unit import make

FULL = Georeference(
    'GEOGCRS["WGS 84 Ünïcode"]', (1.0, 0.0, 2.0, 0.0, -1.0, 3.5),
    tags={"": {"AREA_OR_POINT": "Point", "空": ""}},
    bands=(Band(-9999.0, "m", "elevation", 0.1, -3.0, "gray", {"": {"A": "b" * 5000}}),),
)  # fmt: skip
DATA = demzip.encode(terrain.relief(20, 30).astype(np.int16), block=16, georeference=FULL)
BANDS = demzip.encode(np.stack([terrain.relief(20, 30, k) for k in range(2)]).astype(np.int16))


def parts(data: bytes) -> tuple[Header, list[bytes], list[int]]:
    decoder = open_bytes(data)
    entries = [decoder.index[k] for k in range(decoder.grid.count * len(decoder.planes))]
    payloads = [data[entry.offset : entry.offset + entry.size] for entry in entries]
    return decoder.header, payloads, [entry.value_crc for entry in entries]


def with_header(data: bytes, **changes: Any) -> bytes:
    header, payloads, crcs = parts(data)
    return make.file(replace(header, **changes).to_bytes(), payloads, crcs)


def with_section(data: bytes, **changes: Any) -> bytes:
    """Changed fields of the first plane, those of its map among them."""
    first, *others = parts(data)[0].planes
    section = PlaneSection.from_bytes(first)
    names = ValueMap.__dataclass_fields__
    of_map = {name: value for name, value in changes.items() if name in names}
    rest = {name: value for name, value in changes.items() if name not in names}
    section = replace(section, value_map=replace(section.value_map, **of_map), **rest)
    return with_header(data, planes=(section.to_bytes(), *others))


def refused(data: bytes, error: type[DemzipError]) -> None:
    """Both readers give the file back."""
    with pytest.raises(error):
        demzip.decode(data)
    with pytest.raises(RefuseError if error is UnsupportedError else RejectError):
        reference.decode(data)


# ---- prefix and index


@pytest.mark.parametrize("data", [DATA, BANDS], ids=["blocks", "bands"])
def test_file_is_taken_apart_and_put_together(data: bytes) -> None:
    header, payloads, crcs = parts(data)
    assert make.file(header.to_bytes(), payloads, crcs) == data
    front = data[: read_prefix(data)]
    found, index = read_front(front, lambda _: len(payloads))
    assert found == header
    assert index.end == len(data)
    assert write_front(header.to_bytes(), index.entries) == front
    assert index.entries.dtype == INDEX


def test_other_files_and_versions() -> None:
    refused(b"GIF89a" + DATA, OptionsError)
    refused(b"", OptionsError)
    for version in (0, 1, 2, 5):
        data = DATA[:8] + bytes([version, 0]) + DATA[10:]
        refused(data, UnsupportedError)
        hint = "compress the raster again" if version in (1, 2) else "a newer demzip"
        with pytest.raises(UnsupportedError, match=hint):
            open_bytes(data)
    start = DATA[:10] + b"\x01\x00" + DATA[12:20]  # an approximation, if the checksum is right
    crc = zlib.crc32(DATA[24 : read_prefix(DATA)], zlib.crc32(start))
    refused(start + struct.pack("<I", crc) + DATA[24:], UnsupportedError)
    with pytest.raises(CorruptError):
        demzip.decode(start + DATA[20:])
    with pytest.raises(UnsupportedError, match="compress the raster again"):
        demzip.decode(DATA[:8] + b"\1\0" + DATA[10:])
    for size in (1, 7, 8, 23, 24, 100, len(DATA) - 1):
        with pytest.raises(TruncatedError):
            demzip.decode(DATA[:size])


def test_bytes_after_the_last_payload_are_no_part_of_the_file() -> None:
    assert demzip.decode(DATA + b"more").tobytes() == reference.decode(DATA + b"more").to_bytes()


@pytest.mark.parametrize("data", [DATA, BANDS], ids=["blocks", "bands"])
@pytest.mark.parametrize("change", [-1, 1])
def test_index_must_have_one_entry_for_each_block(change: int, data: bytes) -> None:
    header, payloads, crcs = parts(data)
    count = len(payloads) + change
    wrong = make.file(header.to_bytes(), (payloads * 2)[:count], (crcs * 2)[:count])
    refused(wrong, CorruptError)


def test_payloads_of_bands_alternate_row_by_row_of_blocks() -> None:
    """Two bands of 2 x 2 blocks: a row of the one, a row of the other, twice."""
    values = np.stack([terrain.relief(20, 30, k) for k in range(2)]).astype(np.int16)
    payloads = parts(demzip.encode(values, block=16))[1]
    single = [parts(demzip.encode(band, block=16))[1] for band in values]
    assert payloads == [*single[0][:2], *single[1][:2], *single[0][2:], *single[1][2:]]


# ---- header


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"rows": 0}, CorruptError),
        ({"cols": 0}, CorruptError),
        ({"rows": (1 << 24) + 1}, CorruptError),
        ({"cols": 1 << 40}, CorruptError),
        ({"block": 0}, CorruptError),
        ({"block": 24}, CorruptError),
        ({"block": 4112}, CorruptError),
        ({"planes": ()}, CorruptError),
        ({"planes": (b"",)}, CorruptError),
        ({"metadata": b"\x00"}, CorruptError),
        ({"metadata": write_metadata(Georeference(mask=True))}, CorruptError),
    ],
)
def test_illegal_headers(changes: dict[str, Any], error: type[DemzipError]) -> None:
    refused(with_header(DATA, **changes), error)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"role": 1}, CorruptError),  # a mask that the metadata do not tell, and no band
        ({"role": 2}, UnsupportedError),
        ({"fills": (1, 2)}, None),
        ({"exceptions": (1 << 49) - 1}, None),
        ({"exceptions": 1 << 49}, CorruptError),
        ({"levels": np.array([1, 1])}, CorruptError),
        ({"levels": np.array([3, 2])}, CorruptError),
        ({"levels": np.array([0, 1 << 20])}, CorruptError),
        ({"levels": np.array([0, 1 << 19, 1 << 20])}, CorruptError),
        ({"levels": np.array([1 << 47])}, CorruptError),
        ({"levels": np.array([-(1 << 47)])}, CorruptError),
        ({"levels": np.array([1 << 15])}, CorruptError),  # outside the dtype
        ({"levels": np.array([0])}, CorruptError),  # samples are no ranks below 1
        ({"model": b""}, CorruptError),
        ({"dtype": "uint8"}, CorruptError),  # numbers that it does not hold
        ({"dtype": "float32"}, CorruptError),  # has other rules
        ({"rule": "ratio"}, CorruptError),
    ],
)
def test_sections(changes: dict[str, Any], error: type[DemzipError] | None) -> None:
    data = with_section(DATA, **changes)
    if error is None:
        assert demzip.decode(data).tobytes() == reference.decode(data).to_bytes()
    else:
        refused(data, error)


@pytest.mark.parametrize("place", ["predictor", "dtype", "rule"])
@pytest.mark.parametrize("value", [14, 255])
def test_identifiers_of_later_versions(place: str, value: int) -> None:
    first, *_ = parts(DATA)[0].planes
    section = bytearray(first)
    section[("role", "predictor", "dtype", "rule").index(place)] = value
    refused(with_header(DATA, planes=(bytes(section),)), UnsupportedError)


def test_planes_must_be_those_of_the_metadata() -> None:
    """A mask comes last, where the metadata tell of one; bands are as many as they say."""
    planes = parts(BANDS)[0].planes
    mask = b"\1" + planes[1][1:]
    told = {"metadata": write_metadata(Georeference(mask=True))}
    data = with_header(BANDS, planes=(planes[0], mask), **told)
    assert demzip.decode(data).tobytes() == reference.decode(data).to_bytes()
    assert open_bytes(data).read(plane=1).tobytes() == reference.decode(data).to_bytes(1)
    refused(with_header(BANDS, planes=(planes[0], mask)), CorruptError)
    refused(with_header(BANDS, planes=(mask, planes[0]), **told), CorruptError)
    refused(with_header(BANDS, planes=(mask, mask), **told), CorruptError)
    refused(with_header(BANDS, **told), CorruptError)
    three = Georeference(bands=tuple(Band(description=str(k)) for k in range(3)))
    refused(with_header(BANDS, metadata=write_metadata(three)), CorruptError)


def test_header_ends_where_it_should() -> None:
    header = parts(DATA)[0]
    data, section = header.to_bytes(), header.planes[0]
    for size in range(len(data)):
        with pytest.raises(TruncatedError):
            Header.from_bytes(data[:size])
    for size in range(len(section)):
        with pytest.raises(CorruptError):
            PlaneSection.from_bytes(section[:size])
    for longer in (header.planes[0] + b"\0", header.planes[0][:-1]):
        refused(with_header(DATA, planes=(longer,)), CorruptError)
    with pytest.raises(CorruptError):
        Header.from_bytes(data + b"\0")


# ---- maps

MAPS = (
    ValueMap("int8", fills=(255, 0)),
    ValueMap("uint64", fills=((1 << 64) - 1,), exceptions=(1 << 49) - 1),
    ValueMap("int64", levels=np.array([-(1 << 46), 5 - (1 << 46)])),
    ValueMap("int16", fills=tuple(range(254)), levels=np.array([-5, -4, 0, 1000])),
    ValueMap("float32", "ratio", 381, 1250, levels=np.array([7])),
    ValueMap("float64", "ratio", (1 << 32) - 1, (1 << 32) - 1),
    ValueMap("float32", "product", scale=float(np.float32(0.1)), fills=(0x7FC00000,)),
    ValueMap("float64", "affine", scale=5e-324, offset=-1.7e308, exceptions=3),
    ValueMap("float32", "affine", scale=1.7e308),
    ValueMap("float64", "real", fills=(0x7FF8 << 48, 1 << 63)),
)


@pytest.mark.parametrize("value_map", MAPS, ids=ValueMap.describe)
def test_maps_come_back(value_map: ValueMap) -> None:
    data = write_map(value_map)
    reader, fields = ByteReader(data, "map"), Fields(data)
    back, slow = read_map(reader), read_map_slowly(fields)
    reader.done()
    fields.done()
    assert replace(back, levels=None) == replace(value_map, levels=None)
    levels = [] if value_map.levels is None else value_map.levels.tolist()
    assert ([] if back.levels is None else back.levels.tolist()) == slow.levels == levels
    assert (slow.numerator, slow.denominator) == (value_map.numerator, value_map.denominator)
    assert (slow.scale, slow.offset) == (value_map.scale, value_map.offset)
    assert [int.from_bytes(fill, "little") for fill in slow.fills] == list(value_map.fills)
    numbers = np.arange(-3, 4) if value_map.rule != "integer" else np.arange(4)
    if not levels:
        found = value_map.to_values(numbers, None).tobytes()
        assert found == b"".join(slow.value(number) for number in numbers.tolist())


@pytest.mark.parametrize(
    "data",
    [
        bytes([6, 1, 0, 1, 0, 0, 0]),  # numerator 0
        bytes([6, 1, 1, 0, 0, 0, 0]),
        bytes([7, 1, 128, 128, 128, 128, 16, 1, 0, 0, 0]),  # 2**32
        b"\6\2" + struct.pack("<f", 0.0) + bytes(3),
        b"\6\2" + struct.pack("<f", -1.0) + bytes(3),
        b"\6\2" + struct.pack("<f", np.inf) + bytes(3),
        b"\6\2" + struct.pack("<f", np.nan) + bytes(3),
        b"\7\2" + struct.pack("<f", 1.0) + bytes(3),  # float64 has no products
        b"\7\3" + struct.pack("<dd", 1.0, np.nan) + bytes(3),
        b"\7\3" + struct.pack("<dd", 1.0, -np.inf) + bytes(3),
        b"\7\3" + struct.pack("<dd", np.nan, 1.0) + bytes(3),
        bytes([0, 0, 255, 1, *[0] * 255, 0, 0]),  # 255 fills
        bytes([7, 4, 0, 0, 1, 1, 15]),  # grid levels of true floats
        bytes([0, 4, 0, 0, 0]),
        bytes([7, 0, 0, 0, 0]),
    ],
)  # fmt: skip
def test_illegal_maps(data: bytes) -> None:
    with pytest.raises(CorruptError):
        read_map(ByteReader(data, "map"))
    with pytest.raises(RejectError):
        read_map_slowly(Fields(data))


# ---- samples that stand for nothing


def test_levels_outside_the_dtype() -> None:
    """Ranks of levels that the dtype does not hold must not wrap around."""
    data = demzip.encode((terrain.relief(60, 60) * 50).astype(np.int16))
    levels = open_bytes(data).planes[0].value_map.levels
    assert levels is not None
    for offset in (1 << 16, -(1 << 16)):
        refused(with_section(data, levels=levels + offset), CorruptError)
    refused(with_section(data, levels=levels[:-1]), CorruptError)


def test_holes_need_a_fill() -> None:
    values = terrain.relief(20, 20).astype(np.int16)
    values[3:9, 4] = -1000
    refused(with_section(demzip.encode(values, nodata=-1000), fills=()), CorruptError)
    values[:] = -1000
    refused(with_section(demzip.encode(values, nodata=-1000), fills=()), CorruptError)


@pytest.mark.parametrize("kind", [3, 4, 7, 8, 9, 12, 13, 17, 18, 20, 32, 130, 255])
def test_unknown_kinds_of_blocks(kind: int) -> None:
    header, payloads, crcs = parts(DATA)
    for changed in (bytes([kind]) + payloads[0][1:], bytes([kind])):
        refused(make.file(header.to_bytes(), [changed, *payloads[1:]], crcs), CorruptError)


def test_bound_is_a_promise() -> None:
    header, payloads, crcs = parts(demzip.encode(terrain.relief(20, 20).astype(np.int16)))
    payload = bytearray(payloads[0])
    place = 2 if payload[1] < 128 else 3
    assert payload[0] == 2
    assert 30 < payload[place] < 128
    payload[place] -= 1
    refused(make.file(header.to_bytes(), [bytes(payload)], crcs), CorruptError)


@pytest.mark.parametrize(
    ("numerator", "limit"), [(1, 1 << 46), (127, 1 << 46), (128, 1 << 46), (129, (1 << 53) // 129)]
)
def test_float_numbers_are_limited(numerator: int, limit: int) -> None:
    """Constant blocks of a float raster whose numbers reach the limit, or go beyond it."""
    header = parts(with_section(demzip.encode(np.full((2, 2), 7.0)), numerator=numerator))[0]
    for number, legal in ((limit, True), (-limit, True), (limit + 1, False), (-limit - 1, False)):
        expected = struct.pack("<4d", *[float(number * numerator)] * 4)
        folded = 2 * number if number >= 0 else -2 * number - 1
        payload = b"\x01" + make.varint(folded)
        data = make.file(header.to_bytes(), [payload], [zlib.crc32(expected)])
        if legal:
            assert demzip.decode(data).tobytes() == reference.decode(data).to_bytes() == expected
        else:
            refused(data, CorruptError)
