"""Viewsheds beside those of gdal_viewshed."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

import demzip

GDAL_VIEWSHED = shutil.which("gdal_viewshed")
TILE = Path(__file__).resolve().parents[2] / "corpus" / "mountains_int16.tif"
SIDE = 30.0
OBSERVERS = [(34, 211), (120, 100), (200, 40), (77, 260), (5, 5)]
LIGHT = 0.85714  # GDAL's coefficient of curvature: 1 less that of refraction

pytestmark = pytest.mark.skipif(GDAL_VIEWSHED is None, reason="gdal_viewshed is not installed")


@pytest.fixture
def ground(tmp_path):
    """Mountains in UTM: gdal_viewshed takes degrees for metres.

    The observer stands on level ground of 3 x 3 samples. GDAL before 3.10 takes samples beside it
    to be no lower than its own (https://github.com/OSGeo/gdal/issues/10205), which hides valleys.
    """

    def write(row, col):
        with rasterio.open(TILE) as dataset:
            heights = dataset.read(1)
        heights[row - 1 : row + 2, col - 1 : col + 2] = heights[row, col]
        rows, cols = heights.shape
        path = tmp_path / "ground.tif"
        with rasterio.open(
            path, "w", driver="GTiff", height=rows, width=cols, count=1, dtype=heights.dtype,
            transform=Affine(SIDE, 0, 4e5, 0, -SIDE, 5e6), crs="EPSG:32632",
        ) as dataset:  # fmt: skip
            dataset.write(heights, 1)
        return path, 4e5 + SIDE * (col + 0.5), 5e6 - SIDE * (row + 0.5)

    return write


def by_gdal(path, x, y, **options):
    """Which samples GDAL sees; options without their hyphens."""
    made = path.with_name("gdal.tif")
    words = [f"{word}" for name, value in options.items() for word in (f"-{name}", value)]
    command = [GDAL_VIEWSHED, "-q", "-ox", str(x), "-oy", str(y), *words, str(path), str(made)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with rasterio.open(made) as dataset:
        return dataset.read(1) == 255


@pytest.mark.parametrize(("observer", "target"), [(1.75, 0.0), (1.75, 20.0), (30.0, 0.0)])
@pytest.mark.parametrize("curvature", [False, True])
def test_reference_planes_are_those_of_gdal(ground, observer, target, curvature):
    """Where coefficients differ in the sixth digit single samples may differ."""
    for place in OBSERVERS:
        path, x, y = ground(*place)
        theirs = by_gdal(path, x, y, oz=observer, tz=target, cc=LIGHT if curvature else 0)
        with demzip.open_terrain(path) as terrain:
            options = {"observer": observer, "target": target, "curvature": curvature}
            planes = terrain.viewshed(x, y, model="planes", **options).visible
            exact = terrain.viewshed(x, y, model="exact", **options).visible
        assert set(np.unique(planes)) <= {0, 255}
        assert ((planes == 255) == theirs).mean() >= 0.9995
        assert 0.01 < theirs.mean() < 0.99
        assert ((exact == 255) == theirs).mean() >= 0.98


def test_the_radius_is_that_of_gdal(ground):
    path, x, y = ground(120, 100)
    theirs = by_gdal(path, x, y, md=900, oz=1.75, cc=0)
    with demzip.open_terrain(path) as terrain:
        found = terrain.viewshed(x, y, radius=900, model="planes")
    assert found.visible.shape == theirs.shape == (61, 61)
    assert ((found.visible == 255) == theirs).mean() >= 0.9995
    assert found.count(255) < (found.visible != 127).sum() < 61 * 61
