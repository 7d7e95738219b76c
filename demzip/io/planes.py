"""The bands of a raster, .dz file or not, as the encoder sees them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from demzip.codec import PlaneSource, RasterDecoder
from demzip.errors import OptionsError
from demzip.io.files import FileRanges, PathLike, is_remote, naming
from demzip.io.source import open_source
from demzip.io.window import check_band
from demzip.options import DEFAULT_BLOCK
from demzip.raster.georeference import Band, Georeference

AnyArray = NDArray[np.generic]


@dataclass(frozen=True)
class Bands:
    """An open raster.

    Attributes:
        name: What it was opened as.
        shape: Rows and columns.
        block: Side of the blocks in which it is best read.
        planes: Its bands.
        georeference: Metadata.

    """

    name: str
    shape: tuple[int, int]
    block: int
    planes: tuple[PlaneSource, ...]
    georeference: Georeference

    def about(self, band: int) -> Band:
        """Metadata of a band.

        Raises:
            OptionsError: There is no such band.

        """
        return self.georeference.bands[check_band(band, len(self.planes)) - 1]


@contextmanager
def open_bands(src: PathLike) -> Iterator[Bands]:
    """Open a .dz file, or whatever rasterio opens.

    Raises:
        OptionsError: It is no raster.
        CorruptError: The header of a .dz file is damaged.
        UnsupportedError: It has a dtype that demzip does not code.
        DemzipError: It does not exist or cannot be read.

    """
    name = os.fspath(src)
    if is_remote(name) or not os.path.isfile(name):  # noqa: PTH113  may be a whole VRT
        decoder = None
    else:
        with FileRanges(name) as file:
            decoder = _decoder(file, name)
            if decoder is not None:
                yield _of_dz(decoder, name)
    if decoder is None:
        with open_source(src, DEFAULT_BLOCK) as source:
            bands = len(source.dtypes)
            yield Bands(
                source.name, source.shape, DEFAULT_BLOCK, source.planes[:bands],
                source.georeference,
            )  # fmt: skip


def _decoder(file: FileRanges, name: str) -> RasterDecoder | None:
    """None if the file is no .dz file."""
    with naming(name):
        try:
            return RasterDecoder(file.read)
        except OptionsError:  # other first bytes
            return None


def _of_dz(decoder: RasterDecoder, name: str) -> Bands:
    def read(plane: int, rows: slice, cols: slice) -> AnyArray:
        with naming(name):
            return decoder.read(rows, cols, plane=plane)

    about = decoder.georeference
    planes = tuple(
        PlaneSource(partial(read, number), dtype, band.nodata)
        for number, (dtype, band) in enumerate(zip(decoder.dtypes, about.bands, strict=True))
    )
    return Bands(name, decoder.shape, decoder.grid.size, planes, about)
