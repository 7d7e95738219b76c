"""Streams under one table: kernels, reference coder and constriction write the same words."""

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.entropy import range_coder
from demzip.errors import CorruptError
from tests.reference.coder import RangeDecoder, RangeEncoder

TOTAL = 1 << 24


def tables() -> list[NDArray[np.int64]]:
    """Even, skewed to either end, and random frequencies."""
    rng = np.random.default_rng(1)
    made = [
        np.array([TOTAL - 1, 1]),
        np.array([1, TOTAL - 1]),
        np.array([TOTAL // 2, TOTAL // 2]),
        np.array([1, TOTAL - 2, 1]),
        np.full(256, TOTAL // 256),
    ]
    for size in (3, 17, 134):
        shares = rng.exponential(size=size) ** 3
        frequencies = np.maximum(1, (shares / shares.sum() * (TOTAL - size)).astype(np.int64))
        frequencies[0] += TOTAL - frequencies.sum()
        made.append(frequencies)
    return made


TABLES = tables()
LENGTHS = (0, 1, 2, 3, 50, 1500)


def random_symbols(frequencies: NDArray[np.int64], count: int, typical: bool) -> NDArray[np.int64]:
    rng = np.random.default_rng([count, typical])
    if typical:
        made = rng.choice(frequencies.size, count, p=frequencies / TOTAL)
    else:
        made = rng.integers(0, frequencies.size, count)
    return made.astype(np.int64)


@pytest.mark.parametrize("number", range(len(TABLES)))
@pytest.mark.parametrize("typical", [False, True])
@pytest.mark.parametrize("count", LENGTHS)
def test_same_words_everywhere(number: int, count: int, typical: bool) -> None:
    frequencies = TABLES[number]
    symbols = random_symbols(frequencies, count, typical)
    words = range_coder.encode(symbols, frequencies, twin=True)
    slow = RangeEncoder()
    for symbol in symbols.tolist():
        slow.put_symbol(symbol, frequencies.tolist(), 24)
    assert words.tolist() == slow.words()
    if range_coder.constriction is not None:
        np.testing.assert_array_equal(range_coder.encode(symbols, frequencies), words)
        np.testing.assert_array_equal(range_coder.decode(words, count, frequencies), symbols)
    back = range_coder.decode(words, count, frequencies, twin=True)
    np.testing.assert_array_equal(back, symbols)
    reader = RangeDecoder(words.tolist())
    assert [reader.take(frequencies.tolist(), 24) for _ in range(count)] == symbols.tolist()
    assert reader.ends()


def test_carries_reach_back() -> None:
    """Low ends near a power of two: search small streams in which a written word changes."""
    rng = np.random.default_rng(9)
    frequencies = np.array([TOTAL - 3, 1, 2])
    changed = 0
    for _ in range(300):
        symbols = rng.choice(3, 60, p=[0.5, 0.1, 0.4]).astype(np.int64)
        words = range_coder.encode(symbols, frequencies, twin=True)
        slow = RangeEncoder()
        early: list[int] = []
        for symbol in symbols.tolist():
            slow.put_symbol(symbol, frequencies.tolist(), 24)
            while len(early) < slow.moved:
                early.append(slow.low >> (64 + 32 * (slow.moved - 1 - len(early))) & 0xFFFFFFFF)
        assert words.tolist() == slow.words()
        changed += early != words.tolist()[: len(early)]
    assert changed > 0


@pytest.mark.parametrize("twin", [False, True])
def test_damaged_words_raise_or_decode(twin: bool) -> None:
    """Any words give symbols of the table or CorruptError, the same from both engines."""
    rng = np.random.default_rng(5)
    for number, frequencies in enumerate(TABLES):
        for count in (0, 1, 4):
            words = rng.integers(0, 1 << 32, count, dtype=np.uint32)
            try:
                symbols = range_coder.decode(words, 30, frequencies, twin=twin).tolist()
            except CorruptError:
                symbols = None
            reader = RangeDecoder(words.tolist())
            slow = [reader.take(frequencies.tolist(), 24) for _ in range(30)]
            assert symbols == (None if None in slow else slow), number


def test_words_of_ones_are_damaged() -> None:
    words = np.full(4, 0xFFFFFFFF, np.uint32)
    for twin in (False, True):
        with pytest.raises(CorruptError):
            range_coder.decode(words, 3, TABLES[2], twin=twin)
