"""What the network sees and what it is to foresee, for all samples of a block (section 11.2).

The loop of neural/kernels.py without a network and without a coder.
"""

from numba import int64, uint64

from demzip.constants import MARGIN, SEGMENT
from demzip.jit import kernel
from demzip.scan.adaptive.contexts.kernels import FRACTION_BITS, wide_above
from demzip.scan.adaptive.fitting.kernels import gather, learn, note
from demzip.scan.adaptive.kernels import fill_hole, foresee
from demzip.scan.neural.features.kernels import (
    CALM,
    PAIRS,
    lay_features,
    lay_waves,
    remember,
)
from demzip.scan.neural.kernels import start_block
from demzip.scan.neural.layers.kernels import INPUTS
from demzip.scan.neural.mixture.kernels import PREDICTION_REACH, clipped, logarithm
from demzip.scan.segment.kernels import (
    extend_east,
    extend_north,
    extend_west,
    first_cell,
    prepare_segment,
)


@kernel
def observe_block(
    holes, samples, magnitudes, rows, cols, stride, ground, sight, tables, scratch, features,
    activities, predictions, targets,
):  # fmt: skip
    """Features (coded samples of rows >= 1, pairs), calmed activities, predictions and samples.

    Preconditions: arguments as code_block; the last four have room for every sample. Gives how
    many there are.
    """
    weights, west, thresholds, prepared, wide, fitting = ground
    errors, cells, columns, memory, waves = sight
    sums, activity, flat, sets = prepared
    live, fits = fitting[1], fitting[11]
    masked = holes.shape[0] > 0
    found = uint64(0)
    start_block(samples, magnitudes, errors, stride)
    for row in range(rows):
        if row > 0:
            extend_west(samples, magnitudes, row, stride)
        for segment in range(fits.shape[0]):
            start = segment * SEGMENT
            here = first_cell(row, segment, stride)
            if row > 0:
                prepare_segment(
                    samples, magnitudes, holes, row, segment, cols, stride, weights,
                    thresholds, sums, activity, flat, sets,
                )  # fmt: skip
                wide_above(magnitudes, here - stride, stride, wide)
            live[:] = 0
            for i in range(min(SEGMENT, cols - start)):
                at = here + uint64(i + MARGIN)
                if masked and holes[row, start + i]:
                    fill_hole(samples, magnitudes, row, at, stride)
                    continue
                fitted, prediction, total, around, _, takes_part = foresee(
                    samples, magnitudes, at, stride, row, i, prepared, west, wide, fits[segment]
                )
                prediction = clipped(prediction, PREDICTION_REACH)
                if row > 0:
                    calmed = total + CALM
                    lay_features(
                        samples, errors, at, cells, prediction, fitted, calmed,
                        logarithm(calmed, tables), around, memory, start + i, tables, scratch,
                    )  # fmt: skip
                    if features.shape[1] > PAIRS:
                        lay_waves(waves, row, start + i, scratch)
                    for pair in range(features.shape[1]):
                        features[found, uint64(pair)] = scratch[uint64(INPUTS + pair)]
                    activities[found], predictions[found] = calmed, prediction
                    targets[found] = samples[at] >> FRACTION_BITS
                    found += uint64(1)
                errors[at] = samples[at] - prediction
                magnitudes[at] = abs(errors[at])
                if takes_part:
                    note(fitting, i, fitted, samples[at] - fitted, total)
            if row >= MARGIN:
                gather(samples, here, stride, fitting, segment)
        first = first_cell(row, 0, stride) + uint64(MARGIN)
        remember(errors, first, holes, row, cols, columns, memory)
        extend_east(samples, magnitudes, row, cols, stride)
        if row == 0:
            extend_north(samples, magnitudes, stride)
        if row >= MARGIN:
            learn(fitting)
    return int64(found)
