"""Metadata as bytes: both readers, every type, damage."""

import json
import math
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demzip.container.dictionary import WORDS
from demzip.container.metadata import read_metadata, write_metadata
from demzip.errors import CorruptError
from demzip.raster.georeference import Band, Georeference, GroundControlPoint
from tests.property.georeferences import georeferences
from tests.reference import metadata as reference
from tests.reference.fields import RejectError

FULL = Georeference(
    'GEOGCRS["WGS 84 Ünïcode"]', (1.0, 0.0, 2.0, 0.0, -1.0, 3.5),
    (GroundControlPoint(0.5, 1.5, 7.0, 8.0, math.nan, "1", "corner"),), "LOCAL_CS[]",
    {"": {"AREA_OR_POINT": "Point", "空": ""}, "RPC": {"LINE_OFF": "5"}, "xml:XMP": {}},
    True, (2, 4), "average",
    (Band(-9999.0, "m", "elevation", 0.1, -3.0, "gray", {"": {"A": "b" * 5000}, "X": {"y": "z"}},
          ((1, 2, 3, 4), (-32768, 0, 32767, 255))),),
)  # fmt: skip
FIRST = FULL.bands[0]


def same(mine: Georeference, theirs: Georeference) -> bool:
    """To the sign of zero, int or float."""
    return repr(mine) == repr(theirs)


def as_json(value: object) -> object:
    """What stands in JSON for a field."""
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def check_both_readers(georeference: Georeference) -> bytes:
    """Round trip, and what the independent reader makes of it."""
    data, count = write_metadata(georeference), len(georeference.bands)
    assert same(read_metadata(data, count), georeference)
    slow = reference.read_metadata(data, count)
    for name in ("crs", "transform", "gcps", "gcps_crs", "tags", "mask", "overviews",
                 "overview_resampling"):  # fmt: skip
        default = getattr(Georeference(), name)
        value = as_json(getattr(georeference, name))
        assert slow.get(name, as_json(default)) == value
    for place, band in enumerate(georeference.bands):
        expected = {
            {"tags": "band_tags"}.get(name, name): as_json(getattr(band, name))
            for name in Band.__dataclass_fields__
        }
        assert reference.band_values(slow, place) == expected
    return data


@pytest.mark.parametrize(
    "georeference",
    [
        Georeference(),
        FULL,
        replace(FULL, bands=(FIRST,) * 3),
        replace(FULL, bands=(FIRST, Band(), replace(FIRST, nodata=math.nan))),
        Georeference(bands=(Band(),) * 65535),
        Georeference(bands=(Band(), Band(units="m"))),
        Georeference(bands=(Band(nodata=-0.0), Band(nodata=0.0))),
        Georeference(bands=(Band(color_table=()), Band())),
        Georeference().with_nodata(math.nan),
        Georeference(bands=(Band(nodata=math.inf, scale=-math.inf, offset=math.nan),)),
        Georeference(transform=(math.nan, 0.1, 2.0, 1e300, -0.0, 5e-324)),
        Georeference(crs="", tags={"": {"": ""}, "a": {}}, bands=(Band(units=""),)),
    ],
    ids=lambda georeference: f"{len(georeference.bands)} bands",
)
def test_metadata_come_back(georeference: Georeference) -> None:
    data = check_both_readers(georeference)
    default = Georeference(bands=(Band(),) * len(georeference.bands))
    assert (data == b"") == (georeference == default)


def test_what_bands_share_is_stored_once() -> None:
    one, many = (write_metadata(replace(FULL, bands=(FIRST,) * count)) for count in (1, 1000))
    assert one == many
    apart = replace(FULL, bands=(FIRST, replace(FIRST, units="ft")))
    members = reference.read_metadata(write_metadata(apart), 2)
    assert members["bands"] == [{"units": "m"}, {"units": "ft"}]


@given(georeferences)
def test_any_metadata_come_back(georeference: Georeference) -> None:
    check_both_readers(georeference)
    assert georeference.differences(georeference) == []


@given(georeferences, georeferences)
def test_differences_are_found(mine: Georeference, theirs: Georeference) -> None:
    """Unequal ones differ in words, but for empty namespaces."""

    def plain(about: Georeference) -> str:
        kept = [{k: v for k, v in one.tags.items() if v} for one in (about, *about.bands)]
        bare = tuple(replace(band, tags={}) for band in about.bands)
        return repr((replace(about, tags={}, bands=bare), kept))

    differs = plain(mine).replace("-0.0", "0.0") != plain(theirs).replace("-0.0", "0.0")
    assert bool(mine.differences(theirs)) == differs


def test_differences_name_the_band() -> None:
    other = replace(FIRST, units="ft", tags={"": {"A": "c"}, "X": {"y": "z"}}, nodata=math.nan)
    mine, theirs = replace(FULL, bands=(FIRST, FIRST)), replace(FULL, bands=(FIRST, other))
    assert theirs.differences(theirs) == []
    found = mine.differences(theirs)
    assert found[0] == "band 2 nodata: -9999.0 instead of nan"
    assert found[1] == "band 2 units: 'm' instead of 'ft'"
    assert found[2].startswith("band 2 tags A: 'bbb")
    assert len(found[2]) < 130
    assert replace(FULL, bands=(FIRST,)).differences(FULL) == []
    assert FULL.differences(mine) == ["1 bands instead of 2"]
    assert Georeference().differences(FULL)[:2] == [
        "the CRS", "transform: None instead of (1.0, 0.0, 2.0, 0.0, -1.0, 3.5)",
    ]  # fmt: skip
    assert "tags RPC LINE_OFF: None instead of '5'" in Georeference().differences(FULL)
    assert "band tags X y: None instead of 'z'" in Georeference().differences(FULL)


# Common no-data values of float64, int64 and uint64 rasters.
NODATA = [
    1.7976931348623157e308, -1.7976931348623157e308, -float(1 << 63), (1 - (1 << 63)),
    (1 << 64) - 1, (1 << 53) + 1,
]  # fmt: skip


@pytest.mark.parametrize("value", NODATA)
def test_no_data_values_are_exact(value: float) -> None:
    data = write_metadata(Georeference().with_nodata(value))
    assert reference.read_metadata(data) == {"nodata": value}
    back = read_metadata(data).bands[0].nodata
    assert back == value
    assert type(back) is type(value)


def test_integers_that_are_floats_become_floats() -> None:
    for text, value in (("5", 5.0), ("9223372036854775808", float(1 << 63)),
                        ("-9223372036854775809", -float(1 << 63)), ("1e4", 1e4)):  # fmt: skip
        back = read_metadata(deflate(f'{{"nodata":{text}}}'.encode())).bands[0].nodata
        assert back == value
        assert type(back) is float


def deflate(text: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=WORDS)
    return packer.compress(text) + packer.flush()


ILLEGAL = [
    b"", b"7", b"[]", b'"text"', b"null", b"{", b'{"units":"m"} x', b"\xff\xfe{}",
    '{"units":"m"}'.encode("utf-16"), b"[" * 100_000, b'{"units":"\\ud800"}',
    b'{"scale":NaN}', b'{"scale":Infinity}', b'{"nodata":-Infinity}', b'{"other":NaN}',
    b'{"scale":true}', b'{"scale":"1"}', b'{"scale":null}', b'{"scale":[1]}', b'{"offset":{}}',
    b'{"nodata":"NaN"}', b'{"nodata":false}', b'{"scale":1e999}', b'{"scale":1' + b"0" * 400 + b"}",
    b'{"scale":1' + b"0" * 5000 + b"}",
    b'{"transform":[1,2,3,4,5]}', b'{"transform":[1,2,3,4,5,"6"]}', b'{"transform":7}',
    b'{"units":7}', b'{"crs":[]}', b'{"gcps_crs":1}', b'{"overview_resampling":1}',
    b'{"tags":[]}', b'{"tags":{"a":1}}', b'{"tags":{"":{"a":1}}}', b'{"tags":{"":["a"]}}',
    b'{"tags":null}', b'{"tags":{"":null}}', b'{"band_tags":"x"}', b'{"band_tags":{"":{"a":null}}}',
    b'{"gcps":null}', b'{"gcps":{}}', b'{"gcps":[1]}', b'{"gcps":[[1,2,3,4,5,"",""],[]]}',
    b'{"gcps":[[1,2,3,4,5,"1"]]}', b'{"gcps":[[1,2,3,4,5,"1","",""]]}', b'{"gcps":["1234567"]}',
    b'{"gcps":[[1,2,3,4,null,"",""]]}', b'{"gcps":[[1,2,3,4,5,6,""]]}',
    b'{"mask":1}', b'{"mask":null}', b'{"mask":"true"}', b'{"mask":[]}',
    b'{"overviews":2}', b'{"overviews":[1]}', b'{"overviews":[2,2]}', b'{"overviews":[16777217]}',
    b'{"overviews":[2.0]}', b'{"overviews":[true]}', b'{"overviews":["2"]}', b'{"overviews":[[2]]}',
    b'{"color_table":[1,2,3,4]}', b'{"color_table":[[1,2,3]]}', b'{"color_table":[[1,2,3,4,5]]}',
    b'{"color_table":[[1,2,3,40000]]}', b'{"color_table":[[1,2,3,false]]}', b'{"color_table":{}}',
    b'{"color_table":[' + b"[0,0,0,0]," * 65536 + b"[0,0,0,0]]}",
    b'{"bands":{}}', b'{"bands":[1]}', b'{"bands":["units"]}', b'{"bands":[]}',
    b'{"bands":[{},{}]}', b'{"bands":[{"units":3}]}', b'{"bands":[{"scale":null}]}',
    b'{"units":3,"bands":[{"units":""}]}',
]  # fmt: skip


@pytest.mark.parametrize("text", ILLEGAL, ids=lambda text: repr(text[:24]))
def test_illegal_metadata(text: bytes) -> None:
    for data in (deflate(text), deflate(text)[:-1] if text else b"\x03"):
        with pytest.raises(CorruptError):
            read_metadata(data)
        with pytest.raises(RejectError):
            reference.read_metadata(data)


@pytest.mark.parametrize("data", [b"\xff", deflate(b"{}") + b"x", deflate(b"{}") * 2, b"\x00\x01"])
def test_illegal_deflate_streams(data: bytes) -> None:
    with pytest.raises(CorruptError):
        read_metadata(data)
    with pytest.raises(RejectError):
        reference.read_metadata(data)


@given(st.data())
def test_damaged_metadata_are_refused_or_read_by_both(data: st.DataObject) -> None:
    """A flipped bit gives CorruptError or other metadata, and both readers agree."""
    packed = bytearray(write_metadata(FULL))
    place = data.draw(st.integers(0, 8 * len(packed) - 1))
    packed[place // 8] ^= 1 << place % 8
    try:
        reference.read_metadata(bytes(packed))
    except RejectError:
        with pytest.raises(CorruptError):
            read_metadata(bytes(packed))
    else:
        read_metadata(bytes(packed))


def test_number_of_bands_is_the_files() -> None:
    data = write_metadata(replace(FULL, bands=(FIRST, Band())))
    for count in (1, 3, 65535):
        with pytest.raises(CorruptError, match=f"bands are 2 instead of {count}"):
            read_metadata(data, count)
        with pytest.raises(RejectError):
            reference.read_metadata(data, count)


def test_decompression_bombs_are_refused() -> None:
    bomb = deflate(b'{"units":"' + b"m" * (1 << 23) + b'"}')
    assert len(bomb) < 100_000
    with pytest.raises(CorruptError):
        read_metadata(bomb)


def test_unknown_members_are_ignored_and_null_is_none() -> None:
    nothing = {"units": None, "later": {"a": [1]}, "nodata": None, "color_table": None}
    members = {**nothing, "transform": None, "gcps_crs": None, "bands": None}
    assert read_metadata(deflate(json.dumps(members).encode())) == Georeference()
    reference.read_metadata(deflate(json.dumps(members).encode()))
    members = {"units": "m", "nodata": 5, "color_table": [], "bands": [nothing]}
    assert read_metadata(deflate(json.dumps(members).encode())) == Georeference()
    slow = reference.read_metadata(deflate(json.dumps(members).encode()))
    assert reference.band_values(slow, 0)["units"] is None
