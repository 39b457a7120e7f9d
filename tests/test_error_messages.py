"""Mistakes of new users: what is said names the thing, the place and the remedy, once."""

import gzip
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import QUICK, simulate_runs

from painprint import (
    Case,
    NestedRidge,
    RatingRecording,
    Run,
    Settings,
    decode_runs,
    frame_ratings,
    run_stage,
)
from painprint.cli import app, main
from painprint.errors import DerivativesError
from painprint.regions import Regions
from painprint.signature.file import read_signature

RUN = ("run", "bids", "new", "participant")
STEM = "sub-01_ses-01_task-rating_run-1"
SERIES = f"{STEM}_space-fsLR_atlas-A_stat-mean_timeseries.tsv"
FIRST = f"bids/derivatives/xcp_d/sub-01/ses-01/func/{SERIES}"
NEW = f"bids/derivatives/xcp_d/sub-01/ses-01/func/{SERIES.replace('ses-01', 'ses-99')}"

MISTAKES = {}


def mistake(name, code, thing, place, remedy, *words, change=None):
    """Register the words of a command line, what the dataset is changed to before, and what is
    said."""
    assert name not in MISTAKES
    MISTAKES[name] = (words, change, code, thing, place, remedy)


def run(name, code, thing, place, remedy, *more, change=None):
    mistake(name, code, thing, place, remedy, *RUN, *more, change=change)


def edited(pattern, edit):
    """Changes the text of every file of a pattern."""

    def change(folder):
        paths = sorted(folder.glob(pattern))
        assert paths
        for path in paths:
            before = path.read_text()
            path.write_text(edit(before))
            assert path.read_text() != before

    return change


def rated(edit):
    """Changes the rating of every run."""

    def change(folder):
        for path in folder.glob("bids/sub-01/*/func/*_physio.tsv.gz"):
            lines = "".join(f"{value:.6g}\n" for value in edit(np.loadtxt(path)))
            path.write_bytes(gzip.compress(lines.encode()))

    return change


def with_config(text):
    return lambda folder: (folder / "study.toml").write_text(text)


def without(pattern):
    def change(folder):
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def with_a_second_atlas(folder):
    for path in list(folder.glob("bids/derivatives/**/*atlas-A*_timeseries.*")):
        shutil.copy(path, str(path).replace("atlas-A", "atlas-B"))


def with_description(folder):
    description = folder / "bids" / "derivatives" / "xcp_d" / "dataset_description.json"
    description.write_text('{"Name": "XCP-D", "DatasetType": "derivative"}')


def with_rest(folder):
    path = folder / FIRST
    shutil.copy(path, str(path).replace("task-rating", "task-rest"))


def renamed(to, edit=None):
    """The first time series under another name, with other text."""

    def change(folder):
        text = (folder / FIRST).read_text()
        (folder / to).write_text(edit(text) if edit else text)

    return change


def without_first_column(text):
    return "".join(line.partition("\t")[2] + "\n" for line in text.splitlines())


# ruff: disable[E501]
# fmt: off
# folders
mistake("no argument", 2, "BIDS_DIR", "`painprint run`", "See `painprint run --help`", "run")
mistake("no level", 2, "LEVEL (participant or group), and got bids new", "`painprint run`", "See `painprint run --help`", "run", "bids", "new")
mistake("no output folder", 2, "BIDS_DIR, OUT_DIR and LEVEL (participant or group), and got bids participant", "`painprint run`", "See `painprint run --help`", "run", "bids", "participant")
mistake("options before folders", 2, "BIDS_DIR, OUT_DIR and LEVEL", "`painprint run`", "Options come after them", "run", "--session-label", "01", "02", "bids", "new", "participant")
mistake("level with a typo", 2, '"particpant"', "LEVEL", 'Did you mean "participant"?', "run", "bids", "new", "particpant")
mistake("no dataset", 1, "there is no BIDS_DIR", "nowhere", "Check the path", "run", "nowhere", "new", "participant")
mistake("a file as dataset", 1, "is a file, not a BIDS_DIR", "bids/dataset_description.json", "Check the path", "run", "bids/dataset_description.json", "new", "participant")
mistake("derivatives as dataset", 2, "xcp_d, fmriprep, ciftify", "bids/derivatives/xcp_d/derivatives", "--derivatives; BIDS_DIR is the raw dataset", "run", "bids/derivatives/xcp_d", "new", "participant")
run("no derivatives", 2, "xcp_d, fmriprep, ciftify", "bids/derivatives", "--derivatives", change=without("bids/derivatives"))
run("derivatives that do not exist", 1, "there is no folder of derivatives", "bids/derivatives/xcpd", "Pass the output folder of XCP-D", "--derivatives", "bids/derivatives/xcpd")
run("a file as derivatives", 1, "is a file, not a folder", "bids/dataset_description.json", "Pass the output folder of XCP-D", "--derivatives", "bids/dataset_description.json")
run("empty derivatives", 1, "no regional time series", "in empty", "Pass the output folder of XCP-D, fMRIPrep or ciftify with --derivatives", "--derivatives", "empty", change=lambda folder: (folder / "empty").mkdir())
mistake("output in a participant's raw data", 2, "OUT_DIR bids/sub-01/out", "inside bids/sub-01", "choose another folder, such as bids/derivatives/painprint", "run", "bids", "bids/sub-01/out", "participant")
mistake("output in the dataset itself", 2, "OUT_DIR", "bids is an input too", "choose another folder", "run", "bids", "bids", "participant")
mistake("output is a file", 1, "it is not a folder", "out/dataset_description.json", "Choose another folder", "run", "bids", "out/dataset_description.json", "participant")
mistake("output below a file", 1, "is not a folder", "cannot write to out/dataset_description.json/new", "Choose another folder", "run", "bids", "out/dataset_description.json/new", "participant")
mistake("finished results of other settings", 1, "lag_s was [6.0] and is [5.0]", "out holds finished results", "Choose another output folder; or add --keep", "run", "bids", "out", "participant", *QUICK, "--lag", "5")

# which data
run("no rating", 1, "no rating was found for the task rating", "in the raw dataset", "*_events.tsv. Add them", change=without("bids/sub-01/*/func/*_physio*"))
run("no rating of the task", 1, "no rating was found for the task rating in", "bids/sub-01.", "*_events.tsv. Add them", "--task-id", "rating", change=without("bids/sub-01/*/func/*_physio*"))
mistake("a derivative as raw dataset", 1, "no rating was found for the task rating in bids/derivatives/xcp_d/sub-01.", "bids/derivatives/xcp_d is a derivative dataset", "Pass the raw dataset as BIDS_DIR", "run", "bids/derivatives/xcp_d", "new", "participant", "--derivatives", "bids/derivatives/xcp_d", change=with_description)
run("no rating of any run", 1, "excluded all 2 runs", "in the raw dataset", "no rating was found", "--session-label", "01", change=without("bids/sub-01/ses-01/func/*_physio*"))
run("a task without ratings", 1, "no rating was found for the task rest in", "bids/sub-01", "Tasks with ratings: rating (--task-id)", "--task-id", "rest", change=with_rest)
run("another task", 1, "there is no task heat", "sub-01", "There are: rating (--task-id)", "--task-id", "heat")
run("task with a typo", 1, "there is no task ratign", "--task-id", "Did you mean rating?", "--task-id", "ratign")
run("no such atlas", 1, "there is no atlas Schaefer", "sub-01", "There are: A (--atlas)", "--atlas", "Schaefer")
run("no such atlas image", 1, "no such atlas file", "no.dlabel.nii", "(--atlas). Check the path", "--atlas", "no.dlabel.nii")
run("several atlases", 1, "several atlases", "sub-01", "choose one with --atlas: A, B", change=with_a_second_atlas)
run("no such participant", 1, "there is no participant 1", "in bids", "There are: 01 (--participant-label). Did you mean 01?", "--participant-label", "1")
run("no such session", 1, "there is no session 99", "sub-01", "There are: 01, 02, 03, 04, 05 (--session-label)", "--session-label", "99")
run("two sessions", 1, "2 usable sessions", "sub-01", "leave out runs instead (leave_out='run', --leave-out run)", "--session-label", "01", "02")
run("no such network", 1, "no network is called 'Visual'", "sub-01", "There are: DMN, VIS", "--exclude-network", "Visual")
run("a network in another case", 1, "no network is called 'Vis'", "sub-01", "Did you mean VIS?", "--exclude-network", "Vis")
run("sessions with commas", 1, "there is no session 01,02,03", "sub-01", "Did you mean 01 02 03, separated by spaces?", "--session-label", "01,02,03")
run("no external weights", 1, "there is no file no.tsv", "--external", "Check the path", "--external", "no.tsv")
run("no filter file", 1, "there is no file no.json", "--bids-filter-file", "Check the path", "--bids-filter-file", "no.json")
run("a filter file that is no JSON", 1, "is not valid JSON", "filter.json", "Repair it", "--bids-filter-file", "filter.json", change=lambda folder: (folder / "filter.json").write_text("{bold"))

# content of files
run("wrong repetition time", 1, "RepetitionTime is 800", SERIES, "seconds are needed. Correct it, or pass --tr", change=edited("bids/derivatives/**/*_timeseries.json", lambda text: '{"RepetitionTime": 800}'))
run("ratings that are too short", 1, "usable data; at least 60 s are needed (--min-run)", "ses-01 task-rating run-1", "314 without a rating.", change=rated(lambda rating: rating[:40]))
run("ratings of one sample", 1, "the rating has 1 sample;", f"{STEM}_recording-pain_physio.tsv.gz", "at least 2 are needed. Is the file complete?", change=rated(lambda rating: rating[:1]))
run("constant ratings", 1, "the rating does not vary", "sub-01", "Check which column and recording were read (--rating-column, --rating-recording)", change=rated(lambda rating: 0 * rating + 0.5))
run("commas instead of tabs", 1, "has commas between its columns", SERIES, "Save it with tabs", change=edited("bids/derivatives/**/*_timeseries.tsv", lambda text: text.replace("\t", ",")))
run("text among the numbers", 0, "row 1 of column '1' is 'x", SERIES, "Correct it, or write n/a", "--dry-run", change=edited(FIRST, lambda text: re.sub(r"\n-?\d", "\nx", text, count=1)))
run("a decimal comma", 0, "row 1 of column '1' is", SERIES, "Use decimal points", "--dry-run", change=edited(FIRST, lambda text: text.replace(".", ",", 1)))
run("an empty file", 0, "is empty", SERIES, "Copy it again, or make it again", "--dry-run", change=edited(FIRST, lambda text: ""))
run("rows are missing", 0, "has 310 rows, but the outliers file keeps", SERIES, "Pass the output folder that holds both", "--dry-run", change=edited(FIRST, lambda text: "\n".join(text.splitlines()[:311]) + "\n"))
run("no such column", 1, "no column is called 'pian'", f"{STEM}_recording-pain_physio.tsv.gz", "--rating-column. Columns:", "--rating-column", "pian")

# options
run("option with a typo", 2, "--n-permutatoins", "Unknown option", "Did you mean --n-permutations?", "--n-permutatoins", "99")
run("option with one dash", 2, " -task-id", "Unknown option", "Did you mean --task-id?", "-task-id", "rating")
run("option of one letter", 2, " -v.", "Unknown option", "See `painprint run --help`", "-v")
mistake("option of one letter, without a command", 2, "-v", "Unknown option", "See `painprint --help`", "-v")
mistake("another word for a command", 2, '"decode"', "Unknown command", 'Did you mean "run"?', "decode")
mistake("command with a typo", 2, '"predct"', "Unknown command", 'Did you mean "predict"?', "predct")
mistake("an argument too many", 2, "but got more", "`painprint report`", "See `painprint report --help`", "report", "new", "more")
run("text as lag", 2, "'six'", "--lag", "needed: a number", "--lag", "six")
run("lags with commas", 2, "'6,5'", "--lag", "needed: a number. Decimals have a point. Separate values by spaces.", "--lag", "6,5")
run("a decimal comma in an option", 2, "'0,8'", "--tr", "needed: a number. Decimals have a point.", "--tr", "0,8")
run("lag with its unit", 2, "'6s'", "--lag", "needed: a number", "--lag", "6s")
run("no lag", 2, "--lag", "needs at least one value", "See `painprint run --help`", "--lag")
run("no participant label", 2, "--participant-label", "needs at least one value", "See `painprint run --help`", "--participant-label", "--n-jobs", "1")
run("no session label", 2, "--session-label", "needs at least one value", "See `painprint run --help`", "--session-label")
run("no task", 2, "--task-id", "needs at least one value", "See `painprint run --help`", "--task-id", "--dry-run")
run("no stage to skip", 2, "--skip", "needs at least one value", "See `painprint run --help`", "--skip")
run("no folder of derivatives", 2, "--derivatives", "needs at least one value", "See `painprint run --help`", "--derivatives")
mistake("no participant label to learn", 2, "--participant-label", "needs at least one value", "See `painprint learn --help`", "learn", "out", "bids", "new", "--participant-label")
run("negative lag", 2, "is -6.0", "--lag", "must be from 0 to 3600 s", "--lag", "-6")
run("milliseconds", 2, "is 460.0", "--tr", "Give seconds, not milliseconds", "--tr", "460")
run("no worker", 2, "is 0", "--n-jobs", "give 1 or more, or -1 for all cores", "--n-jobs", "0")
run("text as workers", 2, "'all'", "--n-jobs", "needed: a whole number", "--n-jobs", "all")
run("a fraction of permutations", 2, "is 99.5", "--n-permutations", "needed: a whole number", "--n-permutations", "99.5")
run("too few permutations", 2, "is 10", "--n-permutations", "at least 19", "--n-permutations", "10")
run("stage with a typo", 1, "'nul'", "--skip", "Did you mean null?", "--skip", "nul")
run("decoder with a typo", 2, '"rigde"', "--decoder", 'Choose from: "ridge", "lasso_pcr"', "--decoder", "rigde")
run("range in the wrong order", 2, "(1.0, 0.0)", "--rating-range", "give the lowest value, then the highest", "--rating-range", "1", "0")
run("half a range", 2, "got 1", "--rating-range", "needs 2 values", "--rating-range", "1")
run("both ways with earlier results", 2, "exclude each other", "--keep and --overwrite", "Give one of them", "--keep", "--overwrite")
run("no config file", 2, "there is no file no.toml", "--config-file", "Check the path", "--config-file", "no.toml")
run("no value of an option", 2, "got 0", "--config-file", "needs 1 value", "--config-file")
run("no TOML", 2, "is not readable TOML", "study.toml", "Write options as in lag = 6", "--config-file", "study.toml", change=with_config("lag: 6\n"))
run("config with a typo", 2, "--lagg", "study.toml", "Did you mean --lag?", "--config-file", "study.toml", change=with_config("lagg = 6\n"))
run("config with text as number", 2, "--lag is 'six'", "study.toml", "needed: a number", "--config-file", "study.toml", change=with_config('lag = "six"\n'))
run("config with a fraction", 2, "--n-permutations is 99.5", "study.toml", "needed: a whole number", "--config-file", "study.toml", change=with_config("n-permutations = 99.5\n"))
run("config with text as switch", 2, "--rating-hold is 'perhaps'", "study.toml", "needed: True or False", "--config-file", "study.toml", change=with_config('rating-hold = "perhaps"\n'))
run("config without a stage to skip", 2, "--skip needs", "study.toml", "at least one value", "--config-file", "study.toml", change=with_config("skip = []\n"))
run("config out of range", 2, "--drop is -3.0", "study.toml", "from 0 to 3600 s", "--config-file", "study.toml", change=with_config("drop = -3\n"))
run("config with a table", 2, "[run]", "study.toml", "options must be at the top level", "--config-file", "study.toml", change=with_config("[run]\nlag = 6\n"))

# other commands
mistake("no new run", 1, "there is no file", "no_timeseries.tsv", "Check the path", "predict", "SIGNATURE", "no_timeseries.tsv")
mistake("runs are not named", 2, "RUNS", "`painprint predict`", "See `painprint predict --help`", "predict", "SIGNATURE")
mistake("a folder as run", 1, "is a folder", "bids", "Give the files of its runs", "predict", "SIGNATURE", "bids")
mistake("no signature", 1, "there is no signature", "at bids", "Pass the folder OUT/sub-01/decoding/*_signature", "predict", "bids", FIRST)
mistake("a signature that was changed", 1, "is not what was written", "signature.json", "Copy the signature again", "predict", "SIGNATURE", FIRST, change=edited("out/sub-01/decoding/*_signature/signature.json", lambda text: text.replace("recommended", "paper")))
mistake("regions of other names", 1, "3 of the signature's 8 regions are missing", Path(NEW).name, "Use the same atlas", "predict", "SIGNATURE", NEW, "--tr", "1", change=renamed(NEW, lambda text: text.replace("1\t2\t3", "a\tb\tc", 1)))
mistake("a region is missing", 1, "1 of the signature's 8 regions are missing", Path(NEW).name, "Use the same atlas", "predict", "SIGNATURE", NEW, "--tr", "1", change=renamed(NEW, without_first_column))
mistake("another person", 1, "the signature is that of sub-01", Path(NEW).name.replace("sub-01", "sub-02"), "or pass --other-person", "predict", "SIGNATURE", NEW.replace("/sub-01_", "/sub-02_"), change=renamed(NEW.replace("/sub-01_", "/sub-02_")))
mistake("no repetition time", 1, "no RepetitionTime", Path(NEW).name, "Pass it with --tr (s)", "predict", "SIGNATURE", NEW, change=renamed(NEW))
mistake("no such fold", 1, "no fold held out '77'", Path(NEW).name, "Choose one of 01, 02, 03, 04, 05", "predict", "SIGNATURE", NEW, "--tr", "1", "--fold", "77", change=renamed(NEW))
mistake("nothing new to learn", 1, "every run was in the earlier study", "sub-01", "Add the new sessions", "learn", "out", "bids", "new")
mistake("no earlier study", 1, "there is no earlier study in EARLIER", "nowhere", "Pass the output folder of `painprint run`", "learn", "nowhere", "bids", "new")
mistake("recalibration with old sessions", 1, "the signature was trained on", "ses-01", "Name new sessions with --session-label", "recalibrate", "SIGNATURE", "bids", "new", "--participant-label", "01", "--session-label", "01")
mistake("recalibration without sessions", 2, "--session-label", "`painprint recalibrate`", "See `painprint recalibrate --help`", "recalibrate", "SIGNATURE", "bids", "new", "--participant-label", "01")
mistake("a group of one", 0, "needs at least two people", "group", "decoded into the same folder with the same --atlas", "run", "bids", "out", "group")
mistake("a group of nobody", 1, "no participant was decoded", "into new", "Run `painprint run ... participant` first", "run", "bids", "new", "group")
mistake("an option that the group does not use", 2, "--lag", "for the level participant", "as they were decoded", "run", "bids", "new", "group", "--lag", "5")
mistake("nothing to report", 1, "no finished participant", "in empty", "Run `painprint run` first", "report", "empty", change=lambda folder: (folder / "empty").mkdir())
mistake("a participant's folder to report", 1, "no finished participant", "in out/sub-01 ", "Pass the output folder, out.", "report", "out/sub-01")
mistake("nowhere to report", 1, "there is no folder", "nowhere", "Check the path", "report", "nowhere")
mistake("a folder that is not empty", 2, "is not empty", "bids", "Name a new folder", "simulate", "bids")
mistake("no session to simulate", 2, "is 0", "--sessions", "give at least 1", "simulate", "new", "--sessions", "0")
mistake("too few regions to simulate", 2, "is 7", "--n-regions", "at least 8", "simulate", "new", "--n-regions", "7")
mistake("a demo in another folder", 2, "is not empty and was not written by painprint demo", "bids", "name a new folder", "demo", "bids")
mistake("a parcellation without BOLD", 2, "fmriprep, ciftify", "bids/derivatives", "--derivatives", "parcellate", "bids", "new", "participant")
# fmt: on
# ruff: enable[E501]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered_with_thing_place_and_remedy(
    name, decoded, tmp_path, capsys, monkeypatch
):
    words, change, code, thing, place, remedy = MISTAKES[name]
    for folder in ("bids", "out"):
        shutil.copytree(decoded.parent / folder, tmp_path / folder)
    if change:
        change(tmp_path)
    monkeypatch.chdir(tmp_path)
    (signature,) = tmp_path.glob("out/sub-01/decoding/*_signature")
    assert main([str(signature) if word == "SIGNATURE" else word for word in words]) == code
    shown = capsys.readouterr()
    printed = shown.out * (code == 0) + shown.err
    message = next(line for line in printed.splitlines() if thing in line)
    assert place in message and remedy in message
    assert printed.count(remedy) == 1
    assert "Traceback" not in printed and "╭" not in printed
    assert "new" in words or not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("run --dryrun study out participant", "--dry-run"),
        ("parcellate --dryrun study out participant", "--dry-run"),
        ("simulate --session 8 people", "--sessions"),
        ("demo --job 2", "--n-jobs"),
        ("report --pfd out", "--pdf"),
        ("plan --mor 4 out", "--more"),
        ("predict --foo", "--fold"),
        ("learn --n-job 2 out study new", "--n-jobs"),
        ("recalibrate --session 8 signature study new", "--session-label"),
    ],
)
def test_an_unknown_option_before_the_folders_is_a_sentence(words, meant, capsys):
    assert main(words.split()) == 2
    option = words.split()[1]
    said = f"painprint: Unknown option: {option}. Did you mean {meant}?\n"
    assert capsys.readouterr().err == said


def test_an_unexpected_error_of_the_parser_is_a_sentence(capsys, monkeypatch):
    def fail(*words, **options):
        raise AttributeError("no attribute")

    monkeypatch.setattr(type(app), "parse_args", fail)
    assert main(["report", "out"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no attribute" in line and "See `painprint --help`" in line


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("V1", "L_DAN_1, L_DAN_2, L_DAN_3, L_DAN_4, L_DAN_5"),
        ("vis_2", "L_VIS_2, R_VIS_2"),
        ("l_dann_9", "L_DAN_8, L_DAN_7, L_DAN_6, L_DAN_5, L_DAN_4"),
        ("dan", "L_DAN_1, L_DAN_2, L_DAN_3, L_DAN_4, L_DAN_5"),
    ],
)
def test_of_many_regions_the_similar_ones_are_named(name, near):
    sides_and_networks = ("L_DAN", "L_VIS", "R_DAN", "R_VIS")
    names = tuple(f"{which}_{i}" for which in sides_and_networks for i in range(1, 9))
    said = f"no region is called '{name}'. There are 32 regions, such as {near}."
    with pytest.raises(ValueError, match=re.escape(said)):
        Regions(names, ("",) * 32).find((), [name])


@pytest.fixture(scope="module")
def runs():
    return simulate_runs(np.random.default_rng(1), n_sessions=3, n_runs=1, n_frames=200)


@pytest.fixture(scope="module")
def decoding(runs):
    return decode_runs(runs, Settings(n_bootstraps=100))


X, RATING = np.ones((40, 3)), np.linspace(0, 1, 40)
IN_PYTHON = {
    "a stage with a typo": (
        lambda runs, decoding: run_stage(Case(decoding), "nul"),
        "no stage 'nul'; choose of null, .* Did you mean null?",
    ),
    "a decoding instead of a case": (
        lambda runs, decoding: run_stage(decoding, "null"),
        r"case is a Decoding; give Case\(decoding\)",
    ),
    "runs instead of a decoding": (
        lambda runs, decoding: Case(runs),
        r"decoding is a list; give what decode_runs\(\.\.\.\) returns",
    ),
    "one run": (
        lambda runs, decoding: decode_runs(runs[0]),
        r"runs is one Run; give several, as in a list",
    ),
    "arrays instead of runs": (
        lambda runs, decoding: decode_runs([X, X, X]),
        r"runs holds ndarray; each must be a Run",
    ),
    "text as a number": (
        lambda runs, decoding: Settings(lag_s="6"),
        r"lag_s is '6'; needed: a number, or several, such as \(6.0,\)",
    ),
    "an option with a typo": (
        lambda runs, decoding: Settings(lag=6),
        "Settings has no option lag. Did you mean lag_s?",
    ),
    "shapes that do not match": (
        lambda runs, decoding: Run(X, RATING[:30], tr_s=1.0, session="01"),
        r"ses-01: signals have shape \(40, 3\) and ratings \(30,\); needed are",
    ),
    "names that do not match": (
        lambda runs, decoding: Run(X, RATING, tr_s=1.0, session="01", regions=["a", "b"]),
        "ses-01: 2 region names for 3 regions",
    ),
    "milliseconds": (
        lambda runs, decoding: Run(X, RATING, tr_s=460, session="01"),
        "ses-01: tr_s is 460 s; .* It seems to be in milliseconds: divide it by 1000",
    ),
    "signals without a number": (
        lambda runs, decoding: decode_runs([replace(r, signals=np.nan * r.signals) for r in runs]),
        "0 usable sessions, .* needs at least 3.\n  excluded .*: 0 s of usable data; .* signal",
    ),
    "ratings without a number": (
        lambda runs, decoding: decode_runs([replace(r, rating=np.nan * r.rating) for r in runs]),
        "0 usable sessions, .* needs at least 3.\n  excluded .* without a rating",
    ),
    "constant ratings": (
        lambda runs, decoding: decode_runs([replace(r, rating=0 * r.rating) for r in runs]),
        "the rating does not vary across the training bins, .* Check which column",
    ),
    "two sessions": (
        lambda runs, decoding: decode_runs(runs[:2]),
        "2 usable sessions, but nested leave-one-session-out needs at least 3. More data",
    ),
    "the same run twice": (
        lambda runs, decoding: decode_runs([*runs, runs[0]]),
        "ses-01 task-rating run-1 is given twice; sessions, tasks or runs must differ",
    ),
    "names of other regions": (
        lambda runs, decoding: decode_runs(runs, regions=["a", "b"]),
        "regions= has 2 names, but the runs have 8 regions. Give one name for each column",
    ),
    "weights that were not decoded": (
        lambda runs, decoding: decoding.weights_frame("activity"),
        r"no weights of 'activity': decoded were edges. .* Settings\(features='both'\)",
    ),
    "times that go back": (
        lambda runs, decoding: frame_ratings(RatingRecording([0, 2, 1], [1, 2, 3]), 5, tr_s=1.0),
        r"must increase, but sample 3 \(1 s\) follows sample 2 \(2 s\)",
    ),
    "features without a number": (
        lambda runs, decoding: NestedRidge().fit(np.nan * X, RATING, np.repeat(range(4), 10)),
        "Input X contains NaN",
    ),
    "no signature": (
        lambda runs, decoding: read_signature(Path("nowhere")),
        r"there is no signature at nowhere. Pass the folder OUT/sub-01/decoding/\*_signature",
    ),
}


@pytest.mark.parametrize("name", IN_PYTHON)
def test_a_mistake_in_python_is_answered_likewise(name, runs, decoding):
    make, sentence = IN_PYTHON[name]
    with pytest.raises(Exception, match=sentence) as caught:
        make(runs, decoding)
    assert isinstance(caught.value, ValueError | TypeError | DerivativesError)
