"""demzip implicit: files, grids, messages."""

import json
import re
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

import demzip
from demzip.io.region import cell_weights
from tests.golden.approximation import FILE

FAST = (
    "--steps", 4, "--features", 4, "--width", 4, "--depth", 1, "--batch", 64, "--report", 2,
    "--device", "cpu",
)  # fmt: skip


def from_origin(west, north, across, down):
    return Affine(across, 0.0, west, 0.0, -down, north)


SQUARE = {
    "type": "Polygon",
    "coordinates": [[[9.0, 46.9], [9.03, 46.9], [9.03, 47.0], [9.0, 47.0], [9.0, 46.9]]],
}


@pytest.fixture
def drawing(tmp_path, monkeypatch):
    """An approximation that nobody trained, alone in the working folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(FILE, "a.dz"))


def test_fit_info_and_render(ground, run):
    done = run("implicit", "fit", ground, *FAST)
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert [line[: line.index(":", 8)] for line in lines] == [
        "demzip: step 2", "demzip: step 4", "demzip: g.approx.dz",
    ]  # fmt: skip
    assert re.search(r"approximate: mean error [\d.]+.* in 2365 cells", lines[-1])
    shown = json.loads(run("info", "g.approx.dz", "--json").stdout)
    assert (shown["approximate"], shown["rows"], shown["cols"]) == (True, 40, 60)
    assert (shown["cells"], shown["units"], shown["nodata"]) == (2365, "m", -9999.0)
    assert shown["parameters"] == 4 * 9 + 5
    assert shown["bytes"] == Path("g.approx.dz").stat().st_size < 1200
    text = run("info", "g.approx.dz").stdout
    assert "an approximation, not the values" in text
    assert "4 features, 1 layers of 4: 41 parameters" in text

    assert run("implicit", "render", "g.approx.dz", "-o", "r.tif").exit_code == 0
    with rasterio.open("r.tif") as back, rasterio.open(ground) as original:
        assert (back.crs, back.transform) == (original.crs, original.transform)
        assert (back.shape, back.dtypes, back.nodata) == (original.shape, ("float32",), None)
        assert back.units == ("m",)
        assert "not the values" in back.tags()["APPROXIMATION"]
        drawn, values = back.read(1), original.read(1)
    errors = np.abs(drawn - values)[values != -9999]
    np.testing.assert_allclose(shown["mean_error"], errors.mean(), rtol=1e-4)
    np.testing.assert_allclose(shown["largest_error"], errors.max(), rtol=1e-4)


def test_dz_files_are_fitted_too(ground, run):
    demzip.compress(ground)
    for name in (ground, "g.dz"):
        done = run("implicit", "fit", name, "--steps", 1, *FAST[2:], "-o", f"{name}.x.dz")
        assert done.exit_code == 0, done.output
    assert Path("g.tif.x.dz").read_bytes() == Path("g.dz.x.dz").read_bytes()


def test_snapshots_and_animation(ground, run, assert_fails, monkeypatch):
    options = (*FAST, "--learning-rate", 0.5, "--every", 2, "--snapshots", "deep/steps")
    assert run("implicit", "fit", ground, *options).exit_code == 0
    names = sorted(path.name for path in Path("deep/steps").iterdir())
    assert names == ["step-0000002.tif", "step-0000004.tif"]
    with rasterio.open("deep/steps/step-0000004.tif") as last:
        assert last.tags()["STEP"] == "4"
        drawn = last.read(1)
    run("implicit", "render", "g.approx.dz", "-o", "r.tif")
    with rasterio.open("r.tif") as back:
        assert np.array_equal(back.read(1), drawn)
    assert_fails(run("implicit", "fit", ground, *options), 2, "has snapshots already", "-f")
    shutil.copy("deep/steps/step-0000004.tif", "deep/steps/step-0000009.tif")
    assert run("implicit", "fit", ground, *options, "-f").exit_code == 0
    assert sorted(path.name for path in Path("deep/steps").iterdir()) == names

    done = run("implicit", "animate", "deep/steps", "-o", "x.gif", "--rate", 10)
    assert done.exit_code == 0, done.output
    from PIL import Image  # noqa: PLC0415  of an extra

    with Image.open("x.gif") as gif:
        assert (gif.n_frames, gif.size, gif.info["duration"]) == (2, (60, 40), 100)
        assert len(np.unique(np.asarray(gif))) > 3
    assert_fails(run("implicit", "animate", "deep/steps", "-o", "x.gif"), 2, "exists already")
    assert_fails(run("implicit", "animate", "deep", "-o", "y.gif"), 2, "no snapshots")
    assert_fails(run("implicit", "animate", "deep/steps", "-o", "y.avi"), 2, ".gif or .mp4")
    for rate in (0, 0.001, 51, "nan"):
        for name in ("y.gif", "y.mp4"):
            failed = run("implicit", "animate", "deep/steps", "-o", name, "--rate", rate)
            assert_fails(failed, 2, "rate", "0.1 to 50")
    both = ("--azimuth", 90, "--multidirectional")
    assert_fails(run("implicit", "animate", "deep/steps", "-o", "y.gif", *both), 2, "lights")
    assert_fails(run("implicit", "animate", "none", "-o", "y.gif"), 1, "none: there is no such")
    assert_fails(run("implicit", "animate", ground, "-o", "y.gif"), 1, "is not a folder")
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert_fails(run("implicit", "animate", "deep/steps", "-o", "y.gif"), 1, "demzip[plot]")
    monkeypatch.setenv("PATH", "")
    assert_fails(run("implicit", "animate", "deep/steps", "-o", "y.mp4"), 1, "ffmpeg")
    assert not {path.name for path in Path().iterdir()} & {"y.gif", "y.mp4", "y.avi"}


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_film(drawing, run, assert_fails):
    """Sides that are odd, too."""
    Path("steps").mkdir()
    for step in (1, 2, 3):
        run("implicit", "render", drawing, "-o", f"steps/step-{step}.tif")
    done = run("implicit", "animate", "steps", "-o", "x.mp4", "--multidirectional")
    assert done.exit_code == 0, done.output
    assert "3 frames" in done.stderr
    assert Path("x.mp4").read_bytes()[4:8] == b"ftyp"
    run("implicit", "render", drawing, "-o", "steps/step-4.tif", "--scale", 2)
    assert_fails(run("implicit", "animate", "steps", "-o", "y.mp4"), 2, "another size")
    assert not Path("y.mp4").exists()


@pytest.fixture
def rendered(drawing, run):
    """Draws it."""
    return partial(_render, run, drawing)


def _render(run, drawing, *options):
    done = run("implicit", "render", drawing, "-o", "out.tif", "-f", *options)
    assert done.exit_code == 0, done.output
    with rasterio.open("out.tif") as back:
        return back.read(1), back.transform


@pytest.mark.parametrize(
    ("options", "shape", "rows", "cols", "corner", "cell"),
    [
        ((), (41, 57), (0, 1), (0, 1), (500, 9000.5), 30),
        (("--scale", 2), (82, 114), (-0.25, 0.5), (-0.25, 0.5), (500, 9000.5), 15),
        (("--resolution", 60), (20, 28), (0.5, 2), (0.5, 2), (500, 9000.5), 60),
        (("--window", 3, 5.5, 8, 6, "--shape", "16x12"), (16, 12), (2.75, 0.5), (5.25, 0.5),
         (665, 8910.5), 15),
        (("--bounds", 560, 8700.5, 710, 8940.5), (8, 5), (2, 1), (2, 1), (560, 8940.5), 30),
    ],
)  # fmt: skip
def test_grids(drawing, rendered, options, shape, rows, cols, corner, cell):
    """Elevations are those at the centres of the cells that the transform tells."""
    drawn, transform = rendered(*options)
    assert drawn.shape == shape
    np.testing.assert_allclose(transform[:6], [cell, 0, corner[0], 0, -cell, corner[1]])
    down, across = (
        first + step * np.arange(count)
        for (first, step), count in zip((rows, cols), shape, strict=True)
    )
    surface = demzip.open_implicit(drawing).surface
    np.testing.assert_allclose(drawn, surface.elevations(down, across), rtol=1e-6)


def test_large_grids_are_drawn_in_parts(rendered):
    whole, _ = rendered("--scale", 20, "-j", 3)
    assert whole.shape == (820, 1140)
    part, _ = rendered("--window", 20, 20, 10, 10, "--scale", 20)
    assert np.array_equal(part, whole[400:600, 400:600])


def test_dtypes(rendered, run, assert_fails):
    floats, _ = rendered("--dtype", "float64")
    shorts, _ = rendered("--dtype", "int16")
    assert (floats.dtype, shorts.dtype) == (np.float64, np.int16)
    assert np.array_equal(np.rint(floats), shorts)
    assert np.unique(floats % 1).size > 2
    failed = run("implicit", "render", "a.dz", "-o", "x.tif", "--dtype", "uint8")
    assert_fails(failed, 2, "uint8", "int16")


def test_library(drawing):
    found = demzip.open_implicit(drawing)
    assert (found.shape, found.errors.mean) == ((41, 57), 1.5)
    assert "'a.dz': 41 x 57 cells" in repr(found)
    with pytest.raises(demzip.UnsupportedError, match=r"demzip\.open_implicit"):
        demzip.open(drawing)
    assert found.bounds == (500.0, 9000.5 - 41 * 30, 500.0 + 57 * 30, 9000.5)
    assert np.array_equal(found.read(), found.surface.elevations(np.arange(41.0), np.arange(57.0)))
    assert found.read(found.picture(shape=(3, 4))).shape == (3, 4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--scale", 0), ["scale 0"]), (("--scale", "nan"), ["scale nan"]),
        (("--resolution", -1), ["resolution -1"]), (("--shape", "12"), ["12", "500x400"]),
        (("--shape", "0x4"), ["0x4"]), (("--scale", 1e9), ["4.1e+10 x 5.7e+10 cells", "16777216"]),
        (("--scale", 2, "--shape", "3x4"), ["give one"]),
        (("--window", 0, 0, 50, 10), ["window", "41 x 57"]),
        (("--window", 0, 0, "nan", 10), ["window"]),
        (("--bounds", 0, 0, 10, 10), ["bounds", "500 7770.5 2210 9000.5"]),
        (("-o", "r.png"), ["r.png", ".tif or .tiff"]),
        (("--bounds", 600, 9000, 550, 8000), ["west, south, east, north"]),
    ],
)  # fmt: skip
def test_wrong_grids(drawing, run, assert_fails, files, options, words):
    assert_fails(run("implicit", "render", drawing, "-o", "out.tif", *options), 2, *words)
    assert files() == ["a.dz"]


@pytest.mark.parametrize("command", ["verify", "decompress", "entropy"])
def test_commands_for_rasters_refuse_it(drawing, run, assert_fails, files, command):
    assert_fails(run(command, drawing), 4, "a.dz", "approximation", "demzip implicit render")
    assert files() == ["a.dz"]


def test_damage(drawing, run, assert_fails, files):
    data = bytearray(drawing.read_bytes())
    data[100] ^= 1
    drawing.write_bytes(data)
    for command in (
        ("info",), ("implicit", "render", "-o", "x.tif"), ("verify",), ("decompress",),
        ("decompress", "--salvage"),
    ):  # fmt: skip
        assert_fails(run(*command, drawing), 3, "a.dz", "damaged")
    data[100] ^= 1
    for extra in ("1 byte", "2 bytes"):
        data += b"x"
        drawing.write_bytes(data)
        shown = run("info", drawing, "--json")
        assert shown.exit_code == 0, shown.output
        assert f"warning: a.dz: {extra} too long" in shown.stderr
    drawing.write_bytes(data[:90])
    assert_fails(run("verify", drawing), 3, "a.dz", "ends")
    assert_fails(run("implicit", "render", "-o", "x.tif", drawing), 3, "a.dz", "ends")
    assert files() == ["a.dz"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--fourier-scale", "nan"), ["fourier scale nan"]),
        (("--learning-rate", 0), ["learning rate 0"]),
        (("--steps", 0), ["steps 0"]), (("--every", 5), ["--snapshots"]),
        (("--region-weight", 5), ["--region"]), (("--slope-weight", -1), ["slope weight -1"]),
        (("-o", "x.png"), ["x.png", ".dz"]), (("--band", 2), ["band 2"]),
        (("--region", "none.json", "-o", "x.dz"), ["none.json"]),
    ],
)  # fmt: skip
def test_wrong_fits(ground, run, assert_fails, files, options, words):
    failed = run("implicit", "fit", ground, *FAST[2:], *options)
    assert_fails(failed, 1 if "none.json" in options else 2, *words)
    assert files() == ["g.tif"]


def test_regions_in_metres(tmp_path):
    """PROJ takes none of these for longitudes."""
    path = tmp_path / "r.json"
    path.write_text('{"type": "Point", "coordinates": [400500, 5100500]}')
    with pytest.raises(demzip.OptionsError, match=r"r\.json: .*longitudes and latitudes"):
        cell_weights(
            np.zeros((4, 4)), from_origin(400000.0, 5101000.0, 500.0, 500.0),
            rasterio.crs.CRS.from_epsg(32632), region=path, region_weight=2.0,
        )  # fmt: skip


def test_without_jax(ground, run, assert_fails, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    assert_fails(run("implicit", "fit", ground), 1, "pip install demzip[neural]")


class Losing:
    """A raster that is written to a full disk, of which GDAL says nothing."""

    def __init__(self, written):
        self._written = written

    def __enter__(self):
        self._written.__enter__()
        return self

    def __exit__(self, *reason):
        return self._written.__exit__(*reason)

    def __getattr__(self, name):
        return getattr(self._written, name)

    def write(self, values, *where, **window):
        self._written.write(np.where(values == values.max(), 0, values), *where, **window)


@pytest.mark.parametrize("command", ["render", "fit", "tiles", "viewshed", "hillshade"])
def test_what_is_lost_on_the_way_to_the_disk_is_noticed(ground, run, monkeypatch, command):
    shutil.copy(FILE, "a.dz")
    arguments = {
        "render": ("implicit", "render", "a.dz", "-o", "r.tif"),
        "fit": ("implicit", "fit", ground, *FAST, "--every", 4, "--snapshots", "steps"),
        "tiles": ("tiles", ground, "--zoom", 12, "-o", "t"),
        "viewshed": ("viewshed", ground, 9.03, 46.95),
        "hillshade": ("hillshade", ground, "-o", "r.tif"),
    }[command]
    actual, memory = rasterio.open, rasterio.io.MemoryFile
    in_memory = memory.open

    def opened(name, mode="r", **options):
        found = actual(name, mode, **options)
        return Losing(found) if mode == "w" else found

    monkeypatch.setattr(rasterio, "open", opened)
    monkeypatch.setattr(memory, "open", lambda *to, **how: Losing(in_memory(*to, **how)))
    done = run(*arguments)
    assert done.exit_code == 3, done.output
    assert re.search(r"\.tif: rows 0-\d+ are not those that were written", done.stderr)
    assert sorted(path.name for path in Path().rglob("*.*")) == ["a.dz", "g.tif"]


# ---- weights


def test_region_and_slope(tmp_path):
    """Ten cells of 30 columns, and a step in the ground."""
    transform = from_origin(9.0, 47.0, 0.003, 0.01)
    heights = np.zeros((10, 30))
    heights[:, 15:] = 100.0
    heights[0, 0] = np.nan
    crs = rasterio.crs.CRS.from_epsg(4326)
    for number, text in enumerate(
        (SQUARE, {"type": "Feature", "geometry": SQUARE}, {
            "type": "FeatureCollection", "features": [{"type": "Feature", "geometry": SQUARE}],
        })
    ):  # fmt: skip
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(text))
        found = cell_weights(heights, transform, crs, region=path, region_weight=7.0)
        assert found[:, :10].min() == 7.0
        assert found[:, 12:].max() == 1.0
    weights = cell_weights(heights, transform, crs, slope_weight=2.0)
    steep = np.isin(np.arange(30), (14, 15))
    np.testing.assert_allclose(weights[:, steep], 1 + 2 * 299 / 20)
    assert np.all(weights[:, ~steep] == 1.0)
    assert cell_weights(heights, transform, crs) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing", "no GeoJSON"), ("{}", "no GeoJSON"), ('{"type": "Point"}', "no GeoJSON"),
        ('{"type": "FeatureCollection", "features": []}', "no geometry"),
        ('{"type": "Point", "coordinates": [50, 50]}', "beside the raster"), ("[1]", "no GeoJSON"),
    ],
)  # fmt: skip
def test_regions_that_are_none(tmp_path, text, words):
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(demzip.OptionsError, match=words):
        cell_weights(
            np.zeros((4, 4)), from_origin(9.0, 47.0, 0.1, 0.1), "EPSG:4326", region=path,
            region_weight=2.0,
        )  # fmt: skip


def test_snapshots_of_level_ground(ground, run):
    with rasterio.open(ground, "r+") as to:
        to.write(np.full((40, 60), 7, np.int16), 1)
    done = run("implicit", "fit", ground, *FAST, "--every", 3, "--snapshots", "steps")
    assert done.exit_code == 0, done.output
    assert "steps: 1 snapshot\n" in done.stderr
    with rasterio.open("steps/step-0000004.tif") as last:
        assert (last.read(1) == 7).all()


def test_what_stays_after_an_interrupt_is_told(ground, run, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("demzip.io.tiles._describe", stop)
    done = run("tiles", ground, "--zoom", 12, "-o", "t")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (
        130, "demzip: interrupted; tiles in t that are complete stay",
    )  # fmt: skip
    monkeypatch.setattr("demzip.io.approximate._read", stop)
    for options, words in (((), "nothing was written"), (
        ("--every", 2, "--snapshots", "s"), "snapshots in s stay, nothing else was written",
    )):  # fmt: skip
        done = run("implicit", "fit", ground, *FAST, *options)
        assert (done.exit_code, done.stderr) == (130, f"demzip: interrupted; {words}\n")
    assert [path.name for path in Path().iterdir()] == ["g.tif"]


def test_the_group_needs_a_command(run, assert_fails):
    assert_fails(run("implicit"), 2, "Missing command", "demzip implicit --help")
