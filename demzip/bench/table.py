"""Tables of a benchmark: by class and by raster, for terminals, in Markdown and in HTML."""

import html
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from demzip.bench.report import BASE, STRONG, RasterReport, Report, Result, Summary
from demzip.errors import OptionsError

PIPE_WIDTH = 150  # columns where there is no terminal
NONE = "-"
BEGIN, END = "<!-- demzip bench: begin -->", "<!-- demzip bench: end -->"
MARKED = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
MEANS = (
    "codec",
    "rasters",
    "bits per elevation",
    "encode Mpx/s",
    "decode Mpx/s",
    f"size / {BASE}",
    f"size / {STRONG}",
)
RESULTS = ("codec", "given", *MEANS[2:])


@dataclass(frozen=True)
class Table:
    """Texts in rows; the first column is left-aligned, figures are not."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def class_table(summary: Summary) -> Table:
    """Means of a class, smallest first."""
    rows = tuple(
        (
            mean.codec,
            f"{mean.took} of {summary.rasters}",
            f"{mean.bits_per_elevation:.3f}",
            f"{mean.encode_mpx_s:.3g}",
            f"{mean.decode_mpx_s:.3g}",
            f"{mean.to_deflate:.3f}",
            _ratio(mean.to_jxl9),
        )
        for mean in summary.means
    )
    return Table(f"{summary.kind}: {_count(summary.rasters)}", MEANS, rows)


def raster_table(raster: RasterReport) -> Table:
    """Results on one raster, smallest first; then who did not take it, and why."""
    took = sorted(
        (result for result in raster.results if result.bytes is not None),
        key=lambda result: result.bytes or 0,
    )
    out = [result for result in raster.results if result.bytes is None]
    rows: list[tuple[str, ...]] = [
        (
            result.codec,
            result.given or NONE,
            f"{result.bits_per_elevation:.3f}",
            f"{result.encode_mpx_s:.3g}",
            f"{result.decode_mpx_s:.3g}",
            _ratio_to(raster, result, BASE),
            _ratio_to(raster, result, STRONG),
        )
        for result in took
    ]
    rows += [(result.codec, result.problem or NONE, *[NONE] * 5) for result in out]
    voids = f", {100 * raster.missing:.1f}% missing" if raster.missing else ""
    title = f"{raster.path}: {raster.rows} x {raster.cols}, {raster.values}{voids}, {raster.kind}"
    return Table(title, RESULTS, tuple(rows))


def _ratio_to(raster: RasterReport, result: Result, other: str) -> str:
    size = raster.sizes.get(other)
    return _ratio(None if size is None else raster.sizes[result.codec] / size)


def _ratio(ratio: float | None) -> str:
    return NONE if ratio is None else f"{ratio:.3f}"


def _count(rasters: int) -> str:
    return "1 raster" if rasters == 1 else f"{rasters} rasters, geometric means"


def codec_table(report: Report) -> Table:
    """What each codec is."""
    rows = tuple((codec.name, codec.settings) for codec in report.codecs)
    return Table("Codecs", ("codec", "settings"), rows)


def problem_lines(report: Report) -> list[str]:
    """Which codecs did not take how many rasters, and why."""
    return [
        f"{codec} is out of {'1 raster' if count == 1 else f'{count} rasters'}: {reason}"
        for (codec, reason), count in report.problems.items()
    ]


def show(report: Report) -> None:
    """Tables on standard output: of the raster if it is the only one, of each class otherwise."""
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else PIPE_WIDTH, highlight=False)
    alone = len(report.rasters) == 1
    tables = (
        [raster_table(report.rasters[0])] if alone else list(map(class_table, report.summaries))
    )
    for table in tables:
        console.print(table.title, soft_wrap=True, markup=False)
        grid = RichTable(box=box.SIMPLE if terminal else box.ASCII2, pad_edge=not terminal)
        for number, column in enumerate(table.columns):
            figure = number >= len(table.columns) - len(MEANS[2:])
            grid.add_column(column, justify="right" if figure else "left", no_wrap=number == 0)
        for row in table.rows:
            grid.add_row(*row, style="bold" if row[0].startswith("demzip") else None)
        console.print(grid, markup=False)
    if not alone:
        for line in problem_lines(report):
            console.print(line, soft_wrap=True, markup=False)


# ---- Markdown


def to_markdown(report: Report) -> str:
    """All tables, with headings of level 3."""
    parts = [f"Measured {report.footer()}."]
    for table in (*map(class_table, report.summaries), codec_table(report)):
        parts += [f"### {table.title}", _markdown(table)]
    parts += ["### By raster", "Bits per elevation.", *map(_markdown, _matrices(report))]
    if report.problems:
        parts.append("\n".join(f"- {line}" for line in problem_lines(report)))
    return "\n\n".join(parts) + "\n"


def _markdown(table: Table) -> str:
    rows = [table.columns, ("---",) * len(table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _matrices(report: Report) -> Iterator[Table]:
    """Bits per elevation of every codec on every raster."""
    rows = []
    for raster in report.rasters:
        figures = [
            NONE if result.bits_per_elevation is None else f"{result.bits_per_elevation:.3f}"
            for result in raster.results
        ]
        name = f"{Path(raster.path).name} ({raster.rows} x {raster.cols}, {raster.kind})"
        rows.append((name, *figures))
    columns = ("raster", *(codec.name for codec in report.codecs))
    # Codecs are the rows where they outnumber the rasters: tables stay narrow.
    if len(report.codecs) > len(report.rasters):
        lines = list(zip(columns, *rows, strict=True))
        columns, rows = ("codec", *lines[0][1:]), lines[1:]
    yield Table("Bits per elevation by raster", tuple(columns), tuple(rows))


def check_document(text: str, path: Path) -> str:
    """Return a text if it has the two marks between which tables go.

    Raises:
        OptionsError: It has not.

    """
    if not MARKED.search(text):
        raise OptionsError(f"{path}: has no lines {BEGIN} and {END} to put the tables between")
    return text


def into_document(old: str | None, report: Report) -> str:
    """A Markdown file: a new one, or an existing one with other tables between its marks."""
    tables = f"{BEGIN}\n\n{to_markdown(report)}\n{END}"
    if old is None:
        return f"# Benchmark\n\n{tables}\n"
    return MARKED.sub(lambda _match: tables, old, count=1)


# ---- HTML


def to_html(report: Report, charts: Sequence[str]) -> str:
    """A page that needs nothing else: charts as SVG, all tables.

    Args:
        report: The figures.
        charts: SVG elements.

    """
    tables = [*map(class_table, report.summaries), codec_table(report)]
    tables += map(raster_table, report.rasters)
    body = [f"<h1>demzip bench</h1><p>{html.escape(report.footer())}</p>", *charts]
    for table in tables:
        body += [f"<h2>{html.escape(table.title)}</h2>", _html(table)]
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in problem_lines(report))
    body.append(f"<ul>{lines}</ul>")
    return f"{HEAD}{''.join(body)}</body></html>\n"


def _html(table: Table) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"

    rows = "".join(row(cells, "td") for cells in table.rows)
    return f"<table><thead>{row(table.columns, 'th')}</thead><tbody>{rows}</tbody></table>"


HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>demzip bench</title><style>
body { font: 15px/1.4 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em }
svg { max-width: 100%; height: auto }
table { border-collapse: collapse; font-size: 13px }
td, th { padding: 2px 10px; border-bottom: 1px solid #ddd; text-align: left }
</style></head><body>
"""
