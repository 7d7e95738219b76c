"""Masks of missing samples: kernel, reference and constriction."""

import numpy as np
import pytest
from numpy.typing import NDArray

from demzip.entropy.bitmap import read_bitmap, write_bitmap
from demzip.errors import CorruptError
from tests import terrain
from tests.reference import coder as reference


def masks() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(2)
    made = [terrain.holes(rows, cols, 3) for rows, cols in ((1, 1), (1, 50), (50, 1), (37, 41))]
    made += [(rng.random((30, 33)) < share).astype(np.uint8) for share in (0.001, 0.5, 0.98)]
    made += [np.zeros((60, 70), np.uint8), np.ones((60, 70), np.uint8)]
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
    model = reference.MaskModel()
    cells = mask.tolist()
    for row, col in np.ndindex(mask.shape):
        context = model.context(cells, row, col)
        chance = model.chances[context] << 8
        weights = np.array([chance - 1, (1 << 24) - chance - 1], np.float64)
        categorical = constriction.stream.model.Categorical(weights, perfect=False)
        coder.encode(1 - cells[row][col], categorical)
        model.adapt(context, cells[row][col])
    words: list[int] = coder.get_compressed().tolist()
    return words


def test_chances_stay_within_their_bounds() -> None:
    for bit in (0, 1):
        model = reference.MaskModel()
        for _ in range(2000):
            model.adapt(0, bit)
        assert model.chances[0] == (65504 if bit else 63)


@pytest.mark.parametrize("more", [1, 7])
def test_a_mask_must_end_with_its_words(more: int) -> None:
    mask = terrain.holes(37, 41, 3)
    words = np.append(write_bitmap(mask), np.ones(more + 2, np.uint32))
    with pytest.raises(CorruptError, match="mask"):
        read_bitmap(words, mask.shape)
    assert reference.decode_mask(words.tolist(), *mask.shape) is None


def test_random_words_never_run_away() -> None:
    rng = np.random.default_rng(0)
    for count in range(40):
        words = rng.integers(0, 1 << 32, count, dtype=np.uint32)
        try:
            found = read_bitmap(words, (19, 23)).tolist()
        except CorruptError:
            found = None
        slow = reference.decode_mask(words.tolist(), 19, 23)
        # The kernel goes on where the reference stops at once, so it may accept more.
        assert slow is None or slow == found
