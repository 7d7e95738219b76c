"""The network's distribution of a sample: three logistics (docs/format.md section 11.4).

A mixture is three of (weight, base, step): seen from its centre, the edge between the sample's two
sides is at `base`, and a bucket farther out is a `step` less, in 2**-8 of the steps of the logistic
function. Masses count 2**-16 of a weight.
"""

from numba import int64, uint64

from demzip.jit import inlined
from demzip.scan.adaptive.contexts.kernels import LEVELS
from demzip.scan.adaptive.mixing.kernels import REACH
from demzip.scan.neural.layers.kernels import MASSES, OUTPUTS
from demzip.scan.real.floats.kernels import bit_length
from demzip.vectors import everywhere, gather, lane_numbers, select, store

# Where tables begin in the one array of them: those of adaptive/tables.py, then of neural/tables.py.
LOGITS, SIGMAS, RATES, LOGARITHMS, EXPONENTIALS = 0, 4096, 9215, 9470, 9726
SIGMA_BITS = 16
SIGMA_REACH = REACH - 1  # where the logistic function ends
LARGEST = 1 << 46  # Format: distance from a centre beyond which all are alike
STEEPEST = 1 << 24  # Format: what the same distance and a bucket are at most, in 2**-8 of a step
BOUNDARY_BITS = 12  # places count 2**-12 samples
NEAREST = 8  # buckets on either side whose masses are found together
PREDICTION_REACH = 1 << 34  # Format: magnitude of a prediction in sixteenths
LOGIT_REACH = 2047  # Format: largest logit that a network gives
LOGITS_PER_OCTAVE = 178  # Format: ln(2) / ln(257 / 256)


@inlined
def logarithm(number, tables):
    """log2 of a number from 1 to 2**54 in 256ths, nearly."""
    length = bit_length(number) - 1
    return (length << 8) + int64(tables[uint64(LOGARITHMS + (((number << 8) >> length) & 255))])


@inlined
def clipped(value, most):
    """A value within +-most."""
    return min(max(value, -most), most)


@inlined
def scale_of(output, scale, tables):
    """Inverse scale of a logistic, and how far products with it are shifted."""
    place = min(max(scale + (output >> 10) - 1024, -512), 11776)
    return int64(tables[uint64(EXPONENTIALS + 256 - (place & 255))]), (place >> 8) + 8


@inlined
def weight_of(rank, tables):
    """Weight of a logistic; ranks are at most 0."""
    return int64(tables[uint64(EXPONENTIALS + (rank & 255))]) >> min(2 - (rank >> 8), 33)


@inlined
def part_of(weight, centre, inverse, shift, edge, sign, width):
    """One logistic: weight, place of the edge seen from its centre, and what a bucket adds."""
    base = (clipped(sign * (centre - edge), LARGEST) * inverse) >> shift
    return weight, clipped(base, STEEPEST), min((inverse * width) >> shift, STEEPEST)


@inlined
def mixture_of(scratch, prediction, activity, scale, edge, sign, shift, tables):
    """A mixture from the outputs of the network.

    `scale` is the logarithm of `activity`; the rest is how the sample's distances are counted:
    the edge in 2**-12 samples, the sign of the farther side, and that of buckets of 2**shift.
    """
    rank0, rank1 = int64(scratch[uint64(OUTPUTS + 0)]) >> 10, int64(scratch[uint64(OUTPUTS + 1)]) >> 10
    rank2 = int64(scratch[uint64(OUTPUTS + 2)]) >> 10
    top = max(rank0, max(rank1, rank2))
    weight0 = weight_of(rank0 - top, tables)
    weight1 = weight_of(rank1 - top, tables)
    weight2 = weight_of(rank2 - top, tables)
    base = prediction << 8
    centre0 = base + ((clipped(int64(scratch[uint64(OUTPUTS + 3)]) >> 8, 16383) * activity) >> 6)
    centre1 = base + ((clipped(int64(scratch[uint64(OUTPUTS + 4)]) >> 8, 16383) * activity) >> 6)
    centre2 = base + ((clipped(int64(scratch[uint64(OUTPUTS + 5)]) >> 8, 16383) * activity) >> 6)
    inverse0, shift0 = scale_of(int64(scratch[uint64(OUTPUTS + 6)]), scale, tables)
    inverse1, shift1 = scale_of(int64(scratch[uint64(OUTPUTS + 7)]), scale, tables)
    inverse2, shift2 = scale_of(int64(scratch[uint64(OUTPUTS + 8)]), scale, tables)
    width = int64(1) << (BOUNDARY_BITS + shift)
    return (
        part_of(weight0, centre0, inverse0, shift0, edge, sign, width),
        part_of(weight1, centre1, inverse1, shift1, edge, sign, width),
        part_of(weight2, centre2, inverse2, shift2, edge, sign, width),
    )  # fmt: skip


@inlined
def summary_of(scratch, prediction, activity, scale):
    """Level and centre of the one logistic that sums a mixture up, for contexts."""
    level = (((int64(scratch[uint64(OUTPUTS + 10)]) >> 10) + scale) >> 6) - 13
    shift = clipped(int64(scratch[uint64(OUTPUTS + 9)]) >> 10, 4095) * activity
    centre = clipped(prediction + (shift >> 12), PREDICTION_REACH)
    return min(max(level, 0), LEVELS - 1), centre


@inlined
def part_beyond(part, quarters, tables):
    """Mass of one logistic farther out than so many quarters of a bucket."""
    weight, base, step = part
    place = clipped((base - ((quarters * step) >> 2)) >> 8, SIGMA_REACH)
    return weight * int64(tables[uint64(place + (SIGMAS + SIGMA_REACH))])


@inlined
def mass_beyond(mixture, quarters, tables):
    """Mass farther out than so many quarters of a bucket, negative ones on the nearer side."""
    return (
        part_beyond(mixture[0], quarters, tables)
        + part_beyond(mixture[1], quarters, tables)
        + part_beyond(mixture[2], quarters, tables)
    )


@inlined
def total_of(mixture):
    """Mass of everything."""
    return (mixture[0][0] + mixture[1][0] + mixture[2][0]) << SIGMA_BITS


@inlined
def parts_beyond(part, lanes, tables):
    """Masses of one logistic farther out than the sixteen boundaries of the nearest buckets."""
    weight, base, step = part
    place = (everywhere(base) - lanes * step) >> 8
    place = select(place > SIGMA_REACH, everywhere(SIGMA_REACH), place)
    place = select(place > -SIGMA_REACH, place, everywhere(-SIGMA_REACH))
    return gather(tables, place + (SIGMAS + SIGMA_REACH)) * weight


@inlined
def lay_masses(mixture, tables, scratch):
    """Masses farther out than 8 buckets on the nearer side .. 7 on the farther one."""
    lanes = lane_numbers() - NEAREST
    total = (
        parts_beyond(mixture[0], lanes, tables)
        + parts_beyond(mixture[1], lanes, tables)
        + parts_beyond(mixture[2], lanes, tables)
    )
    store(scratch, MASSES, total)


@inlined
def logit(one, other, tables):
    """Logarithm of the odds of two masses."""
    octaves = logarithm(max(one, 1), tables) - logarithm(max(other, 1), tables)
    return clipped((octaves * LOGITS_PER_OCTAVE) >> 8, LOGIT_REACH)
