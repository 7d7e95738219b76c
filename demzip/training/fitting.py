"""Fits the network of docs/format.md section 11 to the samples of one raster."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from demzip.errors import OptionsError
from demzip.options import FitOptions
from demzip.scan.neural.network import FEATURES, FOURIER, LANES, MAX_LANES, Network
from demzip.scan.neural.observing import Examples
from demzip.training.devices import pick_device

CHUNK = 100  # steps between two calls of `progress`

Progress = Callable[[int, float], object]  # steps done, mean bits of a sample


@dataclass(frozen=True)
class FittingOptions:
    """How a network is fitted.

    Attributes:
        steps: Each with `batch` examples.
        rate: Of learning, at first.
        batch: Examples.
        widths: Of the hidden layers, multiples of 16; those of a base, if there is one.
        shift: Low bits that stay 0 in all departures from the base.
        price: Bits that log2(1 + departure / 2**shift) costs, roughly: what coding it takes.
        seed: Of batches and first weights.
        device: A name of options.DEVICES.

    """

    steps: int = 5000
    rate: float = 1e-2
    batch: int = 8192
    widths: tuple[int, int] = (64, 32)
    shift: int = 5
    price: float = 4.0
    seed: int = 0
    device: str = "auto"

    @classmethod
    def of(cls, fit: FitOptions) -> "FittingOptions":
        """What a caller asked for, defaults for the rest.

        Raises:
            OptionsError: There are no layers so wide.

        """
        first, second = cls.widths
        if fit.width is not None:
            first, second = fit.width, -(-fit.width // (2 * LANES)) * LANES
        if first not in range(LANES, LANES * MAX_LANES + 1, LANES):
            raise OptionsError(
                f"width {first}: for neural it must be a multiple of {LANES} up to "
                f"{LANES * MAX_LANES}"
            )
        rate = cls.rate if fit.learning_rate is None else fit.learning_rate
        return cls(fit.steps or cls.steps, rate, widths=(first, second), device=fit.device)


def fit(
    examples: Examples,
    base: Network | None,
    options: FittingOptions,
    progress: Progress | None = None,
) -> Network:
    """Train a network on a raster.

    Equal calls on one machine give equal networks. Examples are padded, so that rasters of similar
    sizes and equal options share what is compiled.

    Args:
        examples: At least one; those with inputs for the place (64) give such a network.
        base: Network whose departures are cheap, or None to begin anew.
        options: See there.
        progress: Called every CHUNK steps.

    Returns:
        A network that differs from the base by multiples of 2**shift.

    Raises:
        OptionsError: There is no such device.
        DemzipError: JAX is missing.

    """
    device = pick_device(options.device)
    import jax  # noqa: PLC0415  only who trains waits for it

    from demzip.training import causal  # noqa: PLC0415  as above

    rng = np.random.default_rng(options.seed)
    count, inputs = examples.features.shape
    quantum = 2.0**options.shift / causal.WEIGHT_ONE
    with jax.default_device(device):
        if base is None:
            params = causal.first_params(rng, inputs, options.widths)
            start = jax.tree.map(jax.numpy.zeros_like, params)
        else:
            params = start = causal.params_of(base, fourier=inputs == FEATURES + FOURIER)
        data = causal.batch_of(examples, padded=True)
        state = causal.first_state(params)
        for done in range(0, options.steps, CHUNK):
            steps = min(CHUNK, options.steps - done)
            chosen = rng.integers(0, count, (steps, options.batch), np.int32)
            state, bits = causal.several(
                state, start, quantum, options.price / count, data, chosen,
                rate=options.rate, steps=options.steps,
            )  # fmt: skip
            if progress is not None:
                progress(done + steps, float(bits))
        return causal.network_of(causal.rounded(state.params, start, quantum))
