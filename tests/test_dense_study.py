"""From dense BOLD to results: the same numbers as the regional route, and every way to go wrong."""

import gzip
import json
import re
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from conftest import QUICK, check_outputs
from nibabel.cifti2.cifti2_axes import SeriesAxis
from scipy.signal import butter, filtfilt

from painprint import Settings
from painprint.apps.study import Study
from painprint.bold.denoise import ACOMPCOR
from painprint.bold.extract import Extraction
from painprint.cli import main
from painprint.evidence.stages import STAGES
from painprint.runs import MOTION_NAMES, RunKey
from painprint.simulate.layouts import POINTS_PER_REGION
from painprint.simulate.person import Person
from painprint.simulate.world import World
from painprint.simulate.write import write_people

pytestmark = pytest.mark.usefixtures("without_svg")

N_REGIONS, TR_S = 16, 0.46
LAYOUTS = ("fmriprep", "fmriprep_volumes", "ciftify")
ATLAS = ("--atlas", "Simulated01")
MODEL = {"ciftify": ("--nuisance-regressors", "24P")}


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """A small simulated person in each layout; not to be changed."""
    root = tmp_path_factory.mktemp("simulated")
    person = Person(6, world=World(n_runs=2, n_regions=N_REGIONS, run_s=240))
    for layout in LAYOUTS:
        write_people(root / layout, [person], layout=layout, random_seed=1)
    return root


@pytest.fixture
def bids(simulated, tmp_path):
    """A copy of the fMRIPrep layout, to be bent out of shape."""
    return Path(shutil.copytree(simulated / "fmriprep", tmp_path / "bids"))


def run(bids, out, *options, code=0):
    assert main(["run", str(bids), str(out), "participant", *options]) == code


def metrics(out):
    (path,) = out.glob("sub-01/decoding/*_metrics.json")
    return json.loads(path.read_text())


def audit(out):
    (path,) = out.glob("sub-01/decoding/*_audit.json")
    return json.loads(path.read_text())


def left_out(out):
    return {(r["session"], r["run"]): r["reason"] for r in audit(out)["runs_left_out"]}


def files_of(bids, pattern):
    return sorted((bids / "derivatives").rglob(pattern))


def first(bids, pattern):
    return files_of(bids, f"*ses-01_task-rating_run-1_{pattern}")[0]


# --- the same as the regional route ---------------------------------------------------------


def read_points(path):
    """Frames x points of a BOLD file, all of it."""
    data = np.asarray(nib.load(path).dataobj, dtype=float)
    if data.ndim == 2:
        return data
    mask = np.asarray(nib.load(str(path).replace("preproc_bold", "brain_mask")).dataobj) > 0
    return data[mask].T


def read_labels(bids):
    """The label of each point, and the atlas's table."""
    (table,) = files_of(bids, "*_dseg.tsv")
    (image,) = (p for p in files_of(bids, "*_dseg.*") if p.suffix != ".tsv")
    data = np.asarray(nib.load(image).dataobj)
    if data.ndim == 2:
        return data[0], pd.read_csv(table, sep="\t")
    (mask, *_) = files_of(bids, "*brain_mask.nii.gz")
    return data[np.asarray(nib.load(mask).dataobj) > 0], pd.read_csv(table, sep="\t")


def slow_clean(bids, path, layout):
    """Region means by loops, a projection by least squares, censoring by its definition."""
    bold, (labels, table) = read_points(path), read_labels(bids)
    signals = np.empty((len(bold), len(table)))
    for column, label in enumerate(table["index"]):
        signals[:, column] = np.mean([bold[:, v] for v in np.flatnonzero(labels == label)], axis=0)
    n = len(bold)
    if layout == "ciftify":
        motion = np.loadtxt(path.parent / "Movement_Regressors.txt")[:, :6]
        motion[:, 3:] *= np.pi / 180
        both = np.column_stack([motion, np.diff(motion, axis=0, prepend=motion[:1])])
        nuisance, kept = np.column_stack([both, both**2]), np.ones(n, bool)
    else:
        stem = path.name.split("_space")[0]
        confounds = pd.read_csv(path.with_name(f"{stem}_desc-confounds_timeseries.tsv"), sep="\t")
        motion = confounds[list(MOTION_NAMES)].to_numpy()
        nuisance = confounds[[*MOTION_NAMES, *ACOMPCOR]].to_numpy()
        kept = confounds["non_steady_state_outlier00"].to_numpy() == 0
    smooth = filtfilt(*butter(2, 0.1, fs=1 / TR_S), motion, axis=0)
    smooth[:, 3:] *= 50
    fd = np.abs(np.diff(smooth, axis=0, prepend=smooth[:1])).sum(axis=1)
    kept &= fd <= 0.15
    t = np.arange(n)
    slow = [f(2 * np.pi * k * t / n) for k in range(1, n) if k / (n * TR_S) < 0.005
            for f in (np.sin, np.cos)]  # fmt: skip
    X = np.column_stack([np.ones(n), t, nuisance, *slow])[kept]
    cleaned = np.full(signals.shape, np.nan)
    cleaned[kept] = signals[kept] - X @ np.linalg.lstsq(X, signals[kept], rcond=None)[0]
    return pd.DataFrame(cleaned, columns=table["label"]), kept, motion


def as_regional(source, target, layout):
    """The dataset with regional time series in place of dense BOLD, made here."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("fmriprep", "ciftify"))
    derived = target / "derivatives" / "xcp_d"
    (table,) = files_of(source, "*_dseg.tsv")
    (derived / "atlases" / "atlas-Simulated01").mkdir(parents=True)
    shutil.copy(table, derived / "atlases" / "atlas-Simulated01" / "atlas-Simulated01_dseg.tsv")
    for path in files_of(source, "*task-rating*_bold.nii.gz") or files_of(
        source, "*task-rating*.dtseries.nii"
    ):
        signals, kept, motion = slow_clean(source, path, layout)
        name = path.name.split("_Atlas")[0].split("_space")[0].removeprefix("sub-01_")
        folder = derived / "sub-01" / name.split("_")[0] / "func"
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / f"sub-01_{name}"
        series = f"{stem}_atlas-Simulated01_stat-mean_timeseries"
        signals.to_csv(f"{series}.tsv", sep="\t", index=False, na_rep="n/a")
        Path(f"{series}.json").write_text(json.dumps({"RepetitionTime": TR_S, "StartTime": 0}))
        flags = pd.DataFrame({"framewise_displacement": (~kept).astype(int)})
        flags.to_csv(f"{stem}_outliers.tsv", sep="\t", index=False)
        table = pd.DataFrame(motion, columns=list(MOTION_NAMES))
        table.to_csv(f"{stem}_motion.tsv", sep="\t", index=False)
    return target


def assert_close(a, b, path=""):
    """Every number of two nested results agrees to 1e-6."""
    assert type(a) is type(b), path
    if isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            assert_close(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, list):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_close(x, y, f"{path}/{i}")
    elif isinstance(a, float):
        assert a == pytest.approx(b, abs=1e-6, rel=1e-6), path
    else:
        assert a == b, path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_dense_bold_gives_what_regions_cleaned_elsewhere_give(simulated, tmp_path, layout):
    regional = as_regional(simulated / layout, tmp_path / "regional", layout)
    run(simulated / layout, tmp_path / "dense", *ATLAS, *MODEL.get(layout, ()), *QUICK)
    run(regional, tmp_path / "xcpd", *QUICK)
    ours, theirs = metrics(tmp_path / "dense"), metrics(tmp_path / "xcpd")
    assert ours["n_runs"] == 12 and ours["n_regions"] == N_REGIONS
    assert_close(ours, theirs)


@pytest.mark.long
def test_every_stage_answers_from_dense_bold(simulated, tmp_path):
    options = "--n-bootstraps 100 --low-pass 0 --rest-low-pass 0 --skip".split()
    slow = [s for s in STAGES if s not in ("rest", "univariate", "qcfc", "external")]
    run(simulated / "fmriprep", tmp_path / "out", *ATLAS, *options, *slow)
    stages = metrics(tmp_path / "out")["stages"]
    assert stages["rest"] and not stages["rest"]["not_done"]
    assert stages["univariate"]["dense"]["kind"] == "grayordinates"
    assert stages["univariate"]["dense"]["n_runs"] == 12
    assert stages["qcfc"]["n_runs"] == 12
    assert list(tmp_path.glob("out/sub-01/decoding/*_univariate.dscalar.nii"))


def test_regional_time_series_are_written_as_xcpd_does_and_serve_another_study(simulated, tmp_path):
    first_out, second_out = tmp_path / "first", tmp_path / "second"
    run(simulated / "fmriprep", first_out, *ATLAS, *QUICK)
    folder = first_out / "sub-01" / "ses-01" / "func"
    stem = "sub-01_ses-01_task-rating_run-1"
    series = f"{stem}_space-fsLR_atlas-Simulated01"
    assert {p.name for p in folder.iterdir() if "run-1" in p.name} == {
        f"{stem}_motion.tsv",
        f"{stem}_outliers.tsv",
        f"{series}_desc-carpet_bold.safetensors",
        f"{series}_stat-coverage_bold.tsv",
        f"{series}_stat-mean_timeseries.json",
        f"{series}_stat-mean_timeseries.tsv",
    }
    stem = "sub-01_task-rating_atlas-Simulated01"
    check_outputs(first_out, "A study", stem, optional=("if ", "`"))  # no stages
    page = (Path(__file__).parents[1] / "docs" / "outputs.md").read_text()
    for kept in ("atlases/atlas-*/*_dseg.tsv", "sub-01/ses-01/func/*_motion.tsv"):
        columns = pd.read_csv(next(first_out.glob(kept)), sep="\t").columns
        row = re.search(rf"^.*_{kept.rpartition('_')[2]}` \| if dense.*$", page, flags=re.M)[0]
        assert set(columns) <= set(re.findall("`([^`]+)`", row))
    raw = simulated / "fmriprep"
    run(raw, second_out, "--derivatives", str(first_out), *ATLAS, *QUICK)
    assert_close(metrics(first_out), metrics(second_out))


@pytest.mark.long
def test_another_lag_reads_nothing_dense(simulated, tmp_path, monkeypatch):
    out = tmp_path / "out"
    run(simulated / "fmriprep", out, *ATLAS, *QUICK)
    before = metrics(out)

    def refuse(*_):
        raise AssertionError("dense BOLD was read again")

    monkeypatch.setattr(Extraction, "_make", refuse)
    words = (*ATLAS, *QUICK, "--lag", "4", "--overwrite")
    run(simulated / "fmriprep", out, *words, "--preset", "paper")
    assert metrics(out)["scales"]["1min"]["r"] != before["scales"]["1min"]["r"]
    run(simulated / "fmriprep", out, *words, "--quality-tsnr", "90", "80")
    with pytest.raises(AssertionError, match="read again"):
        run(simulated / "fmriprep", out, *words, "--high-pass", "0.01")


@pytest.mark.long
def test_a_changed_or_damaged_regional_file_is_made_again(bids, tmp_path):
    out = tmp_path / "out"
    run(bids, out, *ATLAS, *QUICK)
    series = next(out.glob("sub-01/ses-01/func/*run-1*_timeseries.tsv"))
    content = series.read_bytes()
    series.write_bytes(content[:-50])
    run(bids, out, *ATLAS, *QUICK)
    assert series.read_bytes() == content


def test_what_was_done_to_a_run_is_written_beside_it(simulated, tmp_path):
    run(simulated / "fmriprep", tmp_path, *ATLAS, *QUICK)
    (sidecar,) = tmp_path.glob("sub-01/ses-01/func/*rating_run-1*timeseries.json")
    said = json.loads(sidecar.read_text())
    assert said["Cleaning"]["nuisance_regressors"] == "paper"
    assert said["NumberOfRegressors"] == 1 + 1 + 6 + 10 + 2  # 1 / 240 s is below 0.005 Hz
    assert said["RepetitionTime"] == TR_S
    assert any("bold.dtseries.nii" in source for source in said["Sources"])
    assert any("confounds" in source for source in said["Sources"])
    quality = pd.read_csv(next(tmp_path.glob("sub-01/decoding/*_quality.tsv")), sep="\t")
    assert len(quality) == 12 and quality.notna().drop(columns="reasons").all(axis=None)
    assert (quality["dvars_after"] < quality["dvars_before"]).all()


def test_a_dry_run_reads_headers_only(simulated, tmp_path, capsys, monkeypatch):
    monkeypatch.delattr(Extraction, "_make")
    run(simulated / "fmriprep", tmp_path / "out", *ATLAS, "--dry-run")
    said = capsys.readouterr().out
    assert "521 frames of 104 grayordinates" in said and "6 sessions, 16 regions" in said
    assert not (tmp_path / "out").exists()


def test_the_page_shows_quality_and_carpets(simulated, tmp_path):
    run(simulated / "fmriprep", tmp_path, *ATLAS, *QUICK)
    page = (tmp_path / "sub-01.html").read_text()
    assert 'id="quality"' in page
    assert page.count("data:image/png;base64") >= 12


# --- what can be wrong ------------------------------------------------------------------------


def cut(path, share=0.6):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def rewrite(path, frames=None, points=None, tr_s=TR_S):
    """The BOLD again, with other frames, points or repetition time."""
    image = nib.load(path)
    data, axis = np.asarray(image.dataobj), image.header.get_axis(1)
    data = data if frames is None else data[frames]
    keep = np.arange(len(axis)) if points is None else points
    image = nib.Cifti2Image(data[:, keep], (SeriesAxis(0, tr_s, len(data)), axis[keep]))
    image.to_filename(path)


def change_confounds(bids, change):
    path = first(bids, "desc-confounds_timeseries.tsv")
    table = pd.read_csv(path, sep="\t")
    change(table).to_csv(path, sep="\t", index=False, na_rep="n/a")


def truncated_cifti(bids):
    cut(first(bids, "*bold.dtseries.nii"))


def no_image_at_all(bids):
    first(bids, "*bold.dtseries.nii").write_bytes(b"no image")


def fewer_confounds(bids):
    change_confounds(bids, lambda table: table.iloc[:-7])


def no_components(bids):
    change_confounds(bids, lambda t: t.drop(columns=[c for c in t if "comp_cor" in c]))


def no_motion(bids):
    change_confounds(bids, lambda table: table.drop(columns="rot_y"))


def motion_without_a_value(bids):
    def blank(table):
        table.loc[9, "trans_x"] = np.nan
        return table

    change_confounds(bids, blank)


def all_frames_censored(bids):
    def shake(table):
        table["trans_x"] = np.cumsum(np.full(len(table), 1.0))
        return table

    change_confounds(bids, shake)


def no_confounds(bids):
    first(bids, "desc-confounds_timeseries.tsv").unlink()


def tr_of_zero(bids):
    first(bids, "*bold.json").write_text('{"RepetitionTime": 0}')


def tr_in_ms(bids):
    first(bids, "*bold.json").write_text('{"RepetitionTime": 460}')


def two_files_for_one_run(bids):
    path = first(bids, "*bold.dtseries.nii")
    shutil.copy(path, path.with_name(path.name.replace("run-1", "run-01")))


def only_the_end_of_the_brain(bids):
    path = first(bids, "*bold.dtseries.nii")
    n = len(nib.load(path).header.get_axis(1))
    rewrite(path, points=np.arange(n - 2, n))


def link_to_nothing(bids):
    path = first(bids, "*bold.dtseries.nii")
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.long
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (truncated_cifti, "bold.dtseries.nii: has .* bytes, .*: it is incomplete"),
        (no_image_at_all, "bold.dtseries.nii: cannot be read as CIFTI"),
        (fewer_confounds, r"confounds_timeseries.tsv: has 514 rows, but the BOLD 521 frames"),
        (no_components, "'paper' needs w_comp_cor_00.*Possible models: 24P, 36P"),
        (no_motion, "has no column rot_y: motion is needed"),
        (motion_without_a_value, "column trans_x has no value in row 10"),
        (all_frames_censored, "0 of 521 frames are kept after censoring"),
        (no_confounds, "has no confounds .*_desc-confounds"),
        (tr_of_zero, "RepetitionTime 0 s, but the raw bold.json 0.46 s"),
        (tr_in_ms, "RepetitionTime 460 s, but the raw bold.json 0.46 s"),
        (two_files_for_one_run, "several files match this run"),
        (only_the_end_of_the_brain, "15 of 16 regions have no signal"),
        (link_to_nothing, "link to a file that does not exist"),
    ],
)
def test_a_bad_run_is_left_out_by_name_and_the_others_go_on(bids, tmp_path, spoil, said):
    import re

    spoil(bids)
    run(bids, tmp_path / "out", *ATLAS, *QUICK)
    reasons = left_out(tmp_path / "out")
    assert set(reasons) == {("01", "1")}
    assert re.search(said, reasons["01", "1"]), reasons
    assert metrics(tmp_path / "out")["n_runs"] == 11


def test_a_gzip_cut_short_is_left_out(simulated, tmp_path):
    bids = Path(shutil.copytree(simulated / "fmriprep_volumes", tmp_path / "bids"))
    cut(first(bids, "*preproc_bold.nii.gz"))
    run(bids, tmp_path / "out", *ATLAS, *QUICK)
    (reason,) = left_out(tmp_path / "out").values()
    assert "preproc_bold.nii.gz: cannot be read as NIfTI" in reason


def test_a_first_displacement_of_na_is_no_problem(bids, tmp_path):
    table = pd.read_csv(first(bids, "desc-confounds_timeseries.tsv"), sep="\t")
    assert np.isnan(table.loc[0, "framewise_displacement"])
    run(bids, tmp_path / "out", *ATLAS, *QUICK)
    assert not left_out(tmp_path / "out") and metrics(tmp_path / "out")["n_runs"] == 12


@pytest.mark.long
@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_a_region_without_signal_has_none_in_that_run(bids, tmp_path, value):
    path = first(bids, "*bold.dtseries.nii")
    image = nib.load(path)
    data = np.asarray(image.dataobj).copy()
    data[:, : POINTS_PER_REGION - 1] = value  # three of four points of the first region
    nib.Cifti2Image(data, image.header).to_filename(path)
    out = tmp_path / "out"
    run(bids, out, *ATLAS, *QUICK)
    assert metrics(out)["n_regions"] == N_REGIONS - 1
    (reason,) = audit(out)["regions_left_out"].values()
    assert "1" in reason
    run(bids, tmp_path / "less", *ATLAS, *QUICK, "--min-coverage", "0.25")
    assert metrics(tmp_path / "less")["n_regions"] == N_REGIONS


def failure(bids, tmp_path, capsys, *options):
    run(bids, tmp_path / "out", *options, *QUICK, code=1)
    return capsys.readouterr().err


def test_dense_bold_without_an_atlas_is_refused(bids, tmp_path, capsys):
    assert "no atlas to make regions with" in failure(bids, tmp_path, capsys)
    assert "no image of atlas Other" in failure(bids, tmp_path, capsys, "--atlas", "Other")
    said = failure(bids, tmp_path, capsys, "--atlas", "no/such.dlabel.nii")
    assert "there is no such atlas file or folder" in said


def test_smoothing_cifti_needs_surfaces(bids, tmp_path, capsys):
    said = failure(bids, tmp_path, capsys, *ATLAS, "--smoothing-sigma", "2")
    assert "midthickness surfaces of both hemispheres" in said and "none were found" in said


@pytest.mark.long
def test_volumes_are_smoothed_within_the_mask(simulated, tmp_path):
    raw = simulated / "fmriprep_volumes"
    run(raw, tmp_path / "out", *ATLAS, *QUICK, "--smoothing-sigma", "1.5")
    run(raw, tmp_path / "plain", *ATLAS, *QUICK)
    smooth, plain = (
        pd.read_csv(next(tmp_path.glob(f"{o}/sub-01/decoding/*_quality.tsv")), sep="\t")
        for o in ("out", "plain")
    )
    assert (smooth["tsnr"] > plain["tsnr"]).all()


def test_an_atlas_of_volumes_does_not_fit_cifti(bids, simulated, tmp_path, capsys):
    (volume,) = files_of(simulated / "fmriprep_volumes", "*dseg.nii.gz")
    said = failure(bids, tmp_path, capsys, "--atlas", str(volume))
    assert "no dense BOLD fits the atlas" in said and "space-fsLR" in said


def test_a_shifted_atlas_is_refused_with_both_grids(simulated, tmp_path, capsys):
    bids = simulated / "fmriprep_volumes"
    (path,) = files_of(bids, "*dseg.nii.gz")
    image = nib.load(path)
    moved = image.affine.copy()
    moved[0, 3] += 2
    shifted = tmp_path / "atlas-Shifted_dseg.nii.gz"
    nib.Nifti1Image(np.asarray(image.dataobj), moved).to_filename(shifted)
    said = failure(bids, tmp_path, capsys, "--atlas", str(shifted))
    assert "from 92, -126, -72 mm) is not that of the BOLD" in said


@pytest.mark.long
def test_regional_series_say_that_cleaning_options_are_not_for_them(simulated, tmp_path, capsys):
    run(simulated / "fmriprep", tmp_path / "first", *ATLAS, *QUICK)
    given = ("--derivatives", str(tmp_path / "first"), *ATLAS, "--fd-thresh", "0.5")
    run(simulated / "fmriprep", tmp_path / "second", *given, *QUICK)
    assert "--fd-thresh applies to dense BOLD only" in capsys.readouterr().err


def test_a_filter_file_chooses_among_files(bids, tmp_path, capsys):
    for path in files_of(bids, "*_bold.dtseries.nii"):
        shutil.copy(path, path.with_name(path.name.replace("_bold", "_desc-other_bold")))
    wanted = tmp_path / "filter.json"
    wanted.write_text('{"bold": {"desc": null, "session": ["01", "02", "03", "04"]}}')
    run(bids, tmp_path / "out", *ATLAS, *QUICK, "--bids-filter-file", str(wanted))
    assert metrics(tmp_path / "out")["n_sessions"] == 4
    wanted.write_text('{"bold": {"desk": "x"}}')
    said = failure(bids, tmp_path, capsys, *ATLAS, "--bids-filter-file", str(wanted))
    assert "asks for 'desk'; known are" in said


def test_several_kinds_are_chosen_by_rule_and_named(bids, tmp_path, capsys):
    for path in files_of(bids, "*_bold.dtseries.nii"):
        for kind in ("aggrDenoised", "preproc"):
            shutil.copy(path, path.with_name(path.name.replace("_bold", f"_desc-{kind}_bold")))
        path.unlink()
    run(bids, tmp_path / "out", *ATLAS, *QUICK)
    said = capsys.readouterr().err
    assert "desc-preproc was used" in said and "desc-aggrDenoised" in said


def test_of_several_resolutions_the_atlas_decides(simulated, tmp_path):
    bids = Path(shutil.copytree(simulated / "fmriprep_volumes", tmp_path / "bids"))
    for path in files_of(bids, "*task*_res-2_*.nii.gz"):
        image = nib.load(path)
        coarse = np.asarray(image.dataobj)[::2, ::2, ::2]
        target = path.with_name(path.name.replace("_res-2", ""))
        nib.Nifti1Image(coarse, image.affine @ np.diag([2, 2, 2, 1])).to_filename(target)
    run(bids, tmp_path / "out", *ATLAS, *QUICK)
    assert metrics(tmp_path / "out")["n_runs"] == 12


@pytest.mark.long
def test_maps_of_points_are_smoothed_and_cleaned_as_the_regions(simulated, tmp_path):
    raw = simulated / "fmriprep_volumes"
    slow = [stage for stage in STAGES if stage != "univariate"]
    maps = []
    for sigma in ("0", "3"):
        options = ("--n-bootstraps", "100", "--smoothing-sigma", sigma, "--skip", *slow)
        run(raw, tmp_path / sigma, *ATLAS, *options)
        (path,) = (tmp_path / sigma).glob("sub-01/decoding/*_univariate.nii.gz")
        maps.append(np.asarray(nib.load(path).dataobj))
    assert not np.allclose(*maps)


def test_without_sidecars_the_header_gives_the_repetition_time(simulated, tmp_path):
    bids = Path(shutil.copytree(simulated / "ciftify", tmp_path / "bids"))
    for path in bids.glob("sub-01/*_bold.json"):
        path.unlink()
    slow = [stage for stage in STAGES if stage != "univariate"]
    options = (*MODEL["ciftify"], "--n-bootstraps", "100", "--skip", *slow)
    run(bids, tmp_path / "out", *ATLAS, *options)
    assert metrics(tmp_path / "out")["stages"]["univariate"]["dense"]["n_runs"] == 12


def test_a_surface_that_cannot_be_read_costs_places_only(bids, tmp_path, capsys):
    anat = bids / "derivatives" / "fmriprep" / "sub-01" / "anat"
    anat.mkdir()
    for side in "LR":
        name = f"sub-01_hemi-{side}_space-fsLR_den-32k_midthickness.surf.gii"
        (anat / name).symlink_to("nowhere")
    (table,) = files_of(bids, "*_dseg.tsv")
    content = pd.read_csv(table, sep="\t").drop(columns=["x", "y", "z"])
    content.to_csv(table, sep="\t", index=False)
    run(bids, tmp_path / "out", *ATLAS, *QUICK)
    assert "coordinates of cortical regions are not known" in capsys.readouterr().err


@pytest.mark.long
def test_a_run_without_a_mask_is_named_and_not_smoothed(simulated, tmp_path):
    bids = Path(shutil.copytree(simulated / "fmriprep_volumes", tmp_path / "bids"))
    first(bids, "*brain_mask.nii.gz").unlink()
    run(bids, tmp_path / "out", *ATLAS, *QUICK)
    notes = [note["note"] for note in audit(tmp_path / "out")["notes"]]
    assert any("1 of 12 runs have no brain mask" in note for note in notes)
    run(bids, tmp_path / "smooth", *ATLAS, *QUICK, "--smoothing-sigma", "2")
    assert (
        "has no brain mask (*_desc-brain_mask.nii.gz)" in left_out(tmp_path / "smooth")["01", "1"]
    )


def test_regions_beyond_the_field_of_view_cost_regions_not_runs(bids, tmp_path):
    for path in files_of(bids, "*task-rating*_bold.dtseries.nii"):
        image = nib.load(path)
        data = np.asarray(image.dataobj).copy()
        data[:, : 10 * POINTS_PER_REGION] = 0
        nib.Cifti2Image(data, image.header).to_filename(path)
    run(bids, tmp_path / "out", *ATLAS, *QUICK)
    assert metrics(tmp_path / "out")["n_regions"] == N_REGIONS - 10
    reasons = audit(tmp_path / "out")["regions_left_out"].values()
    assert set(reasons) == {"has a signal in only 0 of 12 runs"}


def test_a_dry_run_says_what_a_run_would_say(simulated, tmp_path, capsys):
    run(simulated / "ciftify", tmp_path / "out", *ATLAS, "--dry-run", code=1)
    assert "'paper' needs w_comp_cor_00" in capsys.readouterr().out


def test_a_band_that_cannot_be_is_said_once(simulated, tmp_path, capsys):
    options = (*ATLAS, *QUICK, "--high-pass", "2")
    run(simulated / "fmriprep", tmp_path / "out", *options, code=1)
    assert capsys.readouterr().err.count("not below the Nyquist frequency") == 1


def test_runs_without_session_folders_are_found(bids, tmp_path):
    """One session without a label: runs are left out."""
    flat = tmp_path / "flat"
    for path in [p for p in bids.rglob("*") if p.is_file()]:
        parts = [p for p in path.relative_to(bids).parts if not p.startswith("ses-")]
        if "ses-" in path.name and "ses-01" not in path.name:
            continue
        target = flat.joinpath(*parts[:-1], parts[-1].replace("ses-01_", ""))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for sessions in flat.rglob("*_sessions.tsv"):
        sessions.unlink()
    add_third_run(flat)
    run(flat, tmp_path / "out", *ATLAS, *QUICK, "--leave-out", "run")
    assert metrics(tmp_path / "out")["n_runs"] == 3


def add_third_run(flat):
    """A third run: the first backwards."""
    for path in [p for p in flat.rglob("*run-1*") if p.is_file()]:
        target = path.with_name(path.name.replace("run-1", "run-3"))
        shutil.copy(path, target)
        if target.name.endswith("dtseries.nii"):
            rewrite(target, frames=slice(None, None, -1))
        elif target.name.endswith("physio.tsv.gz"):
            lines = gzip.decompress(target.read_bytes()).decode().splitlines()[::-1]
            target.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))


def test_nothing_written_holds_a_path_of_the_atlas(simulated, tmp_path):
    (image,) = files_of(simulated / "fmriprep", "*.dlabel.nii")
    run(simulated / "fmriprep", tmp_path, "--atlas", str(image), *QUICK)
    for path in tmp_path.rglob("*"):
        if path.suffix in (".json", ".html", ".tsv"):
            assert str(simulated) not in path.read_text(), path
    (provenance,) = tmp_path.glob("sub-01/decoding/*_provenance.json")
    said = json.loads(provenance.read_text())
    assert f"--atlas {image.name}" in said["command"]
    assert f"bids:atlas:{image.name}" in said["inputs"]


@pytest.mark.long
def test_people_with_dense_bold_meet_in_a_group(tmp_path):
    world = World(n_runs=2, n_regions=N_REGIONS, run_s=180, shared_atlas=True)
    write_people(tmp_path / "bids", [Person(5, world=world)] * 2, layout="fmriprep")
    out = tmp_path / "out"
    run(tmp_path / "bids", out, "--atlas", "Simulated", *QUICK)
    words = ["run", str(tmp_path / "bids"), str(out), "group", "--n-bootstraps", "100"]
    assert main(words) == 0
    assert (out / "group.html").is_file()


def test_the_methods_paragraph_says_how_bold_was_cleaned(simulated, tmp_path):
    run(simulated / "fmriprep", tmp_path, *ATLAS, *QUICK, "--fd-thresh", "0.4")
    page = (tmp_path / "sub-01.html").read_text()
    assert "removed in a single regression over the retained frames" in page
    assert "displacement above 0.4 mm (Power et al., 2012), motion parameters low-passed at" in page


# --- the times of frames ---------------------------------------------------------------------


def times_of_first_run(bids, out, **options):
    """Middle of each frame of the first run (s), and the notes on it."""
    study = Study(
        bids, out, (bids / "derivatives/fmriprep",), Settings(atlas="Simulated01", **options), 1
    )
    reader = study.reader(study.find("01"))
    run = reader.runs()[0]
    assert run.key == RunKey("01", "rating", "1")
    return run.start_s + run.tr_s * (np.arange(len(run.rating)) + 0.5), reader.records[0].notes


@pytest.mark.parametrize(
    ("metadata", "first_s"),
    [
        ({"StartTime": 0.2, "SliceTimingCorrected": True}, 0.2),
        ({"StartTime": 0.2, "SliceTimingCorrected": False}, 0.2 + TR_S / 2),
        ({}, TR_S / 2),
    ],
)
def test_dense_bold_has_the_times_of_its_sidecar(bids, tmp_path, metadata, first_s):
    first(bids, "*bold.json").write_text(json.dumps({"RepetitionTime": TR_S, **metadata}))
    for _ in range(2):  # made, then read again
        times, notes = times_of_first_run(bids, tmp_path / "out")
        np.testing.assert_allclose(times, first_s + TR_S * np.arange(len(times)), atol=1e-9)
        assert any("no StartTime" in note for note in notes) == (not metadata)


def test_a_header_of_another_repetition_time_is_noted_and_not_used(bids, tmp_path):
    rewrite(first(bids, "*bold.dtseries.nii"), tr_s=1.0)
    times, notes = times_of_first_run(bids, tmp_path / "out")
    np.testing.assert_allclose(np.diff(times), TR_S, atol=1e-9)
    assert any("its header says a repetition time of 1 s, the sidecar 0.46 s" in n for n in notes)
    times, notes = times_of_first_run(bids, tmp_path / "out", tr_s=0.5)
    np.testing.assert_allclose(np.diff(times), 0.5, atol=1e-9)
    assert "the repetition time is 0.5 s (--tr), although files say 0.46, 1 s." in notes


def test_dense_bold_that_lacks_frames_of_the_raw_scan_is_refused(bids, tmp_path):
    bold = first(bids, "*bold.dtseries.nii")
    n_frames = len(nib.load(bold).header.get_axis(0))
    raw = nib.Nifti1Image(np.zeros((1, 1, 1, n_frames + 7), np.int16), np.eye(4))
    nib.save(raw, bids / "sub-01/ses-01/func/sub-01_ses-01_task-rating_run-1_bold.nii.gz")
    run(bids, tmp_path / "out", *ATLAS, *QUICK)
    reason = left_out(tmp_path / "out")["01", "1"]
    assert "first 7 frames were removed, StartTime must be 3.22 s" in reason
    first(bids, "*bold.json").write_text(json.dumps({"RepetitionTime": TR_S, "StartTime": 3.22}))
    times, _ = times_of_first_run(bids, tmp_path / "out")
    np.testing.assert_allclose(times, TR_S * (7.5 + np.arange(n_frames)), atol=1e-9)


def test_a_multiverse_of_cleaning_leaves_the_time_series_of_a_study_alone(simulated, tmp_path):
    bids, out, options = simulated / "fmriprep", tmp_path / "out", (*ATLAS, *QUICK)
    run(bids, out, *options, "--fd-thresh", "0.3")
    before = {p: p.read_bytes() for p in (out / "sub-01").rglob("*") if p.is_file()}
    alone = metrics(out)["scales"]["1min"]
    plan = tmp_path / "plan.toml"
    plan.write_text("[choices]\nfd-thresh = [0.15, 0.3]\nlag = [6, 4]\n")
    words = ["multiverse", str(plan), str(bids), str(out), "participant", *ATLAS]
    assert main([*words, "--n-bootstraps", "100"]) == 0
    assert {p: p.read_bytes() for p in before} == before
    (path,) = out.glob("sub-01/multiverse/*.tsv")
    table = pd.read_csv(path, sep="\t", na_values="n/a").set_index("specification")
    for name in ("r", "centred_r", "skill"):
        assert table.loc[3, name] == alone[name]
        assert table.loc[1, name] != table.loc[3, name]
    assert table.loc[1, "minutes"] < table.loc[3, "minutes"]
    made = {p.parent.parent.parent.parent.name for p in out.glob("multiverse/*/*/*/func/*.json")}
    assert len(made) == 2  # one dataset for each way of cleaning, whatever the lag
    assert main([*words, "--dry-run"]) == 0
