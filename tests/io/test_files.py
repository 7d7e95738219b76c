"""Inputs that cannot be read, outputs that cannot be written, failures half-way."""

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Timer

import numpy as np
import pytest
import rasterio

import demzip
from demzip.codec import RasterDecoder, RasterEncoder
from demzip.errors import (
    CorruptError,
    DemzipError,
    OptionsError,
    UnsupportedError,
)
from demzip.io.geotiff import read_georeference
from demzip.io.source import CACHE_BYTES, open_source

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


# ------------------------------------------------------------------ outputs


def test_output_is_not_overwritten_unless_told(tmp_path, save, relief, files):
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


def test_output_that_is_the_input_is_refused(tmp_path, save, relief):
    path = save(tmp_path / "a.tif", relief(30, 30))
    before = path.read_bytes()
    with pytest.raises(OptionsError, match="same file"):
        demzip.compress(path, path, overwrite=True)
    (tmp_path / "link.dz").symlink_to(path)
    with pytest.raises(OptionsError, match="same file"):
        demzip.compress(path, tmp_path / "link.dz", overwrite=True)
    assert path.read_bytes() == before


def test_output_through_a_link_replaces_its_target(tmp_path, save, relief):
    path = save(tmp_path / "a.tif", relief(30, 30))
    (tmp_path / "real.dz").write_bytes(b"old")
    (tmp_path / "link.dz").symlink_to(tmp_path / "real.dz")
    demzip.compress(path, tmp_path / "link.dz", overwrite=True)
    assert (tmp_path / "link.dz").is_symlink()
    demzip.verify(tmp_path / "real.dz", path)


@pytest.mark.parametrize("name", ["", "no/such/folder/x.dz"])
def test_output_that_cannot_be_written(name, tmp_path, save, relief):
    path = save(tmp_path / "a.tif", relief(30, 30))
    with pytest.raises(DemzipError, match="folder"):
        demzip.compress(path, tmp_path / name, overwrite=True)


def test_special_files_are_left_alone(tmp_path, save, relief):
    path = save(tmp_path / "a.tif", relief(30, 30))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OptionsError, match="ordinary"):
        demzip.compress(path, tmp_path / "pipe", overwrite=True)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_sidecars_of_an_overwritten_raster_go(tmp_path, save, relief, files):
    """They describe a raster that is no more; GDAL would take them for the new one's."""
    path = save(tmp_path / "a.tif", relief(30, 30))
    demzip.compress(path)
    save(tmp_path / "old.tif", relief(30, 30, seed=2))
    (tmp_path / "old.tif.aux.xml").write_text("<PAMDataset/>", encoding="ascii")
    demzip.decompress(tmp_path / "a.dz", tmp_path / "old.tif", overwrite=True)
    assert files(tmp_path) == ["a.dz", "a.tif", "old.tif"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_failures_leave_no_file(failure, tmp_path, save, relief, files):
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


def test_verification_catches_a_wrong_codec(tmp_path, monkeypatch, save, relief, files):
    path = save(tmp_path / "a.tif", relief(30, 30))
    block = RasterDecoder.block

    def wrong(self, plane, box):
        values = block(self, plane, box)
        values[7, 8] += 1
        return values

    monkeypatch.setattr(RasterDecoder, "block", wrong)
    with pytest.raises(CorruptError, match="row 7, column 8"):
        demzip.compress(path)
    assert files(tmp_path) == ["a.tif"]
    done = demzip.compress(path, verify=False)
    assert not done.verified


def test_progress_reaches_the_end(tmp_path, save, relief):
    path = save(tmp_path / "a.tif", relief(100, 130))
    done: dict[str, int] = {}

    def progress(stage, samples, total):
        assert total == 13000
        done[stage] = done.get(stage, 0) + samples

    demzip.compress(path, block=32, jobs=2, progress=progress)
    assert done == {"reading": 13000, "encoding": 13000, "verifying": 13000}


def test_a_file_that_cannot_be_written_is_named_alone(tmp_path, save, relief, monkeypatch):
    path = save(tmp_path / "a.tif", relief(30, 30))

    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RasterEncoder, "write", full)
    with pytest.raises(DemzipError, match=r"^[^:]*a\.dz: cannot be written \(No space left"):
        demzip.compress(path)


# ------------------------------------------------------------------ inputs


def test_inputs_that_cannot_be_coded(tmp_path, save, relief):
    path = save(tmp_path / "x.tif", relief(20, 20).astype("complex64"))
    with pytest.raises(UnsupportedError, match=r"x\.tif: complex64"):
        demzip.compress(path)


def test_inputs_that_are_no_rasters(tmp_path, save, relief):
    (tmp_path / "a.txt").write_text("hello", encoding="ascii")
    with pytest.raises(OptionsError, match="not a raster"):
        demzip.compress(tmp_path / "a.txt")
    with pytest.raises(OptionsError, match=r"not a \.dz file"):
        demzip.decompress(tmp_path / "a.txt")
    with pytest.raises(OptionsError, match=r"not a \.dz file"):
        demzip.verify(tmp_path / "a.txt")
    (tmp_path / "empty.dz").write_bytes(b"")
    with pytest.raises(DemzipError):
        demzip.verify(tmp_path / "empty.dz")
    demzip.compress(save(tmp_path / "a.tif", relief(20, 20)))
    with pytest.raises(OptionsError, match=r"is a \.dz file already"):
        demzip.compress(tmp_path / "a.dz", tmp_path / "b.dz")


@pytest.mark.parametrize("action", [demzip.compress, demzip.decompress, demzip.verify])
def test_missing_inputs(action, tmp_path, files):
    for name in ("missing.x", ""):
        with pytest.raises(DemzipError) as caught:
            action(tmp_path / name)
        assert caught.value.exit_code == 1
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert files(tmp_path) == []


def test_a_damaged_input_is_not_compressed(tmp_path, save, relief, files):
    path = save(tmp_path / "a.tif", relief(300, 300), compress="deflate")
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(DemzipError, match=r"a\.tif"):
        demzip.compress(path)
    assert files(tmp_path) == ["a.tif"]


@pytest.mark.parametrize(
    "options", [{"predictor": "best"}, {"block": 100}, {"block": 0}, {"jobs": -1}]
)
def test_illegal_options(options, tmp_path, save, relief, files):
    path = save(tmp_path / "a.tif", relief(20, 20))
    with pytest.raises(OptionsError):
        demzip.compress(path, **options)
    assert files(tmp_path) == ["a.tif"]


def test_windows_of_a_source(tmp_path, save, relief):
    values = np.stack([relief(300, 200), relief(300, 200, seed=2)])
    path = save(tmp_path / "a.tif", values, compress="deflate")
    assert values.nbytes < CACHE_BYTES
    with open_source(path, 64) as source:
        for rows, cols in [((0, 64), (0, 64)), ((256, 300), (128, 200)), ((0, 300), (0, 200)),
                           ((50, 80), (3, 4))]:  # fmt: skip
            for plane, band in enumerate(values):
                found = source.read(plane, slice(*rows), slice(*cols))
                assert np.array_equal(found, band[slice(*rows), slice(*cols)])


def test_kept_rows_are_bounded_over_all_bands(tmp_path, save, relief, monkeypatch):
    values = np.stack([relief(320, 50, seed=band) for band in range(3)])
    path = save(tmp_path / "a.tif", values)
    row_bytes = 16 * 50 * 2
    monkeypatch.setattr("demzip.io.source.CACHE_BYTES", 4 * row_bytes)
    with open_source(path, 16) as source:
        for top in range(0, 320, 16):
            for plane in range(3):
                found = source.read(plane, slice(top, top + 16), slice(7, 20))
                assert np.array_equal(found, values[plane, top : top + 16, 7:20])
                assert sum(kept.nbytes for kept in source._kept.values()) <= 4 * row_bytes
        assert len(source._kept) == 4


@pytest.mark.parametrize("tiled", [True, False])
def test_rows_too_large_to_keep(tiled, tmp_path, save, relief, monkeypatch):
    """Tiles are read one by one, strips not: they would be decompressed for every block."""
    layout = {"tiled": True, "blockxsize": 16, "blockysize": 16} if tiled else {}
    values = relief(64, 96)
    path = save(tmp_path / "a.tif", values, **layout)
    monkeypatch.setattr("demzip.io.source.CACHE_BYTES", 1)
    with open_source(path, 16) as source:
        for top in range(0, 64, 16):
            for left in range(0, 96, 16):
                found = source.read(0, slice(top, top + 16), slice(left, left + 16))
                assert np.array_equal(found, values[top : top + 16, left : left + 16])
        assert len(source._kept) == (0 if tiled else 1)


def test_a_source_is_closed_after_reads_of_other_threads(tmp_path, save, relief, monkeypatch):
    """An interrupt ends the work while a thread reads; GDAL must not lose the dataset under it."""
    path = save(tmp_path / "a.tif", relief(64, 96))
    begun, go_on = Event(), Event()
    window = slice(0, 16), slice(0, 96)
    with ThreadPoolExecutor(1) as pool:
        with open_source(path, 16) as source:
            read = source._read

            def slowly(*place):
                begun.set()
                assert go_on.wait(60)
                assert not source._dataset.closed
                return read(*place)

            monkeypatch.setattr(source, "_read", slowly)
            reading = pool.submit(source.read, 0, *window)
            assert begun.wait(60)
            Timer(0.2, go_on.set).start()  # while this thread waits for the source to close
        assert reading.result(60).shape == (16, 96)
        with pytest.raises(OptionsError, match=r"a\.tif: the raster has been closed"):
            source.read(0, *window)


def test_read_georeference_gives_words(tmp_path, save, relief):
    path = save(tmp_path / "a.tif", relief(20, 20), crs="EPSG:4326")
    with rasterio.open(path) as dataset:
        found = read_georeference(dataset)
    assert found.crs.startswith('GEOGCRS["WGS 84"')
    assert found.transform is None
    assert found.bands[0].color_interpretation is None
