"""Which cells of a raster are learnt from how often: a region of interest, steep ground."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import rasterio.features
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError  # what PROJ says of a place; rasterio exports it nowhere
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.transform import Affine
from rasterio.warp import transform_geom

from demzip.errors import DemzipError, OptionsError, UnsupportedError
from demzip.io.files import PathLike, naming, reason
from demzip.terrain.ground import Ground

Float64Array = NDArray[np.float64]

LON_LAT = "EPSG:4326"  # of GeoJSON (RFC 7946)
DEGREES = "GeoJSON has longitudes and latitudes, in degrees"
MAX_WEIGHT = 1e6


def cell_weights(
    heights: Float64Array,
    transform: Affine,
    crs: CRS | None,
    *,
    region: PathLike | None = None,
    region_weight: float = 1.0,
    slope_weight: float = 0.0,
) -> Float64Array | None:
    """How often cells are drawn, up to a factor.

    weight = (region_weight in the region, else 1) * (1 + slope_weight * slope / mean slope)

    A slope is a rise over a run: half of what the cells on both sides differ by, over the distance
    of cells, in both directions, by Pythagoras; a side that is a void or beyond the edge counts as
    level. The mean is that of all cells that have a height.

    Args:
        heights: (rows, cols), NaN where there is none.
        transform: Of the raster.
        crs: Of the raster.
        region: A GeoJSON file of polygons, lines or points; a cell is inside if a geometry
            touches it.
        region_weight: 0 to 10**6; only with a region.
        slope_weight: 0 to 10**6.

    Returns:
        (rows, cols) weights; None if all are alike.

    Raises:
        OptionsError: A weight is illegal, or the region lies beside the raster.
        UnsupportedError: There is a region, but the raster lies nowhere on the ground.
        DemzipError: The region cannot be read.

    """
    for name, weight in (("region weight", region_weight), ("slope weight", slope_weight)):
        if not 0 <= weight <= MAX_WEIGHT:
            raise OptionsError(f"{name} {weight}: it must be 0 to {MAX_WEIGHT:.0f}")
    if region is None and region_weight != 1.0:
        raise OptionsError("a region weight needs a region (--region, in Python region=)")
    if region is None and slope_weight == 0.0:
        return None
    weights = np.ones(heights.shape)
    if region is not None:
        weights[_inside(region, heights.shape, transform, crs)] = region_weight
    if slope_weight:
        slopes = _slopes(heights, *cell_sizes(heights.shape, transform, crs))
        mean = slopes[~np.isnan(heights)].mean()
        if mean > 0:
            weights *= 1 + slope_weight / mean * slopes
    return weights


def cell_sizes(
    shape: tuple[int, ...], transform: Affine, crs: CRS | None
) -> tuple[float, float]:
    """Metres from a cell in the middle to the next one in its row, and in its column."""
    a, b, c, d, e, f = transform[:6]
    row, col = shape[0] / 2, shape[1] / 2
    x, y = a * col + b * row + c, d * col + e * row + f
    across, down = Ground(crs).cell_size(transform, x, y)
    return across or 1.0, down or 1.0


def _slopes(heights: Float64Array, across: float, down: float) -> Float64Array:
    """Rises over runs."""
    squares = np.zeros(heights.shape)
    for axis, distance in ((0, down), (1, across)):
        steps = np.nan_to_num(np.diff(heights, axis=axis)) / distance
        before = [(int(k == axis), 0) for k in range(2)]
        after = [(0, int(k == axis)) for k in range(2)]
        squares += ((np.pad(steps, before) + np.pad(steps, after)) / 2) ** 2
    return np.sqrt(squares)


def _inside(
    region: PathLike, shape: tuple[int, ...], transform: Affine, crs: CRS | None
) -> NDArray[np.bool_]:
    """Cells that a geometry of a GeoJSON file touches."""
    with naming(region):
        if crs is None:
            raise UnsupportedError("the raster has no CRS; where a region lies is not known")
        geometries, source = _read(Path(region))
        try:
            moved = [transform_geom(source, crs, geometry) for geometry in geometries]
            found: NDArray[np.bool_] = rasterio.features.geometry_mask(
                moved, (shape[0], shape[1]), transform, all_touched=True, invert=True
            )
        except CPLE_BaseError as error:
            raise OptionsError(f"has places off the globe ({error}); {DEGREES}") from error
        except (RasterioError, CRSError, ValueError, KeyError, TypeError) as error:
            raise OptionsError(f"is no GeoJSON of geometries ({error})") from error
        if not found.any():
            raise OptionsError("lies beside the raster; " + DEGREES)
        return found


def _read(path: Path) -> tuple[list[Any], CRS]:
    """Geometries of a GeoJSON file, and their CRS (before RFC 7946 it could have another one)."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DemzipError(f"cannot be read ({reason(error)})") from error
    except UnicodeDecodeError as error:
        raise OptionsError(f"is no GeoJSON ({error.reason})") from error
    try:
        found = json.loads(text)
        source = CRS.from_user_input(
            found["crs"]["properties"]["name"] if found.get("crs") else LON_LAT
        )
        geometries = list(_geometries(found))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, CRSError) as error:
        raise OptionsError(f"is no GeoJSON ({error})") from error
    if not geometries:
        raise OptionsError("has no geometry")
    return geometries, source


def _geometries(found: Any) -> Any:  # noqa: ANN401  JSON
    kind = found["type"]
    if kind == "FeatureCollection":
        for feature in found["features"]:
            yield from _geometries(feature)
    elif kind == "Feature":
        if found["geometry"] is not None:
            yield from _geometries(found["geometry"])
    elif kind == "GeometryCollection":
        for part in found["geometries"]:
            yield from _geometries(part)
    else:
        yield found
