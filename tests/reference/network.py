"""Coordinate networks (docs/format.md section 12)."""

from dataclasses import dataclass

from tests.reference.fields import Fields, RejectError, unfold

MAX_FEATURES, MAX_WIDTH, MAX_DEPTH = 512, 128, 16
MAX_FREQUENCY = 1 << 16
MAX_WEIGHT, MAX_SUM = 32767, 65024
HEIGHT_LIMIT = 1 << 46
ALONG, ACROSS = 1152899801185339687, 7074193361797233


def sines() -> list[tuple[int, int]]:
    """Section 12.2: sine and cosine of all multiples of 1 / 1024 turn."""
    x, y = 0, 1 << 60
    table = []
    for _ in range(1024):
        table.append(((x + (1 << 45)) >> 46, (y + (1 << 45)) >> 46))
        x, y = (x * ALONG + y * ACROSS) >> 60, (y * ALONG - x * ACROSS) >> 60
    return table


TABLE = sines()


@dataclass(frozen=True)
class Network:
    """Section 12.1: each unit has the list of its weights."""

    frequencies: list[tuple[int, int]]
    layers: list[tuple[int, list[list[int]]]]
    output: list[int]
    gain: int
    gain_shift: int
    offset: int
    lowest: int
    highest: int

    def height(self, row: int, col: int, side: int) -> int:
        """Section 12.3."""
        inputs = []
        for east, south in self.frequencies:
            inputs += wave((east * col + south * row) * ((1 << 29) // side))
        for shift, units in self.layers:
            sums = [total(weights, inputs) for weights in units]
            inputs = [min(max((s + ((1 << shift) >> 1)) >> shift, 0), 32767) for s in sums]
        product = total(self.output, inputs) * self.gain + (1 << self.gain_shift - 1)
        assert abs(product) < 1 << 63
        return min(max((product >> self.gain_shift) + self.offset, self.lowest), self.highest)


def wave(turns: int) -> list[int]:
    """Section 12.2: sine and cosine of a phase."""
    phase = (turns + (1 << 21)) % (1 << 32)
    sine, cosine = TABLE[phase >> 22]
    angle = ((phase % (1 << 22) - (1 << 21)) * 201) >> 15
    return [
        sine + ((cosine * angle + (1 << 21)) >> 22),
        cosine - ((sine * angle + (1 << 21)) >> 22),
    ]


def total(weights: list[int], inputs: list[int]) -> int:
    """The sum of a unit."""
    found = sum(w * v for w, v in zip(weights, [*inputs, 4096], strict=True))
    assert abs(found) <= (1 << 31) - (1 << 24), "the bound that section 12.3 proves"
    return found


def read_network(data: bytes) -> Network:
    """Section 12.1."""
    fields = Fields(data)
    count, width, depth = (
        fields.varint(most + 1) for most in (MAX_FEATURES, MAX_WIDTH, MAX_DEPTH)
    )
    if min(count, width, depth) < 1:
        raise RejectError("a network of nothing")
    steps = fields.signed_list(2 * count)
    if max(map(abs, steps)) > MAX_FREQUENCY:
        raise RejectError("a frequency")
    layers = []
    for inputs in [2 * count] + [width] * (depth - 1):
        shift = fields.varint(25)
        layers.append((shift, read_units(fields, width, inputs)))
    (output,) = read_units(fields, 1, width)
    gain, gain_shift = fields.varint(1 << 31), fields.varint(63)
    offset, lowest, highest = (unfold(fields.varint(1 << 47)) for _ in range(3))
    fields.done()
    if gain_shift < 1 or lowest > highest or -HEIGHT_LIMIT in (offset, lowest, highest):
        raise RejectError("heights")
    frequencies = list(zip(steps[::2], steps[1::2], strict=True))
    return Network(frequencies, layers, output, gain, gain_shift, offset, lowest, highest)


def read_units(fields: Fields, units: int, inputs: int) -> list[list[int]]:
    """Weights of a layer."""
    weights = fields.signed_list(units * (inputs + 1))
    made = [weights[k : k + inputs + 1] for k in range(0, len(weights), inputs + 1)]
    if max(map(abs, weights)) > MAX_WEIGHT or max(sum(map(abs, unit)) for unit in made) > MAX_SUM:
        raise RejectError("weights of a network")
    return made
