"""Options: refused where they make no sense, described once."""

import math

import pytest

from painprint import Settings
from painprint.cortex.settings import NODES, AreaSettings
from painprint.option_fields import Bounds, choices_of, describe, option_metadata
from painprint.settings import CLEANING, GROUPS, READ_WITH
from painprint.simulate.world import World


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"preset": "fast"}, "preset"),
        ({"leave_out": "frame"}, "leave_out is 'frame'; choose one of session, run"),
        ({"quality_fd_mm": (0.5, 0.2)}, "then the higher one of bad"),
        ({"quality_tsnr": (15.0, 30.0)}, "then the lower one of bad"),
        ({"quality_tsnr": (15.0, -1.0)}, "each must be at least 0"),
        ({"lag_s": ()}, "lag_s is empty"),
        ({"lag_s": (6.0, -1.0)}, "each must be from 0 to 3600 s"),
        ({"lag_s": (6.0, 6.0)}, "once"),
        ({"drop_s": -1.0}, "drop_s"),
        ({"max_missing_regions": 1.0}, "it must be a share from 0 to below 1"),
        ({"n_bootstraps": 10}, "n_bootstraps is 10; it must be at least 100"),
        ({"random_seed": -1}, "random_seed"),
        ({"rating_range": (1.0, 0.0)}, "lowest"),
        ({"n_permutations": 10}, "--skip null"),
        ({"n_curve_draws": 0}, "n_curve_draws"),
        ({"target_r": 1.5}, "it must be above 0 and below 1"),
        ({"first_sessions": 2}, "first_sessions"),
        ({"buffer_sessions": 0}, "buffer_sessions"),
        ({"n_importance_permutations": 10}, "--skip importance"),
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


@pytest.mark.parametrize("kind", [Settings, AreaSettings, World])
def test_every_default_and_every_end_that_is_not_open_is_allowed(kind):
    default = kind()
    for name, metadata in option_metadata(kind).items():
        bounds, value = metadata.bounds, getattr(default, name)
        for end, is_open in ((bounds.low, bounds.low_is_open), (bounds.high, bounds.high_is_open)):
            if math.isfinite(end):
                assert bounds.hold(end) != is_open
                assert f"{end:g}" in metadata.allowed
        beyond = [end for end in (bounds.low - 1, bounds.high + 1) if math.isfinite(end)]
        for wrong in beyond:
            given = (wrong,) * len(value) if isinstance(value, tuple) else wrong
            with pytest.raises(ValueError, match=f"^{name} is .* must be "):
                kind(**{name: given})


def test_bounds_in_words():
    assert str(Bounds()) == ""
    assert str(Bounds(high=3)) == "at most 3"
    assert str(Bounds(high=3, high_is_open=True)) == "below 3"
    assert str(Bounds(0, 3, low_is_open=True)) == "above 0 and at most 3"


def test_choices_come_from_the_type():
    assert choices_of(Settings, "decoder") == ("ridge", "lasso_pcr")
    assert choices_of(AreaSettings, "community_nodes") == NODES
    assert choices_of(Settings, "atlas") == ()


def test_every_setting_stands_under_a_heading_that_there_is():
    for kind in (Settings, AreaSettings):
        assert {metadata.group for metadata in option_metadata(kind).values()} <= set(GROUPS)
    assert {"rating_start_s", "drop_s", "task_id"} < set(READ_WITH)
    assert {"fd_thresh_mm", "min_coverage"} < set(CLEANING) and not set(CLEANING) & set(READ_WITH)
