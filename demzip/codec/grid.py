"""Planes whose values lie on a grid: values -> samples -> model -> blocks."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox, BlockGrid
from demzip.codec.checksum import checksum
from demzip.codec.implicit import fit_surface
from demzip.codec.plane import PlanePlan, PlaneSource
from demzip.codec.threads import in_order
from demzip.entropy.popularity import Popularity
from demzip.options import DEFAULT_PREDICTOR, FitOptions
from demzip.predict.templates import IMPLICIT, PREDICTORS
from demzip.raster.levels import Span
from demzip.raster.values import ValueMap
from demzip.scan.block import make_patch, write_block
from demzip.scan.holes import simplify
from demzip.scan.implicit.surface import Surface
from demzip.scan.measuring import Measurement
from demzip.scan.model import Model
from demzip.scan.offsets import fit_offsets
from demzip.scan.survey import Fit, Patch, fit_block, fit_raster, make_model
from demzip.training.implicit import Progress

AnyArray = NDArray[np.generic]
UInt8Array = NDArray[np.uint8]

SURVEY_BLOCKS = 6  # blocks that weights and tables are made from; a smaller raster uses all
AUTO_BLOCKS = 16  # the same for `auto`, which takes its time
WEIGHT_BITS = 7.0  # what a weight of a block's own costs
MAX_POPULAR_SPAN = 1 << 16  # widest range of samples whose popularity is considered
KEPT_SAMPLES = 1 << 22  # samples of surveyed blocks that are kept measured
NO_PATTERNS = np.zeros(0, np.uint8)


# A block as the survey left it: its measurement, and the weights of its own if it has some.
Surveyed = tuple[Measurement, Fit | None]


@dataclass(frozen=True)
class GridPlan:
    """What the survey decided for a raster.

    Attributes:
        predictor: Name of the predictor.
        fit: Weights of the raster.
        model: What goes into the header.
        own_weights: Whether blocks should try weights of their own.
        surveyed: Blocks that are measured already, by number.
        thorough: Whether weights are fitted on all samples, not on a part of them.
        departures: Codes the blocks, if it is not their samples that are coded.

    """

    predictor: str
    fit: Fit
    model: Model
    own_weights: bool
    surveyed: dict[int, Surveyed]
    thorough: bool
    departures: "GridEncoder | None" = None

    @cached_property
    def model_bytes(self) -> bytes:
        """The model section."""
        return self.model.to_bytes()

    @property
    def surface(self) -> Surface | None:
        """What its samples are departures from."""
        return None if self.departures is None else self.departures.surface


class GridEncoder:
    """A plane about to be encoded: its exact map to samples is found once, for any predictor.

    Attributes:
        source: Its values.
        grid: The blocks.
        value_map: Between values and samples.
        spans: Least and greatest sample of each block, None where it has none.
        jobs: Threads.
        fit: How a surface is fitted.
        report: Hears of that; or None.
        surface: Its samples are departures from it; None if they are samples of the raster.

    """

    def __init__(
        self,
        source: PlaneSource,
        grid: BlockGrid,
        value_map: ValueMap,
        spans: list[Span],
        jobs: int,
        fit: FitOptions,
        report: Progress | None = None,
    ) -> None:
        self.source = source
        self.grid = grid
        self.value_map = value_map
        self.spans = spans
        self.jobs = jobs
        self.fit = fit
        self.report = report
        self.surface: Surface | None = None

    def samples(
        self, box: BlockBox, values: AnyArray | None = None
    ) -> tuple[NDArray[np.integer], UInt8Array | None]:
        """Samples of a block, or its departures, and the codes of its holes."""
        if values is None:
            values = self.source.read(*box.slices)
        samples, codes = self.value_map.to_samples(values)
        if self.surface is not None:
            samples = samples - self.surface.draw(box)
        return samples, codes

    def span(self, box: BlockBox) -> Span:
        """Least and greatest sample of a block, None if all are missing."""
        samples, codes = self.samples(box)
        valid = samples if codes is None else samples[codes == 0]
        return (int(valid.min()), int(valid.max())) if valid.size else None

    def patch(self, box: BlockBox) -> Patch | None:
        """Samples of a block; None if all are missing."""
        samples, codes = self.samples(box)
        return make_patch(samples, codes, self.spans[box.number])

    def survey_patches(self, most: int = SURVEY_BLOCKS) -> dict[int, Patch]:
        """Blocks with some relief, spread evenly over the raster, by number."""
        relief = [box for box in self.grid if _has_relief(self.spans[box.number])]
        if len(relief) > most:
            relief = [relief[int((k + 0.5) * len(relief) / most)] for k in range(most)]
        found = in_order(self.jobs, self.patch, relief)
        return {
            box.number: patch
            for box, patch in zip(relief, found, strict=True)
            if patch is not None
        }

    def plan(
        self, predictor: str, patches: dict[int, Patch] | None = None, *, thorough: bool = False
    ) -> GridPlan:
        """Fit weights and make tables for a predictor, or for the best one if it is "auto"."""
        if predictor == IMPLICIT:
            return self.plan_on(fit_surface(self, self.report), thorough=thorough)
        if patches is None:
            patches = self.survey_patches(AUTO_BLOCKS if predictor == "auto" else SURVEY_BLOCKS)
        if predictor == "auto":
            return self.smallest(patches)
        return self.plan_for(predictor, patches, thorough=thorough)

    def plan_on(self, surface: Surface, *, thorough: bool = False) -> GridPlan:
        """Fit weights and make tables for departures from a surface."""
        departures = copy.copy(self)
        departures.surface = surface
        departures.spans = list(in_order(self.jobs, departures.span, self.grid))
        plan = departures.plan(DEFAULT_PREDICTOR, thorough=thorough)
        return replace(plan, predictor=IMPLICIT, departures=departures)

    def plan_for(
        self, predictor: str, patches: dict[int, Patch], *, thorough: bool = False
    ) -> GridPlan:
        """Fit weights and make tables for one predictor."""
        mapper = partial(in_order, self.jobs)
        fit = fit_raster(list(patches.values()), predictor, mapper, thorough=thorough)
        total = self.grid.rows * self.grid.cols
        if fit.moments is not None or thorough:  # who takes fixed weights wants speed
            fit = fit_offsets(fit, list(patches.values()), total, mapper, thorough=thorough)
        sampled = self.grid.count > 2 * len(patches)  # then half of them can tell for the rest
        measure = partial(_measure, fit=fit, keep=True, thorough=thorough)
        surveyed: dict[int, Surveyed] = {}
        own_weights = len(patches) > 1  # the raster's were fitted on one alone
        for parity in (0, 1):
            numbers = list(patches)[parity::2]
            work = partial(measure, try_own=own_weights and not (sampled and parity))
            found = in_order(self.jobs, work, [patches[number] for number in numbers])
            surveyed.update(zip(numbers, found, strict=True))
            # If none of half the blocks has some, the others need not try.
            own_weights = any(own is not None for _, own in surveyed.values())
        measured = [measurement for measurement, _ in surveyed.values()]
        model = make_model(measured, fit, mapper=mapper)
        if sum(measurement.residuals.size for measurement in measured) > KEPT_SAMPLES:
            surveyed = {}
        return GridPlan(predictor, fit, model, own_weights, surveyed, thorough)

    def smallest(self, patches: dict[int, Patch]) -> GridPlan:
        """The plan under which the surveyed blocks code smallest."""
        best = min(
            (self.plan_for(predictor, patches, thorough=True) for predictor in PREDICTORS),
            key=partial(self.survey_size, patches),
        )
        return self.with_popularity(best, patches)

    def with_popularity(self, best: GridPlan, patches: dict[int, Patch]) -> GridPlan:
        """A plan that uses how often samples occur, where that pays."""
        popularity = self._popularity()
        if popularity is not None and best.surveyed:
            measured = [measurement for measurement, _ in best.surveyed.values()]
            uneven = [
                replace(best, model=make_model(measured, best.fit, popularity.rounded(step)))
                for step in (1, 2)
            ]
            best = min([best, *uneven], key=partial(self.survey_size, patches))
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
            samples, codes = self.samples(box)
            valid = samples.ravel() if codes is None else samples[codes == 0]
            counts += np.bincount(valid.astype(np.int64) - lowest, minlength=counts.size)
        return Popularity.of_counts(lowest, counts)

    def survey_size(self, patches: dict[int, Patch], plan: GridPlan) -> int:
        """Bytes of the plane under a plan, from those of the surveyed blocks."""
        return self.extrapolate(patches, partial(self._payload_size, plan), plan.model_bytes)

    def extrapolate(
        self,
        patches: dict[int, Patch],
        payload_size: Callable[[tuple[int, Patch]], int],
        model_bytes: bytes,
    ) -> int:
        """Bytes of the plane, from those that a function gives for the surveyed blocks."""
        sizes = in_order(self.jobs, payload_size, patches.items())
        share = sum(patch.samples.size for patch in patches.values())
        total = self.grid.rows * self.grid.cols
        return int(sum(sizes) * total / max(share, 1)) + len(model_bytes)

    def _payload_size(self, plan: GridPlan, item: tuple[int, Patch]) -> int:
        number, patch = item
        measured = self._surveyed(plan, number, patch)
        return len(write_block(patch.holes, NO_PATTERNS, patch, measured, plan.model))

    def _surveyed(self, plan: GridPlan, number: int, patch: Patch) -> Surveyed:
        found = plan.surveyed.get(number)
        return found or _measure(
            patch, plan.fit, try_own=plan.own_weights, keep=False, thorough=plan.thorough
        )

    def parts(self, box: BlockBox, values: AnyArray) -> tuple[Patch | None, UInt8Array | None]:
        """Samples of a block, None if all are missing, and the codes of its holes."""
        samples, codes = self.samples(box, values)
        if codes is not None:
            codes = simplify(codes)
        return make_patch(samples, codes, self.spans[box.number]), codes

    def block(self, plan: PlanePlan, box: BlockBox) -> tuple[bytes, int]:
        """Payload of a block and the checksum of its values."""
        assert isinstance(plan, GridPlan)
        if plan.departures is not None:
            return plan.departures.block(replace(plan, departures=None), box)
        values = np.ascontiguousarray(self.source.read(*box.slices))
        patch, codes = self.parts(box, values)
        measured = None
        if patch is not None and patch.bound:
            measured = self._surveyed(plan, box.number, patch)
        explicit = self.value_map.explicit(values, codes)
        return write_block(codes, explicit, patch, measured, plan.model), checksum(values)


def _has_relief(span: Span) -> bool:
    return span is not None and span[0] < span[1]


def _measure(
    patch: Patch, fit: Fit, *, try_own: bool, keep: bool, thorough: bool
) -> Surveyed:
    own = fit_block(patch, fit, WEIGHT_BITS, thorough=thorough) if try_own else None
    # Only popularity, which but a thorough plan tries, asks for the samples later.
    return (own or fit).measure(patch, keep=keep, keep_samples=thorough), own
