"""A benchmark from its inputs to its outputs."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from demzip.bench.chart import check_format, draw
from demzip.bench.classes import check_kind, find_rasters
from demzip.bench.codecs import choose
from demzip.bench.measure import Progress, check_repeat, measure
from demzip.bench.report import Report, read_report, to_json
from demzip.bench.table import check_document, into_document, to_html
from demzip.errors import DemzipError, OptionsError
from demzip.io.files import check_output, reason, replacing

Note = Callable[[str], object]


@dataclass(frozen=True)
class Outputs:
    """Files to write.

    Attributes:
        json: All figures.
        plots: Charts; their suffixes say what: .svg, .png or .html.
        markdown: Tables; in an existing file, what is between the two marks.
        overwrite: Whether existing files may be replaced.

    """

    json: Path | None = None
    plots: tuple[Path, ...] = ()
    markdown: Path | None = None
    overwrite: bool = False

    @property
    def all(self) -> list[Path]:
        """Every file."""
        return [path for path in (self.json, *self.plots, self.markdown) if path is not None]


def run(
    inputs: Sequence[str],
    outputs: Outputs,
    *,
    patterns: Sequence[str],
    kinds: Sequence[str],
    repeat: int,
    note: Note,
    progress: Progress | None,
) -> Report:
    """Measure rasters, or read what was measured, and write the outputs.

    Args:
        inputs: Rasters and folders, or one JSON file of an earlier run.
        outputs: Files to write; checked before anything is measured.
        patterns: Codecs.
        kinds: Classes to show; none: all.
        repeat: Rounds.
        note: Told what is left out.
        progress: See measure.

    Returns:
        The rasters of the classes to show; the JSON file has all of them.

    Raises:
        OptionsError: An argument is illegal.
        DemzipError: A file cannot be read or written.

    """
    codecs = choose(patterns)
    check_repeat(repeat)
    for kind in kinds:
        check_kind(kind)
    for path in outputs.plots:
        check_format(path)
    earlier = _earlier(inputs)
    sources = [inputs[0]] if earlier else find_rasters(inputs, note)
    if len({path.resolve() for path in outputs.all}) < len(outputs.all):
        raise OptionsError("two outputs have the same name")
    for path in outputs.all:
        for source in sources:
            check_output(path, source, overwrite=outputs.overwrite)
    old = _document(outputs.markdown)
    with ExitStack() as stack:
        temporary = {
            path: stack.enter_context(replacing(path, sources[0], overwrite=outputs.overwrite))
            for path in outputs.all
        }
        report = earlier or measure(sources, codecs, repeat=repeat, progress=progress)
        shown = report.only(kinds)
        if outputs.json is not None:
            _write(temporary[outputs.json], to_json(report).encode())
        for path in outputs.plots:
            _write(temporary[path], _chart(shown, path.suffix.lower()))
        if outputs.markdown is not None:
            text = into_document(old, shown)
            _write(temporary[outputs.markdown], text.encode())
    return shown


def _earlier(inputs: Sequence[str]) -> Report | None:
    """What an earlier run measured, if that is the input."""
    if not any(name.lower().endswith(".json") for name in inputs):
        return None
    if len(inputs) > 1:
        raise OptionsError("an earlier benchmark (.json) must be the only input")
    return read_report(Path(inputs[0]))


def _document(path: Path | None) -> str | None:
    """An existing file into which tables go."""
    if path is None or not path.exists():
        return None
    try:
        return check_document(path.read_text(encoding="utf-8"), path)
    except OSError as error:
        raise DemzipError(f"{path}: cannot be read ({reason(error)})") from error
    except UnicodeDecodeError as error:
        raise OptionsError(f"{path}: is no text in UTF-8") from error


def _chart(report: Report, suffix: str) -> bytes:
    if suffix != ".html":
        return draw(report, suffix.removeprefix("."))
    chart = draw(report, "svg").decode()
    return to_html(report, [chart[chart.index("<svg") :]]).encode()  # no XML declaration in HTML


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise DemzipError(f"{path.parent}: cannot be written ({reason(error)})") from error
