"""Planes on a grid for the smallest file: tables or adaptive coding, whichever is smaller."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox
from demzip.codec.checksum import checksum
from demzip.codec.grid import (
    AUTO_BLOCKS,
    KEPT_SAMPLES,
    NO_PATTERNS,
    SURVEY_BLOCKS,
    GridEncoder,
    GridPlan,
)
from demzip.codec.plane import PlanePlan, place_of
from demzip.predict.templates import IMPLICIT
from demzip.scan.adaptive.block import write_adaptive_block
from demzip.scan.adaptive.model import AdaptiveModel
from demzip.scan.holes import Patterns
from demzip.scan.neural.block import write_neural_block
from demzip.scan.neural.model import NeuralModel
from demzip.scan.survey import Patch

UInt8Array = NDArray[np.uint8]


@dataclass(frozen=True)
class AdaptivePlan:
    """What the survey decided for a plane whose blocks adapt.

    Attributes:
        predictor: Name of the predictor.
        model: Weights, and the network if one helps.
        surface: There is none.

    """

    predictor: str
    model: AdaptiveModel | NeuralModel
    surface: None = None

    @cached_property
    def model_bytes(self) -> bytes:
        """The model section."""
        return self.model.to_bytes()


class BestEncoder:
    """A plane on a grid about to be encoded as small as can be.

    Attributes:
        tables: The same plane, coded with tables.

    """

    def __init__(self, tables: GridEncoder) -> None:
        self.tables = tables
        self.source = tables.source
        self.grid = tables.grid
        self.value_map = tables.value_map

    def plan(self, predictor: str) -> GridPlan | AdaptivePlan:
        """The smaller of a plan with tables and one without, for a predictor or for the best."""
        if predictor == IMPLICIT:
            return self.tables.plan(predictor, thorough=True)
        patches = self.survey(AUTO_BLOCKS if predictor == "auto" else SURVEY_BLOCKS)
        return self.smallest(patches, self.plans(predictor, patches))

    def survey(self, most: int) -> dict[int, Patch]:
        """Some blocks with relief, by number; fewer of them if they are large."""
        return self.tables.survey_patches(min(most, max(KEPT_SAMPLES // self.grid.size**2, 1)))

    def plans(self, predictor: str, patches: dict[int, Patch]) -> tuple[AdaptivePlan, GridPlan]:
        """Plans without tables and with them, for a predictor or for the best."""
        if predictor == "auto":
            found = self.tables.smallest(patches)
        else:
            found = self.tables.plan_for(predictor, patches, thorough=True)
            found = self.tables.with_popularity(found, patches)
        model = AdaptiveModel(found.fit.weights, found.fit.thresholds)
        return AdaptivePlan(found.predictor, model), found

    def smallest(
        self, patches: dict[int, Patch], plans: Iterable[GridPlan | AdaptivePlan]
    ) -> GridPlan | AdaptivePlan:
        """The plan, among equals the first, under which some blocks are smallest."""
        return min(plans, key=partial(self._survey_size, patches))

    def _survey_size(self, patches: dict[int, Patch], plan: GridPlan | AdaptivePlan) -> int:
        if isinstance(plan, GridPlan):
            return self.tables.survey_size(patches, plan)
        coded = partial(self._payload_size, plan)
        return self.tables.extrapolate(patches, coded, plan.model_bytes)

    def _payload_size(self, plan: AdaptivePlan, item: tuple[int, Patch]) -> int:
        number, patch = item
        box = self.grid.box(number)
        return len(self._payload(plan, box, patch, patch.holes, NO_PATTERNS))

    def _payload(
        self,
        plan: AdaptivePlan,
        box: BlockBox,
        patch: Patch | None,
        codes: UInt8Array | None,
        explicit: Patterns,
    ) -> bytes:
        if isinstance(plan.model, NeuralModel):
            place = place_of(box, self.grid)
            return write_neural_block(codes, explicit, patch, plan.model, place)
        return write_adaptive_block(codes, explicit, patch, plan.model)

    def block(self, plan: PlanePlan, box: BlockBox) -> tuple[bytes, int]:
        """Payload of a block and the checksum of its values."""
        if not isinstance(plan, AdaptivePlan):
            return self.tables.block(plan, box)
        values = np.ascontiguousarray(self.source.read(*box.slices))
        patch, codes = self.tables.parts(box, values)
        explicit = self.value_map.explicit(values, codes)
        return self._payload(plan, box, patch, codes, explicit), checksum(values)
