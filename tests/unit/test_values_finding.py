"""Maps are found, and proven on every value."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from demzip.errors import UnsupportedError
from demzip.raster import finding
from demzip.raster.finding import Span, find_map
from demzip.raster.sentinels import core_of, find_sentinels, usual_values
from demzip.raster.values import DTYPES, LARGEST, ValueMap
from tests import terrain

Array = NDArray[Any]
INTEGERS = tuple(dtype for dtype in DTYPES if "int" in dtype)
FLOATS = ("float32", "float64")
BLOCK = 32


def boxes_of(shape: tuple[int, ...], block: int = BLOCK) -> list[tuple[slice, slice]]:
    rows, cols = shape
    return [
        (slice(row, min(row + block, rows)), slice(col, min(col + block, cols)))
        for row in range(0, rows, block)
        for col in range(0, cols, block)
    ]


def find(values: Array, nodata: float | None = None) -> tuple[ValueMap, list[Span]]:
    return find_map(
        lambda r, c: values[r, c], boxes_of(values.shape), values.dtype.name, nodata
    )


def found(values: Array, nodata: float | None = None) -> ValueMap:
    """Find the map of some values; check that they come back, the spans and the exceptions."""
    value_map, spans = find(values, nodata)
    value_map.check()
    exceptions = 0
    for box, span in zip(boxes_of(values.shape), spans, strict=True):
        samples, codes = value_map.to_samples(values[box])
        explicit = value_map.explicit(values[box], codes)
        exceptions += explicit.size
        assert value_map.to_values(samples, codes, explicit).tobytes() == values[box].tobytes()
        valid = samples.ravel() if codes is None else samples[codes == 0]
        assert span == ((int(valid.min()), int(valid.max())) if valid.size else None)
        assert span is None or value_map.covers(*span)
    assert value_map.exceptions == exceptions
    return value_map


def fill_values(value_map: ValueMap) -> list[float]:
    patterns = np.array(value_map.fills, value_map.pattern)
    values: list[float] = patterns.view(value_map.dtype).tolist()
    return values


def relief(rows: int = 100, cols: int = 110) -> NDArray[np.int64]:
    return (terrain.relief(rows, cols) * 7 + terrain.relief(rows, cols, seed=3)).astype(np.int64)


# ---- integers


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers(dtype: str) -> None:
    kind = np.iinfo(dtype)
    low, high = max(kind.min, -LARGEST), min(kind.max, LARGEST)
    rng = np.random.default_rng(1)
    noise = rng.integers(low, high, (40, 50), dtype=dtype, endpoint=True)
    noise[0, :2] = low, high
    value_map = found(noise)
    assert (value_map.rule, value_map.fills, value_map.describe()) == ("integer", (), dtype)
    assert len(found(noise, float(low)).fills) == 1


def test_integers_out_of_range() -> None:
    values = relief()
    values[3, 4:40] = np.iinfo(np.int64).min
    values[5, 6] = 1 << 60
    values[70:80, 50:90] = (1 << 61) + np.arange(10 * 40).reshape(10, 40)
    value_map = found(values)
    assert value_map.fills[0] == 1 << 63
    assert value_map.exceptions > 300
    with pytest.raises(UnsupportedError, match=r"int64.*2\*\*46"):
        find(values + (1 << 60))
    with pytest.raises(UnsupportedError, match="uint64"):
        find(values.view(np.uint64) | np.uint64(1 << 63))


@pytest.mark.parametrize("dtype", ["float16", "complex64", "bool"])
def test_other_dtypes(dtype: str) -> None:
    with pytest.raises(UnsupportedError, match=dtype):
        find(np.zeros((3, 3), dtype))


# ---- grids


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("numerator", "denominator"),
    [
        *((1, parts) for parts in (1, 2, 4, 5, 8, 10, 20, 50, 100, 128, 1000, 1024)),
        (381, 1250), (381, 12500), (1200, 3937),
    ],
)  # fmt: skip
def test_the_coarsest_grid_is_found(dtype: str, numerator: int, denominator: int) -> None:
    """Sixty-fourths lie on the grid of millionths, too; all bits of a finer grid would be coded."""
    numbers = relief() * 2 + 1
    value_map = found((numbers * numerator / denominator).astype(dtype))
    assert value_map.rule == "ratio"
    assert (value_map.numerator, value_map.denominator) == (numerator, denominator)
    assert value_map.exceptions == 0


@pytest.mark.parametrize("dtype", FLOATS)
def test_simple_fractions(dtype: str) -> None:
    for numerator, denominator in ((1, 3), (2, 7), (11, 13)):
        value_map = found((relief() * numerator / denominator).astype(dtype))
        assert (value_map.rule, value_map.exceptions) == ("ratio", 0)
        assert value_map.numerator / value_map.denominator == numerator / denominator


def test_fine_grids_of_doubles() -> None:
    for denominator in (10**5, 10**6, 1 << 16, 1 << 20, 1 << 31):
        value_map = found((relief() * 2 + 1) / denominator)
        assert (value_map.numerator, value_map.denominator) == (1, denominator)
    single = (relief() * 0.7).astype(np.float32).astype(np.float64)
    value_map = found(single)  # floats kept as doubles have bits that are always zero
    assert (value_map.rule, value_map.numerator) == ("ratio", 1)
    assert value_map.denominator.bit_count() == 1


@pytest.mark.parametrize("scale", [0.1, 0.01, 0.3048, 0.0371])
def test_products_of_singles(scale: float) -> None:
    """Programs that multiply integers by a binary32."""
    single = np.float32(scale)
    value_map = found(relief().astype(np.float32) * single)
    assert value_map.rule == ("affine" if scale == 0.0371 else "product")  # few digits do, too
    assert math.isclose(value_map.scale, single, rel_tol=1e-8)
    assert value_map.exceptions == 0


@pytest.mark.parametrize(
    ("scale", "offset"),
    [
        (0.0371, 0.0), (0.0371, 1234.5), (0.00213765243, 817.123456789), (math.pi / 100, 1e4),
        (float(np.float32(0.0137)), float(np.float32(817.3))),
    ],
)  # fmt: skip
def test_scale_and_offset(scale: float, offset: float) -> None:
    value_map = found((offset + relief() * scale).astype(np.float32))
    assert value_map.rule in ("affine", "product")
    assert math.isclose(value_map.scale, scale, rel_tol=1e-5)
    assert value_map.exceptions == 0


def test_products_of_doubles() -> None:
    value_map = found(relief() * 0.1)
    assert (value_map.rule, value_map.scale, value_map.offset) == ("affine", 0.1, 0.0)
    value_map = found(relief() * 0.0371)
    assert (value_map.rule, value_map.scale, value_map.exceptions) == ("affine", 0.0371, 0)


@pytest.mark.parametrize("dtype", FLOATS)
def test_true_floats(dtype: str) -> None:
    noise = np.random.default_rng(1).normal(300, 90, (100, 110)).astype(dtype)
    assert found(noise).rule == "real"
    noise[0, :9] = -0.0  # an ordinary float there
    assert found(noise).fills == ()
    noise[1, :9], noise[2, :9], noise[3, :9] = math.nan, math.inf, -math.inf
    value_map = found(noise)
    assert value_map.rule == "real"
    assert len(value_map.fills) == 3


def test_a_grid_finer_than_the_floats_is_none() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(30_000_000, 40_000_000, (90, 90)) / 1e5
    assert found(values.astype(np.float32)).rule == "real"
    values = rng.integers(30_000, 40_000, (90, 90)) / 1e2
    assert found(values.astype(np.float32)).denominator == 100


def test_few_exceptions_pay_and_many_do_not() -> None:
    values = relief().astype(np.float32)
    rng = np.random.default_rng(2)
    odd = rng.random(values.shape) < 0.03
    values[odd] += rng.random(odd.sum()).astype(np.float32)
    value_map = found(values)
    assert (value_map.rule, value_map.denominator) == ("ratio", 1)
    assert 0.02 < value_map.exceptions / values.size < 0.04
    odd = rng.random(values.shape) < 0.6
    values[odd] += rng.random(odd.sum()).astype(np.float32)
    assert found(values).rule == "real"


def test_level_ground_tells_nothing_about_the_rest() -> None:
    """A sea at 0 lies on whole numbers; the land, far smaller, does not."""
    values = np.zeros((256, 256), np.float32)
    values[200:, 200:] = np.random.default_rng(1).normal(30, 9, (56, 56))
    assert found(values).rule == "real"
    values[200:, 200:] = np.rint(values[200:, 200:] * 100) / 100
    assert found(values).describe() == "float32 on a 0.01 grid"
    values[:] = 0
    values[40:50, 70:80] = relief()[:10, :10] / 100 + 7
    assert found(values).describe() == "float32 on a 0.01 grid"


def test_a_sample_may_mislead() -> None:
    values = relief(640, 640).astype(np.float32)
    boxes = boxes_of(values.shape)
    seen: list[tuple[slice, slice]] = []

    def read(rows: slice, cols: slice) -> Array:
        seen.append((rows, cols))
        return values[rows, cols]

    assert find_map(read, boxes, "float32", None)[0].denominator == 1
    assert len(seen) <= len(boxes) + finding.MOST_SAMPLE_BOXES
    unseen = [box for box in boxes if box not in seen[: -len(boxes)]]
    for box in unseen:
        values[box] /= 100
    assert found(values).denominator == 100
    for box in unseen:
        values[box] += np.random.default_rng(1).random((32, 32), np.float32)
    assert found(values).rule == "real"


# ---- missing samples


@pytest.mark.parametrize("declare", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int64"])
@pytest.mark.parametrize(
    "value",
    [
        -9999.0, -32768.0, -32767.0, 32767.0, -12345.0, -99999.0, 1e20, -1e30,
        9.969209968386869e36, -3.4028234663852886e38, -3.4028230607370965e38, math.nan, math.inf,
        -math.inf,
    ],
)  # fmt: skip
def test_missing(dtype: str, value: float, declare: bool) -> None:
    kind = np.dtype(dtype)
    if kind.kind == "i" and not np.iinfo(kind).min <= value <= np.iinfo(kind).max:
        return
    values = (relief() / (10 if kind.kind == "f" else 1)).astype(kind)
    if value == -12345.0 and kind.kind == "i":
        values //= 10
    values[10:60, 20:70] = value
    value_map = found(values, value if declare else None)
    assert value_map.exceptions == 0
    np.testing.assert_array_equal(fill_values(value_map), values[10:11, 20])


def test_declared_zero_is_missing_and_undeclared_zero_is_not() -> None:
    values = np.abs(relief()).astype(np.int16) + 500
    values[10:60, 20:70] = 0
    assert found(values).fills == ()
    assert found(values, 0.0).fills == (0,)
    assert found(values, -1.0).fills == ()


def test_several_kinds_of_missing_samples() -> None:
    for parts in (10, 7):
        values = (relief() / parts).astype(np.float32)
        values[0], values[1], values[2], values[4] = math.nan, math.inf, -9999.0, -32768.0
        bits = values.view(np.uint32)
        bits[5], bits[6] = 0xFFC00001, 0x7F800001
        bits[7, :90] = 0x7FC00100 + np.arange(90)
        value_map = found(values, -9999.0)
        assert value_map.fills[0] == bits[2, 0]
        assert set(value_map.fills) == set(bits[[0, 1, 2, 4, 5, 6, 7], :90].ravel().tolist())
        assert value_map.exceptions == 0
        # There are codes for 254 patterns, frequent ones first.
        bits[[40, 41, 70, 71], :100] = 0x7FC01000 + np.arange(400).reshape(4, 100)
        value_map = found(values, -9999.0)
        assert set(bits[[0, 1, 2, 4, 5, 6], 0].tolist()) <= set(value_map.fills)
        assert (len(value_map.fills), value_map.exceptions) == (254, 6 + 90 + 400 - 254)


def test_zeros_of_both_signs() -> None:
    values = relief().astype(np.float32) / 10
    values[5:9] = -0.0
    value_map = found(values)
    assert value_map.fills == (0x80000000,)
    assert value_map.exceptions == 0


def test_denormals_and_huge_values() -> None:
    values = np.array([[5e-324, -5e-324, 1e308, -1e308, 0.0, 1.0]] * 20)
    found(values)
    found(np.array([[1e-45, -1e-45, 3e38, 0.0, 1.0]] * 20, np.float32))


def test_all_missing() -> None:
    for dtype, value in (("int16", -1), ("float32", -9999), ("float64", math.nan)):
        values = np.full((70, 70), value, dtype)
        value_map, spans = find(values, float(value))
        assert spans == [None] * 9
        assert len(value_map.fills) == 1
        found(values, float(value))
        found(values)


def test_sentinels_lie_far_from_all_else() -> None:
    usual = usual_values("int16")
    assert find_sentinels({-9999.0}, (0.0, 3000.0), usual) == {-9999.0}
    assert find_sentinels({-9999.0}, (-9000.0, 6000.0), usual) == set()
    assert find_sentinels({-32768.0, 32767.0}, (-100.0, 100.0), usual) == {-32768.0, 32767.0}
    assert find_sentinels({-5000.0}, (0.0, 3000.0), usual) == set()
    assert find_sentinels({-50000.0}, (0.0, 3000.0), usual) == {-50000.0}
    # What is a little outside widens the range for what is farther out.
    assert find_sentinels({-9999.0, -8000.0}, (0.0, 3000.0), usual) == set()
    assert find_sentinels({5.0}, (1.0, 1.0), usual) == set()
    assert find_sentinels({255.0}, (0.0, 0.0), usual_values("uint8")) == {255.0}
    assert find_sentinels({1.0}, None, usual) == set()


def test_the_core_of_a_sample() -> None:
    usual = usual_values("float32")
    ordinary = np.arange(1000.0)
    assert core_of(ordinary, usual) == (0, 999)
    assert core_of(np.append(ordinary, [-9999, 1e20, -32768]), usual) == (0, 999)
    assert core_of(np.append(ordinary, [-5000]), usual) == (-5000, 999)
    assert core_of(np.array([-9999.0, 1, 2, 3]), usual) == (1, 3)
    assert core_of(np.array([-9999.0]), usual) == (-9999, -9999)
    assert core_of(np.zeros(0), usual) is None


# ---- ranks


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "float32"])
def test_ranks_where_few_levels_occur(dtype: str) -> None:
    values = ((terrain.relief(90, 90) + 80) // 4 * 7 % 250).astype(dtype)
    values[5:9, 5:30] = 251
    value_map = found(values, 251.0)
    assert value_map.levels is not None
    occurring = np.unique(values[values != 251]).astype(np.int64)
    np.testing.assert_array_equal(value_map.levels, occurring)


def test_ranks_with_exceptions() -> None:
    values = (terrain.relief(90, 90) * 10).astype(np.float32)
    values[3, 4:9] += np.float32(0.3) + np.arange(5, dtype=np.float32) / 16
    value_map = found(values)
    assert value_map.levels is not None
    assert value_map.exceptions == 5


def test_no_ranks_where_most_levels_occur_or_the_list_costs_more() -> None:
    assert found(np.arange(10_000, dtype=np.int32).reshape(100, 100)).levels is None
    assert found(np.array([[0, 1 << 19]], np.int32)).levels is None
    assert found(np.array([[0, 1 << 30]] * 50, np.int32)).levels is None


# ---- anything


@given(data=st.data())
def test_any_raster(data: st.DataObject) -> None:
    """Few patterns, many times: of any bits, and on grids."""
    dtype = data.draw(st.sampled_from(DTYPES))
    width = 8 * np.dtype(dtype).itemsize
    near = st.integers(-300, 300)
    cells = st.integers(0, (1 << width) - 1)
    if dtype in FLOATS:
        parts = data.draw(st.sampled_from([1, 10, 100, 7]))
        kind = np.dtype(f"u{width // 8}")
        on_grid = near.map(lambda k: int(np.array(k / parts, dtype).view(kind)))
        cells = st.one_of(on_grid, on_grid, on_grid, cells)
    elif width == 64:
        cells = st.one_of(near, near, st.integers(-LARGEST, LARGEST)).map(lambda k: k % (1 << 47))
    palette = data.draw(st.lists(cells, min_size=1, max_size=40))
    shape = (data.draw(st.integers(1, 70)), data.draw(st.integers(1, 70)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    bits = rng.choice(np.array(palette, f"u{width // 8}"), shape)
    values = bits.view(dtype)
    nodata = data.draw(st.sampled_from([None, -9999.0, math.nan, 0.0]))
    if width == 64 and dtype not in FLOATS:
        values = np.minimum(values, LARGEST)
    found(values, nodata)
