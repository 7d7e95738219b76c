"""demzip entropy."""

import sys
from itertools import compress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demzip.cli.console import Jobs, Json, say_if_first_run, write_json
from demzip.cli.fitting import Depth, Device, Fit, Scale, Steps, Width, fit_options
from demzip.cli.progress import progress_bar
from demzip.cli.streams import no_stream
from demzip.options import NEURAL

if TYPE_CHECKING:
    from demzip.io.comparison import Comparison

DEFAULT_PREDICTORS = ("lagrange24", "jpeg4")
FULL_WIDTH = 100  # columns of a terminal that has room for the whole table
PIPE_WIDTH = 120  # columns of the table where there is no terminal


def entropy(
    raster: Annotated[
        str, typer.Argument(metavar="IN", help="Raster: anything GDAL reads, or a URL.")
    ],
    predictor: Annotated[
        list[str] | None,
        typer.Option(
            "--predictor",
            "-p",
            metavar="PREDICTOR",
            help="May be repeated; by default lagrange24 and jpeg4.",
        ),
    ] = None,
    all_predictors: Annotated[
        bool,
        typer.Option("--all-predictors", help="Every predictor; implicit only with --fit."),
    ] = False,
    fit: Fit = False,
    steps: Steps = None,
    width: Width = None,
    depth: Depth = None,
    fourier_scale: Scale = None,
    device: Device = "auto",
    band: Annotated[int, typer.Option(metavar="N", help="Band, from 1 on.")] = 1,
    jobs: Jobs = 0,
    as_json: Json = False,
) -> None:
    """Show what each predictor leaves to code.

    This is table 2 of Kidner, Dorey & Smith (1999) for a raster of yours.

    Per predictor: zero-order entropy of the corrections (sample - prediction) in bits per
    elevation, how many distinct corrections there are, their range and the share of them within
    0, 1, 2 and 5 units of the raster; then what the band takes as a .dz file of its own, everything
    included. Corrections of floats that lie on no grid are counted in floats, those of neural from
    the centre that its network expects. With --fit, neural has two rows: as shipped and fitted.

    \b
    demzip entropy tile.tif --all-predictors
    demzip entropy tile.tif -p jpeg2 -p lagrange12 --json
    """
    no_stream(raster)
    from demzip.predict.templates import IMPLICIT, PREDICTORS

    names = tuple(predictor or DEFAULT_PREDICTORS)
    if all_predictors:
        names = (*PREDICTORS, NEURAL, IMPLICIT)
    fitting = fit_options(
        names, fit=fit, steps=steps, width=width, depth=depth, scale=fourier_scale, device=device
    )
    if all_predictors and fitting is None:
        names = (*PREDICTORS, NEURAL)
    say_if_first_run()
    from demzip.io.comparison import compare_predictors

    with progress_bar() as progress:
        table = compare_predictors(
            raster, names, band=band, jobs=jobs, fit=fitting, progress=progress
        )
    if as_json:
        write_json(_as_dict(table))
    else:
        _show(table)


def _as_dict(table: "Comparison") -> dict[str, Any]:
    samples = table.shape[0] * table.shape[1]
    return {
        "raster": {
            "path": table.name,
            "band": table.band,
            "bands": table.bands,
            "rows": table.shape[0],
            "cols": table.shape[1],
            "values": table.values,
            "step": table.step,
            "samples": samples,
            "valid": table.valid,
            "raw_bytes": table.raw_bytes,
            "bytes": table.file_bytes,
        },
        "predictors": [
            {
                "name": row.name,
                "entropy_bpe": row.entropy_bpe,
                "corrections": row.corrections,
                "range": list(row.range),
                "within": {str(limit): share for limit, share in row.within.items()},
                "coded_bpe": row.coded_bpe,
                "bytes": row.bytes,
            }
            for row in table.rows
        ],
        "best": table.rows[0].name,
        "geotiff": {
            "options": "DEFLATE and GDAL's predictor, tiles of 512 x 512",
            "coded_bpe": 8 * table.geotiff_bytes / samples,
            "bytes": table.geotiff_bytes,
        },
    }


def _show(table: "Comparison") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    rows, cols = table.shape
    console.print(
        Text(
            f"{table.name}{f', band {table.band}' if table.bands > 1 else ''}: {rows} x {cols}, "
            f"{table.values}, {table.valid} valid samples"
        ),
        soft_wrap=True,
    )
    titles = ["entropy", "distinct", "range", "= 0", "<= 1", "<= 2", "<= 5", "coded", "bytes"]
    # Better a column less than figures cut short.
    left_out = {"distinct", "range"} if console.width < FULL_WIDTH else set()
    shown = [title not in left_out for title in titles]
    terminal = sys.stdout.isatty()
    grid = Table(box=box.SIMPLE if terminal else box.ASCII2, pad_edge=not terminal)
    grid.add_column("predictor", no_wrap=True)
    for title in compress(titles, shown):
        grid.add_column(title, justify="right", no_wrap=True)
    for place, row in enumerate(table.rows):
        figures = [
            f"{row.entropy_bpe:.3f}",
            str(row.corrections),
            f"{row.range[0]:g} .. {row.range[1]:g}",
            *(f"{100 * share:.1f}%" for share in row.within.values()),
            f"{row.coded_bpe:.3f}",
            str(row.bytes),
        ]
        grid.add_row(
            f"{row.name} *" if place == 0 else row.name,
            *compress(figures, shown),
            style="bold" if place == 0 else None,
        )
    geotiff_bpe = 8 * table.geotiff_bytes / (rows * cols)
    comparison = [*[""] * 7, f"{geotiff_bpe:.3f}", str(table.geotiff_bytes)]
    grid.add_row("GeoTIFF DEFLATE", *compress(comparison, shown), style="dim")
    console.print(grid)
    console.print(
        "entropy and coded: bits per elevation; distinct and range: of the corrections; "
        "<= n: within n units; *: smallest file",
        soft_wrap=True,
    )
