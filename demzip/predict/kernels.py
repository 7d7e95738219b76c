"""Linear prediction in fixed point: the sums over the template (docs/format.md section 6).

A block lies in an array with MARGIN cells more on the left, the right and above; `samples[r, c]`
below are indices into that array. All 12-bit fixed-point sums are exact as long as
sum(|weight|) * max(|sample|) < 2**31 (int32 arrays) or 2**63 (int64): the caller chooses the dtype.
"""

from demzip.constants import SEGMENT, TEMPLATE_ABOVE, TEMPLATE_SIZE, WEIGHT_BITS
from demzip.jit import estimator, inlined

BATCH = 64  # samples whose products are summed at a time
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


@inlined
def gather_taps(samples, residuals, activity, sets, row, segment, taps, scales, scaled, filled, moments):
    """Queue a segment's template cells, as differences to W, for the fit of their weight sets.

    Preconditions: `taps` (sets, 24, BATCH) and `scales` (sets, BATCH), `scaled` (2, BATCH) float64 scratch, `filled`
    (sets,) how much of each is in use; `sets` the weight set of each sample of the segment, 0
    where the sample is not to be used. Full batches are added to `moments` (sets, 24, 24).
    """
    column = segment * SEGMENT
    n1 = samples[row - 1, column : column + SEGMENT + 6]
    n2 = samples[row - 2, column : column + SEGMENT + 6]
    n3 = samples[row - 3, column : column + SEGMENT + 6]
    here = samples[row, column : column + SEGMENT + 3]
    for i in range(SEGMENT):
        if sets[i] == 0:
            continue
        number = sets[i] - 1
        s = filled[number]
        west = here[i + 2]
        for k in range(7):
            taps[number, k, s] = n1[i + k] - west
            taps[number, k + 7, s] = n2[i + k] - west
            taps[number, k + 14, s] = n3[i + k] - west
        taps[number, TEMPLATE_ABOVE, s] = here[i + 3] - west
        taps[number, TEMPLATE_ABOVE + 1, s] = here[i + 1] - west
        taps[number, TEMPLATE_ABOVE + 2, s] = here[i] - west
        local = DAMPING + activity[i] * (1.0 / 24.0)
        scales[number, s] = 1.0 / ((abs(residuals[i]) + local) * local)
        filled[number] = s + 1
        if s + 1 == BATCH:
            add_moments(taps[number], scales[number], scaled, moments[number])
            filled[number] = 0


@estimator
def add_moments(taps, scales, scaled, moments):
    """Add a batch of reweighted normal equations to the lower triangle of (24, 24) moments.

    Source: one round of iteratively reweighted least squares on differences to W, towards the
    least sum of |residual| / s where s is the residual's expected scale: that is what a sample
    costs in bits. Two rows by two columns at a time, so that every load is used twice.
    """
    for k in range(0, TEMPLATE_SIZE, 2):
        for s in range(BATCH):
            scaled[0, s] = taps[k, s] * scales[s]
            scaled[1, s] = taps[k + 1, s] * scales[s]
        for j in range(0, k + 2, 2):
            a, b, c, d = 0.0, 0.0, 0.0, 0.0
            for s in range(BATCH):
                a += scaled[0, s] * taps[j, s]
                b += scaled[0, s] * taps[j + 1, s]
                c += scaled[1, s] * taps[j, s]
                d += scaled[1, s] * taps[j + 1, s]
            moments[k, j] += a
            moments[k, j + 1] += b
            moments[k + 1, j] += c
            moments[k + 1, j + 1] += d
