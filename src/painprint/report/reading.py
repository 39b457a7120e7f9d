"""The page of new sessions: predicted pain, its interval, and the applicability domain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from painprint import wording
from painprint.report import figures
from painprint.report.html import make_environment
from painprint.report.svg import draw_figure, inline
from painprint.signature.model import History, Signature
from painprint.store.files import write_text

if TYPE_CHECKING:
    from painprint.apps.predict import Scored

LEVEL = "80"
"""Level (%) of the intervals that are shown."""


def write_reading(path: Path, signature: Signature, scored: Sequence[Scored]) -> None:
    """Write the page of new sessions."""
    assert signature.history is not None  # checked when the session was read
    sessions = [_session(session, signature) for session in scored]
    page = make_environment().get_template("reading.html")
    write_text(
        path,
        page.render(
            sessions=sessions,
            simulated=signature.simulated,
            n_sessions=len(signature.history.levels),
            has_intervals=bool(signature.history.errors),
            of_events=signature.of_events,
        ),
    )


def _session(scored: Scored, signature: Signature) -> dict[str, Any]:
    table, history = scored.reading.table, signature.history
    assert history is not None  # checked when the session was read
    minutes = table[table["scale"] == "1min"]
    session_row = table[table["scale"] == "session"].iloc[0]
    figure = draw_figure("reading", partial(figures.plot_reading, minutes, history.levels, LEVEL))
    rows = table[table["scale"] != "1min"].astype(object)
    return {
        "name": f"Session {scored.session}" if scored.session else "New session",
        "sentence": sentence(
            session_row,
            history,
            signature.leave_out,
            of_events=signature.of_events,
            of_other_person=scored.person.other,
        ),
        "warnings": scored.reading.warnings,
        "verdict": scored.reading.verdict,
        "of_runs": list(zip(scored.files, scored.reading.of_runs, strict=True)),
        "rows": rows.where(rows.notna(), None).to_dict(orient="records"),
        "files": scored.files,
        "not_done": scored.reading.not_done,
        "image": inline(figure.svg, "Predicted pain, minute by minute"),
    }


def sentence(
    session_row: pd.Series,
    history: History,
    unit: str,
    *,
    of_events: bool = False,
    of_other_person: bool = False,
) -> str:
    """The predicted pain of a session, compared with the person's earlier sessions.

    Ratings of events are stated, but not compared: the prediction is of all minutes.
    """
    levels = np.array(history.levels)
    low, high = session_row[f"low_{LEVEL}"], session_row[f"high_{LEVEL}"]
    below = int((levels < session_row["predicted"]).sum())
    text = f"Predicted pain of this session: {wording.number(session_row['predicted'])}"
    if np.isfinite(low):
        text += f" ({LEVEL}% interval {wording.number(low)} to {wording.number(high)})"
    rating = "mean rating of events" if of_events else "mean rating"
    compared = "" if of_events else f"; in {below} of them it was lower than this prediction"
    whose = "In this person's" if not of_other_person else "In the signature's person's"
    return (
        f"{text}. {whose} {len(levels)} rated {unit}s, the {rating} ranged from "
        f"{wording.number(levels.min())} to {wording.number(levels.max())}, with a median of "
        f"{wording.number(float(np.median(levels)))}{compared}."
    )
