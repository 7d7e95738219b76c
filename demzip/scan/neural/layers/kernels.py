"""Layers of the network in integers, sixteen neurons at a time (docs/format.md section 11.3).

Values have 8 fractional bits and come in pairs: one in the lower 16 bits of an int32, one in the
upper ones. Weights have 10 fractional bits and come in pairs too: the sixteen neurons of a group
for the first pair of values, then for the second, and so on. Groups come in twos: lane i of the
first and of the second are a pair for the next layer.
"""

from numba import uint64

from demzip.constants import LANES
from demzip.jit import inlined
from demzip.vectors import dot, everywhere, load, select, store

WEIGHT_BITS = 10
LEAK_BITS = 3  # Format: values below zero are divided by 8
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
def hidden_layer(values, pairs, weights, biases, groups, out):
    """Pairs of values to those of the next layer.

    Preconditions: `pairs` is a multiple of 4, `groups` even; `weights` (groups * pairs * 16),
    `biases` (groups * 16), 18 fractional bits; `values` and `out` must not overlap where used.
    """
    for group in range(0, groups, 2):
        left, right = load(biases, group * LANES), load(biases, (group + 1) * LANES)
        nothing = everywhere(0)
        left1, left2, left3 = nothing, nothing, nothing
        right1, right2, right3 = nothing, nothing, nothing
        at, beside = group * pairs * LANES, (group + 1) * pairs * LANES
        for pair in range(0, pairs, 4):
            # Four sums a group: one would have to wait for itself.
            value, value1 = everywhere(values[uint64(pair)]), everywhere(values[uint64(pair + 1)])
            value2, value3 = everywhere(values[uint64(pair + 2)]), everywhere(values[uint64(pair + 3)])
            left += dot(load(weights, at), value)
            right += dot(load(weights, beside), value)
            left1 += dot(load(weights, at + LANES), value1)
            right1 += dot(load(weights, beside + LANES), value1)
            left2 += dot(load(weights, at + 2 * LANES), value2)
            right2 += dot(load(weights, beside + 2 * LANES), value2)
            left3 += dot(load(weights, at + 3 * LANES), value3)
            right3 += dot(load(weights, beside + 3 * LANES), value3)
            at += 4 * LANES
            beside += 4 * LANES
        lower = activation((left + left1) + (left2 + left3))
        upper = activation((right + right1) + (right2 + right3))
        store(out, group // 2 * LANES, (lower & 0xFFFF) | (upper << 16))


@inlined
def last_layer(values, pairs, weights, biases, out):
    """Pairs of values to sixteen sums; preconditions as in hidden_layer, of one group."""
    total = load(biases, 0)
    nothing = everywhere(0)
    total1, total2, total3 = nothing, nothing, nothing
    for pair in range(0, pairs, 4):
        at = pair * LANES
        total += dot(load(weights, at), everywhere(values[uint64(pair)]))
        total1 += dot(load(weights, at + LANES), everywhere(values[uint64(pair + 1)]))
        total2 += dot(load(weights, at + 2 * LANES), everywhere(values[uint64(pair + 2)]))
        total3 += dot(load(weights, at + 3 * LANES), everywhere(values[uint64(pair + 3)]))
    store(out, 0, (total + total1) + (total2 + total3))


@inlined
def evaluate(values, network, first_hidden, second_hidden, outputs):
    """The network's outputs, 18 fractional bits, for pairs of inputs.

    `network` = (pairs of inputs, groups and groups of the hidden layers, then weights and biases
    of the three layers); the rest is scratch of int32.
    """
    pairs, groups1, groups2, weights1, biases1, weights2, biases2, weights3, biases3 = network
    hidden_layer(values, pairs, weights1, biases1, groups1, first_hidden)
    hidden_layer(first_hidden, groups1 * (LANES // 2), weights2, biases2, groups2, second_hidden)
    last_layer(second_hidden, groups2 * (LANES // 2), weights3, biases3, outputs)
