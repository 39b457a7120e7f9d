"""One run on one clock: lag, drop, censor, z-score."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from painprint import Run
from painprint.runs import (
    RunKey,
    count_frames,
    framewise_displacement,
    pair_frames,
    restore_censored,
    zscore,
)


def test_the_study_drops_66_frames_and_lags_13():
    assert count_frames(30, 0.46, up=True) == 66
    assert count_frames(6, 0.46, up=False) == 13


def test_rating_i_goes_with_bold_i_plus_lag():
    signals = np.arange(20.0)[:, None] ** [1, 2]
    run = Run(signals, np.arange(20.0), 1.0)
    frames = pair_frames(run, lag_frames=3, drop_frames=5)
    np.testing.assert_array_equal(frames.rating, np.arange(5, 17))
    np.testing.assert_allclose(frames.signals, zscore(signals[8:20])[0])


@given(st.integers(0, 10), st.integers(0, 10), st.integers(1, 60), st.integers(0, 99))
def test_every_frame_is_counted_exactly_once(lag, drop, n_frames, seed):
    rng = np.random.default_rng(seed)
    signals = rng.normal(size=(n_frames, 3))
    signals[rng.random(n_frames) < 0.1] = np.nan
    rating = np.where(rng.random(n_frames) < 0.1, np.nan, rng.random(n_frames))
    run = Run(signals, rating, 1.0, censored=rng.random(n_frames) < 0.2)
    frames = pair_frames(run, lag_frames=lag, drop_frames=drop)
    counts = dict(frames.counts)
    assert counts.pop("n_frames") == n_frames == sum(counts.values())
    assert counts["n_kept"] == len(frames) == len(set(frames.frame))


def test_zscore_has_mean_0_and_sd_1_and_marks_what_it_cannot_do(rng):
    signals = rng.normal(5, 3, size=(50, 4))
    signals[:, 1] = 7.3
    signals[3, 2] = np.nan
    z, usable = zscore(signals)
    np.testing.assert_array_equal(usable, [True, False, False, True])
    np.testing.assert_allclose(z[:, usable].mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(z[:, usable].std(axis=0, ddof=1), 1)
    assert np.isnan(z[:, ~usable]).all()


def test_censored_series_go_back_on_the_full_clock():
    censored = np.array([False, True, False, False])
    full = restore_censored(np.array([[1.0], [2.0], [3.0]]), censored)
    np.testing.assert_array_equal(full[:, 0], [1, np.nan, 2, 3])
    np.testing.assert_array_equal(restore_censored(np.ones((4, 1)), censored), np.ones((4, 1)))


def test_any_other_length_is_an_error_with_the_numbers():
    with pytest.raises(ValueError, match="2 rows, but the outliers file keeps 3 of 4"):
        restore_censored(np.ones((2, 1)), [False, True, False, False])


def test_framewise_displacement_is_the_sum_of_absolute_changes(rng):
    motion = rng.normal(size=(6, 6))
    expected = [0.0]
    for t in range(1, 6):
        expected.append(
            sum(abs(motion[t, i] - motion[t - 1, i]) * (1 if i < 3 else 50) for i in range(6))
        )
    np.testing.assert_allclose(framewise_displacement(motion), expected)


def test_a_data_frame_brings_its_region_names():
    run = Run(pd.DataFrame(np.ones((3, 2)), columns=["PAG", "S1"]), np.ones(3), 1.0)
    assert run.regions == ("PAG", "S1")


def test_selected_regions_come_in_the_order_asked(rng):
    run = Run(rng.normal(size=(9, 3)), np.ones(9), 1.0, regions=("a", "b", "c"))
    frames = pair_frames(run, lag_frames=0, drop_frames=0)
    chosen = frames.select(("c", "a"))
    np.testing.assert_array_equal(chosen.signals, frames.signals[:, [2, 0]])


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"rating": np.ones(4)}, r"\(5, 2\) and ratings \(4,\)"),
        ({"tr_s": 0.0}, "tr_s"),
        ({"censored": np.ones(3, bool)}, "censored"),
        ({"regions": ("a",)}, "1 region names for 2"),
        ({"regions": ("a", "a")}, "repeated: a"),
    ],
)
def test_a_run_that_does_not_fit_together_is_refused(wrong, word):
    good = {"signals": np.ones((5, 2)), "rating": np.ones(5), "tr_s": 1.0}
    with pytest.raises(ValueError, match=word):
        Run(**{**good, **wrong})


def test_arrays_of_a_run_are_read_only():
    run = Run(np.ones((3, 2)), np.ones(3), 1.0)
    with pytest.raises(ValueError, match="read-only"):
        run.signals[0, 0] = 2


def test_a_key_without_labels_still_has_a_name():
    assert str(RunKey()) == "the only run"
    assert str(RunKey("01", "rest", "2")) == "ses-01 task-rest run-2"
