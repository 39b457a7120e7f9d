"""Time and memory of a multiverse: every specification of a plan, of one simulated person.

    python benchmarks/multiverse_cost.py                28 sessions x 3 runs x 200 regions; resumes
    python benchmarks/multiverse_cost.py --sessions 8 --regions 24 --run-s 240 --small --out FILE

The plan has 48 specifications: lag (4) x start that is dropped (2) x a network (2) x training bins
and decoder (ridge regression on 30-s and 60-s bins, LASSO-PCR on 60-s bins). Beside it stands what
`--dry-run` told. Each specification is decoded twice, with ratings as they are and permuted. One
process with 2 workers; memory is its peak. CPU time is that of all its threads, and hardly depends
on what else runs. The table lies in benchmarks/tables/, one row for each stage, written as soon as
it is done; the person and the finished specifications are kept in `--work` (default: a folder
beside the table, which is removed at the end).
"""

from __future__ import annotations

import argparse
import logging
import resource
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from decode_speed import processor

from painprint import Settings
from painprint.apps.multiverse import run_multiverse
from painprint.apps.multiverse_dry_run import describe_multiverse
from painprint.apps.plan_file import read_plan
from painprint.apps.simulate import simulate_people
from painprint.apps.study import Study
from painprint.progress import Progress
from painprint.simulate.world import World

TABLE = Path(__file__).parent / "tables" / "multiverse_cost.tsv"
PLAN = """
[choices]
lag = [6, 4, 8, 10]
drop = [30, 60]
exclude-network = [[], "{network}"]
train-bins = ["30s", "60s"]
decoder = ["ridge", "lasso_pcr"]

[[left-out]]
train-bins = "30s"
decoder = "lasso_pcr"
because = "LASSO-PCR is run on 60-s bins"
"""
SMALL = PLAN.replace("[6, 4, 8, 10]", "[6, 4]").replace("[30, 60]", "[30, 20]")


class Timed(Progress):
    """Writes the seconds of each stage into the table."""

    def __init__(self, path: Path, about: dict[str, object]) -> None:
        super().__init__("sub-01")
        self.path, self.about = path, about

    @contextmanager
    def stage(self, title, *, logged=True):
        start, cpu = time.perf_counter(), time.process_time()
        with super().stage(title, logged=logged) as on_step:
            yield on_step
        peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        row = {
            **self.about,
            "stage": title,
            "seconds": time.perf_counter() - start,
            "cpu_seconds": time.process_time() - cpu,
            "peak_gb": peak_gb,
        }
        rows = [*read(self.path), row]
        pd.DataFrame(rows).to_csv(self.path, sep="\t", index=False, float_format="%.3f")


def read(path):
    """Rows of an earlier table."""
    return pd.read_csv(path, sep="\t").to_dict("records") if path.exists() else []


def summarise(table):
    numbers = table["stage"].str.extract(r"specification (\d+) of", expand=False)
    each = table[numbers.notna()]
    print(
        f"{len(each)} specifications in {table['seconds'].sum() / 60:.1f} min, of which "
        f"{table['cpu_seconds'].sum() / 60:.1f} min of CPU time, with reading "
        f"({each['cpu_seconds'].min():.1f} to {each['cpu_seconds'].max():.1f} s each); "
        f"peak {table['peak_gb'].max():.2f} GB"
    )


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=28)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--regions", type=int, default=200)
    parser.add_argument("--run-s", type=float, default=600.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="24 specifications")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--out", type=Path, default=TABLE)
    return parser.parse_args()


def main():
    size = parse()
    logging.getLogger("painprint").setLevel(logging.ERROR)
    size.out.parent.mkdir(parents=True, exist_ok=True)
    work = size.work or size.out.with_suffix(".work")
    world = World(n_regions=size.regions, n_runs=size.runs, run_s=size.run_s)
    if not (work / "people").exists():
        simulate_people(
            work / "people", (size.sessions,), layout="xcp_d", world=world, random_seed=20260310
        )
    regions = next(work.glob("people/derivatives/xcp_d/**/*_dseg.tsv"))
    network = pd.read_csv(regions, sep="\t")["network_label"].dropna().iloc[0]
    plan = work / "plan.toml"
    plan.write_text((SMALL if size.small else PLAN).format(network=network))
    settings = Settings(task_id=("rating",))
    derivatives = (work / "people" / "derivatives" / "xcp_d",)
    study = Study(work / "people", work / "out", derivatives, settings, size.jobs)
    declared = read_plan(plan, settings, ())
    print(describe_multiverse(study, declared, "01").splitlines()[-1].strip())
    about = {"n_sessions": size.sessions, "n_runs": size.runs, "n_regions": size.regions}
    run_multiverse(study, declared, "01", progress=Timed(size.out, about))
    print(f"{processor()}, {size.jobs} workers")
    summarise(pd.DataFrame(read(size.out)))
    if size.work is None:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
