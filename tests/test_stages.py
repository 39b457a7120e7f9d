"""A study that is interrupted, locked out, or short of space."""

import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import FEW, QUICK
from test_pipeline import STEM, outputs, run

from painprint import Settings, decode_runs
from painprint.cli import main
from painprint.errors import DerivativesError
from painprint.evidence.case import Case
from painprint.evidence.stages import STAGES, run_stage, stages_to_run
from painprint.results import steps as stages
from painprint.results.steps import (
    load_stage_result,
    load_training,
    save_stage_result,
    save_training,
)
from painprint.store import files as store
from painprint.store.files import content_key, plain
from painprint.store.lock import lock

pytestmark = pytest.mark.usefixtures("without_svg")


@pytest.fixture
def training(participant, request):
    features = getattr(request, "param", "edges")
    return decode_runs(participant, Settings(n_bootstraps=100, features=features)).training


@pytest.mark.parametrize("training", ["edges", "both"], indirect=True)
def test_trained_models_come_back_as_they_were(training, tmp_path):
    path = tmp_path / "t.safetensors"
    save_training(path, training, "key")
    read = load_training(path, "key")
    for a, b in zip((training.final, *training.folds), (read.final, *read.folds), strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)
        np.testing.assert_array_equal(a.activity, b.activity)
        for name in ("path_penalty", "path_score"):
            np.testing.assert_array_equal(getattr(a.choice, name), getattr(b.choice, name))
        assert (a.held_out, a.intercept, a.lag_s) == (b.held_out, b.intercept, b.lag_s)
        for name in ("penalty", "alpha", "dof", "inner_score", "at_edge"):
            assert getattr(a.choice, name) == getattr(b.choice, name)
    assert read.run_table.equals(training.run_table)
    assert read.groups == training.groups


def test_models_of_other_inputs_or_damaged_ones_are_not_used(training, tmp_path):
    path = tmp_path / "t.safetensors"
    assert load_training(path, "key") is None
    save_training(path, training, "key")
    assert load_training(path, "other") is None
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    assert load_training(path, "key") is None
    path.write_bytes(content[:100])
    assert load_training(path, "key") is None


def test_a_key_depends_on_everything_it_is_made_of():
    assert content_key({"a": 1, "b": (2.0,)}) == content_key({"b": [2.0], "a": 1})
    assert content_key({"a": 1}) != content_key({"a": 2})


@pytest.mark.long
def test_a_finished_study_is_not_repeated_and_a_changed_one_is(derivatives, tmp_path, capsys):
    out = tmp_path / "out"
    run(derivatives, out)
    before = outputs(out)
    capsys.readouterr()
    run(derivatives, out)
    assert "finished before" in capsys.readouterr().err
    assert run(derivatives, out, "--random-seed", "1") == 1
    said = capsys.readouterr().err
    assert "settings: random_seed was 0 and is 1. Choose another output folder" in said
    assert outputs(out) == before
    assert run(derivatives, out, "--random-seed", "1", "--overwrite") == 0
    assert "finished before" not in capsys.readouterr().err and outputs(out) != before
    run(derivatives, out, "--overwrite")
    assert outputs(out) == before
    (out / f"sub-01/decoding/{STEM}_roc.tsv").write_text("damaged")
    capsys.readouterr()
    run(derivatives, out)
    assert "finished before" not in capsys.readouterr().err
    assert outputs(out) == before


@pytest.mark.parametrize(
    "at",
    [
        "decode.write_decoding",
        "decoding_files.write_page_unless_made",
        "decoding_steps.evaluate_training",
    ],
)
def test_a_study_that_stops_midway_resumes_without_training_again(
    derivatives, tmp_path, monkeypatch, capsys, at
):
    run(derivatives, tmp_path / "clean")
    out = tmp_path / "out"

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"painprint.apps.{at}", stop)
        with pytest.raises(KeyboardInterrupt):
            run(derivatives, out)
    capsys.readouterr()
    assert run(derivatives, out) == 0
    said = capsys.readouterr().err
    assert "finished before" in said or "models were trained before" in said
    assert outputs(out) == outputs(tmp_path / "clean")


@pytest.mark.long
def test_an_answered_question_is_not_asked_again(derivatives, tmp_path, monkeypatch, capsys):
    words = ["run", str(derivatives.root), str(tmp_path / "clean"), "participant", *FEW]
    assert main(words) == 0
    out = tmp_path / "out"
    words[2] = str(out)

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(STAGES, "curve", replace(STAGES["curve"], compute=stop))
        with pytest.raises(KeyboardInterrupt):
            main(words)
    capsys.readouterr()
    assert main(words) == 0
    said = capsys.readouterr().err
    for name in ("null", "sensitivity"):
        assert f"was done before: {STAGES[name].question}" in said
    assert re.search(rf"done in .*: {re.escape(STAGES['curve'].question)}", said)
    assert outputs(out) == outputs(tmp_path / "clean")


def test_results_of_stages_come_back_as_they_were(participant, tmp_path):
    case = Case(decode_runs(participant, Settings(n_bootstraps=100)))
    found = run_stage(case, "prospective")
    path = tmp_path / "result.json"
    save_stage_result(path, found, "key")
    read = load_stage_result(path, "key")
    assert read.numbers == plain(found.numbers) and read.not_done == found.not_done
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(read.tables[name], table)
    assert load_stage_result(path, "another key") is None
    path.write_text(path.read_text().replace("0", "1", 1))
    assert load_stage_result(path, "key") is None
    assert load_stage_result(tmp_path / "nothing.json", "key") is None


def test_what_is_to_be_skipped_must_be_a_stage():
    assert [stage.name for stage in stages_to_run(Settings(skip=("null",)))] == list(STAGES)[1:]
    with pytest.raises(ValueError, match="skip is 'nul'; choose of null, confounds"):
        stages_to_run(Settings(skip=("nul",)))


def test_a_stage_is_skipped_by_the_name_of_the_version_before_with_a_warning(caplog):
    to_run = [stage.name for stage in stages_to_run(Settings(skip=("controls", "refits")))]
    assert (
        "confounds" not in to_run and "sensitivity" not in to_run and len(to_run) == len(STAGES) - 2
    )
    assert "the stage controls is now called confounds (--skip)." in caplog.text


def test_a_killed_study_resumes_to_the_same_bytes(derivatives, tmp_path):
    run(derivatives, tmp_path / "clean")
    out = tmp_path / "out"
    words = ["run", str(derivatives.root), str(out), "participant", *QUICK]
    process = subprocess.Popen([sys.executable, "-m", "painprint", *words], stderr=subprocess.PIPE)
    while process.poll() is None and not (out / "sub-01").exists():
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert run(derivatives, out) == 0
    assert outputs(out) == outputs(tmp_path / "clean")


def test_the_second_process_is_told_who_is_there(derivatives, tmp_path, capsys):
    out = tmp_path / "out"
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom painprint.store.lock import lock\n"
        "with lock(Path(sys.argv[1]), 'sub-01'):\n    print('held', flush=True)\n    time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(out)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        assert run(derivatives, out) == 1
        said = capsys.readouterr().err
        assert "sub-01: another process is working on it" in said
        assert not (out / "sub-01.html").exists()
    finally:
        holder.kill()
        holder.communicate()
    assert run(derivatives, out) == 0


def test_a_lock_takes_unfinished_files_away_and_lets_go(tmp_path):
    (tmp_path / "sub-01").mkdir()
    for path in (tmp_path / "sub-01/.x.tsv.ab12.part", tmp_path / ".sub-01.html.cd34.part"):
        path.touch()
    with lock(tmp_path, "sub-01"):
        assert not list(tmp_path.rglob("*.part"))
        with pytest.raises(DerivativesError, match="another process is working"):
            with lock(tmp_path, "sub-01"):
                pass
    with lock(tmp_path, "sub-01", wait=True):
        pass


@pytest.mark.parametrize(
    ("number", "words"), [(28, "No space left on device"), (30, "Read-only file system")]
)
def test_a_full_or_read_only_disk_ends_with_a_clear_error_and_leaves_valid_files(
    derivatives, tmp_path, monkeypatch, capsys, number, words
):
    out = tmp_path / "out"
    run(derivatives, tmp_path / "clean")
    written = []

    def full_after_five(path, content):
        written.append(path)
        if len(written) > 5:
            raise OSError(number, words, str(path))
        store_write(path, content)

    store_write = store.write_bytes
    with monkeypatch.context() as patch:
        patch.setattr(store, "write_bytes", full_after_five)
        patch.setattr(stages, "write_bytes", full_after_five)
        assert run(derivatives, out) == 1
    said = capsys.readouterr().err
    assert words in said and "Traceback" not in said
    assert "run the same command again" in said
    assert not (out / f"sub-01/decoding/{STEM}_metrics.json").exists()
    clean = outputs(tmp_path / "clean")
    for name, content in outputs(out).items():
        assert "stages" in name or clean[name] == content
    assert run(derivatives, out) == 0
    assert outputs(out) == clean


def test_a_stage_that_does_not_exist_is_refused_with_the_one_that_is_meant(participant):
    case = Case(decode_runs(participant, Settings(n_bootstraps=100)))
    with pytest.raises(ValueError, match="no stage 'nul'; choose of null, .* Did you mean null"):
        run_stage(case, "nul")
    with pytest.raises(ValueError, match="skip is 'nul'; choose of null, .* Did you mean null"):
        stages_to_run(Settings(skip="nul"))
