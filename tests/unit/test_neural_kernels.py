"""Kernels of neural coding by themselves, against plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from demzip.constants import LANES
from demzip.scan.neural.features.kernels import REACH, remember
from demzip.scan.neural.layers.kernels import INPUTS, MASSES, OUTPUTS, SCRATCH, evaluate
from demzip.scan.neural.layout import layout_of
from demzip.scan.neural.mixture.kernels import (
    NEAREST,
    lay_masses,
    logarithm,
    logit,
    mass_beyond,
    mixture_of,
    summary_of,
    total_of,
)
from demzip.scan.neural.tables import neural_tables
from demzip.scan.workspace import NO_HOLES
from tests.reference import neural as reference
from tests.unit import make

MOST = 1 << 40  # of activities
SUMS = st.integers(-(1 << 31), (1 << 31) - 1) | st.integers(-(1 << 20), 1 << 20)


@given(st.integers(0, 44), st.integers(0, 1 << 45))
def test_logarithms(length: int, random: int) -> None:
    number = (1 << length) | random & ((1 << length) - 1)
    for near in (number, 1 << length, (2 << length) - 1):
        assert logarithm(np.int64(near), neural_tables()) == reference.lg(near)


@given(st.integers(0, 1 << 31), st.integers(0, 1 << 31), st.integers(0, 31))
def test_logits(one: int, other: int, places: int) -> None:
    for pair in ((one, other >> places), (one >> places, other), (one, 0), (0, one)):
        assert logit(*map(np.int64, pair), neural_tables()) == reference.ratio(*pair)


@pytest.mark.parametrize("widths", [(16, 16), (16, 32), (48, 112), (112, 80), (64, 32)])
@pytest.mark.parametrize("fourier", [False, True])
@pytest.mark.parametrize("spread", [100, 1e6])
def test_layers(widths: tuple[int, int], fourier: bool, spread: float) -> None:
    """Ordinary weights, and all of them at their limits, for inputs of either kind."""
    rng = np.random.default_rng(widths[0])
    network = make.network(rng, widths, fourier=fourier, spread=spread)
    layers = [(weights.tolist(), biases.tolist()) for weights, biases in network.layers]
    layout, slow = layout_of(network), reference.CausalNetwork(fourier, layers)
    signs = np.sign(network.layers[0][0][0])
    for inputs in (
        rng.integers(-300, 300, network.inputs), rng.choice([-1536, 1536], network.inputs),
        1536 * signs, -1536 * signs, 0 * signs,
    ):  # fmt: skip
        scratch = np.full(SCRATCH, -1, np.int32)
        pairs = (inputs[1::2] << 16) | (inputs[::2] & 0xFFFF)
        scratch[INPUTS : INPUTS + pairs.size] = pairs
        evaluate(scratch, layout)
        assert scratch[OUTPUTS : OUTPUTS + 11].tolist() == slow.outputs(inputs.tolist())


@given(
    st.lists(SUMS, min_size=11, max_size=11),
    st.integers(-(1 << 34), 1 << 34) | st.integers(-999, 999),
    st.integers(36, MOST) | st.integers(36, 999),
    st.integers(-(1 << 30), 1 << 30) | st.integers(-99, 99),
    st.sampled_from([-1, 1]),
    st.integers(0, 27),
)
def test_mixtures(
    outputs: list[int], prediction: int, calm: int, near: int, sign: int, shift: int
) -> None:
    """Any outputs: the summary, and masses at all places that are asked for."""
    tables = neural_tables()
    scratch = np.zeros(SCRATCH, np.int32)
    scratch[OUTPUTS : OUTPUTS + 11] = outputs
    scale = reference.lg(calm)
    slow = reference.Mixture(outputs, prediction, calm)
    level, centre = summary_of(scratch, *map(np.int64, (prediction, calm, scale)))
    assert (level, centre) == (slow.level, slow.centre)
    masses = reference.Masses(slow, near, sign, shift)
    edge = 4096 * near + 2048 * sign
    mixture = mixture_of(
        scratch, *map(np.int64, (prediction, calm, scale, edge, sign, shift)), tables
    )
    assert total_of(mixture) == masses.total
    lay_masses(mixture, tables, scratch)
    expected = [masses.beyond(4 * place) for place in range(-NEAREST, NEAREST)]
    assert scratch[MASSES : MASSES + LANES].tolist() == expected
    for q in (-96, -95, -34, -33, -7, -2, 0, 1, 3, 5, 46, 96):
        assert mass_beyond(mixture, np.int64(q), tables) == masses.beyond(q)
    assert expected == sorted(expected, reverse=True)


@pytest.mark.parametrize("cols", [1, 2, 15, 16, 17, 40])
@pytest.mark.parametrize("masked", [False, True])
def test_memory_of_columns(cols: int, masked: bool) -> None:
    """Over rows of errors, small ones and the largest."""
    rng = np.random.default_rng(cols)
    rows = 9
    errors = rng.integers(-500, 500, (rows, cols))
    errors[5] = rng.choice([-(1 << 35), 1 << 35], cols)
    holes = (rng.random((rows, cols)) < 0.3).astype(np.uint8) if masked else NO_HOLES
    columns = tuple(np.zeros((3, cols + 2 * REACH + LANES), np.int64))
    sums = tuple(np.zeros((3, cols + LANES), np.int64))
    slow = reference.Memory(cols)
    for row in range(rows):
        remember(errors.ravel(), np.uint64(row * cols), holes, row, cols, columns, sums)
        for col in range(cols):
            if not masked or not holes[row, col]:
                slow.take(col, int(errors[row, col]))
        expected = [slow.sums(col) for col in range(cols)]
        assert seen(sums, cols) == expected


def seen(sums: tuple[NDArray[np.int64], ...], cols: int) -> list[tuple[int, ...]]:
    return list(zip(*(part[:cols].tolist() for part in sums), strict=True))
