"""Whether predictions need offsets by the signs of differences, and which: the encoder's estimate.

Weights are linear: where the ground is stepped, or a resampling left its pattern, what they expect
is off by an amount that depends on which neighbours are equal, above or below (docs/format.md
section 6.5).
"""

from dataclasses import replace
import os
import numpy as np
from numpy.typing import NDArray

from demzip.constants import MAX_OFFSET, PATTERNS
from demzip.entropy.integers import write_integers
from demzip.scan.measure.kernels import gather_errors
from demzip.scan.measuring import Measurement
from demzip.scan.survey import BITS_PER_ERROR, Fit, Mapper, Patch
from demzip.scan.workspace import weights_with_edge

Float64Array = NDArray[np.float64]

PRIOR_SAMPLES = float(os.environ.get('OFF_PRIOR', 30))
UNIT = 16.0  # offsets in a sample


def fit_offsets(
    fit: Fit, patches: list[Patch], samples: int, mapper: Mapper = map, *, thorough: bool = False
) -> Fit:
    probes = [probe for patch in patches for probe in patch.probes(thorough=thorough)]
    step=1
    if os.environ.get('SRC','')=='whole4':
        probes=patches; step=4
    if os.environ.get('SRC','')=='whole1':
        probes=patches; step=1
    found = list(mapper(lambda probe: _errors(fit.measure(probe, keep=False), fit, step), probes))
    if not found: return fit
    every = np.sum(found, axis=0)
    offsets = _offsets_of(every)
    gain = _gain(offsets, every)
    held = sum(_gain(_offsets_of(every - f), f) for f in found)
    share = samples / max(float(sum(p.samples.size for p in probes)/step), 1)
    used = np.count_nonzero(offsets)
    cost = 8 * len(write_integers(offsets))
    global LAST
    LAST = (gain, held, used, share, cost)
    if os.environ.get('OFF')=='0': return fit
    if os.environ.get('OFF')=='1': return replace(fit, offsets=offsets)
    return replace(fit, offsets=offsets) if pays else fit

def _gain(offsets, sums):
    counts, scales, errors = sums
    return BITS_PER_ERROR*(offsets @ (2 * errors - offsets * scales) / UNIT**2)

def _offsets_of(sums):
    counts, scales, errors = sums
    means = errors / np.maximum(scales, 1e-300)
    if os.environ.get('SIG'):
        # James-Stein-like: variance of the mean
        z2 = means**2*scales*BITS_PER_ERROR/UNIT**2
        shrunk = np.rint(means*np.maximum(1-float(os.environ['SIG'])/np.maximum(z2,1e-9),0))
    else:
        shrunk = np.rint(means * counts / (counts + PRIOR_SAMPLES))
    return np.clip(shrunk, -MAX_OFFSET, MAX_OFFSET).astype(np.int64)


def _errors(measured: Measurement, fit: Fit, step: int) -> Float64Array:
    """(3, 243): counts, scales, scaled errors of a measured block."""
    work = measured.workspace
    found = np.zeros((3, PATTERNS))
    gather_errors(
        work.samples, work.magnitudes, measured.holes, work.rows, work.cols, step,
        weights_with_edge(fit.weights, work.samples.dtype.type), fit.thresholds, work.sums,
        work.activity, work.flat, work.sets, work.stride, *found,
    )
    return found
