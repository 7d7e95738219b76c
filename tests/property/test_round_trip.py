"""What was encoded comes back bit for bit, whatever it was."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import demzip
from demzip.codec import grid, open_bytes
from tests import terrain
from tests.golden.formulas import waves
from tests.property.strategies import FLOATS, INTEGERS, Case, cases
from tests.reference import decoder as reference
from tests.reference.model import Model
from tests.unit import make

SHAPES = st.tuples(st.integers(1, 20), st.integers(1, 40))
ONE = Case(np.array([[77]], np.uint16), None, 16, "auto")
HOLE = Case(np.array([[77]], np.uint16), 77.0, 16, "auto")


def same(found: object, expected: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
    assert isinstance(found, np.ndarray)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


@given(cases())
@example(ONE)
@example(HOLE)
def test_identity(case: Case) -> None:
    before = case.values.tobytes()
    same(demzip.decode(demzip.encode(case.values, **case.options())), case.values)
    assert case.values.tobytes() == before


@given(cases(largest=40))
@example(ONE)
@example(HOLE)
def test_reference_decoder_agrees(case: Case) -> None:
    data = demzip.encode(case.values, **case.options())
    found = reference.decode(data)
    assert (found.header.rows, found.header.cols) == case.values.shape[-2:]
    assert len(found.header.planes) == (1 if case.values.ndim == 2 else case.values.shape[0])
    assert found.to_bytes() == case.values.tobytes()


@given(cases(largest=40), st.integers(0, 1 << 16))
def test_any_offsets(case: Case, seed: int) -> None:
    """Offsets that nobody estimated: both decoders know what they mean."""
    offsets = make.offsets(np.random.default_rng(seed))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(grid, "fit_offsets", lambda fit, *_, **__: replace(fit, offsets=offsets))
        data = demzip.encode(case.values, **case.options())
    same(demzip.decode(data), case.values)
    assert reference.decode(data).to_bytes() == case.values.tobytes()


@given(cases())
def test_threads_and_repetition_change_nothing(case: Case) -> None:
    data = demzip.encode(case.values, **case.options())
    assert demzip.encode(case.values, jobs=2, **case.options()) == data
    assert demzip.encode(case.values.copy(order="F"), **case.options()) == data
    swapped = case.values.astype(case.values.dtype.newbyteorder())
    assert demzip.encode(swapped, **case.options()) == data
    same(demzip.decode(data, jobs=2), case.values)


@given(st.data(), st.sampled_from((*INTEGERS, *FLOATS)), st.sampled_from([16, 32]))
def test_any_bits(draw: st.DataObject, dtype: str, block: int) -> None:
    """Whatever the bits are, they come back, by both decoders; too wide integers are refused."""
    shape = (*draw.draw(st.sampled_from([(), (2,)])), *draw.draw(SHAPES))
    size = math.prod(shape) * np.dtype(dtype).itemsize
    random = st.randoms().map(lambda random: random.randbytes(size))
    data = draw.draw(st.one_of(st.binary(min_size=size, max_size=size), random))
    values = np.frombuffer(data, dtype).reshape(shape)
    try:
        packed = demzip.encode(values, block=block)
    except demzip.UnsupportedError:
        if dtype not in ("int64", "uint64"):
            raise
        return
    same(demzip.decode(packed), values)
    assert reference.decode(packed).to_bytes() == data


@given(st.sampled_from(["<", ">"]), st.sampled_from(["i2", "f4", "f8", "u8"]))
def test_a_raster_of_one_band(order: str, kind: str) -> None:
    """An array of one band, of either byte order, comes back with two dimensions."""
    values = terrain.relief(9, 7).astype(f"{order}{kind}")
    same(demzip.decode(demzip.encode(values[None])), values.astype(kind))


@pytest.mark.parametrize("dtype", ["float16", "longdouble", "complex64", "bool", "U1", "M8[s]"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(demzip.UnsupportedError, match="not supported"):
        demzip.encode(np.zeros((3, 4), dtype))


@given(cases(), st.data())
def test_windows_are_slices(case: Case, draw: st.DataObject) -> None:
    decoder = open_bytes(demzip.encode(case.values, **case.options()))
    rows, cols = case.values.shape[-2:]
    bands = case.values.reshape(-1, rows, cols)
    band = draw.draw(st.integers(0, len(bands) - 1))
    top, left = draw.draw(st.integers(0, rows - 1)), draw.draw(st.integers(0, cols - 1))
    window = (
        slice(top, draw.draw(st.integers(top + 1, rows))),
        slice(left, draw.draw(st.integers(left + 1, cols))),
    )
    expected = np.ascontiguousarray(bands[band][window])
    same(decoder.read(*window, plane=band), expected)


@given(cases())
def test_a_decoder_remembers_nothing(case: Case) -> None:
    """Scratch memory is used again from block to block and from raster to raster."""
    data = demzip.encode(case.values, **case.options())
    other = replace(case, values=np.rot90(terrain.relief(37, 53)).astype(np.int16), nodata=None)
    demzip.decode(demzip.encode(other.values, **other.options()))
    same(demzip.decode(data), case.values)
    assert demzip.encode(case.values, **case.options()) == data


@pytest.mark.parametrize("shape", [(130, 127), (33, 267), (112, 150), (4100, 4), (4, 4100)])
@pytest.mark.parametrize("masked", [False, True])
def test_large_blocks(shape: tuple[int, int], masked: bool) -> None:
    values = terrain.relief(*shape, seed=3).astype(np.int16)
    if masked:
        values[terrain.holes(*shape, seed=4) != 0] = -32768
    data = demzip.encode(values, nodata=-32768, block=4096)
    same(demzip.decode(data), values)
    if shape != (4100, 4):
        assert reference.decode(data).to_bytes() == values.tobytes()


@pytest.mark.parametrize("masked", [False, True])
def test_blocks_with_weights_of_their_own(masked: bool) -> None:
    """Blocks of very different ground, some of them with the flag for own weights."""
    values = np.array(waves(64), np.int16)
    if masked:
        values[terrain.holes(64, 128, seed=4) != 0] = -999
    data = demzip.encode(values, block=64, predictor="lagrange8", nodata=-999)
    found = reference.decode(data)
    assert found.to_bytes() == values.tobytes()
    assert any(kind & 8 for kind in found.kinds)
    same(demzip.decode(data), values)


def test_popular_levels() -> None:
    """Contour lines: a few levels hold most samples, so that auto codes by popularity."""
    rng = np.random.default_rng(1)
    ground = terrain.relief(160, 160, noise=3) * 40
    favoured = np.rint(ground / 100).astype(np.int64) * 100
    odd = ground + rng.integers(-50, 50, ground.shape)
    values = np.where(rng.random(ground.shape) < 0.8, favoured, odd).astype(np.int16)
    plain, auto = demzip.encode(values), demzip.encode(values, predictor="auto")
    assert len(auto) < len(plain)
    found = reference.decode(auto)
    model = found.header.planes[0].model
    assert isinstance(model, Model)
    assert model.popularity is not None
    assert found.to_bytes() == values.tobytes()
    same(demzip.decode(auto), values)
