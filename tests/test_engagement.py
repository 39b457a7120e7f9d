"""Real BOLD with real ratings (engagement, not pain), where they lie beside the checkout."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import SHARED

from painprint.cli import main

DATA = SHARED / "data" / "engagement"
TASKS = "--task-id documentary sitcomep1 sitcomep2 --rating-range 1 9"
pytestmark = [pytest.mark.needs("engagement"), pytest.mark.long]


def read(out, participant, name):
    (path,) = (out / f"sub-{participant}" / "decoding").glob(f"*_{name}")
    if path.suffix == ".json":
        return json.loads(path.read_text())
    return pd.read_csv(path, sep="\t", dtype={"session": str})


@pytest.mark.parametrize("participant", ["003", "004", "005", "006"])
def test_every_frame_of_every_rated_run_is_accounted_for(tmp_path, participant):
    words = f"""run {DATA} {tmp_path} participant --participant-label {participant}
        --leave-out run {TASKS}"""
    assert main(words.split()) == 0
    runs = read(tmp_path, participant, "runs.tsv")
    assert len(runs) == 3
    for _, row in runs.iterrows():
        pattern = f"sub-{participant}/ses-{row['session']}/func/*_task-{row['task']}_*"
        (series,) = (DATA / "derivatives/xcp_d").glob(f"{pattern}timeseries.tsv")
        (rating,) = DATA.glob(f"{pattern}physio.tsv.gz")
        n_frames = len(pd.read_csv(series, sep="\t"))
        n_rated = len(pd.read_csv(rating, header=None))
        assert row["n_frames"] == n_frames
        # samples at 0, 1, ... s rate the frames whose middle lies between two of them
        n_unrated_but_lagged = max(0, n_frames - 6 - (n_rated - 1))
        assert row["n_without_rating"] == n_unrated_but_lagged
        assert row["n_kept"] == n_frames - 30 - 6 - n_unrated_but_lagged
        assert row["n_kept"] == row["n_in_training_bins"] + row["n_in_no_training_bin"]
    minutes = read(tmp_path, participant, "predictions.tsv").query("scale == '1min'")
    assert minutes["n_frames"].sum() == runs["n_kept"].sum()
    metrics = read(tmp_path, participant, "metrics.json")
    assert np.isfinite(metrics["scales"]["1min"]["centred_r"])
    assert metrics["simulated"] is False


def pool(target):
    """The four people as sessions 1 to 4 of one participant."""
    for session, source in enumerate(("003", "004", "005", "006"), start=1):
        for path in sorted(DATA.rglob(f"sub-{source}_ses-*_task-*")):
            if "rest" in path.name:
                continue
            old = path.name.split("_")[1]
            name = path.name.replace(f"sub-{source}_{old}", f"sub-01_ses-{session:02d}")
            folder = target / path.relative_to(DATA).parent.as_posix().replace(
                f"sub-{source}/{old}", f"sub-01/ses-{session:02d}"
            )
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / name)


def test_people_pooled_as_sessions_of_one_run_and_agree_within_runs(tmp_path):
    pool(tmp_path / "bids")
    words = f"run {tmp_path}/bids {tmp_path}/out participant {TASKS}"
    assert main(words.split()) == 0
    metrics = read(tmp_path / "out", "01", "metrics.json")
    assert metrics["n_groups"] == 4 and metrics["n_runs"] == 12
    # three people to train on are few: only the course within runs carries over
    assert metrics["within_run"]["r"] > 0
