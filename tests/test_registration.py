"""A registration: what was declared before sessions were scored, and every departure from it."""

import json
import shutil

import numpy as np
import pytest
from conftest import QUICK, Tree, fill, simulate_runs

from painprint.cli import main
from painprint.files.tables import read_json
from painprint.results.registration import PART, PRIMARIES, compare_with_registration

N_SESSIONS = 6


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    """A dataset of six sessions, of which the first four are registered; not to be changed."""
    root = tmp_path_factory.mktemp("registered")
    runs = simulate_runs(
        np.random.default_rng(20260401), n_sessions=N_SESSIONS, n_runs=1, n_frames=240
    )
    tree = Tree(root / "bids")
    fill(tree, [run for run in runs if run.session < "05"])
    assert run(root) == 0
    fill(tree, runs)
    return root


@pytest.fixture
def study(registered, tmp_path):
    """A copy of it."""
    shutil.copytree(registered, tmp_path, dirs_exist_ok=True)
    return tmp_path


def run(root, *options, out="out"):
    words = ["run", str(root / "bids"), str(root / out), "participant", *QUICK]
    return main([*words, "--register", str(root / "plan.json"), *options])


def comparison(root, out="out"):
    (path,) = (root / out).glob("sub-01/decoding/*_provenance.json")
    return read_json(path)[PART]


def page(root):
    return (root / "out" / "sub-01.html").read_text()


def test_a_registration_is_written_and_nothing_is_decoded(tree, participant, capsys):
    fill(tree, participant)
    root = tree.root.parent
    assert run(root, "--alpha", "0.01") == 0
    said = capsys.readouterr().out
    assert "sub-01: 5 sessions" in said and "Nothing was decoded" in said
    assert not (root / "out").exists()
    content = json.loads((root / "plan.json").read_text())
    assert (content["primary"], content["alpha"]) == ("centred_r", 0.01)
    assert content["declared"]["settings"]["lag_s"] == [6.0]
    assert content["declared"]["rules"]["decoder"] == "ridge"
    assert list(content["participants"]["01"]) == ["01", "02", "03", "04", "05"]
    assert str(root) not in json.dumps(content)


def test_nothing_of_a_registration_depends_on_ratings_but_their_hash(tree, participant):
    fill(tree, participant)
    root = tree.root.parent
    assert run(root) == 0
    first = json.loads((root / "plan.json").read_text())
    (root / "plan.json").unlink()
    for path in tree.root.glob("sub-01/ses-02/func/*_physio.tsv.gz"):
        path.write_bytes(b"not a rating")
    assert run(root) == 0
    second = json.loads((root / "plan.json").read_text())
    different = [
        name
        for name, digest in first["participants"]["01"].items()
        if second["participants"]["01"][name] != digest
    ]
    assert (first["declared"], different) == (second["declared"], ["02"])


@pytest.mark.long
def test_the_page_says_what_was_registered_and_which_sessions_are_new(study, capsys):
    assert run(study) == 0
    found = comparison(study)
    assert found["is_intact"] and found["departures"] == []
    assert found["sessions"] == {
        "registered": ["01", "02", "03", "04"],
        "new": ["05", "06"],
        "changed": [],
        "missing": [],
    }
    assert "sessions that came after the registration: 05 and 06." in capsys.readouterr().err
    text = page(study)
    assert "What was registered, and what departed from it?" in text
    assert "4 sessions of this study were there when it was registered, and 2 came later" in text
    assert "Settings, decoder and versions are those that were registered" in text
    assert "0 departures" in text
    before = page(study)
    assert run(study) == 0  # finished
    assert page(study) == before
    assert main(["report", str(study / "out")]) == 0
    assert page(study) == before


def test_every_departure_is_named_with_both_values(study, capsys):
    options = ("--lag", "4", "6", "--exclude-network", "VIS", "--decoder", "lasso_pcr")
    assert run(study, *options) == 0
    assert comparison(study)["departures"] == [
        "--exclude-network was registered as none, and is VIS",
        "--decoder was registered as the default, and is lasso_pcr",
        "--lag was registered as 6, and is 4 6",
        "decoder (rules) was registered as ridge, and is lasso_pcr",
    ]
    said = capsys.readouterr().err
    assert "departs from the registration: --lag was registered as 6, and is 4 6." in said
    assert "<li>--lag was registered as 6, and is 4 6</li>" in page(study)


@pytest.mark.long
def test_a_finished_study_is_compared_without_decoding_it_again(study, capsys):
    words = ["run", str(study / "bids"), str(study / "out"), "participant", *QUICK]
    assert main(words) == 0
    assert "What was registered" not in page(study)
    assert run(study) == 0
    assert "finished before" in capsys.readouterr().err
    assert "What was registered" in page(study)


def test_sessions_that_were_changed_or_left_out_since_are_named(study, capsys):
    (series,) = study.glob("bids/derivatives/xcp_d/sub-01/ses-02/func/*_timeseries.tsv")
    series.write_text(series.read_text().replace("0.1", "0.2", 1))
    assert run(study, "--session-label", "02", "03", "04", "05") == 0
    found = comparison(study)
    assert found["sessions"] == {
        "registered": ["03", "04"],
        "new": ["05"],
        "changed": ["02"],
        "missing": ["01"],
    }
    assert found["departures"] == ["--session-label was registered as none, and is 02 03 04 05"]
    assert "Inputs of these sessions were changed since: 02." in page(study)
    assert "These sessions were registered and are not used: 01." in page(study)


def test_a_registration_that_was_changed_afterwards_is_named(study, capsys):
    path = study / "plan.json"
    path.write_text(path.read_text().replace('"centred_r"', '"skill"', 1))
    assert run(study) == 0
    assert "its own hash does not fit its content" in capsys.readouterr().err
    assert not comparison(study)["is_intact"]
    assert "It does not show what was declared beforehand" in page(study)
    assert "changed after it was written: 0 departures" in page(study)


@pytest.mark.parametrize("text", ["{}", '{"kind": "painprint registration"}', "[1]", "no json"])
def test_a_file_that_is_no_registration_is_refused(study, capsys, text):
    (study / "plan.json").write_text(text)
    assert run(study) == 1
    said = capsys.readouterr().err
    assert "plan.json" in said and "Traceback" not in said
    assert not (study / "out" / "sub-01").exists()


def test_the_primary_number_is_the_registered_one(study, capsys):
    assert run(study, "--primary", "skill") == 1
    assert "registers primary as centred_r, but --primary skill was given" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--dry-run",), "--register and --dry-run exclude each other"),
        (("--reports-only",), "--register and --reports-only exclude each other"),
        (("--primary", "skill", "--alpha", "0.01"), "the test of skill is its 95% interval"),
        (("--alpha", "1.5"), "--alpha is 1.5; it must be"),
    ],
)
def test_options_that_exclude_a_registration(study, capsys, options, message):
    assert run(study, *options) == 2
    assert message in capsys.readouterr().err


def test_a_primary_number_needs_a_file_and_a_group_has_none(study, capsys):
    words = ["run", str(study / "bids"), str(study / "out")]
    assert main([*words, "participant", "--alpha", "0.01"]) == 2
    assert "--primary and --alpha are registered by --register" in capsys.readouterr().err
    assert main([*words, "group", "--register", str(study / "plan.json")]) == 2
    assert "--register is for the level participant" in capsys.readouterr().err


def test_a_person_without_usable_runs_is_registered_without_sessions(study, capsys):
    shutil.rmtree(study / "bids" / "derivatives" / "xcp_d" / "sub-01")
    (study / "plan.json").unlink()
    assert run(study) == 0
    said = capsys.readouterr()
    assert "sub-01: 0 sessions" in said.out
    assert "sub-01: registered without any session: " in said.err
    assert json.loads((study / "plan.json").read_text())["participants"] == {"01": {}}


class Written:
    """A registration as if read from a file."""

    def __init__(self, primary, alpha):
        self.name, self.sha256, self.is_intact = "plan.json", "0", True
        self.content = {
            "primary": primary,
            "alpha": alpha,
            "declared": {},
            "participants": {"01": {"01": "a"}},
        }


SCALES = {
    "1min": {"centred_r": 0.3, "centred_r_ci": [0.1, 0.5], "p_within": 0.02, "skill": 0.1,
             "skill_ci": [-0.1, 0.2]},
    "session": {"r": 0.4, "r_ci": [0.0, 0.6], "p_between": None},
}  # fmt: skip


@pytest.mark.parametrize(
    ("primary", "alpha", "value", "passed"),
    [
        ("centred_r", 0.05, 0.3, True),
        ("centred_r", 0.01, 0.3, False),
        ("skill", 0.05, 0.1, False),
        ("r_between", 0.05, 0.4, None),
    ],
)
def test_the_primary_number_is_held_against_its_alpha(primary, alpha, value, passed):
    found = compare_with_registration(
        Written(primary, alpha), {}, "01", {"01": "a"}, {"n_groups": 10, "scales": SCALES}
    )
    assert (found["primary"]["value"], found["primary"]["passed"]) == (value, passed)
    assert found["primary"]["meaning"] == PRIMARIES[primary]


def test_a_person_who_was_not_registered_is_named():
    found = compare_with_registration(
        Written("skill", 0.05), {}, "02", {"01": "a"}, {"n_groups": 10, "scales": SCALES}
    )
    assert found["departures"] == ["sub-02 was not registered"]
    assert found["sessions"]["new"] == ["01"]


def test_few_sessions_have_no_interval_to_pass():
    found = compare_with_registration(
        Written("skill", 0.05), {}, "01", {"01": "a"}, {"n_groups": 7, "scales": SCALES}
    )
    assert (found["primary"]["ends"], found["primary"]["passed"]) == ([None, None], None)
