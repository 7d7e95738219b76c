"""Varints and lists of integers."""

import numpy as np
import pytest

from demzip.entropy.integers import (
    ByteReader,
    fold,
    read_integers,
    unfold,
    write_integers,
    write_varint,
)
from demzip.errors import CorruptError, TruncatedError
from tests.reference.fields import Fields, RejectError


def values_of_every_length() -> list[int]:
    made = [0, 1, 2]
    for bits in range(1, 63):
        made += [(1 << bits) - 1, 1 << bits, (1 << bits) + 1]
    return [value for value in made if value < 1 << 63]


@pytest.mark.parametrize("value", [*values_of_every_length(), (1 << 63) - 1])
def test_varint(value: int) -> None:
    data = write_varint(value)
    reader = ByteReader(data + b"\xff", "test")
    assert reader.varint() == value
    assert reader.position == len(data) == max(1, -(-value.bit_length() // 7))
    assert Fields(data).varint() == value


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 9 + b"\x01",  # 2**63 and more
        b"\x80" * 9 + b"\x01",
        b"\x80" * 10 + b"\x00",  # too long
        b"\xff" * 20,
    ],
)
def test_varints_that_are_too_large_or_too_long(data: bytes) -> None:
    with pytest.raises(CorruptError, match="test"):
        ByteReader(data, "test").varint()
    with pytest.raises(RejectError):
        Fields(data).varint()


def test_varint_forms() -> None:
    """Longer forms than necessary are legal; limits are exclusive; an early end is truncation."""
    assert ByteReader(b"\x81\x80\x00", "test").varint() == 1
    assert Fields(b"\x81\x80\x00").varint() == 1
    assert ByteReader(b"\x09", "test").varint(10) == 9
    with pytest.raises(CorruptError):
        ByteReader(b"\x0a", "test").varint(10)
    for data in (b"", b"\x80", b"\x80" * 8):
        with pytest.raises(TruncatedError):
            ByteReader(data, "test").varint()
    assert ByteReader(write_varint(fold(-8)), "test").signed(8) == -8
    with pytest.raises(CorruptError):
        ByteReader(write_varint(fold(8)), "test").signed(8)


def test_fold() -> None:
    assert [fold(value) for value in (0, -1, 1, -2, 2)] == [0, 1, 2, 3, 4]
    for value in (*range(-300, 300), -(1 << 62), (1 << 62) - 1):
        assert unfold(fold(value)) == value


def lists() -> list[list[int]]:
    rng = np.random.default_rng(0)
    every = [value for value in values_of_every_length() if value < 1 << 62]
    made = [[], [0], [-1], [7] * 50, [7] * 50 + [-8], every, [-value for value in every]]
    made += [[(1 << 62) - 1, -(1 << 62)], list(range(-30, 31)), [1 << 61] * 9]
    # Extra bits of every length, from every bit of a byte on.
    made.append([value >> 1 for value in every for _ in range(9)])
    for scale in (2, 40, 5000, 1 << 40):
        made.append(np.rint(scale * rng.standard_normal(300)).astype(np.int64).tolist())
    return made


@pytest.mark.parametrize("values", lists(), ids=lambda values: f"{len(values)}")
def test_lists(values: list[int]) -> None:
    data = write_integers(np.array(values, np.int64))
    reader = ByteReader(data, "test")
    assert read_integers(reader, len(values)).tolist() == values
    reader.done()
    slow = Fields(data)
    assert slow.signed_list(len(values)) == values
    slow.done()


def test_long_lists_of_long_numbers_take_time_in_proportion() -> None:
    # With one large number for all extra bits, these 8 MB took a quarter of an hour.
    values = np.full(1 << 20, (1 << 61) + 12345, np.int64)
    values[::3] *= -1
    reader = ByteReader(write_integers(values), "test")
    assert np.array_equal(read_integers(reader, values.size), values)
    reader.done()


def test_lists_that_end_early() -> None:
    data = write_integers(np.array([5, -3, 900, 12, -70000, 5, 5], np.int64))
    for size in range(len(data)):
        with pytest.raises(TruncatedError, match="test"):
            read_integers(ByteReader(data[:size], "test"), 7)
        with pytest.raises(RejectError):
            Fields(data[:size]).signed_list(7)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",  # no tokens
        b"\x02\x00",  # none of them occurs
        b"\x87" + b"\x11" * 68,  # 135 tokens
        b"\x02\xff\x06" + b"\x00" * 24,  # more words than 3 integers can need
        b"\x02\xff\x02" + b"\xff" * 8,  # no range coder wrote these
    ],
)
def test_illegal_lists(data: bytes) -> None:
    with pytest.raises(CorruptError, match=r"test|damaged"):
        read_integers(ByteReader(data, "test"), 3)
    with pytest.raises(RejectError):
        Fields(data).signed_list(3)


def test_mutated_lists_agree_with_the_reference() -> None:
    """Any bytes: the same integers from both, or an error from both."""
    rng = np.random.default_rng(3)
    data = bytearray(write_integers(np.rint(60 * rng.standard_normal(40)).astype(np.int64)))
    outcomes = set()
    for _ in range(600):
        changed = bytearray(data)
        for _ in range(int(rng.integers(1, 4))):
            changed[rng.integers(len(changed))] = rng.integers(256)
        slow: list[int] | None
        try:
            slow = Fields(bytes(changed)).signed_list(40)
        except RejectError:
            slow = None
        try:
            found = read_integers(ByteReader(bytes(changed), "test"), 40).tolist()
        except CorruptError:
            found = None
        assert found == slow
        outcomes.add(found is None)
    assert outcomes == {True, False}


def test_reader_takes_words_and_checks_its_end() -> None:
    reader = ByteReader(bytes(range(9)), "test")
    assert reader.words(2).tolist() == [0x03020100, 0x07060504]
    with pytest.raises(CorruptError, match="1 bytes too many"):
        reader.done()
    with pytest.raises(TruncatedError):
        reader.words(1)
    assert bytes(reader.take(1)) == b"\x08"
    reader.done()
