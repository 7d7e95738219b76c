"""Every command and every golden file, on any machine: python smoke.py CHECKOUT PACKAGE [locked].

CHECKOUT has the golden files and the corpus; demzip is imported from the folder PACKAGE. The
working folder takes the outputs. With `locked`, nothing else may be writable. Ends with code 0 if
all is well. A script of its own, without assert statements: it runs under python -OO, too.
"""

import contextlib
import hashlib
import io
import json
import os
import pwd
import sys
import tomllib
from pathlib import Path


def expect(condition: object, what: str) -> None:
    """What assert does."""
    if not condition:
        sys.exit(f"smoke: {what}")


def lock(package: Path) -> None:
    """See that this is the poor machine that it should be."""

    def unknown(_number: int) -> None:
        raise KeyError

    pwd.getpwuid = unknown  # type: ignore[assignment]
    expect(os.path.expanduser("~") == os.environ.get("HOME", "~"), "a home")  # noqa: PTH111
    expect(len(os.sched_getaffinity(0)) == 1, "several processors")
    for folder in (package, Path(os.environ["XDG_CACHE_HOME"]), Path(os.environ["TMPDIR"])):
        try:
            (folder / "probe").touch()
        except OSError:
            continue
        sys.exit(f"smoke: {folder} is writable")


def run(*arguments: str) -> str:
    """A command's standard output."""
    from demzip.cli.app import main  # noqa: PLC0415  after `lock`

    sys.argv = ["demzip", *arguments]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            main()
        except SystemExit as end:
            expect(not end.code, f"{arguments}: exit code {end.code}")
    return out.getvalue()


def golden(folder: Path) -> None:
    """Decode the golden files."""
    import demzip  # noqa: PLC0415

    for entry in tomllib.loads((folder / "MANIFEST.toml").read_text(encoding="utf-8"))["file"]:
        data = (folder / entry["name"]).read_bytes()
        expect(hashlib.sha256(data).hexdigest() == entry["sha256"], f"{entry['name']} has changed")
        values = demzip.decode(data)
        little = values.astype(values.dtype.newbyteorder("<")).tobytes()
        found = (values.dtype.name, list(values.shape), hashlib.sha256(little).hexdigest())
        wanted = (entry["dtype"], entry["shape"], entry["values_sha256"])
        expect(found == wanted, f"{entry['name']}: {found} instead of {wanted}")


def commands(raster: str) -> None:
    """Compress, verify, info, entropy, decompress."""
    import rasterio  # noqa: PLC0415

    run("compress", raster, "-o", "tile.dz", "-f")
    run("verify", "tile.dz")
    run("verify", "tile.dz", raster)
    about = json.loads(run("info", "tile.dz", "--json"))
    expect(about["bytes"] == Path("tile.dz").stat().st_size, "info: the wrong size")
    expect("bits" in run("entropy", raster, "-p", "jpeg4"), "entropy: no table")
    run("decompress", "tile.dz", "-o", "tile.tif", "-f")
    with rasterio.open(raster) as before, rasterio.open("tile.tif") as after:
        expect(before.read().tobytes() == after.read().tobytes(), "decompress: other samples")
        expect(before.profile["dtype"] == after.profile["dtype"], "decompress: another dtype")


def instructions() -> str:
    """Machine code of all kernels that have been compiled."""
    return "".join(
        assembly
        for name, module in list(sys.modules.items())
        if name.startswith("demzip.") and name.endswith(".kernels")
        for value in vars(module).values()
        if hasattr(value, "inspect_asm")
        for assembly in value.inspect_asm().values()
    )


def main() -> None:
    """Run everything."""
    checkout, package = Path(sys.argv[1]), Path(sys.argv[2])
    if sys.argv[3:] == ["locked"]:
        lock(package)
    import demzip  # noqa: PLC0415

    expect(Path(demzip.__file__).parent == package, f"demzip comes from {demzip.__file__}")
    golden(checkout / "tests" / "golden")
    for name in ("terraces_uint8", "lidar_cm_float32"):
        commands(str(checkout / "corpus" / f"{name}.tif"))
    if os.environ.get("NUMBA_CPU_NAME") == "generic":
        found = instructions()
        expect(found, "no compiled kernel")
        expect("ymm" not in found and "vfmadd" not in found, "AVX or FMA in a kernel")


if __name__ == "__main__":
    main()
