"""Arguments shared by several commands, and their checks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from painprint.apps.slurm_options import SlurmOptions
from painprint.cortex.settings import AreaSettings
from painprint.live.options import LiveOptions
from painprint.option_fields import Bounds, check_options, flag, list_changed, option
from painprint.rating_task.rated_run import RatedRun
from painprint.rating_task.task import RatingTask
from painprint.settings import DATA, EARLIER, EVIDENCE, EXECUTION, Settings
from painprint.simulate.world import World

if TYPE_CHECKING:
    from painprint.results.earlier import Existing

READ_BY_GROUP = ("participant_label", "n_bootstraps", "random_seed")
"""Settings used at the group level."""
ALPHA_OF_INTERVAL = 0.05
"""Alpha of a 95% interval, two-sided."""


class UsageError(Exception):
    """Arguments are invalid or contradict each other."""


@dataclass(frozen=True)
class Replacing:
    """What becomes of earlier results that would be replaced."""

    keep: bool = option(False, group=EARLIER)
    """Move earlier results that would be replaced to the folder "earlier" in the output folder."""
    overwrite: bool = option(False, group=EARLIER)
    """Replace earlier results that were made with other settings or data."""

    def __post_init__(self) -> None:
        if self.keep and self.overwrite:
            raise UsageError("--keep and --overwrite exclude each other. Give one of them.")

    @property
    def existing(self) -> Existing:
        """What is done with earlier results."""
        return "keep" if self.keep else "overwrite" if self.overwrite else "refuse"


@dataclass(frozen=True)
class Work(Replacing):
    """How work is done; results do not depend on it."""

    n_jobs: int = option(1, group=EXECUTION)
    """Number of workers; results do not depend on it."""
    config_file: Path | None = option(None, group=EXECUTION)
    """TOML file with any of these options, named as on the command line."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_jobs == 0:
            raise UsageError("--n-jobs is 0; give 1 or more, or -1 for all cores.")


@dataclass(frozen=True)
class Execution(Work):
    """How a command is executed."""

    dry_run: bool = option(False, group=EXECUTION)
    """Print which data would be used and excluded, with the reasons, and stop."""


@dataclass(frozen=True)
class StudyExecution(Execution):
    """How a study is executed."""

    dask_scheduler: str | None = option(None, group=EXECUTION)
    """Work on the workers of this Dask scheduler: of several participants, each worker decodes one
    at a time; of one, they share the folds (needs painprint[cluster])."""
    reports_only: bool = option(False, group=EXECUTION)
    """Only write the pages again from finished results."""


@dataclass(frozen=True)
class StudyInputs:
    """Datasets of a study beside the raw one, and which of their files are used."""

    derivatives: tuple[Path, ...] = option((), group=DATA)
    """Datasets with regional time series, such as XCP-D's output, or with dense BOLD, such as
    fMRIPrep's or ciftify's. Default: the first of xcp_d, fmriprep and ciftify that exists in
    BIDS_DIR/derivatives."""
    bids_filter_file: Path | None = option(None, group=DATA)
    """JSON file with the entities of BOLD and ratings to use, as for fMRIPrep:
    {"bold": {"space": "fsLR"}, "rating": {"recording": "pain"}}."""


@dataclass(frozen=True)
class Registering:
    """Registration of a study before its sessions are scored."""

    register: Path | None = option(None, group=EVIDENCE)
    """JSON file of a registration. Where it does not exist, settings, decoder, primary number and
    the sessions that are there are written into it, and nothing is decoded; where it exists,
    participants are decoded, and the page says what departed from it."""
    primary: Literal["centred_r", "skill", "r_between"] = option("centred_r", group=EVIDENCE)
    """Primary number to register. centred_r: session-centred r, against ratings permuted within
    sessions; skill: its interval above 0; r_between: r between session means, against permuted
    means."""
    alpha: float = option(
        ALPHA_OF_INTERVAL, group=EVIDENCE, bounds=Bounds(0, 1, low_is_open=True, high_is_open=True)
    )
    """Alpha of its test to register; of skill it is that of the 95% interval."""

    def __post_init__(self) -> None:
        check_options(self)
        given = (self.primary, self.alpha)
        if self.register is None and given != ("centred_r", ALPHA_OF_INTERVAL):
            raise UsageError("--primary and --alpha are registered by --register. Give it, too.")
        if self.primary == "skill" and self.alpha != ALPHA_OF_INTERVAL:
            raise UsageError(
                f"--alpha is {self.alpha:g}, but the test of skill is its 95% interval. Omit it, "
                "or register another primary number."
            )


@dataclass(frozen=True)
class OtherSignatures:
    """Signatures of other people: scored beside the participant's, or a prior of it."""

    external: tuple[Path, ...] = option((), group=DATA)
    """Weights of published signatures, scored on the same frames: a table of regions or edges
    (.tsv), a .pconn.nii, or a volume of voxels (.nii.gz)."""
    prior: tuple[Path, ...] = option((), group=DATA)
    """Signatures of other people, or files of `painprint pool`. Ridge regression is then drawn
    towards the mean of their patterns, as far as this predicts left-out sessions better."""
    other_person: bool = option(False, group=DATA)
    """Signatures of --prior are other people's, although one has the participant's label."""

    def __post_init__(self) -> None:
        if self.other_person and not self.prior:
            raise UsageError("--other-person is about the signatures of --prior. Give them, too.")


@dataclass(frozen=True)
class BesideRuns(OtherSignatures):
    """What a study uses beside runs and ratings."""

    person_column: tuple[str, ...] = option((), group=DATA)
    """Group level: numeric columns of participants.tsv, such as age or a questionnaire, that are
    related to how well people are decoded. Default: every numeric column."""


@dataclass(frozen=True)
class NewSessions:
    """Rated sessions that were not used to train a signature."""

    participant_label: str
    """The participant."""
    session_label: tuple[str, ...]
    """The new sessions."""
    task_id: tuple[str, ...] = ()
    """Tasks to use."""
    atlas: str | None = None
    """Atlas label of the regional time series, if there are several."""
    rating_start: float | None = None
    """Start of the rating relative to the start of the scan (s)."""

    def settings(self) -> Settings:
        """Settings with which these sessions are found and read.

        Raises
        ------
        ValueError
            If a number is out of range.
        """
        return Settings(
            participant_label=(self.participant_label,),
            session_label=self.session_label,
            task_id=self.task_id,
            atlas=self.atlas,
            rating_start_s=self.rating_start,
        )


@dataclass(frozen=True)
class MoreSessions:
    """Sessions that might be scanned, and what they would be scanned for."""

    more: tuple[int, ...] = option((4, 8, 12), bounds=Bounds(1))
    """Numbers of further sessions, each at most as many as there are today."""
    target_r: float | None = option(None, bounds=Bounds(0, 1, low_is_open=True, high_is_open=True))
    """Session-centred r at 1 min, of which the chance is given. Default: as in the study."""

    def __post_init__(self) -> None:
        check_options(self)


KINDS = (
    Settings, AreaSettings, World, Execution, MoreSessions, Registering, RatedRun, RatingTask,
    LiveOptions, SlurmOptions,
)  # fmt: skip
"""Classes of options, which the command line has by other names."""


def with_flags(message: str) -> str:
    """The message of an invalid option, which it begins with, named as on the command line."""
    name, _, rest = message.partition(" ")
    names = {field.name for kind in KINDS for field in fields(kind)}
    return f"--{flag(name)} {rest}" if name in names else message


def check_direction(*, out: Path | None, atlas: str | None, fold: str, other_person: bool) -> None:
    """Check that no option was given that a reading by a prior does not use.

    Raises
    ------
    UsageError
        Naming those options.
    """
    given = {
        "--out": out is not None,
        "--atlas": atlas is not None,
        "--fold": bool(fold),
        "--other-person": other_person,
    }
    if names := [name for name, is_given in given.items() if is_given]:
        raise UsageError(
            f"{', '.join(names)} is for a person's signature. A prior gives a direction alone, "
            "which is printed; redirect it to keep it (> directions.tsv)."
        )


def check_run(
    level: Literal["participant", "group"],
    settings: Settings,
    beside: BesideRuns,
    execution: StudyExecution,
    registering: Registering,
) -> None:
    """Check that no option was given that the level does not use, or that excludes another.

    Raises
    ------
    UsageError
        Naming those options.
    """
    has_registration = registering.register is not None
    if level == "group":
        given = [f"--{flag(name)}" for name in list_changed(settings) if name not in READ_BY_GROUP]
        given += [f"--{name}" for name in ("external", "prior") if getattr(beside, name)]
        given += ["--dry-run"] * execution.dry_run
        given += ["--dask-scheduler"] * (execution.dask_scheduler is not None)
        given += ["--register"] * has_registration
        if given:
            raise UsageError(
                f"{', '.join(given)} is for the level participant: the group level uses "
                "participants as they were decoded."
            )
    elif beside.person_column:
        raise UsageError(
            "--person-column is for the level group, which relates columns of "
            "participants.tsv to performance."
        )
    if has_registration and (execution.dry_run or execution.reports_only):
        other = "--dry-run" if execution.dry_run else "--reports-only"
        raise UsageError(
            f"--register and {other} exclude each other: a registration is written, or compared "
            "with what was decoded. Omit one of them."
        )
