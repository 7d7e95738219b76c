"""Pictures as files, from a raster's name to a picture's."""

from collections.abc import Sequence
from pathlib import Path

from demzip.errors import OptionsError
from demzip.io.checks import Progress, every
from demzip.io.files import PathLike, naming
from demzip.io.residuals import check_predictors, open_residuals
from demzip.io.terrain import open_terrain
from demzip.plots.figure import DPI, save
from demzip.plots.maps import draw_elevation, draw_relief
from demzip.plots.residuals import draw_histogram, draw_residuals
from demzip.terrain.relief import Light

RESIDUALS = ("residuals", "histogram")
LEAST_DPI, MOST_DPI = 30, 1200
KINDS = (*RESIDUALS, "hillshade", "elevation")


def check_kind(kind: str, predictors: Sequence[str]) -> str:
    """Return `kind` if it can be drawn.

    Raises:
        OptionsError: It cannot, or needs no predictors, or a predictor is unknown.

    """
    if kind not in KINDS:
        raise OptionsError(f"unknown kind of picture {kind!r}; choose among {', '.join(KINDS)}")
    if kind in RESIDUALS:
        check_predictors(predictors)
    elif predictors:
        raise OptionsError(f"a picture of the {kind} has no predictors; leave --predictor out")
    return kind


def draw(
    src: PathLike,
    dst: Path,
    kind: str,
    *,
    predictors: Sequence[str] = (),
    light: Light | None = None,
    band: int = 1,
    jobs: int = 1,
    overwrite: bool = False,
    dpi: int = DPI,
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Draw a raster.

    Args:
        src: A .dz file, or whatever rasterio opens.
        dst: A .png or .svg, see check_picture.
        kind: One of KINDS.
        predictors: Whose residuals are drawn.
        light: Of a hillshade.
        band: Which one, from 1 on.
        jobs: Threads; 0 for one per processor.
        overwrite: Whether an existing file may be replaced.
        dpi: Dots to an inch of a .png, 30 to 1200; a map is some 7 inches wide.
        progress: Called with a stage, the samples done since the last call, and those in all.

    Returns:
        Rows and columns of the raster.

    Raises:
        OptionsError: An argument is illegal, or the output exists.
        UnsupportedError: North is not up, where that matters.
        DemzipError: A file cannot be read or written.

    """
    check_kind(kind, predictors)
    if not LEAST_DPI <= dpi <= MOST_DPI:
        raise OptionsError(f"{dpi} dots to an inch: {LEAST_DPI} to {MOST_DPI} can be drawn (--dpi)")
    with open_terrain(src, band) as terrain, naming(src):
        if kind in RESIDUALS:
            draw_them = draw_residuals if kind == "residuals" else draw_histogram
            with open_residuals(src, band=band, jobs=jobs, progress=progress) as source:
                figure = draw_them(terrain, source, check_predictors(predictors))
        else:
            report = every(progress, "reading", terrain.shape[0] * terrain.shape[1])
            if kind == "hillshade":
                figure = draw_relief(terrain, light or Light(), report)
            else:
                figure = draw_elevation(terrain, report)
        save(figure, dst, src, overwrite=overwrite, dpi=dpi)
        return terrain.shape
