"""Ground to train on: what rasters hold, and what might as well have been one."""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from demzip.raster.values import AnyArray
from demzip.scan.block import SAMPLE_LIMIT, make_patch
from demzip.scan.neural.observing import Examples, examples
from demzip.scan.survey import fit_raster

BoolArray = NDArray[np.bool_]
Int64Array = NDArray[np.int64]

SIDE, SMALL_SIDE = 1200, 700  # of pieces of a raster, and of those that are changed
SHOTS = 40  # places that a piece may come from
KEPT = 150_000  # examples of a piece; half and a third as many of those that are changed
LEAST = 1000  # samples of a piece
PLAIN = "plain"  # variant that is nothing but a piece of a raster on a grid
PREDICTOR = "lagrange24"
DIVISORS = ((2, 5), (3, 10))  # of samples; a raster meets one pair or the other
STRIDES = (2, 3)
ROUGHNESSES = (0.4, 3.0, 20.0)  # steps from cell to cell on the grids that floats are rounded to
WORST_LEVEL = 1e6  # heights beyond are no ground
SPREAD = 1 << 30  # of samples, below which the coder takes a block


class Ground(NamedTuple):
    """A band.

    Attributes:
        name: Of its raster.
        heights: (rows, cols) int64 samples, or float64 where they lie on no grid.
        holes: (rows, cols) where they mean nothing.

    """

    name: str
    heights: AnyArray
    holes: BoolArray


class Part(NamedTuple):
    """Examples from one piece of ground: its raster, what was done to it, and what it shows."""

    name: str
    variant: str
    examples: Examples


Piece = tuple[AnyArray, BoolArray]


def parts_of(ground: Ground, seed: int, *, changed: bool = True) -> Iterator[Part]:
    """Pieces of a band, as they are and, with `changed`, turned, rounded and thinned out."""
    rng = np.random.default_rng([seed, zlib.crc32(ground.name.encode())])
    for variant, (samples, holes), most in _pieces(ground, rng, changed=changed):
        found = _examples(samples, holes, thorough=variant == PLAIN)
        if found is not None:
            if len(found.sample) > most:
                chosen = np.sort(rng.choice(len(found.sample), most, replace=False))
                found = some_of(found, chosen)
            yield Part(ground.name, variant, found)


def some_of(found: Examples, which: Int64Array | slice) -> Examples:
    """Some of some examples."""
    features, *numbers = found
    return Examples(features[which], *(part[which] for part in numbers))


def _pieces(
    ground: Ground, rng: np.random.Generator, *, changed: bool
) -> Iterator[tuple[str, Piece, int]]:
    """Variants, with the number of examples to keep of each."""
    if ground.heights.dtype.kind == "f":
        heights, holes = _piece(ground, SMALL_SIDE, rng)
        for roughness in ROUGHNESSES if changed else ROUGHNESSES[1:2]:
            step = _slope(heights, holes) / (roughness * rng.uniform(0.6, 1.6))
            if step > 0:
                yield f"steps {roughness}", (np.rint(np.divide(heights, step)), holes), KEPT // 2
        return
    yield PLAIN, _piece(ground, SIDE, rng), KEPT
    if not changed:
        return
    for _ in range(2):
        yield "turned", _turned(_piece(ground, SMALL_SIDE, rng), rng), KEPT // 2
    for divisor in DIVISORS[rng.integers(2)]:
        samples, holes = _turned(_piece(ground, SMALL_SIDE, rng), rng)
        yield f"divided by {divisor}", (samples // divisor, holes), KEPT // 3
    stride = int(rng.choice(STRIDES))
    samples, holes = _turned(_piece(ground, SIDE, rng), rng)
    thinned = samples[::stride, ::stride], holes[::stride, ::stride]
    yield f"each {stride}", thinned, KEPT // 3


def _piece(ground: Ground, side: int, rng: np.random.Generator) -> Piece:
    """The liveliest of some windows."""
    rows, cols = (max(size - side, 0) + 1 for size in ground.heights.shape)
    found: list[tuple[float, Piece]] = []
    for _ in range(SHOTS if rows * cols > 1 else 1):
        top, left = rng.integers(rows), rng.integers(cols)
        window = slice(top, top + side), slice(left, left + side)
        heights, holes = ground.heights[window], ground.holes[window]
        moves = heights[::5, 1::5] != heights[::5, : heights.shape[1] - 1 : 5]
        found.append((float((moves & ~holes[::5, 1::5]).mean()), (heights, holes)))
    return max(found, key=lambda item: item[0])[1]


def _turned(piece: Piece, rng: np.random.Generator) -> Piece:
    """One of the eight ways to look at it."""
    rows, cols, swapped = rng.integers(2, size=3)
    way = slice(None, None, 1 - 2 * rows), slice(None, None, 1 - 2 * cols)
    samples, holes = piece[0][way], piece[1][way]
    return (samples.T, holes.T) if swapped else (samples, holes)


def _slope(heights: AnyArray, holes: BoolArray) -> float:
    """Mean change of slope from cell to cell."""
    z = np.where(holes | (np.abs(heights) > WORST_LEVEL), np.nan, heights)
    bends = np.abs(z[1:, 1:] - z[1:, :-1] - z[:-1, 1:] + z[:-1, :-1])
    return float(np.nanmean(bends)) if np.isfinite(bends).any() else 0.0


def _examples(samples: AnyArray, holes: BoolArray, *, thorough: bool) -> Examples | None:
    """What a piece shows; None if that is nothing, or it is no ground."""
    valid = samples[~holes]
    if valid.size < LEAST or not 0 < valid.max() - valid.min() < SPREAD:
        return None
    span = int(valid.min()), int(valid.max())
    if max(span[1], -span[0]) >= SAMPLE_LIMIT:
        return None
    whole = np.where(holes, span[0], samples).astype(np.int64)
    patch = make_patch(whole, holes.astype(np.uint8) if holes.any() else None, span)
    if patch is None:
        return None
    fit = fit_raster([patch], PREDICTOR, thorough=thorough)
    return examples(patch, fit.weights, fit.thresholds)
