"""Many small linear-algebra jobs on few cores, with the same answer on any number of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

R = TypeVar("R")
T = TypeVar("T")


def one_blas_thread() -> Any:
    """Context in which BLAS uses one thread: more of them may mean other last bits."""
    return threadpool_limits(1, user_api="blas")


def map_ordered(
    function: Callable[..., R],
    arguments: Iterable[tuple[Any, ...]],
    *,
    n_jobs: int,
    large: bool = False,
) -> Iterator[R]:
    """Call ``function(*args)`` for each, in parallel; yield the results in order.

    Threads by default: NumPy's linear algebra releases the interpreter, and nothing is
    copied. A ``joblib.parallel_config`` around the call (Dask, say) is respected, unless
    the arguments are too ``large`` to be sent around.
    """
    from joblib import Parallel, delayed

    where = {"require": "sharedmem"} if large else {"prefer": "threads"}
    job = delayed(_call)
    # held around all jobs: a thread that lifted its own limit would lift the others' too
    with one_blas_thread():
        yield from Parallel(n_jobs=n_jobs, return_as="generator", **where)(
            job(function, args) for args in arguments
        )


def _call(function: Callable[..., R], args: tuple[Any, ...]) -> R:
    with one_blas_thread():  # for workers in processes of their own
        return function(*args)


def read_ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items; the next one is made in a thread while the last one is used."""
    iterator = iter(items)
    end: Any = object()
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, iterator, end)
        while (item := coming.result()) is not end:
            coming = worker.submit(next, iterator, end)
            yield item


@contextmanager
def on_scheduler(address: str | None) -> Iterator[None]:
    """joblib on the user's own Dask scheduler, if there is one.

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
