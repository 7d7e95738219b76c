"""Values of a raster and the integers they stand for (docs/format.md section 3.3).

A value is either missing (it has the fill pattern, bit for bit) or lies on a grid: it is the
float nearest to k * numerator / denominator, or for integer rasters k itself. Where few of the
grid's levels occur, a sample is the rank of its level.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demzip.errors import UnsupportedError
from demzip.raster.kernels import mark_levels

Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]
AnyArray = NDArray[np.generic]
IntegerArray = NDArray[np.integer]
ReadBlock = Callable[[slice, slice], AnyArray]
Span = tuple[int, int] | None
Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]

# Position is the identifier in the container.
DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")

DECIMALS = tuple(10**digits for digits in range(7))
BINARIES = tuple(2**bits for bits in range(1, 17))  # 1 is a decimal one
LARGEST = 2**46  # of a grid number: products with weights stay far below 2**63
EXACT = 2**53  # doubles hold every integer up to here
RANK_SPAN = 1 << 20  # widest range of levels whose ranks are considered
RANK_OCCUPANCY = 0.9  # ranks are used where a smaller share of the levels occurs


@dataclass(frozen=True)
class ValueMap:
    """Exact map between values and samples.

    Attributes:
        dtype: One of DTYPES.
        denominator: Grid numbers per unit; 1 for integer rasters.
        fill: Bit pattern (unsigned, of the dtype's width) of missing samples, or None.
        levels: Ascending grid numbers whose ranks are the samples, or None.

    """

    dtype: str
    denominator: int = 1
    fill: int | None = None
    levels: Int64Array | None = None

    @property
    def is_float(self) -> bool:
        """Whether values are floating-point."""
        return self.dtype.startswith("float")

    @property
    def pattern(self) -> np.dtype[np.generic]:
        """Unsigned integer dtype of a value's bits."""
        return np.dtype(f"u{np.dtype(self.dtype).itemsize}")

    def describe(self) -> str:
        """The map in words, e.g. "float32 on a 0.01 grid"."""
        if not self.is_float:
            return self.dtype
        step = "whole numbers" if self.denominator == 1 else f"a 1/{self.denominator} grid"
        if self.denominator in DECIMALS[1:]:
            step = f"a {1 / self.denominator:g} grid"
        return f"{self.dtype} on {step}"

    def holes(self, values: AnyArray) -> UInt8Array | None:
        """Mask of missing samples, or None where there is none."""
        if self.fill is None:
            return None
        mask = np.ascontiguousarray(values).view(self.pattern) == self.fill
        return mask.astype(np.uint8) if mask.any() else None

    def numbers(self, values: AnyArray, holes: UInt8Array | None) -> IntegerArray | None:
        """Grid number of each value, or None if one does not lie on the grid.

        Numbers of integer values are the values themselves; in holes they mean nothing.
        """
        if not self.is_float:
            return values.view(self.dtype)
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = np.rint(values.astype(np.float64) * self.denominator)
            inside = np.abs(scaled) <= LARGEST
            if holes is not None:
                inside |= holes != 0
            if not inside.all():
                return None
            numbers = np.where(np.isfinite(scaled), scaled, 0).astype(np.int64)
            if holes is not None:
                numbers[holes != 0] = 0
        same = self.restore(numbers).view(self.pattern) == values.view(self.pattern)
        if holes is not None:
            same |= holes != 0
        return numbers if same.all() else None

    def restore(self, numbers: IntegerArray) -> AnyArray:
        """Values of grid numbers: one correctly rounded division, then rounding to the dtype."""
        if not self.is_float:
            return numbers.astype(self.dtype)
        return (numbers.astype(np.float64) / self.denominator).astype(self.dtype)

    def to_samples(self, values: AnyArray) -> tuple[IntegerArray, UInt8Array | None]:
        """Samples of a block and its holes, whose samples are meaningless.

        Raises:
            UnsupportedError: A value does not lie on the grid.

        """
        holes = self.holes(values)
        numbers = self.numbers(np.ascontiguousarray(values), holes)
        if numbers is None:
            raise UnsupportedError(f"a value does not lie on the grid ({self.describe()})")
        if self.levels is not None:
            numbers = self._rank(numbers)
        return numbers, holes

    def _rank(self, numbers: IntegerArray) -> Int64Array:
        assert self.levels is not None
        table = np.zeros(int(self.levels[-1] - self.levels[0]) + 1, np.int64)
        table[self.levels - self.levels[0]] = np.arange(self.levels.size)
        steps = numbers.astype(np.int64) - self.levels[0]
        ranks: Int64Array = table[np.clip(steps, 0, table.size - 1)]
        return ranks

    def covers(self, lowest: int, highest: int) -> bool:
        """Whether every sample from lowest to highest stands for a value."""
        if self.levels is not None:
            return lowest >= 0 and highest < self.levels.size
        if self.is_float:
            return max(-lowest, highest) <= LARGEST
        kind = np.iinfo(self.dtype)
        return bool(kind.min <= lowest and highest <= kind.max)

    def to_values(
        self, samples: IntegerArray, holes: UInt8Array | None
    ) -> AnyArray:
        """Inverse of to_samples, for samples that `covers` accepts where there are no holes."""
        numbers = samples
        if self.levels is not None:
            numbers = self.levels[samples if holes is None else np.where(holes, 0, samples)]
        values = self.restore(numbers)
        if holes is not None and self.fill is not None:
            values.view(self.pattern)[holes != 0] = self.fill
        return values


def pattern_of(value: float, dtype: str) -> int | None:
    """Bit pattern of a declared no-data value in a raster of `dtype`, None if it cannot occur."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            return int(np.array(value, kind).view(f"u{kind.itemsize}"))
    if not np.isfinite(value) or value != int(value):
        return None
    if not np.iinfo(kind).min <= value <= np.iinfo(kind).max:
        return None
    return int(np.array(int(value), kind).view(f"u{kind.itemsize}"))


def find_map(
    read: ReadBlock,
    boxes: list[tuple[slice, slice]],
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
        mapper: Like `map`, perhaps on several threads.

    Returns:
        The map, and per box the least and the greatest sample (None where all are missing).

    Raises:
        UnsupportedError: Values have no exact grid, or a dtype that demzip does not code.

    """
    if dtype not in DTYPES:
        raise UnsupportedError(
            f"{dtype} samples are not supported; demzip codes {', '.join(DTYPES)}"
        )
    fill = None if nodata is None else pattern_of(nodata, dtype)
    value_map = ValueMap(dtype, 1, fill)
    if value_map.is_float:
        value_map = _find_grid(read, boxes, value_map)
    return _find_levels(read, boxes, value_map, mapper)


def _find_grid(
    read: ReadBlock, boxes: list[tuple[slice, slice]], value_map: ValueMap
) -> ValueMap:
    candidates = [
        replace(value_map, denominator=denominator)
        for denominator in sorted(DECIMALS + BINARIES)  # the coarsest grid that fits
    ]
    kind = np.dtype(value_map.dtype)
    seen_nan: int | None = None
    for box in boxes:
        values = np.ascontiguousarray(read(*box))
        patterns = np.unique(values.view(value_map.pattern)[np.isnan(values.astype(kind))])
        for pattern in patterns.tolist():
            if value_map.fill is not None and pattern == value_map.fill:
                continue
            if seen_nan not in (None, pattern):
                raise UnsupportedError("NaNs of several bit patterns are not supported yet")
            seen_nan = pattern
            # Undeclared NaNs are the holes, and a declared number is one value among others.
            candidates = [replace(candidate, fill=pattern) for candidate in candidates]
    for box in boxes:
        values = np.ascontiguousarray(read(*box))
        holes = candidates[0].holes(values)
        candidates = [
            candidate for candidate in candidates if candidate.numbers(values, holes) is not None
        ]
        if not candidates:
            raise UnsupportedError(
                f"{value_map.dtype} values that lie on no decimal or binary grid "
                "(infinities, -0.0 and full mantissas among them) are not supported yet"
            )
    return candidates[0]


def _find_levels(
    read: ReadBlock, boxes: list[tuple[slice, slice]], value_map: ValueMap, mapper: Mapper
) -> tuple[ValueMap, list[Span]]:
    """Spans of the boxes; ranks where many levels between lowest and highest do not occur."""
    spans = list(mapper(lambda box: _span(_numbers(read, box, value_map)), boxes))
    found = [span for span in spans if span is not None]
    if not found:
        return value_map, spans
    lowest, highest = min(low for low, _ in found), max(high for _, high in found)
    total = sum(
        (rows.stop - rows.start) * (cols.stop - cols.start) for rows, cols in boxes
    )
    width = highest - lowest + 1
    if not 16 < width <= RANK_SPAN:
        return value_map, spans
    occurs = np.zeros(width, np.bool_)
    for box in boxes:
        numbers = _numbers(read, box, value_map)
        if numbers is not None:
            mark_levels(numbers, lowest, occurs)
            if np.count_nonzero(occurs) > RANK_OCCUPANCY * width:
                return value_map, spans
    levels = np.flatnonzero(occurs)
    # The list of levels costs about a bit per level of the span; ranks save at least half of
    # what the gaps would.
    if 0.5 * total * np.log2(width / levels.size) < width:
        return value_map, spans
    rank = np.cumsum(occurs) - 1
    ranks: list[Span] = [
        None if span is None else (int(rank[span[0] - lowest]), int(rank[span[1] - lowest]))
        for span in spans
    ]
    return replace(value_map, levels=levels + lowest), ranks


def _numbers(
    read: ReadBlock, box: tuple[slice, slice], value_map: ValueMap
) -> IntegerArray | None:
    """Grid numbers of the samples of a box that are not missing, None where all are."""
    values = read(*box)
    holes = value_map.holes(values)
    if value_map.is_float:
        values = np.ascontiguousarray(values)
    numbers = value_map.numbers(values, holes)
    assert numbers is not None
    if holes is not None:
        numbers = numbers[holes == 0]
    return numbers.reshape(-1) if numbers.size else None


def _span(numbers: IntegerArray | None) -> Span:
    return None if numbers is None else (int(numbers.min()), int(numbers.max()))
