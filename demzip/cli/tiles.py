"""demzip tiles."""

from pathlib import Path
from typing import Annotated

import typer

from demzip.cli.console import Force, count, say, staying
from demzip.cli.progress import progress_bar
from demzip.cli.streams import no_stream


def tiles(
    raster: Annotated[
        str, typer.Argument(metavar="IN", help="Raster: anything GDAL reads, or a URL.")
    ],
    *,
    zoom: Annotated[int, typer.Option(metavar="Z", help="Zoom level of the tiles, 0 to 24.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the tiles.")
    ],
    resampling: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="nearest, bilinear, cubic, cubic_spline, lanczos, average or mode.",
        ),
    ] = "bilinear",
    nodata: Annotated[
        float | None,
        typer.Option(
            metavar="VALUE",
            help="For what IN does not cover; by default its own, NaN of floats, the "
            "lowest value of integers with a sign.",
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Cut a raster into the quadkey tiles of web maps.

    Squares in Web Mercator (EPSG:3857), one GeoTIFF for each that the raster meets, such as
    1202213002.tif; `demzip implicit fit` takes them one by one. All have as many cells as come
    closest to the raster's resolution. Tiles without any value are not written. Needs pip install
    'demzip[tiles]'.

    \b
    demzip tiles alps.tif --zoom 10 -o tiles/
    """
    no_stream(raster)
    from demzip.io.tiles import tiles as cut

    with progress_bar() as progress, staying(f"tiles in {output} that are complete stay"):
        made = cut(
            raster, output, zoom=zoom, resampling=resampling, nodata=nodata, overwrite=force,
            progress=progress,
        )  # fmt: skip
    if made:
        say(f"{output}: {count(len(made), 'tile')} of zoom {zoom}")
    else:
        say(f"{raster}: 0 tiles of zoom {zoom}: it has no value between 85 degrees south and north")
