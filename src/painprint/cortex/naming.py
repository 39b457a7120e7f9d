"""From correlations and areas to networks with names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Codes, Single, Vector
from painprint.cortex import communities as graph
from painprint.cortex import networks
from painprint.cortex.hemispheres import Cortex
from painprint.progress import OnStep

Way = Literal["communities", "overlap", "numbers", "none"]

N_POINTS = 59_412
"""Points of cortex that the published sizes of communities are of; they grow with the points."""
N_SUPERVERTICES = 8000
LEAST_POINTS = 4
"""Points of a supervertex, on average, at least."""
N_FEATURES = 50
"""Dimensions of connectivity, the leading ones, that supervertices are made of."""
FEWER_TRIALS = 10
"""Trials on supervertices and vertices are so many times fewer than on areas."""


class Options(Protocol):
    """What naming reads of the settings of a parcellation."""

    @property
    def community_nodes(self) -> str: ...
    @property
    def n_trials(self) -> int: ...
    @property
    def random_seed(self) -> int: ...
    @property
    def scan_choice(self) -> tuple[float, int] | None: ...


@dataclass(frozen=True, eq=False)
class Named:
    """Networks of areas and of points.

    Attributes
    ----------
    way : {"communities", "overlap", "numbers", "none"}
    said : str
        The way in a sentence or two.
    codes : ndarray of shape (n_areas,)
        Of networks, 0 for none; NaN where networks have numbers of their own.
    of_area : tuple of str
        Names of the areas' networks; empty where there is none.
    share : ndarray of shape (n_areas,)
        Of the area's points that have its network; NaN where points have none.
    of_point : ndarray of str, shape (n_points,)
    scan_said : str
        What was done about the somato-cognitive action network.
    candidates : DataFrame or None
        Of it, the best first.
    """

    way: Way
    said: str
    codes: Vector
    of_area: tuple[str, ...]
    share: Vector
    of_point: NDArray[np.str_]
    scan_said: str
    candidates: pd.DataFrame | None

    def arrays(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """All of it as arrays of numbers and plain values."""
        names, place = np.unique(self.of_point, return_inverse=True)
        arrays = {"codes": self.codes, "share": self.share, "of_point": place.astype(np.int64)}
        table = None if self.candidates is None else self.candidates.to_dict(orient="list")
        about = {
            "way": self.way, "said": self.said, "of_area": self.of_area, "names": names.tolist(),
            "scan_said": self.scan_said, "candidates": table,
        }  # fmt: skip
        return arrays, about

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> Named:
        """What :meth:`arrays` gave."""
        table = about["candidates"]
        return cls(
            about["way"], about["said"], arrays["codes"], tuple(about["of_area"]), arrays["share"],
            np.array(about["names"])[arrays["of_point"]], about["scan_said"],
            None if table is None else pd.DataFrame(table),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Namer:
    """Names areas by communities and a template, or by what there is of these.

    Parameters
    ----------
    unit : ndarray of shape (n_points, n_columns), float32
        Rows whose inner products are correlations.
    features : ndarray of shape (n_points, rank), float32
        Inner products are the similarity of connectivity.
    template : ndarray of int, shape (n_points,), optional
        A group's network of each point, 1 to 17; all else is none.
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
        """Networks of areas.

        Parameters
        ----------
        labels : ndarray of int, shape (n_points,)
            From 1; 0 is none.
        n_jobs : int
            Trials of Infomap at a time; networks do not depend on it.
        on_step : callable, optional
            Is told of every graph that is parted.

        Raises
        ------
        ValueError
            If a community that was chosen as SCAN is not there.
        """
        if not graph.has_infomap():
            return self._by_overlap(labels)
        steps = _Steps(on_step, self._n_graphs())
        nodes = None if self.options.community_nodes == "areas" else self._nodes()
        of_point = template = None
        if self.template is not None:
            template = np.where(
                (self.template >= 1) & (self.template <= networks.N_NETWORKS), self.template, 0
            )
        if nodes is not None:
            found = self._part_nodes(nodes, n_jobs, steps)
            if template is None:
                of_point = _first_community(found)
            else:
                at_all = networks.name_communities(found, template)
                named = networks.consensus(at_all, fill=True)
                fewest = max(1, round(networks.FEWEST_IN_PIECE * self._scale))
                of_point = networks.fill_small_pieces(named, self.cortex.adjacency, fewest)
        of_areas = self._part_areas(labels, n_jobs, steps)
        if template is None:
            return self._numbered(labels, of_areas, of_point)
        spread = np.where(labels[:, None] > 0, of_areas[np.maximum(labels, 1) - 1], graph.NONE)
        own = template if of_point is None else of_point
        codes_of_points = networks.consensus(networks.name_communities(spread, own), fill=True)
        codes = networks.mode_in_parcels(codes_of_points, labels).astype(float)
        points = own.astype(float)
        codes, points, scan_said, table = self._scan(labels, nodes, codes, points, n_jobs, steps)
        what = {
            "supervertices": f"of {N_SUPERVERTICES:,} supervertices (at most) and of the areas",
            "full": "of all points and of the areas",
            "areas": "of the areas",
        }[self.options.community_nodes]
        said = (
            f"Communities {what} were found by Infomap at twelve shares of edges and named by "
            "their overlap with the template's networks; the name is that of the "
            "sparsest graph that gives one."
        )
        if nodes is None:
            said += " The map of points is the template, a group's."
        return self._named("communities", said, labels, codes, points, scan_said, table)

    def _by_overlap(self, labels: Codes) -> Named:
        """Without Infomap: the template's network that most of an area's points have."""
        missing = "Infomap is not installed (pip install 'painprint[communities]')"
        scan_said = f"SCAN was not looked for: {missing}."
        if self.template is None:
            said = f"{missing}, and there is no template (--network-template): areas have no names."
            return Named(
                "none", said, np.full(int(labels.max()), np.nan), ("",) * int(labels.max()),
                np.full(int(labels.max()), np.nan), np.full(len(labels), ""), scan_said, None,
            )  # fmt: skip
        codes, _ = networks.name_by_overlap(labels, self.template)
        points = np.where(self.template <= networks.N_NETWORKS, self.template, 0).astype(float)
        said = (
            f"{missing}, so each area has the template's network that most of its points have: a "
            "group's networks, not the person's own."
        )
        return self._named("overlap", said, labels, codes.astype(float), points, scan_said, None)

    def _numbered(self, labels: Codes, of_areas: Codes, of_point: Codes | None) -> Named:
        """Without a template: communities by number."""
        if of_point is None:
            own = _first_community(of_areas)
            of_point = np.where(labels > 0, own[np.maximum(labels, 1) - 1], 0)
        else:
            own = networks.mode_in_parcels(of_point, labels)
        of_area = tuple(f"C{k:02d}" if k > 0 else "" for k in own.tolist())
        points = np.array([f"C{k:02d}" if k > 0 else "" for k in of_point.tolist()])
        said = (
            "Communities were found by Infomap; without a template (--network-template) they have "
            "numbers. An area has the community that most of its points have."
        )
        empty = np.full(len(own), np.nan)
        scan_said = "SCAN was not looked for: that takes --network-template and --scan-prior."
        return Named("numbers", said, empty, of_area, empty, points, scan_said, None)

    @staticmethod
    def _named(
        way: Way,
        said: str,
        labels: Codes,
        codes: Vector,
        points: Vector,
        scan_said: str,
        table: pd.DataFrame | None,
    ) -> Named:
        """Names of codes, and how many points of an area have its own."""
        inside = labels > 0
        same = points[inside] == codes[labels[inside] - 1]
        agreeing = np.bincount(labels[inside] - 1, weights=same, minlength=len(codes))
        n_points = np.bincount(labels[inside] - 1, minlength=len(codes))
        share = np.asarray(agreeing / np.maximum(n_points, 1), dtype=float)
        names = np.array([n if c else "" for c, n in zip(
            points.tolist(), networks.network_names(points), strict=True)])  # fmt: skip
        return Named(
            way, said, codes, tuple(networks.network_names(codes)), share, names, scan_said, table
        )

    @property
    def _scale(self) -> float:
        """By which published numbers of points are multiplied."""
        return self.cortex.n_points / N_POINTS

    def _n_graphs(self) -> int:
        """Graphs that will be parted."""
        n = len(graph.LADDER)
        if self.options.community_nodes == "areas":
            return n
        of_scan = len(networks.SCAN_LADDER) * (self.prior is not None and self.template is not None)
        return 2 * n + of_scan

    def _nodes(self) -> Codes:
        """The node of each point: (n_points,)."""
        n_points = self.cortex.n_points
        if self.options.community_nodes == "full":
            return np.arange(n_points)
        wanted = min(N_SUPERVERTICES, n_points // LEAST_POINTS)
        found, n_before = np.empty(n_points, np.int64), 0
        for part in self.cortex.parts.values():
            n = max(1, round(wanted * (part.stop - part.start) / n_points))
            rows = self.features[part, :N_FEATURES]
            inside = self.cortex.adjacency[part][:, part]
            found[part] = graph.make_supervertices(rows, inside, n) + n_before
            n_before += n
        return found

    def _graph_of(self, nodes: Codes) -> tuple[Single, Codes]:
        """Series of nodes, and the point in the middle of each."""
        n = int(nodes.max()) + 1
        if n == len(nodes):
            return self.unit, nodes
        return graph.mean_unit(self.unit, nodes, n), self.cortex.medoids(nodes + 1)

    def _part_nodes(self, nodes: Codes, n_jobs: int, steps: _Steps) -> Codes:
        """Communities of points, the same name at all thresholds: (n_points, n_thresholds)."""
        unit, middle = self._graph_of(nodes)
        near = self.cortex.within(middle, graph.NEAR_MM)
        edges = graph.strongest_edges(unit, near, graph.LADDER[-1])
        trials = max(1, self.options.n_trials // FEWER_TRIALS)
        found = graph.find_communities(
            edges, len(unit), graph.LADDER, n_trials=trials, n_jobs=n_jobs,
            random_seed=self.options.random_seed, on_step=steps.part,
        )  # fmt: skip
        steps.next(len(graph.LADDER))
        fewest = graph.FEWEST_VERTICES * self._scale
        kept = graph.drop_small(found, np.bincount(nodes, minlength=len(unit)), fewest)
        return graph.regularize(kept)[nodes]

    def _part_areas(self, labels: Codes, n_jobs: int, steps: _Steps) -> Codes:
        """Communities of areas: (n_areas, n_thresholds)."""
        n_areas = int(labels.max())
        unit = graph.mean_unit(self.unit, labels - 1, n_areas)
        near = self.cortex.within(self.cortex.medoids(labels), graph.NEAR_MM)
        edges = graph.strongest_edges(unit, near, graph.LADDER[-1])
        found = graph.find_communities(
            edges, n_areas, graph.LADDER, n_trials=self.options.n_trials, n_jobs=n_jobs,
            random_seed=self.options.random_seed, on_step=steps.part,
        )  # fmt: skip
        steps.next(len(graph.LADDER))
        kept = graph.drop_small(found, np.ones(n_areas), graph.FEWEST_AREAS)
        return graph.regularize(kept)

    def _scan(
        self,
        labels: Codes,
        nodes: Codes | None,
        codes: Vector,
        points: Vector,
        n_jobs: int,
        steps: _Steps,
    ) -> tuple[Vector, Vector, str, pd.DataFrame | None]:
        """Give SCAN to the areas most of whose points are in its community.

        Returns
        -------
        codes, points, said, candidates
        """
        if self.prior is None:
            said = "SCAN was not looked for: there is no prior (--scan-prior)."
            return codes, points, said, None
        if nodes is None:
            said = "SCAN was not looked for: --community-nodes is areas alone."
            return codes, points, said, None
        unit, middle = self._graph_of(nodes)
        near = self.cortex.within(middle, graph.NEAR_MM)
        ladder = networks.SCAN_LADDER
        edges = graph.node_specific_edges(unit, near, ladder[-1])
        trials = max(1, self.options.n_trials // FEWER_TRIALS)
        found = graph.find_communities(
            edges, len(unit), ladder, n_trials=trials, n_jobs=n_jobs,
            random_seed=self.options.random_seed, on_step=steps.part,
        )[nodes]  # fmt: skip
        table = networks.score_scan(
            found, self.prior > 0, thresholds=ladder, unit=self.unit, codes=points
        )
        table = table.sort_values(["score", "threshold"], ascending=[False, True], kind="stable")
        chosen, said = self._choose(table)
        if chosen is None:
            return codes, points, said, table
        column = ladder.index(chosen[0])
        inside = found[:, column] == chosen[1]
        in_area = labels > 0
        share = np.bincount(labels[in_area] - 1, weights=inside[in_area], minlength=len(codes))
        of_scan = share > np.bincount(labels[in_area] - 1, minlength=len(codes)) / 2
        codes, points = codes.copy(), points.copy()
        codes[of_scan], points[inside] = networks.SCAN, networks.SCAN
        return codes, points, f"{said} {int(of_scan.sum())} areas are SCAN.", table

    def _choose(self, table: pd.DataFrame) -> tuple[tuple[float, int] | None, str]:
        """Threshold and community of SCAN, and how it was chosen.

        Raises
        ------
        ValueError
            If the user's choice is not there.
        """
        asked = self.options.scan_choice
        if asked is not None:
            there = zip(table["threshold"], table["community"], strict=True)
            if asked not in [(float(t), int(c)) for t, c in there]:
                raise ValueError(
                    f"there is no community {asked[1]} at threshold {asked[0]:g} "
                    "(--scan-community); the candidates are in the table scan.tsv of a run without "
                    "that option."
                )
            return asked, f"SCAN is community {asked[1]} at {asked[0]:g}, as chosen by the user."
        best = networks.propose_scan(table)
        if best is None:
            return None, (
                "No community is like the prior of SCAN (score below "
                f"{networks.SCAN_FLOOR:g}), so none was proposed."
            )
        return (float(best["threshold"]), int(best["community"])), (
            f"SCAN is community {int(best['community'])} at {best['threshold']:g}, proposed for "
            f"its score of {best['score']:.2f} (overlap with the prior, and correlation with the "
            "action-mode network rather than with effectors); look at it before you trust it."
        )


def _first_community(communities: Codes) -> Codes:
    """The community at the sparsest threshold that has one: 0 where none has."""
    there = communities > 0
    found = np.take_along_axis(communities, there.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(there.any(axis=1), found, 0)


class _Steps:
    """Progress over several ladders of graphs."""

    def __init__(self, on_step: OnStep | None, of: int) -> None:
        self.on_step, self.of, self.before = on_step, of, 0

    def part(self, done: int, _: int) -> None:
        """So many graphs of this ladder are done."""
        if self.on_step is not None:
            self.on_step(self.before + done, self.of)

    def next(self, n: int) -> None:
        """A ladder of so many graphs is done."""
        self.before += n
