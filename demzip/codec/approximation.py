"""An approximation of a raster: a network, what its heights count, and how far they are off."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from demzip.codec.threads import in_order
from demzip.container.approximation import Approximation, Errors
from demzip.container.layout import MAX_SIDE
from demzip.container.metadata import read_metadata, write_metadata
from demzip.errors import OptionsError, UnsupportedError
from demzip.raster.georeference import Georeference
from demzip.scan.implicit.surface import CYCLE_BITS, HEIGHT_LIMIT, Surface
from demzip.training.approximate import (
    ApproximateOptions,
    OnReport,
    Statistics,
    fit,
    positions,
)
from demzip.training.implicit import Network, flat_surface

Float64Array = NDArray[np.float64]
Int64Array = NDArray[np.int64]

MAX_CELLS = 1 << 26  # that a network is fitted to
STEP_BITS = 16  # heights count 2**-16 of their deviation, or less
EXPONENTS = range(-64, 65)
BITS = range(4, 13)  # of the fractions of weights
WORTH = 1.01  # coarser weights may make the mean error so many times larger
TRIAL_SIDE = 256  # rows and columns of the cells that tell
ROWS = 64  # that are compared together


@dataclass(frozen=True)
class ApproximateSurface:
    """Elevations at any place of a raster.

    Attributes:
        shape: Rows and columns of the raster.
        exponent: An elevation is a height of `surface` times 2**exponent.
        surface: The network.
        errors: Of its elevations in the raster's cells.
        georeference: Metadata of the raster, with one band.

    """

    shape: tuple[int, int]
    exponent: int
    surface: Surface
    errors: Errors
    georeference: Georeference

    @property
    def span(self) -> tuple[float, float]:
        """No elevation lies beyond."""
        lowest, highest = self.surface.lowest, self.surface.highest
        return math.ldexp(lowest, self.exponent), math.ldexp(highest, self.exponent)

    @property
    def network_bytes(self) -> int:
        """Of the network in the file."""
        return len(self.surface.to_bytes())

    def elevations(self, rows: Float64Array, cols: Float64Array) -> Float64Array:
        """Elevations at places of a lattice (docs/format.md section 16.2).

        Args:
            rows: Of its rows, in cells; 0.0 is the first one's centre.
            cols: Of its columns, likewise.

        Returns:
            (rows, cols) elevations, exact multiples of 2**exponent.

        """
        side = self.surface.side
        down, across = (
            np.floor(np.ldexp(axis, CYCLE_BITS) / side).astype(np.int64) for axis in (rows, cols)
        )
        return np.ldexp(self.surface.heights(down, across).astype(np.float64), self.exponent)

    def to_bytes(self) -> bytes:
        """The file."""
        return Approximation(
            *self.shape, self.exponent, self.errors, write_metadata(self.georeference),
            self.surface.to_bytes(),
        ).to_bytes()  # fmt: skip

    @classmethod
    def from_bytes(cls, data: bytes) -> "ApproximateSurface":
        """Inverse of to_bytes.

        Raises:
            OptionsError: It is not a .dz file, or one of a raster.
            UnsupportedError: It has a format version that this reader does not know.
            CorruptError: The checksum or a field is wrong.

        """
        found = Approximation.from_bytes(data)
        surface = Surface.from_bytes(found.network, max(found.rows, found.cols))
        about = read_metadata(found.metadata)
        return cls((found.rows, found.cols), found.exponent, surface, found.errors, about)


def check_size(rows: int, cols: int) -> None:
    """See that a raster is not too large for a network.

    Raises:
        OptionsError: It is.

    """
    if rows * cols > MAX_CELLS or max(rows, cols) > MAX_SIDE:
        raise OptionsError(
            f"{rows} x {cols} cells are too many for one network, which takes {MAX_CELLS}; cut "
            "the raster first (demzip tiles)"
        )


def approximate(
    heights: Float64Array,
    weights: Float64Array | None,
    georeference: Georeference,
    options: ApproximateOptions,
    jobs: int = 1,
    on_report: OnReport | None = None,
    on_snapshot: Callable[[int, ApproximateSurface], object] | None = None,
) -> ApproximateSurface:
    """Fit a network to elevations.

    Args:
        heights: (rows, cols), NaN where there is none; up to 2**26 cells.
        weights: As for training.approximate.fit.
        georeference: Metadata of the raster, with one band.
        options: How the network is made and trained.
        jobs: Threads that measure errors.
        on_report: Called with statistics in the elevations' units.
        on_snapshot: Called with steps and what the file would be; its errors are not measured.

    Raises:
        OptionsError: There are no heights, or too many cells.
        UnsupportedError: Elevations are too large.
        DemzipError: JAX is missing, or training failed.

    """
    rows, cols = heights.shape
    check_size(rows, cols)
    valid = heights[~np.isnan(heights)]
    if valid.size == 0:
        raise OptionsError("no cell has a height")
    exponent = _exponent(float(valid.std()), float(np.abs(valid).max()))
    unmeasured = Errors(0, 0.0, 0.0, 0.0)

    def made(surface: Surface) -> ApproximateSurface:
        return ApproximateSurface((rows, cols), exponent, surface, unmeasured, georeference)

    if np.ptp(valid) == 0:
        flat = flat_surface(round(math.ldexp(float(valid[0]), -exponent)), max(rows, cols))
        if on_snapshot is not None:  # nothing is trained
            on_snapshot(options.steps, made(flat))
        return _measured(made(flat), heights, jobs)

    def report(found: Statistics) -> None:
        if on_report is not None:
            figures = (math.ldexp(figure, exponent) for figure in found[2:])
            on_report(Statistics(found.step, found.loss, *figures))

    def snapshot(step: int, network: Network) -> None:
        if on_snapshot is not None:
            on_snapshot(step, made(_rounded(network, heights, exponent, jobs)))

    network = fit(np.ldexp(heights, -exponent), weights, options, report, snapshot)
    return _measured(made(_rounded(network, heights, exponent, jobs)), heights, jobs)


def _exponent(deviation: float, largest: float) -> int:
    """Of the power of two that heights count."""
    wanted = math.frexp(deviation)[1] - 1 - STEP_BITS if deviation else EXPONENTS.start
    needed = math.frexp(largest)[1] - HEIGHT_LIMIT.bit_length() + 2
    if needed > EXPONENTS[-1]:
        raise UnsupportedError(f"elevations of up to {largest:g} are too large for a network")
    return min(max(wanted, needed, EXPONENTS.start), EXPONENTS[-1])


def _rounded(network: Network, heights: Float64Array, exponent: int, jobs: int) -> Surface:
    """The network in integers, as coarse as does little harm."""
    rows, cols = (
        np.arange(min(count, TRIAL_SIDE)) * count // min(count, TRIAL_SIDE)
        for count in heights.shape
    )
    goals = np.ldexp(heights[np.ix_(rows, cols)], -exponent)
    down, across = (positions(count, network.side) for count in heights.shape)
    found = [network.rounded(bits) for bits in BITS]

    def cost(surface: Surface) -> float:
        errors = np.abs(surface.heights(down[rows], across[cols]) - goals)
        return float(np.nansum(errors))

    costs = list(in_order(jobs, cost, found))
    return found[next(k for k, value in enumerate(costs) if value <= WORTH * min(costs))]


def _measured(
    made: ApproximateSurface, heights: Float64Array, jobs: int
) -> ApproximateSurface:
    """The same with its errors in all cells."""

    def sums_of(top: int) -> tuple[int, float, float, float]:
        part = heights[top : top + ROWS]
        rows = np.arange(top, top + len(part), dtype=np.float64)
        departures = made.elevations(rows, np.arange(part.shape[1], dtype=np.float64)) - part
        errors = np.abs(departures[~np.isnan(departures)])
        most = float(errors.max(initial=0.0))
        return errors.size, float(errors.sum()), float((errors**2).sum()), most

    parts = list(in_order(jobs, sums_of, range(0, len(heights), ROWS)))
    counts, sums, squares, most = zip(*parts, strict=True)
    cells = sum(counts)
    mean = math.fsum(sums) / cells
    deviation = math.sqrt(max(math.fsum(squares) / cells - mean**2, 0.0))
    return replace(made, errors=Errors(cells, mean, deviation, max(most)))
