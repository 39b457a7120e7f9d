"""Confounds tables of every version of fMRIPrep give the design of today's table, or are named."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from painprint.bold.denoise import (
    ACOMPCOR,
    TISSUES,
    note_components,
    nuisance_columns,
    with_changes,
)
from painprint.errors import DerivativesError
from painprint.files.confounds import read_confounds
from painprint.files.dataset import Dataset
from painprint.runs import MOTION_NAMES
from painprint.settings import MODELS

VERSIONS = json.loads((Path(__file__).parent / "data" / "fmriprep_confounds.json").read_text())
VERSIONS.pop("About")
N = 40
CAMEL = dict(zip(("X", "Y", "Z", "RotX", "RotY", "RotZ"), MOTION_NAMES, strict=True)) | {
    "CSF": "csf",
    "WhiteMatter": "white_matter",
    "GlobalSignal": "global_signal",
}
REFUSED = {
    ("1.0", "36P"): "needs csf, .* fMRIPrep before 1.2",
    ("1.0", "paper"): "needs w_comp_cor_00, .* fMRIPrep before 1.2.* together",
    ("1.0", "acompcor_gsr"): "needs w_comp_cor_00, .* fMRIPrep before 1.2.* together",
    ("1.1", "paper"): "needs w_comp_cor_00, .* fMRIPrep before 1.2.* together",
    ("1.1", "acompcor_gsr"): "needs w_comp_cor_00, .* fMRIPrep before 1.2.* together",
    ("1.2", "paper"): r"needs w_comp_cor_00, .* before 21.0.*\(\*_desc-confounds_\*.json\).* 1.4",
    ("1.2", "acompcor_gsr"): "Possible models: 24P, 36P.* before 21.0",
}
FEW = {"21.0": (4, 3)}
"""White-matter and CSF components of a table with fewer than five."""


def expand(columns):
    """The names of a list with ranges of numbers."""
    for name in columns.split():
        found = re.fullmatch(r"(.*?)(\d+)\.\.(\d+)", name)
        if not found:
            yield name
            continue
        stem, first, last = found.groups()
        yield from (f"{stem}{i:0{len(first)}d}" for i in range(int(first), int(last) + 1))


@pytest.fixture
def today(rng):
    """The confounds that models need, under today's names."""
    names = (*MOTION_NAMES, *ACOMPCOR, *TISSUES)
    values = {name: np.cumsum(rng.normal(size=N)) for name in names}
    return values | {"non_steady_state_outlier00": (np.arange(N) == 0) * 1.0}


def write(folder, version, today, rng):
    """A table of a version with the same values, and its sidecar."""
    stem, masks = VERSIONS[version]["file"], VERSIONS[version].get("masks", {})
    split = {
        f"a_comp_cor_{masks[mask][0] + i:02d}": f"{tissue}_comp_cor_{i:02d}"
        for tissue, mask in (("c", "CSF"), ("w", "WM"))
        for i in range(5 if masks else 0)
    }
    table = {}
    for name in expand(VERSIONS[version]["columns"]):
        base, _, transformed = name.partition("_derivative1")
        same = CAMEL.get(name, split.get(name, name)).replace(
            "NonSteadyStateO", "non_steady_state_o"
        )
        if same in today:
            table[name] = today[same]
        elif base in today and base != name:
            change = np.diff(today[base], prepend=np.nan)
            table[name] = change**2 if transformed else change
        else:
            table[name] = np.zeros(N) if "steady" in same else rng.normal(size=N)
    path = folder / f"sub-01_task-pain_{stem}.tsv"
    pd.DataFrame(table).to_csv(path, sep="\t", index=False, na_rep="n/a")
    meta = {
        f"a_comp_cor_{i:02d}": {"Method": "aCompCor", "Mask": mask, "Retained": True}
        for mask, (first, last) in masks.items()
        for i in range(first, last + 1)
    }
    path.with_suffix(".json").write_text(json.dumps(meta))
    return path, pd.DataFrame(table)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_gives_the_design_of_today_or_is_named(tmp_path, today, rng, version, model):
    path, _ = write(tmp_path, version, today, rng)
    columns = VERSIONS[version]["columns"]
    read = read_confounds(path, N, path.with_suffix(".json"))
    flagged = [0] if "teadyState" in columns or "steady" in columns else []
    assert list(np.flatnonzero(read.non_steady)) == flagged
    if (version, model) in REFUSED:
        with pytest.raises(ValueError, match=REFUSED[version, model]):
            nuisance_columns(read.columns, model, hint=read.hint)
        return
    n_wm, n_csf = FEW.get(version, (5, 5))
    same = {k: v for k, v in today.items() if "comp_cor" not in k}
    same |= {f"w_comp_cor_{i:02d}": today[f"w_comp_cor_{i:02d}"] for i in range(n_wm)}
    same |= {f"c_comp_cor_{i:02d}": today[f"c_comp_cor_{i:02d}"] for i in range(n_csf)}
    expected = nuisance_columns(same, model)
    found = nuisance_columns(read.columns, model)
    if model == "paper":
        assert found.shape[1] == 6 + n_wm + n_csf
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_read_under_another_name_is_noted_and_nothing_else(tmp_path, today, rng, version):
    path, _ = write(tmp_path, version, today, rng)
    notes = read_confounds(path, N, path.with_suffix(".json")).notes
    expected = {"1.0": "fMRIPrep before 1.2", "1.1": "fMRIPrep before 1.2", "20.2": "1.4 to 20.2"}
    assert len(notes) == (version in expected)
    assert all(expected[version] in note for note in notes)


def test_changes_are_those_that_fmriprep_writes_from_the_second_frame_on(tmp_path, today, rng):
    path, table = write(tmp_path, "20.2", today, rng)
    read = read_confounds(path, N, path.with_suffix(".json"))
    theirs = table[[f"{name}_derivative1" for name in MOTION_NAMES]].to_numpy()
    assert np.isnan(theirs[0]).all()
    ours = with_changes(read.motion)[:, 6:]
    np.testing.assert_allclose(ours[1:], theirs[1:])
    assert not ours[0].any()


def test_components_that_were_not_retained_are_no_components(tmp_path, today, rng):
    path, _ = write(tmp_path, "20.2", today, rng)
    sidecar = path.with_suffix(".json")
    meta = json.loads(sidecar.read_text())
    meta["a_comp_cor_58"]["Retained"] = False
    for i in range(61, 70):
        meta[f"a_comp_cor_{i:02d}"]["Retained"] = False
    sidecar.write_text(json.dumps(meta))
    columns = read_confounds(path, N, sidecar).columns
    kept = [name for name in columns if name.startswith("c_comp_cor_")]
    assert kept == ["c_comp_cor_00", "c_comp_cor_01", "c_comp_cor_02"]
    np.testing.assert_allclose(columns["c_comp_cor_01"], today["c_comp_cor_02"])
    assert note_components(columns, "paper") == (
        "the confounds have 5 components of white matter and 3 of CSF (aCompCor), where the model "
        "has 5 of each: these were regressed out.",
    )
    assert note_components(columns, "36P") == ()


def test_components_are_numbered_not_sorted_as_text(tmp_path, today, rng):
    """a_comp_cor_100 of white matter comes after a_comp_cor_99."""
    path, table = write(tmp_path, "20.2", today, rng)
    columns = read_confounds(path, N, path.with_suffix(".json")).columns
    np.testing.assert_allclose(columns["w_comp_cor_30"], table["a_comp_cor_100"])


def test_a_table_without_its_sidecar_says_which_file_to_copy(tmp_path, today, rng):
    path, _ = write(tmp_path, "20.2", today, rng)
    read = read_confounds(path, N)
    with pytest.raises(ValueError, match="copy it beside the table"):
        nuisance_columns(read.columns, "paper", hint=read.hint)


def test_a_model_without_motion_needs_no_motion(tmp_path):
    path = tmp_path / "sub-01_task-pain_desc-confounds_timeseries.tsv"
    pd.DataFrame({"csf": np.arange(N)}).to_csv(path, sep="\t", index=False)
    assert read_confounds(path, N).motion is None
    with pytest.raises(DerivativesError, match=f"has {N} rows, but the BOLD {N + 1} frames"):
        read_confounds(path, N + 1)


def test_names_of_functional_files_before_1_2_are_those_of_today(tmp_path):
    func = tmp_path / "sub-01" / "func"
    func.mkdir(parents=True)
    stem = "sub-01_task-pain_run-1_bold"
    space = "space-MNI152NLin2009cAsym"
    names = {
        f"{stem}_confounds.tsv": ("timeseries", "confounds"),
        f"{stem}_{space}_preproc.nii.gz": ("bold", "preproc"),
        f"{stem}_{space}_brainmask.nii.gz": ("mask", "brain"),
        f"{stem}_{space}_variant-smoothAROMAnonaggr_preproc.nii.gz": (
            "bold",
            "smoothAROMAnonaggr",
        ),
        "sub-01_T1w_preproc.nii.gz": ("preproc", None),
    }
    for name in names:
        (func / name).touch()
    found = {f.path.name: f for f in Dataset(tmp_path, "d").files_of("01")}
    assert {k: (f.suffix, f.entities.get("desc")) for k, f in found.items()} == names
    assert found[f"{stem}_{space}_preproc.nii.gz"].entities["space"] == "MNI152NLin2009cAsym"
