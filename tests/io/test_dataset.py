"""demzip.open: rasterio's names, windows, and no more reading than a window needs."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

import demzip
from demzip.codec import RasterDecoder
from demzip.errors import CorruptError, DemzipError, OptionsError
from demzip.io.files import FileRanges

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
BLOCK = 64

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def packed(tmp_path):
    demzip.compress(CORPUS / "voids_int16.tif", tmp_path / "v.dz", block=BLOCK)
    return tmp_path / "v.dz"


@pytest.fixture
def values():
    with rasterio.open(CORPUS / "voids_int16.tif") as dataset:
        return dataset.read(1)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.tif")), ids=lambda path: path.stem)
def test_attributes_are_those_of_rasterio(path, tmp_path):
    demzip.compress(path, tmp_path / "x.dz")
    with demzip.open(tmp_path / "x.dz") as mine, rasterio.open(path) as theirs:
        for name in (
            "shape", "height", "width", "count", "indexes", "dtypes", "crs", "transform",
            "nodata", "nodatavals", "units", "descriptions", "scales", "offsets", "bounds", "res",
        ):  # fmt: skip
            assert getattr(mine, name) == getattr(theirs, name), name
        assert type(mine.crs) is type(theirs.crs)
        assert mine.tags() == theirs.tags()
        assert mine.tags(1) == theirs.tags(1)
        assert mine.dtype == theirs.dtypes[0]
        assert mine.block_shapes == [(min(512, theirs.height), min(512, theirs.width))]
        assert mine.read().tobytes() == theirs.read(1).tobytes()
        assert mine.read(1).shape == theirs.shape
        for name in ("crs", "transform", "nodata", "dtype", "width", "height", "count", "driver"):
            assert mine.profile[name] == theirs.profile[name], name


def test_profile_makes_a_geotiff(packed, values, tmp_path):
    with demzip.open(packed) as dem:
        with rasterio.open(tmp_path / "x.tif", "w", **dem.profile) as dataset:
            dataset.write(dem.read(), 1)
        with rasterio.open(tmp_path / "x.tif") as dataset:
            assert np.array_equal(dataset.read(1), values)
            assert dataset.crs == dem.crs


WINDOWS = [
    ((0, 250), (0, 221)),
    ((0, 1), (0, 1)),
    ((63, 65), (63, 65)),
    ((249, 250), (220, 221)),
    ((10, 200), (100, 101)),
    ((64, 128), (64, 128)),
    ((5, 5), (0, 3)),
]


@pytest.mark.parametrize(("rows", "cols"), WINDOWS)
def test_windows(rows, cols, packed, values):
    expected = values[slice(*rows), slice(*cols)]
    height, width = expected.shape
    with demzip.open(packed) as dem:
        for window in (
            (rows, cols),
            (slice(*rows), slice(*cols)),
            Window(cols[0], rows[0], width, height),
        ):
            for found in (
                dem.read(window=window),
                dem.read(1, window=window, jobs=2),
                dem.read(window),
            ):
                assert found.dtype == expected.dtype
                assert found.shape == expected.shape
                assert np.array_equal(found, expected)


def test_open_ends_of_ranges(packed, values):
    with demzip.open(packed) as dem:
        assert np.array_equal(dem.read(window=((None, 9), (200, None))), values[:9, 200:])
        assert np.array_equal(dem.read(window=(slice(240, None), slice(None))), values[240:])


@pytest.mark.parametrize(
    "window",
    [
        ((0, 251), (0, 10)),
        ((-1, 10), (0, 10)),
        ((10, 5), (0, 10)),
        ((0, 10), (0, 222)),
        (slice(0, 10, 2), slice(0, 10)),
        Window(0, 0, 222, 1),
        Window(0.5, 0, 10, 10),
        Window(-1, 0, 10, 10),
        ((0.5, 10), (0, 10)),
        (("a", 10), (0, 10)),
        ((0, 10),),
        "all",
        ((0, float("nan")), (0, 10)),
    ],
    ids=str,
)
def test_illegal_windows(window, packed):
    with demzip.open(packed) as dem, pytest.raises(OptionsError, match="window"):
        dem.read(window=window)


@pytest.mark.parametrize("band", [0, 2, [2], True, "1", 1.0])
def test_there_is_one_band(band, packed):
    with demzip.open(packed) as dem, pytest.raises(OptionsError, match="band"):
        dem.read(band)


def test_only_touched_blocks_are_decoded_and_read(packed, monkeypatch):
    decoded, ranges = [], []
    block, read = RasterDecoder.block, FileRanges.read
    monkeypatch.setattr(
        RasterDecoder,
        "block",
        lambda self, plane, box: decoded.append(box.number) or block(self, plane, box),
    )
    monkeypatch.setattr(
        FileRanges,
        "read",
        lambda self, offset, size: ranges.append((offset, size)) or read(self, offset, size),
    )
    with demzip.open(packed) as dem:
        assert decoded == []
        assert len(ranges) == 1, "the header takes one read"
        dem.read(window=((60, 70), (130, 140)))  # 221 columns are 4 blocks
        assert decoded == [2, 6]
        assert len(ranges) == 3
        dem.read(window=((5, 5), (0, 10)))
        assert decoded == [2, 6]


def test_damage_stays_local(packed, values):
    data = bytearray(packed.read_bytes())
    data[-1] ^= 255  # in the last block
    packed.write_bytes(data)
    with demzip.open(packed) as dem:
        assert np.array_equal(dem.read(window=((0, 128), (0, 221))), values[:128])
        with pytest.raises(CorruptError, match="block 15"):
            dem.read()


def test_threads_share_a_dataset(packed, values):
    def part(start):
        return dem.read(window=((start, start + 50), (0, 221)))

    with demzip.open(packed) as dem, ThreadPoolExecutor(4) as pool:
        for start, found in zip(range(200), pool.map(part, range(200)), strict=True):
            assert np.array_equal(found, values[start : start + 50])


def test_masked_reading(packed, values):
    with demzip.open(packed) as dem:
        found = dem.read(masked=True)
    assert 0 < found.mask.sum() < found.size
    assert np.array_equal(found.mask, values == -32768)
    assert found.max() == values.max()


def test_masked_nan(tmp_path):
    values = np.arange(400, dtype="float32").reshape(20, 20)
    values[3, 4] = np.nan
    (tmp_path / "x.dz").write_bytes(demzip.encode(values, nodata=7.0))
    with demzip.open(tmp_path / "x.dz") as dem:
        found = dem.read(masked=True)
    assert np.argwhere(found.mask).tolist() == [[0, 7], [3, 4]]


def test_closing(packed):
    dem = demzip.open(packed)
    assert not dem.closed
    assert "open" in repr(dem)
    dem.close()
    assert dem.closed
    assert dem.shape == (250, 221)
    with pytest.raises(OptionsError, match="closed"):
        dem.read()


def test_errors_of_open(tmp_path):
    with pytest.raises(DemzipError, match=r"missing\.dz") as caught:
        demzip.open(tmp_path / "missing.dz")
    assert caught.value.exit_code == 1
    with pytest.raises(OptionsError, match=r"not a \.dz file"):
        demzip.open(CORPUS / "voids_int16.tif")
    with pytest.raises(DemzipError, match="local"):
        demzip.open("https://example.org/x.dz")


def test_bare_arrays_have_no_place(tmp_path):
    (tmp_path / "x.dz").write_bytes(demzip.encode(np.zeros((3, 5), "uint8")))
    with demzip.open(tmp_path / "x.dz") as dem:
        assert dem.crs is None
        assert dem.transform == rasterio.Affine.identity()
        assert dem.nodata is None
        assert dem.tags() == {}
        assert dem.res == (1.0, -1.0)
