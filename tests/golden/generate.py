"""Write the golden files and their manifest: python -m tests.golden.generate.

Files of a released format version are never written again: their purpose is to be decoded by every
later release. Run this only before a format version is first released, or for new files.
"""

import hashlib
import io
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import demzip
from demzip.codec import PlaneSource, RasterEncoder
from demzip.codec.best import AdaptivePlan
from demzip.codec.neural import NeuralEncoder
from demzip.codec.plane import PlaneEncoder
from demzip.container.plane import MASK
from demzip.options import EncodeOptions
from demzip.raster.georeference import Band, Georeference
from demzip.scan.neural.model import NeuralModel
from demzip.scan.neural.network import Network, shift_of
from demzip.scan.neural.shipped import shipped
from tests.golden.formulas import FILES, Recipe

FOLDER = Path(__file__).parent
GEOREFERENCE = Georeference(
    'LOCAL_CS["golden"]', (30.0, 0.0, 500.0, 0.0, -30.0, 9000.5),
    tags={"": {"AREA_OR_POINT": "Point"}},
    bands=(Band(None, "m", "made up", 0.5, -3.0, "gray", {"": {"note": "Ünïcode"}}),),
)  # fmt: skip




def little(values: NDArray[np.generic]) -> bytes:
    """Row by row, little-endian."""
    return values.astype(values.dtype.newbyteorder("<")).tobytes()


def digest(data: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(data).hexdigest()


def mask_of(recipe: Recipe) -> NDArray[np.uint8]:
    """The mask of the dataset, which must have one."""
    assert recipe.mask is not None
    return np.array(recipe.mask(), np.uint8)


def file_of(name: str, recipe: Recipe) -> bytes:
    """A golden file."""
    values = recipe.values()
    if recipe.mask is None and recipe.network is None:
        georeference = GEOREFERENCE if name == "centimetres" else None
        return demzip.encode(
            values, nodata=recipe.nodata, georeference=georeference, **recipe.options
        )
    planes = values if values.ndim == 3 else values[None]
    bands = tuple(Band(recipe.nodata, description=f"band {k}") for k in range(len(planes)))
    sources = [
        PlaneSource(partial(_window, band), values.dtype.name, recipe.nodata) for band in planes
    ]
    if recipe.mask is not None:
        sources.append(PlaneSource(partial(_window, mask_of(recipe)), "uint8", role=MASK))
    about = replace(GEOREFERENCE, bands=bands, mask=recipe.mask is not None)
    options = EncodeOptions(**recipe.options)
    if recipe.network is not None:
        options = replace(options, predictor="neural")
    encoder = RasterEncoder(sources, (values.shape[-2], values.shape[-1]), about, options)
    plan = encoder.plan(options.predictor)
    if recipe.network is not None:
        plan = encoder.put_together([_with_network(encoder.planes[0], *recipe.network())])
    out = io.BytesIO()
    encoder.write(out, plan)
    return out.getvalue()


def _with_network(plane: PlaneEncoder, number: int, network: Network) -> AdaptivePlan:
    """The weights of `--best`, and a network."""
    assert isinstance(plane, NeuralEncoder)
    plain, _ = plane.best.plans("lagrange24", plane.best.survey(1))
    base = shipped(number) if number else None
    weights, thresholds = plain.model.weights, plain.model.thresholds
    model = NeuralModel(weights, thresholds, number, network, shift_of(network, base))
    return AdaptivePlan("neural", model)


def _window(values: NDArray[np.generic], rows: slice, cols: slice) -> NDArray[np.generic]:
    return values[rows, cols]


def main() -> int:
    """Write everything; the exit code."""
    lines = ["# Files of format version 4, written by tests/golden/generate.py."]
    for name, recipe in FILES.items():
        values, data = recipe.values(), file_of(name, recipe)
        (FOLDER / f"{name}.dz").write_bytes(data)
        lines += [
            "",
            "[[file]]",
            f'name = "{name}.dz"',
            f'sha256 = "{digest(data)}"',
            f'dtype = "{values.dtype.name}"',
            f"shape = [{', '.join(map(str, values.shape))}]",
            f'values_sha256 = "{digest(little(values))}"',
        ]
        if recipe.mask is not None:
            lines.append(f'mask_sha256 = "{digest(little(mask_of(recipe)))}"')
    (FOLDER / "MANIFEST.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
