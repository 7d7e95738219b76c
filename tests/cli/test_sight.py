"""demzip los and demzip viewshed: what they print and write, and what they refuse."""

import json

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

import demzip
from demzip.surface.methods import METHODS

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def ridge(tmp_path, monkeypatch):
    """A ridge of 60 m along x = -1010 between plains, and a void; 20 m to a sample."""
    monkeypatch.chdir(tmp_path)
    values = np.zeros((30, 40), "float32")
    values[:, 10] = 60
    values[5, 25] = -9999
    with rasterio.open(
        "ridge.tif", "w", driver="GTiff", height=30, width=40, count=1, dtype="float32",
        nodata=-9999, crs="EPSG:32633", transform=Affine(20, 0, -1220, 0, -20, 5000600),
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
    return tmp_path / "ridge.tif"


HERE, THERE = ("-1110", "5000290"), ("-710", "5000290")  # centres of samples, a row


def test_a_blocked_line_is_explained(ridge, run):
    result = run("los", ridge, *HERE, *THERE)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "not visible (bilinear): from 1.75 m above 0 m to 20 m above 0 m, 400.0 m away, flat earth"
    )
    assert lines[2].startswith("closest approach -53.688 m at 100.0 m, -1010.000 5000290.000: ")
    assert "ground 60.000 m, sight line 6.312 m" in lines[2]
    # From 1.75 m the line over the ridge rises by 58.25 m in 100 m; from 20 m by 40 m in 300 m.
    assert "the target needs 234.750 m above ground, or the observer 73.333 m" in lines[3]
    assert lines[1].startswith("blocked first    -")
    assert lines[4] == "other methods    all 15 say the same"


def test_json_says_everything(ridge, run):
    result = run("los", ridge, *HERE, *THERE, "--json", "--target", 250, "--refraction", 0.2)
    found = json.loads(result.stdout)
    assert found["visible"] is True
    assert found["first"] is None
    assert found["length"] == pytest.approx(400)
    assert found["refraction"] == 0.2
    assert found["lowest"]["distance"] == pytest.approx(100)
    assert found["clearance"] == found["lowest"]["line"] - found["lowest"]["ground"]
    assert found["clearance"] == pytest.approx((1.75 * 3 + 250) / 4 - 60 - 0.8 * 3e4 / 12756274)
    assert found["target"] == {
        "x": -710, "y": 5000290, "ground": 0, "height": 250,
        "needed": pytest.approx(234.75, abs=0.01),
    }  # fmt: skip
    assert list(found["methods"]) == list(METHODS)
    assert found["methods"]["bilinear"] == {"visible": True, "clearance": found["clearance"]}
    assert "bilinear" not in found["dissenting"]
    curved = run("los", ridge, *HERE, *THERE, "--json", "--curvature")
    assert json.loads(curved.stdout)["refraction"] == pytest.approx(1 / 7)


def test_methods_that_say_otherwise_are_named(ridge, run):
    """At 236 m the line passes 0.31 m above the posts; some surfaces overshoot between cells."""
    result = run("los", ridge, "-1110", "5000298", "-710", "5000293", "--target", 236)
    said = json.loads(
        run("los", ridge, "-1110", "5000298", "-710", "5000293", "--target", 236, "--json").stdout
    )
    table = run(
        "los", ridge, "-1110", "5000298", "-710", "5000293", "--target", 236, "--method", "all"
    ).stdout.splitlines()
    assert [line.split()[0] for line in table] == ["method", *METHODS]
    others = {line.split()[0] for line in table[1:] if "not visible" in line}
    assert result.stdout.startswith("visible (bilinear)")
    assert set(said["dissenting"]) == others != set()
    last = result.stdout.splitlines()[-1]
    assert last.startswith(f"other methods    {len(others)} of 15 say otherwise: ")
    for name in others:
        assert f"{name} not visible, {said['methods'][name]['clearance']:.3f} m" in last


def test_a_void_leaves_it_undecided(ridge, run):
    row = "5000490"
    result = run("los", ridge, "-910", row, "-510", row)
    assert result.stdout.startswith("undecided (bilinear)")
    assert "void             40" in result.stdout.replace("39.9", "40")
    said = json.loads(run("los", ridge, "-910", row, "-510", row, "--json").stdout)
    assert said["visible"] is None
    blocked = run("los", ridge, "-1110", row, "-510", row)
    assert blocked.stdout.startswith("not visible")
    assert "the target needs at least" in blocked.stdout


def test_los_refuses(ridge, run, assert_fails):
    assert_fails(run("los", ridge, *HERE, "0", "5000290"), 2, "target at 0.0", "outside")
    assert_fails(run("los", ridge, *HERE, "-710", "5000490"), 2, "target at", "void")
    assert_fails(run("los", ridge, *HERE, "east", "5000490"), 2, "X2 'east'", "must be a number")
    assert_fails(run("los", ridge, *HERE, *THERE, "--method", "guess"), 2, "guess", "bilinear")
    assert_fails(run("los", ridge, *HERE, *THERE, "--observer", "-1"), 2, "observer -1")
    assert_fails(run("los", ridge, *HERE, *THERE, "--refraction", "7"), 2, "refraction 7")
    assert_fails(run("los", ridge, *HERE, *THERE, "--step", "0"), 2, "step 0")
    assert_fails(run("los", ridge, *HERE, *THERE, "--crs", "EPSG:0"), 2, "EPSG:0")
    assert_fails(run("los", ridge, *HERE, *THERE, "--band", "2"), 2, "band")
    assert_fails(run("los", "no.tif", *HERE, *THERE), 1, "no.tif", "cannot be opened")
    assert run("los", ridge, *HERE, "1").exit_code == 2


def test_coordinates_that_lie_nowhere(ridge, run, assert_fails):
    """However large: no warning of NumPy's."""
    for far in ("1e308", "-1e308", "1e200"):
        for ends in ((far, far, far, far), (*HERE, far, far)):
            done = run("profile", ridge, *ends)
            assert_fails(done, 2, f"point {float(far)}", "check it, and the CRS")
            assert_fails(run("los", ridge, *ends), 2, "outside the raster")
        assert_fails(run("viewshed", ridge, far, far), 2, "outside the raster")


def test_viewshed_writes_what_is_seen(ridge, run, files):
    result = run("viewshed", ridge, *HERE, "-o", "seen.tif")
    assert result.exit_code == 0
    assert result.stdout == ""
    note, summary = result.stderr.splitlines()
    assert note == "demzip: note: seen.tif: 1 of 1200 samples are unknown (127)"
    with rasterio.open("seen.tif") as dataset:
        values = dataset.read(1)
        assert (dataset.shape, dataset.nodata, dataset.crs.to_epsg()) == ((30, 40), 127, 32633)
    assert (values[:, :11] == 255).all()
    assert (values[:, 11:] != 255).all()
    area = 30 * 11 * 400 / 1e6
    assert summary.startswith(f"demzip: seen.tif: {area:.4g} km2 seen, 27.52 % of what is known, ")
    assert "from 1.75 m above 0 m at -1110.000 5000290.000" in summary
    assert files() == ["ridge.tif", "seen.tif"]


def test_viewshed_options(ridge, run):
    """Of the target all is seen but what the void may hide: 28 samples."""
    arguments = ("viewshed", ridge, *HERE, "-f")
    for more, seen in (
        (("--radius", "100"), 81), (("--radius", "100", "--model", "planes"), 81),
        (("--target", "500"), 1171),
    ):  # fmt: skip
        assert run(*arguments, *more).exit_code == 0
        with rasterio.open("ridge.viewshed.tif") as dataset:
            assert (dataset.read(1) == 255).sum() == seen, more
    assert run(*arguments, "--observer", "5000", "--model", "planes").exit_code == 0
    with rasterio.open("ridge.viewshed.tif") as dataset:
        assert set(np.unique(dataset.read(1))) == {127, 255}, "from there nothing hides anything"


def test_viewshed_refuses(ridge, run, assert_fails, files):
    assert_fails(run("viewshed", ridge, "0", "0"), 2, "observer at 0.0 0.0", "outside the raster")
    assert_fails(run("viewshed", ridge, "-710", "5000490"), 2, "observer", "in a void")
    assert_fails(run("viewshed", ridge, *HERE, "--radius", "-5"), 2, "radius -5")
    assert_fails(run("viewshed", ridge, *HERE, "--model", "r3"), 2, "'r3'", "exact, planes")
    assert_fails(run("viewshed", ridge, *HERE, "-o", ridge), 2, "same file")
    assert files() == ["ridge.tif"]


def test_a_raster_that_lies_nowhere(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    with rasterio.open(
        "plain.tif", "w", driver="GTiff", height=8, width=9, count=1, dtype="uint8"
    ) as dataset:
        dataset.write(np.zeros((8, 9), "uint8"), 1)
    result = run("los", "plain.tif", "0.5", "0.5", "8.5", "7.5")
    assert result.stdout.startswith("visible")
    assert "x is the column and y the row" in result.stderr
    seen = run("viewshed", "plain.tif", "4.5", "4.5", "--radius", "2")
    assert seen.exit_code == 0
    note = "demzip: note: plain.tif: nothing says where it lies; x is the column and y the row, "
    assert seen.stderr.startswith(note)
    for command in (("los", "plain.tif", 1, 1, 20, 20), ("viewshed", "plain.tif", 20, 20, "-f")):
        words = run(*command).stderr
        assert "its own x are 0 to 9, its y 0 to 8; nothing says where it lies" in words


def test_a_place_outside_is_told_where_the_raster_is(ridge, run, assert_fails):
    own = "its own x are -1220 to -420, its y 5000000 to 5000600 (EPSG:32633)"
    words = f"the target at 0.0 0.0 is outside the raster; {own}"
    assert_fails(run("los", ridge, *HERE, 0, 0), 2, words)
    elsewhere = ("--crs", "EPSG:4326")
    words = f"at 7.0 46.0 (EPSG:4326) is outside the raster; {own}"
    assert_fails(run("los", ridge, 7, 46, 8, 46, *elsewhere), 2, f"the observer {words}")
    assert_fails(run("viewshed", ridge, 7, 46, *elsewhere), 2, f"the observer {words}")


def test_the_whole_earth_is_no_larger_than_it_is(tmp_path, monkeypatch, run):
    """From 10000 km above a flat one all of it is seen, each row with its own area: 510 Mkm2."""
    monkeypatch.chdir(tmp_path)
    with rasterio.open(
        "earth.tif", "w", driver="GTiff", height=180, width=360, count=1, dtype="int16",
        crs="EPSG:4326", transform=Affine(1, 0, -180, 0, -1, 90),
    ) as dataset:  # fmt: skip
        dataset.write(np.zeros((180, 360), "int16"), 1)
    with demzip.open_terrain("earth.tif") as terrain:
        shed = terrain.viewshed(7.5, 0.5, observer=1e7, model="planes")
        near = terrain.viewshed(7.5, 0.5, radius=1.2e5, model="planes")
    assert shed.share == 1
    assert shed.area == pytest.approx(510.0656e12, rel=1e-3)
    assert (shed.distorted, near.distorted) == (True, True)
    options = ("earth.tif", "7.5", "0.5", "--model", "planes", "--force")
    assert "metres per degree are used everywhere" in run("viewshed", *options).stderr
    assert "per degree" not in run("viewshed", *options, "--radius", 50000).stderr


def test_outputs_are_geotiffs_by_name(ridge, run, assert_fails, files):
    for name in ("x.png", "x", "x.tif.gz"):
        done = run("viewshed", ridge, *HERE, "-o", name)
        assert_fails(done, 2, name, "must end in .tif or .tiff")
    assert files() == ["ridge.tif"]
    assert run("viewshed", ridge, *HERE, "-o", "x.TIFF").exit_code == 0


def test_all_methods_only_where_there_is_room_for_them(ridge, run, assert_fails):
    for command in (("los", ridge, *HERE, *THERE), ("sample", ridge, *HERE)):
        assert_fails(run(*command, "-m", "guess"), 2, "'guess'", "biquintic-36, or all")
    profile = run("profile", ridge, *HERE, *THERE, "-m", "all")
    assert_fails(profile, 2, "--method all is for demzip sample and demzip los")
    assert_fails(run("interpolation-table", "-m", "all"), 2, "--method all: leave the option out")


def test_heights_in_feet_are_shown_in_metres(ridge, run):
    """The ridge is of 60 m = 196.85 ft."""
    in_metres = run("los", ridge, *HERE, *THERE, "--json")
    with rasterio.open(ridge, "r+") as dataset:
        values = dataset.read(1)
        dataset.write(np.where(values == 60, np.float32(60 / 0.3048), values), 1)
        dataset.set_band_unit(1, "ft")
    note = "its elevations are in units of 0.3048 m; heights here are metres"
    found = run("los", ridge, *HERE, *THERE, "--json")
    assert found.stderr == f"demzip: note: {ridge}: {note}\n"
    expected, said = json.loads(in_metres.stdout), json.loads(found.stdout)
    assert (expected["unit"], said["unit"]) == (1, 0.3048)
    assert said["clearance"] == pytest.approx(expected["clearance"], abs=1e-4)
    assert said["lowest"]["ground"] == pytest.approx(60, abs=1e-4)
    assert "ground 60.000 m" in run("los", ridge, *HERE, *THERE).stdout
    shed = run("viewshed", ridge, *HERE, "-o", "seen.tif")
    assert note in shed.stderr
    with rasterio.open("seen.tif") as dataset:
        assert (dataset.read(1)[:, 10] == 255).all()
