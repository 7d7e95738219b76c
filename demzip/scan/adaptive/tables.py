"""Tables of the adaptive coder, made of integers alone (docs/format.md section 10.5)."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from demzip.scan.adaptive.mixing.kernels import COUNT_LIMIT, ONE, REACH

Int32Array = NDArray[np.int32]


@cache
def mixing_tables() -> tuple[Int32Array, Int32Array, Int32Array]:
    """Logits of chances' upper 12 bits, frequencies of logits, rates of counts."""
    odds, upper = 1 << 32, []
    for _ in range(REACH):
        upper.append((odds << 16) // (odds + (1 << 32)))
        odds += odds >> 8
    frequencies = np.array([ONE - one for one in upper[:0:-1]] + upper, np.int32)
    logits = np.searchsorted(frequencies, np.arange(4096) * 16 + 8) - (REACH - 1)
    rates = np.array([131072 // (2 * count + 3) for count in range(COUNT_LIMIT + 1)], np.int32)
    return logits.astype(np.int32), frequencies, rates
