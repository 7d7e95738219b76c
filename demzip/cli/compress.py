"""demzip compress."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demzip.cli.console import Force, Jobs, Json, say, say_if_first_run, size, write_json
from demzip.cli.fitting import Depth, Device, Fit, Scale, Steps, Width, fit_options
from demzip.cli.progress import progress_bar
from demzip.cli.streams import Streams, needed, streams
from demzip.options import DEFAULT_PREDICTOR

if TYPE_CHECKING:
    from demzip.io.geotiff import Compressed


def compress(
    raster: Annotated[
        str,
        typer.Argument(
            metavar="IN", help="Raster: anything GDAL reads, or a URL; - for standard input."
        ),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="By default IN with suffix .dz; - for standard output.",
        ),
    ] = None,
    predictor: Annotated[
        str,
        typer.Option(
            "--predictor",
            "-p",
            metavar="PREDICTOR",
            help="jpeg1 to jpeg7, lagrange3, lagrange8, lagrange12, lagrange24, or auto for "
            "whichever of these codes smallest; neural, a network over the samples around, for the "
            "smallest file; implicit, a network over the place that is trained on the raster.",
        ),
    ] = DEFAULT_PREDICTOR,
    block: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Side of a block: a multiple of 16 up to 4096; by default 512, 1216 with --best "
            "and with neural.",
        ),
    ] = None,
    best: Annotated[
        bool,
        typer.Option("--best", help="The smallest file, however long it takes to code."),
    ] = False,
    fit: Fit = False,
    steps: Steps = None,
    width: Width = None,
    depth: Depth = None,
    fourier_scale: Scale = None,
    device: Device = "auto",
    jobs: Jobs = 0,
    force: Force = False,
    verify: Annotated[
        bool,
        typer.Option("--verify/--no-verify", help="Decode and compare before keeping the file."),
    ] = True,
    as_json: Json = False,
) -> None:
    """Compress a raster to a .dz file.

    Every sample of all bands, the mask, the georeferencing and the tags come back as they were.

    \b
    demzip compress tile.tif
    demzip compress tile.tif -o archive/tile.dz -p auto
    demzip compress tile.tif -p neural --fit
    demzip compress - -o - < tile.tif > tile.dz
    """
    fitting = fit_options(
        [predictor], fit=fit, steps=steps, width=width, depth=depth, scale=fourier_scale,
        device=device,
    )  # fmt: skip
    say_if_first_run()
    from demzip.io import geotiff

    with streams(raster, output, as_json=as_json) as files:
        with progress_bar() as progress:
            done = geotiff.compress(
                files.source,
                needed(files.target, raster),
                predictor=predictor,
                block=block,
                jobs=jobs,
                best=best,
                fit=fitting,
                overwrite=force,
                verify=verify,
                progress=progress,
            )
        files.send()
        for note in done.notes:
            say(files.words(f"note: {done.source}: {note}"))
        if as_json:
            write_json(_as_dict(done, files))
        else:
            say(files.words(_summary(done)))


def _summary(done: "Compressed") -> str:
    before = done.raw_bytes if done.source_bytes is None else done.source_bytes
    return (
        f"{done.path}: {size(before)} -> {size(done.file_bytes)}, "
        f"{done.bits_per_elevation:.3f} bits per elevation ({done.values}, {done.predictor}), "
        f"{done.raw_bytes / done.file_bytes:.2f} times smaller than raw, "
        f"{'verified' if done.verified else 'not verified'}, {done.seconds:.1f} s"
    )


def _as_dict(done: "Compressed", files: Streams) -> dict[str, object]:
    return {
        "source": files.words(done.source),
        "path": files.words(done.path),
        "predictor": done.predictor,
        "values": done.values,
        "samples": done.samples,
        "source_bytes": done.source_bytes,
        "raw_bytes": done.raw_bytes,
        "bytes": done.file_bytes,
        "bits_per_elevation": done.bits_per_elevation,
        "ratio": done.raw_bytes / done.file_bytes,
        "seconds": round(done.seconds, 3),
        "verified": done.verified,
        "notes": list(done.notes),
    }
