"""Made-up rasters for tests."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def relief(rows: int, cols: int, seed: int = 0, noise: float = 2.0) -> NDArray[np.int64]:
    """Rolling hills of some 100 steps with noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :cols]
    ground = 40 * np.sin(x / 9 + y / 23) + 20 * np.cos(y / 7 - x / 31)
    made: NDArray[np.int64] = np.rint(ground + noise * rng.standard_normal((rows, cols))).astype(
        np.int64
    )
    return made


def holes(rows: int, cols: int, seed: int = 0, patches: int = 6) -> NDArray[np.uint8]:
    """A mask of patches and speckle."""
    rng = np.random.default_rng(seed)
    mask = (rng.random((rows, cols)) < 0.02).astype(np.uint8)
    for _ in range(patches):
        row, col = int(rng.integers(rows)), int(rng.integers(cols))
        mask[row : row + int(rng.integers(1, 9)), col : col + int(rng.integers(1, 14))] = 1
    return mask
