"""Files of approximations: elevations against the slow decoder, fields, damage, refusals."""

import hashlib
import math
import random
import struct
import zlib
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import demzip
from demzip.codec.approximation import ApproximateSurface
from demzip.container.approximation import Approximation, Errors
from demzip.container.layout import PREFIX
from demzip.errors import CorruptError, DemzipError, OptionsError, TruncatedError, UnsupportedError
from tests.golden.approximation import FILE, GEOREFERENCE, approximation
from tests.reference import approximation as reference
from tests.reference.fields import RefuseError, RejectError
from tests.unit import make

DATA = FILE.read_bytes()
RASTER = demzip.encode(np.arange(20, dtype=np.int16).reshape(4, 5))


def sealed(data: bytes) -> bytes:
    """With the checksum and the length that a file must have."""
    made = bytearray(data)
    made[12:16] = (len(data) - PREFIX.size).to_bytes(4, "little")
    made[20:24] = zlib.crc32(made[24:], zlib.crc32(made[:20])).to_bytes(4, "little")
    return bytes(made)


def test_golden_file() -> None:
    """It is never changed, and gives these elevations for ever."""
    assert hashlib.sha256(DATA).hexdigest() == (
        "4054ffbde6e7ad83fa2c6311982d07ad061080aaf4ab034845c25f2596a4fc41"
    )
    found = ApproximateSurface.from_bytes(DATA)
    drawn = found.elevations(np.arange(41.0), np.arange(57.0)).astype("<f8")
    assert hashlib.sha256(drawn.tobytes()).hexdigest() == (
        "31adcf5b71a381505c5389dbc8b78bc9dde903d5089f1e8a1872f37712a579db"
    )
    assert found.to_bytes() == approximation().to_bytes() == DATA
    assert (found.shape, found.georeference) == ((41, 57), GEOREFERENCE)
    assert found.span == (156.25, 351.5625)


def test_fields_are_those_of_the_document() -> None:
    found = reference.decode(DATA)
    assert (found.rows, found.cols, found.exponent, found.cells) == (41, 57, -7, 2300)
    assert found.errors == (1.5, 2.25, 19.0)
    assert found.metadata["transform"] == list(GEOREFERENCE.transform or ())


@pytest.mark.parametrize(
    "rows", [[0.0, 1.0, 40.0], [-0.5, 0.3, 17.123456789], [1e-9, 1 / 3, 40.49999]]
)
def test_elevations_at_any_place(rows: list[float]) -> None:
    found, slow = ApproximateSurface.from_bytes(DATA), reference.decode(DATA)
    cols = np.concatenate([np.linspace(-0.5, 56.5, 37), [1e-12, 55.000001]])
    drawn = found.elevations(np.array(rows), cols)
    for row, line in zip(rows, drawn, strict=True):
        assert line.tolist() == [float(slow.at(row, col)) for col in cols]


def test_integer_coordinates_wrap_as_phases_do() -> None:
    """Far outside, and in a raster of the largest side."""
    found, slow = ApproximateSurface.from_bytes(DATA), reference.decode(DATA)
    places = [0, -1, (1 << 29) - 1, -(1 << 40) + 12345, 1 << 50]
    drawn = found.surface.heights(np.array(places), np.array(places[::-1]))
    for y, line in zip(places, drawn.tolist(), strict=True):
        expected = [slow.elevation(y, x) / Fraction(2) ** -7 for x in reversed(places)]
        assert line == expected


def test_whole_cells_are_quotients() -> None:
    """Binary64 divides as exactly as integers, in the largest rasters too."""
    for side in (1, 3, 3601, (1 << 24) - 1, 1 << 24):
        cells = np.unique(np.linspace(0, side - 1, 2000).astype(np.int64))
        found = np.floor(np.ldexp(cells.astype(np.float64), 29) / side).astype(np.int64)
        assert np.array_equal(found, (cells << 29) // side)


CHANGES: dict[str, dict[str, Any]] = {
    "no rows": {"rows": 0},
    "many rows": {"rows": (1 << 24) + 1},
    "no columns": {"cols": 0},
    "exponent": {"exponent": 65},
    "negative exponent": {"exponent": -65},
    "cells": {"errors": Errors((1 << 48) + 1, 1.0, 1.0, 1.0)},
    "negative error": {"errors": Errors(1, -1.0, 1.0, 1.0)},
    "negative zero": {"errors": Errors(1, -0.0, 1.0, 1.0)},
    "error without a number": {"errors": Errors(1, 1.0, math.nan, 1.0)},
    "endless error": {"errors": Errors(1, 1.0, 1.0, math.inf)},
    "metadata": {"metadata": b"\xff\xff"},
    "network": {"network": b"\x00"},
    "no network": {"network": b""},
}


@pytest.mark.parametrize("name", CHANGES)
def test_illegal_fields(name: str) -> None:
    data = replace(Approximation.from_bytes(DATA), **CHANGES[name]).to_bytes()
    with pytest.raises(CorruptError):
        ApproximateSurface.from_bytes(data)
    with pytest.raises(RejectError):
        reference.decode(data)


def test_legal_ends() -> None:
    for change in ({"exponent": 64}, {"exponent": -64}, {"rows": 1, "cols": 1 << 24}):
        data = replace(Approximation.from_bytes(DATA), **change).to_bytes()
        assert ApproximateSurface.from_bytes(data).to_bytes() == data
        reference.decode(data)


def test_header_ends_with_the_network() -> None:
    for data in (sealed(DATA + b"\0"), sealed(DATA[:-1])):
        with pytest.raises(CorruptError):
            ApproximateSurface.from_bytes(data)
        with pytest.raises(RejectError):
            reference.decode(data)
    assert ApproximateSurface.from_bytes(DATA + b"more").to_bytes() == DATA


def test_an_index_is_rejected() -> None:
    header_bytes = len(DATA) - PREFIX.size
    made = bytearray(DATA + bytes(12))
    made[12:20] = struct.pack("<2I", header_bytes, 12)
    made[20:24] = zlib.crc32(made[24:], zlib.crc32(made[:20])).to_bytes(4, "little")
    with pytest.raises(CorruptError, match="index"):
        ApproximateSurface.from_bytes(bytes(made))
    with pytest.raises(RejectError):
        reference.decode(bytes(made))


def test_every_wrong_byte_is_noticed() -> None:
    for place in range(len(DATA)):
        wrong = bytearray(DATA)
        wrong[place] ^= 1 << place % 8
        with pytest.raises(DemzipError):
            ApproximateSurface.from_bytes(bytes(wrong))


def test_every_missing_end_is_noticed() -> None:
    for size in range(len(DATA)):
        with pytest.raises((TruncatedError, OptionsError)):
            ApproximateSurface.from_bytes(DATA[:size])


@pytest.mark.parametrize("seed", range(150))
def test_forged_headers_are_read_by_both_or_by_none(seed: int) -> None:
    """Checksums follow the change; what is legal gives the same elevations."""
    rng = random.Random(seed)  # noqa: S311  no secrets
    made = bytearray(DATA)
    for _ in range(rng.choice((1, 1, 3))):
        made[rng.randrange(PREFIX.size, len(made))] = rng.randrange(256)
    data = sealed(bytes(made))
    try:
        slow = reference.decode(data)
    except (RejectError, RefuseError):
        with pytest.raises(DemzipError):
            ApproximateSurface.from_bytes(data)
        return
    found = ApproximateSurface.from_bytes(data)
    drawn = found.elevations(np.array([0.25]), np.array([0.0, 3.75]))
    assert drawn.tolist() == [[float(slow.at(0.25, 0.0)), float(slow.at(0.25, 3.75))]]


def test_readers_of_rasters_refuse_it(tmp_path: Any) -> None:
    path = tmp_path / "a.dz"
    path.write_bytes(DATA)
    for read in (
        lambda: demzip.decode(DATA),
        lambda: demzip.open(path),
        lambda: demzip.verify(path),
        lambda: demzip.decompress(path),
        lambda: demzip.decompress(path, salvage=True),
        lambda: demzip.compress(path, tmp_path / "b.dz"),
        lambda: demzip.open_terrain(path),
    ):
        with pytest.raises(UnsupportedError, match=r"approximation.*demzip implicit render"):
            read()
    assert [file.name for file in tmp_path.iterdir()] == ["a.dz"]


def test_a_raster_is_no_approximation() -> None:
    with pytest.raises(OptionsError, match="holds a raster"):
        ApproximateSurface.from_bytes(RASTER)
    with pytest.raises(RefuseError):
        reference.decode(RASTER)


def test_kinds_and_versions() -> None:
    """Kind 1 belongs to version 4, and kind 2 to none."""
    for version, kind in ((3, 1), (4, 2), (5, 0), (4, 257)):
        data = sealed(DATA[:8] + struct.pack("<2H", version, kind) + DATA[12:])
        with pytest.raises(UnsupportedError, match=rf"{version}\.{kind} is not known"):
            ApproximateSurface.from_bytes(data)
        with pytest.raises(UnsupportedError):
            demzip.decode(data)


def test_lengths_of_sections() -> None:
    """A section that says it is longer than what is left."""
    found = Approximation.from_bytes(DATA)
    size = len(found.network)
    front = DATA[PREFIX.size : len(DATA) - size - len(make.varint(size))]
    for size in (len(found.network) + 1, (1 << 26) - 1, 1 << 26):
        data = sealed(DATA[: PREFIX.size] + front + make.varint(size) + found.network)
        with pytest.raises(CorruptError):
            ApproximateSurface.from_bytes(data)
