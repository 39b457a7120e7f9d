"""The page of a new session: predicted pain, how sure, and whether to read it."""

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
"""Of the intervals that are drawn and told."""


def write_reading(path: Path, signature: Signature, scored: Sequence[Scored]) -> None:
    """Write the page of new sessions."""
    assert signature.history is not None  # asked when the session was read
    sessions = [_session(one, signature.history, signature.leave_out) for one in scored]
    page = make_environment().get_template("reading.html")
    write_text(
        path,
        page.render(
            sessions=sessions,
            simulated=signature.simulated,
            n_sessions=len(signature.history.levels),
            has_intervals=bool(signature.history.errors),
        ),
    )


def _session(one: Scored, history: History, unit: str) -> dict[str, Any]:
    table = one.reading.table
    minutes = table[table["scale"] == "1min"]
    whole = table[table["scale"] == "session"].iloc[0]
    figure = draw_figure("reading", partial(figures.plot_reading, minutes, history.levels, LEVEL))
    rows = table[table["scale"] != "1min"].astype(object)
    return {
        "name": f"Session {one.session}" if one.session else "New session",
        "sentence": sentence(whole, history, unit),
        "warnings": one.reading.warnings,
        "verdict": one.reading.verdict,
        "of_runs": list(zip(one.files, one.reading.of_runs, strict=True)),
        "rows": rows.where(rows.notna(), None).to_dict(orient="records"),
        "files": one.files,
        "not_done": one.reading.not_done,
        "image": inline(figure.svg, "Predicted pain, minute by minute"),
    }


def sentence(whole: pd.Series, history: History, unit: str) -> str:
    """The reading of a session in plain words, beside the person's own history."""
    levels = np.array(history.levels)
    low, high = whole[f"low_{LEVEL}"], whole[f"high_{LEVEL}"]
    below = int((levels < whole["predicted"]).sum())
    said = f"Predicted pain of this session: {wording.number(whole['predicted'])}"
    if np.isfinite(low):
        said += f" ({LEVEL}% interval {wording.number(low)} to {wording.number(high)})"
    return (
        f"{said}. In this person's own {len(levels)} rated {unit}s the mean rating went from "
        f"{wording.number(levels.min())} to {wording.number(levels.max())}, with a median of "
        f"{wording.number(float(np.median(levels)))}; {below} of them lie below this prediction."
    )
