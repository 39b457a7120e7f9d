"""Large jobs on a Dask cluster: one at a time on a worker, and none is lost with a worker."""

import os
import signal
import time
from itertools import pairwise

import pytest
from clusters import small_cluster

from painprint.cluster import on_scheduler
from painprint.decode.errors import NotEnoughData
from painprint.large_jobs import LargeJobs

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def scheduler():
    with small_cluster(2) as (address, _):
        yield address


def double(i):
    if i == 2:
        raise NotEnoughData("too few bins.")
    return 2 * i


def fine():
    return ""


def ended(cluster, function, arguments, check=fine):
    """Results and errors of large jobs by name, and the names in the order in which they began."""
    begun = []
    outcomes = {
        name: result if error is None else error
        for name, result, error in LargeJobs(
            cluster, function, arguments, check, begun.append
        ).outcomes()
    }
    return outcomes, begun


def test_an_error_of_a_large_job_is_its_own_and_the_others_go_on(scheduler):
    with on_scheduler(scheduler) as found:
        outcomes, begun = ended(found, double, {str(i): (i,) for i in range(5)})
    assert begun == [*"01234"]
    assert str(outcomes.pop("2")) == "too few bins."
    assert outcomes == {"0": 0, "1": 2, "3": 6, "4": 8}


def test_nothing_is_sent_if_a_worker_is_not_as_it_should_be(scheduler):
    with on_scheduler(scheduler) as found:
        with pytest.raises(ValueError, match=r"^worker tcp://\S+ of the Dask .*: no disk here\.$"):
            ended(found, double, {"0": (0,)}, lambda: "no disk here.")


def mark_times(folder, i, kind):
    """A large job that writes when it began and ended, and may kill its worker."""
    begin = time.time()
    if kind == "always" or (kind == "once" and not (folder / "killed").exists()):
        (folder / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.3)
    (folder / f"{i}.txt").write_text(f"{os.getpid()} {begin} {time.time()}")


@pytest.mark.long
def test_a_worker_has_one_job_at_a_time_and_its_loss_is_that_of_this_job_alone(tmp_path):
    kinds = ["fine", "once", "fine", "always", "fine", "fine", "fine", "fine"]
    with small_cluster(2, "--nthreads", "3") as (address, _), on_scheduler(address) as found:
        jobs = {str(i): (tmp_path, i, kind) for i, kind in enumerate(kinds)}
        outcomes, _ = ended(found, mark_times, jobs)
    assert str(outcomes.pop("3")).startswith("its workers were lost 4 times, probably for lack of")
    assert outcomes == dict.fromkeys("0124567")
    times = [path.read_text().split() for path in tmp_path.glob("*.txt")]
    assert len(times) == 7
    for worker in {name for name, *_ in times}:
        spans = sorted((float(a), float(b)) for name, a, b in times if name == worker)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))


@pytest.mark.long
def test_large_jobs_end_with_one_sentence_when_the_scheduler_is_lost(tmp_path):
    with small_cluster(1) as (address, processes):
        with pytest.raises(ValueError, match="lost the Dask scheduler at .* finished steps are"):
            with on_scheduler(address) as found:
                jobs = {str(i): (tmp_path, i, "fine") for i in range(9)}
                for _ in LargeJobs(found, mark_times, jobs, fine, lambda _: None).outcomes():
                    processes[0].kill()
