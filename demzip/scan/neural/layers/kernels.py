"""Layers of the network in integers, sixteen neurons at a time (docs/format.md section 11.3).

Values have 8 fractional bits and come in pairs: one in the lower 16 bits of an int32, one in the
upper ones. Weights have 10 fractional bits and come in pairs too: those of sixteen neurons, a
group, for the first pair of values, then for the second, and so on. Groups of hidden layers come in
twos, whose weights take turns; lane i of the first and of the second are a pair of the next layer.
"""

from numba import uint64

from demzip.constants import LANES
from demzip.jit import inlined
from demzip.vectors import dot, everywhere, load, select, store

WEIGHT_BITS = 10
LEAK_BITS = 3  # Format: values below zero are divided by 8
# Where things begin in the scratch: 32 pairs of inputs, 64 of either hidden layer, 16 outputs,
# and masses (mixture/kernels.py).
INPUTS, FIRST, SECOND, OUTPUTS, MASSES, SCRATCH = 0, 32, 96, 160, 176, 192
MOST = 2047  # Format: magnitude of a value between layers


@inlined
def activation(total):
    """Values of neurons from the sums of their inputs."""
    value = total >> WEIGHT_BITS
    leak = value >> LEAK_BITS
    value = select(value > leak, value, leak)
    most = everywhere(MOST)
    value = select(value > most, most, value)
    return select(value > -MOST, value, everywhere(-MOST))


@inlined
def hidden_layer(scratch, first, pairs, parameters, at, groups, out):
    """Pairs of values from `first` on to those of the next layer, from `out` on.

    Preconditions: `pairs` is a multiple of 4, `groups` even. The parameters of the layer begin at
    `at`: for each two groups their biases, 18 fractional bits, then their weights.
    """
    nothing = everywhere(0)
    for place in range(out, out + groups * (LANES // 2), LANES):
        left, right = load(parameters, at), load(parameters, at + LANES)
        left1, left2, left3 = nothing, nothing, nothing
        right1, right2, right3 = nothing, nothing, nothing
        at += 2 * LANES
        for pair in range(first, first + pairs, 4):
            # Four sums a group: one would have to wait for itself.
            value = everywhere(scratch[uint64(pair)])
            left += dot(load(parameters, at), value)
            right += dot(load(parameters, at + LANES), value)
            value = everywhere(scratch[uint64(pair + 1)])
            left1 += dot(load(parameters, at + 2 * LANES), value)
            right1 += dot(load(parameters, at + 3 * LANES), value)
            value = everywhere(scratch[uint64(pair + 2)])
            left2 += dot(load(parameters, at + 4 * LANES), value)
            right2 += dot(load(parameters, at + 5 * LANES), value)
            value = everywhere(scratch[uint64(pair + 3)])
            left3 += dot(load(parameters, at + 6 * LANES), value)
            right3 += dot(load(parameters, at + 7 * LANES), value)
            at += 8 * LANES
        lower = activation((left + left1) + (left2 + left3))
        upper = activation((right + right1) + (right2 + right3))
        store(scratch, place, (lower & 0xFFFF) | (upper << 16))
    return at


@inlined
def last_layer(scratch, first, pairs, parameters, at, out):
    """Pairs of values to sixteen sums; preconditions as in hidden_layer, of one group."""
    nothing = everywhere(0)
    total, total1, total2, total3 = load(parameters, at), nothing, nothing, nothing
    for pair in range(first, first + pairs, 4):
        total += dot(load(parameters, at + LANES), everywhere(scratch[uint64(pair)]))
        total1 += dot(load(parameters, at + 2 * LANES), everywhere(scratch[uint64(pair + 1)]))
        total2 += dot(load(parameters, at + 3 * LANES), everywhere(scratch[uint64(pair + 2)]))
        total3 += dot(load(parameters, at + 4 * LANES), everywhere(scratch[uint64(pair + 3)]))
        at += 4 * LANES
    store(scratch, out, (total + total1) + (total2 + total3))


@inlined
def evaluate(scratch, network):
    """Inputs to outputs, 18 fractional bits, both in the scratch.

    `network` = (pairs of inputs, groups and groups of the hidden layers, parameters).
    """
    pairs, groups1, groups2, parameters = network
    half = LANES // 2
    at = hidden_layer(scratch, INPUTS, pairs, parameters, 0, groups1, FIRST)
    at = hidden_layer(scratch, FIRST, groups1 * half, parameters, at, groups2, SECOND)
    last_layer(scratch, SECOND, groups2 * half, parameters, at, OUTPUTS)
