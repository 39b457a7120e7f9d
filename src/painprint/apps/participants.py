"""Run a step for every participant, and log failures."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Mapping, Sequence

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


def reason_of(participant: str, error: Exception) -> str:
    """The sentence of an error about a participant who is named beside it."""
    return describe_failure(error).removeprefix(f"sub-{participant}: ")


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
    reasons: dict[str, str] = {}
    for participant in participants:
        try:
            work(participant)
        except FAILURES as error:
            log.error("%s", describe_failure(error))
            reasons[participant] = reason_of(participant, error)
        except Failed:
            reasons[participant] = "the reason is told above."
    tell_failures(reasons, len(participants))


def tell_failures(reasons: Mapping[str, str], n_participants: int) -> None:
    """Log who failed and why, where there are several participants.

    Raises
    ------
    Failed
        If anybody did.
    """
    if reasons and n_participants > 1:
        log.error("%d of %d participants failed:", len(reasons), n_participants)
        for participant, reason in sorted(reasons.items()):
            log.error("sub-%s: %s", participant, reason)
    if reasons:
        raise Failed
