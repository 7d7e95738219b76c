"""Activity, the context of a residual (docs/format.md section 7).

Arrays and indices as in predict/kernels.py; `magnitudes` holds |residual| in the same layout.
"""

from numba import int64, uint64

from demzip.constants import ACTIVITY_LEVELS, FLAT
from demzip.jit import inlined


@inlined
def activity_above(samples, magnitudes, north1, north2, steps, activity, flat):
    """Activity that the rows above contribute, and the flat-ground pattern, for one segment.

    Source: docs/format.md section 7.1. `steps` is scratch of two elements more than a segment, in
    the dtype of the samples: what is stored there keeps its width, where Numba would go on in 64
    bits and halve the vectors.
    """
    count = activity.size
    for step in range(count + 2):
        i = uint64(step)
        steps[i] = samples[north1 + i + uint64(3)] - samples[north1 + i + uint64(2)]
    for sample in range(count):
        i = uint64(sample)
        m1, m2 = north1 + i, north2 + i
        activity[i] = (
            4 * magnitudes[m1 + uint64(3)]
            + 2 * (magnitudes[m1 + uint64(2)] + magnitudes[m1 + uint64(4)])
            + magnitudes[m1 + uint64(1)] + magnitudes[m1 + uint64(5)]
            + magnitudes[m2 + uint64(2)] + magnitudes[m2 + uint64(3)]
            + magnitudes[m2 + uint64(4)]
            + abs(steps[i]) + abs(steps[i + uint64(1)])
        )  # fmt: skip
    for sample in range(count):
        i = uint64(sample)
        repeats = samples[north1 + i + uint64(3)] == samples[north2 + i + uint64(3)]
        pattern = FLAT + 2 * (steps[i + uint64(2)] == 0) + repeats
        flat[i] = pattern if (steps[i] == 0) & (steps[i + uint64(1)] == 0) else 0


@inlined
def activity_level(activity, shift):
    """Table row of an activity; one that overflowed (in a corrupt block) counts as the highest."""
    return int64(min(uint64(activity) >> uint64(shift), uint64(ACTIVITY_LEVELS - 1)))
