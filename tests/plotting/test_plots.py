"""Pictures of windows and recordings: what is drawn, not how it looks."""

import dataclasses
import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure
from numpy.typing import NDArray

import tuszstore
from tuszstore.channels.sets import TEN_TWENTY
from tuszstore.cli import main
from tuszstore.plotting.montage import Groups, referential
from tuszstore.plotting.montage import bipolar as bipolar_montage
from tuszstore.plotting.plots import draw, plot_recording, plot_window, render
from tuszstore.plotting.scales import extremes, fitting_scale, time_steps
from tuszstore.plotting.spans import Span, merge
from tuszstore.plotting.stretch import recording_stretch, window_stretch
from tuszstore.units import clock, percent

AS_RECORDED = "Fp1 Fp2 F7 F8 F3 F4 T3 T4 C3 C4 T5 T6 P3 P4 O1 O2 Fz Cz Pz"
DOUBLE_BANANA = (
    "Fp1-F7 F7-T3 T3-T5 T5-O1 Fp2-F8 F8-T4 T4-T6 T6-O2 "
    "Fp1-F3 F3-C3 C3-P3 P3-O1 Fp2-F4 F4-C4 C4-P4 P4-O2 Fz-Cz Cz-Pz"
)
SINGLE, PAIRS = AS_RECORDED.split(), DOUBLE_BANANA.split()


def parts(figure: Figure, label: str) -> list[Any]:
    return list(figure.findobj(match=lambda part: part.get_label() == label))


def line(figure: Figure, label: str) -> tuple[NDArray[Any], NDArray[Any]]:
    (found,) = parts(figure, label)
    return found.get_xdata(), found.get_ydata()


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def bases(figure: Figure) -> dict[str, float]:
    axis = figure.axes[0].yaxis
    names = [label.get_text() for label in axis.get_ticklabels()]
    return dict(zip(names, axis.get_ticklocs(), strict=True))


@pytest.mark.parametrize("width", [6, 7, 14])
@pytest.mark.parametrize("name", ["short", "sub-0001_ses-01_task-szMonitoring_run-00_eeg" * 2])
def test_titles_fit(train: tuszstore.Store, width: float, name: str) -> None:
    stretch = dataclasses.replace(window_stretch(train, 3), recording=f"{name}/eeg/{name}.edf")
    figure = draw(stretch, width=width)
    for text in figure.texts:
        assert text.get_window_extent().x1 <= figure.bbox.x1
    title = figure.texts[0].get_text()
    assert title.startswith(name[:5])
    assert title.endswith(stretch.state)
    assert ("…" in title) == (title != stretch.title)


def test_the_montage_is_that_of_the_stored_or_computed_channels(train: tuszstore.Store) -> None:
    assert window_stretch(train, 0).montage == "as stored: 10-20 (19 channels)"
    derived = window_stretch(train.view("double_banana"), 0).montage
    assert derived == "double_banana (18 channels), of 10-20 (19 channels)"


def centred(trace: NDArray[Any]) -> NDArray[Any]:
    return trace - np.median(trace)


def intervals(figure: Figure, label: str) -> list[tuple[float, float]]:
    boxes = [
        part.get_path().transformed(part.get_patch_transform()) for part in parts(figure, label)
    ]
    return [(box.get_extents().x0, box.get_extents().x1) for box in boxes]


def painted(figure: Figure, label: str, number: int, store: tuszstore.Store) -> NDArray[np.bool_]:
    """Samples of a window that shading covers."""
    start = float(store.index["start_time"][number])
    inside = np.zeros(store.windows.shape[2], bool)
    for first, last in intervals(figure, label):
        inside[round((first - start) * 256) : round((last - start) * 256)] = True
    return inside


@pytest.mark.parametrize(("bipolar", "names"), [(False, SINGLE), (True, PAIRS)])
def test_lanes_stand_in_clinical_order(
    train: tuszstore.Store, bipolar: bool, names: list[str]
) -> None:
    figure = plot_recording(train, 0, 5, 2, bipolar=bipolar)
    places = bases(figure)
    assert list(places) == names
    heights = [places[name] for name in names]
    assert heights == sorted(heights, reverse=True)
    for name in names:  # each is drawn around its name
        assert np.median(line(figure, f"lane {name}")[1]) == pytest.approx(places[name], abs=1e-3)


def test_groups_have_gaps(train: tuszstore.Store) -> None:
    places = bases(plot_recording(train, 0, 5, 2, bipolar=True))
    within = places["Fp1-F7"] - places["F7-T3"]
    for group, following in itertools.pairwise(bipolar_montage(TEN_TWENTY)):
        assert places[group[-1].name] - places[following[0].name] > 1.2 * within


def test_traces_are_microvolts_negative_up(train: tuszstore.Store) -> None:
    signal = train.read_recording(0, 100, 110, microvolts=True)
    down, up = (plot_recording(train, 0, 100, 10, negative_up=flag) for flag in (True, False))
    for row, name in enumerate(train.channels):
        x, y = line(down, f"lane {name}")
        np.testing.assert_allclose(x, 100 + np.arange(2560) / 256)
        expected = centred(signal[row])
        np.testing.assert_allclose(y, bases(down)[name] - expected, atol=1e-3)
        np.testing.assert_allclose(
            line(up, f"lane {name}")[1], bases(up)[name] + expected, atol=1e-3
        )
    assert any("negative" in text for text in texts(down))
    assert any("positive" in text for text in texts(up))


def test_bipolar_lanes_are_differences(train: tuszstore.Store) -> None:
    signal = dict(
        zip(train.channels, train.read_recording(0, 20, 25, microvolts=True), strict=True)
    )
    figure = plot_recording(train, 0, 20, 5, bipolar=True)
    for name in PAIRS:
        first, second = name.split("-")
        expected = bases(figure)[name] - centred(signal[first] - signal[second])
        np.testing.assert_allclose(line(figure, f"lane {name}")[1], expected, atol=1e-3)


def test_a_window_is_its_stretch_of_the_recording(train: tuszstore.Store) -> None:
    number = 17
    recording, start = (train.index[name].values[number] for name in ("recording", "start_time"))
    window = window_stretch(train, number)
    stretch = recording_stretch(train, int(recording), float(start), 60)
    np.testing.assert_allclose(window.data, stretch.data, rtol=1e-5)
    assert (window.first, window.spans) == (stretch.first, stretch.spans)
    assert window_stretch(train, number - len(train)).title == window.title


@pytest.mark.parametrize("bipolar", [False, True])
def test_shading_is_the_label(train: tuszstore.Store, bipolar: bool) -> None:
    """Over all lanes it covers the very samples that the labels mark, class by class."""
    for number in train.select(category="partial_seizure")[::15]:
        figure = plot_window(train, int(number), bipolar=bipolar)
        label = train.labels[int(number)]
        for bit, name in enumerate(train.spec.classes):
            marked = (label >> bit) & 1 > 0
            for part in (f"span {name}", f"strip {name}"):
                np.testing.assert_array_equal(painted(figure, part, int(number), train), marked)
            assert (name in texts(figure)) == marked.any()


def focal(store: tuszstore.Store) -> int:
    """A window with a seizure that was annotated on some channels only."""
    events = store.events.to_dataframe()
    spread = events.groupby("recording")["channel"].nunique()
    return int(store.select(recording=int(spread.idxmin()), category="partial_seizure")[0])


def test_lanes_are_shaded_where_they_were_annotated(train: tuszstore.Store) -> None:
    number = focal(train)
    row = int(train.index["recording"][number])
    events = train.events.to_dataframe().query(f"recording == {row} and stop_sample > first_sample")
    annotated = set(events["channel"])
    assert 0 < len(annotated) < 22
    label = events["class"].iloc[0]
    pairs = plot_window(train, number, bipolar=True)
    shaded = {name for name in PAIRS if parts(pairs, f"span {label} {name}")}
    assert shaded == {name for name in PAIRS if name.upper() in annotated}
    single = plot_window(train, number)
    shaded = {name for name in SINGLE if parts(single, f"span {label} {name}")}
    electrodes = {electrode for pair in annotated for electrode in pair.split("-")}
    assert shaded == {name for name in SINGLE if name.upper() in electrodes}
    assert shaded < set(SINGLE)


@pytest.mark.parametrize("scale", [None, 137.0])
def test_the_scale_bar_is_as_long_as_it_says(train: tuszstore.Store, scale: float | None) -> None:
    figure = plot_recording(train, 0, 0, 10, scale=scale)
    _, (bottom, top) = line(figure, "scale")
    (told,) = [match for text in texts(figure) if (match := re.match(r"([\d.]+) µV", text))]
    assert top - bottom == pytest.approx(float(told[1]))
    assert bases(figure)["Fp1"] - bases(figure)["Fp2"] == pytest.approx(top - bottom)
    if scale:
        assert top - bottom == scale


@settings(deadline=None)
@given(st.floats(0.01, 1e5))
def test_the_scale_follows_the_signal(amplitude: float) -> None:
    wave = np.sin(np.linspace(0, 100, 5000)).astype(np.float32)
    flat, artefact = np.zeros_like(wave), wave * 1e4
    scale = fitting_scale([amplitude * wave] * 5 + [flat, artefact])
    assert 2.4 * amplitude < scale < 4.2 * amplitude
    assert f"{scale:.1e}"[:3] in ("1.0", "1.5", "2.0", "3.0", "5.0", "7.0")


def test_clipped_samples_are_marked(own_corpus: Path, tmp_path: Path) -> None:
    for dtype in ("int16", "float32"):
        config = {"signal": {"clip": 2.0}, "storage": {"dtype": dtype}}
        report = tuszstore.build(
            config, data=own_corpus, store=tmp_path / dtype, workers=0, limit=1
        )
        store = tuszstore.open(report.store)
        figure = plot_recording(store, 0, 0, 10)
        assert "clipped" in " ".join(texts(figure))
        z = store.read_recording(0, 0, 10)
        for row, name in enumerate(store.channels):
            clipped = np.abs(z[row]) == 2
            beside = np.convolve(clipped, [1, 1, 1], "same") > 0
            shown = parts(figure, f"clipped {name}")
            marks = np.isfinite(shown[0].get_ydata()) if shown else np.zeros(2560, bool)
            np.testing.assert_array_equal(marks, beside)


def test_nothing_is_marked_where_nothing_is_clipped(train: tuszstore.Store) -> None:
    stretch = recording_stretch(train, 0, 0, 10)
    assert np.abs(train.read_recording(0, 0, 10)).max() < 10
    assert not stretch.clipped.any()
    assert "clipped" not in " ".join(texts(draw(stretch)))


def test_interpolated_and_flat_channels_are_named(train: tuszstore.Store) -> None:
    row = int(np.flatnonzero(train.recordings["interpolated"].values.any(axis=1))[0])
    stretch = recording_stretch(train, row, 0, 5)
    assert stretch.interpolated == {"Fz", "Pz"}
    assert texts(draw(stretch)).count("interpolated") == 2
    assert texts(draw(stretch, bipolar=True)).count("interpolated") == 2
    data = stretch.data.copy()
    data[0] = 0
    flat = dataclasses.replace(stretch, data=data, flat=frozenset({"Fp1"}))
    assert texts(draw(flat)).count("flat") == 1
    assert texts(draw(flat, bipolar=True)).count("flat") == 2


def test_time_is_that_of_the_recording(train: tuszstore.Store) -> None:
    figure = plot_recording(train, 0, 55.5, 10)
    axis = figure.axes[0].xaxis
    places = [float(x) for x in axis.get_ticklocs() if 55.5 <= x <= 65.5]
    assert places == list(range(56, 66))
    assert [axis.get_major_formatter()(x) for x in places[3:6]] == ["0:59", "1:00", "1:01"]
    stretch = recording_stretch(train, 0, 55.5, 1e6)
    assert stretch.limits[1] == train.recordings["n_samples"].values[0] / 256


def test_a_long_stretch_keeps_its_peaks(train: tuszstore.Store) -> None:
    figure = plot_recording(train, 0, 0, 1e6)
    signal = train.read_recording(0, microvolts=True)
    y = bases(figure)["Fp1"] - line(figure, "lane Fp1")[1]
    assert len(y) < signal.shape[1] / 2
    expected = centred(signal[0])
    assert (y.min(), y.max()) == pytest.approx((expected.min(), expected.max()), abs=1e-3)


@pytest.mark.slow
def test_files(train: tuszstore.Store) -> None:
    number = focal(train)
    figure = train.plot(number, bipolar=True)
    assert render(figure, "png").startswith(b"\x89PNG")
    assert render(figure, "pdf").startswith(b"%PDF")
    svg = render(figure, "svg").decode()
    row = int(train.index["recording"][number])
    told = [*PAIRS, "fnsz", "µV", "partial_seizure", train.recordings["id"].values[row]]
    for text in told:
        assert text in svg
    assert str(train.attrs["data"]) not in svg
    assert render(figure, "svg").decode() == svg


def test_names_are_text_not_formulas(train: tuszstore.Store) -> None:
    stretch = recording_stretch(train, 0, 0, 2)
    hostile = dataclasses.replace(stretch, recording=r"a/$\frac{1}$ <script>.edf")
    svg = render(draw(hostile), "svg").decode()
    assert r"$\frac{1}$ &lt;script&gt;" in svg
    assert "<script>" not in svg


@pytest.mark.slow
def test_the_session_is_left_alone(train: tuszstore.Store) -> None:
    """Settings of the session neither change a picture nor are changed by it."""
    expected = render(plot_recording(train, 0, 0, 2), "svg")
    with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 30, "text.color": "red"}):
        before = dict(matplotlib.rcParams)
        assert render(plot_recording(train, 0, 0, 2), "svg") == expected
        assert dict(matplotlib.rcParams) == before
    code = (
        "import sys, tuszstore; assert 'matplotlib' not in sys.modules;"
        "import tuszstore.plotting.plots; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_notebook_shows_the_picture(train: tuszstore.Store) -> None:
    shown, _ = DisplayFormatter().format(train.plot(0))
    assert shown["image/png"].startswith(b"\x89PNG")


def test_unlabelled(own_corpus: Path, tmp_path: Path) -> None:
    for annotation in own_corpus.rglob("*.csv*"):
        annotation.unlink()
    config = {"labels": {"unlabelled": "keep"}}
    report = tuszstore.build(config, data=own_corpus, store=tmp_path / "s", workers=0, limit=1)
    store = tuszstore.open(report.store)
    assert window_stretch(store, 0).title.endswith("unlabelled")
    assert recording_stretch(store, 0, 0, 5).title.endswith("unlabelled")
    assert not [text for text in texts(store.plot(0)) if "seizure" in text]


def test_windows_with_gaps_between_them(own_corpus: Path, tmp_path: Path) -> None:
    config = {"windows": {"overlap": "duplicate", "length": 10, "stride": 20}}
    report = tuszstore.build(config, data=own_corpus, store=tmp_path / "s", workers=0, limit=1)
    store = tuszstore.open(report.store)
    whole = tuszstore.build(None, data=own_corpus, store=tmp_path / "w", workers=0, limit=1)
    expected = tuszstore.open(whole.store).read_recording(0, 40, 50, microvolts=True)
    stretch = window_stretch(store, 2)
    assert stretch.limits == (40, 50)
    np.testing.assert_allclose(stretch.data, expected, rtol=1e-5)


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=12)


@settings(deadline=None)
@given(spans)
def test_merged_spans_cover_the_same_samples(pairs: list[tuple[int, int]]) -> None:
    given_ = [Span("fnsz", a, a + n, "TERM", True, 0) for a, n in pairs]
    covered = np.zeros(100, bool)
    for span in given_:
        covered[span.start : span.stop] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], covered.astype(int), [0]])))
    assert merge(given_) == [tuple(pair) for pair in edges.reshape(-1, 2).tolist()]


@settings(deadline=None)
@given(
    hnp.arrays(np.float32, st.integers(1, 300), elements=st.floats(-100, 100, width=32)),
    st.integers(1, 50),
)
def test_extremes_are_extreme(values: NDArray[Any], n_bins: int) -> None:
    places = extremes(values, n_bins)
    assert (np.diff(places) >= 0).all()
    assert (values[places].min(), values[places].max()) == (values.min(), values.max())


@settings(deadline=None)
@given(st.integers(0, 10**5))
def test_clock(tenths: int) -> None:
    *minutes, seconds = (float(part) for part in clock(tenths / 10, 1).split(":"))
    hours, rest = minutes if len(minutes) == 2 else (0, *minutes)
    assert hours * 3600 + rest * 60 + seconds == pytest.approx(tenths / 10)
    assert rest < 60 > seconds


@settings(deadline=None)
@given(st.floats(0.5, 1e4))
def test_times_are_labelled_sparsely(seconds: float) -> None:
    step, finer = time_steps(seconds)
    assert 2 <= seconds / step <= 15
    assert round(step / finer) * finer == pytest.approx(step)


def test_percent() -> None:
    shares = [0, 1e-9, 0.01, 0.496, 0.99, 0.999999, 1]
    assert [*map(percent, shares)] == ["0%", "<1%", "1%", "50%", "99%", ">99%", "100%"]


@pytest.mark.parametrize(
    ("channel", "as_recorded", "bipolar"),
    [
        ("FP1-F7", "Fp1 F7", "Fp1-F7"),
        ("F7-FP1", "Fp1 F7", "Fp1-F7"),
        ("T7-P7", "T3 T5", "T3-T5"),
        ("A1-T3", "T3", ""),
        ("C3-CZ", "C3 Cz", ""),
        ("CZ", "Cz", "Fz-Cz Cz-Pz"),
        ("EEG O1-REF", "O1", "T5-O1 P3-O1"),
        ("TERM", AS_RECORDED, DOUBLE_BANANA),
    ],
)
def test_which_lanes_an_annotation_is_of(channel: str, as_recorded: str, bipolar: str) -> None:
    def named(groups: Groups) -> set[str]:
        return {ln.name for group in groups for ln in group if ln.is_annotated_by(channel)}

    assert named(referential(TEN_TWENTY)) == set(as_recorded.split())
    assert named(bipolar_montage(TEN_TWENTY)) == set(bipolar.split())


class TestCommand:
    def run(self, *args: object) -> Result:
        return CliRunner().invoke(main, ["plot", *(str(arg) for arg in args)])

    @pytest.mark.parametrize(
        ("suffix", "head"),
        [("png", b"\x89PNG"), ("svg", b"<?xml"), ("PDF", b"%PDF")],
        ids=["png", "svg", "PDF"],
    )
    def test_a_window(
        self, train: tuszstore.Store, tmp_path: Path, suffix: str, head: bytes
    ) -> None:
        output = tmp_path / f"out.{suffix}"
        result = self.run(train.path, "--window", 17, "--bipolar", "-o", output)
        assert result.exit_code == 0, result.output
        assert window_stretch(train, 17).title in result.output
        assert output.read_bytes().startswith(head)

    @pytest.mark.parametrize("name", ["id", "stem", "row"])
    def test_a_recording(self, train: tuszstore.Store, tmp_path: Path, name: str) -> None:
        id_ = train.recordings["id"].values[2]
        recording = {"id": id_, "stem": Path(id_).stem, "row": 2}[name]
        output = tmp_path / "out.svg"
        result = self.run(
            train.path,
            "--recording",
            recording,
            "--at",
            12,
            "--seconds",
            3,
            "--scale",
            50,
            "--width",
            9,
            "--positive-up",
            "-o",
            output,
        )
        assert result.exit_code == 0, result.output
        expected = plot_recording(train, 2, 12, 3, scale=50, negative_up=False, width=9)
        assert output.read_bytes() == render(expected, "svg")

    @pytest.mark.parametrize(
        ("args", "told"),
        [
            (["-o", "a.png"], "use --window, or --recording"),
            (["--window", "1", "--recording", "0", "-o", "a.png"], "use --window, or"),
            (["--window", "1", "--at", "3", "-o", "a.png"], "need --recording"),
            (["--window", "1"], "Missing option '-o'"),
            (["--window", "100000", "-o", "a.png"], "window 100000 is out of range"),
            (["--window", "one", "-o", "a.png"], "not a valid integer"),
            (
                ["--recording", "nobody", "-o", "a.png"],
                "unknown recording 'nobody'; this store",
            ),
            (["--recording", "99", "-o", "a.png"], "no recording 99 in this store"),
            (["--recording", "0", "--at", "1e6", "-o", "a.png"], "at must be 0 or more and below"),
            (["--recording", "0", "--at", "-1", "-o", "a.png"], "at must be 0 or more and below"),
            (["--recording", "0", "--at", "nan", "-o", "a.png"], "at must be 0 or more and below"),
            (["--recording", "0", "--seconds", "0", "-o", "a.png"], "seconds must be above 0"),
            (["--window", "1", "--scale", "0", "-o", "a.png"], "scale must be above 0"),
            (["--window", "1", "--width", "2", "-o", "a.png"], "width must be 6 inches or more"),
            (["--window", "1", "-o", "a.gif"], "must end in one of .png, .svg, .pdf"),
            (["--window", "1", "-o", "no/such/a.png"], "no/such/a.png: cannot be written"),
        ],
    )
    def test_bad_input_is_told_in_a_line(
        self,
        train: tuszstore.Store,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        args: list[str],
        told: str,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        result = self.run(train.path, *args)
        assert result.exit_code == 1
        assert told in result.output
        assert "Traceback" not in result.output
        assert not list(tmp_path.iterdir())

    def test_without_matplotlib(
        self, train: tuszstore.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("plots", "drawing", "style"):
            monkeypatch.delitem(sys.modules, f"tuszstore.plotting.{name}", raising=False)
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        result = self.run(train.path, "--window", 1, "-o", tmp_path / "a.png")
        assert result.exit_code == 1
        assert "matplotlib is missing: install tuszstore with its extra 'view'" in result.output
        with pytest.raises(ImportError, match="pip install ipykernel jinja2 matplotlib pillow"):
            train.plot(1)
