"""Every method against its definition, and what each one promises (docs/interpolation.md)."""

import math
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from demzip.errors import OptionsError
from demzip.surface import DEFAULT_METHOD, METHODS, check_method, interpolate
from tests.reference.surface import height

Float64Array = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[2]
NAMES = list(METHODS)
# The powers of rows and columns whose products a method gives back exactly.
SPACES = {
    "level-nearest": [(0, 0)],
    "level-mean": [(0, 0)],
    "linear-nw-se": [(0, 0), (0, 1), (1, 0)],
    "linear-ne-sw": [(0, 0), (0, 1), (1, 0)],
    "double-linear": [(0, 0), (0, 1), (1, 0)],
    "bilinear": list(product(range(2), repeat=2)),
    "biquadratic-8": sorted({*product(range(3), range(2)), *product(range(2), range(3))}),
    "biquadratic-9": list(product(range(3), repeat=2)),
    "jancaitis": list(product(range(3), repeat=2)),
    "piecewise-cubic": list(product(range(4), repeat=2)),
    "piecewise-cubic-slope": list(product(range(4), repeat=2)),
    "bicubic-12": sorted({*product(range(3), range(2)), *product(range(2), range(3))}),
    "bicubic-16": list(product(range(3), repeat=2)),
    "bicubic-akima": list(product(range(4), repeat=2)),
    "biquintic-36": list(product(range(5), repeat=2)),
}  # fmt: skip
SMOOTHNESS = {  # derivatives that are the same on both sides of a grid line
    "linear-nw-se": 0, "linear-ne-sw": 0, "double-linear": 0, "bilinear": 0, "biquadratic-8": 0,
    "biquadratic-9": 0, "jancaitis": 2, "piecewise-cubic": 0, "piecewise-cubic-slope": 1,
    "bicubic-12": 0, "bicubic-16": 1, "bicubic-akima": 1, "biquintic-36": 2,
}  # fmt: skip
PATCHES = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: st.lists(
        st.lists(
            st.one_of(st.none(), *[st.integers(-40, 900)] * 12),
            min_size=shape[1], max_size=shape[1],
        ),
        min_size=shape[0], max_size=shape[0],
    )
)  # fmt: skip
PLACES = st.tuples(*[st.one_of(st.floats(0, 1), st.integers(0, 16).map(lambda k: k / 16))] * 2)


def relief(rows: int, cols: int, seed: int = 3) -> Float64Array:
    return np.random.default_rng(seed).integers(-200, 3000, (rows, cols)) / 8


def polynomial(
    terms: list[tuple[int, int]], factors: Float64Array, rows: Float64Array, cols: Float64Array
) -> Float64Array:
    total = np.zeros(np.broadcast_shapes(rows.shape, cols.shape))
    for (i, j), factor in zip(terms, factors, strict=True):
        total += factor * (rows - 6) ** i * (cols - 7) ** j / 6 ** (i + j)
    return total


@pytest.mark.parametrize("method", NAMES)
@given(patch=PATCHES, place=PLACES)
@example(patch=[[7]], place=(0.0, 1.0))
@example(patch=[[1, 2, 4], [None, 8, 16]], place=(0.0, 0.5))
def test_heights_are_those_of_the_definition(
    method: str, patch: list[list[int | None]], place: tuple[float, float]
) -> None:
    """A raster with or without voids, anywhere between its edges."""
    row = place[0] * len(patch) - 0.5
    col = place[1] * len(patch[0]) - 0.5
    values = np.array(patch, np.float64)
    exact = [[None if z is None else Fraction(z) for z in line] for line in patch]
    expected = height(exact, row, col, method)
    found = float(interpolate(values, row, col, method))
    if expected is None:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(float(expected), rel=1e-9, abs=1e-8)


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16",
     "float32", "float64", ">i2", ">f4"],
)  # fmt: skip
def test_posts_are_exact(method: str, dtype: str) -> None:
    values = np.random.default_rng(5).integers(0, 256, (9, 12)).astype(dtype)
    if values.dtype.kind == "f":
        values = (values * 0.1).astype(dtype)
    rows, cols = np.indices(values.shape)
    found = interpolate(values, rows, cols, method)
    assert found.dtype == np.float64
    assert found.shape == values.shape
    assert (found == values.astype(np.float64)).all()


def test_the_nearest_post_is_exact_between_posts() -> None:
    values = np.array([[1e16, 0.1], [-3.3, 1e-9]])
    places = [0.2, 0.3, 0.7, 0.9]
    found = interpolate(values, np.array(places)[:, None], places, "level-nearest")
    assert (found == values[[0, 0, 1, 1]][:, [0, 0, 1, 1]]).all()


@pytest.mark.parametrize("method", NAMES)
def test_polynomials_are_given_back(method: str) -> None:
    """Those it should, and none of one power more in either direction."""
    rng = np.random.default_rng(11)
    rows, cols = np.indices((14, 15), dtype=np.float64)
    space = SPACES[method]
    inner = rng.uniform(3, 9, 200), rng.uniform(3, 10, 200)
    factors = rng.normal(size=len(space))
    values = polynomial(space, factors, rows, cols)
    found = interpolate(values, *inner, method)
    assert found == pytest.approx(polynomial(space, factors, *inner), rel=1e-11, abs=1e-11)
    further = {(i + 1, j) for i, j in space} | {(i, j + 1) for i, j in space}
    for term in sorted(further - set(space)):
        values = polynomial([term], np.ones(1), rows, cols)
        wrong = interpolate(values, *inner, method) - polynomial([term], np.ones(1), *inner)
        assert abs(wrong).max() > 1e-6, term


@pytest.mark.parametrize("method", [name for name in NAMES if (2, 2) in SPACES[name]])
def test_quadratics_are_given_back_up_to_the_edge(method: str) -> None:
    """All products of parabolas: grid lines go on as parabolas."""
    rng = np.random.default_rng(12)
    space = list(product(range(3), repeat=2))
    factors = rng.normal(size=len(space))
    rows, cols = np.indices((3, 5), dtype=np.float64)
    places = rng.uniform(-0.5, 2.5, 300), rng.uniform(-0.5, 4.5, 300)
    found = interpolate(polynomial(space, factors, rows, cols), *places, method)
    assert found == pytest.approx(polynomial(space, factors, *places), rel=1e-11, abs=1e-11)


def derivative(
    values: Float64Array, rows: Float64Array, col: float, side: int, order: int, method: str
) -> Float64Array:
    """One-sided derivative across the grid line at `col`.

    On one side the surface is a polynomial of degree 5 at most, which six places determine.
    """
    steps = side * np.arange(6) / 8
    found = interpolate(values, rows[:, None], col + steps, method)
    factors = np.linalg.solve(np.vander(steps, increasing=True), found.T)
    derived: Float64Array = math.factorial(order) * factors[order]
    return derived


@pytest.mark.parametrize(("method", "smoothness"), SMOOTHNESS.items())
@pytest.mark.parametrize("turned", [False, True])
def test_surfaces_are_as_smooth_as_said(method: str, smoothness: int, turned: bool) -> None:
    values = relief(12, 13)
    values = values.T.copy() if turned else values
    rows = np.random.default_rng(2).uniform(0, values.shape[0] - 1, 40)
    if "linear-n" in method or method == "double-linear":
        values = np.arange(values.shape[1]) ** 2 + 0 * values  # nothing bends on a diagonal
    for col in (1.0, 5.0, float(values.shape[1] - 2)):
        for order in range(smoothness + 1):
            before, behind = (
                derivative(values, rows, col, side, order, method) for side in (-1, 1)
            )
            assert before == pytest.approx(behind, rel=1e-7, abs=1e-6)
        before, behind = (
            derivative(values, rows, col, side, smoothness + 1, method) for side in (-1, 1)
        )
        assert abs(before - behind).max() > 1e-2


@pytest.mark.parametrize("method", sorted(SMOOTHNESS))
def test_surfaces_have_no_step_on_grid_lines(method: str) -> None:
    """Next to voids and to the edges too."""
    values = relief(9, 10)
    values[np.random.default_rng(8).random(values.shape) < 0.1] = np.nan
    rows = np.random.default_rng(2).uniform(-0.5, 8.5, 200)
    for col in range(10):
        on = interpolate(values, rows, col, method)
        assert np.isfinite(on).sum() > 50
        for side in (-1e-9, 1e-9):
            beside = interpolate(values, rows, col + side, method)
            known = np.isfinite(beside)
            assert np.isfinite(on[known]).all()
            assert beside[known] == pytest.approx(on[known], abs=1e-4)


@pytest.mark.parametrize("method", NAMES)
def test_turned_rasters_have_turned_surfaces(method: str) -> None:
    values = relief(9, 11)
    values[2, 3] = values[7, 9] = np.nan
    rng = np.random.default_rng(4)
    rows, cols = rng.uniform(-0.5, 8.5, 300), rng.uniform(-0.5, 10.5, 300)
    straight = interpolate(values, rows, cols, method)
    assert 100 < np.isfinite(straight).sum() < 300
    swap = {"linear-nw-se": "linear-ne-sw", "linear-ne-sw": "linear-nw-se"}
    flipped = swap.get(method, method)
    near = {"rel": 1e-10, "abs": 1e-10, "nan_ok": True}
    assert interpolate(values.T, cols, rows, method) == pytest.approx(straight, **near)
    assert interpolate(values[::-1], 8 - rows, cols, flipped) == pytest.approx(straight, **near)
    assert interpolate(values[:, ::-1], rows, 10 - cols, flipped) == pytest.approx(straight, **near)


def test_the_two_diagonals_differ_and_double_linear_is_their_mean() -> None:
    values = relief(9, 11)
    rng = np.random.default_rng(4)
    places = rng.uniform(0, 8, 300), rng.uniform(0, 10, 300)
    one, other = (interpolate(values, *places, f"linear-{way}") for way in ("nw-se", "ne-sw"))
    assert abs(one - other).max() > 10
    assert interpolate(values, *places, "double-linear") == pytest.approx((one + other) / 2)


@pytest.mark.parametrize("method", NAMES)
def test_level_ground_stays_exactly_level(method: str) -> None:
    values = np.full((7, 8), 0.1)
    rng = np.random.default_rng(4)
    found = interpolate(values, rng.uniform(2, 4, 99), rng.uniform(2, 5, 99), method)
    assert (found == 0.1).all()


def test_akima_keeps_a_step_from_ringing() -> None:
    values = np.zeros((12, 20))
    values[:, 10:] = 100
    cols = np.linspace(3, 8, 60)
    ringing = interpolate(values, 5.3, np.linspace(8, 9, 60), "bicubic-16")
    assert abs(ringing).max() > 1
    assert abs(interpolate(values, 5.3, cols, "bicubic-akima")).max() < 1e-9


def test_methods_are_found_by_name() -> None:
    assert DEFAULT_METHOD == "bilinear"
    assert [check_method(name).name for name in NAMES] == NAMES
    assert len(NAMES) == 15
    with pytest.raises(OptionsError, match=r"'cubic' is not one of level-nearest, .*biquintic-36"):
        check_method("cubic")
    with pytest.raises(OptionsError, match="'cubic' is not one of"):
        interpolate(np.zeros((3, 3)), 1, 1, "cubic")


def test_the_document_says_what_methods_are() -> None:
    text = (ROOT / "docs" / "interpolation.md").read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line[:3] == "| `"]
    said = {name.strip("`"): (int(terms), smooth) for name, terms, _, smooth, _ in lines[:15]}
    expected = {
        name: (method.terms, f"C{SMOOTHNESS[name]}" if name in SMOOTHNESS else "steps")
        for name, method in METHODS.items()
    }
    assert said == expected
    assert list(said) == NAMES
