"""A multiverse: each declared analysis as if alone, all of them shown, none a signature."""

import json
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from conftest import QUICK, Tree, check_outputs, fill, simulate_runs

from painprint import Settings
from painprint.apps import multiverse_steps
from painprint.bins import make_test_bins
from painprint.cli import main
from painprint.decode.bin_gram import cut_bins, inner_products
from painprint.decode.kept_products import MOST_KEPT, KeptProducts
from painprint.decode.prepare import prepare_runs
from painprint.decode.training import train
from painprint.evidence.case import make_bin_grams
from painprint.evidence.permuted_ratings import Permutations, permute_frames, permute_ratings
from painprint.evidence.specifications import MOST, Choice, LeftOut, Plan, specify
from painprint.results.multiverse import find_multiverses, read_multiverse
from painprint.results.read import find_results
from painprint.stats.main_effects import main_effects

LONG = pytest.mark.long
SETTINGS = Settings(n_bootstraps=100)
PLAN = """
[choices]
lag = [6, 2, [4, 6]]
exclude-network = [[], "VIS"]
train-bins = ["30s", "60s"]

[[left-out]]
lag = [4, 6]
train-bins = "60s"
because = "not planned"
"""


def write_plan(folder, text=PLAN):
    path = folder / "plan.toml"
    path.write_text(text)
    return path


def run(plan, root, out, *options, code=0):
    words = ["multiverse", str(plan), str(root), str(out), "participant", "--n-bootstraps", "100"]
    assert main([*words, *options]) == code


def results_of(out):
    (files,) = find_multiverses(out)
    return read_multiverse(files)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A small dataset and its plan; not to be changed."""
    root = tmp_path_factory.mktemp("multiverse")
    runs = simulate_runs(np.random.default_rng(20260301), n_sessions=8, n_runs=1, n_frames=300)
    tree = fill(Tree(root / "bids"), runs)
    return tree.root, write_plan(root)


@pytest.fixture(scope="module")
def finished(dataset, tmp_path_factory):
    """Its multiverse; not to be changed."""
    out = tmp_path_factory.mktemp("out") / "out"
    run(dataset[1], dataset[0], out)
    return out


# variance explained


def sum_of_squares(values, codes):
    """Residual sum of squares of an additive model, by alternating averages until they stand."""
    residual = values - values.mean()
    for _ in range(3000):
        for code in codes:
            for level in set(code):
                residual = residual - np.where(code == level, residual[code == level].mean(), 0)
    return residual @ residual


def test_shares_of_a_balanced_design_are_those_of_means_by_alternative(rng):
    rows = np.array(list(product(range(3), range(2), range(2))))
    levels = dict(zip("abc", rows.T, strict=True))
    values = rng.normal(size=len(rows))
    effects = main_effects(values, levels)
    total = ((values - values.mean()) ** 2).sum()
    for name, code in levels.items():
        between = sum(
            (code == level).sum() * (values[code == level].mean() - values.mean()) ** 2
            for level in set(code)
        )
        assert effects.shares[name] == pytest.approx(between / total, rel=1e-9)
    assert effects.is_balanced
    assert effects.additive == pytest.approx(sum(effects.shares.values()), rel=1e-9)


def test_shares_of_an_unbalanced_design_are_what_each_choice_adds(rng):
    rows = np.array(list(product(range(3), range(2), range(2))))[:-3]
    levels = dict(zip("abc", rows.T, strict=True))
    values = rng.normal(size=len(rows)) + rows[:, 0]
    effects = main_effects(values, levels)
    total = sum_of_squares(values, [])
    everything = sum_of_squares(values, list(levels.values()))
    for name in levels:
        others = [code for other, code in levels.items() if other != name]
        expected = (sum_of_squares(values, others) - everything) / total
        assert effects.shares[name] == pytest.approx(expected, abs=1e-8)
    assert not effects.is_balanced
    assert effects.additive == pytest.approx(1 - everything / total, abs=1e-8)


def test_equal_results_have_no_variance_to_explain():
    effects = main_effects(np.full(4, 0.1), {"a": np.array([0, 0, 1, 1])})
    assert (effects.shares, effects.additive) == ({"a": None}, None)


# permuted ratings


@pytest.mark.parametrize("n_lags", [1, 2])
def test_permuted_frames_average_to_permuted_bins(rng, n_lags):
    settings = Settings(n_bootstraps=100, lag_s=(6.0, 3.0)[:n_lags])
    prepared = prepare_runs(simulate_runs(rng), settings)
    group_index, _ = prepared.groups("session")
    drawn = permute_frames(prepared.runs, group_index, np.random.default_rng(4))
    again = np.random.default_rng(4)
    key = again.random((1, 5))
    donor = np.empty((1, 10), int)
    for position in (0, 1):
        runs = np.arange(position, 10, 2)
        donor[:, runs] = runs[np.argsort(key, axis=1)]
    shift = again.random(10)[None]
    for i, bin_gram in enumerate(make_bin_grams(prepared, group_index, settings, n_jobs=1)):
        levels = [bin_gram.scales.of_group @ [f.rating.mean() for f in bin_gram.frames]]
        order = np.argsort(np.argsort(levels[0]))[None]
        (expected,) = permute_ratings(
            bin_gram, Permutations(np.array(["within"]), donor, shift, order), "1min"
        )
        frames = [lags[i] for lags in drawn]
        bins = make_test_bins(frames, settings.rules, "1min", like=[lags[0] for lags in drawn])
        np.testing.assert_allclose(bins.rating, expected[:, 0], rtol=1e-10)
        means = bin_gram.scales.of_group @ [f.rating.mean() for f in frames]
        np.testing.assert_allclose(means, levels[0], rtol=1e-10)
        for before, after in zip([lags[i] for lags in prepared.runs], frames, strict=True):
            assert after.signals is before.signals
            assert not np.allclose(after.rating, before.rating)


# inner products


def test_kept_products_are_those_that_would_be_computed(rng):
    prepared = prepare_runs(simulate_runs(rng), SETTINGS)
    group_index, _ = prepared.groups("session")
    frames = [lags[0] for lags in prepared.runs]
    products = KeptProducts()
    for train_bins in ("30s", "60s", "30s"):
        settings = Settings(n_bootstraps=100, train_bins=train_bins)
        bins = cut_bins(frames, settings)[0]["train"]
        for features in (("edges",), ("activity", "edges")):
            expected = inner_products(frames, bins, group_index, features)
            found = products(frames, bins, group_index, features)
            assert list(found) == list(features)
            for name in features:
                np.testing.assert_array_equal(found[name], expected[name])
    training = train(prepared, SETTINGS, products=products)
    expected = train(prepared, SETTINGS)
    np.testing.assert_array_equal(training.final.weights, expected.final.weights)


def test_inner_products_are_computed_once_for_the_same_signals_and_bins(rng, monkeypatch):
    computed = []

    def count(frames, bins, group_index, features, *, n_jobs=1):
        computed.append(features)
        return inner_products(frames, bins, group_index, features, n_jobs=n_jobs)

    monkeypatch.setattr("painprint.decode.kept_products.inner_products", count)
    prepared = prepare_runs(simulate_runs(rng), SETTINGS)
    group_index, _ = prepared.groups("session")
    runs = permute_frames(prepared.runs, group_index, rng)
    frames, permuted = ([lags[0] for lags in some] for some in (prepared.runs, runs))
    products, (bins, other) = KeptProducts(), (
        cut_bins(some, SETTINGS)[0]["train"] for some in (frames, permuted)
    )  # fmt: skip
    first = products(frames, bins, group_index, ("edges",))["edges"]
    assert products(permuted, other, group_index, ("edges",))["edges"] is first
    assert not first.flags.writeable
    assert len(computed) == 1
    fewer = [f.select(f.regions[:-1]) for f in frames]
    products(fewer, bins, group_index, ("edges",))
    assert len(computed) == 2
    for n in range(1, MOST_KEPT + 1):
        products([f.select(f.regions[-n:]) for f in frames], bins, group_index, ("activity",))
    products(fewer, bins, group_index, ("edges",))
    assert computed.count(("edges",)) == 3  # of the last alone


# specifications


def choices():
    return (
        Choice("lag", "lag_s", ("6", "4"), ((6.0,), (4.0,))),
        Choice("decoder", "decoder", ("ridge", "lasso_pcr"), ("ridge", "lasso_pcr")),
    )


def test_all_combinations_the_default_first():
    listed = specify(Plan(choices()), SETTINGS).listed
    assert [(one.number, one.combination, one.is_default) for one in listed] == [
        (1, (0, 0), True),
        (2, (0, 1), False),
        (3, (1, 0), False),
        (4, (1, 1), False),
    ]
    assert [one.settings.lag_s for one in listed] == [(6.0,), (6.0,), (4.0,), (4.0,)]
    assert {one.settings.n_bootstraps for one in listed} == {100}


def test_combinations_that_are_left_out_are_counted():
    rule = LeftOut({"decoder": frozenset([1])}, "slow")
    found = specify(Plan(choices(), (rule,)), SETTINGS)
    assert ([one.combination for one in found.listed], found.n_left_out) == ([(0, 0), (1, 0)], (2,))


def test_a_declared_list_has_the_default_too():
    found = specify(Plan(choices(), only=((1, 1),)), SETTINGS)
    assert [one.combination for one in found.listed] == [(0, 0), (1, 1)]


@pytest.mark.parametrize(
    ("plan", "settings", "message"),
    [
        (Plan(choices()), Settings(preset="paper"), "2 combinations of the choices cannot be"),
        (
            Plan(choices(), (LeftOut({"lag": frozenset([0])}, "x"),)),
            SETTINGS,
            r"leaves out the default \(lag = 6, decoder = ridge\)",
        ),
        (
            Plan(choices(), (LeftOut({"lag": frozenset([1])}, "x"),) * 2),
            SETTINGS,
            "number 2 leaves out no combination",
        ),
        (
            Plan(tuple(Choice(f"c{i}", "", tuple("abc"), tuple("abc")) for i in range(9))),
            SETTINGS,
            f"19683 combinations; at most {MOST}",
        ),
    ],
)
def test_a_plan_that_cannot_be_run_says_why(plan, settings, message):
    with pytest.raises(ValueError, match=message):
        specify(plan, settings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("choices = 3", "choices is no table. Begin it with [choices]"),
        ("[choice]\nlag = [6, 4]", "there is no table choice"),
        ("", "no choice has alternatives"),
        ("[choices]\nlagg = [6, 4]", "'lagg' is no option of a multiverse. Did you mean lag?"),
        ("[choices]\nleave-out = ['session', 'run']", "'leave-out' is not varied"),
        ("[choices]\nn-bootstraps = [100, 200]", "'n-bootstraps' is not varied"),
        ("[choices]\nlag = 6", "'lag' needs a list of two alternatives or more"),
        ("[choices]\nlag = [6]", "'lag' needs a list of two alternatives or more"),
        ("[choices]\nlag = [6, 6.0]", "'lag' has the alternative 6 twice"),
        ("[choices]\nlag = [6, -1]", "--lag is -1; each must be"),
        ("[choices]\ndecoder = ['ridge', 'rigde']", "--decoder is 'rigde'; choose one of"),
        ("[choices]\nlag = [6, 4]\n[[only]]\nlag = 5", "'lag' has no alternative 5"),
        ("[choices]\nlag = [6, 4]\n[[only]]\nbins = 5", "'bins' is no choice of the plan"),
        ("[choices]\nlag = [6, 4]\n[[left-out]]\nlag = 4", "needs the reason: because = "),
        ("[choices]\nlag = [6, 4]\n[[left-out]]\nbecause = 'x'", "names no choice"),
        ("[choices]\nlag = [6, 4]\n[only]\nlag = 4", "only is no list of tables"),
        (
            "[choices]\nlag = [6, 4]\n[[only]]\nlag = 4\n[[left-out]]\nlag = 4\nbecause = 'x'",
            "[[only]] and [[left-out]] exclude each other",
        ),
        (
            "[choices]\npreset = ['recommended', 'paper']\nfeatures = ['edges', 'activity']",
            "1 combination of the choices cannot be computed; the first is preset = paper, "
            "features = activity",
        ),
        (
            "[choices]\nlag = [6, 4]\n[[left-out]]\nlag = 6\nbecause = 'x'",
            "leaves out the default (lag = 6)",
        ),
        ("[derivatives]\na = 'x'", "[derivatives] needs two alternatives"),
        ("[derivatives]\na = 'x'\nb = 3", "'b' of [derivatives] needs a folder"),
        ("[choices]\ndrop = [30, 60]", "'drop' is a choice of the plan, and was given as --drop"),
        ("[choices", "is not readable TOML"),
    ],
)
def test_a_plan_with_a_fault_is_wrong_usage(dataset, tmp_path, capsys, text, message):
    run(write_plan(tmp_path, text), dataset[0], tmp_path / "out", "--drop", "20", code=2)
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_a_plan_that_is_not_there_and_options_that_are_not_used(dataset, tmp_path, capsys):
    root, plan = dataset
    run(tmp_path / "none.toml", root, tmp_path / "out", code=2)
    assert "there is no file" in capsys.readouterr().err
    weights = tmp_path / "w.tsv"
    weights.write_text("x")
    run(plan, root, tmp_path / "out", "--external", str(weights), code=2)
    assert "--external is for `painprint run`" in capsys.readouterr().err


# results


def numbers_of_run(root, out, *options):
    """Numbers of a study alone that a row of the table must have."""
    assert main(["run", str(root), str(out), "participant", *QUICK, *options]) == 0
    (path,) = out.glob("sub-01/decoding/*_metrics.json")
    metrics = json.loads(path.read_text())
    scale = metrics["scales"]["1min"]
    numbers = {name: scale[name] for name in ("n", "r", "centred_r", "skill")}
    for name in ("r", "centred_r", "skill"):
        numbers[f"{name}_low"], numbers[f"{name}_high"] = scale[f"{name}_ci"]
    return {**numbers, **{name: metrics[name] for name in ("n_sessions", "n_runs", "n_regions")}}


@pytest.mark.parametrize(
    ("number", "options"),
    [
        (1, ()),
        pytest.param(4, ("--exclude-network", "VIS", "--train-bins", "60s"), marks=LONG),
        pytest.param(9, ("--lag", "4", "6"), marks=LONG),
        (10, ("--lag", "4", "6", "--exclude-network", "VIS")),
    ],
)
def test_each_specification_is_a_study_alone_to_the_last_digit(
    dataset, finished, tmp_path, number, options
):
    table = results_of(finished).table.set_index("specification")
    expected = numbers_of_run(dataset[0], tmp_path / "out", *options)
    assert table.loc[number, list(expected)].to_dict() == expected


def test_the_table_has_every_specification_with_its_choices(finished):
    results = results_of(finished)
    table, record = results.table, results.record
    assert list(table["specification"]) == list(range(1, 11))
    assert list(table["default"]) == ["yes"] + ["no"] * 9
    assert table.iloc[-1][["lag", "exclude-network", "train-bins"]].tolist() == [
        "4 6", "VIS", "30s",
    ]  # fmt: skip
    assert set(table["n_regions"]) == {6, 8}
    assert table.filter(regex="^(r|centred_r|skill|permuted)").notna().all(axis=None)
    assert (table["centred_r"] > table["permuted_centred_r"]).all()
    assert (record["n_specifications"], record["n_done"], record["n_left_out"]) == (10, 10, 2)
    assert record["plan"]["left_out"][0]["because"] == "not planned"
    above = (table["centred_r_low"] > 0).mean()
    assert record["share_above_0"]["observed"]["centred_r"] == above
    assert not record["variance"]["is_balanced"]
    assert record["columns"].keys() == set(table.columns)


def test_nothing_of_a_multiverse_can_become_a_signature(finished, tmp_path, capsys):
    written = {p.name for p in finished.rglob("*") if p.is_file()}
    stem = "sub-01_task-rating_atlas-A_multiverse"
    assert written == {
        "dataset_description.json", "painprint.log", "sub-01_multiverse.html", f"{stem}.tsv",
        f"{stem}.json", f"{stem}.svg",
    }  # fmt: skip
    check_outputs(finished, "A multiverse", "sub-01_task-rating_atlas-A")
    assert find_results(finished) == []
    for path in (finished, finished / "sub-01" / "multiverse"):
        assert main(["predict", str(path), str(tmp_path / "run.tsv")]) == 1
        assert main(["pool", str(path), str(path), "--out", str(tmp_path / "p.safetensors")]) == 1
    assert main(["learn", str(finished), str(tmp_path), str(tmp_path / "new")]) != 0
    assert main(["plan", str(finished)]) == 1


@LONG
def test_a_killed_multiverse_goes_on_where_it_was(dataset, finished, tmp_path, monkeypatch):
    root, plan = dataset
    done, score = [], multiverse_steps.score_specification

    def stopped(prepared, settings, **options):
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(settings)
        return score(prepared, settings, **options)

    monkeypatch.setattr(multiverse_steps, "score_specification", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(plan, root, tmp_path / "out")
    assert not list((tmp_path / "out").glob("**/*_multiverse.*"))
    monkeypatch.setattr(
        multiverse_steps, "score_specification", lambda *a, **o: [done.append(a), score(*a, **o)][1]
    )
    run(plan, root, tmp_path / "out", "--n-jobs", "2")
    assert len(done) == 10
    for path in finished.rglob("*"):
        if path.is_file() and path.suffix != ".log":
            again = tmp_path / "out" / path.relative_to(finished)
            assert again.read_bytes() == path.read_bytes(), path.name
    run(plan, root, tmp_path / "out")
    assert len(done) == 10  # finished before


def test_another_plan_does_not_replace_results_unasked(dataset, finished, tmp_path, capsys):
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    plan = write_plan(tmp_path, "[choices]\ndrop = [30, 60]")
    run(plan, dataset[0], out, code=1)
    assert "holds finished results that differ: they are of another plan" in capsys.readouterr().err
    before = results_of(out).record["key"]
    run(plan, dataset[0], out, "--keep")
    assert results_of(out).record["key"] != before
    (kept,) = (out / "earlier").iterdir()
    assert results_of(kept).record["key"] == before


def test_specifications_that_cannot_be_computed_say_why(dataset, tmp_path):
    plan = write_plan(tmp_path, "[choices]\nmin-run = [60, 3000]\nexclude-network = [[], 'Viss']")
    run(plan, dataset[0], tmp_path / "out")
    results = results_of(tmp_path / "out")
    assert results.record["n_done"] == 1
    assert results.table["centred_r"].isna().tolist() == [False, True, True, True]
    assert "Viss" in results.table["not_done"][1]
    assert "0 usable sessions" in results.table["not_done"][2]
    assert results.record["variance"]["moves_most"] is None
    assert "3 of 4 specifications could not be computed" in results.files.page.read_text()


def test_a_choice_with_numbers_of_one_alternative_has_no_share(dataset, tmp_path):
    plan = write_plan(tmp_path, "[choices]\nlag = [6, 4]\nexclude-network = [[], 'Viss']")
    run(plan, dataset[0], tmp_path / "out")
    results = results_of(tmp_path / "out")
    shares = {row["name"]: row["share"] for row in results.record["variance"]["choices"]}
    assert shares == {"lag": pytest.approx(1.0), "exclude-network": None}
    text = results.files.page.read_text()
    assert "A choice of which one alternative alone has numbers has no share" in text


def test_none_that_can_be_computed_is_an_error(dataset, tmp_path, capsys):
    plan = write_plan(tmp_path, "[choices]\nmin-run = [2000, 3000]")
    run(plan, dataset[0], tmp_path / "out", code=1)
    assert "none of the specifications can be decoded; of the first: 0 usable" in (
        capsys.readouterr().err
    )


def test_a_declared_list_is_on_the_page(dataset, tmp_path):
    text = "[choices]\nlag = [6, 4]\ndrop = [30, 60]\n[[only]]\nlag = 4\ndrop = 60"
    run(write_plan(tmp_path, text), dataset[0], tmp_path / "out", "--atlas", "A")
    results = results_of(tmp_path / "out")
    assert results.table[["lag", "drop"]].to_numpy().tolist() == [["6", "30"], ["4", "60"]]
    assert (results.record["n_combinations"], results.record["n_specifications"]) == (4, 2)
    said = "Of 4 combinations, only the default and these were declared: lag = 4, drop = 60."
    assert said in results.files.page.read_text()
    assert results.record["command"].endswith(
        "--derivatives <derivatives> --participant-label 01 --atlas A --n-bootstraps 100"
    )


def test_few_sessions_have_no_share(tree, participant, tmp_path):
    fill(tree, participant)
    run(write_plan(tmp_path, "[choices]\nlag = [6, 4]"), tree.root, tmp_path / "out")
    results = results_of(tmp_path / "out")
    assert results.record["share_above_0"]["observed"]["centred_r"] is None
    assert "No specification has an interval" in results.files.page.read_text()


def test_the_dry_run_tells_plan_data_and_cost(dataset, tmp_path, capsys):
    run(dataset[1], dataset[0], tmp_path / "out", "--dry-run")
    said = capsys.readouterr().out
    assert "choice lag: 6, 2, 4 6 (the first is the default)" in said
    assert "left out: 2 combinations: not planned" in said
    assert "reading 1 of 1, for 10 specifications:" in said
    assert "use      ses-01 task-rating run-1" in said
    assert "10 specifications: about" in said
    assert not (tmp_path / "out").exists()


def test_pages_are_written_again(finished, tmp_path):
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    page = out / "sub-01_multiverse.html"
    before = page.read_bytes()
    page.unlink()
    assert main(["report", str(out)]) == 0
    assert page.read_bytes() == before
    table = next(out.glob("sub-01/multiverse/*.tsv"))
    table.write_text(table.read_text().replace("ridge", "x").replace("\tno\t", "\tyes\t"))
    assert main(["report", str(out)]) == 1


# what it shows


def with_motion(runs, rng, follows_rating):
    """Runs with head motion, in which two regions jump together; motion may follow the rating."""
    moved_runs = []
    for one in runs:
        follows = 2.0 * follows_rating * (np.roll(one.rating, 6) - one.rating.mean())
        moved = rng.random(len(one.rating)) < np.clip(0.15 + follows, 0.02, 0.6)
        signals = one.signals.copy()
        signals[moved, :2] += 4 * rng.choice([-1, 1], size=(moved.sum(), 1))
        moved_runs.append(replace(one, signals=signals, censored=moved))
    return moved_runs


def decoded_both_ways(folder, runs):
    """Multiverse of runs with and without censoring the frames with motion."""
    for kind in ("censored", "kept"):
        tree = Tree(folder / "bids")
        tree.derivatives = folder / kind
        for one in runs:
            censored = one.censored & (kind == "censored")
            tree.add_run(replace(one, censored=censored))
    plan = write_plan(
        folder, "[choices]\nlag = [6, 5]\n[derivatives]\ncensored = 'censored'\nkept = ['kept']\n"
    )
    run(plan, folder / "bids", folder / "out")
    return results_of(folder / "out")


@LONG
def test_a_robust_effect_and_one_of_motion_look_different(tmp_path):
    rng, found = np.random.default_rng(20260303), {}
    for name, strength, follows_rating in (("robust", 1.2, False), ("fragile", 0.0, True)):
        runs = simulate_runs(rng, n_sessions=10, n_runs=1, n_frames=300, strength=strength)
        (tmp_path / name).mkdir()
        found[name] = decoded_both_ways(tmp_path / name, with_motion(runs, rng, follows_rating))
    above = {
        name: (results.table["centred_r_low"] > 0).groupby(results.table["derivatives"]).mean()
        for name, results in found.items()
    }
    assert above["robust"].to_dict() == {"censored": 1.0, "kept": 1.0}
    assert above["fragile"].to_dict() == {"censored": 0.0, "kept": 1.0}
    variance = found["fragile"].record["variance"]
    assert (variance["moves_most"], variance["is_balanced"]) == ("derivatives", True)
    assert "fragile/" not in found["fragile"].files.record.read_text()  # no folders
