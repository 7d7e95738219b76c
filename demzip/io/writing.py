"""The bytes of both kinds of files, written under a temporary name."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import CRSError, RasterioError
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.windows import Window

from demzip.codec import RasterDecoder, RasterEncoder, RasterPlan, checksum
from demzip.container.plane import MASK
from demzip.errors import CorruptError, DemzipError, OptionsError, UnsupportedError
from demzip.io.checks import Progress, every
from demzip.io.crs import geotiff_crs
from demzip.io.files import PathLike, naming, reason
from demzip.io.finishing import finish_geotiff
from demzip.io.masks import MASK_OPTIONS, read_mask, write_mask
from demzip.io.metadata import differences, read_georeference, write_rest
from demzip.io.profile import decoder_profile, refusing_unknown_options, rows_at_once
from demzip.io.quiet import without_warnings
from demzip.io.salvage import Salvage
from demzip.io.source import gdal_limits, open_raster

AnyArray = NDArray[np.generic]

PIECE_BYTES = 128 << 20  # of samples that are decoded and written together
DEFLATE_LIMIT = 1032  # no better than this to one
MEGA = 10**6


def write_dz(
    temporary: Path,
    src: PathLike,
    path: Path,
    encoder: RasterEncoder,
    plan: RasterPlan,
    report: Callable[[int], object],
) -> None:
    """Write a .dz file, block by block.

    Args:
        temporary: Where to.
        src: What to call the raster in messages.
        path: What to call the file.
        encoder: Of the raster.
        plan: How it will be coded.
        report: Called with the number of samples done since the last call.

    """
    try:
        with temporary.open("wb") as file, naming(src):
            encoder.write(file, plan, report)
    except OSError as error:
        raise DemzipError(f"{path}: cannot be written ({reason(error)})") from error


class GeotiffWriter:
    """Writes the GeoTIFF of a .dz file, piece by piece, and reads it back.

    Attributes:
        decoder: Of the .dz file.
        src, path: What to call input and output in messages.
        jobs: Threads.
        progress: As for decompress.
        salvage: Fills damaged blocks; None to raise an error there.

    """

    def __init__(
        self,
        decoder: RasterDecoder,
        src: PathLike,
        path: Path,
        jobs: int,
        progress: Progress | None,
        salvage: Salvage | None = None,
    ) -> None:
        self.decoder = decoder
        self.src = src
        self.path = path
        self.jobs = jobs
        self.progress = progress
        self.salvage = salvage
        if len(set(decoder.dtypes)) > 1:
            raise UnsupportedError(
                f"{src}: bands of {', '.join(decoder.dtypes)} do not fit into one GeoTIFF; "
                "demzip.open reads them one by one"
            )
        self._dtype = decoder.dtypes[0]
        self._samples = decoder.shape[0] * decoder.shape[1] * len(decoder.planes)
        self._plain_mask = True

    def write(self, temporary: Path, chosen: Mapping[str, str] | None) -> tuple[str, ...]:
        """Make the GeoTIFF.

        Args:
            temporary: Where to.
            chosen: Creation options of the caller's.

        Returns:
            Metadata that came out otherwise, in words.

        Raises:
            OptionsError: A creation option is unknown, or loses precision.
            DemzipError: GDAL cannot write the file, or the disk is too small for it.
            CorruptError: A block of the .dz file is damaged.

        """
        with naming(self.src):
            profile = decoder_profile(self.decoder, chosen)
        if "crs" in profile:
            profile["crs"], options = geotiff_crs(profile["crs"])
            profile = options | profile
        if self.jobs > 1:
            profile.setdefault("num_threads", self.jobs)
        self._check_space(temporary.parent, str(profile["compress"]), chosen or {})
        try:
            # What does not fit into the file itself would end up in a second one: leave it out.
            with gdal_limits(), rasterio.Env(GDAL_PAM_ENABLED=False, **MASK_OPTIONS):
                with refusing_unknown_options(), without_warnings():
                    dataset = rasterio.open(temporary, "w", **profile)
                with dataset:
                    checksums = self._fill(dataset)
                finish_geotiff(temporary, self.decoder.georeference, self._dtype)
                return self._read_back(temporary, checksums, bool(chosen))
        except (RasterioError, CRSError) as error:
            detail = str(error.__cause__ or error).replace(str(temporary), str(self.path))
            detail = detail.replace(temporary.name, self.path.name).rstrip(".")
            raise DemzipError(
                f"{self.path}: cannot be written ({detail}){self._space(temporary.parent)}"
            ) from error
        except OSError as error:
            raise DemzipError(f"{self.path}: cannot be written ({reason(error)})") from error

    @property
    def _raw_bytes(self) -> int:
        rows, cols = self.decoder.shape
        return rows * cols * len(self.decoder.bands) * np.dtype(self._dtype).itemsize

    def _check_space(self, folder: Path, packer: str, chosen: Mapping[str, str]) -> None:
        """Refuse what no luck with the packing could make fit."""
        if any(name.upper() == "SPARSE_OK" for name in chosen):
            return
        best = {"DEFLATE": DEFLATE_LIMIT, "NONE": 1}.get(packer.upper())
        if best is not None and self._raw_bytes > best * shutil.disk_usage(folder).free:
            raise DemzipError(f"{self.path}: cannot be written{self._space(folder)}")

    def _space(self, folder: Path) -> str:
        """What is missing on the disk, in words."""
        free = shutil.disk_usage(folder).free
        if self._raw_bytes <= free:
            return ""
        return (
            f"; its samples take {_megabytes(self._raw_bytes)} before packing, "
            f"and {_megabytes(free)} are free"
        )

    def _pieces(self) -> Iterator[tuple[int, slice, slice]]:
        """Planes and windows of whole blocks and tiles that are written together."""
        rows, cols = self.decoder.shape
        step = rows_at_once(self.decoder.grid.size)
        wide = max(PIECE_BYTES // (step * step * np.dtype(self._dtype).itemsize), 1) * step
        for top in range(0, rows, step):
            for left in range(0, cols, wide):
                for plane in range(len(self.decoder.planes)):
                    yield (
                        plane,
                        slice(top, min(top + step, rows)),
                        slice(left, min(left + wide, cols)),
                    )

    def _fill(self, dataset: DatasetWriter) -> list[int]:
        """Write metadata, then samples; gives a checksum of each piece."""
        write_rest(dataset, self.decoder.georeference)
        report = every(self.progress, "decoding", self._samples)
        on_damage = None if self.salvage is None else self.salvage.replace
        checksums = []
        for plane, rows, cols in self._pieces():
            with naming(self.src):
                values = self.decoder.read(rows, cols, self.jobs, report, plane, on_damage)
            if self.decoder.planes[plane].role == MASK:
                values = self._as_stored(values)
                write_mask(dataset, values, _window(rows, cols))
            else:
                dataset.write(values, plane + 1, window=_window(rows, cols))
            checksums.append(checksum(values))
        return checksums

    def _as_stored(self, mask: AnyArray) -> NDArray[np.uint8]:
        """A mask as a TIFF holds it: one bit for each sample."""
        stored = np.where(mask == 0, np.uint8(0), np.uint8(255))
        self._plain_mask &= np.array_equal(stored, mask)
        return stored

    def _read_back(self, temporary: Path, checksums: list[int], chosen: bool) -> tuple[str, ...]:
        """Compare what GDAL wrote (it swallows some errors, a full disk among them)."""
        report = every(self.progress, "verifying", self._samples)
        with open_raster(str(temporary)) as dataset:
            for (plane, rows, cols), expected in zip(self._pieces(), checksums, strict=True):
                values = self._written(dataset, plane, _window(rows, cols))
                if checksum(values) != expected:
                    where = f"rows {rows.start}-{rows.stop - 1} of the GeoTIFF are not those"
                    if chosen:
                        raise OptionsError(
                            f"{self.path}: {where} of the .dz file; creation options that lose "
                            "precision are not allowed"
                        )
                    raise CorruptError(f"{self.path}: {where} that were written; is the disk full?")
                report(values.size)
            notes = differences(read_georeference(dataset), self.decoder.georeference)
        if not self._plain_mask:
            notes.append("its mask: values other than 0 have become 255")
        return tuple(notes)

    def _written(self, dataset: DatasetReader, plane: int, window: Window) -> AnyArray:
        if self.decoder.planes[plane].role == MASK:
            return read_mask(dataset, window)
        values: AnyArray = dataset.read(plane + 1, window=window)
        return values


def _megabytes(count: int) -> str:
    return f"{count / MEGA:,.1f} MB"


def _window(rows: slice, cols: slice) -> Window:
    return Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)
