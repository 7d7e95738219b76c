"""demzip entropy: its figures are those of an independent computation in NumPy."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

import demzip
import demzip.codec  # before jit is patched: kernels are set up when they are imported
from demzip.codec import neural
from demzip.predict.templates import PREDICTORS
from demzip.scan.neural.shipped import shipped

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "corpus"
JSON_RESULT = {"name", "entropy_bpe", "corrections", "range", "within", "coded_bpe", "bytes"}

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def entropy_of(corrections):
    _, counts = np.unique(corrections, return_counts=True)
    share = counts / counts.sum()
    return -(share * np.log2(share)).sum()


def linear_corrections(values):
    """Corrections of W + N - NW; W in the first row, N in the first column, no first sample."""
    values = values.astype(np.int64)
    inner = values[1:, 1:] - values[1:, :-1] - values[:-1, 1:] + values[:-1, :-1]
    return np.concatenate([inner.ravel(), np.diff(values[0]), np.diff(values[:, 0])])


@pytest.mark.parametrize(
    ("name", "steps"),
    [("coast_int16", 1), ("mountains_int16", 1), ("lidar_cm_float32", 100), ("terraces_uint8", 1)],
)
def test_linear_entropies_are_those_of_numpy(name, steps, run):
    """Steps per unit: terraces are coded as ranks of their levels but counted in metres."""
    with rasterio.open(CORPUS / f"{name}.tif") as dataset:
        values = dataset.read(1)
        assert dataset.nodata is None or not (values == dataset.nodata).any()
    expected = linear_corrections(np.rint(values.astype(float) * steps))
    result = run("entropy", CORPUS / f"{name}.tif", "-p", "jpeg4", "--json")
    (found,) = json.loads(result.stdout)["predictors"]
    assert found["entropy_bpe"] == pytest.approx(entropy_of(expected), abs=1e-9)
    assert found["corrections"] == np.unique(expected).size
    assert found["range"] == pytest.approx([expected.min() / steps, expected.max() / steps])
    for limit, share in found["within"].items():
        assert share == pytest.approx((np.abs(expected) <= int(limit) * steps).mean())


@pytest.fixture
def two_bands(tmp_path):
    """A band of whole numbers, and one of floats in 1 .. 2 that all are 2**-23 apart."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:150, :130]
    ground = 1.5 + 0.2 * np.sin(x / 40) * np.cos(y / 30) + 1e-5 * rng.standard_normal(x.shape)
    whole = np.rint(100 * ground)
    path = tmp_path / "two.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=150, width=130, count=2, dtype="float32"
    ) as dataset:
        dataset.write(np.stack([whole, ground]).astype("float32"))
    return path, whole, ground.astype("float32").astype(float)


def test_corrections_of_true_floats_are_counted_in_floats(two_bands, run):
    path, _, values = two_bands
    table = json.loads(
        run("entropy", path, "--band", 2, "-p", "jpeg4", "-p", "lagrange12", "--json").stdout
    )
    (found,) = (row for row in table["predictors"] if row["name"] == "jpeg4")
    floats = linear_corrections(np.rint(values * 2**23))
    assert found["entropy_bpe"] == pytest.approx(entropy_of(floats), abs=1e-9)
    assert found["corrections"] == np.unique(floats).size
    assert found["range"] == pytest.approx([floats.min() / 2**23, floats.max() / 2**23])
    assert found["within"]["0"] == pytest.approx((floats == 0).mean())
    assert found["within"]["1"] == 1
    about = table["raster"]
    assert about["step"] is None
    assert (about["band"], about["bands"], about["raw_bytes"]) == (2, 2, 4 * 150 * 130)
    assert about["valid"] == about["samples"] == 150 * 130


def test_missing_true_floats_are_left_out(two_bands, run):
    path, _, values = two_bands
    values[40:60, 50:90] = -9999
    with rasterio.open(path, "r+") as dataset:
        dataset.nodata = -9999
        dataset.write(values.astype("float32"), 2)
    table = json.loads(run("entropy", path, "--band", 2, "-p", "jpeg1", "--json").stdout)
    assert table["raster"]["valid"] == 150 * 130 - 800
    low, high = table["predictors"][0]["range"]
    assert -1 < low < 0 < high < 1


def test_bands_are_told_apart(two_bands, run, assert_fails):
    path, whole, _ = two_bands
    first = json.loads(run("entropy", path, "-p", "jpeg4", "--json").stdout)
    found = first["predictors"][0]["entropy_bpe"]
    assert found == pytest.approx(entropy_of(linear_corrections(whole)), abs=1e-9)
    shown = run("entropy", path, "--band", 2).stdout
    assert shown.startswith(f"{path}, band 2: 150 x 130, float32")
    assert_fails(run("entropy", path, "--band", 3), 2, "two.tif", "bands 1 to 2")
    assert_fails(run("entropy", path, "--band", 0), 2, "two.tif")


def test_lagrange_entropy_is_near_that_of_plain_least_squares(run):
    """Weights of the 12-point predictor by NumPy's least squares on differences to W."""
    with rasterio.open(CORPUS / "mountains_int16.tif") as dataset:
        z = dataset.read(1).astype(float)
    rows, cols = z.shape
    cells = [(0, -2), *((-r, c) for r in (1, 2) for c in range(-2, 3))]
    inner = z[3 : rows - 3, 3 : cols - 3]
    west = z[3 : rows - 3, 2 : cols - 4]
    near = np.stack(
        [(z[3 + r : rows - 3 + r, 3 + c : cols - 3 + c] - west).ravel() for r, c in cells], axis=1
    )
    target = (inner - west).ravel()
    weights = np.linalg.lstsq(near, target, rcond=None)[0]
    expected = entropy_of(np.rint(target - near @ weights))
    result = run("entropy", CORPUS / "mountains_int16.tif", "-p", "lagrange12", "--json")
    (found,) = json.loads(result.stdout)["predictors"]
    assert found["entropy_bpe"] == pytest.approx(expected, abs=0.05)


def test_missing_samples_are_left_out(run):
    with rasterio.open(CORPUS / "voids_int16.tif") as dataset:
        values, nodata = dataset.read(1), dataset.nodata
    table = json.loads(run("entropy", CORPUS / "voids_int16.tif", "-p", "jpeg1", "--json").stdout)
    assert table["raster"]["valid"] == (values != nodata).sum() < values.size
    low, high = table["predictors"][0]["range"]
    assert -3000 < low < 0 < high < 3000, "no correction reaches to the no-data value"


def test_entropy_as_json(tile, run):
    result = run("entropy", tile, "--all-predictors", "--json")
    table = json.loads(result.stdout)
    assert result.stderr == ""
    rows = table["predictors"]
    assert sorted(row["name"] for row in rows) == sorted([*PREDICTORS, "neural"])
    assert [row["bytes"] for row in rows] == sorted(row["bytes"] for row in rows)
    assert table["best"] == rows[0]["name"]
    assert table["raster"]["rows"] == 203
    for row in rows:
        assert row.keys() == JSON_RESULT
        assert row["within"].keys() == {"0", "1", "2", "5"}
        assert row["coded_bpe"] == 8 * row["bytes"] / (203 * 310)
        demzip.compress(tile, "x.dz", predictor=row["name"], overwrite=True)
        assert row["bytes"] == Path("x.dz").stat().st_size
    demzip.decompress("x.dz")
    assert table["geotiff"]["bytes"] == pytest.approx(Path("x.tif").stat().st_size, rel=0.01)


def test_entropy_as_table(tile, run):
    result = run("entropy", tile)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert sum("lagrange24" in line or "jpeg4" in line for line in lines) == 2
    assert sum(" * " in line for line in lines) == 1
    assert any("GeoTIFF DEFLATE" in line for line in lines)
    assert "\x1b" not in result.stdout
    assert "..." not in result.stdout, "no cell is cut off"


def test_entropy_of_chosen_predictors(tile, run, assert_fails):
    result = run("entropy", tile, "-p", "jpeg2", "-p", "lagrange3", "-p", "jpeg2", "--json")
    names = [row["name"] for row in json.loads(result.stdout)["predictors"]]
    assert sorted(names) == ["jpeg2", "lagrange3"]
    assert_fails(run("entropy", tile, "-p", "jpeg9"), 2, "jpeg9", "lagrange24")


def test_corrections_of_neural(tile, run):
    """They are counted from where the network expects samples, which is near the best weights."""
    result = run("entropy", tile, "-p", "neural", "-p", "lagrange24", "--json")
    rows = {row["name"]: row for row in json.loads(result.stdout)["predictors"]}
    assert abs(rows["neural"]["entropy_bpe"] - rows["lagrange24"]["entropy_bpe"]) < 0.2
    assert rows["neural"]["bytes"] <= rows["lagrange24"]["bytes"]


def test_fitted_networks_have_rows_of_their_own(tile, run, monkeypatch, assert_fails):
    """Fitting is asked for by its options, once; here a network of other numbers is its result."""
    called = []

    def fitted(_known, base, options, _progress):
        called.append((base is None, options.steps))
        return base or shipped(1)

    monkeypatch.setattr(neural, "fit_network", fitted)
    result = run("entropy", tile, "-p", "neural", "--steps", 30, "--json")
    names = [row["name"] for row in json.loads(result.stdout)["predictors"]]
    assert sorted(names) == ["neural", "neural --fit"]
    assert called == [(False, 30), (True, 30)]
    failed = run("entropy", tile, "-p", "jpeg4", "--fit")
    assert_fails(failed, 2, "jpeg4", "-p neural and -p implicit")
    assert_fails(run("entropy", tile, "-p", "neural", "--depth", 3), 2, "--depth", "implicit")
