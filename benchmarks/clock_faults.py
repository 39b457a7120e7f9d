"""Plant faults of the clock in simulated runs: each must be caught, or the ratings must be right.

    python benchmarks/clock_faults.py                     10 sizes a fault, 200 runs without one
    python benchmarks/clock_faults.py --sizes 2 --clean 20   a quick look

A run has regional time series as XCP-D writes them, some with the raw scan beside them, and a
rating that is the time in the scan, so that the rating of a frame is the time that it was given.
*Refused* and *noted* are what they say: a note is one that a run without the fault does not have.
*Right* are ratings that differ from the truth by less than 1 ms. Everything else is *missed*. A run
without a fault that is refused, or has a note on its clock, is a false alarm.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from painprint import Settings
from painprint.bids.find import find_runs
from painprint.bids.load import load_run
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset

STEM = "sub-01_ses-01_task-rating_run-1"
FUNC = Path("sub-01/ses-01/func")
TABLE = Path(__file__).parent / "tables/clock_faults.tsv"
RIGHT_S = 1e-3
QUIET = ("no StartTime", "no outliers file", "the column")
"""Beginnings of notes that are no alarm: assumptions of every such run."""


@dataclass(frozen=True)
class Files:
    """What the files of a run say, true or not (s)."""

    tr_s: float
    n_frames: int
    n_raw: int | None
    """Frames of the raw scan; None where its image is not in the dataset."""
    bold_start_s: float | None
    corrected: bool
    kind: str
    """physio, timed (physio with a column of times), or beh."""
    hz: float
    """Sampling frequency in the sidecar of the rating."""
    rating_start_s: float
    time_s: np.ndarray
    """Times in the file of the rating."""
    rating: np.ndarray
    """The true time in the scan of each sample."""
    removed: np.ndarray
    """Frames that censoring removed from the series; all others are its rows."""
    outliers: bool = True


def clean_files(rng: np.random.Generator) -> Files:
    """A run without a fault, as labs differ."""
    tr_s = float(rng.choice([0.46, 0.8, 1.0, 1.5, 2.0, 3.0]))
    n_frames = int(rng.integers(200, 1200) / tr_s)
    hz = float(rng.choice([5, 10, 25, 60, 100]))
    start_s = float(rng.choice([0.0, 0.0, 0.3]))  # the rating begins with the scan, or just after
    end_s = n_frames * tr_s + rng.uniform(-0.3, 0.3)
    time_s = np.arange(int((end_s - start_s) * hz) + 1) / hz
    corrected = bool(rng.random() < 0.5)
    bold_start_s = round(float(rng.uniform(0, tr_s)), 3) if corrected else 0.0
    has_raw = bool(rng.random() < 0.5)
    return Files(
        tr_s=tr_s,
        n_frames=n_frames,
        n_raw=n_frames if has_raw else None,
        bold_start_s=bold_start_s if corrected or rng.random() < 0.5 else None,
        corrected=corrected,
        kind=str(rng.choice(["physio", "timed", "beh"])),
        hz=hz,
        rating_start_s=start_s,
        time_s=time_s,
        rating=start_s + time_s,
        removed=rng.random(n_frames) < rng.choice([0, 0.05]),
    )


Fault = Callable[[Files, int, int], Files]
"""Changes files, given the number of the size, from 0, and of the repetition."""


def offset(files: Files, size: int, _: int) -> Files:
    """The sidecar puts the rating earlier or later than it began."""
    return replace(files, rating_start_s=files.rating_start_s + OFFSETS_S[size])


OFFSETS_S = (-60, -30, -20, -10, -5, 5, 10, 20, 30, 60)
RATES = (0.1, 0.5, 0.8, 0.9, 0.95, 1.05, 1.1, 1.25, 2, 10)
"""Sampling frequency in the sidecar, as a share of the true one."""
UNITS = (1e3, 1e6, 1e9, 1 / 60, 1 / 3600, 100, 10, "samples", "frames", "clock")
"""Unit of the column of times: units a second, or what it counts."""
DROPPED = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
CENSORED = (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
SHIFTS_S = (-30, -20, -10, -6, 6, 10, 15, 20, 30, 60)


def wrong_rate(files: Files, size: int, repetition: int) -> Files:
    """The sidecar's sampling frequency is not that of the recording."""
    kind = "physio" if repetition % 2 else "timed"
    return replace(files, kind=kind, hz=files.hz * RATES[size])


def wrong_unit(files: Files, size: int, repetition: int) -> Files:
    """The column of times is not in seconds."""
    unit, time_s = UNITS[size], files.time_s
    if unit == "samples":
        times = np.arange(len(time_s), dtype=float)
    elif unit == "frames":
        times = time_s / (files.tr_s if files.tr_s != 1 else 2.0)
    else:
        times = time_s + 1.7e9 if unit == "clock" else time_s * unit
    return replace(files, kind="beh" if repetition % 2 else "timed", time_s=times)


def dropped_dummies(files: Files, size: int, _: int) -> Files:
    """XCP-D dropped the first frames, and the raw scan has them."""
    n = DROPPED[size]
    removed = files.removed[n:]
    return replace(files, n_raw=files.n_frames, n_frames=files.n_frames - n, removed=removed)


def censored_alone(files: Files, size: int, repetition: int) -> Files:
    """Censoring removed frames, and the outliers file is lost."""
    rng = np.random.default_rng([size, repetition])
    n = max(1, round(CENSORED[size] * files.n_frames))
    removed = np.zeros(files.n_frames, bool)
    removed[rng.choice(files.n_frames, n, replace=False)] = True
    n_raw = files.n_frames if repetition % 2 else None
    return replace(files, removed=removed, outliers=False, n_raw=n_raw)


def shifted_start(files: Files, size: int, _: int) -> Files:
    """StartTime of the BOLD is wrong."""
    return replace(files, bold_start_s=(files.bold_start_s or 0.0) + SHIFTS_S[size])


FAULTS: dict[str, tuple[Fault, tuple[object, ...]]] = {
    "offset of the rating (s)": (offset, OFFSETS_S),
    "wrong rate (share of the true)": (wrong_rate, RATES),
    "wrong unit (a second)": (wrong_unit, UNITS),
    "dropped dummies (frames)": (dropped_dummies, DROPPED),
    "censored without outliers (share)": (censored_alone, CENSORED),
    "shifted StartTime (s)": (shifted_start, SHIFTS_S),
}


def write(root: Path, files: Files) -> None:
    """Write the run."""
    raw, derived = root / FUNC, root / "derivatives/xcp_d" / FUNC
    raw.mkdir(parents=True)
    derived.mkdir(parents=True)
    rng = np.random.default_rng(0)
    kept = ~files.removed
    signals = pd.DataFrame(rng.normal(size=(int(kept.sum()), 3)), columns=["a", "b", "c"])
    series = derived / f"{STEM}_space-fsLR_atlas-A_stat-mean_timeseries.tsv"
    signals.to_csv(series, sep="\t", index=False)
    series.with_suffix(".json").write_text(json.dumps({"SamplingFrequency": "TR"}))
    bold = {"RepetitionTime": files.tr_s, "SliceTimingCorrected": files.corrected}
    if files.bold_start_s is not None:
        bold["StartTime"] = files.bold_start_s
    (derived / f"{STEM}_space-fsLR_den-91k_desc-denoised_bold.json").write_text(json.dumps(bold))
    if files.outliers:
        flags = pd.DataFrame({"framewise_displacement": files.removed.astype(int)})
        flags.to_csv(derived / f"{STEM}_outliers.tsv", sep="\t", index=False)
    if files.n_raw is not None:
        image = nib.Nifti1Image(np.zeros((1, 1, 1, files.n_raw), np.int16), np.eye(4))
        image.header.set_xyzt_units("mm", "sec")
        image.header["pixdim"][4] = files.tr_s
        nib.save(image, raw / f"{STEM}_bold.nii.gz")
    _write_rating(raw, files)


def _write_rating(raw: Path, files: Files) -> None:
    sidecar = {"StartTime": files.rating_start_s}
    rows = zip(files.time_s, files.rating, strict=True)
    if files.kind == "beh":
        path = raw / f"{STEM}_beh.tsv"
        path.write_text("time\trating\n" + "".join(f"{t:.9f}\t{r:.9f}\n" for t, r in rows))
        path.with_suffix(".json").write_text(json.dumps(sidecar))
        return
    timed = files.kind == "timed"
    columns = ["time", "pain"] if timed else ["pain"]
    text = "".join(f"{t:.9f}\t{r:.9f}\n" if timed else f"{r:.9f}\n" for t, r in rows)
    path = raw / f"{STEM}_recording-pain_physio.tsv.gz"
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    content = {**sidecar, "SamplingFrequency": files.hz, "Columns": columns}
    (raw / f"{STEM}_recording-pain_physio.json").write_text(json.dumps(content))


def judge(files: Files, truth: Files) -> tuple[str, str]:
    """Whether a run was refused, noted, right or missed, and the words."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, files)
        raw, derived = Dataset(root, "raw"), Dataset(root / "derivatives/xcp_d", "derivatives1")
        inventory = find_runs(raw, [derived], "01")
        try:
            if not inventory.runs:
                raise DerivativesError(inventory.excluded[0].reason)
            run, record = load_run(inventory.runs[0], Settings())
        except DerivativesError as error:
            return "refused", str(error)
    alarms = [note for note in record.notes if not note.startswith(QUIET)]
    n_dropped = truth.n_frames - files.n_frames
    middle_s = (truth.bold_start_s or 0.0) + (0.0 if truth.corrected else truth.tr_s / 2)
    frames = np.arange(n_dropped, truth.n_frames)
    if not files.outliers:
        frames = frames[~files.removed]
    times = middle_s + truth.tr_s * frames
    rated = np.isfinite(run.rating)
    right = rated.mean() > 0.5 and np.abs(run.rating - times)[rated].max() < RIGHT_S
    result = " and ".join(["right"] * bool(right) + ["noted"] * bool(alarms))
    return result or "missed", "; ".join(alarms)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, default=10, help="sizes of each fault, at most 10")
    parser.add_argument("--repetitions", type=int, default=4, help="runs for each size")
    parser.add_argument("--clean", type=int, default=200, help="runs without a fault")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "tables/clock_faults.tsv"
    )
    args = parser.parse_args()
    rows = []
    for number in range(args.clean):
        clean = clean_files(np.random.default_rng([0, number]))
        rows.append(("none", "", number, *judge(clean, clean)))
    for fault_number, (name, (plant, sizes)) in enumerate(FAULTS.items(), start=1):
        for size in range(args.sizes):
            for repetition in range(args.repetitions):
                rng = np.random.default_rng([fault_number, size, repetition])
                clean = clean_files(rng)
                result = judge(plant(clean, size, repetition), clean)
                rows.append((name, str(sizes[size]), repetition, *result))
    table = pd.DataFrame(rows, columns=["fault", "size", "repetition", "result", "words"])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    counts = (
        table.groupby(["fault", "size"], sort=False)["result"].value_counts().unstack(fill_value=0)
    )
    counts.to_csv(args.out, sep="\t")
    print(counts.to_string())
    clean = table[table.fault == "none"]
    alarms = clean[clean.result != "right"]
    missed = table[(table.fault != "none") & (table.result == "missed")]
    for row in (*alarms.itertuples(), *missed.itertuples()):
        print(f"{row.fault} {row.size} ({row.repetition}): {row.result} {row.words}")
    print(
        f"{len(alarms)} false alarms in {len(clean)} clean runs; {len(missed)} of "
        f"{len(table) - len(clean)} faults missed"
    )
    return 1 if len(alarms) or len(missed) else 0


if __name__ == "__main__":
    raise SystemExit(main())
