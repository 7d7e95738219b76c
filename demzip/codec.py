"""The pipeline: encode reads top-down as values -> samples -> model -> blocks -> file, decode back.

Rasters are read through a function of a window, so that a file never has to be in memory whole.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox, BlockGrid, check_block
from demzip.container.layout import (
    PREFIX,
    BlockEntry,
    Header,
    read_front,
    read_prefix,
    write_file,
)
from demzip.container.metadata import read_metadata, write_metadata
from demzip.entropy.integers import ByteReader
from demzip.errors import CorruptError, DemzipError, OptionsError, TruncatedError, UnsupportedError
from demzip.options import DEFAULT_BLOCK, DEFAULT_PREDICTOR, EncodeOptions, thread_count
from demzip.predict.templates import PREDICTORS, check_predictor
from demzip.raster.georeference import Georeference
from demzip.raster.values import DTYPES, ReadBlock, Span, ValueMap, find_map
from demzip.scan.block import make_patch, read_block, write_block
from demzip.scan.measuring import Measurement
from demzip.scan.model import Model
from demzip.scan.survey import Fit, Patch, fit_block, fit_raster, make_model

AnyArray = NDArray[np.generic]
Progress = Callable[[int], object]  # called with the number of samples done since the last call
ReadRange = Callable[[int, int], bytes]  # offset, size -> that many bytes, fewer at the end

SURVEY_BLOCKS = 8  # blocks that weights and tables are made from; a smaller raster uses all
WEIGHT_BITS = 7.0  # what a weight of a block's own costs
KEPT_SAMPLES = 1 << 22  # samples of surveyed blocks that are kept measured

T = TypeVar("T")
U = TypeVar("U")


def in_order(jobs: int, function: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """Map on `jobs` threads; results in order, at most 2 * jobs of them waiting."""
    if jobs == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(jobs) as pool:
        waiting = []
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 2 * jobs:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()


# ---------------------------------------------------------------- values to bytes


# A block as the survey left it: its measurement, and the weights of its own if it has some.
Surveyed = tuple[Measurement, Fit | None]


@dataclass(frozen=True)
class Plan:
    """What the survey decided for a raster.

    Attributes:
        predictor: Name of the predictor.
        fit: Weights of the raster.
        model: What goes into the header.
        own_weights: Whether blocks should try weights of their own.
        surveyed: Blocks that are measured already, by number.

    """

    predictor: str
    fit: Fit
    model: Model
    own_weights: bool
    surveyed: dict[int, Surveyed]


@dataclass(frozen=True)
class Encoding:
    """An encoded raster, and what a table of predictors wants to know about it."""

    plan: Plan
    header: Header
    payloads: list[bytes]
    sample_crcs: list[int]

    def to_bytes(self) -> bytes:
        """The .dz file."""
        return write_file(self.header, self.payloads, self.sample_crcs)


class RasterEncoder:
    """A raster about to be encoded: its exact map to samples is found once, for any predictor."""

    def __init__(
        self,
        read: ReadBlock,
        shape: tuple[int, int],
        dtype: str,
        georeference: Georeference,
        options: EncodeOptions,
    ) -> None:
        check_predictor(options.predictor)
        check_block(options.block)
        if min(shape) < 1:
            raise UnsupportedError(f"a raster of {shape[0]} x {shape[1]} samples has no blocks")
        self.read = read
        self.jobs = thread_count(options.jobs)
        self.grid = BlockGrid(*shape, options.block)
        self.georeference = georeference
        boxes = [box.slices for box in self.grid]
        self.value_map, self.spans = find_map(read, boxes, dtype, georeference.nodata)

    def patch(self, box: BlockBox) -> tuple[Patch, int] | None:
        """Centred samples of a block and their centre; None if all are missing."""
        samples, holes = self.value_map.to_samples(self.read(*box.slices))
        return make_patch(samples, holes)

    def survey_patches(self) -> dict[int, Patch]:
        """Blocks with some relief, spread evenly over the raster, by number."""
        relief = [box for box in self.grid if _has_relief(self.spans[box.number])]
        if len(relief) > SURVEY_BLOCKS:
            step = len(relief) / SURVEY_BLOCKS
            relief = [relief[int((k + 0.5) * step)] for k in range(SURVEY_BLOCKS)]
        found = in_order(self.jobs, self.patch, relief)
        return {
            box.number: patch[0]
            for box, patch in zip(relief, found, strict=True)
            if patch is not None
        }

    def plan(self, predictor: str, patches: dict[int, Patch] | None = None) -> Plan:
        """Fit weights and make tables for a predictor, or for the best one if it is "auto"."""
        if patches is None:
            patches = self.survey_patches()
        if predictor == "auto":
            return self._best_plan(patches)
        fit = fit_raster(list(patches.values()), predictor, partial(in_order, self.jobs))
        measure = partial(_measure, fit=fit, try_own=True, keep=True)
        measured = list(in_order(self.jobs, measure, patches.values()))
        model = make_model([measurement for measurement, _ in measured], fit)
        own_weights = any(own is not None for _, own in measured)
        surveyed = dict(zip(patches, measured, strict=True))
        if sum(measurement.residuals.size for measurement, _ in measured) > KEPT_SAMPLES:
            surveyed = {}
        return Plan(predictor, fit, model, own_weights, surveyed)

    def _best_plan(self, patches: dict[int, Patch]) -> Plan:
        """The plan under which the surveyed blocks code smallest."""
        best, least = None, 0
        for predictor in PREDICTORS:
            plan = self.plan(predictor, patches)
            size = len(plan.model.to_bytes()) + sum(
                in_order(self.jobs, partial(self._payload_size, plan), patches.items())
            )
            if best is None or size < least:
                best, least = plan, size
        assert best is not None  # noqa: S101
        return best

    def _payload_size(self, plan: Plan, item: tuple[int, Patch]) -> int:
        number, patch = item
        measurement, own = self._surveyed(plan, number, patch)
        return len(write_block(patch, 0, measurement, own, plan.model))

    def _surveyed(self, plan: Plan, number: int, patch: Patch) -> Surveyed:
        found = plan.surveyed.get(number)
        return found or _measure(patch, plan.fit, try_own=plan.own_weights, keep=False)

    def encode(self, plan: Plan, progress: Progress | None = None) -> Encoding:
        """Code every block."""
        payloads, crcs = [], []
        for payload, crc, samples in in_order(self.jobs, partial(self._block, plan), self.grid):
            payloads.append(payload)
            crcs.append(crc)
            if progress is not None:
                progress(samples)
        header = Header(
            DTYPES.index(self.value_map.dtype),
            PREDICTORS.index(plan.predictor) + 1,
            self.grid.rows,
            self.grid.cols,
            self.grid.size,
            self.value_map.denominator,
            self.value_map.fill,
            self.value_map.levels,
            write_metadata(self.georeference),
            plan.model.to_bytes(),
        )
        return Encoding(plan, header, payloads, crcs)

    def _block(self, plan: Plan, box: BlockBox) -> tuple[bytes, int, int]:
        values = np.ascontiguousarray(self.read(*box.slices))
        found = make_patch(*self.value_map.to_samples(values))
        crc = checksum(values)
        if found is None:
            return write_block(None, 0, None, None, plan.model), crc, values.size
        patch, centre = found
        measurement, own = (
            self._surveyed(plan, box.number, patch) if patch.bound else (None, None)
        )
        return write_block(patch, centre, measurement, own, plan.model), crc, values.size


def _has_relief(span: Span) -> bool:
    return span is not None and span[0] < span[1]


def _measure(patch: Patch, fit: Fit, *, try_own: bool, keep: bool) -> Surveyed:
    own = fit_block(patch, fit, WEIGHT_BITS) if try_own else None
    return (own or fit).measure(patch, keep=keep), own


def checksum(values: AnyArray) -> int:
    """CRC-32 of values, row by row, little-endian."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return zlib.crc32(np.ascontiguousarray(little).view(np.uint8))


def encode(
    array: AnyArray,
    *,
    predictor: str = DEFAULT_PREDICTOR,
    nodata: float | None = None,
    block: int = DEFAULT_BLOCK,
    jobs: int = 1,
    georeference: Georeference | None = None,
) -> bytes:
    """Encode an array of elevations.

    Args:
        array: (rows, cols) of int8, uint8, int16, uint16, int32, uint32, or of float32 or float64
            that lie on a decimal or binary grid. Not modified.
        predictor: One of demzip.PREDICTORS, or "auto" for the one that codes smallest.
        nodata: Value of missing samples; they cost next to nothing.
        block: Side of a block, a multiple of 16 from 16 to 4096.
        jobs: Threads; 0 for one per processor.
        georeference: Metadata to store along; its no-data value gives way to `nodata`.

    Returns:
        A complete .dz file.

    Raises:
        OptionsError: An argument is illegal.
        UnsupportedError: The values cannot be coded exactly.

    """
    array = np.asarray(array)
    if array.ndim != 2:
        raise OptionsError(f"an array of 2 dimensions is needed, not {array.ndim}")
    georeference = georeference or Georeference()
    if nodata is not None:
        georeference = Georeference(**{**georeference.__dict__, "nodata": float(nodata)})
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    encoder = RasterEncoder(
        lambda rows, cols: native[rows, cols],
        (array.shape[0], array.shape[1]),
        array.dtype.name,
        georeference,
        EncodeOptions(predictor, block, jobs),
    )
    return encoder.encode(encoder.plan(predictor)).to_bytes()


# ---------------------------------------------------------------- bytes to values


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
            dtype, self.header.denominator, self.header.fill, self.header.levels
        )
        if self.header.fill is not None and self.header.fill >> 8 * self.value_map.pattern.itemsize:
            raise CorruptError("header: the no-data pattern is wider than the samples")
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
    if holes is not None and value_map.fill is None:
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
