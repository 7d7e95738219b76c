"""Tables of neural coding, made of integers alone (docs/format.md section 11)."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from demzip.scan.adaptive.tables import mixing_tables
from demzip.scan.neural.network import Place

Int32Array = NDArray[np.int32]

# Format: waves of the Fourier features, sixteenths of a cycle down and across the raster.
WAVES_DOWN = (0, 26, 25, 20, 52, 16, 52, 62, 14, 84, 50, 60, 108, 13, 124, 127)
WAVES_ACROSS = (16, -10, 28, -40, 5, 56, -40, 37, -78, -17, 79, -82, 29, 123, -64, 111)
WAVE_UNIT = 1 << 28  # of a phase: a sixteenth of a turn
OCTAVE = 256  # steps of a logarithm
TURN = 1024  # steps of a turn


@cache
def logarithms() -> Int32Array:
    """(256,): log2(1 + i / 256) in 256ths, rounded down."""
    found, steps = [], 0
    for i in range(OCTAVE):
        while 2 ** (steps + 1) * OCTAVE**OCTAVE <= (OCTAVE + i) ** OCTAVE:
            steps += 1
        found.append(steps)
    return np.array(found, np.int32)


@cache
def exponentials() -> Int32Array:
    """(257,): 2 ** (15 + i / 256), rounded down."""
    found, root = [], 1 << 15
    for i in range(OCTAVE + 1):
        while (root + 1) ** OCTAVE <= 2 ** (15 * OCTAVE + i):
            root += 1
        found.append(root)
    return np.array(found, np.int32)


@cache
def sines() -> Int32Array:
    """(1024,): sine (lower 16 bits) and cosine (upper ones) of i / 1024 turns, times 256."""
    sine = [round(256 * math.sin(2 * math.pi * i / TURN)) for i in range(TURN)]
    cosine = sine[TURN // 4 :] + sine[: TURN // 4]
    return np.array([(c << 16) | (s & 0xFFFF) for s, c in zip(sine, cosine, strict=True)], np.int32)


@cache
def neural_tables() -> Int32Array:
    """All tables of neural/kernels.py one after the other, as mixture/kernels.py lists them."""
    return np.concatenate([*mixing_tables(), logarithms(), exponentials()])


Waves = tuple[Int32Array, Int32Array, int, int, Int32Array]


def waves_of(place: Place) -> Waves:
    """The argument `waves` of the kernels for a block."""
    across = np.array(WAVES_ACROSS, np.int64) * (WAVE_UNIT // place.cols)
    down = np.array(WAVES_DOWN, np.int64) * (WAVE_UNIT // place.rows)
    return across.astype(np.int32), down.astype(np.int32), place.row, place.col, sines()
