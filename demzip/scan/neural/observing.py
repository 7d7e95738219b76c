"""What a network learns from: every sample of a block with what is known of it (section 11.2)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from demzip.scan.adaptive.payload import mask_of, place_samples
from demzip.scan.neural.examples.kernels import observe_block
from demzip.scan.neural.features.kernels import PAIRS
from demzip.scan.neural.layers.kernels import SCRATCH
from demzip.scan.neural.network import FEATURES, FOURIER, Place
from demzip.scan.neural.sight import ground_of, sight_of
from demzip.scan.neural.tables import neural_tables
from demzip.scan.survey import Patch

Int64Array = NDArray[np.int64]
WHOLE = Place(0, 0, 1, 1)  # where the place does not matter


class Examples(NamedTuple):
    """Coded samples of the rows >= 1 of a block.

    Attributes:
        features: (n, 32), or (n, 64) with those of the place, int16 with 8 fractional bits.
        activity: (n,) calmed activity E, sixteenths.
        prediction: (n,) p, sixteenths.
        sample: (n,) centred.

    """

    features: NDArray[np.int16]
    activity: Int64Array
    prediction: Int64Array
    sample: Int64Array


def examples(
    patch: Patch, weights: Int64Array, thresholds: Int64Array, place: Place | None = None
) -> Examples:
    """Examples of a block whose bound is at most SAMPLE_REACH.

    Args:
        patch: The block.
        weights: (sets, 24) of the plane.
        thresholds: (sets - 1,).
        place: Of the block, if its Fourier features are wanted.

    """
    work = place_samples(patch)
    room = work.rows * work.cols
    pairs = PAIRS if place is None else (FEATURES + FOURIER) // 2
    features = np.empty((room, pairs), np.int32)
    numbers = np.empty((3, room), np.int64)
    count = observe_block(
        mask_of(patch.holes), work.samples, work.magnitudes, work.rows, work.cols, work.stride,
        ground_of(work, weights, thresholds), sight_of(work, place or WHOLE), neural_tables(),
        np.zeros(SCRATCH, np.int32), features, *numbers,
    )  # fmt: skip
    return Examples(features[:count].view(np.int16), *numbers[:, :count])
