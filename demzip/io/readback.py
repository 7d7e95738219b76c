"""What GDAL wrote, compared with what it was given: it swallows errors, a full disk among them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from demzip.codec import checksum
from demzip.errors import CorruptError
from demzip.io.source import open_raster


class ReadBack:
    """Checksums of the windows that are written to a raster.

    Args:
        path: What to call the raster in messages.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: list[tuple[Window, int]] = []

    def note(self, window: Window, values: NDArray[np.generic]) -> None:
        """Remember what was written to a window: (bands, rows, cols), of one band (rows, cols)."""
        self._written.append((window, checksum(values)))

    def check(self, temporary: Path) -> None:
        """Read all that was written, once the raster is closed.

        Args:
            temporary: Where it is.

        Raises:
            CorruptError: Something differs.
            DemzipError: It cannot be read.

        """
        with open_raster(str(temporary)) as dataset:
            for window, expected in self._written:
                if checksum(dataset.read(window=window)) != expected:
                    first, last = window.row_off, window.row_off + window.height - 1
                    raise CorruptError(
                        f"{self._path}: rows {first}-{last} are not those that were written; is "
                        "the disk full?"
                    )
