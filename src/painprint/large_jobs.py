"""Large jobs on a Dask cluster: one at a time on each worker, and none is lost with a worker.

Dask would put several on a worker with several threads, and blames the loss of a worker on every
job that waits there. So each job is sent to a worker that is free.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from typing import Any

from painprint.cluster import LOOK_S, TRIES, Cluster, Lost, call, differences, outcome, versions

log = logging.getLogger("painprint")

Job = tuple[Any, ...]
"""Arguments of a job."""


class LargeJobs:
    """Jobs of one function, each with a name.

    Parameters
    ----------
    function : callable
        Called with the arguments of each job, on a worker.
    jobs : mapping
        Arguments of each job, by its name.
    check : callable
        Called on every worker before its first job: a sentence on what is wrong there, or "".
    on_start : callable
        Called with the name of a job that is sent.
    """

    def __init__(
        self,
        cluster: Cluster,
        function: Callable[..., Any],
        jobs: Mapping[str, Job],
        check: Callable[[], str],
        on_start: Callable[[str], None],
    ) -> None:
        self._cluster, self._function, self._jobs = cluster, function, jobs
        self._check, self._on_start = check, on_start
        self._waiting = deque(jobs)
        self._sent: dict[Any, tuple[str, str]] = {}
        """Name of the job and address of its worker, by future."""
        self._losses: Counter[str] = Counter()
        self._wrong: dict[str, str] = {}
        """What is wrong on workers that were checked, by address; empty where nothing is."""

    def outcomes(self) -> Iterator[tuple[str, Any, Exception | None]]:
        """Yield name, result and error of each job that ends.

        The job of a worker that is lost is sent to another; a job whose workers are lost too often
        fails.

        Raises
        ------
        ValueError
            If something is wrong on a worker that is there from the start.
        """
        for worker, wrong in self._check_new(self._cluster.usable_workers(time.monotonic())):
            raise ValueError(
                f"worker {worker} of the Dask scheduler at {self._cluster.address}: {wrong}"
            )
        idle_since, tries = time.monotonic(), 0
        while self._waiting or self._sent:
            try:
                refused = [worker for worker, wrong in self._wrong.items() if wrong]
                workers = self._cluster.usable_workers(idle_since, without=refused)
                for worker, wrong in self._check_new(workers):
                    log.warning("worker %s is not used: %s", worker, wrong)
                workers = [worker for worker in workers if self._wrong.get(worker) == ""]
                if workers:
                    idle_since = time.monotonic()
                    yield from self._take_back(workers)
                    self._send(workers)
                for future in self._ended():
                    yield from self._settle(future)
                    tries = 0
            except (OSError, CancelledError) as failure:
                self._cluster.recover(failure)
                tries += 1
                if tries == TRIES:
                    raise Lost(self._cluster.about_lost_workers()) from failure
                self._waiting.extendleft(name for name, _ in self._sent.values())
                self._sent.clear()

    def _check_new(self, workers: list[str]) -> list[tuple[str, str]]:
        """Check workers that were not checked; those where something is wrong, and what."""
        new = [worker for worker in workers if worker not in self._wrong]
        if not new:
            return []
        answers = self._cluster.client.run(
            _what_is_wrong, versions(), self._check, workers=new, on_error="return"
        )
        # others were lost meanwhile
        told = {worker: wrong for worker, wrong in answers.items() if isinstance(wrong, str)}
        self._wrong |= told
        return [(worker, wrong) for worker, wrong in told.items() if wrong]

    def _send(self, workers: list[str]) -> None:
        """Send a job to each worker that has none."""
        busy = {worker for _, worker in self._sent.values()}
        for worker in workers:
            if worker not in busy and self._waiting:
                name = self._waiting.popleft()
                job = (self._function, self._jobs[name])
                future = self._cluster.client.submit(
                    call, versions(), _alone, job, workers=[worker], pure=False
                )
                self._sent[future] = name, worker
                self._on_start(name)

    def _take_back(self, workers: list[str]) -> Iterator[tuple[str, None, Exception]]:
        """Jobs of workers that are lost wait again, or fail."""
        for future, (_, worker) in [*self._sent.items()]:
            if worker not in workers and not future.done():
                yield from self._lose(future)

    def _settle(self, future: Any) -> Iterator[tuple[str, Any, Exception | None]]:
        """The outcome of a job that has ended, unless its worker was lost."""
        from distributed import KilledWorker

        result, error = outcome(future)
        if isinstance(error, Lost):
            raise error
        if isinstance(error, KilledWorker):
            yield from self._lose(future)
        else:
            yield self._sent.pop(future)[0], result, error

    def _lose(self, future: Any) -> Iterator[tuple[str, None, Exception]]:
        """The job waits again, unless its workers were lost too often."""
        name, _ = self._sent.pop(future)
        self._losses[name] += 1
        if self._losses[name] < TRIES:
            self._waiting.appendleft(name)
            return
        yield (
            name,
            None,
            ValueError(
                f"its workers were lost {TRIES} times, probably for lack of memory. Give them "
                "more, and run the same command again: finished steps are kept."
            ),
        )

    def _ended(self) -> list[Any]:
        """The jobs that have ended, after some time if there are none."""
        from distributed import wait

        if not self._sent:
            time.sleep(LOOK_S / 4)
            return []
        try:
            futures = wait([*self._sent], timeout=LOOK_S, return_when="FIRST_COMPLETED")
        except TimeoutError:
            return []
        return [*futures.done]


def _what_is_wrong(expected: dict[str, str | None], check: Callable[[], str]) -> str:
    """On a worker: a sentence on other software or what the check finds, or ""."""
    return differences(versions(), expected) or check()


_one_at_a_time = threading.Lock()
"""On a worker: held by a job, since another program may send one, too."""


def _alone(function: Callable[..., Any], args: Job) -> Any:
    """A job, on a worker."""
    with _one_at_a_time:
        return function(*args)
