"""Prediction and context of sixteen cells at a time (docs/format.md sections 6 and 7).

The encoder takes sixteen columns of a row, the decoder one cell each of sixteen rows. Both lay
their cells out such that the same neighbour of all sixteen stands in sixteen consecutive elements:
`at` is the index of the first cell, `north` what is to be added for the cell above (twice for NN),
`east` for the next one in the row.
"""

from demzip.constants import ACTIVITY_LEVELS, FLAT, WEIGHT_BITS
from demzip.jit import inlined
from demzip.predict.kernels import HALF
from demzip.vectors import below, load, logical_shift, magnitude, narrowed, select


@inlined
def filled(vector, value):
    """An integer in all lanes of a vector like this one."""
    return (vector & 0) + value


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
def predict(samples, at, north, east, column, interior, total):
    """Predictions and subcontexts.

    Args:
        samples, at, north, east: See above.
        column: Vector of columns, in any width.
        interior: Mask of the cells that the edge rule does not hold for.
        total: Sum over the template, HALF included.

    """
    one = at + north
    w, n = load(samples, at - east), load(samples, one)
    nw, ne = load(samples, one - east), load(samples, one + east)
    step = n - nw
    edge = ((w + select(column == 0, filled(n, 0), step)) << WEIGHT_BITS) + HALF
    total = select(interior, total, edge)
    level = (step == 0) & (ne == n) & (w == n)
    pattern = select(ne == load(samples, one + 2 * east), filled(n, FLAT + 2), filled(n, FLAT))
    pattern += select(n == load(samples, one + north), filled(n, 1), filled(n, 0))
    subcontext = select(level, pattern, (total >> (WEIGHT_BITS - 2)) & 3)
    return select(level, w, total >> WEIGHT_BITS), subcontext


@inlined
def state_of(samples, magnitudes, at, north, east, above, shift, subcontext):
    """Context states, in 32 bits: activity level * 8 + subcontext (section 7.3)."""
    activity = (
        above + (load(magnitudes, at - east) << 2) + load(magnitudes, at - 2 * east)
        + magnitude(load(samples, at - east) - load(samples, at + north - east))
    )  # fmt: skip
    level = logical_shift(activity, shift)
    highest = filled(level, ACTIVITY_LEVELS - 1)
    return (narrowed(select(below(level, highest), level, highest)) << 3) | narrowed(subcontext)
