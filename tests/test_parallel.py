"""One BLAS thread inside; the same bytes on a Dask cluster."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import EXAMPLE
from threadpoolctl import threadpool_info, threadpool_limits

from painprint import Case, Settings, decode_runs, run_stage
from painprint.evidence.stages import STAGES
from painprint.parallel import map_ordered
from painprint.terminal import logged

ON_A_CLUSTER = """
import sys
from dask.distributed import LocalCluster
from painprint.cli import main

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        words = [*sys.argv[1:], "--n-jobs", "2", "--dask-scheduler", cluster.scheduler_address]
        sys.exit(main(words))
"""


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def look(_):
    return blas_threads()


def test_every_job_sees_one_blas_thread_and_the_limit_is_lifted_after():
    before = blas_threads()
    assert list(map_ordered(look, ((i,) for i in range(12)), n_jobs=3)) == [{1}] * 12
    assert blas_threads() == before


def test_a_command_and_a_stage_of_evidence_use_one_blas_thread(participant, monkeypatch):
    """Also outside of jobs: with several threads the null and the curve differed in last bits."""
    case = Case(decode_runs(participant, Settings(n_bootstraps=100)))
    look_on = SimpleNamespace(compute=lambda case, on_step: blas_threads())
    monkeypatch.setitem(STAGES, "null", look_on)
    with threadpool_limits(2, user_api="blas"):
        with logged(None):
            assert blas_threads() == {1}
        assert run_stage(case, "null") == {1}
        assert blas_threads() == {2}


@pytest.mark.parametrize("large", [False, True])
def test_results_come_in_order(large):
    jobs = ((np.full(3, i),) for i in range(20))
    assert list(map_ordered(np.sum, jobs, n_jobs=3, large=large)) == [3 * i for i in range(20)]


@pytest.mark.long
def test_a_cluster_gives_the_same_bytes(tmp_path):
    script = tmp_path / "cluster.py"
    script.write_text(ON_A_CLUSTER)
    words = "participant --task-id rating --rating-start 10 --n-bootstraps 100".split()
    for command, out in (
        ([sys.executable, "-m", "painprint"], tmp_path / "here"),
        ([sys.executable, str(script)], tmp_path / "there"),
    ):
        done = [*command, "run", str(EXAMPLE), str(out), *words]
        subprocess.run(done, check=True, timeout=120, capture_output=True)
    for path in sorted((tmp_path / "here").rglob("*")):
        if path.is_file() and "logs" not in path.parts:
            other = tmp_path / "there" / path.relative_to(tmp_path / "here")
            assert other.read_bytes() == path.read_bytes()
