"""Run codecs on rasters: bytes, speeds, and whether every value comes back."""

import datetime as dt
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from demzip.bench.classes import Raster, read_raster
from demzip.bench.codecs import Codec, versions
from demzip.bench.forms import AnyArray, Given, UnfitError
from demzip.bench.report import CodecInfo, RasterReport, Report, Result
from demzip.errors import OptionsError

Progress = Callable[[str, int, int], object]

MAX_REPEAT = 100
STAGE = "measuring"
CPUINFO = Path("/proc/cpuinfo")


@dataclass
class _Run:
    """A codec at work on a raster.

    Attributes:
        codec: Which one.
        given: What it gets; None once there is a problem.
        size: Bytes of the result.
        encoding: Seconds of each round.
        decoding: Seconds of each round.
        problem: Why it is out, or None.

    """

    codec: Codec
    given: Given | None = None
    size: int = 0
    encoding: list[float] = field(default_factory=list)
    decoding: list[float] = field(default_factory=list)
    problem: str | None = None

    def prepare(self, raster: Raster) -> None:
        """Bring the samples into the codec's form."""
        try:
            self.given = self.codec.form(raster.values, raster.nodata)
        except UnfitError as error:
            self.problem = str(error)

    def round(self, raster: Raster, *, timed: bool) -> None:
        """Encode, decode and compare."""
        if self.given is None or self.problem is not None:
            return
        try:
            started = time.process_time()
            data = self.codec.encode(self.given)
            encoded = time.process_time()
            array = self.codec.decode(data, self.given)
            decoded = time.process_time()
            back = self.given.restore(array)
        except Exception as error:  # noqa: BLE001  whatever a library raises is a line of the table
            text = next(iter(str(error).splitlines()), "")
            self.problem = f"{raster.values.dtype}: {type(error).__name__}: {text}"
            return
        if not is_same(back, raster.values):
            self.problem = f"{self.given.words}: it does not come back bit for bit"
        elif timed:
            self.size = len(data)
            self.encoding.append(encoded - started)
            self.decoding.append(decoded - encoded)

    def result(self, samples: int) -> Result:
        """Figures of all rounds."""
        if self.given is None or self.problem is not None:
            return Result(self.codec.name, problem=self.problem)
        return Result(
            self.codec.name,
            self.given.words,
            self.size,
            8 * self.size / samples,
            _speed(samples, self.encoding),
            _speed(samples, self.decoding),
        )


def is_same(one: AnyArray, other: AnyArray) -> bool:
    """Whether two arrays have the same shape, dtype and bits."""
    if one.shape != other.shape or one.dtype.newbyteorder("=") != other.dtype:
        return False
    bits = f"u{other.dtype.itemsize}"
    return bool(np.array_equal(np.ascontiguousarray(one, other.dtype).view(bits), other.view(bits)))


def _speed(samples: int, seconds: Sequence[float]) -> float:
    """Mpx/s; a clock that does not see so short a time gives its own resolution."""
    tick = time.get_clock_info("process_time").resolution
    return samples / 1e6 / max(median(seconds), tick)


def measure(
    paths: Sequence[str],
    codecs: Sequence[Codec],
    *,
    repeat: int,
    progress: Progress | None = None,
) -> Report:
    """Run codecs on the first bands of rasters.

    A round is one run of every codec; each begins with another one, so that whatever else the
    machine does meets all alike. demzip runs once more before them, to have its kernels loaded.
    Time is that of the processor, of all threads together: on a quiet machine the same as by the
    clock, and a codec that starts threads gains nothing by it.

    Args:
        paths: Rasters, one in memory at a time.
        codecs: At least one.
        repeat: Rounds, 1 to 100.
        progress: Called with a stage, the steps done since the last call, and those in all.

    Raises:
        OptionsError: `repeat` is illegal.
        DemzipError: A raster cannot be read.

    """
    check_repeat(repeat)
    total = len(paths) * len(codecs) * (repeat + 1)

    def step() -> None:
        if progress is not None:
            progress(STAGE, 1, total)

    return Report(
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        machine=machine(),
        versions=versions(),
        repeat=repeat,
        codecs=tuple(
            CodecInfo(codec.name, codec.title, codec.family, codec.settings) for codec in codecs
        ),
        rasters=tuple(_measure(read_raster(path), codecs, repeat, step) for path in paths),
    )


def check_repeat(repeat: int) -> int:
    """Return `repeat` if it is legal.

    Raises:
        OptionsError: It is not.

    """
    if not 1 <= repeat <= MAX_REPEAT:
        raise OptionsError(f"repeat {repeat}: it must be 1 to {MAX_REPEAT}")
    return repeat


def _measure(
    raster: Raster, codecs: Sequence[Codec], repeat: int, step: Callable[[], object]
) -> RasterReport:
    runs = [_Run(codec) for codec in codecs]
    for run in runs:
        run.prepare(raster)
        if run.codec.family == "demzip":
            run.round(raster, timed=False)
        step()
    for number in range(repeat):
        first = number * len(runs) // repeat
        for run in runs[first:] + runs[:first]:
            run.round(raster, timed=True)
            step()
    rows, cols = raster.values.shape
    return RasterReport(
        path=raster.path,
        kind=raster.kind,
        values=raster.words,
        rows=rows,
        cols=cols,
        missing=raster.missing,
        results=tuple(run.result(raster.values.size) for run in runs),
    )


def machine() -> dict[str, str]:
    """The machine in words."""
    return {
        "cpu": _processor(),
        "cores": f"{os.cpu_count() or 1} logical cores",
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"Python {platform.python_version()}, NumPy {np.__version__}",
    }


def _processor() -> str:
    """Its name as the system gives it."""
    try:
        for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine() or "unknown processor"
