"""Learning on: refit with new sessions, recalibrate, and ask whether the signature still holds.

Nothing here overwrites an earlier signature: each new one goes to a folder of its own and names
the one it follows.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from painprint.apps.decode import run_participant
from painprint.apps.predict import check_atlas
from painprint.apps.study import Progress, Study
from painprint.bids.runs import files_of
from painprint.bold.extract import NAME as MADE_HERE
from painprint.decode.prepare import prepare_runs
from painprint.files.errors import DerivativesError
from painprint.files.inputs import InputHashes
from painprint.files.tables import read_json
from painprint.results.files import HISTORY, ParticipantFiles
from painprint.results.group import settings_used
from painprint.results.read import Results, find_results, read_results
from painprint.runs import Run, RunKey
from painprint.settings import CLEANING, READ_WITH, Settings
from painprint.signature.applicability import DO_NOT_READ
from painprint.signature.file import hash_signature, read_signature, write_signature
from painprint.signature.model import History, Signature
from painprint.signature.predict import pair_run, predict_run, read_session, was_trained_on
from painprint.stats.conformal import p_of_error
from painprint.store.files import write_json

log = logging.getLogger("painprint")

FEWEST_FOR_SLOPE = 2
"""New sessions; with one, the offset alone is fitted."""


def learn_on(
    study: Study, earlier: Path, participant: str, *, progress: Progress | None = None
) -> None:
    """Decode a participant again with new sessions, exactly as a study of all of them would.

    Bins are made again from the regional time series of the earlier study, which must be there
    unchanged.

    Parameters
    ----------
    study : Study
        Of all sessions, with a new output folder; its settings are replaced by those of the
        earlier study.
    earlier : Path
        Output folder of the earlier study.

    Raises
    ------
    DerivativesError
        If the earlier study is not there, something it read was changed, no session is new, or the
        new folder holds a decoding of the participant.
    """
    before = _results_of(earlier, participant)
    if [files for files in find_results(study.out_dir) if files.participant == participant]:
        raise DerivativesError(
            f"sub-{participant}: {study.out_dir} holds a signature already, and none is ever "
            "overwritten. Name a new folder."
        )
    settings = replace(settings_used(before), session_label=())
    if before.audit.get("dense") and study.settings.atlas:
        settings = replace(settings, atlas=study.settings.atlas)
    study = replace(study, settings=settings)
    inventory = study.find(participant)
    hashes = InputHashes()
    _check_unchanged(before, {file.uri: file.path for file in files_of(inventory)}, hashes)
    left_out = [RunKey(r["session"], r["task"], r["run"]) for r in before.audit["runs_left_out"]]
    new = [run.key for run in inventory.runs if run.key not in {*_used(before), *left_out}]
    if not new:
        raise DerivativesError(
            f"sub-{participant}: every run was in the earlier study; there is nothing to learn."
        )
    log.info("sub-%s: learning on with %s.", participant, ", ".join(map(str, new)))
    run_participant(study, participant, progress=progress, hashes=hashes)
    files = ParticipantFiles.of(study.out_dir, inventory)
    added = [key for key in _used(read_results(files)) if key not in set(_used(before))]
    earlier_one = before.files.decoding("signature", "")
    _follow(files.decoding("signature", ""), earlier_one, added=[str(key) for key in added])


def _used(results: Results) -> list[RunKey]:
    """The runs that a decoding used."""
    rows = results.runs[["session", "task", "run"]].fillna("")
    return [RunKey(*row) for row in rows.itertuples(index=False, name=None)]


def _results_of(out_dir: Path, participant: str) -> Results:
    found = [files for files in find_results(out_dir) if files.participant == participant]
    if not found:
        raise DerivativesError(f"sub-{participant} was not decoded into {out_dir}.")
    return read_results(found[0])


def _check_unchanged(before: Results, paths: dict[str, Path], hashes: InputHashes) -> None:
    """What the earlier study read is there as it was; or the refit would not be exact."""
    for uri, digest in before.provenance["inputs"].items():
        if uri.startswith(f"bids:{MADE_HERE}:"):  # made of the others
            continue
        path = paths.get(uri)
        if path is None or not path.exists():
            raise DerivativesError(
                f"{uri} of the earlier study is not there any more, so it cannot be refitted "
                "exactly. Restore it, with the same order of --derivatives."
            )
        if hashes.of(path) != digest:
            raise DerivativesError(
                "was changed since the earlier study, so it cannot be refitted exactly. Restore "
                "it, or decode from scratch.",
                path,
            )


def _follow(folder: Path, earlier: Path, **said: Any) -> None:
    """Note beside a signature which one it follows, and what that one followed."""
    path = earlier / HISTORY
    chain = read_json(path)["earlier"] if path.is_file() else []
    one = {"sha256": hash_signature(earlier), **said}
    write_json(folder / HISTORY, {"earlier": [*chain, one]})


@dataclass(frozen=True, eq=False)
class Check:
    """Whether a signature still holds in new rated sessions.

    Attributes
    ----------
    table : DataFrame
        A row per session: ``session``, ``rated``, ``predicted``, ``error``, and ``p``: the share of
        sessions with so large an error, were they exchangeable.
    p_drift : float or None
        That errors in new sessions are no larger than they were (rank-sum test, one-sided); None
        where there are no errors of the study.
    """

    table: pd.DataFrame
    p_drift: float | None


def check_drift(signature: Signature, runs: Sequence[Run]) -> Check:
    """Compare errors in new rated sessions with those of the study's held-out sessions.

    Raises
    ------
    ValueError
        If a run cannot be scored.
    """
    rows: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        predicted = predict_run(signature, run).run
        frames = pair_run(signature, run)
        rows.setdefault(run.session, []).append((float(frames.rating.mean()), predicted))
    found = np.array([np.mean(pairs, axis=0) for pairs in rows.values()])
    table = pd.DataFrame({"session": list(rows), "rated": found[:, 0], "predicted": found[:, 1]})
    table["error"] = (table["rated"] - table["predicted"]).abs()
    errors = signature.history.errors.get("session") if signature.history else None
    if errors is None:
        return Check(table.assign(p=np.nan), None)
    table["p"] = [p_of_error(float(error), errors) for error in table["error"]]
    study = np.concatenate(list(errors.by_group))
    test = stats.mannwhitneyu(table["error"], study, alternative="greater")
    return Check(table, float(test.pvalue))


def recalibrate(signature: Signature, runs: Sequence[Run]) -> tuple[Signature, float, float]:
    """Fit slope and offset to new rated sessions; the pattern stays.

    By least squares over the runs' means, each session counting alike. With one session the slope
    stays 1. The new signature has no held-out errors, for none of its own are known.

    Parameters
    ----------
    runs : sequence of Run
        Rated, of sessions that the signature has not seen.

    Returns
    -------
    recalibrated : Signature
    slope, offset : float

    Raises
    ------
    ValueError
        If predictions do not vary, or go against the ratings.
    """
    rated = np.array([float(pair_run(signature, run).rating.mean()) for run in runs])
    predicted = np.array([predict_run(signature, run).run for run in runs])
    sessions = [run.session for run in runs]
    weight = np.array([1 / sessions.count(session) for session in sessions])
    mean_rated, mean_predicted = (np.average(v, weights=weight) for v in (rated, predicted))
    slope = 1.0
    if len(set(sessions)) >= FEWEST_FOR_SLOPE:
        centred = predicted - mean_predicted
        spread = float(weight @ centred**2)
        if spread <= 0:
            raise ValueError("the predictions of the new sessions do not vary.")
        slope = float(weight @ (centred * (rated - mean_rated))) / spread
        if slope <= 0:
            raise ValueError(
                f"in the new sessions predictions go against the ratings (slope {slope:.2f}): "
                "the signature does not hold, and a new scale would not mend it."
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
    )
    return new, slope, offset


def _as_read_before(signature: Signature, settings: Settings) -> Settings:
    """Settings with how the study read its runs, where nothing else is given."""
    default, origin = Settings(), signature.origin
    noted = {**origin.get("read_with", {}), **(origin.get("dense") or {})}
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in noted.items()
        if name in (*READ_WITH, *CLEANING) and getattr(settings, name) == getattr(default, name)
    }
    return replace(settings, **known)


def _check_range(signature: Signature, runs: Sequence[Run]) -> None:
    """Sessions that should not be read teach nothing.

    Raises
    ------
    ValueError
        If there is one.
    """
    if signature.domain is None or signature.history is None:
        return
    for session in dict.fromkeys(run.session for run in runs):
        verdict = read_session(signature, [r for r in runs if r.session == session]).verdict
        why = "; ".join(verdict.reasons)
        if verdict.word == DO_NOT_READ:
            raise ValueError(f"ses-{session}: {verdict.word}: {why}. Leave it out.")
        if verdict.reasons:
            log.warning("ses-%s: %s: %s", session, verdict.word, why)


def recalibrate_from_files(
    path: Path, study: Study, participant: str, out_dir: Path
) -> tuple[Check, float, float]:
    """Check a signature on new rated sessions of a study, and write the recalibrated one.

    Raises
    ------
    DerivativesError
        If something cannot be used, a session is not new, or the folder is not empty.
    """
    signature = read_signature(path)
    study = replace(study, settings=_as_read_before(signature, study.settings))
    if out_dir.exists() and any(out_dir.iterdir()):
        raise DerivativesError(f"{out_dir} is not empty, and nothing is ever overwritten.")
    inventory = study.find(participant)
    reader = study.reader(inventory)
    if inventory.image is not None:
        check_atlas(signature, inventory.image, reader.hashes)
    prepared = prepare_runs(reader.runs(), study.settings, regions=reader.regions)
    usable = {lags[0].key for lags in prepared.runs}
    runs = [run for run in reader.runs() if run.key in usable]
    seen = sorted({run.session for run in runs if was_trained_on(signature, run.key)})
    if seen:
        raise DerivativesError(
            f"the signature was trained on ses-{', ses-'.join(seen)}. Name new sessions with "
            "--session-label."
        )
    if not runs:
        raise DerivativesError(f"sub-{participant}: no new rated run can be used.")
    try:
        _check_range(signature, runs)
        check = check_drift(signature, runs)
        new, slope, offset = recalibrate(signature, runs)
    except ValueError as error:
        raise DerivativesError(f"sub-{participant}: {error}") from error
    reader.hashes.check()
    write_signature(out_dir, new)
    earlier = path if path.is_dir() else path.parent
    _follow(
        out_dir, earlier, slope=slope, offset=offset, sessions=sorted({r.session for r in runs})
    )
    return check, slope, offset
