"""The network that guesses the next sample's distribution (docs/format.md section 11.3)."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from demzip.entropy.integers import ByteReader, read_integers, write_integers
from demzip.errors import CorruptError

Int64Array = NDArray[np.int64]
Layer = tuple[Int64Array, Int64Array]

FEATURES = 32  # inputs that come from the samples
FOURIER = 32  # further ones that come from the place in the raster
OUTPUTS = 11
LANES = 16  # that the widths of the hidden layers are multiples of
MAX_LANES = 7  # so many of them, and every sum stays below 2**31
WEIGHT_LIMIT = 8191  # of weights and biases, 10 fractional bits
MAX_SHIFT = 8


class Place(NamedTuple):
    """Where a block lies.

    Attributes:
        row, col: Of its first sample, in the raster.
        rows, cols: Of the raster.

    """

    row: int
    col: int
    rows: int
    cols: int


@dataclass(frozen=True, eq=False)
class Network:
    """Three layers, in integers.

    Attributes:
        fourier: Whether it also knows the place in the raster.
        layers: (outputs, inputs) weights and (outputs,) biases of each layer, all within
            +-WEIGHT_LIMIT: 32 inputs or 64 with `fourier`, two hidden layers of 16, 32, .. 112,
            11 outputs.

    Raises:
        CorruptError: A number or a width is outside its legal range.

    """

    fourier: bool
    layers: tuple[Layer, Layer, Layer]

    def __post_init__(self) -> None:
        """Check shapes and ranges."""
        if not _are_legal(self.widths):
            raise CorruptError("network: illegal width of a hidden layer")
        expected = _start(None, self.inputs, self.widths)
        for layer, zeros in zip(self.layers, expected, strict=True):
            for values, zero in zip(layer, zeros, strict=True):
                if values.shape != zero.shape:
                    raise CorruptError("network: its layers do not fit each other")
                if np.abs(values).max() > WEIGHT_LIMIT:
                    raise CorruptError(f"network: a weight is not within +-{WEIGHT_LIMIT}")

    @property
    def inputs(self) -> int:
        """Of the first layer."""
        return FEATURES + FOURIER * self.fourier

    @property
    def widths(self) -> tuple[int, int]:
        """Of the hidden layers."""
        return self.layers[0][1].size, self.layers[1][1].size

    @property
    def numbers(self) -> int:
        """Weights and biases."""
        return sum(weights.size + biases.size for weights, biases in self.layers)

    def to_bytes(self, base: "Network | None" = None, shift: int = 0) -> bytes:
        """The network in a model section; as it lies in a file without a base.

        Args:
            base: Network it begins with, of the same widths.
            shift: Low bits that are 0 in every difference to it, 0 .. 8.

        """
        out = bytes([self.fourier, *(width // LANES for width in self.widths), shift])
        for layer, start in zip(self.layers, _start(base, self.inputs, self.widths), strict=True):
            for values, begin in zip(layer, start, strict=True):
                steps = (values - begin).ravel()
                assert not np.any(steps & ((1 << shift) - 1))
                out += write_integers(steps >> shift)
        return out

    @classmethod
    def from_bytes(cls, reader: ByteReader, base: "Network | None" = None) -> "tuple[Network, int]":
        """Inverse of to_bytes: the network and the shift.

        Raises:
            CorruptError: A field is outside its legal range.

        """
        fourier, first, second, shift = reader.take(4)
        widths = LANES * first, LANES * second
        legal = fourier <= 1 and shift <= MAX_SHIFT and _are_legal(widths)
        if not legal or (base is not None and widths != base.widths):
            raise CorruptError(f"{reader.what}: illegal shape of a network")
        start = _start(base, FEATURES + FOURIER * fourier, widths)
        one, two, three = ((_moved(reader, w, shift), _moved(reader, b, shift)) for w, b in start)
        return cls(bool(fourier), (one, two, three)), shift


def shift_of(network: Network, base: Network | None) -> int:
    """Low bits, at most MAX_SHIFT, that are 0 in all differences between two networks."""
    start = _start(base, network.inputs, network.widths)
    bits = 1 << MAX_SHIFT
    for layer, begin in zip(network.layers, start, strict=True):
        for values, from_ in zip(layer, begin, strict=True):
            bits |= int(np.bitwise_or.reduce(values - from_, axis=None))
    return (bits & -bits).bit_length() - 1


def _are_legal(widths: tuple[int, int]) -> bool:
    return all(width in range(LANES, LANES * MAX_LANES + 1, LANES) for width in widths)


def _start(base: Network | None, inputs: int, widths: tuple[int, int]) -> list[Layer]:
    """Layers of a base, as if it had so many inputs; zeros without one."""
    sizes = inputs, *widths, OUTPUTS
    layers = [
        (np.zeros((outputs, count), np.int64), np.zeros(outputs, np.int64))
        for count, outputs in pairwise(sizes)
    ]
    if base is not None:
        shared = min(inputs, base.inputs)
        layers[0][0][:, :shared] = base.layers[0][0][:, :shared]
        layers = [(layers[0][0], base.layers[0][1]), *base.layers[1:]]
    return layers


def _moved(reader: ByteReader, start: Int64Array, shift: int) -> Int64Array:
    """Numbers whose differences to some others are read."""
    steps = read_integers(reader, start.size).reshape(start.shape)
    if max(steps.max(), -steps.min()) > 2 * WEIGHT_LIMIT:  # or they might overflow
        raise CorruptError(f"{reader.what}: a weight of the network is too large")
    return start + (steps << shift)
