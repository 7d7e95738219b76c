"""Whatever happens to a file, what salvage does not call lost is right."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

import demzip
from demzip.errors import DemzipError
from tests.terrain import relief

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

VALUES = np.stack([relief(70, 50), relief(70, 50, seed=1)]).astype(np.int16)
NODATA = -32768


def data_of_two_bands():
    return demzip.encode(VALUES, block=16, nodata=NODATA)


@st.composite
def damages(draw):
    """Some places (as shares of the length) and what is done there."""
    kinds = st.sampled_from(["flip", "zero", "insert", "delete", "cut"])
    places = st.floats(0, 0.9999)
    return draw(st.lists(st.tuples(kinds, places, st.integers(1, 255)), min_size=1, max_size=4))


def damaged(data, changes):
    data = bytearray(data)
    for kind, share, value in changes:
        place = int(share * len(data))
        if kind == "flip":
            data[place : place + 1] = bytes([data[place] ^ value]) if place < len(data) else b""
        elif kind == "zero":
            data[place : place + value] = bytes(len(data[place : place + value]))
        elif kind == "insert":
            data[place:place] = bytes([value])
        elif kind == "delete":
            del data[place : place + value]
        else:
            del data[max(place, len(data) - 10 * value) :]
    return bytes(data)


@given(damages())
def test_what_is_not_lost_is_right(changes):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "a.dz"), Path(folder, "a.tif")
        source.write_bytes(damaged(data_of_two_bands(), changes))
        try:
            done = demzip.decompress(source, target, salvage=True)
        except DemzipError:
            assert [path.name for path in Path(folder).iterdir()] == ["a.dz"]
            return
        expected = VALUES.copy()
        for lost in done.lost:
            expected[lost.band - 1, slice(*lost.rows), slice(*lost.cols)] = NODATA
        with rasterio.open(target) as dataset:
            assert np.array_equal(dataset.read(), expected)
        if not done.lost and done.repair is None:
            demzip.decompress(source, target, overwrite=True)
