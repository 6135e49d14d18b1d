"""Tables of rows: medians over the rounds, with the extremes."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from benchmarks.engines import ENGINES, LIMIT
from benchmarks.reporting.summary import Spread, exponents, ratios
from benchmarks.rows import Row, of
from benchmarks.workloads import TITLES
from benchmarks.workloads.loader import WORKLOADS as LOADING
from benchmarks.workloads.reading import WORKLOADS as READING


class Table(NamedTuple):
    """A heading and rows of text.

    Attributes
    ----------
    head : list of str
    lines : list of list of str
        Each has the length of `head`.
    """

    head: list[str]
    lines: list[list[str]]


OWN = "tuszstore"
"""The engine with which others are compared."""

RATED = tuple(name for name in (*READING, *LOADING) if name != "first-batch")
"""Workloads measured in windows per second, for all engines."""

ASKED = (
    ("random", "compressed", 2.0),
    ("random", "bare", 0.5),
    ("cold-random", "any", 3.0),
    ("in-order", "any", 1.0),
    ("cold-in-order", "any", 1.0),
    ("first-batch", "any", 1.0),
)
"""Target ratios of tuszstore's rate to the best engine of a kind, including the upper bound."""

ASKED_BATCH = 64
"""Batch size of the targets."""


def overview(rows: Sequence[Row]) -> Table:
    """Return the table of all engines over all workloads of reading."""
    measured = [row for row in rows if row.workload in (*READING, *LOADING)]
    columns = [name for name in RATED if any(row.workload == name for row in measured)]
    cold = "first-batch" in {row.workload for row in measured}
    head = ["windows/s", *(TITLES[name].removesuffix(" page cache") for name in columns)]
    head += ["first batch, s"] * cold + ["MB per h of EEG", "MB of memory"]
    lines = []
    best = {name: _best(measured, name) for name in columns}
    for engine in _engines(measured):
        mine = of(measured, engine=engine)
        line = [mine[0].title + ("*" if mine[0].order == "own" else "")]
        for name in columns:
            rate = Spread.of(row.rate for row in of(mine, workload=name))
            text = _missing(mine, name) if rate is None else _count(rate.median)
            ahead = rate is not None and engine != LIMIT and rate.median == best[name]
            line.append(f"**{text}**" if ahead else text)
        if cold:
            first = Spread.of(row.first_batch for row in of(mine, workload="first-batch"))
            line.append("" if first is None else f"{first.median:.2f}")
        hours = mine[0].setting.get("hours") or 1.0
        stored = Spread.of(row.stored and row.stored / hours for row in mine)
        memory = Spread.of(row.anonymous for row in of(mine, workload="random"))
        line += ["" if value is None else _count(value.median / 1e6) for value in (stored, memory)]
        lines.append(line)
    return Table(head, lines)


def workload_table(rows: Sequence[Row], workload: str) -> Table:
    """Return all measurements of one workload of reading, with their spread."""
    chosen = of(rows, workload=workload, status="ok")
    head = ["", "windows/s", "range", "of the upper bound", "range"]
    head += ["tuszstore is faster by", "range"]
    head += ["first batch, s", "read/byte", "from disk/byte", "memory, MB", "mapped, MB"]
    lines = []
    for engine in _engines(chosen):
        mine = of(chosen, engine=engine)
        times = Spread.of(ratios(chosen, workload, OWN, engine))
        lines.append(
            [
                mine[0].title,
                *_both(Spread.of(row.rate for row in mine), _count),
                *_both(Spread.of(row.of_limit for row in mine), _three),
                *_both(times, _three),
                _median(mine, "first_batch", lambda value: f"{value:.3f}"),
                _median(mine, "read_per_byte", _three),
                _median(mine, "disk_per_byte", _three),
                _median(mine, "anonymous", lambda value: _count(value / 1e6)),
                _median(mine, "mapped", lambda value: _count(value / 1e6)),
            ]
        )
    return Table(head, lines)


FASTER_BUILD = 5.0
"""Target ratio of the building speed to that of the NPZ pipeline."""

FLAT = 0.05
"""Target: maximum exponent of the cost per window."""


def comparison(rows: Sequence[Row]) -> Table:
    """Return the comparison of tuszstore with the best engine of each kind, and the targets."""
    head = ["tuszstore against", "the best", "times as fast", "range", "target", ""]
    return Table(head, [*_against_others(rows), *_against_npz(rows), *_flatness(rows)])


def _against_npz(rows: Sequence[Row]) -> list[list[str]]:
    times = Spread.of(ratios(of(rows, status="ok"), "build", OWN, "npz"))
    if times is None:
        return []
    met = "met" if times.median >= FASTER_BUILD else "missed"
    return [["building, one worker", "NPZ", *_both(times, _three), f"≥ {FASTER_BUILD:g}", met]]


def _flatness(rows: Sequence[Row]) -> list[list[str]]:
    lines = []
    for workload in ("growth", "length"):
        found = Spread.of(exponents(of(rows, workload=workload, engine=OWN, status="ok")))
        if found is not None:
            met = "met" if found.median < FLAT else "missed"
            spread = _both(found, lambda value: f"{value:.3f}")
            lines.append([f"exponent of: {TITLES[workload]}", "", *spread, f"< {FLAT:g}", met])
    return lines


def _against_others(rows: Sequence[Row]) -> list[list[str]]:
    lines = []
    for workload, kind, asked in ASKED:
        rivals = {
            engine
            for engine in _engines(of(rows, workload=workload, status="ok"))
            if ENGINES[engine].kind != "own" and kind in ("any", ENGINES[engine].kind)
        }
        if not rivals or not of(rows, workload=workload, engine=OWN, status="ok"):
            continue
        best = max(rivals, key=lambda engine: _rate(rows, workload, engine))
        times = Spread.of(ratios(rows, workload, OWN, best))
        if times is None:
            continue
        who = {"any": "all others", "bare": "bare float32", "compressed": "compressed or chunked"}
        lines.append(
            [
                f"{TITLES[workload]}: {who[kind]}",
                ENGINES[best].title,
                *_both(times, _three),
                f"≥ {asked:g}",
                "met" if times.median >= asked else "missed",
            ]
        )
    return lines


def losses(rows: Sequence[Row]) -> list[str]:
    """Return a line for each workload in which engines except the upper bound are faster."""
    found = []
    for workload in (*READING, *LOADING):
        ahead = []
        for engine in _engines(of(rows, workload=workload, status="ok")):
            times = Spread.of(ratios(rows, workload, engine, OWN))
            if engine == LIMIT or ENGINES[engine].kind == "own" or times is None:
                continue
            if times.median > 1:
                ahead.append(
                    (
                        times.median,
                        f"{ENGINES[engine].title} {times.median:.2f} times "
                        f"({times.least:.2f} to {times.most:.2f})",
                    )
                )
        if ahead:
            found.append(
                f"{TITLES[workload]}: {', '.join(text for _, text in sorted(ahead, reverse=True))}"
            )
    return found


def build_table(rows: Sequence[Row]) -> Table:
    """Return times and sizes of building."""
    chosen = of(rows, workload="build", status="ok")
    head = [
        "",
        "s per h of EEG",
        "range",
        "times faster than NPZ",
        "range",
        "MB per h of EEG",
        "memory, MB",
    ]
    lines = []
    for engine in _engines(chosen):
        mine = of(chosen, engine=engine)
        lines.append(
            [
                mine[0].title,
                *_both(Spread.of(row.values["s per hour"] for row in mine), _three),
                *_both(Spread.of(ratios(chosen, "build", engine, "npz")), _three),
                f"{mine[0].values['MB per hour']:.1f}",
                _median(mine, "anonymous", lambda value: _count(value / 1e6)),
            ]
        )
    return Table(head, lines)


def varied_table(rows: Sequence[Row], workload: str) -> Table:
    """Return measurements of each engine over sizes or variants; for sizes, with the exponent."""
    chosen = of(rows, workload=workload, status="ok")
    return _over_sizes(chosen) if any(row.size for row in chosen) else _over_variants(chosen)


def _over_sizes(rows: Sequence[Row]) -> Table:
    sizes = sorted({row.size for row in rows if row.size is not None})
    names = [f"{size:,g}" if size < 1e6 else f"10^{len(str(int(size))) - 1}" for size in sizes]
    lines = []
    for engine, variant in dict.fromkeys((row.engine, row.variant) for row in rows):
        mine = of(rows, engine=engine, variant=variant)
        spreads = [Spread.of(map(_cost, of(mine, size=size))) for size in sizes]
        lines.append(
            [
                ", ".join(filter(None, [mine[0].title, variant])),
                *("" if spread is None else _three(spread.median) for spread in spreads),
                *_both(Spread.of(exponents(mine)), lambda value: f"{value:.3f}"),
            ]
        )
    return Table([_figure(rows), *names, "exponent", "range"], lines)


def _over_variants(rows: Sequence[Row]) -> Table:
    columns: list[tuple[str, Callable[[Row], float | None]]] = [
        ("of the upper bound", lambda row: row.of_limit),
        ("of the plain read", lambda row: row.values.get("of plain")),
        ("first batch, s", lambda row: row.first_batch),
        ("memory, MB", lambda row: None if row.anonymous is None else row.anonymous / 1e6),
        ("requests per batch", lambda row: row.values.get("requests a batch")),
        ("kB read", lambda row: _scaled(row.values.get("bytes read"), 1e-3)),
    ]
    shown = [(name, figure) for name, figure in columns if any(figure(row) for row in rows)]
    lines = []
    for engine, variant in dict.fromkeys((row.engine, row.variant) for row in rows):
        mine = of(rows, engine=engine, variant=variant)
        line = [", ".join(filter(None, [mine[0].title, variant]))]
        line += _both(Spread.of(map(_cost, mine)), _three)
        for _, figure in shown:
            spread = Spread.of(map(figure, mine))
            line.append("" if spread is None else _three(spread.median))
        lines.append(line)
    return Table([_figure(rows), "median", "range", *(name for name, _ in shown)], lines)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else factor * value


def absences(rows: Iterable[Row]) -> list[str]:
    """Return a sentence for each engine that was not measured, or not in some workload."""
    found: dict[str, None] = {}
    for row in rows:
        if row.status != "ok":
            where = "" if row.workload == "prepare" else f" ({TITLES[row.workload]})"
            found[f"{row.title}{where}: {row.status}: {row.reason}"] = None
    return list(found)


def circumstances(rows: Sequence[Row]) -> str:
    """Return one sentence on where, when and what was measured."""
    here = rows[0].setting
    rounds = max(row.round for row in rows)
    return (
        f"{here['date']}, {here['cores']} cores of {here['processor']}, {here['system']}, Python "
        f"{here['python']}; size {here['size']}: {here.get('hours', 0):.1f} h of synthetic EEG, "
        f"{here.get('windows', 0):,} windows of 60 s every 10 s, batches of {here['batch']}, "
        f"{rounds} rounds"
    )


def _engines(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(row.engine for row in rows))


def _rate(rows: Sequence[Row], workload: str, engine: str) -> float:
    rate = Spread.of(row.rate for row in of(rows, workload=workload, engine=engine))
    return 0.0 if rate is None else rate.median


def _best(rows: Sequence[Row], workload: str) -> float:
    """Return the best rate of a workload, except the upper bound."""
    rates = [_rate(rows, workload, engine) for engine in _engines(rows) if engine != LIMIT]
    return max(rates, default=0.0)


def _missing(rows: Sequence[Row], workload: str) -> str:
    statuses = [row.status for row in of(rows, workload=workload)]
    return statuses[0] if statuses else ""


def _cost(row: Row) -> float | None:
    """Return microseconds per window, or milliseconds per call."""
    if row.rate:
        return 1e6 / row.rate
    if row.seconds is None:
        return None
    return row.seconds * (1e6 if row.workload == "stages" else 1e3)


def _figure(rows: Sequence[Row]) -> str:
    windowed = rows[0].rate or rows[0].workload == "stages"
    return "µs per window" if windowed else "ms"


def _both(spread: Spread | None, text: Callable[[float], str]) -> list[str]:
    if spread is None:
        return ["", ""]
    return [text(spread.median), f"{text(spread.least)} to {text(spread.most)}"]


def _median(rows: Sequence[Row], attribute: str, text: Callable[[float], str]) -> str:
    spread = Spread.of(getattr(row, attribute) for row in rows)
    return "" if spread is None else text(spread.median)


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _three(value: float) -> str:
    """Return a number with three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:.3g}"
