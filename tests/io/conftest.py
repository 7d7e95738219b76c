"""Helpers of the tests of files, as fixtures."""

import numpy as np
import pytest
import rasterio


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
    """Samples, as bytes, and all metadata of a raster."""
    with rasterio.open(path) as dataset:
        about = {
            name: getattr(dataset, name)
            for name in ("shape", "dtypes", "crs", "transform", "units", "descriptions", "scales",
                         "offsets")
        }  # fmt: skip
        about["nodata"] = repr(dataset.nodata)
        about["tags"] = dataset.tags()
        about["band_tags"] = dataset.tags(1)
        return dataset.read(1).tobytes(), about


@pytest.fixture
def content():
    return _content


def _files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def files():
    return _files
