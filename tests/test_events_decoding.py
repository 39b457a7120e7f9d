"""Ratings of events: bins, scales, permutations and results, from arrays."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs

from painprint import Settings, decode_runs, run_stage
from painprint.bins import make_test_bins, test_scales
from painprint.decode.bin_gram import make_bin_gram
from painprint.decode.prepare import prepare_runs
from painprint.evidence.case import Case
from painprint.evidence.permuted_ratings import draw_permutations, permute_ratings
from painprint.evidence.stages import STAGES
from painprint.evidence.univariate import convolve_rating, make_design
from painprint.runs import Run, pair_frames
from painprint.signature.model import make_signature
from painprint.signature.recalibrate import check_drift

test_scales.__test__ = False  # not a test
SETTINGS = Settings(n_bootstraps=100, drop_s=0, min_run_s=20)


def with_events(run, n_frames=16, every=30, first=4):
    """The run with events, whose rating is the mean of the continuous one in their window."""
    n = len(run.rating)
    event, rating = np.full(n, -1), np.full(n, np.nan)
    for number, start in enumerate(range(first, n - n_frames, every)):
        window = slice(start, start + n_frames)
        event[window], rating[window] = number, run.rating[window].mean()
    return Run(
        run.signals, rating, run.tr_s, run.session, run.task, run.run, run.censored, event=event
    )


@pytest.fixture
def runs(rng):
    return [with_events(run) for run in simulate_runs(rng, n_sessions=6)]


def test_bins_are_the_events_and_their_means_are_those_of_a_slow_loop(runs):
    decoding = decode_runs(runs, SETTINGS)
    assert list(decoding.scales) == ["event", "run", "session"]
    rows = decoding.predictions.query("scale == 'event'")
    expected = []
    for run in runs:
        for number in range(run.event.max() + 1):
            rated = [
                i
                for i in range(len(run.rating))
                if run.event[i] == number and i + 6 < len(run.rating) and not run.censored[i + 6]
            ]
            expected.append((run.session, run.run, number + 1, len(rated), run.rating[rated[0]]))
    got = rows[["session", "run", "bin", "n_frames", "rating"]]
    wanted = pd.DataFrame(expected, columns=got.columns)
    pd.testing.assert_frame_equal(
        got.reset_index(drop=True).astype({"bin": int}), wanted, check_exact=False, rtol=1e-12
    )


def test_signals_are_scaled_over_all_frames_of_the_run(runs):
    run = runs[0]
    frames = pair_frames(run, lag_frames=6, drop_frames=10)
    kept = np.flatnonzero(~run.censored & (np.arange(len(run.rating)) >= 10))
    signals = run.signals[kept]
    z = (run.signals - signals.mean(axis=0)) / signals.std(axis=0, ddof=1)
    np.testing.assert_allclose(frames.signals, z[frames.frame + 6], atol=1e-12)
    assert sum(v for k, v in frames.counts.items() if k != "n_frames") == len(run.rating)
    np.testing.assert_array_equal(frames.event, run.event[frames.frame])


def test_an_event_without_frames_at_one_lag_is_in_no_bin_at_any(runs):
    run = runs[0]
    censored = run.censored.copy()
    censored[np.flatnonzero(run.event == 2) + 6] = True  # all BOLD of the third event at 6 s
    broken = replace(run, censored=censored)
    prepared = prepare_runs([broken, *runs[1:]], replace(SETTINGS, lag_s=(0.0, 6.0)))
    for frames in prepared.runs[0]:
        assert 2 not in frames.event and {0, 1, 3} <= set(frames.event.tolist())
        assert sum(v for k, v in frames.counts.items() if k != "n_frames") == len(run.rating)
    decoding = decode_runs([broken, *runs[1:]], replace(SETTINGS, lag_s=(0.0, 6.0)))
    first = decoding.predictions.query("scale == 'event' and session == '01' and run == '1'")
    assert 3 not in first["bin"].tolist()


def test_continuous_ratings_and_events_are_not_mixed(runs, rng):
    continuous = simulate_runs(rng, n_sessions=1, n_runs=1)[0]
    with pytest.raises(ValueError, match="some runs have ratings of events"):
        decode_runs([replace(continuous, session="99"), *runs], SETTINGS)


def test_events_that_decrease_are_refused(runs):
    event = runs[0].event.copy()
    event[event == 0] = 5
    with pytest.raises(ValueError, match="must not decrease"):
        replace(runs[0], event=event)


def test_permutations_exchange_whole_events_within_sessions(runs):
    prepared = prepare_runs(runs, SETTINGS)
    frames = [lags[0] for lags in prepared.runs]
    group_index, _ = prepared.groups("session")
    bin_gram = make_bin_gram(frames, group_index, SETTINGS)
    assert bin_gram.kinds == ("train", "event")
    permutations = draw_permutations(bin_gram, 30, np.random.default_rng(0))
    train, event = permute_ratings(bin_gram, permutations, *bin_gram.kinds)
    np.testing.assert_array_equal(train, event)
    np.testing.assert_array_equal(event[:, 0], bin_gram.y("event"))
    groups, run = bin_gram.groups("event"), bin_gram.run("event")
    within = np.flatnonzero(permutations.kind == "within")
    for at in within:
        for r in np.unique(run):
            # deviations are those of the donor, in a circular order
            donor = permutations.donor[at, r]
            given = np.sort(event[run == r, at] - event[run == r, at].mean())
            of_donor = bin_gram.y("event")[run == donor]
            np.testing.assert_allclose(given, np.sort(of_donor - of_donor.mean()), atol=1e-12)
        for g in np.unique(groups):
            runs_of = [event[run == r, at].mean() for r in np.flatnonzero(group_index == g)]
            before = [frames[r].rating.mean() for r in np.flatnonzero(group_index == g)]
            assert np.mean(runs_of) == pytest.approx(np.mean(before), abs=1e-12)


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_answers_for_events(runs, name):
    settings = replace(
        SETTINGS, n_permutations=19, n_curve_draws=2, n_importance_permutations=50, first_sessions=3
    )
    decoding = decode_runs(runs, settings)
    result = run_stage(Case(decoding), name)
    scales = {scale for table in result.tables.values() for scale in table.get("scale", ())}
    assert not scales & {"1min", "2min"}
    if name not in ("rest", "univariate", "external", "qcfc", "prior"):  # need other data
        assert result.tables


def test_frames_of_test_bins_are_those_of_events(runs):
    frames = [pair_frames(run, lag_frames=0, drop_frames=0) for run in runs]
    assert test_scales(frames) == ("event",)
    bins = make_test_bins(frames, SETTINGS.rules, "event")
    for r, members, number in zip(bins.run, bins.frames, bins.number, strict=True):
        assert (frames[r].event[members] == number - 1).all()
        assert len(members) == int((frames[r].event == number - 1).sum())


def test_a_signature_is_compared_with_ratings_over_the_events_alone(runs):
    decoding = decode_runs(runs[:-2], SETTINGS)
    signature = make_signature(decoding, simulated=True, metrics={})
    run = runs[-1]
    (row,) = check_drift(signature, [run]).table.itertuples()
    frames = pair_frames(run, lag_frames=6, drop_frames=0)
    assert row.rated == pytest.approx(frames.rating.mean(), abs=1e-12)
    assert row.predicted == pytest.approx(decoding.final.score(frames.signals).mean(), abs=1e-9)


def test_the_univariate_map_is_the_modulation_of_the_response_to_events(runs, rng):
    run = runs[0]
    rated = np.isfinite(run.rating)
    deviation = np.where(rated, run.rating - run.rating[rated].mean(), 0.0)
    modulation, of_events = (
        convolve_rating(values, run.tr_s) for values in (deviation, rated.astype(float))
    )
    signals = 3.0 * modulation[:, None] + 5.0 * of_events[:, None] + np.zeros((1, 2))
    clean = Run(signals, run.rating, run.tr_s, event=run.event)
    design = make_design(clean, drop_s=0)
    assert len(design.frames) == len(run.rating)  # frames between events, too
    effects = np.linalg.lstsq(design.matrix, signals[design.frames], rcond=None)[0]
    np.testing.assert_allclose(effects[:2], [[3.0, 3.0], [5.0, 5.0]], atol=1e-6)
