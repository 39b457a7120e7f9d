"""Every command and every Python block of the README and the pages runs, on simulated people.

A command runs as it stands, with its placeholders replaced by `PLACEHOLDERS`, and with the options
of `SMALLER`, so that it takes seconds. What cannot run here is a program in `NOT_RUN`.
"""

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from blocks import BLOCKS, PAGES, ROOT, Block
from conftest import QUICK, SEED, simulate_runs

from painprint import Settings, decode_runs
from painprint.apps.plan_file import read_plan
from painprint.cli import app, main
from painprint.evidence.specifications import specify
from painprint.evidence.stages import STAGES
from painprint.files.labels import read_label_image
from painprint.files.maps import write_labels, write_maps
from painprint.option_fields import flag
from painprint.terminal import read_command_line

SERIES = "bids/derivatives/xcp_d/sub-01/ses-24/func/*task-rating_run-1_*"
EXTRACTED = "out/sub-01/ses-{}/func/*_task-rating_run-1_*"
PLACEHOLDERS = {
    "BIDS_DIR": "bids",
    "XCP_D_DIR": "bids/derivatives/xcp_d",
    "FMRIPREP_DIR": "bids/derivatives/fmriprep",
    "ATLAS": "bids/derivatives/fmriprep/atlases/atlas-Simulated/*",
    "NETWORKS": "networks",
    "TIAN": "bids/derivatives/fmriprep/atlases/atlas-Simulated/*",
    "NEW_RUN": SERIES,
    "RUN1": EXTRACTED.format("01"),
    "RUN2": EXTRACTED.format("02"),
    "RUN3": EXTRACTED.format("03"),
    "RUN": "bids/derivatives/fmriprep/sub-01/ses-24/func/*_task-rating_run-1_*",
    "OUT_DIR": "out",
    "SIGNATURE_A": "others/sub-02/decoding/*_signature",
    "SIGNATURE_B": "others/sub-03/decoding/*_signature",
    "PRIOR": "shared/prior.safetensors",
    "SIGNATURE": "out/sub-01/decoding/*_signature",
    "STEM": "*",
    "NEW_OUT_DIR": "new_out",
    "RECALIBRATED": "recalibrated",
    "MY_TASK": "study",
    "PLAN": "plan",
    "FOLDER": "bids",
    "TODAY": "today",
    **{name: name.lower() for name in ("OUT", "OUT2", "OUT3", "OUT4", "PEOPLE", "RESULTS")},
}
"""Files and folders of the dataset of these tests, as patterns, for names in capital letters."""
NAME = re.compile(r"(?<![\w$])[A-Z][A-Z0-9_]*[A-Z0-9](?![A-Za-z0-9])")
SMALLER = {
    "run": "--n-bootstraps 100 --skip " + " ".join(STAGES),
    "multiverse": "--n-bootstraps 100",
    "parcellate": "--n-seeds 100",
    "simulate": "--sessions 4 --n-regions 12 --n-runs 1 --run 400 --tr 2",
}
"""Options of commands, in place of those of the page or in addition to them."""


class NotRun(NamedTuple):
    """A program that cannot run here: why, the options that it may be given, what it would do."""

    why: str
    options: str = ""
    instead: Callable[[Path], None] | None = None


def rename(folder: Path, old: str, new: str) -> None:
    """Rename an entity of all files in a folder, and in their text."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.suffix in (".tsv", ".json") and old in (text := path.read_text()):
            path.write_text(text.replace(old, new))
        if old in path.name:
            path.rename(path.with_name(path.name.replace(old, new)))


def with_individual_atlas(folder: Path) -> None:
    """What XCP-D writes with a person's individual atlas."""
    rename(folder / "bids" / "derivatives" / "xcp_d", "atlas-Simulated", "atlas-individual01")


NOT_RUN = {
    "make": NotRun("run by .ci/run"),
    "python3": NotRun("makes an environment: run by .ci/wheel", "-m"),
    "pip": NotRun("installs: run by .ci/wheel"),
    "conda": NotRun("not on PyPI", "-f"),
    "module": NotRun("only on a cluster"),
    "$HOME/painprint-env/bin/pip": NotRun("installs: run by .ci/wheel"),
    "bash": NotRun("only on a cluster"),
    "docker": NotRun("needs a daemon; .ci/container builds the image", "--rm --user -t -v -o"),
    "apptainer": NotRun("not in Debian", "--cleanenv -B"),
    "datalad": NotRun("downloads"),
    "cd": NotRun("into what was downloaded"),
    "fmriprep": NotRun(
        "takes hours", "--participant-label --cifti-output --output-spaces --fs-license-file -w"
    ),
    "xcp_d": NotRun(
        "takes hours",
        "--mode --file-format --participant-label --datasets --atlases",
        with_individual_atlas,
    ),
}
"""Programs of commands that are checked for their options alone."""
READ_ONLY = ("rate", "live")
"""Commands of painprint that wait for somebody: their options are read and checked alone."""
IMAGES = ("painprint", "painprint.sif")


def with_heat_pulses(folder: Path) -> None:
    """The same people rated after each heat pulse; and their pain once a session."""
    rename(folder / "bids" / "derivatives" / "xcp_d", "task-rating", "task-heat")
    for path in folder.glob("bids/sub-*/ses-*/func/*_physio.tsv.gz"):
        rows = ["onset\tduration\ttrial_type\trating"]
        for at in range(6, 220, 20):
            rows += [f"{at}\t12\theat\tn/a", f"{at + 14}\t4\trating\t{40 + at % 7}"]
        events = path.name.replace("task-rating", "task-heat").partition("_recording")[0]
        path.with_name(f"{events}_events.tsv").write_text("\n".join(rows) + "\n")
        path.unlink()
    for path in folder.glob("bids/sub-*/*_sessions.tsv"):
        header, *lines = path.read_text().splitlines()
        rows = [f"{header}\tpain", *(f"{line}\t{3 * i % 4}" for i, line in enumerate(lines))]
        path.write_text("\n".join(rows) + "\n")


def one_person(folder: Path) -> None:
    """The first person alone."""
    for path in sorted(folder.glob("bids/**/sub-02")):
        shutil.rmtree(path)
    participants = folder / "bids" / "participants.tsv"
    lines = participants.read_text().splitlines(keepends=True)
    participants.write_text("".join(line for line in lines if not line.startswith("sub-02")))


def with_priors(folder: Path) -> None:
    """Signatures of two other people with the same regions, and the prior that they share."""
    one_person(folder)
    series = next(folder.glob("bids/derivatives/xcp_d/sub-01/ses-01/func/*_timeseries.tsv"))
    names = tuple(series.read_text().partition("\n")[0].split("\t"))
    for participant in ("02", "03"):
        rng = np.random.default_rng(int(participant))
        runs = simulate_runs(rng, n_regions=len(names))
        decoding = decode_runs([replace(run, regions=names) for run in runs], regions=names)
        decoding.save(folder / "others", participant=participant)
    signatures = [str(path) for path in folder.glob("others/sub-*/decoding/*_signature")]
    (folder / "shared").mkdir()
    assert main(["pool", *signatures, "--out", str(folder / PLACEHOLDERS["PRIOR"])]) == 0


def with_networks(folder: Path) -> None:
    """A network template on the mesh of the first person, who is alone."""
    one_person(folder)
    atlas = read_label_image(next(folder.glob("bids/derivatives/fmriprep/atlases/*/*.dlabel.nii")))
    networks = np.where(atlas.points.axis.surface_mask, 1 + atlas.labels % 4, 0)
    write_maps(folder / "networks.dscalar.nii", atlas.points, {"networks": networks.astype(float)})


def as_the_study(folder: Path) -> None:
    """The names of the study's data, and a group atlas as its authors name it."""
    image = next(folder.glob("bids/derivatives/fmriprep/atlases/*/*.dlabel.nii"))
    atlas = read_label_image(image)
    areas = ("Vis_1", "Vis_2", "Default_1", "Default_2", "Cont_1")
    numbers = [int(number) for number in np.unique(atlas.labels) if number]
    names = {n: f"7Networks_LH_{areas[i % 5]}{i}" for i, n in enumerate(numbers)}
    name = "Schaefer2018_400Parcels_7Networks_order_Tian_Subcortex_S2.dlabel.nii"
    write_labels(folder / name, atlas.points, atlas.labels, names)
    (folder / "bids" / "derivatives" / "fmriprep").rename(folder / "fmriprep")
    (folder / "bids").rename(folder / "ds006815")


def with_questions(folder: Path) -> None:
    """The same people, who were also asked at intervals, as by painprint rate."""
    for path in folder.glob("bids/sub-*/ses-*/func/*_physio.tsv.gz"):
        rows = ["onset\tduration\ttrial_type\tresponse_time\trating\tconfirmed"]
        rows += [f"{at}.0\t4.2\trating\t1.1\t{40 + at % 7}\t1" for at in range(60, 240, 30)]
        events = path.name.partition("_recording")[0]
        path.with_name(f"{events}_events.tsv").write_text("\n".join(rows) + "\n")


def with_plan(folder: Path) -> None:
    """The first person, and the plan of the page."""
    one_person(folder)
    (plan,) = [
        block for block in BLOCKS if block.page == MULTIVERSE_PAGE and block.language == "toml"
    ]
    (folder / "plan.toml").write_text(plan.text)


MULTIVERSE_PAGE = "docs/howto_multiverse.md"
PREPARED = {
    MULTIVERSE_PAGE: with_plan,
    "docs/howto_rate.md": with_questions,
    "docs/howto_events.md": with_heat_pulses,
    "docs/parcellation.md": with_networks,
    "docs/prior.md": with_priors,
    "docs/reproduce.md": as_the_study,
    "docs/signature.md": one_person,
}
"""What the dataset is made into for a page."""


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """Two people with an atlas in common: XCP-D's and fMRIPrep's derivatives of the same runs."""
    root = tmp_path_factory.mktemp("dataset")
    small = "--sessions 5 3 --n-regions 16 --n-runs 1 --run 240 --tr 2 --shared-atlas".split()
    surfaces = ("--layout", "fmriprep_surfaces", "--divisions", "6")
    assert main(["simulate", str(root / "bids"), *small, *surfaces]) == 0
    assert main(["simulate", str(root / "other"), *small]) == 0
    (root / "other" / "derivatives" / "xcp_d").rename(root / "bids" / "derivatives" / "xcp_d")
    for old, new in (("ses-04", "ses-24"), ("ses-05", "ses-25")):
        rename(root / "bids", old, new)
    return root / "bids"


@pytest.fixture(scope="session")
def finished(dataset):
    """Results of the first person's first three sessions, of XCP-D and of fMRIPrep."""
    (atlas,) = dataset.glob("derivatives/fmriprep/atlases/*/*.dlabel.nii")
    who = ("--participant-label", "01", "--session-label", "01", "02", "03")
    made = {}
    for name, options in (("xcp_d", ()), ("fmriprep", ("--atlas", str(atlas)))):
        made[name] = dataset.parent / f"results_of_{name}"
        derivatives = ("--derivatives", str(dataset / "derivatives" / name))
        words = ["run", str(dataset), str(made[name]), "participant", *derivatives, *options]
        assert main([*words, *who, *QUICK]) == 0
    return made


@pytest.fixture
def folder(dataset, tmp_path, monkeypatch):
    """The current folder of commands, with a copy of the dataset."""
    shutil.copytree(dataset, tmp_path / "bids")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def filled(text: str) -> str:
    """A text with its placeholders replaced; one that is not known fails."""
    unknown = set(NAME.findall(text)) - set(PLACEHOLDERS)
    assert not unknown, f"add {unknown} to PLACEHOLDERS: {text}"
    return NAME.sub(lambda name: PLACEHOLDERS[name[0]], text)


def words_of(command: str) -> list[str]:
    """The words of a command, filled in; a pattern becomes the one file that it stands for."""
    words = []
    for word in shlex.split(filled(command)):
        matches = [str(path) for path in Path().glob(word)] if "*" in word else [word]
        assert len(matches) == 1, (command, word, matches)
        words += matches
    return words


def smaller(words: list[str]) -> list[str]:
    """A command with the options of SMALLER."""
    instead = [] if "group" in words else SMALLER.get(words[0], "").split()
    kept, dropped = [], False
    for word in words:
        dropped = word in instead if word.startswith("-") else dropped
        kept += [] if dropped else [word]
    return kept + instead


def run_command(command: str, folder: Path) -> None:
    """Run a line of a block, or check the options of what cannot run."""
    for part in re.sub(r"\w+=\$\((.*)\)", r"\1", command).split(" && "):
        program, *words = shlex.split(part)
        if program == "painprint" and words[0] in READ_ONLY:
            read_command(words_of(part)[1:])
        elif program == "painprint":
            words = words_of(part)[1:]
            assert main(words if words[0].startswith("-") else smaller(words)) in (0, None), part
        elif program == "echo":
            subprocess.run(["bash", "-euc", part], cwd=folder, check=True)
        elif program == ".":
            continue  # the environment that was made
        else:
            check_options(part, program, words)
            if (instead := NOT_RUN[program].instead) is not None:
                instead(folder)


def read_command(words: list[str]) -> None:
    """Read a command as the program does, with the config file of its page."""
    if "--config-file" in words:
        Path(words[words.index("--config-file") + 1]).write_text('question = "How strong is it?"')
    command, bound = read_command_line(app, words)
    assert command.__name__ == words[0] and bound.arguments


def check_options(command: str, program: str, words: list[str]) -> None:
    """The options of a program that cannot run are known, and those of painprint in an image."""
    of_program, of_painprint = words, []
    for i, word in enumerate(words[:-1]):
        if word in IMAGES and words[i + 1] in app:
            of_program, of_painprint = words[:i], words[i + 1 :]
    options = {word.partition("=")[0] for word in of_program if word.startswith("-")}
    assert options <= set(NOT_RUN[program].options.split()), command
    if of_painprint and not of_painprint[0].startswith("-"):
        options = {word for word in of_painprint if word.startswith("-")}
        assert options <= flags_of(of_painprint[0]), command


def flags_of(command: str) -> set[str]:
    """The options of a command of painprint."""
    arguments = app[command].assemble_argument_collection()
    return {f"--{flag(one.field_info.name)}" for one in arguments} | {"--help"}


def blocks(language: str) -> list:
    """Blocks of a language, as parameters of a test."""
    return [
        pytest.param(block, id=f"{block.page}:{block.line}")
        for block in BLOCKS
        if block.language == language
    ]


@pytest.mark.long
@pytest.mark.parametrize("block", blocks(""))
def test_the_commands_of_a_block_run(block: Block, folder, request):
    if any(word in block.text for word in ("SIGNATURE", "painprint plan", "painprint status")):
        results = request.getfixturevalue("finished")
        kind = "fmriprep" if ".dtseries.nii" in block.text else "xcp_d"
        shutil.copytree(results[kind], folder / "out")
    PREPARED.get(block.page, lambda _: None)(folder)
    assert block.commands
    for command in block.commands:
        try:
            run_command(command, folder)
        except SystemExit as stop:  # of the parser of the command line
            assert not stop.code, command


def names_for_python() -> dict:
    """Variables that the Python of the pages starts from."""
    rng = np.random.default_rng(SEED)
    runs = simulate_runs(rng)
    one = runs[0]
    n_frames = len(one.rating)
    times = np.arange(n_frames, dtype=float)
    sessions = np.repeat(np.arange(6), 8)
    features = rng.normal(size=(48, 5))
    return {
        "signals": one.signals,
        "new_signals": one.signals,
        "rating": one.rating,
        "censored": one.censored,
        "fd": np.full(n_frames, 0.1),
        "time_s": times,
        "value": one.rating,
        "n_frames": n_frames,
        "runs": runs,
        "X": features,
        "X_new": features,
        "y": features[:, 0] + rng.normal(size=48),
        "sessions": sessions,
    }


PYTHON_PAGES = sorted({b.page for b in BLOCKS if b.language == "python"} - {"README.md"})
"""Pages with Python; that of the README runs in test_readme.py."""


@pytest.mark.long
@pytest.mark.parametrize("page", PYTHON_PAGES)
def test_the_python_of_a_page_runs(page, folder, request):
    block_texts = [b.text for b in BLOCKS if b.page == page and b.language == "python"]
    if any("OUT_DIR" in text for text in block_texts):
        shutil.copytree(request.getfixturevalue("finished")["xcp_d"], folder / "out")
    names = names_for_python()
    exec("from painprint import Run", names)
    for text in block_texts:
        exec(text.replace("OUT_DIR", PLACEHOLDERS["OUT_DIR"]), names)


@pytest.mark.parametrize("block", blocks("toml"))
def test_a_config_file_of_the_pages_is_read(block, folder):
    Path("study.toml").write_text(block.text)
    if block.page == "docs/howto_rate.md":
        _, bound = read_command_line(app, ["rate", "bids", "--config-file", "study.toml"])
        assert bound.arguments["task"].complete().question == tomllib.loads(block.text)["question"]
        return
    if block.page == MULTIVERSE_PAGE:
        assert specify(read_plan(Path("study.toml"), Settings(), ()).plan, Settings()).listed
        return
    words = ["run", "bids", "out", "participant", "--config-file", "study.toml", "--dry-run"]
    assert tomllib.loads(block.text)
    assert main(words) == 0


def test_every_block_says_what_it_is():
    """No language: commands. Text is what is not to be run."""
    assert {block.language for block in BLOCKS} == {"", "python", "text", "toml"}
    assert len(blocks("")) > 20


def test_a_command_that_is_not_known_fails(folder):
    with pytest.raises(AssertionError, match="add {'SOME_DIR'} to PLACEHOLDERS"):
        run_command("painprint run SOME_DIR OUT_DIR participant", folder)
    with pytest.raises(KeyError, match="curl"):
        run_command("curl https://example.org", folder)
    with pytest.raises(AssertionError, match="docker"):
        run_command("docker build --tag painprint .", folder)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_of_commands_within_sentences_exist(page):
    text = page.read_text().replace("\n", " ")
    for command, options in re.findall(r"`painprint (\w[\w-]*) ([^`]*)`", text):
        named = set(re.findall(r"(?<!\S)--[\w-]+", options))
        assert named <= flags_of(command), (command, options)
    for script, options in re.findall(r"`python (\S+\.py)([^`]*)`", text):
        source = (ROOT / script).read_text()
        for option in re.findall(r"(?<!\S)--[\w-]+", options):
            assert f'"{option}"' in source, (script, option)
