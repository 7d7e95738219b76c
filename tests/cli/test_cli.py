"""The command line: results, exit codes, what goes to which stream."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

import demzip
import demzip.codec  # before jit is patched: kernels are set up when they are imported
from demzip.cli import console
from demzip.cli.info import crs_name
from demzip.container.layout import FORMAT_VERSION
from demzip.predict.templates import PREDICTORS
from demzip.raster.georeference import Band, Georeference

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "corpus"

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


# ------------------------------------------------------------------ compress and decompress


def test_there_and_back(tile, run, files):
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


def test_options_of_compress(tile, run):
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


def test_auto_names_its_choice(tile, run):
    found = json.loads(run("compress", tile, "-p", "auto", "--json").stdout)
    assert found["predictor"] in PREDICTORS


def test_force(packed, run, assert_fails):
    assert_fails(run("compress", "tile.tif"), 2, "tile.dz", "exists", "-f")
    assert_fails(run("decompress", "tile.dz"), 2, "tile.tif", "exists", "-f")
    assert run("compress", "tile.tif", "-f").exit_code == 0
    assert run("decompress", "tile.dz", "-f").exit_code == 0
    assert packed.exists()


def test_creation_options(packed, run, assert_fails):
    result = run("decompress", packed, "-o", "x.tif", "--co", "COMPRESS=LZW", "--co", "TILED=NO")
    assert result.exit_code == 0, result.output
    with rasterio.open("x.tif") as dataset:
        assert dataset.profile["compress"] == "lzw"
    assert_fails(run("decompress", packed, "-o", "y.tif", "--co", "LZW"), 2, "NAME=VALUE")
    assert_fails(run("decompress", packed, "-o", "y.tif", "--co", "COMPRESS=ABC"), 2, "ABC")
    assert not Path("y.tif").exists()


# ------------------------------------------------------------------ info and verify


def test_info_as_json(tmp_path, run):
    demzip.compress(CORPUS / "lidar_cm_float32.tif", tmp_path / "x.dz", block=128)
    result = run("info", tmp_path / "x.dz", "--json")
    found = json.loads(result.stdout)
    size = (tmp_path / "x.dz").stat().st_size
    with rasterio.open(CORPUS / "lidar_cm_float32.tif") as dataset:
        assert (found["rows"], found["cols"]) == dataset.shape
        assert tuple(found["transform"]) == dataset.transform[:6]
        assert found["tags"] == {"": dataset.tags()}
        (band,) = found["bands"]
        assert band["tags"] == {"": dataset.tags(1)}
        samples = dataset.height * dataset.width
    expected = {
        "format_version": FORMAT_VERSION, "block": 128, "blocks": 6, "bytes": size,
        "bits_per_elevation": 8 * size / samples, "ratio": 4 * samples / size,
        "crs": "WGS 84 / UTM zone 32N (EPSG:32632)", "complete": True, "mask": False,
        "gcps": [], "overviews": [],
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    expected = {
        "dtype": "float32", "values": "float32 on a 0.01 grid", "predictor": "lagrange24",
        "nodata": -9999.0, "units": "m",
    }  # fmt: skip
    assert {name: band[name] for name in expected} == expected
    text = run("info", tmp_path / "x.dz").stdout
    for word in ("float32 on a 0.01 grid", "lagrange24", "EPSG:32632", "-9999.0", "synthetic"):
        assert word in text


def test_info_reads_the_header_only(packed, run):
    data = packed.read_bytes()
    packed.write_bytes(data[:-1])
    result = run("info", packed, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["complete"] is False
    assert "1 byte too short" in result.stderr
    packed.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert run("info", packed).exit_code == 0


def test_json_has_no_nan(tmp_path, run):
    values = np.array([[1, np.nan]], "float32")
    (tmp_path / "x.dz").write_bytes(demzip.encode(values, nodata=np.nan))
    result = run("info", tmp_path / "x.dz", "--json")
    (band,) = json.loads(result.stdout, parse_constant=pytest.fail)["bands"]
    assert band["nodata"] == "nan"


def test_info_of_several_bands(tmp_path, run):
    values = np.stack([np.arange(400).reshape(20, 20)] * 2).astype("int16")
    bands = (Band(nodata=5, tags={"": {"WHAT": "ground"}}), Band(scale=0.5, description="top"))
    about = Georeference(bands=bands, overviews=(2, 4), tags={"PLACE": {"NAME": "here"}})
    (tmp_path / "x.dz").write_bytes(demzip.encode(values, georeference=about))
    found = json.loads(run("info", tmp_path / "x.dz", "--json").stdout)
    assert [band["nodata"] for band in found["bands"]] == [5, None]
    assert found["raw_bytes"] == values.nbytes
    assert found["blocks"] == 2
    lines = [line.split() for line in run("info", tmp_path / "x.dz").stdout.splitlines()]
    for expected in (
        "bands 2", "band 1 values int16", "band 1 nodata 5.0", "band 1 tag WHAT ground",
        "band 2 description top", "band 2 elevation 0.5 * value + 0.0", "overviews 2, 4",
        "tag PLACE NAME here",
    ):  # fmt: skip
        assert expected.split() in lines


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


def test_verify_finds_differences(packed, run, assert_fails):
    assert_fails(run("verify", packed, CORPUS / "lakes_int16.tif"), 3, "tile.dz", "lakes_int16")
    with rasterio.open("tile.tif", "r+") as dataset:
        values = dataset.read(1)
        values[20, 30] += 1
        dataset.write(values, 1)
    assert_fails(run("verify", packed, "tile.tif"), 3, "row 20", "column 30")


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize("command", ["compress", "decompress", "entropy", "info", "verify"])
@pytest.mark.usefixtures("tile")
def test_missing_files(command, run, files, assert_fails):
    assert_fails(run(command, "missing.x"), 1, "missing.x")
    assert_fails(run(command, "."), 1, "folder")
    assert files() == ["tile.tif"]


@pytest.mark.parametrize("command", ["decompress", "info", "verify"])
def test_files_of_another_kind(command, tile, run, assert_fails):
    assert_fails(run(command, tile), 2, "tile.tif", "not a .dz file")
    Path("empty.dz").touch()
    assert_fails(run(command, "empty.dz"), 2, "empty.dz")
    Path("later.dz").write_bytes(b"\x89DMZ\r\n\x1a\n\x63" + bytes(40))
    assert_fails(run(command, "later.dz"), 4, "later.dz", "version 99")


@pytest.mark.parametrize("command", ["compress", "entropy"])
def test_inputs_of_another_kind(command, packed, run, assert_fails):
    assert_fails(run(command, packed, *["-o", "x.dz"][: 2 * (command == "compress")]), 2, "already")
    Path("x.txt").write_text("text", encoding="ascii")
    assert_fails(run(command, "x.txt"), 2, "x.txt", "not a raster")
    with rasterio.open("c.tif", "w", driver="GTiff", height=2, width=2, count=1,
                       dtype="complex64") as dataset:  # fmt: skip
        dataset.write(np.zeros((1, 2, 2), "complex64"))
    assert_fails(run(command, "c.tif"), 4, "c.tif", "complex64")


@pytest.mark.parametrize("command", ["decompress", "verify"])
def test_damaged_files(command, packed, run, files, assert_fails):
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


def test_outputs_that_cannot_be_written(packed, run, assert_fails):
    assert_fails(run("compress", "tile.tif", "-o", "no/x.dz"), 1, "no/x.dz")
    assert_fails(run("decompress", packed, "-o", "no/x.tif"), 1, "no/x.tif")
    assert_fails(run("compress", "tile.tif", "-o", "tile.tif", "-f"), 2, "same file")
    if Path("/proc/version").exists():  # a folder where not even root may make files
        assert_fails(run("compress", "tile.tif", "-o", "/proc/x.dz"), 1, "/proc/x.dz")
        assert_fails(run("decompress", packed, "-o", "/proc/x.tif"), 1, "/proc/x.tif")


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
@pytest.mark.usefixtures("tile")
def test_wrong_usage(arguments, words, run, files, assert_fails):
    assert_fails(run(*arguments), 2, *words)
    assert files() == ["tile.tif"]


def test_unexpected_errors_are_one_line_too(tile, monkeypatch, run, assert_fails):
    def broken():
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("demzip.cli.compress.say_if_first_run", broken)
    assert_fails(run("compress", tile), 1, "RuntimeError", "first", "DEMZIP_DEBUG")
    result = run("--debug", "compress", tile)
    assert isinstance(result.exception, RuntimeError)


# ------------------------------------------------------------------ salvage


def test_salvage_tells_what_is_lost(tmp_path, run, assert_fails):
    demzip.compress(CORPUS / "voids_int16.tif", tmp_path / "v.dz", block=64)
    data = bytearray((tmp_path / "v.dz").read_bytes())
    data[30] ^= 2
    data[-1] ^= 2
    (tmp_path / "v.dz").write_bytes(data)
    assert_fails(run("decompress", tmp_path / "v.dz"), 3, "v.dz", "header")
    result = run("decompress", tmp_path / "v.dz", "--salvage")
    assert result.exit_code == 3
    assert result.stdout == ""
    repaired, lost, summary = result.stderr.splitlines()
    assert "repaired: " in repaired
    assert "byte 30 " in repaired
    assert "lost: " in lost
    assert "block 15 (rows 192-249, columns 192-220)" in lost
    assert "1 block lost and filled" in summary
    with rasterio.open(tmp_path / "v.tif") as mine:
        found = mine.read(1)
    with rasterio.open(CORPUS / "voids_int16.tif") as theirs:
        expected = theirs.read(1)
    expected[192:, 192:] = -32768
    assert np.array_equal(found, expected)


def test_salvage_with_a_fill(packed, run, assert_fails):
    packed.write_bytes(packed.read_bytes()[:-1])
    arguments = ("decompress", packed, "-o", "x.tif", "--salvage")
    assert_fails(run(*arguments), 2, "block 0", "--fill")
    assert_fails(run(*arguments, "--fill", "high"), 2, "--fill high")
    assert_fails(run("decompress", packed, "-o", "x.tif", "--fill", 3), 2, "salvage")
    assert not Path("x.tif").exists()
    assert run(*arguments, "--fill", -7).exit_code == 3
    with rasterio.open("x.tif") as dataset:
        assert (dataset.read(1) == -7).all()


# ------------------------------------------------------------------ small helpers


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (1_260_000, "1.26 MB"),
     (4_200_000_000, "4.2 GB"), (7.5e12, "7.5 TB")],
)  # fmt: skip
def test_sizes(count, text):
    assert console.size(count) == text


def test_tags_do_nothing_to_terminals(packed, run):
    about = Georeference(tags={"": {"NOTE": "a\x1b[31mb\nsize                 1 byte\u202e"}})
    Path("odd.dz").write_bytes(demzip.encode(np.zeros((1, 2), np.int16), georeference=about))
    lines = run("info", "odd.dz").stdout.splitlines()
    assert [line for line in lines if line.startswith("tag NOTE")] == [
        r"tag NOTE             a\x1b[31mb\nsize                 1 byte\u202e"
    ]
    assert sum(line.startswith("size") for line in lines) == 1
    result = run("verify", packed, "odd\x1b[31m\n.tif")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr
