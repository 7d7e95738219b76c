"""Blocks of true floats: what the encoder writes, both decoders read, whatever the model."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from demzip.constants import AT_NEIGHBOURS, AT_ZERO, NOWHERE
from demzip.entropy.integers import ByteReader
from demzip.errors import CorruptError, DemzipError
from demzip.raster.values import ValueMap
from demzip.scan.real.block import RealPatch, lengthen, read_real_block, shorten, write_real_block
from demzip.scan.real.model import RealModel
from tests import terrain
from tests.reference.decoder import read_payload, read_values
from tests.reference.fields import RejectError
from tests.reference.neural import Place
from tests.reference.predictor import Surface
from tests.reference.real import RealBlock, read_real_model
from tests.unit import make

if TYPE_CHECKING:
    from collections.abc import Callable

AnyArray = NDArray[Any]
FILLS = (0x7FC00000, 0xC61C3C00)
CONTENTS = (
    "relief", "noise", "bits", "steps", "repeats", "powers", "zeros", "posts", "quarters", "tiny",
)  # fmt: skip
NO_THRESHOLDS = np.zeros(0, np.int64)


def numbers(content: str, shape: tuple[int, int], width: int, seed: int) -> AnyArray:
    """Finite floats that are hard in some way."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(f"float{width}")
    rows, cols = np.indices(shape)
    ground = terrain.relief(*shape, seed=seed) + rng.random(shape)
    kind = np.finfo(dtype)
    made: dict[str, Callable[[], AnyArray]] = {
        "relief": lambda: ground,
        "noise": lambda: rng.standard_normal(shape) * 10.0 ** rng.integers(-9, 9),
        "bits": lambda: rng.integers(0, 256, (*shape, width // 8)).astype(np.uint8).view(dtype)[
            ..., 0
        ],
        "steps": lambda: np.where(rng.random(shape) < 0.5, np.rint(ground / 9) * 1.1, ground),
        "repeats": lambda: np.round(ground / 20) / 3,
        "powers": lambda: np.ldexp(
            rng.choice([-1.0, 1.0], shape), rng.integers(kind.minexp, kind.maxexp, shape)
        ),
        "zeros": lambda: rng.choice([0.0, -0.0, 1.0, -1.0, float(kind.tiny)], shape),
        "posts": lambda: (rows * 1.7 + rows * cols / 7 - cols * 0.3) / 9,
        "quarters": lambda: np.where(rng.random(shape) < 0.8, np.rint(ground) / 4, ground),
        "tiny": lambda: rng.integers(-999, 999, shape) * float(kind.smallest_subnormal),
    }
    values: AnyArray = np.ascontiguousarray(made[content]().astype(dtype))
    return np.where(np.isfinite(values), values, dtype.type(0))


@dataclass(frozen=True)
class Case:
    """Finite floats, holes and a model for them."""

    values: AnyArray
    codes: NDArray[np.uint8] | None
    model: RealModel

    @property
    def value_map(self) -> ValueMap:
        """Of their plane."""
        return ValueMap(self.values.dtype.name, "real", fills=FILLS)

    def patch(self) -> tuple[RealPatch, AnyArray]:
        """What the encoder sees, and the values with their holes."""
        ordinals = shorten(self.value_map.place(self.values)[0], self.model.dropped)
        if self.codes is None:
            return RealPatch(ordinals, None, np.zeros(0, self.value_map.pattern)), self.values
        values = self.values.copy()
        bits = values.view(self.value_map.pattern)
        for code, fill in enumerate(FILLS, 1):
            bits[self.codes == code] = fill
        bits[self.codes == 255] ^= np.array(12345, bits.dtype)
        explicit = bits[self.codes == 255]
        ordinals = np.where(self.codes == 0, ordinals, 0)
        return RealPatch(ordinals, self.codes, explicit), values


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Blocks of up to 20 x 40 floats, and all kinds of models."""
    shape = (draw(st.integers(1, 20)), draw(st.integers(1, 40)))
    width, seed = draw(st.sampled_from([32, 64])), draw(st.integers(0, 1 << 16))
    values = numbers(draw(st.sampled_from(CONTENTS)), shape, width, seed)
    mantissa = {32: 23, 64: 52}[width]
    dropped = draw(st.sampled_from([0, 0, 1, mantissa // 2, mantissa - 1]))
    pattern = values.view(f"u{width // 8}")
    pattern &= np.array(((1 << width) - 1) >> dropped << dropped, pattern.dtype)
    rng = np.random.default_rng(seed)
    sets = draw(st.sampled_from([1, 1, 3]))
    model = RealModel(
        make.weights(rng, sets, draw(st.sampled_from([30.0, 400.0, 200_000.0]))),
        np.sort(rng.integers(0, 1 << draw(st.integers(1, 50)), sets - 1)),
        width, dropped,
        top_scale(values) - draw(st.sampled_from([0, 0, 0, 1, 9, 30, 60])),
        draw(st.booleans()),
        draw(st.sampled_from([NOWHERE, AT_ZERO, AT_NEIGHBOURS])),
        draw(st.one_of(st.integers(8 << 20, (1 << 62) - 1), st.integers(23, 61).map(pow_of_two))),
    )  # fmt: skip
    codes = None
    if draw(st.sampled_from([False, False, True])):
        mask = terrain.holes(*shape, seed=seed, patches=2)
        codes = (mask * rng.choice([1, 2, 255], shape)).astype(np.uint8)
    return Case(values, codes, model)


def pow_of_two(exponent: int) -> int:
    return 1 << exponent


def top_scale(values: AnyArray) -> int:
    """The scale under which the largest of the floats has 40 bits."""
    largest = float(np.abs(values).max())
    least = float(np.finfo(values.dtype).tiny)
    exponent = int(np.frexp(max(largest, least))[1])
    return max(40 - exponent, -1101)


def check(case: Case) -> bytes:
    """Both decoders give the block back; its payload."""
    patch, expected = case.patch()
    payload = write_real_block(patch, case.model)
    rows, cols = expected.shape
    found = read_real_block(payload, expected.shape, case.model, case.value_map)
    assert found.dtype == expected.dtype
    assert found.tobytes() == expected.tobytes()
    size = expected.dtype.itemsize
    fills = [fill.to_bytes(size, "little") for fill in FILLS]
    slow = read_real_model(case.model.to_bytes(), 8 * size)
    plane, place = make.plane(slow, fills), Place(0, 0, rows, cols)
    values = read_values(payload, rows, cols, plane, None, [], place)
    assert b"".join(map(b"".join, values)) == expected.tobytes()
    return payload


@given(cases())
def test_blocks_come_back(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("width", [32, 64])
@pytest.mark.parametrize("masked", [False, True])
def test_blocks_of_all_contents(content: str, width: int, masked: bool) -> None:
    """Every content under every kind of rules and lattice; those that fit make it smaller."""
    shape = (18, 37)
    values = numbers(content, shape, width, 5)
    codes = None
    if masked:
        codes = (terrain.holes(*shape, seed=1) * np.array([[1], [255]] * 9)).astype(np.uint8)
    rng = np.random.default_rng(1)
    scale = top_scale(values)
    pitch = round(0.25 * 2.0**scale * (1 << 20)) if content == "quarters" else 3 << 40
    sizes = {}
    for rules in (False, True):
        for anchor in (NOWHERE, AT_ZERO, AT_NEIGHBOURS):
            model = RealModel(
                make.weights(rng, 2, 50.0), np.array([1 << 20]), width, 0, scale, rules, anchor,
                pitch,
            )  # fmt: skip
            sizes[rules, anchor] = len(check(Case(values, codes, model)))
    if content == "quarters":
        assert sizes[False, AT_ZERO] < 0.9 * sizes[False, NOWHERE]
    if content == "posts":
        assert sizes[True, NOWHERE] < 0.9 * sizes[False, NOWHERE]


def test_rules_and_lattices_are_used() -> None:
    """The reference decoder sees every rule, mode and stage chosen somewhere."""
    chosen: set[int] = set()
    stages: set[int] = set()
    choose = RealBlock._choose
    on_lattice = RealBlock._on_lattice

    def watched(block: RealBlock, row: int, col: int, fitted: int) -> tuple[int, int] | None:
        best = choose(block, row, col, fitted)
        chosen.add(best[0] if best else 0)
        return best

    def seen(block: RealBlock, *arguments: int) -> int:
        stages.update(stage for row in block.stages for stage in row)
        return on_lattice(block, *arguments)

    rows, cols = np.indices((40, 60)) / 1.0
    grounds = [
        rows * cols / 7, cols**2 / 3 + np.sin(9 * rows), rows**2 / 3 + np.sin(9 * cols),
        cols**3 / 99 + rows**2 * np.sin(9 * rows), rows**3 / 99 + cols**2 * np.sin(9 * cols),
        np.sin(rows) * cols + np.cos(9 * rows), np.sin(cols) * rows + np.cos(9 * cols),
        cols**2 * rows / 11 + np.sin(9 * rows), rows**2 * cols / 11 + np.sin(9 * cols),
        (cols**3 - cols**2 * rows) / 50 + np.sin(9 * rows) * cols**2,
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(RealBlock, "_choose", watched)
        patched.setattr(RealBlock, "_on_lattice", seen)
        for k, ground in enumerate(grounds):
            rng = np.random.default_rng(k)
            model = RealModel(
                make.weights(rng, 1, 900.0), NO_THRESHOLDS, 64, 0, top_scale(ground), True,
                k % 3, round(0.125 * 2.0 ** (top_scale(ground) + 20)),
            )  # fmt: skip
            check(Case(ground, None, model))
            eighths = np.where(rng.random(ground.shape) < 0.3, np.rint(ground * 8) / 8, ground)
            check(Case(eighths, None, model))
    assert chosen == set(range(9))
    assert stages == {0, 1, 2}


# ---- damaged and forged


def plain_case(content: str = "relief", **changes: Any) -> Case:
    values = numbers(content, (12, 14), 32, 3)
    model = RealModel(
        make.weights(np.random.default_rng(0)), NO_THRESHOLDS, 32, 0, top_scale(values), True
    )
    return Case(values, None, replace(model, **changes))


@pytest.mark.parametrize("anchor", [NOWHERE, AT_ZERO, AT_NEIGHBOURS])
@pytest.mark.parametrize("dropped", [0, 9])
def test_forged_streams_read_alike(anchor: int, dropped: int) -> None:
    """Any words decode to the same values, or to none, in both decoders."""
    rng = np.random.default_rng(anchor)
    outcomes = []
    for k in range(80):
        case = plain_case(
            anchor=anchor, dropped=dropped, pitch=1 << int(rng.integers(0, 62)),
            scale=int(rng.integers(-1101, 1101)) if k % 2 else 20,
        )  # fmt: skip
        payload = bytearray(write_real_block(plain_case().patch()[0], plain_case().model))
        for _ in range(int(rng.choice([1, 3, 40]))):
            payload[int(rng.integers(4, len(payload)))] = int(rng.integers(256))
        slow = make.plane(read_real_model(case.model.to_bytes(), 32), [])
        outcomes.append(outcome(bytes(payload), case, slow))
    assert any(result is None for result in outcomes)


@pytest.mark.parametrize("dropped", [0, 3, 22])
def test_constant_blocks_of_no_float(dropped: int) -> None:
    """Ordinals beyond the finite floats, those whose numbers wrap around among them."""
    case = plain_case(dropped=dropped)
    slow = make.plane(read_real_model(case.model.to_bytes(), 32), [])
    infinity = 0x7F800000 >> dropped
    for ordinal, legal in (
        (infinity - 1, True), (infinity, False), (-infinity, True), (-infinity - 1, False),
        (1 << (64 - dropped - 1) if dropped else 1 << 62, False), ((1 << 63) - 1, False),
        (-(1 << 63), False),
    ):  # fmt: skip
        payload = b"\1" + ordinal.to_bytes(8, "little", signed=True)
        assert (outcome(payload, case, slow) is not None) == legal


def outcome(payload: bytes, case: Case, slow: Any) -> bytes | None:
    """What both decoders say; None if they reject it.

    The kernels go on where the reference stops at once (docs/format.md section 8.1).
    """
    rows, cols = case.values.shape
    value_map = replace(case.value_map, fills=())
    try:
        found = read_real_block(payload, (rows, cols), case.model, value_map).tobytes()
    except DemzipError:
        found = None
    expected: bytes | None
    try:
        values = read_values(payload, rows, cols, slow, None, [], Place(0, 0, rows, cols))
        expected = b"".join(map(b"".join, values))
    except RejectError as error:
        expected = found if error.args == ("a coded stream",) else None
    assert found == expected
    return expected


@pytest.mark.parametrize(
    "change", ["longer", "shorter", "own weights", "more words", "fewer words", "more bits"]
)
def test_payloads_must_end_in_order(change: str) -> None:
    case = plain_case()
    payload = write_real_block(case.patch()[0], case.model)
    coded, uncoded, words = payload[1], payload[2], payload[3:]
    assert len(words) == 4 * (coded + uncoded) <= 4 * 122
    start, middle = bytes([2]), 4 * coded
    changed = {
        "longer": payload + b"\0",
        "shorter": payload[:-1],
        "own weights": bytes([payload[0] | 8]) + payload[1:],
        "more words": start + bytes([coded + 3, uncoded]) + words[:middle] + bytes(12)
        + words[middle:],
        "fewer words": start + bytes([coded - 3, uncoded]) + words[: middle - 12]
        + words[middle:],
        "more bits": start + bytes([coded, uncoded + 1]) + words + bytes(4),
    }[change]  # fmt: skip
    slow = make.plane(read_real_model(case.model.to_bytes(), 32), [])
    with pytest.raises(CorruptError):
        read_real_block(changed, case.values.shape, case.model, case.value_map)
    with pytest.raises(RejectError):
        read_payload(changed, 12, 14, slow, [])


# ---- the model


def test_models_come_back() -> None:
    rng = np.random.default_rng(0)
    for sets, scale, anchor, pitch in (
        (1, -1101, NOWHERE, 1), (8, 1100, AT_ZERO, (1 << 62) - 1), (2, 0, AT_NEIGHBOURS, 1),
    ):  # fmt: skip
        thresholds = np.sort(rng.integers(0, 1 << 50, sets - 1))
        for width, dropped in ((32, 0), (32, 22), (64, 51)):
            model = RealModel(
                make.weights(rng, sets), thresholds, width, dropped, scale, sets == 2, anchor,
                pitch,
            )  # fmt: skip
            data = model.to_bytes()
            reader = ByteReader(data, "model")
            back = RealModel.from_bytes(reader)
            reader.done()
            np.testing.assert_array_equal(back.weights, model.weights)
            np.testing.assert_array_equal(back.thresholds, model.thresholds)
            slow = read_real_model(data, width)
            assert slow.thresholds == thresholds.tolist()
            for name in ("dropped", "scale", "rules", "anchor"):
                assert getattr(back, name) == getattr(slow, name) == getattr(model, name)
            assert back.pitch == model.pitch
            assert slow.pitch == (pitch if anchor else 0)
            assert back.form == (slow.fraction, slow.least, slow.infinity)


@pytest.mark.parametrize(
    ("changes", "width"),
    [
        ({}, 64), ({"width": 33}, 32), ({"dropped": 23}, 32), ({"anchor": 3}, 32),
        ({"anchor": 1, "pitch": 0}, 32), ({"anchor": 1, "pitch": 1 << 62}, 32),
        ({"scale": 1101}, 32), ({"scale": -1102}, 32),
        ({"weights": np.zeros((0, 24), np.int64)}, 32),
        ({"weights": np.zeros((2, 24), np.int64), "thresholds": np.array([-1])}, 32),
        ({"weights": np.zeros((2, 24), np.int64), "thresholds": np.array([1 << 53])}, 32),
        ({"rules": 2}, 32),
    ],
)  # fmt: skip
def test_illegal_models(changes: dict[str, Any], width: int) -> None:
    model = plain_case().model
    data = replace(model, **{**changes, "rules": False}).to_bytes()
    if "rules" in changes:
        assert data[-2:] == b"\0\0"
        data = data[:-2] + b"\2\0"
    with pytest.raises(RejectError):
        read_real_model(data, width)
    if width == model.width:
        with pytest.raises(CorruptError):
            RealModel.from_bytes(ByteReader(data, "model"))


def test_dropped_bits_are_zero() -> None:
    rng = np.random.default_rng(0)
    ordinals = rng.integers(-(1 << 30), 1 << 30, 50)
    for dropped in (0, 1, 20):
        np.testing.assert_array_equal(shorten(lengthen(ordinals, dropped), dropped), ordinals)
        bits = lengthen(ordinals, dropped)
        magnitudes = np.where(bits >= 0, bits, -1 - bits)
        assert not (magnitudes & ((1 << dropped) - 1)).any()


def test_predictions_beyond_64_bits_are_those_of_the_reference() -> None:
    """Weights so large that sums wrap around."""
    weights = np.full((1, 24), 1 << 20, np.int64)
    weights[0, ::2] = -(1 << 20)
    weights[0, 21] += 4096 - weights.sum()
    case = plain_case("noise", weights=weights)
    check(case)
    surface = Surface(12, 14, weights.tolist(), [])
    surface.x = [[1 << 44] * 14 for _ in range(12)]
    assert abs(surface.accumulator(8, 8, 0)) < 1 << 63


def test_lattices_across_zero() -> None:
    """Ordinals of -2.0 and 2.0 are 2**63 apart: their difference fits into no int64."""
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.integers(-3, 4, (20, 30)) * 10.0, axis=1) + rng.random((20, 1)) * 10 - 5
    values = np.where(rng.random(values.shape) < 0.3, values + rng.random(values.shape) * 9, values)
    scale = top_scale(values)
    pitch = round(10 * 2.0**scale * (1 << 20))
    for anchor in (AT_ZERO, AT_NEIGHBOURS):
        model = RealModel(
            make.weights(rng), NO_THRESHOLDS, 64, 0, scale, False, anchor, pitch
        )
        check(Case(values, None, model))
