"""Exact rules: their predictions and how one is chosen, against plain integers."""

from fractions import Fraction

import numpy as np
import pytest

from demzip.scan.real.rules.kernels import FAR, RULES, choose_rule, remember, rule
from tests.reference.coder import BitReader, RangeDecoder
from tests.reference.real import Chances, RealBlock, RealModel

SHAPE = (8, 12)
ROW, COL = 5, 7
STRIDE = 18
AT = np.uint64((ROW + 3) * STRIDE + COL + 3)


def block(samples: list[list[int]], errors: list[list[list[int]]]) -> RealBlock:
    """A block of the reference whose samples and errors are known."""
    model = RealModel(
        [[0] * 23], [], scale=0, width=64, dropped=0, rules=True, anchor=0, pitch=0
    )
    made = RealBlock(
        [[None] * SHAPE[1] for _ in range(SHAPE[0])], model,
        Chances(RangeDecoder([]), BitReader([])),
    )  # fmt: skip
    made.surface.x, made.errors = samples, errors
    return made


def workspace(samples: list[list[int]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The samples with their margins."""
    made = np.zeros((SHAPE[0] + 3, STRIDE), np.int64)
    made[3:, 3 : 3 + SHAPE[1]] = samples
    return made.ravel()


@pytest.mark.parametrize(
    ("number", "ground"),
    [
        (1, lambda r, c: 5 * r**3 - 7 * c**3 + r),
        (2, lambda r, c: r**5 + c * (3 + r**4)),
        (3, lambda r, c: c**5 + r * (3 + c**4)),
        (4, lambda r, c: r**5 + c**2 * (3 + r**4) - c),
        (5, lambda r, c: c**5 + r**2 * (3 + c**4) - r),
        (7, lambda r, c: r**3 * c + r**5 + c**2),
        (8, lambda r, c: c**3 * r + c**5 + r**2),
    ],
)
def test_rules_continue_what_they_are_for(number: int, ground: object) -> None:
    """Polynomials that a rule must continue without any error."""
    assert callable(ground)
    samples = [[ground(r, c) for c in range(SHAPE[1])] for r in range(SHAPE[0])]
    predicted = rule(number, workspace(samples), AT, np.uint64(STRIDE))
    assert predicted == block(samples, [])._rules(ROW, COL)[number] == samples[ROW][COL]


def test_weights_of_rule_6() -> None:
    for tap, weight in ((1, 5), (2, -8), (3, 5), (4, -1)):
        samples = np.zeros(SHAPE, np.int64)
        samples[ROW, COL - tap] = 1
        made = samples.tolist()
        assert rule(6, workspace(made), AT, np.uint64(STRIDE)) == weight
        assert block(made, [])._rules(ROW, COL)[6] == weight


@pytest.mark.parametrize("seed", range(40))
def test_choice_of_a_rule(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bits = int(rng.integers(1, 41))
    samples = rng.integers(-(1 << bits), 1 << bits, SHAPE).tolist()
    errors = rng.integers(0, 4 << int(rng.integers(0, 6)), (*SHAPE, RULES))
    errors[..., 0] <<= int(rng.integers(0, 8))
    errors[rng.random(SHAPE) < 0.1] = FAR
    fitted = int(rng.integers(-(1 << 60), 1 << 60)) >> int(rng.integers(0, 60))
    slow = block(samples, errors.tolist())
    spacing = max(abs(fitted).bit_length() - 53, 0)
    ring = np.full((4, SHAPE[1], RULES), -1, np.int64)
    for row in range(ROW - 3, ROW + 1):
        ring[row & 3] = errors[row]
    found, prediction, least = choose_rule(
        workspace(samples), AT, np.uint64(STRIDE), fitted, ring, ROW, COL, spacing
    )
    expected = slow._choose(ROW, COL, fitted)
    rules = slow._rules(ROW, COL)
    if expected is None:
        assert (found, prediction) == (0, fitted)
    else:
        assert (found, prediction, least) == (expected[0], rules[expected[0]], expected[1])
        gate = Fraction(min(_sums(errors, 0)), 8)
        assert least + (1 << spacing) < max(gate, Fraction(max(_sums(errors, 0)), 8))
    for tried in (True, False):
        remember(
            workspace(samples), AT, np.uint64(STRIDE), fitted, ring, ROW & 3, COL, tried
        )
        off = [abs(samples[ROW][COL] - place) for place in [fitted, *rules[1:]]]
        assert ring[ROW & 3, COL].tolist() == (off if tried else [FAR] * RULES)


def _sums(errors: np.ndarray[tuple[int, ...], np.dtype[np.int64]], number: int) -> list[int]:
    """Error of a rule above and aside."""
    e = errors[..., number]
    above = 2 * e[ROW - 1, COL] + e[ROW - 2, COL] + e[ROW - 3, COL]
    aside = 2 * e[ROW, COL - 1] + e[ROW, COL - 2] + e[ROW, COL - 3]
    return [int(above), int(aside)]


def test_choices_are_made() -> None:
    """Random errors make different rules best."""
    chosen = set()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        errors = rng.integers(0, 9, (*SHAPE, RULES))
        errors[..., 0] <<= 6
        best = block([], errors.tolist())._choose(ROW, COL, seed)
        chosen.add(best[0] if best else 0)
    assert len(chosen) > 4
