"""demzip train-prior."""

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demzip.cli.console import Force, data, say, say_if_first_run
from demzip.cli.fitting import Device
from demzip.errors import OptionsError

if TYPE_CHECKING:
    from demzip.scan.neural.network import Network
    from demzip.training.ground import Part

LINES = 20  # that tell how training goes
LANES = 16
TINY = 1e-4  # bits below which a raster is not told from another


def train_prior(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Every raster below it is trained on.")
    ],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Network to write.")
    ],
    steps: Annotated[int, typer.Option(metavar="N", help="Steps of training.")] = 60_000,
    width: Annotated[
        int,
        typer.Option(
            metavar="W",
            help="Units of the first hidden layer, a multiple of 16 up to 112; the second has half "
            "as many.",
        ),
    ] = 64,
    held_out: Annotated[
        list[str] | None,
        typer.Option(
            "--held-out",
            "--exclude",
            metavar="NAME",
            help="Raster, by its file name without suffix, that is measured but not trained on; "
            "may be repeated.",
        ),
    ] = None,
    every_third: Annotated[
        bool, typer.Option("--every-third", help="Hold out every third raster, from the first on.")
    ] = False,
    seed: Annotated[int, typer.Option(metavar="S", help="Of all that is drawn.")] = 0,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Train a network for all rasters.

    Networks that come with demzip, with which `neural` begins, are made so.
    Bands on a grid are trained on as they are, turned, divided and thinned out, others rounded to
    several grids. The same command writes the same network, on the same machine. Needs pip install
    'demzip[neural]'.

    \b
    demzip train-prior rasters/ -o network.bin --every-third
    """
    from demzip.io.files import replacing
    from demzip.training.devices import pick_device
    from demzip.training.fitting import CHUNK
    from demzip.training.ground import PLAIN
    from demzip.training.prior import PriorOptions
    from demzip.training.prior import train_prior as train

    second = -(-width // (2 * LANES)) * LANES
    options = PriorOptions(steps=steps, widths=(width, second), seed=seed, device=device)
    pick_device(device)
    say_if_first_run()
    with replacing(output, folder, overwrite=force) as temporary:
        trained, measured = _parts(folder, set(held_out or ()), seed, every_third=every_third)
        count = sum(len(part.examples.sample) for part in trained)
        say(f"{len(trained)} pieces of ground, {count} samples")

        def progress(done: int, bits: float) -> None:
            if done % max(steps // LINES, 1) < CHUNK or done == steps:
                say(f"step {done} of {steps}: {bits:.4f} bits per elevation")

        network = train(trained, options, progress)
        written = network.to_bytes()
        temporary.write_bytes(written)
    _report("trained on", network, [part for part in trained if part.variant == PLAIN])
    _report("held out", network, measured)
    data(f"{hashlib.sha256(written).hexdigest()}  {output}")


def _parts(
    folder: Path, held_out: set[str], seed: int, *, every_third: bool
) -> tuple[list["Part"], list["Part"]]:
    """What is trained on, and what is held out."""
    from demzip.io.ground import find_files, read_ground
    from demzip.training.ground import parts_of

    trained: list[Part] = []
    measured: list[Part] = []
    missing = set(held_out)
    number = 0
    for path in find_files(folder):
        bands = list(read_ground(path, lambda text: say(f"note: {text}")))
        out = path.stem in held_out or (every_third and number % 3 == 0)
        number += bool(bands)
        missing -= {path.stem}
        for ground in bands:
            (measured if out else trained).extend(parts_of(ground, seed, changed=not out))
    if missing:
        raise OptionsError(f"{folder}: there is no {', '.join(sorted(missing))} to hold out")
    if not trained:
        raise OptionsError(f"{folder}: no raster is in it that could be trained on")
    return trained, measured


def _report(what: str, network: "Network", parts: list["Part"]) -> None:
    """Say how many bits the network takes for some parts."""
    from demzip.training.prior import mean_bits

    found = [(part.name, mean_bits(network, part.examples)) for part in parts]
    for name, bits in found:
        say(f"{what}: {name} {bits:.4f} bits per elevation")
    if found:
        mean = math.exp(sum(math.log(max(bits, TINY)) for _, bits in found) / len(found))
        say(f"{what}: {len(found)} rasters, geometric mean {mean:.4f} bits per elevation")
