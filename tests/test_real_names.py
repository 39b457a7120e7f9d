"""Names of files, columns and keys as pipelines write them: what is read, and what is simulated.

``data/pipeline_names.tsv`` lists them by version, with the file of the pipeline's repository that
says so. "?" marks a name that need not be there, "#" a number.
"""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Tree, simulate_runs, write_json, write_table

from painprint import Settings
from painprint.bids.find import find_runs
from painprint.bids.load import load_run
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset
from painprint.files.outliers import read_outliers
from painprint.runs import FD, MOTION_NAMES, framewise_displacement
from painprint.simulate.confounds import relative_rms
from painprint.simulate.person import Person, simulate_person
from painprint.simulate.world import World
from painprint.simulate.write import write_people

TABLE = pd.read_csv(Path(__file__).parent / "data/pipeline_names.tsv", sep="\t", dtype=str)
WORLD = World(n_runs=1, n_regions=8, run_s=60, tr_s=1.0, divisions=4)


def names(pipeline, of, kind, versions=None):
    rows = TABLE.query("pipeline == @pipeline and of == @of and kind == @kind")
    if versions:
        rows = rows.query("versions == @versions")
    return rows["names"].iloc[-1].split()


def check(found, listed):
    """Every name is listed, and every listed one that must be there is there."""
    patterns = {name: re.escape(name.rstrip("?")).replace(r"\#", r"\d+") for name in listed}
    unknown = [n for n in found if not any(re.fullmatch(p, n) for p in patterns.values())]
    assert unknown == []
    for name, pattern in patterns.items():
        assert name.endswith("?") or any(re.fullmatch(pattern, n) for n in found), name


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    root = tmp_path_factory.mktemp("simulated")
    for layout in ("xcp_d", "fmriprep", "fmriprep_volumes", "fmriprep_surfaces", "ciftify"):
        write_people(root / layout, [Person(1, world=WORLD)], layout=layout, random_seed=3)
    return root


@pytest.fixture
def one(rng):
    return simulate_runs(rng, n_sessions=1, n_runs=1)[0]


def load_first(tree):
    derivatives = [Dataset(tree.derivatives, "derivatives1")]
    found = find_runs(Dataset(tree.root, "raw"), derivatives, "01")
    return load_run(found.runs[0], Settings())


# --- what is read ---------------------------------------------------------------------------


@pytest.mark.parametrize("versions", TABLE.query("pipeline == 'xcp_d' and of == 'run'")["versions"])
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("censor", [False, True])
def test_a_run_of_every_version_of_xcp_d_is_read(tree, one, rng, versions, exact, censor):
    series = tree.add_run(one, censor=censor)
    folder, stem = series.parent, series.name.split("_space-")[0]
    listed = names("xcp_d", "run", "file", versions)
    (new_name,) = (name for name in listed if name.endswith("timeseries.tsv"))
    (motion,) = (name for name in listed if name.endswith("motion.tsv"))
    series.with_suffix(".json").unlink()
    series.rename(folder / f"{stem}_{new_name}")
    (folder / f"{stem}_motion.tsv").rename(folder / f"{stem}_{motion}")
    if f"{new_name[:-4]}.json" in listed:
        write_json(folder / f"{stem}_{new_name[:-4]}.json", {"SamplingFrequency": "TR"})
    write_json(tree.root / f"task-{one.task}_bold.json", {"RepetitionTime": one.tr_s})
    if exact:
        kept = np.flatnonzero(~one.censored)
        subsample = (~one.censored).astype(float)
        subsample[rng.choice(kept, 100, replace=False)] = 0
        flags = np.column_stack([one.censored, subsample])
        write_table(folder / f"{stem}_outliers.tsv", [FD, "exact_100"], flags)
    run, record = load_first(tree)
    np.testing.assert_array_equal(run.censored, one.censored)
    np.testing.assert_array_equal(run.signals[~one.censored], one.signals[~one.censored])
    np.testing.assert_allclose(run.confounds[FD], one.confounds[FD], atol=1e-12)
    assert exact == any("exact_100 was not used" in note for note in record.notes)


def outliers_file(tmp_path, **columns):
    path = tmp_path / "outliers.tsv"
    path.write_text(pd.DataFrame(columns).to_csv(sep="\t", index=False, na_rep="n/a"))
    return path


FLAGS = {FD: [0, 1, 0, 0, 0, 0], "dvars": [0, 0, 1, 0, 0, 0]}


@pytest.mark.parametrize(
    ("more", "n_rows", "censored", "note"),
    [
        ({}, 6, [1, 2], None),
        ({}, 4, [1, 2], None),
        ({}, 5, None, "neither"),  # two columns flag one frame each
        ({"random_censor": [1, 0, 0, 1, 1, 0]}, 6, [1, 2], "random_censor was not used: a random"),
        ({"exact_2": [1, 0, 0, 1, 0, 0], "exact_3": [1, 0, 0, 0, 0, 0]}, 4, [1, 2], "exact_3 were"),
        ({"volume": [0, 1, 2, 3, 4, 5]}, 6, [1, 2], "the column volume was not used: the name"),
        ({"uncensored": [1, 0, 0, 1, 1, 1]}, 6, [1, 2], "the column uncensored was not used: the"),
        ({"keep": [1, 0, 0, 1, 1, 1]}, 6, [1, 2], "the column keep was not used: the name"),
        ({"eye": [0, 0, 0, 1, 1, 0]}, 2, [1, 2, 3, 4], "lacks the frames that framewise_displac"),
        ({"label": list("abcdef")}, 4, [1, 2], "the column label was not used: the name"),
        ({"motion_outlier00": [0, 0, 0, 0, 0, 1]}, 6, [1, 2, 5], None),
        ({"rmsd": ["False", "False", "TRUE", "False", "true", "False"]}, 6, [1, 2, 4], None),
        (
            {f"{FD}_mm": [0.1, 0.6, 0.1, 0.2, 0, 0.1]},
            6,
            [1, 2],
            f"column {FD}_mm was not used: meas",
        ),
        (
            {"fd_mm": ["n/a", 0.6, 0.1, 0.2, 0, 0.1]},
            4,
            [1, 2],
            "the column fd_mm was not used: meas",
        ),
    ],
)
def test_only_outliers_censor(tmp_path, more, n_rows, censored, note):
    read = read_outliers(outliers_file(tmp_path, **FLAGS, **more), n_rows)
    if censored is None:  # refused where the series is put on the frames
        assert int((~read.censored).sum()) != n_rows
        return
    np.testing.assert_array_equal(np.flatnonzero(read.censored), censored)
    assert read.notes == () if note is None else note in read.notes[0]


def test_a_wrong_flag_is_no_measurement(tmp_path):
    with pytest.raises(DerivativesError, match="column dvars: row 2 is 2; flags are 0 .* or 1"):
        read_outliers(outliers_file(tmp_path, **{**FLAGS, "dvars": [0, 2, 1, 0, 0, 0]}), 6)


def test_a_censored_series_tells_that_one_of_several_measures_was_used(tmp_path):
    path = outliers_file(tmp_path, **{FD: [0, 1, 1, 0], "std_dvars": [1, 0, 0, 0]})
    read = read_outliers(path, 2)
    np.testing.assert_array_equal(np.flatnonzero(read.censored), [1, 2])
    assert "lacks the frames that framewise_displacement flags" in read.notes[0]
    assert "std_dvars was not used" in read.notes[0]


def test_a_file_of_subsamples_alone_censors_nothing(tmp_path):
    read = read_outliers(outliers_file(tmp_path, exact_2=[0, 0, 1, 1]), 4)
    assert not read.censored.any() and "exact_2 was not used" in read.notes[0]


def test_flags_of_a_used_column_must_be_flags(tmp_path):
    with pytest.raises(DerivativesError, match="column dvars: row 2 is 3; flags are 0"):
        read_outliers(outliers_file(tmp_path, dvars=[0, 3]), 2)


# --- what is simulated ----------------------------------------------------------------------


def test_simulated_xcp_d_has_the_names_of_version_26_and_no_others(simulated):
    root = simulated / "xcp_d/derivatives/xcp_d"
    files = [p for p in root.rglob("*") if p.is_file()]
    shared = [str(p.relative_to(root)) for p in files if "sub-01" not in p.parts]
    label = "Simulated01"
    check(shared, [n.replace("-A_", f"-{label}_") for n in names("xcp_d", "dataset", "file", "26")])
    for stem in ("sub-01_ses-01_task-rating_run-1", "sub-01_ses-01_task-rest"):
        of_run = [p.name for p in files if p.name.startswith(f"{stem}_")]
        endings = [name.removeprefix(f"{stem}_").replace(label, "A") for name in of_run]
        check(endings, names("xcp_d", "run", "file", "26"))
        folder = root / "sub-01/ses-01/func"
        for of in ("outliers", "motion"):
            columns = pd.read_csv(folder / f"{stem}_{of}.tsv", sep="\t").columns
            check(columns, names("xcp_d", f"{of}.tsv", "column"))
            check(keys(folder / f"{stem}_{of}.json"), names("xcp_d", f"{of}.json", "key"))
        (sidecar,) = folder.glob(f"{stem}_*timeseries.json")
        check(keys(sidecar), names("xcp_d", "timeseries.json", "key"))
        assert json.loads(sidecar.read_text())["SamplingFrequency"] == "TR"
        (denoised,) = folder.glob(f"{stem}_*desc-denoised_bold.json")
        check(keys(denoised), names("xcp_d", "desc-denoised_bold.json", "key"))
        assert json.loads(denoised.read_text())["RepetitionTime"] == 1.0


def keys(path):
    return list(json.loads(path.read_text()))


@pytest.mark.parametrize(
    ("layout", "of"),
    [
        ("fmriprep", "cifti run"),
        ("fmriprep_surfaces", "cifti run"),
        ("fmriprep_volumes", "volume run"),
    ],
)
def test_simulated_fmriprep_has_its_names_and_no_others(simulated, layout, of):
    root = simulated / layout / "derivatives/fmriprep"
    folder, stem = root / "sub-01/ses-01/func", "sub-01_ses-01_task-rating_run-1"
    endings = [p.name.removeprefix(f"{stem}_") for p in folder.glob(f"{stem}_*")]
    check([re.sub("den-[0-9]+_", "den-91k_", e) for e in endings], names("fmriprep", of, "file"))
    (sidecar,) = folder.glob(f"{stem}_*_bold.json")
    check(keys(sidecar), names("fmriprep", "bold.json", "key"))
    content = json.loads(sidecar.read_text())
    assert (content["RepetitionTime"], content["StartTime"]) == (1.0, 0.5)
    confounds = folder / f"{stem}_desc-confounds_timeseries"
    columns = pd.read_csv(confounds.with_suffix(".tsv"), sep="\t").columns
    check(columns, names("fmriprep", "desc-confounds_timeseries.tsv", "column"))
    of_columns = json.loads(confounds.with_suffix(".json").read_text())
    check(of_columns, names("fmriprep", "desc-confounds_timeseries.json", "key"))
    assert set(of_columns) <= set(columns)
    check(of_columns["a_comp_cor_00"], names("fmriprep", "comp_cor", "key"))
    masks = {name[0]: of_columns[f"{name}_comp_cor_00"].get("Mask") for name in "wcat"}
    assert masks == {"w": "WM", "c": "CSF", "a": "combined", "t": None}


def test_simulated_ciftify_has_hcps_motion_beside(simulated):
    (run,) = (simulated / "ciftify").rglob("ses-01_task-rating_run-1")
    (of_ciftify,) = names("ciftify", "run", "file")
    written = {p.name.removeprefix(f"{run.name}_") for p in run.iterdir()}
    assert written == {of_ciftify, "Movement_Regressors.txt"}
    assert "Movement_Regressors.txt" in names("hcp", "run", "file")


def test_what_is_written_with_real_names_is_read_as_simulated(simulated):
    tree = Tree(simulated / "xcp_d")
    truth, runs = simulate_person(Person(1, world=WORLD), (3, 1), rest=True)
    run, _ = load_first(tree)
    written = next(iter(runs))
    np.testing.assert_array_equal(run.signals, written.signals)
    np.testing.assert_array_equal(run.censored, written.censored)
    assert (run.tr_s, run.start_s, run.regions) == (1.0, 0.0, truth.regions.names)
    np.testing.assert_allclose(run.confounds[FD], framewise_displacement(written.motion))
    for name, column in zip(MOTION_NAMES, written.motion.T, strict=True):
        np.testing.assert_allclose(run.confounds[name], column)


def test_relative_rms_is_that_of_points_on_a_sphere(rng):
    motion = rng.normal(0, [0.1, 0.1, 0.1, 0.001, 0.001, 0.001], size=(5, 6))
    points = rng.normal(size=(200_000, 3))
    # uniform in a ball of 80 mm, over which MCFLIRT averages
    points *= (
        80 * rng.uniform(size=(200_000, 1)) ** (1 / 3) / np.linalg.norm(points, axis=1)[:, None]
    )
    for t in range(1, 5):
        shift, turn = np.split(motion[t] - motion[t - 1], 2)
        moves = shift + np.cross(turn, points)
        expected = np.sqrt((moves**2).sum(axis=1).mean())
        assert relative_rms(motion)[t] == pytest.approx(expected, rel=0.01)
    assert np.isnan(relative_rms(motion)[0])
