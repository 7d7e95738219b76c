"""A surface that a coordinate network draws, in integers (docs/format.md section 12)."""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox
from demzip.constants import SEGMENT
from demzip.entropy.integers import ByteReader, fold, read_integers, write_integers, write_varint
from demzip.errors import CorruptError
from demzip.scan.implicit.kernels import draw

Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]

MAX_FEATURES, MAX_WIDTH, MAX_DEPTH = 512, 128, 16
MAX_FREQUENCY = 1 << 16
CYCLE_BITS = 29  # of a turn of 32 bits: frequencies count eighths of a cycle
MAX_WEIGHT = (1 << 15) - 1
MAX_SUM = 65024  # of a unit's weights' magnitudes: 2**15 * 65024 + 2**24 = 2**31
MAX_SHIFT, MAX_GAIN, MAX_GAIN_SHIFT = 24, (1 << 31) - 1, 62
HEIGHT_LIMIT = 1 << 46
ONE_BITS = 12  # the input that never changes is 4096
SINES = 1024  # of a turn
SINE_BITS = 14
TURN_BITS = 60  # of the recurrence
# Cosine and sine of 2 pi / 1024.
STEP = (1152899801185339687, 7074193361797233)
TOGETHER = 4  # units that the kernel computes side by side


class Layer(NamedTuple):
    """Units that see the same inputs.

    Attributes:
        weights: (units, inputs + 1), the last of each for the input that is always 4096.
        shift: Of what leaves a unit, to the right.

    """

    weights: Int64Array
    shift: int


@cache
def sine_table() -> Int32Array:
    """(1024,) the sine of k / 1024 turns in the low half, the cosine in the high one."""
    (along, across), half = STEP, 1 << (TURN_BITS - SINE_BITS - 1)
    sine, cosine = 0, 1 << TURN_BITS
    pairs = []
    for _ in range(SINES):
        pairs.append([(v + half) >> (TURN_BITS - SINE_BITS) for v in (sine, cosine)])
        sine, cosine = (
            (sine * along + cosine * across) >> TURN_BITS,
            (cosine * along - sine * across) >> TURN_BITS,
        )
    return _paired(np.array(pairs, np.int64)).ravel()


def _paired(numbers: Int64Array) -> Int32Array:
    """(.., 2 n) numbers of 16 bits as (.., n) of 32: the first of two in the low half."""
    return np.ascontiguousarray(numbers.astype("<i2")).view("<i4").astype(np.int32, copy=False)


class Compiled(NamedTuple):
    """A network as the kernel reads it."""

    units: int
    weights: Int32Array
    biases: Int32Array
    shifts: Int64Array


@dataclass(frozen=True)
class Surface:
    """A height, in samples, for every cell of a raster.

    Attributes:
        frequencies: (features, 2) eighths of a cycle along the raster's longer side, to the east
            and to the south, within +-2**16.
        hidden: 1 .. 16 layers of as many units; the first sees sines and cosines in turn.
        output: (units + 1,) weights of the height.
        offset: Height where the output is 0, within +-2**46.
        gain, gain_shift: What an output counts: gain / 2**gain_shift samples.
        lowest, highest: No height lies beyond, within +-2**46.
        side: The raster's longer side, 1 .. 2**24.

    """

    frequencies: Int64Array
    hidden: tuple[Layer, ...]
    output: Int64Array
    offset: int
    gain: int
    gain_shift: int
    lowest: int
    highest: int
    side: int

    @property
    def numbers(self) -> int:
        """Weights and frequencies that it keeps in memory."""
        hidden = sum(layer.weights.size for layer in self.hidden)
        return self.frequencies.size + hidden + self.output.size

    @property
    def parameters(self) -> int:
        """Weights, those of the constant among them; frequencies are drawn, not learnt."""
        return self.numbers - self.frequencies.size

    def describe(self) -> str:
        """The network in words, e.g. "256 features, 8 layers of 32"."""
        width = self.hidden[0].weights.shape[0]
        return f"{self.frequencies.shape[0]} features, {len(self.hidden)} layers of {width}"

    def to_bytes(self) -> bytes:
        """The network section."""
        out = bytearray(write_varint(self.frequencies.shape[0]))
        out += write_varint(self.hidden[0].weights.shape[0]) + write_varint(len(self.hidden))
        out += write_integers(self.frequencies.ravel())
        for layer in self.hidden:
            out += write_varint(layer.shift) + write_integers(layer.weights.ravel())
        out += write_integers(self.output)
        out += write_varint(self.gain) + write_varint(self.gain_shift)
        for height in (self.offset, self.lowest, self.highest):
            out += write_varint(fold(height))
        return bytes(out)

    @classmethod
    def from_bytes(cls, data: bytes | memoryview, side: int) -> "Surface":
        """Inverse of to_bytes; every field is checked against docs/format.md section 12.

        Args:
            data: The network section.
            side: The raster's longer side.

        Raises:
            CorruptError: A field is outside its legal range.

        """
        reader = ByteReader(data, "network")
        features = reader.varint(MAX_FEATURES + 1)
        width, depth = reader.varint(MAX_WIDTH + 1), reader.varint(MAX_DEPTH + 1)
        if min(features, width, depth) < 1:
            raise CorruptError("network: there are no features, no units or no layers")
        frequencies = read_integers(reader, 2 * features).reshape(-1, 2)
        if np.abs(frequencies).max() > MAX_FREQUENCY:
            raise CorruptError("network: a frequency is outside its legal range")
        hidden = []
        for inputs in (2 * features, *[width] * (depth - 1)):
            shift = reader.varint(MAX_SHIFT + 1)
            hidden.append(Layer(_read_weights(reader, width, inputs), shift))
        output = _read_weights(reader, 1, width)[0]
        gain, gain_shift = reader.varint(MAX_GAIN + 1), reader.varint(MAX_GAIN_SHIFT + 1)
        offset, lowest, highest = (reader.signed(HEIGHT_LIMIT) for _ in range(3))
        reader.done()
        heights = (offset, lowest, highest)
        if gain_shift == 0 or lowest > highest or -HEIGHT_LIMIT in heights:
            raise CorruptError("network: its heights have no legal range")
        return cls(
            frequencies, tuple(hidden), output, offset, gain, gain_shift, lowest, highest, side
        )

    @cached_property
    def _compiled(self) -> Compiled:
        """Units and inputs filled up with zeros to whole groups."""
        width = self.hidden[0].weights.shape[0]
        units = -(-width // TOGETHER) * TOGETHER
        weights, biases = [], []
        for k, layer in enumerate(self.hidden):
            inputs = units if k else layer.weights.shape[1] - 1
            full = np.zeros((units, inputs + 1), np.int64)
            full[:width, : layer.weights.shape[1] - 1] = layer.weights[:, :-1]
            full[:width, -1] = layer.weights[:, -1]
            groups = _paired(full[:, :-1]).reshape(units // TOGETHER, TOGETHER, -1)
            weights.append(groups.transpose(0, 2, 1).ravel())
            biases.append(full[:, -1])
        weights.append(_paired(np.append(self.output[:-1], np.zeros(units - width, np.int64))))
        biases.append(self.output[-1:])
        return Compiled(
            units,
            np.concatenate(weights),
            (np.concatenate(biases) << ONE_BITS).astype(np.int32),
            np.array([layer.shift for layer in self.hidden], np.int64),
        )

    def draw(self, box: BlockBox) -> Int64Array:
        """Heights of a block of the raster: (rows, cols) samples."""
        unit = (1 << CYCLE_BITS) // self.side
        down = np.arange(box.row, box.row + box.rows) * unit
        across = np.arange(box.col, box.col + box.cols) * unit
        return self.heights(down, across)

    def heights(self, down: Int64Array, across: Int64Array) -> Int64Array:
        """Heights at places of a lattice.

        Args:
            down: Of its rows, in units of 2**-29 of the side.
            across: Of its columns, likewise.

        Returns:
            (rows, columns) heights.

        """
        made = self._compiled
        rows, cols = down.size, across.size
        stride = -(-cols // SEGMENT) * SEGMENT
        places = np.zeros(stride, np.int32)
        places[:cols] = across.astype(np.int32)  # whole turns do not count
        turns = self.frequencies.astype(np.int32)
        cells = np.empty((turns.shape[0] + made.units) * SEGMENT, np.int32)
        out = np.empty((rows, stride), np.int64)
        draw(
            down.astype(np.int32), places, rows, cols, np.uint64(stride), sine_table(),
            np.ascontiguousarray(turns[:, 0]), np.ascontiguousarray(turns[:, 1]),
            np.uint64(made.units), made.weights, made.biases, made.shifts, cells, self.offset,
            self.gain, self.gain_shift, self.lowest, self.highest, out.ravel(),
        )  # fmt: skip
        return out[:, :cols]


def is_legal(weights: Int64Array) -> bool:
    """Whether weights, (units, inputs), fit into 16 bits and no sum of a unit leaves 32."""
    sizes = np.abs(weights)
    return bool(sizes.max() <= MAX_WEIGHT and sizes.sum(axis=1).max() <= MAX_SUM)


def _read_weights(reader: ByteReader, units: int, inputs: int) -> Int64Array:
    weights = read_integers(reader, units * (inputs + 1)).reshape(units, -1)
    if not is_legal(weights):
        raise CorruptError("network: weights are outside their legal range")
    return weights
