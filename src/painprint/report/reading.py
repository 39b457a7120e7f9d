"""The page of new sessions: predicted pain, its interval, and the applicability domain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from painprint import wording
from painprint.bins import BIN_WORDS
from painprint.report import figures
from painprint.report.environment import make_environment, records
from painprint.report.glossary import OF_A_READING, glossary
from painprint.report.summary import Card, describe_answer
from painprint.report.svg import draw_figure, inline
from painprint.report.words import with_interval
from painprint.results.conclusion import Tracking, flagged_confounds
from painprint.results.proof import NOT_RECORDED, NOT_SHOWN, conclude_signature, tells_level
from painprint.signature.model import Signature
from painprint.store.files import write_text

if TYPE_CHECKING:
    from painprint.apps.predict import Scored

LEVEL = "80"
"""Level (%) of the intervals that are shown."""
STATUS = {"in range": "good", "caution": "caution", "do not read": "bad"}
ALL_IN_RANGE = (
    "By every check, it is within the range of the sessions of the study. This does not say how "
    "accurate the prediction is."
)
NOT_TRACKING = (
    "Not shown to be pain",
    "The signature was not shown to track pain: do not interpret the mean prediction as pain.",
)
NOT_LEVEL = (
    "Not shown to be a level of pain",
    "The signature was not shown to tell the level of pain: read the changes within the session, "
    "not the mean prediction.",
)
NOT_NEW = (
    "Not a test: not a new session",
    "The signature was trained on this session, so its prediction was fitted to its own ratings. "
    "Intervals are for new sessions, so there is none.",
)
OF_EVENTS = (
    "Not known for all minutes",
    "The signature was trained on ratings of events, so it is not known how well it predicts pain "
    "between them.",
)
OF_OTHER = (
    "Not known for this person",
    "The signature is another person's, and was not shown to predict this person's pain.",
)
OUTSIDE = (
    "This session is outside the applicability domain of the signature: it differs from the "
    "sessions that the signature was trained on. The numbers below should not be interpreted as "
    "pain."
)
RECALIBRATED = (
    "These are the results of the signature before slope and offset were fitted again. "
    "Correlations also hold for the recalibrated signature, because slope and offset do not change "
    "them; its skill is not known."
)


def write_reading(path: Path, signature: Signature, scored: Sequence[Scored]) -> None:
    """Write the page of new sessions."""
    history = signature.history
    assert history is not None  # checked when the session was read
    read = _person(scored[0].person.of_data)
    names = [session.session for session in scored if session.session]
    which = f"session{'s' * (len(names) > 1)} {', '.join(names)}" if names else "a new session"
    title = f"Predicted pain of {read}, {which}, with the signature of " + _person(
        signature.participant
    )
    page = make_environment().get_template("reading.html")
    write_text(
        path,
        page.render(
            title=title,
            whose=_person(signature.participant),
            origin=_origin(signature),
            performance=performance(signature, of_other_person=scored[0].person.other),
            sessions=[_session(session, signature, n) for n, session in enumerate(scored)],
            simulated=signature.simulated,
            n_levels=len(history.levels),
            unit=signature.leave_out,
            has_intervals=any(_has_intervals(session) for session in scored),
            trained=[_name(session) for session in scored if session.reading.trained],
            tells_level=tells_level(signature),
            tracks=bool((found := conclude_signature(signature)) and found.is_shown),
            of_events=signature.of_events,
            ends=signature.rating_range,
            glossary=glossary(OF_A_READING, BIN_WORDS["1min"]),
        ),
    )


def _name(scored: Scored) -> str:
    return f"Session {scored.session}" if scored.session else "New session"


def _has_intervals(scored: Scored) -> bool:
    return bool(scored.reading.table[f"low_{LEVEL}"].notna().any())


def _person(label: str) -> str:
    return f"sub-{label}" if label else "a person without a label"


def _origin(signature: Signature) -> str:
    """Which signature it is, in a sentence."""
    assert signature.history is not None  # checked when the session was read
    n, atlas = len(signature.history.levels), signature.origin.atlas
    return (
        f"The signature was trained on "
        f"{wording.plural(n, f'rated {signature.leave_out}')}; "
        f"{f'atlas {atlas}' if atlas else 'atlas not recorded'}, "
        f"{len(signature.regions.names)} regions; {signature.preset} preset"
        f"{'; recalibrated' if signature.recalibrated else ''}."
    )


def performance(signature: Signature, *, of_other_person: bool = False) -> Card:
    """How well the signature predicts held-out sessions of its study.

    Its status is bad unless the study has shown that it tracks the rating.
    """
    question = "How good is this signature on held-out sessions?"
    conclusion = conclude_signature(signature)
    if conclusion is None:
        return Card(question, "Not recorded", f"{_begin(NOT_RECORDED)}.", "", "bad")
    metrics, unit = signature.metrics, signature.leave_out
    found = describe_answer(metrics, conclusion)
    numbers = f"{found.numbers}; skill {with_interval('skill', metrics)}"
    if conclusion.level is not conclusion.closeness:
        numbers += f"; {unit} means not shown to agree better than permuted ones"
    answer, text, status = found.answer, found.text, found.status
    if not conclusion.is_shown:
        text = f"{_begin(NOT_SHOWN[conclusion.tracking].format(unit=unit))}."
        if conclusion.tells_level:
            status = "caution"
        elif conclusion.tracking is Tracking.FEW:
            answer, status = f"Not shown to track pain: too few {unit}s to tell", "caution"
        else:
            answer, status = "Never shown to track pain", "bad"
    if flagged := flagged_confounds(metrics):
        text += (
            f" Its study flagged a confound: the rating can be predicted from "
            f"{wording.enumerate_names(flagged)} alone."
        )
    if signature.recalibrated:
        text += f" {RECALIBRATED}"
    if of_other_person:
        text += " It is another person's signature; how well it predicts this person is not known."
    return Card(question, answer, text, numbers, status)


def _begin(text: str) -> str:
    return text[0].upper() + text[1:]


def _session(scored: Scored, signature: Signature, place: int) -> dict[str, Any]:
    reading, history = scored.reading, signature.history
    assert history is not None  # checked when the session was read
    minutes = reading.table[reading.table["scale"] == "1min"]
    quartiles = np.quantile(history.levels, [0.25, 0.5, 0.75]).tolist()
    figure = draw_figure(
        f"reading{place}",  # each figure of a page has identifiers of its own
        partial(figures.plot_reading, minutes, quartiles, LEVEL, ends=signature.rating_range),
    )
    return {
        "name": _name(scored),
        "has_intervals": _has_intervals(scored),
        "cards": [predicted(scored, signature), _applicability(scored)],
        "warnings": reading.warnings,
        "verdict": reading.verdict,
        "of_runs": list(zip(scored.files, reading.of_runs, strict=True)),
        "rows": records(reading.table[reading.table["scale"] != "1min"]),
        "files": scored.files,
        "not_done": reading.not_done,
        "image": inline(figure.svg, "Predicted pain, minute by minute"),
    }


def predicted(scored: Scored, signature: Signature) -> Card:
    """The predicted pain of a session, compared with the person's earlier sessions.

    Where it cannot be read as a level of pain, the answer says so instead, and the number stands
    in the small print, without comparison.
    """
    row = scored.reading.table.query("scale == 'session'").iloc[0]
    number = wording.number(row["predicted"])
    counts = (
        wording.plural(int((scored.reading.table["scale"] == name).sum()), noun)
        for name, noun in (("1min", "minute"), ("run", "run"))
    )
    ends = signature.rating_range
    scale = (
        f"on the scale of the rating, from {ends[0]:g} to {ends[1]:g}"
        if ends
        else "the ends of the rating scale are not recorded (--rating-range)"
    )
    answer, numbers = f"{number}{_interval(row)}", f"of {' in '.join(counts)}; {scale}"
    doubts = _doubts(scored, signature)
    if doubts:
        answer, numbers = doubts[0][0], f"mean prediction {answer} {numbers}"
        texts = [text for _, text in doubts]
    else:
        numbers, texts = f"mean {numbers}", [_compare(row["predicted"], signature)]
    conclusion = conclude_signature(signature)
    tracks = conclusion is not None and conclusion.is_shown and not signature.of_events
    if tracks and not (scored.reading.trained or scored.person.other):
        texts.append(_changes(scored.reading.table))
    return Card(
        "What is the predicted pain of this session?", answer, " ".join(texts).strip(), numbers
    )


def _interval(row: pd.Series) -> str:
    """The interval of a row of the table, in brackets; empty if it has none."""
    low, high = row[f"low_{LEVEL}"], row[f"high_{LEVEL}"]
    if not np.isfinite(low):
        return ""
    return f" ({LEVEL}% interval {wording.number(low)} to {wording.number(high)})"


def _doubts(scored: Scored, signature: Signature) -> list[tuple[str, str]]:
    """Why the predicted level cannot be read: answers and sentences; empty if it can be."""
    conclusion = conclude_signature(signature)
    tracks = conclusion is not None and conclusion.is_shown
    doubts = {
        NOT_TRACKING: not tracks and not tells_level(signature),
        OF_OTHER: scored.person.other,
        NOT_NEW: scored.reading.trained,
        OF_EVENTS: (tracks or tells_level(signature)) and signature.of_events,
        NOT_LEVEL: tracks and not tells_level(signature) and not scored.reading.trained,
    }
    return [doubt for doubt, holds in doubts.items() if holds]


def _compare(prediction: float, signature: Signature) -> str:
    """The prediction among the mean ratings of the study's sessions.

    Counts agree with the numbers as printed: a level that is printed as the prediction is not
    lower.
    """
    assert signature.history is not None  # checked when the session was read
    levels = np.array(signature.history.levels)
    below = int((levels.round(2) < round(prediction, 2)).sum())
    return (
        f"In {len(levels)} rated {signature.leave_out}s of this person, the mean rating ranged "
        f"from {wording.number(levels.min())} to {wording.number(levels.max())}, with a median of "
        f"{wording.number(float(np.median(levels)))}; in {below} of them it was lower than "
        "this prediction."
    )


def _changes(table: pd.DataFrame) -> str:
    """Lowest and highest minute of a session, and whether their intervals overlap."""
    minutes = table[table["scale"] == "1min"]
    if len(minutes) < 2:
        return ""
    ordered = minutes.sort_values("predicted")
    low, high = ordered.iloc[0], ordered.iloc[-1]
    overlap = ""
    if np.isfinite([low[f"high_{LEVEL}"], high[f"low_{LEVEL}"]]).all():
        apart = low[f"high_{LEVEL}"] < high[f"low_{LEVEL}"]
        overlap = f"; the intervals {'do not overlap' if apart else 'overlap'}"
    return (
        f"Of the minutes, minute {low['minute']:g} of run {low['run']:g} has the lowest "
        f"prediction, {wording.number(low['predicted'])}{_interval(low)}, and minute "
        f"{high['minute']:g} of run {high['run']:g} the highest, "
        f"{wording.number(high['predicted'])}{_interval(high)}{overlap}."
    )


def _applicability(scored: Scored) -> Card:
    """Whether the session is like those that the signature was trained on."""
    verdict, trained = scored.reading.verdict, scored.reading.trained
    reasons = "; ".join(verdict.reasons)
    parts = [f"{_begin(reasons)}." if reasons else ALL_IN_RANGE]
    if verdict.word == "do not read":
        parts.append(OUTSIDE)
    unchecked = ", ".join(verdict.unchecked)
    return Card(
        "Is this session like those of the study?",
        f"It is one of them: {verdict.word}" if trained else _begin(verdict.word),
        " ".join(parts),
        f"not checked: {unchecked} (not known here, or too few training sessions)"
        if unchecked
        else "",
        STATUS[verdict.word],
    )
