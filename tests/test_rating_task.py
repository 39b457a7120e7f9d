"""The rating task without browser or server: volumes, samples, what was recorded, files."""

import gzip
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from conftest import simulate_runs
from hypothesis import given, settings
from hypothesis import strategies as st
from test_load import load_first

from painprint import Settings
from painprint.apps.rate import choose_run, finish, finish_interrupted
from painprint.cli import main
from painprint.option_fields import flag
from painprint.rating_task.check import check_run, describe_check
from painprint.rating_task.files import RatingFiles
from painprint.rating_task.journal import Journal, is_written, read_journal
from painprint.rating_task.rated_run import RatedRun
from painprint.rating_task.recording import recording_of
from painprint.rating_task.samples import SAMPLING_HZ, sample_rating
from painprint.rating_task.task import RatingTask, contrast, ready_texts
from painprint.rating_task.volumes import volumes_of

OFFSET_S = 1000.0
"""The program's clock minus the page's."""
SHORT = RatingTask(duration_s=20.0).complete()


def batch(number, *, page="a", sent_s=0.0, delay_s=0.001, offset_s=OFFSET_S, **rows):
    """A batch as the journal has it; times of rows are in seconds of the page here."""
    names = {"moves": 0, "focus": 0}
    of_page = {}
    for name, values in rows.items():
        if name in names:
            of_page[name] = [[t * 1e3, value] for t, value in values]
        elif name == "triggers":
            of_page[name] = [t * 1e3 for t in values]
        else:
            of_page[name] = values
    received = offset_s + sent_s + delay_s
    return {
        "kind": "batch", "page": page, "n": number, "sent": sent_s * 1e3, "received": received,
        "clock_step": 0.1, **of_page,
    }  # fmt: skip


def a_run(task=SHORT, *, moves=((2.0, 0.5), (7.03, 0.8)), triggers=None, until_s=25.0, **first):
    """A recording of one page whose first trigger is at 1 s."""
    if triggers is None:
        triggers = 1.0 + 0.5 * np.arange(int((until_s - 1) / 0.5))
    entries = [
        batch(0, sent_s=1.0, triggers=list(triggers), moves=list(moves), **first),
        batch(1, sent_s=until_s, delay_s=0.004),
        {"kind": "end", "received": 0.0, "why": "duration"},
    ]
    recording = recording_of(entries)
    volumes = volumes_of(
        recording.trigger_s, n_dummies=task.dummy_triggers, tr_s=task.repetition_time_s
    )
    return recording, volumes


class TestVolumes:
    @settings(max_examples=200, deadline=None)
    @given(
        tr_s=st.sampled_from([0.46, 0.8, 2.0]),
        n=st.integers(40, 400),
        n_dummies=st.integers(0, 6),
        knows_tr=st.booleans(),
        seed=st.integers(0, 2**32 - 1),
    )
    def test_every_trigger_gets_its_volume_with_5_percent_missing_and_2_percent_doubled(
        self, tr_s, n, n_dummies, knows_tr, seed
    ):
        rng = np.random.default_rng(seed)
        index = np.arange(n)
        there = rng.random(n) > 0.05
        there[0] = True
        doubled = there & (rng.random(n) < 0.02)
        times = 3.7 + tr_s * index + rng.uniform(-0.005, 0.005, n)
        sent = np.concatenate(
            [times[there], times[doubled] + rng.uniform(0.01, 0.1, doubled.sum())]
        )
        found = volumes_of(
            rng.permutation(sent), n_dummies=n_dummies, tr_s=tr_s if knows_tr else None
        )
        truth = np.concatenate([index[there], np.full(doubled.sum(), -1)])
        assert (found.volume == truth[np.argsort(sent, kind="stable")]).all()
        assert found.n_extra == doubled.sum()
        assert found.n_missing == (~there[: index[there].max() + 1]).sum()
        assert abs(found.start_s - (3.7 + tr_s * n_dummies)) < 0.006
        assert found.tr_s == pytest.approx(tr_s, abs=0.01 / n)

    def test_a_missing_last_dummy_does_not_shift_the_start(self):
        times = [0.0, 2.0, 4.0, 8.0, 10.0]  # the trigger of volume 3 is missing
        assert volumes_of(times, n_dummies=3, tr_s=2.0).start_s == pytest.approx(6.0)

    def test_one_trigger_alone_is_the_start(self):
        found = volumes_of([5.0])
        assert (found.n_volumes, found.start_s) == (1, 5.0)
        assert np.isnan(volumes_of([5.0], n_dummies=2).start_s)  # nothing tells how long they take
        assert volumes_of([5.0], n_dummies=2, tr_s=2.0).start_s == 9.0

    def test_there_may_be_no_trigger(self):
        found = volumes_of([])
        assert (found.n_volumes, found.n_missing, found.n_extra) == (0, 0, 0)
        assert np.isnan(found.start_s)


class TestSamples:
    def test_each_sample_is_the_place_of_the_mark_at_its_time(self, rng):
        at = np.sort(rng.uniform(1.0, 21.0, 200))
        places = rng.random(200).round(5)
        recording, volumes = a_run(moves=list(zip(at, places, strict=True)))
        found = sample_rating(recording, volumes, SHORT)
        assert len(found.rating) == SHORT.duration_s * SAMPLING_HZ + 1
        for i, value in enumerate(found.rating):
            before = [
                p for t, p in zip(at, places, strict=True) if t <= 1.0 + i / SAMPLING_HZ + 1e-9
            ]
            assert (np.isnan(value) and not before) or value == pytest.approx(100 * before[-1])

    def test_there_is_no_rating_before_the_first_movement(self):
        found = sample_rating(*a_run(moves=[(5.02, 0.3)]), SHORT)
        assert np.isnan(found.rating[: int(4.02 * SAMPLING_HZ) + 1]).all()
        assert np.isfinite(found.rating[int(4.02 * SAMPLING_HZ) + 1 :]).all()

    @pytest.mark.parametrize(
        ("options", "start_s"),
        [
            ({}, 0.0),
            ({"dummy_triggers": 4}, -2.0),
            ({"scale_after_s": 10.0}, 10.0),
            ({"dummy_triggers": 4, "scale_after_s": 10.0}, 8.0),
        ],
    )
    def test_start_time_has_the_right_sign(self, options, start_s):
        task = RatingTask(duration_s=20.0, **options).complete()
        recording, volumes = a_run(task, moves=[(12.0, 0.4), (15.0, 0.6)])
        found = sample_rating(recording, volumes, task)
        assert found.start_s == pytest.approx(start_s)
        # whatever the start, the mark is at 0.6 from 15 s of the page on: 14 s after trigger one
        moved_s = 14.0 - 0.5 * task.dummy_triggers
        assert found.time_s[np.flatnonzero(found.rating > 50)[0]] == pytest.approx(
            moved_s, abs=0.05
        )
        assert found.time_s[-1] == pytest.approx(task.duration_s, abs=0.05)

    def test_without_a_page_there_is_no_rating_until_the_next_movement(self):
        entries = [
            batch(0, sent_s=1.0, triggers=[1.0, 1.5, 2.0], moves=[(2.0, 0.5)]),
            batch(1, sent_s=6.0),
            # the second page was opened at 9 s of the first one's clock
            batch(0, page="b", sent_s=0.2, offset_s=OFFSET_S + 9, moves=[(3.0, 0.7)]),
            batch(1, page="b", sent_s=14.0, offset_s=OFFSET_S + 9),
        ]
        recording = recording_of(entries)
        volumes = volumes_of(recording.trigger_s)
        found = sample_rating(recording, volumes, SHORT)
        lost = np.isnan(found.rating) & (found.time_s > 1.1)
        # from the last word of the first page, 6 s, to the movement in the second one, at 12 s
        assert found.time_s[lost][[0, -1]] == pytest.approx([5.05, 10.95], abs=0.06)
        assert check_run(recording, volumes, found, SHORT).without_page_s == pytest.approx(3.2)

    def test_triggers_are_beside_the_nearest_sample(self):
        found = sample_rating(*a_run(), SHORT)
        assert found.trigger.sum() == 41
        assert (np.flatnonzero(found.trigger) == 10 * np.arange(41)).all()


class TestRecording:
    def test_times_do_not_depend_on_how_long_batches_travelled(self, rng):
        rows = [(i, t) for i, t in enumerate(np.arange(1.0, 30.0, 0.1))]
        slow = [
            batch(i, sent_s=t, delay_s=rng.uniform(0.05, 3.0) * (i != 40) + 0.001,
                  moves=[(t - 0.03, 0.01 * (i % 100))], triggers=[t - 0.05] * (i % 5 == 0))
            for i, t in rows
        ]  # fmt: skip
        quick = [{**one, "received": OFFSET_S + one["sent"] / 1e3 + 0.001} for one in slow]
        a, b = recording_of(slow), recording_of(quick)
        np.testing.assert_allclose(a.move_s, b.move_s, rtol=0, atol=1e-9)
        np.testing.assert_allclose(a.trigger_s, b.trigger_s, rtol=0, atol=1e-9)

    def test_batches_may_come_in_another_order(self):
        batches = [batch(i, sent_s=1.0 + i, moves=[(1.0 + i, 0.1 * i)]) for i in range(5)]
        turned = recording_of([batches[i] for i in (0, 1, 3, 2, 4)])
        assert (turned.move_s == recording_of(batches).move_s).all()

    def test_a_drift_between_the_clocks_is_measured(self):
        batches = [batch(i, sent_s=t, delay_s=0.001 + 1e-5 * t) for i, t in enumerate(range(600))]
        assert recording_of(batches).clock_drift_s == pytest.approx(1e-5 * 540, abs=1e-9)

    def test_time_without_the_keyboard_is_counted_to_the_end(self):
        entries = [
            batch(0, sent_s=1.0, focus=[(0.5, 1), (3.0, 0), (5.0, 1), (9.0, 0)]),
            batch(1, sent_s=12.0),
        ]
        assert recording_of(entries).unfocused_s == pytest.approx(5.0)


class TestCheck:
    def test_a_good_run_is_usable(self, rng):
        moves = [(2 + i / 2, 0.4 + 0.3 * np.sin(i)) for i in range(40)]
        recording, volumes = a_run(moves=moves, frames=[16.7] * 1000)
        check = check_run(recording, volumes, sample_rating(recording, volumes, SHORT), SHORT)
        assert check.problems == ()
        text = describe_check(check, SHORT, "sub-01_task-rating_run-1")
        assert text.startswith("sub-01_task-rating_run-1: usable.")

    @pytest.mark.parametrize(
        ("what", "words"),
        [
            ({"moves": []}, "never moved"),
            ({"moves": [(2.0, 0.0)]}, "100% of the ratings are at the lowest end"),
            ({"triggers": [1.0]}, "one trigger only"),
            ({"triggers": [t for t in 1 + 0.5 * np.arange(48) if t % 2]}, "missing"),
            ({"frames": [16.7] * 90 + [120.0] * 10}, "The screen was slow"),
            ({"focus": [(3.0, 0), (9.0, 1)]}, "another window had the keyboard"),
        ],
    )
    def test_what_is_wrong_is_said_with_what_to_do(self, what, words):
        task = RatingTask(duration_s=20.0, repetition_time_s=0.5).complete()
        recording, volumes = a_run(task, **what)
        check = check_run(recording, volumes, sample_rating(recording, volumes, task), task)
        text = describe_check(check, task, "run")
        assert text.startswith("run: look at this.") and words in text

    def test_another_repetition_time_than_that_of_the_triggers_is_noted(self):
        task = RatingTask(duration_s=20.0, repetition_time_s=0.25).complete()
        recording, volumes = a_run(task)
        check = check_run(recording, volumes, sample_rating(recording, volumes, task), task)
        assert any("--repetition-time" in problem for problem in check.problems)

    def test_dropped_frames_are_counted(self):
        recording, volumes = a_run(frames=[10.0] * 50 + [20.0, 50.0] + [10.0] * 50)
        check = check_run(recording, volumes, sample_rating(recording, volumes, SHORT), SHORT)
        assert check.n_dropped_frames == 1 + 4


class TestTask:
    @pytest.mark.parametrize("design", ["continuous", "intermittent"])
    def test_a_ready_design_is_a_config_file_of_its_own(self, design, tmp_path, capsys):
        source = Path("src/painprint/rating_task/designs") / f"{design}.toml"
        copy = tmp_path / "my_task.toml"
        shutil.copy(Path(__file__).parents[1] / source, copy)
        assert main(["rate", str(tmp_path / "bids"), "--config-file", str(copy)]) == 2
        assert "needs --participant-label" in capsys.readouterr().err  # all else was understood

    def test_texts_that_are_not_given_are_those_of_the_design(self):
        task = RatingTask(design="intermittent", question="¿Cuánto le duele?").complete()
        assert task.question == "¿Cuánto le duele?"
        assert task.thanks == ready_texts("intermittent")["thanks"]

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"text_colour": "#333333"}, "contrast"),
            ({"mark_colour": "orange"}, "#ffb000"),
            ({"right_key": ("5",)}, "is a key of trigger-key too"),
            ({"right_key": ("T",), "trigger_key": ("t",)}, "is a key of trigger-key too"),
            ({"left_key": ("Left",)}, "a name such as ArrowLeft"),
            ({"trigger_key": ("",)}, "at least one key"),
            ({"lowest": 100.0}, "must be below"),
            ({"scale_after_s": 700.0}, "below the duration"),
            ({"answer_within_s": 90.0}, "at most the time between questions"),
            ({"question": " "}, "0 characters"),
            ({"language": "deutsch!"}, "a tag such as en"),
        ],
    )
    def test_what_cannot_be_is_refused(self, options, words):
        with pytest.raises(ValueError, match=f"^{next(iter(options))}") as caught:
            RatingTask(**options)
        assert words in str(caught.value)

    def test_colours_of_the_designs_have_contrast(self):
        task = RatingTask()
        assert contrast(task.text_colour, task.background_colour) > 7
        assert flag("scale_after_s") == "scale-after"

    @pytest.mark.parametrize(
        "options",
        [{"participant_label": "../x"}, {"session_label": "0 1"}, {"task_id": ""}, {"port": 70000}],
    )
    def test_labels_and_ports_that_cannot_be_are_refused(self, options):
        with pytest.raises(ValueError, match=next(iter(options))):
            RatedRun(**options)

    def test_labels_may_have_their_prefix(self):
        run = RatedRun(participant_label="sub-01", session_label="ses-3", task_id="task-rest")
        assert run.labels == ("01", "3", "rest")


def recorded(bids, run="1", task=SHORT, session="03", **what):
    """A journal of a run, with its files not yet written."""
    files = RatingFiles(bids, "01", session, "rating", run)
    journal = Journal(files.journal)
    journal.append({"kind": "run", "task": asdict(task)})
    until_s = what.pop("until_s", 25.0)
    triggers = 1.0 + 0.5 * np.arange(int((until_s - 1) / 0.5))
    what = {"moves": [(2.0 + i / 3, 0.5 + 0.4 * np.sin(i / 4)) for i in range(50)], **what}
    journal.append(batch(0, sent_s=1.0, **{"triggers": triggers.tolist(), **what}))
    journal.append(batch(1, sent_s=until_s))
    journal.close()
    return files


def samples_of(files):
    text = gzip.decompress(files.path("recording-rating_physio.tsv.gz").read_bytes()).decode()
    return [line.split("\t") for line in text.splitlines()]


class TestFiles:
    def test_what_is_written_is_what_was_recorded(self, tmp_path):
        files = recorded(tmp_path)
        report = finish(files)
        assert (
            "sub-01/ses-03/func/sub-01_ses-03_task-rating_run-1_recording-rating_physio" in report
        )
        sidecar = json.loads(files.path("recording-rating_physio.json").read_text())
        assert sidecar["Columns"] == ["rating", "trigger"] and sidecar["SamplingFrequency"] == 20
        assert (sidecar["rating"]["Minimum"], sidecar["rating"]["Maximum"]) == (0, 100)
        assert sidecar["trigger"]["Onsets"][:3] == [0.0, 0.5, 1.0]
        assert sidecar["Scale"]["question"] == SHORT.question
        assert sidecar["RunCheck"]["problems"] == [
            "The program was killed: the recording ends there."
        ]
        rows = samples_of(files)
        assert rows[0] == ["n/a", "1"] and rows[20][0] == "50"
        events = files.path("events.tsv").read_text().splitlines()
        assert events[1:] == ["0.0\t0.0\tstart", "1.0\t0.0\tfirst movement", "20.0\t0.0\tend"]
        assert is_written(files.journal)

    def test_the_same_journal_gives_the_same_files(self, tmp_path):
        one, other = recorded(tmp_path / "a"), recorded(tmp_path / "b")
        finish(one)
        finish(other)
        written = [p for p in sorted((tmp_path / "a").rglob("*")) if p.is_file()]
        assert len(written) == 5
        for path in written:
            assert (
                path.read_bytes()
                == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
            )

    def test_questions_are_written_as_events(self, tmp_path):
        task = RatingTask(design="intermittent", duration_s=20.0, every_s=5, answer_within_s=4)
        answers = [[6000, 7500, 6500, 0.25, 1], [11000, 15000, None, None, 0]]
        files = recorded(tmp_path, task=task.complete(), moves=[(6.5, 0.25)], answers=answers)
        text = finish(files)
        assert "1 question of 2 had no answer" in text
        assert files.path("events.tsv").read_text().splitlines() == [
            "onset\tduration\ttrial_type\tresponse_time\trating\tconfirmed",
            "5.0\t1.5\trating\t0.5\t25.0\t1",
            "10.0\t4.0\trating\tn/a\tn/a\t0",
        ]
        assert not files.path("recording-rating_physio.tsv.gz").exists()

    def test_runs_that_were_interrupted_are_finished(self, tmp_path, caplog):
        first, second = recorded(tmp_path), recorded(tmp_path, run="2")
        finish(first)
        with second.journal.open("ab") as file:
            file.write(b'{"kind":"batch","page":"a","n":2,"sen')  # cut off by a power cut
        before = first.path("events.tsv").stat().st_mtime_ns
        finish_interrupted(tmp_path)
        assert "run-2 was interrupted; its files were written now." in caplog.text
        assert second.path("recording-rating_physio.tsv.gz").exists() and is_written(second.journal)
        assert all(entry["kind"] for entry in read_journal(second.journal))
        assert first.path("events.tsv").stat().st_mtime_ns == before

    def test_nothing_is_left_of_a_process_that_was_killed_while_it_wrote(self, tmp_path):
        from painprint.rating_task.files import describe_dataset

        files = recorded(tmp_path)
        folder = tmp_path / files.folder
        folder.mkdir(parents=True)
        left = (".dataset_description.json.0a1b2c3d.part",
                f"{files.folder}/.{files.name}_events.tsv.0a1b2c3d.part")  # fmt: skip
        others = f"{files.folder}/.{files.name}0_events.tsv.0a1b2c3d.part"  # of run-10
        for name in (*left, others):
            (tmp_path / name).write_text("x")
        describe_dataset(tmp_path)
        finish_interrupted(tmp_path)
        hidden = [path.name for path in tmp_path.rglob(".*")]
        assert hidden == [Path(others).name]

    @pytest.mark.parametrize("content", [b"", b'{"kind":"run","ta'])
    def test_a_journal_without_a_whole_line_does_not_take_a_number(self, tmp_path, caplog, content):
        files = RatingFiles(tmp_path, "01", "03", "rating", "1")
        files.journal.parent.mkdir(parents=True)
        files.journal.write_bytes(content)
        finish_interrupted(tmp_path)
        assert "run-1 was interrupted before anything was recorded." in caplog.text
        asked = {"participant_label": "01", "session_label": "03"}
        assert choose_run(tmp_path, RatedRun(**asked)).run == "1"

    def test_a_run_that_ended_in_its_dummies_has_no_files(self, tmp_path):
        task = RatingTask(duration_s=20.0, dummy_triggers=100).complete()
        files = recorded(tmp_path, task=task)
        assert "ended before the first volume that is saved" in finish(files)
        assert not files.path("events.tsv").exists() and is_written(files.journal)

    def test_a_journal_that_was_changed_is_refused_by_its_name(self, tmp_path):
        from painprint.errors import DerivativesError

        files = recorded(tmp_path)
        lines = files.journal.read_text().splitlines()
        for wrong in (["{}", *lines[1:]], [lines[0], "[1]"], [lines[0], "nonsense", lines[1]],
                      [lines[0], '{"kind": "batch"}', lines[1]]):  # fmt: skip
            files.journal.write_text("\n".join(wrong) + "\n")
            with pytest.raises(DerivativesError, match=files.journal.name):
                finish(files)

    def test_the_next_run_is_the_one_after_the_last(self, tmp_path):
        from painprint.apps.arguments import UsageError

        asked = {"participant_label": "01", "session_label": "03"}
        assert choose_run(tmp_path, RatedRun(**asked)).run == "1"
        recorded(tmp_path)
        folder = tmp_path / "sub-01" / "ses-03" / "func"
        folder.mkdir(parents=True)
        (folder / "sub-01_ses-03_task-rating_run-04_events.tsv").write_text("onset\tduration\n")
        (folder / "sub-01_ses-03_task-other_run-09_events.tsv").write_text("onset\tduration\n")
        assert choose_run(tmp_path, RatedRun(**asked)).run == "5"
        assert choose_run(tmp_path, RatedRun(**asked, run=2)).run == "2"
        for taken in (1, 4):
            with pytest.raises(UsageError, match="never replaced"):
                choose_run(tmp_path, RatedRun(**asked, run=taken))

    @pytest.mark.parametrize("design", ["continuous", "intermittent"])
    @pytest.mark.parametrize("session", ["03", ""])
    def test_files_pass_the_bids_validator(self, tmp_path, design, session):
        from painprint.rating_task.files import describe_dataset

        assert describe_dataset(tmp_path)
        answers = {"answers": [[6000, 7500, 6500, 0.25, 1]]} if design == "intermittent" else {}
        task = RatingTask(design=design, duration_s=20.0).complete()
        finish(recorded(tmp_path, task=task, session=session, **answers))
        assert validate(tmp_path) == []
        sidecar = next(tmp_path.rglob("*_events.json"))
        sidecar.with_name(sidecar.name.replace("run-1", "run_1")).write_text("{}")
        assert validate(tmp_path)  # it does find what is wrong


@pytest.mark.parametrize("options", [{}, {"dummy_triggers": 8}, {"scale_after_s": 6.0}])
def test_painprint_reads_what_was_rated(tree, rng, options):
    """To 1e-3 of the scale, with a StartTime of either sign."""
    task = RatingTask(duration_s=180.0, **options).complete()
    (run,) = simulate_runs(rng, n_sessions=1, n_runs=1)
    at = np.arange(1.2, 250.0, 0.01)
    moves = list(zip(at, place_at(at), strict=True))
    files = recorded(tree.root, session=run.session, task=task, moves=moves, until_s=260.0)
    finish(files)
    tree.add_run(run, rating="none")
    loaded, _ = load_first(tree, Settings())
    frames = 0.5 + np.arange(len(loaded.rating))  # after the first volume that is saved
    truth = 100 * place_at(1.0 + 0.5 * task.dummy_triggers + frames)
    rated = np.isfinite(loaded.rating)
    assert np.abs(loaded.rating - truth)[rated].max() < 0.1  # of 100
    first = task.scale_after_s - 0.5 * task.dummy_triggers
    expected = (frames > max(first, 0.2 - 0.5 * task.dummy_triggers)) & (frames < 180)
    assert (rated == expected).all()


def place_at(t):
    return 0.5 + 0.4 * np.sin(t / 7)


def validate(folder):
    """Errors of the BIDS validator, from its package, which needs no network."""
    program = Path(sys.executable).with_name("bids-validator-deno")
    done = subprocess.run([program, folder, "--format", "json"], capture_output=True, text=True)
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [issue for issue in issues if issue["severity"] == "error"]
