"""Planes coded by `neural`: which coder is taken, what is refused, that everything comes back."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import demzip
from demzip import FitOptions
from demzip.codec import PlaneSource, RasterEncoder, neural, open_bytes
from demzip.codec.best import AdaptivePlan, BestEncoder
from demzip.codec.decoder import Plane
from demzip.container.layout import FORMAT_VERSION
from demzip.container.plane import PlaneSection
from demzip.errors import CorruptError, DemzipError, UnsupportedError
from demzip.options import EncodeOptions
from demzip.raster.georeference import Band, Georeference
from demzip.scan.neural.model import NeuralModel
from demzip.scan.neural.network import Network
from demzip.scan.neural.shipped import LATEST, shipped
from tests import terrain
from tests.reference import decoder as reference
from tests.reference.fields import RefuseError, RejectError
from tests.unit import make
from tests.unit.test_networks import moved, network

Plan = Any
RELIEF = terrain.relief(60, 50, seed=3).astype(np.int16)


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is smaller, a network codes the blocks if one may."""

    monkeypatch.setattr(BestEncoder, "smallest", make.with_network)


def first_plane(data: bytes) -> Plane:
    return open_bytes(data).planes[0]


def comes_back(values: NDArray[Any], **options: Any) -> Plane:
    """By both decoders; gives the first plane."""
    data = demzip.encode(values, predictor="neural", **options)
    found = demzip.decode(data, jobs=2)
    assert found.dtype == values.dtype
    assert found.tobytes() == values.tobytes()
    assert reference.decode(data).to_bytes() == values.tobytes()
    return first_plane(data)


def with_section(data: bytes, section: bytes) -> bytes:
    """A file of one block with another section of its plane."""
    header = replace(open_bytes(data).header, planes=(section,))
    return make.file(header.to_bytes(), [b"\0"], [0])


# ---- what comes back


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize("shape", [(1, 1), (1, 70), (70, 1), (2, 2), (3, 33), (40, 17)])
@pytest.mark.parametrize("block", [16, 32, 512])
def test_shapes(shape: tuple[int, int], block: int) -> None:
    comes_back(terrain.relief(*shape, seed=1).astype(np.int16), block=block)


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint64"])
def test_integers(dtype: str) -> None:
    values = (terrain.relief(30, 40, seed=2) % 100).astype(dtype)
    assert comes_back(values, block=32).coder == "neural"


@pytest.mark.usefixtures("networks")
def test_holes_and_floats_on_a_grid() -> None:
    values = (terrain.relief(40, 45, seed=2) / 100).astype(np.float32)
    values[terrain.holes(40, 45, seed=1, patches=3) != 0] = np.nan
    values[16:32, 16:32] = np.nan
    assert comes_back(values, block=16, nodata=np.nan).coder == "neural"


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize("fill", [7, -9999])
def test_nothing_but(fill: int) -> None:
    comes_back(np.full((33, 40), fill, np.int16), nodata=-9999, block=16)


@pytest.mark.usefixtures("networks")
def test_bands_have_their_own() -> None:
    bands = np.stack([RELIEF, RELIEF[::-1] // 7 * 7])
    data = demzip.encode(bands, predictor="neural", block=32)
    assert [plane.coder for plane in open_bytes(data).planes] == ["neural"] * 2
    assert demzip.decode(data).tobytes() == bands.tobytes()


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize("fourier", [False, True])
def test_networks_of_their_own(monkeypatch: pytest.MonkeyPatch, fourier: bool) -> None:
    """Whatever training finds is coded with; the place of a block counts if there are waves."""
    calls: list[tuple[int, int]] = []

    def found(known: Any, base: Network | None, *_: Any) -> Network:
        calls.append(known.features.shape)
        return network(4, (32, 16), fourier=fourier, most=200) if base is None else base

    monkeypatch.setattr(neural, "fit_network", found)
    plane = comes_back(RELIEF, block=32, fit=FitOptions())
    assert plane.network == "none that is shipped, fitted"
    assert isinstance(plane.model, NeuralModel)
    assert plane.model.network.fourier is fourier
    inputs, samples = [width for _, width in calls], {count for count, _ in calls}
    assert inputs == [32, 64]
    assert samples == {(60 - 2) * 50}


# ---- the choice


@pytest.mark.parametrize("best", [False, True])
def test_never_larger_than_the_other_coders(monkeypatch: pytest.MonkeyPatch, best: bool) -> None:
    """A network that knows nothing is left out."""
    options: dict[str, Any] = {"block": 64, "best": best}
    expected = demzip.encode(RELIEF, **options)
    ignorant = network(1)
    monkeypatch.setattr(neural, "LATEST", 0)
    monkeypatch.setattr(neural, "shipped", lambda _: ignorant)
    assert demzip.encode(RELIEF, predictor="neural", **options) == expected


@pytest.mark.parametrize("best", [False, True])
def test_the_smallest_is_taken(monkeypatch: pytest.MonkeyPatch, best: bool) -> None:
    """By the bytes of surveyed blocks, or of rows in their middle, and of the model."""
    sizes: list[int] = []
    whole = BestEncoder._survey_size

    def measured(self: BestEncoder, patches: Any, plan: Plan) -> int:
        sizes.append(whole(self, patches, plan))
        return sizes[-1]

    monkeypatch.setattr(BestEncoder, "_survey_size", measured)
    data = demzip.encode(RELIEF, predictor="neural", best=best)
    kinds = ["adaptive", "tables", "neural"] if best else ["neural", "tables"]
    assert len(sizes) == len(kinds)
    assert first_plane(data).coder == kinds[sizes.index(min(sizes))]
    decoder = open_bytes(data)
    (entry,) = (decoder.entry(0, box) for box in decoder.grid)
    model = PlaneSection.from_bytes(decoder.header.planes[0]).model
    assert abs(min(sizes) - entry.size - len(model)) < 4


@pytest.mark.parametrize("best", [False, True])
def test_a_few_rows_tell(monkeypatch: pytest.MonkeyPatch, best: bool) -> None:
    """Without `best` only some rows of each block, holes and all, are coded on trial."""
    monkeypatch.setattr(neural, "STRIP_ROWS", 20)
    shapes: list[set[tuple[int, int]]] = []

    def judged(_best: object, patches: dict[int, Any], plans: Any) -> Plan:
        shapes.append({patch.samples.shape for patch in patches.values()})
        shapes.append({patch.holes.shape for patch in patches.values()})
        return make.with_network(_best, patches, plans)

    monkeypatch.setattr(BestEncoder, "smallest", judged)
    values = RELIEF.copy()
    values[::3, ::5] = -9999
    assert comes_back(values, nodata=-9999, block=32, best=best).coder == "neural"
    rows = {32, 28} if best else {20}
    assert shapes == [{(r, c) for r in rows for c in (32, 18)}] * 2


@pytest.mark.parametrize("best", [False, True])
def test_blocks_are_as_large_as_with_best(best: bool) -> None:
    options: dict[str, Any] = {"predictor": "neural", "best": best}
    assert open_bytes(demzip.encode(RELIEF, **options)).grid.size == 1216
    assert open_bytes(demzip.encode(RELIEF, block=48, **options)).grid.size == 48


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize(("reach", "coder"), [(1 << 31, "neural"), ((1 << 31) + 1, "tables")])
def test_only_samples_within_reach(reach: int, coder: str) -> None:
    """One block with a wider range, and no block has a network."""
    values = np.zeros((40, 33), np.int64)
    values[:16] = terrain.relief(16, 33)
    values[16:32, 16:32] = np.linspace(0, reach, 256).astype(np.int64).reshape(16, 16)
    assert comes_back(values, block=16).coder == coder


def test_fitting_needs_relief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained on level ground, or on blocks of one row."""
    monkeypatch.setattr(neural, "fit_network", None)
    for values in (np.full((30, 30), 5, np.int16), RELIEF[:1]):
        comes_back(values, fit=FitOptions())


def test_what_is_learnt_from_does_not_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless all blocks are surveyed, half of those tell what a network is worth elsewhere."""
    parts: list[tuple[int, tuple[int, ...]]] = []

    def found(known: Any, base: Network | None, *_: Any) -> Network:
        parts.append((len(known.activity), ()))
        return base or network(2)

    def judged(_best: object, patches: dict[int, Any], plans: Any) -> Plan:
        plan = next(iter(list(plans)))
        parts.append((sum(p.samples.size for p in patches.values()), tuple(patches)))
        return plan

    monkeypatch.setattr(neural, "fit_network", found)
    monkeypatch.setattr(BestEncoder, "smallest", judged)
    values = terrain.relief(80, 80, seed=6).astype(np.int16)
    demzip.encode(values, predictor="neural", block=16, fit=FitOptions())
    learnt, _, (judges, numbers) = parts
    assert learnt == (8 * 15 * 16, ())
    assert (judges, len(numbers)) == (8 * 256, 8)
    parts.clear()
    demzip.encode(values[:64, :64], predictor="neural", block=16, fit=FitOptions())
    learnt, _, (judges, numbers) = parts
    assert learnt == (16 * 15 * 16, ())
    assert (judges, len(numbers)) == (16 * 256, 16)


def test_training_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of both networks, of all there are, and what they reach."""
    told: list[tuple[int, int, float]] = []

    def trained(_known: Any, base: Network | None, chosen: Any, progress: Any) -> Network:
        progress(100, 4.5)
        progress(chosen.steps, 3.25)
        return base or network(2)

    monkeypatch.setattr(neural, "fit_network", trained)
    source = PlaneSource(lambda *window: RELIEF[window], "int16")
    options = EncodeOptions("neural", fit=FitOptions(steps=130))
    about = Georeference(bands=(Band(),))
    encoder = RasterEncoder(
        [source], RELIEF.shape, about, options, training=lambda *seen: told.append(seen)
    )
    encoder.plan("neural")
    assert told == [(100, 260, 4.5), (30, 260, 3.25)] * 2


def test_true_floats_are_as_with_the_default() -> None:
    values = terrain.relief(30, 30) + np.random.default_rng(1).random((30, 30))
    data = demzip.encode(values, predictor="neural", block=512)
    assert data == demzip.encode(values, block=512)
    assert first_plane(data).predictor == "lagrange24"


def test_auto_has_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neural, "NeuralEncoder", None)
    assert first_plane(demzip.encode(RELIEF, predictor="auto", best=True)).coder != "neural"


# ---- the header


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize(
    ("predictor", "coder", "error"),
    [(13, 0, CorruptError), (13, 1, CorruptError), (11, 2, CorruptError), (12, 2, CorruptError),
     (14, 2, UnsupportedError), (13, 3, UnsupportedError)],
)  # fmt: skip
def test_sections_of_planes(predictor: int, coder: int, error: type[DemzipError]) -> None:
    data = demzip.encode(RELIEF, predictor="neural", block=64)
    section = bytearray(open_bytes(data).header.planes[0])
    assert tuple(section[1:3]) == (13, 2)
    section[1:3] = predictor, coder
    forged = with_section(data, bytes(section))
    with pytest.raises(error):
        demzip.decode(forged)
    with pytest.raises(RefuseError if error is UnsupportedError else RejectError):
        reference.decode(forged)


@pytest.mark.usefixtures("networks")
def test_version_3_has_no_networks() -> None:
    data = demzip.encode(RELIEF, predictor="neural", block=64)
    section = open_bytes(data).header.planes[0]
    assert PlaneSection.from_bytes(section, FORMAT_VERSION).coder == 2
    with pytest.raises(UnsupportedError, match="predictor 13"):
        PlaneSection.from_bytes(section, 3)
    with pytest.raises(UnsupportedError, match="coder 2"):
        PlaneSection.from_bytes(section[:1] + bytes([11]) + section[2:], 3)


@pytest.mark.usefixtures("networks")
def test_true_floats_have_no_network() -> None:
    floats = demzip.encode(terrain.relief(20, 20) + np.random.default_rng(1).random((20, 20)))
    section = bytearray(open_bytes(floats).header.planes[0])
    section[1:3] = 13, 2
    with pytest.raises(CorruptError, match="true floats"):
        demzip.decode(with_section(floats, bytes(section)))


@pytest.mark.usefixtures("networks")
def test_own_networks_count_in_memory() -> None:
    """A header of a few kilobytes must not ask for gigabytes of weights."""
    plane = first_plane(demzip.encode(RELIEF, predictor="neural", block=64))
    assert isinstance(plane.model, NeuralModel)
    assert plane.numbers == 0
    own = replace(plane.model, network=moved(shipped(LATEST), 1, 0, fourier=False))
    assert replace(plane, model=own).numbers == shipped(LATEST).numbers > 1000


def test_a_plan_is_told_by_its_model() -> None:
    model = NeuralModel(make.weights(np.random.default_rng(0)), np.zeros(0, np.int64), 0, network())
    plan = AdaptivePlan("neural", model)
    assert plan.model_bytes == model.to_bytes()
    assert plan.surface is None
