"""demzip bench: its files agree with each other, its chart can be read, its errors are clear."""

import json
import os
import re
import shutil
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import rasterio
from typer.testing import CliRunner

import demzip
from demzip.bench import extras
from demzip.bench.chart import make_figure, pareto, speed
from demzip.bench.labels import Box, place_labels
from demzip.bench.report import Mean, geometric_mean, read_report
from demzip.bench.table import BEGIN, END
from demzip.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "corpus"
CODECS = "demzip-jpeg4,demzip-lagrange24,jpegls,pcodec*,jxl1,jxl9"
CHOSEN = (
    "demzip-jpeg4", "demzip-lagrange24", "deflate", "jpegls", "jxl1", "jxl9", "pcodec", "pcodec2d",
)  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def write(path, values, **options):
    rows, cols = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=rows, width=cols, count=1, dtype=values.dtype, **options
    ) as dataset:
        dataset.write(values, 1)


def relief(seed=1):
    rows, cols = np.indices((64, 80))
    noise = np.random.default_rng(seed).integers(0, 5, rows.shape)
    return 300 + 40 * np.sin(rows / 9) + 30 * np.cos(cols / 7) + noise


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A folder that was measured, with all outputs."""
    folder = tmp_path_factory.mktemp("bench")
    rasters = folder / "rasters"
    rasters.mkdir()
    write(rasters / "a.tif", relief().astype("int16"))
    write(rasters / "b.tif", relief(2).astype("int16"))
    write(rasters / "c.tif", np.round(relief(3), 2).astype("float32"))
    (rasters / "notes.txt").write_text("no raster")
    outputs = {name: folder / f"out.{name}" for name in ("json", "svg", "png", "html", "md")}
    result = CliRunner().invoke(
        app,
        [
            "bench", str(rasters), "--codecs", CODECS, "--repeat", "1",
            "--json", str(outputs["json"]), "--plot", str(outputs["svg"]),
            "--plot", str(outputs["png"]), "--plot", str(outputs["html"]),
            "--markdown", str(outputs["md"]),
        ],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return outputs | {"stdout": result.stdout, "folder": folder}


@pytest.fixture
def found(measured):
    return json.loads(measured["json"].read_text(encoding="utf-8"))


def test_json_has_every_codec_on_every_raster(found):
    assert [codec["name"] for codec in found["codecs"]] == list(CHOSEN)
    assert [Path(raster["path"]).name for raster in found["rasters"]] == ["a.tif", "b.tif", "c.tif"]
    assert [raster["kind"] for raster in found["rasters"]] == [
        "integers",
        "integers",
        "grid floats",
    ]
    for raster in found["rasters"]:
        assert [result["codec"] for result in raster["results"]] == list(CHOSEN)
        for result in raster["results"]:
            if result["problem"] is None:
                expected = 8 * result["bytes"] / (raster["rows"] * raster["cols"])
                assert result["bits_per_elevation"] == pytest.approx(expected)
                assert result["encode_mpx_s"] > 0
                assert result["decode_mpx_s"] > 0
    out = [(result["codec"], result["problem"]) for result in found["rasters"][2]["results"]]
    assert ("jpegls", "float32: it takes integers only") in out
    assert found["machine"]["cpu"]
    assert found["versions"]["libjxl"]


def test_sizes_are_those_of_demzip_itself(found, measured):
    with rasterio.open(measured["folder"] / "rasters" / "a.tif") as dataset:
        data = demzip.encode(dataset.read(1), predictor="jpeg4")
    assert found["rasters"][0]["results"][0]["bytes"] == len(data)


def test_means_are_geometric_and_over_what_a_codec_took(found):
    sizes = {
        result["codec"]: [raster["results"][place]["bytes"] for raster in found["rasters"]]
        for place, result in enumerate(found["rasters"][0]["results"])
    }
    classes = {entry["kind"]: entry for entry in found["classes"]}
    assert list(classes) == ["integers", "grid floats", "all rasters"]
    means = {mean["codec"]: mean for mean in classes["all rasters"]["means"]}
    assert set(means) == set(CHOSEN)
    for codec, mean in means.items():
        pairs = [
            (size, base, strong)
            for size, base, strong in zip(
                sizes[codec], sizes["deflate"], sizes["jxl9"], strict=True
            )
            if size is not None
        ]
        assert mean["took"] == len(pairs) == (2 if codec == "jpegls" else 3)
        logs = np.log([[size / base, size / strong] for size, base, strong in pairs])
        expected = np.exp(logs.mean(axis=0))
        assert [mean["to_deflate"], mean["to_jxl9"]] == pytest.approx(list(expected))
    ratios = [mean["to_deflate"] for mean in classes["all rasters"]["means"]]
    assert ratios == sorted(ratios)
    assert means["deflate"]["to_deflate"] == pytest.approx(1)


def table_rows(text, ruled=r"^\|(.*)\|$"):
    lines = re.findall(ruled, text, re.MULTILINE)
    return [tuple(cell.strip() for cell in line.split("|")) for line in lines]


def test_tables_have_the_figures_of_the_json(found, measured):
    markdown = measured["md"].read_text(encoding="utf-8")
    page = measured["html"].read_text(encoding="utf-8")
    cells = [re.findall("<td>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", page)]
    for entry in found["classes"]:
        for mean in entry["means"]:
            row = (
                mean["codec"],
                f"{mean['took']} of {entry['rasters']}",
                f"{mean['bits_per_elevation']:.3f}",
                f"{mean['encode_mpx_s']:.3g}",
                f"{mean['decode_mpx_s']:.3g}",
                f"{mean['to_deflate']:.3f}",
                f"{mean['to_jxl9']:.3f}",
            )
            assert row in table_rows(measured["stdout"])
            assert row in table_rows(markdown)
            assert list(row) in cells
    for words in (markdown, measured["stdout"], page):
        assert "jpegls is out of 1 raster: float32: it takes integers only" in words
    assert found["machine"]["cpu"] in markdown


def test_svg_and_page_hold_every_label_and_the_machine(found, measured):
    svg = measured["svg"].read_text(encoding="utf-8")
    page = measured["html"].read_text(encoding="utf-8")
    for text in ("".join(ET.fromstring(svg).itertext()), page):  # noqa: S314  our own file
        for codec in found["codecs"]:
            assert text.count(codec["title"]) >= 4  # two panels of two classes at least
        assert "JPEG-LS (2 of 3)" in text
        assert "decode Mpx/s" in text
        assert "encode Mpx/s" in text
        assert found["versions"]["libjxl"] in text
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)=["'](?!#)""", page.replace("xlink:", ""))


def test_png_is_a_picture(measured):
    picture = matplotlib.image.imread(measured["png"])
    assert picture.shape[0] > 1000
    assert picture.shape[1] == 1300
    assert len(np.unique(picture)) > 50


def test_labels_overlap_neither_each_other_nor_points_nor_the_frame(measured):
    figure = make_figure(read_report(measured["json"]))
    assert len(figure.axes) == 6
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) >= 7
        frame = axes.get_window_extent()
        for box in boxes:
            assert frame.x0 <= box.x0 < box.x1 <= frame.x1
            assert frame.y0 <= box.y0 < box.y1 <= frame.y1
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
        points = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
        assert len(points) == len(boxes)
        for point in axes.transData.transform(points):
            assert not any(box.contains(*point) for box in boxes)


def test_labels_of_a_crowd_find_room():
    places = np.random.default_rng(3)
    points = [(float(x), float(y)) for x, y in places.uniform(150, 350, (25, 2))]
    sizes = [(60.0, 10.0)] * 25
    found = place_labels(points, sizes, Box(0, 0, 500, 500), 5)
    for one, other in combinations(found, 2):
        assert not one.box.overlaps(other.box)
    for place in found:
        assert place.box.inside(Box(0, 0, 500, 500))
        assert (place.box.right - place.box.left, place.box.top - place.box.bottom) == (
            pytest.approx((60, 10))
        )
        assert not any(place.box.overlaps(Box(x - 5, y - 5, x + 5, y + 5)) for x, y in points)


def test_nothing_beats_the_front_and_the_front_beats_the_rest():
    places = np.random.default_rng(4)
    means = [
        Mean(str(number), 1, 1.0, *map(float, places.uniform(1, 2, 3)), None)
        for number in range(40)
    ]
    for way in ("encode", "decode"):
        front = pareto(means, way)

        def beats(one, other, way=way):
            return speed(one, way) > speed(other, way) and one.to_deflate < other.to_deflate

        for mean in means:
            assert any(beats(other, mean) for other in means) == (mean not in front)


def test_geometric_mean_is_one():
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2)


def test_charts_are_drawn_again_from_json(measured, tmp_path, run):
    again = tmp_path / "again.svg"
    result = run("bench", measured["json"], "--plot", again, "--json", tmp_path / "again.json")
    assert result.exit_code == 0, result.output
    assert again.read_bytes() == measured["svg"].read_bytes()
    assert (tmp_path / "again.json").read_bytes() == measured["json"].read_bytes()
    assert result.stdout == measured["stdout"]


def test_one_class_is_shown(measured, tmp_path, run):
    chart = tmp_path / "one.svg"
    result = run("bench", measured["json"], "--class", "grid floats", "--plot", chart)
    assert result.stdout.splitlines()[0].endswith("grid floats")
    assert "JPEG-LS" not in chart.read_text(encoding="utf-8")


def test_tables_go_between_the_marks_of_a_document(measured, tmp_path, run):
    document = tmp_path / "doc.md"
    document.write_text(f"# Mine\n\n{BEGIN}\nold\n{END}\nlast\n", encoding="utf-8")
    result = run("bench", measured["json"], "--markdown", document, "-f")
    assert result.exit_code == 0, result.output
    text = document.read_text(encoding="utf-8")
    assert text.startswith(f"# Mine\n\n{BEGIN}\n\nMeasured ")
    assert text.endswith(f"\n{END}\nlast\n")
    assert "old" not in text.splitlines()
    assert run("bench", measured["json"], "--markdown", document, "-f").exit_code == 0
    assert document.read_text(encoding="utf-8") == text


def test_json_keys_are_described(found):
    section = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    section = section[section.index("## demzip bench") : section.index("## demzip info")]
    described = set(re.findall(r"`(\w+)`", section[section.index("| key |") :]))
    described.add("demzip bench 1")

    def keys(value):
        if isinstance(value, list):
            return set().union(*map(keys, value))
        if isinstance(value, dict):
            return set(value).union(*map(keys, value.values()))
        return set()

    plain = {key: value for key, value in found.items() if key != "versions"}
    assert keys(plain) | {"versions"} <= described
    assert set(found) == {
        "schema", "date", "machine", "versions", "repeat", "codecs", "rasters", "classes",
    }  # fmt: skip


# ---- wrong usage


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["--codecs", "gzip"], 2, ["'gzip'", "jpegls"]),
        (["--repeat", "0"], 2, ["repeat 0", "1 to 100"]),
        (["--class", "cities"], 2, ["'cities'", "bathymetry"]),
        (["--plot", "chart.pdf"], 2, ["chart.pdf", ".svg"]),
        (["--plot", "tile.tif"], 2, ["tile.tif", ".svg"]),
        (["--json", "tile.tif", "-f"], 2, ["tile.tif", "same file"]),
        (["--json", "old.json"], 2, ["old.json", "exists already"]),
        (["--json", "nowhere/a.json"], 1, ["nowhere"]),
        (["--json", "a.json", "--markdown", "a.json"], 2, ["same name"]),
        (["--markdown", "old.json", "-f"], 2, ["old.json", "demzip bench: begin"]),
        (["--class", "voids", "-c", "lzma"], 2, ["no raster", "voids"]),
        (["no.tif"], 1, ["no.tif"]),
        (["old.json"], 2, ["only input"]),
    ],
)
def test_bad_arguments_write_nothing(arguments, exit_code, words, tile, run, assert_fails, files):
    Path("old.json").write_text("{}", encoding="utf-8")
    before = tile.read_bytes()
    assert_fails(run("bench", tile, *arguments), exit_code, *words)
    assert files() == ["old.json", "tile.tif"]
    assert tile.read_bytes() == before
    assert Path("old.json").read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"schema": "demzip bench 1"}', "\xff"])
def test_other_json_files_are_refused(text, tmp_path, run, assert_fails):
    path = tmp_path / "other.json"
    path.write_bytes(text.encode("latin-1"))
    assert_fails(run("bench", path), 2, "other.json", "no benchmark")


def test_folder_without_rasters_is_refused(tmp_path, run):
    (tmp_path / "notes.txt").write_text("no raster")
    result = run("bench", tmp_path)
    assert result.exit_code == 2
    assert "no raster is in it" in result.stderr
    assert "no raster to measure" in result.stderr


def test_missing_extra_is_named(tile, run, assert_fails, monkeypatch):
    monkeypatch.setattr(extras, "EXTRAS", ("imagecodecs", "no_such_package"))
    assert_fails(run("bench", tile), 2, "no_such_package", "pip install 'demzip[bench]'")


def test_threads_are_one_while_measuring_and_as_before_afterwards(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("GDAL_NUM_THREADS", raising=False)
    with extras.one_thread():
        assert os.environ["OMP_NUM_THREADS"] == os.environ["GDAL_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "GDAL_NUM_THREADS" not in os.environ


def test_corpus_is_measured_as_a_command(tmp_path, process):
    shutil.copy(CORPUS / "terraces_uint8.tif", tmp_path / "tile.tif")
    done = process("bench", "tile.tif", "-c", "jpegls,demzip-jpeg1", "--repeat", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert [row[0] for row in table_rows(done.stdout)[1:]] != []
    assert {row[0] for row in table_rows(done.stdout)} >= {"jpegls", "demzip-jpeg1", "deflate"}
