"""Weights of the six nearest cells, fitted to the rows above (docs/format.md section 10.3).

Everything is fixed point, and wraps in a corrupt block. `fitting` = (base, live, mine, others,
left, right, past, fresh, lower, products, inverse, fits) is the state and the scratch of
adaptive/block.py: of a segment's samples what the weight set predicted, -1 where they take part,
and two shifts; scaled differences; moments (segments, 27) of the rows above and of this one; the
triangles (6, 6) and diagonal (6,) of the equations; weights (segments, 6), multiples of 2**-16.
"""

from numba import int32, int64, uint64

from demzip.jit import inlined, kernel
from demzip.scan.real.floats.kernels import bit_length

TAPS = 6  # W, N, NW, NE, NN, WW
MOMENTS = 27  # 21 products of two taps, 6 of a tap and the residual
CALM = 64  # Format: activity that all ground has here
FAR = 4095  # Format: largest scaled difference
FORGET = 2  # Format: a row leaves 1 - 2**-2 of the rows before it
RIDGE = 1024  # Format: added to the diagonal
DIAGONAL_BITS = 30


@inlined
def correction(samples, at, stride, fitted, weights):
    """What the weights of a segment add to a prediction."""
    north = at - stride
    return (
        weights[0] * (samples[at - uint64(1)] - fitted)
        + weights[1] * (samples[north] - fitted)
        + weights[2] * (samples[north - uint64(1)] - fitted)
        + weights[3] * (samples[north + uint64(1)] - fitted)
        + weights[4] * (samples[north - stride] - fitted)
        + weights[5] * (samples[at - uint64(2)] - fitted)
        + 32768
    ) >> 16


@inlined
def note(fitting, i, fitted, residual, activity):
    """Keep what the fit needs of a sample."""
    calm = activity + CALM
    fitting[0][i] = fitted
    fitting[1][i] = -1
    fitting[2][i] = min(bit_length(calm), 62)
    fitting[3][i] = min(bit_length(calm + 18 * abs(residual)), 62)


@kernel
def put_tap(samples, at, base, live, shifts, out):
    """Scaled differences of one tap of a segment, 0 where a sample takes no part."""
    for sample in range(out.size):
        i = uint64(sample)
        difference = ((samples[at + i] - base[i]) << 8) >> shifts[i]
        out[i] = min(max(difference, -FAR), FAR) & live[i]


@kernel
def put_taps(samples, here, stride, base, live, shifts, out):
    """Scaled differences of all taps; `here` is the cell three columns west of the segment."""
    north = here - stride
    put_tap(samples, here + uint64(2), base, live, shifts, out[0])
    put_tap(samples, north + uint64(3), base, live, shifts, out[1])
    put_tap(samples, north + uint64(2), base, live, shifts, out[2])
    put_tap(samples, north + uint64(4), base, live, shifts, out[3])
    put_tap(samples, north - stride + uint64(3), base, live, shifts, out[4])
    put_tap(samples, here + uint64(1), base, live, shifts, out[5])


@inlined
def product(left, right, i, j):
    """Sum of the products of two taps."""
    total = int32(0)
    for sample in range(left.shape[1]):
        s = uint64(sample)
        total += int32(left[i, s]) * int32(right[j, s])
    return int64(total)


@kernel
def gather(samples, here, stride, fitting, segment):
    """Add a finished segment to the moments of its row."""
    base, live, mine, others, left, right, _, fresh, _, _, _, _ = fitting
    put_taps(samples, here, stride, base, live, mine, left)
    put_taps(samples, here, stride, base, live, others, right)
    put_tap(samples, here + uint64(3), base, live, others, right[TAPS])
    at = uint64(0)
    for i in range(TAPS):
        for j in range(i + 1):
            fresh[segment, at] = product(left, right, uint64(i), uint64(j))
            at += uint64(1)
    for i in range(TAPS):
        fresh[segment, at] = product(left, right, uint64(i), uint64(TAPS))
        at += uint64(1)


@inlined
def around(past, segment, k):
    """A moment of the columns of a segment and those beside it."""
    total = 2 * past[segment, k]
    if segment > 0:
        total += past[segment - 1, k]
    if segment + 1 < past.shape[0]:
        total += past[segment + 1, k]
    return total


@kernel
def solve(past, segment, lower, products, inverse, weights):
    """Weights of a segment: the equations as L D L^T, then forwards and back."""
    largest = int64(0)
    at = uint64(0)
    for i in range(TAPS):
        for j in range(i + 1):
            products[i, j] = around(past, segment, at)
            at += uint64(1)
        largest = max(largest, products[i, i])
    shift = max(bit_length(largest) - DIAGONAL_BITS, 0)
    for j in range(TAPS):
        for i in range(j, TAPS):
            total = products[i, j] >> shift
            if i == j:
                total += RIDGE + (total >> 10)
            for k in range(j):
                total -= (lower[i, k] * products[j, k]) >> 16
            products[i, j] = total
        inverse[j] = (int64(1) << 46) // max(products[j, j], RIDGE)
        for i in range(j + 1, TAPS):
            lower[i, j] = (products[i, j] * inverse[j]) >> 30
    for i in range(TAPS):
        weights[i] = around(past, segment, at) >> shift
        at += uint64(1)
        for k in range(i):
            weights[i] -= (lower[i, k] * weights[k]) >> 16
    for i in range(TAPS):
        weights[i] = (weights[i] * inverse[i]) >> 30
    for i in range(TAPS - 1, -1, -1):
        for k in range(i + 1, TAPS):
            weights[i] -= (lower[k, i] * weights[k]) >> 16


@kernel
def learn(fitting):
    """Take a finished row into the moments and fit the weights of the next one."""
    _, _, _, _, _, _, past, fresh, lower, products, inverse, fits = fitting
    for segment in range(past.shape[0]):
        for k in range(MOMENTS):
            past[segment, k] += fresh[segment, k] - (past[segment, k] >> FORGET)
    for segment in range(past.shape[0]):
        solve(past, segment, lower, products, inverse, fits[segment])
