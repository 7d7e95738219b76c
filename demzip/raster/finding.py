"""The exact map of a raster, found from a sample and proven on every value."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from demzip.errors import UnsupportedError
from demzip.raster.evidence import Evidence, Expectation, gather, measure
from demzip.raster.grids import grid_cost, guess_grid, spacing_cost
from demzip.raster.levels import Occurrence, Span, levels_may_be_rare, use_ranks
from demzip.raster.sentinels import find_sentinels, usual_values
from demzip.raster.values import DTYPES, LARGEST, MAX_FILLS, AnyArray, ValueMap, pattern_of

__all__ = ["Mapper", "ReadBlock", "Span", "find_map"]

Box = tuple[slice, slice]
ReadBlock = Callable[[slice, slice], AnyArray]
Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]

SAMPLE_BOXES = 8  # that are read to guess; more only where most values are missing
MOST_SAMPLE_BOXES = 32
SAMPLE_VALUES = 1 << 14  # of each box
ENOUGH_VALUES = 1 << 12  # not missing, from which on a sample is large enough
GUESSES = 3  # full passes, at most, until floats are taken as floats
REGRET = 0.05  # bits a value by which a guess may turn out worse before there is another
MIN_FILL = 3  # values off the grid with one pattern, from which on it is a fill
FEW = 1 / 16  # share of the values of an integer raster that may lie off the grid


@dataclass(frozen=True)
class _Pass:
    """A map without levels, and what a pass over the raster told about it."""

    value_map: ValueMap
    expected: Expectation
    evidence: Sequence[Evidence]
    occurrence: Occurrence | None

    @property
    def off_share(self) -> float:
        """Share of values off the grid that fills do not take away, level ground left out."""
        valid = sum(box.changes for box in self.evidence)
        off = sum(box.off_total for box in self.evidence)
        common = sum(count for _, count in _common(self.evidence, self.value_map))
        return min(max(off - common, 0) / max(valid, 1), 1.0)


def find_map(
    read: ReadBlock,
    boxes: list[Box],
    dtype: str,
    nodata: float | None,
    mapper: Mapper = map,
) -> tuple[ValueMap, list[Span]]:
    """Find the map under which every value of a raster comes back bit for bit.

    Args:
        read: Gives the values of a window (rows, cols).
        boxes: Windows that cover the raster.
        dtype: Of the raster.
        nodata: Declared no-data value, or None.
        mapper: Like `map`, perhaps on several threads; gives results in order.

    Returns:
        The map, and per box the least and the greatest sample with code 0 (None if there is none).

    Raises:
        UnsupportedError: A dtype that demzip does not code, or integers too large.

    """
    if dtype not in DTYPES:
        raise UnsupportedError(
            f"{dtype} samples are not supported; demzip codes {', '.join(DTYPES)}"
        )
    declared = None if nodata is None else pattern_of(nodata, dtype)
    plain = ValueMap(dtype, "real" if dtype.startswith("float") else "integer")
    sample = _sample(read, boxes, plain, declared)
    if plain.is_float:
        found = _find_grid(read, boxes, plain, declared, sample, mapper)
    else:
        found = _pass(read, boxes, plain, declared, sample, mapper)
        _check_integers(found, sum(map(_size, boxes)))
    fills = _choose_fills(found)
    final, spans = _finish(read, boxes, found, fills, mapper)
    if found.occurrence is None:
        return final, spans
    total = sum(_size(box) for box in boxes)
    return use_ranks(final, spans, found.occurrence, total)


def _size(box: Box) -> int:
    rows, cols = box
    return int((rows.stop - rows.start) * (cols.stop - cols.start))


# ---- the sample


def _sample(
    read: ReadBlock, boxes: list[Box], plain: ValueMap, declared: int | None
) -> AnyArray:
    """Finite values, not declared missing, from boxes all over the raster."""
    # Steps of the golden section visit every part of the raster early.
    step = max(round(len(boxes) * 0.618), 1)
    while np.gcd(step, len(boxes)) != 1:
        step += 1
    parts: list[AnyArray] = []
    for k in range(min(len(boxes), MOST_SAMPLE_BOXES)):
        if k >= SAMPLE_BOXES and sum(part.size for part in parts) >= ENOUGH_VALUES:
            break
        box = boxes[(len(boxes) // 2 + k * step) % len(boxes)]
        parts.append(_thin(read(*box), plain, declared))
    return np.concatenate(parts)


def _thin(values: AnyArray, plain: ValueMap, declared: int | None) -> AnyArray:
    """Values of some rows of a box; level ground, cheap in any way, counts once."""
    rows = max(SAMPLE_VALUES // values.shape[1], 1)
    part = np.ascontiguousarray(values[:: -(-values.shape[0] // rows)])
    keep = np.ones(part.shape, np.bool_)
    keep[1:, 0] = part[1:, 0] != part[:-1, 0]
    keep[:, 1:] = part[:, 1:] != part[:, :-1]
    if plain.is_float:
        keep &= np.isfinite(part)
    if declared is not None:
        keep &= part.view(plain.pattern) != declared
    return part[keep]


# ---- passes


def _pass(
    read: ReadBlock,
    boxes: list[Box],
    value_map: ValueMap,
    declared: int | None,
    sample: AnyArray,
    mapper: Mapper,
) -> _Pass:
    expected = Expectation.of_sample(sample, value_map, declared)
    occurrence = None
    if value_map.rule != "real":
        numbers, placed = value_map.place(np.ascontiguousarray(sample))
        numbers = numbers if placed is None else numbers[placed]
        if levels_may_be_rare(numbers):
            occurrence = Occurrence(int(np.median(numbers)) if numbers.size else 0)
    work = partial(
        _gather_box, read, value_map=value_map, expected=expected, occurrence=occurrence
    )
    return _Pass(value_map, expected, list(mapper(work, boxes)), occurrence)


def _gather_box(
    read: ReadBlock,
    box: Box,
    value_map: ValueMap,
    expected: Expectation,
    occurrence: Occurrence | None,
) -> Evidence:
    return gather(read(*box), value_map, expected, occurrence)


def _find_grid(
    read: ReadBlock,
    boxes: list[Box],
    plain: ValueMap,
    declared: int | None,
    sample: AnyArray,
    mapper: Mapper,
) -> _Pass:
    """The pass of the best map; guesses that the whole raster refutes are made anew."""
    first = _core(sample, plain, declared)
    best: _Pass | None = None
    price = spacing_cost(first)
    tried: list[ValueMap] = []
    for _ in range(GUESSES):
        guess, guessed = guess_grid(_core(sample, plain, declared), plain)
        if guess in tried or guess == plain:
            break
        tried.append(guess)
        found = _pass(read, boxes, guess, declared, sample, mapper)
        cost = grid_cost(guess, found.off_share)
        if cost < price or not first.size:
            best, price = found, cost
        if cost <= guessed + REGRET:
            break
        worst = sorted(range(len(boxes)), key=lambda k: -found.evidence[k].off_total)
        more = [_thin(read(*boxes[k]), plain, declared) for k in worst[:SAMPLE_BOXES]]
        sample = np.concatenate([sample, *more])
        if not first.size:
            first = _core(sample, plain, declared)
            best, price = None, spacing_cost(first)
    return best or _pass(read, boxes, plain, declared, sample, mapper)


def _core(sample: AnyArray, plain: ValueMap, declared: int | None) -> AnyArray:
    """A sample without what may be sentinels."""
    expected = Expectation.of_sample(sample, plain, declared)
    strange = None
    if sample.size:
        bits = np.ascontiguousarray(sample).view(plain.pattern)
        strange = expected.strange(sample, bits, sample.min(), sample.max())
    return sample if strange is None else sample[~strange]


def _check_integers(found: _Pass, total: int) -> None:
    common = sum(count for _, count in _common(found.evidence, found.value_map))
    off = sum(box.off_total for box in found.evidence) - common
    if off <= FEW * total:
        return
    raise UnsupportedError(
        f"most values of this {found.value_map.dtype} raster must lie within "
        f"-{LARGEST} .. {LARGEST} (2**46), and {off / total:.0%} do not"
    )


# ---- fills, exceptions, spans


def _common(evidence: Sequence[Evidence], value_map: ValueMap) -> list[tuple[int, int]]:
    """Patterns off the grid that are frequent or no elevations, most frequent first."""
    off: Counter[int] = Counter()
    for box in evidence:
        off.update(box.off)
    values = np.array(list(off), value_map.pattern).view(value_map.dtype)
    odd = ~np.isfinite(values) | (values == 0)  # what is no number on a grid, and -0.0
    odd_patterns = set(values[odd].view(value_map.pattern).tolist())
    frequent = {p: count for p, count in off.items() if count >= MIN_FILL or p in odd_patterns}
    return Counter(frequent).most_common(MAX_FILLS)


def _choose_fills(found: _Pass) -> tuple[int, ...]:
    """Fill patterns: the declared one if it occurs, then by frequency."""
    strange: Counter[int] = Counter()
    for box in found.evidence:
        strange.update(box.strange)
    value_map = found.value_map
    values = np.array(list(strange), value_map.pattern).view(value_map.dtype)
    placed = value_map.place(values)[1]
    on_grid = [True] * values.size if placed is None else placed.tolist()
    ranges = [box.range for box in found.evidence if box.range is not None]
    core = (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None
    numbers = values.astype(np.float64).tolist()
    sentinels = find_sentinels(set(numbers), core, usual_values(value_map.dtype))
    counts = Counter(dict(_common(found.evidence, value_map)))
    for value, lies, (pattern, count) in zip(numbers, on_grid, strange.items(), strict=True):
        if value in sentinels or (not lies and count >= MIN_FILL):
            counts[pattern] += count
    declared = found.expected.declared
    fills = [pattern for pattern, _ in counts.most_common(MAX_FILLS)]
    if declared is not None and any(box.declared for box in found.evidence):
        fills = [declared, *fills][:MAX_FILLS]
    return tuple(fills)


def _finish(
    read: ReadBlock,
    boxes: list[Box],
    found: _Pass,
    fills: tuple[int, ...],
    mapper: Mapper,
) -> tuple[ValueMap, list[Span]]:
    """The map with its fills; boxes whose evidence says too little are read once more."""
    final = replace(found.value_map, fills=fills)
    settled = [_settle(box, final, found.occurrence) for box in found.evidence]
    unclear = [k for k, result in enumerate(settled) if result is None]
    again = mapper(
        lambda k: measure(read(*boxes[k]), final, found.occurrence), unclear
    )
    for k, result in zip(unclear, again, strict=True):
        settled[k] = result
    results = [result for result in settled if result is not None]
    exceptions = sum(count for _, count in results)
    return replace(final, exceptions=exceptions), [span for span, _ in results]


def _settle(
    box: Evidence, final: ValueMap, occurrence: Occurrence | None
) -> tuple[Span, int] | None:
    """Span and exceptions of a box under the final map, None if they are not known."""
    if not box.complete:
        return None
    explicit = sum(count for pattern, count in box.off.items() if pattern not in final.fills)
    span = box.span
    left = {p: count for p, count in box.strange.items() if p not in final.fills}
    if left:
        values = np.array(list(left), final.pattern).view(final.dtype)
        more, off = measure(values, replace(final, fills=()), occurrence)
        placed = final.place(values)[1]
        if placed is not None:
            counts = np.array(list(left.values()))
            off = int(counts[~placed].sum())
        explicit += off
        if more is not None:
            span = more if span is None else (min(span[0], more[0]), max(span[1], more[1]))
    return span, explicit
