"""Fits a coordinate network to the heights of a raster by drawing cells, some oftener than others.

The network is that of training/implicit.py, as in NeDEM (Daniel J. Hofmann): Gaussian Fourier
features, rectified units, Adam. Each step sees a batch of cells, drawn in proportion to weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from demzip.errors import DemzipError, OptionsError
from demzip.options import MAX_STEPS, FitOptions
from demzip.scan.implicit.surface import CYCLE_BITS
from demzip.training.devices import pick_device
from demzip.training.implicit import (
    ImplicitOptions,
    Network,
    dense_layers,
    draw_frequencies,
    peaks_of,
    perceptron,
)

Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]

MAX_BATCH = 1 << 20
STATISTICS_CELLS = 1 << 16  # that statistics are made of, at most
PEAK_CELLS = 1 << 14
LOSSES = ("mae", "mse")  # mean absolute, mean squared error


@dataclass(frozen=True)
class ApproximateOptions(ImplicitOptions):
    """How a network is made and trained.

    Attributes:
        batch: Cells that a step sees, 1 .. 2**20.
        loss: A name of LOSSES.
        learning_rate: Of Adam, in the beginning; it falls to 0 along a cosine.
        report: Steps between two reports.
        every: Steps between two snapshots; None for none.

    """

    learning_rate: float = 3e-3
    batch: int = 8192
    loss: str = "mae"
    report: int = 100
    every: int | None = None

    def __post_init__(self) -> None:
        """See that it is legal.

        Raises:
            OptionsError: It is not.

        """
        names = ("features", "scale", "width", "depth", "learning_rate", "steps", "device")
        ImplicitOptions.of(FitOptions(**{name: getattr(self, name) for name in names}))
        if self.seed < 0:
            raise OptionsError(f"seed {self.seed}: it must not be negative")
        if not 1 <= self.batch <= MAX_BATCH:
            raise OptionsError(f"batch {self.batch}: it must be 1 to {MAX_BATCH} cells")
        if self.loss not in LOSSES:
            raise OptionsError(f"unknown loss {self.loss!r}; choose one of {', '.join(LOSSES)}")
        for name in ("report", "every"):
            steps = getattr(self, name)
            if steps is not None and not 1 <= steps <= MAX_STEPS:
                raise OptionsError(f"{name} {steps}: it must be 1 to {MAX_STEPS} steps")


class Statistics(NamedTuple):
    """How far a network is from the heights, while it is trained.

    Attributes:
        step: Steps so far.
        loss: Of the last batch, for heights of deviation 1.
        mean, deviation, least, most: Of the absolute errors, in the heights' units, over up to
            65536 cells, evenly taken from all that have a height.

    """

    step: int
    loss: float
    mean: float
    deviation: float
    least: float
    most: float


OnReport = Callable[[Statistics], object]
OnSnapshot = Callable[[int, Network], object]


def positions(count: int, side: int) -> Int64Array:
    """Cells 0, 1, ... in units of 2**-29 of the side (docs/format.md section 16.2)."""
    return (np.arange(count) << CYCLE_BITS) // side


class Draw:
    """Draws cells in proportion to their weights.

    Attributes:
        cells: Flat indices of those that can be drawn.

    """

    def __init__(self, cells: Int64Array, weights: Float64Array | None, seed: int) -> None:
        self.cells = cells
        self._rng = np.random.default_rng([seed, 1])
        self._sums: Float64Array | None = None
        if weights is not None:
            self._sums = np.cumsum(weights[cells])
            if not self._sums[-1] > 0:
                raise OptionsError("no cell with a height has a weight above 0")

    def batch(self, count: int) -> Int32Array:
        """Flat indices of `count` cells, drawn with replacement."""
        if self._sums is None:
            chosen = self._rng.integers(0, self.cells.size, count)
        else:
            points = self._rng.random(count) * self._sums[-1]
            chosen = np.searchsorted(self._sums, points, side="right")
        found: Int32Array = self.cells[np.minimum(chosen, self.cells.size - 1)].astype(np.int32)
        return found


def fit(
    heights: Float64Array,
    weights: Float64Array | None,
    options: ApproximateOptions,
    on_report: OnReport | None = None,
    on_snapshot: OnSnapshot | None = None,
) -> Network:
    """Fit a network.

    Args:
        heights: (rows, cols), NaN where there is none; at least two different ones; below 2**31
            cells.
        weights: (rows, cols), not negative; None if all cells count alike.
        options: See there.
        on_report: Called every `options.report` steps and after the last.
        on_snapshot: Called with steps and network every `options.every` steps and after the last.

    Returns:
        The network; its heights are those of `heights`, not rounded to integers but at the limits.

    Raises:
        OptionsError: There is no such device, or no cell has a weight.
        DemzipError: JAX is missing, or the network's outputs left all bounds.

    """
    device = pick_device(options.device)
    import jax  # noqa: PLC0415  only who trains waits for it

    cells = np.flatnonzero(~np.isnan(heights))
    valid = heights.ravel()[cells]
    draw = Draw(cells, None if weights is None else weights.ravel(), options.seed)
    with jax.default_device(device):
        trainer = Trainer(heights, float(valid.mean()), float(valid.std()), options)
        probe = cells[_evenly(cells.size, STATISTICS_CELLS)]
        for step in range(1, options.steps + 1):
            loss = trainer.step(draw.batch(options.batch))
            last = step == options.steps
            if on_report is not None and (step % options.report == 0 or last):
                on_report(trainer.statistics(step, float(loss), probe))
            if (
                on_snapshot is not None
                and options.every is not None
                and (step % options.every == 0 or last)
            ):
                on_snapshot(step, trainer.network(valid, probe))
        return trainer.network(valid, probe)


def _evenly(count: int, most: int) -> Int64Array:
    """Up to `most` of the numbers 0 .. count - 1."""
    taken = min(count, most)
    return np.arange(taken) * count // taken


class Trainer:
    """A network in training, with the raster on the device."""

    def __init__(
        self, heights: Float64Array, mean: float, deviation: float, options: ApproximateOptions
    ) -> None:
        import jax  # noqa: PLC0415  as in fit
        import optax  # noqa: PLC0415  as above
        from jax import numpy as jnp  # noqa: PLC0415  as above

        rows, cols = heights.shape
        self._side = max(rows, cols)
        self._mean, self._deviation = mean, deviation
        self._heights = heights.ravel()
        self._frequencies = draw_frequencies(options)
        goals = jnp.asarray((self._heights - mean) / deviation, jnp.float32)
        east, south = jnp.asarray(self._frequencies.T, jnp.int32)
        down = jnp.asarray(positions(rows, self._side), jnp.int32)
        across = jnp.asarray(positions(cols, self._side), jnp.int32)
        network = perceptron(options)
        rates = optax.cosine_decay_schedule(options.learning_rate, options.steps)
        adam = optax.adam(rates)

        def inputs(places: Any) -> Any:  # noqa: ANN401  arrays of JAX
            phases = (
                across[places % cols][:, None] * east + down[places // cols][:, None] * south
            )  # turns of 2**32 wrap
            angles = phases.astype(jnp.float32) * (2 * np.pi / (1 << 32))
            both = jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=-1)
            return both.reshape(places.size, -1)

        def outputs(params: Any, places: Any) -> Any:  # noqa: ANN401  as above
            return network.apply(params, inputs(places))[:, 0]

        def loss(params: Any, places: Any) -> Any:  # noqa: ANN401  as above
            errors = outputs(params, places) - goals[places]
            return jnp.abs(errors).mean() if options.loss == "mae" else (errors**2).mean()

        def step(params: Any, moments: Any, places: Any) -> Any:  # noqa: ANN401  as above
            found, slopes = jax.value_and_grad(loss)(params, places)
            changes, moments = adam.update(slopes, moments, params)
            return optax.apply_updates(params, changes), moments, found

        self._inputs, self._outputs, self._step = jax.jit(inputs), jax.jit(outputs), jax.jit(step)
        key = jax.random.PRNGKey(options.seed)
        self._params = network.init(key, jnp.zeros((1, 2 * options.features)))
        self._moments = adam.init(self._params)

    def step(self, places: Int32Array) -> Any:  # noqa: ANN401  a number on the device
        """Learn from cells; the loss before."""
        self._params, self._moments, loss = self._step(self._params, self._moments, places)
        return loss

    def statistics(self, step: int, loss: float, probe: Int64Array) -> Statistics:
        """Absolute errors in some cells."""
        outputs = np.asarray(self._outputs(self._params, probe.astype(np.int32)), np.float64)
        errors = np.abs(outputs * self._deviation + self._mean - self._heights[probe])
        if not np.isfinite(errors).all():
            raise DemzipError("training went astray; a lower learning rate may help")
        return Statistics(
            step, loss, float(errors.mean()), float(errors.std()), float(errors.min()),
            float(errors.max()),
        )  # fmt: skip

    def network(self, heights: Float64Array, probe: Int64Array) -> Network:
        """As it is now.

        Args:
            heights: All there are.
            probe: Cells in which the largest activations are looked for.

        """
        layers = dense_layers(self._params)
        some = probe[_evenly(probe.size, PEAK_CELLS)].astype(np.int32)
        peaks = peaks_of(layers, np.asarray(self._inputs(some)))
        lowest, highest = int(np.floor(heights.min())), int(np.ceil(heights.max()))
        return Network(
            self._frequencies, layers, peaks, self._mean, self._deviation, lowest, highest,
            self._side,
        )  # fmt: skip
