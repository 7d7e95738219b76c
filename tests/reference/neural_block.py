"""Blocks under neural coding (docs/format.md section 11), in either direction."""

import hashlib
import re
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Protocol

from tests.reference.adaptive import (
    BUCKETS,
    REACH,
    Context,
    Grid,
    View,
    Walk,
    frequencies,
    level_of,
    logit,
    moved,
    read_block,
)
from tests.reference.coder import BitReader, BitWriter, RangeDecoder, RangeEncoder
from tests.reference.fields import Fields, RefuseError, RejectError, running
from tests.reference.holes import Holes
from tests.reference.model import read_weights
from tests.reference.neural import (
    CELLS,
    ERRORS,
    CausalNetwork,
    Masses,
    Memory,
    Mixture,
    Place,
    Row,
    clip,
    features,
    fourier_inputs,
    ratio,
)

ROOT = Path(__file__).resolve().parents[2]
FIRST_WEIGHTS = (10000, 10000, 42000)
MAX_WEIGHT = 8191
MAX_STEP = 1 << 53
LIMIT = 1 << 30


@dataclass(frozen=True)
class NeuralModel:
    """Section 11.1."""

    others: list[list[int]]
    thresholds: list[int]
    network: CausalNetwork


def read_neural_model(data: bytes) -> NeuralModel:
    """Section 11.1."""
    fields = Fields(data)
    sets = fields.varint(9)
    if sets == 0:
        raise RejectError("no weight set")
    others = read_weights(fields, sets)
    steps = fields.signed_list(sets - 1)
    if any(not 0 <= step < MAX_STEP for step in steps):
        raise RejectError("a threshold")
    number = fields.varint()
    base = shipped(number) if number else None
    form = fields.byte()
    if form > 1 or (form == 0 and base is None):
        raise RejectError("the form of a network")
    network = base if form == 0 and base is not None else read_causal(fields, base)
    fields.done()
    return NeuralModel(others, running(steps), network)


@cache
def shipped(number: int) -> CausalNetwork:
    """A shipped network, as the document lists it."""
    text = ROOT.joinpath("docs", "format.md").read_text(encoding="utf-8")
    row = re.compile(r"^\| (\d+) \| `(\S+)` \| `(\w{64})` \|$", re.MULTILINE)
    for listed, path, digest in row.findall(text):
        if int(listed) == number:
            data = ROOT.joinpath(path).read_bytes()
            assert hashlib.sha256(data).hexdigest() == digest
            fields = Fields(data)
            network = read_causal(fields, None)
            fields.done()
            return network
    raise RefuseError("a shipped network")


def read_causal(fields: Fields, base: CausalNetwork | None) -> CausalNetwork:
    """A network as differences from another one, or from nothing."""
    fourier, first, second, shift = (fields.byte() for _ in range(4))
    if fourier > 1 or not (1 <= first <= 7 and 1 <= second <= 7) or shift > 8:
        raise RejectError("the shape of a network")
    sizes = [64 if fourier else 32, 16 * first, 16 * second, 11]
    if base is not None and [len(biases) for _, biases in base.layers] != sizes[1:]:
        raise RejectError("a shape other than the shipped network's")
    layers = []
    for k, (inputs, units) in enumerate(pairwise(sizes)):
        weights, biases = base.layers[k] if base is not None else ([[]] * units, [0] * units)
        starts = [start for unit in weights for start in (unit + [0] * inputs)[:inputs]]
        found = read_values(fields, starts, shift)
        rows = [found[at : at + inputs] for at in range(0, len(found), inputs)]
        layers.append((rows, read_values(fields, biases, shift)))
    return CausalNetwork(bool(fourier), layers)


def read_values(fields: Fields, starts: Row, shift: int) -> Row:
    """Weights or biases."""
    steps = fields.signed_list(len(starts))
    found = [start + (step << shift) for start, step in zip(starts, steps, strict=True)]
    if any(abs(value) > MAX_WEIGHT for value in found):
        raise RejectError("a weight of a network")
    return found


class Channel(Protocol):
    """Both streams of a block, in either direction."""

    def bit(self, one: int, wish: int) -> int:
        """A bit whose 1 has the frequencies [0, one)."""

    def raw(self, count: int, wish: int) -> int:
        """Raw bits."""


@dataclass
class Source:
    """A decoder: it does not look at wishes."""

    coder: RangeDecoder
    uncoded: BitReader

    def bit(self, one: int, _wish: int) -> int:
        """Take a bit."""
        symbol = self.coder.take([one, 65536 - one], 16)
        if symbol is None:
            raise RejectError("a coded stream")
        return 1 - symbol

    def raw(self, count: int, _wish: int) -> int:
        """Take bits."""
        return self.uncoded.take(count)


@dataclass
class Sink:
    """An encoder: what is wished for is."""

    coder: RangeEncoder = field(default_factory=RangeEncoder)
    uncoded: BitWriter = field(default_factory=BitWriter)

    def bit(self, one: int, wish: int) -> int:
        """Put a bit."""
        self.coder.put_symbol(1 - wish, [one, 65536 - one], 16)
        return wish

    def raw(self, count: int, wish: int) -> int:
        """Put bits."""
        self.uncoded.put(wish, count)
        return wish


@dataclass
class Decisions:
    """Sections 10.5 and 11.5: chances of two contexts, weights of them and of the network."""

    channel: Channel
    chances: dict[tuple[Context, int], tuple[int, int]] = field(default_factory=dict)
    weights: dict[tuple[int, int], Row] = field(default_factory=dict)

    def take(self, number: int, contexts: list[Context], kind: int, told: int, wish: int) -> int:
        """The next decision, of which the network says `told`."""
        names = [((place, *context), number) for place, context in enumerate(contexts)]
        first = self.chances.get(names[0], (1 << 23, 0))
        chances = [first, self.chances.get(names[1], (first[0], 2))]
        weights = self.weights.setdefault((kind, number), list(FIRST_WEIGHTS))
        logits = [*(logit(p >> 12) for p, _ in chances), told]
        total = sum(q * z for q, z in zip(weights, logits, strict=True)) >> 16
        one = frequencies()[clip(total, REACH) + REACH]
        bit = self.channel.bit(one, wish)
        error = (bit << 16) - one
        for k, z in enumerate(logits):
            weights[k] += (error * z + 32768) >> 16
        for name, (p, n) in zip(names, chances, strict=True):
            self.chances[name] = moved(p, n, bit)
        return bit


class Look(NamedTuple):
    """What the network saw of a sample."""

    row: int
    col: int
    inputs: Row
    calm: int
    prediction: int


class NeuralBlock(Walk):
    """A block; `wanted` are centred samples to encode."""

    def __init__(
        self, holes: Holes, model: NeuralModel, channel: Channel, place: Place, wanted: Grid | None
    ) -> None:
        super().__init__(holes, model.others, model.thresholds)
        rows, cols = len(holes), len(holes[0])
        self.network, self.place, self.wanted = model.network, place, wanted
        self.decisions = Decisions(channel)
        self.errors = [[0] * cols for _ in range(rows)]
        self.memory = Memory(cols)
        self.looks: list[Look] = []

    def _finish_row(self) -> None:
        super()._finish_row()
        for col, hole in enumerate(self.holes[self.row]):
            if hole is None:
                self.memory.take(col, self.errors[self.row][col])

    def _foresee(self, row: int, col: int, chosen: int) -> View:
        view = super()._foresee(row, col, chosen)
        assert abs(view.fitted) < 1 << 48
        assert view.activity < 1 << 40
        return replace(view, prediction=clip(view.prediction, 1 << 34))

    def _sample(self, row: int, col: int, chosen: int) -> None:
        view = self._foresee(row, col, chosen)
        mixture = self._mixture(row, col, view) if row else None
        prediction, level = view.prediction, level_of(view.activity >> 3)
        if mixture and not view.level:
            prediction, level = mixture.centre, mixture.level
        fraction, sign = prediction & 15, 1
        if fraction > 8:
            fraction, sign = 16 - fraction, -1
        if view.level:
            contexts, kind = self._level(row, col, level, view.subcontext)[:2], 32 + (level >> 2)
        else:
            contexts, kind = self._rough(row, col, level, fraction, sign)[0:3:2], level >> 2
        wish = self.wanted[row][col] if self.wanted is not None else 0
        near = (prediction >> 4) + (sign < 0)
        sample = self._coded(wish, near, sign, level, contexts, kind, mixture)
        self.errors[row][col] = (sample << 4) - view.prediction
        self._put(row, col, view, sample << 4)

    def _mixture(self, row: int, col: int, view: View) -> Mixture:
        p, calm = view.prediction, view.activity + 36
        inputs = features(
            [self.x(row + down, col + right) for down, right in CELLS],
            [self._error(row + down, col + right) for down, right in CELLS[:ERRORS]],
            p,
            view.fitted,
            view.activity,
            self._around(row, col),
            self.memory.sums(col),
        )
        if self.network.fourier:
            inputs += fourier_inputs(self.place, row, col)
        self.looks.append(Look(row, col, inputs, calm, p))
        return Mixture(self.network.outputs(inputs), p, calm)

    def _error(self, row: int, col: int) -> int:
        return self.errors[row][col] if 0 <= col < len(self.errors[0]) else 0

    def _coded(
        self,
        wish: int,
        near: int,
        sign: int,
        level: int,
        contexts: list[Context],
        kind: int,
        mixture: Mixture | None,
    ) -> int:
        """Section 11.5: a centred sample."""
        channel, take = self.decisions.channel, self.decisions.take
        shift = max((level - 16) >> 2, 0)
        offset = sign * (wish - near)
        side = offset > 0
        away = offset - 1 if side else -offset

        masses = Masses(mixture, near, sign, shift) if mixture else None
        told = ratio(masses.beyond(0), masses.total - masses.beyond(0)) if masses else 0
        far = take(0, contexts, kind, told, int(side))
        bucket = 0
        while bucket < BUCKETS:
            if masses:
                outer = masses.outer(far, 4 * bucket + 4)
                told = ratio(outer, masses.outer(far, 4 * bucket) - outer)
            number = 1 + 20 * far + min(bucket, 18)
            if not take(number, contexts, kind, told, int(away >> shift > bucket)):
                break
            bucket += 1
        distance, opened, q = bucket, shift, 4 * bucket
        if bucket == BUCKETS:
            rest = (away >> shift) - BUCKETS
            length = channel.raw(6, rest.bit_length())
            distance = BUCKETS + min(channel.raw(length, rest), 1 << 32)
        elif masses:
            for wide in (2, 1)[:shift]:
                opened -= 1
                start, middle, end = (masses.outer(far, q + k * wide) for k in range(3))
                one = frequencies()[ratio(middle - end, start - middle) + REACH]
                bit = channel.bit(one, away >> opened & 1)
                distance, q = 2 * distance + bit, q + wide * bit
        distance = (distance << opened) + channel.raw(opened, away & ((1 << opened) - 1))
        return clip(near + sign * (distance + 1) if far else near - sign * distance, LIMIT)


def read_neural(fields: Fields, kind: int, holes: Holes, model: NeuralModel, place: Place) -> Grid:
    """Section 11.1, after the holes: the samples of a block that is not void."""
    return read_block(
        fields,
        kind,
        holes,
        lambda coder, raw: NeuralBlock(holes, model, Source(coder, raw), place, None),
    )


def write_neural(
    wanted: Grid, holes: Holes, model: NeuralModel, place: Place
) -> tuple[Row, Row, list[Look]]:
    """Words of both streams for centred samples, and what the network saw."""
    sink = Sink()
    block = NeuralBlock(holes, model, sink, place, wanted)
    block.decode()
    return sink.coder.words(), sink.uncoded.words(), block.looks
