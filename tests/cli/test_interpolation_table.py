"""demzip interpolation-table."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio

import demzip
from demzip.surface.comparison.table import compare_on_functions
from demzip.surface.methods import METHODS

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "corpus"
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

TWO = ("-m", "bilinear", "-m", "level-nearest")
SCORE = {"method", "mean", "variance", "rmse", "max", "rank"}
CASE = {"surface", "spacing", "rows", "cols", "points", "left_out", "scores"}


def write(path, values, **profile):
    rows, cols = values.shape
    about = {"driver": "GTiff", "height": rows, "width": cols, "count": 1, "dtype": values.dtype}
    with rasterio.open(path, "w", **(about | profile)) as dataset:
        dataset.write(values, 1)
    return path


def rows_of(text, title):
    """Cells of the table below a line that begins with `title`."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(title):
            break
    found = []
    for line in lines:
        if line[:1] not in {"|", "+"}:
            break
        if line.startswith("|"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def test_functions_as_json_are_those_of_the_library(run):
    result = run("interpolation-table", "--grid", 6, "--grid", 9, *TWO, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    table = compare_on_functions([6, 9], ["bilinear", "level-nearest"])
    assert found["kind"] == "functions"
    assert [case.keys() for case in found["cases"]] == [CASE] * 12
    for case, mine in zip(found["cases"], table.cases, strict=True):
        assert (case["surface"], case["spacing"]) == (mine.surface, mine.spacing)
        assert (case["rows"], case["cols"]) == mine.shape
        assert (case["points"], case["left_out"]) == (mine.points, 0)
        for score, known in zip(case["scores"], mine.scores, strict=True):
            assert score.keys() == SCORE
            assert score["variance"] == known.variance == pytest.approx(score["rmse"] ** 2)
            assert (score["max"], score["mean"]) == (known.maximum, known.mean)
    assert found["best"] == "bilinear"
    assert [row["name"] for row in found["methods"]] == ["bilinear", "level-nearest"]
    assert [row["mean_rank"] for row in found["methods"]] == [1, 2]
    assert len(found["correlations"]["surfaces"]) == 15
    assert found["correlations"]["spacings"] == [{"first": "6", "second": "9", "rho": 1.0}]
    assert found["correlations"]["functions"] is None


def test_functions_as_tables(run):
    result = run("interpolation-table", "--grid", 6, "--grid", 9)
    assert result.exit_code == 0
    assert "..." not in result.stdout
    assert "\x1b" not in result.stdout
    for title in ("grid of 6 x 6, 2565 points", "grid of 9 x 9, 6480 points"):
        head, *rows = rows_of(result.stdout, title)
        assert head == ["method", *NAMES, "mean rank"]
        assert {row[0] for row in rows} == set(METHODS)
        assert [float(row[-1]) for row in rows] == sorted(float(row[-1]) for row in rows)
        assert all(float(cell) > 0 for row in rows for cell in row[1:])
    head, *rows = rows_of(result.stdout, "mean ranks")
    assert head == ["method", *NAMES, "all"]
    assert len(rows) == len(METHODS)


NAMES = ["exponential", "cliff", "saddle", "gentle", "steep", "sphere"]


def test_raster_and_its_compressed_file_give_the_same(tile, packed, run):
    one, other = (
        json.loads(run("interpolation-table", path, "--factor", 3, *TWO, "--json").stdout)
        for path in (tile, packed)
    )
    assert one["cases"][0].pop("surface") == str(tile)
    assert other["cases"][0].pop("surface") == str(packed)
    assert one == other
    assert one["kind"] == "rasters"
    assert one["correlations"]["functions"] == pytest.approx(1)
    (case,) = one["cases"]
    assert (case["rows"], case["cols"], case["spacing"]) == (68, 104, 3)
    assert case["points"] == 202 * 310 - 68 * 104


def test_raster_as_tables(tile, run):
    result = run("interpolation-table", tile)
    for title in (f"{tile}, factor 3: 68 x 104 posts", f"{tile}, factor 5: 41 x 62 posts"):
        head, *rows = rows_of(result.stdout, title)
        assert head == ["method", "rmse", "mean", "max", "rank"]
        assert [float(row[1]) for row in rows] == sorted(float(row[1]) for row in rows)
        assert all(float(row[3]) >= float(row[1]) > 0 for row in rows)
    head, *rows = rows_of(result.stdout, "mean ranks")
    assert head == ["method", "factor 3", "factor 5", "all"]
    assert "rank correlation between factors: median" in result.stdout
    assert "rank correlation with the test functions: " in result.stdout


def test_several_rasters(tile, run):
    other = shutil.copy(CORPUS / "lakes_int16.tif", "lakes.tif")
    result = run("interpolation-table", tile, other, tile, "--factor", 4, *TWO)
    head, *rows = rows_of(result.stdout, "2 rasters, factor 4")
    assert head == ["method", "rmse / best", "first", "mean rank"]
    assert rows[0] == ["bilinear", "1.0000", "2", "1"]
    assert float(rows[1][1]) > 1
    assert "rank correlation between rasters: median 1.00" in result.stdout


def test_scale_offset_nodata_and_bands(tmp_path, run):
    """Heights in the units of the raster, voids left out, the band that is named."""
    rng = np.random.default_rng(5)
    steps = np.cumsum(rng.integers(-9, 10, (40, 50)), axis=1).astype("int16")
    path = tmp_path / "two.tif"
    values = np.stack([np.zeros_like(steps), steps])
    values[1, 7, 8] = -999
    with rasterio.open(
        path, "w", driver="GTiff", height=40, width=50, count=2, dtype="int16", nodata=-999
    ) as dataset:
        dataset.write(values)
        dataset.scales, dataset.offsets = (1, 0.1), (0, 1000)
    arguments = ("interpolation-table", path, "--band", 2, "--factor", 3, "-m", "bilinear")
    (case,) = json.loads(run(*arguments, "--json").stdout)["cases"]
    plain = write(tmp_path / "plain.tif", steps, nodata=-999)
    arguments = ("interpolation-table", plain, "--factor", 3, "-m", "bilinear")
    (known,) = json.loads(run(*arguments, "--json").stdout)["cases"]
    assert (case["left_out"], known["left_out"]) == (1, 0)
    # One height fewer, of 1683, which is a tenth as large.
    assert case["scores"][0]["rmse"] == pytest.approx(known["scores"][0]["rmse"] / 10, rel=0.01)


def test_inner_cells_only(tile, run):
    arguments = ("interpolation-table", tile, "--factor", 3, "-m", "bilinear", "--json")
    whole, inner = (json.loads(run(*arguments, *more).stdout) for more in ((), ("--inner",)))
    assert inner["cases"][0]["points"] == (61 * 3 + 1) * (97 * 3 + 1) - 62 * 98
    assert inner["cases"][0]["points"] < whole["cases"][0]["points"]


def test_level_ground_has_no_best_by_more_than_rounding(tmp_path, run):
    path = write(tmp_path / "level.tif", np.full((30, 30), 7, np.uint8))
    found = json.loads(run("interpolation-table", path, "--factor", 3, "--json").stdout)
    assert {row["mean_rank"] for row in found["methods"]} == {(1 + len(METHODS)) / 2}
    assert found["correlations"]["functions"] == "nan"
    assert run("interpolation-table", path, "--factor", 3, *TWO).exit_code == 0


def test_one_method_has_no_rank_among_others(tile, run):
    result = run("interpolation-table", tile, "--factor", 7, "-m", "bilinear")
    (head, row) = rows_of(result.stdout, f"{tile}, factor 7")
    assert (head[0], row[0], row[-1]) == ("method", "bilinear", "1")
    assert "correlation" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-m", "cubic"], ["cubic", "bicubic-16"]),
        (["--grid", 5], ["grid of 5 posts", "6 to 257"]),
        (["--grid", 258], ["258"]),
        (["--factor", 3], ["--factor", "name one"]),
        (["--jobs", -1], ["jobs -1"]),
        (["tile.tif", "--factor", 1], ["factor 1", "2 to 64"]),
        (["tile.tif", "--factor", 65], ["factor 65"]),
        (["tile.tif", "--factor", 50], ["tile.tif", "5 x 7 posts of 203 x 310", "smaller factor"]),
        (["tile.tif", "--factor", 3, "--factor", 50], ["tile.tif", "factor 50"]),
        (["tile.tif", "--grid", 11], ["--grid", "--factor"]),
        (["tile.tif", "--band", 2], ["tile.tif", "band"]),
        (["tile.tif", "--band", 0], ["tile.tif", "band"]),
        (["-"], ["-"]),
    ],
)
@pytest.mark.usefixtures("tile")
def test_wrong_usage(arguments, words, run, assert_fails):
    assert_fails(run("interpolation-table", *arguments), 2, *words)


def test_files_that_cannot_be_read(packed, run, assert_fails):
    assert_fails(run("interpolation-table", "no.tif"), 1, "no.tif", "cannot be opened")
    Path("text.tif").write_text("no raster")
    assert_fails(run("interpolation-table", "text.tif"), 2, "text.tif")
    damaged = bytearray(packed.read_bytes())
    damaged[len(damaged) // 2] ^= 255
    packed.write_bytes(damaged)
    assert_fails(run("interpolation-table", packed), 3, "tile.dz")


def test_rasters_without_heights(tmp_path, run, assert_fails):
    path = write(tmp_path / "void.tif", np.full((40, 40), np.nan, np.float32))
    assert_fails(run("interpolation-table", path), 1, "void.tif", "nothing to compare")
    one = write(tmp_path / "one.tif", np.full((1, 1), 3, np.int16))
    assert_fails(run("interpolation-table", one), 2, "one.tif", "1 x 1 samples")


def test_raster_need_not_be_georeferenced(tmp_path, run):
    values = np.random.default_rng(1).standard_normal((30, 40)).astype(np.float32)
    values[4, 4] = np.inf
    path = write(tmp_path / "plain.tif", values)
    found = json.loads(run("interpolation-table", path, "--factor", 3, *TWO, "--json").stdout)
    assert found["cases"][0]["left_out"] == 1
    demzip.compress(path)
    turned = rasterio.Affine(1, 0.5, 4000, -0.5, 1, 5000)
    path = write(tmp_path / "turned.tif", values, transform=turned, crs="EPSG:32632")
    other = json.loads(run("interpolation-table", path, "--factor", 3, *TWO, "--json").stdout)
    assert other["cases"][0]["scores"] == found["cases"][0]["scores"]
