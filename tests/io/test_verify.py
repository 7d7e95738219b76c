"""verify finds every damage and every difference, and says where."""

import numpy as np
import pytest
from rasterio.transform import Affine

import demzip
from demzip.errors import (
    CorruptError,
    DemzipError,
    TruncatedError,
)

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def packed(tmp_path, save, relief):
    """A .dz file of four blocks and its original."""
    path = save(tmp_path / "a.tif", relief(100, 120), nodata=-1, tags={"SURVEY": "7"})
    demzip.compress(path, block=64)
    return tmp_path / "a.dz"


def test_every_flipped_byte_is_found(packed):
    data = packed.read_bytes()
    damaged = packed.with_name("b.dz")
    for place in range(8, len(data), 37):
        damaged.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        with pytest.raises(DemzipError) as caught:
            demzip.verify(damaged)
        assert caught.value.exit_code in (3, 4)  # 4: the version number was hit
        assert str(damaged) in str(caught.value)


def test_every_missing_tail_is_found(packed, files):
    data = packed.read_bytes()
    cut = packed.with_name("b.dz")
    for length in [*range(1, 60), *range(60, len(data), 311), len(data) - 1]:
        cut.write_bytes(data[:length])
        with pytest.raises(TruncatedError):
            demzip.verify(cut)
        with pytest.raises(TruncatedError):
            demzip.decompress(cut, packed.with_name("b.tif"))
    assert files(packed.parent) == ["a.dz", "a.tif", "b.dz"]


def test_trailing_bytes_are_found(packed):
    packed.write_bytes(packed.read_bytes() + b"xy")
    with pytest.raises(CorruptError, match="2 bytes follow"):
        demzip.verify(packed)


def test_one_other_sample_is_found(packed, tmp_path, save, relief):
    values = relief(100, 120)
    values[70, 80] += 1
    other = save(tmp_path / "c.tif", values, nodata=-1, tags={"SURVEY": "7"})
    with pytest.raises(CorruptError, match=f"row 70, column 80 is {values[70, 80] - 1} instead"):
        demzip.verify(packed, other)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"nodata": -2}, "nodata"),
        ({"tags": {"SURVEY": "8"}}, "SURVEY"),
        ({"crs": "EPSG:4326"}, "CRS"),
        ({"transform": Affine(2, 0, 0, 0, -2, 0)}, "transform"),
        ({"dtype": "int32"}, "int32"),
        ({"cols": 119}, "100 x 119"),
    ],
)
def test_other_metadata_are_found(change, word, packed, tmp_path, save, relief):
    options = {"nodata": -1, "tags": {"SURVEY": "7"}} | change
    values = relief(100, 120)[:, : options.pop("cols", 120)].astype(options.pop("dtype", "int16"))
    other = save(tmp_path / "c.tif", values, **options)
    with pytest.raises(CorruptError, match=word):
        demzip.verify(packed, other)


def test_nan_payloads_are_compared_bit_for_bit(tmp_path, save, relief):
    values = (relief(30, 30) / 4).astype("float32")
    values[5, 6] = np.nan
    path = save(tmp_path / "a.tif", values)
    demzip.compress(path)
    demzip.verify(tmp_path / "a.dz", path)
    values.view("uint32")[5, 6] ^= 1
    with pytest.raises(CorruptError, match="row 5, column 6"):
        demzip.verify(tmp_path / "a.dz", save(tmp_path / "b.tif", values))
