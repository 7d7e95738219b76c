"""Helpers of the tests of files, as fixtures."""

import numpy as np
import pytest
import rasterio

from demzip.io.masks import has_mask
from tests.geotiffs import about


def _save(path, values, **options):
    """Write a GeoTIFF and give its path."""
    tags = options.pop("tags", {})
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[-2], width=values.shape[-1],
        count=1 if values.ndim == 2 else values.shape[0], dtype=values.dtype, **options,
    ) as dataset:  # fmt: skip
        dataset.update_tags(**tags)
        dataset.write(values, 1 if values.ndim == 2 else None)
    return path


@pytest.fixture
def save():
    return _save


def _relief(rows, cols, dtype="int16", seed=1):
    """Smooth ground with a little noise."""
    rng = np.random.default_rng(seed)
    ramp = np.add.outer(np.arange(rows) % 97, np.arange(cols) % 61)
    return (ramp + rng.integers(0, 9, (rows, cols))).astype(dtype)


@pytest.fixture
def relief():
    return _relief


def _content(path):
    """Samples and mask, as bytes, and rasterio's view of the metadata."""
    with rasterio.open(path) as dataset:
        mask = dataset.read_masks(1).tobytes() if has_mask(dataset) else None
        samples = [dataset.read(band).tobytes() for band in dataset.indexes]
        shape, crs = dataset.shape, dataset.crs
    # Texts of a CRS may differ; a GeoTIFF's first band is gray if it is nothing else.
    return samples, mask, shape, crs, about(path) | {
        "crs": "see above",
        "colorinterp": _colors(path).replace("undefined: 0", "gray: 1", 1),
    }


def _colors(path):
    with rasterio.open(path) as dataset:
        return repr(dataset.colorinterp)


@pytest.fixture
def content():
    return _content


def _files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def files():
    return _files
