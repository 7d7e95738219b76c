"""demzip decompress."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demzip.cli.console import Force, Jobs, say, say_if_first_run, size
from demzip.cli.progress import progress_bar
from demzip.cli.streams import Streams, needed, streams
from demzip.errors import CorruptError, OptionsError

if TYPE_CHECKING:
    from demzip.io.geotiff import Decompressed


def decompress(
    file: Annotated[
        str, typer.Argument(metavar="IN.dz", help="The compressed raster; - for standard input.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT.tif",
            help="By default IN with suffix .tif; - for standard output.",
        ),
    ] = None,
    creation: Annotated[
        list[str] | None,
        typer.Option("--co", metavar="NAME=VALUE", help="GDAL creation option; may be repeated."),
    ] = None,
    salvage: Annotated[
        bool, typer.Option("--salvage", help="Save what can be saved of a damaged file.")
    ] = False,
    fill: Annotated[
        str | None,
        typer.Option(
            metavar="VALUE", help="For blocks that are lost; by default no-data, or NaN of floats."
        ),
    ] = None,
    jobs: Jobs = 0,
    force: Force = False,
) -> None:
    """Decompress a .dz file to a GeoTIFF.

    It is tiled and packed with DEFLATE and GDAL's predictor, unless --co says otherwise.

    With --salvage each block that is lost is told, and the exit code is 3 if there is one; the
    GeoTIFF is written all the same.

    \b
    demzip decompress tile.dz
    demzip decompress tile.dz -o tile.tif --co COMPRESS=ZSTD --co TILED=NO
    demzip decompress damaged.dz --salvage
    """
    options = dict(_creation_option(text) for text in creation or [])
    say_if_first_run()
    from demzip.io import geotiff

    with streams(file, output) as files:
        with progress_bar() as progress:
            done = geotiff.decompress(
                files.source,
                needed(files.target, file),
                jobs=jobs,
                overwrite=force,
                creation_options=options,
                salvage=salvage,
                fill=None if fill is None else _number(fill),
                progress=progress,
            )
        files.send()
        _tell(done, files)
    if done.lost:
        raise typer.Exit(CorruptError.exit_code)


def _tell(done: "Decompressed", files: Streams) -> None:
    for note in done.notes:
        say(files.words(f"note: {done.path}: a GeoTIFF cannot hold this as it was: {note}"))
    if done.repair:
        say(files.words(f"repaired: {done.source}: {done.repair}"))
    for block in done.lost:
        say(files.words(f"lost: {done.source}: {block.where}: {block.reason}"))
    sizes = f"{size(done.source_bytes)} -> {size(done.file_bytes)}"
    lost = ""
    if done.lost:
        lost = f", {len(done.lost)} block{'' if len(done.lost) == 1 else 's'} lost and filled"
    say(files.words(f"{done.path}: {sizes}{lost}, {done.seconds:.1f} s"))


def _number(text: str) -> float:
    for kind in (int, float):  # integers of 64 bits are no floats
        with suppress(ValueError):
            return kind(text)
    raise OptionsError(f"--fill {text}: it must be a number, or nan")


def _creation_option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise OptionsError(f"--co {text}: it must be NAME=VALUE, as in --co COMPRESS=ZSTD")
    return name, value
