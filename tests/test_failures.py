"""The failure analysis finds what made predictions fail, and says what it does not know."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs
from scipy.stats import spearmanr

from painprint import Run, Settings, decode_runs
from painprint.evidence.case import Case, Material
from painprint.evidence.failures import failure_analysis
from painprint.evidence.stage import WrittenResult
from painprint.evidence.stages import failures
from painprint.runs import FD
from painprint.signature.applicability import fit_domain

SETTINGS = Settings(n_bootstraps=100)


@pytest.fixture(scope="module")
def case():
    runs = simulate_runs(np.random.default_rng(20260104), n_sessions=8)
    decoding = decode_runs(runs, SETTINGS)
    quality = {run.key: "good" for run in decoding.frames}
    quality[decoding.frames[3].key] = "bad"
    return Case(decoding, material=Material(quality=quality))


@pytest.fixture(scope="module")
def found(case):
    return failure_analysis(case)


def test_sessions_by_a_loop_over_their_minutes(case, found):
    table = found.tables["failures"].set_index("session")
    assert found.tables["failures"]["mae"].is_monotonic_decreasing
    minutes = case.decoding.predictions.query("scale == '1min'")
    for session in case.decoding.groups:
        rows, row = minutes[minutes["session"] == session], table.loc[session]
        y, predicted = rows["rating"].to_numpy(), rows["predicted"].to_numpy()
        assert row["n_bins"] == len(rows)
        assert row["mae"] == pytest.approx(np.abs(y - predicted).mean())
        assert row["bias"] == pytest.approx((predicted - y).mean())
        assert row["r"] == pytest.approx(np.corrcoef(y, predicted)[0, 1])
        assert row["rating_sd"] == pytest.approx(np.std(y, ddof=1))
        assert row["level_distance"] == pytest.approx(abs(y.mean() - row["training_mean"]))
        runs = [run for run in case.decoding.frames if run.key.session == session]
        assert row["mean_fd_mm"] == pytest.approx(
            np.concatenate([run.confounds[FD] for run in runs]).mean()
        )
        counts = [run.counts for run in runs]
        assert row["share_censored"] == pytest.approx(
            sum(c["n_censored"] for c in counts) / sum(c["n_frames"] for c in counts)
        )
        assert row["quality_rating"] == ("bad" if session == "02" else "good")


def test_distances_are_those_of_the_applicability_domain(case, found):
    table = found.tables["failures"]
    domain = fit_domain(case.decoding.frames, [run.key.session for run in case.decoding.frames])
    for name in ("leverage", "residual"):
        logarithms = np.log(table[name])
        assert logarithms.mean() == pytest.approx(0, abs=1e-12)
        assert logarithms.std(ddof=1) == pytest.approx(domain.distributions[name, "session"].sd)


def test_the_largest_errors_of_all_minutes(case, found):
    table = found.tables["failurebins"]
    minutes = case.decoding.predictions.query("scale == '1min'")
    errors = (minutes["predicted"] - minutes["rating"]).to_numpy()
    order = np.argsort(-np.abs(errors))[:10]
    np.testing.assert_allclose(table["error"], errors[order])
    first = minutes.iloc[order[0]]
    names = ["session", "run", "bin", "onset", "rating"]
    assert list(table.loc[0, names]) == list(first[names])
    run = case.decoding.frames[first["run_code"]]
    start = round((first["onset"] - run.start_s) / run.tr_s)
    inside = (run.frame >= start) & (run.frame < start + round(first["duration"] / run.tr_s))
    assert inside.sum() == first["n_frames"]
    assert table.loc[0, "mean_fd_mm"] == pytest.approx(run.confounds[FD][inside].mean())
    assert found.numbers["n_too_low"] == (errors[order] < 0).sum()
    assert found.numbers["n_bins"] == len(minutes)


def test_correlations_are_those_of_ranks(found):
    sessions, table = found.tables["failures"], found.tables["failuremeasures"]
    for _, row in table.iterrows():
        if sessions[row["measure"]].nunique() > 1:
            expected = spearmanr(sessions["mae"], sessions[row["measure"]]).statistic
            assert row["rho"] == pytest.approx(expected) and row["n"] == 8
            assert row["rho_low"] <= row["rho"] <= row["rho_high"]
        else:
            assert np.isnan([row["rho"], row["rho_low"]]).all()


def test_motion_that_has_nothing_to_do_with_the_error_has_an_interval_around_0(found):
    row = found.tables["failuremeasures"].set_index("measure").loc["mean_fd_mm"]
    assert row["rho_low"] < 0 < row["rho_high"]


def test_sessions_that_move_and_are_predicted_badly_are_seen(rng):
    runs = []
    for run in simulate_runs(rng, n_sessions=10, strength=1.0):
        share = 0.1 * int(run.session)  # of the signal that is replaced by noise
        noise = rng.normal(size=run.signals.shape)
        signals = np.sqrt(1 - share**2) * run.signals + share * 3 * noise
        fd = np.full(len(run.rating), share) + 0.01 * rng.random(len(run.rating))
        level = run.rating - run.rating.mean()  # no differences between sessions
        runs.append(
            Run(signals, level * (1 + 5 * share), run.tr_s, run.session, run.task, run.run,
                confounds={FD: fd})
        )  # fmt: skip
    found = failure_analysis(Case(decode_runs(runs, SETTINGS)))
    table = found.tables["failuremeasures"].set_index("measure")
    assert table.loc["mean_fd_mm", "rho"] > 0.9 and table.loc["rating_sd", "rho"] > 0.9
    assert table.loc["mean_fd_mm", "rho_low"] > 0
    assert found.tables["failures"]["session"][0] in ("09", "10")


def test_what_is_not_known_is_empty_and_named(rng):
    bare = [
        Run(r.signals, r.rating, r.tr_s, r.session, r.task, r.run)
        for r in simulate_runs(rng, n_sessions=5)
    ]
    found = failure_analysis(Case(decode_runs(bare, SETTINGS)))
    table = found.tables["failures"]
    assert table[["mean_fd_mm", "leverage", "residual"]].isna().to_numpy().all()
    assert set(table["quality_rating"]) == {""}
    assert found.tables["failurebins"]["mean_fd_mm"].isna().all()
    said = "\n".join(found.not_done)
    assert "no framewise displacement is known" in said and "5 are too few" in said
    measures = found.tables["failuremeasures"].set_index("measure")
    assert measures.loc["mean_fd_mm", "n"] == 0 and np.isnan(measures.loc["mean_fd_mm", "rho"])
    assert np.isfinite(measures.loc["rating_sd", "rho"])
    assert measures["rho_low"].isna().all()  # of 5 sessions


def test_runs_that_are_held_out_are_rows_of_their_own(rng):
    settings = replace(SETTINGS, leave_out="run")
    found = failure_analysis(Case(decode_runs(simulate_runs(rng, n_sessions=4), settings)))
    assert len(found.tables["failures"]) == 8
    assert found.tables["failuremeasures"]["n"].max() == 8


def test_the_paragraph_names_the_worst_and_says_exploratory(case, found):
    metrics = {"scales": {"1min": {}}, "leave_out": "session"}
    tables = dict(found.tables)
    said = failures.describe(WrittenResult(found.numbers, tables, metrics, {}, {}))
    worst = tables["failures"]
    assert f"largest in the sessions {worst['session'][0]} ({worst['mae'][0]:.3f})" in said
    measure = pd.DataFrame({"meaning": ["motion", "spread"], "n": 8, "rho": [0.6, 0.1]})
    tables["failuremeasures"] = measure.assign(rho_low=[0.2, -0.3], rho_high=[0.8, 0.4])
    said = failures.describe(WrittenResult(found.numbers, tables, metrics, {}, {}))
    assert "with motion ρ = 0.60 (0.20 to 0.80), n = 8." in said
    assert (
        "intervals of the other measures (1) include 0. These correlations are exploratory" in said
    )
    tables["failuremeasures"] = measure.assign(rho_low=-0.3, rho_high=0.8)
    said = failures.describe(WrittenResult(found.numbers, tables, metrics, {}, {}))
    assert "includes 0 for each of 2 measures" in said
    tables["failuremeasures"] = measure.assign(rho_low=np.nan, rho_high=np.nan)
    said = failures.describe(WrittenResult(found.numbers, tables, metrics, {}, {}))
    assert "With fewer than 8 sessions, correlations with the error have no interval" in said
