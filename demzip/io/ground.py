"""Rasters of a folder, to train networks on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from demzip.container.plane import BAND
from demzip.errors import DemzipError, OptionsError
from demzip.io.source import RasterSource, open_source
from demzip.options import DEFAULT_BLOCK
from demzip.raster.finding import find_map
from demzip.training.ground import Ground


def find_files(folder: Path) -> list[Path]:
    """All files below a folder, by name.

    Raises:
        OptionsError: There is no such folder.

    """
    if not folder.is_dir():
        raise OptionsError(f"{folder}: is not a folder")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def read_ground(path: Path, note: Callable[[str], object]) -> Iterator[Ground]:
    """The bands of a raster, as the coder sees them; nothing, if it is none.

    Args:
        path: Of a file.
        note: Told why a raster is left out.

    """
    try:
        with open_source(path, DEFAULT_BLOCK) as source:
            yield from _bands(source, path.stem)
    except OptionsError:  # a text, a .dz file: nobody meant it
        return
    except DemzipError as error:
        note(f"left out: {error}")


def _bands(source: RasterSource, name: str) -> Iterator[Ground]:
    rows, cols = source.shape
    whole = slice(0, rows), slice(0, cols)
    for plane in source.planes:
        if plane.role != BAND:
            continue
        values = np.ascontiguousarray(source.read(source.planes.index(plane), *whole))
        value_map, _ = find_map(
            lambda down, across, of=values: of[down, across],  # type: ignore[misc]  # a default binds
            [whole], plane.dtype, plane.nodata,
        )  # fmt: skip
        samples, codes = value_map.to_samples(values)
        holes = np.zeros(source.shape, np.bool_) if codes is None else codes != 0
        floating = value_map.rule == "real"
        heights = values.astype(np.float64) if floating else samples.astype(np.int64)
        yield Ground(name, heights, holes)
