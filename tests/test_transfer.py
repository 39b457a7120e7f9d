"""Signatures of one person on another, and whose session it is."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs

from painprint import Run, Settings, decode_runs, score_frames
from painprint.evidence.member import Member
from painprint.evidence.pairs import predict_others, score_pairs
from painprint.evidence.people import examine
from painprint.evidence.transfer import ALONE, cluster, identify, transfer

SETTINGS = Settings(n_bootstraps=100)


def person(seed, name, *, pair=(0, 1), atlas="A", settings=SETTINGS):
    """Someone whose rating two regions of their own follow."""
    order = list(range(8))
    order[0], order[pair[0]] = order[pair[0]], order[0]
    order[1], order[pair[1]] = order[pair[1]], order[1]
    runs = [
        replace(run, signals=run.signals[:, order])
        for run in simulate_runs(np.random.default_rng(seed), n_sessions=6, strength=1.0)
    ]
    return Member.of(decode_runs(runs, settings), lambda: runs, name=name, atlas=atlas)


def transfer_of(members, **options):
    examined = examine(members, n_bootstraps=100, random_seed=0, **options)
    return transfer(members, [one.pairs for one in examined])


@pytest.fixture(scope="module")
def members():
    return [person(1, "a"), person(2, "b"), person(3, "c", pair=(4, 6))]


@pytest.fixture(scope="module")
def finding(members):
    return transfer_of(members)


def centred_r(finding):
    minutes = finding.tables["transfer"].query("scale == '1min'")
    return minutes.set_index(["model", "person"])["centred_r"]


def test_a_signature_works_on_whom_it_fits_and_not_on_others(finding):
    r = centred_r(finding)
    assert r["a", "b"] > 0.3 and r["b", "a"] > 0.3
    assert r["a", "c"] < 0.25 and r["c", "b"] < 0.25
    assert r["c", "c"] > 0.3
    assert len(r) == 9 and len(finding.numbers["pairs"]) == 6


def test_a_prediction_is_the_mean_score_of_frames(members):
    a, b = members[:2]
    runs = list(b.runs())
    table, said = predict_others(b, {"a": a.signature})["a"]
    assert not said
    decoded = decode_runs(runs, SETTINGS).frames[3]
    weights, model = a.signature.weights[0], a.signature.models[0]
    expected = score_frames(decoded.signals, weights, model.intercept).mean()
    found = table[(table["scale"] == "run") & (table["run_code"] == 3)]
    assert found["predicted"].item() == pytest.approx(expected)
    assert found["rating"].item() == pytest.approx(decoded.rating.mean())


def test_the_diagonal_is_the_main_analysis(members, finding):
    own = members[0].predictions
    runs = list(members[0].runs())
    expected = decode_runs(runs, SETTINGS).scales["1min"].centred_r
    assert centred_r(finding)["a", "a"] == pytest.approx(expected)
    assert (own["group"].nunique(), len(members[0].groups)) == (6, 6)


def test_sessions_are_told_by_the_largest_r_within_them(finding):
    table = finding.tables["identification"]
    for _, rows in table.groupby(["person", "session"]):
        assert rows["best"].sum() == 1
        assert rows.loc[rows["best"] == 1, "r"].item() == rows["r"].max()
    known = finding.numbers["identified"]["c"]
    assert known["chance"] == pytest.approx(1 / 3) and known["n_sessions"] == 6
    assert known["n_own_best"] >= 4 and known["low"] < known["share"]


def test_what_is_undefined_never_wins_and_does_not_count():
    r = {("01", "a"): np.nan, ("01", "b"): -0.5, ("02", "a"): np.nan, ("02", "b"): np.nan}
    r |= {(f"{s:02d}", m): v for s in (3, 4, 5) for m, v in (("a", 0.2), ("b", 0.1))}
    table = pd.DataFrame(
        [{"person": "a", "session": s, "model": m, "r": v} for (s, m), v in r.items()]
    )
    from painprint.evidence.transfer import _mark_best

    found = identify(_mark_best(table))["a"]
    assert (found["n_sessions"], found["n_own_best"], found["chance"]) == (4, 3, 0.5)


def test_one_person_alone_is_said(members):
    found = transfer_of(members[:1])
    assert found.not_done == (ALONE,)
    assert list(found.tables) == ["transfer"] and found.numbers["pairs"] == []


def test_another_atlas_or_missing_regions_refuse_and_say_so(members):
    other = person(5, "d", atlas="B")
    found = transfer_of([members[0], other])
    assert any(said.startswith("d's signature on a: not applied. Atlas B there, A here")
               for said in found.not_done)  # fmt: skip
    fewer = [
        replace(run, signals=run.signals[:, :6], regions=list("123456")) for run in other.runs()
    ]
    e = Member.of(decode_runs(fewer, SETTINGS), lambda: fewer, name="e", atlas="A")
    found = transfer_of([members[0], e])
    assert "a's signature on e: not applied. 2 of its 8 regions have no signal" in found.not_done[0]
    assert set(centred_r(found).index) == {("a", "a"), ("e", "a"), ("e", "e")}


def test_a_region_without_signal_in_another_person_is_left_out_and_named(members):
    a, b = members[:2]
    silent = [
        replace(run, signals=np.where(np.arange(8) == 6, 0.0, run.signals)) for run in b.runs()
    ]
    other = Member.of(decode_runs(silent, SETTINGS), lambda: silent, name="b", atlas="A")
    found = transfer_of([a, other])
    assert found.not_done[0].startswith(
        "a's signature on b: 1 of its 8 regions have no signal there (first: 7); their edges"
    )
    assert centred_r(found)["a", "b"] > 0.3


def test_regions_are_matched_by_name(members):
    a, b = members[:2]
    moved = [
        Run(r.signals[:, ::-1], r.rating, r.tr_s, r.session, r.task, r.run, r.censored,
            regions=[str(i) for i in range(8, 0, -1)])
        for r in b.runs()
    ]  # fmt: skip
    first, again = (
        predict_others(person, {"a": a.signature})["a"][0]["predicted"]
        for person in (b, replace(b, load=lambda: moved))
    )
    np.testing.assert_allclose(again, first)


def test_numbers_of_a_pair_do_not_depend_on_who_else_is_there(members, finding):
    two = transfer_of(members[:2]).tables["transfer"]
    both = two.merge(finding.tables["transfer"], on=["model", "person", "scale"])
    assert len(both) == len(two)
    np.testing.assert_array_equal(both["centred_r_low_x"], both["centred_r_low_y"])


def test_a_prediction_does_not_depend_on_which_other_signatures_there_are(members):
    a, b, c = members
    alone = predict_others(b, {"a": a.signature})["a"][0]
    beside = predict_others(b, {"c": c.signature, "a": a.signature})["a"][0]
    pd.testing.assert_frame_equal(alone, beside)


class InMemory:
    """Keeps all of a person."""

    def __init__(self):
        self.kept = {}

    def pairs(self, person):
        return self.kept[person].pairs if person in self.kept else {}

    def contribution(self, person):
        return self.kept[person].contribution if person in self.kept else None

    def keep(self, person, examined):
        self.kept[person] = examined


def test_only_pairs_that_are_not_known_are_scored(members, finding, monkeypatch):
    kept, scored, read = InMemory(), [], []

    def score(person, models, **options):
        scored.extend((model.name, person.name) for model in models)
        return score_pairs(person, models, **options)

    def counted(one):
        return replace(one, load=lambda: read.append(one.name) or one.load())

    everyone = [counted(one) for one in members]
    monkeypatch.setattr("painprint.evidence.people.score_pairs", score)
    transfer_of(everyone[:2], kept=kept)
    assert len(scored) == 4 and read == ["a", "b"]
    scored.clear()
    read.clear()
    found = transfer_of(everyone, kept=kept)
    assert scored == [("c", "a"), ("c", "b"), ("a", "c"), ("b", "c"), ("c", "c")]
    assert read == ["a", "b", "c"]
    for name, table in finding.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], table)
    assert found.numbers == finding.numbers
    scored.clear()
    transfer_of(everyone, kept=kept)
    assert not scored and len(read) == 3


def test_results_do_not_depend_on_workers(members, finding):
    found = transfer_of(members, n_jobs=2)
    pd.testing.assert_frame_equal(found.tables["transfer"], finding.tables["transfer"])


def test_a_run_that_is_gone_is_an_error(members):
    a = members[0]
    gone = replace(a, load=lambda: list(a.runs())[1:])
    with pytest.raises(ValueError, match="1 of the decoded runs cannot be read any more"):
        list(gone.runs())


def test_people_whose_runs_were_left_out_are_scored_by_run():
    settings = replace(SETTINGS, leave_out="run")
    found = transfer_of([person(1, "a", settings=settings), person(2, "b", settings=settings)])
    assert "identification" not in found.tables
    assert "No identification of sessions of a: runs were held out" in found.not_done[0]
    assert len(centred_r(found)) == 4


def test_people_whose_signatures_transfer_alike_are_neighbours(rng):
    names = [f"sub-{i:02d}" for i in range(8)]
    kind = np.array([0, 1, 0, 1, 1, 0, 1, 0])
    rows = [
        (m, p, 0.4 * (kind[i] == kind[j]) + 0.05 * rng.normal())
        for j, p in enumerate(names)
        for i, m in enumerate(names)
    ]
    table = pd.DataFrame(rows, columns=["model", "person", "centred_r"])
    order = cluster(table)
    assert sorted(order) == names
    assert sum(a != b for a, b in pairwise(kind[names.index(name)] for name in order)) == 1
    without = table[table["model"] != "sub-03"]  # not applied to anyone
    assert sorted(cluster(without)) == names
    own = table["model"] == table["person"]
    assert cluster(table.assign(centred_r=table["centred_r"].where(~own, 0.9))) == order
