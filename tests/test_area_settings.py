"""Options of a parcellation: refused where they make no sense, inherited where they are others'."""

import pytest

from painprint.cortex.networks import SCAN_LADDER
from painprint.cortex.settings import FEWEST_SEEDS, N_ROTATIONS, AreaSettings
from painprint.option_fields import describe
from painprint.results.provenance import changed_options


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"task_id": ()}, "task_id is empty; name the task whose runs are used, such as rest"),
        ({"label": "my-areas"}, "label is 'my-areas'; BIDS allows letters and digits"),
        ({"label": ""}, "label is ''; BIDS allows letters and digits"),
        ({"label": "größe"}, "BIDS allows letters and digits"),
        ({"label": "../x"}, "BIDS allows letters and digits"),
        ({"label": "mineodd"}, "labels that end with odd or even are those of halves"),
        ({"n_seeds": 99}, f"n_seeds is 99; it must be at least {FEWEST_SEEDS}"),
        ({"rank": 1}, "rank is 1; it must be at least 2"),
        ({"n_checked": -1}, "n_checked is -1; it must be at least 0"),
        ({"community_nodes": "voxels"}, "choose one of supervertices, full, areas"),
        ({"n_trials": 0}, "n_trials is 0; it must be at least 1"),
        ({"n_turns": 19}, f"n_turns is 19; it must be at least {N_ROTATIONS}"),
        ({"scan_community": "12"}, "write it as threshold:community, such as 0.001:12"),
        ({"scan_community": "0.001:"}, "write it as threshold:community"),
        ({"scan_community": "x:12"}, "write it as threshold:community"),
        ({"scan_community": "12:0.001"}, "write it as threshold:community"),
        ({"scan_community": "nan:12"}, "thresholds are shares"),
        ({"scan_community": "2:12"}, "thresholds are shares"),
        ({"scan_community": "0.001:0"}, "communities are counted from 1"),
        ({"scan_community": "0.001:-1"}, "communities are counted from 1"),
        ({"rest_low_pass_hz": -0.1}, "rest_low_pass_hz is -0.1; it must be at least 0 Hz"),
        ({"fd_thresh_mm": float("nan")}, "fd_thresh_mm is nan; a finite number is needed"),
        ({"nuisance_regressors": "all"}, "choose one of paper, 24P, 36P, acompcor_gsr, none"),
        ({"dummy_scans": -2}, "dummy_scans is -2"),
        ({"random_seed": -1}, "random_seed is -1"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_by_name(wrong, said):
    with pytest.raises(ValueError) as error:
        AreaSettings(**wrong)
    assert said in str(error.value)
    assert next(iter(wrong)) in str(error.value)


def test_the_community_that_was_chosen():
    assert AreaSettings().scan_choice is None
    for threshold in SCAN_LADDER:
        assert AreaSettings(scan_community=f"{threshold}:12").scan_choice == (threshold, 12)
    assert AreaSettings(scan_community="1e-3:7").scan_choice == (0.001, 7)


def test_one_value_is_taken_as_several():
    assert AreaSettings(task_id="rest", session_label="01").session_label == ("01",)


def test_every_option_is_described_and_typed_as_it_was_given():
    rows = {row["name"]: row for row in describe(AreaSettings())}
    assert {"n_seeds", "rank", "exact", "label", "high_pass_hz", "task_id"} <= set(rows)
    assert rows["rest_low_pass_hz"]["unit"] == "Hz"
    assert changed_options(AreaSettings()) == []
    typed = changed_options(AreaSettings(exact=True, rank=40, task_id=("rest", "eyes")))
    assert set(typed) == {"--exact", "--rank 40", "--task-id rest eyes"}
