"""A rating recording on the frame clock."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from painprint.bids.ratings import RatingRecording, frame_ratings, rating_quality


def test_a_frame_gets_the_rating_interpolated_at_its_middle():
    recording = RatingRecording([0, 1, 2, 3], [0, 10, 20, 30])
    np.testing.assert_allclose(frame_ratings(recording, 3, tr_s=1.0), [5, 15, 25])


def test_starts_of_scan_and_recording_shift_the_clock():
    recording = RatingRecording([0, 1, 2, 3], [0, 10, 20, 30], start_s=10.0)
    rating = frame_ratings(recording, 3, tr_s=1.0, bold_start_s=9.0)
    np.testing.assert_allclose(rating, [np.nan, 5, 15])


@given(
    st.floats(0.2, 3.0),
    st.floats(-20, 20),
    st.floats(-20, 20),
    st.integers(2, 80),
    st.integers(0, 9),
)
def test_no_rating_is_ever_extrapolated(tr_s, bold_start_s, start_s, n_frames, seed):
    rng = np.random.default_rng(seed)
    time_s = np.cumsum(rng.uniform(0.1, 1, size=30))
    value = rng.uniform(size=30)
    recording = RatingRecording(time_s, value, start_s=start_s)
    rating = frame_ratings(recording, n_frames, tr_s=tr_s, bold_start_s=bold_start_s)
    middle = bold_start_s - start_s + tr_s * (np.arange(n_frames) + 0.5)
    outside = (middle < time_s[0] - 1e-9) | (middle > time_s[-1] + 1e-9)
    assert np.isnan(rating[outside]).all()
    inside = rating[np.isfinite(rating)]
    assert ((inside >= value.min() - 1e-12) & (inside <= value.max() + 1e-12)).all()


def test_frames_in_a_gap_have_no_rating():
    recording = RatingRecording([0, 1, 11, 12], [1, 1, 2, 2])
    rating = frame_ratings(recording, 12, tr_s=1.0, max_gap_s=5.0)
    assert np.isfinite(rating).sum() == 2
    assert np.isfinite(frame_ratings(recording, 12, tr_s=1.0)).all()


def test_samples_without_a_value_leave_their_frames_without_a_rating():
    recording = RatingRecording(np.arange(6), [0, 1, np.nan, np.nan, 4, 5])
    rating = frame_ratings(recording, 5, tr_s=1.0)
    np.testing.assert_array_equal(np.isnan(rating), [False, True, True, True, False])


@pytest.mark.parametrize(
    ("time_s", "value", "word"),
    [
        ([0, 1], [1], "sample times"),
        ([0], [1], "at least 2"),
        ([0, 2, 1], [1, 1, 1], r"sample 3 \(1 s\) follows sample 2 \(2 s\)"),
        ([0, np.nan], [1, 1], "sample 2 is not a number"),
        ([0, 1], [np.nan, np.nan], "no finite sample"),
    ],
)
def test_a_broken_recording_is_refused_with_the_sample(time_s, value, word):
    with pytest.raises(ValueError, match=word):
        RatingRecording(time_s, value)


def test_quality_counts_floor_ceiling_stuck_stretches_and_gaps():
    value = [0, 0, 0, 0.5, 1, 1, np.nan, 0.2, 0.3, 1.2]
    recording = RatingRecording([0, 1, 2, 3, 4, 5, 6, 7, 8, 30], value, value_range=(0, 1))
    quality = rating_quality(recording, [1.0, np.nan], max_gap_s=5.0)
    assert (quality.lowest, quality.highest) == (0, 1.2)
    assert quality.share_at_floor == pytest.approx(3 / 9)
    assert quality.share_at_ceiling == pytest.approx(3 / 9)
    assert quality.share_out_of_range == pytest.approx(1 / 9)
    assert quality.longest_stuck_s == 2
    assert (quality.n_gaps, quality.longest_gap_s) == (2, 22)
    assert quality.share_of_scan_rated == 0.5


def test_without_a_known_range_floor_and_ceiling_are_unknown():
    quality = rating_quality(RatingRecording([0, 1], [3, 4]), [3.0], max_gap_s=5.0)
    assert quality.share_at_floor is None and quality.share_out_of_range is None
