"""Lossless compression of digital elevation models.

A raster passes these stages on its way into a .dz file, and the same ones backwards on its way out:

    raster -> samples (exact integers) -> blocks -> prediction -> residual -> context
           -> range coder -> container

Arrays:

    data = demzip.encode(array, predictor="lagrange24", nodata=-9999)
    array = demzip.decode(data)

Files:

    demzip.compress("tile.tif", "tile.dz")
    demzip.decompress("tile.dz", "tile.tif")
    demzip.verify("tile.dz", "tile.tif")
    with demzip.open("tile.dz") as dem:
        window = dem.read(window=((0, 100), (50, 150)))

Heights between samples, of .dz files and of rasters alike:

    with demzip.open_terrain("tile.dz") as terrain:
        height = terrain.sample(7.52, 46.49, method="biquintic-36", crs="EPSG:4326")

Everything that goes wrong on purpose is a `DemzipError`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from demzip import errors
from demzip.errors import (
    CorruptError,
    DemzipError,
    OptionsError,
    TruncatedError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from demzip.codec import decode, encode
    from demzip.io.approximate import (
        ApproximateOptions,
        ImplicitDataset,
        fit_implicit,
        open_implicit,
        render_implicit,
    )
    from demzip.io.dataset import Dataset, open  # noqa: A004  the name users expect, as in rasterio
    from demzip.io.geotiff import compress, decompress, verify
    from demzip.io.terrain import open_terrain
    from demzip.options import FitOptions
    from demzip.predict.templates import PREDICTORS
    from demzip.raster.georeference import Georeference

__version__ = "0.1.0"

__all__ = [
    "PREDICTORS",
    "ApproximateOptions",
    "CorruptError",
    "Dataset",
    "DemzipError",
    "FitOptions",
    "Georeference",
    "ImplicitDataset",
    "OptionsError",
    "TruncatedError",
    "UnsupportedError",
    "__version__",
    "compress",
    "decode",
    "decompress",
    "encode",
    "errors",
    "fit_implicit",
    "open",
    "open_implicit",
    "open_terrain",
    "render_implicit",
    "verify",
]

# Imported when first used: NumPy, Numba and rasterio take longer than a short command.
_HOMES = {
    "PREDICTORS": "demzip.predict.templates",
    "ApproximateOptions": "demzip.io.approximate",
    "Dataset": "demzip.io.dataset",
    "FitOptions": "demzip.options",
    "Georeference": "demzip.raster.georeference",
    "ImplicitDataset": "demzip.io.approximate",
    "compress": "demzip.io.geotiff",
    "decode": "demzip.codec",
    "decompress": "demzip.io.geotiff",
    "encode": "demzip.codec",
    "fit_implicit": "demzip.io.approximate",
    "open": "demzip.io.dataset",
    "open_implicit": "demzip.io.approximate",
    "render_implicit": "demzip.io.approximate",
    "open_terrain": "demzip.io.terrain",
    "verify": "demzip.io.geotiff",
}


def __getattr__(name: str) -> object:
    """Import a public name's module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'demzip' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Names for completion, those not imported yet among them."""
    return sorted({*globals(), *__all__})
