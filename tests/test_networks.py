"""Names of communities and areas against slow loops and small cases."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from painprint.cortex.networks import (
    N_NETWORKS,
    NETWORKS,
    PRIORITY,
    SCAN,
    consensus,
    fill_small_pieces,
    mode_in_parcels,
    name_by_overlap,
    name_communities,
    network_names,
    propose_scan,
    score_scan,
)
from painprint.cortex.similarity import unit_rows


def jaccard(a, b):
    return (a & b).sum() / (a | b).sum() if (a | b).any() else 0.0


def slow_names(communities, template):
    """Each column, each network in order of priority, each community still without a name."""
    n_points, n_thresholds = communities.shape
    codes = np.zeros((n_points, n_thresholds), int)
    for c in range(n_thresholds):
        filled = communities[:, c].copy()
        for v in range(n_points):
            positive = [one for one in communities[v].tolist() if one > 0]
            if filled[v] < 1:
                filled[v] = positive[0] if positive else 0
        free = sorted(set(filled[filled > 0].tolist()))
        name = {one: N_NETWORKS + one for one in free}
        for network in PRIORITY:
            before = (codes[:, :c] == network).any(axis=1)
            best, chosen = 0.10, None
            for one in free:
                overlap = jaccard(filled == one, template == network)
                if c + 1 > 2 and before.any() and jaccard(filled == one, before) < 0.10:
                    overlap = 0
                if overlap > best:
                    best, chosen = overlap, one
            if chosen is not None:
                name[chosen] = network
                free.remove(chosen)
        for v in range(n_points):
            codes[v, c] = name[filled[v]] if communities[v, c] > 0 else 0
    return codes


@pytest.mark.parametrize("seed", range(10))
def test_names_by_a_slow_loop(seed):
    rng = np.random.default_rng(seed)
    template = np.repeat(rng.permutation(20), 15)  # codes 0, 18 and 19 are no network
    communities = np.repeat(rng.permutation(20), 15)[:, None] + np.zeros(6, int)
    mixed = rng.random(communities.shape) < 0.4
    communities[mixed] = rng.integers(1, 25, mixed.sum())
    communities[rng.random(communities.shape) < 0.3] = -1
    communities[:5] = -1
    codes = name_communities(communities, template)
    np.testing.assert_array_equal(codes, slow_names(communities, template))
    np.testing.assert_array_equal(codes == 0, communities < 1)
    for old, new in zip(communities.T, codes.T, strict=True):  # each name once, in each column
        assert len(set(new[new > 0].tolist())) == len(set(old[old > 0].tolist()))


def test_permuted_points_permute_names(rng):
    template = rng.integers(0, 18, 300)
    communities = rng.integers(-1, 9, (300, 4))
    order = rng.permutation(300)
    np.testing.assert_array_equal(
        name_communities(communities[order], template[order]),
        name_communities(communities, template)[order],
    )


def test_a_network_that_comes_first_takes_the_community():
    """AMN (9) precedes FPN (3) although FPN overlaps more."""
    template = np.array([3] * 6 + [9] * 4)
    communities = np.ones((10, 1), int)
    assert set(name_communities(communities, template)[:, 0].tolist()) == {9}


def test_an_overlap_of_a_tenth_is_not_enough():
    template = np.array([1] + [0] * 9)
    codes = name_communities(np.ones((10, 1), int), template)
    assert set(codes[:, 0].tolist()) == {18}
    assert set(name_communities(np.ones((9, 1), int), template[:9])[:, 0].tolist()) == {1}


@pytest.mark.parametrize(("column", "expected"), [(1, 1), (2, 19)])
def test_from_the_third_column_on_a_name_stays_where_it_was(column, expected):
    template = np.array([1] * 20)
    communities = np.full((20, 3), -1)
    communities[:10, 0] = 1
    communities[:10, 1] = 1
    if column == 1:
        communities[:, 1] = -1
    communities[10:, column] = 2
    communities[:10, column] = 3
    # of two that overlap equally the lower is chosen, were it not elsewhere than before
    assert name_communities(communities, template)[15, column] == expected


def test_consensus_takes_the_first_network():
    codes = np.array([[1, 2, 3], [18, 19, 4], [20, 0, 30], [0, 5, 5], [18, 0, 17]])
    np.testing.assert_array_equal(consensus(codes), [1, 4, 0, 0, 17])
    np.testing.assert_array_equal(consensus(codes, fill=True), [1, 4, 0, 5, 17])


def line(n):
    """Points in a row."""
    a = np.arange(n - 1)
    return csr_array((np.ones(2 * n - 2), (np.r_[a, a + 1], np.r_[a + 1, a])), shape=(n, n))


def test_small_pieces_take_the_code_around_them():
    codes = np.array([1] * 5 + [2] * 2 + [1] * 5 + [0] * 2 + [3] * 2 + [0] * 2 + [4] * 3)
    filled = fill_small_pieces(codes, line(len(codes)), 4)
    # the 2s become 1; nothing surrounds the 3s and 4s; pieces of 0 stay
    expected = [1] * 12 + [0] * 2 + [3] * 2 + [0] * 2 + [4] * 3
    np.testing.assert_array_equal(filled, expected)
    np.testing.assert_array_equal(fill_small_pieces(codes, line(len(codes)), 2), codes)


def test_small_pieces_side_by_side_do_not_swap_codes():
    codes = np.array([1.0] * 5 + [SCAN] + [2.0] * 2 + [3.0] * 5)
    filled = fill_small_pieces(codes, line(13), 4)
    np.testing.assert_array_equal(filled, [1] * 8 + [3] * 5)
    assert fill_small_pieces(np.zeros(4), line(4), 4).tolist() == [0] * 4


def test_areas_take_the_code_of_most_points():
    labels = np.array([1, 1, 1, 2, 2, 0, 3, 3])
    codes = np.array([SCAN, SCAN, 4, 9, 3, 5, 0, 0])
    np.testing.assert_array_equal(mode_in_parcels(codes, labels), [SCAN, 3, 0])


def test_areas_are_named_by_the_template_alone():
    labels = np.array([1, 1, 1, 1, 2, 2, 0, 3, 3])
    template = np.array([0, 0, 0, 7, 9, 9, 5, 0, 25])
    codes, share = name_by_overlap(labels, template)
    np.testing.assert_array_equal(codes, [7, 9, 0])
    np.testing.assert_allclose(share, [0.25, 1, 0])


def test_codes_have_names():
    assert len(NETWORKS) == N_NETWORKS + 2
    assert sorted(PRIORITY) == list(range(1, N_NETWORKS + 1))
    names = network_names(np.array([0, 1, SCAN, 17, 18, -1]))
    assert names == ["NONE", "DMN", "SCAN", "LSMN", "NONE", "NONE"]
    assert network_names(np.array([1, 9])) == ["DMN", "AMN"]


def make_scan_case(rng):
    """Points of action mode, effectors, SCAN (which goes with action mode), and elsewhere."""
    n_frames = 300
    action, motor, other = rng.normal(size=(3, n_frames))
    kinds = np.repeat([0, 1, 2, 3], 30)
    means = np.stack([action, motor, action + 0.3 * motor, other])
    unit = unit_rows(means[kinds] + 0.5 * rng.normal(size=(120, n_frames)))
    codes = np.where(kinds == 0, 9.0, np.where(kinds == 3, 1.0, 10.0))
    prior = np.zeros(120, bool)
    prior[50:90] = True  # SCAN and some of the effectors
    communities = np.stack([kinds + 1, np.where(kinds == 2, -1, 1)], axis=1)
    communities[115:, 0] = 7  # too small
    return communities, prior, unit, codes


def test_candidates_for_scan_by_a_slow_loop(rng):
    communities, prior, unit, codes = make_scan_case(rng)
    table = score_scan(communities, prior, thresholds=(0.001, 0.01), unit=unit, codes=codes)
    assert list(zip(table["threshold"], table["community"], strict=True)) == [
        (0.001, 1), (0.001, 2), (0.001, 3), (0.001, 4), (0.01, 1),
    ]  # fmt: skip
    for row in table.itertuples():
        inside = communities[:, (0.001, 0.01).index(row.threshold)] == row.community
        assert row.n_vertices == inside.sum()
        assert row.jaccard == pytest.approx(jaccard(inside, prior))
        assert row.prior_covered == pytest.approx(inside[prior].mean())
        assert row.inside_prior == pytest.approx(prior[inside].mean())

        def mean_correlation(region, inside=inside):
            one, two = unit[inside].mean(axis=0), unit[region & ~inside].mean(axis=0)
            return one @ two / np.linalg.norm(one) / np.linalg.norm(two)

        if (inside & (codes == 9)).any():  # holds all of the action-mode network
            assert np.isnan(row.action_mode_contrast)
            assert row.score == pytest.approx(row.jaccard)
            continue
        contrast = mean_correlation(codes == 9) - mean_correlation(codes == 10)
        assert row.action_mode_contrast == pytest.approx(contrast, abs=1e-5)
        assert row.score == pytest.approx(row.jaccard * (1 + contrast), abs=1e-5)


def test_the_community_that_is_scan_is_proposed(rng):
    communities, prior, unit, codes = make_scan_case(rng)
    table = score_scan(communities, prior, thresholds=(0.001, 0.01), unit=unit, codes=codes)
    found = propose_scan(table)
    assert (found["threshold"], found["community"]) == (0.001, 3)
    assert propose_scan(table, floor=found["score"] + 0.01) is None


def test_without_correlations_overlap_alone_counts(rng):
    communities, prior, *_ = make_scan_case(rng)
    table = score_scan(communities, prior, thresholds=(0.001, 0.01))
    assert table["action_mode_contrast"].isna().all()
    np.testing.assert_array_equal(table["score"], table["jaccard"])


def test_nothing_is_proposed_where_nothing_is_found():
    none = np.full((20, 2), -1)
    table = score_scan(none, np.ones(20, bool), thresholds=(0.1, 0.2))
    assert len(table) == 0
    assert propose_scan(table) is None
    elsewhere = score_scan(np.ones((20, 1), int), np.zeros(20, bool), thresholds=(0.1,))
    assert propose_scan(elsewhere) is None
    with pytest.raises(ValueError, match="2 columns of communities, but 9 thresholds"):
        score_scan(none, np.ones(20, bool))
