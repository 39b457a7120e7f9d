"""Rating bins and time bins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from painprint import Run
from painprint.bins import (
    count_bins,
    discretize_edges,
    discretized_time_bins,
    drop_short_stretches,
    equal_time_bins,
    make_rating_bins,
    make_test_bins,
    rating_bins,
)
from painprint.runs import pair_frames
from painprint.settings import PRESETS


def hazen_edges(n, n_bins):
    """Hazen: the p-quantile of 1..n is n p + 1/2, kept within 1..n."""
    return [min(max(n * k / n_bins + 0.5, 1), n) for k in range(1, n_bins)]


@given(st.integers(20, 300), st.integers(2, 12), st.integers(0, 50))
def test_rating_bins_are_ranks_cut_at_hazen_quantiles(n, n_bins, seed):
    rating = np.random.default_rng(seed).integers(0, 30, size=n) / 30
    order = sorted(range(n), key=lambda i: (rating[i], i))
    rank = {frame: place + 1 for place, frame in enumerate(order)}
    edges = np.quantile(np.arange(1, n + 1), np.arange(1, n_bins) / n_bins, method="hazen")
    np.testing.assert_allclose(edges, hazen_edges(n, n_bins), rtol=1e-12)
    expected = [sum(edge < rank[i] for edge in edges) for i in range(n)]
    np.testing.assert_array_equal(rating_bins(rating, n_bins), expected)


def test_rounding_makes_ties_of_ratings_that_differ_by_rounding():
    rating = [0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2]
    np.testing.assert_array_equal(rating_bins(rating, 2), [1, 0, 0, 1])
    np.testing.assert_array_equal(rating_bins(rating, 2, decimals=9), [0, 0, 1, 1])


def slow_drop(labels, min_frames):
    labels = list(labels)
    stretches, start = [], 0
    for i in range(1, len(labels) + 1):
        if i == len(labels) or labels[i] != labels[start]:
            stretches.append((start, i))
            start = i
    out = list(labels)
    for start, stop in stretches[:-1]:
        if stop - start < min_frames:
            out[start:stop] = [-1] * (stop - start)
    return out


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(0, 6))
def test_short_stretches_are_dropped_except_the_last(labels, min_frames):
    np.testing.assert_array_equal(
        drop_short_stretches(labels, min_frames), slow_drop(labels, min_frames)
    )


@given(st.integers(2, 400), st.integers(1, 12))
def test_equal_time_bins_cut_as_array_split(n_frames, n_bins):
    expected = [len(part) for part in np.array_split(np.arange(n_frames), n_bins)]
    bins = equal_time_bins(n_frames, n_bins)
    np.testing.assert_array_equal(np.bincount(bins, minlength=n_bins), expected)
    assert (np.diff(bins) >= 0).all()


def test_discretized_bins_of_the_study_end_in_a_short_one():
    counts = np.bincount(discretized_time_bins(1304, 10))
    np.testing.assert_array_equal(counts[[0, 1, -1]], [139, 140, 45])
    assert discretize_edges(1304, 10)[-1] >= 1304


def frames_of(rng, n_frames, tr_s=0.46, session="01"):
    run = Run(rng.normal(size=(n_frames, 3)), rng.normal(size=n_frames), tr_s, session)
    return pair_frames(run, lag_frames=0, drop_frames=0)


@pytest.mark.parametrize(
    ("minutes", "expected"), [(10, (10, 5)), (4.6, (5, 2)), (0.9, (2, 1)), (21, (21, 11))]
)
def test_runs_are_cut_into_bins_of_about_one_and_two_minutes(rng, minutes, expected):
    frames = frames_of(rng, round(minutes * 60 / 0.5), 0.5)
    counts = count_bins(frames, PRESETS["recommended"])
    assert (counts.one_minute, counts.two_minutes) == expected
    paper = count_bins(frames, PRESETS["paper"])
    assert (paper.one_minute, paper.two_minutes) == (10, 5)


@given(st.lists(st.integers(150, 700), min_size=1, max_size=4), st.sampled_from(sorted(PRESETS)))
def test_bins_partition_the_kept_frames(lengths, preset):
    rng = np.random.default_rng(sum(lengths))
    runs = [frames_of(rng, n, session=str(i)) for i, n in enumerate(lengths)]
    rules = PRESETS[preset]
    for scale in ("1min", "2min"):
        assert_partition(runs, make_test_bins(runs, rules, scale), n_left_out=0)
    rated = make_rating_bins(runs, rules, min_stretch_frames=2)
    assert_partition(runs, rated, n_left_out=rated.n_frames_excluded.sum())


def assert_partition(runs, bins, n_left_out):
    """Each kept frame in one bin, but for those counted as left out; ratings are means."""
    taken = [(r, f) for r, members in zip(bins.run, bins.frames, strict=True) for f in members]
    assert len(taken) == len(set(taken)) == sum(map(len, runs)) - n_left_out
    for r, members, rating in zip(bins.run, bins.frames, bins.rating, strict=True):
        assert rating == pytest.approx(np.mean([runs[r].rating[f] for f in members]), abs=1e-12)


def test_a_rating_bin_that_loses_all_frames_is_dropped_and_counted(rng):
    rating = np.repeat(np.arange(20.0), 20)
    rating[1::7] = 100.0  # the highest bin never lasts
    run = Run(rng.normal(size=(400, 3)), rating, 1.0)
    frames = pair_frames(run, lag_frames=0, drop_frames=0)
    bins = make_rating_bins([frames], PRESETS["recommended"], min_stretch_frames=5)
    assert bins.n_bins_requested[0] == 7
    assert len(bins) < 7
    assert 7 not in bins.number
