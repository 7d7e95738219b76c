"""Masks of missing samples: kernel, reference and constriction."""

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.entropy.bitmap import read_bitmap, write_bitmap
from demzip.entropy.tiles.kernels import EVEN, adapt
from demzip.errors import CorruptError
from tests import terrain
from tests.reference import coder as reference


def masks() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(2)
    sides = ((1, 1), (1, 50), (50, 1), (7, 9), (8, 8), (9, 7), (15, 17), (16, 16), (17, 15))
    made = [terrain.holes(rows, cols, 3) for rows, cols in (*sides, (37, 41))]
    made += [(rng.random((30, 33)) < share).astype(np.uint8) for share in (0.001, 0.5, 0.98)]
    made += [np.zeros((60, 70), np.uint8), np.ones((60, 70), np.uint8), np.ones((1, 1), np.uint8)]
    rows, cols = np.indices((45, 51))
    for pattern in (rows % 2, cols % 2, (rows + cols) % 2, cols >= 48, rows < 40, rows + cols > 50):
        made.append(pattern.astype(np.uint8))
    tiles = rng.integers(0, 3, (6, 7)).repeat(8, 0).repeat(8, 1)[:45, :51]  # all pairs of states
    made.append(np.where(tiles < 2, tiles, rng.integers(0, 2, tiles.shape)).astype(np.uint8))
    return made


@pytest.mark.parametrize("mask", masks(), ids=lambda mask: f"{mask.shape}{mask.mean():.2f}")
def test_words_are_those_of_the_reference_and_of_constriction(mask: NDArray[np.uint8]) -> None:
    words = write_bitmap(mask)
    assert words.tolist() == reference.encode_mask(mask.tolist())
    np.testing.assert_array_equal(read_bitmap(words, mask.shape), mask)
    assert reference.decode_mask(words.tolist(), *mask.shape) == mask.tolist()
    assert words.tolist() == words_of_constriction(mask)


def words_of_constriction(mask: NDArray[np.uint8]) -> list[int]:
    """Bit by bit; bit 1 is symbol 0."""
    constriction = pytest.importorskip("constriction")
    coder = constriction.stream.queue.RangeEncoder()
    for model, context, bit in reference.bits_of_mask(mask.tolist()):
        chance = model.table(context)[0] << 8
        weights = np.array([chance - 1, (1 << 24) - chance - 1], np.float64)
        categorical = constriction.stream.model.Categorical(weights, perfect=False)
        coder.encode(1 - bit, categorical)
        model.adapt(context, bit)
    words: list[int] = coder.get_compressed().tolist()
    return words


@pytest.mark.parametrize(
    ("bit", "slowest", "last"), [(0, 4, 47), (0, 5, 63), (1, 4, 65489), (1, 5, 65473)]
)
def test_chances_stay_within_their_bounds(bit: int, slowest: int, last: int) -> None:
    model, chance = reference.MaskModel(slowest), EVEN
    for _ in range(2000):
        assert model.table(0)[0] == chance >> 3
        model.adapt(0, bit)
        chance = adapt(chance, bit, slowest)
    assert model.table(0) == [last, 65536 - last]


def test_masks_of_whole_blocks() -> None:
    """Of 512 x 512, too large for the reference, with holes of all sizes."""
    for patches in (0, 5, 400):
        mask = terrain.holes(512, 512, 7, patches)
        mask[100:300, 37:450] = 1
        mask[180:182] = 0
        np.testing.assert_array_equal(read_bitmap(write_bitmap(mask), mask.shape), mask)


def test_any_code_of_a_hole_counts_as_one() -> None:
    codes = terrain.holes(20, 30, 1) * np.arange(1, 31, dtype=np.uint8)
    words = write_bitmap(codes)
    np.testing.assert_array_equal(words, write_bitmap(np.minimum(codes, 1)))
    np.testing.assert_array_equal(read_bitmap(words, (20, 30)), codes > 0)


@pytest.mark.parametrize("value", [0, 1])
def test_nothing_costs_nothing(value: int) -> None:
    assert write_bitmap(np.full((512, 512), value, np.uint8)).size <= 3


@pytest.mark.parametrize("more", [1, 7])
def test_a_mask_must_end_with_its_words(more: int) -> None:
    mask = terrain.holes(37, 41, 3)
    words = np.append(write_bitmap(mask), np.ones(more + 2, np.uint32))
    with pytest.raises(CorruptError, match="mask"):
        read_bitmap(words, mask.shape)
    assert reference.decode_mask(words.tolist(), *mask.shape) is None


def test_a_mixed_tile_may_have_equal_cells() -> None:
    """Of 2 x 1 cells: the tile is not as W and has the larger other state, then two zeros."""
    coder = reference.RangeEncoder()
    tiles, cells = reference.MaskModel(4), reference.MaskModel(5)
    for model, context, bit in ((tiles, 0, 0), (tiles, 1, 1), (cells, 0, 0), (cells, 0, 0)):
        coder.put_symbol(1 - bit, model.table(context), reference.MASK_BITS)
        model.adapt(context, bit)
    words = coder.words()
    assert reference.decode_mask(words, 2, 1) == [[0], [0]]
    assert read_bitmap(np.array(words, np.uint32), (2, 1)).tolist() == [[0], [0]]


def test_damaged_words_never_run_away() -> None:
    rng = np.random.default_rng(0)
    intact = write_bitmap(terrain.holes(19, 23, 3))
    for count in range(60):
        words = rng.integers(0, 1 << 32, count, dtype=np.uint32)
        if count >= 40:
            words = intact.copy()
            words[rng.integers(words.size)] ^= np.uint32(1 << int(rng.integers(32)))
        try:
            found = read_bitmap(words, (19, 23)).tolist()
        except CorruptError:
            found = None
        slow = reference.decode_mask(words.tolist(), 19, 23)
        # The kernel goes on where the reference stops at once, so it may accept more.
        assert slow is None or slow == found
