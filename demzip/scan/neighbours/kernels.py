"""Prediction and context of sixteen cells at a time (docs/format.md sections 6 and 7).

The encoder takes sixteen columns of a row, the decoder one cell each of sixteen rows. Both lay
their cells out such that the same neighbour of all sixteen stands in sixteen consecutive elements:
`at` is the index of the first cell, `north` what is to be added for the cell above (twice for NN),
`east` for the next one in the row.
"""

from demzip.constants import ACTIVITY_LEVELS, FLAT, WEIGHT_BITS
from demzip.jit import inlined
from demzip.predict.kernels import HALF
from demzip.vectors import (
    below,
    dot,
    gather,
    load,
    logical_shift,
    magnitude,
    narrowed,
    resized,
    select,
)


@inlined
def filled(vector, value):
    """An integer in all lanes of a vector like this one."""
    return (vector & 0) + value


@inlined
def weighted(sample, pair, weights, paired):
    """Samples, or pairs of them, times their weights.

    A pair has the sample to the west in its lower 16 bits, the cell's own in the upper ones; pairs
    of weights likewise (scan/taps.py).
    """
    if paired:
        return resized(dot(pair, narrowed(weights)), sample)
    return sample * weights


@inlined
def pair_of(west, own):
    """What `pairs` holds for samples and those to their west, which fit into 16 bits."""
    return (narrowed(own) << 16) | (narrowed(west) & 0xFFFF)


@inlined
def activity_from_above(samples, magnitudes, at, north, east):
    """What the rows above contribute to the activity (section 7.1)."""
    one, two = at + north, at + 2 * north
    n = load(samples, one)
    return (
        (load(magnitudes, one) << 2)
        + ((load(magnitudes, one - east) + load(magnitudes, one + east)) << 1)
        + load(magnitudes, one - 2 * east) + load(magnitudes, one + 2 * east)
        + load(magnitudes, two - east) + load(magnitudes, two) + load(magnitudes, two + east)
        + magnitude(n - load(samples, one - east)) + magnitude(load(samples, one + east) - n)
    )  # fmt: skip


@inlined
def rank(one, other, unit):
    """0 where one vector is below another, `unit` where they are equal, twice that above."""
    nothing, more = filled(one, 0), filled(one, unit)
    return select(one >= other, more, nothing) + select(one > other, more, nothing)


@inlined
def predict(samples, at, north, east, w, column, interior, total, offsets):
    """Predictions and subcontexts.

    `w` are the samples to the west, `column` the cells' columns in any width, `interior` says
    which cells the edge rule does not hold for, `total` is the sum over the template with HALF,
    `offsets` (243, or none) are what is added to that by patterns (section 6.6), in its unit.
    """
    one = at + north
    n = load(samples, one)
    nw, ne = load(samples, one - east), load(samples, one + east)
    step = n - nw
    edge = ((w + select(column == 0, filled(n, 0), step)) << WEIGHT_BITS) + HALF
    total = select(interior, total, edge)
    if offsets.size > 0:
        pattern = rank(w, nw, 1) + rank(n, nw, 3) + rank(ne, n, 9)
        pattern += rank(w, load(samples, at - 2 * east), 27)
        pattern += rank(n, load(samples, one + north), 81)
        total += resized(gather(offsets, pattern), total)
    level = (step == 0) & (ne == n) & (w == n)
    pattern = select(ne == load(samples, one + 2 * east), filled(n, FLAT + 2), filled(n, FLAT))
    pattern += select(n == load(samples, one + north), filled(n, 1), filled(n, 0))
    subcontext = select(level, pattern, (total >> (WEIGHT_BITS - 2)) & 3)
    return select(level, w, total >> WEIGHT_BITS), subcontext


@inlined
def state_of(nw, w, mag_w, mag_ww, above, shift, subcontext):
    """Context states, in 32 bits: activity level * 8 + subcontext (section 7.3)."""
    activity = above + (mag_w << 2) + mag_ww + magnitude(w - nw)
    level = logical_shift(activity, shift)
    highest = filled(level, ACTIVITY_LEVELS - 1)
    return (narrowed(select(below(level, highest), level, highest)) << 3) | narrowed(subcontext)
