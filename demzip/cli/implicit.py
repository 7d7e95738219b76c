"""demzip implicit: fit, render, animate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demzip.cli.console import Force, Jobs, count, say, say_if_first_run, size, staying
from demzip.cli.fitting import Device
from demzip.cli.progress import progress_bar
from demzip.cli.streams import no_stream
from demzip.errors import OptionsError

if TYPE_CHECKING:
    from demzip.training.approximate import Statistics

implicit = typer.Typer(
    name="implicit",
    rich_markup_mode=None,
    help="Approximate a raster by a small neural network.",
)


@implicit.command()
def fit(
    raster: Annotated[
        str, typer.Argument(metavar="IN", help="Raster: a .dz file, or anything GDAL reads.")
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="OUT.dz", help="By default IN with suffix .approx.dz."
        ),
    ] = None,
    band: Annotated[int, typer.Option(metavar="N", help="Band, from 1 on.")] = 1,
    fourier_scale: Annotated[
        float,
        typer.Option(
            metavar="X",
            help="Standard deviation of the frequencies, in cycles over the longer side: what is "
            "finer than that gets smooth, and low ones get rough.",
        ),
    ] = 10.0,
    features: Annotated[int, typer.Option(metavar="N", help="Frequencies, up to 512.")] = 128,
    width: Annotated[int, typer.Option(metavar="N", help="Units of a layer, up to 128.")] = 32,
    depth: Annotated[int, typer.Option(metavar="N", help="Hidden layers, up to 16.")] = 8,
    steps: Annotated[
        int, typer.Option(metavar="N", help="Steps of training, up to 1000000.")
    ] = 2000,
    learning_rate: Annotated[
        float, typer.Option(metavar="X", help="Of Adam; it falls to 0 along a cosine.")
    ] = 0.003,
    batch: Annotated[
        int, typer.Option(metavar="N", help="Cells that a step draws, up to 1048576.")
    ] = 8192,
    loss: Annotated[
        str, typer.Option(metavar="LOSS", help="mae, or mse, which counts large errors more.")
    ] = "mae",
    seed: Annotated[int, typer.Option(metavar="S", help="Of all that is drawn.")] = 0,
    device: Device = "auto",
    region: Annotated[
        Path | None,
        typer.Option(metavar="GEOJSON", help="Region of interest: drawn more often."),
    ] = None,
    region_weight: Annotated[
        float | None,
        typer.Option(metavar="W", help="How many times as often; by default 10."),
    ] = None,
    slope_weight: Annotated[
        float,
        typer.Option(
            metavar="W", help="Steep cells more often: 1 + W slope / mean slope times as often."
        ),
    ] = 0.0,
    every: Annotated[
        int | None, typer.Option(metavar="N", help="Steps between two snapshots.")
    ] = None,
    snapshots: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for snapshots, GeoTIFFs step-*.tif; -f replaces "
            "those that are there."),
    ] = None,
    report: Annotated[
        int, typer.Option(metavar="N", help="Steps between two lines of statistics.")
    ] = 100,
    jobs: Jobs = 0,
    force: Force = False,
) -> None:
    """Fit a network to a raster and write it as a small .dz file.

    The file is an approximation: elevations come back with errors, which it records. For files
    that give every sample back there is `demzip compress`. Statistics are those of absolute
    errors, in the raster's units, over up to 65536 cells evenly taken. Voids are left out. Needs
    pip install 'demzip[neural]'.

    \b
    demzip implicit fit tile.tif
    demzip implicit fit tile.tif --region valley.geojson --region-weight 20
    demzip implicit fit tile.tif --every 10 --snapshots steps/
    """
    no_stream(raster)
    if output is not None:
        _check_suffix(output, ".dz")
    from demzip.training.devices import need_jax

    need_jax()
    say_if_first_run()
    from demzip.io.approximate import fit_implicit
    from demzip.training.approximate import ApproximateOptions

    options = ApproximateOptions(
        features=features, scale=fourier_scale, width=width, depth=depth, steps=steps,
        learning_rate=learning_rate, batch=batch, loss=loss, seed=seed, device=device,
        report=report, every=every,
    )  # fmt: skip
    stays = f"snapshots in {snapshots} stay, nothing else was written" if snapshots else ""
    with staying(stays):
        done = fit_implicit(
            raster, output, options=options, region=region, region_weight=region_weight,
            slope_weight=slope_weight, snapshots=snapshots, band=band, jobs=jobs,
            overwrite=force, on_report=_tell,
        )  # fmt: skip
    errors = done.errors
    if done.snapshots:
        say(f"{snapshots}: {count(len(done.snapshots), 'snapshot')}")
    say(
        f"{done.path}: {size(done.file_bytes)}, approximate: mean error {errors.mean:.4g}, "
        f"standard deviation {errors.deviation:.4g}, largest {errors.largest:.4g} in "
        f"{errors.cells} cells, {done.seconds:.1f} s"
    )


def _check_suffix(output: Path, *legal: str) -> None:
    if output.suffix.lower() not in legal:
        raise OptionsError(f"--output {output}: its name must end in {' or '.join(legal)}")


def _tell(found: "Statistics") -> None:
    say(
        f"step {found.step}: loss {found.loss:.5f}, mean {found.mean:.2f}, "
        f"std {found.deviation:.2f}, min {found.least:.2f}, max {found.most:.2f}"
    )


@implicit.command()
def render(
    file: Annotated[
        str, typer.Argument(metavar="IN.dz", help="The approximation (demzip implicit fit).")
    ],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT.tif", help="The GeoTIFF to write.")
    ],
    scale: Annotated[
        float | None, typer.Option(metavar="X", help="Cells along a cell of the raster.")
    ] = None,
    resolution: Annotated[
        float | None, typer.Option(metavar="M", help="Side of a cell, in units of the CRS.")
    ] = None,
    shape: Annotated[
        str | None, typer.Option(metavar="ROWSxCOLS", help="Rows and columns, as in 500x400.")
    ] = None,
    bounds: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(metavar="W S E N", help="Edges of a part, in coordinates of the CRS."),
    ] = None,
    window: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(
            metavar="ROW COL ROWS COLS", help="A part in cells of the raster, whole or not."
        ),
    ] = None,
    dtype: Annotated[
        str, typer.Option(metavar="DTYPE", help="float32, float64, int16, uint16 or int32.")
    ] = "float32",
    jobs: Jobs = 0,
    force: Force = False,
) -> None:
    """Draw an approximation as a GeoTIFF, at any resolution.

    By default on the raster's own grid. Elevations are those at the centres of cells. The same
    file gives the same elevations on every machine; JAX is not needed.

    \b
    demzip implicit render tile.approx.dz -o twice.tif --scale 2
    demzip implicit render tile.approx.dz -o part.tif --bounds 7.5 46.4 7.6 46.5 --shape 500x500
    """
    no_stream(file)
    no_stream(str(output))
    _check_suffix(output, ".tif", ".tiff")
    say_if_first_run()
    from demzip.io.approximate import render_implicit

    with progress_bar() as progress:
        picture = render_implicit(
            file, output, scale=scale, resolution=resolution,
            shape=None if shape is None else _shape(shape), bounds=bounds, window=window,
            dtype=dtype, jobs=jobs, overwrite=force, progress=progress,
        )  # fmt: skip
    rows, cols = picture.shape
    say(f"{output}: {rows} x {cols} cells of {dtype}, approximate")


def _shape(text: str) -> tuple[int, int]:
    rows, _, cols = text.lower().partition("x")
    if not (rows.isdecimal() and cols.isdecimal()):
        raise OptionsError(f"shape {text!r}: it must be rows and columns, as in 500x400")
    return int(rows), int(cols)


@implicit.command()
def animate(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with snapshots step-*.tif.")
    ],
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="File to write: .gif or .mp4."),
    ],
    rate: Annotated[float, typer.Option(metavar="N", help="Frames a second, 0.1 to 50.")] = 5.0,
    azimuth: Annotated[
        float | None,
        typer.Option(
            metavar="DEG", help="Of the light, clockwise from north, 0 to 360; 315 by default."
        ),
    ] = None,
    altitude: Annotated[
        float, typer.Option(metavar="DEG", help="Of the light above the horizon, 0 to 90.")
    ] = 45.0,
    multidirectional: Annotated[
        bool, typer.Option("--multidirectional", help="Light from four sides.")
    ] = False,
    force: Force = False,
) -> None:
    """Show how a network learns: shaded snapshots as a GIF or a film.

    Snapshots are those of `demzip implicit fit --every N --snapshots DIR`. A .gif needs pip
    install 'demzip[plot]', a .mp4 the program ffmpeg.

    \b
    demzip implicit animate steps/ -o fit.gif
    demzip implicit animate steps/ -o fit.mp4 --rate 25 --multidirectional
    """
    no_stream(str(output))
    if azimuth is not None and multidirectional:
        raise OptionsError("--azimuth: --multidirectional has lights of its own; leave one out")
    say_if_first_run()
    from demzip.plots.animation import animate as make
    from demzip.surface.shading import AZIMUTH

    with progress_bar() as progress:
        frames = make(
            folder, output, rate=rate, azimuth=AZIMUTH if azimuth is None else azimuth,
            altitude=altitude, multidirectional=multidirectional, overwrite=force,
            progress=progress,
        )  # fmt: skip
    say(f"{output}: {count(frames, 'frame')}, {size(output.stat().st_size)}")
