"""Rasters to measure, and the class of each, decided by its data alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demzip.bench.forms import AnyArray
from demzip.codec import PlaneSource, RasterEncoder
from demzip.errors import DemzipError, OptionsError, UnsupportedError
from demzip.io.files import is_remote, naming
from demzip.io.source import open_source
from demzip.options import DEFAULT_BLOCK, EncodeOptions
from demzip.raster.georeference import Band, Georeference
from demzip.raster.values import EXPLICIT

# In the order in which they are tried: the first that fits is the raster's.
CLASSES = {
    "voids": "more than 1 of 1000 samples missing (no-data, NaN, another rare value)",
    "bathymetry": "most of the other values below 0",
    "integers": "integer dtypes, as those of SRTM",
    "grid floats": "floats on a decimal, binary or any other grid, as those of most lidar",
    "true floats": "floats with full mantissas, as those of resampled ground",
}
VOIDS = 0.001
EVERYTHING = "all rasters"


@dataclass(frozen=True)
class Raster:
    """The first band of a raster, in memory.

    Attributes:
        path: As given.
        values: (rows, cols), contiguous.
        nodata: Declared value of missing samples.
        kind: A key of CLASSES.
        words: The exact map of the values in words.
        missing: Share of missing samples.

    """

    path: str
    values: AnyArray
    nodata: float | None
    kind: str
    words: str
    missing: float


def check_kind(kind: str) -> str:
    """Return `kind` if it is a class.

    Raises:
        OptionsError: It is not.

    """
    if kind not in CLASSES:
        raise OptionsError(f"class {kind!r}: there is none; choose among {', '.join(CLASSES)}")
    return kind


def find_rasters(inputs: Sequence[str], note: Callable[[str], object]) -> list[str]:
    """Files to measure: those named, and those of folders that GDAL takes for rasters.

    Args:
        inputs: Whatever rasterio opens, and folders, which are not searched deeper.
        note: Told what is left out.

    Raises:
        OptionsError: There is none.
        DemzipError: A file that was named cannot be read.

    """
    found: list[str] = []
    for name in inputs:
        folder = Path(name)
        if is_remote(name) or not folder.is_dir():
            with open_source(name, DEFAULT_BLOCK):
                found.append(name)
            continue
        files = sorted(str(file) for file in folder.iterdir() if file.is_file())
        rasters = [file for file in files if _is_raster(file, note)]
        if not rasters:
            note(f"{name}: no raster is in it")
        found += rasters
    if not found:
        raise OptionsError("no raster to measure; name one, or a folder that has some")
    return found


def _is_raster(path: str, note: Callable[[str], object]) -> bool:
    try:
        with open_source(path, DEFAULT_BLOCK):
            return True
    except OptionsError:  # a text, a .dz file: nobody meant it to be measured
        return False
    except DemzipError as error:
        note(f"left out: {error}")
        return False


def read_raster(path: str) -> Raster:
    """Read the first band of a raster and find its class.

    Raises:
        DemzipError: It cannot be read.

    """
    with open_source(path, DEFAULT_BLOCK) as source, naming(path):
        rows, cols = source.shape
        plane = source.planes[0]
        values = np.ascontiguousarray(
            np.concatenate(list(_strips(plane, rows, cols)), dtype=plane.dtype)
        )
    kind, words, missing = classify(values, plane.nodata)
    return Raster(path, values, plane.nodata, kind, words, missing)


def _strips(plane: PlaneSource, rows: int, cols: int) -> Iterator[AnyArray]:
    for top in range(0, rows, DEFAULT_BLOCK):
        yield plane.read(slice(top, min(top + DEFAULT_BLOCK, rows)), slice(0, cols))


def classify(values: AnyArray, nodata: float | None) -> tuple[str, str, float]:
    """Class of a raster, its values in words, and the share of missing samples.

    Missing is what the encoder finds to be missing: the declared value, NaN, and values that
    are far from all others and repeat.
    """
    source = PlaneSource(lambda rows, cols: values[rows, cols], values.dtype.name, nodata)
    about = Georeference(bands=(Band(nodata=nodata),))
    rows, cols = values.shape
    try:
        (plane,) = RasterEncoder([source], (rows, cols), about, EncodeOptions()).planes
    except UnsupportedError:  # 64-bit integers beyond demzip's; the peers are measured all the same
        return "integers", values.dtype.name, 0.0
    codes = plane.value_map.codes(values)
    holes = np.zeros(values.shape, np.bool_) if codes is None else (codes > 0) & (codes < EXPLICIT)
    missing = float(holes.mean())
    valid = values[~holes]
    words = plane.value_map.describe()
    if missing > VOIDS:
        return "voids", words, missing
    if valid.size and np.count_nonzero(valid < 0) > valid.size / 2:
        return "bathymetry", words, missing
    if plane.value_map.rule == "real":
        return "true floats", words, missing
    return "grid floats" if plane.value_map.is_float else "integers", words, missing
