"""What a build says of recordings that are left out, and what to do about it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.builder.advice import advise
from tuszstore.builder.report import BuildReport, count_events, overall_status
from tuszstore.builder.spec import spec_of
from tuszstore.channels.names import CHANNELS
from tuszstore.cli.printing.reasons import LIST_ALL, SHOWN, left_out_lines
from tuszstore.config import Config, load_config
from tuszstore.corpus.annotations import OWN_FOLDER, USE_OTHER
from tuszstore.corpus.base import LeftOut
from tuszstore.reasons import Reason, all_notes, group_reasons
from tuszstore.store.spec import StoreSpec

NO_FILE = "unlabelled: no annotation file a.csv"
NO_CHANNELS = "channels are missing: Fz, Pz"


def config(**options: object) -> Config:
    return load_config(None, options)


def nothing(*left_out: tuple[str, str]) -> BuildReport:
    entries = tuple(LeftOut(f"{n}.edf", reason, kind) for n, (kind, reason) in enumerate(left_out))
    return BuildReport("train", Path("x"), "nothing built", left_out=entries)


def built(windows: int = 10, hits: int = 0, **figures: object) -> BuildReport:
    categories = {"no_seizure": windows - hits, "partial_seizure": hits, "full_seizure": 0}
    return BuildReport(
        "train", Path("x"), "built", recordings=3, windows=windows, categories=categories, **figures
    )


def told(report: BuildReport, **options: object) -> str:
    return " | ".join(advise(report, config(**options)))


class TestAdvice:
    def test_all_is_well(self) -> None:
        assert advise(built(hits=1), config()) == []

    def test_recordings_without_annotation_can_be_kept(self) -> None:
        assert "labels.unlabelled=keep" in told(nothing(("unlabelled", NO_FILE)))

    def test_patients_in_one_folder_are_to_be_separated(self) -> None:
        reason = f"{NO_FILE}, but *-summary.txt exists beside it: {OWN_FOLDER['chbmit']}"
        said = told(nothing(("unlabelled", reason)))
        assert OWN_FOLDER["chbmit"] in said
        assert "labels.unlabelled" not in said

    def test_what_is_set_is_not_advised(self) -> None:
        report = nothing(("unlabelled", NO_FILE), ("failed", "0.csv, row 3: not a row of x"))
        assert "unlabelled=keep" not in told(report, **{"labels.unlabelled": "keep"})

    @pytest.mark.parametrize("reason", [NO_CHANNELS, "file is empty", "not an EDF file"])
    def test_what_failed_has_nothing_to_do_with_labels(self, reason: str) -> None:
        said = told(nothing(("failed", reason), ("failed", reason)))
        assert "nothing was built (2 failed)" in said
        assert "labels." not in said

    def test_each_cause_has_its_own_advice(self) -> None:
        said = told(nothing(("unlabelled", NO_FILE), ("failed", NO_CHANNELS)))
        assert "nothing was built (1 failed, 1 unlabelled)" in said
        assert "labels.unlabelled=keep" in said
        assert "1 recording cannot be used for the reason above" in said

    def test_an_annotation_of_another_kind_is_named(self) -> None:
        reason = f"{NO_FILE}, but *.csv_bi exists beside it: {USE_OTHER}csv_bi"
        said = told(nothing(("unlabelled", reason)))
        assert "--set labels.annotation=csv_bi" in said
        assert "unlabelled=keep" not in said

    def test_a_file_that_is_no_annotation_has_a_way_out(self) -> None:
        said = told(nothing(("failed", "0.csv, row 1: expected the columns channel,start_time")))
        assert "--set labels.annotation=none --set labels.unlabelled=keep" in said

    def test_recordings_that_are_too_short(self) -> None:
        said = told(built(windows=0, short=3, longest=20.0))
        assert "all 3 recordings are shorter (the longest has 20 s)" in said
        assert "windows.length (60 s)" in said
        assert "annotation" not in said

    @pytest.mark.parametrize(
        ("figures", "expected", "other"),
        [
            pytest.param({}, "no events except background; they were read as csv",
                         "labels.seizure", id="no events"),
            pytest.param({"events": {"sz": 4, "artf": 1}}, "counts as a seizure: sz, artf",
                         "labels.annotation", id="other classes"),
            pytest.param({"seizures": 2, "events": {"fnsz": 2}, "short": 1},
                         "2 seizures are annotated, but no window of 60 s contains any; 1",
                         "check", id="seizures in no window"),
        ],
    )  # fmt: skip
    def test_no_seizure_window(self, figures: dict[str, object], expected: str, other: str) -> None:
        said = told(built(**figures))
        assert expected in said
        assert other not in said


class TestStatus:
    @pytest.mark.parametrize(
        ("statuses", "expected"),
        [([0, 0], 0), ([0, 1], 3), ([1, 1], 1), ([1], 1), ([0, 3], 3), ([2, 1], 2), ([2, 3, 0], 2)],
    )
    def test_of_several_splits_it_says_what_happened(
        self, statuses: list[int], expected: int
    ) -> None:
        kinds = {
            0: built(hits=1),
            1: nothing(("failed", "x")),
            2: built(),
            3: built(hits=1, left_out=(LeftOut("a", "b", "failed"),)),
        }
        reports = [kinds[status] for status in statuses]
        assert [report.exit_status for report in reports] == statuses
        assert overall_status(reports) == expected

    def test_a_store_without_windows_is_unfit_whatever_the_split(self) -> None:
        report = BuildReport("dev", Path("x"), "built", recordings=1)
        assert report.exit_status == 2


class TestGroups:
    def test_reasons_that_differ_in_names_and_numbers_are_one(self) -> None:
        entries = [
            ("failed", f"a{k}.edf: header of {k} bytes, T3 missing", f"x/a{k}.edf")
            for k in range(5)
        ]
        entries += [("unlabelled", "unlabelled: no annotation", "x/b.edf")] * 9
        assert group_reasons(entries) == [
            Reason(
                "failed",
                "*.edf: header of 0 to 4 bytes, T3 missing",
                5,
                ("x/a0.edf", "x/a1.edf", "x/a2.edf"),
            ),
            Reason("unlabelled", "no annotation", 9, ("x/b.edf",) * 3),
        ]

    @pytest.mark.parametrize(
        ("texts", "told"),
        [
            pytest.param(
                ["O1 is missing; the file has 2 electrodes and 1 signal more"] * 2,
                "O1 is missing; the file has 2 electrodes and 1 signal more",
                id="equal",
            ),
            pytest.param(
                ["the file has 20 electrodes and 1 signal", "the file has 9 electrodes, and"],
                None,
                id="another cause",
            ),
            pytest.param(
                [
                    "the file has 20 electrodes and 1 signal",
                    "the file has 9 electrodes and 2 signals",
                ],
                "the file has 9 to 20 electrodes and 1 to 2 signals",
                id="a plural",
            ),
            pytest.param(["of 1,200 bytes", "of 90 bytes"], "of 90 to 1,200 bytes", id="thousands"),
            pytest.param(["at -2.5 s", "at 3 s"], "at -2.5 to 3 s", id="signs"),
            pytest.param(["on 2010-01-02", "on 2011-04-05"], "on …", id="dates"),
            pytest.param(["p/a0.csv, row 3: x", "a1.csv, row 3: x"], "*.csv, row 3: x", id="file"),
        ],
    )
    def test_what_differs_is_told_as_a_range(self, texts: list[str], told: str | None) -> None:
        reasons = group_reasons(("failed", text, f"x/a{k}.edf") for k, text in enumerate(texts))
        assert [reason.text for reason in reasons] == ([told] if told else texts)

    def test_more_than_one_recording_is_behind_and_more(self) -> None:
        """One more would take no less space than its name."""
        named = {n: group_reasons(("", "x", f"{k}.edf") for k in range(n))[0] for n in (3, 4, 5)}
        assert {n: len(reason.examples) for n, reason in named.items()} == {3: 3, 4: 4, 5: 3}

    def test_equal_reasons_are_one_line_with_their_number(self) -> None:
        left_out = [LeftOut(f"{k:02}.edf", NO_CHANNELS, "failed") for k in range(40)]
        left_out.append(LeftOut("x.edf", NO_FILE, "unlabelled"))
        (kind, line), other, more = left_out_lines(left_out)
        assert kind == "failed"
        assert line == f"40 recordings: {NO_CHANNELS} (00.edf, 01.edf, 02.edf and 37 more)"
        assert other == ("unlabelled", f"x.edf: {NO_FILE}")
        assert more == ("", LIST_ALL)

    @given(st.lists(st.sampled_from("abcdefghijklmnop"), max_size=40))
    def test_no_recording_is_lost_from_the_count(self, words: list[str]) -> None:
        left_out = [LeftOut(f"{k}.edf", f"is {w}", "failed") for k, w in enumerate(words)]
        lines = [line for _, line in left_out_lines(left_out) if line != LIST_ALL]
        counts = [
            int(line.removeprefix("and ").split()[0]) if " recording" in line else 1
            for line in lines
        ]
        assert sum(counts) == len(words)
        assert len(lines) <= SHOWN + 1

    def test_notes_tell_of_interpolated_channels(self) -> None:
        interpolated = np.zeros((3, len(CHANNELS)), bool)
        interpolated[1:, [8, 10]] = True
        assert all_notes(["clipped", "clipped", ""], interpolated, CHANNELS) == [
            "clipped",
            "clipped; interpolated: Fz, Pz",
            "interpolated: Fz, Pz",
        ]


def columns(rows: list[tuple[int, int, int, str]], labels: StoreSpec) -> dict[str, object]:
    bits = [1 << labels.classes.index(c) if c in labels.classes else 0 for *_, c in rows]
    recording, first, stop, names = zip(*rows, strict=True) if rows else ((), (), (), ())
    return {
        "recording": np.array(recording, np.int64),
        "first_sample": np.array(first, np.int64),
        "stop_sample": np.array(stop, np.int64),
        "bit": np.array(bits, np.uint16),
        "class": names,
    }


class TestEvents:
    def test_channels_of_one_seizure_are_one_seizure(self) -> None:
        labels = spec_of(Config())
        rows = [(0, 100 + k, 200 - k, "fnsz") for k in range(20)]
        rows += [(0, 300, 400, "fnsz"), (0, 390, 500, "gnsz"), (1, 100, 200, "gnsz")]
        rows += [(1, 10, 20, "artf"), (1, 50, 50, "fnsz")]
        seizures, by_class = count_events(columns(rows, labels), labels)
        assert seizures == 3
        assert by_class == {"fnsz": 2, "gnsz": 2, "artf": 1}
        assert list(by_class)[-1] == "artf"

    @given(
        rows=st.lists(
            st.tuples(
                st.integers(0, 3),
                st.integers(0, 30),
                st.integers(0, 30),
                st.sampled_from(["fnsz", "gnsz", "artf"]),
            ),
            max_size=25,
        )
    )
    def test_stretches_are_those_of_the_marked_samples(
        self, rows: list[tuple[int, int, int, str]]
    ) -> None:
        labels = spec_of(Config())
        marked = np.zeros((4, 33), bool)
        for recording, first, stop, name in rows:
            if name != "artf":
                marked[recording, 1 + first : 1 + stop] = True
        starts = int((np.diff(marked.astype(int), axis=1) == 1).sum())
        assert count_events(columns(rows, labels), labels)[0] == starts
