"""Coordinate networks: the kernel against plain integers, sections, blocks, training."""

import io
import math
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import demzip
from demzip.blocks.grid import BlockBox
from demzip.codec import PlaneSource, RasterEncoder, open_bytes
from demzip.codec.grid import GridEncoder
from demzip.container.plane import ADAPTIVE
from demzip.entropy.integers import write_integers
from demzip.errors import CorruptError, DemzipError, UnsupportedError
from demzip.options import EncodeOptions
from demzip.raster.georeference import Band, Georeference
from demzip.scan.implicit.surface import Layer, Surface, sine_table
from demzip.training.implicit import flat_surface
from tests import terrain
from tests.reference import decoder as reference
from tests.reference.fields import RejectError
from tests.reference.network import read_network, sines
from tests.unit import make
from tests.unit.test_container import parts, refused, with_section

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
FORMAT = Path(__file__).resolve().parents[2].joinpath("docs", "format.md")


def network(
    seed: int, features: int = 5, width: int = 6, depth: int = 2, side: int = 100, **fields: int
) -> Surface:
    """Weights that fit nothing; heights of some hundreds."""
    rng = np.random.default_rng(seed)
    hidden, inputs = [], 2 * features
    for k in range(depth):
        spread = 512 * math.sqrt(2 / inputs)
        weights = np.rint(rng.normal(0, spread, (width, inputs + 1))).astype(np.int64)
        hidden.append(Layer(weights, 11 if k == 0 else 9))
        inputs = width
    output = np.rint(rng.normal(0, 200, width + 1)).astype(np.int64)
    frequencies = np.rint(rng.normal(0, 30, (features, 2))).astype(np.int64)
    made = Surface(frequencies, tuple(hidden), output, 7, 3001, 22, -900, 900, side)
    return replace(made, **fields)


def slowly(surface: Surface, box: BlockBox) -> list[list[int]]:
    """Heights by docs/format.md."""
    found = read_network(surface.to_bytes())
    return [
        [found.height(row, col, surface.side) for col in range(box.col, box.col + box.cols)]
        for row in range(box.row, box.row + box.rows)
    ]


# ---- the kernel


def test_sine_table() -> None:
    table = [(((pair & 0xFFFF) ^ 0x8000) - 0x8000, pair >> 16) for pair in sine_table().tolist()]
    turns = [2 * math.pi * k / 1024 for k in range(1024)]
    assert table == [(round(16384 * math.sin(t)), round(16384 * math.cos(t))) for t in turns]
    assert table == sines()
    crc = zlib.crc32(sine_table().astype("<i4").tobytes())
    assert f"0x{crc:08X}" in FORMAT.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("shape", "place"),
    [
        ((1, 1, 1), (0, 0, 1, 1)), ((3, 5, 2), (7, 90, 2, 33)), ((2, 4, 3), (99, 0, 1, 16)),
        ((1, 7, 1), (0, 3, 3, 5)), ((64, 32, 8), (50, 50, 1, 17)), ((5, 128, 1), (0, 0, 1, 3)),
    ],
)  # fmt: skip
def test_kernel(shape: tuple[int, int, int], place: tuple[int, int, int, int]) -> None:
    surface, box = network(sum(shape), *shape), BlockBox(0, *place)
    assert surface.draw(box).tolist() == slowly(surface, box)


@pytest.mark.parametrize("seed", range(6))
def test_kernel_at_the_ends_of_legal_ranges(seed: int) -> None:
    """The largest sums, gains and frequencies, the last cells of the largest raster."""
    rng = np.random.default_rng(seed)
    made = network(seed, 4, 5, 2)
    hidden = []
    for layer in made.hidden:
        sign = np.where(rng.random(layer.weights.shape) < (0.5 if seed % 2 else 1.1), 1, -1)
        weights = np.full_like(layer.weights, 65024 // layer.weights.shape[1]) * sign
        weights[0] = 0
        weights[0, :2] = 32767, -32257
        hidden.append(Layer(weights, (0, 1, 16, 17, 24, 15)[seed]))
    output = np.array([32767, 32257, 0, 0, 0, 0] if seed < 3 else [0, 0, 0, 0, -32767, -32257])
    most = (1 << 46) - 1
    surface = replace(
        made, hidden=tuple(hidden), output=output.astype(np.int64), side=1 << 24,
        frequencies=rng.choice([-(1 << 16), 1 << 16, 0, 12345], (4, 2)), gain=(1 << 31) - 1,
        gain_shift=(1, 16, 62, 20, 40, 1)[seed], offset=(-most, most, 0)[seed % 3],
        lowest=-most, highest=most,
    )  # fmt: skip
    box = BlockBox(0, (1 << 24) - 3, (1 << 24) - 18, 3, 18)
    assert surface.draw(box).tolist() == slowly(surface, box)


def test_blocks_are_parts_of_one_surface() -> None:
    surface = network(3)
    whole = surface.draw(BlockBox(0, 0, 0, 40, 50))
    part = surface.draw(BlockBox(0, 17, 21, 20, 19))
    assert np.array_equal(part, whole[17:37, 21:40])
    assert np.ptp(whole) > 50


# ---- the section


def test_section_is_read_as_it_was_written() -> None:
    for surface in (network(1), network(2, 1, 1, 1), network(3, 512, 3, 16), flat_surface(-5, 9)):
        data = surface.to_bytes()
        found = Surface.from_bytes(data, surface.side)
        assert found.to_bytes() == data
        assert found.side == surface.side
    assert network(4, 7, 3, 2).numbers == 14 + 3 * 15 + 3 * 4 + 4
    assert network(4, 7, 3, 2).describe() == "7 features, 2 layers of 3"


def with_weights(change: Callable[[NDArray[np.int64]], None]) -> Surface:
    made = network(5)
    weights = made.hidden[1].weights.copy()
    change(weights)
    return replace(made, hidden=(made.hidden[0], Layer(weights, 9)))


def put(cell: tuple[int, int], value: int, weights: NDArray[np.int64]) -> None:
    weights[cell] = value


def fill(values: list[int], weights: NDArray[np.int64]) -> None:
    weights[2] = values


ILLEGAL = {
    "features": b"\0" + network(5).to_bytes()[1:],
    "many features": make.varint(513) + network(5).to_bytes()[1:],
    "width": b"\5\0" + network(5).to_bytes()[2:],
    "large width": b"\5" + make.varint(129) + network(5).to_bytes()[2:],
    "depth": b"\5\6\0" + network(5).to_bytes()[3:],
    "large depth": b"\5\6" + make.varint(17) + network(5).to_bytes()[3:],
    "frequency": replace(network(5), frequencies=np.full((5, 2), 65537)).to_bytes(),
    "shift": replace(network(5), hidden=(Layer(network(5).hidden[0].weights, 25),) * 2).to_bytes(),
    "weight": with_weights(partial(put, (0, 0), -32768)).to_bytes(),
    "huge weight": with_weights(partial(put, (5, 6), 1 << 61)).to_bytes(),
    "sum": with_weights(partial(fill, [32767, 32257, 1, 0, 0, 0, 0])).to_bytes(),
    "sum with the constant": with_weights(partial(fill, [32767, 0, 0, 0, 0, 0, 32258])).to_bytes(),
    "output": replace(network(5), output=np.full(7, 32767)).to_bytes(),
    "gain": replace(network(5), gain=1 << 31).to_bytes(),
    "gain shift": replace(network(5), gain_shift=0).to_bytes(),
    "large gain shift": replace(network(5), gain_shift=63).to_bytes(),
    "offset": replace(network(5), offset=1 << 46).to_bytes(),
    "lowest": replace(network(5), lowest=-(1 << 46)).to_bytes(),
    "order": replace(network(5), lowest=901).to_bytes(),
    "rest": network(5).to_bytes() + b"\0",
    "end": network(5).to_bytes()[:-1],
    "nothing": b"",
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_sections(name: str) -> None:
    with pytest.raises(CorruptError):
        Surface.from_bytes(ILLEGAL[name], 100)
    with pytest.raises(RejectError):
        read_network(ILLEGAL[name])


def test_legal_ends() -> None:
    made = with_weights(partial(fill, [32767, 32257, 0, 0, 0, 0, 0])).to_bytes()
    assert Surface.from_bytes(made, 100).to_bytes() == made
    read_network(made)


def test_a_large_network_is_refused_before_its_lists_are_made() -> None:
    """One token for half a million weights takes two bytes; that is legal, more is not."""
    front = make.varint(512) + make.varint(128) + b"\1" + write_integers(np.zeros(1024, np.int64))
    most = front + b"\0" + write_integers(np.zeros(1025 * 128, np.int64))
    assert len(most) < 50
    with pytest.raises(CorruptError, match="ends early"):
        Surface.from_bytes(most, 100)


# ---- files


def encoded(values: NDArray[Any], surface: Surface, jobs: int = 1, **options: Any) -> bytes:
    """A file of departures from a surface that nobody fitted."""
    nodata = options.pop("nodata", None)
    source = PlaneSource(lambda r, c: values[r, c], values.dtype.name, nodata)
    encoder = RasterEncoder(
        [source], (values.shape[0], values.shape[1]), Georeference(bands=(Band(nodata),)),
        EncodeOptions(jobs=jobs, **options),
    )  # fmt: skip
    plane = encoder.planes[0]
    assert isinstance(plane, GridEncoder)
    out = io.BytesIO()
    encoder.write(out, encoder.put_together([plane.plan_on(surface)]))
    return out.getvalue()


def relief(dtype: str, rows: int = 40, cols: int = 50) -> NDArray[Any]:
    ground = terrain.relief(rows, cols)
    return (ground % 200 if dtype.endswith("8") else ground).astype(dtype)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32"]
)
def test_files_come_back(dtype: str) -> None:
    values = abs(relief(dtype)) // (1 if dtype != "int8" else 2)
    values[5:30, 8:33] = 3
    surface = network(8, side=50)
    for nodata in (None, 3):
        data = encoded(values, surface, block=16, nodata=nodata)
        assert demzip.decode(data).tobytes() == values.tobytes()
        assert reference.decode(data).to_bytes() == values.tobytes()
        assert encoded(values, surface, jobs=3, block=16, nodata=nodata) == data
        assert demzip.decode(data, jobs=3).tobytes() == values.tobytes()


def test_ranks_and_exceptions() -> None:
    steps = (relief("int32") // 9 * 640).astype(np.int32)
    floats = (relief("float64") / 100).astype(np.float64)
    floats[3, 3], floats[9, 9], floats[9, 10] = math.pi, math.nan, -0.0
    for values in (steps, floats):
        data = encoded(values, network(9, side=50))
        assert demzip.decode(data).tobytes() == values.tobytes()
        assert reference.decode(data).to_bytes() == values.tobytes()
    assert open_bytes(encoded(steps, network(9, side=50))).planes[0].value_map.levels is not None


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_departures(sign: int) -> None:
    """Samples at one end and heights at the other, in some cells or in all."""
    most = 1 << 46
    surface = replace(flat_surface(0, 20), lowest=-sign * (most - 1), highest=-sign * (most - 1))
    values = np.full((20, 20), sign * most)
    for holes in (0, 7):
        values[:holes, 3:holes] = -sign * most
        data = encoded(values, surface)
        assert np.array_equal(demzip.decode(data), values)
        assert reference.decode(data).to_bytes() == values.tobytes()


def test_windows() -> None:
    values = relief("int16", 60, 70)
    decoder = open_bytes(encoded(values, network(10, side=70), block=16))
    part = decoder.read(slice(13, 41), slice(30, 66))
    assert np.array_equal(part, values[13:41, 30:66])


def test_samples_beyond_the_values_are_rejected_but_not_in_holes() -> None:
    """Heights that a uint8 has no room for: fillings lie there, and then samples do."""
    values = relief("uint8")
    values[10:30, 10:30] = 0
    data = encoded(values, network(11, side=50, offset=-20000, lowest=-20500), nodata=0)
    assert demzip.decode(data).tobytes() == reference.decode(data).to_bytes() == values.tobytes()
    section = open_bytes(data).planes[0]
    assert section.surface is not None
    moved = replace(section.surface, offset=-19000, lowest=-20500, highest=-18000)
    refused(with_section(data, network=moved.to_bytes()), CorruptError)


def test_where_networks_may_stand() -> None:
    data = (GOLDEN / "implicit.dz").read_bytes()
    adaptive = demzip.encode(relief("int16"), best=True)
    floats = demzip.encode(np.sqrt(np.arange(600.0)).reshape(20, 30))
    some = network(1).to_bytes()
    refused(with_section(data, coder=ADAPTIVE), CorruptError)
    refused(with_section(data, network=b""), CorruptError)
    refused(with_section(adaptive, predictor="implicit", network=some), CorruptError)
    refused(with_section(floats, predictor="implicit", network=some), CorruptError)
    refused(with_section(data, predictor="neural"), CorruptError)


def of_version(data: bytes, version: int) -> bytes:
    header, payloads, crcs = parts(data)
    made = bytearray(make.file(header.to_bytes(), payloads, crcs))
    made[8] = version
    front = demzip.codec.decoder.read_prefix(bytes(made))
    made[20:24] = zlib.crc32(made[24:front], zlib.crc32(made[:20])).to_bytes(4, "little")
    return bytes(made)


def test_versions() -> None:
    """A file of version 3 differs in its version alone, and has no networks."""
    data = demzip.encode(relief("int16"), best=True)
    old = of_version(data, 3)
    assert old != data
    assert open_bytes(old).header.version == 3
    assert demzip.decode(old).tobytes() == reference.decode(old).to_bytes()
    assert of_version(data, 4) == data
    refused(of_version((GOLDEN / "implicit.dz").read_bytes(), 3), UnsupportedError)


def test_a_wrong_byte_is_noticed() -> None:
    data = (GOLDEN / "implicit.dz").read_bytes()
    for place in range(8, len(data), 7):
        wrong = bytearray(data)
        wrong[place] ^= 1 << place % 8
        with pytest.raises(DemzipError):
            demzip.decode(bytes(wrong))
