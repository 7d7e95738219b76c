"""Units of elevations."""

from demzip.terrain.ground import Ground

FOOT, US_FOOT = 0.3048, 1200 / 3937
METRES = {
    "m": 1.0, "metre": 1.0, "metres": 1.0, "meter": 1.0, "meters": 1.0,
    "mm": 0.001, "millimetre": 0.001, "millimeter": 0.001,
    "dm": 0.1, "decimetre": 0.1, "decimeter": 0.1,
    "cm": 0.01, "centimetre": 0.01, "centimeter": 0.01,
    "km": 1000.0, "kilometre": 1000.0, "kilometer": 1000.0,
    "ft": FOOT, "foot": FOOT, "feet": FOOT, "international foot": FOOT,
    "us-ft": US_FOOT, "ftus": US_FOOT, "us survey foot": US_FOOT, "us survey feet": US_FOOT,
    "us_survey_foot": US_FOOT, "foot_us": US_FOOT,
}  # fmt: skip


def metres_of(units: str | None, ground: Ground) -> float:
    """Metres of a unit of elevations (docs/queries.md).

    Args:
        units: What a band declares; a name that is not in METRES, and None, are taken for the unit
            of the CRS, for metres if that is geographic or missing.
        ground: Of the raster's CRS.

    """
    own = 1.0 if ground.is_geographic else ground.unit
    return METRES.get((units or "").strip().lower(), own)
