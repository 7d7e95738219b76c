"""Search for the step of a grid that nobody would guess: data scaled and shifted by a program."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from demzip.raster.values import EXACT_SINGLE, AnyArray, ValueMap

Float64Array = NDArray[np.float64]

FEWEST = 32  # distinct values from which on a step can be told
COARSE = 8.0  # spacings of the floats that a step has at least
FITTING = 0.9  # share of the differences that must be multiples of a step
DIGITS = 15
HUGE = 1e100  # values whose squares may overflow are not looked at
MOST_SHIFTS = 16  # of a step that a grid may lie beside the value 0
MOST_PARTS = 1 << 12  # of 1 that a step with a simple denominator is
ROUNDS = 24


def search_maps(values: AnyArray, plain: ValueMap) -> Iterator[ValueMap]:
    """Maps with the rules "affine" and "product" that may hold for all of some finite floats."""
    distinct = np.unique(values)
    if distinct.size < FEWEST:
        return
    wide = distinct.astype(np.float64)
    if not max(-wide[0], wide[-1]) < HUGE:
        return
    noise = float(np.spacing(np.abs(distinct).max()))
    numbers = _unwrap(wide, noise)
    if numbers is None:
        return
    step, start = _line(numbers, wide)
    fits = np.abs(start + numbers * step - wide) <= 2 * noise
    if np.count_nonzero(fits) < FITTING * wide.size:
        return
    distinct, wide, numbers = distinct[fits], wide[fits], numbers[fits]
    step, start = _line(numbers, wide)
    # Numbers from the value 0 on, if the grid goes through it.
    shifted = numbers + np.rint(start / step)
    parts = Fraction(start / step % 1.0).limit_denominator(MOST_SHIFTS).denominator
    simple = Fraction(step / parts).limit_denominator(MOST_PARTS)
    if simple > 0:
        yield replace(
            plain, rule="ratio", numerator=simple.numerator, denominator=simple.denominator
        )
    for scale, offset in _exact(distinct, wide, shifted, step):
        yield replace(plain, rule="affine", scale=scale, offset=offset)
        if plain.dtype == "float32" and offset == 0 and np.abs(shifted).max() <= EXACT_SINGLE:
            single = np.float32(scale)
            for near in (single, np.nextafter(single, 0), np.nextafter(single, 2 * single)):
                yield replace(plain, rule="product", scale=float(near))


def _unwrap(values: Float64Array, noise: float) -> Float64Array | None:
    """Numbers of ascending values on a grid, from any one on; None if there seems to be none."""
    step = common_step(np.diff(values), noise)
    if step is None:
        return None
    numbers = np.concatenate([[0.0], np.cumsum(np.rint(np.diff(values) / step))])
    for _ in range(3):
        step, start = _line(numbers, values)
        if not step > COARSE * noise:
            return None
        numbers = np.rint((values - start) / step)
    return numbers


def common_step(differences: Float64Array, noise: float) -> float | None:
    """Approximate greatest common divisor of most of some differences > 0.

    Args:
        differences: Of neighbouring distinct values.
        noise: Largest error of a difference.

    Returns:
        None if it would not be much larger than the noise.

    """
    rest = differences[differences > 2 * noise]
    if rest.size < FITTING * differences.size:
        return None
    step = float(np.quantile(rest, 0.02))
    for _ in range(ROUNDS):
        if step < COARSE * noise:
            return None
        multiples = np.rint(rest / step)
        small = rest < 64 * step  # in others the error of the step adds up
        left = np.abs(rest - multiples * step)[small]
        bad = left > 4 * noise * (1 + multiples[small])
        if np.count_nonzero(bad) <= (1 - FITTING) * left.size:
            total = multiples[small].sum()
            return float(rest[small].sum() / total) if total else None
        step = float(np.quantile(left[bad], 0.1))
    return None


def _line(numbers: Float64Array, values: Float64Array) -> tuple[float, float]:
    """Slope and value at 0 of the straight line that fits best."""
    middle, height = numbers.mean(), values.mean()
    away = numbers - middle
    slope = float((away * (values - height)).sum() / max(float((away * away).sum()), 1.0))
    return slope, float(height - slope * middle)


def _exact(
    distinct: AnyArray, wide: Float64Array, numbers: Float64Array, step: float
) -> Iterator[tuple[float, float]]:
    """Scales and offsets under which values round to what they are."""
    if distinct.dtype == np.float32:
        low = (wide + np.nextafter(distinct, np.float32(-np.inf)).astype(np.float64)) / 2
        high = (wide + np.nextafter(distinct, np.float32(np.inf)).astype(np.float64)) / 2
        yield from _feasible(low, high, numbers, step)
    for digits in range(1, DIGITS + 1):
        scale = float(f"{step:.{digits}g}")
        if abs(scale - step) * np.ptp(numbers) > 4 * np.ptp(wide) * 2.0**-24:
            continue
        offset = float(np.median(wide - numbers * scale))
        if abs(offset) < step / 64:
            yield scale, 0.0
        for places in range(1, DIGITS + 1, 2):
            yield scale, float(f"{offset:.{places}g}")


def _feasible(
    low: Float64Array, high: Float64Array, numbers: Float64Array, step: float
) -> Iterator[tuple[float, float]]:
    """Simple scales and offsets with low <= offset + number * scale <= high for all."""
    moving = numbers != 0
    ends = np.sort(np.stack([low[moving] / numbers[moving], high[moving] / numbers[moving]]), 0)
    first, last = float(ends[0].max()), float(ends[1].min())
    if first <= last:
        yield simplest(first, last), 0.0
        return

    def room(scale: float) -> float:
        products = numbers * scale
        return float((high - products).min() - (low - products).max())

    reach = 4 * float((high - low).max()) / max(float(np.ptp(numbers)), 1.0)
    left, right = step - reach, step + reach
    for _ in range(100):  # the room is concave: thirds close in on its maximum
        third = (right - left) / 3
        if room(left + third) < room(right - third):
            left += third
        else:
            right -= third
    best = (left + right) / 2
    if room(best) < 0:
        return
    ends_of_room = []
    for outside in (best - 2 * reach, best + 2 * reach):
        inner, outer = best, outside
        for _ in range(60):
            middle = (inner + outer) / 2
            inner, outer = (middle, outer) if room(middle) >= 0 else (inner, middle)
        ends_of_room.append(inner)
    for scale in (simplest(*ends_of_room), best):
        products = numbers * scale
        least, most = float((low - products).max()), float((high - products).min())
        if least <= most:
            yield scale, simplest(least, most)


def simplest(low: float, high: float) -> float:
    """A number from low to high with few digits."""
    if low <= 0 <= high:
        return 0.0
    middle = (low + high) / 2
    for digits in range(1, DIGITS + 3):
        short = float(f"{middle:.{digits}g}")
        if low <= short <= high:
            return short
    return middle
