"""Networks on the command line: -p implicit, --fit and what goes with them."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

import demzip
from demzip.predict.templates import PREDICTORS

FAST = ("--steps", 3, "--width", 16, "--depth", 2, "--fourier-scale", 1.5, "--device", "cpu")

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Two bands and a mask, alone in the working folder."""
    monkeypatch.chdir(tmp_path)
    rows, cols = np.indices((40, 50))
    values = np.stack([rows * cols // 9, rows + 3 * cols]).astype(np.int16)
    profile = {"driver": "GTiff", "count": 2, "height": 40, "width": 50, "dtype": "int16"}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open("s.tif", "w", **profile) as to:
        to.write(values)
        to.write_mask(rows > 3)
    return Path("s.tif")


def test_compress_and_info(small, run):
    done = run("compress", small, "-p", "implicit", *FAST, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["predictor"], found["verified"]) == ("implicit", True)
    assert run("verify", "s.dz", small).exit_code == 0
    bands = json.loads(run("info", "s.dz", "--json").stdout)["bands"]
    assert {band["network"] for band in bands} == {"128 features, 2 layers of 16"}
    assert "2 layers of 16" in run("info", "s.dz").stdout
    assert run("decompress", "s.dz", "-o", "back.tif").exit_code == 0
    with rasterio.open("back.tif") as back, rasterio.open(small) as original:
        assert np.array_equal(back.read(), original.read())
        assert np.array_equal(back.dataset_mask(), original.dataset_mask())
    with demzip.open("s.dz") as dem:
        assert dem.predictor == "implicit"
        part = dem.read(2, window=((5, 9), (7, 30)))
        assert np.array_equal(part, dem.read(2)[5:9, 7:30])


def test_other_predictors_have_no_network(small, run):
    run("compress", small)
    (band, _) = json.loads(run("info", "s.dz", "--json").stdout)["bands"]
    assert band["network"] is None
    assert "network" not in run("info", "s.dz").stdout


def test_entropy(small, run):
    done = run("entropy", small, "--all-predictors", "--fit", *FAST, "--json")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["predictors"]
    names = (*PREDICTORS, "neural", "neural --fit", "implicit")
    assert sorted(row["name"] for row in rows) == sorted(names)
    done = run("entropy", small, "--band", 2, "-p", "implicit", *FAST, "--json")
    (row,) = json.loads(done.stdout)["predictors"]
    with rasterio.open(small) as dataset:
        values = dataset.read(2)
    assert row["range"][0] < 0 < row["range"][1]
    assert row["coded_bpe"] == 8 * row["bytes"] / values.size


def test_corrections_are_those_of_departures(small, run):
    """One row of cells is predicted from the west: differences of departures."""
    with rasterio.open(small) as dataset:
        values = np.full((1, 50), 0, np.int16) + dataset.read(1)[20]
    with rasterio.open(
        "row.tif", "w", driver="GTiff", count=1, height=1, width=50, dtype="int16"
    ) as to:
        to.write(values, 1)
    run("compress", "row.tif", "-p", "implicit", *FAST)
    done = run("entropy", "row.tif", "-p", "implicit", *FAST, "--json")
    (row,) = json.loads(done.stdout)["predictors"]
    data = Path("row.dz").read_bytes()
    decoder = demzip.codec.open_bytes(data)
    surface = decoder.planes[0].surface
    steps = np.diff(values[0] - surface.draw(decoder.grid.box(0))[0])
    assert row["corrections"] == np.unique(steps).size
    assert row["range"] == [steps.min(), steps.max()]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--steps", 5), ("lagrange24", "-p implicit")),
        (("--fit", "-p", "auto"), ("auto", "-p implicit")),
        (("-p", "implicit", "--device", "tpu"), ("tpu", "auto, cpu, gpu")),
        (("-p", "implicit", "--steps", 0), ("steps 0",)),
        (("-p", "implicit", "--width", 500), ("width 500", "128")),
        (("-p", "implicit", "--fourier-scale", -1), ("scale -1",)),
    ],
)
def test_wrong_options(small, run, assert_fails, options, words):
    assert_fails(run("compress", small, *options), 2, *words)
    assert not Path("s.dz").exists()


def test_without_jax(small, run, assert_fails, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    failed = run("compress", small, "-p", "implicit")
    assert_fails(failed, 1, "JAX", "pip install demzip[neural]")
    assert run("compress", small).exit_code == 0


def test_only_training_imports_jax(small, process):
    """Neither compressing with other predictors nor decompressing a surface waits for it."""
    watch = "import atexit, sys; atexit.register(lambda: print('jax' in sys.modules))"
    assert process("compress", small, "-p", "implicit", *FAST, code=watch).stdout == "True\n"
    assert process("decompress", "s.dz", "-o", "x.tif", code=watch).stdout == "False\n"
    assert process("compress", small, "-f", code=watch).stdout == "False\n"


def test_true_floats(small, run, assert_fails):
    with rasterio.open(small) as dataset:
        values = np.sqrt(dataset.read(1).astype(np.float32))
    with rasterio.open(
        "f.tif", "w", driver="GTiff", count=1, height=40, width=50, dtype="float32"
    ) as to:
        to.write(values, 1)
    assert_fails(run("compress", "f.tif", "-p", "implicit", *FAST), 4, "lagrange24")


def test_help_says_where_they_are_for(process):
    shown = re.sub(r"\s+", " ", process("compress", "--help").stdout)
    for word in ("--fit", "--steps", "--fourier-scale", "implicit"):
        assert word in shown
