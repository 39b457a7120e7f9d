"""Reading once: inputs are parsed once and hashed once, and nothing is written without the lock."""

import hashlib
import os
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import FEW, QUICK, write_json
from test_own_atlas import give_own_atlas

from painprint import Run, Settings
from painprint.apps import decoding_steps
from painprint.apps.decode import decode_participant, run_participant
from painprint.apps.dry_run import describe_inventory
from painprint.apps.participant_inputs import find_participant
from painprint.apps.study import Study
from painprint.atlas.image import read_atlas
from painprint.bold import extract
from painprint.cli import main
from painprint.errors import DerivativesError
from painprint.evidence.stages import STAGES
from painprint.files.cifti import read_dtseries
from painprint.files.inputs import MISSING, InputHashes
from painprint.files.tables import read_lines
from painprint.simulate.person import Person
from painprint.simulate.world import World
from painprint.simulate.write import write_people
from painprint.store import files as store
from painprint.store.lock import Lock, lock

pytestmark = pytest.mark.usefixtures("without_svg")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A small simulated person with dense BOLD; not to be changed."""
    root = tmp_path_factory.mktemp("dense") / "bids"
    world = World(n_runs=1, n_regions=8, run_s=200)
    write_people(root, [Person(8, world=world)], layout="fmriprep", random_seed=2)
    return root


@pytest.fixture
def dense(simulated, tmp_path):
    """A copy of it, to be bent out of shape."""
    return Path(shutil.copytree(simulated, tmp_path / "dense"))


@pytest.fixture
def regional(derivatives, rng, tmp_path):
    """Regional time series with resting runs, and a signature from elsewhere beside them."""
    for session in range(1, 6):
        names = (f"{session:02d}", "rest")
        still = Run(rng.normal(size=(200, 8)), [0] * 200, 1.0, *names, censored=[0] * 200)
        derivatives.add_run(still, rating="stim")
    for rating in derivatives.root.rglob("*task-rest*stim.tsv"):
        rating.unlink()
    path = derivatives.root / "elsewhere.tsv"
    path.write_text("region_a\tregion_b\tweight\n1\t2\t0.5\n3\t4\t-0.1\n")
    write_json(path.with_suffix(".json"), {"Intercept": 0.1})
    return derivatives


def count_calls(monkeypatch, function):
    """Calls of a function that reads a file, by path, wherever the function was imported."""
    calls = Counter()

    def counted(path, *args, **options):
        calls[Path(getattr(path, "image", path))] += 1
        return function(path, *args, **options)

    for module in [m for n, m in sys.modules.items() if n.startswith("painprint")]:
        if getattr(module, function.__name__, None) is function:
            monkeypatch.setattr(module, function.__name__, counted)
    return calls


def count_hashes(monkeypatch):
    """Files whose whole content is hashed, by path."""
    calls, digest = Counter(), hashlib.file_digest

    def counted(file, name):
        calls[Path(file.name)] += 1
        return digest(file, name)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    return calls


def below(root, calls):
    """Counts of the files below a folder, by name."""
    return {path.name: n for path, n in calls.items() if path.is_relative_to(root)}


def tables(root):
    """Names of the tables of a dataset."""
    return {p.name for p in root.rglob("*") if p.name.endswith((".tsv", ".tsv.gz"))}


def study_of(root, out, **settings):
    folders = sorted((root / "derivatives").iterdir())
    return Study(root, out, folders, Settings(n_bootstraps=100, skip=tuple(STAGES), **settings))


def state(folder):
    """Everything in a folder, with content and time of change."""
    return {
        p.relative_to(folder): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else None)
        for p in folder.rglob("*")
    }


# --- once ---------------------------------------------------------------------------------------


def test_a_study_with_every_stage_parses_each_table_once_and_hashes_each_input_once(
    regional, tmp_path, monkeypatch
):
    parses, hashes = count_calls(monkeypatch, read_lines), count_hashes(monkeypatch)
    words = ["run", str(regional.root), str(tmp_path / "out"), "participant", *FEW]
    words += ["--external", str(regional.root / "elsewhere.tsv"), "--exclude-network", "VIS"]
    assert main(words) == 0
    assert below(regional.root, parses) == dict.fromkeys(tables(regional.root), 1)
    found = below(regional.root, hashes)
    assert set(found.values()) == {1}
    assert tables(regional.root) <= found.keys()


def test_recordings_with_a_header_are_read_once(tree, participant, tmp_path, monkeypatch):
    for run in participant:
        tree.add_run(run, rating="beh")
    parses = count_calls(monkeypatch, read_lines)
    decode_participant(study_of(tree.root, tmp_path / "out"), "01")
    assert set(below(tree.root, parses).values()) == {1}


def test_dense_bold_is_hashed_and_made_regional_once_and_ratings_serve_other_atlases(
    simulated, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    give_own_atlas(simulated, out / "sub-01" / "parcellation")
    parses, hashes = count_calls(monkeypatch, read_lines), count_hashes(monkeypatch)
    read, atlases = count_calls(monkeypatch, read_dtseries), count_calls(monkeypatch, read_atlas)
    made = []
    monkeypatch.setattr(
        extract.Extraction,
        "_make",
        lambda self, files, key, make=extract.Extraction._make: (
            made.append((self.files.label, files.key)),
            make(self, files, key),
        ),
    )
    stages = [name for name in STAGES if name not in ("sensitivity", "univariate")]
    words = ["--atlas", "individual", "--task-id", "rating", "--drop", "0"]
    words += ["--n-bootstraps", "100", "--skip", *stages]
    assert main(["run", str(simulated), str(out), "participant", *words]) == 0
    # three atlases: all sessions and either half
    assert len(made) == len(set(made)) == 3 * 8
    ratings = {name: n for name, n in below(simulated, parses).items() if "recording" in name}
    assert len(ratings) == 8 and set(ratings.values()) == {1}
    series = {n: k for n, k in below(out, parses).items() if n.endswith("timeseries.tsv")}
    assert len(series) == 3 * 8 and set(series.values()) == {1}
    assert set(below(simulated, hashes).values()) == {1}
    assert set(below(out / "sub-01" / "parcellation", hashes).values()) == {1}
    assert set(atlases.values()) == {1}
    # the one stage of grayordinates reads them again, for they are not kept
    assert set(below(simulated, read).values()) == {1}


def test_learning_on_hashes_each_input_once(derivatives, tmp_path, monkeypatch):
    words = ["--session-label", "01", "02", "03", *QUICK]
    first = tmp_path / "first"
    assert main(["run", str(derivatives.root), str(first), "participant", *words]) == 0
    hashes, parses = count_hashes(monkeypatch), count_calls(monkeypatch, read_lines)
    second = tmp_path / "second"
    words = [str(first), str(derivatives.root), str(second), "--participant-label", "01"]
    assert main(["learn", *words]) == 0
    assert set(below(derivatives.root, hashes).values()) == {1}
    assert set(below(derivatives.root, parses).values()) == {1}


def test_new_dense_runs_are_scored_with_an_atlas_that_is_read_once(
    simulated, tmp_path, monkeypatch
):
    (image,) = simulated.rglob("*_dseg.dlabel.nii")
    words = ["--atlas", str(image), "--task-id", "rating", *QUICK]
    assert main(["run", str(simulated), str(tmp_path / "out"), "participant", *words]) == 0
    (signature,) = tmp_path.glob("out/sub-01/decoding/*_signature")
    hashes, atlases = count_hashes(monkeypatch), count_calls(monkeypatch, read_atlas)
    bold = sorted(map(str, simulated.rglob("*task-rating*_bold.dtseries.nii")))[:3]
    assert main(["predict", str(signature), *bold, "--atlas", str(image)]) == 0
    assert atlases[image] == hashes[image] == 1


# --- only under the lock ------------------------------------------------------------------------


def test_looking_for_a_participant_writes_nothing(simulated, tmp_path):
    out = tmp_path / "out"
    found = find_participant(study_of(simulated, out, atlas="Simulated01"), "01")
    assert not out.exists()
    assert found.inventory.region_table is not None and found.reader.regions is not None
    assert not out.exists()


def test_nothing_is_written_while_another_holds_the_lock(simulated, tmp_path):
    out = tmp_path / "out"
    study = study_of(simulated, out, atlas="Simulated01")
    with lock(out, "sub-01"):
        before = state(out)
        for start in (run_participant, decode_participant):
            with pytest.raises(DerivativesError, match="another process is working"):
                start(study, "01")
        assert state(out) == before
    run_participant(study, "01")


@pytest.mark.long
def test_a_dry_run_leaves_results_untouched(simulated, derivatives, tmp_path):
    for name, root, atlas in (("d", simulated, "Simulated01"), ("r", derivatives.root, None)):
        out = tmp_path / name
        study = study_of(root, out, atlas=atlas)
        assert describe_inventory(study, "01")[1] and not out.exists()
        run_participant(study, "01")
        before = state(out)
        assert describe_inventory(study, "01")[1]
        assert state(out) == before


def test_who_holds_a_lock_may_ask_for_it_again(tmp_path):
    mine = Lock(tmp_path, "sub-01")
    with mine.hold():
        with mine.hold():
            pass
        with pytest.raises(DerivativesError, match="is working on it"), lock(tmp_path, "sub-01"):
            pass
    with lock(tmp_path, "sub-01"):
        pass


# --- changed meanwhile --------------------------------------------------------------------------


def spoil(path):
    """Change a byte, and neither size nor time of change."""
    about, content = path.stat(), bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


@pytest.mark.parametrize(
    "pattern",
    [
        "*ses-02*run-1*timeseries.tsv",
        "*ses-02*run-1*physio.tsv.gz",
        "*ses-02*run-1*motion.tsv",
        "*ses-02*run-1*timeseries.json",
        "*dseg.tsv",
        "elsewhere.tsv",
    ],
)
def test_an_input_that_changes_while_the_study_runs_stops_it(
    regional, tmp_path, monkeypatch, capsys, pattern
):
    out, path = tmp_path / "out", next(regional.root.rglob(pattern))
    evaluate, content = decoding_steps.evaluate_training, path.read_bytes()

    def meanwhile(*args, **options):
        spoil(path)
        return evaluate(*args, **options)

    words = ["run", str(regional.root), str(out), "participant", *QUICK]
    words += ["--external", str(regional.root / "elsewhere.tsv"), "--task-id", "rating"]
    with monkeypatch.context() as patch:
        patch.setattr(decoding_steps, "evaluate_training", meanwhile)
        assert main(words) == 1
    said = capsys.readouterr().err
    assert f"{path.name}: was changed" in said and "Run the same command again" in said
    assert not list(out.rglob("*_metrics.json")) and not list(out.rglob("*_provenance.json"))
    assert not (out / "sub-01.html").exists()
    path.write_bytes(content)
    assert main(words) == 0


def test_results_of_before_stay_whole_when_an_input_changes(derivatives, tmp_path, monkeypatch):
    out, path = tmp_path / "out", next(derivatives.root.rglob("*timeseries.tsv"))
    study = study_of(derivatives.root, out)
    run_participant(study, "01")
    before = state(out / "sub-01" / "decoding")
    evaluate = decoding_steps.evaluate_training

    def meanwhile(*args, **options):
        spoil(path)
        return evaluate(*args, **options)

    monkeypatch.setattr(decoding_steps, "evaluate_training", meanwhile)
    again = study_of(derivatives.root, out, random_seed=1)
    with pytest.raises(DerivativesError, match=path.name):
        run_participant(replace(again, existing="overwrite"), "01")
    assert state(out / "sub-01" / "decoding") == before


def test_the_answer_of_a_stage_is_not_kept_where_an_input_changed(
    derivatives, tmp_path, monkeypatch
):
    path, run_stage = next(derivatives.root.rglob("*timeseries.tsv")), decoding_steps.run_stage

    def meanwhile(case, stage, **options):
        spoil(path)
        return run_stage(case, stage, **options)

    monkeypatch.setattr(decoding_steps, "run_stage", meanwhile)
    words = [word for word in QUICK if word != "qcfc"]
    out = tmp_path / "out"
    assert main(["run", str(derivatives.root), str(out), "participant", *words]) == 1
    assert [p.name for p in (out / "sub-01" / "stages").iterdir()] == [
        "sub-01_task-rating_atlas-A_training.safetensors"
    ]


def test_an_input_that_is_written_again_unchanged_is_no_obstacle(
    derivatives, tmp_path, monkeypatch
):
    path = next(derivatives.root.rglob("*timeseries.tsv"))
    evaluate = decoding_steps.evaluate_training

    def meanwhile(*args, **options):
        shutil.copy(path, tmp_path / "copy")
        os.replace(tmp_path / "copy", path)
        return evaluate(*args, **options)

    monkeypatch.setattr(decoding_steps, "evaluate_training", meanwhile)
    run_participant(study_of(derivatives.root, tmp_path / "out"), "01")
    assert (tmp_path / "out" / "sub-01.html").is_file()


def test_regional_time_series_of_dense_bold_that_changed_are_not_kept(
    dense, tmp_path, monkeypatch, capsys
):
    path = next(dense.rglob("*ses-03_task-rating*desc-confounds_timeseries.tsv"))
    clean, out = extract.clean_signals, tmp_path / "out"

    def meanwhile(*args):
        if path.stat().st_mtime_ns == before:
            path.write_text(path.read_text() + "\n")
        return clean(*args)

    before = path.stat().st_mtime_ns
    monkeypatch.setattr(extract, "clean_signals", meanwhile)
    words = ["--atlas", "Simulated01", "--task-id", "rating", *QUICK]
    assert main(["run", str(dense), str(out), "participant", *words]) == 1
    assert f"{path.name}: was changed" in capsys.readouterr().err
    made = {p.parent.parent.name for p in out.rglob("*_stat-mean_timeseries.json")}
    assert "ses-03" not in made
    assert not list(out.rglob("*_metrics.json")) and not (out / "sub-01.html").exists()


# --- hashes -------------------------------------------------------------------------------------


def test_only_files_that_were_touched_are_hashed_again(tmp_path, monkeypatch):
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text(path.name)
    hashes = InputHashes()
    assert [hashes.of(path) for path in paths] == [store.hash_file(path) for path in paths]
    calls = count_hashes(monkeypatch)
    hashes.check()
    assert not calls
    paths[0].touch()
    hashes.check()
    hashes.check()
    assert calls == {paths[0]: 1}
    paths[1].write_text("B")
    hashes.check([paths[0], paths[2]])
    with pytest.raises(DerivativesError, match="b: was changed, replaced or removed"):
        hashes.check()


def test_a_file_that_is_not_there_has_a_hash_of_its_own_until_it_comes(tmp_path):
    path, hashes = tmp_path / "link", InputHashes()
    path.symlink_to(tmp_path / "nothing")
    assert hashes.of(path) == hashes.whole(path) == MISSING
    hashes.check()
    (tmp_path / "nothing").write_text("something")
    with pytest.raises(DerivativesError, match="link: was changed"):
        hashes.check()


def test_a_file_that_goes_away_is_named(tmp_path):
    path, hashes = tmp_path / "a", InputHashes()
    path.write_text("a")
    hashes.of(path)
    path.unlink()
    with pytest.raises(DerivativesError, match="a: was changed, replaced or removed"):
        hashes.check()


def test_what_cannot_be_hashed_is_named(tmp_path):
    with pytest.raises(DerivativesError, match="is a folder, where a file is needed"):
        InputHashes().of(tmp_path)


def test_large_files_have_a_hash_of_pieces_and_one_of_all(tmp_path):
    path, hashes = tmp_path / "large", InputHashes()
    with path.open("wb") as file:
        file.truncate(store.LARGE_BYTES + 1)
    assert hashes.of(path) == store.hash_input(path) != store.hash_file(path)
    assert hashes.whole(path) == store.hash_file(path)
