"""What a decoding from arrays leaves: weights, the files of a study, the page."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import QUICK, SEED, Tree, simulate_runs

from painprint import Case, Settings, decode_runs, run_stage
from painprint.cli import main
from painprint.errors import DerivativesError
from painprint.evidence.stages import STAGES
from painprint.results.read import read_table
from painprint.signature.file import read_signature
from painprint.wording import number

pytestmark = pytest.mark.usefixtures("without_svg")

SETTINGS = Settings(n_bootstraps=100, n_permutations=19, skip=tuple(STAGES))
NETWORKS = {str(i + 1): "VIS" if i > 5 else "DMN" for i in range(8)}
SAME = ("predictions", "weights", "roc", "persession", "quality")


@pytest.fixture(scope="module")
def runs():
    return simulate_runs(np.random.default_rng(SEED))


@pytest.fixture(scope="module")
def decoding(runs):
    return decode_runs(runs, SETTINGS, regions=NETWORKS)


@pytest.fixture(scope="module")
def saved(decoding, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "out"
    signature = decoding.save(folder, stages={"null": run_stage(Case(decoding), "null")})
    assert signature.parent == folder / "sub-01" / "decoding"
    return folder


def table(folder, name):
    (path,) = folder.glob(f"sub-01/*/*_{name}.tsv")
    return path


@pytest.mark.parametrize("name", SAME)
def test_tables_are_those_of_a_study_of_the_same_runs_in_files(name, saved, decoded):
    assert table(saved, name).read_bytes() == table(decoded, name).read_bytes()


def test_runs_are_those_of_a_study_in_files_up_to_rounding_of_motion(saved, decoded):
    here, there = (read_table(table(folder, "runs")) for folder in (saved, decoded))
    pd.testing.assert_frame_equal(here, there, rtol=1e-12)


def test_the_signature_predicts_as_the_decoding_does(decoding, saved):
    (folder,) = saved.glob("sub-01/decoding/*_signature")
    signature = read_signature(folder)
    assert (signature.participant, signature.regions) == ("01", decoding.regions)
    frames = decoding.frames[3]
    for model in (decoding.final, *decoding.folds):
        at = signature.find_model(model.held_out)
        np.testing.assert_array_equal(
            signature.score(at, frames.signals), model.score(frames.signals)
        )


def test_a_saved_decoding_is_read_by_predict(decoding, saved, tmp_path, capsys):
    (run,) = simulate_runs(np.random.default_rng(2), n_sessions=1, n_runs=1)
    series = Tree(tmp_path / "bids").add_run(replace(run, session="20"))
    (folder,) = saved.glob("sub-01/decoding/*_signature")
    assert main(["predict", str(folder), str(series)]) == 0
    shown = capsys.readouterr()
    assert "20\tsub-01_ses-20_task-rating_run-1" in shown.out
    assert main(["predict", str(folder), str(series), "--fold", "01"]) == 0


def test_the_page_of_a_saved_decoding_is_that_of_report(decoding, saved, tmp_path):
    stages = {"null": run_stage(Case(decoding), "null")}
    page = decoding.report(tmp_path / "new" / "report.html", stages=stages)
    assert main(["report", str(saved)]) == 0
    text = page.read_text()
    assert text == (saved / "sub-01.html").read_text()
    assert "Ratings, one for each frame, were paired" in text
    assert "decode_runs(runs, Settings(n_bootstraps=100, n_permutations=19, skip=" in text


def test_results_of_other_runs_are_replaced_only_if_that_is_asked_for(decoding, runs, tmp_path):
    decoding.save(tmp_path)
    decoding.save(tmp_path)  # the same
    other = decode_runs(runs[:-2], SETTINGS)
    before = table(tmp_path, "weights").read_bytes()
    with pytest.raises(DerivativesError, match="results that differ: arrays.*overwrite=True"):
        other.save(tmp_path)
    assert table(tmp_path, "weights").read_bytes() == before
    other.save(tmp_path, overwrite=True)
    assert len(read_table(table(tmp_path, "runs"))) == 8
    other.save(tmp_path, participant="sub-02")
    assert {path.name for path in tmp_path.glob("sub-*")} == {"sub-01", "sub-02"}


def test_a_decoding_that_is_saved_again_loses_neither_stages_nor_page(decoding, tmp_path):
    null = run_stage(Case(decoding), "null")
    decoding.save(tmp_path, stages={"null": null})
    assert main(["report", str(tmp_path)]) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    importance = run_stage(Case(decoding), "importance")
    for stages in ({}, {"importance": importance}):
        with pytest.raises(DerivativesError, match="the results of null, .* overwrite=True"):
            decoding.save(tmp_path, stages=stages)
    assert before == {path: path.read_bytes() for path in before}
    decoding.save(tmp_path, stages={"null": null, "importance": importance})
    assert table(tmp_path, "null").is_file() and table(tmp_path, "importance").is_file()
    assert (tmp_path / "sub-01.html").read_bytes() != before[tmp_path / "sub-01.html"]
    decoding.save(tmp_path, overwrite=True)
    assert not list(tmp_path.rglob("*_null.tsv"))


def test_what_cannot_be_saved_is_refused_before_anything_is_written(decoding, tmp_path):
    (tmp_path / "dataset_description.json").write_text('{"Name": "raw data"}')
    for arguments, sentence in (
        ({"folder": tmp_path}, "another dataset .raw data.; choose another"),
        ({"folder": tmp_path / "a", "participant": "a/b"}, "participant is 'a/b'; give letters"),
        ({"folder": tmp_path / "a", "stages": {"nul": None}}, "stages has 'nul'.* mean null"),
    ):
        with pytest.raises(ValueError, match=sentence):
            decoding.save(**arguments)
    with pytest.raises(DerivativesError, match="is not a folder. Choose another"):
        decoding.save(tmp_path / "dataset_description.json")
    for wrong in ("page.pdf", "folder"):
        with pytest.raises(ValueError, match="give the file of the page, such as report.html"):
            decoding.report(tmp_path / wrong)
    assert [path.name for path in tmp_path.iterdir()] == ["dataset_description.json"]


def test_learn_says_that_there_are_no_files_and_run_replaces_nothing(saved, derivatives, caplog):
    root = str(derivatives.root)
    assert main(["learn", str(saved), root, str(derivatives.root.parent / "new")]) == 1
    assert "sub-01 was decoded from arrays in Python" in caplog.text
    assert main(["run", root, str(saved), "participant", *QUICK]) == 1
    assert "finished results" in caplog.text


def test_metrics_and_stages_are_shown_in_a_few_words(decoding):
    shown = {scale: repr(metrics) for scale, metrics in decoding.scales.items()}
    r = number(decoding.scales["1min"].centred_r)
    assert f"centred_r={r} (" in shown["1min"] and "p_within" not in shown["1min"]
    assert max(map(len, shown.values())) < 130
    assert repr(STAGES["null"]) == "Stage('null', 'Does the agreement exceed chance?')"


def test_weights_have_the_names_of_their_regions(decoding):
    weights = decoding.weights_frame()
    assert list(weights) == ["region_1", "region_2", "network_1", "network_2", "weight"]
    assert len(weights) == 28
    row = weights.set_index(["region_1", "region_2"]).loc[("1", "8")]
    assert (row["network_1"], row["network_2"]) == ("DMN", "VIS")
    np.testing.assert_array_equal(weights["weight"], decoding.final.weights)
    with pytest.raises(ValueError, match="no weights of 'activity': decoded were edges"):
        decoding.weights_frame("activity")


def test_weights_of_activity_have_a_row_for_each_region(runs):
    both = decode_runs(runs, replace(SETTINGS, features="both"), regions=NETWORKS)
    weights = both.weights_frame("activity")
    assert list(weights) == ["region", "network", "weight"]
    np.testing.assert_array_equal(weights["weight"], both.final.activity)
    assert len(both.weights_frame()) == 28
