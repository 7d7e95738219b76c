"""Helpers of the command line's tests, as fixtures."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from typer.testing import CliRunner

import demzip
import demzip.codec  # before jit is patched: kernels are set up when they are imported
from demzip import jit
from demzip.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "corpus"
COMPILING = re.compile("demzip: (first run: )?compiling.*")


@pytest.fixture(autouse=True)
def _compiled(monkeypatch):
    """No words about compiling, whatever this machine has compiled before."""
    monkeypatch.setattr(jit, "kernels_are_compiled", lambda: True)
    if jit.cache_directory() is None:
        monkeypatch.setattr(jit, "cache_directory", lambda: Path("nowhere"))


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


def _run(*arguments):
    """Run in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def run():
    return _run


def _process(*arguments, code=None, **options):
    """Run as a command of its own; `code` runs before it."""
    start = "from demzip.cli.app import main; main()"
    command = ["-m", "demzip"] if code is None else ["-c", f"{code}\n{start}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("env", {})
    done = subprocess.run(
        [sys.executable, *command, *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300, env=environment, **options,
    )  # fmt: skip
    lines = done.stderr.splitlines(keepends=True)
    done.stderr = "".join(line for line in lines if not COMPILING.fullmatch(line.strip()))
    return done


@pytest.fixture
def process():
    return _process


def _files(folder="."):
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.fixture
def files():
    return _files


def _assert_fails(result, exit_code, *words):
    """One line on stderr that starts like a message of ours and has these words in it."""
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("demzip: error: ")
    for word in words:
        assert word in lines[0]


@pytest.fixture
def assert_fails():
    return _assert_fails


@pytest.fixture
def ground(tmp_path, monkeypatch):
    """A raster in degrees with voids, alone in the working folder."""
    monkeypatch.chdir(tmp_path)
    rows, cols = np.indices((40, 60))
    values = (rows * cols // 3).astype(np.int16)
    values[:5, :7] = -9999
    with rasterio.open(
        "g.tif", "w", driver="GTiff", height=40, width=60, count=1, dtype="int16", nodata=-9999,
        crs="EPSG:4326", transform=Affine(0.001, 0.0, 9.0, 0.0, -0.0025, 47.0),
    ) as to:  # fmt: skip
        to.write(values, 1)
        to.set_band_unit(1, "m")
    return Path("g.tif")
