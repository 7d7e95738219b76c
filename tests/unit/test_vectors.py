"""Vectors: every operation against NumPy, and the checks of their indices."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip import vectors
from demzip.jit import kernel
from demzip.vectors import (
    WIDTH,
    below,
    compress,
    count,
    dot,
    everywhere,
    expand,
    gather,
    gather_bytes,
    lane_numbers,
    lane_sum,
    lanes_of,
    load,
    logical_shift,
    magnitude,
    narrowed,
    quotient,
    resized,
    select,
    store,
)

ROOT = Path(__file__).resolve().parents[2]
TYPES = (np.int32, np.int64)
SIDE = 7  # an integer beside a vector
SPAN = 5 * WIDTH


@kernel
def arithmetic(a, b, places, out):
    one, two, by = load(a, 0), load(b, 0), load(places, 0)
    total, less = one, one
    total += two
    less -= two
    store(out, 0 * WIDTH, one + two)
    store(out, 1 * WIDTH, one - two)
    store(out, 2 * WIDTH, one * two)
    store(out, 3 * WIDTH, one & two)
    store(out, 4 * WIDTH, one | two)
    store(out, 5 * WIDTH, one << by)
    store(out, 6 * WIDTH, one >> by)
    store(out, 7 * WIDTH, logical_shift(one, by))
    store(out, 8 * WIDTH, magnitude(one))
    store(out, 9 * WIDTH, total)
    store(out, 10 * WIDTH, less)
    store(out, 11 * WIDTH, one + SIDE)
    store(out, 12 * WIDTH, SIDE - one)
    store(out, 13 * WIDTH, SIDE * one)
    store(out, 14 * WIDTH, one & SIDE)
    store(out, 15 * WIDTH, SIDE | one)
    store(out, 16 * WIDTH, SIDE << by)
    store(out, 17 * WIDTH, one >> SIDE)
    store(out, 18 * WIDTH, logical_shift(one, SIDE))
    total -= SIDE
    less += SIDE
    store(out, 19 * WIDTH, total)
    store(out, 20 * WIDTH, less)


def by_numpy(a, b, by):
    unsigned = a.view(f"u{a.itemsize}")
    side = a.dtype.type(SIDE)
    return [
        a + b, a - b, a * b, a & b, a | b, a << by, a >> by,
        (unsigned >> by.view(unsigned.dtype)).view(a.dtype),
        np.where(a < 0, -a, a), a + b, a - b, a + side, side - a, side * a, a & side, side | a,
        side << by, a >> side, (unsigned >> unsigned.dtype.type(SIDE)).view(a.dtype),
        a + b - side, a - b + side,
    ]  # fmt: skip


def values(dtype: type[Any], size: int = WIDTH, seed: int = 0) -> NDArray[Any]:
    """Large and small ones, the least and the greatest, some twice."""
    rng = np.random.default_rng(seed)
    limits = np.iinfo(dtype)
    made = rng.integers(limits.min, limits.max, size, dtype, endpoint=True)
    made >>= rng.integers(0, limits.bits, size).astype(dtype)
    made[:6] = rng.permutation([limits.min, limits.max, -1, 0, 1, SIDE])
    return made


@pytest.mark.parametrize("dtype", TYPES)
def test_arithmetic_wraps(dtype: type[Any]) -> None:
    for seed in range(20):
        a, b = values(dtype, seed=seed), values(dtype, seed=99 * (seed % 7))
        places = np.random.default_rng(seed).integers(0, np.iinfo(dtype).bits, WIDTH).astype(dtype)
        expected = np.concatenate(by_numpy(a, b, places))
        out = np.zeros(expected.size, dtype)
        arithmetic(a, b, places, out)
        np.testing.assert_array_equal(out, expected)


@kernel
def comparisons(a, b, bits, out):
    one, two = load(a, 0), load(b, 0)
    bits[0] = lanes_of(one == two)
    bits[1] = lanes_of(one < two)
    bits[2] = lanes_of(one > two)
    bits[3] = lanes_of(one >= two)
    bits[4] = lanes_of(below(one, two))
    bits[5] = lanes_of(one == SIDE)
    side = SIDE
    bits[6] = lanes_of(side < one)
    bits[7] = lanes_of(one > SIDE)
    bits[8] = lanes_of(side >= one)
    bits[9] = lanes_of(below(one, SIDE))
    bits[10] = lanes_of((one < two) & (one > SIDE))
    bits[11] = lanes_of((one < two) | (one > SIDE))
    bits[12] = lanes_of((one < two) == (one > SIDE))
    bits[13] = count(one < two)
    store(out, 0, select(one < two, one, two))
    store(out, WIDTH, select(one < two, one, SIDE))
    store(out, 2 * WIDTH, select(one < two, SIDE, two))


@pytest.mark.parametrize("dtype", TYPES)
def test_comparisons(dtype: type[Any]) -> None:
    for seed in range(20):
        a, b = values(dtype, seed=seed), values(dtype, seed=seed + seed % 5)
        b[8:] = np.where(np.arange(8) % 3 == 0, a[8:], b[8:])
        unsigned, other = (array.view(f"u{a.itemsize}") for array in (a, b))
        less, more = a < b, a > SIDE
        masks = [
            a == b, less, a > b, a >= b, unsigned < other, a == SIDE, a > SIDE,
            more, a <= SIDE, unsigned < SIDE, less & more, less | more, less == more,
        ]  # fmt: skip
        bits, out = np.zeros(14, np.int64), np.zeros(3 * WIDTH, dtype)
        comparisons(a, b, bits, out)
        assert bits[:13].tolist() == [int(mask @ (1 << np.arange(WIDTH))) for mask in masks]
        assert bits[13] == less.sum()
        chosen = [np.where(less, a, b), np.where(less, a, SIDE), np.where(less, SIDE, b)]
        np.testing.assert_array_equal(out, np.concatenate(chosen))


@kernel
def resizes(narrow, wide, halves, out, longer, small):
    one, two = load(narrow, 0), load(wide, 0)
    store(longer, 0, resized(one, wide))
    store(longer, WIDTH, resized(one, two))
    store(longer, 2 * WIDTH, resized(two, wide))
    store(out, 0, resized(two, narrow))
    store(out, WIDTH, narrowed(two))
    store(out, 2 * WIDTH, narrowed(one))
    store(out, 3 * WIDTH, load(halves, 1))
    store(out, 4 * WIDTH, lane_numbers())
    store(out, 5 * WIDTH, everywhere(narrow[3]))
    store(out, 6 * WIDTH, everywhere(wide[3]))
    store(small, 1, two)
    store(small, WIDTH + 1, one)


def test_widths() -> None:
    for seed in range(10):
        narrow, wide = values(np.int32, seed=seed), values(np.int64, seed=seed + 1)
        halves = values(np.uint16, WIDTH + 1, seed) if seed % 2 else np.full(17, 65535, np.uint16)
        out, longer = np.zeros(7 * WIDTH, np.int32), np.zeros(3 * WIDTH, np.int64)
        small = np.full(2 * WIDTH + 2, 9, np.uint16)
        resizes(narrow, wide, halves, out, longer, small)
        low = wide.astype(np.int32)
        expected = [
            low, low, narrow, halves[1:].astype(np.int32), np.arange(WIDTH),
            np.full(WIDTH, narrow[3]), np.full(WIDTH, low[3]),
        ]  # fmt: skip
        np.testing.assert_array_equal(out, np.concatenate(expected))
        np.testing.assert_array_equal(longer, np.concatenate([narrow, narrow, wide]))
        expected = [[9], wide.astype(np.uint16), narrow.astype(np.uint16), [9]]
        np.testing.assert_array_equal(small, np.concatenate(expected))


@kernel
def copies(array, index, indices, wide_indices, out):
    store(out, 0, load(array, index))
    store(out, WIDTH, gather(array, load(indices, 0)))
    store(out, 2 * WIDTH, gather(array, load(wide_indices, 0)))


@pytest.mark.parametrize("dtype", [*TYPES, np.uint32])
def test_loads_and_gathers(dtype: type[Any]) -> None:
    array = values(dtype, SPAN)
    rng = np.random.default_rng(1)
    for index in (0, 1, 5, SPAN - WIDTH):
        indices = rng.integers(0, SPAN, WIDTH)
        indices[:2] = 0, SPAN - 1
        out = np.zeros(3 * WIDTH, f"i{array.itemsize}")
        copies(array, index, indices.astype(np.int32), indices, out)
        expected = [array[index : index + WIDTH], array[indices], array[indices]]
        np.testing.assert_array_equal(out.view(dtype), np.concatenate(expected))


@kernel
def bytes_at(array, offsets, out):
    store(out, 0, gather_bytes(array, load(offsets, 0)))


def test_gathers_of_bytes() -> None:
    array = values(np.uint8, 40)
    for seed in range(5):
        offsets = np.random.default_rng(seed).integers(0, 37, WIDTH).astype(np.int32)
        offsets[:3] = 0, 36, 1
        out = np.zeros(WIDTH, np.int32)
        bytes_at(array, offsets, out)
        assert out.tolist() == [
            int.from_bytes(array[k : k + 4].tobytes(), "little", signed=True) for k in offsets
        ]


@kernel
def expansion(words, index, numbers, back, out):
    mask = load(numbers, 0) > 0
    found = expand(words, index, mask)
    store(out, 0, found)
    compress(back, index, mask, found | (1 << 16))


def test_expansion_and_compression() -> None:
    words = values(np.uint16, 40)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        index = int(rng.integers(0, 40 - WIDTH + 1))
        numbers = (rng.random(WIDTH) < seed / 39).astype(np.int32)
        back, out = np.full(40, 7, np.uint16), np.zeros(WIDTH, np.int32)
        expansion(words, index, numbers, back, out)
        expected = np.zeros(WIDTH, np.int32)
        taken = int(numbers.sum())
        expected[numbers > 0] = words[index : index + taken]
        np.testing.assert_array_equal(out, expected)
        written = np.full(40, 7, np.uint16)
        written[index : index + taken] = words[index : index + taken]
        np.testing.assert_array_equal(back, written)


@kernel
def quotients(numbers, divisors, out):
    store(out, 0, quotient(load(numbers, 0), load(divisors, 0)))


def test_quotients_are_floored() -> None:
    """Beside multiples, where rounding would show, as far as quotients below 2**20 reach."""
    rng = np.random.default_rng(2)
    for _ in range(2000):
        divisors = rng.integers(1, 1 << 20, WIDTH) >> rng.integers(0, 20, WIDTH)
        divisors = np.maximum(divisors, 1)
        most = np.minimum(((1 << 32) - 1) // divisors, (1 << 20) - 1)
        numbers = rng.integers(0, most, WIDTH, endpoint=True) * divisors
        numbers[::2] = most[::2] * divisors[::2]
        last = np.minimum(most * divisors + divisors, 1 << 32) - 1
        numbers = np.clip(numbers + rng.integers(-1, 2, WIDTH), 0, last)
        numbers[3] = last[3]
        out = np.zeros(WIDTH, np.int32)
        quotients(numbers.astype(np.uint32).view(np.int32), divisors.astype(np.int32), out)
        np.testing.assert_array_equal(out.view(np.uint32), numbers // divisors)


@kernel
def dots(one, other, out):
    store(out, 0, dot(load(one, 0), load(other, 0)))


def test_dots() -> None:
    for seed in range(20):
        one, other = values(np.int32, seed=seed), values(np.int32, seed=seed + 50)
        halves = one.view(np.int16).astype(np.int32) * other.view(np.int16)
        out = np.zeros(WIDTH, np.int32)
        dots(one, other, out)
        np.testing.assert_array_equal(out, halves.reshape(WIDTH, 2).sum(axis=1, dtype=np.int32))


@kernel
def sums(vectors_, out):
    for k in range(out.size):
        out[k] = lane_sum(load(vectors_, k * WIDTH))


@pytest.mark.parametrize("dtype", TYPES)
def test_sums(dtype: type) -> None:
    found = np.concatenate([values(dtype, seed=seed) for seed in range(5)])
    out = np.zeros(5, np.int64)
    sums(found, out)
    assert out.tolist() == found.reshape(5, WIDTH).sum(axis=1, dtype=dtype).tolist()


def test_every_operation_is_tested() -> None:
    names = {name for name in vars(vectors) if not name.startswith("_")}
    own = {name for name in names if getattr(vectors, name).__class__.__name__ == "_Intrinsic"}
    assert own == {
        "load", "store", "gather", "gather_bytes", "expand", "compress", "select", "lanes_of",
        "count", "logical_shift", "below", "magnitude", "resized", "narrowed", "quotient",
        "lane_numbers", "lane_sum", "everywhere", "dot",
    }  # fmt: skip


# ---- indices, in a process of its own: NUMBA_BOUNDSCHECK counts when kernels are compiled


@kernel
def load_at(array, index, indices):
    store(indices, 0, narrowed(load(array, index)))


@kernel
def store_at(array, index, indices):
    store(array, index, load(indices, 0))


@kernel
def gather_at(array, index, indices):
    indices[SIDE] = index
    store(indices, 0, narrowed(gather(array, load(indices, 0))))


@kernel
def gather_bytes_at(array, index, indices):
    indices[SIDE] = index
    store(indices, 0, gather_bytes(array, load(indices, 0)))


@kernel
def expand_at(array, index, indices):
    store(indices, 0, expand(array, index, load(indices, 0) == 0))


@kernel
def compress_at(array, index, indices):
    compress(array, index, load(indices, 0) == 0, load(indices, 0))


LASTS = (
    (load_at, (np.int32, np.int64, np.uint16), WIDTH),
    (store_at, (np.int32, np.uint16), WIDTH),
    (gather_at, (np.int32, np.int64), 1),
    (gather_bytes_at, (np.uint8,), 4),
    (expand_at, (np.uint16,), WIDTH),
    (compress_at, (np.uint16,), WIDTH),
)


def check_indices() -> None:
    """Run with NUMBA_BOUNDSCHECK=1. The memory beyond is there: only checks can tell."""
    for function, dtypes, size in LASTS:
        for dtype in dtypes:
            array = np.zeros(4 * WIDTH, dtype)[WIDTH : 3 * WIDTH]
            last = array.size - size
            for index in (0, 1, last):
                function(array, index, np.zeros(WIDTH, np.int32))
            for index in (-1, last + 1, last + 2):
                with pytest.raises(IndexError):
                    function(array, index, np.zeros(WIDTH, np.int32))


def test_indices_are_checked_where_that_is_asked_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from tests.unit.test_vectors import check_indices as f; f()"],
        cwd=ROOT, env=os.environ | {"NUMBA_BOUNDSCHECK": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
