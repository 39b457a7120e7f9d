"""Run a step for every participant, and log failures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from painprint.errors import DerivativesError

log = logging.getLogger("painprint")

FAILURES = (DerivativesError, ValueError, OSError)
"""Errors of data and files, which are logged as one sentence."""


class Failed(Exception):
    """Something failed; the reason is in the log."""


def log_failure(error: Exception) -> None:
    """Log an error; for an error of the file system, with a remedy."""
    if isinstance(error, OSError):
        log.error(
            "%s: %s. Correct this and run the same command again: finished steps are kept.",
            error.filename or "a file",
            error.strerror or error,
        )
    else:
        log.error("%s", error)


def for_each_participant(participants: Sequence[str], work: Callable[[str], None]) -> None:
    """Call a function for every participant; a failure does not stop the others.

    Parameters
    ----------
    participants : sequence of str
        Labels.
    work : callable
        Called with each label. It may log the reason of a failure itself and raise
        :class:`Failed`.

    Raises
    ------
    Failed
        At the end, if any participant failed.
    """
    n_failed = 0
    for participant in participants:
        try:
            work(participant)
        except FAILURES as error:
            log_failure(error)
            n_failed += 1
        except Failed:
            n_failed += 1
    if n_failed:
        log.error("%d of %d participants failed.", n_failed, len(participants))
        raise Failed
