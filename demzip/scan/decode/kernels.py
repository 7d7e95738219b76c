"""Words to samples: prediction, context and range decoder in one loop (docs/format.md section 8).

Row r of a large block is coded in stream r % LANES, so that four rows can be decoded together:
each row stays two segments behind the row above it, which is all that prediction and context need,
and the latencies of four divisions and look-ups hide each other.
"""

from numba import int64, uint64

from demzip.constants import LANES, MARGIN, SEGMENT, WEIGHT_BITS
from demzip.entropy.kernels import decode_start
from demzip.jit import inlined, kernel
from demzip.residual.kernels import activity_level
from demzip.scan.segment.kernels import (
    HOLE,
    extend_east,
    extend_north,
    extend_west,
    first_cell,
    prepare,
    prepare_segment,
)
from demzip.scan.symbols.kernels import take_any, take_plain


@inlined
def foresee(
    i, samples, above, sums, activity, flat, sets, west, shift, w, ww, www, mag_w, mag_ww
):
    """Prediction and context state of sample i of a prepared segment."""
    k = uint64(sets[i]) << uint64(2)
    total = int64(activity[i]) + 4 * mag_w + mag_ww + abs(w - int64(samples[above + uint64(2)]))
    acc = int64(sums[i]) + int64(west[k]) * w + int64(west[k + uint64(1)]) * ww
    acc += int64(west[k + uint64(2)]) * www
    pattern = int64(flat[i])
    level_ground = (pattern != 0) & (w == int64(samples[above + uint64(3)]))
    sub = pattern if level_ground else (acc >> (WEIGHT_BITS - 2)) & 3
    prediction = w if level_ground else acc >> WEIGHT_BITS
    return prediction, (activity_level(total, shift) << 3) + sub


@inlined
def decode_sample(
    i, samples, magnitudes, here, stride, sums, activity, flat, sets, west,
    shift, cluster_of, lut, entries, words, lane,
):  # fmt: skip
    """Decode sample i of a prepared segment; `lane` is the state of the row's stream.

    W, WW, WWW and the magnitudes of W and WW travel in registers: reading back what was stored a
    few samples ago stalls the pipeline.
    """
    point, span, position, bit, w, ww, www, mag_w, mag_ww = lane
    at = here + i
    prediction, state = foresee(
        i, samples, at - stride, sums, activity, flat, sets, west, shift, w, ww, www, mag_w, mag_ww
    )
    residual, point, span, position, bit = take_plain(
        state, cluster_of, lut, entries, words, point, span, position, bit
    )
    value = prediction + residual
    magnitude = abs(residual)
    samples[at + uint64(MARGIN)] = value
    magnitudes[at + uint64(MARGIN)] = magnitude
    return point, span, position, bit, value, w, ww, magnitude, mag_w


@inlined
def decode_any_sample(
    i, samples, magnitudes, here, stride, sums, activity, flat, sets, west,
    shift, origin, cumulative, cluster_of, lut, entries, tilts, words, lane,
):  # fmt: skip
    """decode_sample for rasters whose low bits may be coded by popularity."""
    point, span, position, bit, w, ww, www, mag_w, mag_ww = lane
    at = here + i
    prediction, state = foresee(
        i, samples, at - stride, sums, activity, flat, sets, west, shift, w, ww, www, mag_w, mag_ww
    )
    residual, point, span, position, bit = take_any(
        state, prediction + origin, cumulative, cluster_of, lut, entries, tilts, words,
        point, span, position, bit,
    )  # fmt: skip
    value = prediction + residual
    magnitude = abs(residual)
    samples[at + uint64(MARGIN)] = value
    magnitudes[at + uint64(MARGIN)] = magnitude
    return point, span, position, bit, value, w, ww, magnitude, mag_w


@inlined
def fill_sample(i, samples, magnitudes, here, stride, lane):
    """Give a masked sample the value and the magnitude that the encoder gave it."""
    point, span, position, bit, w, ww, www, mag_w, mag_ww = lane
    at = here + i + uint64(MARGIN)
    value = (w + int64(samples[at - stride]) + 1) >> 1
    magnitude = (mag_w + int64(magnitudes[at - stride])) >> 1
    samples[at] = value
    magnitudes[at] = magnitude
    return point, span, position, bit, value, w, ww, magnitude, mag_w


@kernel
def decode_run(
    first, last, samples, magnitudes, here, stride, sums, activity, flat, sets, west,
    shift, cluster_of, lut, entries, words, lane,
):  # fmt: skip
    """Decode samples first..last-1 of one prepared segment without masked samples."""
    for sample in range(first, last):
        lane = decode_sample(
            uint64(sample), samples, magnitudes, here, stride, sums, activity, flat, sets, west,
            shift, cluster_of, lut, entries, words, lane,
        )  # fmt: skip
    return lane


@kernel
def decode_any_run(
    count, samples, magnitudes, here, stride, sums, activity, flat, sets, west,
    shift, origin, cumulative, cluster_of, lut, entries, tilts, words, lane,
):  # fmt: skip
    """Decode a prepared segment, some of its samples perhaps masked."""
    for sample in range(count):
        i = uint64(sample)
        if sets[i] == HOLE:
            lane = fill_sample(i, samples, magnitudes, here, stride, lane)
        else:
            lane = decode_any_sample(
                i, samples, magnitudes, here, stride, sums, activity, flat, sets, west,
                shift, origin, cumulative, cluster_of, lut, entries, tilts, words, lane,
            )  # fmt: skip
    return lane


@kernel
def decode_first_row(
    samples, magnitudes, holes, cols, stride, shift, origin, cumulative,
    cluster_of, lut, entries, tilts, words, point, span, position, bit,
):  # fmt: skip
    """Decode row 0: predicted by W, with the activity of WW and W alone (format.md section 7.2)."""
    masked = holes.shape[0] > 0
    here = first_cell(0, 0, stride) + uint64(MARGIN)
    w, mag_w, mag_ww = int64(0), int64(0), int64(0)
    for col in range(cols):
        if not (masked and holes[0, col]):
            residual, point, span, position, bit = take_any(
                activity_level(12 * mag_w + 6 * mag_ww, shift) << 3, w + origin, cumulative,
                cluster_of, lut, entries, tilts, words, point, span, position, bit,
            )  # fmt: skip
            w = w + residual
            mag_ww, mag_w = mag_w, abs(residual)
        else:
            mag_ww = mag_w
        samples[here + uint64(col)] = w
        magnitudes[here + uint64(col)] = mag_w
    extend_east(samples, magnitudes, 0, cols, stride)
    extend_north(samples, magnitudes, stride)
    return point, span, position, bit


@inlined
def enter_row(samples, magnitudes, row, stride, lane):
    """Start a row: extend it westwards and load W, WW and WWW from there."""
    extend_west(samples, magnitudes, row, stride)
    here = first_cell(row, 0, stride)
    w, magnitude = int64(samples[here]), int64(magnitudes[here])
    return lane[0], lane[1], lane[2], lane[3], w, w, w, magnitude, magnitude


@inlined
def open_lane(words, starts, bit_starts, stream):
    """State of a stream before its first sample."""
    point, span, position = decode_start(words, starts[stream])
    nothing = int64(0)
    return (
        point, span, position, uint64(bit_starts[stream]) << uint64(5),
        nothing, nothing, nothing, nothing, nothing,
    )  # fmt: skip


@kernel
def decode_block_serially(
    samples, magnitudes, holes, rows, cols, stride, weights, west, thresholds,
    sums, activity, flat, sets, shift, origin, cumulative, cluster_of, lut, entries, tilts, words,
    starts, bit_starts, ends,
):  # fmt: skip
    """Decode a block row by row. `ends` receives the final position and bit of each stream."""
    lanes = starts.size
    segments = (cols + SEGMENT - 1) // SEGMENT
    sums0, activity0, flat0, sets0 = sums[0], activity[0], flat[0], sets[0]
    for stream in range(lanes):
        lane = open_lane(words, starts, bit_starts, stream)
        ends[stream, 0], ends[stream, 1], ends[stream, 2], ends[stream, 3] = lane[:4]
    for row in range(rows):
        stream = row % lanes
        point, span, position, bit = (
            ends[stream, 0], ends[stream, 1], ends[stream, 2], ends[stream, 3],
        )  # fmt: skip
        if row == 0:
            point, span, position, bit = decode_first_row(
                samples, magnitudes, holes, cols, stride, shift, origin, cumulative, cluster_of,
                lut, entries, tilts, words,
                point, span, position, bit,
            )  # fmt: skip
        else:
            nothing = int64(0)
            lane = (point, span, position, bit, nothing, nothing, nothing, nothing, nothing)
            lane = enter_row(samples, magnitudes, row, stride, lane)
            for segment in range(segments):
                prepare(
                    samples, magnitudes, holes, row, segment, cols, stride, weights, thresholds,
                    sums0, activity0, flat0, sets0,
                )  # fmt: skip
                lane = decode_any_run(
                    min(SEGMENT, cols - segment * SEGMENT), samples, magnitudes,
                    first_cell(row, segment, stride), stride, sums0, activity0, flat0, sets0, west,
                    shift, origin, cumulative, cluster_of, lut, entries, tilts, words, lane,
                )  # fmt: skip
            extend_east(samples, magnitudes, row, cols, stride)
            point, span, position, bit = lane[:4]
        ends[stream, 0], ends[stream, 1], ends[stream, 2], ends[stream, 3] = (
            point, span, position, bit,
        )  # fmt: skip


@kernel
def decode_block(
    samples, magnitudes, holes, rows, cols, stride, weights, west, thresholds,
    sums, activity, flat, sets, shift, origin, cumulative, cluster_of, lut, entries, tilts, words,
    starts, bit_starts, ends,
):  # fmt: skip
    """Decode a block of four streams, four rows at a time, each two segments behind the last.

    Preconditions: four streams; at least 8 segments, so that a stream's next row never waits; no
    masked samples; no popularity (`cumulative` and `tilts` are there for the first row).
    """
    segments = (cols + SEGMENT - 1) // SEGMENT
    lane0 = open_lane(words, starts, bit_starts, 1)
    lane1 = open_lane(words, starts, bit_starts, 2)
    lane2 = open_lane(words, starts, bit_starts, 3)
    lane3 = open_lane(words, starts, bit_starts, 0)
    point, span, position, bit = decode_first_row(
        samples, magnitudes, holes, cols, stride, shift, origin, cumulative, cluster_of, lut,
        entries, tilts, words,
        lane3[0], lane3[1], lane3[2], lane3[3],
    )  # fmt: skip
    nothing = int64(0)
    lane3 = (point, span, position, bit, nothing, nothing, nothing, nothing, nothing)
    # Not literals, for each of which Numba would compile the functions called anew.
    row0, row1, row2, row3 = int64(1), int64(2), int64(3), int64(4)
    seg0, seg1, seg2, seg3 = int64(0), int64(-2), int64(-4), int64(-6)
    sums0, activity0, flat0, sets0 = sums[0], activity[0], flat[0], sets[0]
    sums1, activity1, flat1, sets1 = sums[1], activity[1], flat[1], sets[1]
    sums2, activity2, flat2, sets2 = sums[2], activity[2], flat[2], sets[2]
    sums3, activity3, flat3, sets3 = sums[3], activity[3], flat[3], sets[3]
    for _ in range((rows + 2) // LANES * segments + 6):
        count0 = 0
        if seg0 >= 0 and row0 < rows:
            if seg0 == 0:
                lane0 = enter_row(samples, magnitudes, row0, stride, lane0)
            count0 = min(SEGMENT, cols - seg0 * SEGMENT)
            prepare_segment(
                samples, magnitudes, holes, row0, seg0, cols, stride, weights, thresholds,
                sums0, activity0, flat0, sets0,
            )  # fmt: skip
        here0 = first_cell(row0, seg0, stride)
        count1 = 0
        if seg1 >= 0 and row1 < rows:
            if seg1 == 0:
                lane1 = enter_row(samples, magnitudes, row1, stride, lane1)
            count1 = min(SEGMENT, cols - seg1 * SEGMENT)
            prepare_segment(
                samples, magnitudes, holes, row1, seg1, cols, stride, weights, thresholds,
                sums1, activity1, flat1, sets1,
            )  # fmt: skip
        here1 = first_cell(row1, seg1, stride)
        count2 = 0
        if seg2 >= 0 and row2 < rows:
            if seg2 == 0:
                lane2 = enter_row(samples, magnitudes, row2, stride, lane2)
            count2 = min(SEGMENT, cols - seg2 * SEGMENT)
            prepare_segment(
                samples, magnitudes, holes, row2, seg2, cols, stride, weights, thresholds,
                sums2, activity2, flat2, sets2,
            )  # fmt: skip
        here2 = first_cell(row2, seg2, stride)
        count3 = 0
        if seg3 >= 0 and row3 < rows:
            if seg3 == 0:
                lane3 = enter_row(samples, magnitudes, row3, stride, lane3)
            count3 = min(SEGMENT, cols - seg3 * SEGMENT)
            prepare_segment(
                samples, magnitudes, holes, row3, seg3, cols, stride, weights, thresholds,
                sums3, activity3, flat3, sets3,
            )  # fmt: skip
        here3 = first_cell(row3, seg3, stride)
        common = min(min(count0, count1), min(count2, count3))
        for sample in range(common):
            i = uint64(sample)
            lane0 = decode_sample(
                i, samples, magnitudes, here0, stride, sums0, activity0, flat0, sets0, west,
                shift, cluster_of, lut, entries, words, lane0,
            )  # fmt: skip
            lane1 = decode_sample(
                i, samples, magnitudes, here1, stride, sums1, activity1, flat1, sets1, west,
                shift, cluster_of, lut, entries, words, lane1,
            )  # fmt: skip
            lane2 = decode_sample(
                i, samples, magnitudes, here2, stride, sums2, activity2, flat2, sets2, west,
                shift, cluster_of, lut, entries, words, lane2,
            )  # fmt: skip
            lane3 = decode_sample(
                i, samples, magnitudes, here3, stride, sums3, activity3, flat3, sets3, west,
                shift, cluster_of, lut, entries, words, lane3,
            )  # fmt: skip
        lane0 = decode_run(
            common, count0, samples, magnitudes, here0, stride, sums0, activity0, flat0, sets0,
            west, shift, cluster_of, lut, entries, words, lane0,
        )  # fmt: skip
        lane1 = decode_run(
            common, count1, samples, magnitudes, here1, stride, sums1, activity1, flat1, sets1,
            west, shift, cluster_of, lut, entries, words, lane1,
        )  # fmt: skip
        lane2 = decode_run(
            common, count2, samples, magnitudes, here2, stride, sums2, activity2, flat2, sets2,
            west, shift, cluster_of, lut, entries, words, lane2,
        )  # fmt: skip
        lane3 = decode_run(
            common, count3, samples, magnitudes, here3, stride, sums3, activity3, flat3, sets3,
            west, shift, cluster_of, lut, entries, words, lane3,
        )  # fmt: skip
        seg0 += 1
        if seg0 == segments:
            if row0 < rows:
                extend_east(samples, magnitudes, row0, cols, stride)
            row0, seg0 = row0 + LANES, 0
        seg1 += 1
        if seg1 == segments:
            if row1 < rows:
                extend_east(samples, magnitudes, row1, cols, stride)
            row1, seg1 = row1 + LANES, 0
        seg2 += 1
        if seg2 == segments:
            if row2 < rows:
                extend_east(samples, magnitudes, row2, cols, stride)
            row2, seg2 = row2 + LANES, 0
        seg3 += 1
        if seg3 == segments:
            if row3 < rows:
                extend_east(samples, magnitudes, row3, cols, stride)
            row3, seg3 = row3 + LANES, 0
    for stream, lane in ((1, lane0), (2, lane1), (3, lane2), (0, lane3)):
        ends[stream, 0], ends[stream, 1], ends[stream, 2], ends[stream, 3] = lane[:4]


@kernel
def place_block(samples, rows, cols, stride, centre, out):
    """Copy a decoded block out of its margins, add its centre, and find its least and greatest."""
    lowest = highest = int64(samples[first_cell(0, 0, stride) + uint64(MARGIN)])
    for row in range(rows):
        here = first_cell(row, 0, stride) + uint64(MARGIN)
        line = out[row]
        for col in range(cols):
            value = samples[here + uint64(col)]
            line[col] = value + centre
            lowest = min(lowest, int64(value))
            highest = max(highest, int64(value))
    return lowest, highest
