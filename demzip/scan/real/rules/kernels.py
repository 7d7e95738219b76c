"""Rules that predict resampled ground exactly (docs/format.md section 9.3).

Interpolation between coarser posts leaves rows and columns that a simple rule continues to within
rounding. Which rule, the neighbours tell: `errors` (4, columns, RULES) keeps how far off each was
in the last rows; number 0 are the fitted weights.
"""

from numba import int64, uint64

from demzip.jit import inlined, kernel

RULES = 9  # the fitted weights, and eight rules
GATE = 3  # a rule must have been 2**GATE times as good
FAR = 1 << 40  # error where nothing was tried


@inlined
def rule(number, samples, at, stride):
    """Prediction of one of the exact rules (docs/format.md section 9.3)."""
    w, ww, www = samples[at - uint64(1)], samples[at - uint64(2)], samples[at - uint64(3)]
    north = at - stride
    n, nw = samples[north], samples[north - uint64(1)]
    nn, nnn = samples[north - stride], samples[north - uint64(2) * stride]
    if number == 1:
        return w + n - nw
    if number == 2:
        return 2 * w - ww
    if number == 3:
        return 2 * n - nn
    if number == 4:
        return 3 * (w - ww) + www
    if number == 5:
        return 3 * (n - nn) + nnn
    if number == 6:
        return 5 * (w + www) - 8 * ww - samples[at - uint64(4)]
    if number == 7:
        return n + 2 * (w - nw) - (ww - samples[north - uint64(2)])
    return w + 2 * (n - nw) - (nn - samples[north - stride - uint64(1)])


@inlined
def score(errors, place, row, col, number):
    """Error of a rule at three neighbours: above, `place` 0, or west, `place` 1."""
    if place == 0:
        return (
            2 * errors[(row - 1) & 3, col, number]
            + errors[(row - 2) & 3, col, number]
            + errors[(row - 3) & 3, col, number]
        )
    here = row & 3
    return (
        2 * errors[here, col - 1, number]
        + errors[here, col - 2, number]
        + errors[here, col - 3, number]
    )


@kernel
def choose_rule(samples, at, stride, fitted, errors, row, col, spacing):
    """The rule that did far better than the weights at three neighbours above or west.

    Gives its number (0 if there is none), its prediction, and its error there.
    """
    best, least = int64(0), int64(0)
    unit = int64(1) << spacing
    above = score(errors, 0, row, col, 0) >> GATE
    aside = score(errors, 1, row, col, 0) >> GATE
    for number in range(1, RULES):
        error = score(errors, 0, row, col, number)
        if error + unit < above and (best == 0 or error < least):
            best, least = int64(number), error
        error = score(errors, 1, row, col, number)
        if error + unit < aside and (best == 0 or error < least):
            best, least = int64(number), error
    prediction = rule(best, samples, at, stride) if best else fitted
    return best, prediction, least


@kernel
def remember(samples, at, stride, fitted, errors, row, col, tried):
    """Keep how far off the weights and each rule were at a sample that is known now."""
    height = samples[at]
    errors[row, col, 0] = abs(height - fitted) if tried else FAR
    for number in range(1, RULES):
        off = abs(height - rule(number, samples, at, stride)) if tried else FAR
        errors[row, col, number] = off
