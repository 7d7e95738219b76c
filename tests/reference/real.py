"""Blocks of true floats (docs/format.md section 9)."""

from dataclasses import dataclass, field

from tests.reference.coder import BitReader, RangeDecoder
from tests.reference.fields import Fields, RejectError, running, unfold
from tests.reference.holes import Holes
from tests.reference.model import complete, read_weights
from tests.reference.predictor import MARGIN, SEGMENT, Surface, wrap

FRACTIONS = {32: (23, 149, 0x7F800000), 64: (52, 1074, 0x7FF0000000000000)}
HIGHEST = 1 << 44
LARGE_ERROR = 1 << 40
MAX_STEP = 1 << 53
PLACE = 20  # bits of a pitch below one height
SMOOTH, RULE, LEVEL, LATTICE = range(4)
CHANCE_BITS = 16
FIRST_RULE_COLUMN = 4
MAX_COUNT = 254
Grid = list[list[int]]


def shift(value: int, by: int) -> int:
    """Section 9.1: down, and up for negative numbers of bits."""
    return value << -by if by <= 0 else value >> min(by, 62)


def shift_up(value: int, by: int) -> int:
    """Section 9.1: as shift, rounded up."""
    return value << -by if by <= 0 else (value + (1 << min(by, 62)) - 1) >> min(by, 62)


@dataclass(frozen=True)
class RealModel:
    """Section 9.2.

    Attributes:
        others, thresholds: As those of other planes.
        scale: A height is a multiple of 2**-scale.
        width: Bits of a value.
        dropped: Last bits of values that are all zero.
        rules: Whether rules are tried.
        anchor, pitch: Of the lattice.

    """

    others: list[list[int]]
    thresholds: list[int]
    scale: int
    width: int
    dropped: int
    rules: bool
    anchor: int
    pitch: int

    @property
    def fraction(self) -> int:
        """M of section 9.1."""
        return FRACTIONS[self.width][0] - self.dropped

    @property
    def least(self) -> int:
        """D of section 9.1."""
        return FRACTIONS[self.width][1] - self.dropped

    @property
    def infinity(self) -> int:
        """I of section 9.1."""
        return FRACTIONS[self.width][2] >> self.dropped

    def number(self, ordinal: int) -> int:
        """The number of an ordinal."""
        if not -self.infinity <= ordinal < self.infinity:
            raise RejectError("an ordinal")
        place = (ordinal if ordinal >= 0 else -1 - ordinal) << self.dropped
        return place if ordinal >= 0 else -1 - place

    def first(self, height: int) -> int:
        """The least ordinal at or above a height."""
        if height == 0:
            return 0
        return self._near(height, up=True) if height > 0 else -1 - self._near(-height, up=False)

    def _near(self, height: int, *, up: bool) -> int:
        move = shift_up if up else shift
        bits = height.bit_length()
        exponent = bits + self.least - self.scale - self.fraction
        if exponent < 1:
            return move(height, self.scale - self.least)
        if exponent >= self.infinity >> self.fraction:
            return self.infinity
        return ((exponent - 1) << self.fraction) + move(height, bits - self.fraction - 1)

    def height(self, ordinal: int) -> int:
        """The greatest height at or below a float."""
        place = ordinal if ordinal >= 0 else -1 - ordinal
        exponent, digits = place >> self.fraction, place & ((1 << self.fraction) - 1)
        if exponent > 0:
            digits, exponent = digits + (1 << self.fraction), exponent - 1
        down = self.least - self.scale - exponent
        if digits.bit_length() - down > 44:
            height = HIGHEST
        else:
            height = shift(digits, down) if ordinal >= 0 else shift_up(digits, down)
        return height if ordinal >= 0 else -max(height, 1)

    def excess(self, height: int) -> int:
        """Binary digits of a height, at least 0, that its floats do not have."""
        return max(height.bit_length() - 1 - self.fraction, 0)


def read_real_model(data: bytes, width: int) -> RealModel:
    """Section 9.2."""
    fields = Fields(data)
    sets = fields.varint(9)
    if sets == 0:
        raise RejectError("no weight set")
    others = read_weights(fields, sets)
    steps = fields.signed_list(sets - 1)
    if any(not 0 <= step < MAX_STEP for step in steps):
        raise RejectError("a threshold")
    scale = unfold(fields.varint())
    told, dropped, rules, anchor = (fields.byte() for _ in range(4))
    if not -1101 <= scale <= 1100 or told != width or dropped >= FRACTIONS[width][0]:
        raise RejectError("scale, width or dropped bits")
    if rules > 1 or anchor > 2:
        raise RejectError("rules or anchor")
    pitch = fields.varint(1 << 62) if anchor else 0
    if anchor and not pitch:
        raise RejectError("a pitch of 0")
    fields.done()
    return RealModel(others, running(steps), scale, width, dropped, bool(rules), anchor, pitch)


@dataclass
class Chances:
    """Adaptive bits (section 9.4), named by what they are about."""

    coder: RangeDecoder
    raw: BitReader
    known: dict[tuple[str | int, ...], tuple[int, int]] = field(default_factory=dict)

    def bit(self, *name: str | int) -> int:
        """The next bit."""
        p, n = self.known.get(name, (1 << 23, 0))
        chance = min(max(p >> 8, 32), 65504)
        symbol = self.coder.take([chance, (1 << CHANCE_BITS) - chance], CHANCE_BITS)
        if symbol is None:
            raise RejectError("a coded stream")
        target = 0 if symbol else (1 << 24) - 1
        self.known[name] = (p + ((target - p) >> (n + 1).bit_length()), min(n + 1, MAX_COUNT))
        return 1 - symbol

    def residual(self, mode: int, level: int, sign: int) -> int:
        """A residual."""
        middle = max((level >> 2) - 3, 0)
        if self.bit("length", mode, level, 0):
            length = middle + 1
            while length < 62 and self.bit(
                "length", mode, level, 1 + min(length - middle - 1, 11)
            ):
                length += 1
        else:
            length = middle
            while length > 0 and self.bit("length", mode, level, 13 + min(middle - length, 10)):
                length -= 1
        if length == 0:
            return 0
        negative = self.bit("sign", mode, sign)
        digits, left = 1, length - 1
        while left and digits < 4:
            place = min(max(length - middle + 6, 0), 15)
            digits = 2 * digits + self.bit("digit", mode, place, digits)
            left -= 1
        size = digits << left | self.raw.take(left)
        return -size if negative else size


def level_of(activity: int) -> int:
    """Section 9.4: the level of an activity."""
    if activity < 4:
        return activity
    octave = activity.bit_length() - 3
    return min(4 * octave + (activity >> octave), 191)


class RealBlock:
    """The samples of a block as far as they are known; heights are those of the surface."""

    def __init__(self, holes: Holes, model: RealModel, coder: Chances) -> None:
        rows, cols = len(holes), len(holes[0])
        self.holes, self.model, self.chances = holes, model, coder
        self.surface = Surface(rows, cols, complete(model.others), model.thresholds)
        self.ordinals = [[0] * cols for _ in range(rows)]
        self.errors = [[[0] * 9 for _ in range(cols)] for _ in range(rows)]
        self.stages = [[0] * cols for _ in range(rows)]

    def decode(self) -> Grid:
        """The ordinals."""
        chosen = 0
        for row, cells in enumerate(self.holes):
            sign = 1
            for col, hole in enumerate(cells):
                if row >= MARGIN and col % SEGMENT == 0:
                    chosen = self.surface.set_of_window(row, col)
                if hole is None:
                    prediction = self._sample(row, col, chosen, sign)
                    height = self.surface.x[row][col]
                    sign = (height > prediction) - (height < prediction) + 1
                else:
                    self._hole(row, col)
        return self.ordinals

    def _hole(self, row: int, col: int) -> None:
        self.surface.fill(row, col)
        if col > 0:
            self.ordinals[row][col] = self.ordinals[row][col - 1]
            self.stages[row][col] = self.stages[row][col - 1]

    def _sample(self, row: int, col: int, chosen: int, sign: int) -> int:
        """Decode one; its prediction."""
        surface = self.surface
        outlook = surface.look(row, col, chosen)
        mode, prediction, activity = SMOOTH, outlook.prediction, outlook.activity
        fitted, tried = prediction, []
        if row > 0:
            fitted = surface.accumulator(row, col, chosen) >> 12
            if self._is_level(row, col):
                mode = LEVEL
            tried = self._rules(row, col) if self._has_rules(row, col) else []
            best = self._choose(row, col, fitted) if tried and mode != LEVEL else None
            if best is not None:
                mode, prediction, activity = RULE, tried[best[0]], 4 * best[1]
        ordinal = self._ordinal(row, col, (mode, prediction, activity, sign))
        self.model.number(ordinal)  # raises if there is none
        height = self.model.height(ordinal)
        self.ordinals[row][col] = ordinal
        surface.put(row, col, height, wrap(height - prediction))
        if tried:
            self.errors[row][col] = [abs(wrap(height - p)) for p in [fitted, *tried[1:]]]
        else:
            self.errors[row][col] = [LARGE_ERROR] * 9
        return prediction

    def _is_level(self, row: int, col: int) -> bool:
        x = self.surface.sample
        around = (x(row - 1, col - 1), x(row - 1, col), x(row - 1, col + 1))
        return all(x(row, col - 1) == other for other in around)

    def _has_rules(self, row: int, col: int) -> bool:
        inside = FIRST_RULE_COLUMN <= col < self.surface.cols - MARGIN
        return self.model.rules and row >= MARGIN and inside

    def _rules(self, row: int, col: int) -> list[int]:
        """Section 9.3: predictions of rules 1 to 8; the first element is no rule."""
        x = self.surface.x
        w, ww, www, wwww = (x[row][col - k] for k in (1, 2, 3, 4))
        n, nn, nnn = (x[row - k][col] for k in (1, 2, 3))
        nw, nww, nnw = x[row - 1][col - 1], x[row - 1][col - 2], x[row - 2][col - 1]
        made = [
            0, w + n - nw, 2 * w - ww, 2 * n - nn, 3 * (w - ww) + www, 3 * (n - nn) + nnn,
            5 * (w + www) - 8 * ww - wwww,
            n + 2 * (w - nw) - (ww - nww), w + 2 * (n - nw) - (nn - nnw),
        ]  # fmt: skip
        return [wrap(value) for value in made]

    def _choose(self, row: int, col: int, fitted: int) -> tuple[int, int] | None:
        """The rule of a sample and its error; None if none is chosen."""
        e = self.errors
        unit = 1 << self.model.excess(abs(fitted))
        above, aside = (
            [2 * a + b + c for a, b, c in zip(*cells, strict=True)]
            for cells in (
                (e[row - 1][col], e[row - 2][col], e[row - 3][col]),
                (e[row][col - 1], e[row][col - 2], e[row][col - 3]),
            )
        )
        best: tuple[int, int] | None = None
        for rule in range(1, 9):
            for sums in (above, aside):
                good = sums[rule] + unit < sums[0] >> 3
                if good and (best is None or sums[rule] < best[1]):
                    best = rule, sums[rule]
        return best

    def _ordinal(self, row: int, col: int, outlook: tuple[int, int, int, int]) -> int:
        """Section 9.4: the ordinal of the next sample."""
        _, prediction, activity, sign = outlook
        if self.model.anchor:
            west = self.stages[row][col - 1] if col else 0
            north = self.stages[row - 1][col] if row else 0
            origins = [0]
            if self.model.anchor == 2:
                origins = [self.surface.sample(row, col - 1)]
                origins += [self.surface.sample(row - 1, col)] if row else []
            for stage, origin in enumerate(origins, start=1):
                if self.chances.bit("lattice", stage, 4 * west + north):
                    self.stages[row][col] = stage
                    return self._on_lattice(origin, prediction, activity, sign)
        return self._off_lattice(row, col, outlook)

    def _on_lattice(self, origin: int, prediction: int, activity: int, sign: int) -> int:
        pitch = self.model.pitch
        far = min(max(wrap(prediction - origin), -(1 << 42)), 1 << 42)
        multiple = wrap((far << PLACE) + (pitch >> 1)) // pitch
        level = level_of(activity >> max(pitch.bit_length() - PLACE - 1, 0))
        steps = self.chances.residual(LATTICE, level, sign)
        product = wrap((multiple + steps) * pitch + (1 << PLACE - 1))
        place = wrap(origin + (product >> PLACE))
        excess = self.model.excess(abs(place))
        ordinal = self.model.first(wrap(place - (1 << excess >> 1)))
        if self.chances.bit("nudge", 0):
            ordinal += -1 if self.chances.bit("nudge", 1) else 1
        return ordinal

    def _off_lattice(self, row: int, col: int, outlook: tuple[int, int, int, int]) -> int:
        mode, prediction, activity, sign = outlook
        excess = self.model.excess(max(abs(prediction), activity >> 3))
        base = wrap(prediction + (1 << excess >> 1)) >> excess
        residual = self.chances.residual(mode, level_of(activity >> excess), sign)
        height = wrap((base + residual) << excess)
        first = self.model.first(height)
        count = self.model.first(wrap(height + (1 << excess))) - first
        if count <= 1:
            return first
        west = self.ordinals[row][col - 1] if col else 0
        north = self.ordinals[row - 1][col] if row else 0
        if first <= west < first + count:
            guess, kind = west, 0
        elif first <= north < first + count:
            guess, kind = north, 1
        else:
            guess, kind = first, 3 if height == 0 else 2
        if self.chances.bit("same", kind):
            return guess
        return wrap(first + self.chances.raw.take((count - 1).bit_length()))


def read_real(fields: Fields, kind: int, holes: Holes, model: RealModel) -> Grid:
    """Section 9.5, after the holes: the numbers of a block that is not void."""
    rows, cols = len(holes), len(holes[0])
    if kind == 1:
        ordinal = int.from_bytes(fields.take(8), "little", signed=True)
        fields.done()
        return [[model.number(ordinal)] * cols for _ in range(rows)]
    coded, uncoded = (fields.varint(80 * rows * cols) for _ in range(2))
    words, bits = fields.words(coded), fields.words(uncoded)
    fields.done()
    chances = Chances(RangeDecoder(words), BitReader(bits))
    ordinals = RealBlock(holes, model, chances).decode()
    if not (chances.coder.ends() and chances.raw.ends()):
        raise RejectError("a stream does not end with its last sample")
    return [[model.number(ordinal) for ordinal in row] for row in ordinals]
