"""What `demzip info` shows of an approximation, and lines that it shows of any file."""

import math
import re
from typing import TYPE_CHECKING

from demzip.cli.console import count, data, exact_size, plain, write_json

if TYPE_CHECKING:
    from demzip.codec.approximation import ApproximateSurface

LABEL = 20  # columns


def show_approximation(
    file: str, found: "ApproximateSurface", file_bytes: int, *, as_json: bool
) -> None:
    """Sizes, network and errors."""
    from demzip.container.layout import FORMAT_VERSION

    about, errors, surface = found.georeference, found.errors, found.surface
    (rows, cols), band = found.shape, found.georeference.bands[0]
    shown = {
        "path": file,
        "format_version": FORMAT_VERSION,
        "approximate": True,
        "rows": rows,
        "cols": cols,
        "bytes": file_bytes,
        "network": surface.describe(),
        "network_bytes": found.network_bytes,
        "parameters": surface.parameters,
        "step": math.ldexp(1.0, found.exponent),
        "lowest": found.span[0],
        "highest": found.span[1],
        "cells": errors.cells,
        "mean_error": errors.mean,
        "error_deviation": errors.deviation,
        "largest_error": errors.largest,
        "crs": crs_name(about.crs),
        "transform": about.transform,
        "nodata": band.nodata,
        "units": band.units,
        "description": band.description,
    }
    if as_json:
        write_json(shown)
        return
    show_lines(
        [
            ("file", f"{file} (format version {FORMAT_VERSION})"),
            ("content", "an approximation, not the values of a raster (demzip implicit render)"),
            ("size", exact_size(file_bytes)),
            ("raster", f"{count(rows, 'row')} x {count(cols, 'column')}"),
            (
                "network",
                (
                    f"{surface.describe()}: {surface.parameters} parameters, "
                    f"{found.network_bytes} bytes"
                ),
            ),
            ("elevations", f"{shown['lowest']:g} to {shown['highest']:g}"),
            ("step", f"{shown['step']:g}"),
            ("mean error", f"{errors.mean:.4g} (absolute, in {errors.cells} cells)"),
            ("deviation of it", f"{errors.deviation:.4g}"),
            ("largest error", f"{errors.largest:.4g}"),
            ("crs", shown["crs"]),
            ("transform", about.transform),
            ("nodata", band.nodata),
            ("units", band.units),
            ("description", band.description),
        ]
    )


def show_lines(lines: list[tuple[str, object]]) -> None:
    """Labels and values; None is left out."""
    for label, value in lines:
        if value is not None:
            text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            data(plain(f"{label:{LABEL}} {text}"))


def crs_name(wkt: str | None) -> str | None:
    """Name and code of a CRS from its WKT2 text, e.g. "WGS 84 (EPSG:4326)"."""
    if wkt is None:
        return None
    name = re.match(r'\s*\w+\["((?:[^"]|"")*)"', wkt)
    code = re.search(r'ID\["(\w+)",\s*"?(\w+)"?(?:,[^\[\]]*)?\]\]\s*$', wkt)
    text = name[1].replace('""', '"') if name else "unknown"
    return f"{text} ({code[1]}:{code[2]})" if code else text
