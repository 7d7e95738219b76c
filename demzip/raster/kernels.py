"""Which levels of a raster occur."""

from demzip.jit import kernel


@kernel
def mark_levels(numbers, lowest, occurs):
    """Set occurs[number - lowest] for every number; all must lie within `occurs`."""
    for number in numbers:
        occurs[number - lowest] = True
