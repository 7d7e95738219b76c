"""Fuzz for as long as one likes: python -m tests.fuzz.long --seconds 3600 --seed 1 --jobs 2.

Every case is a golden file or one of the corpus, damaged or forged, and is read by decode, open,
verify and now and then by the commands. A case that goes wrong (an error that is no DemzipError,
wrong samples, no end, a dead process) is written to the folder of --keep with what happened.
NUMBA_BOUNDSCHECK=1 in the environment also finds kernels that look beyond their arrays.

Exit code 1 if anything was found.
"""

import argparse
import sys
from pathlib import Path

from tests.fuzz.workers import Found, Plan, run


def keep(folder: Path, seed: int, found: Found) -> Path:
    """Write a case and what it does."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{seed}-{found.number}-{found.case.label}.dz"
    path.write_bytes(found.case.data)
    path.with_suffix(".txt").write_text(found.what + "\n", encoding="utf-8")
    return path


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit code."""
    about = __doc__ or ""  # python -OO has none
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.long", description=about[:60])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cases", type=int, default=Plan.cases)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--limit", type=float, default=Plan.limit, help="seconds for one case")
    parser.add_argument("--memory", type=int, default=Plan.memory, help="MiB, 0: no limit")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), metavar="FOLDER")
    parser.add_argument("--target", default=Plan.target, help=argparse.SUPPRESS)
    given = vars(parser.parse_args(arguments))
    folder = given.pop("keep")
    plan = Plan(**given)
    outcome = run(plan)
    for found in outcome.found:
        path = keep(folder, plan.seed, found)
        print(f"{path}: {found.what.strip().splitlines()[-1]}")  # noqa: T201
    counts = ", ".join(f"{number} {kind}" for kind, number in sorted(outcome.counts.items()))
    print(f"{counts or 'no case'}; {len(outcome.found)} findings")  # noqa: T201
    return 1 if outcome.found else 0


if __name__ == "__main__":
    sys.exit(main())
