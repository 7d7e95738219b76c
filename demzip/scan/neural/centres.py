"""Where a network expects samples, for whoever counts corrections (docs/format.md section 11.4)."""

import numpy as np
from numpy.typing import NDArray

from demzip.scan.neural.layout import BIAS_BITS
from demzip.scan.neural.mixture.kernels import PREDICTION_REACH
from demzip.scan.neural.network import Network
from demzip.scan.neural.observing import Examples

Int64Array = NDArray[np.int64]

PART = 1 << 16  # examples at a time
SUMMARY = 9  # output that moves the centre
ACTIVATION_BITS, REACH = 10, 2047
MOST = 4095  # of the centre's distance, in 2**-12 activities


def centres(known: Examples, network: Network) -> Int64Array:
    """(n,) centre of the summary of each example, in sixteenths."""
    parts = range(0, known.activity.size, PART)
    found = [_moves(network, known.features[start : start + PART]) for start in parts]
    moves = np.concatenate([np.zeros(0, np.int64), *found])
    there = known.prediction + ((moves * known.activity) >> 12)
    return np.clip(there, -PREDICTION_REACH, PREDICTION_REACH)


def _moves(network: Network, features: NDArray[np.int16]) -> Int64Array:
    values = features[:, : network.inputs].astype(np.int64)
    for weights, biases in network.layers[:2]:
        values = _sums(values, weights, biases) >> ACTIVATION_BITS
        values = np.clip(np.maximum(values, values >> 3), -REACH, REACH)
    weights, biases = (part[SUMMARY : SUMMARY + 1] for part in network.layers[2])
    found = _sums(values, weights, biases)[:, 0]
    moved: Int64Array = np.clip(found >> 10, -MOST, MOST)
    return moved


def _sums(values: Int64Array, weights: Int64Array, biases: Int64Array) -> Int64Array:
    """Sums of a layer: exact, as they stay below 2**31, and floats are faster."""
    products = values.astype(np.float64) @ weights.T.astype(np.float64)
    sums: Int64Array = products.astype(np.int64) + (biases << BIAS_BITS)
    return sums
