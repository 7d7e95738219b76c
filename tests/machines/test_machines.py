"""Golden files and commands on machines unlike the one that wrote them.

Both processes compile everything, for some 15 s on an idle machine; they run at the same time.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
TIMEOUT = 1500

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


def clean(**settings: str) -> dict[str, str]:
    """The environment without anything that leads to a folder for compiled kernels."""
    names = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME", "TMPDIR")
    return {name: value for name, value in os.environ.items() if name not in names} | settings


def locked_folder(path: Path) -> Path:
    """Make a folder and everything in it read-only."""
    path.mkdir(exist_ok=True)
    for item in (*path.rglob("*"), path):
        item.chmod(0o555 if item.is_dir() else 0o444)
    return path


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the package as pip installs it, and nobody may write to it."""
    folder = tmp_path_factory.mktemp("site-packages")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "demzip", folder / "demzip", ignore=ignore)
    yield locked_folder(folder)
    for item in (folder, *folder.rglob("*")):
        item.chmod(0o755)


Running = dict[str, subprocess.Popen[str]]


@pytest.fixture(scope="module")
def running(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Processes of this module that take long."""
    locked = str(locked_folder(tmp_path_factory.mktemp("locked")))
    commands: dict[str, tuple[list[str], dict[str, str]]] = {
        # No AVX, no FMA; no assert statements and no docstrings; nowhere to keep kernels.
        "poor": (
            [
                str(HERE / "poor.py"), sys.executable, "-OO", "-B", "-P", str(HERE / "smoke.py"),
                str(ROOT), str(packages / "demzip"), "locked",
            ],
            clean(
                NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="", XDG_CACHE_HOME=locked,
                TMPDIR=locked, PYTHONPATH=str(packages),
            ),
        ),
        "bounds": (
            ["-m", "tests.machines.bounds"],
            dict(os.environ) | {"NUMBA_BOUNDSCHECK": "1", "PYTHONPATH": str(ROOT)},
        ),
    }  # fmt: skip
    started = {
        name: subprocess.Popen(
            [sys.executable, *command], env=environment, cwd=tmp_path_factory.mktemp(name),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for name, (command, environment) in commands.items()
    }  # fmt: skip
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", ["poor", "bounds"])
def test_machine(running: Running, name: str) -> None:
    output, _ = running[name].communicate(timeout=TIMEOUT)
    assert running[name].returncode == 0, output


def python(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True, text=True, check=False, timeout=TIMEOUT, **options,
    )  # fmt: skip


def test_without_assert_statements(tmp_path: Path) -> None:
    done = python(
        "-O", str(HERE / "smoke.py"), str(ROOT), str(ROOT / "demzip"),
        cwd=tmp_path, env=dict(os.environ) | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_smoke_test_can_fail(tmp_path: Path) -> None:
    """Golden files with one wrong digest, another package, a folder that is not locked."""
    shutil.copytree(ROOT / "tests/golden", tmp_path / "tests/golden")
    manifest = tmp_path / "tests/golden/MANIFEST.toml"
    text = manifest.read_text(encoding="utf-8")
    place = text.rindex('values_sha256 = "') + 20
    last = text[text.rindex('name = "') + 8 :].partition('"')[0]
    manifest.write_text(text[:place] + "not" + text[place + 3 :], encoding="utf-8")
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    for arguments, words in (
        ((str(tmp_path), str(ROOT / "demzip")), last),
        ((str(ROOT), str(tmp_path)), "demzip comes from"),
        ((str(ROOT), str(tmp_path), "locked"), "smoke: "),
    ):
        done = python(str(HERE / "smoke.py"), *arguments, cwd=tmp_path, env=environment)
        assert done.returncode == 1
        assert words in done.stderr


WHERE = "from demzip import jit; print(jit.cache_directory())"
NOBODY = "import pwd\ndef unknown(number): raise KeyError\npwd.getpwuid = unknown\n"


@pytest.mark.parametrize("home", [None, "/proc/nowhere", "/dev/null", "locked"])
def test_no_place_for_compiled_kernels(home: str | None, tmp_path: Path) -> None:
    """A header is read all the same."""
    environment = clean(PYTHONPATH=str(ROOT))
    if home is not None:
        environment["HOME"] = str(locked_folder(tmp_path / home)) if home == "locked" else home
    poor = str(HERE / "poor.py")
    done = python(poor, sys.executable, "-c", NOBODY + WHERE, env=environment, cwd="/proc")
    assert (done.stdout, done.stderr) == ("None\n", "")
    info = NOBODY + "from demzip.cli.app import main; main()"
    file = str(ROOT / "tests/golden/row.dz")
    done = python(poor, sys.executable, "-c", info, "info", file, env=environment, cwd="/proc")
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize(
    "setting",
    [{"NUMBA_BOUNDSCHECK": "1"}, {"NUMBA_CPU_NAME": "generic"}, {"NUMBA_CPU_FEATURES": ""}],
    ids=str,
)
def test_compilers_with_other_settings_have_kernels_of_their_own(
    setting: dict[str, str], tmp_path: Path
) -> None:
    environment = clean(PYTHONPATH=str(ROOT), NUMBA_CACHE_DIR=str(tmp_path))
    usual, again, other = (
        python("-c", WHERE, env=environment | changed).stdout for changed in ({}, {}, setting)
    )
    assert usual == again != other
    assert Path(other.strip()).parent == tmp_path / "demzip"


ALONE = """
import hashlib, sys, tomllib
from pathlib import Path

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "tests"}:
            raise ImportError(f"{name} is not to be imported")

sys.meta_path.insert(0, Block())
root = Path(sys.argv[1])
sys.path.insert(0, str(root))
for name in ("demzip", "numba", "numpy"):
    try:
        __import__(name)
    except ImportError:
        continue
    sys.exit(f"{name} can be imported")
from tests.reference import decoder
folder = root / "tests" / "golden"
entries = tomllib.loads((folder / "MANIFEST.toml").read_text(encoding="utf-8"))["file"]
for entry in entries:
    found = decoder.decode((folder / entry["name"]).read_bytes())
    if hashlib.sha256(found.to_bytes()).hexdigest() != entry["values_sha256"]:
        sys.exit(entry["name"])
print(len(entries))
"""


def test_the_reference_decoder_needs_python_alone() -> None:
    done = python("-I", "-S", "-c", ALONE, str(ROOT))
    assert done.stderr == ""
    assert int(done.stdout) == len(list((ROOT / "tests/golden").glob("*.dz")))
