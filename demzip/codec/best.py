"""Planes on a grid for the smallest file: tables or adaptive coding, whichever is smaller."""

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

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
from demzip.codec.plane import PlanePlan
from demzip.predict.templates import IMPLICIT
from demzip.scan.adaptive.block import write_adaptive_block
from demzip.scan.adaptive.model import AdaptiveModel
from demzip.scan.survey import Patch


@dataclass(frozen=True)
class AdaptivePlan:
    """What the survey decided for a plane whose blocks adapt.

    Attributes:
        predictor: Name of the predictor.
        model: Weights.
        surface: There is none.

    """

    predictor: str
    model: AdaptiveModel
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
        most = AUTO_BLOCKS if predictor == "auto" else SURVEY_BLOCKS
        most = min(most, max(KEPT_SAMPLES // self.grid.size**2, 1))
        patches = self.tables.survey_patches(most)
        if predictor == "auto":
            found = self.tables.smallest(patches)
        else:
            found = self.tables.plan_for(predictor, patches, thorough=True)
            found = self.tables.with_popularity(found, patches)
        adaptive = AdaptivePlan(
            found.predictor, AdaptiveModel(found.fit.weights, found.fit.thresholds)
        )
        coded = partial(self._payload_size, adaptive.model)
        smaller = self.tables.extrapolate(patches, coded, adaptive.model_bytes)
        return adaptive if smaller <= self.tables.survey_size(patches, found) else found

    def _payload_size(self, model: AdaptiveModel, item: tuple[int, Patch]) -> int:
        _, patch = item
        return len(write_adaptive_block(patch.holes, NO_PATTERNS, patch, model))

    def block(self, plan: PlanePlan, box: BlockBox) -> tuple[bytes, int]:
        """Payload of a block and the checksum of its values."""
        if not isinstance(plan, AdaptivePlan):
            return self.tables.block(plan, box)
        values = np.ascontiguousarray(self.source.read(*box.slices))
        patch, codes = self.tables.parts(box, values)
        explicit = self.value_map.explicit(values, codes)
        return write_adaptive_block(codes, explicit, patch, plan.model), checksum(values)
