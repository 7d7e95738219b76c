"""Viewsheds of arrays: references in fractions, shadows known by hand, voids, the radius."""

from fractions import Fraction
from functools import cache
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demzip.errors import OptionsError
from demzip.surface.sight.viewshed import HIDDEN, MODELS, UNDECIDED, VISIBLE, Metric, viewshed

UNIT = Metric(1.0, 0.0, 1.0)
TOUCH = Fraction(1, 10**6)


def lowered(heights, eye, drop):
    """Heights above the eye by (rows, cols) from it; None for voids."""
    row, col, observer = eye
    floor = Fraction(heights[row][col]) + observer
    return {
        (r - row, c - col): None
        if height is None
        else Fraction(height) - floor - drop * ((r - row) ** 2 + (c - col) ** 2)
        for r, line in enumerate(heights)
        for c, height in enumerate(line)
    }


def crossings(down, right):
    """Where the line from the eye crosses rows and columns: share of the way, and posts with
    their weights."""
    for k in range(1, abs(down)):
        share = Fraction(k, abs(down))
        place = share * right
        low = place.numerator // place.denominator
        row = k if down > 0 else -k
        yield share, [((row, low), 1 - (place - low)), ((row, low + 1), place - low)]
    for k in range(1, abs(right)):
        share = Fraction(k, abs(right))
        place = share * down
        low = place.numerator // place.denominator
        col = k if right > 0 else -k
        yield share, [((low, col), 1 - (place - low)), ((low + 1, col), place - low)]


def exact(ground, target):
    """A line to each post, by the definition."""
    found = {}
    for (down, right), height in ground.items():
        if height is None:
            found[down, right] = UNDECIDED
            continue
        blocked = unknown = False
        for share, posts in crossings(down, right):
            known = [(ground[post], weight) for post, weight in posts if weight]
            if any(part is None for part, _ in known):
                unknown = True
            elif sum(part * weight for part, weight in known) > share * (height + target) + TOUCH:
                blocked = True
        found[down, right] = HIDDEN if blocked else UNDECIDED if unknown else VISIBLE
    return found


def planes(ground, target):
    """Each post against the plane through the eye and the two posts before it."""

    def sign(number):
        return (number > 0) - (number < 0)

    @cache
    def before(down, right):
        """Height of the plane and whether a void may have raised it."""
        far, near = max(abs(down), abs(right)), min(abs(down), abs(right))
        if far <= 1:
            return -inf, False
        plane, void = 0, False
        straight = (
            (down - sign(down), right) if abs(down) == far else (down, right - sign(right))
        )
        for post, weight in (
            ((down - sign(down), right - sign(right)), near), (straight, far - near)
        ):  # fmt: skip
            if weight:
                top, below = after(*post)
                plane, void = plane + top * weight, void or below
        return plane / Fraction(far - 1) if plane != -inf else -inf, void

    @cache
    def after(down, right):
        plane, void = before(down, right)
        height = ground[down, right]
        return (plane, True) if height is None else (max(plane, height), void)

    found = {}
    for (down, right), height in ground.items():
        plane, void = before(down, right)
        if height is None:
            found[down, right] = UNDECIDED
        elif height + target < plane - TOUCH:
            found[down, right] = HIDDEN
        else:
            found[down, right] = UNDECIDED if void else VISIBLE
    return found


REFERENCES = {"exact": exact, "planes": planes}


def as_array(heights):
    return np.array([[np.nan if h is None else float(h) for h in line] for line in heights])


@st.composite
def scenes(draw):
    rows, cols = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    height = st.one_of(st.integers(0, 9), st.integers(0, 9), st.sampled_from([0, None]))
    heights = [[draw(height) for _ in range(cols)] for _ in range(rows)]
    row, col = draw(st.integers(0, rows - 1)), draw(st.integers(0, cols - 1))
    if heights[row][col] is None:
        heights[row][col] = draw(st.integers(0, 9))
    numbers = st.sampled_from([Fraction(0), Fraction(7, 4), Fraction(5)])
    drop = draw(st.sampled_from([Fraction(0), Fraction(1, 16)]))
    return heights, (row, col, draw(numbers)), draw(numbers), drop


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=150, deadline=None)
@given(scene=scenes())
def test_viewsheds_are_those_of_the_reference(model, scene):
    heights, eye, target, drop = scene
    row, col, observer = eye
    expected = REFERENCES[model](lowered(heights, eye, drop), target)
    found = viewshed(
        as_array(heights), row, col, observer=float(observer), target=float(target),
        metric=UNIT, drop=float(drop), model=model,
    )  # fmt: skip
    assert found.dtype == np.uint8
    assert {(r - row, c - col): v for (r, c), v in np.ndenumerate(found)} == expected


def seen(heights, row, col, observer=1.75, target=0.0, model="exact", **options):
    return viewshed(
        np.asarray(heights, float), row, col, observer=observer, target=target,
        metric=options.pop("metric", UNIT), model=model, **options,
    )  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("observer", [0.0, 1.75])
def test_planes_are_seen_whole(model, observer):
    """Also inclined ones from their own surface, where rounding must not block the line."""
    rows, cols = np.indices((31, 43))
    for ground in (rows * 0.0, 0.1 * rows + 0.3 * cols, -7.7 * cols + 1e4 / 3):
        assert (seen(ground, 11, 17, observer, model=model) == VISIBLE).all()


@pytest.mark.parametrize("model", MODELS)
def test_a_wall_throws_the_shadow_that_it_must(model):
    """An eye at 10 m, a wall of 5 m at 4 posts: up to 8 posts the ground is hidden."""
    ground = np.zeros((1, 20))
    ground[0, 6] = 5
    expected = [VISIBLE] * 7 + [HIDDEN] * 3 + [VISIBLE] * 10
    assert seen(ground, 0, 2, 10.0, model=model)[0].tolist() == expected
    assert seen(ground[:, ::-1], 0, 17, 10.0, model=model)[0].tolist() == expected[::-1]
    assert seen(ground.T, 2, 0, 10.0, model=model)[:, 0].tolist() == expected
    tall = seen(ground, 0, 2, 10.0, target=2.0, model=model)[0].tolist()
    assert tall.count(HIDDEN) == 2, "the line passes 3.75, 2.5 and 1.25 m above the next posts"
    ground = np.zeros((15, 15))
    ground[5] = 3
    behind = seen(ground, 9, 7, model=model)
    assert (behind[:5] == HIDDEN).all()
    assert (behind[5:] == VISIBLE).all()


@pytest.mark.parametrize("model", MODELS)
def test_models_turn_with_the_ground(model):
    rng = np.random.default_rng(4)
    ground = rng.integers(0, 40, (23, 23)).astype(float)
    found = seen(ground, 5, 9, 3.0, model=model)
    assert 0.1 < (found == VISIBLE).mean() < 0.9
    np.testing.assert_array_equal(seen(ground.T, 9, 5, 3.0, model=model), found.T)
    np.testing.assert_array_equal(seen(ground[::-1], 17, 9, 3.0, model=model), found[::-1])
    np.testing.assert_array_equal(seen(ground[:, ::-1], 5, 13, 3.0, model=model), found[:, ::-1])


def test_exact_sight_is_mutual():
    """a sees b if and only if b sees a, with the heights above ground exchanged."""
    ground = np.random.default_rng(5).integers(0, 30, (9, 11)).astype(float)
    sheds = {place: seen(ground, *place, 2.0, 6.0) for place in np.ndindex(9, 11)}
    back = {place: seen(ground, *place, 6.0, 2.0) for place in np.ndindex(9, 11)}
    for a, shed in sheds.items():
        for b in np.ndindex(9, 11):
            assert shed[b] == back[b][a]


@pytest.mark.parametrize("model", MODELS)
def test_beyond_the_radius_nothing_is_known(model):
    rows, cols = np.indices((21, 25))
    for metric, radius in ((UNIT, 7.0), (Metric(900.0, 200.0, 400.0), 150.0)):
        found = seen(np.zeros((21, 25)), 8, 12, metric=metric, radius=radius, model=model)
        r, c = rows - 8, cols - 12
        inside = metric.a * c * c + 2 * metric.b * r * c + metric.d * r * r <= radius**2
        assert 5 < inside.sum() < 400
        np.testing.assert_array_equal(found, np.where(inside, VISIBLE, UNDECIDED))


@pytest.mark.parametrize("model", MODELS)
def test_the_horizon_of_the_sea(model):
    """From 10 m above a sphere without air its surface is seen to sqrt(2 R 10 m) = 11.29 km."""
    side = 100.0
    drop = 1 / (2 * 6378137.0)
    found = seen(
        np.zeros((1, 300)), 0, 0, 10.0, metric=Metric(side**2, 0.0, side**2), drop=drop, model=model
    )[0]
    last = int((6378137.0 * 20) ** 0.5 / side)
    assert last == 112
    assert (found[: last + 1] == VISIBLE).all()
    assert (found[last + 2 :] == HIDDEN).all()


@pytest.mark.parametrize("model", MODELS)
def test_voids_leave_undecided_what_they_may_hide(model):
    ground = np.zeros((1, 12))
    ground[0, 3], ground[0, 7] = np.nan, 9
    found = seen(ground, 0, 0, model=model)[0]
    expected = [VISIBLE] * 3 + [UNDECIDED] * 5 + [HIDDEN] * 4
    assert found.tolist() == expected
    ground[0, 3] = np.inf
    assert seen(ground, 0, 0, model=model)[0].tolist() == expected


@pytest.mark.parametrize("model", MODELS)
def test_illegal_arguments_are_told(model):
    ground = np.zeros((3, 3))
    ground[1, 1] = np.nan
    with pytest.raises(OptionsError, match="observer is in a void"):
        seen(ground, 1, 1, model=model)
    with pytest.raises(OptionsError, match=r"'plains'.*exact, planes"):
        seen(ground, 0, 0, model="plains")


def test_threads_and_reports_change_nothing():
    ground = np.random.default_rng(6).normal(0, 20, (90, 70))
    counts = []
    one = seen(ground, 40, 3, 5.0)
    four = seen(ground, 40, 3, 5.0, jobs=4, report=counts.append)
    np.testing.assert_array_equal(one, four)
    assert sum(counts) == ground.size
