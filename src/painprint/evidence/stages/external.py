"""External signatures: do published weights predict this person's ratings?"""

from __future__ import annotations

from painprint.evidence.external import score_external
from painprint.evidence.stage import AGREEMENT, FIXED_WEIGHTS, SCALE, Stage, WrittenResult
from painprint.wording import enumerate_names

TABLES: dict[str, dict[str, str]] = {
    "external": {
        "signature": "name of the file",
        "scale": SCALE,
        **FIXED_WEIGHTS,
        "auc": "area under the ROC curve for ratings above the median",
        "skill": AGREEMENT["skill"] + "; n/a without an intercept",
        "mae": "mean absolute error; n/a without an intercept",
    },
}


def describe(_: WrittenResult) -> str:
    return (
        "The weights of these signatures were fixed in advance, outside this study, and scored on "
        "the frames on which the signature of this study was tested. Skill is defined only for a "
        "signature with an intercept, whose scores are in units of the rating."
    )


def methods(result: WrittenResult) -> str:
    names = list(result.numbers["signatures"])
    signatures = "signature" if len(names) == 1 else "signatures"
    return (
        f"The weights of the external {signatures} {enumerate_names(names)} were applied to the "
        "frames on which the signature of this study was tested."
    )


STAGE = Stage(
    name="external",
    question="Do external signatures predict these ratings?",
    compute=score_external,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
