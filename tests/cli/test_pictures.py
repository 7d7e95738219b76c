"""demzip hillshade and demzip plot: outputs, summaries, errors."""

from pathlib import Path

import pytest
import rasterio

from demzip.surface import hillshade

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_a_geotiff_of_the_relief(packed, run, files):
    result = run("hillshade", packed, "-o", "relief.tif")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("demzip: relief.tif: relief of 203 x 310 samples, ")
    with rasterio.open("relief.tif") as dataset, rasterio.open("tile.tif") as source:
        expected = hillshade(source.read(1), 50.0, 50.0)
        assert (dataset.read(1) == expected).all()
        assert (dataset.crs, dataset.transform) == (source.crs, source.transform)
    assert files() == ["relief.tif", "tile.dz", "tile.tif"]


def test_options_of_the_light(tile, run):
    run("hillshade", tile, "-o", "a.tif", "--azimuth", 90, "--altitude", 20, "--z-factor", 3)
    run("hillshade", tile, "-o", "b.tif", "--multidirectional", "--no-edges", "-j", 1)
    with rasterio.open(tile) as source:
        heights = source.read(1)
    with rasterio.open("a.tif") as dataset:
        expected = hillshade(heights, 50.0, 50.0, azimuth=90.0, altitude=20.0, z_factor=3.0)
        assert (dataset.read(1) == expected).all()
    with rasterio.open("b.tif") as dataset:
        expected = hillshade(heights, 50.0, 50.0, multidirectional=True, edges=False)
        assert (dataset.read(1) == expected).all()


def test_pictures_of_the_relief(tile, run, files):
    assert run("hillshade", tile, "-o", "map.PNG").exit_code == 0
    assert run("hillshade", tile, "-o", "bare.png", "--plain").exit_code == 0
    assert run("hillshade", tile, "-o", "map.svg", "--multidirectional").exit_code == 0
    assert files() == ["bare.png", "map.PNG", "map.svg", "tile.tif"]
    with rasterio.open("bare.png") as dataset, rasterio.open(tile) as source:
        assert (dataset.read(1) == hillshade(source.read(1), 50.0, 50.0)).all()
    assert Path("map.PNG").read_bytes().startswith(b"\x89PNG")
    assert "light from 225°, 270°, 315° and 360°" in Path("map.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["residuals", "histogram", "hillshade", "elevation"])
def test_every_kind_of_picture(tile, run, kind):
    result = run("plot", tile, "-o", "a.svg", "--kind", kind)
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith(f"demzip: a.svg: {kind} of 203 x 310 samples, ")
    words = Path("a.svg").read_text(encoding="utf-8")
    assert "tile.tif" in words
    assert ("jpeg4" in words) == ("lagrange24" in words) == (kind in {"residuals", "histogram"})
    assert ("British National Grid" in words) == (kind != "histogram")


def test_dots_to_an_inch(tile, run):
    for name, dpi in (("a.png", 50), ("b.png", 100)):
        run("plot", tile, "-o", name, "--kind", "elevation", "--dpi", dpi)
    with rasterio.open("a.png") as a, rasterio.open("b.png") as b:
        assert b.width == pytest.approx(2 * a.width, abs=4)


def test_chosen_predictors(tile, run):
    run("plot", tile, "-o", "a.svg", "-p", "jpeg2", "-p", "lagrange3", "-p", "jpeg2")
    words = Path("a.svg").read_text(encoding="utf-8")
    assert "residuals of 2 predictors" in words
    assert "jpeg4" not in words


def test_illegal_arguments(tile, run, assert_fails, files):
    for arguments, code, words in (
        (("hillshade", tile, "-o", "a.jpg"), 2, ["a.jpg", ".tif, .png or .svg"]),
        (("hillshade", tile, "-o", "a.tif", "--plain"), 2, ["--plain", ".png"]),
        (("hillshade", tile, "-o", "a.svg", "--plain"), 2, ["--plain", ".png"]),
        (("hillshade", tile, "-o", "a.tif", "--altitude", 91), 2, ["altitude 91", "0 to 90"]),
        (("hillshade", tile, "-o", "a.png", "--z-factor", 0), 2, ["z factor 0"]),
        (("hillshade", tile, "-o", "a.tif", "--azimuth", 1, "--multidirectional"), 2, ["lights"]),
        (("hillshade", tile, "-o", "a.tif", "--band", 2), 2, ["tile.tif", "band 2"]),
        (("hillshade", tile, "-o", "a.tif", "-j", -1), 2, ["jobs"]),
        (("hillshade", tile, "-o", "tile.tif", "-f"), 2, ["same file"]),
        (("hillshade", tile, "-o", "no/a.tif"), 1, ["no folder"]),
        (("hillshade", "-", "-o", "a.tif"), 2, ["standard input"]),
        (("hillshade", "no.tif", "-o", "a.tif"), 1, ["no.tif", "cannot be opened"]),
        (("hillshade", tile), 2, ["--output"]),
        (("plot", tile, "-o", "a.tif"), 2, ["a.tif", ".png or .svg"]),
        (("plot", tile, "-o", "a.png", "-p", "jpeg9"), 2, ["jpeg9", "lagrange24"]),
        (("plot", tile, "-o", "a.png", "--kind", "map"), 2, ["'map'", "elevation"]),
        (("plot", tile, "-o", "a.png", "--kind", "elevation", "-p", "jpeg1"), 2, ["--predictor"]),
        (("plot", tile, "-o", "a.png", "--band", 0), 2, ["tile.tif", "band 0"]),
        (("plot", tile, "-o", "a.png", "--dpi", 29), 2, ["29", "30 to 1200"]),
        (("plot", tile, "-o", "no/a.png"), 1, ["no folder"]),
        (("plot", "no.tif", "-o", "a.png"), 1, ["no.tif", "cannot be opened"]),
        (("plot", "-", "-o", "a.png"), 2, ["standard input"]),
    ):
        assert_fails(run(*arguments), code, *words)
    assert files() == ["tile.tif"]


def test_existing_outputs_are_kept_unless_forced(tile, run, assert_fails):
    for name in ("a.tif", "a.png"):
        Path(name).write_bytes(b"kept")
        assert_fails(run("hillshade", tile, "-o", name), 2, name, "exists already")
        assert Path(name).read_bytes() == b"kept"
        assert run("hillshade", tile, "-o", name, "-f").exit_code == 0
        assert Path(name).stat().st_size > 10_000
    assert_fails(run("plot", tile, "-o", "a.png"), 2, "exists already")


def test_damaged_files(packed, run, assert_fails, files):
    data = bytearray(packed.read_bytes())
    data[-100] ^= 255
    packed.write_bytes(data)
    for command in (["hillshade"], ["plot", "--kind", "elevation"], ["plot"]):
        suffix = "tif" if command == ["hillshade"] else "png"
        assert_fails(run(*command, packed, "-o", f"a.{suffix}"), 3, "tile.dz")
    assert files() == ["tile.dz", "tile.tif"]


def test_an_unwritable_folder(tile, run, assert_fails, monkeypatch):
    def refuse(_path, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    for name in ("a.tif", "a.png"):
        failed = run("hillshade", tile, "-o", name)
        assert_fails(failed, 1, f"{name}: cannot be written (Permission denied)")


def test_without_matplotlib_there_are_geotiffs(tile, run, assert_fails, monkeypatch, process):
    monkeypatch.setattr("demzip.plots.extras.find_spec", lambda _name: None)
    assert_fails(run("plot", tile, "-o", "a.png"), 2, "pip install 'demzip[plot]'")
    assert_fails(run("hillshade", tile, "-o", "a.png"), 2, "pip install 'demzip[plot]'")
    blocked = "import sys; sys.modules['matplotlib'] = None"
    done = process("hillshade", tile, "-o", "a.tif", code=blocked)
    assert done.returncode == 0, done.stderr
