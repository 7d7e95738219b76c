"""Comparison of a .dz file with itself and with the raster that it was made from."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox
from demzip.codec import RasterDecoder, in_order, trailing_bytes
from demzip.errors import CorruptError, TruncatedError
from demzip.io.metadata import differences
from demzip.io.source import RasterSource
from demzip.options import NEURAL

LISTED = 3  # differences, or damaged blocks, that a message names

AnyArray = NDArray[np.generic]
# Called with a stage ("reading", "training, 4.125 bits per elevation", ...), samples or steps done
# since the last call, and in all.
Progress = Callable[[str, int, int], object]


def every(progress: Progress | None, stage: str, total: int) -> Callable[[int], object]:
    """Report of one stage, as the codec calls it."""
    if progress is None:
        return lambda _samples: None
    return lambda samples: progress(stage, samples, total)


def training(
    progress: Progress | None, predictor: str
) -> Callable[[int, int, float], object] | None:
    """Report of training a predictor's network, as the codec calls it."""
    if progress is None:
        return None
    words = "{:.3f} bits per elevation" if predictor == NEURAL else "mean error {:.3f}"
    return lambda steps, total, mean: progress(f"training, {words.format(mean)}", steps, total)


def _length_problem(decoder: RasterDecoder, size: int) -> CorruptError | None:
    """What is wrong with the length of a file, compared with what its index says."""
    extra = trailing_bytes(decoder, size)
    if extra < 0:
        return TruncatedError(f"the file is {-extra} bytes too short; it was not copied whole")
    if extra > 0:
        return CorruptError(f"{extra} bytes follow the last block; they are not part of the raster")
    return None


def check_blocks(
    decoder: RasterDecoder,
    source: RasterSource | None,
    size: int,
    jobs: int,
    report: Callable[[int], object],
) -> None:
    """Decode every block, which checks payloads and values, and compare it with the original's.

    Args:
        decoder: Of the .dz file.
        source: The original, with planes of the same sizes and dtypes, or None.
        size: Of the file, in bytes.
        jobs: Threads.
        report: Called with the number of samples done since the last call.

    Raises:
        CorruptError: Something is wrong; the message has the first findings and their number.
        TruncatedError: The file is too short.

    """
    problem = _length_problem(decoder, size)
    found = [] if problem is None else [str(problem)]
    count = 0
    order = decoder.grid.in_file_order(len(decoder.planes))
    for samples, words in in_order(jobs, partial(_check_block, decoder, source), order):
        if words:
            count += 1
            if count <= LISTED:
                found.append(words)
        report(samples)
    if count > LISTED:
        total = decoder.grid.count * len(decoder.planes)
        found.append(f"and {count - LISTED} more: {count} of {total} blocks in all")
    if found:
        raise (CorruptError if problem is None else type(problem))("; ".join(found))


def _check_block(
    decoder: RasterDecoder, source: RasterSource | None, item: tuple[int, BlockBox]
) -> tuple[int, str]:
    """Samples of a block, and what is wrong with it."""
    plane, box = item
    samples = box.rows * box.cols
    try:
        mine = decoder.block(plane, box)
    except CorruptError as error:
        return samples, str(error)
    if source is None:
        return samples, ""
    theirs = source.read(plane, *box.slices)
    place = first_difference(mine, theirs)
    if place is None:
        return samples, ""
    row, col = place
    band = f"{decoder.name(plane)}, " if len(decoder.planes) > 1 else ""
    return samples, (
        f"differs from {source.name}: {band}row {box.row + row}, column {box.col + col} "
        f"is {mine[row, col]} instead of {theirs[row, col]}"
    )


def check_metadata(decoder: RasterDecoder, source: RasterSource) -> None:
    """Compare everything but samples.

    Raises:
        CorruptError: Size, dtype or metadata differ.

    """
    found = []
    if decoder.shape != source.shape:
        found.append(f"{_size(decoder.shape)} samples instead of {_size(source.shape)}")
    if decoder.dtypes != source.dtypes:
        found.append(f"{_dtypes(decoder.dtypes)} instead of {_dtypes(source.dtypes)}")
    found += differences(decoder.georeference, source.georeference)
    if found:
        more = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
        raise CorruptError(f"differs from {source.name}: {'; '.join(found[:LISTED])}{more}")


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


def _dtypes(dtypes: tuple[str, ...]) -> str:
    if len(set(dtypes)) > 1:
        return ", ".join(dtypes)
    return dtypes[0] if len(dtypes) == 1 else f"{len(dtypes)} bands of {dtypes[0]}"
