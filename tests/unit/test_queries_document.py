"""The example of docs/queries.md gives what its table says."""

import re
from pathlib import Path
from typing import Any

import pytest

from demzip.surface.methods import METHODS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "queries.md").read_text(encoding="utf-8")


def test_the_cell_of_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    section = TEXT[TEXT.index("### The method decides") : TEXT.index("## Viewsheds")]
    block = re.search(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert block is not None
    scope: dict[str, Any] = {}
    exec(block[1], scope)  # noqa: S102  that is the test
    rows = re.findall(r"^\| `(\S+)` \| ([a-z ]+) \| (\S+) \|$", section, re.MULTILINE)
    assert [name for name, _, _ in rows] == list(METHODS)
    for name, answer, clearance in rows:
        said = scope["sight"].verdicts[name]
        assert answer == ("visible" if said.visible else "not visible")
        assert float(clearance) == pytest.approx(said.clearance, abs=0.006), name
