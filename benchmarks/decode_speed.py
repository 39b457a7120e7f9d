"""How long nested leave-one-session-out takes, beside what else one could run.

    python benchmarks/decode_speed.py                     the target's size
    python benchmarks/decode_speed.py --sessions 5 --regions 60 --frames 400   a quick look

All parts are timed in one run on the same simulated signals (noise: time does not depend on
content):

painprint  signals -> bins -> Gram -> nested folds -> weights -> held-out predictions, by ridge
           regression; beside it the nested fit alone, from the Gram matrix, the metrics with
           10,000 bootstraps, and the peak memory of all in a process of its own
published  the same by the published learner (paper preset)
eigh       the bare eigendecompositions of the folds of either (28 outer ones; 406 outer and inner
           ones), same sizes, same workers
literal    the published algorithm as it stands: for every outer and inner fold, and the final
           model, a thin SVD of bins x edges, with all cores; a few folds timed, scaled
obvious    what a user would write today: nilearn ConnectivityMeasure per bin, then a
           scikit-learn pipeline of PCA and LassoCV with leave-one-group-out at both levels;
           a few outer folds timed, scaled
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from itertools import combinations

import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_limits

from painprint import Run, Settings, decode_runs
from painprint.decode.bin_gram import cut_bins, inner_products
from painprint.decode.decoders import make_decoder
from painprint.decode.lasso_pcr import center_gram
from painprint.decode.metrics import evaluate
from painprint.decode.prepare import prepare_runs
from painprint.decode.samples import Samples
from painprint.decode.training import predict_held_out, train
from painprint.edges import bin_edges
from painprint.parallel import map_ordered

TR_S = 0.46


def simulate(size):
    """Noise of the study's shape: sessions x 3 runs."""
    rng = np.random.default_rng(0)
    for session in range(size.sessions):
        for run in range(3):
            signals = rng.normal(size=(size.frames, size.regions))
            rating = np.cumsum(rng.normal(size=size.frames)) / 30
            yield Run(signals, rating, TR_S, f"{session + 1:02d}", "rating", str(run + 1))


def time_ours(size, settings):
    """Seconds for training with prediction, and for metrics with their bootstraps."""
    runs = list(simulate(size))
    start = time.perf_counter()
    prepared = prepare_runs(runs, settings)
    training = train(prepared, settings, n_jobs=size.jobs)
    predictions = predict_held_out(prepared, training, settings, n_jobs=size.jobs)
    trained = time.perf_counter()
    evaluate(
        predictions,
        training.groups,
        n_bootstraps=settings.n_bootstraps,
        random_seed=settings.random_seed,
    )
    return trained - start, time.perf_counter() - trained


def time_nested(size, settings, frames, codes):
    """Seconds for the nested fit alone, from inner products of the training bins."""
    bins, minute = cut_bins(frames, settings)
    train = bins["train"]
    samples = Samples(
        inner_products(frames, train, codes, ("edges",), n_jobs=size.jobs),
        train.rating,
        codes[train.run],
        minute,
        np.array([len(members) for members in train.frames], dtype=float),
    )
    start = time.perf_counter()
    make_decoder(settings.rules, 0).nested(samples, n_jobs=size.jobs)
    return time.perf_counter() - start


def fold_rows(groups, *, inner):
    """Training rows of every outer fold; with ``inner`` of every pair of groups left out too."""
    names = np.unique(groups)
    pairs = combinations(names, 2) if inner else ()
    for left_out in [*((k,) for k in names), *pairs]:
        yield np.flatnonzero(~np.isin(groups, left_out))


def time_eigh(size, X, groups, *, inner):
    """One eigendecomposition per fold, on as many workers, one BLAS thread each."""
    with threadpool_limits(size.jobs):
        K = X @ X.T
    folds = list(fold_rows(groups, inner=inner))
    start = time.perf_counter()
    for _ in map_ordered(lone_eigh, ((K, rows) for rows in folds), n_jobs=size.jobs):
        pass
    return time.perf_counter() - start, len(folds)


def lone_eigh(K, rows):
    np.linalg.eigh(center_gram(K[np.ix_(rows, rows)]))


def time_literal(size, X, groups, n_timed):
    """Thin SVDs of centred edges; S outer, S (S - 1) inner, and one final."""
    n_sessions = len(np.unique(groups))
    n_folds = n_sessions**2 + 1
    chosen = [groups > k for k in range(n_timed)]
    start = time.perf_counter()
    for rows in chosen:
        training = X[rows]
        scipy.linalg.svd(training - training.mean(axis=0), full_matrices=False, overwrite_a=True)
    return (time.perf_counter() - start) / n_timed * n_folds, n_folds


def time_obvious(size, frames, bins, groups, n_timed):
    from nilearn.connectome import ConnectivityMeasure
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LassoCV
    from sklearn.model_selection import LeaveOneGroupOut
    from sklearn.pipeline import make_pipeline

    start = time.perf_counter()
    measure = ConnectivityMeasure(kind="covariance", vectorize=True, discard_diagonal=True)
    X = measure.fit_transform(
        [frames[r].signals[m] for r, m in zip(bins.run, bins.frames, strict=True)]
    )
    making = time.perf_counter() - start
    start = time.perf_counter()
    folds = list(LeaveOneGroupOut().split(X, bins.rating, groups))
    for training, test in folds[:n_timed]:
        inner = list(LeaveOneGroupOut().split(X[training], bins.rating[training], groups[training]))
        model = make_pipeline(PCA(whiten=True), LassoCV(cv=inner, n_jobs=size.jobs))
        model.fit(X[training], bins.rating[training]).predict(X[test])
    return making + (time.perf_counter() - start) / n_timed * len(folds), len(folds)


def peak_rss_gb(part, words):
    """Peak memory of one part in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--only", part, *words],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])["peak_gb"]


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=28)
    parser.add_argument("--regions", type=int, default=450)
    parser.add_argument("--frames", type=int, default=1383)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--literal-folds", type=int, default=2)
    parser.add_argument("--obvious-folds", type=int, default=1)
    parser.add_argument("--only", choices=["ours"])
    return parser.parse_args()


def main():
    size = parse()
    if size.only:
        decode_runs(simulate(size), Settings(), n_jobs=size.jobs)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(json.dumps({"peak_gb": peak}))
        return
    memory = peak_rss_gb("ours", sys.argv[1:])
    settings, paper = Settings(), Settings(preset="paper")
    prepared = prepare_runs(simulate(size), settings)
    codes, _ = prepared.groups("session")
    frames = [lags[0] for lags in prepared.runs]
    short = cut_bins(frames, settings)[0]["train"]
    X = np.concatenate([edges_of(frames, short, r) for r in range(len(frames))])
    eigh, n_folds = time_eigh(size, X, codes[short.run], inner=False)
    nested = time_nested(size, settings, frames, codes)
    training, scoring = time_ours(size, settings)
    bins = cut_bins(frames, paper)[0]["train"]
    groups = codes[bins.run]
    X = np.concatenate([edges_of(frames, bins, r) for r in range(len(frames))])
    paper_eigh, n_paper_folds = time_eigh(size, X, groups, inner=True)
    published, _ = time_ours(size, paper)
    literal, n_literal = time_literal(size, X, groups, size.literal_folds)
    del X
    obvious, n_outer = time_obvious(size, frames, bins, groups, size.obvious_folds)
    print(f"{size.sessions} sessions x 3 runs x {size.regions} regions")
    print(f"{processor()}, {size.jobs} workers, Python {platform.python_version()}")
    print(f"eigh alone ({n_folds} folds of {len(short)} bins) {eigh:9.1f} s")
    print(f"painprint, nested fit alone         {nested:9.1f} s   {nested / eigh:.2f} x eigh")
    print(f"painprint, training and prediction  {training:9.1f} s   {training / eigh:.2f} x eigh")
    print(f"eigh alone ({n_paper_folds} folds of {len(bins)} bins) {paper_eigh:9.1f} s")
    print(
        f"painprint, paper preset             {published:9.1f} s   {published / paper_eigh:.2f} x "
        f"eigh, {published / training:.1f} x the recommended preset"
    )
    print(f"painprint, metrics and bootstraps   {scoring:9.1f} s")
    print(f"painprint, peak memory              {memory:9.2f} GB")
    print(
        f"literal algorithm ({n_literal} SVDs, {size.literal_folds} timed) {literal:9.0f} s   "
        f"{literal / training:.0f} x painprint"
    )
    print(
        f"nilearn + scikit-learn ({n_outer} outer folds, {size.obvious_folds} timed) "
        f"{obvious:9.0f} s   {obvious / training:.0f} x painprint"
    )


def processor():
    """Name of the processor, where the system tells."""
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def edges_of(frames, bins, run):
    """Edges of one run's bins: (n_bins, n_edges)."""
    labels = np.full(len(frames[run]), -1)
    rows = np.flatnonzero(bins.run == run)
    for b, row in enumerate(rows):
        labels[bins.frames[row]] = b
    return bin_edges(frames[run].signals, labels)


if __name__ == "__main__":
    main()
