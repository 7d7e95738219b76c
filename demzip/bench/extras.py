"""What the benchmark needs beyond demzip itself, and the promise of one thread."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from demzip.errors import OptionsError

EXTRAS = ("imagecodecs", "matplotlib")
# Read by OpenMP, GDAL, Blosc2 and NumPy's linear algebra, most of them when they are loaded.
THREADS = (
    "OMP_NUM_THREADS",
    "GDAL_NUM_THREADS",
    "BLOSC_NTHREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def check_extras() -> None:
    """See that the extra `bench` is installed; call it before the other modules are imported.

    Raises:
        OptionsError: It is not.

    """
    missing = [name for name in EXTRAS if find_spec(name) is None]
    if missing:
        raise OptionsError(
            f"{' and '.join(missing)} cannot be imported; pip install 'demzip[bench]' installs "
            "what benchmarks need"
        )


@contextmanager
def one_thread() -> Iterator[None]:
    """Tell libraries, by their environment variables, to use one thread."""
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name in THREADS:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]
