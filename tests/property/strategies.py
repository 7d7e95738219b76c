"""Rasters for property tests: any dtype and shape, and contents that are hard in some way."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from demzip.predict.templates import PREDICTORS
from tests import terrain

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32")
FLOATS = ("float32", "float64")
CONTENTS = ("relief", "noise", "ramp", "flat", "extremes", "levels", "steps", "spikes", "checks")


@dataclass(frozen=True)
class Case:
    """A raster and how to encode it."""

    values: NDArray[Any]
    nodata: float | None
    block: int
    predictor: str

    def options(self) -> dict[str, Any]:
        """Arguments of demzip.encode."""
        return {"nodata": self.nodata, "block": self.block, "predictor": self.predictor}


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


@st.composite
def cases(draw: st.DrawFn, largest: int = 70, predictors: bool = True) -> Case:
    """Rasters of up to `largest` rows and columns, now and then of one."""
    side = st.one_of(st.integers(1, 5), st.integers(1, largest))
    shape = (draw(side), draw(side))
    dtype = draw(st.sampled_from((*INTEGERS, *FLOATS)))
    seed = draw(st.integers(0, 1 << 16))
    content = draw(st.sampled_from(CONTENTS))
    fill: float | None
    if dtype in INTEGERS:
        kind = np.iinfo(dtype)
        values = numbers(content, shape, int(kind.min), int(kind.max), seed).astype(dtype)
        fill = draw(st.sampled_from([float(kind.min), float(kind.max), 0.0, 77.0]))
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
    predictor = "lagrange24"
    if predictors:
        predictor = draw(st.sampled_from((*PREDICTORS, "auto")))
    return Case(values, nodata, draw(st.sampled_from([16, 32, 48, 512])), predictor)
