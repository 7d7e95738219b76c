"""The range coder: constriction's `queue` coder, word for word (docs/format.md section 8).

Encoder state: (low, span, position). The words written so far, followed by `low`, are one long
binary fraction; `span` is the width of the interval that is left, 2**32 <= span < 2**64 between
symbols. A carry out of `low` is added to the words already written.

Decoder state: (point, span, position). `point` is the coded fraction minus the low end of the
interval, so 0 <= point < span in an intact stream.

Probabilities are integer frequencies out of 2**24; tables here are out of 2**12, scaled by 2**12.
"""

import math

from numba import int64, uint32, uint64

from demzip.constants import ESCAPE, SIDE_REACH, SIDE_TOKENS
from demzip.jit import inlined, kernel

FULL = 0xFFFFFFFFFFFFFFFF


@inlined
def encode_step(low, span, position, words, cumulative, frequency, shift):
    """Narrow the interval to [cumulative, cumulative + frequency) / 2**(24 - shift)."""
    scale = (span >> uint64(24)) << shift
    before = low
    low = low + scale * cumulative
    if low < before:
        carry_into(words, position)
    span = scale * frequency
    if span < uint64(1) << uint64(32):
        words[position] = uint32(low >> uint64(32))
        position += uint64(1)
        low = low << uint64(32)
        span = span << uint64(32)
    return low, span, position


@kernel
def carry_into(words, position):
    """Add one to the fraction that ends before `position`."""
    position -= uint64(1)
    while words[position] == uint32(0xFFFFFFFF):
        words[position] = uint32(0)
        position -= uint64(1)
    words[position] += uint32(1)


@inlined
def encode_end(low, span, position, words):
    """Write the fewest words (one or two) that single out the interval, as constriction does."""
    if span != uint64(FULL):
        point = low + uint64(0xFFFFFFFF)
        if point < low:
            carry_into(words, position)
        words[position] = uint32(point >> uint64(32))
        position += uint64(1)
        if uint32((low + span) >> uint64(32)) == uint32(point >> uint64(32)):
            words[position] = uint32(0)
            position += uint64(1)
    return position


@kernel
def encode_symbols(symbols, tables, cumulative, words):
    """Code symbols with 24-bit tables; symbol i uses row tables[i] of `cumulative`.

    Preconditions: `cumulative` is (tables, alphabet + 1) int64 from 0 to 2**24, strictly
    increasing over every symbol used; `words` holds len(symbols) + 2 words. Returns words used.
    """
    low, span, position = uint64(0), uint64(FULL), uint64(0)
    for i in range(symbols.size):
        row = cumulative[tables[i]]
        left = uint64(row[symbols[i]])
        low, span, position = encode_step(
            low, span, position, words, left, uint64(row[symbols[i] + 1]) - left, uint64(0)
        )
    return encode_end(low, span, position, words)


@kernel
def decode_symbols(words, tables, cumulative, symbols):
    """Inverse of encode_symbols; missing words read as 0. Returns 0, or -1 for a corrupt stream."""
    point, span, position = uint64(0), uint64(FULL), int64(2)
    if words.size > 0:
        point = uint64(words[0]) << uint64(32)
    if words.size > 1:
        point |= uint64(words[1])
    for i in range(symbols.size):
        row = cumulative[tables[i]]
        scale = span >> uint64(24)
        quantile = point // scale
        if quantile >= uint64(1) << uint64(24):
            return -1
        low, high = 0, row.size - 1
        while high - low > 1:
            middle = (low + high) >> 1
            if uint64(row[middle]) <= quantile:
                low = middle
            else:
                high = middle
        symbols[i] = low
        point -= scale * uint64(row[low])
        span = scale * uint64(row[low + 1] - row[low])
        if span == uint64(0):
            return -1
        if span < uint64(1) << uint64(32):
            span = span << uint64(32)
            point = point << uint64(32)
            if position < words.size:
                point |= uint64(words[position])
            position += 1
    return 0


@inlined
def decode_start(words, start):
    """State of a decoder whose first word is words[start]."""
    point = (uint64(words[start]) << uint64(32)) | uint64(words[start + 1])
    return point, uint64(FULL), uint64(start + 2)


@inlined
def put_bits(words, bit, value, count):
    """Append `count` <= 32 bits to words that are zero from `bit` on."""
    index = bit >> uint64(5)
    pair = uint64(value) << (bit & uint64(31))
    words[index] |= uint32(pair)
    words[index + uint64(1)] |= uint32(pair >> uint64(32))
    return bit + uint64(count)


@inlined
def clear_ahead(words, bit):
    """Zero the word after the one that `bit` is in; put_bits may reach into it."""
    words[(bit >> uint64(5)) + uint64(1)] = uint32(0)


@inlined
def peek_bits(words, bit):
    """At least 32 uncoded bits from bit position `bit` on, lowest first."""
    index = bit >> uint64(5)
    pair = uint64(words[index]) | (uint64(words[index + uint64(1)]) << uint64(32))
    return pair >> (bit & uint64(31))



@kernel
def information(one, other, logs, token_bits):
    """Bits of two histograms under one table, its levels at `token_bits` each among them."""
    total, bits = 0, 0.0
    for i in range(one.size):
        count = one[i] + other[i]
        total += count
        if count < logs.size:
            bits -= logs[count]
        else:
            bits += token_bits - count * math.log2(count)
    return bits + total * math.log2(max(total, 1))


@kernel
def merge_contexts(
    histogram, shifts, reach, most, logs, token_bits, table_bits, cluster, own, partner, saved
):
    """Merge the pair of clusters that saves most until none does and at most `most` are left.

    Encoder only. `histogram` (contexts + 1, symbols) int64, its last row zeros, is destroyed;
    `cluster[i]` becomes the number of the context that i was merged into. Clusters with different
    shifts or more than `reach` apart never merge. `logs[n]` is n log2 n less `token_bits`, but 0
    for n = 0. `own`, `partner` (contexts,) and `saved` (contexts, contexts) are scratch; `own`
    ends as -1 for contexts that have no cluster of their name.
    """
    n = histogram.shape[0] - 1
    alive = 0
    for i in range(n):
        cluster[i] = i
        own[i] = -1.0
        if histogram[i].sum() > 0:
            own[i] = information(histogram[i], histogram[n], logs, token_bits)
            alive += 1
    for i in range(n):
        compare(
            histogram, shifts, i, i + 1, min(n, i + reach + 1), logs, token_bits, table_bits, own,
            saved,
        )  # fmt: skip
    for i in range(n):
        partner[i] = best_partner(shifts, reach, own, saved, i)
    while True:
        best = -1
        for i in range(n):
            if own[i] >= 0.0 and partner[i] >= 0 and (
                best < 0 or saved[i, partner[i]] > saved[best, partner[best]]
            ):
                best = i
        if best < 0 or (saved[best, partner[best]] <= 0.0 and alive <= most):
            break
        other = partner[best]
        for k in range(histogram.shape[1]):
            histogram[best, k] += histogram[other, k]
        own[other] = -1.0
        own[best] = information(histogram[best], histogram[n], logs, token_bits)
        alive -= 1
        for i in range(n):
            if cluster[i] == other:
                cluster[i] = best
        compare(
            histogram, shifts, best, max(best - reach, 0), min(n, best + reach + 1), logs,
            token_bits, table_bits, own, saved,
        )  # fmt: skip
        for i in range(n):
            if i == best or partner[i] == best or partner[i] == other:
                partner[i] = best_partner(shifts, reach, own, saved, i)
            elif (
                partner[i] >= 0 and shifts[i] == shifts[best] and abs(i - best) <= reach
                and saved[i, best] > saved[i, partner[i]]
            ):  # fmt: skip
                partner[i] = best


@kernel
def compare(
    histogram, shifts, i, start, end, logs, token_bits, table_bits, own, saved
):
    """Note how many bits the mergers of cluster i with start .. end - 1 save, perhaps below 0."""
    for j in range(start, end):
        if j != i and own[i] >= 0.0 and own[j] >= 0.0 and shifts[j] == shifts[i]:
            bits = information(histogram[i], histogram[j], logs, token_bits)
            saved[i, j] = own[i] + own[j] + table_bits - bits
            saved[j, i] = saved[i, j]


@kernel
def best_partner(shifts, reach, own, saved, i):
    """The cluster whose merger with i saves most bits; -1 if there is none that it may merge with.

    Also for what is no cluster any more.
    """
    best = -1
    for j in range(max(i - reach, 0), min(own.size, i + reach + 1)):
        possible = j != i and own[j] >= 0.0 and shifts[j] == shifts[i]
        if possible and (best < 0 or saved[i, j] > saved[i, best]):
            best = j
    return best


@inlined
def chance_of_lower(left, right, start, end):
    """16-bit chance that a level lies in the lower half of its interval.

    Source: docs/format.md section 8.5. `left` and `right` are the masses of the levels in the two
    halves, not both 0; `start` and `end` the densities of the residual at the interval's ends,
    between which it is taken as linear.
    """
    share = (left << 16) // (left + right)
    lower = share * (3 * start + end)
    upper = (65536 - share) * (start + 3 * end)
    return min(max((lower << 16) // (lower + upper), 1), 65535)


@inlined
def symbol_of(quotient, tokens):
    """Symbol of a shifted residual: 56 + token if q >= 0, else 55 - token of ~q; or the escape."""
    sign = quotient >> 63
    magnitude = uint64(quotient ^ sign)
    token = int64(tokens[min(magnitude, uint64(SIDE_REACH - 1))])
    return SIDE_TOKENS + (token ^ sign) if magnitude < uint64(SIDE_REACH) else ESCAPE
