"""Real heat pain, rated after each stimulus: people as sessions, trials as bins.

    python benchmarks/heat_pain.py ../shared/data/heat_pain

Trials are the rating rows of events.tsv, their windows 4 to 20 s after the onset of the heat before
them, without a further lag. People are pooled as sessions and left out in turn, so a prediction
comes from other people alone. Printed is the mean over people of the correlation over trials within
people, with its SE, for edges, activity and both; then the same where each person is decoded alone,
runs left out in turn. The data (OpenNeuro ds000140) are not part of the package.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from painprint import Run, Settings, decode_runs
from painprint.bids.find import DataSelection, find_runs
from painprint.bids.load import load_run
from painprint.files.dataset import Dataset
from painprint.stats.correlation import correlation

FEATURES = ("edges", "activity", "both")
SETTINGS = Settings(
    rating_of="heat", rating_window=(4.0, 20.0), lag_s=(0.0,), drop_s=0, min_run_s=20,
    n_bootstraps=1000,
)  # fmt: skip


def read_people(root: Path) -> dict[str, list[Run]]:
    """Runs by person, as read from the files."""
    raw = Dataset(root, "raw")
    derivatives = [Dataset(root / "derivatives" / "xcp_d", "derivatives1")]
    people = {}
    for person in raw.participants():
        files = find_runs(raw, derivatives, person, DataSelection(task_id=("heat",))).runs
        people[person] = [load_run(run, SETTINGS)[0] for run in files]
    return people


def within(predictions: pd.DataFrame, by: str) -> list[float]:
    """Correlation over trials of each person or run, both centred within runs."""
    rows = predictions[predictions["scale"] == "event"]
    centred = rows[["rating", "predicted"]] - rows.groupby("run_code")[
        ["rating", "predicted"]
    ].transform("mean")
    values = [
        correlation(group["rating"].to_numpy(), group["predicted"].to_numpy())
        for _, group in centred.groupby(rows[by])
    ]
    return [value for value in values if value is not None]


def describe(values: list[float]) -> str:
    return f"{np.mean(values):.3f} (SE {np.std(values, ddof=1) / np.sqrt(len(values)):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="the BIDS dataset")
    people = read_people(parser.parse_args().root)
    pooled = [replace(run, session=person) for person, runs in people.items() for run in runs]
    n_trials = sum(int(run.event.max()) + 1 for run in pooled)
    print(f"{len(people)} people, {len(pooled)} runs, {n_trials} trials")
    for features in FEATURES:
        decoding = decode_runs(pooled, replace(SETTINGS, features=features))
        event = decoding.scales["event"]
        print(
            f"other people, {features}: mean r within people "
            f"{describe(within(decoding.predictions, 'group'))}; centred r {event.centred_r:.3f} "
            f"({event.centred_r_ci[0]:.3f} to {event.centred_r_ci[1]:.3f})"
        )
    for features in FEATURES:
        values = []
        for runs in people.values():
            if len(runs) < 3:
                continue
            alone = replace(SETTINGS, features=features, leave_out="run")
            values.append(np.mean(within(decode_runs(runs, alone).predictions, "run_code")))
        print(
            f"own runs, {features}: mean r within runs of {len(values)} people {describe(values)}"
        )


if __name__ == "__main__":
    main()
