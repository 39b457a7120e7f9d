"""What a signature holds is checked at reading, whatever its hashes say."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import simulate_runs
from safetensors.numpy import load_file, save_file

from painprint import Settings
from painprint.apps.recalibrate import _as_read_before
from painprint.errors import DerivativesError
from painprint.option_fields import as_typed
from painprint.results.predecessor import read_predecessor
from painprint.settings import CLEANING
from painprint.signature.file import hash_signature, read_signature, write_signature
from painprint.signature.origin import Origin
from painprint.signature.predict import predict_run, read_session
from painprint.signature.recalibrate import recalibrate
from painprint.store.files import content_key

FIXTURE = Path(__file__).parent / "data" / "signatures" / "version4"
PRIMARY = {
    "n": 90, "centred_r": 0.4, "centred_r_ci": [0.2, 0.6], "skill": 0.2, "skill_ci": [0.1, 0.3],
    "slope": 1.0, "slope_ci": [0.8, 1.2], "p_within": 0.01,
}  # fmt: skip
METRICS = {
    "preset": "recommended", "leave_out": "session", "simulated": True, "train_bins": "30s",
    "n_groups": 9, "n_sessions": 9, "stages": {"null": {"n_permutations": 99}},
    "scales": {"1min": PRIMARY, "session": {"p_between": None}},
}  # fmt: skip


def with_primary(**changes):
    return {**METRICS, "scales": {**METRICS["scales"], "1min": {**PRIMARY, **changes}}}


DENSE = {
    "atlas_image": "atlas-A_dseg.dlabel.nii",
    "atlas_image_sha256": "0" * 64,
    "dense": {"kind": "grayordinates", "atlas": "atlas-A_dseg.dlabel.nii", "high_pass_hz": 0.02},
    "read_with": {"task_id": ["rating"], "rating_range": [0, 1], "drop_s": 20},
}


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(FIXTURE, tmp_path / "signature"))


@pytest.fixture
def run():
    rng = np.random.default_rng(1)
    (run,) = simulate_runs(rng, n_sessions=1, n_runs=1, n_regions=5, n_frames=240)
    return replace(run, session="20")


def seal(folder, content):
    content.pop("sha256", None)
    text = json.dumps({**content, "sha256": content_key(content)})
    (folder / "signature.json").write_text(text)


def put(folder, place, value):
    """Another value at a place such as "models/2/lag_s", under a hash that fits."""
    content = json.loads((folder / "signature.json").read_text())
    *parents, last = [int(key) if key.isdigit() else key for key in place.split("/")]
    inner = content
    for key in parents:
        inner = inner[key]
    inner[last] = value
    seal(folder, content)


def put_array(folder, name, value):
    """Another first number in an array, under hashes that fit."""
    path = folder / "weights.safetensors"
    arrays = {key: array.copy() for key, array in load_file(path).items()}
    arrays[name].flat[0] = value
    save_file(arrays, path)
    put(folder, f"arrays/{name}/sha256", hashlib.sha256(arrays[name].tobytes()).hexdigest())


HUGE, DEEP = 1e308, json.loads("[" * 100 + "]" * 100)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("participant", 1, "participant is 1; a text is needed"),
        ("participant", "a\nb", "control characters"),
        ("regions/0/name", "", "regions[0].name is ''; a text is needed"),
        ("regions/0/name", "2", "region names must differ"),
        ("regions/0/name", "a\x00", "control characters"),
        ("regions/0/name", "\ud800", "control characters"),
        ("regions/0", None, "regions[0] is null; an object is needed"),
        ("tr_s", [], "tr_s is a list of 0"),
        ("tr_s", [0.0], "TR (s): 0, but each must be from 0.001"),
        ("tr_s", [-1.0], "TR (s): -1"),
        ("tr_s", 1.0, "tr_s is 1.0; a list with a value is needed"),
        ("drop_s", HUGE, "from 0 to 3600"),
        ("drop_s", 10**30, "an integer is larger"),
        ("simulated", 1, "simulated is 1; true or false is needed"),
        ("preset", ["paper"], "preset is a list of 1"),
        ("features", "edges", "activity"),
        ("models/2/lag_s", -1, "lags (s): -1"),
        ("models/2/lag_s", True, "models[2].lag_s is true; a number is needed"),
        ("models/2/intercept", HUGE, "intercepts: 1e+308"),
        ("models/2/intercept", None, "models[2].intercept is null"),
        ("models/1/held_out", "02", "two models left out the same group"),
        ("metrics", [], "metrics is a list of 0"),
        ("metrics", {"scales": 5}, "metrics are of unknown scales"),
        ("metrics", {"scales": {"years": 5}}, "metrics are of unknown scales"),
        ("metrics", {"a": DEEP}, "more than 20 levels deep"),
        ("metrics", {"a": float("nan")}, "nan is no number of JSON"),
        ("history/levels/0", HUGE, "mean ratings: 1e+308"),
        ("history/levels", [0.5], "mean ratings of 1 groups, but 9 models"),
        ("history/errors/session/0/0", HUGE, "errors at scale session: 1e+308"),
        ("history/errors/session/0/0", -0.1, "errors at scale session: -0.1"),
        ("history/errors/session/0", [0.1, 0.2], "one error at the scale of sessions"),
        ("history/errors/run", [[0.1]], "errors at scale run of 9 groups are needed"),
        ("history/errors/run/3", [], "errors.run[3] is a list of 0"),
        ("history/errors", {"years": [[0.1]] * 9}, "errors at scale 'years'"),
        ("history", None, "belong together"),
        ("envelope/sd/0", 0.0, "SDs of the training runs: 0"),
        ("envelope/sd/0", 1e-200, "SDs of the training runs"),
        ("envelope/shortest_s", -5, "the shortest training run (s): -5"),
        ("envelope/spreads/0/mean", -HUGE, "mean of log leverage: -1e+308"),
        ("envelope/spreads/0/sd", -1, "SD of log leverage: -1"),
        ("envelope/spreads/0/n_groups", 6.5, "n_groups is 6.5; an integer is needed"),
        ("envelope/spreads/0/n_groups", 2, "from 2 groups"),
        ("envelope/spreads/0/scale", "session", "two distributions"),
        ("envelope/spreads/0/measure", "luck", "no measure 'luck'"),
        ("recalibrated", 1, "recalibrated is 1; true or false is needed"),
        ("metrics", {**METRICS, "stages": {}}, "metrics.stages.null is missing"),
        ("metrics", {**METRICS, "stages": {"null": None}}, "stages.null is null; an object"),
        ("metrics", {**METRICS, "stages": {"null": {}}}, "n_permutations is missing"),
        ("metrics", {**METRICS, "n_groups": 0}, "metrics.n_groups is 0; a number"),
        ("metrics", {**METRICS, "leave_out": None}, "metrics.leave_out is null; a text"),
        ("metrics", {**METRICS, "scales": {"session": {"p_between": 2}}}, "p_between is 2"),
        ("metrics", {**METRICS, "scales": {"session": {"p_between": 1}}}, "1min is missing"),
        ("metrics", with_primary(p_within=-1), "1min.p_within is -1"),
        ("metrics", with_primary(skill="0.2"), "1min.skill is '0.2'"),
        ("metrics", with_primary(centred_r_ci=[0.6, 0.2]), "two ends in order"),
        ("metrics", with_primary(slope_ci=[None, None]), "slope has no interval, with 9 groups"),
        ("metrics", with_primary(slope_ci=[1.0]), "two ends in order"),
        ("metrics", with_primary(slope_ci=[None, 1.0]), "slope_ci[0] is null"),
        ("arrays", None, "arrays is null"),
        ("arrays/weights/sha256", 5, "arrays.weights.sha256 is 5"),
        ("origin", [], "origin is a list of 0"),
        ("origin/atlas", 5, "origin.atlas is 5"),
        ("origin/region_table_sha256", "abc", "is no SHA-256"),
        ("origin/read_with", ["drop_s"], "origin.read_with is a list of 1"),
        ("origin/read_with", {"shoe_size": 5}, "Update painprint"),
        ("origin/read_with", {"drop_s": "20"}, "drop_s is '20', which is no value"),
        ("origin/read_with", {"drop_s": -20}, "drop_s is -20"),
        ("origin/read_with", {"drop_s": HUGE}, "drop_s is 1e+308, which is out of range"),
        ("origin/read_with", {"rating_range": [0]}, "rating_range is [0], which is no value"),
        ("origin/read_with", {"rating_range": [1, 0]}, "the lowest value, then the highest"),
        ("origin/read_with", {"task_id": [1]}, "task_id is [1], which is no value"),
        ("origin/read_with", {"rating_hold": 1}, "rating_hold is 1, which is no value"),
        ("origin/read_with", {"preset": "mine"}, "preset is 'mine'; choose one of"),
        ("origin/dense", True, "origin.dense is true; an object is needed"),
        ("origin/dense", {"high_pass_hz": 0.02}, "the SHA-256 of its atlas is missing"),
        ("origin", {**DENSE, "dense": {"high_pass_hz": [0.02]}}, "high_pass_hz is [0.02]"),
        ("origin", {**DENSE, "dense": {"dummy_scans": 2.5}}, "dummy_scans is 2.5, which is no"),
        ("origin", {**DENSE, "dense": {"task_id": ["x"]}}, "Update painprint"),
    ],
)  # fmt: skip
def test_content_that_cannot_be_is_refused_by_name(folder, place, value, message):
    put(folder, place, value)
    with pytest.raises(DerivativesError) as refused:
        read_signature(folder)
    assert message in str(refused.value) and "signature.json" in str(refused.value)


def test_results_on_held_out_sessions_are_read_as_written(folder, tmp_path):
    put(folder, "metrics", METRICS)
    signature = read_signature(folder)
    write_signature(tmp_path / "again", replace(signature, recalibrated=True))
    again = read_signature(tmp_path / "again")
    assert again.metrics == METRICS and again.recalibrated and not signature.recalibrated


@pytest.mark.parametrize("name", ["weights", "activity", "mean_edges", "components"])
@pytest.mark.parametrize("value", [1e38, -1e38, np.nan, np.inf])
def test_arrays_of_impossible_magnitude_are_refused(folder, name, value):
    put_array(folder, name, value)
    with pytest.raises(DerivativesError, match="no valid signature: .*must be from"):
        read_signature(folder)


def test_the_largest_content_that_is_read_gives_finite_numbers(folder, run):
    put_array(folder, "weights", 1e30)
    put(folder, "models/1/intercept", -1e30)
    put(folder, "history/errors/session/0/0", 1e30)
    put(folder, "envelope/sd/0", 1e-100)
    put(folder, "envelope/spreads/0/mean", -200)
    signature = read_signature(folder)
    reading = read_session(signature, [run])
    assert reading.verdict.word == "do not read"
    assert np.isfinite(reading.table["predicted"]).all()
    assert reading.table["predicted"].abs().max() > 1e20
    assert np.isfinite(reading.table["low_80"]).all()
    new, slope, offset = recalibrate(signature, [run])
    assert np.isfinite([slope, offset, new.weights.max()]).all()


def test_numbers_that_are_not_finite_are_refused_whatever_made_them(folder, run, monkeypatch):
    signature = read_signature(folder)
    monkeypatch.setattr(type(signature), "score", lambda *_: np.array([np.inf] * 100))
    with pytest.raises(ValueError, match="a prediction is not a finite number"):
        predict_run(signature, run)


def test_a_key_that_changes_nothing_is_ignored(folder):
    put(folder, "colour", "blue")
    put(folder, "origin/colour", "blue")
    put(folder, "models/0/colour", "blue")
    before, after = read_signature(FIXTURE), read_signature(folder)
    assert after.models == before.models and after.origin == before.origin


def test_options_come_back_in_their_types_and_read_new_runs(folder, tmp_path):
    put(folder, "origin", DENSE)
    signature = read_signature(folder)
    origin = signature.origin
    assert dict(origin.dense) == {"high_pass_hz": 0.02} and origin.kind == "grayordinates"
    assert origin.read_with["task_id"] == ("rating",) and origin.read_with["rating_range"] == (0, 1)
    found = _as_read_before(signature, Settings(task_id=("other",)))
    assert (found.task_id, found.drop_s, found.high_pass_hz) == (("other",), 20, 0.02)
    write_signature(tmp_path / "again", signature)
    assert read_signature(tmp_path / "again").origin == origin


def test_an_origin_from_python_is_checked_too():
    with pytest.raises(ValueError, match="fd_thresh_mm is -1"):
        Origin(atlas_image_sha256="0" * 64, dense={"fd_thresh_mm": -1})
    every = {name: getattr(Settings(), name) for name in CLEANING}
    assert Origin(atlas_image_sha256="0" * 64, dense=every).options == every


@pytest.mark.parametrize(
    ("name", "value", "typed"),
    [
        ("lag_s", [4, 6.5], (4, 6.5)),
        ("tr_s", None, None),
        ("rating_hold", True, True),
        ("rating_range", [0, 10], (0, 10)),
        ("nuisance_regressors", "24P", "24P"),
        ("dummy_scans", 3, 3),
    ],
)
def test_a_value_of_json_becomes_that_of_the_option(name, value, typed):
    assert as_typed(Settings, name, value) == typed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lag_s", ["6"]), ("lag_s", [True]), ("lag_s", {}), ("tr_s", "1"),
        ("rating_range", [0, 1, 2]), ("rating_range", "01"), ("nuisance_regressors", 24),
        ("dummy_scans", False), ("dummy_scans", 10**400), ("high_pass_hz", float("nan")),
        ("rating_hold", None),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_no_value_of_the_option(name, value):
    with pytest.raises(
        ValueError, match=f"{name} is .* which is (no value of this option|out of range)"
    ):
        as_typed(Settings, name, value)


def history(folder, **content):
    (folder / "history.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "earlier is missing"),
        ({"earlier": {"a": 1}}, "earlier is an object of 1; a list is needed"),
        ({"earlier": [5]}, r"earlier\[0\] is 5"),
        ({"earlier": [{}]}, "sha256 is missing"),
        ({"earlier": [{"sha256": "x"}]}, "is no SHA-256"),
        ({"earlier": [], "signature": "0" * 64}, "history of another signature"),
        ({"earlier": [{"sha256": "0" * 64, "a": DEEP}]}, "levels deep"),
        ({"earlier": [{"sha256": "0" * 64, "participant": "02"}]}, "is of sub-02, but .* sub-01"),
    ],
)
def test_a_history_that_is_none_or_anothers_is_refused(folder, content, message):
    history(folder, **content)
    with pytest.raises(DerivativesError, match=f"history.json: cannot be continued: .*{message}"):
        read_predecessor(folder, "01")


def test_the_history_of_this_signature_is_continued(folder):
    rows = [
        {"sha256": "0" * 64, "added": ["ses-02"]},
        {"sha256": "1" * 64, "participant": "01", "slope": 1.0},
        {"sha256": "2" * 64, "participant": "02", "other_person": True},
    ]
    history(folder, signature=hash_signature(folder), earlier=rows)
    assert read_predecessor(folder, "01").earlier == tuple(rows)
    (folder / "history.json").unlink()
    assert read_predecessor(folder, "01").earlier == ()
