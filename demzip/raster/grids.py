"""Grids on which floats may lie, and which of them pays.

Costs are in bits a value, those of a grid of step 1 without exceptions being 0: a step half as
large costs a bit more. A float without a grid has its own spacing for a step.
"""

import math
from dataclasses import replace

import numpy as np

from demzip.raster.steps import search_maps
from demzip.raster.values import UNITS, AnyArray, ValueMap

MARGIN = 0.25  # bits by which a grid must be better than none
PROBE = 1024  # values on which every grid is tried
PROMISING = 0.5  # share of them on a grid that is looked at more closely
LOOK = 1 << 15  # values that decide
EXCEPTION_BITS = {"float32": 45.0, "float64": 60.0}
NEARLY_ALL = 1e-3  # off the grid: no other step is searched for
SPARSE = 16  # levels for each that occurs, from which on a coarser grid is searched for
TIE = 0.01  # bits that are no reason to prefer a grid
DEEPEST = 6.0  # bits by which spacings near 0 count as finer than the usual one

DECIMALS = tuple((1, part * 10**digits) for digits in range(6) for part in (1, 2, 5))
BINARIES = {"float32": 16, "float64": 31}  # deepest power of two


def standard_steps(dtype: str) -> list[tuple[int, int]]:
    """Numerators and denominators of the grids to try, coarsest first."""
    found = {*DECIMALS, (1, 10**6)}
    found |= {(1, 1 << bits) for bits in range(BINARIES[dtype] + 1)}
    for numerator, denominator, _ in UNITS:
        for digits in range(4):
            parts = denominator * 10**digits
            common = math.gcd(numerator, parts)
            found.add((numerator // common, parts // common))
    return sorted(found, key=lambda step: -step[0] / step[1])


def standard_maps(plain: ValueMap) -> list[ValueMap]:
    """Maps to try: divisions before products, which only programs make that multiply."""
    found = []
    for numerator, denominator in standard_steps(plain.dtype):
        found.append(replace(plain, rule="ratio", numerator=numerator, denominator=denominator))
        if denominator.bit_count() > 1:  # else all rules give the same values
            step = numerator / denominator
            if plain.dtype == "float32":
                single = float(np.float32(step))
                found.append(replace(plain, rule="product", scale=single))
            found.append(replace(plain, rule="affine", scale=step))
    return found


def spacing_cost(values: AnyArray) -> float:
    """Cost of finite floats without a grid."""
    with np.errstate(all="ignore"):
        spacings = np.spacing(np.abs(values[values != 0])).astype(np.float64)
    if not spacings.size:
        return math.inf
    bits = -np.log2(np.maximum(spacings, 5e-324))
    return float(np.minimum(bits, np.median(bits) + DEEPEST).mean()) - MARGIN


def exception_cost(share: float, dtype: str) -> float:
    """Bits a value that exceptions cost, if `share` of all values are some."""
    cost = share * EXCEPTION_BITS[dtype]
    for part in (share, 1 - share):
        if part > 0:
            cost -= part * math.log2(part)
    return cost


def grid_cost(value_map: ValueMap, share: float) -> float:
    """Cost of values on a grid with a share of exceptions."""
    return exception_cost(share, value_map.dtype) - math.log2(value_map.step or 1.0)


def guess_grid(values: AnyArray, plain: ValueMap) -> tuple[ValueMap, float]:
    """The map that codes some finite values (one dimension) best, and its cost.

    It is `plain`, of the rule "real", where no grid pays.
    """
    best, least, off = plain, spacing_cost(values), 1.0
    if not values.size:
        return replace(plain, rule="ratio"), 0.0
    look = values[:: -(-values.size // LOOK)]
    probe = values[:: -(-values.size // PROBE)]
    for value_map in standard_maps(plain):
        if off_share(value_map, probe) > 1 - PROMISING or grid_cost(value_map, 0) >= least:
            continue
        share = off_share(value_map, look)
        cost = grid_cost(value_map, share)
        if cost < least:
            best, least, off = value_map, cost, share
    distinct = np.unique(look)
    width = float(distinct[-1]) - float(distinct[0])
    if off <= NEARLY_ALL and width <= SPARSE * distinct.size * (best.step or math.inf):
        return best, least
    for value_map in search_maps(look, plain):
        cost = grid_cost(value_map, off_share(value_map, look))
        if cost < least - TIE:
            best, least = value_map, cost
    return best, least


def off_share(value_map: ValueMap, values: AnyArray) -> float:
    """Share of some values that do not lie on a grid."""
    placed = value_map.place(np.ascontiguousarray(values))[1]
    return 0.0 if placed is None else 1 - float(np.count_nonzero(placed)) / values.size
