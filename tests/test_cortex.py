"""Meshes, operators, similarity, boundary maps and areas against definitions and Workbench."""

import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from conftest import SHARED
from scipy.sparse import csr_array
from sklearn.metrics import adjusted_rand_score

sys.path.insert(0, str(Path(__file__).parent / "data" / "cortex"))
from make_golden import SIGMAS, SOURCES, ask_workbench, make_surface

from painprint.cortex.boundary import N_LEVELS, Neighbours, boundary_density
from painprint.cortex.boundary_map import Kernels, map_boundaries
from painprint.cortex.mesh import Mesh
from painprint.cortex.operators import make_gradient, make_smoothing
from painprint.cortex.parcels import ParcelRules, make_parcels
from painprint.cortex.similarity import ExactSimilarity, LinearSimilarity, unit_rows
from painprint.cortex.sphere import make_sphere
from painprint.files.gifti import read_surface

GOLDEN = Path(__file__).parent / "data" / "cortex" / "golden.npz"
REFERENCE = SHARED / "cortex"


@pytest.fixture(scope="module")
def bumpy():
    return Mesh(*make_surface())


def check_against_workbench(mesh, golden):
    noise = golden["noise"].T.astype(float)[mesh.cortex]
    for sigma in SIGMAS:
        smoothed = make_smoothing(mesh, sigma) @ noise
        expected = golden[f"smoothed_{sigma:g}"].T[mesh.cortex]
        np.testing.assert_allclose(smoothed, expected, atol=2e-6)
    gradient = make_gradient(mesh).magnitude(noise)
    np.testing.assert_allclose(gradient, golden["gradient"].T[mesh.cortex], atol=2e-6)
    for source in SOURCES:
        away = mesh.distances(np.array([source]), 1e6).toarray()[0]
        np.testing.assert_allclose(away, golden[f"geodesic_{source}"], atol=1e-3)


def test_kernels_are_workbenchs(bumpy):
    check_against_workbench(bumpy, np.load(GOLDEN))


@pytest.mark.needs("wb_command")
def test_kernels_are_those_of_the_workbench_that_is_installed(bumpy, tmp_path, rng):
    noise = rng.normal(size=(2, len(bumpy.vertices))).astype(np.float32)
    check_against_workbench(bumpy, {"noise": noise, **ask_workbench(tmp_path, noise)})


@pytest.mark.needs("cortex")
@pytest.mark.parametrize("side", ["L", "R"])
def test_kernels_at_full_size(side):
    """fs_LR 32k: smoothing and gradient to 1e-6 (1e-3 at 4 mm), distances to 1e-3 mm."""
    golden = np.load(REFERENCE / "golden_workbench.npz")
    axis = nib.load(REFERENCE / "Parcels_LR.dtseries.nii").header.get_axis(1)
    structure = {"L": "CIFTI_STRUCTURE_CORTEX_LEFT", "R": "CIFTI_STRUCTURE_CORTEX_RIGHT"}[side]
    here = axis.name == structure
    path = REFERENCE / f"Conte69.{side}.midthickness.32k_fs_LR.surf.gii"
    vertices, faces = read_surface(path)
    cortex = np.zeros(len(vertices), bool)
    cortex[axis.vertex[here]] = True
    mesh = Mesh(vertices, faces, cortex)
    noise = golden["noise"][:, here].T.astype(float)
    for sigma, name, error in ((2.55, "smoothed_sigma2p55", 1e-6), (4.0, "smoothed_sigma4", 1e-3)):
        smoothed = make_smoothing(mesh, sigma) @ noise
        np.testing.assert_allclose(smoothed, golden[name][:, here].T, atol=error)
    given = golden["smoothed_sigma4"][:, here].T.astype(float)
    expected = golden["gradient_of_smoothed_sigma4"][:, here].T
    np.testing.assert_allclose(make_gradient(mesh).magnitude(given), expected, atol=1e-6)
    if side == "L":
        for source in (0, 10000, 20000):
            away = mesh.distances(np.array([source]), 1e6).toarray()[0]
            np.testing.assert_allclose(away, golden[f"geodesic_L_{source}"], atol=1e-3)


@pytest.mark.needs("cortex")
def test_areas_are_those_of_the_published_step():
    golden = np.load(REFERENCE / "golden_parcels.npz")
    neighbours = golden["neighbors"]
    n = len(neighbours)
    i, j = np.repeat(np.arange(n), neighbours.shape[1] - 1), neighbours[:, 1:].ravel()
    adjacency = csr_array((np.ones((j >= 0).sum()), (i[j >= 0], j[j >= 0])), shape=(n, n))
    labels = make_parcels(golden["boundary_map"], adjacency)
    expected = golden["parcels"]
    assert abs(labels.max() - (len(np.unique(expected)) - 1)) <= 2
    both = (labels > 0) & (expected > 0)
    assert adjusted_rand_score(labels[both], expected[both]) >= 0.995
    assert ((labels > 0) == (expected > 0)).mean() >= 0.995


def test_distances_by_a_slow_loop(bumpy):
    """All ways over single steps, by repeated relaxation."""
    steps = bumpy.paths.tocoo()
    away = np.full(len(bumpy.vertices), np.inf)
    away[5] = 0
    for _ in range(200):
        np.minimum.at(away, steps.col, away[steps.row] + steps.data)
    found = bumpy.distances(np.array([5]), 40.0)
    np.testing.assert_allclose(found.data, away[found.indices])
    assert set(found.indices) == set(np.flatnonzero(away <= 40))


def test_areas_add_up_and_a_plane_has_its_slope():
    side = 30
    x, y = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    vertices = np.stack([x.ravel() * 2.0, y.ravel() * 3.0, np.zeros(side**2)], axis=1)
    number = np.arange(side**2).reshape(side, side)
    a, b, c, d = (part.ravel() for part in (
        number[:-1, :-1], number[1:, :-1], number[:-1, 1:], number[1:, 1:]
    ))  # fmt: skip
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)])
    mesh = Mesh(vertices, faces, np.ones(side**2, bool))
    assert mesh.areas.sum() == pytest.approx(29**2 * 6)
    slope = make_gradient(mesh).magnitude(0.3 * vertices[:, 0] - 0.4 * vertices[:, 1])
    np.testing.assert_allclose(slope, 0.5, atol=1e-9)
    smoothing = make_smoothing(mesh, 4.0)
    np.testing.assert_allclose(smoothing.sum(axis=1), 1)
    weighted = mesh.areas @ (smoothing @ np.ones(side**2))
    assert weighted == pytest.approx(mesh.areas.sum())


def test_a_mesh_names_what_is_wrong(bumpy):
    with pytest.raises(ValueError, match="surface has 1,442 vertices, but the mask of cortex 7"):
        Mesh(bumpy.vertices, bumpy.faces, np.ones(7, bool))
    broken = bumpy.vertices.copy()
    broken[3] = np.nan
    with pytest.raises(ValueError, match="1 vertices have no finite coordinates .first: 3"):
        Mesh(broken, bumpy.faces, bumpy.cortex)
    with pytest.raises(ValueError, match="no vertex is cortex"):
        Mesh(bumpy.vertices, bumpy.faces, np.zeros(1442, bool))
    with pytest.raises(ValueError, match="faces must join"):
        Mesh(bumpy.vertices, bumpy.faces + 9, bumpy.cortex)
    two = np.zeros(1442, bool)
    two[[0, 900]] = True
    with pytest.raises(ValueError, match="falls into 2 pieces"):
        Mesh(bumpy.vertices, bumpy.faces, two)
    with pytest.raises(ValueError, match="must be positive"):
        make_smoothing(bumpy, 0)


def test_a_sphere_is_closed_and_round():
    vertices, faces = make_sphere(7)
    assert vertices.shape == (10 * 49 + 2, 3) and faces.shape == (20 * 49, 3)
    mesh = Mesh(vertices * 50, faces, np.ones(len(vertices), bool))
    assert len(vertices) - len(mesh.edges) + len(faces) == 2  # Euler
    assert mesh.areas.sum() == pytest.approx(4 * np.pi * 2500, rel=0.02)
    outwards = np.einsum("ij,ij->i", mesh.normals, vertices)
    assert outwards.min() > 0.99


def planted(rng, n_points=240, n_frames=300):
    """Time series of twelve groups of points."""
    group = np.repeat(np.arange(12), n_points // 12)
    return rng.normal(size=(12, n_frames))[group] + rng.normal(size=(n_points, n_frames))


def test_exact_similarity_by_a_loop(rng):
    series = planted(rng, 60, 80)
    series[7] = 4.0  # never varies
    with np.errstate(invalid="ignore"):
        r = np.nan_to_num(np.corrcoef(series))
    z = np.arctanh(np.clip(r, -0.999, 0.999))
    with np.errstate(invalid="ignore", divide="ignore"):
        s = np.nan_to_num(np.corrcoef(z))
    expected = np.arctanh(np.clip(s, -0.999, 0.999))
    seeds = np.array([0, 7, 33])
    found = ExactSimilarity(unit_rows(series.astype(np.float32))).columns(seeds)
    np.testing.assert_allclose(found, expected[:, seeds], atol=2e-3)


def test_linear_similarity_is_exact_without_fishers_z_and_near_with_it(rng):
    series = planted(rng)
    r = np.corrcoef(series)
    s = np.corrcoef(r)
    seeds = np.arange(0, 240, 17)
    full = LinearSimilarity.of(unit_rows(series.astype(np.float32)), rank=300)
    clipped = np.clip(s[:, seeds], -0.999, 0.999)
    np.testing.assert_allclose(np.tanh(full.columns(seeds)), clipped, atol=1e-4)
    # beside Fisher's z, of many points, among which a point's correlation with itself counts little
    many = planted(rng, n_points=3000).astype(np.float32)
    exact = ExactSimilarity(unit_rows(many)).columns(seeds).ravel()
    agreement = [
        np.corrcoef(LinearSimilarity.of(unit_rows(many), rank=rank).columns(seeds).ravel(), exact)[
            0, 1
        ]
        for rank in (300, 60)
    ]
    assert agreement[0] > 0.99 and agreement[1] > 0.97


def watershed_by_a_loop(values, adjacency, near, ends, order_of):
    """Section 5 of the description, a vertex at a time; the order within a level is given."""
    dense, rings = adjacency.toarray() > 0, near
    labels = np.zeros(len(values), int)
    for i in range(len(values)):
        around = rings.index[rings.pointer[i] : rings.pointer[i + 1]]
        if len(around) and (values[i] < values[around]).all():
            labels[i] = labels.max() + 1
    low, high = ends
    for k in range(N_LEVELS + 1):
        height = low + k * (high - low) / N_LEVELS
        for i in order_of(np.flatnonzero((labels == 0) & (values < height))):
            around = set(labels[dense[i]]) - {0, -1}
            if len(around) > 1:
                labels[i] = -1
            elif around:
                labels[i] = around.pop()
    return labels


def test_watershed_by_a_loop(bumpy, rng):
    """Whatever the order, watersheds agree with a slow loop except where orders differ."""
    inside = bumpy.adjacency[bumpy.cortex][:, bumpy.cortex]
    ring, near = Neighbours.of(inside), Neighbours.within(inside, 3)
    values = make_smoothing(bumpy, 6.0) @ rng.normal(size=(inside.shape[0], 6))
    ends = (float(values.min()), float(values.max()))
    shares, expected = [], []
    for m in range(6):
        one = values[:, [m]].astype(np.float32)
        counts = boundary_density(
            np.repeat(one, 40, axis=1), ring, near, ends, np.arange(40, dtype=np.uint32)
        )
        shares.append(counts / 40)
        slow = [
            watershed_by_a_loop(one[:, 0], inside, near, ends, np.random.default_rng(k).permutation)
            <= 0
            for k in range(40)
        ]
        expected.append(np.mean(slow, axis=0))
    difference = np.abs(np.array(shares) - np.array(expected))
    assert np.quantile(difference, 0.99) < 0.35  # two samples of 40 orders each
    assert np.corrcoef(np.ravel(shares), np.ravel(expected))[0, 1] > 0.97
    assert abs(np.mean(shares) - np.mean(expected)) < 0.01


def test_neighbours_within_rings_by_a_loop(bumpy):
    inside = bumpy.adjacency
    near = Neighbours.within(inside, 3)
    dense = inside.toarray() > 0
    for i in (0, 12, 700):
        reached = {i}
        for _ in range(3):
            reached |= {int(j) for k in list(reached) for j in np.flatnonzero(dense[k])}
        assert set(near.index[near.pointer[i] : near.pointer[i + 1]]) == reached - {i}


def test_planted_areas_are_found(bumpy, rng):
    """A boundary map that is high between the cells of a few centres."""
    centres = rng.choice(np.flatnonzero(bumpy.cortex), 12, replace=False)
    away = bumpy.distances(centres, 1e6).toarray()[:, bumpy.cortex]
    first, second = np.sort(away, axis=0)[:2]
    truth = away.argmin(axis=0)
    density = np.exp(-(((second - first) / 8) ** 2)) + 0.01 * rng.random(truth.size)
    inside = bumpy.adjacency[bumpy.cortex][:, bumpy.cortex]
    labels = make_parcels(density, inside)
    there = labels > 0
    assert there.mean() > 0.6
    assert adjusted_rand_score(labels[there], truth[there]) > 0.85
    sizes = np.bincount(labels)[1:]
    assert sizes.min() >= ParcelRules().smallest
    assert set(labels) == set(range(labels.max() + 1))
    for area in range(1, labels.max() + 1):  # each hangs together
        part = inside[labels == area][:, labels == area]
        from scipy.sparse.csgraph import connected_components

        assert connected_components(part, directed=False)[0] == 1


@pytest.mark.parametrize("height", [0.0, 3.0])
def test_a_flat_map_is_not_divided(bumpy, height):
    """All but one of its equal minima are dropped, whatever its height."""
    inside = bumpy.adjacency[bumpy.cortex][:, bumpy.cortex]
    labels = make_parcels(np.full(inside.shape[0], height), inside)
    assert set(labels) == {0, 1}


def test_a_wall_divides_a_flat_map_in_two(bumpy):
    inside = bumpy.adjacency[bumpy.cortex][:, bumpy.cortex]
    x = bumpy.vertices[bumpy.cortex][:, 0]
    is_wall = np.abs(x) < np.quantile(np.abs(x), 0.15)
    labels = make_parcels(is_wall.astype(float), inside)
    left, right = (set(labels[side & (labels > 0)]) for side in (x < 0, x > 0))
    assert left | right == {1, 2} and len(left) == len(right) == 1
    assert not labels[is_wall].any()


@pytest.fixture(scope="module")
def planted_areas(bumpy):
    """Two hemispheres, each with areas around centres, and time series that know them."""
    rng = np.random.default_rng(7)
    truth, series = [], []
    for side in range(2):
        centres = rng.choice(np.flatnonzero(bumpy.cortex), 12, replace=False)
        away = bumpy.distances(centres, 1e6).toarray()[:, bumpy.cortex]
        own = away.argmin(axis=0)
        truth.append(own + 12 * side)
        signals = rng.normal(size=(12, 400))
        noise = make_smoothing(bumpy, 3.0) @ rng.normal(size=(len(own), 400))
        series.append(signals[own] + noise / noise.std())
    return np.concatenate(truth), np.concatenate(series).astype(np.float32)


def test_planted_areas_show_in_the_boundary_map(bumpy, planted_areas):
    truth, series = planted_areas
    kernels = Kernels.of(bumpy, sigma_mm=5.0)
    similarity = LinearSimilarity.of(unit_rows(series), rank=60)
    steps = []
    found = map_boundaries(
        similarity,
        [kernels, kernels],
        n_seeds=450,
        on_step=lambda done, of: steps.append((done, of)),
    )
    assert steps[-1] == (3, 3)
    n = kernels.n_cortex
    for side in range(2):
        part = slice(side * n, (side + 1) * n)
        graph = csr_array(bumpy.adjacency[bumpy.cortex][:, bumpy.cortex])
        own = truth[part]
        edge = np.array(
            [(own[graph.indices[graph.indptr[i] : graph.indptr[i + 1]]] != own[i]).any()
             for i in range(n)]
        )  # fmt: skip
        density = found.density[part]
        assert density[edge].mean() > 2 * density[~edge].mean()
    again = map_boundaries(similarity, [kernels, kernels], n_seeds=450)
    np.testing.assert_array_equal(again.density, found.density)
    other = map_boundaries(similarity, [kernels, kernels], n_seeds=450, random_seed=1)
    assert np.corrcoef(other.density, found.density)[0, 1] > 0.9
    exact = map_boundaries(ExactSimilarity(unit_rows(series)), [kernels, kernels], n_seeds=450)
    assert np.corrcoef(exact.density, found.density)[0, 1] > 0.9
