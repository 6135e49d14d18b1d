"""How the requested channels are computed from the signals of a file, by its labels.

A file may have a channel under a synonym, inverted, or as the difference of two electrodes against
one reference. Electrodes can be interpolated before that, bipolar recordings never.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from tuszstore.channels.derivations import AVERAGE, Channel
from tuszstore.channels.labels import reference_key
from tuszstore.channels.names import CHANNELS, canonical, is_electrode
from tuszstore.channels.reasons import FEW, why_not
from tuszstore.channels.signals import (
    MANY,
    Group,
    Signals,
    label_key,
    positioned,
    sort_signals,
)
from tuszstore.errors import RecordingError

AVERAGES = frozenset({"AR", "AV", "AVE", "AVER", "AVERAGE", "AVG", "CAR", "MEAN"})
"""References that are an average of electrodes."""

Terms = tuple[tuple[int, float], ...]
"""Number and factor of each term of a channel."""


@dataclass(frozen=True)
class Resolution:
    """How channels are computed from the signals of a file.

    Attributes
    ----------
    terms : tuple of Terms
        For each channel. Numbers from `n_signals` on are electrodes that must be interpolated
        first: ``n_signals + k`` is ``missing[k]``.
    electrodes : mapping of str to int
        Signal of each electrode that is used and could be interpolated: it has a position, and
        others with its reference exist. All are against one reference.
        Other electrodes, and bipolar recordings, are only in `terms`.
    others : mapping of str to int
        Signal of each other electrode with a position against that reference: with those of
        `electrodes` it is used to interpolate.
    missing : tuple of str
        Electrodes to be interpolated before channels are derived, sorted.
    duplicates : mapping of str to tuple of int
        Equivalent signals, which must have equal samples, by channel name; the first is used.
    opposites : mapping of str to tuple of int
        A signal that is used, by its name, and those that are its inverse.
    reference : str
        Reference of the electrodes that are used, such as `REF`, `AVG` or `Cz`; empty if unknown,
        if there are several, and for bipolar recordings.
    n_signals : int
        Number of the file's signals.
    """

    terms: tuple[Terms, ...]
    electrodes: Mapping[str, int]
    others: Mapping[str, int]
    missing: tuple[str, ...]
    duplicates: Mapping[str, tuple[int, ...]]
    opposites: Mapping[str, tuple[int, ...]]
    reference: str
    n_signals: int

    @cached_property
    def signals(self) -> tuple[int, ...]:
        """Numbers of all signals that channels are computed from, sorted."""
        numbers = {number for terms in self.terms for number, _ in terms}
        return tuple(sorted(number for number in numbers if number < self.n_signals))


def resolve(
    labels: Sequence[str],
    wanted: Sequence[Channel],
    *,
    ignore_case: bool = True,
    rename: Mapping[str, str] | None = None,
    references: Sequence[str] = (),
    interpolate: Collection[str] = (),
    average_of: Sequence[str] = (),
) -> Resolution:
    """Return how channels are computed from a file's signals.

    >>> from tuszstore.channels.sets import parse_channels
    >>> resolve(["EEG T7-LE", "P7-O1", "EEG P7-LE"], parse_channels(["T3-T5", "O1-T5"])).terms
    (((0, 1.0), (2, -1.0)), ((1, -1.0),))

    Parameters
    ----------
    labels : sequence of str
        Labels of all signals of the file, as in its header.
    wanted : sequence of Channel
    ignore_case : bool
        Whether the case of labels, prefixes, references and synonyms is ignored; that of
        electrodes always is.
    rename : mapping of str to str
        Meaning of labels, by the label as in the file, such as ``{"01": "O1"}``; empty to ignore
        one.
    references : sequence of str
        Names of further references, such as ``["X1"]`` for ``F7-X1``.
    interpolate : collection of str
        Electrodes that may be interpolated.
    average_of : sequence of str
        Electrodes of the average, if the file is not recorded against it.

    Raises
    ------
    RecordingError
        Names the channels that cannot be computed, and what the file has.
    ValueError
        If a reference has no name.
    """
    key = (
        tuple(labels),
        tuple(wanted),
        ignore_case,
        tuple(sorted(rename.items())) if rename else (),
        tuple(references),
        tuple(sorted(interpolate)),
        tuple(average_of),
    )
    found = _resolved(*key)
    if isinstance(found, str):
        raise RecordingError(found)
    return found


@lru_cache(maxsize=1024)  # the files of a corpus have about a hundred different orders of signals
def _resolved(
    labels: tuple[str, ...],
    wanted: tuple[Channel, ...],
    ignore_case: bool,
    rename: tuple[tuple[str, str], ...],
    references: tuple[str, ...],
    interpolate: tuple[str, ...],
    average_of: tuple[str, ...],
) -> Resolution | str:
    """Return a resolution, or the error, so that both are cached."""
    if rename:
        labels = _renamed(labels, rename, ignore_case)
    named = frozenset(reference_key(text, ignore_case=ignore_case) for text in references)
    signals = sort_signals(labels, ignore_case=ignore_case, references=named)
    ask = _Ask(
        wanted,
        ignore_case,
        frozenset(map(canonical, interpolate)),
        tuple(dict.fromkeys(map(canonical, average_of))),
    )
    best = _best(signals, ask)
    if not best.lost:
        return best.resolution()
    other_case = not ignore_case and not isinstance(
        _resolved(labels, wanted, True, (), references, interpolate, average_of), str
    )
    return why_not(
        labels,
        best.told(),
        best.would_do(),
        ignore_case=ignore_case,
        references=named,
        other_case=other_case,
    )


def _renamed(
    labels: tuple[str, ...], rename: tuple[tuple[str, str], ...], ignore_case: bool
) -> tuple[str, ...]:
    """Return labels after renaming; an exact match precedes other spellings."""
    meant = {label_key(old, ignore_case=ignore_case): new for old, new in rename}
    exactly = {label_key(old, ignore_case=False): new for old, new in rename}
    return tuple(
        exactly.get(
            label_key(label, ignore_case=False),
            meant.get(label_key(label, ignore_case=ignore_case), label),
        )
        for label in labels
    )


@dataclass(frozen=True)
class _Ask:
    wanted: tuple[Channel, ...]
    ignore_case: bool
    interpolate: frozenset[str]
    average_of: tuple[str, ...]

    @cached_property
    def plain(self) -> tuple[str, ...]:
        """Electrodes that are wanted as such."""
        return tuple(
            canonical(channel.anode)
            for channel in self.wanted
            if channel.cathode is None and is_electrode(channel.anode)
        )


def _best(signals: Signals, ask: _Ask) -> "_Attempt":
    """Return the successful attempt with electrodes of one reference, or the nearest to success.

    Single electrodes come from the first group that has them; for differences, the order of a
    file's signals is irrelevant.
    """
    if plain := ask.plain:
        best = None
        for group in signals.mixed:
            attempt = _Attempt(signals, group, ask)
            if not attempt.lost:
                return attempt
            n_found = sum(name in group.numbers for name in plain)
            if best is None or n_found > best[0]:
                best = n_found, attempt
        assert best is not None  # there are always two groups
        return best[1]
    groups = signals.groups or (Group("", {}),)
    attempts = [_Attempt(signals, group, ask) for group in groups]
    return min(
        attempts,
        key=lambda a: (
            len(a.lost),
            len(a.missing),
            -len(a.used),
            -len(a.group.numbers),
        ),
    )


@dataclass
class _Attempt:
    """Channels computed with the electrodes of one group, and with any differences."""

    signals: Signals
    group: Group
    ask: _Ask
    terms: list[dict[int | str, float]] = field(default_factory=list)  # by name if missing
    lost: list[Channel] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)  # all that would be needed
    used: dict[str, tuple[int, ...]] = field(default_factory=dict)
    same: dict[str, tuple[int, ...]] = field(default_factory=dict)
    opposite: dict[str, tuple[int, ...]] = field(default_factory=dict)
    hopeless: bool = False  # something is missing that interpolation cannot replace
    further: set[str] = field(default_factory=set)  # other references

    def __post_init__(self) -> None:
        there = self.group.numbers
        if plain := self.ask.plain:
            self.can_interpolate = any(name in there for name in (*CHANNELS, *plain))
        else:  # interpolated from one or two others, a difference to them would be nearly zero
            self.can_interpolate = self.group.n_positioned >= MANY
        for channel in self.ask.wanted:
            made = self._make(channel)
            if made is None:
                self.lost.append(channel)
            else:
                self.terms.append(made)

    def told(self) -> list[Channel]:
        """Return lost channels that cannot be interpolated, or all if no electrodes can serve."""
        allowed = self.ask.interpolate
        lost = [c for c in self.lost if c.cathode or canonical(c.anode) not in allowed]
        return lost or self.lost

    def would_do(self) -> tuple[str, ...]:
        """Return the few electrodes that would have to be interpolated for all to be made."""
        if self.hopeless or not self.can_interpolate or len(self.absent) > FEW:
            return ()
        return tuple(sorted(self.absent - self.ask.interpolate))

    def _make(self, channel: Channel) -> dict[int | str, float] | None:
        anode = canonical(channel.anode)
        if channel.cathode is None:
            if is_electrode(anode):
                return self._sum({anode: 1.0}, as_such=True)
            key = label_key(channel.anode, ignore_case=self.ask.ignore_case)
            made = self._native(key, self.signals.labels.get(key), 1.0)
            self.hopeless |= made is None
            return made
        if channel.cathode == AVERAGE:
            return self._less_average(anode)
        cathode = canonical(channel.cathode)
        for pair, factor in (((anode, cathode), 1.0), ((cathode, anode), -1.0)):
            if made := self._native("-".join(pair), self.signals.pairs.get(pair), factor):
                if back := self.signals.pairs.get((pair[1], pair[0])):
                    self.opposite["-".join(pair)] = (*self.signals.pairs[pair][:1], *back)
                return made
        factors = {anode: 1.0, cathode: -1.0}
        if self._has(factors):
            return self._sum(factors)
        for group in self.signals.groups:
            if anode in group.numbers and cathode in group.numbers:
                return self._elsewhere(group, factors)
        # neighbours of one electrode: also exact, although it is not a common reference
        for neighbour in self.signals.shared(anode, cathode):
            numbers = {name: self.signals.pairs[name, neighbour] for name in factors}
            return self._elsewhere(Group(neighbour, numbers), factors)
        return self._sum(factors)

    def _less_average(self, anode: str) -> dict[int | str, float] | None:
        if self.group.reference in AVERAGES and (made := self._sum({anode: 1.0})):
            return made
        for group in self.signals.groups:
            if group.reference in AVERAGES and anode in group.numbers:
                return self._elsewhere(group, {anode: 1.0})
        names = self.ask.average_of
        if not names:
            self.hopeless = True
            return None
        factors = dict.fromkeys(names, -1.0 / len(names))
        factors[anode] = factors.get(anode, 0.0) + 1.0
        return self._sum(factors)

    def _has(self, factors: Mapping[str, float]) -> bool:
        """Whether the group has these electrodes, all against one reference."""
        if any(name not in self.group.numbers and name != self.group.zero for name in factors):
            return False
        return self.group.reference is not None or any(
            all(self.group.numbers[name][0] in group.numbers.get(name, ()) for name in factors)
            for group in self.signals.groups
        )

    def _sum(
        self, factors: Mapping[str, float], *, as_such: bool = False
    ) -> dict[int | str, float] | None:
        """Return a sum of electrodes of the group, some of them interpolated."""
        there = self.group.numbers
        zero = None if as_such else self.group.zero
        absent = {name for name in factors if name not in there and name != zero}
        self.absent |= absent
        one = as_such or self.group.reference is not None or self._has(factors)
        self.hopeless |= not one or not absent <= positioned()
        if not one or not absent <= positioned():
            return None
        if absent and not (self.can_interpolate and absent <= self.ask.interpolate):
            return None
        self.missing |= absent
        self.used |= {name: there[name] for name in factors if name in there}
        return {
            there[name][0] if name in there else name: factor
            for name, factor in factors.items()
            if factor and name != zero
        }

    def _native(
        self, name: str, numbers: tuple[int, ...] | None, factor: float
    ) -> dict[int | str, float] | None:
        if not numbers:
            return None
        for electrode, signals in self._against_electrode():
            if numbers[0] in signals:  # an electrode of the same reference as the others
                self.used[electrode] = signals
                return {signals[0]: factor}
        self.same[name] = numbers
        return {numbers[0]: factor}

    def _against_electrode(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        if is_electrode(self.group.reference or ""):
            yield from self.group.numbers.items()

    def _elsewhere(self, group: Group, factors: Mapping[str, float]) -> dict[int | str, float]:
        self.further.add(group.reference or "")
        for name in factors:
            self.same[f"{name} against {group.reference}"] = group.numbers[name]
        return {group.numbers[name][0]: factor for name, factor in factors.items()}

    def resolution(self) -> Resolution:
        """Return the result."""
        missing = tuple(sorted(self.missing))
        row = {name: self.signals.number + k for k, name in enumerate(missing)}
        same = {name: numbers for name, numbers in (self.used | self.same).items() if numbers[1:]}
        shares = bool(self.used or missing)
        placed = [name for name in self.group.numbers if name in positioned()]
        if not (shares and self.can_interpolate):
            placed = []
        return Resolution(
            terms=tuple(
                tuple(
                    (key if isinstance(key, int) else row[key], factor) for key, factor in t.items()
                )
                for t in self.terms
            ),
            electrodes={n: self.group.numbers[n][0] for n in placed if n in self.used},
            others={n: self.group.numbers[n][0] for n in placed if n not in self.used},
            missing=missing,
            duplicates=same,
            opposites=dict(self.opposite),
            reference=self._reference(shares),
            n_signals=self.signals.number,
        )

    def _reference(self, shares: bool) -> str:
        found = {*self.further, *([self.group.reference] if shares else [])}
        if len(found) != 1 or None in found:
            return ""
        return canonical(found.pop() or "")
