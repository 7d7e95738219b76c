"""Rasters become .dz files and GeoTIFFs again with every sample and every piece of metadata."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile
from rasterio.transform import Affine

import demzip
from demzip.codec import RasterDecoder
from demzip.errors import (
    CorruptError,
    DemzipError,
    OptionsError,
    TruncatedError,
    UnsupportedError,
)
from demzip.io.geotiff import read_georeference
from demzip.io.source import CACHE_BYTES, open_source

KEPT = Path(__file__).resolve().parents[2] / "corpus"
CORPUS = Path(os.environ.get("DEMZIP_CORPUS", KEPT))
NO_RASTER = {".toml", ".csv", ".md", ".py", ".txt", ".json", ".prj", ".xml"}
RASTERS = sorted(
    path for path in CORPUS.iterdir() if path.is_file() and path.suffix not in NO_RASTER
)

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def save(path, values, **options):
    """Write a GeoTIFF and give its path."""
    tags = options.pop("tags", {})
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[-2], width=values.shape[-1],
        count=1 if values.ndim == 2 else values.shape[0], dtype=values.dtype, **options,
    ) as dataset:  # fmt: skip
        dataset.update_tags(**tags)
        dataset.write(values, 1 if values.ndim == 2 else None)
    return path


def relief(rows, cols, dtype="int16", seed=1):
    """Smooth ground with a little noise."""
    rng = np.random.default_rng(seed)
    ramp = np.add.outer(np.arange(rows) % 97, np.arange(cols) % 61)
    return (ramp + rng.integers(0, 9, (rows, cols))).astype(dtype)


def content(path):
    """Samples, as bytes, and all metadata of a raster."""
    with rasterio.open(path) as dataset:
        about = {
            name: getattr(dataset, name)
            for name in ("shape", "dtypes", "crs", "transform", "units", "descriptions", "scales",
                         "offsets")
        }  # fmt: skip
        about["nodata"] = repr(dataset.nodata)
        about["tags"] = dataset.tags()
        about["band_tags"] = dataset.tags(1)
        return dataset.read(1).tobytes(), about


def files(folder):
    return sorted(path.name for path in folder.iterdir())


# ------------------------------------------------------------------ round trips


def test_there_are_rasters_to_test():
    assert len(RASTERS) >= 6


@pytest.mark.parametrize("path", RASTERS, ids=lambda path: path.name)
@pytest.mark.parametrize("predictor", ["lagrange24", "jpeg4", "auto"])
def test_raster_comes_back_as_it_was(path, predictor, tmp_path):
    packed, back = tmp_path / "x.dz", tmp_path / "x.tif"
    with rasterio.open(path) as dataset:
        is_float = dataset.dtypes[0].startswith("float")
    try:
        done = demzip.compress(path, packed, predictor=predictor, jobs=2)
    except UnsupportedError as error:
        assert is_float, "integers are always supported"  # noqa: PT017
        assert "not supported" in str(error)  # noqa: PT017
        assert files(tmp_path) == []
        return
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
def test_any_shape_and_block(shape, block, tmp_path):
    if block == 16 and min(shape) > 500:
        shape = (200, 300)  # thousands of blocks take long
    path = save(tmp_path / "a.tif", relief(*shape))
    demzip.compress(path, block=block)
    demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif")
    assert content(tmp_path / "b.tif") == content(path)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
def test_integer_dtypes(dtype, tmp_path):
    values = relief(60, 70, dtype)
    values[3, 4], values[5, 6] = np.iinfo(dtype).min, np.iinfo(dtype).max
    path = save(tmp_path / "a.tif", values, nodata=7)
    demzip.compress(path)
    demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif")
    assert content(tmp_path / "b.tif") == content(path)


@pytest.mark.parametrize("nodata", [np.nan, -9999.0, float(np.finfo("float32").min)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float_grids_with_missing_samples(dtype, nodata, tmp_path):
    values = (relief(60, 70) / 100).astype(dtype)
    values[10:20, 30:50] = nodata
    path = save(tmp_path / "a.tif", values, nodata=nodata)
    done = demzip.compress(path)
    assert done.values == f"{dtype} on a 0.01 grid"
    demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif")
    assert content(tmp_path / "b.tif") == content(path)


def test_every_field_of_metadata(tmp_path):
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=50, width=60, count=1, dtype="int16", nodata=-32768,
        crs=CRS.from_epsg(9518), transform=Affine(0.1, 0.01, 7.123456789, -0.02, -0.3, 47.987654321),
    ) as dataset:  # fmt: skip
        dataset.update_tags(AREA_OR_POINT="Point", TIFFTAG_SOFTWARE="söft", SURVEY="a=b: c")
        dataset.update_tags(1, QUALITY="<fair> & \"good\"", STATISTICS_MAXIMUM="12")
        dataset.set_band_unit(1, "ft")
        dataset.set_band_description(1, "Höhe über Normalnull")
        dataset.scales, dataset.offsets = (0.3048,), (-100.5,)
        dataset.colorinterp = (ColorInterp.red,)
        dataset.write(relief(50, 60), 1)
    demzip.compress(path)
    demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif")
    samples, about = content(path)
    assert about["tags"]["AREA_OR_POINT"] == "Point"
    assert about["scales"] == (0.3048,)
    assert content(tmp_path / "b.tif") == (samples, about)
    with rasterio.open(tmp_path / "b.tif") as dataset:
        assert dataset.colorinterp == (ColorInterp.red,)
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


@pytest.mark.parametrize("crs", ["OGC:CRS83", "EPSG:7415", COMPOUND, "EPSG:27700+5701", "EPSG:4979"])
def test_crs_comes_back_equal(crs, tmp_path):
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


def test_virtual_file_systems_as_input(tmp_path, monkeypatch):
    path = save(tmp_path / "a.tif", relief(40, 50))
    with MemoryFile(path.read_bytes(), filename="height.tif") as memory:
        demzip.compress(memory.name, tmp_path / "m.dz")
        demzip.verify(tmp_path / "m.dz", memory.name)
        monkeypatch.chdir(tmp_path)
        done = demzip.compress(memory.name)
    assert done.path == Path("height.dz")
    assert done.source_bytes is None
    assert (tmp_path / "height.dz").read_bytes() == (tmp_path / "m.dz").read_bytes()


def test_jobs_make_the_same_file(tmp_path):
    path = save(tmp_path / "a.tif", relief(200, 300))
    for jobs in (1, 3):
        demzip.compress(path, tmp_path / f"{jobs}.dz", block=64, jobs=jobs)
    assert (tmp_path / "1.dz").read_bytes() == (tmp_path / "3.dz").read_bytes()


# ------------------------------------------------------------------ the GeoTIFF


def test_geotiff_is_tiled_and_packed(tmp_path):
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


def test_small_geotiffs_are_not_tiled(tmp_path):
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
def test_creation_options_are_checked(options, words, tmp_path):
    demzip.compress(save(tmp_path / "a.tif", relief(100, 90)))
    with pytest.raises(OptionsError, match=words):
        demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif", creation_options=options)
    assert files(tmp_path) == ["a.dz", "a.tif"]


def test_metadata_that_a_geotiff_cannot_hold_are_named(tmp_path):
    """Declared no-data outside the dtype is legal in a .dz file; rasterio cannot write it."""
    data = demzip.encode(relief(30, 30, "uint8"), nodata=-9999.0)
    (tmp_path / "a.dz").write_bytes(data)
    done = demzip.decompress(tmp_path / "a.dz")
    assert [note for note in done.notes if "-9999.0" in note] == list(done.notes) != []


# ------------------------------------------------------------------ outputs


def test_output_is_not_overwritten_unless_told(tmp_path):
    path = save(tmp_path / "a.tif", relief(30, 30))
    (tmp_path / "a.dz").write_bytes(b"precious")
    with pytest.raises(OptionsError, match="exists"):
        demzip.compress(path)
    assert (tmp_path / "a.dz").read_bytes() == b"precious"
    demzip.compress(path, overwrite=True)
    with pytest.raises(OptionsError, match="exists"):
        demzip.decompress(tmp_path / "a.dz")
    demzip.decompress(tmp_path / "a.dz", overwrite=True)
    assert files(tmp_path) == ["a.dz", "a.tif"]


def test_output_that_is_the_input_is_refused(tmp_path):
    path = save(tmp_path / "a.tif", relief(30, 30))
    before = path.read_bytes()
    with pytest.raises(OptionsError, match="same file"):
        demzip.compress(path, path, overwrite=True)
    (tmp_path / "link.dz").symlink_to(path)
    with pytest.raises(OptionsError, match="same file"):
        demzip.compress(path, tmp_path / "link.dz", overwrite=True)
    assert path.read_bytes() == before


def test_output_through_a_link_replaces_its_target(tmp_path):
    path = save(tmp_path / "a.tif", relief(30, 30))
    (tmp_path / "real.dz").write_bytes(b"old")
    (tmp_path / "link.dz").symlink_to(tmp_path / "real.dz")
    demzip.compress(path, tmp_path / "link.dz", overwrite=True)
    assert (tmp_path / "link.dz").is_symlink()
    demzip.verify(tmp_path / "real.dz", path)


@pytest.mark.parametrize("name", ["", "no/such/folder/x.dz"])
def test_output_that_cannot_be_written(name, tmp_path):
    path = save(tmp_path / "a.tif", relief(30, 30))
    with pytest.raises(DemzipError, match="folder"):
        demzip.compress(path, tmp_path / name, overwrite=True)


def test_special_files_are_left_alone(tmp_path):
    path = save(tmp_path / "a.tif", relief(30, 30))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OptionsError, match="ordinary"):
        demzip.compress(path, tmp_path / "pipe", overwrite=True)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_sidecars_of_an_overwritten_raster_go(tmp_path):
    """They describe a raster that is no more; GDAL would take them for the new one's."""
    path = save(tmp_path / "a.tif", relief(30, 30))
    demzip.compress(path)
    save(tmp_path / "old.tif", relief(30, 30, seed=2))
    (tmp_path / "old.tif.aux.xml").write_text("<PAMDataset/>", encoding="ascii")
    demzip.decompress(tmp_path / "a.dz", tmp_path / "old.tif", overwrite=True)
    assert files(tmp_path) == ["a.dz", "a.tif", "old.tif"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_failures_leave_no_file(failure, tmp_path):
    path = save(tmp_path / "a.tif", relief(30, 30))

    def fail_at(stage):
        def progress(name, samples, _total):
            if name == stage and samples:
                assert len(files(tmp_path)) > before, "there is a temporary file to remove"
                raise failure

        return progress

    before = len(files(tmp_path))
    for stage in ("encoding", "verifying"):
        with pytest.raises((failure, DemzipError)):
            demzip.compress(path, progress=fail_at(stage))
        assert files(tmp_path) == ["a.tif"]
    demzip.compress(path)
    before = len(files(tmp_path))
    for stage in ("decoding", "verifying"):
        with pytest.raises((failure, DemzipError)):
            demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif", progress=fail_at(stage))
        assert files(tmp_path) == ["a.dz", "a.tif"]


def test_verification_catches_a_wrong_codec(tmp_path, monkeypatch):
    path = save(tmp_path / "a.tif", relief(30, 30))
    block = RasterDecoder.block

    def wrong(self, box):
        values = block(self, box)
        values[7, 8] += 1
        return values

    monkeypatch.setattr(RasterDecoder, "block", wrong)
    with pytest.raises(CorruptError, match="row 7, column 8"):
        demzip.compress(path)
    assert files(tmp_path) == ["a.tif"]
    done = demzip.compress(path, verify=False)
    assert not done.verified


def test_progress_reaches_the_end(tmp_path):
    path = save(tmp_path / "a.tif", relief(100, 130))
    done: dict[str, int] = {}

    def progress(stage, samples, total):
        assert total == 13000
        done[stage] = done.get(stage, 0) + samples

    demzip.compress(path, block=32, jobs=2, progress=progress)
    assert done == {"reading": 0, "encoding": 13000, "verifying": 13000}


# ------------------------------------------------------------------ inputs


def test_inputs_that_cannot_be_coded(tmp_path):
    two = save(tmp_path / "two.tif", np.stack([relief(20, 20)] * 2))
    with pytest.raises(UnsupportedError, match="2 bands"):
        demzip.compress(two)
    for dtype in ("int64", "uint64", "complex64"):
        path = save(tmp_path / "x.tif", relief(20, 20).astype(dtype))
        with pytest.raises(UnsupportedError, match=dtype):
            demzip.compress(path)
    path = save(tmp_path / "pi.tif", (relief(20, 20) * np.pi).astype("float64"))
    with pytest.raises(UnsupportedError, match=r"pi\.tif"):
        demzip.compress(path)


def test_inputs_that_are_no_rasters(tmp_path):
    (tmp_path / "a.txt").write_text("hello", encoding="ascii")
    with pytest.raises(OptionsError, match="not a raster"):
        demzip.compress(tmp_path / "a.txt")
    with pytest.raises(OptionsError, match="not a .dz file"):
        demzip.decompress(tmp_path / "a.txt")
    with pytest.raises(OptionsError, match="not a .dz file"):
        demzip.verify(tmp_path / "a.txt")
    (tmp_path / "empty.dz").write_bytes(b"")
    with pytest.raises(DemzipError):
        demzip.verify(tmp_path / "empty.dz")
    demzip.compress(save(tmp_path / "a.tif", relief(20, 20)))
    with pytest.raises(OptionsError, match=r"is a \.dz file already"):
        demzip.compress(tmp_path / "a.dz", tmp_path / "b.dz")


@pytest.mark.parametrize("action", [demzip.compress, demzip.decompress, demzip.verify])
def test_missing_inputs(action, tmp_path):
    for name in ("missing.x", ""):
        with pytest.raises(DemzipError) as caught:
            action(tmp_path / name)
        assert caught.value.exit_code == 1
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert files(tmp_path) == []


def test_a_damaged_input_is_not_compressed(tmp_path):
    path = save(tmp_path / "a.tif", relief(300, 300), compress="deflate")
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(DemzipError, match=r"a\.tif"):
        demzip.compress(path)
    assert files(tmp_path) == ["a.tif"]


@pytest.mark.parametrize(
    "options", [{"predictor": "best"}, {"block": 100}, {"block": 0}, {"jobs": -1}]
)
def test_illegal_options(options, tmp_path):
    path = save(tmp_path / "a.tif", relief(20, 20))
    with pytest.raises(OptionsError):
        demzip.compress(path, **options)
    assert files(tmp_path) == ["a.tif"]


def test_what_is_not_carried_is_said(tmp_path):
    path = save(tmp_path / "a.tif", relief(20, 20))
    assert demzip.compress(path).notes == ()
    with rasterio.open(path, "r+") as dataset:
        dataset.write_mask(np.eye(20, dtype=np.uint8) * 255)
    assert any("mask" in note for note in demzip.compress(path, overwrite=True).notes)


def test_windows_of_a_source(tmp_path):
    values = relief(300, 200)
    path = save(tmp_path / "a.tif", values, compress="deflate")
    assert values.nbytes < CACHE_BYTES
    with open_source(path, 64) as source:
        for rows, cols in [((0, 64), (0, 64)), ((256, 300), (128, 200)), ((0, 300), (0, 200)),
                           ((50, 80), (3, 4))]:  # fmt: skip
            found = source.read(slice(*rows), slice(*cols))
            assert np.array_equal(found, values[slice(*rows), slice(*cols)])


def test_read_georeference_gives_words(tmp_path):
    path = save(tmp_path / "a.tif", relief(20, 20), crs="EPSG:4326")
    with rasterio.open(path) as dataset:
        found = read_georeference(dataset)
    assert found.crs.startswith('GEOGCRS["WGS 84"')
    assert found.transform is None
    assert found.color_interpretation is None


# ------------------------------------------------------------------ verify


@pytest.fixture
def packed(tmp_path):
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


def test_every_missing_tail_is_found(packed):
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


def test_one_other_sample_is_found(packed, tmp_path):
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
def test_other_metadata_are_found(change, word, packed, tmp_path):
    options = {"nodata": -1, "tags": {"SURVEY": "7"}} | change
    values = relief(100, 120)[:, : options.pop("cols", 120)].astype(options.pop("dtype", "int16"))
    other = save(tmp_path / "c.tif", values, **options)
    with pytest.raises(CorruptError, match=word):
        demzip.verify(packed, other)


def test_nan_payloads_are_compared_bit_for_bit(tmp_path):
    values = (relief(30, 30) / 4).astype("float32")
    values[5, 6] = np.nan
    path = save(tmp_path / "a.tif", values)
    demzip.compress(path)
    demzip.verify(tmp_path / "a.dz", path)
    values.view("uint32")[5, 6] ^= 1
    with pytest.raises(CorruptError, match="row 5, column 6"):
        demzip.verify(tmp_path / "a.dz", save(tmp_path / "b.tif", values))
