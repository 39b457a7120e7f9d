"""Filter files as fMRIPrep and XCP-D take them, and labels with the prefix of their entity."""

import json
from pathlib import Path

import pytest
from conftest import simulate_runs, write_json

from painprint.bids.filter import read_bids_filter
from painprint.bids.find import DataSelection, find_runs
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, Dataset, parse_name


def bold(*names, folder="func"):
    root = Path("/data")
    return [BidsFile(root / folder / name, root, "d", *parse_name(name)) for name in names]


def chosen(tmp_path, query, files, name="bold"):
    path = tmp_path / "filter.json"
    write_json(path, {name: query})
    return [file.path.name for file in read_bids_filter(path).choose(name, files)]


RUN = "sub-01_task-rating"
DENSE = f"{RUN}_run-1_space-fsLR_den-91k_bold.dtseries.nii"
VOLUME = f"{RUN}_run-1_space-MNI152NLin6Asym_res-2_desc-preproc_bold.nii.gz"
MULTIBAND = f"{RUN}_acq-mb_run-1_space-fsLR_den-91k_bold.dtseries.nii"
PHASE = f"{RUN}_run-1_part-phase_space-fsLR_den-91k_bold.dtseries.nii"
PLAIN = f"{RUN}_space-fsLR_den-91k_bold.dtseries.nii"
SERIES = f"{RUN}_run-1_space-fsLR_atlas-A_stat-mean_timeseries.tsv"
PARCELS = f"{RUN}_run-1_space-fsLR_atlas-A_den-91k_stat-mean_timeseries.ptseries.nii"
ALL = (DENSE, VOLUME, MULTIBAND, PHASE, PLAIN, SERIES, PARCELS)


@pytest.mark.parametrize(
    ("query", "right"),
    [
        ({"part": None}, {*ALL} - {PHASE}),
        ({"part": ["mag", None]}, {*ALL} - {PHASE}),
        ({"part": "mag"}, {*ALL} - {PHASE}),  # without part is magnitude
        ({"part": "phase"}, {PHASE}),
        ({"echo": [1, 2]}, {*ALL}),
        ({"acquisition": ["mb", None]}, {*ALL}),
        ({"acquisition": "mb"}, {MULTIBAND}),
        ({"acquisition": "*"}, {MULTIBAND}),
        ({"acquisition": "Query.ANY"}, {MULTIBAND}),
        ({"acquisition": "<Query.REQUIRED: 2>"}, {MULTIBAND}),
        ({"acquisition": "<Query.NONE: 1>"}, {*ALL} - {MULTIBAND}),
        ({"acquisition": "Query.OPTIONAL"}, {*ALL}),
        ({"run": "*"}, {*ALL} - {PLAIN}),
        ({"run": None}, {PLAIN}),
        ({"run": ["01", None]}, {*ALL}),
        ({"suffix": "*"}, {*ALL}),
        ({"datatype": "func", "suffix": "bold"}, {*ALL}),
        ({"suffix": "timeseries"}, {SERIES, PARCELS}),
        ({"suffix": "bold", "desc": ["preproc", None]}, {*ALL}),
        ({"desc": "preproc"}, {VOLUME, SERIES, PARCELS}),
        ({"space": "fsLR", "extension": "dtseries.nii"}, {*ALL} - {VOLUME}),
        ({"extension": [".nii", ".nii.gz"]}, {VOLUME, SERIES, PARCELS}),
        ({"extension": ".tsv"}, {SERIES}),
        ({"density": "91k"}, {*ALL} - {VOLUME}),
        ({"resolution": "2"}, {VOLUME, SERIES, PARCELS}),
        ({"datatype": "anat"}, set()),
    ],
)  # fmt: skip
def test_values_select_what_they_select_in_fmriprep(tmp_path, query, right):
    assert set(chosen(tmp_path, query, bold(*ALL))) == right


@pytest.mark.parametrize(
    ("names", "right"),
    [
        ((DENSE, PLAIN), {DENSE, PLAIN}),  # fMRIPrep's query is about raw images
        ((DENSE, VOLUME), {VOLUME}),
        ((DENSE, f"{RUN}_run-1_space-T1w_desc-preproc_bold.nii.gz"), None),
        ((DENSE, MULTIBAND, SERIES), {SERIES}),
    ],
)
def test_the_extension_of_raw_images_does_not_exclude_grayordinates(tmp_path, names, right):
    path = tmp_path / "filter.json"
    query = {"suffix": "bold", "datatype": "func", "extension": ".nii.gz", "acquisition": None}
    write_json(path, {"bold": query})
    files = bold(*names)
    bids_filter, notes = read_bids_filter(path).of_derivatives(files)
    found = {file.path.name for file in bids_filter.choose("bold", files)}
    assert found == (set(names) if right is None else right)
    dropped = DENSE in found
    assert len(notes) == dropped and all("raw images" in note for note in notes)
    assert bids_filter.queries["bold"]["acq"] == ("",)


def test_the_folders_of_hcp_count_as_func(tmp_path):
    files = bold("x_bold.dtseries.nii", folder="MNINonLinear/Results/x")
    assert chosen(tmp_path, {"datatype": "func"}, files) == ["x_bold.dtseries.nii"]


def test_queries_of_fmriprep_and_xcp_d_are_ignored_and_others_refused(tmp_path):
    path = tmp_path / "filter.json"
    others = {"t1w": {"datatype": "anat"}, "anat_dseg": {}, "lh_pial_surf": {"hemi": "L"}}
    others |= {"dwi": {"suffix": "dwi"}, "anat": {}}
    write_json(path, {"bold": {"session": "01"}, **others})
    assert read_bids_filter(path).queries == {"bold": {"ses": ("01",)}}
    write_json(path, {"bolt": {"session": "01"}})
    with pytest.raises(DerivativesError, match="query 'bolt'; known are bold, rating, .*anat_dseg"):
        read_bids_filter(path)
    write_json(path, {"bold": {}, "physio": {"recording": "pain"}})
    with pytest.raises(DerivativesError, match="'physio'; ratings are selected by .* 'rating'"):
        read_bids_filter(path)
    write_json(path, {"bold": {"subject": "01"}})
    with pytest.raises(DerivativesError, match="'subject': .* --participant-label, and remove it"):
        read_bids_filter(path)
    write_json(path, {"bold": {"sesion": "01"}})
    with pytest.raises(DerivativesError, match="asks for 'sesion'; known are acq"):
        read_bids_filter(path)
    write_json(path, {"bold": {"session": [True]}})
    with pytest.raises(DerivativesError, match='"\\*" for any, null for none'):
        read_bids_filter(path)


def find(tree, **selection):
    derivatives = [Dataset(tree.derivatives, "derivatives1")]
    return find_runs(Dataset(tree.root, "raw"), derivatives, "01", DataSelection(**selection))


def test_a_filter_of_bold_selects_regional_time_series_and_their_ratings(derivatives, tmp_path):
    path = tmp_path / "canonical.json"
    sessions = ["01", "ses-02", "03"]
    path.write_text(
        json.dumps({"bold": {"datatype": "func", "session": sessions, "suffix": "bold"}})
    )
    found = find(derivatives, bids_filter=read_bids_filter(path))
    assert [run.key.session for run in found.runs] == ["01", "01", "02", "02", "03", "03"]
    assert found.excluded == ()


def test_labels_may_have_the_prefix_of_their_entity(tree, rng):
    for run in simulate_runs(rng, n_sessions=2, n_runs=1):
        for atlas in ("atlas-A", "seg-B"):
            tree.add_run(run, atlas=atlas)
    for given, label in (("atlas-A", "A"), ("A", "A"), ("seg-B", "B"), ("atlas-B", "B")):
        found = find(tree, atlas=given, task_id=("task-rating",), session_label=("ses-02",))
        assert (found.atlas, found.tasks) == (label, ("rating",))
        assert [run.key.session for run in found.runs] == ["02"]
    with pytest.raises(DerivativesError, match="there is no atlas C. There are: A, B"):
        find(tree, atlas="atlas-C")
