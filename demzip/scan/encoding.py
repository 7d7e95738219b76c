"""Residuals to words: the binding of scan/encode/kernels.py."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.constants import LANES, LANES_MIN_SAMPLES
from demzip.entropy.popularity import Popularity
from demzip.entropy.tables import CompiledTables, side_tokens
from demzip.scan.encode.kernels import encode_quads, encode_rows
from demzip.scan.measuring import Measurement
from demzip.scan.workspace import NO_HOLES, IntArray, borrow_words

UInt32Array = NDArray[np.uint32]


def lane_count(rows: int, cols: int) -> int:
    """Streams of a block of this size (docs/format.md section 8.4)."""
    return LANES if rows * cols >= LANES_MIN_SAMPLES else 1


@dataclass(frozen=True)
class Streams:
    """Coded residuals of a block: per lane its range-coder words and its uncoded bits."""

    coded: list[UInt32Array]
    uncoded: list[UInt32Array]


def encode_residuals(
    measurement: Measurement,
    samples: IntArray,
    centre: int,
    popularity: Popularity,
    cluster_of: NDArray[np.uint8],
    tables: CompiledTables,
) -> Streams:
    """Code every residual that is not in a hole.

    Args:
        measurement: The block.
        samples: (rows, cols) centred samples of the block.
        centre: What was subtracted from them.
        popularity: Of the raster's samples; NOT_USED if the tables leave low bits uncoded.
        cluster_of: (32768,) table of each context state.
        tables: Compiled tables; each has an escape.

    """
    rows, cols = measurement.residuals.shape
    # One dtype for both, or every pair of dtypes would be compiled.
    samples = samples.astype(measurement.residuals.dtype, copy=False)
    lanes = lane_count(rows, cols)
    per_lane = -(-rows // lanes) * cols
    # A symbol takes at most one word, popular bits up to 14, uncoded and escaped bits up to 3.
    room = per_lane * (15 if popularity.is_used else 1) + 4
    scratch = borrow_words(lanes * (room + 3 * per_lane + 4)).reshape(lanes, -1)
    words, bits = scratch[:, :room], scratch[:, room:]
    words_used, bits_used = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)
    if lanes == LANES and measurement.holes is NO_HOLES and not popularity.is_used:
        encode_quads(
            measurement.residuals, measurement.states, cluster_of, tables.entries, tables.shifts,
            side_tokens(), words, bits, words_used, bits_used,
        )  # fmt: skip
    else:
        for lane in range(lanes):
            words_used[lane], bits_used[lane] = encode_rows(
                measurement.residuals, measurement.states, samples, measurement.holes, lane, lanes,
                centre - popularity.first, popularity.cumulative, cluster_of, tables.entries,
                tables.tilts, tables.shifts, side_tokens(), words[lane], bits[lane],
            )  # fmt: skip
    return Streams(
        [words[lane, : words_used[lane]].copy() for lane in range(lanes)],
        [bits[lane, : -(-bits_used[lane] // 32)].copy() for lane in range(lanes)],
    )
