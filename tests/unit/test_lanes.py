"""Coded residuals: kernels and reference give the same states, half words and samples."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.constants import ACTIVITY_LEVELS, ESCAPE, SUBCONTEXTS
from demzip.entropy.popularity import NOT_USED, Popularity
from demzip.entropy.tables import Table, compile_tables
from demzip.errors import CorruptError
from demzip.predict.lagrange import fits_int32
from demzip.scan import decoding, encoding
from demzip.scan.block import make_patch, read_block, write_block
from demzip.scan.measuring import Measurement
from demzip.scan.model import Model
from demzip.scan.survey import Fit, Patch
from demzip.scan.workspace import NO_HOLES, Workspace, shift_within
from tests import terrain
from tests.reference import decoder, lanes
from tests.reference.fields import RejectError
from tests.reference.tables import Popularity as SlowPopularity
from tests.reference.tables import Table as SlowTable
from tests.unit import make

Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]

STATES = ACTIVITY_LEVELS * SUBCONTEXTS
# Beside where lanes, segments of a window and periods begin and end.
SHAPES = [
    (1, 57), (2, 57), (3, 13), (16, 7), (17, 5), (18, 1), (33, 6), (18, 266), (18, 267),
]  # fmt: skip
NO_THRESHOLDS = np.zeros(0, np.int64)


def measurement(
    residuals: Int64Array, states: NDArray[np.uint16], mask: UInt8Array | None, dtype: type[Any]
) -> Measurement:
    """Residuals that no samples are behind."""
    rows, cols = residuals.shape
    flat = np.append(residuals, np.zeros(16)).astype(dtype)
    flat[: residuals.size] = residuals.ravel()
    return Measurement(
        flat, np.append(states, np.zeros(16)).astype(np.uint16),
        NO_HOLES if mask is None else mask, Workspace.allocate(rows, cols, dtype),
    )  # fmt: skip


def slow_steps(
    found: Measurement, samples: Int64Array, tables: list[SlowTable], of_state: UInt8Array
) -> list[list[lanes.Coded]]:
    """The block as the reference encodes it."""
    return [
        [
            lanes.Coded(
                lane, tables[of_state[found.states[row, col]]], int(found.residuals[row, col]),
                int(samples[row, col]),
            )
            for lane, row, col in cells
            if not (found.holes.size and found.holes[row, col])
        ]
        for cells in lanes.steps_of(*found.residuals.shape)
    ]  # fmt: skip


def same_words(
    found: Measurement,
    samples: Int64Array,
    tables: list[Table],
    of_state: UInt8Array,
    popularity: Popularity = NOT_USED,
    slow: SlowPopularity | None = None,
) -> list[list[lanes.Coded]]:
    """Check the kernels' states and half words; the reference's steps."""
    found.workspace.interior[:] = samples
    stream = encoding.encode_residuals(
        found, 0, popularity, of_state, compile_tables(tuple(tables))
    )
    counterparts = [SlowTable(t.shift, t.first, list(t.levels), t.escape) for t in tables]
    steps = slow_steps(found, samples, counterparts, of_state)
    states, words = lanes.encode(steps, lanes.lane_count(samples.shape[0]), slow)
    assert stream.states.tolist() == states
    assert stream.words.tolist() == words
    return steps


def random_residuals(
    rng: np.random.Generator, shape: tuple[int, int], digits: int
) -> Int64Array:
    """Half of them small, the others with up to so many binary digits."""
    small = np.rint(8 * rng.standard_normal(shape)).astype(np.int64)
    large = rng.integers(-(1 << digits), 1 << digits, shape) >> rng.integers(0, digits, shape)
    return np.where(rng.random(shape) < 0.5, large, small)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("dtype", "digits"), [(np.int32, 31), (np.int64, 53)])
@pytest.mark.parametrize("masked", [False, True])
def test_words_are_those_of_the_reference(
    shape: tuple[int, int], dtype: type[Any], digits: int, masked: bool
) -> None:
    rng = np.random.default_rng([*shape, digits, masked])
    tables = [make.table(rng, full=k % 3 > 0) for k in range(12)]
    tables += [replace(tables[1], shift=s) for s in (11, 16, 21)] + [Table(0, 0, (), 60)]
    tables[: shape[0] % 5] = [replace(t, shift=0) for t in tables[: shape[0] % 5]]
    of_state = rng.integers(0, len(tables), STATES + 3).astype(np.uint8)
    mask = terrain.holes(*shape, seed=shape[0]) if masked else None
    states = rng.integers(0, STATES, shape).astype(np.uint16)
    found = measurement(random_residuals(rng, shape, digits), states, mask, dtype)
    steps = same_words(found, np.zeros(shape, np.int64), tables, of_state)
    coded = [one for step in steps for one in step]
    if len(coded) > 1000:
        assert max(one.low[1] for one in coded) > 16
        longest = max(abs(one.residual) for one in coded if one.symbol == ESCAPE)
        assert longest >= 1 << (digits - 2)


@pytest.mark.parametrize("shape", [(1, 60), (2, 31), (19, 40)])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_popular_words_are_those_of_the_reference(
    shape: tuple[int, int], dtype: type[Any]
) -> None:
    """Levels of very different masses, gaps between them, and spans that reach beyond the list."""
    rng = np.random.default_rng(shape)
    samples = np.rint(300 * rng.standard_normal(shape)).astype(np.int64)
    tables = [make.table(rng, full=True) for _ in range(6)] + [make.table(rng)]
    of_state = rng.integers(0, len(tables), STATES + 3).astype(np.uint8)
    states = rng.integers(0, STATES, shape).astype(np.uint16)
    residuals = np.rint(40 * rng.standard_normal(shape)).astype(np.int64)
    found = measurement(residuals, states, terrain.holes(*shape, 1), dtype)
    popularity = make.popularity(rng, samples)
    slow = SlowPopularity(popularity.first, popularity.classes.tolist())
    same_words(found, samples, tables, of_state, popularity, slow)


# ---- blocks


def made_patch(samples: Int64Array, mask: UInt8Array | None) -> Patch:
    valid = samples if mask is None else samples[mask == 0]
    found = make_patch(samples, mask, (int(valid.min()), int(valid.max())))
    assert found is not None
    return found


def round_trip(
    samples: Int64Array, mask: UInt8Array | None, model: Model, own: Fit | None = None
) -> bytes:
    """Write a block, read it with the package and with the reference; the payload."""
    made = made_patch(samples, mask)
    fit = own or make.fit_of(model)
    measured = (fit.measure(made), own) if made.bound else None
    payload = write_block(mask, np.zeros(0, np.uint64), made, measured, model)
    back, holes, _ = read(payload, samples.shape, model)
    slow, slow_holes = read_slowly(payload, samples.shape, model)
    valid = np.ones(samples.shape, np.bool_) if mask is None else mask == 0
    np.testing.assert_array_equal(back[valid], samples[valid])
    assert back.tolist() == slow
    if mask is None:
        assert holes is None
        assert slow_holes is None
    else:
        np.testing.assert_array_equal(holes, mask)
        assert [[hole is not None for hole in row] for row in slow_holes] == mask.tolist()
    return payload


def read(payload: bytes, shape: tuple[int, ...], model: Model) -> tuple[Any, Any, Any]:
    """A block of an int64 plane with one fill."""
    samples, span, holes, explicit = read_block(
        payload, (shape[0], shape[1]), model, 1, np.dtype(np.uint64), np.dtype(np.int64)
    )
    assert span == (samples.min(), samples.max())
    return samples, holes, explicit


def read_slowly(payload: bytes, shape: tuple[int, ...], model: Model) -> tuple[Any, Any]:
    """The same by the reference."""
    plane = make.plane(make.counterpart(model))
    return decoder.read_payload(payload, shape[0], shape[1], plane, [])


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("popular", [False, True])
@pytest.mark.parametrize("cols", [1, 2, 3, 5, 6, 7, 13, 16, 17, 40])
def test_blocks_decode(cols: int, masked: bool, popular: bool) -> None:
    rng = np.random.default_rng(cols)
    for rows in (1, 2, 3, 5, 17, 18):
        samples = terrain.relief(rows, cols, seed=cols + rows) - 5000
        samples[0, 0] += 1  # never constant
        mask = terrain.holes(rows, cols, cols, patches=1) if masked else None
        if mask is not None:
            mask[0, 0] = 0
        model = make.model(rng, make.weights(rng, 2), np.array([30]), shift=rows % 3)
        plain = rows % 6  # tables without shift: none, some first ones, all
        tables = [replace(t, shift=0) for t in model.tables[:plain]]
        model = replace(model, tables=(*tables, *model.tables[plain:]))
        if popular:
            model = replace(model, popularity=make.popularity(rng, samples))
        if rows % 2:
            model = replace(model, offsets=make.offsets(rng))
        round_trip(samples, mask, model)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("offset", [False, True])
@pytest.mark.parametrize("shape", [(17, 144), (34, 50), (19, 266), (18, 267), (50, 13)], ids=str)
def test_blocks_of_several_sets(
    shape: tuple[int, int], offset: bool, wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With holes and own weights; what 32 bits give, 64 bits give, too."""
    rng = np.random.default_rng(shape)
    samples = terrain.relief(*shape, seed=shape[1])
    samples[:, : shape[1] // 3] //= 16  # calm ground, some of it level
    samples = samples * ((1 << 33) + 1 if wide else 1) + 77
    thresholds = np.array([9, 90]) << (33 if wide else 0)
    model = make.model(rng, make.weights(rng, 3), thresholds)
    if offset:
        model = replace(model, offsets=make.offsets(rng))
    own = replace(make.fit_of(model), weights=make.weights(rng, 3))
    for mask, fit in ((None, None), (terrain.holes(*shape, 3), own)):
        payload = round_trip(samples, mask, model, fit)
        assert bool(payload[0] & 8) == (fit is not None)
        expected, _, _ = read(payload, shape, model)
        with monkeypatch.context() as patched:
            patched.setattr(decoding, "fits_int32", lambda *_: False)
            np.testing.assert_array_equal(read(payload, shape, model)[0], expected)


@pytest.mark.parametrize("spread", [0, 12, 20, 24, 31, 46])
def test_coarse_noise(spread: int) -> None:
    """Low bits of up to 26, and escapes of up to 50."""
    rng = np.random.default_rng(spread)
    samples = rng.integers(0, 2 << spread, (19, 23))
    tables = tuple(Table(shift, 0, (30,) * 112, 20) for shift in (0, 3, 11, 12, 20, 21))
    model = make.model(rng, make.weights(rng), NO_THRESHOLDS, shift=max(spread - 4, 0), tables=6)
    round_trip(samples, None, replace(model, tables=tables))


@pytest.mark.parametrize("bound", [(1 << 15) - 1, 1 << 15])
@pytest.mark.parametrize("masked", [False, True])
def test_limits_of_16_bits(bound: int, masked: bool) -> None:
    """The largest samples and weights that are taken in pairs, and larger ones."""
    rng = np.random.default_rng(bound)
    samples = rng.choice([-bound, bound, 0, 1 - bound], (19, 40))
    weights = make.weights(rng, 2, 100.0)
    weights[0, 3:5] += [28000, -28000]
    weights[1, 9], weights[1, make.W] = weights[1, 9] - 28000, weights[1, make.W] + 28000
    assert fits_int32(weights, bound)
    mask = terrain.holes(19, 40, 2) if masked else None
    assert made_patch(samples, mask).bound == bound
    round_trip(samples, mask, make.model(rng, weights, np.array([bound]), shift=8))


@pytest.mark.parametrize("shift", [31, 32, 36, 48])
def test_calm_blocks_of_rough_rasters(shift: int) -> None:
    """What a vector of 32 bits, shifted by 32 or more, holds differs from machine to machine."""
    assert shift_within(shift, np.int32) == 31
    assert shift_within(shift, np.int64) == shift
    rng = np.random.default_rng(shift)
    model = make.model(rng, make.weights(rng), NO_THRESHOLDS, shift=shift)
    round_trip(terrain.relief(18, 30), None, model)


@pytest.mark.parametrize("seed", range(3))
def test_largest_activities(seed: int) -> None:
    """Samples, weights and thresholds at the limits of a legal file."""
    rng = np.random.default_rng(seed)
    samples = rng.integers(-(1 << 46), 1 << 46, (19, 40))
    weights = rng.integers(-(1 << 20), (1 << 20) + 1, (4, 24))
    weights[:, make.W] += 4096 - weights.sum(axis=1)
    thresholds = np.cumsum([(1 << 53) - 1, 1 << 51, 1 << 52])
    model = make.model(rng, weights, thresholds, shift=48)
    model = replace(model, offsets=make.offsets(rng))
    round_trip(samples, None, model)
    surface = decoder.Surface(19, 40, weights.tolist(), thresholds.tolist())
    found = make.fit_of(model).measure(made_patch(samples, None))
    surface.x = found.workspace.interior.tolist()
    surface.m = np.abs(found.residuals).tolist()
    chosen = {surface.set_of_segment(row, col) for row in range(3, 19) for col in (0, 16, 32)}
    assert len(chosen) > 2


# ---- damage


def some_block(rows: int = 30, cols: int = 40) -> tuple[bytes, Model, int]:
    """A payload, its model, and where its states begin."""
    rng = np.random.default_rng(rows)
    model = make.model(rng, make.weights(rng), NO_THRESHOLDS)
    payload = round_trip(terrain.relief(rows, cols), None, model)
    return payload, model, 3  # kind, centre and bound are a byte each


def rejected(payload: bytes, shape: tuple[int, int], model: Model, match: str) -> None:
    with pytest.raises(CorruptError, match=match):
        read(payload, shape, model)
    with pytest.raises(RejectError):
        read_slowly(payload, shape, model)


END = "do not end with its last sample"


def test_every_lane_has_a_state() -> None:
    for rows, count in ((1, 1), (2, 1), (3, 2), (16, 15), (17, 16), (18, 16)):
        payload, model, start = some_block(rows, 9)
        end = start + 4 * count
        assert (np.frombuffer(payload[start:end], "<u4") >= 1 << 16).all()
        for size in range(start, end):
            rejected(payload[:size], (rows, 9), model, "ends early|too short|missing|left")
        for lane in range(count):
            at = start + 4 * lane
            for low in (b"\0\0\0\0", b"\xff\xff\0\0"):
                damaged = payload[:at] + low + payload[at + 4 :]
                rejected(damaged, (rows, 9), model, "state of a lane")


def test_words_must_end_where_the_samples_do() -> None:
    payload, model, start = some_block()
    words = start + 4 * 16
    assert len(payload) > words + 100
    shape = (30, 40)
    rejected(payload + b"\0", shape, model, "middle of a word")
    rejected(payload[:-1], shape, model, "middle of a word")
    for tail in (b"\0\0", b"\1\2", bytes(2000)):
        rejected(payload + tail, shape, model, END)
    for size in range(words, len(payload), 50):
        rejected(payload[:size], shape, model, END)
    noise = np.random.default_rng(1).bytes(len(payload) - words)
    rejected(payload[:words] + noise, shape, model, f"{END}|bound")


def test_any_damage_is_read_alike() -> None:
    """States and half words are changed; both decoders reject it, or give the same samples."""
    payload, model, start = some_block(19, 21)
    rng = np.random.default_rng(4)
    outcomes = [0, 0]
    for _ in range(300):
        changed = bytearray(payload)
        changed[int(rng.integers(start, len(payload)))] ^= 1 << int(rng.integers(8))
        try:
            slow = read_slowly(bytes(changed), (19, 21), model)[0]
        except RejectError:
            slow = None
        try:
            found = read(bytes(changed), (19, 21), model)[0].tolist()
        except CorruptError:
            found = None
        assert found == slow
        outcomes[slow is None] += 1
    assert outcomes[1] > 200


def test_a_state_that_is_left_over() -> None:
    """A sample a lane, an escape of length 0: a state of 2**22 becomes 2**16."""
    rng = np.random.default_rng(0)
    model = make.model(rng, make.weights(rng), NO_THRESHOLDS)
    model = replace(model, tables=(Table(0, 0, (), 60),) * 5)
    for left in (1 << 16, 2 << 16, 1 << 17 | 5, (1 << 26) - 1):
        payload = b"\2\0\0" + np.array([1 << 28, left << 6], "<u4").tobytes()
        if left == 1 << 16:
            assert not read(payload, (3, 1), model)[0].any()
            assert not np.any(read_slowly(payload, (3, 1), model)[0])
        else:
            rejected(payload, (3, 1), model, END)
