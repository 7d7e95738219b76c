"""Frequency tables and symbols."""

import numpy as np
import pytest

from demzip.constants import (
    ESCAPE,
    MAX_SHIFT,
    OPEN_ESCAPE,
    SIDE_REACH,
    SIDE_TOKENS,
    TABLE_TOTAL,
    TOKENS,
)
from demzip.entropy.kernels import symbol_of
from demzip.entropy.tables import (
    MAX_LEVEL,
    QUARTER_OCTAVE,
    Table,
    compile_tables,
    levels_of,
    normalise,
    side_tokens,
    token_spans,
)
from tests.reference import tables as reference
from tests.unit import make


def level_lists() -> list[list[int]]:
    rng = np.random.default_rng(0)
    lists = [[level] for level in range(1, MAX_LEVEL + 1)]
    lists += [[level, 1] for level in range(MAX_LEVEL + 1)]
    lists += [[1, level] for level in range(1, MAX_LEVEL + 1)]
    lists += [[MAX_LEVEL] * 113, [1] * 113, [*[1] * 112, MAX_LEVEL], [*[0] * 112, 1]]
    lists += [[*rng.integers(0, 61, int(rng.integers(2, 113))).tolist(), 1] for _ in range(200)]
    return lists


def test_frequencies_sum_to_the_total_and_keep_what_occurs() -> None:
    for levels in level_lists():
        for total in (1 << 12, 1 << 24):
            found = normalise(np.array(levels), total)
            assert found.sum() == total
            assert ((found > 0) == (np.array(levels) > 0)).all()
            assert found.min() >= 0
            assert found.tolist() == reference.frequencies(levels, total)


def test_frequencies_of_many_tables_at_once() -> None:
    rng = np.random.default_rng(2)
    levels = rng.integers(0, MAX_LEVEL + 1, (60, ESCAPE + 1)) * rng.integers(0, 2, (60, 1))
    levels[::3] = np.minimum(levels[::3], 2)  # many equals
    levels[:, ESCAPE] = rng.integers(1, MAX_LEVEL + 1, 60)
    for total in (1 << 12, 1 << 24):
        found = normalise(levels, total)
        for row, frequencies in zip(levels.tolist(), found.tolist(), strict=True):
            assert frequencies == reference.frequencies(row, total)


def test_quarter_octaves_are_what_they_say() -> None:
    assert [round(16384 * 2 ** (k / 4)) for k in range(4)] == list(QUARTER_OCTAVE)


def test_levels_of_are_the_nearest_quarter_octaves() -> None:
    for total in (10.0, 4096.0, 1e9):
        shares = np.geomspace(1e-4, 1, 60)
        levels = levels_of(shares * total, np.array(total))
        assert levels.min() >= 1
        assert levels.max() <= MAX_LEVEL
        assert (abs((levels - (MAX_LEVEL - 4)) / 4 - np.log2(shares)) <= 0.125 + 1e-9).all()
    assert levels_of(np.array([1e-30]), np.array(1.0)).tolist() == [1]


def test_spans_cover_every_quotient_once() -> None:
    first, width = token_spans()
    covered = np.zeros(2 * SIDE_REACH, np.int64)
    for symbol in range(TOKENS):
        covered[first[symbol] + SIDE_REACH : first[symbol] + SIDE_REACH + (1 << width[symbol])] += 1
        assert (first[symbol], width[symbol]) == reference.span_of(symbol)
    assert (covered == 1).all()


def test_symbol_of_every_quotient() -> None:
    tokens = side_tokens()
    assert tokens[:SIDE_REACH].max() == SIDE_TOKENS - 1
    for quotient in range(-SIDE_REACH - 3, SIDE_REACH + 3):
        assert symbol_of(np.int64(quotient), tokens) == reference.symbol_of(quotient)
    for quotient in (-(1 << 63), (1 << 63) - 1, 1 << 40, -(1 << 32)):
        assert symbol_of(np.int64(quotient), tokens) == ESCAPE


def test_compiled_tables_hold_what_the_tables_say() -> None:
    rng = np.random.default_rng(1)
    tables = [make.table(rng, full=k % 2 == 0) for k in range(20)]
    tables += [Table(MAX_SHIFT, 0, (60,) * 112, 1), Table(0, 112, (), 60), Table(3, 0, (0,), 9)]
    compiled = compile_tables(tuple(tables))
    slots = compiled.slots.reshape(len(tables), TABLE_TOTAL).tolist()
    found_symbols, codes, tilts = (
        array.reshape(len(tables), 128).tolist()
        for array in (compiled.symbols, compiled.codes, compiled.tilts)
    )
    for row, table in enumerate(tables):
        slow = reference.Table(table.shift, table.first, list(table.levels), table.escape)
        cumulative = 0
        symbols = [*range(table.first, table.first + len(table.levels)), ESCAPE]
        for symbol, frequency in zip(symbols, slow.chances, strict=True):
            assert slots[row][cumulative : cumulative + frequency] == [
                symbol << 24 | distance << 12 | frequency - 1 for distance in range(frequency)
            ]
            assert codes[row][symbol] == (cumulative << 13 | frequency if frequency else 0)
            cumulative += frequency
        assert cumulative == TABLE_TOTAL
        assert {codes[row][symbol] for symbol in {*range(128)} - {*symbols}} <= {0}
        for symbol in range(TOKENS):
            start, width = reference.span_of(symbol)
            entry = found_symbols[row][symbol]
            assert (entry >> 16, entry >> 6 & 31) == (start, table.shift)
            assert entry & 63 == width + table.shift
            first, last = slow.ends(symbol)
            assert tilts[row][symbol] == first << 32 | last
        assert found_symbols[row][ESCAPE] & 63 == OPEN_ESCAPE
        assert compiled.shifts[row] == table.shift


@pytest.mark.parametrize(
    ("table", "legal"),
    [
        (Table(0, 0, (1,), 1), True),
        (Table(21, 0, (60,) * 112, 60), True),
        (Table(0, 112, (), 60), True),
        (Table(22, 0, (1,), 1), False),
        (Table(-1, 0, (1,), 1), False),
        (Table(0, -1, (1,), 1), False),
        (Table(0, 112, (1,), 1), False),
        (Table(0, 0, (61,), 1), False),
        (Table(0, 0, (-1,), 1), False),
        (Table(0, 0, (1,), 0), False),
        (Table(0, 0, (1,), 61), False),
    ],
)
def test_legal_tables(table: Table, legal: bool) -> None:
    assert table.is_legal() is legal
