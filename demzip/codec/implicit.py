"""A surface for a plane on a grid: the cells it is fitted to, and how finely it is rounded."""

from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from demzip.blocks.grid import BlockBox, BlockGrid
from demzip.codec.threads import in_order
from demzip.options import FitOptions
from demzip.scan.implicit.surface import Surface
from demzip.training.implicit import (
    MAX_CELLS,
    Cells,
    ImplicitOptions,
    Progress,
    flat_surface,
    train,
)

Int64Array = NDArray[np.int64]

MOST_BLOCKS = 256  # that cells are taken from
TRIAL_BLOCKS = 4  # that tell how finely weights are worth rounding
BITS = range(3, 10)  # of the fractions of weights


class SampledPlane(Protocol):
    """A plane on a grid, as far as a surface is concerned; see codec.grid.GridEncoder."""

    grid: BlockGrid
    jobs: int
    fit: FitOptions

    def samples(
        self, box: BlockBox
    ) -> tuple[NDArray[np.integer], NDArray[np.uint8] | None]:
        """Samples of a block and the codes of its holes."""


def fit_surface(plane: SampledPlane, progress: Progress | None = None) -> Surface:
    """Train a network on the samples of a plane.

    Raises:
        OptionsError: A number is illegal, or there is no such device.
        DemzipError: JAX is missing.

    """
    options = ImplicitOptions.of(plane.fit)
    cells = _gather(plane, options.seed)
    if not cells.heights.size or np.ptp(cells.heights) == 0:
        return flat_surface(int(cells.heights[0]) if cells.heights.size else 0, cells.side)
    network = train(cells, options, progress)
    boxes = _spread(plane, TRIAL_BLOCKS)
    return min((network.rounded(bits) for bits in BITS), key=partial(_cost, plane, boxes))


def _spread(plane: SampledPlane, most: int) -> list[BlockBox]:
    """Some blocks, evenly."""
    count = min(most, plane.grid.count)
    return [plane.grid.box(int((k + 0.5) * plane.grid.count / count)) for k in range(count)]


def _gather(plane: SampledPlane, seed: int) -> Cells:
    """Cells that have a sample, the same ones every time."""
    boxes = _spread(plane, MOST_BLOCKS)
    take = partial(_cells_of, plane, MAX_CELLS // len(boxes), seed)
    found = list(in_order(plane.jobs, take, boxes))
    rows, cols, heights = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Cells(rows, cols, heights, plane.grid.side)


def _cells_of(
    plane: SampledPlane, most: int, seed: int, box: BlockBox
) -> tuple[Int64Array, Int64Array, Int64Array]:
    samples, codes = plane.samples(box)
    valid = np.arange(samples.size) if codes is None else np.flatnonzero(codes == 0)
    if valid.size > most:
        rng = np.random.default_rng([seed, box.number])
        valid = np.sort(rng.choice(valid, most, replace=False))
    rows, cols = np.divmod(valid, box.cols)
    return box.row + rows, box.col + cols, samples.ravel()[valid].astype(np.int64)


def _cost(plane: SampledPlane, boxes: list[BlockBox], surface: Surface) -> float:
    """Bits of the network and, roughly, of the departures from it."""
    errors = np.concatenate(
        list(in_order(plane.jobs, partial(_roughness, plane, surface), boxes))
    )
    mean = errors.mean() if errors.size else 0.0
    return float(8 * len(surface.to_bytes()) + plane.grid.samples * np.log2(mean + 0.1))


def _roughness(plane: SampledPlane, surface: Surface, box: BlockBox) -> Int64Array:
    """What W + N - NW leaves of departures, in magnitude."""
    samples, codes = plane.samples(box)
    departures = samples - surface.draw(box)
    errors: Int64Array = np.abs(np.diff(np.diff(departures, axis=0), axis=1))
    if codes is None:
        return errors.ravel()
    holes = codes != 0
    near = holes[1:, 1:] | holes[:-1, 1:] | holes[1:, :-1] | holes[:-1, :-1]
    found: Int64Array = errors[~near]
    return found
