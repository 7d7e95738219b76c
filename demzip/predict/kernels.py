"""Linear prediction in fixed point: the sums over the template (docs/format.md section 6).

A block lies in an array with MARGIN cells more on the left, the right and above; `samples[r, c]`
below are indices into that array. All 12-bit fixed-point sums are exact as long as
sum(|weight|) * max(|sample|) < 2**31 (int32 arrays) or 2**63 (int64): the caller chooses the dtype.
"""

from demzip.constants import SEGMENT, TEMPLATE_ABOVE, WEIGHT_BITS
from demzip.jit import inlined, kernel

DAMPING = 1.0  # keeps residuals of 0 and calm ground from taking all the weight


@inlined
def sum_above(row1, row2, row3, weights, sums):
    """Sum the 21 taps above for the SEGMENT samples whose westernmost tap is element 0.

    Source: docs/format.md section 6.2. `weights` is one set in template order; row1, row2 and row3
    are rows r-1, r-2 and r-3 from column c-3 on, at least SEGMENT + 6 elements each.
    """
    a0, a1, a2, a3, a4, a5, a6 = (
        weights[0], weights[1], weights[2], weights[3], weights[4], weights[5], weights[6],
    )  # fmt: skip
    b0, b1, b2, b3, b4, b5, b6 = (
        weights[7], weights[8], weights[9], weights[10], weights[11], weights[12], weights[13],
    )  # fmt: skip
    c0, c1, c2, c3, c4, c5, c6 = (
        weights[14], weights[15], weights[16], weights[17], weights[18], weights[19], weights[20],
    )  # fmt: skip
    for i in range(SEGMENT):
        sums[i] = (
            a0 * row1[i] + a1 * row1[i + 1] + a2 * row1[i + 2] + a3 * row1[i + 3]
            + a4 * row1[i + 4] + a5 * row1[i + 5] + a6 * row1[i + 6]
            + b0 * row2[i] + b1 * row2[i + 1] + b2 * row2[i + 2] + b3 * row2[i + 3]
            + b4 * row2[i + 4] + b5 * row2[i + 5] + b6 * row2[i + 6]
            + c0 * row3[i] + c1 * row3[i + 1] + c2 * row3[i + 2] + c3 * row3[i + 3]
            + c4 * row3[i + 4] + c5 * row3[i + 5] + c6 * row3[i + 6]
        )  # fmt: skip


@inlined
def sum_edge(row1, first, last, sums):
    """Sum the edge rule [17], N - NW, for elements first..last-1 of a segment."""
    for i in range(first, last):
        sums[i] = (row1[i + 3] - row1[i + 2]) << WEIGHT_BITS


@kernel
def accumulate_normals(samples, residuals, activity, sets, row, segment, rows_x, moments, counts):
    """Add one segment's reweighted normal equations to the moments of its weight set.

    Source: one round of iteratively reweighted least squares on differences to W, towards the
    least sum of |residual| / s where s is the residual's expected scale: that is what a sample
    costs in bits. The scale is taken from the activity above.

    Preconditions: `rows_x` is (SEGMENT, 24) float64 scratch; `moments` (sets, 24, 24) float64;
    `sets` the weight set of each sample of the segment, 0 where the sample is not to be used.
    """
    column = segment * SEGMENT
    n1 = samples[row - 1, column : column + SEGMENT + 6]
    n2 = samples[row - 2, column : column + SEGMENT + 6]
    n3 = samples[row - 3, column : column + SEGMENT + 6]
    here = samples[row, column : column + SEGMENT + 3]
    used = 0
    chosen = 0
    for i in range(SEGMENT):
        if sets[i] == 0:
            continue
        chosen = sets[i]
        x = rows_x[used]
        west = here[i + 2]
        for k in range(7):
            x[k] = n1[i + k] - west
            x[k + 7] = n2[i + k] - west
            x[k + 14] = n3[i + k] - west
        x[TEMPLATE_ABOVE] = here[i + 3] - west
        x[TEMPLATE_ABOVE + 1] = here[i + 1] - west
        x[TEMPLATE_ABOVE + 2] = here[i] - west
        local = DAMPING + activity[i] * (1.0 / 24.0)
        scale = (1.0 / ((abs(residuals[i]) + local) * local)) ** 0.5
        for k in range(24):
            x[k] *= scale
        used += 1
    if used == 0:
        return
    for i in range(used, (used + 3) // 4 * 4):
        rows_x[i, :] = 0.0
    matrix = moments[chosen - 1]
    for i in range(0, used, 4):
        x0, x1, x2, x3 = rows_x[i], rows_x[i + 1], rows_x[i + 2], rows_x[i + 3]
        for k in range(24):
            a0, a1, a2, a3 = x0[k], x1[k], x2[k], x3[k]
            line = matrix[k]
            for j in range(24):
                line[j] += (a0 * x0[j] + a1 * x1[j]) + (a2 * x2[j] + a3 * x3[j])
    counts[chosen - 1] += used
