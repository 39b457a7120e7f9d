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
CODES = frozenset(
    "is has cue cues condition conditions cond code type category present threshold tolerance "
    "catastrophizing".split()
)
"""Words for what was done or measured apart from the rating, as in pain_cue or is_pain."""
NEVER = PHYSIOLOGY | STIMULI | COUNTERS | TIMES | OTHER_TIMES | CODES
"""Words for what is never the rating."""
NOT_BEFORE_PAIN = (STIMULI | COUNTERS | CODES) - frozenset(
    "stimulation thermal heat cold pressure shock laser".split()
)
"""First words of what is never the rating, unless a scale follows: temp_pain, but not heat_pain."""
NOT_BEFORE_SCALES = (TIMES | OTHER_TIMES | {"is", "has", "n"}) - {"t", "start", "stop", "end"}
"""First words of what is never the rating, such as RT_rating."""
OTHER_FEELINGS = re.compile(
    r"(expect|anticip|predict|relief|anxi|fear|confiden|mood|stress|arous|valen|pleasant)"
)
"""Beginnings of words for what is asked beside the pain."""
EXPECTED = re.compile(r"(expect|anticip|predict)")
SELF_REPORT = RATINGS | DEVICES | frozenset("reported felt perceived painful judged".split())
PREPOSITION = re.compile(
    r"\b(?:of|in|during|by|for|from|to|at|while|with|when|as|after|before|following)\b|[,;:.(]"
)
OPENING = re.compile(rf"^\W*(?:{PREPOSITION.pattern.split('|[')[0]})[^,;:.]*[,;:.]", re.IGNORECASE)
"""What comes before the main clause, as in "after each stimulus, ..."."""

PHYSICAL_UNITS = frozenset(
    "c degc degreec degreesc degreecelsius degreescelsius celsius kelvin f degf fahrenheit "
    "v volt volts mv millivolt millivolts uv microvolt microvolts a ma ampere amperes milliampere "
    "milliamperes milliamp milliamps ua pa kpa hpa pascal kilopascal mmhg bar mbar psi newton "
    "newtons w mw mj j db hz khz bpm beats/min lux us usiemens microsiemens siemens mmol "
    "s sec second seconds ms millisecond milliseconds min minute minutes pixel pixels".split()
)
"""Units of stimuli, physiology and times. Ratings are in points, %, mm or cm of a scale."""
UNITS_OF_SLIDERS = frozenset(
    "v volt volts mv millivolt millivolts uv microvolt microvolts pixel pixels".split()
)
"""Physical units that the output of a slider or its place on a screen may have."""

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
CLOCKS = frozenset(
    "lsl unix epoch posix utc device system computer pc host local clock psychopy biopac".split()
)
"""Words for a clock that begins anywhere."""
OF_TIMES = CLOCKS | frozenset(
    "trigger ttl scanner trial frame sample volume run session rating ratings pain slider task "
    "experiment exp global absolute abs".split()
)
"""Words that may qualify a time of samples, as in trial_time."""
FRACTIONS = frozenset("tenth tenths hundredth hundredths thousandth thousandths half".split())


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
    name = re.sub(r"(?i)time[\W_]*stamp", "timestamp", name)
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
    ``pain_temperature`` a temperature. First words such as those of ``RT_rating``, ``temp_pain``
    and ``is_pain`` make it something else; a feeling other than pain, such as expectation, makes it
    unnamed. So do a physical unit or a description of something else, such as "temperature of the
    thermode", unless the name has a word of a scale: a ``rating`` may be described by its stimulus,
    or be in volts.

    Parameters
    ----------
    entry : mapping
        Description of the column in the sidecar, with Units, Description and LongName.

    Examples
    --------
    >>> [rank_column(n, {}).name for n in ("pain_vas", "intensity", "breathlessness", "ECG1")]
    ['NAMED', 'VAGUE', 'UNNAMED', 'OTHER']
    """
    words, described = words_of(name), _is_self_report(entry)
    known = [word for word in words if word in RATINGS or word in NEVER]
    of_scale = bool(known) and known[-1] in RATINGS and not is_bare_pain(name)
    if not words or _is_physical(entry.get("Units"), of_slider=of_scale):
        return Rank.OTHER
    if described is False and not of_scale:
        return Rank.OTHER
    if known and known[-1] in NEVER:
        return Rank.OTHER
    if known and known[0] in NOT_BEFORE_SCALES | (set() if of_scale else NOT_BEFORE_PAIN):
        return Rank.OTHER
    of_cue = "cue" in words or ("level" in words and is_bare_pain(name))
    expected = any(map(EXPECTED.match, _head_of_description(entry)))
    if of_cue or expected or any(map(OTHER_FEELINGS.match, words)):
        return Rank.UNNAMED
    if known:
        return Rank.DESCRIBED if described is False else Rank.NAMED
    if described:
        return Rank.DESCRIBED
    return Rank.VAGUE if VAGUE & set(words) else Rank.UNNAMED


def is_bare_pain(name: str) -> bool:
    """Whether a name says pain, but not that it was rated: it may be a code of the stimulus."""
    words = set(words_of(name))
    return bool(PAIN & words) and not SCALES & words


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
    """The column of times, such as time, onset or time_ms; where there is no other, one of times
    of a device or of something, such as lsl_timestamp or rating_time."""
    times = [name for name in names if _is_time(words_of(name))]
    return min(times, key=lambda name: (is_timestamp(name), not is_plain_time(name)), default=None)


def is_plain_time(name: str) -> bool:
    """Whether a name is that of times alone, not of times of something."""
    return not OF_TIMES & set(words_of(name))


def may_be_times(name: str) -> bool:
    """Whether a column that is not known as one of times has a word for them."""
    return bool((TIMES | {"clock", "elapsed"}) & set(words_of(name)))


def is_timestamp(name: str) -> bool:
    """Whether a column is called a timestamp: times of a device, from wherever its clock begins."""
    words = words_of(name)
    return any(w.startswith("timestamp") for w in words) or bool(CLOCKS & set(words))


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
    text = "" if units is None else str(units).strip().lower()
    if text in ("", "n/a"):
        return None if _has_factor(name.lower()) or len(in_name) > 1 else max(in_name, default=1.0)
    factor, number = 1.0, re.fullmatch(r"(\d+\.?\d*(?:e-?\d+)?)\s*([^\W\d][^\d/*^]*)", text)
    if number:
        factor, text = float(number[1]), number[2]
    words = words_of(text)
    joined = "".join(words)
    known = {joined} if joined in SECONDS else set(words) & set(SECONDS)
    found = {factor * SECONDS[word] for word in known} | in_name if known else set()
    if len(found) != 1 or _has_factor(text) or FRACTIONS & set(words) or factor == 0:
        return None
    return found.pop()


def _has_factor(text: str) -> bool:
    """Whether a unit of time is multiplied or divided by a number."""
    units = "|".join(sorted(SECONDS, key=len, reverse=True))
    return bool(re.search(rf"\d\s*(?:{units})\b|\b(?:{units})\.?\s*[*/x^×]\s*\d", text))


def _is_time(words: tuple[str, ...]) -> bool:
    """Whether a name is that of times: of words for times, their units, and what they count from
    alone."""
    given, units = set(words), {word for word in SECONDS if len(word) > 1} - {"min", "hr"}
    beside = TIMES | set(SECONDS) | BESIDE_TIMES
    if (TIMES - {"t", "onset", "onsets"}) & given:
        since = {"start", "onset", "begin"} if given & {"since", "from"} else set()
        beside = beside | OF_TIMES | since
    return bool((TIMES | units | {"elapsed"}) & given) and given <= beside


def _is_physical(units: object, *, of_slider: bool) -> bool:
    """Whether units are those of a stimulus, of physiology or of times, and not of a slider."""
    text = re.sub(r"[\s°º.]", "", str(units or "").lower().replace("µ", "u").replace("μ", "u"))
    physical = PHYSICAL_UNITS - UNITS_OF_SLIDERS if of_slider else PHYSICAL_UNITS
    words = set(words_of(str(units or "")))
    return text in physical or bool(words & {u for u in physical if len(u) > 3})


def _texts(entry: Mapping[str, Any]) -> list[str]:
    """The name and the description of a column in words, from their main clause on."""
    texts = (str(entry.get(key) or "") for key in ("LongName", "Description"))
    return [OPENING.sub("", text) for text in texts]


def _head_of_description(entry: Mapping[str, Any]) -> list[str]:
    """Words before the first preposition of the name and the description of a column."""
    return [w for text in _texts(entry) for w in words_of(PREPOSITION.split(text, maxsplit=1)[0])]


def _is_self_report(entry: Mapping[str, Any]) -> bool | None:
    """Whether a description is that of a self-report, or else of a stimulus or of physiology; None
    where it says neither.

    What stands before the first preposition of the main clause is read as a name is: its last known
    word decides. Where it has none, the first one after it does, as in "output of the thermode".
    """
    for text in _texts(entry):
        head, *rest = PREPOSITION.split(text, maxsplit=1)
        known = [
            [word for word in words_of(part) if word in SELF_REPORT | STIMULI | PHYSIOLOGY]
            for part in (head, *rest)
        ]
        if decisive := known[0][-1:] or known[-1][:1]:
            return decisive[0] in SELF_REPORT
    return None
