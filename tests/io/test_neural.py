"""Files made with `neural`: read in windows, verified, salvaged, told of as any other."""

import json
import sys

import numpy as np
import pytest
import rasterio

import demzip
from demzip import FitOptions
from demzip.codec import neural, open_bytes
from demzip.codec.best import BestEncoder
from demzip.scan.neural.shipped import shipped
from tests import terrain
from tests.unit import make

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

BLOCK = 64


@pytest.fixture(autouse=True)
def networks(monkeypatch):
    """Whatever is smaller, a network codes the blocks."""
    monkeypatch.setattr(BestEncoder, "smallest", make.with_network)


@pytest.fixture
def values():
    """Two bands with holes."""
    made = np.stack([terrain.relief(130, 100, seed=seed) for seed in (1, 2)]).astype(np.int16)
    made[:, 20:60, 30:40] = -9999
    return made


@pytest.fixture
def packed(tmp_path, save, values):
    save(tmp_path / "a.tif", values, nodata=-9999)
    demzip.compress(tmp_path / "a.tif", predictor="neural", block=BLOCK, jobs=2)
    return tmp_path / "a.dz"


def test_it_comes_back(tmp_path, values, packed):
    planes = open_bytes(packed.read_bytes()).planes
    assert [plane.coder for plane in planes] == ["neural", "neural"]
    demzip.decompress(packed, tmp_path / "b.tif", jobs=2)
    with rasterio.open(tmp_path / "b.tif") as dataset:
        assert dataset.read().tobytes() == values.tobytes()
    demzip.verify(packed, tmp_path / "a.tif")


def test_windows(values, packed):
    with demzip.open(packed) as dem:
        found = dem.read(2, window=((40, 111), (33, 90)))
    assert found.tobytes() == values[1, 40:111, 33:90].tobytes()


def test_threads_change_nothing(tmp_path, packed):
    demzip.compress(tmp_path / "a.tif", tmp_path / "b.dz", predictor="neural", block=BLOCK)
    assert (tmp_path / "b.dz").read_bytes() == packed.read_bytes()


def test_one_block_is_lost_and_no_other(tmp_path, values, packed):
    data = bytearray(packed.read_bytes())
    decoder = open_bytes(bytes(data))
    entry = decoder.entry(1, decoder.grid.box(3))
    data[entry.offset + entry.size // 2] ^= 0x10
    packed.write_bytes(data)
    with pytest.raises(demzip.CorruptError, match="band 2, block 3"):
        demzip.verify(packed)
    done = demzip.decompress(packed, tmp_path / "b.tif", salvage=True)
    (lost,) = done.lost
    assert (lost.band, lost.rows, lost.cols) == (2, (64, 128), (64, 100))
    values[1, 64:128, 64:100] = -9999
    with rasterio.open(tmp_path / "b.tif") as dataset:
        assert dataset.read().tobytes() == values.tobytes()


def test_a_wrong_byte_in_the_network_is_put_right(tmp_path, values, packed, monkeypatch):
    """It lies before the blocks."""
    monkeypatch.setattr(neural, "fit_network", lambda _known, base, *_: base or shipped(1))
    demzip.compress(
        tmp_path / "a.tif", packed, predictor="neural", block=BLOCK, overwrite=True,
        fit=FitOptions(),
    )  # fmt: skip
    data = bytearray(packed.read_bytes())
    data[open_bytes(bytes(data)).front_bytes // 2] ^= 0x40
    packed.write_bytes(data)
    done = demzip.decompress(packed, tmp_path / "b.tif", salvage=True)
    assert done.repair is not None
    with rasterio.open(tmp_path / "b.tif") as dataset:
        assert dataset.read().tobytes() == values.tobytes()


def test_masks_are_not_fitted_to(tmp_path, save, values, monkeypatch):
    """A network may code them, but the shipped one."""
    scratch = []

    def fitted(_known, base, *_):
        scratch.append(base is None)
        return base or shipped(1)

    monkeypatch.setattr(neural, "fit_network", fitted)
    path = save(tmp_path / "m.tif", values[0])
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        dataset.write_mask((values[1] % 3 > 0).astype(np.uint8) * 255)
    demzip.compress(path, predictor="neural", block=BLOCK, fit=FitOptions())
    assert scratch == [False, True]
    planes = open_bytes((tmp_path / "m.dz").read_bytes()).planes
    assert [plane.network for plane in planes] == ["none that is shipped, fitted", "number 1"]
    demzip.verify(tmp_path / "m.dz", path)


@pytest.fixture
def invoke():
    from typer.testing import CliRunner  # noqa: PLC0415  only here

    from demzip.cli.app import app  # noqa: PLC0415

    return lambda *arguments: CliRunner().invoke(app, [str(part) for part in arguments])


def test_command(tmp_path, packed, invoke):
    made = tmp_path / "c.dz"
    result = invoke("compress", tmp_path / "a.tif", "-o", made, "-p", "neural", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["predictor"] == "neural"
    found = json.loads(invoke("info", made, "--json").stdout)
    assert found["block"] == 1216
    assert [(band["coder"], band["network"]) for band in found["bands"]] == [
        ("neural", "number 1")
    ] * 2
    assert "number 1" in invoke("info", made).stdout
    tables = invoke("compress", tmp_path / "a.tif", "-o", packed, "-f")
    assert tables.exit_code == 0
    band = json.loads(invoke("info", packed, "--json").stdout)["bands"][0]
    assert band["network"] is None


def test_fitting_without_jax(tmp_path, packed, invoke, monkeypatch):
    """Said before anything is read; nothing is written."""
    monkeypatch.setitem(sys.modules, "jax", None)
    arguments = "compress", tmp_path / "a.tif", "-o", tmp_path / "d.dz", "-p", "neural"
    result = invoke(*arguments, "--fit")
    assert result.exit_code == 1
    assert "pip install demzip[neural]" in result.output
    assert not (tmp_path / "d.dz").exists()
    demzip.verify(packed)
    assert invoke(*arguments).exit_code == 0, "what is shipped needs no JAX"
