"""One wrong byte before the blocks is found and put right, wherever it is."""

from pathlib import Path

import numpy as np
import pytest

from demzip.codec import encode, open_bytes
from demzip.container.layout import PREFIX, read_prefix
from demzip.container.repair import repairs
from demzip.errors import DemzipError
from demzip.io.salvage import open_damaged

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
FLIPS = (0x01, 0x80, 0x5A, 0xFF)


def reader(data):
    return lambda offset, size: data[offset : offset + size]


@pytest.fixture(params=["blocks", "bands", "dropped"])
def packed(request):
    """A file that is kept: of several blocks, of bands with a mask, of true floats."""
    return (GOLDEN / f"{request.param}.dz").read_bytes()


def test_every_byte(packed):
    size = read_prefix(packed)
    front = packed[:size]
    assert size > PREFIX.size + 12
    for place in range(size):
        flip = FLIPS[place % len(FLIPS)]
        damaged = packed[:place] + bytes([packed[place] ^ flip]) + packed[place + 1 :]
        found = [repair for repair in repairs(reader(damaged)) if repair.front == front]
        assert [(repair.place, repair.was) for repair in found] == [(place, packed[place] ^ flip)]


def test_repaired_files_can_be_read(packed):
    expected = open_bytes(packed).read()
    for place in range(3, read_prefix(packed), 17):
        damaged = packed[:place] + bytes([packed[place] ^ 0x42]) + packed[place + 1 :]
        decoder, words = open_damaged(reader(damaged))
        assert f"byte {place} " in words
        assert f"must be {packed[place]:#04x}" in words
        assert decoder.read().tobytes() == expected.tobytes()


def test_intact_files_need_no_repair(packed):
    assert list(repairs(reader(packed))) == []
    assert open_damaged(reader(packed))[1] is None


def test_every_bit_of_some_bytes(packed):
    """Of version, lengths, checksum, the first bytes of the header, and the last of the index."""
    size = read_prefix(packed)
    for place in (8, 12, 13, 15, 16, 19, 20, 23, 24, 25, size - 1):
        for bit in range(8):
            damaged = bytearray(packed)
            damaged[place] ^= 1 << bit
            found = [repair.front for repair in repairs(reader(bytes(damaged)))]
            assert found.count(packed[:size]) == 1


@pytest.mark.parametrize("places", [(9, 30), (12, 13), (26, 27), (14, 22)])
def test_two_bytes_are_beyond_repair(places, packed):
    damaged = bytearray(packed)
    for place in places:
        damaged[place] ^= 0x5A
    with pytest.raises(DemzipError):
        open_damaged(reader(bytes(damaged)))


@pytest.mark.parametrize(
    "data",
    [b"", b"short", b"II*\0" + bytes(20), b"\x89DMZ\r\n\x1a\n" + b"\xff" * 16, bytes(200)],
)
def test_what_is_no_file_of_ours(data):
    assert list(repairs(reader(data))) == []


def test_a_large_front():
    """Long indexes take a while in Python, but not minutes."""
    values = np.zeros((1600, 1600), np.uint8)
    data = bytearray(encode(values, block=16))
    place = read_prefix(data) - 60000
    data[place] ^= 4
    decoder, words = open_damaged(reader(bytes(data)))
    assert f"byte {place} " in words
    assert decoder.shape == (1600, 1600)
