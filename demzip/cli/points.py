"""Points from a CSV file."""

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from demzip.errors import DemzipError, OptionsError

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")  # float() takes more
COMMENT = "#"
X_NAMES = ("x", "lon", "long", "longitude", "easting", "east", "e")
Y_NAMES = ("y", "lat", "latitude", "northing", "north", "n")


@dataclass(frozen=True)
class Points:
    """Points and what stood beside them.

    Attributes:
        titles: Of the columns.
        rows: Fields of each point, as they were written.
        x: Eastings or longitudes.
        y: Northings or latitudes.
        columns: Where x and y are among the fields.

    """

    titles: list[str]
    rows: list[list[str]]
    x: list[float]
    y: list[float]
    columns: tuple[int, int] = (0, 1)


def read_points(path: Path, name: str) -> Points:
    """Read lines x,y with commas or blanks between; empty ones and comments are passed over.

    Without a header x and y are the first two columns; a header names them, in any order.

    Args:
        path: Of the file.
        name: What messages call it.

    Raises:
        OptionsError: A line has no x and y, or the header does not name them; or there are no
            points; or it is no text.
        DemzipError: It cannot be read.

    """
    titles: list[str] | None = None
    columns = 0, 1
    found = Points([], [], [], [])
    try:
        for line, fields in _lines(path, name):
            if titles is None:
                titles = [f"column{number}" for number in range(1, len(fields) + 1)]
                if _is_header(fields):
                    titles, columns = fields, _columns(fields, f"{name}, line {line}")
                    continue
                titles[:2] = "x", "y"
            x, y = (_number(fields, column, f"{name}, line {line}") for column in columns)
            found.rows.append(fields)
            found.x.append(x)
            found.y.append(y)
    except UnicodeDecodeError as error:
        raise OptionsError(f"{name}: is not a text with lines x,y") from error
    except OSError as error:
        raise DemzipError(f"{name}: cannot be read ({error.strerror or error})") from error
    if not found.rows:
        raise OptionsError(f"{name}: there are no points in it; lines x,y were expected")
    width = max(map(len, found.rows))
    found.titles.extend(titles or ())
    found.titles.extend(f"column{number}" for number in range(len(found.titles) + 1, width + 1))
    for row in found.rows:
        row.extend([""] * (len(found.titles) - len(row)))
    return replace(found, columns=columns)


def _lines(path: Path, name: str) -> Iterator[tuple[int, list[str]]]:
    """Numbers and fields of lines that are neither empty nor comments."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader("\n" if line.startswith(COMMENT) else line for line in file)
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise OptionsError(f"{name}, line {reader.line_num}: {error}") from error
            if fields is None:
                return
            if len(fields) == 1:
                fields = fields[0].split()
            fields = [field.strip() for field in fields]
            if any(fields):
                yield reader.line_num, fields


def _is_header(fields: list[str]) -> bool:
    return not any(is_number(field) for field in fields)


def is_number(field: str) -> bool:
    """Whether a text is a finite number, in digits of ASCII."""
    return NUMBER.fullmatch(field) is not None and math.isfinite(float(field))


def _columns(titles: list[str], where: str) -> tuple[int, int]:
    """Of x and y."""
    lower = [title.lower() for title in titles]
    found = []
    for names in (X_NAMES, Y_NAMES):
        places = [place for place, title in enumerate(lower) if title in names]
        if len(places) != 1:
            _refuse_semicolons(titles, where)
            raise OptionsError(
                f"{where}: {','.join(titles)!r} are no numbers, nor a header that names x and y "
                "(or lon and lat, easting and northing) once"
            )
        found += places
    return found[0], found[1]


def _number(fields: list[str], column: int, where: str) -> float:
    if column >= len(fields):
        _refuse_semicolons(fields, where)
        raise OptionsError(f"{where}: {','.join(fields)!r} has no x and y; write them as x,y")
    if not is_number(fields[column]):
        _refuse_semicolons(fields, where)
        raise OptionsError(f"{where}: {fields[column]!r} is not a number")
    return float(fields[column])


def _refuse_semicolons(fields: list[str], where: str) -> None:
    text = ",".join(fields)
    if ";" in text:
        raise OptionsError(
            f"{where}: {text!r} has semicolons; commas are expected between fields, and points in "
            "numbers"
        )
