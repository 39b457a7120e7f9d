"""Jobs on the user's own Dask scheduler: arguments that jobs share are sent once.

Dask sends jobs as pickles, as it does for everybody who uses it, so the scheduler has to be
trusted. No pickle is written to a file or read from one.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import pickle
import sys
import time
import warnings
from collections import ChainMap
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import Matrix, Vector

CONNECT_S = 4.0
"""Longest time for the scheduler to answer, at the start and after a lost connection (s)."""
NO_WORKER_S = 60.0
"""Longest time that jobs wait while no worker can take them (s)."""
LOOK_S = 2.0
"""Time between looks at the scheduler while a job is waited for (s)."""
TRIES = 4
"""Times that a job is sent before its workers are taken to die of it."""
SAME = ("painprint", "numpy", "scipy", "numba", "dask", "distributed")
"""Packages of which every computer needs the same version: numbers depend on them."""
LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")
"""Loggers of Dask, whose messages at a lost connection are tracebacks."""


_GO_ON = "finished steps are kept; run the same command again to continue."


class Lost(Exception):
    """Scheduler or workers cannot be used any more.

    It is no error of data or files, so that the next participant is not tried.
    """


class Cluster:
    """A connection to a Dask scheduler.

    Parameters
    ----------
    address : str
        Address of the scheduler, such as tcp://host:8786.

    Raises
    ------
    ValueError
        If there is no scheduler, no worker, or other software on one of them.
    """

    def __init__(self, address: str) -> None:
        from distributed import Client

        self.address = address
        self._sent: dict[str, Any] = {}
        """Futures of what the workers have, by the hash of its content."""
        _find_scheduler(address)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # other versions are named below
                self.client: Any = Client(address, timeout=CONNECT_S)
        except Exception as error:  # whatever another version answers
            raise ValueError(_unusable(address, error)) from error
        try:
            self._check_workers()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Cancel what is not done, and leave the scheduler."""
        self._sent.clear()
        with suppress(OSError):  # a scheduler that is gone does not answer
            self.client.close(timeout=CONNECT_S)

    def map(
        self,
        function: Callable[..., Any],
        arguments: Sequence[tuple[Any, ...]],
        shared: Sequence[Any],
    ) -> Iterator[Any]:
        """Yield ``function(*shared, *args)`` for each, in order.

        What is shared is sent once to each worker, and not again by a call with the same content.
        Jobs of a worker that is lost are sent again.
        """
        packed = [Packed(value) for value in shared]
        self._sent = {p.key: self._sent[p.key] for p in packed if p.key in self._sent}
        futures: list[Any] = [None] * len(arguments)
        tries = at = 0
        while at < len(arguments):
            try:
                if futures[at] is None:
                    futures[at:] = self._submit(function, arguments[at:], packed)
                result, error = self._wait(futures[at])
            except (OSError, CancelledError) as failure:
                self.recover(failure)
                tries += 1
                if tries == TRIES:
                    raise Lost(self.about_lost_workers()) from failure
                futures[at:] = [None] * (len(arguments) - at)
                self._sent.clear()
                continue
            if error is not None:
                raise error
            futures[at], tries, at = None, 0, at + 1
            yield result

    def _submit(
        self,
        function: Callable[..., Any],
        arguments: Sequence[tuple[Any, ...]],
        packed: Sequence[Packed],
    ) -> list[Any]:
        """Send what is shared and missing, then the jobs; their futures."""
        idle_since = time.monotonic()
        while not self.usable_workers(idle_since):
            time.sleep(LOOK_S / 4)
        missing = {p.key: p for p in packed if p.key not in self._sent}
        if missing:
            self._sent |= self.client.scatter(missing, broadcast=True, timeout=CONNECT_S)
        there = [self._sent[p.key] for p in packed]
        return [
            self.client.submit(call, versions(), function, args, *there, pure=False)
            for args in arguments
        ]

    def _wait(self, future: Any) -> tuple[Any, Exception | None]:
        """Result of a job, or its error."""
        from distributed import KilledWorker, wait

        idle_since = time.monotonic()
        while True:
            try:
                wait([future], timeout=LOOK_S)
                break
            except TimeoutError:
                if self.usable_workers(idle_since):
                    idle_since = time.monotonic()
        result, error = outcome(future)
        if isinstance(error, KilledWorker):
            raise Lost(self.about_lost_workers()) from error
        return result, error

    def usable_workers(self, idle_since: float, without: Collection[str] = ()) -> list[str]:
        """Addresses of the workers that take jobs or have one.

        Raises
        ------
        Lost
            If there was none for too long.
        """
        usable = []
        try:
            identity = self.client.sync(self.client.scheduler.identity, callback_timeout=CONNECT_S)
        except TimeoutError:
            state = "the scheduler does not answer"
        else:
            workers = {a: w for a, w in identity["workers"].items() if a not in without}
            usable = [a for a, w in workers.items() if w["status"] == "running" or _is_busy(w)]
            state = (
                f"its {len(workers)} workers are paused, as by their limit of memory"
                if workers
                else "it has no worker any more"
            )
        if not usable and time.monotonic() - idle_since > NO_WORKER_S:
            raise Lost(
                f"waited {NO_WORKER_S:.0f} s for the Dask scheduler at {self.address}: {state}; "
                + _GO_ON
            )
        return usable

    def recover(self, failure: Exception) -> None:
        """Wait until the connection is open again; scheduler and workers may have been restarted.

        Raises
        ------
        Lost
            If it stays closed.
        """
        until = time.monotonic() + 1.5 * CONNECT_S
        time.sleep(LOOK_S / 4)  # until the client has seen that the connection is closed
        while self.client.status != "running":
            if self.client.status == "closed" or time.monotonic() > until:
                raise Lost(f"lost the Dask scheduler at {self.address}; {_GO_ON}") from failure
            time.sleep(LOOK_S / 20)

    def about_lost_workers(self) -> str:
        return (
            f"the workers of the Dask scheduler at {self.address} were lost {TRIES} times with the "
            f"same job, probably for lack of memory: give them more; {_GO_ON}"
        )

    def _check_workers(self) -> None:
        """Check that there are workers, and that they have the software of this computer."""
        until = time.monotonic() + CONNECT_S
        while not (found := self.client.get_versions(packages=SAME))["workers"]:
            if time.monotonic() > until:
                raise ValueError(
                    f"the Dask scheduler at {self.address} has no workers; start them first "
                    f"(dask worker {self.address}), or leave out --dask-scheduler."
                )
            time.sleep(LOOK_S / 4)
        of_workers = {f"worker {name}": host for name, host in found["workers"].items()}
        for name, host in {"scheduler": found["scheduler"], **of_workers}.items():
            packages = host["packages"]
            there = {package: packages[package] for package in SAME}
            there["python"] = ".".join(packages["python"].split(".")[:2])
            if wrong := differences(there, versions()):
                raise ValueError(f"{name} of the Dask scheduler at {self.address}: {wrong}")


def outcome(future: Any) -> tuple[Any, Exception | None]:
    """Result of a job that has ended, or its error."""
    if future.status != "error":
        return future.result(timeout=NO_WORKER_S), None
    return None, future.exception(timeout=CONNECT_S)


def _is_busy(worker: dict[str, Any]) -> bool:
    """Whether a worker, which may be paused, computes something."""
    return bool(worker.get("metrics", {}).get("task_counts", {}).get("executing"))


def _find_scheduler(address: str) -> None:
    """Raise ValueError if no Dask scheduler answers at this address in time."""
    from distributed import Security
    from distributed.core import rpc

    async def ask() -> Any:
        args = Security().get_connection_args("client")
        async with rpc(address, timeout=CONNECT_S / 2, connection_args=args) as scheduler:
            return await scheduler.identity()

    try:
        kind = asyncio.run(asyncio.wait_for(ask(), CONNECT_S))["type"]
    except Exception as error:  # whatever else listens there may answer anything
        raise ValueError(_unusable(address, error)) from error
    if kind != "Scheduler":
        raise ValueError(_unusable(address, f"a {kind.lower()} answers"))


def _unusable(address: str, reason: Exception | str) -> str:
    """Sentence about an address without a scheduler."""
    if isinstance(reason, Exception):
        while reason.__cause__ is not None and isinstance(reason.__cause__, Exception):
            reason = reason.__cause__
        if isinstance(reason, TimeoutError):
            reason = f"no answer within {CONNECT_S:.0f} s"
        elif isinstance(reason, MemoryError):  # its first bytes were taken for a length
            reason = "the answer is not that of Dask"
        else:
            reason = " ".join(str(reason).split()) or type(reason).__name__
    return (
        f"no Dask scheduler can be used at {address or 'an empty address'} ({reason}). "
        "Give --dask-scheduler the address that the scheduler prints when it starts, as in "
        "tcp://HOST:8786, or leave it out."
    )


@cache
def versions() -> dict[str, str | None]:
    """Versions on this computer of Python (major.minor) and the packages in ``SAME``."""
    found: dict[str, str | None] = {}
    for package in SAME:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    found["python"] = f"{sys.version_info.major}.{sys.version_info.minor}"
    return found


def differences(there: dict[str, str | None], here: dict[str, str | None]) -> str:
    """Sentence about versions that differ; empty if none does."""
    different = [
        f"{name} {there[name] or 'is missing'} (here {here[name]})"
        for name in here
        if there[name] != here[name]
    ]
    if not different:
        return ""
    return (
        f"{', '.join(different)}, but numbers depend on the versions. Install the same on every "
        "computer of the cluster."
    )


def call(
    expected: dict[str, str | None],
    function: Callable[..., Any],
    args: tuple[Any, ...],
    *shared: Packed,
) -> Any:
    """A job, on a worker, which may have joined after versions were compared."""
    if wrong := differences(versions(), expected):
        raise Lost(f"a Dask worker: {wrong}")
    return function(*(packed.value for packed in shared), *args)


class Packed:
    """A value that is sent once, and its bytes; symmetric matrices go as a triangle.

    Parameters
    ----------
    value : object
        What jobs share; it may hold functions.
    """

    def __init__(self, value: Any) -> None:
        self.value = value
        self.payload: bytes = _pack(value)
        self.key = f"painprint-{hashlib.sha256(self.payload).hexdigest()}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpack, (pickle.PickleBuffer(self.payload),)

    def __sizeof__(self) -> int:
        """What a worker holds, for its limit of memory: the bytes and about twice for the value."""
        return 3 * len(self.payload)


def _pack(value: Any) -> bytes:
    from cloudpickle import CloudPickler

    class Pickler(CloudPickler):
        dispatch_table = ChainMap({np.ndarray: _reduce_array}, CloudPickler.dispatch_table)

    buffer = BytesIO()
    Pickler(buffer, protocol=5).dump(value)
    return buffer.getvalue()


def _unpack(payload: Any) -> Packed:
    packed = object.__new__(Packed)
    packed.payload = payload
    packed.value = pickle.loads(payload)
    return packed


def _reduce_array(array: NDArray[Any]) -> Any:
    """For pickle: half of a matrix that is symmetric to the bit."""
    if (
        array.ndim == 2
        and array.dtype == np.float64
        and array.flags.c_contiguous
        and array.shape[0] == array.shape[1]
        and np.array_equal(array.view(np.int64), array.view(np.int64).T)
    ):
        return _from_triangle, (len(array), array[_upper(len(array))])
    return array.__reduce_ex__(5)


def _from_triangle(n: int, values: Vector) -> Matrix:
    matrix = np.empty((n, n))
    matrix[_upper(n)] = values
    matrix.T[_upper(n)] = values
    return matrix


def _upper(n: int) -> NDArray[np.bool_]:
    return ~np.tri(n, k=-1, dtype=bool)


_current: ContextVar[Cluster | None] = ContextVar("cluster", default=None)


def current() -> Cluster | None:
    """The cluster of :func:`on_scheduler` around the call, if any."""
    return _current.get()


@contextmanager
def on_scheduler(address: str | None) -> Iterator[Cluster | None]:
    """Send jobs to the Dask scheduler at this address, if any.

    Raises
    ------
    ValueError
        If Dask is not installed, or scheduler or workers cannot be used, or are lost.
    """
    if address is None:
        yield None
        return
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise ValueError(
            "--dask-scheduler needs Dask: pip install 'painprint[cluster]'."
        ) from error
    with _silent():
        cluster = Cluster(address)
        token = _current.set(cluster)
        try:
            yield cluster
        except Lost as lost:
            raise ValueError(str(lost)) from lost
        finally:
            _current.reset(token)
            cluster.close()


@contextmanager
def _silent() -> Iterator[None]:
    """Keep Dask's loggers from writing: what matters is said by an error."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [logging.NullHandler()], False
    try:
        yield
    finally:
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
