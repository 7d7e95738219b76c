"""The model section."""

from dataclasses import replace

import numpy as np
import pytest

from demzip.constants import (
    ACTIVITY_LEVELS,
    BINS,
    CONTEXTS,
    MAX_CLUSTERS,
    MAX_OFFSET,
    PATTERNS,
    SUBCONTEXTS,
)
from demzip.entropy.integers import ByteReader, write_integers, write_varint
from demzip.entropy.popularity import Popularity
from demzip.entropy.tables import Table
from demzip.errors import CorruptError, TruncatedError
from demzip.residual.contexts import (
    choose_limits,
    context_of_state,
    sums_of_contexts,
    table_of_state,
)
from demzip.scan.model import THRESHOLD_LIMIT, WEIGHT_MAGNITUDE, Model
from tests.reference.fields import RejectError
from tests.reference.model import complete, read_model
from tests.unit import make


def models() -> list[Model]:
    rng = np.random.default_rng(0)
    made = [
        make.model(
            rng, make.weights(rng, sets), np.sort(rng.integers(0, 1 << 40, sets - 1)), sets, count
        )
        for sets, count in ((1, 1), (2, 3), (4, 20), (8, MAX_CLUSTERS))
    ]
    plain = made[0]
    limits = np.sort(rng.integers(0, ACTIVITY_LEVELS, BINS - 1))
    made.append(replace(plain, limits=limits, activity_shift=48))
    made.append(replace(plain, limits=np.zeros(0, np.int64)))
    extreme = np.zeros((1, 24), np.int64)
    extreme[0, :21] = WEIGHT_MAGNITUDE
    extreme[0, 21] = 4096 - extreme.sum()
    made.append(replace(plain, weights=extreme))
    made.append(replace(made[1], thresholds=np.array([THRESHOLD_LIMIT - 1])))
    made.append(replace(plain, tables=(Table(0, 0, (), 1),)))
    made.append(replace(made[1], offsets=make.offsets(rng)))
    made.append(replace(plain, offsets=np.zeros(PATTERNS, np.int64)))
    for first, classes in ((-(1 << 46), [60]), (7, [1, 0, 0, 60, 2, 3] * 50)):
        popularity = Popularity.of_classes(first, np.array(classes, np.int64))
        made.append(replace(plain, popularity=popularity))
    return made


@pytest.mark.parametrize("number", range(13))
def test_models_come_back(number: int) -> None:
    model = models()[number]
    data = model.to_bytes()
    reader = ByteReader(data, "model")
    back = Model.from_bytes(reader)
    reader.done()
    for name in ("weights", "offsets", "thresholds", "limits", "table_of_context"):
        np.testing.assert_array_equal(getattr(back, name), getattr(model, name))
    assert (back.activity_shift, back.tables) == (model.activity_shift, model.tables)
    assert back.popularity.is_used == model.popularity.is_used
    assert back.popularity.first == model.popularity.first
    for name in ("classes", "cumulative"):
        mine, theirs = getattr(back.popularity, name), getattr(model.popularity, name)
        np.testing.assert_array_equal(mine, theirs)
    slow = read_model(data)
    assert (slow.popularity is not None) == model.popularity.is_used
    if slow.popularity is not None:
        assert slow.popularity.first == model.popularity.first
        assert slow.popularity.below == model.popularity.cumulative.tolist()
    assert complete(slow.others) == model.weights.tolist()
    assert slow.offsets == model.offsets.tolist()
    assert slow.thresholds == model.thresholds.tolist()
    assert slow.limits == model.limits.tolist()
    assert slow.table_of_context == model.table_of_context.tolist()
    assert [(t.shift, t.first, tuple(t.levels), t.escape) for t in slow.tables] == [
        (t.shift, t.first, t.levels, t.escape) for t in model.tables
    ]


def popular(model: Model, first: int, classes: list[int]) -> Model:
    array = np.array(classes, np.int64)
    return replace(model, popularity=Popularity(first, array, np.zeros(array.size + 1, np.int64)))


def illegal() -> dict[str, Model]:
    model = models()[1]
    heavy = model.weights.copy()
    heavy[0, 0] = WEIGHT_MAGNITUDE + 1
    return {
        "no set": replace(model, weights=np.zeros((0, 24), np.int64)),
        "nine sets": replace(
            model, weights=np.repeat(model.weights[:1], 9, axis=0), thresholds=np.arange(8)
        ),
        "weight": replace(model, weights=heavy),
        "offset": replace(model, offsets=np.repeat([0, MAX_OFFSET + 1], [PATTERNS - 1, 1])),
        "negative offset": replace(model, offsets=np.full(PATTERNS, -MAX_OFFSET - 1)),
        "two lists of offsets": replace(model, offsets=np.zeros(2 * PATTERNS, np.int64)),
        "activity shift": replace(model, activity_shift=49),
        "threshold": replace(model, thresholds=np.array([THRESHOLD_LIMIT])),
        "negative threshold": replace(model, thresholds=np.array([-1])),
        "descending limits": replace(model, limits=np.array([9, 8])),
        "limit": replace(model, limits=np.array([ACTIVITY_LEVELS])),
        "too many limits": replace(model, limits=np.arange(BINS)),
        "too many tables": replace(model, tables=model.tables[:1] * (MAX_CLUSTERS + 1)),
        "table of a context": replace(model, table_of_context=np.full(CONTEXTS, 3)),
        "shift": replace(model, tables=(Table(22, 0, (5,), 5),) * 3),
        "symbols": replace(model, tables=(Table(0, 100, (5,) * 13, 5),) * 3),
        "escape": replace(model, tables=(Table(0, 100, (5,), 0),) * 3),
        "level": replace(model, tables=(Table(0, 100, (61,), 5),) * 3),
        "popularity class": popular(model, 0, [61]),
        "first popular sample": popular(model, 1 << 47, [5]),
        "negative level": replace(model, tables=(Table(0, 100, (5, -1), 5),) * 3),
    }


@pytest.mark.parametrize("name", illegal())
def test_illegal_models(name: str) -> None:
    model = illegal()[name]
    data = model.to_bytes()
    if name == "no set":
        data = write_varint(0) + models()[1].to_bytes()[1:]
    with pytest.raises(CorruptError):
        Model.from_bytes(ByteReader(data, "model"))
    with pytest.raises(RejectError):
        read_model(data)


def test_contexts_need_a_table_from_the_first_bin_on() -> None:
    model = models()[0]
    data = model.to_bytes()
    marked = write_integers(np.array([-1] * CONTEXTS))  # entry 1 everywhere, as folded
    plain = write_integers(np.array([-1] * 8 + [0] * (CONTEXTS - 8)))
    missing = write_integers(np.array([0] + [-1] * (CONTEXTS - 1)))
    assert plain in data
    for entries, legal in ((marked, True), (missing, False)):
        changed = data.replace(plain, entries)
        if legal:
            back = Model.from_bytes(ByteReader(changed, "model"))
            assert not back.table_of_context.any()
            continue
        with pytest.raises(CorruptError):
            Model.from_bytes(ByteReader(changed, "model"))
        with pytest.raises(RejectError):
            read_model(changed)


def test_models_that_end_early() -> None:
    data = models()[1].to_bytes()
    for size in range(len(data)):
        with pytest.raises(TruncatedError):
            Model.from_bytes(ByteReader(data[:size], "model"))


@pytest.mark.parametrize("limits", [[], [0, 3, 3, 4095], [1, 5, 7, 4000], list(range(1, BINS))])
def test_bins_count_the_limits_at_or_below(limits: list[int]) -> None:
    array = np.array(limits, np.int64)
    contexts = context_of_state(array).tolist()
    tables = np.random.default_rng(0).integers(0, MAX_CLUSTERS, CONTEXTS)
    of_state = table_of_state(array, tables)
    assert len(contexts) == of_state.size - 3 == SUBCONTEXTS * ACTIVITY_LEVELS
    for level in (0, 1, 2, 3, 4, 5, 30, 31, 4094, 4095):
        for sub in range(SUBCONTEXTS):
            context = SUBCONTEXTS * sum(limit <= level for limit in limits) + sub
            assert contexts[SUBCONTEXTS * level + sub] == context
            assert of_state[SUBCONTEXTS * level + sub] == tables[context]
    if len(set(limits) - {0}) == len(limits):
        values = np.random.default_rng(1).integers(0, 1 << 40, len(contexts))
        sums = [0] * CONTEXTS
        for context, value in zip(contexts, values.tolist(), strict=True):
            sums[context] += value
        assert sums_of_contexts(array, values).tolist() == sums


def test_limits_share_samples_out() -> None:
    counts = np.zeros(ACTIVITY_LEVELS, np.int64)
    counts[:3200] = 1
    limits = choose_limits(counts)
    np.testing.assert_array_equal(limits, np.arange(1, BINS) * 100 + 1)
    counts[:] = 0
    counts[7] = 9
    assert choose_limits(counts).tolist() == [8]
    counts[4095] = 1000
    assert (choose_limits(counts) < ACTIVITY_LEVELS).all()
