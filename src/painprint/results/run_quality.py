"""Quality of the runs of a decoding: tables of their BOLD and of their ratings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from painprint.bids.load import RunRecord
from painprint.quality import Limits, judge
from painprint.results.all_columns import COLUMNS
from painprint.runs import RunKey
from painprint.settings import Settings


def judge_runs(
    records: Sequence[RunRecord], settings: Settings
) -> dict[RunKey, tuple[str, tuple[str, ...]]]:
    """Quality rating of the BOLD of each run, and the reasons for it."""
    limits = Limits(
        settings.quality_fd_mm,
        settings.quality_censored,
        settings.quality_tsnr,
        settings.quality_covered,
    )
    return {record.key: judge(record.bold, limits) for record in records}


def bold_table(records: Sequence[RunRecord], settings: Settings) -> pd.DataFrame:
    """Quality measures of the BOLD of each run, and its quality rating."""
    rows, judged = [], judge_runs(records, settings)
    for record in records:
        rating, reasons = judged[record.key]
        quality = {"quality_rating": rating, "reasons": "; ".join(reasons)}
        rows.append({**asdict(record.key), **quality, **asdict(record.bold)})
    return pd.DataFrame(rows, columns=list(COLUMNS["quality"]))


def rating_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """Quality measures of the rating of each run."""
    rows = [{**asdict(record.key), **record.quality.as_row()} for record in records]
    return pd.DataFrame(rows)[list(COLUMNS["ratingquality"])]
