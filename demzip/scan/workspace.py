"""The arrays that the raster loops work in: one block with its margins, and per-segment scratch."""

import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demzip.constants import (
    LAG,
    LANES,
    MARGIN,
    MIN_PERIOD,
    SEGMENT,
    TEMPLATE_ABOVE,
    TEMPLATE_SIZE,
    WEIGHT_ONE,
)
from demzip.scan.decode.kernels import HEAD, STEP

IntArray = NDArray[np.signedinteger]

LINE = 64  # bytes of a line of the cache
NO_HOLES = np.zeros((0, 0), np.uint8)  # a mask without rows is none


_BORROWED = threading.local()


def borrow_words(count: int) -> NDArray[np.uint16]:
    """`count` dirty words of 16 bits of this thread, to be used before it borrows again."""
    found: NDArray[np.uint16] | None = getattr(_BORROWED, "words", None)
    if found is None or found.size < count:
        found = _BORROWED.words = np.empty(count, np.uint16)
    return found[:count]


@dataclass(frozen=True)
class Workspace:
    """Scratch for one block, row by row.

    Attributes:
        samples: ((rows + 3) * stride + 32,); sample (r, c) is at (r + 3) * stride + c + 3.
        magnitudes: Same layout, absolute residuals.
        above: A row's activities from above, MARGIN cells before column 0 and a vector behind.
        sums, activity, flat, sets: (16,), of a segment; sums has two elements more.
        rows, cols: Of the block.
        stride: Cells from one row to the next: whole segments and a margin on either side.

    """

    samples: IntArray
    magnitudes: IntArray
    above: IntArray
    sums: IntArray
    activity: IntArray
    flat: IntArray
    sets: NDArray[np.int32]
    rows: int
    cols: int
    stride: np.uint64

    @classmethod
    def allocate(cls, rows: int, cols: int, dtype: type[np.int32] | type[np.int64]) -> "Workspace":
        """Dirty workspace; int32 only where `predict.lagrange.fits_int32` holds."""
        stride, cells = _extent(rows, cols)
        return cls(
            np.empty(cells, dtype),
            np.empty(cells, dtype),
            np.zeros(stride + 2 * SEGMENT, dtype),
            np.zeros(SEGMENT + 2, dtype),
            np.zeros(SEGMENT, dtype),
            np.zeros(SEGMENT, dtype),
            np.zeros(SEGMENT, np.int32),
            rows,
            cols,
            np.uint64(stride),
        )

    @classmethod
    def borrow(cls, rows: int, cols: int, dtype: type[np.int32] | type[np.int64]) -> "Workspace":
        """This thread's workspace, dirty from its last use; the next borrower takes it over.

        Fresh memory for every block would cost more in page faults than prediction itself.
        """
        found: Workspace | None = getattr(_BORROWED, "workspace", None)
        stride, cells = _extent(rows, cols)
        if found is None or (
            found.samples.dtype != np.dtype(dtype)
            or found.samples.size < cells
            or found.stride < stride
        ):
            found = _BORROWED.workspace = cls.allocate(rows, cols, dtype)
        return replace(
            found, samples=found.samples[:cells], magnitudes=found.magnitudes[:cells],
            rows=rows, cols=cols, stride=np.uint64(stride),
        )  # fmt: skip

    def scratch(self) -> NDArray[np.int32]:
        """This thread's cells for pairs of samples, as many as the workspace has."""
        found: NDArray[np.int32] | None = getattr(_BORROWED, "pairs", None)
        if found is None or found.size < self.samples.size:
            found = _BORROWED.pairs = np.empty(self.samples.size, np.int32)
        return found

    def outcome(self, *, keep: bool) -> tuple[IntArray, NDArray[np.uint16]]:
        """Flat arrays for residuals and states, a vector longer: fresh ones, or this thread's."""
        size, dtype = self.rows * self.cols + SEGMENT, self.samples.dtype
        found: tuple[IntArray, NDArray[np.uint16]] | None = getattr(_BORROWED, "outcome", None)
        if keep or found is None or found[0].size < size or found[0].dtype != dtype:
            found = np.empty(size, dtype), np.empty(size, np.uint16)
        if not keep:
            _BORROWED.outcome = found
        return found[0][:size], found[1][:size]

    @property
    def interior(self) -> IntArray:
        """(rows, cols) view of the block without its margins."""
        rows = self.samples[: (self.rows + MARGIN) * int(self.stride)].reshape(-1, int(self.stride))
        return rows[MARGIN:, MARGIN : MARGIN + self.cols]


def _extent(rows: int, cols: int) -> tuple[int, int]:
    """Stride and cells of a workspace."""
    stride = -(-cols // SEGMENT) * SEGMENT + 2 * MARGIN
    # Vectors and segments reach beyond the end of the last row.
    return stride, (rows + MARGIN) * stride + 2 * SEGMENT


@dataclass(frozen=True)
class Wave:
    """Cells of one block by the steps in which they are decoded; see scan/decode/kernels.py.

    Attributes:
        samples, magnitudes: (cells,) of one dtype, int32 only where fits_int32 holds.
        pairs: (cells,) two samples of 16 bits each; see scan/neighbours/kernels.py.
        residuals, places, above, chosen: Scratch of the same dtype.
        states, numbers: (16,) int32 scratch.
        period: Steps from the start of a row to that of its lane's next one.

    """

    samples: IntArray
    magnitudes: IntArray
    pairs: NDArray[np.int32]
    residuals: IntArray
    places: IntArray
    above: IntArray
    chosen: IntArray
    states: NDArray[np.int32]
    numbers: NDArray[np.int32]
    period: int

    @classmethod
    def borrow(cls, rows: int, cols: int, dtype: type[np.int32] | type[np.int64]) -> "Wave":
        """This thread's cells for a block, dirty from their last use."""
        period = period_of(cols)
        steps = -(-(rows - 1) // LANES) * period + LANES * LAG
        cells = (steps + period + HEAD) * STEP
        found: Wave | None = getattr(_BORROWED, "wave", None)
        fits = found is not None and found.samples.size >= cells
        if found is not None and fits and found.samples.dtype == np.dtype(dtype):
            return replace(found, period=period)
        found = _BORROWED.wave = cls(
            aligned(cells, dtype),
            aligned(cells, dtype),
            aligned(cells, np.int32),
            aligned(LANES, dtype),
            aligned(LANES, dtype),
            aligned(2 * LAG * LANES, dtype),
            aligned(TEMPLATE_SIZE * LANES, dtype),
            aligned(LANES, np.int32),
            aligned(LANES, np.int32),
            period,
        )
        return found


def aligned(size: int, dtype: type) -> NDArray[Any]:
    """Zeros that begin with a line of the cache: vectors across two lines take twice as long."""
    count = size * np.dtype(dtype).itemsize
    room = np.zeros(count + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + count].view(dtype)


def period_of(cols: int) -> int:
    """Steps from a row to the next one of its lane (docs/format.md section 8.4)."""
    return max(MIN_PERIOD, -(-(cols + 2 * MARGIN) // SEGMENT) * SEGMENT)


def shift_within(shift: int, dtype: type[np.signedinteger]) -> int:
    """The shift of activities, as far as a vector of a dtype allows: 0 is left of them anyway."""
    return min(shift, np.iinfo(dtype).bits - 1)


def weights_with_edge(weights: NDArray[np.int64], dtype: type) -> IntArray:
    """(sets + 1, 24): the edge rule's western part, then the block's weight sets."""
    edge = np.zeros((1, weights.shape[1]), np.int64)
    edge[0, TEMPLATE_ABOVE] = WEIGHT_ONE
    return np.ascontiguousarray(np.concatenate([edge, weights]).astype(dtype))


def western_weights(weights: IntArray) -> IntArray:
    """((sets + 1) * 4,): the weights of W, WW and WWW and a zero, set after set."""
    west = np.zeros((weights.shape[0], 4), weights.dtype)
    west[:, :3] = weights[:, TEMPLATE_ABOVE:]
    return west.ravel()
