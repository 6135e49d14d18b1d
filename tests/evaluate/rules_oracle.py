"""The rules of NEDC once more, event by event in exact fractions, and with nothing vectorised."""

from collections.abc import Sequence
from fractions import Fraction

Pairs = Sequence[tuple[float, float]]


def exact(pairs: Pairs) -> list[tuple[Fraction, Fraction]]:
    return [(Fraction(start), Fraction(stop)) for start, stop in pairs]


def shared(a: tuple[Fraction, Fraction], b: tuple[Fraction, Fraction]) -> Fraction:
    return max(Fraction(0), min(a[1], b[1]) - max(a[0], b[0]))


def ovlp(reference: Pairs, hypothesis: Pairs) -> tuple[int, int, int]:
    known, given = exact(reference), exact(hypothesis)
    hits = sum(any(shared(event, other) for other in given) for event in known)
    false = sum(not any(shared(event, other) for other in known) for event in given)
    return hits, len(known) - hits, false


def taes(reference: Pairs, hypothesis: Pairs) -> tuple[Fraction, Fraction, Fraction]:
    """As the authors tell it: a pair that meets is one of four cases; flags keep what is done."""
    known, given = exact(reference), exact(hypothesis)
    open_known, open_given = [True] * len(known), [True] * len(given)
    hits = misses = false = Fraction(0)
    for i, event in enumerate(known):
        if not open_known[i]:
            continue
        for j, other in enumerate(given):
            if not open_given[j] or not shared(event, other):
                continue
            hit, alarm = _partly(event, other)
            open_known[i] = open_given[j] = False
            hits, misses, false = hits + hit, misses + 1 - hit, false + alarm
            if other[1] >= event[1]:
                for k in range(i + 1, len(known)):
                    if shared(known[k], other):
                        open_known[k] = False
                        misses += 1
            else:
                for k in range(j + 1, len(given)):
                    if shared(event, given[k]):
                        hit, alarm = _partly(event, given[k])
                        open_given[k] = False
                        hits, misses, false = hits + hit, misses - hit, false + alarm
    return hits, misses + sum(open_known), false + sum(open_given)


def _partly(
    event: tuple[Fraction, Fraction], other: tuple[Fraction, Fraction]
) -> tuple[Fraction, Fraction]:
    (start, stop), (begin, end) = event, other
    length = stop - start
    if begin <= start and end <= stop:
        hit, alarm = (end - start) / length, (start - begin) / length
    elif begin >= start and end >= stop:
        hit, alarm = (stop - begin) / length, (end - stop) / length
    elif begin < start and end > stop:
        hit, alarm = Fraction(1), (end - stop + start - begin) / length
    else:
        hit, alarm = (end - begin) / length, Fraction(0)
    return hit, min(alarm, Fraction(1))
