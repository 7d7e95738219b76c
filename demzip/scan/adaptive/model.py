"""What all blocks of a plane share under adaptive coding (docs/format.md section 10.1)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.entropy.integers import ByteReader, read_integers, write_integers, write_varint
from demzip.errors import CorruptError
from demzip.scan.model import THRESHOLD_LIMIT, read_sets, write_weights

Int64Array = NDArray[np.int64]


@dataclass(frozen=True)
class AdaptiveModel:
    """Parameters of a plane.

    Attributes:
        weights: (sets, 24) multiples of 2**-12, each set summing to one.
        thresholds: (sets - 1,) mean activities from which a segment uses the next set, ascending.

    """

    weights: Int64Array
    thresholds: Int64Array

    def to_bytes(self) -> bytes:
        """The model section of the plane."""
        steps = write_integers(np.diff(self.thresholds, prepend=0))
        return write_varint(self.weights.shape[0]) + write_weights(self.weights) + steps

    @classmethod
    def from_bytes(cls, reader: ByteReader) -> "AdaptiveModel":
        """Inverse of to_bytes.

        Raises:
            CorruptError: A field is outside its legal range.

        """
        weights = read_sets(reader)
        steps = read_integers(reader, weights.shape[0] - 1)
        if np.any(steps < 0) or np.any(steps >= THRESHOLD_LIMIT):
            raise CorruptError("model: a field is outside its legal range")
        return cls(weights, np.cumsum(steps))
