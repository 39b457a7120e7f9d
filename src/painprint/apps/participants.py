"""The same for every participant, and what is said where it fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from painprint.files.errors import DerivativesError

log = logging.getLogger("painprint")

FAILURES = (DerivativesError, ValueError, OSError)
"""Errors of data and files, which end in the log as a sentence."""


class Failed(Exception):
    """Something failed; the log says what."""


def log_failure(error: Exception) -> None:
    """Say in the log what failed and, of a file, what to do."""
    if isinstance(error, OSError):
        log.error(
            "%s: %s. Mend that and run the same command again: what is finished is kept.",
            error.filename or "a file",
            error.strerror or error,
        )
    else:
        log.error("%s", error)


def for_each_participant(participants: Sequence[str], work: Callable[[str], None]) -> None:
    """Do the same for every participant; one that fails does not stop the others.

    Parameters
    ----------
    participants : sequence of str
        Labels.
    work : callable
        What to do with a label. It may log by itself why it failed, and raise :class:`Failed`.

    Raises
    ------
    Failed
        At the end, if any failed.
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
