"""Neural coding of blocks: encoder and decoder against those of plain Python."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from demzip.errors import DemzipError
from demzip.scan.block import make_patch
from demzip.scan.neural.block import read_neural_block, write_neural_block
from demzip.scan.neural.model import NeuralModel
from demzip.scan.neural.network import Place
from demzip.scan.neural.shipped import shipped
from tests import terrain
from tests.property.strategies import CONTENTS, numbers
from tests.reference import neural as parts
from tests.reference import neural_block as reference
from tests.reference.decoder import read_payload
from tests.reference.fields import Fields, RejectError, unfold
from tests.unit import make

PATTERN = np.dtype(np.uint64)
LIMIT = 1 << 30
Int64Array = NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """Samples of a block, codes of its holes, a model, where the block lies."""

    samples: Int64Array
    codes: NDArray[np.uint8] | None
    model: NeuralModel
    place: Place | None = None

    @property
    def where(self) -> Place:
        """Its place, or that of a raster of its own."""
        return self.place or Place(0, 0, *self.samples.shape)

    def payload(self) -> bytes:
        """What the encoder writes."""
        valid = self.samples if self.codes is None else self.samples[self.codes == 0]
        span = (int(valid.min()), int(valid.max())) if valid.size else None
        patch = make_patch(self.samples, self.codes, span)
        return write_neural_block(self.codes, np.zeros(0, PATTERN), patch, self.model, self.where)


def slow_model(model: NeuralModel) -> reference.NeuralModel:
    return reference.read_neural_model(model.to_bytes())


def outcome(payload: bytes, case: Case) -> list[list[int]] | None:
    """What both decoders say of a payload; None if they reject it.

    The kernels go on where the reference stops at once (docs/format.md section 8.1).
    """
    rows, cols = case.samples.shape
    try:
        found = read_neural_block(payload, (rows, cols), case.model, 1, PATTERN, case.where)
        samples = found[0].tolist()
    except DemzipError:
        samples = None
    try:
        plane, place = make.plane(slow_model(case.model)), parts.Place(*case.where)
        expected, _ = read_payload(payload, rows, cols, plane, [], place)
    except RejectError as error:
        expected = samples if error.args == ("a coded stream",) else None
    assert samples == expected
    return expected


def check(case: Case) -> None:
    """Both encoders write the same words, from which both decoders give the block back."""
    payload = case.payload()
    found = outcome(payload, case)
    assert found is not None
    there = np.ones(case.samples.shape, np.bool_) if case.codes is None else case.codes == 0
    assert (np.array(found)[there] == case.samples[there]).all()
    if payload[0] & 3 == 2:
        check_words(payload, case)


def check_words(payload: bytes, case: Case) -> None:
    """Of a coded block, or what follows its mask."""
    fields = Fields(payload[1:])
    if payload[0] & 4:
        fields.words(fields.varint())
    centre = unfold(fields.varint())
    counts = fields.varint(), fields.varint()
    words, raw = (fields.words(count) for count in counts)
    holes = [[None] * case.samples.shape[1] for _ in case.samples]
    if case.codes is not None:
        holes = [[b"" if code else None for code in row] for row in case.codes.tolist()]
    expected = reference.write_neural(
        (case.samples - centre).tolist(), holes, slow_model(case.model), parts.Place(*case.where)
    )
    assert (words, raw) == expected[:2]


def plain_case(**changes: Any) -> Case:
    rng = np.random.default_rng(0)
    samples = terrain.relief(14, 33, seed=2).astype(np.int64)
    model = NeuralModel(make.weights(rng), np.zeros(0, np.int64), 0, make.network(rng))
    return replace(Case(samples, None, model), **changes)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Blocks of up to 12 x 34 samples, and all kinds of models."""
    shape = (draw(st.integers(1, 12)), draw(st.integers(1, 34)))
    seed, width = draw(st.integers(0, 1 << 16)), draw(st.sampled_from([3, 8, 16, 29]))
    samples = numbers(draw(st.sampled_from(CONTENTS)), shape, -(1 << width), 1 << width, seed)
    rng = np.random.default_rng(seed)
    sets = draw(st.sampled_from([1, 1, 3]))
    weights = make.weights(rng, sets, draw(st.sampled_from([30.0, 400.0, 40_000.0])))
    thresholds = np.sort(rng.integers(0, 1 << draw(st.integers(1, 40)), sets - 1))
    codes = None
    if draw(st.sampled_from([False, False, True])):
        codes = terrain.holes(*shape, seed=seed, patches=2).astype(np.uint8)
    widths = draw(st.sampled_from([(16, 16), (16, 48), (32, 16)]))
    network = make.network(
        rng, widths, fourier=draw(st.booleans()), spread=draw(st.sampled_from([30, 300, 3000]))
    )
    place = Place(*rng.integers(0, 900, 2).tolist(), 1000, 917)
    return Case(samples, codes, NeuralModel(weights, thresholds, 0, network), place)


@given(cases())
def test_blocks_come_back(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("masked", [False, True])
def test_blocks_of_all_contents(content: str, masked: bool) -> None:
    """With samples as far apart as they may be."""
    samples = numbers(content, (23, 50), -LIMIT, LIMIT, 5)
    codes = terrain.holes(23, 50, seed=1).astype(np.uint8) if masked else None
    check(plain_case(samples=samples, codes=codes))


@pytest.mark.parametrize("widths", [(16, 112), (112, 16), (64, 32), (80, 96)])
def test_networks_of_all_widths(widths: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(widths))
    samples = terrain.relief(6, 20, seed=2).astype(np.int64)
    network = make.network(rng, widths, fourier=widths[0] > 100)
    model = NeuralModel(make.weights(rng), np.zeros(0, np.int64), 0, network)
    check(plain_case(samples=samples, model=model))


@pytest.mark.parametrize("spread", [0, 1_000_000])
def test_weights_at_their_limits(spread: int) -> None:
    """Nothing overflows where every weight is -8191 or 8191, or where all are 0."""
    rng = np.random.default_rng(3)
    network = make.network(rng, (112, 112), fourier=True, spread=spread)
    weights = rng.choice([-1 << 20, 1 << 20], (1, 24))
    weights[0, 21] += 4096 - weights.sum()
    model = NeuralModel(weights, np.zeros(0, np.int64), 0, network)
    samples = rng.choice([-LIMIT, LIMIT, 0, 1], (9, 21))
    check(plain_case(samples=samples, model=model))


def test_shipped_network() -> None:
    rng = np.random.default_rng(0)
    model = NeuralModel(make.weights(rng), np.zeros(0, np.int64), 1, shipped(1))
    check(plain_case(model=model))


def test_small_changes_of_the_shipped_network() -> None:
    rng = np.random.default_rng(0)
    base = shipped(1)
    layers = tuple(
        (np.clip(w + 16 * rng.integers(-9, 10, w.shape), -8191, 8191) // 16 * 16 + w % 16, b)
        for w, b in base.layers
    )
    legal = tuple(
        (np.where(abs(w) > 8191, base.layers[k][0], w), b) for k, (w, b) in enumerate(layers)
    )
    model = NeuralModel(make.weights(rng), np.zeros(0, np.int64), 1, replace(base, layers=legal), 4)
    check(plain_case(model=model))


def test_escapes_of_any_length() -> None:
    """Single samples far from all others."""
    samples = terrain.relief(40, 48, seed=3).astype(np.int64)
    for k in range(30):
        samples[k + 4, (7 * k) % 48] += (-1) ** k << k
    check(plain_case(samples=samples))


@pytest.mark.parametrize("masked", [False, True])
def test_forged_streams_read_alike(masked: bool) -> None:
    """Any words decode to the same samples, or to none, in both decoders."""
    rng = np.random.default_rng(int(masked))
    codes = terrain.holes(14, 33, seed=1).astype(np.uint8) if masked else None
    case = plain_case(codes=codes)
    written = case.payload()
    outcomes = []
    for _ in range(14):
        payload = bytearray(written)
        for _ in range(int(rng.choice([1, 3, 40]))):
            payload[int(rng.integers(8, len(payload)))] = int(rng.integers(256))
        outcomes.append(outcome(bytes(payload), case))
    assert any(result is None for result in outcomes)


def test_streams_that_go_far_are_clipped_alike() -> None:
    """Escapes of any length: samples stay within their limit, in both decoders."""
    rng = np.random.default_rng(9)
    for _ in range(40):
        case = plain_case(samples=rng.choice([0, LIMIT], (6, 20)))
        payload = case.payload()
        start = len(payload) // 3
        outcome(payload[:start] + rng.bytes(len(payload) - start), case)
