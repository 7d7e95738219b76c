"""GeoTIFFs with metadata: made by rasterio, written by demzip, read by both."""

import numpy as np
import rasterio

from demzip.io.finishing import finish_geotiff
from demzip.io.masks import MASK_OPTIONS, write_mask
from demzip.io.metadata import OF_THE_FILE, read_georeference, write_rest
from demzip.io.profile import profile

PROPERTIES = (
    "count", "crs", "transform", "gcps", "rpcs", "dtypes", "nodatavals", "units", "descriptions",
    "scales", "offsets", "colorinterp", "mask_flag_enums",
)  # fmt: skip
ROWS, COLS = 40, 50
OPEN = {"GDAL_PAM_ENABLED": False, **MASK_OPTIONS}


def made(path, count=1, dtype="int16", setup=None, **options):
    """A GeoTIFF; `setup` is called with the open dataset."""
    with rasterio.Env(**OPEN), rasterio.open(
        path, "w", driver="GTiff", height=ROWS, width=COLS, count=count, dtype=dtype, **options
    ) as dataset:  # fmt: skip
        if setup:
            setup(dataset)
        dataset.write(np.arange(count * ROWS * COLS).reshape(count, ROWS, COLS).astype(dtype))
    return path


def written(path, georeference, dtype="int16", mask=None):
    """The GeoTIFF that a georeference becomes."""
    count = len(georeference.bands)
    with rasterio.Env(**OPEN):
        with rasterio.open(path, "w", **profile(dtype, (ROWS, COLS), 512, georeference)) as dataset:
            write_rest(dataset, georeference)
            dataset.write(np.ones((count, ROWS, COLS), dtype))
            if mask is not None:
                write_mask(dataset, mask)
        finish_geotiff(path, georeference, dtype)
    return path


def read(path):
    with rasterio.open(path) as dataset:
        return read_georeference(dataset)


def about(path):
    """Rasterio's own view, for comparison."""
    with rasterio.open(path) as dataset:
        found = {name: repr(getattr(dataset, name)) for name in PROPERTIES if name != "gcps"}
        points, crs = dataset.gcps
        found["gcps"] = [repr(point) for point in points], crs
        for number in (0, *dataset.indexes):
            for space in {"", *dataset.tag_namespaces(number)} - set(OF_THE_FILE):
                found[f"tags {number} {space}"] = dataset.tags(number, ns=space or None)
        for number in dataset.indexes:
            found[f"overviews {number}"] = dataset.overviews(number)
            try:
                found[f"colors {number}"] = dataset.colormap(number)
            except ValueError:
                found[f"colors {number}"] = None
        return found
