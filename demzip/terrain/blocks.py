"""Blocks of a source that are kept in memory; those not used for longest make room."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockGrid
from demzip.errors import DemzipError, OptionsError
from demzip.surface.pool import Pool
from demzip.terrain.source import HeightSource

Float64Array = NDArray[np.float64]

MIN_SLOTS = 4  # blocks that one point may need


class Blocks:
    """A cache of blocks. Threads take turns, until it holds the whole raster.

    Attributes:
        grid: The blocks of the source.
        slots: Blocks that fit.

    """

    def __init__(self, source: HeightSource, limit: int) -> None:
        if limit < 0:
            raise OptionsError(f"cache of {limit} bytes: it must be 0 or more")
        rows, cols = source.shape
        side = min(source.side, max(rows, cols))
        self.grid = BlockGrid(rows, cols, side)
        self.slots = min(max(limit // (8 * side * side), MIN_SLOTS), self.grid.count)
        self._source = source
        self._pool = Pool(source.shape, side)
        self._kept: OrderedDict[int, None] = OrderedDict()  # numbers, those just used at the end
        self._lock = RLock()

    def needed(self, rows: Float64Array, cols: Float64Array, method: str) -> list[int]:
        """Numbers of the blocks that heights at positions (in samples) need."""
        found: list[int] = np.flatnonzero(self._pool.needed(rows, cols, method)).tolist()
        return found

    @contextmanager
    def holding(self, numbers: Iterable[int]) -> Iterator[Pool]:
        """Give a pool that has these blocks, `slots` at most, as long as the with statement lasts.

        Raises:
            DemzipError: A block cannot be read; OptionsError: the source has been closed.

        """
        everything = self.slots == self.grid.count  # nothing ever makes room
        with self._lock:
            self._load(list(numbers))
            if not everything:
                yield self._pool
        if everything:
            yield self._pool

    def read(self, rows: slice, cols: slice) -> Float64Array:
        """Heights of a window inside the raster, (rows, cols), NaN for voids."""
        out = np.empty((rows.stop - rows.start, cols.stop - cols.start))
        if out.size == 0:
            return out
        for box in self.grid.touching(rows, cols):
            top, bottom = max(box.row, rows.start), min(box.row + box.rows, rows.stop)
            left, right = max(box.col, cols.start), min(box.col + box.cols, cols.stop)
            with self.holding([box.number]) as pool:
                block = pool.slots[pool.table[divmod(box.number, self.grid.across)]]
                part = block[top - box.row : bottom - box.row, left - box.col : right - box.col]
                out[
                    top - rows.start : bottom - rows.start, left - cols.start : right - cols.start
                ] = part
        return out

    def _load(self, numbers: list[int]) -> None:
        if self._source.closed:
            raise OptionsError(f"{self._source.name}: the raster has been closed")
        for number in numbers:
            if number in self._kept:
                self._kept.move_to_end(number)
        for number in numbers:
            if number not in self._kept:
                self._read(number)

    def _read(self, number: int) -> None:
        box = self.grid.box(number)
        heights = self._source.heights(*box.slices)
        if len(self._kept) == self.slots:
            oldest, _ = self._kept.popitem(last=False)
            self._pool.drop(*divmod(oldest, self.grid.across))
        try:
            self._pool.put(*divmod(number, self.grid.across), heights)
        except MemoryError as error:
            raise DemzipError(
                f"{self._source.name}: {self.slots} blocks of {box.rows} x {box.cols} samples do "
                "not fit into memory; give the cache fewer bytes"
            ) from error
        self._kept[number] = None


def first_post(place: Float64Array, size: int, reach: int) -> NDArray[np.int64]:
    """First post that a position needs along an axis, as `Pool.needed` has it."""
    first: NDArray[np.int64] = np.floor(place).astype(np.int64) - reach
    at_end = first + 2 * reach + 1 >= size
    first[at_end] = np.minimum(first[at_end], size - 3)
    return np.maximum(first, 0)
