"""Everything about a raster that is not its samples."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Georeference:
    """Metadata of a single-band raster, in GDAL's terms.

    Attributes:
        crs: WKT2:2019 text of the coordinate reference system, or None.
        transform: (a, b, c, d, e, f): x = a col + b row + c, y = d col + e row + f of a cell's
            north-west corner; None for the identity.
        nodata: Declared no-data value (may be NaN), or None.
        units: Of the elevations, or None.
        description: Of the band, or None.
        scale, offset: elevation = scale * value + offset.
        color_interpretation: GDAL's name, e.g. "gray", or None for the default.
        tags: Of the dataset, AREA_OR_POINT among them.
        band_tags: Of the band.

    """

    crs: str | None = None
    transform: tuple[float, ...] | None = None
    nodata: float | None = None
    units: str | None = None
    description: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    color_interpretation: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    band_tags: dict[str, str] = field(default_factory=dict)

    def differences(self, other: "Georeference") -> list[str]:
        """Names of the fields in which the two differ; NaN equals NaN."""
        names = []
        for name in self.__dataclass_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            both_nan = (
                isinstance(mine, float)
                and isinstance(theirs, float)
                and math.isnan(mine)
                and math.isnan(theirs)
            )
            if mine != theirs and not both_nan:
                names.append(name)
        return names
