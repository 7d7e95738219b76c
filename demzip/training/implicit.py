"""Fits a coordinate network to heights: Fourier features and a small perceptron, as in NeDEM.

Gaussian frequencies, their sines and cosines, hidden layers of rectified units, one height; Adam on
all cells at once (Daniel J. Hofmann, NeDEM; Tancik et al. 2020). Frequencies are whole eighths of a
cycle from the start, as in a .dz file; weights are rounded when training is over.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from demzip.errors import DemzipError, OptionsError
from demzip.options import FitOptions
from demzip.scan.implicit.surface import (
    CYCLE_BITS,
    HEIGHT_LIMIT,
    MAX_DEPTH,
    MAX_FEATURES,
    MAX_FREQUENCY,
    MAX_GAIN,
    MAX_GAIN_SHIFT,
    MAX_SHIFT,
    MAX_WIDTH,
    ONE_BITS,
    SINE_BITS,
    Layer,
    Surface,
    is_legal,
)
from demzip.training.devices import pick_device

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Int64Array = NDArray[np.int64]

MAX_CELLS = 1 << 16  # that a network is trained on
MAX_SCALE = 1000.0  # cycles; more than a raster can show
REPORT = 50  # steps between two calls of `progress`
ACTIVATION_BITS = 14  # of the largest that occurs, so that another cell's may be twice as large
EIGHTHS = 8

# Called with the steps since the last call, those in all, and the mean absolute error in samples.
Progress = Callable[[int, int, float], object]


@dataclass(frozen=True)
class ImplicitOptions:
    """How a network is made and trained.

    Attributes:
        features: Frequencies, each of which gives a sine and a cosine.
        scale: Standard deviation of the frequencies, in cycles over the raster's longer side.
        width, depth: Of the perceptron: units of a hidden layer, and hidden layers.
        learning_rate: Of Adam.
        steps: Each with all cells.
        seed: Of frequencies and first weights.
        device: A name of options.DEVICES.

    """

    features: int = 128
    scale: float = 10.0
    width: int = 32
    depth: int = 8
    learning_rate: float = 1e-3
    steps: int = 2000
    seed: int = 0
    device: str = "auto"

    @classmethod
    def of(cls, fit: FitOptions) -> "ImplicitOptions":
        """What a caller asked for, defaults for the rest.

        Raises:
            OptionsError: A number is outside its legal range.

        """
        made = cls(**{name: value for name, value in asdict(fit).items() if value is not None})
        limits = (("features", MAX_FEATURES), ("width", MAX_WIDTH), ("depth", MAX_DEPTH))
        for name, most in limits:
            if not 1 <= getattr(made, name) <= most:
                raise OptionsError(f"{name} {getattr(made, name)}: implicit takes 1 to {most}")
        for name, rate in (("scale", MAX_SCALE), ("learning_rate", 1.0)):
            if not 0 < getattr(made, name) <= rate:
                words = "fourier scale" if name == "scale" else "learning rate"
                raise OptionsError(
                    f"{words} {getattr(made, name)}: it must be above 0, up to {rate:g}"
                )
        return made


class Cells(NamedTuple):
    """What a network is trained on.

    Attributes:
        rows, cols: (cells,) places in the raster.
        heights: (cells,) samples.
        side: The raster's longer side.

    """

    rows: Int64Array
    cols: Int64Array
    heights: Int64Array
    side: int


class Dense(NamedTuple):
    """A trained layer: (inputs, units) weights and (units,) biases."""

    weights: Float64Array
    biases: Float64Array


@dataclass(frozen=True)
class Network:
    """A trained network, before it is rounded.

    Attributes:
        frequencies: As in Surface.
        layers: Hidden ones, then the output.
        peaks: Largest number that leaves each hidden layer.
        mean, deviation: Heights are mean + deviation * output.
        lowest, highest: Of the heights it was trained on.
        side: The raster's longer side.

    """

    frequencies: Int64Array
    layers: tuple[Dense, ...]
    peaks: tuple[float, ...]
    mean: float
    deviation: float
    lowest: int
    highest: int
    side: int

    def rounded(self, bits: int) -> Surface:
        """The network in integers, weights being multiples of 2**-bits where they can be."""
        scale = SINE_BITS  # inputs count 2**-scale
        hidden = []
        for layer, peak in zip(self.layers[:-1], self.peaks, strict=True):
            weights, fraction = _rounded(layer, scale, bits)
            target = math.floor(ACTIVATION_BITS - math.log2(max(peak, 2.0**-10)))
            target = min(target, scale + fraction)
            shift = min(scale + fraction - target, MAX_SHIFT)
            hidden.append(Layer(weights, shift))
            scale += fraction - shift
        output, fraction = _rounded(self.layers[-1], scale, bits)
        unit = self.deviation / 2.0 ** (scale + fraction)
        gain_shift = min(max(30 - math.frexp(unit)[1], 1), MAX_GAIN_SHIFT)
        gain = min(round(math.ldexp(unit, gain_shift)), MAX_GAIN)
        limit = HEIGHT_LIMIT - 1
        lowest, highest = (min(max(h, -limit), limit) for h in (self.lowest, self.highest))
        offset = min(max(round(self.mean), lowest), highest)
        return Surface(
            self.frequencies, tuple(hidden), output[0], offset, gain, gain_shift, lowest, highest,
            self.side,
        )  # fmt: skip


def _rounded(layer: Dense, scale: int, bits: int) -> tuple[Int64Array, int]:
    """Integer weights of a layer's units, and the power of two that they count, negated."""
    biases = layer.biases * 2.0 ** (scale - ONE_BITS)  # beside an input of 4096
    weights = np.concatenate([layer.weights.T, biases[:, None]], axis=1)
    while True:
        found = np.rint(weights * 2.0**bits).astype(np.int64)
        if is_legal(found):
            return found, bits
        bits -= 1


def flat_surface(height: int, side: int) -> Surface:
    """The same height everywhere, for rasters that have no other."""
    height = min(max(height, 1 - HEIGHT_LIMIT), HEIGHT_LIMIT - 1)
    layer = Layer(np.zeros((1, 3), np.int64), 0)
    return Surface(
        np.zeros((1, 2), np.int64), (layer,), np.zeros(2, np.int64), height, 0, 1, height, height,
        side,
    )  # fmt: skip


def train(
    cells: Cells, options: ImplicitOptions, progress: Progress | None = None
) -> Network:
    """Fit a network.

    Args:
        cells: At least two different heights.
        options: See there.
        progress: Called every so many steps.

    Raises:
        OptionsError: There is no such device.
        DemzipError: JAX is missing, or the network's outputs left all bounds.

    """
    device = pick_device(options.device)
    import jax  # noqa: PLC0415  only who trains waits for it
    import optax  # noqa: PLC0415  as above
    from jax import numpy as jnp  # noqa: PLC0415  as above

    frequencies = draw_frequencies(options)
    mean, deviation = float(cells.heights.mean()), float(cells.heights.std())
    network = perceptron(options)
    adam = optax.adam(options.learning_rate)

    def loss(params: Any, inputs: Any, goals: Any) -> Any:  # noqa: ANN401  trees of arrays
        return jnp.abs(network.apply(params, inputs)[:, 0] - goals).mean()

    def step(state: Any, inputs: Any, goals: Any) -> Any:  # noqa: ANN401  as above
        params, moments = state
        error, slopes = jax.value_and_grad(loss)(params, inputs, goals)
        changes, moments = adam.update(slopes, moments, params)
        return (optax.apply_updates(params, changes), moments), error

    @partial(jax.jit, static_argnames="count")
    def several(state: Any, inputs: Any, goals: Any, count: int) -> Any:  # noqa: ANN401  as above
        return jax.lax.scan(lambda found, _: step(found, inputs, goals), state, length=count)

    with jax.default_device(device):
        inputs = jnp.asarray(features(frequencies, cells))
        goals = jnp.asarray((cells.heights - mean) / deviation, jnp.float32)
        params = network.init(jax.random.PRNGKey(options.seed), inputs[:1])
        state = params, adam.init(params)
        for done in range(0, options.steps, REPORT):
            count = min(REPORT, options.steps - done)
            state, errors = several(state, inputs, goals, count)
            if progress is not None:
                progress(count, options.steps, float(errors[-1]) * deviation)
    layers = dense_layers(state[0])
    return Network(
        frequencies, layers, peaks_of(layers, np.asarray(inputs)), mean, deviation,
        int(cells.heights.min()), int(cells.heights.max()),
        cells.side,
    )  # fmt: skip


def draw_frequencies(options: ImplicitOptions) -> Int64Array:
    """(features, 2) eighths of a cycle over the longer side, normally distributed."""
    rng = np.random.default_rng(options.seed)
    drawn = rng.normal(0.0, EIGHTHS * options.scale, (options.features, 2))
    return np.clip(np.rint(drawn), -MAX_FREQUENCY, MAX_FREQUENCY).astype(np.int64)


def perceptron(options: ImplicitOptions) -> Any:  # noqa: ANN401  a module of Flax
    """Hidden layers of rectified units, one output."""
    from flax import linen  # noqa: PLC0415  as in train

    hidden: list[Any] = [[linen.Dense(options.width), linen.relu] for _ in range(options.depth)]
    return linen.Sequential([*chain(*hidden), linen.Dense(1)])


def dense_layers(params: Any) -> tuple[Dense, ...]:  # noqa: ANN401  a tree of arrays
    """The layers of a trained perceptron.

    Raises:
        DemzipError: Their numbers left all bounds.

    """
    tree = params["params"]
    layers = tuple(
        Dense(*(np.asarray(tree[name][part], np.float64) for part in ("kernel", "bias")))
        for name in sorted(tree, key=lambda name: int(name.rpartition("_")[2]))
    )
    if not all(np.isfinite(part).all() for layer in layers for part in layer):
        raise DemzipError("training went astray; a lower learning rate may help")
    return layers


def features(frequencies: Int64Array, cells: Cells) -> Float32Array:
    """(cells, 2 * features) sines and cosines in turn."""
    unit = (1 << CYCLE_BITS) // cells.side
    east, south = (frequencies * unit).T
    turns = (cells.cols[:, None] * east + cells.rows[:, None] * south) % (1 << 32)
    angles = turns * (2 * np.pi / (1 << 32))
    both = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    return both.reshape(len(cells.rows), -1).astype(np.float32)


def peaks_of(layers: tuple[Dense, ...], inputs: Float32Array) -> tuple[float, ...]:
    """Largest number that leaves each hidden layer."""
    peaks = []
    level = inputs.astype(np.float64)
    for layer in layers[:-1]:
        level = np.maximum(level @ layer.weights + layer.biases, 0.0)
        peaks.append(float(level.max()))
    return tuple(peaks)
