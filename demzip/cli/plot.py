"""demzip plot."""

from pathlib import Path
from typing import Annotated

import typer

from demzip.cli.console import Force, Jobs, say, say_if_first_run, size
from demzip.cli.progress import progress_bar
from demzip.cli.streams import no_stream

DEFAULT_PREDICTORS = ("jpeg4", "lagrange24")


def plot(
    raster: Annotated[
        str, typer.Argument(metavar="IN", help="A .dz file or any raster that GDAL reads.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="The picture: .png or .svg.")
    ],
    *,
    kind: Annotated[
        str,
        typer.Option(metavar="KIND", help="residuals, histogram, hillshade or elevation."),
    ] = "residuals",
    predictor: Annotated[
        list[str] | None,
        typer.Option(
            "--predictor",
            "-p",
            metavar="PREDICTOR",
            help="Of residuals and histogram; may be repeated; by default jpeg4 and lagrange24.",
        ),
    ] = None,
    band: Annotated[int, typer.Option(metavar="N", help="Band, from 1 on.")] = 1,
    dpi: Annotated[
        int, typer.Option(metavar="DPI", help="Dots to an inch of a .png, some 7 inches wide.")
    ] = 150,
    jobs: Jobs = 0,
    force: Force = False,
) -> None:
    """Draw a raster, or where predictors go wrong in it.

    residuals: maps of sample - prediction, one for each predictor, in the same colours. histogram:
    how often each residual occurs, with the entropy of `demzip entropy` and the share of zeros.
    elevation, hillshade: the raster itself. Heights and residuals are in the unit of the band.

    Maps have the coordinates of the CRS and a scale bar; missing samples are blank. Rasters of more
    than 1000 rows or columns are drawn in cells of several samples: by their mean height, or their
    mean |residual|; the title says so. Needs pip install 'demzip[plot]'.

    \b
    demzip plot tile.tif -o residuals.png -p jpeg4 -p lagrange24
    demzip plot tile.dz -o histogram.svg --kind histogram -p jpeg1 -p lagrange12
    demzip plot tile.tif -o map.png --kind elevation
    """
    no_stream(raster)
    from demzip.plots.extras import check_picture

    check_picture(output, raster, overwrite=force)
    say_if_first_run()
    from demzip.plots.draw import RESIDUALS, draw

    names = tuple(predictor or (DEFAULT_PREDICTORS if kind in RESIDUALS else ()))
    with progress_bar() as progress:
        rows, cols = draw(
            raster, output, kind, predictors=names, band=band, jobs=jobs, overwrite=force,
            dpi=dpi, progress=progress,
        )  # fmt: skip
    say(f"{output}: {kind} of {rows} x {cols} samples, {size(output.stat().st_size)}")
