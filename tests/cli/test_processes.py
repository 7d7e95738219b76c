"""Real processes: streams, signals, terminals, imports, compiled kernels."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import demzip
import demzip.codec  # before jit is patched: kernels are set up when they are imported
from demzip import jit

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "corpus"

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_streams_and_exit_codes_of_processes(tile, process):
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


def test_debug_shows_where(tile, process):
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
        (("compress", "tile.tif", "-f"), "demzip.io.geotiff", "check_blocks"),
        (("decompress", "tile.dz", "-o", "x.tif"), "demzip.io.writing",
         "GeotiffWriter._read_back"),
        (("decompress", "tile.dz", "-o", "x.tif", "--salvage"), "demzip.io.writing",
         "GeotiffWriter._read_back"),
    ],
)  # fmt: skip
def test_interrupted_commands_leave_no_partial_file(
    arguments, module, name, signal, status, packed, process, files
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
def test_help_imports_nothing_heavy(arguments, process):
    done = process(*arguments, code=LIGHT)
    assert done.stderr.splitlines()[-1] == "[]"


def test_import_is_light_and_names_are_there():
    code = (
        "import sys, demzip; print('numpy' in sys.modules, set(demzip.__all__) <= set(dir(demzip)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; demzip.encode; print('numba' in sys.modules)"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout.split() == ["False", "True", "True"]
    for name in demzip.__all__:
        assert getattr(demzip, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        demzip.nonsense  # noqa: B018


def test_version(process):
    assert process("--version").stdout == f"demzip {demzip.__version__}\n"


def test_every_command_explains_itself(process):
    listed = process("--help").stdout
    for command in ("bench", "compress", "decompress", "entropy", "info", "verify", "warmup"):
        assert f"\n  {command} " in listed
        shown = process(command, "--help")
        assert shown.returncode == 0
        assert f"demzip {command}" in shown.stdout
    assert "..." not in listed.partition("Commands:")[2], "summaries fit their lines"
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


def test_progress_bars_are_for_terminals(tile, process):
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


def test_a_closed_pipe_is_quiet(packed):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "demzip", "info", packed], stdout=write, stderr=subprocess.PIPE,
        text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(write)
    assert done.returncode == 1
    assert done.stderr == ""


def test_first_run_says_that_it_compiles(tile, monkeypatch, run):
    for compiled, folder, word in [
        (False, Path("x"), "first run"), (True, Path("x"), ""), (True, None, "every run"),
    ]:  # fmt: skip
        monkeypatch.setattr(jit, "kernels_are_compiled", lambda value=compiled: value)
        monkeypatch.setattr(jit, "cache_directory", lambda value=folder: value)
        result = run("compress", tile, "-f", "--json")
        assert result.exit_code == 0
        json.loads(result.stdout)
        assert result.stderr.count("\n") == bool(word)
        assert word in result.stderr


WARM = """
import sys
from pathlib import Path
import demzip
import numpy as np
from typer.testing import CliRunner
from demzip.cli.app import app
from demzip.surface import METHODS, Pool, interpolate, interpolate_pool
def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
def compiled():
    return {
        (module.__name__, name, str(signature))
        for module in list(sys.modules.values()) if module.__name__.endswith(".kernels")
        for name, value in vars(module).items()
        for signature in getattr(value, "signatures", ())
    }
run("warmup")
before = compiled()
assert len(before) > 10
for path in sorted(Path(sys.argv[1]).glob("*.tif")):
    run("compress", path, "-o", "x.dz", "-f", "-p", "auto", "--block", "64")
    run("compress", path, "-o", "x.dz", "-f")
    run("decompress", "x.dz", "-o", "x.tif", "-f")
    run("compress", path, "-o", "x.dz", "-f", "-p", "neural")
    run("entropy", path, "-p", "jpeg3", "-p", "neural")
rng = np.random.default_rng(1)
for rows in (200, 20):
    for dtype in ("int32", "uint32", "int64", "uint64", "float64"):
        values = rng.integers(0, 2**31, (rows, rows)).astype(dtype)
        for nodata in (None, values[3, 3]):
            demzip.decode(demzip.encode(values, nodata=nodata))
            demzip.decode(demzip.encode(values, nodata=nodata, best=True))
    for dtype in ("float32", "float64"):
        values = rng.standard_normal((rows, rows)).astype(dtype)
        for nodata in (None, values[3, 3]):
            for predictor in demzip.PREDICTORS[-1], "jpeg1":
                demzip.decode(demzip.encode(values, nodata=nodata, predictor=predictor))
tiny = demzip.FitOptions(steps=1, features=1, width=1, depth=1)
for dtype in ("int16", "uint64", "float32"):
    values = rng.integers(0, 200, (40, 40)).astype(dtype)
    demzip.decode(demzip.encode(values, predictor="implicit", fit=tiny, nodata=values[3, 3]))
for method in METHODS:
    heights = np.arange(900, dtype="uint8").reshape(30, 30)
    pool = Pool(heights.shape, 16)
    for down, across in np.argwhere(pool.needed([3, 4], [5.5, 6.5], method)):
        pool.put(down, across, heights[16 * down:, 16 * across:][:16, :16])
    interpolate_pool(pool, [3, 4], [[5.5], [6.5]], method)
    interpolate(heights, np.arange(3.0), heights[0, :3], method)
place = "7.54", "46.46"
first = min(Path(sys.argv[1]).glob("mountains*"))
run("sample", first, *place)
run("los", first, *place, "7.55", "46.45", "--curvature")
for looking in "exact", "planes":
    run("viewshed", first, *place, "-o", "seen.tif", "-f", "--radius", "500", "--model", looking)
print(sorted(compiled() - before))
"""


def test_warmup_leaves_nothing_to_compile(tmp_path):
    """A fresh process that has run it needs no further variant of any kernel."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WARM, str(CORPUS)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"


def test_warmup_says_where_the_cache_is(monkeypatch, run):
    result = run("warmup")
    assert result.stdout == ""
    assert str(jit.cache_directory()) in result.stderr
    monkeypatch.setattr(jit, "cache_directory", lambda: None)
    assert "XDG_CACHE_HOME" in run("warmup").stderr
