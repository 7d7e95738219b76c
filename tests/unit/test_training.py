"""Networks of section 11: their mirror in floats against plain integers, and their training."""

import math
import sys
from itertools import pairwise

import numpy as np
import pytest

from demzip.entropy.integers import ByteReader
from demzip.errors import DemzipError, OptionsError
from demzip.options import FitOptions
from demzip.scan.block import make_patch
from demzip.scan.neural.network import OUTPUTS, WEIGHT_LIMIT, Network
from demzip.scan.neural.observing import examples
from demzip.scan.survey import fit_raster
from demzip.training import causal
from demzip.training.fitting import FittingOptions, fit
from demzip.training.ground import PLAIN, Ground, parts_of
from demzip.training.prior import PriorOptions, mean_bits, train_prior
from tests import terrain

QUANTUM = 2.0**-10
SMALL = FittingOptions(steps=120, batch=512, rate=1e-2, widths=(16, 16), shift=0, price=0.0)


def random_network(rng, inputs=32, widths=(32, 16), most=600):
    sizes = inputs, *widths, OUTPUTS
    layers = tuple(
        (rng.integers(-most, most + 1, (after, before)), rng.integers(-most, most + 1, after))
        for before, after in pairwise(sizes)
    )
    return Network(inputs > 32, layers)


def same(one, other):
    return one.to_bytes() == other.to_bytes()


def plain_outputs(network, features):
    """Section 11.3, integer by integer."""
    level = [int(value) for value in features]
    for number, (weights, biases) in enumerate(network.layers):
        sums = [
            (int(bias) << 8) + sum(int(w) * v for w, v in zip(row, level, strict=True))
            for row, bias in zip(weights, biases, strict=True)
        ]
        if number == 2:
            return sums
        tens = [total >> 10 for total in sums]
        level = [min(max(v, v >> 3, -2047), 2047) for v in tens]
    return None


def plain_bits(out, activity, goal):
    """Bits of a sample under three logistics, and under the fourth, from outputs in units of 1."""

    def mass(centre, scale):
        middle = centre * activity
        size = max(2.0**scale * activity, 2.0**-6)
        above, below = (0.5 * math.tanh((goal + d - middle) / size / 2) for d in (0.5, -0.5))
        return above - below

    shares = [2.0**w for w in out[:3]]
    mixed = sum(s * mass(c, z) for s, c, z in zip(shares, out[3:6], out[6:9], strict=True))
    return -math.log2(mixed / sum(shares) + 1e-6), -math.log2(mass(out[9], out[10]) + 1e-6)


def seen(samples, holes=None):
    """Examples of a block."""
    patch = make_patch(samples, holes, (int(samples.min()), int(samples.max())))
    found = fit_raster([patch], "lagrange24")
    return examples(patch, found.weights, found.thresholds)


@pytest.fixture(scope="module")
def ground():
    return terrain.relief(90, 110, 3)


@pytest.fixture(scope="module")
def known(ground):
    return seen(ground)


@pytest.fixture(scope="module")
def base(known):
    return fit(known, None, SMALL)


@pytest.mark.parametrize(("inputs", "most"), [(32, 600), (64, 200), (32, WEIGHT_LIMIT)])
def test_floats_follow_the_integers(inputs, most):
    rng = np.random.default_rng(inputs + most)
    network = random_network(rng, inputs, most=most)
    features = rng.integers(-1536, 1537, (50, inputs)).astype(np.int16)
    expected = np.array([plain_outputs(network, row) for row in features]) / 2**18
    found = np.asarray(causal.outputs(causal.params_of(network), features))
    # A sum near a step may fall to its other side: one 256th, times a weight.
    step = 3 * most / 1024 / 256
    assert np.median(np.abs(found - expected)) < 1e-3 * most / 600
    assert np.abs(found - expected).max() < max(step, 1e-3)


def test_parameters_come_back():
    network = random_network(np.random.default_rng(1), 64)
    assert same(causal.network_of(causal.params_of(network)), network)
    narrow = random_network(np.random.default_rng(1))
    wider = causal.network_of(causal.params_of(narrow, fourier=True))
    assert wider.fourier
    assert not wider.layers[0][0][:, 32:].any()


def test_bits_of_a_mixture(known):
    network = random_network(np.random.default_rng(2), widths=(16, 16), most=150)
    some = type(known)(*(part[::997] for part in known))
    params = causal.params_of(network)
    found = np.array(causal.code_lengths(params, causal.batch_of(some)))
    outputs = np.asarray(causal.outputs(params, some.features), np.float64)
    goals = some.sample - some.prediction / 16
    expected = [
        plain_bits(*args) for args in zip(outputs, some.activity / 256, goals, strict=True)
    ]
    np.testing.assert_allclose(found.T, expected, atol=2e-3)


def test_departures_are_whole_quanta_within_the_range():
    start = causal.params_of(random_network(np.random.default_rng(4), most=WEIGHT_LIMIT))
    rng = np.random.default_rng(5)
    moved = [tuple(part + rng.normal(0, 2, part.shape) for part in layer) for layer in start]
    for shift in (0, 5, 8):
        network = causal.network_of(causal.rounded(moved, start, QUANTUM * 2**shift))
        before = causal.network_of(start)
        for layer, old in zip(network.layers, before.layers, strict=True):
            for values, others in zip(layer, old, strict=True):
                assert not ((values - others) % 2**shift).any()
                assert np.abs(values).max() <= WEIGHT_LIMIT
        assert not same(network, before)


def test_training_lowers_the_bits(known, base):
    short = fit(known, None, FittingOptions(steps=1, batch=64, widths=(16, 16), shift=0))
    assert mean_bits(base, known) < mean_bits(short, known) - 0.2


def test_fits_to_another_raster(base):
    steps = np.random.default_rng(6).integers(0, 40, (80, 120)).cumsum(axis=1) // 16 * 4
    known = seen(steps)
    options = FittingOptions(steps=200, batch=1024, rate=5e-3, shift=4, price=2.0)
    told = []
    fitted = fit(known, base, options, lambda *args: told.append(args))
    assert [step for step, _ in told] == [100, 200]
    assert mean_bits(fitted, known) < mean_bits(base, known) - 0.1
    written = fitted.to_bytes(base, 4)  # all departures are multiples of 16
    again, shift = Network.from_bytes(ByteReader(written, "network"), base)
    assert shift == 4
    assert same(again, fitted)
    assert same(fit(known, base, options), fitted)


def test_departures_that_cost_too_much_are_left(known, base):
    options = FittingOptions(steps=100, batch=256, price=1e9)
    assert same(fit(known, base, options), base)


def test_options_of_a_caller():
    assert FittingOptions.of(FitOptions()) == FittingOptions()
    found = FittingOptions.of(FitOptions(steps=7, device="cpu"))
    assert (found.steps, found.device) == (7, "cpu")


def test_pieces_of_ground(ground):
    holes = np.zeros(ground.shape, np.bool_)
    holes[:, :5] = True
    whole = Ground("one", ground, holes)
    parts = list(parts_of(whole, 0))
    assert [part.variant.split()[0] for part in parts] == [
        PLAIN, "turned", "turned", "divided", "divided", "each",
    ]  # fmt: skip
    assert len(parts[0].examples.sample) == (ground.shape[0] - 1) * (ground.shape[1] - 5)
    assert [part.variant for part in parts_of(whole, 0, changed=False)] == [PLAIN]
    again = list(parts_of(whole, 0))
    for part, other in zip(parts, again, strict=True):
        np.testing.assert_array_equal(part.examples.features, other.examples.features)
    others = list(parts_of(whole, 1))
    assert any(
        not np.array_equal(a.examples.sample, b.examples.sample)
        for a, b in zip(parts, others, strict=True)
    )


def test_floats_are_rounded_to_grids(ground):
    rough = ground + np.random.default_rng(7).normal(0, 0.3, ground.shape)
    none = np.zeros(ground.shape, np.bool_)
    parts = list(parts_of(Ground("floats", rough, none), 0))
    moves = [np.abs(part.examples.sample - part.examples.prediction / 16).mean() for part in parts]
    assert len(parts) == 3
    assert moves[0] < moves[1] < moves[2]


@pytest.mark.parametrize(
    "heights",
    [np.zeros((60, 60), np.int64), np.arange(3600).reshape(60, 60) << 22, np.zeros((60, 60))],
)
def test_no_ground(heights):
    assert not list(parts_of(Ground("none", heights, np.zeros((60, 60), np.bool_)), 0))


def test_prior_of_some_parts(ground):
    parts = list(parts_of(Ground("one", ground, np.zeros(ground.shape, np.bool_)), 0))
    options = PriorOptions(steps=120, widths=(16, 16), rate=1e-2, batch=512)
    short = train_prior(parts, PriorOptions(steps=1, widths=(16, 16), batch=64))
    network = train_prior(parts, options)
    assert mean_bits(network, parts[0].examples) < mean_bits(short, parts[0].examples) - 0.2
    assert same(train_prior(parts, options), network)


@pytest.mark.parametrize(
    "wrong", [{"widths": (24, 16)}, {"widths": (16, 128)}, {"steps": 0}, {"seed": -1}]
)
def test_illegal_options(wrong):
    with pytest.raises(OptionsError):
        PriorOptions(**wrong)


def test_without_jax(known, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(DemzipError, match=r"pip install demzip\[neural\]"):
        fit(known, None, SMALL)
