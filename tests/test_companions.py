"""Companions in other datasets, concatenations of runs, denoised BOLD, and mixed processing."""

import json

import nibabel as nib
import numpy as np
import pytest
from conftest import simulate_runs, write_json, write_table
from nibabel.cifti2.cifti2_axes import BrainModelAxis, SeriesAxis

from painprint import Run, Settings
from painprint.atlas.surfaces import Surfaces, find_surfaces
from painprint.bids.choose_source import choose_input
from painprint.bids.concatenations import leave_out_concatenations
from painprint.bids.find import DataSelection, find_dense_runs, find_runs
from painprint.bids.load import load_bold
from painprint.bids.processing import note_processing
from painprint.bids.runs import ParticipantFiles, run_files
from painprint.bold.denoise import Band, stop_band
from painprint.bold.extract import Extraction
from painprint.bold.nuisance import Cleaner
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset, run_key
from painprint.files.hcp import hcp_files
from painprint.runs import FD, MOTION_NAMES
from painprint.simulate.person import Person
from painprint.simulate.world import World
from painprint.simulate.write import write_people

N, TR_S = 80, 1.0
RUN = "sub-01_ses-01_task-pain_run-1"
RESULTS = f"MNINonLinear/Results/{RUN[7:]}"


def dataset(root, name, *paths, program=""):
    """A dataset of empty files."""
    for path in paths:
        (root / "sub-01" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "sub-01" / path).touch()
    if program:
        write_json(
            root / "dataset_description.json", {"Name": "x", "GeneratedBy": [{"Name": program}]}
        )
    return Dataset(root, name)


def files_of_run(*datasets, suffix="bold"):
    """The files of the first dataset's only run."""
    by_dataset = {d.name: [*d.files_of("01"), *hcp_files(d, "01")] for d in datasets}
    (series,) = (f for f in by_dataset[datasets[0].name] if f.suffix == suffix)
    return run_files(run_key(series.entities), series, (), ParticipantFiles("01", by_dataset))


@pytest.fixture
def ciftify(tmp_path):
    return dataset(tmp_path / "ciftify", "d1", f"{RESULTS}/{RUN[7:]}_Atlas_s0.dtseries.nii")


@pytest.fixture
def fmriprep(tmp_path):
    names = ("desc-confounds_timeseries.tsv", "desc-confounds_timeseries.json")
    return dataset(tmp_path / "fmriprep", "d2", *(f"ses-01/func/{RUN}_{name}" for name in names))


# --- companions in other datasets -----------------------------------------------------------


def test_confounds_of_another_dataset_are_found_and_noted(ciftify, fmriprep):
    run = files_of_run(ciftify, fmriprep)
    assert run.confounds.path.parts[-4:-2] == ("sub-01", "ses-01")
    assert run.confounds_sidecar.path == run.confounds.path.with_suffix(".json")
    assert note_processing([run], "dense BOLD") == (
        "confounds of ses-01 were taken from fmriprep, because ciftify, which has the dense BOLD, "
        "has none.",
    )


def test_the_own_dataset_comes_first(ciftify, fmriprep):
    own = dataset(ciftify.root, "d1", f"{RESULTS}/Movement_Regressors.txt")
    run = files_of_run(own, fmriprep)
    assert run.confounds.path.name == "Movement_Regressors.txt" and run.confounds_sidecar is None
    assert note_processing([run], "dense BOLD") == ()


def test_confounds_of_another_run_are_not_taken(ciftify, tmp_path):
    others = [RUN.replace("run-1", "run-2"), RUN.replace("ses-01", "ses-02"), RUN + "_dir-AP"]
    paths = [f"func/{other}_desc-confounds_timeseries.tsv" for other in others]
    assert files_of_run(ciftify, dataset(tmp_path / "f", "d2", *paths)).confounds is None


def test_mask_outliers_and_motion_of_another_dataset_are_found(tmp_path):
    space = f"{RUN}_space-MNI152NLin6Asym_res-2"
    volumes = dataset(tmp_path / "a", "d1", f"func/{space}_desc-preproc_bold.nii.gz")
    mask = dataset(tmp_path / "b", "d2", f"func/{space}_desc-brain_mask.nii.gz")
    assert files_of_run(volumes, mask).mask.dataset == "d2"
    series = dataset(tmp_path / "c", "d1", f"func/{RUN}_space-fsLR_atlas-A_timeseries.tsv")
    beside = dataset(tmp_path / "d", "d2", f"func/{RUN}_outliers.tsv", f"func/{RUN}_motion.tsv")
    run = files_of_run(series, beside, suffix="timeseries")
    assert (run.outliers.dataset, run.motion.dataset) == ("d2", "d2")
    assert [note.split(" were")[0] for note in note_processing([run], "time series")] == [
        "outliers of ses-01",
        "motion of ses-01",
    ]


def test_runs_of_fmriprep_before_1_2_have_their_mask_and_confounds(tmp_path):
    stem, space = f"func/{RUN}_bold", "space-MNI152NLin2009cAsym"
    names = [f"{stem}_{space}_preproc.nii.gz", f"{stem}_{space}_brainmask.nii.gz"]
    run = files_of_run(dataset(tmp_path / "f", "d1", *names, f"{stem}_confounds.tsv"))
    assert run.mask.path.name == names[1][5:]
    assert run.confounds.path.name == f"{RUN}_bold_confounds.tsv"


def test_echoes_share_the_confounds_of_their_run(fmriprep, tmp_path):
    name = f"func/{RUN}_echo-1_space-fsLR_den-91k_bold.dtseries.nii"
    assert files_of_run(dataset(tmp_path / "e", "d1", name), fmriprep).confounds is not None


def test_surfaces_of_another_dataset_are_found(ciftify, tmp_path):
    names = [f"anat/sub-01_hemi-{s}_space-fsLR_den-32k_midthickness.surf.gii" for s in "LR"]
    found = find_surfaces([ciftify, dataset(tmp_path / "f", "d2", *names)], "01")
    assert [found.paths[side].name for side in "LR"] == [name[5:] for name in names]


def cleaning(run, tr_s=TR_S, **options):
    cleaner = Cleaner(Settings(**options), Surfaces({}, in_mni=False), unrated_are_rest=False)
    return cleaner.cleaning(run, N, tr_s)


def test_no_confounds_are_needed_where_nothing_needs_them(ciftify):
    run = files_of_run(ciftify)
    found = cleaning(run, nuisance_regressors="none", fd_thresh_mm=0, high_pass_hz=0.02)
    expected = np.column_stack([np.linspace(-1, 1, N), stop_band(N, TR_S, Band(0.02))])
    np.testing.assert_array_equal(found.design, expected)
    assert found.kept.all() and found.motion.empty and np.isnan(found.mean_fd_mm)
    assert "no confounds" in found.notes[-1] and "--dummy-scans" in found.notes[-1]
    four = cleaning(run, nuisance_regressors="none", fd_thresh_mm=0, dummy_scans=4)
    assert list(np.flatnonzero(~four.kept)) == [0, 1, 2, 3]
    assert "--dummy-scans" not in four.notes[0]


def test_confounds_that_do_not_fit_are_no_fault_where_nothing_needs_them(ciftify, fmriprep):
    run = files_of_run(ciftify, fmriprep)
    write_table(run.confounds.path, MOTION_NAMES, np.zeros((N + 4, 6)))
    found = cleaning(run, nuisance_regressors="none", fd_thresh_mm=0)
    assert found.motion.empty and found.kept.all()
    assert f"has {N + 4} rows, but the BOLD {N} frames" in found.notes[-1]
    with pytest.raises(DerivativesError, match=f"has {N + 4} rows"):
        cleaning(run, nuisance_regressors="24P")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"nuisance_regressors": "none"},
        {"fd_thresh_mm": 0},
        {"nuisance_regressors": "24P", "fd_thresh_mm": 0},
    ],
)
def test_confounds_that_are_needed_are_asked_for(ciftify, options):
    with pytest.raises(DerivativesError, match="has no confounds .*--derivatives"):
        cleaning(files_of_run(ciftify), **options)


def test_confounds_without_motion_serve_where_motion_is_not_needed(ciftify, fmriprep):
    run = files_of_run(ciftify, fmriprep)
    names = ["csf", "dvars", "non_steady_state_outlier00"]
    values = np.column_stack([np.arange(N), np.arange(N) + 1, np.arange(N) == 0])
    write_table(run.confounds.path, names, values)
    found = cleaning(run, nuisance_regressors="none", fd_thresh_mm=0)
    assert list(found.motion.columns) == ["dvars"] and list(np.flatnonzero(~found.kept)) == [0]
    with pytest.raises(DerivativesError, match="no column trans_x.*--fd-thresh 0"):
        cleaning(run, nuisance_regressors="none")


def test_a_long_repetition_time_is_no_fault_where_nothing_is_censored(ciftify, fmriprep, rng):
    run = files_of_run(ciftify, fmriprep)
    write_table(run.confounds.path, MOTION_NAMES, rng.normal(size=(N, 6)) / 50)
    found = cleaning(run, tr_s=6.0, nuisance_regressors="24P", fd_thresh_mm=0)
    assert list(found.motion.columns) == [*MOTION_NAMES, FD]


def test_without_confounds_there_is_no_motion_table_and_the_note_is_kept(tmp_path):
    person = Person(1, world=World(n_runs=1, n_regions=8, run_s=60))
    write_people(tmp_path / "bids", [person], layout="ciftify", random_seed=1)
    for path in (tmp_path / "bids").rglob("Movement_Regressors.txt"):
        path.unlink()
    raw = Dataset(tmp_path / "bids", "raw")
    derivatives = [Dataset(tmp_path / "bids" / "derivatives" / "ciftify", "d1")]
    inventory = find_runs(raw, derivatives, "01", DataSelection(("rating",), atlas="Simulated01"))
    settings = Settings(nuisance_regressors="none", fd_thresh_mm=0)
    no_surfaces = Surfaces({}, in_mni=False)
    extraction = Extraction(tmp_path / "out", inventory.image, settings, no_surfaces)
    for _ in range(2):  # made, then read again
        bold = extraction.load(inventory.runs[0])
        assert bold.confounds == {} and np.isnan(bold.quality.mean_fd_mm)
        assert any(note.startswith("no confounds") for note in bold.notes)
    assert not list((tmp_path / "out").rglob("*_motion.tsv"))


# --- BOLD that was denoised before ----------------------------------------------------------

DENOISED = f"func/{RUN}_space-fsLR_den-91k_desc-denoised_bold.dtseries.nii"
VOLUME = f"func/{RUN}_desc-denoised_bold.nii.gz"


def dense_runs(*datasets):
    raw = Dataset(datasets[0].root, "raw")
    return find_dense_runs(raw, datasets, "01", task_id=("pain",))


@pytest.mark.parametrize("program", ["tedana", "fMRIPrep", "painprint simulate"])
def test_bold_that_another_program_denoised_is_used_with_a_note(tmp_path, program):
    found = dense_runs(dataset(tmp_path / "deriv", "d1", DENOISED, program=program))
    assert [run.series.path.name for run in found.runs] == [DENOISED[5:]]
    *_, note = found.notes
    assert "desc-denoised was denoised before" in note and "XCP-D" not in note


def test_bold_that_was_not_denoised_comes_first(tmp_path):
    plain = DENOISED.replace("_desc-denoised", "")
    found = dense_runs(dataset(tmp_path / "deriv", "d1", DENOISED, plain, program="tedana"))
    assert [run.series.path.name for run in found.runs] == [plain[5:]]
    assert not any("denoised before" in note for note in found.notes)


@pytest.mark.parametrize("program", ["xcp_d", "XCP-D", "XCP_ABCD", ""])
def test_what_xcp_d_denoised_is_not_denoised_again(tmp_path, program):
    deriv = dataset(tmp_path / ("a" if program else "xcp_d"), "d1", DENOISED, program=program)
    with pytest.raises(DerivativesError, match="only what XCP-D has denoised"):
        dense_runs(deriv)
    files = deriv.files_of("01")
    with pytest.raises(DerivativesError, match="XCP-D has denoised it"):
        choose_input(files, [deriv], None, "01", beside=(), filtered=False)


def test_denoised_bold_in_native_space_is_refused_for_its_space(tmp_path):
    deriv = dataset(tmp_path / "tedana", "d1", VOLUME, program="tedana")
    with pytest.raises(DerivativesError, match="desc-denoised.*begins with MNI") as error:
        choose_input(deriv.files_of("01"), [deriv], None, "01", beside=(), filtered=False)
    assert "XCP-D" not in str(error.value)


# --- concatenations -------------------------------------------------------------------------


def relabelled(run, task, label, session=None):
    return Run(
        run.signals, run.rating, run.tr_s, session or run.session, task, label,
        censored=run.censored, confounds=run.confounds,
    )  # fmt: skip


def joined(runs, task):
    """The concatenation of runs, without a run label."""
    first = runs[0]
    return Run(
        np.concatenate([r.signals for r in runs]),
        np.concatenate([r.rating for r in runs]),
        first.tr_s,
        first.session,
        task,
        "",
        censored=np.concatenate([r.censored for r in runs]),
    )


@pytest.fixture
def with_rest(derivatives, rng):
    """Rated runs, and resting runs of unequal length in each session."""
    rest = {}
    for run in simulate_runs(rng, n_sessions=3, n_runs=2):
        n = 90 if run.run == "1" else 120
        short = Run(
            run.signals[:n], run.rating[:n], run.tr_s, run.session, "rest", run.run,
            censored=run.censored[:n],
        )  # fmt: skip
        rest.setdefault(run.session, []).append(short)
        derivatives.add_run(short)
    return derivatives, rest


def find(tree):
    raw, found = Dataset(tree.root, "raw"), [Dataset(tree.derivatives, "derivatives1")]
    return find_runs(raw, found, "01", DataSelection(("rating",), ("rest",)))


def test_a_concatenation_is_not_counted_beside_its_runs(with_rest):
    tree, rest = with_rest
    alone = find(tree)
    for runs in rest.values():
        tree.add_run(joined(runs, "rest"))
    found = find(tree)
    assert [run.key for run in found.rest] == [run.key for run in alone.rest]
    assert len(found.rest) == 6
    (note,) = set(found.notes) - set(alone.notes)
    assert note == (
        "concatenations of runs (xcp_d --combine-runs) were excluded, because their runs are there "
        "too: ses-01 task-rest, ses-02 task-rest, ses-03 task-rest."
    )


@pytest.mark.parametrize(("each_run", "covered"), [(False, True), (True, True), (False, False)])
def test_a_standardised_concatenation_is_no_further_run(with_rest, each_run, covered):
    tree, rest = with_rest
    alone = find(tree)

    def zscored(run):
        signals = (run.signals - run.signals.mean(0)) / run.signals.std(0)
        return Run(signals, run.rating, run.tr_s, run.session, run.task, run.run, run.censored)

    for runs in rest.values():
        whole = joined([zscored(run) for run in runs] if each_run else runs, "rest")
        tree.add_run(whole if each_run else zscored(whole))
    for path in () if covered else tree.derivatives.rglob("*task-rest*_timeseries.tsv"):
        names, *rows = path.read_text().splitlines()
        rows = ["n/a\t" + row.split("\t", 1)[1] for row in rows]
        path.write_text("\n".join([names, *rows]) + "\n")
    found = find(tree)
    assert [run.key for run in found.rest] == [run.key for run in alone.rest]
    (note,) = set(found.notes) - set(alone.notes)
    assert note.endswith("there too: ses-01 task-rest, ses-02 task-rest, ses-03 task-rest.")


def test_a_first_run_without_a_label_is_no_concatenation(with_rest, rng):
    tree, rest = with_rest
    for session, (one, two) in rest.items():
        for path in tree.derivatives.rglob(f"*ses-{session}_task-rest_run-1_*"):
            path.rename(path.with_name(path.name.replace("_run-1", "")))
        assert len(one.rating) != len(two.rating)
    found = find(tree)
    assert [run.key.run for run in found.rest] == ["", "2"] * 3
    assert not any("concatenation" in note for note in found.notes)


def test_runs_of_the_length_of_the_unlabelled_one_do_not_make_it_a_concatenation(derivatives, rng):
    """An unlabelled first run may by chance be as long as the others together."""
    one, two, three, *_ = simulate_runs(rng, n_sessions=1, n_runs=3)
    half = slice(0, 180)
    for run, label in ((two, "2"), (three, "3")):
        derivatives.add_run(
            Run(run.signals[half], run.rating[half], 1.0, "01", "rest", label, run.censored[half])
        )
    derivatives.add_run(relabelled(one, "rest", ""))
    assert [run.key.run for run in find(derivatives).rest] == ["", "2", "3"]


@pytest.mark.parametrize("dirs", [("", ""), ("_dir-AP", "_dir-PA"), ("_dir-AP", "_dir-AP")])
def test_concatenations_of_rated_runs_and_across_directions_are_left_out(tree, rng, dirs):
    for session in ("01", "02"):
        one, two = simulate_runs(rng, n_sessions=1, n_runs=2)
        parts = [relabelled(r, "rating", r.run, session) for r in (one, two)]
        for part, extra in zip(parts, dirs, strict=True):
            tree.add_run(part, extra=extra)
        whole = joined(parts, "rating")
        tree.add_run(whole)
        if dirs[0] == dirs[1] != "":  # before XCP-D 0.6, the direction stayed
            tree.add_run(whole, extra=dirs[0])
    for path in tree.root.glob("sub-01/ses-*/func/*physio*"):
        if "_run-" not in path.name:
            path.unlink()
    found = find(tree)
    assert len(found.runs) == 4 and not found.excluded
    assert all(run.key.run.endswith(("1", "2")) for run in found.runs)


def test_a_concatenation_of_which_a_run_is_missing_is_left_out(with_rest):
    tree, rest = with_rest
    for session, runs in rest.items():
        tree.add_run(joined(runs, "rest"))
        for path in tree.derivatives.rglob(f"*ses-{session}_task-rest_run-1_*"):
            path.unlink()
    assert [run.key.run for run in find(tree).rest] == ["2", "2", "2"]


def test_only_a_concatenation_is_used_with_the_rating_that_was_joined_like_it(tree, rng):
    runs = simulate_runs(rng, n_sessions=2, n_runs=2)
    for parts in (runs[:2], runs[2:]):
        tree.add_run(joined(parts, "rating"))
    assert [len(load_bold(run).signals) for run in find(tree).runs] == [720, 720]


def test_ratings_of_runs_of_which_only_the_concatenation_is_there_are_named(tree, rng):
    runs = simulate_runs(rng, n_sessions=2, n_runs=2)
    for parts in (runs[:2], runs[2:]):
        series = tree.add_run(joined(parts, "rating"))
        func = tree.root / "sub-01" / series.parent.relative_to(tree.derivatives / "sub-01")
        for path in func.glob("*physio*"):
            path.rename(path.with_name(path.name.replace("task-rating", "task-rating_run-1")))
    reasons = {str(e.key): e.reason for e in find(tree).excluded}
    assert "pass the time series of each run" in reasons["ses-01 task-rating run-1"]
    assert "no rating was found" in reasons["ses-01 task-rating"]


def test_a_rated_concatenation_stays_where_its_runs_have_no_rating(tree, rng):
    runs = simulate_runs(rng, n_sessions=2, n_runs=2)
    for run in runs:
        tree.add_run(run)
    for path in tree.root.glob("sub-01/ses-*/func/*physio*"):
        path.unlink()
    for parts in (runs[:2], runs[2:]):
        tree.add_run(joined(parts, "rating"))
    assert [str(run.key) for run in find(tree).runs] == ["ses-01 task-rating", "ses-02 task-rating"]


def test_concatenations_of_dense_bold_are_left_out(tmp_path, rng):
    axis = BrainModelAxis.from_surface(np.arange(12), 12, name="CortexLeft")
    func = tmp_path / "f" / "sub-01" / "func"
    func.mkdir(parents=True)
    data = [rng.normal(size=(n, 12)).astype(np.float32) for n in (30, 40)]

    def save(label, values):
        image = nib.Cifti2Image(values, (SeriesAxis(0, 1, len(values)), axis))
        nib.save(image, func / f"sub-01_task-pain{label}_space-fsLR_den-91k_bold.dtseries.nii")

    save("_run-1", data[0])
    save("_run-2", data[1])
    save("", np.concatenate(data))
    found = dense_runs(Dataset(tmp_path / "f", "d1"))
    assert [run.key.run for run in found.runs] == ["1", "2"]
    save("", rng.normal(size=(70, 12)).astype(np.float32))
    assert [run.key.run for run in dense_runs(Dataset(tmp_path / "f", "d1")).runs] == ["", "1", "2"]


def test_concatenations_of_volumes_are_left_out_by_their_length(tmp_path, rng):
    func = tmp_path / "f" / "sub-01" / "func"
    func.mkdir(parents=True)
    lengths = {"_run-1": 6, "_run-2": 8, "": 14}
    for label, n in lengths.items():
        image = nib.Nifti1Image(rng.normal(size=(2, 2, 2, n)).astype(np.float32), np.eye(4))
        nib.save(image, func / f"sub-01_task-pain{label}_space-MNI152NLin6Asym_bold.nii.gz")
    files = Dataset(tmp_path / "f", "d1").files_of("01")
    kept, notes = leave_out_concatenations(files)
    assert [f.entities.get("run") for f in kept] == ["1", "2"] and len(notes) == 1
    assert leave_out_concatenations([f for f in files if f.entities.get("run") != "1"])[1] == ()


# --- runs that were processed differently ---------------------------------------------------


def test_runs_from_two_datasets_are_noted_in_one_sentence(derivatives, tmp_path):
    other = tmp_path / "xcp_d_36p"
    for path in list(derivatives.derivatives.rglob("*ses-02_*")):
        to = other / path.relative_to(derivatives.derivatives)
        to.parent.mkdir(parents=True, exist_ok=True)
        path.rename(to)
    one = next(derivatives.derivatives.rglob("*ses-03_task-rating_run-2*timeseries.tsv"))
    to = other / one.relative_to(derivatives.derivatives)
    to.parent.mkdir(parents=True, exist_ok=True)
    for path in one.parent.glob("*run-2*"):
        path.rename(to.with_name(path.name))
    datasets = [Dataset(derivatives.derivatives, "d1"), Dataset(other, "d2")]
    found = find_runs(Dataset(derivatives.root, "raw"), datasets, "01")
    assert len(found.runs) == 10
    assert found.notes == (
        "time series of several datasets or parameters were used, which may have been processed "
        "differently: xcp_d for ses-01, ses-03 task-rating run-1, ses-04, ses-05; xcp_d_36p for "
        "ses-02, ses-03 task-rating run-2.",
    )


def change_sidecars(tree, pattern, content):
    for path in tree.derivatives.rglob(pattern):
        known = json.loads(path.read_text()) if path.is_file() else {}
        write_json(path, known | content)


def test_parameters_that_differ_between_runs_are_noted(derivatives):
    band = {"SoftwareFilters": {"Bandpass filter": {"Low-pass cutoff (Hz)": 0.08}}}
    change_sidecars(derivatives, "*timeseries.json", band)
    assert find(derivatives).notes == ()
    wider = {"SoftwareFilters": {"Bandpass filter": {"Low-pass cutoff (Hz)": 0.1}}}
    change_sidecars(derivatives, "*ses-04*timeseries.json", wider)
    (note,) = find(derivatives).notes
    assert note.startswith("runs were denoised differently, by SoftwareFilters in the sidecars")
    assert "0.08}} in ses-01, ses-02, ses-03, ses-05; " in note and "0.1}} in ses-04." in note


def test_thresholds_of_censoring_that_differ_are_noted(derivatives):
    for path in derivatives.derivatives.rglob("*outliers.tsv"):
        limit = 0.5 if "ses-02" in path.name else 0.3
        write_json(path.with_suffix(".json"), {"framewise_displacement": {"Threshold": limit}})
    (note,) = find(derivatives).notes
    assert note.endswith(
        "Threshold in the sidecars: 0.3 in ses-01, ses-03, ses-04, ses-05; 0.5 in ses-02."
    )


# --- the multiverse layout ------------------------------------------------------------------

HASH = "0f306a2f+0ef9c88a"


def in_multiverse(tree, label=HASH, *, pattern="sub-*", columns="_hash-{}"):
    """Put a hash into the names of files and columns, as XCP-D does."""
    for path in sorted(tree.derivatives.rglob(f"{pattern}_*")):
        if path.suffix == ".tsv":
            head, rest = path.read_text().split("\n", 1)
            names = [name + columns.format(label) for name in head.split("\t")]
            path.write_text("\t".join(names) + "\n" + rest)
        stem, dot, suffix = path.name.rpartition("_")
        path.rename(path.with_name(f"{stem}_hash-{label}{dot}{suffix}"))


def test_the_folder_above_datasets_is_told_from_them(derivatives):
    derivatives.derivatives.rename(derivatives.root / "derivatives" / f"xcp_d-{HASH}")
    above = Dataset(derivatives.root / "derivatives", "d1")
    with pytest.raises(DerivativesError, match=r"Below derivatives there is xcp_d-0f306a2f\+"):
        find_runs(Dataset(derivatives.root, "raw"), [above], "01")


@pytest.mark.parametrize("columns", ["_hash-{}", "_{}", ""])
def test_a_hash_in_names_of_files_and_columns_changes_nothing(derivatives, columns):
    plain = [load_bold(run) for run in find(derivatives).runs]
    in_multiverse(derivatives, columns=columns)
    found = find(derivatives)
    hashed = [load_bold(run) for run in found.runs]
    assert len(hashed) == 10 and not found.excluded and not found.notes
    for a, b in zip(plain, hashed, strict=True):
        assert a.regions == b.regions and a.tr_s == b.tr_s
        np.testing.assert_array_equal(a.censored, b.censored)
        np.testing.assert_array_equal(a.confounds[FD], b.confounds[FD])


def test_runs_with_different_hashes_are_noted(derivatives):
    in_multiverse(derivatives, "abc", pattern="sub-01_ses-0[1-4]")
    in_multiverse(derivatives, "def", pattern="sub-01_ses-05")
    (note,) = find(derivatives).notes
    assert (
        "xcp_d (hash-abc) for ses-01, ses-02, ses-03, ses-04; xcp_d (hash-def) for ses-05." in note
    )


def test_of_several_hashes_of_a_run_the_usual_one_is_used_with_its_companions(derivatives):
    for path in list(derivatives.derivatives.rglob("sub-01_ses-05*")):
        stem, _, suffix = path.name.rpartition("_")
        path.with_name(f"{stem}_hash-zzz_{suffix}").write_bytes(path.read_bytes())
    in_multiverse(derivatives, "abc", pattern="sub-01_ses-0[1-4]")
    for path in list(derivatives.derivatives.rglob("sub-01_ses-05*")):
        if "hash" not in path.name:
            stem, _, suffix = path.name.rpartition("_")
            path.rename(path.with_name(f"{stem}_hash-abc_{suffix}"))
    found = find(derivatives)
    assert len(found.runs) == 10 and not found.excluded
    for run in found.runs:
        assert {f.entities["hash"] for f in run.data_files} == {"abc"}
    assert "several hashes of parameters (abc, zzz)" in found.notes[-1]
