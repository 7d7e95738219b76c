"""Write the worked example of docs/format.md (section 14): python -m tests.golden.example.

The document shows a file that the encoder writes, so it is made anew when the encoder changes.
Field by field, the file is taken apart by the reference decoder.
"""

import sys
from itertools import groupby

import numpy as np

import demzip
from tests.reference.decoder import Step, decode
from tests.reference.fields import Fields, running, unfold
from tests.reference.lanes import LEAST, lane_count
from tests.reference.metadata import DOCUMENT
from tests.reference.model import Model
from tests.reference.tables import ESCAPE, TABLE_BITS

VALUES = [[412, 415, 419, 430], [410, 414, 421, 437], [409, 411, 425, 433]]
PREFIX = 24
COLUMNS = (
    "r, c", "lane", "prediction", "activity = level", "bin", "subcontext", "context", "state",
    "symbol", "residual", "x", "value",
)  # fmt: skip


def in_words(values: list[int]) -> str:
    """A list with runs of more than two shortened."""
    parts = []
    for value, group in groupby(values):
        count = len(list(group))
        parts += [f"{count} times {value}"] if count > 2 else [str(value)] * count
    return ", ".join(parts)


class ExampleTable:
    """Rows of the example's first table."""

    def __init__(self, data: bytes) -> None:
        self.fields = Fields(data)
        self.rows: list[str] = []

    def row(self, start: int, *parts: int, meaning: str) -> None:
        """Bytes from `start` on, in parts of the given sizes."""
        cells, at = [], start
        for size in parts:
            text = self.fields.data[at : at + size].hex(" ")
            cells.append(f"`{text}`" if size <= 16 else f"`{text[:5]}` ... `{text[-5:]}`")
            at += size
        self.rows.append(f"| {start} | {' '.join(cells)} | {meaning} |")

    def varints(self, count: int, meaning: str) -> list[int]:
        """A row of varints; {} in its meaning take their values."""
        start = self.fields.position
        values, sizes = [], []
        for _ in range(count):
            before = self.fields.position
            values.append(self.fields.varint())
            sizes.append(self.fields.position - before)
        self.row(start, *sizes, meaning=meaning.format(*values))
        return values

    def taken(self, sizes: list[int], meaning: str) -> None:
        """A row of bytes."""
        start = self.fields.position
        self.fields.take(sum(sizes))
        self.row(start, *sizes, meaning=meaning)

    def numbers(self, name: str, count: int, *, signed: bool) -> list[int]:
        """The rows of a list."""
        start = self.fields.position
        values = self.fields.unsigned_list(count)
        after = Fields(self.fields.data)
        after.position = start
        size = after.byte()
        packed = after.take((size + 1) // 2)
        nibbles = [packed[k // 2] >> (4 * (k % 2)) & 15 for k in range(size)]
        present = {token: nibble for token, nibble in enumerate(nibbles) if nibble}
        said = ", ".join(f"{token} has {nibble}" for token, nibble in present.items())
        self.row(
            start, 1, len(packed),
            meaning=f"{name}, a list of {count}: tokens 0 .. {size - 1}; nibbles: {said}",
        )  # fmt: skip
        at, sizes = after.position, []
        if len(present) > 1:
            words = after.varint()
            sizes = [after.position - at, 4 * words]
        sizes.append(self.fields.position - at - sum(sizes))
        kinds = ["word count", "words", "extra bits"] if len(sizes) > 1 else ["extra bits"]
        said = in_words([unfold(value) for value in values] if signed else values)
        shown = [size for size in sizes if size]
        if shown:
            named = [kind for kind, size in zip(kinds, sizes, strict=True) if size]
            self.row(at, *shown, meaning=f"{', '.join(named)}: {said}")
        else:
            self.rows[-1] = self.rows[-1][:-2] + f", so {said} |"
        return [unfold(value) for value in values] if signed else values


def first_table(data: bytes) -> list[str]:
    """What each byte means."""
    made = ExampleTable(data)
    header, index = (int.from_bytes(data[at : at + 4], "little") for at in (12, 16))
    made.taken([8], "magic")
    made.taken([2, 2], "version 4, kind 0")
    made.taken([4, 4], f"{header} header bytes, {index} index bytes")
    made.taken([4], f"CRC-32 of bytes 0 .. 19 and 24 .. {PREFIX + header + index - 1}")
    made.varints(4, "{} rows, {} columns, block {}, {} plane")
    made.varints(2, "{} metadata bytes, {} section bytes")
    predictor = demzip.PREDICTORS[data[made.fields.position + 1] - 1]
    made.taken([1, 1, 1], f"a band, `{predictor}`, coded with tables")
    made.taken([1, 1], "int16, rule integer")
    made.varints(3, "{} fills, {} exceptions, {} grid levels")
    made.varints(1, "{} model bytes")
    (sets,) = made.varints(1, "S = {} weight sets")
    made.numbers("weights", 23 * sets, signed=True)
    made.varints(1, "{}: no offsets")
    _, limits = made.varints(2, "activity shift {}, M = {} limits")
    steps = made.numbers("differences of thresholds and limits", sets - 1 + limits, signed=True)
    made.rows[-1] = made.rows[-1][:-2] + f"; limits {in_words(running(steps[sets - 1 :]))} |"
    (tables,) = made.varints(1, "T = {} tables")
    made.numbers("context map", 256, signed=False)
    shapes = made.numbers("shift, first, count, escape", 4 * tables, signed=False)
    made.numbers("frequency level differences", sum(shapes[2::4]), signed=True)
    made.varints(1, "P = {}, no popularity classes")
    size = int.from_bytes(data[made.fields.position :][:4], "little")
    made.taken([4], f"index: payload 0 has {size} bytes")
    made.taken([4, 4], "CRC-32 of the payload, of the values")
    made.taken([1], "payload: coded, no mask, no own weights, no kinds of holes")
    centre, _ = made.varints(2, "centre, folded: {}; bound {}")
    said = f"folded: {centre}"
    made.rows[-1] = made.rows[-1].replace(said, f"{said}, so {unfold(centre)}")
    made.taken([4] * lane_count(len(VALUES)), "the states of the lanes")
    made.taken([2] * ((len(data) - made.fields.position) // 2), "half words")
    made.fields.done()
    return made.rows


def about_tables(model: Model, step: Step) -> list[str]:
    """How the first symbol is found."""
    number = model.table_of_context[step.context]
    table = model.tables[number]
    chances = table.chances
    symbols = [*range(table.first, table.first + len(table.levels)), ESCAPE]
    place = symbols.index(step.symbol)
    state, slot = step.state, step.state % (1 << TABLE_BITS)
    start = sum(chances[:place])
    end = start + chances[place]
    after = chances[place] * (state >> TABLE_BITS) + slot - start
    return [
        f"Table {number} has the frequency levels {in_words(table.levels)} and {table.escape},",
        f"so the frequencies {in_words(chances)} of symbols",
        f"{symbols[0]} .. {symbols[-2]} and the escape.",
        f"The first symbol: x = 0x{state:08X}, slot = {slot}, in [{start}, {end}):",
        f"symbol {step.symbol}; then x = {chances[place]} * 0x{state >> TABLE_BITS:X} + "
        f"{slot - start} = 0x{after:X}" + (", no refill." if after >= LEAST else ", and a refill."),
    ]


def section() -> str:
    """The section's text."""
    data = demzip.encode(np.array(VALUES, np.int16))
    found = decode(data)
    model = found.header.planes[0].model
    assert isinstance(model, Model)
    rows = [", ".join(map(str, row)) for row in VALUES]
    lines = [
        "", f"A file of {len(data)} bytes with this raster, as int16 without metadata:", "",
        "```json", "[" + ", ".join(f"[{row}]" for row in rows) + "]", "```", "", "```hex",
        *(data[at : at + 16].hex(" ") for at in range(0, len(data), 16)), "```", "",
        "| offset | bytes | meaning |", "|---|---|---|", *first_table(data), "",
        *about_tables(model, found.steps[0]), "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
    ]  # fmt: skip
    for step in found.steps:
        assert step.activity == step.level
        cells = (
            f"{step.row}, {step.col}", step.lane, step.prediction, step.activity,
            step.context // 8, step.context % 8, step.context, f"{step.state:08X}", step.symbol,
            step.residual, step.sample, VALUES[step.row][step.col],
        )  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join([*lines, "", ""])


def main() -> int:
    """Replace the section; the exit code."""
    text = DOCUMENT.read_text(encoding="utf-8")
    title, following = "## 14. Worked example\n", "## 15. "
    before, rest = text.split(title)
    after = rest.split(following, 1)[1]
    DOCUMENT.write_text(before + title + section() + following + after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
