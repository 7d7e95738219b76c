"""Contexts of a sample under adaptive coding (docs/format.md section 10.4).

Arrays and indices as in predict/kernels.py; samples, predictions and magnitudes count sixteenths.
"""

from numba import int64, uint64

from demzip.jit import inlined
from demzip.scan.real.floats.kernels import bit_length

FRACTION_BITS = 4  # Format: predictions count sixteenths
HALF_SAMPLE = 8
LEVELS = 128  # Format: of scales, in quarters of an octave
NODES = 40  # decisions of a context

# Contexts of each kind; those of level ground come last.
PRIMARY, STEPS, SHAPES, WIDE = LEVELS * 8, 2048 + 1024, 1024 + LEVELS, 4096 + LEVELS
LEVEL_STEPS, LEVEL_SHAPES, LEVEL_WIDE = 2048, 1024, 4096
MIXED_CHANCES = (PRIMARY + STEPS + SHAPES + WIDE) * NODES
HALVES = 8  # buckets whose halves have chances of their own
CHANCES = MIXED_CHANCES + LEVELS * 2 * HALVES


@inlined
def level_of(scale):
    """Logarithm of a scale in quarters of an octave, roughly; small ones exactly."""
    length = bit_length(scale)
    level = scale if length < 3 else ((length - 3) << 2) + (scale >> (length - 3))
    return min(level, LEVELS - 1)


@inlined
def wide_above(magnitudes, north, stride, wide):
    """Magnitudes of eleven cells farther off, for each sample of a segment."""
    second, third = north - stride, north - uint64(2) * stride
    for sample in range(wide.size):
        i = uint64(sample)
        wide[i] = (
            magnitudes[north + i] + magnitudes[north + i + uint64(6)]
            + magnitudes[second + i] + magnitudes[second + i + uint64(1)]
            + magnitudes[second + i + uint64(5)] + magnitudes[second + i + uint64(6)]
            + magnitudes[third + i + uint64(1)] + magnitudes[third + i + uint64(2)]
            + magnitudes[third + i + uint64(3)] + magnitudes[third + i + uint64(4)]
            + magnitudes[third + i + uint64(5)]
        )  # fmt: skip


@inlined
def same_cells(samples, at, north, second, stride):
    """Which of ten cells are as high as the level ground around them."""
    ground = samples[north]
    return (
        int64(samples[north + uint64(2)] == ground)
        + 2 * int64(samples[second] == ground)
        + 4 * int64(samples[at - uint64(2)] == ground)
        + 8 * int64(samples[second - uint64(1)] == ground)
        + 16 * int64(samples[second + uint64(1)] == ground)
        + 32 * int64(samples[north - uint64(2)] == ground)
        + 64 * int64(samples[at - uint64(3)] == ground)
        + 128 * int64(samples[second - stride] == ground)
        + 256 * int64(samples[north + uint64(3)] == ground)
        + 512 * int64(samples[second + uint64(2)] == ground)
    )


@inlined
def contexts_of(samples, at, stride, prediction, activity, around, flat):
    """Slots where the chances of a sample's contexts begin, class of its mixing, its level.

    `around` is the sum of twelve magnitudes farther off, `flat` the pattern of level ground or 0.
    """
    north = at - stride
    second = north - stride
    level = level_of(activity >> 3)
    wide = level_of(around >> 3)
    if flat:
        primary = 8 * level + flat
        step = LEVEL_STEPS + same_cells(samples, at, north, second, stride)
        shape = LEVEL_SHAPES + level
        wide += LEVEL_WIDE
        mixing = 32 + (level >> 2)
    else:
        w, ww = samples[at - uint64(1)], samples[at - uint64(2)]
        n, nn = samples[north], samples[second]
        nw, ne = samples[north - uint64(1)], samples[north + uint64(1)]
        fraction = prediction & (2 * HALF_SAMPLE - 1)
        sign = int64(1)
        if fraction > HALF_SAMPLE:
            fraction = 2 * HALF_SAMPLE - fraction
            sign = int64(-1)
        primary = 8 * level + (max(fraction - 1, 0) >> 1)
        steps = abs(n - nw) + abs(ne - n) + abs(w - nw)
        step = 32 * (level >> 1) + (min(level_of((3 * steps) >> FRACTION_BITS), 63) >> 1)
        shape = (
            32 * (level >> 2)
            + 16 * int64((w - n) * sign > 0) + 8 * int64((n - nw) * sign > 0)
            + 4 * int64((ne - n) * sign > 0) + 2 * int64((ww - w) * sign > 0)
            + int64((nn - n) * sign > 0)
        )  # fmt: skip
        wide = 64 * (level >> 1) + (wide >> 1)
        mixing = level >> 2
    slots = (
        uint64(primary * NODES),
        uint64((PRIMARY + step) * NODES),
        uint64((PRIMARY + STEPS + shape) * NODES),
        uint64((PRIMARY + STEPS + SHAPES + wide) * NODES),
    )
    return slots, mixing, level
