"""Words to samples: the binding of scan/decode/kernels.py."""

import numpy as np
from numpy.typing import NDArray

from demzip.constants import LANES, SEGMENT
from demzip.entropy.popularity import Popularity
from demzip.entropy.tables import CompiledTables
from demzip.errors import CorruptError
from demzip.predict.lagrange import fits_int32
from demzip.scan.decode.kernels import decode_block, decode_block_serially, place_block
from demzip.scan.encoding import Streams
from demzip.scan.workspace import (
    NO_HOLES,
    IntArray,
    Workspace,
    borrow_words,
    weights_with_edge,
    western_weights,
)

# How far a corrupt stream may run beyond its end: a word for the symbol and three for uncoded
# bits, or one for each of up to 27 bits coded by popularity.
WORDS_PER_SAMPLE, WORDS_PER_POPULAR_SAMPLE = 4, 32
MIN_SEGMENTS = 8  # below, four rows in lockstep would wait for one another


def decode_residuals(
    shape: tuple[int, int],
    streams: Streams,
    holes: NDArray[np.uint8] | None,
    weights: NDArray[np.int64],
    thresholds: NDArray[np.int64],
    shift: int,
    popularity: Popularity,
    cluster_of: NDArray[np.uint8],
    tables: CompiledTables,
    bound: int,
    centre: int,
) -> IntArray:
    """Inverse of `measure` and `encode_residuals`.

    Returns:
        (rows, cols) samples, no longer centred; holes hold their fill values.

    Raises:
        CorruptError: A stream does not end where its last sample does, or a sample is too large.

    """
    rows, cols = shape
    dtype = np.int32 if fits_int32(weights, bound) else np.int64
    work = Workspace.borrow(rows, cols, dtype)
    mask = NO_HOLES if holes is None else holes
    lanes = len(streams.coded)
    parts = [*streams.coded, *streams.uncoded]
    sizes = np.array([part.size for part in parts], np.int64)
    starts = np.cumsum(sizes) - sizes
    per_lane = -(-rows // lanes) * cols
    used = int(sizes.sum())
    reach = WORDS_PER_POPULAR_SAMPLE if popularity.is_used else WORDS_PER_SAMPLE
    words = borrow_words(used + reach * per_lane + 4)
    for part, start in zip(parts, starts.tolist(), strict=True):
        words[start : start + part.size] = part
    words[used : used + 4] = 0
    table = weights_with_edge(weights, dtype)
    ends = np.zeros((lanes, 4), np.uint64)
    wide = lanes == LANES and cols > (MIN_SEGMENTS - 1) * SEGMENT and mask is NO_HOLES
    wide = wide and not popularity.is_used
    (decode_block if wide else decode_block_serially)(
        work.samples, work.magnitudes, mask, rows, cols, work.stride, table,
        western_weights(table), thresholds, work.sums, work.activity, work.flat, work.sets, shift,
        centre - popularity.first, popularity.cumulative, cluster_of, tables.lut, tables.entries,
        tables.tilts, words, starts[:lanes], starts[lanes:], ends,
    )  # fmt: skip
    for lane in range(lanes):
        taken = int(ends[lane, 2]) - int(starts[lane])
        bits = int(ends[lane, 3]) - int(starts[lanes + lane]) * 32
        coded, uncoded = int(sizes[lane]), int(sizes[lanes + lane])
        if not coded <= taken <= coded + 2 or -(-bits // 32) != uncoded:
            raise CorruptError(f"stream {lane} does not end with its last sample")
    narrow = dtype == np.int32 and abs(centre) + bound < 2**31
    out = np.empty(shape, np.int32 if narrow else np.int64)
    lowest, highest = place_block(work.samples, rows, cols, work.stride, centre, out)
    if lowest < -bound or highest > bound:
        raise CorruptError("a sample exceeds the block's bound")
    return out
