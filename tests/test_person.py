"""Whose data a signature is applied to: by label, and by range where a label is unknown."""

import html
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Tree, simulate_runs, write_json, write_table
from test_signature_content import put

from painprint.cli import main
from painprint.errors import DerivativesError
from painprint.results.files import ParticipantFiles
from painprint.results.group import _own_signature
from painprint.signature.applicability import Verdict
from painprint.signature.file import read_signature, write_signature
from painprint.signature.person import PersonMatch
from painprint.store.files import sealed

FIXTURES = Path(__file__).parent / "data" / "signatures"
OWN, OTHER = 1.0, 5.0
"""How much of one region's signal all share: none as the signature's person, or much."""


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(FIXTURES / "version4", tmp_path / "signature"))


def new_runs(n_sessions=1, kind=OWN):
    """Unseen sessions, from 21 on."""
    rng = np.random.default_rng(1)
    made = simulate_runs(rng, n_sessions=n_sessions, n_runs=2, n_regions=5, n_frames=240)
    shared = 0.0 if kind == OWN else kind
    return [
        replace(r, signals=r.signals + shared * r.signals[:, :1], session=f"{20 + int(r.session)}")
        for r in made
    ]


def write_run(folder, name, kind=OWN):
    (run, _) = new_runs(kind=kind)
    path = folder / f"{name}task-rating_run-1_atlas-A_stat-mean_timeseries.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, run.regions, run.signals)
    write_json(path.with_suffix(".json"), {"RepetitionTime": 1.0})
    return path


def predict(folder, path, *options):
    return main(["predict", str(folder), str(path), *options])


def test_another_label_is_refused_with_both_named(folder, tmp_path, capsys):
    path = write_run(tmp_path, "sub-02_ses-21_")
    for options in ([], ["--fold", "03"]):
        assert predict(folder, path, *options) == 1
        said = capsys.readouterr()
        assert "the signature is that of sub-01, but these data are sub-02's" in said.err
        assert "--other-person" in said.err and not said.out


def test_the_label_of_a_folder_counts_where_the_name_has_none(folder, tmp_path, capsys):
    path = write_run(tmp_path / "sub-02" / "func", "ses-21_")
    assert predict(folder, path) == 1
    assert "these data are sub-02's" in capsys.readouterr().err


def test_another_person_is_read_on_request_and_everything_says_so(folder, tmp_path, capsys):
    path = write_run(tmp_path, "sub-02_ses-02_")  # a session of the same label trained
    assert predict(folder, path, "--other-person", "--out", str(tmp_path / "out")) == 0
    printed = capsys.readouterr()
    assert np.isfinite(pd.read_csv(io.StringIO(printed.out), sep="\t")["predicted"]).all()
    said = json.loads((tmp_path / "out" / "reading.json").read_text())["sessions"][0]
    words = ("participant", "signature_participant", "other_person")
    assert [said[name] for name in words] == ["02", "01", True]
    assert said["verdict"]["word"] == "caution"
    sentence = "the signature of sub-01 was applied to sub-02 (--other-person)"
    page = html.unescape((tmp_path / "out" / "reading.html").read_text())
    for text in (page, said["verdict"]["reasons"][-1], printed.err):
        assert sentence in text.replace("The sig", "the sig")
    assert "trained on this session" not in page and "in 9 rated sessions" not in page.lower()
    assert "was not shown to predict this person's pain" in page


def test_the_same_person_is_read_without_a_word(folder, tmp_path):
    path = write_run(tmp_path, "sub-01_ses-21_")
    assert predict(folder, path, "--out", str(tmp_path / "out")) == 0
    said = json.loads((tmp_path / "out" / "reading.json").read_text())["sessions"][0]
    assert said["verdict"]["word"] == "in range" and said["verdict"]["by_check"] == {}
    assert said["other_person"] is False
    assert not any("whose data" in warning for warning in said["warnings"])


def test_a_reading_replaces_nothing_but_what_was_not_finished(folder, tmp_path, capsys):
    path, out = write_run(tmp_path, "sub-01_ses-21_"), tmp_path / "out"
    out.mkdir()
    (out / "reading.tsv").write_text("mine")
    assert predict(folder, path, "--out", str(out)) == 1
    assert "reading.tsv is not of a finished reading" in capsys.readouterr().err
    assert predict(folder, path, "--out", str(out), "--keep") == 0
    (kept,) = (out / "earlier").iterdir()
    assert (kept / "reading.tsv").read_text() == "mine"
    written = {name: (out / name).read_bytes() for name in ("reading.tsv", "reading.json")}
    (out / "reading.json").write_text(json.dumps(sealed({"key": "of another", "unfinished": True})))
    assert predict(folder, path, "--out", str(out)) == 0
    assert {name: (out / name).read_bytes() for name in written} == written
    other = write_run(tmp_path / "other", "sub-01_ses-22_")
    assert predict(folder, other, "--out", str(out)) == 1
    assert "no longer exists" in capsys.readouterr().err


def test_the_same_label_far_out_of_range_may_be_another_person(folder, tmp_path):
    path = write_run(tmp_path, "sub-01_ses-21_", OTHER)
    assert predict(folder, path, "--out", str(tmp_path / "out")) == 0
    verdict = json.loads((tmp_path / "out" / "reading.json").read_text())["sessions"][0]["verdict"]
    assert verdict["word"] == "do not read"
    assert "may be another person's data under this person's label" in verdict["reasons"][-1]
    assert verdict["by_check"]["leverage"] == "do not read"


@pytest.mark.parametrize(
    ("version", "name", "unknown"),
    [
        ("version3", "sub-01_ses-21_", "the signature does not name its person"),
        ("version4", "ses-21_", "the files have no sub- label"),
    ],
)
def test_without_a_label_range_decides_and_a_note_says_so(tmp_path, capsys, version, name, unknown):
    own = write_run(tmp_path / "own", name)
    other = write_run(tmp_path / "other", name, OTHER)
    folder, out = FIXTURES / version, tmp_path / "out"
    assert predict(folder, own, "--out", str(out)) == 0
    note = f"it was not checked whose data these are: {unknown}."
    assert note in capsys.readouterr().err
    assert f"I{note[1:]}" in (out / "reading.html").read_text()
    for options in ([], ["--fold", "03"]):
        assert predict(folder, other, *options) == 1
        said = capsys.readouterr().err
        assert f"whose data these are is unknown, because {unknown}" in said
        assert "times that of training" in said and "--other-person" in said
    allowed = tmp_path / "allowed"  # a reading is not replaced by another
    assert predict(folder, other, "--other-person", "--out", str(allowed)) == 0
    session = json.loads((allowed / "reading.json").read_text())["sessions"][0]
    assert session["other_person"] is True and session["verdict"]["word"] == "do not read"
    assert "They were allowed to be another person's (--other-person)." in session["warnings"][-1]
    assert "connectivity is unusual for the signature's person" in session["warnings"][-1]


def test_a_signature_without_a_range_is_compared_by_label_alone(tmp_path, capsys):
    path = write_run(tmp_path, "sub-02_ses-21_", OTHER)
    assert predict(FIXTURES / "version1", path) == 0
    assert "it was not checked whose data these are" in capsys.readouterr().err


def test_labels_are_compared_as_bids_writes_them():
    assert PersonMatch("sub-01", "01").same and not PersonMatch("1", "01").same
    assert PersonMatch("01", "sub-02").other
    assert not PersonMatch("", "01").known and not PersonMatch("01", "").same
    assert PersonMatch("01", "01", allowed=True).may_be_other is False
    with pytest.raises(ValueError, match=r"that of sub-01, but these data are sub-01a's"):
        PersonMatch("01", "01a").check_labels()
    PersonMatch("01", "02", allowed=True).check_labels()
    PersonMatch("", "02").check_labels()


def test_one_run_that_is_far_away_is_enough():
    moved = Verdict("do not read", (), (), {"motion": "do not read"})
    far = Verdict("do not read", ("far",), (), {"residual": "do not read"})
    near = Verdict("caution", (), (), {"residual": "caution", "motion": "do not read"})
    with pytest.raises(ValueError, match="ses-09: whose data these are is unknown"):
        PersonMatch("", "01").check_range("ses-09", [moved, moved, far])
    with pytest.raises(ValueError, match="they are far from those of the signature's person"):
        PersonMatch("", "01").check_range("ses-09", [near])
    PersonMatch("", "01").check_range("ses-09", [moved, moved])
    PersonMatch("01", "01").check_range("ses-09", [far])


def recalibrate(folder, root, out, sub, *options):
    words = ["recalibrate", str(folder), str(root), str(out), "--participant-label", sub]
    return main([*words, "--session-label", "21", "22", *options])


@pytest.mark.parametrize("kind", [OWN, OTHER])
def test_recalibration_on_another_person_needs_a_word_and_keeps_it(folder, tmp_path, capsys, kind):
    tree = Tree(tmp_path / "bids")
    for run in new_runs(2, kind):
        tree.add_run(run, sub="02")
        tree.add_run(run, sub="01")
    out = tmp_path / "new"
    assert recalibrate(folder, tree.root, out, "02") == 1
    assert "that of sub-01, but these data are sub-02's" in capsys.readouterr().err
    assert not out.exists()
    assert recalibrate(folder, tree.root, out, "02", "--other-person") == 0
    assert "was applied to sub-02 (--other-person)" in capsys.readouterr().err
    last = json.loads((out / "history.json").read_text())["earlier"][-1]
    assert (last["participant"], last["other_person"]) == ("02", True)
    assert read_signature(out).participant == "01"
    own = recalibrate(folder, tree.root, tmp_path / "own", "01", "--other-person")
    assert own == (1 if kind == OTHER else 0)  # --other-person changes nothing for the same label
    if kind == OTHER:
        assert "do not read" in capsys.readouterr().err
    else:
        last = json.loads((tmp_path / "own" / "history.json").read_text())["earlier"][-1]
        assert (last["participant"], last["other_person"]) == ("01", False)


def test_an_old_signature_is_recalibrated_in_range_with_a_note(tmp_path, capsys):
    for kind, code in ((OWN, 0), (OTHER, 1)):
        tree = Tree(tmp_path / f"bids{kind}")
        for run in new_runs(2, kind):
            tree.add_run(run)
        out = tmp_path / f"new{kind}"
        assert recalibrate(FIXTURES / "version3", tree.root, out, "01") == code
        said = capsys.readouterr().err
        assert "the signature does not name its person" in said
    assert "whose data these are is unknown" in said and "--other-person" in said
    assert recalibrate(FIXTURES / "version3", tree.root, out, "01", "--other-person") == 0
    assert read_signature(out).participant == ""
    last = json.loads((out / "history.json").read_text())["earlier"][-1]
    assert last["other_person"] is True


def test_a_history_of_another_person_is_not_continued(folder, tmp_path, capsys):
    tree = Tree(tmp_path / "bids")
    for run in new_runs(2):
        tree.add_run(run)
    row = {"sha256": "0" * 64, "participant": "02"}
    (folder / "history.json").write_text(json.dumps({"earlier": [row]}))
    assert recalibrate(folder, tree.root, tmp_path / "new", "01") == 1
    assert "is of sub-02, but the signature is that of sub-01" in capsys.readouterr().err


def test_results_with_the_signature_of_another_person_are_refused(tmp_path, folder):
    files = ParticipantFiles(tmp_path / "out", "02", "sub-02_task-rating")
    shutil.copytree(folder, files.decoding("signature", ""))
    with pytest.raises(DerivativesError, match="of sub-01, but lies in the results of sub-02"):
        _own_signature(files)
    put(files.decoding("signature", ""), "participant", None)
    assert _own_signature(files).participant == ""


def test_the_label_comes_back_without_its_prefix(folder, tmp_path):
    signature = replace(read_signature(folder), participant="sub-07")
    write_signature(tmp_path / "again", signature)
    assert read_signature(tmp_path / "again").participant == "07"
    assert [read_signature(FIXTURES / f"version{n}").participant for n in (1, 2, 3)] == [""] * 3
