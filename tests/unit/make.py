"""Random models, blocks and files, and their counterparts in the reference implementation."""

import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demzip.constants import CONTEXTS, PATTERNS, TEMPLATE_SIZE, WEIGHT_ONE
from demzip.container.layout import INDEX, write_front
from demzip.entropy.popularity import MAX_CLASS, Popularity
from demzip.entropy.tables import Table
from demzip.scan.model import Model
from demzip.scan.neural.network import FEATURES, FOURIER, OUTPUTS, WEIGHT_LIMIT, Network
from demzip.scan.survey import Fit
from tests.reference import model as reference
from tests.reference.decoder import BAND, Plane
from tests.reference.neural_block import NeuralModel
from tests.reference.real import RealModel
from tests.reference.values import CODES, INTEGER, REAL, Map

Int64Array = NDArray[np.int64]
W = 21


def weights(rng: np.random.Generator, sets: int = 1, spread: float = 400.0) -> Int64Array:
    """Weight sets that sum to one."""
    made = np.rint(spread * rng.standard_normal((sets, TEMPLATE_SIZE))).astype(np.int64)
    made[:, W] += WEIGHT_ONE - made.sum(axis=1)
    return made


def offsets(rng: np.random.Generator) -> Int64Array:
    """Offsets of all patterns, the largest among them."""
    return rng.choice([-127, -1, 0, 1, 127, 16, -40], PATTERNS).astype(np.int64)


def table(rng: np.random.Generator, *, full: bool = False) -> Table:
    """A legal table; a full one has most of the symbols that residuals around 0 need."""
    first = 30 if full else int(rng.integers(0, 112))
    count = 52 if full else int(rng.integers(0, 113 - first))
    levels = rng.integers(20, 61, count)
    levels[rng.random(count) < 0.2] = 0
    shift = int(rng.integers(0, 4)) if full else int(rng.integers(0, 22))
    return Table(shift, first, tuple(levels.tolist()), int(rng.integers(1, 61)))


def model(
    rng: np.random.Generator,
    weight_sets: Int64Array,
    thresholds: Int64Array,
    shift: int = 0,
    tables: int = 5,
) -> Model:
    """A legal model with tables that fit nothing in particular."""
    limits = np.sort(rng.integers(0, 200, int(rng.integers(0, 32)))).astype(np.int64)
    return Model(
        weight_sets, thresholds, shift, limits, rng.integers(0, tables, CONTEXTS),
        tuple(table(rng, full=k != 1) for k in range(tables)),
    )  # fmt: skip


def network(
    rng: np.random.Generator,
    widths: tuple[int, int] = (16, 32),
    *,
    fourier: bool = False,
    spread: float = 300.0,
) -> Network:
    """A network of random weights and biases, as far as they may be where spread is large."""
    sizes = [FEATURES + FOURIER * fourier, *widths, OUTPUTS]
    one, two, three = (
        (_within(rng, (units, inputs), spread), _within(rng, (units,), spread))
        for inputs, units in pairwise(sizes)
    )
    return Network(fourier, (one, two, three))


def _within(rng: np.random.Generator, shape: tuple[int, ...], spread: float) -> Int64Array:
    values = np.rint(spread * rng.standard_normal(shape))
    return np.clip(values, -WEIGHT_LIMIT, WEIGHT_LIMIT).astype(np.int64)


def popularity(rng: np.random.Generator, samples: Int64Array) -> Popularity:
    """Random classes for the samples of a block, so that each has some; others have none."""
    lowest = int(samples.min())
    classes = np.zeros(int(samples.max()) - lowest + 1, np.int64)
    present = np.unique(samples) - lowest
    classes[present] = rng.integers(1, MAX_CLASS + 1, present.size)
    return Popularity.of_classes(lowest, classes)


def fit_of(made: Model) -> Fit:
    """What measures a block for a model."""
    return Fit(made.weights, made.thresholds, made.activity_shift, None, (), made.offsets)


def counterpart(made: Model) -> reference.Model:
    """The model as the reference implementation reads it."""
    return reference.read_model(made.to_bytes())


def plane(
    model: reference.Model | RealModel | NeuralModel, fills: Sequence[bytes] = (b"\0" * 8,)
) -> Plane:
    """A plane of the reference implementation: int64, or true floats."""
    dtype, rule = CODES.index("q"), INTEGER
    if isinstance(model, RealModel):
        dtype, rule = CODES.index("f" if model.width == 32 else "d"), REAL
    return Plane(BAND, 1, Map(dtype, rule, 1, 1, 1.0, 0.0, list(fills), 0, []), model)


def file(header: bytes, payloads: Sequence[bytes], value_crcs: Sequence[int]) -> bytes:
    """A .dz file with right checksums."""
    entries = np.zeros(len(payloads), INDEX)
    for number, (payload, crc) in enumerate(zip(payloads, value_crcs, strict=True)):
        entries[number] = (len(payload), zlib.crc32(payload), crc)
    return write_front(header, entries) + b"".join(payloads)


def with_network(_best: object, _patches: object, plans: Iterable[Any]) -> Any:
    """Stands in for BestEncoder.smallest: the last plan with a network, whatever is smaller."""
    found = list(plans)
    return next((p for p in reversed(found) if p.predictor == "neural"), found[-1])


def varint(value: int) -> bytes:
    """Section 1 of docs/format.md."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
