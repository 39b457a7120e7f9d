"""The group level as a user runs it: several people decoded into one folder."""

import json
import re
import shutil
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import QUICK, empty_svg, outputs_of_page, simulate_runs, write_json

from painprint import Settings, decode_runs
from painprint.cli import main
from painprint.evidence.member import Member
from painprint.evidence.people import examine
from painprint.evidence.transfer import transfer
from painprint.regions import Regions
from painprint.report.across_people import across_people
from painprint.report.figures import plot_identification, plot_transfer, plot_transfer_matrix
from painprint.report.group import render_group, summarise, write_group_report
from painprint.report.transfer import transfer_to
from painprint.results.all_columns import GROUP_COLUMNS
from painprint.results.group import GroupFiles, GroupResults, read_member, settings_used
from painprint.results.read import find_results, read_results
from painprint.wording import number

FIGURES = (
    "matrix", "matrixbyname", "transfer", "identification", "people", "networks", "similarity",
    "clinical",
)  # fmt: skip
OF_LARGER_GROUPS = {
    "group/group_clinical.tsv", "group/group_clinical.json",
    "group/figures/group_clinical.svg", "group/figures/group_matrixbyname.svg",
}  # fmt: skip


@pytest.fixture(scope="module")
def people():
    return {
        sub: simulate_runs(np.random.default_rng(seed), n_sessions=4, strength=1.0)
        for sub, seed in (("01", 1), ("02", 2))
    }


@pytest.fixture
def dataset(tree, people):
    for sub, runs in people.items():
        for run in runs:
            tree.add_run(run, sub=sub)
    tree.add_atlas(people["01"][0].regions, ["DMN"] * 6 + ["VIS"] * 2)
    write_json(tree.root / "dataset_description.json", {"Name": "simulated", "Simulated": True})
    return tree


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def decode(tree, out, *words):
    with empty_svg():
        return main(["run", str(tree.root), str(out), "participant", *QUICK, *words])


def group(tree, out, *words):
    return main(["run", str(tree.root), str(out), "group", "--n-bootstraps", "100", *words])


def test_two_people_meet(dataset, out, people):
    assert decode(dataset, out) == 0 and group(dataset, out) == 0
    found = [*out.glob("group.html"), *(p for p in (out / "group").rglob("*") if p.is_file())]
    written = {p.relative_to(out).as_posix() for p in found}
    assert (
        written
        == {
            "group.html",
            "group/group_metrics.json",
            *(f"group/group_{name}.{e}" for name in GROUP_COLUMNS for e in ("tsv", "json")),
            *(f"group/figures/group_{name}.svg" for name in FIGURES),
            *(
                f"group/people/sub-{sub}_{what}"
                for sub in people
                for what in ("pairs.json", "contribution.safetensors")
            ),
        }
        - OF_LARGER_GROUPS
    )
    promised = outputs_of_page("The group level")
    assert all(any(fnmatchcase(name, one) for one in promised) for name in written)
    always = [one for one, remark in promised.items() if not remark.startswith("if ")]
    assert all(any(fnmatchcase(name, one) for name in written) for one in always)
    for name, columns in GROUP_COLUMNS.items():
        if not (out / f"group/group_{name}.tsv").is_file():
            continue
        table = pd.read_csv(out / f"group/group_{name}.tsv", sep="\t")
        assert list(table.columns) == list(columns)
    page = (out / "group.html").read_text()
    assert "Simulated data" in page and "sub-01 on sub-02" in page
    assert "Not known: too few sessions" in page  # for intervals
    assert "own on sub-01" in page and page.index("own on sub-01") < page.index("sub-02 on sub-01")
    for file in found:
        assert str(out.parent).encode() not in file.read_bytes()


def test_files_say_what_python_says(dataset, out, people):
    """Reading people back from their results changes nothing."""
    decode(dataset, out)
    group(dataset, out)
    found = pd.read_csv(out / "group/group_transfer.tsv", sep="\t")
    settings = Settings(n_bootstraps=100, task_id=("rating",))
    networks = Regions(tuple(people["01"][0].regions), ("DMN",) * 6 + ("VIS",) * 2)
    members = [
        Member.of(decode_runs(runs, settings, regions=networks), lambda runs=runs: runs,
                  name=f"sub-{sub}", atlas="A")
        for sub, runs in people.items()
    ]  # fmt: skip
    scored = [one.pairs for one in examine(members, n_bootstraps=100, random_seed=0)]
    expected = transfer(members, scored).tables["transfer"]
    for column in ("n", "r", "centred_r", "centred_r_low", "skill", "auc"):
        np.testing.assert_allclose(found[column], expected[column], atol=1e-6, err_msg=column)


@pytest.mark.parametrize("leave_out", ["session", "run"])
def test_codes_of_group_and_run_are_found_again(dataset, out, people, leave_out):
    decode(dataset, out, "--leave-out", leave_out)
    settings = Settings(n_bootstraps=100, leave_out=leave_out)
    for files in find_results(out):
        member = read_member(read_results(files), list)
        direct = decode_runs(people[files.participant], settings).predictions
        for column in ("group", "run_code"):
            np.testing.assert_array_equal(member.predictions[column], direct[column])


def test_a_person_who_is_added_later_costs_their_pairs_alone(
    dataset, out, people, tmp_path, capsys
):
    """The results are those of all at once, byte for byte."""
    third = simulate_runs(np.random.default_rng(3), n_sessions=4, strength=1.0)
    decode(dataset, out)
    group(dataset, out)
    for run in third:
        dataset.add_run(run, sub="03")
    decode(dataset, out)
    capsys.readouterr()
    assert group(dataset, out) == 0
    assert "4 of 9 pairs are known from before" in capsys.readouterr().err

    def written():
        return {
            p.name: p.read_bytes()
            for p in (out / "group.html", *(out / "group").rglob("*"))
            if p.is_file() and p.suffix != ".safetensors"  # whose header has no fixed order
        }

    later = written()
    shutil.rmtree(out / "group")
    assert group(dataset, out) == 0
    assert written() == later


def test_one_person_alone_gets_a_page_that_says_so(dataset, out):
    decode(dataset, out, "--participant-label", "01")
    assert group(dataset, out) == 0
    page = (out / "group.html").read_text()
    assert "No signature could be applied to another participant." in page
    assert "Transfer needs at least two people decoded into the same folder" in page
    assert not (out / "group/group_identification.tsv").exists()


def test_who_was_not_decoded_is_named(dataset, out, capsys):
    decode(dataset, out, "--participant-label", "01")
    group(dataset, out)
    assert "sub-02: not decoded, so not in the group." in capsys.readouterr().err


def test_nobody_decoded_is_an_error_that_says_what_to_do(dataset, out, capsys):
    assert group(dataset, out) == 1
    assert "Run `painprint run ... participant` first" in capsys.readouterr().err


def test_people_with_atlases_of_their_own_are_not_compared(tree, people, out):
    for (sub, runs), atlas in zip(people.items(), ("atlas-A", "atlas-B"), strict=True):
        for run in runs:
            tree.add_run(run, sub=sub, atlas=atlas)
    assert decode(tree, out) == 0 and group(tree, out) == 0
    metrics = json.loads((out / "group/group_metrics.json").read_text())
    refused = "sub-02's signature on sub-01: not applied. Atlas B there, A here"
    assert metrics["not_done"][0].startswith(refused)
    assert metrics["pairs"] == [] and metrics["identified"] == {}


def test_it_is_said_why_pages_are_made_again(dataset, out, capsys):
    decode(dataset, out)
    assert "again" not in capsys.readouterr().err
    group(dataset, out)
    said = capsys.readouterr().err
    assert "sub-01: page written again, with the group: " in said


def test_data_that_changed_since_are_refused(dataset, out, capsys):
    decode(dataset, out)
    path = next(dataset.root.rglob("sub-02*outliers.tsv"))
    path.write_text(path.read_text().replace("0", "1"))
    assert group(dataset, out) == 1
    assert "was changed since sub-02 was decoded" in capsys.readouterr().err


def test_options_of_participants_are_refused(dataset, out, capsys):
    decode(dataset, out)
    assert group(dataset, out, "--rating-start", "10") == 2
    assert "--rating-start is for the level participant" in capsys.readouterr().err
    assert group(dataset, out, "--dry-run") == 2


@pytest.mark.long
def test_pages_of_the_group_can_be_made_again(dataset, out):
    assert main(["run", str(dataset.root), str(out), "participant", *QUICK]) == 0
    group(dataset, out)
    before = {page.name: page.read_bytes() for page in out.glob("*.html")}
    (out / "group.html").unlink()
    assert main(["report", str(out)]) == 0
    # those of people were written with the figures of before
    assert {page.name: page.read_bytes() for page in out.glob("*.html")} == before


@pytest.mark.long
def test_pages_of_people_who_were_decoded_again_are_not_made(dataset, out, capsys):
    decode(dataset, out)
    group(dataset, out)
    decode(dataset, out, "--random-seed", "1", "--overwrite")
    assert main(["report", str(out)]) == 1
    assert "sub-01 was decoded again since the group level ran" in capsys.readouterr().err


def test_a_damaged_table_of_the_group_is_an_error_that_says_what_to_do(dataset, out, capsys):
    decode(dataset, out)
    group(dataset, out)
    (out / "group/group_transfer.tsv").unlink()
    assert main(["report", str(out)]) == 1
    assert "Run the command that wrote it again" in capsys.readouterr().err


def test_studies_that_name_no_decoder_used_the_published_one(dataset, out):
    assert decode(dataset, out, "--participant-label", "01") == 0
    (files,) = find_results(out)
    results = read_results(files)
    assert settings_used(results).rules.decoder == "ridge"
    for name in ("decoder", "train_bins", "features"):
        del results.provenance["settings"][name]
    rules = settings_used(results).rules
    assert (rules.decoder, rules.train_bins) == ("lasso_pcr", "rating")


def test_cards_count_intervals_and_sessions():
    def row(model, person, r, low):
        ends = {"centred_r_low": low, "centred_r_high": r + 0.2, "skill_low": 0.0, "skill_high": 1}
        return {"model": model, "person": person, "scale": "1min", "centred_r": r, **ends}

    rows = [("b", "a", -0.1, -0.3), ("a", "a", 0.4, 0.2), ("b", "b", 0.3, -0.1),
            ("a", "b", 0.2, 0.1), ("c", "c", 0.5, 0.4), ("a", "c", 0.1, 0.0)]  # fmt: skip
    each = {"chance": 0.5, "p": 0.03, "n_models": 2, "share": 0.7, "low": 0.4, "high": 0.9}
    metrics = {
        "participants": [
            {"name": name, "n_groups": n} for name, n in zip("abc", (9, 9, 7), strict=True)
        ],
        "identified": {
            "a": {**each, "n_sessions": 9, "n_own_best": 7},
            "b": {**each, "n_sessions": 8, "n_own_best": 4},
        },
    }
    table = pd.DataFrame([row(*one) for one in rows])
    cards = summarise(GroupResults(GroupFiles(Path()), metrics, {"transfer": table}))
    assert [card.answer for card in cards] == [
        "For 1 of 2 participants", "For 1 of 2 pairs", "In 11 of 17 sessions"
    ]  # fmt: skip
    assert "from 0.30 to 0.50; 1 of 2 95% intervals above 0; 1 without interval" in cards[0].numbers
    assert "8.5 are expected by chance" in cards[2].text
    assert cards[2].numbers == "a 7 of 9, p = 0.030; b 4 of 8, p = 0.030"
    assert {card.status for card in cards} == {""}


def test_own_signatures_come_first_in_each_block_and_are_framed():
    pairs = [(model, person) for person in "ab" for model in "ab"]
    table = pd.DataFrame(pairs, columns=["model", "person"]).assign(
        centred_r=[0.4, 0.1, -0.2, 0.3], centred_r_low=-0.3, centred_r_high=0.5
    )
    ax = plot_transfer(table.iloc[::-1])
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["own on a", "b on a", "own on b", "a on b"]
    ax = plot_transfer_matrix(table, label="centred r (0: no relation)")
    assert [patch.get_xy() for patch in ax.patches] == [(0.04, 0.04), (1.04, 1.04)]
    bar = ax.collections[0].colorbar
    assert bar.ax.get_ylabel() == "centred r (0: no\nrelation)"
    assert ax.collections[0].get_clim() == pytest.approx((-0.4, 0.4))


def test_chance_is_labelled_in_the_figure_of_identification():
    numbers = {"chance": 0.5, "share": 0.7, "low": 0.4, "high": 0.9, "n_sessions": 9}
    ax = plot_identification({"a": numbers, "b": {**numbers, "chance": 0.25}})
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["chance (1 / number of signatures)"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a (n = 9)", "b (n = 9)"]


def many(n=25, folder=Path()):
    """Made-up results of many people."""
    rng = np.random.default_rng(0)
    names = [f"sub-{i:02d}" for i in range(n)]
    rows = [
        {"model": model, "person": person, "scale": "1min", "n": 90, "r": r, "mae": 0.1, "auc": 0.5,
         "skill": 0.1, "centred_r": r, "centred_r_low": r - 0.1, "centred_r_high": r + 0.1,
         "skill_low": 0.0, "skill_high": 0.2, "r_low": 0.0, "r_high": 0.3}
        for person in names for model in names for r in [rng.normal(0, 0.1)]
    ]  # fmt: skip
    metrics = {
        "simulated": True, "identified": {}, "not_done": [f"note {i}." for i in range(9)],
        "order": names[::-1], "n_bootstraps": 100, "random_seed": 0, "versions": {"painprint": "1"},
        "participants": [
            {"name": name, "atlas": "A", "leave_out": "session", "n_groups": 9} for name in names
        ],
    }  # fmt: skip
    return GroupResults(GroupFiles(folder), metrics, {"transfer": pd.DataFrame(rows)})


def test_the_page_of_many_people_has_their_pairs_as_data_for_its_script():
    results = many()
    page = render_group(results, {"people": "", "matrix": "", "matrixbyname": ""})
    data = json.loads(re.search(r'id="pairs-data">(.*?)</script>', page)[1])
    assert data["people"] == results.metrics["order"] and len(data["rows"]) == 625
    rows = results.tables["transfer"]
    row = rows[(rows["model"] == "sub-03") & (rows["person"] == "sub-20")].iloc[0]
    found = next(r for r in data["rows"] if r[:2] == [21, 4])
    assert found[2:4] == [90, round(row["centred_r"], 3)]
    assert page.count("<tr>") < 60 and "4 more notes" in page
    small = render_group(many(3), {"people": "", "matrix": ""})
    assert "pairs-data" not in small.partition('<script>"use strict"')[0]
    assert "sub-01 (own, held out)" in small


@pytest.mark.long
@pytest.mark.needs("chromium")
def test_the_page_of_many_people_is_searched_sorted_and_pointed_at(browser, tmp_path):
    results = many(40, tmp_path)
    write_group_report(results)
    page = browser.new_page()
    said = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(results.files.page.as_uri())
    rows = results.tables["transfer"].set_index(["model", "person"])["centred_r"]

    page.fill("#people input", "sub-17")
    assert page.locator("#people tbody tr:not([hidden])").count() == 1
    page.fill("#people input", "")
    heading = page.locator("#people th").nth(4)
    for direction, best in (("ascending", min), ("descending", max)):
        heading.locator("button").click()
        assert heading.get_attribute("aria-sort") == direction
        own = {name: rows[name, name] for name, _ in rows.index}
        first = page.locator("#people tbody tr").first.locator("td").first.inner_text()
        assert first == best(own, key=own.get)

    page.select_option("#pairs-of", "sub-07")
    assert page.locator("#pairs tbody tr").count() == 40
    assert page.locator("#pairs tbody tr td:nth-child(2)").all_inner_texts()[0] == "sub-07"
    for order, names in (("matrix", results.metrics["order"]), ("matrixbyname", sorted(own))):
        page.select_option("#matrix-order", order)
        image = page.locator(f"[data-order={order}] image").first
        image.scroll_into_view_if_needed()
        box = image.bounding_box()
        x, y = (box[at] + box[size] * (cell + 0.5) / 40
                for at, size, cell in (("x", "width", 12), ("y", "height", 3)))  # fmt: skip
        page.mouse.move(x, y)
        text = page.locator("#matrix-said").inner_text()
        pair = names[3], names[12]
        assert text.startswith(f"Signature of {pair[0]} on {pair[1]}: {number(rows[pair])} (")
    assert said == []
    page.close()


def test_a_matrix_of_many_people_is_an_image_without_names():
    table = many(40).tables["transfer"]
    ax = plot_transfer_matrix(table, order=sorted(table["model"].unique(), reverse=True))
    assert not ax.get_xticklabels() and not ax.patches and ax.images[0].get_size() == (40, 40)
    first = table[(table["model"] == "sub-39") & (table["person"] == "sub-39")]
    assert ax.images[0].get_array()[0, 0] == first["centred_r"].item()


def test_a_person_is_shown_with_those_signatures_that_fit_best():
    results = many()
    shown = transfer_to(results, "04")
    own = shown.drawn["model"] == "sub-04"
    assert own.sum() == 1 and len(shown.drawn) == 21 and len(shown.rows) == 25
    left_out = shown.rows[~shown.rows["model"].isin(shown.drawn["model"])]
    assert left_out["centred_r"].max() <= shown.drawn.loc[~own, "centred_r"].min()
    assert transfer_to("Not computed.", "04").missing == "Not computed."


def test_cards_of_findings_across_people_say_what_was_found_and_what_was_not_tested():
    networks = pd.DataFrame(
        {"network": ["DMN", "VIS"], "r": [0.2, 0.0], "r_low": [0.1, -0.1], "r_high": [0.3, 0.1],
         "t": [5.0, 0.1], "p": [0.001, 0.4], "p_corrected": [0.002, 0.7]}
    )  # fmt: skip
    clinical = pd.DataFrame(
        {"variable": ["age", "age"], "measure": ["centred_r", "skill"], "n": 20, "rho": [0.1, 0.6],
         "rho_low": [-0.3, 0.3], "rho_high": [0.5, 0.8], "p": 0.01, "p_corrected": [0.6, 0.02]}
    )  # fmt: skip
    numbers = {"within": 0.4, "between": 0.1, "difference": 0.3, "low": 0.2, "high": 0.4,
               "p_individual": 0.01, "p_shared": 0.2}  # fmt: skip
    results = GroupResults(
        GroupFiles(Path()),
        {"similarity": numbers},
        {"networks": networks, "similarity": pd.DataFrame(), "clinical": clinical},
    )
    cards = across_people(results)
    assert [card.answer for card in cards] == [
        "1 of 2 networks", "Individual; no shared part was shown", "1 of 1 variable",
    ]  # fmt: skip
    assert "DMN 0.20 (0.10 to 0.30), corrected p = 0.002" in cards[0].numbers
    assert "age with skill: 0.60 (0.30 to 0.80), corrected p = 0.020, n = 20" in cards[2].numbers
    untested = {**numbers, "p_individual": None, "p_shared": None}
    few = GroupResults(
        GroupFiles(Path()),
        {"similarity": untested},
        {"networks": networks.assign(p=np.nan, p_corrected=np.nan), "similarity": pd.DataFrame()},
    )
    assert {card.answer for card in across_people(few)} == {"Not tested: too few people"}
