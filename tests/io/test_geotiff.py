"""Rasters become .dz files and GeoTIFFs again with every sample and every piece of metadata."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile
from rasterio.transform import Affine

import demzip
from demzip.errors import (
    OptionsError,
)

KEPT = Path(__file__).resolve().parents[2] / "corpus"
CORPUS = Path(os.environ.get("DEMZIP_CORPUS", KEPT))
NO_RASTER = {".toml", ".csv", ".md", ".py", ".txt", ".json", ".prj", ".xml"}
RASTERS = sorted(
    path for path in CORPUS.iterdir() if path.is_file() and path.suffix not in NO_RASTER
)


pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


# ------------------------------------------------------------------ round trips


def test_there_are_rasters_to_test():
    assert len(RASTERS) >= 6


@pytest.mark.parametrize("path", RASTERS, ids=lambda path: path.name)
@pytest.mark.parametrize("predictor", ["lagrange24", "jpeg4", "auto"])
def test_raster_comes_back_as_it_was(path, predictor, tmp_path, content, files):
    packed, back = tmp_path / "x.dz", tmp_path / "x.tif"
    done = demzip.compress(path, packed, predictor=predictor, jobs=2)
    unpacked = demzip.decompress(packed, back, jobs=2)
    assert done.verified
    assert done.file_bytes == packed.stat().st_size
    assert unpacked.file_bytes == back.stat().st_size
    assert unpacked.notes == ()
    assert content(back) == content(path)
    demzip.verify(packed, path)
    demzip.verify(packed, back)
    assert files(tmp_path) == ["x.dz", "x.tif"]


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (520, 40), (40, 520), (600, 700)])
@pytest.mark.parametrize("block", [16, 48, 512, 528])
def test_any_shape_and_block(shape, block, tmp_path, save, relief, content):
    if block == 16 and min(shape) > 500:
        shape = (200, 300)  # thousands of blocks take long
    path = save(tmp_path / "a.tif", relief(*shape))
    demzip.compress(path, block=block)
    demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif")
    assert content(tmp_path / "b.tif") == content(path)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
)
def test_integer_dtypes(dtype, tmp_path, save, relief, content):
    values = relief(60, 70, dtype)
    values[3, 4], values[5, 6] = np.iinfo(dtype).min, np.iinfo(dtype).max
    path = save(tmp_path / "a.tif", values, nodata=7)
    demzip.compress(path)
    demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif")
    assert content(tmp_path / "b.tif") == content(path)


@pytest.mark.parametrize("nodata", [np.nan, -9999.0, float(np.finfo("float32").min)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float_grids_with_missing_samples(dtype, nodata, tmp_path, save, relief, content):
    values = (relief(60, 70) / 100).astype(dtype)
    values[10:20, 30:50] = nodata
    path = save(tmp_path / "a.tif", values, nodata=nodata)
    done = demzip.compress(path)
    assert done.values == f"{dtype} on a 0.01 grid"
    demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif")
    assert content(tmp_path / "b.tif") == content(path)


def test_every_field_of_metadata(tmp_path, relief, content):
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=50, width=60, count=1, dtype="int16", nodata=-32768,
        crs=CRS.from_epsg(9518), transform=Affine(0.1, 0.01, 7.12345678, -0.02, -0.3, 47.98765432),
    ) as dataset:  # fmt: skip
        dataset.update_tags(AREA_OR_POINT="Point", TIFFTAG_SOFTWARE="söft", SURVEY="a=b: c")
        dataset.update_tags(1, QUALITY='<fair> & "good"', STATISTICS_MAXIMUM="12")
        dataset.set_band_unit(1, "ft")
        dataset.set_band_description(1, "Höhe über Normalnull")
        dataset.scales, dataset.offsets = (0.3048,), (-100.5,)
        dataset.colorinterp = (ColorInterp.red,)
        dataset.write(relief(50, 60), 1)
    demzip.compress(path)
    demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif")
    assert content(tmp_path / "b.tif") == content(path)
    with rasterio.open(tmp_path / "b.tif") as dataset:
        assert dataset.colorinterp == (ColorInterp.red,)
        assert dataset.tags()["AREA_OR_POINT"] == "Point"
        assert dataset.scales == (0.3048,)
        assert dataset.crs == CRS.from_epsg(9518)


COMPOUND = (  # GDAL writes other keys for the WKT2 form of this one than for its WKT1 form
    'COMPD_CS["Amersfoort / RD New + NAP height",PROJCS["Amersfoort / RD New",GEOGCS["Amersfoort",'
    'DATUM["Amersfoort",SPHEROID["Bessel 1841",6377397.155,299.1528128]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4289"]],'
    'PROJECTION["Oblique_Stereographic"],PARAMETER["latitude_of_origin",52.1561605555556],'
    'PARAMETER["central_meridian",5.38763888888889],PARAMETER["scale_factor",0.9999079],'
    'PARAMETER["false_easting",155000],PARAMETER["false_northing",463000],UNIT["metre",1]],'
    'VERT_CS["NAP height",VERT_DATUM["Normaal Amsterdams Peil",2005],UNIT["metre",1],'
    'AXIS["Gravity-related height",UP]],AUTHORITY["EPSG","7415"]]'
)


@pytest.mark.parametrize(
    "crs", ["OGC:CRS83", "EPSG:7415", COMPOUND, "EPSG:27700+5701", "EPSG:4979"]
)
def test_crs_comes_back_equal(crs, tmp_path, save, relief):
    path = save(
        tmp_path / "a.tif", relief(20, 20), crs=CRS.from_user_input(crs),
        transform=Affine(10, 0, 5, 0, -10, 7), geotiff_keys_flavor="ESRI_PE",
    )  # fmt: skip
    demzip.compress(path)
    assert demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif").notes == ()
    with rasterio.open(path) as before, rasterio.open(tmp_path / "b.tif") as after:
        assert before.crs is not None
        assert after.crs == before.crs


def test_other_drivers(tmp_path):
    """ASCII grids have no colour interpretation, no CRS and no layout."""
    text = "ncols 3\nnrows 2\nxllcorner 5\nyllcorner 7\ncellsize 10\nNODATA_value -9999\n"
    path = tmp_path / "a.asc"
    path.write_text(text + "1.5 2.25 -9999\n3 4 5\n", encoding="ascii")
    demzip.compress(path)
    assert demzip.decompress(tmp_path / "a.dz").notes == ()
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert dataset.nodata == -9999
        assert dataset.transform == Affine(10, 0, 5, 0, -10, 27)
        assert dataset.read(1).tolist() == [[1.5, 2.25, -9999], [3, 4, 5]]
    demzip.verify(tmp_path / "a.dz", path)


def test_virtual_file_systems_as_input(tmp_path, monkeypatch, save, relief):
    path = save(tmp_path / "a.tif", relief(40, 50))
    with MemoryFile(path.read_bytes(), filename="height.tif") as memory:
        demzip.compress(memory.name, tmp_path / "m.dz")
        demzip.verify(tmp_path / "m.dz", memory.name)
        monkeypatch.chdir(tmp_path)
        done = demzip.compress(memory.name)
    assert done.path == Path("height.dz")
    assert done.source_bytes is None
    assert (tmp_path / "height.dz").read_bytes() == (tmp_path / "m.dz").read_bytes()


def test_jobs_make_the_same_file(tmp_path, save, relief):
    path = save(tmp_path / "a.tif", relief(200, 300))
    for jobs in (1, 3):
        demzip.compress(path, tmp_path / f"{jobs}.dz", block=64, jobs=jobs)
    assert (tmp_path / "1.dz").read_bytes() == (tmp_path / "3.dz").read_bytes()


# ------------------------------------------------------------------ the GeoTIFF


def test_geotiff_is_tiled_and_packed(tmp_path, save, relief):
    for name, values in (("i", relief(600, 520)), ("f", (relief(600, 520) / 4).astype("float32"))):
        path = save(tmp_path / f"{name}.tif", values)
        demzip.compress(path, tmp_path / "x.dz", overwrite=True)
        demzip.decompress(tmp_path / "x.dz", tmp_path / "x.tif", overwrite=True)
        with rasterio.open(tmp_path / "x.tif") as dataset:
            assert dataset.profile["tiled"]
            assert dataset.block_shapes == [(512, 512)]
            assert dataset.profile["compress"] == "deflate"
            structure = dataset.tags(ns="IMAGE_STRUCTURE")
            assert structure["PREDICTOR"] == {"i": "2", "f": "3"}[name]
    with rasterio.open(demzip.decompress(tmp_path / "x.dz", tmp_path / "p.tif",
                       creation_options={"compress": "packbits"}).path) as dataset:  # fmt: skip
        assert dataset.profile["compress"] == "packbits"


def test_small_geotiffs_are_not_tiled(tmp_path, save, relief):
    demzip.compress(save(tmp_path / "a.tif", relief(100, 90)))
    demzip.decompress(tmp_path / "a.dz", overwrite=True)
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert not dataset.profile["tiled"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"COMPRESS": "NONSENSE"}, "NONSENSE"),
        ({"NONSENSE": "1"}, "NONSENSE"),
        ({"dtype": "uint8"}, "DTYPE"),
        ({"COMPRESS": "LERC", "MAX_Z_ERROR": "3"}, "lose precision"),
    ],
)
def test_creation_options_are_checked(options, words, tmp_path, save, relief, files):
    demzip.compress(save(tmp_path / "a.tif", relief(100, 90)))
    with pytest.raises(OptionsError, match=words):
        demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif", creation_options=options)
    assert files(tmp_path) == ["a.dz", "a.tif"]


def test_metadata_that_a_geotiff_cannot_hold_are_named(tmp_path, relief):
    """Declared no-data outside the dtype is legal in a .dz file; rasterio cannot write it."""
    data = demzip.encode(relief(30, 30, "uint8"), nodata=-9999.0)
    (tmp_path / "a.dz").write_bytes(data)
    done = demzip.decompress(tmp_path / "a.dz")
    assert [note for note in done.notes if "-9999.0" in note] == list(done.notes) != []
