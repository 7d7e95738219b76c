"""Figures as objects: coordinates, extents, colours, bars, words."""

import io
import math
import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import rasterio
from matplotlib.patches import Rectangle
from rasterio.transform import Affine

import demzip
from demzip.errors import DemzipError, OptionsError, UnsupportedError
from demzip.io.residuals import open_residuals
from demzip.plots import figure as figures
from demzip.plots.draw import KINDS, draw
from demzip.plots.extras import check_picture
from demzip.plots.figure import bar_length, frame_of, picture
from demzip.plots.maps import draw_elevation, draw_relief
from demzip.plots.residuals import draw_histogram, draw_residuals
from demzip.surface import hillshade
from demzip.terrain.relief import Light
from tests.terrain import relief

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "corpus"
ALPS = Affine(0.01, 0, 7.0, 0, -0.02, 47.0)
METRIC = Affine(30.0, 0, 500_000.0, 0, -20.0, 5_000_000.0)

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def write(path, values, transform=METRIC, crs="EPSG:32632", nodata=None, units=None):
    where = {} if transform is None else {"transform": transform}
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype=values.dtype, crs=crs, nodata=nodata, **where,
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
        if units:
            dataset.set_band_unit(1, units)
    return path


@pytest.fixture
def hills(tmp_path):
    values = relief(60, 90).astype("int16")
    values[5:9, 20:40] = -999
    return write(tmp_path / "hills.tif", values, nodata=-999)


def texts(figure):
    """All words of a figure, drawn once so that ticks have theirs."""
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(mpl.text.Text)]


def image_of(axes):
    return axes.get_images()[0]


# ---- where maps lie ---------------------------------------------------------------------------


def test_a_projected_map_has_its_coordinates(hills):
    with demzip.open_terrain(hills) as terrain:
        figure = draw_relief(terrain, Light())
    (axes,) = figure.axes
    assert image_of(axes).get_extent() == [500_000, 502_700, 4_998_800, 5_000_000]
    assert axes.get_xlim() == (500_000, 502_700)
    assert axes.get_ylim() == (4_998_800, 5_000_000)
    assert axes.get_aspect() == pytest.approx(1)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("easting (m)", "northing (m)")
    words = texts(figure)
    assert "WGS 84 / UTM zone 32N (EPSG:32632)" in words
    assert "500 m" in words
    assert "no data" in words
    assert "hills.tif" in words
    assert any("light from 315°, 45°" in word and "60 x 90" in word for word in words)
    assert any(word == "501000" for word in words), "ticks without an offset"


def test_the_scale_bar_is_as_long_as_it_says(hills):
    with demzip.open_terrain(hills) as terrain:
        (axes,) = draw_relief(terrain, Light()).axes
    parts = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    length = sum(patch.get_width() for patch in parts) * 2700  # metres of the map's width
    assert length == pytest.approx(500)
    assert max(patch.get_x() + patch.get_width() for patch in parts) == pytest.approx(1)


@pytest.mark.parametrize(
    ("most", "length"), [(2700 / 4, 500), (1, 1), (0.99, 0.5), (19_999, 10_000), (20_000, 20_000)]
)
def test_lengths_of_scale_bars(most, length):
    assert bar_length(most) == pytest.approx(length)


def test_a_geographic_map_is_as_wide_as_the_ground(tmp_path):
    values = relief(100, 80).astype("int16")
    path = write(tmp_path / "alps.tif", values, ALPS, "EPSG:4326", units="m")
    with demzip.open_terrain(path) as terrain:
        frame = frame_of(terrain)
        figure = draw_elevation(terrain)
    assert frame.extent == pytest.approx((7.0, 7.8, 45.0, 47.0))
    assert frame.aspect == pytest.approx(1 / math.cos(math.radians(46)), rel=0.005)
    assert frame.metres == pytest.approx(111_320 * math.cos(math.radians(46)), rel=0.003)
    axes = figure.axes[0]
    assert axes.get_aspect() == frame.aspect
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("longitude", "latitude")
    words = texts(figure)
    assert "46°N" in words
    assert "7.5°E" in words or "7.4°E" in words
    assert "10 km" in words
    assert "elevation (m)" in words


def test_the_scale_names_its_latitude_where_it_matters(tmp_path):
    world = Affine(2.0, 0, -180.0, 0, -2.0, 80.0)
    path = write(tmp_path / "world.tif", relief(60, 180).astype("int16"), world, "EPSG:4326")
    with demzip.open_terrain(path) as terrain:
        words = texts(draw_relief(terrain, Light()))
    assert any(word.endswith(" km at 20°N") for word in words)
    assert {"100°W", "0°", "100°E"} <= set(words)
    assert "40°S" in words


def test_a_south_up_map_has_north_up(tmp_path):
    south_up = Affine(30.0, 0, 500_000.0, 0, 20.0, 4_998_800.0)
    path = write(tmp_path / "up.tif", relief(60, 90).astype("int16"), south_up)
    with demzip.open_terrain(path) as terrain:
        (axes,) = draw_relief(terrain, Light()).axes
    assert axes.get_ylim() == (4_998_800, 5_000_000)
    assert image_of(axes).get_extent() == [500_000, 502_700, 5_000_000, 4_998_800]
    assert image_of(axes).origin == "upper", "row 0 at 4998800"


@pytest.mark.parametrize(
    ("transform", "crs", "labels", "words", "absent"),
    [
        (None, None, ("column", "row"), "nothing says where it lies: no CRS; scale unknown", " m"),
        (METRIC, None, ("x", "y"), "no CRS; scale unknown", "500 m"),
        (Affine(26.0, -15.0, 5e5, -15.0, -26.0, 5e6), "EPSG:32632", ("column", "row"),
         "rows do not run along the axes of WGS 84 / UTM zone 32N (EPSG:32632)", "scale unknown"),
        (METRIC, "EPSG:2263", ("easting (US ft)", "northing (US ft)"),
         "NAD83 / New York Long Island (ftUS) (EPSG:2263)", "500 m"),
    ],
)  # fmt: skip
def test_maps_without_a_place(tmp_path, transform, crs, labels, words, absent):
    path = write(tmp_path / "a.tif", relief(60, 90).astype("int16"), transform, crs)
    with demzip.open_terrain(path) as terrain:
        figure = draw_elevation(terrain)
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == labels
    found = texts(figure)
    assert words in found
    assert absent not in found
    assert "elevation (no unit given)" in found
    if labels == ("column", "row"):
        assert axes.get_ylim() == (60, 0)
    if crs == "EPSG:2263":
        assert "200 m" in found, "a quarter of 2700 feet are 205 m"


# ---- what maps show ---------------------------------------------------------------------------


def test_a_relief_shows_its_grey_levels_and_blank_voids(hills):
    with demzip.open_terrain(hills) as terrain:
        heights = terrain.window(slice(0, 60), slice(0, 90))
        light = Light(100.0, 30.0, 2.0)
        figure = draw_relief(terrain, light)
    shown = image_of(figure.axes[0]).get_array()
    expected = hillshade(heights, 30.0, 20.0, azimuth=100.0, altitude=30.0, z_factor=2.0)
    assert (shown.filled(0) == expected).all()
    assert (shown.mask == np.isnan(heights)).all()
    assert any("light from 100°, 30° above the horizon, heights x 2" in w for w in texts(figure))


def test_elevations_are_those_of_the_raster(hills):
    with rasterio.open(hills, "r+") as dataset:
        dataset.set_band_unit(1, "m")
    with demzip.open_terrain(hills) as terrain:
        heights = terrain.window(slice(0, 60), slice(0, 90))
        figure = draw_elevation(terrain)
    image = image_of(figure.axes[0])
    assert np.array_equal(image.get_array().filled(np.nan), heights, equal_nan=True)
    assert image.norm.vmin == np.nanmin(heights)
    assert image.norm.vmax == np.nanmax(heights)


def test_large_rasters_are_reduced_and_say_so(hills, monkeypatch):
    monkeypatch.setattr(figures, "SIDE", 25)
    with demzip.open_terrain(hills) as terrain:
        heights = terrain.window(slice(0, 60), slice(0, 90))
        figure = draw_elevation(terrain)
        shade = draw_relief(terrain, Light())
        with open_residuals(hills) as source:
            residuals = draw_residuals(terrain, source, ["jpeg4"])
    image = image_of(figure.axes[0])
    cells = image.get_array().filled(np.nan)
    assert cells.shape == (15, 23)
    assert cells[3, 0] == pytest.approx(heights[12:16, 0:4].mean())
    assert cells[14, 22] == pytest.approx(heights[56:60, 88:90].mean())
    assert image.get_extent() == pytest.approx([500_000, 502_760, 4_998_800, 5_000_000])
    assert figure.axes[0].get_xlim() == (500_000, 502_700)
    assert any("a cell is 4 x 4 samples, means of them" in w for w in texts(figure))
    grey = hillshade(cells, 120.0, 80.0)
    assert (image_of(shade.axes[0]).get_array().filled(0) == grey).all()
    assert any("shaded from their means" in w for w in texts(shade))
    whole = heights[1:, 1:] - heights[1:, :-1] - heights[:-1, 1:] + heights[:-1, :-1]
    shown = image_of(residuals.axes[0])
    assert shown.get_array()[7, 12] == pytest.approx(np.abs(whole[27:31, 47:51]).mean())
    assert shown.norm.vmin == 0
    assert any("coloured by their mean |residual|" in w for w in texts(residuals))


def test_a_map_of_residuals(hills):
    with demzip.open_terrain(hills) as terrain, open_residuals(hills) as source:
        figure = draw_residuals(terrain, source, ["jpeg4"])
        heights = terrain.window(slice(0, 60), slice(0, 90))
    image = image_of(figure.axes[0])
    shown = image.get_array().filled(np.nan)
    inner = heights[1:, 1:] - heights[1:, :-1] - heights[:-1, 1:] + heights[:-1, :-1]
    there = np.isfinite(inner)
    assert (shown[1:, 1:][there] == inner[there]).all()
    assert (np.isnan(shown) == np.isnan(heights)).sum() == shown.size - 1  # the first sample
    assert image.norm.vmin == -image.norm.vmax < 0
    beyond = np.abs(shown[np.isfinite(shown)]) > image.norm.vmax
    assert 0 < beyond.mean() <= 0.01
    words = texts(figure)
    assert "residual (no unit given)" in words
    assert "no data" in words
    assert any(word.startswith("residuals of jpeg4: ") and "% are 0" in word for word in words)


def test_several_maps_have_the_same_colours(hills):
    names = ["jpeg1", "jpeg4", "lagrange3", "lagrange24", "jpeg7"]
    with demzip.open_terrain(hills) as terrain, open_residuals(hills) as source:
        figure = draw_residuals(terrain, source, names)
    maps = [axes for axes in figure.axes if axes.get_images()]
    assert [axes.get_title("left") for axes in maps] == names
    assert len({image_of(axes).norm.vmax for axes in maps}) == 1
    assert sum(word == "500 m" for word in texts(figure)) == 1


def test_a_perfect_prediction_has_no_colours_to_spread(tmp_path):
    flat = write(tmp_path / "flat.tif", np.full((20, 30), 7, "int16"))
    with demzip.open_terrain(flat) as terrain, open_residuals(flat) as source:
        figure = draw_residuals(terrain, source, ["jpeg4"])
        image = image_of(figure.axes[0])
        assert image.norm.vmax == 1
        assert "no data" not in texts(figure)
        assert draw_histogram(terrain, source, ["jpeg4"])
        texts(draw_elevation(terrain))


def test_histograms_count_all_residuals(hills):
    with demzip.open_terrain(hills) as terrain, open_residuals(hills) as source:
        found = [source.measure(name, lambda _top, _values: None) for name in ("jpeg1", "jpeg4")]
        figure = draw_histogram(terrain, source, ["jpeg1", "jpeg4"])
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "samples"
    for one, stairs in zip(found, axes.patches, strict=True):
        counts, edges, _ = stairs.get_data()
        for value, times in zip(one.values, one.times, strict=True):
            if edges[0] < value < edges[-1]:
                assert counts[np.searchsorted(edges, value) - 1] == times
        assert stairs.get_label().startswith(f"{one.name}: {one.counts.entropy:.3f} bits, ")
        assert f"{100 * one.zeros:.1f}% are 0" in stairs.get_label()
    inside = sum(int(np.where(s.get_data()[0] < 1, 0, s.get_data()[0]).sum()) for s in axes.patches)
    lost = sum(one.samples for one in found) - inside
    assert lost <= 2 * 2e-4 * found[0].samples
    assert any(f"; {lost} residuals" in w for w in texts(figure)) == (lost > 0)


def test_histograms_of_true_floats_and_wide_ranges_have_bins(tmp_path):
    rng = np.random.default_rng(2)
    for name, values in (
        ("f.tif", rng.normal(0, 50, (50, 60)).astype("float32")),
        ("w.tif", rng.integers(-9000, 9000, (50, 60)).astype("int16")),
    ):
        path = write(tmp_path / name, values)
        with demzip.open_terrain(path) as terrain, open_residuals(path) as source:
            figure = draw_histogram(terrain, source, ["jpeg4"])
        (axes,) = figure.axes
        counts, edges, _ = axes.patches[0].get_data()
        assert axes.get_ylabel().startswith("samples in ")
        assert 100 < counts.size < 450
        assert edges == pytest.approx(-edges[::-1])
        assert counts[counts >= 1].sum() >= 0.999 * 2999
    assert float(axes.get_ylabel().split()[-1]) % 2 == 1, "whole steps around 0"


@pytest.mark.parametrize(
    ("shape", "void"), [((1, 1), False), ((1, 1), True), ((1, 30), False), ((3, 2000), False)]
)
@pytest.mark.parametrize("kind", KINDS)
def test_odd_rasters_are_drawn(tmp_path, kind, void, shape):
    values = np.full(shape, -9, "int16") if void else relief(*shape).astype("int16")
    path = write(tmp_path / "a.tif", values, nodata=-9)
    assert draw(path, tmp_path / "a.png", kind, predictors=["jpeg4"] * (kind in KINDS[:2])) == shape
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_turned_raster_has_maps_but_no_relief(tmp_path):
    turned = Affine(26.0, -15.0, 5e5, -15.0, -26.0, 5e6)
    path = write(tmp_path / "a.tif", relief(30, 30).astype("int16"), turned)
    draw(path, tmp_path / "a.png", "elevation")
    with pytest.raises(UnsupportedError, match=r"a\.tif.*north is not up"):
        draw(path, tmp_path / "b.png", "hillshade")
    assert not (tmp_path / "b.png").exists()


# ---- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "form"), [*((kind, "svg") for kind in KINDS), ("hillshade", "png")]
)
def test_the_same_raster_gives_the_same_bytes(hills, tmp_path, kind, form):
    names = ["jpeg4"] * (kind in KINDS[:2])
    for name in ("a", "b"):
        draw(hills, tmp_path / f"{name}.{form}", kind, predictors=names)
    data = (tmp_path / f"a.{form}").read_bytes()
    assert data == (tmp_path / f"b.{form}").read_bytes()
    assert b"<dc:date>" not in data
    if form == "svg":
        assert b"hills.tif" in data, "words are words"


def test_pictures_leave_nothing_of_matplotlib_behind(hills):
    before = dict(mpl.rcParams)
    with demzip.open_terrain(hills) as terrain:
        data = picture(draw_relief(terrain, Light()), "png")
    assert dict(mpl.rcParams) == before
    assert data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mpl.image.imread(io.BytesIO(data)).shape[1] > 900


def test_pictures_are_checked_before_the_work(hills, tmp_path, monkeypatch):
    with pytest.raises(OptionsError, match=r"a\.gif: its name must end in \.png or \.svg"):
        check_picture(tmp_path / "a.gif", hills, overwrite=False)
    (tmp_path / "a.png").touch()
    with pytest.raises(OptionsError, match="exists already"):
        check_picture(tmp_path / "a.png", hills, overwrite=False)
    check_picture(tmp_path / "a.png", hills, overwrite=True)
    with pytest.raises(DemzipError, match="no folder"):
        check_picture(tmp_path / "no" / "a.png", hills, overwrite=False)
    monkeypatch.setattr("demzip.plots.extras.find_spec", lambda _name: None)
    with pytest.raises(OptionsError, match=r"matplotlib.*pip install 'demzip\[plot\]'"):
        check_picture(tmp_path / "b.png", hills, overwrite=False)
