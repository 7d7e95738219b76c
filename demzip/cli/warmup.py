"""demzip warmup."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from demzip.cli.console import say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDE = ("int32", "uint32", "int64", "uint64")  # compiled code differs
INTEGERS = ("int8", "uint8", "int16", "uint16", *WIDE)


def warmup() -> None:
    """Compile everything ahead of the first run.

    For container images, and for machines where many short commands start at once.
    """
    import time

    import numpy as np

    from demzip import jit
    from demzip.blocks.grid import BlockBox
    from demzip.codec import decode, encode, open_bytes
    from demzip.errors import CorruptError
    from demzip.scan.neural.observing import examples
    from demzip.scan.survey import Patch
    from demzip.surface import METHODS, Pool, interpolate
    from demzip.surface.shading import hillshade
    from demzip.surface.sight.viewshed import MODELS, Metric, viewshed
    from demzip.terrain.kernels import place_points
    from demzip.training.implicit import flat_surface

    started = time.perf_counter()
    for values, nodata in _rasters():
        for predictor in ("lagrange24", "jpeg4"):
            back = decode(encode(values, predictor=predictor, nodata=nodata))
            if back.tobytes() != values.tobytes():
                raise CorruptError("compiled code does not give samples back on this machine")
    values, _ = next(_rasters())
    decode(encode(values, best=True))
    packed = encode(values, predictor="neural")
    decode(packed)
    model = open_bytes(packed).planes[0].model
    examples(Patch(values.astype("int64"), None, 60, 60), model.weights, model.thresholds)
    flat_surface(0, side=16).draw(BlockBox(0, 0, 0, 16, 16))
    for method in METHODS:
        interpolate(values, 3.3, 4.4, method)
    Pool(values.shape, 16).needed(3.3, 4.4, method)
    hillshade(values, 1.0, 1.0)
    for looking in MODELS:
        viewshed(
            np.zeros((3, 3)), 1, 1, observer=0, target=0, metric=Metric(1, 0, 1), model=looking
        )
    point = np.zeros(1)
    place_points(point, point, np.zeros(6), point.copy(), point.copy())
    seconds = time.perf_counter() - started
    directory = jit.cache_directory()
    if directory is None:
        say("nothing was kept: no folder for compiled code can be written (set XDG_CACHE_HOME)")
    else:
        say(f"compiled code is in {directory} ({seconds:.1f} s)")


def _rasters() -> Iterator[tuple["NDArray[np.generic]", float | None]]:
    """Small rasters and no-data values that between them use every compiled variant.

    Small values are coded in 32 bits and large ones in 64; as they are and as ranks; with and
    without missing samples; on a grid and off.
    """
    import numpy as np

    rows, cols = np.indices((160, 160))
    relief = (rows * cols // 5 + rows * rows // 7 + (rows * 7919 + cols * 104729) % 13) % 120
    for dtype in INTEGERS:
        yield relief.astype(dtype), None
        yield (relief // 2 * 2).astype(dtype), None
    for dtype in WIDE:
        yield (relief * 2**24 + relief % 7).astype(dtype), None
    for large in (relief, relief * 2.0**33 + relief % 7):  # no multiples of a coarse step
        for part in (large, large[:20, :20]):
            values = (part / 4).astype("float64")
            yield values, None
            yield values, float(values[3, 3])
    waves = np.sin(rows / 7.0) * np.cos(cols / 11.0)
    for dtype in ("float32", "float64"):
        values = waves[:40, :40].astype(dtype)
        yield values, None
        yield values, float(values[3, 3])
