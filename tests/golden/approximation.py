"""Write the golden approximation: python -m tests.golden.approximation.

Nobody trained its network: weights are scrambled numbers, as in tests/golden/formulas.py.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demzip.codec.approximation import ApproximateSurface
from demzip.container.approximation import Errors
from demzip.raster.georeference import Band, Georeference
from demzip.scan.implicit.surface import Layer, Surface
from tests.golden.formulas import noise

FILE = Path(__file__).parent / "approximate" / "scrambled.dz"
GEOREFERENCE = Georeference(
    'LOCAL_CS["golden"]', (30.0, 0.0, 500.0, 0.0, -30.0, 9000.5),
    bands=(Band(-32768.0, "m", "made up"),),
)  # fmt: skip


def scrambled(row: int, shape: tuple[int, int], size: int) -> NDArray[np.int64]:
    """Numbers from -size to size."""
    cells = [
        [noise(row + r, c, 2 * size + 1) - size for c in range(shape[1])] for r in range(shape[0])
    ]
    return np.array(cells, np.int64)


def approximation() -> ApproximateSurface:
    """What the file holds."""
    hidden = (
        Layer(scrambled(100, (6, 11), 700), 11),
        Layer(scrambled(200, (6, 7), 800), 10),
        Layer(scrambled(300, (6, 7), 900), 10),
    )
    surface = Surface(
        scrambled(1, (5, 2), 40), hidden, scrambled(400, (1, 7), 500)[0], 31000, 4001, 16, 20000,
        45000, 57,
    )  # fmt: skip
    return ApproximateSurface((41, 57), -7, surface, Errors(2300, 1.5, 2.25, 19.0), GEOREFERENCE)


def main() -> int:
    """Write it; the exit code."""
    FILE.write_bytes(approximation().to_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
