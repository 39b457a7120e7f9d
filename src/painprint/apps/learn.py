"""Update a signature: refit it with new sessions, test it for drift, and recalibrate it.

Earlier signatures are never overwritten: each new signature is written to a new folder and names
its predecessor.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from painprint.apps.decode import run_participant
from painprint.apps.predict import check_atlas, warn_unless_shown
from painprint.apps.reader import Reader
from painprint.apps.study import Study
from painprint.arrays import short_repr
from painprint.bids.runs import files_of
from painprint.bold.extract import NAME as MADE_HERE
from painprint.decode.prepare import prepare_runs
from painprint.errors import DerivativesError
from painprint.files.inputs import InputHashes
from painprint.progress import Progress
from painprint.results.group import settings_used
from painprint.results.predecessor import Predecessor, read_predecessor
from painprint.results.read import Results, find_results, read_results
from painprint.runs import Run, RunKey
from painprint.settings import Settings
from painprint.signature.applicability import CONNECTIVITY, DO_NOT_READ
from painprint.signature.file import DESCRIPTION, read_signature, write_signature
from painprint.signature.model import History, Signature
from painprint.signature.person import PersonMatch
from painprint.signature.predict import pair_run, predict_run, read_session, was_trained_on
from painprint.stats.conformal import p_of_error
from painprint.store.files import content_key
from painprint.store.staging import check_new, write_folder

log = logging.getLogger("painprint")

FEWEST_FOR_SLOPE = 2
"""Number of new sessions; with fewer, only the offset is fitted."""


def check_earlier(earlier: Path, bids_dir: Path) -> None:
    """Check that there is an earlier study, given before the raw dataset.

    Raises
    ------
    DerivativesError
        If no participant was decoded into the folder.
    """
    if not find_results(earlier):
        if find_results(bids_dir):
            raise DerivativesError(
                f"the earlier study is in {bids_dir}, and not in {earlier}. Give first the earlier "
                "study, then the raw dataset: EARLIER BIDS_DIR OUT_DIR."
            )
        raise DerivativesError(
            f"there is no earlier study in EARLIER {earlier}. Pass the output folder of "
            "`painprint run`."
        )


def learn_on(
    study: Study, earlier: Path, participant: str, *, progress: Progress | None = None
) -> None:
    """Decode a participant again with new sessions; equals a study of all sessions from scratch.

    Bins are computed again from the regional time series of the earlier study, which must be
    unchanged.

    Parameters
    ----------
    study : Study
        Study of all sessions with a new output folder; its settings are replaced by those of the
        earlier study.
    earlier : Path
        Output folder of the earlier study.

    Raises
    ------
    DerivativesError
        If there is no earlier study, one of its inputs was changed, no session is new, or the new
        folder contains a decoding of the participant.
    """
    before = _results_of(earlier, participant)
    folder = before.files.decoding("signature", "")
    own = read_signature(folder).participant
    if own and own != participant:
        raise DerivativesError(
            f"the signature in the results of sub-{participant} is that of sub-{own}. Decode "
            f"sub-{participant} again.",
            folder,
        )
    if before.provenance.get("prior"):
        raise DerivativesError(
            f"sub-{participant} was decoded with a prior (--prior), which is not in its results. "
            "Decode all sessions with `painprint run ... --prior` again."
        )
    predecessor = read_predecessor(folder, participant, used=_used(before))
    settings = replace(settings_used(before), session_label=())
    if before.audit.get("dense"):
        if not study.settings.atlas:
            raise DerivativesError(
                f"sub-{participant}: the earlier study read dense BOLD with the atlas image "
                f"{settings.atlas}. Pass its path: --atlas FOLDER/{settings.atlas}."
            )
        settings = replace(settings, atlas=study.settings.atlas)
    study = replace(study, settings=settings)
    inventory = study.find(participant)
    hashes = InputHashes()
    _check_unchanged(before, {file.uri: file.path for file in files_of(inventory)}, hashes)
    excluded = [RunKey(r["session"], r["task"], r["run"]) for r in before.audit["runs_left_out"]]
    new = [run.key for run in inventory.runs if run.key not in {*_used(before), *excluded}]
    if not new:
        raise DerivativesError(
            f"sub-{participant}: every run was in the earlier study; there is nothing to learn. "
            "Add the new sessions to BIDS_DIR and to the derivatives."
        )
    log.info("sub-%s: new runs: %s.", participant, ", ".join(map(str, new)))
    run_participant(study, participant, progress=progress, hashes=hashes, predecessor=predecessor)


def _used(results: Results) -> list[RunKey]:
    """The runs that were used in a decoding."""
    rows = results.runs[["session", "task", "run"]].fillna("")
    return [RunKey(*row) for row in rows.itertuples(index=False, name=None)]


def _results_of(out_dir: Path, participant: str) -> Results:
    """The results of a participant in an output folder."""
    finished = [files for files in find_results(out_dir) if files.participant == participant]
    if not finished:
        raise DerivativesError(
            f"sub-{participant} was not decoded into {out_dir}. Pass the output folder of "
            "`painprint run` first, then BIDS_DIR."
        )
    return read_results(finished[0])


def _check_unchanged(before: Results, paths: dict[str, Path], hashes: InputHashes) -> None:
    """Check that the inputs of the earlier study are unchanged, as an exact refit requires."""
    for uri, digest in before.provenance["inputs"].items():
        if uri.startswith(f"bids:{MADE_HERE}:"):  # made from other inputs
            continue
        path = paths.get(uri)
        if path is None or not path.exists():
            raise DerivativesError(
                f"{uri} of the earlier study no longer exists, so it cannot be refitted "
                "exactly. Restore it, with the same order of --derivatives."
            )
        if hashes.of(path) != digest:
            raise DerivativesError(
                "was changed since the earlier study, so it cannot be refitted exactly. Restore "
                "it, or decode from scratch.",
                path,
            )


@short_repr
@dataclass(frozen=True, eq=False)
class Check:
    """Errors of a signature in new rated sessions, tested against those of the study.

    Attributes
    ----------
    table : DataFrame
        One row per session: ``session``, ``rated``, ``predicted``, ``error``, and ``p``, the
        conformal p-value of the error under exchangeability of sessions.
    p_drift : float or None
        p-value of larger errors in the new sessions (rank-sum test, one-sided); None where the
        errors of the study are unknown.
    n_study : int
        Number of errors of the study with which these are compared.
    """

    table: pd.DataFrame
    p_drift: float | None
    n_study: int = 0


def check_drift(signature: Signature, runs: Sequence[Run]) -> Check:
    """Compare errors in new rated sessions with those in held-out sessions of the study.

    Raises
    ------
    ValueError
        If a run cannot be scored.
    """
    pairs_of_session: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        pairs_of_session.setdefault(run.session, []).append(_rated_and_predicted(signature, run))
    means = np.array([np.mean(pairs, axis=0) for pairs in pairs_of_session.values()])
    sessions = list(pairs_of_session)
    table = pd.DataFrame({"session": sessions, "rated": means[:, 0], "predicted": means[:, 1]})
    table["error"] = (table["rated"] - table["predicted"]).abs()
    errors = signature.history.errors.get("session") if signature.history else None
    if errors is None:
        return Check(table.assign(p=np.nan), None)
    table["p"] = [p_of_error(float(error), errors) for error in table["error"]]
    study = np.concatenate(list(errors.by_group))
    test = stats.mannwhitneyu(table["error"], study, alternative="greater")
    return Check(table, float(test.pvalue), len(study))


def _rated_and_predicted(signature: Signature, run: Run) -> tuple[float, float]:
    """Mean rating and prediction of a run; of its events, if these were rated."""
    frames = pair_run(signature, run)
    if run.event is None:
        return float(frames.rating.mean()), predict_run(signature, run).run
    final_score = signature.score(0, frames.signals)  # the final model is the first
    return float(frames.rating.mean()), float(final_score.mean())


def recalibrate(signature: Signature, runs: Sequence[Run]) -> tuple[Signature, float, float]:
    """Fit slope and offset to new rated sessions; the pattern of weights is kept.

    Weighted least squares over the means of runs, with equal weight for each session. With one
    session the slope is 1. The new signature has no held-out errors, since none
    are known for it; it keeps the metrics of the study, marked as those of the one before.

    Parameters
    ----------
    runs : sequence of Run
        Rated runs of sessions that were not used in training.

    Returns
    -------
    recalibrated : Signature
    slope, offset : float

    Raises
    ------
    ValueError
        If predictions do not vary, or correlate negatively with the ratings.
    """
    rated, predicted = np.array([_rated_and_predicted(signature, run) for run in runs]).T
    sessions = [run.session for run in runs]
    weight = np.array([1 / sessions.count(session) for session in sessions])
    mean_rated, mean_predicted = (np.average(v, weights=weight) for v in (rated, predicted))
    slope = 1.0
    if len(set(sessions)) >= FEWEST_FOR_SLOPE:
        centred = predicted - mean_predicted
        variance = float(weight @ centred**2)
        if variance <= 0:
            raise ValueError("the predictions of the new sessions do not vary.")
        slope = float(weight @ (centred * (rated - mean_rated))) / variance
        if slope <= 0:
            raise ValueError(
                "in the new sessions, predictions correlate negatively with the ratings (slope "
                f"{slope:.2f}): the signature is not valid for them, and rescaling cannot correct "
                "this."
            )
    offset = float(mean_rated - slope * mean_predicted)
    models = tuple(
        replace(m, intercept=offset + slope * m.intercept, training_mean=m.training_mean)
        for m in signature.models
    )
    levels = signature.history.levels if signature.history else ()
    history = History({}, levels) if signature.history else None
    new = replace(
        signature,
        models=models,
        weights=slope * signature.weights,
        activity=None if signature.activity is None else slope * signature.activity,
        history=history,
        recalibrated=True,
    )
    return new, slope, offset


def _as_read_before(signature: Signature, settings: Settings) -> Settings:
    """Settings in which options that are at their default have the value with which the study read
    its runs."""
    default = Settings()
    known = {
        name: value
        for name, value in signature.origin.options.items()
        if getattr(settings, name) == getattr(default, name)
    }
    return replace(settings, **known)


def _check_range(signature: Signature, runs: Sequence[Run], person: PersonMatch) -> None:
    """Check that sessions lie within the applicability domain; warn about doubtful ones.

    Raises
    ------
    ValueError
        If a session lies outside, unless in connectivity alone, and it may be another person's.
    """
    if signature.domain is None or signature.history is None:
        return
    for session in dict.fromkeys(run.session for run in runs):
        reading = read_session(
            signature, [r for r in runs if r.session == session], of_other_person=person.other
        )
        person.check_range(f"ses-{session}", (reading.verdict, *reading.of_runs))
        verdict = person.judge(reading).verdict
        reasons = "; ".join(verdict.reasons)
        worst = {name for name, word in verdict.by_check.items() if word == DO_NOT_READ}
        allowed = person.may_be_other and worst <= set(CONNECTIVITY)
        if verdict.word == DO_NOT_READ and not allowed:
            raise ValueError(f"ses-{session}: {verdict.word}: {reasons}. Exclude it.")
        if verdict.reasons:
            log.warning("ses-%s: %s: %s", session, verdict.word, reasons)


def recalibrate_from_files(
    path: Path, study: Study, participant: str, *, other_person: bool = False
) -> tuple[Check, float, float]:
    """Check a signature on new rated sessions of a study, and write the recalibrated one.

    Parameters
    ----------
    study : Study
        Its output folder is the new folder, of the signature and of the regional time series that
        are made of dense BOLD.
    other_person : bool
        Whether the sessions may be another person's. The recalibrated signature remains that of
        the person whose pattern it is.

    Raises
    ------
    DerivativesError
        If data cannot be used, a session is not new or another person's, or the folder is not
        empty.
    """
    signature = read_signature(path)
    warn_unless_shown(signature)
    folder = path if path.is_dir() else path.parent
    predecessor = read_predecessor(folder, participant, of_signature=signature.participant)
    person = PersonMatch(signature.participant, participant, other_person)
    try:
        person.check_labels()
    except ValueError as error:
        raise DerivativesError(str(error), path) from error
    if person.note:
        log.warning("%s", person.note)
    check_new(study.out_dir)
    with tempfile.TemporaryDirectory() as regional:
        settings = _as_read_before(signature, study.settings)
        of_new = replace(study, settings=settings, out_dir=Path(regional))
        reader = of_new.reader(of_new.find(participant))
        runs = _usable_runs(signature, reader)
        _check_new_sessions(signature, runs, predecessor, person)
        try:
            _check_range(signature, runs, person)
            check = check_drift(signature, runs)
            new, slope, offset = recalibrate(signature, runs)
        except ValueError as error:
            raise DerivativesError(f"sub-{participant}: {error}") from error
        reader.hashes.check()

        def write(folder: Path) -> None:
            shutil.copytree(regional, folder, dirs_exist_ok=True)
            write_signature(folder, new)
            predecessor.write_history(
                folder,
                other_person=person.may_be_other,
                slope=slope,
                offset=offset,
                sessions=sorted({run.session for run in runs}),
            )

        key = content_key({"recalibrated": predecessor.identity, "slope": slope, "offset": offset})
        write_folder(study.out_dir, key, write, last=DESCRIPTION)
    return check, slope, offset


def _usable_runs(signature: Signature, reader: Reader) -> list[Run]:
    """The rated runs of new sessions that can be used, cleaned as those of the study were.

    Raises
    ------
    DerivativesError
        If the atlas is another one, or there is no such run.
    """
    inventory = reader.inventory
    if inventory.image is not None:
        check_atlas(signature, inventory.image, reader.hashes)
    prepared = prepare_runs(reader.runs(), reader.settings, regions=reader.regions)
    usable = {lags[0].key for lags in prepared.runs}
    if not usable:
        raise DerivativesError(f"sub-{inventory.participant}: no new rated run can be used.")
    return [run for run in reader.runs() if run.key in usable]


def _check_new_sessions(
    signature: Signature, runs: Sequence[Run], predecessor: Predecessor, person: PersonMatch
) -> None:
    """Check that the signature was neither trained nor recalibrated on a session.

    Raises
    ------
    DerivativesError
        Naming the sessions on which it was.
    """
    known = [] if person.other else runs  # another person's sessions may have the same labels
    trained = sorted({run.session for run in known if was_trained_on(signature, run.key)})
    if trained:
        raise DerivativesError(
            f"the signature was trained on ses-{', ses-'.join(trained)}. Name new sessions with "
            "--session-label."
        )
    again = sorted(predecessor.recalibrated_on & {run.session for run in known})
    if again:
        raise DerivativesError(
            f"the signature was recalibrated on ses-{', ses-'.join(again)} before. Name new "
            "sessions with --session-label, or recalibrate the signature that it was made from."
        )
