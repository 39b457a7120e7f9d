"""What commands say on a (pseudo-)terminal, and where their output is redirected."""

import fcntl
import io
import os
import re
import shlex
import struct
import sys
import termios
import time
from types import SimpleNamespace

import pytest
from conftest import FEW
from test_process import TIME, finish, signature_and_run, start, untimed

from painprint import Settings, terminal
from painprint.apps.decode import run_participant
from painprint.apps.decoding_files import tell_signature
from painprint.apps.decoding_steps import DECODING, READING, WRITING
from painprint.apps.simulate import simulate_people
from painprint.apps.study import Study
from painprint.cli import main
from painprint.evidence.stages import STAGES
from painprint.progress import Progress
from painprint.results.read import find_results
from painprint.simulate.world import World

pty = pytest.importorskip("pty")
ENDS = re.compile(r"\r\x1b\[2K|\r?\n")
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(*words, columns=100, **options):
    """Exit code of a command on a terminal, and the lines that it drew, one after another."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = {"TERM": "xterm-256color", "COLUMNS": str(columns)}
    streams = {"stdin": its, "stdout": its, "stderr": its, **options}
    process = start(*words, env=env, **streams)
    os.close(its)
    written = bytearray()
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # it ended
            break
        if not part:
            break
        written += part
    os.close(ours)
    lines = [CODES.sub("", line).strip() for line in ENDS.split(written.decode())]
    return process.wait(), [line for line in lines if line]


def full_table(signature, run):
    return finish(start("predict", signature, run))[1]


def test_predictions_are_a_short_table_on_a_terminal_and_all_numbers_elsewhere(decoded):
    signature, run = signature_and_run(decoded)
    tsv = full_table(signature, run).splitlines()
    names = tsv[0].split("\t")
    rows = [dict(zip(names, line.split("\t"), strict=True)) for line in tsv[1:]]
    assert [row["scale"] for row in rows][-2:] == ["run", "session"]
    assert len(rows[0]["predicted"]) > 10  # not rounded
    code, lines = on_terminal("predict", signature, run)
    assert code == 0 and not any("\t" in line for line in lines)
    first = next(i for i, line in enumerate(lines) if line.startswith("session  run"))
    shown = [re.split(" {2,}", line) for line in lines[first + 1 : first + 1 + len(rows)]]
    session, *_ = shown
    assert session[1:3] == ["all", "all"] and session[3] == f"{float(rows[-1]['predicted']):.2f}"
    assert session[-1] in ("in range", "caution", "do not read")
    assert [cells[2] for cells in shown[2:]] == [row["minute"] for row in rows[:-2]]
    about = lines[first + 1 + len(rows) :]
    assert about[0].startswith("predicted: ") and about[-1].startswith("All columns: ")


def test_redirected_output_is_the_full_table_though_errors_go_to_a_terminal(decoded, tmp_path):
    signature, run = signature_and_run(decoded)
    with open(tmp_path / "table.tsv", "w") as file:
        code, lines = on_terminal("predict", signature, run, stdout=file)
    assert code == 0 and any("session" in line for line in lines)
    assert (tmp_path / "table.tsv").read_text() == full_table(signature, run)


def test_a_terminal_shows_stage_bar_time_left_and_name_and_keeps_warnings(decoded, tmp_path):
    bids, out = decoded.parent / "bids", tmp_path / "out"
    stages = [name for name in STAGES if name != "confounds"]
    words = ("run", bids, out, "participant", "--n-bootstraps", "100", "--skip", *stages)
    code, lines = on_terminal(*words)
    assert code == 0
    bars = [line for line in lines if "━" in line]
    question = STAGES["confounds"].question
    assert any(re.match(rf"sub-01: stage 3 of 4 ━.* \d+ s left {question[:20]}", b) for b in bars)
    assert not any("done in" in line for line in lines)  # the bar says that
    kept = [line for line in lines if "━" not in line]
    assert re.match(rf"{TIME}INFO sub-01: page written: {out}/sub-01.html \(.* s\)$", kept[-2])
    signature = next(out.glob("sub-01/decoding/*_signature"))
    assert re.match(rf"{TIME}INFO sub-01: signature: {signature}$", kept[-1])  # not tested
    log = (out / "logs" / "painprint.log").read_text()
    assert re.search(rf"\d{{4}}-\d\d-\d\d {TIME}INFO sub-01: stage 3 of 4 done in .*: Do ", log)


@pytest.mark.parametrize("is_shown", [True, False])
def test_the_command_to_predict_is_told_of_a_signature_that_is_of_use(
    is_shown, decoded, monkeypatch, caplog
):
    (files,) = find_results(decoded)
    conclusion = SimpleNamespace(is_shown=is_shown, tells_level=False)
    monkeypatch.setattr("painprint.apps.decoding_files.conclude", lambda metrics: conclusion)
    caplog.set_level("INFO", "painprint")
    tell_signature(files)
    (line,) = caplog.messages
    assert line.startswith("sub-01: signature: ")
    assert line.endswith("_signature RUN...") == is_shown


def test_elsewhere_every_stage_is_a_line_with_its_duration(decoded, tmp_path):
    out = tmp_path / "out"
    words = ("run", decoded.parent / "bids", out, "participant", *FEW, "--skip", "baselines")
    code, _, said = finish(start(*words))
    assert code == 0 and all(re.match(TIME, line) for line in said.splitlines())
    asked = [stage.question for name, stage in STAGES.items() if name != "baselines"]
    done = [re.search(r"stage (\d+) of (\d+) done in [\d.]+ s: (.+)", x) for x in untimed(said)]
    done = [found.groups() for found in done if found]
    assert [int(number) for number, _, _ in done] == list(range(1, len(asked) + 3))
    assert {n_stages for _, n_stages, _ in done} == {str(len(asked) + 3)}  # the last is the page
    assert [title for _, _, title in done][2:] == asked
    lines = untimed(said)
    assert lines.index("INFO sub-01: making the page") < len(lines) - 1
    assert re.match(r"INFO sub-01: page written: .*sub-01.html \(.* s\)", lines[-2])
    assert lines[-1].startswith("INFO sub-01: signature: ")


def test_what_is_silent_tells_where_it_is_in_a_line_that_no_file_keeps(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(terminal, "SILENT_S", 0.2)
    (tmp_path / "out").mkdir()
    with terminal.logged(tmp_path / "out"), terminal.progress("sub-01") as told:
        told.plan("a", "b")
        with told.stage("b") as on_step:
            on_step(1, 4)
            time.sleep(1.1)
        terminal.log.info("spoken")
    lines = untimed(capsys.readouterr().err)
    assert 3 <= lines.count("INFO sub-01: stage 2 of 2, 25% done: b") <= 5
    log = (tmp_path / "out" / "logs" / "painprint.log").read_text()
    assert "25%" not in log and "spoken" in log
    assert terminal._lines is None  # nothing is said any more


def test_a_bar_never_needs_two_lines():
    from rich.console import Console

    told = Progress("sub-01", "finding and checking the inputs")
    told.plan("Which regions and networks contribute to the prediction?", "b")
    told.tell({"b": 9000})
    for columns in (40, 80, 200):
        console = Console(width=columns, record=True, file=io.StringIO())
        with told.stage("Which regions and networks contribute to the prediction?"):
            console.print(terminal._draw(told))
        (line,) = console.export_text().splitlines()
        assert line.startswith("sub-01: stage 1 of 2") or columns == 40


def test_a_dumb_terminal_gets_lines(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert terminal._is_terminal()
    monkeypatch.setenv("TERM", "dumb")
    assert not terminal._is_terminal()


def test_a_dry_run_says_what_it_does_while_it_reads(decoded, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(terminal, "SILENT_S", 0.05)
    words = ["run", str(decoded.parent / "bids"), str(tmp_path / "out"), "participant"]
    assert main([*words, "--dry-run"]) == 0
    assert "sub-01: finding and checking the inputs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "no", "out", "participant"], "there is no BIDS_DIR no."),
        (["parcellate", "no", "out", "participant"], "there is no BIDS_DIR no."),
        (["learn", "results", "no", "out"], "there is no BIDS_DIR no."),
        (["learn", "no", "bids", "out"], "there is no earlier study in EARLIER no."),
        (
            ["run", "bids", "out", "participant", "--derivatives", "no"],
            "no folder of derivatives no.",
        ),
        (["run", "bids", "out", "participant", "--external", "no.tsv"], "no.tsv (--external)."),
        (["predict", "no", "x.tsv"], "there is no signature at no."),
    ],
)
def test_what_is_missing_is_named_once(words, said, decoded, tmp_path, monkeypatch, capsys):
    (tmp_path / "bids").symlink_to(decoded.parent / "bids")
    (tmp_path / "results").symlink_to(decoded)
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    (line,) = untimed(capsys.readouterr().err)
    assert line.startswith("ERROR ") and said in line


@pytest.mark.parametrize("options", [[], ["--layout", "fmriprep", "--rating", "events"]])
def test_a_simulation_says_what_it_wrote_and_a_command_that_decodes_it(options, tmp_path, capsys):
    out = tmp_path / "some people"
    words = ["simulate", out, "--sessions", "3", "4", "--null", "1", "--n-regions", "8"]
    assert main([*map(str, words), "--run", "130", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "Simulated 2 people (1 without a signature) with 3 and 4 sessions of 3 runs and a resting "
        "run of up to 130 s, TR 0.46 s."
    )
    assert f"True signatures: {out}/derivatives/truth/sub-*/sub-*_edges.tsv" in lines
    assert list(out.glob("derivatives/truth/sub-*/sub-*_edges.tsv"))
    program, *command = shlex.split(lines[-1].partition(": ")[2])
    command[2] = str(tmp_path / "results")
    assert program == "painprint" and main([*command, "--dry-run"]) == 0
    assert "  use  " in capsys.readouterr().out


@pytest.mark.parametrize(("layout", "at"), [("xcp_d", ""), ("fmriprep", READING)])
def test_a_study_is_told_how_long_its_stages_take_before_they_begin(layout, at, tmp_path):
    told = []

    class Heard(Progress):
        def tell(self, seconds):
            told.append((self.title, dict(seconds)))
            super().tell(seconds)

    world = World(n_regions=8, run_s=200, n_runs=2)
    simulate_people(tmp_path / "bids", (3,), layout=layout, world=world)
    skip = tuple(name for name in STAGES if name != "curve")
    options = {"atlas": "Simulated01"} if layout == "fmriprep" else {}
    settings = Settings(task_id=("rating",), skip=skip, n_bootstraps=100, **options)
    folders = [tmp_path / "bids" / "derivatives" / layout]
    study = Study(tmp_path / "bids", tmp_path / "out", folders, settings)
    run_participant(study, "01", progress=Heard("sub-01"))
    ((when, seconds),) = told  # dense BOLD by its headers, as reading it takes longest
    assert when == at
    assert set(seconds) == {READING, DECODING, STAGES["curve"].question, WRITING}
    assert (seconds[READING] > 0) == (layout == "fmriprep") and seconds[DECODING] > 1
