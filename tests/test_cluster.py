"""Jobs on a Dask scheduler: few bytes, the same bytes, and one sentence when it is lost."""

import http.server
import logging
import os
import signal
import socket
import threading
import time

import numpy as np
import pytest
from clusters import small_cluster, worker_of

from painprint import cluster
from painprint.cluster import Cluster, Packed, on_scheduler
from painprint.decode.decoders import LassoPcr, Ridge
from painprint.decode.errors import NotEnoughData
from painprint.decode.lasso_pcr import LassoRules
from painprint.decode.samples import Samples
from painprint.parallel import map_ordered

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def scheduler():
    with small_cluster(2) as (address, _):
        yield address


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 1.5)


def test_a_symmetric_matrix_is_sent_as_its_triangle_to_the_bit(rng):
    X = rng.normal(size=(60, 100))
    K = X @ X.T
    K[3, 5] = K[5, 3] = np.nan
    K[2, 9] = K[9, 2] = -0.0
    sent = Packed({"K": K, "same": K})
    assert len(sent.payload) < 8 * 60 * 61 / 2 + 1500
    there = cluster._unpack(sent.payload).value
    assert there["K"].tobytes() == K.tobytes() and there["K"].flags.c_contiguous
    assert there["same"] is there["K"]
    assert Packed({"K": K.copy(), "same": K}).key != sent.key
    assert Packed(K.copy()).key == Packed(K).key
    K[2, 9] = 0.0  # equal, but not to the bit
    for other in (K, X, np.asfortranarray(X[:, :60]), K.astype(np.float32)):
        there = cluster._unpack(Packed(other).payload).value
        assert there.tobytes() == other.tobytes() and there.strides == other.strides


def answer(address, match):
    with pytest.raises(ValueError, match="no Dask scheduler can be used at .*" + match):
        Cluster(address)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://127.0.0.1:1", "(refused|no answer)"),
        ("tcp://no.such.host.invalid:8786", r"Name or service|resolve|no answer"),
        ("foo", "missing port number in address 'foo'"),
        ("", "an empty address"),
        ("tls://127.0.0.1:8786", "TLS"),
        ("http://127.0.0.1:8786", "unknown address scheme 'http'"),
        ("tcp://[::1", "invalid address"),
    ],
)
def test_a_wrong_address_is_one_sentence_in_time(quick, address, reason):
    begun = time.perf_counter()
    answer(address, reason)
    assert time.perf_counter() - begun < 5


def test_a_port_that_speaks_something_else_is_no_scheduler(quick):
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        answer(f"tcp://127.0.0.1:{web.server_address[1]}", "answer")
        web.shutdown()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answer(f"tcp://127.0.0.1:{silent.getsockname()[1]}", "no answer within 2 s")


def test_a_worker_is_no_scheduler(scheduler):
    with distributed.Client(scheduler, set_as_default=False) as client:
        (worker, *_) = client.nthreads()
    answer(worker, "a worker answers")


def test_other_versions_are_named(scheduler, monkeypatch):
    other = {**cluster.versions(), "numpy": "1.0", "python": "3.99"}
    monkeypatch.setattr(cluster, "versions", lambda: other)
    with pytest.raises(ValueError, match=r"scheduler of .* numpy [\d.]+ \(here 1.0\), python"):
        Cluster(scheduler)


def small_samples(rng, confounds):
    X, V = rng.normal(size=(40, 90)), rng.normal(size=(40, 6))
    columns = rng.normal(size=(40, 2))
    return Samples(
        {"edges": X @ X.T, "activity": V @ V.T} if confounds else {"edges": X @ X.T},
        X[:, 0] + rng.normal(size=40),
        np.repeat(np.arange(8), 5),
        unit=np.arange(40) // 2,
        n_frames=rng.uniform(10, 20, size=40),
        confounds=(lambda train: columns) if confounds else None,
    )


def flat(fit):
    """Every number of a nested fit, as bytes."""
    of_model = [
        part
        for model in (*fit.folds, fit.final)
        for part in (model.dual, model.intercept, model.choice.penalty, model.choice.path_score)
    ]
    return [np.asarray(x).tobytes() for x in (fit.held_out, fit.target, *of_model)]


@pytest.mark.parametrize("decoder", [Ridge(), LassoPcr(LassoRules(90))])
@pytest.mark.parametrize("confounds", [False, True])
def test_nested_fits_are_those_of_threads_and_send_what_is_shared_once(
    scheduler, rng, monkeypatch, decoder, confounds
):
    samples = small_samples(rng, confounds)
    sent, scatter = [], distributed.Client.scatter
    monkeypatch.setattr(
        distributed.Client,
        "scatter",
        lambda self, data, **kw: (sent.extend(data), scatter(self, data, **kw))[1],
    )
    here = decoder.nested(samples, n_jobs=2)
    with on_scheduler(scheduler):
        for _ in range(2):
            assert flat(decoder.nested(samples, n_jobs=2)) == flat(here)
    assert len(sent) == len(set(sent)) == (1 if isinstance(decoder, Ridge) else 2)


def fail(_):
    raise NotEnoughData("too few bins.")


def test_an_error_of_a_job_is_itself(scheduler):
    with on_scheduler(scheduler), pytest.raises(NotEnoughData, match="too few bins"):
        list(map_ordered(fail, [(1,)], n_jobs=1))


def slow(base, i, seconds):
    time.sleep(seconds)
    return float(base.sum()) + i


def die_once(base, i, flag):
    if i == 1 and not os.path.exists(flag):
        open(flag, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return float(base.sum()) + i


def lose(address, processes, monkeypatch, capfd):
    """The sentence when processes are killed during a job, and the seconds until it."""
    jobs, base = [(1, 0.0), (2, 60.0)], np.ones(3)
    with pytest.raises(ValueError) as lost, on_scheduler(address):
        for result in map_ordered(slow, jobs, shared=(base,), n_jobs=1):
            assert result == 4.0
            monkeypatch.setattr(cluster, "NO_WORKER_S", 2.0)
            for process in processes:
                process.kill()
            begun = time.perf_counter()
    seconds = time.perf_counter() - begun
    assert f"{address}" in str(lost.value) and "\n" not in str(lost.value)
    assert str(lost.value).endswith(
        "finished steps are kept; run the same command again to continue."
    )
    time.sleep(0.5)  # for what threads might still write
    assert capfd.readouterr() == ("", "")
    return str(lost.value), seconds


@pytest.mark.long
def test_work_of_lost_workers_is_done_by_others_until_none_is_left(tmp_path, monkeypatch, capfd):
    with small_cluster(2) as (address, processes):

        def run(name):
            jobs = [(i, str(tmp_path / name)) for i in range(6)]
            with on_scheduler(address):
                return list(map_ordered(die_once, jobs, shared=(np.ones(5),), n_jobs=1))

        assert run("one of two") == [5.0 + i for i in range(6)]
        assert sum(process.poll() is None for process in processes) == 2

        later = threading.Timer(1, lambda: processes.append(worker_of(address)))
        later.start()  # else, what is shared dies with the last worker
        assert run("the last") == [5.0 + i for i in range(6)]
        later.join()
        assert sum(process.poll() is None for process in processes) == 2

        message, seconds = lose(address, processes[1:], monkeypatch, capfd)
        assert "waited 2 s" in message and "no worker any more" in message and seconds < 20


def test_a_lost_scheduler_is_one_sentence_and_nothing_else(monkeypatch, capfd):
    with small_cluster(0) as (address, processes):
        with pytest.raises(ValueError, match="has no workers; start them first"):
            Cluster(address)
        processes.append(worker_of(address))
        with distributed.Client(address, timeout=30, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=60)
        before = logging.getLogger("distributed.client").handlers
        message, seconds = lose(address, processes[:1], monkeypatch, capfd)
    assert message.startswith("lost the Dask scheduler at") and seconds < 15
    assert logging.getLogger("distributed.client").handlers == before


def test_an_interrupted_study_leaves_no_tasks(scheduler):
    jobs = [(i, 0.0 if i == 0 else 0.5) for i in range(20)]
    with pytest.raises(KeyboardInterrupt), on_scheduler(scheduler):
        for _ in map_ordered(slow, jobs, shared=(np.ones(3),), n_jobs=1):
            raise KeyboardInterrupt
    with distributed.Client(scheduler, set_as_default=False) as client:
        until = time.monotonic() + 10
        while time.monotonic() < until and any(client.processing().values()):
            time.sleep(0.1)
        assert not any(client.processing().values())
        assert not any(client.has_what().values())
