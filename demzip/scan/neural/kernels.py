"""Blocks on a grid under a causal network, in either direction (docs/format.md section 11).

As scan/adaptive/kernels.py, whose parts it is made of: encoder and decoder are one loop, told
apart by `decoding`.
"""

from numba import int64, uint64

from demzip.constants import MARGIN, SEGMENT
from demzip.entropy.kernels import decode_start, encode_end
from demzip.jit import inlined, kernel
from demzip.scan.adaptive.contexts.kernels import (
    FRACTION_BITS,
    HALF_SAMPLE,
    NODES,
    PRIMARY,
    level_of,
    same_cells,
    wide_above,
)
from demzip.scan.adaptive.fitting.kernels import gather, learn, note
from demzip.scan.adaptive.kernels import ROW_REACH, fill_hole, foresee
from demzip.scan.adaptive.residual.kernels import FINE
from demzip.scan.neural.features.kernels import CALM, PAIRS, lay_features, lay_waves, remember
from demzip.scan.neural.layers.kernels import evaluate
from demzip.scan.neural.mixture.kernels import (
    BOUNDARY_BITS,
    PREDICTION_REACH,
    clipped,
    lay_masses,
    logarithm,
    mixture_of,
    summary_of,
)
from demzip.scan.neural.residual.kernels import code_sample
from demzip.scan.segment.kernels import (
    extend_east,
    extend_north,
    extend_west,
    first_cell,
    prepare_segment,
)

FLAT_CLASS = 32  # of mixing weights on level ground, before its own
SHAPES = 1024
HALF_SAMPLE_PLACE = 1 << (BOUNDARY_BITS - 1)
CONTEXTS = PRIMARY + 2 * SHAPES  # of both kinds


@inlined
def contexts_of(samples, at, stride, prediction, level, flat):
    """Slots where the chances of a sample's two contexts begin, class of its mixing, a sign.

    As two of scan/adaptive/contexts/kernels.py; `flat` is the pattern of level ground or 0. The
    sign is that of the side of the nearest sample on which the prediction is.
    """
    north = at - stride
    second = north - stride
    fraction = prediction & (2 * HALF_SAMPLE - 1)
    sign = int64(1)
    if fraction > HALF_SAMPLE:
        fraction = 2 * HALF_SAMPLE - fraction
        sign = int64(-1)
    if flat:
        primary = 8 * level + flat
        other = SHAPES + same_cells(samples, at, north, second, stride)
        mixing = FLAT_CLASS + (level >> 2)
    else:
        w, n, nw = samples[at - uint64(1)], samples[north], samples[north - uint64(1)]
        primary = 8 * level + (max(fraction - 1, 0) >> 1)
        other = (
            32 * (level >> 2)
            + 16 * int64((w - n) * sign > 0) + 8 * int64((n - nw) * sign > 0)
            + 4 * int64((samples[north + uint64(1)] - n) * sign > 0)
            + 2 * int64((samples[at - uint64(2)] - w) * sign > 0)
            + int64((samples[second] - n) * sign > 0)
        )  # fmt: skip
        mixing = level >> 2
    return (uint64(primary * NODES), uint64((PRIMARY + other) * NODES)), mixing, sign


@inlined
def start_block(samples, magnitudes, errors, stride):
    """Put zeros where row 0 looks for rows above it, and beside all errors."""
    for cell in range(int64(first_cell(0, 0, stride)) + MARGIN):
        samples[uint64(cell)] = 0
        magnitudes[uint64(cell)] = 0
    for cell in range(errors.size):
        errors[uint64(cell)] = 0


@kernel
def code_block(
    decoding, holes, samples, magnitudes, rows, cols, stride, ground, sight, network, scratch,
    chances, mixing, tables, words, raw_words, ends,
):  # fmt: skip
    """Code a block.

    Preconditions: as scan/adaptive/kernels.py, and |samples| <= SAMPLE_REACH. `ground` = (weights,
    west, thresholds, prepared, wide, fitting) as there; `sight` = (errors, cells, columns, memory,
    waves) as in features/kernels.py, errors as many as samples, the columns' memory 0; `network`
    and `scratch` (SCRATCH,) int32 as in layers/kernels.py; `chances` (CONTEXTS * NODES,) uint32 of
    0, `mixing` (MIX_WEIGHTS,) int64, `tables` of neural/tables.py. `ends` takes the words and the
    bits used.
    Gives 0, or -1 where an encoder has too little room for words.
    """
    coder = (uint64(0), uint64(0xFFFFFFFFFFFFFFFF), uint64(0), uint64(0))
    if decoding:
        point, span, position = decode_start(words, 0)
        coder = (point, span, position, uint64(0))
    else:
        raw_words[0] = 0
    weights, west, thresholds, prepared, wide, fitting = ground
    errors, cells, columns, memory, waves = sight
    sums, activity, flat, sets = prepared
    live, fits = fitting[1], fitting[11]
    masked = holes.shape[0] > 0
    room = min(words.size, raw_words.size) - ROW_REACH * cols
    start_block(samples, magnitudes, errors, stride)
    for row in range(rows):
        if not decoding and max(int64(coder[2]), int64(coder[3] >> uint64(5))) > room:
            return -1
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
                fitted, prediction, total, around, pattern, takes_part = foresee(
                    samples, magnitudes, at, stride, row, i, prepared, west, wide, fits[segment]
                )
                prediction = clipped(prediction, PREDICTION_REACH)
                calmed = total + CALM
                scale = logarithm(calmed, tables)
                if row > 0:
                    lay_features(
                        samples, errors, at, cells, prediction, fitted, calmed, scale, around,
                        memory, start + i, tables, scratch,
                    )  # fmt: skip
                    if network[0] > PAIRS:
                        lay_waves(waves, row, start + i, scratch)
                    evaluate(scratch, network)
                level, centre = level_of(total >> 3), prediction
                if (row > 0) & (pattern == 0):
                    level, centre = summary_of(scratch, prediction, calmed, scale)
                slots, mixing_class, sign = contexts_of(samples, at, stride, centre, level, pattern)
                near = (centre >> FRACTION_BITS) + int64(sign < 0)
                edge = (near << BOUNDARY_BITS) + sign * HALF_SAMPLE_PLACE
                shift = max((level - FINE) >> 2, 0)
                mixture = mixture_of(
                    scratch, prediction, calmed, scale, edge, sign, shift, tables
                )
                lay_masses(mixture, tables, scratch)
                sample, coder = code_sample(
                    decoding, coder, samples[at] >> FRACTION_BITS, near, sign, shift, slots,
                    mixing_class, row > 0, mixture, scratch, chances, mixing, tables, words,
                    raw_words,
                )  # fmt: skip
                samples[at] = sample << FRACTION_BITS
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
    point, span, position, bit = coder
    ends[0] = position if decoding else encode_end(point, span, position, words)
    ends[1] = bit
    return 0
