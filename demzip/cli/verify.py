"""demzip verify."""

from typing import Annotated

import typer

from demzip.cli.console import Jobs, say, say_if_first_run
from demzip.cli.progress import progress_bar
from demzip.cli.streams import no_stream, streams


def verify(
    file: Annotated[
        str, typer.Argument(metavar="IN.dz", help="The compressed raster; - for standard input.")
    ],
    original: Annotated[
        str | None,
        typer.Argument(metavar="ORIGINAL", help="Raster that must have the same content."),
    ] = None,
    jobs: Jobs = 0,
) -> None:
    """Check a .dz file, or compare it with its original.

    Every block is decoded and its checksums are compared. With ORIGINAL, every sample is compared
    bit for bit, and every piece of metadata. Exit code 3 if anything is damaged or different; the
    first findings are named and all damaged blocks are counted.
    """
    no_stream(original)
    say_if_first_run()
    from demzip.io import geotiff

    with streams(file) as files, progress_bar() as progress:
        done = geotiff.verify(files.source, original, jobs=jobs, progress=progress)
    blocks = f"{done.blocks} block{'' if done.blocks == 1 else 's'}"
    name = files.words(done.path)
    if done.original is None:
        say(f"{name}: {blocks}, {done.samples} samples, all checksums are right")
    else:
        say(f"{name}: {done.samples} samples and all metadata are those of {done.original}")
