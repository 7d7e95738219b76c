"""Ordinals and heights of true floats, against fractions, and the bits they are coded in."""

import struct
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demzip.entropy.kernels import encode_end
from demzip.scan.real.bits.kernels import EVEN_CHANCE, code_raw
from demzip.scan.real.block import lengthen, shorten
from demzip.scan.real.floats.kernels import first_ordinal, height_of, heights_of, shifted
from demzip.scan.real.model import FORMS
from demzip.scan.real.sample.kernels import CHANCES, code_residual
from demzip.scan.workspace import NO_HOLES
from tests.reference import real as reference
from tests.reference.coder import BitReader, BitWriter, RangeDecoder, RangeEncoder

HIGHEST = 1 << 44
CASES = ((32, 0), (32, 1), (32, 13), (32, 22), (64, 0), (64, 29), (64, 51))


def model(width: int, dropped: int, scale: int) -> reference.RealModel:
    return reference.RealModel([], [], scale, width, dropped, rules=False, anchor=0, pitch=0)


def form(width: int, dropped: int) -> tuple[int, int, int]:
    mantissa, lowest, infinity = FORMS[width]
    return mantissa - dropped, lowest - dropped, infinity >> dropped


def number_of(ordinal: int, width: int, dropped: int) -> Fraction:
    """What a float is, by the machine's own reading of its bits; infinities have none."""
    bits = (ordinal if ordinal >= 0 else -1 - ordinal) << dropped
    kind, code = ("<I", "<f") if width == 32 else ("<Q", "<d")
    (magnitude,) = struct.unpack(code, struct.pack(kind, bits))
    return Fraction(magnitude) if ordinal >= 0 else -Fraction(magnitude)


def height_by_definition(ordinal: int, width: int, dropped: int, scale: int) -> int:
    """The greatest height at or below a float, held within +-2**44; -0.0 is below 0."""
    if ordinal == -1:
        return -1
    number = number_of(ordinal, width, dropped) * Fraction(2) ** scale
    return max(min(number.numerator // number.denominator, HIGHEST), -HIGHEST)


def first_by_definition(height: int, width: int, dropped: int, scale: int) -> int:
    """The least ordinal of the floats at or above a height, by bisection."""
    least, infinity = Fraction(height) / Fraction(2) ** scale, form(width, dropped)[2]
    low, high = -infinity, infinity  # the answer is one of low .. high
    while low < high:
        middle = (low + high) // 2
        reaches = number_of(middle, width, dropped) >= least
        if reaches and not (height == 0 and middle == -1):
            high = middle
        else:
            low = middle + 1
    return low


def scales(width: int) -> tuple[int, int]:
    """Scales under which no finite float is above 2**44, or under which the least one is not."""
    mantissa, lowest, _ = FORMS[width]
    largest = (1 << (width - 1 - mantissa)) - 2 - lowest + mantissa
    return HIGHEST.bit_length() - 2 - largest, lowest + 44 - mantissa


@st.composite
def floats(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """An ordinal, width, dropped bits and a scale; all magnitudes are alike likely."""
    width, dropped = draw(st.sampled_from(CASES))
    mantissa, _, infinity = form(width, dropped)
    edges = [0, 1, 2, (1 << mantissa) - 1, 1 << mantissa, infinity - 1, infinity - 2]
    power = st.integers(0, (infinity >> mantissa) - 1).map(lambda e: e << mantissa)
    bits = draw(
        st.one_of(st.integers(0, infinity - 1), st.sampled_from(edges), power)
    ) + draw(st.integers(-1, 1))
    bits = min(max(bits, 0), infinity - 1)
    ordinal = bits if draw(st.booleans()) else -1 - bits
    lowest, highest = scales(width)
    exponent = max(bits >> mantissa, 1) - FORMS[width][1] + FORMS[width][0]
    near = draw(st.integers(-70, 70)) + 40 - exponent
    return ordinal, width, dropped, min(max(near, lowest), highest)


@settings(max_examples=max(200, settings().max_examples))
@given(floats())
def test_heights_of_floats(case: tuple[int, int, int, int]) -> None:
    ordinal, width, dropped, scale = case
    expected = height_by_definition(ordinal, width, dropped, scale)
    assert model(width, dropped, scale).height(ordinal) == expected
    assert height_of(ordinal, scale, form(width, dropped)) == expected


@settings(max_examples=max(200, settings().max_examples))
@given(floats(), st.integers(-3, 3), st.integers(0, 44))
def test_first_floats_of_heights(
    case: tuple[int, int, int, int], step: int, coarse: int
) -> None:
    """Heights of floats and next to them, and rounder ones."""
    ordinal, width, dropped, scale = case
    height = (height_by_definition(ordinal, width, dropped, scale) >> coarse << coarse) + step
    expected = first_by_definition(height, width, dropped, scale)
    infinity = form(width, dropped)[2]
    if expected in (-infinity, infinity):  # a height beyond all floats
        assert abs(first_ordinal(height, scale, form(width, dropped))) >= infinity
        return
    assert model(width, dropped, scale).first(height) == expected
    assert first_ordinal(height, scale, form(width, dropped)) == expected


@settings(max_examples=max(200, settings().max_examples))
@given(floats(), st.integers(0, 12))
def test_a_float_lies_among_those_of_its_height(
    case: tuple[int, int, int, int], coarse: int
) -> None:
    """What code_float relies on, for heights that are not held within +-2**44."""
    ordinal, width, dropped, scale = case
    shape = form(width, dropped)
    height = height_of(ordinal, scale, shape)
    if abs(height) < HIGHEST:
        start = height >> coarse << coarse
        first, end = (first_ordinal(start + k, scale, shape) for k in (0, 1 << coarse))
        assert first <= ordinal < end


@pytest.mark.parametrize(("width", "dropped"), CASES)
def test_heights_of_arrays_and_dropped_bits(width: int, dropped: int) -> None:
    rng = np.random.default_rng(width + dropped)
    infinity = form(width, dropped)[2]
    ordinals = rng.integers(-infinity, infinity, (5, 7))
    ordinals[0, :4] = [0, -1, infinity - 1, -infinity]
    numbers = lengthen(ordinals, dropped)
    slow = model(width, dropped, 0)
    assert numbers.tolist() == [[slow.number(k) for k in row] for row in ordinals.tolist()]
    np.testing.assert_array_equal(shorten(numbers, dropped), ordinals)
    holes = (rng.random((5, 7)) < 0.3).astype(np.uint8)
    scale = scales(width)[0] + 3
    for mask in (holes, NO_HOLES):
        samples = np.full(8 * 16, 77, np.int64)
        heights_of(ordinals, mask, scale, form(width, dropped), samples, 16, 2)
        for (row, col), ordinal in np.ndenumerate(ordinals):
            hole = mask.size and mask[row, col]
            expected = 0 if hole else height_by_definition(int(ordinal), width, dropped, scale)
            assert samples[(row + 2) * 16 + col + 2] == expected
        assert np.count_nonzero(samples == 77) == samples.size - ordinals.size


@given(st.integers(0, (1 << 44) - 1), st.integers(-18, 70), st.booleans())
def test_shifts(number: int, by: int, up: bool) -> None:
    exact = Fraction(number) / Fraction(2) ** by
    expected = -(-exact.numerator // exact.denominator) if up else int(exact)
    assert shifted(number, by, up) == expected
    assert (reference.shift_up if up else reference.shift)(number, by) == expected


# ---- bits

Coder = tuple[np.uint64, ...]
FULL = (1 << 64) - 1


def coder_of(state: Iterable[int]) -> Coder:
    """A coder's state; what comes back from a kernel has other types than what goes in."""
    return tuple(map(np.uint64, state))


START = coder_of((0, FULL, 0, 0))


class Writer(reference.Chances):
    """The chances of section 9.4 on the encoder's side."""

    def __init__(self) -> None:
        super().__init__(RangeDecoder([]), BitReader([]))
        self.out, self.raw_out = RangeEncoder(), BitWriter()

    def put(self, bit: int, *name: str | int) -> None:
        p, n = self.known.get(name, (1 << 23, 0))
        one = min(max(p >> 8, 32), 65504)
        self.out.put_symbol(1 - bit, [one, 65536 - one], 16)
        p += ((1 << 24) - 1 - p if bit else -p) >> (n + 1).bit_length()
        self.known[name] = p, min(n + 1, 254)


def put_residual(writer: Writer, residual: int, mode: int, level: int, sign: int) -> None:
    """A residual, said with other words than in the decoder."""
    length, middle = abs(residual).bit_length(), max((level >> 2) - 3, 0)
    writer.put(int(length > middle), "length", mode, level, 0)
    if length > middle:
        for n in range(middle + 1, min(length, 61) + 1):
            place = 1 + min(n - middle - 1, 11)
            writer.put(int(length > n), "length", mode, level, place)
    else:
        for n in range(middle, max(length, 1) - 1, -1):
            place = 13 + min(middle - n, 10)
            writer.put(int(length < n), "length", mode, level, place)
    if residual == 0:
        return
    writer.put(int(residual < 0), "sign", mode, sign)
    digits = f"{abs(residual):b}"
    place = min(max(length - middle + 6, 0), 15)
    for k in range(1, min(length, 3)):
        writer.put(int(digits[k]), "digit", mode, place, int(digits[:k], 2))
    if length > 3:
        writer.raw_out.put(int(digits[3:], 2), length - 3)


@pytest.mark.parametrize("spread", [1, 12, 40, 62])
def test_residuals_are_coded_as_the_reference_says(spread: int) -> None:
    rng = np.random.default_rng(spread)
    count = 4000
    lengths = rng.integers(0, spread + 1, count)
    cases = [
        (
            int(rng.integers(0, 1 << int(n))) * int(rng.choice([-1, 1])), int(rng.integers(4)),
            int(rng.integers(4)) if k % 3 else int(rng.integers(192)), int(rng.integers(3)),
        )
        for k, n in enumerate(lengths)
    ]  # fmt: skip
    writer = Writer()
    words, raw = np.zeros(8 * count, np.uint32), np.zeros(8 * count, np.uint32)
    chances, coder = np.full(CHANCES, EVEN_CHANCE, np.uint32), START
    for residual, mode, level, sign in cases:
        put_residual(writer, residual, mode, level, sign)
        found, state = code_residual(
            False, coder, residual, mode, level, sign, chances, words, raw
        )
        coder = coder_of(state)
        assert found == residual
    expected, expected_raw = writer.out.words(), writer.raw_out.words()
    used = int(encode_end(coder[0], coder[1], coder[2], words))
    assert words[:used].tolist() == expected
    assert raw[: len(expected_raw)].tolist() == expected_raw
    assert int(coder[3]) == writer.raw_out.count
    # and back, by both decoders
    slow = reference.Chances(RangeDecoder(expected), BitReader(expected_raw))
    stream = np.array([*expected, 0, 0, 0, 0], np.uint32)
    raw_stream = np.array([*expected_raw, 0, 0, 0, 0], np.uint32)
    chances = np.full(CHANCES, EVEN_CHANCE, np.uint32)
    point = int(stream[0]) << 32 | int(stream[1])
    coder = coder_of((point, FULL, 2, 0))
    for residual, mode, level, sign in cases:
        assert slow.residual(mode, level, sign) == residual
        found, state = code_residual(
            True, coder, 0, mode, level, sign, chances, stream, raw_stream
        )
        coder = coder_of(state)
        assert found == residual
    assert slow.coder.ends()
    assert slow.raw.ends()
    assert (int(coder[2]), int(coder[3])) == (slow.coder.next, slow.raw.count)


NUMBERS = st.integers(0, 62).flatmap(lambda n: st.tuples(st.integers(0, 2**n - 1), st.just(n)))


@given(st.lists(NUMBERS))
def test_raw_bits(numbers: list[tuple[int, int]]) -> None:
    writer = BitWriter()
    raw = np.full(4 + 2 * len(numbers), 0xFFFFFFFF, np.uint32)
    raw[0] = 0
    coder = START
    for value, count in numbers:
        writer.put(value, count)
        coder = coder_of(code_raw(False, coder, value, count, raw)[1])
    expected = writer.words()
    assert int(coder[3]) == writer.count
    assert raw[: len(expected)].tolist() == expected
    coder = START
    for value, count in numbers:
        found, state = code_raw(True, coder, 0, count, raw)
        coder = coder_of(state)
        assert found == value
