"""From bytes to values: file -> blocks -> samples -> values."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox, BlockGrid, check_block
from demzip.codec.checksum import checksum
from demzip.codec.plane import MODELS, AnyModel, describe
from demzip.codec.threads import in_order
from demzip.container.layout import BlockEntry, Header, read_front, read_prefix
from demzip.container.metadata import read_metadata
from demzip.container.plane import BAND, MASK, PlaneSection
from demzip.entropy.integers import ByteReader
from demzip.errors import (
    CorruptError,
    DemzipError,
    OptionsError,
    TruncatedError,
    UnsupportedError,
)
from demzip.options import thread_count
from demzip.predict.templates import IMPLICIT
from demzip.raster.values import ValueMap
from demzip.scan.adaptive.block import read_adaptive_block
from demzip.scan.adaptive.model import AdaptiveModel
from demzip.scan.block import read_block
from demzip.scan.implicit.surface import Surface
from demzip.scan.model import Model
from demzip.scan.neural.block import read_neural_block
from demzip.scan.neural.model import NeuralModel
from demzip.scan.neural.network import Place
from demzip.scan.real.block import read_real_block
from demzip.scan.real.model import RealModel

AnyArray = NDArray[np.generic]
Int64Array = NDArray[np.int64]
Progress = Callable[[int], object]  # called with the number of samples done since the last call
ReadRange = Callable[[int, int], bytes]  # offset, size -> that many bytes, fewer at the end
OnDamage = Callable[[int, BlockBox, CorruptError], AnyArray]

FIRST_READ = 32768  # enough for header and index of ordinary rasters
MAX_NUMBERS = 1 << 26  # in the headers of all planes; a few bytes may ask for millions of them


@dataclass(frozen=True)
class Plane:
    """A band of a .dz file, or the mask of its dataset.

    Attributes:
        role: container.plane.BAND or MASK.
        predictor: Name of the predictor that its weights belong to.
        value_map: How samples become values.
        model: Shared parameters of the blocks.
        surface: What their samples are departures from, or None.
        shape: Rows and columns.

    """

    role: int
    predictor: str
    value_map: ValueMap
    model: AnyModel
    surface: Surface | None
    shape: tuple[int, int]

    def describe(self) -> str:
        """The values in words, e.g. "float32 on a 0.01 grid, 3 exceptions"."""
        return describe(self.value_map, self.model)

    @property
    def coder(self) -> str:
        """How its blocks are coded: "tables", "adaptive" or "neural"."""
        if isinstance(self.model, NeuralModel):
            return "neural"
        return "tables" if isinstance(self.model, Model) else "adaptive"

    @property
    def network(self) -> str | None:
        """Its network in words, e.g. "number 1, fitted"; None if it has none."""
        if isinstance(self.model, NeuralModel):
            return self.model.describe()
        return None if self.surface is None else self.surface.describe()

    @property
    def numbers(self) -> int:
        """Levels of grid, popularity and tables, and weights, that it keeps in memory."""
        levels = self.value_map.levels
        count = 0 if levels is None else levels.size
        count += 0 if self.surface is None else self.surface.numbers
        if isinstance(self.model, Model):
            count += self.model.popularity.classes.size
            count += sum(len(table.levels) for table in self.model.tables)
        if isinstance(self.model, NeuralModel) and self.model.is_fitted:
            count += self.model.network.numbers
        return count

    @classmethod
    def of_section(cls, data: bytes, header: Header) -> "Plane":
        """Plane of a section of the header.

        Raises:
            CorruptError: A field is outside its legal range.
            UnsupportedError: A later version of demzip wrote it.

        """
        section = PlaneSection.from_bytes(data, header.version)
        reader = ByteReader(section.model, "model")
        kind = RealModel if section.value_map.rule == "real" else MODELS[section.coder]
        model: AnyModel = kind.from_bytes(reader)
        reader.done()
        width = 8 * section.value_map.pattern.itemsize
        if isinstance(model, RealModel) and model.width != width:
            raise CorruptError(f"model: floats of {model.width} bits in a plane of {width}")
        surface = None
        if section.predictor == IMPLICIT:
            surface = Surface.from_bytes(section.network, _grid(header).side)
        shape = header.rows, header.cols
        return cls(section.role, section.predictor, section.value_map, model, surface, shape)

    def decode(self, payload: bytes, box: BlockBox) -> AnyArray:
        """Values of a block.

        Raises:
            CorruptError: The payload is not that of a block.

        """
        value_map, shape = self.value_map, (box.rows, box.cols)
        fills = len(value_map.fills)
        if isinstance(self.model, RealModel):
            return read_real_block(payload, shape, self.model, value_map)
        if isinstance(self.model, AdaptiveModel):
            samples, span, codes, explicit = read_adaptive_block(
                payload, shape, self.model, fills, value_map.pattern
            )
        elif isinstance(self.model, NeuralModel):
            place = Place(box.row, box.col, *self.shape)
            samples, span, codes, explicit = read_neural_block(
                payload, shape, self.model, fills, value_map.pattern, place
            )
        else:
            target = value_map.sample_dtype if self.surface is None else np.dtype(np.int64)
            samples, span, codes, explicit = read_block(
                payload, shape, self.model, fills, value_map.pattern, target
            )
        if self.surface is not None:
            samples, span = _on_surface(self.surface, box, samples, codes)
        if not value_map.covers(*span):
            raise CorruptError("a sample is not one of the raster's values")
        return value_map.to_values(samples, codes, explicit)


class RasterDecoder:
    """A .dz file: its header is read at once, its blocks as they are asked for.

    Attributes:
        header: Fields of the file.
        georeference: Metadata.
        grid: The blocks of a plane.
        planes: Bands, then the mask of the dataset if it has one.
        index: Where the payloads lie.
        front_bytes: Of everything before the payloads.

    """

    def __init__(self, read: ReadRange) -> None:
        self._read = read
        front = read(0, FIRST_READ)
        total = read_prefix(front, None)
        if total > len(front) == FIRST_READ:
            front = read(0, total)
        self.header, self.index = read_front(front, _count_payloads)
        self.front_bytes = total
        self.grid = _grid(self.header)
        self.planes = tuple(_planes(self.header))
        roles = [plane.role for plane in self.planes]
        bands = roles.count(BAND)
        if bands == 0:
            raise CorruptError("header: there is no band")
        self.georeference = read_metadata(self.header.metadata, bands)
        if roles != [BAND] * bands + [MASK] * self.georeference.mask:
            raise CorruptError("header: bands and mask are not those of the metadata")

    @property
    def bands(self) -> tuple[Plane, ...]:
        """The planes that are bands."""
        return tuple(plane for plane in self.planes if plane.role == BAND)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.grid.rows, self.grid.cols

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Of the bands."""
        return tuple(plane.value_map.dtype for plane in self.bands)

    def entry(self, plane: int, box: BlockBox) -> BlockEntry:
        """Where the payload of a block lies."""
        down, right = divmod(box.number, self.grid.across)
        return self.index[(down * len(self.planes) + plane) * self.grid.across + right]

    def block(self, plane: int, box: BlockBox) -> AnyArray:
        """Values of a block.

        Raises:
            CorruptError: A checksum does not match; the message says where.

        """
        entry = self.entry(plane, box)
        payload = self._read(entry.offset, entry.size)
        try:
            return _decode_payload(payload, entry, box, self.planes[plane])
        except CorruptError as error:
            raise type(error)(f"{self.where(plane, box)}: {error}") from error

    def where(self, plane: int, box: BlockBox) -> str:
        """A block in words."""
        band = f"{self.name(plane)}, " if len(self.planes) > 1 else ""
        return (
            f"{band}block {box.number} (rows {box.row}-{box.row + box.rows - 1}, "
            f"columns {box.col}-{box.col + box.cols - 1})"
        )

    def name(self, plane: int) -> str:
        """A plane in words."""
        return "mask" if self.planes[plane].role == MASK else f"band {plane + 1}"

    def read(
        self,
        rows: slice | None = None,
        cols: slice | None = None,
        jobs: int = 1,
        progress: Progress | None = None,
        plane: int = 0,
        on_damage: OnDamage | None = None,
    ) -> AnyArray:
        """Values of a window, by default of the whole raster; only the blocks it touches.

        Args:
            rows: Of the window; both ends given, inside the raster.
            cols: As rows.
            jobs: Threads; 0 for one per processor.
            progress: Called with the number of samples decoded since the last call.
            plane: Which one.
            on_damage: Gives values for a block that cannot be decoded, on any thread.

        Raises:
            CorruptError: A block cannot be decoded, without `on_damage`.
            DemzipError: There is too little memory.

        """
        rows = rows or slice(0, self.grid.rows)
        cols = cols or slice(0, self.grid.cols)
        shape = (rows.stop - rows.start, cols.stop - cols.start)
        out = _allocate(shape, self.planes[plane].value_map.dtype)
        if out.size == 0:
            return out

        def place(box: BlockBox) -> int:
            try:
                values = self.block(plane, box)
            except CorruptError as error:
                if on_damage is None:
                    raise
                values = on_damage(plane, box, error)
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


def _grid(header: Header) -> BlockGrid:
    return BlockGrid(header.rows, header.cols, header.block)


def _planes(header: Header) -> Iterator[Plane]:
    left = MAX_NUMBERS
    for section in header.planes:
        plane = Plane.of_section(section, header)
        left -= plane.numbers
        if left < 0:
            raise UnsupportedError(f"levels and tables of more than {MAX_NUMBERS} numbers")
        yield plane


def _count_payloads(header: Header) -> int:
    """Payloads of a header whose fields are checked here, before anything is allocated."""
    try:
        check_block(header.block)
    except OptionsError as error:
        raise CorruptError(f"header: {error}") from error
    return _grid(header).count * len(header.planes)


def _decode_payload(payload: bytes, entry: BlockEntry, box: BlockBox, plane: Plane) -> AnyArray:
    if len(payload) < entry.size:
        raise TruncatedError("the file ends before the block does")
    if zlib.crc32(payload) != entry.payload_crc:
        raise CorruptError("damaged (checksum mismatch)")
    values = plane.decode(payload, box)
    if checksum(values) != entry.value_crc:
        raise CorruptError("decoded samples do not match their checksum")
    return values


def _on_surface(
    surface: Surface, box: BlockBox, departures: Int64Array, codes: NDArray[np.uint8] | None
) -> tuple[Int64Array, tuple[int, int]]:
    """Samples, and the least and greatest of those that are no holes."""
    if codes is not None and codes.all():
        return departures, (0, 0)
    samples = departures + surface.draw(box)
    valid = samples if codes is None else samples[codes == 0]
    return samples, (int(valid.min()), int(valid.max()))


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
        (rows, cols) values, or (bands, rows, cols) if there are several bands, bit for bit those
        that were encoded.

    Raises:
        OptionsError: It is not a .dz file.
        UnsupportedError: A later version of demzip wrote it, or its bands differ in dtype.
        CorruptError: It is damaged; the message says where.

    """
    decoder = open_bytes(data)
    if len(set(decoder.dtypes)) > 1:
        raise UnsupportedError(
            f"bands of {', '.join(decoder.dtypes)} are no array; read them one by one"
        )
    if len(decoder.bands) == 1:
        return decoder.read(jobs=jobs)
    values = _allocate((len(decoder.bands), *decoder.shape), decoder.dtypes[0])
    for plane in range(len(decoder.bands)):
        values[plane] = decoder.read(jobs=jobs, plane=plane)
    return values


def _allocate(shape: tuple[int, ...], dtype: str) -> AnyArray:
    try:
        return np.empty(shape, dtype)
    except MemoryError as error:
        size = " x ".join(map(str, shape))
        raise DemzipError(f"{size} samples do not fit into memory; read a window") from error


def trailing_bytes(decoder: RasterDecoder, size: int) -> int:
    """Bytes of a file of `size` bytes that belong to no block; negative if some are missing."""
    return size - decoder.index.end
