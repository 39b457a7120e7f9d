"""Changed analyses change what they say, and nothing else."""

import numpy as np
import pytest
from conftest import simulate_runs

from painprint import Regions, Settings, decode_runs
from painprint.decode.crossval import nested_leave_one_out
from painprint.decode.lasso_pcr import LassoRules
from painprint.decode.prepare import prepare_runs
from painprint.decode.refit import refit
from painprint.evidence.case import Case, Material
from painprint.evidence.scores import score_rows
from painprint.evidence.sensitivity import is_visual, sensitivity_analyses

SETTINGS = Settings(n_bootstraps=100)
NETWORKS = Regions(tuple("12345678"), ("Vis",) * 4 + ("DMN",) * 4)


@pytest.fixture
def runs(rng):
    return simulate_runs(rng, n_sessions=7)


def variants(finding):
    table = finding.tables["sensitivity"].query("scale == '1min'")
    return table.set_index("variant")


def test_every_variant_that_the_data_allow(runs):
    found = sensitivity_analyses(Case(decode_runs(runs, SETTINGS, regions=NETWORKS)))
    table = variants(found)
    assert list(table.index) == [
        "main analysis",
        "first run only",
        "buffer of 1 on either side",
        "blocks of 3 left out together",
        "only visual regions",
        "without Vis",
        "without DMN",
    ]
    assert list(table["n_regions"]) == [8, 8, 8, 8, 4, 4, 4]
    assert found.not_done == ()
    # the planted edge lies between visual regions
    assert table.loc["without DMN", "centred_r"] > table.loc["without Vis", "centred_r"] + 0.2
    only = table.loc["only visual regions", "r"]
    assert table.loc["without DMN", "r"] == pytest.approx(only, abs=1e-9)


def test_other_regions_are_what_decoding_them_would_give(runs):
    found = variants(sensitivity_analyses(Case(decode_runs(runs, SETTINGS, regions=NETWORKS))))
    settings = Settings(n_bootstraps=100, exclude_network=("DMN",))
    decoding = decode_runs(runs, settings, regions=NETWORKS)
    assert found.loc["without DMN", "r"] == pytest.approx(decoding.scales["1min"].r, abs=1e-9)


def test_excluded_visual_regions_come_back_in(runs):
    settings = Settings(n_bootstraps=100, exclude_network=("Vis",))
    decoding = decode_runs(runs, settings, regions=NETWORKS)

    def load_whole():
        return prepare_runs(runs, SETTINGS, regions=NETWORKS)

    found = variants(sensitivity_analyses(Case(decoding, material=Material(load_whole))))
    assert found.loc["visual regions in", "n_regions"] == 8
    whole = decode_runs(runs, SETTINGS, regions=NETWORKS).scales["1min"]
    assert found.loc["visual regions in", "r"] == pytest.approx(whole.r, abs=1e-9)


def test_the_first_run_only_is_the_existing_prediction(runs):
    decoding = decode_runs(runs, SETTINGS, regions=NETWORKS)
    found = variants(sensitivity_analyses(Case(decoding)))
    rows = decoding.predictions.query("scale == '1min' and run == '1'")
    expected = np.corrcoef(rows["rating"], rows["predicted"])[0, 1]
    assert found.loc["first run only", "r"] == pytest.approx(expected)
    assert found.loc["main analysis", "r"] == pytest.approx(decoding.scales["1min"].r)
    assert found.loc["first run only", "n"] == len(rows) < found.loc["main analysis", "n"]


def test_every_variant_has_the_interval_of_its_own_rows(rng):
    decoding = decode_runs(simulate_runs(rng, n_sessions=8), SETTINGS)
    case = Case(decoding)
    found = variants(sensitivity_analyses(case))
    main, metrics = found.loc["main analysis"], decoding.scales["1min"]
    assert (main["centred_r_low"], main["centred_r_high"]) == metrics.centred_r_ci
    assert (main["skill_low"], main["skill_high"]) == metrics.skill_ci
    buffered = refit(case.bin_grams, SETTINGS.rules, buffer=1).rows()["1min"]
    expected = score_rows(buffered, n_bootstraps=100, rng=case.stream("sensitivity"))
    row = found.loc["buffer of 1 on either side"]
    assert {name: row[name] for name in expected} == expected
    assert row["skill_low"] < row["skill"] < row["skill_high"]


def test_neighbours_within_a_buffer_do_not_train(rng):
    X, y = rng.normal(size=(56, 30)), rng.normal(size=56)
    groups = np.repeat(np.arange(7), 8)
    fit = nested_leave_one_out(X @ X.T, y, groups, LassoRules(30), buffer=1)
    for k, fold in enumerate(fit.folds):
        near = np.abs(groups - k) <= 1
        assert (fold.dual[near] == 0).all() and (fold.dual[~near] != 0).all()
        # the fold is that of a nested fit which never heard of the neighbours
        rest = np.flatnonzero(~near | (groups == k))
        changed = y.copy()
        changed[near] = 7.0
        again = nested_leave_one_out(X @ X.T, changed, groups, LassoRules(30), buffer=1).folds[k]
        np.testing.assert_array_equal(again.dual, fold.dual)
        assert again.choice.penalty == fold.choice.penalty and len(rest) < 56


def test_a_buffer_that_leaves_nothing_is_an_error(rng):
    X = rng.normal(size=(24, 30))
    with pytest.raises(ValueError, match="needs at least 7 groups"):
        nested_leave_one_out(X @ X.T, X[:, 0], np.repeat(np.arange(6), 4), LassoRules(30), buffer=1)


def test_what_cannot_be_changed_is_said(rng):
    runs = simulate_runs(rng, n_sessions=4, n_runs=1)
    found = sensitivity_analyses(Case(decode_runs(runs, SETTINGS)))
    said = "\n".join(found.not_done)
    assert "first run only: every session has one" in said
    assert "buffer of 1 session on either side: 7 sessions are needed" in said
    assert "4 sessions make fewer than 3 blocks" in said
    assert "networks are unknown" in said
    assert list(variants(found).index) == ["main analysis"]


def test_visual_networks_by_their_names():
    names = ["VIS", "Vis", "VisPeri", "Visual1", "visual network"]
    assert all(is_visual(name) for name in names)
    assert not any(is_visual(name) for name in ("DMN", "visuospatial", "SalVentAttn", ""))


@pytest.mark.parametrize("session", ["01", "02"])
def test_a_session_without_its_first_run_is_counted_even_the_first(runs, session):
    there = [r for r in runs if (r.session, r.run) != (session, "1")]
    decoding = decode_runs(there, SETTINGS)
    found = sensitivity_analyses(Case(decoding))
    assert "First run only: 1 of 7 sessions lack it." in found.not_done
    rows = decoding.predictions.query("scale == '1min' and run == '1'")
    expected = np.corrcoef(rows["rating"], rows["predicted"])[0, 1]
    assert variants(found).loc["first run only", "r"] == pytest.approx(expected)


def test_few_sessions_with_their_first_run_are_not_analysed(runs):
    few = [r for r in runs if r.run == "2" or r.session in ("01", "02")]
    said = "\n".join(sensitivity_analyses(Case(decode_runs(few, SETTINGS))).not_done)
    assert "first run only: 2 sessions have it" in said


def test_a_variant_that_is_not_possible_is_named_and_the_others_are_done(runs, monkeypatch):
    from painprint.decode.crossval import NotEnoughData
    from painprint.evidence import sensitivity

    def refuse(*_, **given):
        if given.get("buffer"):
            raise NotEnoughData("too near.")
        return refit_as_ever(*_, **given)

    refit_as_ever = sensitivity.refit
    monkeypatch.setattr(sensitivity, "refit", refuse)
    found = sensitivity_analyses(Case(decode_runs(runs, SETTINGS)))
    assert "No analysis of 'buffer of 1 on either side': too near." in found.not_done
    assert "blocks of 3 left out together" in variants(found).index


def test_other_runs_without_excluded_regions_are_no_comparison(runs):
    decoding = decode_runs(runs, SETTINGS, regions=NETWORKS)

    def load_whole():
        return prepare_runs(runs[1:], SETTINGS, regions=NETWORKS)

    found = sensitivity_analyses(Case(decoding, material=Material(load_whole)))
    assert "with all regions, other runs would be used" in "\n".join(found.not_done)
