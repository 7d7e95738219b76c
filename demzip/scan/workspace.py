"""The arrays that the raster loops work in: one block with its margins, and per-segment scratch."""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demzip.constants import LANES, MARGIN, SEGMENT, TEMPLATE_ABOVE, WEIGHT_ONE

IntArray = NDArray[np.signedinteger]

NO_HOLES = np.zeros((0, 0), np.uint8)  # a mask without rows is none


_BORROWED = threading.local()


def borrow_words(count: int) -> NDArray[np.uint32]:
    """`count` dirty words of this thread, to be used before it borrows again."""
    found: NDArray[np.uint32] | None = getattr(_BORROWED, "words", None)
    if found is None or found.size < count:
        found = _BORROWED.words = np.empty(count, np.uint32)
    return found[:count]


@dataclass(frozen=True)
class Workspace:
    """Scratch for one block.

    Attributes:
        samples: ((rows + 3) * stride,); sample (r, c) is at (r + 3) * stride + c + 3.
        magnitudes: Same layout, absolute residuals.
        sums, activity, flat, sets: (4, 16), one row per lane; sums has two columns more.
        rows, cols: Of the block.
        stride: Cells from one row to the next: whole segments and a margin on either side.

    """

    samples: IntArray
    magnitudes: IntArray
    sums: IntArray
    activity: IntArray
    flat: IntArray
    sets: NDArray[np.int32]
    rows: int
    cols: int
    stride: np.uint64

    @classmethod
    def allocate(cls, rows: int, cols: int, dtype: type[np.int32] | type[np.int64]) -> "Workspace":
        """Zeroed workspace; int32 only where `predict.lagrange.fits_int32` holds."""
        stride = -(-cols // SEGMENT) * SEGMENT + 2 * MARGIN
        # The last segment of the last row may be prepared a few cells beyond its margin.
        cells = (rows + MARGIN) * stride + SEGMENT
        lanes = (LANES, SEGMENT)
        return cls(
            np.zeros(cells, dtype),
            np.zeros(cells, dtype),
            np.zeros((LANES, SEGMENT + 2), dtype),
            np.zeros(lanes, dtype),
            np.zeros(lanes, dtype),
            np.zeros(lanes, np.int32),
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
        if found is None or (found.rows, found.cols, found.samples.dtype) != (
            rows,
            cols,
            np.dtype(dtype),
        ):
            found = _BORROWED.workspace = cls.allocate(rows, cols, dtype)
        return found

    def outcome(self, *, keep: bool) -> tuple[IntArray, NDArray[np.uint16]]:
        """Arrays (rows, cols) for residuals and states: fresh ones, or this thread's."""
        shape, dtype = (self.rows, self.cols), self.samples.dtype
        found: tuple[IntArray, NDArray[np.uint16]] | None = getattr(_BORROWED, "outcome", None)
        if keep or found is None or (found[0].shape, found[0].dtype) != (shape, dtype):
            found = np.empty(shape, dtype), np.empty(shape, np.uint16)
        if not keep:
            _BORROWED.outcome = found
        return found

    @property
    def interior(self) -> IntArray:
        """(rows, cols) view of the block without its margins."""
        rows = self.samples[: (self.rows + MARGIN) * int(self.stride)].reshape(-1, int(self.stride))
        return rows[MARGIN:, MARGIN : MARGIN + self.cols]


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
