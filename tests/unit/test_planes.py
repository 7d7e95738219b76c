"""Which way a plane is coded, and what is said of it."""

import numpy as np
import pytest

import demzip
from demzip.codec import open_bytes
from demzip.constants import AT_NEIGHBOURS, AT_ZERO
from demzip.raster.georeference import Georeference
from tests.terrain import relief


def ground(rows=300, cols=320, seed=5):
    return relief(rows, cols, seed=seed).astype(np.float64)


def test_some_exceptions_stay_on_the_grid():
    values = (ground() / 100).astype(np.float32)
    values[7, 9], values[200, 300] = np.pi, 1 / 3
    data = demzip.encode(values)
    plane = open_bytes(data).planes[0]
    assert plane.describe() == "float32 on a 0.01 grid, 2 exceptions"
    assert demzip.decode(data).tobytes() == values.tobytes()


def test_many_exceptions_are_cheaper_as_true_floats():
    """Resampled patches amid whole metres: the lattice keeps what the grid has."""
    values = ground().astype(np.float32)
    for r in range(0, 280, 50):
        for c in range(0, 300, 50):
            values[r : r + 12, c : c + 12] += np.random.default_rng(r + c).random((12, 12))
    data = demzip.encode(values)
    plane = open_bytes(data).planes[0]
    assert plane.value_map.rule == "real"
    assert plane.model.anchor in (AT_ZERO, AT_NEIGHBOURS)
    assert plane.describe().endswith((", partly on a 1 grid", ", partly in steps of 1"))
    assert demzip.decode(data).tobytes() == values.tobytes()


def test_steps_from_neighbour_to_neighbour():
    """Strips on one grid, each with an offset of its own."""
    values = ground() * 0.02 + np.repeat(np.random.default_rng(2).random(20), 15)[:, None]
    data = demzip.encode(values.astype(np.float32))
    plane = open_bytes(data).planes[0]
    assert plane.model.anchor == AT_NEIGHBOURS
    assert plane.describe().endswith(", partly in steps of 0.02")
    rough = values + np.random.default_rng(3).random(values.shape)
    assert len(data) < 0.6 * len(demzip.encode(rough.astype(np.float32)))
    assert demzip.decode(data).tobytes() == values.astype(np.float32).tobytes()


def test_singles_in_doubles():
    noise = np.random.default_rng(4).random((300, 320))
    values = (ground() * 0.7331 + noise).astype(np.float32)
    single, double = demzip.encode(values), demzip.encode(values.astype(np.float64))
    assert "last 29 bits zero" in open_bytes(double).planes[0].describe()
    assert len(double) < 1.001 * len(single)
    assert demzip.decode(double).tobytes() == values.astype(np.float64).tobytes()


def test_a_mask_needs_a_plane():
    with pytest.raises(demzip.OptionsError, match="planes"):
        demzip.encode(np.ones((3, 4), np.int16), georeference=Georeference(mask=True))
