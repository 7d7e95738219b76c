"""Tables, symbols and popularity (docs/format.md sections 8.2 and 8.5)."""

from dataclasses import dataclass
from functools import cached_property

QUARTER_OCTAVES = (16384, 19484, 23170, 27554)  # section 8.2
SIDE = 56  # symbols of one sign
SYMBOLS = 112
ESCAPE = 127
TABLE_BITS = 12
HALF_OCTAVES = (16, 23)  # section 8.5


def frequencies(levels: list[int], total: int) -> list[int]:
    """Section 8.2: frequencies from frequency levels."""
    masses = [QUARTER_OCTAVES[v & 3] << (v >> 2) if v else 0 for v in levels]
    chances = [max(1, mass * total // sum(masses)) if mass else 0 for mass in masses]
    chances[masses.index(max(masses))] += total - sum(chances)
    return chances


def span_of(symbol: int) -> tuple[int, int]:
    """Section 8.2: first quotient of a symbol, and how many bits choose among its quotients."""
    token = symbol - SIDE if symbol >= SIDE else SIDE - 1 - symbol
    width, low = 0, token
    if token >= 16:
        width = ((token - 16) >> 3) + 1
        low = (8 + (token & 7)) << width
    return (low if symbol >= SIDE else -low - (1 << width)), width


def symbol_of(quotient: int) -> int:
    """The symbol whose span has the quotient; the escape if none has."""
    for symbol in range(SYMBOLS):
        first, width = span_of(symbol)
        if first <= quotient < first + (1 << width):
            return symbol
    return ESCAPE


@dataclass(frozen=True)
class Table:
    """A residual table (section 8.2)."""

    shift: int
    first: int
    levels: list[int]
    escape: int

    @cached_property
    def chances(self) -> list[int]:
        """Frequencies of symbols first, first + 1, ... and then of the escape."""
        return frequencies([*self.levels, self.escape], 1 << TABLE_BITS)

    def ends(self, symbol: int) -> tuple[int, int]:
        """Section 8.5: density of the residual at both ends of a symbol's span."""
        chances = self.chances[:-1]
        densities = []
        for near in (symbol - 1, symbol, symbol + 1):
            place = near - self.first
            inside = 0 <= place < len(chances)
            densities.append(chances[place] << (5 - span_of(near)[1]) if inside else 0)
        return densities[0] + densities[1], densities[1] + densities[2]


class Popularity:
    """Masses of consecutive samples (section 8.5)."""

    def __init__(self, first: int, classes: list[int]) -> None:
        self.first = first
        self.below = [0]  # mass of all samples before each
        for number in classes:
            mass = HALF_OCTAVES[(number - 1) & 1] << ((number - 1) >> 1) if number else 0
            self.below.append(self.below[-1] + mass)

    def mass(self, start: int, count: int) -> int:
        """Mass of `count` samples from `start` on."""
        last = len(self.below) - 1
        low, high = start - self.first, start - self.first + count
        return self.below[min(max(high, 0), last)] - self.below[min(max(low, 0), last)]


class Halving:
    """Section 8.5: narrows 2**width samples from `start` on down to one.

    The density of the residual is taken as linear between its values at the ends of what is left.
    """

    def __init__(
        self, popularity: Popularity, start: int, width: int, ends: tuple[int, int]
    ) -> None:
        self.popularity = popularity
        self.start, self.half = start, 1 << width >> 1
        self.first, self.last = ends

    def chance(self) -> int:
        """Chance of the lower half out of 65536; 0 or 65536 if it is certain."""
        left = self.popularity.mass(self.start, self.half)
        right = self.popularity.mass(self.start + self.half, self.half)
        if right == 0:
            return 65536
        if left == 0:
            return 0
        share = (left << 16) // (left + right)
        lower = share * (3 * self.first + self.last)
        upper = (65536 - share) * (self.first + 3 * self.last)
        return min(max((lower << 16) // (lower + upper), 1), 65535)

    def go(self, upper: int) -> None:
        """Keep the lower or the upper half."""
        middle = (self.first + self.last) >> 1
        if upper:
            self.start, self.first = self.start + self.half, middle
        else:
            self.last = middle
        self.half >>= 1
