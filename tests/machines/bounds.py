"""Code, interpolate, read damaged files with NUMBA_BOUNDSCHECK=1: python -m tests.machines.bounds.

A kernel that looks beyond an array then raises IndexError. That it would is proved twice: by a
kernel made to, and by a workspace that is made too small.
"""

import sys
import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import demzip
from demzip.jit import inlined, kernel
from demzip.scan.decode.kernels import STEP
from demzip.scan.workspace import Wave, Workspace
from demzip.surface import METHODS, Pool, interpolate, interpolate_pool
from tests import terrain
from tests.fuzz.check import Reader, files
from tests.fuzz.mutate import make_case
from tests.golden.formulas import FILES

SHAPES = (
    (1, 1), (1, 40), (40, 1), (2, 3), (3, 16), (4, 17), (17, 6), (18, 7), (16, 16), (33, 47),
    (19, 266), (34, 267), (130, 127), (128, 129), (112, 150), (4100, 4), (4, 4100),
)  # fmt: skip
CASES = 400  # damaged and forged files


@inlined
def put(values, place):
    values[place] = 1


@kernel
def beyond(values, place):
    put(values, place)


@kernel
def calls(values, place):
    beyond(values, place)


def prove_that_kernels_tell() -> None:
    values = np.zeros(8, np.int64)
    for function in (beyond, calls):
        function(values, 7)
        for place in (8, np.uint64(8), -9):
            with pytest.raises(IndexError):
                function(values, place)


def prove_that_the_package_tells() -> None:
    """Blocks lack their last cells: the memory is there, and unchecked code would run."""
    allocate, borrow = Workspace.allocate, Wave.borrow

    def short(rows: int, cols: int, dtype: type[np.int32] | type[np.int64]) -> Workspace:
        made = allocate(rows, cols, dtype)
        return replace(made, magnitudes=made.magnitudes[:-40])

    def short_wave(rows: int, cols: int, dtype: type[np.int32] | type[np.int64]) -> Wave:
        made = borrow(rows, cols, dtype)
        return replace(made, samples=made.samples[: made.period * STEP])

    for shape in ((61, 60), (130, 130)):
        values = terrain.relief(*shape).astype(np.int16)
        data = demzip.encode(values)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Wave, "borrow", short_wave)
            with pytest.raises(IndexError):
                demzip.decode(data)
            patched.setattr(Workspace, "allocate", short)
            with pytest.raises(IndexError):
                demzip.encode(values)
        demzip.decode(data)


def round_trips() -> None:
    for number, (shape, masked) in enumerate(product(SHAPES, (False, True))):
        relief = terrain.relief(*shape, seed=number)
        if masked:
            relief[terrain.holes(*shape, seed=number) != 0] = -99
        dtype = ("int16", "int32", "float32", "float64")[number // 2 % 4]
        values = (relief / (100 if dtype[0] == "f" else 1)).astype(dtype)
        nodata = values.min() if masked else None
        block = (512, 48, 4096)[number % 3]
        predictor = ("lagrange24", "jpeg4", "auto")[number // 3 % 3]
        for best in (False, True):
            options = {"nodata": nodata, "block": block, "predictor": predictor, "best": best}
            same(values, options)
    for recipe in FILES.values():
        same(recipe.values(), {"nodata": recipe.nodata, **recipe.options})


def same(values, options) -> None:
    data = demzip.encode(values, **options)
    assert demzip.decode(data).tobytes() == values.tobytes()
    assert demzip.decode(data, jobs=2).tobytes() == values.tobytes()


def damage() -> None:
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(Path(folder))
        for seed in range(CASES):
            reader.check(make_case(files(), seed))


def heights() -> None:
    """Places in, at the edge of and outside rasters with voids, in blocks of several sizes."""
    rng = np.random.default_rng(1)
    for shape, side, method in product(SHAPES[:-2], (1, 5, 64), METHODS):
        values = rng.standard_normal(shape)
        values[rng.random(shape) < 0.1] = np.nan
        rows, cols = (rng.uniform(-1, size, 200) for size in shape)
        rows[:50], cols[25:75] = np.round(rows[:50]), np.round(cols[25:75])
        pool = Pool(shape, side)
        for down, across in np.argwhere(pool.needed(rows, cols, method)):
            block = values[side * down :, side * across :][:side, :side]
            pool.put(down, across, block)
        found = interpolate_pool(pool, rows, cols, method)
        assert found.tobytes() == interpolate(values, rows, cols, method).tobytes()


def main() -> int:
    prove_that_kernels_tell()
    heights()
    round_trips()
    damage()
    prove_that_the_package_tells()
    return 0


if __name__ == "__main__":
    sys.exit(main())
