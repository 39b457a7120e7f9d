"""Findings across people: networks, similarity, variables of people."""

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs
from scipy.optimize import minimize
from scipy.stats import spearmanr, ttest_1samp

from painprint import Regions, Settings, decode_runs
from painprint.bids.people import read_variables
from painprint.decode.metrics import center_by
from painprint.errors import DerivativesError
from painprint.evidence.clinical import FEWEST, interval, permutation_p, rank_correlations, relate
from painprint.evidence.cohort import (
    comparable,
    expected_within,
    individuality,
    networks_of_people,
    similarity_of_halves,
)
from painprint.evidence.contribution import Contribution, contribute
from painprint.evidence.member import Member
from painprint.stats.sign_flip import draw_signs, flip_pairs, flip_signs

NAMES = ("a", "b", "c", "d")


def test_signs_are_flipped_as_a_loop_says(rng):
    values = rng.normal(0.3, 1, size=(6, 3))
    values[0, 2] = np.nan
    found = flip_signs(values, rng)
    observed, largest, count = None, [], np.zeros(3)
    for signs in product([1, -1], repeat=6):
        flipped = [values[:, k] * signs for k in range(3)]
        t = [ttest_1samp(x[np.isfinite(x)], 0).statistic for x in flipped]
        observed = t if observed is None else observed
        count += np.array(t) >= np.array(observed) - 1e-9
        largest.append(max(t))
    np.testing.assert_allclose(found.t, observed, rtol=1e-10)
    np.testing.assert_allclose(found.p, count / 64)
    corrected = [(np.array(largest) >= t - 1e-9).mean() for t in observed]
    np.testing.assert_allclose(found.p_corrected, corrected)


def test_random_signs_begin_with_none_flipped_and_agree_with_all(rng):
    signs = draw_signs(20, rng)
    assert signs.shape == (10_000, 20) and (signs[0] == 1).all()
    assert abs(signs[1:].mean()) < 0.01
    values = rng.normal(0.2, 1, size=(14, 1))
    expected = ttest_1samp(values[:, 0], 0, alternative="greater").pvalue
    assert flip_signs(values, rng).p[0] == pytest.approx(expected, abs=0.03)


def test_what_nobody_has_or_does_not_vary_has_no_p(rng):
    found = flip_signs(np.column_stack([np.full(6, np.nan), np.zeros(6), np.arange(1.0, 7)]), rng)
    assert np.isnan(found.p[:2]).all() and found.p[2] == 1 / 64
    assert np.isnan(flip_signs(np.full((2, 1), 0.25), rng).p[0])


def test_pairs_are_flipped_as_a_loop_says(rng):
    r = rng.normal(0.1, 0.3, size=(5, 5))
    totals = [
        sum(s[i] * s[j] * r[i, j] for i in range(5) for j in range(5) if i != j)
        for s in product([1, -1], repeat=5)
    ]
    assert flip_pairs(r, rng) == pytest.approx(np.mean(np.array(totals) >= totals[0] - 1e-9))


def test_people_with_the_same_pattern_are_expected_to_be_as_similar_as_they_are(rng):
    a, b = rng.uniform(0.1, 0.9, size=(2, 7))
    r = np.outer(a, b)
    changed = r - np.diag(np.diag(r)) + np.diag(rng.normal(size=7))  # they are not looked at
    np.testing.assert_allclose(expected_within(changed), a * b, rtol=1e-6)
    alike = np.outer(a, a)
    assert np.diag(alike).mean() > alike[~np.eye(7, dtype=bool)].mean()  # which is not individual
    noisy = r + 0.02 * rng.normal(size=r.shape)
    x = expected_within(noisy)
    off = ~np.eye(7, dtype=bool)

    def error(ends):
        return ((noisy - np.outer(ends[:7], ends[7:]))[off] ** 2).sum()

    best = minimize(error, np.concatenate([a, b]), tol=1e-12).x
    np.testing.assert_allclose(x, best[:7] * best[7:], atol=1e-4)


def person(seed, name="a", networks=("DMN",) * 4 + ("VIS",) * 4, **options):
    runs = simulate_runs(np.random.default_rng(seed), n_sessions=5, strength=1.0)
    regions = Regions(tuple(runs[0].regions), tuple(networks))
    decoding = decode_runs(runs, Settings(n_bootstraps=100, **options), regions=regions)
    return Member.of(decoding, lambda: runs, name=name), decoding


def test_parts_of_networks_are_those_of_a_loop_over_edges():
    member, decoding = person(1)
    found = contribute(member)
    minutes = decoding.predictions[decoding.predictions["scale"] == "1min"]
    first, second = np.triu_indices(8, k=1)
    for network, inside in (("DMN", range(4)), ("VIS", range(4, 8))):
        parts = []
        for _, row in minutes.iterrows():
            frames = decoding.frames[row["run_code"]]
            weights = decoding.folds[row["group"]].weights
            cut = np.array_split(np.arange(len(frames)), len(minutes) // len(decoding.frames))
            Z = frames.signals[cut[row["bin"] - 1]]
            parts.append(
                sum(
                    w * (Z[:, i] * Z[:, j]).mean()
                    for w, i, j in zip(weights, first, second, strict=True)
                    if i in inside or j in inside
                )
            )
        group = minutes["group"].to_numpy()
        r = np.corrcoef(
            center_by(np.array(parts), group), center_by(minutes["rating"].to_numpy(), group)
        )[0, 1]
        assert found.network_r[network] == pytest.approx(r, rel=1e-9)
    W = decoding.final.weights**2
    dmn = (first < 4) | (second < 4)
    assert found.energy["DMN"] == pytest.approx(W[dmn].sum() / W.sum() / dmn.mean())


def test_halves_are_covariances_within_sessions():
    member, decoding = person(2)
    minutes = decoding.predictions[decoding.predictions["scale"] == "1min"]
    pattern = np.zeros((2, 28))
    for _, row in minutes.iterrows():
        frames = decoding.frames[row["run_code"]]
        cut = np.array_split(np.arange(len(frames)), len(minutes) // len(decoding.frames))
        Z = frames.signals[cut[row["bin"] - 1]]
        mean = minutes.loc[minutes["group"] == row["group"], "rating"].mean()
        edges = (Z.T @ Z / len(Z))[np.triu_indices(8, k=1)]
        pattern[0 if row["group"] < 3 else 1] += (row["rating"] - mean) * edges
    np.testing.assert_allclose(contribute(member).halves, pattern, rtol=1e-9, atol=1e-12)


def test_activity_has_a_pattern_of_regions():
    member, _ = person(3, features="activity")
    found = contribute(member)
    assert found.kind == "activity" and found.halves.shape == (2, 8) and found.energy == {}
    assert set(found.network_r) == {"DMN", "VIS"}


def made_up(rng, n=8, own=1.0, shared=0.0, regions=NAMES):
    """People whose patterns have an own and a shared part, and noise."""
    common = rng.normal(size=6)
    people = {}
    for i in range(n):
        pattern = own * rng.normal(size=6) + shared * common
        halves = pattern + 0.5 * rng.normal(size=(2, 6))
        people[f"sub-{i:02d}"] = Contribution(regions, "edges", halves, {}, {})
    return people


def test_own_patterns_are_individual_and_shared_ones_are_not():
    for own, shared, expected in ((1, 0, (True, False)), (0, 2, (False, True))):
        found = individuality(made_up(np.random.default_rng(5), 12, own, shared), random_seed=0)
        p = found.numbers["p_individual"], found.numbers["p_shared"]
        assert (p[0] < 0.01, p[1] < 0.01) == expected
        r = found.tables["similarity"].pivot(
            index="person_first", columns="person_second", values="r"
        )
        assert found.numbers["within"] == pytest.approx(np.diag(r).mean())


def test_features_are_matched_by_the_names_of_regions(rng):
    people = made_up(rng, 3)
    order = [2, 0, 3, 1]
    i, j = np.triu_indices(4, k=1)
    one = people["sub-01"]
    moved = np.empty((2, 6))
    for half in range(2):
        W = np.zeros((4, 4))
        W[i, j] = W[j, i] = one.halves[half]
        moved[half] = W[np.ix_(order, order)][i, j]
    again = people | {"sub-01": replace(one, regions=tuple(NAMES[k] for k in order), halves=moved)}
    np.testing.assert_allclose(
        similarity_of_halves(comparable(again)[1]), similarity_of_halves(comparable(people)[1])
    )


def test_people_with_other_regions_or_few_sessions_are_left_out_and_named(rng):
    people = made_up(rng, 4)
    people["sub-08"] = replace(people["sub-00"], regions=("e", "f", "g", "h"))
    people["sub-09"] = replace(people["sub-00"], halves=np.zeros((2, 0)))
    names, halves, left_out = comparable(people)
    assert names == [f"sub-{i:02d}" for i in range(4)] and halves.shape == (4, 2, 6)
    assert left_out[0].startswith("sub-09 has too few sessions")
    assert left_out[1].startswith("sub-08 has other regions or features")


def test_networks_are_tested_over_people(rng):
    people = {
        f"sub-{i}": Contribution(
            NAMES, "edges", np.zeros((2, 0)),
            {"DMN": 0.3 + 0.05 * rng.normal(), "VIS": 0.05 * rng.normal()},
            {"DMN": 2.0, "VIS": 0.5},
        )
        for i in range(8)
    }  # fmt: skip
    found = networks_of_people(people, random_seed=0)
    table = found.tables["networks"].set_index("network")
    assert table.loc["DMN", "p_corrected"] == 1 / 256 and table.loc["VIS", "p"] > 0.05
    assert table.loc["DMN", "r_low"] < table.loc["DMN", "r"] < table.loc["DMN", "r_high"]
    assert table.loc["DMN", "energy"] == pytest.approx(2)
    few = networks_of_people(dict(list(people.items())[:4]), random_seed=0)
    assert few.tables["networks"]["p"].isna().all() and "no test with 4 people" in few.not_done[0]


def test_rank_correlations_are_those_of_scipy_in_every_order():
    rng = np.random.default_rng(1)
    Y = rng.normal(size=(7, 2))
    Y[3] = Y[4]  # ties
    x = np.array([3.0, 1, 1, 5, 2, np.nan, 9])
    known = np.flatnonzero(np.isfinite(x))
    orders = np.array([np.arange(7), *(rng.permutation(7) for _ in range(20))])
    found = rank_correlations(x[known], Y, known, orders)
    for rho, order in zip(found, orders, strict=True):
        expected = [spearmanr(x[known], Y[order, m][known]).statistic for m in range(2)]
        np.testing.assert_allclose(rho, expected, rtol=1e-10)


def test_p_of_permutations_is_that_of_all_orders():
    x, y = np.array([1.0, 2, 3, 4, 5, 6]), np.array([2.0, 1, 4, 3, 6, 5])
    orders = np.array(list(permutations(range(6))))
    rho = rank_correlations(x, y[:, None], np.arange(6), orders)
    p, corrected = permutation_p(np.abs(rho))
    expected = np.mean([abs(spearmanr(x, y[o]).statistic) >= rho[0, 0] - 1e-9 for o in orders[:]])
    assert p[0] == corrected[0] == pytest.approx(expected)


def test_a_variable_that_follows_performance_is_found_and_missing_values_are_counted(rng):
    measures = pd.DataFrame(
        {"centred_r": rng.normal(size=30), "skill": rng.normal(size=30)}, index=range(30)
    )
    variables = pd.DataFrame(
        {
            "bdi": measures["centred_r"] + 0.4 * rng.normal(size=30),
            "age": rng.normal(size=30),
            "few": [1.0, 2.0, *[np.nan] * 28],
            "same": 1.0,
        }
    )
    variables.loc[:4, "bdi"] = np.nan
    found = relate(variables, measures, random_seed=0)
    table = found.tables["clinical"].set_index(["variable", "measure"])
    row = table.loc["bdi", "centred_r"]
    assert (row["n"], row["n_missing"]) == (25, 5)
    assert row["p_corrected"] < 0.01 < table.loc["age", "skill"]["p_corrected"]
    assert row["rho_low"] < row["rho"] < row["rho_high"]
    assert (table["p_corrected"] >= table["p"]).all()
    assert found.numbers["variables"] == ["bdi", "age"]
    assert (
        f"Column few of participants.tsv: 2 people of the group have a value, and {FEWEST}"
        in (found.not_done[0])
    )
    assert "all people have the same value" in found.not_done[1]


def test_the_interval_of_a_rank_correlation_covers_it():
    rng, inside = np.random.default_rng(2), []
    true = 6 / np.pi * np.arcsin(0.5 / 2)  # of normal variables with r = 0.5
    for _ in range(400):
        x = rng.normal(size=40)
        y = 0.5 * x + np.sqrt(0.75) * rng.normal(size=40)
        low, high = interval(float(spearmanr(x, y).statistic), 40)
        inside.append(low < true < high)
    assert 0.92 < np.mean(inside) < 0.98


PEOPLE = ["sub-01", "sub-02", "sub-03"]
TABLE = """participant_id\tage\tsex\trecord_number\tbdi
sub-02\t40\tF\t7\tn/a
01\t31.5\tM\t8\t12
sub-09\t1\tM\t9\t1
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "participants.tsv"
    path.write_text(TABLE)
    return path


def test_numeric_columns_are_variables_of_people_and_others_are_named(table):
    found, notes = read_variables(table, PEOPLE)
    assert list(found.columns) == ["age", "bdi"] and list(found.index) == PEOPLE
    np.testing.assert_array_equal(found["age"], [31.5, 40, np.nan])
    np.testing.assert_array_equal(found["bdi"], [12, np.nan, np.nan])
    assert notes[0] == "Column sex of participants.tsv is not related to performance: not numeric."
    assert "record_number" in notes[1] and "identifiers or dates" in notes[1]
    found, notes = read_variables(table, PEOPLE, ["record_number"])
    assert found["record_number"].tolist()[:2] == [8, 7] and notes == []


def test_a_table_of_people_that_cannot_be_used_is_an_error_only_where_it_is_wanted(table):
    with pytest.raises(DerivativesError, match="has no column 'fiq'.*It has age, sex, record_num"):
        read_variables(table, PEOPLE, ["fiq"])
    with pytest.raises(DerivativesError, match="column 'sex' is 'M', which is not a number"):
        read_variables(table, PEOPLE, ["sex"])
    table.write_text(TABLE + "sub-01\t1\tM\t1\t1\n")
    found, notes = read_variables(table, PEOPLE)
    assert found.empty and "lists sub-01 more than once" in notes[0]
    with pytest.raises(DerivativesError, match="lists sub-01 more than once"):
        read_variables(table, PEOPLE, ["age"])
    table.unlink()
    assert read_variables(table, PEOPLE)[1] == []
    with pytest.raises(DerivativesError, match="participants.tsv"):
        read_variables(table, PEOPLE, ["age"])
