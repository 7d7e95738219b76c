"""Reliefs of whole rasters: strips, cells on the ground, files."""

import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from rasterio.transform import Affine

import demzip
from demzip.errors import DemzipError, OptionsError, UnsupportedError
from demzip.io.relief import write_relief
from demzip.surface import hillshade
from demzip.terrain.relief import Light, cell_sizes, means
from tests.terrain import relief

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
GDALDEM = shutil.which("gdaldem")
ALPS = Affine(0.01, 0, 7.0, 0, -0.02, 47.0)
TURNED = Affine(26.0, -10.0, 500_000.0, 15.0, 17.3, 5_000_000.0)
METRIC = Affine(30.0, 0, 500_000.0, 0, -20.0, 5_000_000.0)


def write(path, values, transform=METRIC, crs="EPSG:32632", nodata=None, units=None):
    where = {} if transform is None else {"transform": transform}
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype=values.dtype, crs=crs, nodata=nodata, **where,
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
        if units:
            dataset.set_band_unit(1, units)
    return path


@pytest.fixture
def hills(tmp_path):
    """A raster of 150 x 90 samples, some missing, and its heights."""
    values = (10 * relief(150, 90)).astype("int16")
    values[20:25, 30:60] = -999
    values[64, 5] = -999
    heights = np.where(values == -999, np.nan, values)
    return write(tmp_path / "hills.tif", values, nodata=-999), heights


pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("light", [Light(), Light(90.0, 30.0, 2.0), Light(multidirectional=True)])
def test_strips_make_the_whole(hills, tmp_path, light, jobs):
    """Blocks of 16 rows, so that neighbours of many samples are in other strips."""
    path, heights = hills
    demzip.compress(path, tmp_path / "hills.dz", block=16)
    write_relief(tmp_path / "hills.dz", tmp_path / "out.tif", light, jobs=jobs)
    expected = light.shade(heights, np.full(150, 30.0), np.full(150, 20.0))
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert (dataset.read(1) == expected).all()
        assert dataset.dtypes == ("uint8",)
        assert dataset.nodata == 0
        assert dataset.transform == METRIC
        assert dataset.crs == rasterio.crs.CRS.from_epsg(32632)
        assert dataset.compression == rasterio.enums.Compression.deflate


def test_edges_may_be_left_out(hills, tmp_path):
    path, heights = hills
    write_relief(path, tmp_path / "out.tif", Light(edges=False))
    with rasterio.open(tmp_path / "out.tif") as dataset:
        found = dataset.read(1)
    assert (found == hillshade(heights, 30.0, 20.0, edges=False)).all()
    assert not found[0].any()
    assert not found[:, -1].any()


def test_a_large_raster_is_tiled(tmp_path):
    path = write(tmp_path / "large.tif", relief(1100, 700).astype("int16"))
    write_relief(path, tmp_path / "out.tif", Light(), jobs=2)
    with rasterio.open(tmp_path / "out.tif") as dataset, demzip.open_terrain(path) as terrain:
        heights = terrain.window(slice(0, 1100), slice(0, 700))
        assert dataset.block_shapes == [(512, 512)]
        assert (dataset.read(1) == hillshade(heights, 30.0, 20.0)).all()


# ---- cells ------------------------------------------------------------------------------------


def sizes(path, factor=1):
    with demzip.open_terrain(path) as terrain:
        return cell_sizes(terrain, factor)


def test_cells_of_a_geographic_crs_are_those_of_each_row(tmp_path):
    path = write(tmp_path / "alps.tif", np.ones((40, 30), "int16"), ALPS, "EPSG:4326")
    across, down = sizes(path)
    geod = pyproj.Geod(ellps="WGS84")
    for row in (0, 17, 39):
        lat = 47.0 - 0.02 * (row + 0.5)
        assert across[row] == pytest.approx(geod.inv(7.0, lat, 7.01, lat)[2], rel=1e-9)
        assert down[row] == pytest.approx(geod.inv(7.0, lat - 0.01, 7.0, lat + 0.01)[2], rel=1e-9)
    assert (np.diff(across) > 0).all()
    wide, high = sizes(path, factor=4)
    assert wide.shape == high.shape == (10,)
    assert wide[3] == pytest.approx(4 * (across[13] + across[14]) / 2, rel=1e-6)
    assert high[3] == pytest.approx(down[12:16].sum(), rel=1e-6)


def test_rows_at_a_pole_have_cells(tmp_path):
    world = Affine(1.0, 0, -180.5, 0, -1.0, 90.5)  # posts at the poles
    path = write(tmp_path / "world.tif", relief(181, 361).astype("int16"), world, "EPSG:4326")
    across, down = sizes(path)
    assert (across > 100).all()
    assert across[0] == pytest.approx(across[-1], rel=1e-9)
    assert np.isfinite(down).all()
    write_relief(path, tmp_path / "out.tif", Light())
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert dataset.read(1).all()


@pytest.mark.parametrize(
    ("crs", "units", "expected"),
    [
        ("EPSG:32632", None, 30.0), ("EPSG:32632", "m", 30.0), ("EPSG:32632", "ft", 30 / 0.3048),
        ("EPSG:32632", "dBZ", 30.0), (None, None, 30.0),
        ("EPSG:2263", None, 30.0), ("EPSG:2263", "US survey foot", 30.0),
        ("EPSG:2263", "metre", 30 * 1200 / 3937),
    ],
)  # fmt: skip
def test_cells_are_in_the_unit_of_the_heights(tmp_path, crs, units, expected):
    """EPSG:2263 is in US survey feet."""
    path = write(tmp_path / "a.tif", np.ones((3, 4), "int16"), METRIC, crs, units=units)
    across, down = sizes(path)
    assert across == pytest.approx(np.full(3, expected))
    assert down == pytest.approx(np.full(3, expected * 2 / 3))


def test_the_same_ground_the_other_way_up_has_the_same_relief(hills, tmp_path):
    path, heights = hills
    values = np.where(np.isnan(heights), -999, heights).astype("int16")
    south_up = Affine(30.0, 0, 500_000.0, 0, 20.0, 5_000_000.0 - 150 * 20)
    write(tmp_path / "up.tif", values[::-1], south_up, nodata=-999)
    write_relief(path, tmp_path / "a.tif", Light())
    write_relief(tmp_path / "up.tif", tmp_path / "b.tif", Light())
    with rasterio.open(tmp_path / "a.tif") as a, rasterio.open(tmp_path / "b.tif") as b:
        assert (a.read(1) == b.read(1)[::-1]).all()
        assert b.transform == south_up


def test_without_any_georeferencing_rows_run_south(hills, tmp_path):
    _, heights = hills
    values = np.where(np.isnan(heights), -999, heights).astype("int16")
    path = write(tmp_path / "bare.tif", values, None, None, nodata=-999)
    write_relief(path, tmp_path / "out.tif", Light())
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert (dataset.read(1) == hillshade(heights, 1.0, 1.0)).all()
        assert dataset.crs is None


def test_a_turned_raster_is_refused(tmp_path):
    path = write(tmp_path / "turned.tif", np.ones((5, 5), "int16"), TURNED)
    with pytest.raises(UnsupportedError, match=r"turned\.tif.*north is not up.*gdalwarp"):
        write_relief(path, tmp_path / "out.tif", Light())
    assert not (tmp_path / "out.tif").exists()


def test_a_raster_beyond_the_poles_is_refused(tmp_path):
    """Metres under the name of a geographic CRS."""
    path = write(tmp_path / "wrong.tif", np.ones((500, 5), "int16"), METRIC, "EPSG:4326")
    with pytest.raises(UnsupportedError, match=r"^[^:]*wrong\.tif: .*beyond the poles"):
        write_relief(path, tmp_path / "out.tif", Light())
    assert not (tmp_path / "out.tif").exists()


# ---- gdaldem ----------------------------------------------------------------------------------


@pytest.mark.skipif(GDALDEM is None, reason="gdaldem is not installed")
@pytest.mark.parametrize("name", ["mountains_int16", "voids_int16"])
def test_gdaldem_agrees_in_metres_of_a_row(name, tmp_path):
    """A copy of a raster in degrees whose cells have the metres of one row, which gdaldem reads."""
    with rasterio.open(CORPUS / f"{name}.tif") as dataset:
        values, nodata = dataset.read(1), dataset.nodata
    write_relief(CORPUS / f"{name}.tif", tmp_path / "out.tif", Light())
    across, down = sizes(CORPUS / f"{name}.tif")
    for row in (0, values.shape[0] // 2, values.shape[0] - 1):
        metric = Affine(across[row], 0, 0, 0, -down[row], 0)
        write(tmp_path / "copy.tif", values, metric, "EPSG:32632", nodata)
        subprocess.run(
            [str(GDALDEM), "hillshade", "-q", "-compute_edges", tmp_path / "copy.tif",
             tmp_path / "gdal.tif"], check=True, timeout=60,
        )  # fmt: skip
        with rasterio.open(tmp_path / "out.tif") as a, rasterio.open(tmp_path / "gdal.tif") as b:
            found, expected = (dataset.read(1)[row].astype(int) for dataset in (a, b))
        assert np.abs(found - expected).max() <= 1


# ---- what can go wrong ------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (20, 1)])
def test_a_line_of_samples_has_no_relief(tmp_path, shape):
    path = write(tmp_path / "line.tif", np.ones(shape, "float32"))
    for name in ("out.tif", "out.png"):
        done = write_relief(path, tmp_path / name, Light())
        assert done.shape == shape
        with rasterio.open(tmp_path / name) as dataset:
            assert not dataset.read(1).any()


def test_a_raster_of_voids_has_no_relief(tmp_path):
    path = write(tmp_path / "void.tif", np.full((40, 30), np.nan, "float32"))
    write_relief(path, tmp_path / "out.tif", Light())
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert not dataset.read(1).any()


def test_a_plain_picture_has_the_samples_and_no_file_beside_it(hills, tmp_path):
    path, heights = hills
    write_relief(path, tmp_path / "out.png", Light())
    with rasterio.open(tmp_path / "out.png") as dataset:
        assert dataset.driver == "PNG"
        assert (dataset.read(1) == hillshade(heights, 30.0, 20.0)).all()
        assert dataset.nodata == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hills.tif", "out.png"]


def test_a_picture_that_cannot_be_packed_is_refused(tmp_path, monkeypatch, hills):
    monkeypatch.setattr("demzip.io.relief.MOST_PICTURE", 1000)
    with pytest.raises(UnsupportedError, match=r"150 x 90.*write a \.tif"):
        write_relief(hills[0], tmp_path / "out.png", Light())
    assert not (tmp_path / "out.png").exists()


def test_scale_and_offset_are_applied(tmp_path):
    values = relief(30, 30).astype("int16")
    write(tmp_path / "a.tif", values)
    with rasterio.open(tmp_path / "a.tif", "r+") as dataset:
        dataset.scales, dataset.offsets = (0.5,), (100.0,)
    write_relief(tmp_path / "a.tif", tmp_path / "out.tif", Light())
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert (dataset.read(1) == hillshade(values * 0.5, 30.0, 20.0)).all()
        assert dataset.scales == (1.0,)


def test_outputs_are_whole_or_absent(hills, tmp_path, monkeypatch):
    path, _ = hills
    with pytest.raises(OptionsError, match="same file"):
        write_relief(path, path, Light(), overwrite=True)
    (tmp_path / "out.tif").write_bytes(b"kept")
    with pytest.raises(OptionsError, match="exists already"):
        write_relief(path, tmp_path / "out.tif", Light())
    with pytest.raises(DemzipError, match="no folder"):
        write_relief(path, tmp_path / "no" / "out.tif", Light())

    def fails(*_arguments):
        raise rasterio.errors.RasterioIOError("the disk is on fire")

    monkeypatch.setattr("demzip.io.readback.checksum", fails)
    with pytest.raises(DemzipError, match=r"out\.tif: cannot be written \(the disk is on fire\)"):
        write_relief(path, tmp_path / "out.tif", Light(), overwrite=True)
    assert (tmp_path / "out.tif").read_bytes() == b"kept"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hills.tif", "out.tif"]


def test_progress_counts_all_samples(hills, tmp_path):
    calls = []
    write_relief(
        hills[0], tmp_path / "out.tif", Light(),
        progress=lambda stage, samples, total: calls.append((stage, samples, total)),
    )  # fmt: skip
    assert {call[0] for call in calls} == {"shading"}
    assert sum(call[1] for call in calls) == calls[0][2] == 150 * 90


# ---- means ------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1, 2, 7, 16, 150, 400])
def test_means_are_those_of_the_samples_that_are_there(hills, tmp_path, factor):
    path, heights = hills
    demzip.compress(path, tmp_path / "hills.dz", block=16)
    with demzip.open_terrain(tmp_path / "hills.dz") as terrain:
        found = means(terrain, factor)
    assert found.shape == (math.ceil(150 / factor), math.ceil(90 / factor))
    for (row, col), mean in np.ndenumerate(found):
        cell = heights[row * factor : (row + 1) * factor, col * factor : (col + 1) * factor]
        there = cell[np.isfinite(cell)].tolist()
        if there:
            assert mean == pytest.approx(math.fsum(there) / len(there), rel=1e-12)
        else:
            assert math.isnan(mean)
