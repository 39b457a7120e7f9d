"""Reading a signature while the scanner runs: scaling, scores, faults, files, server."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import contextmanager
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from test_rating_server import Where, ask

from painprint.cli import main
from painprint.errors import DerivativesError
from painprint.live.lines import LineSource
from painprint.live.options import LiveOptions
from painprint.live.reader import LiveReading
from painprint.live.record import Record
from painprint.live.replay import Replay
from painprint.live.scaling import CausalScaling, RunEdges
from painprint.live.scorer import LiveScorer
from painprint.live.volume import Volume
from painprint.server.live_page import live_app
from painprint.server.local import serve


def readings(scorer, volumes):
    return [scorer.read(volume) for volume in volumes]


def volumes_of(run, rows=None):
    rows = range(len(run.signals)) if rows is None else rows
    return [Volume(i, run.signals[i], 0.0) for i in rows]


class TestScaling:
    def test_mean_and_sd_are_those_of_the_frames_so_far(self, rng):
        frames = rng.normal(3, [1.0, 2.0, 5.0], size=(50, 3))
        scaling = CausalScaling(3, prior_frames=0)
        for n, frame in enumerate(frames, start=1):
            scaling.add(frame)
            np.testing.assert_allclose(scaling.mean, frames[:n].mean(axis=0), rtol=1e-10)
            if n > 1:
                so_far = frames[:n]
                np.testing.assert_allclose(
                    scaling.variance(), so_far.var(axis=0, ddof=1), rtol=1e-9
                )
                z = (frame - so_far.mean(axis=0)) / so_far.std(axis=0, ddof=1)
                np.testing.assert_allclose(scaling.zscores(frame), z, rtol=1e-9)

    def test_the_prior_weighs_as_so_many_frames(self, rng):
        frames = rng.normal(0, [1, 2, 4], size=(30, 3))
        scaling = CausalScaling(3, prior_frames=60)
        for frame in frames:
            scaling.add(frame)
        own = frames.var(axis=0, ddof=1)
        wanted = (29 * own + 60 * np.median(own)) / 89
        np.testing.assert_allclose(scaling.variance(), wanted, rtol=1e-10)

    def test_unit_and_offset_of_the_stream_are_of_no_account(self, rng):
        frames = rng.normal(size=(40, 5))
        one, other = CausalScaling(5), CausalScaling(5)
        for frame in frames:
            one.add(frame)
            other.add(700 + 13 * frame)
        np.testing.assert_allclose(
            one.zscores(frames[-1]), other.zscores(700 + 13 * frames[-1]), rtol=1e-9
        )

    def test_a_constant_region_is_0(self):
        scaling = CausalScaling(2)
        for value in (1.0, 2.0, 4.0):
            scaling.add(np.array([value, 7.0]))
        assert scaling.zscores(np.array([4.0, 7.0]))[1] == 0


def test_edges_of_the_run_so_far_are_those_of_these_frames(rng):
    frames = rng.normal(700, 9, size=(80, 6)) @ rng.normal(size=(6, 6))
    so_far = RunEdges(6)
    for n, frame in enumerate(frames, start=1):
        so_far.add(frame)
        if n > 2:
            z = (frames[:n] - frames[:n].mean(axis=0)) / frames[:n].std(axis=0, ddof=1)
            wanted = [np.mean(z[:, a] * z[:, b]) for a in range(6) for b in range(a + 1, 6)]
            np.testing.assert_allclose(so_far.edges(), wanted, rtol=1e-8)


class TestScores:
    def test_a_score_is_that_of_the_frames_so_far(self, trained):
        signature, run = trained
        found = readings(LiveScorer(signature, run.regions, run.tr_s), volumes_of(run))
        for n in (31, 100, 240):
            so_far = run.signals[:n]
            own = so_far.var(axis=0, ddof=1)
            variance = ((n - 1) * own + 60 * np.median(own)) / (n - 1 + 60)
            z = (so_far[-1] - so_far.mean(axis=0)) / np.sqrt(variance)
            score, at = signature.models[0].intercept, 0
            for a in range(len(z)):
                for b in range(a + 1, len(z)):
                    score += signature.weights[0][at] * z[a] * z[b]
                    at += 1
            assert found[n - 1].score == pytest.approx(score, rel=1e-9)

    def test_the_running_mean_is_that_of_the_last_minute(self, trained):
        signature, run = trained
        found = readings(LiveScorer(signature, run.regions, run.tr_s), volumes_of(run))
        assert [one.scored for one in found[:31]] == [False] * 30 + [True]
        assert found[58].mean is None and found[59].mean is not None
        for at in (59, 80, 150, 239):
            last = [one.score for one in found[max(30, at - 59) : at + 1]]
            assert found[at].mean == pytest.approx(np.mean(last))
            assert found[at].low <= found[at].mean <= found[at].high

    def test_a_later_volume_changes_no_earlier_reading(self, trained):
        signature, run = trained
        changed = replace(run, signals=np.vstack([run.signals[:120], run.signals[120:] * 3 + 5]))
        one, other = (
            readings(LiveScorer(signature, run.regions, run.tr_s), volumes_of(each))
            for each in (run, changed)
        )
        assert one[:120] == other[:120] and one[120:] != other[120:]

    def test_regions_are_matched_by_name(self, trained, rng):
        signature, run = trained
        order = rng.permutation(len(run.regions))
        regions = [run.regions[i] for i in order]
        turned = replace(run, signals=run.signals[:, order], regions=tuple(regions))
        one = readings(LiveScorer(signature, run.regions, run.tr_s), volumes_of(run))
        other = readings(LiveScorer(signature, regions, run.tr_s), volumes_of(turned))
        assert one[-1].score == pytest.approx(other[-1].score, rel=1e-9)

    def test_another_atlas_is_refused(self, trained):
        signature, run = trained
        with pytest.raises(ValueError, match="Use the atlas of the study"):
            LiveScorer(signature, ["a", "b"], run.tr_s)
        with pytest.raises(ValueError, match="twice"):
            LiveScorer(signature, [*run.regions, run.regions[0]], run.tr_s)

    def test_volumes_that_move_or_lack_signal_are_not_scored(self, trained):
        signature, run = trained
        scorer = LiveScorer(signature, run.regions, run.tr_s, max_fd_mm=0.5)
        readings(scorer, volumes_of(run, range(100)))
        without = np.where(np.arange(len(run.regions)) == 2, np.nan, run.signals[100])
        moved = scorer.read(Volume(100, run.signals[100], 0.0, fd_mm=0.9))
        lacking = scorer.read(Volume(101, without, 0.0))
        unread = scorer.read(Volume(102, None, 0.0, note="truncated"))
        still = scorer.read(Volume(103, run.signals[103], 0.0, fd_mm=0.1))
        assert [one.scored for one in (moved, lacking, unread, still)] == [False] * 3 + [True]
        assert "motion: 0.90 mm" in moved.reasons and "truncated" in unread.reasons
        assert any("no finite value" in reason for reason in lacking.reasons)

    def test_the_range_is_told_when_there_is_enough(self, trained):
        signature, run = trained
        scorer = LiveScorer(signature, run.regions, run.tr_s)
        found = readings(scorer, volumes_of(run))
        words = [one.range for one in found]
        assert words[40] == "do not read" and "usable" in " ".join(found[40].reasons)
        assert words[-1] in ("in range", "caution")
        noise = np.random.default_rng(3).normal(size=run.signals.shape)
        noise[:, 1:] = noise[:, :1] + 0.1 * noise[:, 1:]  # all regions go along
        strange = readings(
            LiveScorer(signature, run.regions, run.tr_s), volumes_of(replace(run, signals=noise))
        )
        assert strange[-1].range != "in range"
        assert any("connectivity" in reason for reason in strange[-1].reasons)

    def test_memory_is_flat(self, trained):
        signature, run = trained
        scorer = LiveScorer(signature, run.regions, run.tr_s)
        volumes = volumes_of(run)
        readings(scorer, volumes)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for i in range(240, 4000):
            scorer.read(replace(volumes[i % 240], index=i))
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert grown < 500_000  # 3,760 volumes


def begin(folder, signature, regions, tr_s, **about):
    record = Record(folder, "run", {"signature": "x", **about}, regions)
    return LiveReading(record, LiveScorer(signature, regions, tr_s))


def lines_of(folder):
    """Lines of the readings without times."""
    rows = [json.loads(line) for line in (folder / "run_live.jsonl").read_text().splitlines()]
    times = ("arrived", "written", "acquired")
    return [{name: value for name, value in row.items() if name not in times} for row in rows]


class Stream:
    """A source that gives some volumes."""

    def __init__(self, run, volumes):
        self.regions, self.tr_s, self.dropped = tuple(run.regions), run.tr_s, {}
        self._volumes = volumes

    def __iter__(self):
        return iter(self._volumes)


def follow(folder, trained, volumes):
    signature, run = trained
    reading = begin(folder, signature, run.regions, run.tr_s)
    reading.follow(Stream(run, volumes))
    reading.record.close()
    return reading


class TestFaults:
    def test_a_missing_volume_is_a_missing_frame(self, trained, tmp_path):
        _, run = trained
        kept = [i for i in range(240) if i not in (50, 51, 120)]
        reading = follow(tmp_path, trained, volumes_of(run, kept))
        assert reading.counts == {"volumes": 237, "scored": 207, "late": 0, "missing": 3}

    def test_a_late_volume_is_scored_when_it_comes(self, trained, tmp_path):
        _, run = trained
        order = [*range(100), *range(101, 110), 100, *range(110, 240)]
        reading = follow(tmp_path, trained, volumes_of(run, order))
        assert reading.counts == {"volumes": 240, "scored": 210, "late": 1, "missing": 0}
        indices = [row["index"] for row in lines_of(tmp_path) if row["kind"] == "volume"]
        assert indices == order

    def test_nothing_is_scored_twice(self, trained, tmp_path):
        _, run = trained
        order = [*range(100), 98, 99, *range(100, 240), 3]
        reading = follow(tmp_path, trained, volumes_of(run, order))
        assert reading.counts["volumes"] == 240
        assert sum(row["kind"] == "volume" for row in lines_of(tmp_path)) == 240


class TestRecord:
    def test_a_replay_gives_the_lines_of_the_live_reading(self, trained, tmp_path):
        _, run = trained
        volumes = volumes_of(run, [i for i in range(240) if i % 50])
        volumes[60] = replace(volumes[60], values=None, note="the file is truncated")
        follow(tmp_path / "live", trained, volumes)
        text = (tmp_path / "live" / "run_live_timeseries.tsv").read_text()
        again = LineSource(text.splitlines(keepends=True))
        signature, _ = trained
        reading = begin(tmp_path / "replay", signature, again.regions, run.tr_s)
        reading.follow(again)
        reading.record.close()
        assert lines_of(tmp_path / "replay") == lines_of(tmp_path / "live")
        assert (tmp_path / "replay" / "run_live_timeseries.tsv").read_text() == text

    @pytest.mark.parametrize("cut", [0, 7, 400])
    def test_killed_and_started_again_it_goes_on_in_the_same_file(self, trained, tmp_path, cut):
        _, run = trained
        follow(tmp_path / "whole", trained, volumes_of(run))
        signature, _ = trained
        first = begin(tmp_path / "killed", signature, run.regions, run.tr_s)
        for volume in volumes_of(run, range(150)):
            first.take(volume)
        first.record.close()
        readings_file = tmp_path / "killed" / "run_live.jsonl"
        content = readings_file.read_bytes()
        readings_file.write_bytes(content[: len(content) - cut])  # cut off by a power cut
        follow(tmp_path / "killed", trained, volumes_of(run))  # a folder gives all of them again
        whole, killed = lines_of(tmp_path / "whole"), lines_of(tmp_path / "killed")
        assert killed == whole
        assert (tmp_path / "killed" / "run_live_timeseries.tsv").read_text() == (
            tmp_path / "whole" / "run_live_timeseries.tsv"
        ).read_text()

    def test_a_full_disk_is_named_and_lines_stay_whole(self, trained, tmp_path, monkeypatch):
        signature, run = trained
        reading = begin(tmp_path, signature, run.regions, run.tr_s)
        for volume in volumes_of(run, range(50)):
            reading.take(volume)
        write = os.write

        def full(file, data):
            write(file, data[:9])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(OSError, match="run_live_timeseries") as caught:
            reading.take(volumes_of(run)[50])
        assert caught.value.errno == errno.ENOSPC
        monkeypatch.undo()
        reading.record.close()
        follow(tmp_path, trained, volumes_of(run))
        indices = [row["index"] for row in lines_of(tmp_path) if row["kind"] == "volume"]
        assert indices == list(range(240))

    def test_the_next_run_needs_another_name(self, trained, tmp_path):
        signature, run = trained
        follow(tmp_path, trained, volumes_of(run, range(40)))
        with pytest.raises(DerivativesError, match=r"has ended. Choose another --name"):
            begin(tmp_path, signature, run.regions, run.tr_s)

    def test_a_record_of_something_else_is_not_continued(self, trained, tmp_path):
        signature, run = trained
        follow(tmp_path, trained, volumes_of(run, range(40)))
        with pytest.raises(DerivativesError, match=r"Choose another --name"):
            begin(tmp_path, signature, run.regions, run.tr_s, warm_up=5)


class TestLines:
    def test_objects_and_rows_give_the_same(self, trained):
        _, run = trained
        rows = ["\t".join(run.regions)]
        rows += ["\t".join(f"{v:.17g}" for v in frame) for frame in run.signals[:5]]
        objects = [json.dumps({"regions": list(run.regions), "tr": 1.0})]
        objects += [
            json.dumps({"index": i, "values": list(frame)})
            for i, frame in enumerate(run.signals[:5])
        ]
        one, other = LineSource(rows), LineSource(objects)
        assert one.regions == other.regions == run.regions and other.tr_s == 1.0
        for a, b in zip(one, other, strict=True):
            assert a.index == b.index and (a.values == b.values).all()

    @pytest.mark.parametrize(
        "line",
        ["x", "[]", "{}", '{"values": "ab"}', '{"values": [1, "x"]}', '{"values": [1, true]}',
         '{"index": -1, "values": [1, 2]}', '{"index": 1.5, "values": [1, 2]}', "[" * 5000,
         '{"index": "9", "values": [1, 2, 3]}', '{"values": [1e999, {}]}'],
    )  # fmt: skip
    def test_a_line_that_cannot_be_read_is_a_volume_without_values(self, line):
        source = LineSource(['{"regions": ["a", "b"]}', '{"values": [1, 2]}', line])
        first, second = source
        assert first.values is not None and second.values is None and second.note

    def test_repeats_are_dropped_and_counted(self):
        lines = ["index\ta\tb", "0\t1\t2", "1\t1\t2", "1\t3\t4", "3\t1\tn/a"]
        source = LineSource(lines)
        assert [volume.index for volume in source] == [0, 1, 3]
        assert source.dropped == {"repeated": 1}

    @pytest.mark.parametrize(
        "first", ["", "{}", '{"regions": 3}', '{"regions": ["a", "a"]}', "a\ta"]
    )
    def test_a_first_line_without_regions_is_refused(self, first):
        with pytest.raises(DerivativesError, match="stream"):
            LineSource([first])

    def test_a_replay_keeps_the_time_of_the_scan(self, trained):
        _, run = trained
        now, waits = [0.0], []

        def sleep(seconds):
            waits.append(seconds)
            now[0] += seconds

        replay = Replay(run, speed=2.0, clock=lambda: now[0], sleep=sleep)
        volumes = list(replay)
        assert volumes[-1].arrived_s == pytest.approx(239 * run.tr_s / 2)
        assert [v.index for v in volumes if v.values is None] == np.flatnonzero(
            run.censored
        ).tolist()


@contextmanager
def served(trained, folder):
    signature, run = trained
    reading = begin(folder, signature, run.regions, run.tr_s)
    with serve(live_app(lambda: reading)) as address:
        yield reading, address
    reading.record.close()


class TestServer:
    def test_other_programs_get_one_number(self, trained, tmp_path):
        _, run = trained
        with served(trained, tmp_path) as (reading, address):
            assert ask(address, "/get_prediction")[:2] == (200, "nan")
            reading.follow(Stream(run, volumes_of(run)))
            status, text, headers = ask(address, "/get_prediction")
            assert float(text) == pytest.approx(reading.latest()["mean"], rel=1e-8)
            assert headers["Content-Type"].startswith("text/plain")
            for path in ("/", "/events", "/get_prediction"):
                assert ask(address, path, token="wrong")[0] == 403
                assert ask(address, path, Host="evil.example")[0] == 421

    def test_events_tell_every_reading_and_go_on_where_a_page_was(self, trained, tmp_path):
        _, run = trained
        with served(trained, tmp_path) as (reading, address):
            thread = threading.Thread(target=reading.follow, args=[Stream(run, volumes_of(run))])
            thread.start()
            rows = list(events(address, 240))
            thread.join()
            assert [row["index"] for row in rows] == list(range(240))
            later = list(events(address, 40, last=200))
            assert [row["index"] for row in later] == list(range(200, 240))

    def test_a_page_that_listens_when_the_server_ends_makes_no_noise(
        self, trained, tmp_path, caplog
    ):
        _, run = trained
        with served(trained, tmp_path) as (reading, address):
            for volume in volumes_of(run, range(50)):
                reading.take(volume)
            listening = socket.create_connection(("127.0.0.1", address.port), timeout=20)
            host = f"Host: 127.0.0.1:{address.port}"
            request = f"GET /events?token={address.token} HTTP/1.1\r\n{host}\r\n\r\n"
            listening.sendall(request.encode())
            assert b"200 OK" in listening.recv(1000)
        listening.close()
        assert caplog.records == []

    def test_the_page_names_the_person_and_what_is_not_done(self, trained, tmp_path):
        with served(trained, tmp_path) as (_, address):
            status, page, headers = ask(address)
            assert status == 200 and "Not done here: realignment" in page
            assert "trained on simulated data" in page
            assert "default-src 'none'" in headers["Content-Security-Policy"]


def events(address, n, last=0):
    """Rows of n readings that the server sends."""
    with socket.create_connection(("127.0.0.1", address.port), timeout=20) as connection:
        head = f"GET /events?token={address.token} HTTP/1.1\r\nHost: 127.0.0.1:{address.port}\r\n"
        head += f"Last-Event-ID: {last}\r\n" * bool(last) + "\r\n"
        connection.sendall(head.encode())
        found = 0
        with connection.makefile("rb") as answer:
            for line in answer:
                if line.startswith(b"data: "):
                    for row in json.loads(line[6:])["rows"]:
                        found += 1
                        yield row
                if found >= n:
                    return


class TestCommand:
    @pytest.fixture
    def signature(self, decoded):
        (folder,) = decoded.glob("sub-01/decoding/*_signature")
        return folder

    @pytest.fixture
    def run(self, decoded):
        return sorted(
            decoded.parent.glob("bids/derivatives/xcp_d/sub-01/ses-05/func/*_timeseries.tsv")
        )[0]

    def test_a_run_is_replayed(self, signature, run, tmp_path, capsys):
        words = ["live", str(signature), "--replay", str(run), "--speed", "0", "--out"]
        assert main([*words, str(tmp_path / "a"), "--no-page"]) == 0
        said = capsys.readouterr()
        assert "360 volumes" in said.out and "trained on this session" in said.err
        assert main([*words, str(tmp_path / "b"), "--no-page"]) == 0
        rows = lines_of(tmp_path / "a")
        assert rows == lines_of(tmp_path / "b") and rows[-1]["kind"] == "end"
        assert rows[0]["not_done"].startswith("no realignment")

    def test_lines_of_another_program_are_read_as_they_come(self, signature, run, tmp_path):
        words = [sys.executable, "-m", "painprint", "live", str(signature), "stdin"]
        process = subprocess.Popen(
            [*words, "--tr", "1", "--out", str(tmp_path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        lines = run.read_text().splitlines(keepends=True)
        process.stdin.writelines(lines[:80])
        process.stdin.flush()
        url = next(line for line in process.stdout if "http://" in line)
        where = Where(url)
        deadline = time.monotonic() + 20
        while ask(where, "/get_prediction")[1] == "nan" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert np.isfinite(float(ask(where, "/get_prediction")[1]))
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = subprocess.run(
            [*words, "--tr", "1", "--out", str(tmp_path), "--no-page"], input="".join(lines),
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "going on after" in done.stderr
        indices = [row["index"] for row in lines_of(tmp_path) if row["kind"] == "volume"]
        assert indices == list(range(len(lines) - 1))
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()

    def test_a_folder_that_fills_gives_what_lines_of_its_means_give(self, signature, run, tmp_path):
        names, *rows = (line.split("\t") for line in run.read_text().splitlines())
        signals = np.array(rows, dtype=float)[:90]
        affine = np.diag([3.0, 3.0, 3.0, 1.0])
        labels = np.arange(1, 33).reshape(4, 4, 2) % len(names) + 1
        nib.save(nib.Nifti1Image(labels.astype(np.int16), affine), tmp_path / "today_dseg.nii.gz")
        table = ["index\tname", *(f"{i}\t{name}" for i, name in enumerate(names, start=1))]
        (tmp_path / "today_dseg.tsv").write_text("\n".join(table) + "\n")
        (tmp_path / "scanner").mkdir()
        words = [sys.executable, "-m", "painprint", "live", str(signature)]
        given = [str(tmp_path / "scanner"), "--atlas", str(tmp_path / "today_dseg.nii.gz")]
        process = subprocess.Popen(
            [*words, *given, "--tr", "1", "--end-after", "2", "--out", str(tmp_path / "a")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        next(line for line in process.stderr if "Waiting for the first volume" in line)
        for i, frame in enumerate(signals):
            volume = frame[labels - 1].astype(np.float32)
            hidden = tmp_path / "new.nii"
            nib.save(nib.Nifti1Image(volume, affine), hidden)
            hidden.rename(tmp_path / "scanner" / f"run_{i:04d}.nii")
        out, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert "90 volumes" in out
        lines = "".join("\t".join(row) + "\n" for row in [names, *rows[:90]])
        done = subprocess.run(
            [*words, "stdin", "--tr", "1", "--no-page", "--out", str(tmp_path / "b")],
            input=lines, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        scores = [
            [row["score"] for row in lines_of(tmp_path / name) if row["kind"] == "volume"]
            for name in "ab"
        ]
        assert [score is None for score in scores[0]] == [score is None for score in scores[1]]
        found, wanted = (np.array([s for s in each if s is not None]) for each in scores)
        np.testing.assert_allclose(found, wanted, rtol=1e-4)  # volumes have single precision

    def test_a_folder_needs_an_atlas(self, signature, tmp_path, capsys):
        assert main(["live", str(signature), str(tmp_path), "--out", str(tmp_path / "o")]) == 2
        assert "a folder of volumes needs --atlas" in capsys.readouterr().err
        words = ["live", str(signature), str(tmp_path), "--atlas", "nonsense"]
        assert main([*words, "--out", str(tmp_path / "o")]) == 2
        assert "there is no atlas image nonsense" in capsys.readouterr().err

    def test_the_demo_shows_the_true_rating(self, tmp_path, capsys):
        words = ["live", "--demo", "--speed", "0", "--no-page", "--out", str(tmp_path)]
        assert main(words) == 0
        assert "1,304 volumes" in capsys.readouterr().out
        rows = lines_of(tmp_path)
        assert rows[0]["simulated"] is True and "truth" not in rows[100]
        assert main(["live", "x", "--demo"]) == 2
        assert "--demo needs neither a signature nor a source" in capsys.readouterr().err

    def test_a_socket_is_a_source(self, signature, run, tmp_path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        words = ["live", str(signature), f"tcp:{port}", "--tr", "1", "--no-page"]
        process = subprocess.Popen(
            [sys.executable, "-m", "painprint", *words, "--out", str(tmp_path)],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        next(line for line in process.stderr if "Waiting for a program" in line)
        deadline = time.monotonic() + 10
        while True:
            try:
                sender = socket.create_connection(("127.0.0.1", port), timeout=10)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        with sender:
            sender.sendall(run.read_bytes())
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 0 and "360 volumes" in out

    @pytest.mark.parametrize(
        ("words", "text"),
        [
            ([], "needs one source"),
            (["stdin", "--replay", "x"], "needs one source"),
            (["nonsense"], "is no folder, and no other source"),
            (["tcp:x"], "is no folder, and no other source"),
            (["stdin", "--warm-up", "1"], "--warm-up is 1.0"),
            (["stdin", "--name", "../x"], "--name is"),
        ],
    )
    def test_what_cannot_be_is_refused(self, signature, tmp_path, capsys, words, text):
        assert main(["live", str(signature), *words, "--out", str(tmp_path / "o")]) == 2
        assert text in capsys.readouterr().err
        assert not (tmp_path / "o").exists()

    def test_another_person_is_refused(self, signature, run, tmp_path, capsys):
        other = (
            tmp_path / "sub-07_ses-05_task-rating_run-1_space-fsLR_atlas-A_stat-mean_timeseries.tsv"
        )
        other.write_bytes(run.read_bytes())
        other.with_suffix(".json").write_bytes(run.with_suffix(".json").read_bytes())
        words = ["live", str(signature), "--replay", str(other), "--speed", "0", "--no-page"]
        assert main([*words, "--out", str(tmp_path / "o")]) == 1
        assert "--other-person" in capsys.readouterr().err
        assert main([*words, "--out", str(tmp_path / "o"), "--other-person"]) == 0

    def test_options_have_their_bounds(self):
        with pytest.raises(ValueError, match="^speed"):
            LiveOptions(speed=-1.0)
