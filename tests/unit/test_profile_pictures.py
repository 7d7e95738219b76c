"""Pictures of profiles: gaps, thinning, words."""

import matplotlib as mpl
import numpy as np
import pytest
from rasterio.transform import Affine

from demzip.plots.figure import picture
from demzip.plots.profile import draw_profile, gaps, thinned
from demzip.terrain.terrain import Terrain

NAN = np.nan


class Source:
    """Heights in memory."""

    name, crs, side, closed = "folder/made.tif", None, 16, False
    transform = Affine(100, 0, 0, 0, -100, 100)

    def __init__(self, heights, units=None):
        self.units = units
        self.shape = 1, len(heights)
        self._heights = np.array([heights], np.float64)

    def heights(self, rows, cols):
        return self._heights[rows, cols].copy()

    def close(self):
        """Nothing is open."""


def drawn(heights, units="m", x2=None):
    terrain = Terrain(Source(heights, units))
    x2 = 100 * len(heights) - 50 if x2 is None else x2
    line = terrain.profile(50, 50, x2, 50, step=100, method="level-nearest")
    figure = draw_profile(terrain, line)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    return axes, [text.get_text() for text in figure.findobj(mpl.text.Text)]


def test_a_line_with_gaps():
    axes, words = drawn([1, 4, NAN, NAN, 2, 9, NAN])
    x, y = axes.lines[0].get_data()
    np.testing.assert_array_equal(x, np.arange(7) * 100.0)
    np.testing.assert_array_equal(y, [1, 4, NAN, NAN, 2, 9, NAN])
    spans = [patch.get_bbox().intervalx.tolist() for patch in axes.patches]
    assert spans == [[100, 400], [500, 600]]
    assert axes.get_xlim() == (0, 600)
    assert {"made.tif", "distance (m)", "elevation (m)", "no elevation"} <= set(words)
    assert "from 50 50 to 650 50; level-nearest" in words


def test_long_lines_are_in_kilometres():
    axes, words = drawn(np.arange(101))
    assert "distance (km)" in words
    assert axes.get_xlim() == (0, 10)
    assert "no elevation" not in words


@pytest.mark.parametrize("heights", [[NAN, NAN, NAN], [NAN, 5, NAN], [3], [7, 7, 7]])
def test_odd_lines(heights):
    axes, words = drawn(heights, units=None)
    assert "elevation (no unit given)" in words
    assert picture(axes.figure, "png").startswith(b"\x89PNG")
    known = np.isfinite(axes.lines[0].get_ydata()).sum()
    assert (axes.lines[0].get_marker() == ".") == (known == 1)


def test_pictures_are_the_same_each_time():
    first, second = (picture(drawn([1, 4, NAN, 2])[0].figure, "svg") for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ([1, 2, 3], []),
        ([1, NAN, 3], [(0, 20)]),
        ([NAN, NAN, 3, NAN], [(0, 20), (20, 30)]),
        ([NAN], [(0, 0)]),
    ],
)
def test_gaps_reach_to_their_neighbours(heights, expected):
    assert gaps(np.arange(len(heights)) * 10.0, np.array(heights, np.float64)) == expected


def test_thinned_lines_keep_extremes_and_gaps():
    rng = np.random.default_rng(0)
    distance, elevation = np.arange(50_000.0), rng.normal(size=50_000)
    elevation[[7, 30_000]] = 100, -100
    elevation[12_345] = NAN
    elevation[40_000:41_000] = NAN
    x, y = thinned(distance, elevation)
    assert x.size < 3 * 2001
    np.testing.assert_array_equal(y, elevation[x.astype(int)])
    assert (np.diff(x) > 0).all()
    assert {0, 7, 12_345, 30_000, 49_999} <= set(x.astype(int).tolist())
    groups = [slice(at, at + 25) for at in range(0, 50_000, 25)]
    for name in (np.nanmin, np.nanmax):
        for group in groups[:400]:
            kept = y[(x >= group.start) & (x < group.stop)]
            assert name(kept) == name(elevation[group])
    short = np.arange(2000.0)
    assert thinned(short, short)[0] is short
