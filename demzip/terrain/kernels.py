"""Where points lie in the grid."""

import numpy as np

from demzip.jit import kernel

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
