"""Results never vanish, and pages are made of results as they were written."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import QUICK, SEED, Tree, fill, simulate_runs

from painprint.cli import main
from painprint.results.differences import compare
from painprint.store.files import sealed

pytestmark = pytest.mark.usefixtures("without_svg")

STEM = "sub-01_task-rating_atlas-A"
RECORD = f"sub-01/decoding/{STEM}_provenance.json"
METRICS = f"sub-01/decoding/{STEM}_metrics.json"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A dataset of two people, and their results with those of the group; not to be changed."""
    root = tmp_path_factory.mktemp("study")
    runs = simulate_runs(np.random.default_rng(SEED))
    tree = fill(Tree(root / "bids"), runs)
    for run in runs:
        tree.add_run(run, sub="02")
    assert main(["run", str(tree.root), str(root / "out"), "participant", *QUICK]) == 0
    assert main(["run", str(tree.root), str(root / "out"), "group", "--n-bootstraps", "200"]) == 0
    return tree.root, root / "out"


@pytest.fixture
def out(study, tmp_path):
    return Path(shutil.copytree(study[1], tmp_path / "out"))


def run(bids, out, *words, level="participant"):
    person = ["--participant-label", "01", *QUICK] if level == "participant" else []
    return main(["run", str(bids), str(out), level, *person, *words])


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "logs" not in path.parts
    }


def test_results_with_other_settings_are_not_replaced(study, out, capsys):
    before = contents(out)
    assert run(study[0], out, "--random-seed", "3") == 1
    said = capsys.readouterr().err
    assert "sub-01" in said and "settings: random_seed was 0 and is 3. Choose another" in said
    assert "--keep" in said and "--overwrite" in said
    assert contents(out) == before


def test_a_changed_file_is_named_as_the_difference(study, out, tmp_path, capsys):
    bids = Path(shutil.copytree(study[0], tmp_path / "bids"))
    series = sorted(bids.glob("derivatives/xcp_d/sub-01/ses-0*/func/*_timeseries.tsv"))
    series[0].write_text(series[0].read_text() + "\n")
    shutil.rmtree(series[-1].parent)
    before = contents(out)
    assert run(bids, out) == 1
    said = capsys.readouterr().err
    assert f"{series[0].name} was changed" in said and "no longer exists" in said
    assert contents(out) == before


def test_sessions_that_were_added_are_to_be_learnt(study, tmp_path, capsys):
    out, first = tmp_path / "out", ("01", "02", "03", "04")
    assert run(study[0], out, "--session-label", *first) == 0
    assert run(study[0], out) == 1
    said = capsys.readouterr().err
    assert f"`painprint learn {out} BIDS_DIR NEW_OUT_DIR`. Choose another" in said
    assert "bids:" not in said
    assert run(study[0], out, "--random-seed", "3") == 1
    assert run(study[0], out, "--session-label", *first[1:]) == 1
    assert "painprint learn" not in capsys.readouterr().err
    assert main(["learn", str(study[0]), str(out), str(tmp_path / "new")]) == 1
    assert "EARLIER BIDS_DIR OUT_DIR" in capsys.readouterr().err


def test_earlier_results_are_kept_whole(study, out, capsys):
    before = contents(out)
    assert run(study[0], out, "--random-seed", "3", "--keep") == 0
    (kept,) = (out / "earlier").iterdir()
    assert kept.name.startswith("sub-01-")
    of_person = {n: c for n, c in before.items() if n.startswith(("sub-01/", "sub-01.html"))}
    assert {n: c for n, c in contents(kept).items() if n != "dataset_description.json"} == of_person
    page = (kept / "sub-01.html").read_bytes()
    assert main(["report", str(kept)]) == 0
    assert (kept / f"sub-01/figures/{STEM}_months.svg").read_bytes() == before[
        f"sub-01/figures/{STEM}_months.svg"
    ]
    assert b"Not computed: painprint run" not in page  # of the group, which is not with it
    assert json.loads((out / RECORD).read_text())["settings"]["random_seed"]["value"] == 3
    assert run(study[0], out, "--random-seed", "3") == 0
    assert "finished before" in capsys.readouterr().err


@pytest.mark.long
def test_replaced_results_are_those_of_a_new_folder(study, out, tmp_path):
    shutil.rmtree(out / "group")  # of which the page would tell
    assert run(study[0], out, "--random-seed", "3", "--overwrite") == 0
    assert run(study[0], tmp_path / "new", "--random-seed", "3") == 0
    new = contents(tmp_path / "new")
    assert {n: c for n, c in contents(out).items() if n in new} == new
    assert json.loads(new[RECORD])["pages"]


def test_another_atlas_stands_beside_nothing(study, out, tmp_path, capsys):
    """There is one page per participant."""
    bids = Path(shutil.copytree(study[0], tmp_path / "bids"))
    for path in bids.glob("derivatives/xcp_d/sub-01/ses-*/func/*_atlas-A_*"):
        shutil.copy(path, path.with_name(path.name.replace("_atlas-A_", "_atlas-B_")))
    assert run(bids, out, "--atlas", "B") == 1
    assert "they are sub-01_task-rating_atlas-A, and the new ones" in capsys.readouterr().err
    assert run(bids, out, "--atlas", "B", "--overwrite") == 0
    left = [name for name in contents(out) if "sub-01" in name]
    assert not [name for name in left if "atlas-A" in name and "/decoding/" in name]
    assert any("atlas-B_provenance.json" in name for name in left)


def test_another_group_does_not_replace_this_one(study, out, capsys):
    before = contents(out)
    words = ["--n-bootstraps", "200", "--participant-label", "01"]
    assert run(study[0], out, *words, level="group") == 1
    assert "group: " in (said := capsys.readouterr().err) and "sub-02 would be left out" in said
    assert run(study[0], out, "--n-bootstraps", "300", level="group") == 1
    assert "n_bootstraps was 200 and is 300" in capsys.readouterr().err
    assert contents(out) == before
    assert run(study[0], out, "--n-bootstraps", "300", "--keep", level="group") == 0
    (kept,) = (out / "earlier").iterdir()
    name = "group/group_transfer.tsv"
    assert contents(kept)[name] == before[name] != contents(out)[name]


@pytest.mark.long
def test_names_in_a_record_remove_nothing_elsewhere(study, out, tmp_path, capsys):
    """Which files are removed follows from their own names."""
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    record = json.loads((out / RECORD).read_text())
    for part in ("outputs", "pages"):
        record[part] |= {"../victim.txt": "a", str(victim): "a", "../../../victim.txt": "a"}
    resealed = sealed({name: value for name, value in record.items() if name != "sha256"})
    for content, option in ((resealed, "--keep"), (record, "--overwrite"), ({"key": 1}, "--keep")):
        trial = Path(shutil.copytree(out, tmp_path / "trial"))
        (trial / RECORD).write_text(json.dumps(content))
        assert run(study[0], trial, "--random-seed", "3", option) == 0
        assert victim.read_text() == "mine" and not list(trial.rglob("victim*"))
        shutil.rmtree(trial)
    (out / RECORD).write_text("{")
    capsys.readouterr()
    assert run(study[0], out, "--random-seed", "3") == 1
    assert f"{Path(RECORD).name} cannot be read. Choose another" in capsys.readouterr().err


def test_what_is_kept_stands_beside_what_was_there(study, out):
    """A command that fails has moved nothing, and nobody's folder is taken."""
    before = contents(out)
    words = ["--random-seed", "3", "--session-label", "01", "--keep"]
    assert run(study[0], out, *words) == 1
    assert {n: c for n, c in contents(out).items() if not n.startswith("earlier/")} == before
    (first,) = (out / "earlier").iterdir()
    shutil.rmtree(first)
    first.mkdir()
    (first / "notes.txt").write_text("mine")
    assert run(study[0], out, "--random-seed", "3", "--keep") == 0
    assert [path.name for path in first.iterdir()] == ["notes.txt"]
    second = first.with_name(f"{first.name}-2")
    assert (second / "sub-01.html").read_bytes() == before["sub-01.html"]


@pytest.mark.parametrize("name", [RECORD, METRICS, f"sub-01/decoding/{STEM}_roc.tsv"])
def test_no_page_is_made_of_an_edited_file(study, out, capsys, name):
    before = contents(out)
    (out / name).write_text((out / name).read_text().replace("0.", "0.9", 1))
    assert main(["report", str(out)]) == 1
    said = capsys.readouterr().err
    assert f"{Path(name).name}: " in said and "was changed after it was written" in said
    assert run(study[0], out) == 0  # the same study writes it again
    if name != RECORD:
        assert f"{Path(name).name}: is missing or was changed; results" in capsys.readouterr().err
    assert main(["report", str(out)]) == 0
    assert contents(out) == before


@pytest.mark.long
def test_an_edited_table_of_the_group_makes_no_page(study, out, capsys):
    path = out / "group/group_metrics.json"
    before = path.read_text()
    for edited in (out / "group/group_transfer.tsv", path):
        edited.write_text(edited.read_text().replace("0.", "0.9", 1))
        assert main(["report", str(out)]) == 1
        assert f"{edited.name}: " in capsys.readouterr().err
    assert run(study[0], out, "--n-bootstraps", "200", level="group") == 0
    assert path.read_text() == before


def test_an_edited_page_is_made_again(study, out):
    before = contents(out)
    (out / "sub-01.html").write_text("r = 0.99")
    (out / f"sub-01/figures/{STEM}_months.svg").unlink()
    assert run(study[0], out) == 0
    assert contents(out) == before


def test_a_demo_is_not_written_into_something_else(study, tmp_path, capsys):
    bids = Path(shutil.copytree(study[0], tmp_path / "bids"))
    before = contents(bids)
    assert main(["demo", str(bids)]) == 2
    assert "is not empty and was not written by painprint demo" in capsys.readouterr().err
    assert contents(bids) == before and not (bids / "bids").exists()


def test_differences_are_told_entry_by_entry():
    before = {"settings": {"a": 1, "b": [1]}, "notes": "x"}
    now = {"settings": {"a": 2, "c": 5, "b": (1,)}, "notes": "y"}
    assert compare(before, now) == ["settings: a was 1 and is 2, c is new", "notes changed"]
    assert compare(before, before) == ["what they depend on was not recorded"]
