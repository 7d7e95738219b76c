"""Range coder, tables, symbols and escapes (docs/format.md sections 5.3 and 8).

Encoder and decoder keep the whole coded fraction as one integer as long as the stream: no carries,
no wrapping, and no state in common with the coder of the package.
"""

from dataclasses import dataclass

WORD = 32
FULL = (1 << 64) - 1
CALM = 1 << 32  # below this span, a word moves out
QUARTER_OCTAVES = (16384, 19484, 23170, 27554)  # section 8.2
SIDE = 56  # symbols of one sign
SYMBOLS = 112
ESCAPE = 127
TABLE_BITS = 12
LENGTH_BITS = 6  # of an escape
HALF_OCTAVES = (16, 23)  # section 8.5
MASK_BITS = 16


class RangeEncoder:
    """Section 8.1, the encoder: `low` is the fraction so far, in units of 2**-(64 + 32 moved)."""

    def __init__(self) -> None:
        self.low = 0
        self.span = FULL
        self.moved = 0

    def put(self, cumulative: int, frequency: int, bits: int) -> None:
        """Code a symbol whose frequencies are out of 2**bits."""
        scale = (self.span >> 24) << (24 - bits)
        self.low += scale * cumulative
        self.span = scale * frequency
        if self.span < CALM:
            self.low <<= WORD
            self.span <<= WORD
            self.moved += 1

    def put_symbol(self, symbol: int, chances: list[int], bits: int) -> None:
        """Code a symbol of a table."""
        self.put(sum(chances[:symbol]), chances[symbol], bits)

    def words(self) -> list[int]:
        """End the stream."""
        if self.span == FULL:
            return []
        last = (self.low + (1 << WORD) - 1) >> WORD
        words = [last >> (WORD * k) & (CALM - 1) for k in range(self.moved, -1, -1)]
        if (self.low + self.span) >> WORD == last:
            words.append(0)
        return words


class RangeDecoder:
    """Section 8.1, the decoder: `low` as in the encoder, `value` as many bits of the stream."""

    def __init__(self, words: list[int]) -> None:
        self.stream = words
        self.low = 0
        self.span = FULL
        self.next = 0
        self.value = 0
        self._shift_in()
        self._shift_in()

    def _shift_in(self) -> None:
        word = self.stream[self.next] if self.next < len(self.stream) else 0
        self.value = self.value << WORD | word
        self.next += 1

    def take(self, chances: list[int], bits: int) -> int | None:
        """The next symbol; None where the stream cannot be intact."""
        scale = (self.span >> 24) << (24 - bits)
        quantile = (self.value - self.low) // scale
        cumulative = 0
        for symbol, frequency in enumerate(chances):
            if cumulative <= quantile < cumulative + frequency:
                self._narrow(scale * cumulative, scale * frequency)
                return symbol
            cumulative += frequency
        return None

    def _narrow(self, offset: int, span: int) -> None:
        self.low += offset
        self.span = span
        if span < CALM:
            self.low <<= WORD
            self.span <<= WORD
            self._shift_in()

    def ends(self) -> bool:
        """Section 8.4: whether the stream ends here."""
        return len(self.stream) <= self.next <= len(self.stream) + 2


class BitWriter:
    """An uncoded stream (section 8.4): bit i is bit i mod 32 of word i / 32."""

    def __init__(self) -> None:
        self.bits = 0
        self.count = 0

    def put(self, value: int, count: int) -> None:
        """Append `count` bits."""
        self.bits |= value << self.count
        self.count += count

    def words(self) -> list[int]:
        """The stream."""
        return [self.bits >> at & (CALM - 1) for at in range(0, self.count, WORD)]


class BitReader:
    """Inverse of BitWriter; bits beyond the end are 0."""

    def __init__(self, words: list[int]) -> None:
        self.bits = sum(word << (WORD * k) for k, word in enumerate(words))
        self.stream = words
        self.count = 0

    def take(self, count: int) -> int:
        """The next `count` bits."""
        value = self.bits >> self.count & ((1 << count) - 1)
        self.count += count
        return value

    def ends(self) -> bool:
        """Section 8.4: whether the stream ends here."""
        return (self.count + 31) // WORD == len(self.stream)


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

    def chances(self) -> list[int]:
        """Frequencies of symbols first, first + 1, ... and then of the escape."""
        return frequencies([*self.levels, self.escape], 1 << TABLE_BITS)

    def ends(self, symbol: int) -> tuple[int, int]:
        """Section 8.5: density of the residual at both ends of a symbol's span."""
        chances = self.chances()[:-1]
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


def put_popular(coder: RangeEncoder, halving: Halving, sample: int) -> None:
    """Code which of the samples it is."""
    while halving.half:
        chance = halving.chance()
        upper = int(sample >= halving.start + halving.half)
        if 0 < chance < 65536:
            coder.put_symbol(upper, [chance, 65536 - chance], MASK_BITS)
        halving.go(upper)


def take_popular(coder: RangeDecoder, halving: Halving) -> int | None:
    """Inverse of put_popular; None in a damaged stream."""
    while halving.half:
        chance = halving.chance()
        upper: int | None = int(chance == 0)
        if 0 < chance < 65536:
            upper = coder.take([chance, 65536 - chance], MASK_BITS)
        if upper is None:
            return None
        halving.go(upper)
    return halving.start


def encode_stream(
    coded: list[tuple[int, Table, int]], popularity: Popularity | None = None
) -> tuple[list[int], list[int]]:
    """Residuals to the words of a coded and an uncoded stream.

    Each comes with its table and its sample, no longer centred; the latter matters only where
    there is a popularity.
    """
    coder, bits = RangeEncoder(), BitWriter()
    chances = {id(table): table.chances() for _, table, _ in coded}
    for residual, table, sample in coded:
        symbol = symbol_of(residual >> table.shift)
        place = symbol - table.first
        own = chances[id(table)]
        if symbol != ESCAPE and 0 <= place < len(table.levels) and own[place]:
            coder.put_symbol(place, own, TABLE_BITS)
            first, width = span_of(symbol)
            low = residual - (first << table.shift)
            if popularity is None:
                bits.put(low, width + table.shift)
            else:
                ends = table.ends(symbol)
                halving = Halving(popularity, sample - low, width + table.shift, ends)
                put_popular(coder, halving, sample)
        else:
            coder.put_symbol(len(own) - 1, own, TABLE_BITS)
            folded = 2 * residual if residual >= 0 else -2 * residual - 1
            bits.put(folded.bit_length(), LENGTH_BITS)
            bits.put(folded, folded.bit_length())
    return coder.words(), bits.words()


class ResidualDecoder:
    """One pair of streams (section 8.4)."""

    def __init__(
        self, words: list[int], bits: list[int], popularity: Popularity | None = None
    ) -> None:
        self.coder = RangeDecoder(words)
        self.bits = BitReader(bits)
        self.popularity = popularity
        self.symbol = 0  # the last one

    def take(self, table: Table, chances: list[int], prediction: int) -> int | None:
        """The next residual; None in a damaged stream.

        Args:
            table: Its table.
            chances: table.chances().
            prediction: What the residual is added to, no longer centred.

        """
        place = self.coder.take(chances, TABLE_BITS)
        if place is None:
            return None
        if place == len(table.levels):
            self.symbol = ESCAPE
            folded = self.bits.take(self.bits.take(LENGTH_BITS))
            return -(folded >> 1) - 1 if folded & 1 else folded >> 1
        self.symbol = table.first + place
        first, width = span_of(self.symbol)
        base, width = first << table.shift, width + table.shift
        if self.popularity is None:
            return base + self.bits.take(width)
        ends = table.ends(self.symbol)
        sample = take_popular(
            self.coder, Halving(self.popularity, prediction + base, width, ends)
        )
        return None if sample is None else sample - prediction

    def ends(self) -> bool:
        """Whether both streams end here."""
        return self.coder.ends() and self.bits.ends()


# ---- masks (section 5.3)


class MaskModel:
    """Chances of a 1 out of 65536 in 64 contexts."""

    def __init__(self) -> None:
        self.chances = [32768] * 64

    @staticmethod
    def context(mask: list[list[int]], row: int, col: int) -> int:
        """Pattern of W, WW, N, NW, NE, NN; cells outside are 0."""
        around = ((0, -1), (0, -2), (-1, 0), (-1, -1), (-1, 1), (-2, 0))
        context = 0
        for place, (down, right) in enumerate(around):
            r, c = row + down, col + right
            if r >= 0 and 0 <= c < len(mask[0]):
                context |= mask[r][c] << place
        return context

    def adapt(self, context: int, bit: int) -> None:
        """Move a chance towards the bit."""
        p = self.chances[context]
        self.chances[context] += ((65567 - p) >> 5) - 1 if bit else -((p - 32) >> 5)


def encode_mask(mask: list[list[int]]) -> list[int]:
    """Words of a mask."""
    coder, model = RangeEncoder(), MaskModel()
    for row, cells in enumerate(mask):
        for col, bit in enumerate(cells):
            context = model.context(mask, row, col)
            p = model.chances[context]
            coder.put_symbol(1 - bit, [p, 65536 - p], MASK_BITS)
            model.adapt(context, bit)
    return coder.words()


def decode_mask(words: list[int], rows: int, cols: int) -> list[list[int]] | None:
    """Inverse of encode_mask; None for a damaged mask."""
    coder, model = RangeDecoder(words), MaskModel()
    mask = [[0] * cols for _ in range(rows)]
    for row in range(rows):
        for col in range(cols):
            context = model.context(mask, row, col)
            p = model.chances[context]
            symbol = coder.take([p, 65536 - p], MASK_BITS)
            if symbol is None:
                return None
            mask[row][col] = 1 - symbol
            model.adapt(context, 1 - symbol)
    return mask if coder.ends() else None
