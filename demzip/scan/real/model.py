"""What all blocks of a plane of true floats share (docs/format.md section 9.2)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.constants import AT_NEIGHBOURS, AT_ZERO, NOWHERE, PITCH_BITS
from demzip.entropy.integers import ByteReader, fold, read_integers, write_integers, write_varint
from demzip.errors import CorruptError
from demzip.scan.model import THRESHOLD_LIMIT, read_sets, write_weights

Int64Array = NDArray[np.int64]

MAX_SCALE = 1100
MAX_PITCH = 1 << 62

# Stored bits of the fraction, exponent of the least positive float, bits of infinity.
FORMS = {32: (23, 149, 0x7F800000), 64: (52, 1074, 0x7FF << 52)}


@dataclass(frozen=True)
class RealModel:
    """Parameters of a plane of true floats.

    Attributes:
        weights: (sets, 24) multiples of 2**-12, each set summing to one.
        thresholds: (sets - 1,) mean activities from which a segment uses the next set, ascending.
        width: Bits of a float, 32 or 64.
        dropped: Last bits that are zero in all of them, fewer than the fraction has.
        scale: A height u stands for u * 2**-scale; -1100 .. 1100.
        rules: Whether the exact rules are tried.
        anchor: NOWHERE, AT_ZERO or AT_NEIGHBOURS.
        pitch: Of the lattice, in 2**-20 heights, 1 .. 2**62; 1 without one.

    """

    weights: Int64Array
    thresholds: Int64Array
    width: int
    dropped: int
    scale: int
    rules: bool
    anchor: int = NOWHERE
    pitch: int = 1

    @property
    def form(self) -> tuple[int, int, int]:
        """Stored bits of the fraction, exponent of the least positive float, bits of infinity."""
        mantissa, lowest, infinite = FORMS[self.width]
        return mantissa - self.dropped, lowest - self.dropped, infinite >> self.dropped

    def describe(self) -> str:
        """What is special about the floats, in words; begins with a comma unless empty."""
        words = f", last {self.dropped} bits zero" if self.dropped else ""
        step = f"{math.ldexp(self.pitch, -PITCH_BITS - self.scale):.6g}"
        if self.anchor == AT_ZERO:
            words += f", partly on a {step} grid"
        if self.anchor == AT_NEIGHBOURS:
            words += f", partly in steps of {step}"
        return words

    def to_bytes(self) -> bytes:
        """The model section of the plane."""
        out = bytearray(write_varint(self.weights.shape[0]))
        out += write_weights(self.weights)
        out += write_integers(np.diff(self.thresholds, prepend=0))
        out += write_varint(fold(self.scale))
        out += bytes([self.width, self.dropped, int(self.rules), self.anchor])
        if self.anchor != NOWHERE:
            out += write_varint(self.pitch)
        return bytes(out)

    @classmethod
    def from_bytes(cls, reader: ByteReader) -> "RealModel":
        """Inverse of to_bytes.

        Raises:
            CorruptError: A field is outside its legal range.

        """
        weights = read_sets(reader)
        steps = read_integers(reader, weights.shape[0] - 1)
        scale = reader.signed(MAX_SCALE + 1)
        width, dropped, rules, anchor = reader.take(4)
        pitch = 1 if anchor == NOWHERE else reader.varint(MAX_PITCH)
        if (
            width not in FORMS
            or dropped >= FORMS[width][0]
            or rules > 1
            or anchor > AT_NEIGHBOURS
            or pitch < 1
            or np.any(steps < 0)
            or np.any(steps >= THRESHOLD_LIMIT)
        ):
            raise CorruptError("model: a field is outside its legal range")
        return cls(
            weights, np.cumsum(steps), width, dropped, scale, bool(rules), anchor, pitch
        )
