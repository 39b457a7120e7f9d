"""Options of a job of SLURM, beside those of the study that it runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

from painprint.option_fields import Bounds, check_options, option

SLURM = "SLURM"
"""Heading of the options."""


@dataclass(frozen=True)
class SlurmOptions:
    """What SLURM is asked for, and how painprint is started on a node.

    Raises
    ------
    ValueError
        Naming the invalid option.
    """

    mem: str | None = option(None, group=SLURM)
    """Memory of a participant, as for sbatch (4G). Default: 1.5 times the estimate of --dry-run for
    the largest participant."""
    time: str | None = option(None, group=SLURM)
    """Time limit of a participant, as for sbatch (04:00:00). Default: 4 times the estimate, and at
    least 30 min."""
    partition: str | None = option(None, group=SLURM)
    """Partition of the cluster."""
    account: str | None = option(None, group=SLURM)
    """Account that is charged."""
    sbatch: tuple[str, ...] = option((), group=SLURM)
    """Further options of sbatch, without dashes in front: qos=long mail-type=END."""
    at_once: int | None = option(None, group=SLURM, bounds=Bounds(1))
    """Largest number of participants at the same time. Default: as SLURM allows."""
    activate: tuple[str, ...] = option((), group=SLURM)
    """Lines of shell that come first on a node: "module load python" "source env/bin/activate"."""
    program: str | None = option(None, group=SLURM)
    """What starts painprint on a node, such as "apptainer run painprint.sif". Default: painprint
    after --activate; else the Python that writes the script."""
    script: Path | None = option(None, group=SLURM)
    """Script to write. Default: OUT_DIR/logs/slurm.sh."""

    def __post_init__(self) -> None:
        check_options(self)
        for name in ("mem", "time", "partition", "account"):
            if (value := getattr(self, name)) is not None and not re.fullmatch(r"\S+", value):
                raise ValueError(f"{name} is {value!r}; one word without spaces is needed.")
        for field in fields(self):
            values = getattr(self, field.name)
            for value in values if isinstance(values, tuple) else (values,):
                if isinstance(value, str) and (not value.strip() or "\n" in value):
                    raise ValueError(f"{field.name} is {value!r}; one line is needed.")
