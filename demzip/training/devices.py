"""Where networks are trained; JAX is imported when the first one is."""

from typing import TYPE_CHECKING

from demzip.errors import DemzipError, OptionsError
from demzip.options import check_device

if TYPE_CHECKING:
    import jax


def need_jax() -> None:
    """See that networks can be trained at all.

    Raises:
        DemzipError: JAX, Flax or Optax is missing; the message says how to get them.

    """
    try:
        import flax  # noqa: F401, PLC0415  Flax brings Optax; decoding must not wait for either
        import jax  # noqa: F401, PLC0415  as above
        import optax  # noqa: F401, PLC0415  as above
    except ImportError as error:
        raise DemzipError(
            f"training a network needs JAX and Flax ({error}): pip install demzip[neural]"
        ) from error


def pick_device(name: str) -> "jax.Device":
    """The device that a name of options.DEVICES stands for.

    Args:
        name: "auto" takes a GPU where JAX has one.

    Raises:
        OptionsError: There is no such device.
        DemzipError: JAX is missing.

    """
    check_device(name)
    need_jax()
    import jax  # noqa: PLC0415  see need_jax

    try:
        found: list[jax.Device] = jax.devices(None if name == "auto" else name)
    except RuntimeError as error:
        raise OptionsError(
            f"device {name!r}: JAX finds none here; take auto or cpu"
        ) from error
    return found[0]
