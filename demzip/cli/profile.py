"""demzip profile."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demzip.cli.console import Force, data, say, say_if_first_run, size, write_json
from demzip.cli.places import (
    DEFAULT_METHOD,
    AsCsv,
    AsGeojson,
    Band,
    Crs,
    Method,
    coordinate,
    decimals,
    exact,
    feature,
    height_text,
    lon_lat,
    one_form,
    or_none,
    refuse_all,
    say_missing,
    say_where,
    show_table,
)
from demzip.cli.streams import no_stream
from demzip.errors import OptionsError

if TYPE_CHECKING:
    from demzip.terrain.profile import Profile
    from demzip.terrain.terrain import Terrain

TITLES = ("distance", "x", "y", "elevation")


def profile(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A .dz file, or anything GDAL reads.")
    ],
    x1: Annotated[str, typer.Argument(metavar="X1", help="Easting or longitude of the start.")],
    y1: Annotated[str, typer.Argument(metavar="Y1", help="Northing or latitude of the start.")],
    x2: Annotated[str, typer.Argument(metavar="X2", help="Easting or longitude of the end.")],
    y2: Annotated[str, typer.Argument(metavar="Y2", help="Northing or latitude of the end.")],
    *,
    step: Annotated[
        float | None,
        typer.Option(
            metavar="METRES", help="From point to point; by default half the side of a cell."
        ),
    ] = None,
    method: Method = DEFAULT_METHOD,
    crs: Crs = None,
    band: Band = 1,
    picture: Annotated[
        Path | None,
        typer.Option("--plot", metavar="OUT", help="Draw it: .svg or .png. The table is left out."),
    ] = None,
    force: Force = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write one JSON object to standard output.")
    ] = False,
    as_csv: AsCsv = False,
    as_geojson: AsGeojson = False,
) -> None:
    """Show a section through the ground between two points.

    Distances are metres from the start: on a geodesic where coordinates are longitudes and
    latitudes, else straight on the map. Elevations are in the raster's units, scale and offset
    applied. Ascent and descent add up what the line rises and falls from point to point: shorter
    steps find more of both. Pictures need pip install 'demzip[plot]'.

    \b
    demzip profile tile.dz 7.51 46.44 7.57 46.49
    demzip profile tile.tif 7.51 46.44 7.57 46.49 --step 5 -m biquintic-36 --csv > line.csv
    demzip profile tile.dz 2603000 1143000 2607000 1146000 --crs EPSG:2056 --plot line.svg
    """
    no_stream(file)
    refuse_all(method)
    form = one_form(json=as_json, csv=as_csv, geojson=as_geojson)
    texts = {"X1": x1, "Y1": y1, "X2": x2, "Y2": y2}
    ends = [coordinate(text, name) for name, text in texts.items()]
    if picture is not None:
        from demzip.plots.extras import check_picture

        check_picture(picture, file, overwrite=force, option="--plot")
    elif force:
        raise OptionsError("--force is for --plot, which is missing")
    say_if_first_run()
    from demzip.io.terrain import open_terrain

    with open_terrain(file, band) as terrain:
        found = terrain.profile(*ends, step=step, method=method, crs=crs)
        say_where(terrain)
        asked = ends[::2], ends[1::2], crs
        say_missing(terrain, found.outside, found.voids, found.distance.size, asked)
        if picture is not None:
            _draw(terrain, found, picture, overwrite=force)
        if form == "json":
            write_json(_described(terrain, found))
        elif form == "csv":
            _write_csv(found)
        elif form == "geojson":
            _write_geojson(terrain, found, crs)
        else:
            _show(found, decimals(crs or terrain.crs), table=picture is None)


def _draw(terrain: "Terrain", found: "Profile", path: Path, *, overwrite: bool) -> None:
    from demzip.plots.figure import save
    from demzip.plots.profile import draw_profile

    save(draw_profile(terrain, found), path, terrain.name, overwrite=overwrite)
    say(f"{path}: profile of {found.distance.size} points, {size(path.stat().st_size)}")


def _points(found: "Profile") -> list[tuple[float, float, float, float]]:
    columns = (found.distance, found.x, found.y, found.elevation)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _summary(found: "Profile") -> dict[str, Any]:
    lowest, highest = found.range or (None, None)
    return {
        "length": found.length,
        "minimum": lowest,
        "maximum": highest,
        "ascent": found.ascent,
        "descent": found.descent,
        "points": found.distance.size,
        "voids": found.voids,
        "outside": found.outside,
    }


def _described(terrain: "Terrain", found: "Profile") -> dict[str, Any]:
    line = [dict(zip(TITLES, (*place, or_none(z)), strict=True)) for *place, z in _points(found)]
    return {"source": terrain.name, "method": found.method, **_summary(found), "line": line}


def _write_csv(found: "Profile") -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(TITLES)
    writer.writerows([exact(value) for value in point] for point in _points(found))


def _write_geojson(terrain: "Terrain", found: "Profile", crs: str | None) -> None:
    line = _described(terrain, found)["line"]
    places = lon_lat(terrain, found.x, found.y, crs)
    features = [feature(place, point) for place, point in zip(places, line, strict=True)]
    write_json({"type": "FeatureCollection", "features": features})


def _show(found: "Profile", digits: int, *, table: bool) -> None:
    if table:
        rows = []
        for number, (distance, x, y, z) in enumerate(_points(found)):
            missing = "void" if found.inside[number] else "outside"
            shown = missing if math.isnan(z) else height_text(z)
            rows.append([f"{distance:.2f}", f"{x:.{digits}f}", f"{y:.{digits}f}", shown])
        show_table(list(TITLES), rows)
    about = _summary(found)
    words = [f"length {about['length']:.2f} m"]
    if found.range is not None:
        names = ("minimum", "maximum", "ascent", "descent")
        words += [f"{name} {height_text(about[name])}" for name in names]
    data(", ".join([*words, f"{about['points']} points"]))
