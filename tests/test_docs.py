"""The pages in docs/: messages are quoted as they are printed, links lead somewhere."""

import dataclasses
import importlib.util
import json
import os
import re
import shutil
import tomllib
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from blocks import FENCED
from conftest import QUICK, Tree, simulate_runs, write_table

import painprint
from painprint.bins import BIN_WORDS
from painprint.cli import app, main
from painprint.evidence.stages import STAGES
from painprint.files.images import Voxels
from painprint.files.maps import write_labels
from painprint.option_fields import flag
from painprint.report.checklist import COLUMNS as CHECKLIST_COLUMNS
from painprint.report.glossary import OF_A_PERSON, OF_A_READING, glossary
from painprint.results.all_columns import AREA_COLUMNS, COLUMNS, GROUP_COLUMNS, PLAN_COLUMNS
from painprint.store.files import content_key
from painprint.store.lock import lock

ROOT = Path(__file__).parents[1]
SIGNATURE = Path(__file__).parent / "data" / "signatures" / "version4"
DOCS = ROOT / "docs"
_spec = importlib.util.spec_from_file_location("generated", DOCS / "_ext" / "generated.py")
generated = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generated)
GENERATED = ("_build", "auto_gallery")
PAGES = sorted(
    path
    for pattern in ("*.md", "*.rst")
    for path in DOCS.rglob(pattern)
    if path.relative_to(DOCS).parts[0] not in GENERATED
)
MESSAGES = dict(
    re.findall(
        r"^### (.+?)\n\n```text\n(.+?)\n```$", (DOCS / "troubleshooting.md").read_text(), flags=re.M
    )
)
"""The quoted messages, by heading."""

PROVOKED = {}


def provokes(heading):
    """Register what makes the program print the message under a heading of troubleshooting.md."""

    def register(provocation):
        assert heading not in PROVOKED
        PROVOKED[heading] = provocation
        return provocation

    return register


def run(tree, *more, level="participant"):
    return main(["run", str(tree.root), str(tree.root.parent / "out"), level, *more])


def edit(folder, pattern, change):
    """Change the text of all files of a pattern."""
    paths = sorted(folder.glob(pattern))
    assert paths
    for path in paths:
        before = path.read_text()
        path.write_text(change(before))
        assert path.read_text() != before


@provokes("Unknown option")
def _(tree):
    run(tree, "--permutations", "99")


@provokes("The output folder is an input")
def _(tree):
    main(["run", str(tree.root), str(tree.root), "participant"])


@provokes("Too few permutations")
def _(tree):
    run(tree, "--n-permutations", "10")


@provokes("A table in the config file")
def _(tree):
    config = tree.root / "study.toml"
    config.write_text("[run]\nlag = 4\n")
    run(tree, "--config-file", str(config))


@provokes("No such participant")
def _(tree):
    run(tree, "--participant-label", "99")


@provokes("No rating")
def _(tree):
    for path in tree.root.glob("sub-01/**/*_physio*"):
        path.unlink()
    run(tree)


@provokes("Several tasks")
def _(tree):
    one = simulate_runs(np.random.default_rng(0), n_sessions=1, n_runs=1)[0]
    tree.add_run(dataclasses.replace(one, task="heat"))
    run(tree)


@provokes("No such task")
def _(tree):
    run(tree, "--task-id", "pain")


@provokes("Several atlases")
def _(tree):
    one = simulate_runs(np.random.default_rng(0), n_sessions=1, n_runs=1)[0]
    tree.add_run(one, atlas="atlas-B")
    run(tree)


@provokes("Dense BOLD without an atlas")
def _(tree):
    dense(tree)


@provokes("Confounds without components")
def _(tree):
    def without_components(text):
        rows = [line.split("\t") for line in text.splitlines()]
        kept = [i for i, name in enumerate(rows[0]) if "comp_cor" not in name]
        return "".join("\t".join(row[i] for i in kept) + "\n" for row in rows)

    dense(tree, "--atlas", "Simulated01", change=without_components)


@provokes("No confounds")
def _(tree):
    people = tree.root.parent / "people"
    small = ["--sessions", "3", "--n-regions", "8", "--n-runs", "1", "--run", "90"]
    assert main(["simulate", str(people), *small, "--layout", "ciftify"]) == 0
    for path in people.rglob("Movement_Regressors.txt"):
        path.unlink()
    run = ["run", str(people), str(tree.root.parent / "out"), "participant"]
    main([*run, "--atlas", "Simulated01", "--dry-run"])


@provokes("Smoothing on the surface")
def _(tree):
    dense(tree, "--atlas", "Simulated01", "--smoothing-sigma", "2")


def areas(tree, *more, change=None):
    """Simulate a little dense BOLD on surfaces, change its files, and parcellate."""
    people = tree.root.parent / "areas"
    small = ["--sessions", "2", "--n-regions", "16", "--n-runs", "1", "--run", "90"]
    main(["simulate", str(people), "--layout", "fmriprep_surfaces", "--divisions", "6", *small])
    if change:
        change(people)
    main(["parcellate", str(people), str(people.parent / "parcels"), "participant", *more])


@provokes("No surfaces")
def _(tree):
    def rename(people):
        for path in people.glob("derivatives/*/*/anat/*_midthickness.surf.gii"):
            path.rename(path.with_name(path.name.replace("den-362", "den-32k")))

    areas(tree, change=rename)


@provokes("Too little rest")
def _(tree):
    areas(tree, "--rest-low-pass", "0")


@provokes("An atlas of another space")
def _(tree):
    atlas = tree.root.parent / "atlas-A_space-MNI152NLin2009cAsym_dseg.nii.gz"
    write_labels(atlas, Voxels(np.ones((4, 4, 4), bool), np.eye(4)), np.ones(64, int), {})
    areas(tree, "--subcortical-atlas", str(atlas))


@provokes("No resting run")
def _(tree):
    areas(tree, "--task-id", "sleep")


def dense(tree, *more, change=None):
    """Simulate a little dense BOLD, change its confounds, and run."""
    people = tree.root.parent / "people"
    small = ["--sessions", "3", "--n-regions", "8", "--n-runs", "1", "--run", "90"]
    assert main(["simulate", str(people), *small, "--layout", "fmriprep"]) == 0
    if change is not None:
        edit(people, "derivatives/**/*-confounds_timeseries.tsv", change)
    main(["run", str(people), str(tree.root.parent / "out"), "participant", *more])


@provokes("No such network")
def _(tree):
    run(tree, *QUICK, "--exclude-network", "Visual")


@provokes("Several recordings")
def _(tree):
    for path in list(tree.root.glob("sub-01/**/*recording-pain_physio*")):
        shutil.copy(path, str(path).replace("recording-pain", "recording-mood"))
    run(tree)


@provokes("Ratings by trial")
def _(tree):
    rows = ("onset\tduration\ttrial_type\trating", "10\t9\theat\tn/a", "20\t4\trating\t30")
    for path in sorted(tree.root.glob("sub-01/**/*_physio.tsv.gz")):
        events = path.with_name(path.name.replace("_recording-pain_physio.tsv.gz", "_events.tsv"))
        events.write_text("\n".join([*rows, "40\t9\theat\tn/a", "60\t4\trating\t50\n"]))
        path.unlink()
    run(tree)


@provokes("No rating among the recordings")
def _(tree):
    edit(tree.root, "sub-01/**/*_physio.json", lambda t: t.replace('"pain"', '"cardiac"'))
    run(tree)


def as_table(tree, change):
    """The ratings as beh.tsv, with times and values changed."""
    for path in sorted(tree.root.glob("sub-01/**/*_physio.tsv.gz")):
        value = np.loadtxt(path)
        table = np.stack(change(np.arange(len(value)) + 0.5, value), axis=1)
        name = path.name.replace("recording-pain_physio.tsv.gz", "beh.tsv")
        write_table(path.with_name(name), ["time", "rating"], table)
        path.unlink()


@provokes("Times in another unit")
def _(tree):
    as_table(tree, lambda times, value: (1000 * times, value))
    run(tree)


@provokes("A rating that is logged when it changes")
def _(tree):
    at = np.r_[0:360:20, 1:360:20]
    as_table(tree, lambda times, value: (times[np.sort(at)], value[np.sort(at)]))
    run(tree)


@provokes("Several columns")
def _(tree):
    edit(tree.root, "sub-01/**/*_physio.json", lambda t: t.replace('"pain"', '"left", "right"'))
    run(tree)


@provokes("No repetition time")
def _(tree):
    edit(tree.derivatives, "sub-01/**/*_timeseries.json", lambda text: "{}")
    run(tree)


@provokes("Whose repetition time?")
def _(tree):
    (tree.root / "task-rating_bold.json").write_text('{"RepetitionTime": 0.8}')
    run(tree)


@provokes("Frames are missing")
def _(tree):
    for series in tree.derivatives.glob("sub-01/**/*_timeseries.tsv"):
        stem = series.name.partition("_space-")[0]
        series.with_name(f"{stem}_outliers.tsv").unlink()
        raw = nib.Nifti1Image(np.zeros((1, 1, 1, 400), np.int16), np.eye(4))
        folder = tree.root / series.parent.relative_to(tree.derivatives)
        nib.save(raw, folder / f"{stem}_bold.nii.gz")
    run(tree)


@provokes("Time series and outliers disagree")
def _(tree):
    def cut(text):
        return "".join(text.splitlines(keepends=True)[:300])

    edit(tree.derivatives, "sub-01/**/*_outliers.tsv", cut)
    run(tree)


@provokes("Too little data")
def _(tree):
    run(tree, "--rating-start", "330")


@provokes("A file that does not exist")
def _(tree):
    for path in list(tree.derivatives.glob("sub-01/**/*_timeseries.tsv")):
        path.unlink()
        path.symlink_to("nowhere")
    run(tree)


@provokes("Too few sessions")
def _(tree):
    run(tree, "--session-label", "01", "02")


@provokes("Two sessions with the same signals")
def _(tree):
    for path in sorted(tree.derivatives.glob("sub-01/ses-01/func/*_timeseries.tsv")):
        copy = Path(str(path).replace("ses-01", "ses-03"))
        copy.write_text(path.read_text().replace("0\n", "1\n").replace("5\n", "6\n"))
    run(tree, *QUICK)


@provokes("Many frames are in no training bin")
def _(tree):
    run(tree, *QUICK, "--train-bins", "rating")


@provokes("The clock of the series is not known")
def _(tree):
    run(tree, *QUICK)


@provokes("No null with rating bins")
def _(tree):
    skipped = [stage for stage in STAGES if stage != "null"]
    run(tree, "--n-bootstraps", "100", "--train-bins", "rating", "--skip", *skipped)


@provokes("The penalty is at the edge of its grid")
def _(tree):
    # what rises with the rating in one session falls in the next, so nothing learnt holds
    for one in simulate_runs(np.random.default_rng(0)):
        sign = np.where(np.arange(8) == 0, (-1) ** int(one.session), 1)
        tree.add_run(dataclasses.replace(one, signals=one.signals * sign))
    print((decoded(tree) / "sub-01.html").read_text())


@provokes("The paper preset refuses another decoder")
def _(tree):
    run(tree, "--preset", "paper", "--decoder", "ridge")


@provokes("The folder is in use")
def _(tree):
    with lock(tree.root.parent / "out", "sub-01"):
        run(tree, *QUICK)


@provokes("A result was changed")
def _(tree):
    out = decoded(tree)
    edit(out, "sub-01/decoding/*_predictions.tsv", lambda text: text + "\n")
    main(["report", str(out)])


@provokes("Finished results that differ")
def _(tree):
    decoded(tree)
    run(tree, *QUICK, "--random-seed", "1")


@provokes("Nothing to report")
def _(tree):
    main(["report", str(tree.root)])


@provokes("The group before the participants")
def _(tree):
    run(tree, level="group")


@provokes("No signature there")
def _(tree):
    main(["predict", str(tree.root), "any_timeseries.tsv"])


@provokes("The signature was changed")
def _(tree):
    signature = signature_of(decoded(tree))
    edit(signature, "signature.json", lambda text: text.replace('"recommended"', '"paper"'))
    main(["predict", str(signature), str(a_series(tree))])


@provokes("Invalid content")
def _(tree):
    signature = Path(shutil.copytree(SIGNATURE, tree.root.parent / "signature"))
    content = {**json.loads((signature / "signature.json").read_text()), "tr_s": [-1.0]}
    content.pop("sha256")
    text = json.dumps({**content, "sha256": content_key(content)})
    (signature / "signature.json").write_text(text)
    main(["predict", str(signature), str(a_series(tree))])


@provokes("The signature of somebody else")
def _(tree):
    series = a_series(tree)
    other = series.rename(series.with_name(series.name.replace("sub-01", "sub-02")))
    main(["predict", str(SIGNATURE), str(other)])


@provokes("No interval")
def _(tree):
    signature, series = signature_of(decoded(tree)), a_series(tree)
    new = series.rename(series.with_name(series.name.replace("ses-01", "ses-99")))
    main(["predict", str(signature), str(new), "--tr", "1"])


@provokes("Another atlas")
def _(tree):
    signature, series = signature_of(decoded(tree)), a_series(tree)
    rows = [line.split("\t") for line in series.read_text().splitlines()]
    series.write_text("".join("\t".join(row[1:]) + "\n" for row in rows))
    main(["predict", str(signature), str(series)])


@provokes("A session of the training data")
def _(tree):
    signature = signature_of(decoded(tree))
    who = ["--participant-label", "01", "--session-label", "01"]
    main(["recalibrate", str(signature), str(tree.root), str(tree.root.parent / "new"), *who])


def decoded(tree):
    assert run(tree, *QUICK) == 0
    return tree.root.parent / "out"


def signature_of(out):
    return next(out.glob("sub-01/decoding/*_signature"))


def a_series(tree):
    return sorted(tree.derivatives.glob("sub-01/**/*_timeseries.tsv"))[0]


def in_order(quoted, printed):
    """Whether the fixed parts of a quoted message stand in what was printed, in order."""
    at = 0
    for part in (re.sub(r"\s+", " ", part).strip() for part in quoted.split("…")):
        at = printed.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def test_every_message_of_the_page_has_its_provocation():
    assert MESSAGES.keys() == PROVOKED.keys()
    assert len(MESSAGES) >= 12


@pytest.mark.parametrize("heading", MESSAGES)
def test_a_message_is_printed_as_the_page_quotes_it(
    heading, derivatives: Tree, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "400")
    PROVOKED[heading](derivatives)
    printed = "".join(capsys.readouterr())
    assert in_order(MESSAGES[heading], re.sub(r"\s+", " ", printed)), printed


def test_parts_of_a_message_must_stand_in_order():
    assert in_order("a … c", "xx a b c")
    assert not in_order("c … a", "xx a b c")


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_every_relative_link_leads_to_a_file(page):
    """Pages, headings and images, by the names that GitHub and MyST give headings."""
    text = FENCED.sub("", page.read_text())
    if page.suffix == ".md" and page.parent.name != "api":
        assert "{doc}" not in text, "GitHub shows it as text; write [name](file)"
    links = re.findall(r"\]\(([^)\s]+)\)", text) if page.suffix == ".md" else []
    for target in (link for link in links if "://" not in link):
        path, _, fragment = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.is_file(), target
        assert not fragment or fragment in anchors(linked), target
    for target in re.findall(r"[{:]doc[}:]`(?:[^`<]*<)?([^`>]+)>?`", text):
        start = DOCS if target.startswith("/") else page.parent
        assert is_page(start / target.lstrip("/")), target


def test_every_picture_is_small_and_on_a_page():
    text = "".join(page.read_text() for page in [ROOT / "README.md", *PAGES])
    pictures = sorted((DOCS / "images").iterdir())
    assert len(pictures) >= 10
    for picture in pictures:
        assert picture.stat().st_size <= 300_000, picture.name
        assert f"images/{picture.name})" in text, picture.name


def anchors(page):
    """What headings are called in links, as GitHub and MyST call them: a second one ends in -1."""
    headings = re.findall(r"^#{1,3} (.+)$", FENCED.sub("", page.read_text()), flags=re.M)
    names, seen = set(), Counter()
    for heading in headings:
        text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")
        names.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names


def test_names_of_headings_are_those_of_github(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# What `--lag` is (s)\n\n```\n# no heading\n```\n## Twice\n## Twice\n")
    assert anchors(page) == {"what---lag-is-s", "twice", "twice-1"}


def is_page(path):
    """Whether this is a page, or will be one when the gallery has run."""
    relative = Path(os.path.normpath(path)).relative_to(DOCS)
    if relative.parts[0] == "auto_gallery":
        if relative.name == "index":
            return (DOCS / "gallery" / "GALLERY_HEADER.rst").is_file()
        return (DOCS / "gallery" / f"{relative.name}.py").is_file()
    return any((DOCS / relative).with_suffix(suffix).is_file() for suffix in (".md", ".rst"))


def test_every_page_stands_in_a_table_of_contents():
    listed = {DOCS / "index"}
    for page in PAGES:
        for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(), flags=re.S):
            entries = [line for line in block.splitlines() if line and not line.startswith(":")]
            listed |= {page.parent / entry for entry in entries}
    assert DOCS / "auto_gallery" / "index" in listed
    assert all(is_page(entry) for entry in listed)
    ours = {page.with_suffix("") for page in PAGES if page.parent.name != "gallery"}
    assert ours <= listed


def test_every_option_of_the_pages_exists():
    known = {"--help"}
    for command in (name for name in app if not name.startswith("-")):
        options = app[command].assemble_argument_collection()
        known |= {f"--{flag(one.field_info.name)}" for one in options}
    known |= {
        "--cifti-output",
        "--datasets",
        "--atlases",
        "--combine-runs",
        "--mode",
        "--file-format",
    }  # of fMRIPrep and XCP-D
    known |= {"--surfaces", "--workbench"}  # of benchmarks/planted_areas.py
    known |= {"--version"}
    known |= {"--nthreads"}  # of Dask
    known |= set("--rm --user --read-only --tmpfs --cleanenv".split())  # of Docker and Apptainer
    unknown = {"--permutations"}  # on purpose, in troubleshooting.md
    ours = [
        page
        for page in PAGES
        if page.name.startswith(
            (
                "howto",
                "faq",
                "troubleshooting",
                "interpreting",
                "parcellation",
                "inputs",
                "installation",
                "outputs",
            )
        )
    ]
    for page in [*ours, *(DOCS / "gallery").glob("*.py"), DOCS / "_ext" / "example_pages.py"]:
        used = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", page.read_text()))
        assert used - unknown <= known, (page.name, used - known)


def test_the_reference_holds_every_public_name_and_only_modules_that_exist():
    described = set()
    for page in (DOCS / "api").glob("*.md"):
        described |= set(re.findall(r"automodule:: (\S+)", page.read_text()))
    assert {f"painprint.{module}" for module in painprint._HOME.values()} <= described
    assert all(find_spec(module) is not None for module in described)


def test_what_is_made_from_the_code_is_up_to_date():
    """Else: python docs/_ext/generated.py"""
    made = 0
    for page in generated.pages():
        text = page.read_text()
        made += len(generated.PART.findall(text))
        assert generated.up_to_date(text) == text, page.name
    commands = sum(not name.startswith("-") for name in app)
    # help, options, columns, designs; needs, glossary, names
    assert made == (commands + 1) + 4 + 6 + 2 + 3


def test_the_glossary_defines_the_terms_of_the_pages_in_the_same_words():
    page = (DOCS / "glossary.md").read_text().lower()
    defined = dict(re.findall(r"^## (.+)\n\n(.+)$", page, flags=re.M))
    for term, meaning in glossary({*OF_A_PERSON, *OF_A_READING}, BIN_WORDS["1min"]).items():
        assert defined[term.lower()] == meaning.lower(), term


def test_the_outputs_page_describes_every_column_of_every_table():
    page = (DOCS / "outputs.md").read_text()
    others = {"checklist": CHECKLIST_COLUMNS}
    groups = (COLUMNS, GROUP_COLUMNS, AREA_COLUMNS, PLAN_COLUMNS, others)
    for name, columns in [pair for group in groups for pair in group.items()]:
        tables = re.findall(rf"^### {name}\.tsv$(.*?)(?=^##|\Z)", page, flags=re.M | re.S)
        described = [re.findall(r"^\| `(\w+)`", table, flags=re.M) for table in tables]
        assert list(columns) in described, name


def test_the_conda_environment_has_the_python_and_the_package_that_are_required():
    environment = (ROOT / "environment.yml").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"- python {project['requires-python']}\n" in environment
    assert re.search(r"^  - pip\n  - pip:\n      - \.$", environment, flags=re.M)


def test_every_extra_of_the_package_is_on_the_page():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (DOCS / "installation.md").read_text()
    assert set(re.findall(r"'\.\[(\w+)\]'", page)) == set(project["optional-dependencies"])
