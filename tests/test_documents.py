"""What README, CHANGELOG and docs say is what demzip does."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio
import typer.main
from typer.testing import CliRunner

import demzip
from demzip import errors
from demzip.cli.app import INTERRUPTED, TERMINATED, app
from demzip.container.layout import FORMAT_VERSION

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
CORPUS_FILE = Path("corpus/mountains_int16.tif")
BIN = ".venv/bin/"
# What rich, Python and Numba read; the rest of the table is read by demzip itself.
READ_ELSEWHERE = {"NO_COLOR", "NUMBA_CACHE_DIR", "TMPDIR"}


class Row(NamedTuple):
    """A row of a table in Markdown: the names in its first cell, and the other cells."""

    names: tuple[str, ...]
    cells: tuple[str, ...]


def commands(group: Any, before: str = "") -> dict[str, Any]:
    """Commands by name, those of groups with the name of the group before."""
    found = {}
    for name, command in group.commands.items():
        full = f"{before}{name}"
        found |= commands(command, f"{full} ") if hasattr(command, "commands") else {full: command}
    return found


COMMANDS = commands(typer.main.get_command(app))
SLOW = {"warmup", "train-prior"}


def command_of(words: list[str]) -> str:
    """The command that words after `demzip` call."""
    return next((name for n in (2, 1) if (name := " ".join(words[:n])) in COMMANDS), words[0])


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def sections(text: str) -> dict[str, str]:
    """Text below each heading of level 2."""
    parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def table_rows(section: str) -> list[Row]:
    """Rows whose first cell begins with code."""
    found = []
    for line in section.splitlines():
        if line.startswith("| `"):
            first, *others = (cell.strip() for cell in line.strip("|").split("|"))
            found.append(Row(tuple(re.findall(r"`([^`]+)`", first)), tuple(others)))
    return found


def documented(command: str) -> list[Row]:
    """Options and arguments of a command in docs/cli.md; keys of JSON objects are left out."""
    section = sections(CLI)[f"demzip {command}".rstrip()]
    tables = re.findall(r"^\| (?:option|argument) \|.*\n(?:\|.*\n)+", section, re.MULTILINE)
    return [row for table in tables for row in table_rows(table)]


def parameters(command: str) -> list[Any]:
    owner: Any = COMMANDS[command] if command else typer.main.get_command(app)
    return list(owner.params)


def names_of(parameter: Any) -> set[str]:
    if parameter.param_type_name == "argument":
        return {parameter.metavar}
    return {*parameter.opts, *parameter.secondary_opts}


def run(arguments: list[str]) -> Any:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with as much of a checkout as README's commands read."""
    (tmp_path / "corpus").mkdir()
    shutil.copy(ROOT / CORPUS_FILE, tmp_path / CORPUS_FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tile(checkout: Path) -> Path:
    """The same with tile.tif, as in the examples."""
    return Path(shutil.copy(checkout / CORPUS_FILE, checkout / "tile.tif"))


# ---- README -----------------------------------------------------------------------------------


def try_it() -> tuple[list[list[str]], list[list[str]]]:
    """Both commands of "Try it", each as its parts."""
    first, second = code_blocks(sections(README)["Try it"], "sh")
    assert first.count("\n") == second.count("\n") == 1
    parts = [[shlex.split(part) for part in line.split("&&")] for line in (first, second)]
    return parts[0], parts[1]


def test_readme_fits_on_two_screens() -> None:
    assert README.count("\n") <= 100


def test_first_command_compresses_verifies_and_decompresses(checkout: Path) -> None:
    first, _ = try_it()
    assert first[:2] == [["python3", "-m", "venv", ".venv"], [f"{BIN}pip", "install", "-q", "."]]
    assert [part[:2] for part in first[2:]] == [
        [f"{BIN}demzip", command] for command in ("compress", "verify", "decompress")
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for _again in range(2):
        for _, *arguments in first[2:]:
            done = subprocess.run(
                [sys.executable, "-m", "demzip", *arguments],
                cwd=checkout, env=environment, capture_output=True, text=True, check=False,
                timeout=300,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
    made = {path.suffix: path for path in checkout.iterdir() if path.is_file()}
    assert set(made) == {".dz", ".tif"}
    with rasterio.open(made[".tif"]) as back, rasterio.open(ROOT / CORPUS_FILE) as original:
        np.testing.assert_array_equal(back.read(1), original.read(1))
        assert (back.crs, back.transform) == (original.crs, original.transform)


def test_second_command_is_what_ci_runs() -> None:
    _, second = try_it()
    assert [part[0] for part in second] == ["python3", f"{BIN}pip", f"{BIN}python"]
    line = code_blocks(README, "sh")[1].rstrip("\n")
    assert line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_project_has_what_both_commands_install() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"]["demzip"] == "demzip.cli.app:main"
    assert "test" in project["optional-dependencies"]
    oldest = re.search(r"Python (3\.\d+) or later", README)
    assert oldest is not None
    assert project["requires-python"] == f">={oldest[1]}"


@pytest.mark.usefixtures("tile")
def test_command_line_of_readme_runs() -> None:
    (block,) = code_blocks(sections(README)["Command line"], "sh")
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert {line[0] for line in lines} == {"demzip"}
    assert {command_of(line[1:]) for line in lines} <= set(COMMANDS)
    for _, *arguments in lines:
        if arguments != ["warmup"]:  # tested elsewhere; compiles for long
            result = run(arguments)
            assert result.exit_code == 0, result.output


@pytest.mark.usefixtures("checkout")
def test_python_of_readme_runs() -> None:
    blocks = code_blocks(README, "python")
    assert blocks
    for block in blocks:
        scope: dict[str, Any] = {}
        exec(compile(block, "README.md", "exec"), scope)  # noqa: S102  that is the test
        assert scope["window"].shape == (100, 100)
        assert isinstance(scope["data"], bytes)


# ---- docs/cli.md ------------------------------------------------------------------------------


def test_every_command_has_a_section_and_no_other() -> None:
    found = {name for name in sections(CLI) if name.startswith("demzip")}
    assert found == {"demzip", *(f"demzip {name}" for name in COMMANDS)}


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_options_and_arguments_are_those_of_the_application(command: str) -> None:
    expected = {frozenset(names_of(parameter)) for parameter in parameters(command)}
    if not command:
        expected.add(frozenset({"--help", "-h"}))  # of every command, documented once
    rows = documented(command)
    assert {frozenset(row.names) for row in rows} == expected
    assert len(rows) == len(expected)


@pytest.mark.parametrize("command", COMMANDS)
def test_defaults_are_those_of_the_application(command: str) -> None:
    cells = {name: row.cells[0] for row in documented(command) for name in row.names}
    for parameter in parameters(command):
        default = parameter.default
        if parameter.param_type_name == "option" and default is not None:
            shown = "" if default is False else f"`{default}`"
            if default is True:
                shown = f"`{parameter.opts[0]}`"
            assert cells[parameter.opts[0]] == shown, parameter.name


def test_predictors_are_all_named() -> None:
    (row,) = (row for row in documented("compress") if "--predictor" in row.names)
    named = set(re.findall(r"`(\w+)`", row.cells[1]))
    everything = {*demzip.PREDICTORS, "neural", "implicit", "auto"}
    assert named == everything - {f"jpeg{number}" for number in range(2, 7)}


def examples() -> list[tuple[str, str]]:
    """Commands of docs/cli.md and what they print."""
    found = []
    for block in code_blocks(CLI, "console"):
        parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)
        assert parts[0] == ""
        found += list(zip(parts[1::2], parts[2::2], strict=True))
    return found


def without_figures(text: str) -> list[str]:
    """Lines whose numbers, spacing and rules do not count; sizes may change with the encoder."""
    lines = [line for line in text.splitlines() if not re.match(r"demzip: .*\bcompiling\b", line)]
    plain = [re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "#", line) for line in lines]
    return [re.sub(r" +", " ", re.sub(r"-{2,}", "--", line)).strip() for line in plain]


@pytest.mark.usefixtures("tile")
def test_examples_print_what_is_shown() -> None:
    shown = examples()
    assert {command_of(shlex.split(line)[1:]) for line, _ in shown} >= set(COMMANDS) - SLOW
    for line, expected in shown:
        name, *arguments = shlex.split(line)
        assert name == "demzip"
        result = run(arguments)
        assert without_figures(result.output) == without_figures(expected), line
        assert (result.exit_code == 0) == ("demzip: error: " not in expected), line


@pytest.mark.usefixtures("tile")
def test_json_keys_are_described() -> None:
    for line, expected in examples():
        if line.endswith("--json"):
            section = sections(CLI)[f"demzip {command_of(shlex.split(line)[1:])}"]
            table = section[section.index("| key |") :]
            outer_key = r'^    "(\w+)"' if expected.startswith("[") else r'^  "(\w+)"'
            outer = set(re.findall(outer_key, expected, re.MULTILINE))
            assert {name for row in table_rows(table) for name in row.names} == outer
            inner = set(re.findall(r'^ {4,6}"([a-z_]+)":', expected, re.MULTILINE))
            assert inner <= set(re.findall(r"`(\w+)`", table)), line


def test_environment_variables_are_those_that_are_read() -> None:
    found = {name for row in table_rows(sections(CLI)["Environment"]) for name in row.names[:1]}
    pattern = re.compile(r'(?:environ(?:\.get\(|\[)|getenv\(|envvar=)"(\w+)"')
    read = {
        name
        for path in (ROOT / "demzip").rglob("*.py")
        for name in pattern.findall(path.read_text(encoding="utf-8"))
    }
    assert found == read | READ_ELSEWHERE


# ---- exit codes -------------------------------------------------------------------------------


def exit_codes() -> dict[int, set[str]]:
    """Codes of docs/cli.md and the classes beside them."""
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", sections(CLI)["Exit codes"], re.MULTILINE)
    return {int(code): set(re.findall(r"`(\w+)`", rest)) for code, rest in rows}


def test_exit_codes_are_those_of_the_errors() -> None:
    expected: dict[int, set[str]] = {0: set(), INTERRUPTED: set(), TERMINATED: set()}
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.DemzipError):
            expected.setdefault(kind.exit_code, set()).add(name)
    assert exit_codes() == expected


def test_readme_has_the_same_exit_codes() -> None:
    sentence = re.search(r"Exit codes: ([^.]*)\.", README)
    assert sentence is not None
    assert [int(code) for code in re.findall(r"\d+", sentence[1])] == sorted(exit_codes())


# ---- CHANGELOG and links ----------------------------------------------------------------------


def test_changelog_names_this_release_and_its_format() -> None:
    (heading,) = (name for name in sections(CHANGELOG) if demzip.__version__ in name.split())
    release = sections(CHANGELOG)[heading]
    assert re.findall(r"^### (.*)$", release, re.MULTILINE)[-1] == "Format"
    assert f"Version {FORMAT_VERSION}," in release[release.index("### Format") :]


def prose(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """Anchors that headings have on GitHub."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        assert file.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in anchors(file), f"{path.name}: {target}"


def test_readme_links_to_every_document() -> None:
    linked = set(re.findall(r"\]\(([^)#]+)\)", README))
    expected = {path.relative_to(ROOT).as_posix() for path in DOCUMENTS} - {"README.md"}
    assert linked >= expected | {"LICENSE", "corpus/README.md"}
