"""Adaptive coding: what the encoder writes, both decoders read; its parts against plain Python."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import demzip
from demzip.codec import open_bytes
from demzip.codec.grid import GridEncoder
from demzip.entropy.integers import ByteReader
from demzip.errors import CorruptError, DemzipError, UnsupportedError
from demzip.scan.adaptive.block import read_adaptive_block, write_adaptive_block
from demzip.scan.adaptive.contexts.kernels import level_of
from demzip.scan.adaptive.fitting.kernels import solve
from demzip.scan.adaptive.model import AdaptiveModel
from demzip.scan.adaptive.tables import mixing_tables
from demzip.scan.block import make_patch
from tests import terrain
from tests.property.strategies import CONTENTS, numbers
from tests.reference import adaptive as reference
from tests.reference.decoder import decode, read_payload
from tests.reference.fields import RejectError
from tests.unit import make

PATTERN = np.dtype(np.uint64)
Int64Array = NDArray[np.int64]
LIMIT = 1 << 46


@dataclass(frozen=True)
class Case:
    """Samples of a block, codes of its holes, a model."""

    samples: Int64Array
    codes: NDArray[np.uint8] | None
    model: AdaptiveModel

    def payload(self) -> bytes:
        """What the encoder writes."""
        valid = self.samples if self.codes is None else self.samples[self.codes == 0]
        span = (int(valid.min()), int(valid.max())) if valid.size else None
        patch = make_patch(self.samples, self.codes, span)
        return write_adaptive_block(self.codes, np.zeros(0, PATTERN), patch, self.model)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Blocks of up to 20 x 40 samples, and all kinds of models."""
    shape = (draw(st.integers(1, 20)), draw(st.integers(1, 40)))
    seed, width = draw(st.integers(0, 1 << 16)), draw(st.sampled_from([3, 8, 16, 31, 46]))
    samples = numbers(draw(st.sampled_from(CONTENTS)), shape, -(1 << width), 1 << width, seed)
    rng = np.random.default_rng(seed)
    sets = draw(st.sampled_from([1, 1, 3, 8]))
    weights = make.weights(rng, sets, draw(st.sampled_from([30.0, 400.0, 40_000.0])))
    thresholds = np.sort(rng.integers(0, 1 << draw(st.integers(1, 50)), sets - 1))
    codes = None
    if draw(st.sampled_from([False, False, True])):
        codes = terrain.holes(*shape, seed=seed, patches=2).astype(np.uint8)
    return Case(samples, codes, AdaptiveModel(weights, thresholds))


def slow_plane(model: AdaptiveModel) -> Any:
    return make.plane(reference.read_adaptive_model(model.to_bytes()))


def outcome(payload: bytes, case: Case) -> list[list[int]] | None:
    """What both decoders say of a payload; None if they reject it.

    The kernels go on where the reference stops at once (docs/format.md section 8.1).
    """
    rows, cols = case.samples.shape
    try:
        found = read_adaptive_block(payload, (rows, cols), case.model, 1, PATTERN)[0].tolist()
    except DemzipError:
        found = None
    try:
        expected, _ = read_payload(payload, rows, cols, slow_plane(case.model), [])
    except RejectError as error:
        expected = found if error.args == ("a coded stream",) else None
    assert found == expected
    return expected


def check(case: Case) -> bytes:
    """Both decoders give the block back; its payload."""
    payload = case.payload()
    found = outcome(payload, case)
    assert found is not None
    there = np.ones(case.samples.shape, np.bool_) if case.codes is None else case.codes == 0
    assert (np.array(found)[there] == case.samples[there]).all()
    return payload


def plain_case(**changes: Any) -> Case:
    samples = terrain.relief(14, 33, seed=2).astype(np.int64)
    model = AdaptiveModel(make.weights(np.random.default_rng(0)), np.zeros(0, np.int64))
    return replace(Case(samples, None, model), **changes)


@given(cases())
def test_blocks_come_back(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("masked", [False, True])
def test_blocks_of_all_contents(content: str, masked: bool) -> None:
    samples = numbers(content, (23, 50), -LIMIT, LIMIT, 5)
    codes = terrain.holes(23, 50, seed=1).astype(np.uint8) if masked else None
    check(plain_case(samples=samples, codes=codes))


def test_escapes_of_any_length() -> None:
    """Single samples far from all others, up to as far as samples can be."""
    samples = terrain.relief(60, 48, seed=3).astype(np.int64)
    for k in range(46):
        samples[k + 4, (7 * k) % 48] += (-1) ** k << k
    check(plain_case(samples=samples))


def test_room_for_words_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise on calm ground takes more words than are provided at first."""
    monkeypatch.setattr("demzip.scan.adaptive.payload.FIRST_ROOM", -8)
    rng = np.random.default_rng(1)
    check(plain_case(samples=rng.choice([-LIMIT, 0, 1, LIMIT], (90, 20))))


def test_ground_is_followed() -> None:
    """Waves that fixed weights know nothing of cost less than with tables."""
    rows, cols = np.indices((160, 160))
    rng = np.random.default_rng(4)
    ground = 4000 * np.sin(rows * cols / 4000) + rng.normal(0, 1, rows.shape)
    values = np.rint(ground).astype(np.int16)
    plain = demzip.encode(values, predictor="jpeg4")
    assert len(demzip.encode(values, predictor="jpeg4", best=True)) < 0.95 * len(plain)


# ---- parts


def test_tables() -> None:
    logits, frequencies, rates = mixing_tables()
    assert frequencies.tolist() == reference.frequencies()
    assert logits.tolist() == [reference.logit(upper) for upper in range(4096)]
    assert rates.tolist() == [131072 // (2 * n + 3) for n in range(255)]
    assert 0 < frequencies.min() < frequencies.max() < 1 << 16
    assert (np.diff(frequencies) >= 0).all()


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_levels(scale: int) -> None:
    for near in (scale, scale & 1023):
        assert level_of(np.int64(near)) == reference.level_of(near)


@given(st.integers(0, 1 << 32), st.sampled_from([0, 1, 40, 4095]), st.integers(1, 3))
def test_solve(seed: int, largest: int, segments: int) -> None:
    """Moments of random, level and linearly dependent ground."""
    rng = np.random.default_rng(seed)
    past = np.zeros((segments, 27), np.int64)
    sums = []
    for segment in range(segments):
        left = rng.integers(-largest, largest, (6, 400), endpoint=True)
        left[rng.integers(6)] = left[rng.integers(6)]
        right = np.vstack([left // 2, rng.integers(-largest, largest, 400, endpoint=True)])
        products = left @ right.T
        keys = [(i, j) for i in range(6) for j in range(i + 1)] + [(i, 6) for i in range(6)]
        past[segment] = [products[key] for key in keys]
        sums.append({key: int(products[key]) for key in keys})
    for segment in range(segments):
        q = {key: 2 * value for key, value in sums[segment].items()}
        for other in {segment - 1, segment + 1} & set(range(segments)):
            q = {key: value + sums[other][key] for key, value in q.items()}
        weights = np.zeros(6, np.int64)
        scratch = np.zeros((2, 6, 6), np.int64)
        solve(past, segment, *scratch, np.zeros(6, np.int64), weights)
        assert weights.tolist() == reference.solve(q)


@given(st.integers(0, 1 << 32), st.sampled_from([12, 20, 29]))
def test_solve_wraps_alike(seed: int, width: int) -> None:
    """Moments that are no sums of squares, as clipped differences may give."""
    rng = np.random.default_rng(seed)
    past = rng.integers(-(1 << width), 1 << width, (1, 27))
    keys = [(i, j) for i in range(6) for j in range(i + 1)] + [(i, 6) for i in range(6)]
    weights = np.zeros(6, np.int64)
    scratch = np.zeros((2, 6, 6), np.int64)
    solve(past, 0, *scratch, np.zeros(6, np.int64), weights)
    expected = reference.solve(dict(zip(keys, (2 * past[0]).tolist(), strict=True)))
    assert weights.tolist() == expected


def test_solve_finds_the_weights() -> None:
    """Of ground that obeys them."""
    rng = np.random.default_rng(2)
    taps = rng.integers(-1000, 1000, (6, 300))
    truth = np.array([0.5, -0.25, 1.0, 0.0, -0.75, 0.125])
    products = taps @ np.vstack([taps, np.rint(truth @ taps).astype(np.int64)]).T
    past = np.array(
        [[products[i, j] for i in range(6) for j in range(i + 1)] + products[:, 6].tolist()]
    )
    weights = np.zeros(6, np.int64)
    scratch = np.zeros((2, 6, 6), np.int64)
    solve(past, 0, *scratch, np.zeros(6, np.int64), weights)
    assert np.allclose(weights / 65536, truth, atol=0.01)


# ---- the choice of the coder


def test_the_smaller_coder_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    values = terrain.relief(60, 60).astype(np.int16)
    assert isinstance(coder_of(demzip.encode(values, best=True)), AdaptiveModel)
    assert not isinstance(coder_of(demzip.encode(values)), AdaptiveModel)
    monkeypatch.setattr(GridEncoder, "survey_size", lambda *_: 0)
    packed = demzip.encode(values, best=True)
    assert not isinstance(coder_of(packed), AdaptiveModel)
    assert demzip.decode(packed).tobytes() == values.tobytes()


def coder_of(data: bytes) -> object:
    return open_bytes(data).planes[0].model


def test_popularity_is_considered() -> None:
    """Contour lines: most samples are on a few levels, which tables know and chances do not."""
    rng = np.random.default_rng(1)
    ground = terrain.relief(160, 160, noise=3) * 40
    favoured = np.rint(ground / 100).astype(np.int64) * 100
    odd = ground + rng.integers(-50, 50, ground.shape)
    values = np.where(rng.random(ground.shape) < 0.8, favoured, odd).astype(np.int16)
    best, auto = (demzip.encode(values, **kind) for kind in ({"best": True}, {"predictor": "auto"}))
    assert len(best) <= len(auto)


def test_true_floats_are_as_they_were() -> None:
    values = terrain.relief(30, 30) + np.random.default_rng(1).random((30, 30))
    assert demzip.encode(values, best=True, block=512) == demzip.encode(values)


def test_blocks_are_larger() -> None:
    values = np.zeros((2, 2), np.uint8)
    assert open_bytes(demzip.encode(values, best=True)).grid.size == 1216
    assert open_bytes(demzip.encode(values, best=True, block=48)).grid.size == 48


# ---- damaged and forged


@pytest.mark.parametrize("masked", [False, True])
def test_forged_streams_read_alike(masked: bool) -> None:
    """Any words decode to the same samples, or to none, in both decoders."""
    rng = np.random.default_rng(int(masked))
    codes = terrain.holes(14, 33, seed=1).astype(np.uint8) if masked else None
    outcomes = []
    for k in range(60):
        case = plain_case(codes=codes)
        payload = bytearray(case.payload())
        for _ in range(int(rng.choice([1, 3, 40]))):
            payload[int(rng.integers(8, len(payload)))] = int(rng.integers(256))
        if k % 2:
            weights = make.weights(rng, 1, 200_000.0)
            case = plain_case(codes=codes, model=replace(case.model, weights=weights))
        outcomes.append(outcome(bytes(payload), case))
    assert any(result is None for result in outcomes)


def test_streams_that_go_far_wrap_alike() -> None:
    """Escapes of any length take samples out of 64 bits, in both decoders by the same rules."""
    rng = np.random.default_rng(9)
    for _ in range(40):
        case = plain_case(samples=rng.choice([0, LIMIT], (6, 20)))
        payload = case.payload()
        start = len(payload) // 3
        outcome(payload[:start] + rng.bytes(len(payload) - start), case)


@pytest.mark.parametrize(
    "change", ["longer", "shorter", "own weights", "more words", "fewer words", "more bits"]
)
def test_payloads_must_end_in_order(change: str) -> None:
    case = plain_case()
    payload = case.payload()
    reader = ByteReader(payload[1:], "block")
    centre, coded, uncoded = reader.signed(1 << 47), reader.varint(), reader.varint()
    words = payload[-4 * (coded + uncoded) :]
    assert coded > 3
    assert uncoded > 0
    start = bytes([2]) + make.varint(2 * centre if centre >= 0 else -2 * centre - 1)
    middle = 4 * coded
    changed = {
        "longer": payload + b"\0",
        "shorter": payload[:-1],
        "own weights": bytes([payload[0] | 8]) + payload[1:],
        "more words": start + make.varint(coded + 3) + make.varint(uncoded) + words[:middle]
        + bytes(12) + words[middle:],
        "fewer words": start + make.varint(coded - 3) + make.varint(uncoded)
        + words[: middle - 12] + words[middle:],
        "more bits": start + make.varint(coded) + make.varint(uncoded + 1) + words + bytes(4),
    }[change]  # fmt: skip
    assert outcome(changed, case) is None


@pytest.mark.parametrize("steps", [[-1], [1 << 53]])
def test_thresholds_out_of_range(steps: list[int]) -> None:
    weights = make.weights(np.random.default_rng(0), 2)
    data = AdaptiveModel(weights, np.cumsum(steps)).to_bytes()
    with pytest.raises(CorruptError, match="legal range"):
        AdaptiveModel.from_bytes(ByteReader(data, "model"))
    with pytest.raises(RejectError):
        reference.read_adaptive_model(data)


@pytest.mark.parametrize("sets", [0, 9])
def test_number_of_weight_sets(sets: int) -> None:
    data = bytes([sets]) + bytes(40)
    with pytest.raises(CorruptError):
        AdaptiveModel.from_bytes(ByteReader(data, "model"))
    with pytest.raises(RejectError):
        reference.read_adaptive_model(data)


@pytest.mark.parametrize(
    ("values", "coder", "error"),
    [
        (np.arange(6, dtype=np.int16).reshape(2, 3), 2, CorruptError),
        (np.arange(6, dtype=np.int16).reshape(2, 3), 3, UnsupportedError),
        (np.arange(6, dtype=np.int16).reshape(2, 3), 255, UnsupportedError),
        (np.random.default_rng(1).random((9, 9)), 1, CorruptError),
    ],
)
def test_coders_of_a_header(values: NDArray[Any], coder: int, error: type[DemzipError]) -> None:
    decoder = open_bytes(demzip.encode(values))
    section = bytearray(decoder.header.planes[0])
    assert section[2] == 0
    section[2] = coder
    header = replace(decoder.header, planes=(bytes(section),))
    data = make.file(header.to_bytes(), [b"\0"], [0])
    with pytest.raises(error, match="coder"):
        demzip.decode(data)
    with pytest.raises(Exception, match=r"coder"):
        decode(data)
