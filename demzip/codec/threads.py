"""Blocks on several threads; the kernels release the GIL."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


@cache
def _pool(jobs: int, _process: int) -> ThreadPoolExecutor:
    """Threads that live on: each keeps its scratch memory from one raster to the next.

    A forked process inherits the pool but not its threads, so every process has its own.
    """
    return ThreadPoolExecutor(jobs, thread_name_prefix="demzip")


def in_groups(
    jobs: int, function: Callable[[T], U], items: Iterable[T], size: int = 8
) -> Iterator[U]:
    """Like `in_order`, `size` items at a time: for work so short that handing it over counts."""
    left = iter(items)
    groups = iter(lambda: list(islice(left, size)), [])
    for results in in_order(jobs, lambda group: [function(item) for item in group], groups):
        yield from results


def in_order(jobs: int, function: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """Map on `jobs` threads; results in order, at most 2 * jobs of them waiting."""
    if jobs == 1:
        yield from map(function, items)
        return
    pool = _pool(jobs, os.getpid())
    waiting: list[Future[U]] = []
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 2 * jobs:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
    finally:
        for future in waiting:
            future.cancel()
