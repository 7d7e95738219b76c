"""Residuals and context states to words (docs/format.md section 8)."""

from numba import int64, uint32, uint64

from demzip.entropy.kernels import encode_end
from demzip.jit import kernel
from demzip.scan.symbols.kernels import put_any, put_plain


@kernel
def encode_rows(
    residuals, states, samples, holes, first, step, origin, cumulative,
    cluster_of, entries, tilts, shifts, side_tokens, words, bits,
):  # fmt: skip
    """Code rows first, first + step, ... as one stream. Returns words and bits used."""
    rows, cols = residuals.shape
    masked = holes.shape[0] > 0
    low, span, position, bit = uint64(0), uint64(0xFFFFFFFFFFFFFFFF), uint64(0), uint64(0)
    bits[0] = uint32(0)
    for row in range(first, rows, step):
        for col in range(cols):
            if masked and holes[row, col]:
                continue
            low, span, position, bit = put_any(
                int64(residuals[row, col]), states[row, col], samples[row, col] + origin,
                cumulative,
                cluster_of, entries, tilts, shifts, side_tokens, words, bits, low, span, position,
                bit,
            )  # fmt: skip
    return encode_end(low, span, position, words), bit


@kernel
def put_row(
    residuals, states, cluster_of, entries, shifts, side_tokens, words, bits,
    low, span, position, bit,
):  # fmt: skip
    """Code one row of a block without holes."""
    for col in range(residuals.size):
        low, span, position, bit = put_plain(
            int64(residuals[col]), states[col], cluster_of, entries, shifts, side_tokens,
            words, bits, low, span, position, bit,
        )  # fmt: skip
    return low, span, position, bit


@kernel
def encode_quads(
    residuals, states, cluster_of, entries, shifts, side_tokens,
    words, bits, words_used, bits_used,
):
    """Code all rows of a block without holes as four streams, four rows at a time.

    The streams are independent, so that the latencies of one hide behind the others. Row k of
    `words` and `bits` takes stream k; `words_used` and `bits_used` (4,) how much of it.
    """
    rows, cols = residuals.shape
    words0, words1, words2, words3 = words[0], words[1], words[2], words[3]
    bits0, bits1, bits2, bits3 = bits[0], bits[1], bits[2], bits[3]
    bits[:, 0] = uint32(0)
    full, zero = uint64(0xFFFFFFFFFFFFFFFF), uint64(0)
    low0, span0, position0, bit0 = zero, full, zero, zero
    low1, span1, position1, bit1 = zero, full, zero, zero
    low2, span2, position2, bit2 = zero, full, zero, zero
    low3, span3, position3, bit3 = zero, full, zero, zero
    for row in range(0, rows - 3, 4):
        here0, state0 = residuals[row], states[row]
        here1, state1 = residuals[row + 1], states[row + 1]
        here2, state2 = residuals[row + 2], states[row + 2]
        here3, state3 = residuals[row + 3], states[row + 3]
        for col in range(cols):
            low0, span0, position0, bit0 = put_plain(
                int64(here0[col]), state0[col], cluster_of, entries, shifts, side_tokens,
                words0, bits0, low0, span0, position0, bit0,
            )  # fmt: skip
            low1, span1, position1, bit1 = put_plain(
                int64(here1[col]), state1[col], cluster_of, entries, shifts, side_tokens,
                words1, bits1, low1, span1, position1, bit1,
            )  # fmt: skip
            low2, span2, position2, bit2 = put_plain(
                int64(here2[col]), state2[col], cluster_of, entries, shifts, side_tokens,
                words2, bits2, low2, span2, position2, bit2,
            )  # fmt: skip
            low3, span3, position3, bit3 = put_plain(
                int64(here3[col]), state3[col], cluster_of, entries, shifts, side_tokens,
                words3, bits3, low3, span3, position3, bit3,
            )  # fmt: skip
    last = rows // 4 * 4
    if last < rows:
        low0, span0, position0, bit0 = put_row(
            residuals[last], states[last], cluster_of, entries, shifts, side_tokens,
            words0, bits0, low0, span0, position0, bit0,
        )  # fmt: skip
    if last + 1 < rows:
        low1, span1, position1, bit1 = put_row(
            residuals[last + 1], states[last + 1], cluster_of, entries, shifts, side_tokens,
            words1, bits1, low1, span1, position1, bit1,
        )  # fmt: skip
    if last + 2 < rows:
        low2, span2, position2, bit2 = put_row(
            residuals[last + 2], states[last + 2], cluster_of, entries, shifts, side_tokens,
            words2, bits2, low2, span2, position2, bit2,
        )  # fmt: skip
    words_used[0] = encode_end(low0, span0, position0, words0)
    bits_used[0] = bit0
    words_used[1] = encode_end(low1, span1, position1, words1)
    bits_used[1] = bit1
    words_used[2] = encode_end(low2, span2, position2, words2)
    bits_used[2] = bit2
    words_used[3] = encode_end(low3, span3, position3, words3)
    bits_used[3] = bit3
