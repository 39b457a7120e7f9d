"""Assignment of named networks to areas and vertices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from painprint.arrays import Codes, Single, Vector, short_repr
from painprint.cortex import communities as graph
from painprint.cortex import networks
from painprint.cortex.hemispheres import Cortex
from painprint.progress import OnStep, count_steps

Step = Callable[[], None]
Way = Literal["communities", "overlap", "numbers", "none"]

N_POINTS = 59_412
"""Cortical vertices for which the community sizes were published; other meshes are scaled."""
N_SUPERVERTICES = 8000
LEAST_POINTS = 4
"""Least mean number of vertices of a supervertex."""
N_FEATURES = 50
"""Leading dimensions of connectivity by which supervertices are clustered."""
FEWER_TRIALS = 10
"""Factor by which trials on supervertices and vertices are fewer than on areas."""


class Options(Protocol):
    """The settings of a parcellation that naming depends on."""

    @property
    def community_nodes(self) -> str: ...
    @property
    def n_trials(self) -> int: ...
    @property
    def random_seed(self) -> int: ...
    @property
    def scan_choice(self) -> tuple[float, int] | None: ...


@short_repr
@dataclass(frozen=True, eq=False)
class Named:
    """Networks of areas and of vertices.

    Attributes
    ----------
    way : {"communities", "overlap", "numbers", "none"}
        Method of assignment.
    description : str
        The method in one or two sentences.
    codes : ndarray of shape (n_areas,)
        Network codes, 0 for none; NaN where communities are only numbered.
    of_area : tuple of str
        Network name of each area; empty where there is none.
    share : ndarray of shape (n_areas,)
        Share of the area's vertices that have its network; NaN where vertices have none.
    of_point : ndarray of str, shape (n_points,)
        Network name of each vertex.
    scan_description : str
        How the somato-cognitive action network (SCAN) was identified.
    candidates : DataFrame or None
        Candidate communities for SCAN, the best first.
    """

    way: Way
    description: str
    codes: Vector
    of_area: tuple[str, ...]
    share: Vector
    of_point: NDArray[np.str_]
    scan_description: str
    candidates: pd.DataFrame | None

    def arrays(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Serialise as numeric arrays and plain values."""
        names, index = np.unique(self.of_point, return_inverse=True)
        arrays = {"codes": self.codes, "share": self.share, "of_point": index.astype(np.int64)}
        table = None if self.candidates is None else self.candidates.to_dict(orient="list")
        about = {
            "way": self.way, "said": self.description, "of_area": self.of_area,
            "names": names.tolist(), "scan_said": self.scan_description, "candidates": table,
        }  # fmt: skip
        return arrays, about

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> Named:
        """Restore from the values of :meth:`arrays`."""
        table = about["candidates"]
        return cls(
            about["way"], about["said"], arrays["codes"], tuple(about["of_area"]), arrays["share"],
            np.array(about["names"])[arrays["of_point"]], about["scan_said"],
            None if table is None else pd.DataFrame(table),
        )  # fmt: skip


@short_repr
@dataclass(frozen=True, eq=False)
class Namer:
    """Assigns networks to areas, by communities and a template as far as these are available.

    Parameters
    ----------
    unit : ndarray of shape (n_points, n_columns), float32
        Rows whose inner products are correlations.
    features : ndarray of shape (n_points, rank), float32
        Rows whose inner products are the similarity of connectivity.
    template : ndarray of int, shape (n_points,), optional
        Group-average network of each vertex, 1 to 17; other values are none.
    prior : ndarray of int, shape (n_points,), optional
        Above 0 where SCAN is expected.
    """

    unit: Single
    features: Single
    cortex: Cortex
    options: Options
    template: Codes | None = None
    prior: Codes | None = None

    def name(self, labels: Codes, *, n_jobs: int = 1, on_step: OnStep | None = None) -> Named:
        """Assign networks to areas and vertices.

        Parameters
        ----------
        labels : ndarray of int, shape (n_points,)
            Area of each vertex, from 1; 0 is none.
        n_jobs : int
            Concurrent trials of Infomap; networks do not depend on it.
        on_step : callable, optional
            Called with the number of partitioned graphs and their total.

        Raises
        ------
        ValueError
            If the community chosen as SCAN does not exist.
        """
        if not graph.has_infomap():
            return self._by_overlap(labels)
        step = count_steps(on_step, self._n_graphs())
        nodes = None if self.options.community_nodes == "areas" else self._nodes()
        of_point = template = None
        if self.template is not None:
            template = np.where(
                (self.template >= 1) & (self.template <= networks.N_NETWORKS), self.template, 0
            )
        if nodes is not None:
            communities = self._communities_of_nodes(nodes, n_jobs, step)
            if template is None:
                of_point = networks.first_chosen(communities, communities > 0)
            else:
                at_thresholds = networks.name_communities(communities, template)
                consensus = networks.consensus(at_thresholds, fill=True)
                fewest = max(1, round(networks.FEWEST_IN_PIECE * self._scale))
                of_point = networks.fill_small_pieces(consensus, self.cortex.adjacency, fewest)
        of_areas = self._communities_of_areas(labels, n_jobs, step)
        if template is None:
            return self._numbered(labels, of_areas, of_point)
        spread = np.where(labels[:, None] > 0, of_areas[np.maximum(labels, 1) - 1], graph.NONE)
        network_map = template if of_point is None else of_point
        consensus = networks.consensus(networks.name_communities(spread, network_map), fill=True)
        codes = networks.mode_in_parcels(consensus, labels).astype(float)
        points = network_map.astype(float)
        codes, points, scan_note, table = self._scan(labels, nodes, codes, points, n_jobs, step)
        nodes_in_words = {
            "supervertices": f"of {N_SUPERVERTICES:,} supervertices (at most) and of the areas",
            "full": "of all vertices and of the areas",
            "areas": "of the areas",
        }[self.options.community_nodes]
        description = (
            f"Communities {nodes_in_words} were detected by Infomap at twelve edge densities and "
            "named by their overlap with the template's networks; the name is that of the "
            "sparsest graph that gives one."
        )
        if nodes is None:
            description += " The network map of vertices is the group template."
        return self._named("communities", description, labels, codes, points, scan_note, table)

    def _by_overlap(self, labels: Codes) -> Named:
        """Without Infomap: the template network of most vertices of an area."""
        missing = "Infomap is not installed"
        scan_note = f"SCAN was not identified: {missing}."
        if self.template is None:
            unknown = np.full(int(labels.max()), np.nan)
            return Named(
                "none",
                f"{missing}, and there is no template (--network-template): areas have no names.",
                unknown, ("",) * len(unknown), unknown, np.full(len(labels), ""), scan_note, None,
            )  # fmt: skip
        codes = networks.name_by_overlap(labels, self.template)[0].astype(float)
        points = np.where(self.template <= networks.N_NETWORKS, self.template, 0).astype(float)
        description = (
            f"{missing}, so each area has the template network of most of its vertices: "
            "a group's networks, not individual ones."
        )
        return self._named("overlap", description, labels, codes, points, scan_note, None)

    def _numbered(self, labels: Codes, of_areas: Codes, of_point: Codes | None) -> Named:
        """Without a template: communities by number."""
        if of_point is None:
            number = networks.first_chosen(of_areas, of_areas > 0)
            of_point = np.where(labels > 0, number[np.maximum(labels, 1) - 1], 0)
        else:
            number = networks.mode_in_parcels(of_point, labels)
        of_area = tuple(f"C{k:02d}" if k > 0 else "" for k in number.tolist())
        points = np.array([f"C{k:02d}" if k > 0 else "" for k in of_point.tolist()])
        description = (
            "Communities were detected by Infomap; without a template (--network-template) they "
            "have numbers. An area has the community of most of its vertices."
        )
        unknown = np.full(len(number), np.nan)
        scan_note = "SCAN was not identified: this needs --network-template and --scan-prior."
        return Named("numbers", description, unknown, of_area, unknown, points, scan_note, None)

    @staticmethod
    def _named(
        way: Way,
        description: str,
        labels: Codes,
        codes: Vector,
        points: Vector,
        scan_note: str,
        table: pd.DataFrame | None,
    ) -> Named:
        """Names of codes, and the share of an area's vertices that have its code."""
        inside = labels > 0
        same = points[inside] == codes[labels[inside] - 1]
        agreeing = np.bincount(labels[inside] - 1, weights=same, minlength=len(codes))
        n_points = np.bincount(labels[inside] - 1, minlength=len(codes))
        share = np.asarray(agreeing / np.maximum(n_points, 1), dtype=float)
        names = np.array([n if c else "" for c, n in zip(
            points.tolist(), networks.network_names(points), strict=True)])  # fmt: skip
        return Named(
            way, description, codes, tuple(networks.network_names(codes)), share, names, scan_note,
            table,
        )  # fmt: skip

    @property
    def _scale(self) -> float:
        """Factor by which published numbers of vertices are multiplied."""
        return self.cortex.n_points / N_POINTS

    def _n_graphs(self) -> int:
        """Number of graphs that will be partitioned."""
        n = len(graph.LADDER)
        if self.options.community_nodes == "areas":
            return n
        of_scan = len(networks.SCAN_LADDER) * (self.prior is not None and self.template is not None)
        return 2 * n + of_scan

    def _nodes(self) -> Codes:
        """Node of each vertex: (n_points,)."""
        n_points = self.cortex.n_points
        if self.options.community_nodes == "full":
            return np.arange(n_points)
        n_total = min(N_SUPERVERTICES, n_points // LEAST_POINTS)
        nodes, n_before = np.empty(n_points, np.int64), 0
        for part in self.cortex.parts.values():
            n = max(1, round(n_total * (part.stop - part.start) / n_points))
            rows = self.features[part, :N_FEATURES]
            inside = self.cortex.adjacency[part][:, part]
            nodes[part] = graph.make_supervertices(rows, inside, n) + n_before
            n_before += n
        return nodes

    def _find(
        self,
        nodes: Codes,
        strongest: Callable[[Single, csr_array, float], graph.Edges],
        ladder: Sequence[float],
        n_trials: int,
        n_jobs: int,
        step: Step,
    ) -> Codes:
        """Communities of the mean time series of nodes: (n_nodes, n_thresholds).

        Nodes are numbered from 0, and -1 is none. Near ones, by their medoids, have no edge.
        """
        unit, medoids = self.unit, nodes
        if not np.array_equal(nodes, np.arange(len(nodes))):
            unit = graph.mean_unit(self.unit, nodes, int(nodes.max()) + 1)
            medoids = self.cortex.medoids(nodes + 1)
        edges = strongest(unit, self.cortex.within(medoids, graph.NEAR_MM), ladder[-1])
        return graph.find_communities(
            edges, len(unit), ladder, n_trials=n_trials, n_jobs=n_jobs,
            random_seed=self.options.random_seed, on_step=lambda *_: step(),
        )  # fmt: skip

    @property
    def _few_trials(self) -> int:
        """Trials on supervertices and vertices."""
        return max(1, self.options.n_trials // FEWER_TRIALS)

    def _communities_of_nodes(self, nodes: Codes, n_jobs: int, step: Step) -> Codes:
        """Communities of vertices, matched across thresholds: (n_points, n_thresholds)."""
        communities = self._find(
            nodes, graph.strongest_edges, graph.LADDER, self._few_trials, n_jobs, step
        )
        fewest = graph.FEWEST_VERTICES * self._scale
        kept = graph.drop_small(communities, np.bincount(nodes), fewest)
        return graph.regularize(kept)[nodes]

    def _communities_of_areas(self, labels: Codes, n_jobs: int, step: Step) -> Codes:
        """Communities of areas, matched across thresholds: (n_areas, n_thresholds)."""
        communities = self._find(
            labels - 1, graph.strongest_edges, graph.LADDER, self.options.n_trials, n_jobs, step
        )
        kept = graph.drop_small(communities, np.ones(len(communities)), graph.FEWEST_AREAS)
        return graph.regularize(kept)

    def _scan(
        self,
        labels: Codes,
        nodes: Codes | None,
        codes: Vector,
        points: Vector,
        n_jobs: int,
        step: Step,
    ) -> tuple[Vector, Vector, str, pd.DataFrame | None]:
        """Assign SCAN to the areas most of whose vertices are in its community: codes of areas
        and vertices, how it was identified, and candidates."""
        if self.prior is None:
            return codes, points, "SCAN was not identified: there is no prior (--scan-prior).", None
        if nodes is None:
            return codes, points, "SCAN was not identified: --community-nodes is areas alone.", None
        ladder = networks.SCAN_LADDER
        communities = self._find(
            nodes, graph.node_specific_edges, ladder, self._few_trials, n_jobs, step
        )[nodes]
        table = networks.score_scan(
            communities, self.prior > 0, thresholds=ladder, unit=self.unit, codes=points
        )
        table = table.sort_values(["score", "threshold"], ascending=[False, True], kind="stable")
        chosen, description = self._choose(table)
        if chosen is None:
            return codes, points, description, table
        column = ladder.index(chosen[0])
        inside = communities[:, column] == chosen[1]
        in_area = labels > 0
        n_inside = np.bincount(labels[in_area] - 1, weights=inside[in_area], minlength=len(codes))
        is_scan = n_inside > np.bincount(labels[in_area] - 1, minlength=len(codes)) / 2
        codes, points = codes.copy(), points.copy()
        codes[is_scan], points[inside] = networks.SCAN, networks.SCAN
        return codes, points, f"{description} {int(is_scan.sum())} areas are SCAN.", table

    def _choose(self, table: pd.DataFrame) -> tuple[tuple[float, int] | None, str]:
        """Threshold and community of SCAN, and how it was chosen."""
        choice = self.options.scan_choice
        if choice is not None:
            candidates = zip(table["threshold"], table["community"], strict=True)
            if choice not in [(float(t), int(c)) for t, c in candidates]:
                raise ValueError(
                    f"there is no community {choice[1]} at threshold {choice[0]:g} "
                    "(--scan-community); the candidates are in the table scan.tsv of a run without "
                    "that option."
                )
            return choice, f"SCAN is community {choice[1]} at {choice[0]:g}, as chosen by the user."
        best = networks.propose_scan(table)
        if best is None:
            return None, (
                "No community resembles the prior of SCAN (score below "
                f"{networks.SCAN_FLOOR:g}), so none was proposed."
            )
        return (float(best["threshold"]), int(best["community"])), (
            f"SCAN is community {int(best['community'])} at {best['threshold']:g}, proposed "
            f"because of its score of {best['score']:.2f} (overlap with the prior, and correlation "
            "with the action-mode network rather than with hand, face and leg regions); inspect it "
            "before use."
        )
