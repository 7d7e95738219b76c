"""Viewsheds: which posts of a grid an eye above one of them sees.

Heights are those above the eye, lowered by the curvature of the earth: the eye is at 0, and a point
hides another if it stands above the line from the eye to it. `heights` is the grid row after row,
NaN where it is void. A touch is no obstacle: TOUCH is far more than rounding and far less than any
height is known to.
"""

from math import inf, isnan

from numba import int64, uint64

from demzip.jit import inlined, kernel

HIDDEN = 0
SHADED = 1  # hidden, and a void before it; only waves tell it from HIDDEN
VISIBLE = 2
UNKNOWN = 3  # nothing known stands before it, but a void does; or it is one itself
VOID = 1  # bit of SHADED and UNKNOWN
TOUCH = 1e-6  # metres


@inlined
def walk(heights, start, steps, across, major, minor, top):
    """Whether the ground stands above a line where it crosses the rows, or the columns.

    The line leaves the eye at post `start` and ends `steps` posts on in the direction `major`
    (elements of `heights` from post to post) and `across` in the direction `minor`, at height
    `top`. Between the posts of a row or column the ground is straight. Places are integers: they
    are exact.
    """
    whole = across // steps if steps > 0 else int64(0)
    rest = across - whole * steps
    move = uint64(major + whole * minor)
    here, next_one = uint64(start), uint64(minor)
    length = float(steps)
    found = VISIBLE
    part = int64(0)
    for step in range(1, steps):
        here += move
        part += rest
        if part >= steps:
            part -= steps
            here += next_one
        ground = heights[here] * length
        if part > 0:
            ground += (heights[here + next_one] - heights[here]) * part
        if ground > top * step + TOUCH * length:
            return HIDDEN
        if isnan(ground):
            found = UNKNOWN
    return found


@kernel
def look(heights, cols, row, col, first, last, target, beyond, codes):
    """Sight lines from post (row, col) to all posts of the rows `first` to `last` - 1.

    Args:
        heights: float64 (rows * cols).
        cols: Of the grid.
        row: Of the eye.
        col: Of the eye.
        first: Row.
        last: Row after the last one.
        target: Height above ground that is looked for.
        beyond: bool (rows, cols); where no one looks.
        codes: uint8 (rows, cols), filled: HIDDEN, UNKNOWN or VISIBLE.

    """
    start = int64(row) * cols + col
    for to_row in range(first, last):
        down = cols if to_row > row else -cols
        rows_apart = abs(int64(to_row) - row)
        for to_col in range(cols):
            if beyond[to_row, to_col]:
                continue
            top = heights[int64(to_row) * cols + to_col] + target
            right = int64(1) if to_col > col else int64(-1)
            cols_apart = abs(int64(to_col) - col)
            if isnan(top):
                codes[to_row, to_col] = UNKNOWN
                continue
            found = walk(heights, start, rows_apart, cols_apart, down, right, top)
            if found != HIDDEN:
                other = walk(heights, start, cols_apart, rows_apart, right, down, top)
                found = HIDDEN if other == HIDDEN else max(found, other)
            codes[to_row, to_col] = found


@kernel
def spread(heights, cols, row, col, target, codes):
    """One wave from post (row, col) outwards: reference planes.

    What hides a post is guessed from what hides the two posts before it, between which the line
    from the eye passes: the plane through the eye and both. Wang, Robinson & White, "Generating
    viewsheds without using sightlines" (2000).

    Args:
        heights: float64 (rows * cols); overwritten with the height below which all is hidden.
        cols: Of the grid.
        row: Of the eye.
        col: Of the eye.
        target: Height above ground that is looked for.
        codes: uint8 (rows, cols), filled.

    """
    rows = int64(codes.shape[0])
    for side in range(4):
        down = int64(1) if side < 2 else int64(-1)
        right = int64(1) if side % 2 == 0 else int64(-1)
        high = rows - row if down == 1 else row + int64(1)
        wide = cols - col if right == 1 else col + int64(1)
        for y in range(0 if down == 1 else 1, high):  # the row of the eye belongs to the first two
            for x in range(0 if right == 1 else 1, wide):
                to_row, to_col = row + y * down, col + x * right
                here = to_row * cols + to_col
                far, near = max(x, y), min(x, y)
                plane, void = -inf, 0  # the neighbours of the eye are seen
                if far > 1:
                    plane = 0.0
                    if near > 0:
                        before = codes[to_row - down, to_col - right]
                        plane += heights[here - down * cols - right] * near
                        void |= before & VOID
                    if near < far:
                        next_row = to_row - (down if y == far else 0)
                        next_col = to_col - (right if x == far else 0)
                        plane += heights[next_row * cols + next_col] * (far - near)
                        void |= codes[next_row, next_col] & VOID
                    plane /= far - 1
                ground = heights[here]
                if isnan(ground):
                    codes[to_row, to_col] = UNKNOWN
                    heights[here] = plane  # at least
                elif ground + target < plane - TOUCH:
                    codes[to_row, to_col] = HIDDEN | void
                    heights[here] = plane
                else:
                    codes[to_row, to_col] = VISIBLE | void
                    heights[here] = max(ground, plane)
