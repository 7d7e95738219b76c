"""The methods of interpolation, in the order of Kidner, Dorey & Smith (1999)."""

from dataclasses import dataclass

from demzip.errors import OptionsError

DEFAULT_METHOD = "bilinear"


@dataclass(frozen=True)
class Method:
    """One way to interpolate (docs/interpolation.md).

    Attributes:
        name: What options and arguments call it.
        terms: Terms of the polynomial in a cell.
        reach: Posts beyond the corners of a cell, on each side, that a height depends on: 0 to 3.
        summary: Half a line for tables and help.

    """

    name: str
    terms: int
    reach: int
    summary: str


_ALL = (
    Method("level-nearest", 1, 0, "the nearest post"),
    Method("level-mean", 1, 0, "mean of the four corners"),
    Method("linear-nw-se", 3, 0, "two triangles along the diagonal NW-SE"),
    Method("linear-ne-sw", 3, 0, "two triangles along the diagonal NE-SW"),
    Method("double-linear", 3, 0, "four triangles around the mean of the corners"),
    Method("bilinear", 4, 0, "straight lines along rows and columns"),
    Method("biquadratic-8", 8, 1, "parabolas along the sides, through cubic mid-points"),
    Method("biquadratic-9", 9, 1, "the same and the centre"),
    Method("jancaitis", 9, 1, "four parabolic surfaces, blended smoothly"),
    Method("piecewise-cubic", 16, 1, "cubics through four posts each way"),
    Method("piecewise-cubic-slope", 16, 2, "cubics through two posts, slopes from five"),
    Method("bicubic-12", 12, 1, "heights and slopes at the corners"),
    Method("bicubic-16", 16, 1, "heights, slopes and twists at the corners"),
    Method("bicubic-akima", 16, 3, "the same, slopes weighted against steps (Akima 1996)"),
    Method("biquintic-36", 36, 2, "heights, slopes and curvatures at the corners"),
)
METHODS = {method.name: method for method in _ALL}


def check_method(name: str) -> Method:
    """Return the method of this name.

    Raises:
        OptionsError: There is none; the message lists them.

    """
    if name not in METHODS:
        raise OptionsError(f"method {name!r} is not one of {', '.join(METHODS)}")
    return METHODS[name]
