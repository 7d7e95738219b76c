"""Where corrections of `neural` are counted from: as the reference decoder has it."""

import numpy as np
import pytest

from demzip.scan.neural.centres import PART, centres
from demzip.scan.neural.observing import Examples
from tests.reference.neural import CausalNetwork, Mixture
from tests.unit.test_networks import network, numbers


@pytest.mark.parametrize("fourier", [False, True])
@pytest.mark.parametrize("most", [300, 8191])
def test_centres(fourier: bool, most: int) -> None:
    rng = np.random.default_rng(most)
    made = network(1, (32, 48), fourier=fourier, most=most)
    slow = CausalNetwork(fourier, numbers(made))
    count = 40
    known = Examples(
        rng.integers(-1536, 1536, (count, 64), np.int16, endpoint=True),
        36 + (rng.integers(0, 1 << 30, count) >> rng.integers(0, 30, count)),
        rng.integers(-(1 << 34), 1 << 34, count, endpoint=True),
        np.zeros(count, np.int64),
    )
    expected = []
    for features, activity, prediction in zip(*map(np.ndarray.tolist, known[:3]), strict=True):
        outputs = slow.outputs(features[: made.inputs])
        expected.append(Mixture(outputs, prediction, activity).centre)
    assert centres(known, made).tolist() == expected


def test_many_and_none() -> None:
    """They are computed in parts."""
    made = network(2, most=100)
    rng = np.random.default_rng(3)
    count = PART + 5
    known = Examples(
        rng.integers(-1536, 1536, (count, 32), np.int16, endpoint=True),
        *rng.integers(40, 1000, (2, count)), np.zeros(count, np.int64),
    )  # fmt: skip
    last = Examples._make(part[-9:] for part in known)
    assert centres(known, made)[-9:].tolist() == centres(last, made).tolist()
    assert centres(Examples._make(part[:0] for part in known), made).size == 0
