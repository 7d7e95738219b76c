"""Contexts that share tables."""

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.constants import CONTEXTS, ESCAPE, MAX_CLUSTERS, MAX_SHIFT, SIDE_TOKENS
from demzip.entropy.clustering import (
    TABLE_BITS,
    TOKEN_BITS,
    choose_shifts,
    make_tables,
    plain_first,
)
from demzip.entropy.tables import Table

Int64Array = NDArray[np.int64]


def cost(histogram: Int64Array, groups: Int64Array) -> float:
    """Bits of contexts that share tables by group: table and information."""
    total = 0.0
    for group in np.unique(groups):
        counts = histogram[groups == group].sum(axis=0)
        present = counts[counts > 0]
        if present.size == 0:
            continue
        share = present / present.sum()
        total += -(present * np.log2(share)).sum() + TABLE_BITS + TOKEN_BITS * present.size
    return total


def histograms(seed: int, kinds: int, samples: int) -> Int64Array:
    """Contexts of a few kinds of residuals."""
    rng = np.random.default_rng(seed)
    histogram = np.zeros((CONTEXTS, ESCAPE + 1), np.int64)
    for context in range(CONTEXTS):
        if rng.random() < 0.2:
            continue
        scale = 1.5 ** (context * kinds // CONTEXTS)
        symbols = np.rint(scale * rng.laplace(size=samples)).astype(np.int64) + SIDE_TOKENS
        symbols = np.where((symbols < 0) | (symbols > 111), ESCAPE, symbols)
        histogram[context] = np.bincount(symbols, minlength=ESCAPE + 1)
    return histogram


@pytest.mark.parametrize("kinds", [1, 3, 9])
@pytest.mark.parametrize("samples", [3, 400])
def test_never_worse_than_one_table_or_one_per_context(kinds: int, samples: int) -> None:
    histogram = histograms(kinds, kinds, samples)
    tables, table_of = make_tables(histogram, np.zeros(CONTEXTS, np.int64))
    occupied = histogram.any(axis=1)
    found = cost(histogram[occupied], table_of[occupied])
    assert found <= cost(histogram[occupied], np.zeros(occupied.sum(), np.int64)) + 1e-6
    assert found <= cost(histogram[occupied], np.arange(occupied.sum())) + 1e-6
    assert 1 <= len(tables) <= MAX_CLUSTERS
    assert all(table.is_legal() for table in tables)
    if samples > 3:
        assert (kinds + 1) // 2 <= len(tables) <= 6 * kinds


def test_every_symbol_that_occurs_has_a_frequency() -> None:
    histogram = histograms(4, 5, 200)
    shifts = np.arange(CONTEXTS) % 3
    tables, table_of = make_tables(histogram, shifts)
    for context in np.flatnonzero(histogram.any(axis=1)):
        table = tables[table_of[context]]
        assert table.shift == shifts[context]
        for symbol in np.flatnonzero(histogram[context, :ESCAPE]):
            assert table.levels[symbol - table.first] > 0
    assert not table_of[~histogram.any(axis=1)].any()


def test_more_than_64_different_contexts_are_forced_together() -> None:
    histogram = np.zeros((CONTEXTS, ESCAPE + 1), np.int64)
    for context in range(100):
        histogram[context, context : context + 3] = 100_000
    tables, table_of = make_tables(histogram, np.zeros(CONTEXTS, np.int64))
    assert len(tables) == MAX_CLUSTERS
    assert table_of.max() == MAX_CLUSTERS - 1


def test_nothing_to_code_and_only_escapes() -> None:
    empty = np.zeros((CONTEXTS, ESCAPE + 1), np.int64)
    tables, table_of = make_tables(empty, np.zeros(CONTEXTS, np.int64))
    assert len(tables) == 1
    assert tables[0].is_legal()
    assert not table_of.any()
    empty[9, ESCAPE] = 5
    tables, _ = make_tables(empty, np.zeros(CONTEXTS, np.int64))
    assert len(tables) == 1
    assert tables[0].is_legal()


def test_shifts_bring_the_mean_token_between_3_and_6() -> None:
    for mean in (1.0, 6.1, 50.0, 4000.0, 1e6):
        shift = int(choose_shifts(np.array([10]), np.array([10 * mean]))[0])
        assert shift == 0 or 3 <= mean / (1 << shift) < 6
    assert choose_shifts(np.array([0, 1]), np.array([0.0, 1e30])).tolist() == [0, MAX_SHIFT]


def test_tables_without_shift_come_first() -> None:
    shifts = [2, 0, 1, 0, 0, 3]
    tables = tuple(Table(shift, number, (), 60) for number, shift in enumerate(shifts))
    of_context = np.random.default_rng(1).integers(0, len(shifts), CONTEXTS)
    found, renumbered = plain_first(tables, of_context)
    assert [table.shift for table in found] == [0, 0, 0, 2, 1, 3]
    assert [found[k] for k in renumbered] == [tables[k] for k in of_context]
