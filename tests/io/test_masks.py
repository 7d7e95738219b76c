"""Masks and overviews of GeoTIFFs."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.windows import Window

from demzip.container.metadata import read_metadata, write_metadata
from demzip.io.finishing import build_overviews
from demzip.io.masks import has_mask, has_masks_of_bands, read_mask
from demzip.io.metadata import differences
from demzip.raster.georeference import Georeference
from tests.geotiffs import COLS, OPEN, ROWS, about, made, read, written

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

MASK = np.where(np.add.outer(np.arange(ROWS), np.arange(COLS)) % 7, 255, 0).astype(np.uint8)


@pytest.mark.parametrize("internal", [True, False])
@pytest.mark.parametrize("count", [1, 4])
def test_masks(internal, count, tmp_path):
    path = made(tmp_path / "a.tif", count, "uint8")
    assert not read(path).mask
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(MASK)
    assert (tmp_path / "a.tif.msk").exists() != internal
    georeference = read(path)
    assert georeference.mask
    with rasterio.open(path) as dataset:
        assert np.array_equal(read_mask(dataset), MASK)
        window = Window(3, 5, 9, 11)
        assert np.array_equal(read_mask(dataset, window), MASK[5:16, 3:12])
    back = written(tmp_path / "b.tif", georeference, "uint8", MASK)
    assert differences(read(back), georeference) == []
    assert not (tmp_path / "b.tif.msk").exists()
    with rasterio.open(back) as dataset:
        assert np.array_equal(read_mask(dataset), MASK)
    without = read(written(tmp_path / "c.tif", georeference, "uint8"))
    assert differences(without, georeference) == ["mask: False instead of True"]


def test_masks_that_follow_from_something_else(tmp_path):
    made(tmp_path / "alpha.tif", 4, "uint8", photometric="RGB", alpha="yes")
    made(tmp_path / "nodata.tif", 2, nodata=-1)
    made(tmp_path / "values.tif", 2, setup=lambda d: d.update_tags(NODATA_VALUES="0 0"))
    for path in sorted(tmp_path.iterdir()):
        with rasterio.open(path) as dataset:
            assert not has_mask(dataset), path
            assert not has_masks_of_bands(dataset)
    assert len(sorted(tmp_path.iterdir())) == 3


def test_masks_of_single_bands():
    band = '<VRTRasterBand dataType="Byte" band="{}"><MaskBand><VRTRasterBand dataType="Byte"/></MaskBand></VRTRasterBand>'  # noqa: E501
    for count in (1, 2):
        text = "".join(band.format(number + 1) for number in range(count))
        with rasterio.open(
            f'<VRTDataset rasterXSize="2" rasterYSize="2">{text}</VRTDataset>'
        ) as dataset:
            assert has_mask(dataset) == (count == 1)
            assert has_masks_of_bands(dataset) == (count == 2)


@pytest.mark.parametrize("factors", [[2, 4], [3, 5, 2], [2, 50]])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("how", ["average", "cubic_spline", "nearest"])
def test_overviews(factors, masked, how, tmp_path):
    path = made(tmp_path / "a.tif", 2)
    with rasterio.Env(**OPEN), rasterio.open(path, "r+") as dataset:
        if masked:
            dataset.write_mask(MASK)
        dataset.build_overviews(factors, Resampling[how])
    georeference = read(path)
    assert georeference.overviews == tuple(factors)
    assert georeference.overview_resampling == how
    packed = read_metadata(write_metadata(georeference), 2)
    back = written(tmp_path / "b.tif", packed, mask=MASK if masked else None)
    assert about(back) == about(path)
    assert differences(read(back), georeference) == []
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.tif", "b.tif"]


def test_overviews_are_made_as_the_original_says(tmp_path):
    values = np.arange(ROWS * COLS, dtype="int16").reshape(ROWS, COLS)
    path = made(tmp_path / "a.tif")
    for name, expected in (("average", 26), ("rms", 36), (None, 0), ("max", 0)):
        build_overviews(path, Georeference(overviews=(2,), overview_resampling=name))
        with rasterio.open(path, overview_level=0) as dataset:
            assert dataset.read(1)[0, 0] == expected
        with rasterio.open(path) as dataset:
            assert dataset.overviews(1) == [2]
            assert np.array_equal(dataset.read(1), values)


def test_overviews_that_do_not_say_how_they_were_made(tmp_path):
    georeference = Georeference(overviews=(2,))
    back = read(written(tmp_path / "a.tif", georeference))
    assert back.overview_resampling == "nearest"
    assert differences(back, georeference) == differences(georeference, back) == []
    assert differences(replace(back, overview_resampling="mode"), back) == [
        "overview_resampling: 'mode' instead of 'nearest'"
    ]


def test_overviews_that_cannot_be_made(tmp_path):
    georeference = Georeference(overviews=(2, 100, 1000))
    found = differences(read(written(tmp_path / "a.tif", georeference)), georeference)
    assert found == ["overviews: () instead of (2, 100, 1000)"]
