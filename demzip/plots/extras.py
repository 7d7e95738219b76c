"""What pictures need beyond demzip itself, and names of their files."""

from importlib.util import find_spec
from pathlib import Path

from demzip.errors import OptionsError
from demzip.io.files import PathLike, check_output

FORMATS = (".png", ".svg")


def check_picture(
    path: Path, src: PathLike, *, overwrite: bool, option: str = "--output"
) -> Path:
    """Return `path` if a picture can be drawn and written there; call it before the work.

    Args:
        path: Its suffix says what to draw.
        src: The input, which must not be the output.
        overwrite: Whether an existing file may be replaced.
        option: That names the path.

    Raises:
        OptionsError: Its suffix is unknown, it exists, or Matplotlib is not installed.
        DemzipError: Its folder does not exist.

    """
    if path.suffix.lower() not in FORMATS:
        raise OptionsError(f"{option} {path}: its name must end in {' or '.join(FORMATS)}")
    check_output(path, src, overwrite=overwrite)
    if find_spec("matplotlib") is None:
        raise OptionsError(
            "matplotlib cannot be imported; pip install 'demzip[plot]' installs what pictures need"
        )
    return path
