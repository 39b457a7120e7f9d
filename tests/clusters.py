"""Small Dask clusters for tests: a scheduler and workers, each a process of its own."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path


def start(*words):
    command = [sys.executable, "-m", f"distributed.cli.dask_{words[0]}", *words[1:]]
    here = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    return subprocess.Popen(
        [*command, "--no-dashboard"],
        env={**os.environ, "PYTHONPATH": here},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def worker_of(address, *options):
    return start("worker", address, *(options or ("--nthreads", "1", "--no-nanny")))


@contextlib.contextmanager
def small_cluster(n_workers, *options):
    """A scheduler and workers, by default without nannies: its address, and the processes."""
    from distributed import Client

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    processes = [start("scheduler", "--host", "127.0.0.1", "--port", str(port))]
    processes += [worker_of(address, *options) for _ in range(n_workers)]
    try:
        with Client(address, timeout=30, set_as_default=False) as client:
            client.wait_for_workers(n_workers, timeout=60) if n_workers else None
        yield address, processes
    finally:
        for process in processes:
            process.kill()
            process.wait()
