"""Coded residuals: kernels, reference coder and constriction give the same words and residuals."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.constants import ACTIVITY_LEVELS, CONTEXTS, ESCAPE, LANES, SUBCONTEXTS
from demzip.entropy.popularity import NOT_USED
from demzip.entropy.tables import Table, compile_tables, side_tokens
from demzip.errors import CorruptError
from demzip.scan import decoding, encoding
from demzip.scan.block import make_patch, read_block, write_block
from demzip.scan.measuring import Measurement
from demzip.scan.workspace import NO_HOLES, Workspace
from tests import terrain
from tests.reference import coder as reference
from tests.reference import decoder as reference_decoder
from tests.reference.fields import RejectError
from tests.unit import make

NO_THRESHOLDS = np.zeros(0, np.int64)
STATES = ACTIVITY_LEVELS * SUBCONTEXTS


def counterpart(table: Table) -> reference.Table:
    return reference.Table(table.shift, table.first, list(table.levels), table.escape)


def measurement(
    residuals: NDArray[np.int64], states: NDArray[np.uint16], mask: NDArray[np.uint8] | None
) -> Measurement:
    work = Workspace.allocate(1, 1, np.int64)
    return Measurement(residuals, states, NO_HOLES if mask is None else mask, work)


def encode(
    found: Measurement, tables: list[Table], of_state: NDArray[np.uint8]
) -> encoding.Streams:
    """Streams without popularity, for which samples do not matter."""
    nothing = np.zeros_like(found.residuals)
    compiled = compile_tables(tuple(tables))
    return encoding.encode_residuals(found, nothing, 0, NOT_USED, of_state, compiled)


def reference_streams(
    found: Measurement, tables: list[Table], of_state: NDArray[np.uint8], lanes: int
) -> list[tuple[list[int], list[int]]]:
    slow = [counterpart(table) for table in tables]
    rows, cols = found.residuals.shape
    streams = []
    for lane in range(lanes):
        coded = [
            (int(found.residuals[row, col]), slow[of_state[found.states[row, col]]], 0)
            for row in range(lane, rows, lanes)
            for col in range(cols)
            if not (found.holes.size and found.holes[row, col])
        ]
        streams.append(reference.encode_stream(coded))
    return streams


def random_residuals(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Mostly small, some as large as they get."""
    residuals = np.rint(8 * rng.standard_normal(shape)).astype(np.int64)
    rare = rng.random(shape) < 0.03
    large = rng.integers(-(1 << 53), 1 << 53, shape) >> rng.integers(0, 53, shape)
    return np.where(rare, large, residuals)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 7, 12])
@pytest.mark.parametrize("lanes", [1, LANES])
@pytest.mark.parametrize("masked", [False, True])
def test_words_are_those_of_the_reference(
    monkeypatch: pytest.MonkeyPatch, rows: int, lanes: int, masked: bool
) -> None:
    monkeypatch.setattr(encoding, "LANES_MIN_SAMPLES", 0 if lanes == LANES else 1 << 30)
    rng = np.random.default_rng([rows, lanes, masked])
    shape = (rows, 57)
    tables = [make.table(rng, full=k % 3 > 0) for k in range(9)] + [Table(0, 0, (), 60)]
    of_state = rng.integers(0, len(tables), STATES).astype(np.uint8)
    mask = terrain.holes(*shape, seed=rows) if masked else None
    states = rng.integers(0, STATES, shape).astype(np.uint16)
    found = measurement(random_residuals(rng, shape), states, mask)
    streams = encode(found, tables, of_state)
    slow = reference_streams(found, tables, of_state, lanes)
    assert [words.tolist() for words in streams.coded] == [words for words, _ in slow]
    assert [words.tolist() for words in streams.uncoded] == [bits for _, bits in slow]


@pytest.mark.parametrize("certain", [0, 111])
def test_carries(certain: int) -> None:
    """Streams of almost certain symbols at either end of a table: carries run over many words."""
    levels = [1] * 112
    levels[certain] = 60
    table = Table(0, 0, tuple(levels), 60 if certain else 1)
    first, _ = reference.span_of(certain)
    rng = np.random.default_rng(certain)
    residuals = np.full((1, 9000), first)
    rare = rng.random(9000) < 0.004
    residuals[0, rare] = rng.integers(-512, 512, int(rare.sum()))
    residuals[0, 4500:] = 600  # escapes, the last symbol
    states = np.zeros(residuals.shape, np.uint16)
    found = measurement(residuals, states, None)
    of_state = np.zeros(STATES, np.uint8)
    streams = encode(found, [table], of_state)
    assert (streams.coded[0].tolist(), streams.uncoded[0].tolist()) == reference_streams(
        found, [table], of_state, 1
    )[0]


@pytest.mark.parametrize("shape", [(130, 127), (40, 60)])
def test_constriction_decodes_the_words(shape: tuple[int, int]) -> None:
    queue = pytest.importorskip("constriction").stream.queue
    categorical = pytest.importorskip("constriction").stream.model.Categorical
    rng = np.random.default_rng(4)
    samples = terrain.relief(*shape, seed=1)
    model = make.model(rng, make.weights(rng), np.zeros(0, np.int64))
    found = make.fit_of(model).measure(made_patch(samples, None)[0])
    streams = encode(found, list(model.tables), model.table_of_state)
    presents, models = [], []
    for table in model.tables:
        chances = table.frequencies() << 12
        present = np.flatnonzero(chances)
        presents.append(np.append(table.first + np.arange(len(table.levels)), ESCAPE)[present])
        models.append(categorical((chances[present] - 1).astype(np.float64), perfect=False))
    tokens = side_tokens()
    for lane, words in enumerate(streams.coded):
        coder = queue.RangeDecoder(words)
        for row in range(lane, shape[0], len(streams.coded)):
            for col in range(shape[1]):
                number = model.table_of_state[found.states[row, col]]
                symbol = presents[number][coder.decode(models[number])]
                quotient = int(found.residuals[row, col]) >> model.tables[number].shift
                if symbol == ESCAPE:
                    continue
                token = tokens[quotient] if quotient >= 0 else tokens[~quotient]
                assert symbol == (56 + token if quotient >= 0 else 55 - token)


def made_patch(samples: NDArray[np.int64], mask: NDArray[np.uint8] | None) -> tuple[Any, int]:
    found = make_patch(samples, mask)
    assert found is not None
    return found


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("shape", [(4, 113), (5, 128), (6, 129), (7, 144), (8, 150), (11, 161)])
def test_lockstep_serial_and_reference_decoders_agree(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], wide: bool
) -> None:
    """Blocks of four streams, made small by moving the limit from which on blocks have four."""
    monkeypatch.setattr(encoding, "LANES_MIN_SAMPLES", 0)
    monkeypatch.setattr(reference_decoder, "FOUR_STREAMS", 0)
    calls = []
    fast = vars(decoding)["decode_block"]

    def counted(*arguments: object) -> None:
        calls.append(len(arguments))
        fast(*arguments)

    monkeypatch.setattr(decoding, "decode_block", counted)
    rng = np.random.default_rng(shape)
    samples = terrain.relief(*shape, seed=shape[1]) * ((1 << 33) + 1 if wide else 1) + 77
    model = make.model(rng, make.weights(rng, 3), np.array([9, 90]) << (33 if wide else 0))
    payload = round_trip(samples, None, model)
    assert len(calls) == 1
    monkeypatch.setattr(decoding, "MIN_SEGMENTS", 1 << 20)
    np.testing.assert_array_equal(read(payload, shape, model)[0], samples)
    assert len(calls) == 1


@pytest.mark.parametrize("four", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("popular", [False, True])
@pytest.mark.parametrize("cols", [1, 2, 3, 5, 16, 17, 40, 120])
def test_blocks_decode(
    monkeypatch: pytest.MonkeyPatch, cols: int, masked: bool, four: bool, popular: bool
) -> None:
    if four:
        monkeypatch.setattr(encoding, "LANES_MIN_SAMPLES", 0)
        monkeypatch.setattr(reference_decoder, "FOUR_STREAMS", 0)
    rng = np.random.default_rng(cols)
    for rows in (1, 2, 3, 9):
        samples = terrain.relief(rows, cols, seed=cols + rows) - 5000
        samples[0, 0] += 1  # never constant
        mask = terrain.holes(rows, cols, cols, patches=1) if masked else None
        if mask is not None:
            mask[0, 0] = 0
        model = make.model(rng, make.weights(rng, 2), np.array([30]), shift=rows % 3)
        if popular:
            model = replace(model, popularity=make.popularity(rng, samples))
        round_trip(samples, mask, model)


def round_trip(samples: NDArray[np.int64], mask: NDArray[np.uint8] | None, model: Any) -> bytes:
    """Write a block, read it with the package and with the reference, give the payload."""
    made = made_patch(samples, mask)
    found = make.fit_of(model).measure(made[0]) if made[0].bound else None
    payload = write(mask, made, found, model)
    back, holes, _ = read(payload, samples.shape, model)
    rows, cols = samples.shape
    slow, slow_holes = reference_decoder.read_payload(
        payload, rows, cols, make.plane(make.counterpart(model)), []
    )
    valid = np.ones(samples.shape, np.bool_) if mask is None else mask == 0
    np.testing.assert_array_equal(back[valid], samples[valid])
    np.testing.assert_array_equal(back, np.array(slow))
    if mask is None:
        assert holes is None
        assert slow_holes is None
    else:
        np.testing.assert_array_equal(holes, mask)
        assert slow_holes is not None
        assert [[hole is not None for hole in row] for row in slow_holes] == mask.tolist()
    return payload


def write(
    codes: NDArray[np.uint8] | None, made: tuple[Any, int], found: Measurement | None, model: Any
) -> bytes:
    """A block whose holes all have code 1."""
    measured = None if found is None else (found, None)
    return write_block(codes, np.zeros(0, np.uint64), made, measured, model)


def read(payload: bytes, shape: tuple[int, int], model: Any) -> tuple[Any, Any, Any]:
    """A block of an int64 plane with one fill."""
    return read_block(payload, shape, model, 1, np.dtype(np.uint64))


@pytest.mark.parametrize("lanes", [1, LANES])
def test_popular_words_are_those_of_the_reference(
    monkeypatch: pytest.MonkeyPatch, lanes: int
) -> None:
    """Levels of very different masses, gaps between them, and spans that reach beyond the list."""
    monkeypatch.setattr(encoding, "LANES_MIN_SAMPLES", 0 if lanes == LANES else 1 << 30)
    rng = np.random.default_rng(lanes)
    samples = np.rint(40 * rng.standard_normal((9, 60))).astype(np.int64)
    model = make.model(rng, make.weights(rng), np.zeros(0, np.int64))
    model = replace(model, popularity=make.popularity(rng, samples))
    patch, centre = made_patch(samples, None)
    found = make.fit_of(model).measure(patch)
    streams = encoding.encode_residuals(
        found, patch.samples, centre, model.popularity, model.table_of_state, model.compiled
    )
    slow = make.counterpart(model)
    for lane in range(lanes):
        coded = [
            (
                int(found.residuals[row, col]),
                slow.tables[model.table_of_state[found.states[row, col]]],
                int(samples[row, col]),
            )
            for row in range(lane, 9, lanes)
            for col in range(60)
        ]
        expected = reference.encode_stream(coded, slow.popularity)
        assert (streams.coded[lane].tolist(), streams.uncoded[lane].tolist()) == expected


@pytest.mark.parametrize("change", ["more words", "fewer words", "noise"])
def test_streams_must_end_where_the_samples_do(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    samples = terrain.relief(30, 40)
    model = make.model(rng, make.weights(rng), np.zeros(0, np.int64))
    patch, centre = made_patch(samples, None)
    found = make.fit_of(model).measure(patch)
    streams = encode(found, list(model.tables), model.table_of_state)
    words = streams.coded[0]
    if change == "more words":
        words = np.append(words, np.array([1, 2, 3], np.uint32))
    elif change == "fewer words":
        words = words[:-3]
    else:
        words = rng.integers(0, 1 << 32, words.size // 2, dtype=np.uint32)
    changed = encoding.Streams([words], streams.uncoded)
    monkeypatch.setattr("demzip.scan.block.encode_residuals", lambda *_: changed)
    payload = write(None, (patch, centre), found, model)
    with pytest.raises(CorruptError, match=r"stream|bound"):
        read(payload, samples.shape, model)


def test_how_many_words_a_stream_may_have() -> None:
    """Words of zeros decode to zeros, however many there are: only their number can be wrong."""
    model = replace(
        make.model(np.random.default_rng(0), make.weights(np.random.default_rng(0)), NO_THRESHOLDS),
        table_of_context=np.zeros(CONTEXTS, np.int64),
        tables=(Table(0, 56, (56,), 56),),  # residual 0 or the escape, a bit each
    )
    slow = make.plane(make.counterpart(model))
    accepted = []
    for coded in range(20):
        for uncoded in (0, 1):
            payload = bytes([2, 0, 5, coded, uncoded]) + bytes(4 * (coded + uncoded))
            try:
                reference_decoder.read_payload(payload, 20, 20, slow, [])
            except RejectError:
                with pytest.raises(CorruptError, match="does not end"):
                    read(payload, (20, 20), model)
                continue
            assert not read(payload, (20, 20), model)[0].any()
            accepted.append((coded, uncoded))
    assert accepted == [(12, 0), (13, 0), (14, 0)]
