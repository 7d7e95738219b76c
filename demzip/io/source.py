"""A raster that GDAL opens, as the encoder sees it: windows of its planes, read from any thread."""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from demzip.codec import PlaneSource
from demzip.container.layout import MAGIC, PREFIX, read_prefix
from demzip.container.plane import BAND, MASK
from demzip.errors import DemzipError, OptionsError, UnsupportedError
from demzip.io.files import PathLike, is_remote, naming
from demzip.io.masks import has_masks_of_bands, read_mask
from demzip.io.metadata import read_georeference
from demzip.io.quiet import without_warnings
from demzip.raster.values import DTYPES

AnyArray = NDArray[np.generic]

CACHE_BYTES = 256 << 20  # rows of blocks that are kept; smaller rasters are read only once
GDAL_CACHE_BYTES = 128 << 20  # GDAL's own default is 5 % of the memory


class RasterSource:
    """Bands, and perhaps the mask, of an open dataset.

    GDAL datasets must not be used by two threads at once, so reads take turns. Files that are
    stored in strips would be decompressed anew for each block: whole rows of blocks are kept, one
    at least.

    Attributes:
        name: What the dataset was opened as.
        shape: Rows and columns.
        dtypes: Names of the dtypes of the bands.
        georeference: Metadata.
        planes: The bands, then the mask of the dataset if it has one.
        notes: What of the dataset a .dz file does not carry, or a GeoTIFF cannot, in words.

    """

    def __init__(self, dataset: DatasetReader, name: str, block: int) -> None:
        self.name = name
        self.shape: tuple[int, int] = (dataset.height, dataset.width)
        self.dtypes = tuple(map(str, dataset.dtypes))
        self.georeference = read_georeference(dataset)
        self.notes = tuple(_notes(dataset))
        self.planes = tuple(
            PlaneSource(partial(self.read, number), dtype, band.nodata, BAND)
            for number, (dtype, band) in enumerate(
                zip(self.dtypes, self.georeference.bands, strict=True)
            )
        )
        if self.georeference.mask:
            mask = partial(self.read, len(self.planes))
            self.planes += (PlaneSource(mask, "uint8", None, MASK),)
        self._dataset = dataset
        self._in_strips = dataset.block_shapes[0][1] >= dataset.width
        self._block = block
        self._kept: OrderedDict[tuple[int, int], AnyArray] = OrderedDict()
        self._kept_bytes = 0
        self._lock = Lock()
        self._closed = False

    @property
    def samples(self) -> int:
        """Samples of all bands."""
        return self.shape[0] * self.shape[1] * len(self.dtypes)

    @property
    def raw_bytes(self) -> int:
        """Bytes of the samples of all bands, uncompressed."""
        widths = sum(np.dtype(dtype).itemsize for dtype in self.dtypes)
        return self.shape[0] * self.shape[1] * widths

    @property
    def file_bytes(self) -> int | None:
        """Bytes of the file, if it is a local one."""
        # The name may be a whole VRT: too long a path, of which pathlib raises an error.
        return os.path.getsize(self.name) if os.path.isfile(self.name) else None  # noqa: PTH113, PTH202  see above

    def read(self, plane: int, rows: slice, cols: slice) -> AnyArray:
        """Values of a window inside the raster; not to be modified."""
        down, last = rows.start // self._block, (rows.stop - 1) // self._block
        row_bytes = self._block * self.shape[1] * np.dtype(self.planes[plane].dtype).itemsize
        with self._lock:
            if self._closed:
                raise OptionsError(f"{self.name}: the raster has been closed")
            if down != last or (2 * row_bytes > CACHE_BYTES and not self._in_strips):
                return self._read(plane, rows.start, rows.stop, cols.start, cols.stop)
            values = self._kept.get((plane, down))
            if values is None:
                top = down * self._block
                values = self._read(plane, top, top + self._block, 0, self.shape[1])
                self._keep((plane, down), values)
            self._kept.move_to_end((plane, down))
        top = rows.start - down * self._block
        return values[top : top + rows.stop - rows.start, cols]

    def close(self) -> None:
        """Let no thread read any more; one may still be at it when work is interrupted."""
        with self._lock:
            self._closed = True

    def _keep(self, key: tuple[int, int], values: AnyArray) -> None:
        self._kept[key] = values
        self._kept_bytes += values.nbytes
        while self._kept_bytes > CACHE_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= oldest.nbytes

    def _read(self, plane: int, top: int, bottom: int, left: int, right: int) -> AnyArray:
        right = min(right, self.shape[1])
        bottom = min(bottom, self.shape[0])
        window = Window(left, top, right - left, bottom - top)
        try:
            if self.planes[plane].role == MASK:
                return read_mask(self._dataset, window)
            values: AnyArray = self._dataset.read(plane + 1, window=window)
        except RasterioError as error:
            raise DemzipError(
                f"{self.name}: rows {top}-{bottom - 1} cannot be read ({detail(error)})"
            ) from error
        return values


def gdal_limits() -> rasterio.Env:
    """Environment in which GDAL's cache does not grow with the machine, unless the user says."""
    chosen = "GDAL_CACHEMAX" in os.environ
    return rasterio.Env(**({} if chosen else {"GDAL_CACHEMAX": GDAL_CACHE_BYTES}))


@contextmanager
def open_source(path: PathLike, block: int) -> Iterator[RasterSource]:
    """Open a raster for encoding.

    Args:
        path: Whatever rasterio opens: a file, a URL, a name of a subdataset.
        block: Rows that will be asked for together.

    Raises:
        DemzipError: It does not exist or cannot be read.
        OptionsError: It is no raster.
        UnsupportedError: It has a dtype that demzip does not code.

    """
    name = os.fspath(path)
    with gdal_limits(), open_raster(name) as dataset:
        check_raster(dataset, name)
        source = RasterSource(dataset, name, block)
        try:
            yield source
        finally:
            source.close()


@contextmanager
def open_raster(name: str) -> Iterator[DatasetReader]:
    """Open a raster for the length of a with statement."""
    with open_dataset(name) as dataset:
        yield dataset


def open_dataset(name: str) -> DatasetReader:
    """Open a raster without rasterio's warning about missing georeferencing.

    Raises:
        DemzipError: It does not exist or cannot be read.
        OptionsError: It is no raster.

    """
    try:
        with without_warnings():
            return rasterio.open(name)
    except RasterioError as error:
        raise _why_not(name, error) from error
    except ValueError as error:  # a zero byte in the name
        raise DemzipError(f"{name!r}: cannot be opened ({error})") from error


def check_raster(dataset: DatasetReader, name: str) -> None:
    """See that a dataset has bands, of dtypes that demzip knows.

    Raises:
        UnsupportedError: It has not.

    """
    if dataset.count == 0 and dataset.subdatasets:
        raise UnsupportedError(
            f"{name}: has several rasters; name one of them, for instance {dataset.subdatasets[0]}"
        )
    if dataset.count == 0:
        raise UnsupportedError(f"{name}: has no bands")
    for dtype in map(str, dataset.dtypes):
        if dtype not in DTYPES:
            raise UnsupportedError(
                f"{name}: {dtype} samples are not supported; demzip codes {', '.join(DTYPES)}"
            )


def _notes(dataset: DatasetReader) -> Iterator[str]:
    if has_masks_of_bands(dataset):
        yield "masks of single bands are not carried; declare a no-data value instead"
    if len(set(dataset.dtypes)) > 1:
        yield "its bands differ in dtype: demzip.open reads them, no GeoTIFF holds them together"


def detail(error: Exception) -> str:
    """GDAL's message; rasterio's own often only points at it."""
    return str(error.__cause__ or error).strip().rstrip(".")


def _why_not(name: str, error: RasterioError) -> DemzipError:
    """The error to raise for a raster that cannot be opened."""
    path = Path(name)
    try:
        if not is_remote(name) and path.is_file():
            with path.open("rb") as file:
                start = file.read(PREFIX.size)
                if start[: len(MAGIC)] == MAGIC:
                    with naming(name):
                        read_prefix(start)
                    return OptionsError(f"{name}: is a .dz file already")
            if "not recognized" in str(error):
                return OptionsError(f"{name}: is not a raster that GDAL can read")
        if not is_remote(name) and path.is_dir():
            return DemzipError(f"{name}: is a folder, not a raster")
    except OSError:
        pass  # then GDAL's own message has to do
    words = detail(error).removeprefix(f"{name}: ")
    return DemzipError(f"{name}: cannot be opened ({words})")
