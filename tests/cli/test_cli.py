"""The command line: results, exit codes, what goes to which stream, what is left behind."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from typer.testing import CliRunner

import demzip
from demzip.cli import console
from demzip.cli.app import app
from demzip.cli.info import crs_name
from demzip.predict.templates import PREDICTORS

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "corpus"
JSON_RESULT = {"name", "entropy_bpe", "corrections", "range", "within", "coded_bpe", "bytes"}

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def tile(tmp_path, monkeypatch):
    """A raster, alone in the working folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(CORPUS / "coast_int16.tif", tmp_path / "tile.tif")
    return tmp_path / "tile.tif"


@pytest.fixture
def packed(tile):
    """Its .dz file, beside it."""
    demzip.compress(tile)
    return tile.with_suffix(".dz")


def run(*arguments):
    """Run in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def process(*arguments, code=None, **options):
    """Run as a command of its own; `code` runs before it."""
    start = "from demzip.cli.app import main; main()"
    command = ["-m", "demzip"] if code is None else ["-c", f"{code}\n{start}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("env", {})
    return subprocess.run(
        [sys.executable, *command, *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300, env=environment, **options,
    )  # fmt: skip


def files(folder="."):
    return sorted(path.name for path in Path(folder).iterdir())


def assert_fails(result, exit_code, *words):
    """One line on stderr that starts like a message of ours and has these words in it."""
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("demzip: error: ")
    for word in words:
        assert word in lines[0]


# ------------------------------------------------------------------ compress and decompress


def test_there_and_back(tile):
    result = run("compress", tile)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "bits per elevation" in result.stderr
    result = run("decompress", "tile.dz", "-o", "back.tif")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert run("verify", "tile.dz", "tile.tif").exit_code == 0
    assert run("verify", "tile.dz", "back.tif").exit_code == 0
    assert run("verify", "tile.dz").exit_code == 0
    assert files() == ["back.tif", "tile.dz", "tile.tif"]


def test_options_of_compress(tile):
    arguments = ("-o", "x.dz", "-p", "jpeg7", "--block", 64, "-j", 2, "--no-verify", "--json")
    result = run("compress", tile, *arguments)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["predictor"] == "jpeg7"
    assert found["path"] == "x.dz"
    assert found["bytes"] == Path("x.dz").stat().st_size
    assert found["source_bytes"] == tile.stat().st_size
    assert found["bits_per_elevation"] == 8 * found["bytes"] / found["samples"]
    assert found["verified"] is False
    assert result.stderr == ""
    with demzip.open("x.dz") as dem:
        assert dem.predictor == "jpeg7"
        assert dem.block_shapes == [(64, 64)]


def test_auto_names_its_choice(tile):
    found = json.loads(run("compress", tile, "-p", "auto", "--json").stdout)
    assert found["predictor"] in PREDICTORS


def test_force(packed):
    assert_fails(run("compress", "tile.tif"), 2, "tile.dz", "exists", "-f")
    assert_fails(run("decompress", "tile.dz"), 2, "tile.tif", "exists", "-f")
    assert run("compress", "tile.tif", "-f").exit_code == 0
    assert run("decompress", "tile.dz", "-f").exit_code == 0
    assert packed.exists()


def test_creation_options(packed):
    result = run("decompress", packed, "-o", "x.tif", "--co", "COMPRESS=LZW", "--co", "TILED=NO")
    assert result.exit_code == 0, result.output
    with rasterio.open("x.tif") as dataset:
        assert dataset.profile["compress"] == "lzw"
    assert_fails(run("decompress", packed, "-o", "y.tif", "--co", "LZW"), 2, "NAME=VALUE")
    assert_fails(run("decompress", packed, "-o", "y.tif", "--co", "COMPRESS=ABC"), 2, "ABC")
    assert not Path("y.tif").exists()


# ------------------------------------------------------------------ entropy


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
def test_linear_entropies_are_those_of_numpy(name, steps):
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


def test_lagrange_entropy_is_near_that_of_plain_least_squares():
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


def test_missing_samples_are_left_out(tile):
    with rasterio.open(CORPUS / "voids_int16.tif") as dataset:
        values, nodata = dataset.read(1), dataset.nodata
    table = json.loads(run("entropy", CORPUS / "voids_int16.tif", "-p", "jpeg1", "--json").stdout)
    assert table["raster"]["valid"] == (values != nodata).sum() < values.size
    low, high = table["predictors"][0]["range"]
    assert -3000 < low < 0 < high < 3000, "no correction reaches to the no-data value"


def test_entropy_as_json(tile):
    result = run("entropy", tile, "--all-predictors", "--json")
    table = json.loads(result.stdout)
    assert result.stderr == ""
    rows = table["predictors"]
    assert sorted(row["name"] for row in rows) == sorted(PREDICTORS)
    assert [row["bytes"] for row in rows] == sorted(row["bytes"] for row in rows)
    assert table["best"] == rows[0]["name"]
    assert table["raster"]["rows"] == 203
    for row in rows:
        assert row.keys() == JSON_RESULT
        assert row["within"].keys() == {"0", "1", "2", "5"}
        assert row["coded_bpe"] == 8 * row["bytes"] / (203 * 310)
        demzip.compress(tile, "x.dz", predictor=row["name"], overwrite=True)
        assert row["bytes"] == Path("x.dz").stat().st_size
    demzip.decompress("x.dz")if not Path("x.tif").exists() else None
    assert table["geotiff"]["bytes"] == pytest.approx(Path("x.tif").stat().st_size, rel=0.01)


def test_entropy_as_table(tile):
    result = run("entropy", tile)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert sum("lagrange24" in line or "jpeg4" in line for line in lines) == 2
    assert sum(" * " in line for line in lines) == 1
    assert any("GeoTIFF DEFLATE" in line for line in lines)
    assert "\x1b" not in result.stdout
    assert "..." not in result.stdout, "no cell is cut off"


def test_entropy_of_chosen_predictors(tile):
    result = run("entropy", tile, "-p", "jpeg2", "-p", "lagrange3", "-p", "jpeg2", "--json")
    names = [row["name"] for row in json.loads(result.stdout)["predictors"]]
    assert sorted(names) == ["jpeg2", "lagrange3"]
    assert_fails(run("entropy", tile, "-p", "jpeg9"), 2, "jpeg9", "lagrange24")


# ------------------------------------------------------------------ info and verify


def test_info_as_json(tmp_path):
    demzip.compress(CORPUS / "lidar_cm_float32.tif", tmp_path / "x.dz", block=128)
    result = run("info", tmp_path / "x.dz", "--json")
    found = json.loads(result.stdout)
    size = (tmp_path / "x.dz").stat().st_size
    with rasterio.open(CORPUS / "lidar_cm_float32.tif") as dataset:
        assert found["rows"], found["cols"] == dataset.shape
        assert tuple(found["transform"]) == dataset.transform[:6]
        assert found["tags"] == dataset.tags()
        assert found["band_tags"] == dataset.tags(1)
        samples = dataset.height * dataset.width
    expected = {
        "format_version": 1, "dtype": "float32", "values": "float32 on a 0.01 grid",
        "block": 128, "blocks": 6, "predictor": "lagrange24", "bytes": size,
        "bits_per_elevation": 8 * size / samples, "ratio": 4 * samples / size,
        "crs": "WGS 84 / UTM zone 32N (EPSG:32632)", "nodata": -9999.0, "units": "m",
        "complete": True,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    text = run("info", tmp_path / "x.dz").stdout
    for word in ("float32 on a 0.01 grid", "lagrange24", "EPSG:32632", "-9999.0", "synthetic"):
        assert word in text


def test_info_reads_the_header_only(packed):
    data = packed.read_bytes()
    packed.write_bytes(data[:-1])
    result = run("info", packed, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["complete"] is False
    assert "1 bytes too short" in result.stderr
    packed.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert run("info", packed).exit_code == 0


def test_json_has_no_nan(tmp_path):
    values = np.array([[1, np.nan]], "float32")
    (tmp_path / "x.dz").write_bytes(demzip.encode(values, nodata=np.nan))
    result = run("info", tmp_path / "x.dz", "--json")
    assert json.loads(result.stdout, parse_constant=pytest.fail)["nodata"] == "nan"


@pytest.mark.parametrize(
    ("wkt", "name"),
    [
        (None, None),
        ('GEOGCRS["WGS 84",DATUM["x"],ID["EPSG",4326]]', "WGS 84 (EPSG:4326)"),
        ('PROJCRS["mine",BASEGEOGCRS["x",ID["EPSG",4326]],CS[Cartesian,2]]', "mine"),
        ('GEOGCRS["CH1903 ""old""",CS[ellipsoidal,2],ID["OGC","CRS84"]]',
         'CH1903 "old" (OGC:CRS84)'),
        ("nonsense", "unknown"),
    ],
)  # fmt: skip
def test_crs_names(wkt, name):
    assert crs_name(wkt) == name


def test_verify_finds_differences(packed):
    assert_fails(run("verify", packed, CORPUS / "lakes_int16.tif"), 3, "tile.dz", "lakes_int16")
    with rasterio.open("tile.tif", "r+") as dataset:
        values = dataset.read(1)
        values[20, 30] += 1
        dataset.write(values, 1)
    assert_fails(run("verify", packed, "tile.tif"), 3, "row 20", "column 30")


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize("command", ["compress", "decompress", "entropy", "info", "verify"])
def test_missing_files(command, tile):
    assert_fails(run(command, "missing.x"), 1, "missing.x")
    assert_fails(run(command, "."), 1, "folder")
    assert files() == ["tile.tif"]


@pytest.mark.parametrize("command", ["decompress", "info", "verify"])
def test_files_of_another_kind(command, tile):
    assert_fails(run(command, tile), 2, "tile.tif", "not a .dz file")
    Path("empty.dz").touch()
    assert_fails(run(command, "empty.dz"), 2, "empty.dz")
    Path("later.dz").write_bytes(b"\x89DMZ\r\n\x1a\n\x63" + bytes(40))
    assert_fails(run(command, "later.dz"), 4, "later.dz", "version 99")


@pytest.mark.parametrize("command", ["compress", "entropy"])
def test_inputs_of_another_kind(command, packed):
    assert_fails(run(command, packed, *["-o", "x.dz"][: 2 * (command == "compress")]), 2, "already")
    Path("x.txt").write_text("text", encoding="ascii")
    assert_fails(run(command, "x.txt"), 2, "x.txt", "not a raster")
    with rasterio.open("c.tif", "w", driver="GTiff", height=2, width=2, count=1,
                       dtype="complex64") as dataset:  # fmt: skip
        dataset.write(np.zeros((1, 2, 2), "complex64"))
    assert_fails(run(command, "c.tif"), 4, "c.tif", "complex64")


@pytest.mark.parametrize("command", ["decompress", "verify"])
def test_damaged_files(command, packed):
    data = packed.read_bytes()
    packed.write_bytes(data[:-20])
    output = ["-o", "out.tif"][: 2 * (command == "decompress")]
    assert_fails(run(command, packed, *output), 3, "tile.dz")
    flipped = bytearray(data)
    flipped[-20] ^= 1
    packed.write_bytes(flipped)
    assert_fails(run(command, packed, *output), 3, "tile.dz", "block 0")
    flipped = bytearray(data)
    flipped[40] ^= 1
    packed.write_bytes(flipped)
    assert_fails(run(command, packed, *output), 3, "tile.dz", "header")
    assert files() == ["tile.dz", "tile.tif"]


def test_outputs_that_cannot_be_written(packed):
    assert_fails(run("compress", "tile.tif", "-o", "no/x.dz"), 1, "no/x.dz")
    assert_fails(run("decompress", packed, "-o", "no/x.tif"), 1, "no/x.tif")
    assert_fails(run("compress", "tile.tif", "-o", "tile.tif", "-f"), 2, "same file")
    assert_fails(run("compress", "tile.tif", "-o", "-"), 2, "-")
    os.chmod(".", 0o555)
    try:
        if os.access(".", os.W_OK):
            return  # root may write everywhere; the folder that is missing stands in for it
        assert_fails(run("compress", "tile.tif", "-o", "x.dz"), 1, "x.dz")
    finally:
        os.chmod(".", 0o755)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compress", "tile.tif", "-p", "best"), ("best", "lagrange24", "auto")),
        (("compress", "tile.tif", "--block", "100"), ("100", "multiple of 16")),
        (("compress", "tile.tif", "-j", "-1"), ("-1",)),
        (("compress", "tile.tif", "-j", "many"), ("--jobs", "--help")),
        (("compress", "tile.tif", "--fast"), ("--fast", "--help")),
        (("compress",), ("IN", "--help")),
        (("compres", "tile.tif"), ("compress",)),
        (("tile.tif",), ("demzip compress tile.tif",)),
        (("tile.dz",), ("demzip info tile.dz",)),
    ],
)
def test_wrong_usage(arguments, words, tile):
    assert_fails(run(*arguments), 2, *words)
    assert files() == ["tile.tif"]


def test_unexpected_errors_are_one_line_too(tile, monkeypatch):
    def broken():
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr(console, "say", print)
    monkeypatch.setattr("demzip.cli.compress.say_if_first_run", broken)
    assert_fails(run("compress", tile), 1, "RuntimeError", "first", "DEMZIP_DEBUG")
    result = run("--debug", "compress", tile)
    assert isinstance(result.exception, RuntimeError)


# ------------------------------------------------------------------ real processes


def test_streams_and_exit_codes_of_processes(tile):
    done = process("compress", tile, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["verified"] is True
    done = process("compress", tile)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    Path("tile.dz").write_bytes(Path("tile.dz").read_bytes()[:-3])
    done = process("verify", "tile.dz")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Traceback" not in done.stderr


def test_debug_shows_where(tile):
    done = process("decompress", tile, env={"DEMZIP_DEBUG": "1"})
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "OptionsError" in done.stderr


INTERRUPT = """
import os, signal, sys
import {module} as module
def stop(*arguments):
    left = [name for name in os.listdir(".") if name.endswith(".tmp")]
    print(len(left), "temporary", file=sys.stderr)
    os.kill(os.getpid(), signal.{signal})
module.{name} = stop
"""


@pytest.mark.parametrize(("signal", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize(
    ("arguments", "module", "name"),
    [
        (("compress", "tile.tif", "-f"), "demzip.io.geotiff", "check_against"),
        (("decompress", "tile.dz", "-o", "x.tif"), "demzip.io.writing",
         "GeotiffWriter._read_back"),
    ],
)  # fmt: skip
def test_interrupted_commands_leave_no_partial_file(
    arguments, module, name, signal, status, packed
):
    before = packed.read_bytes()
    done = process(*arguments, code=INTERRUPT.format(module=module, name=name, signal=signal))
    assert done.returncode == status
    assert done.stderr.startswith("1 temporary\n")
    assert "Traceback" not in done.stderr
    assert files() == ["tile.dz", "tile.tif"]
    assert packed.read_bytes() == before


LIGHT = """
import atexit, sys
heavy = ("numpy", "numba", "rasterio", "rich", "constriction")
atexit.register(lambda: print([m for m in heavy if m in sys.modules], file=sys.stderr))
"""


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("compress", "--help"), ("entropy", "-h"), ("x.y",)]
)
def test_help_imports_nothing_heavy(arguments):
    done = process(*arguments, code=LIGHT)
    assert done.stderr.splitlines()[-1] == "[]"


def test_import_is_light_and_names_are_there():
    code = "import sys, demzip; print('numpy' in sys.modules, set(demzip.__all__) <= set(dir(demzip)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; demzip.encode; print('numba' in sys.modules)"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout.split() == ["False", "True", "True"]
    for name in demzip.__all__:
        assert getattr(demzip, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        demzip.nonsense  # noqa: B018


def test_version():
    assert process("--version").stdout == f"demzip {demzip.__version__}\n"


def test_every_command_explains_itself():
    listed = process("--help").stdout
    for command in ("compress", "decompress", "entropy", "info", "verify", "warmup"):
        assert f"\n  {command} " in listed
        shown = process(command, "--help")
        assert shown.returncode == 0
        assert f"demzip {command}" in shown.stdout
        assert "..." not in listed, "summaries fit their lines"
    assert process().returncode == 2


def in_terminal(*arguments, **env):
    """Run with stderr on a terminal; gives what went to stdout and to the terminal."""
    main, side = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"} | env
    with subprocess.Popen(
        [sys.executable, "-m", "demzip", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=side, env=environment,
    ) as child:  # fmt: skip
        os.close(side)
        seen = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not part:
                break
            seen += part
        out = child.stdout.read()
    os.close(main)
    return out.decode(), seen.decode()


COLOR = re.compile(r"\x1b\[[0-9;]*[34][0-9]")


def test_progress_bars_are_for_terminals(tile):
    out, seen = in_terminal("compress", tile, "--json")
    json.loads(out)
    assert "encoding" in seen
    assert COLOR.search(seen)
    out, seen = in_terminal("compress", tile, "-f", NO_COLOR="1")
    assert out == ""
    assert "encoding" in seen
    assert not COLOR.search(seen)
    out, seen = in_terminal("compress", tile, "-f", TERM="dumb")
    assert "encoding" not in seen
    done = process("compress", tile, "-f")
    assert "encoding" not in done.stderr
    assert "\x1b" not in done.stderr


def test_a_closed_pipe_is_no_error(packed):
    shell = f'"{sys.executable}" -m demzip info tile.dz | head -n 1'
    done = subprocess.run(
        ["sh", "-c", shell], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_first_run_says_that_it_compiles(tile, monkeypatch):
    for compiled, folder, word in [
        (False, Path("x"), "first run"), (True, Path("x"), ""), (True, None, "every run"),
    ]:  # fmt: skip
        monkeypatch.setattr("demzip.jit.kernels_are_compiled", lambda value=compiled: value)
        monkeypatch.setattr("demzip.jit.cache_directory", lambda value=folder: value)
        result = run("compress", tile, "-f", "--json")
        assert result.exit_code == 0
        json.loads(result.stdout)
        assert result.stderr.count("\n") == bool(word)
        assert word in result.stderr


def test_warmup_leaves_nothing_to_compile(tile):
    """After it, no command adds to the folder of compiled kernels."""
    result = run("warmup")
    assert result.exit_code == 0
    assert result.stdout == ""
    folder = Path(re.search(r"is in (\S+) ", result.stderr)[1])
    before = sorted(folder.rglob("*.nbc"))
    assert before
    for path in sorted(CORPUS.glob("*.tif")):
        for arguments in (
            ("compress", path, "-o", "x.dz", "-f", "-p", "auto", "--block", "64"),
            ("compress", path, "-o", "x.dz", "-f"),
            ("decompress", "x.dz", "-o", "x.tif", "-f"),
            ("entropy", path, "-p", "jpeg3"),
        ):
            assert run(*arguments).exit_code == 0
    assert sorted(folder.rglob("*.nbc")) == before


# ------------------------------------------------------------------ small helpers


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (1_260_000, "1.26 MB"),
     (4_200_000_000, "4.2 GB"), (7.5e12, "7.5 TB")],
)  # fmt: skip
def test_sizes(count, text):
    assert console.size(count) == text
