"""All that rasterio gives of a dataset comes back from a GeoTIFF, or is named."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from hypothesis import given
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint as RasterioPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.rpc import RPC
from rasterio.transform import Affine

from demzip.container.metadata import read_metadata, write_metadata
from demzip.errors import UnsupportedError
from demzip.io.finishing import finish_geotiff
from demzip.io.masks import has_mask
from demzip.io.metadata import differences, read_georeference, rpcs
from demzip.io.nodata import read_nodata
from demzip.io.profile import profile
from demzip.raster.georeference import Band, Georeference, GroundControlPoint
from tests.geotiffs import COLS, ROWS, about, made, read, written
from tests.property.georeferences import georeferences

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

POINTS = [RasterioPoint(r, c, 7 + c / 3, 47 - r / 7, 9.5) for r, c in ((0, 0), (0, 5), (9, 0.25))]
COEFFICIENTS = RPC(
    1.5, 2.0, -3.25, 4.0, list(range(20)), [n / 7 for n in range(20)], 5.0, 6.0, 7.0, 8.0,
    [0.1] * 20, [1e-12] * 20, 9.0, 10.0, 0.5, 0.25,
)  # fmt: skip


def comes_back(path, dtype="int16"):
    """Check the way through bytes and a GeoTIFF; gives the georeference."""
    georeference = read(path)
    packed = read_metadata(write_metadata(georeference), len(georeference.bands))
    assert repr(packed) == repr(georeference)
    back = written(path.with_name("back.tif"), packed, dtype)
    assert differences(read(back), packed) == []
    assert about(back) == about(path)
    assert sorted(file.name for file in path.parent.iterdir()) == sorted({path.name, back.name})
    return georeference


def colors(*names):
    def setup(dataset):
        dataset.colorinterp = [ColorInterp[name] for name in names]

    return setup


def test_bands_of_their_own(tmp_path):
    def setup(dataset):
        dataset.units = ("m", "", "ft")
        dataset.descriptions = ("Höhe", None, "x")
        dataset.scales, dataset.offsets = (1.0, 0.1, 3.0), (0.0, -7.5, 0.1)
        dataset.update_tags(2, STATISTICS_MEAN="7", ünï="<&>")
        dataset.update_tags(3, ns="SURVEY", a="b=c: d")

    path = made(tmp_path / "a.tif", 3, "float32", setup, nodata=np.nan, crs="EPSG:32633",
                transform=Affine(2, 0, 5e5, 0, -2, 5e6))  # fmt: skip
    bands = comes_back(path, "float32").bands
    assert [band.units for band in bands] == ["m", None, "ft"]
    assert bands[1].tags == {"": {"STATISTICS_MEAN": "7", "ünï": "<&>"}}
    assert bands[2].tags == {"SURVEY": {"a": "b=c: d"}}
    assert [band.offset for band in bands] == [0.0, -7.5, 0.1]


@pytest.mark.parametrize(
    ("dtype", "names"),
    [
        ("uint8", ("red", "green", "blue")),
        ("uint8", ("gray", "undefined", "undefined")),
        ("uint8", ("red", "green", "blue", "alpha")),
        ("int16", ("red", "green", "blue", "alpha")),
        ("uint8", ("blue", "green", "red", "nir")),
        ("uint16", ("gray", "alpha")),
        ("float32", ("gray", "undefined")),
        ("uint8", ("cyan", "gray", "undefined", "alpha", "red")),
        ("uint8", ("red",)),
    ],
)
def test_color_interpretations(dtype, names, tmp_path):
    path = made(tmp_path / "a.tif", len(names), dtype, colors(*names))
    with rasterio.open(path) as dataset:
        assert tuple(color.name for color in dataset.colorinterp) == names
        assert not has_mask(dataset)
    comes_back(path, dtype)


@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", None), ("uint16", None), ("uint8", 1)])
def test_color_tables(dtype, nodata, tmp_path):
    def setup(dataset):
        dataset.write_colormap(1, {0: (1, 2, 3, 255), 1: (0, 0, 0, 255), 9: (255, 0, 7, 255)})

    path = made(tmp_path / "a.tif", 1, dtype, setup, nodata=nodata)
    band = comes_back(path, dtype).bands[0]
    assert len(band.color_table) == 10
    assert band.color_table[9] == (255, 0, 7, 255)
    assert band.color_interpretation is None
    assert len(write_metadata(read(path))) < 60


def test_empty_color_table(tmp_path):
    path = made(tmp_path / "a.tif", 1, "uint8", lambda d: d.write_colormap(1, {0: (0, 0, 0, 255)}))
    assert comes_back(path, "uint8").bands[0].color_table == ()


@pytest.mark.parametrize("kind", ["Area", "Point", None])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:7415", None])
def test_ground_control_points(kind, crs, tmp_path):
    def setup(dataset):
        if kind:
            dataset.update_tags(AREA_OR_POINT=kind)
        dataset.gcps = (POINTS, CRS.from_user_input(crs) if crs else CRS())

    found = comes_back(made(tmp_path / "a.tif", 2, setup=setup))
    assert [point.x for point in found.gcps] == [point.x for point in POINTS]
    assert {type(point.row) for point in found.gcps} == {float}
    assert crs is None or found.gcps_crs is not None
    assert found.transform is None


def test_rpcs(tmp_path):
    def setup(dataset):
        dataset.rpcs = COEFFICIENTS

    path = made(tmp_path / "a.tif", setup=setup, crs="EPSG:4326")
    found = comes_back(path)
    with rasterio.open(path) as dataset:
        assert rpcs(found) == dataset.rpcs
    assert rpcs(found).line_num_coeff[2] == pytest.approx(2 / 7, abs=1e-14)
    assert rpcs(Georeference()) is None
    assert rpcs(Georeference(tags={"RPC": {"LINE_OFF": "x"}})) is None
    spelt = found.tags["RPC"] | {"HEIGHT_OFF": "+1.500"}
    assert differences(found, replace(found, tags=found.tags | {"RPC": spelt})) == []
    spelt["HEIGHT_OFF"] = "1.51"
    assert differences(found, replace(found, tags=found.tags | {"RPC": spelt})) == [
        "tags RPC HEIGHT_OFF: '1.5' instead of '1.51'"
    ]


XMP = '<?xpacket begin="ü" id="x"?>\n<x y="1=2"/>\n'


def test_namespaces(tmp_path):
    def setup(dataset):
        first, second = XMP.split("=", 1)
        dataset.update_tags(ns="xml:XMP", **{first: second})
        dataset.update_tags(ns="xml:OTHER", **{first: second})
        dataset.update_tags(ns="GEOLOCATION", X_DATASET="lon.tif", Y_BAND="1")
        dataset.update_tags(ns="IMD", numRows="40")
        dataset.update_tags(1, ns="SURVEY", other="7")
        dataset.update_tags(AREA_OR_POINT="Point", TIFFTAG_SOFTWARE="söft", LONG="y" * 99999)

    path = made(tmp_path / "a.tif", setup=setup, crs="EPSG:4326")
    path.with_suffix(".IMD").unlink()  # GDAL's copy of these tags
    tags = comes_back(path).tags
    assert set(tags) == {"", "xml:XMP", "xml:OTHER", "GEOLOCATION", "IMD"}
    assert tags["xml:XMP"] == {"xml:XMP": XMP}
    assert tags[""]["AREA_OR_POINT"] == "Point"


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("int64", -(1 << 63)), ("int64", 1 - (1 << 63)), ("int64", (1 << 53) + 1),
        ("int64", (1 << 63) - 1), ("int64", 99999999999999999), ("int64", -9999), ("int64", 0),
        ("uint64", (1 << 64) - 1), ("uint64", 1 << 63), ("uint64", 255),
    ],
)  # fmt: skip
@pytest.mark.parametrize("count", [1, 2])
def test_no_data_of_64_bits(dtype, nodata, count, tmp_path):
    """Rasterio rounds them; GDAL writes and reads them exactly."""
    name = {"int64": "Int64", "uint64": "UInt64"}[dtype]
    bands = "".join(
        f'<VRTRasterBand dataType="{name}" band="{band + 1}"><NoDataValue>{nodata}</NoDataValue>'
        "</VRTRasterBand>"
        for band in range(count)
    )
    path = tmp_path / "a.tif"
    rasterio.shutil.copy(
        f'<VRTDataset rasterXSize="{COLS}" rasterYSize="{ROWS}">{bands}</VRTDataset>', path,
        driver="GTiff",
    )  # fmt: skip
    found = comes_back(path, dtype)
    assert [band.nodata for band in found.bands] == [nodata] * count
    data = path.with_name("back.tif").read_bytes()
    assert data.count(str(nodata).encode() + b"\0") >= 1
    for chosen in ({"BIGTIFF": "YES"}, {"ENDIANNESS": "BIG"}):
        back = tmp_path / "b.tif"
        options = profile(dtype, (ROWS, COLS), 512, found, chosen)
        with rasterio.open(back, "w", **options) as dataset:
            dataset.write(np.ones((count, ROWS, COLS), dtype))
        finish_geotiff(back, replace(found, overviews=(2,)), dtype)
        with rasterio.open(back) as dataset:
            assert read_nodata(dataset) == [nodata] * count
            assert (dataset.read() == 1).all()
            assert dataset.overviews(1) == [2]


def test_bands_with_different_no_data(tmp_path):
    """A GeoTIFF has one value: the first that a band has and the dtype allows."""
    bands = (Band(), Band(nodata=300.0), Band(nodata=7.0), Band(nodata=7.0))
    georeference = Georeference(bands=bands)
    back = read(written(tmp_path / "a.tif", georeference, "uint8"))
    assert [band.nodata for band in back.bands] == [7.0] * 4
    assert differences(back, georeference) == [
        "band 1 nodata: 7.0 instead of None", "band 2 nodata: 7.0 instead of 300.0",
    ]  # fmt: skip


def test_what_a_geotiff_cannot_hold_is_named(tmp_path):
    colorful = Band(color_table=((1, 2, 3, 4),), tags={"": {"ns": "1", "fine": "2"}})
    georeference = Georeference(
        transform=(2.0, 0.0, 0.0, 0.0, -2.0, 0.0), gcps=(GroundControlPoint(1, 2, 3, 4, 5, "a"),),
        tags={"xml:X": {"xml:X": "<a/>"}, "IMAGE_STRUCTURE": {"a": "b"}},
        bands=(colorful, replace(colorful, nodata=1e9)),
    )  # fmt: skip
    found = differences(read(written(tmp_path / "a.tif", georeference)), georeference)
    assert found == [
        "the ground control points",
        "tags IMAGE_STRUCTURE a: None instead of 'b'",
        "tags xml:X xml:X: None instead of '<a/>'",
        "band 1 tags ns: None instead of '1'",
        "band 1 color_table: None instead of ((1, 2, 3, 4),)",
        "band 2 nodata: None instead of 1000000000.0",
        "band 2 tags ns: None instead of '1'",
        "band 2 color_table: None instead of ((1, 2, 3, 4),)",
    ]


@given(georeferences, st.sampled_from(["uint8", "uint16", "int16", "int64", "uint64", "float32"]))
def test_nonsense_is_written_or_named(tmp_path, georeference, dtype):
    """Metadata that no raster has cannot keep samples from coming out."""
    georeference = replace(georeference, crs=None, gcps_crs=None)
    path = written(tmp_path / "a.tif", georeference, dtype)
    differences(read(path), georeference)
    with rasterio.open(path) as dataset:
        assert (dataset.read() == 1).all()


def test_no_data_just_beyond_float32(tmp_path):
    """It rounds to the largest float32, or to none, as one likes."""
    georeference = Georeference(bands=(Band(nodata=3.4028235677973366e38),))
    back = read(written(tmp_path / "a.tif", georeference, "float32"))
    assert differences(back, georeference) == ["nodata: None instead of 3.4028235677973366e+38"]


def test_names_of_ground_control_points_are_lost(tmp_path):
    points = tuple(
        GroundControlPoint(row, col, row, col, 0.0, "corner", "x")
        for row, col in ((0.0, 0.0), (0.0, 9.0), (9.0, 0.0))
    )
    georeference = Georeference(gcps=points)
    back = read(written(tmp_path / "a.tif", georeference))
    assert differences(back, georeference) == ["the ground control points"]
    assert [point[:5] for point in back.gcps] == [point[:5] for point in points]


@pytest.mark.parametrize("place", ["units", "descriptions"])
def test_texts_that_are_not_utf8(place, tmp_path):
    path = made(tmp_path / "a.tif", setup=lambda dataset: setattr(dataset, place, ("d!d",)))
    path.write_bytes(path.read_bytes().replace(b"d!d", b"d\xfcd"))
    with rasterio.open(path) as dataset, pytest.raises(UnsupportedError, match="not UTF-8"):
        read_georeference(dataset)


def test_subdatasets_and_json_are_left_out():
    text = (
        '<VRTDataset rasterXSize="2" rasterYSize="2"><Metadata domain="json:X" format="json">[7]'
        '</Metadata><Metadata domain="SUBDATASETS"><MDI key="a">b</MDI></Metadata>'
        '<VRTRasterBand dataType="Int16" band="1"/></VRTDataset>'
    )
    with rasterio.open(text) as dataset:
        assert read_georeference(dataset).tags == {}
