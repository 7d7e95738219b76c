"""How often each sample value occurs, where that is so uneven that it is worth saying.

Elevations that were once contour lines, or feet, or the depths of a chart, favour some levels.
What a residual's symbol leaves open is then coded by the popularity of the levels it could mean
(docs/format.md section 8.5).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.entropy.integers import (
    ByteReader,
    read_integers,
    read_naturals,
    write_integers,
    write_naturals,
    write_varint,
)
from demzip.errors import CorruptError

Int64Array = NDArray[np.int64]

MAX_CLASS = 60
MAX_LEVELS = 1 << 20
FIRST_LIMIT = 1 << 47
MASS_LIMIT = 1 << 47  # of all masses together: they are shifted by 16 bits in int64
HALF_OCTAVE = np.array([16, 23], np.int64)  # Format: masses of classes 1 and 2, then doubling


@dataclass(frozen=True)
class Popularity:
    """Occurrences of consecutive sample values on a logarithmic scale.

    Attributes:
        first: Sample that classes[0] belongs to.
        classes: (n,) 0 for samples that do not occur, else 1 .. 60 in half octaves of frequency.
        cumulative: (n + 1,) masses of all samples before each.

    """

    first: int
    classes: Int64Array
    cumulative: Int64Array

    @classmethod
    def of_classes(cls, first: int, classes: Int64Array) -> "Popularity":
        """Popularity with the masses that the classes stand for."""
        steps = np.maximum(classes - 1, 0)
        masses = np.where(classes > 0, HALF_OCTAVE[steps & 1] << (steps >> 1), 0)
        return cls(first, classes, np.concatenate([[0], np.cumsum(masses)]))

    @classmethod
    def of_counts(cls, first: int, counts: Int64Array) -> "Popularity":
        """Popularity that comes closest to counts."""
        octaves = np.log2(np.maximum(counts, 1))
        classes = np.minimum(1 + np.rint(2 * octaves), MAX_CLASS).astype(np.int64)
        return cls.of_classes(first, np.where(counts > 0, classes, 0))

    def rounded(self, step: int) -> "Popularity":
        """Coarser classes, which say less but cost less."""
        coarse = np.maximum(1, (self.classes + step // 2) // step * step)
        return self.of_classes(self.first, np.where(self.classes > 0, coarse, 0))

    def to_bytes(self) -> bytes:
        """The section of the header's model: a count, the first sample and the classes."""
        out = write_varint(self.classes.size)
        if self.classes.size:
            out += write_integers(np.array([self.first])) + write_naturals(self.classes)
        return out

    @classmethod
    def from_bytes(cls, reader: ByteReader) -> "Popularity":
        """Inverse of to_bytes.

        Raises:
            CorruptError: A field is outside its legal range.

        """
        count = reader.varint(MAX_LEVELS + 1)
        if count == 0:
            return NOT_USED
        first = int(read_integers(reader, 1)[0])
        classes = read_naturals(reader, count)
        if abs(first) >= FIRST_LIMIT or classes.max() > MAX_CLASS:
            raise CorruptError("popularity: a field is outside its legal range")
        found = cls.of_classes(first, classes)
        if int(found.cumulative[-1]) >= MASS_LIMIT:
            raise CorruptError("popularity: the masses add up to too much")
        return found

    @property
    def is_used(self) -> bool:
        """Whether low bits are coded by it."""
        return self.classes.size > 0


NOT_USED = Popularity(0, np.zeros(0, np.int64), np.zeros(1, np.int64))
