"""`-`: rasters from standard input and to standard output."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import demzip
import demzip.codec  # before jit is patched: kernels are set up when they are imported
from demzip.cli.app import app

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def spool(tmp_path_factory, monkeypatch):
    """The folder for temporary files; empty before and after."""
    folder = tmp_path_factory.mktemp("spool")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def pipe(data, *arguments):
    """Run with `data` on standard input."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=data)


@pytest.mark.usefixtures("spool")
def test_from_stdin(tile, packed, run):
    result = pipe(tile.read_bytes(), "compress", "-", "-o", "x.dz")
    assert result.exit_code == 0, result.output
    assert result.stdout_bytes == b""
    assert Path("x.dz").read_bytes() == packed.read_bytes()
    result = pipe(packed.read_bytes(), "decompress", "-", "-o", "x.tif")
    assert result.exit_code == 0
    assert run("verify", packed, "x.tif").exit_code == 0
    result = pipe(packed.read_bytes(), "verify", "-", "tile.tif")
    assert result.exit_code == 0
    assert "standard input: " in result.stderr
    result = pipe(packed.read_bytes(), "info", "-")
    assert result.exit_code == 0
    assert "standard input (format version" in result.stdout


@pytest.mark.usefixtures("spool")
def test_to_stdout(tile, packed, run):
    result = run("compress", tile, "-o", "-")
    assert result.exit_code == 0
    assert result.stdout_bytes == packed.read_bytes()
    assert result.stderr.startswith("demzip: standard output: ")
    result = run("decompress", packed, "-o", "-")
    Path("x.tif").write_bytes(result.stdout_bytes)
    demzip.verify(packed, "x.tif")


@pytest.mark.usefixtures("spool")
def test_through_both(tile, packed, files):
    there = pipe(tile.read_bytes(), "compress", "-", "-o", "-")
    assert there.stdout_bytes == packed.read_bytes()
    back = pipe(there.stdout_bytes, "decompress", "-", "-o", "-")
    Path("x.tif").write_bytes(back.stdout_bytes)
    demzip.verify(packed, "x.tif")
    assert files() == ["tile.dz", "tile.tif", "x.tif"]


@pytest.mark.usefixtures("spool")
@pytest.mark.parametrize(
    ("data", "arguments", "code", "words"),
    [
        (b"text", ("compress", "-", "-o", "x.dz"), 2, "standard input: is not a raster"),
        (b"text", ("decompress", "-", "-o", "-"), 2, "standard input: not a .dz file"),
        (b"", ("info", "-"), 2, "standard input"),
        (b"", ("compress", "-"), 2, "-o"),
        (b"", ("decompress", "-"), 2, "-o"),
        (b"", ("compress", "tile.tif", "-o", "-", "--json"), 2, "--json"),
        (b"", ("entropy", "-"), 2, "standard input"),
        (b"", ("verify", "tile.dz", "-"), 2, "standard input"),
    ],
)
def test_errors_name_the_streams(data, arguments, code, words, tile, files, assert_fails):
    assert tile.exists()
    assert_fails(pipe(data, *arguments), code, words)
    assert files() == ["tile.tif"]


@pytest.mark.usefixtures("spool")
def test_damage_in_a_stream(packed, assert_fails):
    data = bytearray(packed.read_bytes())
    data[-9] ^= 1
    assert_fails(pipe(bytes(data), "verify", "-"), 3, "standard input: block 0")
    assert_fails(pipe(bytes(data), "decompress", "-", "-o", "-"), 3, "standard input: block 0")
    result = pipe(bytes(data), "decompress", "-", "-o", "-", "--salvage", "--fill", "-1")
    assert result.exit_code == 3
    assert "lost: standard input: block 0" in result.stderr
    assert result.stdout_bytes[:4] in (b"II*\0", b"II+\0")


def test_no_folder_for_temporary_files(tile, tmp_path, monkeypatch, assert_fails):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    assert_fails(pipe(tile.read_bytes(), "compress", "-", "-o", "x.dz"), 1, "TMPDIR")


def test_terminals_are_refused(packed):
    main, side = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for arguments, streams, word in [
        (("compress", "tile.tif", "-o", "-"), {"stdout": side}, "> FILE"),
        (("verify", "-"), {"stdin": side}, "< FILE"),
    ]:
        done = subprocess.run(
            [sys.executable, "-m", "demzip", *arguments], stderr=subprocess.PIPE, text=True,
            check=False, env=environment, timeout=300, **streams,
        )  # fmt: skip
        assert done.returncode == 2
        assert "terminal" in done.stderr
        assert word in done.stderr
    os.close(side)
    os.close(main)
    assert packed.exists()


def test_a_reader_that_has_gone_is_no_noise(packed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spool")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "demzip", "decompress", packed, "-o", "-"], stdout=write,
        stderr=subprocess.PIPE, text=True, check=False, timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")
    assert list(folder.iterdir()) == []


STOP = """
import os, signal
import demzip.io.geotiff as module
def stop(*arguments):
    assert os.listdir(os.environ["TMPDIR"])
    os.kill(os.getpid(), signal.{signal})
module.{name} = stop
"""


@pytest.mark.parametrize(("signal", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("compress", "-", "-o", "-"), "check_blocks"),
        (("decompress", "-", "-o", "-", "--salvage"), "GeotiffWriter.write"),
    ],
)
def test_interrupted_streams_leave_nothing(
    arguments, name, signal, status, packed, process, files, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("spool")
    given = packed if arguments[0] == "decompress" else packed.with_suffix(".tif")
    with given.open("rb") as file:
        done = process(*arguments, code=STOP.format(signal=signal, name=name), stdin=file,
                       env={"TMPDIR": str(folder)})  # fmt: skip
    assert (done.returncode, done.stdout) == (status, "")
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []
    assert files() == ["tile.dz", "tile.tif"]


LIMIT = """
import resource
import demzip.codec, demzip.io.geotiff
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
"""


@pytest.mark.skipif(not hasattr(os, "pread"), reason="limits of POSIX")
@pytest.mark.parametrize(
    "arguments",
    [
        ("compress", "tile.tif", "-f"),
        ("compress", "tile.tif", "-o", "-"),
        ("compress", "-", "-o", "x.dz"),
        ("decompress", "tile.dz", "-o", "x.tif"),
        ("decompress", "tile.dz", "-o", "x.tif", "--salvage"),
        ("decompress", "-", "-o", "-"),
    ],
    ids=" ".join,
)
def test_a_full_disk_leaves_nothing(arguments, packed, process, files, tmp_path_factory):
    """A limit on the size of files stands for it."""
    folder = tmp_path_factory.mktemp("spool")
    before = packed.read_bytes()
    given = packed if arguments[0] == "decompress" else packed.with_suffix(".tif")
    with given.open("rb") as file:
        done = process(*arguments, code=LIMIT.format(size=9000), stdin=file,
                       env={"TMPDIR": str(folder)})  # fmt: skip
    assert done.returncode in (1, 3)
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("demzip: error: ")
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []
    assert files() == ["tile.dz", "tile.tif"]
    assert packed.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "pread"), reason="limits of POSIX")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_stream_that_breaks_off_is_an_error(unbuffered, packed, tmp_path_factory):
    """A disk may be full behind standard output, too; what has been written cannot be removed."""
    folder = tmp_path_factory.mktemp("spool")
    code = LIMITED_SEND.format(size=9000)
    with (folder / "out").open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", code, "decompress", packed, "-o", "-"], stdout=file,
            stderr=subprocess.PIPE, text=True, check=False, timeout=300,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "demzip: error: standard output: cannot be written (File too large)\n"


LIMITED_SEND = """
import resource
from demzip.cli import streams
from demzip.cli.app import main
send = streams.Streams.send
def limited(self):
    resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
    send(self)
streams.Streams.send = limited
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("closed", "arguments", "code", "words"),
    [
        ("<&-", ("info", "-"), 2, "standard input is closed"),
        ("<&-", ("info", "tile.dz"), 0, ""),
        (">&-", ("decompress", "tile.dz", "-o", "-"), 2, "standard output is closed"),
        (">&-", ("verify", "tile.dz"), 0, "all checksums are right"),
        ("2>&-", ("compress", "tile.tif", "-f"), 0, ""),
        ("<&- >&- 2>&-", ("decompress", "tile.dz", "-f"), 0, ""),
    ],
)
def test_closed_streams(closed, arguments, code, words, packed):
    shell = f'exec "$@" {closed}'
    done = subprocess.run(
        ["/bin/sh", "-c", shell, "sh", sys.executable, "-m", "demzip", *arguments],
        cwd=packed.parent, capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == code
    assert words in done.stderr
    assert "unexpected" not in done.stderr
    assert done.stderr.count("\n") <= 1
