"""Many small linear-algebra jobs on few cores, with the same answer on any number of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

R = TypeVar("R")


class _OneBlasThread:
    """Holds BLAS at one thread while anything in this process is inside.

    A plain ``threadpool_limits`` per thread would race: the first to leave lifts the
    limit under the others, and more BLAS threads may mean other last bits.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limits: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limits = threadpool_limits(1)
            self._inside += 1

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limits.restore_original_limits()


one_blas_thread = _OneBlasThread()


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
    with one_blas_thread:
        yield from Parallel(n_jobs=n_jobs, return_as="generator", **where)(
            job(function, args) for args in arguments
        )


def _call(function: Callable[..., R], args: tuple[Any, ...]) -> R:
    with one_blas_thread:
        return function(*args)
