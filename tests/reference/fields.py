"""Fields of a section: varints, words and lists of integers (docs/format.md sections 1 and 4.1)."""

import struct

from tests.reference.coder import RangeDecoder
from tests.reference.tables import frequencies

LIST_BITS = 24  # frequencies of lists are out of 2**24
MAX_TOKENS = 134
VARINT_BYTES = 10


class RejectError(Exception):
    """The bytes are illegal: "reject" in docs/format.md."""


class RefuseError(Exception):
    """The bytes are of a version that is not known: "refuse" in docs/format.md."""


def unfold(folded: int) -> int:
    """Section 1: 0, 1, 2, 3, 4 are 0, -1, 1, -2, 2."""
    return -(folded >> 1) - 1 if folded & 1 else folded >> 1


def running(differences: list[int]) -> list[int]:
    """Running sums."""
    total, sums = 0, []
    for difference in differences:
        total += difference
        sums.append(total)
    return sums


class Fields:
    """Takes fields off the front of a section."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count > len(self.data) - self.position:
            raise RejectError("a section ends early")
        self.position += count
        return self.data[self.position - count : self.position]

    def byte(self) -> int:
        """A u8."""
        return self.take(1)[0]

    def u32(self) -> int:
        """A u32."""
        return int.from_bytes(self.take(4), "little")

    def varint(self, limit: int = 1 << 63) -> int:
        """Section 1: LEB128 of a number below `limit`."""
        value = 0
        for place in range(VARINT_BYTES):
            byte = self.byte()
            value |= (byte & 127) << (7 * place)
            if byte < 128:
                break
        else:
            raise RejectError("a varint of more than 10 bytes")
        if value >= limit:
            raise RejectError(f"{value} where less than {limit} is legal")
        return value

    def words(self, count: int) -> list[int]:
        """`count` words."""
        return list(struct.unpack(f"<{count}I", self.take(4 * count)))

    def half_words(self) -> list[int]:
        """All that is left, as half words."""
        left = self.take(len(self.data) - self.position)
        if len(left) % 2:
            raise RejectError("a section ends in the middle of a half word")
        return [low | high << 8 for low, high in zip(left[::2], left[1::2], strict=True)]

    def done(self) -> None:
        """Reject what is left over."""
        if self.position != len(self.data):
            raise RejectError("a section has bytes left over")

    def unsigned_list(self, count: int) -> list[int]:
        """Section 4.1: a list whose length is known."""
        if count == 0:
            return []
        size = self.byte()
        if not 1 <= size <= MAX_TOKENS:
            raise RejectError("the size of a list's table")
        packed = self.take((size + 1) // 2)
        nibbles = [packed[k // 2] >> (4 * (k % 2)) & 15 for k in range(size)]
        present = [k for k in range(size) if nibbles[k]]
        if not present:
            raise RejectError("a list without tokens")
        tokens = present * count
        if len(present) > 1:
            coder = RangeDecoder(self.words(self.varint(count + 3)))
            chances = frequencies([4 * nibbles[k] for k in present], 1 << LIST_BITS)
            tokens = []
            for _ in range(count):
                symbol = coder.take(chances, LIST_BITS)
                if symbol is None:
                    raise RejectError("a list's tokens")
                tokens.append(present[symbol])
        extra = [0 if token < 16 else (token - 16) // 2 + 3 for token in tokens]
        bits = int.from_bytes(self.take((sum(extra) + 7) // 8), "little")
        values = []
        for token, width in zip(tokens, extra, strict=True):
            low, bits = bits & ((1 << width) - 1), bits >> width
            values.append(token if token < 16 else (2 + (token & 1)) << width | low)
        return values

    def signed_list(self, count: int) -> list[int]:
        """Section 4.1: a list of folded integers."""
        return [unfold(value) for value in self.unsigned_list(count)]
