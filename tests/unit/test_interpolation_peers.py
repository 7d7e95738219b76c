"""Methods that SciPy has as well, and two that turn out to be one."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.interpolate import (
    BPoly,
    CubicHermiteSpline,
    RectBivariateSpline,
    RegularGridInterpolator,
)
from scipy.ndimage import map_coordinates

from demzip.surface import interpolate
from demzip.surface.weights import HEIGHT, QUINTIC, SLOPE3, TABLES, hermite

Float64Array = NDArray[np.float64]

HEIGHTS = np.random.default_rng(1).integers(-300, 4000, (17, 21)) / 4
AXES = np.arange(17), np.arange(21)


def places(margin: float) -> tuple[Float64Array, Float64Array]:
    rng = np.random.default_rng(2)
    return rng.uniform(margin, 16 - margin, 500), rng.uniform(margin, 20 - margin, 500)


def test_bilinear() -> None:
    rows, cols = places(0)
    found = interpolate(HEIGHTS, rows, cols, "bilinear")
    grid = RegularGridInterpolator(AXES, HEIGHTS, method="linear")
    assert found == pytest.approx(grid((rows, cols)))
    assert found == pytest.approx(RectBivariateSpline(*AXES, HEIGHTS, kx=1, ky=1).ev(rows, cols))
    assert found == pytest.approx(map_coordinates(HEIGHTS, (rows, cols), order=1))


def test_nearest_and_its_ties() -> None:
    rows, cols = places(0)
    rows[:200], cols[100:300] = np.floor(rows[:200]) + 0.5, np.floor(cols[100:300]) + 0.5
    grid = RegularGridInterpolator(AXES, HEIGHTS, method="nearest")
    assert (interpolate(HEIGHTS, rows, cols, "level-nearest") == grid((rows, cols))).all()


def along(
    curve: type[CubicHermiteSpline], heights: Float64Array, at: Float64Array, *rules: Float64Array
) -> Float64Array:
    """Heights (n, m) along a line of posts (k, m); derivatives by rules from -2 to 2."""
    derivatives = [
        sum(factor * np.roll(heights, 2 - k, axis=0) for k, factor in enumerate(rule))
        for rule in rules
    ]
    found: Float64Array = curve(np.arange(len(heights)), heights, *derivatives)(at)
    return found


def quintics(at: Float64Array, heights: Float64Array, *derivatives: Float64Array) -> BPoly:
    return BPoly.from_derivatives(at, np.stack([heights, *derivatives], axis=1))


FIVE = np.array([1, -8, 0, 8, -1]) / 12, np.array([-1, 16, -30, 16, -1]) / 12


@pytest.mark.parametrize(
    ("method", "curve", "rules"),
    [
        ("bicubic-16", CubicHermiteSpline, [np.array([0, -1, 0, 1, 0]) / 2]),
        ("piecewise-cubic-slope", CubicHermiteSpline, FIVE[:1]),
        ("biquintic-36", quintics, FIVE),
    ],
)
def test_products_of_hermite_curves(
    method: str, curve: type[CubicHermiteSpline], rules: list[Float64Array]
) -> None:
    """Inside; SciPy's curves go across the rows first, then along them."""
    rows, cols = places(2)
    lines = along(curve, HEIGHTS, rows, *rules)
    expected = [
        float(along(curve, line, col, *rules)) for line, col in zip(lines, cols, strict=True)
    ]
    assert interpolate(HEIGHTS, rows, cols, method) == pytest.approx(expected)


def test_jancaitis_is_the_biquintic_of_three_point_formulas() -> None:
    """So its slopes and curvatures at a post are those of the parabolas there, in every cell."""
    curvature3 = (0, 1, -2, 1, 0)
    made = hermite(QUINTIC, HEIGHT, SLOPE3, curvature3)
    assert made[1:5] == pytest.approx(TABLES["jancaitis"])
    assert abs(made[[0, 5]]).max() == 0
    assert TABLES["biquintic-36"][1:5] != pytest.approx(TABLES["jancaitis"])
