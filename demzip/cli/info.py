"""demzip info."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demzip.cli.console import Json, data, say, size, write_json

if TYPE_CHECKING:
    from demzip.codec import RasterDecoder

LABEL = 20  # columns


def info(
    file: Annotated[str, typer.Argument(metavar="IN.dz", help="The compressed raster.")],
    as_json: Json = False,
) -> None:
    """Show what a .dz file holds.

    Only its header is read.

    \b
    demzip info tile.dz
    demzip info tile.dz --json
    """
    from demzip.codec import RasterDecoder, trailing_bytes
    from demzip.io.files import FileRanges, naming

    with FileRanges(file) as ranges, naming(file):
        decoder = RasterDecoder(ranges.read)
        extra = trailing_bytes(decoder, ranges.size)
        found = _describe(file, decoder, ranges.size)
    if extra:
        problem = f"{-extra} bytes too short" if extra < 0 else f"{extra} bytes too long"
        say(f"warning: {file}: {problem} (see demzip verify)")
    if as_json:
        write_json(found | {"complete": extra == 0})
    else:
        _show(found)


def _describe(file: str, decoder: "RasterDecoder", file_bytes: int) -> dict[str, Any]:
    from demzip.container.layout import FORMAT_VERSION

    rows, cols = decoder.shape
    about = decoder.georeference
    band = about.bands[0]
    raw_bytes = rows * cols * decoder.value_map.pattern.itemsize
    return {
        "path": file,
        "format_version": FORMAT_VERSION,  # the only one that this version reads
        "dtype": decoder.value_map.dtype,
        "values": decoder.value_map.describe(),
        "rows": rows,
        "cols": cols,
        "block": decoder.grid.size,
        "blocks": decoder.grid.count,
        "predictor": decoder.predictor,
        "bytes": file_bytes,
        "raw_bytes": raw_bytes,
        "bits_per_elevation": 8 * file_bytes / (rows * cols),
        "ratio": raw_bytes / file_bytes,
        "crs": crs_name(about.crs),
        "transform": about.transform,
        "nodata": band.nodata,
        "units": band.units,
        "description": band.description,
        "scale": band.scale,
        "offset": band.offset,
        "color_interpretation": band.color_interpretation,
        "tags": about.tags.get("", {}),
        "band_tags": band.tags.get("", {}),
    }


def crs_name(wkt: str | None) -> str | None:
    """Name and code of a CRS from its WKT2 text, e.g. "WGS 84 (EPSG:4326)"."""
    if wkt is None:
        return None
    name = re.match(r'\s*\w+\["((?:[^"]|"")*)"', wkt)
    code = re.search(r'ID\["(\w+)",\s*"?(\w+)"?(?:,[^\[\]]*)?\]\]\s*$', wkt)
    text = name[1].replace('""', '"') if name else "unknown"
    return f"{text} ({code[1]}:{code[2]})" if code else text


def _show(found: dict[str, Any]) -> None:
    lines: list[tuple[str, object]] = [
        ("file", f"{found['path']} (format version {found['format_version']})"),
        ("size", f"{size(found['bytes'])} ({found['bytes']} bytes)"),
        ("raster", f"{found['rows']} rows x {found['cols']} columns"),
        ("values", found["values"]),
        ("predictor", found["predictor"]),
        ("blocks", f"{found['blocks']} of {found['block']} x {found['block']} samples"),
        ("bits per elevation", f"{found['bits_per_elevation']:.3f}"),
        ("ratio to raw", f"{found['ratio']:.2f}"),
    ]
    lines += [
        (label, found[label]) for label in ("crs", "transform", "nodata", "units", "description")
    ]
    if (found["scale"], found["offset"]) != (1.0, 0.0):
        lines.append(("elevation", f"{found['scale']} * value + {found['offset']}"))
    if found["color_interpretation"] is not None:
        lines.append(("colour", found["color_interpretation"]))
    lines += [(f"tag {key}", value) for key, value in sorted(found["tags"].items())]
    lines += [(f"band tag {key}", value) for key, value in sorted(found["band_tags"].items())]
    for label, value in lines:
        if value is not None:
            text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            data(f"{label:{LABEL}} {text}")
