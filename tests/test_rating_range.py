"""Ratings outside the possible range refuse a study; ratings that use little of it are noted."""

import numpy as np
import pytest
from test_pipeline import run

from painprint import Run, Settings
from painprint.decode.prepare import prepare_runs


def prepare(rng, value_range):
    runs = [
        Run(rng.normal(size=(400, 4)), np.linspace(0, 0.84, 401)[1:], tr_s=1.0, session=session)
        for session in ("01", "02", "03")
    ]
    return prepare_runs(runs, Settings(rating_range=value_range))


def test_ratings_outside_the_range_are_refused_with_run_and_value(rng):
    message = r"^rating_range is 0 to 0.5, but ses-01 has the rating 0\.8\d+\. Give the lowest"
    with pytest.raises(ValueError, match=message):
        prepare(rng, (0, 0.5))


def test_ratings_that_use_less_than_a_tenth_of_the_range_are_noted(rng):
    said = "less than a tenth of the possible range, 0 to 100 (--rating-range)"
    assert any(said in note for note in prepare(rng, (0, 100)).notes)
    assert not any("possible range" in note for note in prepare(rng, (0, 1)).notes)


@pytest.mark.parametrize("value_range", [("0", "0.1"), ("-900", "900")])
def test_a_dry_run_names_a_wrong_range(derivatives, tmp_path, capsys, value_range):
    refused = value_range == ("0", "0.1")
    words = ("--dry-run", "--rating-range", *value_range)
    assert run(derivatives, tmp_path / "out", *words) == (1 if refused else 0)
    printed = capsys.readouterr()
    if refused:
        assert "--rating-range is 0 to 0.1, but ses-01 task-" in printed.err
    else:
        assert "less than a tenth of the possible range" in printed.out
