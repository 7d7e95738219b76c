"""Which samples are holes and what they are: mask, runs of kinds, explicit bits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from demzip.entropy.integers import ByteReader, write_naturals, write_varint
from demzip.errors import CorruptError
from demzip.scan.block import CODED, CONSTANT, VOID, Frame
from demzip.scan.holes import EXPLICIT, MAX_RUNS, simplify
from tests.reference import holes as reference
from tests.reference.fields import Fields, RejectError
from tests.reference.values import Map
from tests.unit import make

UInt8Array = NDArray[np.uint8]
FILLS = (7, 0xFFFF, 0)
DTYPES = {2: "h", 4: "i", 8: "q"}  # bytes of a value, code of struct


def map_of(size: int, fills: tuple[int, ...] = FILLS) -> Map:
    """A plane of integers with these fills."""
    dtype = "bBhHiIfdqQ".index(DTYPES[size])
    return Map(dtype, 0, 1, 1, 1.0, 0.0, [fill.to_bytes(size, "little") for fill in fills], 0, [])


def expected(codes: UInt8Array, explicit: NDArray[Any], size: int) -> reference.Holes:
    """Bits of the holes, by definition."""
    following = iter(explicit.tolist())
    table: list[list[bytes | None]] = []
    for row in codes.tolist():
        bits = [None if not c else next(following) if c == EXPLICIT else FILLS[c - 1] for c in row]
        table.append([None if b is None else b.to_bytes(size, "little") for b in bits])
    return table


def read_both(
    data: bytes, shape: tuple[int, int], size: int, fills: tuple[int, ...] = FILLS
) -> tuple[Frame, reference.Holes | None]:
    """The frame by the package, the holes by the reference."""
    reader, fields = ByteReader(data, "block"), Fields(data)
    frame = Frame.read(reader, shape, len(fills), np.dtype(f"u{size}"))
    reader.done()
    first = fields.byte()
    slow = reference.read_holes(
        fields, *shape, map_of(size, fills), void=first & 3 == VOID, masked=bool(first & 4),
        kinds=bool(first & 16),
    )  # fmt: skip
    fields.done()
    return frame, slow


@st.composite
def codes_of_blocks(draw: st.DrawFn) -> tuple[UInt8Array, int]:
    """Codes of a small block, some of them alike in runs, and the bytes of a value."""
    shape = (draw(st.integers(1, 20)), draw(st.integers(1, 20)))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    kinds = draw(st.sampled_from([[1], [2], [255], [0, 1], [0, 255], [0, 1, 2, 3, 255]]))
    codes = rng.choice(kinds, shape)
    repeats = rng.random(shape) < draw(st.sampled_from([0.0, 0.8]))
    for place in np.flatnonzero(repeats.ravel())[1:]:
        codes.ravel()[place] = codes.ravel()[place - 1]
    return codes.astype(np.uint8), draw(st.sampled_from(list(DTYPES)))


@given(codes_of_blocks())
def test_holes_come_back(case: tuple[UInt8Array, int]) -> None:
    codes, size = case
    count = int(np.count_nonzero(codes == EXPLICIT))
    explicit = np.random.default_rng(count).integers(0, 1 << 16, count).astype(f"u{size}")
    void = bool(codes.all())
    for kind in (VOID, CONSTANT, CODED) if void else (CONSTANT, CODED):
        data = bytes(Frame(kind, kind == CODED, codes, explicit).to_bytes())
        assert data[0] & 3 == kind
        frame, slow = read_both(data, (codes.shape[0], codes.shape[1]), size)
        assert frame.kind == kind
        assert frame.codes is not None
        np.testing.assert_array_equal(frame.codes, codes)
        np.testing.assert_array_equal(frame.explicit, explicit)
        assert frame.explicit.dtype == explicit.dtype
        assert slow == expected(codes, explicit, size)


def test_blocks_without_holes_say_nothing() -> None:
    nothing = np.zeros(0, np.uint16)
    assert Frame(CODED, True, None, nothing).to_bytes() == bytes([10])
    assert Frame(CONSTANT, False, None, nothing).to_bytes() == bytes([1])
    assert read_both(b"\2", (3, 4), 2)[1] is None


def test_holes_of_the_first_fill_need_no_kinds() -> None:
    assert Frame(VOID, False, np.ones((5, 5), np.uint8), np.zeros(0, np.uint16)).to_bytes() == b"\0"


RUNS = {
    "more holes": ([1, 2], [5, 2]),
    "fewer holes": ([1, 2], [3, 2]),
    "a length beyond the holes": ([1, 2], [7, 0]),
    "lengths whose sum wraps around": ([1] * 5, [6, 1 << 61, 1 << 61, 1 << 61, 1 << 61]),
    "no fill of this number": ([1, 4], [3, 3]),
    "no hole": ([1, 0], [3, 3]),
    "a code above 255": ([1, 256], [3, 3]),
    "a code that wraps around": ([257], [6]),
    "more runs than holes": ([1] * 7, [0, 1, 1, 1, 1, 1, 1]),
    "no runs": ([], []),
}


def kinds(codes: list[int], lengths: list[int], bits: bytes = b"") -> bytes:
    """Kinds of holes of a void block."""
    lists = write_naturals(np.array(codes, np.int64)) + write_naturals(np.array(lengths, np.int64))
    return b"\x10" + write_varint(len(codes)) + lists + bits


@pytest.mark.parametrize("runs", RUNS.values(), ids=RUNS)
def test_runs_that_do_not_fit(runs: tuple[list[int], list[int]]) -> None:
    data = kinds(*runs)
    with pytest.raises(CorruptError):
        Frame.read(ByteReader(data, "block"), (2, 3), len(FILLS), np.dtype(np.uint16))
    fields = Fields(data)
    fields.byte()
    with pytest.raises(RejectError):
        reference.read_kinds(fields, 6, map_of(2))


def test_odd_runs_that_fit() -> None:
    """Runs of length 0 and neighbours alike are legal."""
    frame, slow = read_both(kinds([2, 2, 1, 255], [1, 0, 3, 2], b"\1\2\3\4"), (2, 3), 2)
    assert frame.codes is not None
    assert frame.codes.tolist() == [[2, 1, 1], [1, 255, 255]]
    assert frame.explicit.tolist() == [0x0201, 0x0403]
    assert slow == expected(frame.codes, frame.explicit, 2)


def test_explicit_bits_must_be_there() -> None:
    data = kinds([255], [6], bytes(11))
    with pytest.raises(CorruptError):
        Frame.read(ByteReader(data, "block"), (2, 3), 3, np.dtype(np.uint16))
    fields = Fields(data)
    fields.byte()
    with pytest.raises(RejectError):
        reference.read_kinds(fields, 6, map_of(2))


def test_explicit_holes_need_no_fill() -> None:
    frame, slow = read_both(kinds([255], [2], b"\1\2\3\4"), (1, 2), 2, ())
    assert frame.codes is not None
    assert slow == [[b"\1\2", b"\3\4"]]
    with pytest.raises(CorruptError):
        Frame.read(ByteReader(b"\0", "block"), (1, 2), 0, np.dtype(np.uint16))


def test_too_many_runs_become_explicit() -> None:
    codes = np.tile(np.array([1, 2, 0], np.uint8), MAX_RUNS // 2 + 1)[None]
    most = codes[:, : 3 * MAX_RUNS // 2]
    assert simplify(most) is most
    simple = simplify(codes)
    assert set(np.unique(simple)) == {0, EXPLICIT}
    np.testing.assert_array_equal(simple == 0, codes == 0)
    assert np.count_nonzero(np.diff(most[most > 0])) == MAX_RUNS - 1
    assert make.varint(MAX_RUNS) == bytes(write_varint(MAX_RUNS))
