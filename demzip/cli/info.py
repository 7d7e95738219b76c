"""demzip info."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from demzip.cli.approximate import crs_name, show_approximation, show_lines
from demzip.cli.console import Json, count, exact_size, say, write_json
from demzip.cli.streams import streams

if TYPE_CHECKING:
    from demzip.codec import RasterDecoder

def info(
    file: Annotated[
        str, typer.Argument(metavar="IN.dz", help="The compressed raster; - for standard input.")
    ],
    as_json: Json = False,
) -> None:
    """Show what a .dz file holds.

    Only its header is read; of an approximation (demzip implicit fit), the network too.

    \b
    demzip info tile.dz
    demzip info tile.dz --json
    """
    from demzip.codec import RasterDecoder, trailing_bytes
    from demzip.container.layout import APPROXIMATION, PREFIX, read_kind, read_prefix
    from demzip.io.files import FileRanges, naming

    with streams(file) as files, FileRanges(files.source) as ranges, naming(files.source):
        if read_kind(ranges.read(0, PREFIX.size)) == APPROXIMATION:
            from demzip.codec.approximation import ApproximateSurface

            data, name = ranges.read(0, ranges.size), files.words(files.source)
            surface = ApproximateSurface.from_bytes(data)
            extra = len(data) - read_prefix(data, APPROXIMATION)
            if extra:
                say(f"warning: {name}: {count(extra, 'byte')} too long")
            show_approximation(name, surface, len(data), as_json=as_json)
            return
        decoder = RasterDecoder(ranges.read)
        extra = trailing_bytes(decoder, ranges.size)
        found = _describe(files.words(files.source), decoder, ranges.size)
    if extra:
        problem = f"{count(abs(extra), 'byte')} too {'short' if extra < 0 else 'long'}"
        say(f"warning: {found['path']}: {problem} (see demzip verify)")
    if as_json:
        write_json(found | {"complete": extra == 0})
    else:
        _show(found)


def _describe(file: str, decoder: "RasterDecoder", file_bytes: int) -> dict[str, Any]:
    rows, cols = decoder.shape
    about = decoder.georeference
    raw_bytes = rows * cols * sum(band.value_map.pattern.itemsize for band in decoder.bands)
    return {
        "path": file,
        "format_version": decoder.header.version,
        "approximate": False,
        "rows": rows,
        "cols": cols,
        "block": decoder.grid.size,
        "blocks": decoder.grid.count * len(decoder.planes),
        "bytes": file_bytes,
        "raw_bytes": raw_bytes,
        "bits_per_elevation": 8 * file_bytes / (rows * cols * len(decoder.bands)),
        "ratio": raw_bytes / file_bytes,
        "crs": crs_name(about.crs),
        "transform": about.transform,
        "gcps": [point._asdict() for point in about.gcps],
        "gcps_crs": crs_name(about.gcps_crs),
        "mask": about.mask,
        "overviews": about.overviews,
        "tags": about.tags,
        "bands": [
            {
                "dtype": plane.value_map.dtype,
                "values": plane.describe(),
                "predictor": plane.predictor,
                "coder": plane.coder,
                "network": plane.network,
                "nodata": band.nodata,
                "units": band.units,
                "description": band.description,
                "scale": band.scale,
                "offset": band.offset,
                "color_interpretation": band.color_interpretation,
                "color_table": band.color_table,
                "tags": band.tags,
            }
            for plane, band in zip(decoder.bands, about.bands, strict=True)
        ],
    }


def _show(found: dict[str, Any]) -> None:
    bands = found["bands"]
    lines: list[tuple[str, object]] = [
        ("file", f"{found['path']} (format version {found['format_version']})"),
        ("size", exact_size(found["bytes"])),
        ("raster", f"{count(found['rows'], 'row')} x {count(found['cols'], 'column')}"),
        ("bands", len(bands) if len(bands) > 1 else None),
        ("blocks", f"{found['blocks']} of {found['block']} x {found['block']} samples"),
        ("bits per elevation", f"{found['bits_per_elevation']:.3f}"),
        ("ratio to raw", f"{found['ratio']:.2f}"),
        ("crs", found["crs"]),
        ("transform", found["transform"]),
        ("control points", len(found["gcps"]) or None),
        ("their crs", found["gcps_crs"]),
        ("mask", "yes" if found["mask"] else None),
        ("overviews", found["overviews"] or None),
        *_tag_lines("tag", found["tags"]),
    ]
    for number, band in enumerate(bands, 1):
        lines += _band_lines(f"band {number} " if len(bands) > 1 else "", band)
    show_lines(lines)


def _band_lines(place: str, band: dict[str, Any]) -> list[tuple[str, object]]:
    labels = ("values", "predictor", "coder", "network", "nodata", "units", "description")
    lines = [(f"{place}{label}", band[label]) for label in labels]
    if (band["scale"], band["offset"]) != (1.0, 0.0):
        lines.append((f"{place}elevation", f"{band['scale']} * value + {band['offset']}"))
    lines.append((f"{place}colour", band["color_interpretation"]))
    if band["color_table"] is not None:
        lines.append((f"{place}colour table", f"{len(band['color_table'])} colours"))
    return lines + _tag_lines(f"{place or 'band '}tag", band["tags"])


def _tag_lines(label: str, tags: dict[str, dict[str, str]]) -> list[tuple[str, object]]:
    return [
        (f"{label} {f'{space} ' if space else ''}{key}", value)
        for space, table in sorted(tags.items())
        for key, value in sorted(table.items())
    ]
