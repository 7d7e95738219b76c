"""Lines of sight: by hand, on the cell of the paper, mutual, over voids, with curvature."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.transform import Affine

import demzip
from demzip.errors import OptionsError
from demzip.surface.methods import METHODS
from demzip.surface.sight.line import line_of_sight
from demzip.terrain.curvature import bend_of
from demzip.terrain.terrain import Terrain
from tests.terrain import relief

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
LINEAR = ["linear-nw-se", "linear-ne-sw", "double-linear"]
UTM = CRS.from_epsg(32633)


class Grid:
    """An array as demzip.terrain.source.HeightSource."""

    name = "grid"
    side = 16
    closed = False

    def __init__(self, values, transform=None, crs=None, units=None):
        self.values = np.asarray(values, float)
        self.shape = self.values.shape
        self.transform = transform or Affine.identity()
        self.crs, self.units = crs, units

    def heights(self, rows, cols):
        return self.values[rows, cols].copy()

    def close(self):
        pass


def terrain(values, transform=None, crs=None, units=None):
    return Terrain(Grid(values, transform, crs, units))


def look(surface, start, end, **options):
    """From post to post, (row, col) each, in a raster without a transform."""
    (r1, c1), (r2, c2) = start, end
    return surface.line_of_sight(c1 + 0.5, r1 + 0.5, c2 + 0.5, r2 + 0.5, **options)


# ---- by hand ----------------------------------------------------------------------------------


def test_a_line_over_a_profile():
    """Eye at 10, target at 30: at 40 of 100 m the line is at 18, the ground at 20."""
    line = line_of_sight(np.array([0.0, 40, 50, 100]), np.array([8.0, 20, 15, 25]), 2.0, 5.0)
    np.testing.assert_allclose(line.line, [10, 18, 20, 30])
    np.testing.assert_allclose(line.clearance, [2, -2, 5, 5])
    assert line.visible is False
    # Over (40, 20) from 10 the line reaches 35, 10 above ground; from 30 back it starts at 13 1/3.
    np.testing.assert_allclose(line.target_needed[1:-1], [10, -5])
    np.testing.assert_allclose(line.observer_needed[1:-1], [13 + 1 / 3 - 8, -8])


def test_points_side_by_side_are_no_dip():
    """A line that rises by 1e-5: over 2e-5 m that is less than rounding, but still it rises."""
    distance = np.array([0.0, 10, 10.00002, 20, 20.00002, 30])
    rising = line_of_sight(distance, np.zeros(6), 2.0, 2.0 + 3e-4)
    assert rising.lowest == 0
    falling = line_of_sight(distance, np.zeros(6), 2.0 + 3e-4, 2.0)
    assert falling.lowest == 5
    dip = line_of_sight(distance, np.array([0, 0, 0, 1e-3, 1e-3, 0]), 2.0, 2.0 + 3e-4)
    assert dip.lowest == 3


def test_what_lies_between_the_ends_counts_not_the_ends():
    """Heights above ground as given: the line is level at 10."""
    for heights, lowest in (
        ([2, 5, 3, 6, 1], 2),
        ([2, 5, 6, 1], 3),
        ([2, 5, 6, 7], 0),
        ([9, 1, 1, 8], 1),
        ([2, 2, 2, 2], 0),
        ([2, 4, np.nan, 5, 7, 3], 3),
        ([2, np.nan, 3], 0),
    ):
        ground = 10 - np.array(heights, float)
        line = line_of_sight(
            np.arange(len(heights), dtype=float), ground, 10 - ground[0], 10 - ground[-1]
        )
        assert line.lowest == lowest, heights


def test_curvature_by_hand():
    """Half way of 20 km a line sinks by 10 km * 10 km / 2 R, less a seventh: 6.719 m."""
    bend, coefficient = bend_of(None, curvature=True, refraction=None)
    assert coefficient == pytest.approx(1 - 0.85714, abs=1e-5)
    assert bend * 1e8 == pytest.approx(0.85714 * 1e8 / (2 * 6378137), rel=1e-5)
    line = line_of_sight(np.array([0.0, 1e4, 2e4]), np.zeros(3), 10.0, 10.0, bend)
    assert line.clearance[1] == pytest.approx(10 - 6.7194, abs=1e-4)
    assert bend_of(None, curvature=False, refraction=None) == (0.0, None)
    assert bend_of(None, curvature=False, refraction=0.0) == (1 / (2 * 6378137), 0.0)
    moon = CRS.from_proj4("+proj=eqc +R=1737400 +units=m +no_defs")
    assert bend_of(moon, curvature=True, refraction=0.0)[0] == pytest.approx(1 / 3474800)
    for wrong in (1.1, -11.0, math.nan):
        with pytest.raises(OptionsError, match="refraction"):
            bend_of(None, curvature=True, refraction=wrong)


# ---- the cell of the paper --------------------------------------------------------------------


@pytest.fixture
def cell():
    """A cell with corners 50, 72, 54 and 66 m on a plain; a mast before it, a hill behind it."""
    ground = np.full((6, 6), 20.0)
    ground[2:4, 2:4] = [[50, 72], [66, 54]]
    ground[0, 0], ground[5, 5] = 32, 62
    return terrain(ground)


def test_the_method_decides_whether_a_building_is_seen(cell):
    """The line from 42 to 82 m rises by 8 from post to post of the diagonal: 58 + 8 t in the cell.

    Along it the surfaces are 50 + 4 t (diagonal NW-SE), 50 + 38 t up to 69 in the centre (NE-SW),
    and 50 + 38 t - 34 t^2 (bilinear), which is nearest at t = 15 / 34.
    """
    found = {
        name: look(cell, (0, 0), (5, 5), observer=10, target=20, method=name) for name in METHODS
    }
    assert found["linear-nw-se"].visible is True
    assert found["linear-nw-se"].clearance == pytest.approx(8, abs=1e-9)
    assert found["linear-ne-sw"].visible is False
    assert found["linear-ne-sw"].clearance == pytest.approx(-7, abs=1e-9)
    assert found["bilinear"].visible is True
    assert found["bilinear"].clearance == pytest.approx(47 / 34, abs=1e-4)
    assert found["biquintic-36"].visible is False
    assert found["biquintic-36"].clearance < -10
    centre = found["linear-ne-sw"].lowest
    assert (centre.x, centre.y) == pytest.approx((3, 3))
    assert (centre.ground, centre.line) == pytest.approx((69, 62))
    assert centre.distance == pytest.approx(math.hypot(2.5, 2.5))
    first = found["linear-ne-sw"].first  # 50 + 38 t = 58 + 8 t
    assert 2 + 4 / 15 < first.y - 0.5 < 2.5
    for one in found.values():
        for name, other in found.items():
            assert one.verdicts[name].visible == other.visible
            assert one.verdicts[name].clearance == pytest.approx(other.clearance, abs=1e-6)
            assert (name in one.dissenting) == (one.visible != other.visible)


def test_heights_that_would_do(cell):
    """Over 69 m in the centre: from 42 the line must reach 96, from 82 it must start at 56."""
    found = look(cell, (0, 0), (5, 5), observer=10, target=20, method="linear-ne-sw")
    assert found.target.needed == pytest.approx(96 - 62, abs=1e-9)
    assert found.observer.needed == pytest.approx(56 - 32, abs=1e-9)
    for name in METHODS:
        found = look(cell, (0, 0), (5, 5), observer=10, target=20, method=name)
        for ends in (
            {"observer": 10, "target": found.target.needed},
            {"observer": found.observer.needed, "target": 20},
        ):
            if 0 not in ends.values():
                grazing = look(cell, (0, 0), (5, 5), method=name, **ends)
                assert grazing.clearance == pytest.approx(0, abs=0.02), name


# ---- properties -------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), method=st.sampled_from(LINEAR), curved=st.booleans())
def test_sight_is_mutual(seed, method, curved):
    """From the other end with heights exchanged: the same answer and clearance."""
    rng = np.random.default_rng(seed)
    surface = terrain(
        rng.integers(0, 60, (9, 12)), Affine(3000.0, 0, 0, 0, -2000.0, 0), crs=UTM
    )
    here, there = rng.uniform(0, [12 * 3000, 9 * 2000], (2, 2)) * [1, -1]
    observer, target = rng.uniform(0, 40, 2)
    options = {"method": method, "curvature": curved}
    one = surface.line_of_sight(*here, *there, observer=observer, target=target, **options)
    two = surface.line_of_sight(*there, *here, observer=target, target=observer, **options)
    assert one.visible == two.visible
    assert one.clearance == pytest.approx(two.clearance, abs=1e-3)
    assert one.length == pytest.approx(two.length)
    assert one.target.needed == pytest.approx(two.observer.needed, rel=1e-3, abs=1e-2)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_linear_clearance_is_that_of_every_break(seed):
    """Over two triangles in a cell the least clearance is where the line crosses their sides."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 60, (8, 9)).astype(float)
    start, end = (rng.integers(0, [8, 9]) for _ in range(2))
    if (start == end).all():
        return
    shares = {0.0, 1.0}
    for form in ((1, 0), (0, 1), (1, -1)):
        a, b = (float(np.dot(place, form)) for place in (start, end))
        low, high = sorted((a, b))
        shares |= {(k - a) / (b - a) for k in range(int(low), int(high) + 1) if a != b}
    eye, top = ground[tuple(start)] + 2, ground[tuple(end)] + 5
    heights = [2.0]
    for share in sorted(shares)[1:-1]:
        row, col = start + share * (end - start)
        r, c = min(int(row + 1e-9), 6), min(int(col + 1e-9), 7)
        v, u = row - r, col - c
        nw, ne, sw, se = ground[r : r + 2, c : c + 2].ravel()
        height = (
            nw + u * (ne - nw) + v * (se - ne) if u >= v else nw + v * (sw - nw) + u * (se - sw)
        )
        heights.append(eye * (1 - share) + top * share - height)
    heights.append(5.0)
    found = look(terrain(ground), start, end, observer=2, target=5, method="linear-nw-se")
    dips = [
        middle
        for place, middle in enumerate(heights)
        if middle < min(max(heights[: place + 1]), max(heights[place:])) - 1e-9
    ]
    assert found.clearance == pytest.approx(min(dips, default=2), abs=1e-6)
    assert found.visible == (min(heights) >= -1e-6)


def test_progress_counts_the_methods(cell):
    said = []
    look(cell, (0, 0), (5, 5), progress=lambda *words: said.append(words))
    assert said == [("looking", 1, len(METHODS))] * len(METHODS)


# ---- voids, ends, lengths ---------------------------------------------------------------------


def test_voids_are_never_taken_for_ground():
    ground = np.zeros((3, 12))
    ground[:, 5] = np.nan
    found = look(terrain(ground), (1, 0), (1, 11))
    assert found.visible is None
    assert found.void == pytest.approx(2, abs=0.1), "bilinear: the cells on both sides"
    ground[:, 8] = 90
    found = look(terrain(ground), (1, 0), (1, 11))
    assert found.visible is False
    assert found.first.distance > 7
    ground[:, 1:11] = np.nan
    found = look(terrain(ground), (1, 0), (1, 11), method="level-nearest")
    assert found.visible is None


def test_ends_must_be_on_known_ground():
    ground = np.zeros((4, 4))
    ground[2, 2] = np.nan
    surface = terrain(ground)
    with pytest.raises(OptionsError, match=r"grid: the target at 2\.5 2\.5 is in a void"):
        look(surface, (0, 0), (2, 2))
    with pytest.raises(OptionsError, match=r"the observer at -0\.5 0\.5 is outside"):
        look(surface, (0, -1), (2, 2))
    with pytest.raises(OptionsError, match="observer -1: it must be metres"):
        look(surface, (0, 0), (1, 1), observer=-1)
    with pytest.raises(OptionsError, match="target nan"):
        look(surface, (0, 0), (1, 1), target=math.nan)
    with pytest.raises(OptionsError, match="step 0"):
        look(surface, (0, 0), (1, 1), step=0)
    with pytest.raises(OptionsError, match="guess"):
        look(surface, (0, 0), (1, 1), method="guess")


def test_a_point_sees_itself():
    found = look(terrain(np.ones((3, 3))), (1, 1), (1, 1), target=0)
    assert (found.visible, found.length, found.clearance) == (True, 0.0, None)
    assert found.dissenting == []


@pytest.mark.parametrize("method", METHODS)
def test_a_line_along_the_ground_is_clear(method):
    """On a plane, with both ends on it: rounding is no obstacle."""
    rows, cols = np.indices((9, 12))
    surface = terrain(1e3 / 3 + 0.1 * rows - 0.7 * cols)
    found = look(surface, (0, 1), (8, 10), observer=0, target=0, method=method)
    if not method.startswith("level"):
        assert found.visible is True
        assert found.clearance == pytest.approx(0, abs=1e-9)


def test_a_long_step_misses_no_ridge():
    ground = np.zeros((1, 200))
    ground[0, 77] = 30
    assert look(terrain(ground), (0, 0), (0, 199), step=1e6).visible is False


# ---- real files -------------------------------------------------------------------------------


def test_distances_are_geodesic_and_crs_are_kept():
    with demzip.open_terrain(CORPUS / "mountains_int16.tif") as surface:
        one = surface.line_of_sight(7.51, 46.49, 7.53, 46.48, target=0)
        utm = surface.from_raster([7.51, 7.53], [46.49, 46.48], "EPSG:32632")
        ends = utm[0][0], utm[1][0], utm[0][1], utm[1][1]
        two = surface.line_of_sight(*map(float, ends), target=0, crs="EPSG:32632")
    assert one.length == pytest.approx(1895.776, abs=0.001)
    assert one.visible is two.visible is False
    assert two.clearance == pytest.approx(one.clearance, abs=1e-3)
    assert two.first.x == pytest.approx(384567, abs=2000)


def test_viewshed_and_line_of_sight_agree():
    """Where the line has room: both look over nearly the same ground."""
    with demzip.open_terrain(CORPUS / "mountains_int16.tif") as surface:
        shed = surface.viewshed(7.51, 46.49, target=20, radius=3000)
        eye = shed.x, shed.y
        agreed = []
        for row, col in np.random.default_rng(8).integers(0, shed.visible.shape, (60, 2)):
            if shed.visible[row, col] != 127:
                t = shed.transform
                there = t.c + t.a * (col + 0.5), t.f + t.e * (row + 0.5)
                sight = surface.line_of_sight(*eye, *there, target=20)
                if abs(sight.clearance) > 2:
                    agreed.append(sight.visible == (shed.visible[row, col] == 255))
        assert len(agreed) > 20
        assert np.mean(agreed) > 0.97


@pytest.mark.parametrize(
    ("units", "crs", "metres"),
    [
        ("ft", UTM, 0.3048), ("US survey foot", UTM, 1200 / 3937), ("KM", UTM, 1000),
        ("metre", CRS.from_epsg(2263), 1), (None, CRS.from_epsg(2263), 1200 / 3937),
        ("dBZ", CRS.from_epsg(2263), 1200 / 3937), ("", CRS.from_epsg(4326), 1), (None, None, 1),
        ("foot", None, 0.3048),
    ],
)  # fmt: skip
def test_the_unit_of_heights_changes_no_answer(units, crs, metres):
    """The same ground in metres, and in a unit that the band or its CRS declares."""
    ground = relief(24, 30, seed=3) * 0.5
    size = 1e-4 if crs and crs.is_geographic else 5.0
    transform = Affine(size, 0, 0, 0, -size, 24 * size)
    known = terrain(ground, transform, crs, "m")
    other = terrain(ground / metres, transform, crs, units)
    assert other.metres == pytest.approx(metres)
    ends = 2.3 * size, 3.1 * size, 26.2 * size, 20.4 * size
    expected = known.line_of_sight(*ends, target=2, curvature=True)
    found = other.line_of_sight(*ends, target=2, curvature=True)
    assert (expected.unit, found.unit) == (1, pytest.approx(metres))
    assert found.observer.ground == pytest.approx(expected.observer.ground)
    assert found.target.needed == pytest.approx(expected.target.needed, abs=1e-6)
    assert found.clearance == pytest.approx(expected.clearance, abs=1e-6)
    assert {name: said.visible for name, said in found.verdicts.items()} == {
        name: said.visible for name, said in expected.verdicts.items()
    }
    for model in ("exact", "planes"):
        sheds = [one.viewshed(*ends[:2], model=model, observer=5) for one in (known, other)]
        assert (sheds[0].visible == sheds[1].visible).all()
        assert 0.05 < sheds[0].share < 0.95
        assert sheds[1].ground == pytest.approx(sheds[0].ground)
