"""What can be put into a GeoTIFF only when its samples are there and it is closed."""

from contextlib import suppress
from pathlib import Path

import rasterio
from rasterio.enums import OverviewResampling, Resampling
from rasterio.errors import OverviewCreationError

from demzip.io.nodata import correct_nodata
from demzip.io.quiet import without_warnings
from demzip.raster.georeference import Georeference

OVERVIEW_OPTIONS = {"GDAL_PAM_ENABLED": False, "TIFF_USE_OVR": False}


def finish_geotiff(path: Path, georeference: Georeference, dtype: str) -> None:
    """The exact no-data value and overviews; without GDAL's copy of the IMD tags beside the file.

    Raises:
        RasterioError: GDAL cannot open the file.
        OSError: The file cannot be written.

    """
    correct_nodata(path, georeference, dtype)
    build_overviews(path, georeference)
    if "IMD" in georeference.tags:  # they are in the file, too
        path.with_suffix(".IMD").unlink(missing_ok=True)


def build_overviews(path: Path, georeference: Georeference) -> None:
    """Make overviews with the factors of the original.

    Their samples are derived from those of the raster: they need not be those of the original's
    overviews, which another program may have made in another way. If GDAL refuses (several of one
    sample), there are none.
    """
    if not georeference.overviews:
        return
    name = georeference.overview_resampling
    how = Resampling[name] if name in OverviewResampling.__members__ else Resampling.nearest
    with (
        rasterio.Env(**OVERVIEW_OPTIONS),
        without_warnings(),
        rasterio.open(path, "r+") as dataset,
        suppress(OverviewCreationError),
    ):
        dataset.build_overviews(list(georeference.overviews), how)
