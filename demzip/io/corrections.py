"""How often each correction (sample - prediction) occurs in a band."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox
from demzip.codec import in_order
from demzip.codec.best import AdaptivePlan
from demzip.codec.grid import GridEncoder, GridPlan
from demzip.codec.neural import NeuralEncoder
from demzip.codec.plane import PlaneEncoder, PlanePlan, place_of
from demzip.codec.real import RealEncoder, RealPlan
from demzip.options import DEFAULT_PREDICTOR
from demzip.scan.adaptive.contexts.kernels import FRACTION_BITS
from demzip.scan.model import NO_OFFSETS
from demzip.scan.neural.centres import centres
from demzip.scan.neural.model import NeuralModel
from demzip.scan.neural.network import Network
from demzip.scan.neural.observing import examples
from demzip.scan.real.model import RealModel
from demzip.scan.survey import Fit, Patch

Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NONE = np.zeros(0, np.int64)
ENOUGH = 1 << 20  # distinct corrections that are put together at a time
ROUNDING = 1e-9  # of a step such as 0.01
HALF = 1 << FRACTION_BITS >> 1  # of a sample


@dataclass(frozen=True)
class Corrections:
    """Corrections of a band.

    Attributes:
        counts: How often each distinct one occurs.
        range: Least and greatest, in units of the raster.
        within: Share of those of at most so many units of the raster either way.

    """

    counts: Int64Array
    range: tuple[float, float]
    within: dict[int, float]

    @property
    def entropy(self) -> float:
        """Zero-order entropy in bits per correction."""
        share = self.counts / max(self.counts.sum(), 1)
        return float(-(share * np.log2(share)).sum()) + 0.0  # not -0.0


@dataclass(frozen=True)
class BlockCorrections:
    """Corrections of a block, those of its first sample and of missing ones left out.

    Attributes:
        counted: (n,) as they are counted: in steps of the grid, or in floats.
        steps: (n,) the same in steps of one size.
        places: (rows, cols) True where they belong, row by row.

    """

    counted: Int64Array
    steps: Int64Array
    places: BoolArray


@dataclass(frozen=True)
class BandCorrections:
    """Corrections of a band, block by block.

    Attributes:
        unit: Of the raster, in a step.
        of_block: Gives those of a block; any thread may call it.

    """

    unit: float
    of_block: Callable[[BlockBox], BlockCorrections]


def corrections_of(plane: PlaneEncoder, plan: PlanePlan) -> BandCorrections:
    """Corrections of a band under the weights of a plan, the blocks' own left out.

    They are those of the grid's own steps, also where a .dz file codes ranks of levels (but for
    departures from a surface, which is one of ranks then). Those of
    true floats are counted in floats as in docs/format.md section 9, without its exact rules and
    lattices. The first sample of a block has nothing to be predicted from and is left out, as are
    missing samples. Those of `neural` are counted from the centre that its network expects.

    Args:
        plane: The band.
        plan: Made by it.

    """
    if isinstance(plane, RealEncoder):
        assert isinstance(plan, RealPlan)
        return BandCorrections(2.0**-plan.model.scale, partial(_of_floats, plane, plan.model))
    tables = plane.best.tables if isinstance(plane, NeuralEncoder) else plane
    assert isinstance(tables, GridEncoder)
    network = plan.model.network if isinstance(plan.model, NeuralModel) else None
    if isinstance(plan, GridPlan) and plan.departures is not None:
        tables = plan.departures
    elif tables.value_map.levels is not None:  # ranks have weights of their own
        tables = copy.copy(tables)
        tables.value_map = replace(tables.value_map, levels=None)
        plan = tables.plan(DEFAULT_PREDICTOR if network else plan.predictor)
    of_block = partial(_on_grid, tables, _fit_of(plan))
    if network is not None:
        of_block = partial(_of_network, tables, _fit_of(plan), network)
    return BandCorrections(tables.value_map.step or 1.0, of_block)


def count_corrections(
    plane: PlaneEncoder, plan: PlanePlan, jobs: int, limits: Sequence[int]
) -> Corrections:
    """Count the corrections of a whole band, see corrections_of.

    Args:
        plane: The band.
        plan: Made by it.
        jobs: Threads.
        limits: Of Corrections.within.

    """
    band = corrections_of(plane, plan)
    tally = _Tally(limits, band.unit)
    for found in in_order(jobs, band.of_block, plane.grid):
        tally.add(found.counted, found.steps)
    return tally.finish()


class _Tally:
    """Distinct corrections, how often each occurs, and how large they are."""

    def __init__(self, limits: Sequence[int], unit: float) -> None:
        self._unit = unit  # of the raster, in a step
        self._near = dict.fromkeys(limits, 0)
        self._range: list[int] = []
        self._total = 0
        self._parts: list[tuple[Int64Array, Int64Array]] = []
        self._merged = 0  # distinct corrections when they were last put together

    def add(self, counted: Int64Array, steps: Int64Array) -> None:
        """Count corrections; `steps` are the same in steps of one size."""
        if not counted.size:
            return
        self._parts.append(np.unique(counted, return_counts=True))
        self._total += counted.size
        self._range = [min([*self._range[:1], int(steps.min())]),
                       max([*self._range[1:], int(steps.max())])]  # fmt: skip
        magnitudes = np.abs(steps)
        for limit in self._near:
            reach = limit / self._unit * (1 + ROUNDING)
            self._near[limit] += int(np.count_nonzero(magnitudes <= reach))
        if sum(values.size for values, _ in self._parts) > 2 * self._merged + ENOUGH:
            self._merge()

    def _merge(self) -> None:
        every = np.concatenate([values for values, _ in self._parts])
        values, places = np.unique(every, return_inverse=True)
        counts = np.zeros(values.size, np.int64)
        np.add.at(counts, places, np.concatenate([counts for _, counts in self._parts]))
        self._parts, self._merged = [(values, counts)], values.size

    def finish(self) -> Corrections:
        """What has been counted."""
        if not self._parts:
            return Corrections(np.zeros(0, np.int64), (0.0, 0.0), dict.fromkeys(self._near, 0.0))
        self._merge()
        least, greatest = (step * self._unit for step in self._range)
        within = {limit: near / self._total for limit, near in self._near.items()}
        return Corrections(self._parts[0][1], (least, greatest), within)


def _fit_of(plan: PlanePlan) -> Fit:
    """Weights of a plan on a grid, without offsets."""
    if isinstance(plan, GridPlan):
        return replace(plan.fit, offsets=NO_OFFSETS)
    assert isinstance(plan, AdaptivePlan)
    return Fit(plan.model.weights, plan.model.thresholds, 0, None, ())


def _on_grid(plane: GridEncoder, fit: Fit, box: BlockBox) -> BlockCorrections:
    patch = plane.patch(box)
    if patch is None:
        return _none(box)
    residuals = fit.measure(patch).residuals if patch.bound else np.zeros_like(patch.samples)
    places = _predicted(patch)
    steps = residuals[places].astype(np.int64)
    return BlockCorrections(steps, steps, places)


def _of_network(
    plane: GridEncoder, fit: Fit, network: Network, box: BlockBox
) -> BlockCorrections:
    patch = plane.patch(box)
    if patch is None or not patch.bound:
        return _on_grid(plane, fit, box)
    known = examples(patch, fit.weights, fit.thresholds, place_of(box, plane.grid))
    # There is no network in the first row: it has the neighbours' differences.
    places = _valid(patch)
    below = known.sample - ((centres(known, network) + HALF) >> FRACTION_BITS)
    steps = np.concatenate([np.diff(patch.samples[0, places[0]].astype(np.int64)), below])
    places[0, np.flatnonzero(places[0])[:1]] = False
    return BlockCorrections(steps, steps, places)


def _of_floats(plane: RealEncoder, model: RealModel, box: BlockBox) -> BlockCorrections:
    found = plane.heights(box, model)
    if found is None:
        return _none(box)
    patch, ground = found
    fit = Fit(model.weights, model.thresholds, 0, None, ())
    residuals = fit.measure(patch).residuals
    places = _predicted(patch)
    steps, heights = residuals[places].astype(np.int64), ground[places]
    foreseen = heights - steps
    _, lengths = np.frexp(np.abs(foreseen).astype(np.float64))  # bits of each
    spacings = np.maximum(lengths.astype(np.int64) - 1 - model.form[0], 0)
    base = (foreseen + ((1 << spacings) >> 1)) >> spacings
    return BlockCorrections((heights >> spacings) - base, steps, places)


def _none(box: BlockBox) -> BlockCorrections:
    return BlockCorrections(NONE, NONE, np.zeros((box.rows, box.cols), np.bool_))


def _valid(patch: Patch) -> BoolArray:
    return np.ones(patch.samples.shape, np.bool_) if patch.holes is None else patch.holes == 0


def _predicted(patch: Patch) -> BoolArray:
    """Samples that have a correction."""
    places = _valid(patch)
    places[0, 0] = False
    return places
