"""Rasters of several bands, with masks and overviews: files there and back, and open datasets."""

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

import demzip
from demzip.errors import CorruptError, OptionsError, UnsupportedError

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32",
          "float64")  # fmt: skip


@pytest.fixture
def bands(relief):
    """Two of three bands differ in their values' map; one has holes."""

    def make(dtype):
        values = np.stack([relief(90, 110, "int64", seed) for seed in range(3)])
        values[1] = values[1] // 8 * 8
        values[2, 20:40, 30:70] = 9
        if dtype.startswith("float"):
            values = values / 4
            values[0] = np.sin(values[0])
        return values.astype(dtype)

    return make


@pytest.fixture
def masked(tmp_path, save, bands):
    """A raster of three bands with a mask of its own and overviews."""

    def make(*, internal):
        path = save(tmp_path / "m.tif", bands("uint16"), photometric="RGB", nodata=9)
        mask = np.full((90, 110), 255, np.uint8)
        mask[10:30, 50:90] = 0
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as dataset:
            dataset.write_mask(mask)
            dataset.build_overviews([2, 4])
        return path, mask

    return make


@pytest.mark.parametrize("dtype", DTYPES)
def test_bands_come_back(dtype, tmp_path, save, bands, content):
    values = bands(dtype)
    path = save(tmp_path / "a.tif", values, nodata=9)
    done = demzip.compress(path, block=32, jobs=2)
    assert done.samples == 3 * 90 * 110
    assert done.raw_bytes == values.nbytes
    assert demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif", jobs=2).notes == ()
    assert content(tmp_path / "b.tif") == content(path)
    assert demzip.verify(tmp_path / "a.dz", path).blocks == 3 * 12


@pytest.mark.parametrize("internal", [True, False])
def test_masks_and_overviews_come_back(internal, tmp_path, masked, content, files):
    path, mask = masked(internal=internal)
    demzip.compress(path, block=32)
    assert demzip.decompress(tmp_path / "m.dz", tmp_path / "b.tif").notes == ()
    assert content(tmp_path / "b.tif") == content(path)
    assert "b.tif.msk" not in files(tmp_path)
    with rasterio.open(tmp_path / "b.tif") as dataset:
        assert np.array_equal(dataset.dataset_mask(), mask)
        assert dataset.overviews(3) == [2, 4]


def test_another_mask_is_found(tmp_path, masked):
    path, mask = masked(internal=True)
    demzip.compress(path)
    mask[60, 7] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(mask)
    with pytest.raises(CorruptError, match="mask, row 60, column 7 is 255 instead of 0"):
        demzip.verify(tmp_path / "m.dz", path)


def test_another_sample_is_found_in_its_band(tmp_path, save, bands):
    values = bands("int16")
    demzip.compress(save(tmp_path / "a.tif", values))
    values[2, 60, 7] += 1
    other = save(tmp_path / "b.tif", values)
    with pytest.raises(CorruptError, match="band 3, row 60, column 7"):
        demzip.verify(tmp_path / "a.dz", other)
    two = save(tmp_path / "c.tif", values[:2])
    with pytest.raises(CorruptError, match="3 bands of int16 instead of 2 bands of int16"):
        demzip.verify(tmp_path / "a.dz", two)


def test_pixel_interleaved_output(tmp_path, save, bands, content):
    path = save(tmp_path / "a.tif", bands("int16"))
    demzip.compress(path)
    options = {"INTERLEAVE": "PIXEL", "TILED": "YES"}
    demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif", creation_options=options)
    assert content(tmp_path / "b.tif") == content(path)
    with rasterio.open(tmp_path / "b.tif") as dataset:
        assert dataset.profile["interleave"] == "pixel"


def test_many_pieces_make_the_same_raster(tmp_path, masked, content, monkeypatch):
    """Wide rasters are written in pieces of several tiles each."""
    monkeypatch.setattr("demzip.io.writing.PIECE_BYTES", 1)
    monkeypatch.setattr("demzip.io.profile.TILE", 32)
    path, _ = masked(internal=True)
    demzip.compress(path, block=16)
    for jobs in (1, 3):
        out = tmp_path / f"{jobs}.tif"
        demzip.decompress(tmp_path / "m.dz", out, jobs=jobs)
        assert content(out) == content(path)


def two_dtypes(folder, save, relief):
    save(folder / "i.tif", relief(40, 50))
    save(folder / "u.tif", relief(40, 50, "uint8"))
    band = (
        '<VRTRasterBand dataType="{}" band="{}"><SimpleSource><SourceFilename relativeToVRT="1">{}'
        "</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
    )
    text = band.format("Int16", 1, "i.tif") + band.format("Byte", 2, "u.tif")
    path = folder / "two.vrt"
    path.write_text(
        f'<VRTDataset rasterXSize="50" rasterYSize="40">{text}</VRTDataset>', encoding="ascii"
    )
    return path


def test_bands_of_different_dtypes(tmp_path, save, relief, files):
    done = demzip.compress(two_dtypes(tmp_path, save, relief))
    assert "dtype" in done.notes[0]
    assert done.values == "band 1: int16; band 2: uint8"
    with demzip.open(done.path) as dem:
        assert dem.dtypes == ("int16", "uint8")
        assert np.array_equal(dem.read(1), relief(40, 50))
        assert np.array_equal(dem.read(2), relief(40, 50, "uint8"))
        with pytest.raises(OptionsError, match="one dtype"):
            dem.read()
    with pytest.raises(UnsupportedError, match="int16, uint8"):
        demzip.decompress(done.path)
    assert files(tmp_path) == ["i.tif", "two.dz", "two.vrt", "u.tif"]


# ------------------------------------------------------------------ demzip.open


def test_open_dataset_is_as_rasterios(tmp_path, masked):
    path, _ = masked(internal=True)
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("red", None, "blue")
        dataset.scales, dataset.offsets = (1, 2, 3), (0, 0, 7)
        dataset.update_tags(2, ns="PLACE", NAME="here")
    demzip.compress(path, block=32)
    with demzip.open(tmp_path / "m.dz") as mine, rasterio.open(path) as theirs:
        for name in ("count", "indexes", "dtypes", "nodata", "nodatavals", "units",
                     "descriptions", "scales", "offsets", "rpcs"):  # fmt: skip
            assert getattr(mine, name) == getattr(theirs, name), name
        assert mine.tags(2, ns="PLACE") == theirs.tags(2, ns="PLACE") == {"NAME": "here"}
        assert mine.overviews(1) == theirs.overviews(1)
        window = ((20, 60), (30, 100))
        for indexes in (None, 2, [3, 1], [2], (1, 2)):
            assert np.array_equal(mine.read(indexes), theirs.read(indexes))
            assert np.array_equal(
                mine.read(indexes, window, jobs=2), theirs.read(indexes, window=window)
            )
        assert np.array_equal(mine.dataset_mask(), theirs.dataset_mask())
        found, expected = mine.read(masked=True), theirs.read(masked=True)
        assert np.array_equal(found.mask, expected.mask)
        assert found.mask.any()
        for band in (0, 4, -1):
            with pytest.raises(OptionsError, match="bands 1 to 3"):
                mine.read([1, band])


def test_masks_from_no_data(tmp_path, save, bands):
    values = bands("int16")
    values[:, 25:30, 40:45] = 9
    path = save(tmp_path / "a.tif", values, nodata=9)
    demzip.compress(path)
    with demzip.open(tmp_path / "a.dz") as mine, rasterio.open(path) as theirs:
        assert np.array_equal(mine.dataset_mask(), theirs.dataset_mask())
        assert np.array_equal(mine.dataset_mask(((20, 60), (30, 100))),
                              theirs.dataset_mask()[20:60, 30:100])  # fmt: skip
        assert np.array_equal(mine.read(masked=True).mask, theirs.read(masked=True).mask)


def test_ground_control_points(tmp_path, save, relief):
    path = save(tmp_path / "a.tif", relief(20, 20))
    points = [GroundControlPoint(row, col, 10 + col, 50 - row, 7, "p", "") for row, col in
              ((0, 0), (0, 19), (19, 0))]  # fmt: skip
    with rasterio.open(path, "r+") as dataset:
        dataset.gcps = (points, CRS.from_epsg(4326))
    demzip.compress(path)
    with demzip.open(tmp_path / "a.dz") as mine, rasterio.open(path) as theirs:
        found, crs = mine.gcps
        assert crs == theirs.gcps[1]
        assert [(p.row, p.col, p.x, p.y, p.z) for p in found] == [
            (p.row, p.col, p.x, p.y, p.z) for p in theirs.gcps[0]
        ]
