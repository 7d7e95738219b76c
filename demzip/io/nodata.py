"""No-data values of 64-bit integers: rasterio knows them as floats, GDAL and files exactly."""

import math
import re
import struct
from pathlib import Path

import numpy as np
import rasterio.shutil
from rasterio.dtypes import in_dtype_range
from rasterio.io import DatasetReader, MemoryFile

from demzip.raster.georeference import Georeference

WIDE = {"int64": -float(1 << 63), "uint64": float((1 << 64) - 2048)}  # and what stands in a while
SAFE = 1 << 53  # rasterio writes integers up to here as they are
TAG = 42113  # GDAL_NODATA, a text


def read_nodata(dataset: DatasetReader) -> list[float | None]:
    """No-data value of each band; an int where no float has that value.

    The exact ones are read from GDAL's XML description of the dataset.
    """
    values = [None if value is None else float(value) for value in dataset.nodatavals]
    if not WIDE.keys() & set(dataset.dtypes):
        return values
    with MemoryFile() as memory:
        rasterio.shutil.copy(dataset, memory.name, driver="VRT")
        text = memory.read().decode("utf-8", "replace")
    bands = text.split("<VRTRasterBand ")[1 : dataset.count + 1]
    for place, band in enumerate(bands):
        found = re.search(r"<NoDataValue>(-?\d+)</NoDataValue>", band)
        if found and dataset.dtypes[place] in WIDE:
            number = int(found[1])
            values[place] = number if float(number) != number else float(number)
    return values


def declared_nodata(georeference: Georeference, dtype: str) -> float | None:
    """The one no-data value of a GeoTIFF: the first that a band has and the dtype allows."""
    for band in georeference.bands:
        value = band.nodata
        if value is None:
            continue
        if dtype in WIDE:
            signed = dtype == "int64"
            low, high = (-(1 << 63), 1 << 63) if signed else (0, 1 << 64)
            if low <= value < high and value == int(value):
                return value
        elif _fits(value, dtype):
            return value
    return None


def _fits(value: float, dtype: str) -> bool:
    """Rasterio's in_dtype_range, which warns where a float is just too large for float32."""
    kind = np.dtype(dtype)
    too_large = kind.kind == "f" and math.isfinite(value) and abs(value) > np.finfo(kind).max.item()
    return not too_large and bool(in_dtype_range(value, dtype))


def nodata_to_create(georeference: Georeference, dtype: str) -> float | None:
    """What rasterio.open is given: a stand-in for what it cannot write."""
    value = declared_nodata(georeference, dtype)
    if value is not None and dtype in WIDE and abs(value) > SAFE:
        return WIDE[dtype]
    return value


def correct_nodata(path: Path, georeference: Georeference, dtype: str) -> None:
    """Put the exact value in the place of the stand-in, whose text is longer, in a closed file."""
    value = declared_nodata(georeference, dtype)
    if dtype not in WIDE or value is None or abs(value) <= SAFE:
        return
    with path.open("rb+") as file:
        order = "<" if file.read(2) == b"II" else ">"
        big = struct.unpack(f"{order}H", file.read(2))[0] == 43
        word, entry = ("Q", 20) if big else ("I", 12)
        size = struct.calcsize(word)
        file.seek(8 if big else 4)
        start = struct.unpack(order + word, file.read(size))[0]
        file.seek(start)
        count = struct.unpack(f"{order}{'Q' if big else 'H'}", file.read(8 if big else 2))[0]
        entries = file.read(count * entry)
        for place in range(0, len(entries), entry):
            tag, _, length, target = struct.unpack_from(f"{order}HH{word}{word}", entries, place)
            if tag == TAG:
                file.seek(target)
                file.write(str(int(value)).encode().ljust(length, b"\0"))
