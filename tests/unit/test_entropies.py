"""Corrections of the predictors on real and made-up terrain, against an independent computation."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from demzip.io.comparison import compare_predictors
from demzip.predict.templates import JPEG_TAPS, LAGRANGE_TAPS
from tests import terrain

Int64Array = NDArray[np.int64]

# Bits per elevation of an earlier experiment; it left out the margins, and its crop is not known.
SOUTH_WALES = {
    "jpeg2": 3.91, "jpeg1": 3.87, "jpeg7": 3.49, "jpeg4": 2.82,
    "lagrange3": 2.81, "lagrange8": 2.68, "lagrange12": 2.55, "lagrange24": 2.54,
}  # fmt: skip
KEPT = ("mountains_int16.tif", "lidar_cm_float32.tif", "coast_int16.tif", "lakes_int16.tif")


def corrections(samples: Int64Array, name: str) -> Int64Array:
    """Corrections of a fixed predictor in a block, all but the first sample."""
    weights = JPEG_TAPS[name]
    x = samples.astype(np.int64)
    predicted = np.zeros_like(x)
    predicted[0, 1:] = x[0, :-1]
    predicted[1:, 0] = x[:-1, 0]
    west, north, northwest = x[1:, :-1], x[:-1, 1:], x[:-1, :-1]
    predicted[1:, 1:] = west + north - northwest
    w, n, nw = (weights.get(tap, 0) for tap in (21, 3, 2))
    fitted = (w * west + n * north + nw * northwest + 2048) >> 12
    predicted[3:, 3:-3] = fitted[2:, 2:-3]
    # Level ground: W, N, NW and NE alike; beyond the east edge a row goes on with its last sample.
    northeast = np.concatenate([x[:-1, 2:], x[:-1, -1:]], axis=1)
    level = (west == north) & (north == northwest) & (north == northeast)
    predicted[1:, 1:][level] = west[level]
    made: Int64Array = (x - predicted).ravel()[1:]
    return made


def entropy(values: Int64Array) -> float:
    share = np.unique(values, return_counts=True)[1] / values.size
    return float(-(share * np.log2(share)).sum())


@pytest.mark.parametrize("name", KEPT)
def test_fixed_predictors_on_kept_rasters(corpus: Path, name: str) -> None:
    with rasterio.open(corpus / name) as source:
        samples = np.rint(source.read(1).astype(np.float64) * (100 if "cm" in name else 1))
        if source.nodata is not None:
            assert not (source.read(1) == source.nodata).any()
    rows = compare_predictors(str(corpus / name), tuple(JPEG_TAPS)).rows
    for row in rows:
        expected = corrections(samples.astype(np.int64), row.name)
        assert row.entropy_bpe == pytest.approx(entropy(expected), abs=1e-9)
        assert row.corrections == np.unique(expected).size
        assert row.within[0] == pytest.approx((expected == 0).mean())


def test_fitted_predictors_leave_less_on_smooth_ground(tmp_path: Path) -> None:
    samples = terrain.relief(200, 200, noise=0.4).astype(np.int16)
    path = write(tmp_path / "smooth.tif", samples)
    rows = {row.name: row for row in compare_predictors(str(path), (*LAGRANGE_TAPS, "jpeg4")).rows}
    assert rows["lagrange24"].entropy_bpe < rows["lagrange3"].entropy_bpe + 0.02
    assert rows["lagrange12"].entropy_bpe < rows["jpeg4"].entropy_bpe


def write(path: Path, samples: NDArray[np.int16]) -> Path:
    rows, cols = samples.shape
    with rasterio.open(
        path, "w", driver="GTiff", dtype="int16", count=1, height=rows, width=cols,
        transform=Affine(50.0, 0.0, 0.0, 0.0, -50.0, 0.0),
    ) as target:  # fmt: skip
        target.write(samples, 1)
    return path


@pytest.mark.skipif("DEMZIP_CORPUS" not in os.environ, reason="DEMZIP_CORPUS names no folder")
def test_south_wales(tmp_path: Path) -> None:
    """The terrain of the paper: 1201 x 801 samples of 50 m, whole metres, the south-east corner."""
    path = Path(os.environ["DEMZIP_CORPUS"]) / "os50_south_wales.tif"
    if not path.exists():
        pytest.skip(f"{path} is missing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            metres = np.rint(source.read(1)).astype(np.int16)
    crop = metres[-1201:, -801:]
    assert crop.min() > -9999
    rows = compare_predictors(str(write(tmp_path / "crop.tif", crop)), tuple(SOUTH_WALES)).rows
    for row in rows:
        assert row.entropy_bpe == pytest.approx(SOUTH_WALES[row.name], abs=0.1)
