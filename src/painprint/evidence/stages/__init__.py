"""The stages of evidence about a decoded person, in order, with one record each.

A new stage is a module here, a line in ``STAGES``, and its figures in
:mod:`painprint.report.stage_figures`.
"""

from __future__ import annotations

import logging

from painprint.decode.errors import NotEnoughData
from painprint.evidence.case import Case
from painprint.evidence.stage import Stage, StageResult
from painprint.evidence.stages import (
    comparison,
    confounds,
    external,
    failures,
    importance,
    learning_curve,
    null,
    prior,
    prospective,
    qcfc,
    rest,
    sensitivity,
    univariate,
)
from painprint.parallel import one_blas_thread
from painprint.progress import OnStep
from painprint.settings import Settings
from painprint.wording import did_you_mean

log = logging.getLogger("painprint")

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        null.STAGE,
        confounds.STAGE,
        sensitivity.STAGE,
        learning_curve.STAGE,
        prior.STAGE,
        prospective.STAGE,
        failures.STAGE,
        importance.STAGE,
        rest.STAGE,
        comparison.STAGE,
        univariate.STAGE,
        external.STAGE,
        qcfc.STAGE,
    )
}
"""Every stage by its name, in the order in which they are computed and shown."""


RENAMED = {"controls": "confounds", "refits": "sensitivity"}
"""Names of stages in earlier versions, which are still accepted."""


def stages_to_run(settings: Settings) -> list[Stage]:
    """The stages that are not skipped.

    Raises
    ------
    ValueError
        If a name in ``settings.skip`` is no stage.
    """
    skipped = []
    for name in settings.skip:
        if name in RENAMED:
            log.warning("the stage %s is now called %s (--skip).", name, RENAMED[name])
        skipped.append(RENAMED.get(name, name))
    if unknown := [name for name in skipped if name not in STAGES]:
        raise ValueError(
            f"skip is {unknown[0]!r}; choose of {', '.join(STAGES)}."
            + did_you_mean(unknown[0], STAGES)
        )
    return [stage for stage in STAGES.values() if stage.name not in skipped]


def run_stage(case: Case, name: str, *, on_step: OnStep | None = None) -> StageResult:
    """Compute one stage; where the data do not allow it, the result contains the reason.

    Parameters
    ----------
    name : str
        A key of ``STAGES``.
    on_step : callable, optional
        Called with the numbers of finished and of all steps.

    Raises
    ------
    ValueError
        If there is no such stage.
    """
    if not isinstance(case, Case):
        raise TypeError(f"case is a {type(case).__name__}; give Case(decoding).")
    if name not in STAGES:
        near = did_you_mean(str(name), STAGES)
        raise ValueError(f"there is no stage {name!r}; choose of {', '.join(STAGES)}.{near}")
    try:
        with one_blas_thread():
            return STAGES[name].compute(case, on_step=on_step)
    except NotEnoughData as error:
        return StageResult({}, {}, (f"Not possible with these data: {error}",))
