"""The pipeline: rasters to .dz files and back.

Rasters are read through a function of a window and files through a function of a range, so that
neither has to be in memory whole.
"""

from demzip.codec.checksum import checksum
from demzip.codec.decoder import RasterDecoder, decode, open_bytes, trailing_bytes
from demzip.codec.encoder import RasterEncoder, RasterPlan, encode
from demzip.codec.plane import PlaneSource, describe
from demzip.codec.threads import in_order

__all__ = [
    "PlaneSource",
    "RasterDecoder",
    "RasterEncoder",
    "RasterPlan",
    "checksum",
    "decode",
    "describe",
    "encode",
    "in_order",
    "open_bytes",
    "trailing_bytes",
]
