"""Graphs of strong correlations, and their communities, against slow loops and planted blocks."""

import sys

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import adjusted_rand_score

from painprint.cortex import communities
from painprint.cortex.communities import (
    LADDER,
    drop_small,
    find_communities,
    has_infomap,
    make_supervertices,
    mean_unit,
    node_specific_edges,
    regularize,
    strongest_edges,
)
from painprint.cortex.mesh import Mesh
from painprint.cortex.similarity import fisher_z, unit_rows
from painprint.cortex.sphere import make_sphere


def make_unit(rng, n=60, n_frames=40, *, n_blocks=4, strength=1.0):
    """Rows of planted blocks, in turn."""
    block = np.arange(n) % n_blocks
    shared = rng.normal(size=(n_blocks, n_frames))
    return unit_rows(strength * shared[block] + rng.normal(size=(n, n_frames))), block


def make_near(rng, n=60, *, share=0.1):
    pairs = np.triu(rng.random((n, n)) < share)
    return csr_array(pairs | pairs.T)


def slow_z(unit, near):
    """Fisher's z of each pair that may be an edge."""
    z, apart = fisher_z(unit @ unit.T), near.toarray() == 0
    n = len(unit)
    return {(i, j): z[i, j] for i in range(n) for j in range(i + 1, n) if apart[i, j]}


def pairs_of(edges):
    return list(zip(edges.i.tolist(), edges.j.tolist(), strict=True))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Several blocks of nodes, the last one not full."""
    monkeypatch.setattr(communities, "BLOCK", 17)


@pytest.mark.parametrize("share", [0.003, 0.05, 0.3])
def test_edges_are_the_strongest_pairs(rng, share):
    unit, _ = make_unit(rng)
    near = make_near(rng)
    z = slow_z(unit, near)
    expected = sorted(z, key=lambda pair: -z[pair])[: round(share * 60 * 59 / 2)]
    edges = strongest_edges(unit, near, share)
    assert pairs_of(edges) == expected
    np.testing.assert_allclose(edges.z, [z[pair] for pair in expected], rtol=1e-5)  # float32
    assert edges.z.dtype == np.float32


def test_sparser_graphs_are_the_first_edges_of_denser_ones(rng):
    unit, _ = make_unit(rng)
    near = make_near(rng)
    densest = strongest_edges(unit, near, LADDER[-1])
    for share in LADDER:
        alone = strongest_edges(unit, near, share)
        assert pairs_of(densest.at(share, 60)) == pairs_of(alone)


def test_pairs_without_a_positive_correlation_are_no_edges(rng):
    unit, _ = make_unit(rng)
    near = make_near(rng)
    n_positive = sum(z > 0 for z in slow_z(unit, near).values())
    assert len(strongest_edges(unit, near, 1.0)) == n_positive
    assert len(node_specific_edges(unit, near, 1.0)) == n_positive


def test_of_equal_pairs_the_first_are_edges(rng):
    """Copies of one row all correlate at the upper clip."""
    unit = np.repeat(unit_rows(rng.normal(size=(1, 20)).astype(np.float32)), 50, axis=0)
    none = csr_array((50, 50), dtype=bool)
    found = pairs_of(strongest_edges(unit, none, 60 / 1225))
    assert found == [(0, j) for j in range(1, 50)] + [(1, j) for j in range(2, 13)]
    assert len(strongest_edges(unit, none, 0.0)) == 0


def test_near_pairs_that_are_stored_as_false_may_be_edges(rng):
    unit, _ = make_unit(rng)
    stored = csr_array(np.ones((60, 60), bool))
    stored.data[:] = False
    none = csr_array((60, 60), dtype=bool)
    assert pairs_of(strongest_edges(unit, stored, 0.1)) == pairs_of(
        strongest_edges(unit, none, 0.1)
    )


def test_permuted_nodes_permute_edges(rng):
    unit, _ = make_unit(rng)
    near = make_near(rng)
    order = rng.permutation(60)
    for make in (strongest_edges, node_specific_edges):
        found = make(unit[order], csr_array(near[order][:, order]), 0.05)
        moved = {frozenset(pair) for pair in np.stack([order[found.i], order[found.j]]).T.tolist()}
        assert moved == {frozenset(pair) for pair in pairs_of(make(unit, near, 0.05))}


@pytest.mark.parametrize("share", [0.001, 0.05, 0.1])
def test_each_node_brings_its_own_strongest_edges(rng, share):
    unit, _ = make_unit(rng)
    near = make_near(rng)
    z = slow_z(unit, near)
    expected = {}
    for node in range(60):
        own = sorted((pair for pair in z if node in pair and z[pair] > 0), key=lambda p: -z[p])
        for rank, pair in enumerate(own[: int(np.ceil(share * 60))]):
            expected[pair] = min(rank, expected.get(pair, rank))
    edges = node_specific_edges(unit, near, share)
    assert dict(zip(pairs_of(edges), edges.rank.tolist(), strict=True)) == expected
    np.testing.assert_allclose(edges.z, [z[pair] for pair in pairs_of(edges)], rtol=1e-5)
    assert set(edges.i.tolist()) | set(edges.j.tolist()) == set(range(60))
    sparser = node_specific_edges(unit, near, share / 2)
    assert pairs_of(edges.at(share / 2, 60)) == pairs_of(sparser)


def test_rounding_errors_bring_no_more_edges():
    assert communities._edges_per_node(0.1, 30) == 3  # 0.1 * 30 is 3.0000000000000004
    assert communities._edges_per_node(0.0001, 59412) == 6


@pytest.mark.needs("infomap")
def test_planted_blocks_are_found(rng):
    unit, block = make_unit(rng, 120, 200, n_blocks=6, strength=1.2)
    edges = strongest_edges(unit, csr_array((120, 120), dtype=bool), 0.15)
    found = find_communities(edges, 120, (0.05, 0.1, 0.15), n_trials=5)
    assert found.shape == (120, 3)
    for column in found.T:  # sparse graphs part blocks, but never mix them
        for number in range(1, column.max() + 1):
            assert len(set(block[column == number].tolist())) == 1
    assert adjusted_rand_score(block, found[:, -1]) == 1
    own = node_specific_edges(unit, csr_array((120, 120), dtype=bool), 0.1)
    by_own = find_communities(own, 120, (0.05, 0.1), n_trials=5)
    assert adjusted_rand_score(block, by_own[:, -1]) == 1


@pytest.mark.needs("infomap")
def test_communities_do_not_depend_on_workers_but_on_the_seed(rng):
    unit, _ = make_unit(rng, 150, strength=0.2)  # weak: trials differ
    edges = strongest_edges(unit, make_near(rng, 150), 0.05)

    def found(**options):
        return find_communities(edges, 150, n_trials=4, **options)

    np.testing.assert_array_equal(found(n_jobs=1), found(n_jobs=2))
    np.testing.assert_array_equal(found(), found(random_seed=0))
    assert any((found(random_seed=seed) != found()).any() for seed in (1, 2))


@pytest.mark.needs("infomap")
def test_nodes_without_edges_have_no_community(rng):
    unit, _ = make_unit(rng)
    edges = strongest_edges(unit, make_near(rng), 0.003)
    steps = []
    found = find_communities(
        edges, 60, (0.0, 0.003), n_trials=1, on_step=lambda done, of: steps.append((done, of))
    )
    linked = np.isin(np.arange(60), np.concatenate([edges.i, edges.j]))
    assert (found[:, 0] == -1).all()
    np.testing.assert_array_equal(found[:, 1] > 0, linked)
    assert (found[~linked, 1] == -1).all()
    assert steps == [(1, 2), (2, 2)]


def test_without_infomap_it_is_said_how_to_get_it(rng, monkeypatch):
    unit, _ = make_unit(rng)
    edges = strongest_edges(unit, make_near(rng), 0.05)
    monkeypatch.setitem(sys.modules, "infomap", None)
    assert not has_infomap()
    with pytest.raises(ImportError, match=r"pip install 'painprint\[communities\]'"):
        find_communities(edges, 60, (0.05,))


def test_small_communities_become_none():
    found = np.array([[1, 2], [1, 1], [2, 1], [-1, 3], [3, 0]])
    sizes = np.array([5, 5, 9, 100, 11])
    expected = [[1, -1], [1, 1], [-1, 1], [-1, 3], [3, -1]]
    np.testing.assert_array_equal(drop_small(found, sizes, 10), expected)


def slow_regularize(found):
    """Sets of nodes and the names they are given, column by column."""
    renamed = np.where(found > 0, found, -1)
    highest = max(renamed[:, 0].max(), 0)
    for column in range(1, found.shape[1]):
        before, now = renamed[:, column - 1].copy(), renamed[:, column].copy()
        overlaps = sorted(
            (-((now == a) & (before == b)).sum(), a, b)
            for a in set(now[now > 0].tolist())
            for b in set(before[before > 0].tolist())
        )
        name = {}
        for overlap, a, b in overlaps:
            if overlap < 0 and a not in name and b not in name.values():
                name[a] = b
        for a in sorted(set(now[now > 0].tolist())):
            if a not in name:
                highest += 1
                name[a] = highest
        renamed[:, column] = [name.get(a, -1) for a in now.tolist()]
    names = sorted(set(renamed[renamed > 0].tolist()))
    return np.array([[names.index(a) + 1 if a > 0 else -1 for a in row] for row in renamed])


@pytest.mark.parametrize("seed", range(8))
def test_names_follow_communities_by_a_slow_loop(seed):
    rng = np.random.default_rng(seed)
    found = rng.integers(-1, 6, size=(40, 7))
    found[rng.random(found.shape) < 0.3] = -1
    found[:, 4] = -1 if seed % 2 else found[:, 3]  # none at all, or the same again
    renamed = regularize(found)
    np.testing.assert_array_equal(renamed, slow_regularize(found))
    np.testing.assert_array_equal(renamed == -1, found < 1)
    assert set(renamed[renamed > 0].tolist()) == set(range(1, renamed.max() + 1))
    for old, new in zip(found.T, renamed.T, strict=True):  # no two communities become one
        assert len(set(new[new > 0].tolist())) == len(set(old[old > 0].tolist()))


def test_a_new_name_was_never_given():
    """The second column's third community shares nothing; the name 2 is still in use."""
    found = np.array([[1, 2], [1, 2], [2, 1], [2, 1], [-1, 3], [-1, 3]])
    expected = [[1, 1], [1, 1], [2, 2], [2, 2], [-1, 3], [-1, 3]]
    np.testing.assert_array_equal(regularize(found), expected)


def test_no_community_at_all_stays_none():
    np.testing.assert_array_equal(regularize(np.full((5, 3), -1)), np.full((5, 3), -1))


def test_supervertices_hang_together_and_follow_what_is_alike(rng):
    mesh = Mesh(*make_sphere(10), np.ones(1002, bool))
    side = np.eye(2)[(mesh.vertices[:, 0] > 0).astype(int)]
    features = np.hstack([5 * side, rng.normal(size=(1002, 3))]).astype(np.float32)
    labels = make_supervertices(features, mesh.adjacency, 80)
    assert set(labels.tolist()) == set(range(80))
    for number in range(80):
        inside = np.flatnonzero(labels == number)
        pieces = connected_components(mesh.adjacency[inside][:, inside], directed=False)[0]
        assert pieces == 1
        assert len(set(side[inside, 0].tolist())) == 1


def test_supervertices_name_what_is_wrong(rng):
    mesh = Mesh(*make_sphere(2), np.ones(42, bool))
    features = rng.normal(size=(42, 3)).astype(np.float32)
    with pytest.raises(ValueError, match="42 vertices cannot be clustered into 43"):
        make_supervertices(features, mesh.adjacency, 43)
    with pytest.raises(ValueError, match="42 components that are not connected"):
        make_supervertices(features, csr_array((42, 42)), 5)


def test_means_are_those_of_their_rows_at_length_one(rng):
    unit, _ = make_unit(rng, 30)
    unit[labels_at := [3, 7]] = 0
    labels = rng.integers(-1, 4, size=30)
    labels[labels_at] = 4
    means = mean_unit(unit, labels, 6)
    assert means.dtype == np.float32
    for number in range(4):
        mean = unit[labels == number].mean(axis=0)
        np.testing.assert_allclose(means[number], mean / np.linalg.norm(mean), rtol=1e-5, atol=1e-6)
    assert (means[4:] == 0).all()
