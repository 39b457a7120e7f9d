"""Wall time of `painprint predict` on one regional run, and of `painprint --help`, start included.

    python benchmarks/predict_speed.py                       450 regions, 28 sessions
    python benchmarks/predict_speed.py --regions 40 --sessions 10

Numbers in the signature are random (time does not depend on them); its size is that of a real one.
The best and the median of several runs are printed: the first reads files that are not cached.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from decode_speed import TR_S, processor

from painprint import Regions
from painprint.edges import count_edges
from painprint.signature.applicability import ApplicabilityDomain, ReferenceDistribution
from painprint.signature.file import write_signature
from painprint.signature.model import History, Signature, UsedModel
from painprint.stats.conformal import NonconformityScores

N_FRAMES = 1304
SIZES = (("1min", 30), ("run", 3), ("session", 1))


def make_files(folder, n_regions, n_sessions):
    rng = np.random.default_rng(0)
    names = tuple(f"r{i}" for i in range(n_regions))
    n_edges, n_components = count_edges(n_regions), max(1, min(50, n_sessions))
    labels = [f"{i + 1:02d}" for i in range(n_sessions)]
    distributions = {
        (measure, scale): ReferenceDistribution(0.0, 1.0, n_sessions)
        for measure in ("leverage", "residual", "motion")
        for scale in ("run", "session")
    }
    components = rng.normal(size=(n_components, n_edges)).astype(np.float32)
    components /= np.linalg.norm(components, axis=1, keepdims=True)
    signature = Signature(
        regions=Regions(names, ("",) * n_regions),
        models=tuple(UsedModel(label, 0.4, 0.4, 6.0) for label in ("", *labels)),
        weights=rng.normal(0, 1e-4, size=(n_sessions + 1, n_edges)),
        preset="recommended",
        drop_s=30.0,
        tr_s=(TR_S,),
        simulated=True,
        metrics={},
        domain=ApplicabilityDomain(
            np.zeros(n_edges), components, np.ones(n_components), distributions, 500.0, (TR_S,)
        ),
        history=History(
            {scale: NonconformityScores([rng.random(n) for _ in labels]) for scale, n in SIZES},
            tuple(rng.random(n_sessions)),
        ),
        participant="01",
    )
    write_signature(folder / "signature", signature)
    series = folder / "sub-01_ses-99_task-rating_atlas-A_stat-mean_timeseries.tsv"
    table = pd.DataFrame(rng.normal(size=(N_FRAMES, n_regions)), columns=list(names))
    table.to_csv(series, sep="\t", index=False)
    series.with_suffix(".json").write_text(f'{{"RepetitionTime": {TR_S}, "StartTime": 0}}')
    return series


def timed(words, repeats):
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "painprint", *words], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return min(seconds), float(np.median(seconds))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--regions", type=int, default=450)
    parser.add_argument("--sessions", type=int, default=28)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        series = make_files(folder, options.regions, options.sessions)
        size = sum(path.stat().st_size for path in (folder / "signature").iterdir()) / 1e6
        print(f"{processor()}; {options.regions} regions, {options.sessions} sessions")
        print(f"  signature {size:.1f} MB")
        predict = ["predict", str(folder / "signature"), str(series)]
        for what, words in (
            ("predict", predict),
            ("predict, with page", [*predict, "--out", str(folder / "out")]),
            ("--help", ["--help"]),
        ):
            best, median = timed(words, options.repeats)
            print(f"  {what:20s} {best:.2f} s at best, {median:.2f} s in the median")


if __name__ == "__main__":
    main()
