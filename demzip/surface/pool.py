"""Blocks of a raster in memory, some of them at a time, and heights from them."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demzip.errors import OptionsError
from demzip.surface.kernels import from_corners, from_lines, mark_blocks
from demzip.surface.methods import DEFAULT_METHOD, METHODS, check_method
from demzip.surface.weights import CROSSED, TABLES

Float64Array = NDArray[np.float64]

CORNER_METHODS = [name for name, method in METHODS.items() if method.reach == 0]


class Pool:
    """Blocks of heights; each one that is there has a slot.

    Attributes:
        shape: Rows and columns of the raster.
        side: Rows and columns of a block; those at the right and lower edge may be cut.
        slots: (n, side, side) float64 heights, NaN = void. A cut block fills its first rows and
            columns.
        table: (down, across) int32 slot of each block of the raster, -1 = not there.

    """

    def __init__(self, shape: tuple[int, int], side: int) -> None:
        self.shape = (int(shape[0]), int(shape[1]))
        self.side = int(side)
        if min(self.shape) < 1 or self.side < 1:
            raise OptionsError(f"no raster of {shape} in blocks of {side}")
        down, across = (-(-size // self.side) for size in self.shape)
        self.table: NDArray[np.int32] = np.full((down, across), -1, np.int32)
        self.slots: Float64Array = np.empty((0, self.side, self.side))
        self._free: list[int] = []

    def put(self, down: int, across: int, heights: Float64Array) -> None:
        """Keep a block; it replaces the one that was there.

        Args:
            down: Row of the block.
            across: Column of the block.
            heights: (rows, cols), at most side x side; NaN = void.

        """
        slot = int(self.table[down, across])
        if slot < 0:
            slot = self._take()
            self.table[down, across] = slot
        rows, cols = heights.shape
        self.slots[slot, :rows, :cols] = heights

    def drop(self, down: int, across: int) -> None:
        """Forget a block; its slot serves the next one."""
        slot = int(self.table[down, across])
        if slot >= 0:
            self._free.append(slot)
            self.table[down, across] = -1

    def needed(self, rows: ArrayLike, cols: ArrayLike, method: str) -> NDArray[np.bool_]:
        """(down, across) True for each block that `interpolate_pool` reads for these places."""
        places = _places(rows, cols)
        marked = np.zeros(self.table.shape, np.uint8)
        mark_blocks(
            places[0].ravel(), places[1].ravel(), *self.shape, self.side, self.side,
            check_method(method).reach, marked,
        )  # fmt: skip
        return marked.astype(np.bool_)

    def _take(self) -> int:
        if not self._free:
            had = len(self.slots)
            grown = np.empty((max(2 * had, 4), self.side, self.side))
            grown[:had] = self.slots
            self.slots = grown
            self._free = list(range(len(grown) - 1, had - 1, -1))
        return self._free.pop()


def interpolate_pool(
    pool: Pool, rows: ArrayLike, cols: ArrayLike, method: str = DEFAULT_METHOD
) -> Float64Array:
    """Heights at places of a raster whose blocks are in a pool.

    Args:
        pool: Holds every block that the places need (`Pool.needed`).
        rows: Places in samples, 0.0 = centre of the first row; any shape.
        cols: The same for columns; broadcast with `rows`.
        method: A name in METHODS.

    Returns:
        float64 of the broadcast shape; NaN outside the raster, next to voids and where a place is
        not finite.

    Raises:
        OptionsError: Unknown method, or places that are no numbers or do not broadcast.
        LookupError: A block is missing.

    """
    return heights_at(pool.slots, pool.table, pool.shape, rows, cols, method)


def heights_at(
    slots: Float64Array,
    table: NDArray[np.int32],
    shape: tuple[int, int],
    rows: ArrayLike,
    cols: ArrayLike,
    method: str,
) -> Float64Array:
    """Heights from blocks of any one shape; see `interpolate_pool`.

    Args:
        slots: (n, high, wide) float64.
        table: (down, across) int32 slot of each block, or -1.
        shape: Of the raster.
        rows: Places.
        cols: Places.
        method: A name in METHODS.

    """
    reach = check_method(method).reach
    down, across = _places(rows, cols)
    out = np.empty(down.shape)
    count = 2 * reach + 2
    patch = np.empty(count * count)
    blocks: tuple[Any, ...] = (slots.reshape(-1), table, *shape, *slots.shape[1:])
    places = down.ravel(), across.ravel()
    flat = out.reshape(-1)
    if method in CORNER_METHODS:
        status = from_corners(*blocks, *places, CORNER_METHODS.index(method), patch, flat)
    else:
        status = from_lines(
            *blocks, *places, TABLES[method], method in CROSSED, patch, np.empty(2 * count), flat
        )
    if status >= 0:
        place = f"row {places[0][status]}, column {places[1][status]}"
        raise LookupError(f"{method} at {place} needs a block that is not in the pool")
    return out


def _places(rows: ArrayLike, cols: ArrayLike) -> tuple[Float64Array, Float64Array]:
    try:
        down, across = np.broadcast_arrays(
            np.asarray(rows, np.float64), np.asarray(cols, np.float64)
        )
    except (TypeError, ValueError) as error:
        raise OptionsError(f"rows and cols must be numbers of one shape: {error}") from error
    return np.ascontiguousarray(down), np.ascontiguousarray(across)
