"""From bytes to values: file -> blocks -> samples -> values."""

import zlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox, BlockGrid, check_block
from demzip.codec.checksum import checksum
from demzip.codec.threads import in_order
from demzip.container.layout import BlockEntry, Header, read_front, read_prefix
from demzip.container.metadata import read_metadata
from demzip.entropy.integers import ByteReader
from demzip.errors import (
    CorruptError,
    DemzipError,
    OptionsError,
    TruncatedError,
    UnsupportedError,
)
from demzip.options import thread_count
from demzip.predict.templates import PREDICTORS
from demzip.raster.values import DTYPES, ValueMap
from demzip.scan.block import read_block
from demzip.scan.model import Model

AnyArray = NDArray[np.generic]
Progress = Callable[[int], object]  # called with the number of samples done since the last call
ReadRange = Callable[[int, int], bytes]  # offset, size -> that many bytes, fewer at the end

class RasterDecoder:
    """A .dz file: its header is read at once, its blocks as they are asked for.

    Attributes:
        header: Fields of the file.
        value_map: How samples become values.
        georeference: Metadata.
        grid: The blocks.
        entries: Where each block lies.
        model: Shared parameters of the blocks.

    """

    def __init__(self, read: ReadRange) -> None:
        self._read = read
        front = read(0, FIRST_READ)
        total = read_prefix(front)
        if total > len(front) == FIRST_READ:
            front = read(0, total)
        self.header, self.entries = read_front(front, _count_blocks)
        self.front_bytes = total
        self.grid = _grid(self.header)
        dtype = DTYPES[self.header.dtype]
        self.value_map = ValueMap(
            dtype,
            "ratio" if dtype.startswith("float") else "integer",
            denominator=self.header.denominator,
            fills=() if self.header.fill is None else (self.header.fill,),
            levels=self.header.levels,
        )
        try:
            self.value_map.check()
        except CorruptError as error:
            raise CorruptError(f"header: {error}") from error
        self.georeference = read_metadata(self.header.metadata)
        reader = ByteReader(self.header.model, "model")
        self.model = Model.from_bytes(reader)
        reader.done()

    @property
    def predictor(self) -> str:
        """Name of the predictor that the raster's weights belong to."""
        return PREDICTORS[self.header.predictor - 1]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.grid.rows, self.grid.cols

    def block(self, box: BlockBox) -> AnyArray:
        """Values of a block.

        Raises:
            CorruptError: A checksum does not match; the message says where.

        """
        entry = self.entries[box.number]
        payload = self._read(entry.offset, entry.size)
        try:
            return _decode_payload(payload, entry, box, self)
        except TruncatedError as error:
            raise TruncatedError(f"{_where(box)}: {error}") from error
        except CorruptError as error:
            raise CorruptError(f"{_where(box)}: {error}") from error

    def read(
        self,
        rows: slice | None = None,
        cols: slice | None = None,
        jobs: int = 1,
        progress: Progress | None = None,
    ) -> AnyArray:
        """Values of a window, by default of the whole raster; only the blocks it touches."""
        rows = rows or slice(0, self.grid.rows)
        cols = cols or slice(0, self.grid.cols)
        shape = (rows.stop - rows.start, cols.stop - cols.start)
        try:
            out = np.empty(shape, self.value_map.dtype)
        except MemoryError as error:
            raise DemzipError(
                f"{shape[0]} x {shape[1]} samples do not fit into memory; read a window"
            ) from error
        if out.size == 0:
            return out

        def place(box: BlockBox) -> int:
            values = self.block(box)
            r0, r1 = max(box.row, rows.start), min(box.row + box.rows, rows.stop)
            c0, c1 = max(box.col, cols.start), min(box.col + box.cols, cols.stop)
            out[r0 - rows.start : r1 - rows.start, c0 - cols.start : c1 - cols.start] = values[
                r0 - box.row : r1 - box.row, c0 - box.col : c1 - box.col
            ]
            return values.size

        for samples in in_order(thread_count(jobs), place, self.grid.touching(rows, cols)):
            if progress is not None:
                progress(samples)
        return out


FIRST_READ = 32768  # enough for header and index of ordinary rasters


def _where(box: BlockBox) -> str:
    return (
        f"block {box.number} (rows {box.row}-{box.row + box.rows - 1}, "
        f"columns {box.col}-{box.col + box.cols - 1})"
    )


def _grid(header: Header) -> BlockGrid:
    return BlockGrid(header.rows, header.cols, header.block)


def _count_blocks(header: Header) -> int:
    """Blocks of a header whose fields are checked here, before anything is allocated."""
    if header.dtype >= len(DTYPES):
        raise UnsupportedError(f"dtype {header.dtype} is not known to this demzip")
    if not 1 <= header.predictor <= len(PREDICTORS):
        raise UnsupportedError(f"predictor {header.predictor} is not known to this demzip")
    try:
        check_block(header.block)
    except OptionsError as error:
        raise CorruptError(f"header: {error}") from error
    return _grid(header).count


def _decode_payload(
    payload: bytes, entry: BlockEntry, box: BlockBox, decoder: RasterDecoder
) -> AnyArray:
    if len(payload) < entry.size:
        raise TruncatedError("the file ends before the block does")
    if zlib.crc32(payload) != entry.payload_crc:
        raise CorruptError("damaged (checksum mismatch)")
    samples, holes = read_block(payload, (box.rows, box.cols), decoder.model)
    value_map = decoder.value_map
    if holes is not None and not value_map.fills:
        raise CorruptError("missing samples in a raster without no-data")
    if not value_map.covers(int(samples.min()), int(samples.max())):
        raise CorruptError("a sample is not one of the raster's values")
    values = value_map.to_values(samples, holes)
    if checksum(values) != entry.sample_crc:
        raise CorruptError("decoded samples do not match their checksum")
    return values


def open_bytes(data: bytes | memoryview) -> RasterDecoder:
    """Decoder of a file in memory."""
    view = memoryview(data)
    return RasterDecoder(lambda offset, size: bytes(view[offset : offset + size]))


def decode(data: bytes | memoryview, *, jobs: int = 1) -> AnyArray:
    """Decode a .dz file.

    Args:
        data: The file.
        jobs: Threads; 0 for one per processor.

    Returns:
        (rows, cols) values, bit for bit those that were encoded.

    Raises:
        OptionsError: It is not a .dz file.
        UnsupportedError: A later version of demzip wrote it.
        CorruptError: It is damaged; the message says where.

    """
    return open_bytes(data).read(jobs=jobs)


def trailing_bytes(decoder: RasterDecoder, size: int) -> int:
    """Bytes of a file of `size` bytes that belong to no block; negative if some are missing."""
    last: Sequence[BlockEntry] = decoder.entries[-1:]
    return size - (last[0].offset + last[0].size if last else decoder.front_bytes)
