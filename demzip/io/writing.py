"""The bytes of both kinds of files, written under a temporary name."""

from collections.abc import Mapping
from pathlib import Path

import rasterio
from rasterio.errors import CRSError, RasterioError
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from demzip.codec import Encoding, RasterDecoder, checksum
from demzip.container.layout import write_front
from demzip.errors import CorruptError, DemzipError, OptionsError
from demzip.io.checks import Progress, every
from demzip.io.crs import geotiff_crs
from demzip.io.files import PathLike, naming, reason
from demzip.io.finishing import finish_geotiff
from demzip.io.metadata import differences, read_georeference, write_rest
from demzip.io.profile import decoder_profile, refusing_unknown_options, rows_at_once
from demzip.io.quiet import without_warnings
from demzip.io.source import open_raster


def write_dz(temporary: Path, path: Path, encoding: Encoding) -> None:
    """Write a .dz file, block by block.

    Args:
        temporary: Where to.
        path: What to call it in messages.
        encoding: The coded raster.

    """
    try:
        with temporary.open("wb") as file:
            file.write(write_front(encoding.header, encoding.payloads, encoding.sample_crcs))
            file.writelines(encoding.payloads)
    except OSError as error:
        raise DemzipError(f"{path}: cannot be written ({reason(error)})") from error


class GeotiffWriter:
    """Writes the GeoTIFF of a .dz file and reads it back.

    Attributes:
        decoder: Of the .dz file.
        src, path: What to call input and output in messages.
        jobs: Threads.
        progress: As for decompress.

    """

    def __init__(
        self,
        decoder: RasterDecoder,
        src: PathLike,
        path: Path,
        jobs: int,
        progress: Progress | None,
    ) -> None:
        self.decoder = decoder
        self.src = src
        self.path = path
        self.jobs = jobs
        self.progress = progress
        rows, step = decoder.shape[0], rows_at_once(decoder.grid.size)
        self._strips = [slice(top, min(top + step, rows)) for top in range(0, rows, step)]
        self._samples = decoder.shape[0] * decoder.shape[1]

    def write(self, temporary: Path, chosen: Mapping[str, str] | None) -> tuple[str, ...]:
        """Make the GeoTIFF.

        Args:
            temporary: Where to.
            chosen: Creation options of the caller's.

        Returns:
            Metadata that came out otherwise, in words.

        Raises:
            OptionsError: A creation option is unknown, or loses precision.
            DemzipError: GDAL cannot write the file.
            CorruptError: A block of the .dz file is damaged.

        """
        with naming(self.src):
            profile = decoder_profile(self.decoder, chosen)
        if "crs" in profile:
            profile["crs"], options = geotiff_crs(profile["crs"])
            profile = options | profile
        if self.jobs > 1:
            profile.setdefault("num_threads", self.jobs)
        try:
            # What does not fit into the file itself would end up in a second one: leave it out.
            with rasterio.Env(GDAL_PAM_ENABLED=False):
                with refusing_unknown_options(), without_warnings():
                    dataset = rasterio.open(temporary, "w", **profile)
                with dataset:
                    checksums = self._fill(dataset)
                finish_geotiff(
                    temporary, self.decoder.georeference, self.decoder.value_map.dtype
                )
                return self._read_back(temporary, checksums, bool(chosen))
        except (RasterioError, CRSError) as error:
            detail = str(error.__cause__ or error).replace(str(temporary), str(self.path))
            raise DemzipError(f"{self.path}: cannot be written ({detail})") from error
        except OSError as error:
            raise DemzipError(f"{self.path}: cannot be written ({reason(error)})") from error

    def _fill(self, dataset: DatasetWriter) -> list[int]:
        """Write metadata, then samples; gives a checksum of each strip."""
        write_rest(dataset, self.decoder.georeference)
        report = every(self.progress, "decoding", self._samples)
        checksums = []
        for rows in self._strips:
            with naming(self.src):
                values = self.decoder.read(rows, jobs=self.jobs, progress=report)
            dataset.write(values, 1, window=self._window(rows))
            checksums.append(checksum(values))
        return checksums

    def _read_back(self, temporary: Path, checksums: list[int], chosen: bool) -> tuple[str, ...]:
        """Compare what GDAL wrote (it swallows some errors, a full disk among them)."""
        report = every(self.progress, "verifying", self._samples)
        with open_raster(str(temporary)) as dataset:
            for rows, expected in zip(self._strips, checksums, strict=True):
                values = dataset.read(1, window=self._window(rows))
                if checksum(values) != expected:
                    where = f"rows {rows.start}-{rows.stop - 1} of the GeoTIFF are not those"
                    if chosen:
                        raise OptionsError(
                            f"{self.path}: {where} of the .dz file; creation options that lose "
                            "precision are not allowed"
                        )
                    raise CorruptError(f"{self.path}: {where} that were written; is the disk full?")
                report(values.size)
            return tuple(differences(read_georeference(dataset), self.decoder.georeference))

    def _window(self, rows: slice) -> Window:
        return Window(0, rows.start, self.decoder.shape[1], rows.stop - rows.start)
