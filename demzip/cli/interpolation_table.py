"""demzip interpolation-table."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from math import isnan
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demzip.cli.console import Jobs, Json, data, plain, say_if_first_run, write_json
from demzip.cli.progress import progress_bar
from demzip.cli.streams import no_stream
from demzip.errors import OptionsError

if TYPE_CHECKING:
    from demzip.surface.comparison.sampling import Case
    from demzip.surface.comparison.table import Correlation, Table

PIPE_WIDTH = 140  # columns of a table where there is no terminal
BESIDE = (11, 21)  # grids of the functions that rasters are compared with


def interpolation_table(
    rasters: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RASTER",
            help="Rasters, .dz or anything GDAL reads; without any, the six test functions.",
        ),
    ] = None,
    *,
    factor: Annotated[
        list[int] | None,
        typer.Option(
            "--factor",
            metavar="N",
            help="Of a raster, keep each Nth row and column, 2 to 64; may be repeated; by default "
            "3 and 5.",
        ),
    ] = None,
    grid: Annotated[
        list[int] | None,
        typer.Option(
            "--grid",
            metavar="N",
            help="Posts of a grid's side on the functions, 6 to 257; may be repeated; by default "
            "6, 11, 21 and 33.",
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method", "-m", metavar="METHOD", help="May be repeated; by default all of them."
        ),
    ] = None,
    inner: Annotated[
        bool,
        typer.Option(
            "--inner", help="Only cells whose posts, for every method, lie inside the raster."
        ),
    ] = False,
    band: Annotated[int, typer.Option(metavar="N", help="Band, from 1 on.")] = 1,
    jobs: Jobs = 0,
    as_json: Json = False,
) -> None:
    """Show how far methods of interpolation are off.

    This is table 1 of Kidner, Dorey & Smith (1999). Without RASTER the heights are those of six
    functions (Franke 1979) on the unit square: posts are taken on coarse grids, and heights at 10 x
    10 places per cell are predicted from them. With RASTER only each Nth row and column is kept,
    and the samples that are dropped are predicted: which method suits terrain like yours?

    Errors are predicted - known, in the units of the heights; variance is the mean of their
    squares, rmse its root; rank 1 is the best. Samples that are void, or are for some method, are
    left out for all. Midway between posts some methods are one: odd factors tell more.

    \b
    demzip interpolation-table
    demzip interpolation-table tile.tif --factor 3
    demzip interpolation-table *.tif -m bilinear -m bicubic-16 -m biquintic-36 --json
    """
    from demzip.io.terrain import open_terrain
    from demzip.options import thread_count
    from demzip.surface.comparison.sampling import Surface
    from demzip.surface.comparison.table import compare_on_functions, compare_on_surfaces

    names, methods, threads = list(dict.fromkeys(rasters or ())), method or (), thread_count(jobs)
    if "all" in methods:
        raise OptionsError("--method all: leave the option out; without it all of them are asked")
    if grid and names:
        raise OptionsError("--grid is for the test functions; rasters take --factor")
    if factor and not names:
        raise OptionsError("--factor is for rasters: name one; the test functions take --grid")
    for name in names:
        no_stream(name)
    say_if_first_run()
    beside = None
    with ExitStack() as stack:
        progress = stack.enter_context(progress_bar())
        if names:
            terrains = [stack.enter_context(open_terrain(name, band)) for name in names]
            surfaces = [Surface(each.name, each.shape, each.window) for each in terrains]
            table = compare_on_surfaces(
                surfaces, factor or (), methods, inner=inner, jobs=threads, progress=progress
            )
            beside = compare_on_functions(BESIDE, methods, inner=inner, jobs=threads)
        else:
            table = compare_on_functions(
                grid or (), methods, inner=inner, jobs=threads, progress=progress
            )
    if as_json:
        write_json(_as_dict(table, beside))
    else:
        _show(table, beside)


# ---- JSON


def _as_dict(table: "Table", functions: "Table | None") -> dict[str, Any]:
    ranks, ratios = table.mean_ranks(), table.to_best()
    order = sorted(ranks, key=lambda name: ranks[name])
    return {
        "kind": "functions" if functions is None else "rasters",
        "cases": [_case(case) for case in table.cases],
        "methods": [
            {"name": name, "mean_rank": ranks[name], "rmse_to_best": ratios[name]} for name in order
        ],
        "best": order[0],
        "correlations": {
            "surfaces": list(map(asdict, table.between_surfaces())),
            "spacings": list(map(asdict, table.between_spacings())),
            "functions": None if functions is None else table.agreement(functions),
        },
    }


def _case(case: "Case") -> dict[str, Any]:
    return {
        "surface": case.surface,
        "spacing": case.spacing,
        "rows": case.shape[0],
        "cols": case.shape[1],
        "points": case.points,
        "left_out": case.left_out,
        "scores": [
            {
                "method": score.method,
                "mean": score.mean,
                "variance": score.variance,
                "rmse": score.rmse,
                "max": score.maximum,
                "rank": score.rank,
            }
            for score in case.scores
        ],
    }


# ---- text


def _show(table: "Table", functions: "Table | None") -> None:
    for spacing in table.spacings:
        cases = table.where(spacing=spacing)
        if functions is None:
            _show_variances(table, cases)
        elif len(cases) == 1:
            _show_errors(cases[0])
        else:
            _show_ratios(table, cases)
    if functions is None:
        _show_ranks(table, {name: table.where(surface=name) for name in table.surfaces})
    elif len(table.spacings) > 1:
        _show_ranks(table, {f"factor {n}": table.where(spacing=n) for n in table.spacings})
    what = "grids" if functions is None else "factors"
    _show_correlations("functions" if functions is None else "rasters", table.between_surfaces())
    _show_correlations(what, table.between_spacings())
    if functions is not None and not isnan(rho := table.agreement(functions)):
        data(f"rank correlation with the test functions: {rho:.2f}")
    data("variance: mean of squared errors; rmse: its root; rank 1 is the best, by variance")


def _show_variances(table: "Table", cases: Sequence["Case"]) -> None:
    case = cases[0]
    columns = [[f"{score.variance:.1e}" for score in case.scores] for case in cases]
    title = f"grid of {case.shape[0]} x {case.shape[1]}, {case.points} points: variance"
    _print(title, table.mean_ranks(cases), dict(zip(table.surfaces, columns, strict=True)))


def _show_errors(case: "Case") -> None:
    columns = {
        "rmse": [f"{score.rmse:.5g}" for score in case.scores],
        "mean": [f"{score.mean:.3g}" for score in case.scores],
        "max": [f"{score.maximum:.5g}" for score in case.scores],
    }
    title = (
        f"{case.surface}, factor {case.spacing}: {case.shape[0]} x {case.shape[1]} posts, "
        f"{case.points} samples predicted, {case.left_out} left out"
    )
    _print(title, {score.method: score.rank for score in case.scores}, columns, "rank")


def _show_ratios(table: "Table", cases: Sequence["Case"]) -> None:
    first = [sum(case.scores[n].rank == 1 for case in cases) for n in range(len(table.methods))]
    columns = {
        "rmse / best": [f"{ratio:.4f}" for ratio in table.to_best(cases).values()],
        "first": list(map(str, first)),
    }
    title = f"{len(cases)} rasters, factor {cases[0].spacing}: medians of rmse / that of the best"
    _print(title, table.mean_ranks(cases), columns)


def _show_ranks(table: "Table", groups: dict[str, tuple["Case", ...]]) -> None:
    columns = {
        name: [f"{rank:.1f}" for rank in table.mean_ranks(cases).values()]
        for name, cases in groups.items()
    }
    _print("mean ranks", table.mean_ranks(), columns, "all")


def _show_correlations(what: str, found: Sequence["Correlation"]) -> None:
    from statistics import median

    known = [pair for pair in found if not isnan(pair.rho)]
    if known:
        least = min(known, key=lambda pair: pair.rho)
        data(
            f"rank correlation between {what}: median {median(pair.rho for pair in known):.2f}, "
            f"least {least.rho:.2f} ({least.first} and {least.second})"
        )


def _print(
    title: str, ranks: dict[str, float], columns: dict[str, list[str]], last: str = "mean rank"
) -> None:
    """A table of methods, best first, with their ranks in the last column."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else PIPE_WIDTH, highlight=False)
    console.print(Text(plain(title)), soft_wrap=True)
    grid = Grid(box=box.SIMPLE if terminal else box.ASCII2, pad_edge=not terminal)
    grid.add_column("method", no_wrap=True)
    for name in (*columns, last):
        grid.add_column(name, justify="right")
    rows = zip(ranks.items(), zip(*columns.values(), strict=True), strict=True)
    for (name, rank), cells in sorted(rows, key=lambda row: row[0][1]):
        grid.add_row(name, *cells, f"{rank:.4g}")
    console.print(grid)
