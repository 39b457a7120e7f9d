"""Reporting: what the inputs say is on the page, in the checklist and in the model card."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import QUICK, SEED, Tree, fill, simulate_runs, write_json

from painprint.bids.described import _column_of_rating
from painprint.cli import main
from painprint.report.checklist import ABSENT, GIVEN, ITEMS, checklist
from painprint.report.facts import LABELS, facts, flow_of_runs
from painprint.report.model_card import PARTS
from painprint.report.reporting import GROUPS, reporting
from painprint.results.read import find_results, read_results, read_table

SCANNER = {
    "Manufacturer": "Siemens", "ManufacturersModelName": "Prisma", "MagneticFieldStrength": 3,
    "SoftwareVersions": "syngo MR E11", "ReceiveCoilName": "HeadNeck_64",
    "PulseSequenceType": "gradient-echo EPI", "RepetitionTime": 1.0, "EchoTime": 0.03,
    "FlipAngle": 52, "MultibandAccelerationFactor": 6, "ParallelReductionFactorInPlane": 2,
    "SliceThickness": 2.4, "PhaseEncodingDirection": "j-",
}  # fmt: skip
SECRETS = ("St. Elsewhere", "Dr. Jones", "2031-04-05", "SN-4711", "Jane")
DATASET = {
    "Name": "simulated", "BIDSVersion": "1.10.0", "License": "CC0",
    "EthicsApprovals": ["St. Elsewhere, 12/2031"], "Funding": ["a grant"],
    "DatasetDOI": "doi:10.0/x", "ReferencesAndLinks": ["https://clinicaltrials.gov/NCT01234567"],
}  # fmt: skip


def describe(root, derivatives):
    """Write everything that a dataset can say about itself, and what is not to be taken over."""
    write_json(root / "dataset_description.json", DATASET)
    (root / "participants.tsv").write_text(
        "participant_id\tsex\tage\tfirst_name\topioid\nsub-01\tF\t44\tJane\tnone\n"
    )
    write_json(
        root / "participants.json",
        {"sex": {"Levels": {"F": "female"}}, "age": {"Units": "years"}},
    )
    rows = "".join(
        f"ses-{s:02d}\t{10 * s}\t{6 + s}\t2031-04-05\n" for s in range(1, 7)
    )  # 4 are decoded
    (root / "sub-01" / "sub-01_sessions.tsv").write_text(
        "session_id\tdrug\tsleep\tscanned\n" + rows
    )
    write_json(
        root / "sub-01" / "sub-01_sessions.json",
        {"drug": {"Description": "amitriptyline", "Units": "mg"}},
    )
    write_json(
        root / "task-rating_bold.json",
        SCANNER | {"InstitutionName": "St. Elsewhere", "OperatorsName": "Dr. Jones",
                   "DeviceSerialNumber": "SN-4711"},
    )  # fmt: skip
    write_json(
        root / "task-rating_recording-pain_physio.json",
        {
            "Instructions": "Rate your pain now.",
            "pain": {"Description": "pain intensity", "Units": "VAS",
                     "Levels": {"0": "no pain", "1": "worst pain"}},
        },
    )  # fmt: skip
    write_json(
        derivatives / "dataset_description.json",
        {"Name": "x", "BIDSVersion": "1.10.0",
         "GeneratedBy": [{"Name": "XCP-D", "Version": "0.10.6"}]},
    )  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Dataset and results of a study that says everything, without stages; not to be changed."""
    root = tmp_path_factory.mktemp("reporting")
    runs = simulate_runs(np.random.default_rng(SEED), n_sessions=4, n_frames=200)
    tree = fill(Tree(root / "bids"), runs)
    describe(tree.root, tree.derivatives)
    assert run(root) == 0
    return root


def run(root):
    return main(["run", str(root / "bids"), str(root / "out"), "participant", *QUICK])


def results_of(root):
    return read_results(find_results(root / "out")[0])


OF_STAGES = {
    "curve", "chance", "confounds", "sensitivity", "prospective", "importance", "comparison",
    "updated",
}  # fmt: skip
"""Facts that a study without stages does not have."""


def test_what_the_inputs_say_is_told_with_units(study):
    known = facts(results_of(study))
    assert set(known) == set(LABELS)
    assert {name for name, text in known.items() if text is None} == OF_STAGES
    assert known["participant"] == "sex: F (female); age: 44 years"
    assert known["treatment"] == ("opioid: none; drug: 10 to 40 mg (amitriptyline, 4 sessions)")
    assert known["sessions"] == "sleep: 7 to 10 (4 sessions)"
    assert known["outcome"] == "pain: pain intensity, in VAS"
    assert known["anchors"] == "0: no pain; 1: worst pain"
    assert known["instruction"] == "Rate your pain now."
    assert (known["scanner"], known["field"]) == ("Siemens Prisma", "3 T")
    assert (known["tr"], known["te"], known["flip"]) == ("1 s", "0.03 s", "52°")
    assert known["pipelines"] == "XCP-D 0.10.6"
    assert known["license"] == "CC0" and "NCT01234567" in known["registration"]


def test_the_flow_of_runs_ends_with_the_bins(study):
    results = results_of(study)
    unrated = {"session": "09", "reason": "no rating was found in the raw dataset."}
    broken = {"session": "08", "reason": "cannot be read"}
    audit = results.audit | {"runs_left_out": [unrated, broken, broken]}
    flow = dict(flow_of_runs(replace(results, audit=audit)))
    assert [flow[f"runs {what}"] for what in ("found", "with a rating", "used")] == [11, 10, 8]
    assert flow["frames of these runs"] == 8 * 200
    assert flow["frames used"] == results.runs["n_kept"].sum() < 8 * 200
    assert flow["test minutes"] == (results.predictions["scale"] == "1min").sum()


def test_neither_names_nor_dates_nor_identifiers_are_written(study):
    for path in (study / "out").rglob("*"):
        if path.is_file() and path.suffix in (".json", ".tsv", ".html", ".md", ".bib"):
            text = path.read_text()
            assert [secret for secret in SECRETS if secret in text] == [], path


def statuses(known):
    return {(i.standard, i.number): i.status for i in checklist(known).itertuples()}


def test_what_the_study_has_is_never_missing(study):
    before = statuses(facts(results_of(study)))
    for item in ITEMS:
        status = before[item.standard, item.number]
        if item.facts and not OF_STAGES & set(item.facts):
            assert status == GIVEN, item
        elif not item.because:
            assert status == ABSENT, item
    assert len(before) == len(ITEMS)  # each number once


@pytest.mark.parametrize("fact", sorted(set(LABELS) - OF_STAGES))
def test_without_a_fact_its_items_are_missing_and_nothing_else(study, fact):
    known = facts(results_of(study))
    before, after = statuses(known), statuses(known | {fact: None})
    changed = {key for key in before if before[key] != after[key]}
    takes = {(i.standard, i.number) for i in ITEMS if fact in i.facts and before[
        i.standard, i.number] == GIVEN}  # fmt: skip
    assert changed == takes and all(after[key] == ABSENT for key in takes)


def test_stages_give_their_items(study):
    known = facts(results_of(study))
    after = statuses(known | dict.fromkeys(OF_STAGES, "x"))
    assert {after[i.standard, i.number] for i in ITEMS if i.facts} == {GIVEN}


def test_an_input_that_loses_a_fact_changes_its_items_alone(study, capsys):
    results = results_of(study)
    path = results.files.decoding("checklist", ".tsv")
    before, weights = read_table(path), results.files.decoding("weights", ".tsv").stat()
    described = study / "bids" / "dataset_description.json"
    try:
        write_json(described, {k: v for k, v in DATASET.items() if k != "License"})
        assert run(study) == 0
        assert "finished before, with the same inputs" in capsys.readouterr().err
        after = read_table(path)
        rows = (before != after).any(axis=1) & ~(before.isna() & after.isna()).all(axis=1)
        changed = after[(before["status"] != after["status"])]
        assert list(changed["number"]) == ["18e", "data sharing: licence"]
        assert set(changed["status"]) == {ABSENT} and rows.sum() >= 2
        same = before["number"].isin(changed["number"])
        assert before[~same].equals(after[~same])
        assert results.files.decoding("weights", ".tsv").stat().st_mtime_ns == weights.st_mtime_ns
        card = json.loads(results.files.decoding("modelcard", ".json").read_text())
        assert card["terms"]["license"] is None and card["terms"]["doi"] == "doi:10.0/x"
    finally:
        write_json(described, DATASET)
        assert run(study) == 0
    assert read_table(path).equals(before)


def test_the_card_and_the_page_say_what_is_not_given(study):
    results = results_of(study)
    text = results.files.decoding("modelcard", ".md").read_text()
    for heading in ("Intended use", "Not intended", *PARTS):
        assert f"## {heading}" in text
    assert "Comparison with chance: *not given*" in text and "**Simulated data." in text
    outputs = results.provenance["outputs"]
    card = json.loads(results.files.decoding("modelcard", ".json").read_text())
    assert card["signature_sha256"] in outputs.values()
    page = results.files.page.read_text()
    assert "Siemens Prisma" in page and "<em>not given</em>" in page
    pages = results.provenance["pages"]
    for name in ("references.bib", "checklist.tsv", "modelcard.md"):
        assert any(path.endswith(name) for path in pages), name


@pytest.mark.parametrize(
    ("asked", "told"),
    [(None, "pain: how much"), ("unpleasant", "unpleasant: how bad"), ("x", None)],
)
def test_the_column_that_was_decoded_is_described(asked, told):
    columns = {
        "time": {"Units": "s"},
        "unpleasant": {"Description": "how bad"},
        "pain": {"Description": "how much"},
    }
    name = _column_of_rating(columns, asked)
    assert told == (name and f"{name}: {columns[name]['Description']}")
    assert _column_of_rating({"time": {"Units": "s"}}, None) is None


def test_results_of_earlier_versions_give_less(study):
    results = results_of(study)
    old = {name: part for name, part in results.provenance.items() if name != "description"}
    section = reporting(replace(results, provenance=old))
    assert section.groups["Participant and treatment"][0] == ("Participant", None)
    assert section.n_facts == sum(map(len, GROUPS.values()))
    assert section.n_missing > reporting(results).n_missing
    tr = dict(section.groups["Scanner and sequence"])["Repetition time"]
    assert tr == "1 s"


def test_a_table_that_cannot_be_read_is_said_and_stops_nothing(study, caplog):
    path = study / "bids" / "participants.json"
    before = path.read_text()
    try:
        path.write_text("{")
        assert run(study) == 0
        assert "not read for the report: " in caplog.text and "participants.json" in caplog.text
        assert facts(results_of(study))["participant"] == "sex: F; age: 44"
    finally:
        path.write_text(before)
        assert run(study) == 0
