"""Heights by the bicubic surface with the slopes and twists of Akima (1996, ACM TOMS 760).

A slope is the weighted mean of four primary estimates, each from the cubic through four posts in a
row of which the post is one; a twist of sixteen, each from 4 x 4 posts. A weight is 1 over the
product of a volatility, the squared distances of the posts from a straight line (or bilinear
surface) fitted to them, and the squares of their distances from the post. Where volatilities are
nil, the plain mean of those estimates counts (docs/interpolation.md).

`sets` is scratch: for each axis and for the four places that a post may have in a set of four, the
fitted line's height and gradient.
"""

import numpy as np
from numba import int64

from demzip.jit import inlined, kernel

REACH = 3
NIL = 1e-12  # of the squared heights: a volatility so small is nil
# Slope at post k of 4 of the cubic through them; their squared distances from it, and the sum of
# the distances.
SLOPES = np.array([[-11, 18, -9, 2], [-2, -3, 6, -1], [1, -6, 3, 2], [-2, 9, -18, 11]]) / 6
SQUARES = np.array([14.0, 6.0, 6.0, 14.0])
SUMS = np.array([6.0, 2.0, -2.0, -6.0])


@inlined
def add_estimate(volatility, size, distance, estimate, total, weights, plain, number):
    """Count a primary estimate, by its weight or among those of no volatility."""
    if volatility > NIL * size:
        weight = 1.0 / (volatility * distance)
        return total + weight * estimate, weights + weight, plain, number
    return total, weights, plain + estimate, number + 1.0


@kernel
def slope_at(posts, at, step, sets, axis):
    """Slope at a post along an axis, on which posts are `step` apart; fills `sets[axis]`."""
    level = posts[at]
    total, weights, plain, number = 0.0, 0.0, 0.0, 0.0
    for k in range(sets.shape[1]):
        first = at - k * step
        a, b = posts[first], posts[first + step]
        c, d = posts[first + 2 * step], posts[first + 3 * step]
        size = a * a + b * b + c * c + d * d
        a, b, c, d = a - level, b - level, c - level, d - level
        gradient = (3.0 * (d - a) + (c - b)) / 10.0
        start = (a + b + c + d) / 4.0 - 1.5 * gradient
        sets[axis, k, 0] = start + k * gradient
        sets[axis, k, 1] = gradient
        volatility = (
            (a - start) ** 2
            + (b - start - gradient) ** 2
            + (c - start - 2.0 * gradient) ** 2
            + (d - start - 3.0 * gradient) ** 2
        )
        estimate = SLOPES[k, 0] * a + SLOPES[k, 1] * b + SLOPES[k, 2] * c + SLOPES[k, 3] * d
        total, weights, plain, number = add_estimate(
            volatility, size, SQUARES[k], estimate, total, weights, plain, number
        )
    return plain / number if number > 0.0 else total / weights


@kernel
def twist_at(posts, at, stride, sets):
    """Twist at a post: the slope along the columns of the slope along the rows."""
    level = posts[at]
    total, weights, plain, number = 0.0, 0.0, 0.0, 0.0
    for k in range(sets.shape[1]):
        for m in range(sets.shape[1]):
            first = at - k * stride - m
            height = (sets[0, k, 0] + sets[1, m, 0]) / 2.0
            down, across = sets[0, k, 1], sets[1, m, 1]
            size, moment, estimate = 0.0, 0.0, 0.0
            for i in range(sets.shape[1]):
                row = first + i * stride
                a, b, c, d = posts[row], posts[row + 1], posts[row + 2], posts[row + 3]
                size += a * a + b * b + c * c + d * d
                a, b, c, d = a - level, b - level, c - level, d - level
                moment += (i - k) * (a * (0 - m) + b * (1 - m) + c * (2 - m) + d * (3 - m))
                estimate += SLOPES[k, i] * (
                    SLOPES[m, 0] * a + SLOPES[m, 1] * b + SLOPES[m, 2] * c + SLOPES[m, 3] * d
                )
            squares = SQUARES[k] * SQUARES[m]
            twist = (
                moment
                - height * SUMS[k] * SUMS[m]
                - down * SQUARES[k] * SUMS[m]
                - across * SUMS[k] * SQUARES[m]
            ) / squares
            volatility = 0.0
            for i in range(sets.shape[1]):
                row = first + i * stride
                base = level + height + down * (i - k)
                gradient = across + twist * (i - k)
                start = base - gradient * m
                volatility += (
                    (posts[row] - start) ** 2
                    + (posts[row + 1] - start - gradient) ** 2
                    + (posts[row + 2] - start - 2.0 * gradient) ** 2
                    + (posts[row + 3] - start - 3.0 * gradient) ** 2
                )
            total, weights, plain, number = add_estimate(
                volatility, size, squares, estimate, total, weights, plain, number
            )
    return plain / number if number > 0.0 else total / weights


@kernel
def hermite(posts, first, stride, u, v, sets):
    """Height in the middle cell of 8 x 8 posts from heights, slopes and twists at its corners."""
    nw = first + REACH * stride + REACH
    total = 0.0
    for i in range(sets.shape[0]):
        s = 1.0 - u if i == 0 else u  # distance as a part of the cell, from the other corner
        rise = s * s * (3.0 - 2.0 * s)
        lean = s * s * (1.0 - s) * (1 - 2 * i)
        for j in range(sets.shape[0]):
            t = 1.0 - v if j == 0 else v
            across_rise = t * t * (3.0 - 2.0 * t)
            across_lean = t * t * (1.0 - t) * (1 - 2 * j)
            at = nw + i * stride + j
            down = slope_at(posts, at, stride, sets, int64(0))
            across = slope_at(posts, at, int64(1), sets, int64(1))
            twist = twist_at(posts, at, stride, sets)
            total += rise * (across_rise * (posts[at] - posts[nw]) + across_lean * across)
            total += lean * (across_rise * down + across_lean * twist)
    return posts[nw] + total
