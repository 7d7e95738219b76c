"""Rasters to .dz files and back: files as a whole, written atomically and checked."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demzip.blocks.grid import check_block
from demzip.codec import RasterDecoder, RasterEncoder
from demzip.io.checks import (
    Progress,
    check_against,
    check_length,
    check_metadata,
    decode_all,
    every,
)
from demzip.io.files import FileRanges, PathLike, naming, output_path, replacing
from demzip.io.metadata import read_georeference
from demzip.io.source import open_source
from demzip.io.writing import GeotiffWriter, write_dz
from demzip.options import DEFAULT_BLOCK, DEFAULT_PREDICTOR, EncodeOptions, thread_count
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


@dataclass(frozen=True)
class Compressed:
    """What `compress` did.

    Attributes:
        source: The input.
        path: The .dz file.
        predictor: The one that codes the raster; with "auto", the one that was chosen.
        values: The exact map of the values in words, e.g. "float32 on a 0.01 grid".
        samples: rows * cols.
        raw_bytes: Of the samples, uncompressed.
        source_bytes: Of the input, None if it is not a local file.
        file_bytes: Of the .dz file.
        seconds: That it took.
        verified: Whether the file was decoded again and compared.
        notes: What of the input a .dz file does not carry.

    """

    source: str
    path: Path
    predictor: str
    values: str
    samples: int
    raw_bytes: int
    source_bytes: int | None
    file_bytes: int
    seconds: float
    verified: bool
    notes: tuple[str, ...]

    @property
    def bits_per_elevation(self) -> float:
        """Bits of the whole file per sample."""
        return 8 * self.file_bytes / self.samples


@dataclass(frozen=True)
class Decompressed:
    """What `decompress` did.

    Attributes:
        source: The .dz file.
        path: The GeoTIFF.
        samples: rows * cols.
        source_bytes: Of the .dz file.
        file_bytes: Of the GeoTIFF.
        seconds: That it took.
        notes: Metadata that a GeoTIFF cannot hold as they are.

    """

    source: str
    path: Path
    samples: int
    source_bytes: int
    file_bytes: int
    seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Verified:
    """What `verify` looked at.

    Attributes:
        path: The .dz file.
        blocks: Whose checksums were right.
        samples: rows * cols.
        original: What every sample and all metadata were compared with, or None.

    """

    path: Path
    blocks: int
    samples: int
    original: str | None


def compress(
    src: PathLike,
    dst: PathLike | None = None,
    *,
    predictor: str = DEFAULT_PREDICTOR,
    block: int = DEFAULT_BLOCK,
    jobs: int = 1,
    overwrite: bool = False,
    verify: bool = True,
    progress: Progress | None = None,
) -> Compressed:
    """Compress a raster of one band to a .dz file.

    Carried along: CRS, transform, no-data value, units, description, scale and offset, colour
    interpretation, tags. Not carried: masks, ground control points, RPCs, colour tables, overviews.

    Args:
        src: Whatever rasterio opens: a file, a URL, the name of a subdataset.
        dst: The .dz file; by default beside the input, with its name.
        predictor: One of demzip.PREDICTORS, or "auto" for the one that codes smallest.
        block: Side of a block, a multiple of 16 from 16 to 4096.
        jobs: Threads; 0 for one per processor.
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
    options = EncodeOptions(check_predictor(predictor), check_block(block), jobs)
    path = output_path(src, dst, ".dz")
    with (
        open_source(src, block) as source,
        replacing(path, src, overwrite=overwrite) as temporary,
    ):
        samples = source.shape[0] * source.shape[1]
        with naming(src):
            every(progress, "reading", samples)(0)
            encoder = RasterEncoder(
                source.read, source.shape, source.dtype, source.georeference, options
            )
            plan = encoder.plan(predictor)
            encoding = encoder.encode(plan, every(progress, "encoding", samples))
        write_dz(temporary, path, encoding)
        if verify:
            with FileRanges(temporary) as ranges, naming(path):
                decoder = RasterDecoder(ranges.read)
                check_length(decoder, ranges.size)
                check_metadata(decoder, source)
                check_against(decoder, source, jobs, every(progress, "verifying", samples))
        return Compressed(
            source=source.name,
            path=path,
            predictor=encoding.plan.predictor,
            values=encoder.value_map.describe(),
            samples=samples,
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
    progress: Progress | None = None,
) -> Decompressed:
    """Decompress a .dz file to a GeoTIFF; its samples are read back and checked.

    Args:
        src: The .dz file.
        dst: The GeoTIFF; by default beside the input, with its name.
        jobs: Threads; 0 for one per processor.
        overwrite: Whether an existing file may be replaced.
        creation_options: Of GDAL's GTiff driver, e.g. {"COMPRESS": "ZSTD"}.
        progress: Called with a stage, the samples done since the last call, and those in all.

    Raises:
        OptionsError: An argument is illegal, the input is not a .dz file, or the output exists.
        CorruptError: The .dz file is damaged.
        DemzipError: A file cannot be read or written.

    """
    started = time.perf_counter()
    jobs = thread_count(jobs)
    path = output_path(src, dst, ".tif")
    with FileRanges(src) as ranges:
        with naming(src):
            decoder = RasterDecoder(ranges.read)
        with replacing(path, src, overwrite=overwrite) as temporary:
            writer = GeotiffWriter(decoder, src, path, jobs, progress)
            notes = writer.write(temporary, creation_options)
            return Decompressed(
                source=os.fspath(src),
                path=path,
                samples=decoder.shape[0] * decoder.shape[1],
                source_bytes=ranges.size,
                file_bytes=temporary.stat().st_size,
                seconds=time.perf_counter() - started,
                notes=notes,
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
            check_length(decoder, ranges.size)
        samples = decoder.shape[0] * decoder.shape[1]
        report = every(progress, "verifying", samples)
        if original is None:
            with naming(path):
                decode_all(decoder, jobs, report)
        else:
            with open_source(original, decoder.grid.size) as source, naming(path):
                check_metadata(decoder, source)
                check_against(decoder, source, jobs, report)
        name = None if original is None else os.fspath(original)
        return Verified(Path(path), decoder.grid.count, samples, name)
