"""Local files: ranges of a .dz file, outputs that appear whole or not at all, default names."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from demzip.closing import Closing
from demzip.container.layout import MAGIC
from demzip.errors import DemzipError, OptionsError, UnsupportedError

PathLike = str | os.PathLike[str]

SIDECARS = (".aux.xml", ".ovr", ".msk")  # files in which GDAL looks for more about a raster


def reason(error: OSError) -> str:
    """What the operating system says, without number and path."""
    return error.strerror or str(error)


def is_remote(path: PathLike) -> bool:
    """Whether a name is a URL or one of GDAL's virtual file systems."""
    name = os.fspath(path)
    return "://" in name or name.startswith("/vsi")


def is_dz(name: str) -> bool:
    """Whether a name is that of a local file that begins as .dz files do."""
    if is_remote(name) or not os.path.isfile(name):  # noqa: PTH113  may be a whole VRT
        return False
    with FileRanges(name) as file:
        return file.read(0, len(MAGIC)) == MAGIC


@contextmanager
def naming(path: PathLike) -> Iterator[None]:
    """Put the file's name in front of what the codec says about it."""
    prefix = f"{os.fspath(path)}: "
    try:
        yield
    except DemzipError as error:
        if str(error).startswith(prefix):
            raise
        raise type(error)(prefix + str(error)) from error
    except MemoryError as error:
        raise DemzipError(f"{prefix}not enough memory") from error


class FileRanges(Closing):
    """Reads ranges of a local file, from any number of threads at once.

    Attributes:
        path: Of the file.
        size: In bytes, when it was opened.

    """

    def __init__(self, path: PathLike) -> None:
        if is_remote(path):
            raise UnsupportedError(f"{path}: .dz files are read from local disks; copy it first")
        self.path = Path(path)
        try:
            if self.path.is_dir():
                raise DemzipError(f"{path}: is a folder, not a file")
            self._file = self.path.open("rb", buffering=0)
            self.size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise DemzipError(f"{path}: cannot be opened ({reason(error)})") from error
        except ValueError as error:  # a zero byte in the name
            raise DemzipError(f"{path!r}: cannot be opened ({error})") from error
        self._lock = Lock()

    def read(self, offset: int, size: int) -> bytes:
        """Bytes offset .. offset + size - 1, fewer at the end of the file."""
        size = max(min(size, self.size - offset), 0)  # a damaged index may ask for petabytes
        parts = []
        try:
            while size > 0:
                part = self._read(offset, size)
                if not part:
                    break
                parts.append(part)
                offset, size = offset + len(part), size - len(part)
        except OSError as error:
            raise DemzipError(f"{self.path}: cannot be read ({reason(error)})") from error
        except ValueError as error:
            raise OptionsError(f"{self.path}: the file has been closed") from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), size, offset)
        with self._lock:  # one position for all threads
            self._file.seek(offset)
            return self._file.read(size) or b""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def closed(self) -> bool:
        """Whether the file has been closed."""
        return self._file.closed


def output_path(src: PathLike, dst: PathLike | None, suffix: str) -> Path:
    """Where a result goes: `dst`, or the input's name with another suffix.

    The result of a local file lies beside it, that of a remote one in the working folder.
    """
    if dst is not None:
        if os.fspath(dst) == "-" or is_remote(dst):
            raise OptionsError(f"output {dst}: only local files can be written")
        return Path(dst)
    source = Path(src)
    if not source.name or source.is_dir():
        raise DemzipError(f"{src}: is a folder, not a file")
    if is_remote(src):
        return Path(source.name.split("?")[0]).with_suffix(suffix)
    if not source.exists() and ":" in source.name:
        raise OptionsError(f"{src}: give the output a name (-o on the command line)")
    return source.with_suffix(suffix)


def check_output(dst: Path, src: PathLike, *, overwrite: bool) -> None:
    """Refuse outputs that would destroy something.

    Raises:
        OptionsError: `dst` exists and may not be overwritten, or is the input or no plain file.
        DemzipError: Its folder does not exist.

    """
    try:
        if dst.is_dir():
            raise OptionsError(f"{dst}: is a folder; give the output a file name")
        if dst.exists():
            if not dst.is_file():
                raise OptionsError(f"{dst}: is not an ordinary file")
            if os.path.exists(src) and dst.samefile(src):  # noqa: PTH110  src may be a URL
                raise OptionsError(f"{dst}: output and input are the same file")
            if not overwrite:
                raise OptionsError(
                    f"{dst}: exists already; -f (in Python overwrite=True) replaces it"
                )
        elif not dst.parent.is_dir():
            raise DemzipError(f"{dst}: cannot be written (there is no folder {dst.parent})")
    except OSError as error:
        raise DemzipError(f"{dst}: cannot be written ({reason(error)})") from error


@contextmanager
def filling(folder: Path) -> Iterator[None]:
    """Make a folder, with those above it; remove what was made if nothing came into it.

    Raises:
        DemzipError: It cannot be made.

    """
    try:
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DemzipError(f"{folder}: cannot be made ({reason(error)})") from error
    try:
        yield
    finally:
        with suppress(OSError):  # one that is not empty stays
            for path in made:
                path.rmdir()


@contextmanager
def replacing(dst: Path, src: PathLike, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary file in the folder of `dst` that takes its place when all went well.

    The file is made at once, so that an unwritable folder is noticed before the work.

    Raises:
        OptionsError: See check_output.
        DemzipError: The folder cannot be written to.

    """
    check_output(dst, src, overwrite=overwrite)
    final = dst.resolve()  # a link stays one, and what it points at is replaced
    temporary = final.with_name(f".demzip-{secrets.token_hex(6)}.tmp")
    try:
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise DemzipError(f"{dst}: cannot be written ({reason(error)})") from error
    try:
        yield temporary
        _put_in_place(temporary, final, dst, src, overwrite=overwrite)
    finally:
        beside = (Path(f"{temporary}{suffix}") for suffix in SIDECARS)
        for name in (temporary, temporary.with_suffix(".IMD"), *beside):
            with suppress(OSError):
                name.unlink(missing_ok=True)


def _put_in_place(
    temporary: Path, final: Path, dst: Path, src: PathLike, *, overwrite: bool
) -> None:
    try:
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        check_output(dst, src, overwrite=overwrite)  # another process may have been faster
        existed = final.exists()
        temporary.replace(final)
        if existed:  # what GDAL kept beside the old raster would be taken for the new one's
            for suffix in SIDECARS:
                Path(f"{final}{suffix}").unlink(missing_ok=True)
    except OSError as error:
        raise DemzipError(f"{dst}: cannot be written ({reason(error)})") from error
