"""Files that contain recordings, and the paths of their events files."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tuszstore.evaluate.tables import Recordings
from tuszstore.evaluate.writing import PredictionError

_BIDS = re.compile(r"(?:.*/)?sub-[^/]+_eeg\.[A-Za-z0-9]+")


@dataclass(frozen=True)
class Source:
    """A file that recordings are parts of; mostly one recording is all of it.

    Attributes
    ----------
    name : str
        Path of the signal, relative to the corpus.
    rows : list of int
        Rows of its recordings.
    seconds : float
        Length of the file.
    """

    name: str
    rows: list[int]
    seconds: float

    @property
    def stem(self) -> str:
        """File name without suffix."""
        return PurePosixPath(self.name).stem


def sources_of(recordings: Recordings) -> list[Source]:
    """Return the files that contain the recordings, in their order."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(recordings.source_id.tolist()):
        rows.setdefault(name, []).append(row)
    ends = recordings.source_start + recordings.seconds
    return [Source(name, some, float(ends[some].max())) for name, some in rows.items()]


def bids_paths(recordings: Recordings) -> list[PurePosixPath]:
    """Return the path of the events table of each file, within a folder of BIDS.

    It is beside the signal if that is in such folders. Otherwise patients and sessions have the
    letters and digits of their names, and the files of a session are its runs, starting at 00.
    """
    runs: Counter[str] = Counter()
    paths: list[PurePosixPath] = []
    for source in sources_of(recordings):
        name = source.name
        if _BIDS.fullmatch(name):
            beside = _inside(re.sub(r"_eeg\.[^./]+$", "_events.tsv", name))
            if beside not in paths:  # otherwise a file of another format has this path
                paths.append(beside)
                continue
        row = source.rows[0]
        subject = _letters(recordings.patient[row]) or _letters(source.stem) or "unknown"
        session = _letters(recordings.session[row]) or "01"
        head = f"sub-{subject}_ses-{session}"
        file = f"{head}_task-szMonitoring_run-{runs[head]:02}_events.tsv"
        runs[head] += 1
        paths.append(PurePosixPath(f"sub-{subject}", f"ses-{session}", "eeg", file))
    return paths


def csv_bi_paths(recordings: Recordings) -> list[PurePosixPath]:
    """Return the path of the ``.csv_bi`` of each file within a folder, like that of its signal.

    Files that differ in their suffix alone keep it: ``a.edf.csv_bi``.
    """
    names = [PurePosixPath(source.name) for source in sources_of(recordings)]
    paths = [name.with_suffix(".csv_bi") for name in names]
    number = Counter(paths)
    return [
        _inside(str(path if number[path] == 1 else name.with_name(f"{name.name}.csv_bi")))
        for name, path in zip(names, paths, strict=True)
    ]


def find_files(
    root: Path, recordings: Recordings, sources: list[Source]
) -> list[tuple[Path, Source]]:
    """Return the events file of each source that has one below a folder."""
    below: dict[str, list[Path]] = {}
    for file in sorted(root.rglob("*")):
        if file.suffix in (".tsv", ".csv_bi"):
            below.setdefault(file.name, []).append(file)
    found: dict[Path, Source] = {}
    places = [*zip(bids_paths(recordings), csv_bi_paths(recordings), strict=True)]
    owners = {root / path: k for k, paths in enumerate(places) for path in paths}
    for number, (source, paths) in enumerate(zip(sources, places, strict=True)):
        there = [root / path for path in paths if (root / path).is_file()]
        for name in _names_of(source):
            # excluding paths where another recording's file is written, even if both names match
            there += [file for file in below.get(name, []) if owners.get(file, number) == number]
        there = list(dict.fromkeys(there))
        if len(there) > 1:
            named = " and ".join(map(str, there[:2]))
            raise PredictionError(f"{root}: {source.name} has more than one events file: {named}")
        for file in there:
            if file in found:
                raise PredictionError(
                    f"{file}: may be of {found[file].name} or of {source.name}, which have "
                    f"the same name; move it to its own path, such as {root / paths[1]}"
                )
            found[file] = source
    return list(found.items())


def _names_of(source: Source) -> list[str]:
    """Return the possible names of a recording's events file."""
    return [
        f"{source.stem}.csv_bi",
        f"{source.stem.removesuffix('_eeg')}_events.tsv",
        f"{source.stem}.tsv",
    ]


def find_source(file: Path, recordings: Recordings, sources: list[Source]) -> Source:
    """Return the source that a file is named after."""
    places = [*zip(sources, bids_paths(recordings), csv_bi_paths(recordings), strict=True)]
    called = [
        entry
        for entry in places
        if file.name in (*(path.name for path in entry[1:]), *_names_of(entry[0]))
        or file.name == f"{entry[0].stem}.csv"
    ]
    by_path = [source for source, *_ in called]
    if len(called) > 1:  # of several with the same name, the one in the same folder
        ends = [file.absolute().parts[-len(path.parts) :] for _, *paths in called for path in paths]
        wanted = [path.parts for _, *paths in called for path in paths]
        fits = [k // 2 for k, end in enumerate(ends) if end == wanted[k]]
        by_path = [called[k][0] for k in fits] if len(fits) == 1 else by_path
    if len(by_path) != 1:
        told = "several of these recordings have" if by_path else "none of these recordings has"
        stems = ", ".join(source.stem for source in sources[:3])
        raise PredictionError(
            f"{file}: is of another recording: {told} this name; known are {stems}"
            f"{' and others' if len(sources) > 3 else ''}"
        )
    return by_path[0]


def _letters(text: str) -> str:
    """Return the characters of a name that BIDS allows in a label."""
    return re.sub(r"[^A-Za-z0-9]", "", str(text))


def _inside(name: str) -> PurePosixPath:
    """Reject a name that leads out of the target folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise PredictionError(f"{name}: is outside the folder for events")
    return path
