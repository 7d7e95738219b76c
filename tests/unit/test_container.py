"""Prefix, header and index."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

import demzip
from demzip.codec import open_bytes
from demzip.container.layout import Header, read_front, read_prefix, write_file, write_front
from demzip.errors import CorruptError, DemzipError, OptionsError, TruncatedError, UnsupportedError
from demzip.raster.georeference import Band, Georeference
from tests import terrain
from tests.reference import decoder as reference
from tests.reference.fields import RefuseError, RejectError

FULL = Georeference(
    'GEOGCRS["WGS 84 Ünïcode"]', (1.0, 0.0, 2.0, 0.0, -1.0, 3.5),
    tags={"": {"AREA_OR_POINT": "Point", "空": ""}},
    bands=(Band(-9999.0, "m", "elevation", 0.1, -3.0, "gray", {"": {"A": "b" * 5000}}),),
)  # fmt: skip
DATA = demzip.encode(terrain.relief(20, 30).astype(np.int16), block=16, georeference=FULL)


def parts(data: bytes) -> tuple[Header, list[bytes], list[int]]:
    header, entries = read_front(data, lambda _: open_bytes(data).grid.count)
    payloads = [data[entry.offset : entry.offset + entry.size] for entry in entries]
    return header, payloads, [entry.sample_crc for entry in entries]


def with_header(**changes: object) -> bytes:
    header, payloads, crcs = parts(DATA)
    return write_file(replace(header, **changes), payloads, crcs)  # type: ignore[arg-type]


def refused(data: bytes, error: type[DemzipError]) -> None:
    """Both readers give the file back."""
    with pytest.raises(error):
        demzip.decode(data)
    with pytest.raises(RefuseError if error is UnsupportedError else RejectError):
        reference.decode(data)


# ---- prefix and index


def test_file_is_taken_apart_and_put_together() -> None:
    header, payloads, crcs = parts(DATA)
    assert write_file(header, payloads, crcs) == DATA
    assert len(payloads) == 4
    front = write_front(header, payloads, crcs)
    assert DATA.startswith(front)
    assert read_prefix(DATA) == len(front)


def test_other_files_and_versions() -> None:
    refused(b"GIF89a" + DATA, OptionsError)
    refused(b"", OptionsError)
    refused(DATA[:8] + b"\x02\x00" + DATA[10:], UnsupportedError)
    refused(DATA[:10] + b"\x01\x00" + DATA[12:], UnsupportedError)
    for size in (1, 7, 8, 23, 24, 100, len(DATA) - 1):
        with pytest.raises(TruncatedError):
            demzip.decode(DATA[:size])


def test_bytes_after_the_last_payload_are_no_part_of_the_file() -> None:
    assert demzip.decode(DATA + b"more").tobytes() == reference.decode(DATA + b"more").to_bytes()


@pytest.mark.parametrize("change", [-1, 1])
def test_index_must_have_one_entry_for_each_block(change: int) -> None:
    header, payloads, crcs = parts(DATA)
    count = len(payloads) + change
    refused(write_file(header, (payloads * 2)[:count], (crcs * 2)[:count]), CorruptError)


# ---- header


@pytest.mark.parametrize("fill", [None, 0, 0x8000, 0xFFFF])
@pytest.mark.parametrize("levels", [None, [7], [-5, -4, 0, 1000], [-(1 << 46), 5 - (1 << 46)]])
def test_header_comes_back(fill: int | None, levels: list[int] | None) -> None:
    array = None if levels is None else np.array(levels, np.int64)
    header = replace(parts(DATA)[0], fill=fill, levels=array, denominator=(1 << 32) - 1)
    back = Header.from_bytes(header.to_bytes())
    assert replace(back, levels=None) == replace(header, levels=None)
    assert (None if back.levels is None else back.levels.tolist()) == levels
    slow = reference.read_header(header.to_bytes())
    assert (slow.fill, slow.levels) == (fill, levels or [])
    assert (slow.rows, slow.cols, slow.block) == (20, 30, 16)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"dtype": 8}, UnsupportedError),
        ({"predictor": 0}, UnsupportedError),
        ({"predictor": 12}, UnsupportedError),
        ({"rows": 0}, CorruptError),
        ({"cols": 0}, CorruptError),
        ({"rows": (1 << 24) + 1}, CorruptError),
        ({"cols": 1 << 40}, CorruptError),
        ({"block": 0}, CorruptError),
        ({"block": 24}, CorruptError),
        ({"block": 4112}, CorruptError),
        ({"denominator": 0}, CorruptError),
        ({"denominator": 1 << 32}, CorruptError),
        ({"fill": 1 << 16}, CorruptError),
        ({"levels": np.array([1, 1])}, CorruptError),
        ({"levels": np.array([3, 2])}, CorruptError),
        ({"levels": np.array([0, 1 << 20])}, CorruptError),
        ({"levels": np.array([0, 1 << 19, 1 << 20])}, CorruptError),
        ({"levels": np.array([1 << 47])}, CorruptError),
        ({"levels": np.array([-(1 << 47)])}, CorruptError),
        ({"levels": np.array([0])}, CorruptError),  # samples are no ranks below 1
        ({"model": b""}, CorruptError),
        ({"metadata": b"\x00"}, CorruptError),
        ({"dtype": 0}, CorruptError),  # numbers that int8 does not hold
    ],
)
def test_illegal_headers(changes: dict[str, object], error: type[DemzipError]) -> None:
    if changes == {"dtype": 0}:
        wide = terrain.relief(20, 30).astype(np.int16) * 5
        header, payloads, crcs = parts(demzip.encode(wide))
        refused(write_file(replace(header, dtype=0), payloads, crcs), error)
        return
    refused(with_header(**changes), error)


def test_has_fill_is_0_or_1() -> None:
    header = bytearray(replace(parts(DATA)[0], fill=None).to_bytes())
    place = 2 + 1 + 1 + 1 + 1  # dtype, predictor, rows, columns, block, denominator
    assert header[place] == 0
    header[place : place + 1] = b"\x02" + bytes(8)  # a fill follows, as it would after 1
    with pytest.raises(CorruptError):
        Header.from_bytes(bytes(header))
    with pytest.raises(RejectError):
        reference.read_header(bytes(header))
    header[place] = 1
    assert Header.from_bytes(bytes(header)).fill == reference.read_header(bytes(header)).fill == 0


def test_header_ends_where_it_should() -> None:
    header = parts(DATA)[0].to_bytes()
    for size in range(len(header)):
        with pytest.raises(TruncatedError):
            Header.from_bytes(header[:size])
    with pytest.raises(CorruptError):
        Header.from_bytes(header + b"\0")


# ---- samples that stand for nothing


def test_levels_outside_the_dtype() -> None:
    """Ranks of levels that the dtype does not hold must not wrap around."""
    values = (terrain.relief(60, 60) * 50).astype(np.int16)
    header, payloads, crcs = parts(demzip.encode(values))
    assert header.levels is not None
    for offset in (1 << 16, -(1 << 16)):
        wrong = replace(header, levels=header.levels + offset)
        refused(write_file(wrong, payloads, crcs), CorruptError)


def test_holes_need_a_fill() -> None:
    values = terrain.relief(20, 20).astype(np.int16)
    values[3:9, 4] = -1000
    header, payloads, crcs = parts(demzip.encode(values, nodata=-1000))
    refused(write_file(replace(header, fill=None), payloads, crcs), CorruptError)
    values[:] = -1000
    header, payloads, crcs = parts(demzip.encode(values, nodata=-1000))
    refused(write_file(replace(header, fill=None), payloads, crcs), CorruptError)


@pytest.mark.parametrize("kind", [3, 4, 7, 8, 9, 12, 13, 16, 18, 130, 255])
def test_unknown_kinds_of_blocks(kind: int) -> None:
    header, payloads, crcs = parts(DATA)
    changed = bytes([kind]) + payloads[0][1:]
    refused(write_file(header, [changed, *payloads[1:]], crcs), CorruptError)
    refused(write_file(header, [bytes([kind]), *payloads[1:]], crcs), CorruptError)


def test_bound_is_a_promise() -> None:
    header, payloads, crcs = parts(demzip.encode(terrain.relief(20, 20).astype(np.int16)))
    payload = bytearray(payloads[0])
    place = 2 if payload[1] < 128 else 3
    assert payload[0] == 2
    assert 30 < payload[place] < 128
    payload[place] -= 1
    refused(write_file(header, [bytes(payload)], crcs), CorruptError)


def test_float_numbers_are_limited() -> None:
    """A constant block of a float raster whose number is beyond 2**46."""
    header, _, _ = parts(demzip.encode(np.full((2, 2), 7.0)))
    for number, legal in ((1 << 46, True), ((1 << 46) + 1, False)):
        centre = b"\x01" + _varint(2 * number)
        crc = zlib.crc32(struct.pack("<4d", *[float(number)] * 4))
        data = write_file(header, [centre], [crc])
        if legal:
            assert (demzip.decode(data) == number).all()
            assert reference.decode(data).to_bytes() == struct.pack("<4d", *[float(number)] * 4)
        else:
            refused(data, CorruptError)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
