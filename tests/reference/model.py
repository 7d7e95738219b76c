"""The model section: weights, contexts and tables (docs/format.md section 4.2)."""

from dataclasses import dataclass

from tests.reference.fields import Fields, RejectError, running
from tests.reference.predictor import ONE, Outlook, W, level_of
from tests.reference.tables import SYMBOLS, Popularity, Table

MAX_WEIGHT = 1 << 20
MAX_STEP = 1 << 53
MAX_LEVELS = 1 << 20
FIRST_LIMIT = 1 << 47
OTHERS = 23  # weights of a set that stand in the file
PATTERNS = 243
MAX_OFFSET = 127


@dataclass(frozen=True)
class Model:
    """What all blocks share.

    Attributes:
        others: Per weight set, the 23 weights that are not that of W.
        offsets: Those of section 6.6, or none.
        thresholds, limits: As in sections 6.4 and 7.3.
        shift: Activity shift.
        table_of_context: 256 numbers of tables.
        tables: The tables.
        popularity: Of the samples, or None.

    """

    others: list[list[int]]
    offsets: list[int]
    thresholds: list[int]
    shift: int
    limits: list[int]
    table_of_context: list[int]
    tables: list[Table]
    popularity: Popularity | None

    def context(self, outlook: Outlook) -> int:
        """Section 7.3: 8 * bin + subcontext."""
        level = level_of(outlook.activity, self.shift)
        return 8 * sum(limit <= level for limit in self.limits) + outlook.subcontext


def complete(others: list[list[int]]) -> list[list[int]]:
    """Section 4.2: weight sets with that of W, which is what is missing to one."""
    return [[*rest[:W], ONE - sum(rest), *rest[W:]] for rest in others]


def read_weights(fields: Fields, sets: int) -> list[list[int]]:
    """A signed list of 23 weights per set."""
    flat = fields.signed_list(OTHERS * sets)
    if any(abs(weight) > MAX_WEIGHT for weight in flat):
        raise RejectError("a weight")
    return [flat[OTHERS * k : OTHERS * (k + 1)] for k in range(sets)]


def read_model(data: bytes) -> Model:
    """Section 4.2."""
    fields = Fields(data)
    sets = fields.varint(9)
    if sets == 0:
        raise RejectError("no weight set")
    others = read_weights(fields, sets)
    offsets = fields.signed_list(PATTERNS * fields.varint(2))
    if any(abs(offset) > MAX_OFFSET for offset in offsets):
        raise RejectError("an offset")
    shift = fields.varint(49)
    limit_count = fields.varint(32)
    steps = fields.signed_list(sets - 1 + limit_count)
    if any(not 0 <= step < MAX_STEP for step in steps):
        raise RejectError("a threshold or limit")
    limits = running(steps[sets - 1 :])
    if any(limit >= 4096 for limit in limits):
        raise RejectError("a limit")
    table_count = fields.varint(65)
    if table_count == 0:
        raise RejectError("no table")
    table_of_context = _read_context_map(fields, table_count)
    model = Model(
        others, offsets, running(steps[: sets - 1]), shift, limits, table_of_context,
        _read_tables(fields, table_count), _read_popularity(fields),
    )  # fmt: skip
    fields.done()
    return model


def _read_context_map(fields: Fields, table_count: int) -> list[int]:
    table_of_context: list[int] = []
    for context, entry in enumerate(fields.unsigned_list(256)):
        if entry == 0 and context < 8:
            raise RejectError("a context without table")
        table_of_context.append(table_of_context[context - 8] if entry == 0 else entry - 1)
    if max(table_of_context) >= table_count:
        raise RejectError("a context's table")
    return table_of_context


def _read_tables(fields: Fields, table_count: int) -> list[Table]:
    flat = fields.unsigned_list(4 * table_count)
    shapes = [flat[k : k + 4] for k in range(0, len(flat), 4)]
    for shift, first, count, escape in shapes:
        if shift > 21 or first + count > SYMBOLS or not 1 <= escape <= 60:
            raise RejectError("a table")
    steps = fields.signed_list(sum(shape[2] for shape in shapes))
    tables, start = [], 0
    for shift, first, count, escape in shapes:
        levels = running(steps[start : start + count])
        start += count
        if any(not 0 <= level <= 60 for level in levels):
            raise RejectError("a frequency level")
        tables.append(Table(shift, first, levels, escape))
    return tables


def _read_popularity(fields: Fields) -> Popularity | None:
    count = fields.varint(MAX_LEVELS + 1)
    if count == 0:
        return None
    first = fields.signed_list(1)[0]
    classes = fields.unsigned_list(count)
    if abs(first) >= FIRST_LIMIT or max(classes) > 60:
        raise RejectError("popularity")
    return Popularity(first, classes)
