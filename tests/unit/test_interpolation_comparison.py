"""Table 1: functions at points known by hand, errors against slow sums, ranks against SciPy."""

import math

import numpy as np
import pytest
import rasterio
from scipy import stats

from demzip.errors import DemzipError, OptionsError
from demzip.surface import METHODS
from demzip.surface.comparison import sampling
from demzip.surface.comparison.functions import FUNCTIONS, function_surface
from demzip.surface.comparison.ranks import ranks, spearman
from demzip.surface.comparison.sampling import Surface, leave_out, point_count
from demzip.surface.comparison.table import compare_on_functions, compare_on_surfaces

BY_NAME = {function.name: function for function in FUNCTIONS}
NAMES = ["exponential", "cliff", "saddle", "gentle", "steep", "sphere"]


def surface_of(heights, name="ground"):
    return Surface(name, heights.shape, lambda rows, cols: heights[rows, cols])


def rough(rows, cols, seed=1):
    rng = np.random.default_rng(seed)
    return np.cumsum(np.cumsum(rng.standard_normal((rows, cols)), axis=0), axis=1)


# ---- functions --------------------------------------------------------------------------------


def test_functions_are_those_of_the_paper_in_its_order():
    assert [function.name for function in FUNCTIONS] == NAMES
    assert [function.number for function in FUNCTIONS] == [f"F{n}" for n in range(1, 7)]


@pytest.mark.parametrize(
    ("name", "x", "y", "expected"),
    [
        # 9x - 2 = 0 and 9y - 2 = 0; the third and fourth hills are (5, 1) and (2, 5) away.
        ("exponential", 2 / 9, 2 / 9, 0.75 + 0.75 * math.exp(-9 / 49 - 0.3)
         + 0.5 * math.exp(-26 / 4) - 0.2 * math.exp(-29)),
        ("exponential", 7 / 9, 1 / 3, 0.75 * math.exp(-26 / 4)
         + 0.75 * math.exp(-64 / 49 - 0.4) + 0.5 - 0.2 * math.exp(-25)),
        ("exponential", 4 / 9, 7 / 9, 0.75 * math.exp(-29 / 4)
         + 0.75 * math.exp(-25 / 49 - 0.8) + 0.5 * math.exp(-25 / 4) - 0.2),
        ("cliff", 0.3, 0.3, 1 / 9),
        ("cliff", 1.0, 0.0, (1 - math.tanh(9)) / 9),
        ("cliff", 0.0, 1.0, (1 + math.tanh(9)) / 9),
        ("saddle", 1 / 3, 0.0, 2.25 / 6),
        ("saddle", 0.0, math.pi / 5.4, 0.25 / 12),
        ("saddle", 1.0, 0.0, 2.25 / 30),
        ("gentle", 0.5, 0.5, 1 / 3),
        ("gentle", 0.5 + 4 / 9, 0.5, math.exp(-1) / 3),
        ("steep", 0.5, 0.5, 1 / 3),
        ("steep", 0.5, 0.5 - 2 / 9, math.exp(-1) / 3),
        ("sphere", 0.5, 0.5, 8 / 9 - 0.5),
        ("sphere", 0.0, 1.0, math.sqrt(23.5) / 9 - 0.5),
    ],
)  # fmt: skip
def test_functions_at_points_known_by_hand(name, x, y, expected):
    found = BY_NAME[name].heights(np.array(x), np.array(y))
    assert found == pytest.approx(expected, rel=1e-13, abs=1e-16)


def test_function_surface_has_north_above_and_posts_at_each_tenth_row():
    surface = function_surface(BY_NAME["cliff"], 6)
    assert surface.shape == (51, 51)
    whole = surface.heights(slice(0, 51), slice(0, 51))
    assert whole[0, 0] == pytest.approx(2 / 9), "the high side is in the north-west"
    y, x = 1 - np.arange(51) / 50, np.arange(51) / 50
    expected = [[(math.tanh(9 * (north - east)) + 1) / 9 for east in x] for north in y]
    np.testing.assert_allclose(whole, expected, rtol=1e-13, atol=1e-16)
    np.testing.assert_array_equal(whole[7:20, 3:5], surface.heights(slice(7, 20), slice(3, 5)))


@pytest.mark.parametrize(("posts", "inner"), [(5, False), (258, False), (7, True)])
def test_grids_have_limits(posts, inner):
    with pytest.raises(OptionsError, match=rf"{posts} posts.* {8 if inner else 6} to 257"):
        compare_on_functions([11, posts], inner=inner)


# ---- ranks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0, 1.0, 2.0], [3, 1, 2]),
        ([5.0], [1]),
        ([2.0, 1.0, 2.0, 2.0, 9.0], [3, 1, 3, 3, 5]),
        ([0.0, 0.0], [1.5, 1.5]),
        ([1.0, 1.0 + 1e-12, 1.0 + 1e-6], [1.5, 1.5, 3]),  # rounding does not part methods
        ([1e-30, 1.0 + 1e-10, 1.0], [1, 2.5, 2.5]),
    ],
)
def test_ranks(values, expected):
    assert ranks(values) == expected


def test_ranks_of_nothing_but_rounding_are_shared():
    assert ranks([0.0, 1e-30, 3e-30, 1.0]) == [1, 2, 3, 4]
    assert ranks([0.0, 1e-30, 3e-30, 1.0], floor=1e-29) == [2, 2, 2, 4]


@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_ranks_and_their_correlation_are_those_of_scipy(levels):
    rng = np.random.default_rng(levels)
    for size in (2, 5, 15):
        first = rng.integers(0, levels, size).astype(float)
        second = rng.integers(0, levels, size).astype(float)
        first[0], second[0] = levels, -1  # not all the same
        assert ranks(first.tolist()) == stats.rankdata(first).tolist()
        expected = stats.spearmanr(first, second).statistic
        assert spearman(first.tolist(), second.tolist()) == pytest.approx(expected, abs=1e-12)


def test_correlation_of_extremes():
    up = [1.0, 2.0, 3.0, 4.0]
    assert spearman(up, [10.0, 20.0, 25.0, 90.0]) == pytest.approx(1)
    assert spearman(up, up[::-1]) == pytest.approx(-1)
    assert spearman([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]) == pytest.approx(0.5)  # 1 - 6 * 2 / 24
    assert math.isnan(spearman(up, [7.0] * 4))


# ---- heights that are left out ----------------------------------------------------------------


def slow_bilinear(heights, factor, low=0):
    """Errors by plain loops; `low`: so many cells at each edge are left out."""
    rows, cols = ((length - 1) // factor for length in heights.shape)
    errors = []
    for row in range(low * factor, (rows - low) * factor + 1):
        for col in range(low * factor, (cols - low) * factor + 1):
            if row % factor == 0 and col % factor == 0:
                continue
            top, left = min(row // factor, rows - 1), min(col // factor, cols - 1)
            v, u = row / factor - top, col / factor - left
            corners = [
                (float(heights[(top + down) * factor, (left + across) * factor]), weight)
                for down, across, weight in (
                    (0, 0, (1 - v) * (1 - u)), (0, 1, (1 - v) * u),
                    (1, 0, v * (1 - u)), (1, 1, v * u),
                )
                if weight
            ]  # fmt: skip
            found = sum(height * weight for height, weight in corners)
            errors.append(found - float(heights[row, col]))
    return errors


@pytest.mark.parametrize(("rows", "cols", "factor"), [(34, 41, 3), (40, 48, 5), (29, 36, 4)])
@pytest.mark.parametrize("inner", [False, True])
def test_errors_of_bilinear(rows, cols, factor, inner, monkeypatch):
    monkeypatch.setattr(sampling, "SIDE", 3 * factor)  # several windows
    heights = rough(rows, cols)
    surface = surface_of(heights)
    case = leave_out(surface, factor, ["bilinear"], inner=inner)
    errors = np.array(slow_bilinear(heights, factor, 3 if inner else 0))
    (score,) = case.scores
    assert case.points == errors.size == point_count(surface, factor, inner=inner)
    assert case.left_out == 0
    assert case.shape == ((rows - 1) // factor + 1, (cols - 1) // factor + 1)
    assert score.mean == pytest.approx(errors.mean(), rel=1e-9)
    assert score.variance == pytest.approx((errors**2).mean(), rel=1e-9)
    assert score.rmse == pytest.approx(math.sqrt((errors**2).mean()), rel=1e-9)
    assert score.maximum == pytest.approx(np.abs(errors).max(), rel=1e-9)
    assert score.rank == 1


def test_windows_threads_and_progress_change_nothing(monkeypatch):
    heights = rough(70, 55)
    heights[20:23, 11:14] = np.nan
    whole = leave_out(surface_of(heights), 3, list(METHODS))
    monkeypatch.setattr(sampling, "SIDE", 10)
    done = []
    parts = leave_out(surface_of(heights), 3, list(METHODS), report=done.append)
    threads = leave_out(surface_of(heights), 3, list(METHODS), jobs=4)
    assert threads == parts
    assert len(done) > 10
    assert sum(done) == whole.points + whole.left_out == parts.points + parts.left_out
    assert parts.points == whole.points
    for one, other in zip(whole.scores, parts.scores, strict=True):
        assert one.variance == pytest.approx(other.variance, rel=1e-9)
        assert one.mean == pytest.approx(other.mean, rel=1e-6, abs=1e-9)
        assert one.maximum == pytest.approx(other.maximum, rel=1e-9)


def test_what_is_void_for_one_method_is_left_out_for_all():
    heights = rough(31, 31)
    heights[15, 15] = np.nan  # a post: four cells without bilinear heights
    alone = leave_out(surface_of(heights), 5, ["level-nearest"])
    both = leave_out(surface_of(heights), 5, ["level-nearest", "bilinear"])
    inside = [
        (row, col) for row in range(11, 20) for col in range(11, 20) if (row, col) != (15, 15)
    ]
    near = [(row, col) for row, col in inside if abs(row - 15) <= 2 and abs(col - 15) <= 2]
    assert (alone.left_out, both.left_out) == (len(near), len(inside))
    assert both.points + both.left_out == alone.points + alone.left_out == 31 * 31 - 49
    assert both.scores[0].variance != alone.scores[0].variance


def test_voids_among_heights_that_are_predicted_are_left_out():
    heights = rough(31, 31)
    heights[3, 4] = np.nan
    heights[7, 9] = np.inf
    case = leave_out(surface_of(heights), 5, ["bilinear"])
    assert (case.points, case.left_out) == (31 * 31 - 49 - 2, 2)
    assert math.isfinite(case.scores[0].variance)


def test_planes_leave_ties():
    rows, cols = np.indices((40, 40)).astype(float)
    case = leave_out(surface_of(1000 + 3 * rows - 7 * cols), 3, list(METHODS))
    by_name = {score.method: score for score in case.scores}
    exact = [name for name in by_name if not name.startswith("level")]
    assert {by_name[name].rank for name in exact} == {(1 + len(exact)) / 2}
    assert by_name["bilinear"].maximum < 1e-10
    assert min(by_name[name].rank for name in ("level-nearest", "level-mean")) > len(exact)


def test_limits_of_factors_and_rasters():
    heights = rough(26, 100)
    for factor in (1, 65, -3):
        with pytest.raises(OptionsError, match=f"factor {factor}: it must be 2 to 64"):
            leave_out(surface_of(heights), factor, ["bilinear"])
    assert leave_out(surface_of(heights), 5, ["bilinear"]).shape == (6, 20)
    with pytest.raises(
        OptionsError, match=r"ground: factor 6 leaves 5 x 17 posts of 26 x 100 samples"
    ):
        leave_out(surface_of(heights), 6, ["bilinear"])
    with pytest.raises(DemzipError, match="ground: nothing to compare at factor 3"):
        leave_out(surface_of(np.full((30, 30), np.nan)), 3, ["bilinear"])
    with pytest.raises(OptionsError, match=r"cubic.* is not one of"):
        compare_on_surfaces([surface_of(heights)], [3], ["cubic"])


# ---- the table --------------------------------------------------------------------------------


def test_table_of_surfaces():
    one, other = surface_of(rough(50, 50), "one"), surface_of(rough(50, 50, 2), "other")
    steps = []
    table = compare_on_surfaces(
        [one, other], [3, 5], ["level-nearest", "bilinear", "level-nearest"],
        progress=lambda stage, done, total: steps.append((stage, done, total)),
    )  # fmt: skip
    assert table.methods == ("level-nearest", "bilinear")
    assert (table.surfaces, table.spacings) == (("one", "other"), (3, 5))
    assert [(case.surface, case.spacing) for case in table.cases] == [
        ("one", 3), ("other", 3), ("one", 5), ("other", 5),
    ]  # fmt: skip
    assert table.where(surface="one", spacing=5) == (leave_out(one, 5, table.methods),)
    assert table.mean_ranks() == {"level-nearest": 2, "bilinear": 1}
    ratios = [case.scores[0].rmse / case.scores[1].rmse for case in table.cases]
    assert table.to_best()["level-nearest"] == pytest.approx(np.median(ratios))
    assert table.to_best()["bilinear"] == 1
    (pair,) = table.between_surfaces()
    assert (pair.first, pair.second, pair.rho) == ("one", "other", pytest.approx(1))
    (pair,) = table.between_spacings()
    assert (pair.first, pair.second) == ("3", "5")
    assert {total for _, _, total in steps} == {sum(done for _, done, _ in steps)}


def test_a_level_surface_has_no_best():
    table = compare_on_surfaces([surface_of(np.full((30, 30), 7.0))], [3])
    assert set(table.mean_ranks().values()) == {(1 + len(table.methods)) / 2}
    assert all(math.isnan(ratio) or ratio >= 1 for ratio in table.to_best().values())


# ---- what the paper found ---------------------------------------------------------------------

LINEAR = ["linear-nw-se", "linear-ne-sw", "double-linear", "bilinear"]
HIGHER = list(METHODS)[list(METHODS).index("biquadratic-8") :]


@pytest.fixture(scope="module")
def on_functions():
    return compare_on_functions([11, 21])


@pytest.fixture(scope="module")
def mountains(corpus):
    with rasterio.open(corpus / "mountains_int16.tif") as dataset:
        return dataset.read(1).astype(np.float64)


def rmse_of(case):
    return {score.method: score.rmse for score in case.scores}


def test_higher_orders_are_better_than_linear_on_every_function(on_functions):
    assert len(HIGHER) == 9
    for case in on_functions.cases:
        found = rmse_of(case)
        assert max(found[name] for name in HIGHER) < min(found[name] for name in LINEAR)
        assert max(found[name] for name in LINEAR) < found["level-mean"] < found["level-nearest"]


def test_biquintic_is_best_on_functions_and_jancaitis_the_last_of_higher_order(on_functions):
    means = on_functions.mean_ranks()
    assert min(means, key=means.get) == "biquintic-36"
    assert max(HIGHER, key=means.get) == "jancaitis"
    assert on_functions.to_best()["jancaitis"] > 1.3
    assert all(pair.rho > 0.85 for pair in on_functions.between_surfaces())


def test_the_diagonal_that_follows_the_cliff_is_better(on_functions):
    for case in on_functions.where(surface="cliff"):
        found = rmse_of(case)
        assert found["linear-ne-sw"] < found["bilinear"] < found["linear-nw-se"]


def test_on_rough_terrain_higher_orders_are_better_than_linear_by_little(mountains):
    table = compare_on_surfaces([surface_of(mountains)], [3, 5])
    for case in table.cases:
        found = rmse_of(case)
        assert max(found[name] for name in HIGHER) < min(found[name] for name in LINEAR)
    # All nine are close to each other: jancaitis is no longer far behind, nor biquintic ahead.
    ratios = table.to_best()
    assert max(ratios[name] for name in HIGHER) < 1.03
    assert ratios["bilinear"] > 1.03


def test_on_smooth_terrain_ranks_are_those_of_the_functions(mountains, on_functions):
    smooth = mountains
    for _ in range(8):  # as wide as the distance of posts
        smooth = (smooth[:-2] + 2 * smooth[1:-1] + smooth[2:]) / 4
        smooth = (smooth[:, :-2] + 2 * smooth[:, 1:-1] + smooth[:, 2:]) / 4
    rough, other = (compare_on_surfaces([surface_of(z)], [3]) for z in (mountains, smooth))
    means = other.mean_ranks()
    assert set(sorted(means, key=means.get)[:3]) == {
        "biquintic-36", "piecewise-cubic-slope", "bicubic-akima",
    }  # fmt: skip
    assert other.agreement(on_functions) > rough.agreement(on_functions)
    assert other.to_best()["bilinear"] > 2
