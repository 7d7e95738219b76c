"""Planes on a grid for `neural`: with the shipped network, one fitted to them, or none."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from demzip.blocks.grid import BlockBox
from demzip.codec.best import AdaptivePlan, BestEncoder
from demzip.codec.grid import AUTO_BLOCKS, SURVEY_BLOCKS, GridPlan
from demzip.codec.plane import PlanePlan, place_of
from demzip.codec.threads import in_order
from demzip.options import DEFAULT_PREDICTOR, NEURAL, FitOptions
from demzip.raster.levels import Span
from demzip.scan.neural.model import NeuralModel
from demzip.scan.neural.network import FEATURES, Network, shift_of
from demzip.scan.neural.observing import Examples, examples
from demzip.scan.neural.residual.kernels import SAMPLE_REACH
from demzip.scan.neural.shipped import LATEST, shipped
from demzip.scan.survey import Fit, Patch
from demzip.training.fitting import FittingOptions, Progress
from demzip.training.fitting import fit as fit_network
from demzip.training.implicit import Progress as Report

STRIP_ROWS = 192  # of each surveyed block that tell whether the shipped network pays
MAX_EXAMPLES = 1_500_000  # that a network is fitted to


class NeuralEncoder:
    """A plane on a grid about to be encoded as small as can be, with a network if that pays.

    Attributes:
        best: The same plane without one.

    """

    def __init__(
        self,
        best: BestEncoder,
        fit: FitOptions | None = None,
        report: Report | None = None,
        *,
        thorough: bool = False,
    ) -> None:
        self.best = best
        self.source = best.source
        self.grid = best.grid
        self.value_map = best.value_map
        self._fit = fit
        self._report = report
        self._thorough = thorough or fit is not None

    def plan(self, predictor: str) -> GridPlan | AdaptivePlan:
        """The smallest of plans with tables, without them, and with networks.

        Raises:
            DemzipError: A network is to be fitted, and JAX is missing.

        """
        if predictor != NEURAL:
            return self.best.plan(predictor)
        if not self._thorough:
            return self._quick_plan()
        patches = self.best.survey(AUTO_BLOCKS)
        adaptive, tables = self.best.plans(DEFAULT_PREDICTOR, patches)
        plans: list[AdaptivePlan | GridPlan] = [adaptive, tables]
        if not all(map(_fits, self.best.tables.spans)):
            return self.best.smallest(patches, plans)
        plans += [_plan(tables.fit, LATEST, shipped(LATEST))]
        if self._fit is None or not patches:
            return self.best.smallest(patches, plans)
        learnt, judges = self._parts(patches)
        return self.best.smallest(judges, [*plans, *self._fitted(learnt, tables.fit, self._fit)])

    def _quick_plan(self) -> GridPlan | AdaptivePlan:
        """The smaller of plans with the shipped network and with tables, on strips of blocks."""
        patches = self.best.survey(SURVEY_BLOCKS)
        tables = self.best.tables.plan_for(DEFAULT_PREDICTOR, patches)
        if not all(map(_fits, self.best.tables.spans)):
            return tables
        strips = {number: _strip(patch) for number, patch in patches.items()}
        anew = replace(tables, surveyed={})  # what was measured is of whole blocks
        network = _plan(tables.fit, LATEST, shipped(LATEST))
        chosen = self.best.smallest(strips, [network, anew])
        return tables if chosen is anew else chosen

    def _parts(self, patches: dict[int, Patch]) -> tuple[dict[int, Patch], dict[int, Patch]]:
        """Blocks to fit to, and blocks that tell what that is worth: others, unless it is all."""
        relief = sum(span is not None and span[0] < span[1] for span in self.best.tables.spans)
        if len(patches) == 1 or len(patches) == relief:
            return patches, patches
        items = list(patches.items())
        return dict(items[::2]), dict(items[1::2])

    def _fitted(
        self, patches: dict[int, Patch], fit: Fit, options: FitOptions
    ) -> Iterator[AdaptivePlan]:
        """Plans with networks fitted to some blocks: the shipped one, and one from scratch."""
        step = -(-sum(patch.samples.size for patch in patches.values()) // MAX_EXAMPLES)
        observe = partial(self._examples, fit, step)
        found = in_order(self.best.tables.jobs, observe, patches.items())
        known = Examples(*map(np.concatenate, zip(*found, strict=True)))
        if not known.activity.size:  # nothing but first rows
            return
        chosen = FittingOptions.of(options)
        without_place = known._replace(features=known.features[:, :FEATURES])
        for number, seen in ((LATEST, without_place), (0, known)):
            base = shipped(number) if number else None
            report = self._listener(2 * chosen.steps)
            yield _plan(fit, number, fit_network(seen, base, chosen, report))

    def _examples(self, fit: Fit, step: int, item: tuple[int, Patch]) -> Examples:
        number, patch = item
        place = place_of(self.grid.box(number), self.grid)
        known = examples(patch, fit.weights, fit.thresholds, place)
        return Examples._make(part[::step] for part in known)

    def _listener(self, total: int) -> Progress | None:
        """Tells whoever listens here of one network's training."""
        report, told = self._report, 0
        if report is None:
            return None

        def heard(done: int, bits: float) -> None:
            nonlocal told
            report(done - told, total, bits)
            told = done

        return heard

    def block(self, plan: PlanePlan, box: BlockBox) -> tuple[bytes, int]:
        """Payload of a block and the checksum of its values."""
        return self.best.block(plan, box)


def _fits(span: Span) -> bool:
    """Whether a block may be coded with a network."""
    return span is None or span[1] - span[0] <= 2 * SAMPLE_REACH


def _strip(patch: Patch) -> Patch:
    """Rows from the middle of a block."""
    start = max((patch.samples.shape[0] - STRIP_ROWS) // 2, 0)
    rows = slice(start, start + STRIP_ROWS)
    holes = None if patch.holes is None else patch.holes[rows]
    return replace(patch, samples=patch.samples[rows], holes=holes)


def _plan(fit: Fit, number: int, network: Network) -> AdaptivePlan:
    shift = shift_of(network, shipped(number) if number else None)
    return AdaptivePlan(NEURAL, NeuralModel(fit.weights, fit.thresholds, number, network, shift))
