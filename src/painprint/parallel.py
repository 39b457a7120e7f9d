"""Parallel jobs whose results do not depend on the number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

R = TypeVar("R")
T = TypeVar("T")


def one_blas_thread() -> Any:
    """Context in which BLAS uses one thread: with more, results may differ in the last bits."""
    return threadpool_limits(1, user_api="blas")


def map_ordered(
    function: Callable[..., R],
    arguments: Iterable[tuple[Any, ...]],
    *,
    n_jobs: int,
    large: bool = False,
) -> Iterator[R]:
    """Call ``function(*args)`` for each, in parallel; yield the results in order.

    Threads by default: NumPy's linear algebra releases the interpreter lock, and nothing is
    copied. A ``joblib.parallel_config`` around the call (Dask, for example) is respected, unless
    the arguments are too ``large`` to be sent to other processes.
    """
    from joblib import Parallel, delayed

    backend = {"require": "sharedmem"} if large else {"prefer": "threads"}
    job = delayed(_call)
    # limits are global to the process: a thread that restores its own would lift the others'
    with one_blas_thread():
        yield from Parallel(n_jobs=n_jobs, return_as="generator", **backend)(
            job(function, args) for args in arguments
        )


def _call(function: Callable[..., R], args: tuple[Any, ...]) -> R:
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


@contextmanager
def on_scheduler(address: str | None) -> Iterator[None]:
    """Run joblib on the Dask scheduler at this address, if any.

    Raises
    ------
    ValueError
        If Dask is not installed.
    """
    if address is None:
        yield
        return
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise ValueError(
            "--dask-scheduler needs Dask: pip install 'painprint[cluster]'."
        ) from error
    from joblib import parallel_config

    with Client(address), parallel_config(backend="dask"):
        yield
