"""Values and the integers they stand for."""

import math
import struct
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from demzip.errors import CorruptError
from demzip.raster.values import DTYPES, EXACT_SINGLE, EXPLICIT, LARGEST, ValueMap, pattern_of

Array = NDArray[Any]
INTEGERS = tuple(dtype for dtype in DTYPES if "int" in dtype)
FLOATS = ("float32", "float64")
TENTH = struct.unpack("<f", struct.pack("<f", 0.1))[0]

MAPS = (
    *(ValueMap(dtype) for dtype in INTEGERS),
    *(
        value_map
        for dtype in FLOATS
        for value_map in (
            ValueMap(dtype, "ratio"),
            ValueMap(dtype, "ratio", denominator=100),
            ValueMap(dtype, "ratio", 381, 1250),
            ValueMap(dtype, "ratio", (1 << 32) - 1, (1 << 32) - 3),
            ValueMap(dtype, "affine", scale=0.1, offset=1234.56789),
            ValueMap(dtype, "affine", scale=1e290, offset=-1e300),
            ValueMap(dtype, "affine", scale=5e-324, offset=-0.0),
            ValueMap(dtype, "real"),
        )
    ),
    ValueMap("float32", "product", scale=TENTH),
    ValueMap("float32", "product", scale=2.0**-149),
    ValueMap("float32", "product", scale=3.4028234663852886e38),
)


def bits_of(value: float, dtype: str) -> int:
    """Bits of a binary64, rounded to the dtype; too large a one is an infinity."""
    if dtype == "float64":
        return int(struct.unpack("<Q", struct.pack("<d", value))[0])
    try:
        return int(struct.unpack("<I", struct.pack("<f", value))[0])
    except OverflowError:
        return 0x7F800000 if value > 0 else 0xFF800000


def rounded(exact: Fraction) -> float:
    """The binary64 nearest to an exact number; ties to even."""
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def restored(number: int, value_map: ValueMap) -> int:
    """Bits of a number's value after section 3.3, in Python's exact arithmetic."""
    dtype = value_map.dtype
    width = 8 * np.dtype(dtype).itemsize
    if value_map.rule == "integer":
        return number % (1 << width)
    if value_map.rule == "real":
        return (number if number >= 0 else number ^ ((1 << (width - 1)) - 1)) % (1 << width)
    if value_map.rule == "ratio":
        exact = Fraction(number * value_map.numerator, value_map.denominator)
        return bits_of(rounded(exact), dtype)
    product = Fraction(number) * Fraction(value_map.scale)
    if value_map.rule == "product":  # of 24 bits by 24 bits: exact as a binary64
        assert product == 0 or Fraction(rounded(product)) == product
        return bits_of(rounded(product), dtype)
    first = rounded(product)
    assert math.isfinite(first)
    total = Fraction(first) + Fraction(value_map.offset)
    # Of zeros, the sign is IEEE's.
    return bits_of(rounded(total) if total else first + value_map.offset, dtype)


def limits(value_map: ValueMap) -> tuple[int, int]:
    """Least and greatest number, found by halving."""
    ends = []
    for sign in (-1, 1):
        low, high = 0, 1 << 64
        while high - low > 1:
            middle = (low + high) // 2
            inside = value_map.covers(min(sign * middle, 0), max(sign * middle, 0))
            low, high = (middle, high) if inside else (low, middle)
        ends.append(sign * low)
    return ends[0], ends[1]


def name_of(value_map: ValueMap) -> str:
    return f"{value_map.describe()} {value_map.scale:g}"


@pytest.mark.parametrize("value_map", MAPS, ids=name_of)
def test_restoring_follows_the_document(value_map: ValueMap) -> None:
    low, high = limits(value_map)
    rng = np.random.default_rng(1)
    near = [low, low + 1, -3, -1, 0, 1, 2, 3, 99, 12345, 16777217, high - 1, high]
    scattered = [int(rng.integers(low, high, endpoint=True)) >> shift for shift in range(60)]
    numbers = [number for number in near + scattered if low <= number <= high]
    values = value_map.restore(np.array(numbers, np.int64))
    assert values.dtype.name == value_map.dtype
    assert values.view(value_map.pattern).tolist() == [
        restored(number, value_map) for number in numbers
    ]


@pytest.mark.parametrize("value_map", MAPS, ids=name_of)
@given(data=st.data())
def test_any_bits_come_back(value_map: ValueMap, data: st.DataObject) -> None:
    """Random bits, values on the grid, values beside it, fills, zeros and other odd ones."""
    low, high = limits(value_map)
    width = 8 * value_map.pattern.itemsize
    patterns = st.integers(0, (1 << width) - 1)
    on_grid = st.integers(low, high).map(lambda number: restored(number, value_map))
    small = st.integers(max(low, -9), min(high, 9)).map(lambda number: restored(number, value_map))
    odd = st.sampled_from([0, 1, 1 << (width - 1), (1 << width) - 1, (1 << (width - 1)) - 1])
    beside = small.map(lambda pattern: (pattern + 1) % (1 << width))
    cell = st.one_of(patterns, on_grid, small, odd, beside)
    cols = data.draw(st.integers(1, 6))
    bits = np.array(data.draw(st.lists(cell, min_size=cols, max_size=24)), value_map.pattern)
    values = bits[: bits.size // cols * cols].reshape(-1, cols).view(value_map.dtype)
    fills = tuple(data.draw(st.lists(st.one_of(cell, st.sampled_from(bits.tolist())), max_size=3)))
    chosen = replace(value_map, fills=tuple(dict.fromkeys(fills)))
    check_round_trip(chosen, values)


def check_round_trip(value_map: ValueMap, values: Array) -> None:
    """Values come back, and codes mean what they should."""
    before = values.tobytes()
    samples, codes = value_map.to_samples(values)
    explicit = value_map.explicit(values, codes)
    back = value_map.to_values(samples, codes, explicit)
    assert (back.tobytes(), values.tobytes(), back.shape) == (before, before, values.shape)
    assert samples.shape == values.shape
    patterns = values.view(value_map.pattern).ravel().tolist()
    flat = [0] * len(patterns) if codes is None else codes.ravel().tolist()
    assert codes is None or any(flat)
    kept = []
    for pattern, code, sample in zip(patterns, flat, samples.ravel().tolist(), strict=True):
        if pattern in value_map.fills:
            assert code == value_map.fills.index(pattern) + 1
        elif code == 0:
            assert value_map.covers(sample, sample)
            number = sample if value_map.levels is None else int(value_map.levels[sample])
            assert restored(number, value_map) == pattern
        else:
            assert code == EXPLICIT
            kept.append(pattern)
    assert explicit.tolist() == kept


@pytest.mark.parametrize(
    "value_map", [each for each in MAPS if 0.01 <= each.scale <= 1], ids=name_of
)
def test_grid_values_have_code_0(value_map: ValueMap) -> None:
    numbers = np.arange(0, 100).reshape(10, 10)
    samples, codes = value_map.to_samples(value_map.restore(numbers))
    assert codes is None
    np.testing.assert_array_equal(samples, numbers)


@pytest.mark.parametrize("dtype", FLOATS)
def test_what_lies_on_no_grid(dtype: str) -> None:
    odd = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e-45, 0.05, 1e30, 2.0**47]
    values = np.array([[0.0, *odd, 0.1]], np.float64).astype(dtype)
    tenths = ValueMap(dtype, "ratio", denominator=10)
    tiny = 0 if dtype == "float32" else EXPLICIT  # 5e-324 is 0 as a float32
    wanted = [0, *[EXPLICIT] * 4, tiny, *[EXPLICIT] * 4, 0]
    codes = tenths.codes(values)
    assert codes is not None
    assert codes.tolist() == [wanted]
    codes = ValueMap(dtype, "real").codes(values)
    assert codes is not None
    assert codes.tolist() == [[0, EXPLICIT, EXPLICIT, EXPLICIT, *[0] * 7]]


def test_real_samples_ascend_with_the_values() -> None:
    for dtype in FLOATS:
        info = np.finfo(np.dtype(dtype))
        least = float(info.smallest_subnormal)
        values = np.array([info.min, -1.5, -least, -0.0, 0.0, least, 1.5, info.max], dtype)
        samples, codes = ValueMap(dtype, "real").to_samples(values)
        assert codes is None
        assert np.all(np.diff(samples.astype(object)) > 0)
        assert samples[2:6].tolist() == [-2, -1, 0, 1]
        ends = int(samples[0]), int(samples[-1])
        assert ValueMap(dtype, "real").covers(*ends)
        assert not ValueMap(dtype, "real").covers(ends[0] - 1, 0)
        assert not ValueMap(dtype, "real").covers(0, ends[1] + 1)


def test_samples_that_stand_for_nothing() -> None:
    for dtype, low, high in (
        ("uint8", 0, 255), ("int16", -32768, 32767), ("int64", -LARGEST, LARGEST),
        ("uint64", 0, LARGEST),
    ):  # fmt: skip
        assert limits(ValueMap(dtype)) == (low, high)
    assert limits(ValueMap("float32", "ratio", denominator=10)) == (-LARGEST, LARGEST)
    assert limits(ValueMap("float64", "ratio", 381, 1250)) == (-(2**53 // 381), 2**53 // 381)
    assert limits(ValueMap("float64", "affine")) == (-LARGEST, LARGEST)
    assert limits(ValueMap("float32", "product")) == (-EXACT_SINGLE, EXACT_SINGLE)


def test_large_integers() -> None:
    for dtype in ("int64", "uint64"):
        edge = np.array([[0, LARGEST, LARGEST + 1, np.iinfo(dtype).max]], dtype)
        value_map = ValueMap(dtype, fills=(int(np.iinfo(dtype).max),))
        codes = value_map.codes(edge)
        assert codes is not None
        assert codes.tolist() == [[0, 0, EXPLICIT, 1]]
        check_round_trip(value_map, edge)


def test_ranks_with_exceptions() -> None:
    levels = np.array([-7, 0, 3, 1000])
    value_map = ValueMap("float32", "ratio", denominator=10, levels=levels, fills=(7,))
    values = np.array([[-0.7, 0.0, 0.3, 100.0, 0.1, -0.8, 100.1, math.nan]], np.float32)
    values.view(np.uint32)[0, 1] = 7
    samples, codes = value_map.to_samples(values)
    assert codes is not None
    assert codes.tolist() == [[0, 1, 0, 0, *[EXPLICIT] * 4]]
    assert samples[0, [0, 2, 3]].tolist() == [0, 2, 3]
    check_round_trip(value_map, values)
    assert value_map.to_samples(values[:, 2:4])[1] is None
    assert value_map.covers(0, 3)
    assert not value_map.covers(-1, 0)
    assert not value_map.covers(0, 4)


def test_many_fills() -> None:
    fills = tuple(0x7FC00000 + i for i in range(254))
    value_map = ValueMap("float32", "ratio", fills=fills)
    values = np.array([0x7FC00000 + i for i in range(256)], np.uint32).view(np.float32)
    codes = value_map.codes(values)
    assert codes is not None
    assert codes.tolist() == [*range(1, 255), EXPLICIT, EXPLICIT]
    check_round_trip(value_map, values)


def test_codes_that_a_damaged_file_may_have() -> None:
    value_map = ValueMap("int16", fills=(5,))
    samples = np.zeros((1, 3), np.int64)
    for codes, explicit in (
        ([0, 2, 0], None), ([0, 254, 0], None), ([0, 255, 0], None), ([0, 255, 0], []),
        ([0, 0, 1], [1]), ([255, 255, 0], [1]),
    ):  # fmt: skip
        given = None if explicit is None else np.array(explicit, np.uint16)
        with pytest.raises(CorruptError):
            value_map.to_values(samples, np.array([codes], np.uint8), given)


@pytest.mark.parametrize(
    "value_map",
    [
        ValueMap("int16", "ratio"),
        ValueMap("int16", "real"),
        ValueMap("float32", "integer"),
        ValueMap("float64", "product"),
        ValueMap("float32", "ratio", numerator=0),
        ValueMap("float32", "ratio", denominator=0),
        ValueMap("float32", "ratio", numerator=1 << 32),
        ValueMap("float32", "ratio", denominator=1 << 32),
        *(ValueMap("float32", "product", scale=s) for s in (0.0, -1.0, math.inf, math.nan)),
        *(ValueMap("float64", "affine", scale=s) for s in (0.0, -1.0, math.inf, math.nan)),
        *(ValueMap("float64", "affine", offset=o) for o in (-math.inf, math.inf, math.nan)),
        ValueMap("int8", fills=(256,)),
        ValueMap("int8", fills=(1,) * 255),
        ValueMap("uint8", levels=np.array([0, 256])),
        ValueMap("float32", "product", levels=np.array([0, EXACT_SINGLE + 1])),
        ValueMap("float32", "real", levels=np.array([0, 1])),
    ],
)
def test_illegal_fields(value_map: ValueMap) -> None:
    with pytest.raises(CorruptError):
        value_map.check()


@pytest.mark.parametrize("value_map", MAPS, ids=name_of)
def test_legal_fields(value_map: ValueMap) -> None:
    replace(value_map, fills=(0, 255) * 127).check()


@pytest.mark.parametrize(
    ("value_map", "words"),
    [
        (ValueMap("int16"), "int16"),
        (ValueMap("int64", exceptions=1), "int64, 1 exception"),
        (ValueMap("float64", "ratio"), "float64 on whole numbers"),
        (ValueMap("float32", "ratio", denominator=100), "float32 on a 0.01 grid"),
        (
            ValueMap("float32", "ratio", denominator=100, exceptions=3),
            "float32 on a 0.01 grid, 3 exceptions",
        ),
        (ValueMap("float32", "ratio", 381, 1250), "float32 on a 0.3048 grid (feet)"),
        (ValueMap("float32", "ratio", 381, 12500), "float32 on a 0.03048 grid (0.1 feet)"),
        (
            ValueMap("float32", "ratio", 1200, 3937),
            "float32 on a 0.3048006096 grid (US survey feet)",
        ),
        (ValueMap("float32", "ratio", denominator=128), "float32 on a 1/128 grid"),
        (ValueMap("float32", "ratio", denominator=4), "float32 on a 0.25 grid"),
        (
            ValueMap("float32", "product", scale=TENTH),
            "float32 on a 0.1 grid (rounded products)",
        ),
        (ValueMap("float64", "affine", scale=0.3048), "float64 on a 0.3048 grid"),
        (
            ValueMap("float32", "affine", scale=0.01, offset=5.0),
            "float32 on a 0.01 grid (scale and offset)",
        ),
        (ValueMap("float32", "real"), "float32, full mantissas"),
    ],
)  # fmt: skip
def test_descriptions(value_map: ValueMap, words: str) -> None:
    assert value_map.describe() == words


@pytest.mark.parametrize(
    ("value", "dtype", "pattern"),
    [
        (-9999.0, "int16", 0xD8F1),
        (-32768.0, "int16", 0x8000),
        (-32769.0, "int16", None),
        (0.5, "int16", None),
        (math.nan, "uint8", None),
        (math.inf, "int32", None),
        (255.0, "uint8", 0xFF),
        (4294967295.0, "uint32", 0xFFFFFFFF),
        (-(2**63), "int64", 1 << 63),
        (2**64 - 1, "uint64", 2**64 - 1),
        (2**53 + 1, "int64", 2**53 + 1),
        (-9999.0, "float32", 0xC61C3C00),
        (-0.0, "float64", 0x8000000000000000),
        (-3.4028234663852886e38, "float32", 0xFF7FFFFF),
    ],
)
def test_patterns(value: float, dtype: str, pattern: int | None) -> None:
    assert pattern_of(value, dtype) == pattern
