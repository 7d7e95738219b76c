"""demzip's predictors and the peers that wheels bring, all lossless and on one thread."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import imagecodecs
import numpy as np
import rasterio
from rasterio.io import MemoryFile

import demzip
from demzip.bench.forms import (
    AnyArray,
    Form,
    Given,
    differences,
    native,
    summed,
    unsigned,
    widened,
)
from demzip.bench.report import BASE
from demzip.errors import OptionsError
from demzip.io.profile import creation_options
from demzip.io.quiet import without_warnings
from demzip.options import (
    DEFAULT_BLOCK,
    DEFAULT_PREDICTOR,
    NEURAL,
    FitOptions,
    default_block,
)
from demzip.predict.templates import PREDICTORS

ANY = native()
LERC = native("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")

Encode = Callable[[Given], bytes]
Decode = Callable[[bytes, Given], AnyArray]


@dataclass(frozen=True)
class Codec:
    """A codec with its settings.

    Attributes:
        name: For --codecs.
        title: In charts.
        family: "demzip", "GeoTIFF", "image" or "array".
        settings: Library and parameters in words.
        form: What it takes; not timed.
        encode: From what it is given to bytes.
        decode: And back; what it was given tells shape and dtype to codecs that do not keep them.

    """

    name: str
    title: str
    family: str
    settings: str
    form: Form
    encode: Encode
    decode: Decode


def _demzip(
    name: str, predictor: str, *, best: bool = False, fit: FitOptions | None = None
) -> Codec:
    def encode(given: Given) -> bytes:
        return demzip.encode(
            given.array, predictor=predictor, nodata=given.nodata, best=best, fit=fit
        )

    way = "best, " if best else "fitted, " if fit else ""
    side = default_block(predictor, best=best)
    return Codec(
        f"demzip-{name}",
        f"demzip {name}",
        "demzip",
        f"demzip.encode, {way}predictor {predictor}, blocks of {side}, the declared no-data",
        ANY,
        encode,
        lambda data, _given: demzip.decode(data),
    )


def _geotiff(name: str, title: str, words: str, form: Form = ANY, /, **options: str) -> Codec:
    def encode(given: Given) -> bytes:
        array = given.array
        chosen = creation_options(array.dtype.name, array.shape, DEFAULT_BLOCK, options)
        rows, cols = array.shape
        with without_warnings(), MemoryFile() as file:
            with file.open(
                driver="GTiff", height=rows, width=cols, count=1, dtype=array.dtype, **chosen
            ) as dataset:
                dataset.write(array, 1)
            return bytes(file.read())

    def decode(data: bytes, _given: Given) -> AnyArray:
        with without_warnings(), MemoryFile(data) as file, file.open(driver="GTiff") as dataset:
            array: AnyArray = dataset.read(1)
            return array

    settings = f"GDAL GeoTIFF, tiles of {DEFAULT_BLOCK}, {words}"
    return Codec(name, title, "GeoTIFF", settings, form, encode, decode)


def _image(name: str, title: str, words: str, form: Form, codec: str, **options: object) -> Codec:
    """A codec of images; shape and dtype are in its bytes."""
    threads = {} if codec in {"png", "jpegls", "htj2k"} else {"numthreads": 1}

    def encode(given: Given) -> bytes:
        return bytes(_function(codec, "encode")(given.array, **options, **threads))

    def decode(data: bytes, _given: Given) -> AnyArray:
        return np.asarray(_function(codec, "decode")(data, **threads))

    return Codec(name, title, "image", f"imagecodecs.{codec}_encode, {words}", form, encode, decode)


def _function(codec: str, way: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(imagecodecs, f"{codec}_{way}")
    return found


def _bytes_of(data: object, given: Given) -> AnyArray:
    array = np.frombuffer(data, given.array.dtype)  # type: ignore[call-overload]  # any buffer
    return np.asarray(array).reshape(given.array.shape)


def _pcodec(*, plane: bool) -> Codec:
    def encode(given: Given) -> bytes:
        numbers = differences(given.array) if plane else given.array
        return bytes(imagecodecs.pcodec_encode(numbers.ravel(), level=8))

    def decode(data: bytes, given: Given) -> AnyArray:
        kind = given.array.dtype
        stored = np.dtype(f"i{kind.itemsize}") if plane else kind
        found = imagecodecs.pcodec_decode(data, shape=given.array.shape, dtype=stored)
        return summed(np.asarray(found), kind) if plane else np.asarray(found)

    words = "differences value - W - N + NW of the ordered integers (timed)" if plane else "values"
    return Codec(
        "pcodec2d" if plane else "pcodec",
        "pcodec 2-D" if plane else "pcodec",
        "array",
        f"imagecodecs.pcodec_encode, level 8, {words}",
        ANY,
        encode,
        decode,
    )


def _arrays() -> Iterator[Codec]:
    yield _pcodec(plane=False)
    yield _pcodec(plane=True)
    yield Codec(
        "blosc2",
        "Blosc2",
        "array",
        "imagecodecs.blosc2_encode, bitshuffle, ZSTD, level 5",
        ANY,
        lambda given: bytes(
            _function("blosc2", "encode")(  # its type stub knows no arrays
                given.array, level=5, compressor="zstd", shuffle="bitshuffle", numthreads=1
            )
        ),
        lambda data, given: _bytes_of(imagecodecs.blosc2_decode(data, numthreads=1), given),
    )
    yield Codec(
        "zfp",
        "zfp",
        "array",
        "imagecodecs.zfp_encode, reversible",
        widened,
        lambda given: bytes(imagecodecs.zfp_encode(given.array, mode="R", numthreads=1)),
        lambda data, _given: np.asarray(imagecodecs.zfp_decode(data, numthreads=1)),
    )
    yield Codec(
        "lzma",
        "LZMA",
        "array",
        "imagecodecs.lzma_encode, level 6, bytes of the values",
        ANY,
        lambda given: bytes(imagecodecs.lzma_encode(given.array.tobytes(), level=6)),
        lambda data, given: _bytes_of(imagecodecs.lzma_decode(data), given),
    )


def _images() -> Iterator[Codec]:
    yield _image("png", "PNG", "level 6", unsigned(), "png", level=6)
    yield _image("jpegls", "JPEG-LS", "CharLS", unsigned(), "jpegls")
    yield _image(
        "jpeg2000",
        "JPEG 2000",
        "OpenJPEG, reversible",
        unsigned(wide=True),
        "jpeg2k",
        level=0,
        reversible=True,
        codecformat="J2K",
    )
    yield _image(
        "htj2k", "HTJ2K", "OpenJPH, reversible", unsigned(wide=True), "htj2k", reversible=True
    )
    for effort in (1, 3, 7, 9):
        yield _image(
            f"jxl{effort}",
            f"JPEG XL {effort}",
            f"libjxl, lossless, effort {effort}",
            unsigned("float32"),
            "jpegxl",
            lossless=True,
            effort=effort,
        )


_tiff = partial(_geotiff, NUM_THREADS="1")

CODECS: tuple[Codec, ...] = (
    *(_demzip(name, name) for name in (*PREDICTORS, "auto")),
    _demzip("best", DEFAULT_PREDICTOR, best=True),
    _demzip(NEURAL, NEURAL),
    _demzip(f"{NEURAL}-fit", NEURAL, fit=FitOptions()),
    _tiff(BASE, "TIFF DEFLATE", "DEFLATE 6, predictor", COMPRESS="DEFLATE", ZLEVEL="6"),
    _tiff("deflate9", "TIFF DEFLATE 9", "DEFLATE 9, predictor", COMPRESS="DEFLATE", ZLEVEL="9"),
    _tiff("zstd", "TIFF ZSTD", "ZSTD 9, predictor", COMPRESS="ZSTD", ZSTD_LEVEL="9"),
    _tiff("zstd19", "TIFF ZSTD 19", "ZSTD 19, predictor", COMPRESS="ZSTD", ZSTD_LEVEL="19"),
    _tiff(
        "lerc", "TIFF LERC", "LERC and ZSTD, error 0", LERC, COMPRESS="LERC_ZSTD", MAX_Z_ERROR="0"
    ),
    *_images(),
    *_arrays(),
)
# The fastest of demzip's predictors that follow slopes, the default, the one that tries all,
# and the smallest files; the others lie between. Fitting takes minutes: only who names it has it.
OWN = tuple(
    f"demzip-{name}" for name in ("jpeg4", "lagrange8", "lagrange24", "auto", "best", NEURAL)
)
DEFAULT = tuple(codec.name for codec in CODECS if codec.family != "demzip" or codec.name in OWN)


def choose(patterns: Sequence[str]) -> tuple[Codec, ...]:
    """Codecs by name or pattern ("jxl*"), in the order of CODECS; none given: the usual ones.

    The one that sizes are compared with is always among them.

    Raises:
        OptionsError: A pattern fits none.

    """
    wanted = [part for pattern in patterns or DEFAULT for part in pattern.split(",")]
    for pattern in wanted:
        if not any(fnmatchcase(codec.name, pattern) for codec in CODECS):
            names = ", ".join(codec.name for codec in CODECS)
            raise OptionsError(f"codec {pattern!r}: there is none; choose among {names}, or jxl*")
    wanted.append(BASE)
    return tuple(
        codec for codec in CODECS if any(fnmatchcase(codec.name, pattern) for pattern in wanted)
    )


def versions() -> dict[str, str]:
    """Versions of the libraries behind the codecs."""
    names = ("jpegls", "jpegxl", "jpeg2k", "htj2k", "png", "pcodec", "blosc2", "zfp", "lzma")
    found = {
        "demzip": demzip.__version__,
        "GDAL": str(rasterio.__gdal_version__),
        "imagecodecs": str(imagecodecs.__version__),
    }
    for name in names:
        library, _, version = str(_function(name, "version")()).partition(" ")
        found[library] = version
    return found
