"""Maps: how the values of a plane come back from its samples (docs/format.md section 3.3)."""

import struct
from dataclasses import dataclass

from tests.reference.fields import Fields, RefuseError, RejectError, running

CODES = "bBhHiIfdqQ"  # of struct, by dtype
FLOAT32, FLOAT64 = 6, 7
INTEGER, RATIO, PRODUCT, AFFINE, REAL = range(5)
RULES = {FLOAT32: (RATIO, PRODUCT, AFFINE, REAL), FLOAT64: (RATIO, AFFINE, REAL)}
NUMBER_LIMIT = 1 << 46
PRODUCT_LIMIT = 1 << 24
EXACT = 1 << 53
LEVEL_LIMIT = 1 << 20
FIRST_LEVEL_LIMIT = 1 << 47
MAX_EXCEPTIONS = 1 << 49
MAX_FILLS = 254
EXPLICIT = 255


@dataclass(frozen=True)
class Map:
    """Section 3.3.

    Attributes:
        dtype, rule: As in the file.
        numerator, denominator: Of rule 1.
        scale, offset: Of rules 2 and 3.
        fills: Bits of the values with codes 1, 2, ...
        exceptions: As in the file.
        levels: Numbers by rank; empty if samples are numbers.

    """

    dtype: int
    rule: int
    numerator: int
    denominator: int
    scale: float
    offset: float
    fills: list[bytes]
    exceptions: int
    levels: list[int]

    @property
    def size(self) -> int:
        """Bytes of a value."""
        return struct.calcsize(CODES[self.dtype])

    def is_legal(self, number: int) -> bool:
        """Whether it stands for a value."""
        limit = NUMBER_LIMIT
        if self.rule == RATIO:
            limit = min(limit, EXACT // self.numerator)
        elif self.rule == PRODUCT:
            limit = PRODUCT_LIMIT
        elif self.rule == REAL:
            infinity = 0x7F800000 if self.dtype == FLOAT32 else 0x7FF0000000000000
            return -infinity <= number < infinity
        elif self.rule == INTEGER:
            bits = 8 * self.size
            signed = CODES[self.dtype].islower()
            low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
            if not low <= number < high:
                return False
        return abs(number) <= limit

    def value(self, number: int) -> bytes:
        """The value of a number, little-endian."""
        if not self.is_legal(number):
            raise RejectError("a number beyond the limits of the map")
        if self.rule == INTEGER:
            return struct.pack("<" + CODES[self.dtype], number)
        if self.rule == REAL:
            bits = 8 * self.size
            place = number if number >= 0 else number ^ ((1 << bits - 1) - 1)
            return (place % (1 << bits)).to_bytes(self.size, "little")
        if self.rule == RATIO:
            result = float(number * self.numerator) / float(self.denominator)
        elif self.rule == PRODUCT:
            result = number * self.scale  # exact: 25 and 24 bits
        else:
            result = self.offset + float(number) * self.scale
        return rounded(result, CODES[self.dtype])

    def value_of_sample(self, sample: int) -> bytes:
        """The value of a sample that is no hole."""
        return self.value(self.levels[self.rank(sample)] if self.levels else sample)

    def rank(self, sample: int) -> int:
        """The sample, if it is that of a grid level."""
        if not 0 <= sample < len(self.levels):
            raise RejectError("a rank")
        return sample


def rounded(number: float, code: str) -> bytes:
    """Bits of a float; what is too large becomes an infinity."""
    try:
        return struct.pack("<" + code, number)
    except OverflowError:
        return struct.pack("<" + code, float("inf") if number > 0 else float("-inf"))


def read_map(fields: Fields) -> Map:
    """The fields of a map."""
    dtype, rule = fields.byte(), fields.byte()
    if dtype >= len(CODES) or rule > REAL:
        raise RefuseError("dtype or rule")
    if rule not in RULES.get(dtype, (INTEGER,)):
        raise RejectError("a rule that the dtype cannot have")
    numerator = denominator = 1
    scale, offset = 1.0, 0.0
    if rule == RATIO:
        numerator, denominator = fields.varint(1 << 32), fields.varint(1 << 32)
    elif rule == PRODUCT:
        (scale,) = struct.unpack("<f", fields.take(4))
    elif rule == AFFINE:
        scale, offset = struct.unpack("<2d", fields.take(16))
    infinite = float("inf")
    if min(numerator, denominator) < 1 or not 0 < scale < infinite or not abs(offset) < infinite:
        raise RejectError("a rule's constant")
    size = struct.calcsize(CODES[dtype])
    fills = [fields.take(size) for _ in range(fields.varint(MAX_FILLS + 1))]
    exceptions = fields.varint(MAX_EXCEPTIONS)
    steps = fields.signed_list(fields.varint(LEVEL_LIMIT + 1))
    if steps and not (
        rule != REAL
        and abs(steps[0]) < FIRST_LEVEL_LIMIT
        and all(0 < step <= LEVEL_LIMIT for step in steps[1:])
        and sum(steps[1:]) < LEVEL_LIMIT
    ):
        raise RejectError("grid levels")
    made = Map(
        dtype, rule, numerator, denominator, scale, offset, fills, exceptions, running(steps)
    )
    if not all(made.is_legal(level) for level in made.levels):
        raise RejectError("a grid level beyond the limits of the map")
    return made
