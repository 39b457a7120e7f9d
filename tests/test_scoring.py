"""New sessions from files: readings, the file's versions, learning on, recalibration."""

import hashlib
import io
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import QUICK, Tree, check_outputs, simulate_runs

from painprint import Settings, decode_runs
from painprint.apps.predict import RECALIBRATED_ON, score_sessions
from painprint.apps.recalibration_text import describe_recalibration
from painprint.bins import make_test_bins
from painprint.cli import main
from painprint.decode.prepare import prepare_runs
from painprint.errors import DerivativesError
from painprint.runs import Run
from painprint.signature.file import VERSION, read_signature, write_signature
from painprint.signature.model import complete_signature, make_signature
from painprint.signature.origin import Origin
from painprint.signature.predict import NO_INTERVALS, TRAINED_ON, predict_run, read_session
from painprint.signature.recalibrate import Check
from painprint.simulate.person import Person
from painprint.simulate.world import World
from painprint.simulate.write import write_people
from painprint.stats.conformal import predict_interval

pytestmark = pytest.mark.usefixtures("without_svg")

FIXTURES = Path(__file__).parent / "data" / "signatures"


@pytest.fixture(scope="module")
def people():
    return simulate_runs(np.random.default_rng(8), n_sessions=11, n_regions=21)


@pytest.fixture(scope="module")
def decoding(people):
    return decode_runs(people[:20], Settings(n_bootstraps=100))


@pytest.fixture(scope="module")
def signature(decoding):
    made = make_signature(decoding, simulated=True, metrics={})
    return complete_signature(made, decoding, origin=Origin("A"))


def test_a_reading_is_the_final_model_with_intervals_of_the_folds(people, decoding, signature):
    new = people[20:]
    reading = read_session(signature, new)
    table = reading.table.set_index("scale")
    for number, run in enumerate(new, start=1):
        own = reading.table.query(f"run == {number}")
        found = predict_run(signature, run)
        minutes = own.query("scale == '1min'")["predicted"]
        np.testing.assert_allclose(minutes, found.minutes["predicted"], atol=1e-10)
    session = table.loc["session"]
    of_runs = [predict_run(signature, run).run for run in new]
    assert session["predicted"] == pytest.approx(np.mean(of_runs))
    folds = [
        np.mean([predict_run(signature, run, held_out=m.held_out).run for run in new])
        for m in signature.models[1:]
    ]
    rows = decoding.predictions.query("scale == 'session'")
    errors = signature.history.errors["session"]
    expected_errors = (rows["rating"] - rows["predicted"]).abs()
    np.testing.assert_allclose(np.concatenate(errors.by_group), expected_errors)
    expected = predict_interval(np.array(folds), errors, level=0.8)
    assert (session["low_80"], session["high_80"]) == pytest.approx(expected)
    assert np.isfinite(session["low_90"]) and np.isnan(session["adaptive_low_90"])
    assert any("13 are needed" in reason for reason in reading.not_done)
    assert session["low_90"] <= session["low_80"] < session["high_80"] <= session["high_90"]


def test_ratings_of_the_new_session_are_not_looked_at(people, signature):
    unrated = [Run(r.signals, np.full(360, np.nan), 1.0, censored=r.censored) for r in people[20:]]
    one, other = (read_session(signature, runs).table for runs in (people[20:], unrated))
    np.testing.assert_allclose(one["predicted"], other["predicted"], rtol=1e-12)


def test_few_missing_regions_take_no_part_and_more_are_refused(people, signature):
    run = people[20]
    names = [str(i + 1) for i in range(21)]

    def without(n):
        kept = 21 - n  # the first regions follow the rating
        return Run(
            run.signals[:, :kept], run.rating, 1.0, censored=run.censored, regions=names[:kept]
        )

    reading = read_session(signature, [without(1)])
    assert reading.verdict.word == "caution"
    assert "5% of the regions are missing" in " ".join(reading.verdict.reasons)
    full = read_session(signature, [run]).table["predicted"]
    assert np.corrcoef(full, reading.table["predicted"])[0, 1] > 0.5
    with pytest.raises(ValueError, match="2 of the signature's 21 regions"):
        read_session(signature, [without(2)])


def test_runs_left_out_give_no_interval_of_a_new_session(people):
    """Their errors are of models that saw other runs of the same session."""
    decoding = decode_runs(people[:14], Settings(n_bootstraps=100, leave_out="run"))
    made = make_signature(decoding, simulated=True, metrics={})
    signature = complete_signature(made, decoding, origin=Origin())
    reading = read_session(signature, people[20:])
    assert reading.table["low_80"].isna().all()
    assert any("runs were held out" in reason for reason in reading.not_done)
    assert signature.domain.distributions["residual", "run"].n_groups == 7
    assert read_session(signature, people[:2]).verdict.reasons[-1] == TRAINED_ON


def test_a_session_that_was_learnt_from_is_no_test(people, signature):
    reading = read_session(signature, people[:2])
    assert reading.trained and reading.not_done == (NO_INTERVALS,)
    for verdict in (reading.verdict, *reading.of_runs):
        assert (verdict.word, verdict.reasons) == ("caution", (TRAINED_ON,))
    intervals = [name for name in reading.table if "low_" in name or "high_" in name]
    assert len(intervals) == 8 and reading.table[intervals].isna().all(axis=None)
    other = read_session(signature, people[:2], of_other_person=True)
    assert not other.trained and other.verdict.word == "in range"
    np.testing.assert_array_equal(other.table["predicted"], reading.table["predicted"])


def test_an_interval_that_cannot_be_computed_is_named(people):
    decoding = decode_runs(people[:20], Settings(n_bootstraps=100))
    made = make_signature(decoding, simulated=True, metrics={})
    reading = read_session(complete_signature(made, decoding, origin=Origin()), people[20:])
    assert reading.not_done == (
        "no 90% interval in which late sessions weigh more: 10 sessions are too few for an "
        "interval of 90%: 13 are needed.",
    )


def test_few_sessions_claim_nothing_about_connectivity(people):
    decoding = decode_runs(people[:8], Settings(n_bootstraps=100))
    made = make_signature(decoding, simulated=True, metrics={})
    verdict = read_session(complete_signature(made, decoding, origin=Origin()), people[20:]).verdict
    assert verdict.word == "caution" and "too few training sessions" in verdict.reasons[0]


def test_all_of_a_signature_comes_back(tmp_path, signature, people):
    write_signature(tmp_path, signature)
    read = read_signature(tmp_path)
    pd.testing.assert_frame_equal(
        read_session(read, people[20:]).table, read_session(signature, people[20:]).table
    )
    assert read.origin == signature.origin
    assert read_session(read, people[20:]).verdict == read_session(signature, people[20:]).verdict


@pytest.mark.parametrize("folder", sorted(FIXTURES.iterdir()), ids=lambda p: p.name)
def test_every_released_version_is_read(folder):
    read = read_signature(folder)
    rng = np.random.default_rng(1)
    run = simulate_runs(rng, n_sessions=1, n_runs=1, n_regions=5, n_frames=240)[0]
    assert np.isfinite(predict_run(read, run).run)
    if folder.name == "version1":
        with pytest.raises(ValueError, match="of an earlier version"):
            read_session(read, [run])
    else:
        assert np.isfinite(read_session(read, [run]).table["predicted"]).all()


def test_there_is_a_fixture_of_this_version():
    assert (FIXTURES / f"version{VERSION}" / "signature.json").is_file()


@pytest.mark.parametrize("features", ["activity", "both"])
def test_weights_of_activity_are_stored_and_used(tmp_path, people, features):
    decoding = decode_runs(people[:20], Settings(n_bootstraps=100, features=features))
    made = make_signature(decoding, simulated=False, metrics={})
    signature = complete_signature(made, decoding, origin=Origin())
    write_signature(tmp_path, signature)
    read = read_signature(tmp_path)
    assert dict(read.decoder) == {"decoder": "ridge", "train_bins": "30s", "features": features}
    np.testing.assert_array_equal(
        read.activity, [m.activity for m in [decoding.final, *decoding.folds]]
    )
    session = decoding.groups[3]
    runs = [run for run in people if run.session == session]
    for run in runs:
        found = predict_run(read, run, held_out=session).minutes["predicted"]
        rows = decoding.predictions.query("scale == '1min' and run == @run.run")
        rows = rows[rows["session"] == session]
        np.testing.assert_allclose(found, rows["predicted"], rtol=1e-10)
    table = read_session(read, people[20:]).table
    whole = predict_run(read, people[20])
    minutes = table.query("scale == '1min' and run == 1")["predicted"]
    np.testing.assert_allclose(minutes, whole.minutes["predicted"], rtol=1e-8)


def test_older_signatures_are_of_the_published_learner():
    assert dict(read_signature(FIXTURES / "version2").decoder)["decoder"] == "lasso_pcr"
    assert dict(read_signature(FIXTURES / "version3").decoder)["features"] == "both"


@pytest.mark.parametrize("name", ["weights", "mean_edges", "components"])
def test_each_array_is_checked_by_its_hash(tmp_path, signature, name):
    from safetensors.numpy import load_file, save_file

    write_signature(tmp_path, signature)
    path = tmp_path / "weights.safetensors"
    arrays = load_file(path)
    arrays[name] = arrays[name] + 1
    save_file(arrays, path)
    with pytest.raises(DerivativesError, match="SHA-256 differs"):
        read_signature(tmp_path)
    del arrays[name]
    save_file(arrays, path)
    with pytest.raises(DerivativesError, match="expected|must hold"):
        read_signature(tmp_path)


# --- from files -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of six sessions of seven, on disk."""
    root = tmp_path_factory.mktemp("study")
    tree = Tree(root / "bids")
    runs = simulate_runs(np.random.default_rng(5), n_sessions=7, n_regions=10)
    for run in runs[:12]:
        tree.add_run(run)
    assert main(["run", str(tree.root), str(root / "out"), "participant", *QUICK]) == 0
    for run in runs[12:]:
        tree.add_run(run)
    return root


def signature_of(out):
    return next(out.glob("sub-01/decoding/*_signature"))


def new_runs(root):
    return [str(p) for p in sorted(root.rglob("*ses-07*timeseries.tsv"))]


def test_predict_writes_table_json_and_page(study, tmp_path, capsys):
    words = ["predict", str(signature_of(study / "out")), *new_runs(study), "--out", str(tmp_path)]
    assert main(words) == 0
    printed, err = capsys.readouterr()
    assert printed.splitlines()[0].startswith("session\tfile\tscale\trun\tminute")
    warning = "this signature was never shown to track pain: its study had too few sessions"
    assert err.count(warning) == 1
    assert warning in json.loads((tmp_path / "reading.json").read_text())["signature_warning"]
    check_outputs(tmp_path, "A reading")
    table = pd.read_csv(tmp_path / "reading.tsv", sep="\t")
    outputs = (Path(__file__).parents[1] / "docs" / "outputs.md").read_text()
    rows = outputs.partition("| column of `reading.tsv` |")[2].partition("\n\n")[0]
    first_cells = re.findall(r"^\| (`[^|]+`) \|", rows, flags=re.M)
    described = re.findall("`([^`]+)`", " ".join(first_cells))
    assert sorted(described) == sorted(table.columns)
    assert set(table["scale"]) == {"1min", "run", "session"} and len(table) == 2 * 5 + 2 + 1
    said = json.loads((tmp_path / "reading.json").read_text())["sessions"][0]
    assert said["low_80"] < said["predicted"] < said["high_80"] and said["low_90"] is None
    page = (tmp_path / "reading.html").read_text()
    assert '<p class="answer">Not shown to be pain<' in page
    assert f"mean prediction {said['predicted']:.2f} (80% interval {said['low_80']:.2f}" in page
    assert "<h1>Predicted pain of sub-01, session 07, with the signature of sub-01</h1>" in page
    assert "6 rated sessions" in page and "9 are needed" in page
    assert str(study) not in page + (tmp_path / "reading.json").read_text()


def test_names_in_files_are_harmless_on_the_page(study, tmp_path):
    script = tmp_path / "sub-01_ses-<b>x_task-rating_atlas-A_stat-mean_timeseries.tsv"
    source = Path(new_runs(study)[0])
    shutil.copy(source, script)
    shutil.copy(source.with_suffix(".json"), script.with_suffix(".json"))
    words = ["predict", str(signature_of(study / "out")), str(script), "--out", str(tmp_path / "o")]
    assert main(words) == 0
    assert "<b>x" not in (tmp_path / "o" / "reading.html").read_text()


def learn(study, out, *options):
    return main(["learn", str(study / "out"), str(study / "bids"), str(out), *options])


def test_learning_on_is_a_study_from_scratch_to_the_byte(study, tmp_path):
    assert learn(study, tmp_path / "on") == 0
    scratch = ["run", str(study / "bids"), str(tmp_path / "scratch"), "participant", *QUICK]
    assert main(scratch) == 0
    on, scratch = (signature_of(tmp_path / name) for name in ("on", "scratch"))
    for name in ("weights.safetensors", "signature.json"):
        assert (on / name).read_bytes() == (scratch / name).read_bytes()
    chain = json.loads((on / "history.json").read_text())["earlier"]
    added = ["ses-07 task-rating run-1", "ses-07 task-rating run-2"]
    assert [one["added"] for one in chain] == [added]
    before = (signature_of(study / "out") / "signature.json").read_bytes()
    assert chain[0]["sha256"] == hashlib.sha256(before).hexdigest()


def test_learning_on_refuses_what_would_not_be_exact(study, tmp_path, capsys):
    bids = Path(shutil.copytree(study / "bids", tmp_path / "bids"))
    words = ["learn", str(study / "out"), str(bids), str(tmp_path / "on")]
    series = sorted(bids.rglob("*ses-02*timeseries.tsv"))[0]
    content = series.read_text()
    series.write_text(content.replace("1", "2", 1))
    assert main(words) == 1
    assert "was changed since the earlier study" in capsys.readouterr().err
    series.unlink()
    assert main(words) == 1
    assert "no longer exists" in capsys.readouterr().err


def test_nothing_is_overwritten_and_nothing_new_is_said(study, tmp_path, capsys):
    assert learn(study, study / "out") == 2
    assert "is an input too; choose another folder" in capsys.readouterr().err
    assert learn(study, tmp_path / "on") == 0
    assert learn(study, tmp_path / "on") == 0
    assert "finished before" in capsys.readouterr().err
    again = ["learn", str(tmp_path / "on"), str(study / "bids"), str(tmp_path / "third")]
    assert main(again) == 1
    assert "every run was in the earlier study" in capsys.readouterr().err


def recalibrate(study, out, *options):
    words = ["recalibrate", str(signature_of(study / "out")), str(study / "bids"), str(out)]
    return main([*words, "--participant-label", "01", *options])


def test_recalibration_fits_the_new_sessions_and_keeps_the_pattern(study, tmp_path, capsys):
    assert recalibrate(study, tmp_path / "new", "--session-label", "07") == 0
    printed = capsys.readouterr()
    check_outputs(tmp_path / "new", "Updating a signature")
    (row,) = pd.read_csv(io.StringIO(printed.out), sep="\t").to_dict(orient="records")
    assert row["error"] == pytest.approx(abs(row["rated"] - row["predicted"]), rel=1e-12)
    said = printed.err
    assert "slope 1.000" in said and "with one session, only the offset is fitted" in said
    assert "p cannot be below 0.143, so a change cannot be shown" in said
    assert "WARNING sub-01: this signature was never shown to track pain: its study" in said
    assert f"is in {tmp_path / 'new'}" in said
    old, new = read_signature(signature_of(study / "out")), read_signature(tmp_path / "new")
    np.testing.assert_array_equal(old.weights, new.weights)
    run_files = new_runs(study)
    words = ["predict", str(tmp_path / "new"), *run_files]
    assert main(words) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out), sep="\t")
    assert table["low_80"].isna().all()
    assert recalibrate(study, tmp_path / "new", "--session-label", "07") == 1
    assert recalibrate(study, tmp_path / "other", "--session-label", "03") == 1
    assert "was trained on ses-03" in capsys.readouterr().err


def test_a_recalibration_is_short_on_a_terminal(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert recalibrate(study, tmp_path / "new", "--session-label", "07") == 0
    printed = capsys.readouterr().out
    head, first = printed.splitlines()[:2]
    assert head.split() == ["session", "rated", "predicted", "error", "p"]
    assert re.fullmatch(r"07( +[0-9−.]+){3} +[0-9.]{5}", first)
    for name in ("rated", "predicted", "error", "p"):
        assert f"\n{name}: " in printed
    assert "not shown to be larger" in printed or "no longer as valid" in printed


def test_larger_errors_than_in_the_study_are_stated():
    table = pd.DataFrame({"session": ["8", "9"], "rated": 1.0, "predicted": 0.2, "error": 0.8})
    check = Check(table.assign(p=[0.1, 0.1]), 0.02, 9)
    valid, fitted, _ = describe_recalibration(check, 0.5, 0.1, Path("new"))
    assert "Errors are larger" in valid and "p = 0.020" in valid and "no longer" in valid
    assert fitted == "Fitted to 2 sessions: slope 0.500, offset 0.100."
    assert "not tested" in next(describe_recalibration(Check(table, None), 1, 0, Path("new")))


def test_a_session_is_no_test_of_a_signature_recalibrated_on_it(study, tmp_path, capsys):
    assert recalibrate(study, tmp_path / "once", "--session-label", "07") == 0
    again = ["recalibrate", str(tmp_path / "once"), str(study / "bids"), str(tmp_path / "twice")]
    capsys.readouterr()
    assert main([*again, "--participant-label", "01", "--session-label", "07"]) == 1
    said = capsys.readouterr().err
    assert "the signature was recalibrated on ses-07 before. Name new sessions" in said
    assert not (tmp_path / "twice").exists()
    for folder, noted in ((tmp_path / "once", True), (signature_of(study / "out"), False)):
        _, (scored,) = score_sessions(folder, [Path(one) for one in new_runs(study)])
        reasons = scored.reading.verdict.reasons
        assert (RECALIBRATED_ON in reasons) == noted
        assert (scored.reading.verdict.word == "in range") != noted


def test_slope_and_offset_are_least_squares_of_run_means(people, signature):
    from painprint.signature.recalibrate import check_drift, recalibrate

    rng = np.random.default_rng(2)
    stretched = [
        Run(r.signals, 3 * r.rating + 1, 1.0, f"n{i // 2}", "", str(i), censored=r.censored)
        for i, r in enumerate(people[12:20])
    ]
    new, slope, offset = recalibrate(signature, stretched)
    predicted = [predict_run(signature, run).run for run in stretched]
    frames = [lags[0] for lags in prepare_runs(iter(stretched), Settings()).runs]
    rated = [one.rating.mean() for one in frames]
    np.testing.assert_allclose([slope, offset], np.polyfit(predicted, rated, 1))
    np.testing.assert_allclose(
        predict_run(new, stretched[0]).run, slope * predicted[0] + offset, rtol=1e-10
    )
    check = check_drift(signature, stretched)
    assert check.p_drift < 0.05 and (check.table["p"] <= 1 / 11 + 1e-9).all()
    fair = check_drift(signature, people[20:])
    assert fair.table["p"].iloc[0] > 1 / 11
    against = [
        Run(r.signals, -r.rating + 0.01 * rng.normal(), 1.0, r.session, censored=r.censored)
        for r in people[:20]
    ]
    with pytest.raises(ValueError, match="correlate negatively with the ratings"):
        recalibrate(signature, against)


@pytest.mark.long
@pytest.mark.parametrize(
    ("layout", "options", "pattern"),
    [
        ("fmriprep", ("--high-pass", "0.02"), "ses-06/func/*rating*_bold.dtseries.nii"),
        (
            "ciftify",
            ("--high-pass", "0.02", "--nuisance-regressors", "24P"),
            "MNINonLinear/Results/ses-06_task-rating*/*_Atlas_s0.dtseries.nii",
        ),
    ],
)
def test_dense_runs_are_cleaned_as_the_study_was(tmp_path, capsys, layout, options, pattern):
    world = World(n_runs=2, n_regions=16, run_s=240)
    bids = tmp_path / "bids"
    write_people(bids, [Person(6, world=world)], layout=layout, random_seed=3)
    sessions = ("--session-label", "01", "02", "03", "04", "05")
    words = ["run", str(bids), str(tmp_path / "out"), "participant", "--atlas", "Simulated01"]
    words += options
    assert main([*words, *sessions, *QUICK]) == 0
    found = signature_of(tmp_path / "out")
    runs = [str(p) for p in sorted((bids / "derivatives" / layout / "sub-01").glob(pattern))]
    assert len(runs) == 2
    (atlas,) = bids.rglob("*.dlabel.nii")
    capsys.readouterr()
    assert main(["predict", str(found), *runs, "--atlas", str(atlas)]) == 0
    dense = pd.read_csv(io.StringIO(capsys.readouterr().out), sep="\t")
    assert main([*words[:2], str(tmp_path / "all"), *words[3:], *QUICK]) == 0
    func = tmp_path / "all" / "sub-01" / "ses-06" / "func"
    made = [str(p) for p in sorted(func.glob("*timeseries.tsv")) if "rating" in p.name]
    capsys.readouterr()
    assert main(["predict", str(found), *made]) == 0
    regional = pd.read_csv(io.StringIO(capsys.readouterr().out), sep="\t")
    np.testing.assert_allclose(dense["predicted"], regional["predicted"], rtol=1e-9)
    assert main(["predict", str(found), *runs]) == 1
    assert "pass the study's atlas" in capsys.readouterr().err
    other = tmp_path / "atlas-Other_dseg.dlabel.nii"
    from painprint.files.labels import read_label_image
    from painprint.files.maps import write_labels

    image = read_label_image(atlas)
    write_labels(other, image.points, image.labels[::-1], image.names)
    assert main(["predict", str(found), *runs, "--atlas", str(other)]) == 1
    assert "is not the atlas with which the signature was trained" in capsys.readouterr().err
    words = [
        "recalibrate",
        str(found),
        str(bids),
        str(tmp_path / "re"),
        "--participant-label",
        "01",
    ]
    words += ["--session-label", "06", "--atlas"]
    assert main([*words, str(other)]) == 1
    assert "is not the atlas" in capsys.readouterr().err
    assert main([*words, str(atlas)]) == 0
    sidecars = (tmp_path / "re" / "sub-01" / "ses-06").rglob("*_timeseries.json")
    cleaning = [json.loads(p.read_text())["Cleaning"]["high_pass_hz"] for p in sidecars]
    assert cleaning == [0.02, 0.02]


def test_bins_of_a_reading_are_those_of_the_study(people, signature):
    (lags,) = prepare_runs(iter(people[20:21]), Settings()).runs
    bins = make_test_bins(lags, Settings().rules, "1min")
    rows = read_session(signature, people[20:21]).table.query("scale == '1min'")
    assert rows["n_frames"].tolist() == [len(m) for m in bins.frames]


def test_lags_chosen_in_the_folds_are_each_used(people):
    settings = Settings(n_bootstraps=100, lag_s=(2.0, 6.0, 12.0))
    decoding = decode_runs(people[:14], settings)
    signature = complete_signature(
        make_signature(decoding, simulated=True, metrics={}), decoding, origin=Origin()
    )
    from dataclasses import replace

    lags = (6.0, 2.0, 12.0)  # whatever the folds chose
    models = tuple(replace(m, lag_s=lags[i % 3]) for i, m in enumerate(signature.models))
    reading = read_session(replace(signature, models=models), people[20:])
    run = reading.table.query("scale == 'run' and run == 1").iloc[0]
    assert run["predicted"] == pytest.approx(
        predict_run(replace(signature, models=models), people[20]).run
    )
    assert np.isfinite(run["low_80"])


def test_runs_of_several_people_or_given_twice_are_refused(study, tmp_path, capsys):
    source = Path(new_runs(study)[0])
    other = tmp_path / source.name.replace("sub-01", "sub-02")
    shutil.copy(source, other)
    shutil.copy(source.with_suffix(".json"), other.with_suffix(".json"))
    found = str(signature_of(study / "out"))
    assert main(["predict", found, str(source), str(other)]) == 1
    assert "runs of several people (sub-01, sub-02)" in capsys.readouterr().err
    assert main(["predict", found, str(source), str(source)]) == 1
    assert "is given more than once" in capsys.readouterr().err
    rest = tmp_path / source.name.replace("task-rating_run-1", "task-rest")
    shutil.copy(source, rest)
    assert main(["predict", found, str(source), str(rest)]) == 1
    assert "several tasks (rating, rest)" in capsys.readouterr().err
    assert main(["predict", str(study / "out"), str(source)]) == 1
    assert "there is no signature at" in capsys.readouterr().err


def test_a_study_over_a_learnt_signature_drops_its_history(study, tmp_path):
    assert learn(study, tmp_path / "on") == 0
    history = signature_of(tmp_path / "on") / "history.json"
    assert history.is_file()
    words = ["run", str(study / "bids"), str(tmp_path / "on"), "participant", *QUICK]
    assert main([*words, "--lag", "4"]) == 1
    assert history.is_file()
    assert main([*words, "--lag", "4", "--overwrite"]) == 0
    assert not history.exists()
