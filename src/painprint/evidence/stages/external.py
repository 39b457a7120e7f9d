"""External signatures: do weights from elsewhere work?"""

from __future__ import annotations

from painprint.evidence.external import score_external
from painprint.evidence.stage import AGREEMENT, SCALE, Stage, WrittenResult

TABLES: dict[str, dict[str, str]] = {
    "external": {
        "signature": "name of the file",
        "scale": SCALE,
        "n": "rows",
        "r": AGREEMENT["r"],
        "r_low": "lower end of the paper's interval",
        "r_high": "upper end",
        "r_p": "two-sided p of r, the paper's hierarchical bootstrap",
        "centred_r": AGREEMENT["centred_r"],
        "centred_r_low": "lower end of the session-block interval",
        "centred_r_high": "upper end",
        "auc": "area under the ROC curve for ratings above the median",
        "skill": AGREEMENT["skill"] + "; n/a without an intercept",
        "mae": "mean absolute error; n/a without an intercept",
    },
}


def describe(_: WrittenResult) -> str:
    """Paragraph of the page."""
    return (
        "Weights from elsewhere, fixed before, scored on the frames that tested ours. Only "
        "with an intercept are they in units of the rating, so that skill can be asked."
    )


def methods(_: WrittenResult) -> str:
    """Sentence of the Methods."""
    return "External signatures were applied to the frames that tested ours."


STAGE = Stage(
    name="external",
    question="Do other signatures work?",
    link="Other signatures",
    compute=score_external,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
