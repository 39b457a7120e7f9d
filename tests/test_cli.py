"""Commands: help under headings, what is wrong usage, and a failure that stops nobody else."""

import logging
import re

import pytest

from painprint.apps.arguments import Execution, StudyExecution
from painprint.apps.folders import choose_derivatives
from painprint.apps.participants import Failed, for_each_participant
from painprint.cli import app, main
from painprint.cortex.settings import AreaSettings
from painprint.errors import DerivativesError
from painprint.help_text import EXAMPLES
from painprint.option_fields import flag, option_metadata
from painprint.parcellate.maps import Maps
from painprint.settings import GROUPS, Settings


@pytest.mark.parametrize(
    ("command", "kind"), [("run", Settings), ("multiverse", Settings), ("parcellate", AreaSettings)]
)
def test_help_shows_every_option_once_under_its_heading(command, kind, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    main([command, "--help"])
    shown = capsys.readouterr().out
    headings = re.findall(r"^╭─ (.+?) ─", shown, flags=re.M)
    assert headings == ["Arguments", *(one for one in GROUPS if one in headings)]
    assert {"Earlier results", "Execution"} < set(headings)
    parts = dict(zip(headings, re.split(r"^╭─ .*$", shown, flags=re.M)[1:], strict=True))
    arguments = re.findall(r"^│ \* +([A-Z-]+)", parts["Arguments"], flags=re.M)
    assert arguments == ["PLAN"] * (command == "multiverse") + ["BIDS-DIR", "OUT-DIR", "LEVEL"]
    assert "--derivatives" in parts["Data"]
    kinds = (kind, Execution, Maps) if command == "parcellate" else (kind, StudyExecution)
    for name, metadata in [item for one in kinds for item in option_metadata(one).items()]:
        option = rf"^│ +--{flag(name)} "
        assert re.search(option, parts[metadata.group], flags=re.M), name
        assert len(re.findall(option, shown, flags=re.M)) == 1, name


@pytest.mark.parametrize("command", EXAMPLES)
def test_examples_in_help_are_commands_that_can_be_copied(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    main([command, "--help"])
    shown = [line.strip() for line in capsys.readouterr().out.splitlines()]
    text = EXAMPLES[command].strip()
    lines = [line.strip() for line in text.splitlines()]
    joined = text.replace("\\\n", " ").splitlines()
    commands = [line for line in joined if line.startswith("painprint ")]
    assert len(commands) == {"run": 3, "multiverse": 2, "rate": 3, "live": 2}.get(command, 1)
    assert shown[-len(lines) :] == lines
    for line in commands:
        _, *words = line.split()
        function, bound, _ = app.parse_args(words, exit_on_error=False)
        assert function.__name__ == command and bound.arguments


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "bids", "out", "participant", "--n-jobs", "0"], "--n-jobs is 0; give 1 or more"),
        (["parcellate", "bids", "bids", "participant"], "OUT_DIR bids is an input too"),
        (["run", "bids", "out", "group", "--dry-run", "--lag", "4"], "--lag, --dry-run is for the"),
        (["run", "bids", "out", "participant", "--drop", "-1"], "--drop is -1.0; it must be from"),
        (
            ["run", "bids", "out", "participant", "--person-column", "age"],
            "--person-column is for the",
        ),
        (["run", "bids", "out", "participant", "--config-file", "no"], "there is no file no"),
        (["simulate", "out", "--null", "3"], "--null is 3; there are 2 people"),
        (["simulate", "out", "--n-regions", "9"], "--n-regions is 9; an even number is needed"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_done(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert f"painprint: {said}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_participant_who_fails_does_not_stop_the_others(caplog):
    done = []

    def work(participant):
        done.append(participant)
        if participant == "01":
            raise DerivativesError("no rating.")
        if participant == "02":
            raise FileNotFoundError(2, "No such file", "a.tsv")
        if participant == "03":
            raise Failed  # said before

    with caplog.at_level(logging.ERROR, "painprint"), pytest.raises(Failed):
        for_each_participant(["01", "02", "03", "04"], work)
    assert done == ["01", "02", "03", "04"]
    first, second, count, *last = (record.getMessage() for record in caplog.records)
    assert first == "no rating."
    assert second.startswith("a.tsv: No such file. Correct this and run the same command again")
    assert count == "3 of 4 participants failed:"
    assert last == ["sub-01: no rating.", f"sub-02: {second}", "sub-03: the reason is told above."]
    for_each_participant(["04"], work)


def test_an_error_of_the_program_is_not_swallowed():
    def work(participant):
        raise KeyError(participant)

    with pytest.raises(KeyError):
        for_each_participant(["01"], work)


def test_derivatives_that_are_not_named_are_the_first_there_is(tmp_path):
    (tmp_path / "derivatives" / "ciftify").mkdir(parents=True)
    assert choose_derivatives(tmp_path, ()) == (tmp_path / "derivatives" / "ciftify",)
    assert choose_derivatives(tmp_path, [tmp_path]) == (tmp_path,)
    assert choose_derivatives(tmp_path / "no", ())[0].name == "xcp_d"


@pytest.mark.parametrize("in_file", [False, True])
def test_an_option_of_the_version_before_still_works_and_is_named(in_file, tmp_path, capsys):
    words = ["run", "bids", "out", "participant"]
    if in_file:
        (tmp_path / "study.toml").write_text("light-tsnr = [15, 30]\n")
        words += ["--config-file", str(tmp_path / "study.toml")]
    else:
        words += ["--light-tsnr", "15", "30"]
    assert main(words) == 2  # the limits are in the wrong order, which stops before any file
    warning, error = capsys.readouterr().err.splitlines()
    assert warning == "painprint: --light-tsnr is now called --quality-tsnr."
    assert error.startswith("painprint: --quality-tsnr is 15 30; give the limit of caution")
