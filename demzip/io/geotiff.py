"""Rasters to .dz files and back: files as a whole, written atomically and checked."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from demzip.blocks.grid import check_block
from demzip.codec import RasterDecoder, RasterEncoder, describe
from demzip.errors import OptionsError
from demzip.io.checks import Progress, check_blocks, check_metadata, every, training
from demzip.io.files import FileRanges, PathLike, naming, output_path, replacing
from demzip.io.metadata import read_georeference
from demzip.io.results import Compressed, Decompressed, Verified, in_words
from demzip.io.salvage import Salvage, open_damaged, open_intact
from demzip.io.source import open_source
from demzip.io.writing import GeotiffWriter, write_dz
from demzip.options import (
    DEFAULT_PREDICTOR,
    EncodeOptions,
    FitOptions,
    default_block,
    thread_count,
)
from demzip.predict.templates import check_predictor

__all__ = [
    "Compressed",
    "Decompressed",
    "Verified",
    "compress",
    "decompress",
    "read_georeference",
    "verify",
]


def compress(
    src: PathLike,
    dst: PathLike | None = None,
    *,
    predictor: str = DEFAULT_PREDICTOR,
    block: int | None = None,
    jobs: int = 1,
    best: bool = False,
    fit: FitOptions | None = None,
    overwrite: bool = False,
    verify: bool = True,
    progress: Progress | None = None,
) -> Compressed:
    """Compress a raster to a .dz file: all bands, the mask of the dataset, all metadata.

    What of the metadata does not come back from a GeoTIFF, `decompress` tells. Of overviews only
    the factors are kept. The raster is never in memory whole.

    Args:
        src: Whatever rasterio opens: a file, a URL, the name of a subdataset.
        dst: The .dz file; by default beside the input, with its name.
        predictor: One of demzip.PREDICTORS, "auto" for the one that codes smallest, "neural" for
            the smallest file, or "implicit", which trains a network on each band and needs JAX.
        block: Side of a block, a multiple of 16 from 16 to 4096; by default 512, 1216 if `best`
            or "neural".
        jobs: Threads; 0 for one per processor.
        best: Make the smallest file, however long it takes to write and to read.
        fit: How networks are trained; "neural" trains only if it is given, which needs JAX;
            predictors without a network ignore it.
        overwrite: Whether an existing file may be replaced.
        verify: Decode the file and compare every sample and all metadata before it gets its name.
        progress: Called with a stage, the samples done since the last call, and those in all.

    Raises:
        OptionsError: An argument is illegal, or the output exists.
        UnsupportedError: The raster cannot be coded exactly.
        DemzipError: A file cannot be read or written.

    """
    started = time.perf_counter()
    jobs = thread_count(jobs)
    block = check_block(default_block(predictor, best=best) if block is None else block)
    options = EncodeOptions(check_predictor(predictor), block, jobs, best, fit)
    path = output_path(src, dst, ".dz")
    with (
        open_source(src, block) as source,
        replacing(path, src, overwrite=overwrite) as temporary,
    ):
        samples = source.shape[0] * source.shape[1] * len(source.planes)
        with naming(src):
            every(progress, "reading", samples)(0)
            encoder = RasterEncoder(
                source.planes,
                source.shape,
                source.georeference,
                options,
                every(progress, "reading", samples),
                training(progress, predictor),
            )
            plan = encoder.plan(predictor)
        write_dz(temporary, src, path, encoder, plan, every(progress, "encoding", samples))
        if verify:
            with FileRanges(temporary) as ranges, naming(path):
                decoder = RasterDecoder(ranges.read)
                check_metadata(decoder, source)
                report = every(progress, "verifying", samples)
                check_blocks(decoder, source, ranges.size, jobs, report)
        bands = range(len(source.dtypes))
        return Compressed(
            source=source.name,
            path=path,
            predictor=", ".join(dict.fromkeys(plan.planes[band].predictor for band in bands)),
            values=in_words(
                [
                    describe(encoder.planes[band].value_map, plan.planes[band].model)
                    for band in bands
                ]
            ),
            samples=source.samples,
            raw_bytes=source.raw_bytes,
            source_bytes=source.file_bytes,
            file_bytes=temporary.stat().st_size,
            seconds=time.perf_counter() - started,
            verified=verify,
            notes=source.notes,
        )


def decompress(
    src: PathLike,
    dst: PathLike | None = None,
    *,
    jobs: int = 1,
    overwrite: bool = False,
    creation_options: Mapping[str, str] | None = None,
    salvage: bool = False,
    fill: float | None = None,
    progress: Progress | None = None,
) -> Decompressed:
    """Decompress a .dz file to a GeoTIFF; its samples are read back and checked.

    The raster is never in memory whole. Overviews are made anew, with the factors of the original.

    Args:
        src: The .dz file.
        dst: The GeoTIFF; by default beside the input, with its name.
        jobs: Threads; 0 for one per processor.
        overwrite: Whether an existing file may be replaced.
        creation_options: Of GDAL's GTiff driver, e.g. {"COMPRESS": "ZSTD"}.
        salvage: Save what can be saved of a damaged or truncated file: one wrong byte before the
            blocks is put right, and blocks that cannot be decoded are filled with the no-data
            value of their band, or NaN in bands of floats that have none.
        fill: Value for such blocks instead.
        progress: Called with a stage, the samples done since the last call, and those in all.

    Raises:
        OptionsError: An argument is illegal, the input is not a .dz file, or the output exists.
        CorruptError: The .dz file is damaged.
        DemzipError: A file cannot be read or written.

    """
    started = time.perf_counter()
    jobs = thread_count(jobs)
    if fill is not None and not salvage:
        raise OptionsError("fill: only for blocks that are lost, with --salvage (salvage=True)")
    path = output_path(src, dst, ".tif")
    with FileRanges(src) as ranges:
        with naming(src):
            opened = open_damaged if salvage else open_intact
            decoder, repair = opened(ranges.read)
            rescue = Salvage(decoder, fill) if salvage else None
        with replacing(path, src, overwrite=overwrite) as temporary:
            writer = GeotiffWriter(decoder, src, path, jobs, progress, rescue)
            notes = writer.write(temporary, creation_options)
            return Decompressed(
                source=os.fspath(src),
                path=path,
                samples=decoder.shape[0] * decoder.shape[1] * len(decoder.bands),
                source_bytes=ranges.size,
                file_bytes=temporary.stat().st_size,
                seconds=time.perf_counter() - started,
                notes=notes,
                repair=repair,
                lost=() if rescue is None else rescue.in_file_order(),
            )


def verify(
    path: PathLike,
    original: PathLike | None = None,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Verified:
    """Check a .dz file: all checksums, its length, and the original if there is one.

    Args:
        path: The .dz file.
        original: Raster whose samples and metadata must be the same.
        jobs: Threads; 0 for one per processor.
        progress: Called with a stage, the samples done since the last call, and those in all.

    Raises:
        CorruptError: Something differs; the message says what and where.
        OptionsError: It is not a .dz file.
        DemzipError: A file cannot be read.

    """
    jobs = thread_count(jobs)
    with FileRanges(path) as ranges:
        with naming(path):
            decoder = RasterDecoder(ranges.read)
        planes = len(decoder.planes)
        samples = decoder.shape[0] * decoder.shape[1]
        report = every(progress, "verifying", samples * planes)
        if original is None:
            with naming(path):
                check_blocks(decoder, None, ranges.size, jobs, report)
        else:
            with open_source(original, decoder.grid.size) as source, naming(path):
                check_metadata(decoder, source)
                check_blocks(decoder, source, ranges.size, jobs, report)
        name = None if original is None else os.fspath(original)
        count = len(decoder.bands)
        return Verified(Path(path), decoder.grid.count * planes, samples * count, name)
