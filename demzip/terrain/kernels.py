"""Where points lie in the grid, and which blocks they need."""

import numpy as np

from demzip.jit import inlined, kernel

ROUNDING = 4 * 2.0**-52  # of x: no position is known better


@kernel
def place_points(x, y, numbers, rows, cols):
    """Positions of points in samples; (0, 0) is the centre of the first sample.

    A position that rounding has moved off a grid line, or off the raster's edge, is put back on it,
    so that a sample's own coordinates give the sample.

    Args:
        x: (n,) float64.
        y: As x.
        numbers: (6,) float64: x and y of the raster's corner; columns per unit of x and of y; rows
            per unit of x and of y.
        rows: (n,) float64, written; NaN where x or y is no finite number.
        cols: As rows.

    """
    west, north, col_x, col_y, row_x, row_y = (
        numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5],
    )  # fmt: skip
    for i in range(x.size):
        dx, dy = x[i] - west, y[i] - north
        if not (np.isfinite(dx) and np.isfinite(dy)):
            rows[i] = np.nan
            cols[i] = np.nan
            continue
        error_x = ROUNDING * (abs(x[i]) + abs(west))
        error_y = ROUNDING * (abs(y[i]) + abs(north))
        col = col_x * dx + col_y * dy - 0.5
        row = row_x * dx + row_y * dy - 0.5
        near = np.floor(2.0 * col + 0.5) * 0.5
        cols[i] = near if abs(col - near) <= abs(col_x) * error_x + abs(col_y) * error_y else col
        near = np.floor(2.0 * row + 0.5) * 0.5
        rows[i] = near if abs(row - near) <= abs(row_x) * error_x + abs(row_y) * error_y else row


@inlined
def span(place, size, reach):
    """First and last post, along one axis, of what a position needs."""
    start = int(np.floor(place))
    first, last = min(start, size - 2) - reach, start + 1 + reach
    if last >= size:
        first = min(first, size - 3)
    if first < 0:
        last = max(last, 2)
    return max(first, 0), min(last, size - 1)


@kernel
def mark_blocks(rows, cols, height, width, reach, side, marks):
    """Mark the blocks that points need.

    Posts beyond the raster are continued from the three that are nearest to its edge.

    Args:
        rows: (n,) float64, positions in samples.
        cols: As rows.
        height: Of the raster, in samples.
        width: As height.
        reach: Posts that are needed beyond the corners of a point's cell.
        side: Of a block, in samples.
        marks: (blocks down, blocks across) uint8; 1 is written where a block is needed.

    """
    share = 1.0 / side
    bottom, right = height - 0.5, width - 0.5
    for i in range(rows.size):
        row, col = rows[i], cols[i]
        if not (-0.5 <= row <= bottom and -0.5 <= col <= right):  # NaN, too
            continue
        first_row, last_row = span(row, height, reach)
        first_col, last_col = span(col, width, reach)
        first_down, last_down = int((first_row + 0.5) * share), int((last_row + 0.5) * share)
        first_right, last_right = int((first_col + 0.5) * share), int((last_col + 0.5) * share)
        for down in range(first_down, last_down + 1):
            for across in range(first_right, last_right + 1):
                marks[down, across] = 1
