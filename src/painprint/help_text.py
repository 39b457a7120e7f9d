"""Help of the commands: arguments and options under headings, and examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from painprint.apps.arguments import KINDS, BesideRuns, StudyExecution, StudyInputs
from painprint.apps.slurm_options import SLURM
from painprint.live.options import PROBES, READING
from painprint.option_fields import flag, option_metadata
from painprint.parcellate.maps import Maps
from painprint.rating_task.task import HEADINGS
from painprint.settings import DATA, GROUPS

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

ARGUMENTS, OPTIONS = "Arguments", "Options"
"""Headings of arguments, and of options without a heading."""
EXAMPLES = {
    "run": """
# regional time series of XCP-D in BIDS/derivatives/xcp_d
painprint run BIDS OUT participant --task-id rating --n-jobs 2

# dense BOLD of fMRIPrep, averaged in the regions of an atlas
painprint run BIDS OUT participant --derivatives FMRIPREP --atlas ATLAS.nii.gz

# ratings of stimuli in events.tsv; only show what would be used
painprint run BIDS OUT participant --task-id heat --rating-of heat --dry-run
""",
    "multiverse": """
painprint multiverse PLAN.toml BIDS OUT participant --task-id rating

# only show what would be computed, and how long it would take
painprint multiverse PLAN.toml BIDS OUT participant --task-id rating --dry-run
""",
    "parcellate": "painprint parcellate BIDS OUT participant --task-id rest",
    "plan": "painprint plan OUT --more 4 8 --target-r 0.4",
    "slurm": """
painprint slurm BIDS OUT --task-id rating --n-jobs 2 --partition long
bash OUT/logs/slurm.sh
""",
    "status": "painprint status OUT BIDS",
    "predict": "painprint predict SIG ses-24/func/*task-rating*_timeseries.tsv --out reading",
    "pool": "painprint pool OUT/sub-*/decoding/*_signature --out prior.safetensors",
    "learn": "painprint learn OUT BIDS NEW",
    "recalibrate": "painprint recalibrate SIG BIDS NEW --participant-label 01 --session-label 24",
    "live": """
# DICOM files of the scanner, with the atlas on its grid of today
painprint live SIG /mnt/export --atlas ATLAS.nii.gz

# a finished run at the speed of its scan
painprint live SIG --replay ses-24/func/*task-rating*_timeseries.tsv

# regional values of another program, one line a volume
other-program | painprint live SIG stdin --tr 0.46
""",
    "rate": """
# unpleasantness for 10 min, TR 0.46 s, 4 triggers of dummy volumes
painprint rate BIDS --participant-label 01 --session-label 03 \\
  --repetition-time 0.46 --dummy-triggers 4

# the intensity of pain, asked every minute, in words of your own
painprint rate BIDS --participant-label 01 --config-file my_task.toml

# before the scan, without a trigger
painprint rate BIDS --practice
""",
    "simulate": "painprint simulate people --sessions 8 --n-regions 40",
}
"""Examples of commands in lines of at most 78 characters, to be copied."""


def examples(command: str) -> str:
    """What follows the options in the help of a command, as Markdown."""
    return f"Examples:\n```text\n{EXAMPLES[command].strip()}\n```"


def show_default(default: object) -> str | None:
    """A default as typed on the command line; None if there is nothing to show."""
    if isinstance(default, tuple):
        return " ".join(map(str, default)) or None
    return None if default is False or default is None else str(default)


def show_by_heading(console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
    """Show arguments, then options under the headings of their metadata."""
    from cyclopts.help import DefaultFormatter

    heading_of = {
        f"--{flag(name)}": metadata.group
        for kind in (*KINDS, StudyExecution, StudyInputs, BesideRuns, Maps)
        for name, metadata in option_metadata(kind).items()
        if metadata.group
    }

    def heading(row: HelpEntry) -> str:
        return heading_of.get(row.names[0]) or (ARGUMENTS if row.required else OPTIONS)

    for title in (ARGUMENTS, OPTIONS, DATA, READING, PROBES, *HEADINGS, *GROUPS[1:], SLURM):
        entries = [row for row in panel.entries if heading(row) == title]
        if entries:
            DefaultFormatter()(console, options, panel.copy(title=title, entries=entries))
