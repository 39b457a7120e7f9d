"""Folders are never clean: every fault ends in a clear error or a named exclusion.

Each case bends one thing of the small simulated dataset (5 sessions x 2 runs) and runs the
command. Either the study stops with exit code 1 and a message, or it goes on without what is
broken, which is named in terminal, page and audit. Never a traceback, never silence.
"""

import gzip
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import QUICK

from painprint.cli import main

pytestmark = pytest.mark.usefixtures("without_svg")

STEM = "sub-01_task-rating_atlas-A"
RUN = "ses-03 task-rating run-1"


def one(tree, kind):
    """A file of session 3, run 1."""
    (path,) = tree.root.rglob(f"*ses-03*run-1*{kind}")
    return path


def edit(kind, change):
    """A fault: change the text of one file of the run."""

    def fault(tree):
        path = one(tree, kind)
        if path.suffix == ".gz":
            text = gzip.decompress(path.read_bytes()).decode()
            path.write_bytes(gzip.compress(change(text).encode()))
        else:
            path.write_text(change(path.read_text()))

    return fault


def with_columns(change):
    """A fault: change the table of time series of the run."""

    def fault(tree):
        path = one(tree, "timeseries.tsv")
        change(pd.read_csv(path, sep="\t")).to_csv(path, sep="\t", index=False, na_rep="n/a")

    return fault


def decreasing(tree):
    """The rating as a table with times that go back."""
    path = one(tree, "physio.tsv.gz")
    values = gzip.decompress(path.read_bytes()).decode().split()
    rows = [f"{i if i != 100 else 3}\t{value}" for i, value in enumerate(values)]
    target = path.with_name(path.name.replace("_recording-pain_physio.tsv.gz", "_beh.tsv"))
    target.write_text("onset\tpain\n" + "\n".join(rows) + "\n")
    path.unlink()


def duplicate(tree):
    path = one(tree, "timeseries.tsv")
    shutil.copy(path, path.with_name(path.name.replace("run-1", "run-01")))


def sidecars_disagree(tree):
    (tree.root / "task-rating_bold.json").write_text('{"RepetitionTime": 2.0}')


def truncated(tree):
    path = one(tree, "physio.tsv.gz")
    path.write_bytes(path.read_bytes()[:-30])


def censor_all(tree):
    edit("outliers.tsv", lambda text: re.sub(r"^0$", "1", text, flags=re.M))(tree)


def forty_frames(tree):
    with_columns(lambda table: table.head(40))(tree)
    for kind in ("outliers.tsv", "motion.tsv"):
        edit(kind, lambda text: "".join(text.splitlines(keepends=True)[:41]))(tree)


def head(text, n):
    return "".join(text.splitlines(keepends=True)[:n])


LEFT_OUT = {
    "rating much shorter than the scan": (
        edit("physio.tsv.gz", lambda t: head(t, 60)),
        r"\d+ s of usable data; at least 60 s.*without a rating",
    ),
    "wrong delimiter": (
        edit("timeseries.tsv", lambda t: t.replace("\t", ",")),
        "not a number|columns",
    ),
    "text in a number": (
        edit(
            "timeseries.tsv", lambda t: t.replace("\n0.", "\n0.x", 1).replace("\n-0.", "\n-0.x", 1)
        ),
        "row 1 of column '1' is .* not a number|is not a number",
    ),
    "text in the rating": (
        edit("physio.tsv.gz", lambda t: "oops\n" + t),
        "row 1 of column 'pain' is 'oops'",
    ),
    "decreasing time stamps": (decreasing, r"must increase, but sample 101 \(3 s\)"),
    "duplicate run": (duplicate, "several files match this run"),
    "all-censored run": (censor_all, "0 s of usable data.*censored"),
    "run of 40 frames": (forty_frames, "s of usable data.*Of 40 frames"),
    "empty time series": (edit("timeseries.tsv", lambda t: ""), "is empty"),
    "empty rating": (edit("physio.tsv.gz", lambda t: ""), "0 samples|is empty|at least 2"),
    "truncated gzip": (truncated, "not a complete gzip file"),
    "unreadable JSON": (edit("timeseries.json", lambda t: t[:5]), "not valid JSON"),
    "missing sidecar of the series": (
        lambda tree: one(tree, "timeseries.json").unlink(),
        "no RepetitionTime",
    ),
    "missing sidecar of the rating": (
        lambda tree: one(tree, "physio.json").unlink(),
        "must list the Columns",
    ),
    "other number of frames": (
        with_columns(lambda table: table.head(200)),
        r"200 rows, but the outliers file keeps \d+ of 360",
    ),
    "all regions not a number": (
        with_columns(lambda table: table * np.nan),
        "s of usable data.*without a signal|regions have no signal",
    ),
    "other region names": (
        with_columns(lambda table: table.add_prefix("X")),
        "8 of 8 regions have no signal",
    ),
}


def study(tree, out, *words):
    return main(["run", str(tree.root), str(out), "participant", *QUICK, *words])


@pytest.mark.parametrize("case", LEFT_OUT)
def test_a_broken_run_is_left_out_by_name_and_the_study_goes_on(
    derivatives, tmp_path, capsys, case
):
    fault, message = LEFT_OUT[case]
    fault(derivatives)
    out = tmp_path / "out"
    assert study(derivatives, out) == 0
    said = capsys.readouterr().err
    assert "Traceback" not in said
    audit = json.loads((out / f"sub-01/decoding/{STEM}_audit.json").read_text())
    reasons = [r["reason"] for r in audit["runs_left_out"] if r["session"] == "03"]
    assert len(reasons) == 1 and re.search(message, reasons[0]), reasons
    assert reasons[0] in said and RUN in said
    page = (out / "sub-01.html").read_text()
    assert RUN in page and "No run was excluded" not in page
    metrics = json.loads((out / f"sub-01/decoding/{STEM}_metrics.json").read_text())
    assert metrics["n_runs"] == 9


def out_of_scale(tree):
    edit("physio.tsv.gz", lambda t: "7\n" + t.split("\n", 1)[1])(tree)


NOTED = {
    "constant rating": (
        edit("physio.tsv.gz", lambda t: "0.5\n" * t.count("\n")),
        "the rating never changes",
    ),
    "rating out of scale": (out_of_scale, "are outside the possible range"),
    "rating shorter than the scan": (
        edit("physio.tsv.gz", lambda t: head(t, 240)),
        "scan is rated",
    ),
    "NaN stretch in the rating": (
        edit("physio.tsv.gz", lambda t: "n/a\n" * 100 + t.split("\n", 100)[100]),
        "scan is rated",
    ),
    "all-NaN region": (
        with_columns(lambda table: table.assign(**{"4": np.nan})),
        "absent, constant or not finite",
    ),
    "constant region": (
        with_columns(lambda table: table.assign(**{"4": 1.0})),
        "absent, constant or not finite",
    ),
    "a region fewer": (
        with_columns(lambda table: table.drop(columns="4")),
        "absent, constant or not finite",
    ),
    "a region more": (
        with_columns(lambda table: table.assign(extra=table["4"] ** 2)),
        "columns that the table of the atlas does not have are not regions and were excluded: "
        "extra",
    ),
}


@pytest.mark.parametrize("case", NOTED)
def test_what_is_odd_is_said_in_terminal_page_and_audit(derivatives, tmp_path, capsys, case):
    fault, message = NOTED[case]
    fault(derivatives)
    out = tmp_path / "out"
    assert study(derivatives, out, "--rating-range", "-5", "5") == 0
    audit = (out / f"sub-01/decoding/{STEM}_audit.json").read_text()
    for where in (capsys.readouterr().err, audit, (out / "sub-01.html").read_text()):
        assert message in where
    metrics = json.loads((out / f"sub-01/decoding/{STEM}_metrics.json").read_text())
    assert metrics["n_runs"] == 10


def predictions(tree, out):
    assert study(tree, out) == 0
    return pd.read_csv(out / f"sub-01/decoding/{STEM}_predictions.tsv", sep="\t")["predicted"]


HARMLESS = {
    "CRLF line ends": edit("timeseries.tsv", lambda t: t.replace("\n", "\r\n")),
    "a byte-order mark": edit("timeseries.tsv", lambda t: "\ufeff" + t),
    "other order of regions": with_columns(lambda table: table[table.columns[::-1]]),
    "no final newline": edit("outliers.tsv", str.rstrip),
    "blank lines at the end": edit("timeseries.tsv", lambda t: t + "\n\n"),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_does_no_harm_changes_nothing(derivatives, tmp_path, case):
    clean = predictions(derivatives, tmp_path / "clean")
    HARMLESS[case](derivatives)
    np.testing.assert_allclose(predictions(derivatives, tmp_path / "out"), clean, rtol=1e-9)


STOPPED = {
    "TR disagreeing everywhere": (sidecars_disagree, [], "1 s, but the raw bold.json 2 s"),
    "two sessions only": (
        lambda tree: None,
        ["--session-label", "01", "02"],
        "2 usable sessions.*--leave-out run",
    ),
    "unknown participant": (lambda tree: None, ["--participant-label", "77"], "no participant 77"),
    "a label with a space": (
        lambda tree: None,
        ["--participant-label", "01 02"],
        "no participant 01 02",
    ),
    "a label with a separator": (
        lambda tree: None,
        ["--participant-label", "../01"],
        r"no participant \.\./01",
    ),
    "a session with a separator": (
        lambda tree: None,
        ["--session-label", "../01"],
        r"no session \.\./01",
    ),
    "every rating constant": (
        lambda tree: [
            path.write_bytes(gzip.compress(b"0.5\n" * 360))
            for path in tree.root.rglob("*physio.tsv.gz")
        ],
        [],
        "rating does not vary",
    ),
}


@pytest.mark.parametrize("case", STOPPED)
def test_what_cannot_go_on_stops_with_a_clear_error(derivatives, tmp_path, capsys, case):
    fault, words, message = STOPPED[case]
    fault(derivatives)
    assert study(derivatives, tmp_path / "out", *words) == 1
    said = capsys.readouterr().err
    assert re.search(message, said, flags=re.S) and "Traceback" not in said
    assert not (tmp_path / "out" / "sub-01.html").exists()


def blank(tree):
    edit("physio.tsv.gz", lambda t: "\n" * 100 + t.split("\n", 100)[100])(tree)


def missing(tree):
    edit("physio.tsv.gz", lambda t: "n/a\n" * 100 + t.split("\n", 100)[100])(tree)


def test_samples_left_blank_are_missing_samples_and_shift_nothing(derivatives, tmp_path):
    blank(derivatives)
    found = predictions(derivatives, tmp_path / "blank")
    missing(derivatives)
    np.testing.assert_array_equal(found, predictions(derivatives, tmp_path / "missing"))


def test_frames_left_blank_are_missing_frames_and_shift_nothing(derivatives, tmp_path):
    def empty(cell):
        def change(text):
            lines = text.split("\n")
            lines[100:120] = ["\t".join([cell] * 8)] * 20
            return "\n".join(lines)

        return edit("timeseries.tsv", change)

    empty("")(derivatives)
    found = predictions(derivatives, tmp_path / "blank")
    empty("n/a")(derivatives)
    np.testing.assert_array_equal(found, predictions(derivatives, tmp_path / "missing"))


def test_a_link_to_a_file_that_was_not_fetched_leaves_the_run_out(derivatives, tmp_path, capsys):
    path = one(derivatives, "outliers.tsv")
    path.unlink()
    path.symlink_to("/annex/objects/none")
    assert study(derivatives, tmp_path / "out") == 0
    assert "is a link to a file that does not exist" in capsys.readouterr().err


def test_sessions_in_linked_folders_are_found_once(derivatives, tmp_path):
    clean = predictions(derivatives, tmp_path / "clean")
    for root in (derivatives.root, derivatives.derivatives):
        folder = root / "sub-01/ses-03"
        folder.rename(root / "elsewhere")
        folder.symlink_to(root / "elsewhere")
        (folder / "func" / "loop").symlink_to(folder)
    np.testing.assert_array_equal(predictions(derivatives, tmp_path / "out"), clean)


def test_files_of_another_name_in_the_folder_are_noted(derivatives, tmp_path, capsys):
    path = one(derivatives, "timeseries.tsv")
    path.rename(path.with_name(path.name.removeprefix("sub-01_")))
    (derivatives.root / "sub-1\u00b2").mkdir()
    assert study(derivatives, tmp_path / "out", "--participant-label", "01") == 0
    assert "1 time series in the folder of sub-01 are not called" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0_5", "\u0663", "1__0"])
def test_numbers_are_written_plainly_or_refused(derivatives, tmp_path, capsys, number):
    edit("physio.tsv.gz", lambda t: number + "\n" + t.split("\n", 1)[1])(derivatives)
    assert study(derivatives, tmp_path / "out") == 0
    assert "is not a number" in capsys.readouterr().err


def test_a_copy_of_a_run_is_not_used_twice(derivatives, tmp_path, capsys):
    for path in sorted(derivatives.root.rglob("*ses-03*")):
        if path.is_file():
            target = path.parents[2] / "ses-3" / "func" / path.name.replace("ses-03", "ses-3")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    assert study(derivatives, tmp_path / "out") == 0
    assert "is a copy of that of ses-" in capsys.readouterr().err


def test_a_repetition_time_beyond_all_numbers_is_refused(derivatives, tmp_path, capsys):
    one(derivatives, "timeseries.json").write_text('{"RepetitionTime": 1' + "0" * 400 + "}")
    assert study(derivatives, tmp_path / "out") == 0
    assert "a number is needed" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["", "derivatives/xcp_d"])
def test_an_input_is_never_the_output(derivatives, capsys, place):
    before = (derivatives.root / "dataset_description.json").read_bytes()
    assert study(derivatives, derivatives.root / place) == 2
    assert "is an input too" in capsys.readouterr().err
    assert (derivatives.root / "dataset_description.json").read_bytes() == before


def test_a_config_file_with_sections_is_refused(derivatives, tmp_path, capsys):
    config = tmp_path / "c.toml"
    for text, message in (("[run]\npreset = 'paper'\n", "not under"), ("a =", "not readable")):
        config.write_text(text)
        assert study(derivatives, tmp_path / "out", "--config-file", str(config)) == 2
        assert message in capsys.readouterr().err


def test_a_result_changed_by_hand_makes_no_page(derivatives, tmp_path, capsys):
    out = tmp_path / "out"
    study(derivatives, out)
    path = out / f"sub-01/decoding/{STEM}_runs.tsv"
    path.write_text(head(path.read_text(), 3))
    assert main(["report", str(out)]) == 1
    assert "was changed after it was written" in capsys.readouterr().err
