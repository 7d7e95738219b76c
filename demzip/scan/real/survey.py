"""The encoder's view of a plane of true floats: scale, weights, rules and lattice.

Nothing here is part of the format; any model that `RealModel.from_bytes` accepts decodes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from demzip.constants import AT_NEIGHBOURS, AT_ZERO, PITCH_BITS
from demzip.scan.real.block import RealPatch, code_patch, heights
from demzip.scan.real.floats.kernels import first_ordinal
from demzip.scan.real.model import RealModel
from demzip.scan.survey import Mapper, Patch, fit_raster

Int64Array = NDArray[np.int64]
AnyArray = NDArray[np.generic]

TOP_BITS = 40  # of the largest height
NATURAL = (
    *(digit * 10.0**power for power in range(2, -7, -1) for digit in (1.0, 0.5, 0.25, 0.2)),
    *(2.0**-power for power in range(1, 17)),
    *(0.3048 * 10.0**-power for power in range(4)),
)
FREQUENT = 6  # differences of neighbours that are tried as pitches
CONTENDERS = 4  # pitches that are tried by coding a block
ENOUGH = 1 << 16  # numbers that tell a lattice
CLEAR_SHARE = 0.05  # of samples on a lattice beyond chance


@dataclass(frozen=True)
class Extent:
    """What all floats of a plane have in common.

    Attributes:
        largest: Bits of the greatest magnitude; 0 if there is none.
        union: All bits that occur in a magnitude.

    """

    largest: int = 0
    union: int = 0

    @classmethod
    def of_values(cls, values: AnyArray, codes: NDArray[np.uint8] | None) -> "Extent":
        """Extent of a block."""
        width = values.dtype.itemsize
        bits = np.ascontiguousarray(values).view(f"u{width}")
        found = bits.ravel() if codes is None else bits[codes == 0]
        if found.size == 0:
            return cls()
        found = found & np.array((1 << (8 * width - 1)) - 1, found.dtype)
        return cls(int(found.max()), int(np.bitwise_or.reduce(found)))

    def __or__(self, other: "Extent") -> "Extent":
        """Extent of both together."""
        return Extent(max(self.largest, other.largest), self.union | other.union)


def start_model(extent: Extent, dtype: str) -> RealModel:
    """A model that fits the floats of a plane, with the weights of `jpeg4` for now."""
    width = 8 * np.dtype(dtype).itemsize
    mantissa, lowest = (23, 149) if width == 32 else (52, 1074)
    zeros = (extent.union & -extent.union).bit_length() - 1 if extent.union else 0
    exponent = max(extent.largest >> mantissa, 1) - 1 + mantissa - lowest  # largest < 2**(this + 1)
    fit = fit_raster([], "jpeg4")
    return RealModel(
        fit.weights, fit.thresholds, width, min(zeros, mantissa - 1), TOP_BITS - 1 - exponent, False
    )


def fit_model(
    model: RealModel, patches: list[RealPatch], predictor: str, mapper: Mapper = map
) -> RealModel:
    """Weights, rules and lattice from some blocks of a plane."""
    if not patches:
        return model
    grounds = [ground_of(patch, model) for patch in patches]
    fit = fit_raster(
        [centred(patch, ground) for patch, ground in zip(patches, grounds, strict=True)],
        predictor, mapper,
    )  # fmt: skip
    model = replace(model, weights=fit.weights, thresholds=fit.thresholds)
    probes = patches[:: max(1, -(-len(patches) // 2))]
    contenders = [model, replace(model, rules=True)]
    best = _smallest(contenders, probes, mapper)
    lattices = [
        replace(best, anchor=anchor, pitch=pitch)
        for anchor, pitch in _lattices(patches, grounds, model)
    ]
    return _smallest([best, *lattices], probes, mapper)


def _smallest(models: list[RealModel], patches: list[RealPatch], mapper: Mapper) -> RealModel:
    """The model under which some blocks code smallest; the first of equals."""
    if len(models) == 1:
        return models[0]
    tasks = [(patch, model) for model in models for patch in patches]
    sizes = list(mapper(lambda task: sum(part.size for part in code_patch(*task)), tasks))
    totals = [
        sum(sizes[k * len(patches) : (k + 1) * len(patches)]) for k in range(len(models))
    ]
    return models[int(np.argmin(totals))]


def ground_of(patch: RealPatch, model: RealModel) -> Int64Array:
    """Heights of a block; 0 in holes."""
    return np.array(heights(patch, model).interior, np.int64)


def centred(patch: RealPatch, ground: Int64Array) -> Patch:
    """Heights as integers around the middle of their range; some are no holes."""
    valid = ground if patch.codes is None else ground[patch.codes == 0]
    centre = (int(valid.min()) + int(valid.max())) >> 1
    bound = max(int(valid.max()) - centre, centre - int(valid.min()))
    holes = None if patch.codes is None else patch.holes
    samples = ground - centre if holes is None else np.where(holes == 0, ground - centre, 0)
    return Patch(samples, holes, bound)


def _lattices(
    patches: list[RealPatch], grounds: list[Int64Array], model: RealModel
) -> Iterable[tuple[int, int]]:
    """Lattices that many samples seem to lie on: where anchored, and the pitch."""
    steps, levels = _samples_of(patches, grounds)
    if levels.size == 0:
        return
    top = int(np.abs(levels).max())
    spacing = max(top.bit_length() - 1 - model.form[0], 0)
    unit = float(1 << spacing)  # between floats, in heights
    if first_ordinal(top, model.scale, model.form) == 0 or steps.size == 0:
        return
    widest = max(8.0 * float(np.median(steps)), 16 * unit)
    natural = [2.0**model.scale * pitch for pitch in NATURAL]
    for anchor, found, extra in (
        (AT_ZERO, levels, []),
        (AT_NEIGHBOURS, steps, _frequent(steps, unit)),
    ):
        scored = []
        for pitch in natural + extra:
            if 8 * unit <= pitch <= widest:
                share = _share(found, pitch, unit)
                scored.append((share * np.log2(pitch / unit), share, pitch))
        scored.sort(reverse=True)
        for _, share, pitch in scored[:CONTENDERS]:
            if share > CLEAR_SHARE:
                yield anchor, round(pitch * (1 << PITCH_BITS))


def _samples_of(
    patches: list[RealPatch], grounds: list[Int64Array]
) -> tuple[Int64Array, Int64Array]:
    """Differences of western neighbours, and heights, of some samples that are no holes."""
    steps, levels = [], []
    for patch, ground in zip(patches, grounds, strict=True):
        valid = np.ones(ground.shape, np.bool_) if patch.codes is None else patch.codes == 0
        both = valid[:, 1:] & valid[:, :-1]
        steps.append(np.abs(np.diff(ground, axis=1))[both])
        levels.append(ground[valid])
    return _thinned(np.concatenate(steps)), _thinned(np.concatenate(levels))


def _thinned(numbers: Int64Array) -> Int64Array:
    return numbers[:: -(-numbers.size // ENOUGH) or 1]


def _frequent(steps: Int64Array, unit: float) -> list[float]:
    """Differences that occur often, refined to the pitch that explains most others."""
    counted = np.rint(steps / unit).astype(np.int64)
    values, counts = np.unique(counted[counted > 4], return_counts=True)
    found = []
    for value in values[np.argsort(-counts, kind="stable")[:FREQUENT]].tolist():
        pitch = float(value) * unit
        for reach in (4, 32):
            times = np.rint(steps / pitch)
            near = (np.abs(steps - times * pitch) <= 1.5 * unit) & (times > 0) & (times <= reach)
            if near.any():
                pitch = float((steps[near] * times[near]).sum() / (times[near] ** 2).sum())
        found.append(pitch)
    return found


def _share(numbers: Int64Array, pitch: float, unit: float) -> float:
    """Share of numbers, other than 0, on multiples of a pitch, less what chance would bring."""
    numbers = numbers[numbers != 0]
    if numbers.size == 0:
        return 0.0
    off = np.abs(numbers - np.rint(numbers / pitch) * pitch)
    return float(np.mean(off <= 1.5 * unit)) - 3 * unit / pitch
