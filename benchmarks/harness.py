"""One run: a corpus, the storage of each engine, and every workload in turn."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.corpus import write_files
from benchmarks.engines import ENGINES, imports_of
from benchmarks.environments import NoEnvironment, interpreter
from benchmarks.process import ProcessError, call
from benchmarks.rows import Row, setting
from benchmarks.setting import Prepared, Setting, Size
from benchmarks.source import IMPORTS, Source
from benchmarks.workloads import GROUPS
from benchmarks.workloads.reading import about, random_order


def run(
    size: Size,
    scratch: Path,
    engines: Sequence[str],
    workloads: Sequence[str],
    *,
    data: Path | None = None,
    install: bool = True,
    say: Callable[[str], None] = print,
) -> Iterator[Row]:
    """Measure engines and workloads; yield rows as they are measured.

    Parameters
    ----------
    size : Size
    scratch : Path
        An empty folder.
    engines, workloads : sequence of str
        Their names.
    data : Path, optional
        A corpus with a split ``train``; by default one is made.
    install : bool
        Whether to create missing environments.
    say : callable
        Called with lines on the progress.
    """
    # installing takes longest and mostly waits; it ends before measurements start
    with ThreadPoolExecutor() as pool:
        interpreters = {
            name: pool.submit(interpreter, name, install=install)
            for name in dict.fromkeys(ENGINES[engine].environment for engine in engines)
        }
        yield from _run(size, scratch, engines, workloads, data, interpreters, say)


def _run(
    size: Size,
    scratch: Path,
    engines: Sequence[str],
    workloads: Sequence[str],
    data: Path | None,
    interpreters: Mapping[str, Future[str]],
    say: Callable[[str], None],
) -> Iterator[Row]:
    common = setting(size=size.name, files=size.files, minutes=size.minutes, batch=size.batch)
    corpus = data or scratch / "corpus"
    if data is None:
        say(f"writing {size.files} recordings of {size.minutes:g} minutes")
        write_files(corpus, size.files, size.minutes)
    folder = scratch / "source"
    folder.mkdir()
    say("building stores")
    made = call(
        "benchmarks.source:make_source",
        imports=IMPORTS,
        data=str(corpus),
        folder=str(folder),
        limit=size.files if data else None,
        others=["none", "float32"],
    ).value
    say(f"{made['windows']} windows, {made['hours']:.1f} h of EEG")
    common |= made
    prepared: dict[str, Prepared] = {}
    for name in engines:
        python = interpreters[ENGINES[name].environment]
        found = _prepare(name, folder, scratch, size.batch, python)
        if isinstance(found, Prepared):
            prepared[name] = found
            say(f"prepared {ENGINES[name].title}, {found.stored / 1e6:.0f} MB")
        else:
            say(f"{ENGINES[name].title}: {found.status}: {found.reason}")
            yield replace(found, setting=common)
    run = Setting(size, scratch, corpus, folder, prepared, say, common)
    for group in GROUPS:
        wanted = [name for name in group.WORKLOADS if name in workloads]
        if not wanted:
            continue
        try:
            yield from group.run(run, wanted)
        except ProcessError as error:
            say(f"{', '.join(wanted)}: failed: {error}")
            for workload in wanted:
                yield run.row(
                    workload=workload,
                    engine="tuszstore",
                    title="tuszstore",
                    round=0,
                    status="failed",
                    reason=str(error),
                )


def _prepare(
    name: str, source: Path, scratch: Path, batch: int, interpreter: Future[str]
) -> Prepared | Row:
    """Store the windows for an engine; return a row with the reason if that fails."""
    none = Row(workload="prepare", round=0, status="absent", **about(name))
    folder = scratch / "engines" / name
    folder.mkdir(parents=True)
    try:
        python = interpreter.result()
        absent = call(
            "benchmarks.engines.base:why_absent",
            python=python,
            imports=["benchmarks.measure"],
            packages=ENGINES[name].packages,
        ).value
        if absent is not None:
            return replace(none, reason=absent)
        done = call(
            "benchmarks.measure:prepare",
            python=python,
            sync=True,
            imports=imports_of(name),
            engine=name,
            source=str(source),
            folder=str(folder),
            order=random_order(Source.open(source), 2, batch, seed=0),
        ).value
    except NoEnvironment as error:
        return replace(none, reason=str(error))
    except ProcessError as error:
        return replace(none, status="failed", reason=str(error))
    return Prepared(done["path"], done["bytes"], done["versions"], python)
