"""What compress, decompress and verify tell of their work."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demzip.io.salvage import LostBlock


@dataclass(frozen=True)
class Compressed:
    """What `compress` did.

    Attributes:
        source: The input.
        path: The .dz file.
        predictor: The one that codes the raster; with "auto", the one that was chosen. Bands
            with different ones: all of them, with commas.
        values: The exact map of the values in words, e.g. "float32 on a 0.01 grid"; bands with
            different ones: all of them, with semicolons.
        samples: rows * cols * bands.
        raw_bytes: Of the samples, uncompressed.
        source_bytes: Of the input, None if it is not a local file.
        file_bytes: Of the .dz file.
        seconds: That it took.
        verified: Whether the file was decoded again and compared.
        notes: What of the input a .dz file does not carry, or a GeoTIFF cannot hold.

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
        samples: rows * cols * bands.
        source_bytes: Of the .dz file.
        file_bytes: Of the GeoTIFF.
        seconds: That it took.
        notes: Metadata that a GeoTIFF cannot hold as they are.
        repair: What was wrong with the header and has been put right, or None.
        lost: Blocks that were damaged and have been filled, with salvage=True.

    """

    source: str
    path: Path
    samples: int
    source_bytes: int
    file_bytes: int
    seconds: float
    notes: tuple[str, ...]
    repair: str | None = None
    lost: tuple[LostBlock, ...] = ()


@dataclass(frozen=True)
class Verified:
    """What `verify` looked at.

    Attributes:
        path: The .dz file.
        blocks: Whose checksums were right, those of all bands.
        samples: rows * cols * bands.
        original: What every sample and all metadata were compared with, or None.

    """

    path: Path
    blocks: int
    samples: int
    original: str | None


def in_words(words: Sequence[str]) -> str:
    """Values of several bands: "uint8, 3 bands", or what each of them is, with semicolons."""
    if len(words) == 1:
        return words[0]
    if len(set(words)) == 1:
        return f"{words[0]}, {len(words)} bands"
    return "; ".join(f"band {number}: {text}" for number, text in enumerate(words, 1))
