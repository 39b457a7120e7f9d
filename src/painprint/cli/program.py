"""The command-line program, to which the modules beside this one add commands, and their frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cyclopts import App, Group, Parameter

from painprint.apps.participants import Failed, for_each_participant
from painprint.help_text import show_by_heading, show_default
from painprint.option_fields import flag
from painprint.progress import Progress
from painprint.terminal import progress

FLAT = Parameter(name="*")
"""Marks an argument whose fields are options themselves."""
BY_HEADING = Group("Parameters", help_formatter=show_by_heading)

app = App(
    name="painprint",
    help="Learn one person's brain signature of spontaneous pain from their own fMRI sessions.",
    default_parameter=Parameter(
        negative=(), consume_multiple=1, name_transform=flag, show_default=show_default
    ),
)


def work_on_each(
    participants: Sequence[str],
    work: Callable[[str, Progress], None],
    describe: Callable[[str], str] | None = None,
) -> None:
    """Work on each participant and show the progress; or print what describes them (--dry-run)."""

    def work_on(participant: str) -> None:
        with progress(f"sub-{participant}") as follow:
            if describe is None:
                return work(participant, follow)
            text = describe(participant)
        print(text)

    for_each_participant(participants, work_on)


def write_again(write: Callable[[], int]) -> None:
    """Write pages again.

    Raises
    ------
    Failed
        If some of them could not be written.
    """
    with progress("report", "writing the pages"):
        n_failed = write()
    if n_failed:
        raise Failed
