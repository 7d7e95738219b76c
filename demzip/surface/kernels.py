"""Heights at many points from posts in blocks (docs/interpolation.md).

`posts` is all blocks after each other, each of `high` rows of `wide` posts; `table` gives the
number of each block of the raster, or -1. A raster in one piece is one block. A stencil of
`count` x `count` posts that lies in one block is read in place; any other is gathered in `patch`
first, as is one with voids, which are replaced there. The first point that needs a block that is
not there ends the work; its index is the status, -1 when all is well.
"""

import math

from numba import float64, int64, uint32, uint64

from demzip.jit import inlined, kernel

NAN = math.nan
NEAREST, MEAN, NW_SE, NE_SW, DOUBLE, BILINEAR = 0, 1, 2, 3, 4, 5


@inlined
def locate(place):
    """The post before a place on an axis, and the distance to it, 0 <= t < 1."""
    before = math.floor(place)
    t = place - before
    if t >= 1.0:  # a hair before a post
        return int64(before) + 1, 0.0
    return int64(before), t


@inlined
def find(table, height, width, high, wide, top, left, count):
    """Index in `posts` of a stencil's first post; -1 if it does not lie in one block."""
    if top < 0 or left < 0 or top + count > height or left + count > width:
        return int64(-1)
    down, across = uint32(top) // uint32(high), uint32(left) // uint32(wide)
    row, col = top - int64(down) * high, left - int64(across) * wide
    slot = int64(table[uint64(down), uint64(across)])
    if slot < 0 or row + count > high or col + count > wide:
        return int64(-1)
    return (slot * high + row) * wide + col


@inlined
def continuation(at, size):
    """Posts that give a post of a grid line: the first one, the step, how many, and the place.

    A post of the raster gives itself. Beyond its ends the line goes on as the parabola through the
    last three posts, the line through two or the level of one; the place is counted from the last
    one into the raster, thus negative.
    """
    if at < 0:
        return int64(0), int64(1), min(size, 3), at
    if at >= size:
        return size - 1, int64(-1), min(size, 3), size - 1 - at
    return at, int64(1), int64(1), int64(0)


@inlined
def factor(tap, count, place):
    """Weight of one of those posts; an integer."""
    if count == 1:
        return 1.0
    if count == 2:
        return float64(1 - place if tap == 0 else place)
    if tap == 0:
        return float64((place - 1) * (place - 2) // 2)
    if tap == 1:
        return float64(place * (2 - place))
    return float64(place * (place - 1) // 2)


@kernel
def gather(posts, table, height, width, high, wide, top, left, count, patch):
    """Fill `patch` with a stencil from any blocks, and beyond the edges; False if one lacks."""
    for i in range(count):
        row, row_step, row_taps, row_place = continuation(top + i, height)
        for j in range(count):
            col, col_step, col_taps, col_place = continuation(left + j, width)
            total = 0.0
            for k in range(row_taps):
                r = row + k * row_step
                for m in range(col_taps):
                    c = col + m * col_step
                    slot = int64(table[r // high, c // wide])
                    if slot < 0:
                        return False
                    post = posts[(slot * high + r % high) * wide + c % wide]
                    total += factor(k, row_taps, row_place) * factor(m, col_taps, col_place) * post
            patch[i * count + j] = total
    return True


@inlined
def is_finite(value):
    """False for NaN and infinities, which are voids."""
    return value - value == 0.0


@kernel
def mend(patch, count, u, v):
    """Replace voids around the cell by the bilinear surface of its corners; False if one is void.

    On a grid line only that line's corners count: posts beside it have no weight.
    """
    nw = count * (count // 2 - 1) + count // 2 - 1
    ne, sw, se = nw + 1, nw + count, nw + count + 1
    if u == 0.0 and not is_finite(patch[sw] + patch[se]):
        patch[sw], patch[se] = patch[nw], patch[ne]
    if v == 0.0 and not is_finite(patch[ne] + patch[se]):
        patch[ne], patch[se] = patch[nw], patch[sw]
    a, b, c = patch[nw], patch[ne] - patch[nw], patch[sw] - patch[nw]
    d = patch[se] - patch[sw] - b
    if not is_finite(a + b + c + d):
        return False
    for i in range(count):
        y = i - (count // 2 - 1)
        for j in range(count):
            x = j - (count // 2 - 1)
            if not is_finite(patch[i * count + j]):
                patch[i * count + j] = a + b * x + c * y + d * x * y
    return True


@inlined
def triangle_weights(u, v):
    """Weights of the NW, NE, SW and SE corner, two triangles along the diagonal NW-SE."""
    if u > v:
        return 1.0 - u, 0.0, u - v, v
    return 1.0 - v, v - u, 0.0, u


@inlined
def corner_weights(method, u, v, row, col):
    """Weights of the NW, NE, SW and SE corner for the methods without a reach."""
    if method == BILINEAR:
        return (1.0 - u) * (1.0 - v), (1.0 - u) * v, u * (1.0 - v), u * v
    if method == NEAREST:  # the post before the place if both are as near, unless it is outside
        south = 1.0 if u > 0.5 or row < 0 else 0.0
        east = 1.0 if v > 0.5 or col < 0 else 0.0
        return (1 - south) * (1 - east), (1 - south) * east, south * (1 - east), south * east
    if method == MEAN:  # of the corners that the place lies between
        south = 0.5 if u > 0.0 else 0.0
        east = 0.5 if v > 0.0 else 0.0
        return (1 - south) * (1 - east), (1 - south) * east, south * (1 - east), south * east
    a, b, c, d = triangle_weights(u, v)
    if method == NW_SE:
        return a, b, c, d
    f, e, h, g = triangle_weights(u, 1.0 - v)
    if method == NE_SW:
        return e, f, g, h
    return (a + e) / 2, (b + f) / 2, (c + g) / 2, (d + h) / 2


@kernel
def from_corners(posts, table, height, width, high, wide, rows, cols, method, patch, out):
    """Heights by the methods that use no more than a cell's corners.

    Args:
        posts, table, height, width, high, wide, patch: See above; 4 float64 in `patch`.
        rows, cols: (n,) float64 places; elsewhere than in the raster gives NaN.
        method: BILINEAR and so on.
        out: (n,) float64, filled.

    """
    bottom, right = height - 0.5, width - 0.5
    for point in range(rows.size):
        r, c = rows[point], cols[point]
        if not (r >= -0.5 and r <= bottom and c >= -0.5 and c <= right):
            out[point] = NAN
            continue
        row, u = locate(r)
        col, v = locate(c)
        first = find(table, height, width, high, wide, row, col, 2)
        if first >= 0:
            nw, ne = posts[uint64(first)], posts[uint64(first + 1)]
            sw, se = posts[uint64(first + wide)], posts[uint64(first + wide + 1)]
        else:
            if not gather(posts, table, height, width, high, wide, row, col, 2, patch):
                return point
            nw, ne, sw, se = patch[0], patch[1], patch[2], patch[3]
        a, b, c, d = corner_weights(method, u, v, row, col)
        total = nw + (b * (ne - nw) + c * (sw - nw) + d * (se - nw))  # level ground stays level
        if not is_finite(total):
            total = a * nw if a > 0.0 else 0.0
            total += b * ne if b > 0.0 else 0.0
            total += c * sw if c > 0.0 else 0.0
            total += d * se if d > 0.0 else 0.0
            if not is_finite(total):
                total = NAN
        out[point] = total
    return int64(-1)


@inlined
def line_weights(coefficients, count, t, weights, at):
    """Weights of the posts of a line, into `weights` from `at` on."""
    for k in range(count):
        w = coefficients[k, 5]
        for power in range(4, -1, -1):
            w = w * t + coefficients[k, power]
        weights[at + k] = w


@kernel
def blend(posts, first, stride, count, crossed, u, v, weights):
    """Sum of a stencil's posts times the weights of their rows and columns.

    Crossed: curves along the rows between straight lines along the columns, and the other way
    round, less the bilinear surface that is in both.
    """
    middle = count // 2 - 1
    level = posts[first + middle * stride + middle]
    total = 0.0
    for i in range(count):
        at = first + i * stride
        curve = 0.0
        for j in range(count):
            curve += weights[count + j] * (posts[at + j] - level)
        if crossed:
            west, east = posts[at + middle] - level, posts[at + middle + 1] - level
            line = west + v * (east - west)
            straight = 1.0 - u if i == middle else u if i == middle + 1 else 0.0
            curve = weights[i] * line + straight * (curve - line)
            total += curve
        else:
            total += weights[i] * curve
    return level + total


@kernel
def from_lines(
    posts, table, height, width, high, wide, rows, cols, coefficients, crossed, patch, weights, out
):
    """Heights by the methods whose weights are polynomials of the place along each axis.

    Args:
        posts, table, height, width, high, wide, patch: See above; count**2 float64 in `patch`.
        rows, cols: (n,) float64 places; elsewhere than in the raster gives NaN.
        coefficients: (count, 6) of weights.py.
        crossed: Whether to leave out the products of two higher terms.
        weights: (2 count,) float64, scratch.
        out: (n,) float64, filled.

    """
    count = coefficients.shape[0]
    reach = count // 2 - 1
    bottom, right = height - 0.5, width - 0.5
    for point in range(rows.size):
        r, c = rows[point], cols[point]
        out[point] = NAN
        if not (r >= -0.5 and r <= bottom and c >= -0.5 and c <= right):
            continue
        row, u = locate(r)
        col, v = locate(c)
        if u == 0.0 and v == 0.0:
            if not gather(posts, table, height, width, high, wide, row, col, 1, patch):
                return point
            if is_finite(patch[0]):
                out[point] = patch[0]
            continue
        line_weights(coefficients, count, u, weights, 0)
        line_weights(coefficients, count, v, weights, count)
        first = find(table, height, width, high, wide, row - reach, col - reach, count)
        if first >= 0:
            total = blend(posts, first, wide, count, crossed, u, v, weights)
            if is_finite(total):
                out[point] = total
                continue
        if not gather(
            posts, table, height, width, high, wide, row - reach, col - reach, count, patch
        ):
            return point
        if mend(patch, count, u, v):
            out[point] = blend(patch, 0, count, count, crossed, u, v, weights)
    return int64(-1)


@kernel
def mark_blocks(rows, cols, height, width, high, wide, reach, marked):
    """Mark the blocks that places need, posts that continue the edges included.

    Args:
        rows, cols: (n,) float64 places.
        height, width: Of the raster.
        high, wide: Of a block.
        reach: Of the method.
        marked: (down, across) uint8, set to 1 where needed.

    """
    for point in range(rows.size):
        r, c = rows[point], cols[point]
        if not (r >= -0.5 and r <= height - 0.5 and c >= -0.5 and c <= width - 0.5):
            continue
        row, _ = locate(r)
        col, _ = locate(c)
        top, bottom = span(row, reach, height)
        left, right = span(col, reach, width)
        for down in range(top // high, bottom // high + 1):
            for across in range(left // wide, right // wide + 1):
                marked[down, across] = 1
    return int64(-1)


@inlined
def span(before, reach, size):
    """First and last post of an axis that a place needs."""
    first, last = before - reach, before + 1 + reach
    if first < 0:
        last = max(last, 2)
    if last >= size:
        first = min(first, size - 3)
    return max(first, 0), min(last, size - 1)
