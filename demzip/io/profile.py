"""How GeoTIFFs are laid out and packed, unless the caller says otherwise."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from demzip.codec import RasterDecoder
from demzip.errors import OptionsError
from demzip.io.metadata import creation_metadata
from demzip.raster.georeference import Georeference

TILE = 512
SMALL_TILE = 256
STRIP_SAMPLES = 1 << 18
WITH_PREDICTOR = ("DEFLATE", "LZW", "ZSTD")  # the compressors that take GDAL's PREDICTOR
# Words that rasterio takes as arguments of its own rather than as creation options.
RESERVED = ("driver", "mode", "width", "height", "count", "dtype", "crs", "transform", "nodata")


def tile_side(block: int) -> int:
    """Side of a TIFF tile of which blocks are multiples or the other way round."""
    if TILE % block == 0 or block % TILE == 0:
        return TILE
    return -(-SMALL_TILE // block) * block  # blocks are multiples of 16, as tiles must be


def rows_at_once(block: int) -> int:
    """Rows to write together, so that no tile is packed twice and no block decoded twice."""
    return max(block, tile_side(block))


def creation_options(
    dtype: str, shape: tuple[int, int], block: int, chosen: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """GDAL's creation options for a raster of `shape`; those in `chosen` win.

    Raises:
        OptionsError: One of `chosen` is not a creation option.

    """
    rows, cols = shape
    tile = tile_side(block)
    options: dict[str, Any] = {"COMPRESS": "DEFLATE", "BIGTIFF": "IF_SAFER"}
    if min(rows, cols) >= tile:
        options |= {"TILED": "YES", "BLOCKXSIZE": tile, "BLOCKYSIZE": tile}
    else:  # strips: all columns
        height = tile if cols < tile else max(STRIP_SAMPLES // cols, 1)
        options |= {"TILED": "NO", "BLOCKYSIZE": min(height, rows)}
    wanted = {key.upper(): value for key, value in (chosen or {}).items()}
    for key in wanted:
        if key.lower() in RESERVED:
            raise OptionsError(f"creation option {key}: that is metadata and comes from the file")
    if str(wanted.get("TILED", options["TILED"])).upper() != options["TILED"]:
        options = {key: value for key, value in options.items() if not key.startswith("BLOCK")}
    options |= wanted
    if str(options["COMPRESS"]).upper() in WITH_PREDICTOR:
        options.setdefault("PREDICTOR", 3 if dtype.startswith("float") else 2)
    return options


def profile(
    dtype: str,
    shape: tuple[int, int],
    block: int,
    georeference: Georeference,
    chosen: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Arguments with which rasterio.open makes the GeoTIFF of a raster."""
    options = creation_options(dtype, shape, block, chosen)
    if len(georeference.bands) > 1:  # bands are written one after the other
        options.setdefault("INTERLEAVE", "BAND")
    return {
        "driver": "GTiff",
        "height": shape[0],
        "width": shape[1],
        "dtype": dtype,
        **creation_metadata(georeference, dtype),
        **{key.lower(): value for key, value in options.items()},
    }


def decoder_profile(
    decoder: RasterDecoder, chosen: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Profile of the GeoTIFF that a .dz file becomes."""
    return profile(
        decoder.dtypes[0], decoder.shape, decoder.grid.size, decoder.georeference, chosen
    )


@contextmanager
def refusing_unknown_options() -> Iterator[None]:
    """Turn GDAL's log lines about creation options that it ignores into an error.

    Raises:
        OptionsError: There was one, for instance a misspelt compressor.

    """
    logger = logging.getLogger("rasterio._env")
    handler = _Complaints()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    if handler.found:
        raise OptionsError(f"creation option: {handler.found[0].rstrip('.')}")


class _Complaints(logging.Handler):
    """Collects what GDAL says about options on this thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line if it is about options."""
        name, _, text = record.getMessage().partition(" in ")
        about = name in {"CPLE_NotSupported", "CPLE_IllegalArg"}
        if about and record.thread == self._thread:
            self.found.append(text)
