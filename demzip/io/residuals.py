"""What predictors leave of a band to code, sample by sample."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from demzip.codec import RasterEncoder, in_order
from demzip.errors import OptionsError
from demzip.io.checks import Progress, every, training
from demzip.io.corrections import BandCorrections, Corrections, Tally, corrections_of
from demzip.io.files import PathLike, naming
from demzip.io.planes import Bands, open_bands
from demzip.options import NEURAL, EncodeOptions, default_block, thread_count
from demzip.predict.templates import IMPLICIT, PREDICTORS

Float64Array = NDArray[np.float64]
Taker = Callable[[int, Float64Array], object]

KNOWN = (*PREDICTORS, NEURAL, IMPLICIT)
EXACT = (0,)  # units of the raster: what counts as predicted


@dataclass(frozen=True)
class Residuals:
    """What a predictor leaves.

    Attributes:
        name: Of the predictor.
        step: Elevation between neighbouring levels of the raster's grid; None for true floats.
        counts: Of the corrections; their entropy is that of `demzip entropy`.
        values: (n,) distinct residuals, in ascending steps, as elevations.
        times: (n,) how often each occurs.
        blocks: Of the band; the first sample of each has no residual.

    """

    name: str
    step: float | None
    counts: Corrections
    values: Float64Array
    times: NDArray[np.int64]
    blocks: int

    @property
    def samples(self) -> int:
        """Residuals in all."""
        return int(self.times.sum())

    @property
    def zeros(self) -> float:
        """Share of the residuals that are 0."""
        return self.counts.within[0]


def check_predictors(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of predictors that leave residuals, each once.

    Raises:
        OptionsError: One is unknown, or there are none.

    """
    for name in names:
        if name not in KNOWN:
            raise OptionsError(f"unknown predictor {name!r}; choose among {', '.join(KNOWN)}")
    if not names:
        raise OptionsError("name at least one predictor")
    return tuple(dict.fromkeys(names))


class ResidualSource:
    """A band whose residuals can be had.

    Attributes:
        shape: Rows and columns.
        units: Of elevations, or None.

    """

    def __init__(self, bands: Bands, band: int, jobs: int, progress: Progress | None) -> None:
        about = bands.about(band)
        self.shape = bands.shape
        self.units = about.units
        self._scale = about.scale
        self._plane = bands.planes[band - 1]
        self._about = replace(bands.georeference, bands=(about,), mask=False)
        self._block = bands.block
        self._jobs = jobs
        self._progress = progress
        self._encoder = cache(self._new_encoder)  # most predictors have theirs in common

    def _new_encoder(self, options: EncodeOptions) -> RasterEncoder:
        samples = self.shape[0] * self.shape[1]
        return RasterEncoder(
            [self._plane], self.shape, self._about, options,
            every(self._progress, "reading", samples), training(self._progress, options.predictor),
        )  # fmt: skip

    def measure(self, name: str, take: Taker) -> Residuals:
        """Measure a predictor.

        Args:
            name: Of the predictor.
            take: Given row of blocks after row of blocks: the number of the first row, and its
                residuals (rows, cols) as elevations (scale applied), NaN for samples without.

        """
        block = max(self._block, default_block(name, best=False))
        options = EncodeOptions(name if name == NEURAL else PREDICTORS[-1], block, self._jobs)
        encoder = self._encoder(options)
        plan = encoder.plan(name)
        band = corrections_of(encoder.planes[0], plan.planes[0])
        unit = band.unit * self._scale
        tally, sizes = Tally(EXACT, band.unit), Tally(EXACT, band.unit)
        report = every(self._progress, name, self.shape[0] * self.shape[1])
        for top, residuals in self._rows(encoder, band, tally, sizes):
            take(top, residuals * unit)
            report(residuals.size)
        values, times = sizes.merged()
        step = encoder.planes[0].value_map.step
        return Residuals(
            name, None if step is None else step * self._scale, tally.finish(),
            np.multiply(values, unit, dtype=np.float64), times,
            encoder.planes[0].grid.count,
        )  # fmt: skip

    def _rows(
        self, encoder: RasterEncoder, band: BandCorrections, tally: Tally, sizes: Tally
    ) -> Iterator[tuple[int, Float64Array]]:
        grid = encoder.planes[0].grid
        held = np.empty((0, 0))
        for box, found in zip(grid, in_order(self._jobs, band.of_block, grid), strict=True):
            if box.col == 0:
                held = np.full((box.rows, grid.cols), np.nan)
            held[:, box.slices[1]][found.places] = found.steps
            tally.add(found.counted, found.steps)
            sizes.add(found.steps, found.steps)
            if box.col + box.cols == grid.cols:
                yield box.row, held


@contextmanager
def open_residuals(
    src: PathLike, *, band: int = 1, jobs: int = 1, progress: Progress | None = None
) -> Iterator[ResidualSource]:
    """Open a band for its residuals.

    Args:
        src: A .dz file, or whatever rasterio opens.
        band: Which one, from 1 on; it is predicted as a raster of its own.
        jobs: Threads; 0 for one per processor.
        progress: Called with a stage, the samples done since the last call, and those in all.

    Raises:
        OptionsError: There is no such band, or it is no raster.
        DemzipError: It cannot be read.

    """
    with open_bands(src) as bands, naming(src):
        yield ResidualSource(bands, band, thread_count(jobs), progress)
