"""demzip train-prior: a network that can be read, the same each time, and clear errors."""

import hashlib
import re
import shutil
import sys
from pathlib import Path

import pytest

from demzip.entropy.integers import ByteReader
from demzip.scan.neural.network import Network

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "corpus"
QUICK = ("--steps", 100, "--width", 16)


@pytest.fixture
def rasters(tmp_path, monkeypatch):
    """A folder with rasters at two depths, and with what is none."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "rasters"
    (folder / "deeper").mkdir(parents=True)
    shutil.copy(CORPUS / "coast_int16.tif", folder)
    shutil.copy(CORPUS / "terraces_uint8.tif", folder / "deeper")
    (folder / "notes.txt").write_text("no raster")
    return folder


def test_writes_the_same_network_each_time(rasters, run):
    first = run("train-prior", rasters, "-o", "one.bin", *QUICK, "--held-out", "coast_int16")
    assert first.exit_code == 0, first.output
    data = Path("one.bin").read_bytes()
    assert first.stdout == f"{hashlib.sha256(data).hexdigest()}  one.bin\n"
    network, shift = Network.from_bytes(ByteReader(data, "network"))
    assert (network.widths, network.fourier, shift) == ((16, 16), False, 0)
    assert re.search(r"step 100 of 100: \d+\.\d{4} bits", first.stderr)
    assert re.search(r"held out: coast_int16 \d+\.\d{4} bits", first.stderr)
    assert re.search(r"trained on: terraces_uint8 \d+\.\d{4} bits", first.stderr)

    # terraces_uint8 is the second raster by name: every third is the first.
    again = run("train-prior", rasters, "-o", "two.bin", *QUICK, "--every-third")
    assert again.exit_code == 0, again.output
    assert Path("two.bin").read_bytes() == data
    other = run("train-prior", rasters, "-o", "two.bin", "-f", *QUICK, "--seed", 1, "--every-third")
    assert other.exit_code == 0, other.output
    assert Path("two.bin").read_bytes() != data


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--width", "24"], ["width 24", "multiple of 16"]),
        (["--width", "128"], ["width 128"]),
        (["--steps", "0"], ["steps 0"]),
        (["--seed", "-1"], ["seed -1"]),
        (["--device", "abacus"], ["abacus"]),
        (["--held-out", "atlantis"], ["no atlantis"]),
        (["--held-out", "coast_int16", "--held-out", "terraces_uint8"], ["no raster"]),
    ],
)
def test_refuses(rasters, run, assert_fails, files, arguments, words):
    assert_fails(run("train-prior", rasters, "-o", "out.bin", *arguments), 2, *words)
    assert files() == ["rasters"]


def test_refuses_folders_without_rasters(rasters, run, assert_fails, files):
    (rasters / "empty").mkdir()
    assert_fails(run("train-prior", rasters / "empty", "-o", "out.bin"), 2, "no raster")
    assert_fails(run("train-prior", "nowhere", "-o", "out.bin"), 2, "nowhere", "folder")
    assert files() == ["rasters"]


def test_keeps_what_exists(rasters, run, assert_fails):
    Path("out.bin").write_bytes(b"precious")
    assert_fails(run("train-prior", rasters, "-o", "out.bin"), 2, "out.bin", "exists already")
    assert Path("out.bin").read_bytes() == b"precious"


def test_without_jax(rasters, run, assert_fails, files, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    assert_fails(run("train-prior", rasters, "-o", "out.bin"), 1, "pip install demzip[neural]")
    assert files() == ["rasters"]
