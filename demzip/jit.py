"""The one Numba decorator of the project, and the cache of compiled kernels.

A kernel is a pure integer loop in a file named ``kernels.py``: it allocates nothing, raises nothing
and returns numbers. The module beside it checks arguments, allocates and raises.

Numba's own cache goes stale when a kernel calls another file's kernel (only the caller's file is
stamped) and refuses to import where no directory is writable. So compiled kernels live in a
directory named after the hash of all kernel sources, and where none can be written they are
compiled anew by each process.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")

PACKAGE = Path(__file__).parent
NUMBA: Any = numba  # its type stubs know neither config.CACHE_DIR nor _nrt
# They change compiled code; Numba's index of what it has compiled knows only the processor's.
SETTINGS = ("BOUNDSCHECK", "CPU_NAME", "CPU_FEATURES", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE")
_CONFIG_LOCK = Lock()  # numba.config is process-wide; decorations must not interleave


@cache
def kernel_hash() -> str:
    """Hash of what compiled kernels depend on.

    That is their sources, the constants of the format, which are compiled into them, their place,
    and the versions and the settings of the compiler.
    """
    settings = [getattr(NUMBA.config, name, None) for name in SETTINGS]
    key = f"{numba.__version__} {sys.version_info[:2]} {PACKAGE} {settings}"
    digest = hashlib.sha256(key.encode())
    shared = [PACKAGE / name for name in ("constants.py", "jit.py", "vectors.py")]
    for source in (*shared, *sorted(PACKAGE.rglob("kernels.py"))):
        digest.update(source.relative_to(PACKAGE).as_posix().encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _candidate_roots() -> list[Path]:
    roots = []
    if NUMBA.config.CACHE_DIR:
        roots.append(Path(NUMBA.config.CACHE_DIR))
    if os.environ.get("XDG_CACHE_HOME"):
        roots.append(Path(os.environ["XDG_CACHE_HOME"]))
    elif sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        roots.append(Path(os.environ["LOCALAPPDATA"]))
    else:
        home = os.path.expanduser("~")  # noqa: PTH111  Path.home() raises where there is no home
        if home not in {"~", "", "/"}:
            roots.append(Path(home) / ".cache")
    return roots


@cache
def cache_directory() -> Path | None:
    """Directory of this version's compiled kernels, or None where nothing can be written."""
    for root in _candidate_roots():
        directory = root / "demzip" / f"kernels-{kernel_hash()}"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=directory):
                return directory
        except OSError:
            continue
    return None


def kernels_are_compiled() -> bool:
    """Whether an earlier process left compiled kernels behind (a hint for progress messages)."""
    directory = cache_directory()
    return directory is not None and any(directory.rglob("*.nbc"))


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop with Numba: releases the GIL, no fast-math, cached on disk where possible."""
    return _compile(function)


def _njit(**options: object) -> Callable[..., Any]:
    """Numba's decorator with the options of all kernels.

    Without its runtime (NRT) a kernel cannot allocate, and array arguments are not counted as
    references: the counting alone made the loops four times as slow.
    """
    decorator: Callable[..., Any] = NUMBA.njit(
        nogil=True, error_model="numpy", _nrt=False, **options
    )
    return decorator


def _compile(function: Callable[P, R], **options: object) -> Callable[P, R]:
    directory = cache_directory()
    with _CONFIG_LOCK:
        before = NUMBA.config.CACHE_DIR
        NUMBA.config.CACHE_DIR = str(directory or "")
        try:
            compiled = _njit(cache=directory is not None, **options)(function)
        finally:
            NUMBA.config.CACHE_DIR = before
    return cast("Callable[P, R]", compiled)


def estimator(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop of the encoder's statistics, whose floating-point sums may be reordered.

    They round differently from machine to machine, so this is never part of decoding.
    """
    return _compile(function, fastmath={"contract", "reassoc", "nsz"})


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a piece of a kernel that LLVM pastes into its callers; a call would cost dearly.

    (Numba can paste too, before it infers types, and takes twice as long to compile that.)
    """
    return cast("Callable[P, R]", _njit(forceinline=True)(function))


@NUMBA.extending.intrinsic  # type: ignore[untyped-decorator]  # Numba's decorators have no types
def leading_zeros(context: Any, value: Any) -> Any:  # noqa: ANN401, ARG001  Numba's own types
    """Zero bits above the highest one of a uint64; 64 for 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001  as above
        return builder.ctlz(args[0], NUMBA.core.cgutils.false_bit)

    return NUMBA.types.uint64(NUMBA.types.uint64), generate


@NUMBA.extending.intrinsic  # type: ignore[untyped-decorator]  # as above
def prefetch(context: Any, array: Any, index: Any) -> Any:  # noqa: ANN401, ARG001  as above
    """Ask for a one-dimensional array's element ahead of its use; any index does no harm."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401  as above
        found = NUMBA.np.arrayobj.make_array(signature.args[0])(context, builder, args[0])
        place = builder.gep(found.data, [args[1]])
        ir, whole = NUMBA.core.cgutils.ir, NUMBA.core.cgutils.int32_t
        function = ir.FunctionType(ir.VoidType(), [place.type, whole, whole, whole])
        called = NUMBA.core.cgutils.get_or_insert_function(
            builder.module, function, "llvm.prefetch.p0"
        )
        builder.call(called, [place, whole(0), whole(3), whole(1)])  # data, to be read and kept
        return context.get_dummy_value()

    return NUMBA.types.void(array, index), generate
