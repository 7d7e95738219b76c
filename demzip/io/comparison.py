"""Table 2 of Kidner, Dorey & Smith (1999) for any raster: what each predictor leaves to code."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import rasterio
from rasterio.windows import Window

from demzip.codec import PlaneSource, RasterEncoder, RasterPlan, describe
from demzip.codec.plane import PlaneEncoder
from demzip.errors import OptionsError
from demzip.io.checks import Progress, every, training
from demzip.io.corrections import count_corrections
from demzip.io.files import PathLike, naming
from demzip.io.metadata import write_rest
from demzip.io.profile import profile, rows_at_once
from demzip.io.quiet import without_warnings
from demzip.io.source import RasterSource, open_source
from demzip.io.window import check_band
from demzip.options import (
    DEFAULT_BLOCK,
    NEURAL,
    EncodeOptions,
    FitOptions,
    default_block,
    thread_count,
)
from demzip.predict.templates import IMPLICIT, PREDICTORS
from demzip.raster.georeference import Georeference

WITHIN = (0, 1, 2, 5)  # units of the raster


@dataclass(frozen=True)
class Row:
    """One predictor of the table.

    Attributes:
        name: Of the predictor; "neural --fit" for its network when fitted.
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
        band: Which one.
        bands: Of the raster.
        shape: Rows and columns.
        values: The exact map of the values in words.
        step: Units of the raster between neighbouring levels of its grid; None for true floats,
            whose corrections are counted in floats: 1 is to the next one.
        valid: Samples that are not missing.
        raw_bytes: Of the samples of the band, uncompressed.
        file_bytes: Of the input, all bands, None if it is not a local file.
        rows: By file size.
        geotiff_bytes: Of a GeoTIFF of the band with DEFLATE and GDAL's predictor.

    """

    name: str
    band: int
    bands: int
    shape: tuple[int, int]
    values: str
    step: float | None
    valid: int
    raw_bytes: int
    file_bytes: int | None
    rows: tuple[Row, ...]
    geotiff_bytes: int


def compare_predictors(
    src: PathLike,
    predictors: Sequence[str],
    *,
    band: int = 1,
    jobs: int = 1,
    fit: FitOptions | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Encode a band with several predictors and count their corrections.

    Args:
        src: Whatever rasterio opens.
        predictors: Names of demzip.PREDICTORS, "neural" and "implicit".
        band: Which one, from 1 on; it is coded as a raster of its own.
        jobs: Threads; 0 for one per processor.
        fit: How networks are trained; if given, "neural" has two rows, as shipped and fitted.
        progress: Called with a stage, the samples done since the last call, and those in all.

    Raises:
        OptionsError: An argument is illegal.
        UnsupportedError: The raster cannot be coded exactly.
        DemzipError: It cannot be read.

    """
    known = (*PREDICTORS, NEURAL, IMPLICIT)
    for predictor in predictors:
        if predictor not in known:
            raise OptionsError(f"unknown predictor {predictor!r}; choose among {', '.join(known)}")
    if not predictors:
        raise OptionsError("name at least one predictor")
    with open_source(src, DEFAULT_BLOCK) as source, naming(src):
        plane = source.planes[check_band(band, len(source.dtypes)) - 1]
        bands = (source.georeference.bands[band - 1],)
        about = replace(source.georeference, bands=bands, mask=False)
        samples = source.shape[0] * source.shape[1]

        @cache  # most predictors have theirs in common
        def encoder_of(options: EncodeOptions) -> RasterEncoder:
            return RasterEncoder(
                [plane], source.shape, about, options, every(progress, "reading", samples),
                training(progress, options.predictor),
            )  # fmt: skip

        ways = {
            title: (name, encoder_of(options))
            for name in predictors
            for title, options in _ways(name, thread_count(jobs), fit)
        }
        plans = {title: encoder.plan(name) for title, (name, encoder) in ways.items()}
        rows = [_row(ways[title][1], title, plan, progress) for title, plan in plans.items()]
        _, encoder = ways[predictors[0]]
        model = plans[predictors[0]].planes[0].model
        value_map = encoder.planes[0].value_map
        return Comparison(
            name=source.name,
            band=band,
            bands=len(source.dtypes),
            shape=source.shape,
            values=describe(value_map, model),
            step=value_map.step,
            valid=_count_valid(encoder.planes[0]),
            raw_bytes=samples * value_map.pattern.itemsize,
            file_bytes=source.file_bytes,
            rows=tuple(sorted(rows, key=lambda row: row.bytes)),
            geotiff_bytes=_geotiff_bytes(source, plane, about, DEFAULT_BLOCK),
        )


def _ways(name: str, jobs: int, fit: FitOptions | None) -> Iterator[tuple[str, EncodeOptions]]:
    """Titles of a predictor's rows, and how to encode for them."""
    if name != NEURAL:
        yield name, EncodeOptions(block=DEFAULT_BLOCK, jobs=jobs, fit=fit)
        return
    options = EncodeOptions(name, default_block(name, best=False), jobs)
    yield name, options
    if fit is not None:
        yield f"{name} --fit", replace(options, fit=fit)


def _row(
    encoder: RasterEncoder, name: str, plan: RasterPlan, progress: Progress | None
) -> Row:
    size = encoder.grid.rows * encoder.grid.cols
    file_bytes = encoder.size(plan, every(progress, name, size))
    corrections = count_corrections(encoder.planes[0], plan.planes[0], encoder.jobs, WITHIN)
    return Row(
        name=name,
        entropy_bpe=corrections.entropy,
        corrections=corrections.counts.size,
        range=corrections.range,
        within=corrections.within,
        coded_bpe=8 * file_bytes / size,
        bytes=file_bytes,
    )


def _count_valid(plane: PlaneEncoder) -> int:
    valid = 0
    for box in plane.grid:
        holes = plane.value_map.codes(plane.source.read(*box.slices))
        valid += box.rows * box.cols - (0 if holes is None else int((holes != 0).sum()))
    return valid


def _geotiff_bytes(
    source: RasterSource, plane: PlaneSource, about: Georeference, block: int
) -> int:
    """Size of the GeoTIFF that demzip.decompress would write of a band."""
    arguments = profile(plane.dtype, source.shape, block, about)
    rows, cols = source.shape
    step = rows_at_once(block)
    with tempfile.TemporaryDirectory(prefix="demzip-") as folder, without_warnings():
        path = Path(folder, "band.tif")
        with rasterio.open(path, "w", **arguments) as dataset:
            write_rest(dataset, about)
            for top in range(0, rows, step):
                height = min(step, rows - top)
                values = plane.read(slice(top, top + height), slice(0, cols))
                dataset.write(values, 1, window=Window(0, top, cols, height))
        return path.stat().st_size
