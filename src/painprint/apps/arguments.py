"""Arguments shared by several commands, and their checks."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_type_hints

from painprint.apps.slurm_options import SlurmOptions
from painprint.cortex.settings import AreaSettings
from painprint.errors import DerivativesError
from painprint.live.options import LiveOptions
from painprint.option_fields import Bounds, check_options, flag, option
from painprint.rating_task.rated_run import RatedRun
from painprint.rating_task.task import RatingTask
from painprint.settings import DATA, EARLIER, EVIDENCE, EXECUTION, RENAMED, Settings
from painprint.simulate.world import World
from painprint.store.reading import read_at_most

if TYPE_CHECKING:
    from painprint.results.earlier import Existing

PIPELINES = ("xcp_d", "fmriprep", "ciftify")
"""Folders of derivatives; if none is given, the first that exists is used."""
READ_BY_GROUP = ("participant_label", "n_bootstraps", "random_seed")
"""Settings used at the group level."""
RENAMED_FLAGS = {f"--{flag(old)}": f"--{flag(new)}" for old, new in RENAMED.items()}
"""Options of the version before by their new names."""
MOST_BYTES_OF_CONFIG = 1_000_000
"""Upper limit for a config file (bytes)."""
ALPHA_OF_INTERVAL = 0.05
"""Alpha of a 95% interval, two-sided."""
NEEDS_A_VALUE = "needs at least one value"
"""What is wrong with an option for several values that is given without any."""


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
        if self.register is None and self._registered != ("centred_r", ALPHA_OF_INTERVAL):
            raise UsageError("--primary and --alpha are registered by --register. Give it, too.")
        if self.primary == "skill" and self.alpha != ALPHA_OF_INTERVAL:
            raise UsageError(
                f"--alpha is {self.alpha:g}, but the test of skill is its 95% interval. Omit it, "
                "or register another primary number."
            )

    @property
    def _registered(self) -> tuple[str, float]:
        return self.primary, self.alpha


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


def choose_derivatives(
    bids_dir: Path, named: Sequence[Path], pipelines: Sequence[str] = PIPELINES
) -> tuple[Path, ...]:
    """The folders that were given, or the first existing folder of these pipelines.

    Raises
    ------
    UsageError
        If a dataset has none of them.
    """
    usual = [bids_dir / "derivatives" / name for name in pipelines]
    found = next((folder for folder in usual if folder.is_dir()), usual[0])
    if not named and bids_dir.is_dir() and not found.is_dir():
        raise UsageError(
            f"{bids_dir / 'derivatives'} has none of the folders {', '.join(pipelines)}. Name the "
            "folder of the preprocessed data with --derivatives; BIDS_DIR is the raw dataset."
        )
    return tuple(named) or (found,)


def with_flags(message: str) -> str:
    """The message of an invalid option, which it begins with, named as on the command line."""
    name, _, rest = message.partition(" ")
    names = {field.name for kind in KINDS for field in fields(kind)}
    return f"--{flag(name)} {rest}" if name in names else message


def check_whole(words: Sequence[str], where: str = "") -> None:
    """Check that options for whole numbers get whole numbers, which would be rounded otherwise.

    Parameters
    ----------
    words : sequence of str
        Options, each followed by its value, or joined with it by "=".
    where : str
        Where they stand, for the error.

    Raises
    ------
    UsageError
        Naming the option and its value.
    """
    whole = {
        f"--{flag(name)}"
        for kind in KINDS
        for name, hint in get_type_hints(kind).items()
        if int in (hint, *get_args(hint))
    }
    given = [part for word in words for part in word.split("=", 1)]
    for name, value in pairwise(given):
        if name in whole and re.fullmatch(r"[-+]?[0-9]*\.[0-9]*[1-9][0-9]*", value):
            raise UsageError(f"{name} is {value}{where}; needed: a whole number.")


def check_folders(bids_dir: Path, out_dir: Path, derivatives: Sequence[Path]) -> None:
    """Check that what is written cannot be taken for input, nor input for what is written.

    Raises
    ------
    UsageError
        If the output folder is an input, lies where inputs are found, contains an input where
        results go, or is another dataset.
    """
    out = _real(out_dir)
    for folder in (bids_dir, *derivatives):
        root = _real(folder)
        if out == root:
            raise UsageError(f"OUT_DIR {out_dir} is an input too; choose another folder.")
        if out.is_relative_to(root):
            below = out.relative_to(root).parts
            holds_datasets = root.name == "derivatives" or (
                folder is not bids_dir and _real(bids_dir).is_relative_to(root)
            )
            of_participant = below[0].startswith("sub-")
            if of_participant or not (holds_datasets or _in_derivatives(below)):
                raise UsageError(
                    f"OUT_DIR {out_dir} is inside {folder / below[0] if of_participant else folder}"
                    ", where inputs are found; choose another folder, such as "
                    f"{bids_dir / 'derivatives' / 'painprint'}."
                )
        elif root.is_relative_to(out):
            first = root.relative_to(out).parts[0]
            if first.startswith("sub-") or first == "logs":
                raise UsageError(
                    f"the input {folder} is inside {out_dir / first}, where results go; choose "
                    "another OUT_DIR."
                )
    if other := other_dataset(out_dir / "dataset_description.json"):
        raise UsageError(
            f"OUT_DIR {out_dir} is another dataset ({other}), whose description would be "
            "overwritten; choose another folder."
        )


def check_reading_folder(out: Path) -> None:
    """Check that the folder of a reading is not that of data or results, and can be written.

    Raises
    ------
    UsageError
        If it is not the folder of a reading.
    DerivativesError
        If it cannot be written.
    """
    _check_apart(out)
    check_can_be_written(out)


def _check_apart(out: Path) -> None:
    """Check that the files of a reading do not come among inputs, a signature, or results.

    Raises
    ------
    UsageError
        If the folder is that of a signature, of a participant, or of a dataset that painprint did
        not write, or lies in one; folders of derivatives in a dataset may be used.
    """
    real = _real(out)
    for folder in (real, *real.parents):
        below = real.relative_to(folder).parts
        if (folder / "signature.json").exists():
            raise UsageError(_in_the_way(out, folder, "a signature"))
        if folder.name == "decoding" and folder.parent.name.startswith("sub-"):
            raise UsageError(_in_the_way(out, folder, "the results of a participant"))
        description = folder / "dataset_description.json"
        if not description.is_file():
            continue
        if below and below[0].startswith("sub-"):
            raise UsageError(_in_the_way(out, folder / below[0], "the data of a participant"))
        if (name := other_dataset(description)) and not _in_derivatives(below):
            raise UsageError(_in_the_way(out, folder, f"a dataset ({name})"))
        return


def _in_derivatives(below: Sequence[str]) -> bool:
    """Whether a folder in a dataset, by its parts below it, is one where results may go."""
    return below[:1] == ("derivatives",)


def _in_the_way(out: Path, folder: Path, what: str) -> str:
    """Why a folder cannot be that of a reading."""
    where = "is" if folder == _real(out) else f"is inside {folder},"
    return f"--out {out} {where} the folder of {what}; choose a folder outside it for the reading."


def _real(path: Path) -> Path:
    """The path without links; a loop of links is left as it is."""
    return Path(os.path.realpath(path))


def other_dataset(description: Path) -> str:
    """Name of a dataset that painprint did not write; empty where there is none."""
    try:
        content = json.loads(description.read_text(encoding="utf-8"))
        generators = [generator["Name"] for generator in content["GeneratedBy"]]
    except KeyError:
        generators = []
    except (OSError, ValueError, TypeError):
        return ""
    if content.get("DatasetType") == "derivative" and "painprint" in generators:
        return ""
    return str(content.get("Name") or description.name)


def check_can_be_written(folder: Path) -> None:
    """Check that an output folder can be written or made; nothing is made.

    Raises
    ------
    DerivativesError
        If something else is in its place, or the permission is lacking.
    """
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if there.is_symlink() and not os.path.exists(there):
        reason = f"{there} is a link to {os.readlink(there)}, where there is nothing"
    elif not os.path.isdir(there):
        reason = f"{'it' if there == folder else there} is not a folder"
    elif not os.access(there, os.W_OK | os.X_OK):
        reason = f"there is no permission to write in {there}"
    else:
        return
    raise DerivativesError(f"cannot write to {folder}: {reason}. Choose another folder.")


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


def check_group(
    settings: Settings,
    signatures: OtherSignatures,
    execution: StudyExecution,
    registering: Registering,
) -> None:
    """Check that no option was given that the group level does not use.

    Raises
    ------
    UsageError
        Naming those options.
    """
    default = Settings()
    given = [
        f"--{flag(field.name)}"
        for field in fields(settings)
        if field.name not in READ_BY_GROUP
        and getattr(settings, field.name) != getattr(default, field.name)
    ]
    given += [f"--{name}" for name in ("external", "prior") if getattr(signatures, name)]
    given += ["--dry-run"] * execution.dry_run
    given += ["--dask-scheduler"] * (execution.dask_scheduler is not None)
    given += ["--register"] * (registering.register is not None)
    if given:
        raise UsageError(
            f"{', '.join(given)} is for the level participant: the group level uses participants "
            "as they were decoded."
        )


def check_participant(beside: BesideRuns) -> None:
    """Check that no option was given that the level participant does not use.

    Raises
    ------
    UsageError
        Naming it.
    """
    if beside.person_column:
        raise UsageError(
            "--person-column is for the level group, which relates columns of "
            "participants.tsv to performance."
        )


def check_registering(registering: Registering, execution: StudyExecution) -> None:
    """Check that a registration can be written or compared.

    Raises
    ------
    UsageError
        Naming an option that excludes it.
    """
    if registering.register is None:
        return
    if execution.dry_run or execution.reports_only:
        other = "--dry-run" if execution.dry_run else "--reports-only"
        raise UsageError(
            f"--register and {other} exclude each other: a registration is written, or compared "
            "with what was decoded. Omit one of them."
        )


def with_new_name(word: str, warn: Callable[[str], None]) -> str:
    """A word of the command line; an option of the version before gets its new name."""
    option, equals, value = word.partition("=")
    if option not in RENAMED_FLAGS:
        return word
    warn(f"{option} is now called {RENAMED_FLAGS[option]}.")
    return RENAMED_FLAGS[option] + equals + value


def find_config_file(words: Sequence[str]) -> Path | None:
    """Value of --config-file, which is needed before the other arguments are parsed."""
    for word, following in zip(words, [*words[1:], None], strict=False):
        if word == "--config-file" and following is not None:
            return Path(following)
        if word.startswith("--config-file="):
            return Path(word.partition("=")[2])
    return None


def read_toml(path: Path, argument: str, example: str) -> dict[str, Any]:
    """Content of a TOML file.

    Parameters
    ----------
    argument : str
        What names the file on the command line, for the error.
    example : str
        What may stand in it.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    import tomllib

    if not path.exists():
        raise UsageError(f"there is no file {path} ({argument}). Check the path.")
    try:
        return tomllib.loads(read_at_most(path, MOST_BYTES_OF_CONFIG).decode())
    except DerivativesError as error:
        raise UsageError(f"{error} ({argument})") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: is not readable TOML ({error}). Write options as in {example}."
        ) from error


def read_config_file(
    config: Path, warn: Callable[[str], None], option: str = "--config-file"
) -> dict[str, Any]:
    """Options of a TOML file, by their names on the command line without dashes in front.

    Parameters
    ----------
    option : str
        The option that names the file.

    Raises
    ------
    UsageError
        If it is not a config file.
    """
    content = read_toml(config, option, "lag = 6")
    if tables := [name for name, value in content.items() if isinstance(value, dict)]:
        raise UsageError(
            f"{config}: options must be at the top level, not under [{tables[0]}]. Remove that "
            "line."
        )
    named = {with_new_name(f"--{name}", warn): value for name, value in content.items()}
    for name, value in named.items():
        if value == []:
            raise UsageError(f"{name} {NEEDS_A_VALUE} ({config}).")
        check_whole([name, str(value)], f" ({config})")
    return {name.removeprefix("--"): value for name, value in named.items()}
