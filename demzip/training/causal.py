"""The network of docs/format.md section 11 in floats, and the steps that train it.

Only who trains imports this module: it needs JAX. Parameters are a list of (weights (inputs,
outputs), biases (outputs,)), in units of 1 where the integers count 2**-10.
"""

from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax import Array
from jax import numpy as jnp
from numpy.typing import NDArray

from demzip.scan.neural.network import FEATURES, FOURIER, OUTPUTS, WEIGHT_LIMIT, Network
from demzip.scan.neural.observing import Examples

Params = list[tuple[Array, Array]]

WEIGHT_ONE = 1024  # Format: weights and biases count its parts
LEVEL_ONE = 256  # Format: features and activations count its parts
MOST_LEVEL = 2047 / LEVEL_ONE  # Format: of an activation
SAMPLE_ONE = 16  # Format: predictions count sixteenths, activities sixteenths of those
MIXTURE = 3  # logistics
SUMMARY = 3 * MIXTURE  # output where the fourth begins
SUMMARY_SHARE = 0.1  # of its bits in what is minimised
LEAST_SCALE = 2.0**-6  # Format: of a logistic, in samples
FARTHEST = 16.0  # Format: centre of a logistic, in scales
LEAST_MASS = 1e-6  # what an outlier is taken to have; more than 20 bits help nobody
FIRST_SCALES = (-2.0, -1.0, 0.3, -0.6)  # octaves: of the three, and of the summary


class Batch(NamedTuple):
    """Examples, or some of them.

    Attributes:
        features: (n, inputs) int16.
        scales: (n,) float32, activities in samples: E / 256.
        goals: (n,) float32, samples less their predictions.
        says: (n,) float32, weight of each in the mean.

    """

    features: Any
    scales: Any
    goals: Any
    says: Any


class State(NamedTuple):
    """Parameters, and what Adam knows."""

    params: Params
    moments: Any


def batch_of(examples: Examples, *, padded: bool = False) -> Batch:
    """Examples of equal say; padded, behind their end, to a power of two."""
    count = len(examples.sample)
    goals = examples.sample - examples.prediction / SAMPLE_ONE
    parts = examples.features, examples.activity / (SAMPLE_ONE * SAMPLE_ONE), goals, np.ones(count)
    more = (1 << (count - 1).bit_length()) - count if padded else 0
    features, *others = (np.pad(part, ((0, more), (0, 0))[: part.ndim]) for part in parts)
    return Batch(jnp.asarray(features), *(jnp.asarray(part, jnp.float32) for part in others))


def joined(batches: list[Batch]) -> Batch:
    """One after the other."""
    return Batch(*(jnp.concatenate(parts) for parts in zip(*batches, strict=True)))


def first_state(params: Params) -> State:
    """A state to begin with; `params` stay as they are."""
    return State(jax.tree.map(jnp.copy, params), _adam(0.0, 1).init(params))


def first_params(rng: np.random.Generator, inputs: int, widths: tuple[int, int]) -> Params:
    """Parameters to begin with: they say little."""
    sizes = inputs, *widths, OUTPUTS
    made = []
    for count, outputs in pairwise(sizes):
        spread = np.sqrt(2 / count) * (0.05 if outputs == OUTPUTS else 1.0)
        made.append([rng.normal(0.0, spread, (count, outputs)), np.zeros(outputs)])
    made[-1][1][2 * MIXTURE : SUMMARY] = FIRST_SCALES[:MIXTURE]
    made[-1][1][SUMMARY + 1] = FIRST_SCALES[MIXTURE]
    return [(jnp.asarray(w, jnp.float32), jnp.asarray(b, jnp.float32)) for w, b in made]


def params_of(network: Network, *, fourier: bool = False) -> Params:
    """Parameters of a network; with `fourier`, with inputs for the place whose weights are 0."""
    made = [(w.T / WEIGHT_ONE, b / WEIGHT_ONE) for w, b in network.layers]
    if fourier and not network.fourier:
        made[0] = np.pad(made[0][0], ((0, FOURIER), (0, 0))), made[0][1]
    return [(jnp.asarray(w, jnp.float32), jnp.asarray(b, jnp.float32)) for w, b in made]


def network_of(params: Params) -> Network:
    """The network in integers that rounded parameters stand for."""

    def integers(values: Array) -> NDArray[np.int64]:
        return np.rint(np.asarray(values, np.float64) * WEIGHT_ONE).astype(np.int64)

    one, two, three = ((integers(weights.T), integers(biases)) for weights, biases in params)
    return Network(params[0][0].shape[0] > FEATURES, (one, two, three))


def _down(values: Array, one: int) -> Array:
    """Multiples of 1 / one below, with the slope of what they were."""
    return values + jax.lax.stop_gradient(jnp.floor(values * one) / one - values)


def rounded(params: Params, start: Params, quantum: Array | float) -> Params:
    """Parameters whose departures from `start` are whole quanta, with the slopes of what they were.

    Both are multiples of 2**-10. No departure leads beyond the range of a weight.
    """

    def nearest(value: Array, base: Array) -> Array:
        most = WEIGHT_LIMIT / WEIGHT_ONE
        low, high = jnp.ceil((-most - base) / quantum), jnp.floor((most - base) / quantum)
        steps = jnp.clip(jnp.rint((value - base) / quantum), low, high)
        return value + jax.lax.stop_gradient(base + steps * quantum - value)

    made: Params = jax.tree.map(nearest, params, start)
    return made


def outputs(params: Params, features: Array) -> Array:
    """(n, 11) outputs of rounded parameters, rounded on the way as in integers."""
    level = features.astype(jnp.float32) / LEVEL_ONE
    for weights, biases in params[:-1]:
        level = _down(level @ weights + biases, LEVEL_ONE)
        level = jnp.maximum(level, _down(level / 8, LEVEL_ONE))
        level = jnp.clip(level, -MOST_LEVEL, MOST_LEVEL)
    return level @ params[-1][0] + params[-1][1]


def _mass(goals: Array, centres: Array, scales: Array) -> Array:
    """What logistics have within half a sample of a goal."""
    beyond, before = (goals + 0.5 - centres) / scales, (goals - 0.5 - centres) / scales
    flip = jnp.where(beyond + before > 0, -1.0, 1.0)  # differences of small numbers are exact
    return flip * (jax.nn.sigmoid(flip * beyond) - jax.nn.sigmoid(flip * before))


def code_lengths(params: Params, batch: Batch) -> tuple[Array, Array]:
    """(n,) bits of each example under the three logistics, and under the fourth alone."""
    out = outputs(params, batch.features)
    activity, goal = batch.scales[:, None], batch.goals[:, None]
    shares = jax.nn.softmax(out[:, :MIXTURE] * jnp.log(2.0))
    places = [slice(MIXTURE, 2 * MIXTURE), slice(SUMMARY, SUMMARY + 1)]
    sizes = [slice(2 * MIXTURE, SUMMARY), slice(SUMMARY + 1, SUMMARY + 2)]
    masses = [
        _mass(
            goal,
            jnp.clip(out[:, place], -FARTHEST, FARTHEST) * activity,
            jnp.maximum(jnp.exp2(out[:, size]) * activity, LEAST_SCALE),
        )
        for place, size in zip(places, sizes, strict=True)
    ]
    mixed = (shares * masses[0]).sum(axis=1)
    return -jnp.log2(mixed + LEAST_MASS), -jnp.log2(masses[1][:, 0] + LEAST_MASS)


@jax.jit
def bits(params: Params, batch: Batch) -> Array:
    """(n,) bits of each example."""
    return code_lengths(params, batch)[0]


def _adam(rate: Array | float, steps: Array | float) -> Any:  # noqa: ANN401  Optax has no types
    """Adam, whose rate falls to a hundredth along a cosine."""
    return optax.adam(
        lambda done: rate * (0.505 + 0.495 * jnp.cos(jnp.pi * jnp.minimum(done / steps, 1.0)))
    )


@partial(jax.jit, donate_argnames="state")
def several(
    state: State, start: Params, quantum: float, price: float, data: Batch, chosen: Array,
    *, rate: float, steps: float,
) -> tuple[State, Array]:  # fmt: skip
    """Train for some steps.

    Args:
        state: Parameters and moments; used up.
        start: Parameters that departures are counted from; see rounded.
        quantum: Of departures; see rounded.
        price: What log2(1 + quanta of departure) costs, in bits an example.
        data: Examples, all of them.
        chosen: (count, batch) examples of each step.
        rate: Of learning, at first.
        steps: Of the whole training, at the end of which it is a hundredth.

    Returns:
        The new state, and the mean bits of an example.

    """
    tool = _adam(rate, steps)

    def loss(params: Params, batch: Batch) -> tuple[Array, Array]:
        mixed, summary = code_lengths(rounded(params, start, quantum), batch)
        quanta = jax.tree.map(lambda a, b: jnp.abs(a - b) / quantum, params, start)
        cost = sum(jnp.log2(1 + part).sum() for part in jax.tree.leaves(quanta))
        mean = ((mixed + SUMMARY_SHARE * summary) * batch.says).mean()
        return mean + price * cost, mixed.mean()

    def step(state: State, some: Array) -> tuple[State, Array]:
        batch = Batch(*(part[some] for part in data))
        slopes, found = jax.grad(loss, has_aux=True)(state.params, batch)
        changes, moments = tool.update(slopes, state.moments, state.params)
        return State(optax.apply_updates(state.params, changes), moments), found

    state, found = jax.lax.scan(step, state, chosen)
    return state, found.mean()
