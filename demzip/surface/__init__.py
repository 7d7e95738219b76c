"""Heights between the samples of a raster: 15 ways to interpolate (docs/interpolation.md)."""

from demzip.surface.interpolation import interpolate
from demzip.surface.methods import DEFAULT_METHOD, METHODS, Method, check_method
from demzip.surface.pool import Pool, interpolate_pool

__all__ = [
    "DEFAULT_METHOD",
    "METHODS",
    "Method",
    "Pool",
    "check_method",
    "interpolate",
    "interpolate_pool",
]
