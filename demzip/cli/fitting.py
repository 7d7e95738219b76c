"""Options of the commands that train networks."""

from collections.abc import Sequence
from typing import Annotated

import typer

from demzip.errors import OptionsError
from demzip.options import NEURAL, FitOptions

TRAINED = (NEURAL, "implicit")  # predictors that these options are for

Fit = Annotated[
    bool,
    typer.Option(
        "--fit/--no-fit",
        help="Train networks on the raster, which takes minutes; implicit always does.",
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Steps of training; by default 5000 for neural, 2000 for implicit."
    ),
]
Width = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Units of a layer: of neural the first one of a network from scratch, a multiple of "
        "16, by default 64; of implicit any, by default 32.",
    ),
]
Depth = Annotated[
    int | None, typer.Option(metavar="N", help="Hidden layers of implicit; by default 8.")
]
Scale = Annotated[
    float | None,
    typer.Option(
        "--fourier-scale",
        metavar="X",
        help="Frequencies of implicit, in cycles over the longer side; by default 10.",
    ),
]
Device = Annotated[
    str, typer.Option(metavar="DEVICE", help="Where networks are trained: auto, cpu or gpu.")
]


def fit_options(
    predictors: Sequence[str],
    *,
    fit: bool,
    steps: int | None,
    width: int | None,
    depth: int | None,
    scale: float | None,
    device: str,
) -> FitOptions | None:
    """What the options say; None where none was given.

    Raises:
        OptionsError: One is illegal, or there is no network to train.

    """
    found = FitOptions(steps, width, depth, scale=scale, device=device)
    given = fit or found != FitOptions()
    if given and not set(TRAINED) & set(predictors):
        raise OptionsError(
            f"no network is trained for {', '.join(predictors)}; "
            f"-p {' and -p '.join(TRAINED)} have one"
        )
    if (depth, scale) != (None, None) and TRAINED[1] not in predictors:
        raise OptionsError("--depth and --fourier-scale: only for -p implicit")
    return found if given else None
