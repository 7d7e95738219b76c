"""Viewsheds of files: what is written, and what gdal_viewshed makes of the same ground."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

import demzip
from demzip.errors import DemzipError, OptionsError
from demzip.io.viewshed import viewshed

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
GDAL = shutil.which("gdal_viewshed")
GDAL_CURVATURE = "0.85714"
UTM = "EPSG:32632"

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def mountains(tmp_path):
    """The mountains of the corpus on a map, since gdal_viewshed knows only metres; 30 x 25 m."""
    with rasterio.open(CORPUS / "mountains_int16.tif") as dataset:
        values = dataset.read(1)
    path = tmp_path / "map.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype="int16", crs=UTM, transform=Affine(30, 0, 400000, 0, -25, 5150000),
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
    return path


def centre(row, col):
    return 400000 + 30 * (col + 0.5), 5150000 - 25 * (row + 0.5)


def by_gdal(path, x, y, *, observer, target, curvature, radius=0):
    out = path.with_name("gdal.tif")
    out.unlink(missing_ok=True)
    subprocess.run(
        [
            GDAL, "-q", "-ox", repr(x), "-oy", repr(y), "-oz", str(observer), "-tz", str(target),
            "-cc", GDAL_CURVATURE if curvature else "0", "-md", str(radius), str(path), str(out),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    with rasterio.open(out) as dataset:
        return dataset.read(1), dataset.transform


def level_around(path, row, col):
    """Raise the neighbours of the observer in other rows to the observer's ground.

    GDAL 3.6 lets the observer's own ground hide them (its issue 10205).
    """
    with rasterio.open(path, "r+") as dataset:
        values = dataset.read(1)
        for near in (row - 1, row + 1):
            beside = values[near, col - 1 : col + 2]
            np.maximum(beside, values[row, col], out=beside)
        dataset.write(values, 1)


@pytest.mark.skipif(GDAL is None, reason="gdal_viewshed is not installed")
@pytest.mark.parametrize("curvature", [False, True])
@pytest.mark.parametrize(("row", "col", "target"), [(120, 140, 0), (60, 200, 20), (200, 30, 5)])
def test_gdal_sees_the_same(mountains, row, col, target, curvature):
    options = {"observer": 10, "target": target, "curvature": curvature}
    found, _ = by_gdal(mountains, *centre(row, col), **options)
    with demzip.open_terrain(mountains) as terrain:
        planes = terrain.viewshed(*centre(row, col), model="planes", **options)
        exact = terrain.viewshed(*centre(row, col), **options)
    assert 0.01 < (found == 255).mean() < 0.9
    assert (planes.visible == found).mean() > 0.98
    assert (exact.visible == found).mean() > 0.98
    assert (exact.visible == planes.visible).mean() > 0.98


@pytest.mark.skipif(GDAL is None, reason="gdal_viewshed is not installed")
@pytest.mark.parametrize(("row", "col"), [(120, 140), (60, 200), (200, 30)])
def test_only_the_neighbours_of_the_observer_differ_from_gdal(mountains, row, col):
    level_around(mountains, row, col)
    options = {"observer": 10, "target": 5, "curvature": True}
    found, _ = by_gdal(mountains, *centre(row, col), **options)
    with demzip.open_terrain(mountains) as terrain:
        planes = terrain.viewshed(*centre(row, col), model="planes", **options)
    assert (planes.visible == found).mean() > 0.9995


@pytest.mark.skipif(GDAL is None, reason="gdal_viewshed is not installed")
def test_gdal_cuts_at_the_same_radius(mountains):
    row, col, radius = 120, 140, 1500
    found, transform = by_gdal(
        mountains, *centre(row, col), observer=10, target=0, curvature=False, radius=radius
    )
    with demzip.open_terrain(mountains) as terrain:
        shed = terrain.viewshed(*centre(row, col), model="planes", observer=10, radius=radius)
    inside = shed.visible != 127
    down = round((shed.transform.f - transform.f) / transform.e)
    right = round((shed.transform.c - transform.c) / transform.a)
    rows, cols = shed.visible.shape
    same = found[down : down + rows, right : right + cols]
    assert same.shape == shed.visible.shape
    assert (same == shed.visible)[inside].mean() > 0.98
    assert not same[~inside].any()


@pytest.mark.parametrize("kind", ["tif", "dz"])
def test_what_is_written(mountains, kind, files):
    source = mountains
    if kind == "dz":
        demzip.compress(mountains, mountains.with_suffix(".dz"))
        source = mountains.with_suffix(".dz")
        mountains.unlink()
    path, found = viewshed(source, *centre(60.2, 200.3), radius=900, curvature=True)
    assert path == source.with_name("map.viewshed.tif")
    with rasterio.open(path) as dataset:
        assert (dataset.dtypes, dataset.nodata, dataset.crs) == (("uint8",), 127, UTM)
        assert dataset.res == (30, 25)
        west, north = dataset.bounds.left, dataset.bounds.top
        values = dataset.read(1)
    assert values.shape == (2 * 36 + 1, 2 * 30 + 1)
    assert (west, north) == (400000 + 30 * (200 - 30), 5150000 - 25 * (60 - 36))
    assert (found.x, found.y) == centre(60, 200)
    np.testing.assert_array_equal(values, found.visible)
    assert found.area == (values == 255).sum() * 30 * 25
    assert values[36, 30] == 255
    assert files(source.parent) == sorted([source.name, path.name])


def test_the_reference_of_a_window(mountains):
    """A radius only cuts: what lies within is as without one."""
    with demzip.open_terrain(mountains) as terrain:
        whole = terrain.viewshed(*centre(60, 100)).visible
        part = terrain.viewshed(*centre(60, 100), radius=700)
    inside = part.visible != 127
    top = round((5150000 - part.transform.f) / 25)
    left = round((part.transform.c - 400000) / 30)
    rows, cols = part.visible.shape
    np.testing.assert_array_equal(
        whole[top : top + rows, left : left + cols][inside], part.visible[inside]
    )


def test_turned_and_geographic_rasters(save, tmp_path):
    """A plain is seen to the radius, whose shape is that of a circle on the ground."""
    flat = np.zeros((200, 200), "int16")
    turned = save(
        tmp_path / "turned.tif", flat, crs=UTM,
        transform=Affine(8, 6, 400000, 12, -16, 5000000),
    )  # fmt: skip
    x, y = 400000 + 8 * 100.5 + 6 * 100.5, 5000000 + 12 * 100.5 - 16 * 100.5
    degrees = save(
        tmp_path / "degrees.tif", flat, crs="EPSG:4326",
        transform=Affine(0.001, 0, 10, 0, -0.001, 60.1),
    )  # fmt: skip
    for path, place, size in ((turned, (x, y), 200.0), (degrees, (10.1, 60.0), 55.8 * 111.4)):
        _, found = viewshed(path, *place, radius=1000)
        assert found.cell == pytest.approx(size, rel=0.002)
        assert found.area == pytest.approx(np.pi * 1000**2, rel=0.02)
        assert set(np.unique(found.visible)) == {127, 255}


def test_no_output_where_there_is_an_error(mountains, files):
    for place, options, words in (
        ((0, 0), {}, "observer at 0 0 is outside the raster"),
        (centre(5, 5), {"radius": 0}, "radius 0: it must be metres above 0"),
        (centre(5, 5), {"observer": -2}, "observer -2"),
        (centre(5, 5), {"target": np.inf}, "target inf"),
        (centre(5, 5), {"model": "r2"}, "exact, planes"),
        (centre(5, 5), {"jobs": -1}, "jobs"),
        (centre(5, 5), {"crs": "EPSG:0"}, "EPSG:0"),
    ):
        with pytest.raises(OptionsError, match=words):
            viewshed(mountains, *place, **options)
    with pytest.raises(OptionsError, match="input are the same file"):
        viewshed(mountains, *centre(5, 5), mountains, overwrite=True)
    with pytest.raises(DemzipError, match="no folder"):
        viewshed(mountains, *centre(5, 5), mountains.parent / "no" / "x.tif")
    assert files(mountains.parent) == ["map.tif"]
    viewshed(mountains, *centre(5, 5))
    with pytest.raises(OptionsError, match="exists already"):
        viewshed(mountains, *centre(5, 5))


@pytest.mark.skipif(sys.platform == "win32", reason="needs ulimit")
def test_no_room_for_the_output(mountains, files):
    """Not a line of libtiff's, and no name of a temporary file."""
    code = (
        "import resource, demzip\n"
        "from demzip.io.viewshed import viewshed\n"
        "from demzip.errors import DemzipError\n"
        f"viewshed('map.tif', *{centre(60, 100)}, 'seen.tif')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))\n"
        "try:\n"
        f"    viewshed('map.tif', *{centre(60, 100)}, 'small.tif')\n"
        "except DemzipError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=mountains.parent, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("small.tif: cannot be written (File too large)\n", "")
    assert files(mountains.parent) == ["map.tif", "seen.tif"]


def test_rasters_that_are_too_large_need_a_radius(tmp_path):
    path = tmp_path / "large.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=9000, width=9000, count=1, dtype="int16", tiled=True,
        sparse_ok=True, transform=Affine(10, 0, 0, 0, -10, 0), crs=UTM,
    ):  # fmt: skip
        pass
    with demzip.open_terrain(path) as terrain:
        with pytest.raises(OptionsError, match=r"81000000 samples.*choose a radius"):
            terrain.viewshed(45000, -45000)
        with pytest.raises(OptionsError, match="choose a smaller radius"):
            terrain.viewshed(45000, -45000, radius=1e9)
        shed = terrain.viewshed(45000, -45000, radius=300)
        assert shed.visible.shape == (61, 61)


def test_one_sample(save, tmp_path):
    path = save(tmp_path / "one.tif", np.full((1, 1), 7, "uint8"))
    _, found = viewshed(path, 0.2, 0.9)
    assert found.visible.tolist() == [[255]]
    assert (found.x, found.y, found.ground) == (0.5, 0.5, 7)
    path = save(tmp_path / "none.tif", np.full((1, 1), 7, "uint8"), nodata=7)
    with pytest.raises(OptionsError, match=r"observer at 0\.2 0\.9 is in a void"):
        viewshed(path, 0.2, 0.9)
