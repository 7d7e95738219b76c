"""Progress bars on stderr, where somebody may be watching."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[str, int, int], object]


@contextmanager
def progress_bar() -> Iterator[Report | None]:
    """Give a callback for the library's `progress`; None unless stderr is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:12}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, samples: int, total: int) -> None:
            name, _, _ = stage.partition(",")
            if name not in tasks:
                for task in tasks.values():
                    bars.update(task, visible=False)
                tasks[name] = bars.add_task(stage, total=total)
            bars.update(tasks[name], description=stage, advance=samples)

        yield report
