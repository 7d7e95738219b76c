"""Masks as tiles of 8 x 8 cells and the cells of mixed ones (docs/format.md section 5.3).

A mask is packed: byte j of a row has the cells of a tile, the first in the highest bit. `bits` is
(rows + 2, tiles in a row + 2), the block at [2:, 1:-1] and zeros around it; `tiles` (tiles in a
column + 1, tiles in a row + 2) in the same way, at [1:, 1:-1]. Cells beyond the last column are 0.
A chance is a 16-bit probability of 1 above three bits of its rate.
"""

from numba import int64, uint8, uint64

from demzip.entropy.kernels import FULL, decode_start, encode_end, encode_step
from demzip.jit import inlined, kernel

EMPTY, HOLES, MIXED = 0, 1, 2  # Format: what a tile has
TILE_CONTEXTS, CELL_CONTEXTS = 54, 64
TILE_RATE, CELL_RATE = 4, 5  # Format: a chance moves by 1/2, 1/4, ... to this power of its distance
EVEN = (32768 << 3) | 1


@inlined
def adapt(chance, bit, slowest):
    """Move a chance towards the bit; its probability stays within 32..65504."""
    rate = chance & 7
    p = chance >> 3
    p += (65504 - p) >> rate if bit else -((p - 32) >> rate)
    return (p << 3) | min(rate + 1, slowest)


@inlined
def put_bit(low, span, position, words, chances, context, bit, slowest):
    """Code a bit; its chance adapts."""
    chance = chances[context]
    p = chance >> 3
    left, width = (int64(0), p) if bit else (p, 65536 - p)
    chances[context] = adapt(chance, bit, slowest)
    return encode_step(low, span, position, words, uint64(left), uint64(width), uint64(8))


@inlined
def take_bit(point, span, position, words, chances, context, slowest):
    """Inverse of put_bit; words beyond the last one are that one."""
    chance = chances[context]
    scale = (span >> uint64(24)) << uint64(8)
    share = scale * uint64(chance >> 3)
    bit = point < share
    point -= uint64(0) if bit else share
    span = share if bit else (scale << uint64(16)) - share
    chances[context] = adapt(chance, bit, slowest)
    if span < uint64(1) << uint64(32):
        point = (point << uint64(32)) | uint64(words[position])
        position = min(position + uint64(1), uint64(words.size - 1))
        span = span << uint64(32)
    return bit, point, span, position


@inlined
def tile_context(tiles, row, col):
    """What the tiles W, N and NE have, times two."""
    return 2 * (
        9 * int64(tiles[row, col - 1]) + 3 * int64(tiles[row - 1, col])
        + int64(tiles[row - 1, col + 1])
    )  # fmt: skip


@inlined
def window(bits, row, col):
    """The byte of a row with the ones beside it, 24 bits."""
    west, east = int64(bits[row, col - uint64(1)]), int64(bits[row, col + uint64(1)])
    return (west << 16) | (int64(bits[row, col]) << 8) | east


@inlined
def cell_context(done, north, above, k):
    """Bits W, WW, NE, N, NW, NN of cell k of a byte.

    `done` ends with the cells before it, `north` is the window of the row above, `above` the byte
    of the row before that one.
    """
    return (done & 3) | (((north >> (14 - k)) & 7) << 2) | (((above >> (7 - k)) & 1) << 5)


@inlined
def tile_of(bits, row, col, whole):
    """What the tile has whose first byte is at bits[row, col]; `whole` is a byte full of holes."""
    every, some = whole, int64(0)
    for i in range(row, min(row + 8, bits.shape[0])):
        every &= int64(bits[i, col])
        some |= int64(bits[i, col])
    return MIXED if some != 0 and every != whole else HOLES if some != 0 else EMPTY


@kernel
def encode_bitmap(bits, cols, tiles, tile_chances, cell_chances, words):
    """Code a mask; fills `tiles`, zeros at first. All chances are EVEN at first. Returns words."""
    low, span, position = uint64(0), uint64(FULL), uint64(0)
    for row in range(1, tiles.shape[0]):
        for col in range(1, tiles.shape[1] - 1):
            beyond = max(8 * col - cols, 0)
            tile = tile_of(bits, 8 * row - 6, col, 255 >> beyond << beyond)
            tiles[row, col] = tile
            west, context = int64(tiles[row, col - 1]), tile_context(tiles, row, col)
            low, span, position = put_bit(
                low, span, position, words, tile_chances, context, tile == west, TILE_RATE
            )
            if tile != west:
                low, span, position = put_bit(
                    low, span, position, words, tile_chances, context + 1,
                    tile > 3 - west - tile, TILE_RATE,
                )  # fmt: skip
    for row in range(uint64(2), uint64(bits.shape[0])):
        for col in range(uint64(1), uint64(bits.shape[1] - 1)):
            if tiles[(row + uint64(6)) >> uint64(3), col] != MIXED:
                continue
            north, above = window(bits, row - uint64(1), col), int64(bits[row - uint64(2), col])
            cells = window(bits, row, col) >> 8
            for k in range(min(cols + 8 - 8 * int64(col), 8)):
                context = cell_context(cells >> (8 - k), north, above, k)
                low, span, position = put_bit(
                    low, span, position, words, cell_chances, context,
                    (cells >> (7 - k)) & 1 != 0, CELL_RATE,
                )  # fmt: skip
    return encode_end(low, span, position, words)


@kernel
def decode_bitmap(words, cols, tiles, tile_chances, cell_chances, bits):
    """Inverse of encode_bitmap; `words` ends with two zero words, tiles and bits are zeros.

    Returns the words taken.
    """
    point, span, position = decode_start(words, 0)
    for row in range(1, tiles.shape[0]):
        for col in range(1, tiles.shape[1] - 1):
            west, context = int64(tiles[row, col - 1]), tile_context(tiles, row, col)
            same, point, span, position = take_bit(
                point, span, position, words, tile_chances, context, TILE_RATE
            )
            tile = west
            if not same:
                upper, point, span, position = take_bit(
                    point, span, position, words, tile_chances, context + 1, TILE_RATE
                )
                tile = (MIXED if west < MIXED else HOLES) if upper else int64(west == EMPTY)
            tiles[row, col] = tile
            if tile == HOLES:
                beyond = max(8 * col - cols, 0)
                for i in range(8 * row - 6, min(8 * row + 2, bits.shape[0])):
                    bits[i, col] = uint8(255 >> beyond << beyond)
    for row in range(uint64(2), uint64(bits.shape[0])):
        for col in range(uint64(1), uint64(bits.shape[1] - 1)):
            if tiles[(row + uint64(6)) >> uint64(3), col] != MIXED:
                continue
            north, above = window(bits, row - uint64(1), col), int64(bits[row - uint64(2), col])
            done = int64(bits[row, col - uint64(1)])
            count = min(cols + 8 - 8 * int64(col), 8)
            for k in range(count):
                context = cell_context(done, north, above, k)
                bit, point, span, position = take_bit(
                    point, span, position, words, cell_chances, context, CELL_RATE
                )
                done = (done << 1) | int64(bit)
            bits[row, col] = uint8(done << (8 - count))
    return position
