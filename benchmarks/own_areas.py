"""The whole chain with a person's own areas: simulate, parcellate, decode with them.

    python benchmarks/own_areas.py          91,282 grayordinates, 12 sessions; 9 GB of disk
    python benchmarks/own_areas.py --divisions 12 --regions 40 --sessions 8 --seeds 300

A simulated person has planted areas on both hemispheres, and pieces of the thalamus as regions. The
commands are those of a user, each in a process of its own: `painprint simulate --layout
fmriprep_surfaces`, `painprint parcellate`, and `painprint run`, once with the areas found and once
with those planted. One row per measure; tables lie in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from painprint.cortex.evaluate import compare
from painprint.files.labels import read_label_image

TABLE = Path(__file__).parent / "tables" / "own_areas.tsv"
QUICK = (
    "--n-bootstraps 1000 --skip null curve importance baselines univariate prospective qcfc "
    "external"
).split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--divisions", type=int, default=57)
    parser.add_argument("--regions", type=int, default=300)
    parser.add_argument("--sessions", type=int, default=12)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=6000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=TABLE)
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        study(Path(folder), arguments, rows)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(arguments.out, sep="\t", index=False, float_format="%.4g")


def study(folder: Path, arguments: argparse.Namespace, rows: list[dict[str, object]]) -> None:
    """Run the commands, and read what they wrote."""
    bids, own, planted = folder / "bids", folder / "own", folder / "planted"
    jobs = ["--n-jobs", str(arguments.jobs)]

    def say(measure: str, value: float) -> None:
        rows.append({"measure": measure, "value": value})
        print(f"{measure}\t{value:.4g}", flush=True)

    def timed(name: str, *words: object) -> None:
        start = time.perf_counter()
        with (folder / "log").open("w+") as log:
            command = [sys.executable, "-m", "painprint", *map(str, words)]
            process = subprocess.Popen(command, stdout=log, stderr=log)
            _, status, used = os.wait4(process.pid, 0)
            if status:
                log.seek(0)
                sys.exit(log.read())
        say(f"seconds: {name}", time.perf_counter() - start)
        say(f"peak memory (GB): {name}", used.ru_maxrss / 1e6)

    world = ["--divisions", arguments.divisions, "--n-regions", arguments.regions]
    timed(
        "simulate", "simulate", bids, "--layout", "fmriprep_surfaces",
        "--sessions", arguments.sessions, "--n-runs", 2, "--run", arguments.seconds, *world,
    )  # fmt: skip
    timed("parcellate", "parcellate", bids, own, "participant", "--n-seeds", arguments.seeds, *jobs)
    metrics = json.loads(next(own.glob("sub-01/parcellation/*_metrics.json")).read_text())
    truth = read_label_image(next(bids.glob("derivatives/fmriprep/atlases/*/*.dlabel.nii")))
    found = read_label_image(
        next(own.glob("sub-01/parcellation/*atlas-individual_dseg.dlabel.nii"))
    )
    cortex = ~truth.points.axis.volume_mask
    agreement = compare(truth.labels[cortex], found.labels[cortex])
    say("grayordinates", len(truth.labels))
    say("planted areas", agreement.n_areas[0])
    say("areas found", agreement.n_areas[1])
    say("minutes of rest after censoring", metrics["minutes"])
    say("ARI with the planted areas, points in an area", agreement.ari)
    say("median matched Dice, points in an area", agreement.dice_inside)
    say("median matched Dice, all points", agreement.dice)
    say("halves: ARI", metrics["halves"]["agreement"]["ari"])
    say("homogeneity z", metrics["homogeneity"]["individual"]["z"])
    say("r of exact and linear boundary map", metrics["check"]["r"])
    decode = [bids, "participant", "--task-id", "rating", *QUICK, *jobs]
    for name, out, atlas in (("own areas", own, "individual"), ("planted", planted, "Simulated01")):
        timed(f"run with {name}", "run", decode[0], out, *decode[1:], "--atlas", atlas)
        scored = json.loads(next(out.glob("sub-01/decoding/*_metrics.json")).read_text())
        minute = scored["scales"]["1min"]
        say(f"decoding, {name}: session-centred r at 1 min", minute["centred_r"])
        say(f"decoding, {name}: r at 1 min", minute["r"])
    refits = pd.read_csv(next(own.glob("sub-01/decoding/*_sensitivity.tsv")), sep="\t")
    confound = refits[(refits["scale"] == "1min") & refits["variant"].str.contains("areas of")]
    for variant, r in zip(confound["variant"], confound["centred_r"], strict=True):
        say(f"decoding, {variant}: session-centred r at 1 min", r)


if __name__ == "__main__":
    main()
