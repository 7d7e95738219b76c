"""The raster cut into blocks."""

import numpy as np
import pytest

from demzip.blocks.grid import BlockGrid, check_block
from demzip.errors import OptionsError

SHAPES = [(1, 1), (16, 16), (17, 16), (16, 17), (100, 33), (1, 1000), (1000, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [16, 32, 64])
def test_blocks_cover_every_sample_once_in_order(shape: tuple[int, int], size: int) -> None:
    grid = BlockGrid(*shape, size)
    covered = np.zeros(shape, np.int64)
    corners = []
    for number, box in enumerate(grid):
        assert box == grid.box(number)
        assert box.number == number
        assert 1 <= box.rows <= size
        assert 1 <= box.cols <= size
        covered[box.slices] += 1
        corners.append((box.row, box.col))
    assert (covered == 1).all()
    assert len(corners) == grid.count
    assert corners == sorted(corners)


def test_touching_gives_exactly_the_blocks_that_share_samples() -> None:
    grid = BlockGrid(100, 70, 16)
    rng = np.random.default_rng(0)
    for _ in range(100):
        top, left = int(rng.integers(100)), int(rng.integers(70))
        rows = slice(top, int(rng.integers(top + 1, 101)))
        cols = slice(left, int(rng.integers(left + 1, 71)))
        window = np.zeros((100, 70), np.bool_)
        window[rows, cols] = True
        expected = [box for box in grid if window[box.slices].any()]
        assert list(grid.touching(rows, cols)) == expected


@pytest.mark.parametrize("size", [16, 512, 4096])
def test_legal_block_sizes(size: int) -> None:
    assert check_block(size) == size


@pytest.mark.parametrize("size", [0, -16, 8, 17, 4112])
def test_illegal_block_sizes(size: int) -> None:
    with pytest.raises(OptionsError):
        check_block(size)
