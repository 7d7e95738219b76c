"""Floats as ordered integers, and as multiples of a power of two (docs/format.md section 9.1).

The *ordinal* of a float counts floats: that of +0.0 is 0, that of the next larger float one more;
that of -0.0 is -1. A *height* u stands for the number u * 2**-scale; floats have the height at or
below them. `form` = (stored bits of the fraction, exponent of the least positive float,
bits of infinity): (23, 149, 0x7F800000) or (52, 1074, 0x7FF << 52).
"""

from numba import int64, uint64

from demzip.jit import inlined, kernel, leading_zeros

HEIGHT_BITS = 44
HEIGHT_LIMIT = 1 << HEIGHT_BITS  # heights are held within +-this


@inlined
def bit_length(value):
    """Bits of a number >= 0."""
    return int64(64) - int64(leading_zeros(uint64(value)))


@kernel
def shifted(number, shift, round_up):
    """Number >> shift for 0 <= shift, or its ceiling; number << -shift otherwise."""
    if shift <= 0:
        return number << -shift
    shift = min(shift, 62)
    return (number + (((int64(1) << shift) - 1) if round_up else 0)) >> shift


@kernel
def magnitude_bits(height, scale, form, round_up):
    """Bits of the float at height * 2**-scale, height > 0, or of the next one down or up."""
    mantissa, lowest, infinite = form
    length = bit_length(height)
    exponent = length + lowest - scale - mantissa
    if exponent < 1:
        return shifted(height, scale - lowest, round_up)
    if exponent >= infinite >> mantissa:
        return infinite
    return ((exponent - 1) << mantissa) + shifted(height, length - mantissa - 1, round_up)


@kernel
def first_ordinal(height, scale, form):
    """Least ordinal of the floats at or above height * 2**-scale."""
    if height == 0:
        return int64(0)
    if height > 0:
        return magnitude_bits(height, scale, form, True)
    return -1 - magnitude_bits(-height, scale, form, False)


@kernel
def height_of(ordinal, scale, form):
    """Greatest height at or below a float; that of -0.0 is -1."""
    mantissa, lowest, _ = form
    bits = ordinal if ordinal >= 0 else -1 - ordinal
    exponent = bits >> mantissa
    digits = bits & ((int64(1) << mantissa) - 1)
    if exponent > 0:
        digits += int64(1) << mantissa
        exponent -= 1
    shift = lowest - scale - exponent
    if bit_length(digits) - shift > HEIGHT_BITS:
        height = int64(HEIGHT_LIMIT)
    else:
        height = shifted(digits, shift, ordinal < 0)
    return height if ordinal >= 0 else -max(height, 1)


@kernel
def heights_of(ordinals, holes, scale, form, samples, stride, margin):
    """Height of every float that is no hole, into the interior of a workspace."""
    masked = holes.shape[0] > 0
    for row in range(ordinals.shape[0]):
        at = uint64(row + margin) * stride + uint64(margin)
        for col in range(ordinals.shape[1]):
            hole = masked and holes[row, col] != 0
            height = int64(0) if hole else height_of(ordinals[row, col], scale, form)
            samples[at + uint64(col)] = height
