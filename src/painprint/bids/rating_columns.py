"""Which column is the rating, by the words of names, units and descriptions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

SCALES = frozenset(
    "rating ratings rated painrating painvas vas nrs vrs covas evas gvas lms glms".split()
)
"""Words for a rating, and the scales of pain research: visual analogue, numerical and verbal
rating scale, computerised and generalised forms, (general) labelled magnitude scale."""
PAIN = frozenset("pain painfulness".split())
RATINGS = SCALES | PAIN
DEVICES = frozenset("slider joystick dial".split())
VAGUE = frozenset("intensity unpleasantness discomfort score".split()) | DEVICES
"""Words for a rating unless a column has a better name: an intensity may be the stimulus's."""
PHYSIOLOGY = frozenset(
    "cardiac ecg ekg heart heartrate heartbeat hr hrv bpm ibi pulse puls pulsox ppg pleth "
    "plethysmograph plethysmogram oximeter oximetry oxygen spo2 sao2 o2 co2 etco2 capnograph "
    "respiratory respiration resp rsp breath breaths breathing belt bellows ventilation "
    "bp abp bvp eda gsr scr scl skin electrodermal conductance emg eeg eog blood "
    "trigger triggers ttl sync marker markers scanner scannertrigger "
    "eye eyes eyetrack eyetracker eyetracking pupil pupils gaze blink blinks "
    "saccade saccades fixation coord coordinate coordinates motion".split()
)
"""Words for a physiological channel, an eye tracker, or a signal of the scanner."""
STIMULI = frozenset(
    "stim stims stimulus stimuli stimulation stimulator thermode temperature temperatures temp "
    "celsius thermal heat cold pressure voltage volt volts current ampere shock laser odor odour "
    "sound audio".split()
)
COUNTERS = frozenset(
    "index idx unnamed frame frames volume volumes vol sample samples trial trials block blocks "
    "run session scan tr row number nr no n count counter id subject participant".split()
)
TIMES = frozenset("time times t onset onsets timestamp timestamps".split())
OTHER_TIMES = frozenset("duration rt latency offset start stop end date clock delay".split())
NEVER = PHYSIOLOGY | STIMULI | COUNTERS | TIMES | OTHER_TIMES
"""Words for what is never the rating."""
SELF_REPORT = RATINGS | DEVICES | frozenset("reported felt perceived".split())
PREPOSITION = re.compile(r"\b(?:of|in|during|by|for|from|to|at|while|with|when|as)\b|[,;:.(]")

PHYSICAL_UNITS = frozenset(
    "c degc degreec degreesc degreecelsius degreescelsius celsius kelvin f degf fahrenheit "
    "v volt volts mv millivolt millivolts uv microvolt microvolts a ma ampere amperes milliampere "
    "milliamperes milliamp milliamps ua pa kpa hpa pascal kilopascal mmhg bar mbar psi newton "
    "newtons w mw mj j db hz khz bpm beats/min lux us usiemens microsiemens siemens mmol "
    "s sec second seconds ms millisecond milliseconds min minute minutes pixel pixels".split()
)
"""Units of stimuli, physiology and times. Ratings are in points, %, mm or cm of a scale."""

SECONDS = {
    **dict.fromkeys("s sec secs second seconds".split(), 1.0),
    **dict.fromkeys("ms msec msecs millisec millisecond milliseconds".split(), 1e-3),
    **dict.fromkeys("us usec microsec microsecond microseconds".split(), 1e-6),
    **dict.fromkeys("ns nsec nanosecond nanoseconds".split(), 1e-9),
    **dict.fromkeys("min mins minute minutes".split(), 60.0),
    **dict.fromkeys("h hr hour hours".split(), 3600.0),
}
"""Length of a unit of time (s), by its spelling."""
BESIDE_TIMES = frozenset("elapsed relative rel from since scan recording in of".split())


class Rank(IntEnum):
    """How well a column says that it is the rating; the lowest rank wins."""

    NAMED = 0
    DESCRIBED = 1
    """Described as a self-report in the sidecar, whatever its name."""
    VAGUE = 2
    UNNAMED = 3
    OTHER = 4
    """Something else: only if it was asked for."""


def words_of(name: str) -> tuple[str, ...]:
    """Lower-case words of a name, split at signs, digits and capitals; words with a digit too,
    where only they are known, such as CO2.

    Examples
    --------
    >>> words_of("painRating_2"), words_of("PPG100C"), words_of("CO2")
    (('pain', 'rating'), ('ppg', 'c'), ('co', 'co2'))
    """
    known = RATINGS | NEVER
    words: list[str] = []
    for part in re.findall(r"[^\W_]+", name.replace("µ", "u").replace("μ", "u")):
        split = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\dA-Za-z]+", part)
        words += [word.lower() for word in split]
        if part.lower() in known and not known & {word.lower() for word in split}:
            words.append(part.lower())
    return tuple(dict.fromkeys(words))


def rank_column(name: str, entry: Mapping[str, Any]) -> Rank:
    """How well a column says that it is the rating.

    The last known word of its name decides: a ``heat_pain_rating`` is a rating, a
    ``pain_temperature`` a temperature. A physical unit or a description of something else, such as
    "temperature of the thermode", makes any column something else.

    Parameters
    ----------
    entry : mapping
        Description of the column in the sidecar, with Units, Description and LongName.

    Examples
    --------
    >>> [rank_column(n, {}).name for n in ("pain_vas", "intensity", "breathlessness", "ECG1")]
    ['NAMED', 'VAGUE', 'UNNAMED', 'OTHER']
    """
    described = _is_self_report(entry)
    if not words_of(name) or _is_physical(entry.get("Units")) or described is False:
        return Rank.OTHER
    known = [word for word in words_of(name) if word in RATINGS or word in NEVER]
    if known:
        return Rank.NAMED if known[-1] in RATINGS else Rank.OTHER
    if described:
        return Rank.DESCRIBED
    return Rank.VAGUE if VAGUE & set(words_of(name)) else Rank.UNNAMED


def rank_in_recording(rank: Rank, name: str, suffix: str, label: str) -> Rank:
    """Rank of a column given the kind of recording that it stands in.

    Parameters
    ----------
    suffix, label : str
        Suffix and recording- label of the file. In a stimulus file a column must be called a
        rating; in a physiological file it must be called or described as one, or the label says so.
    """
    if suffix == "stim":
        return rank if rank == Rank.NAMED and SCALES & set(words_of(name)) else Rank.OTHER
    labelled = bool((RATINGS | DEVICES) & set(words_of(label)))
    return Rank.OTHER if suffix == "physio" and rank > Rank.DESCRIBED and not labelled else rank


def time_column(names: tuple[str, ...]) -> str | None:
    """The column of times, such as time, onset or time_ms; a timestamp where there is no other."""
    times = [name for name in names if _is_time(words_of(name))]
    return min(times, key=is_timestamp, default=None)


def is_timestamp(name: str) -> bool:
    """Whether a column is called a timestamp: times of a device, from wherever its clock begins."""
    return any(word.startswith("timestamp") for word in words_of(name))


def seconds_in_unit(name: str, units: object) -> float | None:
    """Seconds in the unit of a column of times, by its Units in the sidecar, else by its name.

    Returns
    -------
    seconds : float or None
        1 if nothing is said; None if the two disagree or the unit is unknown.

    Examples
    --------
    >>> seconds_in_unit("time", "ms"), seconds_in_unit("time_ms", None), seconds_in_unit("t", None)
    (0.001, 0.001, 1.0)
    """
    in_name = {SECONDS[word] for word in words_of(name) if word in SECONDS}
    if units is None or str(units).strip().lower() in ("", "n/a"):
        found = in_name or {1.0}
    else:
        words = words_of(str(units))
        joined = "".join(words)
        known = {joined} if joined in SECONDS else set(words) & set(SECONDS)
        found = {SECONDS[word] for word in known} | in_name if known else set()
    return found.pop() if len(found) == 1 else None


def _is_time(words: tuple[str, ...]) -> bool:
    """Whether a name is that of times: of words for times and their units alone."""
    of_times = TIMES | {word for word in SECONDS if len(word) > 1} - {"min", "hr"}
    return bool(of_times & set(words)) and set(words) <= TIMES | set(SECONDS) | BESIDE_TIMES


def _is_physical(units: object) -> bool:
    """Whether units are those of a stimulus, of physiology or of times."""
    text = re.sub(r"[\s°º.]", "", str(units or "").lower().replace("µ", "u").replace("μ", "u"))
    words = set(words_of(str(units or "")))
    return text in PHYSICAL_UNITS or bool(words & {u for u in PHYSICAL_UNITS if len(u) > 3})


def _is_self_report(entry: Mapping[str, Any]) -> bool | None:
    """Whether a description is that of a self-report, or else of a stimulus or of physiology; None
    where it says neither.

    What stands before the first preposition is read as a name is: its last known word decides.
    Where it has none, the first one after it does, as in "output of the thermode".
    """
    for text in (str(entry.get(key) or "") for key in ("LongName", "Description")):
        head, *rest = PREPOSITION.split(text, maxsplit=1)
        known = [
            [word for word in words_of(part) if word in SELF_REPORT | STIMULI | PHYSIOLOGY]
            for part in (head, *rest)
        ]
        if decisive := known[0][-1:] or known[-1][:1]:
            return decisive[0] in SELF_REPORT
    return None
