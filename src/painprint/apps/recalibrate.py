"""Test a signature for drift on new rated sessions of a study, and recalibrate it.

The recalibrated signature is written to a new folder and names its predecessor.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from painprint.apps.new_runs import check_atlas
from painprint.apps.predict import warn_unless_shown
from painprint.apps.reader import Reader
from painprint.apps.study import Study
from painprint.decode.prepare import prepare_runs
from painprint.errors import DerivativesError
from painprint.option_fields import list_changed
from painprint.results.predecessor import Predecessor, read_predecessor
from painprint.runs import Run
from painprint.settings import Settings
from painprint.signature.applicability import CONNECTIVITY, DO_NOT_READ
from painprint.signature.file import DESCRIPTION, read_signature, write_signature
from painprint.signature.model import Signature
from painprint.signature.person import PersonMatch
from painprint.signature.predict import read_session, was_trained_on
from painprint.signature.recalibrate import Check, check_drift, recalibrate
from painprint.store.files import content_key
from painprint.store.staging import check_new, write_folder

log = logging.getLogger("painprint")


def _as_read_before(signature: Signature, settings: Settings) -> Settings:
    """Settings in which options that are at their default have the value with which the study read
    its runs."""
    given = list_changed(settings)
    before = signature.origin.options.items()
    return replace(settings, **{name: value for name, value in before if name not in given})


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
    """The rated runs of new sessions that can be used, cleaned as those of the study were."""
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
    """Check that the signature was neither trained nor recalibrated on a session."""
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
