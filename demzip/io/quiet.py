"""Rasterio without its warnings about rasters that lie nowhere on the ground."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rasterio.errors import NotGeoreferencedWarning


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence NotGeoreferencedWarning: a raster without a transform is legal input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield
