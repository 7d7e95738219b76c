"""Rasters for property tests: any dtype and shape, and contents that are hard in some way."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from demzip.predict.templates import PREDICTORS
from tests import terrain

if TYPE_CHECKING:
    from collections.abc import Callable

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
FLOATS = ("float32", "float64")
CONTENTS = ("relief", "noise", "ramp", "flat", "extremes", "levels", "steps", "spikes", "checks")
REAL = ("full", "mixed", "posts", "bits", "specials", "single", "zeros", "wide")
LARGEST = 1 << 46  # of most integers of a raster


@dataclass(frozen=True)
class Case:
    """A raster and how to encode it."""

    values: NDArray[Any]
    nodata: float | None
    block: int
    predictor: str
    best: bool = False

    def options(self) -> dict[str, Any]:
        """Arguments of demzip.encode."""
        return {
            "nodata": self.nodata, "block": self.block, "predictor": self.predictor,
            "best": self.best,
        }  # fmt: skip


def numbers(
    content: str, shape: tuple[int, int], low: int, high: int, seed: int
) -> NDArray[np.int64]:
    """Integers from low to high."""
    rng = np.random.default_rng(seed)
    rows, cols = np.indices(shape)
    span = high - low
    made = {
        "relief": terrain.relief(*shape, seed=seed) + 90,
        "noise": rng.integers(0, span, shape, endpoint=True),
        "ramp": rows * max(span // (shape[0] + shape[1]), 1) + cols,
        "flat": np.full(shape, int(rng.integers(0, span, endpoint=True))),
        "extremes": rng.choice([0, span], shape),
        "levels": rng.integers(0, 9, shape) * max(span // 8, 1),
        "steps": terrain.relief(*shape, seed=seed, noise=0.3) // 8 + 20,
        "spikes": np.where(rng.random(shape) < 0.03, span, terrain.relief(*shape, seed=seed) + 90),
        "checks": (rows + cols) % 2 * (span // 2),
    }[content]
    result: NDArray[np.int64] = np.clip(made, 0, span).astype(np.int64) + low
    return result


def noise(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Values whose bits are random."""
    count = math.prod(shape) * dtype.itemsize
    return np.frombuffer(rng.bytes(count), dtype).reshape(shape).copy()


def reals(content: str, shape: tuple[int, int], dtype: str, seed: int) -> NDArray[Any]:
    """Floats that are on no grid, or only some of them."""
    rng = np.random.default_rng(seed)
    rows, cols = np.indices(shape)
    kind = np.dtype(dtype)
    ground = terrain.relief(*shape, seed=seed) + rng.random(shape)
    odd = np.array(
        [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1e-40, -1e-40, 3.4e38, -1.7e308, 1.0]
    )
    with np.errstate(all="ignore"):
        made: dict[str, Callable[[], NDArray[Any]]] = {
            "full": lambda: ground,
            "mixed": lambda: np.where(rng.random(shape) < 0.7, np.rint(ground) / 4, ground),
            "posts": lambda: (rows % 6) * (rows // 6 * cols // 5 + 1) / 7 + cols / 3,
            "bits": lambda: noise(rng, shape, kind),
            "specials": lambda: np.where(rng.random(shape) < 0.3, rng.choice(odd, shape), ground),
            "single": lambda: ground.astype(np.float32),
            "zeros": lambda: rng.choice([0.0, -0.0, 5e-324, -5e-324], shape),
            "wide": lambda: np.ldexp(ground, rng.integers(-1100, 1020, shape)),
        }
        result: NDArray[Any] = np.ascontiguousarray(made[content]()).astype(kind, copy=False)
    return result


@st.composite
def cases(draw: st.DrawFn, largest: int = 70, predictors: bool = True) -> Case:
    """Rasters of up to `largest` rows and columns, now and then of one; few have bands."""
    side = st.one_of(st.integers(1, 5), st.integers(1, largest))
    shape = (draw(side), draw(side))
    dtype = draw(st.sampled_from((*INTEGERS, *FLOATS)))
    seed = draw(st.integers(0, 1 << 16))
    content = draw(st.sampled_from(CONTENTS))
    fill: float | None
    if dtype in INTEGERS:
        kind = np.iinfo(dtype)
        low, high = max(int(kind.min), -LARGEST), min(int(kind.max), LARGEST)
        values = numbers(content, shape, low, high, seed).astype(dtype)
        if dtype.endswith("64") and values.size >= 64:
            values.ravel()[seed % 40 :: 40] = int(kind.max) - seed % 3
        fill = draw(st.sampled_from([int(kind.min), int(kind.max), 0, 77.0]))
    elif draw(st.booleans()):
        values = reals(draw(st.sampled_from(REAL)), shape, dtype, seed)
        fill = draw(st.sampled_from([np.nan, -9999.0, 0.0]))
    else:
        denominator = draw(st.sampled_from([1, 10, 100, 1000, 2, 128]))
        width = 20 if dtype == "float32" else draw(st.sampled_from([20, 40, 46]))
        steps = numbers(content, shape, -(1 << width) + 1, (1 << width) - 1, seed)
        values = (steps / denominator).astype(dtype)
        fill = draw(st.sampled_from([np.nan, -9999.0, -3.4028234663852886e38]))
    holes = draw(st.sampled_from(["none", "none", "some", "undeclared", "first row", "all"]))
    nodata = None if holes in ("none", "undeclared") else fill
    if holes in ("some", "undeclared") and (dtype in FLOATS or nodata is not None):
        missing = np.nan if nodata is None else nodata
        values[terrain.holes(*shape, seed=seed, patches=2) != 0] = missing
    elif holes == "first row":
        values[0] = fill
    elif holes == "all":
        values[:] = fill
    if draw(st.sampled_from([False, False, True])):
        turned = np.ascontiguousarray(values[::-1, ::-1])
        values = np.stack([values, turned, values] if draw(st.booleans()) else [turned, values])
    predictor = "lagrange24"
    if predictors:
        predictor = draw(st.sampled_from((*PREDICTORS, "auto", "neural", "neural")))
    block = draw(st.sampled_from([16, 32, 48, 512]))
    return Case(values, nodata, block, predictor, draw(st.booleans()))
