"""What is given from Python: numbers, times and labels that are taken, and those refused."""

import dataclasses
import pickle

import numpy as np
import pandas as pd
import pytest

from painprint import NestedRidge, RatingRecording, Regions, Run, Settings
from painprint.cortex.settings import AreaSettings
from painprint.decode.prepare import prepare_runs
from painprint.results.read import read_table
from painprint.runs import pair_frames
from painprint.simulate.world import World
from painprint.store.files import write_table

GOOD = np.random.default_rng(0).normal(size=(40, 3))
RATING = np.linspace(0, 1, 40)


def make(**change):
    return Run(**{"signals": GOOD, "rating": RATING, "tr_s": 1.0, "session": "01", **change})


def test_masked_elements_are_missing():
    mask = RATING > 0.5
    run = make(rating=np.ma.array(np.where(mask, 99.0, RATING), mask=mask))
    np.testing.assert_array_equal(np.isnan(run.rating), mask)
    assert pair_frames(run, lag_frames=0, drop_frames=0).counts["n_without_rating"] == mask.sum()
    signals = np.ma.array(GOOD, mask=np.zeros_like(GOOD, bool))
    signals[3] = np.ma.masked
    assert np.isnan(make(signals=signals).signals[3]).all()
    with pytest.raises(ValueError, match="censored: there is a value of nan"):
        make(censored=np.ma.array(np.zeros(40, bool), mask=mask))
    recording = RatingRecording(np.arange(40.0), np.ma.array(RATING, mask=mask))
    np.testing.assert_array_equal(np.isnan(recording.value), mask)


@pytest.mark.parametrize(
    "signals",
    [
        GOOD.astype(">f8"), GOOD.astype(np.longdouble), np.asfortranarray(GOOD), GOOD.tolist(),
        np.repeat(GOOD, 2, axis=1)[:, ::2], pd.DataFrame(GOOD),
        pd.DataFrame(GOOD).astype("Float64"), pd.DataFrame(GOOD).astype(object), np.ma.array(GOOD),
    ],
    ids=str,
)  # fmt: skip
def test_the_same_numbers_in_another_form_are_the_same_run(signals):
    np.testing.assert_array_equal(make(signals=signals).signals, GOOD)


def test_narrow_and_extension_types_keep_their_values():
    half = GOOD.astype(np.float16)
    np.testing.assert_array_equal(make(signals=half).signals, half.astype(float))
    rating = pd.Series([pd.NA, *range(39)], dtype="Int64")
    np.testing.assert_array_equal(make(rating=rating).rating, [np.nan, *range(39)])
    read_only = GOOD.copy()
    read_only.flags.writeable = False
    assert make(signals=read_only).signals is not read_only


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"signals": GOOD + 1j}, "signals: these are complex numbers"),
        ({"rating": RATING > 0.5}, "rating: these are True and False"),
        ({"rating": RATING.astype(str)}, "rating: these are text"),
        ({"rating": pd.Series(RATING.astype(str))}, "rating: these are"),
        ({"rating": pd.Series(RATING).astype("category")}, "categories"),
        ({"rating": pd.date_range("2026", periods=40)}, "rating: these are dates"),
        ({"rating": np.array([object()] * 40)}, "rating: these are objects"),
        ({"rating": np.where(RATING > 0.5, 1e308, RATING)}, "largest value is 1e.308"),
        ({"signals": [[1.0], [1.0, 2.0]]}, "an array of numbers is needed"),
        ({"signals": GOOD[:, 0]}, "signals have shape"),
        ({"signals": GOOD[None]}, "signals have shape"),
        ({"signals": GOOD[:0], "rating": RATING[:0]}, "none of them 0"),
        ({"signals": GOOD[:, :0]}, "none of them 0"),
        ({"censored": RATING}, "True and False are needed"),
        ({"event": RATING}, "whole numbers are needed"),
        ({"confounds": {"fd": RATING[:3]}}, "confound fd has shape"),
        ({"confounds": {"fd": RATING + 1j}}, "confound fd: these are complex"),
        ({"tr_s": 460}, "tr_s is 460 s; it must be from 0.01 to 30 s. It seems to be in milli"),
        ({"tr_s": 1e9}, "it must be from 0.01 to 30 s"),
        ({"tr_s": np.inf}, "tr_s is inf"),
        ({"tr_s": np.nan}, "tr_s is nan"),
        ({"tr_s": 0}, "tr_s is 0"),
        ({"tr_s": "0.5"}, "tr_s is '0.5'; a number of seconds"),
        ({"tr_s": True}, "tr_s is True; a number of seconds"),
        ({"start_s": np.inf}, "start_s is inf"),
        ({"start_s": "0"}, "start_s is '0'"),
        ({"start_s": 5e4}, "start_s is 50000 s; .* milliseconds"),
        ({"session": "a\tb"}, r"session is 'a\\tb', with the control character"),
        ({"session": "n/a"}, "leave it empty"),
        ({"task": "x\ny"}, "task is"),
        ({"run": "\x00"}, "run is"),
        ({"run": 1.5}, "text is needed"),
        ({"session": None}, "text is needed"),
        ({"regions": ["a", "b", "c\r"]}, "regions: number 3"),
        ({"regions": ["a", "b", ""]}, "regions: number 3 is empty"),
        ({"regions": ["a", "b", "\ud800"]}, "surrogate"),
        ({"regions": ["a", "b", "\uffff"]}, "forbidden"),
        ({"regions": "abc"}, "several labels are needed"),
        ({"confounds": {"f\td": RATING}}, "name of a confound"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**change)


def test_whole_numbers_are_labels():
    run = make(session=1, run=np.int64(2), regions=[7, 8, 9])
    assert (str(run.key), run.regions) == ("ses-1 run-2", ("7", "8", "9"))


def test_labels_of_regions_and_networks_have_no_control_characters():
    with pytest.raises(ValueError, match="networks: number 2"):
        Regions(("a", "b"), ("", "x\ty"))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"lag_s": "6"}, r"lag_s is '6'; needed: a number, or several, such as \(6.0,\)."),
        ({"lag_s": (4.0, "6")}, "lag_s is"),
        ({"lag_s": 6000.0}, "lag_s is"),
        ({"lag_s": True}, "lag_s is True"),
        ({"drop_s": None}, "drop_s is None; needed: a number, such as 30.0."),
        ({"drop_s": float("nan")}, "a finite number is needed"),
        ({"n_bootstraps": 1000.5}, "n_bootstraps is 1000.5; needed: a whole number, such as"),
        ({"rating_hold": "yes"}, "rating_hold is 'yes'; needed: True or False, such as False."),
        ({"decoder": 3}, "decoder is 3"),
        ({"decoder": "svr"}, "choose one of ridge, lasso_pcr"),
        ({"decoder": "rigde"}, "decoder is 'rigde'; choose one of .* Did you mean ridge"),
        ({"rating_range": (0.0,)}, "rating_range is .*; needed: 2 times a number, or None."),
        ({"task_id": 5}, "task_id is 5; needed: text, or several."),
        ({"tr_s": 460.0}, "Give seconds, not milliseconds"),
    ],
)
def test_options_of_another_type_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Settings(**settings)


@pytest.mark.parametrize("kind", [Settings, AreaSettings, World])
def test_a_keyword_that_is_no_option_is_refused_with_the_one_that_is_meant(kind):
    name = dataclasses.fields(kind)[-1].name
    with pytest.raises(TypeError, match=f"has no option {name}x. Did you mean {name}"):
        kind(**{f"{name}x": 1})
    with pytest.raises(TypeError, match=f"has no option zzz. There are: .*{name}"):
        kind(zzz=1)
    assert pickle.loads(pickle.dumps(kind())) == kind()


def test_options_may_be_lists_and_numbers_of_numpy():
    settings = Settings(lag_s=[4, np.float64(6)], random_seed=np.int64(3), rating_range=[0, 1])
    assert (settings.lag_s, settings.rating_range) == ((4, 6.0), (0, 1))
    assert type(settings.random_seed) is int and type(settings.lag_s[1]) is float


def test_columns_of_data_frames_are_matched_by_name():
    rng = np.random.default_rng(1)
    runs = []
    for i, order in enumerate(([0, 1, 2], [2, 0, 1], [1, 2, 0])):
        frame = pd.DataFrame(rng.normal(size=(200, 3)) + np.arange(200)[:, None] * [0, 1, -1])
        frame.columns = list("abc")
        runs.append(Run(frame.iloc[:, order], rng.random(200), tr_s=1.0, session=str(i)))
    prepared = prepare_runs(runs, Settings())
    for lags in prepared.runs:
        rises = lags[0].signals[-1] - lags[0].signals[0]
        assert rises[1] > 3 and rises[2] < -3


def unnamed_runs():
    rng = np.random.default_rng(1)
    return [
        Run(rng.normal(size=(200, 3)), rng.random(200), tr_s=1.0, session=str(i)) for i in range(3)
    ]


def test_regions_may_be_names_or_networks_by_name():
    table = Regions(("a", "b", "c"), ("X", "X", "Y"))
    named = [dataclasses.replace(run, regions=table.names) for run in unnamed_runs()]
    settings = Settings(exclude_network=("Y",))
    for given in (table, {"a": "X", "b": "X", "c": "Y"}, {"c": "Y", "a": "X", "b": "X"}):
        prepared = prepare_runs(named, settings, regions=given)
        assert prepared.regions == Regions(("a", "b"), ("X", "X"))
    assert prepare_runs(named, Settings(), regions=["a", "b", "c"]).regions.names == table.names


def test_names_and_networks_by_name_name_regions_that_have_numbers():
    runs = unnamed_runs()
    assert prepare_runs(runs, Settings(), regions=list("cab")).regions.names == ("c", "a", "b")
    by_name = prepare_runs(runs, Settings(), regions={"c": "X", "a": "", "b": "Y"})
    assert by_name.regions == Regions(("c", "a", "b"), ("X", "", "Y"))
    np.testing.assert_array_equal(
        by_name.runs[0][0].signals, prepare_runs(runs, Settings()).runs[0][0].signals
    )
    matched = prepare_runs(runs, Settings(), regions={"2": "X", "1": "Y", "3": ""})
    assert matched.regions == Regions(("1", "2", "3"), ("Y", "X", ""))


@pytest.mark.parametrize(
    ("names", "regions", "sentence"),
    [
        (None, ["a", "b"], "regions= has 2 names, but the runs have 3 regions"),
        (
            ["a", "b", "c"],
            ["x", "y", "z"],
            "none of the runs' regions: its first is 'x', theirs 'a'",
        ),
        (["a", "b", "c"], {"x": "N"}, "none of the runs' regions"),
        (["a", "b", "c"], "abc", "several labels are needed"),
        (["a", "b", "c"], ["a", "a"], "repeated: a"),
        (["a", "b", "c"], {"a": None}, "networks: number 1 is None"),
    ],
)
def test_regions_that_are_not_those_of_the_runs_are_refused(names, regions, sentence):
    runs = [dataclasses.replace(run, regions=names or run.regions) for run in unnamed_runs()]
    with pytest.raises(ValueError, match=sentence):
        prepare_runs(runs, Settings(), regions=regions)


def replace_tr(run, tr_s):
    return dataclasses.replace(run, tr_s=tr_s)


def test_lag_and_start_are_frames_of_the_repetition_time_of_each_run():
    rng = np.random.default_rng(1)
    runs = [
        Run(rng.normal(size=(n, 3)), rng.random(n), tr_s=tr_s, session=str(tr_s))
        for tr_s, n in ((0.5, 400), (1.0, 200), (2.0, 100))
    ]
    prepared = prepare_runs(runs, Settings(lag_s=6.0, drop_s=30.0))
    counts = [lags[0].counts for lags in prepared.runs]
    assert [c["n_start"] for c in counts] == [60, 30, 15]
    assert [c["n_beyond_end"] for c in counts] == [12, 6, 3]
    (note,) = prepared.notes
    assert note.startswith("runs have repetition times from 0.5 to 2 s")
    assert prepare_runs([replace_tr(run, 1.0 + 1e-7) for run in runs], Settings()).notes == ()


def test_estimators_do_not_use_what_is_masked():
    X, y = GOOD, GOOD[:, 0]
    groups = np.repeat(np.arange(4), 10)
    with pytest.raises(ValueError, match="NaN"):
        NestedRidge().fit(X, np.ma.array(y, mask=y > 1), groups)
    with pytest.raises(ValueError, match="NaN"):
        NestedRidge().fit(np.ma.array(X, mask=X > 2), y, groups)
    with pytest.raises(ValueError, match="groups have missing values"):
        NestedRidge().fit(X, y, np.where(groups == 3, np.nan, groups))
    with pytest.raises(ValueError, match="[Cc]omplex"):
        NestedRidge().fit(X + 1j, y, groups)


NAMES = [
    "nan",
    "NA",
    "n/a",
    "None",
    "NULL",
    "1e5",
    "001",
    "=cmd()",
    "$x$",
    "_a",
    'a"b',
    "<b>",
    "😀",
]


def test_names_that_look_like_missing_values_survive_tables(tmp_path):
    table = pd.DataFrame({"region": NAMES, "session": ["NA", "nan", ""] * 4 + ["001"]})
    write_table(tmp_path / "t.tsv", table)
    again = read_table(tmp_path / "t.tsv")
    assert list(again["region"]) == NAMES
    assert list(again["session"].fillna("")) == list(table["session"])


def test_a_changed_run_is_checked_again():
    with pytest.raises(ValueError, match="session is"):
        dataclasses.replace(make(), session="a\nb")
