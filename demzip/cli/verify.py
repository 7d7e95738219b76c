"""demzip verify."""

from typing import Annotated

import typer

from demzip.cli.console import Jobs, say, say_if_first_run
from demzip.cli.progress import progress_bar


def verify(
    file: Annotated[str, typer.Argument(metavar="IN.dz", help="The compressed raster.")],
    original: Annotated[
        str | None,
        typer.Argument(metavar="ORIGINAL", help="Raster that must have the same content."),
    ] = None,
    jobs: Jobs = 0,
) -> None:
    """Check a .dz file, or compare it with its original.

    Every block is decoded and its checksums are compared. With ORIGINAL, every sample is compared
    bit for bit, and every piece of metadata. Exit code 3 if anything is damaged or different.
    """
    say_if_first_run()
    from demzip.io import geotiff

    with progress_bar() as progress:
        done = geotiff.verify(file, original, jobs=jobs, progress=progress)
    blocks = f"{done.blocks} block{'' if done.blocks == 1 else 's'}"
    if done.original is None:
        say(f"{done.path}: {blocks}, {done.samples} samples, all checksums are right")
    else:
        say(f"{done.path}: {done.samples} samples and all metadata are those of {done.original}")
