"""Coverage-guided fuzzing with atheris (not a dependency; it has wheels for Linux).

    python3 -m venv .venv && .venv/bin/pip install -e '.[test]' atheris
    mkdir -p fuzz-corpus
    .venv/bin/python -m tests.fuzz.atheris_target fuzz-corpus -timeout=20 -rss_limit_mb=8192 \
        -max_total_time=3600

The intact files are put into the first folder named. Half of the mutations are those of the other
fuzzers, whose checksums are right; libFuzzer's own are sealed again where that can be done. What
is found goes into a file named crash-..., as libFuzzer does.
"""

import importlib
import random
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
# Numba compiles no instrumented loops; what runs in kernels is watched by bounds checks instead.
KERNELS = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in ROOT.glob("demzip/**/kernels.py")
]

with atheris.instrument_imports(include=["demzip"], exclude=KERNELS):
    for name in ("demzip.codec", "demzip.io.geotiff", "demzip.io.dataset"):
        importlib.import_module(name)

from tests.fuzz.check import Reader, digests, files  # noqa: E402  instrumented
from tests.fuzz.layout import join, seal, split  # noqa: E402  instrumented
from tests.fuzz.mutate import Case, forge  # noqa: E402  instrumented

READER = Reader(Path(tempfile.mkdtemp(prefix="demzip-fuzz-")), commands=False)


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """libFuzzer's custom mutator."""
    rng = random.Random(seed)  # noqa: S311  no secrets
    try:
        if rng.random() < 0.5:
            return forge(rng, data, rng.choice(list(files().values())))[1][:most]
        parts = split(atheris.Mutate(data, most))
        seal(parts)
        return join(parts)[:most]
    except Exception:  # noqa: BLE001  not a file any more; mutate it as bytes
        return bytes(atheris.Mutate(data, most))


def read(data: bytes) -> None:
    """Read one case."""
    READER.check(Case("atheris", data, forged=True))


def main() -> None:
    """Start libFuzzer."""
    warnings.simplefilter("error")
    if not digests():
        raise RuntimeError("there are no golden files")
    folders = [Path(name) for name in sys.argv[1:] if not name.startswith("-")]
    for folder in folders[:1]:
        for name, data in files().items():
            (folder / f"{name}.dz").write_bytes(data)
    atheris.Setup(sys.argv, read, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
