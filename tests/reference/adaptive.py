"""Blocks under adaptive coding (docs/format.md section 10). Everything counts sixteenths."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from tests.reference.coder import BitReader, RangeDecoder
from tests.reference.fields import Fields, RejectError, running, unfold
from tests.reference.holes import Holes
from tests.reference.model import complete, read_weights
from tests.reference.predictor import MARGIN, SEGMENT, Surface, wrap

CHANCE_BITS = 16
REACH = 2559
MAX_STEP = 1 << 53
MAX_COUNT = 254
LAST_LEVEL = 127
BUCKETS = 24
FAR = 4095
TAPS = ((0, -1), (-1, 0), (-1, -1), (-1, 1), (-2, 0), (0, -2))
WIDE = (
    (0, -3), (-1, -3), (-1, 3), (-2, -3), (-2, -2), (-2, 2), (-2, 3),
    (-3, -2), (-3, -1), (-3, 0), (-3, 1), (-3, 2),
)  # fmt: skip
EQUALS = (
    (-1, 2), (-2, 0), (0, -2), (-2, -1), (-2, 1), (-1, -2), (0, -3), (-3, 0), (-1, 3), (-2, 2)
)  # fmt: skip
Grid = list[list[int]]
Context = tuple[object, ...]


@dataclass(frozen=True)
class AdaptiveModel:
    """Section 10.1.

    Attributes:
        others, thresholds: As those of other planes.

    """

    others: list[list[int]]
    thresholds: list[int]


def read_adaptive_model(data: bytes) -> AdaptiveModel:
    """Section 10.1."""
    fields = Fields(data)
    sets = fields.varint(9)
    if sets == 0:
        raise RejectError("no weight set")
    others = read_weights(fields, sets)
    steps = fields.signed_list(sets - 1)
    if any(not 0 <= step < MAX_STEP for step in steps):
        raise RejectError("a threshold")
    fields.done()
    return AdaptiveModel(others, running(steps))


def bits(value: int) -> int:
    """Section 10: of an unsigned number of 64 bits."""
    return (value % (1 << 64)).bit_length()


def level_of(scale: int) -> int:
    """Section 10.4."""
    if scale < 0:
        return LAST_LEVEL
    if scale < 4:
        return scale
    octave = scale.bit_length() - 3
    return min(4 * octave + (scale >> octave), LAST_LEVEL)


@cache
def frequencies() -> list[int]:
    """Section 10.5: H from -REACH on."""
    odds, upper = 1 << 32, []
    for _ in range(REACH + 1):
        upper.append((odds << 16) // (odds + (1 << 32)))
        odds += odds >> 8
    return [(1 << 16) - one for one in reversed(upper[1:])] + upper


@cache
def logit(upper_bits: int) -> int:
    """Section 10.5: z for the upper 12 bits of a p."""
    table, goal = frequencies(), 16 * upper_bits + 8
    low, high = 0, len(table) - 1
    while low < high:
        middle = (low + high) // 2
        if table[middle] >= goal:
            high = middle
        else:
            low = middle + 1
    return low - REACH


@dataclass
class Decisions:
    """Section 10.5: chances by context and decision, weights by class and decision."""

    coder: RangeDecoder
    raw: BitReader
    chances: dict[tuple[Context, int], tuple[int, int]] = field(default_factory=dict)
    weights: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    halves: dict[tuple[int, ...], tuple[int, int]] = field(default_factory=dict)

    def take(self, number: int, contexts: list[Context], kind: int) -> int:
        """The next decision."""
        names = [((place, *context), number) for place, context in enumerate(contexts)]
        first = self.chances.get(names[0], (1 << 23, 0))
        chances = [first] + [self.chances.get(name, (first[0], 2)) for name in names[1:]]
        weights = self.weights.setdefault((kind, number), [16384] * 4)
        logits = [logit(p >> 12) for p, _ in chances]
        total = wrap(sum(q * z for q, z in zip(weights, logits, strict=True))) >> 16
        one = frequencies()[min(max(total, -REACH), REACH) + REACH]
        symbol = self.coder.take([one, (1 << CHANCE_BITS) - one], CHANCE_BITS)
        if symbol is None:
            raise RejectError("a coded stream")
        bit = 1 - symbol
        error = (bit << CHANCE_BITS) - one
        for k, ((p, n), z) in enumerate(zip(chances, logits, strict=True)):
            weights[k] = wrap(weights[k] + ((error * z + 32768) >> 16))
            self.chances[names[k]] = moved(p, n, bit)
        return bit

    def half(self, *name: int) -> int:
        """Section 10.6: the decision of one chance."""
        p, n = self.halves.get(name, (1 << 23, 0))
        one = min(max(p >> 8, 32), 65504)
        symbol = self.coder.take([one, (1 << CHANCE_BITS) - one], CHANCE_BITS)
        if symbol is None:
            raise RejectError("a coded stream")
        self.halves[name] = moved(p, n, 1 - symbol)
        return 1 - symbol


def moved(p: int, n: int, bit: int) -> tuple[int, int]:
    """Section 10.5: a chance after its bit."""
    goal = (1 << 24) - 1 if bit else 0
    return p + ((goal - p) * (131072 // (2 * n + 3)) >> 16), min(n + 1, MAX_COUNT)


class Ground:
    """Section 10.3: moments and weights of each segment's columns."""

    def __init__(self, segments: int) -> None:
        self.moments = [self.nothing() for _ in range(segments)]
        self.fresh = [self.nothing() for _ in range(segments)]
        self.weights = [[0] * 6 for _ in range(segments)]

    @staticmethod
    def nothing() -> dict[tuple[int, int], int]:
        """Moments of 0."""
        return {(i, j): 0 for i in range(6) for j in (*range(i + 1), 6)}

    def add(self, segment: int, taps: list[int], residual: int, activity: int) -> None:
        """Take a sample into its row."""
        near = min(bits(wrap(activity + 64)), 62)
        far = min(bits(wrap(activity + 64 + 18 * abs(residual))), 62)
        left = [self.scaled(tap, near) for tap in taps]
        right = [self.scaled(tap, far) for tap in [*taps, residual]]
        for i, j in self.fresh[segment]:
            self.fresh[segment][i, j] += left[i] * right[j]

    @staticmethod
    def scaled(difference: int, shift: int) -> int:
        """A difference in terms of the activity."""
        return min(max(wrap(difference << 8) >> shift, -FAR), FAR)

    def finish_row(self) -> None:
        """Weights for the row below."""
        for moments, fresh in zip(self.moments, self.fresh, strict=True):
            for key in moments:
                moments[key] += fresh[key] - (moments[key] >> 2)
                fresh[key] = 0
        last = len(self.moments) - 1
        for segment, middle in enumerate(self.moments):
            sums = {key: 2 * value for key, value in middle.items()}
            for other in (segment - 1, segment + 1):
                if 0 <= other <= last:
                    for key, value in self.moments[other].items():
                        sums[key] += value
            self.weights[segment] = solve(sums)


def solve(sums: dict[tuple[int, int], int]) -> list[int]:
    """Section 10.3: the weights from Q."""
    shift = max(bits(max(sums[i, i] for i in range(6))) - 30, 0)
    lower: dict[tuple[int, int], int] = {}
    made: dict[tuple[int, int], int] = {}
    inverse = []
    for j in range(6):
        for i in range(j, 6):
            t = sums[i, j] >> shift
            if i == j:
                t += 1024 + (t >> 10)
            made[i, j] = wrap(t - sum(wrap(lower[i, k] * made[j, k]) >> 16 for k in range(j)))
        inverse.append((1 << 46) // max(made[j, j], 1024))
        for i in range(j + 1, 6):
            lower[i, j] = wrap(made[i, j] * inverse[j]) >> 30
    v = []
    for i in range(6):
        t = sums[i, 6] >> shift
        v.append(wrap(t - sum(wrap(lower[i, k] * v[k]) >> 16 for k in range(i))))
    v = [wrap(v[i] * inverse[i]) >> 30 for i in range(6)]
    for i in reversed(range(6)):
        v[i] = wrap(v[i] - sum(wrap(lower[k, i] * v[k]) >> 16 for k in range(i + 1, 6)))
    return v


@dataclass(frozen=True)
class View:
    """What is known of a sample before it is decoded; no taps where there is no correction."""

    prediction: int
    fitted: int
    activity: int
    subcontext: int
    taps: list[int]
    level: bool


class Walk:
    """The samples of a block as far as they are known; `_sample` gives the next one."""

    def __init__(self, holes: Holes, others: list[list[int]], thresholds: list[int]) -> None:
        self.holes = holes
        rows, cols = len(holes), len(holes[0])
        self.surface = Surface(rows, cols, complete(others), [16 * t for t in thresholds])
        self.ground = Ground(-(-cols // SEGMENT))
        self.row = 0

    def x(self, row: int, col: int) -> int:
        """A cell, inside or out."""
        if row < 0 and self.row == 0:
            return 0
        return self.surface.sample(max(row, -1), col)

    def m(self, row: int, col: int) -> int:
        """Its magnitude."""
        return self.surface.magnitude(max(row, -1), col)

    def decode(self) -> Grid:
        """The samples, in sixteenths."""
        chosen = 0
        for row, cells in enumerate(self.holes):
            self.row = row
            for col, hole in enumerate(cells):
                if row >= MARGIN and col % SEGMENT == 0:
                    chosen = self.surface.set_of_window(row, col)
                if hole is None:
                    self._sample(row, col, chosen)
                else:
                    self.surface.fill(row, col)
            self._finish_row()
        return self.surface.x

    def _finish_row(self) -> None:
        if self.row >= MARGIN:
            self.ground.finish_row()

    def _sample(self, row: int, col: int, chosen: int) -> None:
        raise NotImplementedError

    def _put(self, row: int, col: int, view: View, value: int) -> None:
        """A sample is known."""
        self.surface.put(row, col, value, wrap(value - view.prediction))
        if view.taps:
            residual = wrap(value - view.fitted)
            self.ground.add(col // SEGMENT, view.taps, residual, view.activity)

    def _foresee(self, row: int, col: int, chosen: int) -> View:
        """Sections 10.2 and 10.3."""
        surface = self.surface
        outlook = surface.look(row, col, chosen)
        prediction, activity = outlook.prediction, outlook.activity
        if row == 0:
            return View(prediction, prediction, activity, outlook.subcontext, [], level=False)
        fitted = surface.accumulator(row, col, chosen) >> 12
        level = self._is_level(row, col)
        taps = []
        if row >= MARGIN and MARGIN <= col < surface.cols - MARGIN and not level:
            taps = [wrap(self.x(row + down, col + right) - fitted) for down, right in TAPS]
            weights = self.ground.weights[col // SEGMENT]
            change = wrap(32768 + sum(v * tap for v, tap in zip(weights, taps, strict=True))) >> 16
            limit = activity >> 4
            prediction = wrap(fitted + min(max(change, -limit), limit))
        return View(prediction, fitted, activity, outlook.subcontext, taps, level=level)

    def _is_level(self, row: int, col: int) -> bool:
        around = (self.x(row - 1, col - 1), self.x(row - 1, col), self.x(row - 1, col + 1))
        return all(self.x(row, col - 1) == other for other in around)

    def _around(self, row: int, col: int) -> int:
        """Section 10.4: the sum of twelve m."""
        return wrap(sum(self.m(row + down, col + right) for down, right in WIDE))

    def _wide(self, row: int, col: int) -> int:
        return level_of(self._around(row, col) >> 3) if row else 0

    def _rough(self, row: int, col: int, level: int, fraction: int, sign: int) -> list[Context]:
        west, north, west2, north2 = (
            self.x(row + down, col + right) for down, right in ((0, -1), (-1, 0), (0, -2), (-2, 0))
        )
        northwest, northeast = self.x(row - 1, col - 1), self.x(row - 1, col + 1)
        steps = abs(north - northwest) + abs(northeast - north) + abs(west - northwest)
        slopes = (
            west - north, north - northwest, northeast - north, west2 - west, north2 - north
        )  # fmt: skip
        return [
            (level, max(fraction - 1, 0) >> 1),
            (level >> 1, min(level_of(wrap(3 * steps) >> 4), 63) >> 1),
            (level >> 2, *(sign * slope > 0 for slope in slopes)),
            (level >> 1, self._wide(row, col) >> 1),
        ]

    def _level(self, row: int, col: int, level: int, subcontext: int) -> list[Context]:
        north = self.x(row - 1, col)
        equal = [self.x(row + down, col + right) == north for down, right in EQUALS]
        return [
            ("level", level, subcontext), ("level", *equal), ("level", level),
            ("level", self._wide(row, col)),
        ]  # fmt: skip


class AdaptiveBlock(Walk):
    """Section 10.6."""

    def __init__(self, holes: Holes, model: AdaptiveModel, decisions: Decisions) -> None:
        super().__init__(holes, model.others, model.thresholds)
        self.decisions = decisions

    def _sample(self, row: int, col: int, chosen: int) -> None:
        view = self._foresee(row, col, chosen)
        subcontext = view.subcontext if view.level else None
        value = wrap(self._coded(row, col, view.prediction, view.activity, subcontext) << 4)
        self._put(row, col, view, value)

    def _coded(
        self, row: int, col: int, prediction: int, activity: int, subcontext: int | None
    ) -> int:
        """Section 10.6: a centred sample."""
        fraction, sign = prediction & 15, 1
        if fraction > 8:
            fraction, sign = 16 - fraction, -1
        level = level_of(activity >> 3)
        if subcontext is None:
            contexts, kind = self._rough(row, col, level, fraction, sign), level >> 2
        else:
            contexts, kind = self._level(row, col, level, subcontext), 32 + (level >> 2)
        take, raw = self.decisions.take, self.decisions.raw.take
        near = (prediction >> 4) + (sign < 0)
        far = take(0, contexts, kind)
        bucket = 0
        while bucket < BUCKETS and take(1 + 20 * far + min(bucket, 18), contexts, kind):
            bucket += 1
        if bucket == BUCKETS:
            bucket += raw(raw(6))
        shift = max((level - 16) >> 2, 0)
        distance = bucket
        if shift:
            upper = self.decisions.half(level, far, min(bucket, 7))
            distance = (2 * bucket + upper << shift - 1) + raw(shift - 1)
        return near + sign * (distance + 1) if far else near - sign * distance


def read_adaptive(fields: Fields, kind: int, holes: Holes, model: AdaptiveModel) -> Grid:
    """Section 10.1, after the holes: the samples of a block that is not void."""
    return read_block(
        fields, kind, holes, lambda coder, raw: AdaptiveBlock(holes, model, Decisions(coder, raw))
    )


def read_block(
    fields: Fields, kind: int, holes: Holes, walk: Callable[[RangeDecoder, BitReader], Walk]
) -> Grid:
    """Section 10.1 of any coder: both streams, and the samples that they give."""
    rows, cols = len(holes), len(holes[0])
    centre = unfold(fields.varint(1 << 48))
    if kind == 1:
        fields.done()
        return [[centre] * cols for _ in range(rows)]
    coded, uncoded = (fields.varint(80 * rows * cols) for _ in range(2))
    coder, raw = RangeDecoder(fields.words(coded)), BitReader(fields.words(uncoded))
    fields.done()
    x = walk(coder, raw).decode()
    if not (coder.ends() and raw.ends()):
        raise RejectError("a stream does not end with its last sample")
    return [[(value >> 4) + centre for value in row] for row in x]
