"""The kept rasters are what the manifest says, and fetching public ones fails safely."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    import numpy.typing as npt

    Run = Callable[..., int]
    Samples = npt.NDArray[Any]

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
MANIFEST = tomllib.loads((CORPUS / "MANIFEST.toml").read_text(encoding="utf-8"))
RASTERS = {entry["file"]: entry for entry in MANIFEST["raster"]}


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"corpus_{name}", CORPUS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = load("generate")
fetch = load("fetch")


def read(name: str) -> Samples:
    with rasterio.open(CORPUS / name) as source:
        return np.asarray(source.read(1))


def residual_entropy(samples: Samples) -> float:
    """Give the zero-order entropy, in bits, of the residuals of the W + N - NW predictor."""
    wide = samples.astype(np.int64)
    residual = wide[1:, 1:] - wide[1:, :-1] - wide[:-1, 1:] + wide[:-1, :-1]
    share = np.unique(residual, return_counts=True)[1] / residual.size
    return float(-(share * np.log2(share)).sum())


# ---- kept rasters -----------------------------------------------------------------------------


def test_manifest_lists_exactly_the_kept_files() -> None:
    assert set(RASTERS) == {path.name for path in CORPUS.glob("*.tif")}
    assert sum(path.stat().st_size for path in CORPUS.glob("*.tif")) < 700_000


@pytest.mark.parametrize("name", RASTERS)
def test_kept_file_matches_its_hash(name: str) -> None:
    assert hashlib.sha256((CORPUS / name).read_bytes()).hexdigest() == RASTERS[name]["sha256"]
    assert (CORPUS / name).stat().st_size < 150_000


@pytest.mark.parametrize("name", RASTERS)
def test_generator_gives_the_kept_samples(name: str) -> None:
    entry = RASTERS[name]
    made = generate.MAKERS[entry["make"]](entry["rows"], entry["cols"], entry["seed"])
    kept = read(name)
    assert made.dtype == kept.dtype
    np.testing.assert_array_equal(made, kept)


@pytest.mark.parametrize("name", RASTERS)
def test_kept_file_carries_its_metadata(name: str) -> None:
    entry = RASTERS[name]
    with rasterio.open(CORPUS / name) as source:
        assert source.shape == (entry["rows"], entry["cols"])
        assert source.crs == CRS.from_string(entry["crs"])
        assert source.transform[:6] == pytest.approx(entry["transform"], abs=1e-12)
        assert source.nodata == entry.get("nodata")
        assert source.units == (entry["unit"],)
        assert source.descriptions == (entry["description"],)
        assert source.scales == (entry.get("scale", 1.0),)
        assert entry["tags"].items() <= source.tags().items()
        assert entry["band_tags"].items() <= source.tags(1).items()


def test_mountains_have_the_statistics_of_a_radar_tile() -> None:
    assert 3.5 < residual_entropy(read("mountains_int16.tif")) < 5.0


def test_lidar_is_exactly_whole_centimetres() -> None:
    samples = read("lidar_cm_float32.tif")
    counts = np.rint(samples.astype(np.float64) * 100.0)
    np.testing.assert_array_equal(samples, (counts / 100.0).astype(np.float32))
    assert np.unique(counts % 100).size == 100


def test_coast_is_part_sea_part_land() -> None:
    samples = read("coast_int16.tif")
    assert samples.min() == 0
    assert 0.35 < float((samples == 0).mean()) < 0.45
    assert samples.max() > 200


def test_terraces_leave_most_values_unused() -> None:
    samples = read("terraces_uint8.tif")
    assert not (samples % 4).any()
    assert np.unique(samples).size > 20


def test_voids_are_holes_and_speckle() -> None:
    empty = read("voids_int16.tif") == -32768
    assert 0.01 < float(empty.mean()) < 0.15
    inner = empty[1:-1, 1:-1]
    beside = (empty[:-2, 1:-1], empty[2:, 1:-1], empty[1:-1, :-2], empty[1:-1, 2:])
    assert (inner & np.logical_and.reduce(beside)).sum() > 100
    assert (inner & ~np.logical_or.reduce(beside)).sum() > 100


def test_lakes_are_level() -> None:
    samples = read("lakes_int16.tif")
    around = np.lib.stride_tricks.sliding_window_view(samples, (5, 5))
    level = around.min(axis=(2, 3)) == around.max(axis=(2, 3))
    assert float(level.mean()) > 0.03
    assert np.unique(around[level][:, 0, 0]).size >= 3


def test_another_seed_gives_another_relief() -> None:
    first, second = generate.relief(64, 80, 1), generate.relief(64, 80, 2)
    assert first.shape == (64, 80)
    assert first.dtype == np.int16
    assert (first != second).mean() > 0.9
    np.testing.assert_array_equal(first, generate.relief(64, 80, 1))


def test_flood_drains_every_cell_without_going_up() -> None:
    heights = generate.bell(np.random.PCG64(5), 20, 30)
    filled, receiver, order = generate.flood(heights)
    assert sorted(order) == list(range(600))
    assert all(filled[cell] >= filled[receiver[cell]] for cell in order)
    assert all(new >= old for new, old in zip(filled, heights.ravel(), strict=True))


def test_elevations_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        generate.whole(np.array([[40_000.0]]))


def test_command_line_writes_a_relief(tmp_path: Path) -> None:
    target = tmp_path / "relief.tif"
    assert generate.main(["--relief", "70", "90", "3", str(target)]) == 0
    with rasterio.open(target) as source:
        np.testing.assert_array_equal(source.read(1), generate.relief(70, 90, 3))
        assert source.crs == CRS.from_epsg(4326)


# ---- fetching ---------------------------------------------------------------------------------

BODY = bytes(range(256)) * 40
PACKED = gzip.compress(BODY, mtime=0)


class Server(BaseHTTPRequestHandler):
    """Serves a few bodies; /short.bin announces more bytes than it sends."""

    bodies: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = self.bodies.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        extra = 100 if self.path == "/short.bin" else 0
        self.send_header("Content-Length", str(len(body) + extra))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Server.bodies = {"/good.bin": BODY, "/short.bin": BODY, "/tile.hgt.gz": PACKED}
    Server.bodies["/damaged.hgt.gz"] = PACKED[:-20]
    Server.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def run(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def call(path: str, sha256: str = "", **more: str) -> int:
        entry = {"name": "one", "url": site + path, "sha256": sha256, **more}
        lines = [f"{key} = {json.dumps(text)}" for key, text in entry.items()]
        manifest = tmp_path / "m.toml"
        manifest.write_text("\n".join(["[[public]]", *lines]), encoding="utf-8")
        folder = str(tmp_path / "out")
        return int(fetch.main(["one", "--output", folder, "--manifest", str(manifest)]))

    return call


def left_over(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "out").iterdir()}


def test_good_file_is_fetched_once(run: Run, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(BODY).hexdigest()
    assert run("/good.bin", sha256) == 0
    assert (tmp_path / "out/good.bin").read_bytes() == BODY
    assert left_over(tmp_path) == {"good.bin", "fetched.toml"}
    lock = tomllib.loads((tmp_path / "out/fetched.toml").read_text(encoding="utf-8"))
    assert lock["one"]["sha256"] == sha256
    assert run("/good.bin", sha256.upper()) == 0
    assert Server.asked == ["/good.bin"]


def test_present_file_needs_no_lock_if_the_manifest_has_its_hash(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/good.bin").write_bytes(BODY)
    assert run("/good.bin", hashlib.sha256(BODY).hexdigest()) == 0
    assert Server.asked == []


def test_file_that_was_changed_on_disk_is_fetched_again(run: Run, tmp_path: Path) -> None:
    assert run("/good.bin") == 0
    (tmp_path / "out/good.bin").write_bytes(b"other")
    assert run("/good.bin") == 0
    assert (tmp_path / "out/good.bin").read_bytes() == BODY
    assert len(Server.asked) == 2


def test_wrong_hash_leaves_nothing(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("/good.bin", "0" * 64) == 1
    assert left_over(tmp_path) == set()
    message = capsys.readouterr().err
    assert "wrong sha256" in message
    assert message.count("\n") == 1


def test_first_hash_is_checked_afterwards(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("/good.bin") == 0
    (tmp_path / "out/good.bin").unlink()
    Server.bodies["/good.bin"] = BODY + b"!"
    assert run("/good.bin") == 1
    assert "changed since the first download" in capsys.readouterr().err
    assert left_over(tmp_path) == {"fetched.toml"}


@pytest.mark.parametrize(
    ("path", "message"),
    [("/none.bin", "404"), ("/short.bin", "cut short"), ("/damaged.hgt.gz", "cannot unpack")],
)
def test_bad_answer_leaves_nothing(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str, message: str
) -> None:
    assert run(path) == 1
    assert message in capsys.readouterr().err
    assert left_over(tmp_path) == set()


def test_gz_is_unpacked_and_checked_as_served(run: Run, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(PACKED).hexdigest()
    assert run("/tile.hgt.gz", sha256) == 0
    assert (tmp_path / "out/tile.hgt").read_bytes() == BODY
    assert left_over(tmp_path) == {"tile.hgt", "fetched.toml"}
    assert run("/tile.hgt.gz", sha256) == 0
    assert Server.asked == ["/tile.hgt.gz"]


@pytest.mark.parametrize("file", ["../away.bin", "a/b", "fetched.toml", ".."])
def test_names_that_leave_the_folder_are_refused(run: Run, tmp_path: Path, file: str) -> None:
    assert run("/good.bin", file=file) == 1
    assert not (tmp_path / "away.bin").exists()
    assert Server.asked == []


def test_unreachable_server_is_one_line(tmp_path: Path) -> None:
    manifest = tmp_path / "m.toml"
    manifest.write_text('[[public]]\nname = "a"\nurl = "http://127.0.0.1:1/a.bin"\n')
    command = [sys.executable, str(CORPUS / "fetch.py"), "--manifest", str(manifest)]
    command += ["--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: a: download failed")
    assert done.stderr.count("\n") == 1


def test_unknown_name_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch.main(["no-such-tile", "--output", str(tmp_path / "out")]) == 2
    assert "no-such-tile" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_list_shows_every_public_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch.main(["--list"]) == 0
    shown = capsys.readouterr().out
    for entry in MANIFEST["public"]:
        assert fetch.served_name(entry)
        for key in ("name", "url", "licence", "attribution", "kind"):
            assert entry[key] in shown
