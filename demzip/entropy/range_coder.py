"""Whole streams of symbols under static tables, by constriction or by its twin in Numba.

Both engines write the same words (docs/format.md section 8.1). constriction has no wheels for some
machines (Linux on Arm among them); there, the twin does the work.
"""

import numpy as np
from numpy.typing import NDArray

from demzip.entropy.kernels import decode_symbols, encode_symbols
from demzip.errors import CorruptError

try:
    import constriction
except ImportError:
    constriction = None

PRECISION = 24
TOTAL = 1 << PRECISION

UInt32Array = NDArray[np.uint32]
Int64Array = NDArray[np.int64]


def _model(frequencies: Int64Array) -> object:
    # Weights f - 1 that sum to 2**24 - n leave constriction nothing to round: its frequencies are
    # exactly f on every machine.
    return constriction.stream.model.Categorical(
        (frequencies - 1).astype(np.float64), perfect=False
    )


def encode(symbols: Int64Array, frequencies: Int64Array, *, twin: bool = False) -> UInt32Array:
    """Code symbols under one table.

    Args:
        symbols: (n,) in 0 .. len(frequencies) - 1.
        frequencies: (m >= 2,) positive, sum 2**24.
        twin: Use the Numba engine even where constriction is installed.

    """
    if constriction is not None and not twin:
        coder = constriction.stream.queue.RangeEncoder()
        if symbols.size:
            coder.encode(symbols.astype(np.int32), _model(frequencies))
        words: UInt32Array = coder.get_compressed()
        return words
    cumulative = np.concatenate([[0], np.cumsum(frequencies)])[None]
    words = np.empty(symbols.size + 2, np.uint32)
    used = encode_symbols(symbols, np.zeros(symbols.size, np.int64), cumulative, words)
    return words[:used].copy()


def decode(
    words: UInt32Array, count: int, frequencies: Int64Array, *, twin: bool = False
) -> Int64Array:
    """Inverse of encode.

    Raises:
        CorruptError: The words are not a stream of `count` symbols.

    """
    if constriction is not None and not twin:
        if count == 0:
            return np.zeros(0, np.int64)
        coder = constriction.stream.queue.RangeDecoder(np.ascontiguousarray(words))
        try:
            symbols = coder.decode(_model(frequencies), count)
        except (AssertionError, ValueError) as error:
            raise CorruptError("a coded list of numbers is damaged") from error
        return np.asarray(symbols, np.int64)
    cumulative = np.concatenate([[0], np.cumsum(frequencies)])[None]
    symbols = np.empty(count, np.int64)
    if decode_symbols(words, np.zeros(count, np.int64), cumulative, symbols) < 0:
        raise CorruptError("a coded list of numbers is damaged")
    return symbols
