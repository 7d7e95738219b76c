"""docs/format.md says what the code does: its worked example, constants and dictionary."""

import hashlib
import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest

import demzip
from demzip import constants
from demzip.container.dictionary import WORDS
from demzip.entropy import popularity, tables
from tests.reference import decoder, metadata

TEXT = Path(__file__).resolve().parents[2].joinpath("docs", "format.md").read_text(encoding="utf-8")
EXAMPLE = TEXT.split("## 14. ")[1].split("## 15. ")[0]
CONSTANTS = TEXT.split("## 2. ")[1].split("## 3. ")[0]


def block(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", EXAMPLE, re.DOTALL)
    assert found is not None
    return found[1]


DATA = bytes.fromhex(block("hex"))
VALUES: list[list[int]] = json.loads(block("json"))


def test_example_decodes() -> None:
    assert demzip.decode(DATA).tolist() == VALUES
    packed = b"".join(struct.pack(f"<{len(row)}h", *row) for row in VALUES)
    assert decoder.decode(DATA).to_bytes() == packed


def test_example_is_what_the_encoder_writes() -> None:
    assert demzip.encode(np.array(VALUES, np.int16)).hex(" ", 1) == DATA.hex(" ", 1)
    assert f"A file of {len(DATA)} bytes" in EXAMPLE


def test_bytes_of_the_table_stand_in_the_file() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", EXAMPLE, re.MULTILINE)
    assert len(rows) > 25
    reached = 0
    for offset, cell in rows:
        if ", " in cell:
            continue
        position = int(offset)
        assert position >= reached
        for part in re.findall(r"`([0-9a-f ]+)`", cell.split("...")[0]):
            data = bytes.fromhex(part)
            assert DATA[position : position + len(data)] == data, offset
            position += len(data)
        reached = position
    assert reached == len(DATA)


def test_steps_of_the_table() -> None:
    rows = re.findall(r"^\| (\d+), (\d+) \|(.*)\|$", EXAMPLE, re.MULTILINE)
    steps = decoder.decode(DATA).steps
    assert len(rows) == len(steps) == 12
    for (row, col, rest), step in zip(rows, steps, strict=True):
        lane, prediction, activity, bins, sub, context, state, symbol, residual, x, value = (
            cell.strip() for cell in rest.split("|")
        )
        assert (step.row, step.col, step.lane) == (int(row), int(col), int(lane))
        assert (step.prediction, step.activity) == (int(prediction), int(activity))
        assert step.context == int(context) == 8 * int(bins) + int(sub)
        assert (step.state, step.symbol) == (int(state, 16), int(symbol))
        assert (step.residual, step.sample) == (int(residual), int(x))
        assert int(value) == VALUES[step.row][step.col]


def named_numbers() -> list[tuple[str, int]]:
    """Every constant of section 2 with its value; a row may name several."""
    pairs = []
    for names, values in re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", CONSTANTS, re.MULTILINE):
        numbers = re.findall(r"\d+", values)
        pairs += list(zip(re.findall(r"`(\w+)`", names), map(int, numbers), strict=True))
    pairs += [(name, int(value)) for name, value in re.findall(r"`(\w+)` = (\d+)", CONSTANTS)]
    return pairs


@pytest.mark.parametrize(("name", "value"), named_numbers())
def test_constants(name: str, value: int) -> None:
    holder = popularity if name == "MAX_CLASS" else constants
    assert getattr(holder, name) == value


def test_constants_are_found() -> None:
    assert len(named_numbers()) > 20


def test_quarter_and_half_octaves() -> None:
    section = TEXT.split("### 8.2")[1]
    found = re.search(r"Q = ([\d, ]+?)  ", section)
    assert found is not None
    assert tuple(map(int, found[1].split(","))) == tables.QUARTER_OCTAVE
    assert [int(mass) for mass in re.findall(r"(\d+) << \(\(class", section)] == list(
        popularity.HALF_OCTAVE
    )


def test_dictionary() -> None:
    assert metadata.dictionary() == WORDS
    assert hashlib.sha256(WORDS).hexdigest() in TEXT
    assert f"{len(WORDS)} bytes" in TEXT


def test_predictors() -> None:
    rows = re.findall(r"^\| (\d+) \| `((?:jpeg|lagrange)\d+)`", TEXT, re.MULTILINE)
    assert [(int(number), name) for number, name in rows] == list(
        enumerate(demzip.PREDICTORS, start=1)
    )
