"""A raster that GDAL opens, as the encoder sees it: windows of one band, read from any thread."""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from demzip.container.layout import MAGIC
from demzip.errors import DemzipError, OptionsError, UnsupportedError
from demzip.io.files import PathLike, is_remote
from demzip.io.metadata import read_georeference
from demzip.io.quiet import without_warnings
from demzip.raster.values import DTYPES

AnyArray = NDArray[np.generic]

CACHE_BYTES = 256 << 20  # rows of blocks that are kept; smaller rasters are read only once


class RasterSource:
    """Band 1 of an open dataset.

    GDAL datasets must not be used by two threads at once, so reads take turns. Files that are
    stored in strips would be decompressed anew for each block: whole rows of blocks are kept.

    Attributes:
        name: What the dataset was opened as.
        shape: Rows and columns.
        dtype: Name of the values' dtype.
        georeference: Metadata.
        notes: What of the dataset a .dz file does not carry, in words.

    """

    def __init__(self, dataset: DatasetReader, name: str, block: int) -> None:
        self.name = name
        self.shape: tuple[int, int] = (dataset.height, dataset.width)
        self.dtype = str(dataset.dtypes[0])
        self.georeference = read_georeference(dataset)
        self.notes = tuple(_uncarried(dataset))
        self._dataset = dataset
        self._block = block
        self._kept: OrderedDict[int, AnyArray] = OrderedDict()
        band_bytes = block * dataset.width * np.dtype(self.dtype).itemsize
        self._keep = CACHE_BYTES // max(band_bytes, 1)
        self._lock = Lock()

    @property
    def raw_bytes(self) -> int:
        """Bytes of the samples, uncompressed."""
        return self.shape[0] * self.shape[1] * np.dtype(self.dtype).itemsize

    @property
    def file_bytes(self) -> int | None:
        """Bytes of the file, if it is a local one."""
        return os.path.getsize(self.name) if os.path.isfile(self.name) else None  # noqa: PTH113, PTH202

    def read(self, rows: slice, cols: slice) -> AnyArray:
        """Values of a window inside the raster; not to be modified."""
        band, last = rows.start // self._block, (rows.stop - 1) // self._block
        with self._lock:
            if band != last or self._keep < 2:
                return self._read(rows.start, rows.stop, cols.start, cols.stop)
            if band not in self._kept:
                top = band * self._block
                bottom = min(top + self._block, self.shape[0])
                self._kept[band] = self._read(top, bottom, 0, self.shape[1])
                if len(self._kept) > self._keep:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(band)
            values = self._kept[band]
        top = rows.start - band * self._block
        return values[top : top + rows.stop - rows.start, cols]

    def _read(self, top: int, bottom: int, left: int, right: int) -> AnyArray:
        right = min(right, self.shape[1])
        bottom = min(bottom, self.shape[0])
        window = Window(left, top, right - left, bottom - top)
        try:
            values: AnyArray = self._dataset.read(1, window=window)
        except RasterioError as error:
            raise DemzipError(
                f"{self.name}: rows {top}-{bottom - 1} cannot be read ({_detail(error)})"
            ) from error
        return values


@contextmanager
def open_source(path: PathLike, block: int) -> Iterator[RasterSource]:
    """Open a raster for encoding.

    Args:
        path: Whatever rasterio opens: a file, a URL, a name of a subdataset.
        block: Rows that will be asked for together.

    Raises:
        DemzipError: It does not exist or cannot be read.
        OptionsError: It is no raster.
        UnsupportedError: It has several bands or a dtype that demzip does not code.

    """
    name = os.fspath(path)
    with open_raster(name) as dataset:
        _check(dataset, name)
        yield RasterSource(dataset, name, block)


@contextmanager
def open_raster(name: str) -> Iterator[DatasetReader]:
    """Open a raster without rasterio's warning about missing georeferencing."""
    try:
        with without_warnings():
            dataset = rasterio.open(name)
    except RasterioError as error:
        raise _why_not(name, error) from error
    except ValueError as error:  # a zero byte in the name
        raise DemzipError(f"{name!r}: cannot be opened ({error})") from error
    with dataset:
        yield dataset


def _check(dataset: DatasetReader, name: str) -> None:
    if dataset.count == 0 and dataset.subdatasets:
        raise UnsupportedError(
            f"{name}: has several rasters; name one of them, for instance {dataset.subdatasets[0]}"
        )
    if dataset.count != 1:
        raise UnsupportedError(
            f"{name}: has {dataset.count} bands; this version codes rasters of one band"
        )
    dtype = str(dataset.dtypes[0])
    if dtype not in DTYPES:
        raise UnsupportedError(
            f"{name}: {dtype} samples are not supported; demzip codes {', '.join(DTYPES)}"
        )


def _uncarried(dataset: DatasetReader) -> Iterator[str]:
    if MaskFlags.per_dataset in dataset.mask_flag_enums[0]:
        yield "its mask band is not carried; declare a no-data value instead"


def _detail(error: Exception) -> str:
    """GDAL's message; rasterio's own often only points at it."""
    return str(error.__cause__ or error).strip().rstrip(".")


def _why_not(name: str, error: RasterioError) -> DemzipError:
    """The error to raise for a raster that cannot be opened."""
    path = Path(name)
    try:
        if not is_remote(name) and path.is_file():
            with path.open("rb") as file:
                if file.read(len(MAGIC)) == MAGIC:
                    return OptionsError(f"{name}: is a .dz file already")
            if "not recognized" in str(error):
                return OptionsError(f"{name}: is not a raster that GDAL can read")
        if not is_remote(name) and path.is_dir():
            return DemzipError(f"{name}: is a folder, not a raster")
    except OSError:
        pass  # then GDAL's own message has to do
    detail = _detail(error).removeprefix(f"{name}: ")
    return DemzipError(f"{name}: cannot be opened ({detail})")
