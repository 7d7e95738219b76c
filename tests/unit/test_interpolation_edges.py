"""Heights at edges and voids, in small rasters and from blocks; arguments that make no sense."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.errors import OptionsError
from demzip.surface import METHODS, Pool, interpolate, interpolate_pool

NAMES = list(METHODS)
AROUND = [name for name in NAMES if METHODS[name].reach]
CONTINUOUS = [name for name in NAMES if not name.startswith("level")]


def relief(rows: int, cols: int) -> NDArray[np.float64]:
    return np.random.default_rng(3).integers(-200, 3000, (rows, cols)) / 8


def filled(values: NDArray[np.float64], side: int) -> Pool:
    """A pool with all blocks of a raster, put there in no order."""
    shape: Any = values.shape
    pool = Pool(shape, side)
    for down, across in np.random.default_rng(1).permutation(np.argwhere(pool.table < 0)):
        put(pool, values, down, across)
    return pool


def put(pool: Pool, values: NDArray[np.float64], down: int, across: int) -> None:
    rows = slice(down * pool.side, (down + 1) * pool.side)
    pool.put(down, across, values[rows, across * pool.side : (across + 1) * pool.side])


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("side", [1, 2, 5, 16, 64])
def test_blocks_give_the_heights_of_the_whole(method: str, side: int) -> None:
    values = relief(19, 34)
    values[3, 4] = values[15:17, 15] = np.nan
    rng = np.random.default_rng(6)
    rows, cols = rng.uniform(-0.7, 18.7, 2000), rng.uniform(-0.7, 33.7, 2000)
    rows[:500], cols[250:750] = np.round(rows[:500]), np.round(cols[250:750])
    found = interpolate_pool(filled(values, side), rows, cols, method)
    assert found.tobytes() == interpolate(values, rows, cols, method).tobytes()
    assert 1000 < np.isfinite(found).sum() < 2000


@pytest.mark.parametrize("method", NAMES)
def test_the_blocks_that_are_needed_are_enough(method: str) -> None:
    """And each of them is, somewhere in its cell: without it there is no height."""
    values = relief(13, 14)
    rng = np.random.default_rng(7)
    for row, col in zip(rng.uniform(-0.5, 12.5, 60), rng.uniform(-0.5, 13.5, 60), strict=True):
        pool = Pool((13, 14), 3)
        needed = pool.needed(row, col, method)
        assert needed.dtype == np.bool_
        for down, across in np.argwhere(needed):
            put(pool, values, down, across)
        found = interpolate_pool(pool, row, col, method)
        assert found == interpolate(values, row, col, method)
    inner = pool.needed(6.5, 6.5, method)
    reach = METHODS[method].reach
    first, last = (6 - reach) // 3, (7 + reach) // 3
    assert inner[first : last + 1, first : last + 1].all()
    assert inner.sum() == (last - first + 1) ** 2


def test_needed_blocks_of_places_outside_are_none() -> None:
    pool = Pool((10, 10), 4)
    assert not pool.needed([np.nan, -0.6, 3, np.inf], [3, 3, 9.6, 3], "bicubic-akima").any()


@pytest.mark.parametrize("method", NAMES)
def test_a_block_that_is_missing_is_told(method: str) -> None:
    pool = filled(relief(20, 20), 8)
    pool.drop(1, 1)
    with pytest.raises(LookupError, match=rf"{method} at row 9\.5, column 10\.5 needs a block"):
        interpolate_pool(pool, [2, 9.5], [2, 10.5], method)
    assert np.isfinite(interpolate_pool(pool, 2.5, 2.5, method))


def test_blocks_come_and_go() -> None:
    values = relief(40, 40)
    pool = Pool((40, 40), 4)
    for down in range(10):
        for across in range(10):
            put(pool, values, down, across)
            assert interpolate_pool(pool, 4 * down, 4 * across) == values[4 * down, 4 * across]
            pool.drop(down, across)
            pool.drop(down, across)  # once more does nothing
    assert len(pool.slots) == 4
    assert (pool.table == -1).all()
    put(pool, values, 2, 2)
    put(pool, values + 1, 2, 2)
    assert interpolate_pool(pool, 8, 9) == values[8, 9] + 1
    assert pool.table[2, 2] >= 0
    assert (pool.table >= 0).sum() == 1


@pytest.mark.parametrize("method", NAMES)
def test_nothing_is_known_outside(method: str) -> None:
    values = relief(6, 8)
    rows = [-0.5, 5.5, -0.5000001, 5.5000001, np.nan, np.inf, -np.inf, 1e300, -1e19, 2, 2]
    cols = [-0.5, 7.5, 3, 3, 3, 3, 3, 3, 3, 7.5000001, np.nan]
    found = interpolate(values, rows, cols, method)
    assert np.isfinite(found).tolist() == [True] * 2 + [False] * 9


@pytest.mark.parametrize("method", CONTINUOUS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 9), (2, 1), (9, 1), (2, 2), (2, 9)])
def test_small_rasters_are_level_or_straight_across(method: str, shape: tuple[int, int]) -> None:
    """One post is a level, two are a line, beyond the outermost ones too."""
    rows, cols = np.indices(shape)
    slope = (shape[0] > 1) * 3, (shape[1] > 1) * 5
    values = 100.0 + slope[0] * rows + slope[1] * cols
    rng = np.random.default_rng(9)
    places = rng.uniform(-0.5, shape[0] - 0.5, 200), rng.uniform(-0.5, shape[1] - 0.5, 200)
    expected = 100 + slope[0] * places[0] + slope[1] * places[1]
    assert interpolate(values, *places, method) == pytest.approx(expected)


def test_levels_of_a_line_of_posts() -> None:
    values = np.array([[1.0, 3.0, 9.0]])
    cols = np.array([-0.5, 0, 0.5, 0.75, 1.5, 2.5])
    assert interpolate(values, 0.3, cols, "level-nearest").tolist() == [1, 1, 1, 3, 3, 9]
    assert interpolate(values, -0.5, cols[1:5], "level-mean").tolist() == [1, 2, 2, 6]


def test_ties_of_the_nearest_go_to_the_smaller_row_and_column() -> None:
    values = np.arange(9.0).reshape(3, 3)
    places = np.array([-0.5, 0.5, 1.5, 2.5])
    found = interpolate(values, places[:, None], places, "level-nearest")
    assert found.tolist() == values[[0, 0, 1, 2]][:, [0, 0, 1, 2]].tolist()


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("void", [np.nan, np.inf, -np.inf])
def test_a_void_takes_only_its_own_cells(method: str, void: float) -> None:
    values = relief(16, 16)
    values[7, 8] = void
    grid = np.arange(0, 15.01, 0.25)
    found = interpolate(values, grid[:, None], grid, method)
    assert not np.isinf(found).any()
    inside = (abs(grid - 7) < 1)[:, None] & (abs(grid - 8) < 1)
    assert np.isfinite(found[~inside]).all()
    assert np.isnan(interpolate(values, 7, 8, method))
    if method in AROUND or method in {"level-mean", "double-linear", "bilinear"}:
        assert np.isnan(found[inside]).all()
    else:
        assert 0 < np.isnan(found[inside]).sum() < inside.sum()
    # Far from it nothing changes; beside it heights stay between reasonable bounds.
    far = (abs(grid - 7) > 5)[:, None] | (abs(grid - 8) > 5)
    whole = interpolate(relief(16, 16), grid[:, None], grid, method)
    assert (found[far] == whole[far]).all()
    assert abs(found[~inside] - whole[~inside]).max() < 400


@pytest.mark.parametrize("method", NAMES)
def test_heights_that_overflow_are_unknown(method: str) -> None:
    values = np.where(np.indices((9, 9)).sum(axis=0) % 2, 1.7e308, -1.7e308)
    found = interpolate(values, np.linspace(-0.5, 8.5, 40)[:, None], np.linspace(0, 8, 33), method)
    assert not np.isinf(found).any()
    assert (interpolate(values, 3, 4, method), interpolate(values, 3, 5, method)) == (
        1.7e308, -1.7e308,
    )  # fmt: skip


def test_a_void_counts_only_where_it_has_weight() -> None:
    values = np.array([[1.0, 2.0], [4.0, np.nan]])
    north, west, inner = (0.0, 0.25), (0.25, 0.0), (0.25, 0.5)
    for method in NAMES:
        assert interpolate(values, 0, 0, method) == 1
        assert np.isfinite(interpolate(values, *north, method))
        assert np.isfinite(interpolate(values, *west, method))
    assert interpolate(values, *north, "bilinear") == 1.25
    assert interpolate(values, *north, "level-mean") == 1.5
    assert interpolate(values, *inner, "linear-ne-sw") == 2.25
    assert np.isnan(interpolate(values, *inner, "linear-nw-se"))
    assert interpolate(values, 0.9, 0.4, "level-nearest") == 4
    assert np.isnan(interpolate(values, 0.9, 0.6, "level-nearest"))


@pytest.mark.parametrize("method", AROUND)
def test_a_plane_is_a_plane_next_to_voids(method: str) -> None:
    """Voids around a cell are replaced by the bilinear surface through its corners."""
    rows, cols = np.indices((14, 14))
    plane = 10.0 + 3 * rows - 7 * cols
    plane[np.random.default_rng(5).random((14, 14)) < 0.15] = np.nan
    rng = np.random.default_rng(6)
    places = rng.uniform(-0.5, 13.5, 3000), rng.uniform(-0.5, 13.5, 3000)
    found = interpolate(plane, *places, method)
    known = np.isfinite(found)
    assert 900 < known.sum() < 2700
    expected = 10 + 3 * places[0] - 7 * places[1]
    assert found[known] == pytest.approx(expected[known], abs=1e-9)
    cell = [interpolate(plane, np.floor(places[0]), np.floor(places[1]) + k) for k in (0, 1)]
    cell += [interpolate(plane, np.floor(places[0]) + 1, np.floor(places[1]) + k) for k in (0, 1)]
    inner = (places[0] > 0) & (places[1] > 0) & (places[0] < 13) & (places[1] < 13)
    assert (np.isfinite(np.sum(cell, axis=0)) == known)[inner].all()


def test_results_have_the_broadcast_shape() -> None:
    values = relief(6, 8)
    assert interpolate(values, 1, 2).shape == ()
    assert interpolate(values, [], []).shape == (0,)
    assert interpolate(values, np.zeros((3, 1)), np.zeros(4)).shape == (3, 4)
    turned = np.indices((6, 8))[:, ::-1, ::2]
    assert (interpolate(values, *turned) == values[::-1, ::2]).all()
    frozen = np.array([2.0, 3.0])
    frozen.flags.writeable = False
    values.flags.writeable = False
    assert (interpolate(values, frozen, frozen) == values[[2, 3], [2, 3]]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(3), 0, 0), r"two dimensions, at least 1 x 1, not float64 of shape \(3,\)"),
        ((np.zeros((0, 3)), 0, 0), r"at least 1 x 1, not float64 of shape \(0, 3\)"),
        ((np.zeros((2, 2), complex), 0, 0), "real array"),
        ((np.array([["a"]]), 0, 0), "real array"),
        ((np.zeros((2, 2)), "1", 0), "rows and cols must be real numbers, not <U1"),
        ((np.zeros((2, 2)), 0, 1j), "rows and cols must be real numbers, not complex128"),
        ((np.zeros((2, 2)), None, 0), "rows and cols must be real numbers, not object"),
        ((np.zeros((2, 2)), [0, 1], [0, 1, 2]), r"rows \(2,\) and cols \(3,\) must have one shape"),
    ],
)
def test_wrong_arguments_are_told(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        interpolate(*arguments)


@pytest.mark.parametrize(("shape", "side"), [((0, 3), 4), ((3, 0), 4), ((3, 3), 0)])
def test_wrong_pools_are_told(shape: tuple[int, int], side: int) -> None:
    with pytest.raises(OptionsError, match="no raster of"):
        Pool(shape, side)
