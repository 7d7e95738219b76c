"""Heights at coordinates: places, the cache of blocks, lines."""

import threading
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.transform import Affine

from demzip.errors import OptionsError
from demzip.surface import METHODS, interpolate
from demzip.terrain.kernels import place_points
from demzip.terrain.terrain import Terrain
from tests.terrain import relief

TINY = 0  # bytes: as many blocks as a point may need
ROTATED = Affine(21, 11, 5e5, 13.5, -17, 5e6)


class Source:
    """Heights in memory, which keeps a list of the windows that were read."""

    def __init__(self, heights, transform=None, crs=None, side=16):
        self.name, self.side, self.crs, self.units = "made.tif", side, crs, None
        self.shape = heights.shape
        self.transform = transform or Affine.identity()
        self.closed = False
        self.windows = []
        self.reading = threading.Lock()
        self._heights = heights.astype(np.float64)

    def heights(self, rows, cols):
        """Must not be called by two threads at once."""
        assert self.reading.acquire(blocking=False)
        self.windows.append((rows.start, cols.start))
        found = self._heights[rows, cols].copy()
        self.reading.release()
        return found

    def close(self):
        """Nothing is open."""
        self.closed = True


def holed(rows, cols):
    heights = relief(rows, cols).astype(np.float64)
    heights[rows // 3 : rows // 3 + 2, cols // 2 : cols // 2 + 3] = np.nan
    return heights


def places(rows, cols, count=3000, seed=0):
    """Positions in the raster, on its edges and around it."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, rows, count), rng.uniform(-1, cols, count)


# ---- places -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "transform",
    [
        Affine.identity(),
        Affine(1 / 3600, 0, 7 - 1 / 7200, 0, -1 / 3600, 47 + 1 / 7200),
        Affine(0.1, 0, 1e6 + 0.05, 0, 0.1, -3e6 - 0.05),
        ROTATED,
        Affine(0, 30, 1e5, 10, 0, 2e5),
        Affine(2, 1.5, 3, 0, -2, 4),
    ],
)
def test_centres_of_samples_are_the_samples(transform):
    heights = relief(37, 41)
    terrain = Terrain(Source(heights, transform))
    rows, cols = np.indices(heights.shape)
    t = transform
    x = t.c + t.a * (cols + 0.5) + t.b * (rows + 0.5)
    y = t.f + t.d * (cols + 0.5) + t.e * (rows + 0.5)
    for name in METHODS:
        np.testing.assert_array_equal(terrain.sample(x, y, method=name), heights)
    corners_x = [t.c + t.a * col + t.b * row for row in (0, 37) for col in (0, 41)]
    corners_y = [t.f + t.d * col + t.e * row for row in (0, 37) for col in (0, 41)]
    assert np.isfinite(terrain.sample(corners_x, corners_y)).all()
    away = [t.c - 1e-3 * (t.a + t.b), t.c + t.a * 41.001 + t.b * 37.001]
    away_y = [t.f - 1e-3 * (t.d + t.e), t.f + t.d * 41.001 + t.e * 37.001]
    assert np.isnan(terrain.sample(away, away_y)).all()


def test_places_are_exact():
    rng = np.random.default_rng(3)
    x, y = 5e5 + rng.uniform(-900, 900, 500), 5e6 + rng.uniform(-900, 900, 500)
    back = ~ROTATED
    numbers = np.array([ROTATED.c, ROTATED.f, back.a, back.b, back.d, back.e])
    rows, cols = np.empty(500), np.empty(500)
    place_points(x, y, numbers, rows, cols)
    exact = [Fraction(value) for value in numbers.tolist()]
    for i in range(500):
        dx, dy = Fraction(x[i]) - exact[0], Fraction(y[i]) - exact[1]
        assert cols[i] == pytest.approx(float(exact[2] * dx + exact[3] * dy) - 0.5, abs=1e-9)
        assert rows[i] == pytest.approx(float(exact[4] * dx + exact[5] * dy) - 0.5, abs=1e-9)
    assert np.abs(cols - np.rint(cols)).min() > 0  # nothing else is moved to a line


def test_coordinates_of_another_system():
    heights = relief(60, 60)
    source = Source(heights, Affine(30, 0, 500000 - 900, 0, -30, 5100000), CRS.from_epsg(32632))
    terrain = Terrain(source)
    x, y = terrain.from_raster([500000.0, 500100.0], [5099000.0, 5099700.0], "EPSG:4326")
    assert x[0] == pytest.approx(9)
    np.testing.assert_allclose(
        terrain.sample(x, y, crs="EPSG:4326"),
        terrain.sample([500000.0, 500100.0], [5099000.0, 5099700.0]),
        atol=1e-4,
    )
    assert np.isnan(terrain.sample(0, 91, crs="EPSG:4326"))


@pytest.mark.parametrize(("west", "shifts"), [(-180.0, (0, 360, -720)), (0.0, (0, 360, -360))])
def test_longitudes_may_differ_by_whole_turns(west, shifts):
    heights = relief(18, 36)
    terrain = Terrain(Source(heights, Affine(10, 0, west, 0, -10, 90), CRS.from_epsg(4326)))
    x, y = west + 10.0 * np.arange(36) + 5, np.full(36, 85.0)
    for shift in shifts:
        np.testing.assert_array_equal(terrain.sample(x + shift, y), heights[0])


def test_shapes():
    terrain = Terrain(Source(relief(20, 30)))
    assert terrain.sample(3, 4).shape == ()
    assert terrain.sample([[1], [2]], [3, 4, 5]).shape == (2, 3)
    assert terrain.sample([], []).shape == (0,)
    with pytest.raises(OptionsError, match="x and y"):
        terrain.sample([1, 2], [3, 4, 5])
    with pytest.raises(OptionsError, match="rows and cols"):
        terrain.interpolate([1, 2], [3, 4, 5])
    assert np.isnan(terrain.sample([np.nan, np.inf, 1], [1, 1, -np.inf])).all()


def test_wrong_questions():
    terrain = Terrain(Source(relief(20, 30)))
    with pytest.raises(OptionsError, match=r"nonsense.*bilinear"):
        terrain.sample(1, 1, method="nonsense")
    with pytest.raises(OptionsError, match=r"made\.tif: the raster has no CRS"):
        terrain.sample(1, 1, crs="EPSG:4326")
    with pytest.raises(OptionsError, match="window"):
        terrain.window(slice(0, 21), slice(0, 1))
    with pytest.raises(OptionsError, match="-1 bytes"):
        Terrain(Source(relief(20, 30)), -1)
    with terrain:
        pass
    assert terrain.closed
    for ask in (
        lambda: terrain.sample(1, 1),
        lambda: terrain.window(slice(0, 2), slice(0, 2)),
        lambda: terrain.profile(1, 1, 2, 2),
    ):
        with pytest.raises(OptionsError, match=r"made\.tif: the raster has been closed"):
            ask()


# ---- blocks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("cache", [TINY, 7 * 8 * 256, 1 << 20])
@pytest.mark.parametrize("shape", [(75, 100), (50, 17), (1, 1), (2, 40), (33, 34)])
def test_the_cache_changes_nothing(shape, cache):
    heights = holed(*shape) if min(shape) > 2 else relief(*shape)
    terrain = Terrain(Source(heights), cache)
    rows, cols = places(*shape)
    for name in METHODS:
        np.testing.assert_array_equal(
            terrain.interpolate(rows, cols, method=name), interpolate(heights, rows, cols, name)
        )
    window = slice(0, shape[0]), slice(shape[1] // 3, shape[1])
    np.testing.assert_array_equal(terrain.window(*window), heights[window])
    assert terrain.window(slice(0, 0), slice(0, 1)).shape == (0, 1)


def test_only_needed_blocks_are_read_once_each():
    source = Source(relief(200, 200))
    terrain = Terrain(source)
    assert source.windows == []
    terrain.interpolate([20.5, 21.5], [40.5, 41.5])
    assert source.windows == [(16, 32)]
    terrain.interpolate(17.5, 40.5, method="biquintic-36")
    assert source.windows[1:] == [(0, 32)]
    terrain.interpolate(31.5, 47.5)
    assert source.windows[2:] == [(16, 48), (32, 32), (32, 48)]
    terrain.interpolate([-5, np.nan, 300], [40, 40, 40])
    assert len(source.windows) == 5
    rows, cols = places(200, 200)
    terrain.interpolate(rows, cols)
    assert len(source.windows) == len(set(source.windows)) == 13 * 13


def test_more_points_than_fit_are_worked_off_block_by_block():
    source = Source(relief(160, 160))
    terrain = Terrain(source, TINY)
    rng = np.random.default_rng(0)
    at = rng.uniform(0, 159, 5000), rng.uniform(0, 159, 5000)
    terrain.interpolate(*at)
    assert len(set(source.windows)) == 100
    assert len(source.windows) <= 400  # each block is a neighbour of three more


def test_blocks_that_were_not_used_for_longest_go():
    source = Source(relief(16, 160))
    terrain = Terrain(source, 4 * 8 * 256)
    for col in (0, 16, 32, 48, 0, 64, 0, 16):
        terrain.interpolate(3, col + 5)
    assert [col for _, col in source.windows] == [0, 16, 32, 48, 64, 16]


@pytest.mark.parametrize("cache", [TINY, 1 << 20])
def test_threads_get_the_same(cache):
    heights = holed(150, 170)
    terrain = Terrain(Source(heights), cache)

    def ask(seed):
        rows, cols = places(150, 170, 500, seed)
        expected = interpolate(heights, rows, cols, "bicubic-16")
        return np.array_equal(
            terrain.interpolate(rows, cols, method="bicubic-16"), expected, equal_nan=True
        )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(40)))


def test_a_block_that_cannot_be_read_leaves_nothing_behind():
    source = Source(relief(40, 40))
    terrain = Terrain(source, TINY)
    good, source.heights = source.heights, None
    with pytest.raises(TypeError):
        terrain.interpolate(5, 5)
    source.heights = good
    assert terrain.interpolate(5, 5) == relief(40, 40)[5, 5]


# ---- lines ------------------------------------------------------------------------------------


def test_a_profile():
    heights = holed(60, 60)
    terrain = Terrain(Source(heights, Affine(10, 0, 0, 0, -10, 600)))
    found = terrain.profile(5, 595, 605, 595, method="bicubic-16")
    np.testing.assert_array_equal(found.distance, np.arange(121) * 5.0)
    np.testing.assert_array_equal(found.x, 5 + found.distance)
    assert (found.y == 595).all()
    np.testing.assert_array_equal(found.elevation[:119:2], heights[0])
    assert np.isnan(found.elevation[120])
    assert (found.outside, found.voids, found.length) == (1, 0, 600)
    assert found.range == (np.nanmin(found.elevation), np.nanmax(found.elevation))
    rise = found.elevation[119] - found.elevation[0]
    assert found.ascent - found.descent == pytest.approx(rise)


def test_ascent_and_descent_leave_gaps_out():
    heights = np.array([[1, 4, 2, np.nan, 9, 8, 10.0]])
    found = Terrain(Source(heights)).profile(0.5, 0.5, 6.5, 0.5, step=1, method="level-nearest")
    assert (found.ascent, found.descent, found.voids) == (5, 3, 1)
    assert found.range == (1, 10)
    nothing = Terrain(Source(heights)).profile(50, 0, 60, 0, step=5)
    assert (nothing.range, nothing.ascent, nothing.descent, nothing.outside) == (None, 0, 0, 3)


def test_a_profile_in_another_system():
    source = Source(relief(60, 60), Affine(30, 0, 499100, 0, -30, 5100000), CRS.from_epsg(32632))
    terrain = Terrain(source)
    ends = terrain.from_raster([499200.0, 500700.0], [5099900.0, 5098400.0], "EPSG:4326")
    (x1, x2), (y1, y2) = ends[0].tolist(), ends[1].tolist()
    found = terrain.profile(x1, y1, x2, y2, step=100, crs="EPSG:4326")
    own = terrain.profile(499200.0, 5099900.0, 500700.0, 5098400.0, step=100)
    np.testing.assert_allclose(found.elevation, own.elevation, atol=1e-4)
    np.testing.assert_allclose(found.x, np.linspace(x1, x2, 22 + 1)[: found.x.size], atol=1e-2)
    assert found.x[[0, -1]] == pytest.approx([x1, x2], abs=1e-9)
    with pytest.raises(OptionsError, match="no place"):
        terrain.profile(9, 91, 9, 46, crs="EPSG:4326")


def test_steps_are_half_a_cell():
    third = Affine(1 / 3600, 0, 7, 0, -1 / 3600, 60.5)
    terrain = Terrain(Source(relief(40, 40), third, CRS.from_epsg(4326)))
    found = terrain.profile(7.001, 60.499, 7.009, 60.499)
    across, down = terrain.ground.cell_size(third, 7.005, 60.499)
    assert across < down
    assert found.distance[1] == pytest.approx(across / 2)
