"""What may come of a damaged or forged file, whoever reads it."""

import hashlib
import json
import os
import tempfile
import warnings
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from typer.testing import CliRunner

import demzip
from demzip.cli.app import app
from tests.fuzz.layout import split
from tests.fuzz.mutate import Case

ROOT = Path(__file__).resolve().parents[2]
EXIT_CODES = {1, 2, 3, 4}
BY_COMMAND = 8  # one case in so many goes through the command line, too
WINDOW = 40  # samples of a window
APPROXIMATE = 1  # kind of file
PROPERTIES = (
    "shape", "dtype", "block_shapes", "crs", "transform", "bounds", "res", "nodata", "nodatavals",
    "units", "descriptions", "scales", "offsets", "profile", "predictor",
)  # fmt: skip


class Finding(AssertionError):  # noqa: N818  it is more than an error
    """A mistake of demzip's."""


@cache
def files() -> dict[str, bytes]:
    """Intact files: the golden ones, an approximation among them, and one made of a GeoTIFF."""
    found = {
        path.stem: path.read_bytes() for path in sorted((ROOT / "tests/golden").rglob("*.dz"))
    }
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "terraces.dz"
        demzip.compress(ROOT / "corpus/terraces_uint8.tif", made)
        return found | {"terraces": made.read_bytes()}


def digest(values: Any) -> str:
    """Of dtype, shape and samples."""
    key = f"{values.dtype} {values.shape} ".encode()
    return hashlib.sha256(key + np.ascontiguousarray(values).tobytes()).hexdigest()


@cache
def digests() -> set[str]:
    """Of what the intact files hold."""
    found = set()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "intact.dz"
        for data in files().values():
            if split(data).reserved == APPROXIMATE:
                path.write_bytes(data)
                found.add(digest(draw(path)))
            else:
                found.add(digest(demzip.decode(data)))
    return found


def draw(path: Path) -> Any:
    """A corner of an approximation, as it is read and as it is written."""
    found = demzip.open_implicit(path)
    rows, cols = (min(side, WINDOW) for side in found.shape)
    drawn = found.read(found.picture(window=(0, 0, rows, cols)))
    target = path.with_suffix(".drawn.tif")
    attempt("render", lambda: demzip.render_implicit(
        path, target, window=(0, 0, rows, cols), dtype="float64", overwrite=True
    ))  # fmt: skip
    if target.exists():
        try:
            if digest(read(target)) != digest(drawn):
                raise Finding("render: wrong elevations")
        finally:
            target.unlink()
    return drawn


def read(path: Path) -> Any:
    """The samples of a GeoTIFF."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as raster:
            return raster.read(1 if raster.count == 1 else None)


@dataclass
class Reader:
    """Reads cases in every way there is.

    Attributes:
        folder: For files.
        commands: Whether commands are tried, for one case in BY_COMMAND.

    """

    folder: Path
    commands: bool = True
    seen: int = field(default=0, init=False)

    def check(self, case: Case) -> str:
        """What came out: "accepted" or "rejected".

        Raises:
            Finding: Something that must not be.

        """
        self.seen += 1
        values = attempt("decode", lambda: demzip.decode(case.data))
        if values is not None and not case.forged and digest(values) not in digests():
            raise Finding("decode: wrong values")
        path = self.folder / "case.dz"
        path.write_bytes(case.data)
        attempt("open", lambda: _look(path, values))
        verified = attempt("verify", lambda: demzip.verify(path))
        if verified is not None and values is None:
            raise Finding("verify: finds nothing wrong with a file that decode rejects")
        drawn = attempt("open_implicit", lambda: draw(path))
        if drawn is not None and values is not None:
            raise Finding("open_implicit: takes a raster for an approximation")
        if drawn is not None and not case.forged and digest(drawn) not in digests():
            raise Finding("open_implicit: wrong elevations")
        if self.commands and self.seen % BY_COMMAND == 0:
            self._commands(path, values)
        return "rejected" if values is None and drawn is None else "accepted"

    def _commands(self, path: Path, values: Any) -> None:
        shown = _run("info", path, "--json")
        if shown is not None:
            json.loads(shown)
        _run("info", path)
        if _run("verify", path) is not None and values is None:
            raise Finding("demzip verify: finds nothing wrong with a file that decode rejects")
        target = self.folder / "case.tif"
        if _run("decompress", path, "-o", target, "-f") is None:
            if target.exists():
                raise Finding("demzip decompress: failed, and left a file")
            return
        try:
            found = read(target)
        finally:
            target.unlink()
        if values is None or digest(found) != digest(values):
            raise Finding("demzip decompress: wrong samples")


def attempt(what: str, action: Any) -> Any:
    """What an action gives, None if it raises a DemzipError."""
    try:
        return action()
    except demzip.DemzipError as error:
        if not str(error).strip() or "\n" in str(error):
            raise Finding(f"{what}: a message of no line or of several: {error!r}") from error
        return None
    except Finding:
        raise
    except Exception as error:
        raise Finding(f"{what}: {type(error).__name__}: {error}") from error


def _look(path: Path, values: Any) -> None:
    with demzip.open(path) as dem:
        for name in PROPERTIES:
            attempt(name, lambda name=name: getattr(dem, name))
        dem.tags(), dem.tags(1)
        rows, cols = dem.shape
        top, left = max(rows - WINDOW, 0), max(cols - WINDOW, 0)
        found = dem.read(window=((top, rows), (left, cols)))
        if values is not None and digest(found) != digest(values[..., top:, left:]):
            raise Finding("read: a window differs from the whole")


def _run(*arguments: Any) -> str | None:
    """Standard output of a command, None if it ended in order with an error."""
    done = CliRunner().invoke(app, [os.fspath(argument) for argument in arguments])
    name = f"demzip {arguments[0]}"
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise Finding(f"{name}: {done.exception!r}") from done.exception
    if "Traceback" in done.output or "please report" in done.output:
        raise Finding(f"{name}: {done.output}")
    if done.exit_code == 0:
        return done.stdout
    if done.exit_code not in EXIT_CODES or done.stdout:
        raise Finding(f"{name}: exit code {done.exit_code}, output {done.stdout!r}")
    return None
