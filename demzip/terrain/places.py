"""Where a raster lies, and places that do not lie on it."""

from typing import TYPE_CHECKING

from rasterio.transform import Affine

from demzip.errors import OptionsError
from demzip.terrain.crs import parse

if TYPE_CHECKING:
    from demzip.terrain.terrain import Terrain

PIXELS = "x is the column and y the row, 0.5 0.5 the centre of the first sample"


def is_placeless(terrain: "Terrain") -> bool:
    """Whether nothing says where a raster lies: its rows then run south, as in a picture."""
    return terrain.crs is None and terrain.transform == Affine.identity()


def what_is_missing(terrain: "Terrain") -> str | None:
    """What coordinates mean in a raster without a transform, in words; None if it has one."""
    if terrain.transform != Affine.identity():
        return None
    lacks = "nothing says where it lies" if terrain.crs is None else "has a CRS but no transform"
    return f"{lacks}; {PIXELS}"


def bounds(terrain: "Terrain") -> tuple[float, float, float, float]:
    """West, south, east and north edges, of the corners of the raster."""
    rows, cols = terrain.shape
    t = terrain.transform
    xs = [t.c + t.a * col + t.b * row for col in (0, cols) for row in (0, rows)]
    ys = [t.f + t.d * col + t.e * row for col in (0, cols) for row in (0, rows)]
    return min(xs), min(ys), max(xs), max(ys)


def outside(
    terrain: "Terrain", name: str, x: float, y: float, crs: object | None = None
) -> OptionsError:
    """The error to raise for a point, with the coordinates that the raster has.

    Args:
        terrain: The raster.
        name: Of the point.
        x: As given.
        y: As given.
        crs: Of x and y; by default the raster's.

    """
    west, south, east, north = bounds(terrain)
    given = "" if crs is None else f" ({_name(crs)})"
    own = "" if terrain.crs is None else f" ({_name(terrain.crs)})"
    missing = what_is_missing(terrain)
    where = "" if missing is None else f"; {missing}"
    return OptionsError(
        f"{terrain.name}: the {name} at {x} {y}{given} is outside the raster; its own x are "
        f"{west:.10g} to {east:.10g}, its y {south:.10g} to {north:.10g}{own}{where}"
    )


def _name(crs: object) -> str:
    """Its code, or else its name."""
    known = parse(crs)
    code = known.to_authority(min_confidence=100)
    return str(known.name) if code is None else ":".join(code)
