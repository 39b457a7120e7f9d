"""Arguments -> pipeline. Imports little, so that help is quick."""

from __future__ import annotations

import logging
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.config import Toml

from painprint.cortex.settings import AreaSettings
from painprint.options import flag
from painprint.settings import Settings
from painprint.simulate.world import Layout, World

if TYPE_CHECKING:
    from painprint.apps.study import Study

DONE, FAILED, WRONG_USAGE = 0, 1, 2
PIPELINES = ("xcp_d", "fmriprep", "ciftify")
"""Folders of derivatives, the first of which is used where none is named."""


def _shown(default: object) -> str | None:
    """A default as it would be typed; None where there is nothing to show."""
    if isinstance(default, tuple):
        return " ".join(map(str, default)) or None
    return None if default is False or default is None else str(default)


app = App(
    name="painprint",
    help="Learn one person's brain signature of spontaneous pain from their own fMRI sessions.",
    version=lambda: version("painprint"),
    default_parameter=Parameter(
        negative=(), consume_multiple=True, name_transform=flag, show_default=_shown
    ),
)


@app.command
def run(
    bids_dir: Path,
    out_dir: Path,
    level: Literal["participant", "group"],
    *,
    derivatives: tuple[Path, ...] = (),
    external: tuple[Path, ...] = (),
    settings: Annotated[Settings, Parameter(name="*")] = Settings(),  # noqa: B008 (frozen)
    n_jobs: int = 1,
    dask_scheduler: str | None = None,
    dry_run: bool = False,
    reports_only: bool = False,
    bids_filter_file: Path | None = None,
    config_file: Path | None = None,
) -> int:
    """Decode each participant from BOLD, regional or dense, and ratings.

    Parameters
    ----------
    bids_dir
        Raw BIDS dataset with the ratings.
    out_dir
        Where results go, as a BIDS derivative dataset.
    level
        participant: decode each person. group: try each signature on the others, of
        participants decoded into the same OUT_DIR.
    derivatives
        Datasets with regional time series, such as XCP-D's output, or with dense BOLD, such as
        fMRIPrep's or ciftify's. Default: the first there is of xcp_d, fmriprep and ciftify in
        BIDS_DIR/derivatives.
    external
        Weights of signatures from elsewhere, scored on the same frames: a table of regions or
        edges (.tsv), a .pconn.nii, or a volume of voxels (.nii.gz).
    n_jobs
        Workers; results do not depend on it.
    dask_scheduler
        Spread the folds over this Dask scheduler (needs painprint[cluster]).
    dry_run
        Print what would be used and left out, and why, and stop.
    reports_only
        Make the pages again from finished results.
    bids_filter_file
        JSON file that says which BOLD and ratings are meant, as for fMRIPrep:
        {"bold": {"space": "fsLR"}, "rating": {"recording": "pain"}}.
    config_file
        TOML file with any of these options, names as on the command line.
    """
    from painprint.apps.group import run_group
    from painprint.apps.pages import write_pages
    from painprint.apps.study import Study
    from painprint.bids.filter import BidsFilter, read_bids_filter
    from painprint.files.errors import DerivativesError

    del config_file  # read before this function is called, in main()
    folders = derivatives or (_default_derivatives(bids_dir),)
    if problem := _problem_of_folders(bids_dir, out_dir, folders, n_jobs):
        return _wrong_usage(problem)
    if level == "group" and (
        unread := _of_participants(settings, external, dry_run, dask_scheduler)
    ):
        return _wrong_usage(
            f"{unread} is for the level participant: the group level takes people as they were "
            "decoded."
        )
    with _logging(None if dry_run or reports_only else out_dir):
        try:
            if reports_only:
                return FAILED if write_pages(out_dir) else DONE
            chosen = read_bids_filter(bids_filter_file) if bids_filter_file else BidsFilter()
            study = Study(bids_dir, out_dir, folders, settings, n_jobs, external, chosen)
            if level == "group":
                with _progress("group") as progress:
                    run_group(study, progress=progress)
                return DONE
            participants = study.participants()
        except (DerivativesError, ValueError, OSError) as error:
            return _failed(error)
        n_failed = sum(_run_one(study, one, dry_run, dask_scheduler) for one in participants)
        if n_failed:
            logging.getLogger("painprint").error(
                "%d of %d participants failed.", n_failed, len(participants)
            )
        return FAILED if n_failed else DONE


def _default_derivatives(bids_dir: Path, names: Sequence[str] = PIPELINES) -> Path:
    """The first that there is of the folders that pipelines use."""
    folders = [bids_dir / "derivatives" / name for name in names]
    return next((folder for folder in folders if folder.is_dir()), folders[0])


def _run_one(study: Study, participant: str, dry_run: bool, dask_scheduler: str | None) -> int:
    """Decode one participant, or say what would be done; whether that failed."""
    from painprint.apps.decode import run_participant
    from painprint.apps.dry_run import describe_inventory
    from painprint.files.errors import DerivativesError

    try:
        if dry_run:
            text, can_be_decoded = describe_inventory(study, participant)
            print(text)
            return DONE if can_be_decoded else FAILED
        with _progress(f"sub-{participant}") as progress, _scheduler(dask_scheduler):
            run_participant(study, participant, progress=progress)
    except (DerivativesError, ValueError, OSError) as error:
        return _failed(error)
    return DONE


def _of_participants(
    settings: Settings, external: Sequence[Path], dry_run: bool, dask_scheduler: str | None
) -> str:
    """Options, if any, that the group level would not read."""
    default = Settings()
    read = ("participant_label", "n_bootstraps", "random_seed")
    given = [
        f"--{flag(f.name)}"
        for f in fields(settings)
        if f.name not in read and getattr(settings, f.name) != getattr(default, f.name)
    ]
    given += ["--external"] * bool(external) + ["--dry-run"] * dry_run
    given += ["--dask-scheduler"] * (dask_scheduler is not None)
    return ", ".join(given)


@app.command
def parcellate(
    bids_dir: Path,
    out_dir: Path,
    level: Literal["participant"],
    *,
    derivatives: tuple[Path, ...] = (),
    network_template: Path | None = None,
    scan_prior: Path | None = None,
    subcortical_atlas: Path | None = None,
    reference_atlas: Path | None = None,
    settings: Annotated[AreaSettings, Parameter(name="*")] = AreaSettings(),  # noqa: B008 (frozen)
    n_jobs: int = 1,
    dry_run: bool = False,
    bids_filter_file: Path | None = None,
    config_file: Path | None = None,
) -> int:
    """Find each participant's own areas of cortex in resting scans: an atlas for `painprint run`.

    Parameters
    ----------
    bids_dir
        Raw BIDS dataset.
    out_dir
        Where the atlas and its page go; that of `painprint run` will do.
    level
        participant: each person's own areas.
    derivatives
        Datasets with dense CIFTI BOLD and the participant's midthickness surfaces. Default: the
        first there is of fmriprep and ciftify in BIDS_DIR/derivatives.
    network_template
        A group's network of each vertex, whole numbers from 1 to 17 (dscalar.nii or dlabel.nii).
    scan_prior
        Above 0 where the somato-cognitive action network (SCAN) is expected.
    subcortical_atlas
        Regions below the cortex: a labelled volume in MNI152NLin6Asym, a dlabel.nii with voxels,
        or a BIDS-Atlas folder.
    reference_atlas
        A group's areas, to be compared with (dlabel.nii, dscalar.nii or dtseries.nii).
    n_jobs
        Workers; results do not depend on it.
    dry_run
        Print what would be used and left out, and why, and stop.
    bids_filter_file
        JSON file that says which BOLD is meant, as for `painprint run`.
    config_file
        TOML file with any of these options, names as on the command line.
    """
    from painprint.apps.parcellate import describe_scans, parcellate_participant
    from painprint.apps.study import list_participants
    from painprint.bids.filter import BidsFilter, read_bids_filter
    from painprint.files.errors import DerivativesError
    from painprint.parcellate.study import AreaStudy, Maps

    del level, config_file  # there is one level; the file is read before, in main()
    folders = derivatives or (_default_derivatives(bids_dir, PIPELINES[1:]),)
    if problem := _problem_of_folders(bids_dir, out_dir, folders, n_jobs):
        return _wrong_usage(problem)
    with _logging(None if dry_run else out_dir):
        try:
            chosen = read_bids_filter(bids_filter_file) if bids_filter_file else BidsFilter()
            maps = Maps(network_template, scan_prior, reference_atlas, subcortical_atlas)
            study = AreaStudy(bids_dir, out_dir, folders, settings, maps, n_jobs, chosen)
            participants = list_participants(bids_dir, settings.participant_label)
        except (DerivativesError, ValueError, OSError) as error:
            return _failed(error)
        n_failed = 0
        for participant in participants:
            try:
                if dry_run:
                    print(describe_scans(study, participant))
                    continue
                with _progress(f"sub-{participant}") as progress:
                    parcellate_participant(study, participant, progress=progress)
            except (DerivativesError, ValueError, OSError) as error:
                n_failed += _failed(error)
        return FAILED if n_failed else DONE


def _problem_of_folders(
    bids_dir: Path, out_dir: Path, derivatives: Sequence[Path], n_jobs: int
) -> str:
    """What is wrong with arguments that every command has; empty if nothing."""
    if out_dir.resolve() in {folder.resolve() for folder in (bids_dir, *derivatives)}:
        return f"OUT_DIR {out_dir} is an input too; choose another folder."
    if n_jobs == 0:
        return "--n-jobs is 0; give 1 or more, or -1 for all cores."
    return ""


@app.command
def simulate(
    out: Path,
    *,
    sessions: tuple[int, ...] = (23, 28),
    null: int = 0,
    layout: Layout = "xcp_d",
    world: Annotated[World, Parameter(name="*")] = World(),  # noqa: B008
    random_seed: int = 0,
) -> int:
    """Write a BIDS dataset of simulated people with a known signature.

    Parameters
    ----------
    out
        A new folder.
    sessions
        Sessions of each person.
    null
        So many of them, counted from the last, have no signature.
    layout
        Regional time series as of XCP-D; or dense BOLD with confounds as of fMRIPrep (CIFTI, the
        same with areas on surfaces, or volumes) or ciftify, to be cleaned.
    random_seed
        Seed of everything random.
    """
    from painprint.simulate.person import Person
    from painprint.simulate.write import write_people

    if out.is_symlink() or (out.exists() and not out.is_dir()):
        return _wrong_usage(f"{out} is not a folder; name a new one.")
    if out.exists() and any(out.iterdir()):
        return _wrong_usage(f"{out} is not empty; name a new folder.")
    if random_seed < 0 or not sessions or min(sessions) < 1:
        return _wrong_usage("--random-seed must be 0 or more, and --sessions 1 or more each.")
    if not 0 <= null <= len(sessions):
        return _wrong_usage(f"--null is {null}; there are {len(sessions)} people.")
    with _logging(None):
        try:
            people = [
                Person(n_sessions, null=i >= len(sessions) - null, world=world)
                for i, n_sessions in enumerate(sessions)
            ]
            write_people(out, people, layout=layout, random_seed=random_seed)
        except (ValueError, OSError) as error:
            return _failed(error)
        return DONE


@app.command
def demo(out: Path = Path("demo-output"), *, n_jobs: int = 2) -> int:
    """Simulate two people and one without a signature, decode them, try each signature on the
    others, and make their pages.

    Parameters
    ----------
    out
        A new folder; the dataset goes to OUT/bids, the results to OUT/results.
    n_jobs
        Workers.
    """
    bids, results = out / "bids", out / "results"
    if bids.exists() and not (bids / "derivatives" / "truth" / "sub-03").is_dir():
        return _wrong_usage(f"{bids} is not a demo's dataset; name a new folder.")
    if not bids.exists():
        unfinished = out / ".bids.part"
        rmtree(unfinished, ignore_errors=True)
        world = World(n_regions=60, shared_atlas=True)
        if (code := simulate(unfinished, sessions=(12, 12, 8), null=1, world=world)) != DONE:
            return code
        unfinished.rename(bids)
    settings = Settings(task_id=("rating",), skip=("baselines",))
    code = run(bids, results, "participant", settings=settings, n_jobs=n_jobs)
    if code == DONE:
        code = run(bids, results, "group")
    if code == DONE:
        print(
            f"Simulated people: open {results}/sub-01.html; sub-03.html has no signature. "
            f"{results}/group.html tries each on the others."
        )
    return code


@app.command
def report(out_dir: Path, *, pdf: bool = False) -> int:
    """Make the pages again from finished results.

    Parameters
    ----------
    out_dir
        Output folder of `painprint run` or `painprint parcellate`.
    pdf
        Write the figures as PDF beside the SVG files.
    """
    from painprint.apps.pages import write_pages
    from painprint.apps.parcellate import write_parcellation_pages
    from painprint.files.errors import DerivativesError
    from painprint.results.read import find_results

    with _logging(None):
        try:
            n_found, n_failed = write_parcellation_pages(out_dir, pdf=pdf)
            if find_results(out_dir) or not n_found:
                n_failed += write_pages(out_dir, pdf=pdf)
            return FAILED if n_failed else DONE
        except (DerivativesError, OSError) as error:
            return _failed(error)


@app.command
def predict(
    signature: Path,
    runs: tuple[Path, ...],
    *,
    out: Path | None = None,
    atlas: str | None = None,
    fold: str = "",
) -> int:
    """Score new runs with a person's signature: pain with intervals, and whether to read it.

    The table goes to standard output; runs of a session are read together.

    Parameters
    ----------
    signature
        The signature's folder or its signature.json.
    runs
        Regional time series (*_timeseries.tsv or *.ptseries.nii) with the same regions, or dense
        BOLD, cleaned as the study's was; what lies beside them is used.
    out
        A folder for reading.tsv, reading.json and the page reading.html.
    atlas
        For dense BOLD: the image of the study's atlas.
    fold
        Use the model that has not seen this session (or run) instead of the final one; without
        intervals.
    """
    from painprint.apps.predict import predict as score
    from painprint.files.errors import DerivativesError

    with _logging(None):
        try:
            print(score(signature, runs, fold=fold, atlas=atlas, out_dir=out))
        except (DerivativesError, OSError) as error:
            return _failed(error)
        return DONE


@app.command
def learn(
    earlier: Path,
    bids_dir: Path,
    out_dir: Path,
    *,
    derivatives: tuple[Path, ...] = (),
    participant_label: tuple[str, ...] = (),
    atlas: str | None = None,
    n_jobs: int = 1,
) -> int:
    """Decode participants again with the sessions that are new, with the settings used before.

    The result is that of a study from scratch, to the byte of the weights.

    Parameters
    ----------
    earlier
        Output folder of the earlier study.
    bids_dir
        Raw BIDS dataset with the ratings, old and new.
    out_dir
        A new folder; no earlier signature is overwritten.
    derivatives
        As for the earlier study, in the same order; what it read must be unchanged.
    participant_label
        Participants; default: all.
    atlas
        For dense BOLD: the image of the study's atlas.
    n_jobs
        Workers.
    """
    from painprint.apps.learn import learn_on
    from painprint.apps.study import Study
    from painprint.files.errors import DerivativesError

    folders = derivatives or (_default_derivatives(bids_dir),)
    settings = Settings(participant_label=participant_label, atlas=atlas)
    with _logging(out_dir):
        try:
            study = Study(bids_dir, out_dir, folders, settings, n_jobs)
            participants = study.participants()
        except (DerivativesError, ValueError, OSError) as error:
            return _failed(error)
        n_failed = 0
        for participant in participants:
            try:
                with _progress(f"sub-{participant}") as progress:
                    learn_on(study, earlier, participant, progress=progress)
            except (DerivativesError, ValueError, OSError) as error:
                n_failed += _failed(error)
        return FAILED if n_failed else DONE


@app.command
def recalibrate(
    signature: Path,
    bids_dir: Path,
    out: Path,
    *,
    participant_label: str,
    session_label: tuple[str, ...],
    derivatives: tuple[Path, ...] = (),
    task_id: tuple[str, ...] = (),
    atlas: str | None = None,
    rating_start: float | None = None,
) -> int:
    """Ask whether a signature still holds in new rated sessions, and fit slope and offset to them.

    The pattern of weights stays. The recalibrated signature gives predictions and a range, but no
    intervals.

    Parameters
    ----------
    signature
        The signature's folder.
    bids_dir
        Raw BIDS dataset with the ratings.
    out
        A new folder for the recalibrated signature.
    participant_label
        The person.
    session_label
        The new sessions.
    derivatives
        Datasets with regional time series.
    task_id
        Tasks to use.
    atlas
        Atlas label of the regional time series, where there are several.
    rating_start
        When the rating starts, in seconds after the scan.
    """
    from painprint.apps.learn import recalibrate_from_files
    from painprint.apps.study import Study
    from painprint.files.errors import DerivativesError

    folders = derivatives or (_default_derivatives(bids_dir),)
    with _logging(None):
        try:
            settings = Settings(
                participant_label=(participant_label,),
                session_label=session_label,
                task_id=task_id,
                atlas=atlas,
                rating_start_s=rating_start,
            )
            study = Study(bids_dir, out, folders, settings)
            (participant,) = study.participants()
            check, slope, offset = recalibrate_from_files(signature, study, participant, out)
        except (DerivativesError, ValueError, OSError) as error:
            return _failed(error)
        print(check.table.to_csv(sep="\t", index=False, na_rep="n/a").rstrip("\n"))
        if check.p_drift is not None:
            print(f"errors larger than in the study: p {check.p_drift:.3f} (rank-sum, one-sided)")
        print(f"slope {slope:.3f}, offset {offset:.3f}")
        return DONE


def main(arguments: list[str] | None = None) -> int:
    """Entry point; exit codes: 0 done, 1 failed, 2 wrong usage."""
    words = sys.argv[1:] if arguments is None else arguments
    config = _config_file(words)
    if config is not None and not config.is_file():
        return _wrong_usage(f"there is no file {config} (--config-file).")
    if config is not None and (problem := _problem_of(config)):
        return _wrong_usage(f"{config}: {problem}")
    app.config = () if config is None else (Toml(config, use_commands_as_keys=False),)
    try:
        command, bound, _ = app.parse_args(words)
    except ValueError as error:  # a setting that makes no sense
        return _wrong_usage(str(error))
    return command(*bound.args, **bound.kwargs) or DONE


def _problem_of(config: Path) -> str | None:
    """Why a TOML file cannot be a config file, if so."""
    try:
        content = tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"is not readable TOML ({error})."
    tables = [name for name, value in content.items() if isinstance(value, dict)]
    return f"options stand at the top, not under [{tables[0]}]." if tables else None


def _config_file(words: list[str]) -> Path | None:
    """Value of --config-file, needed before the other arguments are read."""
    for i, word in enumerate(words):
        if word == "--config-file" and i + 1 < len(words):
            return Path(words[i + 1])
        if word.startswith("--config-file="):
            return Path(word.partition("=")[2])
    return None


def _wrong_usage(message: str) -> int:
    print(f"painprint: {message}", file=sys.stderr)
    return WRONG_USAGE


def _failed(error: Exception) -> int:
    if isinstance(error, OSError):
        error = OSError(
            f"{error.filename or 'a file'}: {error.strerror or error}. Mend that and run the same "
            "command again: what is finished is kept."
        )
    logging.getLogger("painprint").error("%s", error)
    return FAILED


@contextmanager
def _logging(out_dir: Path | None) -> Iterator[None]:
    """Plain lines on stderr, and in OUT/logs where there is one."""
    logger = logging.getLogger("painprint")
    logger.setLevel(logging.INFO)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if out_dir is not None:
        try:
            (out_dir / "logs").mkdir(parents=True, exist_ok=True)
            handlers.append(logging.FileHandler(out_dir / "logs" / "painprint.log"))
        except OSError as error:
            print(f"cannot write to {out_dir}: {error.strerror}", file=sys.stderr)
            raise SystemExit(FAILED) from error
    formatter = logging.Formatter("%(levelname)s %(message)s")
    for handler in handlers:
        handler.setFormatter(formatter)
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


@contextmanager
def _progress(what: str) -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """A progress bar for each part on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield lambda part: _log_steps(f"{what}: {part}")
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:

        def follow(part: str) -> Callable[[int, int], None]:
            bar = bars.add_task(f"{what}: {part}", total=None)
            return lambda done, of: bars.update(bar, completed=done, total=of)

        yield follow


def _log_steps(what: str) -> Callable[[int, int], None]:
    logger = logging.getLogger("painprint")

    def on_step(done: int, of: int) -> None:
        if done in (1, of) or done * 4 // of > (done - 1) * 4 // of:
            logger.info("%s: %d of %d", what, done, of)

    return on_step


@contextmanager
def _scheduler(address: str | None) -> Iterator[None]:
    """joblib on the user's own Dask scheduler."""
    if address is None:
        yield
        return
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise ValueError(
            "--dask-scheduler needs Dask: pip install 'painprint[cluster]'."
        ) from error
    from joblib import parallel_config

    with Client(address), parallel_config(backend="dask"):
        yield
