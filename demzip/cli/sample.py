"""demzip sample."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demzip.cli.console import data, say_if_first_run, write_json
from demzip.cli.places import (
    ALL,
    DEFAULT_METHOD,
    AsCsv,
    AsGeojson,
    Band,
    Crs,
    MethodOrAll,
    check_method_or_all,
    coordinate,
    exact,
    feature,
    height_text,
    lon_lat,
    one_form,
    or_none,
    say_missing,
    say_where,
    show_table,
)
from demzip.cli.points import Points, read_points
from demzip.cli.streams import INPUT, STREAM, no_stream, streams
from demzip.errors import OptionsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from demzip.terrain.terrain import Terrain


def _list_methods(wanted: bool) -> None:
    if not wanted:
        return
    from demzip.surface.methods import METHODS

    for method in METHODS.values():
        data(f"{method.name:22} {method.terms:2} terms  {method.summary}")
    raise typer.Exit


def sample(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A .dz file, or anything GDAL reads.")
    ],
    x: Annotated[
        str,
        typer.Argument(
            metavar="X",
            help="Easting or longitude; or, without Y, a CSV file of points, - for standard input.",
        ),
    ],
    y: Annotated[
        str | None, typer.Argument(metavar="Y", help="Northing or latitude.")
    ] = None,
    *,
    method: MethodOrAll = DEFAULT_METHOD,
    methods: Annotated[
        bool,
        typer.Option(
            "--methods", callback=_list_methods, is_eager=True, help="List the methods and stop."
        ),
    ] = False,
    crs: Crs = None,
    band: Band = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write a list of objects with x, y and elevation.")
    ] = False,
    as_csv: AsCsv = False,
    as_geojson: AsGeojson = False,
) -> None:
    """Show how high the ground is at points.

    The answer depends on the method of interpolation: --method all shows them all. At a sample's
    centre every method gives the sample. Elevations are in the raster's units, scale and offset
    applied. Points in voids or outside have none; notes count them. Of a .dz file only the blocks
    around the points are decoded.

    A file of points has lines x,y, # before comments; a header may name these columns, others are
    kept by --csv.

    \b
    demzip sample tile.dz 7.52 46.49
    demzip sample tile.tif 2606123 1144321 --crs EPSG:2056 --method all
    demzip sample tile.dz points.csv --csv > heights.csv
    echo 7.52,46.49 | demzip sample tile.dz - --json
    """
    del methods
    no_stream(file)
    form = one_form(json=as_json, csv=as_csv, geojson=as_geojson)
    points = _points(x, y)
    check_method_or_all(method)
    from demzip.surface.methods import METHODS

    names = list(METHODS) if method == ALL else [method]
    say_if_first_run()
    from demzip.io.terrain import open_terrain

    with open_terrain(file, band) as terrain:
        answers = _ask(terrain, points, names, crs)
        say_where(terrain)
        asked = points.x, points.y, crs
        say_missing(terrain, answers.outside, answers.voids, len(points.x), asked)
        if form == "json":
            write_json([properties for _, properties in _objects(answers)])
        elif form == "csv":
            _write_csv(answers)
        elif form == "geojson":
            _write_geojson(terrain, answers, crs)
        else:
            _show(answers)


@dataclass(frozen=True)
class Answers:
    """Elevations at points.

    Attributes:
        points: Where.
        heights: By method, (points,) float64 each.
        inside: Which points lie on the raster.
        several: Whether all methods were asked for.

    """

    points: Points
    heights: "dict[str, NDArray[np.float64]]"
    inside: "NDArray[np.bool_]"
    several: bool

    @property
    def outside(self) -> int:
        """Points that do not lie on the raster."""
        return int((~self.inside).sum())

    @property
    def voids(self) -> int:
        """Points on the raster where the first method has no answer."""
        import numpy as np

        first = next(iter(self.heights.values()))
        return int((np.isnan(first) & self.inside).sum())

    def __iter__(self) -> Iterator[tuple[int, str, float]]:
        """Number of a point, method, elevation: all methods of one point after the other."""
        table = {name: heights.tolist() for name, heights in self.heights.items()}
        for number in range(len(self.points.x)):
            for name, heights in table.items():
                yield number, name, heights[number]


def _points(x: str, y: str | None) -> Points:
    if y is not None:
        numbers = coordinate(x, "X"), coordinate(y, "Y")
        return Points(["x", "y"], [[x.strip(), y.strip()]], [numbers[0]], [numbers[1]])
    try:
        float(x)
    except ValueError:
        pass
    else:
        raise OptionsError(f"X is {x.strip()}, but there is no Y (./{x.strip()} would be a file)")
    with streams(x) as files:
        return read_points(Path(files.source), INPUT if x == STREAM else x)


def _ask(terrain: "Terrain", points: Points, names: list[str], crs: str | None) -> Answers:
    rows, cols = terrain.positions(points.x, points.y, crs)
    heights = {name: terrain.interpolate(rows, cols, method=name) for name in names}
    return Answers(points, heights, terrain.inside(rows, cols), len(names) > 1)


def _objects(answers: Answers) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number of a point, and what is said of it."""
    points = answers.points
    for number, name, height in answers:
        found: dict[str, Any] = {"x": points.x[number], "y": points.y[number]}
        if answers.several:
            found["method"] = name
        yield number, found | {"elevation": or_none(height)}


def _write_csv(answers: Answers) -> None:
    import csv
    import sys

    several = ["method"] if answers.several else []
    titles = list(answers.points.titles)
    for name in (*several, "elevation"):
        titles.append(_free(name, titles))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(titles)
    for number, name, height in answers:
        fields = answers.points.rows[number]
        writer.writerow([*fields, *([name] if several else []), exact(height)])


def _free(name: str, taken: list[str]) -> str:
    """A name, or its first one with a number from 2 on that is not taken."""
    names = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(other for other in names if other not in taken)


def _write_geojson(terrain: "Terrain", answers: Answers, crs: str | None) -> None:
    import numpy as np

    points = answers.points
    places = lon_lat(terrain, np.array(points.x), np.array(points.y), crs)
    features = [feature(places[number], found) for number, found in _objects(answers)]
    write_json({"type": "FeatureCollection", "features": features})


def _show(answers: Answers) -> None:
    points = answers.points
    several = ["method"] if answers.several else []
    rows = []
    for number, name, height in answers:
        missing = "void" if answers.inside[number] else "outside"
        place = [points.rows[number][column] for column in points.columns]
        shown = missing if math.isnan(height) else height_text(height)
        rows.append([*place, *([name] if several else []), shown])
    titles = [points.titles[column] for column in points.columns]
    show_table([*titles, *several, "elevation"], rows)
