"""Targets that misbehave, for the tests of the workers."""

import ctypes
import os
import time
from pathlib import Path

import numpy as np

from tests.fuzz.mutate import Case
from tests.fuzz.workers import Target

BAD = 3  # number of the case that goes wrong


def _target(misbehave: object) -> Target:
    def check(case: Case) -> str:
        if case.data == b"0/3":
            misbehave()  # type: ignore[operator]
        return "accepted"

    return lambda seed: Case("fault", seed.encode(), forged=False), check


def crash(_folder: Path) -> Target:
    return _target(lambda: ctypes.string_at(0))


def leave(_folder: Path) -> Target:
    return _target(lambda: os._exit(0))


def hang(_folder: Path) -> Target:
    return _target(lambda: time.sleep(1000))


def fail(_folder: Path) -> Target:
    return _target(lambda: 1 // 0)


def eat(_folder: Path) -> Target:
    return _target(lambda: np.ones(1 << 30))  # 8 GiB


def refuse(_folder: Path) -> Target:
    raise ValueError("no target")
