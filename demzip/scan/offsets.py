"""The encoder's offsets of predictions by patterns (docs/format.md section 6.6).

Weights are linear. Where the ground goes in steps, how far off they are depends on which neighbours
are equal and which are higher.
"""

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from demzip.constants import MAX_OFFSET, PATTERNS
from demzip.entropy.integers import write_integers
from demzip.scan.measure.kernels import gather_errors
from demzip.scan.survey import BITS_PER_ERROR, Fit, Mapper, Patch, code_length

Float64Array = NDArray[np.float64]
Int64Array = NDArray[np.int64]

UNIT = 16  # offsets in a sample
PRIOR_SAMPLES = 30.0  # samples without an error that stand behind a pattern's offset
LEAST_GAIN = 0.0025  # share of the bits; for less, decoding need not take longer
LEAST_GAIN_FIXED = 0.03  # the same for fixed weights, which are chosen for their speed
ROWS = 4  # one in so many of a surveyed block is enough


def fit_offsets(
    fit: Fit, patches: list[Patch], samples: int, mapper: Mapper = map, *, thorough: bool = False
) -> Fit:
    """A fit with offsets, or as it was where they do not pay.

    Args:
        fit: Weights of a raster, without offsets.
        patches: Some of its blocks.
        samples: Of the raster.
        mapper: Like `map`, perhaps on several threads.
        thorough: Estimate them from all samples of the patches.

    """
    probes = [probe for patch in patches for probe in patch.probes()]
    if not probes:
        return fit
    found = list(mapper(partial(_errors, fit, 1), probes))
    every = np.sum([errors for errors, _ in found], axis=0)
    # What is estimated on the other probes is judged on each.
    gain = sum(_gain(_offsets(every - errors), errors) for errors, _ in found)
    least = LEAST_GAIN_FIXED if fit.moments is None else LEAST_GAIN
    gain -= least * sum(bits for _, bits in found)
    share = samples / sum(probe.samples.size for probe in probes)
    if gain * share <= 8 * len(write_integers(_offsets(every))):
        return fit
    whole = mapper(partial(_errors, fit, 1 if thorough else ROWS), patches)
    return replace(fit, offsets=_offsets(np.sum([errors for errors, _ in whole], axis=0)))


def _errors(fit: Fit, step: int, patch: Patch) -> tuple[Float64Array, float]:
    """What gather_errors adds up in every step-th row of a patch, and the bits of all its rows."""
    measured = fit.measure(patch, keep=False)
    work = measured.workspace
    found = np.zeros((3, PATTERNS))
    middle = 8 if fit.moments is None else 6  # fixed weights give no fractions within a quarter
    gather_errors(
        work.samples, measured.residuals, measured.states, measured.holes, work.stride, step,
        fit.activity_shift, middle, found,
    )  # fmt: skip
    return found, code_length([measured], fit.activity_shift)


def _offsets(errors: Float64Array) -> Int64Array:
    """Weighted means of the errors, the smaller the fewer samples are behind them."""
    counts, scales, sums = errors
    means = sums / np.where(scales > 0, scales, 1.0) * counts / (counts + PRIOR_SAMPLES)
    offsets: Int64Array = np.clip(np.rint(means), -MAX_OFFSET, MAX_OFFSET).astype(np.int64)
    return offsets


def _gain(offsets: Int64Array, errors: Float64Array) -> float:
    """Bits that offsets save, roughly."""
    _, scales, sums = errors
    return BITS_PER_ERROR / UNIT**2 * float(offsets @ (2 * sums - offsets * scales))
