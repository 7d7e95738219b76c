"""The raster cut into blocks, row by row from the north-west (docs/format.md section 5.1)."""

from collections.abc import Iterator
from dataclasses import dataclass

from demzip.errors import OptionsError

MIN_BLOCK, MAX_BLOCK = 16, 4096


@dataclass(frozen=True)
class BlockBox:
    """One block: rows row .. row + rows - 1, columns col .. col + cols - 1 of the raster."""

    number: int
    row: int
    col: int
    rows: int
    cols: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The block as an index into the raster."""
        return slice(self.row, self.row + self.rows), slice(self.col, self.col + self.cols)


@dataclass(frozen=True)
class BlockGrid:
    """Blocks of size x size samples; those at the east and south ends may be smaller."""

    rows: int
    cols: int
    size: int

    @property
    def across(self) -> int:
        """Blocks in a row of blocks."""
        return -(-self.cols // self.size)

    @property
    def count(self) -> int:
        """Blocks of the raster."""
        return self.across * -(-self.rows // self.size)

    @property
    def side(self) -> int:
        """The raster's longer side."""
        return max(self.rows, self.cols)

    @property
    def samples(self) -> int:
        """Of the raster."""
        return self.rows * self.cols

    def box(self, number: int) -> BlockBox:
        """Block `number`, 0 <= number < count."""
        down, right = divmod(number, self.across)
        row, col = down * self.size, right * self.size
        return BlockBox(
            number, row, col, min(self.size, self.rows - row), min(self.size, self.cols - col)
        )

    def __iter__(self) -> Iterator[BlockBox]:
        """All blocks in order."""
        return (self.box(number) for number in range(self.count))

    def in_file_order(self, planes: int) -> Iterator[tuple[int, BlockBox]]:
        """Plane and block of each payload: all planes of one row of blocks, then of the next."""
        for first in range(0, self.count, self.across):
            for plane in range(planes):
                for number in range(first, first + self.across):
                    yield plane, self.box(number)

    def touching(self, rows: slice, cols: slice) -> Iterator[BlockBox]:
        """Blocks that share samples with the non-empty window rows x cols."""
        for down in range(rows.start // self.size, -(-rows.stop // self.size)):
            for right in range(cols.start // self.size, -(-cols.stop // self.size)):
                yield self.box(down * self.across + right)


def check_block(size: int) -> int:
    """Return `size` if it is a legal block size.

    Raises:
        OptionsError: It is not a multiple of 16 between 16 and 4096.

    """
    if not (MIN_BLOCK <= size <= MAX_BLOCK and size % MIN_BLOCK == 0):
        raise OptionsError(
            f"block size {size!r}: it must be a multiple of {MIN_BLOCK} "
            f"from {MIN_BLOCK} to {MAX_BLOCK}"
        )
    return size
