"""Pages, Methods and sentences of studies whose ratings are of events."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from conftest import FEW, QUICK, Tree, simulate_runs, write_json

from painprint.apps.reader import Reader
from painprint.bins import MIXED_WORDS, primary_words
from painprint.cli import main
from painprint.evidence.transfer import at_primary, shared_words
from painprint.results.all_columns import COLUMNS, GROUP_COLUMNS, describe_columns
from painprint.runs import Run

STEM = "sub-01_task-rating_atlas-A"
MINUTES = re.compile(r"minute|\b[12][ -]?min\b|time bin")
ALLOWED = ("(0.5 to 8 % at 1 min)",)
"""What may say minutes: false-positive rates of simulated people, whose ratings were continuous."""


def with_events(run, *, n_frames, every):
    """The run with events, whose rating is the mean of the continuous one in their window."""
    n = len(run.rating)
    event, rating = np.full(n, -1), np.full(n, np.nan)
    for number, start in enumerate(range(30, n - n_frames - 6, every)):
        window = slice(start, start + n_frames)
        event[window], rating[window] = number, run.rating[window].mean()
    return Run(
        run.signals, rating, run.tr_s, run.session, run.task, run.run, run.censored,
        regions=run.regions, confounds=run.confounds, event=event,
    )  # fmt: skip


class Study:
    """A dataset whose continuous ratings are read as ratings of events."""

    def __init__(self, root, *, n_people=1, n_runs=1, n_sessions=9, **events):
        self.tree, self.out, self.events = Tree(root / "bids"), root / "out", events
        rng = np.random.default_rng(5)
        for sub in range(1, n_people + 1):
            for run in simulate_runs(
                rng, n_sessions=n_sessions, n_runs=n_runs, n_frames=240, strength=1.0
            ):
                self.tree.add_run(run, sub=f"{sub:02d}")
        self.tree.add_atlas(run.regions, ["DMN"] * 6 + ["VIS"] * 2)
        write_json(
            self.tree.root / "dataset_description.json",
            {"Name": "s", "BIDSVersion": "1.10.0", "Simulated": True},
        )

    def run(self, *words):
        with pytest.MonkeyPatch.context() as patch:
            read = Reader._read_run

            def as_events(reader, files):
                run, record = read(reader, files)
                return with_events(run, **self.events), record

            patch.setattr(Reader, "_read_run", as_events)
            return main(["run", str(self.tree.root), str(self.out), *words])

    def metrics(self):
        return json.loads((self.out / f"sub-01/decoding/{STEM}_metrics.json").read_text())

    def table(self, suffix):
        path = self.out / f"sub-01/decoding/{STEM}_{suffix}.tsv"
        return pd.read_csv(path, sep="\t", dtype={"session": str})

    @property
    def page(self):
        return words_of(self.out / "sub-01.html")


def words_of(path):
    """Everything that a page or a figure says, its labels included."""
    text = re.sub(r"<(script|style|metadata)\b.*?</\1>", " ", path.read_text(), flags=re.DOTALL)
    labels = " ".join(re.findall(r'(?:aria-label|alt|title)="([^"]*)"', text))
    return " ".join(re.sub(r"<[^>]+>", " ", text).replace("&#39;", "'").split()) + labels


def minutes_in(text):
    for allowed in ALLOWED:
        text = text.replace(allowed, "")
    return [text[max(0, m.start() - 60) : m.end() + 40] for m in MINUTES.finditer(text)]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Two people with several events a run; every stage of the first."""
    study = Study(tmp_path_factory.mktemp("events"), n_people=2, n_frames=12, every=20)
    assert study.run("participant", "--participant-label", "01", *FEW) == 0
    assert study.run("participant", "--participant-label", "02", *QUICK) == 0
    assert study.run("group", "--n-bootstraps", "100") == 0
    return study


def test_the_page_says_events_and_no_minutes(people):
    metrics, page = people.metrics(), people.page
    event = metrics["scales"]["event"]
    assert list(metrics["scales"]) == ["event", "run", "session"]
    assert minutes_in(page) == []
    n = event["n"]
    assert (
        n == 9 * 10 and f"The {n} events with usable frames were the training and test bins" in page
    )
    assert f"n = {n} events in 9 held-out sessions" in page
    assert f"session-centred r across events {event['centred_r']:.2f} (95% interval" in page
    assert f"The prediction of an event deviates by {event['mae']:.2f}" in page
    assert "Rating and held-out prediction of each event" in page
    assert "penalty with the smallest squared error across events" in page
    assert "Centred r of 0.3 across events" in page
    assert "of two events, one rated above the median" in page
    assert "a modulation of the response to events" in page
    assert "only be 1 or −1" not in page and "repeats the event row" not in page


def test_figures_are_drawn_and_say_events(people):
    figures = sorted((people.out / "sub-01/figures").glob("*.svg"))
    names = {path.stem.removeprefix("sub-01_").split("_")[-1] for path in figures}
    assert {"scatterevent", "timeline", "nullwithin", "curve", "confounds"} <= names
    assert not {"scatter1min", "scatter2min"} & names
    assert [found for path in figures for found in minutes_in(words_of(path))] == []
    timeline = next(path for path in figures if path.stem.endswith("timeline"))
    assert "n = 90 events; lines break between runs" in words_of(timeline)


def test_the_terminal_says_events(people, caplog):
    (people.out / "sub-01.html").unlink()
    caplog.set_level("INFO", logger="painprint")
    assert main(["report", str(people.out)]) == 0
    r = people.metrics()["scales"]["event"]["centred_r"]
    assert f"session-centred r across events {r:.2f} (95% interval" in caplog.text
    assert minutes_in(caplog.text) == []


def test_columns_are_described_for_the_study(people):
    folder = people.out / "sub-01/decoding"
    sidecars = [*folder.glob("*.json"), *(people.out / "group").glob("*.json")]
    kept = [path for path in sidecars if not path.stem.endswith(("provenance", "audit", "null"))]
    assert [found for path in kept for found in minutes_in(path.read_text())] == []
    said = json.loads((folder / f"{STEM}_persession.json").read_text())
    assert said["n_bins"]["Description"] == "events"
    assert people.table("persession")["n_bins"].tolist() == [10] * 9
    said = json.loads((folder / f"{STEM}_predictions.json").read_text())
    assert said["bin"]["Description"] == "number of the event within the run, from 1"


def test_no_description_has_a_placeholder_left():
    for columns in (*COLUMNS.values(), *GROUP_COLUMNS.values()):
        for scales in (["1min", "session"], ["event", "session"]):
            said = describe_columns(columns, primary_words(scales))
            assert said.keys() == columns.keys()
            assert not re.search(r"[{}]", "".join(one["Description"] for one in said.values()))
    before = "1min, 2min (time bins), run (all kept frames) or session (mean of its runs)"
    said = describe_columns(COLUMNS["predictions"], primary_words(["1min", "session"]))
    assert said["scale"]["Description"] == before


def test_the_group_says_events(people):
    page = words_of(people.out / "group.html")
    assert "centred r across events from" in page and "n (events)" in page
    assert minutes_in(page) == []
    figures = list((people.out / "group/figures").glob("*.svg"))
    assert len(figures) == 6
    assert [found for path in figures for found in minutes_in(words_of(path))] == []
    transfer = pd.read_csv(people.out / "group/group_transfer.tsv", sep="\t")
    assert set(transfer["scale"]) == {"event", "run", "session"}
    own = transfer.query("model == person == 'sub-01' and scale == 'event'").iloc[0]
    assert own["centred_r"] == pytest.approx(people.metrics()["scales"]["event"]["centred_r"])


def test_people_with_minutes_and_people_with_events_stand_side_by_side():
    scales = {"a": ["1min", "2min", "session"], "b": ["event", "session"]}
    rows = [(person, scale) for person, of in scales.items() for scale in of]
    table = pd.DataFrame(rows, columns=["person", "scale"])
    assert at_primary(table).values.tolist() == [["a", "1min"], ["b", "event"]]
    assert shared_words(table) is MIXED_WORDS
    assert shared_words(table[table["person"] == "b"]).noun == "event"


def test_a_reading_has_no_intervals_and_says_why(people, tmp_path):
    signature = next(people.out.glob("sub-01/decoding/*_signature"))
    runs = sorted(map(str, people.tree.root.rglob("sub-02_ses-01*timeseries.tsv")))
    words = ["predict", str(signature), *runs, "--other-person", "--out", str(tmp_path)]
    assert main(words) == 0
    table = pd.read_csv(tmp_path / "reading.tsv", sep="\t")
    assert table["low_80"].isna().all() and table["predicted"].notna().all()
    said = json.loads((tmp_path / "reading.json").read_text())["sessions"][0]["not_done"]
    assert len(said) == 1 and said[0].startswith("no intervals: the signature was trained on")
    page = words_of(tmp_path / "reading.html")
    assert "80% interval" not in page and "also between events" in page
    assert "lower than this prediction" not in page and "the mean rating ranged" not in page


@pytest.fixture
def study(request, tmp_path):
    study = Study(tmp_path, **request.param)
    assert study.run("participant", *FEW) == 0
    return study


ONE = {"n_frames": 150, "every": 200}
"""One event a run."""


@pytest.mark.long
@pytest.mark.parametrize("study", [{"n_runs": 1, **ONE}], indirect=True)
def test_one_rating_a_session_says_what_cannot_be_told(study):
    metrics, page = study.metrics(), study.page
    event, session = (metrics["scales"][name] for name in ("event", "session"))
    assert event["n"] == 9 and event["centred_r"] is None and event["skill"] is not None
    assert event["r"] == pytest.approx(session["r"])
    assert "Not known whether it tracks changes within sessions Each session has one rating" in page
    assert f"p between = {session['p_between']:.3f} (r {session['r']:.2f}" in page
    assert "the run row and the session row repeat the event row" in page
    assert "undefined in every session" in page
    assert "did not follow fluctuations" not in page and minutes_in(page) == []
    figures = {path.stem.split("_")[-1] for path in (study.out / "sub-01/figures").glob("*.svg")}
    assert not {"nullwithin", "confounds", "sensitivity", "curve", "baselinescentredr"} & figures
    assert {"nullbetween", "timeline", "scattersession", "baselinesskill"} <= figures
    assert "previous session's mean" in page  # the table stays without the figure
    assert study.table("confounds")["centred_r"].isna().all()


@pytest.mark.long
@pytest.mark.parametrize("study", [{"n_runs": 2, **ONE}], indirect=True)
def test_one_rating_a_run_is_compared_within_sessions(study):
    metrics, page = study.metrics(), study.page
    event, run = metrics["scales"]["event"], metrics["scales"]["run"]
    assert event["n"] == run["n"] == 18 and event["centred_r"] == pytest.approx(run["centred_r"])
    assert "the run row repeats the event row" in page and "session row repeat" not in page
    assert metrics["within_run"]["r"] is None
    assert set(study.table("persession")["r"].abs().round(9)) == {1.0}
    assert "An r over two events can only be 1 or −1" in page
    assert minutes_in(page) == []


@pytest.mark.long
@pytest.mark.parametrize("study", [{"n_runs": 1, "n_frames": 60, "every": 90}], indirect=True)
def test_few_events_a_session_are_drawn(study):
    tested = study.table("predictions").query("scale == 'event'")
    assert tested.groupby("session").size().tolist() == [2] * 9
    assert study.metrics()["scales"]["event"]["centred_r"] is not None
    assert "An r over two events can only be 1 or −1" in study.page
    assert "repeats the event row" not in study.page and minutes_in(study.page) == []


@pytest.mark.parametrize("study", [{"n_runs": 1, "n_sessions": 4, **ONE}], indirect=True)
def test_few_sessions_of_one_rating_are_too_early_to_say(study):
    assert "Too few sessions for a conclusion 4 sessions are too few" in study.page
    assert "Each session has one rating" in study.page and minutes_in(study.page) == []


def test_a_dry_run_counts_events(people, capsys):
    assert people.run("participant", "--participant-label", "02", "--dry-run") == 0
    lines = [one for one in capsys.readouterr().out.splitlines() if one.startswith("  use")]
    assert len(lines) == 9 and all(" of 240 frames in 10 events, rating " in one for one in lines)
