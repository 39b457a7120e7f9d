"""Options: refused where they make no sense, described once."""

import pytest

from painprint import Settings
from painprint.settings import describe


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"preset": "fast"}, "preset"),
        ({"leave_out": "frame"}, "leave_out"),
        ({"lag_s": ()}, "lag_s"),
        ({"lag_s": (6.0, -1.0)}, "lag_s"),
        ({"lag_s": (6.0, 6.0)}, "once"),
        ({"drop_s": -1.0}, "drop_s"),
        ({"max_missing_regions": 1.0}, "max_missing_regions"),
        ({"n_bootstraps": 10}, "at least 100"),
        ({"random_seed": -1}, "random_seed"),
        ({"rating_range": (1.0, 0.0)}, "lowest"),
        ({"n_permutations": 10}, "--skip null"),
        ({"n_curve_draws": 0}, "n_curve_draws"),
        ({"target_r": 1.5}, "target_r"),
        ({"first_sessions": 2}, "first_sessions"),
        ({"buffer_sessions": 0}, "buffer_sessions"),
        ({"n_importance_permutations": 10}, "--skip importance"),
        ({"skip": ("nothing",)}, "null, controls, refits, curve, prospective, importance, rest"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(wrong, word):
    with pytest.raises(ValueError, match=word):
        Settings(**wrong)


def test_one_value_is_taken_as_a_tuple_and_numbers_must_be_finite():
    assert Settings(skip="null").skip == ("null",)
    assert Settings(lag_s=6.0, exclude_region="12") == Settings(
        lag_s=(6.0,), exclude_region=("12",)
    )
    with pytest.raises(ValueError, match="drop_s is inf; a finite number"):
        Settings(drop_s=float("inf"))


def test_every_setting_is_described_with_unit_and_source():
    rows = describe(Settings())
    assert {"name", "value", "unit", "source"} == set(rows[0])
    assert {row["name"]: row["unit"] for row in rows}["drop_s"] == "s"
