"""demzip bench."""

from pathlib import Path
from typing import Annotated

import typer

from demzip.cli.console import Force, say, say_if_first_run
from demzip.cli.progress import progress_bar


def bench(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="IN",
            help="Rasters and folders of them, or the JSON file of an earlier benchmark.",
        ),
    ],
    *,
    codecs: Annotated[
        list[str] | None,
        typer.Option(
            "--codecs",
            "-c",
            metavar="NAMES",
            help="Codecs with commas between them, or patterns such as jxl*; may be repeated; "
            "* for all.",
        ),
    ] = None,
    repeat: Annotated[
        int, typer.Option(metavar="N", help="Runs of each codec on each raster, 1 to 100.")
    ] = 3,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="CLASS",
            help="Only this class in tables and charts; may be repeated.",
        ),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="OUT.json", help="Write all figures.")
    ] = None,
    plot: Annotated[
        list[Path] | None,
        typer.Option(
            "--plot",
            metavar="OUT",
            help="Draw size against speed: .svg, .png, or .html with all tables; may be repeated.",
        ),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            "--markdown",
            metavar="OUT.md",
            help="Write tables, in an existing file between two marks.",
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Compare demzip with other lossless codecs.

    Sizes and speeds on one thread; each result is compared bit for bit. Needs
    pip install 'demzip[bench]'.

    \b
    demzip bench tile.tif --codecs 'jxl*,jpegls,demzip-lagrange24'
    demzip bench rasters/ --json bench.json --plot bench.svg
    demzip bench bench.json --plot bench.html --class integers
    """
    from demzip.bench.extras import check_extras, one_thread

    check_extras()
    with one_thread():
        say_if_first_run()
        from demzip.bench.job import Outputs, run
        from demzip.bench.table import show

        outputs = Outputs(json, tuple(plot or ()), markdown, force)
        with progress_bar() as progress:
            report = run(
                inputs,
                outputs,
                patterns=codecs or (),
                kinds=kinds or (),
                repeat=repeat,
                note=lambda text: say(f"note: {text}"),
                progress=progress,
            )
    show(report)
