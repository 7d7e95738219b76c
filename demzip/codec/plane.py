"""What all planes of a raster have in common on their way into a file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox, BlockGrid
from demzip.container.plane import ADAPTIVE, BAND, NEURAL_CODER, TABLES, PlaneSection
from demzip.raster.finding import ReadBlock
from demzip.raster.values import ValueMap
from demzip.scan.adaptive.model import AdaptiveModel
from demzip.scan.implicit.surface import Surface
from demzip.scan.model import Model
from demzip.scan.neural.model import NeuralModel
from demzip.scan.neural.network import Place
from demzip.scan.real.model import RealModel

AnyArray = NDArray[np.generic]
AnyModel = Model | AdaptiveModel | NeuralModel | RealModel

# By coder; true floats have a RealModel.
MODELS: dict[int, type[AnyModel]] = {
    TABLES: Model,
    ADAPTIVE: AdaptiveModel,
    NEURAL_CODER: NeuralModel,
}


@dataclass(frozen=True)
class PlaneSource:
    """A band, or the mask of a dataset, about to be encoded.

    Attributes:
        read: Gives the values of a window (rows, cols).
        dtype: Name of their dtype.
        nodata: Declared no-data value, or None.
        role: container.plane.BAND or MASK.

    """

    read: ReadBlock
    dtype: str
    nodata: float | None = None
    role: int = BAND


class PlanePlan(Protocol):
    """What the survey decided for a plane."""

    @property
    def predictor(self) -> str:
        """Name of the predictor."""

    @property
    def model(self) -> AnyModel:
        """Parameters of the blocks."""

    @property
    def model_bytes(self) -> bytes:
        """The model section."""

    @property
    def surface(self) -> Surface | None:
        """What its samples are departures from."""


class PlaneEncoder(Protocol):
    """Codes the blocks of a plane, on a grid or as true floats."""

    source: PlaneSource
    grid: BlockGrid
    value_map: ValueMap

    def plan(self, predictor: str) -> PlanePlan:
        """Fit weights and make tables for a predictor, or for the best one if it is "auto"."""

    def block(self, plan: PlanePlan, box: BlockBox) -> tuple[bytes, int]:
        """Payload of a block and the checksum of its values."""


def section_of(encoder: PlaneEncoder, plan: PlanePlan) -> PlaneSection:
    """What the header says of a plane."""
    kinds = list(MODELS.values())
    coder = kinds.index(type(plan.model)) if type(plan.model) in kinds else TABLES
    network = b"" if plan.surface is None else plan.surface.to_bytes()
    return PlaneSection(
        encoder.source.role, plan.predictor, encoder.value_map, plan.model_bytes, coder, network
    )


def place_of(box: BlockBox, grid: BlockGrid) -> Place:
    """Where a block lies, for networks that want to know."""
    return Place(box.row, box.col, grid.rows, grid.cols)


def describe(value_map: ValueMap, model: AnyModel) -> str:
    """The values of a plane in words, e.g. "float32 on a 0.01 grid, 3 exceptions"."""
    words = value_map.describe()
    return words + model.describe() if isinstance(model, RealModel) else words


Progress = Callable[[int], object]  # called with the number of samples done since the last call
