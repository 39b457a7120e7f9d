"""Many small linear-algebra jobs on few cores, with the same answer on any number of them."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
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


def _limited(function: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with one_blas_thread:
            return function(*args, **kwargs)

    return limited


def map_ordered(
    function: Callable[..., R], arguments: Iterable[tuple[Any, ...]], *, n_jobs: int
) -> Iterator[R]:
    """Call ``function(*args)`` for each, in parallel; yield the results in order.

    Threads by default: NumPy's linear algebra releases the interpreter, and nothing is
    copied. A ``joblib.parallel_config`` around the call (Dask, say) is respected.
    """
    from joblib import Parallel, delayed

    job = delayed(_limited(function))
    with one_blas_thread:
        yield from Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(
            job(*args) for args in arguments
        )
