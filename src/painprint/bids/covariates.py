"""Which columns of sessions.tsv are covariates: controls of the signature, not outcomes."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from painprint.bids.rating_columns import SCALES, words_of
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile
from painprint.files.tables import read_table

OF_ORDER = ("session_id", "acq_time", "days")
"""Columns of sessions.tsv that are no covariates."""
RECORD = re.compile(r"(^|_)(id|record|redcap|accession|number|nr|no|index|idx)(_|$)", re.I)
"""Names of columns that number sessions."""
PAIN = re.compile(
    r"pain|bpi|headache|migraine|schmerz|douleur|unpleasant|discomfort|mcgill|"
    r"promis_?p[ib]|(^|[^a-z])(womac|koos|odi|pdi|(?:sf)?mpq|hit[_-]?6|midas|gcps|cpgs)([^a-z]|$)",
    re.I,
)
"""Names of columns that may hold a score of pain: words for it, and questionnaires."""
STATISTICS = frozenset(
    "average avg mean median max maximum min minimum worst least peak last current now today "
    "week day daily weekly h hr".split()
)
"""Words beside which an intensity is that of the pain."""
OF_ELSE = re.compile(
    r"sleep|mood|anxi|fatigue|tired|stress|depress|alert|arous|valence|energy|hunger|thirst|"
    r"expect|happ|nausea|effort|motivat|attention",
    re.I,
)
"""Names of what a scale, such as a VAS, may rate besides pain."""
TREATMENT = re.compile(
    r"(pain|headache|migraine|schmerz)[^a-z]*"
    r"(medic|meds?(?![a-z])|kill|reliev|drug|dos[ei]|mg(?![a-z])|opioid|tablet|pill|treat|mittel)",
    re.I,
)
"""Treatments that are named after the pain which they are for; "pain_after_opioid" is none."""
UNITS_OF_TIME = frozenset("day days week weeks month months".split())
BESIDE_DAYS = frozenset("study since first baseline session scan from in start".split())
FEWEST = 3
"""Fewest sessions in which a column can be seen to count."""


def choose_covariates(
    sessions: pd.DataFrame, not_a_covariate: Sequence[str], files: Sequence[BidsFile]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave columns out of the covariates, and note those that may be none.

    Parameters
    ----------
    sessions : DataFrame
        As returned by :func:`painprint.bids.sessions.read_sessions`.
    not_a_covariate : sequence of str
        Columns of sessions.tsv to leave out, numeric or not.
    files : sequence of BidsFile
        Files of the participant in the raw dataset.

    Returns
    -------
    sessions : DataFrame
        Without these columns.
    notes : tuple of str

    Raises
    ------
    DerivativesError
        If sessions.tsv has no such column, naming those that it has.
    """
    tables = [f.path for f in files if f.suffix == "sessions" and f.extension == ".tsv"]
    if not_a_covariate and tables:
        columns = {name for path in tables for name in read_table(path).columns} - set(OF_ORDER)
        if unknown := [name for name in not_a_covariate if name not in columns]:
            raise DerivativesError(
                f"has no covariate {', '.join(unknown)}. There are: "
                f"{', '.join(sorted(columns)) or 'none'} (--not-a-covariate).",
                tables[0],
            )
    kept = sessions.drop(columns=[name for name in not_a_covariate if name in sessions])
    notes = []
    for name in kept.columns.drop(["session", "days"]):
        reason = _doubt(name, kept[name])
        if reason:
            notes.append(
                f"the column {name} of sessions.tsv was used as a covariate, but {reason}. Leave "
                f"it out with --not-a-covariate {name}."
            )
    return kept, tuple(notes)


def _doubt(name: str, values: pd.Series) -> str:
    """Why a column may be no covariate; empty if there is no reason."""
    if _is_pain(TREATMENT.sub(" ", name)):
        return "its name is that of a pain score, which would be an outcome and no confound"
    words = set(words_of(name))
    if UNITS_OF_TIME & words and words <= UNITS_OF_TIME | BESIDE_DAYS:
        return (
            "its name is that of a time, and days since the first session are read from the "
            "column days alone"
        )
    known = values.dropna()
    whole = len(known) >= FEWEST and known.is_unique and bool((known % 1 == 0).all())
    if whole and (RECORD.search(name) or bool((known.diff().dropna() == 1).all())):
        return "it numbers the sessions"
    return ""


def _is_pain(name: str) -> bool:
    """Whether a name is that of a score of pain."""
    words = set(words_of(name))
    if PAIN.search(name):
        return True
    scale = bool(words & SCALES) and not OF_ELSE.search(name)
    return scale or ("intensity" in words and words <= {"intensity"} | STATISTICS)
