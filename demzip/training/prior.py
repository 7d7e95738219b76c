"""Trains a network for all rasters, as those that come with demzip (docs/format.md section 11)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from demzip.errors import OptionsError
from demzip.options import MAX_STEPS
from demzip.scan.neural.network import FEATURES, LANES, MAX_LANES, Network
from demzip.scan.neural.observing import Examples
from demzip.training.devices import pick_device
from demzip.training.fitting import CHUNK
from demzip.training.ground import Part, some_of

LEAST_BITS = 0.05  # of a part's mean: calmer ones say no more
PROBE = 2000  # examples that a part's mean is taken from
LOOKS = (0.1, 0.35)  # shares of the steps after which the means are taken anew
STRETCH = 1 << 16  # examples that are measured together

Progress = Callable[[int, float], object]  # steps done, mean bits of a sample


@dataclass(frozen=True)
class PriorOptions:
    """How a network is trained.

    Attributes:
        steps: Each with `batch` examples.
        widths: Of the hidden layers, multiples of 16 from 16 to 112.
        rate: Of learning, at first.
        batch: Examples.
        seed: Of everything that is drawn.
        device: A name of options.DEVICES.

    """

    steps: int = 60_000
    widths: tuple[int, int] = (64, 32)
    rate: float = 3e-3
    batch: int = 8192
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        """See that it is legal.

        Raises:
            OptionsError: It is not.

        """
        if not 1 <= self.steps <= MAX_STEPS:
            raise OptionsError(f"steps {self.steps}: it must be 1 to {MAX_STEPS}")
        if self.seed < 0:
            raise OptionsError(f"seed {self.seed}: it must be 0 or more")
        for width in self.widths:
            if width not in range(LANES, LANES * MAX_LANES + 1, LANES):
                raise OptionsError(f"width {width}: it must be a multiple of 16 from 16 to 112")


def train_prior(
    parts: Sequence[Part], options: PriorOptions, progress: Progress | None = None
) -> Network:
    """Train a network that keeps the geometric mean of the parts' sizes small.

    A part is drawn from as often as the root of its examples goes; each example says the more the
    fewer bits its part takes, so that one per cent is the same anywhere. Equal calls on one machine
    give equal networks.

    Args:
        parts: At least one.
        options: See there.
        progress: Called every CHUNK steps.

    Raises:
        OptionsError: There is no such device.
        DemzipError: JAX is missing.

    """
    device = pick_device(options.device)
    import jax  # noqa: PLC0415  only who trains waits for it
    from jax import numpy as jnp  # noqa: PLC0415  as above

    from demzip.training import causal  # noqa: PLC0415  as above

    rng = np.random.default_rng(options.seed)
    counts = np.array([len(part.examples.sample) for part in parts])
    starts = np.cumsum(counts) - counts
    often = np.sqrt(counts) / np.sqrt(counts).sum()
    probes = starts[:, None] + (rng.random((len(parts), PROBE)) * counts[:, None]).astype(np.int64)
    looks = {round(share * options.steps / CHUNK) * CHUNK for share in LOOKS}
    quantum = 1 / causal.WEIGHT_ONE
    with jax.default_device(device):
        data = causal.joined([causal.batch_of(part.examples) for part in parts])
        params = causal.first_params(rng, FEATURES, options.widths)
        start = jax.tree.map(jnp.zeros_like, params)
        state = causal.first_state(params)
        for done in range(0, options.steps, CHUNK):
            if done == 0 or done in looks:
                known = causal.rounded(state.params, start, quantum)
                bits = causal.bits(known, causal.Batch(*(part[probes.ravel()] for part in data)))
                means = np.maximum(np.asarray(bits).reshape(probes.shape).mean(axis=1), LEAST_BITS)
                data = data._replace(says=jnp.asarray(np.repeat(1 / means, counts), jnp.float32))
            steps = min(CHUNK, options.steps - done)
            drawn = rng.choice(len(parts), (steps, options.batch), p=often)
            chosen = starts[drawn] + (rng.random(drawn.shape) * counts[drawn]).astype(np.int64)
            state, mean = causal.several(
                state, start, quantum, 0.0, data, jnp.asarray(chosen, jnp.int32),
                rate=options.rate, steps=options.steps,
            )  # fmt: skip
            if progress is not None:
                progress(done + steps, float(mean))
        return causal.network_of(causal.rounded(state.params, start, quantum))


def mean_bits(network: Network, examples: Examples) -> float:
    """Mean bits of a sample under the network alone, without the contexts of the coder."""
    from demzip.training import causal  # noqa: PLC0415  see train_prior

    params = causal.params_of(network)
    total = 0.0
    count = len(examples.sample)
    for start in range(0, count, STRETCH):
        some = some_of(examples, slice(start, start + STRETCH))
        total += float(causal.bits(params, causal.batch_of(some)).sum())
    return total / count
