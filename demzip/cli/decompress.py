"""demzip decompress."""

from pathlib import Path
from typing import Annotated

import typer

from demzip.cli.console import Force, Jobs, say, say_if_first_run, size
from demzip.cli.progress import progress_bar
from demzip.errors import OptionsError


def decompress(
    file: Annotated[str, typer.Argument(metavar="IN.dz", help="The compressed raster.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT.tif", help="By default IN with suffix .tif."),
    ] = None,
    creation: Annotated[
        list[str] | None,
        typer.Option("--co", metavar="NAME=VALUE", help="GDAL creation option; may be repeated."),
    ] = None,
    jobs: Jobs = 0,
    force: Force = False,
) -> None:
    """Decompress a .dz file to a GeoTIFF.

    It is tiled and packed with DEFLATE and GDAL's predictor, unless --co says otherwise.

    \b
    demzip decompress tile.dz
    demzip decompress tile.dz -o tile.tif --co COMPRESS=ZSTD --co TILED=NO
    """
    options = dict(_creation_option(text) for text in creation or [])
    say_if_first_run()
    from demzip.io import geotiff

    with progress_bar() as progress:
        done = geotiff.decompress(
            file,
            output,
            jobs=jobs,
            overwrite=force,
            creation_options=options,
            progress=progress,
        )
    for note in done.notes:
        say(f"note: {done.path}: a GeoTIFF cannot hold this as it was: {note}")
    say(f"{done.path}: {size(done.source_bytes)} -> {size(done.file_bytes)}, {done.seconds:.1f} s")


def _creation_option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise OptionsError(f"--co {text}: it must be NAME=VALUE, as in --co COMPRESS=ZSTD")
    return name, value
