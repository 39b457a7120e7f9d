"""How far people are follows from what lies in the output folder, and from the lock."""

import json
import shutil

import pytest

from painprint.apps.status import noted
from painprint.cli import main
from painprint.errors import DerivativesError
from painprint.progress import Progress
from painprint.results.status import Status, count_states, note, participants_of, read_status
from painprint.store.lock import Lock


def work(out, participant="01", stop=None):
    """A participant with two stages, of which the second may be stopped by an error."""
    progress = Progress(f"sub-{participant}")
    with noted(out, participant, progress):
        progress.plan("reading", "training")
        with progress.stage("reading"):
            pass
        with progress.stage("training"):
            if stop is not None:
                raise stop


def finish(out, participant="01"):
    record = out / f"sub-{participant}" / "decoding" / f"sub-{participant}_provenance.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")


def test_a_participant_waits_runs_and_is_finished(tmp_path):
    assert read_status(tmp_path, "01") == Status("01", "waiting")
    progress = Progress("sub-01")
    with Lock(tmp_path, "sub-01").hold():
        assert read_status(tmp_path, "01") == Status("01", "running")
        with noted(tmp_path, "01", progress):
            progress.plan("reading", "training")
            with progress.stage("training"):
                running = Status("01", "running", "stage 2 of 2: training")
                assert read_status(tmp_path, "01") == running
            finish(tmp_path)
    assert read_status(tmp_path, "01") == Status("01", "finished")
    assert not list(tmp_path.glob(".*"))


def test_who_was_killed_or_stopped_is_not_running(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        work(tmp_path, stop=KeyboardInterrupt())
    finish(tmp_path)  # the results, but not the page
    (tmp_path / ".sub-01.lock").touch()  # as a killed process leaves it
    assert read_status(tmp_path, "01") == Status("01", "stopped", "stage 2 of 2: training")
    assert not list(tmp_path.glob(".*"))
    (tmp_path / "logs" / "sub-01.json").unlink()
    assert read_status(tmp_path, "01") == Status("01", "finished")
    shutil.rmtree(tmp_path / "sub-01")
    assert read_status(tmp_path, "01") == Status("01", "waiting")
    (tmp_path / "sub-01" / "stages").mkdir(parents=True)  # of an earlier version
    assert read_status(tmp_path, "01") == Status("01", "stopped")


def test_a_failure_is_told_with_its_reason_until_it_is_overcome(tmp_path):
    with pytest.raises(DerivativesError):
        work(tmp_path, stop=DerivativesError("sub-01: no rating."))
    failed = Status("01", "failed", "stage 2 of 2: training", "no rating.")
    assert read_status(tmp_path, "01") == failed
    finish(tmp_path)  # earlier results, that would be replaced
    assert read_status(tmp_path, "01") == failed
    work(tmp_path)
    assert read_status(tmp_path, "01") == Status("01", "finished")


def test_who_finds_another_process_at_work_leaves_its_note_alone(tmp_path):
    with Lock(tmp_path, "sub-01").hold():
        note(tmp_path, Status("01", "running", "stage 2 of 2: training"))
        with pytest.raises(DerivativesError):
            with noted(tmp_path, "01", Progress("sub-01")):
                raise DerivativesError("another process is working on it.")
        assert read_status(tmp_path, "01").stage == "stage 2 of 2: training"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"state": "odd"}', '{"state": ["failed"]}'])
def test_a_damaged_note_is_none(tmp_path, content):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "sub-01.json").write_text(content)
    assert read_status(tmp_path, "01") == Status("01", "waiting")


def test_a_note_makes_no_output_folder_and_stops_nothing(tmp_path, caplog):
    work(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "logs").write_text("in the way")
    work(tmp_path)
    assert "how far the participant is was not noted" in caplog.text


def test_the_command_tells_who_is_how_far(tmp_path, capsys):
    out, bids = tmp_path / "out", tmp_path / "bids"
    assert main(["status", str(out)]) == 1
    assert "there is no folder" in capsys.readouterr().err
    out.mkdir()
    assert main(["status", str(out)]) == 1
    assert "nobody was decoded into" in capsys.readouterr().err
    for label in ("01", "02", "03"):
        (bids / f"sub-{label}").mkdir(parents=True)
    (bids / "dataset_description.json").write_text(json.dumps({"Name": "x", "BIDSVersion": "1.9"}))
    work(out, "01")
    finish(out, "01")
    assert main(["status", str(out), str(bids)]) == 0
    assert "1 finished, 2 waiting." in capsys.readouterr().err
    with pytest.raises(DerivativesError):
        work(out, "02", DerivativesError("sub-02: no rating."))
    assert participants_of(out) == ["01", "02"]
    assert main(["status", str(out), str(bids)]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "participant\tstate\tstage\treason",
        "01\tfinished\tn/a\tn/a",
        "02\tfailed\tstage 2 of 2: training\tno rating.",
        "03\twaiting\tn/a\tn/a",
    ]
    assert "sub-02 failed: no rating." in said.err
    assert "1 finished, 1 failed, 1 waiting." in said.err


def test_states_are_counted_from_the_end_to_the_beginning():
    states = ("waiting", "kept", "running", "kept", "failed")
    assert count_states([Status("1", state) for state in states]) == (
        "2 kept, 1 failed, 1 running, 1 waiting"
    )
