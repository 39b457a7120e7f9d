"""Fixtures, and what becomes of tests that need something that is not here.

`@pytest.mark.needs("chromium")` skips a test where a name of `NEEDS` is absent. With
`--fail-on-skip`, a test that was skipped has failed, except where the option lists what is absent.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from matplotlib.figure import Figure

from painprint import Run, Settings
from painprint.cli import main
from painprint.decode.decoding import decode_runs
from painprint.evidence.stages import STAGES
from painprint.runs import MOTION_NAMES, motion_confounds
from painprint.signature.model import complete_signature, make_signature
from painprint.signature.origin import Origin

EXAMPLE = Path(__file__).parents[1] / "examples" / "bids"
SHARED = Path(__file__).parents[2] / "shared"
"""Reference data that may lie beside the checkout; never part of the package."""


QUICK = ("--n-bootstraps", "100", "--skip", *STAGES)
"""Options of a study whose stages are not what a test is about."""
FEW = ("--n-bootstraps", "100", "--n-permutations", "19", "--n-curve-draws", "2") + (
    "--n-importance-permutations",
    "50",
)
"""Options of a study with every stage, in seconds."""


class Need(NamedTuple):
    """Something outside the package: why a test is skipped without it, and whether it is here."""

    reason: str
    is_here: Callable[[], bool]


def _program(name: str, package: str) -> Need:
    return Need(f"{name} ({package}) is not installed", lambda: shutil.which(name) is not None)


def _reference(name: str) -> Need:
    folder = SHARED / name
    return Need(f"the reference data {name} are not beside the checkout", folder.is_dir)


NEEDS = {
    "chromium": _program("chromium", "chromium"),
    "java": _program("java", "default-jre-headless"),
    "wb_command": _program("wb_command", "connectome-workbench"),
    "slurmctld": _program("slurmctld", "slurmctld, slurmd, slurm-client, munge"),
    "infomap": Need("Infomap is not installed", lambda: find_spec("infomap") is not None),
    "pybids": Need("pybids is not installed", lambda: find_spec("bids") is not None),
    "mlconfound": Need("mlconfound is not installed", lambda: find_spec("mlconfound") is not None),
    "golden": _reference("golden"),
    "engagement": _reference("data/engagement"),
    "heat_pain": _reference("data/heat_pain"),
    "dicom_stream": _reference("data/dicom_stream"),
    "cortex": _reference("cortex"),
    "array-api": Need("SCIPY_ARRAY_API is not set", lambda: False),  # skipped by scikit-learn
}
"""What tests may need, by the name that their marker gives it."""


def pytest_addoption(parser):
    parser.addoption(
        "--fail-on-skip",
        metavar="ABSENT",
        help="fail where a test is skipped, except for want of ABSENT: names separated by commas",
    )


def pytest_configure(config):
    lines = (
        f"needs(*names): skipped where one of them is absent: {', '.join(NEEDS)}",
        "long: takes longer than a newcomer waits; `make test` leaves it out",
    )
    for line in lines:
        config.addinivalue_line("markers", line)
    unknown = set(_may_be_absent(config) or ()) - set(NEEDS)
    if unknown:
        raise pytest.UsageError(f"--fail-on-skip: {', '.join(sorted(unknown))} is no known need")


def _may_be_absent(config) -> list[str] | None:
    """Needs that may be absent; None where any test may be skipped."""
    given = config.getoption("--fail-on-skip")
    return None if given is None else [name for name in given.split(",") if name]


def pytest_collection_modifyitems(items):
    """Files with long tests come first, then those with many tests, so that no process waits long
    for the last one. Coverage, which makes tests slower, is of all but the long ones."""
    long_ones = [item for item in items if item.get_closest_marker("long")]
    for item in long_ones:
        item.add_marker("no_cover")
    slow, n_tests = {item.path for item in long_ones}, Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path not in slow, -n_tests[item.path]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            if not NEEDS[name].is_here():
                pytest.skip(NEEDS[name].reason)  # names what to install; --fail-on-skip fails on it


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    return _judge_skip(item.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _judge_skip(collector.config, (yield))


def _judge_skip(config, report):
    """The report, which has failed where a skip was not expected."""
    allowed = _may_be_absent(config)
    if allowed is None or not report.skipped or hasattr(report, "wasxfail"):
        return report
    *_, reason = report.longrepr if isinstance(report.longrepr, tuple) else (str(report.longrepr),)
    if not any(NEEDS[name].reason in reason for name in allowed):
        report.outcome = "failed"
        report.longrepr = f"skipped, and --fail-on-skip does not allow it: {reason}"
    return report


SEED = 20260101
SMALL_MOVES = (0.05, 0.05, 0.05, 0.001, 0.001, 0.001)
"""SD of motion parameters: mm, rad."""


@pytest.fixture
def rng():
    return np.random.default_rng(SEED)


def simulate_runs(
    rng, *, n_sessions=5, n_runs=2, n_regions=8, n_frames=360, strength=0.6, tr_s=1.0
):
    """Runs whose first two regions co-fluctuate more when the rating is high."""
    runs = []
    for s in range(n_sessions):
        level = rng.normal(0.5, 0.1)
        for r in range(n_runs):
            steps = np.convolve(rng.normal(size=n_frames + 40), np.ones(40), mode="valid")[
                :n_frames
            ]
            rating = level + 0.15 * steps / steps.std()
            signals = rng.normal(size=(n_frames, n_regions))
            lagged = np.roll(rating, 6) - level
            signals[:, 1] += strength * 8 * lagged * signals[:, 0]
            censored = rng.random(n_frames) < 0.02
            motion = motion_confounds(rng.normal(0, SMALL_MOVES, size=(n_frames, 6)))
            names = (f"{s + 1:02d}", "rating", str(r + 1))
            runs.append(Run(signals, rating, tr_s, *names, censored=censored, confounds=motion))
    return runs


@pytest.fixture
def participant(rng):
    return simulate_runs(rng)


class Tree:
    """A BIDS dataset in a folder, with derivatives, to be bent out of shape by tests."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.derivatives = root / "derivatives" / "xcp_d"

    def add_run(
        self,
        run: Run,
        *,
        sub="01",
        atlas="atlas-A",
        run_label=None,
        rating="physio",
        censor=False,
        extra="",
    ):
        """Write one run: time series, outliers, motion and rating."""
        run_part = f"_run-{run_label or run.run}" if run.run else ""
        ses = f"_ses-{run.session}" if run.session else ""
        folder = Path(f"sub-{sub}") / (f"ses-{run.session}" if run.session else "") / "func"
        raw, derived = self.root / folder, self.derivatives / folder
        raw.mkdir(parents=True, exist_ok=True)
        derived.mkdir(parents=True, exist_ok=True)
        stem = f"sub-{sub}{ses}_task-{run.task}{extra}"
        series = derived / f"{stem}{run_part}_space-fsLR_{atlas}_stat-mean_timeseries.tsv"
        signals = run.signals[~run.censored] if censor else run.signals
        write_table(series, run.regions, signals)
        write_json(series.with_suffix(".json"), {"RepetitionTime": run.tr_s})
        plain = derived / f"{stem}{run_part}"
        write_table(
            Path(f"{plain}_outliers.tsv"), ["framewise_displacement"], run.censored[:, None] * 1.0
        )
        still = np.zeros(len(run.rating))
        columns = [run.confounds.get(name, still) for name in MOTION_NAMES]
        write_table(Path(f"{plain}_motion.tsv"), MOTION_NAMES, np.stack(columns, axis=1))
        self.write_rating(raw / f"{stem}_run-{run.run}" if run.run else raw / stem, run, rating)
        return series

    @staticmethod
    def write_rating(stem: Path, run: Run, kind: str) -> None:
        """The rating at mid-frame, as a recording that starts with the scan."""
        time_s = run.tr_s / 2 + run.tr_s * np.arange(len(run.rating))
        columns = np.stack([time_s, run.rating], axis=1)
        if kind == "physio":
            path = Path(f"{stem}_recording-pain_physio.tsv.gz")
            lines = "".join(f"{value:.17g}\n" for value in run.rating)
            import gzip

            path.write_bytes(gzip.compress(lines.encode(), mtime=0))
            write_json(
                Path(f"{stem}_recording-pain_physio.json"),
                {"SamplingFrequency": 1 / run.tr_s, "StartTime": run.tr_s / 2, "Columns": ["pain"]},
            )
        elif kind == "resp":
            np.savetxt(f"{stem}_resp.tsv", columns, fmt="%.17g", delimiter="\t")
        else:
            write_table(Path(f"{stem}_{kind}.tsv"), ["onset", "rating"], columns)

    def add_atlas(self, regions, networks, label="A"):
        """A region table as XCP-D writes it."""
        path = self.derivatives / "atlases" / f"atlas-{label}" / f"atlas-{label}_dseg.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            f"{i + 1}\t{n}\t{w}\n" for i, (n, w) in enumerate(zip(regions, networks, strict=True))
        ]
        path.write_text("index\tlabel\tnetwork_label\n" + "".join(rows))


def write_table(path, names, values):
    np.savetxt(path, values, fmt="%.17g", delimiter="\t", header="\t".join(names), comments="")


def write_json(path, content):
    path.write_text(json.dumps(content))


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "bids")


@pytest.fixture
def derivatives(tree, participant):
    """A small dataset: 5 sessions x 2 runs x 8 regions, simulated."""
    return fill(tree, participant)


def fill(tree, participant):
    """Write a participant's runs, an atlas, and what the dataset is."""
    for run in participant:
        tree.add_run(run)
    tree.add_atlas(participant[0].regions, ["DMN"] * 6 + ["VIS"] * 2)
    write_json(
        tree.root / "dataset_description.json", {"Name": "simulated", "BIDSVersion": "1.10.0"}
    )
    return tree


@pytest.fixture(scope="session")
def decoded(tmp_path_factory):
    """Results of the small dataset, without stages; not to be changed."""
    root = tmp_path_factory.mktemp("decoded")
    tree = fill(Tree(root / "bids"), simulate_runs(np.random.default_rng(SEED)))
    assert main(["run", str(tree.root), str(root / "out"), "participant", *QUICK]) == 0
    return root / "out"


@pytest.fixture
def copy_of_decoded(decoded, tmp_path):
    """The same results where a test may change them, beside its own dataset."""
    return Path(shutil.copytree(decoded, tmp_path / "out"))


@pytest.fixture
def example(tmp_path):
    """A copy of the example dataset, to be changed at will."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example"))


@contextmanager
def empty_svg():
    """Figures are made as ever, and an empty SVG is written in place of each, which is quicker."""
    empty = b'<svg xmlns="http://www.w3.org/2000/svg" width="1pt" height="1pt" viewBox="0 0 1 1"/>'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", lambda _, buffer, **kwargs: buffer.write(empty))
        yield


@pytest.fixture(scope="module")
def without_svg():
    """For modules that do not look at figures."""
    with empty_svg():
        yield


def outputs_of_page(heading, stem=""):
    """Files that docs/outputs.md promises under a heading, as patterns with their remark."""
    page = (Path(__file__).parents[1] / "docs" / "outputs.md").read_text()
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    promised = {}
    for cell, remark in re.findall(r"^\| (`[^|]+`) \| ([^|]*?) ?\| [^|]+ \|$", section, flags=re.M):
        names = re.findall(r"`([^`]+)`", cell.replace("STEM", stem))
        folder = names[0].rpartition("/")[0]
        for name in names:
            path = f"{folder}/{name}" if folder and "/" not in name else name
            promised[path] = remark
    assert promised
    return promised


def check_outputs(folder, heading, stem="", *, optional=("if ",)):
    """Files in a folder are those of docs/outputs.md under a heading; optional are those with a
    remark that begins so."""
    promised = outputs_of_page(heading, stem)
    written = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    unknown = {path for path in written if not any(fnmatchcase(path, one) for one in promised)}
    always = {one for one, remark in promised.items() if not remark.startswith(optional)}
    missing = {one for one in always if not any(fnmatchcase(path, one) for path in written)}
    assert (unknown, missing) == (set(), set())


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = shutil.which("chromium")
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def trained():
    """A signature of seven sessions, and a run of an eighth, in other units."""
    rng = np.random.default_rng(20261127)
    runs = simulate_runs(rng, n_sessions=8, n_frames=240)
    decoding = decode_runs([run for run in runs if run.session != "08"], Settings(n_bootstraps=100))
    signature = complete_signature(
        make_signature(decoding, simulated=True, metrics={}), decoding, origin=Origin()
    )
    new = next(run for run in runs if run.session == "08")
    unit, offset = rng.uniform(5, 20), rng.uniform(500, 1500, len(new.regions))
    return signature, replace(new, signals=new.signals * unit + offset)
