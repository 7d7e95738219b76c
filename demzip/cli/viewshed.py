"""demzip viewshed."""

import time
from pathlib import Path
from typing import Annotated

import typer

from demzip.cli.console import Force, Jobs, say, say_if_first_run
from demzip.cli.los import Curvature, Observer, Refraction
from demzip.cli.places import Band, Crs, coordinate, decimals, height_text, say_unit
from demzip.cli.progress import progress_bar
from demzip.cli.streams import no_stream
from demzip.errors import OptionsError

GEOTIFF = (".tif", ".tiff")
SQUARE_KILOMETRE = 1e6


def viewshed(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A .dz file, or anything GDAL reads.")
    ],
    x: Annotated[str, typer.Argument(metavar="X", help="Easting or longitude of the observer.")],
    y: Annotated[str, typer.Argument(metavar="Y", help="Northing or latitude.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="OUT.tif", help="By default FILE with suffix .viewshed.tif."
        ),
    ] = None,
    radius: Annotated[
        float | None, typer.Option(metavar="M", help="In metres; by default the whole raster.")
    ] = None,
    observer: Observer = 1.75,
    target: Annotated[
        float, typer.Option(metavar="M", help="Height above ground that is looked for, in metres.")
    ] = 0.0,
    curvature: Curvature = False,
    refraction: Refraction = None,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="exact, or planes, which is fast and GDAL's.")
    ] = "exact",
    crs: Crs = None,
    band: Band = 1,
    jobs: Jobs = 0,
    force: Force = False,
) -> None:
    """Write what is seen from a point to a GeoTIFF.

    255 is seen, 0 not, 127 unknown. The grid is that of the raster, cut to the radius. The observer
    stands on the sample in which the point lies. The model exact looks along a line to each sample,
    over ground that is straight between samples; planes sends out one wave of reference planes, as
    gdal_viewshed does. Unknown, the no-data value, are voids, what lies behind nothing but voids,
    and all beyond the radius. How large an area is seen is said on standard error.

    Elevations in feet or another unit that the band declares are converted to metres. Distances are
    metres on the ground; in longitude and latitude those of a degree at the observer.

    \b
    demzip viewshed tile.dz 7.51 46.49 -o seen.tif
    demzip viewshed tile.dz 7.51 46.49 --radius 2000 --target 20 --curvature --model planes
    """
    no_stream(file)
    if output is not None and output.suffix.lower() not in GEOTIFF:
        raise OptionsError(f"--output {output}: its name must end in .tif or .tiff")
    place = coordinate(x, "X"), coordinate(y, "Y")
    say_if_first_run()
    from demzip.io.viewshed import viewshed as write_viewshed

    started = time.perf_counter()
    with progress_bar() as progress:
        path, found = write_viewshed(
            file, *place, output, band=band, overwrite=force, progress=progress, radius=radius,
            observer=observer, target=target, curvature=curvature, refraction=refraction,
            model=model, crs=crs, jobs=jobs,
        )  # fmt: skip
    if found.missing is not None:
        say(f"note: {file}: {found.missing}")
    say_unit(file, found.unit)
    if found.distorted:
        say(
            f"note: {path}: it reaches far from the observer, whose metres per degree are used "
            "everywhere; choose a radius of some tens of kilometres"
        )
    digits = decimals(found.crs)
    if found.unknown:
        beyond = "" if found.radius is None else " or beyond the radius"
        count = f"{found.unknown} of {found.visible.size}"
        say(f"note: {path}: {count} samples are unknown{beyond} (127)")
    share = "" if found.share is None else f", {100 * found.share:.2f} % of what is known"
    say(
        f"{path}: {found.area / SQUARE_KILOMETRE:.4g} km2 seen{share}, from {found.observer:g} m "
        f"above {height_text(found.ground)} m at {found.x:.{digits}f} {found.y:.{digits}f}, "
        f"{time.perf_counter() - started:.1f} s"
    )
