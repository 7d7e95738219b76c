"""From values to bytes, top-down: values -> samples -> model -> blocks -> file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox, BlockGrid, check_block
from demzip.codec.checksum import checksum
from demzip.codec.threads import in_order
from demzip.container.layout import Header, write_file
from demzip.container.metadata import write_metadata
from demzip.entropy.popularity import Popularity
from demzip.errors import OptionsError, UnsupportedError
from demzip.options import DEFAULT_BLOCK, DEFAULT_PREDICTOR, EncodeOptions, thread_count
from demzip.predict.templates import PREDICTORS, check_predictor
from demzip.raster.finding import ReadBlock, Span, find_map
from demzip.raster.georeference import Georeference
from demzip.raster.values import DTYPES
from demzip.scan.block import make_patch, write_block
from demzip.scan.measuring import Measurement
from demzip.scan.model import Model
from demzip.scan.survey import Fit, Patch, fit_block, fit_raster, make_model

AnyArray = NDArray[np.generic]
Progress = Callable[[int], object]  # called with the number of samples done since the last call

SURVEY_BLOCKS = 6  # blocks that weights and tables are made from; a smaller raster uses all
AUTO_BLOCKS = 16  # the same for `auto`, which takes its time
WEIGHT_BITS = 7.0  # what a weight of a block's own costs
MAX_POPULAR_SPAN = 1 << 16  # widest range of samples whose popularity is considered
KEPT_SAMPLES = 1 << 22  # samples of surveyed blocks that are kept measured


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
        thorough: Whether weights are fitted on all samples, not on a part of them.

    """

    predictor: str
    fit: Fit
    model: Model
    own_weights: bool
    surveyed: dict[int, Surveyed]
    thorough: bool


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
        self.value_map, self.spans = find_map(
            read, boxes, dtype, georeference.nodata, partial(in_order, self.jobs)
        )
        found = self.value_map
        plain = found.rule == "integer" or (found.rule == "ratio" and found.numerator == 1)
        if not plain or found.exceptions or len(found.fills) > 1:
            raise UnsupportedError(
                f"the container cannot say {found.describe()}, {len(found.fills)} fill patterns"
            )

    def patch(self, box: BlockBox) -> tuple[Patch, int] | None:
        """Centred samples of a block and their centre; None if all are missing."""
        samples, holes = self.value_map.to_samples(self.read(*box.slices))
        return make_patch(samples, holes)

    def centre(self, box: BlockBox) -> int:
        """What is subtracted from the samples of a block."""
        span = self.spans[box.number]
        return 0 if span is None else (span[0] + span[1]) >> 1

    def survey_patches(self, most: int = SURVEY_BLOCKS) -> dict[int, Patch]:
        """Blocks with some relief, spread evenly over the raster, by number."""
        relief = [box for box in self.grid if _has_relief(self.spans[box.number])]
        if len(relief) > most:
            relief = [relief[int((k + 0.5) * len(relief) / most)] for k in range(most)]
        found = in_order(self.jobs, self.patch, relief)
        return {
            box.number: patch[0]
            for box, patch in zip(relief, found, strict=True)
            if patch is not None
        }

    def plan(
        self, predictor: str, patches: dict[int, Patch] | None = None, *, thorough: bool = False
    ) -> Plan:
        """Fit weights and make tables for a predictor, or for the best one if it is "auto"."""
        if patches is None:
            patches = self.survey_patches(AUTO_BLOCKS if predictor == "auto" else SURVEY_BLOCKS)
        if predictor == "auto":
            return self._best_plan(patches)
        mapper = partial(in_order, self.jobs)
        fit = fit_raster(list(patches.values()), predictor, mapper, thorough=thorough)
        sampled = self.grid.count > 2 * len(patches)  # then half of them can tell for the rest
        measure = partial(_measure, fit=fit, keep=True, thorough=thorough)
        tasks = [(patch, not sampled or k % 2 == 0) for k, patch in enumerate(patches.values())]
        measured = list(in_order(self.jobs, lambda t: measure(t[0], try_own=t[1]), tasks))
        blocks = [measurement for measurement, _ in measured]
        model = make_model(blocks, fit, mapper=mapper)
        own_weights = any(own is not None for _, own in measured)
        surveyed = dict(zip(patches, measured, strict=True))
        if sum(measurement.residuals.size for measurement, _ in measured) > KEPT_SAMPLES:
            surveyed = {}
        return Plan(predictor, fit, model, own_weights, surveyed, thorough)

    def _best_plan(self, patches: dict[int, Patch]) -> Plan:
        """The plan under which the surveyed blocks code smallest."""
        best = min(
            (self.plan(predictor, patches, thorough=True) for predictor in PREDICTORS),
            key=partial(self._survey_size, patches),
        )
        popularity = self._popularity()
        if popularity is not None and best.surveyed:
            measured = [measurement for measurement, _ in best.surveyed.values()]
            uneven = [
                replace(best, model=make_model(measured, best.fit, popularity.rounded(step)))
                for step in (1, 2)
            ]
            best = min([best, *uneven], key=partial(self._survey_size, patches))
        return best

    def _popularity(self) -> Popularity | None:
        """Occurrences of all samples, None where there are too many levels for it to pay."""
        spans = [span for span in self.spans if span is not None]
        if not spans:
            return None
        lowest, highest = min(low for low, _ in spans), max(high for _, high in spans)
        if highest - lowest >= MAX_POPULAR_SPAN:
            return None
        counts = np.zeros(highest - lowest + 1, np.int64)
        for box in self.grid:
            samples, holes = self.value_map.to_samples(np.ascontiguousarray(self.read(*box.slices)))
            valid = samples.ravel() if holes is None else samples[holes == 0]
            counts += np.bincount(valid.astype(np.int64) - lowest, minlength=counts.size)
        return Popularity.of_counts(lowest, counts)

    def _survey_size(self, patches: dict[int, Patch], plan: Plan) -> int:
        sizes = in_order(self.jobs, partial(self._payload_size, plan), patches.items())
        share = sum(patch.samples.size for patch in patches.values())
        total = self.grid.rows * self.grid.cols
        return int(sum(sizes) * total / max(share, 1)) + len(plan.model.to_bytes())

    def _payload_size(self, plan: Plan, item: tuple[int, Patch]) -> int:
        number, patch = item
        measurement, own = self._surveyed(plan, number, patch)
        centre = self.centre(self.grid.box(number))
        return len(write_block(patch, centre, measurement, own, plan.model))

    def _surveyed(self, plan: Plan, number: int, patch: Patch) -> Surveyed:
        found = plan.surveyed.get(number)
        return found or _measure(
            patch, plan.fit, try_own=plan.own_weights, keep=False, thorough=plan.thorough
        )

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
            self.value_map.fills[0] if self.value_map.fills else None,
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


def _measure(
    patch: Patch, fit: Fit, *, try_own: bool, keep: bool, thorough: bool
) -> Surveyed:
    own = fit_block(patch, fit, WEIGHT_BITS, thorough=thorough) if try_own else None
    return (own or fit).measure(patch, keep=keep), own


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
        georeference = replace(georeference, nodata=float(nodata))
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    encoder = RasterEncoder(
        lambda rows, cols: native[rows, cols],
        (array.shape[0], array.shape[1]),
        array.dtype.name,
        georeference,
        EncodeOptions(predictor, block, jobs),
    )
    return encoder.encode(encoder.plan(predictor)).to_bytes()
