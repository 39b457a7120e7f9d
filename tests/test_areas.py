"""Gathered runs, areas on both hemispheres, and how good they are."""

import numpy as np
import pytest
from scipy.sparse.csgraph import dijkstra

from painprint.cortex.evaluate import compare, compare_with_rotated, homogeneity, matched_dice
from painprint.cortex.gather import Gathering
from painprint.cortex.hemispheres import Cortex, members
from painprint.cortex.mesh import Mesh
from painprint.cortex.similarity import LinearSimilarity
from painprint.cortex.sphere import make_sphere
from painprint.cortex.sphere_map import map_to_sphere, rotate
from painprint.simulate.areas import plant_areas, simulate_hemisphere


@pytest.fixture(scope="module")
def cortex():
    return Cortex({side: simulate_hemisphere(8, side)[0] for side in "LR"})


@pytest.fixture(scope="module")
def planted(cortex):
    """Areas of both hemispheres, and time series that are correlated within them."""
    rng = np.random.default_rng(4)
    labels = np.concatenate(
        [plant_areas(mesh, 12, rng) + 12 * k for k, mesh in enumerate(cortex.meshes.values())]
    )
    signals = rng.normal(size=(24, 300))
    series = signals[labels] + rng.normal(size=(len(labels), 300))
    return labels + 1, series.astype(np.float32)


def test_points_of_both_hemispheres_in_one_list(cortex):
    n = cortex.n_points
    assert cortex.parts["R"].stop == n == len(cortex.areas) == len(cortex.coordinates)
    assert (cortex.sides[: cortex.parts["L"].stop] == "L").all()
    left = cortex.parts["L"]
    assert cortex.adjacency[left][:, cortex.parts["R"]].nnz == 0
    graph = cortex.meshes["R"].adjacency[cortex.meshes["R"].cortex][:, cortex.meshes["R"].cortex]
    np.testing.assert_array_equal(
        cortex.adjacency[cortex.parts["R"]][:, cortex.parts["R"]].toarray(), graph.toarray()
    )


def test_pairs_within_a_distance_by_a_loop(cortex):
    points = np.array([3, 40, 41, 300, cortex.parts["R"].start + 3, cortex.n_points - 1])
    found = cortex.within(points, 60.0).toarray()
    for i, a in enumerate(points):
        for j, b in enumerate(points):
            same = cortex.sides[a] == cortex.sides[b]
            near = False
            if same:
                side = str(cortex.sides[a])
                mesh, start = cortex.meshes[side], cortex.parts[side].start
                vertex = np.flatnonzero(mesh.cortex)
                away = dijkstra(mesh.paths, indices=vertex[a - start])
                near = bool(away[vertex[b - start]] < 60.0)
            assert found[i, j] == near
    assert found.diagonal().all() and 0 < found.mean() < 1


def test_a_medoid_has_the_shortest_ways_to_its_area(cortex, planted):
    labels, _ = planted
    found = cortex.medoids(labels)
    assert (labels[found] == np.arange(1, 25)).all()
    mesh = cortex.meshes["L"]
    inside = np.flatnonzero(labels[cortex.parts["L"]] == 3)
    steps = mesh.paths[mesh.cortex][:, mesh.cortex][inside][:, inside]
    total = dijkstra(steps, directed=False).sum(axis=1)
    assert found[2] == inside[total.argmin()]


def test_an_area_in_two_pieces_has_a_medoid_too(cortex):
    labels = np.zeros(cortex.n_points, np.int64)
    labels[[0, 200, 201]] = 1
    assert labels[cortex.medoids(labels)[0]] == 1


def test_gathered_runs_give_the_correlations_of_all_frames(rng):
    runs = [rng.normal(size=(50, n)).astype(np.float32) + 7 for n in (40, 25, 60)]
    gathered = Gathering()
    for run in runs:
        gathered.add(run)
    joined = np.concatenate([run - run.mean(axis=1, keepdims=True) for run in runs], axis=1)
    unit = gathered.unit()
    np.testing.assert_allclose(unit @ unit.T, np.corrcoef(joined), atol=1e-5)
    assert gathered.n_frames == 125 and gathered.share_kept == pytest.approx(1)
    first, second = Gathering(), Gathering()
    first.add(runs[0])
    second.add(runs[1])
    second.add(runs[2])
    first.join(second)
    np.testing.assert_array_equal(first.columns, gathered.columns)


def test_components_keep_the_correlations_that_matter(rng):
    signals = rng.normal(size=(5, 400))
    mix = rng.normal(size=(200, 5))
    data = (mix @ signals + 0.5 * rng.normal(size=(200, 400))).astype(np.float32)
    whole, reduced = Gathering(), Gathering(most=120, kept=60)
    for first in range(0, 400, 50):
        whole.add(data[:, first : first + 50])
        reduced.add(data[:, first : first + 50])
    assert reduced.columns.shape[1] <= 120 and reduced.n_frames == 400
    assert 0.9 < reduced.share_kept < 1
    pairs = np.triu_indices(200, k=1)
    exact = (whole.unit() @ whole.unit().T)[pairs]
    near = (reduced.unit() @ reduced.unit().T)[pairs]
    assert np.abs(exact - near).max() < 0.05 and np.corrcoef(exact, near)[0, 1] > 0.999


def test_points_without_signal_are_silent_in_their_run_alone(rng):
    first, second = (rng.normal(size=(4, 30)).astype(np.float32) for _ in range(2))
    first[1] = 5.0
    first[2, 7] = np.nan
    second[3] = 0.0
    gathered = Gathering()
    gathered.add(first)
    gathered.add(second)
    np.testing.assert_array_equal(gathered.n_valid, [60, 30, 30, 30])
    assert np.isfinite(gathered.unit()).all()
    silent = Gathering()
    silent.add(np.full((3, 10), 2.0, np.float32))
    assert (silent.unit() == 0).all() and silent.share_kept == 1.0


def test_a_template_mesh_lies_on_a_sphere_whatever_its_folds():
    ball, faces = make_sphere(8)
    folded, _ = simulate_hemisphere(8, "R")
    found = map_to_sphere(folded)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    i, j = folded.edges.T
    truth, own = ball @ ball.T, found @ found.T
    # angles between all pairs of vertices are those of the regular sphere
    assert np.corrcoef(truth.ravel(), own.ravel())[0, 1] > 0.999
    assert np.arccos(np.clip(own[i, j], -1, 1)).max() < 2 * np.arccos(truth[i, j]).max()


def test_a_mesh_that_is_no_sphere_is_refused():
    folded, _ = simulate_hemisphere(4, "L")
    torn = Mesh(folded.vertices, folded.faces[1:], folded.cortex)
    with pytest.raises(ValueError, match="not closed like a sphere"):
        map_to_sphere(torn)


def test_rotation_keeps_sizes_and_names_what_meets_the_wall(cortex, planted):
    labels, _ = planted
    mesh, part = cortex.meshes["L"], cortex.parts["L"]
    sphere = map_to_sphere(mesh)
    own = labels[part]
    sizes = np.zeros(13)
    for seed in range(20):
        rotated, cut = rotate(sphere, mesh, own, np.random.default_rng(seed))
        assert set(np.unique(rotated)) <= set(range(13))
        sizes += np.bincount(rotated, minlength=13) / 20
        for area in set(range(1, 13)) - set(cut.tolist()):
            n = (rotated == area).sum()
            assert 0.6 < n / (own == area).sum() < 1.6  # whole, but for the sphere's unevenness
    assert np.abs(sizes[1:] / np.bincount(own, minlength=13)[1:] - 1).mean() < 0.25


def test_homogeneity_is_the_share_of_the_first_component(cortex, planted):
    labels, series = planted
    gathered = Gathering()
    gathered.add(series)
    features = LinearSimilarity.of(gathered.unit(), rank=300).features
    found = homogeneity(features, labels)
    rows = features[labels == 5].astype(float)
    values = np.linalg.eigvalsh(rows @ rows.T)
    assert found[4] == pytest.approx(values[-1] / values.sum(), abs=1e-5)
    single = np.zeros_like(labels)
    single[3] = 1
    assert np.isnan(homogeneity(features, single)[0])


def test_planted_areas_are_more_homogeneous_than_rotated_ones(cortex, planted):
    labels, series = planted
    gathered = Gathering()
    gathered.add(series)
    features = LinearSimilarity.of(gathered.unit(), rank=100).features
    steps = []
    found = compare_with_rotated(
        features, labels, cortex, n_rotations=20, on_step=lambda done, of: steps.append((done, of))
    )
    assert steps[-1] == (20, 20)
    assert found.z > 3 and found.p == pytest.approx(1 / 21) and 0 < found.share_on_wall < 0.6
    again = compare_with_rotated(features, labels, cortex, n_rotations=20)
    np.testing.assert_array_equal(found.of_rotated, again.of_rotated)
    # areas that are nothing but rotated ones are as homogeneous as these: no finding
    rng = np.random.default_rng(9)
    elsewhere = np.zeros_like(labels)
    for side, mesh in cortex.meshes.items():
        part = cortex.parts[side]
        elsewhere[part], _ = rotate(map_to_sphere(mesh), mesh, labels[part], rng)
    null = compare_with_rotated(features, elsewhere, cortex, n_rotations=40, random_seed=3)
    assert abs(null.z) < 3 and null.p > 0.02


def test_an_area_on_the_wall_counts_with_its_mean_over_other_rotations():
    from painprint.cortex.evaluate import Homogeneity

    rotated = np.array([[0.2, np.nan], [0.4, 0.6], [0.6, 0.8]])
    found = Homogeneity(np.array([0.9, 0.9]), rotated)
    np.testing.assert_allclose(found.null, [(0.2 + 0.7) / 2, 0.5, 0.7])
    assert found.share_on_wall == pytest.approx(1 / 6)
    assert found.p == pytest.approx(1 / 4)
    # one that meets it every time is not tested: it counts neither in the null nor beside it
    never = Homogeneity(np.array([0.9, 0.5]), np.array([[0.2, np.nan], [0.4, np.nan]]))
    np.testing.assert_allclose(never.null, [0.2, 0.4])
    assert never.observed == pytest.approx(0.9) and never.tested.tolist() == [True, False]


def test_matched_dice_by_hand():
    first = np.array([1, 1, 1, 2, 2, 3, 0, 0])
    second = np.array([2, 2, 1, 1, 1, 0, 0, 3])
    np.testing.assert_allclose(matched_dice(first, second), [4 / 5, 4 / 5, 0])
    found = compare(first, second)
    assert found.n_areas == (3, 3) and found.dice == pytest.approx(0.8)
    assert found.share_both == 5 / 8 and found.share_neither == 1 / 8
    same = compare(first, np.array([5, 5, 5, 9, 9, 2, 0, 0]))
    assert same.ari == 1 and same.dice == 1 and same.dice_inside == 1
    nothing = compare(first, np.zeros(8, int))
    assert nothing.dice == 0 and nothing.ari == 0


def test_areas_without_a_common_point_count_as_not_found():
    first = np.repeat([1, 2, 3, 4], 5)
    second = np.where(first == 1, 1, 0)
    found = compare(first, second)
    assert found.dice_inside == 0 and found.dice == 0 and found.n_areas == (4, 1)


def test_areas_lost_on_borders_cost_dice_but_not_dice_inside():
    first = np.repeat([1, 2], 10)
    second = first.copy()
    second[8:12] = 0
    found = compare(first, second)
    assert found.dice_inside == 1 and found.dice == pytest.approx(2 * 8 / 18)


def test_planted_areas_are_contiguous_and_alike_in_size(cortex):
    from scipy.sparse.csgraph import connected_components

    mesh = cortex.meshes["L"]
    found = plant_areas(mesh, 12, np.random.default_rng(0))
    graph = mesh.adjacency[mesh.cortex][:, mesh.cortex]
    for points in members(found + 1):
        assert connected_components(graph[points][:, points], directed=False)[0] == 1
    sizes = np.bincount(found)
    assert len(sizes) == 12 and sizes.max() < 6 * sizes.min()
    with pytest.raises(ValueError, match="too many"):
        plant_areas(mesh, 10_000, np.random.default_rng(0))
