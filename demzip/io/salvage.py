"""What is left of a damaged .dz file."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox
from demzip.codec import RasterDecoder
from demzip.container.plane import MASK
from demzip.container.repair import repairs
from demzip.errors import CorruptError, DemzipError, OptionsError, UnsupportedError
from demzip.raster.values import pattern_of

AnyArray = NDArray[np.generic]
ReadRange = Callable[[int, int], bytes]


@dataclass(frozen=True)
class LostBlock:
    """A block that could not be decoded and has been filled.

    Attributes:
        band: 1 for the first; 0 for the mask of the dataset.
        rows, cols: First one, and the one after the last.
        where: Band, block, rows and columns in words.
        reason: Why, in words.

    """

    band: int
    rows: tuple[int, int]
    cols: tuple[int, int]
    where: str
    reason: str


def open_intact(read: ReadRange) -> tuple[RasterDecoder, None]:
    """Decoder of a file that must not be damaged before its blocks."""
    return RasterDecoder(read), None


def open_damaged(read: ReadRange) -> tuple[RasterDecoder, str | None]:
    """Decoder of a file whose front may have one wrong byte, and the repair in words.

    Raises:
        DemzipError: As for RasterDecoder; more than a byte is wrong.

    """
    try:
        return RasterDecoder(read), None
    except (CorruptError, OptionsError, UnsupportedError) as error:
        found = []
        for repair in repairs(read):
            try:
                found.append((RasterDecoder(_over(read, repair.front)), str(repair)))
            except DemzipError:
                continue
        if len(found) != 1:
            if isinstance(error, CorruptError):
                raise type(error)(f"{error}; it is beyond repair") from error
            raise
        return found[0]


def _over(read: ReadRange, front: bytes) -> ReadRange:
    """The file, with another front."""

    def ranges(offset: int, size: int) -> bytes:
        if offset >= len(front):
            return read(offset, size)
        return (front[offset:] + read(len(front), max(offset + size - len(front), 0)))[:size]

    return ranges


class Salvage:
    """Fills what cannot be decoded, and keeps a list of it.

    Attributes:
        lost: The blocks, in no particular order while threads are at work.

    """

    def __init__(self, decoder: RasterDecoder, fill: float | None) -> None:
        self.lost: list[LostBlock] = []
        self._decoder = decoder
        self._fills = [
            _fill_of(decoder, number, fill) for number in range(len(decoder.planes))
        ]

    def replace(self, plane: int, box: BlockBox, error: CorruptError) -> AnyArray:
        """Values for a lost block.

        Raises:
            OptionsError: There is nothing to fill it with.

        """
        where = self._decoder.where(plane, box)
        fill = self._fills[plane]
        if fill is None:
            raise OptionsError(
                f"{where} is lost and its band declares no no-data value; say what to fill it "
                "with (--fill, in Python fill=)"
            ) from error
        band = 0 if self._decoder.planes[plane].role == MASK else plane + 1
        rows, cols = (box.row, box.row + box.rows), (box.col, box.col + box.cols)
        reason = str(error.__cause__ or error)
        self.lost.append(LostBlock(band, rows, cols, where, reason))
        value_map = self._decoder.planes[plane].value_map
        return np.full((box.rows, box.cols), fill, value_map.pattern).view(value_map.dtype)

    def in_file_order(self) -> tuple[LostBlock, ...]:
        """The blocks, bands first."""
        return tuple(sorted(self.lost, key=lambda block: (block.rows, block.band, block.cols)))


def _fill_of(decoder: RasterDecoder, number: int, fill: float | None) -> int | None:
    """Bit pattern for lost values: as told, else no-data, else NaN; 0, invalid, in masks."""
    plane = decoder.planes[number]
    if plane.role == MASK:
        return 0
    dtype = plane.value_map.dtype
    if fill is not None:
        pattern = pattern_of(fill, dtype)
        too_large = dtype == "float32" and abs(fill) > float(np.finfo(np.float32).max)
        if pattern is None or (too_large and math.isfinite(fill)):
            raise OptionsError(f"fill {fill}: band {number + 1} of {dtype} has no such value")
        return pattern
    nodata = decoder.georeference.bands[number].nodata
    pattern = None if nodata is None else pattern_of(nodata, dtype)
    if pattern is None and plane.value_map.is_float:
        return pattern_of(math.nan, dtype)
    return pattern
