"""Triangle mesh of a hemisphere: adjacency, areas, normals, and geodesic distances."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.compiled import kernel


@short_repr
@dataclass(frozen=True, eq=False)
class Mesh:
    """Surface mesh of one hemisphere, with a mask of cortex.

    Parameters
    ----------
    vertices : array of shape (n_vertices, 3)
        Coordinates (mm).
    faces : array of int, shape (n_faces, 3)
    cortex : array of bool, shape (n_vertices,)
        False on the medial wall.

    Raises
    ------
    ValueError
        If sizes differ, a coordinate is not finite, a face refers to a missing vertex, or cortex
        is empty or not connected.
    """

    vertices: Matrix
    faces: Codes
    cortex: NDArray[np.bool_]

    def __post_init__(self) -> None:
        n = len(self.vertices)
        if self.cortex.shape != (n,):
            raise ValueError(
                f"the surface has {n:,} vertices, but the mask of cortex {len(self.cortex):,}. "
                "Surface and data must be of one mesh (such as fs_LR 32k)."
            )
        bad = ~np.isfinite(self.vertices).all(axis=1)
        if bad.any():
            raise ValueError(
                f"{int(bad.sum())} vertices have no finite coordinates (first: "
                f"{int(np.flatnonzero(bad)[0])})."
            )
        if len(self.faces) == 0 or not 0 <= self.faces.min() <= self.faces.max() < n:
            raise ValueError(f"faces must join vertices 0 to {n - 1}.")
        if not self.cortex.any():
            raise ValueError("no vertex is cortex.")
        pieces = self.n_pieces
        if pieces > 1:
            raise ValueError(
                f"cortex falls into {pieces} pieces that are not connected by any edge of the "
                "mesh. Are faces missing, or is the medial wall wrong?"
            )

    @cached_property
    def n_pieces(self) -> int:
        """Number of connected components of cortex."""
        from scipy.sparse.csgraph import connected_components

        inside = self.adjacency[self.cortex][:, self.cortex]
        return int(connected_components(inside, directed=False)[0])

    @cached_property
    def edges(self) -> Codes:
        """Each edge once: (n_edges, 2), the lower vertex first."""
        pairs = np.concatenate(
            [self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]]
        )
        return np.unique(np.sort(pairs, axis=1), axis=0)

    @cached_property
    def adjacency(self) -> csr_array:
        """1 where two vertices share an edge: (n_vertices, n_vertices)."""
        n = len(self.vertices)
        a, b = self.edges.T
        ones = np.ones(2 * len(a))
        both = (np.concatenate([a, b]), np.concatenate([b, a]))
        return csr_array((ones, both), shape=(n, n))

    @cached_property
    def face_normals(self) -> Matrix:
        """Normal of each face, with a length of twice its area: (n_faces, 3)."""
        a, b, c = (self.vertices[self.faces[:, corner]] for corner in range(3))
        return np.asarray(np.cross(b - a, c - a))

    @cached_property
    def areas(self) -> Vector:
        """Area of each vertex, a third of the area of its faces (mm²): (n_vertices,)."""
        of_face = np.linalg.norm(self.face_normals, axis=1) / 2
        areas = np.zeros(len(self.vertices))
        for corner in range(3):
            np.add.at(areas, self.faces[:, corner], of_face / 3)
        return areas

    @cached_property
    def normals(self) -> Matrix:
        """Unit normal of each vertex, from the sum of its faces' unit normals: (n_vertices, 3)."""
        unit = self.face_normals / np.maximum(
            np.linalg.norm(self.face_normals, axis=1, keepdims=True), 1e-30
        )
        total = np.zeros_like(self.vertices)
        for corner in range(3):
            np.add.at(total, self.faces[:, corner], unit)
        return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-30))

    @cached_property
    def paths(self) -> csr_array:
        """Lengths (mm) of the edges of the geodesic graph: (n_vertices, n_vertices).

        These are the edges of the mesh, and straight lines between the two vertices opposite an
        edge, where the line crosses that edge when its two faces are unfolded into a plane.
        """
        n = len(self.vertices)
        a, b = self.edges.T
        length = np.linalg.norm(self.vertices[a] - self.vertices[b], axis=1)
        c, d, across = self._shortcuts()
        i, j = np.concatenate([a, c, b, d]), np.concatenate([b, d, a, c])
        steps = np.concatenate([length, across, length, across])
        # two vertices may be opposite across two edges: the shorter path is kept
        order = np.lexsort((steps, j, i))
        rows, columns, values = i[order], j[order], steps[order]
        first = np.ones(len(rows), bool)
        first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
        return csr_array((values[first], (rows[first], columns[first])), shape=(n, n))

    def _shortcuts(self) -> tuple[Codes, Codes, Vector]:
        """Vertices opposite each other across an edge, and their distance when unfolded."""
        faces = self.faces
        sides = np.concatenate([faces[:, [0, 1, 2]], faces[:, [1, 2, 0]], faces[:, [2, 0, 1]]])
        ends, tip = np.sort(sides[:, :2], axis=1), sides[:, 2]
        order = np.lexsort((ends[:, 1], ends[:, 0]))
        ends, tip = ends[order], tip[order]
        shared = np.flatnonzero((ends[1:] == ends[:-1]).all(axis=1))
        p, q = (self.vertices[ends[shared, k]] for k in (0, 1))
        along = q - p
        length = np.linalg.norm(along, axis=1)
        along = along / length[:, None]

        def unfold(corner: Matrix) -> tuple[Vector, Vector]:
            away = corner - p
            x = np.einsum("ij,ij->i", away, along)
            return x, np.linalg.norm(away - x[:, None] * along, axis=1)

        x1, y1 = unfold(self.vertices[tip[shared]])
        x2, y2 = unfold(self.vertices[tip[shared + 1]])
        crossing = x1 + (x2 - x1) * y1 / np.maximum(y1 + y2, 1e-30)
        crosses = (crossing > 0) & (crossing < length) & (tip[shared] != tip[shared + 1])
        crossed = shared[crosses]
        across = np.hypot(x2 - x1, y1 + y2)[crosses]
        return tip[crossed], tip[crossed + 1], across

    def distances(self, sources: Codes, limit_mm: float) -> csr_array:
        """Geodesic distances (mm) from source vertices to all vertices within a limit.

        Parameters
        ----------
        sources : ndarray of int, shape (n_sources,)
        limit_mm : float
            Farther vertices are omitted; paths may cross the medial wall.

        Returns
        -------
        distances : csr_array of shape (n_sources, n_vertices)
            A vertex's distance to itself is an explicit 0.
        """
        steps = self.paths
        pointer, index, length = _all_within(
            steps.indptr.astype(np.int64), steps.indices.astype(np.int64), steps.data,
            np.asarray(sources, dtype=np.int64), float(limit_mm),
        )  # fmt: skip
        return csr_array((length, index, pointer), shape=(len(sources), len(self.vertices)))


@kernel(nogil=True)
def _all_within(pointer, index, length, sources, limit):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Dijkstra's algorithm from each source, up to the limit."""
    n = len(pointer) - 1
    best = np.full(n, np.inf)
    starts = np.zeros(len(sources) + 1, np.int64)
    room = 64 * len(sources) + 64
    index_out, length_out = np.empty(room, np.int64), np.empty(room)
    used = 0
    for s in range(len(sources)):
        source = sources[s]
        best[source] = 0.0
        touched = [source]
        heap = [(0.0, source)]
        while heap:
            so_far, vertex = heapq.heappop(heap)
            if so_far > best[vertex]:
                continue
            for k in range(pointer[vertex], pointer[vertex + 1]):
                neighbour, total = index[k], so_far + length[k]
                if total <= limit and total < best[neighbour]:
                    if best[neighbour] == np.inf:
                        touched.append(neighbour)
                    best[neighbour] = total
                    heapq.heappush(heap, (total, neighbour))
        while used + len(touched) > room:
            room *= 2
            larger_index, larger_length = np.empty(room, np.int64), np.empty(room)
            larger_index[:used], larger_length[:used] = index_out[:used], length_out[:used]
            index_out, length_out = larger_index, larger_length
        for vertex in sorted(touched):
            index_out[used], length_out[used] = vertex, best[vertex]
            best[vertex] = np.inf  # so that the next source starts afresh
            used += 1
        starts[s + 1] = used
    return starts, index_out[:used].copy(), length_out[:used].copy()
