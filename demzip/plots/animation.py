"""A network as it is trained: shaded snapshots, one after the other, as a GIF or a film."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from demzip.errors import DemzipError, OptionsError
from demzip.io.checks import Progress, every
from demzip.io.files import PathLike, check_output, reason, replacing
from demzip.io.region import cell_sizes
from demzip.io.source import detail, gdal_limits, open_raster
from demzip.surface.shading import ALTITUDE, AZIMUTH, hillshade

Frame = NDArray[np.uint8]

SUFFIXES = (".gif", ".mp4")
MIN_RATE = 0.1  # frames a second
MAX_RATE = 50.0  # GIFs count hundredths of a second, and viewers slow down below two


def animate(
    folder: PathLike,
    dst: PathLike,
    *,
    rate: float = 5.0,
    azimuth: float = AZIMUTH,
    altitude: float = ALTITUDE,
    multidirectional: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> int:
    """Make a GIF or a film of the snapshots that `fit_implicit` left.

    Args:
        folder: With GeoTIFFs step-*.tif of one size; their names' order is that of the frames.
        dst: The file: .gif, which needs Pillow, or .mp4, which needs ffmpeg.
        rate: Frames a second, 0.1 to 50.
        azimuth: Of the light; see demzip.surface.shading.hillshade.
        altitude: As azimuth.
        multidirectional: As azimuth.
        overwrite: Whether an existing file may be replaced.
        progress: Called with a stage, the frames done since the last call, and those in all.

    Returns:
        The number of frames.

    Raises:
        OptionsError: An argument is illegal, there are no snapshots, or the output exists.
        DemzipError: Pillow or ffmpeg is missing, or a file cannot be read or written.

    """
    path = Path(dst)
    if path.suffix.lower() not in SUFFIXES:
        raise OptionsError(f"{path}: an animation is a {' or '.join(SUFFIXES)}")
    if not MIN_RATE <= rate <= MAX_RATE:
        raise OptionsError(
            f"rate {rate}: it must be {MIN_RATE:g} to {MAX_RATE:g} frames a second"
        )
    if not Path(folder).is_dir():
        problem = "is not a folder" if Path(folder).exists() else "there is no such folder"
        raise DemzipError(f"{folder}: {problem}")
    names = sorted(Path(folder).glob("step-*.tif"))
    if not names:
        raise OptionsError(
            f"{folder}: has no snapshots step-*.tif (demzip implicit fit --every --snapshots)"
        )
    report = every(progress, "shading", len(names))

    def frames() -> Iterator[Frame]:
        shape = None
        for name in names:
            frame = _frame(name, azimuth, altitude, multidirectional=multidirectional)
            if shape not in {None, frame.shape}:
                raise OptionsError(f"{name}: has another size than {names[0]}")
            shape = frame.shape
            report(1)
            yield frame

    write = _write_gif if path.suffix.lower() == ".gif" else _write_film
    check_output(path, names[0], overwrite=overwrite)
    with replacing(path, names[0], overwrite=overwrite) as temporary:
        write(path, temporary, frames(), rate)
    return len(names)


def _frame(name: Path, azimuth: float, altitude: float, *, multidirectional: bool) -> Frame:
    with gdal_limits(), open_raster(str(name)) as dataset:
        try:
            heights = dataset.read(1)
        except RasterioError as error:
            raise DemzipError(f"{name}: cannot be read ({detail(error)})") from error
        transform = dataset.transform
        across, down = cell_sizes(heights.shape, transform, dataset.crs)
    return hillshade(
        heights,
        across if transform.a >= 0 else -across,
        down if transform.e <= 0 else -down,
        azimuth=azimuth,
        altitude=altitude,
        multidirectional=multidirectional,
    )


def _write_gif(path: Path, temporary: Path, frames: Iterator[Frame], rate: float) -> None:
    try:
        from PIL import Image  # noqa: PLC0415  an extra
    except ImportError as error:
        raise DemzipError(f"a GIF needs Pillow ({error}): pip install demzip[plot]") from error
    images = (Image.fromarray(frame) for frame in frames)
    try:
        next(images).save(
            temporary, format="GIF", save_all=True, append_images=images, loop=0,
            duration=max(round(100 / rate), 2) * 10,
        )  # fmt: skip
    except OSError as error:
        raise DemzipError(f"{path}: cannot be written ({reason(error)})") from error


def _write_film(path: Path, temporary: Path, frames: Iterator[Frame], rate: float) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        raise DemzipError(f"{path}: a film needs the program ffmpeg; a .gif does not")
    first = next(frames)
    rows, cols = first.shape
    command = [
        program, "-y", "-loglevel", "error", "-f", "rawvideo", "-pixel_format", "gray",
        "-video_size", f"{cols}x{rows}", "-framerate", f"{rate:g}", "-i", "-",
        "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2",  # films of this kind have even sides
        "-pix_fmt", "yuv420p", "-movflags", "faststart", "-f", "mp4", str(temporary),
    ]  # fmt: skip
    with subprocess.Popen(  # noqa: S603  no shell
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        _feed(process, first, frames)
        assert process.stderr is not None
        said = process.stderr.read().decode(errors="replace").strip().splitlines()
    if process.returncode:
        words = said[-1] if said else f"exit code {process.returncode}"
        raise DemzipError(f"{path}: ffmpeg failed ({words})")


def _feed(process: Any, first: Frame, frames: Iterator[Frame]) -> None:  # noqa: ANN401  Popen
    try:
        with process.stdin as pipe:
            pipe.write(first.tobytes())
            for frame in frames:
                pipe.write(frame.tobytes())
    except BrokenPipeError:
        pass  # what it said tells why
    except BaseException:
        process.kill()
        raise
