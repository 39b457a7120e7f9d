"""Whether a recorded run can be used: numbers of its rating, triggers, screen and clocks, and what
to look at before the person leaves the scanner."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from painprint.bids.ratings import RatingRecording, event_quality, rating_quality
from painprint.rating_task.recording import Recording
from painprint.rating_task.samples import Samples, on_scale
from painprint.rating_task.task import RatingTask
from painprint.rating_task.volumes import Volumes
from painprint.wording import MISSING, duration, plural

LATEST_MOVE_S = 30.0
"""A first movement later than this (s after the first volume) loses rated time: analyses drop the
first 30 s."""
MOST_AT_END = 0.5
"""Share of the ratings at one end of the scale from which the scale does not suit the pain."""
MOST_TRIGGERS = 0.005
"""Share of missing or extra triggers from which the trigger line is to be checked."""
LONGEST_FRAME_MS = 50.0
"""99th percentile of the intervals of the screen from which the mark moves late."""
LARGEST_DRIFT_S, COARSEST_CLOCK_MS = 0.005, 5.0
LONGEST_UNSYNCED_S = 5.0
SHORTEST_GAP_S = 0.2
DIFFERENT_TR = 0.02
"""Relative difference between the given repetition time and that of the triggers."""
DROPPED = 1.5
"""An interval of the screen longer than this many usual ones has lost frames."""


@dataclass(frozen=True)
class RunCheck:
    """Numbers of a run; None where there is nothing to measure.

    Times are in seconds and those of the screen in ms; "share" is from 0 to 1.
    """

    end: str
    rated_s: float
    first_movement_s: float | None
    n_movements: int
    mean: float | None
    sd: float | None
    share_at_lowest: float | None
    share_at_highest: float | None
    longest_still_s: float | None
    n_questions: int
    n_answers: int
    n_triggers: int
    n_volumes: int
    n_missing_triggers: int
    n_extra_triggers: int
    trigger_interval_s: float | None
    trigger_step_s: float | None
    trigger_jitter_ms: float | None
    frame_interval_ms: float | None
    frame_interval_p99_ms: float | None
    n_dropped_frames: int
    without_page_s: float
    without_focus_s: float
    asleep_s: float
    clock_drift_ms: float | None
    clock_step_ms: float | None
    longest_unsynced_s: float | None
    problems: tuple[str, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Whether nothing is to be looked at."""
        return not self.problems

    def as_metadata(self) -> dict[str, Any]:
        """For the sidecar of the recording."""
        return asdict(self)


def check_run(
    recording: Recording,
    volumes: Volumes,
    samples: Samples | None,
    task: RatingTask,
    *,
    longest_unsynced_s: float | None = None,
) -> RunCheck:
    """Measure a run, and list what to look at.

    Parameters
    ----------
    samples : Samples or None
        Of a continuous rating; None without a trigger, or for questions.
    longest_unsynced_s : float, optional
        Longest time until a line of the journal was on the disk (s).
    """
    ended_s = min(volumes.start_s + task.duration_s, recording.last_s)
    moved_s = _first_movement_s(recording)
    frames = recording.frame_ms
    usual_ms = float(np.median(frames)) if len(frames) else np.nan
    lost = np.rint(frames[frames > DROPPED * usual_ms] / usual_ms) - 1
    found = {
        "end": recording.end,
        "rated_s": ended_s - volumes.start_s,
        "first_movement_s": moved_s - volumes.start_s,
        "n_movements": len(recording.move_s),
        **_of_ratings(recording, samples, task),
        "n_questions": len(recording.answers),
        "n_answers": sum(answer.place is not None for answer in recording.answers),
        "n_triggers": len(volumes.trigger_s),
        "n_volumes": volumes.n_volumes,
        "n_missing_triggers": volumes.n_missing,
        "n_extra_triggers": volumes.n_extra,
        "trigger_interval_s": volumes.tr_s if volumes.n_volumes > 1 else np.nan,
        "trigger_step_s": volumes.usual_step_s,
        "trigger_jitter_ms": 1e3 * volumes.jitter_s,
        "frame_interval_ms": usual_ms,
        "frame_interval_p99_ms": float(np.percentile(frames, 99)) if len(frames) else np.nan,
        "n_dropped_frames": int(lost.sum()),
        "without_page_s": sum(stop - start for start, stop in recording.gaps_s),
        "without_focus_s": recording.unfocused_s,
        "asleep_s": recording.slept_s,
        "clock_drift_ms": 1e3 * recording.clock_drift_s,
        "clock_step_ms": recording.clock_step_ms,
        "longest_unsynced_s": longest_unsynced_s,
    }
    known = {name: _rounded(value) for name, value in found.items()}
    check = RunCheck(**known)
    return RunCheck(**known, problems=tuple(_problems(check, task)))


def _first_movement_s(recording: Recording) -> float:
    moves = [*recording.move_s[:1], *(a.moved_s for a in recording.answers if a.moved_s)]
    return float(min(moves, default=np.nan))


def _of_ratings(
    recording: Recording, samples: Samples | None, task: RatingTask
) -> dict[str, float | None]:
    """Mean, SD, shares at the ends, longest time without a movement: as on a study's page."""
    names = ("mean", "sd", "share_at_lowest", "share_at_highest", "longest_still_s")
    limits = (task.lowest, task.highest)
    if task.is_continuous:
        if samples is None or np.isfinite(samples.rating).sum() < 2:
            return dict.fromkeys(names)
        rating = RatingRecording(
            samples.time_s - samples.start_s, samples.rating, value_range=limits
        )
        quality = rating_quality(rating, samples.rating, max_gap_s=np.inf)
    else:
        answered = [a.place for a in recording.answers if a.place is not None]
        if not answered:
            return dict.fromkeys(names)
        quality = event_quality(on_scale(np.array(answered), task), limits)
    values = (
        quality.mean, quality.sd, quality.share_at_floor, quality.share_at_ceiling,
        quality.longest_stuck_s,
    )  # fmt: skip
    return dict(zip(names, values, strict=True))


def _rounded(value: Any) -> Any:
    """A number as written; None for one that is not known."""
    if isinstance(value, float | np.floating):
        return round(float(value), 6) if np.isfinite(value) else None
    return value


def _problems(check: RunCheck, task: RatingTask) -> list[str]:
    """What to look at, in plain sentences, with what to do."""
    found = [*_problems_of_rating(check, task), *_problems_of_triggers(check, task)]
    if check.end == "killed":
        found.append("The program was killed: the recording ends there.")
    elif check.end == "stopped":
        found.append(f"It was stopped {duration(check.rated_s or 0)} after the first volume.")
    if check.without_page_s > SHORTEST_GAP_S:
        found.append(
            f"The page was closed for {duration(check.without_page_s)}: there is no rating from "
            "then until the next movement."
        )
    if check.without_focus_s > SHORTEST_GAP_S:
        found.append(
            f"For {duration(check.without_focus_s)} another window had the keyboard: triggers and "
            "keys went there. Close other programs, and click on the page once."
        )
    if check.asleep_s > SHORTEST_GAP_S:
        found.append(
            f"The computer slept for {duration(check.asleep_s)}: times after it are wrong by as "
            "much. Switch sleep off, and record the run again."
        )
    if (check.frame_interval_p99_ms or 0) > LONGEST_FRAME_MS:
        found.append(
            "The screen was slow: 1 % of its frames took more than "
            f"{check.frame_interval_p99_ms:.0f} ms. Close other programs."
        )
    if abs(check.clock_drift_ms or 0) > 1e3 * LARGEST_DRIFT_S:
        found.append(
            f"The browser's clock drifted by {check.clock_drift_ms:.0f} ms against the computer's. "
            "Use another browser."
        )
    if (check.clock_step_ms or 0) > COARSEST_CLOCK_MS:
        found.append(
            f"The browser rounds times to {check.clock_step_ms:.0f} ms. Use another one, or switch "
            "off its protection against fingerprinting."
        )
    if (check.longest_unsynced_s or 0) > LONGEST_UNSYNCED_S:
        found.append(
            f"The disk was slow: what was recorded was on it only after "
            f"{duration(check.longest_unsynced_s or 0)}. Record on a local disk."
        )
    return found


def _problems_of_rating(check: RunCheck, task: RatingTask) -> list[str]:
    if not task.is_continuous:
        lacking = check.n_questions - check.n_answers
        if not check.n_questions:
            return ["No question was shown: the run was shorter than the time to the first one."]
        if lacking:
            return [
                f"{plural(lacking, 'question')} of {check.n_questions} had no answer. Ask whether "
                "the person can reach the buttons."
            ]
        return _problems_of_scale(check)
    if not check.n_movements:
        return [
            "The mark was never moved: there is no rating. Ask whether the person can move it, and "
            "record the run again."
        ]
    found = []
    if (check.first_movement_s or 0) > LATEST_MOVE_S:
        found.append(
            f"The mark was first moved {duration(check.first_movement_s or 0)} after the first "
            "volume: there is no rating before. Tell the person to set it at once."
        )
    return found + _problems_of_scale(check)


def _problems_of_scale(check: RunCheck) -> list[str]:
    ends = (("lowest", check.share_at_lowest), ("highest", check.share_at_highest))
    return [
        f"{share:.0%} of the ratings are at the {end} end of the scale. Talk about what the ends "
        "mean."
        for end, share in ends
        if share is not None and share > MOST_AT_END
    ]


def _problems_of_triggers(check: RunCheck, task: RatingTask) -> list[str]:
    if not check.n_triggers:
        return [
            "There was no trigger: the times of the scan are not known. Check that the trigger box "
            f"sends {' or '.join(task.trigger_key)} to this computer."
        ]
    if check.n_triggers == 1:
        return [
            "There was one trigger only: the run began with it, and nothing else tells the times "
            "of the scan. Check the trigger box, if the run was not started by hand."
        ]
    given, seen = task.repetition_time_s, check.trigger_step_s
    if given is not None and seen is not None and abs(seen / given - 1) > DIFFERENT_TR:
        return [
            f"Triggers came every {seen:.4g} s, but the repetition time was given as {given:g} s. "
            "Check --repetition-time, and whether there is one trigger for each volume."
        ]
    found = []
    for n, what in ((check.n_missing_triggers, "missing"), (check.n_extra_triggers, "too many")):
        if n > MOST_TRIGGERS * check.n_volumes:
            found.append(
                f"{plural(n, 'trigger')} of {check.n_volumes} {'is' if n == 1 else 'are'} {what}. "
                "Check the cable and the trigger box."
            )
    return found


def describe_check(check: RunCheck, task: RatingTask, name: str) -> str:
    """The report at the end of a run, in plain words."""
    lines = [f"{name}: {'usable' if check.is_usable else 'look at this'}."]
    lines += [f"  ! {problem}" for problem in check.problems]
    lines.append(f"  Rating    {_rating_line(check, task)}")
    lines.append(f"  Triggers  {_trigger_line(check)}")
    if check.frame_interval_ms is not None:
        lines.append(
            f"  Screen    frames {check.frame_interval_ms:.1f} ms apart (median), "
            f"{check.frame_interval_p99_ms:.1f} ms (99th percentile), "
            f"{check.n_dropped_frames:,} dropped"
        )
    return "\n".join(lines)


def _rating_line(check: RunCheck, task: RatingTask) -> str:
    length = f"{duration(check.rated_s or 0)} from the first volume" if check.rated_s else MISSING
    if not task.is_continuous:
        parts = [length, f"{check.n_answers} of {plural(check.n_questions, 'question')} answered"]
    elif check.first_movement_s is None:
        return f"{length}; never moved"
    else:
        parts = [length, f"first moved at {check.first_movement_s:.1f} s"]
    if check.mean is not None:
        sd = "" if check.sd is None else f", SD {check.sd:.3g}"
        parts.append(f"mean {check.mean:.3g}{sd} of {task.lowest:g} to {task.highest:g}")
    if check.longest_still_s is not None:
        parts.append(f"longest without a movement {duration(check.longest_still_s)}")
    if check.share_at_lowest is not None and check.share_at_highest is not None:
        parts.append(
            f"{check.share_at_lowest:.0%} at the lowest, {check.share_at_highest:.0%} at the "
            "highest end"
        )
    return "; ".join(parts)


def _trigger_line(check: RunCheck) -> str:
    if check.n_triggers < 2:
        return plural(check.n_triggers, "trigger")
    jitter = f", SD {check.trigger_jitter_ms:.1f} ms" if check.trigger_jitter_ms is not None else ""
    return (
        f"{check.n_triggers:,} for {check.n_volumes:,} volumes, {check.trigger_interval_s:.4f} s "
        f"apart{jitter}; {check.n_missing_triggers} missing, {check.n_extra_triggers} too many"
    )
