"""Areas without networks: each in a colour that differs from those of its neighbours."""

import itertools
import math

import numpy as np
import pytest

from painprint.atlas.brain import REACH, Brain, CorticalMesh, neighbouring_regions
from painprint.palette import APART, neighbour_colours
from painprint.regions import NO_REGION, Regions
from painprint.report.overlays import AreaOverlay


def grid_pairs(n):
    """Pairs of neighbours of a square grid of n x n regions, over edges and corners."""
    cells = list(itertools.product(range(n), repeat=2))
    return [
        (a[0] * n + a[1], b[0] * n + b[1])
        for a, b in itertools.combinations(cells, 2)
        if max(abs(a[0] - b[0]), abs(a[1] - b[1])) == 1
    ]


def test_neighbours_are_far_apart_in_colour_and_every_colour_is_used():
    pairs = grid_pairs(12)
    colours = neighbour_colours(144, pairs)
    assert all(255 * math.dist(colours[a], colours[b]) > APART - 1 for a, b in pairs)
    assert len(set(colours)) >= 10
    assert colours == neighbour_colours(144, [(b, a) for a, b in reversed(pairs)])


def test_a_graph_that_needs_more_colours_than_there_are_is_coloured_all_the_same():
    assert len(neighbour_colours(40, itertools.combinations(range(40), 2))) == 40


def strip(region):
    """A strip of triangles along a line of pairs of vertices, with the region of each pair."""
    n = len(region)
    top, bottom = np.arange(n), np.arange(n) + n
    faces = [(top[i], top[i + 1], bottom[i]) for i in range(n - 1)]
    faces += [(top[i + 1], bottom[i + 1], bottom[i]) for i in range(n - 1)]
    xyz = np.array([(i, j, 0.0) for j in (0, 1) for i in range(n)])
    return CorticalMesh(np.array(faces), {"folded": xyz}, np.tile(region, 2))


@pytest.mark.parametrize(("gap", "near"), [(0, True), (3, True), (4, False), (6, False)])
def test_regions_are_neighbours_across_the_vertices_of_a_boundary(gap, near):
    assert REACH == 2
    mesh = strip(np.array([0] * 3 + [NO_REGION] * gap + [1] * 3))
    brain = Brain(Regions(("a", "b"), ("", "")), {"L": mesh}, None, {}, "")
    assert neighbouring_regions(brain) == ([(0, 1)] if near else [])
    first, second = AreaOverlay.of(brain).colours
    assert (first != second) or not near


def test_regions_of_two_hemispheres_are_no_neighbours():
    meshes = {"L": strip(np.array([0, 0])), "R": strip(np.array([1, 1]))}
    brain = Brain(Regions(("a", "b"), ("", "")), meshes, None, {}, "")
    assert neighbouring_regions(brain) == []
