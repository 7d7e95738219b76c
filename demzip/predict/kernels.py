"""Linear prediction in fixed point: the sums over the template (docs/format.md section 6).

The kernels see a block as a flat array of rows that are `stride` cells apart, with MARGIN cells
more on the left, the right and above; `north1` is the index of the cell three columns west of a
segment in the row above it, `north2` and `north3` the same one and two rows further up. Indices
are unsigned because Numba spends several instructions on every signed one and more on slices.

All 12-bit fixed-point sums are exact as long as sum(|weight|) * max(|sample|) < 2**31 (int32
arrays) or 2**63 (int64): the caller chooses the dtype.
"""

import math

from numba import float32, uint64

from demzip.constants import MARGIN, TEMPLATE_ABOVE, TEMPLATE_SIZE, WEIGHT_BITS
from demzip.jit import estimator, inlined
from demzip.vectors import load, store

ROW = 2 * MARGIN + 1  # taps in a row above
BATCH = 128  # samples whose products are summed at a time
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


@estimator
def gather_taps(samples, here, stride, residuals, at, above, taps, scales, s):
    """Queue a segment's template cells, as differences to W, for the fit of their weight set.

    Preconditions: `here` is the cell three columns west of the segment, `at` the index of its
    first residual; `above` its activities from above. `taps` (24, BATCH) and `scales` (BATCH)
    float32 get a segment from `s` on. Level ground, which needs no weights, has a scale of 0.
    """
    west = here + uint64(MARGIN - 1)
    north = west - stride
    for sample in range(above.size):
        i = uint64(sample)
        w, n = samples[west + i], samples[north + i + uint64(1)]
        level = (w == n) & (samples[north + i] == n) & (samples[north + i + uint64(2)] == n)
        local = float32(DAMPING) + float32(above[i]) * float32(1.0 / 24.0)
        scale = float32(1.0) / ((abs(float32(residuals[at + i])) + local) * local)
        scales[s + i] = float32(0.0) if level else scale
    western = load(samples, west)
    for k in range(TEMPLATE_SIZE):
        cell = west + uint64(1)  # the sample itself
        if k < TEMPLATE_ABOVE:
            cell = here - uint64(1 + k // ROW) * stride + uint64(k % ROW)
        elif k > TEMPLATE_ABOVE:
            cell = here + uint64(TEMPLATE_SIZE - 1 - k)
        store(taps[k], s, load(samples, cell) - western)


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


@estimator
def solve_positive(matrices, right):
    """Solve n positive definite systems by Cholesky's decomposition, L D L', in place.

    `matrices` (n, size, size) are used up, lower triangles only; `right` (n, size) becomes the
    solutions, infinite for a matrix that is not positive definite.
    """
    size = right.shape[1]
    for number in range(right.shape[0]):
        matrix, x = matrices[number], right[number]
        for j in range(size):
            for i in range(j, size):
                rest = matrix[i, j]
                for k in range(j):
                    rest -= matrix[i, k] * matrix[j, k] * matrix[k, k]
                matrix[i, j] = rest if i == j else rest / matrix[j, j]
            if not matrix[j, j] > 0.0:
                x[:] = math.inf
                break
            for k in range(j):
                x[j] -= matrix[j, k] * x[k]
        else:
            for j in range(size):
                x[j] /= matrix[j, j]
            for back in range(size):
                j = size - 1 - back
                for i in range(j + 1, size):
                    x[j] -= matrix[i, j] * x[i]
