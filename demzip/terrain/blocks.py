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
        self._pool: Pool | None = None  # allocated when first used
        self._kept: OrderedDict[int, int] = OrderedDict()  # number of a block -> its slot
        self._free = list(range(self.slots))
        self._lock = RLock()

    @property
    def down(self) -> int:
        """Rows of blocks."""
        return self.grid.count // self.grid.across

    @contextmanager
    def holding(self, numbers: Iterable[int]) -> Iterator[Pool]:
        """Give a pool that has these blocks, `slots` at most, as long as the with statement lasts.

        Raises:
            DemzipError: A block cannot be read; OptionsError: the source has been closed.

        """
        everything = self.slots == self.grid.count  # nothing ever makes room
        with self._lock:
            pool = self._load(list(numbers))
            if not everything:
                yield pool
        if everything:
            yield pool

    def read(self, rows: slice, cols: slice) -> NDArray[np.float64]:
        """Heights of a window inside the raster, (rows, cols), NaN for voids."""
        out = np.empty((rows.stop - rows.start, cols.stop - cols.start))
        if out.size == 0:
            return out
        for box in self.grid.touching(rows, cols):
            top, bottom = max(box.row, rows.start), min(box.row + box.rows, rows.stop)
            left, right = max(box.col, cols.start), min(box.col + box.cols, cols.stop)
            with self.holding([box.number]) as pool:
                block = pool.slots[self._kept[box.number]]
                out[top - rows.start : bottom - rows.start, left - cols.start : right - cols.start] = (
                    block[top - box.row : bottom - box.row, left - box.col : right - box.col]
                )
        return out

    def _load(self, numbers: list[int]) -> Pool:
        if self._source.closed:
            raise OptionsError(f"{self._source.name}: the raster has been closed")
        if self._pool is None:
            self._pool = self._allocate()
        pool = self._pool
        for number in numbers:
            if number in self._kept:
                self._kept.move_to_end(number)
        for number in numbers:
            if number not in self._kept:
                self._read(pool, number)
        return pool

    def _allocate(self) -> Pool:
        rows, cols, side = self.grid.rows, self.grid.cols, self.grid.size
        try:
            pool = Pool((rows, cols), side)
            pool.slots = np.empty((self.slots, side, side))
        except MemoryError as error:
            raise DemzipError(
                f"{self._source.name}: {self.slots} blocks of {side} x {side} samples do not fit "
                "into memory; give the cache fewer bytes"
            ) from error
        return pool

    def _read(self, pool: Pool, number: int) -> None:
        box = self.grid.box(number)
        place = divmod(number, self.grid.across)
        if not self._free:
            oldest, slot = self._kept.popitem(last=False)
            pool.table[divmod(oldest, self.grid.across)] = -1
            self._free.append(slot)
        slot = self._free[-1]
        pool.slots[slot, : box.rows, : box.cols] = self._source.heights(*box.slices)
        pool.table[place] = self._free.pop()
        self._kept[number] = slot
