"""Linear prediction in fixed point: the sums over the template (docs/format.md section 6).

The kernels see a block as a flat array of rows that are `stride` cells apart, with MARGIN cells
more on the left, the right and above; `north1` is the index of the cell three columns west of a
segment in the row above it, `north2` and `north3` the same one and two rows further up. Indices
are unsigned because Numba spends several instructions on every signed one and more on slices.

All 12-bit fixed-point sums are exact as long as sum(|weight|) * max(|sample|) < 2**31 (int32
arrays) or 2**63 (int64): the caller chooses the dtype.
"""

from numba import float32, uint64

from demzip.constants import SEGMENT, TEMPLATE_ABOVE, TEMPLATE_SIZE, WEIGHT_BITS
from demzip.jit import estimator, inlined

BATCH = 64  # samples whose products are summed at a time
DAMPING = 1.0  # keeps residuals of 0 and calm ground from taking all the weight
HALF = 1 << (WEIGHT_BITS - 1)  # sums are rounded to the nearest, halves up


@inlined
def row_sum(samples, at, a, b, c, d, e, f, g):
    """Seven neighbours in a row, weighted."""
    return (
        a * samples[at] + b * samples[at + uint64(1)] + c * samples[at + uint64(2)]
        + d * samples[at + uint64(3)] + e * samples[at + uint64(4)]
        + f * samples[at + uint64(5)] + g * samples[at + uint64(6)]
    )  # fmt: skip


@inlined
def sum_above(samples, north1, north2, north3, weights, sums):
    """Half a unit and the 21 taps above, for each sample of a segment.

    Source: docs/format.md section 6.2. `weights` is one set in template order. The length of the
    loop is one that the compiler cannot see: it would unroll 16 steps before vectorising them.
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
    for sample in range(sums.size - 2):
        i = uint64(sample)
        sums[i] = (
            HALF
            + row_sum(samples, north1 + i, a0, a1, a2, a3, a4, a5, a6)
            + row_sum(samples, north2 + i, b0, b1, b2, b3, b4, b5, b6)
            + row_sum(samples, north3 + i, c0, c1, c2, c3, c4, c5, c6)
        )


@inlined
def sum_edge(samples, north1, first, last, sums):
    """Half a unit and the edge rule [17], N - NW, for samples first..last-1 of a segment."""
    for sample in range(first, last):
        i = uint64(sample)
        step = samples[north1 + i + uint64(3)] - samples[north1 + i + uint64(2)]
        sums[i] = HALF + (step << WEIGHT_BITS)


@inlined
def gather_taps(
    samples, here, stride, residuals, activity, sets, taps, scales, scaled, filled, moments
):
    """Queue a segment's template cells, as differences to W, for the fit of their weight sets.

    Preconditions: `taps` (sets, 24, BATCH), `scales` (sets, BATCH) and `scaled` (2, BATCH) float32
    scratch, `filled` (sets,) how much of each is in use; `sets` the weight set of each sample of
    the segment, 0 where the sample is not to be used. `here` is the cell three columns west of
    the segment. Full batches are
    added to `moments` (sets, 24, 24).
    """
    for i in range(SEGMENT):
        if sets[i] == 0:
            continue
        number = sets[i] - 1
        s = filled[number]
        at = here + uint64(i)
        west = samples[at + uint64(2)]
        for column in range(7):
            k = uint64(column)
            taps[number, k, s] = samples[at - stride + k] - west
            taps[number, k + uint64(7), s] = samples[at - uint64(2) * stride + k] - west
            taps[number, k + uint64(14), s] = samples[at - uint64(3) * stride + k] - west
        taps[number, TEMPLATE_ABOVE, s] = samples[at + uint64(3)] - west
        taps[number, TEMPLATE_ABOVE + 1, s] = samples[at + uint64(1)] - west
        taps[number, TEMPLATE_ABOVE + 2, s] = samples[at] - west
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
            a, b, c, d = float32(0.0), float32(0.0), float32(0.0), float32(0.0)
            for s in range(BATCH):
                a += scaled[0, s] * taps[j, s]
                b += scaled[0, s] * taps[j + 1, s]
                c += scaled[1, s] * taps[j, s]
                d += scaled[1, s] * taps[j + 1, s]
            moments[k, j] += a
            moments[k, j + 1] += b
            moments[k + 1, j] += c
            moments[k + 1, j + 1] += d
