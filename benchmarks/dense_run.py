"""Time and memory of a dense run, from file to cleaned regional time series.

    python benchmarks/dense_run.py                          T = 1,350 x 91,282 grayordinates
    python benchmarks/dense_run.py --atlas FILE.dlabel.nii  with this atlas, and its grayordinates
    python benchmarks/dense_run.py --points 4000 --frames 300 --regions 40 --out FILE

The run is simulated noise on a baseline, written as CIFTI (float32), with fMRIPrep's confounds
beside it. Measured several times in turn, on a warm cache: np.asarray(image.dataobj, float32), a
plain load; the region means alone; and the whole of it, the atlas being read before (cleaning,
quality, carpet, files written and read again). Memory is the peak of a fresh process over that of
the interpreter with all its imports. Means are checked against loops. Without --atlas, labels are
contiguous stretches of a made-up axis. The table lies in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from decode_speed import processor
from nibabel.cifti2.cifti2_axes import BrainModelAxis, SeriesAxis

from painprint import Settings
from painprint.atlas.image import find_atlases, read_atlas
from painprint.bids.find import DataSelection, find_runs
from painprint.bold.denoise import ACOMPCOR
from painprint.bold.extract import Extraction
from painprint.dense.region_means import RegionMeans
from painprint.files.cifti import open_dtseries, read_dtseries
from painprint.files.dataset import Dataset
from painprint.files.images import Grayordinates
from painprint.files.maps import write_labels
from painprint.runs import MOTION_NAMES

TABLE = Path(__file__).parent / "tables" / "dense_run.tsv"
TR_S = 0.46
STEM = "sub-01_ses-01_task-rating_run-1"
BASELINE, SD = 10_000.0, 200.0


def make_axis(n_points):
    half = n_points // 2
    left = BrainModelAxis.from_surface(np.arange(half), half + 1, name="cortex_left")
    right = BrainModelAxis.from_surface(
        np.arange(n_points - half), n_points - half, name="cortex_right"
    )
    return left + right


def make_study(folder, options):
    """A dataset of one run, and its atlas."""
    rng = np.random.default_rng(0)
    if options.atlas:
        atlas = options.atlas
        axis = nib.load(atlas).header.get_axis(1)
    else:
        axis = make_axis(options.points)
        atlas = folder / "atlas-Stretches_dseg.dlabel.nii"
        labels = np.arange(len(axis)) * options.regions // len(axis) + 1
        names = {i + 1: f"r{i}" for i in range(options.regions)}
        write_labels(atlas, Grayordinates(axis), labels, names)
    func = folder / "derivatives" / "fmriprep" / "sub-01" / "ses-01" / "func"
    raw = folder / "sub-01" / "ses-01" / "func"
    func.mkdir(parents=True)
    raw.mkdir(parents=True)
    data = rng.standard_normal((options.frames, len(axis)), dtype=np.float32)
    data *= SD
    data += BASELINE
    image = nib.Cifti2Image(data, (SeriesAxis(0, TR_S, options.frames), axis))
    image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_SERIES")
    bold = func / f"{STEM}_space-fsLR_den-91k_bold.dtseries.nii"
    image.to_filename(bold)
    names = (*MOTION_NAMES, *ACOMPCOR)
    columns = {name: np.cumsum(rng.normal(0, 0.001, options.frames)) for name in names}
    confounds = func / f"{STEM}_desc-confounds_timeseries.tsv"
    pd.DataFrame(columns).to_csv(confounds, sep="\t", index=False)
    (func / bold.name.replace(".dtseries.nii", ".json")).write_text(f'{{"RepetitionTime": {TR_S}}}')
    times = np.arange(options.frames) * TR_S
    rating = pd.DataFrame({"onset": times, "rating": rng.random(options.frames)})
    rating.to_csv(raw / f"{STEM}_rating.tsv", sep="\t", index=False)
    return bold, atlas


def load(bold):
    image = nib.Cifti2Image.from_filename(bold, mmap=False)
    return np.asarray(image.dataobj, dtype=np.float32)


def read(atlas):
    (files,) = find_atlases(str(atlas), [])
    return read_atlas(files)


def means(bold, atlas):
    """Region means, without cleaning."""
    series = open_dtseries(bold)
    return RegionMeans.of(series, atlas.on(series.points)).means(min_coverage=0.5)


def study_of(folder, atlas, out):
    """What makes regional time series, and the run; a study reads the atlas once."""
    dataset = Dataset(folder / "derivatives" / "fmriprep", "derivatives1")
    inventory = find_runs(Dataset(folder, "raw"), [dataset], "01", DataSelection(atlas=str(atlas)))
    extraction = Extraction(out, inventory.image, Settings(), {})
    assert extraction.atlas.regions
    return extraction, inventory.runs[0]


def whole(extraction, run):
    """Cleaned regional time series with everything beside them, as a study makes them."""
    return extraction.load(run)


def every_point(extraction, run, bold):
    """All grayordinates read and cleaned, as the stage univariate needs them."""
    return extraction.clean_points(run, read_dtseries(bold, open_dtseries(bold).points))


def check(bold, atlas):
    """Means of some regions against loops; the largest difference, in SD of the data."""
    data, found = load(bold), means(bold, read(atlas))
    labels = np.asarray(nib.load(atlas).dataobj)[0]
    worst = 0.0
    for position, label in enumerate(np.unique(labels[labels > 0])):
        if position % 50 == 0:
            points = np.flatnonzero(labels == label)
            expected = sum(data[:, v].astype(float) for v in points) / len(points)
            worst = max(worst, float(np.abs(found[:, position] - expected).max()) / SD)
    return worst


def timed(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def peak_gb():
    """High-water mark of this process; getrusage would count that of the parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (mark,) = (line for line in lines if line.startswith("VmHWM"))
    return int(mark.split()[1]) / 1e6


def child(what, folder, bold, atlas):
    """Peak memory of one kind of work in this process, before and after (GB)."""
    import nilearn.signal  # noqa: F401  what cleaning imports

    small = np.random.default_rng(0).normal(size=(40, 40))
    np.linalg.svd(small)
    before = peak_gb()
    if what == "load":
        kept = load(bold)
        assert kept.any()
    elif what == "means":
        means(bold, read(atlas))
    else:
        with tempfile.TemporaryDirectory() as out:
            whole(*study_of(Path(folder), atlas, Path(out)))
    print(json.dumps([before, peak_gb()]))


def measured_memory(what, folder, bold, atlas):
    words = [sys.executable, __file__, "--child", what, str(folder), str(bold), str(atlas)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    before, after = json.loads(done.stdout.splitlines()[-1])
    return after - before


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--atlas", type=Path)
    parser.add_argument("--points", type=int, default=91_282)
    parser.add_argument("--frames", type=int, default=1350)
    parser.add_argument("--regions", type=int, default=450)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--child", nargs=4)
    options = parser.parse_args()
    if options.child:
        what, folder, bold, atlas = options.child
        child(what, folder, Path(bold), Path(atlas))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bold, atlas = make_study(folder, options)
        size_gb = bold.stat().st_size / 1e9
        worst = check(bold, atlas)
        rows, atlas_read = [], read(atlas)
        for repeat in range(options.repeats):
            rows.append(
                {
                    "repeat": repeat,
                    "load_s": timed(load, bold),
                    "means_s": timed(means, bold, atlas_read),
                    "whole_s": timed(whole, *study_of(folder, atlas, folder / f"out{repeat}")),
                }
            )
        table = pd.DataFrame(rows)
        extraction, run = study_of(folder, atlas, folder / "out0")
        table["every_point_s"] = timed(every_point, extraction, run, bold)  # once
        for what in ("load", "means", "whole"):
            table[f"{what}_gb"] = measured_memory(what, folder, bold, atlas)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out, sep="\t", index=False, float_format="%.4f")
    median = table.median()
    print(f"{processor()}; {options.frames} frames, {size_gb:.3f} GB, medians of {len(table)}")
    for what, text in (
        ("load", "plain load, float32"),
        ("means", "region means"),
        ("whole", "clean, mean, quality, write, read again"),
    ):
        of_loads = (table[f"{what}_s"] / table["load_s"]).median()
        fastest = table[f"{what}_s"].min() / table["load_s"].min()
        print(
            f"  {text:42s} {median[f'{what}_s']:6.2f} s = {of_loads:4.2f} loads "
            f"({fastest:.2f} of the fastest)   peak "
            f"{median[f'{what}_gb']:.2f} GB = {median[f'{what}_gb'] / size_gb:.2f} of the file"
        )
    print(f"  cleaning every grayordinate instead: {median['every_point_s']:.1f} s (once)")
    print(f"  means against loops: {worst:.1e} SD")


if __name__ == "__main__":
    main()
