"""Memory and time that a dry run tells."""

import gzip
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from painprint import Settings
from painprint.apps import resources
from painprint.apps.parcellate_dry_run import _gigabytes
from painprint.apps.resources import Size, describe_needs, memory_by_part, seconds_by_part
from painprint.cli import main
from painprint.simulate.person import Person
from painprint.simulate.world import World
from painprint.simulate.write import write_people

KEPT = 78
"""Frames of a run that are not used: 30 s that are dropped, and a lag of 6 s."""


def study(sessions, runs, regions, frames, n_jobs=1, parts=2, **more):
    """Size of a study of runs at 0.46 s."""
    n_runs = sessions * runs
    n_tested = n_runs * max(2, round((frames * 0.46 - 30) / 60))
    return Size(
        n_rows=n_tested * parts,
        n_tested=n_tested,
        n_groups=sessions,
        n_regions=regions,
        signals=8.0 * n_runs * regions * frames,
        copies=8.0 * n_runs * regions * (frames - KEPT),
        n_workers=n_jobs,
        **more,
    )


DENSE = {"n_points": 91_282, "n_frames": 600, "n_dense": 10, "extracted": True}
MEASURED = (
    ("small", study(5, 2, 60, 300), 0.442, 20),
    ("short", study(8, 2, 120, 700), 0.450, 44),
    ("regions", study(8, 2, 450, 700), 0.566, 77),
    ("two workers", study(14, 2, 300, 1000, n_jobs=2), 0.879, 100),
    ("dense", study(5, 2, 60, 600, **DENSE), 0.720, 177),
)
"""Peak memory (GB) and CPU time (s) of whole studies: benchmarks/tables/resources_told.tsv."""


@pytest.mark.parametrize("case", MEASURED, ids=lambda case: case[0])
def test_memory_and_time_are_about_those_of_measured_studies(case):
    _, size, peak_gb, cpu_s = case
    told = max(memory_by_part(size, Settings()).values()) / 1e9
    assert told == pytest.approx(peak_gb, rel=0.25)
    assert sum(seconds_by_part(size, Settings()).values()) == pytest.approx(cpu_s, rel=0.5)


STAGES = (
    (study(28, 3, 450, 1383, n_jobs=2), 2.95, 791),
    (study(14, 3, 450, 1383, n_jobs=2), 1.62, 191),
    (study(14, 3, 112, 1383, n_jobs=2), 0.87, 110),
    (study(7, 3, 450, 1383, n_jobs=2), 1.09, 67),
)
"""All stages without reading and page, in wall time: benchmarks/tables/stage_costs.tsv."""


@pytest.mark.parametrize("case", STAGES, ids=lambda case: f"{case[0].n_groups}x{case[0].n_regions}")
def test_stages_need_about_what_was_measured(case):
    size, peak_gb, wall_s = case
    size = replace(size, signals=0.0)  # runs were made one at a time
    parts = memory_by_part(size, Settings())
    assert max(parts.values()) / 1e9 == pytest.approx(peak_gb, rel=0.25)
    seconds = seconds_by_part(size, Settings())
    alone = sum(seconds.values()) - seconds["page"]
    share = 1 - resources.SHARE_IN_PARALLEL / 2
    assert alone * share == pytest.approx(wall_s, rel=0.5)


def test_what_is_skipped_is_not_counted():
    size, skip = study(8, 2, 450, 1000), ("baselines", "importance")
    all_parts, some = memory_by_part(size, Settings()), memory_by_part(size, Settings(skip=skip))
    assert set(all_parts) - set(some) == set(skip)
    assert max(some.values()) < max(all_parts.values()) == all_parts["baselines"]
    seconds = seconds_by_part(size, Settings(skip=skip))
    assert not set(skip) & set(seconds)


def test_more_of_anything_needs_more():
    size = study(10, 2, 120, 900)
    least = max(memory_by_part(size, Settings()).values())
    for name in ("n_rows", "n_tested", "n_regions", "signals", "copies", "n_workers"):
        more = replace(size, **{name: type(getattr(size, name))(getattr(size, name) * 10)})
        assert max(memory_by_part(more, Settings()).values()) > least, name
    lasso = Settings(decoder="lasso_pcr")
    assert max(memory_by_part(size, lasso).values()) > least


def test_time_is_in_proportion_to_the_machine_and_shared_by_workers(monkeypatch):
    size = study(28, 3, 450, 1383)
    monkeypatch.setattr(resources, "calibrate", lambda: 1.0)
    one = sum(seconds_by_part(size, Settings()).values())
    assert f"{one / 60:.0f} min with 1 worker" in describe_needs(size, Settings())
    two = replace(size, n_workers=2)
    assert f"{one * 0.575 / 60:.0f} min with 2 workers" in describe_needs(two, Settings())
    monkeypatch.setattr(resources, "calibrate", lambda: 10.0)
    assert f"{one / 360:.1f} h with 1 worker" in describe_needs(size, Settings())


def test_calibration_takes_less_than_a_second():
    assert 0.1 < resources.calibrate() < 100


def test_a_parcellation_holds_three_copies_of_its_columns():
    assert _gigabytes(59_412, 5000) == pytest.approx(2.846, rel=0.25)  # own_areas.tsv
    assert _gigabytes(59_412, 1000) == pytest.approx(0.7 + 3 * 59_412 * 1000 * 4e-9)


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """A small simulated person with dense BOLD; not to be changed."""
    person = Person(4, world=World(n_runs=1, n_regions=8, run_s=200))
    roots = {}
    for layout in ("fmriprep", "fmriprep_volumes"):
        roots[layout] = tmp_path_factory.mktemp("dense") / layout
        write_people(roots[layout], [person], layout=layout, random_seed=1)
    return roots


@pytest.mark.parametrize("layout", ["fmriprep", "fmriprep_volumes"])
def test_a_dry_run_excludes_truncated_images(dense, tmp_path, capsys, layout):
    bids = shutil.copytree(dense[layout], tmp_path / "bids")
    path = next(p for p in bids.rglob("*ses-02_task-rating*bold*.nii*") if "derivatives" in str(p))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 9 // 10])
    words = ["run", str(bids), str(tmp_path / "out"), "participant", "--atlas", "Simulated01"]
    assert main([*words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"exclude  ses-02 task-rating.*it is incomplete", said)
    assert said.count("  use ") == 3 and "3 sessions, 8 regions; about 0." in said
    gigabytes, seconds = re.search(r"about ([\d.]+) GB of memory.* and (\d+) s with", said).groups()
    assert 0.3 < float(gigabytes) < 0.6 and float(seconds) > 5


def test_a_volume_packed_in_two_pieces_is_used(dense, tmp_path, capsys):
    bids = shutil.copytree(dense["fmriprep_volumes"], tmp_path / "bids")
    path = next(p for p in bids.rglob("*ses-02_task-rating*bold.nii.gz"))
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:5000]) + gzip.compress(content[5000:]))
    words = ["run", str(bids), str(tmp_path / "out"), "participant", "--atlas", "Simulated01"]
    assert main([*words, "--dry-run"]) == 0
    assert capsys.readouterr().out.count("  use ") == 4


def test_dense_bold_beside_regional_series_is_counted(dense):
    size = study(5, 2, 60, 300)
    beside = replace(size, n_points=91_282, n_frames=3000, n_dense=10)
    parts = memory_by_part(beside, Settings())
    assert max(parts, key=parts.__getitem__) == "univariate" and "cleaning" not in parts
    assert parts["univariate"] > 4 * 91_282 * 3000
    assert np.isfinite(sum(seconds_by_part(beside, Settings()).values()))
