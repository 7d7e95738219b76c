"""Residuals sample by sample: those of a slow reference, and the figures of demzip entropy."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

import demzip
from demzip.errors import OptionsError
from demzip.io.comparison import compare_predictors
from demzip.io.residuals import check_predictors, open_residuals
from tests.terrain import relief

CORPUS = Path(__file__).resolve().parents[2] / "corpus"

MARGIN = 3  # samples beside a block's edge
# Kidner, Dorey & Smith (1999) [13] to [19]: twice the weights of W, N and NW.
LINEAR = {
    "jpeg1": (2, 0, 0), "jpeg2": (0, 2, 0), "jpeg3": (0, 0, 2), "jpeg4": (2, 2, -2),
    "jpeg5": (2, 1, -1), "jpeg6": (1, 2, -1), "jpeg7": (1, 1, 0),
}  # fmt: skip


def measure(path, name, **options):
    """Distribution and map of a predictor's residuals."""
    parts = []
    with open_residuals(path, **options) as source:
        found = source.measure(name, lambda top, values: parts.append((top, values.copy())))
        shape = source.shape
    ends = np.cumsum([values.shape[0] for _, values in parts]).tolist()
    assert [top for top, _ in parts] == [0, *ends[:-1]]
    whole = np.concatenate([values for _, values in parts])
    assert whole.shape == shape
    return found, whole


def expected(values, name):
    """Residuals of whole numbers inside a block, by the formula, rounded halves up.

    At its edges, where larger templates do not fit, all predictors are jpeg4.
    """
    rows, cols = len(values), len(values[0])
    found = {}
    for r in range(1, rows):
        for c in range(1, cols):
            inside = r >= MARGIN and MARGIN <= c < cols - MARGIN
            w, n, nw = LINEAR[name if inside else "jpeg4"]
            total = w * values[r][c - 1] + n * values[r - 1][c] + nw * values[r - 1][c - 1]
            found[r, c] = values[r][c] - (total + 1) // 2
    return found


@pytest.mark.parametrize("name", sorted(LINEAR))
def test_residuals_are_those_of_the_formula(tmp_path, name):
    values = relief(60, 47).astype("int16")
    demzip.compress(write(tmp_path / "a.tif", values), tmp_path / "a.dz")
    for path in (tmp_path / "a.tif", tmp_path / "a.dz"):
        found, whole = measure(path, name)
        for place, residual in expected(values.tolist(), name).items():
            assert whole[place] == residual, place
        assert np.isnan(whole[0, 0])
        assert np.isnan(whole).sum() == 1
        assert found.step == 1
        assert found.samples == 60 * 47 - 1


def write(path, values, **profile):
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype=values.dtype, transform=rasterio.transform.Affine(10, 0, 0, 0, -10, 0), **profile,
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
    return path


@pytest.mark.parametrize(
    ("raster", "name", "jobs"),
    [
        ("mountains_int16", "lagrange24", 1), ("mountains_int16", "jpeg4", 3),
        ("voids_int16", "jpeg4", 1), ("voids_int16", "neural", 1), ("voids_int16", "neural", 3),
        ("terraces_uint8", "lagrange24", 1), ("terraces_uint8", "neural", 1),
    ],
)  # fmt: skip
def test_figures_are_those_of_entropy(raster, name, jobs):
    path = CORPUS / f"{raster}.tif"
    found, whole = measure(path, name, jobs=jobs)
    (row,) = compare_predictors(path, [name]).rows
    assert found.counts.entropy == pytest.approx(row.entropy_bpe, abs=1e-12)
    assert found.zeros == row.within[0]
    assert (found.values[0], found.values[-1]) == pytest.approx(row.range)
    values, times = np.unique(whole[np.isfinite(whole)], return_counts=True)
    assert values == pytest.approx(found.values)
    assert times.tolist() == found.times.tolist()


@pytest.mark.parametrize("name", ["jpeg4", "neural"])
def test_residuals_lie_where_the_samples_are(name):
    path = CORPUS / "voids_int16.tif"
    with rasterio.open(path) as dataset:
        there = dataset.read(1) != dataset.nodata
    _, whole = measure(path, name)
    there[0, 0] = False
    assert (np.isfinite(whole) == there).all()


def test_large_residuals_of_the_network_lie_where_those_of_the_formula_do():
    """A spike of one sample is seen there, and in no other place."""
    values = np.rint(20 * relief(70, 60, noise=0.0)).astype("int16")
    values[40, 25] += 3000
    for name in ("jpeg4", "lagrange24", "neural"):
        with rasterio.MemoryFile() as memory:
            write(memory.name, values)
            _, whole = measure(memory.name, name)
        assert np.nanargmax(whole) == 40 * 60 + 25, name


def test_blocks_are_predicted_one_by_one(tmp_path):
    values = relief(600, 540).astype("int16")
    path = write(tmp_path / "a.tif", values)
    found, whole = measure(path, "jpeg4", jobs=2)
    assert found.blocks == 4
    assert np.argwhere(np.isnan(whole)).tolist() == [[0, 0], [0, 512], [512, 0], [512, 512]]
    assert whole[512, 1:5].tolist() == np.diff(values[512, :5].astype(int)).tolist()
    assert whole[513:515, 512].tolist() == np.diff(values[512:515, 512].astype(int)).tolist()


def test_steps_of_a_grid_and_scales_become_elevations(tmp_path):
    steps = relief(30, 40)
    path = write(tmp_path / "a.tif", (steps * 0.25).astype("float32"))
    found, whole = measure(path, "jpeg4")
    assert found.step == 0.25
    inner = steps[1:, 1:] - steps[1:, :-1] - steps[:-1, 1:] + steps[:-1, :-1]
    assert (whole[1:, 1:] == inner * 0.25).all()
    with rasterio.open(path, "r+") as dataset:
        dataset.scales = (10.0,)
    found, whole = measure(path, "jpeg4")
    assert found.step == 2.5
    assert (whole[1:, 1:] == inner * 2.5).all()


def test_true_floats_have_residuals_in_their_own_unit(tmp_path):
    rng = np.random.default_rng(3)
    values = (100 + 5 * rng.standard_normal((40, 50)).cumsum(axis=1)).astype("float32")
    path = write(tmp_path / "a.tif", values)
    found, whole = measure(path, "jpeg4")
    assert found.step is None
    exact = values.astype(float)
    inner = exact[1:, 1:] - exact[1:, :-1] - exact[:-1, 1:] + exact[:-1, :-1]
    assert whole[1:, 1:] == pytest.approx(inner, abs=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_the_smallest_rasters(tmp_path, shape):
    values = np.arange(max(shape), dtype="i2").reshape(shape)
    found, whole = measure(write(tmp_path / "a.tif", values), "lagrange24")
    assert found.samples == max(shape) - 1
    assert np.isnan(whole[0, 0])


def test_a_raster_of_voids_has_none(tmp_path):
    path = write(tmp_path / "a.tif", np.full((20, 20), -9, "i2"), nodata=-9)
    found, whole = measure(path, "jpeg4")
    assert found.samples == 0
    assert found.zeros == 0
    assert np.isnan(whole).all()


def test_names_are_checked():
    assert check_predictors(["jpeg4", "neural", "jpeg4"]) == ("jpeg4", "neural")
    with pytest.raises(OptionsError, match=r"unknown predictor 'auto'.*lagrange24"):
        check_predictors(["auto"])
    with pytest.raises(OptionsError, match="at least one"):
        check_predictors([])
    with (
        pytest.raises(OptionsError, match=r"mountains.*bands? 2"),
        open_residuals(CORPUS / "mountains_int16.tif", band=2),
    ):
        pass
