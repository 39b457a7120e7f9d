"""Which run is recorded, and how its page is shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from painprint.option_fields import Bounds, check_names, check_options, option
from painprint.settings import DATA, EXECUTION

PREFIXES = {"participant_label": "sub-", "session_label": "ses-", "task_id": "task-"}
"""Of labels, which may be given with them or without."""


@check_names
@dataclass(frozen=True)
class RatedRun:
    """Which run is recorded, and how its page is shown.

    Raises
    ------
    ValueError
        Naming the option that is invalid.
    """

    participant_label: str | None = option(None, group=DATA)
    """The participant, with or without "sub-"; not needed for practice."""
    session_label: str | None = option(None, group=DATA)
    """The session, with or without "ses-". Default: none, for datasets without sessions."""
    task_id: str = option("rating", group=DATA)
    """Label of the task, as of the BOLD."""
    run: int | None = option(None, group=DATA, bounds=Bounds(1, 9999))
    """Number of the run. Default: the one after the last that has files."""
    practice: bool = option(False, group=DATA)
    """Show the task without a scanner, and write nothing."""
    port: int = option(0, group=EXECUTION, bounds=Bounds(0, 65535))
    """Port of the page on 127.0.0.1; 0 for one that is free."""
    open_page: bool = option(False, group=EXECUTION)
    """Open the page in the default browser of this computer."""
    config_file: Path | None = option(None, group=EXECUTION)
    """TOML file with any of these options, named as on the command line: texts, keys, colours."""

    def __post_init__(self) -> None:
        check_options(self)
        for name, label in zip(PREFIXES, self.labels, strict=True):
            if label and not (label.isascii() and label.isalnum()):
                raise ValueError(f"{name} is {label!r}; a label has letters and digits only.")
        if not self.labels[-1]:
            raise ValueError("task_id is empty; give the label of the task, such as rating.")

    @property
    def labels(self) -> tuple[str, str, str]:
        """Participant, session and task, without prefixes; empty where there is none."""
        given = (
            (getattr(self, name) or "").removeprefix(start) for name, start in PREFIXES.items()
        )
        participant, session, task = given
        return participant, session, task
