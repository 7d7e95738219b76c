"""Shaded relief: a slow reference with angles, and gdaldem."""

import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from demzip.errors import OptionsError
from demzip.surface import hillshade, interpolate

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "corpus"
FILES = sorted(path.name for path in CORPUS.glob("*.tif"))
LIGHTS = (225.0, 270.0, 315.0, 360.0)
ROUNDING = 1e-9
NAN = math.nan
GDALDEM = shutil.which("gdaldem")

Heights = dict[tuple[int, int], float]

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


# ---- reference --------------------------------------------------------------------------------


def beyond(heights: Heights, rows: int, cols: int, place: tuple[int, int], here: int) -> float:
    """The height of any place up to one sample outside; `here` is the row of the sample shaded."""
    r, c = place
    if here in {0, rows - 1}:
        c = min(max(c, 0), cols - 1)
        if r < 0:
            return 2 * heights[0, c] - heights[1, c]
        return heights[r, c] if r < rows else 2 * heights[rows - 1, c] - heights[rows - 2, c]
    if c < 0:
        return 2 * heights[r, 0] - heights[r, 1]
    return heights[r, c] if c < cols else 2 * heights[r, cols - 1] - heights[r, cols - 2]


def lambert(slope: float, downhill: float, azimuth: float, altitude: float) -> float:
    """Cosine of the angle between the light and the ground's normal; angles in radians."""
    across = math.sin(slope) * math.cos(altitude) * math.cos(downhill - math.radians(azimuth))
    return max(math.sin(altitude) * math.cos(slope) + across, 0.0)


def grey(
    heights: Heights, rows: int, cols: int, place: tuple[int, int], cell_x: float, cell_y: float,
    options: dict[str, Any],
) -> float:
    """Unrounded grey level of a sample."""
    row, col = place
    centre = heights[place]
    near: dict[tuple[int, int], float] = {}
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            r, c = row + down, col + right
            outside = not (0 <= r < rows and 0 <= c < cols)
            height = beyond(heights, rows, cols, (r, c), row)
            if outside or math.isnan(height):
                if not options["edges"]:
                    return 0.0
                height = centre if math.isnan(height) else height
            near[down, right] = height
    if math.isnan(centre):
        return 0.0
    z = options["z_factor"] / 8
    east = sum(w * (near[k, 1] - near[k, -1]) for k, w in ((-1, 1), (0, 2), (1, 1))) * z / cell_x
    north = sum(w * (near[-1, k] - near[1, k]) for k, w in ((-1, 1), (0, 2), (1, 1))) * z / cell_y
    slope = math.atan(math.hypot(east, north))
    downhill = math.atan2(-east, -north)  # clockwise from north
    altitude = math.radians(options["altitude"])
    if not options["multidirectional"]:
        return 1 + 254 * lambert(slope, downhill, options["azimuth"], altitude)
    if slope == 0:
        return 1 + 254 * math.sin(altitude)
    return 1 + 127 * sum(
        math.cos(downhill - math.radians(light)) ** 2 * lambert(slope, downhill, light, altitude)
        for light in LIGHTS
    )


DEFAULTS = {
    "azimuth": 315.0, "altitude": 45.0, "z_factor": 1.0, "multidirectional": False, "edges": True,
}  # fmt: skip


def check(values: NDArray[Any], cell_x: float, cell_y: float, **options: Any) -> None:
    """Every sample is the reference's, rounded."""
    found = hillshade(values, cell_x, cell_y, **options)
    assert found.dtype == np.uint8
    assert found.shape == values.shape
    rows, cols = values.shape
    heights = {place: float(height) for place, height in np.ndenumerate(values)}
    for place in heights:
        expected = grey(heights, rows, cols, place, cell_x, cell_y, DEFAULTS | options)
        assert abs(float(found[place]) - expected) <= 0.5 + ROUNDING, place
        assert (found[place] == 0) == (expected == 0), place


def rough(shape: tuple[int, int], seed: int = 5, voids: float = 0.0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    heights = rng.normal(500, 20, shape).cumsum(axis=1) / 3
    heights[rng.random(shape) < voids] = NAN
    return heights


OPTIONS = [
    {},
    {"multidirectional": True},
    {"edges": False},
    {"multidirectional": True, "edges": False, "z_factor": 2.5, "altitude": 20.0},
    {"azimuth": 0.0, "altitude": 90.0},
    {"azimuth": 123.4, "altitude": 12.3, "z_factor": -0.7},
    {"azimuth": 360.0, "altitude": 0.0},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("shape", [(2, 2), (2, 7), (7, 2), (3, 3), (23, 31)])
@pytest.mark.parametrize("voids", [0.0, 0.2])
def test_all_samples_are_those_of_the_reference(
    shape: tuple[int, int], voids: float, options: dict[str, Any]
) -> None:
    check(rough(shape, voids=voids), 30.0, 20.0, **options)


def test_rows_may_have_cells_of_their_own() -> None:
    heights = rough((9, 12))
    cells = np.linspace(20.0, 30.0, 9)
    found = hillshade(heights, cells, 25.0)
    for row in range(1, 8):
        assert (found[row] == hillshade(heights, cells[row], 25.0)[row]).all()
    assert (found != hillshade(heights, 20.0, 25.0)).any()


@pytest.mark.parametrize("multidirectional", [False, True])
def test_a_raster_upside_down_has_the_same_relief(multidirectional: bool) -> None:
    """Rows that run north, columns that run west: cells are negative."""
    heights = rough((14, 11), voids=0.1)
    whole = hillshade(heights, 30.0, 20.0, multidirectional=multidirectional)
    south_up = hillshade(heights[::-1], 30.0, -20.0, multidirectional=multidirectional)
    mirrored = hillshade(heights[:, ::-1], -30.0, 20.0, multidirectional=multidirectional)
    assert (south_up[::-1] == whole).all()
    assert (mirrored[:, ::-1] == whole).all()


def test_a_slope_towards_the_light_is_bright_and_one_away_from_it_dark() -> None:
    rise = np.arange(6.0)[:, None] + np.arange(6.0)  # to the south-east: faces north-west
    assert hillshade(rise, 1.0, 1.0).min() > hillshade(0 * rise, 1.0, 1.0).max()
    assert hillshade(-rise, 1.0, 1.0).max() < hillshade(0 * rise, 1.0, 1.0).min()
    assert (hillshade(0 * rise, 1.0, 1.0) == round(1 + 254 * math.sin(math.pi / 4))).all()
    assert (hillshade(-100 * rise, 1.0, 1.0) == 1).all()
    upright = math.degrees(math.atan(math.sqrt(0.5)))  # the light's height above the slope
    assert (hillshade(rise, 1.0, 1.0, altitude=upright)[1:-1, 1:-1] == 255).all()


def test_what_is_not_finite_is_void() -> None:
    heights = rough((6, 6))
    holes = heights.copy()
    heights[2, 3], heights[4, 4], holes[2, 3], holes[4, 4] = math.inf, -math.inf, NAN, NAN
    assert (hillshade(heights, 1.0, 1.0) == hillshade(holes, 1.0, 1.0)).all()
    assert (hillshade(np.full((4, 5), NAN), 1.0, 1.0) == 0).all()
    assert (hillshade(1e200 * rough((4, 5)), 1.0, 1.0) <= 1).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (0, 4), (4, 0)])
def test_a_line_has_no_slope(shape: tuple[int, int]) -> None:
    found = hillshade(np.ones(shape), 1.0, 1.0)
    assert found.shape == shape
    assert not found.any()


def test_any_dtype_and_layout_will_do() -> None:
    heights = rough((8, 9)).round()
    expected = hillshade(heights, 5.0, 5.0)
    for other in (heights.astype(">i2"), heights.astype("f4").T.copy().T, heights.tolist()):
        assert (hillshade(other, 5.0, 5.0) == expected).all()


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((np.zeros(4), 1.0, 1.0), {}, "1 dimensions"),
        ((np.zeros((3, 3)), 0.0, 1.0), {}, "cell sizes"),
        ((np.zeros((3, 3)), 1.0, NAN), {}, "cell sizes"),
        ((np.zeros((3, 3)), [1.0, 1.0], 1.0), {}, "one per row"),
        ((np.zeros((3, 3)), 1.0, 1.0), {"azimuth": 361.0}, "azimuth 361"),
        ((np.zeros((3, 3)), 1.0, 1.0), {"altitude": -1.0}, "0 to 90"),
        ((np.zeros((3, 3)), 1.0, 1.0), {"altitude": NAN}, "altitude nan"),
        ((np.zeros((3, 3)), 1.0, 1.0), {"z_factor": 0.0}, "z factor"),
        ((np.zeros((3, 3)), 1.0, 1.0), {"z_factor": math.inf}, "z factor"),
    ],
)
def test_illegal_arguments(arguments: Any, options: Any, words: str) -> None:
    with pytest.raises(OptionsError, match=words):
        hillshade(*arguments, **options)


# ---- gdaldem ----------------------------------------------------------------------------------


def read(name: str) -> tuple[NDArray[np.float64], Any]:
    with rasterio.open(CORPUS / name) as dataset:
        return dataset.read(1, masked=True).astype(float).filled(NAN), dataset.transform


@pytest.mark.skipif(GDALDEM is None, reason="gdaldem is not installed")
@pytest.mark.parametrize("name", FILES)
def test_gdaldem_agrees_within_one_level(name: str, tmp_path: Path) -> None:
    """Both modes, with edges and without; gdaldem has heights in float32 and a fast square root."""
    heights, transform = read(name)
    scale = 111120.0 if abs(transform.a) < 0.1 else 1.0
    for multidirectional in (False, True):
        for edges in (False, True):
            flags = ["-multidirectional"] * multidirectional + ["-compute_edges"] * edges
            target = tmp_path / f"{multidirectional}{edges}.tif"
            subprocess.run(
                [str(GDALDEM), "hillshade", "-q", "-s", str(scale), *flags, CORPUS / name, target],
                check=True, timeout=60,
            )  # fmt: skip
            with rasterio.open(target) as dataset:
                expected = dataset.read(1)
            found = hillshade(
                heights, scale * transform.a, -scale * transform.e,
                multidirectional=multidirectional, edges=edges,
            )  # fmt: skip
            assert np.abs(found.astype(int) - expected).max() <= 1
            assert ((found == 0) == (expected == 0)).all()
            assert (found != expected).mean() < 0.01


def test_masked_heights_are_voids() -> None:
    heights = np.arange(30.0).reshape(5, 6) ** 2
    mask = np.zeros((5, 6), bool)
    mask[2, 3] = True
    for dtype in (np.float64, np.int16):
        masked = np.ma.MaskedArray(heights.astype(dtype), mask)
        with_nan = np.where(mask, NAN, heights)
        assert np.array_equal(hillshade(masked, 30, 30), hillshade(with_nan, 30, 30))
        for col in (3.0, 2.5, 0.5):
            found = interpolate(masked, 2.0, col)
            np.testing.assert_array_equal(found, interpolate(with_nan, 2.0, col))
    with pytest.raises(OptionsError, match="complex128"):
        hillshade(heights + 1j, 30, 30)
