"""demzip los."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from demzip.cli.console import Json, data, say_if_first_run, write_json
from demzip.cli.places import (
    ALL,
    DEFAULT_METHOD,
    Band,
    Crs,
    MethodOrAll,
    check_method_or_all,
    coordinate,
    decimals,
    height_text,
    say_unit,
    say_where,
    show_table,
)
from demzip.cli.progress import progress_bar
from demzip.cli.streams import no_stream

if TYPE_CHECKING:
    from demzip.terrain.sight import Place, Sight
    from demzip.terrain.terrain import Terrain

ANSWERS = {True: "visible", False: "not visible", None: "undecided"}

Observer = Annotated[
    float, typer.Option(metavar="M", help="Height of the eye above ground in metres.")
]
Curvature = Annotated[
    bool, typer.Option("--curvature", help="The earth is round, light is bent (coefficient 1/7).")
]
Refraction = Annotated[
    float | None,
    typer.Option(
        metavar="K", help="Another coefficient of refraction, 0 for none; implies --curvature."
    ),
]


def los(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A .dz file, or anything GDAL reads.")
    ],
    x1: Annotated[str, typer.Argument(metavar="X1", help="Easting or longitude of the observer.")],
    y1: Annotated[str, typer.Argument(metavar="Y1", help="Northing or latitude.")],
    x2: Annotated[str, typer.Argument(metavar="X2", help="Easting or longitude of the target.")],
    y2: Annotated[str, typer.Argument(metavar="Y2", help="Northing or latitude.")],
    *,
    observer: Observer = 1.75,
    target: Annotated[
        float, typer.Option(metavar="M", help="Height of the target above ground in metres.")
    ] = 20.0,
    curvature: Curvature = False,
    refraction: Refraction = None,
    method: MethodOrAll = DEFAULT_METHOD,
    step: Annotated[
        float | None,
        typer.Option(
            metavar="M", help="Metres at most from point to point; by default half a cell."
        ),
    ] = None,
    crs: Crs = None,
    band: Band = 1,
    as_json: Json = False,
) -> None:
    """Show whether a target is seen, and what hides it.

    By default an eye 1.75 m above ground looks for the top of a building of 20 m. The clearance is
    the height of the sight line above ground at its closest approach, negative where it is blocked.
    The stretches at both ends on which the line only goes away from the ground do not count: close
    to the eye it is lower than that. If nothing is left, it is that of an end.

    Between samples the ground depends on the method of interpolation, and so may the answer: those
    methods that say otherwise are named, and --method all shows them all. Where only a void lies
    between, the answer is undecided. The exit code is 0 in any case. All methods are always asked:
    lines of millions of points take a while, and a longer --step shortens it.

    Elevations in feet or another unit that the band declares are converted: all heights are
    metres, and distances are metres on the ground.

    \b
    demzip los tile.dz 7.51 46.49 7.56 46.45
    demzip los tile.dz 7.51 46.49 7.56 46.45 --target 0 --curvature --method all
    """
    no_stream(file)
    check_method_or_all(method)
    ends = (
        coordinate(x1, "X1"), coordinate(y1, "Y1"), coordinate(x2, "X2"), coordinate(y2, "Y2"),
    )  # fmt: skip
    say_if_first_run()
    from demzip.io.terrain import open_terrain

    with open_terrain(file, band) as terrain:
        with progress_bar() as progress:
            sight = terrain.line_of_sight(
                *ends, observer=observer, target=target, curvature=curvature,
                refraction=refraction, method=DEFAULT_METHOD if method == ALL else method,
                step=step, crs=crs, progress=progress,
            )  # fmt: skip
        say_where(terrain)
        say_unit(terrain.name, sight.unit)
        if as_json:
            write_json(_object(sight))
        elif method == ALL:
            rows = [
                [name, ANSWERS[said.visible], _metres(said.clearance)]
                for name, said in sight.verdicts.items()
            ]
            show_table(["method", "answer", "clearance (m)"], rows)
        else:
            _show(terrain, sight, crs)


def _object(sight: "Sight") -> dict[str, Any]:
    """The answer as JSON."""
    from dataclasses import asdict

    found = asdict(sight) | {"clearance": sight.clearance, "dissenting": sight.dissenting}
    found["methods"] = found.pop("verdicts")
    return found


def _metres(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _show(terrain: "Terrain", sight: "Sight", crs: str | None) -> None:
    near, far = sight.observer, sight.target
    data(
        f"{ANSWERS[sight.visible]} ({sight.method}): from {near.height:g} m above "
        f"{height_text(near.ground)} m to {far.height:g} m above {height_text(far.ground)} m, "
        f"{sight.length:.1f} m away, {_earth(sight.refraction)}"
    )
    digits = decimals(crs or terrain.crs)
    if sight.first is not None:
        data(f"blocked first    {_where(sight.first, digits)}")
    if sight.lowest is not None:
        data(f"closest approach {_where(sight.lowest, digits)}")
        least = "at least " if sight.void else ""
        data(
            f"to be seen       the target needs {least}{far.needed:.3f} m above ground, or the "
            f"observer {least}{near.needed:.3f} m"
        )
    if sight.void:
        data(f"void             {sight.void:.1f} m of the line, where nothing is known")
    data(f"other methods    {_others(sight)}")


def _where(place: "Place", digits: int) -> str:
    return (
        f"{place.clearance:.3f} m at {place.distance:.1f} m, {place.x:.{digits}f} "
        f"{place.y:.{digits}f}: ground {place.ground:.3f} m, sight line {place.line:.3f} m"
    )


def _earth(refraction: float | None) -> str:
    return "flat earth" if refraction is None else f"round earth, refraction {refraction:.3g}"


def _others(sight: "Sight") -> str:
    """What they say, in words."""
    count = len(sight.verdicts)
    others = sight.dissenting
    if not others:
        return f"all {count} say the same"
    said = [(name, sight.verdicts[name]) for name in others]
    words = [
        f"{name} {ANSWERS[one.visible]}, {_metres(one.clearance) or '?'} m" for name, one in said
    ]
    return f"{len(others)} of {count} say otherwise: {'; '.join(words)}"
