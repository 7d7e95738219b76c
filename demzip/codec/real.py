"""Planes of true floats: values -> ordinals -> model -> blocks."""

from dataclasses import dataclass
from functools import cached_property, partial, reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox, BlockGrid
from demzip.codec.checksum import checksum
from demzip.codec.plane import PlanePlan, PlaneSource
from demzip.codec.threads import in_order
from demzip.errors import UnsupportedError
from demzip.options import DEFAULT_PREDICTOR, NEURAL
from demzip.predict.templates import IMPLICIT
from demzip.raster.values import ValueMap
from demzip.scan.holes import simplify
from demzip.scan.real.block import RealPatch, shorten, write_real_block
from demzip.scan.real.model import RealModel
from demzip.scan.real.survey import Extent, centred, fit_model, ground_of, start_model
from demzip.scan.survey import Patch

AnyArray = NDArray[np.generic]
Int64Array = NDArray[np.int64]

SURVEY_BLOCKS = 6  # blocks that weights, rules and lattice are made from
INSTEAD = ("auto", NEURAL)  # of which the default predictor is taken


@dataclass(frozen=True)
class RealPlan:
    """What the survey decided for a plane.

    Attributes:
        predictor: Name of the predictor.
        model: Weights, rules, lattice.
        surface: There is none.

    """

    predictor: str
    model: RealModel
    surface: None = None

    @cached_property
    def model_bytes(self) -> bytes:
        """The model section."""
        return self.model.to_bytes()


class RealEncoder:
    """A plane of true floats about to be encoded.

    Attributes:
        source: Its values.
        grid: The blocks.
        value_map: Tells which of them are holes.
        jobs: Threads.

    """

    def __init__(
        self, source: PlaneSource, grid: BlockGrid, value_map: ValueMap, jobs: int
    ) -> None:
        self.source = source
        self.grid = grid
        self.value_map = value_map
        self.jobs = jobs

    @cached_property
    def _start(self) -> tuple[RealModel, list[int]]:
        """A model for the floats that occur, and the blocks with some relief."""
        extents = list(in_order(self.jobs, self._extent, self.grid))
        together = reduce(or_, extents, Extent())
        relief = [n for n, extent in enumerate(extents) if extent.union != extent.largest]
        return start_model(together, self.value_map.dtype), relief

    def _extent(self, box: BlockBox) -> Extent:
        values = self.source.read(*box.slices)
        return Extent.of_values(values, self.value_map.codes(values))

    def _patch(self, box: BlockBox, model: RealModel) -> tuple[RealPatch, AnyArray]:
        values = np.ascontiguousarray(self.source.read(*box.slices))
        numbers, codes = self.value_map.to_samples(values)
        ordinals = shorten(numbers, model.dropped)
        if codes is not None:
            codes = simplify(codes)
            ordinals[codes != 0] = 0
        return RealPatch(ordinals, codes, self.value_map.explicit(values, codes)), values

    def heights(self, box: BlockBox, model: RealModel) -> tuple[Patch, Int64Array] | None:
        """Heights of a block, centred and as they are; None if there is none."""
        patch, _ = self._patch(box, model)
        if patch.codes is not None and patch.codes.all():
            return None
        ground = ground_of(patch, model)
        return centred(patch, ground), ground

    def plan(self, predictor: str) -> RealPlan:
        """Fit weights for a predictor, and look for exact rules and a lattice.

        Raises:
            UnsupportedError: It is one for values on a grid.

        """
        if predictor == IMPLICIT:
            raise UnsupportedError(
                "implicit needs values on a grid, and these are floats with full mantissas; "
                "take lagrange24"
            )
        name = DEFAULT_PREDICTOR if predictor in INSTEAD else predictor
        model, relief = self._start
        if len(relief) > SURVEY_BLOCKS:
            relief = [
                relief[int((k + 0.5) * len(relief) / SURVEY_BLOCKS)] for k in range(SURVEY_BLOCKS)
            ]
        boxes = [self.grid.box(number) for number in relief]
        patches = [
            patch for patch, _ in in_order(self.jobs, partial(self._patch, model=model), boxes)
        ]
        return RealPlan(name, fit_model(model, patches, name, partial(in_order, self.jobs)))

    def block(self, plan: PlanePlan, box: BlockBox) -> tuple[bytes, int]:
        """Payload of a block and the checksum of its values."""
        assert isinstance(plan, RealPlan)
        patch, values = self._patch(box, plan.model)
        return write_real_block(patch, plan.model), checksum(values)
