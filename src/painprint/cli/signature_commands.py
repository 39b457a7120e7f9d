"""Commands of signatures: predict, pool, learn, recalibrate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from painprint.apps.arguments import NewSessions, Replacing, check_direction
from painprint.apps.folders import (
    check_can_be_written,
    check_folders,
    check_reading_folder,
    choose_derivatives,
)
from painprint.cli.program import BY_HEADING, FLAT, app, work_on_each
from painprint.help_text import examples
from painprint.settings import Settings
from painprint.terminal import logged, progress, show


@app.command(group_parameters=BY_HEADING, help_epilogue=examples("predict"))
def predict(
    signature: Path,
    runs: tuple[Path, ...],
    *,
    out: Path | None = None,
    atlas: str | None = None,
    tr: float | None = None,
    fold: str = "",
    other_person: bool = False,
    replacing: Annotated[Replacing, FLAT] = Replacing(),  # noqa: B008 (frozen)
) -> None:
    """Score new runs with a person's signature: pain with intervals, and its applicability.

    With a prior, the file of `painprint pool`, runs of a person without rated sessions get a
    direction alone: whether pain is probably above or below the mean of the run.

    On a terminal, a short table with rounded numbers is printed; if the output is redirected, the
    full table as TSV. Runs of the same session are evaluated together.

    Parameters
    ----------
    signature
        Folder of the signature, or its signature.json; or the file of a prior.
    runs
        Regional time series (*_timeseries.tsv or *.ptseries.nii) with the same regions, or dense
        BOLD, which is denoised as in the study; sidecars, confounds and masks of the same dataset
        are used.
    out
        A folder for reading.tsv, reading.json and the page reading.html.
    atlas
        For dense BOLD: the atlas image of the study.
    tr
        Repetition time (s), which overrides sidecars and headers.
    fold
        Use the model for which this session (or run) was held out instead of the final model;
        without intervals, and so without --out.
    other_person
        Score runs of another person, or of an unknown person, although transfer is rarely valid;
        the results state this.
    """
    from painprint.apps.direction import read_directions
    from painprint.apps.predict import predict as score
    from painprint.signature.prior import is_prior_file

    with logged(None):
        if is_prior_file(signature):
            check_direction(out=out, atlas=atlas, fold=fold, other_person=other_person)
            with progress("predict", "reading the prior and the runs"):
                directions = read_directions(signature, runs, tr_s=tr)
            return show(directions.short(), directions.full(), directions.sentences())
        if out is not None:
            check_reading_folder(out)
        with progress("predict", "reading the signature and the runs"):
            predictions = score(
                signature, runs, fold=fold, atlas=atlas, out_dir=out, tr_s=tr,
                other_person=other_person, existing=replacing.existing,
            )  # fmt: skip
        print(predictions.short() if sys.stdout.isatty() else predictions.full())


@app.command(help_epilogue=examples("pool"))
def pool(
    signatures: tuple[Path, ...], *, out: Path, diagnosis: str = "", licence: str = ""
) -> None:
    """Make a prior of several people's signatures: one file that labs can share.

    It holds the mean and the spread of their standardised patterns, and hashes of their runs, by
    which a person is recognised; no sessions, ratings or labels.

    Parameters
    ----------
    signatures
        Folders of signatures, one of each person; or earlier priors.
    out
        The new file, such as prior.safetensors.
    diagnosis
        Diagnosis of these people, for the card of the prior.
    licence
        Licence under which it is shared, such as CC0-1.0.
    """
    from painprint.apps.prior import pool_signatures

    with logged(None):
        with progress("pool", "reading the signatures", is_kept=False):
            written = pool_signatures(signatures, out, diagnosis=diagnosis, licence=licence)
        print(written)


@app.command(group_parameters=BY_HEADING, help_epilogue=examples("learn"))
def learn(
    earlier: Path,
    bids_dir: Path,
    out_dir: Path,
    *,
    derivatives: tuple[Path, ...] = (),
    participant_label: tuple[str, ...] = (),
    atlas: str | None = None,
    n_jobs: int = 1,
) -> None:
    """Decode participants again with new sessions and the settings of the earlier study.

    All sessions of the dataset are used, also those that --session-label excluded before. The
    weights are byte-identical to those of a study from scratch with all sessions.

    Parameters
    ----------
    earlier
        Output folder of the earlier study.
    bids_dir
        Raw BIDS dataset with the ratings of earlier and new sessions.
    out_dir
        A new folder; no earlier signature is overwritten.
    derivatives
        As in the earlier study, in the same order; its inputs must be unchanged.
    participant_label
        Participants; default: all.
    atlas
        For dense BOLD: the atlas image of the study.
    n_jobs
        Number of workers.
    """
    from painprint.apps.learn import check_earlier, learn_on
    from painprint.apps.study import Study

    with logged(None):
        check_earlier(earlier, bids_dir)
    folders = choose_derivatives(bids_dir, derivatives)
    check_folders(bids_dir, out_dir, (*folders, earlier))
    settings = Settings(participant_label=participant_label, atlas=atlas)
    with logged(out_dir):
        study = Study(bids_dir, out_dir, folders, settings, n_jobs, existing="never")
        work_on_each(
            study.participants(),
            lambda name, follow: learn_on(study, earlier, name, progress=follow),
        )


@app.command(help_epilogue=examples("recalibrate"))
def recalibrate(
    signature: Path,
    bids_dir: Path,
    out: Path,
    *,
    new: Annotated[NewSessions, FLAT],
    derivatives: tuple[Path, ...] = (),
    other_person: bool = False,
) -> None:
    """Test a signature for drift in new rated sessions, and fit slope and offset to them.

    The pattern of weights is kept. The recalibrated signature has predictions and an applicability
    domain, but no intervals. The test is printed: rounded on a terminal, as TSV if redirected.

    Parameters
    ----------
    signature
        Folder of the signature.
    bids_dir
        Raw BIDS dataset with the ratings.
    out
        A new folder for the recalibrated signature.
    derivatives
        Datasets with regional time series.
    other_person
        Recalibrate on another person's sessions, although transfer is rarely valid; the history
        states this, and the signature remains that of its person.
    """
    from painprint.apps.reading_text import full_table
    from painprint.apps.recalibrate import recalibrate_from_files
    from painprint.apps.recalibration_text import describe_recalibration, short_table
    from painprint.apps.study import Study

    with logged(None):
        check_can_be_written(out)
        study = Study(bids_dir, out, choose_derivatives(bids_dir, derivatives), new.settings())
        (participant,) = study.participants()
        with progress(f"sub-{participant}"):
            found = recalibrate_from_files(signature, study, participant, other_person=other_person)
        check = found[0]
        show(short_table(check), full_table(check.table), describe_recalibration(*found, out))
