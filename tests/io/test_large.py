"""Large rasters, and small files that claim to be large: nothing grows with the raster."""

import shutil
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import rasterio

import demzip
from demzip.codec import RasterDecoder, RasterEncoder, open_bytes
from demzip.codec.decoder import MAX_NUMBERS
from demzip.codec.plane import PlaneSource
from demzip.container.layout import INDEX, MAX_SIDE, Header, front_bytes, write_front
from demzip.container.plane import PlaneSection
from demzip.errors import CorruptError, DemzipError, OptionsError, UnsupportedError
from demzip.io.writing import PIECE_BYTES, GeotiffWriter
from demzip.options import EncodeOptions
from demzip.raster.georeference import Georeference

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

BLOCK = 4096


@pytest.fixture(scope="module")
def small():
    """A file of one level block of 16 million samples."""
    return demzip.encode(np.full((BLOCK, BLOCK), 7, np.uint8), block=BLOCK)


def claim(small, rows, cols):
    """A file of that size whose blocks are all the same few bytes."""
    decoder = open_bytes(small)
    header = decoder.header
    larger = Header(rows, cols, BLOCK, header.metadata, header.planes).to_bytes()
    count = -(-rows // BLOCK) * -(-cols // BLOCK)
    front = write_front(larger, np.repeat(decoder.index.entries, count))
    return front + small[decoder.front_bytes :] * count


@pytest.fixture
def vast(tmp_path, small):
    """A few kilobytes for 17 billion samples."""
    path = tmp_path / "vast.dz"
    path.write_bytes(claim(small, BLOCK, 1 << 22))
    assert path.stat().st_size < 50_000
    return path


def test_vast_files_can_be_opened_and_read_in_parts(vast):
    with demzip.open(vast) as dem:
        assert dem.shape == (BLOCK, 1 << 22)
        window = dem.read(window=((4000, 4003), ((1 << 22) - 5, 1 << 22)))
        assert np.array_equal(window, np.full((3, 5), 7))


def test_decompressing_a_vast_file_takes_little_memory(vast, tmp_path, files):
    def stop(stage, samples, total):
        assert total == BLOCK << 22
        if stage == "decoding" and samples:
            done.append(samples)
        if sum(done) > 2 * PIECE_BYTES:
            raise KeyboardInterrupt

    done = []
    with demzip.open(vast) as dem:
        dem.read(window=((0, 1), (0, 1)))  # compiles
    tracemalloc.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            demzip.decompress(vast, tmp_path / "x.tif", progress=stop)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 30
    assert files(tmp_path) == ["vast.dz"]


def test_pieces_cover_the_raster_and_are_bounded(small, tmp_path):
    decoder = open_bytes(claim(small, 2 * BLOCK + 5, 40 * BLOCK + 3))
    writer = GeotiffWriter(decoder, "x.dz", tmp_path / "x.tif", 1, None)
    total = 0
    for _, rows, cols in writer._pieces():
        samples = (rows.stop - rows.start) * (cols.stop - cols.start)
        assert samples <= PIECE_BYTES
        assert rows.start % BLOCK == cols.start % BLOCK == 0
        total += samples
    assert total == decoder.grid.samples


def test_a_raster_that_cannot_fit_the_disk_is_refused(vast, tmp_path, files, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=15_000_000)
    monkeypatch.setattr("demzip.io.writing.shutil.disk_usage", lambda _folder: usage)
    words = r"x\.tif: cannot be written; its samples take 17,179\.9 MB .* 15\.0 MB are free"
    with pytest.raises(DemzipError, match=words) as caught:
        demzip.decompress(vast, tmp_path / "x.tif")
    assert caught.value.exit_code == 1
    with pytest.raises(DemzipError, match=words):
        demzip.decompress(vast, tmp_path / "x.tif", salvage=True)
    assert files(tmp_path) == ["vast.dz"]


def test_uncompressed_output_needs_more(tmp_path, save, relief, monkeypatch):
    demzip.compress(save(tmp_path / "a.tif", relief(100, 100)))
    usage = shutil.disk_usage(tmp_path)._replace(free=19_999)
    monkeypatch.setattr("demzip.io.writing.shutil.disk_usage", lambda _folder: usage)
    demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif")
    with pytest.raises(DemzipError, match="before packing"):
        demzip.decompress(
            tmp_path / "a.dz", tmp_path / "c.tif", creation_options={"compress": "none"}
        )


def test_the_largest_claim_without_an_index(tmp_path, small):
    """2**48 samples; their index would take 200 MB and is not there."""
    header = open_bytes(small).header
    largest = Header(MAX_SIDE, MAX_SIDE, BLOCK, header.metadata, header.planes).to_bytes()
    path = tmp_path / "x.dz"
    path.write_bytes(write_front(largest, open_bytes(small).index.entries))
    for call in (demzip.open, demzip.verify, demzip.decompress):
        with pytest.raises(CorruptError, match="block index"):
            call(path)
    assert front_bytes(largest, 1 << 24) > 200_000_000


def test_a_window_reads_only_its_blocks_of_its_band(tmp_path, save, relief, monkeypatch):
    values = np.stack([relief(160, 160, seed=band) for band in range(3)])
    demzip.compress(save(tmp_path / "a.tif", values), block=16)
    decoded = []
    block = RasterDecoder.block
    monkeypatch.setattr(
        RasterDecoder,
        "block",
        lambda self, plane, box: decoded.append((plane, box.number)) or block(self, plane, box),
    )
    with demzip.open(tmp_path / "a.dz") as dem:
        found = dem.read(2, window=((30, 50), (20, 25)))
        assert np.array_equal(found, values[1, 30:50, 20:25])
        assert decoded == [(1, 11), (1, 21), (1, 31)]
        decoded.clear()
        dem.read([1, 3], window=((0, 1), (0, 1)))
        assert decoded == [(0, 0), (2, 0)]
        with pytest.raises(OptionsError):
            dem.read(2, window=((0, 161), (0, 1)))


def test_compressing_keeps_few_rows_in_memory(tmp_path, monkeypatch):
    """A raster of 64 MB, of which no more than a few rows of blocks are ever held."""
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=512, height=65536, count=1, dtype="int16",
        tiled=True, compress="deflate", sparse_ok=True,
    ) as dataset:  # fmt: skip
        dataset.write(np.arange(512 * 512).reshape(1, 512, 512).astype("int16"),
                      window=rasterio.windows.Window(0, 30000, 512, 512))  # fmt: skip
    monkeypatch.setattr("demzip.io.source.CACHE_BYTES", 2 << 20)
    demzip.compress(path, block=512)  # what is kept from one raster to the next
    tracemalloc.start()
    try:
        demzip.compress(path, block=512, overwrite=True)
        _, packing = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        demzip.decompress(tmp_path / "a.dz", tmp_path / "b.tif")
        _, unpacking = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert max(packing, unpacking) < 32 << 20


def test_headers_that_ask_for_many_numbers_are_refused():
    """A list of 2**20 equal steps takes a few bytes, in each plane of a small file."""
    decoder = open_bytes(demzip.encode(np.array([[1, 2]], np.int32)))
    section = PlaneSection.from_bytes(decoder.header.planes[0])
    levels = replace(section.value_map, levels=np.arange(1, (1 << 20) + 1))
    data = replace(section, value_map=levels).to_bytes()
    assert len(data) < 200

    def front(planes):
        header = replace(decoder.header, planes=(data,) * planes).to_bytes()
        return write_front(header, np.zeros(planes, INDEX))

    assert len(open_bytes(front(2)).bands) == 2
    with pytest.raises(UnsupportedError, match="levels and tables"):
        open_bytes(front((MAX_NUMBERS >> 20) + 1))


@pytest.mark.parametrize(
    ("shape", "words"), [((1, MAX_SIDE + 1), "16777216"), ((MAX_SIDE, MAX_SIDE), "larger blocks")]
)
def test_what_no_file_can_hold_is_refused_before_it_is_read(shape, words):
    source = PlaneSource(lambda _rows, _cols: pytest.fail("read"), "uint8")
    with pytest.raises(UnsupportedError, match=words):
        RasterEncoder([source], shape, Georeference(), EncodeOptions(block=16))
