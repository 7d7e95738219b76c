"""Seeded synthetic relief: the rasters kept in this folder, and big ones for timing.

All terrain here is made up.  The code uses only operations whose results IEEE 754 or the PCG64
definition fix to the last bit (raw 64-bit draws, ``+ - * /``, ``sqrt``, comparisons), in a fixed
order, so that one seed gives the same samples on every machine.

``python corpus/generate.py`` rewrites the small rasters that MANIFEST.toml describes;
``--relief ROWS COLS SEED OUT.tif`` writes one big int16 relief instead.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.transform import Affine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Heights = npt.NDArray[np.float64]
Samples = npt.NDArray[Any]

NODATA = -32768
MARGIN = 4
ERODED_CELLS = 300_000
HERE = Path(__file__).resolve().parent


def bell(rng: np.random.PCG64, rows: int, cols: int) -> Heights:
    """Draw bell-shaped noise of mean 0 and standard deviation 1.

    Each value is the scaled sum of the four 16-bit parts of one raw draw (Irwin-Hall), which
    needs no logarithm and so no platform's mathematics library.

    Args:
        rng: source of raw draws; it is advanced by ``rows * cols``.
        rows: number of rows, at least 1.
        cols: number of columns, at least 1.

    Returns:
        Values in [-3.47, 3.47], shape (rows, cols).
    """
    raw = np.asarray(rng.random_raw(rows * cols), dtype="<u8").view("<u2").reshape(rows, cols, 4)
    total = raw[..., 0].astype(np.int32)
    for part in range(1, 4):
        total += raw[..., part]
    return (total.astype(np.float64) - 131070.0) * (1.7320508 / 65536.0)


def double(heights: Heights) -> Heights:
    """Halve the spacing of a grid by four-point cubic interpolation (weights -1, 9, 9, -1).

    Args:
        heights: elevations, shape (rows, cols), each at least 2.

    Returns:
        Elevations, shape (2 * rows - 1, 2 * cols - 1); the old ones lie at even rows and cols.
    """
    rows, cols = heights.shape
    out = np.empty((2 * rows - 1, 2 * cols - 1))
    out[::2, ::2] = heights
    wide = np.pad(heights, ((0, 0), (1, 1)), mode="edge")
    out[::2, 1::2] = (9.0 * (wide[:, 1:-2] + wide[:, 2:-1]) - (wide[:, :-3] + wide[:, 3:])) / 16.0
    tall = np.pad(out[::2], ((1, 1), (0, 0)), mode="edge")
    out[1::2] = (9.0 * (tall[1:-2] + tall[2:-1]) - (tall[:-3] + tall[3:])) / 16.0
    return out


def fractal(rng: np.random.PCG64, rows: int, cols: int, levels: int, decay: float) -> Heights:
    """Build fractal relief by successive random additions, from coarse to fine.

    Args:
        rng: source of draws.
        rows: number of rows, at least 2.
        cols: number of columns, at least 2.
        levels: number of doublings, at least 0.
        decay: amplitude of a level over that of the level above, in (0, 1); 0.5 is smooth.

    Returns:
        Unitless elevations of mean near 0, shape (rows, cols).
    """
    heights = bell(rng, ((rows - 2) >> levels) + 2, ((cols - 2) >> levels) + 2)
    amplitude = 1.0
    for _ in range(levels):
        amplitude *= decay
        heights = double(heights)
        heights += amplitude * bell(rng, *heights.shape)
    return heights[:rows, :cols]


def slope(heights: Heights) -> Heights:
    """Give the sum of the row and column steps, in elevation units a cell, shape unchanged."""
    down = np.abs(np.diff(heights, axis=0, append=heights[-1:]))
    down += np.abs(np.diff(heights, axis=1, append=heights[:, -1:]))
    return down


def flood(heights: Heights) -> tuple[list[float], list[int], list[int]]:
    """Fill pits and route every cell to the edge with a priority flood.

    The method is that of Barnes, Lehman and Mulla, "Priority-flood" (2014): cells are taken from
    the edge inwards, lowest first, and each is drained by the neighbour that reached it.

    Args:
        heights: elevations, shape (rows, cols), each at least 3.

    Returns:
        Filled elevations, the receiver of each cell (its own index on the edge), and the order
        from outlets upwards; the first two are indexed by ``row * cols + col``.
    """
    rows, cols = heights.shape
    filled: list[float] = heights.ravel().tolist()
    edge = np.ones(heights.shape, dtype=bool)
    edge[1:-1, 1:-1] = False
    seen = bytearray(edge.tobytes())
    heap = [(filled[i], i) for i in np.flatnonzero(edge).tolist()]
    heapq.heapify(heap)
    receiver = list(range(rows * cols))
    order: list[int] = []
    steps = (-cols, -1, 1, cols, -cols - 1, -cols + 1, cols - 1, cols + 1)
    while heap:
        level, cell = heapq.heappop(heap)
        order.append(cell)
        for step in steps:
            near = cell + step
            if 0 <= near < len(seen) and not seen[near]:
                seen[near] = 1
                receiver[near] = cell
                filled[near] = max(filled[near], level)
                heapq.heappush(heap, (filled[near], near))
    return filled, receiver, order


def erode(heights: Heights, uplift: Heights, strength: float, steps: int) -> Heights:
    """Cut valleys by stream power while the land rises.

    Solves dh/dt = U - K sqrt(A) S with the implicit scheme of Braun and Willett, "A very
    efficient O(n) method" (2013); A is drained area and S the slope to the receiver.  With the
    square root the cell size cancels, so one strength serves every grid spacing.  Each step ends
    with a little diffusion, for rounded hillslopes.

    Args:
        heights: elevations in metres, shape (rows, cols); the edge is a fixed base level.
        uplift: rise in metres a step, same shape.
        strength: K times the time step, at least 0.
        steps: number of steps, at least 0.

    Returns:
        Eroded elevations in metres, same shape.
    """
    for _ in range(steps):
        raised = heights.copy()
        raised[1:-1, 1:-1] += uplift[1:-1, 1:-1]
        level, receiver, order = flood(raised)
        area = [1] * len(level)
        for cell in reversed(order):
            if receiver[cell] != cell:
                area[receiver[cell]] += area[cell]
        power: list[float] = (strength * np.sqrt(np.array(area, dtype=np.float64))).tolist()
        for cell in order:
            cut = power[cell]
            if receiver[cell] != cell:
                level[cell] = (level[cell] + cut * level[receiver[cell]]) / (1.0 + cut)
        heights = np.array(level).reshape(heights.shape)
        middle = heights[1:-1, 1:-1]
        around = heights[:-2, 1:-1] + heights[2:, 1:-1] + heights[1:-1, :-2] + heights[1:-1, 2:]
        heights[1:-1, 1:-1] = middle + 0.06 * (around - 4.0 * middle)
    return heights


def landscape(rng: np.random.PCG64, rows: int, cols: int, height: float, rough: float) -> Heights:
    """Make eroded land, from plains to mountains, without measurement noise.

    Valleys are cut on coarse grids, each twice as fine as the last; below the finest grid that
    is eroded, detail grows with the local slope, so steep ground is rough and plains are smooth.

    Args:
        rng: source of draws.
        rows: number of rows, at least 16.
        cols: number of columns, at least 16.
        height: scale of the relief in metres, above 0; peaks stand two or three times as high.
        rough: detail as a share of the local slope, about 0.05 to 0.3.

    Returns:
        Elevations in metres above an arbitrary datum, shape (rows, cols).
    """
    levels = max(3, (max(rows, cols) // 96).bit_length())
    size = [((n - 2) >> levels) + 2 + 2 * MARGIN for n in (rows, cols)]
    uplift = np.maximum(fractal(rng, size[0], size[1], 4, 0.55) + 1.0, 0.25) * (height / 60.0)
    heights = 0.5 * height * (fractal(rng, size[0], size[1], 4, 0.6) + 3.0)
    heights = erode(heights, uplift, 0.08, 25)
    detail = 0.08 * height
    for _ in range(levels):
        heights, uplift = double(heights), double(uplift)
        heights += (rough * slope(heights) + detail) * bell(rng, *heights.shape)
        detail *= 0.38
        if heights.size <= ERODED_CELLS:
            heights = erode(heights, 0.6 * uplift, 0.08, 3)
    # The edge is a fixed base level, so the outermost cells do not look like land.
    skip = MARGIN << levels
    return heights[skip : skip + rows, skip : skip + cols]


def noise(rng: np.random.PCG64, rows: int, cols: int) -> Heights:
    """Draw measurement noise that neighbours share, as sensors and resampling leave it.

    Returns:
        Values of mean 0 and standard deviation 1, shape (rows, cols).
    """
    white = bell(rng, rows + 1, cols + 1)
    return (white[:-1, :-1] + white[:-1, 1:] + white[1:, :-1] + white[1:, 1:]) / 2.0


def lakes(
    heights: Heights, rng: np.random.PCG64, depth: float, step: int = 1
) -> tuple[Heights, npt.NDArray[np.bool_]]:
    """Warp the ground into hollows and fill each with water up to where it spills.

    Args:
        heights: elevations in metres, shape (rows, cols), each at least 3 * step.
        rng: source of draws.
        depth: scale of the hollows in metres, at least 0.
        step: cells from one cell of the flooded grid to the next, at least 1.

    Returns:
        Elevations with level water at whole metres, and where the water is, both (rows, cols).
    """
    rows, cols = heights.shape
    land = heights + depth * fractal(rng, rows, cols, max(rows, cols).bit_length() - 4, 0.45)
    coarse = land[::step, ::step]
    level = np.array(flood(coarse)[0]).reshape(coarse.shape)
    # Cells of one lake share its level to the last bit; puddles are left dry.
    lasting = np.isin(level, level[level - coarse > 0.3 * depth]) & (level > coarse)
    surface = np.where(lasting, np.floor(level), -np.inf)
    # Shores run between the cells that were flooded: offer each lake its neighbours too.
    tall = np.pad(surface, 1, constant_values=-np.inf)
    tall = np.maximum(np.maximum(tall[:-2], tall[1:-1]), tall[2:])
    surface = np.maximum(np.maximum(tall[:, :-2], tall[:, 1:-1]), tall[:, 2:])
    surface = surface.repeat(step, axis=0).repeat(step, axis=1)[:rows, :cols]
    return np.maximum(land, surface), land < surface


def sea(heights: Heights, share: float) -> Heights:
    """Drown the lowest ground: sea at 0 m over about ``share`` (0 to 1) of the cells."""
    ordered = np.sort(heights, axis=None)
    level = float(ordered[int(share * (ordered.size - 1))])
    above: Heights = np.maximum(heights - level, 0.0)
    return above


def terraces(heights: Heights, step: float) -> Heights:
    """Round elevations down to a multiple of ``step`` (metres, above 0)."""
    return np.floor(heights / step) * step


def voids(rng: np.random.PCG64, rows: int, cols: int) -> npt.NDArray[np.bool_]:
    """Choose the samples that were not measured: ragged holes and a speckle.

    Returns:
        True where there is no data, a few per cent of an array of shape (rows, cols).
    """
    holes = fractal(rng, rows, cols, 5, 0.6) > 2.2
    return holes | (np.abs(bell(rng, rows, cols)) > 2.6)


def whole(heights: Heights, dtype: str = "int16") -> Samples:
    """Round to whole units, shape unchanged; raises ValueError if one does not fit."""
    rounded = np.rint(heights)
    limits = np.iinfo(dtype)
    if rounded.min() < limits.min or rounded.max() > limits.max:
        raise ValueError(f"elevations do not fit in {dtype}")
    return rounded.astype(dtype)


def centimetres(heights: Heights) -> Samples:
    """Round metres to centimetres: float32 values that are exactly float32(k / 100)."""
    return (np.rint(heights * 100.0) / 100.0).astype(np.float32)


def relief(rows: int, cols: int, seed: int) -> Samples:
    """Make relief like a one-arc-second radar tile: valleys, plains, lakes and noise.

    Args:
        rows: number of rows, at least 32.
        cols: number of columns, at least 32.
        seed: any integer that is at least 0.

    Returns:
        Elevations in whole metres, int16, shape (rows, cols).
    """
    rng = np.random.PCG64(seed)
    size = max(rows, cols)
    land = landscape(rng, rows, cols, 1000.0 * float(np.sqrt(size / 3600.0)), 0.11)
    land, water = lakes(land, rng, 0.008 * size, max(size // 450, 1))
    return whole(np.where(water, land, land + 0.8 * noise(rng, rows, cols)))


def lidar(rows: int, cols: int, seed: int) -> Samples:
    """Make a metre-spaced surface in centimetres: gullies, a few flat roofs, little noise."""
    rng = np.random.PCG64(seed)
    land = landscape(rng, rows, cols, 6.0, 0.04) + 200.0
    roofs = np.asarray(rng.random_raw(32)).reshape(8, 4) >> 16
    for draw in roofs:
        row, col = int(draw[0]) % rows, int(draw[1]) % cols
        part = land[row : row + 8 + int(draw[2]) % 12, col : col + 8 + int(draw[3]) % 12]
        part[...] = part.max() + 6.0
    return centimetres(land + 0.015 * noise(rng, rows, cols))


def coast(rows: int, cols: int, seed: int) -> Samples:
    """Make hills that run down to a sea of constant 0 m."""
    rng = np.random.PCG64(seed)
    land = landscape(rng, rows, cols, 220.0, 0.12)
    return whole(sea(land + 0.5 * noise(rng, rows, cols), 0.4))


def stepped(rows: int, cols: int, seed: int) -> Samples:
    """Make terraced slopes in uint8: only multiples of 4 m occur."""
    land = landscape(np.random.PCG64(seed), rows, cols, 80.0, 0.05)
    return whole(terraces(np.minimum(land - land.min(), 255.0), 4.0), "uint8")


def holed(rows: int, cols: int, seed: int) -> Samples:
    """Make mountains with unmeasured holes and speckle, marked -32768."""
    samples = relief(rows, cols, seed)
    samples[voids(np.random.PCG64(seed + 1), rows, cols)] = NODATA
    return samples


def lakeland(rows: int, cols: int, seed: int) -> Samples:
    """Make low hills with many lakes, in whole decimetres."""
    rng = np.random.PCG64(seed)
    land, water = lakes(landscape(rng, rows, cols, 40.0, 0.1), rng, 12.0)
    return whole(10.0 * np.where(water, land, land + 0.15 * noise(rng, rows, cols)))


MAKERS: dict[str, Callable[[int, int, int], Samples]] = {
    function.__name__: function for function in (relief, lidar, coast, stepped, holed, lakeland)
}


def write(path: Path, samples: Samples, entry: Mapping[str, Any]) -> None:
    """Write one band of samples, shape (rows, cols), as a DEFLATE GeoTIFF.

    The entry has the keys of a ``[[raster]]`` of the manifest; only ``crs`` and ``transform``
    (the affine terms a to f, in CRS units) must be there.
    """
    profile = {"driver": "GTiff", "count": 1, "compress": "deflate", "zlevel": 9}
    profile |= {"height": samples.shape[0], "width": samples.shape[1], "dtype": samples.dtype.name}
    profile |= {"crs": entry["crs"], "transform": Affine(*entry["transform"])}
    profile |= {"nodata": entry.get("nodata"), "predictor": 3 if samples.dtype.kind == "f" else 2}
    with rasterio.open(path, "w", **profile) as out:
        out.write(samples, 1)
        out.update_tags(**entry.get("tags", {}))
        out.update_tags(1, **entry.get("band_tags", {}))
        out.set_band_unit(1, entry.get("unit", "m"))
        out.set_band_description(1, entry.get("description", "elevation"))
        if "scale" in entry:
            out.scales, out.offsets = (entry["scale"],), (entry["offset"],)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Make the synthetic rasters of the corpus.")
    parser.add_argument("--output", type=Path, default=HERE, help="folder for the small rasters")
    parser.add_argument("--relief", nargs=4, metavar=("ROWS", "COLS", "SEED", "OUT.tif"))
    options = parser.parse_args(arguments)
    if options.relief:
        rows, cols, seed = (int(text) for text in options.relief[:3])
        place = {"crs": "EPSG:4326", "transform": [1 / 3600, 0.0, 7.0, 0.0, -1 / 3600, 47.0]}
        write(Path(options.relief[3]), relief(rows, cols, seed), place)
        return 0
    manifest = tomllib.loads((HERE / "MANIFEST.toml").read_text(encoding="utf-8"))
    options.output.mkdir(parents=True, exist_ok=True)
    for entry in manifest["raster"]:
        path = options.output / entry["file"]
        write(path, MAKERS[entry["make"]](entry["rows"], entry["cols"], entry["seed"]), entry)
        print(path.name, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    return 0


if __name__ == "__main__":
    sys.exit(main())
