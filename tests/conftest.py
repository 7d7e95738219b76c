"""Where compiled kernels go, and how hard Hypothesis tries."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Set before demzip is imported. Compiling takes some 20 s; a folder named by the environment keeps
# the result from one run to the next, and processes that tests start share it in either case.
_OWN_CACHE = ""
if "NUMBA_CACHE_DIR" not in os.environ:
    _OWN_CACHE = tempfile.mkdtemp(prefix="demzip-tests-")
    os.environ["NUMBA_CACHE_DIR"] = _OWN_CACHE

# What JAX compiles, too: every fit compiles its steps anew, the same ones in many tests.
_JAX_CACHE = ""
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _JAX_CACHE = tempfile.mkdtemp(prefix="demzip-tests-jax-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _JAX_CACHE
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

# Shells let background jobs ignore Ctrl-C, and whatever these start inherits it.
signal.signal(signal.SIGINT, signal.default_int_handler)

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile(
    "ci", max_examples=20, deadline=None, derandomize=True, database=None,
    suppress_health_check=_SLOW,
)  # fmt: skip
settings.register_profile(
    "nightly", max_examples=500, deadline=None, print_blob=True, suppress_health_check=_SLOW
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

CORPUS = Path(__file__).resolve().parent.parent / "corpus"


def pytest_unconfigure() -> None:
    """Remove the folders of compiled code that are our own."""
    for folder in filter(None, (_OWN_CACHE, _JAX_CACHE)):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of the rasters that are kept with the sources."""
    return CORPUS
