"""demzip tiles."""

import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

import demzip


def test_tiles(ground, run):
    done = run("tiles", ground, "--zoom", 12, "-o", "t")
    assert done.exit_code == 0, done.output
    paths = sorted(Path("t").iterdir())
    assert f"{len(paths)} tiles of zoom 12" in done.stderr
    mercantile = pytest.importorskip("mercantile")
    corners = []
    for path in paths:
        tile = mercantile.quadkey_to_tile(path.stem)
        with rasterio.open(path) as found:
            assert (found.crs.to_epsg(), found.nodata, found.units) == (3857, -9999.0, ("m",))
            np.testing.assert_allclose(found.bounds, mercantile.xy_bounds(tile), atol=1e-3)
            assert found.width == found.height == 40
            valid = found.read(1, masked=True)
        assert valid.count() > 0
        assert valid.max() <= 40 * 60 // 3
        corners.append((tile.x, tile.y))
    xs, ys = zip(*corners, strict=True)
    assert (max(xs) - min(xs), max(ys) - min(ys)) == (1, 2)


def test_tiles_of_a_raster_without_values(ground, run, files):
    with rasterio.open(ground, "r+") as to:
        to.write(np.full((40, 60), -9999, np.int16), 1)
    done = run("tiles", ground, "--zoom", 12, "-o", "deep/t")
    assert done.exit_code == 0, done.output
    assert "g.tif: 0 tiles of zoom 12: it has no value" in done.stderr
    assert files() == ["g.tif"]


def test_wrong_tiles(ground, run, assert_fails, monkeypatch):
    def fails(code, *words, zoom=12, options=()):
        assert_fails(run("tiles", ground, "--zoom", zoom, "-o", "t", *options), code, *words)

    fails(2, "zoom 25", zoom=25)
    fails(2, "zoom 0", "higher", zoom=0)
    demzip.compress(ground)
    assert_fails(run("tiles", "g.dz", "--zoom", 12, "-o", "t"), 2, "g.dz", "demzip decompress")
    fails(2, "bicubic", "cubic", options=("--resampling", "bicubic"))
    fails(2, "no-data 0.5", options=("--nodata", 0.5))
    run("tiles", ground, "--zoom", 12, "-o", "t")
    fails(2, "exists already")
    assert run("tiles", ground, "--zoom", 12, "-o", "t", "-f").exit_code == 0
    with rasterio.open(ground, "r+") as dataset:
        dataset.nodata = None
    assert run("tiles", ground, "--zoom", 12, "-o", "t", "-f").exit_code == 0
    with rasterio.open(next(Path("t").iterdir())) as tile:
        assert tile.nodata == -32768
    with rasterio.open(
        "byte.tif", "w", driver="GTiff", height=9, width=9, count=1, dtype="uint8",
        crs="EPSG:32632", transform=rasterio.Affine(1000, 0, 500000, 0, -1000, 5e6),
    ) as dataset:  # fmt: skip
        dataset.write(np.ones((9, 9), np.uint8), 1)
    assert_fails(run("tiles", "byte.tif", "--zoom", 9, "-o", "t"), 2, "--nodata")
    monkeypatch.setitem(sys.modules, "mercantile", None)
    fails(1, "pip install demzip[tiles]", options=("--nodata", 7))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_tiles_of_a_raster_without_a_place(tmp_path, monkeypatch, run, assert_fails):
    monkeypatch.chdir(tmp_path)
    with rasterio.open(
        "n.tif", "w", driver="GTiff", height=3, width=3, count=1, dtype="float32"
    ) as to:
        to.write(np.ones((3, 3), np.float32), 1)
    assert_fails(run("tiles", "n.tif", "--zoom", 3, "-o", "t"), 4, "no CRS")
