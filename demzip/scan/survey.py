"""The encoder's view of a raster before it codes a block: fits weights, chooses contexts, tables.

Nothing here is part of the format; any model that `Model.from_bytes` accepts decodes.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demzip.constants import (
    ACTIVITY_LEVELS,
    CONTEXTS,
    ESCAPE,
    MARGIN,
    MAX_ACTIVITY_SHIFT,
    SEGMENT,
    SUBCONTEXTS,
    TEMPLATE_SIZE,
    WEIGHT_ONE,
)
from demzip.entropy.clustering import choose_shifts, make_tables, plain_first
from demzip.entropy.popularity import NOT_USED, Popularity
from demzip.entropy.tables import side_tokens
from demzip.predict.lagrange import solve
from demzip.predict.templates import JPEG_TAPS, LAGRANGE_TAPS, W, jpeg_weights
from demzip.residual.contexts import choose_limits, context_of_state, sums_of_contexts
from demzip.scan.measure.kernels import (
    count_states,
    count_symbols,
    laplace_bits,
    segment_activities,
)
from demzip.scan.measuring import Measurement, measure, normals
from demzip.scan.model import NO_OFFSETS, THRESHOLD_LIMIT, Model

Int64Array = NDArray[np.int64]
Float64Array = NDArray[np.float64]
UInt8Array = NDArray[np.uint8]

SET_SHARES = (0.5, 0.8, 0.95)  # segments calmer than these shares use sets 1, 2, 3 of 4
MIN_SET_SAMPLES = 400  # fewer samples take the weights fitted on all sets together
PROBE_SAMPLES = 65536  # blocks up to this size are fitted on whole
PROBE_ROWS, PROBES = 24, 2  # larger ones on strips
COUNTED_SAMPLES = 1 << 20  # tables of more are made from every second row
RASTER_PROBES = 6  # strips that a large raster's weights are fitted on
PRIOR_SAMPLES = 500.0  # how many samples of the raster's fit stand behind a block's
BITS_PER_ERROR = 2.0  # bits that a unit of reweighted squared error costs, roughly
PLAIN_TOKEN, POPULAR_TOKEN = 3.0, 0.5  # mean token aimed at; popularity needs wide ones
NO_THRESHOLDS = np.zeros(0, np.int64)
STATES = ACTIVITY_LEVELS * SUBCONTEXTS

Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Patch:
    """Samples of a block, to be centred.

    Attributes:
        samples: (rows, cols), |sample - centre| <= bound; those of holes mean nothing.
        holes: (rows, cols) 0 or 1, or None.
        bound: Largest magnitude of a centred sample.
        centre: Of the samples.

    """

    samples: NDArray[np.integer]
    holes: UInt8Array | None
    bound: int
    centre: int = 0

    def probes(self, *, thorough: bool = False) -> list["Patch"]:
        """The parts of the block that weights are fitted on."""
        rows = self.samples.shape[0]
        if thorough or self.samples.size <= PROBE_SAMPLES or rows < 2 * PROBES * PROBE_ROWS:
            return [self]
        starts = [(2 * k + 1) * rows // (2 * PROBES) - PROBE_ROWS // 2 for k in range(PROBES)]
        return [
            Patch(
                self.samples[start : start + PROBE_ROWS],
                None if self.holes is None else self.holes[start : start + PROBE_ROWS],
                self.bound,
                self.centre,
            )
            for start in starts
        ]


@dataclass(frozen=True)
class Fit:
    """Weight sets, the activities that choose among them, and the moments they came from.

    Attributes:
        weights: (sets, 24).
        thresholds: (sets - 1,).
        activity_shift: Of activities to their levels.
        moments: (sets, 24, 24) per sample, or None for fixed weights.
        taps: Cells that the fit may use.
        offsets: (243,) as in Model, or NO_OFFSETS.

    """

    weights: Int64Array
    thresholds: Int64Array
    activity_shift: int
    moments: Float64Array | None
    taps: tuple[int, ...]
    offsets: Int64Array = field(default_factory=lambda: NO_OFFSETS)

    def measure(
        self, patch: Patch, *, keep: bool = True, keep_samples: bool = True
    ) -> Measurement:
        """Predict a patch with these weights; see scan.measuring.measure for what is kept."""
        return measure(
            patch.samples, patch.holes, self.weights, self.thresholds, self.activity_shift,
            patch.bound, patch.centre, offsets=self.offsets, keep=keep, keep_samples=keep_samples,
        )  # fmt: skip


@cache
def _laplace(shift: int) -> tuple[Float64Array, Float64Array]:
    """Code length of a Laplace residual whose scale follows the activity: constant and slope.

    Activities are sums of 18 magnitudes and the slope of the ground, so about 18 times the mean
    |residual| plus a little; the offset keeps flat ground finite.
    """
    scale = ((np.arange(ACTIVITY_LEVELS) << shift) + 6) / 20
    return np.log2(2 * scale), np.log2(np.e) / scale


def code_length(measurements: list[Measurement], shift: int) -> float:
    """Estimated bits of measured blocks; the first rows, which have little context, left out."""
    tables = _laplace(shift)
    return float(
        sum(laplace_bits(m.residuals, m.states, m.holes, MARGIN, *tables) for m in measurements)
    )


def _moments(
    measurements: list[Measurement], thresholds: Int64Array, mapper: Mapper = map
) -> tuple[Float64Array, Float64Array]:
    """Normal equations of measured blocks per weight set, and the samples behind each."""
    sets = thresholds.size + 1
    moments, counts = np.zeros((sets, TEMPLATE_SIZE, TEMPLATE_SIZE)), np.zeros(sets)
    step = 1 if sum(m.residuals.size for m in measurements) <= PROBE_SAMPLES else 2
    found = mapper(lambda m: normals(m, thresholds, step), measurements)
    for part, count in found:
        moments += part
        counts += count
    return moments, counts


def _solve_sets(
    moments: Float64Array, counts: Float64Array, fit: Fit, thresholds: Int64Array
) -> Fit:
    """Weights of every set; small or degenerate sets take those of all sets together."""
    pooled = moments.sum(axis=0)[None]
    found, sound = solve(np.concatenate([pooled, moments]), fit.taps)
    common = found[0] if sound[0] else fit.weights[0]
    own = sound[1:] & (counts >= MIN_SET_SAMPLES)
    weights = np.where(own[:, None], found[1:], common)
    means = moments / np.maximum(counts, 1)[:, None, None]
    return Fit(weights, thresholds, fit.activity_shift, means, fit.taps, fit.offsets)


def fit_raster(
    patches: list[Patch], predictor: str, mapper: Mapper = map, *, thorough: bool = False
) -> Fit:
    """Weights for a raster from some of its blocks.

    Args:
        patches: Blocks; without any, the weights are those of `jpeg4`.
        predictor: A name of predict.templates.PREDICTORS.
        mapper: Like `map`, perhaps on several threads.
        thorough: Fit on all samples of the patches, in more rounds: ten times as long for about
            0.2 % of the file.

    """
    probes = [probe for patch in patches for probe in patch.probes(thorough=thorough)]
    total = sum(probe.samples.size for probe in probes)
    if not thorough and total > PROBE_SAMPLES:
        probes = probes[:: -(-len(probes) // RASTER_PROBES)]
    fixed = predictor in JPEG_TAPS
    start = jpeg_weights(predictor if fixed else "jpeg4")[None]
    taps = () if fixed else LAGRANGE_TAPS[predictor]
    fit = Fit(start, NO_THRESHOLDS, 0, None, taps)
    measured = list(mapper(fit.measure, probes))
    shift = _choose_activity_shift(measured)
    if shift > 0:
        fit = replace(fit, activity_shift=shift)
        measured = list(mapper(fit.measure, probes))
    if fixed:
        return fit
    cost = code_length(measured, shift)
    plan: list[Int64Array | None] = [NO_THRESHOLDS, None, None]
    if thorough:
        plan = [NO_THRESHOLDS, *plan, None, None]
    for thresholds in plan:
        chosen = thresholds
        if chosen is None:
            chosen = fit.thresholds if fit.thresholds.size else _set_thresholds(measured)
        trial = _solve_sets(*_moments(measured, chosen, mapper), fit, chosen)
        trial_measured = list(mapper(trial.measure, probes))
        trial_cost = code_length(trial_measured, shift)
        if trial_cost < cost:
            fit, measured, cost = trial, trial_measured, trial_cost
    return fit


def _choose_activity_shift(measured: list[Measurement]) -> int:
    """Such that activities of eight times the mean residual still have a level of their own."""
    total = sum(float(np.abs(m.residuals).sum(dtype=np.float64)) for m in measured)
    mean = total / max(sum(m.residuals.size for m in measured), 1)
    shift = math.ceil(math.log2(max(8 * 18 * mean, 1) / ACTIVITY_LEVELS))
    return min(max(shift, 0), MAX_ACTIVITY_SHIFT)


def _set_thresholds(measured: list[Measurement]) -> Int64Array:
    activities = np.concatenate(
        [segment_means(measurement) for measurement in measured] + [np.zeros(1)]
    )
    thresholds = np.quantile(activities, SET_SHARES)
    return np.unique(np.minimum(thresholds, THRESHOLD_LIMIT - 1).astype(np.int64))


def segment_means(measurement: Measurement) -> Float64Array:
    """Mean activity from above of each segment in rows 3 and later."""
    work = measurement.workspace
    segments = -(-work.cols // SEGMENT)
    means = np.zeros((max(work.rows - MARGIN, 0), segments))
    segment_activities(
        work.samples, work.magnitudes, work.above, work.cols, work.stride, means
    )
    return means.ravel()


def fit_block(
    patch: Patch, raster_fit: Fit, weight_bits: float, *, thorough: bool = False
) -> Fit | None:
    """Weights of a block's own, or None where the raster's serve as well.

    Args:
        patch: The block.
        raster_fit: Fit of the raster.
        weight_bits: What a weight costs in the block's payload.
        thorough: Fit on all samples of the block.

    """
    if raster_fit.moments is None or patch.samples.size < 4 * MIN_SET_SAMPLES:
        return None
    probes = patch.probes(thorough=thorough)
    measured = [raster_fit.measure(probe) for probe in probes]
    moments, counts = _moments(measured, raster_fit.thresholds)
    prior = PRIOR_SAMPLES * raster_fit.moments
    trial = _solve_sets(
        moments + prior, counts + PRIOR_SAMPLES, raster_fit, raster_fit.thresholds
    )
    gain = _error(moments, raster_fit.weights) - _error(moments, trial.weights)
    parameters = trial.weights.shape[0] * (len(trial.taps) - 1)
    share = patch.samples.size / max(float(counts.sum()), 1.0)
    # Each fitted weight gains about a bit on the samples it was fitted on for nothing.
    pays = (BITS_PER_ERROR * gain - parameters) * share > weight_bits * parameters
    return trial if pays else None


def _error(moments: Float64Array, weights: Int64Array) -> float:
    """Sum of reweighted squared errors of weight sets, from their normal equations."""
    total = 0.0
    for matrix, integers in zip(moments, weights, strict=True):
        errors = -integers / WEIGHT_ONE
        errors[W] = 1.0
        total += float((errors[:, None] * matrix * errors).sum())
    return total


def make_model(
    measurements: list[Measurement],
    fit: Fit,
    popularity: Popularity = NOT_USED,
    mapper: Mapper = map,
) -> Model:
    """Contexts and tables for measured blocks."""
    counts, sums = np.zeros(STATES, np.int64), np.zeros(STATES, np.int64)
    samples = sum(m.residuals.size for m in measurements)
    step = 2 if samples > COUNTED_SAMPLES else 1
    # Half the rows tell well enough where bins begin.
    coarse = 2 * step if samples > PROBE_SAMPLES else 1
    for count, total in mapper(lambda m: _states_of(m, coarse), measurements):
        counts += count
        sums += total
    limits = choose_limits(counts.reshape(-1, SUBCONTEXTS).sum(axis=1))
    contexts = context_of_state(limits)
    shifts = choose_shifts(
        sums_of_contexts(limits, counts),
        sums_of_contexts(limits, sums),
        POPULAR_TOKEN if popularity.is_used else PLAIN_TOKEN,
    )
    histogram = np.zeros((CONTEXTS, ESCAPE + 1), np.int64)
    for part in mapper(lambda m: _symbols_of(m, step, contexts, shifts), measurements):
        histogram += step * part
    tables, table_of_context = plain_first(*make_tables(histogram, shifts))
    return Model(
        fit.weights, fit.thresholds, fit.activity_shift, limits, table_of_context, tables,
        popularity, fit.offsets,
    )  # fmt: skip


def _states_of(m: Measurement, step: int) -> tuple[Int64Array, Int64Array]:
    counts, sums = np.zeros(STATES, np.int64), np.zeros(STATES, np.int64)
    count_states(m.residuals, m.states, m.holes, step, counts, sums)
    return counts, sums


def _symbols_of(
    m: Measurement, step: int, contexts: UInt8Array, shifts: Int64Array
) -> Int64Array:
    histogram = np.zeros((CONTEXTS, ESCAPE + 1), np.int64)
    count_symbols(
        m.residuals, m.states, m.holes, step, contexts, shifts, side_tokens(), histogram
    )
    return histogram
