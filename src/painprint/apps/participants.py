"""Run a step for every participant, and log failures."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Sequence

from painprint.apps.arguments import with_flags
from painprint.errors import DerivativesError

log = logging.getLogger("painprint")

FAILURES = (DerivativesError, ValueError, OSError)
"""Errors of data and files, which are logged as one sentence."""
REMEDIES = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some space of your quota",
    errno.EACCES: "Get the permission, or choose another folder,",
    errno.EPERM: "Get the permission, or choose another folder,",
    errno.EROFS: "Choose a folder that can be written",
    errno.ENOLCK: "Choose a folder on a file system that can lock files",
    errno.ENOTSUP: "Choose a folder on a file system that can lock files",
    errno.EIO: "Check the disk or the network",
    errno.ESTALE: "Check the network",
}
"""What to do about errors of the file system; others are to be corrected."""


class Failed(Exception):
    """Something failed; the reason is in the log."""


def describe_failure(error: Exception) -> str:
    """The sentence of an error; for an error of the file system, with the file and a remedy."""
    if not isinstance(error, OSError):
        return with_flags(str(error))
    file = f"{error.filename}: " if error.filename else ""
    return (
        f"{file}{str(error.strerror or error).rstrip('.')}. "
        f"{REMEDIES.get(error.errno or 0, 'Correct this')} and run the same command again: "
        "finished steps are kept."
    )


def log_failure(error: Exception) -> None:
    """Log an error as a sentence."""
    log.error("%s", describe_failure(error))


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
    if n_failed and len(participants) > 1:
        log.error("%d of %d participants failed.", n_failed, len(participants))
    if n_failed:
        raise Failed
