"""Results of a benchmark: per raster, and their geometric means by class; to JSON and back."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from demzip.bench.classes import CLASSES, EVERYTHING
from demzip.errors import DemzipError, OptionsError
from demzip.io.files import reason

SCHEMA = "demzip bench 1"
BASE = "deflate"  # what sizes are compared with; it takes every dtype, and is always measured
STRONG = "jxl9"  # and the strongest of the peers


@dataclass(frozen=True)
class Result:
    """What a codec made of a raster; the figures are None if there is a problem.

    Attributes:
        codec: Its name.
        given: The form in which it got the samples, in words.
        bytes: Of the result.
        bits_per_elevation: 8 bytes over samples.
        encode_mpx_s: Millions of samples a second, median of the repeats.
        decode_mpx_s: The same of decoding.
        problem: Why there is no result, or None.

    """

    codec: str
    given: str | None = None
    bytes: int | None = None
    bits_per_elevation: float | None = None
    encode_mpx_s: float | None = None
    decode_mpx_s: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class RasterReport:
    """A raster: see classes.Raster; `samples` is rows times cols."""

    path: str
    kind: str
    values: str
    rows: int
    cols: int
    missing: float
    results: tuple[Result, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes by codec, of those that took the raster."""
        return {found.codec: found.bytes for found in self.results if found.bytes is not None}


@dataclass(frozen=True)
class CodecInfo:
    """What codecs.Codec says about itself."""

    name: str
    title: str
    family: str
    settings: str


@dataclass(frozen=True)
class Mean:
    """Geometric means of a codec over the rasters of a class that it took.

    Attributes:
        codec: Its name.
        took: How many it took.
        bits_per_elevation: Of these.
        encode_mpx_s: Of these.
        decode_mpx_s: Of these.
        to_deflate: Size over that of GeoTIFF DEFLATE.
        to_jxl9: Size over that of JPEG XL effort 9, of rasters that both took; None if none.

    """

    codec: str
    took: int
    bits_per_elevation: float
    encode_mpx_s: float
    decode_mpx_s: float
    to_deflate: float
    to_jxl9: float | None


@dataclass(frozen=True)
class Summary:
    """The means of a class, smallest first; `codecs` that took no raster are left out."""

    kind: str
    rasters: int
    means: tuple[Mean, ...]


@dataclass(frozen=True)
class Report:
    """A benchmark.

    Attributes:
        date: Day, ISO 8601.
        machine: Processor, system and so on: texts by name.
        versions: Of the libraries.
        repeat: How often each codec ran on each raster.
        codecs: In the order in which they are listed.
        rasters: In the order in which they were measured.

    """

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    repeat: int
    codecs: tuple[CodecInfo, ...]
    rasters: tuple[RasterReport, ...]

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """Of each class that occurs, and of everything if these are several."""
        kinds = [kind for kind in CLASSES if any(raster.kind == kind for raster in self.rasters)]
        found = [
            self._summary(kind, [raster for raster in self.rasters if raster.kind == kind])
            for kind in kinds
        ]
        if len(kinds) > 1:
            found.append(self._summary(EVERYTHING, self.rasters))
        return tuple(found)

    def _summary(self, kind: str, rasters: Sequence[RasterReport]) -> Summary:
        means = [mean for codec in self.codecs for mean in _mean(codec.name, rasters)]
        return Summary(kind, len(rasters), tuple(sorted(means, key=lambda mean: mean.to_deflate)))

    def only(self, kinds: Sequence[str]) -> "Report":
        """The same for the rasters of some classes; of all if none is named.

        Raises:
            OptionsError: There is none.

        """
        rasters = tuple(raster for raster in self.rasters if not kinds or raster.kind in kinds)
        if not rasters:
            raise OptionsError(f"no raster is of the class {' or '.join(kinds)}")
        return replace(self, rasters=rasters)

    @property
    def problems(self) -> dict[tuple[str, str], int]:
        """How many rasters a codec did not take, by its name and the reason."""
        found: dict[tuple[str, str], int] = {}
        for raster in self.rasters:
            for result in raster.results:
                if result.problem is not None:
                    key = (result.codec, result.problem)
                    found[key] = found.get(key, 0) + 1
        return found

    def title(self, codec: str) -> str:
        """What a codec is called in charts."""
        return next(info.title for info in self.codecs if info.name == codec)

    def footer(self) -> str:
        """Machine, versions and method in one sentence."""
        machine = ", ".join(self.machine.values())
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        runs = "1 run" if self.repeat == 1 else f"medians of {self.repeat} runs"
        return f"{self.date}; {machine}; one thread, {runs}; {versions}"


def _mean(codec: str, rasters: Sequence[RasterReport]) -> Iterator[Mean]:
    pairs = [
        (raster, result)
        for raster in rasters
        for result in raster.results
        if result.codec == codec and result.problem is None and BASE in raster.sizes
    ]
    if not pairs:
        return
    to_strong = [
        raster.sizes[codec] / raster.sizes[STRONG] for raster, _ in pairs if STRONG in raster.sizes
    ]
    yield Mean(
        codec,
        len(pairs),
        _mean_of([result.bits_per_elevation for _, result in pairs]),
        _mean_of([result.encode_mpx_s for _, result in pairs]),
        _mean_of([result.decode_mpx_s for _, result in pairs]),
        geometric_mean([raster.sizes[codec] / raster.sizes[BASE] for raster, _ in pairs]),
        geometric_mean(to_strong) if to_strong else None,
    )


def _mean_of(figures: Sequence[float | None]) -> float:
    return geometric_mean([figure for figure in figures if figure is not None])


def geometric_mean(numbers: Sequence[float]) -> float:
    """Of numbers above 0, at least one."""
    return math.exp(sum(map(math.log, numbers)) / len(numbers))


# ---- JSON


def to_json(report: Report) -> str:
    """One object; docs/cli.md has its keys."""
    found = {"schema": SCHEMA} | asdict(report)
    found["classes"] = [asdict(summary) for summary in report.summaries]
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_report(path: Path) -> Report:
    """A report that was written as JSON; its means are computed anew.

    Raises:
        OptionsError: The file is no such report.
        DemzipError: It cannot be read.

    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA:
            raise OptionsError(f"{path}: is no benchmark of this version ({SCHEMA!r})")
        rasters = tuple(
            RasterReport(
                **_only(RasterReport, entry)
                | {"results": tuple(Result(**_only(Result, item)) for item in entry["results"])}
            )
            for entry in found["rasters"]
        )
        codecs = tuple(CodecInfo(**_only(CodecInfo, entry)) for entry in found["codecs"])
        return Report(**_only(Report, found) | {"rasters": rasters, "codecs": codecs})
    except OSError as error:
        raise DemzipError(f"{path}: cannot be read ({reason(error)})") from error
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, OptionsError):
            raise
        raise OptionsError(f"{path}: is no benchmark that demzip bench --json wrote") from error


def _only(kind: type[Any], entry: dict[str, Any]) -> dict[str, Any]:
    """The fields that a class has; a later version may write more."""
    return {field.name: entry[field.name] for field in fields(kind)}
