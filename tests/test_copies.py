"""Copies of a session are found in its signals, whatever was changed; other sessions are not."""

import numpy as np
import pytest
from conftest import SHARED

from painprint import Run, Settings, decode_runs
from painprint.decode.copies import COPIED, _correlate_parts, _directions, _on_clock, find_copies
from painprint.decode.prepare import prepare_runs
from painprint.files.tables import read_numbers
from painprint.runs import Frames, pair_frames


def smooth(rng, n_frames, n_regions, *, shared=0.5):
    """BOLD-like signals: autocorrelated, with a signal that all regions share."""
    noise = rng.normal(size=(n_frames + 20, n_regions)) + shared * rng.normal(
        size=(n_frames + 20, 1)
    )
    kernel = np.exp(-0.5 * (np.arange(-10, 11) / 2.5) ** 2)
    return np.stack([np.convolve(x, kernel, "valid") for x in noise.T], axis=1)[:n_frames]


def frames_of(signals, session, *, tr_s=1.0, censored=None) -> Frames:
    run = Run(signals, np.zeros(len(signals)), tr_s=tr_s, session=session, censored=censored)
    return pair_frames(run, lag_frames=0, drop_frames=0)


SIGNALS = smooth(np.random.default_rng(5), 500, 30)
OTHER = smooth(np.random.default_rng(6), 500, 30)


def digit(x):
    changed = x.copy()
    changed[7, 3] += 0.1
    return changed


CHANGES = {
    "one digit": (digit, 0.999),
    "float16": (lambda x: x.astype(np.float16), 0.999),
    "another unit": (lambda x: 3000 + 25 * x, 0.999),
    "another sign": (lambda x: -x, 0.999),
    "one frame later": (lambda x: x[1:], 0.999),
    "one frame before": (lambda x: np.vstack([x[:1], x]), 0.999),
    "a minute later": (lambda x: x[60:], 0.999),
    "a frame dropped": (lambda x: np.delete(x, 250, axis=0), 0.999),
    "ten frames dropped": (lambda x: np.delete(x, np.arange(10) * 47 + 13, axis=0), 0.95),
    "half of it": (lambda x: np.vstack([x[:250], smooth(np.random.default_rng(7), 250, 30)]), 0.99),
    "cut to a third": (lambda x: x[100:270], 0.95),
    "some noise": (
        lambda x: x + 0.2 * x.std() * np.random.default_rng(1).normal(size=x.shape),
        0.95,
    ),
    "global signal removed": (lambda x: x - x.mean(axis=1, keepdims=True), 0.95),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found(change):
    alter, at_least = CHANGES[change]
    runs = [frames_of(SIGNALS, "1"), frames_of(OTHER, "2"), frames_of(alter(SIGNALS), "3")]
    copies = find_copies(runs, "123")
    assert [(c.first.session, c.second.session) for c in copies] == [("1", "3")]
    assert abs(copies[0].r) >= at_least
    assert (copies[0].r < 0) == (change == "another sign")


def test_a_copy_with_other_censored_frames_is_found():
    censored = np.random.default_rng(2).random(500) < 0.3
    runs = [frames_of(SIGNALS, "1"), frames_of(SIGNALS, "2", censored=censored)]
    assert find_copies(runs, "12")[0].r > 0.99


def test_the_shift_is_that_of_the_second_run():
    runs = [frames_of(SIGNALS, "1"), frames_of(SIGNALS[40:], "2")]
    assert find_copies(runs, "12")[0].shift_frames == -40


def test_runs_of_one_group_may_be_the_same():
    runs = [frames_of(SIGNALS, "1"), frames_of(SIGNALS, "2")]
    assert find_copies(runs, "aa") == []


def largest_chance(runs):
    """Largest |r| of parts of any two runs, without the first threshold."""
    directions = _directions(len(runs[0].regions))
    series = [_on_clock(run, directions) for run in runs]
    return max(
        abs(_correlate_parts(series[i], series[j], 0, runs[i].tr_s))
        for i in range(len(runs))
        for j in range(i)
    )


@pytest.mark.parametrize("n_frames", [60, 200, 500])
@pytest.mark.parametrize("n_regions", [16, 100])
def test_other_runs_are_far_from_being_copies(n_frames, n_regions):
    rng = np.random.default_rng(n_frames + n_regions)
    runs = [frames_of(smooth(rng, n_frames, n_regions), str(i)) for i in range(12)]
    assert find_copies(runs, range(12)) == []
    assert largest_chance(runs) < 0.7 < COPIED


@pytest.mark.needs("engagement")
def test_people_who_see_the_same_video_are_no_copies():
    folder = SHARED / "data" / "engagement" / "derivatives" / "xcp_d"
    paths = sorted(folder.rglob("*timeseries.tsv"))
    runs = [frames_of(read_numbers(path)[1], str(i)) for i, path in enumerate(paths)]
    assert find_copies(runs, range(len(runs))) == []


def runs_with_copy(alter=lambda x: x):
    rng = np.random.default_rng(3)
    signals = [smooth(rng, 200, 6) for _ in range(4)]
    signals.append(alter(signals[1]))
    return [Run(x, rng.random(len(x)), tr_s=1.0, session=f"0{i}") for i, x in enumerate(signals, 1)]


def test_a_study_with_a_copy_is_refused_with_both_names_and_r():
    with pytest.raises(
        ValueError,
        match=r"ses-02 and ses-05 \(r = 1\.0000, frame by frame, -1 frames\).*Remove one",
    ):
        decode_runs(runs_with_copy(lambda x: x[1:] + 0.01), Settings(n_bootstraps=100))
    with pytest.raises(ValueError, match="ses-02 and ses-05"):
        prepare_runs(runs_with_copy(), Settings(leave_out="run"))


def test_a_copied_rating_is_noted_unless_it_is_constant():
    rng = np.random.default_rng(4)
    rating = rng.random(200)

    def notes(*ratings):
        runs = [
            Run(smooth(rng, 200, 6), y, tr_s=1.0, session=f"0{i}") for i, y in enumerate(ratings, 1)
        ]
        return prepare_runs(runs, Settings()).notes

    assert notes(rating, rng.random(200), rng.random(200)) == ()
    assert notes(np.ones(200), np.ones(200), rng.random(200)) == ()
    (note,) = notes(rating, rng.random(200), rating)
    assert note.startswith("2 runs of different sessions have the same rating, frame by frame")
    assert "ses-01, ses-03" in note
