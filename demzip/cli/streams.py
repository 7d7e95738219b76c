"""`-`: standard input and output, by way of temporary files."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demzip.errors import DemzipError, OptionsError

STREAM = "-"
PART = 1 << 20  # bytes that are written at a time
INPUT, OUTPUT = "standard input", "standard output"


class Streams:
    """Files that a command works on, some of which may stand for standard input or output.

    Attributes:
        source: File to read.
        target: File to write; None for the command's default.

    """

    def __init__(self, folder: Path, source: str, target: Path | None) -> None:
        self._names: dict[str, str] = {}
        self.source, self.target = source, target
        if source == STREAM:
            self.source = self._name(folder / "input", INPUT)
        if target is not None and str(target) == STREAM:
            self.target = Path(self._name(folder / "output", OUTPUT))

    def _name(self, path: Path, stream: str) -> str:
        self._names[str(path)] = stream
        return str(path)

    def words(self, text: object) -> str:
        """A text in which the streams have their names."""
        found = str(text)
        for path, stream in self._names.items():
            found = found.replace(path, stream)
        return found

    def receive(self) -> None:
        """Read standard input to its end."""
        if self._names.get(self.source) != INPUT:
            return
        try:
            with Path(self.source).open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        except OSError as error:
            folder = tempfile.gettempdir()
            raise DemzipError(
                f"{INPUT}: cannot be kept in {folder} ({error.strerror or error}); TMPDIR names "
                "another folder"
            ) from error

    def send(self) -> None:
        """Write the target to standard output, if that is what it stands for."""
        if self._names.get(str(self.target)) != OUTPUT:
            return
        assert self.target is not None
        with self.target.open("rb") as file:
            try:
                while part := file.read(PART):
                    left = memoryview(part)
                    while left:  # without Python's buffer, a write may be a partial one
                        left = left[sys.stdout.buffer.write(left) :]
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                raise  # the command's end is quiet about it
            except OSError as error:
                raise DemzipError(f"{OUTPUT}: cannot be written ({error.strerror})") from error


def needed(target: Path | None, source: str) -> Path | None:
    """The target; standard input needs one.

    Raises:
        OptionsError: It has none.

    """
    if target is None and source == STREAM:
        raise OptionsError(f"{INPUT} has no name: give the output one (-o), or - for {OUTPUT}")
    return target


def no_stream(name: str | None) -> None:
    """Refuse "-" where only files will do.

    Raises:
        OptionsError: It is "-".

    """
    if name == STREAM:
        raise OptionsError(f"{INPUT} cannot be read here: give a file (./- for one of that name)")


@contextmanager
def streams(source: str, target: Path | None = None, *, as_json: bool = False) -> Iterator[Streams]:
    """Give files in the place of `-`; messages of errors name the streams.

    Args:
        source: File to read, or "-".
        target: File to write, "-", or None.
        as_json: Whether standard output is for something else.

    Raises:
        OptionsError: A stream is a terminal, is closed, or is needed twice, or there is no output.
        DemzipError: Standard input cannot be kept, or standard output cannot be written.

    """
    to_stdout = target is not None and str(target) == STREAM
    if source != STREAM and not to_stdout:
        yield Streams(Path(), source, target)
        return
    for wanted, stream, name in (
        (source == STREAM, sys.stdin, INPUT),
        (to_stdout, sys.stdout, OUTPUT),
    ):
        if wanted and stream is None:
            raise OptionsError(f"{name} is closed; redirect it, or name a file")
    if source == STREAM and sys.stdin.isatty():
        raise OptionsError(f"{INPUT} is a terminal; redirect it, as in < FILE")
    if to_stdout and as_json:
        raise OptionsError("--json and -o - are both for standard output")
    if to_stdout and sys.stdout.isatty():
        raise OptionsError(f"{OUTPUT} is a terminal; redirect it, as in > FILE")
    with _temporary_folder() as folder:
        found = Streams(Path(folder), source, target)
        try:
            found.receive()
            yield found
        except DemzipError as error:
            raise type(error)(found.words(error)) from error


@contextmanager
def _temporary_folder() -> Iterator[str]:
    try:
        holder = tempfile.TemporaryDirectory(prefix="demzip-")
    except OSError as error:
        raise DemzipError(
            f"there is no folder for temporary files ({error.strerror or error}); TMPDIR names one"
        ) from error
    with holder as folder:
        yield os.path.realpath(folder)
