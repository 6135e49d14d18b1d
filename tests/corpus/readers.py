"""Recordings read by their paths, without a corpus around them."""

from functools import partial
from pathlib import Path

from tuszstore.config import Channels
from tuszstore.corpus import reading, splits
from tuszstore.corpus.annotations import Annotation, read_annotation
from tuszstore.corpus.base import Discovery, Recording
from tuszstore.corpus.folder import Folder
from tuszstore.corpus.tusz import Tusz, beside, named_recording


def recording_of(path: Path) -> Recording:
    return named_recording(path, path.parent, path.parent, "folder")


def inspect_edf(path: Path, config: Channels) -> reading.Inspected:
    return reading.inspect(Folder(path.parent, {}), recording_of(path), config, config.channels)


def read_microvolts(path: Path, config: Channels) -> reading.Microvolts:
    return reading.read_microvolts(
        Folder(path.parent, {}), recording_of(path), config, config.channels
    )


def find_recordings(root: Path) -> Discovery:
    """List a folder; patients are those of names."""
    return Tusz(root, {}).recordings()


def annotation_beside(recording: Recording, kind: str = "csv") -> Annotation:
    return read_annotation(beside(recording.path, kind), kind)


choose_split = partial(splits.choose_split, annotation_of=annotation_beside)
