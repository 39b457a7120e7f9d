"""The page of new sessions: predicted pain, its interval, and the applicability domain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from painprint import wording
from painprint.report import figures
from painprint.report.html import make_environment
from painprint.report.summary import Card, describe_answer
from painprint.report.svg import draw_figure, inline
from painprint.results.conclusion import primary_metrics
from painprint.results.proof import NOT_RECORDED, NOT_SHOWN, conclude_signature
from painprint.signature.model import Signature
from painprint.store.files import write_text

if TYPE_CHECKING:
    from painprint.apps.predict import Scored

LEVEL = "80"
"""Level (%) of the intervals that are shown."""
STATUS = {"in range": "good", "caution": "caution", "do not read": "bad"}
ALL_IN_RANGE = "By every check it lies within the range of the sessions of the study."
NOT_TO_INTERPRET = (
    " The signature was not shown to track pain: do not interpret this number as pain."
)
OUTSIDE = (
    "This session is outside the applicability domain of the signature: it differs from the "
    "sessions that the signature was trained on. The numbers below should not be interpreted as "
    "pain."
)
RECALIBRATED = (
    "These are the results of the signature before slope and offset were fitted again. "
    "Correlations hold for the recalibrated one, since this does not change them; its skill is not "
    "known."
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
            has_intervals=bool(history.errors),
            of_events=signature.of_events,
            ends=signature.rating_range,
        ),
    )


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
    found, primary = describe_answer(metrics, conclusion), primary_metrics(metrics)
    skill = wording.number(primary["skill"])
    if conclusion.enough_groups and primary["skill"] is not None:
        skill += f" (95% interval {wording.span(primary['skill_ci'])})"
    numbers = f"{found.numbers}; skill {skill}"
    answer, text, status = found.answer, found.text, found.status
    if not conclusion.is_shown:
        answer, status = "Never shown to track pain", "bad"
        text = f"{_begin(NOT_SHOWN[conclusion.tracking].format(unit=unit))}."
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
    figure = draw_figure(
        f"reading{place}",  # each figure of a page has identifiers of its own
        partial(figures.plot_reading, minutes, history.levels, LEVEL, ends=signature.rating_range),
    )
    rows = reading.table[reading.table["scale"] != "1min"].astype(object)
    return {
        "name": f"Session {scored.session}" if scored.session else "New session",
        "cards": [predicted(scored, signature), _applicability(scored)],
        "warnings": reading.warnings,
        "verdict": reading.verdict,
        "of_runs": list(zip(scored.files, reading.of_runs, strict=True)),
        "rows": rows.where(rows.notna(), None).to_dict(orient="records"),
        "files": scored.files,
        "not_done": reading.not_done,
        "image": inline(figure.svg, "Predicted pain, minute by minute"),
    }


def predicted(scored: Scored, signature: Signature) -> Card:
    """The predicted pain of a session, compared with the person's earlier sessions.

    Counts agree with the numbers as printed: a level that is printed as the prediction is not
    lower. Ratings of events are stated, but not compared: the prediction is of all minutes.
    """
    assert signature.history is not None  # checked when the session was read
    table, levels = scored.reading.table, np.array(signature.history.levels)
    row = table[table["scale"] == "session"].iloc[0]
    low, high = row[f"low_{LEVEL}"], row[f"high_{LEVEL}"]
    answer = wording.number(row["predicted"])
    if np.isfinite(low):
        answer += f" ({LEVEL}% interval {wording.number(low)} to {wording.number(high)})"
    below = int((levels.round(2) < round(row["predicted"], 2)).sum())
    compared = (
        "" if signature.of_events else f"; in {below} of them it was lower than this prediction"
    )
    rating = "mean rating of events" if signature.of_events else "mean rating"
    whose = "the signature's person" if scored.person.other else "this person"
    ends = signature.rating_range
    scale = f", from {ends[0]:g} to {ends[1]:g}" if ends else "; its ends are not recorded"
    counts = (
        wording.plural(int((table["scale"] == name).sum()), noun)
        for name, noun in (("1min", "minute"), ("run", "run"))
    )
    conclusion = conclude_signature(signature)
    caveat = "" if conclusion and conclusion.is_shown else NOT_TO_INTERPRET
    return Card(
        "What is the predicted pain of this session?",
        answer,
        f"In {len(levels)} rated {signature.leave_out}s of {whose}, the {rating} ranged from "
        f"{wording.number(levels.min())} to {wording.number(levels.max())}, with a median of "
        f"{wording.number(float(np.median(levels)))}{compared}.{caveat}",
        f"mean of {' in '.join(counts)}; on the scale of the rating{scale}",
    )


def _applicability(scored: Scored) -> Card:
    """Whether the session is like those that the signature was trained on."""
    verdict = scored.reading.verdict
    reasons = "; ".join(verdict.reasons)
    parts = [f"{_begin(reasons)}." if reasons else ALL_IN_RANGE]
    if verdict.word == "do not read":
        parts.append(OUTSIDE)
    unchecked = ", ".join(verdict.unchecked)
    return Card(
        "Is this session like those of the study?",
        _begin(verdict.word),
        " ".join(parts),
        f"not checked: {unchecked} (not known here, or too few training sessions)"
        if unchecked
        else "",
        STATUS[verdict.word],
    )
