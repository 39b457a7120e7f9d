"""How areas come to their networks, by what there is: Infomap, a template, a prior of SCAN."""

from dataclasses import dataclass

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from painprint.cortex import communities, naming, networks
from painprint.cortex.hemispheres import Cortex
from painprint.cortex.naming import Named, Namer
from painprint.cortex.networks import NETWORKS, SCAN
from painprint.cortex.settings import NODES
from painprint.cortex.similarity import LinearSimilarity, unit_rows
from painprint.regions import Regions
from painprint.simulate.areas import plant_areas, simulate_hemisphere

N_AREAS = 40
CODES = (1, 3, 9, 10)
"""Planted networks; areas have them in turn."""


@dataclass(frozen=True)
class Options:
    community_nodes: str = "supervertices"
    n_trials: int = 10
    random_seed: int = 0
    scan_choice: tuple[float, int] | None = None


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Arrays are small: threads of linear algebra would wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def cortex():
    return Cortex({side: simulate_hemisphere(8, side)[0] for side in "LR"})


@pytest.fixture(scope="module")
def planted(cortex):
    """Areas, their true networks, and their connectivity: some areas of each side are SCAN."""
    rng = np.random.default_rng(7)
    labels = np.concatenate(
        [
            plant_areas(mesh, N_AREAS // 2, rng) + 1 + k * N_AREAS // 2
            for k, mesh in enumerate(cortex.meshes.values())
        ]
    )
    network = np.array([CODES[k % len(CODES)] for k in range(N_AREAS)])
    is_scan = np.isin(np.arange(N_AREAS), [3, 11, 23, 31])  # among those of the hand
    shared = rng.normal(size=(len(CODES) + 1, 400))
    shared[-1] += 0.6 * shared[CODES.index(9)]  # SCAN goes with the action-mode network
    row = np.where(is_scan, len(CODES), np.arange(N_AREAS) % len(CODES))
    of_area = shared[row] + 0.4 * rng.normal(size=(N_AREAS, 400))
    series = of_area[labels - 1] + 0.7 * rng.normal(size=(len(labels), 400))
    unit = unit_rows(series.astype(np.float32))
    return labels, network, is_scan, unit, LinearSimilarity.of(unit, rank=60).features


def namer(cortex, planted, *, prior=False, template=True, **options):
    labels, network, is_scan, unit, features = planted
    return Namer(
        unit,
        features,
        cortex,
        Options(**options),
        template=network[labels - 1] if template else None,
        prior=is_scan[labels - 1].astype(np.int64) if prior else None,
    )


@pytest.fixture(autouse=True)
def denser_graphs(monkeypatch):
    """Of so few points and areas, a graph with the published shares has hardly an edge."""
    monkeypatch.setattr(communities, "LADDER", (0.05, 0.1, 0.15))
    monkeypatch.setattr(networks, "SCAN_LADDER", (0.01, 0.05))


@pytest.mark.needs("infomap")
@pytest.mark.parametrize("nodes", NODES)
def test_communities_have_the_templates_names(cortex, planted, nodes):
    labels, network, is_scan, *_ = planted
    steps = []
    found = namer(cortex, planted, community_nodes=nodes).name(
        labels, on_step=lambda done, of: steps.append((done, of))
    )
    assert (
        found.way == "communities"
        and "named by their overlap with the template" in found.description
    )
    usual = ~is_scan
    assert (found.codes[usual] == network[usual]).mean() >= 0.9
    assert found.of_area == tuple(NETWORKS[code] for code in found.codes.tolist())
    # areas are hardly larger than the pieces that take the code around them
    assert found.share.shape == (N_AREAS,) and (found.share[usual] > 0.8).mean() > 0.7
    assert len(found.of_point) == len(labels)
    assert found.scan_description == "SCAN was not identified: there is no prior (--scan-prior)."
    assert found.candidates is None
    assert steps == [(k, len(steps)) for k in range(1, len(steps) + 1)]


@pytest.mark.needs("infomap")
def test_workers_change_nothing(cortex, planted):
    labels = planted[0]
    one, two = (namer(cortex, planted, prior=True).name(labels, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(one.codes, two.codes)
    np.testing.assert_array_equal(one.of_point, two.of_point)
    assert one.candidates.equals(two.candidates)


@pytest.mark.needs("infomap")
def test_without_a_template_communities_have_numbers(cortex, planted):
    labels, network, is_scan, *_ = planted
    for nodes in ("supervertices", "areas"):
        found = namer(cortex, planted, template=False, prior=True, community_nodes=nodes).name(
            labels
        )
        assert (
            found.way == "numbers"
            and "without a template (--network-template)" in found.description
        )
        assert np.isnan(found.codes).all() and np.isnan(found.share).all()
        assert all(name == "" or name[0] == "C" for name in found.of_area)
        assert "needs --network-template and --scan-prior" in found.scan_description
        for code in CODES:  # areas of one network have one number, and no other network has it
            own = {n for n, c, s in zip(found.of_area, network, is_scan, strict=True)
                   if c == code and not s and n}  # fmt: skip
            assert len(own) == 1
        assert len(set(found.of_area) - {""}) >= len(CODES)


def test_without_infomap_the_template_alone_names(cortex, planted, monkeypatch):
    labels, network, *_ = planted
    monkeypatch.setattr(naming.graph, "has_infomap", lambda: False)
    found = namer(cortex, planted, prior=True).name(labels)
    assert found.way == "overlap"
    np.testing.assert_array_equal(found.codes, network)
    np.testing.assert_array_equal(found.share, 1)
    assert "Infomap is not installed, so each area has the template network" in found.description
    assert "a group's networks, not individual ones" in found.description
    assert "SCAN was not identified: Infomap is not installed" in found.scan_description
    assert set(found.of_point) == {NETWORKS[code] for code in CODES}


def test_with_neither_there_are_no_names(cortex, planted, monkeypatch):
    monkeypatch.setattr(naming.graph, "has_infomap", lambda: False)
    found = namer(cortex, planted, template=False).name(planted[0])
    assert found.way == "none" and set(found.of_area) == {""} == set(found.of_point)
    assert "there is no template (--network-template): areas have no names" in found.description


def test_codes_that_are_no_networks_are_none(cortex, planted, monkeypatch):
    labels = planted[0]
    monkeypatch.setattr(naming.graph, "has_infomap", lambda: False)
    some = namer(cortex, planted)
    found = Namer(
        some.unit, some.features, cortex, some.options, template=np.where(labels < 9, 99, 3)
    ).name(labels)
    assert found.codes.tolist() == [0] * 8 + [3] * (N_AREAS - 8)
    assert found.of_area[0] == "NONE" and set(found.of_point) == {"", "FPN"}


def test_a_network_is_excluded_by_its_name(cortex, planted, monkeypatch):
    labels, network, *_ = planted
    monkeypatch.setattr(naming.graph, "has_infomap", lambda: False)
    found = namer(cortex, planted).name(labels)
    names = tuple(f"A{k:02d}" for k in range(N_AREAS))
    regions = Regions(names, found.of_area)
    expected = {name for name, code in zip(names, network, strict=True) if code == 10}
    assert regions.find(["HSMN"], []) == expected
    with pytest.raises(ValueError, match="no network is called 'SCAN'. There are: AMN, DMN, FPN"):
        regions.find(["SCAN"], [])


@pytest.mark.needs("infomap")
def test_scan_is_proposed_where_the_prior_expects_it(cortex, planted):
    labels, network, is_scan, *_ = planted
    found = namer(cortex, planted, prior=True).name(labels)
    np.testing.assert_array_equal(found.codes == SCAN, is_scan)
    assert [name == "SCAN" for name in found.of_area] == is_scan.tolist()
    assert "proposed because of its score of" in found.scan_description
    assert found.scan_description.endswith("inspect it before use. 4 areas are SCAN.")
    best = found.candidates.iloc[0]
    assert best["score"] == found.candidates["score"].max() and best["action_mode_contrast"] > 0
    assert ((found.of_point == "SCAN") == is_scan[labels - 1]).mean() > 0.95


@pytest.mark.needs("infomap")
def test_the_user_may_choose_another_community(cortex, planted):
    labels = planted[0]
    table = namer(cortex, planted, prior=True).name(labels).candidates
    other = table.iloc[1]
    choice = float(other["threshold"]), int(other["community"])
    found = namer(cortex, planted, prior=True, scan_choice=choice).name(labels)
    assert found.scan_description.startswith(
        f"SCAN is community {choice[1]} at {choice[0]:g}, as chosen by the user."
    )
    n_points = int((found.of_point == "SCAN").sum())
    assert n_points == other["n_vertices"]
    missing = namer(cortex, planted, prior=True, scan_choice=(0.05, 999))
    with pytest.raises(ValueError, match="there is no community 999 at threshold 0.05"):
        missing.name(labels)


@pytest.mark.needs("infomap")
def test_where_no_community_is_like_the_prior_none_is_proposed(cortex, planted):
    labels, network, _, unit, features = planted
    prior = np.zeros(len(labels), np.int64)
    prior[::40] = 1  # scattered
    found = Namer(
        unit, features, cortex, Options(), template=network[labels - 1], prior=prior
    ).name(labels)
    assert "No community resembles the prior of SCAN" in found.scan_description
    assert not (found.codes == SCAN).any() and len(found.candidates)


@pytest.mark.needs("infomap")
def test_scan_takes_communities_of_points(cortex, planted):
    found = namer(cortex, planted, prior=True, community_nodes="areas").name(planted[0])
    assert found.scan_description == "SCAN was not identified: --community-nodes is areas alone."


@pytest.mark.needs("infomap")
@pytest.mark.parametrize("template", [True, False])
def test_what_is_kept_is_what_was_found(cortex, planted, template):
    found = namer(cortex, planted, prior=True, template=template).name(planted[0])
    again = Named.of_arrays(*found.arrays())
    assert (again.way, again.description, again.of_area, again.scan_description) == (
        found.way, found.description, found.of_area, found.scan_description,
    )  # fmt: skip
    for name in ("codes", "share", "of_point"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    if template:
        assert again.candidates.reset_index(drop=True).equals(
            found.candidates.reset_index(drop=True)
        )
    else:
        assert again.candidates is None


@pytest.mark.needs("infomap")
def test_few_areas_have_no_communities(cortex, planted):
    """Two areas make no graph; nothing stops."""
    labels = np.where(planted[0] > 2, 0, planted[0])
    found = namer(cortex, planted).name(labels)
    assert len(found.of_area) == 2
