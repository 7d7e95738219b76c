"""Files into damaged and forged files: one engine for all fuzzers.

Damage does not know the format. Forgeries do: sections change, and lengths and checksums follow.
"""

import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

from tests.fuzz.layout import Entry, Parts, join, seal, split, varint

Random = random.Random
Damage = Callable[[Random, bytes, bytes], bytes]
Forgery = Callable[[Random, Parts, Parts], bytes]

BYTES = (0, 1, 15, 16, 127, 128, 254, 255)
MOST = 64  # bytes of a range, mostly


@dataclass(frozen=True)
class Case:
    """A file to be read.

    Attributes:
        label: Where it comes from: file and kind of change.
        data: The file.
        forged: Whether checksums follow, so that other values may come out.

    """

    label: str
    data: bytes
    forged: bool


def number(rng: Random) -> int:
    """Small, large, or beside a power of two."""
    kind = rng.randrange(3)
    if kind == 0:
        return rng.randrange(20)
    if kind == 1:
        return max((1 << rng.randrange(64)) + rng.randrange(-1, 2), 0)
    return rng.getrandbits(rng.randrange(1, 34))


def span(rng: Random, data: bytes) -> tuple[int, int]:
    """Start and end of a range of data, mostly a short one."""
    start = rng.randrange(len(data) + 1)
    longest = len(data) if rng.random() < 0.1 else MOST
    return start, min(start + rng.randrange(longest + 1), len(data))


# ---- damage


def flip_bits(rng: Random, data: bytes, _other: bytes = b"") -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def edit_bytes(rng: Random, data: bytes, _other: bytes = b"") -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(data))] = rng.choice((*BYTES, rng.randrange(256)))
    return bytes(changed)


def truncate(rng: Random, data: bytes, _other: bytes = b"") -> bytes:
    return data[: rng.randrange(len(data))]


def delete(rng: Random, data: bytes, _other: bytes = b"") -> bytes:
    start, end = span(rng, data)
    return data[:start] + data[end:]


def double(rng: Random, data: bytes, _other: bytes = b"") -> bytes:
    start, end = span(rng, data)
    return data[:end] + data[start:]


def move(rng: Random, data: bytes, _other: bytes = b"") -> bytes:
    start, end = span(rng, data)
    rest = data[:start] + data[end:]
    to = rng.randrange(len(rest) + 1)
    return rest[:to] + data[start:end] + rest[to:]


def randomise(rng: Random, data: bytes, _other: bytes = b"") -> bytes:
    start, end = span(rng, data)
    return data[:start] + rng.randbytes(end - start) + data[end:]


def level(rng: Random, data: bytes, _other: bytes = b"") -> bytes:
    start, end = span(rng, data)
    return data[:start] + bytes([rng.choice(BYTES)]) * (end - start) + data[end:]


def insert_number(rng: Random, data: bytes, _other: bytes = b"") -> bytes:
    start, end = span(rng, data)
    return data[:start] + varint(number(rng)) + data[rng.choice((start, start + 1, end)) :]


def insert_random(rng: Random, data: bytes, _other: bytes = b"") -> bytes:
    start, _ = span(rng, data)
    return data[:start] + rng.randbytes(rng.randrange(1, MOST)) + data[start:]


def splice(rng: Random, data: bytes, other: bytes) -> bytes:
    start, _ = span(rng, data)
    place = start if rng.random() < 0.5 else rng.randrange(len(other) + 1)
    return data[:start] + other[place:]


def random_after_start(rng: Random, data: bytes, _other: bytes = b"") -> bytes:
    return data[: rng.choice((0, 8, 12, 24, rng.randrange(len(data))))] + rng.randbytes(
        rng.randrange(300)
    )


DAMAGES: tuple[Damage, ...] = (
    flip_bits, edit_bytes, truncate, delete, double, move, randomise, level, insert_number,
    insert_random, splice, random_after_start,
)  # fmt: skip


# ---- forgeries


def any_damage(rng: Random, data: bytes, other: bytes) -> bytes:
    """Some damage to a section, nearly always one that keeps its length."""
    kinds = (flip_bits, edit_bytes) if rng.random() < 0.7 else DAMAGES
    return rng.choice(kinds)(rng, data, other) if data else rng.randbytes(rng.randrange(20))


def header(rng: Random, parts: Parts, other: Parts) -> bytes:
    parts.header = any_damage(rng, parts.header, other.header)
    return join(parts)


def header_of_another(_rng: Random, parts: Parts, other: Parts) -> bytes:
    parts.header = other.header
    return join(parts)


def header_length(rng: Random, parts: Parts, _other: Parts) -> bytes:
    return join(parts, shift=rng.choice((-1, 1, rng.randrange(-50, 50))))


def payload(rng: Random, parts: Parts, other: Parts) -> bytes:
    for _ in range(rng.choice((1, 1, 3))):
        place = rng.randrange(len(parts.payloads))
        parts.payloads[place] = any_damage(
            rng, parts.payloads[place], rng.choice(other.payloads)
        )
    seal(parts)
    return join(parts)


def payload_start(rng: Random, parts: Parts, other: Parts) -> bytes:
    """Kind, centre, bound, mask and weights are at the start of a payload."""
    place = rng.randrange(len(parts.payloads))
    found = parts.payloads[place]
    cut = rng.randrange(1, 30)
    start = any_damage(rng, found[:cut], rng.choice(other.payloads)[:cut])
    parts.payloads[place] = start + found[cut:]
    seal(parts)
    return join(parts)


def payload_of_another(rng: Random, parts: Parts, other: Parts) -> bytes:
    parts.payloads[rng.randrange(len(parts.payloads))] = rng.choice(other.payloads)
    seal(parts)
    return join(parts)


def swapped_blocks(rng: Random, parts: Parts, _other: Parts) -> bytes:
    """With their checksums, without them, or only the checksums."""
    first, second = (rng.randrange(len(parts.payloads)) for _ in range(2))
    for column in rng.choice(
        ((parts.payloads,), (parts.entries,), (parts.payloads, parts.entries))
    ):
        column[first], column[second] = column[second], column[first]
    if rng.random() < 0.5:
        seal(parts)
    return join(parts)


def entry(rng: Random, parts: Parts, _other: Parts) -> bytes:
    found = rng.choice(parts.entries)
    name = rng.choice(("size", "size", "payload_crc", "values_crc"))
    old = getattr(found, name)
    new = rng.choice((max(old + rng.randrange(-5, 6), 0), number(rng)))
    setattr(found, name, new & 0xFFFFFFFF)
    return join(parts)


def entries(rng: Random, parts: Parts, _other: Parts) -> bytes:
    """Too many entries, too few, or bytes left over."""
    place = rng.randrange(len(parts.entries))
    kind = rng.randrange(4)
    if kind == 0:
        del parts.entries[place]
    elif kind == 1:
        parts.entries.insert(place, Entry(number(rng) & 0xFFFF, 0, 0))
    elif kind == 2:
        parts.entries *= rng.randrange(2, 50)
    return join(parts, index_tail=rng.randbytes(rng.randrange(1, 13)) if kind == 3 else b"")


def version(rng: Random, parts: Parts, _other: Parts) -> bytes:
    """And the kind: a raster says that it is an approximation, or the other way round."""
    parts.version, parts.reserved = rng.choice(
        ((0, 0), (1, 1), (parts.version, parts.reserved ^ 1), (number(rng) & 0xFFFF, 0))
    )
    return join(parts)


def everything(rng: Random, parts: Parts, other: Parts) -> bytes:
    header(rng, parts, other)
    payload(rng, parts, other)
    return entry(rng, parts, other) if rng.random() < 0.3 else join(parts)


FORGERIES: tuple[Forgery, ...] = (
    header, header, header, header_of_another, header_length, payload, payload, payload,
    payload_start, payload_start, payload_of_another, swapped_blocks, entry, entries, version,
    everything,
)  # fmt: skip


OF_HEADERS: tuple[Forgery, ...] = (
    header, header, header, header, header_of_another, header_length, version,
)  # fmt: skip


def forge(rng: Random, data: bytes, other: bytes) -> tuple[str, bytes]:
    """The name of a forgery and its result; approximations have no blocks."""
    parts, others = deepcopy(split(data)), split(other)
    forgery = rng.choice(FORGERIES if parts.payloads and others.payloads else OF_HEADERS)
    return forgery.__name__, forgery(rng, parts, others)


def make_case(files: dict[str, bytes], seed: object) -> Case:
    """The case of a seed; the same for ever, as long as the files and this module are."""
    rng = random.Random(str(seed))  # noqa: S311  no secrets
    name, other = rng.choice(sorted(files)), rng.choice(sorted(files))
    if rng.random() < 0.6:
        kind, data = forge(rng, files[name], files[other])
        return Case(f"{name}-{kind}", data, forged=True)
    damage = rng.choice(DAMAGES)
    return Case(
        f"{name}-{damage.__name__}", damage(rng, files[name], files[other]), forged=False
    )
