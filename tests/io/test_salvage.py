"""Damaged files: what can be saved is saved, and what is lost is told."""

import os

import numpy as np
import pytest
import rasterio

import demzip
from demzip.codec import open_bytes
from demzip.errors import CorruptError, DemzipError, OptionsError, TruncatedError

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

BLOCK = 32


def band_values(relief, dtype, bands=2):
    return np.stack([relief(100, 70, dtype, seed) for seed in range(1, bands + 1)])


@pytest.fixture
def packed(tmp_path, save, relief):
    """A .dz file of two bands with twelve blocks each, and its values."""

    def make(dtype="int16", nodata=None):
        values = band_values(relief, "int16").astype(dtype)
        if values.dtype.kind == "f":
            values[1] = np.sin(values[1])
        save(tmp_path / "a.tif", values, nodata=nodata)
        demzip.compress(tmp_path / "a.tif", block=BLOCK)
        return tmp_path / "a.dz", values

    return make


def hurt(path, *blocks):
    """Flip a byte in the payloads of blocks, each (plane, number)."""
    data = bytearray(path.read_bytes())
    decoder = open_bytes(bytes(data))
    for plane, number in blocks:
        entry = decoder.entry(plane, decoder.grid.box(number))
        data[entry.offset + entry.size // 2] ^= 0x10
    path.write_bytes(data)


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read()


def test_damaged_blocks_are_filled_and_the_rest_is_saved(tmp_path, packed):
    path, values = packed(nodata=-32768)
    hurt(path, (0, 4), (1, 0), (1, 11))
    done = demzip.decompress(path, tmp_path / "b.tif", salvage=True, jobs=2)
    assert [(lost.band, lost.rows, lost.cols) for lost in done.lost] == [
        (2, (0, 32), (0, 32)),
        (1, (32, 64), (32, 64)),
        (2, (96, 100), (64, 70)),
    ]
    assert all("checksum" in lost.reason for lost in done.lost)
    assert "band 1, block 4 (rows 32-63, columns 32-63)" in done.lost[1].where
    expected = values.copy()
    expected[1, :32, :32] = expected[0, 32:64, 32:64] = expected[1, 96:, 64:] = -32768
    assert np.array_equal(read(tmp_path / "b.tif"), expected)
    assert done.repair is None


def test_intact_files_lose_nothing(tmp_path, packed):
    path, values = packed()
    done = demzip.decompress(path, tmp_path / "b.tif", salvage=True)
    assert (done.lost, done.repair) == ((), None)
    assert np.array_equal(read(tmp_path / "b.tif"), values)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_without_no_data_become_nan(dtype, tmp_path, packed):
    path, values = packed(dtype)
    hurt(path, (0, 5), (1, 5))
    done = demzip.decompress(path, tmp_path / "b.tif", salvage=True)
    assert len(done.lost) == 2
    values[:, 32:64, 64:] = np.nan
    assert np.array_equal(read(tmp_path / "b.tif"), values, equal_nan=True)


def test_integers_without_no_data_need_a_fill(tmp_path, packed, files):
    path, values = packed()
    hurt(path, (0, 5))
    with pytest.raises(OptionsError, match=r"block 5.*--fill"):
        demzip.decompress(path, tmp_path / "b.tif", salvage=True)
    assert files(tmp_path) == ["a.dz", "a.tif"]
    demzip.decompress(path, tmp_path / "b.tif", salvage=True, fill=7)
    values[0, 32:64, 64:] = 7
    assert np.array_equal(read(tmp_path / "b.tif"), values)


@pytest.mark.parametrize(
    ("dtype", "fill"), [("int16", 40000), ("int16", 0.5), ("int16", np.nan), ("float32", 1e300)]
)
def test_fills_that_the_dtype_lacks(dtype, fill, tmp_path, packed):
    path, _ = packed(dtype)
    with pytest.raises(OptionsError, match="fill"):
        demzip.decompress(path, tmp_path / "b.tif", salvage=True, fill=fill)
    with pytest.raises(OptionsError, match="salvage"):
        demzip.decompress(path, tmp_path / "b.tif", fill=fill)


def test_lost_blocks_of_a_mask_are_invalid(tmp_path, save, relief):
    path = save(tmp_path / "a.tif", relief(100, 70), nodata=-1)
    mask = np.full((100, 70), 255, np.uint8)
    mask[:, ::9] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(mask)
    demzip.compress(path, block=BLOCK)
    hurt(tmp_path / "a.dz", (1, 0))
    done = demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif", salvage=True)
    assert [lost.band for lost in done.lost] == [0]
    assert done.lost[0].where.startswith("mask, block 0")
    mask[:32, :32] = 0
    with rasterio.open(tmp_path / "b.tif") as dataset:
        assert np.array_equal(dataset.dataset_mask(), mask)


def test_truncated_files_keep_the_blocks_before_the_cut(tmp_path, packed):
    path, values = packed(nodata=-32768)
    data = path.read_bytes()
    decoder = open_bytes(data)
    for down in range(4):  # cut within the first payload of each row of blocks
        box = decoder.grid.box(down * decoder.grid.across)
        path.write_bytes(data[: decoder.entry(0, box).offset + 1])
        done = demzip.decompress(path, tmp_path / "b.tif", salvage=True, overwrite=True)
        assert len(done.lost) == (4 - down) * 3 * 2
        assert all("ends" in lost.reason for lost in done.lost)
        expected = np.full_like(values, -32768)
        expected[:, : box.row] = values[:, : box.row]
        assert np.array_equal(read(tmp_path / "b.tif"), expected)


def test_files_cut_before_the_blocks_are_lost(tmp_path, packed, files):
    path, _ = packed(nodata=-1)
    data = path.read_bytes()
    for length in (1, 15, 24, 60, open_bytes(data).front_bytes - 1):
        path.write_bytes(data[:length])
        with pytest.raises(TruncatedError):
            demzip.decompress(path, tmp_path / "b.tif", salvage=True)
    assert files(tmp_path) == ["a.dz", "a.tif"]


def test_a_wrong_byte_before_the_blocks_is_put_right(tmp_path, packed):
    path, values = packed()
    data = path.read_bytes()
    for place in (3, 9, 14, 17, 21, 30, open_bytes(data).front_bytes - 5):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x21]) + data[place + 1 :])
        with pytest.raises(DemzipError):
            demzip.decompress(path, tmp_path / "b.tif")
        done = demzip.decompress(path, tmp_path / "b.tif", salvage=True, overwrite=True)
        assert f"byte {place} " in done.repair
        assert done.lost == ()
        assert np.array_equal(read(tmp_path / "b.tif"), values)


def test_other_files_are_still_refused(tmp_path, packed):
    packed()
    with pytest.raises(OptionsError, match=r"not a \.dz file"):
        demzip.decompress(tmp_path / "a.tif", tmp_path / "b.tif", salvage=True)


# ------------------------------------------------------------------ without --salvage


def test_every_damaged_block_counts(packed):
    path, _ = packed()
    hurt(path, (0, 4), (1, 0))
    with pytest.raises(CorruptError) as caught:
        demzip.verify(path, jobs=2)
    text = str(caught.value)
    assert "band 1, block 4 (rows 32-63, columns 32-63): damaged" in text
    assert "band 2, block 0 (rows 0-31, columns 0-31): damaged" in text
    hurt(path, *((0, number) for number in (0, 1, 2, 3)))
    with pytest.raises(CorruptError, match=r"and 3 more: 6 of 24 blocks in all"):
        demzip.verify(path)


def test_a_cut_file_tells_how_much_is_gone(packed):
    path, _ = packed()
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(TruncatedError, match=r"1 bytes too short.*band 2, block 11.*ends"):
        demzip.verify(path)


def test_decompress_names_the_block(tmp_path, packed, files):
    path, _ = packed()
    hurt(path, (1, 7))
    with pytest.raises(CorruptError, match=r"a\.dz: band 2, block 7 \(rows 64-95, columns 32-63\)"):
        demzip.decompress(path, tmp_path / "b.tif")
    assert files(tmp_path) == ["a.dz", "a.tif"]
