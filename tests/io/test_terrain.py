"""Rasters as terrain: .dz files and GeoTIFFs say the same; voids, scales, transforms, damage."""

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine

import demzip
from demzip.errors import CorruptError, DemzipError, OptionsError, UnsupportedError
from demzip.io.files import FileRanges
from demzip.surface import METHODS, interpolate

UTM = {"crs": "EPSG:32632", "transform": Affine(30, 0, 500_000, 0, -30, 5_000_000)}

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def both(path, block=64):
    """The terrains of a raster and of its .dz file."""
    demzip.compress(path, path.with_suffix(".dz"), block=block)
    return demzip.open_terrain(path), demzip.open_terrain(path.with_suffix(".dz"))


def asked(rows, cols, seed=0):
    """Coordinates of UTM, of places in a raster and around it."""
    rng = np.random.default_rng(seed)
    down, right = rng.uniform(-1, rows, 2000), rng.uniform(-1, cols, 2000)
    return down, right, 500_000 + 30 * (right + 0.5), 5_000_000 - 30 * (down + 0.5)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64"])
def test_both_say_the_same(tmp_path, save, relief, dtype):
    heights = relief(150, 170, dtype)
    path = save(tmp_path / "a.tif", heights, **UTM)
    rows, cols, x, y = asked(150, 170)
    for terrain in both(path):
        with terrain:
            assert terrain.shape == (150, 170)
            assert terrain.crs == rasterio.crs.CRS.from_epsg(32632)
            for name in METHODS:
                found = terrain.sample(x, y, method=name)
                inside = terrain.inside(rows, cols)
                np.testing.assert_array_equal(np.isnan(found), ~inside)
                np.testing.assert_allclose(found, interpolate(heights, rows, cols, name), atol=1e-6)
            np.testing.assert_array_equal(terrain.window(slice(3, 99), slice(60, 70)),
                                          heights[3:99, 60:70])  # fmt: skip


def assert_heights(path, expected):
    for terrain in both(path):
        with terrain:
            rows, cols = terrain.shape
            found = terrain.window(slice(0, rows), slice(0, cols))
            assert found.dtype == np.float64
            np.testing.assert_array_equal(found, expected)


def test_nodata_is_void(tmp_path, save, relief):
    heights = relief(40, 50)
    heights[3:9, 5] = -32768
    expected = np.where(heights == -32768, np.nan, heights)
    assert_heights(save(tmp_path / "a.tif", heights, nodata=-32768, **UTM), expected)


def test_nodata_of_more_digits_than_floats_have(tmp_path, save, relief):
    heights = relief(40, 50, "float32")
    heights[3:9, 5] = np.float32(-3.4e38)
    expected = np.where(heights < -1e30, np.nan, heights.astype(float))
    assert_heights(save(tmp_path / "a.tif", heights, nodata=-3.4e38, **UTM), expected)


def test_what_is_not_finite_is_void(tmp_path, save, relief):
    heights = relief(40, 50, "float32")
    heights[3, 5], heights[6, 7], heights[8, 9] = np.nan, np.inf, -np.inf
    expected = np.where(np.isfinite(heights), heights.astype(float), np.nan)
    assert_heights(save(tmp_path / "a.tif", heights, **UTM), expected)


def test_masks_are_voids(tmp_path, save, relief):
    heights = relief(40, 50)
    mask = np.full(heights.shape, 255, np.uint8)
    mask[4:10, 20:30] = 0
    path = save(tmp_path / "a.tif", heights, **UTM)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(mask)
    assert_heights(path, np.where(mask, heights, np.nan))


def test_scale_and_offset_are_applied(tmp_path, save, relief):
    heights = relief(40, 50)
    heights[0, 0] = -1
    path = save(tmp_path / "a.tif", heights, nodata=-1, **UTM)
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.1,), (-1000.0,)
    assert_heights(path, np.where(heights == -1, np.nan, 0.1 * heights - 1000.0))


def test_bands(tmp_path, save, relief):
    heights = np.stack([relief(40, 50), 2 * relief(40, 50, seed=2)])
    path = save(tmp_path / "a.tif", heights, **UTM)
    for terrain in both(path):
        terrain.close()
    for name in ("a.tif", "a.dz"):
        with demzip.open_terrain(tmp_path / name, 2) as terrain:
            found = terrain.window(slice(0, 40), slice(0, 50))
            np.testing.assert_array_equal(found, heights[1])
        for band in (0, 3):
            with pytest.raises(OptionsError, match=f"{name}.*band {band}"):
                demzip.open_terrain(tmp_path / name, band)


@pytest.mark.parametrize(
    "transform",
    [Affine(30, 0, 5e5, 0, 30, 5e6), Affine(20, 15, 5e5, 15, -20, 5e6), None, Affine.identity()],
)
def test_transforms(tmp_path, save, relief, transform):
    where = {} if transform is None else {"transform": transform}
    t = transform or Affine.identity()
    heights = relief(40, 50)
    rows, cols = np.indices(heights.shape) + 0.5
    for terrain in both(save(tmp_path / "a.tif", heights, **where)):
        with terrain:
            x, y = t.c + t.a * cols + t.b * rows, t.f + t.d * cols + t.e * rows
            np.testing.assert_array_equal(terrain.sample(x, y, method="bicubic-16"), heights)
            with pytest.raises(OptionsError, match="no CRS"):
                terrain.sample(1, 1, crs="EPSG:4326")


def test_control_points_are_no_transform(tmp_path, save, relief):
    points = [GroundControlPoint(0, 0, 7, 47), GroundControlPoint(0, 50, 8, 47),
              GroundControlPoint(40, 0, 7, 46)]  # fmt: skip
    path = save(tmp_path / "a.tif", relief(40, 50), gcps=points, crs="EPSG:4326")
    demzip.compress(path)
    for name in ("a.tif", "a.dz"):
        with pytest.raises(UnsupportedError, match=rf"{name}.*gdalwarp"):
            demzip.open_terrain(tmp_path / name)


def test_singular_transforms(tmp_path, save, relief):
    path = save(tmp_path / "a.tif", relief(40, 50), transform=Affine(1, 2, 3, 2, 4, 5))
    demzip.compress(path)
    for name in ("a.tif", "a.dz"):
        with pytest.raises(UnsupportedError, match=rf"{name}.*different samples in one place"):
            demzip.open_terrain(tmp_path / name)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2)])
def test_small_rasters(tmp_path, save, relief, shape):
    heights = relief(*shape)
    for terrain in both(save(tmp_path / "a.tif", heights, **UTM)):
        with terrain:
            for name in METHODS:
                assert terrain.sample(500_015, 4_999_985, method=name) == heights[0, 0]


# ---- reading ----------------------------------------------------------------------------------


@pytest.fixture
def reads(monkeypatch):
    """Ranges of files that are read."""
    found = []
    plain = FileRanges.read

    def read(self, start, length):
        found.append((start, length))
        return plain(self, start, length)

    monkeypatch.setattr(FileRanges, "read", read)
    return found


def test_a_point_costs_a_read_of_the_header_and_one_of_each_block(tmp_path, save, relief, reads):
    path = save(tmp_path / "a.tif", relief(300, 400), **UTM)
    demzip.compress(path, block=64)
    for row, col, method, blocks in (
        (20.5, 20.5, "bilinear", 1),
        (63.5, 20.5, "bilinear", 2),
        (63.5, 63.5, "bilinear", 4),
        (64.5, 64.5, "bilinear", 1),
        (65.5, 65.5, "biquintic-36", 4),
        (298.5, 398.5, "biquintic-36", 1),
        (64.0, 64.0, "level-nearest", 1),
    ):
        reads.clear()
        with demzip.open_terrain(path.with_suffix(".dz")) as terrain:
            assert len(reads) == 1
            for _again in range(2):
                terrain.interpolate(row, col, method=method)
                assert len(reads) == 1 + blocks, (row, col, method)


def test_closed_rasters(tmp_path, save, relief):
    for terrain in both(save(tmp_path / "a.tif", relief(40, 50), **UTM)):
        terrain.sample(500_100, 4_999_900)
        terrain.close()
        terrain.close()
        with pytest.raises(OptionsError, match="has been closed"):
            terrain.sample(500_100, 4_999_900)


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(DemzipError, match=r"no\.tif: cannot be opened"):
        demzip.open_terrain(tmp_path / "no.tif")
    with pytest.raises(DemzipError, match=tmp_path.name):
        demzip.open_terrain(tmp_path)
    (tmp_path / "text.dz").write_text("nothing of the kind")
    with pytest.raises(OptionsError, match=r"text\.dz: not a \.dz file \(its first bytes"):
        demzip.open_terrain(tmp_path / "text.dz")


def test_damaged_blocks_have_no_heights(tmp_path, save, relief, reads):
    path = save(tmp_path / "a.tif", relief(150, 170), **UTM)
    demzip.compress(path, block=64)
    packed = path.with_suffix(".dz")
    with demzip.open_terrain(packed) as terrain:
        terrain.interpolate(10, 10)
    start, length = reads[-1]
    data = bytearray(packed.read_bytes())
    data[start + length // 2] ^= 16
    packed.write_bytes(data)
    with demzip.open_terrain(packed) as terrain:
        assert np.isfinite(terrain.interpolate(100, 100))
        for _again in range(2):
            with pytest.raises(CorruptError, match=r"a\.dz"):
                terrain.interpolate([100, 10], [100, 10])
    packed.write_bytes(b"\0\0" + data[2:])
    with pytest.raises(OptionsError, match=r"a\.dz: not a \.dz file"):
        demzip.open_terrain(packed)
    packed.write_bytes(data[:40])
    with pytest.raises(CorruptError, match=r"a\.dz"):
        demzip.open_terrain(packed)


def test_cut_geotiffs(tmp_path, save, relief):
    path = save(tmp_path / "a.tif", relief(150, 170), **UTM)
    path.write_bytes(path.read_bytes()[:20_000])
    words = r"a\.tif: rows 0-149 cannot be read"
    with demzip.open_terrain(path) as terrain, pytest.raises(DemzipError, match=words):
        terrain.interpolate(140, 10)


# ---- datasets ---------------------------------------------------------------------------------


def test_datasets_answer_too(tmp_path, save, relief):
    heights = np.stack([relief(40, 50), relief(40, 50, seed=3)])
    path = save(tmp_path / "a.tif", heights, **UTM)
    demzip.compress(path)
    with demzip.open(path.with_suffix(".dz")) as dataset:
        first, right, down = (500_015, 4_999_985), (500_045, 4_999_985), (500_015, 4_999_955)
        xy = [[first, right], [(0, 0), down]]
        for band in (1, 2):
            a, b, c = heights[band - 1, [0, 0, 1], [0, 1, 0]].tolist()
            found = dataset.sample(xy, band=band, method="bicubic-16")
            np.testing.assert_array_equal(found, [[a, b], [np.nan, c]])
        assert dataset.terrain(2) is dataset.terrain(2)
        lon_lat = dataset.terrain().from_raster(500_015, 4_999_985, "EPSG:4326")
        found = dataset.sample(np.array(lon_lat), crs="EPSG:4326")
        assert found == pytest.approx(heights[0, 0, 0], abs=1e-3)
        with pytest.raises(OptionsError, match="xy of shape"):
            dataset.sample([1, 2, 3])
        with pytest.raises(OptionsError, match="band 3"):
            dataset.sample([1, 2], band=3)
        pairs = zip([500_015, 500_045], [4_999_985, 4_999_985], strict=True)
        np.testing.assert_array_equal(dataset.sample(pairs), heights[0, 0, :2])
        for none in ([], iter(()), np.empty((0, 2))):
            assert dataset.sample(none).shape == (0,)
        line = dataset.terrain().profile(500_015, 4_999_985, 501_485, 4_999_985)
        np.testing.assert_array_equal(line.elevation[::2], heights[0, 0])
    with pytest.raises(OptionsError, match="closed"):
        dataset.sample([500_015, 4_999_985])


def test_masked_coordinates_have_no_heights(tmp_path, save, relief):
    heights = relief(40, 50)
    path = save(tmp_path / "a.tif", heights, **UTM)
    demzip.compress(path)
    x = np.ma.array([500_015, 500_045], mask=[False, True])
    expected = [heights[0, 0], np.nan]
    with demzip.open(path.with_suffix(".dz")) as dataset:
        terrain = dataset.terrain()
        np.testing.assert_array_equal(terrain.sample(x, 4_999_985), expected)
        xy = np.ma.stack([x, [4_999_985, 4_999_985]], axis=1)
        for pairs in (xy, list(xy), iter(xy)):
            np.testing.assert_array_equal(dataset.sample(pairs), expected)
        assert np.isnan(terrain.sample(np.ma.masked, 4_999_985))
        assert np.isnan(terrain.sample([x[1], 500_015], 4_999_985)[0])


def test_what_is_no_number(tmp_path, save, relief):
    path = save(tmp_path / "a.tif", relief(40, 50), **UTM)
    demzip.compress(path)
    with demzip.open(path.with_suffix(".dz")) as dataset:
        terrain = dataset.terrain()
        for x in ("a", "500015", 1 + 2j, np.array([1 + 2j]), {}, [[1], [1, 2]], 10**400,
                  np.ma.array([1 + 2j]), np.datetime64("2020-01-01")):  # fmt: skip
            with pytest.raises(OptionsError, match="x and y: they must be real numbers"):
                terrain.sample(x, 1)
            with pytest.raises(OptionsError, match="xy: they must be real numbers"):
                dataset.sample(x)
        with pytest.raises(OptionsError, match=r"x and y of shapes \(2,\) and \(3,\)"):
            terrain.sample([1, 2], [1, 2, 3])
    with pytest.raises(OptionsError, match="path None"):
        demzip.open_terrain(None)
