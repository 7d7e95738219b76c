"""Range coder, uncoded streams and masks (docs/format.md sections 8.1, 9.4 and 5.3).

Encoder and decoder keep the whole coded fraction as one integer as long as the stream: no carries,
no wrapping, and no state in common with the coder of the package.
"""

from collections.abc import Callable

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


EMPTY, HOLES, MIXED = 0, 1, 2
SIDE = 8
Table = list[list[int]]


class MaskModel:
    """Chances and rates of one kind of contexts (section 5.3)."""

    def __init__(self, slowest: int) -> None:
        self.chances: dict[int, tuple[int, int]] = {}
        self.slowest = slowest

    def table(self, context: int) -> list[int]:
        """Frequencies of the symbols: 1 first, then 0."""
        p, _ = self.chances.setdefault(context, (32768, 1))
        return [p, 65536 - p]

    def adapt(self, context: int, bit: int) -> None:
        """Move a chance towards the bit, more slowly each time."""
        p, s = self.chances[context]
        p = p + ((65504 - p) >> s) if bit else p - ((p - 32) >> s)
        self.chances[context] = p, min(s + 1, self.slowest)


def at(table: Table, row: int, col: int) -> int:
    """An element; 0 outside."""
    return table[row][col] if 0 <= row < len(table) and 0 <= col < len(table[0]) else 0


def context_of_tile(tiles: Table, row: int, col: int) -> int:
    """The first of the two contexts of a tile."""
    w, n, ne = at(tiles, row, col - 1), at(tiles, row - 1, col), at(tiles, row - 1, col + 1)
    return 2 * (9 * w + 3 * n + ne)


def context_of_cell(mask: Table, row: int, col: int) -> int:
    """Pattern of W, WW, NE, N, NW, NN."""
    around = ((0, -1), (0, -2), (-1, 1), (-1, 0), (-1, -1), (-2, 0))
    return sum(at(mask, row + r, col + c) << place for place, (r, c) in enumerate(around))


def others(state: int) -> list[int]:
    """The other states of tiles, the smaller one first."""
    return [other for other in (EMPTY, HOLES, MIXED) if other != state]


def state_of(mask: Table, row: int, col: int) -> int:
    """State of a tile."""
    rows = mask[SIDE * row : SIDE * row + SIDE]
    cells = {cell for cells in rows for cell in cells[SIDE * col : SIDE * col + SIDE]}
    return MIXED if len(cells) == 2 else cells.pop()


def bits_of_mask(mask: Table) -> list[tuple[MaskModel, int, int]]:
    """Every bit that a mask is coded with: the model, the context, the bit."""
    of_tiles, of_cells = MaskModel(4), MaskModel(5)
    found = []
    tiles: Table = [
        [state_of(mask, row, col) for col in range(-(-len(mask[0]) // SIDE))]
        for row in range(-(-len(mask) // SIDE))
    ]
    for row, states in enumerate(tiles):
        for col, state in enumerate(states):
            west, context = at(tiles, row, col - 1), context_of_tile(tiles, row, col)
            found.append((of_tiles, context, int(state == west)))
            if state != west:
                found.append((of_tiles, context + 1, others(west).index(state)))
    for row, cells in enumerate(mask):
        for col, bit in enumerate(cells):
            if tiles[row // SIDE][col // SIDE] == MIXED:
                found.append((of_cells, context_of_cell(mask, row, col), bit))
    return found


def encode_mask(mask: Table) -> list[int]:
    """Words of a mask."""
    coder = RangeEncoder()
    for model, context, bit in bits_of_mask(mask):
        coder.put_symbol(1 - bit, model.table(context), MASK_BITS)
        model.adapt(context, bit)
    return coder.words()


class DamagedError(Exception):
    """Words that no encoder writes."""


def decode_mask(words: list[int], rows: int, cols: int) -> Table | None:
    """Inverse of encode_mask; None for a damaged mask."""
    coder = RangeDecoder(words)

    def take(model: MaskModel, context: int) -> int:
        symbol = coder.take(model.table(context), MASK_BITS)
        if symbol is None:
            raise DamagedError
        model.adapt(context, 1 - symbol)
        return 1 - symbol

    try:
        mask = _take_mask(take, rows, cols)
    except DamagedError:
        return None
    return mask if coder.ends() else None


def _take_mask(take: Callable[[MaskModel, int], int], rows: int, cols: int) -> Table:
    of_tiles, of_cells = MaskModel(4), MaskModel(5)
    tiles = [[EMPTY] * -(-cols // SIDE) for _ in range(-(-rows // SIDE))]
    for row, states in enumerate(tiles):
        for col in range(len(states)):
            west, context = at(tiles, row, col - 1), context_of_tile(tiles, row, col)
            same = take(of_tiles, context)
            states[col] = west if same else others(west)[take(of_tiles, context + 1)]
    mask = [[int(tiles[r // SIDE][c // SIDE] == HOLES) for c in range(cols)] for r in range(rows)]
    for row, cells in enumerate(mask):
        for col in range(cols):
            if tiles[row // SIDE][col // SIDE] == MIXED:
                cells[col] = take(of_cells, context_of_cell(mask, row, col))
    return mask
