"""Shaded relief from Horn's gradient of 3 x 3 samples; voids are what is not finite."""

import math

from demzip.jit import inlined, kernel

HALF_ROOT = math.sqrt(0.5)  # sine and cosine of lights halfway between the axes
LEVELS = 254.0  # from the dark to the full light; 0 is no-data and 1 the dark


@inlined
def is_void(height):
    """Whether a sample has no height."""
    return not abs(height) < math.inf


@inlined
def beside(heights, row, col, down, right, centre):
    """A neighbour, beyond the raster's edge on the straight line through the last two samples.

    Around samples of the first and the last row, columns beyond the raster's are those at its edge.
    Where a height is missing it is the centre's.
    """
    rows, cols = heights.shape
    r, c = row + down, col + right
    if row == 0 or row == rows - 1:
        c = min(max(c, 0), cols - 1)
        if r < 0 or r >= rows:
            height = 2.0 * heights[row, c] - heights[row - down, c]
        else:
            height = heights[r, c]
    elif c < 0 or c >= cols:
        height = 2.0 * heights[r, col] - heights[r, col - right]
    else:
        height = heights[r, c]
    return centre if is_void(height) else height


@inlined
def is_surrounded(heights, row, col):
    """Whether all nine samples are there and have heights."""
    rows, cols = heights.shape
    if row == 0 or row == rows - 1 or col == 0 or col == cols - 1:
        return False
    for r in range(row - 1, row + 2):
        for c in range(col - 1, col + 2):
            if is_void(heights[r, c]):
                return False
    return True


@inlined
def from_four(east, north, sine, cosine):
    """Lights at 225, 270, 315 and 360 degrees; each counts as the slope points along it."""
    steepness = east * east + north * north
    if steepness == 0.0:
        return sine
    south_west, north_west = HALF_ROOT * (east + north), HALF_ROOT * (east - north)
    return (
        south_west * south_west * max(sine + cosine * south_west, 0.0)
        + east * east * max(sine + cosine * east, 0.0)
        + north_west * north_west * max(sine + cosine * north_west, 0.0)
        + north * north * max(sine - cosine * north, 0.0)
    ) / (2.0 * steepness)


@kernel
def shade(heights, per_col, per_row, sine, cosine, sine_azimuth, cosine_azimuth, four, edges, out):
    """Grey levels of all samples.

    Preconditions: `heights` (rows, cols) float64, at least 2 x 2; `per_col` and `per_row` (rows,)
    float64, heights' weights in a slope: the z factor over 8 distances to the next column east and
    the next row south. `sine` and `cosine` are of the light's altitude. `out` (rows, cols) uint8.
    """
    rows, cols = heights.shape
    for row in range(rows):
        for col in range(cols):
            centre = heights[row, col]
            out[row, col] = 0
            if is_void(centre):
                continue
            if is_surrounded(heights, row, col):
                nw, n, ne = (
                    heights[row - 1, col - 1], heights[row - 1, col], heights[row - 1, col + 1]
                )  # fmt: skip
                w, e = heights[row, col - 1], heights[row, col + 1]
                sw, s, se = (
                    heights[row + 1, col - 1], heights[row + 1, col], heights[row + 1, col + 1]
                )  # fmt: skip
            elif edges:
                nw = beside(heights, row, col, -1, -1, centre)
                n = beside(heights, row, col, -1, 0, centre)
                ne = beside(heights, row, col, -1, 1, centre)
                w = beside(heights, row, col, 0, -1, centre)
                e = beside(heights, row, col, 0, 1, centre)
                sw = beside(heights, row, col, 1, -1, centre)
                s = beside(heights, row, col, 1, 0, centre)
                se = beside(heights, row, col, 1, 1, centre)
            else:
                continue
            east = ((ne + 2.0 * e + se) - (nw + 2.0 * w + sw)) * per_col[row]
            north = ((nw + 2.0 * n + ne) - (sw + 2.0 * s + se)) * per_row[row]
            if four:
                light = from_four(east, north, sine, cosine)
            else:
                light = sine - cosine * (east * sine_azimuth + north * cosine_azimuth)
            light /= math.sqrt(1.0 + east * east + north * north)
            out[row, col] = int(1.5 + LEVELS * light) if light > 0.0 else 1
