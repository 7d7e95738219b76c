"""Range coder, uncoded streams and masks (docs/format.md sections 8.1, 9.4 and 5.3).

Encoder and decoder keep the whole coded fraction as one integer as long as the stream: no carries,
no wrapping, and no state in common with the coder of the package.
"""

WORD = 32
FULL = (1 << 64) - 1
CALM = 1 << 32  # below this span, a word moves out
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
        """Section 8.1: whether the stream ends here."""
        return len(self.stream) <= self.next <= len(self.stream) + 2


class BitWriter:
    """An uncoded stream (section 9.4): bit i is bit i mod 32 of word i / 32."""

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
        """Section 9.5: whether the stream ends here."""
        return (self.count + 31) // WORD == len(self.stream)


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
