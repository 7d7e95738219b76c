"""A few seconds of fuzzing, and proof that the fuzzers find what is there to be found."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import demzip
from tests.fuzz import faults, long, mutate
from tests.fuzz.check import Finding, Reader, files
from tests.fuzz.layout import join, split
from tests.fuzz.mutate import Case, make_case
from tests.fuzz.workers import Plan, run

FINDINGS = sorted((Path(__file__).parent / "findings").glob("*.dz"))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("fuzz"))


@settings(max_examples=20 * settings().max_examples)
@given(seed=st.integers(0, 1 << 48))
def test_cases(reader: Reader, seed: int) -> None:
    reader.check(make_case(files(), seed))


def test_approximations_are_forged_drawn_and_rejected(reader: Reader) -> None:
    """Networks other than the intact one are read, too."""
    only = {"scrambled": files()["scrambled"]}
    cases = [make_case(only, seed) for seed in range(150)]
    told = {(case.forged, reader.check(case)) for case in cases}
    assert told >= {(True, "accepted"), (True, "rejected"), (False, "rejected")}


@pytest.mark.parametrize("name", ["column", "centimetres"])
def test_every_truncation(reader: Reader, name: str) -> None:
    data = files()[name]
    for size in range(len(data)):
        assert reader.check(Case(name, data[:size], forged=False)) == "rejected"


def test_earlier_findings(reader: Reader) -> None:
    for path in FINDINGS:
        reader.check(Case(path.stem, path.read_bytes(), forged=True))


# ---- the engine


@pytest.mark.parametrize("name", files())
def test_the_layout_is_that_of_the_files(name: str) -> None:
    parts = split(files()[name])
    assert join(parts) == files()[name]
    assert [zlib.crc32(payload) for payload in parts.payloads] == [
        entry.payload_crc for entry in parts.entries
    ]


def test_cases_are_of_every_kind_and_follow_from_their_seeds() -> None:
    cases = [make_case(files(), seed) for seed in range(1000)]
    assert cases == [make_case(files(), seed) for seed in range(1000)]
    kinds = {case.label.partition("-")[2] for case in cases}
    assert kinds == {kind.__name__ for kind in (*mutate.DAMAGES, *mutate.FORGERIES)}


def test_forgeries_reach_what_the_checksums_protect() -> None:
    """Headers that are read, payloads that are decoded."""
    told = set()
    for seed in range(2000):
        case = make_case(files(), seed)
        try:
            demzip.decode(case.data)
        except demzip.DemzipError as error:
            if case.forged:
                told.add(str(error).partition("): ")[2] or str(error))
    for words in (
        "decoded samples do not match their checksum",
        "the words of a block do not end with its last sample",
        "a sample exceeds the block's bound",
    ):
        assert words in told
    assert len(told) > 30


# ---- what is found


class Drawn:
    """Any elevations."""

    shape = 2, 3

    def picture(self, **_: object) -> None:
        """Nothing but the grid."""

    def read(self, _: object) -> object:
        """Some."""
        return np.ones((2, 3))


@pytest.mark.parametrize(
    ("name", "stub", "words"),
    [
        ("decode", lambda _: 1 // 0, "ZeroDivisionError"),
        ("decode", lambda _: np.zeros((2, 3), np.int16), "wrong values"),
        ("verify", lambda _: True, "finds nothing wrong"),
        ("open_implicit", lambda _: Drawn(), "wrong elevations"),
    ],
)
def test_mistakes_are_findings(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, name: str, stub: object, words: str
) -> None:
    case = Case("row", files()["row"][:-3], forged=False)
    assert reader.check(case) == "rejected"
    monkeypatch.setattr(demzip, name, stub)
    with pytest.raises(Finding, match=words):
        reader.check(case)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("crash", "the process died (exit code -11)"), ("leave", "the process died (exit code 0)"),
        ("hang", "no end within 1 s"), ("fail", "ZeroDivisionError"), ("eat", "MemoryError"),
    ],
)  # fmt: skip
def test_workers_survive(fault: str, words: str) -> None:
    plan = Plan(f"tests.fuzz.faults:{fault}", cases=8, jobs=2, limit=1, memory=4096, seconds=60)
    outcome = run(plan)
    assert [(found.number, found.case.data) for found in outcome.found] == [(faults.BAD, b"0/3")]
    assert words in outcome.found[0].what
    assert outcome.counts.total() >= 5  # those of a dead worker are lost


def test_the_long_run_keeps_what_it_finds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--cases", "5", "--keep", str(tmp_path / "kept"), "--target"]
    assert long.main([*arguments, "tests.fuzz.faults:fail"]) == 1
    assert (tmp_path / "kept/0-3-fault.dz").read_bytes() == b"0/3"
    assert "ZeroDivisionError" in (tmp_path / "kept/0-3-fault.txt").read_text(encoding="utf-8")
    assert capsys.readouterr().out.endswith("4 damaged, accepted; 1 findings\n")
    assert long.main(["--cases", "3", "--target", "tests.fuzz.faults:fail"]) == 0
    with pytest.raises(ValueError, match="no target"):
        long.main(["--cases", "3", "--target", "tests.fuzz.faults:refuse"])


def test_gdal_does_not_talk_on_its_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A forged CRS is our error, in one line."""
    path = tmp_path / "x.dz"
    georeference = demzip.Georeference(crs='GEOGCRS["x"')
    path.write_bytes(demzip.encode(np.ones((2, 3), np.int16), georeference=georeference))
    with demzip.open(path) as dem, pytest.raises(demzip.CorruptError, match="CRS"):
        _ = dem.crs
    assert capfd.readouterr().err == ""
