"""What the commands share: messages, sizes, JSON, common arguments."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

Jobs = Annotated[
    int, typer.Option("--jobs", "-j", metavar="JOBS", help="Threads; 0: one per processor.")
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace an existing output.")]
Json = Annotated[bool, typer.Option("--json", help="Write one JSON object to standard output.")]

KILO = 1000


def plain(text: str) -> str:
    """A text in one line that does nothing to a terminal: tags may hold anything."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def say(message: str) -> None:
    """A line for people, on stderr."""
    typer.echo(f"demzip: {plain(message)}", err=True)


def data(message: str) -> None:
    """A line of the result, on stdout."""
    typer.echo(message)


def write_json(value: dict[str, Any] | list[Any]) -> None:
    """One JSON object or list on stdout; NaN and infinities, which JSON lacks, become texts."""
    typer.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def count(number: int, noun: str) -> str:
    """Things for people: "1 tile", "12 tiles"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


@contextmanager
def staying(what: str) -> Iterator[None]:
    """Have Ctrl-C tell what stays of results that are several files."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(what) from error


def size(count: float) -> str:
    """A number of bytes for people: "742 bytes", "1.3 MB"."""
    if count < KILO:
        return f"{count:.0f} byte{'' if count == 1 else 's'}"
    for unit in ("kB", "MB", "GB"):
        count /= KILO
        if count < KILO:
            return f"{count:.3g} {unit}"
    return f"{count / KILO:.4g} TB"


def exact_size(count: int) -> str:
    """A number of bytes, rounded and not: "1.3 MB (1304512 bytes)"."""
    return f"{size(count)} ({count} bytes)" if count >= KILO else size(count)


def say_if_first_run() -> None:
    """Explain the seconds that compiling takes; call it before kernels are used."""
    from demzip import jit

    if jit.cache_directory() is None:
        say("compiling, as on every run: no folder for compiled code can be written")
    elif not jit.kernels_are_compiled():
        say("first run: compiling, for 10 to 30 seconds (`demzip warmup` does it ahead)")
