"""The application: its commands, its version, and how errors become one line and an exit code."""

import errno
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

import demzip
from demzip.cli.bench import bench
from demzip.cli.compress import compress
from demzip.cli.console import say
from demzip.cli.decompress import decompress
from demzip.cli.entropy import entropy
from demzip.cli.hillshade import hillshade
from demzip.cli.implicit import implicit
from demzip.cli.info import info
from demzip.cli.interpolation_table import interpolation_table
from demzip.cli.los import los
from demzip.cli.places import PlaceCommand
from demzip.cli.plot import plot
from demzip.cli.profile import profile
from demzip.cli.sample import sample
from demzip.cli.tiles import tiles
from demzip.cli.train_prior import train_prior
from demzip.cli.verify import verify
from demzip.cli.viewshed import viewshed
from demzip.cli.warmup import warmup
from demzip.errors import DemzipError

INTERRUPTED = 130  # what shells report for a command that was stopped with Ctrl-C
TERMINATED = 143


class Group(TyperGroup):
    """Reports errors in one line on stderr and knows what to say to `demzip tile.tif`."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  Typer keeps its context class to itself
        """Run a command; see demzip.errors for the exit codes."""
        if ctx.params.get("debug"):
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except DemzipError as error:
            say(f"error: {error}")
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            say(f"interrupted; {str(error) or 'nothing was written'}")
            raise typer.Exit(INTERRUPTED) from error
        except typer.TyperException as error:
            _usage_error(error, ctx)
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has gone: Typer is quiet
                raise
            say(f"error: {error.filename or 'input or output'}: {error.strerror or error}")
            raise typer.Exit(1) from error
        except MemoryError as error:
            say("error: not enough memory; fewer jobs (-j 1) need less")
            raise typer.Exit(1) from error
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            say(
                f"error: unexpected {type(error).__name__}: {_first_line(error)} "
                "(please report it; DEMZIP_DEBUG=1 shows where)"
            )
            raise typer.Exit(1) from error

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401  as above
        """Find the command, or say which one a file name needs."""
        name = args[0]
        if name not in self.commands and _is_file_name(name):
            command = "info" if Path(name).suffix.lower() == ".dz" else "compress"
            ctx.fail(f"{name!r} is not a command; did you mean: demzip {command} {name}")
        return super().resolve_command(ctx, args)


def _is_file_name(name: str) -> bool:
    return bool(Path(name).suffix) or "/" in name or Path(name).exists()


def _usage_error(error: typer.TyperException, ctx: Any) -> NoReturn:  # noqa: ANN401  as above
    describe = getattr(error, "format_message", None)
    message = describe() if describe else str(error)
    context = getattr(error, "ctx", None)
    # An option without its value does not know its command.
    where = context.command_path if context else f"demzip {ctx.invoked_subcommand or ''}".rstrip()
    say(f"error: {message.rstrip('.')}; see {where} --help")
    raise typer.Exit(getattr(error, "exit_code", 2)) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"demzip {demzip.__version__}")
        raise typer.Exit


app = typer.Typer(
    name="demzip",
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: no import of rich
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", envvar="DEMZIP_DEBUG", hidden=True)] = False,
) -> None:
    """Lossless compression of digital elevation models.

    \b
    demzip compress tile.tif          writes tile.dz, decoded again and compared
    demzip decompress tile.dz         writes tile.tif, every sample and all metadata as before
    demzip entropy tile.tif           what each predictor leaves to code
    demzip sample tile.dz 7.52 46.49  the height of a point; profile, los, viewshed, hillshade, ...

    Exit codes: 0 done, 1 a file cannot be read or written, 2 wrong usage, 3 damaged or different,
    4 not supported, 130 interrupted, 143 terminated.
    """


for command in (
    bench, compress, decompress, entropy, hillshade, info, interpolation_table, plot, tiles,
    train_prior, verify, warmup,
):  # fmt: skip
    app.command()(command)
for question in (los, profile, sample, viewshed):
    app.command(cls=PlaceCommand)(question)
app.add_typer(implicit)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(TERMINATED)  # unwinds, so that temporary files are removed


def _occupy_closed_streams() -> None:
    """Files that are opened later must not take the numbers of standard streams that are closed."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is None:
            os.open(os.devnull, os.O_RDWR)


def main() -> None:
    """Entry point."""
    _occupy_closed_streams()
    signal.signal(signal.SIGTERM, _terminate)
    app(prog_name="demzip")
