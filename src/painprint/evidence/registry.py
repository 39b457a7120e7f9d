"""The questions that a study asks of a decoded person, in order."""

from __future__ import annotations

from collections.abc import Callable

from painprint.decode.errors import NotEnoughData
from painprint.evidence.case import Case, Finding
from painprint.evidence.comparison import baseline_comparison
from painprint.evidence.confound_analyses import control_analyses
from painprint.evidence.external import score_external
from painprint.evidence.importance import importance
from painprint.evidence.learning_curve import learning_curve
from painprint.evidence.null import permutation_null
from painprint.evidence.prospective import prospective_tests
from painprint.evidence.qcfc import motion_and_edges
from painprint.evidence.rest import rest_tests
from painprint.evidence.sensitivity import refit_variants
from painprint.evidence.univariate import univariate_map
from painprint.progress import OnStep

QUESTIONS: dict[str, Callable[..., Finding]] = {
    "null": permutation_null,
    "controls": control_analyses,
    "refits": refit_variants,
    "curve": learning_curve,
    "prospective": prospective_tests,
    "importance": importance,
    "rest": rest_tests,
    "baselines": baseline_comparison,
    "univariate": univariate_map,
    "external": score_external,
    "qcfc": motion_and_edges,
}


def ask(case: Case, stage: str, *, on_step: OnStep | None = None) -> Finding:
    """Answer one question; where the data do not allow it, say why.

    Parameters
    ----------
    case : Case
    stage : str
        One of ``painprint.settings.STAGES``.
    on_step : callable, optional
        Told (done, of).
    """
    try:
        return QUESTIONS[stage](case, on_step=on_step)
    except NotEnoughData as error:
        return Finding({}, {}, (f"Not possible with these data: {error}",))
