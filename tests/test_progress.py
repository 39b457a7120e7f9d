"""Stages of some work, and the time that is left, by a clock that the test moves."""

import logging

import pytest

from painprint.progress import Progress, seconds_left


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_time_left_is_told_first_and_then_follows_what_passed(clock):
    progress = Progress("sub-01", clock=clock)
    progress.plan("a", "b", "c")
    assert progress.left() == ""  # nothing is known
    progress.tell({"a": 300, "b": 300, "c": 3000})
    assert progress.left() == "60 min left"
    with progress.stage("a"):
        clock.now += 600  # twice as long as told
    assert progress.left() == "80 min left"  # 3300 s * (360 + 600) / (360 + 300)
    with progress.stage("b"):
        clock.now += 600
    with progress.stage("c") as on_step:
        on_step(1, 2)
        clock.now += 3000
        assert progress.left() == "46 min left"  # 1500 s * (360 + 4200) / (360 + 2100)
        on_step(2, 2)
        assert progress.left() == ""


def test_time_left_falls_while_a_stage_reports_no_steps(clock):
    progress = Progress("sub-01", clock=clock)
    progress.plan("a", "b")
    progress.tell({"a": 600, "b": 600})
    with progress.stage("a"):
        left = []
        for _ in range(10):
            left.append(int(progress.left().split()[0]))
            clock.now += 60
    assert left == sorted(left, reverse=True) and left[0] == 20 and left[-1] < 12


def test_stages_that_were_done_before_are_no_evidence(clock):
    progress = Progress("sub-01", clock=clock)
    progress.plan("a", "b", "c")
    progress.tell({"a": 6000, "b": 600, "c": 600})
    progress.skip("a", "was done before")
    assert progress.left() == "20 min left"
    with progress.stage("b"):
        clock.now += 1  # its results were there
    assert progress.left() == "10 min left"
    assert (progress.n_passed, progress.n_stages) == (2, 3)


def test_without_an_estimate_there_is_no_time_left_before_evidence(clock):
    progress = Progress("group", clock=clock)
    progress.plan("a", "b")
    with progress.stage("a") as on_step:
        clock.now += 4
        on_step(1, 4)
        assert progress.left() == ""  # too short
        clock.now += 36
        assert progress.left() == "5 min left"  # 40 s for an eighth
    assert seconds_left(0.01, 1, 1000, told=False) is None


def test_a_line_says_stage_share_time_left_and_name(clock, caplog):
    caplog.set_level(logging.INFO)
    progress = Progress("sub-01", "finding the inputs", clock=clock)
    assert progress.describe() == "sub-01: finding the inputs"
    progress.plan("reading", "null")
    progress.tell({"reading": 10, "null": 110})
    with progress.stage("reading"):
        clock.now += 10
    assert progress.describe() == "sub-01: after stage 1 of 2, about 2 min left"
    with progress.stage("null") as on_step:
        on_step(1, 2)
        clock.now += 55
        assert progress.describe() == "sub-01: stage 2 of 2, 50% done, about 60 s left: null"
    assert caplog.messages == [
        "sub-01: stage 1 of 2 done in 10 s: reading", "sub-01: stage 2 of 2 done in 55 s: null",
    ]  # fmt: skip


def test_a_stage_that_fails_is_passed_without_a_line(clock, caplog):
    caplog.set_level(logging.INFO)
    progress = Progress("sub-01", clock=clock)
    progress.plan("a", "b")
    with pytest.raises(ValueError), progress.stage("a"):
        raise ValueError
    assert progress.n_passed == 1 and not caplog.messages
    with pytest.raises(KeyboardInterrupt), progress.stage("b"):
        raise KeyboardInterrupt
    assert progress.n_passed == 1  # what was stopped is not done
