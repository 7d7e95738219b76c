"""How often each correction (sample - prediction) occurs in a band."""

import copy
from collections.abc import Sequence
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


def count_corrections(
    plane: PlaneEncoder, plan: PlanePlan, jobs: int, limits: Sequence[int]
) -> Corrections:
    """Corrections of a whole band under the weights of a plan, the blocks' own left out.

    They are those of the grid's own steps, also where a .dz file codes ranks of levels (but for
    departures from a surface, which is one of ranks then). Those of
    true floats are counted in floats as in docs/format.md section 9, without its exact rules and
    lattices. The first sample of a block has nothing to be predicted from and is left out, as are
    missing samples. Those of `neural` are counted from the centre that its network expects.

    Args:
        plane: The band.
        plan: Made by it.
        jobs: Threads.
        limits: Of Corrections.within.

    """
    if isinstance(plane, RealEncoder):
        assert isinstance(plan, RealPlan)
        tally = _Tally(limits, 2.0**-plan.model.scale)
        of_block = partial(_of_floats, plane, plan.model)
    else:
        tables = plane.best.tables if isinstance(plane, NeuralEncoder) else plane
        assert isinstance(tables, GridEncoder)
        network = plan.model.network if isinstance(plan.model, NeuralModel) else None
        if isinstance(plan, GridPlan) and plan.departures is not None:
            tables = plan.departures
        elif tables.value_map.levels is not None:  # ranks have weights of their own
            tables = copy.copy(tables)
            tables.value_map = replace(tables.value_map, levels=None)
            plan = tables.plan(DEFAULT_PREDICTOR if network else plan.predictor)
        tally = _Tally(limits, tables.value_map.step or 1.0)
        if network is not None:
            of_block = partial(_of_network, tables, _fit_of(plan), network)
        else:
            of_block = partial(_on_grid, tables, _fit_of(plan))
    for counted, steps in in_order(jobs, of_block, plane.grid):
        tally.add(counted, steps)
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


def _on_grid(plane: GridEncoder, fit: Fit, box: BlockBox) -> tuple[Int64Array, Int64Array]:
    patch = plane.patch(box)
    if patch is None:
        return NONE, NONE
    residuals = fit.measure(patch).residuals if patch.bound else np.zeros_like(patch.samples)
    steps = residuals[_predicted(patch)].astype(np.int64)
    return steps, steps


def _of_network(
    plane: GridEncoder, fit: Fit, network: Network, box: BlockBox
) -> tuple[Int64Array, Int64Array]:
    patch = plane.patch(box)
    if patch is None or not patch.bound:
        return _on_grid(plane, fit, box)
    known = examples(patch, fit.weights, fit.thresholds, place_of(box, plane.grid))
    # There is no network in the first row: it has the neighbours' differences.
    north = patch.samples[0] if patch.holes is None else patch.samples[0, patch.holes[0] == 0]
    below = known.sample - ((centres(known, network) + HALF) >> FRACTION_BITS)
    steps = np.concatenate([np.diff(north.astype(np.int64)), below])
    return steps, steps


def _of_floats(
    plane: RealEncoder, model: RealModel, box: BlockBox
) -> tuple[Int64Array, Int64Array]:
    found = plane.heights(box, model)
    if found is None:
        return NONE, NONE
    patch, ground = found
    fit = Fit(model.weights, model.thresholds, 0, None, ())
    residuals = fit.measure(patch).residuals
    valid = _predicted(patch)
    steps, heights = residuals[valid].astype(np.int64), ground[valid]
    foreseen = heights - steps
    _, lengths = np.frexp(np.abs(foreseen).astype(np.float64))  # bits of each
    spacings = np.maximum(lengths.astype(np.int64) - 1 - model.form[0], 0)
    base = (foreseen + ((1 << spacings) >> 1)) >> spacings
    return (heights >> spacings) - base, steps


def _predicted(patch: Patch) -> BoolArray:
    """Samples that have a correction."""
    valid = np.ones(patch.samples.shape, np.bool_) if patch.holes is None else patch.holes == 0
    valid[0, 0] = False
    return valid
