"""Importance of regions and networks: definitions again, slowly, and what must hold."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from conftest import simulate_runs

from painprint import Regions, Settings, decode_runs
from painprint.bins import make_test_bins
from painprint.decode.metrics import center_by
from painprint.evidence.case import Case
from painprint.evidence.importance import (
    PartedPrediction,
    contributions,
    importance,
    network_members,
    permutation_losses,
    permute_rows,
    r_of_permuted,
)
from painprint.stats.correlation import correlation

SETTINGS = Settings(n_bootstraps=200, n_importance_permutations=60)
NETWORKS = Regions(tuple(str(i + 1) for i in range(8)), ("A", "A", "B", "B", "B", "", "C", "C"))


@pytest.fixture(scope="module")
def case():
    runs = simulate_runs(np.random.default_rng(4), n_sessions=6, strength=1.0)
    return Case(decode_runs(runs, SETTINGS, regions=NETWORKS))


@pytest.fixture(scope="module")
def finding(case):
    return importance(case)


@pytest.fixture(scope="module")
def minutes(case):
    bins = make_test_bins(case.decoding.frames, SETTINGS.rules, "1min")
    return bins, case.decoding.training.group_index[bins.run]


def test_contributions_are_sums_over_edges(case, minutes):
    bins, codes = minutes
    members = [np.array([0, 1]), np.array([2, 3, 4])]
    found = contributions(case.decoding.frames, bins, codes, case.decoding.folds, members)
    pairs = list(combinations(range(8), 2))
    for row in (0, 17, len(bins) - 1):
        Z = case.decoding.frames[bins.run[row]].signals[bins.frames[row]]
        weights = case.decoding.folds[codes[row]].weights
        parts = {
            e: w * np.mean(Z[:, e[0]] * Z[:, e[1]]) for e, w in zip(pairs, weights, strict=True)
        }
        for g in range(8):
            expected = sum(v for e, v in parts.items() if g in e)
            assert found[row, g] == pytest.approx(expected, rel=1e-10, abs=1e-14)
        for n, of_network in enumerate(members):
            expected = sum(v for e, v in parts.items() if set(e) & set(of_network))
            assert found[row, 8 + n] == pytest.approx(expected, rel=1e-10, abs=1e-14)


def test_half_the_contributions_make_the_held_out_prediction(case, minutes):
    bins, codes = minutes
    parts = contributions(case.decoding.frames, bins, codes, case.decoding.folds)
    intercept = np.array([fold.intercept for fold in case.decoding.folds])[codes]
    predictions = case.decoding.predictions.query("scale == '1min'")["predicted"]
    np.testing.assert_allclose(parts.sum(axis=1) / 2 + intercept, predictions, rtol=1e-10)


def test_orders_keep_runs_and_sessions_together():
    codes, run = np.repeat([0, 0, 1, 2], 3), np.repeat([0, 1, 2, 3], 3)
    orders = permute_rows(codes, run, 50, np.random.default_rng(0))
    for order in orders:
        assert sorted(order) == list(range(12))
        of_rows = run[order]
        assert len([1 for a, b in pairwise(of_rows) if a != b]) == 3
        of_rows = codes[order]
        assert len([1 for a, b in pairwise(of_rows) if a != b]) == 2
    assert len({tuple(order) for order in orders}) > 40


def test_permuted_correlations_are_those_of_the_definition(rng):
    y, rest, part = (v - v.mean() for v in rng.normal(size=(3, 30)))
    rows = permute_rows(np.repeat([0, 1, 2], 10), np.repeat([0, 1, 2], 10), 20, rng)
    expected = [correlation(y, rest + part[order]) for order in rows]
    together = np.zeros(30, dtype=np.int64)
    np.testing.assert_allclose(r_of_permuted(y, rest, part, rows, together), expected, rtol=1e-10)


def test_centred_correlations_are_those_of_the_definition_with_unequal_groups(rng):
    by = np.repeat([0, 1, 2], [7, 10, 13])
    y, rest, part = (center_by(v, by) for v in rng.normal(size=(3, 30)))
    rows = permute_rows(by, by, 20, rng)
    expected = [correlation(y, center_by(rest + part[order], by)) for order in rows]
    np.testing.assert_allclose(r_of_permuted(y, rest, part, rows, by), expected, rtol=1e-10)


def test_a_part_of_nothing_loses_nothing_and_the_whole_loses_all(rng):
    codes = np.repeat(np.arange(10), 12)
    y = rng.normal(size=120)
    predicted = y + rng.normal(size=120)
    parts = np.stack([np.zeros(120), predicted], axis=1)
    rows = permute_rows(codes, np.repeat(np.arange(20), 6), 400, rng)
    found = permutation_losses(
        PartedPrediction(y, predicted, parts, codes), rows, n_draws=300, rng=rng
    )
    assert found["importance"][0] == pytest.approx(0, abs=1e-12)
    assert found["importance"][1] == pytest.approx(correlation(y, predicted), abs=0.03)
    assert found["low"][1] < found["importance"][1] < found["high"][1]
    assert found["low"][1] > 0.3
    assert found["importance_centred"][0] == pytest.approx(0, abs=1e-12)
    assert found["centred_low"][1] > 0.3


def test_the_regions_that_carry_the_rating_stand_out(finding):
    table = finding.tables["importance"].set_index("region")
    for column in ("importance", "importance_centred"):
        assert set(table[column].nlargest(2).index) == {"1", "2"}
    networks = finding.tables["networkimportance"].set_index("network")["importance"]
    assert networks.idxmax() == "A"


def test_the_structure_coefficient_is_a_correlation_with_the_fitted_prediction(case, finding):
    kernel = case.bin_grams[0]
    bins, final = kernel.bins["train"], case.decoding.final
    X = []
    for r, members in zip(bins.run, bins.frames, strict=True):
        Z = kernel.frames[r].signals[members]
        X.append((Z.T @ Z / len(Z))[np.triu_indices(8, k=1)])
    fitted = np.array(X) @ final.weights + final.intercept
    expected = [np.corrcoef(x, fitted)[0, 1] for x in np.array(X).T]
    np.testing.assert_allclose(finding.tables["structure"]["structure"], expected, rtol=1e-9)


def test_strengths_and_signs_are_those_of_the_weights(case, finding):
    table = finding.tables["importance"]
    total = table["positive_strength"].sum() + table["negative_strength"].sum()
    assert total == pytest.approx(2 * case.decoding.final.weights.sum())
    assert (table["positive_strength"] >= 0).all() and (table["negative_strength"] <= 0).all()
    assert finding.tables["structure"]["same_sign"].between(0, 1).all()
    assert 0 < finding.numbers["fold_similarity"] <= 1


def test_the_answer_does_not_depend_on_the_number_of_workers(case, finding):
    again = importance(Case(case.decoding, n_jobs=2))
    for name, table in finding.tables.items():
        assert table.equals(again.tables[name]), name


def test_permuted_regions_permute_importance(case, finding):
    runs = simulate_runs(np.random.default_rng(4), n_sessions=6, strength=1.0)
    order = np.random.default_rng(1).permutation(8)
    names = [str(i + 1) for i in order]
    moved = [
        type(r)(r.signals[:, order], r.rating, r.tr_s, r.session, r.task, r.run, r.censored,
                regions=names)
        for r in runs
    ]  # fmt: skip
    again = importance(Case(decode_runs(moved, SETTINGS))).tables["importance"].set_index("region")
    first = finding.tables["importance"].set_index("region")
    np.testing.assert_allclose(
        again.loc[first.index, "importance"], first["importance"], atol=1e-10
    )


def test_one_network_of_all_regions_carries_all(case):
    networks, said = network_members(Regions(("a", "b"), ("X", "X")))
    assert list(networks) == ["X"] and not said
    one = Regions(NETWORKS.names, ("X",) * 8)
    runs = simulate_runs(np.random.default_rng(4), n_sessions=6, strength=1.0)
    found = importance(Case(decode_runs(runs, SETTINGS, regions=one)))
    (whole,) = found.tables["networkimportance"]["importance"]
    assert whole == pytest.approx(found.numbers["r"], abs=0.15)


def test_regions_without_network_are_said(finding):
    assert finding.not_done == ("1 of 8 regions have no network: they count in none.",)
    runs = simulate_runs(np.random.default_rng(4), n_sessions=4)
    found = importance(Case(decode_runs(runs, SETTINGS)))
    assert "networkimportance" not in found.tables
    assert found.not_done == ("No importance of networks: the regions' networks are unknown.",)
