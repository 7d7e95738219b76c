"""Comparison of a .dz file with itself and with the raster that it was made from."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox
from demzip.codec import RasterDecoder, in_order, trailing_bytes
from demzip.errors import CorruptError, TruncatedError
from demzip.io.metadata import differences
from demzip.io.source import RasterSource

LISTED = 3  # differences that a message names

AnyArray = NDArray[np.generic]
# Called with a stage ("reading", "encoding", ...), samples done since the last call, and in all.
Progress = Callable[[str, int, int], object]


def every(progress: Progress | None, stage: str, total: int) -> Callable[[int], object]:
    """Report of one stage, as the codec calls it."""
    if progress is None:
        return lambda _samples: None
    return lambda samples: progress(stage, samples, total)


def check_length(decoder: RasterDecoder, size: int) -> None:
    """Compare the length of a file with what its index says.

    Raises:
        TruncatedError: It is too short.
        CorruptError: Something follows the last block.

    """
    extra = trailing_bytes(decoder, size)
    if extra < 0:
        raise TruncatedError(f"the file is {-extra} bytes too short; it was not copied whole")
    if extra > 0:
        raise CorruptError(f"{extra} bytes follow the last block; they are not part of the raster")


def decode_all(decoder: RasterDecoder, jobs: int, report: Callable[[int], object]) -> None:
    """Decode every block, which checks payloads and samples.

    Raises:
        CorruptError: A checksum does not match.

    """
    for samples in in_order(jobs, lambda box: decoder.block(box).size, decoder.grid):
        report(samples)


def check_metadata(decoder: RasterDecoder, source: RasterSource) -> None:
    """Compare everything but samples.

    Raises:
        CorruptError: Size, dtype or metadata differ.

    """
    found = []
    if decoder.shape != source.shape:
        found.append(f"{_size(decoder.shape)} samples instead of {_size(source.shape)}")
    if decoder.value_map.dtype != source.dtype:
        found.append(f"{decoder.value_map.dtype} instead of {source.dtype}")
    found += differences(decoder.georeference, source.georeference)
    if found:
        more = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
        raise CorruptError(f"differs from {source.name}: {'; '.join(found[:LISTED])}{more}")


def check_against(
    decoder: RasterDecoder, source: RasterSource, jobs: int, report: Callable[[int], object]
) -> None:
    """Compare every sample with the original's, bit for bit.

    Raises:
        CorruptError: One differs, or a checksum does not match.

    """

    def compare(box: BlockBox) -> int:
        mine, theirs = decoder.block(box), source.read(*box.slices)
        place = first_difference(mine, theirs)
        if place is not None:
            row, col = place
            raise CorruptError(
                f"differs from {source.name}: row {box.row + row}, column {box.col + col} "
                f"is {mine[row, col]} instead of {theirs[row, col]}"
            )
        return mine.size

    for samples in in_order(jobs, compare, decoder.grid):
        report(samples)


def first_difference(mine: AnyArray, theirs: AnyArray) -> tuple[int, int] | None:
    """Row and column of the first value whose bits differ."""
    pattern = np.dtype(f"u{mine.dtype.itemsize}")
    differs = np.ascontiguousarray(mine).view(pattern) != np.ascontiguousarray(theirs).view(pattern)
    if not differs.any():
        return None
    row, col = divmod(int(np.argmax(differs)), mine.shape[1])
    return row, col


def _size(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"
