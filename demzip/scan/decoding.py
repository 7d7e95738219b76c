"""Words to samples: the binding of scan/decode/kernels.py."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from demzip.constants import LANES, SEGMENT, STATE_BITS
from demzip.entropy.popularity import Popularity
from demzip.entropy.tables import CompiledTables
from demzip.errors import CorruptError
from demzip.predict.lagrange import fits_int32
from demzip.scan.decode.kernels import NORTH, STEP, decode_first_row, decode_rows, place_rows
from demzip.scan.encoding import WORDS_PER_POPULAR_SAMPLE, Stream, flat_holes
from demzip.scan.taps import choose_taps, scaled_offsets
from demzip.scan.workspace import (
    NO_HOLES,
    Wave,
    borrow_words,
    shift_within,
)

AnyArray = NDArray[Any]

# A damaged stream is noticed at the end; until then words are read up to one behind its last, and
# from there on at most what one step takes.
SLACK = LANES * (WORDS_PER_POPULAR_SAMPLE + 8)


def decode_residuals(
    shape: tuple[int, int],
    stream: Stream,
    holes: NDArray[np.uint8] | None,
    weights: NDArray[np.int64],
    thresholds: NDArray[np.int64],
    offsets: NDArray[np.int64],
    shift: int,
    popularity: Popularity,
    table_of_state: NDArray[np.uint8],
    tables: CompiledTables,
    bound: int,
    centre: int,
    target: np.dtype[np.generic],
) -> tuple[AnyArray, tuple[int, int]]:
    """Inverse of `measure` and `encode_residuals`.

    Returns:
        (rows, cols) samples of the dtype `target`, no longer centred, holes with their fill
        values; and the least and greatest of them, beyond which `target` need not reach.

    Raises:
        CorruptError: The stream does not end where its last sample does, or a sample is too large.

    """
    rows, cols = shape
    dtype = np.int32 if fits_int32(weights, bound) else np.int64
    wave = Wave.borrow(rows, cols, dtype)
    shift = shift_within(shift, dtype)
    mask = flat_holes(NO_HOLES if holes is None else holes)
    used = stream.words.size
    words = borrow_words(used + 1 + SLACK)
    words[:used] = stream.words
    words[used:] = 0
    states = wave.states
    states[:] = 1 << STATE_BITS
    states[: stream.states.size] = stream.states.view(np.int32)
    out = np.empty(shape, target)
    origin, popular = centre - popularity.first, popularity.is_used
    first_row = np.empty(cols, np.int64)
    shared = (table_of_state, tables.slots, tables.symbols, tables.tilts, words)
    state, position = decode_first_row(
        wave.samples, wave.magnitudes, wave.pairs, mask[:cols], cols, popular, shift, origin,
        popularity.cumulative, *shared, np.uint64(stream.states[0]), 0, used + 1, first_row,
    )  # fmt: skip
    states.view(np.uint32)[0] = state
    lowest, highest = int(first_row.min()), int(first_row.max())
    out[0] = (first_row + centre).astype(target)
    if rows > 1:
        taps = choose_taps(weights, bound, dtype)
        widest = np.iinfo(dtype).max // SEGMENT  # no mean activity of a legal block is larger
        position = decode_rows(
            wave.samples, wave.magnitudes, wave.pairs, mask, rows, cols, wave.period,
            taps.paired, taps.offsets(NORTH, STEP), taps.weights.ravel(),
            np.minimum(thresholds, widest).astype(dtype), scaled_offsets(offsets),
            popular, shift, origin, popularity.cumulative, *shared, tables.shifts, position,
            used + 1, states, wave.residuals, wave.numbers, wave.places, wave.above, wave.chosen,
        )  # fmt: skip
        lows, highs = place_rows(wave.samples, rows, cols, wave.period, centre, out)
        lowest, highest = min(lowest, lows), max(highest, highs)
    if position != used or (states != 1 << STATE_BITS).any():
        raise CorruptError("the words of a block do not end with its last sample")
    if lowest < -bound or highest > bound:
        raise CorruptError("a sample exceeds the block's bound")
    return out, (lowest + centre, highest + centre)
