"""Values that say "missing" though nothing declares them."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]

# What software writes where it knows nothing; 0 is an elevation.
USUAL = (
    -32768.0, -32767.0, 32767.0, 65535.0, -9999.0, 9999.0, -99999.0, 99999.0, -999.0, -99.0,
    -2147483648.0, 2147483647.0, 4294967295.0, -3.4028234663852886e38, 3.4028234663852886e38,
    -3.4028230607370965e38, 3.4028230607370965e38, -3.3999999521443642e38, 3.3999999521443642e38,
    1e20, -1e20, 9.969209968386869e36, 1e30, -1e30, 1e31, -1e31, 1.70141e38, -1.70141e38,
    -1.7976931348623157e308, 1.7976931348623157e308,
)  # fmt: skip
USUAL_GAP = 0.25  # to all other values, as a share of their range, that a usual one needs
ANY_GAP = 8.0  # and one that is not usual
ENDS = 8  # distinct values at either end of a sample among which sentinels are looked for


@cache
def usual_values(dtype: str) -> Float64Array:
    """The usual sentinels that a raster of `dtype` can hold, its least and greatest value too."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            found = np.array(USUAL).astype(kind).astype(np.float64)
        return np.unique(found[np.isfinite(found)])
    info = np.iinfo(kind)
    inside = [value for value in USUAL if info.min <= value <= info.max]
    return np.unique([*inside, float(info.min), float(info.max)])


def core_of(values: Float64Array, usual: Float64Array) -> tuple[float, float] | None:
    """Least and greatest of a sample's values without sentinels; None for an empty sample."""
    distinct = np.unique(values)
    if distinct.size == 0:
        return None
    known = np.isin(distinct, usual)
    rest = distinct[~known] if not known.all() else distinct
    with np.errstate(over="ignore"):  # infinite distances are as large as any
        spread = float(rest[-1 - rest.size // 10] - rest[rest.size // 10])
        gaps = np.diff(distinct)
    need = np.where(known, USUAL_GAP * spread, ANY_GAP * spread if spread else np.inf)
    low = np.flatnonzero(gaps[:ENDS] > need[:-1][:ENDS])
    high = np.flatnonzero(gaps[-ENDS:] > need[1:][-ENDS:])
    first = int(low[-1]) + 1 if low.size else 0
    last = int(high[0]) + max(gaps.size - ENDS, 0) if high.size else distinct.size - 1
    if first > last or distinct[first] > rest[-1] or distinct[last] < rest[0]:
        return float(rest[0]), float(rest[-1])
    return float(distinct[first]), float(distinct[last])


def find_sentinels(
    strange: set[float], core: tuple[float, float] | None, usual: Float64Array
) -> set[float]:
    """Those of some strange values that lie far from all others.

    Args:
        strange: Finite values outside the core.
        core: Least and greatest of all other values; None where there are none.
        usual: Values that need not lie as far away as others.

    """
    if core is None:
        return set()
    low, high = core
    known, found = set(usual.tolist()), set()
    for value in sorted(strange, key=lambda value: max(low - value, value - high)):
        gap, spread = max(low - value, value - high), high - low
        need = USUAL_GAP * spread if value in known else ANY_GAP * spread or gap
        if gap > need:
            found.add(value)
        else:
            low, high = min(low, value), max(high, value)
    return found
