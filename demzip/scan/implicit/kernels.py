"""A coordinate network in integers, sixteen columns of a row at a time (docs/format.md section 12).

`cells` holds what goes into a layer and what comes out of it, sixteen int32 for each pair of
numbers of 16 bits: the sine and the cosine of a feature, or the outputs of two units. Weights come
in pairs alike, those of four units side by side.
"""

from numba import int64, uint64

from demzip.jit import inlined, kernel
from demzip.vectors import (
    dot,
    everywhere,
    gather,
    load,
    logical_shift,
    resized,
    select,
    store,
)

LANES = uint64(16)
PHASE_BITS = 22  # of a phase below the sine table's 10
HALF = 1 << (PHASE_BITS - 1)
TURN, TURN_BITS = 201, 15  # 2 pi / 32 is 201 / 1024, nearly: an angle in units of 2**-22
LOW = 0xFFFF
MOST = 32767  # of what leaves a unit


@inlined
def feature(phase, sines):
    """Sine and cosine of phases in units of 2**-32 turns: by a table, then along the tangent."""
    phase = phase + HALF
    near = gather(sines, logical_shift(phase, 32 - 10))
    angle = (((phase & (2 * HALF - 1)) - HALF) * TURN) >> TURN_BITS
    sine, cosine = (near << 16) >> 16, near >> 16
    turned = sine + ((cosine * angle + HALF) >> PHASE_BITS)
    cosine = cosine - ((sine * angle + HALF) >> PHASE_BITS)
    return (turned & LOW) | (cosine << 16)


@inlined
def activation(total, half, shift):
    """What leaves a unit."""
    total = (total + half) >> shift
    total = select(total < 0, 0, total)
    return select(total > MOST, MOST, total)


@inlined
def layer(cells, source, target, pairs, units, weights, first, biases, bias, shift):
    """All units of a layer, four at a time; where its weights end."""
    half = (int64(1) << shift) >> 1
    for unit in range(uint64(0), units, uint64(4)):
        at = bias + unit
        one, two = everywhere(biases[at]), everywhere(biases[at + uint64(1)])
        three, four = everywhere(biases[at + uint64(2)]), everywhere(biases[at + uint64(3)])
        for place in range(source, source + pairs * LANES, LANES):
            pair = load(cells, place)
            one += dot(pair, everywhere(weights[first]))
            two += dot(pair, everywhere(weights[first + uint64(1)]))
            three += dot(pair, everywhere(weights[first + uint64(2)]))
            four += dot(pair, everywhere(weights[first + uint64(3)]))
            first += uint64(4)
        one, two = activation(one, half, shift), activation(two, half, shift)
        three, four = activation(three, half, shift), activation(four, half, shift)
        store(cells, target + unit * (LANES >> uint64(1)), one | (two << 16))
        store(cells, target + unit * (LANES >> uint64(1)) + LANES, three | (four << 16))
    return first


@kernel
def draw(
    down, across, rows, cols, stride, sines, east, south, units, weights, biases, shifts, cells,
    offset, gain, gain_shift, lowest, highest, out,
):  # fmt: skip
    """Heights of rows x cols places into rows of `stride` int64.

    Places are in units of 2**-29 of the side: `down` of rows, `across` of columns, filled up
    to `stride`. They and frequencies are int32: whole turns wrap. `units` is a multiple of 4,
    `cells` has room for the features and twice for the units.
    """
    features, layers = uint64(east.size), uint64(shifts.size)
    half = int64(1) << (gain_shift - 1)
    upper = features * LANES
    lower = upper + (units >> uint64(1)) * LANES
    for r in range(rows):
        for c in range(uint64(0), uint64(cols), LANES):
            places = load(across, c)
            for f in range(features):
                phase = places * east[f] + everywhere(int64(down[r]) * int64(south[f]))
                store(cells, f * LANES, feature(phase, sines))
            first, bias = uint64(0), uint64(0)
            source, target, pairs = uint64(0), upper, features
            for k in range(layers):
                first = layer(
                    cells, source, target, pairs, units, weights, first, biases, bias, shifts[k]
                )
                bias += units
                source, pairs = target, units >> uint64(1)
                target = lower if target == upper else upper
            total = everywhere(biases[bias])
            for k in range(pairs):
                total += dot(load(cells, source + k * LANES), everywhere(weights[first + k]))
            height = ((resized(total, out) * gain + half) >> gain_shift) + offset
            height = select(height < lowest, lowest, height)
            height = select(height > highest, highest, height)
            store(out, uint64(r) * stride + c, height)
