"""Results depend on what is read: other files of a dataset may come and go."""

import json
import os
import shutil
from pathlib import Path

import pytest
from conftest import write_json

from painprint.apps.arguments import UsageError
from painprint.apps.depends_on import describe_inputs as describe_study
from painprint.apps.folders import check_reading_folder
from painprint.apps.participant_inputs import ParticipantInputs
from painprint.apps.reading_files import describe_reading_inputs
from painprint.apps.study import Study, list_participants
from painprint.bids.filter import read_bids_filter
from painprint.bids.find import find_runs, find_unrated_run
from painprint.bids.timing import timing_sidecars
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset
from painprint.results.read import find_results, is_of_folder
from painprint.settings import Settings
from painprint.store.files import plain
from painprint.store.staging import check_new, write_folder


def depends_on(tree):
    """What a study of the small dataset depends on."""
    study = Study(tree.root, tree.root.parent / "out", (tree.derivatives,), Settings())
    inventory = find_runs(Dataset(tree.root, "raw"), [Dataset(tree.derivatives, "d")], "01")
    inputs = ParticipantInputs(inventory, study.reader(inventory), None, None)
    return plain(describe_study(study, inputs, None))


@pytest.mark.parametrize(
    "name",
    [
        "participants.json",
        "notes.json",
        "task-other_bold.json",
        "sessions.json",
        "derivatives/xcp_d/notes.json",
        "derivatives/xcp_d/task-other_timeseries.json",
        "sub-01/ses-01/func/sub-01_ses-01_task-rest_bold.json",
    ],
)
def test_a_study_does_not_depend_on_json_files_that_apply_to_none_of_its_runs(derivatives, name):
    before = depends_on(derivatives)
    write_json(derivatives.root / name, {"RepetitionTime": 1.0})
    assert depends_on(derivatives) == before


def test_a_study_depends_on_what_is_read_of_a_description(derivatives):
    path = derivatives.root / "dataset_description.json"
    before = depends_on(derivatives)
    assert before["simulated"] and not [u for u in before["inputs"] if "description" in u]
    write_json(path, {**json.loads(path.read_text()), "Authors": ["A. Nother"]})
    assert depends_on(derivatives) == before
    write_json(path, {"Name": "Pain at rest"})
    assert "simulated" not in depends_on(derivatives)


@pytest.mark.parametrize(
    "name",
    [
        "bold.json",
        "task-pain_bold.json",
        "physio.json",
        "sub-01/sub-01_recording-pain_physio.json",
        "derivatives/xcp_d/timeseries.json",
        "derivatives/xcp_d/outliers.json",
        "derivatives/xcp_d/sub-01/sub-01_task-pain_desc-denoised_bold.json",
    ],
)
def test_a_study_depends_on_every_sidecar_that_applies_to_a_run(derivatives, name):
    key = find_runs(
        Dataset(derivatives.root, "raw"), [Dataset(derivatives.derivatives, "d")], "01"
    ).runs[0].key  # fmt: skip
    path = derivatives.root / name.replace("task-pain", f"task-{key.task}")
    if "denoised" in name:
        path = path.with_name(path.name.replace("_desc", f"_run-{key.run}_desc")
                              .replace("sub-01_", f"sub-01_ses-{key.session}_"))  # fmt: skip
    before = depends_on(derivatives)
    write_json(path, {"Description": "before"})
    between = depends_on(derivatives)
    write_json(path, {"Description": "after"})
    after = depends_on(derivatives)
    (uri,) = between["inputs"].keys() - before["inputs"].keys()
    assert uri.endswith(path.name) and between["inputs"][uri] != after["inputs"][uri]


def test_every_sidecar_with_times_is_one_of_its_run(derivatives):
    write_json(derivatives.root / "bold.json", {"RepetitionTime": 0.46})
    inventory = find_runs(
        Dataset(derivatives.root, "raw"), [Dataset(derivatives.derivatives, "d")], "01"
    )
    for run in inventory.runs:
        assert set(timing_sidecars(run)) <= set(run.all_sidecars)
        assert {f.entities.get("ses", run.key.session) for f in run.all_sidecars} == {
            run.key.session
        }
        assert "bold.json" in {f.path.name for f in run.raw_sidecars}


def reading_inputs(*paths):
    signature = paths[0].parent / "none"
    signature.mkdir(exist_ok=True)
    (signature / "signature.json").write_text("{}")
    (signature / "weights.safetensors").write_bytes(b"")
    return describe_reading_inputs(signature, [find_unrated_run(path) for path in paths], {})[
        "inputs"
    ]


def test_a_reading_depends_on_the_sidecars_of_its_runs_alone(derivatives):
    series = sorted(derivatives.derivatives.rglob("*timeseries.tsv"))
    before = reading_inputs(series[0])
    assert len(before) == 4 and all(uri.startswith("bids:run:sub-01/ses-") for uri in before)
    folder = series[0].parent.parent
    shutil.copytree(folder, folder.with_name("ses-new"))
    for path in folder.with_name("ses-new").rglob("sub-*"):
        path.rename(path.with_name(path.name.replace(folder.name, "ses-new")))
    write_json(derivatives.derivatives / "notes.json", {})
    assert reading_inputs(series[0]) == before
    write_json(derivatives.derivatives / "timeseries.json", {"RepetitionTime": 0.46})
    assert reading_inputs(series[0]).keys() - before.keys() == {"bids:run:timeseries.json"}


def test_files_of_equal_names_in_two_datasets_are_both_inputs(derivatives, tmp_path):
    series = sorted(derivatives.derivatives.rglob("*timeseries.tsv"))[0]
    other = Path(shutil.copytree(derivatives.root, tmp_path / "other"))
    same = other / series.relative_to(derivatives.root)
    before = reading_inputs(series)
    assert reading_inputs(series, same) == before
    same.write_bytes(same.read_bytes() + b"\n")
    both = reading_inputs(series, same)
    (changed,) = [uri for uri in before if both[uri] != before[uri]]
    assert changed.endswith(series.name) and before[changed] in both[changed].split()


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("bids", r"is the folder of a dataset \(Pain\)"),
        ("bids/reading", r"is inside .*bids, the folder of a dataset \(Pain\)"),
        ("bids/sub-01/reading", "is inside .*sub-01, the folder of the data of a participant"),
        ("bids/derivatives/fmriprep", r"is the folder of a dataset \(fMRIPrep\)"),
        ("study/sub-01/decoding", "is the folder of the results of a participant"),
        ("study/sub-01/decoding/reading", "the results of a participant"),
        ("study/sub-01", "the data of a participant"),
        ("link/sub-01/decoding", "the results of a participant"),
        ("learned", "is the folder of a signature"),
        ("learned/reading", "is inside .*learned, the folder of a signature"),
    ],
)
def test_a_reading_is_not_written_among_inputs_or_results(out, said, places):
    with pytest.raises(UsageError, match=said + ".*; choose a folder outside it for the reading"):
        check_reading_folder(places / out)


@pytest.mark.parametrize(
    "out",
    ["reading", "bids/derivatives/reading", "study", "study/reading", "study/readings/sub-01"],
)
def test_usual_folders_of_readings_are_not_refused(out, places):
    check_reading_folder(places / out)


@pytest.fixture
def places(tmp_path):
    """A raw dataset with a derivative of another program, a study, and a signature."""
    own = {"Name": "x", "DatasetType": "derivative", "GeneratedBy": [{"Name": "painprint"}]}
    descriptions = {
        "bids": {"Name": "Pain", "BIDSVersion": "1.10.0"},
        "bids/derivatives/fmriprep": {"Name": "fMRIPrep", "DatasetType": "derivative"},
        "study": own,
    }
    for name, description in descriptions.items():
        (tmp_path / name).mkdir(parents=True)
        write_json(tmp_path / name / "dataset_description.json", description)
    (tmp_path / "study" / "sub-01" / "decoding").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "study")
    (tmp_path / "learned").mkdir()
    (tmp_path / "learned" / "signature.json").touch()
    return tmp_path


def test_a_copy_of_another_persons_results_is_left_out_with_one_warning(copy_of_decoded, caplog):
    (own,) = find_results(copy_of_decoded)
    stray = own.stem.replace("sub-01", "sub-02")
    shutil.copy(
        own.decoding("provenance", ".json"),
        own.folder / "decoding" / f"{stray}_provenance.json",
    )
    is_of_folder.cache_clear()
    assert [find_results(copy_of_decoded) for _ in range(3)] == [[own]] * 3
    (record,) = caplog.records
    said = record.getMessage()
    assert "is in the folder of sub-01, but named as of sub-02, and was not used" in said


def test_what_is_not_an_object_is_told_with_an_example_of_its_kind(tmp_path, derivatives):
    path = tmp_path / "filter.json"
    path.write_text("[]")
    with pytest.raises(DerivativesError, match=r'object, like \{"bold": \{"space'):
        read_bids_filter(path)
    path.write_text('{"bold": {"space": "fsLR"}}')
    assert read_bids_filter(path).queries == {"bold": {"space": ("fsLR",)}}
    for label in ("", "sub-"):
        with pytest.raises(DerivativesError, match=f"is empty .'{label}'.; .* There are: 01"):
            list_participants(derivatives.root, [label])


def test_the_folder_of_the_shell_may_be_the_new_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_new(Path("."))
    write_folder(Path("."), "key", lambda folder: (folder / "a").touch() or None, last="a")
    assert os.listdir(tmp_path) == ["a"]
    with pytest.raises(DerivativesError, match=r"is not empty \(it holds a\)"):
        check_new(Path("."))
    with pytest.raises(DerivativesError, match="name a new folder"):
        check_new(Path("/"))
