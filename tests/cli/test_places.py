"""demzip sample and demzip profile: questions, forms of answers, errors."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

import demzip
from demzip.surface import METHODS

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A raster around the meridian of Greenwich, south of the equator; a void in its midst."""
    monkeypatch.chdir(tmp_path)
    heights = np.add.outer(10 * np.arange(20), np.arange(30)).astype("int16")
    heights[9:11, 14] = -999
    with rasterio.open(
        "made.tif", "w", driver="GTiff", height=20, width=30, count=1, dtype="int16", nodata=-999,
        crs="EPSG:4326", transform=Affine(0.1, 0, -1.5, 0, -0.1, -52),
    ) as dataset:  # fmt: skip
        dataset.write(heights, 1)
        dataset.set_band_unit(1, "metre")
    demzip.compress("made.tif")
    return "made.dz"


def objects(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def records(result):
    assert result.exit_code == 0, result.output
    return list(csv.reader(io.StringIO(result.stdout)))


# ---- sample -----------------------------------------------------------------------------------


def test_negative_coordinates(made, run):
    for file in (made, "made.tif"):
        result = run("sample", file, "-1.45", "-52.05")
        assert result.stdout == "    x       y  elevation\n-1.45  -52.05          0\n"
        assert result.stderr == ""
    assert objects(run("sample", made, "-1.25e0", -52.05, "--json")) == [
        {"x": -1.25, "y": -52.05, "elevation": 2.0}
    ]
    assert objects(run("sample", "--json", "--method", "level-mean", made, "-.1", "-52.10")) == [
        {"x": -0.1, "y": -52.1, "elevation": 18.5}
    ]


def test_points_of_a_file(made, run):
    Path("p.csv").write_text(
        'name,Lat,Lon\r\n"a, b",-52.05,-1.45\r\n\r\nc,-52.25,-1.25,more\r\nd,0,0\r\n',
        encoding="utf-8-sig",
    )
    result = run("sample", made, "p.csv", "--csv")
    assert records(result) == [
        ["name", "Lat", "Lon", "column4", "elevation"],
        ["a, b", "-52.05", "-1.45", "", "0"],
        ["c", "-52.25", "-1.25", "more", "22"],
        ["d", "0", "0", "", ""],
    ]
    assert result.stderr == "demzip: note: made.dz: 1 of 3 points lie outside the raster\n"
    table = run("sample", made, "p.csv").stdout.splitlines()
    assert [line.split() for line in table] == [
        ["Lon", "Lat", "elevation"], ["-1.45", "-52.05", "0"], ["-1.25", "-52.25", "22"],
        ["0", "0", "outside"],
    ]  # fmt: skip
    assert [point["elevation"] for point in objects(run("sample", made, "p.csv", "--json"))] == [
        0, 22, None,
    ]  # fmt: skip


def test_columns_that_are_named_like_the_answers(made, run):
    Path("p.csv").write_text('# made,"by hand\nx,y,elevation,method\n-1.45,-52.05,7,b\n#,"\n')
    assert records(run("sample", made, "p.csv", "--csv")) == [
        ["x", "y", "elevation", "method", "elevation_2"], ["-1.45", "-52.05", "7", "b", "0"],
    ]  # fmt: skip
    Path("p.csv").write_text("x,y,elevation,elevation_2,method\n-1.45,-52.05,7,8,b\n")
    titles = records(run("sample", made, "p.csv", "--csv", "-m", "all"))[0]
    assert titles[2:] == ["elevation", "elevation_2", "method", "method_2", "elevation_3"]


@pytest.mark.parametrize("text", ["-1.45,-52.05\n", "-1.45 -52.05", "x,y\n -1.45 , -52.05 \n\n"])
def test_points_from_standard_input(made, process, text):
    done = process("sample", made, "-", "--json", input=text)
    assert json.loads(done.stdout) == [{"x": -1.45, "y": -52.05, "elevation": 0}], done.stderr


def test_voids_are_told_from_what_lies_outside(made, run):
    Path("p.csv").write_text("-0.05,-52.95\n3,3\n-0.04,-52.95\n0.35,-52.95\n")
    result = run("sample", made, "p.csv")
    answers = [line.split()[-1] for line in result.stdout.splitlines()]
    assert answers == ["elevation", "void", "outside", "void", "108"]
    assert result.stderr.splitlines() == [
        "demzip: note: made.dz: 1 of 4 points lie outside the raster",
        "demzip: note: made.dz: 2 of 4 points lie in voids or beside them",
    ]
    alone = run("sample", made, 3, 3)
    assert alone.exit_code == 0
    words = "its own x are -1.5 to 1.5, its y -54 to -52"
    assert alone.stderr.splitlines()[-1] == f"demzip: note: made.dz: {words}"


def test_what_may_be_the_matter_outside(made, tile, run):
    exchanged = "exchanged they lie inside: x is the longitude (easting), y the latitude"
    for arguments in (("sample", made, -52.05, -1.45), ("profile", made, -52.1, -1.4, -53, 1)):
        result = run(*arguments)
        assert result.exit_code == 0
        assert result.stderr.splitlines()[-1].endswith(f"its y -54 to -52; {exchanged}")
    with rasterio.open(tile) as dataset:
        x, y = dataset.xy(100, 100)
    (found,) = objects(run("sample", tile, x, y, "--geojson"))["features"]
    lon, lat = found["geometry"]["coordinates"]
    assert run("sample", tile, lon, lat).stderr.endswith(
        "; as longitudes and latitudes they lie inside: add --crs EPSG:4326\n"
    )
    assert exchanged in run("sample", tile, lat, lon, "--crs", "EPSG:4326").stderr
    assert exchanged in run("sample", tile, y, x).stderr
    Path("p.csv").write_text("-52.05,-1.45\n3,3\n")  # not all of them
    for arguments in ((made, "p.csv"), (made, 3, 3), (tile, lon + 9, lat)):
        assert run("sample", *arguments).stderr[-3:-1].strip()[-1].isdigit()


def test_all_methods(made, run):
    found = objects(run("sample", made, -1.4, -52.1, "--method", "all", "--json"))
    assert [point["method"] for point in found] == list(METHODS)
    with demzip.open_terrain(made) as terrain:
        for point in found:
            height = terrain.sample(-1.4, -52.1, method=point["method"])
            assert point["elevation"] == float(height)
    lines = records(run("sample", made, -1.4, -52.1, "-m", "all", "--csv"))
    assert lines[0] == ["x", "y", "method", "elevation"]
    assert [line[2] for line in lines[1:]] == list(METHODS)
    listed = run("sample", "--methods").stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(METHODS)


def test_heights_are_written_as_they_are(tile, run):
    with rasterio.open(tile) as dataset:
        heights = dataset.read(1)
        places = [(row, col) for row in range(0, 203, 9) for col in range(0, 310, 9)]
        points = [dataset.xy(*place) for place in places]
    Path("p.csv").write_text("".join(f"{x},{y}\n" for x, y in points))
    table = [line.split()[-1] for line in run("sample", tile, "p.csv").stdout.splitlines()[1:]]
    assert table == [str(heights[place]) for place in places]


def test_coordinates_of_another_system(tile, run):
    with rasterio.open(tile) as dataset:
        x, y = dataset.xy(100, 100)
        height = int(dataset.read(1)[100, 100])
    (found,) = objects(run("sample", tile, x, y, "--geojson"))["features"]
    lon, lat = found["geometry"]["coordinates"]
    assert -9 < lon < 3
    assert 49 < lat < 62
    assert found["properties"] == {"x": x, "y": y, "elevation": height}
    (back,) = objects(run("sample", tile, lon, lat, "--crs", "EPSG:4326", "--json"))
    assert back["elevation"] == pytest.approx(height, abs=0.01)
    collection = objects(run("sample", tile, lon, lat, "--crs", "EPSG:4326", "--geojson"))
    assert collection["type"] == "FeatureCollection"
    assert collection["features"][0]["geometry"] == {"type": "Point", "coordinates": [lon, lat]}


@pytest.mark.usefixtures("tile")
def test_rasters_that_lie_nowhere(run, assert_fails):
    with rasterio.open("bare.tif", "w", driver="GTiff", height=2, width=3, count=1,
                       dtype="uint8") as dataset:  # fmt: skip
        dataset.write(np.arange(6, dtype="uint8").reshape(1, 2, 3))
    result = run("sample", "bare.tif", 1.5, 1.5, "--geojson")
    (found,) = objects(result)["features"]
    assert found["properties"]["elevation"] == 4
    assert found["geometry"]["coordinates"] == [1.5, 1.5]
    first, second = result.stderr.splitlines()
    assert "x is the column and y the row" in first
    assert "the raster has no CRS" in second
    assert_fails(run("sample", "bare.tif", 1, 1, "--crs", "EPSG:4326"), 2, "bare.tif", "no CRS")
    with rasterio.open("half.tif", "w", driver="GTiff", height=2, width=3, count=1,
                       dtype="uint8", crs="EPSG:4326") as dataset:  # fmt: skip
        dataset.write(np.arange(6, dtype="uint8").reshape(1, 2, 3))
    demzip.compress("half.tif")
    for name in ("half.tif", "half.dz"):
        note = run("sample", name, 1.5, 1.5).stderr
        assert note.startswith(f"demzip: note: {name}: has a CRS but no transform; x is the column")
    assert "length 2.00 m" in run("profile", "bare.tif", 0, 1, 2, 1).stdout


def test_wrong_points(made, run, assert_fails):
    for text, words in (
        ("1,2\n\n1,b\n", ["p.csv, line 3", "'b' is not a number"]),
        ("1,2\n1\n", ["p.csv, line 2", "'1' has no x and y"]),
        ("1,2\n1,nan\n", ["p.csv, line 2", "'nan'"]),
        ("a,b\n1,2\n", ["p.csv, line 1", "a,b", "lon and lat"]),
        ("x,y,lon\n1,2,3\n", ["p.csv, line 1", "once"]),
        ("x,y\n7_1,2\n", ["p.csv, line 2", "'7_1' is not a number"]),
        ("x,y\n\u0667,2\n", ["p.csv, line 2", "is not a number"]),
        ("1;2\n", ["p.csv, line 1", "'1;2' has semicolons; commas are expected"]),
        ("x;y\n1;2\n", ["p.csv, line 1", "commas are expected"]),
        ("7,5;46,4\n", ["p.csv, line 1", "commas are expected"]),
        ("x,y\n1;2\n", ["p.csv, line 2", "commas are expected"]),
        ("# 1,2\n1,b\n", ["p.csv, line 2", "'b' is not a number"]),
        ("#1,2\n", ["p.csv", "no points"]),
        ("", ["p.csv", "no points"]),
        ("x,y\n", ["p.csv", "no points"]),
    ):
        Path("p.csv").write_text(text, encoding="utf-8")
        assert_fails(run("sample", made, "p.csv"), 2, *words)
    Path("p.csv").write_bytes(b"\xff\xfe1,2")
    assert_fails(run("sample", made, "p.csv"), 2, "p.csv", "no")
    assert_fails(run("sample", made, "no.csv"), 1, "no.csv", "No such file")


def test_wrong_arguments_of_sample(made, run, assert_fails):
    for arguments, code, words in (
        ((made,), 2, ["X"]),
        ((made, "7"), 2, ["no Y"]),
        ((made, "7", "north"), 2, ["Y 'north'"]),
        ((made, "nan", "1"), 2, ["X 'nan'"]),
        ((made, "1_0", "1"), 2, ["X '1_0'"]),
        ((made, "1", "1", "--method", "cubic"), 2, ["cubic", "bicubic-16"]),
        ((made, "1", "1", "--crs", "EPSG:1"), 2, ["EPSG:1", "PROJ"]),
        ((made, "1", "1", "--band", "2"), 2, ["made.dz", "band 2"]),
        ((made, "1", "1", "--band", "-1"), 2, ["made.dz", "band -1"]),
        ((made, "1", "1", "--csv", "--json"), 2, ["--json and --csv"]),
        (("-", "1", "1"), 2, ["standard input"]),
        (("no.tif", "1", "1"), 1, ["no.tif", "cannot be opened"]),
        ((made, "1", "1", "-z"), 2, ["-z", "; see demzip sample --help"]),
        ((made, "1", "1", "-m"), 2, ["-m", "; see demzip sample --help"]),
    ):
        assert_fails(run("sample", *arguments), code, *words)


def test_damaged_files(packed, run, assert_fails):
    with demzip.open_terrain(packed) as terrain:
        x, y = (float(axis) for axis in (terrain.transform.c + 1, terrain.transform.f - 1))
    data = bytearray(packed.read_bytes())
    data[-100] ^= 255
    packed.write_bytes(data)
    assert_fails(run("sample", packed, x, y), 3, "tile.dz")
    assert_fails(run("profile", packed, x, y, x + 10, y), 3, "tile.dz")


# ---- profile ----------------------------------------------------------------------------------


def test_a_table_and_a_summary(made, run):
    result = run("profile", made, -1.45, -52.05, -1.25, -52.05, "--step", 5000)
    *table, summary = result.stdout.splitlines()
    assert [line.split() for line in table[:2]] == [
        ["distance", "x", "y", "elevation"], ["0.00", "-1.4500000", "-52.0500000", "0"],
    ]  # fmt: skip
    distance, x, y, elevation = table[-1].split()
    assert (x, y, elevation) == ("-1.2500000", "-52.0500000", "2")
    assert len(table) == 1 + 4
    assert summary == (
        f"length {distance} m, minimum 0, maximum 2, ascent 2, descent 0, 4 points"
    )
    assert float(distance) == pytest.approx(13_720, abs=5)  # 0.2 degrees at 52.05 south
    assert result.stderr == ""


def test_forms_of_profiles_agree(made, run):
    line = ("profile", made, -1.45, -52.05, 1.6, -53.9, "-m", "bicubic-16", "--step", 4000)
    found = objects(run(*line, "--json"))
    points = found["line"]
    assert (found["source"], found["method"], found["points"]) == (made, "bicubic-16", len(points))
    assert points[0] == {"distance": 0, "x": -1.45, "y": -52.05, "elevation": 0}
    assert points[-1]["elevation"] is None
    assert found["outside"] > 0 < found["voids"]
    assert found["voids"] + found["outside"] == sum(p["elevation"] is None for p in points)
    heights = [point["elevation"] for point in points if point["elevation"] is not None]
    assert (found["minimum"], found["maximum"]) == (min(heights), max(heights))
    assert found["length"] == points[-1]["distance"]
    header, *rows = records(run(*line, "--csv"))
    assert header == ["distance", "x", "y", "elevation"]
    back = [[float(field) if field else None for field in row] for row in rows]
    assert back == [list(point.values()) for point in points]
    features = objects(run(*line, "--geojson"))["features"]
    assert [feature["properties"] for feature in features] == points
    places = [feature["geometry"]["coordinates"] for feature in features]
    np.testing.assert_allclose(places, [[point["x"], point["y"]] for point in points], atol=1e-8)


def test_pictures_of_profiles(made, run, files):
    line = ("profile", made, -1.45, -52.05, 1.6, -53.9)
    result = run(*line, "--plot", "line.svg")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("length ")
    assert "demzip: line.svg: profile of " in result.stderr
    words = Path("line.svg").read_text(encoding="utf-8")
    for text in ("made.dz", "distance (km)", "elevation (metre)", "no elevation", "-52.05"):
        assert text in words
    found = objects(run(*line, "--plot", "line.png", "--json"))
    assert found["points"] == len(found["line"])
    assert Path("line.png").read_bytes().startswith(b"\x89PNG")
    assert files() == ["line.png", "line.svg", "made.dz", "made.tif"]


def test_wrong_arguments_of_profile(made, run, assert_fails, files, monkeypatch):
    line = (made, "-1.4", "-52.1", "1", "-53")
    Path("old.svg").write_text("kept")
    for arguments, code, words in (
        (line[:4], 2, ["Y2"]),
        ((*line[:4], "south"), 2, ["Y2 'south'"]),
        ((*line, "--step", "0"), 2, ["step 0"]),
        ((*line, "--step", "-5"), 2, ["step -5"]),
        ((*line, "--step", "1e400"), 2, ["step inf", "below 1.8e308"]),
        ((*line, "--step", "1e-9"), 2, ["longer"]),
        ((*line, "--crs", "EPSG:1"), 2, ["EPSG:1"]),
        ((*line, "--method", "all"), 2, ["--method all"]),
        ((made, "0", "0", "0", "100"), 2, ["pole"]),
        ((*line, "--plot", "a.tif"), 2, ["--plot a.tif", ".svg"]),
        ((*line, "--plot", "old.svg"), 2, ["old.svg", "exists already"]),
        ((*line, "--plot", "no/a.svg"), 1, ["no folder"]),
        ((*line, "--force"), 2, ["--plot"]),
        ((*line, "--geojson", "--json"), 2, ["--json and --geojson"]),
        (("-", *line[1:]), 2, ["standard input"]),
    ):
        assert_fails(run("profile", *arguments), code, *words)
    monkeypatch.setattr("demzip.plots.extras.find_spec", lambda _name: None)
    assert_fails(run("profile", *line, "--plot", "a.svg"), 2, "pip install 'demzip[plot]'")
    assert files() == ["made.dz", "made.tif", "old.svg"]
    assert Path("old.svg").read_text() == "kept"
