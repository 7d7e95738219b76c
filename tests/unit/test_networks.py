"""Networks of neural coding: their bytes, what is legal, the shipped ones, the model section."""

import hashlib
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import demzip
from demzip.entropy.integers import ByteReader, write_integers
from demzip.errors import CorruptError, DemzipError, UnsupportedError
from demzip.scan.neural import shipped as shipping
from demzip.scan.neural.model import NeuralModel
from demzip.scan.neural.network import Network, shift_of
from demzip.scan.neural.shipped import LATEST, SHA256, shipped
from tests.reference import neural_block as reference
from tests.reference.fields import Fields, RefuseError, RejectError
from tests.unit import make

WIDTHS = st.tuples(st.sampled_from(range(16, 113, 16)), st.sampled_from(range(16, 113, 16)))
NO_THRESHOLDS = np.zeros(0, np.int64)
SETS = make.weights(np.random.default_rng(0))


def network(
    seed: int = 0, widths: tuple[int, int] = (16, 32), *, fourier: bool = False, most: int = 8191
) -> Network:
    """One of random numbers."""
    rng = np.random.default_rng(seed)
    sizes = 64 if fourier else 32, *widths, 11
    layers = [
        (
            rng.integers(-most, most, (n, m), endpoint=True),
            rng.integers(-most, most, n, endpoint=True),
        )
        for m, n in pairwise(sizes)
    ]
    one, two, three = layers
    return Network(fourier, (one, two, three))


def moved(base: Network, seed: int, shift: int, *, fourier: bool) -> Network:
    """A base with some numbers changed by multiples of 2**shift."""
    rng = np.random.default_rng(seed)
    layers = [[weights.copy(), biases.copy()] for weights, biases in base.layers]
    if fourier:
        layers[0][0] = np.pad(layers[0][0], ((0, 0), (0, 64 - base.inputs)))
    for layer in layers:
        for values in layer:
            steps = rng.integers(-3, 3, values.shape, endpoint=True) << shift
            changed = values + steps * (rng.random(values.shape) < 0.2)
            values[:] = np.where(np.abs(changed) > 8191, values, changed)
    (a, b), (c, d), (e, f) = layers
    return Network(fourier, ((a, b), (c, d), (e, f)))


def numbers(found: Any) -> Any:
    """All weights and biases of a network, or of the reference's, as lists."""
    return [
        [part if isinstance(part, list) else part.tolist() for part in layer]
        for layer in found.layers
    ]


def section(found: Network, number: int = 0, shift: int = 0) -> bytes:
    return NeuralModel(SETS, NO_THRESHOLDS, number, found, shift).to_bytes()


def read(data: bytes) -> NeuralModel:
    reader = ByteReader(data, "model")
    model = NeuralModel.from_bytes(reader)
    reader.done()
    return model


def refused(data: bytes, error: type[DemzipError] = CorruptError) -> None:
    """Both readers give the section back."""
    with pytest.raises(error):
        read(data)
    with pytest.raises(RefuseError if error is UnsupportedError else RejectError):
        reference.read_neural_model(data)


def start_of(number: int = 0, form: int = 1) -> bytes:
    """A section up to the network."""
    plain = section(network())
    return plain[: plain.index(b"\x00\x01\x00\x01\x02")] + bytes([number, form])


# ---- bytes


@given(st.integers(0, 1 << 16), WIDTHS, st.booleans(), st.sampled_from([0, 1, 40, 8191]))
def test_networks_come_back(seed: int, widths: tuple[int, int], fourier: bool, most: int) -> None:
    made = network(seed, widths, fourier=fourier, most=most)
    data = made.to_bytes()
    found, shift = Network.from_bytes(ByteReader(data, "network"))
    assert (found.fourier, found.widths, shift) == (fourier, widths, 0)
    assert numbers(found) == numbers(made)
    assert numbers(reference.read_causal(Fields(data), None)) == numbers(made)


@given(st.integers(0, 1 << 16), st.integers(0, 8), st.booleans())
def test_departures_come_back(seed: int, shift: int, fourier: bool) -> None:
    """Of a plane's network from the shipped one, in a model section, by both readers."""
    made = moved(shipped(LATEST), seed, shift, fourier=fourier)
    assert shift_of(made, shipped(LATEST)) >= shift
    data = section(made, LATEST, shift)
    found = read(data)
    assert (found.number, found.shift, found.is_fitted) == (LATEST, shift, True)
    assert numbers(found.network) == numbers(made)
    assert numbers(reference.read_neural_model(data).network) == numbers(made)
    assert found.to_bytes() == data


def test_departures_of_a_base_with_waves() -> None:
    """The plane's network may leave out what only its base has."""
    base = network(1, fourier=True, most=50)
    made = moved(network(1, most=50), 2, 0, fourier=False)
    data = made.to_bytes(base)
    found, _ = Network.from_bytes(ByteReader(data, "network"), base)
    assert numbers(found) == numbers(made)


def test_the_shipped_network_costs_two_bytes() -> None:
    data = section(shipped(LATEST), LATEST)
    assert data.endswith(bytes([LATEST, 0]))
    found = read(data)
    assert found.network is shipped(LATEST)
    assert not found.is_fitted
    assert numbers(reference.read_neural_model(data).network) == numbers(found.network)


@pytest.mark.parametrize(
    ("number", "base", "words"),
    [
        (LATEST, shipped(LATEST), f"number {LATEST}"),
        (LATEST, moved(shipped(LATEST), 1, 5, fourier=False), f"number {LATEST}, fitted"),
        (0, network(), "none that is shipped, fitted"),
    ],
)
def test_in_words(number: int, base: Network, words: str) -> None:
    assert NeuralModel(SETS, NO_THRESHOLDS, number, base).describe() == words


@pytest.mark.parametrize("shift", [0, 3, 8])
def test_shift(shift: int) -> None:
    base = network(3, most=4000)
    assert shift_of(base, base) == 8
    changed = [[part.copy() for part in layer] for layer in base.layers]
    changed[1][1][7] += 3 << shift
    (a, b), (c, d), (e, f) = changed
    assert shift_of(Network(False, ((a, b), (c, d), (e, f))), base) == shift


# ---- what is legal


@pytest.mark.parametrize(
    "shape",
    [(2, 1, 1, 0), (0, 0, 1, 0), (0, 1, 0, 0), (0, 8, 1, 0), (0, 1, 8, 0), (0, 255, 255, 0),
     (0, 1, 1, 9), (255, 1, 1, 0)],
)  # fmt: skip
def test_shapes_that_are_not_legal(shape: tuple[int, ...]) -> None:
    refused(start_of() + bytes(shape) + bytes(4000))


@pytest.mark.parametrize("widths", [(16, 16), (112, 16), (16, 112)])
def test_other_widths_than_the_shipped_ones(widths: tuple[int, int]) -> None:
    assert widths != shipped(LATEST).widths
    refused(start_of(LATEST) + network(0, widths, most=0).to_bytes())


@pytest.mark.parametrize("form", [2, 255])
def test_forms_that_are_not_legal(form: int) -> None:
    refused(start_of(LATEST, form) + network().to_bytes())


def test_no_network_has_values() -> None:
    refused(start_of(0, 0))


@pytest.mark.parametrize("number", [max(SHA256) + 1, 127])
@pytest.mark.parametrize("form", [0, 1])
def test_networks_of_later_versions(number: int, form: int) -> None:
    refused(start_of(number, form) + network().to_bytes() * form, UnsupportedError)


@pytest.mark.parametrize(("step", "shift"), [(8192, 0), (-8192, 0), (32, 8), (1 << 61, 8),
                                             (-(1 << 62), 0), ((1 << 56) + 1, 8)])  # fmt: skip
def test_weights_out_of_range(step: int, shift: int) -> None:
    """Those among them that leave 64 bits when they are shifted, or come back by wrapping."""
    values = np.zeros(16 * 32, np.int64)
    values[77] = step
    rest = [np.zeros(n, np.int64) for n in (16, 256, 16, 176, 11)]
    lists = b"".join(write_integers(part) for part in (values, *rest))
    refused(start_of() + bytes([0, 1, 1, shift]) + lists)


def test_the_largest_weights_are_legal() -> None:
    ends = np.where(np.arange(512) % 2, 8191, -8191)
    rest = [np.zeros(n, np.int64) for n in (16, 256, 16, 176, 11)]
    data = start_of() + bytes([0, 1, 1, 0]) + b"".join(map(write_integers, (ends, *rest)))
    assert read(data).network.layers[0][0].ravel().tolist() == ends.tolist()
    reference.read_neural_model(data)


def test_sections_that_end_early_or_late() -> None:
    data = section(network(most=30))
    read(data)
    rng = np.random.default_rng(1)
    for end in (*range(len(data) - 60, len(data)), *rng.integers(1, len(data), 60)):
        refused(data[: int(end)])
    refused(data + b"\0")


def test_any_wrong_byte_is_read_alike() -> None:
    """Either both readers give a section back or they find the same numbers."""
    data = section(moved(shipped(LATEST), 3, 4, fourier=False), LATEST, 4)
    rng = np.random.default_rng(2)
    refusals = 0
    for _ in range(150):
        forged = bytearray(data)
        forged[int(rng.integers(len(data)))] = int(rng.integers(256))
        try:
            found = read(bytes(forged))
        except DemzipError as error:
            refusals += 1
            with pytest.raises(RefuseError if isinstance(error, UnsupportedError) else RejectError):
                reference.read_neural_model(bytes(forged))
            continue
        assert numbers(reference.read_neural_model(bytes(forged)).network) == numbers(found.network)
    assert 0 < refusals < 150


@pytest.mark.parametrize(
    "layers",
    [
        (*network().layers[:2], (np.zeros((11, 16), np.int64), np.zeros(11, np.int64))),
        (*network().layers[:2], (np.zeros((12, 32), np.int64), np.zeros(12, np.int64))),
        ((np.zeros((16, 64), np.int64), np.zeros(16, np.int64)), *network().layers[1:]),
        ((np.zeros((8, 32), np.int64), np.zeros(8, np.int64)), *network().layers[1:]),
        ((np.full((16, 32), 8192), np.zeros(16, np.int64)), *network().layers[1:]),
    ],
)
def test_networks_that_cannot_be(layers: Any) -> None:
    with pytest.raises(CorruptError, match="network"):
        Network(False, layers)


# ---- shipped


def test_shipped_networks_are_read_once() -> None:
    for number in SHA256:
        assert shipped(number) is shipped(number)
        assert numbers(reference.shipped(number)) == numbers(shipped(number))


def test_a_damaged_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not the one that was published codes nothing."""
    monkeypatch.setitem(shipping.SHA256, LATEST, hashlib.sha256(b"").hexdigest())
    shipped.cache_clear()
    try:
        with pytest.raises(DemzipError, match=rf"{LATEST}\.bin is damaged.*install demzip again"):
            demzip.encode(np.arange(900, dtype=np.int16).reshape(30, 30), predictor="neural")
    finally:
        shipped.cache_clear()
