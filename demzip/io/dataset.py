"""A .dz file as an open dataset, with rasterio's names; only the blocks of a window are decoded."""

import os
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rasterio.coords import BoundingBox
from rasterio.crs import CRS
from rasterio.transform import Affine, array_bounds
from rasterio.windows import Window

from demzip.codec import RasterDecoder
from demzip.errors import OptionsError
from demzip.io.crs import parse_crs
from demzip.io.files import Closing, FileRanges, PathLike, naming
from demzip.io.profile import decoder_profile
from demzip.options import thread_count

AnyArray = NDArray[np.generic]
Range: TypeAlias = slice | tuple[int | None, int | None]
Rectangle: TypeAlias = Window | tuple[Range, Range]


class Dataset(Closing):
    """An open .dz file.

    Attributes have the names and meanings of rasterio's datasets, with one difference: there is
    one band, and `read` gives its (rows, cols), where rasterio's gives (bands, rows, cols) unless
    a band is named. Safe to read from several threads.

    Attributes:
        name: What the file was opened as.

    """

    count = 1
    indexes = (1,)
    mode = "r"

    def __init__(self, path: PathLike) -> None:
        self.name = os.fspath(path)
        self._file = FileRanges(path)
        try:
            with naming(path):
                self._decoder = RasterDecoder(self._file.read)
        except BaseException:
            self._file.close()
            raise
        self._georeference = self._decoder.georeference

    # ---------------------------------------------------------------- the file

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def closed(self) -> bool:
        """Whether the file has been closed."""
        return self._file.closed

    def __repr__(self) -> str:
        """Name, size and dtype."""
        state = "closed" if self.closed else "open"
        return f"<{state} Dataset {self.name!r}: {self.height} x {self.width} {self.dtype}>"

    # ---------------------------------------------------------------- the grid

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._decoder.shape

    @property
    def height(self) -> int:
        """Rows."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Columns."""
        return self.shape[1]

    @property
    def dtype(self) -> str:
        """Name of the values' dtype."""
        return self._decoder.value_map.dtype

    @property
    def dtypes(self) -> tuple[str]:
        """The dtype, once per band."""
        return (self.dtype,)

    @property
    def block_shapes(self) -> list[tuple[int, int]]:
        """Rows and columns of a block, once per band."""
        side = self._decoder.grid.size
        return [(min(side, self.height), min(side, self.width))]

    # ---------------------------------------------------------------- metadata

    @property
    def crs(self) -> CRS | None:
        """Coordinate reference system."""
        return None if self._georeference.crs is None else parse_crs(self._georeference.crs)

    @property
    def transform(self) -> Affine:
        """From column and row to x and y; the identity if there is none."""
        found = self._georeference.transform
        return Affine.identity() if found is None else Affine(*found)

    @property
    def bounds(self) -> BoundingBox:
        """West, south, east and north edges."""
        return BoundingBox(*array_bounds(self.height, self.width, self.transform))

    @property
    def res(self) -> tuple[float, float]:
        """Width and height of a cell."""
        t = self.transform
        if t.b == t.d == 0:
            return t.a, -t.e
        return float(np.hypot(t.a, t.d)), float(np.hypot(t.b, t.e))

    @property
    def nodata(self) -> float | None:
        """Declared no-data value."""
        return self._georeference.bands[0].nodata

    @property
    def nodatavals(self) -> tuple[float | None]:
        """The no-data value, once per band."""
        return (self.nodata,)

    @property
    def units(self) -> tuple[str | None]:
        """Unit of the elevations, once per band."""
        return (self._georeference.bands[0].units,)

    @property
    def descriptions(self) -> tuple[str | None]:
        """Description, once per band."""
        return (self._georeference.bands[0].description,)

    @property
    def scales(self) -> tuple[float]:
        """Of elevation = scale * value + offset, once per band; `read` does not apply it."""
        return (self._georeference.bands[0].scale,)

    @property
    def offsets(self) -> tuple[float]:
        """Of elevation = scale * value + offset, once per band; `read` does not apply it."""
        return (self._georeference.bands[0].offset,)

    @property
    def profile(self) -> dict[str, Any]:
        """Arguments with which rasterio.open makes the GeoTIFF that `decompress` makes."""
        meta = {"nodata": None, "crs": None, "transform": self.transform}
        return meta | decoder_profile(self._decoder)

    @property
    def predictor(self) -> str:
        """Name of the predictor that coded the raster."""
        return self._decoder.predictor

    def tags(self, bidx: int = 0) -> dict[str, str]:
        """Tags of the dataset, or of band 1."""
        if bidx not in (0, 1):
            raise OptionsError(f"band {bidx}: a .dz file has one band, 1")
        about = self._georeference.bands[0] if bidx else self._georeference
        return dict(about.tags.get("", {}))

    # ---------------------------------------------------------------- values

    def read(
        self,
        indexes: int | None = None,
        window: Rectangle | None = None,
        *,
        masked: bool = False,
        jobs: int = 1,
    ) -> AnyArray:
        """Read values; only the blocks that the window touches are read and decoded.

        Args:
            indexes: The band: 1 or None.
            window: A rasterio Window of whole samples, or rows and columns, each as a slice or as
                (start, stop), as in ((0, 100), (50, 150)); by default the whole raster.
            masked: Give a masked array in which no-data and NaN are masked.
            jobs: Threads; 0 for one per processor.

        Returns:
            (rows, cols).

        Raises:
            OptionsError: There is no such band, or the window reaches beyond the raster.
            CorruptError: A block is damaged.

        """
        if isinstance(indexes, Window | tuple):  # read(window)
            indexes, window = None, indexes
        if indexes not in (None, 1):
            raise OptionsError(f"band {indexes!r}: a .dz file has one band, 1")
        rows, cols = self._slices(window)
        if self.closed:
            raise OptionsError(f"{self.name}: the dataset has been closed")
        with naming(self.name):
            values = self._decoder.read(rows, cols, thread_count(jobs))
        return self._masked(values) if masked else values

    def _masked(self, values: AnyArray) -> AnyArray:
        mask = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, np.bool_)
        if self.nodata is not None:
            mask |= values == self.nodata
            if values.dtype == np.float32:  # may be declared with more digits than values have
                mask |= values == np.float32(self.nodata)
        return np.ma.MaskedArray(values, mask)

    def _slices(self, window: Rectangle | None) -> tuple[slice, slice]:
        if window is None:
            return slice(0, self.height), slice(0, self.width)
        if isinstance(window, Window):
            top, left = _whole(window.row_off), _whole(window.col_off)
            rows: Range = slice(top, top + _whole(window.height))
            cols: Range = slice(left, left + _whole(window.width))
        elif isinstance(window, tuple | list) and len(window) == 2:
            rows, cols = window
        else:
            raise OptionsError(f"window {window!r}: it must be a Window or rows and columns")
        return _inside(rows, self.height, "rows"), _inside(cols, self.width, "columns")


def _whole(value: float) -> int:
    if value != int(value):
        raise OptionsError(f"window: {value} is not a whole number of samples")
    return int(value)


def _inside(part: Range, size: int, name: str) -> slice:
    """A range as a slice with both ends, checked."""
    if isinstance(part, slice):
        if part.step not in (None, 1):
            raise OptionsError(f"window: {name} {part} have a step; only 1 is possible")
        part = (part.start, part.stop)
    try:
        start, stop = part
        start = 0 if start is None else _whole(start)
        stop = size if stop is None else _whole(stop)
    except (TypeError, ValueError) as error:
        raise OptionsError(f"window: {part!r} is not a range of {name}") from error
    if not 0 <= start <= stop <= size:
        raise OptionsError(
            f"window: {name} {start} to {stop} reach beyond the raster, which has {size}"
        )
    return slice(start, stop)


def open(path: PathLike) -> Dataset:  # noqa: A001  demzip.open, like rasterio.open
    """Open a .dz file for reading; use it in a with statement.

    Raises:
        OptionsError: It is not a .dz file.
        CorruptError: Its header is damaged.
        DemzipError: It does not exist or cannot be read.

    """
    return Dataset(path)
