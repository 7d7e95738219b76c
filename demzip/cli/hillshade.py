"""demzip hillshade."""

from pathlib import Path
from typing import Annotated

import typer

from demzip.cli.console import Force, Jobs, say, say_if_first_run, size
from demzip.cli.progress import progress_bar
from demzip.cli.streams import no_stream
from demzip.errors import OptionsError

GEOTIFF = (".tif", ".tiff")
PICTURE = ".png"
AZIMUTH = 315.0


def hillshade(
    raster: Annotated[
        str, typer.Argument(metavar="IN", help="A .dz file or any raster that GDAL reads.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help="A .tif to go on with, or a .png or .svg map."
        ),
    ],
    *,
    azimuth: Annotated[
        float | None,
        typer.Option(metavar="DEGREES", help="Of the light, clockwise from north; 315 by default."),
    ] = None,
    altitude: Annotated[
        float, typer.Option(metavar="DEGREES", help="Of the light, above the horizon.")
    ] = 45.0,
    z_factor: Annotated[
        float, typer.Option(metavar="Z", help="That heights are multiplied by.")
    ] = 1.0,
    multidirectional: Annotated[
        bool, typer.Option("--multidirectional", help="Light from 225, 270, 315 and 360 degrees.")
    ] = False,
    edges: Annotated[
        bool, typer.Option(help="Shade the raster's edge and samples beside voids.")
    ] = True,
    plain: Annotated[
        bool, typer.Option("--plain", help="A .png of the samples alone, without axes.")
    ] = False,
    band: Annotated[int, typer.Option(metavar="N", help="Band, from 1 on.")] = 1,
    jobs: Jobs = 0,
    force: Force = False,
) -> None:
    """Shade the relief of a raster.

    A .tif has one byte per sample, 1 (dark) to 255, and 0 where there is no height; it has the CRS
    and the transform of the raster. Values are those of gdaldem hillshade -compute_edges, but cells
    are measured in metres on the ground: nothing like -s is needed for degrees. Heights are in the
    unit that the band declares, else in that of a projected CRS, else in metres.

    A .png or .svg is a map with coordinates and a scale bar (pip install 'demzip[plot]').

    \b
    demzip hillshade tile.dz -o relief.tif
    demzip hillshade tile.tif -o relief.png --multidirectional
    """
    no_stream(raster)
    suffix = output.suffix.lower()
    if azimuth is not None and multidirectional:
        raise OptionsError("--azimuth: --multidirectional has lights of its own; leave one out")
    if plain and suffix != PICTURE:
        raise OptionsError(f"--plain: only for a {PICTURE}, not for {output}")
    from demzip.plots.extras import FORMATS, check_picture
    from demzip.terrain.relief import Light

    if suffix not in (*GEOTIFF, *FORMATS):
        raise OptionsError(f"--output {output}: its name must end in .tif, .png or .svg")
    angle = AZIMUTH if azimuth is None else azimuth
    light = Light(angle, altitude, z_factor, multidirectional, edges)
    if plain or suffix in GEOTIFF:
        say_if_first_run()
        from demzip.io.relief import write_relief

        with progress_bar() as progress:
            done = write_relief(
                raster, output, light, band=band, jobs=jobs, overwrite=force, progress=progress
            )
        shape, written = done.shape, done.file_bytes
    else:
        check_picture(output, raster, overwrite=force)
        say_if_first_run()
        from demzip.plots.draw import draw

        with progress_bar() as progress:
            shape = draw(
                raster, output, "hillshade", light=light, band=band, overwrite=force,
                progress=progress,
            )  # fmt: skip
        written = output.stat().st_size
    say(f"{output}: relief of {shape[0]} x {shape[1]} samples, {size(written)}")
