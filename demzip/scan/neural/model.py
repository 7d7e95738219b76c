"""What all blocks of a plane share that a network helps to code (docs/format.md section 11.1)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.entropy.integers import ByteReader, write_varint
from demzip.errors import CorruptError
from demzip.scan.adaptive.model import AdaptiveModel
from demzip.scan.neural.network import Network
from demzip.scan.neural.shipped import shipped

Int64Array = NDArray[np.int64]


@dataclass(frozen=True)
class NeuralModel:
    """Parameters of a plane.

    Attributes:
        weights: (sets, 24) multiples of 2**-12, each set summing to one.
        thresholds: (sets - 1,) mean activities from which a segment uses the next set, ascending.
        number: Of the shipped network that the plane's begins with, 0 if it begins with none.
        network: The plane's.
        shift: Low bits that are 0 in all differences between the two, 0 .. 8.

    """

    weights: Int64Array
    thresholds: Int64Array
    number: int
    network: Network
    shift: int = 0

    @property
    def is_fitted(self) -> bool:
        """Whether the network is another one than the shipped."""
        return not self.number or self.network is not shipped(self.number)

    def describe(self) -> str:
        """The network in words, e.g. "number 1, fitted"."""
        words = [f"number {self.number}"] if self.number else ["none that is shipped"]
        words += ["fitted"] * self.is_fitted
        return ", ".join(words)

    def to_bytes(self) -> bytes:
        """The model section of the plane."""
        out = AdaptiveModel(self.weights, self.thresholds).to_bytes() + write_varint(self.number)
        if not self.is_fitted:
            return out + b"\x00"
        base = shipped(self.number) if self.number else None
        return out + b"\x01" + self.network.to_bytes(base, self.shift)

    @classmethod
    def from_bytes(cls, reader: ByteReader) -> "NeuralModel":
        """Inverse of to_bytes.

        Raises:
            CorruptError: A field is outside its legal range.
            UnsupportedError: The network is one of a later version of demzip.

        """
        sets = AdaptiveModel.from_bytes(reader)
        number = reader.varint()
        base = shipped(number) if number else None
        form = reader.take(1)[0]
        if form > 1 or (form == 0 and base is None):
            raise CorruptError("model: illegal form of a network")
        network, shift = (base, 0) if form == 0 and base else Network.from_bytes(reader, base)
        return cls(sets.weights, sets.thresholds, number, network, shift)
