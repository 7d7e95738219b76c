"""Table 2 of Kidner, Dorey & Smith (1999) for any raster: what each predictor leaves to code."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.windows import Window

from demzip.blocks.grid import BlockBox
from demzip.codec import Encoding, RasterEncoder, in_order
from demzip.container.layout import write_front
from demzip.errors import OptionsError
from demzip.io.checks import Progress, every
from demzip.io.files import PathLike, naming
from demzip.io.metadata import write_rest
from demzip.io.profile import profile, rows_at_once
from demzip.io.quiet import without_warnings
from demzip.io.source import RasterSource, open_source
from demzip.options import DEFAULT_BLOCK, EncodeOptions, thread_count
from demzip.predict.templates import PREDICTORS
from demzip.scan.survey import Fit

Int64Array = NDArray[np.int64]

WITHIN = (0, 1, 2, 5)  # units of the raster


@dataclass(frozen=True)
class Corrections:
    """How often each correction (sample - prediction) occurs.

    Attributes:
        values: The distinct corrections in steps of the grid, ascending.
        counts: How often each occurs.

    """

    values: Int64Array
    counts: Int64Array

    @property
    def entropy(self) -> float:
        """Zero-order entropy in bits per correction."""
        share = self.counts / max(self.counts.sum(), 1)
        return float(-(share * np.log2(share)).sum()) + 0.0  # not -0.0

    def within(self, limit: int) -> float:
        """Share of corrections of at most `limit` steps either way."""
        near = np.abs(self.values) <= limit
        return float(self.counts[near].sum() / max(self.counts.sum(), 1))


@dataclass(frozen=True)
class Row:
    """One predictor of the table.

    Attributes:
        name: Of the predictor.
        entropy_bpe: Zero-order entropy of its corrections, bits per elevation.
        corrections: Distinct ones.
        range: Least and greatest, in units of the raster.
        within: Share of corrections within so many units of the raster.
        coded_bpe: Bits of the whole file per elevation, weights, tables and metadata included.
        bytes: Of the whole file.

    """

    name: str
    entropy_bpe: float
    corrections: int
    range: tuple[float, float]
    within: dict[int, float]
    coded_bpe: float
    bytes: int


@dataclass(frozen=True)
class Comparison:
    """The table.

    Attributes:
        name: Of the raster.
        shape: Rows and columns.
        values: The exact map of the values in words.
        step: Units of the raster between neighbouring levels of its grid.
        valid: Samples that are not missing.
        raw_bytes: Of the samples, uncompressed.
        file_bytes: Of the input, None if it is not a local file.
        rows: By file size.
        geotiff_bytes: Of a GeoTIFF with DEFLATE and GDAL's predictor.

    """

    name: str
    shape: tuple[int, int]
    values: str
    step: float
    valid: int
    raw_bytes: int
    file_bytes: int | None
    rows: tuple[Row, ...]
    geotiff_bytes: int


def compare_predictors(
    src: PathLike, predictors: Sequence[str], *, jobs: int = 1, progress: Progress | None = None
) -> Comparison:
    """Encode a raster with several predictors and count their corrections.

    Args:
        src: Whatever rasterio opens.
        predictors: Names of demzip.PREDICTORS.
        jobs: Threads; 0 for one per processor.
        progress: Called with a stage, the samples done since the last call, and those in all.

    Raises:
        OptionsError: An argument is illegal.
        UnsupportedError: The raster cannot be coded exactly.
        DemzipError: It cannot be read.

    """
    for predictor in predictors:
        if predictor not in PREDICTORS:
            raise OptionsError(
                f"unknown predictor {predictor!r}; choose among {', '.join(PREDICTORS)}"
            )
    options = EncodeOptions(block=DEFAULT_BLOCK, jobs=thread_count(jobs))
    with open_source(src, options.block) as source, naming(src):
        samples = source.shape[0] * source.shape[1]
        every(progress, "reading", samples)(0)
        encoder = RasterEncoder(
            source.read, source.shape, source.dtype, source.georeference, options
        )
        rows = [_row(encoder, name, progress) for name in dict.fromkeys(predictors)]
        return Comparison(
            name=source.name,
            shape=source.shape,
            values=encoder.value_map.describe(),
            step=encoder.value_map.step or 0.0,
            valid=_count_valid(encoder),
            raw_bytes=source.raw_bytes,
            file_bytes=source.file_bytes,
            rows=tuple(sorted(rows, key=lambda row: row.bytes)),
            geotiff_bytes=_geotiff_bytes(source, options.block),
        )


def count_corrections(encoder: RasterEncoder, fit: Fit) -> Corrections:
    """Corrections of the whole raster under one set of weights.

    They are those of the grid's own steps, also where a .dz file codes ranks of levels. The first
    sample of a block has nothing to be predicted from and is left out, as are missing samples.
    """
    plain = copy.copy(encoder)
    plain.value_map = replace(encoder.value_map, levels=None)
    values, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for more, how_often in in_order(plain.jobs, partial(_of_block, plain, fit), plain.grid):
        values, places = np.unique(np.concatenate([values, more]), return_inverse=True)
        total = np.zeros(values.size, np.int64)
        np.add.at(total, places, np.concatenate([counts, how_often]))
        counts = total
    return Corrections(values, counts)


def _of_block(encoder: RasterEncoder, fit: Fit, box: BlockBox) -> tuple[Int64Array, Int64Array]:
    found = encoder.patch(box)
    if found is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    patch = found[0]
    valid = np.ones(patch.samples.shape, np.bool_) if patch.holes is None else patch.holes == 0
    valid[0, 0] = False
    residuals = fit.measure(patch).residuals if patch.bound else patch.samples
    values, counts = np.unique(residuals[valid], return_counts=True)
    return values.astype(np.int64), counts.astype(np.int64)


def _row(encoder: RasterEncoder, name: str, progress: Progress | None) -> Row:
    plan = encoder.plan(name)
    size = encoder.grid.rows * encoder.grid.cols
    encoding = encoder.encode(plan, every(progress, name, size))
    file_bytes = encoded_bytes(encoding)
    corrections = count_corrections(encoder, _plain_fit(encoder, name))
    denominator = encoder.value_map.denominator
    ends = corrections.values[[0, -1]].tolist() if corrections.values.size else [0, 0]
    if denominator != 1:
        ends = [end / denominator for end in ends]
    return Row(
        name=name,
        entropy_bpe=corrections.entropy,
        corrections=corrections.values.size,
        range=(ends[0], ends[1]),
        within={limit: corrections.within(limit * denominator) for limit in WITHIN},
        coded_bpe=8 * file_bytes / size,
        bytes=file_bytes,
    )


def _plain_fit(encoder: RasterEncoder, name: str) -> Fit:
    """Weights for differences of values; ranks of levels, if any, have weights of their own."""
    plain = copy.copy(encoder)
    plain.value_map = replace(encoder.value_map, levels=None)
    return plain.plan(name).fit


def encoded_bytes(encoding: Encoding) -> int:
    """Size of the .dz file."""
    front = write_front(encoding.header, encoding.payloads, encoding.sample_crcs)
    return len(front) + sum(map(len, encoding.payloads))


def _count_valid(encoder: RasterEncoder) -> int:
    valid = 0
    for box in encoder.grid:
        holes = encoder.value_map.codes(encoder.read(*box.slices))
        valid += box.rows * box.cols - (0 if holes is None else int(holes.sum()))
    return valid


def _geotiff_bytes(source: RasterSource, block: int) -> int:
    """Size of the GeoTIFF that demzip.decompress would write."""
    arguments = profile(source.dtype, source.shape, block, source.georeference)
    rows, cols = source.shape
    step = rows_at_once(block)
    with without_warnings(), MemoryFile() as memory:
        with memory.open(**arguments) as dataset:
            write_rest(dataset, source.georeference)
            for top in range(0, rows, step):
                height = min(step, rows - top)
                values = source.read(slice(top, top + height), slice(0, cols))
                dataset.write(values, 1, window=Window(0, top, cols, height))
        return len(memory)
