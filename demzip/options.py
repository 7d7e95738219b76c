"""What a caller may choose; checked once, here."""

import os
from dataclasses import dataclass

from demzip.errors import OptionsError

DEFAULT_PREDICTOR = "lagrange24"
DEFAULT_BLOCK = 512
BEST_BLOCK = 1216  # chances that adapt need samples; tiles of 1201 and 3601 have no slivers
MAX_JOBS = 256
MAX_STEPS = 1_000_000
DEVICES = ("auto", "cpu", "gpu")  # where networks are trained


@dataclass(frozen=True)
class FitOptions:
    """How networks are trained; None stands for the predictor's own default.

    Attributes:
        steps: Of training.
        width: Units of a layer.
        depth: Hidden layers, of `implicit`.
        features: Fourier features of `implicit`.
        scale: Of their frequencies: cycles over the raster's longer side.
        learning_rate: Of Adam.
        device: A name of DEVICES.

    """

    steps: int | None = None
    width: int | None = None
    depth: int | None = None
    features: int | None = None
    scale: float | None = None
    learning_rate: float | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        """See that it is legal.

        Raises:
            OptionsError: It is not.

        """
        if self.steps is not None and not 1 <= self.steps <= MAX_STEPS:
            raise OptionsError(f"steps {self.steps}: it must be 1 to {MAX_STEPS}")
        check_device(self.device)


@dataclass(frozen=True)
class EncodeOptions:
    """How to encode.

    Attributes:
        predictor: A name of predict.templates.CHOICES.
        block: Side of a block in samples: a multiple of 16 from 16 to 4096.
        jobs: Threads; 0 for one per processor.
        best: Whether the smallest file counts, not time.
        fit: How networks are trained; None for their defaults.

    """

    predictor: str = DEFAULT_PREDICTOR
    block: int = DEFAULT_BLOCK
    jobs: int = 1
    best: bool = False
    fit: FitOptions | None = None


def check_device(name: str) -> str:
    """Return `name` if it is one of DEVICES.

    Raises:
        OptionsError: It is not; the message lists them.

    """
    if name not in DEVICES:
        raise OptionsError(f"unknown device {name!r}; choose one of {', '.join(DEVICES)}")
    return name


def default_block(*, best: bool) -> int:
    """Side of a block where none is asked for."""
    return BEST_BLOCK if best else DEFAULT_BLOCK


def thread_count(jobs: int) -> int:
    """Threads for `jobs`.

    Raises:
        OptionsError: It is negative or more than 256.

    """
    if not 0 <= jobs <= MAX_JOBS:
        raise OptionsError(f"jobs {jobs!r}: it must be 0 (all processors) to {MAX_JOBS}")
    if jobs:
        return jobs
    if hasattr(os, "sched_getaffinity"):  # the processors this process may use, in a container too
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
