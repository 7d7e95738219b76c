"""Damaged files raise DemzipError, and nothing else; no wrong sample ever comes out."""

import random
import zlib
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import demzip
from demzip.codec import open_bytes
from demzip.errors import DemzipError
from demzip.options import FitOptions
from demzip.raster.georeference import Band, Georeference
from tests import terrain
from tests.golden.formulas import FILES, at_zero, made_network, posts
from tests.reference import decoder as reference
from tests.reference.adaptive import AdaptiveModel
from tests.reference.fields import Fields, RefuseError, RejectError
from tests.reference.model import Model
from tests.reference.neural_block import NeuralModel
from tests.reference.real import RealModel
from tests.terrain import Array
from tests.unit import make

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = (
    "relief", "holes", "ranks", "float", "row", "spikes", "popular", "metadata", "bands", "kinds",
    "full", "rules", "lattice", "explicit", "coarse", "adaptive", "level",
    "neural", "own network",
)  # fmt: skip
MOST_SAMPLES = 6000  # larger rasters, which a changed header may claim, are not decoded


@cache
def file(name: str) -> bytes:
    """A small file."""
    relief = terrain.relief(14, 21)
    holey = relief.astype(np.int16)
    holey[3:6, 4:11] = -99
    rng = np.random.default_rng(3)
    spikes = np.where(rng.random(relief.shape) < 0.1, 2_000_000_000, relief)
    made: dict[str, Callable[[], bytes]] = {
        "relief": lambda: demzip.encode(relief.astype(np.int16)),
        "holes": lambda: demzip.encode(holey, nodata=-99),
        "ranks": lambda: demzip.encode((terrain.relief(20, 20) // 9 * 50).astype(np.int32)),
        "float": lambda: demzip.encode((relief / 100).astype(np.float32)),
        "row": lambda: demzip.encode(holey[4:5], nodata=-99),
        "spikes": lambda: demzip.encode(spikes.astype(np.int32)),
        "popular": popular,
        "coarse": lambda: demzip.encode(rng.integers(0, 1 << 24, (19, 8)).astype(np.int32)),
        "bands": lambda: demzip.encode(np.stack([holey, holey // 2])[:, :9, :12], nodata=-99),
        "kinds": lambda: demzip.encode(kinds(holey), nodata=-99),
        "explicit": lambda: demzip.encode(FILES["exceptions"].values()[:25, :20]),
        "full": lambda: demzip.encode((relief + rng.random(relief.shape))[:9, :14]),
        "rules": lambda: demzip.encode(np.array(posts(18, 20, 6), np.float32)),
        "adaptive": lambda: demzip.encode(kinds(holey), nodata=-99, best=True),
        "level": lambda: demzip.encode((relief // 40 * 40).astype(np.int16), best=True),
        "neural": lambda: networked(kinds(holey)),
        "own network": lambda: networked(holey[:9, :12], fit=FitOptions()),
        "lattice": lambda: demzip.encode(np.array(at_zero(14, 16), np.float32)),
        "metadata": lambda: demzip.encode(
            relief.astype(np.int8),
            georeference=Georeference(
                'GEOGCRS["x"]', tags={"": {"a": "b"}}, bands=(Band(units="m"),)
            ),
        ),
    }
    return made[name]()


def kinds(values: Array) -> Array:
    """Holes of several kinds, and integers too large to be samples."""
    made = values.astype(np.int64)
    made[7:9, :9] = -32768
    made[0, ::5] = [1 << 60, -(1 << 63), 1 << 60, 1 << 60, 5]
    return made


def networked(values: Array, fit: FitOptions | None = None) -> bytes:
    """A file that networks code, however small it is; a fitted one is of small numbers."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("demzip.codec.best.BestEncoder.smallest", make.with_network)
        patched.setattr(
            "demzip.codec.neural.fit_network",
            lambda _known, base, *_: base or made_network(32, 16, 16, 3)[1],
        )
        return demzip.encode(values, nodata=-99, predictor="neural", fit=fit)


def popular() -> bytes:
    """A file with popularity classes, however small it is."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("demzip.codec.grid.GridEncoder.survey_size", shorter_if_popular)
        values = (terrain.relief(20, 20) * 9).astype(np.int16)
        return demzip.encode(values, predictor="auto")


def shorter_if_popular(_self: object, _patches: object, plan: object) -> int:
    return 0 if plan.model.popularity.is_used else 1  # type: ignore[attr-defined]


def test_popular_is_popular() -> None:
    model = reference.decode(file("popular")).header.planes[0].model
    assert isinstance(model, Model)
    assert model.popularity is not None


def test_files_are_what_their_names_say() -> None:
    planes = {name: reference.decode(file(name)).header.planes for name in NAMES}
    assert planes["ranks"][0].map.levels
    assert len(planes["bands"]) == 2
    (coarse,) = planes["coarse"]
    assert isinstance(coarse.model, Model)
    assert max(table.shift for table in coarse.model.tables) > 16
    assert len(planes["kinds"][0].map.fills) > 1
    assert planes["explicit"][0].map.exceptions
    models = [planes[name][0].model for name in ("full", "rules", "lattice")]
    assert [isinstance(model, RealModel) for model in models] == [True] * 3
    assert models[1].rules  # type: ignore[union-attr]
    assert models[2].anchor  # type: ignore[union-attr]
    for name in ("adaptive", "level"):
        assert isinstance(planes[name][0].model, AdaptiveModel)
    for name in ("neural", "own network"):
        assert isinstance(planes[name][0].model, NeuralModel)


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation(name: str) -> None:
    data = file(name)
    for size in range(len(data)):
        with pytest.raises(DemzipError):
            demzip.decode(data[:size])


@pytest.mark.parametrize("name", NAMES)
def test_every_flipped_bit(name: str) -> None:
    data = file(name)
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            with pytest.raises(DemzipError):
                demzip.decode(bytes(changed))


@pytest.mark.parametrize("name", NAMES)
def test_every_missing_and_doubled_byte(name: str) -> None:
    data = file(name)
    expected = demzip.decode(data).tobytes()
    for place in range(len(data)):
        for changed in (data[:place] + data[place + 1 :], data[: place + 1] + data[place:]):
            try:
                found = demzip.decode(changed)
            except DemzipError:
                continue
            # The same byte twice in a row, and only the last payload is longer than before.
            assert found.tobytes() == expected


@given(st.binary(max_size=300), st.sampled_from(NAMES), st.integers(0, 400))
def test_random_bytes_after_a_valid_start(tail: bytes, name: str, kept: int) -> None:
    data = file(name)
    changed = data[:kept] + tail
    try:
        found = demzip.decode(changed)
    except DemzipError:
        return
    assert changed.startswith(data)
    assert found.tobytes() == demzip.decode(data).tobytes()


@given(st.binary(max_size=400))
def test_random_headers_and_payloads_with_right_checksums(body: bytes) -> None:
    """A header of random bytes, whose CRC-32 is right."""
    start = file("relief")[:12] + len(body).to_bytes(4, "little") + bytes(4)
    crc = zlib.crc32(body, zlib.crc32(start)).to_bytes(4, "little")
    with pytest.raises(DemzipError):
        demzip.decode(start + crc + body)


# ---- files that were made to harm: contents are changed, checksums follow


def mend(data: bytearray) -> bytes | None:
    """Correct the checksums of a file; None if its raster would be large."""
    header_bytes = int.from_bytes(data[12:16], "little")
    index_bytes = int.from_bytes(data[16:20], "little")
    body = 24 + header_bytes + index_bytes
    fields = Fields(bytes(data[24 : 24 + header_bytes]))
    try:
        if fields.varint() * fields.varint() > MOST_SAMPLES:
            return None
    except RejectError:
        pass
    start = body
    for place in range(24 + header_bytes, body, 12):
        end = start + int.from_bytes(data[place : place + 4], "little")
        data[place + 4 : place + 8] = zlib.crc32(data[start:end]).to_bytes(4, "little")
        start = end
    data[20:24] = zlib.crc32(data[24:body], zlib.crc32(data[:20])).to_bytes(4, "little")
    return bytes(data)


SLOW = ("neural", "own network")  # in the reference


@pytest.mark.parametrize("name", NAMES)
def test_changes_under_right_checksums(name: str) -> None:
    """Both decoders say the same of a file that somebody forged."""
    generator = random.Random(name)  # noqa: S311  no secrets
    data = file(name)
    header_bytes = int.from_bytes(data[12:16], "little")
    index_bytes = int.from_bytes(data[16:20], "little")
    expected = demzip.decode(data).tobytes()
    outcomes: Counter[str] = Counter()
    rounds = 150 if name in SLOW else 400
    for _ in range(rounds):
        changed = bytearray(data)
        for _ in range(generator.choice((1, 1, 1, 2, 3))):
            first, last = 24, 24 + header_bytes
            if generator.random() < 0.4:
                first, last = 24 + header_bytes + index_bytes, len(data)
            place = generator.randrange(first, last)
            changed[place] = generator.choice(
                (changed[place] ^ 1 << generator.randrange(8), 0, 1, 255, generator.randrange(256))
            )
        mended = mend(changed)
        if mended is None:
            continue
        try:
            found = demzip.decode(mended).tobytes()
        except DemzipError:
            found = None
        try:
            slow = reference.decode(mended).to_bytes()
        except (RejectError, RefuseError) as error:
            slow = None
            # Range coders go on where the reference stops (docs/format.md section 8.1).
            if error.args in (("a mask",), ("a coded stream",)) and found is not None:
                slow = expected
        assert found == slow
        outcomes["rejected" if slow is None else "accepted"] += 1
    assert outcomes["rejected"] > rounds // 4


@pytest.mark.parametrize("name", NAMES)
def test_changes_without_the_checksum_of_the_values(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes out of forged streams does not matter; that they end in order does."""

    class Same:
        def __ne__(self, other: object) -> bool:
            return False

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    monkeypatch.setattr("demzip.codec.decoder.checksum", lambda _: Same())
    generator = random.Random(name + "2")  # noqa: S311  no secrets
    data = file(name)
    start = open_bytes(data).front_bytes
    accepted = 0
    for _ in range(400):
        changed = bytearray(data)
        for _ in range(generator.choice((1, 1, 2, 8))):
            changed[generator.randrange(start, len(data))] = generator.randrange(256)
        mended = mend(changed)
        assert mended is not None
        try:
            demzip.decode(mended)
        except DemzipError:
            continue
        accepted += 1
    assert accepted < 400
