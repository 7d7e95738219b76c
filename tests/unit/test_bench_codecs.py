"""Every codec of the benchmark gives every bit back, or says why it does not take the samples."""

from dataclasses import replace

import numpy as np
import pytest

from demzip.bench.classes import CLASSES, Raster, classify
from demzip.bench.codecs import BASE, CODECS, DEFAULT, choose, versions
from demzip.bench.forms import UnfitError, differences, ordered, summed, unsigned
from demzip.bench.measure import _measure, is_same
from demzip.codec import neural
from demzip.errors import OptionsError
from demzip.scan.neural.shipped import shipped

SHAPE = (70, 83)
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
FLOATS = ("float32", "float64")
# What the peers' documents say that they take; value - minimum makes 16 bits of other integers.
TAKES = {
    "png": INTEGERS,
    "jpegls": INTEGERS,
    "jpeg2000": INTEGERS,
    "htj2k": INTEGERS,
    "jxl": (*INTEGERS, "float32"),
    "zfp": ("int8", "uint8", "int16", "uint16", "int32", "int64", *FLOATS),
    "lerc": (*INTEGERS[:6], *FLOATS),
}


def relief(dtype):
    rows, cols = np.indices(SHAPE)
    values = 55 + 25 * np.sin(rows / 9.0) + 20 * np.cos(cols / 7.0)
    if dtype.startswith("int"):
        values -= 60
    return values.astype(dtype)


def raster(values, nodata=None):
    return Raster("relief", values, nodata, "integers", "", 0.0)


def taken(name):
    family = "jxl" if name.startswith("jxl") else name
    return TAKES.get(family, (*INTEGERS, *FLOATS))


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
def test_every_codec_gives_every_bit_back(dtype):
    values = relief(dtype)
    before = values.tobytes()
    slow = {"jxl9", "demzip-auto", "demzip-neural-fit"}
    quick = [codec for codec in CODECS if codec.name not in slow]
    for codec in quick:
        try:
            given = codec.form(values, None)
            back = given.restore(codec.decode(codec.encode(given), given))
        except UnfitError:
            assert dtype not in taken(codec.name), codec.name
            continue
        assert dtype in taken(codec.name), codec.name
        assert back.tobytes() == before, codec.name
        assert back.dtype == values.dtype, codec.name
        assert back.shape == values.shape, codec.name
    assert values.tobytes() == before


@pytest.mark.parametrize("name", ["jxl9", "demzip-auto", "demzip-neural-fit"])
def test_slow_codecs_give_every_bit_back(name, monkeypatch):
    monkeypatch.setattr(neural, "fit_network", lambda _known, base, *_: base or shipped(1))
    (codec,) = (codec for codec in choose([name]) if codec.name == name)
    values = relief("int16")
    given = codec.form(values, -5)
    assert given.restore(codec.decode(codec.encode(given), given)).tobytes() == values.tobytes()


def test_hard_floats_come_back_or_are_reported():
    values = relief("float32")
    values[3, :9] = np.nan
    values.view("u4")[4, 4] = 0x7FC00123  # another NaN
    values[5, :4] = -0.0, np.inf, -np.inf, 1e-42
    report = _measure(raster(values, float("nan")), choose([]), 1, lambda: None)
    exact = {result.codec for result in report.results if result.problem is None}
    assert exact >= {"demzip-lagrange24", BASE, "zstd", "pcodec", "pcodec2d", "blosc2", "lzma"}
    for result in report.results:
        assert (result.bytes is None) == (result.problem is not None)


def test_integers_that_span_too_much_are_refused():
    values = np.array([[-40_000, 0], [7, 40_000]], "int32")
    with pytest.raises(UnfitError, match="spans more than 16 bits"):
        unsigned()(values, None)
    assert unsigned(wide=True)(values, None).array is values
    narrow = np.array([[-30_000, 0], [7, 35_535]], "int32")
    given = unsigned()(narrow, None)
    assert given.array.dtype == np.uint16
    assert given.array.tolist() == [[0, 30_000], [30_007, 65_535]]
    np.testing.assert_array_equal(given.restore(given.array), narrow)


def test_shifted_forms_are_exact_at_the_ends_of_64_bits():
    for dtype in ("int64", "uint64"):
        info = np.iinfo(dtype)
        for corner in (info.min, info.max - 9):
            values = (np.arange(10) + 0).astype(dtype).reshape(2, 5) + np.array(corner, dtype)
            given = unsigned()(values, None)
            assert given.array.ravel().tolist() == list(range(10))
            assert given.restore(given.array).tobytes() == values.tobytes()


def test_ordered_integers_have_the_order_of_the_floats():
    floats = np.array([-np.inf, -2.5, -1e-45, -0.0, 0.0, 1e-45, 1.5, np.inf], "float32")
    found = ordered(floats).view("i4").tolist()
    assert found == sorted(set(found))


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float32", "float64"])
def test_differences_are_those_of_plain_integers(dtype):
    generator = np.random.default_rng(5)
    width = np.dtype(dtype).itemsize
    values = generator.integers(0, 256, (6, 7 * width), np.uint8).view(dtype)
    bits, modulus = 8 * width, 1 << 8 * width
    numbers = [[int(n) for n in row] for row in ordered(values)]
    found = differences(values)
    for row in range(6):
        for col in range(7):
            west = numbers[row][col - 1] if col else 0
            north = numbers[row - 1][col] if row else 0
            corner = numbers[row - 1][col - 1] if row and col else 0
            expected = (numbers[row][col] - west - north + corner) % modulus
            assert int(found[row, col]) % modulus == expected, (bits, row, col)
    assert summed(found, values.dtype).tobytes() == values.tobytes()


def test_comparison_sees_every_bit():
    zeros = np.zeros((2, 2), "float32")
    assert is_same(zeros, zeros.copy())
    assert not is_same(-zeros, zeros)
    assert not is_same(zeros.astype("float64"), zeros)
    assert not is_same(zeros.reshape(1, 4), zeros)


def test_codec_that_is_wrong_or_fails_has_no_figures():
    (good,) = (codec for codec in choose(["lzma"]) if codec.name == "lzma")

    def off_by_one(data, given):
        return good.decode(data, given) + np.int16(1)

    def broken(_given):
        raise RuntimeError("first line\nsecond line")

    codecs = (good, replace(good, decode=off_by_one), replace(good, encode=broken))
    report = _measure(raster(relief("int16")), codecs, 2, lambda: None)
    right, wrong, failed = report.results
    assert right.problem is None
    assert right.bits_per_elevation == 8 * right.bytes / (SHAPE[0] * SHAPE[1])
    assert wrong.bytes is failed.bytes is None
    assert wrong.problem == "int16: it does not come back bit for bit"
    assert failed.problem == "int16: RuntimeError: first line"


def test_every_codec_runs_once_a_round_and_each_round_starts_elsewhere():
    (lzma,) = (codec for codec in choose(["lzma"]) if codec.name == "lzma")
    order = []

    def spy(name):
        def encode(given):
            order.append(name)
            return lzma.encode(given)

        return replace(lzma, name=name, encode=encode)

    _measure(raster(relief("uint8")), [spy("a"), spy("b"), spy("c")], 3, lambda: None)
    assert order == [*"abc", *"bca", *"cab"]


def test_codecs_are_chosen_by_name_and_pattern():
    assert [codec.name for codec in choose([])] == [
        codec.name for codec in CODECS if codec.name in DEFAULT
    ]
    assert {codec.name for codec in choose(["jxl*,zfp", "lerc"])} == {
        "jxl1", "jxl3", "jxl7", "jxl9", "zfp", "lerc", BASE,
    }  # fmt: skip
    assert choose(["*"]) == CODECS
    assert len({codec.name for codec in CODECS}) == len(CODECS)
    with pytest.raises(OptionsError, match=r"'flif'.*jpegls"):
        choose(["flif"])


def test_versions_name_every_library():
    assert {"demzip", "GDAL", "imagecodecs", "libjxl", "charls", "pcodec"} <= set(versions())


@pytest.mark.parametrize(
    ("expected", "values", "nodata"),
    [
        ("integers", relief("int16") + 100, None),
        ("bathymetry", relief("int16") - 100, None),
        ("bathymetry", (relief("float32") - 5000), None),
        ("true floats", relief("float32"), None),
        ("grid floats", np.round(relief("float64"), 2), None),
        ("voids", np.where(relief("int16") > 20, -9999, relief("int16")), -9999),
        ("voids", np.where(relief("float32") > 90, np.nan, relief("float32")), None),
        ("integers", relief("int64") + (1 << 60), None),
    ],
)
def test_classes_are_those_of_the_data(expected, values, nodata):
    kind, words, missing = classify(np.ascontiguousarray(values), nodata)
    assert kind == expected
    assert kind in CLASSES
    assert words.startswith(values.dtype.name)
    assert (missing > 0.001) == (kind == "voids")
