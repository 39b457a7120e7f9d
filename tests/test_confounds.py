"""What a confound is, what it predicts, and what is left without it."""

import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs

from painprint import Run, Settings, decode_runs
from painprint.evidence.case import Case
from painprint.evidence.confound_analyses import (
    Verdict,
    confound_analyses,
    correct_families,
    predict_alone,
)
from painprint.evidence.confounds import bin_means, find_confounds, previous_means
from painprint.evidence.permuted_ratings import draw_permutations, permute_ratings
from painprint.runs import FD, motion_confounds
from painprint.stats.conditional import conditional_independence

SETTINGS = Settings(n_bootstraps=100, n_permutations=99)
MEDICATION = pd.DataFrame(
    {"session": [f"{s:02d}" for s in range(1, 8)], "days": range(7), "mg": [0, 5, 5, 0, 10, 5, 0]}
)


def make_case(runs, **options):
    return Case(decode_runs(runs, SETTINGS), **options)


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(20260103)
    return make_case(simulate_runs(rng, n_sessions=7), sessions=MEDICATION)


def with_motion_like_rating(runs, rng, strength):
    """The head moves more in frames that are rated higher."""
    moved = []
    for run in runs:
        pain = (run.rating - run.rating.mean()) / run.rating.std()
        size = np.roll(np.maximum(0.1, 1 + strength * pain), 6)
        steps = rng.normal(size=(len(pain), 6)) * (0.05 * size[:, None]) * [1, 1, 1, 0, 0, 0]
        motion = motion_confounds(np.cumsum(steps, axis=0))
        moved.append(
            Run(run.signals, run.rating, run.tr_s, run.session, run.task, run.run, confounds=motion)
        )
    return moved


def test_controls_are_found_by_what_there_is(case):
    confounds, not_done = find_confounds(case)
    assert [c.name for c in confounds] == [
        "framewise displacement",
        "motion parameters",
        "global signal",
        "time in run",
        "session number",
        "previous session's mean",
        "mg",
    ]
    assert not_done == [
        "No confound analysis of DVARS: 14 of 14 runs have no values "
        "(first: ses-01 task-rating run-1)."
    ]


def test_what_cannot_be_controlled_is_named(rng):
    runs = simulate_runs(rng, n_sessions=4)
    bare = [Run(r.signals, r.rating, r.tr_s, r.session, r.task, r.run) for r in runs]
    sessions = pd.DataFrame(
        {"session": ["01", "02", "03"], "dose": [1.0, 2.0, 3.0], "site": [1.0, 1.0, 1.0]}
    )
    _, not_done = find_confounds(make_case(bare, sessions=sessions))
    text = "\n".join(not_done)
    assert "No confound analysis of framewise displacement: 8 of 8 runs have no values" in text
    assert "No confound analysis of dose: it is known in 3 of 4 sessions." in text
    sessions.loc[3] = ["04", 4.0, 1.0]
    _, not_done = find_confounds(make_case(bare, sessions=sessions))
    assert "No confound analysis of site: it is the same in every session." in "\n".join(not_done)
    _, not_done = find_confounds(make_case(bare))
    assert "sessions have no numeric column" in "\n".join(not_done)


def test_motion_that_never_varies_or_is_missing_is_no_control(rng):
    runs = simulate_runs(rng, n_sessions=3)

    def with_fd(values):
        return [
            Run(r.signals, r.rating, r.tr_s, r.session, r.task, r.run, confounds={FD: values})
            for r in runs
        ]

    still = make_case(with_fd(np.zeros(360)))
    assert "framewise displacement: it never varies" in find_confounds(still)[1][0]
    gap = np.random.default_rng(0).random(360)
    gap[100:300] = np.nan
    assert "has a bin without a value" in find_confounds(make_case(with_fd(gap)))[1][0]


def test_bins_average_a_confound_over_their_frames(case):
    bin_gram = case.bin_grams[0]
    values = [one.confounds[FD] for one in bin_gram.frames]
    for kind in ("train", "1min"):
        bins = bin_gram.bins[kind]
        expected = [values[r][m].mean() for r, m in zip(bins.run, bins.frames, strict=True)]
        np.testing.assert_allclose(bin_means(values, bins), expected)


def test_the_mean_before_skips_groups_that_do_not_train(case):
    bin_gram = case.bin_grams[0]
    of_run = np.array([frames.rating.mean() for frames in bin_gram.frames])
    means = np.array([of_run[bin_gram.group_index == g].mean() for g in range(7)])
    found = previous_means(bin_gram, np.array([0, 1, 3, 4, 5, 6]))[:, 0]  # without 2
    np.testing.assert_allclose(found[[1, 2, 3, 4]], means[[0, 1, 1, 3]])
    assert found[0] == pytest.approx(means[[0, 1, 3, 4, 5, 6]].mean())


def test_no_rating_of_a_held_out_session_reaches_training_rows(case, rng):
    bin_gram = case.bin_grams[0]
    training = np.array([0, 1, 3, 4, 5, 6])
    rows = np.isin(np.concatenate([bin_gram.groups(k) for k in bin_gram.kinds]), training)
    before = {
        c.name: c.columns(case.bin_grams)(bin_gram, training) for c in find_confounds(case)[0]
    }
    changed = simulate_changed(case, held_out="03", rng=rng)
    other = changed.bin_grams[0]
    for confound in find_confounds(changed)[0]:
        after = confound.columns(changed.bin_grams)(other, training)
        np.testing.assert_array_equal(after[rows], before[confound.name][rows])


def simulate_changed(case, held_out, rng):
    """The same person with other ratings, equally long, in one session."""
    runs = []
    for run in simulate_runs(np.random.default_rng(20260103), n_sessions=7):
        rating = run.rating[::-1] + 0.2 if run.session == held_out else run.rating
        runs.append(
            Run(
                run.signals,
                rating,
                run.tr_s,
                run.session,
                run.task,
                run.run,
                censored=run.censored,
                confounds=run.confounds,
            )  # fmt: skip
        )
    return make_case(runs, sessions=MEDICATION)


def test_motion_that_follows_the_rating_is_flagged_and_else_not(rng):
    found = {}
    for strength in (0.0, 0.5):
        runs = with_motion_like_rating(
            simulate_runs(rng, n_sessions=6, n_frames=660), rng, strength
        )
        found[strength] = confound_analyses(make_case(runs)).numbers["framewise displacement"]
    assert not found[0.0]["flagged"]
    assert found[0.5]["flagged"] and found[0.5]["r_within"] > 0.5
    assert found[0.5]["p_within"] == 1 / 100 and found[0.5]["p_corrected"] < 0.05


def move_by_session(runs, rng, amounts):
    """Runs whose head motion differs between sessions, and within them by chance."""
    moved = []
    for run in runs:
        steps = rng.normal(size=(len(run.rating), 6)) * 0.05 * amounts[run.session]
        motion = motion_confounds(np.cumsum(steps * [1, 1, 1, 0, 0, 0], axis=0))
        moved.append(
            Run(run.signals, run.rating, run.tr_s, run.session, run.task, run.run, confounds=motion)
        )
    return moved


def test_motion_of_whole_sessions_is_tested_between_them(rng):
    runs = simulate_runs(rng, n_sessions=10)
    means = pd.Series({r.session: r.rating.mean() for r in runs})
    amounts = 1 + 5 * (means - means.min()) / (means.max() - means.min())
    case = make_case(move_by_session(runs, rng, amounts))
    found = confound_analyses(case).numbers["framewise displacement"]
    assert found["r_between"] > 0.9 and found["p_between"] < 0.03
    assert found["flagged"] and found["p_within"] > 0.02


def test_motion_may_go_along_within_sessions_and_against_between_them(rng):
    runs = simulate_runs(rng, n_sessions=8, n_frames=660)
    means = pd.Series({r.session: r.rating.mean() for r in runs})
    amounts = 1 + 20 * (means.max() - means)
    against = [
        Run(
            r.signals, r.rating, r.tr_s, r.session, r.task, r.run,
            confounds=motion_confounds(
                np.cumsum(np.diff(s.confounds["trans_x"], prepend=0)) [:, None]
                * [amounts[r.session], 0, 0, 0, 0, 0]
            ),
        )
        for r, s in zip(runs, with_motion_like_rating(runs, rng, 0.5), strict=True)
    ]  # fmt: skip
    found = confound_analyses(make_case(against)).numbers["framewise displacement"]
    assert found["r_within"] > 0.4 and found["flagged"]


def test_a_signature_that_is_only_motion_has_nothing_left_without_it(rng):
    runs = with_motion_like_rating(
        simulate_runs(rng, n_sessions=6, n_frames=660, strength=0.0), rng, 0.5
    )
    coupled = []
    for run in runs:
        signals = run.signals.copy()
        signals[:, 1] += 12 * run.confounds[FD] * signals[:, 0]  # motion makes regions go together
        coupled.append(
            Run(
                signals,
                run.rating,
                run.tr_s,
                run.session,
                run.task,
                run.run,
                confounds=run.confounds,
            )  # fmt: skip
        )
    case = make_case(coupled)
    found = confound_analyses(case).numbers["framewise displacement"]
    assert case.decoding.scales["1min"].centred_r > 0.4
    assert found["flagged"] and found["centred_r_removed"] < 0.25


def test_prediction_alone_is_least_squares_on_the_same_folds(case):
    bin_gram = case.bin_grams[0]
    confound = next(c for c in find_confounds(case)[0] if c.name == "time in run")
    permutations = draw_permutations(bin_gram, 19, np.random.default_rng(0))
    ratings = permute_ratings(bin_gram, permutations, *bin_gram.tested)
    columns = confound.columns(case.bin_grams)
    found = predict_alone(confound, columns, bin_gram, permutations, ratings)
    C = np.column_stack(
        [np.ones(len(bin_gram.y("1min"))), columns(bin_gram, None)[bin_gram.rows("1min")]]
    )
    y, group = bin_gram.y("1min"), bin_gram.groups("1min")
    predicted = np.empty(len(y))
    for k in range(7):
        b, *_ = np.linalg.lstsq(C[group != k], y[group != k], rcond=None)
        predicted[group == k] = C[group == k] @ b
    assert found["1min"]["r"] == pytest.approx(np.corrcoef(predicted, y)[0, 1])
    assert 1 / 20 <= found["1min"]["p_within"] <= 1
    assert 1 / 20 <= found["session"]["p_between"] <= 1
    assert np.isnan(found["session"]["p_within"])


def test_every_control_is_there_alone_removed_and_beside(case):
    found = confound_analyses(case)
    table, covariates = found.tables["confounds"], found.tables["covariates"]
    assert len(table) == 4 + 7 * 4 * 3
    assert set(table["analysis"]) == {"alone", "main", "removed"}
    assert (
        table.loc[table["analysis"] == "removed", ["p_within", "p_between"]].isna().to_numpy().all()
    )
    assert set(covariates.query("confound == 'mg'")["scale"]) == {"session"}
    minute = covariates.query("variable == 'trans_x' and scale == '1min'").iloc[0]
    predictions = case.decoding.predictions.query("scale == '1min'")
    bin_gram = case.bin_grams[0]
    values = bin_means([one.confounds["trans_x"] for one in bin_gram.frames], bin_gram.bins["1min"])
    expected = np.corrcoef(values, predictions["predicted"])[0, 1]
    assert minute["r_predicted"] == pytest.approx(expected)
    assert found.numbers["previous session's mean"]["p_between"] is None
    assert found.numbers["mg"]["p_within"] is None
    assert found.numbers["mg"]["p_between"] is not None


def test_confounder_tests_are_those_of_the_held_out_predictions_within_runs(case):
    table = confound_analyses(case).tables["confoundertests"].set_index("variable")
    with_frames = [c for c in find_confounds(case)[0] if c.frame_values is not None]
    assert list(dict.fromkeys(table["confound"])) == [c.name for c in with_frames]
    predictions = case.decoding.predictions.query("scale == '1min'")
    bin_gram = case.bin_grams[0]
    run = bin_gram.bins["1min"].run
    values = bin_means([one.confounds["trans_x"] for one in bin_gram.frames], bin_gram.bins["1min"])
    expected = conditional_independence(
        values, predictions["predicted"].to_numpy(), predictions["rating"].to_numpy(), run,
        n=case.settings.n_permutations,
        rng=case.stream("confounder tests of trans_x, partial"),
    )  # fmt: skip
    found = table.loc["trans_x"]
    assert (found["p_partial"], found["partial_r_confound"]) == (expected.p, expected.partial_r)
    centred = [v - pd.Series(v).groupby(run).transform("mean").to_numpy()
               for v in (values, predictions["rating"].to_numpy())]  # fmt: skip
    assert found["r_rating"] == pytest.approx(np.corrcoef(*centred)[0, 1])
    tested = table["p_partial"].dropna()
    assert found["p_partial_corrected"] >= found["p_partial"]
    assert table["p_partial_corrected"].min() == pytest.approx(min(1, len(tested) * tested.min()))


def test_the_first_rows_are_the_main_analysis_of_the_ratings_as_they_are(case):
    first = confound_analyses(case).tables["confounds"].head(4).set_index("scale")
    assert set(first["confound"]) == {"none"} and set(first["analysis"]) == {"main"}
    for scale, metrics in case.decoding.scales.items():
        centred_r = np.nan if metrics.centred_r is None else metrics.centred_r  # of session means
        expected = (metrics.n, metrics.r, centred_r, metrics.skill)
        np.testing.assert_equal(tuple(first.loc[scale, ["n", "r", "centred_r", "skill"]]), expected)
    assert first[["centred_r_low", "skill_high"]].isna().to_numpy().all()  # 7 sessions


def test_the_main_analysis_is_scored_on_the_residual_ratings_by_a_loop_over_folds(case):
    found = confound_analyses(case)
    row = found.tables["confounds"].query(
        "confound == 'time in run' and analysis == 'main' and scale == '1min'"
    ).iloc[0]  # fmt: skip
    bin_gram = case.bin_grams[0]
    confound = next(c for c in find_confounds(case)[0] if c.name == "time in run")
    columns = confound.columns(case.bin_grams)(bin_gram, None)
    minutes = case.decoding.predictions.query("scale == '1min'")
    y, residual, predicted = minutes["rating"].to_numpy(), [], []
    for k in range(7):
        train = bin_gram.groups("train") != k
        C = np.column_stack([np.ones(train.sum()), columns[bin_gram.rows("train")][train]])
        b, *_ = np.linalg.lstsq(C, bin_gram.y("train")[train], rcond=None)
        test = bin_gram.groups("1min") == k
        of_test = np.column_stack([np.ones(test.sum()), columns[bin_gram.rows("1min")][test]])
        residual.append(y[test] - of_test @ b)
        one = minutes[minutes["group"] == k]
        predicted.append((one["predicted"] - one["training_mean"]).to_numpy())
    skill = 1 - sum(((r - p) ** 2).sum() for r, p in zip(residual, predicted, strict=True)) / sum(
        (r**2).sum() for r in residual
    )
    centred = [np.concatenate([v - v.mean() for v in part]) for part in (residual, predicted)]
    assert row["skill"] == pytest.approx(skill)
    assert row["centred_r"] == pytest.approx(np.corrcoef(*centred)[0, 1])
    verdict = found.numbers["time in run"]
    assert (verdict["skill_main"], verdict["centred_r_main_ci"]) == (row["skill"], (None, None))


def test_a_confound_that_is_nothing_leaves_both_analyses_as_they_are(rng):
    runs = simulate_runs(rng, n_sessions=8)
    constant = [0.0, 1.0] * 4  # tells sessions apart, by nothing that goes with their ratings
    sessions = pd.DataFrame({"session": [f"{s:02d}" for s in range(1, 9)], "site": constant})
    case = make_case(runs, sessions=sessions)
    table = confound_analyses(case).tables["confounds"].query("scale == '1min'")
    main = table.iloc[0]
    of_site = table.query("confound == 'site'").set_index("analysis")
    # a constant within sessions changes no centred r of the main analysis
    assert of_site.loc["main", "centred_r"] == pytest.approx(main["centred_r"])
    assert of_site.loc["removed", "centred_r"] == pytest.approx(main["centred_r"], abs=0.05)
    for _, row in of_site.drop("alone").iterrows():
        assert row["centred_r_low"] < row["centred_r"] < row["centred_r_high"]
        assert row["skill_low"] < row["skill"] < row["skill_high"]
    assert of_site.loc["main", "centred_r_low"] == pytest.approx(main["centred_r_low"], abs=0.1)


def test_holm_corrects_within_a_family_and_only_positive_r_is_flagged():
    def verdict(p, family="motion", r=0.3, p_between=None):
        return Verdict(family, r, p, r, p_between)

    found = correct_families(
        {
            "a": verdict(0.01),
            "b": verdict(0.03, p_between=0.9),
            "c": verdict(None),
            "d": verdict(0.04, "time"),
            "e": verdict(0.001, "level", r=-0.3),
        }
    )
    assert {name: v.p_corrected for name, v in found.items()} == {
        "a": 0.03, "b": 0.06, "c": None, "d": 0.04, "e": 0.001,
    }  # fmt: skip
    assert [name for name, v in found.items() if v.flagged] == ["a", "d"]


def test_few_sessions_leave_controls_of_sessions_untested_and_say_so(rng):
    sessions = pd.DataFrame({"session": ["01", "02", "03", "04"], "mg": [0.0, 5.0, 5.0, 0.0]})
    found = confound_analyses(make_case(simulate_runs(rng, n_sessions=4), sessions=sessions))
    assert found.numbers["mg"]["p_between"] is None
    said = "\n".join(found.not_done)
    assert "No p of mg alone: the means of 4 sessions have too few orders" in said
    assert "No p of session number alone" in said


def test_where_runs_are_left_out_values_of_sessions_are_not_tested(rng):
    settings = Settings(n_bootstraps=100, n_permutations=19, leave_out="run")
    case = Case(decode_runs(simulate_runs(rng, n_sessions=4), settings), sessions=MEDICATION)
    found = confound_analyses(case)
    assert "No p of mg alone: it has one value a session, and runs were held out." in found.not_done
    assert found.numbers["framewise displacement"]["p_between"] is not None


def test_confounds_that_are_missing_at_one_of_several_lags_are_no_control(rng):
    settings = Settings(n_bootstraps=100, lag_s=(0.0, 12.0))
    fd = rng.random(360)
    fd[41:110] = np.nan  # whole bins at the longer lag alone
    runs = [
        Run(r.signals, r.rating, r.tr_s, r.session, r.task, r.run, confounds={FD: fd})
        for r in simulate_runs(rng, n_sessions=3)
    ]
    confounds, not_done = find_confounds(Case(decode_runs(runs, settings)))
    assert "has a bin without a value" in not_done[0]
    assert "framewise displacement" not in [confound.name for confound in confounds]


@pytest.mark.parametrize(
    ("sessions", "words"),
    [
        ({"mg": [1.0]}, "needs a column 'session'"),
        ({"session": ["01", "01"]}, "more than once"),
        ({"session": ["01"], "mg": ["much"]}, "'mg' of sessions does not hold numbers"),
    ],
)
def test_tables_of_sessions_that_make_no_sense_are_errors(case, sessions, words):
    with pytest.raises(ValueError, match=words):
        Case(case.decoding, sessions=pd.DataFrame(sessions))
