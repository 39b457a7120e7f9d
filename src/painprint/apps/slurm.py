"""A script for SLURM: a participant is a task of a job array; the group level follows."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from painprint.apps.arguments import READ_BY_GROUP, BesideRuns, Work
from painprint.apps.folders import check_can_be_written
from painprint.apps.participants import FAILURES, reason_of
from painprint.apps.resources import expected_seconds, memory_by_part
from painprint.apps.same_folders import with_absolute_paths
from painprint.apps.sizes import size_of_participant
from painprint.apps.slurm_options import SlurmOptions
from painprint.apps.study import Study, log
from painprint.errors import DerivativesError
from painprint.progress import OnStep
from painprint.results.provenance import changed_options
from painprint.settings import Settings
from painprint.store.files import write_text
from painprint.wording import plural

MORE_MEMORY, MORE_TIME = 1.5, 4.0
"""Times the estimates that are asked for: of the time, half or twice is possible on the computer
that estimates, and a node may be slower or shared."""
LEAST_S, STEP_S = 1800, 600
"""Shortest time limit, and its steps (s)."""


def estimate_needs(
    study: Study, participants: Sequence[str], asked: SlurmOptions, on_step: OnStep
) -> SlurmOptions:
    """The options with what the largest participant needs, where memory or time was not said.

    Raises
    ------
    DerivativesError
        If nobody can be estimated.
    """
    if asked.mem is not None and asked.time is not None:
        return asked
    memory, seconds = 0.0, 0.0
    for done, participant in enumerate(participants, start=1):
        try:
            size = size_of_participant(study, participant)
        except FAILURES as error:
            log.warning(
                "sub-%s: cannot be estimated, and will fail unless this is corrected: %s",
                participant, reason_of(participant, error),
            )  # fmt: skip
        else:
            memory = max(memory, *memory_by_part(size, study.settings).values())
            seconds = max(seconds, sum(expected_seconds(size, study.settings).values()))
        on_step(done, len(participants))
    if not memory:
        raise DerivativesError(
            "nobody can be estimated, for the reasons above. Correct them, or give --mem and "
            "--time."
        )
    gigabytes = math.ceil(MORE_MEMORY * memory / 1e9)
    limit_s = max(LEAST_S, STEP_S * math.ceil(MORE_TIME * seconds / STEP_S))
    return replace(asked, mem=asked.mem or f"{gigabytes}G", time=asked.time or _as_time(limit_s))


def _as_time(seconds: int) -> str:
    """A time as sbatch reads it.

    Examples
    --------
    >>> _as_time(1800), _as_time(100_200)
    ('00:30:00', '1-03:50:00')
    """
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    return f"{days}-" * bool(days) + f"{h:02d}:{m:02d}:{s:02d}"


def slurm_script(
    study: Study,
    bids_filter_file: Path | None,
    work: Work,
    asked: SlurmOptions,
    person_column: Sequence[str],
) -> str:
    """The script, for a study whose paths are absolute.

    Without an argument it submits itself twice: as an array of all participants, and for the group
    level, which begins when the last task has ended, however it ended.

    Parameters
    ----------
    person_column : sequence of str
        Columns of participants.tsv, for the group level.
    """
    settings, participants = study.settings, study.participants()
    common = ["--derivatives", *map(str, study.derivatives)]
    filtered = (
        [] if bids_filter_file is None else ["--bids-filter-file", str(bids_filter_file.absolute())]
    )
    execution = ['--n-jobs "$SLURM_CPUS_PER_TASK"']
    execution += changed_options(replace(work, n_jobs=1, config_file=None))
    of_person = [
        shlex.join([*common, *filtered]),
        *changed_options(replace(settings, participant_label=())),
        *changed_options(study.signatures),
        *execution,
    ]
    by_group = {name: getattr(settings, name) for name in READ_BY_GROUP}
    of_group = [
        shlex.join(common),
        *changed_options(Settings(**by_group)),
        *changed_options(BesideRuns(person_column=tuple(person_column))),
        *execution,
    ]
    python = f"{shlex.quote(sys.executable)} -m painprint"
    return _SCRIPT.format(
        asked="\n".join(f"#SBATCH --{line}" for line in _asked(work, asked)),
        participants=shlex.join(participants),
        bids=shlex.quote(str(study.bids_dir)),
        out=shlex.quote(str(study.out_dir)),
        of_person="\n  ".join(of_person),
        of_group="\n  ".join(of_group),
        last=len(participants) - 1,
        at_once="" if asked.at_once is None else f"%{asked.at_once}",
        activate="\n".join(asked.activate),
        program=asked.program or ("painprint" if asked.activate else python),
    )


def _asked(work: Work, asked: SlurmOptions) -> list[str]:
    """Options of sbatch in the script; those that were given freely come last, and win."""
    lines = ["job-name=painprint", f"cpus-per-task={work.n_jobs}"]
    for name in ("mem", "time", "partition", "account"):
        if (value := getattr(asked, name)) is not None:
            lines.append(f"{name}={value}")
    return [*lines, *(line.lstrip("-") for line in asked.sbatch)]


_SCRIPT = """\
#!/bin/bash
# Decodes each participant in a task of a job array, and then tests the group. Submit it with bash;
# again, to go on after failures or time limits: finished participants are not computed again.
{asked}

set -e
bids_dir={bids}
out_dir={out}
participants=({participants})
of_participant=(
  {of_person}
)
of_group=(
  {of_group}
)

case "${{1:-}}" in
  participant | group) ;;
  *)
    submit() {{
      sbatch --parsable --output="$out_dir/logs/slurm-$1.log" "${{@:2}}"
    }}
    array=$(submit %A_%a --array=0-{last}{at_once} "$0" participant)
    array=${{array%%;*}}
    group=$(submit %j --dependency="afterany:$array" "$0" group)
    echo "Submitted: job $array with ${{#participants[@]}} participants, and job ${{group%%;*}}" \\
      "with the group level, which begins when all of them have ended."
    exit
    ;;
esac

{activate}
if [ "$1" = group ]; then
  exec {program} run "$bids_dir" "$out_dir" group "${{of_group[@]}}"
fi
exec {program} run "$bids_dir" "$out_dir" participant \\
  --participant-label "${{participants[$SLURM_ARRAY_TASK_ID]}}" "${{of_participant[@]}}"
"""


def write_slurm_script(
    study: Study,
    bids_filter_file: Path | None,
    work: Work,
    asked: SlurmOptions,
    person_column: Sequence[str],
    on_step: OnStep,
) -> str:
    """Write the script of a study; what was written, and how to submit it.

    Raises
    ------
    DerivativesError
        If the script cannot be written, or it is not known what to ask for.
    """
    study = with_absolute_paths(study)
    script = (asked.script or study.out_dir / "logs" / "slurm.sh").absolute()
    check_can_be_written(script.parent)
    participants = study.participants()
    asked = estimate_needs(study, participants, asked, on_step)
    (study.out_dir / "logs").mkdir(parents=True, exist_ok=True)  # SLURM makes no folders
    write_text(script, slurm_script(study, bids_filter_file, work, asked, person_column))
    return (
        f"{script}: {plural(len(participants), 'participant')}, each with {asked.mem} of memory, "
        f"{asked.time} of time and {plural(work.n_jobs, 'CPU')}.\nSubmit it: "
        f"bash {shlex.quote(str(script))}"
    )
