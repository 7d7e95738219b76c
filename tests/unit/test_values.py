"""Values and the integers they stand for."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.errors import UnsupportedError
from demzip.raster.values import LARGEST, Span, ValueMap, find_map, pattern_of
from tests import terrain

Array = NDArray[Any]
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32")


def find(
    values: Array, nodata: float | None = None, block: int = 32
) -> tuple[ValueMap, list[Span]]:
    rows, cols = values.shape
    boxes = [
        (slice(row, min(row + block, rows)), slice(col, min(col + block, cols)))
        for row in range(0, rows, block)
        for col in range(0, cols, block)
    ]
    return find_map(lambda r, c: values[r, c], boxes, values.dtype.name, nodata)


def round_trip(values: Array, nodata: float | None = None) -> ValueMap:
    """Find the map of some values and check that they come back bit for bit."""
    found, spans = find(values, nodata)
    samples, holes = found.to_samples(values)
    assert found.to_values(samples, holes).tobytes() == values.tobytes()
    valid = samples if holes is None else samples[holes == 0]
    known = [span for span in spans if span is not None]
    if valid.size:
        assert found.covers(int(valid.min()), int(valid.max()))
        assert min(low for low, _ in known) == valid.min()
        assert max(high for _, high in known) == valid.max()
    else:
        assert not known
    return found


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers(dtype: str) -> None:
    kind = np.iinfo(dtype)
    rng = np.random.default_rng(1)
    noise = rng.integers(kind.min, kind.max, (40, 50), dtype=dtype, endpoint=True)
    noise[0, :2] = kind.min, kind.max
    found = round_trip(noise)
    assert (found.denominator, found.fill, found.describe()) == (1, None, dtype)
    assert round_trip(noise, float(kind.min)).fill is not None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("denominator", [1, 10, 100, 1000, 10**6, 2, 4, 8, 32, 64, 128, 65536])
def test_the_coarsest_grid_is_found(dtype: str, denominator: int) -> None:
    """Sixty-fourths lie on the grid of millionths, too; all bits of a finer grid would be coded."""
    numbers = terrain.relief(40, 50) * 3 + 1
    values = (numbers / denominator).astype(dtype)
    found = round_trip(values)
    assert found.denominator == denominator
    assert found.is_float
    np.testing.assert_array_equal(found.numbers(values, None), numbers)


def test_descriptions() -> None:
    assert ValueMap("float32", 100).describe() == "float32 on a 0.01 grid"
    assert ValueMap("float64", 1).describe() == "float64 on whole numbers"
    assert ValueMap("float64", 128).describe() == "float64 on a 1/128 grid"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_double_rounding_is_that_of_the_document(dtype: str) -> None:
    """One binary64 division, then one rounding to the dtype."""
    for number, denominator in ((3, 10), (16777217, 10), (999999999999, 1000), (-7, 65536)):
        found = ValueMap(dtype, denominator).restore(np.array([number]))
        assert found[0] == np.dtype(dtype).type(float(number) / float(denominator))


@pytest.mark.parametrize(
    "value", [-0.0, math.inf, -math.inf, math.pi, 1e300, 5e-324, 2.0**47, 0.1 + 1e-12]
)
def test_values_without_a_grid(value: float) -> None:
    values = np.ones((5, 5))
    values[2, 2] = value
    with pytest.raises(UnsupportedError):
        find(values)
    assert round_trip(values, value).fill is not None  # but they may be missing


def test_nans() -> None:
    values = terrain.relief(20, 20).astype(np.float32)
    values[3, 4:9] = np.nan
    assert round_trip(values).fill == 0x7FC00000
    assert round_trip(values, math.nan).fill == 0x7FC00000
    assert round_trip(values, -9999.0).fill == 0x7FC00000
    values[5, 5] = -9999.0
    found = round_trip(values, -9999.0)
    assert found.fill == 0x7FC00000  # the declared value is one among others
    values.view(np.uint32)[7, 7] = 0xFFC00001
    with pytest.raises(UnsupportedError, match="NaN"):
        find(values)
    odd = np.where(np.isnan(values), np.float32(0), values)
    odd.view(np.uint32)[7, :3] = 0xFFC00001
    assert round_trip(odd).fill == 0xFFC00001


def test_all_missing() -> None:
    values = np.full((20, 20), -1, np.int16)
    found, spans = find(values, -1.0, block=16)
    assert spans == [None] * 4
    assert found.to_samples(values)[1] is not None


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
        (-9999.0, "float32", 0xC61C3C00),
        (-0.0, "float64", 0x8000000000000000),
        (-3.4028234663852886e38, "float32", 0xFF7FFFFF),
    ],
)
def test_patterns(value: float, dtype: str, pattern: int | None) -> None:
    assert pattern_of(value, dtype) == pattern


@pytest.mark.parametrize("dtype", ["int64", "uint64", "float16", "complex64", "bool"])
def test_other_dtypes(dtype: str) -> None:
    with pytest.raises(UnsupportedError, match=dtype):
        find(np.zeros((3, 3), dtype))


# ---- ranks


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_ranks_where_few_levels_occur(dtype: str) -> None:
    values = ((terrain.relief(90, 90) + 80) // 4 * 7 % 250).astype(dtype)
    values[5:9, 5:30] = 251
    found = round_trip(values, 251.0)
    assert found.levels is not None
    occurring = np.unique(values[values != 251]).astype(np.int64)
    np.testing.assert_array_equal(found.levels, occurring)
    samples, holes = found.to_samples(values)
    assert holes is not None
    assert samples[holes == 0].max() == occurring.size - 1
    assert not found.covers(-1, 0)
    assert not found.covers(0, occurring.size)


def test_no_ranks_where_most_levels_occur_or_the_list_costs_more() -> None:
    assert round_trip(np.arange(10_000, dtype=np.int32).reshape(100, 100)).levels is None
    assert round_trip(np.array([[0, 1 << 19]], np.int32)).levels is None
    assert round_trip(np.array([[0, 1 << 30]] * 50, np.int32)).levels is None


def test_samples_that_stand_for_nothing() -> None:
    assert ValueMap("uint8").covers(0, 255)
    assert not ValueMap("uint8").covers(0, 256)
    assert not ValueMap("uint8").covers(-1, 0)
    assert ValueMap("float32", 10).covers(-LARGEST, LARGEST)
    assert not ValueMap("float32", 10).covers(-LARGEST - 1, 0)


def test_other_values_than_those_of_the_map() -> None:
    found = ValueMap("float32", 10)
    with pytest.raises(UnsupportedError, match="grid"):
        found.to_samples(np.array([[0.05]], np.float32))
