"""Activity, the context of a residual (docs/format.md section 7).

Arrays as in predict/kernels.py; `magnitudes` holds |residual| in the same layout as the samples.
"""

from numba import int64, uint64

from demzip.constants import ACTIVITY_LEVELS, FLAT, SEGMENT
from demzip.jit import inlined


@inlined
def activity_above(row1, row2, mags1, mags2, steps, activity, flat):
    """Activity that the rows above contribute, and the flat-ground pattern, for one segment.

    Source: docs/format.md section 7.1. Rows start three columns west of the segment. `steps` is
    scratch of SEGMENT + 2 elements in the dtype of the rows: what is stored there keeps its width,
    where Numba would go on in 64 bits and halve the vectors.
    """
    for i in range(SEGMENT + 2):
        steps[i] = row1[i + 3] - row1[i + 2]
    for i in range(SEGMENT):
        activity[i] = (
            4 * mags1[i + 3]
            + 2 * (mags1[i + 2] + mags1[i + 4])
            + mags1[i + 1] + mags1[i + 5]
            + mags2[i + 2] + mags2[i + 3] + mags2[i + 4]
            + abs(steps[i]) + abs(steps[i + 1])
        )  # fmt: skip
    for i in range(SEGMENT):
        pattern = FLAT + 2 * (steps[i + 2] == 0) + (row1[i + 3] == row2[i + 3])
        flat[i] = pattern if steps[i] == 0 and steps[i + 1] == 0 else 0


@inlined
def activity_level(activity, shift):
    """Table row of an activity; one that overflowed (in a corrupt block) counts as the highest."""
    return int64(min(uint64(activity) >> uint64(shift), uint64(ACTIVITY_LEVELS - 1)))
