"""The start value of a slider that has not been moved yet."""

import numpy as np
import pytest
from conftest import simulate_runs, write_table
from test_load import load_first, path_of

from painprint import Settings
from painprint.bids.ratings import RatingRecording
from painprint.errors import DerivativesError

SUGGESTED = (
    "the rating begins with more than 30 s of one value. If that is where the slider was until it "
    "was first moved, pass --rating-ignore-start."
)


def write_slider(tree, rng, n_unmoved):
    """A slider of 360 samples, 1 s apart at mid-frame, at 50 until it is moved."""
    tree.add_run(simulate_runs(rng, n_sessions=1, n_runs=1)[0], rating="beh")
    value = np.round(rng.uniform(0, 40, 360), 3)
    value[:n_unmoved] = 50
    rows = np.stack([np.arange(360) + 0.5, value], axis=1)
    write_table(path_of(tree, "*_beh.tsv"), ["time", "rating"], rows)
    return value


@pytest.mark.parametrize("hold", [False, True])
def test_a_start_value_is_missing_if_that_is_said(tree, rng, hold):
    value = write_slider(tree, rng, 45)
    run, record = load_first(tree)
    np.testing.assert_allclose(run.rating, value, atol=1e-12)
    assert SUGGESTED in record.notes
    run, record = load_first(tree, Settings(rating_ignore_start=True, rating_hold=hold))
    assert np.isnan(run.rating[:45]).all()
    np.testing.assert_allclose(run.rating[45:], value[45:], atol=1e-12)
    assert SUGGESTED not in record.notes
    assert (
        "45 rating samples before the first change were taken as missing (--rating-ignore-start)."
        in record.notes
    )
    assert record.quality.highest == value[45:].max() and record.quality.n_gaps == 0


def test_a_short_start_value_is_not_mentioned(tree, rng):
    write_slider(tree, rng, 30)
    assert SUGGESTED not in load_first(tree)[1].notes


def test_a_rating_that_never_changes_has_no_start_to_ignore(tree, rng):
    write_slider(tree, rng, 360)
    assert SUGGESTED not in load_first(tree)[1].notes
    with pytest.raises(DerivativesError, match="_beh.tsv: the rating never changes"):
        load_first(tree, Settings(rating_ignore_start=True))


def test_the_start_value_counts_from_the_first_sample_and_the_start_of_the_scan():
    value = [np.nan, 5, 5, np.nan, 5, 6, 5]
    recording = RatingRecording(np.arange(7) * 10, value, start_s=-20)
    assert recording.n_before_change == 5
    assert recording.start_value_lasts_s(-100) == 40
    assert recording.start_value_lasts_s(0) == 30
    assert recording.start_value_lasts_s(40) == 0
    np.testing.assert_array_equal(recording.without_start().value, [np.nan] * 5 + [6, 5])
