"""Rules that the sources keep: what kernels may contain, where compilers are called, file sizes."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "demzip"
SOURCES = sorted(PACKAGE.rglob("*.py"))
KERNEL_FILES = [path for path in SOURCES if path.name == "kernels.py"]
DECORATORS = {"kernel", "inlined", "estimator"}
ALLOCATORS = {"empty", "zeros", "ones", "full", "arange", "array", "concatenate", "copy", "astype"}
FORBIDDEN = (
    ast.Raise, ast.Try, ast.With, ast.List, ast.Dict, ast.Set, ast.ListComp, ast.SetComp,
    ast.DictComp, ast.GeneratorExp, ast.Lambda, ast.Yield, ast.Global, ast.Assert, ast.JoinedStr,
    ast.Import, ast.ImportFrom,
)  # fmt: skip


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def decorators(function: ast.AST) -> set[str]:
    """Names of a function's decorators, called or not."""
    names = set()
    for decorator in getattr(function, "decorator_list", []):
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        names.add(target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ""))
    return names


def violations(source: str) -> list[str]:
    """What a kernel file must not contain."""
    found = []
    tree = ast.parse(source)
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        if not decorators(node) & DECORATORS:
            found.append(f"{node.name} is not compiled")
        for inner in ast.walk(ast.Module(node.body, [])):
            where = f"{node.name}, line {getattr(inner, 'lineno', 0)}"
            if isinstance(inner, FORBIDDEN):
                found.append(f"{where}: {type(inner).__name__}")
            called = getattr(getattr(inner, "func", None), "attr", "")
            if called in ALLOCATORS:
                found.append(f"{where}: {called} allocates")
    found += [
        f"line {node.lineno}: {type(node).__name__} of a class"
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    ]
    return found


@pytest.mark.parametrize("path", KERNEL_FILES, ids=name_of)
def test_kernels_only_loop(path: Path) -> None:
    assert violations(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError", "x = []", "x = {}", "x = [i for i in y]", "x = np.zeros(3)",
        "x = y.copy()", "assert x",
        "with x:\n        pass", "try:\n        pass\n    except E:\n        pass",
    ],
)  # fmt: skip
def test_the_rules_find_what_they_look_for(body: str) -> None:
    assert violations(f"@kernel\ndef f(y):\n    {body}\n")
    assert violations("def f(y):\n    return y\n")
    assert not violations("@kernel\ndef f(y):\n    return y + 1\n")


def test_there_are_kernels() -> None:
    assert len(KERNEL_FILES) >= 6


@pytest.mark.parametrize("path", [p for p in SOURCES if p not in KERNEL_FILES], ids=name_of)
def test_kernels_live_in_kernel_files(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        assert not decorators(node) & DECORATORS
        if isinstance(node, ast.ImportFrom) and node.module == "demzip.jit":
            assert not {alias.name for alias in node.names} & DECORATORS


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name != "jit.py"], ids=name_of)
def test_only_jit_sets_options_of_the_compiler(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword):
            assert node.arg not in {"fastmath", "parallel", "nogil", "cache"}
        if isinstance(node, ast.ImportFrom) and node.module == "numba":
            assert not {alias.name for alias in node.names} & {"jit", "njit", "prange", "vectorize"}
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"njit", "prange", "guvectorize"}


def test_nothing_runs_in_parallel_or_with_unsafe_arithmetic() -> None:
    for node in ast.walk(ast.parse((PACKAGE / "jit.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword):
            assert node.arg != "parallel"
            if node.arg == "fastmath":
                assert isinstance(node.value, ast.Set)
                names = {getattr(item, "value", None) for item in node.value.elts}
                assert names == {"contract", "reassoc", "nsz"}


@pytest.mark.parametrize("folder", ["demzip", "tests", "corpus"])
def test_no_file_is_longer_than_400_lines(folder: str) -> None:
    long = [
        name_of(path)
        for path in (ROOT / folder).rglob("*.py")
        if "downloads" not in path.parts
        and len(path.read_text(encoding="utf-8").splitlines()) > 400
    ]
    assert long == []
