"""Distances and lines on the ground, and coordinates of other reference systems."""

import math

import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.transform import Affine

from demzip.errors import OptionsError
from demzip.terrain.crs import WGS84, move, parse
from demzip.terrain.ground import MAX_POINTS, Ground

# Geoscience Australia's example for Vincenty's formulae on GRS 80.
FLINDERS_PEAK = 144 + 25 / 60 + 29.52440 / 3600, -(37 + 57 / 60 + 3.72030 / 3600)
BUNINYONG = 143 + 55 / 60 + 35.38390 / 3600, -(37 + 39 / 60 + 10.15610 / 3600)
APART = 54972.271
DEGREE = 6378137.0 * math.pi / 180  # on the equator of WGS 84
E2 = 0.00669437999014  # its eccentricity squared


def test_a_published_geodesic():
    assert float(Ground("EPSG:4283").distance(*FLINDERS_PEAK, *BUNINYONG)) == pytest.approx(
        APART, abs=5e-4
    )


def test_distances_have_the_shape_of_their_points():
    found = Ground(CRS.from_epsg(4326)).distance(np.zeros((2, 1)), 0.0, [1.0, 2.0, -3.0], 0.0)
    np.testing.assert_allclose(found, [[DEGREE, 2 * DEGREE, 3 * DEGREE]] * 2, rtol=1e-12)
    assert float(Ground(WGS84).distance(0, 0, 0, 90)) == pytest.approx(10001965.729, abs=1e-3)


@pytest.mark.parametrize(
    ("crs", "unit"),
    [(None, 1.0), ("EPSG:32632", 1.0), ("EPSG:2263", 1200 / 3937), ("EPSG:2222", 0.3048)],
)
def test_maps_have_units(crs, unit):
    ground = Ground(crs)
    assert not ground.is_geographic
    assert float(ground.distance(100, 200, 103, 204)) == pytest.approx(5 * unit, rel=1e-12)
    assert ground.cell_size(Affine(3, 0, 0, 0, -7, 0), 50, 50) == pytest.approx(
        (3 * unit, 7 * unit)
    )
    x, y, distance = ground.line(0, 0, 30, 40, 20 * unit)
    np.testing.assert_allclose(distance, np.array([0, 20, 40, 50]) * unit)
    np.testing.assert_allclose(x, [0, 12, 24, 30])
    np.testing.assert_allclose(y, [0, 16, 32, 40])


def test_angles_may_be_gons():
    ground = Ground("EPSG:4807")
    degree = 6378249.2 * math.pi / 180  # Clarke 1880 (IGN)
    assert ground.unit == pytest.approx(0.9)
    assert float(ground.distance(0, 0, 10, 0)) == pytest.approx(9 * degree)
    x, _, _ = ground.line(0, 0, 10, 0, 1.5 * degree)
    np.testing.assert_allclose(x, np.arange(7) / 0.6, atol=1e-9)


def test_a_line_is_the_geodesic():
    ground = Ground("EPSG:4283")
    x, y, distance = ground.line(*FLINDERS_PEAK, *BUNINYONG, 1000)
    assert x.size == y.size == distance.size == 56
    assert (x[0], y[0]) == FLINDERS_PEAK
    assert (x[-1], y[-1]) == BUNINYONG
    np.testing.assert_array_equal(distance[:-1], np.arange(55) * 1000.0)
    assert distance[-1] == pytest.approx(APART, abs=5e-4)
    np.testing.assert_allclose(ground.distance(x[0], y[0], x, y), distance, atol=1e-6)
    np.testing.assert_allclose(ground.distance(x, y, x[-1], y[-1]), distance[::-1][0] - distance,
                               atol=1e-6)  # fmt: skip


def test_a_line_goes_on_beyond_the_date_line():
    for first, last, expected in ((179, -179, 181), (-179, 179, -181), (179, 181, 181)):
        x, y, distance = Ground(WGS84).line(first, 0, last, 0, DEGREE)
        np.testing.assert_allclose(x, [first, (first + expected) / 2, expected], atol=1e-9)
        assert not y.any()
        assert distance[-1] == pytest.approx(2 * DEGREE)


@pytest.mark.parametrize(
    ("step", "distances"),
    [(50, [0, 50, 100]), (30, [0, 30, 60, 90, 100]), (1000, [0, 100]), (100 / 3, 4), (0.1, 1001)],
)
def test_both_ends_are_on_a_line(step, distances):
    x, _, distance = Ground(None).line(7, 7, 107, 7, step)
    if isinstance(distances, int):
        assert distance.size == distances
    else:
        np.testing.assert_array_equal(distance, distances)
    np.testing.assert_allclose(x, 7 + distance)
    assert np.diff(distance).max() <= step * (1 + 1e-9)
    assert np.diff(distance).min() > 0


@pytest.mark.parametrize("crs", [None, WGS84])
def test_a_line_of_no_length(crs):
    x, y, distance = Ground(crs).line(7, 8, 7, 8, 10)
    assert (x.tolist(), y.tolist(), distance.tolist()) == ([7, 7], [8, 8], [0, 0])


def test_illegal_lines():
    for ends, step, words in (
        ((0, 0, 1, math.nan), 1, "must be numbers"),
        ((0, 0, math.inf, 1), 1, "must be numbers"),
        ((0, 0, 1, 1), 0, "above 0"),
        ((0, 0, 1, 1), -1, "above 0"),
        ((0, 0, 1, 1), math.nan, "above 0"),
        ((0, 0, 3, 4), 4.9 / MAX_POINTS, "choose a longer one"),
    ):
        with pytest.raises(OptionsError, match=words):
            Ground(None).line(*ends, step)
    with pytest.raises(OptionsError, match="beyond a pole"):
        Ground(WGS84).line(0, 0, 0, 91, 1)


def test_cells_narrow_towards_the_poles():
    ground, third = Ground(WGS84), Affine(1 / 3600, 0, 0, 0, -1 / 3600, 0)
    across, down = ground.cell_size(third, 10, 0)
    assert across == pytest.approx(DEGREE / 3600, rel=1e-9)
    assert down == pytest.approx(DEGREE * (1 - E2) / 3600, rel=1e-9)
    north, _ = ground.cell_size(third, 10, 60)
    assert north == pytest.approx(DEGREE / 2 / math.sqrt(1 - 0.75 * E2) / 3600, rel=1e-9)
    across, down = ground.cell_size(third, 10, 90)
    assert 0 <= across < 0.01
    assert down == pytest.approx(DEGREE / math.sqrt(1 - E2) / 3600, rel=1e-6)
    assert Ground(None).cell_size(Affine(3, 4, 0, 4, -3, 0), 0, 0) == (5, 5)


# ---- reference systems ------------------------------------------------------------------------


def test_x_is_longitude_or_easting():
    x, y = move(parse("EPSG:4326"), parse("EPSG:32632"), np.array([9.0]), np.array([0.0]))
    np.testing.assert_allclose((x, y), [[500000], [0]], atol=1e-6)
    x, y = move(parse("EPSG:31467"), parse("EPSG:4314"), np.array([3500000.0]), np.array([0.0]))
    np.testing.assert_allclose((x, y), [[9], [0]], atol=1e-9)  # northing first in its definition


def test_the_same_system_changes_nothing():
    x = np.array([1.0, np.inf])
    for crs in ("EPSG:4326", WGS84, CRS.from_epsg(4326), "EPSG:4326+5773"):
        assert move(parse(crs), parse("EPSG:4326"), x, x)[0] is x


def test_points_without_a_place_are_nan():
    x, y = move(parse(WGS84), parse("EPSG:3857"), np.array([0.0, 0.0]), np.array([91.0, 45.0]))
    assert np.isnan([x[0], y[0]]).all()
    assert np.isfinite([x[1], y[1]]).all()


@pytest.mark.parametrize("crs", ["EPSG:1", "", "nonsense" * 30, 7.5])
def test_unknown_systems(crs):
    with pytest.raises(OptionsError, match="PROJ does not know it") as failure:
        parse(crs)
    assert len(str(failure.value)) < 160
