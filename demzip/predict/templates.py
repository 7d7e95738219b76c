"""Templates and fixed weights of the linear predictors (docs/format.md section 6.1).

A weight set has one entry for each of the 24 causal cells, in this order::

    row r-3   14 15 16 17 18 19 20     columns c-3 .. c+3
    row r-2    7  8  9 10 11 12 13
    row r-1    0  1  2  3  4  5  6
    row r     23 22 21  x              WWW WW W
"""

import numpy as np
from numpy.typing import NDArray

from demzip.constants import TEMPLATE_SIZE, WEIGHT_ONE
from demzip.errors import OptionsError
from demzip.options import NEURAL

NW, N, NE, W = 2, 3, 4, 21

_HALF = WEIGHT_ONE // 2

# Kidner, Dorey & Smith (1999) equations [13] to [19]: the lossless-JPEG predictors. The figures
# with the equations are lost; [13], [14] and [17] are named in the text, the others are inferred.
JPEG_TAPS: dict[str, dict[int, int]] = {
    "jpeg1": {W: WEIGHT_ONE},  # horizontal [14]
    "jpeg2": {N: WEIGHT_ONE},  # vertical [13]
    "jpeg3": {NW: WEIGHT_ONE},  # diagonal [15]
    "jpeg4": {W: WEIGHT_ONE, N: WEIGHT_ONE, NW: -WEIGHT_ONE},  # linear [17]
    "jpeg5": {W: WEIGHT_ONE, N: _HALF, NW: -_HALF},  # [18]
    "jpeg6": {N: WEIGHT_ONE, W: _HALF, NW: -_HALF},  # [19]
    "jpeg7": {W: _HALF, N: _HALF},  # mean [16]
}

# Cells of the Lagrange-optimal predictors: Lewis & Smith (1993, 1994), Kidner et al. [20] to [22].
LAGRANGE_TAPS: dict[str, tuple[int, ...]] = {
    "lagrange3": (NW, N, W),
    "lagrange8": (1, 2, 3, 8, 9, 10, 21, 22),
    "lagrange12": (*range(1, 6), *range(8, 13), 21, 22),
    "lagrange24": tuple(range(TEMPLATE_SIZE)),
}

PREDICTORS = (*JPEG_TAPS, *LAGRANGE_TAPS)
IMPLICIT = "implicit"  # departures from a fitted surface
NAMES = (*PREDICTORS, IMPLICIT, NEURAL)  # position + 1 is the identifier in the container
CHOICES = (*PREDICTORS, IMPLICIT, NEURAL, "auto")


def check_predictor(name: str) -> str:
    """Return `name` if it is a predictor.

    Raises:
        OptionsError: It is not; the message lists those that are.

    """
    if name not in CHOICES:
        raise OptionsError(f"unknown predictor {name!r}; choose one of {', '.join(CHOICES)}")
    return name


def jpeg_weights(name: str) -> NDArray[np.int64]:
    """Weight set of a lossless-JPEG predictor: (24,), multiples of 2**-12."""
    weights = np.zeros(TEMPLATE_SIZE, np.int64)
    for tap, weight in JPEG_TAPS[name].items():
        weights[tap] = weight
    return weights
