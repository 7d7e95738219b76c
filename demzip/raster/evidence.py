"""What a pass over a raster tells about a guessed map, box by box."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demzip.raster.levels import Occurrence, Span
from demzip.raster.sentinels import ANY_GAP, USUAL_GAP, core_of, usual_values
from demzip.raster.values import EXPLICIT, AnyArray, BoolArray, ValueMap, pattern_of

MAX_STRANGE = 64  # distinct values outside the expected range; more of them are no sentinels
MAX_OFF = 64  # distinct patterns off the grid that are counted in a box


@dataclass(frozen=True)
class Expectation:
    """What a sample of the raster makes one expect of the rest.

    Attributes:
        low, high: Values beyond are strange.
        patterns: And those that have one of these bit patterns.
        declared: Bit pattern of the declared no-data value, or None.

    """

    low: float
    high: float
    patterns: tuple[tuple[float, int], ...]
    declared: int | None

    @classmethod
    def of_sample(
        cls, values: AnyArray, value_map: ValueMap, declared: int | None
    ) -> "Expectation":
        """Expectation of finite values (any shape) without the declared one."""
        dtype = np.dtype(value_map.dtype)
        info = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
        low, high = float(info.min), float(info.max)
        usual = usual_values(value_map.dtype)
        core = core_of(np.unique(values).astype(np.float64), usual)  # short integers sort faster
        if core is not None and core[0] < core[1]:
            spread = core[1] - core[0]
            near = (core[0] - USUAL_GAP * spread, core[1] + USUAL_GAP * spread)
            usual = usual[(usual < near[0]) | (usual > near[1])]
            low, high = max(low, core[0] - ANY_GAP * spread), min(high, core[1] + ANY_GAP * spread)
        elif core is not None:
            usual = usual[usual != core[0]]
        inside = tuple(
            (value, pattern)
            for value in usual.tolist()
            if low <= value <= high
            and (pattern := pattern_of(value, value_map.dtype)) is not None
        )
        return cls(low, high, inside, declared)

    def strange(
        self, values: NDArray[Any], bits: NDArray[np.unsignedinteger], least: float, greatest: float
    ) -> BoolArray | None:
        """Mask of strange values; None if there is none.

        Args:
            values: Not empty, without declared ones.
            bits: Their patterns.
            least: Of the values.
            greatest: Of the values.

        """
        mask: BoolArray | None = None
        if not (least >= self.low and greatest <= self.high):
            mask = np.isfinite(values) & ~((values >= self.low) & (values <= self.high))
        for value, pattern in self.patterns:
            if not (value < least or value > greatest):  # NaNs are neither
                found = bits == pattern
                mask = found if mask is None else mask | found
        return None if mask is None or not mask.any() else mask


@dataclass(slots=True)
class Evidence:
    """What one box tells.

    Attributes:
        span: Least and greatest number of its ordinary values on the grid, or None.
        range: Least and greatest of its ordinary values, or None.
        changes: Floats that are not declared and differ from their neighbour; level ground is
            cheap under any map.
        declared: Values with the declared pattern.
        strange: How often each strange pattern occurs.
        off: How often each pattern of ordinary values off the grid occurs.
        off_total: Ordinary values off the grid.
        complete: Whether `strange` and `off` hold all patterns.

    """

    span: Span = None
    range: tuple[float, float] | None = None
    changes: int = 0
    declared: int = 0
    strange: dict[int, int] = field(default_factory=dict)
    off: dict[int, int] = field(default_factory=dict)
    off_total: int = 0
    complete: bool = True


def gather(
    values: AnyArray, value_map: ValueMap, expected: Expectation, occurrence: Occurrence | None
) -> Evidence:
    """Evidence of one box; `value_map` has neither fills nor levels."""
    values = np.ascontiguousarray(values)
    bits = values.view(value_map.pattern)
    declared: BoolArray | None = None
    evidence = Evidence()
    if expected.declared is not None:
        declared = bits == expected.declared
        evidence.declared = int(np.count_nonzero(declared))
        declared = declared if evidence.declared else None
    if evidence.declared == values.size:
        return evidence
    if value_map.is_float:
        evidence.changes = _changes(bits, declared)
    # From here on, without the declared ones, the strange ones, and those off the grid.
    if declared is not None:
        values = values[~declared]
        bits = values.view(value_map.pattern)
    strange = expected.strange(values, bits, values.min(), values.max())
    if strange is not None and _count_strange(bits[strange], evidence):
        values = values[~strange]
        bits = values.view(value_map.pattern)
    numbers, placed = value_map.place(values)
    if placed is not None:
        _count_off(bits[~placed], evidence)
        values, numbers = values[placed], numbers[placed]
    if not numbers.size:
        return evidence
    evidence.range = float(values.min()), float(values.max())
    evidence.span = int(numbers.min()), int(numbers.max())
    if occurrence is not None:
        occurrence.mark(numbers.reshape(-1), evidence.span)
    return evidence


def _changes(bits: NDArray[np.unsignedinteger], declared: BoolArray | None) -> int:
    changes = bits[:, 1:] != bits[:, :-1]
    if declared is not None:
        changes &= ~declared[:, 1:]
    down = np.count_nonzero(bits[1:, 0] != bits[:-1, 0])
    return int(np.count_nonzero(changes) + down) + 1


def _count_strange(bits: NDArray[np.unsignedinteger], evidence: Evidence) -> bool:
    """Note strange patterns, and whether they are few enough to be sentinels."""
    patterns, counts = np.unique(bits, return_counts=True)
    evidence.complete = patterns.size <= MAX_STRANGE
    if evidence.complete:
        evidence.strange.update(dict(zip(patterns.tolist(), counts.tolist(), strict=True)))
    return evidence.complete


def _count_off(bits: NDArray[np.unsignedinteger], evidence: Evidence) -> None:
    evidence.off_total = bits.size
    if not bits.size:
        return
    patterns, counts = np.unique(bits, return_counts=True)
    if patterns.size > MAX_OFF:
        most = np.argsort(-counts, kind="stable")[:MAX_OFF]
        patterns, counts = patterns[most], counts[most]
        evidence.complete = False
    evidence.off.update(dict(zip(patterns.tolist(), counts.tolist(), strict=True)))


def measure(
    values: AnyArray, value_map: ValueMap, occurrence: Occurrence | None
) -> tuple[Span, int]:
    """Span of a box under its final map (without levels) and how many values are explicit."""
    numbers, codes = value_map.to_samples(values)
    if codes is not None:
        numbers = numbers[codes == 0]
    if not numbers.size:
        return None, 0 if codes is None else int(np.count_nonzero(codes == EXPLICIT))
    span = int(numbers.min()), int(numbers.max())
    if occurrence is not None:
        occurrence.mark(numbers.reshape(-1), span)
    return span, 0 if codes is None else int(np.count_nonzero(codes == EXPLICIT))
