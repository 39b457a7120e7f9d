"""What more sessions would add: the forecast, what is refused, and the command."""

import json
import logging
import shutil
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs

from painprint import Case, Settings, decode_runs, run_stage
from painprint.apps.plan import plan_study
from painprint.apps.plan_text import short_table
from painprint.cli import main
from painprint.decode.errors import NotEnoughData
from painprint.decode.metrics import TRANSFORMS, Rows
from painprint.errors import DerivativesError
from painprint.evidence import plan
from painprint.evidence.plan import (
    Present,
    expected_gain,
    jackknife_variance,
    leave_one_session_out,
    plan_sessions,
)
from painprint.results.all_columns import PLAN_COLUMNS

N_SESSIONS = 12
SETTINGS = Settings(n_bootstraps=100, n_permutations=39, n_curve_draws=2)


def make_rows(rng, n_sessions=N_SESSIONS, n_bins=10):
    """Held-out predictions that agree with the rating, in some sessions more than in others."""
    group = np.repeat(np.arange(n_sessions), n_bins)
    rating = rng.normal(size=n_sessions)[group] + rng.normal(size=len(group))
    slope = rng.normal(0.5, 0.2, size=n_sessions)[group]
    predicted = slope * rating + rng.normal(0, 0.8, size=len(group))
    return Rows(rating, predicted, np.zeros(len(group)), group)


def make_draws(curve, sizes=(2, 3, 4, 6, 8, 10)):
    """Two draws of each number of sessions, whose mean is a curve."""
    rows = [
        {"n_sessions": size, "centred_r": curve(size) + sign, "skill": curve(size) + sign}
        for size in sizes
        for sign in (-0.01, 0.01)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def present(rng):
    rows = make_rows(rng)
    r = rows.agreement()["centred_r"]
    return Present(rows, make_draws(lambda s: r - 0.5 * (1 / s - 1 / 11)), (r - 0.2, r + 0.1))


def test_each_session_is_left_out_of_the_scores_alone(rng):
    rows = make_rows(rng, n_sessions=5)
    for name in ("centred_r", "skill"):
        found = leave_one_session_out(rows, name)
        for session in range(5):
            kept = rows.group != session
            group = np.unique(rows.group[kept], return_inverse=True)[1]
            others = Rows(rows.rating[kept], rows.predicted[kept], rows.training_mean[kept], group)
            assert found[session] == pytest.approx(others.agreement()[name], rel=1e-10)


def test_the_variance_is_that_of_a_mean_that_keeps_its_sessions(rng):
    """A mean of S + n values, given that of the first S, has the variance σ² (1/S - 1/(S + n))."""
    n_now, n_more = 12, 8
    x = rng.normal(size=(40_000, n_now + n_more))
    now, later = x[:, :n_now].mean(axis=1), x.mean(axis=1)
    assert (later - now).var() == pytest.approx(1 / n_now - 1 / (n_now + n_more), rel=0.03)
    left_out = (x[0, :n_now].sum() - x[0, :n_now]) / (n_now - 1)
    of_mean = x[0, :n_now].var(ddof=1) / n_now
    assert jackknife_variance(left_out) == pytest.approx(of_mean, rel=1e-10)
    expected = x[0, :n_now].var(ddof=1) * (1 / n_now - 1 / (n_now + n_more))
    assert of_mean * n_more / (n_now + n_more) == pytest.approx(expected, rel=1e-10)


def test_the_gain_is_a_share_of_that_of_the_curve_through_all_sizes():
    sizes = np.array([1.0, 2, 4, 8, 11])
    rise = plan.SHARE_OF_GAIN * (0.4 / 11 - 0.4 / 15)
    assert expected_gain(sizes, 0.5 - 0.4 / sizes, 11, 4) == pytest.approx(rise)
    assert expected_gain(sizes, np.full(5, 0.3), 11, 4) == 0
    assert expected_gain(sizes, 0.1 + 0.4 / sizes, 11, 4) == 0


def test_the_expected_r_is_that_of_today_and_the_gain(present):
    r = present.rows.agreement()["centred_r"]
    for n_more in (1, 4, 12):
        expected = plan_sessions(present, n_more, 0.3).centred_r
        gain = plan.SHARE_OF_GAIN * 0.5 * (1 / 11 - 1 / (11 + n_more))
        assert expected.value == pytest.approx(r + gain, abs=1e-9)
        assert expected.low < expected.value < expected.high


def test_a_forecast_further_ahead_is_less_certain(present):
    plans = [plan_sessions(present, n, 0.3) for n in (1, 4, 8, 12)]
    for name in ("centred_r", "skill"):
        expected = [getattr(one, name) for one in plans]
        assert (np.diff([one.high - one.low for one in expected]) > 0).all()


def test_the_interval_of_r_narrows_with_the_root_of_sessions(present):
    """With 4 more than 12, there are as many blocks (4), and so the same quantile of t."""
    found = plan_sessions(present, 4, 0.3)
    z_now, low, high = np.arctanh([present.rows.agreement()["centred_r"], *present.ends])
    z = np.arctanh(found.centred_r.value)
    ends = np.tanh(z + np.sqrt(12 / 16) * (np.array([low, high]) - z_now))
    assert found.ci_width.value == pytest.approx(ends[1] - ends[0], rel=1e-8)
    assert found.ci_width.low < found.ci_width.value < found.ci_width.high
    assert plan_sessions(present, 12, 0.3).ci_width.value < found.ci_width.value


def test_the_chance_is_a_half_at_the_expected_value_and_a_tenth_at_the_upper_end(present):
    expected = plan_sessions(present, 4, 0.3).centred_r
    chances = [
        plan_sessions(present, 4, r).chance for r in (expected.value, expected.high, expected.low)
    ]
    np.testing.assert_allclose(chances, [0.5, 0.1, 0.9], rtol=1e-8)


def test_intervals_hold_eight_in_ten_where_sessions_are_independent(monkeypatch):
    """Without a gain, a constant or a model: r of the first sessions and of all of them."""
    monkeypatch.setattr(plan, "SPREAD", dict.fromkeys(plan.SPREAD, 1.0))
    rng, inside = np.random.default_rng(1), []
    flat = make_draws(lambda s: 0.3)
    for _ in range(400):
        rows = make_rows(rng, n_sessions=N_SESSIONS + 8)
        first = rows.group < N_SESSIONS
        now = Rows(*(part[first] for part in vars(rows).values()))
        later, present = rows.agreement()["centred_r"], Present(now, flat, (0.0, 0.5))
        monkeypatch.setattr(plan, "expected_gain", lambda *_: 0.0)
        expected = plan_sessions(present, 8, 0.3).centred_r
        inside.append(expected.low <= later <= expected.high)
    assert 0.74 < np.mean(inside) < 0.86  # ± 3 standard errors


def test_skill_may_be_undefined_where_r_is_not(present):
    constant = replace(present.rows, training_mean=present.rows.rating)
    found = plan_sessions(replace(present, rows=constant), 4, 0.3)
    assert np.isnan(found.skill.value) and np.isfinite(found.centred_r.value)


@pytest.mark.parametrize(
    ("change", "n_more", "reason"),
    [
        ({}, 13, "extrapolated to at most 24 sessions, 2 times those available"),
        ({"draws": make_draws(lambda s: 0.3, (2, 3, 4))}, 4, "has 3 numbers of sessions; at least"),
        ({"draws": make_draws(lambda s: np.nan if s == 2 else 0.3)}, 4, "centred r is undefined"),
        ({"rows": make_rows(np.random.default_rng(0), 7)}, 4, "there are 7 sessions; at least 8"),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(present, change, n_more, reason):
    with pytest.raises(NotEnoughData, match=reason):
        plan_sessions(replace(present, **change), n_more, 0.3)


def test_transforms_are_those_of_the_intervals(present):
    """On the scale of the transform, the interval of r is symmetric about its centre."""
    for name in ("centred_r", "skill"):
        expected = getattr(plan_sessions(present, 4, 0.3), name)
        ends = TRANSFORMS[name].forward(np.array([expected.low, expected.value, expected.high]))
        assert np.diff(ends)[0] == pytest.approx(np.diff(ends)[1], rel=1e-8)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A finished study of one person with a signature; not to be changed."""
    rng = np.random.default_rng(20260105)
    runs = simulate_runs(rng, n_sessions=9, n_runs=2, strength=1.5)
    decoding = decode_runs(runs, SETTINGS)
    stages = {name: run_stage(Case(decoding), name) for name in ("null", "curve")}
    folder = tmp_path_factory.mktemp("study")
    decoding.save(folder, stages=stages)
    return decoding, stages, folder


@pytest.fixture
def out(study, tmp_path):
    return shutil.copytree(study[2], tmp_path / "out")


def test_the_command_writes_and_prints_the_table(out, study, capsys):
    assert main(["plan", str(out), "--more", "8", "4", "12", "--target-r", "0.6"]) == 0
    said = capsys.readouterr()
    written = (out / "plan.tsv").read_text()
    assert said.out == written
    table = pd.read_csv(out / "plan.tsv", sep="\t", dtype={"participant": str})
    assert list(table) == list(PLAN_COLUMNS["plan"])
    described = json.loads((out / "plan.json").read_text())
    assert list(described) == list(table) and all(d["Description"] for d in described.values())
    assert list(table["n_more"]) == [0, 4, 8, 12]
    assert set(table["participant"]) == {"01"} and set(table["target_r"]) == {0.6}
    scale = study[0].scales["1min"]
    today = table.iloc[0]
    assert today["centred_r"] == scale.centred_r and today["skill"] == scale.skill
    assert today["ci_width"] == pytest.approx(scale.centred_r_ci[1] - scale.centred_r_ci[0])
    assert (table["centred_r_low"] < table["centred_r_high"])[1:3].all()
    assert table["chance"][1:3].between(0, 1).all()
    assert "at most 18 sessions" in table["reason"][3] and table["reason"][:3].isna().all()
    assert "sub-01, 12 more: cannot be said, because the learning curve is extra" in said.err


def test_the_table_on_a_terminal_is_short(out, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["plan", str(out), "--more", "4", "12"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "participant" and lines[0].endswith("chance of r ≥ 0.3")
    assert lines[1].startswith("sub-01") and "9 (today)" in lines[1]
    assert lines[2].split()[:3] == ["9", "+", "4"] and lines[2].endswith("%")
    assert lines[3].endswith(" cannot be said")
    assert lines[-1] == f"All columns: {out / 'plan.tsv'}"
    assert all(len(line) <= 100 for line in lines[:4])


def test_several_decodings_of_a_participant_are_told_apart():
    names = dict.fromkeys(PLAN_COLUMNS["plan"])
    today = {"n_sessions": 9, "n_more": 0, "centred_r": 0.2, "skill": 0.1, "ci_width": 0.4}
    rows = [
        {**names, **today, "participant": p, "decoding": f"sub-{p}_atlas-{a}", "target_r": r}
        for p, a, r in (("01", "A", 0.3), ("01", "B", 0.3), ("02", "A", 0.2))
    ]
    later = {"n_more": 4, "centred_r_low": 0.1, "centred_r_high": 0.3, "chance": 0.004}
    lines = short_table(pd.DataFrame([*rows, {**rows[2], **later}])).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == [
        "sub-01_atlas-A", "sub-01_atlas-B", "sub-02"
    ]  # fmt: skip
    assert lines[0].endswith("chance (target r)") and lines[4].endswith("< 1% (0.2)")


def test_the_same_files_give_the_same_bytes_and_results_stay(out):
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    written = []
    for _ in range(2):
        assert main(["plan", str(out)]) == 0
        written.append((out / "plan.tsv").read_bytes())
    assert written[0] == written[1]
    assert all(path.read_bytes() == content for path, content in before.items())
    assert {p.name for p in out.iterdir()} - {p.name for p in before} == {
        "plan.tsv", "plan.json", "sub-01"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        (("null",), "the learning curve was skipped; run the study again without --skip curve"),
        (("curve",), None),  # without a permutation test, the interval shows the signature
    ],
)
def test_a_skipped_stage_is_named(study, tmp_path, stages, reason):
    decoding, results, _ = study
    decoding.save(tmp_path, stages={name: results[name] for name in stages})
    table, n_failed = plan_study(tmp_path, (4,), None)
    assert table["reason"].iloc[1] == reason or reason is None and table["reason"].isna().all()
    assert n_failed == 0 and table["centred_r"].notna().iloc[0]


@pytest.mark.parametrize(
    ("sessions", "strength", "settings", "reason"),
    [
        (5, 1.5, SETTINGS, "there are 5 sessions; at least 8 are needed"),
        (9, 0.0, SETTINGS, "no signature was shown: r is no higher than with permuted ratings"),
        (4, 1.5, replace(SETTINGS, leave_out="run"), "runs were held out, not sessions"),
    ],
)
def test_a_study_that_cannot_be_planned_says_why(tmp_path, sessions, strength, settings, reason):
    runs = simulate_runs(
        np.random.default_rng(3), n_sessions=sessions, strength=strength, n_frames=300
    )
    decoding = decode_runs(runs, settings)
    stages = {name: run_stage(Case(decoding), name) for name in ("null", "curve")}
    decoding.save(tmp_path, stages=stages)
    table, _ = plan_study(tmp_path, (4,), None)
    assert table["reason"].iloc[1] == reason
    assert table.iloc[1][["centred_r", "skill", "ci_width", "chance"]].isna().all()


def test_a_changed_file_is_named_and_the_others_are_planned(out, study, caplog):
    decoding, stages, _ = study
    decoding.save(out, participant="02", stages=stages)
    (path,) = out.glob("sub-01/decoding/*_learningcurvedraws.tsv")
    path.write_text(path.read_text().replace("0.1", "0.9"))
    assert main(["plan", str(out)]) == 1
    assert f"{path.name}: is missing, or was changed after it was written. Run the" in caplog.text
    table = pd.read_csv(out / "plan.tsv", sep="\t", dtype={"participant": str})
    assert set(table["participant"]) == {"02"}
    shutil.rmtree(out / "sub-02")
    with pytest.raises(DerivativesError, match="was changed"):
        plan_study(out, (4,), None)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["no"], 1, "there is no folder no"),
        (["."], 1, "no finished participant in . (sub-*/decoding/*_provenance.json). Run `pain"),
        ([".", "--more", "0"], 2, "--more is 0; each must be at least 1"),
        ([".", "--more", "4.5"], 2, "--more is 4.5; needed: a whole number"),
        ([".", "--target-r", "1.2"], 2, "--target-r is 1.2; it must be above 0 and below 1"),
    ],
)
def test_mistakes_are_named_with_their_place_and_remedy(
    words, code, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["plan", *words]) == code
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_participant_in_the_place_of_the_folder_is_told(out, caplog):
    caplog.set_level(logging.INFO)
    assert main(["plan", str(out / "sub-01")]) == 1
    assert f"Pass the output folder, {out}." in caplog.text
