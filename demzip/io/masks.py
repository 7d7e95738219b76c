"""Masks that belong to a dataset, not to alpha bands or no-data values."""

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.windows import Window

# Where masks are made: inside the GeoTIFF (there, 255 is kept and 0 is), not in a file beside it.
MASK_OPTIONS = {"GDAL_TIFF_INTERNAL_MASK": True}


def has_mask(dataset: DatasetReader) -> bool:
    """Whether one mask of its own belongs to all bands.

    Masks that follow from an alpha band, from no-data values or from the tag NODATA_VALUES come
    back with these; a mask for each band (VRTs may have them) counts only if there is one band.
    """
    flags = dataset.mask_flag_enums
    own = [[MaskFlags.per_dataset], []] if dataset.count == 1 else [[MaskFlags.per_dataset]]
    return all(list(band) in own for band in flags)


def has_masks_of_bands(dataset: DatasetReader) -> bool:
    """Whether bands have masks of their own, which a .dz file does not carry."""
    return dataset.count > 1 and any(not band for band in dataset.mask_flag_enums)


def read_mask(dataset: DatasetReader, window: Window | None = None) -> NDArray[np.uint8]:
    """The mask of a dataset that has one, 0 for invalid; uint8, rows x columns of the window."""
    found: NDArray[np.uint8] = dataset.read_masks(1, window=window)
    return found


def write_mask(
    dataset: DatasetWriter, mask: NDArray[np.uint8], window: Window | None = None
) -> None:
    """Write the mask into a GeoTIFF, in an environment with MASK_OPTIONS.

    A TIFF has one bit for each sample: every value but 0 becomes 255.
    """
    dataset.write_mask(mask, window=window)
