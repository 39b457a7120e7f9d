"""Questions of a live reading, from the options of the command."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from painprint.apps.arguments import UsageError, with_flags
from painprint.apps.config_file import read_config_file
from painprint.live.options import LiveOptions
from painprint.live.probe import ProbeRule, Probes
from painprint.option_fields import flag
from painprint.rating_task.task import RatingTask
from painprint.signature.model import Signature
from painprint.wording import did_you_mean

log = logging.getLogger("painprint")
DESIGN = "intermittent"


def find_probes(
    options: LiveOptions,
    task: RatingTask | None,
    levels: Sequence[float],
    tr_s: float,
    earlier: Iterable[Mapping[str, Any]],
) -> Probes | None:
    """When a rating is asked for; None if none is.

    Parameters
    ----------
    task : RatingTask or None
        As of :func:`read_probe_task`.
    levels : sequence of float
        Mean rating of each session of the study.
    earlier : iterable of mapping
        Lines of the reading that were written before the program was killed.
    """
    if options.probe is None or task is None:
        return None
    rule = ProbeRule.of_levels(
        levels, options.probe, options.probe_quantile, options.cooldown_s / tr_s
    )
    log.info(
        "A rating is asked for while the mean of the last minute is %s %.3g, at most every %g s.",
        rule.side, rule.threshold, options.cooldown_s,
    )  # fmt: skip
    return Probes(rule, task, earlier)


def read_probe_task(options: LiveOptions, signature: Signature) -> RatingTask | None:
    """The task of the questions: the intermittent design on the scale of the signature's ratings,
    with the options of a file; None if nothing is asked.

    Raises
    ------
    UsageError
        If the file has an option that is none of the task, or another design, or a question would
        still be on the screen when the next one comes; or if there is no page.
    """
    if options.probe is None:
        return None
    if options.no_page:
        raise UsageError("--probe needs the page, on which is rated. Leave out --no-page.")
    content: dict[str, Any] = {"design": DESIGN}
    if signature.rating_range is not None:
        content |= dict(zip(("lowest", "highest"), signature.rating_range, strict=True))
    if (path := options.rating_task) is not None:
        names = {flag(row.name): row.name for row in fields(RatingTask)}
        for name, value in read_config_file(path, log.warning, "--rating-task").items():
            if name not in names:
                raise UsageError(f"{path}: unknown option {name}.{did_you_mean(name, list(names))}")
            content[names[name]] = value
    try:
        task = RatingTask(**content).complete()
    except ValueError as error:
        raise UsageError(f"{with_flags(str(error))} ({path})") from error
    if task.is_continuous:
        raise UsageError(f"{path}: questions need the design {DESIGN} (--rating-task).")
    if options.cooldown_s < task.answer_within_s:
        raise UsageError(
            f"--cooldown is {options.cooldown_s:g}; it must be at least the time for an answer, "
            f"{task.answer_within_s:g} s (answer-within of --rating-task)."
        )
    _compare_scales(task, signature)
    return task


def _compare_scales(task: RatingTask, signature: Signature) -> None:
    """Warn if answers may be in another unit than the ratings of the signature."""
    asked, trained = f"{task.lowest:g} to {task.highest:g}", signature.rating_range
    if trained is not None and (task.lowest, task.highest) != trained:
        log.warning(
            "The scale of the question is %s, that of the signature's ratings %g to %g.",
            asked, *trained,
        )  # fmt: skip
    elif trained is None:
        log.warning(
            "The scale of the question is %s; that of the signature's ratings is not known. Set "
            "lowest and highest with --rating-task if it is another.",
            asked,
        )
