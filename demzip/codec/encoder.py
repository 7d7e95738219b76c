"""From values to bytes, top-down: values -> planes -> samples -> model -> blocks -> file."""

import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox, BlockGrid, check_block
from demzip.codec.best import BestEncoder
from demzip.codec.grid import GridEncoder
from demzip.codec.neural import NeuralEncoder
from demzip.codec.plane import PlaneEncoder, PlanePlan, PlaneSource, Progress, section_of
from demzip.codec.real import RealEncoder
from demzip.codec.threads import in_groups, in_order
from demzip.container.layout import INDEX, MAX_PLANES, MAX_SIDE, Header, front_bytes, write_front
from demzip.container.metadata import write_metadata
from demzip.container.plane import BAND, MASK
from demzip.errors import OptionsError, UnsupportedError
from demzip.options import (
    DEFAULT_PREDICTOR,
    NEURAL,
    EncodeOptions,
    FitOptions,
    default_block,
    thread_count,
)
from demzip.predict.templates import IMPLICIT, check_predictor
from demzip.raster.finding import find_map
from demzip.raster.georeference import Band, Georeference
from demzip.raster.values import ValueMap
from demzip.training.devices import pick_device
from demzip.training.fitting import FittingOptions
from demzip.training.implicit import ImplicitOptions
from demzip.training.implicit import Progress as TrainingProgress

AnyArray = NDArray[np.generic]

MANY = 0.001  # share of exceptions from which on floats on a grid may be cheaper as true floats
TRIAL_BLOCKS = 6


@dataclass(frozen=True)
class RasterPlan:
    """How a raster will be coded.

    Attributes:
        planes: What the survey decided for each plane.
        header: The header section.

    """

    planes: tuple[PlanePlan, ...]
    header: bytes


class RasterEncoder:
    """A raster about to be encoded: exact maps to samples are found once, for any predictor.

    Attributes:
        planes: An encoder for each plane.
        grid: The blocks.
        georeference: Metadata.
        jobs: Threads.

    """

    def __init__(
        self,
        sources: Sequence[PlaneSource],
        shape: tuple[int, int],
        georeference: Georeference,
        options: EncodeOptions,
        progress: Progress | None = None,
        training: TrainingProgress | None = None,
    ) -> None:
        check_predictor(options.predictor)
        self._options, self._training = options, training
        if options.predictor == IMPLICIT:  # before all of it has been read in vain
            pick_device(ImplicitOptions.of(options.fit or FitOptions()).device)
        if options.predictor == NEURAL and options.fit is not None:
            pick_device(FittingOptions.of(options.fit).device)
        check_block(options.block)
        if min(shape) < 1:
            raise UnsupportedError(f"a raster of {shape[0]} x {shape[1]} samples has no blocks")
        if max(shape) > MAX_SIDE:
            raise UnsupportedError(
                f"a raster of {shape[0]} x {shape[1]} samples; {MAX_SIDE} are legal on a side"
            )
        if not 1 <= len(sources) <= MAX_PLANES:
            raise UnsupportedError(f"a raster of {len(sources)} bands; 1 to {MAX_PLANES} are legal")
        roles = [BAND] * len(georeference.bands) + [MASK] * georeference.mask
        if [source.role for source in sources] != roles:
            raise OptionsError("the planes are not the bands, and the mask, of the metadata")
        self.grid = BlockGrid(*shape, options.block)
        front_bytes(b"", self.grid.count * len(sources))  # before all of it has been read in vain
        self.georeference = georeference
        self.jobs = thread_count(options.jobs)
        self.planes = tuple(self._plane(source, progress) for source in sources)

    def _plane(self, source: PlaneSource, progress: Progress | None) -> PlaneEncoder:
        boxes = [box.slices for box in self.grid]
        mapper = partial(in_groups, self.jobs)
        value_map, spans = find_map(source.read, boxes, source.dtype, source.nodata, mapper)
        if progress is not None:
            progress(self.grid.samples)
        if value_map.rule == "real":
            return RealEncoder(source, self.grid, value_map, self.jobs)
        tables = GridEncoder(
            source, self.grid, value_map, spans, self.jobs,
            self._options.fit or FitOptions(), self._training,
        )  # fmt: skip
        on_grid: PlaneEncoder = BestEncoder(tables) if self._options.best else tables
        if self._options.predictor == NEURAL:
            fit = self._options.fit if source.role == BAND else None
            on_grid = NeuralEncoder(
                BestEncoder(tables), fit, self._training, thorough=self._options.best
            )
        if value_map.rule == "integer" or value_map.exceptions < MANY * self.grid.samples:
            return on_grid
        # The lattices of true floats may suit a grid with many exceptions better.
        as_floats = RealEncoder(
            source, self.grid, ValueMap(value_map.dtype, "real", fills=value_map.fills), self.jobs
        )
        found: tuple[PlaneEncoder, PlaneEncoder] = (on_grid, as_floats)
        return min(found, key=self._trial_size)

    def _trial_size(self, plane: PlaneEncoder) -> int:
        """Bytes of some blocks of a plane and of its model."""
        plan = plane.plan(DEFAULT_PREDICTOR)
        step = -(-self.grid.count // TRIAL_BLOCKS)
        boxes = [self.grid.box(number) for number in range(step // 2, self.grid.count, step)]
        payloads = in_order(self.jobs, partial(plane.block, plan), boxes)
        return sum(len(payload) for payload, _ in payloads) + len(plan.model_bytes)

    def plan(self, predictor: str) -> RasterPlan:
        """Fit weights and make tables of all planes for a predictor."""
        of_mask = DEFAULT_PREDICTOR if predictor == IMPLICIT else predictor
        return self.put_together(
            plane.plan(of_mask if plane.source.role == MASK else predictor) for plane in self.planes
        )

    def put_together(self, planned: Iterable[PlanePlan]) -> RasterPlan:
        """The header for plans of all planes."""
        plans = tuple(planned)
        sections = tuple(
            section_of(plane, plan).to_bytes()
            for plane, plan in zip(self.planes, plans, strict=True)
        )
        metadata = write_metadata(self.georeference)
        header = Header(self.grid.rows, self.grid.cols, self.grid.size, metadata, sections)
        return RasterPlan(plans, header.to_bytes())

    def write(self, file: BinaryIO, plan: RasterPlan, progress: Progress | None = None) -> int:
        """Write the .dz file, block by block; what stands before the payloads comes last.

        Args:
            file: Empty; must be seekable.
            plan: Of `plan`.
            progress: Called with the number of samples done since the last call.

        Returns:
            Bytes of the file.

        """
        entries = np.zeros(self.grid.count * len(self.planes), INDEX)
        size = front_bytes(plan.header, entries.size)
        file.seek(size)
        order = self.grid.in_file_order(len(self.planes))
        blocks = in_order(self.jobs, partial(self._block, plan), order)
        for number, (payload, value_crc, samples) in enumerate(blocks):
            file.write(payload)
            entries[number] = (len(payload), zlib.crc32(payload), value_crc)
            size += len(payload)
            if progress is not None:
                progress(samples)
        file.seek(0)
        file.write(write_front(plan.header, entries))
        return size

    def size(self, plan: RasterPlan, progress: Progress | None = None) -> int:
        """Bytes of the .dz file that `write` would make."""
        total = front_bytes(plan.header, self.grid.count * len(self.planes))
        for payload, _, samples in in_order(
            self.jobs, partial(self._block, plan), self.grid.in_file_order(len(self.planes))
        ):
            total += len(payload)
            if progress is not None:
                progress(samples)
        return total

    def _block(self, plan: RasterPlan, item: tuple[int, BlockBox]) -> tuple[bytes, int, int]:
        number, box = item
        payload, crc = self.planes[number].block(plan.planes[number], box)
        return payload, crc, box.rows * box.cols


def encode(
    array: AnyArray,
    *,
    predictor: str = DEFAULT_PREDICTOR,
    nodata: float | None = None,
    block: int | None = None,
    jobs: int = 1,
    best: bool = False,
    fit: FitOptions | None = None,
    georeference: Georeference | None = None,
) -> bytes:
    """Encode an array of elevations.

    Args:
        array: (rows, cols) or (bands, rows, cols) of an integer dtype of 8 to 64 bits, float32 or
            float64; numbers of 64 bits within +-2**46. Not modified.
        predictor: One of demzip.PREDICTORS, "auto" for the one that codes smallest, "neural" for
            the smallest file, or "implicit", which trains a network on the array and needs JAX.
        nodata: Value of missing samples; they cost next to nothing.
        block: Side of a block, a multiple of 16 from 16 to 4096; by default 512, 1216 if `best`
            or "neural".
        jobs: Threads; 0 for one per processor.
        best: Make the smallest file, however long it takes to write and to read.
        fit: How networks are trained; "neural" trains only if it is given, which needs JAX.
        georeference: Metadata to store along; its no-data values give way to `nodata`.

    Returns:
        A complete .dz file.

    Raises:
        OptionsError: An argument is illegal.
        UnsupportedError: The values cannot be coded exactly.

    """
    array = np.asarray(array)
    if array.ndim not in (2, 3):
        raise OptionsError(f"an array of 2 or 3 dimensions is needed, not {array.ndim}")
    planes = array.astype(array.dtype.newbyteorder("="), copy=False)
    planes = planes.reshape(-1, *array.shape[-2:]) if array.size else planes
    count = 1 if array.ndim == 2 else array.shape[0]
    georeference = georeference or Georeference(bands=(Band(),) * count)
    if len(georeference.bands) != count:
        raise OptionsError(f"metadata of {len(georeference.bands)} bands for an array of {count}")
    if nodata is not None:
        georeference = georeference.with_nodata(_exact(nodata))
    sources = [
        PlaneSource(partial(_window, planes, number), array.dtype.name, band.nodata)
        for number, band in enumerate(georeference.bands)
    ]
    shape = (array.shape[-2], array.shape[-1])
    side = default_block(predictor, best=best) if block is None else block
    options = EncodeOptions(predictor, side, jobs, best, fit)
    encoder = RasterEncoder(sources, shape, georeference, options)
    out = io.BytesIO()
    encoder.write(out, encoder.plan(predictor))
    return out.getvalue()


def _exact(nodata: float) -> float:
    """A float, or an int that no float equals."""
    number = float(nodata)
    if isinstance(nodata, int | np.integer) and int(nodata) != number:
        return int(nodata)
    return number


def _window(planes: AnyArray, number: int, rows: slice, cols: slice) -> AnyArray:
    return planes[number, rows, cols]
