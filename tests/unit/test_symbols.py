"""Single samples: kernels that take and put them, against plain Python and against each other."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.constants import ESCAPE
from demzip.entropy.kernels import chance_of_lower
from demzip.entropy.tables import Table, compile_tables, side_tokens
from demzip.scan.symbols.kernels import (
    number_of,
    plain_tables,
    put_bits,
    put_escape,
    put_part,
    put_sample,
    take_bits,
    take_escape,
    take_popular,
    take_sample,
)
from tests.reference.lanes import LEAST, Coded, Lanes, encode
from tests.reference.tables import Halving
from tests.reference.tables import Popularity as SlowPopularity
from tests.reference.tables import Table as SlowTable
from tests.unit import make

ROOM = 40  # half words behind the last, or before the first
RESIDUALS = [
    *(sign * (1 << place) + near for place in range(62) for near in (-1, 0, 1) for sign in (-1, 1)),
    (1 << 62) - 1, -(1 << 62),
]  # fmt: skip


def words_of(values: list[int]) -> NDArray[np.uint16]:
    return np.array(values + [0] * ROOM, np.uint16)


def states(rng: np.random.Generator, count: int) -> list[int]:
    """Legal ones, the limits among them."""
    random = rng.integers(LEAST, 1 << 32, count) >> rng.integers(0, 16, count)
    return [LEAST, (1 << 32) - 1, *np.maximum(random, LEAST).tolist()]


@pytest.mark.parametrize("count", range(17))
def test_bits(count: int) -> None:
    rng = np.random.default_rng(count)
    words = words_of(rng.integers(0, LEAST, 3).tolist())
    for state in states(rng, 50):
        slow = Lanes([state], words.tolist())
        bits, after, position = take_bits(np.uint64(state), words, 0, count)
        assert (bits, after, position) == (slow.take_bits(0, count), slow.states[0], slow.next)
        room = words.copy()
        again = put_bits(np.uint64(after), room, position, np.uint64(bits), count)
        assert again == (state, 0)
        np.testing.assert_array_equal(room, words)


@pytest.mark.parametrize("bits", [12, 16])
def test_parts(bits: int) -> None:
    """What puts a symbol is undone by the rule that takes it."""
    rng = np.random.default_rng(bits)
    edges = {0, 1, 2, (1 << bits) - 1, 1 << bits, *rng.integers(0, 1 << bits, 60).tolist()}
    cumulative = sorted(edges)
    chances = [high - low for low, high in pairwise(cumulative)]
    for state in states(rng, 30):
        for symbol, (start, frequency) in enumerate(zip(cumulative, chances, strict=False)):
            room = np.zeros(1, np.uint16)
            after, position = put_part(
                np.uint64(state), room, 1, np.uint64(start), np.uint64(frequency), np.uint64(bits)
            )
            assert LEAST <= int(after) < 1 << 32
            slow = Lanes([int(after)], room[position:].tolist())
            assert slow.take(0, chances, bits) == symbol
            assert (slow.states[0], position + slow.next) == (state, 1)


def test_escapes() -> None:
    """Every length from 0 to 63 bits."""
    lengths = set()
    escapes = SlowTable(0, 0, [], 60)
    for residual in RESIDUALS:
        (part, *_) = Coded(0, escapes, residual).escape()
        lengths.add(part.start)
        room = np.zeros(ROOM, np.uint16)
        state, position = put_escape(np.uint64(LEAST), room, ROOM, residual)
        found_states, found = encode([[Coded(0, escapes, residual)]], 1)
        assert ([state], room[position:].tolist()) == (found_states, found)
        slow = Lanes(found_states, found)
        assert slow.take_escape(0) == residual
        assert take_escape(np.uint64(state), words_of(found), 0) == (residual, LEAST, len(found))
    assert lengths == set(range(64))


def test_chances_of_halves() -> None:
    rng = np.random.default_rng(7)
    for _ in range(2000):
        left, right = (int(rng.integers(0, 1 << 46)) >> int(rng.integers(46)) for _ in range(2))
        first, last = (int(rng.integers(0, 4096 << 6)) >> int(rng.integers(18)) for _ in range(2))
        if left == 0 or right == 0 or first + last == 0:
            continue
        popularity = SlowPopularity(0, [0, 0])
        popularity.below = [0, left, left + right]
        expected = Halving(popularity, 0, 1, (first, last)).chance()
        assert chance_of_lower(left, right, first, last) == expected


@pytest.mark.parametrize("width", [0, 1, 2, 5, 11])
def test_popular_levels(width: int) -> None:
    """All levels of a span that reaches beyond those that have a mass, on either side."""
    rng = np.random.default_rng(width)
    made = make.popularity(rng, rng.integers(0, max(1 << width >> 1, 1), 40))
    slow = SlowPopularity(made.first, made.classes.tolist())
    ends = (int(rng.integers(1, 9999)), int(rng.integers(0, 9999)))
    tilt = ends[0] << 32 | ends[1]
    for start in (made.first - (1 << width >> 1), made.first, made.first - (1 << width) - 1):
        for state in states(rng, 40):
            words = words_of(rng.integers(0, LEAST, 12).tolist())
            lane = Lanes([state], words.tolist())
            level = lane.take_popular(0, Halving(slow, start, width, ends))
            offset, after, position = take_popular(
                width, start - made.first, tilt, made.cumulative, np.uint64(state), words, 0
            )
            assert (start + offset, after, position) == (level, lane.states[0], lane.next)


@pytest.mark.parametrize("popular", [False, True])
def test_samples(popular: bool) -> None:
    """A lane of samples with tables of all kinds, put and taken."""
    rng = np.random.default_rng(popular)
    tables = [make.table(rng, full=k % 2 == 0) for k in range(8)] + [Table(0, 0, (), 1)]
    tables += [Table(shift, 0, (40,) * 112, 30) for shift in (11, 21)]
    slow = [SlowTable(t.shift, t.first, list(t.levels), t.escape) for t in tables]
    numbers = rng.integers(0, len(tables), len(RESIDUALS)).tolist()
    levels = rng.integers(-500, 500, len(RESIDUALS))
    used = make.popularity(rng, levels)
    popularity = SlowPopularity(used.first, used.classes.tolist()) if popular else None
    origin = -used.first
    coded = [
        Coded(0, slow[number], residual, int(level))
        for number, residual, level in zip(numbers, RESIDUALS, levels, strict=True)
    ]
    found_states, found = encode([[one] for one in coded], 1, popularity)
    compiled = compile_tables(tuple(tables))
    room = np.zeros(27 * len(coded), np.uint16)
    state, position = np.uint64(LEAST), room.size
    shared = (compiled.symbols, compiled.shifts, side_tokens(), compiled.tilts, used.cumulative)
    choices = np.zeros(32, np.int64)
    for number, one in reversed(list(zip(numbers, coded, strict=True))):
        state, position = put_sample(
            number, one.residual, one.sample + origin, popular, compiled.codes, *shared,
            np.uint64(state), room, position, choices,
        )  # fmt: skip
    assert ([state], room[position:].tolist()) == (found_states, found)
    words, position = words_of(found), 0
    for number, one in zip(numbers, coded, strict=True):
        place = one.sample - one.residual + origin
        residual, state, position = take_sample(
            number, place, popular, compiled.slots, compiled.symbols, compiled.tilts,
            used.cumulative, np.uint64(state), words, position,
        )  # fmt: skip
        assert residual == one.residual
    assert (state, position) == (LEAST, len(found))
    assert {ESCAPE} < {one.symbol for one in coded}


@pytest.mark.parametrize(
    ("shifts", "plain"), [([0], 1), ([3], 0), ([0, 0, 2, 0], 2), ([0, 0, 0], 3), ([1, 0], 0)]
)
def test_plain_tables(shifts: list[int], plain: int) -> None:
    assert plain_tables(np.array(shifts, np.int32)) == plain


def test_symbols_of_residuals() -> None:
    rng = np.random.default_rng(3)
    tables = [make.table(rng, full=k % 2 == 0) for k in range(9)] + [Table(0, 112, (), 9)]
    compiled = compile_tables(tuple(tables))
    for number, table in enumerate(tables):
        slow = SlowTable(table.shift, table.first, list(table.levels), table.escape)
        for residual in RESIDUALS + list(range(-600, 600, 7)):
            expected = 128 * number + Coded(0, slow, residual).symbol
            assert expected == number_of(
                residual, number, compiled.codes, compiled.shifts, side_tokens()
            )
