"""The local server of the rating task: which requests it answers, and what it keeps."""

import errno
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import contextmanager, suppress

import pytest

from painprint.apps.rate import _Told
from painprint.cli import main
from painprint.rating_task.batch import InvalidBatch, checked_batch
from painprint.rating_task.journal import Journal, read_journal
from painprint.rating_task.run import RatingRun
from painprint.rating_task.seat import SILENT_S
from painprint.rating_task.task import RatingTask
from painprint.server.guard import MOST_RECEIVED
from painprint.server.local import serve
from painprint.server.rating_page import rating_app

TASK = RatingTask(duration_s=5.0).complete()


def a_batch(number=0, page="a", **more):
    return {"page": page, "n": number, "sent": 1000.0, **more}


@contextmanager
def served(journal=None, task=TASK):
    run = RatingRun(task, journal)
    with serve(rating_app(run)) as address:
        yield run, address
    run.close()


def ask(address, path="/", *, method="GET", body=None, token=None, timeout=10, **headers):
    """Status and text of the answer to one request; headers have underscores for dashes."""
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=timeout)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("X-Painprint-Token", address.token if token is None else token)
    connection.request(method, path, body=body, headers=named)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text, reply.headers


def send(address, batch, **headers):
    return ask(address, "/batch", method="POST", body=json.dumps(batch), **headers)[0]


class TestGuard:
    def test_a_page_of_this_server_is_answered(self):
        with served() as (_, address):
            status, page, headers = ask(address, f"/?token={address.token}", X_Painprint_Token="")
            assert status == 200 and TASK.question in page
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert headers["Cache-Control"] == "no-store" and "Server" not in headers
            origin = f"http://127.0.0.1:{address.port}"
            assert send(address, a_batch(), Origin=origin, Sec_Fetch_Site="same-origin") == 200
            assert ask(address, Host=f"localhost:{address.port}")[0] == 200

    @pytest.mark.parametrize(
        ("given", "status"),
        [
            ({"token": ""}, 403),
            ({"token": "x" * 32}, 403),
            ({"token": "ä"}, 403),
            ({"Host": "evil.example"}, 421),
            ({"Host": "127.0.0.1"}, 421),
            ({"Host": "127.0.0.1:80"}, 421),
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": "https://127.0.0.1"}, 403),
            ({"Sec_Fetch_Site": "cross-site"}, 403),
            ({"Sec_Fetch_Site": "same-site"}, 403),
        ],
    )
    @pytest.mark.parametrize("path", ["/", "/state", "/batch"])
    def test_any_other_request_is_refused(self, path, given, status):
        with served() as (run, address):
            more = {"method": "POST", "body": json.dumps(a_batch())} if path == "/batch" else {}
            found, text, headers = ask(address, path, **more, **given)
            assert found == status
            assert TASK.question not in text and address.token not in text
            assert headers["Cache-Control"] == "no-store"
            assert not run.status().has_page

    @pytest.mark.parametrize(
        "path",
        ["/../pyproject.toml", "/..%2f..%2fetc/passwd", "//etc/passwd", "/pages/rating.js", "/.",
         "/batch/../../x", "/%00", "/state/x"],
    )  # fmt: skip
    def test_there_is_nothing_but_the_page(self, path):
        with served() as (_, address):
            assert ask(address, path)[0] in (400, 404)

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_other_methods_are_refused(self, method):
        with served() as (_, address):
            assert ask(address, "/batch", method=method)[0] == 405

    def test_a_large_body_is_refused_before_it_is_read_whole(self):
        with served() as (run, address):
            assert send(address, {**a_batch(), "moves": [[1, 0.5]] * 40_000}) == 413
            with socket.create_connection(("127.0.0.1", address.port), timeout=10) as endless:
                head = f"POST /batch HTTP/1.1\r\nHost: 127.0.0.1:{address.port}\r\n"
                head += f"X-Painprint-Token: {address.token}\r\nTransfer-Encoding: chunked\r\n\r\n"
                endless.sendall(head.encode())
                chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
                try:
                    for _ in range(2 * MOST_RECEIVED // 0x10000):
                        endless.sendall(chunk)
                    answer = endless.recv(100)
                except OSError:  # closed while it was sent
                    answer = b" 413 "
                assert b" 413 " in answer
            assert send(address, a_batch()) == 200 and run.status().has_page

    def test_large_headers_are_refused(self):
        with served() as (_, address):
            try:
                assert ask(address, X_Much="y" * 200_000)[0] in (400, 431)
            except OSError:
                pass  # closed while they were sent
            assert ask(address)[0] == 200

    def test_500_slow_connections_do_not_stop_a_recording(self, tmp_path):
        with served(tmp_path / "a_rating.jsonl") as (_, address):
            slow = []
            try:
                for i in range(500):
                    one = socket.create_connection(("127.0.0.1", address.port), timeout=10)
                    one.sendall(b"POST /batch HTTP/1.1\r\nHost: 127" if i % 2 else b"")
                    slow.append(one)
                longest = 0.0
                for n in range(20):
                    began = time.monotonic()
                    assert send(address, a_batch(n, triggers=[900.0] * (n == 0))) == 200
                    longest = max(longest, time.monotonic() - began)
                assert longest < 2.0  # a second is what a crash may cost
            finally:
                for one in slow:
                    one.close()

    def test_a_port_that_is_taken_is_named(self, capsys, tmp_path):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            words = ["--participant-label", "01", "--port", str(port)]
            assert main(["rate", str(tmp_path / "bids"), *words]) == 1
        assert f"port {port} of this computer cannot be used" in capsys.readouterr().err

    def test_it_listens_on_this_computer_only(self):
        with served() as (_, address):
            listening = subprocess.run(
                ["cat", "/proc/net/tcp"], capture_output=True, text=True
            ).stdout.splitlines()
            own = [row.split()[1] for row in listening if f":{address.port:04X} " in row]
            assert own and all(row.startswith("0100007F") for row in own)


class TestBatches:
    @pytest.mark.parametrize(
        "wrong",
        [
            [], "x", None, {}, {"page": "a"}, {"page": "a", "n": 1},
            {"page": "..", "n": 0, "sent": 1},
            a_batch(-1), a_batch(True), a_batch(1.5), a_batch(sent="1"), a_batch(sent=float("nan")),
            a_batch(moves=[[1]]), a_batch(moves=[[1, 2.0]]), a_batch(moves=[[1, None]]),
            a_batch(moves="x"), a_batch(triggers=[None]), a_batch(triggers=[-1]),
            a_batch(triggers=[1e12]), a_batch(triggers=[[1]]), a_batch(frames=[0] * 5001),
            a_batch(answers=[[1, 2, 3]]), a_batch(focus=[[1, 7]]), a_batch(page="x" * 65),
        ],
    )  # fmt: skip
    def test_what_no_page_sends_is_refused(self, wrong):
        with pytest.raises(InvalidBatch):
            checked_batch(wrong)

    def test_fields_that_are_not_known_are_left_out(self):
        kept = checked_batch({**a_batch(moves=[[1, 0.5]]), "kind": "end", "why": "x"})
        assert kept == a_batch(moves=[[1.0, 0.5]])

    def test_nonsense_is_no_error_of_the_server(self):
        with served() as (_, address):
            for body in (b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b'{"page": 1e999}'):
                assert ask(address, "/batch", method="POST", body=body)[0] in (400, 413)
            assert ask(address)[0] == 200

    def test_a_batch_that_is_sent_again_is_kept_once(self, tmp_path):
        path = tmp_path / "a_rating.jsonl"
        with served(path) as (_, address):
            first = a_batch(0, triggers=[900.0])
            for batch in (first, first, a_batch(2), a_batch(1), a_batch(2)):
                assert send(address, batch) == 200
        kept = [entry["n"] for entry in read_journal(path) if entry["kind"] == "batch"]
        assert kept == [0, 2, 1]

    def test_nothing_is_written_before_the_first_trigger(self, tmp_path):
        path = tmp_path / "a_rating.jsonl"
        with served(path) as (run, address):
            assert send(address, a_batch(0, moves=[[1, 0.5]])) == 200
            assert not path.exists() and run.status().phase == "waiting"
            assert send(address, a_batch(1, triggers=[900.0])) == 200
            assert run.status().phase == "running"

    def test_a_second_page_is_refused_while_the_first_is_open(self, monkeypatch):
        with served() as (run, address):
            now = time.monotonic()
            run.clock = lambda: now
            assert send(address, a_batch(0)) == 200
            assert send(address, a_batch(0, page="b")) == 409
            run.clock = lambda: now + SILENT_S + 0.1
            assert send(address, a_batch(0, page="b")) == 200
            assert send(address, a_batch(1)) == 409

    def test_a_page_that_leaves_makes_room_at_once(self):
        with served() as (_, address):
            assert send(address, a_batch(0)) == 200
            assert send(address, a_batch(1, leaving=True)) == 200
            assert send(address, a_batch(0, page="b")) == 200

    def test_a_batch_that_comes_after_its_page_left_is_kept_and_does_not_bring_it_back(
        self, tmp_path
    ):
        path = tmp_path / "a_rating.jsonl"
        with served(path) as (run, address):
            assert send(address, a_batch(0, triggers=[900.0])) == 200
            assert send(address, a_batch(2, leaving=True)) == 200
            assert send(address, a_batch(1, moves=[[950.0, 0.5]])) == 200
            assert not run.status().has_page and run.status().place == 0.5
            assert send(address, a_batch(3)) == 200  # it was restored
            assert run.status().has_page
        assert [e["n"] for e in read_journal(path) if e["kind"] == "batch"] == [0, 2, 1, 3]

    def test_triggers_that_stop_are_told_once(self, caplog):
        run, told = RatingRun(TASK, None), _Told()
        caplog.set_level("INFO", "painprint")
        now = time.monotonic()
        for n in range(4):
            run.clock = lambda n=n: now + 2 * n
            run.take(a_batch(n, triggers=[900.0]))
        for later in (8, 17, 18, 19):
            run.clock = lambda later=later: now + later
            run.take(a_batch(10 + later))
            told.look(run.status())
        run.take(a_batch(99, triggers=[950.0]))
        told.look(run.status())
        first, stopped, again = [r.message for r in caplog.records if "rigger" in r.message]
        assert first == "First trigger: recording." and again == "Triggers come again."
        assert stopped.startswith("No trigger for 12 s, after 4.")

    def test_after_the_end_nothing_is_kept(self, tmp_path):
        path = tmp_path / "a_rating.jsonl"
        with served(path) as (_, address):
            assert send(address, a_batch(0, triggers=[900.0])) == 200
            assert send(address, a_batch(1, ended=True)) == 200
            assert send(address, a_batch(2, moves=[[1, 0.5]])) == 410
            assert json.loads(ask(address, "/state")[1])["phase"] == "ended"

    def test_a_run_whose_page_was_closed_ends_by_itself(self, tmp_path):
        with served(tmp_path / "a_rating.jsonl") as (run, address):
            assert send(address, a_batch(0, triggers=[1000.0])) == 200
            now = time.monotonic()
            for later, phase in ((4.0, "running"), (9.5, "running"), (10.5, "ended")):
                run.clock = lambda later=later: now + later
                run.end_if_over()
                assert run.status().phase == phase


class TestDisk:
    def test_a_full_disk_loses_nothing(self, tmp_path, monkeypatch):
        path = tmp_path / "a_rating.jsonl"
        write, is_full = os.write, []

        def write_or_not(file, data):
            if is_full and data.startswith(b'{"kind"'):
                write(file, data[:7])  # a part of a line may be written
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(file, data)

        monkeypatch.setattr(os, "write", write_or_not)
        with served(path) as (run, address):
            is_full.append(1)
            first = a_batch(0, triggers=[900.0])
            assert send(address, first) == 507
            assert not path.exists() and run.status().phase == "waiting"
            is_full.clear()
            assert send(address, first) == 200
            is_full.append(1)
            assert send(address, a_batch(1, moves=[[1, 0.5]])) == 507
            assert run.status().problem.errno == errno.ENOSPC
            is_full.clear()
            assert send(address, a_batch(1, moves=[[1, 0.5]])) == 200
            assert run.status().problem is None
        kinds = [(entry["kind"], entry.get("n")) for entry in read_journal(path)]
        assert kinds == [("run", None), ("batch", 0), ("batch", 1), ("end", None)]

    def test_a_slow_disk_is_measured_and_delays_nothing(self, tmp_path, monkeypatch):
        sync = os.fsync
        monkeypatch.setattr(os, "fsync", lambda file: (time.sleep(1.5), sync(file))[1])
        path = tmp_path / "a_rating.jsonl"
        journal = Journal(path)
        longest = 0.0
        for i in range(20):
            began = time.monotonic()
            journal.append({"kind": "x", "i": i})
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.1)
        journal.close()
        assert longest < 0.5
        assert 1.5 <= journal.longest_unsynced_s < 4
        assert [entry["i"] for entry in read_journal(path)] == list(range(20))

    def test_memory_does_not_grow_with_the_run(self, tmp_path):
        run = RatingRun(TASK, tmp_path / "a_rating.jsonl")
        run.take(a_batch(0, triggers=[900.0]))
        frames = [16.7] * 6
        for n in range(1, 200):
            run.take(a_batch(n, frames=frames, moves=[[1.0, 0.5]] * 6))
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for n in range(200, 6200):  # ten minutes of batches
            run.take(a_batch(n, frames=frames, moves=[[1.0, 0.5]] * 6))
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        run.close()
        assert grown < 50_000

    def test_the_time_of_day_is_of_no_account(self, tmp_path, monkeypatch):
        clock = iter(range(10**9, 0, -3600))
        monkeypatch.setattr(time, "time", lambda: next(clock))
        with served(tmp_path / "a_rating.jsonl") as (run, address):
            assert send(address, a_batch(0, triggers=[1000.0])) == 200
            time.sleep(0.3)
            assert send(address, {**a_batch(1), "sent": 1300.0}) == 200
            assert run.status().elapsed_s < 5
        batches = [e for e in read_journal(tmp_path / "a_rating.jsonl") if e["kind"] == "batch"]
        assert 0.3 < batches[1]["received"] - batches[0]["received"] < 3


class TestCommand:
    def test_a_folder_that_cannot_be_used_is_said_at_once(self, tmp_path, capsys):
        derived = tmp_path / "derived"
        derived.mkdir()
        about = {"Name": "x", "BIDSVersion": "1.10.0", "DatasetType": "derivative"}
        (derived / "dataset_description.json").write_text(json.dumps(about))
        assert main(["rate", str(derived), "--participant-label", "01"]) == 2
        assert "dataset of derivatives" in capsys.readouterr().err
        other = tmp_path / "other"
        other.mkdir()
        (other / "thesis.docx").write_text("x")
        assert main(["rate", str(other), "--participant-label", "01"]) == 1
        assert "is not a BIDS dataset" in capsys.readouterr().err
        assert [p.name for p in other.iterdir() if p.suffix] == ["thesis.docx"]

    def test_a_disk_without_space_is_said_at_once(self, tmp_path, capsys, monkeypatch):
        import shutil

        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
        assert main(["rate", str(tmp_path), "--participant-label", "01"]) == 1
        assert "1 MB are free" in capsys.readouterr().err

    def test_a_run_that_another_process_records_is_left_alone(self, tmp_path, capsys):
        words = [sys.executable, "-m", "painprint", "rate", str(tmp_path / "bids")]
        words += ["--participant-label", "01", "--duration", "60"]
        with running(words) as (process, address):
            assert send(address, a_batch(0, triggers=[900.0])) == 200
            assert main(words[3:]) == 1  # the same run: its number is not free before it is written
            text = capsys.readouterr().err
            assert "another process is working on it" in text
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 0
            report = process.stdout.read()
        assert "look at this" in report and "It was stopped" in report
        assert len(list((tmp_path / "bids").rglob("*_recording-rating_physio.tsv.gz"))) == 1

    def test_a_killed_run_is_kept_and_the_next_is_a_new_one(self, tmp_path):
        words = [sys.executable, "-m", "painprint", "rate", str(tmp_path / "bids")]
        words += ["--participant-label", "01", "--duration", "3"]
        with running(words) as (process, address):
            first = a_batch(0, triggers=[900.0], moves=[[950.0, 0.5]])
            assert send(address, first) == 200
            assert send(address, {**a_batch(1), "sent": 3000.0}) == 200
            process.send_signal(signal.SIGKILL)
        with running(words) as (process, address):
            assert send(address, a_batch(0, triggers=[900.0])) == 200
            assert send(address, {**a_batch(1, ended=True), "sent": 4000.0}) == 200
            assert process.wait(timeout=20) == 0
            said = process.stdout.read() + process.stderr.read()
        assert "run-1 was interrupted; its files were written now." in said
        runs = sorted(p.name for p in (tmp_path / "bids").rglob("*_physio.tsv.gz"))
        assert [name.split("_")[2] for name in runs] == ["run-1", "run-2"]

    def test_the_time_left_is_that_of_the_run(self, tmp_path, monkeypatch):
        from painprint.apps import rate
        from painprint.progress import Progress
        from painprint.rating_task.rated_run import RatedRun

        progress, said = Progress("rate", "starting the page"), []
        progress.plan(rate.RECORDING, rate.WRITING)

        def follow(run, told, goes_on):
            said.append((progress.title, progress.left()))
            run.take(a_batch(0, triggers=[900.0]))

        monkeypatch.setattr(rate, "_follow", follow)
        run = RatingRun(RatingTask(duration_s=600.0).complete(), tmp_path / "a_rating.jsonl")
        rate._show(run, RatedRun(participant_label="01"), progress)
        assert said == [("waiting for the first trigger", ""), ("recording", "10 min left")]

    def test_practice_writes_nothing(self, tmp_path):
        words = [sys.executable, "-m", "painprint", "rate", str(tmp_path / "bids"), "--practice"]
        with running(words) as (process, address):
            assert json.loads(ask(address, "/state")[1])["practice"] is True
            assert send(address, a_batch(0, triggers=[900.0], moves=[[950.0, 0.5]])) == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 0
        assert list(tmp_path.iterdir()) == []

    def test_without_its_libraries_the_extra_is_named(self, tmp_path, capsys, monkeypatch):
        for name in [name for name in sys.modules if name.startswith("painprint.server")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "uvicorn", None)
        assert main(["rate", str(tmp_path / "bids"), "--participant-label", "01"]) == 2
        assert "pip install 'painprint[live]'" in capsys.readouterr().err


class Where:
    """Port and token of an address that a command printed."""

    def __init__(self, url):
        self.port = int(url.split(":")[2].split("/")[0])
        self.token = url.split("token=")[1].strip()


@contextmanager
def running(words, *, stdin=False):
    """A command that serves a page, and where it is."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        words, stdin=pipe if stdin else None, stdout=pipe, stderr=pipe, text=True
    )
    watch = threading.Timer(60, process.kill)
    watch.start()
    try:
        url = next(line for line in process.stdout if "http://" in line)
        yield process, Where(url)
    finally:
        watch.cancel()
        process.kill()
        process.wait()
        for stream in filter(None, (process.stdin, process.stdout, process.stderr)):
            with suppress(BrokenPipeError):  # what a killed process did not read
                stream.close()
