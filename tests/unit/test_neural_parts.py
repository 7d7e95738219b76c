"""What neural coding is made of, against plain Python: tables, features."""

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from demzip.scan.block import make_patch
from demzip.scan.neural import shipped, tables
from demzip.scan.neural.model import NeuralModel
from demzip.scan.neural.network import Network, Place
from demzip.scan.neural.observing import examples
from tests import terrain
from tests.property.strategies import CONTENTS, numbers
from tests.reference import neural as reference
from tests.reference import neural_block as slow
from tests.unit import make

LIMIT = 1 << 30
TEXT = Path(__file__).resolve().parents[2].joinpath("docs", "format.md").read_text(encoding="utf-8")
SECTION = TEXT.split("## 11. ")[1].split("## 12. ")[0]


def crc(values: list[int]) -> str:
    return f"0x{zlib.crc32(struct.pack(f'<{len(values)}i', *values)):08X}"


# ---- the document


def test_tables() -> None:
    assert tables.logarithms().tolist() == reference.logs()
    assert tables.exponentials().tolist() == reference.exps()
    sines = tables.sines()
    assert sines.astype(np.int16).tolist() == reference.sines()
    assert (sines >> 16).tolist() == [reference.sines()[(k + 256) % 1024] for k in range(1024)]


def test_tables_of_the_document() -> None:
    named = dict(re.findall(r"\b(LOG|EXP|SIN) (0x[0-9A-F]{8})", SECTION))
    assert named == {
        "LOG": crc(reference.logs()), "EXP": crc(reference.exps()), "SIN": crc(reference.sines())
    }  # fmt: skip


def test_waves_of_the_document() -> None:
    for name, values in (("FX", reference.FX), ("FY", reference.FY)):
        found = re.search(rf"{name}\[j\] +=((?: +-?\d+){{16}})", SECTION)
        assert found is not None
        assert tuple(map(int, found[1].split())) == values


def test_shipped_networks_of_the_document() -> None:
    rows = re.findall(r"^\| (\d+) \| `\S+/(\d+)\.bin` \| `(\w{64})` \|$", SECTION, re.MULTILINE)
    assert {int(number): digest for number, _, digest in rows} == shipped.SHA256
    assert all(number == name for number, name, _ in rows)
    for number in shipped.SHA256:
        assert lists_of(shipped.shipped(number)) == slow.shipped(number)


def lists_of(network: Network) -> slow.CausalNetwork:
    return slow.CausalNetwork(
        network.fourier, [(weights.tolist(), biases.tolist()) for weights, biases in network.layers]
    )


# ---- features


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("masked", [False, True])
def test_features(content: str, masked: bool) -> None:
    check_features(numbers(content, (18, 37), -LIMIT, LIMIT, 5), masked, Place(48, 16, 300, 77))


@pytest.mark.parametrize("shape", [(1, 9), (2, 1), (5, 3), (7, 16), (4, 33)])
def test_features_of_narrow_blocks(shape: tuple[int, int]) -> None:
    rows, cols = shape
    place = Place(0, 0, rows, cols)
    check_features(terrain.relief(9, 40)[:rows, :cols].astype(np.int64), masked=False, place=place)


def test_features_of_wild_weights() -> None:
    """Predictions leave the range of samples, and are clipped to it."""
    rng = np.random.default_rng(1)
    weights = rng.choice([-1 << 20, 1 << 20], (1, 24))
    weights[0, 21] += 4096 - weights.sum()
    samples = rng.choice([-LIMIT, LIMIT, 0], (12, 30))
    seen = check_features(samples, masked=False, place=Place(0, 0, 12, 30), weights=weights)
    assert (np.abs(seen) == 1 << 34).any()


def check_features(
    samples: NDArray[np.int64],
    masked: bool,
    place: Place,
    weights: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Examples of a block are what the reference sees of it; its predictions."""
    shape = samples.shape
    codes = terrain.holes(*shape, seed=1).astype(np.uint8) if masked else None
    valid = samples if codes is None else samples[codes == 0]
    patch = make_patch(samples, codes, (int(valid.min()), int(valid.max())))
    rng = np.random.default_rng(0)
    weights = make.weights(rng, 2) if weights is None else weights
    thresholds = np.array([4000] * (len(weights) - 1), np.int64)
    model = NeuralModel(weights, thresholds, 0, make.network(rng, (16, 16), fourier=True))
    assert patch is not None
    centred = (samples - patch.centre).tolist()
    mask = np.zeros(shape, np.uint8) if codes is None else codes
    there = [[b"" if code else None for code in row] for row in mask.tolist()]
    *_, looks = slow.write_neural(
        centred, there, slow.read_neural_model(model.to_bytes()), reference.Place(*place)
    )
    found = examples(patch, weights, thresholds, place)
    assert found.features.tolist() == [look.inputs for look in looks]
    assert found.activity.tolist() == [look.calm for look in looks]
    assert found.prediction.tolist() == [look.prediction for look in looks]
    assert found.sample.tolist() == [centred[look.row][look.col] for look in looks]
    plain = examples(patch, weights, thresholds)
    assert (plain.features == found.features[:, :32]).all()
    return found.prediction


@given(st.integers(-(1 << 40), 1 << 40), st.integers(36, 1 << 40), st.sampled_from([16, 18]))
def test_features_stay_within_their_limits(value: int, divisor: int, factor: int) -> None:
    """What is scaled is the quotient, with 8 fractional bits, to within two parts in a thousand."""
    found = reference.scaled(value, divisor, factor)
    exact = min(max(256 * factor * value / divisor, -1536), 1536)
    assert abs(found - exact) <= 4 + 0.002 * abs(exact)
