"""Write the golden files and their manifest: python -m tests.golden.generate.

Files of a released format version are never written again: their purpose is to be decoded by every
later release. Run this only before a format version is first released, or for new files.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

import demzip
from demzip.raster.georeference import Band, Georeference
from tests.golden.formulas import FILES

FOLDER = Path(__file__).parent
GEOREFERENCE = Georeference(
    'LOCAL_CS["golden"]', (30.0, 0.0, 500.0, 0.0, -30.0, 9000.5),
    tags={"": {"AREA_OR_POINT": "Point"}},
    bands=(Band(None, "m", "made up", 0.5, -3.0, "gray", {"": {"note": "Ünïcode"}}),),
)  # fmt: skip


def main() -> int:
    """Write everything; the exit code."""
    lines = ["# Files of format version 1, written by tests/golden/generate.py."]
    for name, (dtype, nodata, options, make) in FILES.items():
        values = np.array(make(), dtype)
        georeference = GEOREFERENCE if name == "centimetres" else None
        data = demzip.encode(
            values, nodata=nodata, georeference=georeference, **options  # type: ignore[arg-type]
        )
        (FOLDER / f"{name}.dz").write_bytes(data)
        little = values.astype(values.dtype.newbyteorder("<")).tobytes()
        lines += [
            "",
            "[[file]]",
            f'name = "{name}.dz"',
            f'sha256 = "{hashlib.sha256(data).hexdigest()}"',
            f'dtype = "{dtype}"',
            f"shape = [{values.shape[0]}, {values.shape[1]}]",
            f'values_sha256 = "{hashlib.sha256(little).hexdigest()}"',
        ]
    (FOLDER / "MANIFEST.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
