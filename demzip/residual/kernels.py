"""Activity, the context of a residual (docs/format.md section 7).

Arrays as in predict/kernels.py; `magnitudes` holds |residual| in the same layout as the samples.
"""

from numba import int64, uint64

from demzip.constants import ACTIVITY_LEVELS, FLAT, SEGMENT
from demzip.jit import inlined


@inlined
def activity_above(row1, row2, mags1, mags2, activity, flat):
    """Activity that the rows above contribute, and the flat-ground pattern, for one segment.

    Source: docs/format.md section 7.1. Rows start three columns west of the segment.
    """
    for i in range(SEGMENT):
        slope = abs(row1[i + 3] - row1[i + 2]) + abs(row1[i + 4] - row1[i + 3])
        activity[i] = (
            4 * mags1[i + 3]
            + 2 * (mags1[i + 2] + mags1[i + 4])
            + mags1[i + 1] + mags1[i + 5]
            + mags2[i + 2] + mags2[i + 3] + mags2[i + 4]
            + slope
        )  # fmt: skip
    for i in range(SEGMENT):
        slope = abs(row1[i + 3] - row1[i + 2]) + abs(row1[i + 4] - row1[i + 3])
        pattern = FLAT + 2 * (row1[i + 5] == row1[i + 4]) + (row1[i + 3] == row2[i + 3])
        flat[i] = pattern if slope == 0 else 0


@inlined
def activity_level(activity, shift):
    """Table row of an activity; one that overflowed (in a corrupt block) counts as the highest."""
    return int64(min(uint64(activity) >> uint64(shift), uint64(ACTIVITY_LEVELS - 1)))
