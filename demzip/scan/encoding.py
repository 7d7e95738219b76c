"""Residuals to words: the binding of scan/encode/kernels.py."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.constants import LANES, STATE_BITS
from demzip.entropy.popularity import Popularity
from demzip.entropy.tables import CompiledTables, side_tokens
from demzip.scan.encode.kernels import encode_first_row, encode_rows
from demzip.scan.measuring import Measurement
from demzip.scan.workspace import borrow_words, period_of

UInt8Array = NDArray[np.uint8]

# Most words that a sample takes: one for its symbol, and five for an escape, or one for each of
# up to 26 bits that are coded by popularity.
WORDS_PER_SAMPLE, WORDS_PER_POPULAR_SAMPLE = 6, 27
MAX_HALVINGS = 32


@dataclass(frozen=True)
class Stream:
    """Coded residuals of a block.

    Attributes:
        states: (16,) uint32, what the lanes of a decoder begin with.
        words: What refills them.

    """

    states: NDArray[np.uint32]
    words: NDArray[np.uint16]


def lane_count(rows: int) -> int:
    """Lanes of a block that have a row (docs/format.md section 8.4)."""
    return min(max(rows - 1, 1), LANES)


def flat_holes(holes: UInt8Array) -> UInt8Array:
    """Holes row by row, with room for a vector's reads behind them; none if there are none."""
    return np.append(holes.ravel(), np.zeros(3, np.uint8)) if holes.size else holes.ravel()


def encode_residuals(
    measurement: Measurement,
    centre: int,
    popularity: Popularity,
    table_of_state: UInt8Array,
    tables: CompiledTables,
) -> Stream:
    """Code every residual that is not in a hole.

    Args:
        measurement: The block.
        centre: What was subtracted from the block's samples.
        popularity: Of the raster's samples; NOT_USED if the tables leave low bits uncoded.
        table_of_state: (32771,) table of each context state, see Model.table_of_state.
        tables: Compiled tables; each has an escape.

    """
    rows, cols = measurement.residuals.shape
    residuals = measurement.flat_residuals
    # Only popularity asks for the samples themselves.
    levels = measurement.workspace.interior.ravel() if popularity.is_used else residuals
    holes = flat_holes(measurement.holes)
    reach = WORDS_PER_POPULAR_SAMPLE if popularity.is_used else WORDS_PER_SAMPLE
    words = borrow_words(reach * rows * cols + LANES)
    end = reach * rows * cols
    states = np.full(LANES, 1 << STATE_BITS, np.int32)
    choices = np.zeros(MAX_HALVINGS, np.int64)
    origin, popular = centre - popularity.first, popularity.is_used
    shared = (
        table_of_state, tables.codes, tables.symbols, tables.shifts, side_tokens(), tables.tilts,
    )  # fmt: skip
    position = encode_rows(
        residuals, measurement.flat_states.view(np.uint8), levels, holes, rows, cols,
        period_of(cols), popular, origin, popularity.cumulative, *shared, words, end, states,
        np.zeros(LANES, residuals.dtype), np.zeros(LANES, np.int32),
        np.zeros(LANES, residuals.dtype), choices,
    ) if rows > 1 else end  # fmt: skip
    found = states.view(np.uint32)
    found[0], position = encode_first_row(
        residuals[:cols], measurement.flat_states[:cols], levels, holes[:cols], popular, origin,
        popularity.cumulative, *shared, np.uint64(found[0]), words, position, choices,
    )  # fmt: skip
    return Stream(found[: lane_count(rows)], words[position:end].copy())
