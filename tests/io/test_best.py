"""Files made with `best`: read in windows, verified, salvaged, told of as any other."""

import json

import numpy as np
import pytest
import rasterio

import demzip
from demzip.codec import open_bytes
from tests import terrain

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

BLOCK = 128


@pytest.fixture
def values(relief):
    """Two bands with holes: one ever rougher to the east, one level in parts."""
    ground = (terrain.relief(260, 200, seed=1) * np.linspace(0, 5, 200)).astype(np.int16)
    made = np.stack([ground, relief(260, 200, seed=2) // 40 * 40])
    made[:, 20:60, 30:40] = -9999
    return made


@pytest.fixture
def packed(tmp_path, save, values):
    save(tmp_path / "a.tif", values, nodata=-9999)
    demzip.compress(tmp_path / "a.tif", best=True, block=BLOCK, jobs=2)
    return tmp_path / "a.dz"


def coders(path):
    return [plane.coder for plane in open_bytes(path.read_bytes()).planes]


def test_it_is_smaller_and_comes_back(tmp_path, values, packed):
    assert coders(packed) == ["adaptive", "adaptive"]
    demzip.compress(tmp_path / "a.tif", tmp_path / "b.dz", block=BLOCK)
    assert coders(tmp_path / "b.dz") == ["tables", "tables"]
    assert packed.stat().st_size < (tmp_path / "b.dz").stat().st_size
    demzip.decompress(packed, tmp_path / "b.tif", jobs=2)
    with rasterio.open(tmp_path / "b.tif") as dataset:
        assert dataset.read().tobytes() == values.tobytes()
    demzip.verify(packed, tmp_path / "a.tif")


def test_windows(values, packed):
    with demzip.open(packed) as dem:
        found = dem.read(2, window=((40, 111), (33, 60)))
    assert found.tobytes() == values[1, 40:111, 33:60].tobytes()


def test_threads_change_nothing(tmp_path, packed):
    demzip.compress(tmp_path / "a.tif", tmp_path / "b.dz", best=True, block=BLOCK)
    assert (tmp_path / "b.dz").read_bytes() == packed.read_bytes()


def test_one_block_is_lost_and_no_other(tmp_path, values, packed):
    data = bytearray(packed.read_bytes())
    decoder = open_bytes(bytes(data))
    box = decoder.grid.box(3)
    entry = decoder.entry(1, box)
    data[entry.offset + entry.size // 2] ^= 0x10
    packed.write_bytes(data)
    done = demzip.decompress(packed, tmp_path / "b.tif", salvage=True)
    (lost,) = done.lost
    assert (lost.band, lost.rows, lost.cols) == (2, (128, 256), (128, 200))
    values[1, 128:256, 128:200] = -9999
    with rasterio.open(tmp_path / "b.tif") as dataset:
        assert dataset.read().tobytes() == values.tobytes()


@pytest.mark.usefixtures("values")
@pytest.mark.parametrize("predictor", ["jpeg4", "lagrange8", "auto"])
def test_any_predictor(tmp_path, packed, predictor):
    demzip.compress(tmp_path / "a.tif", packed, predictor=predictor, best=True, overwrite=True)
    demzip.verify(packed, tmp_path / "a.tif")


def test_floats(tmp_path, save, relief):
    """Bands on a grid are coded adaptively; bands of true floats are as without it."""
    ground = relief(90, 80, "float32") / np.float32(10)
    save(tmp_path / "a.tif", np.stack([ground, np.sin(ground)]), nodata=np.nan)
    demzip.compress(tmp_path / "a.tif", best=True)
    planes = open_bytes((tmp_path / "a.dz").read_bytes()).planes
    assert [plane.value_map.rule for plane in planes] == ["ratio", "real"]
    demzip.verify(tmp_path / "a.dz", tmp_path / "a.tif")


def test_command(tmp_path, packed, invoke):
    result = invoke("compress", tmp_path / "a.tif", "-o", tmp_path / "c.dz", "--best", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["bytes"] < packed.stat().st_size
    bands = json.loads(invoke("info", tmp_path / "c.dz", "--json").stdout)["bands"]
    assert [band["coder"] for band in bands] == ["adaptive", "adaptive"]
    assert "adaptive" in invoke("info", tmp_path / "c.dz").stdout
    result = invoke("compress", tmp_path / "a.tif", "-o", tmp_path / "d.dz", "--best", "--block", 7)
    assert result.exit_code == 2
    assert not (tmp_path / "d.dz").exists()


@pytest.fixture
def invoke():
    from typer.testing import CliRunner  # noqa: PLC0415  only here

    from demzip.cli.app import app  # noqa: PLC0415

    return lambda *arguments: CliRunner().invoke(app, [str(part) for part in arguments])
