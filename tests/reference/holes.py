"""Which values of a block are holes, and what they are (docs/format.md sections 5.2 to 5.4)."""

from tests.reference.coder import decode_mask
from tests.reference.fields import Fields, RejectError
from tests.reference.values import EXPLICIT, Map

Holes = list[list[bytes | None]]
MAX_RUNS = 1 << 20


def read_mask(fields: Fields, rows: int, cols: int) -> list[list[int]]:
    """Section 5.3, with the count of words."""
    mask = decode_mask(fields.words(fields.varint(rows * cols + 3)), rows, cols)
    if mask is None:
        raise RejectError("a mask")
    return mask


def read_kinds(fields: Fields, count: int, values: Map) -> list[bytes]:
    """Section 5.4: the bits of `count` holes."""
    runs = fields.varint(min(MAX_RUNS, count) + 1)
    codes, lengths = fields.unsigned_list(runs), fields.unsigned_list(runs)
    if any(not 1 <= code <= len(values.fills) and code != EXPLICIT for code in codes):
        raise RejectError("a code of holes")
    if any(length > count for length in lengths) or sum(lengths) != count:
        raise RejectError("runs of holes")
    found: list[bytes] = []
    for code, length in zip(codes, lengths, strict=True):
        if code == EXPLICIT:
            found += [fields.take(values.size) for _ in range(length)]
        else:
            found += values.fills[code - 1 : code] * length
    return found


def read_holes(
    fields: Fields, rows: int, cols: int, values: Map, *, void: bool, masked: bool, kinds: bool
) -> Holes | None:
    """The bits of each hole, and None for other samples; None if there is no mask."""
    if not void and not masked:
        return None
    mask = [[1] * cols for _ in range(rows)] if void else read_mask(fields, rows, cols)
    count = sum(map(sum, mask))
    if kinds:
        bits = read_kinds(fields, count, values)
    elif count and not values.fills:
        raise RejectError("holes without fill")
    else:
        bits = values.fills[:1] * count
    following = iter(bits)
    return [[next(following) if bit else None for bit in row] for row in mask]
