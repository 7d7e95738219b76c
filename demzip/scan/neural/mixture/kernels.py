"""The network's distribution of a sample: three logistics (docs/format.md section 11.4).

A mixture is (weights, centres, inverse scales, shifts, total), of three each. Its boundaries and
centres count 2**-12 samples, masses 2**-26 of a weight.
"""

from numba import int64

from demzip.jit import inlined
from demzip.scan.adaptive.contexts.kernels import LEVELS
from demzip.scan.real.floats.kernels import bit_length

PARTS = 3
SIGMA_BITS = 26
SIGMA_REACH = 4095  # Format: where the logistic function ends
PREDICTION_REACH = 1 << 34  # Format: magnitude of a prediction in sixteenths
LARGEST = 1 << 46  # Format: distance from a centre beyond which all are alike
LOGIT_REACH = 2047  # Format: largest logit that a network gives
LOGITS_PER_OCTAVE = 178  # Format: ln(2) / ln(257 / 256)


@inlined
def logarithm(number, logarithms):
    """log2 of a number >= 1 in 256ths, nearly."""
    length = bit_length(number) - 1
    fraction = number >> (length - 8) if length > 8 else number << (8 - length)
    return (length << 8) + int64(logarithms[fraction & 255])


@inlined
def clipped(value, most):
    """A value within +-most."""
    return min(max(value, -most), most)


@inlined
def scale_of(output, scale, exponentials):
    """Inverse scale of a logistic, and how far products with it are shifted."""
    place = min(max(scale + (output >> 10) - 1024, -512), 11776)
    return int64(exponentials[256 - (place & 255)]), (place >> 8) + 16


@inlined
def weight_of(rank, exponentials):
    """Weight of a logistic; ranks are at most 0."""
    return int64(exponentials[rank & 255]) >> min(-(rank >> 8), 31)


@inlined
def mixture_of(outputs, prediction, activity, scale, exponentials):
    """A mixture from the outputs of the network; `scale` is the logarithm of `activity`."""
    rank0, rank1 = int64(outputs[0]) >> 10, int64(outputs[1]) >> 10
    rank2 = int64(outputs[2]) >> 10
    top = max(rank0, max(rank1, rank2))
    weight0 = weight_of(rank0 - top, exponentials)
    weight1 = weight_of(rank1 - top, exponentials)
    weight2 = weight_of(rank2 - top, exponentials)
    base = prediction << 8
    centre0 = base + ((clipped(int64(outputs[3]) >> 8, 16383) * activity) >> 6)
    centre1 = base + ((clipped(int64(outputs[4]) >> 8, 16383) * activity) >> 6)
    centre2 = base + ((clipped(int64(outputs[5]) >> 8, 16383) * activity) >> 6)
    inverse0, shift0 = scale_of(int64(outputs[6]), scale, exponentials)
    inverse1, shift1 = scale_of(int64(outputs[7]), scale, exponentials)
    inverse2, shift2 = scale_of(int64(outputs[8]), scale, exponentials)
    return (
        (weight0, weight1, weight2), (centre0, centre1, centre2),
        (inverse0, inverse1, inverse2), (shift0, shift1, shift2),
        (weight0 + weight1 + weight2) << SIGMA_BITS,
    )  # fmt: skip


@inlined
def summary_of(outputs, prediction, activity, scale):
    """Level and centre of the one logistic that sums a mixture up, for contexts."""
    level = (((int64(outputs[10]) >> 10) + scale) >> 6) - 13
    shift = clipped(int64(outputs[9]) >> 10, 4095) * activity
    centre = clipped(prediction + (shift >> 12), PREDICTION_REACH)
    return min(max(level, 0), LEVELS - 1), centre


@inlined
def part_beyond(boundary, direction, weight, centre, inverse, shift, sigmas):
    """Mass of one logistic on the outer side of a boundary."""
    distance = (clipped(boundary - centre, LARGEST) * inverse) >> shift
    distance = -direction * clipped(distance, SIGMA_REACH)
    mass = int64(sigmas[abs(distance)])
    return weight * (mass if distance >= 0 else (int64(1) << SIGMA_BITS) - mass)


@inlined
def mass_beyond(boundary, direction, mixture, sigmas):
    """Mass above a boundary if direction is 1, below it if -1."""
    weights, centres, inverses, shifts, _ = mixture
    return (
        part_beyond(boundary, direction, weights[0], centres[0], inverses[0], shifts[0], sigmas)
        + part_beyond(boundary, direction, weights[1], centres[1], inverses[1], shifts[1], sigmas)
        + part_beyond(boundary, direction, weights[2], centres[2], inverses[2], shifts[2], sigmas)
    )


@inlined
def logit(one, other, logarithms):
    """Logarithm of the odds of two masses, of which the second may be negative by rounding."""
    octaves = logarithm(max(one, 1), logarithms) - logarithm(max(other, 1), logarithms)
    return clipped((octaves * LOGITS_PER_OCTAVE) >> 8, LOGIT_REACH)
