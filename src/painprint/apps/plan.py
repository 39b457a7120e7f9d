"""What the finished studies of an output folder would report with more sessions."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.apps.pages import none_finished
from painprint.bins import MIXED_WORDS
from painprint.decode.errors import NotEnoughData
from painprint.decode.metrics import Rows
from painprint.errors import DerivativesError
from painprint.evidence.plan import Plan, Present, plan_sessions
from painprint.files.dataset import no_folder
from painprint.results.all_columns import PLAN_COLUMNS, describe_columns
from painprint.results.conclusion import Tracking, conclude, primary_metrics
from painprint.results.read import Results, find_results, read_results
from painprint.store.files import write_json, write_table
from painprint.store.lock import lock

log = logging.getLogger("painprint")

TABLE = "plan.tsv"
DRAWS = "learningcurvedraws"


def plan_study(
    out_dir: Path, more: Sequence[int], target_r: float | None
) -> tuple[pd.DataFrame, int]:
    """Expected results of all finished decodings with more sessions.

    Parameters
    ----------
    more : sequence of int
        Numbers of further sessions.
    target_r : float or None
        Centred r whose chance is given; None for that of each study.

    Returns
    -------
    table : DataFrame
        Columns as in ``PLAN_COLUMNS``; a row for today, and one for each number.
    n_failed : int
        Number of decodings whose files cannot be used; each is named in the log.

    Raises
    ------
    DerivativesError
        If there is no finished participant, or none whose files can be used.
    """
    if not out_dir.is_dir():
        raise DerivativesError(no_folder(out_dir))
    finished = find_results(out_dir)
    if not finished:
        raise none_finished(out_dir)
    rows: list[dict[str, Any]] = []
    failures = []
    for files in finished:
        try:
            rows += plan_rows(read_results(files), sorted(set(more)), target_r)
        except (KeyError, TypeError, ValueError) as error:
            failures.append(
                DerivativesError(
                    f"sub-{files.participant}: {files.stem}_* cannot be used ({error!r}). Run "
                    "`painprint run` again."
                )
            )
        except DerivativesError as error:
            failures.append(error)
    if not rows:
        raise failures[0]
    for failure in failures:
        log.error("%s", failure)
    return pd.DataFrame(rows, columns=list(PLAN_COLUMNS["plan"])), len(failures)


def plan_rows(
    results: Results, more: Sequence[int], target_r: float | None
) -> Iterator[dict[str, Any]]:
    """Rows of the table for one decoding: today, and with more sessions."""
    metrics = results.metrics
    today = primary_metrics(metrics)
    target = results.settings["target_r"] if target_r is None else target_r
    start = {
        "participant": results.files.participant,
        "decoding": results.files.stem,
        "scale": results.primary,
        "n_sessions": metrics["n_sessions"],
        "target_r": target,
    }
    ends = today["centred_r_ci"]
    width = math.nan if ends[0] is None else ends[1] - ends[0]
    yield {
        **start, "n_more": 0, "centred_r": today["centred_r"], "skill": today["skill"],
        "ci_width": width,
    }  # fmt: skip
    reason = why_not(results)
    for n_more in more:
        row = {**start, "n_more": n_more}
        if not reason:
            try:
                row |= columns_of(plan_sessions(present_of(results), n_more, target))
            except NotEnoughData as error:
                row["reason"] = str(error)
        yield {"reason": reason or None, **row}


def why_not(results: Results) -> str:
    """Why nothing can be said of more sessions, by what the study is; empty where it can."""
    metrics = results.metrics
    curve, conclusion = metrics["stages"]["curve"], conclude(metrics)
    if metrics["leave_out"] != "session":
        return "runs were held out, not sessions"
    if not (conclusion.may_be_extended or conclusion.tracking is Tracking.FEW):
        return f"no signature was shown: {conclusion.tracking.value}"
    if curve is None:
        return "the learning curve was skipped; run the study again without --skip curve"
    if DRAWS not in results.stage_tables:
        return f"there is no learning curve. {' '.join(curve['not_done'])}".rstrip(". ")
    return ""


def present_of(results: Results) -> Present:
    """What a study reports today, from its tables."""
    predictions, draws = results.predictions, results.stage_tables[DRAWS]
    rows = predictions[predictions["scale"] == results.primary]
    low, high = primary_metrics(results.metrics)["centred_r_ci"]
    return Present(
        rows=Rows.of(rows.assign(group=rows["session"])),
        draws=draws[draws["scale"] == results.primary],
        ends=(math.nan, math.nan) if low is None else (low, high),
    )


def columns_of(plan: Plan) -> dict[str, float]:
    """Columns of a plan."""
    columns = {}
    for name in ("centred_r", "skill", "ci_width"):
        expected = asdict(getattr(plan, name))
        columns[name] = expected.pop("value")
        columns |= {f"{name}_{end}": value for end, value in expected.items()}
    return {**columns, "chance": plan.chance}


def write_plan(out_dir: Path, table: pd.DataFrame) -> None:
    """Write the table, and the JSON with the description of its columns."""
    path = out_dir / TABLE
    with lock(out_dir, "plan"):
        write_table(path, table)
        write_json(path.with_suffix(".json"), describe_columns(PLAN_COLUMNS["plan"], MIXED_WORDS))
