"""Values of a raster and the integers they stand for (docs/format.md section 3.3).

Every value has a code: 0 says that it lies on the raster's grid and comes back from a number, bit
for bit; 1 .. 254 that it has one of the fill patterns; 255 that its bits are kept as they are.
Where few of the grid's levels occur, a sample is the rank of its level.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from demzip.errors import CorruptError

Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]
AnyArray = NDArray[np.generic]
IntegerArray = NDArray[np.integer]
Rule = Literal["integer", "ratio", "product", "affine", "real"]

# Position is the identifier in the container.
DTYPES = (
    "int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64", "int64", "uint64",
)  # fmt: skip
RULES: tuple[Rule, ...] = ("integer", "ratio", "product", "affine", "real")

LARGEST = 2**46  # of a grid number: products with weights stay far below 2**63
EXACT = 2**53  # doubles hold every integer up to here
EXACT_SINGLE = 2**24  # and floats up to here
MAX_FILLS = 254
MAX_PARTS = 1 << 32
EXPLICIT = 255  # code of a value whose bits are kept as they are
UNITS = ((381, 1250, "feet"), (1200, 3937, "US survey feet"))  # in metres


@dataclass(frozen=True)
class ValueMap:
    """Exact map between values and samples.

    Attributes:
        dtype: One of DTYPES.
        rule: How a number becomes a value: "integer" for integer dtypes, the others for floats,
            "product" for float32 only. "real" has no grid: a number is the place of a finite
            float in the order of all floats.
        numerator, denominator: Of "ratio", 1 .. 2**32 - 1: value = number * numerator /
            denominator.
        scale: Of "product" (a binary32) and "affine", finite and > 0.
        offset: Of "affine", finite: value = offset + number * scale.
        fills: Bit patterns (unsigned, of the dtype's width) of missing samples, at most 254.
        levels: Ascending grid numbers whose ranks are the samples, or None.
        exceptions: Values of the raster that are no fill and lie off the grid.

    """

    dtype: str
    rule: Rule = "integer"
    numerator: int = 1
    denominator: int = 1
    scale: float = 1.0
    offset: float = 0.0
    fills: tuple[int, ...] = ()
    levels: Int64Array | None = None
    exceptions: int = 0

    @property
    def is_float(self) -> bool:
        """Whether values are floating-point."""
        return self.dtype.startswith("float")

    @property
    def pattern(self) -> np.dtype[np.unsignedinteger]:
        """Unsigned integer dtype of a value's bits."""
        return np.dtype(f"u{np.dtype(self.dtype).itemsize}")

    @property
    def sample_dtype(self) -> np.dtype[np.generic]:
        """A dtype for samples that `covers` accepts: that of the values where they are equal."""
        same = self.rule == "integer" and self.levels is None
        return np.dtype(self.dtype if same else np.int64)

    @property
    def step(self) -> float | None:
        """Distance of neighbouring grid values; None for "real"."""
        if self.rule == "real":
            return None
        if self.rule in ("product", "affine"):
            return self.scale
        return self.numerator / self.denominator

    def describe(self) -> str:
        """The map in words, e.g. "float32 on a 0.01 grid, 3 exceptions"."""
        words = f"{self.dtype} on {self._grid_words()}" if self.is_float else self.dtype
        if self.rule == "real":
            words = f"{self.dtype}, full mantissas"
        if not self.exceptions:
            return words
        return f"{words}, {self.exceptions} exception{'s' if self.exceptions > 1 else ''}"

    def _grid_words(self) -> str:
        if self.rule == "product":
            return f"a {self.scale:.7g} grid (rounded products)"
        if self.rule == "affine":
            return f"a {self.scale:.7g} grid" + (" (scale and offset)" if self.offset else "")
        if self.numerator == self.denominator:
            return "whole numbers"
        if self.numerator == 1 and self.denominator >= 8 and self.denominator.bit_count() == 1:
            return f"a 1/{self.denominator} grid"
        return f"a {self.step:.10g} grid{self._unit_words()}"

    def _unit_words(self) -> str:
        for numerator, denominator, unit in UNITS:
            for digits in range(4):
                parts = 10**digits
                if self.numerator * denominator * parts == self.denominator * numerator:
                    return f" ({unit if not digits else f'{1 / parts:g} {unit}'})"
        return ""

    def check(self) -> None:
        """See that the fields, which a file may have given, are legal.

        Raises:
            CorruptError: One is not; the message says which.

        """
        grid = self.rule in ("product", "affine")
        levels = self.levels
        if self.is_float == (self.rule == "integer") or (
            self.rule == "product" and self.dtype != "float32"
        ):
            raise CorruptError(f"{self.dtype} values cannot have the rule {self.rule!r}")
        if not (0 < self.numerator < MAX_PARTS and 0 < self.denominator < MAX_PARTS):
            raise CorruptError("a numerator or denominator is not 1 .. 2**32 - 1")
        if grid and not (0 < self.scale < math.inf and math.isfinite(self.offset)):
            raise CorruptError("a scale is not finite and above 0, or an offset not finite")
        if len(self.fills) > MAX_FILLS or any(
            fill >> 8 * self.pattern.itemsize for fill in self.fills
        ):
            raise CorruptError("there are too many fill patterns, or one is wider than the values")
        if levels is None:
            return
        plain = replace(self, levels=None)
        if self.rule == "real" or not plain.covers(int(levels[0]), int(levels[-1])):
            raise CorruptError("a level stands for no value")

    # ---- values to samples

    def to_samples(self, values: AnyArray) -> tuple[IntegerArray, UInt8Array | None]:
        """Samples of some values, and their codes (None if all are 0).

        Samples whose code is not 0 mean nothing.
        """
        values = np.ascontiguousarray(values)
        numbers, placed = self.place(values)
        if self.levels is not None:
            numbers, known = self._rank(numbers)
            placed = known if placed is None else placed & known
        bits = values.view(self.pattern)
        codes = None
        if placed is not None and not placed.all():
            codes = placed.view(np.uint8) - np.uint8(1)  # 0, or 255: EXPLICIT
        for code, fill in enumerate(self.fills, 1):
            found = bits == fill
            if found.any():
                if codes is None:
                    codes = np.multiply(found, np.uint8(code))
                else:
                    np.copyto(codes, np.uint8(code), where=found)
        return numbers, codes

    def codes(self, values: AnyArray) -> UInt8Array | None:
        """Code of each value: 0 on the grid, i + 1 for fills[i], 255 else; None if all are 0."""
        return self.to_samples(values)[1]

    def explicit(self, values: AnyArray, codes: UInt8Array | None) -> NDArray[np.unsignedinteger]:
        """Bit patterns of the values with code 255, in raster order."""
        if codes is None or codes.max() < EXPLICIT:
            return np.zeros(0, self.pattern)
        found: NDArray[np.unsignedinteger] = np.ascontiguousarray(values).view(self.pattern)[
            codes == EXPLICIT
        ]
        return found

    def place(self, values: AnyArray) -> tuple[IntegerArray, BoolArray | None]:
        """Grid number of each value (contiguous), and which values it gives back.

        None in place of the mask says that all do. Neither fills nor levels matter here.
        """
        if self.rule == "integer":
            return self._place_integers(values)
        bits = values.view(self.pattern)
        if self.rule == "real":
            finite = np.isfinite(values)
            return _order(bits), None if finite.all() else finite
        with np.errstate(all="ignore"):
            scaled = self._estimate(values.astype(np.float64))
            same: BoolArray = np.abs(scaled) <= self._limit
            numbers = np.where(same, scaled, 0.0) + 0.0  # the integer 0 has no sign
            same &= self._restore_doubles(numbers).view(self.pattern) == bits
            return numbers.astype(np.int64), None if same.all() else same

    def _place_integers(self, values: AnyArray) -> tuple[IntegerArray, BoolArray | None]:
        integers: IntegerArray = values.view(self.dtype)
        if integers.dtype.itemsize < 8:
            return integers, None
        inside: BoolArray = integers <= LARGEST
        if self.dtype == "int64":
            inside &= integers >= -LARGEST
        return integers.view(np.int64), None if inside.all() else inside

    def _estimate(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The number that a value most likely has; `place` checks it."""
        if self.rule == "ratio":
            return np.rint(values * self.denominator / self.numerator)
        return np.rint((values - self.offset) / self.scale)

    def _rank(self, numbers: IntegerArray) -> tuple[Int64Array, BoolArray]:
        assert self.levels is not None
        lowest, highest = int(self.levels[0]), int(self.levels[-1])
        table = np.full(highest - lowest + 1, -1, np.int64)
        table[self.levels - lowest] = np.arange(self.levels.size)
        wide = numbers.astype(np.int64)
        ranks: Int64Array = table[np.clip(wide, lowest, highest) - lowest]
        return ranks, (wide >= lowest) & (wide <= highest) & (ranks >= 0)

    # ---- samples to values

    def covers(self, lowest: int, highest: int) -> bool:
        """Whether every sample from lowest to highest stands for a value."""
        if self.levels is not None:
            return lowest >= 0 and highest < self.levels.size
        least, greatest = -self._limit, self._limit
        if self.rule == "real":
            info = np.finfo(np.dtype(self.dtype))
            greatest = int(np.array(info.max, self.dtype).view(self.pattern))
            least = -greatest - 1
        elif self.rule == "integer":
            kind = np.iinfo(self.dtype)
            least, greatest = max(least, int(kind.min)), min(greatest, int(kind.max))
        return least <= lowest and highest <= greatest

    @property
    def _limit(self) -> int:
        """Largest magnitude of a number."""
        if self.rule == "product":
            return EXACT_SINGLE
        return min(LARGEST, EXACT // self.numerator)

    def restore(self, numbers: IntegerArray) -> AnyArray:
        """Values of grid numbers."""
        if self.rule == "integer":
            return numbers.astype(self.dtype, copy=False)
        if self.rule == "real":
            return _disorder(numbers, self.pattern).view(self.dtype)
        with np.errstate(all="ignore"):
            return self._restore_doubles(numbers.astype(np.float64))

    def _restore_doubles(self, numbers: NDArray[np.float64]) -> AnyArray:
        """One IEEE operation at a time, each correctly rounded, never fused."""
        if self.rule == "product":
            singles: AnyArray = numbers.astype(np.float32) * np.float32(self.scale)
            return singles
        if self.rule == "affine":
            products = numbers * self.scale
            return (self.offset + products).astype(self.dtype)
        return ((numbers * self.numerator) / self.denominator).astype(self.dtype)

    def to_values(
        self,
        samples: IntegerArray,
        codes: UInt8Array | None,
        explicit: NDArray[np.unsignedinteger] | None = None,
    ) -> AnyArray:
        """Inverse of to_samples, for samples that `covers` accepts where codes are 0.

        Args:
            samples: Any shape.
            codes: Of the same shape, or None for zeros.
            explicit: Bit patterns of the samples with code 255, in raster order.

        Raises:
            CorruptError: A code stands for no fill, or there are more or fewer explicit patterns
                than codes of 255.

        """
        numbers = samples
        if self.levels is not None:
            numbers = self.levels[samples if codes is None else np.where(codes, 0, samples)]
        values = np.ascontiguousarray(self.restore(numbers))
        if codes is None:
            return values
        given = 0 if explicit is None else explicit.size
        if codes.max() <= min(len(self.fills), 1) and not given:  # so most blocks are
            fill = self.pattern.type(self.fills[0] if self.fills else 0)
            np.copyto(values.view(self.pattern), fill, where=codes.view(np.bool_))
            return values
        holes = np.flatnonzero(codes != 0)
        found = codes.ravel()[holes]
        kept = found == EXPLICIT
        if np.any(found[~kept] > len(self.fills)):
            raise CorruptError("a sample has a code that stands for no fill pattern")
        if given != np.count_nonzero(kept):
            raise CorruptError("samples off the grid and their bit patterns differ in number")
        table = np.zeros(256, self.pattern)
        table[1 : len(self.fills) + 1] = self.fills
        patterns = table[found]
        if explicit is not None:
            patterns[kept] = explicit.ravel()
        values.view(self.pattern).reshape(-1)[holes] = patterns
        return values


def _order(bits: NDArray[np.unsignedinteger]) -> IntegerArray:
    """Places of floats in their order: -1 for -0.0, 0 for 0.0, 1 for the least above."""
    kind = np.dtype(f"i{bits.dtype.itemsize}")
    signed = bits.view(kind)
    flipped: IntegerArray = signed ^ ((signed >> (8 * kind.itemsize - 1)) & np.iinfo(kind).max)
    return flipped


def _disorder(numbers: IntegerArray, pattern: np.dtype[np.unsignedinteger]) -> AnyArray:
    signed = np.ascontiguousarray(numbers.astype(f"i{pattern.itemsize}"))
    return _order(signed.view(pattern)).view(pattern)


def pattern_of(value: float, dtype: str) -> int | None:
    """Bit pattern of a declared no-data value in a raster of `dtype`, None if it cannot occur."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            return int(np.array(value, kind).view(f"u{kind.itemsize}"))
    if not math.isfinite(value) or value != int(value):
        return None
    if not np.iinfo(kind).min <= value <= np.iinfo(kind).max:
        return None
    return int(np.array(int(value), kind).view(f"u{kind.itemsize}"))
