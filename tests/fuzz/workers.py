"""Cases in processes of their own, so that a crash or a hang of one is seen and survived.

A worker says which case it reads before it reads it. A case follows from the seed and its number
alone; so the one that a dead worker was at can be made again and kept.
"""

import importlib
import multiprocessing as mp
import resource
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.fuzz.mutate import Case

CONTEXT = mp.get_context("spawn")  # kernels and threads do not survive a fork
POLL = 0.05  # seconds
LOADING, ENDED = -1.0, -2.0  # instead of the time when a case began


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        target: "module:function" that gives, for a folder, a function of a seed that makes a case
            and one that checks it.
        seed: Of all cases.
        jobs: Processes.
        seconds: After which no case is begun.
        cases: The same, as a number.
        limit: Seconds for one case.
        memory: MiB of address space of a worker, 0 for no limit.

    """

    target: str = "tests.fuzz.workers:reader"
    seed: int = 0
    jobs: int = 1
    seconds: float = 10.0
    cases: int = 1 << 62
    limit: float = 20.0
    memory: int = 8192


@dataclass(frozen=True)
class Found:
    """A case that went wrong, and how."""

    number: int
    case: Case
    what: str


@dataclass
class Outcome:
    """Cases by what came of them, and those that went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    found: list[Found] = field(default_factory=list)


Target = tuple[Callable[[str], Case], Callable[[Case], str]]


def reader(folder: Path) -> Target:
    """The target of all but the tests of this module."""
    from tests.fuzz.check import Reader, digests, files  # noqa: PLC0415  slow, and the parent's, too
    from tests.fuzz.mutate import make_case  # noqa: PLC0415

    intact, check = files(), Reader(folder)
    if not digests():
        raise RuntimeError("there are no golden files")
    return lambda seed: make_case(intact, seed), check.check


def _target(name: str, folder: Path) -> Target:
    module, _, function = name.partition(":")
    found: Target = getattr(importlib.import_module(module), function)(folder)
    return found


def _work(plan: Plan, first: int, state: Any, results: Any) -> None:
    """Body of a worker: `state` is the number of its case and when it began."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        make, check = _target(plan.target, Path(folder))
        if plan.memory:
            resource.setrlimit(resource.RLIMIT_AS, (plan.memory << 20, plan.memory << 20))
        counts: Counter[str] = Counter()
        end = time.monotonic() + plan.seconds
        number = first
        while number < plan.cases and time.monotonic() < end:
            state[:] = number, time.monotonic()
            case = make(f"{plan.seed}/{number}")
            try:
                counts[f"{'forged' if case.forged else 'damaged'}, {check(case)}"] += 1
            except Exception:  # noqa: BLE001  whatever it is, it goes into the report
                results.put((number, traceback.format_exc()))
            number += plan.jobs
        state[1] = ENDED
        results.put((None, counts))


class _Worker:
    """A process, watched."""

    def __init__(self, plan: Plan, first: int) -> None:
        self.state = CONTEXT.Array("d", [first, LOADING], lock=False)
        self.results = CONTEXT.SimpleQueue()
        self.process = CONTEXT.Process(
            target=_work, args=(plan, first, self.state, self.results), daemon=True
        )
        self.process.start()

    def problem(self, limit: float) -> str:
        """Why the worker is no more or has been stopped; empty if all is well."""
        began = self.state[1]
        if not self.process.is_alive():
            self.process.join()
            if began == LOADING:
                raise RuntimeError("a worker did not get as far as its first case")
            code = self.process.exitcode
            return f"the process died (exit code {code})" if self.results.empty() else ""
        if began > 0 and time.monotonic() - began > limit:
            self.process.kill()
            self.process.join()
            return f"no end within {limit:g} s"
        return ""


def run(plan: Plan) -> Outcome:
    """Read cases until time or numbers are up."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        make, _ = _target(plan.target, Path(folder))

        def report(number: int, what: str) -> None:
            outcome.found.append(Found(number, make(f"{plan.seed}/{number}"), what))

        end = time.monotonic() + plan.seconds
        workers = [_Worker(plan, first) for first in range(plan.jobs)]
        while workers:
            time.sleep(POLL)
            for worker in list(workers):
                if _is_done(worker, outcome, report):
                    workers.remove(worker)
                    continue
                problem = worker.problem(plan.limit)
                if problem:
                    number = int(worker.state[0])
                    report(number, problem)
                    workers.remove(worker)
                    left = end - time.monotonic()
                    if left > 0:
                        workers.append(_Worker(replace(plan, seconds=left), number + plan.jobs))
    return outcome


def _is_done(worker: _Worker, outcome: Outcome, report: Callable[[int, str], None]) -> bool:
    """Whether a worker has come to its end; takes what it has to say."""
    while not worker.results.empty():
        number, result = worker.results.get()
        if number is None:
            outcome.counts += result
            worker.process.join()
            return True
        report(number, result)
    return False
