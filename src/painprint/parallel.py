"""Parallel jobs whose results do not depend on the number of workers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from threadpoolctl import threadpool_info, threadpool_limits

from painprint.cluster import current

R = TypeVar("R")
T = TypeVar("T")


class _OneBlasThread:
    """One BLAS thread in the process, from the first that enters to the last that leaves.

    Limits are global to the process: a job that restored its own would lift those of the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._limits: list[threadpool_limits] = []

    def __enter__(self) -> None:
        with self._lock:
            blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
            if any(pool["num_threads"] != 1 for pool in blas):  # at first, or newly loaded
                self._limits.append(threadpool_limits(1, user_api="blas"))
            self._n_inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_inside -= 1
            while self._n_inside == 0 and self._limits:
                self._limits.pop().restore_original_limits()


_one_blas_thread = _OneBlasThread()


def one_blas_thread() -> Any:
    """Context in which BLAS uses one thread: with more, results may differ in the last bits."""
    return _one_blas_thread


def map_ordered(
    function: Callable[..., R],
    arguments: Iterable[tuple[Any, ...]],
    *,
    shared: tuple[Any, ...] = (),
    n_jobs: int,
    large: bool = False,
) -> Iterator[R]:
    """Call ``function(*shared, *args)`` for each, in parallel; yield the results in order.

    By threads: NumPy's linear algebra releases the interpreter lock, and nothing is copied. Inside
    of :func:`~painprint.cluster.on_scheduler` by the workers of the cluster, to which what is
    shared is sent once, unless arguments or results are too ``large`` to be sent. Outside of it, a
    ``joblib.parallel_config`` is respected for the same jobs.
    """
    from joblib import Parallel, delayed

    cluster = None if large else current()
    with one_blas_thread():
        if cluster is not None:
            yield from cluster.map(partial(_call, function), list(arguments), shared)
            return
        backend = {"require": "sharedmem"} if large else {"prefer": "threads"}
        job = delayed(_call)
        yield from Parallel(n_jobs=n_jobs, return_as="generator", **backend)(
            job(function, *shared, *args) for args in arguments
        )


def map_in_processes(
    function: Callable[..., R], arguments: Iterable[tuple[Any, ...]], *, n_jobs: int
) -> Iterator[R]:
    """Call ``function(*args)`` for each in processes of their own; yield the results in order.

    For work in Python itself, of which threads do one at a time. Arguments and results are sent to
    and from the processes; with one worker, all is done in this process.
    """
    from joblib import Parallel, delayed

    job = delayed(_call)
    in_order = Parallel(n_jobs=n_jobs, backend="loky", return_as="generator", max_nbytes=None)
    yield from in_order(job(function, *args) for args in arguments)


def _call(function: Callable[..., R], *args: Any) -> R:
    with one_blas_thread():  # for workers that are other processes
        return function(*args)


def read_ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield the items, computing the next in a thread while the caller uses the last."""
    iterator = iter(items)
    end: Any = object()
    with ThreadPoolExecutor(1) as worker:
        next_item = worker.submit(next, iterator, end)
        while (item := next_item.result()) is not end:
            next_item = worker.submit(next, iterator, end)
            yield item
