"""A network as its kernels want it: weights and inputs two and two (layers/kernels.py)."""

import numpy as np
from numpy.typing import NDArray

from demzip.constants import LANES
from demzip.scan.neural.network import Layer, Network
from demzip.scan.workspace import aligned

Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]

BIAS_BITS = 8  # from the fractional bits of a weight to those of a sum
TWO = 2 * LANES

# Pairs of inputs, groups of either hidden layer, parameters of the three layers.
NetworkLayout = tuple[int, int, int, Int32Array]


def _paired(low: Int64Array, high: Int64Array) -> Int32Array:
    """Numbers of 16 bits, two in each of 32."""
    return ((high << 16) | (low & 0xFFFF)).astype(np.int32)


def _padded(values: Int64Array, rows: int, cols: int) -> Int64Array:
    out = np.zeros((rows, cols), np.int64)
    out[: values.shape[0], : values.shape[1]] = values
    return out


def _layer(layer: Layer, order: Int64Array, outputs: int, together: int) -> Int32Array:
    """Biases and weights of groups, so many at a time.

    Args:
        layer: Weights and biases.
        order: (2, pairs) inputs that a pair is of.
        outputs: To be padded to.
        together: Groups whose weights take turns.

    """
    weights, biases = layer
    wide = _padded(weights, outputs, int(order.max()) + 1)
    pairs = _paired(wide[:, order[0]], wide[:, order[1]])
    turns = pairs.reshape(-1, together * LANES, order.shape[1]).transpose(0, 2, 1)
    sums = _padded(biases[None] << BIAS_BITS, 1, outputs).reshape(-1, 1, together * LANES)
    return np.concatenate([sums.astype(np.int32), turns], axis=1).ravel()


def _order_of(neurons: int) -> Int64Array:
    """Which neurons a pair of a hidden layer's values is of."""
    low = np.arange(neurons).reshape(-1, 2, LANES)
    return low.transpose(1, 0, 2).reshape(2, -1)


def layout_of(network: Network) -> NetworkLayout:
    """A network laid out for layers/kernels.py."""
    inputs = np.arange(network.inputs).reshape(-1, 2).T
    first, second = (-(-width // TWO) * TWO for width in network.widths)
    one, two, three = network.layers
    parameters = (
        _layer(one, inputs, first, 2),
        _layer(two, _order_of(first), second, 2),
        _layer(three, _order_of(second), LANES, 1),
    )
    laid = aligned(sum(part.size for part in parameters), np.int32)
    np.concatenate(parameters, out=laid)
    return inputs.shape[1], first // LANES, second // LANES, laid
